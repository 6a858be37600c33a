package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"kua/internal/desk"
	"kua/internal/fault"
	"kua/internal/redact"
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
			plan = redact.Begin(plan, cover)
			if note != "" {
				plan.Note = note
			}
			if _, version, err = s.SavePlan(ctx, id, plan, version); err != nil {
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

// deskProbe looks at an original again.
func (a *app) deskProbe(f *deskFlags) *cobra.Command {
	return a.deskVerb(f, "probe ORIGINAL", "cli.desk.probe", "probe --dir kua --as aigul 1", exactly(1),
		func(ctx context.Context, s *desk.Seat, args []string) error {
			id, err := number(args[0])
			if err != nil {
				return err
			}
			job, err := s.Probe(ctx, id)
			if err != nil {
				return err
			}
			if err := a.follow(ctx, s, job, "cli.desk.look.progress"); err != nil {
				return err
			}
			o, err := s.Desk().OriginalInfo(ctx, id)
			if err != nil {
				return err
			}
			if o.Fault != "" {
				return fault.Corrupt(o.Fault)
			}
			a.say("cli.desk.probe.done", id, o.Medium.Format)
			return nil
		})
}

// deskLook finds shots and suggestions and saves them with the plan.
func (a *app) deskLook(f *deskFlags) *cobra.Command {
	return a.deskVerb(f, "look ORIGINAL", "cli.desk.look", "look --dir kua --as aigul 1", exactly(1),
		func(ctx context.Context, s *desk.Seat, args []string) error {
			id, err := number(args[0])
			if err != nil {
				return err
			}
			job, err := s.Look(ctx, id)
			if err != nil {
				return err
			}
			if err := a.follow(ctx, s, job, "cli.desk.look.progress"); err != nil {
				return err
			}
			plan, _, err := s.Desk().Plan(ctx, id)
			if err != nil {
				return err
			}
			a.say("cli.desk.look.done", len(plan.Shots), len(plan.Suggestions))
			return nil
		})
}

// deskHits lists what another detector saw in what was made.
func (a *app) deskHits(f *deskFlags) *cobra.Command {
	return a.deskVerb(f, "hits ORIGINAL", "cli.desk.hits", "hits --dir kua --as aigul 1", exactly(1),
		func(ctx context.Context, s *desk.Seat, args []string) error {
			id, err := number(args[0])
			if err != nil {
				return err
			}
			hits, err := s.Desk().Hits(ctx, id)
			if err != nil {
				return err
			}
			if len(hits) == 0 {
				a.say("cli.desk.hits.none")
			}
			for _, h := range hits {
				at := h.Seen.Points[0]
				answer := "-"
				if h.Why != "" {
					answer = h.By + ": " + h.Why
				}
				a.say("cli.desk.hits.line", h.ID, seconds(h.Seen.From), seconds(h.Seen.To), at.X, at.Y, h.Seen.W, h.Seen.H, h.Seen.Detector, answer)
			}
			return nil
		})
}

func seconds(ms int64) string { return fmt.Sprintf("%.1f", float64(ms)/1000) }

// deskAnswer says why something that a detector saw may be seen.
func (a *app) deskAnswer(f *deskFlags) *cobra.Command {
	return a.deskVerb(f, "answer ORIGINAL HIT WHY", "cli.desk.answer", `answer --dir kua --as aigul 1 3 "a poster on the wall"`, exactly(3),
		func(ctx context.Context, s *desk.Seat, args []string) error {
			id, err := number(args[0])
			if err != nil {
				return err
			}
			hit, err := number(args[1])
			if err != nil {
				return err
			}
			if err := s.AnswerHit(ctx, id, hit, args[2]); err != nil {
				return err
			}
			a.say("cli.desk.answer.done")
			return nil
		})
}
