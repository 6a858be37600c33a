package laneweb

import (
	"net/url"
	"strconv"
	"testing"
)

// TestOneCodeCannotUseUpAll: whoever has the code of one report can do so much with it in an
// hour, and is asked to come back then; others go on.
func TestOneCodeCannotUseUpAll(t *testing.T) {
	onBoth(t, func(t *testing.T, r *room) {
		greedy, other := draft(), draft()
		r.tell("manhole", greedy)
		r.tell("manhole", other)
		add := func(f url.Values, seen int, status int) {
			t.Helper()
			resp, body := r.do("POST", "/en/open/add", url.Values{"code": {f.Get("code")}, "seen": {strconv.Itoa(seen)}, "words": {"Made up " + strconv.Itoa(seen)}})
			if resp.StatusCode != status || status == 503 && resp.Header.Get("Retry-After") == "" {
				t.Fatalf("answers %d, want %d:\n%s", resp.StatusCode, status, body)
			}
		}
		for i := range 30 {
			add(greedy, i+1, 200)
		}
		add(greedy, 31, 503)
		add(other, 1, 200)
	})
}

// TestModerationIsCountedOnce: the numbers of a year are not counted at every look.
func TestModerationIsCountedOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, r *room) {
		r.want("GET", "/en/open/moderation", nil, 200)
		at := r.web.moderated.at
		r.tell("no-answer", func() url.Values {
			f := draft("words", "Канцелярия молчит, выдумано")
			f.Del("q.cover")
			return f
		}())
		r.want("GET", "/en/open/moderation", nil, 200)
		if at.IsZero() || r.web.moderated.at != at {
			t.Error("it was counted twice within a minute")
		}
		r.web.moderated.at = at.Add(-countedFor)
		r.want("GET", "/en/open/moderation", nil, 200)
		if m := r.web.moderated.m; m.First != 1 {
			t.Errorf("a minute later %d wait, want 1", m.First)
		}
	})
}
