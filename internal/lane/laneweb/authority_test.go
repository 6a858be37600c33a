package laneweb

import (
	"bytes"
	"errors"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"kua/internal/appeal"
	"kua/internal/authority"
	"kua/internal/fault"
	"kua/internal/lane"
	"kua/internal/lane/lanetest"
	"kua/internal/locale"
)

// clocked is a room whose lane's clock is moved by hand, on either engine.
func clocked(t *testing.T, test func(t *testing.T, r *room, days *atomic.Int64)) {
	for name, cfg := range map[string]func() lane.Config{
		"sqlite":   func() lane.Config { return lane.Config{Dir: t.TempDir()} },
		"postgres": func() lane.Config { return lane.Config{URL: lanetest.Database(t)} },
	} {
		t.Run(name, func(t *testing.T) {
			var days atomic.Int64
			c := cfg()
			c.Now = func() time.Time {
				return time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC).AddDate(0, 0, int(days.Load()))
			}
			test(t, newRoom(t, c, 0).withCity(), &days)
		})
	}
}

// sent tells a report and gives it as delivered, with the link of its authority.
func (r *room) sent(category string, f url.Values) (id int64, token string) {
	r.t.Helper()
	id, err := strconv.ParseInt(r.tell(category, f), 10, 64)
	check(r.t, err)
	return id, r.linkTo(id)
}

// linkTo is the link of a request's newest assignment, after it was delivered.
func (r *room) linkTo(id int64) string {
	r.t.Helper()
	for {
		d, ok, err := r.lane.Take(r.t.Context(), "test", time.Minute)
		check(r.t, err)
		if !ok {
			break
		}
		check(r.t, r.lane.Sent(r.t.Context(), d, d.Event))
	}
	q, err := r.lane.Request(r.t.Context(), id)
	check(r.t, err)
	token, _, err := r.lane.Link(r.t.Context(), q.Assignments[len(q.Assignments)-1].Number)
	check(r.t, err)
	return token
}

var shownStep = regexp.MustCompile(`name="step" value="(\d+)"`)

// answer posts an answer from the page as it stands.
func (r *room) answer(token string, status int, changes ...string) string {
	r.t.Helper()
	page := r.want(http.MethodGet, "/en/open/at/"+token, nil, 200)
	f := url.Values{"step": {shownStep.FindStringSubmatch(page)[1]}}
	for i := 0; i < len(changes); i += 2 {
		f.Set(changes[i], changes[i+1])
	}
	return r.want(http.MethodPost, "/en/open/at/"+token, f, status)
}

func (r *room) state(id int64) (all []lane.State) {
	r.t.Helper()
	q, err := r.lane.Request(r.t.Context(), id)
	check(r.t, err)
	for _, a := range q.Assignments {
		all = append(all, a.State)
	}
	return all
}

