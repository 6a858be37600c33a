package lanedb

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"kua/internal/fault"
)

// Filter says which requests a list has.
type Filter struct {
	Areas    []string
	Category string
	Words    []string // folded, of letters and digits alone; each begins a word of the request
	Open     *bool
	Box      *Box // of a map; nil: everywhere
	Before   int64
	Limit    int

	Kinds    []string // nil: reports alone; with "" among them everything
	Anywhere []string // beside Areas, of some Kinds without "": authorities whose requests of no area are among them
	Live     string   // a day: what ends before it is left out; "": nothing is

	// For whoever reads all: oldest first, those above After.
	Rising      bool
	After       int64
	Authority   *string  // some assignment is of this authority, and
	Standings   []string // stands in one of these ways; nil: in any
	First, Last string   // days; "": any
}

// day is that of a request in a condition which must not lead along the index of
// days: all that it gives would be sorted.
const day = "(request.day || '')"

// listed are the columns of a request where it stands beside its index.
var listed = "request." + strings.ReplaceAll(columns, ", ", ", request.")

// List gives requests newest first, or oldest first. A held one is among them only
// when an assignment of it has left the states in unseen.
func (db *DB) List(ctx context.Context, f Filter, unseen []string) ([]Request, error) {
	w := walk{rising: f.Rising, limit: f.Limit, ways: ways(f.Areas, only(f.Category), f.Open)}
	alone := len(w.ways) == 0 && !f.Rising // whoever reads all passes over nothing that many follow
	w.where = append(w.where, func(p *placeholders) string { return seen(p, unseen) })
	var err error
	switch {
	case len(f.Words) > 0 && db.postgres:
		return db.search(ctx, f, w)
	case len(f.Words) > 0:
		err = db.byWords(ctx, f, &w)
	case f.Box != nil:
		err = db.byBox(ctx, *f.Box, &w, f.chosen())
	case len(f.Kinds) > 0 && !slices.Contains(f.Kinds, ""):
		byKind(f, &w)
	case len(f.Standings) > 0:
		byStanding(f, &w)
	case alone:
		w.ways = bothStates()
	}
	if err != nil {
		return nil, fmt.Errorf("find requests: %w", err)
	}
	f.bound(&w)
	return db.follow(ctx, w)
}

// isReport leaves out questions and what authorities announce. No index leads to
// reports alone: nearly all are.
func isReport(*placeholders) string { return "request.kind = ''" }

// byKind leads along the requests that are no reports.
func byKind(f Filter, w *walk) {
	areas := f.Areas
	if len(f.Anywhere) > 0 {
		w.where = append(w.where, func(p *placeholders) string { return concerns(p, f.Areas, f.Anywhere) })
		areas = nil
	}
	w.where, w.ways = append(w.where, chosen(areas, only(f.Category), f.Open)...), nil
	for _, kind := range f.Kinds {
		w.ways = append(w.ways, all(func(*placeholders) string { return "request.kind <> '' AND request.hidden = 0" }, equal("request.kind", kind))) // the first two are what the index says
	}
}

// concerns asks for a request of one of some areas, or of none when some authority has a part in it.
func concerns(p *placeholders, areas, anywhere []string) string {
	if len(anywhere) == 0 {
		return "(request.area || '') IN (" + many(p, areas) + ")"
	}
	return "((request.area || '') IN (" + many(p, areas) + ") OR (request.area || '') = '' AND EXISTS (SELECT 1 FROM assignment b WHERE b.request = request.id AND b.authority IN (" + many(p, anywhere) + ")))"
}

// bound adds what a filter asks of each request, however it is come by.
func (f Filter) bound(w *walk) {
	key := cmp.Or(w.key, "request.id")
	if f.Rising {
		w.where = append(w.where, func(p *placeholders) string { return key + " > " + p.one(f.After) })
	} else {
		w.where = append(w.where, func(p *placeholders) string { return key + " < " + p.one(f.end()) })
	}
	switch {
	case len(f.Kinds) == 0:
		w.where = append(w.where, isReport)
	case !slices.Contains(f.Kinds, ""):
		w.where = append(w.where, func(p *placeholders) string { return "(request.kind || '') IN (" + many(p, f.Kinds) + ")" })
	}
	if f.Live != "" {
		w.where = append(w.where, func(p *placeholders) string { return "(request.ends || '') >= " + p.one(f.Live) })
	}
	if f.Authority != nil && len(f.Standings) == 0 {
		w.where = append(w.where, func(p *placeholders) string {
			return "EXISTS (SELECT 1 FROM assignment b WHERE b.request = request.id AND b.authority = " + p.one(*f.Authority) + ")"
		})
	}
	if f.First != "" {
		w.where = append(w.where, func(p *placeholders) string { return day + " >= " + p.one(f.First) })
	}
	if f.Last != "" {
		w.where = append(w.where, func(p *placeholders) string { return day + " <= " + p.one(f.Last) })
	}
}

