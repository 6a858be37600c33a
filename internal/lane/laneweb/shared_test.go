package laneweb

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"kua/internal/lane"
	"kua/internal/lane/lanetest"
)

// TestPagesAreShared: a page that is the same for all is made once for those who ask
// together, and anew as soon as anything was written.
func TestPagesAreShared(t *testing.T) {
	for name, cfg := range map[string]lane.Config{"sqlite": {Dir: t.TempDir()}, "postgres": {URL: lanetest.Database(t)}} {
		r := newRoom(t, cfg, 0).withCity()
		for i, path := range []string{"/en/open/", "/en/open/map", "/en/open/area/south"} {
			before := r.want("GET", path, nil, 200)
			if again := r.want("GET", path, nil, 200); again != before {
				t.Errorf("%s: %s is another page without anything written", name, path)
			}
			r.tell("pothole", draft("area", "", "point", "45.05,65.15", "q.cover", "", "words", "A made-up hole, the "+path))
			if after := r.want("GET", path, nil, 200); after == before {
				t.Errorf("%s: %s does not show report %d", name, path, i+1)
			}
		}
		r.want("GET", "/en/open/area/nowhere", nil, 404)
		r.want("GET", "/en/open/area/nowhere", nil, 404)
	}
	r := newRoom(t, lane.Config{Dir: t.TempDir()}, 0).withCity()
	var made atomic.Int64
	room := r.web.sharing(http.HandlerFunc(func(rw http.ResponseWriter, req *http.Request) {
		made.Add(1)
		switch req.URL.Path {
		case "/fails":
			rw.WriteHeader(503)
		case "/cookie":
			rw.Header().Set("Set-Cookie", "a=b")
		}
		rw.Header().Set("X-Own", "page")
		_, _ = rw.Write([]byte(strings.Repeat("x", map[string]int{"/large": sharedBytes + 1}[req.URL.Path]+1)))
	}))
	ask := func(path string) *httptest.ResponseRecorder {
		rec := httptest.NewRecorder()
		rec.Header().Set("X-House", "house")
		room.ServeHTTP(rec, httptest.NewRequestWithContext(withLang(t.Context(), "en"), "GET", path, nil))
		return rec
	}
	for path, each := range map[string]bool{"/good": false, "/fails": true, "/cookie": true, "/large": true} {
		made.Store(0)
		began := time.Now()
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				if rec := ask(path); rec.Body.Len() == 0 || rec.Header().Get("X-House") != "house" || path == "/good" && rec.Header().Get("X-Own") != "page" {
					t.Errorf("%s: %v", path, rec.Header())
				}
			})
		}
		all.Wait()
		if n := made.Load(); each && n != 8 || !each && n != 1 && time.Since(began) < sharedTime {
			t.Errorf("%s was made %d times", path, n)
		}
	}
	// Somebody writes all the time: who waited while a page was made gets it all the same.
	const together = 8
	var began atomic.Int64
	made.Store(0)
	busy := r.web.sharing(http.HandlerFunc(func(rw http.ResponseWriter, req *http.Request) {
		if made.Add(1) == 1 {
			for began.Load() < together {
				runtime.Gosched()
			}
		}
		check(t, r.lane.SweepBudgets(req.Context()))
		_, _ = rw.Write([]byte("page"))
	}))
	var all sync.WaitGroup
	for range together {
		all.Go(func() {
			began.Add(1)
			busy.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(withLang(t.Context(), "en"), "GET", "/busy", nil))
		})
	}
	all.Wait()
	if n := made.Load(); n > together/2 {
		t.Errorf("a page was made %d times for %d who asked together", n, together)
	}
	for i := range 2 * sharedPages {
		ask("/good?" + strings.Repeat("y", i))
	}
	if n := len(r.web.shared.pages); n > sharedPages {
		t.Errorf("%d pages are kept", n)
	}
}

// stuck is a reader who takes nothing until it is let go.
type stuck struct {
	*httptest.ResponseRecorder
	reached, let chan struct{}
}

func (s stuck) Write(b []byte) (int, error) {
	close(s.reached)
	<-s.let
	return s.ResponseRecorder.Write(b)
}

// TestAReaderWhoTakesNothing: whoever asks for a page and takes none of it keeps nobody
// else from that page, whether it may be shared or not.
func TestAReaderWhoTakesNothing(t *testing.T) {
	r := newRoom(t, lane.Config{Dir: t.TempDir()}, 0).withCity()
	for _, size := range []int{1, sharedBytes + 1} {
		room := r.web.sharing(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
			_, _ = rw.Write([]byte(strings.Repeat("x", size)))
		}))
		ask := func(rw http.ResponseWriter) {
			room.ServeHTTP(rw, httptest.NewRequestWithContext(withLang(t.Context(), "en"), "GET", fmt.Sprint("/page/", size), nil))
		}
		s := stuck{httptest.NewRecorder(), make(chan struct{}), make(chan struct{})}
		var first sync.WaitGroup
		first.Go(func() { ask(s) })
		<-s.reached
		got := make(chan int, 1)
		go func() {
			rec := httptest.NewRecorder()
			ask(rec)
			got <- rec.Body.Len()
		}()
		select {
		case n := <-got:
			if n != size {
				t.Errorf("a page of %d bytes came with %d", size, n)
			}
		case <-time.After(10 * time.Second):
			t.Errorf("a reader who takes nothing of %d bytes keeps the others waiting", size)
		}
		close(s.let)
		first.Wait()
		if n := s.Body.Len(); n != size {
			t.Errorf("the slow reader got %d of %d bytes", n, size)
		}
	}
}
