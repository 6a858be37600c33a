package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"kua/internal/casefile"
	"kua/internal/desk"
)

// deskLinks prints what a case's originals lead to.
func (a *app) deskLinks(f *deskFlags) *cobra.Command {
	return a.deskVerb(f, "links CASE", "cli.desk.links", "links --dir kua --as aigul 1", exactly(1),
		func(ctx context.Context, s *desk.Seat, args []string) error {
			id, err := number(args[0])
			if err != nil {
				return err
			}
			all, err := s.Desk().Links(ctx, id)
			if err != nil {
				return err
			}
			for _, l := range all {
				a.say("cli.desk.links.original", l.Original.ID, l.Original.Name)
				a.sayLinks(l.Links)
				if len(l.Links) == 0 && l.Compared {
					a.say("links.none")
				}
				if !l.Compared {
					a.warn("links.uncompared", l.Original.ID)
				}
				if l.Pictures != nil {
					a.warn("links.unread.pictures", l.Original.ID, l.Pictures)
				}
				if l.Marks != nil {
					a.warn("links.unread.marks", l.Original.ID, l.Marks)
				}
			}
			return nil
		})
}

// sayLinks prints where each link leads and how strong it is, in words.
func (a *app) sayLinks(links []casefile.Link) {
	for _, l := range links {
		fmt.Fprintln(a.out, l.Line(a.t, l.Day))
	}
	if len(links) > 0 {
		a.say("links.do")
	}
}

// checklist prints the list of what leads to a person, and gives it as gone
// through only to whoever said so.
func (a *app) checklist(done bool) []string {
	a.say("links.check.title")
	for _, item := range casefile.Checklist() {
		a.say("cli.desk.check", a.t("links.check."+item))
	}
	if !done {
		return nil
	}
	return casefile.Checklist()
}

// showsSomething reports whether a proposal holds a record that is no tombstone.
func showsSomething(p desk.Proposal) bool {
	for _, r := range p.Records {
		if !r.Withdraw {
			return true
		}
	}
	return false
}
