package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"kua/internal/fault"
	"kua/internal/mirror"
	"kua/internal/verify"
)

func (a *app) mirrorCommand() *cobra.Command {
	c := a.command("mirror", "cli.mirror", `
  kua mirror pull copy --from https://kua.example.org --from https://mirror.example.net
  kua mirror verify copy
  kua mirror status copy
  kua mirror serve copy --addr :8080
  kua mirror watch copy --every 6h
  kua mirror push copy sftp://www@host.example.net/htdocs`)
	c.AddCommand(a.mirrorPull(), a.mirrorVerify(), a.mirrorStatus(), a.mirrorServe(), a.mirrorWatch(), a.mirrorPush(), a.mirrorEvidence())
	return c
}

// pullFlags say from where and how much to pull.
type pullFlags struct {
	from            []string
	pinned, profile string
	budget          string
	window          time.Duration
	drip            bool
	proxy           string
	stall           time.Duration
}

func (f *pullFlags) add(a *app, c *cobra.Command) {
	c.Flags().StringArrayVar(&f.from, "from", nil, a.t("cli.flag.mirror_from"))
	c.Flags().StringVar(&f.pinned, "charter", "", a.t("cli.flag.charter"))
	c.Flags().StringVar(&f.profile, "profile", "", a.t("cli.flag.mirror_profile", strings.Join(mirror.Profiles(), ", ")))
	c.Flags().StringVar(&f.budget, "budget", "", a.t("cli.flag.mirror_budget"))
	c.Flags().DurationVar(&f.window, "window", 0, a.t("cli.flag.mirror_window"))
	c.Flags().BoolVar(&f.drip, "drip", false, a.t("cli.flag.mirror_drip"))
	c.Flags().StringVar(&f.proxy, "proxy", "", a.t("cli.flag.mirror_proxy"))
	c.Flags().DurationVar(&f.stall, "stall", mirror.Stall, a.t("cli.flag.mirror_stall"))
}

// options opens the sources, those of the last pull where none is named. close
// lets go of them.
func (f *pullFlags) options(ctx context.Context, a *app, dir string) (opts mirror.Options, close func(), err error) {
	budget, err := readBytes(f.budget)
	if err != nil {
		return opts, nil, err
	}
	web := &mirror.Web{Proxy: f.proxy, Drip: f.drip, Stall: f.stall}
	opts = mirror.Options{Names: f.from, Pinned: f.pinned, Profile: mirror.Profile(f.profile), Budget: budget, Window: f.window, Wire: web.Wire}
	if len(opts.Names) == 0 {
		if opts.Names, err = rememberedSources(dir); err != nil {
			return opts, nil, err
		}
	}
	close = func() {
		for _, s := range opts.Sources {
			if c, ok := s.(io.Closer); ok {
				_ = c.Close() // nothing was written
			}
		}
	}
	for _, name := range opts.Names {
		s, err := a.mirrorSource(ctx, name, web)
		if ft, ok := fault.Of(err); ok && ft.Kind == fault.KindNotFound && len(opts.Names) > 1 {
			a.warn("cli.mirror.absent", name, err) // a stick that is not in, a bucket that is not there
			continue
		}
		if err != nil {
			close()
			return opts, nil, err
		}
		opts.Sources = append(opts.Sources, s)
	}
	return opts, close, nil
}

func rememberedSources(dir string) ([]string, error) {
	m, err := mirror.Look(dir)
	if err != nil {
		return nil, err
	}
	return m.Sources(), m.Close()
}

// mirrorSource opens what a person names as a source.
func (a *app) mirrorSource(ctx context.Context, name string, web *mirror.Web) (mirror.Source, error) {
	scheme, _, ok := strings.Cut(name, "://")
	switch {
	case !ok:
		return mirror.Dir(strings.TrimPrefix(name, "dir:"))
	case scheme == "http", scheme == "https":
		return web.HTTP(name)
	case scheme == "s3", scheme == "s3+http":
		t, err := a.bucketTree(ctx, name, web)
		if err != nil {
			return nil, err
		}
		return web.Patient(t), nil
	}
	return nil, fault.Invalid("mirror.source", name)
}

