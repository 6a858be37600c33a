package lane

import (
	"context"
	"crypto/hpke"
	"errors"
	"slices"
	"strings"
	"time"

	"kua/internal/appeal"
	"kua/internal/authority"
	"kua/internal/canon"
	"kua/internal/fault"
	"kua/internal/lane/lanedb"
)

// Entry is one line of the second track of a request: an act of its formal
// appeal, a letter that went out, what the holder says of the answer, or that an
// earlier line was a mistake. Entries are appended and never changed; Before is
// the hash of the one before.
type Entry struct {
	Kind      string          `json:"kind"` // lane-appeal
	Request   int64           `json:"request"`
	Number    int64           `json:"number"`
	Before    string          `json:"before"`
	Entered   appeal.Day      `json:"entered"`
	By        appeal.Attester `json:"by"`
	Day       appeal.Day      `json:"day,omitempty"` // on which it happened
	Act       appeal.Act      `json:"act,omitempty"`
	Authority string          `json:"authority,omitempty"` // to whom: of submitted and forwarded
	Until     appeal.Day      `json:"until,omitempty"`     // of extended
	Numbered  bool            `json:"numbered,omitempty"`  // the authority gave a number; it is in Sealed
	Sent      appeal.StepKind `json:"sent,omitempty"`
	Says      appeal.Verdict  `json:"says,omitempty"`
	Voids     int64           `json:"voids,omitempty"`     // number of the entry that was a mistake
	Sealed    string          `json:"sealed,omitempty"`    // a Note, which the holder's code alone opens
	From      string          `json:"from,omitempty"`      // the authority that attests, of entries by one
	SealedTo  string          `json:"sealed_to,omitempty"` // the authority's Note to the holder, which their code alone opens

	Note   Note `json:"-"` // what Sealed holds, for whoever has the code
	Lost   bool `json:"-"` // what the authority wrote to the holder does not open
	Voided bool `json:"-"` // a later entry says that it was a mistake
}

// Note is what only whoever has the code reads of an entry.
type Note struct {
	Number string `json:"number,omitempty"` // the authority's
	Reason string `json:"reason,omitempty"` // the authority's, of extended and forwarded
}

const entryKind = "lane-appeal"

// Elsewhere stands for a body that no directory names, to which an authority passed an appeal on.
// No authority can have it as its id.
const Elsewhere = ":elsewhere"

// maxEntries is the most entries of an appeal.
const maxEntries = 100

func (e Entry) write(request, number int64, before string) (body, hash string, err error) {
	e.Kind, e.Request, e.Number, e.Before = entryKind, request, number, before
	b, err := canon.Marshal(e)
	return string(b), canon.Hash(b), err
}

// Appeal is the second track of a request as it stands on a day. All but the
// entries is worked out anew each time.
type Appeal struct {
	Today    appeal.Day // in the country of the directory
	Law      appeal.Law
	Road     appeal.Road
	Entries  []Entry
	Events   []appeal.Event // those that hold, in the order of their days
	Sent     []appeal.Sent
	Says     appeal.Verdict
	Standing appeal.Standing
	Steps    []appeal.Possible
	Calendar appeal.Calendar // of the authority with which it lies

	directory int64 // the version by whose law it was worked out
}

// unread stands for the authority's number where the code is not known: that
// there is one starts the clock, which one it is does not matter.
const unread = "\u2026"

// Appeal gives the formal appeal of a request; one without entries was not begun.
// Clocks are those of the newest directory, since decrees come later than
// reports. Only with the holder's code are numbers and reasons in it. The faults
// are appeal.no_law, appeal.no_road (no appeal can be made there) and
// lane.broken_history.
func (l *Lane) Appeal(ctx context.Context, id int64, code string) (Appeal, error) {
	kept, err := l.db.AppealEvents(ctx, id)
	if err != nil {
		return Appeal{}, err
	}
	all, err := readEntries(id, kept, code)
	if err != nil {
		return Appeal{}, err
	}
	return l.stand(ctx, all)
}

// Unbegun gives the formal appeal of a request for which nothing was entered. The faults are Appeal's.
func (l *Lane) Unbegun(ctx context.Context) (Appeal, error) { return l.stand(ctx, nil) }

