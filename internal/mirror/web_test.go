package mirror_test

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"kua/internal/edition/editiontest"
	"kua/internal/fault"
	"kua/internal/mirror"
)

// handler serves a folder as kua mirror serve does.
func handler(t testing.TB, dir string) http.Handler {
	t.Helper()
	h, err := mirror.NewHandler(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.Close() })
	return h
}

func serve(t testing.TB, h http.Handler) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}

func source(t testing.TB, w *mirror.Web, url string) mirror.Source {
	t.Helper()
	s, err := w.HTTP(url)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// edition3 is an edition of three records.
func edition3(t testing.TB) *editiontest.Collective {
	t.Helper()
	c := editiontest.New(t)
	c.Publish(t, c.Records(t, 1, 3)...)
	return c
}

func mustURL(t testing.TB, path string) *url.URL {
	t.Helper()
	u, err := url.Parse(path)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// asked counts what a server was asked for, by path.
type asked struct {
	http.Handler
	mu    sync.Mutex
	times map[string]int
}

func count(h http.Handler) *asked { return &asked{Handler: h, times: make(map[string]int)} }

// ServeHTTP implements http.Handler.
func (a *asked) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	a.times[r.URL.Path]++
	a.mu.Unlock()
	a.Handler.ServeHTTP(w, r)
}

// TestLiars pulls from one source that is good and one that lies in one way: the
// copy is sound, the liar is named, and no object was asked of it again.
func TestLiars(t *testing.T) {
	t.Parallel()
	c := edition3(t)
	films := func(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, ".mp4") }
	pages := func(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, ".html") }
	for _, lie := range []struct {
		name, key string
		about     func(*http.Request) bool
		tell      func(w http.ResponseWriter, good []byte)
	}{
		{"a changed byte", "verify.differs", films, func(w http.ResponseWriter, b []byte) { b[len(b)/2] ^= 1; w.Write(b) }},
		{"cut off, and said to be whole", "verify.cut_off", films, func(w http.ResponseWriter, b []byte) { w.Write(b[:len(b)/2]) }},
		{"too long", "verify.too_large", films, func(w http.ResponseWriter, b []byte) { w.Write(append(b, "more"...)) }},
		{"a page with status 200", "verify.", pages, func(w http.ResponseWriter, _ []byte) { io.WriteString(w, "<html>Not found</html>") }},
		{"nothing", "verify.cut_off", films, func(http.ResponseWriter, []byte) {}},
		{"without end", "verify.too_large", films, func(w http.ResponseWriter, b []byte) {
			for range 1 << 14 {
				if _, err := w.Write(b); err != nil {
					return
				}
			}
		}},
		{"another note", "tlog.checkpoint", func(r *http.Request) bool { return r.URL.Path == "/log/checkpoint" },
			func(w http.ResponseWriter, b []byte) { w.Write(bytes.Replace(b, []byte("\n"), []byte("\n1"), 1)) }},
		{"a wrong signature", "verify.bad_signature", func(r *http.Request) bool {
			return strings.HasPrefix(r.URL.Path, "/records/") && strings.HasSuffix(r.URL.Path, ".sig")
		},
			func(w http.ResponseWriter, b []byte) { b[7] ^= 1; w.Write(b) }},
		{"an unsigned manifest", "", func(r *http.Request) bool { return strings.HasPrefix(r.URL.Path, "/manifest.json.") },
			func(w http.ResponseWriter, b []byte) { b[7] ^= 1; w.Write(b) }},
		{"a tile that does not fit", "tlog.", func(r *http.Request) bool { return strings.HasPrefix(r.URL.Path, "/log/tile/0/") },
			func(w http.ResponseWriter, b []byte) { b[7] ^= 1; w.Write(b) }},
	} {
		good := count(http.FileServer(http.Dir(c.Dir))) // without batches, so that both are asked
		liar := count(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			b, err := os.ReadFile(filepath.Join(c.Dir, r.URL.Path))
			switch {
			case err != nil:
				http.NotFound(w, r)
			case lie.about(r):
				lie.tell(w, b)
			default:
				w.Write(b)
			}
		}))
		w := &mirror.Web{}
		to := filepath.Join(t.TempDir(), "copy")
		liarAt := serve(t, liar)
		r, err := pull(t, to, options(source(t, w, liarAt), source(t, w, serve(t, good))))
		if err != nil {
			t.Errorf("%s: %v %+v", lie.name, err, r)
			continue
		}
		sound(t, to)
		if lie.key != "" && (len(r.Aside) != 1 || r.Aside[0].Source != liarAt || !strings.HasPrefix(r.Aside[0].Key, lie.key)) {
			t.Errorf("%s: %+v", lie.name, r.Aside)
		}
		if len(r.Left) != 0 {
			t.Errorf("%s: left %v", lie.name, r.Left)
		}
		liar.mu.Lock()
		for path, n := range liar.times {
			if n > 1 && lie.about(&http.Request{URL: mustURL(t, path)}) {
				t.Errorf("%s: the liar was asked %d times for %s", lie.name, n, path)
			}
		}
		liar.mu.Unlock()
	}
}

