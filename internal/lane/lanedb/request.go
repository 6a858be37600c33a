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

// Place is a point in millionths of a degree.
type Place struct{ Lat, Lon int64 }

// Request is a service request as it is kept.
type Request struct {
	ID         int64
	Directory  int64 // version by which it was routed
	Category   string
	Language   string
	Words      string
	Landmark   string // where, in words
	Answers    string // JSON
	Area       string
	Public     *Place // what everybody may see; nil for none
	Exact      *Place // given to AddRequest alone; ExactPlace reads it
	Search     string // given to AddRequest alone: the words to find it by, as locale.SearchText gives them
	Visibility string
	Open       bool
	Hidden     bool // nobody may see it: lists pass it by and no word finds it
	Day        string
	Kind       string // "": a report
	Begins     string // days; "" for none
	Ends       string
	Source     string // of a case that was taken over: from where; "": it was told here
	Pictures   []Use  // given to AddRequest alone

	Hold  *Hold   // given to AddRequest alone: why it waits
	Marks []int64 // given to AddRequest alone: by which texts that are alike are found
}

// Assignment is one authority's part of a request.
type Assignment struct {
	Number, Request int64
	Authority       string // "": nobody is named yet
	State           string
	Day             string // since when
	Step            int64
	Answer          int64  // number of the event by which it was last answered; 0: never
	Standing        string // as which it is counted
}

// Event is one line of a request's history.
type Event struct {
	Number     int64
	Body, Hash string
}

// Write makes the event that follows the one with the hash before, which is ""
// for the first.
type Write func(request, number int64, before string) (body, hash string, err error)

// after is w for an event that must follow the one with a number: the fault of any
// other is lane.moved.
func (w Write) after(seen int64) Write {
	return func(request, number int64, before string) (body, hash string, err error) {
		if number != seen+1 {
			return "", "", fault.Conflict("lane.moved", request)
		}
		return w(request, number, before)
	}
}

// held is the visibility of what nobody may see before it is let through.
const held = "held"

// AddRequest keeps a request with its first assignment and event. A holder's
// hash that is there already gives that request, and fresh is false.
func (db *DB) AddRequest(ctx context.Context, r Request, holder string, a Assignment, write Write) (id int64, fresh bool, err error) {
	err = db.db.Tx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		id, fresh = 0, false
		err := tx.QueryRowContext(ctx, `SELECT request FROM holder WHERE hash = $1`, holder).Scan(&id)
		if err == nil || !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		fresh = true
		var lat, lon any
		if r.Public != nil {
			lat, lon = r.Public.Lat, r.Public.Lon
		}
		if err := tx.QueryRowContext(ctx, `INSERT INTO request (directory, category, language, words, landmark, answers, area, lat, lon, visibility, open, hidden, day, kind, begins, ends)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 1, $11, $12, $13, $14, $15) RETURNING id`,
			r.Directory, r.Category, r.Language, r.Words, r.Landmark, r.Answers, r.Area, lat, lon, r.Visibility, bit(r.Visibility == held), r.Day, r.Kind, r.Begins, r.Ends).Scan(&id); err != nil {
			return err
		}
		if r.Exact != nil {
			if _, err := tx.ExecContext(ctx, `INSERT INTO request_place (request, lat, lon) VALUES ($1, $2, $3)`, id, r.Exact.Lat, r.Exact.Lon); err != nil {
				return err
			}
		}
		if r.Public != nil && !db.postgres {
			if _, err := tx.ExecContext(ctx, `INSERT INTO request_box (id, min_lat, max_lat, min_lon, max_lon) VALUES ($1, $2, $2, $3, $3)`, id, lat, lon); err != nil {
				return err
			}
		}
		if r.Visibility != held { // else its words are indexed when it comes to be seen
			if err := db.index(ctx, tx, id, r.Search); err != nil {
				return err
			}
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO holder (hash, request) VALUES ($1, $2)`, holder, id); err != nil {
			return err
		}
		a.Request = id
		if err := db.addAssignment(ctx, tx, a); err != nil {
			return err
		}
		if err := db.appendEvent(ctx, tx, id, write); err != nil {
			return err
		}
		if err := db.hold(ctx, tx, id, r); err != nil {
			return err
		}
		return usePictures(ctx, tx, id, r.Pictures)
	})
	if err != nil {
		return 0, false, fmt.Errorf("keep the request: %w", err)
	}
	return id, fresh, nil
}

// wordsAtOnce is how many words are kept by one statement.
const wordsAtOnce = 500

// know keeps the words of a request among those that are known, on SQLite.
func (db *DB) know(ctx context.Context, tx *sql.Tx, search string) error {
	if db.postgres {
		return nil
	}
	words := strings.Fields(search)
	slices.Sort(words)
	for some := range slices.Chunk(slices.Compact(words), wordsAtOnce) {
		var p placeholders
		var rows [][]any
		for _, w := range some {
			rows = append(rows, []any{w})
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO request_words_known (word) VALUES `+p.rows(rows)+` ON CONFLICT (word) DO NOTHING`, p.args...); err != nil {
			return err
		}
	}
	return nil
}

