package main

import (
	"context"
	"slices"

	"github.com/spf13/cobra"

	"kua/internal/desk"
)

// deskHeartbeat makes an edition with nothing new in it, so that a mirror that
// was frozen can be told from a collective that is quiet. Each of two people
// calls it once: the first proposes, the second signs and publishes. It takes as
// many people as any edition, since whoever can sign one alone can replace every
// page: docs/design/survival.md.
func (a *app) deskHeartbeat(f *deskFlags) *cobra.Command {
	return a.deskVerb(f, "heartbeat", "cli.desk.heartbeat", "heartbeat --dir kua --as aigul && kua desk heartbeat --dir kua --as timur", exactly(0),
		func(ctx context.Context, s *desk.Seat, _ []string) error {
			p, waits, err := waitingHeartbeat(ctx, s)
			switch {
			case err != nil:
				return err
			case !waits:
				p, err = s.Propose(ctx, nil)
			case !slices.Contains(p.Signed, s.Name()):
				p, err = s.Approve(ctx, p.ID, nil)
			}
			if err != nil {
				return err
			}
			a.sayProposal(p)
			if p.State == desk.Waiting {
				a.say("cli.desk.heartbeat.waits")
				return nil
			}
			return a.publish(ctx, s.Desk())
		})
}

// waitingHeartbeat finds a proposal of nothing new that waits for signatures.
func waitingHeartbeat(ctx context.Context, s *desk.Seat) (desk.Proposal, bool, error) {
	all, err := s.Desk().Proposals(ctx)
	i := slices.IndexFunc(all, func(p desk.Proposal) bool { return p.State == desk.Waiting && len(p.Records) == 0 })
	if err != nil || i < 0 {
		return desk.Proposal{}, false, err
	}
	return all[i], true, nil
}
