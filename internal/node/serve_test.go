package node_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/binary"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"kua/internal/canon"
	"kua/internal/fault"
	"kua/internal/node"
	"kua/internal/nodeapi"
)

// certify writes a self-signed certificate.
func certify(t *testing.T, dir, name string) (certFile, keyFile string, pool *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	must(t, err)
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	must(t, err)
	certFile, keyFile = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	must(t, os.WriteFile(certFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	must(t, os.WriteFile(keyFile, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}), 0o600))
	cert, err := x509.ParseCertificate(der)
	must(t, err)
	pool = x509.NewCertPool()
	pool.AddCert(cert)
	return certFile, keyFile, pool
}

// serveTLS runs a node's files under a certificate.
func serveTLS(t *testing.T, n *node.Node, at node.Listen) string {
	t.Helper()
	mux := http.NewServeMux()
	mux.Handle(nodeapi.Base+"/", n.Handler())
	mux.Handle("/", n.Files())
	return serveWith(t, n, at, mux)
}

// serveWith runs a node with these pages and calls.
func serveWith(t *testing.T, n *node.Node, at node.Listen, h http.Handler) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	at.Listener = l
	ctx, stop := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- n.Serve(ctx, at, h) }()
	t.Cleanup(func() {
		stop()
		if err := <-served; err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
	return l.Addr().String()
}

// recorder keeps the sizes of the TLS records that come.
type recorder struct {
	net.Conn
	mu   sync.Mutex
	seen bytes.Buffer
}

func (r *recorder) Read(b []byte) (int, error) {
	n, err := r.Conn.Read(b)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.seen.Write(b[:n])
	return n, err
}

func (r *recorder) records() (sizes []int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for b := r.seen.Bytes(); len(b) >= 5; {
		n := int(binary.BigEndian.Uint16(b[3:]))
		if b[0] == 23 { // application data
			sizes = append(sizes, n)
		}
		b = b[min(5+n, len(b)):]
	}
	return sizes
}

// TestSmallRecords reads a film over TLS, and looks at what came on the wire: the
// first 16 kilobytes, after which some censors freeze a connection, are made of
// records that a browser can open one by one.
func TestSmallRecords(t *testing.T) {
	c := newCollective(t)
	r := start(t, c.config(t.TempDir()))
	must(t, r.desk(c).Switch(t.Context(), c.brought(t, r, c.pages(t, "words"))))
	certFile, keyFile, pool := certify(t, t.TempDir(), "kua.example.org")
	addr := serveTLS(t, r.Node, node.Listen{CertFile: certFile, KeyFile: keyFile})
	var film string
	for path := range c.files {
		if strings.HasSuffix(path, ".mp4") {
			film = path
		}
	}
	var rec *recorder
	tr := &http.Transport{
		ForceAttemptHTTP2: true, // what a client offers; the node takes HTTP/1.1
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", addr)
			rec = &recorder{Conn: conn}
			return rec, err
		},
		TLSClientConfig: &tls.Config{RootCAs: pool, ServerName: "kua.example.org"},
	}
	res, err := (&http.Client{Transport: tr}).Get("https://kua.example.org/" + film)
	must(t, err)
	b, err := io.ReadAll(res.Body)
	must(t, err)
	res.Body.Close()
	tr.CloseIdleConnections()
	if !bytes.Equal(b, c.files[film]) || res.ProtoMajor != 1 {
		t.Errorf("%d bytes over %s", len(b), res.Proto)
	}
	sizes := rec.records()
	for i, n := range sizes[:min(len(sizes), 40)] {
		if n > 1400 {
			t.Errorf("record %d has %d bytes: %v", i, n, sizes[:i+1])
			break
		}
	}
	if len(sizes) < 40 {
		t.Errorf("records = %v", sizes)
	}
}

func TestServeNeedsTLS(t *testing.T) {
	c := newCollective(t)
	r := start(t, c.config(t.TempDir()))
	for _, at := range []node.Listen{{Addr: "0.0.0.0:0"}, {Addr: ":0"}, {Addr: "192.0.2.1:80"}} {
		if err := r.Serve(t.Context(), at, r.Files()); !errors.Is(err, fault.Invalid("node.needs_tls")) {
			t.Errorf("Serve at %s = %v, want node.needs_tls", at.Addr, err)
		}
	}
	err := r.Serve(t.Context(), node.Listen{Addr: "127.0.0.1:0", CertFile: "/nonexistent", KeyFile: "/nonexistent"}, r.Files())
	if !errors.Is(err, fault.Invalid("node.bad_certificate")) {
		t.Errorf("Serve = %v, want node.bad_certificate", err)
	}
}

