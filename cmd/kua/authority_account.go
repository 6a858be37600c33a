package main

import (
	"time"

	"github.com/spf13/cobra"

	"kua/internal/lane"
	"kua/internal/lane/deliver"
)

// authorityAccount is how whoever runs a lane lets officials in. Admins of an
// authority do the same on its pages, for their own.
func (a *app) authorityAccount() *cobra.Command {
	c := a.command("account", "cli.authority.account", `
  kua authority account add water "Duty desk" --admin --data /var/lib/kua --site https://kua.example.org
  kua authority account list --data /var/lib/kua
  kua authority account reset 3 --data /var/lib/kua
  kua authority account close 3 --data /var/lib/kua`)
	c.AddCommand(a.accountAdd(), a.accountList(), a.accountReset(), a.accountClose())
	return c
}

// inviting is what a command needs to show the link of an account.
type inviting struct {
	laneFlags
	site string
}

func (f *inviting) add(a *app, c *cobra.Command) {
	f.laneFlags.add(a, c)
	c.Flags().StringVar(&f.site, "site", "", a.t("cli.flag.account_site"))
}

// show shows the link that sets an account up; without the site's address, the
// path below it.
func (f *inviting) show(a *app, of lane.Account, token string, until time.Time) {
	a.say("cli.authority.account.link", of.Number, of.Authority, plainLine(of.Name), until.UTC().Format("2006-01-02 15:04 UTC"),
		f.site+"/"+a.lang.Path()+"/open/office/enrol/"+token)
}

func (f *inviting) check() error {
	u, err := deliver.ReadSite(f.site)
	if err == nil && u != nil {
		f.site = u.String()
	}
	return err
}

func (a *app) accountAdd() *cobra.Command {
	var f inviting
	var admin bool
	c := a.command("add AUTHORITY NAME", "cli.authority.account.add", `
  kua authority account add water "Duty desk" --admin --data /var/lib/kua --site https://kua.example.org`)
	f.add(a, c)
	c.Flags().BoolVar(&admin, "admin", false, a.t("cli.flag.account_admin"))
	c.Args = exactly(2)
	c.RunE = func(c *cobra.Command, args []string) error {
		if err := f.check(); err != nil {
			return err
		}
		return f.withLane(c, func(l *lane.Lane) error {
			made, token, err := l.AddAccount(c.Context(), nil, args[0], args[1], admin)
			if err != nil {
				return err
			}
			f.show(a, made, token, l.InviteEnds())
			return nil
		})
	}
	return c
}

func (a *app) accountReset() *cobra.Command {
	var f inviting
	c := a.command("reset NUMBER", "cli.authority.account.reset", "\n  kua authority account reset 3 --data /var/lib/kua --site https://kua.example.org")
	f.add(a, c)
	c.Args = exactly(1)
	c.RunE = func(c *cobra.Command, args []string) error {
		id, err := number(args[0])
		if err != nil {
			return err
		}
		if err := f.check(); err != nil {
			return err
		}
		return f.withLane(c, func(l *lane.Lane) error {
			of, token, err := l.ResetAccount(c.Context(), nil, id)
			if err != nil {
				return err
			}
			f.show(a, of, token, l.InviteEnds())
			return nil
		})
	}
	return c
}

func (a *app) accountClose() *cobra.Command {
	var f laneFlags
	c := a.command("close NUMBER", "cli.authority.account.close", "\n  kua authority account close 3 --data /var/lib/kua")
	f.add(a, c)
	c.Args = exactly(1)
	return onNumber(c, &f, func(l *lane.Lane, id int64) error {
		if err := l.CloseAccount(c.Context(), nil, id); err != nil {
			return err
		}
		a.say("cli.authority.account.closed", id)
		return nil
	})
}

// accountsJSON is what --json says of accounts.
type accountsJSON struct {
	Accounts []lane.Account      `json:"accounts"`
	Done     []lane.AccountTrace `json:"done"` // newest first
}

func (a *app) accountList() *cobra.Command {
	var f laneFlags
	var asJSON bool
	c := a.command("list", "cli.authority.account.list", "\n  kua authority account list --data /var/lib/kua --json")
	f.add(a, c)
	c.Flags().BoolVar(&asJSON, "json", false, a.t("cli.flag.json"))
	c.Args = exactly(0)
	c.RunE = func(c *cobra.Command, _ []string) error {
		return f.withLane(c, func(l *lane.Lane) error {
			var all accountsJSON
			var err error
			if all.Accounts, err = l.Accounts(c.Context(), ""); err != nil {
				return err
			}
			const most = 1000
			if all.Done, err = l.AccountTraces(c.Context(), "", most); err != nil {
				return err
			}
			if asJSON {
				return printJSON(a.out, all)
			}
			if len(all.Accounts) == 0 {
				a.say("cli.authority.account.none")
			}
			for _, k := range all.Accounts {
				is := a.t("office.account." + k.State)
				if k.Admin {
					is = a.t("cli.authority.account.admin", is)
				}
				a.say("cli.authority.account.line", k.Number, plainLine(k.Name), k.Authority, is, string(k.Since))
			}
			for _, t := range all.Done {
				a.say("cli.authority.account.done", string(t.Day), t.Account, a.t("office.trace."+t.What), t.By)
			}
			return nil
		})
	}
	return c
}