// end is the id below which a list begins that is not rising.
func (f Filter) end() int64 {
	if f.Before <= 0 {
		return 1 << 62
	}
	return f.Before
}

func only(s string) []string {
	if s == "" {
		return nil
	}
	return []string{s}
}

// chosen is what a filter asks of a request that is come by along another index: its
// own are kept out of it.
func chosen(areas, categories []string, open *bool) (found []condition) {
	if len(areas) > 0 {
		found = append(found, func(p *placeholders) string { return "(request.area || '') IN (" + many(p, areas) + ")" })
	}
	if len(categories) > 0 {
		found = append(found, func(p *placeholders) string { return "(request.category || '') IN (" + many(p, categories) + ")" })
	}
	if open != nil {
		found = append(found, equal("+request.open", bit(*open)))
	}
	return found
}

func (f Filter) chosen() []condition { return chosen(f.Areas, only(f.Category), f.Open) }

// byStanding leads along the assignments of an authority, in some areas or of a
// category that stand in some way, each request once.
func byStanding(f Filter, w *walk) {
	w.from, w.key = "assignment b JOIN request ON request.id = b.request", "b.request"
	w.where, w.ways = append(w.where, f.chosen()...), nil
	column, values := "area", f.Areas
	switch {
	case f.Authority != nil:
		column, values = "authority", []string{*f.Authority}
	case len(f.Areas) == 0:
		column, values = "category", []string{f.Category}
	}
	for _, value := range values {
		for _, standing := range f.Standings {
			w.ways = append(w.ways, all(equal("b."+column, value), equal("b.standing", standing)))
		}
	}
	w.where = append(w.where, func(p *placeholders) string {
		return "NOT EXISTS (SELECT 1 FROM assignment c WHERE c.request = b.request AND c.number < b.number AND c." + column + " = b." + column + " AND c.standing IN (" + many(p, f.Standings) + "))"
	})
}

// byWords leads along SQLite's index of words: FTS5 gives what it finds in the order
// of the ids, and nothing is sorted. Of few that the other filters let through, the
// ids are known before their rows are looked up.
func (db *DB) byWords(ctx context.Context, f Filter, w *walk) error {
	w.from, w.key = "request_words CROSS JOIN request ON request_words.rowid = request.id", "request_words.rowid" // in this order
	match, err := db.match(ctx, f.Words)
	if err != nil {
		return err
	}
	w.where = append(w.where, func(p *placeholders) string { return "request_words MATCH " + p.one(match) })
	if few := w.ways; len(few) <= waysAtOnce {
		rare, err := db.rare(ctx, few)
		if err != nil {
			return err
		}
		if rare {
			w.where = append(w.where, func(p *placeholders) string {
				var some []string
				for _, way := range few {
					some = append(some, "SELECT id FROM request WHERE "+way(p))
				}
				return "+request_words.rowid IN (" + strings.Join(some, " UNION ALL ") + ")"
			})
		}
	}
	w.where, w.ways = append(w.where, f.chosen()...), nil
	if f.Box != nil {
		w.where = append(w.where, f.Box.holds)
	}
	return nil
}

// maxBegun is the most words of which one beginning is searched as all of them.
const maxBegun = 2_000

// match gives the query of PostgreSQL, over all shelves, or of FTS5 for reports in
// which each of some words begins one.
// FTS5 itself would gather all reports that have such a word before it gives the
// first; of whole words it does not, nor of beginnings as short as those of its prefix index.
func (db *DB) match(ctx context.Context, words []string) (string, error) {
	if db.postgres {
		lowest, highest, err := db.ends(ctx)
		return shelfQuery(words, lowest, highest), err
	}
	letters, err := db.begunLetters(ctx)
	if err != nil {
		return "", err
	}
	var parts []string
	for _, w := range words {
		if utf8.RuneCountInString(w) <= letters || marked(w) {
			parts = append(parts, `"`+w+`"*`)
			continue
		}
		rows, err := db.db.QueryContext(ctx, `SELECT word FROM request_words_known WHERE word >= $1 AND word < $2 LIMIT $3`, w, w+"\U0010ffff", maxBegun+1)
		begun, err := collect(rows, err, func(rows *sql.Rows, s *string) error { return rows.Scan(s) })
		switch {
		case err != nil:
			return "", err
		case len(begun) == 0 || len(begun) > maxBegun:
			parts = append(parts, `"`+w+`"*`)
		default:
			parts = append(parts, `("`+strings.Join(begun, `" OR "`)+`")`)
		}
	}
	return strings.Join(parts, " AND "), nil
}