// TestLiarAlone holds that nothing is taken from a liar when there is nobody else.
func TestLiarAlone(t *testing.T) {
	t.Parallel()
	c := edition3(t)
	liar := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if b, err := os.ReadFile(filepath.Join(c.Dir, r.URL.Path)); err == nil && !strings.HasSuffix(r.URL.Path, "index.html") {
			w.Write(b)
			return
		}
		io.WriteString(w, "<html>not here</html>")
	}))
	to := filepath.Join(t.TempDir(), "copy")
	_, err := pull(t, to, options(source(t, &mirror.Web{}, liar)))
	if f, ok := fault.Of(err); !ok || f.Key != "mirror.no_source" && f.Key != "mirror.incomplete" {
		t.Fatalf("%v", err)
	}
	if _, err := os.Stat(filepath.Join(to, "log/checkpoint")); err == nil {
		t.Error("there is a checkpoint without its files")
	}
}

// TestSilent holds that a source that answers and never ends is left.
func TestSilent(t *testing.T) {
	t.Parallel()
	c := edition3(t)
	good := handler(t, c.Dir)
	stop := make(chan struct{})
	quiet := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasSuffix(r.URL.Path, ".mp4") {
			good.ServeHTTP(w, r)
			return
		}
		w.Header().Set("Content-Length", "9000")
		w.Write([]byte("x"))
		w.(http.Flusher).Flush()
		select {
		case <-stop:
		case <-r.Context().Done():
		}
	}))
	t.Cleanup(quiet.Close)
	t.Cleanup(func() { close(stop) })
	w := &mirror.Web{Stall: 300 * time.Millisecond}
	to := filepath.Join(t.TempDir(), "copy")
	r := mustPull(t, to, options(source(t, w, quiet.URL), source(t, w, serve(t, good))))
	sound(t, to)
	if len(r.Left) != 0 {
		t.Errorf("%+v", r.Left)
	}
}

// TestCutLink resumes a long object where the link broke, from the same source
// or another.
func TestCutLink(t *testing.T) {
	t.Parallel()
	c := editiontest.New(t)
	c.Media = func(string) []editiontest.M { return []editiontest.M{{Rung: "240p", Type: "video/mp4", Size: 900_000}} }
	c.Publish(t, c.Record(t, "000001"))
	good := handler(t, c.Dir)
	var sent atomic.Int64
	cut := func() string {
		return serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if !strings.HasSuffix(r.URL.Path, ".mp4") {
				good.ServeHTTP(w, r)
				return
			}
			good.ServeHTTP(&cutter{w, 300_000, &sent}, r)
		}))
	}
	w := &mirror.Web{}
	to := filepath.Join(t.TempDir(), "copy")
	r := mustPull(t, to, options(source(t, w, cut()), source(t, w, cut())))
	sound(t, to)
	if len(r.Left) != 0 || sent.Load() > 1_300_000 {
		t.Errorf("%d bytes were sent; %+v", sent.Load(), r)
	}
}

// cutter breaks the connection after so many bytes.
type cutter struct {
	http.ResponseWriter
	left int
	sent *atomic.Int64
}

// Write implements io.Writer.
func (c *cutter) Write(b []byte) (int, error) {
	n, err := c.ResponseWriter.Write(b[:min(len(b), c.left)])
	c.sent.Add(int64(n))
	if c.left -= n; c.left == 0 {
		panic(http.ErrAbortHandler)
	}
	return n, err
}

