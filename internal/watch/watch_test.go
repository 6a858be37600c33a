package watch_test

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"kua/internal/canon"
	"kua/internal/edition/editiontest"
	"kua/internal/fault"
	"kua/internal/link/linktest"
	"kua/internal/mirror"
	"kua/internal/tlog"
	"kua/internal/watch"
)

var noon = time.Date(2026, 11, 21, 12, 34, 56, 0, time.UTC)

// world is a net of made-up names: nothing outside loopback is reached.
type world struct {
	names map[string]string // name → address of documentation (RFC 5737), or what a poisoned resolver says
	at    map[string]string // address → listener on loopback
	pool  *x509.CertPool
}

func (w *world) probe() *watch.Probe {
	return &watch.Probe{
		Stall: 300 * time.Millisecond, Now: func() time.Time { return noon }, TLS: &tls.Config{RootCAs: w.pool},
		Resolve: func(_ context.Context, host string) ([]netip.Addr, error) {
			if a, ok := w.names[host]; ok {
				return []netip.Addr{netip.MustParseAddr(a)}, nil
			}
			return nil, errors.New("no such host")
		},
		Dial: func(ctx context.Context, a netip.AddrPort) (net.Conn, error) {
			to, ok := w.at[a.Addr().String()]
			if !ok {
				return nil, fmt.Errorf("the test would have reached %s", a)
			}
			return (&net.Dialer{}).DialContext(ctx, "tcp", to)
		},
	}
}

// add makes a name for a listener.
func (w *world) add(name, listener string) {
	a := fmt.Sprintf("203.0.113.%d", len(w.at)+1)
	w.names[name], w.at[a] = a, listener
}

// secure serves a handler over TLS with the world's certificate.
func secure(t *testing.T, pair tls.Certificate, h http.Handler) string {
	t.Helper()
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{pair}})
	must(t, err)
	s := &http.Server{Handler: h}
	go s.Serve(l)
	t.Cleanup(func() { s.Close() })
	return l.Addr().String()
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// raw answers every connection with do.
func raw(t *testing.T, do func(*net.TCPConn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go do(c.(*net.TCPConn))
		}
	}()
	return l.Addr().String()
}

func newWorld(t *testing.T) (*world, tls.Certificate) {
	t.Helper()
	w := &world{names: map[string]string{}, at: map[string]string{}}
	cert, key, pool := linktest.Certificate(t, "good.example", "frozen.example", "silent.example", "reset.example", "led.example", "page.example", "old.example", "fork.example")
	pair, err := tls.LoadX509KeyPair(cert, key)
	must(t, err)
	w.pool = pool
	return w, pair
}

