package main

import (
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

	"github.com/spf13/cobra"

	"kua/internal/charter"
	"kua/internal/fault"
	"kua/internal/lane"
	"kua/internal/lane/deliver"
	"kua/internal/lane/lane311"
	"kua/internal/lane/laneweb"
	"kua/internal/locale"
	"kua/internal/node"
	"kua/internal/node/nodeweb"
	"kua/internal/page"
)

func (a *app) nodeCommand() *cobra.Command {
	var cfg node.Config
	var listen node.Listen
	var dir, from, plain string
	var tell delivery
	var at laneAt
	var apart bool // another process delivers
	var through nodeTor
	c := a.command("node", "cli.node", `
  kua node key --dir /var/lib/kua
  kua node --dir /var/lib/kua --charter /etc/kua --addr :443 --redirect :80 --acme kua.example.org
  kua node --dir /var/lib/kua --charter /etc/kua --addr 127.0.0.1:8080 --behind-proxy
  kua node --dir /var/lib/kua --charter /etc/kua --addr :443 --acme kua.example.org --site https://kua.example.org \
    --smtp mail.example.org:587 --smtp-user kua --smtp-password-file /etc/kua/smtp --smtp-from post@kua.example.org`)
	c.PersistentFlags().StringVar(&dir, "dir", "kua-node", a.t("cli.flag.node_dir"))
	c.Flags().StringVar(&from, "charter", "", a.t("cli.flag.node_charter"))
	c.Flags().StringVar(&at.db, "db", "", a.t("cli.flag.lane_db"))
	c.Flags().StringVar(&at.pictures, "pictures", "", a.t("cli.flag.pictures"))
	c.Flags().StringVar(&at.licence.Name, "licence", "", a.t("cli.flag.licence"))
	c.Flags().StringVar(&at.licence.Address, "licence-link", "", a.t("cli.flag.licence_link"))
	c.Flags().StringVar(&listen.Addr, "addr", "127.0.0.1:8413", a.t("cli.flag.node_addr"))
	c.Flags().StringVar(&plain, "redirect", "", a.t("cli.flag.redirect"))
	c.Flags().StringVar(&listen.CertFile, "tls-cert", "", a.t("cli.flag.tls_cert"))
	c.Flags().StringVar(&listen.KeyFile, "tls-key", "", a.t("cli.flag.tls_key"))
	c.Flags().StringSliceVar(&listen.ACME, "acme", nil, a.t("cli.flag.acme"))
	c.Flags().StringVar(&listen.Authority, "acme-directory", "", a.t("cli.flag.acme_directory"))
	c.Flags().BoolVar(&listen.BehindProxy, "behind-proxy", false, a.t("cli.flag.behind_proxy"))
	c.Flags().Int64Var(&cfg.Limits.ParcelBytes, "parcel-bytes", 0, a.t("cli.flag.parcel_bytes"))
	c.Flags().Int64Var(&cfg.Limits.FreeBytes, "free-bytes", 0, a.t("cli.flag.free_bytes"))
	c.Flags().IntVar(&cfg.Limits.OpenDays, "open-days", 0, a.t("cli.flag.open_days"))
	c.Flags().IntVar(&cfg.Limits.ReplyDays, "reply-days", 0, a.t("cli.flag.reply_days"))
	c.Flags().BoolVar(&at.textPage, "text-page", false, a.t("cli.flag.text_page"))
	tell.flags(a, c.Flags())
	through.flags(a, c.Flags())
	c.Flags().BoolVar(&apart, "no-worker", false, a.t("cli.flag.no_worker"))
	c.Args = exactly(0)
	c.RunE = func(c *cobra.Command, _ []string) error {
		node.Tune()
		if err := errors.Join(ownFolder(dir), tell.check(), through.check()); err != nil {
			return err
		}
		cfg.DeskApart = len(through.desks) > 0
		if l := at.licence; l.Address != "" && (l.Name == "" || !strings.HasPrefix(l.Address, "https://")) {
			return fault.Invalid("cli.node.licence")
		}
		cfg.Dir = dir
		if from != "" {
			var err error
			if cfg.Chain, err = readCharter(from); err != nil {
				return err
			}
		}
		var err error
		if at.site, err = deliver.ReadSite(tell.site); err != nil {
			return err
		}
		at.alerts = at.site != nil && tell.server != ""
		n, err := a.openNode(c.Context(), cfg, at)
		if err != nil {
			return err
		}
		worker, err := tell.worker(a, n.lane, n.words, n.name)
		if err != nil {
			return errors.Join(err, n.Close())
		}
		l, err := net.Listen("tcp", listen.Addr)
		if err != nil {
			return errors.Join(fault.Conflict("cli.node.address", listen.Addr).Because(err), n.Close())
		}
		listen.Listener = l
		if plain != "" {
			if listen.Plain, err = net.Listen("tcp", plain); err != nil {
				return errors.Join(fault.Conflict("node.cannot_listen", plain).Because(err), l.Close(), n.Close())
			}
		}
		a.say("cli.node.serving", l.Addr(), n.Key())
		ctx, stop := context.WithCancel(c.Context())
		var work sync.WaitGroup
		if !apart {
			work.Go(func() { worker.Run(ctx) })
		}
		if through.on {
			err = a.serveWithOnion(ctx, stop, listen, through, dir, n)
		} else {
			err = n.Serve(ctx, listen, n)
		}
		stop()
		work.Wait()
		return errors.Join(err, n.Close())
	}
	c.AddCommand(a.nodeKey(&dir), a.nodeEnrol(&dir), a.nodeMigrate(&dir), a.nodeWorker(&dir), a.nodeExchange(&dir))
	return c
}

