package witness_test

import (
	"bytes"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"kua/internal/link/linktest"
	"kua/internal/node"
	"kua/internal/nodeapi"
	"kua/internal/parcel"
	"kua/internal/witness"
)

// overTLS serves the stage's node as kua node does, and gives its address and a
// client's way there through a bad road.
func (s *stage) overTLS(t *testing.T, road linktest.Road) (*linktest.Proxy, *http.Client) {
	t.Helper()
	cert, key, pool := linktest.Certificate(t, "kua.example.org")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	count := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.calls.Add(1)
		s.node.Handler().ServeHTTP(w, r)
	})
	served := make(chan error, 1)
	go func() {
		served <- s.node.Serve(t.Context(), node.Listen{Listener: l, CertFile: cert, KeyFile: key}, count)
	}()
	t.Cleanup(func() {
		if err := <-served; err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
	p := linktest.Start(t, l.Addr().String(), road)
	tr := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, ServerName: "kua.example.org"}}
	t.Cleanup(tr.CloseIdleConnections)
	return p, &http.Client{Transport: tr}
}

// TestFreezingLink sends a film over a road on which every connection freezes
// after 16 kB: it arrives, and what had come before a freeze is not sent again.
func TestFreezingLink(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	out := filepath.Join(t.TempDir(), "report.kua")
	if _, err := witness.Seal(t.Context(), s.charter, report(), witness.Files(film(t, 380<<10)), out, nil); err != nil {
		t.Fatal(err)
	}
	road, by := s.overTLS(t, linktest.Road{Freeze: 16 << 10})
	client := nodeapi.NewClient("https://"+road.Addr, nodeapi.WithHTTP(by), nodeapi.WithStall(500*time.Millisecond), nodeapi.WithTries(8, 10*time.Millisecond))
	sent, err := witness.Send(t.Context(), client, out, nil)
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(out)
	if err != nil {
		t.Fatal(err)
	}
	if sent.Bytes != info.Size() || sent.Acknowledgement.Size != info.Size() {
		t.Errorf("Send = %+v of %d bytes", sent, info.Size())
	}
	if road.Frozen.Load() == 0 {
		t.Error("no connection froze: the test shows nothing")
	}
	// TLS and headers take about 3 kB of each connection of 16; more than twice the
	// parcel would mean that much was sent again.
	if all := road.Bytes.Load(); all > 2*info.Size() {
		t.Errorf("%d bytes passed for %d, over %d connections", all, info.Size(), road.Conns.Load())
	}
}

// TestGrainOfResume cuts the road for good in the middle of a piece. A later
// sending, over another road, begins where the first broke off, to the kilobyte.
func TestGrainOfResume(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	out := filepath.Join(t.TempDir(), "report.kua")
	if _, err := witness.Seal(t.Context(), s.charter, report(), witness.Files(film(t, 300<<10)), out, nil); err != nil {
		t.Fatal(err)
	}
	const budget = 60 << 10
	road, by := s.overTLS(t, linktest.Road{Budget: budget})
	client := nodeapi.NewClient("https://"+road.Addr, nodeapi.WithHTTP(by), nodeapi.WithStall(2*time.Second), nodeapi.WithTries(2, time.Millisecond))
	if _, err := witness.Send(t.Context(), client, out, nil); err == nil {
		t.Fatal("the whole passed a road that was cut")
	}
	// The node still reads what the cut left on its way; whoever asks makes it put
	// that by.
	sent, err := witness.Send(t.Context(), s.client(), out, nil)
	if err != nil {
		t.Fatal(err)
	}
	if sent.Already < budget/2 || sent.Already%parcel.PieceBytes == 0 {
		t.Errorf("of %d bytes that passed, %d were kept", budget, sent.Already)
	}
}

