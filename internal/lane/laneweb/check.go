package laneweb

import (
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"kua/internal/authority"
	"kua/internal/fault"
	"kua/internal/lane"
	"kua/internal/locale"
	"kua/internal/page"
)

// queueShown is how much of the queue one page shows.
const queueShown = 50

// queuePage is what waits to be looked at, for a checker.
type queuePage struct {
	base
	Token        string
	First, Later int64 // how many wait for a first and for another look
	Queue, Again []queued
	Added        []queued // words that were added later
	Stopped      []queued // whose letters their authorities refuse
	Done         bool
}

type queued struct {
	ID                        int64
	Href, Words, Day, In, Who string
	Causes                    []string
}

// Rest is how many more wait than are shown.
func (p queuePage) Rest() int64 { return p.First + p.Later - int64(len(p.Queue)+len(p.Again)) }

// checker gives whose link it is. No page of it is for an index, and looking at
// one changes nothing.
func (w *Web) checker(v *visit) (lane.Checker, string, error) {
	v.rw.Header().Set("X-Robots-Tag", "noindex, nofollow, noarchive")
	token := v.PathValue("token")
	c, err := w.lane.CheckerOf(v.Context(), token)
	return c, "/check/" + token, err
}

// queue shows what waits, or leads to the report whose number was asked for.
func (w *Web) queue(v *visit) error {
	_, at, err := w.checker(v)
	if err != nil {
		return err
	}
	p := queuePage{base: w.base(v, at, "check.title"), Token: v.PathValue("token"), Done: v.URL.Query().Get("done") == "1"}
	if n, err := strconv.ParseInt(strings.TrimSpace(v.URL.Query().Get("report")), 10, 64); err == nil && n > 0 {
		http.Redirect(v.rw, v.Request, p.At(at+"/"+strconv.FormatInt(n, 10)), http.StatusSeeOther)
		return nil
	}
	if p.First, p.Later, err = w.lane.QueueLength(v.Context()); err != nil {
		return err
	}
	for again, into := range map[bool]*[]queued{false: &p.Queue, true: &p.Again} {
		all, err := w.lane.Queue(v.Context(), again, 0, queueShown)
		if err != nil {
			return err
		}
		for _, one := range all {
			q := queued{ID: one.Request.ID, Href: p.At(at + "/" + strconv.FormatInt(one.Request.ID, 10)), Words: short(one.Request.Words), Day: v.lang.Date(string(one.Hold.Since)),
				Causes: w.causes(v.lang, one.Hold.Causes, true)}
			if one.Request.Language != v.lang {
				q.In = one.Request.Language.HTML()
			}
			*into = append(*into, q)
		}
	}
	if p.Added, err = w.addedQueue(v, p.base, at); err != nil {
		return err
	}
	if p.Stopped, err = w.stopped(v, p.base, at); err != nil {
		return err
	}
	w.set.Show(v.rw, "check", p.Base, p)
	return nil
}

// causes says why a report waits; a checker sees also what was found.
func (w *Web) causes(lang locale.Tag, all []lane.Cause, found bool) (said []string) {
	for _, c := range all {
		s := w.cat.T(lang, "check.cause."+string(c.Rule))
		if found && c.Found != "" {
			s += " " + w.cat.T(lang, "check.found", c.Found)
		}
		said = append(said, s)
	}
	return said
}

// lookPage is one report for a checker, and the one that it may be merged into.
type lookPage struct {
	base
	Token         string
	Queue         string // address of the queue
	One           checked
	Into          *checked
	Skip          string // address of the next that waits
	Grounds       []named
	Trouble, Hint string
	Reason        string // what was typed and not taken
}

// checked is a report as a checker sees it.
type checked struct {
	P                              casePage
	ID                             int64
	Words, Href                    string
	Exact, To                      string
	Causes                         []string
	Alike                          []near
	Shots                          []shot
	Deciders                       []string // who decided before: for the collective alone
	Seen                           int      // events
	CanPass, CanWithdraw, CanMerge bool
	Held                           []heldWords
	Nobody                         bool    // it waits, and nobody is named to whom it would go
	Owners                         []named // to whom the collective can give it then
	Again                          bool    // it is another look
}

// Told gives what is told to the template that shows it, with all pictures.
func (c checked) Told() sheet {
	c.P.Told.Photos = c.Shots
	return sheet{c.P.base, c.P.Told}
}

// lookAt shows one report to a checker, and another one beside it.
func (w *Web) lookAt(v *visit) error { return w.showCheck(v, nil) }

