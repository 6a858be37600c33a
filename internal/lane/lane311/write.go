package lane311

import (
	"errors"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"kua/internal/authority"
	"kua/internal/fault"
	"kua/internal/lane"
	"kua/internal/locale"
	"kua/internal/open311"
)

// key gives what the key that was posted may do. One in an address is not taken:
// addresses are written down on the way.
func (s *Server) key(v *visit) (secret string, k lane.Key, err error) {
	secret = strings.TrimSpace(v.form.Get("api_key"))
	if secret == "" {
		return "", lane.Key{}, fault.Forbidden("lane311.key_missing")
	}
	k, err = s.lane.KeyOf(v.Context(), secret)
	return secret, k, err
}

func (s *Server) pay(v *visit, k lane.Key) error {
	wait, err := s.budgets.take(v.Context(), s.lane, k, s.now())
	if err != nil {
		v.rw.Header().Set("Retry-After", strconv.Itoa(wait))
	}
	return err
}

// submit takes a request on the road that a citizen's report takes. Name, e-mail,
// telephone, account and device are dropped here; nothing below sees them.
func (s *Server) submit(v *visit) (open311.Document, error) {
	secret, k, err := s.key(v)
	if err != nil {
		return open311.Document{}, err
	}
	if !k.Submit {
		return open311.Document{}, fault.Forbidden("lane311.may_not_submit", k.Name)
	}
	code := v.form.Get("service_code")
	asked := open311.Definition{}
	var c authority.Category
	if code = strings.TrimSpace(code); code != "" {
		if c, err = v.router.Category(code); err != nil {
			return open311.Document{}, fault.NotFound("lane311.no_service", code)
		}
		if c.Sealed {
			return open311.Document{}, fault.Conflict("lane311.sealed", s.sealed(v))
		}
		asked = s.asks(c, v.lang)
	}
	given, problems := open311.ParseSubmission(v.form, asked)
	if len(problems) > 0 {
		return open311.Document{}, refused(problems)
	}
	d, notices, err := s.draft(v, c, given)
	if err != nil {
		return open311.Document{}, err
	}
	if d.Code = lane.NewCode(); v.once() != "" {
		d.Code = lane.KeyedCode(secret, v.once())
	}
	if err := s.safe(v, d); err != nil {
		return open311.Document{}, err
	}
	if _, err := s.lane.Held(v.Context(), d.Code); err != nil {
		if err := v.brought.trouble; err != nil {
			return open311.Document{}, err
		}
		if err := s.pay(v, k); err != nil {
			return open311.Document{}, err
		}
		if d.Pictures, err = s.pictures(v); err != nil {
			return open311.Document{}, err
		}
	}
	sent, err := s.lane.Submit(v.Context(), d)
	if err != nil {
		return open311.Document{}, err
	}
	return s.accepted(v, d, sent, notices)
}

func (s *Server) accepted(v *visit, d lane.Draft, sent lane.Sent, notices []string) (open311.Document, error) {
	r, err := s.lane.Request(v.Context(), sent.ID)
	if err != nil {
		return open311.Document{}, err
	}
	a := open311.Accepted{ID: strconv.FormatInt(sent.ID, 10)}
	if r.Hidden() {
		if a.Token, err = lane.Ticket(d.Code); err != nil {
			return open311.Document{}, err
		}
		a.ID = ""
	}
	notices = append([]string{s.cat.T(v.lang, "lane311.code", d.Code, base(v.Request)+"/"+v.lang.Path()+"/open/mine")}, notices...)
	if note := s.visibility(v.lang, r.Visibility); note != "" {
		notices = append(notices, note)
	}
	if len(d.Pictures) > 0 {
		notices = append(notices, s.cat.T(v.lang, "lane311.pictures", len(d.Pictures)))
		for _, hash := range d.Pictures {
			if !r.Hidden() {
				notices = append(notices, pictureAt(v, hash))
			}
		}
	}
	a.Notice = strings.Join(notices, " ")
	return a.Document(), nil
}

