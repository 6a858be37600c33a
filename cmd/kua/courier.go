package main

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"kua/internal/courier"
	"kua/internal/desk"
	"kua/internal/fault"
	"kua/internal/node"
	"kua/internal/nodeapi"
	"kua/internal/verify"
	"kua/internal/witness"
)

func (a *app) courierCommand() *cobra.Command {
	c := a.command("courier", "cli.courier", `
  kua send --through /media/stick report.kua              # a witness
  kua courier receive /media/stick                        # phones in the room
  kua courier deliver /media/stick --to https://kua.example.org
  kua node exchange --dir /var/lib/kua /media/stick       # where the node stands
  kua desk collect --dir kua --as aigul --through /media/stick
  kua replies --through /media/stick`)
	c.AddCommand(a.courierShow(), a.courierJoin(), a.courierReceive(), a.courierDeliver())
	return c
}

// inFolder opens a courier's folder for one act.
func inFolder(dir string, make bool, do func(f *courier.Folder) error) error {
	f, err := courier.Open(dir, make)
	if err != nil {
		return ofFile(err)
	}
	return ofFile(errors.Join(do(f), f.Close()))
}

func (a *app) courierShow() *cobra.Command {
	var asJSON bool
	c := a.command("show DIR", "cli.courier.show", "\n  kua courier show /media/stick")
	c.Flags().BoolVar(&asJSON, "json", false, a.t("cli.flag.json"))
	c.Args = exactly(1)
	c.RunE = func(_ *cobra.Command, args []string) error {
		return inFolder(args[0], false, func(f *courier.Folder) error {
			s, err := f.Show()
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(a.out, s)
			}
			if s.Charter != "" {
				a.say("cli.courier.charter", s.Charter)
			}
			a.say("cli.courier.holds", len(s.Parcels), s.Bytes, s.Mail, s.Calls, s.Receipts)
			for _, p := range s.Parcels {
				a.say("cli.courier.parcel", p.ID, p.Size, p.Missing, len(p.Signed))
			}
			return nil
		})
	}
	return c
}

func (a *app) courierJoin() *cobra.Command {
	c := a.command("join DIR OTHER…", "cli.courier.join", "\n  kua courier join /media/mine /media/hers")
	c.Args = atLeast(2)
	c.RunE = func(c *cobra.Command, args []string) error {
		return inFolder(args[0], true, func(f *courier.Folder) error {
			for _, dir := range args[1:] {
				err := inFolder(dir, false, func(other *courier.Folder) error {
					j, err := f.Join(c.Context(), other)
					if err == nil {
						a.say("cli.courier.joined", j.Files, dir)
					}
					if err == nil && j.Sealed {
						a.say("cli.courier.joined.sealed", dir)
					}
					return err
				})
				if err != nil {
					return err
				}
			}
			return nil
		})
	}
	return c
}

// courierDeliver brings parcels and the desk's calls to nodes by net, and takes their
// mailboxes and what they signed along.
func (a *app) courierDeliver() *cobra.Command {
	var to []string
	var pinned string
	var drop, noMail bool
	c := a.command("deliver DIR", "cli.courier.deliver", `
  kua courier deliver /media/stick --to https://kua.example.org --charter 3fa9c1…
  kua courier deliver /media/stick --to http://….onion --proxy socks5h://127.0.0.1:9050 --drop`)
	c.Flags().StringArrayVar(&to, "to", nil, a.t("cli.flag.to"))
	c.Flags().StringVar(&pinned, "charter", "", a.t("cli.flag.charter"))
	c.Flags().BoolVar(&drop, "drop", false, a.t("cli.flag.courier_drop"))
	c.Flags().BoolVar(&noMail, "no-mail", false, a.t("cli.flag.courier_no_mail"))
	_ = c.MarkFlagRequired("to")
	road := a.proxyFlag(c)
	c.Args = exactly(1)
	c.RunE = func(c *cobra.Command, args []string) error {
		client, err := road()
		if err != nil {
			return err
		}
		return inFolder(args[0], true, func(f *courier.Folder) error {
			by := []nodeapi.Option{nodeapi.WithHTTP(client)}
			if len(to) > 1 {
				by = append(by, nodeapi.WithTries(2, 5*time.Second))
			}
			return a.deliverAll(c.Context(), f, to, pinned, drop, !noMail, by)
		})
	}
	return c
}

// deliverAll delivers to each node. The newest charter that the folder or any of them has
// counts for all: one that was seized does not tell that it was struck off. What one
// refuses, or that it is away, keeps nothing from the others.
func (a *app) deliverAll(ctx context.Context, f *courier.Folder, to []string, pinned string, drop, mail bool, by []nodeapi.Option) error {
	faults := make([]error, len(to))
	for i, url := range to {
		chain, err := nodeapi.NewClient(url, by...).Charter(ctx)
		if err == nil {
			_, err = chain.Verify(pinned)
		}
		if err == nil {
			err = f.PutChain(chain) // or it is another collective's than the folder's
		}
		faults[i] = err
	}
	var first error
	for i, url := range to {
		err := faults[i]
		if err == nil {
			err = a.deliverTo(ctx, f, url, pinned, drop, mail, by)
		}
		if err != nil && first == nil {
			first = err
		} else if err != nil {
			a.warn("cli.desk.node_away", url, err)
		}
	}
	return first
}

