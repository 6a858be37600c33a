package main

import (
	"errors"
	"strconv"

	"github.com/spf13/cobra"

	"kua/internal/lane"
)

// open311Command is what the one who runs a lane, and anybody else, does with
// Open311 endpoints.
func (a *app) open311Command() *cobra.Command {
	c := a.command("open311", "cli.open311", `
  kua open311 key add "City app" --data /var/lib/kua --submit
  kua open311 key list --data /var/lib/kua
  kua open311 check https://city.example/open311/v2/`)
	c.AddCommand(a.open311Key(), a.open311Check())
	return c
}

func (a *app) open311Key() *cobra.Command {
	c := a.command("key", "cli.open311.key", `
  kua open311 key add "Water Works" --data /var/lib/kua --authority water
  kua open311 key list --data /var/lib/kua
  kua open311 key revoke 2 --data /var/lib/kua`)
	c.AddCommand(a.open311KeyAdd(), a.open311KeyList(), a.open311KeyRevoke())
	return c
}

// withLane opens the lane that the flags name for one act.
func (f *laneFlags) withLane(c *cobra.Command, act func(*lane.Lane) error) (err error) {
	l, err := f.open(c)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	return act(l)
}

// onNumber makes a command act on what its argument numbers.
func onNumber(c *cobra.Command, f *laneFlags, act func(*lane.Lane, int64) error) *cobra.Command {
	return onArgument(c, f, number, act)
}

// onArgument makes a command act on what read finds in its argument.
func onArgument(c *cobra.Command, f *laneFlags, read func(string) (int64, error), act func(*lane.Lane, int64) error) *cobra.Command {
	c.RunE = func(c *cobra.Command, args []string) error {
		id, err := read(args[0])
		if err != nil {
			return err
		}
		return f.withLane(c, func(l *lane.Lane) error { return act(l, id) })
	}
	return c
}

func (a *app) open311KeyAdd() *cobra.Command {
	var f laneFlags
	var k lane.Key
	c := a.command("add NAME", "cli.open311.key.add", `
  kua open311 key add "City app" --data /var/lib/kua --submit --per-hour 120
  kua open311 key add "Water Works" --data /var/lib/kua --authority water`)
	f.add(a, c)
	c.Flags().BoolVar(&k.Submit, "submit", false, a.t("cli.flag.key_submit"))
	c.Flags().StringVar(&k.Authority, "authority", "", a.t("cli.flag.key_authority"))
	c.Flags().IntVar(&k.PerHour, "per-hour", 60, a.t("cli.flag.key_per_hour"))
	c.Args = exactly(1)
	c.RunE = func(c *cobra.Command, args []string) error {
		k.Name = args[0]
		return f.withLane(c, func(l *lane.Lane) error {
			secret, made, err := l.AddKey(c.Context(), k)
			if err != nil {
				return err
			}
			a.say("cli.open311.key.added", made.ID, plainLine(made.Name), secret)
			return nil
		})
	}
	return c
}

func (a *app) open311KeyList() *cobra.Command {
	var f laneFlags
	var asJSON bool
	c := a.command("list", "cli.open311.key.list", "\n  kua open311 key list --data /var/lib/kua --json")
	f.add(a, c)
	c.Flags().BoolVar(&asJSON, "json", false, a.t("cli.flag.json"))
	c.Args = exactly(0)
	c.RunE = func(c *cobra.Command, _ []string) error {
		return f.withLane(c, func(l *lane.Lane) error {
			all, err := l.Keys(c.Context())
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(a.out, all)
			}
			if len(all) == 0 {
				a.say("cli.open311.key.none")
			}
			for _, k := range all {
				a.say("cli.open311.key.line", k.ID, plainLine(k.Name), a.keyMay(k), k.PerHour, string(k.Day))
			}
			return nil
		})
	}
	return c
}

// keyMay tells in words what a key is good for.
func (a *app) keyMay(k lane.Key) string {
	switch {
	case k.Revoked != "":
		return a.t("cli.open311.key.revoked_on", string(k.Revoked))
	case k.Submit && k.Authority != "":
		return a.t("cli.open311.key.may_both", k.Authority)
	case k.Submit:
		return a.t("cli.open311.key.may_submit")
	}
	return a.t("cli.open311.key.may_update", k.Authority)
}

func (a *app) open311KeyRevoke() *cobra.Command {
	var f laneFlags
	c := a.command("revoke NUMBER", "cli.open311.key.revoke", "\n  kua open311 key revoke 2 --data /var/lib/kua")
	f.add(a, c)
	c.Args = exactly(1)
	return onNumber(c, &f, func(l *lane.Lane, id int64) error {
		if err := l.RevokeKey(c.Context(), id); err != nil {
			return err
		}
		a.say("cli.open311.key.revoked", strconv.FormatInt(id, 10))
		return nil
	})
}
