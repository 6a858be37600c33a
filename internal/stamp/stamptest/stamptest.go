// Package stamptest is a service for time stamps (RFC 3161) to test against, on loopback,
// with a root of its own. Only tests use it.
package stamptest

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"sync"
	"time"

	"github.com/digitorus/timestamp"
)

// Options say how a service is made; the zero value is an honest one.
type Options struct {
	Name     string                  // default "Made-up Stamps"
	From, To time.Time               // validity of its certificates; default an hour ago, ten years on
	Usages   []asn1.ObjectIdentifier // of its certificate; default time stamps alone
	Lax      bool                    // the usages are not critical
	Digest   crypto.Hash             // that it signs with; default SHA-256
}

// Service answers questions at URL. Its exported members may be set while it is not
// being asked.
type Service struct {
	URL   string
	Roots []byte // PEM

	Now    func() time.Time           // its clock; default time.Now
	Change func(*timestamp.Timestamp) // what it says otherwise than it should
	Status int                        // HTTP status that it refuses with

	mu     sync.Mutex
	asked  []*http.Request
	server *httptest.Server
	opts   Options
	root   *x509.Certificate
	leaf   *x509.Certificate
	key    *ecdsa.PrivateKey
}

// TimeStamping is the usage of a certificate for time stamps.
var TimeStamping = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 3, 8}

// Start makes a service and lets it listen until Close.
func Start(o Options) (*Service, error) {
	if o.Name == "" {
		o.Name = "Made-up Stamps"
	}
	if o.From.IsZero() {
		o.From = time.Now().Add(-time.Hour)
	}
	if o.To.IsZero() {
		o.To = time.Now().AddDate(10, 0, 0)
	}
	if o.Usages == nil {
		o.Usages = []asn1.ObjectIdentifier{TimeStamping}
	}
	if o.Digest == 0 {
		o.Digest = crypto.SHA256
	}
	s := &Service{Now: time.Now, opts: o}
	if err := s.certify(); err != nil {
		return nil, err
	}
	s.server = httptest.NewServer(http.HandlerFunc(s.answer))
	s.URL = s.server.URL + "/tsr"
	return s, nil
}

// Close ends the service.
func (s *Service) Close() { s.server.Close() }

// Asked gives every question's request so far.
func (s *Service) Asked() []*http.Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked
}

func (s *Service) certify() error {
	rootKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	if s.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		return err
	}
	rootOf := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: s.opts.Name + " Root"}, NotBefore: s.opts.From, NotAfter: s.opts.To,
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, rootOf, rootOf, rootKey.Public(), rootKey)
	if err != nil {
		return err
	}
	if s.root, err = x509.ParseCertificate(der); err != nil {
		return err
	}
	s.Roots = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	usages, err := asn1.Marshal(s.opts.Usages)
	if err != nil {
		return err
	}
	leafOf := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: s.opts.Name}, NotBefore: s.opts.From, NotAfter: s.opts.To, KeyUsage: x509.KeyUsageDigitalSignature,
		ExtraExtensions: []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 37}, Critical: !s.opts.Lax, Value: usages}},
	}
	if der, err = x509.CreateCertificate(rand.Reader, leafOf, s.root, s.key.Public(), rootKey); err != nil {
		return err
	}
	s.leaf, err = x509.ParseCertificate(der)
	return err
}

// Stamp gives the service's answer over a message, to a question without a nonce.
func (s *Service) Stamp(message []byte, at time.Time) ([]byte, error) {
	sum := sha256.Sum256(message)
	return s.sign(&timestamp.Request{HashAlgorithm: crypto.SHA256, HashedMessage: sum[:], Certificates: true}, at)
}

func (s *Service) sign(q *timestamp.Request, at time.Time) ([]byte, error) {
	t := timestamp.Timestamp{
		HashAlgorithm: q.HashAlgorithm, HashedMessage: q.HashedMessage, Nonce: q.Nonce, Time: at, Accuracy: time.Second,
		Policy: asn1.ObjectIdentifier{1, 2, 3, 4, 1}, AddTSACertificate: q.Certificates, Certificates: []*x509.Certificate{s.root},
	}
	if s.Change != nil {
		s.Change(&t)
	}
	note := &notebook{Signer: s.key}
	out, err := t.CreateResponseWithOpts(s.leaf, note, s.opts.Digest)
	if err != nil || s.opts.Digest != crypto.SHA256 {
		return out, err
	}
	return note.backdate(out, t.Time)
}

// notebook notes what it signs.
type notebook struct {
	crypto.Signer
	digest, signature []byte
}

// Sign implements crypto.Signer.
func (n *notebook) Sign(r io.Reader, digest []byte, opts crypto.SignerOpts) (b []byte, err error) {
	n.digest = bytes.Clone(digest)
	n.signature, err = n.Signer.Sign(r, digest, opts)
	return n.signature, err
}

// backdate gives the answer with another signing time, which the library takes from the
// clock: old stamps say an old one.
func (n *notebook) backdate(out []byte, at time.Time) ([]byte, error) {
	for i := range out {
		var attributes asn1.RawValue
		if _, err := asn1.Unmarshal(out[i:], &attributes); err != nil || out[i] != 0xa0 { // [0] IMPLICIT SET OF
			continue
		}
		signed := append([]byte{0x31}, attributes.FullBytes[1:]...)
		if sum := sha256.Sum256(signed); !bytes.Equal(sum[:], n.digest) {
			continue
		}
		oid := []byte{6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 5, 0x31, 15, 0x17, 13} // signingTime, SET, UTCTime
		from := bytes.Index(signed, oid) + len(oid)
		copy(signed[from:from+13], at.UTC().Format("060102150405Z"))
		sum := sha256.Sum256(signed)
		again := []byte(nil)
		for len(again) != len(n.signature) { // DER of ECDSA is now and then a byte shorter
			var err error
			if again, err = n.Signer.Sign(rand.Reader, sum[:], crypto.SHA256); err != nil {
				return nil, err
			}
		}
		copy(out[i+1:], signed[1:])
		return bytes.Replace(out, n.signature, again, 1), nil
	}
	return nil, errors.New("the signed attributes are not where they were")
}

func (s *Service) answer(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	body, err := io.ReadAll(io.LimitReader(r.Body, 4<<10))
	r.Body = io.NopCloser(bytes.NewReader(body))
	s.asked = append(s.asked, r)
	if s.Status != 0 {
		w.WriteHeader(s.Status)
		return
	}
	q, err1 := timestamp.ParseRequest(body)
	if err != nil || err1 != nil || r.Header.Get("Content-Type") != "application/timestamp-query" {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	out, err := s.sign(q, s.Now())
	if err != nil {
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/timestamp-reply")
	_, _ = w.Write(out)
}
