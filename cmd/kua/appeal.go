package main

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"kua/internal/appeal"
	"kua/internal/appeal/letter"
	"kua/internal/datafile"
	"kua/internal/durable"
	"kua/internal/fault"
	"kua/internal/locale"
)

func (a *app) appealCommand() *cobra.Command {
	c := a.command("appeal", "cli.appeal", `
  kua appeal sample case.yaml
  kua appeal steps case.yaml
  kua appeal letter case.yaml -o letters
  kua appeal letter case.yaml -o letters --kind superior --lang ru`)
	c.AddCommand(a.appealSample(), a.appealLetter(), a.appealSteps())
	return c
}

func (a *app) appealSample() *cobra.Command {
	c := a.command("sample FILE", "cli.appeal.sample", "\n  kua appeal sample case.yaml")
	c.Args = exactly(1)
	c.RunE = func(_ *cobra.Command, args []string) error {
		if err := writeFresh(args[0], letter.Sample()); err != nil {
			return err
		}
		a.say("cli.appeal.sampled", args[0])
		return nil
	}
	return c
}

// writeFresh writes a file that only its owner can read and that was not there.
func writeFresh(path string, content []byte) error {
	if _, err := os.Lstat(path); err == nil {
		return fault.Conflict("cli.appeal.exists", path)
	}
	if err := durable.WriteFile(path, content, 0o600); err != nil {
		return fault.Invalid("cli.appeal.no_folder", filepath.Dir(path)).Because(err)
	}
	return nil
}

// readCase reads a case file, and the law and road of its country: the law of the
// directory that is asked about, or the one that comes with the program.
func (a *app) readCase(cmd *cobra.Command, path string, f *askFlags) (c letter.Case, b letter.Basis, err error) {
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() || info.Size() > datafile.MaxBytes {
		return c, b, fault.NotFound("cli.appeal.no_file", path)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return c, b, fault.NotFound("cli.appeal.no_file", path).Because(err)
	}
	var problems datafile.Problems
	c, _ = letter.Read(filepath.Base(path), text, &problems)
	if n := problems.Errors(); n > 0 {
		a.sayProblems(problems)
		return c, b, fault.Invalid("cli.appeal.wrong", path, n)
	}
	book, err := f.book(a, cmd)
	if err != nil {
		return c, b, err
	}
	b, err = letter.Under(book, c.Country)
	return c, b, err
}

func (a *app) appealLetter() *cobra.Command {
	var out, lang, kind string
	var f askFlags
	c := a.command("letter FILE", "cli.appeal.letter", `
  kua appeal letter case.yaml -o letters
  kua appeal letter case.yaml -o letters --kind reminder --lang ru
  kua appeal letter case.yaml -o letters --kind court --on 2026-12-28
  kua appeal letter case.yaml -o letters --data /var/lib/kua`)
	c.Flags().StringVarP(&out, "out", "o", "", a.t("cli.flag.letter_out"))
	c.Flags().StringVar(&lang, "lang", "", a.t("cli.flag.letter_lang"))
	c.Flags().StringVar(&kind, "kind", string(appeal.First), a.t("cli.flag.letter_kind", joined(appeal.StepKinds)))
	f.add(a, c, "on", "dir", "node")
	_ = c.MarkFlagRequired("out") // fails only for a flag that is not there
	_ = c.MarkFlagDirname("out")
	complete(c, "lang", strings.Fields(joined(locale.Tags()))...)
	complete(c, "kind", strings.Fields(joined(appeal.StepKinds))...)
	c.Args = exactly(1)
	c.RunE = func(c *cobra.Command, args []string) error {
		day, err := f.day()
		if err != nil {
			return err
		}
		file, basis, err := a.readCase(c, args[0], &f)
		if err != nil {
			return err
		}
		in, err := languageOf(file, lang)
		if err != nil {
			return err
		}
		l, err := letter.Make(a.cat, file, basis, appeal.StepKind(kind), in, day)
		if err != nil {
			return err
		}
		return a.writeLetter(out, l)
	}
	return c
}

