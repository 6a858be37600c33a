package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"kua/internal/appeal"
	"kua/internal/authority"
	"kua/internal/datafile"
	"kua/internal/durable"
	"kua/internal/fault"
	"kua/internal/lane"
	"kua/internal/locale"
)

// laneFlags say where an open lane keeps what it has.
type laneFlags struct{ data, db string }

func (f *laneFlags) add(a *app, c *cobra.Command) {
	c.Flags().StringVar(&f.data, "data", "kua-node", a.t("cli.flag.lane_data"))
	c.Flags().StringVar(&f.db, "db", "", a.t("cli.flag.lane_db"))
	_ = c.MarkFlagDirname("data") // only names a completion
}

func (f *laneFlags) open(c *cobra.Command) (*lane.Lane, error) {
	if f.db == "" {
		if info, err := os.Stat(f.data); err != nil || !info.IsDir() {
			return nil, fault.NotFound("cli.authority.no_data", f.data)
		}
		if err := ownFolder(f.data); err != nil {
			return nil, err
		}
	}
	return lane.Open(c.Context(), lane.Config{Dir: f.data, URL: f.db})
}

func (a *app) authorityCommand() *cobra.Command {
	c := a.command("authority", "cli.authority", `
  kua authority sample ulgi
  kua authority check ulgi
  kua authority route ulgi --category manhole --at 45.05,65.15
  kua authority import ulgi --data /var/lib/kua
  kua authority due --country kz --kind answer --registered 2026-11-28`)
	c.AddCommand(a.authoritySample(), a.authorityCheck(), a.authorityImport(), a.authorityExport(), a.authorityVersions(), a.authorityRoute(), a.authorityDue(), a.authorityRenew(), a.authorityAccount())
	return c
}

// readFolder reads a directory's folder; what is no folder is said.
func readFolder(dir string, on appeal.Day) (authority.Directory, datafile.Problems, error) {
	info, err := os.Stat(dir)
	if err != nil || !info.IsDir() {
		return authority.Directory{}, nil, fault.NotFound("cli.authority.no_folder", dir)
	}
	d, problems := authority.Read(os.DirFS(dir), on)
	return d, problems, nil
}

func (a *app) authoritySample() *cobra.Command {
	c := a.command("sample DIR", "cli.authority.sample", "\n  kua authority sample ulgi")
	c.Args = exactly(1)
	c.RunE = func(_ *cobra.Command, args []string) error {
		var problems datafile.Problems
		files := datafile.Folder(authority.Sample(), &problems)
		if err := problems.Err(); err != nil {
			return err
		}
		if err := writeFolder(args[0], files); err != nil {
			return err
		}
		a.say("cli.authority.sampled", len(files), args[0])
		return nil
	}
	return c
}

func (a *app) authorityCheck() *cobra.Command {
	var f askFlags
	c := a.command("check DIR", "cli.authority.check", `
  kua authority check ulgi
  kua authority check ulgi --on 2027-01-01 --json`)
	f.add(a, c, "on", "json")
	c.Args = exactly(1)
	c.RunE = func(_ *cobra.Command, args []string) error {
		day, err := f.day()
		if err != nil {
			return err
		}
		d, problems, err := readFolder(args[0], day)
		if err != nil {
			return err
		}
		if problems.Errors() > 0 {
			a.code = 1
		}
		if f.json {
			return printJSON(a.out, a.problemsJSON(problems))
		}
		a.sayProblems(problems)
		if a.code == 0 {
			a.say("cli.authority.checked", len(d.Areas), len(d.Authorities), len(d.Categories), len(d.Mandates), len(problems))
		}
		return nil
	}
	return c
}

// sayProblems prints problems as compilers do, so that an editor finds the line.
func (a *app) sayProblems(problems datafile.Problems) {
	for _, p := range problems {
		key := "cli.authority.problem"
		if p.Warning {
			key = "cli.authority.warning"
		}
		where := p.File
		if p.Line > 0 {
			where = fmt.Sprintf("%s:%d", p.File, p.Line)
		}
		fmt.Fprintln(a.out, a.t(key, plainLine(where), plainLine(a.cat.Say(a.lang, p.What))))
	}
}

