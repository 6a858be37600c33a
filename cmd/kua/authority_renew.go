package main

import (
	"errors"
	"strconv"

	"github.com/spf13/cobra"

	"kua/internal/fault"
	"kua/internal/lane"
)

// authorityRenew makes the links void that authorities have to a report, and has
// each that still has a part in it written to anew.
func (a *app) authorityRenew() *cobra.Command {
	var f laneFlags
	c := a.command("renew REPORT", "cli.authority.renew", "\n  kua authority renew 17 --data /var/lib/kua")
	f.add(a, c)
	c.Args = exactly(1)
	c.RunE = func(c *cobra.Command, args []string) (err error) {
		id, err := strconv.ParseInt(args[0], 10, 64)
		if err != nil {
			return fault.NotFound("lane.no_request", args[0])
		}
		l, err := f.open(c)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, l.Close()) }()
		r, err := l.Request(c.Context(), id)
		if err != nil {
			return err
		}
		n := 0
		for _, part := range r.Assignments {
			if part.State.Open() && part.State != lane.AwaitingCheck {
				if err := l.Renew(c.Context(), part.Number, true); err != nil {
					return err
				}
				n++
			} else if err := l.Void(c.Context(), part.Number); err != nil {
				return err
			}
		}
		a.say("cli.authority.renewed", id, n)
		return nil
	}
	return c
}
