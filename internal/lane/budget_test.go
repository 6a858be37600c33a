package lane

import (
	"testing"
	"time"

	"kua/internal/sqldb/pgtest"
)

// onEngines runs a test with two lanes at a time on one database, as processes are.
func onEngines(t *testing.T, now func() time.Time, test func(t *testing.T, one, other *Lane)) {
	dir := t.TempDir()
	for name, cfg := range map[string]Config{"sqlite": {Dir: dir}, "postgres": {Dir: dir, URL: pgtest.Database(t)}} {
		t.Run(name, func(t *testing.T) {
			var both [2]*Lane
			for i := range both {
				cfg.Now = now
				l, err := Open(t.Context(), cfg)
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { l.Close() })
				both[i] = l
			}
			test(t, both[0], both[1])
		})
	}
}

// TestBudgetOfAWrongClock: a process whose clock ran far ahead, once, leaves a
// budget that others can still draw on.
func TestBudgetOfAWrongClock(t *testing.T) {
	now := time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	onEngines(t, nil, func(t *testing.T, one, other *Lane) {
		wrong, right := one.Budget("reports", 2), other.Budget("reports", 2)
		take := func(b *Budget, at time.Time) time.Duration {
			t.Helper()
			wait, err := b.Take(t.Context(), at)
			if err != nil {
				t.Fatal(err)
			}
			return wait
		}
		for range 3 {
			take(wrong, now.AddDate(3, 0, 0))
		}
		for range 2 {
			take(right, now) // what is left of this hour, if anything
		}
		for name, b := range map[string]*Budget{"another process": right, "its own, set right": wrong} {
			if wait := take(b, now.Add(61*time.Minute)); wait != 0 {
				t.Errorf("%s waits for %v", name, wait)
			}
		}
	})
}
