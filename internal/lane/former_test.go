package lane_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"kua/internal/fault"
	"kua/internal/lane"
	"kua/internal/lane/lanetest"
	"kua/internal/locale"
	"kua/internal/sqldb"
)

// TestReform: what a newer directory does not have any more keeps its name and its place in lists
// and numbers; what is open with an authority that is gone can be passed on, by its own
// people, by a checker and by the house, and to nobody who is gone.
func TestReform(t *testing.T) {
	onBoth(t, func(t *testing.T, open func() *lane.Lane, _ sqldb.Config) {
		l, ctx := withCity(t, open()), t.Context()
		pothole := submit(t, l, manhole(func(d *lane.Draft) { d.Category, d.Answers, d.At = "pothole", nil, at(45.14, 65.15) }))
		own, house := submit(t, l, manhole()), submit(t, l, manhole())
		waits := submit(t, l, manhole(func(d *lane.Draft) { d.Category, d.Answers, d.At = "no-answer", nil, at(45.14, 65.15) }))
		if _, err := l.PassOn(ctx, "water", "roads", "so it is"); !errors.Is(err, fault.Conflict("lane.still_there")) {
			t.Errorf("for one that is there: %v", err)
		}

		_, _, problems, err := l.Import(ctx, lanetest.Reformed(t))
		if err != nil {
			t.Fatal(err)
		}
		var said []string
		for _, p := range problems {
			if strings.HasPrefix(p.What.Key, "authority.former") {
				said = append(said, strings.TrimPrefix(p.What.Key, "authority.former_")+" "+p.What.Args[0].(string))
			}
		}
		slices.Sort(said)
		if diff := cmp.Diff([]string{"area bazaar", "authority bazaar-office", "authority water", "category pothole"}, said); diff != "" {
			t.Error(diff)
		}
		l = open() // another process learns the same
		_, router, err := l.Current(ctx)
		if err != nil {
			t.Fatal(err)
		}
		for want, names := range map[string]locale.Texts{"Old Bazaar": router.AreaNames("bazaar"), "Ulgi Water Works": router.AuthorityNames("water"), "Pothole": router.CategoryNames("pothole")} {
			if got := names.In(locale.English); got != want {
				t.Errorf("it is called %q, want %q", got, want)
			}
		}
		if got := router.Directory().Now("bazaar"); got != "north" {
			t.Errorf("the bazaar lies in %q now", got)
		}
		found, err := l.List(ctx, lane.Filter{Areas: router.Directory().Inside("north"), Limit: 9})
		if err != nil || len(found) != 1 || found[0].ID != pothole {
			t.Errorf("in the north: %+v, %v", found, err)
		}

		// By its own people, with the newest owner; by none to who is gone.
		part := func(id int64) lane.Assignment { return request(t, l, id).Assignments[0] }
		a := part(own)
		if err := l.Answer(ctx, part(pothole), 0, lane.Move{To: lane.Redirected, By: lane.ByOfficial, Owner: "water"}); !errors.Is(err, fault.NotFound("authority.unknown")) {
			t.Errorf("to one that is gone: %v", err)
		}
		if err := l.Answer(ctx, a, a.Step, lane.Move{To: lane.Redirected, By: lane.ByOfficial, Owner: "utilities"}); err != nil {
			t.Errorf("to a new one: %v", err)
		}
		// By the house.
		if _, err := l.PassOn(ctx, "water", "utilities", " "); !errors.Is(err, fault.Invalid("lane.needs")) {
			t.Errorf("without a reason: %v", err)
		}
		for _, none := range [][2]string{{"ufo", "utilities"}, {"water", "ufo"}} {
			if n, err := l.PassOn(ctx, none[0], none[1], "so it is"); n != 0 || !errors.Is(err, fault.NotFound("authority.unknown")) {
				t.Errorf("from %s to %s: %d, %v", none[0], none[1], n, err)
			}
		}
		for _, want := range []int{1, 0} { // the second time there is nothing left
			if n, err := l.PassOn(ctx, "water", "utilities", "the water works are part of the utilities"); n != want || err != nil {
				t.Errorf("passed on %d, want %d: %v", n, want, err)
			}
		}
		for _, id := range []int64{own, house} {
			r := request(t, l, id)
			if len(r.Assignments) != 2 || r.Assignments[0].Standing != lane.Passed || r.Assignments[1].Authority != "utilities" || r.Assignments[1].State != lane.Routed || !r.Open {
				t.Errorf("report %d: %+v", id, r)
			}
		}
		history, err := l.History(ctx, house)
		if err != nil {
			t.Fatal(err)
		}
		if last := history[len(history)-1]; last.By != lane.ByHouse || last.Owner != "utilities" || last.Reason == "" || last.Authority != "water" {
			t.Errorf("the history ends with %+v", last)
		}
		// By a checker, who has to say to whom.
		c := lane.Check{Checker: checker(t, l).Number, Request: waits, Seen: 1, To: lane.Routed}
		if err := l.Decide(ctx, c); !errors.Is(err, fault.Conflict("lane.check_nobody")) {
			t.Errorf("let through to nobody: %v", err)
		}
		c.Owner = "city-hall"
		if err := l.Decide(ctx, c); err != nil || part(waits).Authority != "city-hall" {
			t.Errorf("let through to city hall: %+v, %v", part(waits), err)
		}
		found, err = l.List(ctx, lane.Filter{Areas: router.Directory().Inside("north"), Limit: 9})
		if err != nil || len(found) != 2 {
			t.Errorf("what was let through is not in the north: %+v, %v", found, err)
		}
		whole(t, l)
	})
}

