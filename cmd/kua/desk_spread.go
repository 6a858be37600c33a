package main

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"kua/internal/desk"
	"kua/internal/fault"
	"kua/internal/locale"
	"kua/internal/onion"
	"kua/internal/spread"
	"kua/internal/spread/activitypub"
	"kua/internal/spread/maillist"
	"kua/internal/spread/telegram"
	"kua/web"
)

// telegramServerEnv names a Bot API server of one's own.
const telegramServerEnv = "KUA_TELEGRAM_SERVER"

// deskConfig is the desk that the flags name, on the road that they name. client
// is nil for the plain road.
func (a *app) deskConfig(f deskFlags, client *http.Client) desk.Config {
	cfg := desk.Config{Dir: f.dir, Idle: f.idle, Keep: f.keep, HTTP: client, Tor: client != nil && f.road.through == "", Hand: f.road.through != ""}
	if cfg.Hand {
		return cfg // a courier's folder leads to no platform
	}
	strangers := client
	if client == nil {
		client, strangers = &http.Client{Transport: onion.Direct()}, &http.Client{Transport: onion.Public()}
	}
	cfg.Kinds = map[string]spread.Kind{
		telegram.Name:    telegram.Kind{HTTP: client, Server: strings.TrimRight(a.env(telegramServerEnv), "/")},
		maillist.Name:    maillist.Kind{Say: a.anyLanguage(), Road: mailRoad(f.road, client)},
		activitypub.Name: activitypub.Kind{HTTP: strangers},
	}
	return cfg
}

// anyLanguage speaks every language; they are read when the first word is asked for.
func (a *app) anyLanguage() func(locale.Tag, string, ...any) string {
	all := sync.OnceValue(func() *locale.Catalogue {
		cat, err := locale.Load(web.Locales())
		if err != nil {
			return a.cat
		}
		return cat
	})
	return func(t locale.Tag, key string, args ...any) string { return all().T(t, key, args...) }
}

// mailRoad is how the desk's letters reach their server: as everything else of it
// does, or nil on the plain road.
func mailRoad(f deskRoad, client *http.Client) func(ctx context.Context, network, address string) (net.Conn, error) {
	if r, ok := client.Transport.(*torRoad); ok {
		return r.dial
	}
	if p, err := onion.ParseProxy(f.proxy); err == nil {
		return p.Dial
	}
	return nil
}

func (a *app) deskSpread(f *deskFlags) *cobra.Command {
	c := a.command("spread", "cli.desk.spread", `
  kua desk spread channel add --dir kua --as aigul --kind telegram --name News --place @made_up_channel --language kk,ru --carry film,poster
  kua desk spread channel add --dir kua --as aigul --kind activitypub --name Fediverse --place @news@kua.example.org --language kk,ru --carry film
  kua desk spread channel on --dir kua --as aigul News
  kua desk spread post --dir kua --as aigul 000001 News
  kua desk spread show --dir kua --as aigul 1
  kua desk spread confirm --dir kua --as aigul --checked 1 3f9a0c51d2e7
  kua desk spread send --dir kua --as aigul
  kua desk spread letter --dir kua --as aigul List       # what waits for a mailing list, as one letter
  kua desk spread stop --dir kua --as aigul              # everything, at once`)
	c.AddCommand(a.deskChannel(f), a.spreadList(f), a.spreadPost(f), a.spreadShow(f), a.spreadConfirm(f), a.spreadSend(f), a.spreadLetter(f),
		a.spreadRetry(f), a.spreadRecall(f), a.spreadJudge(f), a.spreadStop(f), a.spreadResume(f))
	return c
}

func (a *app) deskChannel(f *deskFlags) *cobra.Command {
	c := a.command("channel", "spread.channels", `
  kua desk spread channel list --dir kua --as aigul
  kua desk spread channel off --dir kua --as aigul News`)
	turn := func(word string, on bool) *cobra.Command {
		return a.deskVerb(f, word+" NAME", "spread.turn_"+word, "spread channel "+word+" --dir kua --as aigul News", exactly(1),
			func(ctx context.Context, s *desk.Seat, args []string) error {
				ch, err := s.Desk().FindChannel(ctx, args[0])
				if err != nil {
					return err
				}
				return s.TurnChannel(ctx, ch.ID, on)
			})
	}
	c.AddCommand(a.channelAdd(f), a.channelList(f), turn("on", true), turn("off", false), a.channelMove(f),
		a.deskVerb(f, "remove NAME", "spread.remove", "spread channel remove --dir kua --as aigul News", exactly(1),
			func(ctx context.Context, s *desk.Seat, args []string) error {
				ch, err := s.Desk().FindChannel(ctx, args[0])
				if err != nil {
					return err
				}
				return s.RemoveChannel(ctx, ch.ID)
			}))
	return c
}