// TestPhases looks at one mirror through every kind of censorship that is known of
// the region, each played by a local server.
func TestPhases(t *testing.T) {
	t.Parallel()
	w, pair := newWorld(t)
	film := make([]byte, 40<<10)
	rand.Read(film)
	sum := canon.Hash(film)
	good := secure(t, pair, http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/film.mp4":
			rw.Write(film)
		case "/changed.mp4":
			rw.Write(film[1:])
		default:
			http.NotFound(rw, r)
		}
	}))
	w.add("good.example", good)
	w.names["poisoned.example"] = "127.0.0.2"
	dead, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	w.add("refused.example", dead.Addr().String())
	must(t, dead.Close())
	w.add("reset.example", raw(t, func(c *net.TCPConn) {
		_, _ = c.Read(make([]byte, 5)) // a ClientHello begins
		_ = c.SetLinger(0)
		c.Close()
	}))
	w.add("silent.example", raw(t, func(c *net.TCPConn) { _, _ = io.Copy(io.Discard, c); c.Close() }))
	otherCert, otherKey, _ := linktest.Certificate(t, "middle.example")
	other, err := tls.LoadX509KeyPair(otherCert, otherKey)
	must(t, err)
	w.add("middle.example", secure(t, other, http.NotFoundHandler()))
	w.add("frozen.example", linktest.Start(t, good, linktest.Road{Freeze: 16 << 10}).Addr)
	w.add("led.example", secure(t, pair, http.RedirectHandler("https://blocked.provider.example/", http.StatusFound)))
	clear := raw(t, func(c *net.TCPConn) {
		_, _ = c.Read(make([]byte, 1024))
		fmt.Fprint(c, "HTTP/1.1 302 Found\r\nLocation: http://blocked.provider.example/\r\nContent-Length: 0\r\n\r\n")
		c.Close()
	})
	w.add("clear.example", clear)
	for _, c := range []struct {
		url, path, result, phase string
		forged                   bool
	}{
		{"https://good.example", "film.mp4", watch.OK, "", false},
		{"https://good.example", "changed.mp4", watch.Altered, "", false},
		{"https://good.example", "gone.mp4", watch.Removed, "", false},
		{"https://nowhere.example", "film.mp4", watch.Failed, watch.DNS, false},
		{"https://poisoned.example", "film.mp4", watch.Failed, watch.DNS, true},
		{"https://refused.example", "film.mp4", watch.Failed, watch.TCP, false},
		{"https://reset.example", "film.mp4", watch.Failed, watch.TLS, false},
		{"https://silent.example", "film.mp4", watch.Failed, watch.TLS, false},
		{"https://middle.example", "film.mp4", watch.Failed, watch.TLS, true},
		{"https://led.example", "film.mp4", watch.Failed, watch.HTTP, false},
		{"http://clear.example", "film.mp4", watch.Failed, watch.HTTP, true},
		{"https://frozen.example", "film.mp4", watch.Failed, watch.Freeze, false},
	} {
		o, err := w.probe().Look(t.Context(), watch.Copy{Record: "000001", Kind: "mirror", URL: c.url, Path: c.path, SHA256: sum, Size: int64(len(film))})
		must(t, err)
		if o.Result != c.result || o.Phase != c.phase || o.Forged != c.forged {
			t.Errorf("%s/%s: %s %s forged %v, want %s %s %v", c.url, c.path, o.Result, o.Phase, o.Forged, c.result, c.phase, c.forged)
		}
		if c.phase == watch.Freeze && (o.Bytes < 8<<10 || o.Bytes > 16<<10) {
			t.Errorf("froze after %d bytes", o.Bytes)
		}
		if o.At != "2026-11-21T12:00:00Z" || o.Place != watch.Hidden("here") {
			t.Errorf("the observation tells when and where: %+v", o)
		}
		if b, err := watch.Lines([]watch.Observation{o}); err != nil {
			t.Error(err)
		} else if back, err := watch.ParseObservations(b); err != nil || back[0] != o {
			t.Errorf("%s is read back as %+v, %v", b, back, err)
		}
	}
}

// TestMirrorsLog tells a mirror that is behind from one that shows another history.
func TestMirrorsLog(t *testing.T) {
	t.Parallel()
	w, pair := newWorld(t)
	c := editiontest.New(t)
	c.Publish(t, c.Record(t, "000001"))
	old := editiontest.Copy(t, c.Dir)
	twin := c.Twin(t)
	twin.Publish(t, twin.Record(t, "000009"))
	c.Publish(t, c.Record(t, "000002"))
	for name, dir := range map[string]string{"good.example": c.Dir, "old.example": old, "fork.example": twin.Dir} {
		h, err := mirror.NewHandler(dir, nil)
		must(t, err)
		defer h.Close()
		w.add(name, secure(t, pair, h))
	}
	raw, err := os.ReadFile(filepath.Join(c.Dir, "log", "checkpoint"))
	must(t, err)
	cp, err := tlog.ParseCheckpoint(raw, c.Charter.Log.Origin, c.Charter.Log.Key)
	must(t, err)
	p := w.probe()
	p.Mirror = &watch.Mirror{Chain: c.Chain, Newest: cp, Fetch: func(_ context.Context, path string) ([]byte, error) {
		return os.ReadFile(filepath.Join(c.Dir, "log", path))
	}}
	doc, err := os.ReadFile(filepath.Join(c.Dir, "records/0000/000001/v1.json"))
	must(t, err)
	for name, want := range map[string]string{"good.example": watch.OK, "old.example": watch.Stale, "fork.example": watch.Forked} {
		o, err := p.Look(t.Context(), watch.Copy{Record: "000001", Kind: "mirror", URL: "https://" + name, Path: "records/0000/000001/v1.json", SHA256: canon.Hash(doc), Size: int64(len(doc))})
		if err != nil || o.Result != want {
			t.Errorf("%s: %s, %v, want %s", name, o.Result, err, want)
		}
	}
}

