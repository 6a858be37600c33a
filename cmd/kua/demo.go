package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"kua/internal/charter"
	"kua/internal/desk"
	"kua/internal/desk/deskweb"
	"kua/internal/fault"
	"kua/internal/keyring"
	"kua/internal/media"
	"kua/internal/receipt"
)

// demo is one walk down the whole road with throwaway keys and made-up
// material: a node, a desk and a witness in one process.
type demo struct {
	*app
	dir    string
	canary string // planted in every hiding place; must come out nowhere
	pass   string

	node   *demoNode
	people []*keyring.Person
	desk   *desk.Desk
	seats  []*desk.Seat

	receipt receipt.Receipt
	parcel  string
	caseID  int64
	record  string
}

func (a *app) demoCommand() *cobra.Command {
	var once bool
	var dir, public, private string
	c := a.command("demo", "cli.demo", `
  kua demo            # walk the road, then stay up and look around
  kua demo --once     # walk the road, check the result, exit`)
	c.Flags().BoolVar(&once, "once", false, a.t("cli.flag.once"))
	c.Flags().StringVar(&dir, "dir", "", a.t("cli.flag.demo_dir"))
	c.Flags().StringVar(&public, "addr", "127.0.0.1:8413", a.t("cli.flag.demo_addr"))
	c.Flags().StringVar(&private, "desk-addr", "127.0.0.1:8414", a.t("cli.flag.desk_addr"))
	c.Args = exactly(0)
	c.RunE = func(c *cobra.Command, _ []string) error {
		if err := media.Check(); err != nil {
			return err
		}
		if once {
			public, private = "127.0.0.1:0", "127.0.0.1:0"
		}
		if dir == "" {
			made, err := os.MkdirTemp("", "kua-demo-")
			if err != nil {
				return err
			}
			defer os.RemoveAll(made)
			dir = made
		} else if entries, err := os.ReadDir(dir); err == nil && len(entries) > 0 {
			return fault.Conflict("cli.demo.dir_used", dir)
		}
		d := &demo{app: a, dir: dir, canary: "kanarejka-" + strings.ToLower(rand.Text()[:10]), pass: "made up " + strings.ToLower(rand.Text()[:12])}
		defer d.close()
		if err := d.walk(c.Context(), public); err != nil {
			return err
		}
		if once {
			return nil
		}
		return d.stay(c.Context(), private)
	}
	return c
}

// walk goes down the road, a step at a time, and says how long each took.
func (d *demo) walk(ctx context.Context, addr string) error {
	d.say("cli.demo.begin")
	steps := []struct {
		key string
		do  func(context.Context) (string, error)
	}{
		{"cli.demo.found", func(ctx context.Context) (string, error) { return d.found(ctx, addr) }},
		{"cli.demo.sample", d.sample},
		{"cli.demo.seal", d.tell},
		{"cli.demo.collect", d.gather},
		{"cli.demo.mark", d.mark},
		{"cli.demo.draft", d.write},
		{"cli.demo.propose", d.propose},
		{"cli.demo.publish", d.spread},
		{"cli.demo.reply", d.answer},
		{"cli.demo.verify", d.verify},
		{"cli.demo.canary", d.seizure},
	}
	begun := time.Now()
	for n, s := range steps {
		start := time.Now()
		result, err := s.do(ctx)
		if err != nil {
			return fmt.Errorf("%s: %w", d.t(s.key), err)
		}
		fmt.Fprintf(d.out, "%2d/%d  %6.2f s  %s: %s\n", n+1, len(steps), time.Since(start).Seconds(), d.t(s.key), result)
	}
	d.say("cli.demo.done", fmt.Sprintf("%.1f", time.Since(begun).Seconds()))
	return nil
}

// found makes keys, the charter, the desk and the node.
func (d *demo) found(ctx context.Context, addr string) (string, error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return "", fault.Conflict("cli.demo.address", addr).Because(err)
	}
	d.node = &demoNode{listener: l, dir: filepath.Join(d.dir, "node")}
	key, err := d.node.key()
	if err != nil {
		return "", err
	}
	f := founder{
		name:      map[string]string{"en": "Example society (made up)", "ru": "Общество-пример (выдумано)", "kk": "Мысал қоғамы (ойдан шығарылған)"},
		about:     map[string]string{"en": "A made-up collective for trying Kuä. Nothing here happened.", "ru": "Выдуманное общество, чтобы попробовать Kuä. Ничего из этого не было."},
		languages: []string{"kk", "ky", "uz", "tg", "tk", "ru", "en"},
		nodes:     []charter.Node{{URL: d.node.url(), Key: key}},
		threshold: 2, origin: "kua.example/demo", cost: 10,
		people: []newPerson{{"made-up-a", d.pass}, {"made-up-b", d.pass}},
	}
	cfg := desk.Config{Dir: filepath.Join(d.dir, "desk")}
	if d.people, err = f.found(ctx, cfg); err != nil {
		return "", err
	}
	if d.desk, err = desk.Open(ctx, cfg, d.people[0]); err != nil {
		return "", err
	}
	for _, p := range d.people {
		s, err := d.desk.Sit(p)
		if err != nil {
			return "", err
		}
		d.seats = append(d.seats, s)
	}
	if err := d.node.start(ctx, d.app, d.desk.Chain()); err != nil {
		return "", err
	}
	id, err := d.desk.Charter().ID()
	return d.t("cli.demo.found.done", len(d.people), id[:16]), err
}

// stay serves the node and the desk until it is interrupted.
func (d *demo) stay(ctx context.Context, addr string) error {
	app, err := deskweb.New(deskweb.Config{Desk: desk.Config{Dir: filepath.Join(d.dir, "desk")}, Opened: d.desk, Addr: addr})
	if err != nil {
		return err
	}
	l, err := app.Listen()
	if err != nil {
		return err
	}
	fmt.Fprintln(d.out)
	d.say("cli.demo.public", d.node.url()+"/")
	d.say("cli.demo.report", d.node.url()+"/"+d.lang.Path()+"/report")
	d.say("cli.demo.open", d.node.url()+"/"+d.lang.Path()+"/open/")
	d.say("cli.demo.desk", app.URL(), d.people[0].Name(), d.people[1].Name(), d.pass)
	d.say("cli.demo.replies", d.node.url()+"/"+d.lang.Path()+"/replies", d.receipt.String())
	d.say("cli.demo.stop")
	return app.Serve(ctx, l)
}

func (d *demo) close() {
	if d.desk != nil {
		_ = d.desk.Close()
	}
	if d.node != nil {
		d.node.stop()
	}
}