// once is the sender's own name of what is sent: sent again under it, it is the
// same. FixMyStreet has it in an attribute.
func (v *visit) once() string {
	if name := v.Header.Get("Idempotency-Key"); name != "" {
		return name
	}
	return v.form.Get("attribute[fixmystreet_id]")
}

// draft makes a citizen's draft of a submission, and says what of it is not kept.
func (s *Server) draft(v *visit, c authority.Category, given open311.Submission) (d lane.Draft, notices []string, err error) {
	note := func(key string) { notices = append(notices, s.cat.T(v.lang, key)) }
	d = lane.Draft{Category: c.ID, Language: v.lang, Words: oneLineEnd(given.Description), Answers: map[string][]string{}}
	if d.Words == "" {
		d.Words = c.Names.In(v.lang) // the standard lets the description be left out
	}
	switch {
	case given.Place != nil:
		at, ok := authority.At(given.Place.Lat, given.Place.Long)
		if !ok {
			return d, nil, fault.Invalid("open311.coordinates")
		}
		d.At = &at
	case given.AddressID != "":
		d.Area = given.AddressID
	case c.Visibility == authority.Coarse:
		return d, nil, fault.Invalid("lane311.coarse_place")
	default:
		if d.Area, err = whole(v.router.Directory()); err != nil {
			return d, nil, err
		}
	}
	if given.Address != "" {
		if c.Visibility == authority.Coarse {
			note("lane311.address_dropped")
		} else {
			d.Landmark = oneLineEnd(given.Address)
		}
	}
	for _, q := range c.Questions {
		for _, answer := range given.Answers[q.ID] {
			if q.Kind == authority.Date {
				t, err := time.Parse(time.RFC3339, answer)
				if err != nil {
					return d, nil, fault.Invalid("open311.answer", q.ID)
				}
				answer = t.Format(time.DateOnly) // the day where it was written
			}
			d.Answers[q.ID] = append(d.Answers[q.ID], oneLineEnd(answer))
		}
	}
	if given.Email+given.FirstName+given.LastName+given.Phone+given.AccountID+given.DeviceID != "" {
		note("lane311.private_dropped")
	}
	if len(given.MediaURLs) > 0 {
		note("lane311.media_dropped")
	}
	return d, notices, nil
}

func oneLineEnd(s string) string { return strings.TrimSpace(strings.ReplaceAll(s, "\r\n", "\n")) }

// whole is the area that holds all others, for a place that is told in words
// alone. Where there is more than one, the words alone are not enough.
func whole(d authority.Directory) (string, error) {
	roots := slices.DeleteFunc(slices.Clone(d.Areas), func(a authority.Area) bool { return a.Parent != "" })
	if len(roots) != 1 {
		return "", fault.Invalid("lane311.words_alone")
	}
	return roots[0].ID, nil
}

// safe refuses words that can endanger whoever tells them in public. Another
// system cannot show the sealed page and ask again, as ours does: it is told where
// it is. Without a language all of the directory's are looked at.
func (s *Server) safe(v *visit, d lane.Draft) error {
	languages := v.router.Directory().Info.Languages
	if _, ok := v.locale(); ok {
		languages = []locale.Tag{d.Language}
	}
	for _, tag := range languages {
		d.Language = tag
		known, err := s.lane.Review(v.Context(), d)
		if err != nil {
			return err
		}
		if len(known.Danger) > 0 {
			return fault.Conflict("lane311.danger", strings.Join(known.Danger, ", "), s.sealed(v))
		}
	}
	return nil
}

// sealed is the address of the sealed report page.
func (s *Server) sealed(v *visit) string { return base(v.Request) + "/" + v.lang.Path() + "/report" }

