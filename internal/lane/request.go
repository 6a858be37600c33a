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

// maxLandmark is the most signs of a place in words.
const maxLandmark = 200

// Draft is a service request before it is sent.
type Draft struct {
	Code     string // of NewCode; the same code again is the same request
	Category string
	Language locale.Tag
	Words    string
	Landmark string              // where, in words that everybody reads; none where the category shows places coarsely
	Answers  map[string][]string // by question
	At       *authority.Point    // a point, or
	Area     string              // an area of the list
	Aware    bool                // was shown the sealed lane and wants to tell it in public
	Pictures []string            // hashes that AddPicture gave, at most MaxPictures
	Unworked bool                // came under load without the work of Challenge
}

// Sent says what became of a draft.
type Sent struct {
	ID      int64
	Fresh   bool // false: this code was sent before
	Routing authority.Routing
}

// Review is what is known of a draft before anything of it is kept.
type Review struct {
	Category authority.Category
	Routing  authority.Routing
	State    State            // with which it would begin
	Place    *authority.Point // as everybody would see it
	Danger   []string         // words that can mean danger
	Causes   []Cause          // why it would wait to be looked at
	Hidden   bool             // and that nobody would see it until then

	marks []int64 // of its words
}

// Review holds a draft against what its category asks and says what would become
// of it; nothing is kept. Its faults are those of Submit but for lane.bad_code
// and lane.danger: the words of danger are given.
func (l *Lane) Review(ctx context.Context, d Draft) (Review, error) {
	_, out, err := l.review(ctx, d)
	return out, err
}

func (l *Lane) review(ctx context.Context, d Draft) (v Version, out Review, err error) {
	v, r, err := l.Current(ctx)
	if err != nil {
		return v, out, err
	}
	if out.Category, err = r.Category(d.Category); err != nil {
		return v, out, err
	}
	if out.Danger, err = d.check(out.Category); err != nil {
		return v, out, err
	}
	if err := l.check(ctx, d.Pictures); err != nil {
		return v, out, err
	}
	out.Routing = r.Route(authority.Query{Category: d.Category, At: d.At, Area: d.Area, On: l.today()})
	if len(out.Routing.Areas) == 0 {
		return v, out, fault.Invalid("lane.place")
	}
	if d.At != nil {
		out.Place = shownPlace(public(*d.At, out.Category.Visibility))
	}
	out.State = Routed
	if out.Causes, out.marks, err = l.causes(ctx, d, out); err != nil {
		return v, out, err
	}
	if len(out.Causes) > 0 {
		out.State = AwaitingCheck // a person looks before it goes anywhere
	}
	out.Hidden = hides(out.Causes)
	return v, out, nil
}

// Submit keeps a draft as a service request, routed, with its history begun. It
// is on the disk when Submit returns. The faults are lane.bad_code,
// authority.unknown, lane.sealed (the category belongs to the sealed lane),
// lane.danger (words of danger, and the writer is not aware), lane.text,
// lane.answer, lane.place, lane.no_picture, lane.too_many_pictures and
// lane.no_directory.
func (l *Lane) Submit(ctx context.Context, d Draft) (Sent, error) {
	holder, err := hashCode(d.Code)
	if err != nil {
		return Sent{}, err
	}
	v, review, err := l.review(ctx, d)
	if err != nil {
		return Sent{}, err
	}
	if len(review.Danger) > 0 && !d.Aware {
		return Sent{}, fault.Conflict("lane.danger", strings.Join(review.Danger, ", "))
	}
	answered, err := json.Marshal(d.Answers)
	if err != nil {
		return Sent{}, fmt.Errorf("keep the answers: %w", err)
	}
	today := l.today()
	kept := lanedb.Request{Directory: v.Number, Category: d.Category, Language: string(d.Language), Words: d.Words, Landmark: d.Landmark,
		Answers: string(answered), Area: review.Routing.Areas[0], Search: locale.SearchText(d.said(review.Category)),
		Visibility: string(review.Category.Visibility), Day: string(today), Pictures: uses(Before, d.Pictures...),
		Hold: keptHold(review.Causes, review.Category.Visibility, today), Marks: review.marks}
	if review.Hidden {
		kept.Visibility = string(authority.Held) // whatever shows reports shows none that is held
	}
	if d.At != nil {
		kept.Exact = place(*d.At)
		kept.Public = public(*d.At, authority.Visibility(kept.Visibility))
	}
	first := lanedb.Assignment{Authority: review.Routing.Authority, State: string(review.State), Day: string(today)}
	if first.Authority == "" {
		first.Authority = review.Routing.Fallback
	}
	begin := Event{Day: today, By: ByHolder, Authority: first.Authority, To: State(first.State), Pictures: d.Pictures}
	id, fresh, err := l.db.AddRequest(ctx, kept, holder, first, begin.write)
	return Sent{id, fresh, review.Routing}, err
}

