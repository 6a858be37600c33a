package lane

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"kua/internal/appeal"
	"kua/internal/canon"
	"kua/internal/fault"
	"kua/internal/lane/lanedb"
)

// Inquiry says which requests another system asks for; its zero value asks for
// all. Days are those of the requests' and the events' own.
type Inquiry struct {
	IDs                    []int64
	Categories             []string
	Open                   *bool
	From, To               appeal.Day
	ChangedFrom, ChangedTo appeal.Day // of the last event
	Before                 int64      // ids below it; 0: from the newest
	Skip, Limit            int        // Limit is at least 1
}

// Known is a request with its whole history and its pictures.
type Known struct {
	Request
	History  []Event
	Pictures []Picture
}

// Changed is the day of the last event.
func (k Known) Changed() appeal.Day { return k.History[len(k.History)-1].Day }

// maxDays is the most days that are looked at one by one; an inquiry of other
// systems spans no more.
const maxDays = 100

// days gives the days from one to another; none where they are too many.
func days(from, to appeal.Day) (all []string) {
	at, err1 := time.Parse(time.DateOnly, string(from))
	end, err2 := time.Parse(time.DateOnly, string(to))
	if err1 != nil || err2 != nil || end.Sub(at) > maxDays*24*time.Hour {
		return nil
	}
	for ; !at.After(end); at = at.AddDate(0, 0, 1) {
		all = append(all, at.Format(time.DateOnly))
	}
	return all
}

// latelyDays is since how long ago changes are few enough to be gathered.
const latelyDays = 7

// lately reports a day that is not long ago.
func (l *Lane) lately(day appeal.Day) bool {
	today, err1 := time.Parse(time.DateOnly, string(l.today()))
	since, err2 := time.Parse(time.DateOnly, string(day))
	return err1 == nil && err2 == nil && today.Sub(since) <= latelyDays*24*time.Hour
}

// Ask gives requests newest first, each with its checked history, and leaves out
// what nobody may see yet. The fault is lane.broken_history.
func (l *Lane) Ask(ctx context.Context, q Inquiry) ([]Known, error) {
	kept, err := l.db.Ask(ctx, lanedb.Asked{IDs: q.IDs, Categories: q.Categories, Open: q.Open, From: string(q.From), To: string(q.To), Days: days(q.From, q.To),
		ChangedFrom: string(q.ChangedFrom), Lately: l.lately(q.ChangedFrom), ChangedTo: string(q.ChangedTo), Before: q.Before, Skip: q.Skip, Limit: q.Limit, Unseen: unseenStates()})
	if err != nil {
		return nil, err
	}
	var ids []int64
	for _, k := range kept {
		ids = append(ids, k.ID)
	}
	assignments, err := l.db.AssignmentsOf(ctx, ids...)
	if err != nil {
		return nil, err
	}
	histories, err := l.db.EventsOf(ctx, ids)
	if err != nil {
		return nil, err
	}
	pictures, err := l.Pictures(ctx, ids...)
	if err != nil {
		return nil, err
	}
	var all []Known
	for _, k := range kept {
		one, err := shown(k)
		if err != nil {
			return nil, err
		}
		for _, a := range assignments {
			if a.Request == k.ID {
				one.Assignments = append(one.Assignments, shownAssignment(a))
			}
		}
		history, err := readHistory(k.ID, histories[k.ID])
		if err == nil && len(history) == 0 {
			err = fault.Corrupt("lane.broken_history", k.ID, 1)
		}
		if err != nil {
			return nil, err
		}
		all = append(all, Known{one, history, pictures[k.ID]})
	}
	return all, nil
}

// Mark is a place in the order of all events.
type Mark = lanedb.Mark

