package laneweb

import (
	"slices"
	"strconv"

	"kua/internal/authority"
	"kua/internal/fault"
	"kua/internal/lane"
	"kua/internal/locale"
)

// of gives a sentence of a request in the words for what it is: a question is
// answered where a report is mended. What has no words of its own has a report's.
func (w *Web) of(lang locale.Tag, m lane.Matter, key string, args ...any) string {
	if own := "voice." + string(m) + "." + key; m != lane.Report && w.cat.Has(own) {
		return w.cat.T(lang, own, args...)
	}
	return w.cat.T(lang, "laneweb."+key, args...)
}

// days says of which days an authority speaks.
func (w *Web) days(lang locale.Tag, r lane.Request) string {
	switch {
	case r.Ends == "":
		return ""
	case r.Begins == "":
		return w.cat.T(lang, "voice.until", lang.Date(string(r.Ends)))
	case r.Begins == r.Ends:
		return lang.Date(string(r.Ends))
	}
	return w.cat.T(lang, "voice.from_until", lang.Date(string(r.Begins)), lang.Date(string(r.Ends)))
}

// standing says how an assignment stands. Reports alone are counted; a pledge
// stands as its day and those who waited for it say.
func (w *Web) standing(v *visit, r lane.Request, a lane.Assignment, said lane.Said) (lines []string, err error) {
	switch own := "voice." + string(r.Matter) + ".standing." + string(a.Standing); {
	case r.Matter == lane.Report:
		return []string{w.cat.T(v.lang, "laneweb.standing."+string(a.Standing))}, nil
	case r.Matter == lane.Question && w.cat.Has(own):
		return []string{w.cat.T(v.lang, own)}, nil
	case r.Matter != lane.Pledge:
		return nil, nil
	}
	s, err := w.lane.PledgeStanding(v.Context(), r, said)
	if err != nil {
		return nil, err
	}
	lines = append(lines, w.cat.T(v.lang, "voice.pledge.is."+string(s.Word)))
	if s.Late > 0 {
		lines = append(lines, w.cat.T(v.lang, "voice.pledge.late", s.Late))
	}
	if s.Until != r.Ends {
		lines = append(append(lines, w.say(v.lang, s.Why)...), w.cat.T(v.lang, "voice.pledge.moved", v.lang.Date(string(s.Until))))
	}
	return append(lines, w.say(v.lang, s.Doubts)...), nil
}

// authorityAt is the address of an authority's page, "" for one that today's directory does not have.
func (b base) authorityAt(r *authority.Router, id string) string {
	if _, err := r.Authority(id); err != nil {
		return ""
	}
	return b.At("/authority/" + id)
}

// authorityPage is what an authority says to everybody and is asked in public.
type authorityPage struct {
	base
	Ask, Score, Feed string
	Boards           []board
}

// board is one list of an authority's page.
type board struct {
	Title string
	Posts []post
	More  string // the older ones
}

// post is one line of a board.
type post struct {
	Href, Words, In string
	Detail          []string
}

// boards are what an authority's page shows, in their order.
var boards = []lane.Matter{lane.Announcement, lane.Pledge, lane.Question}

func (w *Web) authority(v *visit) error {
	a, err := v.router.Authority(v.PathValue("id"))
	if err != nil {
		return err
	}
	p := authorityPage{base: w.base(v, "/authority/"+a.ID, "laneweb.open")}
	p.Title = a.Names.In(v.lang)
	p.Ask, p.Score, p.Feed = p.At("/ask/"+a.ID), p.At("/score/authority/"+a.ID), p.At("/authority/"+a.ID+"/feed")
	before, _ := strconv.ParseInt(v.URL.Query().Get("before"), 10, 64) // what is no number is the beginning
	for _, m := range boards {
		f := lane.Filter{Of: a.ID, Matters: []lane.Matter{m}, Limit: onPage + 1}
		if before > 0 {
			if string(m) != v.URL.Query().Get("of") {
				continue
			}
			f.Before = before
		}
		found, err := w.lane.List(v.Context(), f)
		if err != nil {
			return err
		}
		one := board{Title: p.T("voice.board." + string(m))}
		if len(found) > onPage {
			found = found[:onPage]
			one.More = p.At("/authority/" + a.ID + "?of=" + string(m) + "&before=" + strconv.FormatInt(found[onPage-1].ID, 10))
		}
		if one.Posts, err = w.posts(v, p.base, found); err != nil {
			return err
		}
		p.Boards = append(p.Boards, one)
	}
	w.set.Show(v.rw, "authority", p.Base, p)
	return nil
}

