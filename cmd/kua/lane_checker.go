package main

import (
	"github.com/spf13/cobra"

	"kua/internal/lane"
)

// laneChecker makes a link by which somebody of the collective looks at what waits.
func (a *app) laneChecker() *cobra.Command {
	var f laneFlags
	var days int
	c := a.command("checker NAME", "cli.lane.checker", `
  kua lane checker "A. M." --days 7 --data /var/lib/kua`)
	f.add(a, c)
	c.Flags().IntVar(&days, "days", 7, a.t("cli.flag.checker_days"))
	c.Args = exactly(1)
	c.RunE = func(c *cobra.Command, args []string) error {
		return f.withLane(c, func(l *lane.Lane) error {
			token, made, err := l.AddChecker(c.Context(), args[0], days)
			if err != nil {
				return err
			}
			a.say("cli.lane.checker.made", made.Number, plainLine(made.Name), string(made.Until), "/ru/open/check/"+token)
			return nil
		})
	}
	return c
}

func (a *app) laneCheckers() *cobra.Command {
	var f laneFlags
	var asJSON bool
	c := a.command("checkers", "cli.lane.checkers", "\n  kua lane checkers --data /var/lib/kua")
	f.add(a, c)
	c.Flags().BoolVar(&asJSON, "json", false, a.t("cli.flag.json"))
	c.Args = exactly(0)
	c.RunE = func(c *cobra.Command, _ []string) error {
		return f.withLane(c, func(l *lane.Lane) error {
			all, err := l.Checkers(c.Context())
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(a.out, all)
			}
			if len(all) == 0 {
				a.say("cli.lane.checkers.none")
			}
			for _, one := range all {
				if one.Revoked != "" {
					a.say("cli.lane.checkers.revoked", one.Number, plainLine(one.Name), string(one.Revoked))
					continue
				}
				a.say("cli.lane.checkers.line", one.Number, plainLine(one.Name), string(one.Until))
			}
			return nil
		})
	}
	return c
}

func (a *app) laneUncheck() *cobra.Command {
	var f laneFlags
	c := a.command("uncheck NUMBER", "cli.lane.uncheck", "\n  kua lane uncheck 2 --data /var/lib/kua")
	f.add(a, c)
	c.Args = exactly(1)
	return onNumber(c, &f, func(l *lane.Lane, id int64) error {
		if err := l.RevokeChecker(c.Context(), id); err != nil {
			return err
		}
		a.say("cli.lane.unchecked", id)
		return nil
	})
}