// channelMove sends those who follow one account to another.
func (a *app) channelMove(f *deskFlags) *cobra.Command {
	return a.deskVerb(f, "move FROM TO", "spread.move", "spread channel move --dir kua --as aigul Fediverse Second", exactly(2),
		func(ctx context.Context, s *desk.Seat, args []string) error {
			from, err := s.Desk().FindChannel(ctx, args[0])
			if err != nil {
				return err
			}
			to, err := s.Desk().FindChannel(ctx, args[1])
			if err != nil {
				return err
			}
			if err := s.MoveFollowers(ctx, from.ID, to.ID); err != nil {
				return err
			}
			return a.sendPosts(ctx, s.Desk())
		})
}

func (a *app) channelAdd(f *deskFlags) *cobra.Command {
	var ch spread.Channel
	var secretFile string
	c := a.deskVerb(f, "add", "spread.add",
		"spread channel add --dir kua --as aigul --kind telegram --name News --place @made_up_channel --language kk,ru --carry film,poster --secret-file token", exactly(0),
		func(ctx context.Context, s *desk.Seat, _ []string) error {
			var secret []byte
			if secretFile != "" || !s.Desk().MakesSecret(ch.Kind) {
				var err error
				if secret, err = a.channelSecret(secretFile); err != nil {
					return err
				}
				defer clear(secret)
			}
			if _, err := s.AddChannel(ctx, ch, secret); err != nil {
				return err
			}
			a.say("spread.channel_added", ch.Name)
			return nil
		})
	c.Flags().StringVar(&ch.Kind, "kind", telegram.Name, a.t("spread.kind"))
	c.Flags().StringVar(&ch.Name, "name", "", a.t("spread.name"))
	c.Flags().StringVar(&ch.Place, "place", "", a.t("spread.place"))
	c.Flags().StringSliceVar(&ch.Languages, "language", nil, a.t("spread.languages"))
	c.Flags().StringSliceVar(&ch.Carries, "carry", nil, a.t("spread.carries")+": "+strings.Join(spread.Carries(), ", "))
	c.Flags().StringVar(&secretFile, "secret-file", "", a.t("cli.flag.secret_file"))
	return c
}

// channelSecret reads what lets a channel be spoken to, from a file or from the
// terminal: what stands on a command line is in every list of processes.
func (a *app) channelSecret(file string) ([]byte, error) {
	if file == "" {
		s, err := a.secret("spread.secret")
		return []byte(s), err
	}
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, fault.NotFound("witness.no_file", file).Because(err)
	}
	return bytes.TrimSpace(b), nil
}

func (a *app) channelList(f *deskFlags) *cobra.Command {
	return a.deskVerb(f, "list", "spread.channels", "spread channel list --dir kua --as aigul", exactly(0),
		func(ctx context.Context, s *desk.Seat, _ []string) error {
			all, err := s.Desk().Channels(ctx)
			if err != nil {
				return err
			}
			if len(all) == 0 {
				a.say("spread.no_channels")
			}
			for _, ch := range all {
				a.say("cli.desk.spread.channel.line", ch.Name, ch.Kind, ch.Place, strings.Join(ch.Languages, ","), strings.Join(ch.Carries, ","), a.t("spread.switch."+ch.Switch()))
				if !ch.Removed && s.Desk().MakesSecret(ch.Kind) {
					heard, err := s.Desk().Audience(ctx, ch.ID)
					if err != nil {
						return err
					}
					a.say("spread.audience", heard.Followers, heard.Waiting, heard.Lost)
				}
			}
			return a.sayHalted(ctx, s.Desk())
		})
}

func (a *app) sayHalted(ctx context.Context, d *desk.Desk) error {
	by, at, err := d.SpreadingHalted(ctx)
	if by != "" {
		a.say(desk.HaltWords(by), by, at.UTC().Format("2006-01-02 15:04 UTC"))
	}
	return err
}

