package laneweb

import (
	"net/url"
	"strconv"
	"strings"
	"testing"

	"kua/internal/lane"
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
			if resp.StatusCode != status || status == 503 && (resp.Header.Get("Retry-After") == "" || !strings.Contains(body, ">Made up "+strconv.Itoa(seen)+"</textarea>")) {
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

// TestNobodyShutsAHolderOut: what supporters and old links use up, on one report and on all
// together, is none of a holder's.
func TestNobodyShutsAHolderOut(t *testing.T) {
	onBoth(t, func(t *testing.T, r *room) {
		f, supporter := draft(), lane.NewCode()
		id, err := strconv.ParseInt(r.tell("manhole", f), 10, 64)
		check(t, err)
		check(t, r.lane.Support(t.Context(), id, supporter))
		add := func(code string) (status int) {
			resp, _ := r.do("POST", "/en/open/add", url.Values{"code": {code}, "seen": {"1"}, "words": {"Made up"}})
			return resp.StatusCode
		}
		tries := 0
		for status := 0; status != 503; tries++ {
			if status = add(supporter); tries > 35 || status != 404 && status != 503 {
				t.Fatalf("a supporter's try %d answers %d", tries, status)
			}
		}
		for wait, err := r.lane.TakeAct(t.Context(), id, lane.ByOfficial); wait == 0; wait, err = r.lane.TakeAct(t.Context(), id, lane.ByOfficial) {
			check(t, err)
		}
		for _, err := r.web.crowd.take(); err == nil; {
			_, err = r.web.crowd.take()
		}
		if status := add(f.Get("code")); status != 200 {
			t.Errorf("after that the holder's words answer %d, want 200", status)
		}
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

// TestWhatIsMissingIsToldAtOnce: whoever leaves out several things reads of all of them, by the names
// that stand on the form, each leading to its field; a wrong answer is told of by its question.
func TestWhatIsMissingIsToldAtOnce(t *testing.T) {
	r := newRoom(t, lane.Config{Dir: t.TempDir()}, 0).withCity()
	body := r.want("POST", "/en/open/review/manhole", url.Values{"code": {lane.NewCode()}}, 422, "This is still needed:", `<a href="#area">Where?</a>`,
		`<a href="#q.cover">Where is the cover?</a>`, `<fieldset id="q.cover">`, `<a href="#words">What is wrong?</a>`)
	if strings.Contains(body, "«cover»") || strings.Contains(body, "4000 signs") {
		t.Errorf("it is told of in the program's words:\n%s", body)
	}
	r.want("POST", "/en/open/mine", url.Values{"code": {"ty8a-fhs0-n48f"}}, 422, `value="ty8a-fhs0-n48f"`)
	if body := r.want("POST", "/en/open/review/manhole", draft("q.cover", "stolen"), 422, "«Where is the cover?»"); strings.Contains(body, "still needed") {
		t.Errorf("nothing is missing:\n%s", body)
	}
}
