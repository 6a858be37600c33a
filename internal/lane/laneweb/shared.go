package laneweb

import (
	"bytes"
	"fmt"
	"maps"
	"net/http"
	"sync"
	"time"
)

// Pages that are the same for everybody who asks for the same address (the list, the
// map, an area, scoreboards) are made once and given to all who ask, as long as all that this process
// had written when they asked is in them, and for no longer than sharedTime: so long another process's writes
// are not seen. Nothing of who asks goes into them. So of those who wait for a page while
// others write, one makes it anew for all.
const (
	sharedTime  = time.Second
	sharedPages = 128
	sharedBytes = 256 << 10 // a larger one is made for each
)

// shared keeps such pages.
type shared struct {
	mu    sync.Mutex // of pages
	pages map[string]*sharedPage
}

// sharedPage is one of them; whoever makes it holds it, and the others wait.
type sharedPage struct {
	mu     sync.Mutex // of what follows
	made   time.Time
	writes int64 // when it was begun
	last   *inMemory
}

// of gives the page of an address. When there are too many, all are forgotten.
func (s *shared) of(key string) *sharedPage {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.pages[key] == nil {
		if s.pages == nil || len(s.pages) >= sharedPages {
			s.pages = make(map[string]*sharedPage)
		}
		s.pages[key] = &sharedPage{}
	}
	return s.pages[key]
}

// sharing has a page made once for all who ask meanwhile. It is made in memory and
// written when nobody waits for it any more: a reader who takes nothing keeps nobody.
func (w *Web) sharing(next http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		version, _, err := w.lane.Current(r.Context())
		if err != nil {
			next.ServeHTTP(rw, r)
			return
		}
		asked := w.lane.Writes()
		p := w.shared.of(fmt.Sprint(langOf(r.Context()), " ", version.Number, " ", w.lane.Today(), " ", r.Host, " ", r.URL.Path, "?", r.URL.RawQuery))
		a := p.answer(asked, w.lane.Writes, func(a *inMemory) { next.ServeHTTP(a, r) })
		maps.Copy(rw.Header(), a.header)
		rw.WriteHeader(a.status)
		_, _ = rw.Write(a.body.Bytes()) // the reader may have gone
	})
}

// answer gives the page with all in it that was written when it was asked for, and has
// it made where it must be.
func (p *sharedPage) answer(asked int64, written func() int64, fill func(*inMemory)) *inMemory {
	p.mu.Lock()
	defer p.mu.Unlock()
	now, writes := time.Now(), written()
	if p.last != nil && p.writes >= asked && now.Sub(p.made) < sharedTime {
		return p.last
	}
	p.last = nil
	a := &inMemory{header: http.Header{}, status: http.StatusOK}
	fill(a)
	if a.mayBeShared() {
		p.made, p.writes, p.last = now, writes, a
	}
	return a
}

// inMemory is an answer before anybody gets it.
type inMemory struct {
	header http.Header
	began  bool
	status int
	body   bytes.Buffer
}

// Header implements http.ResponseWriter.
func (a *inMemory) Header() http.Header { return a.header }

// WriteHeader implements http.ResponseWriter.
func (a *inMemory) WriteHeader(status int) {
	if !a.began {
		a.began, a.status = true, status
	}
}

// Write implements http.ResponseWriter.
func (a *inMemory) Write(b []byte) (int, error) {
	a.began = true
	return a.body.Write(b)
}

// mayBeShared reports an answer that may be given to others.
func (a *inMemory) mayBeShared() bool {
	return a.status == http.StatusOK && a.body.Len() > 0 && a.body.Len() <= sharedBytes && a.header.Get("Set-Cookie") == ""
}
