package main

import (
	"github.com/spf13/cobra"

	"kua/internal/lane"
)

// laneAlerts counts alerts by e-mail, or erases those of one address. It lists no address.
func (a *app) laneAlerts() *cobra.Command {
	var f laneFlags
	var erase string
	var asJSON bool
	c := a.command("alerts", "cli.lane.alerts", `
  kua lane alerts --data /var/lib/kua
  kua lane alerts --erase somebody@example.org --data /var/lib/kua`)
	f.add(a, c)
	c.Flags().StringVar(&erase, "erase", "", a.t("cli.flag.alerts_erase"))
	c.Flags().BoolVar(&asJSON, "json", false, a.t("cli.flag.json"))
	c.MarkFlagsMutuallyExclusive("erase", "json")
	c.Args = exactly(0)
	c.RunE = func(c *cobra.Command, _ []string) error {
		return f.withLane(c, func(l *lane.Lane) error {
			if c.Flags().Changed("erase") {
				n, err := l.EndAlertsOf(c.Context(), erase)
				if err == nil {
					a.say("cli.lane.alerts.erased", n)
				}
				return err
			}
			n, err := l.CountAlerts(c.Context())
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(a.out, n)
			}
			a.say("cli.lane.alerts.count", n.Areas, n.Cases, n.Asked)
			if n.Ended > 0 {
				a.say("cli.lane.alerts.ended", n.Ended)
			}
			return nil
		})
	}
	return c
}
