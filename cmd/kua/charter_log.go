package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"kua/internal/charter"
	"kua/internal/desk"
	"kua/internal/keyring"
)

// charterRotateLog drafts a charter that gives the log a new key.
func (a *app) charterRotateLog(dir, passFile *string) *cobra.Command {
	var as string
	c := a.command("rotate-log", "cli.charter.rotate_log", `
  kua charter rotate-log --dir kua --as aigul      # stolen, or lost: a new key for the log, made here
  kua charter retire-person --dir kua timur        # if somebody's own key went with it: into the same draft
  kua charter sign --dir kua --as aigul && kua charter sign --dir kua --as cholpon
  kua desk heartbeat --dir kua --as aigul && kua desk heartbeat --dir kua --as cholpon   # with the same --tor as always`)
	c.Flags().StringVar(&as, "as", "", a.t("cli.flag.as"))
	_ = c.MarkFlagRequired("as")
	c.Args = exactly(0)
	c.RunE = func(c *cobra.Command, _ []string) error {
		return a.atDesk(c.Context(), deskFlags{dir: *dir, as: as, passFile: *passFile, idle: true}, func(s *desk.Seat) error {
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

// changeLogKey lets a charter that changes the log's key join the chain. The desk is
// held meanwhile, so that nothing goes into the log between the look at its end and the
// change of its key. Nobody is called: which road leads there only the desk's own commands
// are told.
func changeLogKey(ctx context.Context, dir string, person *keyring.Person, next charter.Charter, join func() error) (err error) {
	d, err := desk.Open(ctx, desk.Config{Dir: dir, Idle: true}, person)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
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