// TestPages looks at copies on platforms: what a page does not tell stays unknown.
func TestPages(t *testing.T) {
	t.Parallel()
	w, pair := newWorld(t)
	w.add("page.example", secure(t, pair, http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/there":
			io.WriteString(rw, "<html>Record 000001 of the made-up collective</html>")
		case "/login":
			io.WriteString(rw, "<html>Sign in to go on</html>")
		case "/busy":
			rw.WriteHeader(http.StatusTooManyRequests)
		case "/forbidden":
			rw.WriteHeader(http.StatusForbidden)
		case "/led":
			http.Redirect(rw, r, "https://login.example/", http.StatusFound)
		case "/law":
			rw.Header().Set("Link", `<https://authority.example/>; rel="blocked-by"`)
			rw.WriteHeader(http.StatusUnavailableForLegalReasons)
		default:
			http.NotFound(rw, r)
		}
	})))
	for path, want := range map[string][2]string{
		"there": {watch.OK, ""}, "login": {watch.Unknown, ""}, "busy": {watch.Unknown, ""}, "forbidden": {watch.Unknown, ""}, "led": {watch.Unknown, ""},
		"law": {watch.Region, "451 authority.example"}, "gone": {watch.Removed, ""},
	} {
		o, err := w.probe().Look(t.Context(), watch.Copy{Record: "000001", Kind: "telegram", URL: "https://page.example/" + path, Words: []string{"Record 000001"}})
		if err != nil || o.Result != want[0] || o.Reason != want[1] {
			t.Errorf("%s: %s %q, %v, want %v", path, o.Result, o.Reason, err, want)
		}
	}
}

// TestYouTube asks a server that answers as the Data API's discovery document says.
func TestYouTube(t *testing.T) {
	t.Parallel()
	w, pair := newWorld(t)
	item := func(status, region string) string {
		return `{"items":[{"id":"abcdef12345","status":{` + status + `},"contentDetails":{` + region + `}}]}`
	}
	var says string
	w.add("good.example", secure(t, pair, http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		if r.URL.Path != "/youtube/v3/videos" || q.Get("id") != "abcdef12345" || q.Get("key") != "made up" || q.Get("part") != "status,contentDetails" {
			rw.WriteHeader(http.StatusBadRequest)
			return
		}
		io.WriteString(rw, says)
	})))
	p := w.probe()
	p.YouTube = &watch.YouTube{Key: "made up", Base: "https://good.example"}
	for _, c := range [][3]string{
		{item(`"uploadStatus":"processed","privacyStatus":"public"`, ""), watch.OK, ""},
		{item(`"uploadStatus":"rejected","rejectionReason":"inappropriate"`, ""), watch.Removed, "inappropriate"},
		{item(`"uploadStatus":"rejected","rejectionReason":"a new one"`, ""), watch.Removed, ""},
		{item(`"uploadStatus":"deleted"`, ""), watch.Removed, ""},
		{item(`"uploadStatus":"processed","privacyStatus":"private"`, ""), watch.Removed, "private"},
		{item(`"uploadStatus":"processed"`, `"regionRestriction":{"blocked":["KZ","<x>"]}`), watch.Region, "blocked KZ"},
		{item(`"uploadStatus":"failed"`, ""), watch.Unknown, ""},
		{`{"items":[]}`, watch.Removed, ""},
		{`not JSON`, watch.Unknown, ""},
	} {
		says = c[0]
		o, err := p.Look(t.Context(), watch.Copy{Record: "000001", Kind: "youtube", URL: "https://www.youtube.com/watch?v=abcdef12345", Words: []string{"000001"}})
		if err != nil || o.Result != c[1] || o.Reason != c[2] {
			t.Errorf("%s: %s %q, %v, want %v", c[0], o.Result, o.Reason, err, c[1:])
		}
	}
	o, err := p.Look(t.Context(), watch.Copy{Record: "000001", Kind: "youtube", URL: "https://youtu.be/zzzzzz12345", Words: []string{"000001"}})
	if err != nil || o.Result != watch.Unknown {
		t.Errorf("a call that the API refuses: %s, %v", o.Result, err)
	}
}

