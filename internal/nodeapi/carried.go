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
	Kind    string       `json:"kind"` // KindState
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

// Met gives the day on which the folder behind this client was at the node, by the
// node's signature. From a folder that was not there it is zero. Only folders answer.
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
	return day, nil
}

// CheckCarried is CheckDesk for a call that came by hand: it may have been on its
// way for CarriedDays.
func CheckCarried(r *http.Request, desks []string, node string, now time.Time) (bodyHash string, err error) {
	return checkDesk(r, desks, node, now, CarriedDays*24*time.Hour)
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
