package nodeapi

import (
	"crypto/ed25519"
	"encoding/base64"
	"net/http"
	"slices"
	"strings"
	"time"

	"kua/internal/canon"
	"kua/internal/charter"
	"kua/internal/fault"
)

// Skew is how far the desk's clock and the node's may be apart.
const Skew = 15 * time.Minute

// scheme is the word before the desk's authorisation in the header.
const scheme = "Kua "

// deskRequest is what a desk signs for one call. Every desk call is idempotent,
// so one that is sent again within Skew does nothing new.
type deskRequest struct {
	At     string `json:"at"` // RFC 3339, UTC
	Kind   string `json:"kind"`
	Method string `json:"method"`
	Node   string `json:"node"` // the node's key: an answer to one node opens no other
	Path   string `json:"path"` // with the query
	SHA256 string `json:"sha256"`
}

// Authorise signs one call of the desk to the node with this key (base64).
// bodyHash is the SHA-256 of the body in hex.
func Authorise(r *http.Request, key ed25519.PrivateKey, node, bodyHash string, now time.Time) error {
	doc, err := canon.Marshal(deskRequest{
		At: now.UTC().Format(time.RFC3339), Kind: KindDeskRequest, Method: r.Method, Node: node, Path: r.URL.RequestURI(), SHA256: bodyHash,
	})
	if err != nil {
		return err
	}
	b64 := base64.StdEncoding.EncodeToString
	r.Header.Set("Authorization", scheme+b64(doc)+"."+b64(ed25519.Sign(key, doc)))
	return nil
}

// CheckDesk checks that a call comes from one of the charter's desks and gives
// the SHA-256 its body must have. The caller compares the body.
func CheckDesk(r *http.Request, desks []string, node string, now time.Time) (bodyHash string, err error) {
	return checkDesk(r, desks, node, now, Skew)
}

// checkDesk allows a call to be signed so long before or after now.
func checkDesk(r *http.Request, desks []string, node string, now time.Time, most time.Duration) (bodyHash string, err error) {
	doc, sig, ok := parseAuthorisation(r.Header.Get("Authorization"))
	if !ok {
		return "", fault.Forbidden("nodeapi.desk_only")
	}
	signed := slices.ContainsFunc(desks, func(key string) bool { return charter.SignedBy(key, doc, sig) })
	if !signed {
		return "", fault.Forbidden("nodeapi.desk_unknown")
	}
	var d deskRequest
	if err := canon.Unmarshal(doc, &d); err != nil {
		return "", fault.Forbidden("nodeapi.desk_only").Because(err)
	}
	if d.Kind != KindDeskRequest || d.Node != node || d.Method != r.Method || d.Path != r.URL.RequestURI() {
		return "", fault.Forbidden("nodeapi.desk_other_call")
	}
	at, err := time.Parse(time.RFC3339, d.At)
	if err != nil || now.Sub(at).Abs() > most {
		return "", fault.Forbidden("nodeapi.desk_clock", now.UTC().Format(time.RFC3339))
	}
	return d.SHA256, nil
}

func parseAuthorisation(header string) (doc, sig []byte, ok bool) {
	rest, found := strings.CutPrefix(header, scheme)
	if !found || len(rest) > 8<<10 {
		return nil, nil, false
	}
	d, s, found := strings.Cut(rest, ".")
	if !found {
		return nil, nil, false
	}
	doc, err1 := base64.StdEncoding.Strict().DecodeString(d)
	sig, err2 := base64.StdEncoding.Strict().DecodeString(s)
	return doc, sig, err1 == nil && err2 == nil && len(doc) > 0 && !strings.ContainsAny(header, "\r\n")
}
