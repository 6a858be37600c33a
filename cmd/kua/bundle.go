package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"kua/internal/bundle"
	"kua/internal/mirror"
	"kua/internal/verify"
)

func (a *app) bundleCommand() *cobra.Command {
	c := a.command("bundle", "cli.bundle", `
  kua bundle write copy /media/stick
  kua bundle show /media/stick
  kua bundle merge edition /media/stick /media/another
  kua mirror pull copy --from edition`)
	c.AddCommand(a.bundleWrite(), a.bundleMerge(), a.bundleShow(), a.bundleVerify())
	return c
}

func (a *app) bundleWrite() *cobra.Command {
	var size, profile string
	var parity int
	var opts bundle.Options
	var asJSON bool
	c := a.command("write EDITION OUT", "cli.bundle.write", `
  kua bundle write copy /media/stick
  kua bundle write copy out --size 7MB --profile text
  kua bundle write copy out --records 17,20-24 --size 0.25MB
  kua bundle write copy /media/stick --since theirs/log/checkpoint`)
	c.Flags().StringVar(&size, "size", "19MB", a.t("cli.flag.bundle_size"))
	c.Flags().IntVar(&parity, "parity", 30, a.t("cli.flag.bundle_parity"))
	c.Flags().StringVar(&profile, "profile", string(mirror.All), a.t("cli.flag.mirror_profile", strings.Join(mirror.Profiles(), ", ")))
	c.Flags().StringVar(&opts.Records, "records", "", a.t("cli.flag.bundle_records"))
	c.Flags().StringVar(&opts.Since, "since", "", a.t("cli.flag.bundle_since"))
	c.Flags().BoolVar(&asJSON, "json", false, a.t("cli.flag.json"))
	c.Args = exactly(2)
	c.RunE = func(c *cobra.Command, args []string) (err error) {
		if opts.PartBytes, err = readBytes(size); err != nil {
			return err
		}
		if opts.Profile, opts.Parity = mirror.Profile(profile), parity; parity == 0 {
			opts.Parity = -1
		}
		bar, finish := a.bar("cli.bundle.write.progress")
		opts.Progress = bar
		w, err := bundle.Write(c.Context(), args[0], args[1], opts)
		finish()
		if err != nil {
			return ofFile(err)
		}
		if asJSON {
			return printJSON(a.out, w)
		}
		if w.Held > 0 {
			a.say("cli.bundle.resumed", w.Held)
		}
		a.say("cli.bundle.written", w.Set.Edition, len(w.Parts), w.Bytes, w.Set.Parity, w.ID[:8])
		if w.Absent > 0 {
			a.say("cli.bundle.absent", w.Absent)
		}
		return nil
	}
	return c
}

func (a *app) bundleMerge() *cobra.Command {
	var opts bundle.MergeOptions
	var asJSON bool
	c := a.command("merge DIR PART…", "cli.bundle.merge", `
  kua bundle merge edition /media/stick
  kua bundle merge edition hers/ his/ 3fa9c10b-00004.zip --charter 3fa9c1…`)
	c.Flags().StringVar(&opts.Pinned, "charter", "", a.t("cli.flag.charter"))
	c.Flags().BoolVar(&asJSON, "json", false, a.t("cli.flag.json"))
	c.Args = atLeast(2)
	c.RunE = func(c *cobra.Command, args []string) error {
		shelf, err := bundle.Gather(c.Context(), args[1:]...)
		if err != nil {
			return ofFile(err)
		}
		bar, finish := a.bar("cli.bundle.merge.progress")
		opts.Progress = bar
		m, err := bundle.Merge(c.Context(), args[0], shelf, opts)
		finish()
		if m.Lost > 0 {
			a.code = verify.Corrupt.ExitCode()
		}
		if asJSON && err == nil {
			return printJSON(a.out, m)
		}
		a.sayBundleAside(m.Aside)
		if err == nil {
			a.sayMerged(args[0], m)
		}
		return ofFile(err)
	}
	return c
}

func (a *app) sayMerged(dir string, m bundle.Merged) {
	a.say("cli.bundle.merged", m.Edition, dir, m.Files, m.Bytes, m.Held)
	if m.Rebuilt > 0 {
		a.say("cli.bundle.rebuilt", m.Rebuilt)
	}
	if m.Lost > 0 {
		a.say("cli.bundle.lost", m.Lost, m.Wanted)
	}
	for _, n := range m.Others {
		a.say("cli.bundle.others", n)
	}
	if !m.Pinned {
		a.say("cli.mirror.first", m.Charter)
	}
	a.say("cli.bundle.next", dir)
}

// sayBundleAside names what was not taken. Names and arguments are a stranger's.
func (a *app) sayBundleAside(aside []bundle.Aside) {
	for _, s := range aside {
		fmt.Fprintln(a.out, plainLine(a.t("cli.mirror.aside", s.File, a.t(s.Key, s.Args...))))
	}
}

func (a *app) bundleShow() *cobra.Command {
	var asJSON bool
	c := a.command("show PART…", "cli.bundle.show", "\n  kua bundle show /media/stick")
	c.Flags().BoolVar(&asJSON, "json", false, a.t("cli.flag.json"))
	c.Args = atLeast(1)
	c.RunE = func(c *cobra.Command, args []string) error {
		shelf, err := bundle.Gather(c.Context(), args...)
		if err != nil {
			return ofFile(err)
		}
		if asJSON {
			return printJSON(a.out, shelf)
		}
		for _, s := range shelf.Sets {
			a.saySet(s.ID, s.Set, len(s.Have()), s.Whole(), s.Missing())
		}
		a.sayBundleAside(shelf.Aside)
		a.say("cli.bundle.claim")
		return nil
	}
	return c
}

func (a *app) saySet(id string, s bundle.Set, have int, whole bool, missing []int) {
	a.say("cli.bundle.set", id[:8], s.Edition, s.Profile, have, s.Shards(), s.Data)
	if s.Records != "" {
		a.say("cli.bundle.set.records", s.Records)
	}
	if s.Since != "" {
		a.say("cli.bundle.set.since", s.Since)
	}
	if whole {
		a.say("cli.bundle.set.whole")
	} else {
		a.say("cli.bundle.set.missing", bundle.Ranges(missing))
	}
}

func (a *app) bundleVerify() *cobra.Command {
	var asJSON bool
	c := a.command("verify PART…", "cli.bundle.verify", "\n  kua bundle verify /media/stick")
	c.Flags().BoolVar(&asJSON, "json", false, a.t("cli.flag.json"))
	c.Args = atLeast(1)
	c.RunE = func(c *cobra.Command, args []string) error {
		shelf, err := bundle.Gather(c.Context(), args...)
		if err != nil {
			return ofFile(err)
		}
		bar, finish := a.bar("cli.bundle.verify.progress")
		sets, err := shelf.Test(c.Context(), bar)
		finish()
		if err != nil {
			return ofFile(err)
		}
		if len(sets) == 0 {
			a.code = verify.Corrupt.ExitCode()
		}
		for _, s := range sets {
			if !s.Whole {
				a.code = verify.Corrupt.ExitCode()
			}
			if !asJSON {
				a.saySet(s.ID, s.Set, s.Good, s.Whole, s.Missing)
			}
		}
		if asJSON {
			return printJSON(a.out, struct {
				Sets  []bundle.Tested `json:"sets"`
				Aside []bundle.Aside  `json:"aside,omitempty"`
			}{sets, shelf.Aside})
		}
		a.sayBundleAside(shelf.Aside)
		return nil
	}
	return c
}
