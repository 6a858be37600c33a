package node_test

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"kua/internal/locale"
	"kua/internal/node"
	"kua/internal/node/nodeweb"
	"kua/web"
)

// TestReadyPageHasTheSameHead asks for a page before it lies ready and after, in every
// way that leaves or takes the road of heads made before: a reader is protected by the
// same headers, and no answer carries another's.
func TestReadyPageHasTheSameHead(t *testing.T) {
	t.Parallel()
	c := newCollective(t)
	r := start(t, c.config(t.TempDir()))
	must(t, r.desk(c).Switch(t.Context(), c.brought(t, r, c.pages(t, "words"))))
	cat, err := locale.Load(web.Locales())
	must(t, err)
	pages, err := nodeweb.New(r.Node, cat, nodeweb.Options{})
	must(t, err)
	certFile, keyFile, _ := certify(t, t.TempDir(), "kua.example.org")
	plain := serveWith(t, r.Node, node.Listen{}, pages)
	secure := serveWith(t, r.Node, node.Listen{CertFile: certFile, KeyFile: keyFile}, pages)
	var path string
	for p := range c.files {
		if strings.HasSuffix(p, ".html") {
			path = "/" + p
		}
	}
	dial := func(addr string) (net.Conn, *bufio.Reader) {
		conn, err := net.Dial("tcp", addr)
		must(t, err)
		if addr == secure {
			conn = tls.Client(conn, &tls.Config{InsecureSkipVerify: true})
		}
		t.Cleanup(func() { conn.Close() })
		return conn, bufio.NewReader(conn)
	}
	ask := func(conn net.Conn, from *bufio.Reader, method, more string) (*http.Response, string) {
		_, err := fmt.Fprintf(conn, "%s %s HTTP/1.1\r\nHost: kua.example.org\r\n%s\r\n", method, path, more)
		must(t, err)
		resp, err := http.ReadResponse(from, &http.Request{Method: method})
		must(t, err)
		body, err := io.ReadAll(resp.Body)
		must(t, err)
		if at, err := http.ParseTime(resp.Header.Get("Date")); err != nil || time.Since(at).Abs() > time.Minute {
			t.Errorf("%s %q: the date is %q", method, more, resp.Header["Date"])
		}
		for name, values := range resp.Header {
			if len(values) != 1 {
				t.Errorf("%s %q: %s comes %d times", method, more, name, len(values))
			}
		}
		resp.Header.Del("Date")
		return resp, string(body)
	}
	const gzip = "Accept-Encoding: gzip\r\n"
	conn, from := dial(plain)
	first, body := ask(conn, from, "GET", gzip)
	if first.StatusCode != http.StatusOK || first.Header.Get("Content-Encoding") != "gzip" || first.Header.Get("Content-Security-Policy") == "" {
		t.Fatal(first.Status, first.Header)
	}
	for _, addr := range []string{plain, secure, plain} {
		conn, from := dial(addr)
		for n := range 3 {
			again, same := ask(conn, from, "GET", gzip)
			if !reflect.DeepEqual(again.Header, first.Header) || same != body {
				t.Errorf("%s, answer %d: %v, %d bytes\nwant %v, %d bytes", addr, n, again.Header, len(same), first.Header, len(body))
			}
			for _, other := range []struct {
				method, more string
				status       int
			}{
				{"HEAD", gzip, 200},
				{"GET", "", 200},
				{"GET", gzip + "If-None-Match: " + first.Header.Get("Etag") + "\r\n", 304},
				{"POST", gzip + "Content-Length: 0\r\n", 405},
			} {
				resp, _ := ask(conn, from, other.method, other.more)
				if resp.StatusCode != other.status {
					t.Errorf("%s %q: %s", other.method, other.more, resp.Status)
				}
				if resp.Header.Get("Content-Security-Policy") != first.Header.Get("Content-Security-Policy") {
					t.Errorf("%s %q: no policy: %v", other.method, other.more, resp.Header)
				}
			}
		}
		last, same := ask(conn, from, "GET", gzip+"Connection: close\r\n")
		if !last.Close || same != body {
			t.Errorf("%s: not the last answer: %v", addr, last.Header)
		}
	}
}
