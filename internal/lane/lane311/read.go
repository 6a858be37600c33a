package lane311

import (
	"cmp"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"kua/internal/appeal"
	"kua/internal/authority"
	"kua/internal/fault"
	"kua/internal/lane"
	"kua/internal/locale"
	"kua/internal/open311"
)

// services lists what can be reported. What belongs to the sealed lane is not
// among it: nobody should tell it to another system first.
func (s *Server) services(v *visit) (open311.Document, error) {
	var all []open311.Service
	d := v.router.Directory()
	for _, c := range d.Categories {
		if c.Sealed {
			continue
		}
		name := c.Names.In(v.lang)
		one := open311.Service{Code: c.ID, Name: name, Description: name, Metadata: len(c.Questions) > 0, Type: "realtime"}
		if c.Visibility == authority.Held {
			one.Type = "batch" // a token first: somebody looks at it
		}
		if note := s.visibility(v.lang, c.Visibility); note != "" {
			one.Description += ". " + note
		}
		if parent, err := v.router.Category(c.Parent); err == nil {
			one.Group = parent.Names.In(v.lang)
		}
		all = append(all, one)
	}
	return open311.Services(all), nil
}

// visibility says what everybody will see of such a report, where it is not all.
func (s *Server) visibility(lang locale.Tag, v authority.Visibility) string {
	switch v {
	case authority.Coarse:
		return s.cat.T(lang, "lane311.coarse")
	case authority.Held:
		return s.cat.T(lang, "lane311.held")
	}
	return ""
}

// category gives an open category; of the sealed ones a service has none.
func (v *visit) category(code string) (authority.Category, error) {
	c, err := v.router.Category(code)
	if err != nil || c.Sealed {
		return authority.Category{}, fault.NotFound("lane311.no_service", code)
	}
	return c, nil
}

func (s *Server) definition(v *visit) (open311.Document, error) {
	code, _, err := resource(v.PathValue("one"))
	if err != nil {
		return open311.Document{}, err
	}
	c, err := v.category(code)
	if err != nil {
		return open311.Document{}, err
	}
	return s.asks(c, v.lang).Document(), nil
}

// asks turns a category's questions into attributes.
func (s *Server) asks(c authority.Category, lang locale.Tag) open311.Definition {
	d := open311.Definition{ServiceCode: c.ID}
	for i, q := range c.Questions {
		a := open311.Attribute{Variable: true, Code: q.ID, Required: q.Required, Order: i + 1, Description: q.Names.In(lang)}
		switch q.Kind {
		case authority.Number:
			a.Datatype = open311.Number
		case authority.Date:
			a.Datatype, a.Hint = open311.Datetime, s.cat.T(lang, "lane311.date")
		case authority.YesNo:
			a.Datatype = open311.SingleValueList
			a.Values = []open311.Value{{Key: "yes", Name: s.cat.T(lang, "laneweb.yes")}, {Key: "no", Name: s.cat.T(lang, "laneweb.no")}}
		case authority.One:
			a.Datatype = open311.SingleValueList
		case authority.Some:
			a.Datatype = open311.MultiValueList
		default:
			a.Datatype = open311.Text
		}
		for _, choice := range q.Choices {
			a.Values = append(a.Values, open311.Value{Key: choice.ID, Name: choice.Names.In(lang)})
		}
		d.Attributes = append(d.Attributes, a)
	}
	return d
}

// days gives the days that a time lies in and reaches to: of requests and events
// only the day is known, so a day that was touched counts.
func days(from, to time.Time) (appeal.Day, appeal.Day) { return day(from), day(to) }

func day(t time.Time) appeal.Day {
	if t.IsZero() {
		return ""
	}
	return appeal.Day(t.UTC().Format(time.DateOnly))
}

// wanted turns a query into what the lane is asked. none reports a query that
// nothing can answer.
func wanted(q open311.Query) (a lane.Inquiry, none bool) {
	a = lane.Inquiry{Categories: q.Codes, Limit: q.PageSize + 1, Skip: (q.Page - 1) * q.PageSize}
	if len(q.IDs) > 0 { // they override everything else
		a.Categories = nil
		for _, id := range q.IDs {
			if n, ok := number(id); ok {
				a.IDs = append(a.IDs, n)
			}
		}
		return a, len(a.IDs) == 0
	}
	a.From, a.To = days(q.From, q.To)
	a.ChangedFrom, a.ChangedTo = days(q.UpdatedAfter, q.UpdatedBefore)
	if open := slices.Contains(q.Statuses, "open"); open != slices.Contains(q.Statuses, "closed") {
		a.Open = &open
	}
	return a, false
}

