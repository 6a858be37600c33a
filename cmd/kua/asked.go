package main

import (
	"slices"

	"github.com/spf13/cobra"

	"kua/internal/appeal"
)

// askFlags are the flags of the commands that ask what holds on a day: what is
// asked of which folder, of which day, and whether a program reads the answer.
type askFlags struct {
	on, dir string
	json    bool
}

// add gives a command those of the flags that it has: "on", "dir", "json".
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
}

// day is the day that is asked about; today without one.
func (f *askFlags) day() (appeal.Day, error) {
	if f.on == "" {
		return appeal.ParseDay(today())
	}
	return appeal.ParseDay(f.on)
}
