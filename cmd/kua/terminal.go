package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"kua/internal/fault"
	"kua/internal/keyring"
)

// passphraseEnv lets a script give a passphrase; a person types it.
const passphraseEnv = "KUA_PASSPHRASE"

// passphrase asks for the passphrase of name's key. It comes from a file named
// by the flag --passphrase-file, from KUA_PASSPHRASE, or from the terminal.
func (a *app) passphrase(name, file string) (string, error) {
	if file != "" {
		b, err := os.ReadFile(file)
		if err != nil {
			return "", fmt.Errorf("read the passphrase: %w", err)
		}
		return strings.TrimRight(string(b), "\r\n"), nil
	}
	if p := a.env(passphraseEnv); p != "" {
		return p, nil
	}
	return a.secret("cli.passphrase", name)
}

// newPassphrase asks twice, so that a slip of the finger locks nobody out.
func (a *app) newPassphrase(name, file string) (string, error) {
	if file != "" || a.env(passphraseEnv) != "" {
		return a.passphrase(name, file)
	}
	return a.twice(name)
}

// twice asks for a new passphrase, and for the same again.
func (a *app) twice(name string) (string, error) {
	first, err := a.secret("cli.passphrase.new", name)
	if err != nil {
		return "", err
	}
	if len([]rune(first)) < keyring.MinPassphrase {
		return "", fault.Invalid("keyring.passphrase_short", keyring.MinPassphrase)
	}
	second, err := a.secret("cli.passphrase.again", name)
	if err != nil {
		return "", err
	}
	if first != second {
		return "", fault.Invalid("cli.passphrase.differ")
	}
	return first, nil
}

func (a *app) secret(key string, args ...any) (string, error) {
	f, ok := a.in.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return "", fault.Invalid("cli.passphrase.none", passphraseEnv)
	}
	fmt.Fprint(a.err, a.t(key, args...)+" ")
	b, err := term.ReadPassword(int(f.Fd()))
	fmt.Fprintln(a.err)
	return string(b), err
}

// ask reads one line; text is what the question says.
func (a *app) ask(key string, args ...any) (string, error) {
	fmt.Fprint(a.err, a.t(key, args...)+" ")
	line, err := bufio.NewReader(oneByte{a.in}).ReadString('\n')
	if err == io.EOF && line != "" {
		err = nil
	}
	return strings.TrimSpace(line), err
}

// oneByte keeps a buffered reader from swallowing the next question's answer.
type oneByte struct{ r io.Reader }

func (o oneByte) Read(p []byte) (int, error) { return o.r.Read(p[:min(1, len(p))]) }

// isTerminal reports whether a person reads what is written there.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// bar shows progress in bytes with the time left. On anything but a terminal it
// stays silent: a script reads the last line alone.
func (a *app) bar(key string, args ...any) (progress func(done, total int64), finish func()) {
	return a.progress(true, a.t(key, args...))
}

// share is bar for what is not counted in bytes: it shows which part is done.
func (a *app) share(key string, args ...any) (progress func(done, total int64), finish func()) {
	return a.progress(false, a.t(key, args...))
}

func (a *app) progress(bytes bool, words string) (progress func(done, total int64), finish func()) {
	if !isTerminal(a.err) {
		return func(int64, int64) {}, func() {}
	}
	var b *progressbar.ProgressBar
	return func(done, total int64) {
			if b == nil {
				b = progressbar.NewOptions64(total,
					progressbar.OptionSetWriter(a.err), progressbar.OptionSetDescription(words),
					progressbar.OptionShowBytes(bytes), progressbar.OptionSetPredictTime(true),
					progressbar.OptionThrottle(200*time.Millisecond), progressbar.OptionFullWidth())
			}
			if b.GetMax64() != total { // another step of the same work, or more was found
				b.ChangeMax64(total)
			}
			_ = b.Set64(done)
		}, func() {
			if b != nil {
				_ = b.Finish()
				fmt.Fprintln(a.err)
			}
		}
}
