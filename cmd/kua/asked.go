package main

import (
	"errors"
	"slices"

	"github.com/spf13/cobra"

	"kua/internal/appeal"
	"kua/internal/authority"
	"kua/internal/fault"
)

// askFlags are the flags of the commands that ask what holds on a day: what is
// asked of which folder, of which day, and whether a program reads the answer.
type askFlags struct {
	on, dir string
	json    bool
	node    laneFlags
}

// add gives a command those of the flags that it has: "on", "dir", "json", and "node" for
// what the running node uses.
func (f *askFlags) add(a *app, c *cobra.Command, names ...string) {
	if slices.Contains(names, "on") {
		c.Flags().StringVar(&f.on, "on", "", a.t("cli.flag.on"))
	}
	if slices.Contains(names, "dir") {
		c.Flags().StringVar(&f.dir, "dir", "", a.t("cli.flag.directory"))
	}
	if slices.Contains(names, "json") {
		c.Flags().BoolVar(&f.json, "json", false, a.t("cli.flag.json"))
	}
	if slices.Contains(names, "node") {
		c.Flags().StringVar(&f.node.data, "data", "", a.t("cli.flag.node_directory"))
		c.Flags().StringVar(&f.node.db, "db", "", a.t("cli.flag.lane_db"))
		_ = c.MarkFlagDirname("data") // only names a completion
	}
}

// directory is the one that is asked about: a folder's, or the newest of a node. ok is
// false when neither is named; both are refused.
func (f *askFlags) directory(a *app, c *cobra.Command, folder string, on appeal.Day) (d authority.Directory, ok bool, err error) {
	node := f.node.data != "" || f.node.db != ""
	switch {
	case folder != "" && node:
		return d, false, fault.Invalid("cli.authority.two_directories")
	case folder != "":
		d, problems, err := readFolder(folder, on)
		if err == nil {
			if err = problems.Err(); err != nil {
				a.sayProblems(problems)
			}
		}
		return d, true, err
	case !node:
		return d, false, nil
	}
	l, err := f.node.open(c)
	if err != nil {
		return d, false, err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	_, r, err := l.Current(c.Context())
	if err != nil {
		return d, false, err
	}
	return r.Directory(), true, nil
}

// book is the law of the directory that is asked about, or the one that comes with the program.
func (f *askFlags) book(a *app, c *cobra.Command) (appeal.Book, error) {
	d, ok, err := f.directory(a, c, f.dir, appeal.Day(today()))
	if err == nil && !ok {
		return appeal.Shipped()
	}
	return d.Book, err
}

// day is the day that is asked about; today without one.
func (f *askFlags) day() (appeal.Day, error) {
	if f.on == "" {
		return appeal.ParseDay(today())
	}
	return appeal.ParseDay(f.on)
}
