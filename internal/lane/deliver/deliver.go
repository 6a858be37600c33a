// Package deliver empties the open lane's outbox: what an authority must be told
// goes to it by its channel, once, however often and wherever a worker is killed.
//
// It keeps nothing of its own: package lane has the outbox, leases and tries.
// Several workers, in one process or many, may run side by side. Used by cmd/kua.
package deliver

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"

	"kua/internal/authority"
	"kua/internal/fault"
	"kua/internal/lane"
	"kua/internal/locale"
	"kua/internal/mail"
	"kua/internal/open311/client"
)

// Config says by which ways a worker delivers; Lane and Catalogue must be set.
// What is missing of the rest is told to those who wait.
type Config struct {
	Lane      *lane.Lane
	Catalogue *locale.Catalogue
	Name      func(locale.Tag) string                   // of whoever runs the lane
	Site      string                                    // the site's own address as others reach it: https://kua.example.org
	Mail      func(context.Context, mail.Message) error // nil: no mail can be sent
	Keys      Keys                                      // for Open311 endpoints
	HTTP      *http.Client                              // by which they are called; nil: the usual one
	Diary     *slog.Logger                              // what cannot be told to anybody else; default: nowhere
	Lease     time.Duration                             // how long a silent worker keeps a delivery; default 5 minutes
	Rest      time.Duration                             // between two looks into an empty outbox; default 5 seconds
}

// Worker delivers. Run it once.
type Worker struct {
	Config
	site  *url.URL // nil: not said
	owner string

	mu      sync.Mutex // of what follows: endpoints by their address
	clients map[string]*client.Client
	heard   map[string]heard
}

// New checks the configuration. The fault is deliver.site.
func New(cfg Config) (*Worker, error) {
	w := &Worker{Config: cfg, owner: rand.Text(), clients: make(map[string]*client.Client), heard: make(map[string]heard)}
	var err error
	if w.site, err = ReadSite(cfg.Site); err != nil {
		return nil, err
	}
	if w.Name == nil {
		w.Name = func(locale.Tag) string { return "Kuä" }
	}
	if w.Diary == nil {
		w.Diary = slog.New(slog.DiscardHandler)
	}
	if w.Lease == 0 {
		w.Lease = 5 * time.Minute
	}
	if w.Rest == 0 {
		w.Rest = 5 * time.Second
	}
	return w, nil
}

// ReadSite reads a site's own address, nil for "". The fault is deliver.site.
func ReadSite(address string) (*url.URL, error) {
	if address == "" {
		return nil, nil
	}
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || u.Path != "" && u.Path != "/" {
		return nil, fault.Invalid("deliver.site", address)
	}
	u.Path = ""
	return u, nil
}

// Run delivers until ctx ends. Whatever waited for a reason that a new
// configuration may have taken away is tried at once.
func (w *Worker) Run(ctx context.Context) {
	if err := w.Lane.Hurry(ctx); err != nil && ctx.Err() == nil {
		w.Diary.Error("deliver: hurry", "error", err)
	}
	for ctx.Err() == nil {
		if w.round(ctx) {
			continue
		}
		select {
		case <-ctx.Done():
		case <-time.After(w.Rest):
		}
	}
}

// round does one thing of each kind that has something due, so that none keeps another
// from its turn; more reports that something was done, and more may be due.
func (w *Worker) round(ctx context.Context) (more bool) {
	for _, kind := range []struct {
		name string
		do   func(context.Context) (bool, error)
	}{{"deliver", w.Once}, {"deliver: alert", w.Alert}, {"deliver: ask", w.Ask}, {"deliver: digest", w.Digest}} {
		did, err := kind.do(ctx)
		if err != nil && ctx.Err() == nil {
			w.Diary.Error(kind.name, "error", err)
		}
		more = more || did && err == nil
	}
	return more
}

