package main

import (
	"github.com/spf13/cobra"

	"kua/internal/lane"
)

// laneBlackout erases the words of a line of a history for good.
func (a *app) laneBlackout() *cobra.Command {
	var f laneFlags
	var b lane.Blackout
	var ground string
	c := a.command("blackout REPORT", "cli.lane.blackout", `
  kua lane blackout 17 --line 1 --ground persons --data /var/lib/kua
  kua lane blackout 17 --line 5 --ground persons --pictures --reason "a neighbour was named" --data /var/lib/kua`)
	f.add(a, c)
	c.Flags().Int64Var(&b.Line, "line", 0, a.t("cli.flag.black_line"))
	c.Flags().StringVar(&ground, "ground", "", a.t("cli.flag.black_ground"))
	c.Flags().StringVar(&b.Reason, "reason", "", a.t("cli.flag.reason"))
	c.Flags().BoolVar(&b.Pictures, "pictures", false, a.t("cli.flag.black_pictures"))
	c.Flags().BoolVar(&b.Place, "place", false, a.t("cli.flag.black_place"))
	c.Args = exactly(1)
	return onReport(c, &f, func(l *lane.Lane, id int64) error {
		b.Request, b.Ground = id, lane.Ground(ground)
		if err := l.BlackOut(c.Context(), b); err != nil {
			return err
		}
		a.say("cli.lane.blacked", id, b.Line)
		return nil
	})
}
