package lane

import (
	"strings"
	"testing"
)

// TestLoad: nothing is asked as long as half of an hour's budget is left.
func TestLoad(t *testing.T) {
	for _, c := range []struct {
		left, perHour int64
		want          Load
		bits          int
	}{
		{600, 600, 0, 0}, {300, 600, 0, 0}, {299, 600, 1, 12}, {200, 600, 1, 12}, {199, 600, 2, 14}, {100, 600, 2, 14}, {99, 600, 3, 16}, {0, 600, 3, 16},
		{1, 1, 0, 0}, {0, 1, 3, 16}, {610, 600, 0, 0},
	} {
		if got := loadOf(c.left, c.perHour); got != c.want || workBits[got] != c.bits {
			t.Errorf("with %d of %d left the load is %d and asks for %d bits, want %d and %d", c.left, c.perHour, got, workBits[got], c.want, c.bits)
		}
	}
}

func FuzzWork(f *testing.F) {
	c := "1.12.29361234.c2VhbCBvZiAxNiBieXRlcw"
	f.Add(c, "0.1.2.3.4.5.6.7.8.9.10.11.12.13.14.15")
	f.Add("1.0.0.", "0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0")
	f.Add("", "")
	f.Fuzz(func(t *testing.T, challenge, work string) {
		zeros, _, body, ok := readChallenge(challenge)
		if ok && (zeros < 0 || zeros > workBits[MostLoad] || !strings.HasPrefix(challenge, body+".")) {
			t.Fatalf("%q is read as %d bits, %q", challenge, zeros, body)
		}
		if ok && workDone(challenge, zeros, work) && strings.Count(work, ".") != WorkParts-1 {
			t.Fatalf("%q is taken for %d parts", work, WorkParts)
		}
	})
}
