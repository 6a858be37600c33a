package lane_test

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
	"strconv"
	"strings"
	"testing"
	"time"

	"kua/internal/fault"
	"kua/internal/lane"
	"kua/internal/lane/lanetest"
)

// solve does the work of a challenge, as a browser does it.
func solve(c lane.Challenge) string {
	var numbers []string
	for i := range lane.WorkParts {
		n := 0
		for ; ; n++ {
			sum := sha256.Sum256(fmt.Appendf(nil, "%s.%d.%d", c.Text, i, n))
			if bits.LeadingZeros32(binary.BigEndian.Uint32(sum[:])) >= c.Bits {
				break
			}
		}
		numbers = append(numbers, strconv.Itoa(n))
	}
	return strings.Join(numbers, ".")
}

// onBothTwice gives two lanes on one database, of either engine, by a clock that can be set.
func onBothTwice(t *testing.T, test func(t *testing.T, a, b *lane.Lane, now *time.Time)) {
	dir, url := t.TempDir(), lanetest.Database(t)
	for name, url := range map[string]string{"sqlite": "", "postgres": url} {
		t.Run(name, func(t *testing.T) {
			now := time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
			open := func() *lane.Lane {
				l, err := lane.Open(t.Context(), lane.Config{Dir: dir, URL: url, Now: func() time.Time { return now }})
				check(t, err)
				t.Cleanup(func() { l.Close() })
				return l
			}
			test(t, open(), open(), &now)
		})
	}
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestWork: work is taken for the code and the time for which it was asked, once
// it is done and not otherwise, by every process on the database.
func TestWork(t *testing.T) {
	onBothTwice(t, func(t *testing.T, l, other *lane.Lane, now *time.Time) {
		code := lane.NewCode()
		c, err := l.Challenge(t.Context(), code, 1)
		check(t, err)
		work := solve(c)
		wrong := func(what, code, challenge, work string) {
			t.Helper()
			if err := other.Worked(t.Context(), code, challenge, work); !errors.Is(err, fault.Conflict("lane.work")) {
				t.Errorf("%s: %v, want lane.work", what, err)
			}
		}
		check(t, other.Worked(t.Context(), lane.CyrillicCode(code), c.Text, work))
		numbers := strings.Split(work, ".")
		wrong("no work", code, c.Text, "")
		wrong("a part is missing", code, c.Text, strings.Join(numbers[1:], "."))
		wrong("a part too many", code, c.Text, work+".0")
		wrong("a number is written otherwise", code, c.Text, "0"+work)
		wrong("parts in another order", code, c.Text, strings.Join(append(numbers[1:], numbers[0]), "."))
		wrong("with another's code", lane.NewCode(), c.Text, work)
		easy, err := l.Challenge(t.Context(), code, 0)
		check(t, err)
		wrong("made easier", code, strings.Replace(c.Text, "1.12.", "1.0.", 1), strings.Repeat("0.", lane.WorkParts-1)+"0")
		wrong("the seal of another", code, c.Text[:strings.LastIndex(c.Text, ".")]+easy.Text[strings.LastIndex(easy.Text, "."):], work)
		wrong("no challenge", code, "", work)
		if err := other.Worked(t.Context(), "not a code", c.Text, work); !errors.Is(err, fault.Invalid("lane.bad_code")) {
			t.Errorf("with no code: %v", err)
		}
		*now = now.Add(30 * time.Minute)
		check(t, other.Worked(t.Context(), code, c.Text, work))
		*now = now.Add(time.Minute)
		wrong("too late", code, c.Text, work)
	})
}

// TestLoadOfAll: processes draw on one budget and see one load; it passes.
func TestLoadOfAll(t *testing.T) {
	onBothTwice(t, func(t *testing.T, one, other *lane.Lane, clock *time.Time) {
		now := *clock
		a, b := one.Budget("reports", 60), other.Budget("reports", 60)
		want := func(load lane.Load) {
			t.Helper()
			for _, one := range []*lane.Budget{a, b} {
				if got, err := one.Load(t.Context(), now); err != nil || got != load {
					t.Errorf("the load is %d, %v, want %d", got, err, load)
				}
			}
		}
		take := func(n int) {
			t.Helper()
			for i := range n {
				_, err := []*lane.Budget{a, b}[i%2].Take(t.Context(), now)
				check(t, err)
			}
		}
		want(0)
		take(30)
		want(0)
		take(1)
		want(1)
		take(20)
		want(3)
		now = now.Add(25 * time.Minute)
		want(0)
	})
}
