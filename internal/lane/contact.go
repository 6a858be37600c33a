package lane

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"kua/internal/appeal"
	"kua/internal/fault"
	"kua/internal/lane/lanedb"
)

// Seal seals a text so that only the people of the collective can open it.
type Seal func(plain []byte) (sealed []byte, err error)

// maxContact is the most signs of a contact.
const maxContact = 200

// The kinds of what is sealed to the collective. spec/lane-sealed.md describes both.
const (
	contactKind = "kua lane contact"
	letterKind  = "kua lane letter"
)

// contactText is a contact before it is sealed.
type contactText struct {
	Kind    string     `json:"kind"`
	Request int64      `json:"request"`
	Day     appeal.Day `json:"day"`
	Contact string     `json:"contact"`
}

// smallest is the least number of bytes that are sealed: all shorter texts look alike.
const smallest = 1 << 10

// sealed seals a document, filled up with blanks to a power of two, so that its
// length tells little of a name in it.
func (l *Lane) sealed(document any) ([]byte, error) {
	seal := l.sealer()
	if seal == nil {
		return nil, fault.Conflict("lane.no_charter")
	}
	plain, err := json.Marshal(document)
	if err != nil {
		return nil, fmt.Errorf("write what is to be sealed: %w", err)
	}
	size := smallest
	for size < len(plain) {
		size *= 2
	}
	whole := append(plain, bytes.Repeat([]byte(" "), size-len(plain))...)
	defer clear(whole)
	out, err := seal(whole)
	if err != nil {
		return nil, fmt.Errorf("seal to the collective: %w", err)
	}
	return out, nil
}

// Seals reports whether anything can be sealed to the collective: without a
// charter no contact is taken and no letter.
func (l *Lane) Seals() bool { return l.sealer() != nil }

// Contact seals how the holder of a code can be reached and keeps it in place of
// what was there; "" takes it away. Only the people of the collective can read
// it. The faults are lane.bad_code, lane.unknown_code, lane.contact and
// lane.no_charter.
func (l *Lane) Contact(ctx context.Context, code, words string) error {
	id, err := l.Held(ctx, code)
	if err != nil {
		return err
	}
	words = strings.TrimSpace(words)
	c := lanedb.Contact{Request: id, Day: string(l.today())}
	if words != "" {
		if !oneLine(words, maxContact) {
			return fault.Invalid("lane.contact", maxContact)
		}
		if c.Sealed, err = l.sealed(contactText{contactKind, id, l.today(), words}); err != nil {
			return err
		}
	}
	return l.db.PutContact(ctx, c)
}

// ContactSince gives the day on which a request's contact was kept; "" for none.
func (l *Lane) ContactSince(ctx context.Context, id int64) (appeal.Day, error) {
	day, err := l.db.HasContact(ctx, id)
	return appeal.Day(day), err
}

// SealedContact is a contact as it is kept: an age file to the collective.
type SealedContact = lanedb.Contact

// Contacts gives the sealed contacts of requests behind after, in their order,
// at most limit. Only what the collective's desk asks may call it.
func (l *Lane) Contacts(ctx context.Context, after int64, limit int) ([]SealedContact, error) {
	return l.db.Contacts(ctx, after, limit)
}
