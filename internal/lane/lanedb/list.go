package lanedb

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"unicode"

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
	case f.Authority != nil && len(f.Standings) > 0:
		byAuthority(f, &w)
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
		w.ways = append(w.ways, all(func(*placeholders) string { return "request.kind <> ''" }, equal("request.kind", kind))) // the first half is what the index says
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
	if f.Authority == nil && len(f.Standings) > 0 {
		w.where = append(w.where, func(p *placeholders) string {
			return "EXISTS (SELECT 1 FROM assignment b WHERE b.request = request.id AND b.standing IN (" + many(p, f.Standings) + "))"
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

// byAuthority leads along the assignments of an authority that stand in some way,
// each request once.
func byAuthority(f Filter, w *walk) {
	w.from, w.key = "assignment b JOIN request ON request.id = b.request", "b.request"
	w.where, w.ways = append(w.where, f.chosen()...), nil
	for _, standing := range f.Standings {
		w.ways = append(w.ways, all(equal("b.authority", *f.Authority), equal("b.standing", standing)))
	}
	w.where = append(w.where, func(p *placeholders) string {
		return "NOT EXISTS (SELECT 1 FROM assignment c WHERE c.request = b.request AND c.number < b.number AND c.authority = b.authority AND c.standing IN (" + many(p, f.Standings) + "))"
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

// match gives the query of FTS5 for reports in which each of some words begins one.
// FTS5 itself would gather all reports that have such a word before it gives the
// first; of whole words it does not.
func (db *DB) match(ctx context.Context, words []string) (string, error) {
	var parts []string
	for _, w := range words {
		rows, err := db.db.QueryContext(ctx, `SELECT word FROM request_words_known WHERE word >= $1 AND word < $2 LIMIT $3`, w, w+"\U0010ffff", maxBegun+1)
		begun, err := collect(rows, err, func(rows *sql.Rows, s *string) error { return rows.Scan(s) })
		switch {
		case err != nil:
			return "", err
		case len(begun) == 0 || len(begun) > maxBegun || marked(w):
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

// search finds words on PostgreSQL, whose index of words knows no order: first by
// looking through the newest (or, rising, the next) for words that many have, and
// when these are not enough by gathering all that have them, which are then not
// many. Words that none of the very newest has are gathered at once. Of few that the other filters let through, the words are looked at.
func (db *DB) search(ctx context.Context, f Filter, w walk) ([]Request, error) {
	query := "'" + strings.Join(f.Words, "':* & '") + "':*"
	if f.Box != nil {
		w.where = append(w.where, f.Box.holds)
	}
	f.bound(&w)
	rare, err := db.rare(ctx, w.ways)
	if err != nil {
		return nil, fmt.Errorf("find requests: %w", err)
	}
	if rare {
		w.where = append(w.where, func(p *placeholders) string {
			return "(SELECT words FROM request_words WHERE rowid = request.id) @@ to_tsquery('simple', " + p.one(query) + ")"
		})
		return db.follow(ctx, w)
	}
	w.where, w.ways = append(w.where, f.chosen()...), nil
	var newest int64
	if err := db.db.QueryRowContext(ctx, `SELECT COALESCE(max(rowid), 0) FROM request_words`).Scan(&newest); err != nil {
		return nil, fmt.Errorf("find requests: %w", err)
	}
	near := func(through int64) (found []Request, whole bool, err error) {
		near := w
		near.from, near.key = "request_words JOIN request ON request_words.rowid = request.id", "request_words.rowid"
		first, last := f.After+1, f.After+through
		if !f.Rising {
			last = min(f.end()-1, newest)
			first = last - through + 1
		}
		near.where = append(slices.Clone(w.where), func(p *placeholders) string {
			return "request_words.words @@ to_tsquery('simple', " + p.one(query) + ") AND request_words.rowid BETWEEN " + p.one(first) + " AND " + p.one(last)
		})
		found, err = db.follow(ctx, near)
		return found, len(found) == w.limit || f.Rising && last >= newest || !f.Rising && first <= 1, err
	}
	newestHave := true
	if f.wordsAlone() {
		found, whole, err := near(glance)
		if err != nil || whole {
			return found, err
		}
		newestHave = len(found) > 0
	}
	if newestHave {
		if found, whole, err := near(int64(max(db.gather, 20*w.limit))); err != nil || whole {
			return found, err
		}
	}
	w.ways = []condition{func(p *placeholders) string {
		return "request.id = ANY (ARRAY(SELECT rowid FROM request_words WHERE words @@ to_tsquery('simple', " + p.one(query) + ")))"
	}}
	return db.follow(ctx, w)
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
	err = db.db.QueryRowContext(ctx, `SELECT (SELECT count(*) FROM support WHERE request = $1), EXISTS (SELECT 1 FROM delivery WHERE request = $1 AND fault <> ''),
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
