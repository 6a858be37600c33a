package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"kua/internal/canon"
	"kua/internal/durable"
	"kua/internal/edition"
	"kua/internal/fault"
	"kua/internal/record"
	"kua/internal/tlog"
	"kua/internal/watch"
)

func (a *app) watchCommand() *cobra.Command {
	c := a.command("watch", "cli.watch", `
  kua watch add copies --record 000123 --mirror https://mirror.example.net --edition edition/
  kua watch add copies --record 000123 --kind telegram --url https://t.me/s/example/45 --words 000123
  kua watch look copies --edition edition/
  kua watch take copies from-a-friend.jsonl --as south
  kua watch status copies
  kua watch timeline copies --out timeline.json`)
	c.AddCommand(a.watchAdd(), a.watchLook(), a.watchTake(), a.watchStatus(), a.watchTimeline())
	return c
}

func (a *app) watchAdd() *cobra.Command {
	var n watch.Copy
	var mirror, from string
	c := a.command("add DIR", "cli.watch.add", `
  kua watch add copies --record 000123 --mirror https://mirror.example.net --edition edition/
  kua watch add copies --record 000123 --kind vk --url https://vk.com/wall-1_2 --words 000123`)
	c.Flags().StringVar(&n.Record, "record", "", a.t("cli.flag.watch_record"))
	c.Flags().StringVar(&n.Kind, "kind", "page", a.t("cli.flag.watch_kind"))
	c.Flags().StringVar(&n.URL, "url", "", a.t("cli.flag.watch_url"))
	c.Flags().StringArrayVar(&n.Words, "words", nil, a.t("cli.flag.watch_words"))
	c.Flags().StringVar(&mirror, "mirror", "", a.t("cli.flag.watch_mirror"))
	c.Flags().StringVar(&from, "edition", "", a.t("cli.flag.watch_edition"))
	_ = c.MarkFlagRequired("record")
	c.Args = exactly(1)
	c.RunE = func(_ *cobra.Command, args []string) error {
		if mirror != "" {
			n.Kind, n.URL, n.Words = "mirror", mirror, nil
			if err := expect(&n, from); err != nil {
				return err
			}
		}
		copies, err := watch.ReadCopies(args[0])
		if f, ok := fault.Of(err); err != nil && (!ok || f.Key != "watch.no_copies") {
			return err
		}
		b, err := watch.CopiesBytes(append(copies, n))
		if err == nil {
			_, err = watch.ParseCopies(b)
		}
		if err == nil {
			err = durable.MakeDirs(args[0], 0o700)
		}
		if err == nil {
			err = durable.WriteFile(filepath.Join(args[0], watch.ListFile), b, 0o600)
		}
		if err == nil {
			a.say("cli.watch.added", n.URL, n.Record, len(copies)+1)
		}
		return err
	}
	return c
}

// expect fills in what a mirror should have of a record: its newest document.
func expect(n *watch.Copy, from string) error {
	if from == "" {
		return fault.Invalid("watch.needs_edition")
	}
	for version := 1; ; version++ {
		path := record.Path(n.Record, version)
		if edition.CheckPath(path) != nil {
			return fault.Invalid("watch.record", n.Record)
		}
		doc, err := os.ReadFile(filepath.Join(from, filepath.FromSlash(path)))
		if errors.Is(err, fs.ErrNotExist) && version > 1 {
			return nil
		}
		if err != nil {
			return fault.NotFound("watch.no_record", n.Record, from).Because(err)
		}
		n.Path, n.SHA256, n.Size = path, canon.Hash(doc), int64(len(doc))
	}
}

// probeFlags say from where somebody looks, as far as they choose to.
type probeFlags struct {
	place watch.Place
	from  string
}

func (f *probeFlags) add(a *app, c *cobra.Command) {
	f.place = watch.Hidden("here")
	c.Flags().StringVar(&f.place.Country, "country", f.place.Country, a.t("cli.flag.probe_country"))
	c.Flags().StringVar(&f.place.Network, "network", f.place.Network, a.t("cli.flag.probe_network"))
	c.Flags().StringVar(&f.from, "edition", "", a.t("cli.flag.watch_edition"))
}

// look looks at every copy, one after the other and in no order that can be
// foretold: nobody on the way sees all names at once.
func (f *probeFlags) look(ctx context.Context, a *app, copies []watch.Copy) ([]watch.Observation, error) {
	if err := f.place.Validate(); err != nil {
		return nil, err
	}
	p := &watch.Probe{Place: f.place}
	if key := a.env("KUA_YOUTUBE_KEY"); key != "" {
		p.YouTube = &watch.YouTube{Key: key}
	}
	if f.from != "" {
		var err error
		if p.Mirror, err = knownLog(f.from); err != nil {
			return nil, err
		}
	}
	var all []watch.Observation
	for _, i := range rand.Perm(len(copies)) {
		o, err := p.Look(ctx, copies[i])
		if err != nil {
			return all, err
		}
		all = append(all, o)
		a.say("cli.probe.line", o.Record, o.URL, a.t("watch.result."+o.Result), o.Phase)
	}
	return all, nil
}

// knownLog reads the log of an edition in a folder.
func knownLog(dir string) (*watch.Mirror, error) {
	chain, err := readCharter(dir)
	if err != nil {
		return nil, err
	}
	ch, err := chain.Verify("")
	if err != nil {
		return nil, err
	}
	fetch := func(_ context.Context, path string) ([]byte, error) {
		return os.ReadFile(filepath.Join(dir, edition.LogDir, filepath.FromSlash(path)))
	}
	raw, err := fetch(context.Background(), tlog.CheckpointPath)
	if err != nil {
		return nil, fmt.Errorf("read the log of %s: %w", dir, err)
	}
	cp, err := edition.LogKeys(ch).Parse(raw)
	return &watch.Mirror{Chain: chain, Newest: cp, Fetch: fetch}, err
}

