package laneweb

import (
	"strconv"
	"strings"
	"testing"

	"kua/internal/lane"
	"kua/internal/locale"
)

// TestOverduePledge: everybody sees that a pledge is overdue, its authority sees it first
// thing in its inbox and in its calendar, and nothing was written for it.
func TestOverduePledge(t *testing.T) {
	onBothThen(t, func(t *testing.T, r *room, later func()) {
		id, err := r.lane.AddPost(t.Context(), lane.Post{Matter: lane.Pledge, By: lane.ByOfficial, Authority: "water", Language: locale.English, Words: "The pump will run, made up", Ends: "2026-07-01"})
		check(t, err)
		before, err := r.lane.History(t.Context(), id)
		check(t, err)
		later()
		number := strconv.FormatInt(id, 10)
		for _, path := range []string{"/en/open/case/" + number, "/en/open/authority/water"} {
			r.want("GET", path, nil, 200, "Past its day, and the authority has not said that it is kept")
		}
		o, roads := r.hired("water", "Duty desk", false), r.hired("roads", "Road office", false)
		o.ask("GET", "/en/open/office/", nil, 200, "Pledge № "+number+" is overdue", "/open/office/part/")
		o.ask("GET", "/en/open/office/calendar", nil, 200, "Pledge № "+number+" is overdue")
		if body := roads.ask("GET", "/en/open/office/", nil, 200); strings.Contains(body, "is overdue") {
			t.Error("another authority is reminded")
		}
		after, err := r.lane.History(t.Context(), id)
		if err != nil || len(after) != len(before) {
			t.Errorf("%d lines, were %d, %v", len(after), len(before), err)
		}
	})
}
