package node

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/acme"
	"golang.org/x/crypto/acme/autocert"

	"kua/internal/fault"
	"kua/internal/link"
	"kua/internal/nodeapi"
	"kua/internal/onion"
)

// answerTime is for a call in which nothing moves the deadlines. A test shortens it.
var answerTime = 5 * time.Minute

// Listen says where and how a node answers. Exactly one of ACME, the two
// certificate files, BehindProxy or a loopback address is needed: a node does
// not answer strangers without TLS.
type Listen struct {
	Addr        string       // host:port
	Listener    net.Listener // instead of Addr
	CertFile    string       // PEM; read again when it changes
	KeyFile     string
	ACME        []string     // host names for which to fetch certificates; needs port 443
	Authority   string       // address of the ACME directory (RFC 8555); "" for Let's Encrypt
	BehindProxy bool         // plain HTTP; TLS ends at a proxy on the same machine or network, or at Tor
	Plain       net.Listener // in the clear, where nothing is said but the way to TLS; nil: nowhere
	Desk        bool         // here the desk calls, and nobody else
}

// deskDoor marks what came in where the desk calls.
type deskDoor struct{}

// ForDesk is all that is answered at the desk's own door.
func (n *Node) ForDesk() http.Handler {
	calls := n.Handler()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if p := r.URL.Path; p != nodeapi.Base+"/node" && !strings.HasPrefix(p, nodeapi.Base+"/desk/") {
			n.refuse(w, fault.NotFound("node.no_call"))
			return
		}
		calls.ServeHTTP(w, r)
	})
}

// Times that a server gives strangers. Bodies and long answers move their own
// deadlines as they go.
const (
	headerTime = 20 * time.Second
	idleTime   = 2 * time.Minute
	maxHeader  = 16 << 10
	stopTime   = 20 * time.Second
)

// Serve answers with h until ctx ends; then it takes no new calls, waits for
// those under way, and returns nil.
func (n *Node) Serve(ctx context.Context, at Listen, h http.Handler) error {
	config, err := n.tlsConfig(at)
	if err != nil {
		return err
	}
	stop, err := n.lead(ctx, at, config)
	if err != nil {
		return err
	}
	defer stop()
	l := at.Listener
	if l == nil {
		if l, err = (&net.ListenConfig{}).Listen(ctx, "tcp", at.Addr); err != nil {
			return fault.Conflict("node.cannot_listen", at.Addr).Because(err)
		}
	}
	l = link.Lazy(l)
	if config != nil {
		l, h = link.Listen(l, config), link.Handler(h)
	}
	s := &http.Server{
		Handler: h, ErrorLog: quiet(n.cfg.Diary),
		ConnContext:       func(ctx context.Context, c net.Conn) context.Context { return link.Context(withPace(ctx, c), c) },
		ReadHeaderTimeout: headerTime, WriteTimeout: answerTime, IdleTimeout: idleTime, MaxHeaderBytes: maxHeader,
	}
	if at.Desk {
		s.BaseContext = func(net.Listener) context.Context { return context.WithValue(context.Background(), deskDoor{}, true) }
	}
	stopped := make(chan error, 1)
	go func() {
		<-ctx.Done()
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTime)
		defer cancel()
		err := s.Shutdown(last)
		if errors.Is(err, context.DeadlineExceeded) {
			err = s.Close() // whoever is cut off comes again
		}
		stopped <- err
	}()
	err = s.Serve(l)
	if !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve: %w", err)
	}
	return <-stopped
}

// tlsConfig gives nil for plain HTTP. HTTP/1.1 alone is spoken: package link says
// why.
func (n *Node) tlsConfig(at Listen) (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"}}
	switch {
	case len(at.ACME) > 0:
		m := &autocert.Manager{
			Prompt: autocert.AcceptTOS, HostPolicy: autocert.HostWhitelist(at.ACME...), Cache: autocert.DirCache(filepath.Join(n.cfg.Dir, "acme")),
		}
		if at.Authority != "" {
			m.Client = &acme.Client{DirectoryURL: at.Authority}
		}
		config.GetCertificate = n.saying(at.ACME, m.GetCertificate)
		config.NextProtos = append(config.NextProtos, acme.ALPNProto)
		return config, nil
	case at.CertFile != "" || at.KeyFile != "":
		c := &certificate{certFile: at.CertFile, keyFile: at.KeyFile, diary: n.cfg.Diary}
		if _, err := c.get(nil); err != nil {
			return nil, err
		}
		config.GetCertificate = c.get
		return config, nil
	case at.BehindProxy || isLoopback(at):
		return nil, nil
	}
	return nil, fault.Invalid("node.needs_tls", at.Addr)
}