// posts gives the lines of what was found.
func (w *Web) posts(v *visit, b base, found []lane.Request) (all []post, err error) {
	var ids []int64
	for _, r := range found {
		ids = append(ids, r.ID)
	}
	said, err := w.lane.Verdicts(v.Context(), ids...)
	if err != nil {
		return nil, err
	}
	for _, r := range found {
		if r, err = w.lane.Request(v.Context(), r.ID); err != nil {
			return nil, err
		}
		t := w.told(v.lang, v.router, r)
		one := post{Href: b.At("/case/" + strconv.FormatInt(r.ID, 10)), Words: short(r.Words), In: t.In, Detail: []string{t.Category}}
		for _, part := range []string{t.Days, t.Area} {
			if part != "" {
				one.Detail = append(one.Detail, part)
			}
		}
		last := r.Assignments[len(r.Assignments)-1]
		lines, err := w.standing(v, r, last, said[last.Number])
		if err != nil {
			return nil, err
		}
		if r.Matter != lane.Pledge || last.State == lane.Withdrawn {
			lines = []string{w.of(v.lang, r.Matter, "state."+string(last.State))}
		}
		one.Detail = append(one.Detail, lines[0], b.Date(string(r.Day)))
		all = append(all, one)
	}
	return all, nil
}

// announced gives what authorities say to everybody that is not over: to one area, or "" to all.
func (w *Web) announced(v *visit, b base, area string) ([]post, error) {
	const most = 5
	f := lane.Filter{Live: w.lane.Today(), Open: new(true), Limit: most}
	if area != "" {
		f = w.said(v, area, f)
	}
	f.Matters = []lane.Matter{lane.Announcement}
	found, err := w.lane.List(v.Context(), f)
	if err != nil {
		return nil, err
	}
	return w.posts(v, b, found)
}

// said narrows a list to what authorities say that concerns an area: of it, of one in it, of one
// around it, or, naming none, of an authority that is bound there.
func (w *Web) said(v *visit, area string, f lane.Filter) lane.Filter {
	d := v.router.Directory()
	f.Matters, f.Areas, f.Anywhere = []lane.Matter{lane.Announcement, lane.Pledge}, slices.Concat(d.Around(area), d.Inside(area)), v.router.Bound(area, w.lane.Today())
	return f
}

// authorityFeed is the feed of an authority's page.
func (w *Web) authorityFeed(v *visit) error {
	a, err := v.router.Authority(v.PathValue("id"))
	if err != nil {
		return err
	}
	found, err := w.lane.List(v.Context(), lane.Filter{Of: a.ID, Matters: boards, Limit: onPage})
	if err != nil {
		return err
	}
	b := w.base(v, "/authority/"+a.ID, "laneweb.open")
	return w.writeFeed(v, b, a.Names.In(v.lang), uuid(v.router.Directory().Info.ID, "authority", a.ID), b.At("/authority/"+a.ID), found)
}

// questionPage asks an authority in public: first for the question, then whether
// it is to be asked as everybody would see it.
type questionPage struct {
	base
	Authority, Code, Words string
	Action                 string
	Look                   bool // it is shown as everybody would see it
	Held                   bool
	Causes                 []string
	Danger                 string
	Trouble, Hint          string
}

func (w *Web) question(v *visit) error {
	a, err := v.router.Authority(v.PathValue("id"))
	if err != nil {
		return err
	}
	name := a.Names.In(v.lang)
	p := questionPage{base: w.base(v, "/ask/"+a.ID, "voice.ask", name), Authority: name, Code: v.form.Get(codeField), Words: clean(v.form.Get(wordsField)), Action: "/ask/" + a.ID}
	if lane.CheckCode(p.Code) != nil {
		p.Code = lane.NewCode()
	}
	if v.form == nil || v.form.Get("do") == "change" {
		return w.show(v, "question", p.Base, p, nil)
	}
	q := lane.Asking{Code: v.form.Get(codeField), Authority: a.ID, Language: v.lang, Words: oneLineEnd(v.form.Get(wordsField)), Aware: v.form.Get(awareField) == "yes"}
	_, known := w.lane.Held(v.Context(), q.Code)
	review, err := w.lane.ReviewAsking(v.Context(), q)
	sends := v.form.Get("do") == "send"
	if f, ok := fault.Of(err); ok && f.Kind == fault.KindInvalid && !(sends && known == nil) {
		p.Trouble, p.Hint = p.Fault(err)
		return w.show(v, "question", p.Base, p, err)
	}
	if err != nil {
		return err
	}
	p.Look, p.Held, p.Causes = true, review.Hidden, w.causes(v.lang, review.Causes, false)
	for _, word := range review.Danger {
		if p.Danger != "" {
			p.Danger += ", "
		}
		p.Danger += word
	}
	if !sends || known != nil && p.Danger != "" && !q.Aware {
		return w.show(v, "question", p.Base, p, nil)
	}
	if known != nil {
		if err := w.takeFrom(v, w.inquiries); tooMuch(err) {
			p.Trouble, p.Hint = p.Fault(err)
			return w.show(v, "question", p.Base, p, err)
		} else if err != nil {
			return err
		}
	}
	sent, err := w.lane.SubmitQuestion(v.Context(), q)
	if err != nil {
		return err
	}
	return w.showDone(v, q.Code, sent)
}
