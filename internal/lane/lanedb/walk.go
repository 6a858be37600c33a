package lanedb

import (
	"cmp"
	"context"
	"slices"
	"strings"
)

// condition is a condition of a statement, which names its arguments to p.
type condition func(p *placeholders) string

func equal(column string, v any) condition {
	return func(p *placeholders) string { return column + " = " + p.one(v) }
}

func all(of ...condition) condition {
	return func(p *placeholders) string {
		var parts []string
		for _, c := range of {
			parts = append(parts, c(p))
		}
		return strings.Join(parts, " AND ")
	}
}

// walk reads requests in the order of their ids. Each of its ways is a condition
// that an index answers in that order, and none meets what another one does: each is
// followed no further than the limit, and nothing but what they give is sorted. So
// what a walk costs hangs on what is asked for and on the number of ways, never
// on the archive, as long as the other conditions let much of it through.
type walk struct {
	from, key   string      // default: request and its id
	ways        []condition // none: along the key itself
	where       []condition
	rising      bool
	skip, limit int
}

// waysAtOnce is how many ways one statement follows; SQLite takes 500 at most.
const waysAtOnce = 100

func (w walk) order() string {
	if w.rising {
		return "ASC"
	}
	return "DESC"
}

// statement gives the text that follows some of the ways.
func (w walk) statement(ways []condition, postgres bool) (text string, args []any) {
	var p placeholders
	from, key := cmp.Or(w.from, "request"), cmp.Or(w.key, "request.id")
	if len(ways) <= 1 {
		where := all(append(slices.Clone(ways), w.where...)...)(&p)
		text = `SELECT ` + listed + ` FROM ` + from + ` WHERE ` + where + ` ORDER BY ` + key + ` ` + w.order() + ` LIMIT ` + p.one(int64(w.limit))
		if w.skip > 0 {
			text += ` OFFSET ` + p.one(int64(w.skip))
		}
		return text, p.args
	}
	var where, far string // written once: SQLite counts its arguments in the order in which they first stand
	var followed []string
	for _, way := range ways {
		along := way(&p)
		if where == "" {
			where, far = all(w.where...)(&p), p.one(int64(w.skip+w.limit))
		}
		followed = append(followed, `SELECT id FROM (SELECT `+key+` AS id FROM `+from+` WHERE `+along+` AND `+where+` ORDER BY `+key+` `+w.order()+` LIMIT `+far+`) AS way`)
	}
	chosen := `SELECT id FROM (` + strings.Join(followed, " UNION ALL ") + `) AS ways ORDER BY id ` + w.order() + ` LIMIT ` + p.one(int64(w.limit)) + ` OFFSET ` + p.one(int64(w.skip))
	in := `IN (` + chosen + `)`
	if postgres {
		in = `= ANY (ARRAY(` + chosen + `))` // it must not think of a join with all
	}
	text = `SELECT ` + listed + ` FROM request WHERE id ` + in + ` ORDER BY request.id ` + w.order()
	return text, p.args
}

// follow reads what a walk leads to.
func (db *DB) follow(ctx context.Context, w walk) ([]Request, error) {
	if len(w.ways) <= waysAtOnce {
		text, args := w.statement(w.ways, db.postgres)
		rows, err := db.db.QueryContext(ctx, text, args...)
		return requests(rows, err)
	}
	skip := w.skip
	w.skip, w.limit = 0, w.skip+w.limit
	var found []Request
	for some := range slices.Chunk(w.ways, waysAtOnce) {
		text, args := w.statement(some, db.postgres)
		rows, err := db.db.QueryContext(ctx, text, args...)
		more, err := requests(rows, err)
		if err != nil {
			return nil, err
		}
		found = append(found, more...)
	}
	slices.SortFunc(found, func(a, b Request) int {
		if w.rising {
			return cmp.Compare(a.ID, b.ID)
		}
		return cmp.Compare(b.ID, a.ID)
	})
	return found[min(skip, len(found)):min(w.limit, len(found))], nil
}

// ways gives the ways to the requests of any of some areas and of any of some
// categories that are open or not; none of each is any. None leads to what is hidden.
// They are the prefixes of the indexes request_list, request_spot, request_category, request_area and request_state.
func ways(areas, categories []string, open *bool) []condition {
	with := func(before []condition, column string, values []string) (found []condition) {
		if len(values) == 0 {
			return before
		}
		for _, v := range values {
			if len(before) == 0 {
				found = append(found, equal("request."+column, v))
			}
			for _, b := range before {
				found = append(found, all(b, equal("request."+column, v)))
			}
		}
		return found
	}
	var found []condition
	switch {
	case open != nil:
		found = []condition{inState(*open)}
	case len(categories) > 0:
		found = bothStates()
	case len(areas) > 0:
		found = []condition{notHidden}
	}
	return with(with(found, "category", categories), "area", areas)
}

// notHidden is a condition of the indexes of ways, which lead past what nobody may see.
func notHidden(*placeholders) string { return "request.hidden = 0" }

func inState(open bool) condition { return all(notHidden, equal("request.open", bit(open))) }

// few counts what some ways lead to, and stops at most.
func (db *DB) few(ctx context.Context, ways []condition, most int) (n int, err error) {
	for some := range slices.Chunk(ways, waysAtOnce) {
		var p placeholders
		var counted []string
		for _, way := range some {
			counted = append(counted, `SELECT 1 AS one FROM request WHERE `+way(&p))
		}
		var found int
		text := `SELECT count(*) FROM (SELECT one FROM (` + strings.Join(counted, " UNION ALL ") + `) AS ways LIMIT ` + p.one(int64(most-n)) + `) AS found`
		err := db.db.QueryRowContext(ctx, text, p.args...).Scan(&found)
		if n += found; err != nil || n >= most {
			return n, err
		}
	}
	return n, nil
}

// rare reports that some ways lead to few requests; that there are none says nothing.
func (db *DB) rare(ctx context.Context, ways []condition) (bool, error) {
	if len(ways) == 0 {
		return false, nil
	}
	n, err := db.few(ctx, ways, db.gather)
	return err == nil && n < db.gather, err
}

// bothStates are the ways to all: what is open and what is not.
func bothStates() []condition { return []condition{inState(true), inState(false)} }
