package lanedb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"

	"kua/internal/fault"
)

// AppealTrack is the track of formal appeals.
const AppealTrack = "appeal"

// Leg is the stay of a formal appeal with one authority.
type Leg struct {
	Authority string
	Month     string // in which it came there
	Standing  string // as which it is counted
	Due       string // of one that is running
}

// counted is the name under which a leg stands in the tally: with its day, so that no
// number has to change when the day is over.
func (l Leg) counted() string {
	if l.Due == "" {
		return l.Standing
	}
	return l.Standing + " " + l.Due
}

// cells are the numbers in which a leg stands: of its authority, and of the area and the
// category of its request.
func (l Leg) cells(area, category string) (all [3]Cell) {
	for i, id := range [...]string{l.Authority, area, category} {
		all[i] = Cell{kinds[i], l.Month, id, l.counted()}
	}
	return all
}

// relegs keeps the legs of a request's appeal in place of those before, and the counts up
// where they are counted.
func (db *DB) relegs(ctx context.Context, tx *sql.Tx, request int64, now []Leg) error {
	before, err := legsOf(ctx, tx, request)
	if err != nil || slices.Equal(before, now) {
		return err
	}
	counted := int64(0)
	if err := tx.QueryRowContext(ctx, `SELECT counted FROM appeal_with WHERE request = $1`, request).Scan(&counted); err != nil {
		return err
	}
	if err := countLegs(ctx, tx, request, before, -counted); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, `DELETE FROM appeal_leg WHERE request = $1`, request); err != nil {
		return err
	}
	for i, l := range now {
		if _, err := tx.ExecContext(ctx, `INSERT INTO appeal_leg (request, leg, authority, month, standing, due, area, category) SELECT id, $1, $2, $3, $4, $5, area, category FROM request WHERE id = $6`,
			i+1, l.Authority, l.Month, l.Standing, l.Due, request); err != nil {
			return err
		}
	}
	return countLegs(ctx, tx, request, now, counted)
}

// seeAppeal takes the legs of a request's appeal into the counts while everybody may see
// the request, and out of them while nobody may.
func seeAppeal(ctx context.Context, tx *sql.Tx, request int64, shown bool) error {
	done, err := tx.ExecContext(ctx, `UPDATE appeal_with SET counted = $1 WHERE request = $2 AND counted <> $1`, bit(shown), request)
	if err != nil {
		return err
	}
	if n, err := done.RowsAffected(); n == 0 || err != nil {
		return err
	}
	legs, err := legsOf(ctx, tx, request)
	if err != nil {
		return err
	}
	return countLegs(ctx, tx, request, legs, 2*bit(shown)-1)
}

// shownNow is whether everybody may see the request of a line of appeal_with, as 1 or 0.
func (db *DB) shownNow(p *placeholders) string {
	return `(CASE WHEN EXISTS (SELECT 1 FROM request r WHERE r.id = appeal_with.request AND (r.visibility <> 'held' OR EXISTS (
		SELECT 1 FROM assignment b WHERE b.request = r.id AND b.state NOT IN (` + many(p, db.rules.Unseen) + `)))) THEN 1 ELSE 0 END)`
}

func countLegs(ctx context.Context, tx *sql.Tx, request int64, legs []Leg, n int64) error {
	if n == 0 || len(legs) == 0 {
		return nil
	}
	area, category, err := about(ctx, tx, request)
	if err != nil {
		return err
	}
	for _, l := range legs {
		for _, c := range l.cells(area, category) {
			if err := count(ctx, tx, AppealTrack, c, request, n); err != nil {
				return err
			}
		}
	}
	return nil
}

// about gives the area and the category of a request, neither of which ever changes.
func about(ctx context.Context, tx *sql.Tx, request int64) (area, category string, err error) {
	err = tx.QueryRowContext(ctx, `SELECT area, category FROM request WHERE id = $1`, request).Scan(&area, &category)
	return area, category, err
}

func legsOf(ctx context.Context, q querier, request int64) ([]Leg, error) {
	rows, err := q.QueryContext(ctx, `SELECT authority, month, standing, due FROM appeal_leg WHERE request = $1 ORDER BY leg`, request)
	return collect(rows, err, func(rows *sql.Rows, l *Leg) error { return rows.Scan(&l.Authority, &l.Month, &l.Standing, &l.Due) })
}

// StaleAppeals gives requests whose appeal was worked out by an older version of the
// directory than the newest, at most limit.
func (db *DB) StaleAppeals(ctx context.Context, newest int64, limit int) ([]int64, error) {
	rows, err := db.db.QueryContext(ctx, `SELECT request FROM appeal_with WHERE directory < $1 ORDER BY directory, request LIMIT $2`, newest, limit)
	all, err := collect(rows, err, func(rows *sql.Rows, id *int64) error { return rows.Scan(id) })
	if err != nil {
		return nil, fmt.Errorf("find appeals of an older directory: %w", err)
	}
	return all, nil
}

