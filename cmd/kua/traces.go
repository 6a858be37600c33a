package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"unicode"

	"github.com/spf13/cobra"

	"kua/internal/desk"
	"kua/internal/fault"
	"kua/internal/media"
	"kua/internal/page"
	"kua/internal/trace"
)

// tracedFile is what --json says of one file.
type tracedFile struct {
	File  string       `json:"file"`
	Sheet *trace.Sheet `json:"sheet,omitempty"`
	Error string       `json:"error,omitempty"`
}

// Exit codes of "kua traces".
const (
	tracesNothing    = 0 // no file tells anything
	tracesSomething  = 1 // some file tells something
	tracesUnreadable = 2 // some file could not be read
)

func (a *app) tracesCommand() *cobra.Command {
	var asJSON bool
	c := a.command("traces FILE…", "cli.traces", `
  kua traces IMG_1234.jpg
  kua traces --json *.mp4 report.pdf`)
	c.Flags().BoolVar(&asJSON, "json", false, a.t("cli.flag.json"))
	c.Args = atLeast(1)
	c.RunE = func(c *cobra.Command, args []string) error {
		self, err := os.Executable()
		if err != nil {
			return fmt.Errorf("find this program: %w", err)
		}
		m := &media.Runner{Self: self}
		var all []tracedFile
		for _, name := range args {
			sheet, err := tracesOf(c.Context(), m, name)
			if f, ok := fault.Of(err); err != nil && (c.Context().Err() != nil || ok && f.Kind == fault.KindMissing) {
				return err
			}
			a.code = max(a.code, tracesCode(sheet, err))
			if asJSON {
				t := tracedFile{File: name, Sheet: &sheet}
				if err != nil {
					t.Sheet, t.Error = nil, a.words(err)
				}
				all = append(all, t)
				continue
			}
			a.sayTraces(name, sheet, err)
		}
		if asJSON {
			return printJSON(a.out, all)
		}
		return nil
	}
	return c
}

func tracesCode(s trace.Sheet, err error) int {
	switch {
	case err != nil:
		return tracesUnreadable
	case s.Tells():
		return tracesSomething
	case len(s.Gaps) > 0: // what was not read may tell anything
		return tracesUnreadable
	}
	return tracesNothing
}

func tracesOf(ctx context.Context, m *media.Runner, name string) (trace.Sheet, error) {
	in, err := openInput(name)
	if err != nil {
		return trace.Sheet{}, ofFile(err)
	}
	defer in.Close()
	return m.Trace(ctx, in)
}

// sayTraces tells a sheet to a person: what leads to somebody first.
func (a *app) sayTraces(name string, s trace.Sheet, err error) {
	fmt.Fprintln(a.out, plainLine(name))
	if err != nil {
		a.warn("cli.traces.unreadable", err)
		if _, hint := page.Fault(a.cat, a.lang, err); hint != "" {
			fmt.Fprintln(a.err, "kua: hint:", hint)
		}
		return
	}
	if !s.Tells() {
		a.say("cli.traces.nothing")
	}
	for _, kind := range trace.Kinds {
		said := false
		for _, f := range s.Facts {
			if f.Kind != kind {
				continue
			}
			if !said {
				fmt.Fprintln(a.out, "  "+a.t("trace.kind."+string(kind)))
				said = true
			}
			fmt.Fprintf(a.out, "    %s: %s%s  [%s]\n", plainLine(f.Name), factText(f), a.zone(f), plainLine(f.Where))
		}
	}
	if n := len(s.Track); n > 0 {
		first, last := s.Track[0], s.Track[n-1]
		a.say("cli.traces.track", n, fmt.Sprintf("%.6f, %.6f", first.Latitude, first.Longitude), fmt.Sprintf("%.6f, %.6f", last.Latitude, last.Longitude))
	}
	for _, p := range s.Previews {
		key := "cli.traces.preview"
		if p.Differs {
			key = "cli.traces.preview_differs"
		}
		a.say(key, plainLine(p.Where), p.Type, p.Width, p.Height, p.Size)
	}
	for _, g := range s.Gaps {
		a.say("cli.traces.gap", plainLine(g.Where), a.t(g.Why), g.Bytes)
	}
}

func (a *app) zone(f trace.Fact) string {
	if f.Zone == "" {
		return ""
	}
	return " (" + a.t("trace.zone."+f.Zone) + ")"
}

// factText is a fact's value on one line, or how many bytes it is.
func factText(f trace.Fact) string {
	if f.Value == "" {
		return fmt.Sprintf("%.32x (%d)", f.Raw, len(f.Raw))
	}
	return plainLine(f.Value)
}

// plainLine makes a stranger's text harmless to a terminal: no control
// characters, nothing that turns the direction of writing.
func plainLine(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\r' || r == '\t':
			return ' '
		case unicode.IsControl(r) || unicode.Is(unicode.Cf, r):
			return '\uFFFD'
		}
		return r
	}, s)
}

// plainText is plainLine for a text of several lines.
func plainText(s string) string {
	lines := strings.Split(strings.ReplaceAll(s, "\r\n", "\n"), "\n")
	for i := range lines {
		lines[i] = plainLine(lines[i])
	}
	return strings.Join(lines, "\n")
}

func (a *app) deskTraces(f *deskFlags) *cobra.Command {
	var asJSON bool
	c := a.deskVerb(f, "traces ORIGINAL", "cli.desk.traces", "traces --dir kua --as aigul 1", exactly(1),
		func(ctx context.Context, s *desk.Seat, args []string) error {
			id, err := number(args[0])
			if err != nil {
				return err
			}
			if err := s.Desk().WaitIdle(ctx); err != nil { // it may just be being read
				return err
			}
			t, err := s.Desk().Traces(ctx, id)
			if err != nil {
				return err
			}
			a.code = tracesCode(t.Sheet, t.Fault)
			if asJSON {
				one := tracedFile{File: t.Original.Name, Sheet: &t.Sheet}
				if t.Fault != nil {
					one.Sheet, one.Error = nil, a.words(t.Fault)
				}
				return printJSON(a.out, one)
			}
			a.sayTraces(t.Original.Name, t.Sheet, t.Fault)
			return nil
		})
	c.Flags().BoolVar(&asJSON, "json", false, a.t("cli.flag.json"))
	return c
}
