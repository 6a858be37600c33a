package lane

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"kua/internal/appeal"
	"kua/internal/authority"
	"kua/internal/canon"
	"kua/internal/fault"
	"kua/internal/lane/lanedb"
	"kua/internal/locale"
)

// additionsMost is how many additions of one request wait at a time, and how many
// words of its supporters.
const additionsMost = 5

// Addition is what the holder of a request says later.
type Addition struct {
	Code  string
	Words string
	After int64 // the events that the holder has seen; the same addition after the same event is one
	Aware bool  // was shown the sealed lane and wants to tell it in public

	Pictures []string // hashes of pictures that are kept, shown with the words; they wait with them too
}

// Add appends a holder's words to the history of their request, where they are
// found by the search too. Words that the rules of holding stop wait for a checker
// instead (Additions); those of a request that waits itself are looked at with it.
// The faults are lane.bad_code, lane.unknown_code, lane.text, lane.danger,
// lane.too_many_pictures, lane.no_picture, lane.adding_waits and lane.moved (something else happened meanwhile).
func (l *Lane) Add(ctx context.Context, a Addition) error {
	id, err := l.Held(ctx, a.Code)
	if err != nil {
		return err
	}
	r, err := l.Request(ctx, id)
	if err != nil {
		return err
	}
	if err := ownWords(a.Words, r.Language, a.Aware); err != nil {
		return err
	}
	if err := l.check(ctx, a.Pictures); err != nil {
		return err
	}
	if !r.Hidden() {
		causes, err := l.addingCauses(ctx, r, a.Words)
		if err != nil {
			return err
		}
		if len(causes) > 0 {
			waits, err := l.waiting(id, ByHolder, a.Code, a.Words, causes, a.Pictures...)
			if err != nil {
				return err
			}
			return l.db.HoldAddition(ctx, waits, additionsMost)
		}
	}
	e := Event{Day: l.today(), By: ByHolder, Words: a.Words, Pictures: a.Pictures}
	err = l.db.AddEvent(ctx, id, a.After, e.write, uses(Added, a.Pictures...)...)
	if errors.Is(err, fault.Conflict("lane.moved")) {
		history, broken := l.History(ctx, id)
		if broken != nil {
			return broken
		}
		if a.After >= 0 && a.After < int64(len(history)) && history[a.After].Words == a.Words && slices.Equal(history[a.After].Pictures, a.Pictures) {
			return nil // it was sent twice
		}
	}
	return err
}

// addingCauses says why words that are added are to be looked at first: by the
// rules that hold reports.
func (l *Lane) addingCauses(ctx context.Context, r Request, words string) (all []Cause, err error) {
	router, err := l.RouterOf(ctx, r)
	if err != nil {
		return nil, err
	}
	if category, err := router.Category(r.Category); err == nil && category.Visibility == authority.Held {
		all = append(all, Cause{Rule: ByCategory})
	}
	danger, err := Danger(words, r.Language)
	if err != nil {
		return nil, err
	}
	said, _, err := l.saidCauses(ctx, words, words, danger)
	return append(all, said...), err
}

// waiting are words that wait with the pictures that came with them, of whoever has a code; the
// same ones of them wait once.
func (l *Lane) waiting(request int64, by Actor, code, words string, causes []Cause, pictures ...string) (lanedb.Addition, error) {
	text, err := json.Marshal(causes)
	if err != nil {
		return lanedb.Addition{}, fmt.Errorf("keep why words wait: %w", err)
	}
	person, err := hashCode(code)
	if err != nil {
		return lanedb.Addition{}, err
	}
	sum := sha256.Sum256([]byte(strings.Join(append([]string{person, words}, pictures...), "\n")))
	return lanedb.Addition{Request: request, Digest: hex.EncodeToString(sum[:]), Words: words, Pictures: strings.Join(pictures, " "), Causes: string(text), Day: string(l.today()), Actor: string(by), Person: person}, nil
}

// HeldWords are words of a citizen that wait to be looked at.
type HeldWords struct {
	Number, Request int64
	Words           string
	Causes          []Cause
	Since           appeal.Day
	By              Actor
	Assignment      int64 // to whose question they answer, or whose answer they judge; 0: neither
	Answer          int64 // that they judge: the number of its event
	Pictures        []string

	person string
}

// Theirs reports words of whoever has a code.
func (w HeldWords) Theirs(code string) bool {
	person, err := hashCode(code)
	return err == nil && w.person == person
}

// Additions gives the words that wait to be looked at, of one request or, for 0,
// of all, oldest first and at most limit. They are for whoever wrote them and for checkers.
func (l *Lane) Additions(ctx context.Context, request int64, limit int) (all []HeldWords, err error) {
	kept, err := l.db.Additions(ctx, request, limit)
	for _, k := range kept {
		w := HeldWords{Number: k.Number, Request: k.Request, Words: k.Words, Since: appeal.Day(k.Day), By: Actor(k.Actor), Assignment: k.Assignment, Answer: k.Answer, Pictures: strings.Fields(k.Pictures), person: k.Person}
		if err := json.Unmarshal([]byte(k.Causes), &w.Causes); err != nil {
			return nil, fmt.Errorf("read why words %d wait: %w", k.Number, err)
		}
		all = append(all, w)
	}
	return all, err
}