// marked reports a word with Latin letters that have marks, which FTS5 takes off
// and the words that are known keep.
func marked(word string) bool {
	return strings.ContainsFunc(word, func(r rune) bool { return r > unicode.MaxASCII && unicode.Is(unicode.Latin, r) })
}

// glance is how many of the newest show whether words are rare.
const glance = 500

// wordsAlone reports that nothing but its words leaves much out of a list of the newest.
func (f Filter) wordsAlone() bool {
	return !f.Rising && len(f.chosen()) == 0 && f.Box == nil && f.Authority == nil && len(f.Standings) == 0 && f.First+f.Last+f.Live == ""
}

// search finds words on PostgreSQL: first by looking through the newest (or, rising,
// the next) for words that many have, and when these are not enough by gathering them
// out of one shelf after another. Words that few of the very newest have are gathered at
// once. Of few that the other filters let through, the words are looked at.
func (db *DB) search(ctx context.Context, f Filter, w walk) ([]Request, error) {
	if f.Box != nil {
		w.where = append(w.where, f.Box.holds)
	}
	f.bound(&w)
	lowest, highest, err := db.ends(ctx)
	if err != nil {
		return nil, err
	}
	lowest, highest = max(lowest, f.After+1), min(highest, f.end()-1)
	if lowest > highest {
		return nil, nil
	}
	rare, err := db.rare(ctx, w.ways)
	if err != nil {
		return nil, fmt.Errorf("find requests: %w", err)
	}
	if rare {
		w.where = append(w.where, func(p *placeholders) string {
			return "(SELECT words FROM request_words WHERE rowid = request.id) @@ to_tsquery('simple', " + p.one(shelfQuery(f.Words, lowest, highest)) + ")"
		})
		return db.follow(ctx, w)
	}
	w.where, w.ways = append(w.where, f.chosen()...), nil
	near := w
	near.from, near.key = "request_words JOIN request ON request_words.rowid = request.id", "request_words.rowid"
	through := func(n int) (found []Request, whole bool, err error) {
		first, last, whole, err := db.window(ctx, f.Rising, lowest, highest, n)
		if err != nil {
			return nil, false, err
		}
		near := near
		near.where = append(slices.Clone(w.where), func(p *placeholders) string {
			return "request_words.words @@ to_tsquery('simple', " + p.one(shelfQuery(f.Words, first, last)) + ") AND request_words.rowid BETWEEN " + p.one(first) + " AND " + p.one(last)
		})
		found, err = db.follow(ctx, near)
		return found, whole || len(found) == w.limit, err
	}
	many := true
	if f.wordsAlone() {
		found, whole, err := through(glance)
		if err != nil || whole {
			return found, err
		}
		many = len(found)*gathered >= w.limit*glance
	}
	if many {
		if found, whole, err := through(max(db.gather, 20*w.limit)); err != nil || whole {
			return found, err
		}
	}
	return db.fromShelves(ctx, f, w, lowest, highest)
}

// window gives the ids between which the newest n requests with words lie, or rising the
// oldest, between two ids; whole reports that there are no more.
func (db *DB) window(ctx context.Context, rising bool, lowest, highest int64, n int) (first, last int64, whole bool, err error) {
	order := "DESC"
	if rising {
		order = "ASC"
	}
	var edge int64
	err = db.db.byKey().QueryRowContext(ctx, `SELECT rowid FROM request_words WHERE rowid BETWEEN $1 AND $2 ORDER BY rowid `+order+` OFFSET $3 LIMIT 1`, lowest, highest, n-1).Scan(&edge)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return lowest, highest, true, nil
	case err != nil:
		return 0, 0, false, fmt.Errorf("find requests: %w", err)
	case rising:
		return lowest, edge, false, nil
	}
	return edge, highest, false, nil
}