// readBytes reads an amount such as 50MB or 300k: decimal, and "" is none.
func readBytes(s string) (int64, error) {
	if s == "" {
		return 0, nil
	}
	digits := strings.TrimRight(strings.ToLower(s), "kmgb")
	units := map[string]float64{"": 1, "b": 1, "k": 1e3, "kb": 1e3, "m": 1e6, "mb": 1e6, "g": 1e9, "gb": 1e9}
	unit, ok := units[strings.ToLower(s)[len(digits):]]
	n, err := strconv.ParseFloat(strings.TrimSpace(digits), 64)
	if !ok || err != nil || !(n*unit >= 1 && n*unit < 1e15) {
		return 0, fault.Invalid("mirror.budget", s)
	}
	return int64(n * unit), nil
}

func (a *app) mirrorPull() *cobra.Command {
	var f pullFlags
	var check, asJSON bool
	c := a.command("pull DIR", "cli.mirror.pull", `
  kua mirror pull copy --from https://kua.example.org --charter 3fa9c1…
  kua mirror pull copy --from /media/stick/edition --from http://….onion --proxy socks5h://127.0.0.1:9050
  kua mirror pull copy --profile text --budget 50MB --window 3h
  kua mirror pull copy --drip
  kua mirror pull copy --check`)
	f.add(a, c)
	c.Flags().BoolVar(&check, "check", false, a.t("cli.flag.mirror_check"))
	c.Flags().BoolVar(&asJSON, "json", false, a.t("cli.flag.json"))
	c.Args = exactly(1)
	c.RunE = func(c *cobra.Command, args []string) error {
		opts, close, err := f.options(c.Context(), a, args[0])
		if err != nil {
			return err
		}
		defer close()
		opts.Check = check
		r, err := a.pullOnce(c.Context(), args[0], opts)
		if f, ok := fault.Of(err); ok && f.Key == "mirror.fork" {
			a.code = verify.Fork.ExitCode()
		}
		if asJSON && err == nil {
			return printJSON(a.out, r)
		}
		if err == nil || len(r.Aside)+len(r.Evidence) > 0 {
			a.sayPull(r)
		}
		return err
	}
	return c
}

func (a *app) pullOnce(ctx context.Context, dir string, opts mirror.Options) (r mirror.Result, err error) {
	m, err := mirror.Open(dir, true)
	if err != nil {
		return r, err
	}
	defer func() {
		if closed := m.Close(); err == nil {
			err = closed
		}
	}()
	bar, finish := a.bar("cli.mirror.pull.progress")
	defer finish()
	opts.Progress = func(p mirror.Progress) { bar(p.Bytes, p.OfBytes) }
	return m.Pull(ctx, opts)
}

func (a *app) sayPull(r mirror.Result) {
	if r.Outcome != "" {
		a.say("cli.mirror.outcome."+string(r.Outcome), r.Edition, r.Newest)
		a.say("cli.mirror.cost", r.Objects, r.Bytes, r.Wire)
	}
	if r.Ended {
		a.say("cli.mirror.ended")
	}
	a.sayLeft(r.Left)
	if r.Log.Size > 0 {
		a.say("cli.verify.log", plainLine(r.Log.Origin), r.Log.Size, r.Log.Root)
	}
	if r.First && !r.Pinned && r.Charter != "" {
		a.say("cli.mirror.first", r.Charter)
	}
	a.sayAside(r.Aside)
	for _, s := range r.Behind {
		a.say("cli.mirror.behind", s)
	}
	for _, s := range r.NoRanges {
		a.say("cli.mirror.no_ranges", s)
	}
	for _, e := range r.Evidence {
		a.say("cli.verify.evidence", e)
	}
}

func (a *app) sayAside(aside []mirror.Aside) {
	for _, s := range aside {
		args := make([]any, len(s.Args))
		for i, arg := range s.Args {
			args[i] = arg
		}
		fmt.Fprintln(a.out, plainLine(a.t("cli.mirror.aside", s.Source, a.t(s.Key, args...))))
	}
}

func (a *app) sayLeft(left map[mirror.Why]map[string]mirror.Amount) {
	for _, why := range slices.Sorted(maps.Keys(left)) {
		for _, class := range slices.Sorted(maps.Keys(left[why])) {
			l := left[why][class]
			a.say("cli.mirror.left."+string(why), a.t("cli.mirror.class."+class), l.Files, l.Bytes)
		}
	}
}