func (w *Web) showCheck(v *visit, trouble error) error {
	_, at, err := w.checker(v)
	if err != nil {
		return err
	}
	id, err := v.id()
	if err != nil {
		return err
	}
	number := strconv.FormatInt(id, 10)
	p := lookPage{base: w.base(v, at+"/"+number, "check.one", number), Token: v.PathValue("token")}
	p.Queue = p.At(at)
	if p.One, err = w.checked(v, at, id); err != nil {
		return err
	}
	into := v.URL.Query().Get("into")
	if v.form != nil {
		into = v.form.Get("into")
		p.Reason = clean(v.form.Get("reason"))
	}
	if into = strings.TrimSpace(into); into != "" && trouble == nil {
		n, err := strconv.ParseInt(into, 10, 64)
		if err != nil || n < 1 || n == id {
			trouble = fault.Conflict("lane.merge_into", cut(into))
		} else if other, err := w.checked(v, at, n); err != nil {
			trouble = err
		} else {
			p.Into = &other
		}
	}
	for _, g := range lane.Grounds {
		p.Grounds = append(p.Grounds, named{ID: string(g), Name: p.T("check.ground." + string(g)), Chosen: v.form.Get("ground") == string(g)})
	}
	if p.Skip, err = w.nextWaiting(v, p.base, at, id, p.One.Again); err != nil {
		return err
	}
	if trouble != nil {
		p.Trouble, p.Hint = p.Fault(trouble)
	}
	return w.show(v, "checked", p.Base, p, trouble)
}

// nextWaiting gives the address of the next report of the same queue, or of the queue.
func (w *Web) nextWaiting(v *visit, b base, at string, id int64, again bool) (string, error) {
	all, err := w.lane.Queue(v.Context(), again, id, 1)
	if err != nil || len(all) == 0 {
		return b.At(at), err
	}
	return b.At(at + "/" + strconv.FormatInt(all[0].Request.ID, 10)), nil
}

// checked gathers a report with all that is shown to nobody else.
func (w *Web) checked(v *visit, at string, id int64) (c checked, err error) {
	if c.P, err = w.casePage(v, id, true); err != nil {
		return c, err
	}
	r, err := w.lane.Request(v.Context(), id)
	if err != nil {
		return c, err
	}
	router, err := w.lane.RouterOf(v.Context(), r)
	if err != nil {
		return c, err
	}
	hold, _, err := w.lane.Hold(v.Context(), id)
	if err != nil {
		return c, err
	}
	number := strconv.FormatInt(id, 10)
	c.ID, c.Words, c.Href, c.Seen, c.Again = id, short(r.Words), c.P.At(at+"/"+number), len(c.P.History), hold.Again
	c.Causes = w.causes(v.lang, hold.Causes, true)
	for _, a := range r.Assignments {
		waits := a.State == lane.AwaitingCheck
		if waits {
			c.To = v.authority(router, a.Authority)
		}
		can := r.Matter.Next(a.State, lane.ByHouse)
		_, err := v.router.Authority(a.Authority)
		c.CanPass = c.CanPass || waits && err == nil
		c.Nobody = c.Nobody || waits && err != nil
		c.CanWithdraw = c.CanWithdraw || waits
		c.CanMerge = c.CanMerge || slices.Contains(can, lane.Merged)
	}
	if c.Nobody {
		for _, a := range v.router.Directory().Authorities {
			c.Owners = append(c.Owners, named{ID: a.ID, Name: a.Names.In(v.lang), Chosen: a.ID == v.form.Get("owner")})
		}
	}
	if c.Held, err = w.heldWords(v, id, ""); err != nil {
		return c, err
	}
	exact, err := w.lane.ExactForCheck(v.Context(), id)
	if err != nil {
		return c, err
	}
	if exact != nil {
		c.Exact = exact.String()
		// Which way it would go is said of the place that it tells, not of the one that it shows.
		routing := router.Route(authority.Query{Category: r.Category, At: exact, On: r.Day})
		c.P.Why, c.P.Doubts = w.say(v.lang, routing.Why), w.say(v.lang, routing.Doubts)
	}
	if c.Alike, err = w.alike(v, c.P.base, at, r, exact); err != nil {
		return c, err
	}
	pictures, err := w.lane.Pictures(v.Context(), id)
	if err != nil {
		return c, err
	}
	c.Shots = w.shots(c.P.base, pictures[id])
	for i := range c.Shots {
		s := &c.Shots[i]
		s.Large = c.Href + "/picture/" + s.Hash + ".jpg"
		s.Small = c.Href + "/picture/" + pictures[id][i].Small + ".jpg"
	}
	names, err := w.lane.CheckedBy(v.Context(), id)
	for event := range int64(c.Seen) {
		if name := names[event+1]; name != "" {
			c.Deciders = append(c.Deciders, w.cat.T(v.lang, "check.decided", event+1, name))
		}
	}
	return c, err
}

