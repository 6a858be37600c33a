package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"kua/internal/charter"
	"kua/internal/desk"
	"kua/internal/fault"
	"kua/internal/tor"
)

// deskRoad is how a desk calls its nodes: plainly, through a SOCKS proxy, or
// through a tor of its own, which is started when the first node is called.
type deskRoad struct {
	torFlags
	proxy   string
	through string // a courier's folder
}

func (f *deskRoad) flags(a *app, flags *pflag.FlagSet) {
	f.add(a, flags, "cli.flag.desk_tor")
	flags.StringVar(&f.proxy, "proxy", "", a.t("cli.flag.proxy"))
	flags.StringVar(&f.through, "through", "", a.t("cli.flag.through"))
}

// open gives the client for the road and what ends it; client is nil for the
// plain one. With begin, tor is started at once.
func (f *deskRoad) open(ctx context.Context, a *app, dir string, begin bool) (client *http.Client, end func(), err error) {
	lines, err := f.lines()
	if err != nil {
		return nil, nil, err
	}
	if f.through != "" {
		if f.on || f.proxy != "" {
			return nil, nil, fault.Invalid("courier.or_net")
		}
		return deskByHand(f.through, dir)
	}
	if !f.on {
		client, err = proxied(f.proxy)
		return client, func() {}, err
	}
	if f.proxy != "" {
		return nil, nil, fault.Invalid("cli.tor.or_proxy")
	}
	r := &torRoad{ctx: ctx, app: a, cfg: tor.Config{Dir: filepath.Join(dir, "tor"), Socks: true, Lines: lines, Progress: a.sayTor, Diary: a.diary()}, dir: dir}
	if begin {
		if err := r.start(); err != nil {
			return nil, nil, err
		}
	}
	return &http.Client{Transport: r}, r.end, nil
}

// torRoad is a transport that starts tor for the first call.
type torRoad struct {
	ctx context.Context
	app *app
	cfg tor.Config
	dir string

	mu      sync.Mutex // guards what follows
	tor     *tor.Tor
	through *http.Transport
}

// start starts tor unless it runs.
func (r *torRoad) start() (err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.tor != nil {
		return nil
	}
	roads, err := desk.ReadRoads(r.dir)
	if err != nil {
		return err
	}
	if r.cfg.Keys, err = roads.Keys(); err != nil {
		return err
	}
	if r.tor, err = tor.Start(r.ctx, r.cfg); err != nil {
		return err
	}
	r.through = r.tor.Proxy().Transport()
	return nil
}

// RoundTrip implements http.RoundTripper. It waits until Tor is connected.
func (r *torRoad) RoundTrip(req *http.Request) (*http.Response, error) {
	if err := r.start(); err != nil {
		return nil, err
	}
	if err := r.app.waitForTor(req.Context(), r.tor); err != nil {
		return nil, err
	}
	return r.through.RoundTrip(req)
}

// dial opens a connection that is no HTTP, as RoundTrip makes calls.
func (r *torRoad) dial(ctx context.Context, network, address string) (net.Conn, error) {
	if err := r.start(); err != nil {
		return nil, err
	}
	if err := r.app.waitForTor(ctx, r.tor); err != nil {
		return nil, err
	}
	return r.tor.Proxy().Dial(ctx, network, address)
}

func (r *torRoad) end() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.tor != nil {
		r.through.CloseIdleConnections()
		r.tor.Stop()
	}
}

// deskOnionKey prints the key that nodes need in order to let this desk in.
func (a *app) deskOnionKey(f *deskFlags) *cobra.Command {
	c := a.command("onion-key", "cli.desk.onion_key", "\n  kua desk onion-key --dir kua")
	c.Args = exactly(0)
	c.RunE = func(*cobra.Command, []string) error {
		key, err := desk.OnionKey(f.dir)
		if err == nil {
			fmt.Fprintln(a.out, key)
		}
		return err
	}
	return c
}

// deskDoor notes at which onion address a node lets this desk in.
func (a *app) deskDoor(f *deskFlags) *cobra.Command {
	c := a.command("door KEY [ADDRESS]", "cli.desk.door", "\n  kua desk door --dir kua R3xZ…= http://abc….onion")
	c.Args = usage(cobra.RangeArgs(1, 2))
	c.RunE = func(_ *cobra.Command, args []string) error {
		ch, _, err := desk.ReadCharter(f.dir)
		if err != nil {
			return err
		}
		if !slices.ContainsFunc(ch.Nodes, func(n charter.Node) bool { return n.Key == args[0] }) {
			return fault.NotFound("cli.charter.no_node", args[0])
		}
		roads, err := desk.ReadRoads(f.dir)
		if err != nil {
			return err
		}
		if err := roads.Set(args[0], strings.Join(args[1:], "")); err != nil {
			return err
		}
		a.say("cli.desk.door.done")
		return nil
	}
	return c
}
