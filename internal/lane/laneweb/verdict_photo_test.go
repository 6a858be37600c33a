package laneweb

import (
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"kua/internal/lane"
	"kua/internal/lane/lanetest"
)

var sameCode = regexp.MustCompile(`action="/en/open/same/\d+" autocomplete="off"><input type="hidden" name="code" value="([^"]+)"`)

// TestVerdictPhoto: the holder and a supporter, who found the report's page by
// itself, each show with a photo what they say of an answer; it is seen cleaned
// before anything is said, can be left out, and stands in the history afterwards.
func TestVerdictPhoto(t *testing.T) {
	withPhotos(t, func(t *testing.T, r *room, _ string) {
		f := draft()
		id := r.tell("manhole", f)
		page := "/en/open/case/" + id
		m := sameCode.FindStringSubmatch(r.want("GET", page, nil, 200, "Is it the same with you?"))
		if m == nil {
			t.Fatal("the case page has no form of its own")
		}
		friend := m[1]
		for range 2 {
			if body := r.want("POST", "/en/open/same/"+id, url.Values{"code": {friend}}, 200, "same trouble: 1.", friend[:4]); sameCode.MatchString(body) {
				t.Error("whoever was counted is asked again")
			}
		}
		a := r.move(id, delivered, mended)
		if body := r.want("GET", page, nil, 200); strings.Contains(body, "/en/open/same/") {
			t.Error("an answered report is offered for support, which is not taken")
		}
		say := func(code, says string) url.Values {
			return url.Values{"code": {code}, "assignment": {strconv.FormatInt(a.Number, 10)}, "answer": {strconv.FormatInt(a.Answer, 10)}, "says": {says}, "words": {"As it is now, made up"}}
		}
		number, _ := strconv.ParseInt(id, 10, 64)
		nothing := func() {
			t.Helper()
			if said, err := r.lane.Verdicts(t.Context(), number); err != nil || !said[a.Number].None() {
				t.Fatalf("said before the photo was seen: %+v, %v", said, err)
			}
		}
		status, body := r.upload("/en/open/judge", say(friend, "not"), []byte("MZ no photo"))
		if status != 422 || !strings.Contains(body, "This is no photo that can be read here.") || !strings.Contains(body, "As it is now, made up</textarea>") {
			t.Fatalf("what is no photo: %d\n%s", status, body)
		}
		if status, _ := r.upload("/en/open/judge", say(lane.NewCode(), "not"), lanetest.Photo(t, 300, 200, 1)); status != 404 {
			t.Errorf("a code that nobody has: %d", status)
		}
		var shown []string
		for i, who := range []struct{ code, says string }{{friend, "not"}, {f.Get("code"), "mended"}} {
			form := say(who.code, who.says)
			status, body := r.upload("/en/open/judge", form, lanetest.Photo(t, 300, 200, byte(10+i)))
			kept := pictures(body)
			if status != 200 || len(kept) != 1 || !strings.Contains(body, "Nothing has been said yet") || !strings.Contains(body, `value="`+who.says+`" required checked`) {
				t.Fatalf("the look: %d %v\n%s", status, kept, body)
			}
			if i == 0 {
				nothing()
			}
			// Another photo takes the place of the first.
			form["picture"] = kept
			_, body = r.upload("/en/open/judge", form, lanetest.Photo(t, 300, 200, byte(20+i)))
			if form["picture"] = pictures(body); len(form["picture"]) != 1 || form["picture"][0] == kept[0] {
				t.Fatalf("the newer photo: %v", form["picture"])
			}
			for range 2 { // the second time changes nothing
				if status, body = r.upload("/en/open/judge", form); status != 200 || !strings.Contains(body, "You said of this answer") {
					t.Fatalf("saying it: %d\n%s", status, body)
				}
			}
			shown = append(shown, "/open/picture/"+form["picture"][0]+".jpg")
		}
		body = r.want("GET", page, nil, 200, shown[0], shown[1], "as a citizen sees it after the answer", "Counted as confirmed")
		if n := strings.Count(body, "/open/picture/"); n != 6 {
			t.Errorf("%d addresses of pictures, want those of the proof and two verdicts", n)
		}
	})
}

// TestVerdictPhotoLeftOut: what is left out again goes nowhere.
func TestVerdictPhotoLeftOut(t *testing.T) {
	r := newRoom(t, lane.Config{Dir: t.TempDir(), Cleaner: lanetest.Cleaner(t)}, 0).withCity()
	f := draft()
	id := r.tell("manhole", f)
	a := r.move(id, delivered, refused)
	form := url.Values{"code": f["code"], "assignment": {strconv.FormatInt(a.Number, 10)}, "answer": {strconv.FormatInt(a.Answer, 10)}, "says": {"partly"}}
	_, body := r.upload("/en/open/judge", form, lanetest.Photo(t, 300, 200, 1))
	form["picture"] = pictures(body)
	form["drop"] = form["picture"]
	if status, body := r.upload("/en/open/judge", form); status != 200 || strings.Contains(body, form.Get("picture")) || !strings.Contains(body, "Counted as disputed") {
		t.Errorf("%d\n%s", status, body)
	}
}
