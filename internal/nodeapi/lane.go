package nodeapi

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"unicode"

	"kua/internal/fault"
)

// LaneContact is how somebody of the open lane can be reached, sealed to the
// people of the collective: an age file that holds an OpenedContact.
type LaneContact struct {
	Request int64  `json:"request"`
	Day     string `json:"day"`
	Sealed  []byte `json:"sealed"`
}

// LaneLetter is a letter of a formal appeal that the collective is to send: an
// age file that holds an OpenedLetter.
type LaneLetter struct {
	Number  int64  `json:"number"`
	Request int64  `json:"request"`
	Step    string `json:"step"`
	Day     string `json:"day"`
	Sealed  []byte `json:"sealed"`
}

// LanePage is the most contacts or letters in one answer.
const LanePage = 100

// LaneContacts answers the desk.
type LaneContacts struct {
	Contacts []LaneContact `json:"contacts"`
}

// LaneLetters is LaneContacts for letters.
type LaneLetters struct {
	Letters []LaneLetter `json:"letters"`
}

// LaneSent is the collective's word on a formal appeal: that the letter with a
// number was sent or, for 0, that the appeal was delivered.
type LaneSent struct {
	Request int64  `json:"request"`
	Letter  int64  `json:"letter,omitempty"`
	Day     string `json:"day"`
}

// OpenedContact is what a LaneContact holds. spec/lane-sealed.md describes it.
type OpenedContact struct {
	Kind    string `json:"kind"` // KindLaneContact
	Request int64  `json:"request"`
	Day     string `json:"day"`
	Contact string `json:"contact"`
}

// OpenedLetter is what a LaneLetter holds.
type OpenedLetter struct {
	Kind     string `json:"kind"` // KindLaneLetter
	Request  int64  `json:"request"`
	Day      string `json:"day"`
	Step     string `json:"step"`
	To       string `json:"to"`
	Language string `json:"language"`
	Text     string `json:"text"`
	PDF      []byte `json:"pdf"`
	Contact  string `json:"contact,omitempty"`
}

// The kinds of what the open lane seals.
const (
	KindLaneContact = "kua lane contact"
	KindLaneLetter  = "kua lane letter"
)

// ReadContact reads an opened contact of a request. One of another kind or
// request, with more after it than blanks, or with signs that a terminal acts on
// gives the fault nodeapi.lane_sealed.
func ReadContact(plain []byte, request int64) (c OpenedContact, err error) {
	if err := readOpened(plain, &c); err != nil || c.Kind != KindLaneContact || c.Request != request || !oneLine(c.Contact+c.Day) {
		return OpenedContact{}, fault.Corrupt("nodeapi.lane_sealed", request).Because(err)
	}
	return c, nil
}

// ReadLetter is ReadContact for a letter.
func ReadLetter(plain []byte, request int64) (l OpenedLetter, err error) {
	if err := readOpened(plain, &l); err != nil || l.Kind != KindLaneLetter || l.Request != request {
		return OpenedLetter{}, fault.Corrupt("nodeapi.lane_sealed", request).Because(err)
	}
	for _, line := range []string{l.Day, l.Step, l.To, l.Language, l.Contact} {
		if !oneLine(line) {
			return OpenedLetter{}, fault.Corrupt("nodeapi.lane_sealed", request)
		}
	}
	return l, nil
}

// oneLine reports a text that a terminal shows as it is, in one line.
func oneLine(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool {
		return unicode.IsControl(r) || r >= '\u202a' && r <= '\u202e' || r >= '\u2066' && r <= '\u2069' || r == unicode.ReplacementChar
	})
}

func readOpened(plain []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(plain))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return err
	}
	if d.More() {
		return fmt.Errorf("more than one document")
	}
	return nil
}

// LaneContacts gives the contacts of requests behind after, at most LanePage.
func (c *Client) LaneContacts(ctx context.Context, after int64) ([]LaneContact, error) {
	var list LaneContacts
	a, err := c.get(ctx, fmt.Sprintf("/desk/lane/contacts/%d", after), 64<<20, true)
	if err == nil {
		err = read(a, &list)
	}
	return list.Contacts, err
}

// LaneLetters gives the letters that wait behind the number after, at most LanePage.
func (c *Client) LaneLetters(ctx context.Context, after int64) ([]LaneLetter, error) {
	var list LaneLetters
	a, err := c.get(ctx, fmt.Sprintf("/desk/lane/letters/%d", after), 256<<20, true)
	if err == nil {
		err = read(a, &list)
	}
	return list.Letters, err
}

// LaneSent tells the node of something that the collective sent. The same word
// twice is no error.
func (c *Client) LaneSent(ctx context.Context, s LaneSent) error {
	return c.post(ctx, "/desk/lane/sent", s, nil)
}