// TestAuthorityAnswers goes an authority's way on a link: every answer that the
// table offers, what each needs, and what the citizen then reads.
func TestAuthorityAnswers(t *testing.T) {
	clocked(t, func(t *testing.T, r *room, _ *atomic.Int64) {
		f := draft()
		f.Del("q.cover")
		id, token := r.sent("water", f)
		public := "/en/open/case/" + strconv.FormatInt(id, 10)
		for _, c := range []struct {
			status int
			want   string // on the page that follows
			fields []string
		}{
			{422, "Something that this answer needs is missing", []string{"to", "registered"}},
			{422, `required value="8 700 123 45 67"`, []string{"to", "registered", "number", "8 700 123 45 67"}}, // what was typed is there to be mended
			{200, "Your answer stands", []string{"to", "registered", "number", "Ю-17/2026"}},
			{409, "From «registered»", []string{"to", "registered", "number", "18"}},
			{422, `required value="2026-11-27"`, []string{"to", "planned", "on", "2026-11-27"}},
			{422, "Something that this answer needs is missing", []string{"to", "planned", "on", "zzzz"}},
			{200, "Your answer stands", []string{"to", "planned", "on", "2026-12-05", "reason", "Ждём трубу"}},
			{200, "Your answer stands", []string{"to", "info_needed", "reason", "Какой подъезд?"}},
			{409, "it does not go to", []string{"to", "withdrawn", "reason", "x"}},
			{409, "it does not go to", []string{"to", "delivered"}},
		} {
			if body := r.answer(token, c.status, c.fields...); !strings.Contains(body, c.want) {
				t.Fatalf("%v gives no %q:\n%s", c.fields, c.want, body)
			}
		}
		// The holder reads the question and answers it; the authority is to be told.
		mine := r.want(http.MethodPost, "/en/open/mine", f, 200, "Какой подъезд?", "Answer the authority")
		reply := url.Values{"code": f["code"], "part": {regexp.MustCompile(`name="part" value="(\d+)"`).FindStringSubmatch(mine)[1]},
			"step": {shownStep.FindStringSubmatch(mine)[1]}, "words": {"Третий"}}
		danger := url.Values{"code": reply["code"], "part": reply["part"], "step": reply["step"], "words": {"Нас избили"}}
		r.want(http.MethodPost, "/ru/open/answer", danger, 409, "могут означать опасность")
		r.want(http.MethodPost, "/en/open/answer", reply, 200, "Третий", "in work")
		r.want(http.MethodPost, "/en/open/answer", reply, 200) // sent twice
		reply.Set("words", "Четвёртый")
		r.want(http.MethodPost, "/en/open/answer", reply, 409, "Четвёртый") // somebody was faster
		all, err := r.lane.Deliveries(t.Context(), id)
		check(t, err)
		if last := all[len(all)-1]; !last.Waiting || last.Opening {
			t.Errorf("the authority is not told of the reply: %+v", all)
		}
		r.answer(token, 422, "to", "answered_refused")
		if body := r.answer(token, 200, "to", "answered_mended", "reason", "Труба заменена"); !strings.Contains(body, "Your part of it is closed") {
			t.Error("the page does not say that the part is closed")
		}
		r.want(http.MethodGet, public, nil, 200, "the authority says: mended", "Труба заменена", "Ю-17/2026", "5 December 2026", "Третий", "Какой подъезд?")
		if got := r.state(id); len(got) != 1 || got[0] != lane.Mended {
			t.Errorf("it stands as %v", got)
		}
	})
}

// TestNotOurs: the new owner is chosen from a list, gets an assignment and a
// delivery of its own, and the old link answers for it no more.
func TestNotOurs(t *testing.T) {
	clocked(t, func(t *testing.T, r *room, _ *atomic.Int64) {
		f := draft()
		f.Del("q.cover")
		id, token := r.sent("water", f)
		page := r.want(http.MethodGet, "/ru/open/at/"+token, nil, 200, `<option value="roads">Отдел дорог</option>`)
		if strings.Contains(page, `<option value="water">`) {
			t.Error("the authority itself is among the owners")
		}
		r.answer(token, 422, "to", "answered_redirected")
		r.answer(token, 404, "to", "answered_redirected", "owner", "nobody")
		r.answer(token, 422, "to", "answered_redirected", "owner", "water")
		step := shownStep.FindStringSubmatch(page)[1]
		twice := url.Values{"step": {step}, "to": {"answered_redirected"}, "owner": {"roads"}, "reason": {"Это дорога"}}
		r.want(http.MethodPost, "/en/open/at/"+token, twice, 200, "Your answer stands", "Your part of it is closed")
		r.want(http.MethodPost, "/en/open/at/"+token, twice, 200, "Your answer stands") // a second click
		if got := r.state(id); len(got) != 2 || got[0] != lane.Redirected || got[1] != lane.Routed {
			t.Fatalf("it stands as %v", got)
		}
		all, err := r.lane.Deliveries(t.Context(), id)
		if err != nil || len(all) != 2 || !all[1].Opening || !all[1].Waiting || all[1].Assignment == all[0].Assignment {
			t.Errorf("Deliveries = %+v, %v", all, err)
		}
		r.want(http.MethodPost, "/en/open/at/"+token, url.Values{"step": {"9"}, "to": {"answered_mended"}}, 409)
	})
}

