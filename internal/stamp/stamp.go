// Package stamp has services that others run say when bytes existed: it asks them
// for time stamps (RFC 3161) over a hash, and checks stamps, its own and
// strangers', at the time that they name.
//
// It keeps nothing and decides nobody's trust: a stamp is worth as much as the
// service whose root certificate it leads to. Whoever publishes or verifies
// editions may use it.
package stamp

import (
	"bytes"
	"crypto"
	"crypto/sha1" // of a certificate in the attribute of RFC 2634; never of what is stamped
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/hex"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"time"
	"unicode"

	_ "crypto/sha512" // digests that services sign with

	"github.com/digitorus/pkcs7"
	"github.com/digitorus/timestamp"

	"kua/internal/fault"
)

// MaxResponse is how many bytes a service's answer has at most; usual ones have
// 2 to 8 kB.
const MaxResponse = 16 << 10

// Stamp is what a stamp says, and by whom.
type Stamp struct {
	Time       time.Time     // the service's, UTC
	Accuracy   time.Duration // as the service states it; 0 when it states none
	Policy     string        // OID under which the service stamped
	Signer     string        // subject of the certificate that signed
	Root       string        // subject of the root it leads to
	RootSHA256 string        // of that root's DER, 64 hex: what a service publishes as its fingerprint

	nonce *big.Int
}

// NotLater is when the stamped bytes existed at the latest, if the service is
// believed.
func (s Stamp) NotLater() time.Time { return s.Time.Add(s.Accuracy) }

// Check reads a service's answer (a TimeStampResp in DER) and checks that it
// stamps message, by SHA-256, and leads to one of the roots: the signature holds, the one
// certificate that signed is named in what it signed (RFC 5816, or RFC 2634) and is for
// time stamps alone, critically (RFC 3161, 2.3), and its chain held at the time that the
// stamp names, however long ago. Nothing is asked of anybody: a certificate that was
// revoked is not known to be.
//
// The faults are stamp.damaged, stamp.other_bytes, stamp.not_for_stamps and
// stamp.no_root; all are of kind corrupt.
func Check(response, message []byte, roots Roots) (Stamp, error) {
	s, _, err := check(response, message, roots)
	return s, err
}

// check is Check; it gives the chain as well, from the certificate that signed to the root.
func check(response, message []byte, roots Roots) (s Stamp, chain []*x509.Certificate, err error) {
	defer func() { // the library panics on some of what is no stamp
		if p := recover(); p != nil {
			s, chain, err = Stamp{}, nil, damaged(fmt.Errorf("%v", p))
		}
	}()
	if len(response) > MaxResponse {
		return Stamp{}, nil, damaged(errors.New("too long"))
	}
	t, err := timestamp.ParseResponse(response)
	if err != nil {
		return Stamp{}, nil, damaged(err)
	}
	token, err := pkcs7.Parse(t.RawToken)
	if err != nil {
		return Stamp{}, nil, damaged(err)
	}
	signer := token.GetOnlySigner()
	if signer == nil || t.Time.IsZero() { // without it the library has checked no signature, or several
		return Stamp{}, nil, damaged(errors.New("not signed by one certificate that lies within, or without a time"))
	}
	if err := checkSigned(token); err != nil {
		return Stamp{}, nil, damaged(err)
	}
	if sum := sha256.Sum256(message); t.HashAlgorithm != crypto.SHA256 || !bytes.Equal(t.HashedMessage, sum[:]) {
		return Stamp{}, nil, fault.Corrupt("stamp.other_bytes")
	}
	if !forStampsAlone(signer) || !namesSigner(token, signer) {
		return Stamp{}, nil, fault.Corrupt("stamp.not_for_stamps", name(signer))
	}
	chain, err = roots.verify(signer, token.Certificates, t.Time)
	if err != nil {
		return Stamp{}, nil, fault.Corrupt("stamp.no_root", name(signer), t.Time.UTC().Format(time.RFC3339)).Because(err)
	}
	root := chain[len(chain)-1]
	sum := sha256.Sum256(root.Raw)
	return Stamp{
		Time: t.Time.UTC(), Accuracy: t.Accuracy, Policy: t.Policy.String(), Signer: name(signer),
		Root: name(root), RootSHA256: hex.EncodeToString(sum[:]), nonce: t.Nonce,
	}, chain, nil
}

