package main

import (
	"time"

	"github.com/spf13/cobra"

	"kua/internal/fault"
	"kua/internal/lane"
)

// sayEvery is how often a long piece of work says how far it is.
const sayEvery = 5 * time.Second

// nodeMigrate moves the open lane of a running node.
func (a *app) nodeMigrate(dir *string) *cobra.Command {
	var db, pictures string
	c := a.command("migrate", "cli.node.migrate", `
  kua node migrate --dir /var/lib/kua --to-db postgres://kua@db.example.org/kua
  kua node migrate --dir /var/lib/kua --to-db postgres://kua@db.example.org/kua --to-pictures s3://s3.example.org/pictures`)
	c.Flags().StringVar(&db, "to-db", "", a.t("cli.flag.to_db"))
	c.Flags().StringVar(&pictures, "to-pictures", "", a.t("cli.flag.to_pictures"))
	c.Args = exactly(0)
	c.RunE = func(c *cobra.Command, _ []string) error {
		if db == "" {
			return fault.Invalid("cli.node.migrate.where")
		}
		if err := ownFolder(*dir); err != nil {
			return err
		}
		cfg := lane.MoveConfig{Dir: *dir, URL: db, Progress: a.sayProgress()}
		var err error
		if pictures != "" {
			if cfg.Pictures, cfg.Place, err = a.pictures(c.Context(), pictures); err != nil {
				return err
			}
		}
		done, err := lane.MoveTo(c.Context(), cfg)
		if err != nil {
			return err
		}
		if done.Before {
			a.say("cli.node.migrate.before")
			return nil
		}
		for _, t := range done.Tables {
			a.say("cli.node.migrate.table", t.Table, t.Rows, t.Source)
		}
		a.say("cli.node.migrate.done", done.Pictures, int(done.Stopped.Seconds()+1), done.Rows)
		return nil
	}
	return c
}

// sayProgress says from time to time how far a move is, and about how long what
// it is at will take.
func (a *app) sayProgress() func(lane.Progress) {
	var last lane.Progress
	var began, said time.Time
	return func(p lane.Progress) {
		now := time.Now()
		if p.Stage != last.Stage || p.Pass != last.Pass {
			began, said = now, now
			if p.Stage != lane.Moved {
				a.say("cli.node.migrate."+string(p.Stage), p.Pass)
			}
		}
		last = p
		if now.Sub(said) < sayEvery {
			return
		}
		said = now
		if p.Of <= p.Done || p.Done == 0 || p.Stage == lane.Draining {
			a.say("cli.node.migrate.so_far", p.Done)
			return
		}
		left := now.Sub(began) * time.Duration(p.Of-p.Done) / time.Duration(p.Done)
		a.say("cli.node.migrate.left", p.Done, p.Of, int(left.Seconds())+1)
	}
}