// TestLongGone: what a newer directory left out keeps its name and its place however many versions came since.
func TestLongGone(t *testing.T) {
	onBoth(t, func(t *testing.T, open func() *lane.Lane, raw sqldb.Config) {
		l, ctx := withCity(t, open()), t.Context()
		submit(t, l, manhole(func(d *lane.Draft) { d.Category, d.Answers, d.At = "pothole", nil, at(45.14, 65.15) }))
		_, _, _, err := l.Import(ctx, lanetest.Reformed(t))
		check(t, err)
		check(t, openRaw(t, raw).Tx(ctx, func(ctx context.Context, tx *sql.Tx) error {
			for version := 3; version < 63; version++ {
				if _, err := tx.ExecContext(ctx, `INSERT INTO directory (version, place, digest, day) SELECT $1, place, $2, day FROM directory WHERE version = 2`, version, fmt.Sprint(version)); err != nil {
					return err
				}
				if _, err := tx.ExecContext(ctx, `INSERT INTO directory_file (version, name, hash) SELECT $1, name, hash FROM directory_file WHERE version = 2`, version); err != nil {
					return err
				}
			}
			return nil
		}))
		v, router, err := open().Current(ctx)
		if names := router.AreaNames("bazaar"); err != nil || v.Number != 62 || names.In(locale.English) != "Old Bazaar" || !slices.Contains(router.Directory().Inside("north"), "bazaar") {
			t.Errorf("in version %d it is called %v, %v", v.Number, names, err)
		}
	})
}

// TestPagesGoOnWhileADirectoryIsRead: while one reads a directory that was just imported, the pages of
// that moment are made of the one before, and nobody waits.
func TestPagesGoOnWhileADirectoryIsRead(t *testing.T) {
	url := lanetest.Database(t)
	open := func() *lane.Lane { return opened(t, lane.Config{Dir: t.TempDir(), URL: url}) }
	l, ctx := withCity(t, open()), t.Context()
	_, _, _, err := open().Import(ctx, lanetest.Reformed(t))
	check(t, err)
	raw := openRaw(t, sqldb.Config{URL: url})
	read := make(chan error, 1)
	check(t, raw.Tx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `LOCK TABLE directory_text IN ACCESS EXCLUSIVE MODE`); err != nil {
			return err
		}
		go func() {
			_, _, err := l.Current(t.Context())
			read <- err
		}()
		for waits := 0; waits == 0; {
			if err := tx.QueryRowContext(ctx, `SELECT count(*) FROM pg_locks WHERE NOT granted`).Scan(&waits); err != nil {
				return err
			}
		}
		time.Sleep(1100 * time.Millisecond) // longer than no page looks
		pinned := make(chan error, 1)
		go func() {
			_, err := l.Pinned(t.Context())
			pinned <- err
		}()
		select {
		case err := <-pinned:
			return err
		case <-time.After(500 * time.Millisecond):
			t.Error("a page waits")
			return nil
		}
	}))
	check(t, <-read)
	if v, _, err := l.Current(ctx); err != nil || v.Number != 2 {
		t.Errorf("it has version %d, %v", v.Number, err)
	}
}
