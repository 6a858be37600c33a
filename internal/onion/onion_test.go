package onion_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"kua/internal/fault"
	"kua/internal/onion"
)

// The Tor Project's own site and DuckDuckGo's, as their pages print them.
const (
	torProject = "2gzyxa5ihm7nsggfxnu52rck2vv4rvmdlkiu3zzui5du4xyclen53wid.onion"
	duckDuckGo = "duckduckgogg42xjoc72x3sjasowoarfbgcmvfimaftt6twagswzczad.onion"
)

func TestCheck(t *testing.T) {
	for _, good := range []string{torProject, duckDuckGo} {
		if err := onion.Check(good); err != nil {
			t.Errorf("Check(%s) = %v", good, err)
		}
	}
	for _, bad := range []string{
		"", ".onion", "onion", "expyuzz4wqqyqhjn.onion", strings.Replace(torProject, "2gz", "3gz", 1), strings.ToUpper(torProject), torProject + ".",
		"www." + torProject, torProject + ":80", torProject + "/", strings.TrimSuffix(torProject, ".onion"), torProject[:55] + "ö.onion", torProject + "\r\nX: y", torProject[:52] + "\r\n" + torProject[52:],
	} {
		if err := onion.Check(bad); !errors.Is(err, fault.Invalid("onion.address")) {
			t.Errorf("Check(%q) = %v, want onion.address", bad, err)
		}
	}
}

func FuzzCheck(f *testing.F) {
	f.Add(torProject)
	f.Add("x.onion")
	f.Fuzz(func(t *testing.T, s string) {
		if onion.Check(s) == nil && (len(s) != 62 || !onion.Is(s) || s != strings.ToLower(s)) {
			t.Errorf("%q passes", s)
		}
		_, _ = onion.ParseProxy(s)
		_ = onion.CheckClientKey(s)
	})
}

// TestOnionLocation holds the header to the page's own path, and to pages.
func TestOnionLocation(t *testing.T) {
	seen := func(method, target, host string) string {
		w := httptest.NewRecorder()
		r := httptest.NewRequest(method, "http://kua.example.org/", nil)
		r.URL.Path, r.URL.RawQuery, _ = strings.Cut(target, "?")
		r.Host = "evil.example\r\nX: y"
		pages := func(path string) bool { return !strings.HasPrefix(path, "/api/") }
		onion.Located(host, pages, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})).ServeHTTP(w, r)
		return w.Header().Get("Onion-Location")
	}
	for target, want := range map[string]string{
		"/":                        "/",
		"/kk/report":               "/kk/report",
		"/ru/r/0000/000001.html":   "/ru/r/0000/000001.html",
		"/kk/search?q=базар&x=1":   "/kk/search?q=%D0%B1%D0%B0%D0%B7%D0%B0%D1%80&x=1",
		"/a b\r\nSet-Cookie: x":    "/a%20b%0D%0ASet-Cookie:%20x",
		"//evil.example/x":         "//evil.example/x",
		"/x?\r\nSet-Cookie: y=1;z": "/x", // what is no query is not carried on
	} {
		if got := seen(http.MethodGet, target, torProject); got != "http://"+torProject+want {
			t.Errorf("%q: %q, want it to end in %q", target, got, want)
		}
	}
	for _, silent := range []string{seen(http.MethodPost, "/kk/report", torProject), seen(http.MethodGet, "/api/v1/node", torProject), seen(http.MethodGet, "/", "evil.example"), seen(http.MethodGet, "/", "")} {
		if silent != "" {
			t.Errorf("it says %q where it should be silent", silent)
		}
	}
}

// TestBare takes away what a caller says of where it came from.
func TestBare(t *testing.T) {
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	for _, name := range []string{"X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "Forwarded", "X-Real-IP", "Via"} {
		r.Header.Set(name, "192.0.2.7")
	}
	r.Header.Set("Accept", "text/html")
	onion.Bare(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if len(r.Header) != 1 || r.Header.Get("Accept") != "text/html" || strings.Contains(r.RemoteAddr, ".") {
			t.Errorf("left: %v from %s", r.Header, r.RemoteAddr)
		}
	})).ServeHTTP(httptest.NewRecorder(), r)
	if r.Header.Get("Forwarded") == "" {
		t.Error("the caller's request was changed")
	}
}

// TestOnionIsNeverResolved looks for the question where it would be asked: a
// direct road refuses before any dialling and before any other proxy is told, however
// the name is written.
func TestOnionIsNeverResolved(t *testing.T) {
	for _, host := range []string{torProject, strings.ToUpper(torProject), torProject + ".", "anything.onion", "www." + duckDuckGo} {
		c := http.Client{Transport: onion.Direct()}
		_, err := c.Get("http://" + host + "/")
		if !errors.Is(err, fault.Invalid("onion.needs_tor")) {
			t.Errorf("%s: %v, want onion.needs_tor", host, err)
		}
		asked := httptest.NewRequest(http.MethodGet, "http://"+host+"/", nil)
		if _, err := onion.Direct().Proxy(asked); !errors.Is(err, fault.Invalid("onion.needs_tor")) {
			t.Errorf("a proxy of the environment is asked for %s: %v", host, err)
		}
	}
}

