package actor

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/subtle"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"kua/internal/fault"
)

// Keys are RSA: the servers of the network take no other kind.
const (
	keyBits   = 2048
	leastBits = 2048
	mostBits  = 8192
)

// NewKey makes an account's key: PKCS #8, DER.
func NewKey() ([]byte, error) {
	k, err := rsa.GenerateKey(rand.Reader, keyBits)
	if err != nil {
		return nil, err
	}
	return x509.MarshalPKCS8PrivateKey(k)
}

// ParseKey reads what NewKey made; else the fault is actor.key.
func ParseKey(der []byte) (*rsa.PrivateKey, error) {
	k, err := x509.ParsePKCS8PrivateKey(der)
	if k, ok := k.(*rsa.PrivateKey); ok && k.N.BitLen() >= leastBits && k.N.BitLen() <= mostBits {
		return k, nil
	}
	return nil, fault.Invalid("actor.key").Because(err)
}

// PublicPEM gives the public half as accounts' documents have it.
func PublicPEM(k *rsa.PrivateKey) (string, error) {
	der, err := x509.MarshalPKIXPublicKey(&k.PublicKey)
	if err != nil {
		return "", err
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})), nil
}

// parsePublicPEM reads a stranger's key, of a size that is cheap to check with.
func parsePublicPEM(text string) (*rsa.PublicKey, bool) {
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return nil, false
	}
	var k any
	var err error
	if block.Type == "RSA PUBLIC KEY" {
		k, err = x509.ParsePKCS1PublicKey(block.Bytes)
	} else {
		k, err = x509.ParsePKIXPublicKey(block.Bytes)
	}
	r, ok := k.(*rsa.PublicKey)
	return r, err == nil && ok && r.N.BitLen() >= leastBits && r.N.BitLen() <= mostBits
}

// Sign puts date, digest and signature on a request; body is what it brings, nil
// for a GET.
func Sign(r *http.Request, body []byte, keyID string, key *rsa.PrivateKey, now time.Time) error {
	covers := []string{target, "host", "date"}
	r.Header.Set("Date", now.UTC().Format(http.TimeFormat))
	if body != nil {
		r.Header.Set("Digest", digest(body))
		covers = append(covers, "digest", "content-type")
	}
	sum := sha256.Sum256(signed(covers, func(name string) (string, bool) {
		switch name {
		case target:
			return strings.ToLower(r.Method) + " " + r.URL.RequestURI(), true
		case "host":
			return r.URL.Host, true
		}
		return r.Header.Get(name), true
	}))
	sig, err := rsa.SignPKCS1v15(nil, key, crypto.SHA256, sum[:])
	if err != nil {
		return err
	}
	r.Header.Set("Signature", `keyId="`+keyID+`",algorithm="rsa-sha256",headers="`+strings.Join(covers, " ")+`",signature="`+base64.StdEncoding.EncodeToString(sig)+`"`)
	return nil
}

func digest(body []byte) string {
	sum := sha256.Sum256(body)
	return "SHA-256=" + base64.StdEncoding.EncodeToString(sum[:])
}

// signed gives the text that is signed (draft-cavage-http-signatures-12, section 2.3),
// nil where something that it covers is not there.
func signed(covers []string, value func(name string) (string, bool)) []byte {
	var lines []string
	for _, name := range covers {
		v, ok := value(name)
		if !ok {
			return nil
		}
		lines = append(lines, name+": "+strings.TrimSpace(v))
	}
	return []byte(strings.Join(lines, "\n"))
}

// target is the pseudo-header that stands for method and path.
const target = "(request-target)"

// needed is what a letter's signature covers; it may cover kept too, and nothing
// else: no other header of a sender is kept.
var (
	needed = []string{target, "host", "date", "digest"}
	kept   = []string{"content-type", "content-length"}
)

// signature is a Signature header of the network's kind.
type signature struct {
	keyID  string
	covers []string
	bytes  []byte
}

// parameter is one of a Signature header's. A header is nothing but such, with
// commas between them: what two programs could read in two ways is not read.
var parameter = regexp.MustCompile(`^([a-zA-Z]{1,20})="([^"\\]*)"(?:, ?|$)`)

// parseSignature reads a header that covers all that is needed and nothing that is
// not kept.
func parseSignature(header string) (s signature, ok bool) {
	if len(header) > 4<<10 {
		return s, false
	}
	values := make(map[string]string)
	for rest := header; rest != ""; {
		m := parameter.FindStringSubmatch(rest)
		if m == nil || values[m[1]] != "" {
			return s, false
		}
		values[m[1]], rest = m[2], rest[len(m[0]):]
	}
	if a := values["algorithm"]; a != "" && a != "rsa-sha256" && a != "hs2019" {
		return s, false
	}
	s.keyID, s.covers = values["keyId"], strings.Split(values["headers"], " ")
	raw, err := base64.StdEncoding.DecodeString(values["signature"])
	s.bytes = raw
	for i, name := range s.covers {
		if !slices.Contains(needed, name) && !slices.Contains(kept, name) || slices.Contains(s.covers[:i], name) {
			return s, false
		}
	}
	for _, name := range needed {
		if !slices.Contains(s.covers, name) {
			return s, false
		}
	}
	return s, err == nil && s.keyID != "" && len(s.keyID) <= maxID && len(raw) > 0
}

// signedBy reports whether a letter's bytes are those that its headers promise, and
// whether the key signed them.
func (l Letter) signedBy(s signature, key *rsa.PublicKey) bool {
	text := signed(s.covers, func(name string) (string, bool) {
		switch name {
		case target:
			return "post " + l.Path, true
		case "host":
			return l.Host, true
		case "date":
			return l.Date, true
		case "digest":
			return l.Digest, true
		case "content-type":
			return l.ContentType, true
		case "content-length":
			return strconv.Itoa(len(l.Body)), true
		}
		return "", false
	})
	sum := sha256.Sum256(text)
	return text != nil && l.hasDigest() && rsa.VerifyPKCS1v15(key, crypto.SHA256, sum[:], s.bytes) == nil
}

// hasDigest reports whether the body is the one of the Digest header, which may name
// other sums beside SHA-256.
func (l Letter) hasDigest() bool {
	want := sha256.Sum256(l.Body)
	found := false
	for d := range strings.SplitSeq(l.Digest, ",") {
		name, sum, _ := strings.Cut(strings.TrimSpace(d), "=")
		if !strings.EqualFold(name, "SHA-256") {
			continue
		}
		raw, err := base64.StdEncoding.DecodeString(sum)
		if err != nil || found || subtle.ConstantTimeCompare(raw, want[:]) != 1 {
			return false
		}
		found = true
	}
	return found
}
