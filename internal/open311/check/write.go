package check

import (
	"fmt"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"kua/internal/fault"
	"kua/internal/open311"
)

// testWords say in a report what it is; the letters are those that break servers.
const testWords = "Kuä conformance test, please close. Тексеру, сынау: ә ғ қ ң ө ұ ү һ, ў ҳ ҷ, <b>&amp;</b> \"' +%20;"

// write sends a request, an update and a photo, reads them back, and holds what is wrongly
// sent against how it must be refused.
func (c *checker) write() error {
	s, err := c.submission()
	if err != nil {
		return err
	}
	at := c.base + "requests.xml"
	wrong := c.form(s)
	wrong.Set("api_key", "no-such-key-311")
	c.refuses("key", http.StatusForbidden, c.call(http.MethodPost, at, wrong))
	if r := c.call(http.MethodPost, at, without(c.form(s), "service_code")); r.err == nil && r.status/100 == 2 {
		c.find("needs_service", r.address(), r.said())
	} else {
		c.refuses("needs_service", http.StatusBadRequest, r)
	}
	sent := c.o.Now()
	accepted, ok := c.submit(at, s)
	c.step()
	if !ok {
		c.step()
		c.step()
		return nil
	}
	id := accepted.ID
	if id == "" {
		id = c.token(accepted.Token)
	}
	if id != "" && c.readBack(id, s) && c.updates {
		c.update(id, sent)
	}
	c.step()
	c.photo(s)
	c.step()
	return nil
}

func without(form url.Values, name string) url.Values {
	form.Del(name)
	return form
}

func (c *checker) form(s open311.Submission) url.Values {
	form := c.params(s.Form())
	form.Set("api_key", c.o.Key)
	return form
}

// submission makes a request that the server should take: for the named service,
// or one that asks something and gives ids at once.
func (c *checker) submission() (open311.Submission, error) {
	s := open311.Submission{ServiceCode: c.o.Service, Description: testWords, Place: c.o.Place, Answers: map[string][]string{}}
	if s.Place == nil {
		i := slices.IndexFunc(c.listed, func(r open311.Request) bool { return r.Place != nil })
		if i < 0 {
			return s, fault.Invalid("check311.no_place")
		}
		s.Place = c.listed[i].Place
	}
	score := func(o open311.Service) (n int) {
		if o.Metadata {
			n++
		}
		if o.Type == "realtime" {
			n += 2
		}
		return n
	}
	if s.ServiceCode == "" && len(c.offered) > 0 {
		s.ServiceCode = slices.MaxFunc(c.offered, func(a, b open311.Service) int { return score(a) - score(b) }).Code
	}
	for _, a := range c.asked[s.ServiceCode].Attributes {
		if given := c.answer(a); a.Variable && len(given) > 0 {
			s.Answers[a.Code] = given
		}
	}
	return s, nil
}

func (c *checker) answer(a open311.Attribute) []string {
	switch a.Datatype {
	case open311.Number:
		return []string{"1"}
	case open311.Datetime:
		return []string{stamp(c.o.Now())}
	case open311.SingleValueList, open311.MultiValueList:
		var keys []string
		for _, v := range a.Values {
			keys = append(keys, v.Key)
		}
		if a.Datatype == open311.SingleValueList {
			keys = keys[:min(len(keys), 1)]
		}
		return keys[:min(len(keys), 2)]
	}
	return []string{"test"}
}

// submit sends the request without name and e-mail, which the standard leaves to
// the sender; when it is refused, with them, to know whether that was why.
func (c *checker) submit(at string, s open311.Submission) (open311.Accepted, bool) {
	r := c.call(http.MethodPost, at, c.form(s))
	if r.err == nil && r.status/100 != 2 {
		full := s
		full.Email, full.FirstName, full.LastName, full.Phone = "test@kua.invalid", "Test", "Test", "+70000000000"
		second := c.call(http.MethodPost, at, c.form(full))
		if second.err == nil && second.status/100 == 2 {
			c.find("needs_email", r.address(), r.said())
			r = second
		} else if bare := s; len(s.Answers) > 0 {
			bare.Answers = nil
			if third := c.call(http.MethodPost, at, c.form(bare)); third.err == nil && third.status/100 == 2 {
				c.find("attributes", r.address(), r.said())
				r = third
			}
		}
	}
	if r.err != nil || r.status/100 != 2 {
		c.find("submit", r.address(), r.said())
		return open311.Accepted{}, false
	}
	a := c.judge("accepted", r)
	if a == nil {
		return open311.Accepted{}, false
	}
	accepted, ok := a.Accepted()
	if !ok {
		c.find("submit", r.address(), r.said())
	}
	return accepted, ok
}