// freezer is a proxy that forwards 16 kB of what comes back on a connection, and
// then nothing more, for ever: as some links do.
func freezer(t testing.TB, to string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	t.Cleanup(func() { close(done); l.Close() })
	go func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer in.Close()
				out, err := net.Dial("tcp", to)
				if err != nil {
					return
				}
				defer out.Close()
				go io.Copy(out, in)
				if n, _ := io.CopyN(in, out, 16_000); n == 16_000 {
					<-done // frozen
				}
			}()
		}
	}()
	return "http://" + l.Addr().String()
}

// TestDrip pulls through a link that freezes after 16 kB in each connection: a
// drip comes through whole, and without it the film does not come.
func TestDrip(t *testing.T) {
	t.Parallel()
	c := editiontest.New(t)
	c.Media = func(string) []editiontest.M {
		return []editiontest.M{{Rung: "240p", Type: "video/mp4", Size: 70_000}, {Rung: "144p", Type: "video/mp4", Size: 30_000}}
	}
	c.Filler = 14_000
	c.Publish(t, c.Record(t, "000001"))
	frozen := freezer(t, strings.TrimPrefix(serve(t, handler(t, c.Dir)), "http://"))
	to := filepath.Join(t.TempDir(), "copy")
	w := &mirror.Web{Drip: true, Stall: 5 * time.Second}
	r := mustPull(t, to, options(source(t, w, frozen)))
	if sound(t, to); len(r.Left) != 0 || len(r.NoRanges) != 0 {
		t.Fatalf("%+v", r)
	}
	opts := options(source(t, &mirror.Web{Stall: 200 * time.Millisecond}, frozen))
	if r, err := pull(t, filepath.Join(t.TempDir(), "whole"), opts); err == nil && len(r.Left) == 0 {
		t.Error("the link does not freeze")
	}
}

// TestDripWithoutRanges holds that a host that gives whole files is used and
// named.
func TestDripWithoutRanges(t *testing.T) {
	t.Parallel()
	c := edition3(t)
	good := handler(t, c.Dir)
	at := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Header.Del("Range")
		good.ServeHTTP(w, r)
	}))
	to := filepath.Join(t.TempDir(), "copy")
	r := mustPull(t, to, options(source(t, &mirror.Web{Drip: true}, at)))
	if sound(t, to); len(r.NoRanges) != 1 || r.NoRanges[0] != at {
		t.Fatalf("%+v", r)
	}
}

// TestOnionNeedsAProxy holds that no name of an onion service reaches a resolver,
// and that a proxy is given the name and not an address.
func TestOnionNeedsAProxy(t *testing.T) {
	t.Parallel()
	c := edition3(t)
	if _, err := (&mirror.Web{}).HTTP("http://madeupmadeupmadeup.onion"); err == nil {
		t.Error("an onion service without a proxy")
	}
	to := strings.TrimPrefix(serve(t, handler(t, c.Dir)), "http://")
	names := make(chan string, 100)
	proxy := socks(t, to, names)
	w := &mirror.Web{Proxy: "socks5h://" + proxy}
	copied := filepath.Join(t.TempDir(), "copy")
	mustPull(t, copied, options(source(t, w, "http://madeupmadeupmadeup.onion")))
	sound(t, copied)
	if name := <-names; name != "madeupmadeupmadeup.onion:80" {
		t.Errorf("the proxy was asked for %s", name)
	}
}

// socks is a SOCKS5 proxy (RFC 1928) that leads everybody to one place and notes
// the names it was asked for.
func socks(t testing.TB, to string, names chan<- string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer in.Close()
				b := make([]byte, 300)
				if _, err := io.ReadFull(in, b[:2]); err != nil {
					return
				}
				io.ReadFull(in, b[:b[1]])
				in.Write([]byte{5, 0})
				io.ReadFull(in, b[:5])
				if b[3] != 3 {
					names <- "an address"
					return
				}
				n := int(b[4])
				io.ReadFull(in, b[:n+2])
				select {
				case names <- fmt.Sprintf("%s:%d", b[:n], int(b[n])<<8|int(b[n+1])):
				default:
				}
				out, err := net.Dial("tcp", to)
				if err != nil {
					return
				}
				defer out.Close()
				in.Write([]byte{5, 0, 0, 1, 0, 0, 0, 0, 0, 0})
				go io.Copy(out, in)
				io.Copy(in, out)
			}()
		}
	}()
	return l.Addr().String()
}