// fromShelves gathers what has the words out of one shelf after another, twice as many at
// a time as before, until there are as many as are wanted.
func (db *DB) fromShelves(ctx context.Context, f Filter, w walk, lowest, highest int64) (found []Request, err error) {
	limit, from, to, many := w.limit, lowest/shelfSize, highest/shelfSize, int64(1)
	for from <= to && len(found) < limit {
		first, last := max(from, to-many+1), to
		if f.Rising {
			first, last = from, min(to, from+many-1)
		}
		query := shelfQuery(f.Words, first*shelfSize, last*shelfSize)
		w.limit = limit - len(found)
		w.ways = []condition{func(p *placeholders) string {
			return "request.id = ANY (ARRAY(SELECT rowid FROM request_words WHERE words @@ to_tsquery('simple', " + p.one(query) + ")))"
		}}
		some, err := db.follow(ctx, w)
		if err != nil {
			return nil, err
		}
		found = append(found, some...)
		if many *= 2; f.Rising {
			from = last + 1
		} else {
			to = first - 1
		}
	}
	return found, nil
}

// AddSupport keeps a supporter of a request; a hash that is there already changes
// nothing. The fault of one that is its holder's is lane.own.
func (db *DB) AddSupport(ctx context.Context, request int64, hash string) error {
	err := db.db.Tx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		who, err := personOf(ctx, tx, hash)
		if err == nil && who.Holder && who.Request == request {
			return fault.Conflict("lane.own", request)
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO support (hash, request, event)
			VALUES ($1, $2, (SELECT COALESCE(max(number), 0) FROM event WHERE request = $2)) ON CONFLICT (hash) DO NOTHING`, hash, request)
		return err
	})
	if err != nil {
		return fmt.Errorf("keep a supporter of request %d: %w", request, err)
	}
	return nil
}

// Beside says what there is of a request beside its parts and its history.
type Beside struct {
	Supporters int64
	Troubles   bool // a delivery could not be sent
	Verdicts   bool
	Outcomes   bool
	Entries    bool // of a formal appeal
	Pictures   bool
}

// Beside looks once at all that most requests have not, so that it need not be asked for
// piece by piece.
func (db *DB) Beside(ctx context.Context, request int64) (b Beside, err error) {
	err = db.db.byKey().QueryRowContext(ctx, `SELECT (SELECT count(*) FROM support WHERE request = $1), EXISTS (SELECT 1 FROM delivery WHERE request = $1 AND fault <> ''),
		EXISTS (SELECT 1 FROM verdict WHERE request = $1), EXISTS (SELECT 1 FROM outcome WHERE request = $1),
		EXISTS (SELECT 1 FROM appeal_event WHERE request = $1), EXISTS (SELECT 1 FROM picture_use WHERE request = $1)`, request).
		Scan(&b.Supporters, &b.Troubles, &b.Verdicts, &b.Outcomes, &b.Entries, &b.Pictures)
	if err != nil {
		return b, fmt.Errorf("look at what is beside request %d: %w", request, err)
	}
	return b, nil
}

// SupportersOf counts the supporters of requests; one that has none is not among them.
func (db *DB) SupportersOf(ctx context.Context, requests ...int64) (map[int64]int64, error) {
	all := map[int64]int64{}
	if len(requests) == 0 {
		return all, nil
	}
	where, args := among("request", requests)
	rows, err := db.db.QueryContext(ctx, `SELECT request, count(*) FROM support WHERE `+where+` GROUP BY request`, args...)
	if err != nil {
		return nil, fmt.Errorf("count supporters: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var request, n int64
		if err := rows.Scan(&request, &n); err != nil {
			return nil, err
		}
		all[request] = n
	}
	return all, rows.Err()
}

// AssignmentsOf gives the assignments of requests in the order in which they were made.
func (db *DB) AssignmentsOf(ctx context.Context, requests ...int64) ([]Assignment, error) {
	if len(requests) == 0 {
		return nil, nil
	}
	where, args := among("request", requests)
	rows, err := db.db.QueryContext(ctx, `SELECT `+assignmentColumns+` FROM assignment WHERE `+where+` ORDER BY number`, args...)
	all, err := collect(rows, err, func(rows *sql.Rows, a *Assignment) error { return scanAssignment(rows, a) })
	if err != nil {
		return nil, fmt.Errorf("read assignments: %w", err)
	}
	return all, nil
}
