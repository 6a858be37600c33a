package lane_test

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"kua/internal/fault"
	"kua/internal/lane"
	"kua/internal/lane/lanetest"
	"kua/internal/sqldb"
	"kua/internal/sqldb/pgtest"
)

// TestTwoMoves: a move that finds that another one has moved the lane meanwhile
// leaves it moved, whether it goes to the same place or elsewhere: at no moment do
// two databases take what is written.
func TestTwoMoves(t *testing.T) {
	dir, ctx := t.TempDir(), t.Context()
	l := opened(t, lane.Config{Dir: dir, Cleaner: lanetest.Cleaner(t)})
	withCity(t, l)
	submit(t, l, manhole())
	first, second := pgtest.Database(t), pgtest.Database(t)
	other := false
	_, err := lane.MoveTo(ctx, lane.MoveConfig{Dir: dir, URL: second, Progress: func(p lane.Progress) {
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
	moved := opened(t, lane.Config{Dir: t.TempDir(), URL: first})
	submit(t, moved, manhole())
}

// TestSessionsOutliveAStop: while nothing is taken for a moment, whoever is signed
// in goes on reading.
func TestSessionsOutliveAStop(t *testing.T) {
	now := someDay()
	dir, ctx := t.TempDir(), t.Context()
	l := opened(t, lane.Config{Dir: dir, Now: func() time.Time { return now }})
	withCity(t, l)
	_, invite, err := l.AddAccount(ctx, nil, "water", "Desk", false)
	if err != nil {
		t.Fatal(err)
	}
	secret := lane.NewSecret()
	code, err := secret.Code(now)
	if err != nil {
		t.Fatal(err)
	}
	session, _, err := l.SetUpPassword(ctx, invite, "four words of no poem", secret, code)
	if err != nil {
		t.Fatal(err)
	}
	lease := time.Now().Add(time.Hour).UnixMicro()
	if _, err := openRaw(t, sqldb.Config{Path: filepath.Join(dir, "lane.db")}).ExecContext(ctx, `UPDATE mark SET state = 'stopped', lease = $1`, lease); err != nil {
		t.Fatal(err)
	}
	now = now.Add(time.Hour)
	if a, err := l.SignedIn(ctx, session); err != nil || a.Name != "Desk" {
		t.Errorf("SignedIn = %+v, %v", a, err)
	}
	if err := l.SignOut(ctx, session); !errors.Is(err, fault.Later("lane.moving")) {
		t.Errorf("a session that cannot be ended: %v, want lane.moving", err)
	}
}

// TestMoveOfWhatCameAgain: what was taken away and came again between two passes,
// under another number, is in nobody's way: neither in that move nor in the next.
func TestMoveOfWhatCameAgain(t *testing.T) {
	dir, url := t.TempDir(), pgtest.Database(t)
	l := opened(t, lane.Config{Dir: dir})
	withCity(t, l)
	add := func(name string) int64 {
		t.Helper()
		a, _, err := l.AddAccount(t.Context(), nil, "water", name, false)
		if err != nil {
			t.Fatal(err)
		}
		return a.Number
	}
	was := add("Desk")
	add("Night desk")
	raw := openRaw(t, sqldb.Config{Path: filepath.Join(dir, "lane.db")})
	cut, stop := context.WithCancel(t.Context())
	_, err := lane.MoveTo(cut, lane.MoveConfig{Dir: dir, URL: url, Progress: func(p lane.Progress) {
		if p.Pass == 2 {
			stop()
		}
	}})
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("the move that was cut off: %v", err)
	}
	for _, table := range []string{"account_trace WHERE account", "account WHERE number"} {
		if _, err := raw.ExecContext(t.Context(), `DELETE FROM `+table+` = $1`, was); err != nil {
			t.Fatal(err)
		}
	}
	if now := add("Desk"); now == was {
		t.Fatalf("it came again as %d", now)
	}
	if done, err := lane.MoveTo(t.Context(), lane.MoveConfig{Dir: dir, URL: url}); err != nil {
		t.Errorf("MoveTo = %+v, %v", done, err)
	}
}