// TestTextInOneRequest sends a report of text alone: one call and no more carries
// it, in less than 28 kB with handshake and headers. Where connections freeze
// before that, it arrives all the same.
func TestTextInOneRequest(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	told := report()
	told.Text = strings.Repeat("Әлдекім ақша талап етті. ", 40) // made up: a thousand letters
	for _, freeze := range []int{0, 16 << 10} {
		out := filepath.Join(t.TempDir(), "report.kua")
		if _, err := witness.Seal(t.Context(), s.charter, told, nil, out, nil); err != nil {
			t.Fatal(err)
		}
		stall := time.Minute
		if freeze > 0 {
			stall = 500 * time.Millisecond
		}
		road, by := s.overTLS(t, linktest.Road{Freeze: freeze, Rate: 48 << 10})
		client := nodeapi.NewClient("https://"+road.Addr, nodeapi.WithHTTP(by), nodeapi.WithNodeKey(s.node.Key()), nodeapi.WithStall(stall), nodeapi.WithTries(8, time.Millisecond))
		before := s.calls.Load()
		sent, err := witness.Send(t.Context(), client, out, nil)
		if err != nil {
			t.Fatal(err)
		}
		calls, bytes := s.calls.Load()-before, road.Bytes.Load()
		if freeze == 0 && (calls != 1 || road.Conns.Load() != 1 || bytes > 28<<10) {
			t.Errorf("%d calls over %d connections, %d bytes, for a parcel of %d", calls, road.Conns.Load(), bytes, sent.Acknowledgement.Size)
		}
		if freeze > 0 && (road.Frozen.Load() == 0 || bytes > 64<<10) {
			t.Errorf("%d connections froze, %d bytes passed for a parcel of %d", road.Frozen.Load(), bytes, sent.Acknowledgement.Size)
		}
	}
}

// TestFalseCertificate puts a server between witness and node whose certificate
// the witness's machine believes, as a state's root certificate makes it. It reads
// every call, and what it reads is sealed; what it changes is refused.
func TestFalseCertificate(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	const canary = "kanarejka-words"
	told := report()
	told.Text = canary
	out := filepath.Join(t.TempDir(), "report.kua")
	if _, err := witness.Seal(t.Context(), s.charter, told, nil, out, nil); err != nil {
		t.Fatal(err)
	}
	other, err := node.New(t.Context(), node.Config{Dir: t.TempDir(), Chain: s.chain})
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	cert, key, pool := linktest.Certificate(t, "kua.example.org")
	target, err := url.Parse(s.url)
	if err != nil {
		t.Fatal(err)
	}
	var lies atomic.Bool
	var read atomic.Int64
	middle := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if lies.Load() {
			other.Handler().ServeHTTP(w, r) // takes the parcel, signs for it, and throws it away
			return
		}
		r.Body = &overheard{ReadCloser: r.Body, t: t, canary: canary, read: &read}
		(&httputil.ReverseProxy{Rewrite: func(p *httputil.ProxyRequest) { p.SetURL(target) }}).ServeHTTP(w, r)
	})
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{pair}})
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: middle}
	go server.Serve(l)
	defer server.Close()
	client := nodeapi.NewClient("https://"+l.Addr().String(), nodeapi.WithNodeKey(s.node.Key()), nodeapi.WithTries(1, 0),
		nodeapi.WithHTTP(&http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, ServerName: "kua.example.org"}}}))
	if _, err := witness.Send(t.Context(), client, out, nil); err != nil || read.Load() == 0 {
		t.Errorf("Send past one who listens: %v, %d bytes overheard", err, read.Load())
	}
	lies.Store(true)
	if sent, err := witness.Send(t.Context(), client, out, nil); err == nil {
		t.Errorf("another's word for the parcel is believed: %+v", sent)
	}
}

// overheard fails the test where words pass that should be sealed.
type overheard struct {
	io.ReadCloser
	t      *testing.T
	canary string
	read   *atomic.Int64
}

// Read implements io.Reader.
func (o *overheard) Read(b []byte) (int, error) {
	n, err := o.ReadCloser.Read(b)
	o.read.Add(int64(n))
	if bytes.Contains(b[:n], []byte(o.canary)) {
		o.t.Error("the words pass in the clear")
	}
	return n, err
}
