package main

import (
	"context"
	"strconv"

	"github.com/spf13/cobra"

	"kua/internal/fault"
	"kua/internal/lane"
)

// laneDeliveries lists letters to authorities that stopped since they were refused, and takes what
// a person decides of them.
func (a *app) laneDeliveries() *cobra.Command {
	var f laneFlags
	var again string
	var byHand int64
	var asJSON bool
	c := a.command("deliveries", "cli.lane.deliveries", `
  kua lane deliveries --data /var/lib/kua
  kua lane deliveries --again 12 --data /var/lib/kua
  kua lane deliveries --by-hand 12 --data /var/lib/kua`)
	f.add(a, c)
	c.Flags().StringVar(&again, "again", "", a.t("cli.flag.deliver_again"))
	c.Flags().Int64Var(&byHand, "by-hand", 0, a.t("cli.flag.deliver_by_hand"))
	c.Flags().BoolVar(&asJSON, "json", false, a.t("cli.flag.json"))
	c.MarkFlagsMutuallyExclusive("again", "by-hand", "json")
	c.Args = exactly(0)
	c.RunE = func(c *cobra.Command, _ []string) error {
		return f.withLane(c, func(l *lane.Lane) error {
			switch {
			case c.Flags().Changed("again"):
				return a.deliverAgain(c.Context(), l, again)
			case c.Flags().Changed("by-hand"):
				if err := l.SentByHand(c.Context(), byHand); err != nil {
					return err
				}
				a.say("cli.lane.deliveries.by_hand", byHand)
				return nil
			}
			return a.listStopped(c.Context(), l, asJSON)
		})
	}
	return c
}

// stoppedDelivery is a line of the list for programs.
type stoppedDelivery struct {
	Delivery  int64  `json:"delivery"`
	Request   int64  `json:"request"`
	Authority string `json:"authority"`
	Since     string `json:"since"`
	Tries     int64  `json:"tries"`
	Why       string `json:"why"` // the fault's key
}

func (a *app) listStopped(ctx context.Context, l *lane.Lane, asJSON bool) error {
	all := []stoppedDelivery{}
	err := eachStopped(ctx, l, func(d lane.Delivery) error {
		r, err := l.Request(ctx, d.Request)
		if err != nil {
			return err
		}
		one := stoppedDelivery{Delivery: d.Number, Request: d.Request, Since: string(d.Since), Tries: d.Tries, Why: d.Why.Key}
		for _, part := range r.Assignments {
			if part.Number == d.Assignment {
				one.Authority = part.Authority
			}
		}
		if all = append(all, one); !asJSON {
			a.say("cli.lane.deliveries.one", one.Delivery, one.Request, one.Authority, one.Since, one.Tries, a.words(d.Why))
		}
		return nil
	})
	if err != nil {
		return err
	}
	if asJSON {
		return printJSON(a.out, all)
	}
	if len(all) == 0 {
		a.say("cli.lane.deliveries.none")
	}
	return nil
}

// deliverAgain has one delivery tried again, or all that stopped.
func (a *app) deliverAgain(ctx context.Context, l *lane.Lane, which string) error {
	if which != "all" {
		number, err := strconv.ParseInt(which, 10, 64)
		if err != nil {
			return fault.NotFound("lane.not_stopped", which)
		}
		if err := l.TryAgain(ctx, number); err != nil {
			return err
		}
		a.say("cli.lane.deliveries.again", 1)
		return nil
	}
	n := 0
	err := eachStopped(ctx, l, func(d lane.Delivery) error {
		n++
		return l.TryAgain(ctx, d.Number)
	})
	if err == nil {
		a.say("cli.lane.deliveries.again", n)
	}
	return err
}

func eachStopped(ctx context.Context, l *lane.Lane, do func(lane.Delivery) error) error {
	const batch = 100
	for after := int64(0); ; {
		all, err := l.Stopped(ctx, after, batch)
		if err != nil || len(all) == 0 {
			return err
		}
		for _, d := range all {
			if err := do(d); err != nil {
				return err
			}
			after = d.Number
		}
	}
}