func (a *app) spreadList(f *deskFlags) *cobra.Command {
	var record string
	c := a.deskVerb(f, "list", "spread.list", "spread list --dir kua --as aigul --record 000001", exactly(0),
		func(ctx context.Context, s *desk.Seat, _ []string) error {
			posts, err := s.Desk().Posts(ctx, record)
			if err != nil {
				return err
			}
			if len(posts) == 0 {
				a.say("spread.no_posts")
			}
			for _, p := range posts {
				if err := a.sayPost(ctx, s.Desk(), p); err != nil {
					return err
				}
			}
			return a.sayHalted(ctx, s.Desk())
		})
	c.Flags().StringVar(&record, "record", "", a.t("cli.flag.spread_record"))
	return c
}

func (a *app) sayPost(ctx context.Context, d *desk.Desk, p spread.Post) error {
	channels, err := d.Channels(ctx)
	if err != nil {
		return err
	}
	name := ""
	for _, ch := range channels {
		if ch.ID == p.Channel {
			name = ch.Name
		}
	}
	a.say("cli.desk.spread.line", p.ID, p.Record, p.Version, name, a.t("spread.act."+string(p.Act)), a.t("spread.state."+string(p.State)), p.Remote.URL)
	if p.Fault != nil {
		a.warn("cli.desk.spread.why", p.Fault)
	}
	if now := time.Now(); p.State == spread.Queued && p.Goes(now).After(now) {
		a.say("spread.next", p.Next.UTC().Format("2006-01-02 15:04 UTC"))
	}
	return nil
}

func (a *app) spreadPost(f *deskFlags) *cobra.Command {
	return a.deskVerb(f, "post RECORD CHANNEL", "spread.post", "spread post --dir kua --as aigul 000001 News", exactly(2),
		func(ctx context.Context, s *desk.Seat, args []string) error {
			ch, err := s.Desk().FindChannel(ctx, args[1])
			if err != nil {
				return err
			}
			p, err := s.Post(ctx, args[0], ch.ID)
			if err != nil {
				return err
			}
			return a.sayPost(ctx, s.Desk(), p)
		})
}

// spreadShow prints what would go out, and the name of exactly that.
func (a *app) spreadShow(f *deskFlags) *cobra.Command {
	return a.deskVerb(f, "show POST", "spread.would_go", "spread show --dir kua --as aigul 1", exactly(1),
		func(ctx context.Context, s *desk.Seat, args []string) error {
			_, m, err := shownPost(ctx, s, args[0])
			if err != nil {
				return err
			}
			fmt.Fprintln(a.out, m.Body)
			for _, file := range m.Files {
				fmt.Fprintln(a.out, a.t("spread.carry."+file.What), file.Type, file.Size, file.SHA256)
			}
			a.say("cli.desk.spread.digest", m.Digest()[:digestShown])
			return nil
		})
}

// shownPost gives what the post of a number would carry now.
func shownPost(ctx context.Context, s *desk.Seat, arg string) (id int64, m spread.Message, err error) {
	if id, err = number(arg); err == nil {
		m, err = s.Desk().Message(ctx, id)
	}
	return id, m, err
}

// digestShown is how much of a digest a person copies.
const digestShown = 12

func (a *app) spreadConfirm(f *deskFlags) *cobra.Command {
	var checked bool
	c := a.deskVerb(f, "confirm POST SEEN", "spread.confirm", "spread confirm --dir kua --as aigul --checked 1 3f9a0c51d2e7", exactly(2),
		func(ctx context.Context, s *desk.Seat, args []string) error {
			id, m, err := shownPost(ctx, s, args[0])
			if err != nil {
				return err
			}
			digest := args[1]
			if len(digest) >= digestShown && strings.HasPrefix(m.Digest(), digest) {
				digest = m.Digest()
			}
			a.say("spread.check.title")
			for _, item := range spread.Checklist() {
				a.say("cli.desk.check", a.t("spread.check."+item))
			}
			var ticked []string
			if checked {
				ticked = spread.Checklist()
			}
			p, err := s.Confirm(ctx, id, digest, ticked)
			if err != nil {
				return err
			}
			return a.sayPost(ctx, s.Desk(), p)
		})
	c.Flags().BoolVar(&checked, "checked", false, a.t("cli.flag.checked"))
	return c
}

