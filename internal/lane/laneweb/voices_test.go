package laneweb

import (
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"kua/internal/lane"
	"kua/internal/locale"
)

func questioned(changes ...string) url.Values {
	f := url.Values{"code": {lane.NewCode()}, "words": {"Когда починят водокачку? Выдумано"}, "do": {"send"}}
	for i := 0; i < len(changes); i += 2 {
		f.Set(changes[i], changes[i+1])
	}
	return f
}

// TestPublicQuestion goes a question's way: it is looked at, steered and held like a
// report, asked also by others, sent to its authority, answered there, and judged by
// whoever asked. It is in no count, in no data and on no way to another system.
func TestPublicQuestion(t *testing.T) {
	clocked(t, func(t *testing.T, r *room, _ *atomic.Int64) {
		r.want("GET", "/en/open/authority/water", nil, 200, `href="/en/open/ask/water"`, "Public questions", "Nothing here yet")
		r.want("GET", "/en/open/authority/nobody", nil, 404)
		r.want("GET", "/ru/open/ask/water", nil, 200, `name="code"`, `href="/ru/report"`)
		f := questioned()
		r.want("POST", "/ru/open/ask/water", url.Values{"code": f["code"], "words": f["words"]}, 200, "Когда починят водокачку", `value="send"`)
		r.want("POST", "/ru/open/ask/water", questioned("words", ""), 422, `role="alert"`)
		danger := questioned("words", "Почему инспектор требовал взятку?")
		r.want("POST", "/ru/open/ask/water", danger, 200, "взятку", `href="/ru/report"`, `role="alert"`, `name="aware"`)
		for _, code := range []string{f.Get("code"), danger.Get("code")} {
			if _, err := r.lane.Held(t.Context(), code); err == nil {
				t.Fatal("it was kept before it was sent")
			}
		}
		var id string
		for range 2 { // the same code again is the same question
			body := r.want("POST", "/ru/open/ask/water", f, 200, "Отправлено", f.Get("code")[:4])
			if m := caseLink.FindStringSubmatch(body); id != "" && m[1] != id {
				t.Fatalf("one code asked %s and %s", id, m[1])
			} else {
				id = m[1]
			}
		}
		number, err := strconv.ParseInt(id, 10, 64)
		check(t, err)
		page := "/en/open/case/" + id
		body := r.want("GET", page, nil, 200, "Question "+id, "public question", "What is asked?", "Ulgi Water Works", "I ask this too", `href="/en/open/authority/water"`)
		for _, no := range []string{"Counted as", "Formal appeal", "What is wrong?"} {
			if strings.Contains(body, no) {
				t.Errorf("a question says %q", no)
			}
		}
		for _, list := range []string{"/en/open/", "/en/open/authority/water", "/en/open/?q=водокачку"} {
			r.want("GET", list, nil, 200, page)
		}
		r.want("GET", "/en/open/authority/water/feed", nil, 200, page, "public question")
		r.want("GET", "/en/open/feed", nil, 200, page)
		for _, apart := range []string{"/en/open/data/cases.csv", "/en/open/data/cases.jsonl", "/en/open/score/authority/water/rows.csv"} {
			if body := r.want("GET", apart, nil, 200); strings.Contains(body, "водокачку") {
				t.Errorf("%s has a question among reports", apart)
			}
		}
		if counts, err := r.lane.Recount(t.Context(), false); err != nil || len(counts) > 0 {
			t.Errorf("the counts differ: %+v, %v", counts, err)
		}
		if body := r.want("GET", "/en/open/score/authority/water", nil, 200); strings.Contains(body, "of 1 ") {
			t.Errorf("a question is counted:\n%s", body)
		}
		r.want("POST", "/en/open/appeal", url.Values{"code": f["code"]}, 409)

		friend := lane.NewCode()
		r.want("POST", "/en/open/same/"+id, url.Values{"code": {friend}}, 200, "Others who ask this: 1.", friend[:4])

		at := "/en/open/at/" + r.linkTo(number)
		body = r.want("GET", at, nil, 200, "Answer in public", "The answer")
		if strings.Contains(body, `value="withdrawn"`) {
			t.Error("an authority can take back a question that it was asked")
		}
		step := func() string { return shownStep.FindStringSubmatch(r.want("GET", at, nil, 200))[1] }
		r.want("POST", at, url.Values{"step": {step()}, "to": {"answered_mended"}}, 422, "missing")
		r.want("POST", at, url.Values{"step": {step()}, "to": {"answered_mended"}, "reason": {"Скоро, выдумано"}}, 200, "Your answer stands")
		r.want("GET", page, nil, 200, "answered", "Скоро, выдумано", "has not said yet whether that answers it")
		say := func(code, says string) {
			t.Helper()
			who, err := r.lane.Who(t.Context(), code)
			check(t, err)
			a := who.Asked[0]
			r.want("POST", "/en/open/judge", url.Values{"code": {code}, "assignment": {strconv.FormatInt(a.Assignment, 10)}, "answer": {strconv.FormatInt(a.Answer, 10)}, "says": {says}}, 200)
		}
		r.want("POST", "/en/open/mine", url.Values{"code": {friend}}, 200, "Is it answered?", "asks this too", "No, not answered")
		say(friend, "not")
		say(f.Get("code"), "not")
		r.want("GET", page, nil, 200, "in work", "Not answered, say those who asked")
		r.want("POST", at, url.Values{"step": {step()}, "to": {"answered_mended"}, "reason": {"В среду, выдумано"}}, 200, "Your answer stands")
		say(f.Get("code"), "mended")
		r.want("GET", page, nil, 200, "Answered, says who asked.", "Yes, answered")

		held := questioned("words", "Почему об этом пишут на spam.example.com?")
		r.want("POST", "/ru/open/ask/water", held, 200, "Отправлено")
		waiting, err := r.lane.Held(t.Context(), held.Get("code"))
		check(t, err)
		if body := r.want("GET", "/en/open/authority/water", nil, 200); strings.Contains(body, "spam.example") {
			t.Error("a held question is shown")
		}
		token, c, err := r.lane.AddChecker(t.Context(), "A. M.", 3)
		check(t, err)
		r.want("GET", "/en/open/check/"+token+"/"+strconv.FormatInt(waiting, 10), nil, 200, "spam.example", "public question", "Let it through", "Ulgi Water Works")
		check(t, r.lane.Decide(t.Context(), lane.Check{Checker: c.Number, Request: waiting, Seen: 1, To: lane.Routed}))
		r.want("GET", "/en/open/authority/water", nil, 200, "spam.example", page)
	})
}

