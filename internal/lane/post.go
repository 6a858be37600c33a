package lane

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"kua/internal/appeal"
	"kua/internal/authority"
	"kua/internal/fault"
	"kua/internal/lane/lanedb"
	"kua/internal/locale"
	"kua/internal/pledge"
)

// maxAhead is how many days ahead an authority may speak.
const maxAhead = 3660

// Post is what an authority says to everybody: an announcement or a pledge.
type Post struct {
	Matter    Matter
	By        Actor // ByOfficial, or ByHouse: the collective, which writes down what an authority said elsewhere
	Authority string
	Area      string // "": wherever it is responsible
	Category  string // "": none
	Language  locale.Tag
	Words     string
	Begins    appeal.Day // of an announcement; of a pledge ""
	Ends      appeal.Day // of an announcement; of a pledge the day by which it is to be kept
	Once      string     // the same again is the same post; "": another one
}

func (p Post) fits(today appeal.Day) error {
	begins := p.Begins
	if p.Matter == Pledge {
		begins = p.Ends
	}
	switch tag, ok := locale.Parse(string(p.Language)); {
	case !p.Matter.Post():
		return fault.Invalid("lane.no_post", string(p.Matter))
	case !ok || tag != p.Language:
		return fault.Invalid("lane.language", string(p.Language))
	case strings.TrimSpace(p.Words) == "" || !plain(p.Words, maxText):
		return fault.Invalid("lane.text", maxText)
	case !day(p.Ends, today) || p.Ends > today.Plus(maxAhead) || !day(begins, "0001-01-01") || begins > p.Ends:
		return fault.Invalid("lane.post_days", string(today))
	}
	return publicWords(p.Words)
}

// AddPost keeps a post, for everybody to see at once. Who speaks must have been shown
// before; AddPost believes it. The faults are lane.no_post, lane.language,
// lane.text, lane.public_words, lane.post_days (it is over already, ends before it begins, or lies too far ahead) and authority.unknown.
func (l *Lane) AddPost(ctx context.Context, p Post) (id int64, err error) {
	v, r, err := l.Current(ctx)
	if err != nil {
		return 0, err
	}
	today := l.today()
	if err := p.fits(today); err != nil {
		return 0, err
	}
	if _, err := r.Authority(p.Authority); err != nil {
		return 0, err
	}
	if p.Area != "" {
		_, err = r.Area(p.Area)
	}
	if err == nil && p.Category != "" {
		_, err = r.Category(p.Category)
	}
	if err != nil {
		return 0, err
	}
	// The hash is no code's, so nobody is its holder: an authority judges no pledge of its own.
	once := hashToken("post", p.Authority+"\n"+cmp.Or(p.Once, NewCode()))
	kept := lanedb.Request{Kind: string(p.Matter), Directory: v.Number, Category: p.Category, Language: string(p.Language), Words: p.Words, Answers: "{}", Area: p.Area,
		Search: locale.SearchText(p.Words), Visibility: string(authority.Public), Day: string(today), Begins: string(p.Begins), Ends: string(p.Ends)}
	first := lanedb.Assignment{Authority: p.Authority, State: string(Planned), Day: string(today)}
	begin := Event{Day: today, By: p.By, Authority: p.Authority, To: Planned, Words: p.Words, Begins: p.Begins, On: p.Ends}
	id, _, err = l.db.AddRequest(ctx, kept, once, first, begin.write)
	return id, err
}

// Correction is how a post reads from now on.
type Correction struct {
	Request, Step int64 // as its writer saw it
	By            Actor
	Words         string
	Begins, Ends  appeal.Day // of an announcement; of a pledge "": its day stays
	Reason        string
}

// Correct gives a post other words, an announcement other days too. What stood before
// stays in its history. The faults are lane.no_request, lane.no_post, lane.post_over
// (it was kept or taken back), lane.moved, lane.needs (a reason), lane.text, lane.public_words, lane.pledge_day and lane.post_days.
func (l *Lane) Correct(ctx context.Context, c Correction) error {
	r, err := l.Request(ctx, c.Request)
	if err != nil {
		return err
	}
	if !r.Matter.Post() {
		return fault.Invalid("lane.no_post", string(r.Matter))
	}
	a, today := r.Assignments[0], l.today()
	if a.State != Planned {
		return fault.Conflict("lane.post_over", c.Request)
	}
	if a.Step != c.Step {
		return fault.Conflict("lane.moved", a.Number)
	}
	if strings.TrimSpace(c.Reason) == "" {
		return fault.Invalid("lane.needs", string(Planned), "reason")
	}
	if !plain(c.Reason, maxText) {
		return fault.Invalid("lane.text", maxText)
	}
	if err := publicWords(c.Words, c.Reason); err != nil {
		return err
	}
	now := Post{Matter: r.Matter, Language: r.Language, Words: c.Words, Begins: c.Begins, Ends: c.Ends}
	if r.Matter == Pledge {
		if c.Begins != "" || c.Ends != "" && c.Ends != r.Ends {
			return fault.Conflict("lane.pledge_day", r.ID)
		}
		if strings.TrimSpace(c.Words) == "" || !plain(c.Words, maxText) {
			return fault.Invalid("lane.text", maxText)
		}
		now.Begins, now.Ends = "", r.Ends
	} else if err := now.fits(today); err != nil {
		return err
	}
	e := Event{Day: today, By: c.By, Authority: a.Authority, From: Planned, To: Planned, Words: c.Words, Begins: now.Begins, On: now.Ends, Reason: c.Reason, Corrects: true}
	return l.db.CorrectPost(ctx, lanedb.Post{Request: r.ID, Assignment: a.Number, Step: a.Step, Words: c.Words, Begins: string(now.Begins), Ends: string(now.Ends)}, e.write)
}

// Retract takes a post back, with a reason that everybody reads. The faults are those of Move.
func (l *Lane) Retract(ctx context.Context, request int64, by Actor, reason string) error {
	r, err := l.Request(ctx, request)
	if err != nil {
		return err
	}
	if !r.Matter.Post() {
		return fault.Invalid("lane.no_post", string(r.Matter))
	}
	return l.Move(ctx, r.Assignments[0].Number, r.Assignments[0].Step, Move{To: Withdrawn, By: by, Reason: reason})
}

// PledgeStanding works out how a pledge stands today; said is what people say of
// the authority's word that it is kept.
func (l *Lane) PledgeStanding(ctx context.Context, r Request, said Said) (pledge.Standing, error) {
	_, router, err := l.Current(ctx)
	if err != nil {
		return pledge.Standing{}, err
	}
	return l.pledgeStands(router, r, said), nil
}

func (l *Lane) pledgeStands(router *authority.Router, r Request, said Said) pledge.Standing {
	d, today := router.Directory(), l.today()
	if law, err := d.Book.Law(d.Info.Country); err == nil {
		today = l.dayIn(law.Zone)
	}
	a := r.Assignments[slices.IndexFunc(r.Assignments, func(a Assignment) bool { return a.Authority != "" })]
	f := pledge.Facts{Due: r.Ends, TakenBack: a.State == Withdrawn, Yes: said.Others[SaysMended], Contrary: said.Others[SaysPartly] + said.Others[SaysNot]}
	if a.State == Mended {
		f.Kept = a.Since
	}
	return pledge.Stand(f, router.Calendar(a.Authority), today)
}
