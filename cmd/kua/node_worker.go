package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"

	"github.com/spf13/cobra"

	"kua/internal/charter"
	"kua/internal/fault"
	"kua/internal/lane"
	"kua/internal/locale"
)

// nodeWorker does what a node does beside serving the open lane: it delivers,
// asks endpoints what became of reports, and erases what is due in a bucket. The
// pictures of a folder are erased by the node that has it.
func (a *app) nodeWorker(dir *string) *cobra.Command {
	var tell delivery
	var at laneAt
	var from string
	c := a.command("worker", "cli.node.worker", `
  kua node worker --charter /etc/kua --db postgres://kua@db.example.org/kua --pictures s3://s3.example.org/pictures \
    --site https://kua.example.org --smtp mail.example.org:587 --smtp-user kua --smtp-password-file /etc/kua/smtp --smtp-from post@kua.example.org`)
	c.Flags().StringVar(&from, "charter", "", a.t("cli.flag.node_charter"))
	c.Flags().StringVar(&at.db, "db", "", a.t("cli.flag.lane_db"))
	c.Flags().StringVar(&at.pictures, "pictures", "", a.t("cli.flag.pictures"))
	tell.flags(a, c.Flags())
	c.Args = exactly(0)
	c.RunE = func(c *cobra.Command, _ []string) (err error) {
		if err := tell.check(); err != nil {
			return err
		}
		name, err := nameIn(from)
		if err != nil {
			return err
		}
		open, err := a.openApart(c.Context(), *dir, at)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, open.Close()) }()
		worker, err := tell.worker(a, open, a.cat, name)
		if err != nil {
			return err
		}
		a.say("cli.node.worker.runs")
		var tending sync.WaitGroup
		if at.pictures != "" {
			tending.Go(func() {
				diary := a.diary()
				tendLane(c.Context(), open, func(err error) { diary.Error("tending the open lane failed", "fault", err) })
			})
		}
		worker.Run(c.Context())
		tending.Wait()
		return nil
	}
	return c
}

// openApart opens a lane that is there, to work on it beside whoever serves it.
func (a *app) openApart(ctx context.Context, dir string, at laneAt) (_ *lane.Lane, err error) {
	cfg := lane.Config{Dir: dir, URL: at.db}
	if at.db == "" {
		file := filepath.Join(dir, "lane.db")
		if _, err := os.Stat(file); err != nil {
			return nil, fault.NotFound("lane.move_nothing", file)
		}
		if err := ownFolder(dir); err != nil {
			return nil, err
		}
	}
	if at.pictures != "" {
		if cfg.Pictures, err = a.bucket(ctx, at.pictures); err != nil {
			return nil, err
		}
	}
	return lane.Open(ctx, cfg)
}

// nameIn gives how a charter's collective calls itself; without one it is the
// program's name.
func nameIn(folder string) (func(locale.Tag) string, error) {
	if folder == "" {
		return nil, nil
	}
	chain, err := readCharter(folder)
	if err != nil {
		return nil, err
	}
	believed, err := chain.Verify("")
	if err != nil {
		return nil, err
	}
	return func(lang locale.Tag) string { return collective(believed, lang) }, nil
}

// collective is a charter's name in a language.
func collective(c charter.Charter, lang locale.Tag) string {
	name, _ := lang.Text(c.Name)
	return name
}
