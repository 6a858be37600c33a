package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"kua/internal/fault"
	"kua/internal/node"
	"kua/internal/onion"
	"kua/internal/tor"
)

// proxyFlag adds --proxy to a command that calls nodes, and gives the road that
// it asks for: nil for the plain one.
func (a *app) proxyFlag(c *cobra.Command) (road func() (*http.Client, error)) {
	var proxy string
	c.Flags().StringVar(&proxy, "proxy", "", a.t("cli.flag.proxy"))
	return func() (*http.Client, error) { return proxied(proxy) }
}

func proxied(proxy string) (*http.Client, error) {
	if proxy == "" {
		return nil, nil
	}
	p, err := onion.ParseProxy(proxy)
	if err != nil {
		return nil, err
	}
	return &http.Client{Transport: p.Transport()}, nil
}

// torFlags is how a room uses Tor.
type torFlags struct {
	on     bool
	config string // a file with more lines, such as bridges
}

func (f *torFlags) add(a *app, flags *pflag.FlagSet, key string) {
	flags.BoolVar(&f.on, "tor", false, a.t(key))
	flags.StringVar(&f.config, "tor-config", "", a.t("cli.flag.tor_config"))
}

// lines reads the file of further lines.
func (f *torFlags) lines() ([]string, error) {
	if f.config == "" {
		return nil, nil
	}
	if !f.on {
		return nil, fault.Invalid("cli.tor.flag_alone", "--tor-config")
	}
	file, err := os.Open(f.config)
	if err != nil {
		return nil, fmt.Errorf("read tor's further lines: %w", err)
	}
	defer file.Close()
	var all []string
	s := bufio.NewScanner(file)
	for s.Scan() {
		all = append(all, s.Text())
	}
	return all, s.Err()
}

// sayTor tells how far Tor has come.
func (a *app) sayTor(p tor.Progress) {
	line := a.t("cli.tor.progress", p.Percent, plainLine(p.Doing))
	if p.Left > 0 {
		line = a.t("cli.tor.progress_left", p.Percent, plainLine(p.Doing), p.Left.String())
	}
	fmt.Fprintln(a.err, "kua: "+line)
}

// patience is after how long without a connection a person is told what may be wrong.
const patience = 2 * time.Minute

// waitForTor waits until Tor is connected, and says so when that takes long.
func (a *app) waitForTor(ctx context.Context, t *tor.Tor) error {
	for {
		soon, cancel := context.WithTimeout(ctx, patience)
		err := t.Connected(soon)
		cancel()
		if err == nil || ctx.Err() != nil || !errors.Is(err, context.DeadlineExceeded) {
			return err
		}
		fmt.Fprintln(a.err, "kua: "+a.t("cli.tor.stuck", patience.String()))
	}
}

// The node's two onion services.
const (
	onionPublic = "public"
	onionDesk   = "desk"
)

// nodeTor is what a node needs for its onion services.
type nodeTor struct {
	torFlags
	desks []string // keys of those who may reach the desk's door
}

func (f *nodeTor) flags(a *app, flags *pflag.FlagSet) {
	f.add(a, flags, "cli.flag.node_tor")
	flags.StringArrayVar(&f.desks, "desk-key", nil, a.t("cli.flag.desk_key"))
}

// check refuses keys that cannot be meant before anything is opened.
func (f *nodeTor) check() error {
	if len(f.desks) > 0 && !f.on {
		return fault.Invalid("cli.tor.flag_alone", "--desk-key")
	}
	for _, key := range f.desks {
		if err := onion.CheckClientKey(key); err != nil {
			return err
		}
	}
	return nil
}

// onionDoors is a node's running tor with the doors behind it.
type onionDoors struct {
	tor   *tor.Tor
	host  string // of the public service
	doors []door
}

type door struct {
	at      node.Listen
	handler http.Handler
}

// openOnion starts tor for a node and opens the doors at which its visitors
// arrive. The address is known when it returns; the rest it tells as it comes.
func (a *app) openOnion(ctx context.Context, f nodeTor, dir string, n *served) (_ *onionDoors, err error) {
	lines, err := f.lines()
	if err != nil {
		return nil, err
	}
	services := []tor.Service{{Name: onionPublic, Open: true}}
	if len(f.desks) > 0 {
		services = append(services, tor.Service{Name: onionDesk, Clients: f.desks})
	}
	o := new(onionDoors)
	if o.tor, err = tor.Start(ctx, tor.Config{Dir: filepath.Join(dir, "tor"), Services: services, Lines: lines, Progress: a.sayTor, Diary: a.diary()}); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			o.close()
		}
	}()
	handlers := map[string]http.Handler{onionPublic: n, onionDesk: n.ForDesk()}
	for _, s := range services {
		l, err := listenAt(o.tor.Socket(s.Name))
		if err != nil {
			return nil, err
		}
		o.doors = append(o.doors, door{node.Listen{Listener: l, BehindProxy: true, Desk: s.Name == onionDesk}, onion.Bare(handlers[s.Name])})
	}
	for _, s := range services {
		soon, cancel := context.WithTimeout(ctx, time.Minute)
		host, err := o.tor.Host(soon, s.Name)
		cancel()
		if err != nil {
			return nil, fault.Later("cli.tor.no_address").Because(err)
		}
		if s.Name == onionPublic {
			o.host = host
		}
		a.say("cli.node.onion."+s.Name, "http://"+host)
	}
	go a.tellOnion(ctx, o.tor, services)
	return o, nil
}

// tellOnion says when the services can be reached.
func (a *app) tellOnion(ctx context.Context, t *tor.Tor, services []tor.Service) {
	if a.waitForTor(ctx, t) != nil {
		return // the diary has why
	}
	for _, s := range services {
		if t.Announced(ctx, s.Name) != nil {
			return
		}
	}
	a.say("cli.node.onion.ready")
}

// serveWithOnion serves a node where it listens and at its onion addresses
// until ctx ends. stop ends all of it when one part cannot go on.
func (a *app) serveWithOnion(ctx context.Context, stop func(), listen node.Listen, f nodeTor, dir string, n *served) error {
	o, err := a.openOnion(ctx, f, dir, n)
	if err != nil {
		return errors.Join(err, listen.Listener.Close())
	}
	defer o.close()
	all := append(o.doors, door{listen, onion.Located(o.host, hasOnionPage, n)})
	failed := make([]error, len(all))
	var serving sync.WaitGroup
	for i, d := range all {
		serving.Go(func() {
			failed[i] = n.Serve(ctx, d.at, d.handler)
			stop()
		})
	}
	serving.Wait()
	return errors.Join(failed...)
}

// close ends tor, and lets go of the doors.
func (o *onionDoors) close() {
	for _, d := range o.doors {
		_ = d.at.Listener.Close()
	}
	o.tor.Stop()
}

// listenAt listens at a unix socket that a killed run may have left.
func listenAt(path string) (net.Listener, error) {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, fault.Conflict("node.cannot_listen", path).Because(err)
	}
	return l, nil
}

// hasOnionPage reports whether a page at this path is worth a header that names
// its onion address: what people read, and not what scripts and desks call.
func hasOnionPage(path string) bool {
	return !strings.HasPrefix(path, "/api/") && !strings.HasPrefix(path, "/open311/") && (strings.HasSuffix(path, "/") || strings.HasSuffix(path, ".html") || !strings.Contains(path[strings.LastIndexByte(path, '/')+1:], "."))
}
