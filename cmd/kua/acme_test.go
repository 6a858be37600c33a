package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// TestACME lets the real program fetch its certificate from a real authority,
// Let's Encrypt's own for tests, over TLS-ALPN-01 (RFC 8737).
func TestACME(t *testing.T) {
	const name = "node.kua.test"
	dir, bin := t.TempDir(), t.TempDir()
	const pebble = "github.com/letsencrypt/pebble/v2/cmd/"
	install(t, bin, pebble+"pebble@v2.10.3", pebble+"pebble-challtestsrv@v2.10.3")
	roots, certificate, key := selfSigned(t, dir)
	directory, management, dns, node := freePort(t), freePort(t), freePort(t), freePort(t)
	_, nodePort, err := net.SplitHostPort(node)
	if err != nil {
		t.Fatal(err)
	}
	config := filepath.Join(dir, "pebble.json")
	writeJSON(t, config, map[string]any{"pebble": map[string]any{
		"listenAddress": directory, "managementListenAddress": management, "certificate": certificate, "privateKey": key,
		"httpPort": 1, "tlsPort": json.Number(nodePort),
		"profiles": map[string]any{"default": map[string]any{"description": "made up for this test", "validityPeriod": 86400}},
	}})
	// Every name is this machine; nothing but the names is asked of this helper.
	background(t, nil, filepath.Join(bin, "pebble-challtestsrv"), "-dnsserver", dns, "-defaultIPv4", "127.0.0.1", "-defaultIPv6", "",
		"-http01", "", "-https01", "", "-tlsalpn01", "", "-doh", "", "-management", freePort(t))
	background(t, []string{"PEBBLE_VA_NOSLEEP=1", "PEBBLE_WFE_NONCEREJECT=0"}, filepath.Join(bin, "pebble"), "-config", config, "-dnsserver", dns)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	kua := filepath.Join(bin, "kua") // the test program is the real one under this name
	if err := os.Symlink(self, kua); err != nil {
		t.Fatal(err)
	}
	home := filepath.Join(dir, "desk")
	environment := []string{"KUA_LANG=en", "KUA_PASSPHRASE=made up for this test", "SSL_CERT_FILE=" + certificate}
	founded := exec.Command(kua, "charter", "init", "--dir", home, "--name", "ACME (made up)", "--person", "a", "--person", "b", "--language", "en", "--origin", name+"/log")
	founded.Env = append(os.Environ(), environment...)
	if out, err := founded.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}}
	untilAnswered(t, client, "https://"+directory+"/dir")
	background(t, environment, kua, "node", "--dir", filepath.Join(dir, "node"), "--charter", home, "--addr", node,
		"--acme", name, "--acme-directory", "https://"+directory+"/dir")

	issued := x509.NewCertPool()
	if !issued.AppendCertsFromPEM(untilAnswered(t, client, "https://"+management+"/roots/0")) {
		t.Fatal("the authority gives no root")
	}
	var seen *x509.Certificate
	for end := time.Now().Add(60 * time.Second); seen == nil; time.Sleep(100 * time.Millisecond) {
		c, err := tls.DialWithDialer(&net.Dialer{Timeout: 30 * time.Second}, "tcp", node, &tls.Config{RootCAs: issued, ServerName: name})
		if err == nil {
			seen = c.ConnectionState().PeerCertificates[0]
			c.Close()
		} else if time.Now().After(end) {
			t.Fatal(err)
		}
	}
	if err := seen.VerifyHostname(name); err != nil {
		t.Error(err)
	}
	if kept, err := os.ReadDir(filepath.Join(dir, "node", "acme")); err != nil || len(kept) == 0 {
		t.Errorf("nothing is kept for the next start: %v, %v", kept, err)
	}
	// A name that nobody told the node of gets no certificate.
	if c, err := tls.Dial("tcp", node, &tls.Config{InsecureSkipVerify: true, ServerName: "other.kua.test"}); err == nil {
		c.Close()
		t.Error("a certificate was shown for a name of a stranger's choice")
	}
}

// install builds commands from their module, with the Makefile's settings: what the
// program has compiled of the library is not compiled again.
func install(t *testing.T, bin string, commands ...string) {
	t.Helper()
	c := exec.Command("go", append([]string{"install", "-ldflags=-s -w"}, commands...)...)
	c.Env = append(os.Environ(), "GOBIN="+bin, "GOFLAGS=-trimpath", "CGO_ENABLED=0")
	c.Dir = os.TempDir()
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("build %s: %v\n%s", commands, err, out)
	}
}

// background runs a command until the test ends.
func background(t *testing.T, env []string, name string, args ...string) {
	t.Helper()
	c := exec.Command(name, args...)
	c.Env = append(os.Environ(), env...)
	said, err := os.CreateTemp(t.TempDir(), "said")
	if err != nil {
		t.Fatal(err)
	}
	c.Stdout, c.Stderr = said, said
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		said.Close()
		_ = c.Process.Kill()
		_ = c.Wait()
		if t.Failed() {
			b, _ := os.ReadFile(said.Name())
			t.Logf("%s said:\n%s", filepath.Base(name), b)
		}
	})
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func writeJSON(t *testing.T, path string, v any) {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

// untilAnswered asks until there is an answer and gives its body.
func untilAnswered(t *testing.T, client *http.Client, url string) []byte {
	t.Helper()
	for end := time.Now().Add(60 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		resp, err := client.Get(url)
		if err == nil {
			defer resp.Body.Close()
			b, err := io.ReadAll(resp.Body)
			if err != nil || resp.StatusCode != http.StatusOK {
				t.Fatalf("%s: %s, %v", url, resp.Status, err)
			}
			return b
		}
		if time.Now().After(end) {
			t.Fatal(err)
		}
	}
}

// selfSigned makes the certificate under which the authority itself answers.
func selfSigned(t *testing.T, dir string) (roots *x509.CertPool, certificate, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	form := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	der, err := x509.CreateCertificate(rand.Reader, form, form, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	write := func(name, kind string, b []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: b}), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	certificate, key = write("authority.pem", "CERTIFICATE", der), write("authority-key.pem", "PRIVATE KEY", secret)
	roots = x509.NewCertPool()
	made, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots.AddCert(made)
	return roots, certificate, key
}