// TestLeadsToTLS: who typed the node's name without https is shown the way there, and nobody anything else.
func TestLeadsToTLS(t *testing.T) {
	c := newCollective(t)
	r := start(t, c.config(t.TempDir()))
	certFile, keyFile, _ := certify(t, t.TempDir(), "kua.example.org")
	plain, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	_, port, err := net.SplitHostPort(serveTLS(t, r.Node, node.Listen{CertFile: certFile, KeyFile: keyFile, Plain: plain}))
	must(t, err)
	for _, test := range []struct {
		method, host, path string
		status             int
		to                 string
	}{
		{http.MethodGet, "kua.example.org", "/", http.StatusFound, "https://kua.example.org:" + port + "/"},
		{http.MethodGet, "KUA.example.org:80", "/kk/search?q=%D1%8B", http.StatusFound, "https://KUA.example.org:" + port + "/kk/search?q=%D1%8B"},
		{http.MethodGet, "elsewhere.example.org", "/", http.StatusMisdirectedRequest, ""},
		{http.MethodGet, "kua.example.org", "x:@elsewhere.example.org/", http.StatusMisdirectedRequest, ""},
		{http.MethodPut, "kua.example.org", nodeapi.Base + "/uploads/0/pieces/0", http.StatusMethodNotAllowed, ""},
	} {
		q, err := http.NewRequest(test.method, "http://"+plain.Addr().String(), nil)
		must(t, err)
		q.Host, q.URL.Opaque = test.host, test.path
		resp, err := http.DefaultTransport.RoundTrip(q)
		must(t, err)
		must(t, resp.Body.Close())
		if to := resp.Header.Get("Location"); resp.StatusCode != test.status || to != test.to || resp.ContentLength > 0 {
			t.Errorf("%s %s%s: %s to %q with %d bytes", test.method, test.host, test.path, resp.Status, to, resp.ContentLength)
		}
	}
	plain, err = net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	if err := r.Serve(t.Context(), node.Listen{Addr: "127.0.0.1:0", BehindProxy: true, Plain: plain}, r.Files()); !errors.Is(err, fault.Invalid("node.leads_nowhere")) {
		t.Errorf("without TLS of its own it leads to it: %v", err)
	}
}

// TestStopWaits ends the node while a piece is coming in.
func TestStopWaits(t *testing.T) {
	c := newCollective(t)
	n, err := node.New(t.Context(), c.config(t.TempDir()))
	must(t, err)
	defer n.Close()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	ctx, stop := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- n.Serve(ctx, node.Listen{Listener: l}, n.Handler()) }()
	conn, err := net.Dial("tcp", l.Addr().String())
	must(t, err)
	sum := "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824" // hello
	fmt.Fprintf(conn, "PUT %s/uploads/%s/pieces/%s HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n", nodeapi.Base, strings.Repeat("a", 32), sum)
	b := make([]byte, len("HTTP/1.1 100 Continue\r\n\r\n"))
	_, err = io.ReadFull(conn, b)
	must(t, err)
	stop()
	for { // it takes no new connection any more
		other, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			break
		}
		other.Close()
	}
	fmt.Fprint(conn, "hello")
	_, err = io.ReadFull(conn, b[:12])
	if err != nil || string(b[:12]) != "HTTP/1.1 201" {
		t.Errorf("the piece under way: %q, %v", b[:12], err)
	}
	if err := <-served; err != nil {
		t.Errorf("Serve = %v", err)
	}
}

// TestStatus shows that health and metrics stay the same while a report comes.
func TestStatus(t *testing.T) {
	c := newCollective(t)
	r := start(t, c.config(t.TempDir()))
	look := func() string {
		_, health := get(t, r.url+"/healthz")
		_, metrics := get(t, r.url+"/metrics")
		return string(health) + string(metrics)
	}
	before := look()
	x, pieces := sealed(t, 1<<20)
	upload(t, r.client(), x, pieces)
	fetch(t, r, "00")
	if after := look(); after != before || !strings.Contains(after, "kua_accepting 1") {
		t.Errorf("status before:\n%s\nafter a report:\n%s", before, after)
	}
}

