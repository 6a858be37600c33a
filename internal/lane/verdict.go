package lane

import (
	"context"
	"slices"
	"strings"

	"kua/internal/appeal"
	"kua/internal/fault"
	"kua/internal/lane/lanedb"
)

// VerdictWords are what can be said of an answer.
var VerdictWords = []Word{SaysMended, SaysPartly, SaysNot}

// Verdict is what somebody who had the trouble says of an answer.
type Verdict struct {
	Code       string // of the holder, or of a supporter who came before the answer
	Assignment int64
	Answer     int64 // the number of the answer's event, as the page showed it
	Says       Word
	Words      string // for everybody to read; "" for none
	Picture    string // hash of a picture that is kept; "" for none
	Aware      bool   // was shown the sealed lane and wants to tell it in public
}

// Judge keeps a verdict, once for each code and answer, in the history and in
// the counts. A holder who says that it is not mended, or only partly, opens the
// request again; supporters' verdicts open nothing. Words that the rules of holding stop wait for a
// checker (Additions); the verdict itself does not. The faults are lane.bad_code,
// lane.unknown_code, lane.verdict (no such word), lane.text, lane.danger,
// lane.no_assignment, lane.no_answer, lane.judged, lane.came_later, lane.moved, lane.no_picture and lane.verdict_wordless:
// the verdict counts, and its words are not kept, since as many as may wait do already.
func (l *Lane) Judge(ctx context.Context, v Verdict) error {
	hash, err := hashCode(v.Code)
	if err != nil {
		return err
	}
	who, err := l.db.Person(ctx, hash)
	if err != nil {
		return err
	}
	if !slices.Contains(VerdictWords, v.Says) {
		return fault.Invalid("lane.verdict")
	}
	if !plain(v.Words, maxText) || !plain(v.Picture, 200) {
		return fault.Invalid("lane.text", maxText)
	}
	r, err := l.Request(ctx, who.Request)
	if err != nil {
		return err
	}
	found, err := Danger(v.Words, r.Language)
	if err != nil {
		return err
	}
	if len(found) > 0 && !v.Aware {
		return fault.Conflict("lane.danger", strings.Join(found, ", "))
	}
	i := slices.IndexFunc(r.Assignments, func(a Assignment) bool { return a.Number == v.Assignment })
	if i < 0 {
		return fault.NotFound("lane.no_assignment", v.Assignment)
	}
	a, today := r.Assignments[i], l.today()
	said := Event{Day: today, By: BySupporter, Authority: a.Authority, From: a.State, To: a.State, Verdict: v.Says, Answer: v.Answer, Words: v.Words, Picture: v.Picture}
	reopening := Event{Day: today, By: ByHolder, Authority: a.Authority, From: a.State, To: InWork}
	var reopened *lanedb.Assignment
	if who.Holder {
		if said.By = ByHolder; v.Says != SaysMended {
			reopened = &lanedb.Assignment{State: string(InWork), Day: string(today)}
		}
	}
	var shows []lanedb.Use
	if v.Picture != "" {
		shows = uses(After, v.Picture)
	}
	seen := lanedb.Assignment{Number: a.Number, Request: r.ID, Step: a.Step, Answer: v.Answer}
	var waits *lanedb.Addition
	if strings.TrimSpace(v.Words) != "" && !r.Hidden() {
		causes, err := l.addingCauses(ctx, r, v.Words)
		if err != nil {
			return err
		}
		if len(causes) > 0 {
			held, err := l.waiting(r.ID, said.By, v.Code, v.Words, causes)
			if err != nil {
				return err
			}
			held.Assignment, held.Answer = a.Number, v.Answer
			waits, said.Words = &held, ""
		}
	}
	return l.db.AddVerdict(ctx, lanedb.Verdict{Assignment: seen, Person: hash, Says: string(v.Says), Day: string(today), Pictures: shows, Waits: waits}, additionsMost, said.write, reopened, open, reopening.write)
}

// Who is whoever comes back with a code.
type Who struct {
	Request int64
	Holder  bool // else a supporter
	Asked   []Asked
}

// Asked is an answer that somebody with a code is asked about.
type Asked struct {
	Assignment, Answer int64
	Authority          string
	State              State
	Since              appeal.Day
	Said               Word // what they said of it before; "": nothing yet
	Late               bool // they came after the answer and do not judge it
}

// Who gives whose a code is and what they are asked. The faults are lane.bad_code
// and lane.unknown_code.
func (l *Lane) Who(ctx context.Context, code string) (Who, error) {
	hash, err := hashCode(code)
	if err != nil {
		return Who{}, err
	}
	p, err := l.db.Person(ctx, hash)
	if err != nil {
		return Who{}, err
	}
	w := Who{Request: p.Request, Holder: p.Holder}
	all, err := l.db.Assignments(ctx, p.Request)
	if err != nil {
		return Who{}, err
	}
	said, err := l.db.JudgedBy(ctx, p.Request, hash)
	for _, a := range all {
		if State(a.State).judged() {
			w.Asked = append(w.Asked, Asked{Assignment: a.Number, Answer: a.Answer, Authority: a.Authority, State: State(a.State), Since: appeal.Day(a.Day),
				Said: Word(said[a.Number]), Late: !p.Holder && p.Since >= a.Answer})
		}
	}
	return w, err
}

// Said is what people say of an assignment's last answer: its holder, and
// supporters by their number.
type Said struct {
	Holder Word // "": nothing
	Others map[Word]int64
}

// None reports that nobody says anything.
func (s Said) None() bool { return s.Holder == "" && len(s.Others) == 0 }

// Verdicts gives what is said of the last answers of requests, by assignment.
// One of which nothing is said is not among them.
func (l *Lane) Verdicts(ctx context.Context, requests ...int64) (map[int64]Said, error) {
	kept, err := l.db.Verdicts(ctx, requests...)
	all := make(map[int64]Said, len(kept))
	for number, k := range kept {
		s := Said{Holder: Word(k.Holder), Others: map[Word]int64{}}
		for word, n := range map[Word]int64{SaysMended: k.Mended, SaysPartly: k.Partly, SaysNot: k.Nope} {
			if n > 0 {
				s.Others[word] = n
			}
		}
		all[number] = s
	}
	return all, err
}

// Standing gives how a case stands as a whole: the first of these that one of
// its assignments has, so that the case is confirmed when nothing about it is
// disputed, silent or without a verdict. One that was taken over from elsewhere
// stands no way: "".
func (r Request) Standing() Standing {
	if len(r.Assignments) == 0 { // it was taken over
		return ""
	}
	for _, s := range []Standing{Disputed, Silent, Undelivered, Waiting, Declined, Claimed, Confirmed, Passed, TakenBack} {
		if slices.ContainsFunc(r.Assignments, func(a Assignment) bool { return a.Standing == s }) {
			return s
		}
	}
	return Joined
}
