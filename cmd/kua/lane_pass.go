package main

import (
	"github.com/spf13/cobra"

	"kua/internal/lane"
)

// lanePassOn gives what is open with an authority that is no more to another one.
func (a *app) lanePassOn() *cobra.Command {
	var f laneFlags
	var reason string
	c := a.command("pass-on AUTHORITY TO", "cli.lane.pass_on", `
  kua lane pass-on waterworks water --reason "The waterworks are part of the water department since 1 December." --data /var/lib/kua`)
	f.add(a, c)
	c.Flags().StringVar(&reason, "reason", "", a.t("cli.flag.reason"))
	c.Args = exactly(2)
	c.RunE = func(c *cobra.Command, args []string) error {
		return f.withLane(c, func(l *lane.Lane) error {
			n, err := l.PassOn(c.Context(), args[0], args[1], reason)
			if n > 0 || err == nil {
				a.say("cli.lane.passed_on", n, args[0], args[1])
			}
			return err
		})
	}
	return c
}
