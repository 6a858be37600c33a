package lane

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"kua/internal/appeal"
	"kua/internal/authority"
	"kua/internal/fault"
	"kua/internal/lane/lanedb"
	"kua/internal/locale"
)

// maxText is the most signs of a text; Open311 takes as many.
const maxText = 4000

// Draft is a service request before it is sent.
type Draft struct {
	Code     string // of NewCode; the same code again is the same request
	Category string
	Language locale.Tag
	Words    string
	Answers  map[string][]string // by question
	At       *authority.Point    // a point, or
	Area     string              // an area of the list
	Aware    bool                // was shown the sealed lane and wants to tell it in public
}

// Sent says what became of a draft.
type Sent struct {
	ID      int64
	Fresh   bool // false: this code was sent before
	Routing authority.Routing
}

// Submit keeps a draft as a service request, routed, with its history begun. It
// is on the disk when Submit returns. The faults are lane.bad_code,
// authority.unknown, lane.sealed (the category belongs to the sealed lane),
// lane.danger (words of danger, and the writer is not aware), lane.text,
// lane.answer, lane.place and lane.no_directory.
func (l *Lane) Submit(ctx context.Context, d Draft) (Sent, error) {
	holder, err := hashCode(d.Code)
	if err != nil {
		return Sent{}, err
	}
	v, r, err := l.current(ctx)
	if err != nil {
		return Sent{}, err
	}
	category, err := r.Category(d.Category)
	if err != nil {
		return Sent{}, err
	}
	if err := d.check(category); err != nil {
		return Sent{}, err
	}
	today := l.today()
	to := r.Route(authority.Query{Category: d.Category, At: d.At, Area: d.Area, On: today})
	if len(to.Areas) == 0 {
		return Sent{}, fault.Invalid("lane.place")
	}
	answered, err := json.Marshal(d.Answers)
	if err != nil {
		return Sent{}, fmt.Errorf("keep the answers: %w", err)
	}
	kept := lanedb.Request{Directory: v.Number, Category: d.Category, Language: string(d.Language), Words: d.Words, Answers: string(answered),
		Area: to.Areas[0], Visibility: string(category.Visibility), Day: string(today)}
	if d.At != nil {
		kept.Exact = place(*d.At)
		kept.Public = public(*d.At, category.Visibility)
	}
	first := lanedb.Assignment{Authority: to.Authority, State: string(Routed), Day: string(today)}
	if to.Authority == "" || category.Visibility == authority.Held {
		first.State = string(AwaitingCheck) // a person looks before it goes anywhere
	}
	if first.Authority == "" {
		first.Authority = to.Fallback
	}
	begin := Event{Day: today, By: ByHolder, Authority: first.Authority, To: State(first.State)}
	id, fresh, err := l.db.AddRequest(ctx, kept, holder, first, begin.write)
	return Sent{id, fresh, to}, err
}

// check holds a draft against what its category asks.
func (d Draft) check(category authority.Category) error {
	if category.Sealed {
		return fault.Conflict("lane.sealed", category.ID)
	}
	if tag, ok := locale.Parse(string(d.Language)); !ok || tag != d.Language {
		return fault.Invalid("lane.language", string(d.Language))
	}
	if strings.TrimSpace(d.Words) == "" || !plain(d.Words, maxText) {
		return fault.Invalid("lane.text", maxText)
	}
	if (d.At == nil) == (d.Area == "") {
		return fault.Invalid("lane.place")
	}
	for id := range d.Answers {
		if !slices.ContainsFunc(category.Questions, func(q authority.Question) bool { return q.ID == id }) {
			return fault.Invalid("lane.answer", id)
		}
	}
	said := d.Words
	for _, q := range category.Questions {
		if !fits(q, d.Answers[q.ID]) {
			return fault.Invalid("lane.answer", q.ID)
		}
		if q.Kind == authority.Text {
			said += " " + strings.Join(d.Answers[q.ID], " ")
		}
	}
	found, err := Danger(said, d.Language)
	if err == nil && len(found) > 0 && !d.Aware {
		err = fault.Conflict("lane.danger", strings.Join(found, ", "))
	}
	return err
}

// fits reports whether the given words answer a question.
func fits(q authority.Question, given []string) bool {
	if len(given) == 0 {
		return !q.Required
	}
	if len(given) > 1 && q.Kind != authority.Some {
		return false
	}
	for i, g := range given {
		ok := plain(g, maxText)
		switch q.Kind {
		case authority.Number:
			_, err := strconv.ParseFloat(g, 64)
			ok = err == nil && len(g) < 40
		case authority.Date:
			day, err := appeal.ParseDay(g)
			ok = err == nil && day != ""
		case authority.YesNo:
			ok = g == "yes" || g == "no"
		case authority.One, authority.Some:
			ok = slices.ContainsFunc(q.Choices, func(c authority.Choice) bool { return c.ID == g }) && !slices.Contains(given[:i], g)
		}
		if !ok {
			return false
		}
	}
	return true
}

// plain reports a text of at most maxSigns signs that a page can show as it is:
// no control signs but line ends and tabs, nothing that turns the direction of writing.
func plain(s string, maxSigns int) bool {
	if !utf8.ValidString(s) || utf8.RuneCountInString(s) > maxSigns {
		return false
	}
	return !strings.ContainsFunc(s, func(r rune) bool {
		return unicode.IsControl(r) && r != '\n' && r != '\r' && r != '\t' || r >= '\u202a' && r <= '\u202e' || r >= '\u2066' && r <= '\u2069'
	})
}

