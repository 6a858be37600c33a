package handover

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"time"

	"kua/internal/durable"
	"kua/internal/fault"
	"kua/internal/reportpage"
)

// validDays is how long a certificate is good: no browser takes longer ones.
const validDays = 397

// Identity is what a laptop shows a phone: a certificate that nobody vouches for,
// whose fingerprint people compare, and the key with which it signs that its folder
// holds something.
type Identity struct {
	certificate tls.Certificate
	key         *ecdsa.PrivateKey
}

// NewIdentity makes one for a laptop with these addresses. Its days are whole, so that
// it does not say at what time somebody was where.
func NewIdentity(addresses []net.IP) (*Identity, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make a key: %w", err)
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, fmt.Errorf("make a certificate: %w", err)
	}
	begin := time.Now().UTC().Truncate(24*time.Hour).AddDate(0, 0, -2) // clocks of phones are wrong
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: "Kua"}, DNSNames: []string{"localhost"}, IPAddresses: addresses,
		NotBefore: begin, NotAfter: begin.AddDate(0, 0, validDays), KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return nil, fmt.Errorf("make a certificate: %w", err)
	}
	return &Identity{tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, key}, nil
}

// KeptIdentity reads an identity from a file, or makes one and keeps it there, so that
// phones find the same fingerprint after a fall of the laptop, and next time. A file
// that holds something else is the fault handover.identity.
func KeptIdentity(file string, addresses []net.IP) (*Identity, error) {
	b, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		id, err := NewIdentity(addresses)
		if err != nil {
			return nil, err
		}
		secret, err := x509.MarshalPKCS8PrivateKey(id.key)
		if err != nil {
			return nil, fmt.Errorf("write %s: %w", file, err)
		}
		var text bytes.Buffer
		err = errors.Join(
			pem.Encode(&text, &pem.Block{Type: "CERTIFICATE", Bytes: id.certificate.Certificate[0]}),
			pem.Encode(&text, &pem.Block{Type: "PRIVATE KEY", Bytes: secret}))
		if err == nil {
			err = durable.WriteFile(file, text.Bytes(), 0o600)
		}
		return id, err
	}
	if err != nil {
		return nil, err
	}
	pair, err := tls.X509KeyPair(b, b)
	if err != nil {
		return nil, fault.Invalid("handover.identity", file).Because(err)
	}
	key, ok := pair.PrivateKey.(*ecdsa.PrivateKey)
	if !ok || time.Now().After(pair.Leaf.NotAfter) {
		return nil, fault.Invalid("handover.identity", file)
	}
	return &Identity{pair, key}, nil
}

// Fingerprint is the SHA-256 of the certificate, as browsers show it, in groups that
// people can compare.
func (i *Identity) Fingerprint() []string {
	sum := sha256.Sum256(i.certificate.Certificate[0])
	return reportpage.InFours(hex.EncodeToString(sum[:]))
}

// Certificate is for a TLS server.
func (i *Identity) Certificate() tls.Certificate { return i.certificate }

// SigningKey is the key with which the laptop signs what its folder holds. It follows
// from the certificate's, so that one file holds both.
func (i *Identity) SigningKey() (ed25519.PrivateKey, error) {
	secret, err := i.key.Bytes()
	if err != nil {
		return nil, fmt.Errorf("read the certificate's key: %w", err)
	}
	seed := sha256.Sum256(append([]byte("kua handover signing key\n"), secret...))
	return ed25519.NewKeyFromSeed(seed[:]), nil
}