// change takes what an authority's system says has become of a request. The same
// update again changes nothing and is answered alike.
func (s *Server) change(v *visit) (open311.Document, error) {
	_, k, err := s.key(v)
	if err != nil {
		return open311.Document{}, err
	}
	if k.Authority == "" {
		return open311.Document{}, fault.Forbidden("lane311.may_not_update", k.Name)
	}
	c, problems := open311.ParseChange(v.form)
	if len(problems) == 0 {
		if err := lane.CheckUpdate(c.UpdateID); err != nil {
			problems = append(problems, err)
		}
	}
	if len(problems) > 0 {
		return open311.Document{}, refused(problems)
	}
	paid, picture := false, ""
	for range 3 { // somebody else may move it meanwhile
		known, err := s.known(v, c.RequestID)
		if err != nil {
			return open311.Document{}, err
		}
		if done, err := s.lane.Moved(v.Context(), known.ID, k.Authority, c.UpdateID); err == nil {
			return open311.UpdateAccepted(updateID(done)), nil
		}
		if !paid {
			if err := v.brought.trouble; err != nil {
				return open311.Document{}, err
			}
			if err := s.pay(v, k); err != nil {
				return open311.Document{}, err
			}
			if picture, err = s.proof(v); err != nil {
				return open311.Document{}, err
			}
			paid = true
		}
		err = s.act(v, known, k.Authority, c, picture)
		if err != nil && !errors.Is(err, fault.Conflict("lane.moved")) {
			return open311.Document{}, err
		}
	}
	return open311.Document{}, fault.Conflict("lane.moved", c.RequestID)
}

// act does once what a change says; nil and lane.moved both mean: look again.
func (s *Server) act(v *visit, known lane.Known, authority string, c open311.Change, picture string) error {
	a, err := theirs(known, authority)
	if err != nil {
		return err
	}
	c.Description = lane.Masked(oneLineEnd(c.Description)) // nobody can ask a system to say it otherwise
	m, err := move(v.form, c, a.State)
	if err != nil {
		return err
	}
	if m.Picture = picture; m.To == "" {
		return s.lane.Remark(v.Context(), known.ID, int64(len(known.History)), authority, c.Description, picture, c.UpdateID)
	}
	if a.State == lane.Routed { // who answers has got it
		if err := s.lane.Move(v.Context(), a.Number, a.Step, lane.Move{To: lane.Delivered, By: lane.ByHouse}); err != nil {
			return err
		}
		a.Step++
	}
	return s.lane.Move(v.Context(), a.Number, a.Step, m)
}

// theirs is the newest part that an authority has in a request, an open one first.
func theirs(known lane.Known, authority string) (lane.Assignment, error) {
	var found *lane.Assignment
	for i, a := range known.Assignments {
		if a.Authority == authority && (found == nil || a.State.Open() || !found.State.Open()) {
			found = &known.Assignments[i]
		}
	}
	if found == nil {
		return lane.Assignment{}, fault.Forbidden("lane.not_theirs", known.ID)
	}
	return *found, nil
}

// move reads what an update wants. To is "" for words alone. The standard has no
// place for the day of a plan, the next owner and the authority's number: they are
// expected_datetime, agency_responsible and customer_reference.
func move(form url.Values, c open311.Change, now lane.State) (lane.Move, error) {
	m := lane.Move{By: lane.ByOfficial, Reason: c.Description, Update: c.UpdateID}
	switch c.Status {
	case "in_progress", "investigating":
		m.To = lane.InWork
	case "planned", "action_scheduled":
		m.To = lane.Planned
		if given := strings.TrimSpace(form.Get("expected_datetime")); given != "" {
			t, err := time.Parse(time.RFC3339, given)
			if err != nil {
				return m, fault.Invalid("open311.date", "expected_datetime").Because(err)
			}
			m.On = day(t)
		}
	case "fixed":
		m.To = lane.Mended
	case "no_further_action":
		m.To = lane.Refused
	case "not_councils_responsibility", "internal_referral":
		m.To, m.Owner = lane.Redirected, strings.TrimSpace(form.Get("agency_responsible"))
	case "open", "unchanged":
		if m.Number = lane.MaskedNumber(strings.TrimSpace(form.Get("customer_reference"))); m.Number != "" {
			m.To = lane.Registered
		}
	default:
		return m, fault.Invalid("lane311.update_status", c.Status)
	}
	if m.To == now && now != lane.Planned && m.Reason != "" {
		m.To = "" // it stands so already: the words are what is new
	}
	return m, nil
}