// readEntries checks the chain of an appeal's entries; with the holder's code it opens
// their notes.
func readEntries(id int64, kept []lanedb.Event, code string) (all []Entry, err error) {
	var key noteKey
	var pair hpke.PrivateKey
	if code != "" {
		if key, err = keyOf(code); err == nil {
			pair, err = pairOf(code)
		}
		if err != nil {
			return nil, err
		}
	}
	before := ""
	for i, k := range kept {
		var e Entry
		err := canon.Unmarshal([]byte(k.Body), &e)
		if err != nil || e.Kind != entryKind || e.Request != id || e.Number != int64(i+1) || e.Number != k.Number || e.Before != before ||
			canon.Hash([]byte(k.Body)) != k.Hash {
			return nil, fault.Corrupt("lane.broken_history", id, i+1).Because(err)
		}
		before = k.Hash
		if e.Sealed != "" && key != nil {
			if e.Note, err = key.open(e); err != nil {
				return nil, fault.Corrupt("lane.broken_history", id, i+1).Because(err)
			}
		}
		if e.SealedTo != "" && pair != nil {
			e.Note, err = openNote(pair, e)
			e.Lost = err != nil // the key that was kept here was not this code's; the entry itself stands
		}
		all = append(all, e)
	}
	return all, nil
}

// stand works out where entries stand.
func (l *Lane) stand(ctx context.Context, all []Entry) (Appeal, error) {
	v, router, err := l.Current(ctx)
	if err != nil {
		return Appeal{}, err
	}
	return l.standBy(v, router, all)
}

// standBy is stand by a version of the directory.
func (l *Lane) standBy(v Version, router *authority.Router, all []Entry) (a Appeal, err error) {
	d := router.Directory()
	a = Appeal{Entries: all, directory: v.Number}
	if a.Law, err = d.Book.Law(d.Info.Country); err != nil {
		return Appeal{}, err
	}
	if a.Road, err = appeal.ShippedRoad(d.Info.Country); err != nil {
		return Appeal{}, err
	}
	a.Today = l.dayIn(a.Law.Zone)
	for _, e := range all {
		if e.Voids > 0 && e.Voids < e.Number {
			all[e.Voids-1].Voided = true
		}
	}
	a.gather()
	if a.Standing, err = appeal.Stand(a.Law, router.Calendar, appeal.Appeal{Events: a.Events}, a.Today); err != nil {
		return Appeal{}, err
	}
	if n := len(a.Standing.Legs); n > 0 {
		a.Calendar = router.Calendar(a.Standing.Legs[n-1].Authority)
	} else {
		a.Calendar = router.Calendar("")
	}
	a.Steps = a.Road.Possible(a.Law, a.Calendar, appeal.Progress{Standing: a.Standing, Verdict: a.Says, Sent: a.Sent}, a.Today)
	return a, nil
}

// gather takes what holds out of the entries. People learn late of what happened
// early, so the order is that of the days.
func (a *Appeal) gather() {
	for _, e := range a.Entries {
		switch {
		case e.Voided || e.Voids > 0:
		case e.Sent != "":
			a.Sent = append(a.Sent, appeal.Sent{Kind: e.Sent, Day: e.Day})
		case e.Says != "":
			a.Says = e.Says
		default:
			event := appeal.Event{Act: e.Act, Day: e.Day, By: e.By, Authority: e.Authority, Until: e.Until, Number: e.Note.Number, Reason: e.Note.Reason, Entered: e.Entered}
			if e.Numbered && event.Number == "" {
				event.Number = unread
			}
			a.Events = append(a.Events, event)
		}
	}
	byDay := func(x, y appeal.Day) int { return strings.Compare(string(x), string(y)) }
	slices.SortStableFunc(a.Events, func(x, y appeal.Event) int { return byDay(x.Day, y.Day) })
	slices.SortStableFunc(a.Sent, func(x, y appeal.Sent) int { return byDay(x.Day, y.Day) })
}

// dayIn is today in a time zone, which the data has been held to know.
func (l *Lane) dayIn(zone string) appeal.Day {
	at, err := time.LoadLocation(zone)
	if err != nil {
		at = time.UTC
	}
	return appeal.Day(l.now().In(at).Format(time.DateOnly))
}

// Attest appends what the holder of a code says of their appeal, behind the
// number of entries that they have seen: sent twice, it stands once. What cannot
// be or cannot follow what is there is refused and nothing is kept. The faults
// are lane.bad_code, lane.unknown_code, lane.entry, lane.text, appeal.bad_day,
// appeal.out_of_order, appeal.attester, authority.unknown, lane.appeal_waits (the report was not looked at yet), lane.entered (something else was) and those
// of Appeal.
func (l *Lane) Attest(ctx context.Context, code string, seen int64, e Entry) error {
	id, err := l.Held(ctx, code)
	if err != nil {
		return err
	}
	r, err := l.Request(ctx, id)
	if err != nil {
		return err
	}
	if r.Matter != Report {
		return fault.Conflict("lane.no_appeal", id)
	}
	if r.Hidden() && slices.ContainsFunc(r.Assignments, func(a Assignment) bool { return a.State == AwaitingCheck }) {
		return fault.Conflict("lane.appeal_waits", id)
	}
	key, err := keyOf(code)
	if err != nil {
		return err
	}
	e.By = appeal.ByCitizen
	now, err := l.Appeal(ctx, id, code)
	if err != nil {
		return err
	}
	if seen >= 0 && seen < int64(len(now.Entries)) && now.Entries[seen].same(e) {
		return nil // it was sent twice
	}
	if seen != int64(len(now.Entries)) {
		return fault.Conflict("lane.entered", id)
	}
	e, with, err := l.admit(ctx, now, e)
	if err != nil {
		return err
	}
	if e.Note != (Note{}) {
		if e.Sealed, err = key.seal(e, id, seen+1); err != nil {
			return err
		}
	}
	if err := l.keepPair(ctx, id, code); err != nil {
		return err
	}
	err = l.db.AddAppealEvent(ctx, id, with, e.behind(seen))
	if errors.Is(err, fault.Conflict("lane.entered")) { // by the same form, sent twice at once, or by another
		if now, broken := l.Appeal(ctx, id, code); broken != nil {
			return broken
		} else if seen < int64(len(now.Entries)) && now.Entries[seen].same(e) {
			return nil
		}
	}
	return err
}

