// Package bot answers readers who write to a Telegram bot, from a published edition
// and nothing else: the newest records, a search, a record by its number.
//
// Telegram sees everything that is asked, and so does whoever takes the telephone;
// the greeting says so before all else. The bot keeps nothing of who asks: no
// database, no list, no diary of questions; what Telegram has handed over is
// acknowledged from memory. It takes no evidence: whatever is no question gets the
// addresses of the page that says how to report, and no file is ever fetched. It
// holds one secret, its token, and belongs beside a mirror, never beside a desk.
package bot

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	telegrambot "github.com/go-telegram/bot"
	"github.com/go-telegram/bot/models"

	"kua/internal/fault"
	"kua/internal/locale"
	"kua/internal/spread/telegram"
)

// Config is how a bot runs.
type Config struct {
	Token  []byte
	Server string       // of the Bot API; "" is https://api.telegram.org
	HTTP   *http.Client // the road; it must not be nil
	Say    Say
	Now    func() time.Time
	// Tell is called when something begins to go wrong, and with nil when it is well
	// again, never twice in a row with the same. What it is given names nobody and
	// nothing that was asked.
	Tell func(error)
	// Again is how often the folder is looked at for a newer edition; 0 is a minute.
	Again time.Duration
}

const (
	poll     = time.Minute // how long Telegram may wait with an answer when nobody asks
	tooOld   = 5 * time.Minute
	maxHeard = 8 << 20 // bytes of an answer of the Bot API: a hundred updates of the longest kind
)

// Serve answers until ctx ends, from shelf and the newer editions that come into its
// folder. The faults are those of telegram.CheckToken, and
// spread.telegram.token when Telegram does not know the token.
func Serve(ctx context.Context, cfg Config, shelf *Shelf) error {
	if err := telegram.CheckToken(cfg.Server, cfg.Token); err != nil {
		return err
	}
	if cfg.Server == "" {
		cfg.Server = telegram.PublicServer
	}
	if cfg.Again == 0 {
		cfg.Again = time.Minute
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	s := &server{cfg: cfg, stop: stop}
	s.shelf.Store(shelf)
	b, err := telegrambot.New(string(cfg.Token), telegrambot.WithSkipGetMe(), telegrambot.WithServerURL(cfg.Server),
		telegrambot.WithHTTPClient(poll, road{cfg.HTTP, s}), telegrambot.WithAllowedUpdates(telegrambot.AllowedUpdates{"message"}),
		telegrambot.WithDefaultHandler(s.heard), telegrambot.WithNotAsyncHandlers(), telegrambot.WithUpdatesChannelCap(0),
		telegrambot.WithErrorsHandler(func(err error) {
			if ctx.Err() == nil {
				s.failed(err)
			}
		}), telegrambot.WithDebugHandler(func(string, ...any) {}))
	if err != nil {
		return fault.Invalid("spread.telegram.token_shape")
	}
	var running sync.WaitGroup
	running.Go(func() { s.reload(ctx) })
	b.Start(ctx)
	stop(nil)
	running.Wait()
	if why := context.Cause(ctx); errors.Is(why, fault.Forbidden("spread.telegram.token")) {
		return why
	}
	return nil
}

// server is a running bot.
type server struct {
	cfg   Config
	stop  context.CancelCauseFunc
	shelf atomic.Pointer[Shelf]
	limit limit
	album string // the last one of which something was refused

	mu   sync.Mutex
	told map[string]string // what of each part was last told to be wrong
}

// heard answers one message. It is called for one after the other.
func (s *server) heard(ctx context.Context, b *telegrambot.Bot, u *models.Update) {
	m, now := u.Message, s.cfg.Now()
	if m == nil || m.Chat.Type != models.ChatTypePrivate || m.From == nil || m.From.IsBot {
		return
	}
	// What waited while the bot was away is not answered: the telephone may be in other
	// hands by now.
	if age := now.Sub(time.Unix(int64(m.Date), 0)); age > tooOld {
		return
	}
	if m.MediaGroupID != "" {
		if m.MediaGroupID == s.album {
			return // one refusal for all of its pictures
		}
		s.album = m.MediaGroupID
	}
	lang := s.language(m.From.LanguageCode)
	var text string
	switch s.limit.take(m.Chat.ID, now) {
	case silent:
		return
	case slow:
		text = s.cfg.Say(lang, "bot.slow")
	default:
		text = s.shelf.Load().Answer(s.cfg.Say, m.Text, lang, now)
	}
	// Who blocked the bot gets nothing, and that Telegram is away the next poll tells.
	_, _ = b.SendMessage(ctx, &telegrambot.SendMessageParams{ChatID: m.Chat.ID, Text: text,
		LinkPreviewOptions: &models.LinkPreviewOptions{IsDisabled: telegrambot.True()}})
}

// language is the telephone's, else the collective's first.
func (s *server) language(code string) locale.Tag {
	base, _, _ := strings.Cut(code, "-")
	if t, ok := locale.Parse(base); ok {
		return t
	}
	for _, l := range s.shelf.Load().charter.Languages {
		if t, ok := locale.Parse(l); ok {
			return t
		}
	}
	return locale.English
}

// failed sorts what the library says. Its own words are never told: they hold what
// Telegram answered, and so what people wrote.
func (s *server) failed(err error) {
	switch {
	case errors.Is(err, telegrambot.ErrorUnauthorized), errors.Is(err, telegrambot.ErrorNotFound):
		s.stop(fault.Forbidden("spread.telegram.token"))
	case errors.Is(err, telegrambot.ErrorConflict):
		s.tell("telegram", fault.Conflict("bot.twice"))
	default:
		s.tell("telegram", fault.Later("bot.unreachable"))
	}
}

// tell tells of a part what changed.
func (s *server) tell(part string, err error) {
	said := ""
	if err != nil {
		said = err.Error()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.told == nil {
		s.told = make(map[string]string)
	}
	if s.told[part] != said {
		s.told[part] = said
		s.cfg.Tell(err)
	}
}

// reload looks for newer editions. While none can be believed the one before is
// answered from, which says its age.
func (s *server) reload(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(s.cfg.Again):
		}
		before := s.shelf.Load()
		next, err := before.Next()
		if next != before {
			s.shelf.Store(next)
		}
		s.tell("edition", err)
	}
}

// road makes the bot's calls, and notes that one went well.
type road struct {
	client *http.Client
	server *server
}

// Do makes a call. A redirect is not followed: nobody else is to get the token.
func (r road) Do(req *http.Request) (*http.Response, error) {
	client := *r.client
	client.Timeout = poll + 30*time.Second
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	resp, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode == http.StatusOK && strings.HasSuffix(req.URL.Path, "/getUpdates") {
		r.server.tell("telegram", nil)
	}
	resp.Body = bounded{io.LimitReader(resp.Body, maxHeard), resp.Body}
	return resp, nil
}

// bounded is an answer that ends where no honest one goes on.
type bounded struct {
	io.Reader
	io.Closer
}
