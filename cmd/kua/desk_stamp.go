package main

import (
	"context"
	"os"

	"github.com/spf13/cobra"

	"kua/internal/desk"
	"kua/internal/fault"
)

// deskStamp asks the services for time stamps that have not stamped the newest edition yet.
// Publishing does so by itself; this is for whoever was not answered then.
func (a *app) deskStamp(f *deskFlags) *cobra.Command {
	c := a.deskVerb(f, "stamp", "cli.desk.stamp", `stamp --dir kua --as aigul
  kua desk stamp add --dir kua --as aigul https://stamps.example.org/tsr root.pem
  kua desk stamp list --dir kua --as aigul`, exactly(0),
		func(ctx context.Context, s *desk.Seat, _ []string) error {
			all, err := s.Desk().Stamp(ctx)
			if err != nil {
				return err
			}
			if a.sayStamps(all) > 0 {
				a.code = 1
			}
			return nil
		})
	c.AddCommand(a.stampAdd(f), a.stampRemove(f), a.stampList(f))
	return c
}

func (a *app) stampAdd(f *deskFlags) *cobra.Command {
	return a.deskVerb(f, "add URL ROOTS", "cli.desk.stamp.add", "stamp add --dir kua --as aigul https://stamps.example.org/tsr root.pem", exactly(2),
		func(ctx context.Context, s *desk.Seat, args []string) error {
			roots, err := os.ReadFile(args[1])
			if err != nil {
				return fault.NotFound("witness.no_file", args[1]).Because(err)
			}
			added, err := s.AddStampService(ctx, args[0], roots)
			if err != nil {
				return err
			}
			a.say("cli.desk.stamp.added", added.URL, added.Root)
			all, err := s.Desk().Stamps(ctx)
			if len(all) == 1 {
				a.say("cli.desk.stamp.one")
			}
			return err
		})
}

func (a *app) stampRemove(f *deskFlags) *cobra.Command {
	return a.deskVerb(f, "remove URL", "cli.desk.stamp.remove", "stamp remove --dir kua --as aigul https://stamps.example.org/tsr", exactly(1),
		func(ctx context.Context, s *desk.Seat, args []string) error {
			return s.RemoveStampService(ctx, args[0])
		})
}

func (a *app) stampList(f *deskFlags) *cobra.Command {
	return a.deskVerb(f, "list", "cli.desk.stamp.list", "stamp list --dir kua --as aigul", exactly(0),
		func(ctx context.Context, s *desk.Seat, _ []string) error {
			all, err := s.Desk().Stamps(ctx)
			if err == nil && len(all) == 0 {
				a.say("cli.desk.stamp.none")
			}
			a.sayStamps(all)
			return err
		})
}

// sayStamps tells how every service stands and gives how many have not stamped the newest
// edition.
func (a *app) sayStamps(all []desk.StampState) (missing int) {
	for _, s := range all {
		switch {
		case s.Stamped:
			a.say("cli.desk.stamp.done", s.URL, s.Edition, s.RootsID, s.Root)
			continue
		case s.Fault != nil:
			a.warn("cli.desk.stamp.failed", s.URL, s.Edition, s.Fault)
		default:
			a.say("cli.desk.stamp.waits", s.URL, s.Edition)
		}
		missing++
	}
	return missing
}
