// Package activitypub carries records on into the network of ActivityPub servers, as
// an account of our own: what it says, and how it is told to other servers.
//
// It keeps nothing: package desk keeps followers and what is to be told, and has a
// node show the documents. What strangers name is called only in the open net, by
// its own transport or through Tor, and never from a node.
package activitypub

import (
	"context"
	"crypto/rsa"
	"errors"
	"net/http"
	"strings"
	"time"

	"kua/internal/actor"
	"kua/internal/fault"
	"kua/internal/spread"
)

// Name is what channels of this network have as their kind.
const Name = "activitypub"

// maxText is the most characters of a note: servers let their own people write less,
// and show longer ones folded.
const maxText = 5000

// Kind makes accounts.
type Kind struct {
	HTTP *http.Client     // the road to strangers: onion.Public or onion.Proxy; it must not be nil
	Now  func() time.Time // default time.Now
	Near bool             // servers on this machine may be called, without TLS: a test's
}

// Check takes @name@host, and a key of the account's from before, if there is one.
func (k Kind) Check(place string, secret []byte) error {
	if _, _, err := actor.ParsePlace(place); err != nil {
		return err
	}
	_, err := actor.ParseKey(secret)
	return err
}

// NewSecret makes an account's key.
func (Kind) NewSecret() ([]byte, error) { return actor.NewKey() }

// Host gives the host in a place.
func (Kind) Host(place string) (string, error) {
	_, host, err := actor.ParsePlace(place)
	return host, err
}

// Fit leaves the film, else one picture that lies in the edition, and the words.
func (Kind) Fit(m spread.Message) (spread.Message, error) {
	text, err := m.Text(maxText, func(s string) int { return len([]rune(s)) })
	if err != nil {
		return m, err
	}
	m.Body = text
	for _, what := range []string{spread.Film, spread.Poster} {
		if f, ok := m.Of(what); ok {
			m.Files = []spread.File{f}
			return m, nil
		}
	}
	m.Files = nil
	return m, nil
}

// At takes a note's address.
func (Kind) At(c spread.Channel, id, url string) (spread.Remote, error) {
	at, err := spread.ParseRemote(id, url)
	if err != nil {
		return at, err
	}
	name, host, err := actor.ParsePlace(c.Place)
	if err != nil {
		return at, err
	}
	for _, scheme := range []string{"https://", "http://"} {
		if _, ok := (actor.Account{Base: scheme + host, Name: name}).FileOfNote(at.ID); ok && (at.URL == "" || at.URL == at.ID) {
			at.URL = at.ID
			return at, nil
		}
	}
	return spread.Remote{}, fault.Invalid("spread.no_remote")
}

// Open is not asked: an account's connector is the desk's.
func (Kind) Open(spread.Channel, []byte) (spread.Connector, error) {
	return nil, errors.New("an account has no connector of its own")
}

// Account gives a channel's account.
func (k Kind) Account(c spread.Channel, secret []byte, base string) (spread.Account, error) {
	name, _, err := actor.ParsePlace(c.Place)
	if err != nil {
		return nil, err
	}
	key, err := actor.ParseKey(secret)
	if err != nil {
		return nil, err
	}
	if k.Now == nil {
		k.Now = time.Now
	}
	return account{kind: k, Account: actor.Account{Base: strings.TrimRight(base, "/"), Name: name}, key: key}, nil
}

type account struct {
	actor.Account
	kind Kind
	key  *rsa.PrivateKey
}

func (a account) Owns(file string) bool { return actor.Of(file) == a.Name || actor.Of(file) == "" }

func (a account) Documents(p spread.Profile) (map[string][]byte, error) {
	public, err := actor.PublicPEM(a.key)
	if err != nil {
		return nil, err
	}
	return a.Account.Documents(actor.Profile{Title: p.Title, About: p.About, Page: p.Page, PublicKey: public, Followers: p.Followers, Notes: p.Notes, Total: p.Total, Before: p.Before, Moved: p.Moved})
}

func (a account) Remote(key string) spread.Remote {
	id := a.Base + "/" + a.NoteFile(key)
	return spread.Remote{ID: id, URL: id}
}

func (a account) Say(at spread.Remote, m spread.Message, first, now time.Time) (spread.Saying, error) {
	n := actor.Note{Key: m.Key, Version: m.Version, Language: m.Language, Body: m.Body, Said: first}
	edit := at.ID != ""
	if edit {
		file, ok := a.FileOfNote(at.ID)
		if !ok {
			return spread.Saying{}, fault.Invalid("spread.no_remote")
		}
		n.Key, n.Changed = file[strings.LastIndexByte(file, '/')+1:], now
	}
	for _, l := range m.Links {
		n.Links = append(n.Links, l.URL)
	}
	if len(n.Links) > 0 {
		n.Page = n.Links[0]
	}
	for _, f := range m.Files {
		n.Files = append(n.Files, actor.File{Type: f.Type, SHA256: f.SHA256, Name: f.Name, Width: f.Width, Height: f.Height})
	}
	s := spread.Saying{At: a.Remote(n.Key), File: a.NoteFile(n.Key)}
	var errs [3]error
	s.Document, errs[0] = a.Document(n)
	s.Fresh, errs[1] = a.Create(n)
	s.ID, s.Activity = s.At.ID+"#create", s.Fresh
	if edit {
		s.Activity, errs[2] = a.Update(n)
		s.ID = actor.IDOf(s.Activity)
	}
	return s, errors.Join(errs[:]...)
}

func (a account) Unsay(at spread.Remote) (spread.Saying, error) {
	file, ok := a.FileOfNote(at.ID)
	if !ok {
		return spread.Saying{}, fault.Invalid("spread.no_remote")
	}
	document, err1 := actor.Tombstone(at.ID)
	activity, err2 := a.Delete(at.ID)
	return spread.Saying{At: at, File: file, Document: document, Gone: true, ID: at.ID + "#delete", Activity: activity}, errors.Join(err1, err2)
}

func (a account) Accept(h actor.Heard) (spread.Saying, error) {
	activity, err := a.Account.Accept(h)
	return spread.Saying{ID: actor.IDOf(activity), Activity: activity}, err
}

func (a account) Move(to string) (spread.Saying, error) {
	activity, err := a.Account.Move(to)
	return spread.Saying{ID: actor.IDOf(activity), Activity: activity}, err
}

// Hear checks a letter. A Delete of an account whose server says that it is gone
// needs no signature: nobody is left who could give one.
func (a account) Hear(ctx context.Context, l actor.Letter) (spread.Follower, error) {
	h, err := l.Read()
	if err != nil {
		return spread.Follower{}, refused(err)
	}
	from, err := a.stranger(ctx, h.Actor)
	var f *spread.Failure
	if errors.As(err, &f) && f.Outcome == spread.Gone && h.Kind == actor.Delete && h.Object == h.Actor {
		return spread.Follower{ID: h.Actor}, nil
	}
	if err != nil {
		return spread.Follower{}, err
	}
	if err := a.Check(l, from, a.kind.Now()); err != nil {
		return spread.Follower{}, refused(err)
	}
	return spread.Follower{ID: from.ID, Inbox: from.Inbox, Told: from.Told}, nil
}

func refused(err error) error { return &spread.Failure{Outcome: spread.Refused, Err: err} }