// TestMendedNeedsPhoto: where the category asks for a photo an answer without one is
// not taken, one with a photo shows it cleaned to everybody, and a second click is no second act.
func TestMendedNeedsPhoto(t *testing.T) {
	r := newRoom(t, lane.Config{Dir: t.TempDir(), Cleaner: lanetest.Cleaner(t)}, 0).withCity()
	id, token := r.sent("manhole", draft())
	if body := r.answer(token, 422, "to", "answered_mended"); !strings.Contains(body, "Something that this answer needs is missing") {
		t.Errorf("without a photo:\n%s", body)
	}
	send := func(photo []byte, status int) string {
		t.Helper()
		var b bytes.Buffer
		m := multipart.NewWriter(&b)
		check(t, m.WriteField("step", "1"))
		check(t, m.WriteField("to", "answered_mended"))
		part, err := m.CreateFormFile("photo", "IMG_0001.jpg")
		check(t, err)
		_, err = part.Write(photo)
		check(t, err)
		check(t, m.Close())
		resp, err := http.Post(r.server.URL+"/en/open/at/"+token, m.FormDataContentType(), &b)
		check(t, err)
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode != status {
			t.Fatalf("%d, want %d, %v:\n%s", resp.StatusCode, status, err, body)
		}
		return string(body)
	}
	send([]byte("no photo at all"), 422)
	if got := r.state(id)[0]; got != lane.Delivered {
		t.Fatalf("it is %s", got)
	}
	photo := lanetest.Photo(t, 640, 480, 7)
	for range 2 {
		if body := send(photo, 200); !strings.Contains(body, "Your answer stands") {
			t.Errorf("with a photo:\n%s", body)
		}
	}
	public := r.want(http.MethodGet, "/en/open/case/"+strconv.FormatInt(id, 10), nil, 200, "the authority says: mended", "what the authority shows")
	small := regexp.MustCompile(`<img src="([^"]+)"`).FindStringSubmatch(public)
	resp, body := r.get(small[1])
	if resp.StatusCode != 200 || !strings.HasPrefix(body, "\xff\xd8") {
		t.Errorf("the picture answers %d", resp.StatusCode)
	}
	if history, err := r.lane.History(t.Context(), id); err != nil || len(history) != 3 || history[2].Picture == "" {
		t.Errorf("History = %+v, %v", history, err)
	}
}

// TestLinkOpensOneCase: the link shows and moves its own request and no other, looking
// changes nothing, and what was forged, void or expired opens nothing.
func TestLinkOpensOneCase(t *testing.T) {
	clocked(t, func(t *testing.T, r *room, days *atomic.Int64) {
		f, g := draft("words", "Нет воды, моё"), draft("words", "Нет воды, чужое")
		f.Del("q.cover")
		g.Del("q.cover")
		mine, token := r.sent("water", f)
		other, foreign := r.sent("water", g)
		for range 3 {
			resp, body := r.get("/en/open/at/" + token)
			if !strings.Contains(body, "моё") || strings.Contains(body, "чужое") || strings.Contains(body, foreign) {
				t.Fatalf("the page shows another report:\n%s", body)
			}
			for name, want := range map[string]string{"Referrer-Policy": "no-referrer", "X-Robots-Tag": "noindex, nofollow, noarchive", "Cache-Control": "no-store", "Set-Cookie": ""} {
				if got := resp.Header.Get(name); got != want {
					t.Errorf("%s = %q, want %q", name, got, want)
				}
			}
		}
		if history, err := r.lane.History(t.Context(), mine); err != nil || len(history) != 2 {
			t.Errorf("looking has written %d events, %v", len(history), err)
		}
		r.answer(token, 200, "to", "in_work")
		if a, b := r.state(mine)[0], r.state(other)[0]; a != lane.InWork || b != lane.Delivered {
			t.Errorf("mine is %s, the other %s", a, b)
		}
		for i := range token { // every byte of it counts
			changed := token[:i] + map[bool]string{true: "B", false: "A"}[token[i] == 'A'] + token[i+1:]
			if _, _, err := r.lane.Opened(t.Context(), changed); !errors.Is(err, fault.NotFound("lane.bad_link")) {
				t.Fatalf("changed at %d it opens: %v", i, err)
			}
		}
		for _, bad := range []string{"x", token + "A", token[1:], strings.Repeat("A", 40), "%00", strings.Repeat("A", 4000)} {
			r.want(http.MethodGet, "/en/open/at/"+bad, nil, 404)
			r.want(http.MethodPost, "/en/open/at/"+bad, url.Values{"step": {"1"}, "to": {"in_work"}}, 404)
			r.want(http.MethodPost, "/en/open/at/"+bad+"/renew", url.Values{}, 404)
		}
		days.Store(90)
		r.want(http.MethodGet, "/en/open/at/"+token, nil, 200)
		days.Store(91)
		r.want(http.MethodGet, "/en/open/at/"+token, nil, 403, "26 February 2027", "Send a new link")
		if body := r.want(http.MethodPost, "/en/open/at/"+token, url.Values{"step": {"2"}, "to": {"answered_refused"}, "reason": {"typed for an hour"}}, 403, "Copy it before", ">typed for an hour</textarea>"); strings.Contains(body, "моё") {
			t.Error("an expired link shows the report")
		}
		if got := r.state(mine)[0]; got != lane.InWork {
			t.Errorf("an expired link moved it to %s", got)
		}
		r.want(http.MethodPost, "/en/open/at/"+token+"/renew", url.Values{}, 200, "A new link goes to that address")
		r.want(http.MethodPost, "/en/open/at/"+token+"/renew", url.Values{}, 200) // twice is once
		all, err := r.lane.Deliveries(t.Context(), mine)
		if err != nil || len(all) != 1 || !all[0].Waiting || all[0].Since != "2027-02-27" {
			t.Errorf("Deliveries = %+v, %v", all, err)
		}
		r.linkTo(mine) // it is sent
		r.want(http.MethodPost, "/en/open/at/"+token+"/renew", url.Values{}, 200)
		if all, err = r.lane.Deliveries(t.Context(), mine); err != nil || all[0].Waiting {
			t.Errorf("an expired link fills its authority's mailbox: %+v, %v", all, err)
		}
		q, err := r.lane.Request(t.Context(), other)
		check(t, err)
		fresh := r.linkTo(other)
		check(t, r.lane.Renew(t.Context(), q.Assignments[0].Number, true))
		r.want(http.MethodGet, "/en/open/at/"+fresh, nil, 403, "made void")
		r.want(http.MethodPost, "/en/open/at/"+fresh, url.Values{"step": {"1"}, "to": {"answered_mended"}}, 403)
	})
}

