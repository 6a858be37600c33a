package main

import (
	"errors"
	"strconv"

	"github.com/spf13/cobra"

	"kua/internal/fault"
	"kua/internal/lane"
)

func (a *app) laneCommand() *cobra.Command {
	c := a.command("lane", "cli.lane", `
  kua lane recount --data /var/lib/kua
  kua lane outcome 17 --what compensated --link https://news.example/17 --on 2026-11-28 --data /var/lib/kua`)
	c.AddCommand(a.laneRecount(), a.laneOutcome(), a.laneStrike(), a.laneChecker(), a.laneCheckers(), a.laneUncheck(), a.laneAlerts(), a.laneDeliveries(), a.lanePassOn(), a.laneReturned(), a.laneImport(),
		a.laneAnnounce(), a.lanePledge(), a.laneCorrect(), a.laneRetract(), a.laneBlackout())
	return c
}

// laneRecount counts everything anew and says what differs; exit code 1 says
// that something did and was not put right.
func (a *app) laneRecount() *cobra.Command {
	var f laneFlags
	var mend, asJSON bool
	c := a.command("recount", "cli.lane.recount", `
  kua lane recount --data /var/lib/kua
  kua lane recount --data /var/lib/kua --mend`)
	f.add(a, c)
	c.Flags().BoolVar(&mend, "mend", false, a.t("cli.flag.mend"))
	c.Flags().BoolVar(&asJSON, "json", false, a.t("cli.flag.json"))
	c.Args = exactly(0)
	c.RunE = func(c *cobra.Command, _ []string) (err error) {
		l, err := f.open(c)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, l.Close()) }()
		all, err := l.Recount(c.Context(), mend)
		if err != nil {
			return err
		}
		if asJSON {
			if all == nil {
				all = []lane.Difference{}
			}
			if err := printJSON(a.out, all); err != nil {
				return err
			}
		}
		damaged := 0
		for _, d := range all {
			if !asJSON {
				a.sayDifference(d)
			}
			if !d.What.Mends() {
				damaged++
			}
		}
		switch {
		case damaged > 0:
			return fault.Corrupt("cli.lane.damaged", damaged)
		case len(all) > 0 && !mend:
			return fault.Conflict("cli.lane.differs", len(all))
		case len(all) > 0:
			a.tell("cli.lane.mended", asJSON, len(all))
		default:
			a.tell("cli.lane.same", asJSON)
		}
		return nil
	}
	return c
}

// tell says a sentence, but not among JSON.
func (a *app) tell(key string, asJSON bool, args ...any) {
	if !asJSON {
		a.say(key, args...)
	}
}

func (a *app) sayDifference(d lane.Difference) {
	switch d.What {
	case lane.DiffersNumber:
		what := d.Kind
		if d.Track == lane.AppealTrack {
			what = d.Track + " " + d.Kind
		}
		a.say("cli.lane.number", what, d.ID, d.Month, string(d.Standing), d.Kept, d.Counted)
	case lane.DiffersStanding:
		a.say("cli.lane.standing", d.Part, string(d.Was), string(d.Standing))
	case lane.DiffersOutcome:
		a.say("cli.lane.outcome_differs", d.Request, d.Event)
	default:
		a.say("cli.lane."+string(d.What), d.Request, d.Event)
	}
}

func (a *app) laneOutcome() *cobra.Command {
	var f laneFlags
	var what, link string
	var ask askFlags
	c := a.command("outcome REPORT", "cli.lane.outcome", `
  kua lane outcome 17 --what compensated --link https://news.example/17 --on 2026-11-28 --data /var/lib/kua`)
	f.add(a, c)
	c.Flags().StringVar(&what, "what", "", a.t("cli.flag.outcome"))
	c.Flags().StringVar(&link, "link", "", a.t("cli.flag.evidence"))
	ask.add(a, c, "on")
	c.Args = exactly(1)
	return onReport(c, &f, func(l *lane.Lane, id int64) error {
		day, err := ask.day()
		if err != nil {
			return err
		}
		if err := l.AddOutcome(c.Context(), id, lane.Outcome{What: lane.Result(what), Link: link, On: day, Attests: lane.ByHouse}); err != nil {
			return err
		}
		a.say("cli.lane.outcome.kept", id, what)
		return nil
	})
}

func (a *app) laneStrike() *cobra.Command {
	var f laneFlags
	var line int64
	var reason string
	c := a.command("strike REPORT", "cli.lane.strike", `
  kua lane strike 17 --line 5 --reason "it was another report" --data /var/lib/kua`)
	f.add(a, c)
	c.Flags().Int64Var(&line, "line", 0, a.t("cli.flag.line"))
	c.Flags().StringVar(&reason, "reason", "", a.t("cli.flag.reason"))
	c.Args = exactly(1)
	return onReport(c, &f, func(l *lane.Lane, id int64) error {
		if err := l.StrikeOutcome(c.Context(), id, line, reason); err != nil {
			return err
		}
		a.say("cli.lane.struck", id, line)
		return nil
	})
}

// onReport makes a command act on the report that its argument names.
func onReport(c *cobra.Command, f *laneFlags, act func(*lane.Lane, int64) error) *cobra.Command {
	return onArgument(c, f, reportNumber, act)
}

func reportNumber(s string) (int64, error) {
	id, err := strconv.ParseInt(s, 10, 64)
	if err != nil || id < 1 {
		return 0, fault.Invalid("cli.lane.report", s)
	}
	return id, nil
}
