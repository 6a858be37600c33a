package lane

import (
	"context"
	"errors"
	"slices"
	"strings"

	"kua/internal/appeal"
	"kua/internal/fault"
	"kua/internal/lane/lanedb"
	"kua/internal/locale"
)

// Letter is a letter of an appeal that the collective is to send.
type Letter struct {
	Step     appeal.StepKind
	Body     string // the authority of the directory that it goes to; "": one that the holder named
	To       string // its name, in the letter's language
	Language locale.Tag
	Text     string
	PDF      []byte
	Contact  string // how to reach whoever it is from; may be ""
}

// letterText is a letter before it is sealed.
type letterText struct {
	Kind     string          `json:"kind"`
	Request  int64           `json:"request"`
	Day      appeal.Day      `json:"day"`
	Step     appeal.StepKind `json:"step"`
	To       string          `json:"to"`
	Language locale.Tag      `json:"language"`
	Text     string          `json:"text"`
	PDF      []byte          `json:"pdf"`
	Contact  string          `json:"contact,omitempty"`
}

// Entrust seals a letter to the collective, to be sent by it; of what is in it
// nothing else is kept. The faults are lane.bad_code, lane.unknown_code,
// lane.no_charter, lane.contact, authority.unknown, lane.entry (a step that is
// none) and lane.entrusted: one letter of each step waits at a time.
func (l *Lane) Entrust(ctx context.Context, code string, t Letter) error {
	id, err := l.Held(ctx, code)
	if err != nil {
		return err
	}
	t.Contact = strings.TrimSpace(t.Contact)
	if !oneLine(t.Contact, maxContact) {
		return fault.Invalid("lane.contact", maxContact)
	}
	if !slices.Contains(appeal.StepKinds, t.Step) {
		return fault.Invalid("lane.entry", string(l.today()))
	}
	if t.Body != "" || t.Step == appeal.First { // the clock of an appeal needs to know with whom it lies
		if _, err := l.authorityNow(ctx, t.Body); err != nil {
			return err
		}
	}
	sealed, err := l.sealed(letterText{letterKind, id, l.today(), t.Step, t.To, t.Language, t.Text, t.PDF, t.Contact})
	if err != nil {
		return err
	}
	if err := l.keepPair(ctx, id, code); err != nil {
		return err
	}
	return l.db.AddEntrusted(ctx, lanedb.Entrusted{Request: id, Step: string(t.Step), Body: t.Body, Day: string(l.today()), Sealed: sealed})
}

// SealedLetter is a letter as it waits: an age file to the collective.
type SealedLetter = lanedb.Entrusted

// Waiting gives the letters of a request that the collective has not sent yet.
func (l *Lane) Waiting(ctx context.Context, id int64) ([]SealedLetter, error) {
	return l.db.EntrustedOf(ctx, id)
}

// TakeBack takes a letter of a code's holder back from the collective. One that
// is not there gives the fault lane.no_letter.
func (l *Lane) TakeBack(ctx context.Context, code string, letter int64) error {
	id, err := l.Held(ctx, code)
	if err != nil {
		return err
	}
	return l.db.DropEntrusted(ctx, letter, id, lanedb.With{}, nil)
}

// Letters gives the letters that wait behind a number, in their order, at most
// limit. Only what the collective's desk asks may call it.
func (l *Lane) Letters(ctx context.Context, after int64, limit int) ([]SealedLetter, error) {
	return l.db.Entrusted(ctx, after, limit)
}

// Sending is the collective's word that it sent a letter, or that one arrived.
type Sending struct {
	Request int64
	Letter  int64 // the letter that was sent: it is taken away; 0: the appeal was delivered
	Day     appeal.Day
}

// AttestSending appends the collective's word to an appeal. Said twice it stands once.
// The faults are lane.no_request and those of Attest. Only what the collective's desk asks may call it.
func (l *Lane) AttestSending(ctx context.Context, s Sending) error {
	if _, err := l.db.Request(ctx, s.Request); err != nil {
		return err
	}
	now, err := l.Appeal(ctx, s.Request, "")
	if err != nil {
		return err
	}
	e := Entry{By: appeal.ByHouse, Day: s.Day, Act: appeal.Delivered}
	if s.Letter != 0 {
		letters, err := l.db.EntrustedOf(ctx, s.Request)
		if err != nil {
			return err
		}
		at := slices.IndexFunc(letters, func(k SealedLetter) bool { return k.Number == s.Letter })
		if at < 0 {
			return nil // it was said before
		}
		if e.Act, e.Authority = appeal.Submitted, letters[at].Body; letters[at].Step != string(appeal.First) {
			e.Act, e.Authority, e.Sent = "", "", appeal.StepKind(letters[at].Step)
		}
	} else if slices.ContainsFunc(now.Entries, e.same) {
		return nil
	}
	e, with, err := l.admit(ctx, now, e)
	if err != nil {
		return err
	}
	write := e.behind(int64(len(now.Entries)))
	if s.Letter == 0 {
		return l.db.AddAppealEvent(ctx, s.Request, with, write)
	}
	err = l.db.DropEntrusted(ctx, s.Letter, s.Request, with, write)
	if errors.Is(err, fault.NotFound("lane.no_letter")) {
		return nil
	}
	return err
}