func (a *app) probeCommand() *cobra.Command {
	var flags probeFlags
	var out, ooni string
	c := a.command("probe COPIES", "cli.probe", `
  kua probe copies.json --out seen.jsonl
  kua probe copies.json --out seen.jsonl --ooni seen-ooni.jsonl --country KZ --network AS9198`)
	flags.add(a, c)
	c.Flags().StringVar(&out, "out", "", a.t("cli.flag.probe_out"))
	c.Flags().StringVar(&ooni, "ooni", "", a.t("cli.flag.probe_ooni"))
	c.Args = exactly(1)
	c.RunE = func(c *cobra.Command, args []string) error {
		b, err := os.ReadFile(args[0])
		if err != nil {
			return fault.NotFound("watch.no_copies", args[0]).Because(err)
		}
		copies, err := watch.ParseCopies(b)
		if err != nil {
			return err
		}
		seen, err := flags.look(c.Context(), a, copies)
		if err != nil {
			return err
		}
		a.say("cli.probe.kept")
		if out != "" {
			if b, err = watch.Lines(seen); err == nil {
				err = durable.WriteFile(out, b, 0o600)
			}
		}
		if err == nil && ooni != "" {
			if b, err = watch.OONI(seen, version); err == nil {
				err = durable.WriteFile(ooni, b, 0o600)
			}
		}
		return err
	}
	return c
}

func (a *app) watchLook() *cobra.Command {
	var flags probeFlags
	c := a.command("look DIR", "cli.watch.look", "\n  kua watch look copies --edition edition/")
	flags.add(a, c)
	c.Args = exactly(1)
	c.RunE = func(c *cobra.Command, args []string) error {
		copies, err := watch.ReadCopies(args[0])
		if err != nil {
			return err
		}
		d, err := watch.OpenDiary(args[0])
		if err != nil {
			return err
		}
		seen, looked := flags.look(c.Context(), a, copies)
		added, err := d.Add(seen...)
		if err == nil {
			a.say("cli.watch.noted", added)
		}
		return errors.Join(looked, err)
	}
	return c
}

func (a *app) watchTake() *cobra.Command {
	var as string
	c := a.command("take DIR FILE", "cli.watch.take", "\n  kua watch take copies from-a-friend.jsonl --as south")
	c.Flags().StringVar(&as, "as", "", a.t("cli.flag.watch_as"))
	_ = c.MarkFlagRequired("as")
	c.Args = exactly(2)
	c.RunE = func(_ *cobra.Command, args []string) error {
		if as == "here" {
			return fault.Invalid("watch.place", as, "", "")
		}
		b, err := os.ReadFile(args[1])
		if err != nil {
			return fault.NotFound("watch.no_file", args[1]).Because(err)
		}
		seen, err := watch.ParseObservations(b)
		if err != nil {
			return err
		}
		for i := range seen {
			seen[i].Place.Name = as // a stranger's file does not speak for another place
		}
		d, err := watch.OpenDiary(args[0])
		if err != nil {
			return err
		}
		added, err := d.Add(seen...)
		if err == nil {
			a.say("cli.watch.noted", added)
		}
		return err
	}
	return c
}

func (a *app) watchStatus() *cobra.Command {
	var asJSON bool
	c := a.command("status DIR", "cli.watch.status", "\n  kua watch status copies")
	c.Flags().BoolVar(&asJSON, "json", false, a.t("cli.flag.json"))
	c.Args = exactly(1)
	c.RunE = func(_ *cobra.Command, args []string) error {
		states, _, _, err := watch.Read(args[0])
		if err != nil {
			return err
		}
		if asJSON {
			e := json.NewEncoder(a.out)
			e.SetIndent("", "  ")
			return e.Encode(states)
		}
		for _, s := range states {
			a.say("cli.watch.state", s.Record, s.Kind, s.URL, a.stateWords(s), s.Since)
			if !s.Alarm() {
				continue
			}
			if still := watch.StillAt(states, s.Record); len(still) > 0 {
				a.say("cli.watch.still", still[0].URL)
			}
			a.say("cli.watch.again", s.Record)
		}
		return nil
	}
	return c
}

// stateWords says a result with what is known besides.
func (a *app) stateWords(s watch.State) string {
	words := a.t("watch.result." + s.Result)
	switch {
	case s.Result == watch.Blocked && s.Phase == watch.Freeze:
		words = fmt.Sprintf("%s (%s@%d)", words, s.Phase, s.Bytes)
	case s.Result == watch.Blocked:
		words = fmt.Sprintf("%s (%s)", words, s.Phase)
	case s.Reason != "":
		words = fmt.Sprintf("%s (%s)", words, s.Reason)
	case s.Result == watch.Removed:
		words = fmt.Sprintf("%s (%s)", words, a.t("watch.no_reason"))
	}
	return words
}

func (a *app) watchTimeline() *cobra.Command {
	var out string
	c := a.command("timeline DIR", "cli.watch.timeline", "\n  kua watch timeline copies --out timeline.json")
	c.Flags().StringVar(&out, "out", "", a.t("cli.flag.watch_out"))
	_ = c.MarkFlagRequired("out")
	c.Args = exactly(1)
	c.RunE = func(_ *cobra.Command, args []string) error {
		states, events, head, err := watch.Read(args[0])
		if err != nil {
			return err
		}
		b, err := watch.Timeline(states, events, head).Bytes()
		if err != nil {
			return err
		}
		if err := durable.WriteFile(out, b, 0o644); err != nil {
			return err
		}
		a.say("cli.watch.written", out, len(events))
		return nil
	}
	return c
}
