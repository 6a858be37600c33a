package lanedb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"kua/internal/fault"
)

// Asked says which requests another system asks for; empty members ask for all.
type Asked struct {
	IDs         []int64
	Categories  []string
	Open        *bool
	From, To    string   // days of the request
	Days        []string // all days from From to To, where these are not too many to be looked at one by one
	ChangedFrom string   // day of its last event, at least
	ChangedTo   string   // and at most
	Lately      bool     // ChangedFrom is so near that what has changed since may be little
	Before      int64    // ids below it; 0: from the newest
	Skip, Limit int
	Unseen      []string // states of an assignment that leave a held request hidden
}

// placeholders gathers arguments and names their places.
type placeholders struct{ args []any }

func (p *placeholders) one(v any) string {
	p.args = append(p.args, v)
	return fmt.Sprintf("$%d", len(p.args))
}

func many[T any](p *placeholders, all []T) string {
	var places []string
	for _, v := range all {
		places = append(places, p.one(v))
	}
	return strings.Join(places, ", ")
}

// rows names the places of rows: ($1, $2), ($3, $4).
func (p *placeholders) rows(all [][]any) string {
	var rows []string
	for _, values := range all {
		rows = append(rows, "("+many(p, values)+")")
	}
	return strings.Join(rows, ", ")
}

// seen is the condition under which everybody may see a request. It looks at the
// parts of that request alone: PostgreSQL would read those of all for an EXISTS.
func seen(p *placeholders, unseen []string) string {
	return "(request.visibility <> 'held' OR (SELECT 1 FROM assignment a WHERE a.request = request.id AND a.state NOT IN (" + many(p, unseen) + ") LIMIT 1) IS NOT NULL)"
}

// Ask gives requests newest first, without those that nobody may see yet.
func (db *DB) Ask(ctx context.Context, q Asked) ([]Request, error) {
	w := walk{ways: ways(nil, q.Categories, q.Open), skip: q.Skip, limit: q.Limit}
	if len(w.ways) == 0 && len(q.Days) == 0 {
		w.ways = bothStates()
	}
	first, before, err := db.between(ctx, q.Days)
	if err != nil {
		return nil, fmt.Errorf("find requests: %w", err)
	}
	if q.Before > 0 {
		before = min(before, q.Before)
	}
	w.where = []condition{func(p *placeholders) string {
		return "request.id >= " + p.one(first) + " AND request.id < " + p.one(before)
	},
		func(p *placeholders) string { return seen(p, q.Unseen) }, isReport}
	and := func(c condition) { w.where = append(w.where, c) }
	gather := false
	if q.Lately && len(q.IDs) == 0 {
		if gather, err = db.littleSince(ctx, q.ChangedFrom); err != nil {
			return nil, fmt.Errorf("find requests: %w", err)
		}
	}
	switch {
	case len(q.IDs) > 0:
		w.where, w.ways = append(w.where, chosen(nil, q.Categories, q.Open)...), []condition{func(p *placeholders) string { return "request.id IN (" + many(p, q.IDs) + ")" }}
	case gather:
		w.where, w.ways = append(w.where, chosen(nil, q.Categories, q.Open)...), []condition{func(p *placeholders) string {
			return "request.id IN (" + changedSince(p, q.ChangedFrom) + ")"
		}}
	case q.ChangedFrom != "":
		and(func(p *placeholders) string {
			return "EXISTS (SELECT 1 FROM event e WHERE e.request = request.id AND e.day >= " + p.one(q.ChangedFrom) + ")"
		})
	}
	if q.From != "" {
		and(func(p *placeholders) string { return day + " >= " + p.one(q.From) })
	}
	if q.To != "" {
		and(func(p *placeholders) string { return day + " <= " + p.one(q.To) })
	}
	if q.ChangedTo != "" {
		and(func(p *placeholders) string {
			return "NOT EXISTS (SELECT 1 FROM event e WHERE e.request = request.id AND e.day > " + p.one(q.ChangedTo) + ")"
		})
	}
	return db.follow(ctx, w)
}

// changedSince gives the ids of the requests that were told, taken over or acted on
// since a day, some of them more than once.
func changedSince(p *placeholders, day string) string {
	since := p.one(day)
	return "SELECT request FROM event WHERE number > 1 AND day >= " + since + " UNION ALL SELECT id FROM request WHERE day >= " + since + " UNION ALL SELECT request FROM imported WHERE day >= " + since
}

// littleSince reports that so little has changed since a day that it can be
// gathered. After a large import it cannot, but then it is most of what is newest.
func (db *DB) littleSince(ctx context.Context, day string) (bool, error) {
	var p placeholders
	var n int
	err := db.db.QueryRowContext(ctx, "SELECT count(*) FROM (SELECT request FROM ("+changedSince(&p, day)+") AS ways LIMIT "+p.one(int64(db.gather))+") AS found", p.args...).Scan(&n)
	return n < db.gather, err
}

// between gives the lowest id of some days and the one behind the highest, so that
// nothing before and after them is walked over. What was imported has ids that do
// not rise with its days: the days themselves are asked for besides.
func (db *DB) between(ctx context.Context, days []string) (first, behind int64, err error) {
	if len(days) == 0 {
		return 0, 1 << 62, nil
	}
	var p placeholders
	var ends []string
	for _, one := range days {
		at := p.one(one)
		for _, order := range []string{"ASC", "DESC"} {
			ends = append(ends, `SELECT id FROM (SELECT id FROM request WHERE day = `+at+` ORDER BY id `+order+` LIMIT 1) AS edge`)
		}
	}
	err = db.db.QueryRowContext(ctx, `SELECT COALESCE(min(id), 0), COALESCE(max(id), 0) + 1 FROM (`+strings.Join(ends, " UNION ALL ")+`) AS edges`, p.args...).Scan(&first, &behind)
	return first, behind, err
}