// number reads an id as it is written, and in no other way.
func number(s string) (int64, bool) {
	n, err := strconv.ParseInt(s, 10, 64)
	return n, err == nil && n > 0 && strconv.FormatInt(n, 10) == s
}

func (s *Server) requests(v *visit, f open311.Format) (open311.Document, error) {
	q, problems := open311.ParseQuery(v.query, s.now())
	if q.Page > maxPages {
		problems = append(problems, fault.Invalid("open311.number", "page", maxPages))
	}
	asked, none := wanted(q)
	if before := v.param("before"); before != "" {
		n, ok := number(before)
		if !ok {
			problems = append(problems, fault.Invalid("lane311.cursor", "before"))
		}
		asked.Before = n
	}
	if len(problems) > 0 {
		return open311.Document{}, refused(problems)
	}
	if none {
		return open311.Requests(nil), nil
	}
	found, err := s.lane.Ask(v.Context(), asked)
	if err != nil {
		return open311.Document{}, err
	}
	if len(found) > q.PageSize {
		found = found[:q.PageSize]
		s.next(v, "requests", f, "before", strconv.FormatInt(found[q.PageSize-1].ID, 10), q)
	}
	var all []open311.Request
	for _, k := range found {
		one, err := s.told(v, k)
		if err != nil {
			return open311.Document{}, err
		}
		all = append(all, one)
	}
	return open311.Requests(all), nil
}

// maxPages bounds what is skipped to reach a page; the cursor needs no bound.
const maxPages = 1000

// next says in a header where the list goes on (RFC 8288), so that the body stays
// the standard's. The times are written out: the next call asks for the same.
func (s *Server) next(v *visit, name string, f open311.Format, cursor, value string, q open311.Query) {
	again := url.Values{}
	for name, values := range v.query {
		if name != "page" && name != "api_key" {
			again[name] = values
		}
	}
	again.Set(cursor, value)
	if len(q.IDs) == 0 {
		again.Set("start_date", q.From.UTC().Format(time.RFC3339))
		again.Set("end_date", q.To.UTC().Format(time.RFC3339))
	}
	v.rw.Header().Set("Link", fmt.Sprintf(`<%s%s%s.%s?%s>; rel="next"`, base(v.Request), Endpoint, name, f, again.Encode()))
}

func (s *Server) request(v *visit) (open311.Document, error) {
	id, _, err := resource(v.PathValue("one"))
	if err != nil {
		return open311.Document{}, err
	}
	k, err := s.known(v, id)
	if err != nil {
		return open311.Document{}, err
	}
	one, err := s.told(v, k)
	return open311.Requests([]open311.Request{one}), err
}

// known gives a request that everybody may see.
func (s *Server) known(v *visit, id string) (lane.Known, error) {
	n, ok := number(id)
	if !ok {
		return lane.Known{}, fault.NotFound("lane.no_request", id)
	}
	found, err := s.lane.Ask(v.Context(), lane.Inquiry{IDs: []int64{n}, Limit: 1})
	if err == nil && len(found) == 0 {
		err = fault.NotFound("lane.no_request", id)
	}
	if err != nil {
		return lane.Known{}, err
	}
	return found[0], nil
}

// token answers of what was sent and is not shown yet.
func (s *Server) token(v *visit) (open311.Document, error) {
	token, _, err := resource(v.PathValue("one"))
	if err != nil {
		return open311.Document{}, err
	}
	id, shown, err := s.lane.Ticketed(v.Context(), token)
	if err != nil {
		return open311.Document{}, err
	}
	if !shown {
		return open311.Token(token, ""), nil
	}
	return open311.Token(token, strconv.FormatInt(id, 10)), nil
}

