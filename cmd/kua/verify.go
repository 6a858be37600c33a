package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"kua/internal/fault"
	"kua/internal/verify"
)

func (a *app) verifyCommand() *cobra.Command {
	var opts verify.Options
	var against string
	var asJSON, forget bool
	c := a.command("verify URL|DIR|FILE", "cli.verify", `
  kua verify https://kua.example.org
  kua verify https://kua.example.org/en/r/0001/000123.html
  kua verify /media/stick/edition --charter 3fa9c1…
  kua verify 000123.html --charter 3fa9c1…
  kua verify film-240p.mp4 --against https://kua.example.org --json`)
	c.Annotations = map[string]string{judges: ""}
	c.Flags().StringVar(&opts.Pinned, "charter", "", a.t("cli.flag.charter"))
	c.Flags().StringVar(&against, "against", "", a.t("cli.flag.against"))
	c.Flags().StringVar(&opts.State, "state", a.stateDir(), a.t("cli.flag.state"))
	c.Flags().BoolVar(&forget, "no-state", false, a.t("cli.flag.no_state"))
	c.Flags().BoolVar(&asJSON, "json", false, a.t("cli.flag.json"))
	road := a.proxyFlag(c)
	c.Args = exactly(1)
	c.RunE = func(c *cobra.Command, args []string) (err error) {
		if opts.HTTP, err = road(); err != nil {
			return err
		}
		if forget {
			opts.State = ""
		}
		bar, finish := a.bar("cli.verify.progress")
		opts.Progress = func(p verify.Progress) { bar(p.Bytes, p.OfBytes) }
		file, single := singleFile(args[0])
		var report verify.Report
		if single {
			report, err = a.verifySingle(c.Context(), file, args[0], against, opts)
		} else {
			report, err = verify.Target(c.Context(), args[0], against, opts)
		}
		finish()
		if err != nil {
			return unreached(err)
		}
		a.code = report.Result.ExitCode()
		if asJSON {
			return printJSON(a.out, report)
		}
		a.sayReport(report)
		if single {
			a.saySingle(report, against)
		}
		return nil
	}
	return c
}

// unreached names the server that did not answer, unless the road to it has something to
// say, such as that Tor does not run, or the command was stopped.
func unreached(err error) error {
	var call *url.Error
	if !errors.As(err, &call) || errors.Is(err, context.Canceled) {
		return err
	}
	if f, ok := fault.Of(call.Err); ok {
		return f
	}
	server := call.URL
	if u, err := url.Parse(call.URL); err == nil {
		server = u.Scheme + "://" + u.Host
	}
	return fault.Later("nodeapi.unreachable", server).Because(err)
}

// stateDir is where verify remembers what it saw, so that a copy that goes back
// in time is noticed.
func (a *app) stateDir() string {
	base := a.env("XDG_STATE_HOME")
	if base == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return ""
		}
		base = filepath.Join(home, ".local", "state")
	}
	return filepath.Join(base, "kua", "verify")
}

// collective gives the name of one whose charter anybody may have written: nothing in it
// acts on a terminal, or begins a line that looks like one of ours.
func (a *app) collective(name map[string]string) string {
	words, _ := a.lang.Text(name)
	return plainLine(words)
}

func (a *app) sayReport(r verify.Report) {
	name := a.collective(r.Name)
	a.say("cli.verify.result."+string(r.Result), r.Subject)
	if r.Charter != "" {
		a.say("cli.verify.charter", name, r.Charter)
	}
	switch {
	case r.Pinned:
		a.say("cli.verify.pinned")
	case r.FirstContact:
		a.say("cli.verify.first_contact")
	}
	if r.Edition > 0 {
		a.say("cli.verify.edition", r.Edition, r.Made, a.t("cli.verify.freshness."+string(r.Freshness)), r.Records)
	}
	if r.Log.Size > 0 {
		a.say("cli.verify.log", plainLine(r.Log.Origin), r.Log.Size, r.Log.Root)
		a.say("cli.verify.log.key", plainLine(r.Log.Key))
	}
	for i, s := range r.Stamps { // those of the first edition and of the newest that has some
		if s.Edition == r.Stamps[0].Edition || s.Edition == r.Stamps[len(r.Stamps)-1].Edition {
			a.say("cli.verify.stamp", s.Edition, s.Size, s.NotLater, plainLine(s.Root), s.RootSHA256)
		} else if i > 0 && r.Stamps[i-1].Edition == r.Stamps[0].Edition {
			fmt.Fprintln(a.out, "…")
		}
	}
	if n := r.Rotated; n != nil {
		a.say("cli.verify.rotated", n.Charter, n.Size)
		if n.Void > 0 {
			a.say("cli.verify.rotated.void", n.Void)
			a.say("cli.verify.log.key", plainLine(n.OldKey))
		}
		if n.Unchecked {
			a.say("cli.verify.rotated.unchecked")
		}
	}
	a.say("cli.verify.files", r.Files, r.Bytes)
	if r.NotKept > 0 {
		a.say("cli.mirror.not_kept", r.NotKept)
	}
	for _, f := range r.Findings {
		args := make([]any, len(f.Args))
		for i, arg := range f.Args {
			args[i] = arg
		}
		fmt.Fprintln(a.out, plainLine(fmt.Sprintf("  %s  %s: %s", f.Kind, f.Path, a.t(f.Key, args...))))
	}
	for _, e := range r.Evidence {
		a.say("cli.verify.evidence", e)
	}
}