// TestSeizure uploads from a peculiar address with a peculiar user agent, over
// plain HTTP and with a broken TLS handshake, and then searches what a raid
// would find: the directory and the diary.
func TestSeizure(t *testing.T) {
	const agent, address = "Kanareika/7.7 (canary)", "127.77.66.55"
	c, dir := newCollective(t), t.TempDir()
	var diary bytes.Buffer
	cfg := c.config(dir)
	cfg.Diary = slog.New(slog.NewTextHandler(&lockedWriter{w: &diary}, &slog.HandlerOptions{Level: slog.LevelDebug}))
	n, err := node.New(t.Context(), cfg)
	must(t, err)
	certFile, keyFile, _ := certify(t, t.TempDir(), "kua.example.org")
	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	listen := func(at node.Listen, h http.Handler) string {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		must(t, err)
		at.Listener = l
		wg.Go(func() {
			if err := n.Serve(ctx, at, h); err != nil {
				t.Errorf("Serve: %v", err)
			}
		})
		return l.Addr().String()
	}
	panics := http.NewServeMux()
	panics.Handle("/", n.Handler())
	panics.HandleFunc("/panic", func(_ http.ResponseWriter, r *http.Request) { panic("from " + r.RemoteAddr + r.UserAgent()) })
	plain, secure := listen(node.Listen{}, panics), listen(node.Listen{CertFile: certFile, KeyFile: keyFile}, n.Handler())
	dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(address)}}
	tr := &http.Transport{DialContext: dialer.DialContext}
	client := nodeapi.NewClient("http://"+plain, nodeapi.WithTries(1, 0), nodeapi.WithHTTP(&http.Client{Transport: agentOf{tr, agent}}))
	x, pieces := sealed(t, 600<<10)
	upload(t, client, x, pieces)
	_, err = client.Mailbox(t.Context(), "ab")
	must(t, err)
	if err := client.PutPiece(t.Context(), "xyz", x.Pieces[0], nil); err == nil {
		t.Error("a bad name passed")
	}
	if res, err := (&http.Client{Transport: agentOf{tr, agent}}).Get("http://" + plain + "/panic"); err == nil {
		res.Body.Close()
	}
	for range 3 { // a handshake that fails is what Go's server would write an address for
		conn, err := dialer.DialContext(t.Context(), "tcp", secure)
		must(t, err)
		fmt.Fprint(conn, "GET / HTTP/1.0\r\nUser-Agent: "+agent+"\r\n\r\n")
		io.Copy(io.Discard, conn)
		conn.Close()
	}
	tr.CloseIdleConnections()
	must(t, n.Tidy(t.Context()))
	stop()
	wg.Wait()
	must(t, n.Close())

	search := func(where string, b []byte) {
		ip := net.ParseIP(address).To4()
		for _, trace := range []string{agent, "Kanareika", address, string(ip), hex.EncodeToString(ip)} {
			if bytes.Contains(b, []byte(trace)) {
				t.Errorf("%s holds %q", where, trace)
			}
		}
	}
	search("the diary", diary.Bytes())
	searched := 0
	must(t, filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(name)
		searched += len(b)
		search(d.Name(), b)
		if info, e := d.Info(); e == nil && strings.HasSuffix(name, ".slots") {
			if at := info.ModTime().UTC(); at.Truncate(24*time.Hour) != at {
				t.Errorf("%s tells a time: %s", d.Name(), at)
			}
		}
		return err
	}))
	if searched == 0 {
		t.Error("nothing was searched")
	}
}

// agentOf sends a user agent with every call.
type agentOf struct {
	http.RoundTripper
	agent string
}

func (a agentOf) RoundTrip(r *http.Request) (*http.Response, error) {
	r.Header.Set("User-Agent", a.agent)
	return a.RoundTripper.RoundTrip(r)
}