// token asks a few times, as FixMyStreet does, until there is an id. One that is
// looked at by people first has none for long: that is no finding.
func (c *checker) token(token string) string {
	for range 5 {
		r := c.call(http.MethodGet, c.base+"tokens/"+url.PathEscape(token)+".xml", c.params(nil))
		if r.err != nil || r.status != http.StatusOK {
			c.find("token", r.address(), r.said())
			return ""
		}
		a := c.judge("token", r)
		if a == nil {
			return ""
		}
		got, _ := a.Accepted()
		if slices.Contains(a.Oddities(), open311.OddIDAndToken) {
			c.find("token_is_id", r.address(), r.said())
			return token
		}
		if got.ID != "" {
			return got.ID
		}
		select {
		case <-time.After(2 * time.Second):
		case <-c.ctx.Done():
			return ""
		}
	}
	return ""
}

// readBack wants the request as it was sent.
func (c *checker) readBack(id string, s open311.Submission) bool {
	a := c.get("requests", c.base+"requests/"+url.PathEscape(id)+".xml", c.params(nil))
	if a == nil {
		return false
	}
	at := "GET " + c.base + "requests/" + url.PathEscape(id) + ".xml"
	got := a.Requests()
	if len(got) != 1 || got[0].ID != id {
		c.find("read_back", at, fmt.Sprintf("%v", ids(got)))
		return false
	}
	const near = 0.02 // degrees: some servers show places roughly
	r := got[0]
	switch {
	case r.ServiceCode != s.ServiceCode:
		c.find("read_back", at, "service_code: "+r.ServiceCode)
	case strings.TrimSpace(r.Description) != testWords:
		c.find("read_back", at, "description: "+r.Description)
	case r.Place != nil && (math.Abs(r.Place.Lat-s.Place.Lat) > near || math.Abs(r.Place.Long-s.Place.Long) > near):
		c.find("read_back", at, fmt.Sprintf("lat, long: %v", *r.Place))
	case r.Status != "open":
		c.find("read_back", at, "status: "+r.Status)
	}
	found, listed, ok := c.quiet(url.Values{"service_request_id": {id}})
	if !ok || len(found) != 1 || found[0].ID != id {
		c.find("filter_id", listed.address(), fmt.Sprint(ids(found)))
	}
	return true
}

// update tells the server that it is in work, and wants to read that.
func (c *checker) update(id string, sent time.Time) {
	change := open311.Change{RequestID: id, UpdateID: fmt.Sprintf("kua-check-%d", sent.UnixNano()), Status: "in_progress", Updated: c.o.Now(), Description: testWords}
	form := c.params(change.Form())
	form.Set("api_key", c.o.Key)
	r := c.call(http.MethodPost, c.base+"servicerequestupdates.xml", form)
	if r.err != nil || r.status/100 != 2 {
		c.find("update", r.address(), r.said())
		return
	}
	a := c.judge("update", r)
	if a == nil {
		return
	}
	if _, ok := a.UpdateAccepted(); !ok {
		c.find("update", r.address(), r.said())
	}
	window := url.Values{"start_date": {stamp(sent.Add(-2 * time.Hour))}, "end_date": {stamp(c.o.Now().Add(time.Minute))}, "api_key": {c.o.Key}}
	read := c.call(http.MethodGet, c.base+"servicerequestupdates.xml", c.params(window))
	if a = c.judge("updates", read); a != nil && !slices.ContainsFunc(a.Updates(), func(u open311.Update) bool { return u.RequestID == id }) {
		c.find("update_read_back", read.address(), id)
	}
	found, listed, ok := c.quiet(url.Values{"service_request_id": {id}})
	if ok && len(found) == 1 && found[0].Updated.Add(slack).Before(sent) {
		c.find("not_bumped", listed.address(), stamp(found[0].Updated))
	}
}