// AdditionCheck is what a checker decides on words that wait.
type AdditionCheck struct {
	Checker, Number, Request int64
	Seen                     int64 // the number of events that the checker saw
	Pass                     bool
	Ground                   Ground // when they are not let through
	Reason                   string // the same: public, needed
}

// DecideAddition lets words that wait into the history, as their writer's of this
// day, or erases them: then the history has the ground and the reason. A question of an
// authority that they answer is answered with it, if it still waits. The faults
// are lane.ground, lane.needs, lane.text, lane.check_reason, lane.no_request and
// lane.moved.
func (l *Lane) DecideAddition(ctx context.Context, c AdditionCheck) error {
	as := Check{To: Withdrawn, Ground: c.Ground, Reason: c.Reason}
	if c.Pass {
		as = Check{To: Routed}
	}
	if err := as.fits(); err != nil {
		return err
	}
	r, err := l.Request(ctx, c.Request)
	if err != nil {
		return err
	}
	wait, err := l.Additions(ctx, c.Request, 2*additionsMost)
	if err != nil {
		return err
	}
	for _, w := range wait {
		if w.Number != c.Number {
			continue
		}
		d := lanedb.Decision{Request: c.Request, Checker: c.Checker, What: "words_refused", Ground: string(c.Ground), Day: string(l.today()), Seen: c.Seen, Waited: daysBetween(w.Since, l.today())}
		if !c.Pass {
			return l.db.DecideAddition(ctx, c.Number, d, nil, open, Event{Day: l.today(), By: ByHouse, Ground: c.Ground, Reason: c.Reason}.write)
		}
		d.What, d.Ground = "words", ""
		e, moved := w.passed(r, l.today())
		return l.db.DecideAddition(ctx, c.Number, d, moved, open, e.write, uses(Added, w.Pictures...)...)
	}
	return fault.Conflict("lane.moved", c.Request)
}

// passed is the event by which words that waited come into the history of their
// request, and the part of it that goes back to work with it; nil for none.
func (w HeldWords) passed(r Request, today appeal.Day) (Event, *lanedb.Assignment) {
	e := Event{Day: today, By: w.By, Words: w.Words, Answer: w.Answer, Pictures: w.Pictures}
	for _, a := range r.Assignments {
		if a.Number != w.Assignment {
			continue
		}
		e.Authority = a.Authority
		if w.Answer == 0 && a.State == InfoNeeded {
			e.From, e.To, e.Reason, e.Words = InfoNeeded, InWork, w.Words, ""
			return e, &lanedb.Assignment{Number: a.Number, Request: r.ID, Authority: a.Authority, State: string(InWork), Day: string(today), Step: a.Step}
		}
	}
	return e, nil
}

// KeptOut reports the event by which words that were added were not let through.
func (e Event) KeptOut() bool { return e.To == "" && e.Ground != "" && e.Blacks == 0 }

// said is what an event says by which its request is found: in the words of citizens
// and of authorities. What a post reads as is found as the request's own words.
func (e Event) said() string {
	if e.Number == 1 || e.By != ByHolder && e.By != BySupporter && e.By != ByOfficial {
		return ""
	}
	said := e.Reason
	if !e.Corrects {
		said += " " + e.Words
	}
	return strings.TrimSpace(strings.ReplaceAll(said, Black, ""))
}

// says reports an event after which its request is found by other words.
func says(body string) bool {
	var e Event
	err := canon.Unmarshal([]byte(body), &e)
	return err != nil || e.Corrects || e.said() != "" // one that cannot be read fails where it is read to be searched
}

// search is lanedb's Search.
func (l *Lane) search(r lanedb.Request, history []lanedb.Event, directory func() (lanedb.Version, []lanedb.File, error)) (string, error) {
	return searchOf(r, history, func() (*authority.Router, error) { return l.olderRouter(r.Directory, directory) })
}

// maxSearch is the most bytes by which a request is found: PostgreSQL takes a megabyte of
// words with their places in one row, and each act with words writes all anew.
const maxSearch = 64 << 10

// searchOf is what a request is found by: its own words, and of what was said since the
// newest that maxSearch has room for; router routes by its version, and is asked
// only where there are answers: which of them are words, the directory knows.
func searchOf(kept lanedb.Request, history []lanedb.Event, router func() (*authority.Router, error)) (string, error) {
	d := Draft{Words: kept.Words, Landmark: kept.Landmark}
	if err := json.Unmarshal([]byte(kept.Answers), &d.Answers); err != nil {
		return "", fmt.Errorf("read the answers of request %d: %w", kept.ID, err)
	}
	var category authority.Category
	if len(d.Answers) > 0 {
		r, err := router()
		if err == nil {
			category, err = r.Category(kept.Category)
		}
		if err != nil {
			return "", err
		}
	}
	found := locale.SearchText(d.said(category))
	for _, k := range slices.Backward(history) {
		var e Event
		if err := canon.Unmarshal([]byte(k.Body), &e); err != nil {
			return "", fmt.Errorf("read event %d: %w", k.Number, err)
		}
		if said := locale.SearchText(e.said()); said != "" && len(found)+len(said) < maxSearch {
			found += " " + said
		}
	}
	return found, nil
}