// saying writes down why there is no certificate for one of the node's own
// names: nobody else would tell its operator. What name a stranger asked for is
// not kept.
func (n *Node) saying(names []string, get func(*tls.ClientHelloInfo) (*tls.Certificate, error)) func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	return func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
		c, err := get(hello)
		if i := slices.Index(names, hello.ServerName); err != nil && i >= 0 {
			n.cfg.Diary.Error("no certificate could be had", "name", names[i], "fault", err)
		}
		return c, err
	}
}

func (at Listen) address() string {
	if at.Listener != nil {
		return at.Listener.Addr().String()
	}
	return at.Addr
}

func isLoopback(at Listen) bool {
	host, _, err := net.SplitHostPort(at.address())
	if err != nil {
		return false
	}
	return onion.Loopback(host)
}

// certificate is a pair of files that is read again when it changes. A new pair
// that cannot be read leaves the old one in use.
type certificate struct {
	certFile, keyFile string
	diary             *slog.Logger

	mu      sync.Mutex
	pair    *tls.Certificate
	stamp   string
	looked  time.Time
	refused string
}

const lookAgain = 30 * time.Second

func (c *certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.pair != nil && time.Since(c.looked) < lookAgain {
		return c.pair, nil
	}
	c.looked = time.Now()
	stamp, err := c.stampOf()
	if err == nil && stamp == c.stamp {
		return c.pair, nil
	}
	var pair tls.Certificate
	if err == nil {
		pair, err = tls.LoadX509KeyPair(c.certFile, c.keyFile)
	}
	if err == nil {
		c.pair, c.stamp = &pair, stamp
		return c.pair, nil
	}
	if c.pair == nil {
		return nil, fault.Invalid("node.bad_certificate", c.certFile, c.keyFile).Because(err)
	}
	if c.refused != err.Error() {
		c.refused = err.Error()
		c.diary.Error("the new certificate cannot be read; the old one stays in use", "fault", err)
	}
	return c.pair, nil
}

func (c *certificate) stampOf() (string, error) {
	var s strings.Builder
	for _, name := range []string{c.certFile, c.keyFile} {
		info, err := os.Stat(name)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(&s, "%d %d ", info.Size(), info.ModTime().UnixNano())
	}
	return s.String(), nil
}

// quiet is the diary of an http.Server. What it wants to say names addresses
// ("TLS handshake error from 192.0.2.7:4711: …") and can quote what a caller
// sent, so of each line only its kind is kept, and of the kind that any stranger
// can cause not even that.
func quiet(diary *slog.Logger) *log.Logger { return log.New(quietWriter{diary}, "", 0) }

type quietWriter struct{ diary *slog.Logger }

// Write implements io.Writer.
func (q quietWriter) Write(line []byte) (int, error) {
	text := string(line)
	switch {
	case strings.HasPrefix(text, "http: TLS handshake error"), strings.HasPrefix(text, "http2: "), strings.HasPrefix(text, "http: URL query contains"):
	case strings.HasPrefix(text, "http: Accept error"):
		q.diary.Warn("the server cannot take a connection")
	case strings.HasPrefix(text, "http: panic serving"):
		q.diary.Error("the server caught a panic")
	case strings.HasPrefix(text, "http: superfluous response.WriteHeader"):
		q.diary.Warn("a handler answered twice")
	default:
		q.diary.Debug("the server noted something")
	}
	return len(line), nil
}

// Tune sets the garbage collector for a process that does nothing but run a
// node: its heap is small and its garbage plenty, so it collects more seldom
// than usual, until it comes near the memory that a small server can spare.
func Tune() {
	debug.SetGCPercent(800)
	debug.SetMemoryLimit(84 << 20)
}
