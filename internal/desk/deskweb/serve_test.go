package deskweb

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"kua/internal/desk"
)

// certificate writes a certificate for 127.0.0.1 and its key as PEM files.
func certificate(t *testing.T) (cert, key string, pool *x509.CertPool) {
	t.Helper()
	private := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der := must(x509.CreateCertificate(rand.Reader, template, template, private.Public(), private))
	cert, key = filepath.Join(t.TempDir(), "cert.pem"), filepath.Join(t.TempDir(), "key.pem")
	check(t, os.WriteFile(cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	check(t, os.WriteFile(key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: must(x509.MarshalPKCS8PrivateKey(private))}), 0o600))
	pool = x509.NewCertPool()
	pool.AddCert(must(x509.ParseCertificate(der)))
	return cert, key, pool
}

// TestServe answers over TLS with a cookie that only travels over TLS, and ends
// when it is told to.
func TestServe(t *testing.T) {
	cert, key, pool := certificate(t)
	a := must(New(Config{Desk: desk.Config{Dir: t.TempDir()}, Addr: "127.0.0.1:0", TLSCert: cert, TLSKey: key}))
	l := must(a.Listen())
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- a.Serve(ctx, l) }()

	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}}
	resp := must(client.Get(a.URL() + "en/sign-in"))
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK || !strings.HasPrefix(a.URL(), "https://127.0.0.1:") {
		t.Errorf("%s: got %d", a.URL(), resp.StatusCode)
	}
	if c := resp.Cookies(); len(c) != 1 || !c[0].Secure {
		t.Errorf("cookies: got %v, want one that is Secure", c)
	}
	client.CloseIdleConnections()
	stop()
	select {
	case err := <-ended:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("Serve does not end")
	}
}

// TestListenSaysWhatIsWrong: a port that is taken is told as a fault.
func TestListenSaysWhatIsWrong(t *testing.T) {
	l := must(net.Listen("tcp", "127.0.0.1:0"))
	defer l.Close()
	a := must(New(Config{Desk: desk.Config{Dir: t.TempDir()}, Addr: l.Addr().String()}))
	if _, err := a.Listen(); err == nil || !strings.Contains(err.Error(), "deskweb.listen") {
		t.Errorf("got %v, want deskweb.listen", err)
	}
}