func (a *app) deliverTo(ctx context.Context, f *courier.Folder, url, pinned string, drop, mail bool, by []nodeapi.Option) error {
	ch, err := f.Charter(pinned)
	if err != nil {
		return err
	}
	info, err := nodeapi.NewClient(url, by...).Node(ctx)
	if err != nil {
		return err
	}
	if err := ch.Named(info.Key); err != nil {
		return err
	}
	at := nodeapi.NewClient(url, append(slices.Clone(by), nodeapi.WithNodeKey(info.Key))...)
	progress, finish := a.bar("cli.send.progress", url)
	d, err := f.Deliver(ctx, at, info.Key, drop, progress)
	finish()
	a.sayDelivered(url, d)
	if err != nil {
		return err
	}
	progress, finish = a.bar("cli.courier.told.progress", url)
	told, err := f.Bring(ctx, at, info.Key, progress)
	finish()
	if told.Done+told.Waiting > 0 {
		a.say("cli.courier.told", url, told.Done, told.Waiting)
		a.sayCourierAside(told.Aside)
	}
	if told.Waiting > 0 {
		a.code = verify.Corrupt.ExitCode()
	}
	if err != nil || !mail {
		return err
	}
	progress, finish = a.bar("cli.courier.mail.progress", url)
	err = f.FetchMail(ctx, at, info.Key, progress)
	finish()
	if err == nil {
		a.say("cli.courier.mail", url)
	}
	return err
}

func (a *app) sayDelivered(where string, d courier.Delivered) {
	a.say("cli.courier.delivered", where, d.Whole, d.Bytes, d.Lacking)
	a.sayCourierAside(d.Aside)
	if d.Lacking > 0 || len(d.Aside) > 0 {
		a.code = verify.Corrupt.ExitCode()
	}
}

func (a *app) sayCourierAside(aside []courier.Aside) {
	for _, s := range aside {
		a.warn("cli.courier.aside", s.Name, s.Err)
	}
}

// nodeExchange lets a courier's folder and a node meet where the node stands.
func (a *app) nodeExchange(dir *string) *cobra.Command {
	var from string
	c := a.command("exchange DIR", "cli.node.exchange", "\n  kua node exchange --dir /var/lib/kua /media/stick")
	c.Flags().StringVar(&from, "charter", "", a.t("cli.flag.node_charter"))
	c.Args = exactly(1)
	c.RunE = func(c *cobra.Command, args []string) error {
		if err := ownFolder(*dir); err != nil {
			return err
		}
		cfg := node.Config{Dir: *dir, Diary: a.diary()}
		var err error
		if from != "" {
			if cfg.Chain, err = readCharter(from); err != nil {
				return err
			}
		}
		return inFolder(args[0], true, func(f *courier.Folder) error {
			n, err := node.New(c.Context(), cfg)
			if err != nil {
				return err
			}
			bar, finish := a.bar("cli.node.exchange.progress")
			x, err := n.Exchange(c.Context(), f, func(_ string, done, total int64) { bar(done, total) })
			finish()
			a.sayDelivered(args[0], x.Delivered)
			a.say("cli.node.exchange.done", x.Calls, x.Waiting, x.Parcels)
			return errors.Join(err, n.Close())
		})
	}
	return c
}

// sendThrough puts a sealed file into a courier's folder. What a node at one of the
// addresses holds already need not go there.
func (a *app) sendThrough(ctx context.Context, dir, file string, nodes []*nodeapi.Client) error {
	return inFolder(dir, true, func(f *courier.Folder) error {
		var held []string
		for _, n := range nodes {
			h, err := witness.Held(ctx, n, file)
			if ft, ok := fault.Of(err); ok && ft.Kind == fault.KindLater {
				continue // it cannot be reached: then everything goes by hand
			}
			if err != nil {
				return err
			}
			held = append(held, h...)
		}
		f.Elsewhere(held)
		client, err := f.HTTP()
		if err != nil {
			return err
		}
		progress, finish := a.bar("cli.send.progress", dir)
		sent, err := witness.Send(ctx, nodeapi.NewClient(courier.Address, nodeapi.WithHTTP(client), nodeapi.WithWholePieces()), file, progress)
		finish()
		if err != nil {
			return err
		}
		a.say("cli.courier.carried", dir, sent.Parcel)
		return nil
	})
}

// repliesThrough gives a client that reads the mailboxes in a courier's folder.
func repliesThrough(dir string) (client *nodeapi.Client, close func() error, err error) {
	f, err := courier.Open(dir, false)
	if err != nil {
		return nil, nil, err
	}
	h, err := f.HTTP()
	if err != nil {
		return nil, nil, errors.Join(err, f.Close())
	}
	return nodeapi.NewClient(courier.Address, nodeapi.WithHTTP(h)), f.Close, nil
}

// deskByHand gives the client through which a desk speaks to a courier's folder, and
// puts the collective's charter into it.
func deskByHand(dir, deskDir string) (client *http.Client, end func(), err error) {
	f, err := courier.Open(dir, true)
	if err != nil {
		return nil, nil, ofFile(err)
	}
	_, chain, err := desk.ReadCharter(deskDir)
	if err == nil {
		err = f.PutChain(chain)
	}
	if err == nil {
		client, err = f.HTTP()
	}
	if err != nil {
		return nil, nil, errors.Join(ofFile(err), f.Close())
	}
	return client, func() { _ = f.Close() }, nil // every file was closed when it was written
}
