package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// root is the command table: every command, in the order of the road.
func (a *app) root() *cobra.Command {
	root := a.command("kua", "cli.kua", "")
	root.Version = version
	root.SilenceErrors, root.SilenceUsage = true, true
	root.SetIn(a.in)
	root.SetOut(a.out)
	root.SetErr(a.err)
	root.PersistentPreRunE = func(c *cobra.Command, _ []string) error {
		if err := c.ValidateRequiredFlags(); err != nil {
			return err
		}
		a.began = true
		return nil
	}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	root.SetUsageTemplate(a.usageTemplate())
	root.SetVersionTemplate("kua {{.Version}}\n")
	root.AddCommand(
		a.demoCommand(),
		a.charterCommand(),
		a.nodeCommand(),
		a.reportCommand(), a.sealCommand(), a.sendCommand(), a.repliesCommand(), a.filingCommand(),
		a.deskCommand(),
		a.cleanCommand(),
		a.gateCommand(), a.canaryCommand(),
		a.authorityCommand(),
		a.laneCommand(),
		a.appealCommand(),
		a.open311Command(),
		a.mirrorCommand(), a.bundleCommand(), a.courierCommand(), a.watchCommand(), a.probeCommand(),
		a.verifyCommand(), a.readerCommand(), a.cardCommand(), a.botCommand(),
		a.tracesCommand(),
		a.manCommand(), a.licencesCommand(),
	)
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	for _, c := range root.Commands() {
		switch c.Name() {
		case "help":
			c.Short = a.t("cli.help")
		case "completion":
			c.Short, c.Long = a.t("cli.completion"), a.t("cli.completion.long")
		}
	}
	a.wordFlags(root)
	return root
}

// command makes a command whose words are under key and key+".long".
func (a *app) command(use, key, example string) *cobra.Command {
	c := &cobra.Command{Use: use, Short: a.t(key), Example: strings.Trim(example, "\n")}
	if a.cat.Has(key + ".long") {
		c.Long = a.t(key + ".long")
	}
	return c
}

// exactly refuses any other number of arguments as a usage error.
func exactly(n int) cobra.PositionalArgs { return usage(cobra.ExactArgs(n)) }

func atMost(n int) cobra.PositionalArgs { return usage(cobra.MaximumNArgs(n)) }

func atLeast(n int) cobra.PositionalArgs { return usage(cobra.MinimumNArgs(n)) }

func usage(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		err := check(c, args)
		switch {
		case err == nil:
			return nil
		case c.HasAvailableSubCommands() && len(args) > 0:
			return usageError{fmt.Errorf("unknown command %q for %q", args[0], c.CommandPath())}
		}
		return usageError{err}
	}
}

// wordFlags words the flags cobra makes by itself.
func (a *app) wordFlags(c *cobra.Command) {
	c.InitDefaultHelpFlag()
	c.Flags().Lookup("help").Usage = a.t("cli.flag.help")
	c.InitDefaultVersionFlag()
	if f := c.Flags().Lookup("version"); f != nil {
		f.Usage = a.t("cli.flag.version")
	}
	for _, sub := range c.Commands() {
		a.wordFlags(sub)
	}
}

func (a *app) usageTemplate() string {
	return a.t("cli.usage") + `:{{if .Runnable}}
  {{.UseLine}}{{end}}{{if .HasAvailableSubCommands}}
  {{.CommandPath}} <` + a.t("cli.usage.command") + `>{{end}}{{if .HasExample}}

` + a.t("cli.usage.examples") + `:
{{.Example}}{{end}}{{if .HasAvailableSubCommands}}

` + a.t("cli.usage.commands") + `:{{range .Commands}}{{if or .IsAvailableCommand (eq .Name "help")}}
  {{rpad .Name .NamePadding }} {{.Short}}{{end}}{{end}}{{end}}{{if .HasAvailableLocalFlags}}

` + a.t("cli.usage.flags") + `:
{{.LocalFlags.FlagUsages | trimTrailingWhitespaces}}{{end}}{{if .HasAvailableInheritedFlags}}
{{.InheritedFlags.FlagUsages | trimTrailingWhitespaces}}{{end}}{{if .HasAvailableSubCommands}}

` + a.t("cli.usage.more", "{{.CommandPath}}") + `{{end}}
`
}
