package laneweb

import (
	"net/url"
	"strconv"
	"strings"
	"testing"

	"kua/internal/lane"
	"kua/internal/lane/lanetest"
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

// TestAddedPhotosAreSeenFirst: a photo that comes with words that are added, or with the answer to a
// question, is shown as everybody would see it before anything is said, can be left out, and then
// stands in the history. What waits with it is seen by its writer and by a checker alone.
func TestAddedPhotosAreSeenFirst(t *testing.T) {
	withPhotos(t, func(t *testing.T, r *room, _ string) {
		f := draft()
		id := r.tell("manhole", f)
		mine := url.Values{"code": {f.Get("code")}}
		page := "/en/open/case/" + id
		r.want("POST", "/en/open/mine", mine, 200, `enctype="multipart/form-data"><input type="hidden" name="code" value="`+f.Get("code")+`"><input type="hidden" name="seen"`, `id="photo-added"`, `class="shrink"`)
		form := url.Values{"code": mine["code"], "words": {"The lid is gone, made up"}, "seen": {"1"}}
		if status, body := r.upload("/en/open/add", form, []byte("MZ no photo")); status != 422 || !strings.Contains(body, "The lid is gone, made up</textarea>") {
			t.Fatalf("what is no photo: %d\n%s", status, body)
		}
		status, body := r.upload("/en/open/add", form, lanetest.Photo(t, 90, 60, 1), lanetest.Photo(t, 90, 60, 2))
		form["picture"] = pictures(body)
		if status != 200 || len(form["picture"]) != 2 || !strings.Contains(body, `<a href="#look-added">`) || !strings.Contains(body, `id="look-added"`) || strings.Contains(body, "It is taken") || !strings.Contains(body, "Nothing has been added yet") || !strings.Contains(body, "The lid is gone, made up</textarea>") {
			t.Fatalf("the look: %d %v\n%s", status, form["picture"], body)
		}
		if body := r.want("GET", page, nil, 200); strings.Contains(body, "The lid is gone") {
			t.Error("said before the photo was seen")
		}
		form["drop"] = form["picture"][1:]
		kept, dropped := form["picture"][0], form["picture"][1]
		for range 2 { // the second time changes nothing
			if status, body = r.upload("/en/open/add", form); status != 200 || strings.Contains(body, `name="picture"`) || !strings.Contains(body, "It is taken") {
				t.Fatalf("adding: %d\n%s", status, body)
			}
		}
		body = r.want("GET", page, nil, 200, "The lid is gone", "/open/picture/"+kept+".jpg", "added later by whoever told it")
		if strings.Contains(body, dropped) || strings.Count(body, "The lid is gone") != 1 {
			t.Errorf("what was left out is shown, or the words twice:\n%s", body)
		}

		form = url.Values{"code": mine["code"], "words": {"Made up, and its photo is gone"}, "seen": {"2"}, "picture": {strings.Repeat("0", 64)}}
		if status, body := r.upload("/en/open/add", form); status != 404 || !strings.Contains(body, "Made up, and its photo is gone</textarea>") {
			t.Errorf("a photo that was erased meanwhile: %d\n%s", status, body)
		}

		// With words that wait.
		form = url.Values{"code": mine["code"], "words": {"Made up: ask 8 700 123 45 67"}, "seen": {"2"}}
		_, body = r.upload("/en/open/add", form, lanetest.Photo(t, 90, 60, 3))
		form["picture"] = pictures(body)
		r.upload("/en/open/add", form)
		token, _, err := r.lane.AddChecker(t.Context(), "A. M.", 7)
		check(t, err)
		waits := "/open/picture/" + form.Get("picture") + ".jpg"
		r.want("POST", "/en/open/mine", mine, 200, "Only you see it here", waits)
		r.want("GET", "/en/open/check/"+token+"/"+id, nil, 200, waits)
		if body := r.want("GET", page, nil, 200); strings.Contains(body, waits) {
			t.Error("what waits is shown")
		}

		// With the answer to a question.
		a := r.move(id, delivered, lane.Move{To: lane.InfoNeeded, By: lane.ByOfficial, Reason: "Which lid, made up?"})
		form = url.Values{"code": mine["code"], "words": {"This one, made up"}, "part": {strconv.FormatInt(a.Number, 10)}, "step": {strconv.FormatInt(a.Step, 10)}}
		_, body = r.upload("/en/open/answer", form, lanetest.Photo(t, 90, 60, 4))
		if form["picture"] = pictures(body); len(form["picture"]) != 1 || strings.Count(body, "This one, made up</textarea>") != 1 {
			t.Fatalf("the look at an answer: %v\n%s", form["picture"], body)
		}
		if status, body := r.upload("/en/open/answer", form); status != 200 || strings.Contains(body, "This one, made up</textarea>") {
			t.Fatalf("answering: %d\n%s", status, body)
		}
		r.want("GET", page, nil, 200, "This one, made up", "/open/picture/"+form.Get("picture")+".jpg")
	})
}