// check holds a draft against what its category asks, and gives its words of danger.
func (d Draft) check(category authority.Category) (danger []string, err error) {
	if category.Sealed {
		return nil, fault.Conflict("lane.sealed", category.ID)
	}
	if tag, ok := locale.Parse(string(d.Language)); !ok || tag != d.Language {
		return nil, fault.Invalid("lane.language", string(d.Language))
	}
	if strings.TrimSpace(d.Words) == "" || !plain(d.Words, maxText) {
		return nil, fault.Invalid("lane.text", maxText)
	}
	if (d.At == nil) == (d.Area == "") {
		return nil, fault.Invalid("lane.place")
	}
	for id := range d.Answers {
		if !slices.ContainsFunc(category.Questions, func(q authority.Question) bool { return q.ID == id }) {
			return nil, fault.Invalid("lane.answer", id)
		}
	}
	if !plain(d.Landmark, maxLandmark) || d.Landmark != "" && category.Visibility == authority.Coarse {
		return nil, fault.Invalid("lane.landmark", maxLandmark) // words that name the place would undo the coarse point
	}
	for _, q := range category.Questions {
		if !fits(q, d.Answers[q.ID]) {
			return nil, fault.Invalid("lane.answer", q.ID)
		}
	}
	return Danger(d.said(category), d.Language)
}