func look(url, place, hour, result, phase string) watch.Observation {
	return watch.Observation{Kind: "kua observation", At: "2026-11-" + hour + ":00:00Z", Record: "000001", URL: url, Result: result, Phase: phase, Place: watch.Hidden(place)}
}

// TestJudge draws the conclusions: who fails alone is blocked there, who fails
// everywhere is unknown, and what was taken down stays on the timeline.
func TestJudge(t *testing.T) {
	const a, b = "https://a.example", "https://b.example"
	copies := []watch.Copy{{Record: "000001", Kind: "page", URL: a, Words: []string{"0001"}}, {Record: "000001", Kind: "page", URL: b, Words: []string{"0001"}}}
	forged := look(b, "south", "24T09", watch.Failed, watch.DNS)
	forged.Forged = true
	removed := look(a, "abroad", "25T09", watch.Removed, "")
	removed.Reason = "copyright"
	seen := []watch.Observation{
		look(a, "abroad", "21T09", watch.OK, ""), look(b, "abroad", "21T09", watch.OK, ""),
		look(a, "south", "22T09", watch.Failed, watch.TLS), // abroad saw it within two days
		look(a, "abroad", "23T09", watch.Failed, watch.TCP),
		look(a, "south", "23T09", watch.Failed, watch.TCP), // nobody reaches it now
		look(a, "abroad", "24T09", watch.OK, ""), look(a, "south", "24T09", watch.OK, ""),
		forged, removed,
	}
	slices.Reverse(seen) // the order in which files come does not matter
	states, events := watch.Judge(copies, seen)
	var got []string
	for _, e := range events {
		got = append(got, strings.TrimSpace(strings.Join([]string{e.Day, e.URL[8:9], e.Result, e.Phase, e.Reason}, " ")))
	}
	want := []string{"2026-11-22 a blocked tls", "2026-11-24 a ok", "2026-11-24 b blocked dns", "2026-11-25 a removed  copyright"}
	if !slices.Equal(got, want) {
		t.Errorf("events\n%q, want\n%q", got, want)
	}
	if states[0].Result != watch.Removed || states[0].Seen != "2026-11-24" || !states[0].Alarm() || len(states[0].Places) != 2 {
		t.Errorf("the copy that was taken down: %+v", states[0])
	}
	if states[1].Result != watch.Blocked || len(watch.StillAt(states, "000001")) != 0 {
		t.Errorf("the other: %+v", states[1])
	}
	if states, events := watch.Judge(copies, nil); states[0].Result != watch.Unknown || len(events) != 0 {
		t.Errorf("nobody looked: %+v %v", states, events)
	}
}

// TestDiary adds, reopens, takes a file twice, survives a torn line, and refuses one
// whose past was changed.
func TestDiary(t *testing.T) {
	dir := t.TempDir()
	d, err := watch.OpenDiary(dir)
	must(t, err)
	first := look("https://a.example", "here", "21T09", watch.OK, "")
	second := look("https://a.example", "here", "22T09", watch.Removed, "")
	for i, want := range []int{2, 0} {
		if n, err := d.Add(first, second, first); err != nil || n != want {
			t.Errorf("Add %d = %d, %v, want %d", i, n, err, want)
		}
	}
	path := filepath.Join(dir, watch.DiaryFile)
	whole, err := os.ReadFile(path)
	must(t, err)
	must(t, os.WriteFile(path, append(whole, whole[:40]...), 0o600))
	d, err = watch.OpenDiary(dir)
	must(t, err)
	if len(d.All()) != 2 {
		t.Errorf("%d lines after a crash", len(d.All()))
	}
	head := d.Head()
	if n, err := d.Add(look("https://a.example", "here", "23T09", watch.OK, "")); n != 1 || err != nil || d.Head() == head {
		t.Errorf("Add after a crash = %d, %v", n, err)
	}
	whole, err = os.ReadFile(path)
	must(t, err)
	must(t, os.WriteFile(path, []byte(strings.Replace(string(whole), `"removed"`, `"ok"`, 1)), 0o600))
	if _, err := watch.OpenDiary(dir); !errors.Is(err, fault.Corrupt("watch.broken_diary")) {
		t.Errorf("a rewritten diary: %v", err)
	}
}