// alike lists reports in much the same words, and open ones close by.
func (w *Web) alike(v *visit, b base, at string, r lane.Request, exact *authority.Point) (all []near, err error) {
	same, err := w.lane.Alike(v.Context(), r.Words)
	if err != nil {
		return nil, err
	}
	d := lane.Draft{Category: r.Category, Words: r.Words, At: exact}
	if exact == nil {
		d.Area = r.Area
	}
	nearby, err := w.lane.Nearby(v.Context(), d)
	if err != nil && !errors.Is(err, fault.NotFound("authority.unknown")) {
		return nil, err
	}
	for _, n := range nearby {
		same = append(same, n.Request)
	}
	seen := map[int64]bool{r.ID: true}
	for _, other := range same {
		if seen[other.ID] {
			continue
		}
		seen[other.ID] = true
		one := near{ID: other.ID, Href: b.At(at + "/" + strconv.FormatInt(r.ID, 10) + "?into=" + strconv.FormatInt(other.ID, 10)), Words: short(other.Words), Day: b.Date(string(other.Day))}
		if other.Language != v.lang {
			one.In = other.Language.HTML()
		}
		all = append(all, one)
	}
	return all, nil
}

// checkPicture sends a picture of a report to a checker.
func (w *Web) checkPicture(v *visit) error {
	if _, _, err := w.checker(v); err != nil {
		return err
	}
	id, err := v.id()
	if err != nil {
		return err
	}
	hash, ok := strings.CutSuffix(v.PathValue("name"), ".jpg")
	if !ok {
		return fault.NotFound("page.not_found")
	}
	f, err := w.lane.OpenForCheck(v.Context(), id, hash)
	if errors.Is(err, fault.NotFound("lane.no_picture")) {
		return fault.NotFound("page.not_found")
	}
	if err != nil {
		return err
	}
	defer f.Close()
	_ = http.NewResponseController(v.rw).SetWriteDeadline(time.Now().Add(page.LongWait))
	v.rw.Header().Set("Content-Type", "image/jpeg")
	http.ServeContent(v.rw, v.Request, "", time.Time{}, f)
	return nil
}

// decide takes a checker's decision and leads back to the queue.
func (w *Web) decide(v *visit) error {
	c, at, err := w.checker(v)
	if err != nil {
		return err
	}
	id, err := v.id()
	if err != nil {
		return err
	}
	seen, err := strconv.ParseInt(v.form.Get("seen"), 10, 64)
	if err != nil {
		return fault.Invalid("laneweb.bad_form")
	}
	if v.form.Has("addition") {
		return w.decideAddition(v, at, lane.AdditionCheck{Checker: c.Number, Request: id, Seen: seen, Reason: oneLineEnd(v.form.Get("reason"))})
	}
	d := lane.Check{Checker: c.Number, Request: id, Seen: seen, Reason: oneLineEnd(v.form.Get("reason"))}
	switch v.form.Get("do") {
	case "pass":
		d.To, d.Owner = lane.Routed, v.form.Get("owner")
	case "withdraw":
		d.To, d.Ground = lane.Withdrawn, lane.Ground(v.form.Get("ground"))
	case "merge":
		d.To = lane.Merged
		if d.Into, err = strconv.ParseInt(v.form.Get("into"), 10, 64); err != nil {
			return fault.Invalid("laneweb.bad_form")
		}
	default:
		return fault.Invalid("laneweb.bad_form")
	}
	return w.decided(v, at, w.lane.Decide(v.Context(), d))
}

// decided leads back to the queue, or shows the report again with why not.
func (w *Web) decided(v *visit, at string, err error) error {
	if f, ok := fault.Of(err); ok && (f.Kind == fault.KindInvalid || f.Kind == fault.KindConflict || f.Kind == fault.KindNotFound) {
		return w.showCheck(v, err)
	}
	if err != nil {
		return err
	}
	b := page.NewBase(w.cat, v.lang, "", Root+at)
	http.Redirect(v.rw, v.Request, b.Href(Root+at)+"?done=1", http.StatusSeeOther)
	return nil
}

// askAgain brings a report of a holder that the house withdrew or merged back before it.
func (w *Web) askAgain(v *visit) error {
	if err := w.knownAndFew(v); err != nil {
		return w.notBegun(v, err)
	}
	err := w.lane.AskAgain(v.Context(), v.form.Get(codeField), oneLineEnd(v.form.Get("again")), v.lang, v.form.Get(awareField) == "yes")
	if f, ok := fault.Of(err); ok && (f.Kind == fault.KindInvalid || f.Kind == fault.KindConflict) {
		return w.showMine(v, err)
	}
	if err != nil {
		return w.mistyped(v, err)
	}
	return w.showMine(v, nil)
}

// holding is what the holder of a held report is told: why it waits, and whether
// another look can be asked for.
type holding struct {
	Causes []string
	Asked  bool // another look was asked for
	May    bool
	Typed  string
}

func (w *Web) holding(v *visit, id int64) (out holding, err error) {
	r, err := w.lane.Request(v.Context(), id)
	if err != nil {
		return out, err
	}
	hold, ok, err := w.lane.Hold(v.Context(), id)
	if err != nil {
		return out, err
	}
	if ok && slices.ContainsFunc(r.Assignments, func(a lane.Assignment) bool { return a.State == lane.AwaitingCheck }) {
		out.Causes, out.Asked = w.causes(v.lang, hold.Causes, false), hold.Again
	}
	_, out.May, err = w.lane.MayAskAgain(v.Context(), id)
	out.Typed = clean(v.form.Get("again"))
	return out, err
}