func place(p authority.Point) *lanedb.Place {
	return &lanedb.Place{Lat: int64(p.Lat), Lon: int64(p.Lon)}
}

// coarse is how roughly a coarse place is shown: a hundredth of a degree, about a kilometre.
const coarse = 10_000

// public is what everybody may see of a place.
func public(p authority.Point, v authority.Visibility) *lanedb.Place {
	round := func(m authority.Micro) int64 {
		n := int64(m) + coarse/2
		return n - ((n%coarse)+coarse)%coarse
	}
	switch v {
	case authority.Public:
		return place(p)
	case authority.Coarse:
		return &lanedb.Place{Lat: round(p.Lat), Lon: round(p.Lon)}
	}
	return nil
}

// Request is a service request as pages show it: the exact place is not in it.
type Request struct {
	ID          int64
	Directory   int64
	Category    string
	Language    locale.Tag
	Words       string
	Answers     map[string][]string
	Area        string
	Place       *authority.Point // as roughly as its category shows it
	Open        bool
	Day         appeal.Day
	Assignments []Assignment
}

// Assignment is one authority's part of a request.
type Assignment struct {
	Number    int64
	Authority string
	State     State
	Since     appeal.Day
	Step      int64 // to be given back to Move
}

// Request gives a request, or the fault lane.no_request.
func (l *Lane) Request(ctx context.Context, id int64) (Request, error) {
	kept, err := l.db.Request(ctx, id)
	if err != nil {
		return Request{}, err
	}
	out, err := shown(kept)
	if err != nil {
		return Request{}, err
	}
	all, err := l.db.Assignments(ctx, id)
	for _, a := range all {
		out.Assignments = append(out.Assignments, Assignment{a.Number, a.Authority, State(a.State), appeal.Day(a.Day), a.Step})
	}
	return out, err
}

func shown(r lanedb.Request) (Request, error) {
	out := Request{ID: r.ID, Directory: r.Directory, Category: r.Category, Language: locale.Tag(r.Language), Words: r.Words, Area: r.Area,
		Open: r.Open, Day: appeal.Day(r.Day)}
	if r.Public != nil {
		out.Place = &authority.Point{Lat: authority.Micro(r.Public.Lat), Lon: authority.Micro(r.Public.Lon)}
	}
	if err := json.Unmarshal([]byte(r.Answers), &out.Answers); err != nil {
		return Request{}, fmt.Errorf("read the answers of request %d: %w", r.ID, err)
	}
	return out, nil
}

// Held gives the request that a holder code belongs to. The faults are
// lane.bad_code and lane.unknown_code.
func (l *Lane) Held(ctx context.Context, code string) (int64, error) {
	holder, err := hashCode(code)
	if err != nil {
		return 0, err
	}
	return l.db.Held(ctx, holder)
}

// Move moves an assignment that stands at a step, as the table of transitions
// lets it, and writes it into the history. "Not ours" gives the new owner an
// assignment of its own. The faults are lane.transition, lane.needs, lane.moved
// (somebody was faster), lane.no_assignment, lane.no_request and authority.unknown.
//
// Who the actor is must have been shown before; Move believes it.
func (l *Lane) Move(ctx context.Context, assignment, step int64, m Move) error {
	a, err := l.db.Assignment(ctx, assignment)
	if err != nil {
		return err
	}
	if a.Step != step {
		return fault.Conflict("lane.moved", assignment)
	}
	kept, err := l.db.Request(ctx, a.Request)
	if err != nil {
		return err
	}
	_, r, err := l.Router(ctx, kept.Directory)
	if err != nil {
		return err
	}
	category, err := r.Category(kept.Category)
	if err != nil {
		return err
	}
	today := l.today()
	from := State(a.State)
	if err := m.check(from, category, today); err != nil {
		return err
	}
	var next *lanedb.Assignment
	switch m.To {
	case Redirected:
		if next, err = l.newOwner(ctx, r, a, m.Owner, today); err != nil {
			return err
		}
	case Merged:
		if _, err := l.db.Request(ctx, m.Into); err != nil {
			return err
		}
		if m.Into == a.Request {
			return fault.Invalid("lane.needs", string(m.To), "request")
		}
	}
	e := Event{Day: today, By: m.By, Authority: a.Authority, From: from, To: m.To, Reason: m.Reason, On: m.On, Owner: m.Owner,
		Reference: m.Number, Picture: m.Picture, Into: m.Into}
	a.State, a.Day = string(m.To), string(today)
	return l.db.MoveAssignment(ctx, a, next, func(s string) bool { return State(s).Open() }, e.write)
}

// newOwner makes the assignment of the authority whose a request is said to be.
// One that it has already and is open is not doubled.
func (l *Lane) newOwner(ctx context.Context, r *authority.Router, a lanedb.Assignment, owner string, today appeal.Day) (*lanedb.Assignment, error) {
	if _, err := r.Authority(owner); err != nil {
		return nil, err
	}
	if owner == a.Authority {
		return nil, fault.Invalid("lane.needs", string(Redirected), "owner")
	}
	all, err := l.db.Assignments(ctx, a.Request)
	if err != nil {
		return nil, err
	}
	for _, other := range all {
		if other.Authority == owner && State(other.State).Open() {
			return nil, nil
		}
	}
	return &lanedb.Assignment{Request: a.Request, Authority: owner, State: string(Routed), Day: string(today)}, nil
}