// said is everything that a draft says in words of its writer's own.
func (d Draft) said(category authority.Category) string {
	said := d.Words + " " + d.Landmark
	for _, q := range category.Questions {
		if q.Kind == authority.Text {
			said += " " + strings.Join(d.Answers[q.ID], " ")
		}
	}
	return said
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

// oneLine is plain for a text of one line.
func oneLine(s string, maxSigns int) bool {
	return plain(s, maxSigns) && !strings.ContainsAny(s, "\r\n\t")
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
	Matter      Matter
	Directory   int64
	Category    string
	Language    locale.Tag
	Words       string
	Landmark    string
	Answers     map[string][]string
	Area        string
	Place       *authority.Point // as roughly as its category shows it
	Visibility  authority.Visibility
	Open        bool
	Day         appeal.Day
	Begins      appeal.Day // of an announcement
	Ends        appeal.Day // of an announcement; of a pledge: the day by which it is to be kept
	Source      string     // of a case that was taken over: from which system; "": it was told here
	Assignments []Assignment
}

// Assignment is one authority's part of a request.
type Assignment struct {
	Number    int64
	Authority string
	State     State
	Since     appeal.Day
	Step      int64 // to be given back to Move
	Answer    int64 // number of the event by which it was last answered; 0: never
	Standing  Standing
}

// Request gives a request, or the fault lane.no_request.
func (l *Lane) Request(ctx context.Context, id int64) (Request, error) {
	kept, all, err := l.db.RequestWhole(ctx, id)
	if err != nil {
		return Request{}, err
	}
	out, err := shown(kept)
	if err != nil {
		return Request{}, err
	}
	for _, a := range all {
		out.Assignments = append(out.Assignments, shownAssignment(a))
	}
	return out, nil
}

func shownAssignment(a lanedb.Assignment) Assignment {
	return Assignment{a.Number, a.Authority, State(a.State), appeal.Day(a.Day), a.Step, a.Answer, Standing(a.Standing)}
}

// Hidden reports a request that everybody may know to wait and nothing more: its
// category is held, and nobody has let it through.
func (r Request) Hidden() bool {
	return r.Visibility == authority.Held && !slices.ContainsFunc(r.Assignments, func(a Assignment) bool { return !slices.Contains(unseen, a.State) })
}

// unseen are the states of an assignment that nobody may have let through. A
// request that was let through and then withdrawn is hidden again.
var unseen = []State{AwaitingCheck, Withdrawn, Merged}

func unseenStates() (all []string) {
	for _, s := range unseen {
		all = append(all, string(s))
	}
	return all
}

func shownPlace(p *lanedb.Place) *authority.Point {
	if p == nil {
		return nil
	}
	return &authority.Point{Lat: authority.Micro(p.Lat), Lon: authority.Micro(p.Lon)}
}

func shown(r lanedb.Request) (Request, error) {
	out := Request{ID: r.ID, Matter: Matter(r.Kind), Begins: appeal.Day(r.Begins), Ends: appeal.Day(r.Ends), Directory: r.Directory, Category: r.Category, Language: locale.Tag(r.Language), Words: r.Words,
		Landmark: r.Landmark, Area: r.Area, Place: shownPlace(r.Public), Visibility: authority.Visibility(r.Visibility), Open: r.Open, Day: appeal.Day(r.Day), Source: r.Source}
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
// (somebody was faster), lane.no_assignment, lane.no_request, lane.no_picture and
// authority.unknown.
//
// Who the actor is must have been shown before; Move believes it.
func (l *Lane) Move(ctx context.Context, assignment, step int64, m Move) error {
	a, e, next, err := l.tried(ctx, assignment, step, m)
	if err != nil {
		return err
	}
	a.State, a.Day = string(m.To), string(e.Day)
	var shows []lanedb.Use
	if m.Picture != "" {
		shows = uses(Proof, m.Picture)
	}
	shows = append(shows, uses(Added, m.Pictures...)...)
	if m.Account != 0 {
		return l.db.MoveByAccount(ctx, m.Account, string(e.Day), a, next, open, e.write, shows...)
	}
	return l.db.MoveAssignment(ctx, a, next, open, e.write, shows...)
}

// tried holds a move against all that Move does, and changes nothing.
func (l *Lane) tried(ctx context.Context, assignment, step int64, m Move) (a lanedb.Assignment, e Event, next *lanedb.Assignment, err error) {
	if a, err = l.db.Assignment(ctx, assignment); err != nil {
		return a, e, nil, err
	}
	if a.Step != step {
		return a, e, nil, fault.Conflict("lane.moved", assignment)
	}
	return l.triedFrom(ctx, a, State(a.State), m)
}

// triedFrom is tried for an assignment that stands, or is about to stand, in a state.
func (l *Lane) triedFrom(ctx context.Context, a lanedb.Assignment, from State, m Move) (_ lanedb.Assignment, e Event, next *lanedb.Assignment, err error) {
	kept, err := l.db.Request(ctx, a.Request)
	if err != nil {
		return a, e, nil, err
	}
	r, err := l.RouterOf(ctx, Request{Directory: kept.Directory})
	if err != nil {
		return a, e, nil, err
	}
	category := authority.Category{Proof: authority.NoProof} // of what is no report
	if kept.Kind == string(Report) {
		if category, err = r.Category(kept.Category); err != nil {
			return a, e, nil, err
		}
	}
	today := l.today()
	if err := m.check(Matter(kept.Kind), from, category, today); err != nil {
		return a, e, nil, err
	}
	switch m.To {
	case Redirected:
		if next, err = l.newOwner(ctx, a, m.Owner, today); err != nil {
			return a, e, nil, err
		}
	case Merged:
		if _, err := l.db.Request(ctx, m.Into); err != nil {
			return a, e, nil, err
		}
		if m.Into == a.Request {
			return a, e, nil, fault.Invalid("lane.needs", string(m.To), "request")
		}
	}
	return a, Event{Day: today, By: m.By, Authority: a.Authority, From: from, To: m.To, Reason: m.Reason, On: m.On, Owner: m.Owner,
		Reference: m.Number, Picture: m.Picture, Pictures: m.Pictures, Into: m.Into, Update: m.Update}, next, nil
}

// newOwner makes the assignment of the authority whose a request is said to be: one of the
// newest directory, since who is bound can be another one than when the request came.
// One that it has already and is open is not doubled.
func (l *Lane) newOwner(ctx context.Context, a lanedb.Assignment, owner string, today appeal.Day) (*lanedb.Assignment, error) {
	if _, err := l.authorityNow(ctx, owner); err != nil {
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
