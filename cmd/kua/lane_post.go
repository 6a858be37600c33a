package main

import (
	"github.com/spf13/cobra"

	"kua/internal/appeal"
	"kua/internal/lane"
	"kua/internal/locale"
)

// postFlags are what is said for an authority.
type postFlags struct{ words, from, until, area, category, language string }

func (f *postFlags) add(a *app, c *cobra.Command, whole bool) {
	c.Flags().StringVar(&f.words, "words", "", a.t("cli.flag.post_words"))
	c.Flags().StringVar(&f.until, "until", "", a.t("cli.flag.post_until"))
	if whole {
		c.Flags().StringVar(&f.area, "area", "", a.t("cli.flag.post_area"))
		c.Flags().StringVar(&f.category, "category", "", a.t("cli.flag.post_category"))
		c.Flags().StringVar(&f.language, "language", "ru", a.t("cli.flag.post_language"))
	}
}

// lanePost writes down for an authority what it said elsewhere; the history says
// that the collective did.
func (a *app) lanePost(matter lane.Matter, c *cobra.Command) *cobra.Command {
	var f laneFlags
	var p postFlags
	f.add(a, c)
	p.add(a, c, true)
	if matter == lane.Announcement {
		c.Flags().StringVar(&p.from, "from", "", a.t("cli.flag.post_from"))
	}
	c.Args = exactly(1)
	c.RunE = func(c *cobra.Command, args []string) error {
		return f.withLane(c, func(l *lane.Lane) error {
			id, err := l.AddPost(c.Context(), lane.Post{Matter: matter, By: lane.ByHouse, Authority: args[0], Area: p.area, Category: p.category,
				Language: locale.Tag(p.language), Words: p.words, Begins: appeal.Day(p.from), Ends: appeal.Day(p.until)})
			if err == nil {
				a.say("cli.lane.posted", id)
			}
			return err
		})
	}
	return c
}

func (a *app) laneAnnounce() *cobra.Command {
	return a.lanePost(lane.Announcement, a.command("announce AUTHORITY", "cli.lane.announce", `
  kua lane announce water --words "..." --from 2026-12-01 --until 2026-12-03 --area south --data /var/lib/kua`))
}

func (a *app) lanePledge() *cobra.Command {
	return a.lanePost(lane.Pledge, a.command("pledge AUTHORITY", "cli.lane.pledge", `
  kua lane pledge water --words "..." --until 2027-03-01 --data /var/lib/kua`))
}

func (a *app) laneCorrect() *cobra.Command {
	var f laneFlags
	var p postFlags
	var reason string
	c := a.command("correct REPORT", "cli.lane.correct", `
  kua lane correct 17 --words "..." --from 2026-12-01 --until 2026-12-04 --reason "it takes a day longer" --data /var/lib/kua`)
	f.add(a, c)
	p.add(a, c, false)
	c.Flags().StringVar(&p.from, "from", "", a.t("cli.flag.post_from"))
	c.Flags().StringVar(&reason, "reason", "", a.t("cli.flag.reason"))
	c.Args = exactly(1)
	return onReport(c, &f, func(l *lane.Lane, id int64) error {
		r, err := l.Request(c.Context(), id)
		if err != nil {
			return err
		}
		now := lane.Correction{Request: id, By: lane.ByHouse, Words: r.Words, Begins: r.Begins, Ends: r.Ends, Reason: reason}
		if len(r.Assignments) > 0 { // what was taken over has none
			now.Step = r.Assignments[0].Step
		}
		if p.words != "" {
			now.Words = p.words
		}
		if p.from != "" {
			now.Begins = appeal.Day(p.from)
		}
		if p.until != "" {
			now.Ends = appeal.Day(p.until)
		}
		if err := l.Correct(c.Context(), now); err != nil {
			return err
		}
		a.say("cli.lane.corrected", id)
		return nil
	})
}

func (a *app) laneRetract() *cobra.Command {
	var f laneFlags
	var reason string
	c := a.command("retract REPORT", "cli.lane.retract", `
  kua lane retract 17 --reason "the works were called off" --data /var/lib/kua`)
	f.add(a, c)
	c.Flags().StringVar(&reason, "reason", "", a.t("cli.flag.reason"))
	c.Args = exactly(1)
	return onReport(c, &f, func(l *lane.Lane, id int64) error {
		if err := l.Retract(c.Context(), id, lane.ByHouse, reason); err != nil {
			return err
		}
		a.say("cli.lane.retracted", id)
		return nil
	})
}