// readCharter reads the chain in a folder that holds charter/, or is it.
func readCharter(dir string) (charter.Chain, error) {
	chain, err := charter.ReadChain(os.DirFS(dir))
	if _, here := os.Stat(filepath.Join(dir, "1.json")); err != nil && here == nil {
		chain, err = charter.ReadChain(itself{os.DirFS(dir)})
	}
	if err != nil || len(chain) == 0 {
		if err == nil {
			err = fs.ErrNotExist
		}
		return nil, fmt.Errorf("read the charter in %s: %w", dir, err)
	}
	return chain, nil
}

// itself is the folder charter/ as if it lay in another.
type itself struct{ fs.FS }

// Open implements fs.FS.
func (f itself) Open(name string) (fs.File, error) {
	if name == charter.Dir {
		return f.FS.Open(".")
	}
	return f.FS.Open(strings.TrimPrefix(name, charter.Dir+"/"))
}

// served is a node with everything that a browser sees of it: the sealed lane's
// pages and the open lane's, which only this joins.
type served struct {
	*node.Node
	http.Handler
	lane    *lane.Lane
	words   *locale.Catalogue // in every language
	stop    func()            // ends what tends the lane
	tending sync.WaitGroup
}

func (s *served) Close() error {
	s.stop()
	s.tending.Wait()
	return errors.Join(s.Node.Close(), s.lane.Close())
}

// openNode opens a node with its pages; at says of the open lane where it is kept.
func (a *app) openNode(ctx context.Context, cfg node.Config, at laneAt) (*served, error) {
	cfg.Words = func(err error) (string, string) { return page.Fault(a.cat, locale.English, err) }
	cfg.SearchText, cfg.SearchWords, cfg.Version = locale.SearchText, locale.Words, version
	if cfg.Diary == nil {
		cfg.Diary = a.diary()
	}
	s := &served{words: a.cat}
	cfg.Lane, cfg.Metrics = s.deskCalls, s.metrics
	n, err := node.New(ctx, cfg)
	if err != nil {
		return nil, err
	}
	open, err := a.openLane(ctx, lane.Config{Dir: cfg.Dir, Sealer: sealer(n.Charter)}, at)
	if err != nil {
		return nil, errors.Join(err, n.Close())
	}
	s.Node, s.lane = n, open
	tending, stop := context.WithCancel(ctx)
	s.stop = stop
	s.tending.Go(func() {
		tendLane(tending, open, func(err error) { cfg.Diary.Error("tending the open lane failed", "fault", err) })
	})
	pages, err := nodeweb.New(n, a.cat, nodeweb.Options{Open: at.textPage})
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	ordinary, err := laneweb.New(laneweb.Config{Lane: open, Catalogue: a.cat, Licence: at.licence, Name: s.name, Site: at.site, Alerts: at.alerts, Diary: cfg.Diary})
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	exchange := lane311.New(lane311.Config{Lane: open, Catalogue: a.cat, Name: s.name, Diary: cfg.Diary})
	s.Handler = exchange.Before(ordinary.Before(pages))
	return s, nil
}

func (a *app) nodeKey(dir *string) *cobra.Command {
	c := a.command("key", "cli.node.key", "\n  kua node key --dir /var/lib/kua")
	c.Args = exactly(0)
	c.RunE = func(*cobra.Command, []string) error {
		if err := ownFolder(*dir); err != nil {
			return err
		}
		key, err := node.EnsureKey(*dir)
		if err == nil {
			fmt.Fprintln(a.out, key)
		}
		return err
	}
	return c
}
