package main

import "github.com/spf13/cobra"

func (a *app) open311Check() *cobra.Command { return a.command("check URL", "cli.open311", "") }
