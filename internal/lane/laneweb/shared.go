package laneweb

import (
	"bytes"
	"fmt"
	"maps"
	"net/http"
	"sync"
	"time"

	roads "kua/internal/link"
)

// Pages that are the same for everybody who asks for the same address (the list, the
// map, an area) are made once and given to all who ask, as long as all that this process
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
	header http.Header
	body   []byte
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

// sharing has a page made once for all who ask meanwhile.
func (w *Web) sharing(next http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		version, _, err := w.lane.Current(r.Context())
		if err != nil {
			next.ServeHTTP(rw, r)
			return
		}
		asked := w.lane.Writes()
		p := w.shared.of(fmt.Sprint(langOf(r.Context()), " ", version.Number, " ", w.lane.Today(), " ", r.Host, " ", r.URL.Path, "?", r.URL.RawQuery))
		p.mu.Lock()
		now, writes := time.Now(), w.lane.Writes()
		if p.body != nil && p.writes >= asked && now.Sub(p.made) < sharedTime {
			header, body := p.header, p.body
			p.mu.Unlock()
			maps.Copy(rw.Header(), header)
			_, _ = rw.Write(body) // the reader may have gone
			return
		}
		defer p.mu.Unlock()
		p.body = nil
		c := &copying{ResponseWriter: rw, before: rw.Header().Clone()}
		next.ServeHTTP(c, r)
		if c.whole() {
			p.made, p.writes, p.header, p.body = now, writes, c.header(), c.body.Bytes()
		}
	})
}

// copying passes an answer on and keeps a copy of it.
type copying struct {
	http.ResponseWriter
	before http.Header
	status int
	body   bytes.Buffer
	failed bool
}

// Unwrap lets http.ResponseController reach the writer.
func (c *copying) Unwrap() http.ResponseWriter { return c.ResponseWriter }

// WriteHeader implements http.ResponseWriter.
func (c *copying) WriteHeader(status int) {
	c.status = status
	c.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (c *copying) Write(b []byte) (int, error) {
	if c.body.Len()+len(b) <= sharedBytes {
		c.body.Write(b)
	} else {
		c.failed = true
	}
	return c.ResponseWriter.Write(b)
}

// whole reports an answer that may be given to others.
func (c *copying) whole() bool {
	return !c.failed && (c.status == 0 || c.status == http.StatusOK) && c.body.Len() > 0 && c.Header().Get("Set-Cookie") == ""
}

// header gives what the page itself has set; how it went to its first reader is not of it.
func (c *copying) header() http.Header {
	own := http.Header{}
	for name, values := range c.Header() {
		if name == roads.EncodingHeader {
			continue
		}
		if was, there := c.before[name]; !there || fmt.Sprint(was) != fmt.Sprint(values) {
			own[name] = values
		}
	}
	return own
}
