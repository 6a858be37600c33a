// Package deskweb is the private web app of the collective's few people:
// sign-in, inbox, cases, marking, the record and its publication. Pages are
// made on the server and work without scripts; only the marker of films and
// photos runs one.
//
// It decides nothing about reports, cases or records: package desk does. It
// listens on this machine alone unless it is given a certificate. cmd/kua is
// the one that may use it.
package deskweb

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"kua/internal/desk"
	"kua/internal/keyring"
	"kua/internal/kit"
	"kua/internal/locale"
	"kua/internal/page"
	"kua/web"
)

// Config says how the app is served. Of the zero value only Desk.Dir (or
// Opened) must be filled: it serves this machine alone.
type Config struct {
	Desk desk.Config // where the desk lies

	// Opened is a desk that the caller has opened and will close. When it is
	// nil the app opens Desk for the first person who signs in, and closes it
	// when the last one is gone and no work is running.
	Opened *desk.Desk

	Addr    string   // host:port to listen on; "" is 127.0.0.1:8414
	Hosts   []string // further names by which browsers may call it
	TLSCert string   // PEM files; needed for any address but loopback
	TLSKey  string

	Idle  time.Duration // a session nobody uses ends after this; 0 is half an hour
	Diary *slog.Logger  // nil is silent; it is told no names and no contents
}

// App is the web app.
type App struct {
	cfg      Config
	cat      *locale.Catalogue
	pages    *page.Set
	assets   *web.Bundle
	sessions *sessions
	tries    *tries
	errands  *errands
	kits     *kit.Maker

	mu    sync.Mutex // guards what follows
	desk  *desk.Desk // nil while locked
	users int        // requests and errands that are using desk
	shut  bool       // desk closes as soon as users is 0
	life  context.Context
	end   context.CancelFunc // ends what runs on desk
}

// New checks the configuration and reads the templates, the catalogue and the
// built scripts. It opens nothing.
func New(cfg Config) (*App, error) {
	if cfg.Addr == "" {
		cfg.Addr = "127.0.0.1:8414"
	}
	if cfg.Idle == 0 {
		cfg.Idle = 30 * time.Minute
	}
	if cfg.Diary == nil {
		cfg.Diary = slog.New(slog.DiscardHandler)
	}
	if err := cfg.checkAddr(); err != nil {
		return nil, err
	}
	cat, err := locale.Load(web.Locales())
	if err != nil {
		return nil, fmt.Errorf("read the catalogue: %w", err)
	}
	set, err := page.Parse(web.Templates(), "desk")
	if err != nil {
		return nil, fmt.Errorf("read the desk's templates: %w", err)
	}
	assets, err := web.Assets()
	if err != nil {
		return nil, fmt.Errorf("read the built scripts: %w", err)
	}
	set.Use(assets)
	kits, err := kit.NewMaker(cat)
	if err != nil {
		return nil, err
	}
	return &App{
		cfg: cfg, cat: cat, kits: kits, pages: set, assets: assets,
		sessions: newSessions(cfg.Idle), tries: newTries(), errands: newErrands(),
	}, nil
}

// Handler is the whole app. Requests that name another host are refused.
func (a *App) Handler() http.Handler {
	words, plain := a.mux(false), a.mux(true)
	front := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		lang, rest, ok := page.Cut(r.URL.Path)
		if !ok {
			plain.ServeHTTP(w, r)
			return
		}
		inner := r.Clone(context.WithValue(r.Context(), langKey{}, lang))
		inner.URL.Path, inner.URL.RawPath = rest, ""
		words.ServeHTTP(w, inner)
	})
	return a.guard(front)
}

// langKey carries the language that the address named.
type langKey struct{}

// Lock ends every session, stops what runs and closes the desk as soon as the
// requests that are using it have ended.
func (a *App) Lock() {
	a.sessions.endAll()
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.desk != nil {
		a.shut = true
		a.end()
		a.closeIfIdle()
	}
}

// Tidy forgets idle people, and closes the desk when nobody is left and nothing
// runs. Serve calls it now and then.
func (a *App) Tidy(ctx context.Context) {
	if a.sessions.people() > 0 || a.errands.running() {
		return
	}
	d := a.hold()
	if d == nil {
		return
	}
	counts, err := d.Counts(ctx)
	a.release()
	if err == nil && counts.Jobs > 0 {
		return // a film is being rendered: the desk locks when it is done
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.desk != nil && a.sessions.people() == 0 {
		a.shut = true
		a.end()
		a.closeIfIdle()
	}
}

// open gives the desk, opened with this person's keys when nobody has yet, and
// the person's seat at it.
func (a *App) open(ctx context.Context, person *keyring.Person) (*desk.Seat, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.desk == nil {
		d := a.cfg.Opened
		if d == nil {
			var err error
			// The desk outlives the request that opened it.
			if d, err = desk.Open(context.WithoutCancel(ctx), a.cfg.Desk, person); err != nil {
				return nil, fmt.Errorf("open the desk: %w", err)
			}
		}
		a.desk = d
		a.life, a.end = context.WithCancel(context.Background())
	}
	a.shut = false
	if a.life.Err() != nil { // it was about to close
		a.life, a.end = context.WithCancel(context.Background())
	}
	seat, err := a.desk.Sit(person)
	if err != nil {
		if a.users == 0 && a.sessions.people() == 0 {
			a.shut = true
			a.closeIfIdle()
		}
		return nil, fmt.Errorf("sit down at the desk: %w", err)
	}
	return seat, nil
}

// hold gives the open desk and keeps it open until release; nil when locked.
func (a *App) hold() *desk.Desk {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.desk == nil || a.shut {
		return nil
	}
	a.users++
	return a.desk
}

func (a *App) release() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.users--
	a.closeIfIdle()
}

// closeIfIdle closes the desk when that is wanted and nobody uses it. The
// caller holds the lock, so that nobody opens it meanwhile.
func (a *App) closeIfIdle() {
	if !a.shut || a.users > 0 || a.desk == nil {
		return
	}
	a.end()
	if a.cfg.Opened == nil {
		if err := a.desk.Close(); err != nil {
			a.cfg.Diary.Error("close the desk", "error", err)
		}
	}
	a.desk, a.shut = nil, false
}

// alive is the context of the open desk: it ends when the desk is locked.
func (a *App) alive() context.Context {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.life == nil {
		return context.Background()
	}
	return a.life
}

// unlocked reports whether somebody has the desk open.
func (a *App) unlocked() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.desk != nil && !a.shut
}