func (db *DB) addAssignment(ctx context.Context, tx *sql.Tx, a Assignment) error {
	err := tx.QueryRowContext(ctx, `INSERT INTO assignment (request, authority, state, day, step, area, category) SELECT id, $1, $2, $3, 0, area, category FROM request WHERE id = $4 RETURNING number`,
		a.Authority, a.State, a.Day, a.Request).Scan(&a.Number)
	if err != nil {
		return err
	}
	return db.restand(ctx, tx, a.Number)
}

func (db *DB) appendEvent(ctx context.Context, tx *sql.Tx, request int64, write Write) error {
	number, body, err := appendTo(ctx, tx, "event", request, write)
	if err != nil {
		return err
	}
	if number > 1 && db.rules.Says(body) {
		if err := db.reindex(ctx, tx, request); err != nil {
			return err
		}
	}
	if err := wakeAlerts(ctx, tx, request); err != nil {
		return err
	}
	if err := db.tell(ctx, tx, request, number, body); err != nil {
		return err
	}
	return db.file(ctx, tx, request, body)
}

// appendTo appends to a table of chained events and gives what it wrote.
func appendTo(ctx context.Context, tx *sql.Tx, table string, request int64, write Write) (number int64, body string, err error) {
	var before string
	err = tx.QueryRowContext(ctx, `SELECT number, hash FROM `+table+` WHERE request = $1 ORDER BY number DESC LIMIT 1`, request).Scan(&number, &before)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return 0, "", err
	}
	number++
	body, hash, err := write(request, number, before)
	if err != nil {
		return 0, "", err
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO `+table+` (request, number, body, hash) VALUES ($1, $2, $3, $4)`, request, number, body, hash)
	return number, body, err
}

// AddEvent appends an event with its pictures that moves nothing, if it follows
// the event with the number after; otherwise the fault is lane.moved.
func (db *DB) AddEvent(ctx context.Context, request, after int64, write Write, pictures ...Use) error {
	err := db.db.Tx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		err := db.appendEvent(ctx, tx, request, write.after(after))
		if err != nil {
			return err
		}
		return usePictures(ctx, tx, request, pictures)
	})
	if err != nil {
		return fmt.Errorf("add to request %d: %w", request, err)
	}
	return nil
}

// MoveAssignment moves an assignment that still stands at its step, adds another
// one where next is not nil, and an event with its pictures; open says which
// states leave a request open. The fault is lane.moved when somebody was faster.
func (db *DB) MoveAssignment(ctx context.Context, a Assignment, next *Assignment, open func(state string) bool, write Write, pictures ...Use) error {
	err := db.db.Tx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		if err := db.move(ctx, tx, a, next, open, write); err != nil {
			return err
		}
		return usePictures(ctx, tx, a.Request, pictures)
	})
	if err != nil {
		return fmt.Errorf("move assignment %d: %w", a.Number, err)
	}
	return nil
}

// move is MoveAssignment in a transaction that does more.
func (db *DB) move(ctx context.Context, tx *sql.Tx, a Assignment, next *Assignment, open func(state string) bool, write Write) error {
	done, err := tx.ExecContext(ctx, `UPDATE assignment SET state = $1, day = $2, step = step + 1 WHERE number = $3 AND step = $4`,
		a.State, a.Day, a.Number, a.Step)
	if err != nil {
		return err
	}
	if n, err := done.RowsAffected(); err != nil || n != 1 {
		return errors.Join(fault.Conflict("lane.moved", a.Number), err)
	}
	if next != nil {
		if err := db.addAssignment(ctx, tx, *next); err != nil {
			return err
		}
	}
	if err := closeOrOpen(ctx, tx, a.Request, open); err != nil {
		return err
	}
	if err := db.appendEvent(ctx, tx, a.Request, write); err != nil {
		return err
	}
	return db.moved(ctx, tx, a)
}

func closeOrOpen(ctx context.Context, tx *sql.Tx, request int64, open func(state string) bool) error {
	all, err := assignments(ctx, tx, request)
	if err != nil {
		return err
	}
	left := 0
	for _, one := range all {
		if open(one.State) {
			left = 1
		}
	}
	_, err = tx.ExecContext(ctx, `UPDATE request SET open = $1 WHERE id = $2`, left, request)
	return err
}

type querier interface {
	QueryContext(context.Context, string, ...any) (*sql.Rows, error)
}

const assignmentColumns = `number, request, authority, state, day, step, answer, standing`

func scanAssignment(row interface{ Scan(...any) error }, a *Assignment) error {
	return row.Scan(&a.Number, &a.Request, &a.Authority, &a.State, &a.Day, &a.Step, &a.Answer, &a.Standing)
}

func assignments(ctx context.Context, q querier, request int64) ([]Assignment, error) {
	rows, err := q.QueryContext(ctx, `SELECT `+assignmentColumns+` FROM assignment WHERE request = $1 ORDER BY number`, request)
	return collect(rows, err, func(rows *sql.Rows, a *Assignment) error { return scanAssignment(rows, a) })
}

// Assignments gives the assignments of a request in the order in which they were made.
func (db *DB) Assignments(ctx context.Context, request int64) ([]Assignment, error) {
	all, err := assignments(ctx, db.db.byKey(), request)
	if err != nil {
		return nil, fmt.Errorf("read the assignments of request %d: %w", request, err)
	}
	return all, nil
}

// Assignment gives one assignment, or the fault lane.no_assignment.
func (db *DB) Assignment(ctx context.Context, number int64) (Assignment, error) {
	return readAssignment(ctx, db.db.byKey(), number)
}

// InState gives the assignments of an authority that stand in a state, those above after in their
// order, at most limit.
func (db *DB) InState(ctx context.Context, authority, state string, after int64, limit int) ([]Assignment, error) {
	rows, err := db.db.QueryContext(ctx, `SELECT `+assignmentColumns+` FROM assignment WHERE authority = $1 AND state = $2 AND number > $3 ORDER BY number LIMIT $4`, authority, state, after, limit)
	all, err := collect(rows, err, func(rows *sql.Rows, a *Assignment) error { return scanAssignment(rows, a) })
	if err != nil {
		return nil, fmt.Errorf("read what is %s with %s: %w", state, authority, err)
	}
	return all, nil
}

const columns = `id, directory, category, language, words, landmark, answers, area, lat, lon, visibility, open, hidden, day, kind, begins, ends, source`

func scanRequest(row interface{ Scan(...any) error }, r *Request, more ...any) error {
	var lat, lon sql.NullInt64
	var open, hidden int64
	err := row.Scan(append([]any{&r.ID, &r.Directory, &r.Category, &r.Language, &r.Words, &r.Landmark, &r.Answers, &r.Area, &lat, &lon, &r.Visibility, &open, &hidden, &r.Day, &r.Kind, &r.Begins, &r.Ends, &r.Source}, more...)...)
	r.Hidden = hidden == 1
	r.Public = nil
	if r.Open = open == 1; lat.Valid && lon.Valid {
		r.Public = &Place{lat.Int64, lon.Int64}
	}
	return err
}

// Request gives a request without its exact place, or the fault lane.no_request.
func (db *DB) Request(ctx context.Context, id int64) (Request, error) {
	return requestOf(ctx, db.db.byKey(), id)
}

// RequestWhole gives a request with its assignments in the order in which they were made,
// without its exact place, or the fault lane.no_request.
func (db *DB) RequestWhole(ctx context.Context, id int64) (r Request, all []Assignment, err error) {
	rows, err := db.db.byKey().QueryContext(ctx, `SELECT `+listed+`, COALESCE(a.number, 0), COALESCE(a.authority, ''), COALESCE(a.state, ''), COALESCE(a.day, ''), COALESCE(a.step, 0), COALESCE(a.answer, 0), COALESCE(a.standing, '')
		FROM request LEFT JOIN assignment a ON a.request = request.id WHERE request.id = $1 ORDER BY a.number`, id)
	all, err = collect(rows, err, func(rows *sql.Rows, a *Assignment) error {
		a.Request = id
		return scanRequest(rows, &r, &a.Number, &a.Authority, &a.State, &a.Day, &a.Step, &a.Answer, &a.Standing)
	})
	if err != nil {
		return r, nil, fmt.Errorf("read request %d: %w", id, err)
	}
	if len(all) == 0 {
		return r, nil, fault.NotFound("lane.no_request", id)
	}
	if all[0].Number == 0 {
		all = nil
	}
	return r, all, nil
}

func requestOf(ctx context.Context, q rowQuerier, id int64) (r Request, err error) {
	err = scanRequest(q.QueryRowContext(ctx, `SELECT `+columns+` FROM request WHERE id = $1`, id), &r)
	if errors.Is(err, sql.ErrNoRows) {
		return r, fault.NotFound("lane.no_request", id)
	}
	return r, err
}

// ExactPlace gives the exact place of a request; nil when none was given.
func (db *DB) ExactPlace(ctx context.Context, id int64) (*Place, error) {
	var p Place
	err := db.db.QueryRowContext(ctx, `SELECT lat, lon FROM request_place WHERE request = $1`, id).Scan(&p.Lat, &p.Lon)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("read the place of request %d: %w", id, err)
	}
	return &p, nil
}

// Held gives the request that a holder's hash belongs to, or the fault lane.unknown_code.
func (db *DB) Held(ctx context.Context, holder string) (id int64, err error) {
	err = db.db.byKey().QueryRowContext(ctx, `SELECT request FROM holder WHERE hash = $1`, holder).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, fault.NotFound("lane.unknown_code")
	}
	return id, err
}

// toldHere leaves out what was taken over from other systems.
func toldHere(*placeholders) string { return "request.source = ''" }

// OpenNear gives the newest open requests of a category that were told here and
// whose public place lies in a box, at most limit.
func (db *DB) OpenNear(ctx context.Context, category string, southWest, northEast Place, limit int) ([]Request, error) {
	f := Filter{Category: category, Open: new(true)}
	w := walk{ways: ways(nil, only(category), f.Open), limit: limit}
	w.where = []condition{toldHere, isReport}
	if err := db.byBox(ctx, Box{southWest, northEast}, &w, f.chosen()); err != nil {
		return nil, fmt.Errorf("find requests: %w", err)
	}
	return db.follow(ctx, w)
}

// OpenIn gives the newest open requests of a category in an area that were told
// here and that everybody may see, at most limit.
func (db *DB) OpenIn(ctx context.Context, category, area, hidden string, limit int) ([]Request, error) {
	rows, err := db.db.QueryContext(ctx, `SELECT `+columns+` FROM request
		WHERE category = $1 AND open = 1 AND hidden = 0 AND kind = '' AND area = $2 AND visibility <> $3 AND source = '' ORDER BY id DESC LIMIT $4`, category, area, hidden, limit)
	return requests(rows, err)
}

func requests(rows *sql.Rows, err error) ([]Request, error) {
	all, err := collect(rows, err, func(rows *sql.Rows, r *Request) error { return scanRequest(rows, r) })
	if err != nil {
		return nil, fmt.Errorf("find requests: %w", err)
	}
	return all, nil
}

// Events gives the history of a request from its beginning.
func (db *DB) Events(ctx context.Context, request int64) ([]Event, error) {
	return chain(ctx, db.db.byKey(), "event", request)
}

// chain reads a table of chained events.
func chain(ctx context.Context, q querier, table string, request int64) ([]Event, error) {
	rows, err := q.QueryContext(ctx, `SELECT number, body, hash FROM `+table+` WHERE request = $1 ORDER BY number`, request)
	all, err := collect(rows, err, func(rows *sql.Rows, e *Event) error { return rows.Scan(&e.Number, &e.Body, &e.Hash) })
	if err != nil {
		return nil, fmt.Errorf("read the history of request %d: %w", request, err)
	}
	return all, nil
}
