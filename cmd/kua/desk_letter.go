package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"kua/internal/desk"
)

// spreadLetter shows the one letter that would go to a list, and sends exactly that
// when its name is given.
func (a *app) spreadLetter(f *deskFlags) *cobra.Command {
	c := a.deskVerb(f, "letter CHANNEL [SEEN]", "spread.letter", "spread letter --dir kua --as aigul List 3f9a0c51d2e7", usage(cobra.RangeArgs(1, 2)),
		func(ctx context.Context, s *desk.Seat, args []string) error {
			ch, err := s.Desk().FindChannel(ctx, args[0])
			if err != nil {
				return err
			}
			m, n, err := s.Desk().Gathered(ctx, ch.ID)
			if err != nil {
				return err
			}
			if len(args) == 1 {
				a.say("spread.letter.to", ch.Place, n)
				fmt.Fprintln(a.out, m.Title)
				fmt.Fprintln(a.out)
				fmt.Fprintln(a.out, m.Body)
				a.say("cli.desk.spread.letter.name", m.Digest()[:digestShown])
				return nil
			}
			seen := args[1]
			if len(seen) >= digestShown && strings.HasPrefix(m.Digest(), seen) {
				seen = m.Digest()
			}
			out, err := s.SendGathered(ctx, ch.ID, seen)
			if err != nil {
				return err
			}
			a.say("spread.letter.done", out.Sent, out.Failed)
			return a.sayNotDone(ctx, s.Desk(), ch.ID)
		})
	return c
}

// sayNotDone tells of a channel's posts that did not go, and why.
func (a *app) sayNotDone(ctx context.Context, d *desk.Desk, channel int64) error {
	posts, err := d.Posts(ctx, "")
	if err != nil {
		return err
	}
	for _, p := range posts {
		if p.Channel == channel && p.Fault != nil {
			if err := a.sayPost(ctx, d, p); err != nil {
				return err
			}
		}
	}
	return nil
}
