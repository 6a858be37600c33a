package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"kua/internal/charter"
	"kua/internal/desk"
	"kua/internal/fault"
	"kua/internal/keyring"
)

// charterRotateLog drafts a charter that gives the log a new key.
func (a *app) charterRotateLog(dir, passFile *string) *cobra.Command {
	var as string
	var asking nodeAsking
	c := a.command("rotate-log", "cli.charter.rotate_log", `
  kua charter rotate-log --dir kua --as aigul --tor   # stolen, or lost: a new key for the log, made here
  kua charter retire-person --dir kua timur        # if somebody's own key went with it: into the same draft
  kua charter sign --dir kua --as aigul --tor && kua charter sign --dir kua --as cholpon --tor
  kua desk heartbeat --dir kua --as aigul --tor && kua desk heartbeat --dir kua --as cholpon --tor`)
	c.Flags().StringVar(&as, "as", "", a.t("cli.flag.as"))
	_ = c.MarkFlagRequired("as")
	asking.flags(a, c.Flags())
	c.Args = exactly(0)
	c.RunE = func(c *cobra.Command, _ []string) error {
		if err := asking.named(); err != nil {
			return err
		}
		return a.atDesk(c.Context(), deskFlags{dir: *dir, as: as, passFile: *passFile, road: asking.road, idle: true}, func(s *desk.Seat) error {
			if err := a.notBehind(c.Context(), s.Desk(), asking); err != nil {
				return err
			}
			return a.change(*dir, func(next *charter.Charter) error {
				changed, err := s.Desk().RotateLog(c.Context(), *next)
				if err == nil {
					*next = changed
					past := changed.Log.Past[len(changed.Log.Past)-1]
					a.say("cli.charter.rotate_log.done", past.Size, past.Root)
				}
				return err
			})
		})
	}
	return c
}

// nodeAsking is how the nodes are asked whether this desk lacks an edition, and whether that
// is to matter.
type nodeAsking struct {
	road   deskRoad
	plain  bool
	insist bool
}

func (f *nodeAsking) flags(a *app, flags *pflag.FlagSet) {
	f.road.flags(a, flags)
	flags.BoolVar(&f.plain, "plain", false, a.t("cli.flag.plain"))
	flags.BoolVar(&f.insist, "insist", false, a.t("cli.flag.insist"))
}

// named refuses while it is not said by which road nodes are to be called: who always calls
// them through Tor is not to show them once, at a signature.
func (f *nodeAsking) named() error {
	through := f.road.on || f.road.proxy != "" || f.road.through != ""
	if f.plain && through || !f.plain && !through && !f.insist {
		return fault.Invalid("cli.charter.rotate_log.road")
	}
	return nil
}

// notBehind refuses at a desk that lacks an edition of its nodes, and names the nodes that
// did not answer.
func (a *app) notBehind(ctx context.Context, d *desk.Desk, f nodeAsking) error {
	if f.insist {
		return nil
	}
	silent, err := d.NotBehind(ctx)
	for _, n := range silent {
		a.warn("cli.desk.node_away", n.URL, n.Err)
	}
	return err
}

// changeLogKey lets a charter that changes the log's key join the chain. The desk is
// held meanwhile, so that nothing goes into the log between the look at its end and the
// change of its key. Of the nodes it is asked once more which edition they serve; nothing is
// brought to them.
func (a *app) changeLogKey(ctx context.Context, dir string, person *keyring.Person, next charter.Charter, asking nodeAsking, join func() error) (err error) {
	if err := asking.named(); err != nil {
		return err
	}
	client, end, err := asking.road.open(ctx, a, dir, false)
	if err != nil {
		return err
	}
	defer end()
	d, err := desk.Open(ctx, a.deskConfig(deskFlags{dir: dir, road: asking.road, idle: true}, client), person)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	if err := a.notBehind(ctx, d, asking); err != nil {
		return err
	}
	if err := d.LogFits(ctx, next); err != nil {
		return err
	}
	if err := join(); err != nil {
		return err
	}
	_, chain, err := desk.ReadCharter(dir)
	if err != nil {
		return err
	}
	return d.UpdateCharter(ctx, person, chain)
}
