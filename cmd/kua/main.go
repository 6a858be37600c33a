// Command kua is the whole of Kuä: the witness's, the node's, the desk's and
// the reader's commands. This package alone reads flags, environment and
// config, writes to the terminal and exits; everything below takes what it
// needs as arguments.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"kua/internal/fault"
	"kua/internal/locale"
	"kua/internal/media"
	"kua/internal/page"
	"kua/web"
)

// version is set by the linker.
var version = "development"

func main() { os.Exit(run()) }

// run does the command and gives the exit code: 0 done, 1 failed, 2 wrongly
// called; what judges a copy has codes of its own (verify.Result).
func run() int {
	if len(os.Args) > 1 && os.Args[1] == media.BoxCommand {
		return media.RunBoxed(os.Args[2:])
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	a, err := newApp(os.Stdin, os.Stdout, os.Stderr, os.Getenv)
	if err != nil {
		fmt.Fprintln(os.Stderr, "kua: error:", err)
		return 1
	}
	return a.run(ctx, os.Args[1:])
}

// app is one run of the program: where it reads and writes, and in which
// language it speaks.
type app struct {
	in       io.Reader
	out, err io.Writer
	env      func(string) string
	cat      *locale.Catalogue
	lang     locale.Tag
	code     int  // what verify found
	began    bool // a command was called rightly
}

func newApp(in io.Reader, out, errOut io.Writer, env func(string) string) (*app, error) {
	lang := language(env)
	cat, err := locale.Load(web.Locales())
	if err != nil {
		return nil, fmt.Errorf("load the languages: %w", err)
	}
	return &app{in: in, out: out, err: errOut, env: env, cat: cat, lang: lang}, nil
}

// language is what KUA_LANG, LC_ALL, LC_MESSAGES or LANG asks for, else English.
func language(env func(string) string) locale.Tag {
	for _, name := range []string{"KUA_LANG", "LC_ALL", "LC_MESSAGES", "LANG"} {
		value := env(name)
		for _, cut := range []int{len(value), 7, 2} {
			if tag, ok := locale.Parse(value[:min(cut, len(value))]); ok {
				return tag
			}
		}
		if value != "" {
			break
		}
	}
	return locale.English
}

func (a *app) t(key string, args ...any) string { return a.cat.T(a.lang, key, args...) }

// say prints one translated line.
func (a *app) say(key string, args ...any) { fmt.Fprintln(a.out, a.t(key, args...)) }

func (a *app) run(ctx context.Context, args []string) int {
	root := a.root()
	root.SetArgs(args)
	if c, err := root.ExecuteContextC(ctx); err != nil {
		if _, isFault := fault.Of(err); !a.began && !isFault {
			err = usageError{err} // before any command began: a name or a flag is wrong
		}
		code := max(a.fail(err), a.code)
		if _, ok := c.Annotations[judges]; ok {
			code = unchecked
		}
		return code
	}
	return a.code
}

// The exit code of a command that judges a copy is its verdict. What could not be
// checked, because nobody answered or the command was wrong, is told apart from all
// of them.
const (
	judges    = "judges"
	unchecked = 4
)

// usageError is a command wrongly called, as cobra words it.
type usageError struct{ error }

// fail tells what went wrong and what to do next.
func (a *app) fail(err error) int {
	err = ofFile(err)
	var u usageError
	if errors.As(err, &u) {
		fmt.Fprintln(a.err, "kua: error:", u.error)
		fmt.Fprintln(a.err, "kua: hint:", a.t("cli.see_help"))
		return 2
	}
	fmt.Fprintln(a.err, "kua: error:", a.words(err))
	if _, hint := page.Fault(a.cat, a.lang, err); hint != "" {
		fmt.Fprintln(a.err, "kua: hint:", plainLine(hint))
	}
	if a.env("KUA_DEBUG") != "" {
		fmt.Fprintln(a.err, "kua: cause:", plainLine(err.Error()))
	}
	return 1
}

// words tells an error in the user's language, as one line that commands no
// terminal: it may name a file that a stranger named. One without a fault is told
// as it is.
func (a *app) words(err error) string {
	err = ofFile(err)
	if f, ok := fault.Of(err); ok && a.cat.Has(f.Key) {
		message, _ := page.Fault(a.cat, a.lang, err)
		return plainLine(message)
	}
	return plainLine(err.Error())
}
