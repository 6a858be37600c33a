package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"kua/internal/fault"
	"kua/internal/media"
	"kua/internal/witness"
)

// takeoutDir begins the name of the folder that holds clean copies while they
// are sealed.
const takeoutDir = ".kua-take-out-"

// lookFlags is the witness's own look at the files before they are sealed.
type lookFlags struct {
	look, takeOut, yes bool
}

func (f *lookFlags) add(a *app, c *cobra.Command) {
	c.Flags().BoolVar(&f.look, "look", false, a.t("cli.flag.look"))
	c.Flags().BoolVar(&f.takeOut, "take-out", false, a.t("cli.flag.take_out"))
	c.Flags().BoolVar(&f.yes, "yes", false, a.t("cli.flag.yes"))
}

// attached gives the files that are to be sealed into a file beside, after the
// person has seen what they tell and said yes, and a function that removes what
// was made for it. Nothing has left the machine before.
func (a *app) attached(c *cobra.Command, f *lookFlags, files []string, beside string) ([]witness.File, func(), error) {
	none := func() {}
	if len(files) == 0 || !f.look && !f.takeOut {
		return witness.Files(files...), none, nil
	}
	self, err := os.Executable()
	if err != nil {
		return nil, none, fmt.Errorf("find this program: %w", err)
	}
	m := &media.Runner{Self: self}
	if f.look {
		if err := a.lookAt(c.Context(), m, files); err != nil {
			return nil, none, err
		}
	}
	if !f.takeOut {
		return witness.Files(files...), none, a.agreed(c.Context(), f.yes, "cli.look.ask")
	}
	a.say("cli.take_out.less")
	if err := a.agreed(c.Context(), f.yes, "cli.take_out.ask"); err != nil {
		return nil, none, err
	}
	return a.takeOut(c, m, files, beside)
}

// lookAt tells what the files give away. One that cannot be read is said so.
func (a *app) lookAt(ctx context.Context, m *media.Runner, files []string) error {
	for _, name := range files {
		sheet, err := tracesOf(ctx, m, name)
		if f, ok := fault.Of(err); err != nil && (ctx.Err() != nil || ok && f.Kind == fault.KindMissing) {
			return err
		}
		a.sayTraces(name, sheet, err)
	}
	a.say("cli.look.blind")
	return nil
}

// agreed asks a question that only y answers with yes. Where nobody can be
// asked, it is no unless --yes was given.
func (a *app) agreed(ctx context.Context, yes bool, question string) error {
	if yes {
		return nil
	}
	if f, ok := a.in.(*os.File); !ok || !term.IsTerminal(int(f.Fd())) {
		return fault.Invalid("cli.look.nobody")
	}
	answered := make(chan string, 1)
	go func() {
		answer, _ := a.ask(question) // what cannot be read is no yes
		answered <- strings.ToLower(answer)
	}()
	select {
	case answer := <-answered:
		if answer == "y" || answer == "yes" {
			return nil
		}
	case <-ctx.Done():
	}
	return fault.Invalid("cli.look.stopped")
}

// takeOut makes clean copies, as "kua clean" does, in a private folder on the
// disk of the file beside, and has the gate search them for what the originals
// told. If one copy fails, none is given.
func (a *app) takeOut(c *cobra.Command, m *media.Runner, files []string, beside string) ([]witness.File, func(), error) {
	none := func() {}
	if err := media.Check(); err != nil {
		return nil, none, err
	}
	dir, err := os.MkdirTemp(filepath.Dir(beside), takeoutDir)
	if err != nil {
		return nil, none, fmt.Errorf("make room for the clean copies: %w", err)
	}
	remove := func() {
		if err := os.RemoveAll(dir); err != nil {
			a.warn("cli.take_out.remains", err)
		}
	}
	var all []witness.File
	for i, name := range files {
		made, err := a.cleanCopy(c, m, name, filepath.Join(dir, fmt.Sprint(i+1)), i+1)
		if err != nil {
			remove()
			if c.Context().Err() != nil {
				return nil, none, fault.Invalid("cli.look.stopped").Because(err)
			}
			return nil, none, fault.Invalid("cli.take_out.cannot", name).Because(err)
		}
		all = append(all, made...)
	}
	return all, remove, nil
}

// cleanCopy makes what is sealed in place of the nth file: one file, or of a
// document one for each page.
func (a *app) cleanCopy(c *cobra.Command, m *media.Runner, name, dir string, n int) ([]witness.File, error) {
	in, err := openInput(name)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, err
	}
	show, finish := a.share("clean.progress")
	got, err := m.Clean(c.Context(), in, media.Cleaning{}, dir, func(done, total time.Duration) { show(int64(done), int64(total)) })
	finish()
	if err != nil {
		return nil, err
	}
	if got.Sheet.Format == "" { // the gate would not know what to look for
		return nil, fault.Invalid("trace.unknown")
	}
	needles, err := needlesIn(in, name, got.Sheet)
	if err != nil {
		return nil, err
	}
	var all []witness.File
	for i, r := range got.Made {
		ext := filepath.Ext(r.Path)
		copied, err := openInput(r.Path)
		if err != nil {
			return nil, err
		}
		report, err := m.Gate(c.Context(), copied, mediaTypes[ext], needles)
		if closed := copied.Close(); err == nil {
			err = closed
		}
		if err != nil {
			return nil, err
		}
		if !report.Clean() {
			a.sayGate(fmt.Sprintf("%s (%d)", name, i+1), report, true)
			return nil, fault.Invalid("cli.take_out.shines")
		}
		called := fmt.Sprintf("file-%d%s", n, ext)
		if len(got.Made) > 1 {
			called = fmt.Sprintf("file-%d-%d%s", n, i+1, ext)
		}
		all = append(all, witness.File{Path: r.Path, Name: called, Cleaned: true})
		a.say("cli.take_out.made", called, name)
	}
	return all, nil
}

// untilHungUp also ends a command's work when its terminal is closed, so that
// clean copies are removed then too; with nohup it goes on.
func untilHungUp(c *cobra.Command) (stop func()) {
	if signal.Ignored(syscall.SIGHUP) {
		return func() {}
	}
	ctx, stop := signal.NotifyContext(c.Context(), syscall.SIGHUP)
	c.SetContext(ctx)
	return stop
}
