package actor

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"time"

	"kua/internal/fault"
)

// MaxLetter is the most bytes of a letter's body.
const MaxLetter = 64 << 10

// How old a letter may be: when it comes to a node, which keeps no time of its own;
// and when a desk reads it, which may have been closed for long.
const (
	AtDoor  = 12 * time.Hour
	Forgets = 30 * 24 * time.Hour
)

const maxID = 1000

// The kinds of activities that an account listens to.
const (
	Follow = "Follow"
	Undo   = "Undo"
	Delete = "Delete"
)

// Letter is what somebody posted to an inbox: the body, and of the headers those
// that its signature needs. Nothing says from which address it came, nor when but
// by its sender's own word.
type Letter struct {
	Path        string `json:"path"`
	Host        string `json:"host"`
	Date        string `json:"date"`
	Digest      string `json:"digest"`
	ContentType string `json:"type"`
	Signature   string `json:"signature"`
	Body        []byte `json:"body"`
}

// Heard is what a letter says, whoever wrote it.
type Heard struct {
	Kind   string // of the network's activities
	ID     string // of the activity, "" when it has none
	Actor  string
	Object string // id of what it is about
	Undoes string // of an Undo: the kind of its object, "" when only its id is known
	Whose  string // of an Undo: what its object was about
}

// Take makes a letter of a request to an inbox. It checks the form alone: what TakeHead
// does, and that it says something (actor.not_activity). Whether the signature is true a
// desk sees.
func Take(r *http.Request, body []byte, now time.Time) (Letter, Heard, error) {
	l, err := TakeHead(r, now)
	if err != nil {
		return l, Heard{}, err
	}
	l.Body = body
	h, err := read(body)
	return l, h, err
}

// TakeHead makes a letter without a body of a request's headers. It checks that it is
// signed as this network signs, over what is needed and what is kept (actor.unsigned),
// and that its date is of today (actor.clock).
func TakeHead(r *http.Request, now time.Time) (Letter, error) {
	l := Letter{
		Path: r.URL.RequestURI(), Host: r.Host, Date: r.Header.Get("Date"), Digest: r.Header.Get("Digest"),
		ContentType: r.Header.Get("Content-Type"), Signature: r.Header.Get("Signature"),
	}
	if _, ok := parseSignature(l.Signature); !ok || len(r.Header.Values("Signature")) != 1 || !inboxShape.MatchString(l.Path) || len(l.Digest)+len(l.ContentType)+len(l.Host) > maxID {
		return l, fault.Forbidden("actor.unsigned")
	}
	if !near(l.Date, now, AtDoor) {
		return l, fault.Forbidden("actor.clock", now.UTC().Format(http.TimeFormat))
	}
	return l, nil
}

func near(date string, now time.Time, most time.Duration) bool {
	at, err := http.ParseTime(date)
	return err == nil && now.Sub(at).Abs() <= most
}

// To gives the name of the account that a letter is for.
func (l Letter) To() string {
	m := inboxShape.FindStringSubmatch(l.Path)
	if m == nil {
		return ""
	}
	return m[1]
}

// Mark names a letter: the same one brought again has the same, whatever was changed
// in it that its signature does not cover.
func (l Letter) Mark() string {
	body := sha256.Sum256(l.Body)
	sum := sha256.Sum256([]byte(l.Path + "\n" + strings.TrimSpace(l.Date) + "\n" + hex.EncodeToString(body[:])))
	return hex.EncodeToString(sum[:16])
}

// Read gives what a letter says; it may be a lie until Check was asked.
func (l Letter) Read() (Heard, error) { return read(l.Body) }

