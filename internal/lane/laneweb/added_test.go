package laneweb

import (
	"net/url"
	"strconv"
	"strings"
	"testing"
)

// TestAddedWordsWait: what a holder adds and a rule stops is shown to them as
// waiting and to nobody else but a checker, whose buttons decide.
func TestAddedWordsWait(t *testing.T) {
	onBoth(t, func(t *testing.T, r *room) {
		f := draft()
		id := r.tell("manhole", f)
		mine := url.Values{"code": {f.Get("code")}}
		add := func(words string) string {
			t.Helper()
			history, err := r.lane.History(t.Context(), 1)
			check(t, err)
			return r.want("POST", "/en/open/add", url.Values{"code": mine["code"], "words": {words}, "seen": {strconv.Itoa(len(history))}}, 200)
		}
		const advert, neighbour = "Made up: https://advert.example", "Made up: ask 8 700 123 45 67"
		if page := add(advert); !strings.Contains(page, "Only you see it here") || !strings.Contains(page, advert) {
			t.Errorf("the holder is not shown what waits:\n%s", page)
		}
		add(neighbour)
		r.want("POST", "/en/open/mine", mine, 200, advert, neighbour, "There is a link")
		friend := url.Values{"code": {"0123-4567-89ab-cdef"}}
		r.want("POST", "/en/open/same/"+id, friend, 200)
		for path, form := range map[string]url.Values{"/en/open/case/" + id: nil, "/en/open/?q=advert": nil, "/en/open/feed": nil, "/en/open/data/cases.jsonl": nil, "/en/open/mine": friend} {
			method := "GET"
			if form != nil {
				method = "POST"
			}
			if page := r.want(method, path, form, 200); strings.Contains(page, "advert.example") || strings.Contains(page, "700 123") {
				t.Errorf("%s shows what waits", path)
			}
		}
		token, _, err := r.lane.AddChecker(t.Context(), "A. M.", 7)
		check(t, err)
		at := "/en/open/check/" + token
		r.want("GET", at, nil, 200, "Words that were added later", advert, at+"/"+id)
		r.want("GET", at+"/"+id, nil, 200, advert, neighbour, `name="addition" value="1"`, "https://advert.example")
		decide := func(status int, seen int, more url.Values) string {
			t.Helper()
			more.Set("seen", strconv.Itoa(seen))
			resp, page := r.do("POST", at+"/"+id, more)
			if resp.StatusCode != status {
				t.Fatalf("%v answers %d, want %d:\n%s", more, resp.StatusCode, status, page)
			}
			return page
		}
		decide(422, 1, url.Values{"addition": {"1"}, "do": {"refuse-words"}, "ground": {"advert"}})
		decide(303, 1, url.Values{"addition": {"1"}, "do": {"refuse-words"}, "ground": {"advert"}, "reason": {"Advertising"}})
		decide(409, 1, url.Values{"addition": {"2"}, "do": {"pass-words"}})
		decide(303, 2, url.Values{"addition": {"2"}, "do": {"pass-words"}})
		page := r.want("GET", "/en/open/case/"+id, nil, 200, "added words were not let through", "Advertising", neighbour)
		if strings.Contains(page, "advert.example") {
			t.Error("what was refused is shown")
		}
		r.want("GET", "/en/open/moderation", nil, 200, "Words that were added later")
		if page := r.want("POST", "/en/open/mine", mine, 200); strings.Contains(page, "Only you see it here") {
			t.Error("nothing waits, and the page says that it does")
		}
	})
}