func (a *app) mirrorVerify() *cobra.Command {
	var opts verify.Options
	var asJSON, forget bool
	c := a.command("verify DIR", "cli.mirror.verify", `
  kua mirror verify copy
  kua mirror verify /media/stick/copy --charter 3fa9c1… --json`)
	c.Annotations = map[string]string{judges: ""}
	c.Flags().StringVar(&opts.Pinned, "charter", "", a.t("cli.flag.charter"))
	c.Flags().StringVar(&opts.State, "state", a.stateDir(), a.t("cli.flag.state"))
	c.Flags().BoolVar(&forget, "no-state", false, a.t("cli.flag.no_state"))
	c.Flags().BoolVar(&asJSON, "json", false, a.t("cli.flag.json"))
	c.Args = exactly(1)
	c.RunE = func(c *cobra.Command, args []string) (err error) {
		if forget {
			opts.State = ""
		}
		m, err := mirror.Look(args[0])
		if err != nil {
			return err
		}
		defer m.Close()
		bar, finish := a.bar("cli.verify.progress")
		opts.Progress = func(p verify.Progress) { bar(p.Bytes, p.OfBytes) }
		r, err := m.Verify(c.Context(), opts)
		finish()
		if err != nil {
			return err
		}
		a.code = r.Result.ExitCode()
		if asJSON {
			return printJSON(a.out, r)
		}
		a.sayReport(r)
		if r.Result == verify.Corrupt {
			a.say("cli.mirror.mend", args[0])
		}
		return nil
	}
	return c
}

func (a *app) mirrorStatus() *cobra.Command {
	var asJSON bool
	c := a.command("status DIR", "cli.mirror.status", "\n  kua mirror status copy")
	c.Flags().BoolVar(&asJSON, "json", false, a.t("cli.flag.json"))
	c.Args = exactly(1)
	c.RunE = func(_ *cobra.Command, args []string) error {
		m, err := mirror.Look(args[0])
		if err != nil {
			return err
		}
		defer m.Close()
		s, err := m.Status(verify.Options{Now: time.Now()})
		if err != nil {
			return err
		}
		if asJSON {
			return printJSON(a.out, s)
		}
		a.sayMirror(s)
		return nil
	}
	return c
}

func (a *app) sayMirror(s mirror.Status) {
	if s.Edition == 0 {
		a.say("cli.mirror.status.empty", s.Dir)
	} else {
		name := a.collective(s.Name)
		a.say("cli.verify.charter", name, s.Charter)
		a.say("cli.verify.edition", s.Edition, s.Made, a.t("cli.verify.freshness."+string(s.Freshness)), s.Records)
		a.say("cli.mirror.status.whole", s.Profile, s.Text.Files, s.Text.Bytes, s.Media.Files, s.Media.Bytes)
	}
	a.sayLeft(s.Left)
	if s.Log.Size > 0 {
		a.say("cli.verify.log", plainLine(s.Log.Origin), s.Log.Size, s.Log.Root)
		a.say("cli.mirror.compare")
	}
	if s.Pulled != "" {
		a.say("cli.mirror.status.pulled", s.Pulled, strings.Join(s.Sources, ", "))
	}
	a.sayAside(s.Aside)
	for _, e := range s.Evidence {
		a.say("cli.verify.evidence", e)
	}
}

func (a *app) mirrorEvidence() *cobra.Command {
	var pinned string
	var asJSON bool
	c := a.command("evidence FILE", "cli.mirror.evidence", "\n  kua mirror evidence copy/.kua-mirror/evidence/fork-3fa9c10b2244aa01.json --charter 3fa9c1…")
	c.Flags().StringVar(&pinned, "charter", "", a.t("cli.flag.charter"))
	c.Flags().BoolVar(&asJSON, "json", false, a.t("cli.flag.json"))
	c.Args = exactly(1)
	c.RunE = func(_ *cobra.Command, args []string) error {
		j, err := mirror.Judge(args[0], pinned)
		if err != nil {
			return err
		}
		if asJSON {
			return printJSON(a.out, j)
		}
		a.sayEvidence(j)
		return nil
	}
	return c
}

// sayEvidence says what a file of evidence shows. Nobody signed its day and its sources.
func (a *app) sayEvidence(j mirror.Judged) {
	a.say("cli.mirror.evidence."+j.What, plainLine(j.Day), plainLine(strings.Join(j.Sources, ", ")))
	for i, l := range []mirror.Log{j.Old, j.New} {
		if l.Origin == "" { // there is no such note
			continue
		}
		a.say("cli.verify.log", plainLine(l.Origin), l.Size, l.Root)
		a.say("cli.verify.log.key", plainLine([]string{j.OldKey, j.NewKey}[i]))
	}
	a.say("cli.mirror.evidence.charter", j.Charter)
}
