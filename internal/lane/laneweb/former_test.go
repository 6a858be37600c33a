package laneweb

import (
	"net/http"
	"strconv"
	"strings"
	"testing"

	"kua/internal/lane"
	"kua/internal/lane/lanetest"
)

// TestReformedPages: after a reform people find what they told, by its old names, and an official
// passes on to who is bound now.
func TestReformedPages(t *testing.T) {
	r := newRoom(t, lane.Config{Dir: t.TempDir()}, 0).withCity()
	f := draft("words", "Яма у рядов", "point", "45.14,65.15")
	f.Del("q.cover")
	r.tell("pothole", f)
	id, token := r.sent("manhole", draft())
	_, _, _, err := r.lane.Import(t.Context(), lanetest.Reformed(t))
	check(t, err)

	r.want(http.MethodGet, "/en/open/?area=north", nil, 200, "Яма у рядов", "Pothole", "Old Bazaar")
	r.want(http.MethodGet, "/en/open/area/bazaar", nil, 200, "<h1>North District</h1>", "Яма у рядов")
	r.want(http.MethodGet, "/en/open/data/cases.csv", nil, 200, "pothole,Pothole,bazaar,Old Bazaar")
	for kind, name := range map[string]string{"area": "Old Bazaar", "authority": "Ulgi Water Works", "category": "Pothole"} {
		r.want(http.MethodGet, "/en/open/score/"+kind, nil, 200, name)
	}
	if body := r.want(http.MethodGet, "/en/open/at/"+token, nil, 200, `<option value="utilities">Ulgi Utilities</option>`); strings.Contains(body, "bazaar-office") {
		t.Error("an authority that is gone is offered")
	}
	r.answer(token, 200, "to", "answered_redirected", "owner", "utilities")
	r.want(http.MethodGet, "/en/open/at/"+token, nil, 200, "the new owner has the report now")
	r.want(http.MethodGet, "/en/open/case/"+strconv.FormatInt(id, 10), nil, 200, "→ Ulgi Utilities", "<strong>Ulgi Water Works</strong>", "<strong>Ulgi Utilities</strong>")
}
