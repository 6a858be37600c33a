package main

import (
	"os"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

// manCommand writes a manual page for every command into a folder.
func (a *app) manCommand() *cobra.Command {
	c := a.command("man DIR", "cli.man", `
  kua man /usr/local/share/man/man1`)
	c.Args = exactly(1)
	c.RunE = func(c *cobra.Command, args []string) error {
		if err := os.MkdirAll(args[0], 0o755); err != nil {
			return err
		}
		root := c.Root()
		root.DisableAutoGenTag = true
		return doc.GenManTree(root, &doc.GenManHeader{Title: "KUA", Section: "1", Source: "kua " + version}, args[0])
	}
	return c
}
