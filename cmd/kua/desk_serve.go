package main

import (
	"context"
	"log/slog"

	"github.com/spf13/cobra"

	"kua/internal/desk"
	"kua/internal/desk/deskweb"
	"kua/internal/media"
)

// deskServeFlags is how the desk's pages are served.
type deskServeFlags struct {
	addr, cert, key string
	hosts           []string
}

func (s *deskServeFlags) add(a *app, c *cobra.Command, f *deskFlags) {
	c.Flags().StringVar(&s.addr, "addr", "127.0.0.1:8414", a.t("cli.flag.desk_addr"))
	c.Flags().StringVar(&s.cert, "tls-cert", "", a.t("cli.flag.tls_cert"))
	c.Flags().StringVar(&s.key, "tls-key", "", a.t("cli.flag.tls_key"))
	c.Flags().StringSliceVar(&s.hosts, "host", nil, a.t("cli.flag.host"))
	c.Flags().BoolVar(&f.keep, "keep", false, a.t("cli.flag.keep_on_nodes"))
}

// serveDesk serves the desk's pages until it is interrupted. People sign in
// there; nothing is unlocked before.
func (a *app) serveDesk(ctx context.Context, f deskFlags, s deskServeFlags) error {
	if err := media.Check(); err != nil {
		return err
	}
	if _, _, err := desk.ReadCharter(f.dir); err != nil {
		return err
	}
	client, end, err := f.road.open(ctx, a, f.dir, true)
	if err != nil {
		return err
	}
	defer end()
	cfg := a.deskConfig(f, client)
	cfg.Diary = a.diary()
	app, err := deskweb.New(deskweb.Config{
		Desk: cfg,
		Addr: s.addr, Hosts: s.hosts, TLSCert: s.cert, TLSKey: s.key, Diary: a.diary(),
	})
	if err != nil {
		return err
	}
	l, err := app.Listen()
	if err != nil {
		return err
	}
	a.say("cli.desk.serving", app.URL())
	return app.Serve(ctx, l)
}

// diary is where the long-running rooms write: ids and faults, to standard error.
func (a *app) diary() *slog.Logger { return slog.New(slog.NewTextHandler(a.err, nil)) }
