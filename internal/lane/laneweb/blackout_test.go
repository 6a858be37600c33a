package laneweb

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"kua/internal/lane"
	"kua/internal/locale"
)

// TestBlackoutPages: erased words are on no page, in no feed and in no data; that
// they were erased, when, by whom and why, is on the report's page in every language.
func TestBlackoutPages(t *testing.T) {
	r := newRoom(t, lane.Config{Dir: t.TempDir()}, 0).withCity()
	f := draft("words", "Люк у дома Тайнослова, выдумано", "landmark", "дом Тайнослова")
	id := r.tell("manhole", f)
	r.want("POST", "/en/open/add", url.Values{"code": f["code"], "seen": {"1"}, "words": {"Тайнослов знает"}}, 200)
	for _, line := range []int64{1, 2} {
		check(t, r.lane.BlackOut(t.Context(), lane.Blackout{Request: idOf(t, id), Line: line, Ground: "persons", Reason: "made up"}))
	}
	for _, lang := range locale.Tags() {
		root := "/" + lang.Path() + "/open"
		body := r.want(http.MethodGet, root+"/case/"+id, nil, 200, lane.Black)
		if n := strings.Count(body, r.web.cat.T(lang, "check.ground.persons")); n != 5 { // of the words, of both lines and of both traces
			t.Errorf("%s says the ground %d times:\n%s", lang, n, body)
		}
		for _, path := range []string{"/case/" + id, "/", "/feed", "/area/south", "/map", "/data/cases.csv", "/data/cases.jsonl", "/data/cases.geojson", "/?q=Тайнослов"} {
			if body := r.want(http.MethodGet, root+path, nil, 200); strings.Contains(strings.ToLower(strings.ReplaceAll(body, `value="Тайнослов"`, "")), "тайнослов") {
				t.Errorf("%s has the words", path)
			}
		}
	}
	r.want(http.MethodPost, "/en/open/mine", url.Values{"code": f["code"]}, 200, "blacked out by the collective", "erases the words of line 2")
}
