package main

import (
	"context"

	"github.com/spf13/cobra"

	"kua/internal/desk"
	"kua/internal/fault"
)

// deskMark decides how an original's picture begins: covered, so that only what
// is revealed is shown, or shown, so that only what is covered is hidden.
func (a *app) deskMark(f *deskFlags) *cobra.Command {
	var show, cover bool
	var note string
	c := a.deskVerb(f, "mark ORIGINAL", "cli.desk.mark", "mark --dir kua --as aigul 1 --show", exactly(1),
		func(ctx context.Context, s *desk.Seat, args []string) error {
			id, err := number(args[0])
			if err != nil {
				return err
			}
			if show == cover {
				return fault.Invalid("cli.desk.mark.one_of")
			}
			plan, version, err := s.Desk().Plan(ctx, id)
			if err != nil {
				return err
			}
			plan.Covered = cover
			if note != "" {
				plan.Note = note
			}
			if version, err = s.SavePlan(ctx, id, plan, version); err != nil {
				return err
			}
			a.say("cli.desk.saved", version)
			for _, q := range desk.PlanQuestions(id, plan) {
				a.warn("cli.desk.question", q)
			}
			return nil
		})
	c.Flags().BoolVar(&show, "show", false, a.t("cli.flag.show"))
	c.Flags().BoolVar(&cover, "cover", false, a.t("cli.flag.cover"))
	c.Flags().StringVar(&note, "note", "", a.t("cli.flag.plan_note"))
	return c
}