// TestOONI holds that the export has the base format's members and tells nothing of
// where a hidden place is.
func TestOONI(t *testing.T) {
	o := look("https://a.example", "here", "21T09", watch.Failed, watch.Freeze)
	o.Bytes = 16_001
	b, err := watch.OONI([]watch.Observation{o}, "1")
	must(t, err)
	var m map[string]any
	must(t, json.Unmarshal(b, &m))
	for k, v := range map[string]any{"probe_asn": "AS0", "probe_cc": "ZZ", "probe_ip": "127.0.0.1", "data_format_version": "0.2.0", "test_name": "web_connectivity", "measurement_start_time": "2026-11-21 09:00:00"} {
		if m[k] != v {
			t.Errorf("%s = %v, want %v", k, m[k], v)
		}
	}
	keys := m["test_keys"].(map[string]any)
	if keys["blocking"] != nil || keys["accessible"] != false || keys["x_kua_bytes"] != float64(16_001) {
		t.Errorf("test_keys = %v: a freeze seen from one place is not yet a block", keys)
	}
}

func TestCopiesRefused(t *testing.T) {
	good := watch.Copy{Record: "000001", Kind: "page", URL: "https://a.example/x", Words: []string{"000001"}}
	for key, spoil := range map[string]func(*watch.Copy){
		"watch.record": func(c *watch.Copy) { c.Record = "1" }, "watch.kind": func(c *watch.Copy) { c.Kind = "x" },
		"watch.address": func(c *watch.Copy) { c.URL = "file:///etc/passwd" }, "watch.onion": func(c *watch.Copy) { c.URL = "http://" + strings.Repeat("a", 56) + ".onion/" },
		"watch.words": func(c *watch.Copy) { c.Words = nil }, "watch.mirror": func(c *watch.Copy) { c.Kind = "mirror" },
	} {
		c := good
		spoil(&c)
		b, err := watch.CopiesBytes([]watch.Copy{c})
		must(t, err)
		if _, err := watch.ParseCopies(b); !errors.Is(err, fault.Invalid(key)) {
			t.Errorf("%s: %v", key, err)
		}
	}
	b, err := watch.CopiesBytes([]watch.Copy{good, good})
	must(t, err)
	if _, err := watch.ParseCopies(b); !errors.Is(err, fault.Conflict("watch.twice")) {
		t.Errorf("twice: %v", err)
	}
}

func FuzzObservations(f *testing.F) {
	b, _ := watch.Lines([]watch.Observation{look("https://a.example", "here", "21T09", watch.OK, "")})
	f.Add(b)
	f.Add([]byte("{}\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		all, err := watch.ParseObservations(b)
		if err != nil {
			return
		}
		again, err := watch.Lines(all)
		if err != nil {
			t.Fatal(err)
		}
		if back, err := watch.ParseObservations(again); err != nil || !slices.Equal(back, all) {
			t.Fatalf("read back as %v, %v", back, err)
		}
		watch.Judge(nil, all)
		if _, err := watch.OONI(all, "1"); err != nil {
			t.Fatal(err)
		}
	})
}

func FuzzCopies(f *testing.F) {
	b, _ := watch.CopiesBytes([]watch.Copy{{Record: "000001", Kind: "page", URL: "https://a.example/x", Words: []string{"000001"}}})
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		all, err := watch.ParseCopies(b)
		if err != nil {
			return
		}
		if again, err := watch.CopiesBytes(all); err != nil || len(again) > len(b) {
			t.Fatalf("%s became %s, %v", b, again, err)
		}
	})
}
