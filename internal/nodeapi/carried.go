package nodeapi

import (
	"context"
	"net/http"
	"strings"
	"time"

	"kua/internal/canon"
	"kua/internal/charter"
	"kua/internal/fault"
)

// Calls of the desk that travel by hand, and what travels back: spec/courier.md.
const (
	KindCarried = "kua carried call"
	KindDone    = "kua carried call done"
	KindState   = "kua node state"
)

// CarriedDays is how long a node does what a call says that came by hand. Every
// call is idempotent, so one that is brought again in this time does nothing new.
const CarriedDays = 60

// Carried is a desk's call on its way by hand. Its body travels apart, under its
// hash.
type Carried struct {
	Authorization string `json:"authorization"` // the header
	Kind          string `json:"kind"`          // KindCarried
	Method        string `json:"method"`
	Path          string `json:"path"`   // with Base and the query
	SHA256        string `json:"sha256"` // of the body
}

// ID names the call: the same one signed on another day has the same.
func (c Carried) ID() string {
	return canon.Hash([]byte(c.Method + " " + c.Path + " " + c.SHA256))
}

// Done says that a node has done what a carried call says. The node signs it.
type Done struct {
	Call string `json:"call"` // Carried.ID
	Day  string `json:"day"`
	Kind string `json:"kind"` // KindDone
	Node string `json:"node"`
}

// State says what a node serves, for a desk that cannot ask. The node signs it.
type State struct {
	Day     string       `json:"day"`
	Edition EditionState `json:"edition"`
	Given   bool         `json:"given,omitempty"` // with it, all parcels that waited for the desk
	Kind    string       `json:"kind"`            // KindState
	Node    string       `json:"node"`
}

// Addressee gives the key of the node that a desk's call is signed for, "" when
// none can be read. It checks nothing.
func Addressee(authorization string) string {
	doc, _, ok := parseAuthorisation(authorization)
	var d deskRequest
	if !ok || canon.Unmarshal(doc, &d) != nil || d.Kind != KindDeskRequest || charter.KeyID(d.Node) == "" {
		return ""
	}
	return d.Node
}

// SignedAt gives the time that a desk's call says to be signed at; zero, when none can be
// read. It checks nothing.
func SignedAt(authorization string) time.Time {
	doc, _, ok := parseAuthorisation(authorization)
	var d deskRequest
	if !ok || canon.Unmarshal(doc, &d) != nil {
		return time.Time{}
	}
	at, err := time.Parse(time.RFC3339, d.At)
	if err != nil {
		return time.Time{}
	}
	return at
}

// Met gives the day on which the node gave the folder behind this client all that it
// had for the desk, by the node's signature; zero, where it did not. Only folders answer.
func (c *Client) Met(ctx context.Context) (time.Time, error) {
	a, err := c.get(ctx, "/desk/state", 64<<10, true)
	if f, ok := fault.Of(err); ok && f.Kind == fault.KindNotFound {
		return time.Time{}, nil
	}
	var e Envelope
	if err == nil {
		err = read(a, &e)
	}
	if err != nil {
		return time.Time{}, err
	}
	key, err := c.nodeKey(ctx)
	if err != nil {
		return time.Time{}, err
	}
	var s State
	if err := e.Open(key, &s); err != nil {
		return time.Time{}, err
	}
	day, err := time.Parse(time.DateOnly, s.Day)
	if err != nil || s.Kind != KindState || s.Node != key {
		return time.Time{}, fault.Corrupt("nodeapi.not_understood").Because(err)
	}
	if !s.Given {
		return time.Time{}, nil
	}
	return day, nil
}

// CheckCarried is CheckDesk for a call that came by hand: it may have been on its
// way for CarriedDays.
func CheckCarried(r *http.Request, desks []string, node string, now time.Time) (bodyHash string, err error) {
	return checkDesk(r, desks, node, now, CarriedDays*24*time.Hour)
}

// CheckCarriedByNet is CheckCarried for one that a courier brought by net. Its time
// must be a whole day, as folders carry it: no call that a desk made by net lives
// longer than Skew.
func CheckCarriedByNet(r *http.Request, desks []string, node string, now time.Time) (bodyHash string, err error) {
	doc, _, ok := parseAuthorisation(r.Header.Get("Authorization"))
	var d deskRequest
	if !ok || canon.Unmarshal(doc, &d) != nil {
		return "", fault.Forbidden("nodeapi.desk_only")
	}
	if !Carriable(d.Method, d.Path) {
		return "", fault.Forbidden("nodeapi.desk_other_call")
	}
	if at, err := time.Parse(time.RFC3339, d.At); err != nil || !at.Equal(at.Truncate(24*time.Hour)) {
		return "", fault.Forbidden("nodeapi.desk_clock", now.UTC().Format(time.RFC3339))
	}
	return CheckCarried(r, desks, node, now)
}

// Carriable reports whether a call is one that a desk can send by hand.
func Carriable(method, path string) bool {
	rest, ok := strings.CutPrefix(path, Base+"/desk/")
	if !ok || strings.Contains(rest, "..") || len(path) > 400 {
		return false
	}
	switch method {
	case http.MethodPut:
		return strings.HasPrefix(rest, "edition/")
	case http.MethodPost:
		return rest == "replies" || rest == "charter" || rest == "edition/switch"
	case http.MethodDelete:
		return strings.HasPrefix(rest, "parcels/")
	}
	return false
}
