package main

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"kua/internal/charter"
	"kua/internal/fault"
)

// charterAddMirror and what follows draft what every page's foot names: copies
// and a channel elsewhere.
func (a *app) charterAddMirror(dir *string) *cobra.Command {
	c := a.command("add-mirror URL", "cli.charter.add_mirror", `
  kua charter add-mirror --dir kua https://copy.example.org`)
	c.Args = exactly(1)
	c.RunE = func(_ *cobra.Command, args []string) error {
		return a.change(*dir, func(next *charter.Charter) error {
			next.Mirrors = append(next.Mirrors, strings.TrimRight(args[0], "/"))
			return nil
		})
	}
	return c
}

func (a *app) charterRemoveMirror(dir *string) *cobra.Command {
	c := a.command("remove-mirror URL", "cli.charter.remove_mirror", `
  kua charter remove-mirror --dir kua https://copy.example.org`)
	c.Args = exactly(1)
	c.RunE = func(_ *cobra.Command, args []string) error {
		return a.change(*dir, func(next *charter.Charter) error {
			before := len(next.Mirrors)
			next.Mirrors = slices.DeleteFunc(next.Mirrors, func(m string) bool { return strings.TrimRight(m, "/") == strings.TrimRight(args[0], "/") })
			if len(next.Mirrors) == before {
				return fault.NotFound("cli.charter.no_mirror", args[0])
			}
			return nil
		})
	}
	return c
}

func (a *app) charterHandle(dir *string) *cobra.Command {
	c := a.command("handle WORDS", "cli.charter.handle", `
  kua charter handle --dir kua "Telegram @kua_sample"
  kua charter handle --dir kua ""`)
	c.Args = exactly(1)
	c.RunE = func(_ *cobra.Command, args []string) error {
		return a.change(*dir, func(next *charter.Charter) error {
			next.Handle = args[0]
			return nil
		})
	}
	return c
}
