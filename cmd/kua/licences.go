package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"kua/internal/licences"
)

// licencesCommand prints the licences of the program and of all that is in it.
func (a *app) licencesCommand() *cobra.Command {
	c := a.command("licences", "cli.licences", `
  kua licences | less`)
	c.Aliases = []string{"licenses"}
	c.Args = exactly(0)
	c.RunE = func(*cobra.Command, []string) error {
		_, err := fmt.Fprint(a.out, licences.Text)
		return err
	}
	return c
}