// Once delivers what is due first, if anything is. That it could not be sent is
// no error here: it is kept with the delivery.
func (w *Worker) Once(ctx context.Context) (did bool, err error) {
	d, ok, err := w.Lane.Take(ctx, w.owner, w.Lease)
	if !ok || err != nil {
		return false, err
	}
	stale, err := w.Lane.Stale(ctx, d)
	if err != nil {
		return true, err
	}
	if stale {
		return true, w.Lane.Drop(ctx, d)
	}
	inTime, stop := context.WithTimeout(ctx, w.Lease/2) // it must be over before another one may begin
	defer stop()
	seen, why := w.send(inTime, d)
	whole := context.WithoutCancel(ctx) // what was sent is kept as sent, even when this ends
	if why == nil {
		return true, w.Lane.Sent(whole, d, seen)
	}
	return true, w.Lane.Failed(whole, d, why, ended(why))
}

// ended says how a try ended: that a server wants nothing for this receiver, now or ever, is
// its refusal; that none answers, or that one has trouble of its own, is nobody's.
func ended(why error) lane.Try {
	if _, idle := errors.AsType[notTried](why); idle {
		return lane.TryNone
	}
	f, ok := fault.Of(why)
	if ok && (f.Kind == fault.KindInvalid || f.Key == "mail.mailbox_later" || f.Key == "open311.refused" && f.Kind == fault.KindNotFound) {
		return lane.TryRefused
	}
	return lane.TryFailed
}

// notTried is why nothing was even tried with a delivery.
type notTried struct{ *fault.Fault }

func (n notTried) Unwrap() error { return n.Fault }

// send tells an authority; seen is the number of the newest event that it can see
// with it.
func (w *Worker) send(ctx context.Context, d lane.Delivery) (seen int64, err error) {
	r, err := w.Lane.Request(ctx, d.Request)
	if err != nil {
		return 0, err
	}
	i := slices.IndexFunc(r.Assignments, func(a lane.Assignment) bool { return a.Number == d.Assignment })
	if i < 0 {
		return 0, fault.NotFound("lane.no_assignment", d.Assignment)
	}
	history, err := w.Lane.History(ctx, d.Request)
	if err != nil {
		return 0, err
	}
	_, newest, err := w.Lane.Current(ctx)
	if err != nil {
		return 0, err
	}
	if newest.Directory().Info.MadeUp {
		return 0, notTried{fault.Conflict("deliver.made_up")}
	}
	to, err := newest.Authority(r.Assignments[i].Authority) // an address may have been mended since
	if err != nil {
		old, broken := w.Lane.RouterOf(ctx, r)
		if broken != nil {
			return 0, broken
		}
		if to, err = old.Authority(r.Assignments[i].Authority); err != nil {
			return 0, notTried{fault.NotFound("deliver.no_channel")}
		}
	}
	m := message{d: d, first: d, r: r, a: r.Assignments[i], to: to, history: history, router: newest}
	all, err := w.Lane.Deliveries(ctx, d.Request)
	if err != nil {
		return 0, err
	}
	for _, other := range all {
		if other.Assignment == d.Assignment && other.Opening {
			m.first = other
		}
	}
	for _, c := range to.Channels {
		if c.Address != "" && c.Kind != authority.Account && w.site == nil {
			return 0, notTried{fault.Conflict("deliver.no_site")}
		}
		if c.Kind == authority.Link && c.Address != "" {
			return int64(len(history)), w.sendMail(ctx, m, c)
		}
		if c.Kind == authority.Open311 && c.Address != "" && m.r.Matter == lane.Report { // others know reports alone
			return int64(len(history)), w.forward(ctx, m, c)
		}
	}
	if slices.ContainsFunc(to.Channels, func(c authority.Channel) bool { return c.Kind == authority.Account }) {
		return int64(len(history)), w.inbox(ctx, m)
	}
	return 0, notTried{fault.NotFound("deliver.no_channel")}
}

// inbox delivers to an authority that has accounts: its inbox shows what is
// assigned to it already, so all that is asked is whether anybody can read it.
func (w *Worker) inbox(ctx context.Context, m message) error {
	there, err := w.Lane.Reachable(ctx, m.a.Authority)
	if err == nil && !there {
		return notTried{fault.NotFound("deliver.no_account")}
	}
	return err
}