// Changes gives what happened to requests from one day to another behind a mark,
// oldest first: every event but the first of each request, of requests that
// everybody may see. Each is held against its own hash, not against the chain.
func (l *Lane) Changes(ctx context.Context, from, to appeal.Day, after Mark, limit int) ([]Event, error) {
	kept, err := l.db.EventsBetween(ctx, string(from), string(to), after, unseenStates(), limit)
	if err != nil {
		return nil, err
	}
	var all []Event
	for _, k := range kept {
		var e Event
		err := canon.Unmarshal([]byte(k.Body), &e)
		if err != nil || e.Request != k.Request || e.Number != k.Number {
			return nil, fault.Corrupt("lane.broken_history", k.Request, k.Number).Because(err)
		}
		if e.Hash = k.Hash; canon.Hash([]byte(k.Body)) != k.Hash { // erased, or damaged: its whole history tells
			history, err := l.History(ctx, k.Request)
			if err != nil {
				return nil, err
			}
			e = history[k.Number-1]
		}
		all = append(all, e)
	}
	return all, nil
}

// Moved gives the event that a message of an authority's system has brought
// already, or the fault lane.no_update.
func (l *Lane) Moved(ctx context.Context, request int64, authority, update string) (Event, error) {
	history, err := l.History(ctx, request)
	if err != nil {
		return Event{}, err
	}
	for _, e := range history {
		if e.Update == update && e.Authority == authority && e.By == ByOfficial {
			return e, nil
		}
	}
	return Event{}, fault.NotFound("lane.no_update", update)
}

// maxUpdate is the most signs of the number of a message.
const maxUpdate = 200

// CheckUpdate holds the number of a message of an authority's system against what
// a history can keep. The fault is lane.update.
func CheckUpdate(update string) error {
	if update == "" || !oneLine(update, maxUpdate) {
		return fault.Invalid("lane.update", maxUpdate)
	}
	return nil
}

// Remark appends words of an authority that has a part in a request, with a picture
// where there is one; it moves nothing. update is the number of the message that
// brings them, and after the number of events that its writer has seen. The faults
// are lane.text, lane.public_words, lane.update, lane.no_picture, lane.no_request,
// lane.not_theirs and lane.moved.
//
// Who the authority is must have been shown before; Remark believes it.
func (l *Lane) Remark(ctx context.Context, request, after int64, authority, words, picture, update string) error {
	if strings.TrimSpace(words) == "" || !plain(words, maxText) {
		return fault.Invalid("lane.text", maxText)
	}
	if err := CheckUpdate(update); err != nil {
		return err
	}
	if err := publicWords(words); err != nil {
		return err
	}
	r, err := l.Request(ctx, request)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(r.Assignments, func(a Assignment) bool { return a.Authority == authority }) {
		return fault.Forbidden("lane.not_theirs", request)
	}
	e := Event{Day: l.today(), By: ByOfficial, Authority: authority, Words: words, Picture: picture, Update: update}
	if picture == "" {
		return l.db.AddEvent(ctx, request, after, e.write)
	}
	return l.db.AddEvent(ctx, request, after, e.write, uses(Proof, picture)...)
}

// KeyedCode makes the holder code of what a system sends under a name of its own:
// the same key and the same name give the same code, so that sending twice makes
// one request. Without the key nobody can make it.
func KeyedCode(key, name string) string {
	mac := hmac.New(sha256.New, []byte(key))
	fmt.Fprintf(mac, "kua open lane holder\n%s", name)
	return written(mac.Sum(nil)[:codeBytes])
}

// Ticket is under what a report can be asked for while nobody may see it yet: it
// says nothing to whoever does not have it. The fault is lane.bad_code.
func Ticket(code string) (string, error) { return hashCode(code) }

// Ticketed gives the request of a ticket and whether everybody may see it, or the
// fault lane.unknown_ticket.
func (l *Lane) Ticketed(ctx context.Context, ticket string) (id int64, shown bool, err error) {
	id, err = l.db.Held(ctx, ticket)
	if errors.Is(err, fault.NotFound("lane.unknown_code")) {
		return 0, false, fault.NotFound("lane.unknown_ticket")
	}
	if err != nil {
		return 0, false, err
	}
	r, err := l.Request(ctx, id)
	return id, err == nil && !r.Hidden(), err
}
