package main

import (
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"kua/internal/appeal"
	"kua/internal/authority"
	"kua/internal/fault"
	"kua/internal/locale"
)

// routeJSON is what --json says of a routing.
type routeJSON struct {
	authority.Routing
	Why          []saidJSON   `json:"why"`
	Alternatives []optionJSON `json:"alternatives"`
	Doubts       []saidJSON   `json:"doubts"`
}

type optionJSON struct {
	Authority string `json:"authority"`
	Text      string `json:"text"`
}

func (a *app) authorityRoute() *cobra.Command {
	var category, at, area string
	var f askFlags
	c := a.command("route [DIR]", "cli.authority.route", `
  kua authority route ulgi --category manhole --at 45.05,65.15
  kua authority route ulgi --category heating --area south --on 2026-11-28 --json
  kua authority route --data /var/lib/kua --category manhole --at 45.05,65.15`)
	c.Flags().StringVar(&category, "category", "", a.t("cli.flag.category"))
	c.Flags().StringVar(&at, "at", "", a.t("cli.flag.at"))
	c.Flags().StringVar(&area, "area", "", a.t("cli.flag.area"))
	f.add(a, c, "on", "json", "node")
	c.Args = atMost(1)
	c.RunE = func(c *cobra.Command, args []string) error {
		day, err := f.day()
		if err != nil {
			return err
		}
		q := authority.Query{Category: category, Area: area, On: day}
		if (at == "") == (area == "") {
			return fault.Invalid("cli.authority.where")
		}
		if at != "" {
			if q.At, err = parsePoint(at); err != nil {
				return err
			}
		}
		d, named, err := f.directory(a, c, strings.Join(args, ""), day)
		if err != nil {
			return err
		}
		if !named {
			return fault.Invalid("cli.authority.which")
		}
		r := authority.NewRouter(d)
		to := r.Route(q)
		if to.Authority == "" {
			a.code = 1
		}
		if f.json {
			out := routeJSON{Routing: to, Why: a.saidJSON(to.Why), Doubts: a.saidJSON(to.Doubts), Alternatives: []optionJSON{}}
			for _, o := range to.Alternatives {
				out.Alternatives = append(out.Alternatives, optionJSON{o.Authority, a.cat.Say(a.lang, o.Why)})
			}
			return printJSON(a.out, out)
		}
		a.sayRouting(r, to)
		return nil
	}
	return c
}

// parsePoint reads "latitude,longitude" in degrees.
func parsePoint(s string) (*authority.Point, error) {
	first, second, ok := strings.Cut(s, ",")
	lat, err1 := strconv.ParseFloat(strings.TrimSpace(first), 64)
	lon, err2 := strconv.ParseFloat(strings.TrimSpace(second), 64)
	p, there := authority.At(lat, lon)
	if !ok || err1 != nil || err2 != nil || !there {
		return nil, fault.Invalid("cli.authority.bad_point", s)
	}
	return &p, nil
}

func (a *app) sayRouting(r *authority.Router, to authority.Routing) {
	if found, err := r.Authority(to.Authority); err == nil {
		a.say("cli.authority.goes_to", plainLine(found.Names.In(a.lang)), found.ID)
	} else {
		a.say("cli.authority.goes_nowhere")
	}
	a.sayAll("cli.authority.because", to.Why)
	var others []locale.Sentence
	for _, o := range to.Alternatives {
		others = append(others, o.Why)
	}
	a.sayAll("cli.authority.others", others)
	a.sayAll("cli.authority.doubts", to.Doubts)
}

// sayAll prints a heading and sentences below it, or nothing without any.
func (a *app) sayAll(heading string, said []locale.Sentence) {
	for i, s := range said {
		if i == 0 {
			a.say(heading)
		}
		a.say("cli.authority.item", plainLine(a.cat.Say(a.lang, s)))
	}
}

// dueJSON is what --json says of a deadline.
type dueJSON struct {
	Day    appeal.Day  `json:"day"`
	Firm   bool        `json:"firm"`
	Rule   appeal.Rule `json:"rule"`
	Steps  []saidJSON  `json:"steps"`
	Doubts []saidJSON  `json:"doubts"`
}

func (a *app) authorityDue() *cobra.Command {
	var country, kind, of, registered string
	var f askFlags
	c := a.command("due", "cli.authority.due", `
  kua authority due --country kz --kind answer --registered 2026-11-28
  kua authority due --country uz --kind answer --case study --registered 2026-11-28
  kua authority due --country kz --kind extension --registered 2026-11-28 --json
  kua authority due --data /var/lib/kua --country kz --registered 2026-11-28`)
	c.Flags().StringVar(&country, "country", "", a.t("cli.flag.country"))
	c.Flags().StringVar(&kind, "kind", string(appeal.Answer), a.t("cli.flag.kind", joined(appeal.Kinds)))
	c.Flags().StringVar(&of, "case", "", a.t("cli.flag.case", joined(appeal.Cases[1:])))
	c.Flags().StringVar(&registered, "registered", "", a.t("cli.flag.registered"))
	f.add(a, c, "dir", "json", "node")
	complete(c, "country", "kz", "kg", "uz", "tj", "tm")
	complete(c, "kind", strings.Fields(joined(appeal.Kinds))...)
	complete(c, "case", strings.Fields(joined(appeal.Cases))...)
	c.Args = exactly(0)
	c.RunE = func(c *cobra.Command, _ []string) error {
		book, err := f.book(a, c)
		if err != nil {
			return err
		}
		day, err := appeal.ParseDay(registered)
		if err != nil {
			return err
		}
		d, err := book.Due(country, appeal.Kind(kind), appeal.Case(of), day)
		if err != nil {
			return err
		}
		if f.json {
			return printJSON(a.out, dueJSON{d.Day, d.Firm(), d.Rule, a.saidJSON(d.Steps), a.saidJSON(d.Doubts)})
		}
		key := "cli.authority.due_firm"
		if !d.Firm() {
			key = "cli.authority.due_doubtful"
		}
		a.say(key, a.lang.Date(string(d.Day)), d.Day)
		a.sayAll("cli.authority.steps", d.Steps)
		if note := d.Rule.Note.In(a.lang); note != "" {
			a.say("cli.authority.note", plainLine(note))
		}
		a.sayAll("cli.authority.doubts", d.Doubts)
		return nil
	}
	return c
}

func joined[T ~string](words []T) string {
	var all []string
	for _, w := range words {
		all = append(all, string(w))
	}
	return strings.TrimSpace(strings.Join(all, " "))
}

// complete offers words for a flag in the shell.
func complete(c *cobra.Command, flag string, words ...string) {
	_ = c.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp)) // fails only for a flag that is not there
}
