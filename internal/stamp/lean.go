package stamp

import (
	"bytes"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"math/big"
	"slices"
)

// What RFC 3161 and RFC 5652 have of a stamp that a service signs, or that is needed to check it.
type (
	grantedResp struct {
		Status struct{ Code int }
		Token  signedToken
	}
	signedToken struct {
		Type asn1.ObjectIdentifier
		Data signedData `asn1:"explicit,tag:0"`
	}
	signedData struct {
		Version      int
		Digests      []pkix.AlgorithmIdentifier `asn1:"set"`
		Content      content
		Certificates asn1.RawValue `asn1:"optional,tag:0"`
		Revoked      asn1.RawValue `asn1:"optional,tag:1"`
		Signers      []signerInfo  `asn1:"set"`
	}
	content struct {
		Type  asn1.ObjectIdentifier
		Bytes []byte `asn1:"explicit,tag:0"`
	}
	signerInfo struct {
		Version int
		Issuer  struct {
			Name   asn1.RawValue
			Serial *big.Int
		}
		Digest    pkix.AlgorithmIdentifier
		Signed    []attribute `asn1:"set,tag:0"`
		Algorithm pkix.AlgorithmIdentifier
		Signature []byte
	}
	attribute struct {
		Type  asn1.ObjectIdentifier
		Value asn1.RawValue `asn1:"set"`
	}
)

// lean writes a service's answer anew with nothing in it but what the service signed, its
// signature, and of the certificates that came along those of the chain: of the status that
// it is granted, and neither words, unsigned attributes, revocations nor what follows a
// structure. Else whoever carries the answer could write into an edition.
func lean(response []byte, chain []*x509.Certificate) ([]byte, error) {
	var r grantedResp
	if _, err := asn1.Unmarshal(response, &r); err != nil {
		return nil, err
	}
	data := &r.Token.Data
	if len(data.Signers) != 1 {
		return nil, errors.New("not signed by one")
	}
	s := &data.Signers[0]
	for _, a := range []*pkix.AlgorithmIdentifier{&s.Digest, &s.Algorithm} {
		if p := a.Parameters; len(p.FullBytes) > 0 && !bytes.Equal(p.FullBytes, asn1.NullBytes) {
			return nil, errors.New("an algorithm with parameters")
		}
	}
	r.Status.Code, data.Content.Type = 0, oidTSTInfo
	data.Digests = []pkix.AlgorithmIdentifier{s.Digest}
	data.Revoked = asn1.RawValue{}
	certificates := asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: 0, IsCompound: true}
	for rest := data.Certificates.Bytes; len(rest) > 0; {
		var c asn1.RawValue
		var err error
		if rest, err = asn1.Unmarshal(rest, &c); err != nil {
			return nil, err
		}
		if !slices.ContainsFunc(chain, func(of *x509.Certificate) bool { return bytes.Equal(of.Raw, c.FullBytes) }) {
			continue
		}
		if !whole(c.FullBytes) {
			return nil, errors.New("a certificate with more than its issuer signed")
		}
		certificates.Bytes = append(certificates.Bytes, c.FullBytes...)
	}
	data.Certificates = certificates
	return asn1.Marshal(r)
}

// whole reports whether a certificate ends with its signature.
func whole(certificate []byte) bool {
	var c struct {
		Signed    asn1.RawValue
		Algorithm asn1.RawValue
		Signature asn1.BitString
	}
	if _, err := asn1.Unmarshal(certificate, &c); err != nil {
		return false
	}
	again, err := asn1.Marshal(c)
	return err == nil && bytes.Equal(again, certificate)
}
