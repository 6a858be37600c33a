package lane

import (
	"cmp"
	"context"
	"slices"

	"kua/internal/lane/lanedb"
)

// Difference is one thing that is not as it was counted anew.
type Difference struct {
	What     DifferenceKind `json:"what"`
	Track    string         `json:"track,omitempty"` // of a number: report or appeal
	Kind     string         `json:"kind,omitempty"`  // of a number: authority, area or category
	ID       string         `json:"id,omitempty"`
	Month    string         `json:"month,omitempty"`
	Standing Standing       `json:"standing,omitempty"`
	Kept     int64          `json:"kept"`
	Counted  int64          `json:"counted"`
	Request  int64          `json:"request,omitempty"`
	Part     int64          `json:"assignment,omitempty"`
	Was      Standing       `json:"was,omitempty"` // of a standing: what was kept
	Event    int64          `json:"event,omitempty"`
}

// DifferenceKind says what differs.
type DifferenceKind string

// The kinds. Numbers, standings and how appeals are counted follow from the rest and can be mended;
// the others are damage.
const (
	DiffersNumber   DifferenceKind = "number"   // a number of the tally
	DiffersStanding DifferenceKind = "standing" // an assignment's
	DiffersHistory  DifferenceKind = "history"  // a request's history is broken
	DiffersAnswer   DifferenceKind = "answer"   // an assignment's answer is not in its history as it is kept
	DiffersVerdict  DifferenceKind = "verdict"  // a verdict is in the history or in the table alone
	DiffersOutcome  DifferenceKind = "outcome"  // an outcome is in the history or in the table alone
	DiffersAppeal   DifferenceKind = "appeal"   // a formal appeal is not counted as it stands
)

// Mends reports what a recount can put right.
func (d DifferenceKind) Mends() bool {
	return d == DiffersNumber || d == DiffersStanding || d == DiffersAppeal
}

// Recount counts everything anew, from each request's checked history, and gives
// what differs from what is kept. With mend, numbers and standings are put right;
// damage is only told, since nobody can know what was there.
//
// Reports are one transaction and formal appeals another, so that nothing moves meanwhile. Nobody waits
// for one that only looks; with mend, whoever writes on SQLite waits.
func (l *Lane) Recount(ctx context.Context, mend bool) ([]Difference, error) {
	var all []Difference
	kept, err := l.db.Recount(ctx, mend, func() func(lanedb.Counted) {
		all = nil
		return func(c lanedb.Counted) { all = append(all, damage(c)...) }
	})
	for _, k := range kept {
		d := differs(ReportTrack, k)
		if k.Assignment != 0 {
			d = Difference{What: DiffersStanding, Standing: d.Standing, Part: k.Assignment, Was: Standing(k.Was)}
		}
		all = append(all, d)
	}
	if err == nil {
		var appeals []Difference
		appeals, err = l.recountAppeals(ctx, mend)
		all = append(all, appeals...)
	}
	slices.SortFunc(all, func(a, b Difference) int {
		return cmp.Or(cmp.Compare(a.What, b.What), cmp.Compare(a.Request, b.Request), cmp.Compare(a.Event, b.Event), cmp.Compare(a.Part, b.Part),
			cmp.Compare(a.Track, b.Track), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Month, b.Month), cmp.Compare(a.ID, b.ID), cmp.Compare(a.Standing, b.Standing))
	})
	return all, err
}

// differs is a number of a track that is kept otherwise than it was counted.
func differs(track string, k lanedb.Difference) Difference {
	return Difference{What: DiffersNumber, Track: track, Kind: k.Cell.Kind, ID: k.Cell.ID, Month: k.Cell.Month, Standing: Standing(k.Cell.Standing), Kept: k.Kept, Counted: k.Counted}
}

// damage holds what is kept of a request against its history.
func damage(c lanedb.Counted) (all []Difference) {
	events, err := readHistory(c.Request, c.Events)
	if err != nil || len(events) == 0 {
		return []Difference{{What: DiffersHistory, Request: c.Request}}
	}
	at := func(number int64) Event {
		if number < 1 || number > int64(len(events)) {
			return Event{}
		}
		return events[number-1]
	}
	for _, a := range c.Assignments {
		e := at(a.Answer)
		if a.Answer != 0 && (string(e.To) != a.Facts.Answered || e.Authority != a.Authority || !e.To.judged() || e.Verdict != "") || a.Answer == 0 && a.Facts.Answered != "" {
			all = append(all, Difference{What: DiffersAnswer, Request: c.Request, Part: a.Number, Event: a.Answer})
		}
	}
	tell := func(what DifferenceKind, event int64) {
		all = append(all, Difference{What: what, Request: c.Request, Event: event})
	}
	verdicts, outcomes := map[int64]bool{}, map[int64]lanedb.Outcome{}
	for _, v := range c.Verdicts {
		verdicts[v.Event] = true
		if e := at(v.Event); string(e.Verdict) != v.Says || e.Answer != v.Answer || (e.By == ByHolder) != v.Holder {
			tell(DiffersVerdict, v.Event)
		}
	}
	for _, o := range c.Outcomes {
		outcomes[o.Event] = o
		e := at(o.Event)
		if string(e.Outcome) != o.What || e.Link != o.Link || string(e.On) != o.Day || string(e.By) != o.Attests || o.Struck != 0 && at(o.Struck).Strikes != o.Event {
			tell(DiffersOutcome, o.Event)
		}
	}
	for _, e := range events {
		if e.Verdict != "" && !verdicts[e.Number] {
			tell(DiffersVerdict, e.Number)
		}
		if _, there := outcomes[e.Number]; e.Outcome != "" && !there {
			tell(DiffersOutcome, e.Number)
		}
		if e.Strikes != 0 && outcomes[e.Strikes].Struck != e.Number {
			tell(DiffersOutcome, e.Strikes)
		}
	}
	return all
}
