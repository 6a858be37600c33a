package lane_test

import (
	"errors"
	"testing"

	"kua/internal/fault"
	"kua/internal/lane"
	"kua/internal/lane/lanetest"
	"kua/internal/sqldb/pgtest"
)

// TestTwoMoves: a move that finds that another one has moved the lane meanwhile
// leaves it moved, whether it goes to the same place or elsewhere: at no moment do
// two databases take what is written.
func TestTwoMoves(t *testing.T) {
	dir, ctx := t.TempDir(), t.Context()
	l, err := lane.Open(ctx, lane.Config{Dir: dir, Cleaner: lanetest.Cleaner(t)})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	withCity(t, l)
	submit(t, l, manhole())
	first, second := pgtest.Database(t), pgtest.Database(t)
	other := false
	_, err = lane.MoveTo(ctx, lane.MoveConfig{Dir: dir, URL: second, Progress: func(p lane.Progress) {
		if other || p.Stage != lane.Copying || p.Pass != 2 {
			return
		}
		other = true
		if _, err := lane.MoveTo(ctx, lane.MoveConfig{Dir: dir, URL: first}); err != nil {
			t.Errorf("the move that was faster: %v", err)
		}
	}})
	if !other || !errors.Is(err, fault.Later("lane.moved_away")) {
		t.Errorf("the move that was slower: %v, want lane.moved_away", err)
	}
	if _, err := l.Submit(ctx, manhole()); !errors.Is(err, fault.Later("lane.moved_away")) {
		t.Errorf("the source takes a report again: %v, want lane.moved_away", err)
	}
	if _, err := lane.Open(ctx, lane.Config{Dir: t.TempDir(), URL: second}); !errors.Is(err, fault.Conflict("lane.arriving")) {
		t.Errorf("where the slower one went is open: %v, want lane.arriving", err)
	}
	moved, err := lane.Open(ctx, lane.Config{Dir: t.TempDir(), URL: first})
	if err != nil {
		t.Fatal(err)
	}
	defer moved.Close()
	submit(t, moved, manhole())
}
