package appeal

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kua/internal/fault"
	"kua/internal/locale"
)

// TestSpecials is a made-up year worked out by hand: a holiday on Saturday 5
// September 2026 makes Monday a day off; Saturday 12 September is worked for Friday 18.
func TestSpecials(t *testing.T) {
	feast := locale.Texts{"en": "Feast of the sample"}
	c := Calendar{ID: "sample", Weekend: []string{"saturday", "sunday"}, Shift: true, Holidays: []Holiday{{Date: "09-05", Name: feast}},
		Years: []Year{{Year: 2026, Missing: locale.Texts{"en": "a day"}, Off: []Dated{{Day: "2026-09-18"}}, Worked: []Dated{{Day: "2026-09-12"}}}}}
	got, err := c.Specials(2026)
	want := []Special{{Day: "2026-09-05", Name: feast}, {Day: "2026-09-07", Name: feast}, {Day: "2026-09-12", Worked: true}, {Day: "2026-09-18"}}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Error(err, diff)
	}
	if _, err := c.Specials(2027); !errors.Is(err, fault.NotFound("appeal.no_calendar")) {
		t.Errorf("an unknown year: %v", err)
	}
	if d := c.Doubts(2026); len(d) != 2 || d[0].Key != "appeal.doubt.calendar_unconfirmed" || d[1].Key != "appeal.doubt.calendar_incomplete" {
		t.Errorf("Doubts = %v", d)
	}
	c.Confidence, c.Years[0].Complete = Confirmed, true
	if d := append(c.Doubts(2026), c.Doubts(2027)...); len(d) != 0 {
		t.Errorf("of a whole calendar: %v", d)
	}
}
