package stamp

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"time"

	"kua/internal/fault"
)

// MaxRoots is how many bytes of certificates belong to one service at most.
const MaxRoots = 64 << 10

// Roots are the certificates by which stamps of one service are believed: one root or
// several, and perhaps certificates between, where the service sends none.
type Roots struct {
	pem     []byte
	roots   []*x509.Certificate
	between []*x509.Certificate
}

// ParseRoots reads certificates in PEM. What stands between them is dropped, so that
// nothing else of a file can come into an edition. Without a root, a certificate that is
// its own issuer and may issue others, the fault is stamp.roots.
func ParseRoots(b []byte) (Roots, error) {
	var r Roots
	if len(b) > MaxRoots {
		return r, fault.Invalid("stamp.roots")
	}
	var out bytes.Buffer
	for {
		var block *pem.Block
		if block, b = pem.Decode(b); block == nil {
			break
		}
		if block.Type != "CERTIFICATE" {
			return Roots{}, fault.Invalid("stamp.roots")
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return Roots{}, fault.Invalid("stamp.roots").Because(err)
		}
		if bytes.Equal(c.RawSubject, c.RawIssuer) && c.BasicConstraintsValid && c.IsCA {
			r.roots = append(r.roots, c)
		} else {
			r.between = append(r.between, c)
		}
		if err := pem.Encode(&out, &pem.Block{Type: "CERTIFICATE", Bytes: c.Raw}); err != nil {
			return Roots{}, err
		}
	}
	if len(r.roots) == 0 {
		return Roots{}, fault.Invalid("stamp.roots")
	}
	r.pem = out.Bytes()
	return r, nil
}

// PEM gives the certificates, and nothing else, as openssl reads them.
func (r Roots) PEM() []byte { return bytes.Clone(r.pem) }

// ID names the certificates: the first 16 hex of the SHA-256 of PEM; "" where there are
// none.
func (r Roots) ID() string {
	if len(r.pem) == 0 {
		return ""
	}
	sum := sha256.Sum256(r.pem)
	return hex.EncodeToString(sum[:8])
}

// Subject is the name of the first root.
func (r Roots) Subject() string { return name(r.roots[0]) }

// verify finds the chain by which a certificate led to a root at a moment.
func (r Roots) verify(signer *x509.Certificate, came []*x509.Certificate, at time.Time) ([]*x509.Certificate, error) {
	roots, between := x509.NewCertPool(), x509.NewCertPool()
	for _, c := range r.roots {
		roots.AddCert(c)
	}
	for _, c := range append(came[:len(came):len(came)], r.between...) {
		between.AddCert(c)
	}
	chains, err := signer.Verify(x509.VerifyOptions{
		Roots: roots, Intermediates: between, CurrentTime: at, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageTimeStamping},
	})
	if err != nil {
		return nil, err
	}
	return chains[0], nil
}