// name is the subject of a certificate, fit for a terminal: strangers wrote it.
func name(c *x509.Certificate) string {
	printable := strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '?'
	}, c.Subject.String())
	return fmt.Sprintf("%.200s", printable)
}

func damaged(why error) error { return fault.Corrupt("stamp.damaged").Because(why) }

var (
	oidTSTInfo              = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 1, 4}
	oidSigningCertificate   = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 2, 12}
	oidSigningCertificateV2 = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 2, 47}
	oidExtKeyUsage          = asn1.ObjectIdentifier{2, 5, 29, 37}
)

// strong are the digests that a stamp may be signed with.
var strong = map[string]crypto.Hash{
	pkcs7.OIDDigestAlgorithmSHA256.String(): crypto.SHA256,
	pkcs7.OIDDigestAlgorithmSHA384.String(): crypto.SHA384,
	pkcs7.OIDDigestAlgorithmSHA512.String(): crypto.SHA512,
}

// checkSigned wants of the signature, which the library has found to hold, what the
// library does not look at: that it says what kind of content it signs, and no weak digest.
func checkSigned(token *pkcs7.PKCS7) error {
	var kind asn1.ObjectIdentifier
	if err := token.UnmarshalSignedAttribute(pkcs7.OIDAttributeContentType, &kind); err != nil {
		return err
	}
	s := token.Signers[0]
	_, known := strong[s.DigestAlgorithm.Algorithm.String()]
	switch {
	case !kind.Equal(oidTSTInfo):
		return fmt.Errorf("signs content of the type %s", kind)
	case !known || s.DigestEncryptionAlgorithm.Algorithm.Equal(pkcs7.OIDDigestAlgorithmECDSASHA1):
		return fmt.Errorf("signed with the digest %s", s.DigestAlgorithm.Algorithm)
	}
	return nil
}

// forStampsAlone reports whether a certificate is for time stamps, critically, and for
// nothing else.
func forStampsAlone(c *x509.Certificate) bool {
	return slices.Equal(c.ExtKeyUsage, []x509.ExtKeyUsage{x509.ExtKeyUsageTimeStamping}) && len(c.UnknownExtKeyUsage) == 0 &&
		slices.ContainsFunc(c.Extensions, func(e pkix.Extension) bool { return e.Id.Equal(oidExtKeyUsage) && e.Critical })
}

// namesSigner reports whether the signed attributes name the certificate by its hash: else
// another certificate of the same key could be put in its place.
func namesSigner(token *pkcs7.PKCS7, signer *x509.Certificate) bool {
	var v2 struct {
		Certs []struct {
			Algorithm pkix.AlgorithmIdentifier `asn1:"optional"` // default SHA-256
			Hash      []byte
			Issuer    asn1.RawValue `asn1:"optional"`
		}
	}
	if err := token.UnmarshalSignedAttribute(oidSigningCertificateV2, &v2); err == nil && len(v2.Certs) > 0 {
		h := crypto.SHA256
		if name := v2.Certs[0].Algorithm.Algorithm; len(name) > 0 {
			var known bool
			if h, known = strong[name.String()]; !known {
				return false
			}
		}
		w := h.New()
		w.Write(signer.Raw)
		return bytes.Equal(w.Sum(nil), v2.Certs[0].Hash)
	}
	var v1 struct {
		Certs []struct {
			Hash   []byte
			Issuer asn1.RawValue `asn1:"optional"`
		}
	}
	if err := token.UnmarshalSignedAttribute(oidSigningCertificate, &v1); err != nil || len(v1.Certs) == 0 {
		return false
	}
	sum := sha1.Sum(signer.Raw)
	return bytes.Equal(sum[:], v1.Certs[0].Hash)
}
