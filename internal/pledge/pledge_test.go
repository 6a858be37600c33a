package pledge

import (
	"testing"

	"kua/internal/appeal"
)

// TestStand works pledges out by hand against a calendar whose Monday, 7 December
// 2026, is a holiday.
func TestStand(t *testing.T) {
	c := appeal.Calendar{ID: "made-up", Weekend: []string{"saturday", "sunday"}, Holidays: []appeal.Holiday{{Date: "12-07"}},
		Years: []appeal.Year{{Year: 2026, Complete: true}}, Confidence: appeal.Confirmed}
	for _, v := range []struct {
		what   string
		f      Facts
		today  appeal.Day
		word   Word
		until  appeal.Day
		late   int
		doubts int
	}{
		{"a working day", Facts{Due: "2026-12-04"}, "2026-12-04", Open, "2026-12-04", 0, 0},
		{"the day after", Facts{Due: "2026-12-04"}, "2026-12-05", Overdue, "2026-12-04", 1, 0},
		{"a weekend and a holiday", Facts{Due: "2026-12-05"}, "2026-12-08", Open, "2026-12-08", 0, 0},
		{"and after them", Facts{Due: "2026-12-05"}, "2026-12-09", Overdue, "2026-12-08", 1, 0},
		{"kept in time", Facts{Due: "2026-12-05", Kept: "2026-12-08"}, "2027-12-09", Kept, "2026-12-08", 0, 0},
		{"kept late", Facts{Due: "2026-12-04", Kept: "2026-12-14", Yes: 2}, "2027-12-09", Confirmed, "2026-12-04", 10, 0},
		{"one is not enough", Facts{Due: "2026-12-04", Kept: "2026-12-01", Yes: 1}, "2026-12-09", Kept, "2026-12-04", 0, 0},
		{"one dissents from many", Facts{Due: "2026-12-04", Kept: "2026-12-01", Yes: 50, Contrary: 1}, "2026-12-09", Kept, "2026-12-04", 0, 0},
		{"two dispute", Facts{Due: "2026-12-04", Kept: "2026-12-01", Yes: 50, Contrary: 2}, "2026-12-09", Disputed, "2026-12-04", 0, 0},
		{"taken back is not overdue", Facts{Due: "2026-12-04", TakenBack: true}, "2026-12-31", TakenBack, "2026-12-04", 0, 0},
		{"words without a word of the giver", Facts{Due: "2026-12-04", Yes: 5}, "2026-12-01", Open, "2026-12-04", 0, 0},
		{"a year that the calendar does not know", Facts{Due: "2027-01-02"}, "2027-01-02", Open, "2027-01-02", 0, 1},
	} {
		got := Stand(v.f, c, v.today)
		if got.Word != v.word || got.Until != v.until || got.Late != v.late || len(got.Doubts) != v.doubts {
			t.Errorf("%s: %+v, want %s until %s, %d late, %d doubts", v.what, got, v.word, v.until, v.late, v.doubts)
		}
	}
}
