package check

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"kua/internal/open311"
)

// slack is how far a time may lie outside of what was asked for: of some servers
// only the day is known.
const slack = 24 * time.Hour

// requests checks the list, one of it, and what happened to them.
func (c *checker) requests() {
	x, j := c.both("requests", "requests", nil)
	if x == nil {
		x = j
	}
	if x == nil {
		return
	}
	at := "GET " + c.base + "requests.xml"
	c.listed = x.Requests()
	if len(c.listed) > open311.MaxListed {
		c.find("too_many", at, fmt.Sprint(len(c.listed)))
	}
	if j != nil && j != x {
		c.compare(at, c.listed, j.Requests())
	}
	if len(c.listed) > 0 {
		c.one(c.listed[0])
		c.truncated()
	}
	c.media()
	c.changes()
}

// compare holds both formats of a list against each other, as far as both have the
// same requests: new ones may come between two calls.
func (c *checker) compare(at string, x, j []open311.Request) {
	by := make(map[string]open311.Request)
	for _, r := range j {
		by[r.ID] = r
	}
	for _, r := range x {
		if other, ok := by[r.ID]; ok && !same(r, other) {
			c.find("formats_differ", at, r.ID)
			return
		}
	}
}

func (c *checker) one(want open311.Request) {
	x, j := c.both("requests", "requests/"+url.PathEscape(want.ID), nil)
	for _, a := range []*open311.Answer{x, j} {
		if a == nil {
			continue
		}
		if got := a.Requests(); len(got) != 1 || got[0].ID != want.ID {
			c.find("one_request", "GET "+c.base+"requests/"+url.PathEscape(want.ID), fmt.Sprintf("%d: %v", len(got), ids(got)))
		}
	}
	if x == nil && j == nil {
		c.find("one_request", "GET "+c.base+"requests/"+url.PathEscape(want.ID), "–")
	}
}

func ids(all []open311.Request) (out []string) {
	for _, r := range all[:min(len(all), 10)] {
		out = append(out, r.ID)
	}
	return out
}

// quiet asks for requests without judging how they are written: that was done.
func (c *checker) quiet(params url.Values) (all []open311.Request, r reply, ok bool) {
	r = c.call(http.MethodGet, c.base+"requests.xml", c.params(params))
	if r.err != nil || r.packed != nil || r.status != http.StatusOK {
		return nil, r, false
	}
	a, err := open311.Read(r.body)
	if err != nil {
		return nil, r, false
	}
	return a.Requests(), r, true
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }

// truncated: what the list leaves out though it is of the last 90 days and there
// are fewer than a thousand, without saying where it goes on.
func (c *checker) truncated() {
	var oldest time.Time
	has := make(map[string]bool)
	for _, r := range c.listed {
		has[r.ID] = true
		if !r.Requested.IsZero() && (oldest.IsZero() || r.Requested.Before(oldest)) {
			oldest = r.Requested
		}
	}
	if oldest.IsZero() || len(c.listed) >= open311.MaxListed {
		return
	}
	// An hour inside the 90 days, since the two calls are not made at one instant.
	from := c.o.Now().Add(-open311.MaxSpan + time.Hour)
	if !from.Before(oldest) {
		return
	}
	older, r, ok := c.quiet(url.Values{"start_date": {stamp(from)}, "end_date": {stamp(oldest.Add(-time.Second))}})
	if !ok || strings.Contains(c.call(http.MethodGet, c.base+"requests.xml", c.params(nil)).header.Get("Link"), "next") {
		return
	}
	for _, o := range older {
		if !has[o.ID] && o.Requested.After(from) && o.Requested.Before(oldest) {
			c.find("truncated", r.address(), fmt.Sprintf("%d; %s", len(c.listed), o.ID))
			return
		}
	}
}