// TestLinkShowsNoContact: an authority's page has neither the holder's code nor their
// contact, the letters that wait nor what was entered under the code, and no page or
// download has; an exact place only where it is bound to mend and everybody else is shown it roughly.
func TestLinkShowsNoContact(t *testing.T) {
	r, _ := sealing(t, lane.Config{Dir: t.TempDir()}, authority.Sample())
	f := draft("area", "", "point", "45.123456, 65.017654")
	f.Del("q.cover")
	id, err := strconv.ParseInt(r.tell("heating", f), 10, 64)
	check(t, err)
	q, err := r.lane.Request(t.Context(), id)
	check(t, err)
	check(t, r.lane.Move(t.Context(), q.Assignments[0].Number, 0, lane.Move{To: lane.Routed, By: lane.ByHouse}))
	token := r.linkTo(id)
	body := r.want(http.MethodGet, "/en/open/at/"+token, nil, 200, "45.123456,65.017654", "Exact place")
	if strings.Contains(body, f.Get("code")) {
		t.Error("the holder's code is on the authority's page")
	}
	code, friend := f.Get("code"), lane.NewCode()
	check(t, r.lane.Support(t.Context(), id, friend))
	check(t, r.lane.Contact(t.Context(), code, "canary-contact"))
	check(t, r.lane.Attest(t.Context(), code, 0, lane.Entry{Act: appeal.Submitted, Day: "2026-11-28", Authority: "city-hall"}))
	check(t, r.lane.Attest(t.Context(), code, 1, lane.Entry{Act: appeal.Registered, Day: "2026-11-28", Note: lane.Note{Number: "canary-number", Reason: "canary-reason"}}))
	check(t, r.lane.Entrust(t.Context(), code, lane.Letter{Step: appeal.Reminder, Body: "city-hall", Language: locale.Russian, Text: "canary-letter", Contact: "canary-contact"}))
	for _, path := range []string{"/at/" + token, "/case/" + strconv.FormatInt(id, 10), "/", "/feed", "/map", "/area/south", "/score/authority/city-hall", "/score/category/heating/rows.csv",
		"/data/cases.csv", "/data/cases.jsonl", "/data/cases.geojson"} {
		body := r.want(http.MethodGet, "/en/open"+path, nil, 200)
		for _, private := range []string{"canary", code, friend} {
			if strings.Contains(body, private) {
				t.Errorf("%s shows %s", path, private)
			}
		}
	}
	if public := r.want(http.MethodGet, "/en/open/case/"+strconv.FormatInt(id, 10), nil, 200); strings.Contains(public, "45.123") || strings.Contains(public, token) {
		t.Error("everybody sees the exact place, or the link")
	}
	// Whoever is bound no more sees no more than everybody.
	r.answer(token, 200, "to", "answered_redirected", "owner", "water")
	if body := r.want(http.MethodGet, "/en/open/at/"+token, nil, 200); strings.Contains(body, "45.123") {
		t.Error("an authority whose part is closed still sees the exact place")
	}
	// What a held category hides it hides from authorities too.
	held := draft("area", "", "point", "45.123456, 65.017654")
	held.Del("q.cover")
	id, err = strconv.ParseInt(r.tell("no-answer", held), 10, 64)
	check(t, err)
	q, err = r.lane.Request(t.Context(), id)
	check(t, err)
	check(t, r.lane.Move(t.Context(), q.Assignments[0].Number, 0, lane.Move{To: lane.Routed, By: lane.ByHouse}))
	if body := r.want(http.MethodGet, "/en/open/at/"+r.linkTo(id), nil, 200); strings.Contains(body, "45.12") {
		t.Error("the place of a held report is shown")
	}
}

