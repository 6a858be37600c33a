package lane

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"kua/internal/authority"
	"kua/internal/canon"
	"kua/internal/fault"
	"kua/internal/lane/lanedb"
)

// Black stands where words were erased, in every list and every format.
const Black = "\u2588\u2588\u2588"

// BlackGrounds are why words are erased for good.
var BlackGrounds = []Ground{"persons", "insult", "other"}

// Blackout is what the collective erases of a line of a history.
type Blackout struct {
	Request, Line int64 // line 1 is also what the request itself says: its words, landmark and answers in words
	Ground        Ground
	Reason        string // public; "" for none
	Pictures      bool   // those of the line too
	Place         bool   // of line 1: the exact point and the one that everybody sees
}

// BlackOut erases the words of a line for good and leaves a visible trace: the line
// stays with its day, actor and state, and one more says that its words were erased,
// by the collective, on what ground. The chain still holds (History). Nothing of the
// words is left in the database, its journal or its search; letters that went out,
// copies that others made and backups are not reached.
//
// Who calls it must have been shown to be of the collective. The faults are
// lane.no_request, lane.no_line, lane.blacked (it was done before, or nothing is there
// to erase), lane.ground, lane.text, lane.check_reason and lane.moved.
func (l *Lane) BlackOut(ctx context.Context, b Blackout) error {
	r, err := l.Request(ctx, b.Request)
	if err != nil {
		return err
	}
	history, err := l.History(ctx, b.Request)
	if err != nil {
		return err
	}
	if err := b.fits(len(history)); err != nil {
		return err
	}
	e := history[b.Line-1]
	erase, err := l.erasing(ctx, r, e, b, history)
	if errors.Is(err, fault.Conflict("lane.blacked")) { // by a run that may have ended before its last step
		if left := l.db.Scour(ctx); left != nil {
			return left
		}
	}
	if err != nil {
		return err
	}
	erase.Seen = int64(len(history))
	trace := Event{Day: l.today(), By: ByHouse, Blacks: b.Line, Left: canon.Hash([]byte(erase.Body)), Ground: b.Ground, Reason: b.Reason}
	if err := l.db.BlackOut(ctx, erase, trace.write); err != nil {
		return err
	}
	if b.Pictures {
		if err := l.SweepPictures(ctx); err != nil {
			return err
		}
	}
	return l.db.Scour(ctx)
}

func (b Blackout) fits(lines int) error {
	private := private(b.Reason)
	switch {
	case b.Line < 1 || b.Line > int64(lines):
		return fault.NotFound("lane.no_line", b.Line, b.Request)
	case !slices.Contains(BlackGrounds, b.Ground):
		return fault.Invalid("lane.ground")
	case !plain(b.Reason, maxText):
		return fault.Invalid("lane.text", maxText)
	case len(private) > 0:
		return fault.Invalid("lane.check_reason", strings.Join(private, ", "))
	}
	return nil
}

// erasing works out what is left of an event and of its request.
func (l *Lane) erasing(ctx context.Context, r Request, e Event, b Blackout, history []Event) (out lanedb.Blackout, err error) {
	out = lanedb.Blackout{Request: r.ID, Number: e.Number, Pictures: b.Pictures, Place: b.Place && e.Number == 1, Link: e.Outcome != "" && e.Link != ""}
	said := e.Words + e.Reason + e.Reference + e.Link
	out.Said = e.said() != ""
	for _, words := range []*string{&e.Words, &e.Reason, &e.Reference} {
		if *words != "" {
			*words = Black
		}
	}
	was := e.Blacked
	e.Link, e.Salt = "", ""
	body, err := canon.Marshal(e)
	if err != nil {
		return out, fmt.Errorf("erase the words of event %d: %w", e.Number, err)
	}
	out.Body = string(body)
	switch {
	case e.Number == 1 && !r.Matter.Post():
		said += r.Words
		if out.Words, out.Answers, err = l.blackAnswers(ctx, r); err != nil {
			return out, err
		}
	case r.Matter.Post() && e.Number == newestWords(history):
		said += r.Words
		out.Words, out.Answers = Black, "{}"
	}
	out.Said = out.Said || out.Words != ""
	if was != 0 && strings.Trim(said, Black) == "" && !b.Pictures && !out.Place || said == "" && !b.Pictures && !out.Place {
		return out, fault.Conflict("lane.blacked", e.Number, r.ID)
	}
	return out, nil
}

// newestWords gives the event as which a post reads.
func newestWords(history []Event) int64 {
	newest := int64(1)
	for _, e := range history {
		if e.Corrects {
			newest = e.Number
		}
	}
	return newest
}

// blackAnswers gives the words and answers of a request that are left: what was
// chosen from a list, and days, stay.
func (l *Lane) blackAnswers(ctx context.Context, r Request) (words, answers string, err error) {
	router, err := l.RouterOf(ctx, r)
	if err != nil {
		return "", "", err
	}
	left := map[string][]string{}
	if category, err := router.Category(r.Category); err == nil {
		for _, q := range category.Questions {
			for _, given := range r.Answers[q.ID] {
				if q.Kind == authority.Text || q.Kind == authority.Number {
					given = Black
				}
				left[q.ID] = append(left[q.ID], given)
			}
		}
	}
	kept, err := json.Marshal(left)
	return Black, string(kept), err
}