// TestCertificateReload replaces the files under a running node. The node looks
// again after a while; the test makes it look at once.
func TestCertificateReload(t *testing.T) {
	dir := t.TempDir()
	certFile, keyFile, _ := certify(t, dir, "old.example.org")
	get := node.Certificate(certFile, keyFile)
	name := func() string {
		c, err := get()
		must(t, err)
		leaf, err := x509.ParseCertificate(c.Certificate[0])
		must(t, err)
		return leaf.Subject.CommonName
	}
	if got := name(); got != "old.example.org" {
		t.Errorf("certificate of %s", got)
	}
	certify(t, dir, "new.example.org")
	if got := name(); got != "new.example.org" {
		t.Errorf("certificate of %s after the change", got)
	}
	must(t, os.WriteFile(certFile, []byte("rubbish"), 0o600))
	if got := name(); got != "new.example.org" {
		t.Errorf("certificate of %s after the damage", got)
	}
}

// trickle gives its bytes slowly.
type trickle struct {
	b     []byte
	pause time.Duration
}

func (r *trickle) Read(p []byte) (int, error) {
	if len(r.b) == 0 {
		return 0, io.EOF
	}
	time.Sleep(r.pause)
	n := copy(p, r.b[:min(len(r.b), 100)])
	r.b = r.b[n:]
	return n, nil
}

// TestSlowPiece brings a piece for longer than a call may take that brings nothing.
func TestSlowPiece(t *testing.T) {
	c := newCollective(t)
	defer node.SetAnswerTime(200 * time.Millisecond)()
	defer node.SetGrace(400 * time.Millisecond)()
	r := start(t, c.config(t.TempDir()))
	certFile, keyFile, pool := certify(t, t.TempDir(), "127.0.0.1")
	addr := serveTLS(t, r.Node, node.Listen{CertFile: certFile, KeyFile: keyFile})
	piece := make([]byte, 1200)
	rand.Read(piece)
	tr := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, ServerName: "127.0.0.1"}}
	url := "https://" + addr + nodeapi.Base + "/uploads/" + strings.Repeat("a", 32) + "/pieces/" + canon.Hash(piece)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPut, url, &trickle{piece, 100 * time.Millisecond})
	must(t, err)
	res, err := (&http.Client{Transport: tr}).Do(req)
	must(t, err)
	res.Body.Close()
	tr.CloseIdleConnections()
	if res.StatusCode != http.StatusCreated {
		t.Errorf("%s: %d", res.Proto, res.StatusCode)
	}
}

// TestDeskApart gives the desk a door of its own: elsewhere its calls are not
// there, however well they are signed, and at that door nothing else is.
func TestDeskApart(t *testing.T) {
	c := newCollective(t)
	cfg := c.config(t.TempDir())
	cfg.DeskApart = true
	r := start(t, cfg)
	l, err := net.Listen("unix", filepath.Join(t.TempDir(), "desk.sock"))
	must(t, err)
	ctx, stop := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- r.Serve(ctx, node.Listen{Listener: l, BehindProxy: true, Desk: true}, r.ForDesk()) }()
	t.Cleanup(func() { stop(); must(t, <-served) })
	through := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", l.Addr().String())
	}}}
	defer through.CloseIdleConnections()
	door := nodeapi.NewClient("http://door.invalid", nodeapi.WithHTTP(through), nodeapi.WithNodeKey(r.Key()), nodeapi.WithTries(1, 0), nodeapi.WithDesk(c.deskKey))

	x, pieces := sealed(t, 3000)
	ack := upload(t, r.client(), x, pieces)
	if list, err := door.Parcels(t.Context()); err != nil || len(list) != 1 || list[0].ID != ack.Parcel {
		t.Errorf("at its door the desk finds %v, %v", list, err)
	}
	c.bring(t, door)
	none := fault.NotFound("node.no_call")
	if _, err := r.desk(c).Parcels(t.Context()); !errors.Is(err, none) {
		t.Errorf("elsewhere: %v, want node.no_call", err)
	}
	if err := r.desk(c).PutFile(t.Context(), canon.Hash([]byte("x")), 1, func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader("x")), nil }); !errors.Is(err, none) {
		t.Errorf("a file elsewhere: %v, want node.no_call", err)
	}
	if _, err := door.Have(t.Context(), x.ID()[:32]); !errors.Is(err, none) {
		t.Errorf("a witness at the desk's door: %v, want node.no_call", err)
	}
	for _, path := range []string{"/", "/en/report", "/api/v1/charter", "/api/v1/desk", "/healthz"} {
		resp, err := through.Get("http://door.invalid" + path)
		must(t, err)
		resp.Body.Close()
		if resp.StatusCode != http.StatusNotFound {
			t.Errorf("%s at the desk's door: %s", path, resp.Status)
		}
	}
}
