package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"

	"github.com/spf13/cobra"

	"kua/internal/courier"
	"kua/internal/fault"
	"kua/internal/handover"
	"kua/internal/onion"
)

// receiving is how a laptop takes reports from phones in the room.
type receiving struct {
	addr, host, screen, plain string
	identity                  string
	charterFile, charter      string
	megabytes                 int64
}

func (a *app) courierReceive() *cobra.Command {
	var r receiving
	c := a.command("receive DIR", "cli.courier.receive", `
  kua courier receive /media/stick/post
  kua courier receive /media/stick/post --charter-file kua --charter 3fa9c1…
  kua courier receive /media/stick/post --identity ~/kua-laptop.pem --plain :8416`)
	c.Flags().StringVar(&r.addr, "addr", ":8417", a.t("cli.flag.receive_addr"))
	c.Flags().StringVar(&r.host, "host", "", a.t("cli.flag.receive_host"))
	c.Flags().StringVar(&r.screen, "screen", "127.0.0.1:8418", a.t("cli.flag.receive_screen"))
	c.Flags().StringVar(&r.plain, "plain", "", a.t("cli.flag.receive_plain"))
	c.Flags().StringVar(&r.identity, "identity", "", a.t("cli.flag.receive_identity"))
	c.Flags().StringVar(&r.charterFile, "charter-file", "", a.t("cli.flag.charter_file"))
	c.Flags().StringVar(&r.charter, "charter", "", a.t("cli.flag.charter"))
	c.Flags().Int64Var(&r.megabytes, "megabytes", 4000, a.t("cli.flag.receive_megabytes"))
	c.Args = exactly(1)
	c.RunE = func(c *cobra.Command, args []string) error {
		if host, _, err := net.SplitHostPort(r.screen); r.screen != "" && (err != nil || !onion.Loopback(host)) {
			return fault.Invalid("handover.screen_address", r.screen)
		}
		return inFolder(args[0], true, func(f *courier.Folder) error { return a.receive(c.Context(), f, r) })
	}
	return c
}

func (a *app) receive(ctx context.Context, f *courier.Folder, r receiving) error {
	if r.charterFile != "" {
		chain, err := readCharter(r.charterFile)
		if err != nil {
			return err
		}
		if err := f.PutChain(chain); err != nil {
			return err
		}
	}
	ch, err := f.Charter(r.charter)
	if err != nil {
		return err
	}
	ips, err := r.addresses()
	if err != nil {
		return err
	}
	id, err := r.known(ips)
	if err != nil {
		return err
	}
	key, err := id.SigningKey()
	if err != nil {
		return err
	}
	laptop, err := handover.New(f.Counter(key, r.megabytes<<20, func(err error) { a.say("cli.courier.receive.trouble", err.Error()) }), ch, a.cat)
	if err != nil {
		return err
	}
	open, err := r.open(laptop, id, ips)
	if err != nil {
		return err
	}
	if err := a.sayReceiving(open.shown, r.screen); err != nil {
		return errors.Join(err, open.close())
	}
	return open.serve(ctx)
}

// addresses gives the laptop's addresses in the room, or the one that was named.
func (r receiving) addresses() ([]net.IP, error) {
	if r.host != "" {
		ip := net.ParseIP(r.host)
		if ip == nil {
			return nil, fault.Invalid("handover.host", r.host)
		}
		return []net.IP{ip}, nil
	}
	ips, err := handover.Addresses()
	if err == nil && len(ips) == 0 {
		err = fault.NotFound("handover.no_address")
	}
	return ips, err
}

// at is where a door for phones stands: on the address that was named, unless the
// door's own names one.
func (r receiving) at(addr string) string {
	if host, port, err := net.SplitHostPort(addr); err == nil && host == "" && r.host != "" {
		return net.JoinHostPort(r.host, port)
	}
	return addr
}

func (r receiving) known(ips []net.IP) (*handover.Identity, error) {
	if r.identity != "" {
		return handover.KeptIdentity(r.identity, ips)
	}
	return handover.NewIdentity(ips)
}

// opened are the doors of a laptop, and what its screen says of them.
type opened struct {
	doors []handover.Listen
	shown handover.Shown
}

func (r receiving) open(laptop *handover.Laptop, id *handover.Identity, ips []net.IP) (o opened, err error) {
	listen := func(addr string) (net.Listener, string, error) {
		l, err := net.Listen("tcp", addr)
		if err != nil {
			return nil, "", errors.Join(fault.Conflict("cli.node.address", addr).Because(err), o.close())
		}
		_, port, err := net.SplitHostPort(l.Addr().String())
		return l, port, err
	}
	l, port, err := listen(r.at(r.addr))
	if err != nil {
		return o, err
	}
	certificate := id.Certificate()
	o.doors = append(o.doors, handover.Listen{Listener: l, Certificate: &certificate, Handler: laptop.Sealed(ips)})
	o.shown.Fingerprint = id.Fingerprint()
	for _, ip := range ips {
		o.shown.Addresses = append(o.shown.Addresses, handover.Host("https", ip, port))
	}
	if r.plain != "" {
		if l, port, err = listen(r.at(r.plain)); err != nil {
			return o, err
		}
		o.doors = append(o.doors, handover.Listen{Listener: l, Handler: laptop.Plain(ips)})
		o.shown.Plain = handover.Host("http", ips[0], port)
	}
	if r.screen == "" {
		return o, nil
	}
	screen, err := laptop.Screen(o.shown)
	if err != nil {
		return o, errors.Join(err, o.close())
	}
	if l, _, err = listen(r.screen); err != nil {
		return o, err
	}
	o.doors = append(o.doors, handover.Listen{Listener: l, Handler: screen})
	return o, nil
}

func (o opened) close() error {
	var all []error
	for _, d := range o.doors {
		all = append(all, d.Listener.Close())
	}
	return errors.Join(all...)
}

// serve answers at every door until one fails or ctx ends.
func (o opened) serve(ctx context.Context) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var doors sync.WaitGroup
	ended := make([]error, len(o.doors))
	for i, d := range o.doors {
		doors.Go(func() {
			defer stop()
			ended[i] = handover.Serve(ctx, d)
		})
	}
	doors.Wait()
	return errors.Join(ended...)
}

func (a *app) sayReceiving(s handover.Shown, screen string) error {
	code, err := handover.Terminal(s.Addresses[0])
	if err != nil {
		return err
	}
	if isTerminal(a.out) {
		fmt.Fprint(a.out, code)
	}
	a.say("cli.courier.receive.at", strings.Join(s.Addresses, " "))
	a.say("cli.courier.receive.compare", strings.Join(s.Fingerprint, " "))
	if s.Plain != "" {
		a.say("cli.courier.receive.plain", s.Plain)
	}
	if screen != "" {
		a.say("cli.courier.receive.screen", "http://"+screen+"/")
	}
	return nil
}
