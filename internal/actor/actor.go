// Package actor knows what an account of ours says and hears in the network of
// ActivityPub servers (https://www.w3.org/TR/activitypub/): its documents, its
// activities, the letters in its inbox, and the signatures that this network puts
// on HTTP requests (draft-cavage-http-signatures-12).
//
// It calls nobody and keeps nothing. A node shows the documents and takes letters
// without being able to sign or to check one; a desk makes the documents, checks
// the letters and has the key. Both stand on it.
package actor

import (
	"net/url"
	"regexp"
	"strings"

	"kua/internal/fault"
)

// Type is the media type of the network's documents.
const Type = "application/activity+json"

// Public is the name that stands for everybody (ActivityPub, "Public Addressing").
const Public = "https://www.w3.org/ns/activitystreams#Public"

const (
	contextURL  = "https://www.w3.org/ns/activitystreams"
	securityURL = "https://w3id.org/security/v1"
)

// Account is one account at one node. Both stay the same for as long as anybody
// follows it.
type Account struct {
	Base string // of the node, without a slash at its end: https://kua.example.org
	Name string
}

var (
	placeShape = regexp.MustCompile(`^@([a-z][a-z0-9_]{0,29})@([a-z0-9.-]{1,253}(?::[0-9]{1,5})?)$`)
	fileShape  = regexp.MustCompile(`^(?:ap/[a-z][a-z0-9_]{0,29}(?:/outbox|/followers|/notes/[0-9a-f]{32})?|webfinger/[a-z][a-z0-9_]{0,29}|nodeinfo/(?:links|2\.1))$`)
	inboxShape = regexp.MustCompile(`^/ap/([a-z][a-z0-9_]{0,29})/inbox$`)
	noteShape  = regexp.MustCompile(`^ap/([a-z][a-z0-9_]{0,29})/notes/[0-9a-f]{32}$`)
)

// ParsePlace reads @name@host; else the fault is actor.place.
func ParsePlace(place string) (name, host string, err error) {
	m := placeShape.FindStringSubmatch(place)
	if m == nil {
		return "", "", fault.Invalid("actor.place", place)
	}
	return m[1], m[2], nil
}

// Host is the host of the account's node, with the port where it has one.
func (a Account) Host() string {
	u, err := url.Parse(a.Base)
	if err != nil {
		return ""
	}
	return u.Host
}

// ID is the account's address, by which others know it.
func (a Account) ID() string { return a.Base + "/" + a.file("") }

// KeyID names the account's key.
func (a Account) KeyID() string { return a.ID() + "#main-key" }

// Inbox is the path to which others post letters.
func (a Account) Inbox() string { return "/" + a.file("/inbox") }

func (a Account) file(rest string) string { return "ap/" + a.Name + rest }

// NoteFile is the file of the note with a key of 32 hex characters.
func (a Account) NoteFile(key string) string { return a.file("/notes/" + key) }

// FileOfNote gives the file that a note's address leads to, if it is one of this
// account's.
func (a Account) FileOfNote(id string) (file string, ok bool) {
	file, ok = strings.CutPrefix(id, a.Base+"/")
	m := noteShape.FindStringSubmatch(file)
	return file, ok && m != nil && m[1] == a.Name
}

// CheckFile refuses what is the name of none of the files that a node shows for
// accounts, with actor.bad_file.
func CheckFile(file string) error {
	if !fileShape.MatchString(file) {
		return fault.Invalid("actor.bad_file")
	}
	return nil
}

// Of gives the name of the account that a file belongs to, "" for the node's own.
func Of(file string) string {
	parts := strings.SplitN(file, "/", 3)
	if len(parts) < 2 || parts[0] == "nodeinfo" {
		return ""
	}
	return parts[1]
}

// FileAt gives the file that is shown at an address; for a question about an
// account (RFC 7033) also what its answer must name, exactly.
func FileAt(u *url.URL) (file, subject string, ok bool) {
	switch u.Path {
	case "/.well-known/nodeinfo":
		return "nodeinfo/links", "", true
	case "/.well-known/webfinger":
		asked := u.Query()["resource"]
		if len(asked) != 1 {
			return "", "", false
		}
		at, _ := strings.CutPrefix(asked[0], "acct:")
		if name, _, err := ParsePlace("@" + strings.TrimPrefix(at, "@")); err == nil {
			return "webfinger/" + name, asked[0], true
		}
		if id, err := url.Parse(asked[0]); err == nil && fileShape.MatchString(strings.TrimPrefix(id.Path, "/")) {
			return "webfinger/" + Of(strings.TrimPrefix(id.Path, "/")), asked[0], true
		}
		return "", "", false
	}
	file = strings.TrimPrefix(u.Path, "/")
	return file, "", fileShape.MatchString(file) && !strings.HasPrefix(file, "webfinger/") && file != "nodeinfo/links"
}

// TypeOf gives the media type of a file.
func TypeOf(file string) string {
	switch {
	case strings.HasPrefix(file, "webfinger/"):
		return "application/jrd+json"
	case strings.HasPrefix(file, "nodeinfo/"):
		return "application/json"
	}
	return Type
}
