package laneweb

import (
	"net/url"
	"strconv"
	"strings"
	"testing"

	"kua/internal/lane"
	"kua/internal/lane/lanetest"
)

// move moves the newest assignment of a case along, as its authority and the house would.
func (r *room) move(id string, moves ...lane.Move) lane.Assignment {
	r.t.Helper()
	number, err := strconv.ParseInt(id, 10, 64)
	check(r.t, err)
	for i := 0; ; i++ {
		c, err := r.lane.Request(r.t.Context(), number)
		check(r.t, err)
		a := c.Assignments[len(c.Assignments)-1]
		if i == len(moves) {
			return a
		}
		m := moves[i]
		if m.To == lane.Mended {
			m.Picture = lanetest.Proof(r.t, r.lane)
		}
		check(r.t, r.lane.Move(r.t.Context(), a.Number, a.Step, m))
	}
}

var (
	delivered = lane.Move{To: lane.Delivered, By: lane.ByHouse}
	mended    = lane.Move{To: lane.Mended, By: lane.ByOfficial}
	refused   = lane.Move{To: lane.Refused, By: lane.ByOfficial, Reason: "made up"}
)

// TestVerdictPages: after an answer the holder and a supporter are asked on their
// pages, once; everybody reads what both said, side by side.
func TestVerdictPages(t *testing.T) {
	onBoth(t, func(t *testing.T, r *room) {
		f, friend := draft(), lane.NewCode()
		id := r.tell("manhole", f)
		mine := url.Values{"code": f["code"]}
		r.want("POST", "/en/open/same/"+id, url.Values{"code": {friend}}, 200, friend[:4], "Write this code down")
		if body := r.want("POST", "/en/open/mine", mine, 200); strings.Contains(body, "/en/open/judge") {
			t.Error("asked before any answer")
		}
		a := r.move(id, delivered, mended)
		r.want("GET", "/en/open/case/"+id, nil, 200, "is asked whether it is mended", "Counted as answered", `href="/en/open/mine"`)
		asked, _, _ := strings.Cut(r.want("POST", "/en/open/mine", mine, 200, "Is it mended?", `action="/en/open/judge"`, "Your word decides"), `action="/en/open/judge"`)
		if !strings.Contains(asked, `/en/open/picture/`) {
			t.Error("the photo that is to be judged does not stand with the question")
		}
		body := r.want("POST", "/en/open/mine", url.Values{"code": {friend}}, 200, "Is it mended?", "same trouble", "only the writer can confirm")
		if strings.Contains(body, "/en/open/withdraw") || strings.Contains(body, "/en/open/add") || strings.Contains(body, "/en/open/outcome") {
			t.Error("a supporter is offered what is the writer's")
		}
		say := func(code, says, words string, more ...string) url.Values {
			v := url.Values{"code": {code}, "assignment": {strconv.FormatInt(a.Number, 10)}, "answer": {strconv.FormatInt(a.Answer, 10)}, "says": {says}, "words": {words}}
			for i := 0; i < len(more); i += 2 {
				v.Set(more[i], more[i+1])
			}
			return v
		}
		r.want("POST", "/en/open/judge", say(friend, "", "a"), 422, `role="alert"`, ">a</textarea>")
		r.want("POST", "/en/open/judge", say(friend, "not", "Инспектор требовал взятку"), 409, `href="/en/report"`, `name="aware"`, `value="not" required checked`)
		r.want("POST", "/en/open/judge", say(friend, "not", "", "answer", "x"), 422)
		r.want("POST", "/en/open/judge", say(friend, "not", "", "answer", "1"), 409, "no answer stands")
		r.want("POST", "/en/open/judge", say(lane.NewCode(), "not", ""), 404, `name="code"`)
		r.want("POST", "/en/open/judge", say("x", "not", ""), 422, `name="code"`)
		for range 2 {
			r.want("POST", "/en/open/judge", say(friend, "not", "Still <open>"), 200, "You said of this answer: No, not mended.", "Still &lt;open&gt;")
		}
		r.want("POST", "/en/open/judge", say(f.Get("code"), "mended", ""), 200, "You said of this answer: Yes, mended.")
		r.want("POST", "/en/open/judge", say(f.Get("code"), "not", ""), 409, "something else was said")
		r.want("GET", "/en/open/case/"+id, nil, 200, "Counted as confirmed", "The writer says: Yes, mended.", "mended 0, partly 0, not mended 1", "Still &lt;open&gt;")
		r.want("GET", "/ru/open/case/"+id, nil, 200, "исправлено 0, отчасти 0, не исправлено 1")
	})
}

// TestDisputedReopens: the writer says no, and the report is open again, in the
// list and at the authority.
func TestDisputedReopens(t *testing.T) {
	onBoth(t, func(t *testing.T, r *room) {
		f := draft()
		id := r.tell("manhole", f)
		a := r.move(id, delivered, refused)
		r.want("GET", "/en/open/?state=closed", nil, 200, "/en/open/case/"+id)
		r.want("POST", "/en/open/mine", url.Values{"code": f["code"]}, 200, "never counted as mended")
		v := url.Values{"code": f["code"], "assignment": {strconv.FormatInt(a.Number, 10)}, "answer": {strconv.FormatInt(a.Answer, 10)}, "says": {"not"}}
		body := r.want("POST", "/en/open/judge", v, 200, "Counted as disputed", "in work")
		if strings.Contains(body, `action="/en/open/judge"`) {
			t.Error("an answer that stands no more is asked about")
		}
		r.want("GET", "/en/open/?state=open", nil, 200, "/en/open/case/"+id)
	})
}

// TestOutcomePages: the holder tells what came of it; the link is shown as it is,
// leads nowhere but there, and tells nobody whence it was followed.
func TestOutcomePages(t *testing.T) {
	r := newRoom(t, lane.Config{Dir: t.TempDir()}, 0).withCity()
	f := draft()
	id := r.tell("manhole", f)
	number, err := strconv.ParseInt(id, 10, 64)
	check(t, err)
	c, err := r.lane.Request(t.Context(), number)
	check(t, err)
	tell := func(what, link, on string) url.Values {
		return url.Values{"code": f["code"], "what": {what}, "link": {link}, "on": {on}}
	}
	for _, bad := range []url.Values{tell("promoted", "", string(c.Day)), tell("nothing", "javascript:alert(1)", string(c.Day)), tell("nothing", `https://a.example/"><script>`, string(c.Day)),
		tell("nothing", "", "2001-01-01"), tell("nothing", "", "")} {
		if body := r.want("POST", "/en/open/outcome", bad, 422, `role="alert"`, "<details open>"); strings.Contains(body, "<script>") {
			t.Error("it is not escaped")
		}
	}
	r.want("POST", "/en/open/outcome", tell("compensated", "https://news.example/17?a=b&c=d", string(c.Day)), 200, "compensated")
	r.want("GET", "/en/open/case/"+id, nil, 200, "<strong>compensated</strong>", `href="https://news.example/17?a=b&amp;c=d" rel="noreferrer nofollow noopener external"`, "read it at news.example", "as the writer says")
	check(t, r.lane.StrikeOutcome(t.Context(), number, 2, "another case, made up"))
	if body := r.want("GET", "/en/open/case/"+id, nil, 200, "(taken back", "another case, made up"); strings.Contains(body, `href="https://news.example`) {
		t.Error("what was taken back still leads there")
	}
	r.want("POST", "/en/open/outcome", url.Values{"code": {lane.NewCode()}, "what": {"nothing"}, "on": {string(c.Day)}}, 404)
}