// languageOf is the language of a letter: the flag's or, without it, the file's.
func languageOf(c letter.Case, flag string) (locale.Tag, error) {
	name := cmp.Or(flag, string(c.Language))
	if name == "" {
		return "", fault.Invalid("cli.appeal.no_language")
	}
	tag, known := locale.Parse(name)
	if !known {
		return "", fault.Invalid("letter.language", name)
	}
	return tag, nil
}

// writeLetter writes text, PDF and notes beside each other, or none of them.
func (a *app) writeLetter(dir string, l letter.Letter) error {
	pdf, err := l.PDF()
	if err != nil {
		return err
	}
	var notes strings.Builder
	for _, n := range l.Notes {
		fmt.Fprintln(&notes, a.t("cli.authority.item", plainLine(a.cat.Say(a.lang, n))))
	}
	stem := filepath.Join(dir, fmt.Sprintf("%s.%s", l.Kind, l.Lang))
	files := []struct {
		path    string
		content []byte
	}{{stem + ".txt", []byte(l.Text())}, {stem + ".pdf", pdf}, {stem + ".notes.txt", []byte(notes.String())}}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fault.Invalid("cli.appeal.no_folder", dir).Because(err)
	}
	for _, f := range files {
		if _, err := os.Lstat(f.path); err == nil {
			return fault.Conflict("cli.appeal.exists", f.path)
		}
	}
	for _, f := range files {
		if err := writeFresh(f.path, f.content); err != nil {
			return err
		}
		a.say("cli.appeal.wrote", f.path)
	}
	a.say("cli.appeal.know")
	fmt.Fprint(a.out, notes.String())
	return nil
}

// stepJSON is what --json says of a step.
type stepJSON struct {
	Kind       appeal.StepKind   `json:"kind"`
	Open       bool              `json:"open"`
	By         appeal.When       `json:"by,omitempty"`
	Until      appeal.Day        `json:"until,omitempty"`
	Confidence appeal.Confidence `json:"confidence"`
	Source     *appeal.Source    `json:"source,omitempty"`
	Why        []saidJSON        `json:"why"`
	Doubts     []saidJSON        `json:"doubts"`
}

func (a *app) appealSteps() *cobra.Command {
	var f askFlags
	c := a.command("steps FILE", "cli.appeal.steps", `
  kua appeal steps case.yaml
  kua appeal steps case.yaml --on 2026-12-28 --json
  kua appeal steps case.yaml --data /var/lib/kua`)
	f.add(a, c, "on", "dir", "json", "node")
	c.Args = exactly(1)
	c.RunE = func(c *cobra.Command, args []string) error {
		day, err := f.day()
		if err != nil {
			return err
		}
		file, basis, err := a.readCase(c, args[0], &f)
		if err != nil {
			return err
		}
		steps, _, err := file.Steps(basis, day)
		if err != nil {
			return err
		}
		if f.json {
			out := []stepJSON{}
			for _, s := range steps {
				one := stepJSON{s.Step.Kind, s.Open, s.By, "", s.Step.Confidence, s.Step.Source, a.saidJSON(s.Why), a.saidJSON(s.Doubts)}
				if s.Until != nil {
					one.Until = s.Until.Day
				}
				out = append(out, one)
			}
			return printJSON(a.out, out)
		}
		for _, s := range steps {
			a.sayStep(s)
		}
		return nil
	}
	return c
}

func (a *app) sayStep(s appeal.Possible) {
	key := "cli.appeal.shut"
	if s.Open {
		key = "cli.appeal.open"
	}
	a.say(key, a.t("letter.title."+string(s.Step.Kind)), s.Step.Kind)
	a.sayAll("cli.authority.because", s.Why)
	if src := s.Step.Source; src != nil {
		a.say("cli.appeal.source")
		words := src.Act.In(a.lang)
		if src.Article != "" {
			words = a.t("letter.cite", words, src.Article)
		}
		a.say("cli.authority.item", plainLine(strings.Join(append([]string{words}, src.Seen...), "; ")))
	} else {
		a.say("cli.appeal.no_source")
	}
	if note := s.Step.Note.In(a.lang); note != "" {
		a.say("cli.authority.note", plainLine(note))
	}
	a.sayAll("cli.authority.doubts", s.Doubts)
}

// isStep reports a kind of letter.
func isStep(s string) bool { return slices.Contains(appeal.StepKinds, appeal.StepKind(s)) }