// TestPosts: an authority announces and pledges from its account; what it corrects
// and takes back stays readable; nobody else can; a pledge is overdue by its day
// alone, kept by the authority's word, and disputed by those who waited for it.
func TestPosts(t *testing.T) {
	clocked(t, func(t *testing.T, r *room, days *atomic.Int64) {
		water, roads := r.hired("water", "Duty desk", false), r.hired("roads", "Road office", false)
		post := func(o *official, status int, changes ...string) url.Values {
			t.Helper()
			f := o.form(append([]string{"do", "announcement", "code", lane.NewCode(), "words", "Воды не будет, выдумано", "language", "ru", "area", "south", "what", "water",
				"begins", "2026-11-29", "ends", "2026-12-03"}, changes...)...)
			o.ask("POST", "/en/open/office/board", f, status)
			return f
		}
		f := post(water, 200)
		water.ask("POST", "/en/open/office/board", f, 200) // a second click
		post(water, 422, "ends", "2026-11-27")
		post(water, 422, "begins", "2026-12-04")
		post(water, 422, "words", " ")
		post(water, 422, "do", "question")
		post(water, 404, "area", "nowhere")
		water.ask("POST", "/en/open/office/board", url.Values{"do": {"announcement"}}, 403)
		body := r.want("GET", "/en/open/authority/water", nil, 200, "Воды не будет", "from 29 November 2026 until 3 December 2026", "announced")
		if n := strings.Count(body, "/en/open/case/"); n != 1 {
			t.Errorf("%d posts, want one", n)
		}
		id := caseLink.FindStringSubmatch(body)[1]
		page := "/en/open/case/" + id
		for _, list := range []string{"/en/open/", "/en/open/area/south", "/en/open/area/ulgi", "/en/open/feed"} {
			r.want("GET", list, nil, 200, page)
		}
		for _, list := range []string{"/en/open/area/north", "/en/open/feed?area=north"} {
			if body := r.want("GET", list, nil, 200); strings.Contains(body, page) {
				t.Errorf("%s has what another area is told", list)
			}
		}
		if body := r.want("GET", page, nil, 200, "Announcement "+id, "the authority: announced"); strings.Contains(body, "/open/same/") || strings.Contains(body, "Counted as") {
			t.Errorf("what an announcement is not:\n%s", body)
		}
		part := func(id string) string {
			t.Helper()
			n, err := strconv.ParseInt(id, 10, 64)
			check(t, err)
			q, err := r.lane.Request(t.Context(), n)
			check(t, err)
			return "/en/open/office/part/" + strconv.FormatInt(q.Assignments[0].Number, 10)
		}
		step := func(id string) string {
			t.Helper()
			return shownStep.FindStringSubmatch(water.ask("GET", part(id), nil, 200))[1]
		}
		roads.ask("GET", part(id), nil, 404)
		fix := water.form("correct", "yes", "step", step(id), "words", "Воды не будет два дня, выдумано", "begins", "2026-11-29", "ends", "2026-11-30")
		water.ask("POST", part(id), fix, 422, "два дня", "<details open>")
		fix.Set("reason", "shorter, made up")
		roads.ask("POST", part(id), roads.form("correct", "yes", "step", "0", "words", "x", "reason", "y"), 404)
		water.ask("POST", part(id), fix, 200)
		water.ask("POST", part(id), fix, 409) // somebody was faster
		r.want("GET", page, nil, 200, "Воды не будет, выдумано", "corrects it", "shorter, made up", "until 30 November 2026")
		r.want("GET", "/en/open/?q=два", nil, 200, page)
		days.Store(3)
		if body := r.want("GET", "/en/open/area/south", nil, 200); strings.Contains(body, "until 30 November") {
			t.Error("it is over and still announced")
		}
		days.Store(0)
		water.ask("POST", part(id), water.form("step", step(id), "to", "withdrawn", "reason", "called off, made up"), 200)
		r.want("GET", page, nil, 200, "taken back", "called off, made up")
		water.ask("POST", part(id), water.form("step", "2", "to", "answered_mended"), 409)

		// What names no area is said wherever its authority is bound.
		wide, bazaar := "Давления не будет, выдумано", "Рынок закрыт, выдумано"
		post(water, 200, "area", "", "words", wide)
		post(r.hired("bazaar-office", "Bazaar desk", false), 200, "area", "", "words", bazaar)
		for list, narrow := range map[string]bool{"/en/open/area/south": false, "/en/open/feed?area=north": false, "/en/open/area/bazaar": true, "/en/open/feed?area=bazaar": true} {
			if body := r.want("GET", list, nil, 200, wide); strings.Contains(body, bazaar) != narrow {
				t.Errorf("%s has what the bazaar's office says: %v", list, !narrow)
			}
		}

		// The fifth of December is a Saturday.
		f = post(water, 200, "do", "pledge", "begins", "", "ends", "2026-12-05", "words", "Починим водокачку, выдумано")
		r.want("POST", "/en/open/mine", url.Values{"code": f["code"]}, 404) // the authority holds no code to its own pledge
		id = caseLink.FindStringSubmatch(r.want("GET", "/en/open/?q=Починим", nil, 200))[1]
		page = "/en/open/case/" + id
		r.want("GET", page, nil, 200, "by 5 December 2026", "Its day has not come yet", "until 7 December 2026", "weekend", "I wait for this")
		var waiting []string
		for range 2 {
			waiting = append(waiting, lane.NewCode())
			r.want("POST", "/en/open/same/"+id, url.Values{"code": {waiting[len(waiting)-1]}}, 200, "Who waits for this")
		}
		water.ask("POST", part(id), water.form("correct", "yes", "step", step(id), "words", "Починим, выдумано", "ends", "2027-12-05", "reason", "later"), 409)
		days.Store(9) // 7 December
		r.want("GET", page, nil, 200, "Its day has not come yet")
		days.Store(12)
		r.want("GET", page, nil, 200, "Past its day", "Days late: 3.")
		r.want("GET", "/en/open/authority/water", nil, 200, "Past its day")
		water = r.hired("water", "Late desk", false) // the other's session is over
		water.ask("POST", part(id), water.form("step", step(id), "to", "planned", "on", "2027-01-01"), 409)
		water.ask("POST", part(id), water.form("step", step(id), "to", "answered_mended"), 200)
		r.want("GET", page, nil, 200, "Kept, says the authority", "Days late: 3.")
		for i, code := range waiting {
			r.want("POST", "/en/open/mine", url.Values{"code": {code}}, 200, "Is it kept?", "Two who say")
			who, err := r.lane.Who(t.Context(), code)
			check(t, err)
			a := who.Asked[0]
			r.want("POST", "/en/open/judge", url.Values{"code": {code}, "assignment": {strconv.FormatInt(a.Assignment, 10)}, "answer": {strconv.FormatInt(a.Answer, 10)}, "says": {[]string{"not", "partly"}[i]}}, 200)
		}
		r.want("GET", page, nil, 200, "Disputed: those who waited", "kept 0, partly 1, not kept 1")
		if counts, err := r.lane.Recount(t.Context(), false); err != nil || len(counts) > 0 {
			t.Errorf("the counts differ: %+v, %v", counts, err)
		}
	})
}