// routerOf gives what a request was routed by. A list has few versions.
func (s *Server) routerOf(v *visit, r lane.Request) (*authority.Router, error) {
	if known := v.routers[r.Directory]; known != nil {
		return known, nil
	}
	router, err := s.lane.RouterOf(v.Context(), r)
	if err != nil {
		return nil, err
	}
	if v.routers == nil || len(v.routers) > 8 {
		v.routers = make(map[int64]*authority.Router)
	}
	v.routers[r.Directory] = router
	return router, nil
}

// told is a request as everybody may read it.
func (s *Server) told(v *visit, k lane.Known) (open311.Request, error) {
	router, err := s.routerOf(v, k.Request)
	if err != nil {
		return open311.Request{}, err
	}
	r := open311.Request{ID: strconv.FormatInt(k.ID, 10), Status: "closed", ServiceCode: k.Category, ServiceName: k.Category, Description: k.Words,
		Requested: midnight(string(k.Day)), Updated: midnight(string(k.Changed())), Address: k.Area, AddressID: k.Area}
	if k.Open {
		r.Status = "open"
	}
	if c, err := router.Category(k.Category); err == nil {
		r.ServiceName = c.Names.In(v.lang)
	}
	if a, err := router.Area(k.Area); err == nil {
		r.Address = a.Names.In(v.lang)
	}
	if k.Landmark != "" {
		r.Address = k.Landmark + ", " + r.Address
	}
	if k.Place != nil {
		r.Place = &open311.Point{Lat: float64(k.Place.Lat) / 1e6, Long: float64(k.Place.Lon) / 1e6}
	}
	var notices, agencies []string
	if router.Directory().Info.MadeUp {
		notices = append(notices, s.cat.T(v.lang, "lane311.made_up"))
	}
	if k.Source != "" {
		notices = append(notices, s.cat.T(v.lang, "lane311.imported", k.Source))
	}
	if k.Visibility == authority.Coarse {
		notices = append(notices, s.cat.T(v.lang, "lane311.coarse"))
	}
	for _, a := range k.Assignments {
		if name := v.authority(router, a.Authority); name != "" && (a.State.Open() || !k.Open) && !slices.Contains(agencies, name) {
			agencies = append(agencies, name)
		}
		if a.State == lane.Planned {
			r.Expected = promised(k.History, a.Authority)
		}
	}
	r.Agency, r.Notice = strings.Join(agencies, ", "), strings.Join(notices, " ")
	if len(k.Pictures) > 0 {
		r.MediaURL = pictureAt(v, k.Pictures[0].Hash)
	}
	if last := k.History[len(k.History)-1]; last.Number > 1 || last.Source != "" {
		r.StatusNotes = s.say(v, router, last)
	}
	return r, nil
}

// pictureAt is where a picture of a request is seen; "" for none.
func pictureAt(v *visit, hash string) string {
	if hash == "" {
		return ""
	}
	return base(v.Request) + "/" + v.lang.Path() + "/open/picture/" + hash + ".jpg"
}

// promised is the day that an authority has named last.
func promised(history []lane.Event, authority string) time.Time {
	for _, e := range slices.Backward(history) {
		if e.Authority == authority && e.To == lane.Planned {
			return midnight(string(e.On))
		}
	}
	return time.Time{}
}

// authority names one that has to do with a request: by the directory by which that was routed or,
// where it came to it later, by the newest.
func (v *visit) authority(routed *authority.Router, id string) string {
	for _, r := range []*authority.Router{routed, v.router} {
		if names := r.AuthorityNames(id); names != nil {
			return names.In(v.lang)
		}
	}
	return id
}

