package lane311

import (
	"strings"
	"testing"

	"kua/internal/authority"
	"kua/internal/lane"
	"kua/internal/lane/lanetest"
	"kua/internal/locale"
)

// TestReformedNames: other systems read the names of whoever a report went to, before a reform and after it.
func TestReformedNames(t *testing.T) {
	r := newRoom(t, lane.Config{Dir: t.TempDir()})
	at, _ := authority.At(45.05, 65.15)
	_, err := r.lane.Submit(t.Context(), lane.Draft{Code: lane.NewCode(), Category: "water", Language: locale.Russian, Words: "Нет воды", At: &at})
	check(t, err)
	_, _, _, err = r.lane.Import(t.Context(), lanetest.Reformed(t))
	check(t, err)
	english := func(path string) string {
		_, body := r.get(Endpoint + path + "?locale=en")
		return body
	}
	if body := english("requests/1.json"); !strings.Contains(body, `"agency_responsible":"Ulgi Water Works"`) {
		t.Errorf("before it is passed on: %s", body)
	}
	_, err = r.lane.PassOn(t.Context(), "water", "utilities", "the water works are part of the utilities")
	check(t, err)
	if body := english("requests/1.json"); !strings.Contains(body, `"agency_responsible":"Ulgi Utilities"`) {
		t.Errorf("after it: %s", body)
	}
	if body := english("servicerequestupdates.xml"); !strings.Contains(body, "Ulgi Utilities") {
		t.Errorf("news: %s", body)
	}
}
