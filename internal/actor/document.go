package actor

import (
	"encoding/json"
	"fmt"
	"html"
	"path"
	"strings"
	"time"

	"kua/internal/canon"
)

// object is one of ActivityStreams' objects on its way out.
type object map[string]any

// Profile is what an account says of itself.
type Profile struct {
	Title     string // of the collective
	About     string
	Page      string // where people read it
	PublicKey string // PEM, SubjectPublicKeyInfo
	Followers int
	Notes     [][]byte // documents of its notes, the newest first; Outbox of them are shown in the outbox
	Total     int      // how many notes there are
	Before    []string // ids of accounts whose followers are to follow this one
	Moved     string   // id of the account that they are to follow, "" for none
}

// Outbox is how many notes an outbox shows.
const Outbox = 10

// Documents gives the files that the node shows for an account beside its notes.
// Followers are told as a number and never by name.
func (a Account) Documents(p Profile) (map[string][]byte, error) {
	said := []any{}
	for _, note := range p.Notes[:min(len(p.Notes), Outbox)] {
		var o object
		if err := json.Unmarshal(note, &o); err != nil {
			return nil, fmt.Errorf("read a note of the outbox: %w", err)
		}
		delete(o, "@context")
		said = append(said, a.create(o))
	}
	id := a.ID()
	self := object{
		"@context": []any{contextURL, securityURL, object{"alsoKnownAs": object{"@id": "as:alsoKnownAs", "@type": "@id"}, "movedTo": object{"@id": "as:movedTo", "@type": "@id"}}}, "id": id, "type": "Organization", "preferredUsername": a.Name,
		"name": p.Title, "summary": paragraphs(p.About, nil), "url": p.Page, "inbox": a.Base + a.Inbox(), "outbox": id + "/outbox",
		"followers": id + "/followers", "manuallyApprovesFollowers": true, "discoverable": true,
		"publicKey": object{"id": a.KeyID(), "owner": id, "publicKeyPem": p.PublicKey},
	}
	if len(p.Before) > 0 {
		self["alsoKnownAs"] = p.Before
	}
	if p.Moved != "" {
		self["movedTo"] = p.Moved
	}
	all := map[string]object{
		a.file(""):           self,
		a.file("/outbox"):    {"@context": contextURL, "id": id + "/outbox", "type": "OrderedCollection", "totalItems": p.Total, "orderedItems": said},
		a.file("/followers"): {"@context": contextURL, "id": id + "/followers", "type": "Collection", "totalItems": p.Followers},
		"webfinger/" + a.Name: {
			"subject": "acct:" + a.Name + "@" + a.Host(), "aliases": []string{id},
			"links": []object{{"rel": "self", "type": Type, "href": id}, {"rel": "http://webfinger.net/rel/profile-page", "type": "text/html", "href": p.Page}},
		},
		"nodeinfo/links": {"links": []object{{"rel": "http://nodeinfo.diaspora.software/ns/schema/2.1", "href": a.Base + "/nodeinfo/2.1"}}},
		"nodeinfo/2.1": {
			"version": "2.1", "software": object{"name": "kua", "version": "1"}, "protocols": []string{"activitypub"}, "services": object{"inbound": []string{}, "outbound": []string{}},
			"openRegistrations": false, "usage": object{"users": object{}}, "metadata": object{},
		},
	}
	out := make(map[string][]byte)
	for file, o := range all {
		b, err := canon.Marshal(o)
		if err != nil {
			return nil, err
		}
		out[file] = b
	}
	return out, nil
}

// Note is what an account says of one record, as plain words.
type Note struct {
	Key      string // 32 hex characters
	Version  int
	Language string
	Body     string   // paragraphs with a blank line between them
	Links    []string // addresses that stand in Body and can be followed
	Page     string   // where people read the record
	Files    []File
	Said     time.Time // when it was first said
	Changed  time.Time // zero when it was not
}

// File is a film or picture of the edition that the node serves.
type File struct {
	Type, SHA256, Name string // Name gives the ending
	Width, Height      int
}

// Document gives a note's document.
func (a Account) Document(n Note) ([]byte, error) { return canon.Marshal(a.note(n)) }