// TestLinkPages: the page of a link and what it says of trouble, in every language,
// without keys, scripts or anything from elsewhere.
func TestLinkPages(t *testing.T) {
	r := newRoom(t, lane.Config{Dir: t.TempDir()}, 0).withCity()
	f := draft()
	f.Del("q.cover")
	_, token := r.sent("water", f)
	for _, lang := range locale.Tags() {
		at := "/" + lang.Path() + "/open/at/" + token
		for _, body := range []string{
			r.want(http.MethodGet, at, nil, 200), r.want(http.MethodPost, at, url.Values{"step": {"1"}, "to": {"answered_refused"}}, 422), r.want(http.MethodGet, at+"x", nil, 404),
		} {
			if strings.Contains(body, "laneweb.") || regexp.MustCompile(`(?i)<script|<style| style="| on[a-z]+="|(?:src|href|action)="(?:https?:)?//`).MatchString(body) {
				t.Errorf("%s:\n%s", at, body)
			}
		}
	}
	// A form that another site's page sent does not answer for anybody.
	resp, _ := r.do(http.MethodPost, "/en/open/at/"+token, url.Values{"step": {"1"}, "to": {"in_work"}}, "Sec-Fetch-Site", "cross-site")
	if resp.StatusCode != http.StatusForbidden {
		t.Errorf("a foreign form answers %d", resp.StatusCode)
	}
	_, _ = io.Copy(io.Discard, resp.Body)
}

// TestUndeliveredIsShown: everybody who waits sees that an authority could not be
// told, since when, how often it was tried, and why.
func TestUndeliveredIsShown(t *testing.T) {
	clocked(t, func(t *testing.T, r *room, _ *atomic.Int64) {
		f := draft()
		f.Del("q.cover")
		id := r.tell("water", f)
		r.want(http.MethodGet, "/en/open/case/"+id, nil, 200, "assigned, not delivered yet")
		d, ok, err := r.lane.Take(t.Context(), "test", time.Minute)
		if err != nil || !ok {
			t.Fatal(ok, err)
		}
		check(t, r.lane.Failed(t.Context(), d, fault.Later("mail.later"), lane.TryFailed))
		want := "Not delivered yet, since 28 November 2026. Tried: 1. No mail server took the letter."
		r.want(http.MethodGet, "/en/open/case/"+id, nil, 200, want)
		r.want(http.MethodPost, "/en/open/mine", f, 200, want)
	})
}

// FuzzLink: whatever stands where a token should opens nothing and breaks nothing.
func FuzzLink(f *testing.F) {
	l, err := lane.Open(f.Context(), lane.Config{Dir: f.TempDir()})
	if err != nil {
		f.Fatal(err)
	}
	defer l.Close()
	token, _, err := l.Link(f.Context(), 7)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(token)
	f.Add("AQEBAQEB")
	f.Fuzz(func(t *testing.T, token string) {
		if _, _, err := l.Opened(t.Context(), token); !errors.Is(err, fault.NotFound("lane.bad_link")) {
			t.Errorf("%q: %v", token, err)
		}
	})
}