// KeepLegs keeps how an appeal of so many entries stands, worked out anew. The fault is
// lane.entered when something was entered meanwhile: then it was worked out with that.
func (db *DB) KeepLegs(ctx context.Context, request, entries int64, with With) error {
	err := db.db.Tx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		var n int64
		if err := tx.QueryRowContext(ctx, `SELECT COALESCE(max(number), 0) FROM appeal_event WHERE request = $1`, request).Scan(&n); err != nil {
			return err
		}
		if n != entries {
			return fault.Conflict("lane.entered", request)
		}
		return db.keepWith(ctx, tx, request, with)
	})
	if err != nil {
		return fmt.Errorf("count the appeal of request %d: %w", request, err)
	}
	return nil
}

// AppealsOf gives requests whose appeal came in a month to an authority, or to any from
// one of some areas or from a category (kind), behind a request, in their order and at
// most limit.
func (db *DB) AppealsOf(ctx context.Context, kind string, ids []string, month string, after int64, limit int) ([]int64, error) {
	if !slices.Contains(kinds, kind) {
		return nil, fmt.Errorf("find appeals by %q, which is no kind", kind)
	}
	var all []int64
	for some := range slices.Chunk(ids, waysAtOnce) {
		var p placeholders
		var ways []string
		for _, id := range some {
			ways = append(ways, `SELECT request FROM (SELECT DISTINCT request FROM appeal_leg WHERE `+kind+` = `+p.one(id)+` AND month = `+p.one(month)+` AND request > `+p.one(after)+
				` ORDER BY request LIMIT `+p.one(int64(limit))+`) AS way`)
		}
		rows, err := db.db.QueryContext(ctx, `SELECT request FROM (`+strings.Join(ways, " UNION ALL ")+`) AS ways ORDER BY request LIMIT `+p.one(int64(limit)), p.args...)
		found, err := collect(rows, err, func(rows *sql.Rows, id *int64) error { return rows.Scan(id) })
		if err != nil {
			return nil, fmt.Errorf("find the appeals by %s: %w", kind, err)
		}
		all = append(all, found...)
	}
	slices.Sort(all)
	all = slices.Compact(all)
	return all[:min(len(all), limit)], nil
}

// Unstood is an appeal whose legs are not kept as they are worked out.
type Unstood struct {
	Request int64
	Damaged bool // its chain of entries is broken
}

// RecountAppeals works all formal appeals out anew and gives those whose legs differ
// from what is kept, and the numbers of the tally that differ from the legs; with mend
// it keeps what was worked out. stand works one out from its entries; ok is false for a
// chain that is broken, whose legs stay. It is one transaction.
func (db *DB) RecountAppeals(ctx context.Context, mend bool, stand func(request int64, entries []Event, kept []Leg) (w With, ok bool, err error)) (legs []Unstood, cells []Difference, err error) {
	err = db.recounting(mend)(ctx, func(ctx context.Context, tx *sql.Tx) error {
		legs, cells = nil, nil
		counted := counting{}
		for after := int64(0); ; {
			rows, err := tx.QueryContext(ctx, `SELECT DISTINCT request FROM appeal_event WHERE request > $1 ORDER BY request LIMIT $2`, after, recountBatch)
			ids, err := collect(rows, err, func(rows *sql.Rows, id *int64) error { return rows.Scan(id) })
			if err != nil {
				return err
			}
			if len(ids) == 0 {
				break
			}
			for _, id := range ids {
				entries, err := chain(ctx, tx, "appeal_event", id)
				if err != nil {
					return err
				}
				kept, err := legsOf(ctx, tx, id)
				if err != nil {
					return err
				}
				now, ok, err := stand(id, entries, kept)
				if err != nil {
					return err
				}
				if !ok {
					legs, now.Legs = append(legs, Unstood{id, true}), kept
				} else if !slices.Equal(kept, now.Legs) {
					legs = append(legs, Unstood{id, false})
					if mend {
						if err := db.keepWith(ctx, tx, id, now); err != nil {
							return err
						}
					}
				}
				var p placeholders
				shown := int64(1)
				row := tx.QueryRowContext(ctx, `SELECT `+db.shownNow(&p)+` FROM appeal_with WHERE request = `+p.one(id), p.args...)
				if err := row.Scan(&shown); err != nil && !errors.Is(err, sql.ErrNoRows) {
					return err
				}
				if shown == 0 {
					continue
				}
				area, category, err := about(ctx, tx, id)
				if err != nil {
					return err
				}
				for _, l := range now.Legs {
					for _, c := range l.cells(area, category) {
						counted.add(c, id)
					}
				}
			}
			after = ids[len(ids)-1]
		}
		kept, err := tallied(ctx, tx, AppealTrack)
		if err != nil {
			return err
		}
		if cells = counted.against(kept); !mend || len(cells) == 0 {
			return nil
		}
		var p placeholders
		if _, err := tx.ExecContext(ctx, `UPDATE appeal_with SET counted = `+db.shownNow(&p), p.args...); err != nil {
			return err
		}
		return counted.keep(ctx, tx, AppealTrack)
	})
	if err != nil {
		return nil, nil, fmt.Errorf("count the appeals anew: %w", err)
	}
	return legs, cells, nil
}

// PassOver keeps that an appeal was looked at by a version of the directory which
// changes nothing of it.
func (db *DB) PassOver(ctx context.Context, request, directory int64) error {
	err := db.db.Tx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE appeal_with SET directory = $1 WHERE request = $2`, directory, request)
		return err
	})
	if err != nil {
		return fmt.Errorf("pass over the appeal of request %d: %w", request, err)
	}
	return nil
}
