package lane

import (
	"context"
	"net/url"
	"slices"
	"strings"

	"kua/internal/appeal"
	"kua/internal/fault"
	"kua/internal/lane/lanedb"
)

// Result is what came of a request in the end.
type Result string

// The results. None has room for a name: persons stand in what the link leads to.
const (
	ResultMended      Result = "mended"
	ResultCompensated Result = "compensated"
	ResultDisciplined Result = "disciplined" // an official was
	ResultDismissed   Result = "dismissed"   // an official was
	ResultProsecuted  Result = "prosecuted"  // somebody is
	ResultNothing     Result = "nothing"
)

// Results are all.
var Results = []Result{ResultMended, ResultCompensated, ResultDisciplined, ResultDismissed, ResultProsecuted, ResultNothing}

// maxLink is the most bytes of a link.
const maxLink = 500

// Outcome is what came of a request, and who says so.
type Outcome struct {
	Number  int64 // of its event in the history
	What    Result
	Link    string     // https, where it can be read; "" for none
	On      appeal.Day // when it came about
	Attests Actor      // ByHolder or ByHouse
	Struck  int64      // number of the event that took it back; 0: it stands
}

// AddOutcome keeps an outcome that the collective attests; who calls it must have
// been shown to be of the collective. The same again changes nothing. The faults
// are lane.result, lane.link, lane.outcome_day, lane.no_request and lane.outcomes.
func (l *Lane) AddOutcome(ctx context.Context, request int64, o Outcome) error {
	r, err := l.Request(ctx, request)
	if err != nil {
		return err
	}
	today, err := l.countryToday(ctx) // after midnight there it is still yesterday here
	if err != nil {
		return err
	}
	if !slices.Contains(Results, o.What) {
		return fault.Invalid("lane.result", string(o.What))
	}
	if o.Link != "" && !evidence(o.Link) {
		return fault.Invalid("lane.link", maxLink)
	}
	if day, err := appeal.ParseDay(string(o.On)); err != nil || day == "" || day < r.Day || day > today {
		return fault.Invalid("lane.outcome_day", string(r.Day))
	}
	e := Event{Day: l.today(), By: o.Attests, Outcome: o.What, Link: o.Link, On: o.On}
	return l.db.AddOutcome(ctx, lanedb.Outcome{Request: request, What: string(o.What), Link: o.Link, Day: string(o.On), Attests: string(o.Attests)}, e.write)
}

// AddHolderOutcome is AddOutcome by whoever holds the code, who attests it; its
// faults are those and lane.bad_code and lane.unknown_code.
func (l *Lane) AddHolderOutcome(ctx context.Context, code string, o Outcome) error {
	id, err := l.Held(ctx, code)
	if err != nil {
		return err
	}
	o.Attests = ByHolder
	return l.AddOutcome(ctx, id, o)
}

// StrikeOutcome has the collective take an outcome back that was told wrongly; it
// stays in the history with the reason. The faults are lane.needs, lane.text,
// lane.no_request and lane.no_outcome.
func (l *Lane) StrikeOutcome(ctx context.Context, request, number int64, reason string) error {
	if strings.TrimSpace(reason) == "" || !plain(reason, maxText) {
		return fault.Invalid("lane.text", maxText)
	}
	if _, err := l.Request(ctx, request); err != nil {
		return err
	}
	e := Event{Day: l.today(), By: ByHouse, Strikes: number, Reason: reason}
	return l.db.StrikeOutcome(ctx, request, number, e.write)
}

// Outcomes gives the outcomes of requests, by request, in the order in which
// they were told; those taken back are among them.
func (l *Lane) Outcomes(ctx context.Context, requests ...int64) (map[int64][]Outcome, error) {
	kept, err := l.db.Outcomes(ctx, requests...)
	all := map[int64][]Outcome{}
	for _, o := range kept {
		all[o.Request] = append(all[o.Request], Outcome{o.Event, Result(o.What), o.Link, appeal.Day(o.Day), Actor(o.Attests), o.Struck})
	}
	return all, err
}

// evidence reports a link that can be shown to everybody: https, to a host with
// a name, without a password, and in signs that cannot be taken for others.
func evidence(link string) bool {
	if len(link) > maxLink || strings.ContainsFunc(link, func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune("\"<>\\^`{|}", r) }) {
		return false
	}
	u, err := url.Parse(link)
	return err == nil && u.Scheme == "https" && u.User == nil && strings.Contains(u.Hostname(), ".") && !strings.HasSuffix(u.Hostname(), ".")
}