// say tells an event in words: who, what it became, and what was said to it.
func (s *Server) say(v *visit, r *authority.Router, e lane.Event) string {
	who, lang := v.authority(r, e.Authority), v.lang
	if e.By != lane.ByOfficial || who == "" {
		who = s.cat.T(lang, "laneweb.by."+string(e.By))
	}
	said := who + ": "
	switch {
	case e.Verdict != "":
		said += s.cat.T(lang, "laneweb.verdict.line", s.cat.T(lang, "laneweb.verdict.word."+string(e.Verdict)), e.Answer)
	case e.Outcome != "":
		said += s.cat.T(lang, "laneweb.outcome.line", s.cat.T(lang, "laneweb.outcome."+string(e.Outcome)))
	case e.Strikes != 0:
		said += s.cat.T(lang, "laneweb.outcome.struck", e.Strikes)
	case e.Source != "":
		said += s.cat.T(lang, "laneweb.imported.line", e.Source, e.Reference)
		if e.Reason != "" {
			said += ". " + e.Reason
		}
		return said
	case e.Words != "":
		return said + e.Words
	case e.Blacks != 0:
		said += s.cat.T(lang, "blackout.line", e.Blacks)
	case e.Letter != "":
		said += s.cat.T(lang, "stopped.line."+string(e.Letter))
	case e.KeptOut():
		said += s.cat.T(lang, "check.words.refused")
	default:
		said += s.cat.T(lang, "laneweb.state."+string(e.To))
	}
	for _, more := range []string{e.Reference, v.authority(r, e.Owner), e.Words, e.Link, e.Reason} {
		if more != "" {
			said += ". " + more
		}
	}
	if e.On != "" {
		said += ", " + lang.Date(string(e.On))
	}
	if e.Into != 0 {
		said += ", " + strconv.FormatInt(e.Into, 10)
	}
	return said
}

// updates answers what happened between two instants. Only days are known: a day
// that the time touches is given whole, and each update is stamped with the first
// instant of its day that lies within the time, since FixMyStreet passes over what
// lies outside. What is given twice has the same id.
func (s *Server) updates(v *visit, f open311.Format) (open311.Document, error) {
	q, problems := open311.ParseQuery(v.query, s.now())
	after, err := mark(v.param("after"))
	if err != nil {
		problems = append(problems, err)
	}
	if len(problems) > 0 {
		return open311.Document{}, refused(problems)
	}
	from, to := days(q.From, q.To)
	found, err := s.lane.Changes(v.Context(), from, to, after, q.PageSize+1)
	if err != nil {
		return open311.Document{}, err
	}
	if len(found) > q.PageSize {
		found = found[:q.PageSize]
		last := found[q.PageSize-1]
		s.next(v, "servicerequestupdates", f, "after", fmt.Sprintf("%s.%d.%d", last.Day, last.Request, last.Number), q)
	}
	var all []open311.Update
	for _, e := range found {
		all = append(all, open311.Update{ID: updateID(e), RequestID: strconv.FormatInt(e.Request, 10), Status: updateStatus(e),
			Updated: within(midnight(string(e.Day)), q.From, q.To), Description: s.say(v, v.router, e), MediaURL: pictureAt(v, cmp.Or(append([]string{e.Picture}, e.Pictures...)...))})
	}
	return open311.Updates(all), nil
}

// mark reads a cursor of updates.
func mark(s string) (lane.Mark, error) {
	if s == "" {
		return lane.Mark{}, nil
	}
	parts := strings.Split(s, ".")
	if len(parts) == 3 {
		on, err := appeal.ParseDay(parts[0])
		request, ok1 := number(parts[1])
		n, ok2 := number(parts[2])
		if err == nil && ok1 && ok2 {
			return lane.Mark{Day: string(on), Request: request, Number: n}, nil
		}
	}
	return lane.Mark{}, fault.Invalid("lane311.cursor", "after")
}

func updateID(e lane.Event) string { return fmt.Sprintf("%d-%d", e.Request, e.Number) }

// within is the first whole second from t on that lies between two instants.
func within(t, from, to time.Time) time.Time {
	if t.Before(from) {
		if t = from.Truncate(time.Second); t.Before(from) {
			t = t.Add(time.Second)
		}
	}
	if t.After(to) {
		t = to
	}
	return t
}

// updateStatus is FixMyStreet's word for what an event made of a request.
func updateStatus(e lane.Event) string {
	switch e.To {
	case "", e.From: // words, an outcome, a verdict: nothing has moved
		return "unchanged"
	case lane.InWork:
		if !e.From.Open() {
			return "reopen"
		}
		return "in_progress"
	case lane.Planned:
		return "planned"
	case lane.InfoNeeded:
		return "investigating"
	case lane.Mended:
		return "fixed"
	case lane.Refused:
		return "no_further_action"
	case lane.Withdrawn:
		return "cancelled"
	case lane.Merged:
		return "duplicate"
	}
	return "open" // routed, delivered, registered, or with its next owner
}