func read(body []byte) (Heard, error) {
	var o struct {
		ID     string          `json:"id"`
		Type   string          `json:"type"`
		Actor  json.RawMessage `json:"actor"`
		Object json.RawMessage `json:"object"`
	}
	if len(body) > MaxLetter {
		return Heard{}, fault.TooLarge("actor.not_activity")
	}
	if err := json.Unmarshal(body, &o); err != nil {
		return Heard{}, fault.Invalid("actor.not_activity").Because(err)
	}
	h := Heard{Kind: o.Type, ID: o.ID}
	h.Actor, _ = idOf(o.Actor)
	var inner struct{ Object json.RawMessage }
	h.Object, h.Undoes = idOf(o.Object)
	if json.Unmarshal(o.Object, &inner) == nil && len(inner.Object) > 0 {
		h.Whose, _ = idOf(inner.Object)
	}
	if h.Kind == "" || len(h.Kind) > 60 || !isID(h.Actor) || len(h.ID) > maxID || len(h.Object) > maxID || len(h.Whose) > maxID {
		return Heard{}, fault.Invalid("actor.not_activity")
	}
	return h, nil
}

// idOf gives the id of what stands as an id or as an object, and the object's type.
func idOf(raw json.RawMessage) (id, kind string) {
	if json.Unmarshal(raw, &id) == nil {
		return id, ""
	}
	var o struct{ ID, Type string }
	_ = json.Unmarshal(raw, &o) // what is neither has no id
	return o.ID, o.Type
}

// isID reports whether a text can be the address of somebody in this network, in
// one way of writing it.
func isID(s string) bool {
	u, err := url.Parse(s)
	return err == nil && len(s) <= maxID && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" && u.Host == strings.ToLower(u.Host) && u.User == nil && u.Fragment == "" && u.String() == s
}

// Stranger is what an account elsewhere says of itself.
type Stranger struct {
	ID    string
	Inbox string // of its own
	Told  string // where its server wants what goes to all of its accounts; Inbox where it says nothing
	keys  []publicKey
}

type publicKey struct {
	ID    string `json:"id"`
	Owner string `json:"owner"`
	PEM   string `json:"publicKeyPem"`
}

// ReadStranger reads the document that lies at an account's own address. Its
// inboxes lie at the host where it lies itself: nobody makes us call others. Else
// the fault is actor.stranger.
func ReadStranger(document []byte, id string) (Stranger, error) {
	var o struct {
		ID        string          `json:"id"`
		Inbox     string          `json:"inbox"`
		Endpoints json.RawMessage `json:"endpoints"`
		PublicKey json.RawMessage `json:"publicKey"`
	}
	if err := json.Unmarshal(document, &o); err != nil {
		return Stranger{}, fault.Invalid("actor.stranger").Because(err)
	}
	s := Stranger{ID: o.ID, Inbox: o.Inbox, Told: o.Inbox}
	var ends struct {
		SharedInbox string `json:"sharedInbox"`
	}
	if json.Unmarshal(o.Endpoints, &ends) == nil && ends.SharedInbox != "" {
		s.Told = ends.SharedInbox
	}
	if json.Unmarshal(o.PublicKey, &s.keys) != nil {
		var one publicKey
		if err := json.Unmarshal(o.PublicKey, &one); err != nil {
			return Stranger{}, fault.Invalid("actor.stranger").Because(err)
		}
		s.keys = []publicKey{one}
	}
	if o.ID != id || !isID(id) || !sameHost(id, s.Inbox) || !sameHost(id, s.Told) {
		return Stranger{}, fault.Invalid("actor.stranger")
	}
	return s, nil
}

func sameHost(a, b string) bool {
	u, err1 := url.Parse(a)
	v, err2 := url.Parse(b)
	return err1 == nil && err2 == nil && isID(b) && u.Scheme == v.Scheme && u.Host == v.Host
}

// Check holds a letter to this account against its writer: that it was signed for
// this host and path with a key that the writer names as its own, over these very
// bytes, and not too long ago. Else the fault is actor.forged.
func (a Account) Check(l Letter, from Stranger, now time.Time) error {
	forged := fault.Forbidden("actor.forged")
	s, ok := parseSignature(l.Signature)
	h, err := l.Read()
	if !ok || err != nil || h.Actor != from.ID || l.Path != a.Inbox() || l.Host != a.Host() || !near(l.Date, now, Forgets) {
		return forged
	}
	for _, k := range from.keys {
		if k.ID != s.keyID || k.Owner != from.ID {
			continue
		}
		if key, ok := parsePublicPEM(k.PEM); ok && l.signedBy(s, key) {
			return nil
		}
	}
	return forged
}