// TestVoicePages: in every language each page says everything in it, within the budget.
func TestVoicePages(t *testing.T) {
	r := newRoom(t, lane.Config{Dir: t.TempDir()}, 0).withCity()
	var ids []string
	for _, m := range []lane.Matter{lane.Announcement, lane.Pledge} {
		p := lane.Post{Matter: m, By: lane.ByHouse, Authority: "water", Language: locale.Russian, Words: "Выдумано", Ends: r.lane.Today().Plus(30)}
		if m == lane.Announcement {
			p.Begins = r.lane.Today()
		}
		id, err := r.lane.AddPost(t.Context(), p)
		check(t, err)
		ids = append(ids, strconv.FormatInt(id, 10))
	}
	o := r.hired("water", "Duty desk", false)
	for _, lang := range locale.Tags() {
		root := "/" + lang.Path() + "/open"
		q := questioned()
		for _, body := range []string{r.want("GET", root+"/authority/water", nil, 200, "atom+xml"), r.want("GET", root+"/ask/water", nil, 200), r.want("POST", root+"/ask/water", url.Values{"code": q["code"], "words": q["words"]}, 200),
			r.want("POST", root+"/ask/water", q, 200), r.want("GET", root+"/case/"+ids[0], nil, 200), r.want("GET", root+"/case/"+ids[1], nil, 200), o.ask("GET", root+"/office/board", nil, 200)} {
			if strings.Contains(body, "voice.") || strings.Contains(body, "laneweb.") || strings.Contains(body, "ZgotmplZ") {
				t.Errorf("%s: a key is shown:\n%s", lang, body)
			}
			if n := packed(t, body); n > 8_000 {
				t.Errorf("%s: %d bytes compressed, the budget is 8000", lang, n)
			}
		}
	}
}