// changes checks FixMyStreet's updates, where the server speaks of them, and that
// a request which they name has moved since.
func (c *checker) changes() {
	now := c.o.Now()
	from := now.Add(-open311.MaxSpan + time.Hour)
	window := url.Values{"start_date": {stamp(from)}, "end_date": {stamp(now)}}
	if c.o.Key != "" {
		window.Set("api_key", c.o.Key)
	}
	r := c.call(http.MethodGet, c.base+"servicerequestupdates.xml", c.params(window))
	if r.err != nil || r.status != http.StatusOK {
		return // it is an extension
	}
	c.updates = true
	a := c.judge("updates", r)
	if a == nil {
		return
	}
	at := make(map[string]open311.Request)
	for _, one := range c.listed {
		at[one.ID] = one
	}
	for _, u := range a.Updates() {
		if u.Updated.Before(from.Add(-time.Second)) || u.Updated.After(now.Add(time.Second)) {
			c.find("updates_window", r.address(), u.ID+": "+stamp(u.Updated))
		}
		// The updates of a window may be stamped with its days: the request's own day counts.
		if one, ok := at[u.RequestID]; ok && one.Updated.Add(slack).Before(u.Updated) {
			c.find("not_bumped", "GET "+c.base+"requests.xml", fmt.Sprintf("%s: %s; %s: %s", one.ID, stamp(one.Updated), u.ID, stamp(u.Updated)))
		}
	}
}

// filters checks each filter against the list: it must answer, give only what
// fits, and something where the list has something.
func (c *checker) filters() {
	if len(c.listed) == 0 {
		return
	}
	first := c.listed[0]
	some := []string{first.ID}
	if len(c.listed) > 1 {
		some = append(some, c.listed[1].ID)
	}
	c.filter("filter_id", url.Values{"service_request_id": {strings.Join(some, ",")}}, func(r open311.Request) bool { return slices.Contains(some, r.ID) }, len(some))
	for _, status := range []string{"open", "closed"} {
		fits := func(r open311.Request) bool { return r.Status == status }
		c.filter("filter_status", url.Values{"status": {status}}, fits, least(c.listed, fits))
	}
	if first.ServiceCode != "" {
		c.filter("filter_service", url.Values{"service_code": {first.ServiceCode}}, func(r open311.Request) bool { return r.ServiceCode == first.ServiceCode }, 1)
	}
	if at := first.Requested; !at.IsZero() {
		from, to := at.Add(-time.Second), at.Add(time.Second)
		c.filter("filter_dates", url.Values{"start_date": {stamp(from)}, "end_date": {stamp(to)}},
			func(r open311.Request) bool {
				return !r.Requested.Before(from.Add(-slack)) && !r.Requested.After(to.Add(slack))
			}, 1)
	}
}

// least is 1 where one of the list fits.
func least(all []open311.Request, fits func(open311.Request) bool) int {
	if slices.ContainsFunc(all, fits) {
		return 1
	}
	return 0
}

func (c *checker) filter(name string, params url.Values, fits func(open311.Request) bool, atLeast int) {
	found, r, ok := c.quiet(params)
	if !ok {
		c.find(name, r.address(), r.said())
		return
	}
	if len(found) < atLeast {
		c.find(name, r.address(), fmt.Sprintf("%d: %v", len(found), ids(found)))
	}
	for _, one := range found {
		if !fits(one) {
			c.find(name, r.address(), fmt.Sprintf("%s: %s, %s, %s", one.ID, one.Status, one.ServiceCode, stamp(one.Requested)))
			return
		}
	}
}

// refusals asks for what is not there.
func (c *checker) refusals() {
	c.refuses("unknown_service", http.StatusNotFound, c.call(http.MethodGet, c.base+"services/no-such-service-311.xml", c.params(nil)))
	c.refuses("unknown_request", http.StatusNotFound, c.call(http.MethodGet, c.base+"requests/no-such-request-311.xml", c.params(nil)))
	c.refuses("unknown_token", http.StatusNotFound, c.call(http.MethodGet, c.base+"tokens/no-such-token-311.xml", c.params(nil)))
	c.refuses("bad_date", http.StatusBadRequest, c.call(http.MethodGet, c.base+"requests.xml", c.params(url.Values{"start_date": {"yesterday"}})))
}

// refuses wants a status and, when it comes, a document of errors.
func (c *checker) refuses(name string, want int, r reply) {
	if r.err != nil {
		c.find("reachable", r.address(), r.said())
		return
	}
	if r.status != want {
		c.find(name, r.address(), r.said())
		return
	}
	before := len(c.report.Findings)
	if c.document("errors", r); len(c.report.Findings) > before {
		c.find("error_shape", r.address(), r.said())
	}
}
