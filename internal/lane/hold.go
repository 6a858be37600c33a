package lane

import (
	"context"
	"strings"

	"kua/internal/appeal"
	"kua/internal/authority"
	"kua/internal/lane/lanedb"
	"kua/internal/locale"
)

// Rule is why a report waits for a person.
type Rule string

// The rules.
const (
	ByCategory Rule = "category" // whose reports are all looked at first
	ByNobody   Rule = "nobody"   // nobody is bound to it
	ByDanger   Rule = "danger"   // words of danger, and the writer is aware
	ByLink     Rule = "link"     // an address of a page, of mail or of a messenger
	ByNumber   Rule = "number"   // a telephone's number, a person's or an account's
	ByAlike    Rule = "alike"    // much the same words came several times
	ByLoad     Rule = "load"     // it came under load and without the work that was asked for
)

// Cause is a rule that holds a report, and what it found there.
type Cause struct {
	Rule  Rule
	Found string
}

// maxFound is the most signs of what a rule found that are kept beside a report.
const maxFound = 200

// Hold is that a report waits, or waited, to be looked at.
type Hold struct {
	Causes     []Cause
	Visibility authority.Visibility // which it gets when it is let through
	Again      bool                 // its holder asked for another look
	Since      appeal.Day
}

// Hold gives why a report waits or waited; ok is false for one that never did.
func (l *Lane) Hold(ctx context.Context, request int64) (h Hold, ok bool, err error) {
	kept, ok, err := l.db.HoldOf(ctx, request)
	return held(kept), ok, err
}

func held(k lanedb.Hold) Hold {
	h := Hold{Visibility: authority.Visibility(k.Visibility), Again: k.Again, Since: appeal.Day(k.Since)}
	for _, c := range k.Causes {
		h.Causes = append(h.Causes, Cause{Rule(c.Rule), c.Found})
	}
	return h
}

// causes says why a draft is to be looked at first, and gives the marks of its words.
func (l *Lane) causes(ctx context.Context, d Draft, r Review) (all []Cause, marks []int64, err error) {
	if r.Category.Visibility == authority.Held {
		all = append(all, Cause{Rule: ByCategory})
	}
	if r.Routing.Authority == "" {
		all = append(all, Cause{Rule: ByNobody})
	}
	said, marks, err := l.saidCauses(ctx, d.said(r.Category), d.Words, r.Danger)
	all = append(all, said...)
	if d.Unworked {
		all = append(all, Cause{Rule: ByLoad})
	}
	return all, marks, err
}

// saidCauses are those that lie in what is said; words are what is compared with
// other reports, by the marks that are given.
func (l *Lane) saidCauses(ctx context.Context, said, words string, danger []string) (all []Cause, marks []int64, err error) {
	add := func(rule Rule, found []string) {
		if len(found) > 0 {
			letters := []rune(strings.Join(found, ", "))
			all = append(all, Cause{rule, string(letters[:min(len(letters), maxFound)])})
		}
	}
	add(ByDanger, danger)
	add(ByLink, links(said))
	add(ByNumber, numbers(said))
	marks, many, err := l.tooAlike(ctx, words)
	if many {
		all = append(all, Cause{Rule: ByAlike})
	}
	return all, marks, err
}

// hides reports causes for which nothing of a report is shown before it was
// looked at. That nobody is bound is no such cause.
func hides(all []Cause) bool {
	for _, c := range all {
		if c.Rule != ByNobody {
			return true
		}
	}
	return false
}

// keptHold is what is kept of why a draft waits.
func keptHold(all []Cause, v authority.Visibility, today appeal.Day) *lanedb.Hold {
	if len(all) == 0 {
		return nil
	}
	h := &lanedb.Hold{Visibility: string(v), Since: string(today)}
	for _, c := range all {
		h.Causes = append(h.Causes, lanedb.Cause{Rule: string(c.Rule), Found: c.Found})
	}
	return h
}

// AskAgain brings a report that the house withdrew or merged back before
// it, once, with its holder's words. They are read by everybody if it is let
// through. The faults are lane.bad_code, lane.unknown_code, lane.text,
// lane.danger, lane.public_words, lane.not_refused, lane.asked_again and lane.moved.
func (l *Lane) AskAgain(ctx context.Context, code, words string, lang locale.Tag, aware bool) error {
	id, err := l.Held(ctx, code)
	if err != nil {
		return err
	}
	if err := ownWords(words, lang, aware); err != nil {
		return err
	}
	a, may, err := l.MayAskAgain(ctx, id)
	if err != nil {
		return err
	}
	if !may {
		return notRefused(ctx, l, id)
	}
	r, err := l.Request(ctx, id)
	if err != nil {
		return err
	}
	if !r.Hidden() { // everybody reads them at once
		if err := publicWords(words); err != nil {
			return err
		}
	}
	today := l.today()
	e := Event{Day: today, By: ByHolder, Authority: a.Authority, From: a.State, To: AwaitingCheck, Reason: words}
	moved := lanedb.Assignment{Number: a.Number, Request: id, Authority: a.Authority, State: string(AwaitingCheck), Day: string(today), Step: a.Step}
	return l.db.AskAgain(ctx, moved, lanedb.Hold{Request: id, Visibility: string(r.Visibility), Since: string(today)}, open, e.write)
}
