package lane_test

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"testing"

	"kua/internal/fault"
	"kua/internal/lane"
	"kua/internal/sqldb"
)

// TestWordsOfBefore: what was said of reports before an upgrade is found after one sweep, which
// goes on where it was ended, touches nothing of which nothing was said later, passes over what is
// damaged and says so, and comes to an end.
func TestWordsOfBefore(t *testing.T) {
	onBoth(t, func(t *testing.T, open func() *lane.Lane, raw sqldb.Config) {
		l, ctx, db := withCity(t, open()), t.Context(), openRaw(t, raw)
		change := func(statement string, args ...any) {
			t.Helper()
			check(t, db.Tx(ctx, func(ctx context.Context, tx *sql.Tx) error {
				_, err := tx.ExecContext(ctx, statement, args...)
				return err
			}))
		}
		check(t, l.SweepWords(ctx)) // of an empty lane
		var ids []int64
		for range 4 {
			d := manhole()
			id := submit(t, l, d)
			if ids = append(ids, id); len(ids) != 3 {
				check(t, l.Add(ctx, lane.Addition{Code: d.Code, Words: "Рядом kudaibergen, выдумано", After: 1}))
			}
		}
		change(`UPDATE event SET body = '{"words":1}' WHERE request = $1 AND number = 2`, ids[3])
		change(`DELETE FROM request_words`)
		upgrade := func(done int64) {
			t.Helper()
			change(`INSERT INTO reword (job, done, upto) VALUES (1, $1, $2)`, done, ids[3])
		}
		finds := func(words string, want ...int64) {
			t.Helper()
			got := foundBy(t, l, words)
			slices.Sort(got)
			if !slices.Equal(got, want) {
				t.Errorf("%q finds %v, want %v", words, got, want)
			}
		}
		finds("kudaibergen")
		upgrade(ids[0])
		if err := l.SweepWords(ctx); !errors.Is(err, fault.Corrupt("lane.broken_history")) {
			t.Errorf("of what is damaged is said: %v", err)
		}
		finds("kudaibergen", ids[1])
		check(t, l.SweepWords(ctx))
		finds("kudaibergen", ids[1])
		upgrade(0)
		_ = l.SweepWords(ctx) // told above
		finds("kudaibergen", ids[0], ids[1])
		finds("выдумано", ids[0], ids[1])
	})
}