// saidJSON is a sentence with its key, for programs.
type saidJSON struct {
	File    string `json:"file,omitempty"`
	Line    int    `json:"line,omitempty"`
	Warning bool   `json:"warning,omitempty"`
	Key     string `json:"key"`
	Text    string `json:"text"`
}

type checkJSON struct {
	Errors   int        `json:"errors"`
	Problems []saidJSON `json:"problems"`
}

func (a *app) problemsJSON(problems datafile.Problems) checkJSON {
	out := checkJSON{Errors: problems.Errors(), Problems: []saidJSON{}}
	for _, p := range problems {
		out.Problems = append(out.Problems, saidJSON{p.File, p.Line, p.Warning, p.What.Key, a.cat.Say(a.lang, p.What)})
	}
	return out
}

func (a *app) saidJSON(said []locale.Sentence) []saidJSON {
	out := []saidJSON{}
	for _, s := range said {
		out = append(out, saidJSON{Key: s.Key, Text: a.cat.Say(a.lang, s)})
	}
	return out
}

func (a *app) authorityImport() *cobra.Command {
	var f laneFlags
	c := a.command("import DIR", "cli.authority.import", `
  kua authority import ulgi --data /var/lib/kua`)
	f.add(a, c)
	c.Args = exactly(1)
	c.RunE = func(c *cobra.Command, args []string) (err error) {
		if info, err := os.Stat(args[0]); err != nil || !info.IsDir() {
			return fault.NotFound("cli.authority.no_folder", args[0])
		}
		l, err := f.open(c)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, l.Close()) }()
		v, fresh, problems, err := l.Import(c.Context(), os.DirFS(args[0]))
		a.sayProblems(problems)
		if err != nil {
			return err
		}
		if fresh {
			a.say("cli.authority.imported", v.Place, v.Number, v.Digest)
		} else {
			a.say("cli.authority.unchanged", v.Place, v.Number, v.Day)
		}
		return nil
	}
	return c
}

func (a *app) authorityExport() *cobra.Command {
	var f laneFlags
	var version int64
	c := a.command("export DIR", "cli.authority.export", `
  kua authority export --data /var/lib/kua ulgi-now
  kua authority export --data /var/lib/kua --version 3 ulgi-3`)
	f.add(a, c)
	c.Flags().Int64Var(&version, "version", 0, a.t("cli.flag.directory_version"))
	c.Args = exactly(1)
	c.RunE = func(c *cobra.Command, args []string) (err error) {
		l, err := f.open(c)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, l.Close()) }()
		v, files, err := l.Export(c.Context(), version)
		if err != nil {
			return err
		}
		if err := writeFolder(args[0], files); err != nil {
			return err
		}
		a.say("cli.authority.exported", v.Place, v.Number, v.Day, args[0])
		return nil
	}
	return c
}

// writeFolder writes files into a folder that is new or empty: nothing that is
// there is mixed with them or overwritten.
func writeFolder(dir string, files datafile.Files) error {
	there, err := os.ReadDir(dir)
	if len(there) > 0 || err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fault.Conflict("cli.authority.not_empty", dir)
	}
	for _, name := range files.Names() {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := durable.WriteFile(path, files[name], 0o644); err != nil {
			return err
		}
	}
	return nil
}

func (a *app) authorityVersions() *cobra.Command {
	var f laneFlags
	var asJSON bool
	c := a.command("versions", "cli.authority.versions", `
  kua authority versions --data /var/lib/kua`)
	f.add(a, c)
	c.Flags().BoolVar(&asJSON, "json", false, a.t("cli.flag.json"))
	c.Args = exactly(0)
	c.RunE = func(c *cobra.Command, _ []string) (err error) {
		l, err := f.open(c)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, l.Close()) }()
		const most = 1000
		all, err := l.Versions(c.Context(), 0, most)
		if err != nil {
			return err
		}
		if asJSON {
			return printJSON(a.out, all)
		}
		if len(all) == 0 {
			a.say("cli.authority.none")
		}
		for _, v := range all {
			a.say("cli.authority.version", v.Number, v.Day, v.Place, v.Digest)
		}
		return nil
	}
	return c
}