// TestProxyGetsNames stands in for Tor and reads what it is asked: names, never
// addresses, and another user for every host and every transport.
func TestProxyGetsNames(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	type asked struct{ user, pass, host string }
	all := make(chan asked, 8)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				r := bufio.NewReader(c)
				read := func(n int) []byte { b := make([]byte, n); _, _ = io.ReadFull(r, b); return b }
				read(int(read(2)[1]))
				_, _ = c.Write([]byte{5, 2}) // with a name and a word
				read(1)
				user := string(read(int(read(1)[0])))
				pass := string(read(int(read(1)[0])))
				_, _ = c.Write([]byte{1, 0})
				if kind := read(4)[3]; kind != 3 {
					t.Errorf("asked by an address (kind %d), not by name", kind)
				}
				host := string(read(int(read(1)[0])))
				all <- asked{user, pass, host}
				_, _ = c.Write([]byte{5, 1, 0, 1, 0, 0, 0, 0, 0, 0}) // "general failure"
			}()
		}
	}()
	p, err := onion.ParseProxy("socks5h://" + l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	one, two := p.Transport(), p.Transport()
	for _, call := range []struct {
		t    *http.Transport
		host string
	}{{one, torProject}, {one, "kua.example.org"}, {two, torProject}} {
		if _, err := (&http.Client{Transport: call.t}).Get("http://" + call.host + "/"); err == nil {
			t.Fatal("the proxy refused, and the call went through")
		}
	}
	first, second, third := <-all, <-all, <-all
	if _, err := p.Dial(t.Context(), "tcp", torProject+":587"); err == nil {
		t.Fatal("the proxy refused, and the connection stands")
	}
	if mail := <-all; mail.host != torProject || mail.user != torProject+":587" || mail.pass == first.pass {
		t.Errorf("what is no HTTP asked %+v", mail)
	}
	if first.host != torProject || second.host != "kua.example.org" {
		t.Errorf("asked for %s and %s", first.host, second.host)
	}
	if first.user+first.pass == second.user+second.pass || first.user+first.pass == third.user+third.pass {
		t.Error("two roads share a circuit")
	}
}

// TestProxyGone shows that nothing falls back to the plain road.
func TestProxyGone(t *testing.T) {
	reached := false
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached = true }))
	defer s.Close()
	c := http.Client{Transport: onion.SocketProxy(t.TempDir() + "/gone").Transport()}
	r, err := http.NewRequestWithContext(context.Background(), http.MethodGet, s.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Do(r); !errors.Is(err, fault.Later("onion.no_proxy")) || reached {
		t.Errorf("without the proxy: %v, reached %v", err, reached)
	}
	if _, err := onion.SocketProxy(t.TempDir()+"/gone").Dial(t.Context(), "tcp", s.Listener.Addr().String()); !errors.Is(err, fault.Later("onion.no_proxy")) {
		t.Errorf("without the proxy a connection: %v", err)
	}
}

func TestParseProxy(t *testing.T) {
	for _, good := range []string{"127.0.0.1:9050", "socks5://127.0.0.1:9050", "socks5h://[::1]:9150/"} {
		if _, err := onion.ParseProxy(good); err != nil {
			t.Errorf("ParseProxy(%s) = %v", good, err)
		}
	}
	for _, bad := range []string{"", "http://127.0.0.1:8118", "socks5h://127.0.0.1", "socks5h://me:you@127.0.0.1:1", "socks5h://x.onion:1", "socks4://127.0.0.1:1", "socks5h://a:1/b"} {
		if _, err := onion.ParseProxy(bad); !errors.Is(err, fault.Invalid("onion.proxy")) {
			t.Errorf("ParseProxy(%q) = %v, want onion.proxy", bad, err)
		}
	}
}

func TestClientKeys(t *testing.T) {
	private, public, err := onion.NewClientKey()
	if err != nil {
		t.Fatal(err)
	}
	if got, err := onion.PublicClientKey(private); err != nil || got != public {
		t.Errorf("PublicClientKey = %s, %v, want %s", got, err, public)
	}
	if err := onion.CheckClientKey(public); err != nil {
		t.Error(err)
	}
	for _, bad := range []string{"", public[:51], public + "A", strings.ToLower(public), "descriptor:x25519:" + public, public[:51] + "1", public[:51] + "\n"} {
		if err := onion.CheckClientKey(bad); !errors.Is(err, fault.Invalid("onion.client_key")) {
			t.Errorf("CheckClientKey(%q) = %v, want onion.client_key", bad, err)
		}
	}
}
