package laneweb

import (
	"net/url"
	"strconv"

	"kua/internal/appeal"
	"kua/internal/fault"
	"kua/internal/lane"
	"kua/internal/locale"
)

// boardPage is what an authority said to everybody, for its accounts, and the
// forms by which it says more.
type boardPage struct {
	base
	Desk                desk
	Today, Code         string // Code: the same form sent twice is one post
	Tongues, Categories []named
	Forms               []postForm
	Posts               []post
	More, Made          string
	Trouble, Hint       string
}

// postForm is the form of one kind of post, with what was typed and not taken.
type postForm struct {
	P        *boardPage
	Do, Name string
	Open     bool
	Typed    lane.Post
	Area     chooser
}

func (w *Web) board(v *visit, me lane.Account) error {
	var made int64
	var typed lane.Post
	var trouble error
	d, looks := v.router.Directory(), v.form.Has(closerField) // for an area: nothing is said yet
	if v.form != nil {
		if !looks {
			trouble = settle(v.form, v.router)
		}
		typed = lane.Post{Matter: lane.Matter(v.form.Get("do")), By: lane.ByOfficial, Authority: me.Authority, Area: v.form.Get(areaField), Category: v.form.Get("what"),
			Language: locale.Tag(v.form.Get("language")), Words: oneLineEnd(v.form.Get(wordsField)), Begins: appeal.Day(v.form.Get("begins")),
			Ends: appeal.Day(v.form.Get("ends")), Once: v.form.Get(codeField)}
		if !looks && trouble == nil {
			made, trouble = w.lane.AddPost(v.Context(), typed)
		}
		if f, ok := fault.Of(trouble); trouble != nil && (!ok || f.Kind == fault.KindInternal) {
			return trouble
		}
	}
	p := boardPage{base: w.base(v, "/office/board", "voice.post"), Today: string(w.lane.Today()), Code: lane.NewCode()}
	p.Desk = w.desk(v, p.base, me)
	if trouble != nil {
		p.Trouble, p.Hint = p.Fault(trouble)
	} else if made > 0 {
		typed = lane.Post{}
		p.Made = p.At("/case/" + strconv.FormatInt(made, 10))
	}
	typed.Words = clean(typed.Words)
	for _, k := range d.Categories {
		if !k.Sealed {
			p.Categories = append(p.Categories, named{ID: k.ID, Name: k.Names.In(v.lang), Chosen: k.ID == typed.Category})
		}
	}
	for _, tag := range locale.Tags() {
		if tag.Automatic() {
			continue
		}
		p.Tongues = append(p.Tongues, named{ID: string(tag), Name: tag.Name(), Chosen: tag == typed.Language || typed.Language == "" && tag == v.lang})
	}
	for _, m := range []lane.Matter{lane.Announcement, lane.Pledge} {
		f := postForm{P: &p, Do: string(m), Name: p.T("voice." + string(m) + ".make")}
		in := url.Values{}
		if typed.Matter == m {
			f.Open, f.Typed, in = true, typed, v.form
		}
		id := f.Do + "-area"
		f.Area = w.chooser(v, p.base, in, chooser{ID: id, Empty: "laneweb.all", Post: p.At("/office/board") + "#" + id})
		p.Forms = append(p.Forms, f)
	}
	before, _ := strconv.ParseInt(v.URL.Query().Get("before"), 10, 64) // what is no number is the beginning
	found, err := w.lane.List(v.Context(), lane.Filter{Of: me.Authority, Matters: []lane.Matter{lane.Announcement, lane.Pledge}, Before: before, Limit: onPage + 1})
	if err != nil {
		return err
	}
	if len(found) > onPage {
		found = found[:onPage]
		p.More = p.At("/office/board?before=" + strconv.FormatInt(found[onPage-1].ID, 10))
	}
	if p.Posts, err = w.posts(v, p.base, found); err != nil {
		return err
	}
	for i, r := range found { // its own page here, where it can be corrected
		if r, err = w.lane.Request(v.Context(), r.ID); err != nil {
			return err
		}
		p.Posts[i].Href = p.At("/office/part/" + strconv.FormatInt(r.Assignments[0].Number, 10))
	}
	return w.show(v, "office-board", p.Base, p, trouble)
}

// correcting is how a post reads, or what was typed for it and not taken.
type correcting struct {
	Words, Begins, Ends, Reason string
	Typed                       bool
}

// correcting gives what an authority can correct of what it said; nil for nothing.
func (w *Web) correcting(v *visit, r lane.Request, a lane.Assignment) *correcting {
	if !r.Matter.Post() || a.State != lane.Planned {
		return nil
	}
	if v.form.Has("correct") {
		return &correcting{clean(v.form.Get(wordsField)), clean(v.form.Get("begins")), clean(v.form.Get("ends")), clean(v.form.Get("reason")), true}
	}
	return &correcting{Words: r.Words, Begins: string(r.Begins), Ends: string(r.Ends)}
}

// correct takes a correction, by an account, and shows the page anew.
func (w *Web) correct(v *visit, r lane.Request, show func(trouble error, done bool) error) error {
	step, err := strconv.ParseInt(v.form.Get("step"), 10, 64)
	if err != nil {
		return fault.Invalid("laneweb.bad_form")
	}
	err = w.lane.Correct(v.Context(), lane.Correction{Request: r.ID, Step: step, By: lane.ByOfficial, Words: oneLineEnd(v.form.Get(wordsField)),
		Begins: appeal.Day(v.form.Get("begins")), Ends: appeal.Day(v.form.Get("ends")), Reason: oneLineEnd(v.form.Get("reason"))})
	if f, ok := fault.Of(err); err != nil && ok && (f.Kind == fault.KindInvalid || f.Kind == fault.KindConflict) {
		return show(err, false)
	}
	if err != nil {
		return err
	}
	v.form.Del("correct")
	return show(nil, true)
}
