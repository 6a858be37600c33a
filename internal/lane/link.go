package lane

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"time"

	"kua/internal/appeal"
	"kua/internal/authority"
	"kua/internal/fault"
)

// linkDays is how long a link opens its case; every message brings a new one.
const linkDays = 90

// A link's token is a version, the assignment, the generation of its links, the
// last day (counted from 1970), and the first half of an HMAC-SHA-256 over all of
// it: what it opens is in it, and nothing is looked up by it.
const (
	linkVersion = 1
	linkSeal    = 16
	linkContext = "kua open lane link\n"
	maxToken    = 80
)

func (l *Lane) linkKey(ctx context.Context) ([]byte, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.links == nil {
		offer := make([]byte, sha256.Size)
		rand.Read(offer) // never fails
		key, err := l.db.LinkKey(ctx, offer)
		if err != nil {
			return nil, err
		}
		l.links = key
	}
	return l.links, nil
}

func sealLink(key, body []byte) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(linkContext))
	mac.Write(body)
	return mac.Sum(nil)[:linkSeal]
}

// Link makes a token that opens an assignment for its authority until the given
// day, that day included. Made again on the same day it is the same.
func (l *Lane) Link(ctx context.Context, assignment int64) (token string, until appeal.Day, err error) {
	key, err := l.linkKey(ctx)
	if err != nil {
		return "", "", err
	}
	generation, err := l.db.LinkGeneration(ctx, assignment)
	if err != nil {
		return "", "", err
	}
	last := l.now().UTC().AddDate(0, 0, linkDays)
	body := binary.AppendUvarint([]byte{linkVersion}, uint64(assignment))
	body = binary.AppendUvarint(body, uint64(generation))
	body = binary.AppendUvarint(body, uint64(last.Unix()/int64((24*time.Hour)/time.Second)))
	return base64.RawURLEncoding.EncodeToString(append(body, sealLink(key, body)...)), appeal.Day(last.Format(time.DateOnly)), nil
}

// readLink takes a token that this lane made apart. The fault is lane.bad_link.
func readLink(key []byte, token string) (assignment, generation int64, last appeal.Day, err error) {
	bad := fault.NotFound("lane.bad_link")
	if len(token) > maxToken {
		return 0, 0, "", bad
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err != nil || len(b) < linkSeal+4 || b[0] != linkVersion {
		return 0, 0, "", bad
	}
	body, seal := b[:len(b)-linkSeal], b[len(b)-linkSeal:]
	if !hmac.Equal(seal, sealLink(key, body)) {
		return 0, 0, "", bad
	}
	rest := body[1:]
	var numbers [3]uint64
	for i := range numbers {
		n, size := binary.Uvarint(rest)
		if size <= 0 || n > 1<<62 {
			return 0, 0, "", bad
		}
		numbers[i], rest = n, rest[size:]
	}
	if len(rest) != 0 || numbers[2] > 1<<20 {
		return 0, 0, "", bad
	}
	return int64(numbers[0]), int64(numbers[1]), appeal.Day(time.Unix(0, 0).UTC().AddDate(0, 0, int(numbers[2])).Format(time.DateOnly)), nil
}

// Opened gives the assignment that a token opens, and its request. The faults are
// lane.bad_link (no such token was ever made here), lane.void_link (the collective
// made it void) and lane.expired_link; with the last the assignment and the number of its request are given, so
// that a new link can be asked for.
func (l *Lane) Opened(ctx context.Context, token string) (Assignment, Request, error) {
	key, err := l.linkKey(ctx)
	if err != nil {
		return Assignment{}, Request{}, err
	}
	number, generation, last, err := readLink(key, token)
	if err != nil {
		return Assignment{}, Request{}, err
	}
	kept, err := l.db.Assignment(ctx, number)
	if errors.Is(err, fault.NotFound("lane.no_assignment")) {
		err = fault.NotFound("lane.bad_link").Because(err)
	}
	if err != nil {
		return Assignment{}, Request{}, err
	}
	now, err := l.db.LinkGeneration(ctx, number)
	if err != nil {
		return Assignment{}, Request{}, err
	}
	if generation != now {
		return Assignment{}, Request{}, fault.Forbidden("lane.void_link")
	}
	a := shownAssignment(kept)
	if last < l.today() {
		return a, Request{ID: kept.Request}, fault.Forbidden("lane.expired_link", last)
	}
	r, err := l.Request(ctx, kept.Request)
	return a, r, err
}

// Renew has an assignment's authority told of its request anew, with a new link;
// with void the links that were made before open nothing any more, without it
// nothing is sent a second time on the same day. The fault is lane.no_assignment.
func (l *Lane) Renew(ctx context.Context, assignment int64, void bool) error {
	return l.db.Renew(ctx, assignment, string(l.today()), void)
}

// Void makes the links to an assignment void that were made until now.
func (l *Lane) Void(ctx context.Context, assignment int64) error {
	return l.db.VoidLinks(ctx, assignment)
}

// ExactFor gives the exact place of a request to the authority that an open
// assignment binds, where it needs it: the category shows places roughly to
// everybody else, but what is to be mended must be found. What a held category
// hides it hides from authorities too.
func (l *Lane) ExactFor(ctx context.Context, a Assignment, r Request) (*authority.Point, error) {
	if !a.State.Open() || a.State == AwaitingCheck || r.Visibility == authority.Held {
		return nil, nil
	}
	p, err := l.db.ExactPlace(ctx, r.ID)
	return shownPlace(p), err
}

// Reached makes an assignment delivered whose authority has shown that it got its
// link, though the house did not come to write it down. One that is further
// already stays as it is.
func (l *Lane) Reached(ctx context.Context, number int64) error {
	a, err := l.db.Assignment(ctx, number)
	if err != nil || State(a.State) != Routed {
		return err
	}
	to, write := l.delivered(a)
	return l.db.MoveAssignment(ctx, *to, nil, open, write)
}