// note leaves the films and pictures behind a tap: what they show may be hard to see.
func (a Account) note(n Note) object {
	content := paragraphs(n.Body, n.Links)
	files := []object{}
	for _, f := range n.Files {
		kind := "Image"
		if strings.HasPrefix(f.Type, "video/") {
			kind = "Video"
		}
		files = append(files, object{
			"type": kind, "mediaType": f.Type, "url": a.Base + "/blobs/" + f.SHA256[:2] + "/" + f.SHA256 + path.Ext(f.Name), "width": f.Width, "height": f.Height,
		})
	}
	o := object{
		"@context": contextURL, "id": a.Base + "/" + a.NoteFile(n.Key), "type": "Note", "attributedTo": a.ID(), "to": []string{Public}, "cc": []string{a.ID() + "/followers"},
		"published": stamp(n.Said), "content": content, "contentMap": object{n.Language: content}, "url": n.Page, "attachment": files, "sensitive": len(files) > 0,
	}
	if !n.Changed.IsZero() {
		o["updated"] = stamp(n.Changed)
	}
	return o
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// Create gives the activity that brings a note to those who do not have it.
func (a Account) Create(n Note) ([]byte, error) {
	o := a.note(n)
	delete(o, "@context")
	return a.activity(a.create(o))
}

func (a Account) create(note object) object {
	return object{"id": fmt.Sprint(note["id"]) + "#create", "type": "Create", "actor": a.ID(), "published": note["published"], "to": note["to"], "cc": note["cc"], "object": note}
}

// Update gives the activity that puts a note's new words in the place of the old.
func (a Account) Update(n Note) ([]byte, error) {
	o := a.note(n)
	delete(o, "@context")
	return a.activity(object{"id": fmt.Sprintf("%s#version-%d", o["id"], n.Version), "type": "Update", "actor": a.ID(), "published": o["updated"], "to": o["to"], "cc": o["cc"], "object": o})
}

// Delete gives the activity that asks others to take a note away.
func (a Account) Delete(id string) ([]byte, error) {
	return a.activity(object{"id": id + "#delete", "type": "Delete", "actor": a.ID(), "to": []string{Public}, "object": object{"id": id, "type": "Tombstone"}})
}

// Move gives the activity that asks followers to follow another account, which must
// name this one among those before it.
func (a Account) Move(to string) ([]byte, error) {
	return a.activity(object{"id": a.ID() + "#move-" + canon.Hash([]byte(to))[:32], "type": "Move", "actor": a.ID(), "to": []string{a.ID() + "/followers"}, "object": a.ID(), "target": to})
}

// Tombstone gives what stands at a note's address once it is taken away.
func Tombstone(id string) ([]byte, error) {
	return canon.Marshal(object{"@context": contextURL, "id": id, "type": tombstone})
}

const tombstone = "Tombstone"

// IsTombstone reports whether a document is one of something that is no more.
func IsTombstone(document []byte) bool {
	var o struct{ Type string }
	return json.Unmarshal(document, &o) == nil && o.Type == tombstone
}

// Accept gives the activity that lets somebody follow.
func (a Account) Accept(f Heard) ([]byte, error) {
	follow := object{"type": Follow, "actor": f.Actor, "object": a.ID()}
	if f.ID != "" {
		follow["id"] = f.ID
	}
	return a.activity(object{"id": a.ID() + "#accept-" + canon.Hash([]byte(f.Actor + " " + f.ID))[:32], "type": "Accept", "actor": a.ID(), "to": []string{f.Actor}, "object": follow})
}

func (a Account) activity(o object) ([]byte, error) {
	o["@context"] = contextURL
	return canon.Marshal(o)
}

// paragraphs writes plain words as HTML, with the addresses in them that can be
// followed.
func paragraphs(words string, links []string) string {
	var b strings.Builder
	for _, p := range strings.Split(words, "\n\n") {
		if p = strings.TrimSpace(p); p == "" {
			continue
		}
		var lines []string
		for line := range strings.SplitSeq(p, "\n") {
			lines = append(lines, follow(line, links))
		}
		b.WriteString("<p>" + strings.Join(lines, "<br>") + "</p>")
	}
	return b.String()
}

// follow makes the address at the end of a line one that can be followed.
func follow(line string, links []string) string {
	for _, l := range links {
		if before, ok := strings.CutSuffix(line, l); ok && (before == "" || strings.HasSuffix(before, " ")) {
			return html.EscapeString(before) + `<a href="` + html.EscapeString(l) + `" rel="nofollow noopener">` + html.EscapeString(l) + `</a>`
		}
	}
	return html.EscapeString(line)
}

// IDOf gives the id of an activity of ours.
func IDOf(activity []byte) string {
	var o struct{ ID string }
	_ = json.Unmarshal(activity, &o) // what we made is JSON
	return o.ID
}
