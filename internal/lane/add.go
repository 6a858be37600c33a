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

// additionsMost is how many additions of one request wait at a time.
const additionsMost = 5

// Addition is what the holder of a request says later.
type Addition struct {
	Code  string
	Words string
	After int64 // the events that the holder has seen; the same addition after the same event is one
	Aware bool  // was shown the sealed lane and wants to tell it in public
}

// Add appends a holder's words to the history of their request, where they are
// found by the search too. Words that the rules of holding stop wait for a checker
// instead (Additions); those of a request that waits itself are looked at with it.
// The faults are lane.bad_code, lane.unknown_code, lane.text, lane.danger,
// lane.adding_waits and lane.moved (something else happened meanwhile).
func (l *Lane) Add(ctx context.Context, a Addition) error {
	id, err := l.Held(ctx, a.Code)
	if err != nil {
		return err
	}
	kept, err := l.db.Request(ctx, id)
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
	if !r.Hidden() {
		causes, err := l.addingCauses(ctx, r, a.Words)
		if err != nil {
			return err
		}
		if len(causes) > 0 {
			return l.holdAddition(ctx, id, a.Words, causes)
		}
	}
	search, err := l.searchText(ctx, kept, a.Words, 0)
	if err != nil {
		return err
	}
	e := Event{Day: l.today(), By: ByHolder, Words: a.Words}
	err = l.db.AddWords(ctx, id, a.After, search, e.write)
	if errors.Is(err, fault.Conflict("lane.moved")) {
		history, broken := l.History(ctx, id)
		if broken != nil {
			return broken
		}
		if a.After >= 0 && a.After < int64(len(history)) && history[a.After].Words == a.Words {
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

func (l *Lane) holdAddition(ctx context.Context, request int64, words string, causes []Cause) error {
	text, err := json.Marshal(causes)
	if err != nil {
		return fmt.Errorf("keep why words wait: %w", err)
	}
	sum := sha256.Sum256([]byte(words))
	return l.db.HoldAddition(ctx, lanedb.Addition{Request: request, Digest: hex.EncodeToString(sum[:]), Words: words, Causes: string(text), Day: string(l.today())}, additionsMost)
}

// HeldWords are words of a holder that wait to be looked at.
type HeldWords struct {
	Number, Request int64
	Words           string
	Causes          []Cause
	Since           appeal.Day
}

// Additions gives the words that wait to be looked at, of one request or, for 0,
// of all, oldest first and at most limit. They are for the holder and for checkers.
func (l *Lane) Additions(ctx context.Context, request int64, limit int) (all []HeldWords, err error) {
	kept, err := l.db.Additions(ctx, request, limit)
	for _, k := range kept {
		w := HeldWords{Number: k.Number, Request: k.Request, Words: k.Words, Since: appeal.Day(k.Day)}
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

// DecideAddition lets words that wait into the history, as their holder's of this
// day, or erases them: then the history has the ground and the reason. The faults
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
	kept, err := l.db.Request(ctx, c.Request)
	if err != nil {
		return err
	}
	wait, err := l.Additions(ctx, c.Request, additionsMost)
	if err != nil {
		return err
	}
	for _, w := range wait {
		if w.Number != c.Number {
			continue
		}
		d := lanedb.Decision{Request: c.Request, Checker: c.Checker, What: "words_refused", Ground: string(c.Ground), Day: string(l.today()), Seen: c.Seen, Waited: daysBetween(w.Since, l.today())}
		if !c.Pass {
			return l.db.DecideAddition(ctx, c.Number, d, "", Event{Day: l.today(), By: ByHouse, Ground: c.Ground, Reason: c.Reason}.write)
		}
		search, err := l.searchText(ctx, kept, w.Words, 0)
		if err != nil {
			return err
		}
		d.What, d.Ground = "words", ""
		return l.db.DecideAddition(ctx, c.Number, d, search, Event{Day: l.today(), By: ByHolder, Words: w.Words}.write)
	}
	return fault.Conflict("lane.moved", c.Request)
}

// KeptOut reports the event by which words that were added were not let through.
func (e Event) KeptOut() bool { return e.To == "" && e.Ground != "" && e.Blacks == 0 }

// searchText is what a request is found by with words that are added to what it
// and its history say, without its event erased (0: with all).
func (l *Lane) searchText(ctx context.Context, kept lanedb.Request, words string, erased int64) (string, error) {
	_, router, err := l.Router(ctx, kept.Directory)
	if err != nil {
		return "", err
	}
	events, err := l.db.Events(ctx, kept.ID)
	if err != nil {
		return "", err
	}
	events = slices.DeleteFunc(events, func(e lanedb.Event) bool { return e.Number == erased })
	added, err := addedWords(events)
	if err != nil {
		return "", err
	}
	return searchOf(kept, router, added+" "+words)
}

// addedWords is what the holder of a request said in its history.
func addedWords(events []lanedb.Event) (string, error) {
	var all []string
	for _, k := range events {
		var e Event
		if err := canon.Unmarshal([]byte(k.Body), &e); err != nil {
			return "", fmt.Errorf("read event %d: %w", k.Number, err)
		}
		if e.By == ByHolder && e.Words != "" && e.Words != Black && e.Verdict == "" {
			all = append(all, e.Words)
		}
	}
	return strings.Join(all, " "), nil
}

func searchOf(kept lanedb.Request, router *authority.Router, added string) (string, error) {
	category, err := router.Category(kept.Category)
	if err != nil && kept.Kind == string(Report) {
		return "", err
	}
	d := Draft{Words: kept.Words, Landmark: kept.Landmark}
	if err := json.Unmarshal([]byte(kept.Answers), &d.Answers); err != nil {
		return "", fmt.Errorf("read the answers of request %d: %w", kept.ID, err)
	}
	return locale.SearchText(d.said(category) + " " + added), nil
}
