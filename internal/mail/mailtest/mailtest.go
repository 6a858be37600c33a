// Package mailtest gives tests a real SMTP server: Debian's aiosmtpd, on a port of
// this machine.
//
// Only tests use it. A machine without it fails the test and says what to
// install; nothing is skipped.
package mailtest

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	_ "embed"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

//go:embed server.py
var program string

// Manner is what the server does with a message.
type Manner string

// The manners.
const (
	Take    Manner = "take"
	Refuse  Manner = "refuse"  // the mailbox, for good
	Says    Manner = "says"    // answers RCPT with what the mailbox is called: 550_5.1.1@mail.example
	Sender  Manner = "sender"  // whoever sends, for good
	Content Manner = "content" // the message, for good
	Later   Manner = "later"   // the mailbox, for now
	Hang    Manner = "hang"    // takes it, then breaks the line before it says so
	Auth    Manner = "auth"    // takes it from the user kua with the password geheim
)

// Letter is a message as the server took it.
type Letter struct {
	From string   `json:"from"`
	To   []string `json:"to"`
	Text string   `json:"text"` // with its headers
	TLS  bool     `json:"tls"`
	HELO string   `json:"helo"`
	User string   `json:"user"`
}

// Server is a running server.
type Server struct {
	Addr  string
	Roots *x509.CertPool // of its certificate, which is for mail.example and 127.0.0.1; nil without TLS
	Same  *tls.Config    // lets another server have that certificate; nil without TLS

	mu      sync.Mutex
	letters []Letter
}

// Start runs a server until the test ends.
func Start(t testing.TB, manner Manner, withTLS bool) *Server {
	t.Helper()
	s := &Server{}
	cert, key := "-", "-"
	if withTLS {
		cert, key = s.certificate(t)
	}
	c := exec.Command("/usr/bin/python3", "-c", program, cert, key, string(manner))
	c.Stderr = os.Stderr
	alive, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatalf("start the SMTP server (apt-get install python3-aiosmtpd): %v", err)
	}
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 1<<20)
	if !lines.Scan() {
		t.Fatalf("the SMTP server ended before it began: is python3-aiosmtpd installed?")
	}
	s.Addr = net.JoinHostPort("127.0.0.1", lines.Text())
	read := make(chan struct{})
	go func() {
		defer close(read)
		for lines.Scan() {
			var l Letter
			if err := json.Unmarshal(lines.Bytes(), &l); err != nil {
				t.Errorf("the SMTP server says %q", lines.Text())
				continue
			}
			s.mu.Lock()
			s.letters = append(s.letters, l)
			s.mu.Unlock()
		}
	}()
	t.Cleanup(func() {
		alive.Close()
		<-read
		_ = c.Wait() // it was told to end
	})
	return s
}

// Letters gives what the server took so far.
func (s *Server) Letters() []Letter {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Letter(nil), s.letters...)
}

// Wait gives the first n letters once the server has taken as many.
func (s *Server) Wait(t testing.TB, n int) []Letter {
	t.Helper()
	for range 500 {
		if all := s.Letters(); len(all) >= n {
			return all
		}
		time.Sleep(20 * time.Millisecond) // another process: nothing here can be waited for
	}
	t.Fatalf("the SMTP server took %d letters, want %d", len(s.Letters()), n)
	return nil
}

// Header gives the lines of a header of a letter, unfolded.
func (l Letter) Header(name string) (all []string) {
	head, _, _ := strings.Cut(strings.ReplaceAll(l.Text, "\r\n", "\n"), "\n\n")
	for line := range strings.SplitSeq(strings.ReplaceAll(strings.ReplaceAll(head, "\n ", " "), "\n\t", " "), "\n") {
		if value, ok := strings.CutPrefix(line, name+": "); ok {
			all = append(all, value)
		}
	}
	return all
}

func (s *Server) certificate(t testing.TB) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	about := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "mail.example"}, DNSNames: []string{"mail.example"},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign}
	der, err := x509.CreateCertificate(rand.Reader, about, about, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	s.Roots = x509.NewCertPool()
	s.Roots.AddCert(parsed)
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	s.Same = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: private}}}
	dir := t.TempDir()
	for name, block := range map[string]*pem.Block{"cert": {Type: "CERTIFICATE", Bytes: der}, "key": {Type: "PRIVATE KEY", Bytes: secret}} {
		if err := os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, "cert"), filepath.Join(dir, "key")
}
