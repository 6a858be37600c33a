package lane

import (
	"context"
	"strings"

	"kua/internal/authority"
	"kua/internal/fault"
	"kua/internal/lane/lanedb"
	"kua/internal/locale"
)

// Asking is a public question before it is sent.
type Asking struct {
	Code      string // of NewCode; the same code again is the same question
	Authority string
	Language  locale.Tag
	Words     string
	Aware     bool // was shown the sealed lane and wants to ask in public
}

// ReviewAsking holds a question against the rules of reports and says what would
// become of it; nothing is kept. The faults are authority.unknown, lane.language
// and lane.text.
func (l *Lane) ReviewAsking(ctx context.Context, a Asking) (Review, error) {
	_, out, err := l.reviewAsking(ctx, a)
	return out, err
}

func (l *Lane) reviewAsking(ctx context.Context, a Asking) (v Version, out Review, err error) {
	v, r, err := l.Current(ctx)
	if err != nil {
		return v, out, err
	}
	if _, err := r.Authority(a.Authority); err != nil {
		return v, out, err
	}
	if tag, ok := locale.Parse(string(a.Language)); !ok || tag != a.Language {
		return v, out, fault.Invalid("lane.language", string(a.Language))
	}
	if strings.TrimSpace(a.Words) == "" || !plain(a.Words, maxText) {
		return v, out, fault.Invalid("lane.text", maxText)
	}
	if out.Danger, err = Danger(a.Words, a.Language); err != nil {
		return v, out, err
	}
	out.Category.Visibility = authority.Public
	out.Routing = authority.Routing{Authority: a.Authority}
	if out.Causes, out.marks, err = l.causes(ctx, Draft{Words: a.Words}, out); err != nil {
		return v, out, err
	}
	if out.State = Routed; len(out.Causes) > 0 {
		out.State = AwaitingCheck
	}
	out.Hidden = hides(out.Causes)
	return v, out, nil
}

// SubmitQuestion keeps a question as a request that goes to the authority that it names. The
// faults are those of ReviewAsking, lane.bad_code and lane.danger (words of danger,
// and the asker is not aware).
func (l *Lane) SubmitQuestion(ctx context.Context, a Asking) (Sent, error) {
	holder, err := hashCode(a.Code)
	if err != nil {
		return Sent{}, err
	}
	v, review, err := l.reviewAsking(ctx, a)
	if err != nil {
		return Sent{}, err
	}
	if len(review.Danger) > 0 && !a.Aware {
		return Sent{}, fault.Conflict("lane.danger", strings.Join(review.Danger, ", "))
	}
	today := l.today()
	kept := lanedb.Request{Kind: string(Question), Directory: v.Number, Language: string(a.Language), Words: a.Words, Answers: "{}",
		Search: locale.SearchText(a.Words), Visibility: string(authority.Public), Day: string(today),
		Hold: keptHold(review.Causes, authority.Public, today), Marks: review.marks}
	if review.Hidden {
		kept.Visibility = string(authority.Held)
	}
	first := lanedb.Assignment{Authority: a.Authority, State: string(review.State), Day: string(today)}
	begin := Event{Day: today, By: ByHolder, Authority: a.Authority, To: review.State}
	id, fresh, err := l.db.AddRequest(ctx, kept, holder, first, begin.write)
	return Sent{id, fresh, review.Routing}, err
}