// EventOf is an event with the request that it belongs to.
type EventOf struct {
	Request int64
	Day     string
	Event
}

const eventColumns = `event.request, event.day, event.number, event.body, event.hash`

func events(rows *sql.Rows, err error) ([]EventOf, error) {
	all, err := collect(rows, err, func(rows *sql.Rows, e *EventOf) error {
		return rows.Scan(&e.Request, &e.Day, &e.Number, &e.Body, &e.Hash)
	})
	if err != nil {
		return nil, fmt.Errorf("read the events of requests: %w", err)
	}
	return all, nil
}

// EventsOf gives the histories of several requests.
func (db *DB) EventsOf(ctx context.Context, ids []int64) (map[int64][]Event, error) {
	by := make(map[int64][]Event)
	if len(ids) == 0 {
		return by, nil
	}
	var p placeholders
	rows, err := db.db.QueryContext(ctx, `SELECT `+eventColumns+` FROM event WHERE request IN (`+many(&p, ids)+`) ORDER BY request, number`, p.args...)
	all, err := events(rows, err)
	for _, e := range all {
		by[e.Request] = append(by[e.Request], e.Event)
	}
	return by, err
}

// Mark is a place in the order of all events.
type Mark struct {
	Day             string
	Request, Number int64
}

// EventsBetween gives the events from one day to another behind a mark, oldest
// first, but for the first of each request and for those of requests that nobody
// may see.
func (db *DB) EventsBetween(ctx context.Context, from, to string, after Mark, unseen []string, limit int) ([]EventOf, error) {
	var p placeholders
	rows, err := db.db.QueryContext(ctx, `SELECT `+eventColumns+` FROM event JOIN request ON request.id = event.request
		WHERE event.day >= `+p.one(from)+` AND event.day <= `+p.one(to)+` AND event.number > 1 AND request.kind = ''
		AND (event.day, event.request, event.number) > (`+p.one(after.Day)+`, `+p.one(after.Request)+`, `+p.one(after.Number)+`)
		AND `+seen(&p, unseen)+` ORDER BY event.day, event.request, event.number LIMIT `+p.one(int64(limit)), p.args...)
	return events(rows, err)
}

// Key is a key of another system.
type Key struct {
	ID        int64
	Hash      string
	Name      string
	Submit    bool
	Authority string
	PerHour   int64
	Day       string
	Revoked   string
}

const keyColumns = `id, hash, name, submit, authority, per_hour, day, revoked`

func scanKey(row interface{ Scan(...any) error }, k *Key) error {
	var submit int64
	err := row.Scan(&k.ID, &k.Hash, &k.Name, &submit, &k.Authority, &k.PerHour, &k.Day, &k.Revoked)
	k.Submit = submit == 1
	return err
}

// AddKey keeps a key.
func (db *DB) AddKey(ctx context.Context, k Key) (id int64, err error) {
	submit := int64(0)
	if k.Submit {
		submit = 1
	}
	err = db.db.Tx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		return tx.QueryRowContext(ctx, `INSERT INTO api_key (hash, name, submit, authority, per_hour, day, revoked)
			VALUES ($1, $2, $3, $4, $5, $6, '') RETURNING id`, k.Hash, k.Name, submit, k.Authority, k.PerHour, k.Day).Scan(&id)
	})
	if err != nil {
		return 0, fmt.Errorf("keep a key: %w", err)
	}
	return id, nil
}

// Keys gives all keys in the order in which they were made.
func (db *DB) Keys(ctx context.Context) ([]Key, error) {
	rows, err := db.db.QueryContext(ctx, `SELECT `+keyColumns+` FROM api_key ORDER BY id`)
	all, err := collect(rows, err, func(rows *sql.Rows, k *Key) error { return scanKey(rows, k) })
	if err != nil {
		return nil, fmt.Errorf("list the keys: %w", err)
	}
	return all, nil
}

// Key gives the key with a hash, or the fault lane.no_key.
func (db *DB) Key(ctx context.Context, hash string) (k Key, err error) {
	err = scanKey(db.db.QueryRowContext(ctx, `SELECT `+keyColumns+` FROM api_key WHERE hash = $1`, hash), &k)
	if errors.Is(err, sql.ErrNoRows) {
		return Key{}, fault.Forbidden("lane.no_key")
	}
	return k, err
}

// RevokeKey takes a key back from a day on. The fault is lane.unknown_key; one
// that was taken back before keeps its day.
func (db *DB) RevokeKey(ctx context.Context, id int64, day string) error {
	err := db.db.Tx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		done, err := tx.ExecContext(ctx, `UPDATE api_key SET revoked = CASE revoked WHEN '' THEN $1 ELSE revoked END WHERE id = $2`, day, id)
		if err != nil {
			return err
		}
		if n, err := done.RowsAffected(); err != nil || n != 1 {
			return errors.Join(fault.NotFound("lane.unknown_key", id), err)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("revoke key %d: %w", id, err)
	}
	return nil
}
