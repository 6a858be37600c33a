package main

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"kua/internal/bot"
	"kua/internal/fault"
	"kua/internal/onion"
)

// botCommand answers readers on Telegram from a copy of an edition.
func (a *app) botCommand() *cobra.Command {
	var tokenFile, pinned string
	c := a.command("bot DIR", "cli.bot", `
  kua bot copy --token-file token
  kua bot copy --token-file token --charter 3fa9c1… --proxy 127.0.0.1:9050`)
	c.Flags().StringVar(&tokenFile, "token-file", "", a.t("cli.flag.token_file"))
	c.Flags().StringVar(&pinned, "charter", "", a.t("cli.flag.charter"))
	_ = c.MarkFlagRequired("token-file") // only names a flag that is there
	road := a.proxyFlag(c)
	c.Args = exactly(1)
	c.RunE = func(c *cobra.Command, args []string) error {
		if besideDesk(args[0]) {
			return fault.Forbidden("bot.beside_desk", args[0])
		}
		token, err := a.channelSecret(tokenFile)
		if err != nil {
			return err
		}
		client, err := road()
		if err != nil {
			return err
		}
		if client == nil {
			client = &http.Client{Transport: onion.Direct()}
		}
		shelf, err := bot.Open(args[0], pinned)
		if err != nil {
			return err
		}
		number, records := shelf.Edition()
		a.say("cli.bot.serving", number, records)
		return bot.Serve(c.Context(), bot.Config{Token: token, Server: strings.TrimRight(a.env(telegramServerEnv), "/"), HTTP: client, Say: a.anyLanguage(), Now: time.Now,
			Tell: func(err error) {
				if err != nil {
					a.warn("cli.bot.trouble", err)
				} else {
					a.say("cli.bot.well")
				}
			}}, shelf)
	}
	return c
}

// besideDesk reports whether a folder is a desk's own edition.
func besideDesk(dir string) bool {
	for _, above := range []string{".", "..", "../.."} {
		if _, err := os.Stat(filepath.Join(dir, above, "desk.db")); err == nil {
			return true
		}
	}
	return false
}
