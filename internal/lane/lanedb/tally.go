package lanedb

import (
	"context"
	"database/sql"
	"fmt"
)

// Rules are the lane's own, which the storage applies inside its transactions.
// Each is a pure function.
type Rules struct {
	Tells    Tells                           // who must hear of an event
	Answer   func(state string) bool         // an authority's answer that people judge
	Standing func(Facts) string              // as which an assignment is counted
	Filed    Filed                           // what an inbox takes from an event
	Open     func(state string) bool         // something is still to come from an authority
	Unseen   []string                        // states of an assignment that let nobody see a held request
	Says     func(body string) bool          // an event has words by which its request is found
	Search   Search                          // by what a request is found
	Disputes func(before, after string) bool // supporters' words have just turned one standing into another of which its authority must hear
}

// Search gives the words by which a request is found, as locale.SearchText does, of
// what it and its history say; directory reads the version by which it was routed.
type Search func(r Request, history []Event, directory func() (Version, []File, error)) (string, error)

// Facts are all that the standing of an assignment hangs on.
type Facts struct {
	State    string
	Answered string // the state of its last answer; "": it never had one
	Said     Said   // of that answer
}

// Said is what people say of an answer.
type Said struct {
	Holder               string // "": nothing
	Mended, Partly, Nope int64  // supporters
}

// slots spread each count over several rows, so that acts at the same time
// seldom meet in one.
const slots = 8

// The kinds of what is counted for.
var kinds = []string{"authority", "area", "category"}

// ReportTrack is the track of public reports; tracks are never added up.
const ReportTrack = "report"

// Count is how many assignments of one id stand one way in one month.
type Count struct {
	Month, ID, Standing string
	N                   int64
}

// part is an assignment with what it is counted by.
type part struct {
	number, request, answer int64
	month, kept, of         string    // of: the request's kind; none but reports are counted
	ids                     [3]string // in the order of kinds
	facts                   Facts
}

const partColumns = `a.number, a.request, a.answer, substr(r.day, 1, 7), a.standing, a.authority, r.area, r.category, a.state, a.answered, r.kind`

func scanPart(row interface{ Scan(...any) error }, p *part) error {
	return row.Scan(&p.number, &p.request, &p.answer, &p.month, &p.kept, &p.ids[0], &p.ids[1], &p.ids[2], &p.facts.State, &p.facts.Answered, &p.of)
}

// restand gives an assignment the standing that follows from its facts, and
// keeps the counts up.
func (db *DB) restand(ctx context.Context, tx *sql.Tx, number int64) error {
	var p part
	err := scanPart(tx.QueryRowContext(ctx, `SELECT `+partColumns+` FROM assignment a JOIN request r ON r.id = a.request WHERE a.number = $1`, number), &p)
	if err != nil {
		return err
	}
	if p.answer != 0 {
		said, err := saidOf(ctx, tx, "assignment = $1 AND answer = $2", p.number, p.answer)
		if err != nil {
			return err
		}
		p.facts.Said = said[p.number]
	}
	now := db.rules.Standing(p.facts)
	if now == p.kept {
		return nil
	}
	if _, err := tx.ExecContext(ctx, `UPDATE assignment SET standing = $1 WHERE number = $2`, now, number); err != nil {
		return err
	}
	if p.of != "" {
		return nil
	}
	for i, kind := range kinds {
		if p.kept != "" {
			if err := count(ctx, tx, ReportTrack, Cell{kind, p.month, p.ids[i], p.kept}, p.request, -1); err != nil {
				return err
			}
		}
		if err := count(ctx, tx, ReportTrack, Cell{kind, p.month, p.ids[i], now}, p.request, 1); err != nil {
			return err
		}
	}
	return nil
}

// give gives an assignment that was nobody's to an authority, in the counts too.
func (db *DB) give(ctx context.Context, tx *sql.Tx, number int64, owner string) error {
	var p part
	err := scanPart(tx.QueryRowContext(ctx, `SELECT `+partColumns+` FROM assignment a JOIN request r ON r.id = a.request WHERE a.number = $1`, number), &p)
	if err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, `UPDATE assignment SET authority = $1 WHERE number = $2`, owner, number); err != nil || p.of != "" || p.kept == "" {
		return err
	}
	if err := count(ctx, tx, ReportTrack, Cell{kinds[0], p.month, p.ids[0], p.kept}, p.request, -1); err != nil {
		return err
	}
	return count(ctx, tx, ReportTrack, Cell{kinds[0], p.month, owner, p.kept}, p.request, 1)
}

// count adds n of a request to one number of a track.
func count(ctx context.Context, tx *sql.Tx, track string, c Cell, request, n int64) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO tally (kind, track, month, id, standing, slot, n) VALUES ($1, $2, $3, $4, $5, $6, $7)
		ON CONFLICT (kind, track, month, id, standing, slot) DO UPDATE SET n = tally.n + excluded.n`,
		c.Kind, track, c.Month, c.ID, c.Standing, request%slots, n)
	return err
}

// moved follows a move of an assignment that is in the history already: an
// answer is one that people are asked of anew.
func (db *DB) moved(ctx context.Context, tx *sql.Tx, a Assignment) error {
	if db.rules.Answer(a.State) {
		if _, err := tx.ExecContext(ctx, `UPDATE assignment SET answered = $1, answer = (SELECT max(number) FROM event WHERE request = $2) WHERE number = $3`,
			a.State, a.Request, a.Number); err != nil {
			return err
		}
	}
	return db.restand(ctx, tx, a.Number)
}

// saidOf counts verdicts for each assignment; where chooses among them.
func saidOf(ctx context.Context, q querier, where string, args ...any) (map[int64]Said, error) {
	rows, err := q.QueryContext(ctx, `SELECT assignment, holder, says, count(*) FROM verdict WHERE `+where+` GROUP BY assignment, holder, says`, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	all := map[int64]Said{}
	for rows.Next() {
		var assignment, holder, n int64
		var says string
		if err := rows.Scan(&assignment, &holder, &says, &n); err != nil {
			return nil, err
		}
		s := all[assignment]
		switch {
		case holder == 1:
			s.Holder = says
		case says == "mended":
			s.Mended = n
		case says == "partly":
			s.Partly = n
		default:
			s.Nope = n
		}
		all[assignment] = s
	}
	return all, rows.Err()
}

// Tally gives the counts of a kind (authority, area, category) on one track for
// the months from first to last; what counts nothing is left out.
func (db *DB) Tally(ctx context.Context, kind, track, first, last string) ([]Count, error) {
	rows, err := db.db.QueryContext(ctx, `SELECT month, id, standing, sum(n) FROM tally
		WHERE kind = $1 AND track = $2 AND month BETWEEN $3 AND $4 GROUP BY month, id, standing HAVING sum(n) <> 0 ORDER BY month, id, standing`, kind, track, first, last)
	all, err := collect(rows, err, func(rows *sql.Rows, c *Count) error { return rows.Scan(&c.Month, &c.ID, &c.Standing, &c.N) })
	if err != nil {
		return nil, fmt.Errorf("read the tally: %w", err)
	}
	return all, nil
}