func (a *app) spreadSend(f *deskFlags) *cobra.Command {
	return a.deskVerb(f, "send", "spread.send", "spread send --dir kua --as aigul", exactly(0),
		func(ctx context.Context, s *desk.Seat, _ []string) error { return a.sendPosts(ctx, s.Desk()) })
}

// sendPosts makes every call whose time has come and tells what is left.
func (a *app) sendPosts(ctx context.Context, d *desk.Desk) error {
	bar, finish := a.share("deskweb.work.spread")
	out, err := d.Spread(ctx, bar)
	finish()
	if err != nil {
		return err
	}
	a.say("spread.done", out.Sent, out.Gone, out.Failed)
	a.say("cli.desk.spread.left", out.Counts.Waiting, out.Counts.Queued, out.Counts.Uncertain, out.Counts.Failed)
	if out.Told+out.Untold > 0 {
		a.say("spread.told", out.Told, out.Untold)
	}
	for _, n := range out.Away {
		a.warn("spread.home_away", n.URL, n.Err)
	}
	if out.Counts.Gathered > 0 {
		a.say("cli.desk.spread.gathered", out.Counts.Gathered)
	}
	if out.Counts.Undone > 0 {
		a.say("cli.desk.spread.undone", out.Counts.Undone)
	}
	if out.Next.After(time.Now()) {
		a.say("spread.next", out.Next.UTC().Format("2006-01-02 15:04 UTC"))
	}
	return a.sayHalted(ctx, d)
}

// postVerb is a subcommand that does one thing to one post.
func (a *app) postVerb(f *deskFlags, word string, do func(context.Context, *desk.Seat, int64) (spread.Post, error)) *cobra.Command {
	return a.deskVerb(f, word+" POST", "spread."+word, "spread "+word+" --dir kua --as aigul 1", exactly(1),
		func(ctx context.Context, s *desk.Seat, args []string) error {
			id, err := number(args[0])
			if err != nil {
				return err
			}
			p, err := do(ctx, s, id)
			if err != nil {
				return err
			}
			return a.sayPost(ctx, s.Desk(), p)
		})
}

func (a *app) spreadRetry(f *deskFlags) *cobra.Command {
	return a.postVerb(f, "retry", func(ctx context.Context, s *desk.Seat, id int64) (spread.Post, error) { return s.Retry(ctx, id) })
}

func (a *app) spreadRecall(f *deskFlags) *cobra.Command {
	return a.postVerb(f, "recall", func(ctx context.Context, s *desk.Seat, id int64) (spread.Post, error) { return s.Recall(ctx, id) })
}

// spreadJudge takes a person's word on what stands at a platform.
func (a *app) spreadJudge(f *deskFlags) *cobra.Command {
	var there spread.Remote
	var gone bool
	c := a.postVerb(f, "judge", func(ctx context.Context, s *desk.Seat, id int64) (spread.Post, error) {
		if gone == (there.ID != "") {
			return spread.Post{}, fault.Invalid("cli.desk.spread.judge.which")
		}
		if gone {
			return s.Judge(ctx, id, nil)
		}
		return s.Judge(ctx, id, &there)
	})
	c.Flags().StringVar(&there.ID, "there", "", a.t("spread.remote"))
	c.Flags().StringVar(&there.URL, "url", "", a.t("spread.remote_url"))
	c.Flags().BoolVar(&gone, "not-there", false, a.t("spread.not_there"))
	return c
}

func (a *app) spreadStop(f *deskFlags) *cobra.Command {
	return a.deskVerb(f, "stop", "spread.halt", "spread stop --dir kua --as aigul", exactly(0),
		func(ctx context.Context, s *desk.Seat, _ []string) error {
			if err := s.HaltSpreading(ctx); err != nil {
				return err
			}
			return a.sayHalted(ctx, s.Desk())
		})
}

func (a *app) spreadResume(f *deskFlags) *cobra.Command {
	return a.deskVerb(f, "resume", "spread.release", "spread resume --dir kua --as aigul", exactly(0),
		func(ctx context.Context, s *desk.Seat, _ []string) error {
			return s.ReleaseSpreading(ctx)
		})
}
