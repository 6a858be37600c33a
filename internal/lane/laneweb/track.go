package laneweb

import (
	"kua/internal/appeal"
	"kua/internal/authority"
	"kua/internal/fault"
	"kua/internal/lane"
	"kua/internal/locale"
)

// track is a formal appeal as a page shows it. Of numbers and reasons it holds
// only what the page's reader has the code for.
type track struct {
	Begun   bool
	Legs    []leg
	Overdue int    // days
	Refused string // since when silence counts as a refusal
	Doubts  []string
	Unclear string // why nothing can be said of it
}

// tracked is a track for the template that all pages share.
type tracked struct {
	P     base
	Track track
}

// Stamp gives a day and who attests it to the template that shows them.
func (t tracked) Stamp(s stamp) stamped { return stamped{t.P, s} }

type stamped struct {
	P base
	S stamp
}

// Tracked gives the page and its track to the template that shows it.
func (p casePage) Tracked() tracked { return tracked{p.base, p.Track} }

// Tracked gives the page and its track to the template that shows it.
func (p officialPage) Tracked() tracked { return tracked{p.base, p.Track} }

// leg is an appeal's stay with one authority: the four times, each with who attests it.
type leg struct {
	Authority                        string
	Submitted, Delivered, Registered stamp
	Number                           string // "" for whoever has no code
	Due                              string
	DueSteps, DueDoubts              []string
	NoDue                            string
	Longer                           *longer
	PassOn                           string
	PassedLate                       bool
	Closed                           string // what ended it
	Ended                            stamp
}

type stamp struct{ Day, By string }

type longer struct {
	Said          stamp
	Until, Reason string
	Beyond        bool
}

// trackOf shows an appeal. The code says that its reader is its holder.
func (w *Web) trackOf(v *visit, routers []*authority.Router, a lane.Appeal, holder bool) track {
	t := track{Begun: len(a.Entries) > 0, Doubts: w.say(v.lang, a.Standing.Doubts)}
	if a.Standing.Overdue {
		t.Overdue = a.Standing.DaysOver
	}
	if a.Standing.Refused != "" {
		t.Refused = v.lang.Date(string(a.Standing.Refused))
	}
	for _, l := range a.Standing.Legs {
		one := leg{Authority: w.whoIn(routers, l.Authority, v.lang), Submitted: w.stamp(v.lang, l.Submitted), Delivered: w.stamp(v.lang, l.Delivered),
			Registered: w.stamp(v.lang, l.Registered), PassedLate: l.PassedLate, Ended: w.stamp(v.lang, l.Ended)}
		if holder {
			one.Number = l.Number
		}
		if l.Due != nil {
			one.Due, one.DueSteps, one.DueDoubts = v.lang.Date(string(l.Due.Day)), w.say(v.lang, l.Due.Steps), w.say(v.lang, l.Due.Doubts)
		}
		if f, ok := fault.Of(l.NoDue); ok {
			one.NoDue = w.cat.Say(v.lang, locale.Say(f.Key, f.Args...))
		}
		if l.PassOn != nil && l.Closed == "" {
			one.PassOn = v.lang.Date(string(l.PassOn.Day))
		}
		if x := l.Extension; x != nil {
			one.Longer = &longer{w.stamp(v.lang, x.Stamp), v.lang.Date(string(x.Until)), "", x.Beyond}
			if holder {
				one.Longer.Reason = x.Reason
			}
		}
		if l.Closed != "" {
			one.Closed = w.cat.T(v.lang, "official.act."+string(l.Closed))
		}
		t.Legs = append(t.Legs, one)
	}
	return t
}

func (w *Web) stamp(lang locale.Tag, s appeal.Stamp) stamp {
	if s.Day == "" {
		return stamp{}
	}
	return stamp{lang.Date(string(s.Day)), w.cat.T(lang, "letter.by."+string(s.By))}
}

// whoIn is nameIn for those with whom an appeal can lie, which can be a body that none knows.
func (w *Web) whoIn(routers []*authority.Router, id string, lang locale.Tag) string {
	if id == lane.Elsewhere {
		return w.cat.T(lang, "official.elsewhere")
	}
	return nameIn(routers, id, lang)
}

// nameIn names an authority by the first directory that knows it: the newest, or
// the one that a request was routed by.
func nameIn(routers []*authority.Router, id string, lang locale.Tag) string {
	for _, r := range routers {
		if names := r.AuthorityNames(id); names != nil {
			return names.In(lang)
		}
	}
	return id
}

// publicTrack is what everybody sees of the second track of a request. Where no
// appeal can be made there is none.
func (w *Web) publicTrack(v *visit, router *authority.Router, id int64, begun bool) (track, error) {
	a, err := w.lane.Unbegun(v.Context())
	if begun {
		a, err = w.lane.Appeal(v.Context(), id, "")
	}
	if f, ok := fault.Of(err); ok && (f.Key == "appeal.no_law" || f.Key == "appeal.no_road") {
		return track{Unclear: w.cat.Say(v.lang, locale.Say(f.Key, f.Args...))}, nil
	}
	return w.trackOf(v, []*authority.Router{v.router, router}, a, false), err
}