// behind writes the entry only behind the number of entries that it was held against.
func (e Entry) behind(seen int64) func(request, number int64, before string) (body, hash string, err error) {
	return func(request, number int64, before string) (string, string, error) {
		if number != seen+1 {
			return "", "", fault.Conflict("lane.entered", request)
		}
		return e.write(request, number, before)
	}
}

// same reports an entry that says what another one says.
func (e Entry) same(o Entry) bool {
	return e.By == o.By && e.Day == o.Day && e.Act == o.Act && e.Authority == o.Authority && e.Until == o.Until && e.Sent == o.Sent &&
		e.Says == o.Says && e.Voids == o.Voids && e.Note == o.Note
}

// admit holds an entry against all that is there, completes it, and says with whom
// the appeal lies then.
func (l *Lane) admit(ctx context.Context, now Appeal, e Entry) (Entry, lanedb.With, error) {
	var none lanedb.With
	e.Entered, e.Numbered = now.Today, e.Note.Number != ""
	kinds := 0
	for _, is := range []bool{e.Act != "", e.Sent != "", e.Says != "", e.Voids != 0} {
		if is {
			kinds++
		}
	}
	day, err := appeal.ParseDay(string(e.Day))
	switch {
	case err != nil:
		return e, none, err
	case kinds != 1 || len(now.Entries) >= maxEntries,
		e.Voids == 0 && (day == "" || day > now.Today),
		e.Sent != "" && (e.Sent == appeal.First || !slices.Contains(appeal.StepKinds, e.Sent) || len(now.Events) == 0 || day < now.Events[0].Day),
		e.Says != "" && !slices.Contains([]appeal.Verdict{appeal.Mended, appeal.Partly, appeal.NotMended}, e.Says),
		e.Act == "" && (e.Authority != "" || e.Until != "" || e.Note != Note{}):
		return e, none, fault.Invalid("lane.entry", string(now.Today))
	case !oneLine(e.Note.Number, maxNumber) || !plain(e.Note.Reason, maxText):
		return e, none, fault.Invalid("lane.text", maxText)
	}
	if e.Until != "" {
		if until, err := appeal.ParseDay(string(e.Until)); err != nil || until <= day {
			return e, none, fault.Invalid("lane.entry", string(now.Today))
		}
	}
	if e.Authority != "" && (e.Authority != Elsewhere || e.By != appeal.ByCitizen || e.Act != appeal.Forwarded) {
		if _, err := l.authorityNow(ctx, e.Authority); err != nil {
			return e, none, err
		}
	}
	if e.Voids != 0 {
		if e.Voids < 0 || e.Voids > int64(len(now.Entries)) {
			return e, none, fault.Invalid("lane.entry", string(now.Today))
		}
		if was := now.Entries[e.Voids-1]; was.Voided || was.Voids > 0 || !e.mayVoid(was) {
			return e, none, fault.Invalid("lane.entry", string(now.Today))
		}
	}
	e.Number = int64(len(now.Entries)) + 1
	then, err := l.stand(ctx, append(slices.Clone(now.Entries), e))
	return e, then.with(), err
}

// with says with whom an appeal lies, and as what its legs are counted.
func (a Appeal) with() lanedb.With {
	w := lanedb.With{Directory: a.directory}
	for _, leg := range a.Standing.Legs {
		w.Authority, w.Open = leg.Authority, leg.Closed == ""
		standing, due := legStanding(leg)
		w.Legs = append(w.Legs, lanedb.Leg{Authority: leg.Authority, Month: string(leg.Submitted.Day)[:7], Standing: string(standing), Due: string(due)})
	}
	return w
}

// authorityNow gives an authority of the newest directory.
func (l *Lane) authorityNow(ctx context.Context, id string) (authority.Authority, error) {
	_, router, err := l.Current(ctx)
	if err != nil {
		return authority.Authority{}, err
	}
	return router.Authority(id)
}
