package lane_test

import (
	"math"
	"testing"

	"kua/internal/appeal"
	"kua/internal/lane"
)

// TestWilson against published values (R. G. Newcombe, Statistics in Medicine 17, 1998, has 81 of 263), and its
// bounds against what must hold of any interval.
func TestWilson(t *testing.T) {
	for _, c := range []struct {
		n, of     int64
		low, high float64
	}{{0, 0, 0, 1}, {0, 10, 0, 0.2775}, {10, 10, 0.7225, 1}, {5, 10, 0.2366, 0.7634}, {81, 263, 0.2553, 0.3662}, {1, 1000, 0.0002, 0.0056}} {
		share, low, high := lane.Share{N: c.n, Of: c.of}.Wilson()
		if math.Abs(low-c.low) > 5e-5 || math.Abs(high-c.high) > 5e-5 || low > share || share > high {
			t.Errorf("%d of %d: %.4f in [%.4f, %.4f], want [%.4f, %.4f]", c.n, c.of, share, low, high, c.low, c.high)
		}
	}
}

// TestRipeSpan: a month is in the shares when its last day is thirty days ago.
func TestRipeSpan(t *testing.T) {
	for _, c := range []struct {
		today appeal.Day
		until string
		want  lane.Span
	}{
		{"2026-11-28", "", lane.Span{First: "2025-10", Last: "2026-09"}},
		{"2026-11-29", "", lane.Span{First: "2025-10", Last: "2026-09"}}, // 31 October is 29 days ago
		{"2026-11-30", "", lane.Span{First: "2025-11", Last: "2026-10"}}, // 30 days ago
		{"2026-03-01", "", lane.Span{First: "2025-01", Last: "2025-12"}}, // 31 January is 29 days ago
		{"2026-03-02", "", lane.Span{First: "2025-02", Last: "2026-01"}},
		{"2026-11-28", "2025-12", lane.Span{First: "2025-01", Last: "2025-12"}},
		{"2026-11-28", "2026-11", lane.Span{First: "2025-10", Last: "2026-09"}}, // not ripe
		{"2026-11-28", "rubbish", lane.Span{First: "2025-10", Last: "2026-09"}},
	} {
		if got := lane.RipeSpan(c.today, c.until); got != c.want {
			t.Errorf("on %s until %q: %+v, want %+v", c.today, c.until, got, c.want)
		}
	}
}

// TestFourNumbers: each has its own denominator, and a refusal is in none but answered.
func TestFourNumbers(t *testing.T) {
	counted := lane.Tallied{lane.Confirmed: 3, lane.Claimed: 4, lane.Disputed: 2, lane.Declined: 11, lane.Silent: 5,
		lane.Undelivered: 100, lane.Waiting: 100, lane.Passed: 100, lane.TakenBack: 100, lane.Joined: 100}
	answered, confirmed, disputed, silent := counted.Four()
	for name, c := range map[string]struct{ got, want lane.Share }{
		"answered": {answered, lane.Share{N: 20, Of: 25}}, "confirmed": {confirmed, lane.Share{N: 3, Of: 20}},
		"disputed": {disputed, lane.Share{N: 2, Of: 20}}, "silent": {silent, lane.Share{N: 5, Of: 25}},
	} {
		if c.got != c.want {
			t.Errorf("%s is %+v, want %+v", name, c.got, c.want)
		}
	}
	counted[lane.Declined] += 1000
	if _, more, _, _ := counted.Four(); more.N != confirmed.N {
		t.Error("refusals are confirmed")
	}
}
