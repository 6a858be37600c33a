package lanedb

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kua/internal/sqldb/pgtest"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

// archived is how many requests the archive of these tests has.
const archived = 8_000

// archive fills a database with made-up requests: a third in each of two areas and
// of two categories, few in others, a held one among a hundred and seven hundred in a row, one among fifty closed. words gives
// those of request $n for the index of words.
const archive = `
INSERT INTO directory VALUES (1, 'ulgi', 'x', '2026-01-01');
INSERT INTO request (id, directory, category, language, words, answers, area, lat, lon, visibility, hidden, open, day)
	SELECT n, 1, CASE WHEN n % 1000 = 7 THEN 'rare' WHEN n % 3 = 0 THEN 'water' ELSE 'roads' END, 'ru', 'Выдумано, люк открыт у дома ' || n, '{}',
		CASE WHEN n % 997 = 5 THEN 'hamlet' WHEN n % 2 = 0 THEN 'north' ELSE 'south' END, 45000000 + (n * 7919) % 200000, 65000000 + (n * 104729) % 300000,
		CASE WHEN n % 100 = 0 OR n > 2000 AND n < 2700 THEN 'held' ELSE 'public' END, CASE WHEN n % 100 = 0 OR n > 2000 AND n < 2700 THEN 1 ELSE 0 END, CASE WHEN n % 50 = 0 THEN 0 ELSE 1 END, 'DAY' FROM numbers;
UPDATE request SET kind = 'question', ends = '' WHERE id % 400 = 11;
UPDATE request SET kind = 'pledge', ends = '2027-01-01' WHERE id % 800 = 13;
INSERT INTO assignment (number, request, authority, state, day, step, standing, area, category)
	SELECT n, n, CASE WHEN n % 500 = 1 THEN 'small' ELSE 'big' END, CASE WHEN n % 100 = 0 OR n > 2000 AND n < 2700 THEN 'awaiting_check' WHEN n % 50 = 0 THEN 'withdrawn' ELSE 'delivered' END, '2026-01-01', 0,
		CASE WHEN n % 300 IN (1, 200) THEN 'disputed' ELSE 'silent' END,
		CASE WHEN n % 997 = 5 THEN 'hamlet' WHEN n % 2 = 0 THEN 'north' ELSE 'south' END, CASE WHEN n % 1000 = 7 THEN 'rare' WHEN n % 3 = 0 THEN 'water' ELSE 'roads' END FROM numbers;
INSERT INTO event (request, number, body, hash) SELECT n, 1, CASE WHEN n % 800 = 3 THEN '{"day":"2026-06-01"}' ELSE '{"day":"DAY"}' END, 'x' FROM numbers;
INSERT INTO event (request, number, body, hash) SELECT n, 2, '{"day":"DAY"}', 'x' FROM numbers WHERE n % 10 = 0;
INSERT INTO delivery (request, assignment, event, opening, state, day, tries, due, lease, owner, fault, fault_args)
	SELECT n, n, 1, 1, 'sent', 'DAY', 0, 0, 0, '', '', '[]' FROM numbers;
INSERT INTO holder (hash, request) SELECT 'h' || n, n FROM numbers;
INSERT INTO support (hash, request) SELECT 's' || n, n FROM numbers;
INSERT INTO hold (request, visibility, again, since) SELECT n, 'public', 0, 'DAY' FROM numbers WHERE n % 100 = 0 OR n > 2000 AND n < 2700;
INSERT INTO hold_cause (request, rule, found) SELECT n, 'category', '' FROM numbers WHERE n % 100 = 0 OR n > 2000 AND n < 2700;
INSERT INTO imported (source, number, request, day) SELECT 'old', n, n, CASE WHEN n % 800 = 3 THEN '2026-06-01' ELSE '2026-01-01' END FROM numbers WHERE n % 40 = 3;
INSERT INTO request_words (rowid, words) SELECT n, WORDS FROM numbers WHERE NOT (n % 100 = 0 OR n > 2000 AND n < 2700)`

// filled gives a database with the archive, whose planner knows what lies in it.
func filled(t *testing.T, url string) *DB {
	t.Helper()
	path := filepath.Join(t.TempDir(), "lane.db")
	db, err := Open(t.Context(), path, url, Rules{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	db.gather = archived / 16
	numbers := fmt.Sprintf(`(WITH RECURSIVE c (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < %d) SELECT n FROM c) AS numbers`, archived)
	replace := strings.NewReplacer("FROM numbers", "FROM "+numbers, "'DAY'", "substr(date('2026-01-01', '+' || (n / 100) || ' days'), 1, 10)",
		`'{"day":"DAY"}'`, `'{"day":"' || date('2026-01-01', '+' || (n / 100) || ' days') || '"}'`, "WORDS", "'люк дом' || (n % 7) || ' улица' || n")
	if url != "" {
		replace = strings.NewReplacer("FROM numbers", fmt.Sprintf("FROM generate_series(1, %d) AS numbers (n)", archived), "'DAY'", "(date '2026-01-01' + n / 100)::text",
			`'{"day":"DAY"}'`, `'{"day":"' || (date '2026-01-01' + n / 100)::text || '"}'`, "WORDS", "to_tsvector('simple', 'aaaaлюк aaaaдом' || (n % 7) || ' aaaaулица' || n)")
	}
	statements := strings.Split(archive, ";\n")
	if url != "" {
		statements = append(statements, "VACUUM ANALYZE")
	} else {
		statements = append(statements, "INSERT INTO request_box SELECT id, lat, lat, lon, lon FROM request",
			"INSERT INTO request_words_known SELECT 'люк' UNION SELECT 'улица' || n FROM numbers UNION SELECT 'дом' || n FROM numbers WHERE n < 7")
	}
	for _, s := range statements {
		run := db.db.DB.Exec
		if s == "VACUUM ANALYZE" { // in no transaction
			run = db.db.DB.DB.Exec
		}
		if _, err := run(replace.Replace(s)); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
	return db
}

// reads are those that pages, feeds, downloads and other systems cause, with the
// index or key by which SQLite must find what each is about.
var reads = []struct {
	name string
	by   string
	read func(ctx context.Context, db *DB) error
}{
	{"the list", "request_state", listing(Filter{Limit: 21})},
	{"its older page", "request_state", listing(Filter{Limit: 21, Before: archived / 2})},
	{"its page behind many that are hidden", "request_state", listing(Filter{Limit: 21, Before: 2_700})},
	{"such a page of a category", "request_category", listing(Filter{Limit: 21, Before: 2_700, Category: "water"})},
	{"such a page of an area", "request_list", listing(Filter{Limit: 21, Before: 2_700, Areas: []string{"north"}})},
	{"such a page of the map", "request_state", listing(Filter{Limit: 501, Before: 2_700, Box: box(400_000)})},
	{"such a page of a search", "VIRTUAL TABLE", listing(Filter{Limit: 21, Before: 2_700, Words: []string{"люк"}})},
	{"search for one letter", "VIRTUAL TABLE", listing(Filter{Limit: 21, Words: []string{"у"}})},
	{"the list of some areas", "request_list", listing(Filter{Limit: 21, Areas: []string{"hamlet", "north", "gone"}})},
	{"of a category", "request_category", listing(Filter{Limit: 21, Category: "rare"})},
	{"of what is closed", "request_state", listing(Filter{Limit: 21, Open: new(bool)})},
	{"of what is closed in an area", "request_spot", listing(Filter{Limit: 21, Open: new(bool), Areas: []string{"hamlet", "north"}})},
	{"of a category in areas", "request_area", listing(Filter{Limit: 21, Category: "rare", Areas: []string{"hamlet", "south"}})},
	{"of more areas than one statement takes", "request_list", listing(Filter{Limit: 21, Areas: manyAreas()})},
	{"announcements", "request_kind", listing(Filter{Limit: 21, Kinds: []string{"announcement", "pledge"}, Live: "2026-01-01"})},
	{"what is said to an area", "request_kind", listing(Filter{Limit: 21, Kinds: []string{"announcement", "pledge"}, Areas: []string{"south", "city"}, Anywhere: []string{"big", "small"}})},
	{"what an alert of an area tells", "request_list", func(ctx context.Context, db *DB) error {
		_, err := db.Shown(ctx, archived-200, "2026-03-15", "2026-03-25", Ground{Areas: []string{"north"}, Around: []string{"north", "city"}, Bound: []string{"big", "small"}}, "", []string{"awaiting_check"}, 51)
		return err
	}},
	{"questions in some areas", "request_kind", listing(Filter{Limit: 21, Kinds: []string{"question"}, Areas: []string{"north", "south"}})},
	{"questions to an authority", "request_kind", listing(Filter{Limit: 21, Kinds: []string{"question"}, Authority: new("big")})},
	{"everything", "request_state", listing(Filter{Limit: 21, Kinds: []string{"", "question"}})},
	{"search", "VIRTUAL TABLE", listing(Filter{Limit: 21, Words: []string{"люк"}})},
	{"search for two words", "VIRTUAL TABLE", listing(Filter{Limit: 21, Words: []string{"люк", "дом3"}})},
	{"search for a rare word", "VIRTUAL TABLE", listing(Filter{Limit: 21, Words: []string{"улица7777"}})},
	{"search in more areas than one statement takes", "VIRTUAL TABLE", listing(Filter{Limit: 21, Words: []string{"дом3"}, Areas: append(manyAreas(), "north")})},
	{"the first of a day", "request_day", func(ctx context.Context, db *DB) error {
		_, err := db.SinceDay(ctx, "2026-03-15")
		return err
	}},
	{"search in a rare category", "VIRTUAL TABLE", listing(Filter{Limit: 21, Words: []string{"люк"}, Category: "rare"})},
	{"the map", "VIRTUAL TABLE", listing(Filter{Limit: 501, Box: box(20_000)})},
	{"the map of all", "request_state", listing(Filter{Limit: 501, Box: box(400_000)})},
	{"the map of a few places of a category", "VIRTUAL TABLE", listing(Filter{Limit: 501, Box: box(20_000), Category: "roads"})},
	{"the map of a rare category", "request_category", listing(Filter{Limit: 501, Box: box(400_000), Category: "rare"})},
	{"all data", "INTEGER PRIMARY KEY", listing(Filter{Limit: 500, Rising: true, After: archived / 2})},
	{"the data of a category", "request_category", listing(Filter{Limit: 500, Rising: true, Category: "rare"})},
	{"the rows behind a number", "assignment_rows", listing(Filter{Limit: 500, Rising: true, Authority: new("big"), Standings: []string{"disputed"}, First: "2026-02-01", Last: "2026-12-31"})},
	{"the rows of a small authority", "assignment_rows", listing(Filter{Limit: 500, Rising: true, Authority: new("small"), Standings: []string{"disputed", "silent"}})},
	{"the rows behind a number of an area", "assignment_area", listing(Filter{Limit: 500, Rising: true, Areas: []string{"south", "gone"}, Standings: []string{"disputed"}})},
	{"the rows behind a number of a category", "assignment_category", listing(Filter{Limit: 500, Rising: true, Category: "roads", Standings: []string{"disputed"}})},
	{"Open311: the last days", "INTEGER PRIMARY KEY", asking(Asked{Limit: 51, From: "2026-03-01", To: "2026-03-18", Days: daysOf("2026-03", 18)})},
	{"Open311: days long ago", "INTEGER PRIMARY KEY", asking(Asked{Limit: 51, From: "2026-02-01", To: "2026-02-04", Days: daysOf("2026-02", 4)})},
	{"Open311: behind many that are hidden", "request_state", asking(Asked{Limit: 51, Before: 2_700})},
	{"Open311: rare services", "request_category", asking(Asked{Limit: 51, Categories: []string{"rare", "gone"}})},
	{"Open311: closed ones", "request_state", asking(Asked{Limit: 51, Open: new(bool)})},
	{"Open311: by id", "INTEGER PRIMARY KEY", asking(Asked{Limit: 51, IDs: []int64{3, 70, 900}})},
	{"Open311: what changed lately", "event_day", asking(Asked{Limit: 51, ChangedFrom: "2026-03-20", Lately: true})},
	{"Open311: what was taken over lately", "imported_day", asking(Asked{Limit: 51, ChangedFrom: "2026-05-30", Lately: true})},
	{"Open311: the bulk file", "INTEGER PRIMARY KEY", asking(Asked{Limit: 500, From: "1970-01-01", To: "2027-01-01", Before: archived / 2})},
	{"Open311: updates", "event_day", func(ctx context.Context, db *DB) error {
		_, err := db.EventsBetween(ctx, "2026-03-10", "2026-03-18", Mark{Day: "2026-03-10", Request: 5}, []string{"awaiting_check"}, 51)
		return err
	}},
	{"the scoreboard", "PRIMARY KEY (kind=? AND track=?", func(ctx context.Context, db *DB) error {
		_, err := db.Tally(ctx, "authority", ReportTrack, "2026-01", "2026-12")
		return err
	}},
	{"the rows behind a number of formal appeals", "appeal_leg_rows", func(ctx context.Context, db *DB) error {
		_, err := db.AppealsOf(ctx, "authority", []string{"big"}, "2026-03", 0, 200)
		return err
	}},
	{"the rows behind such a number of an area", "appeal_leg_area", func(ctx context.Context, db *DB) error {
		_, err := db.AppealsOf(ctx, "area", []string{"north", "south"}, "2026-03", 0, 200)
		return err
	}},
	{"the rows behind such a number of a category", "appeal_leg_category", func(ctx context.Context, db *DB) error {
		_, err := db.AppealsOf(ctx, "category", []string{"water"}, "2026-03", 0, 200)
		return err
	}},
	{"accounts of a name", "account_called", func(ctx context.Context, db *DB) error {
		_, err := db.AccountsCalled(ctx, "duty desk")
		return err
	}},
	{"the queue", "assignment_check", func(ctx context.Context, db *DB) error {
		_, err := db.Queue(ctx, false, 0, 50)
		return err
	}},
	{"what was held lately", "hold_since", func(ctx context.Context, db *DB) error {
		_, err := db.Moderation(ctx, "2026-03-10")
		return err
	}},
	{"a case", "INTEGER PRIMARY KEY", func(ctx context.Context, db *DB) error {
		_, err := db.Request(ctx, 77)
		return err
	}},
	{"a case and its parts", "assignment_request", func(ctx context.Context, db *DB) error {
		_, _, err := db.RequestWhole(ctx, 77)
		return err
	}},
	{"its parts", "assignment_request", func(ctx context.Context, db *DB) error {
		_, err := db.Assignments(ctx, 77)
		return err
	}},
	{"its history", "PRIMARY KEY (request=?)", func(ctx context.Context, db *DB) error {
		_, err := db.Events(ctx, 77)
		return err
	}},
	{"what is beside it", "support_request", func(ctx context.Context, db *DB) error {
		_, err := db.Beside(ctx, 77)
		return err
	}},
	{"deliveries that stopped", "delivery_due", func(ctx context.Context, db *DB) error {
		_, err := db.Stopped(ctx, 0, 50)
		return err
	}},
	{"its deliveries", "delivery_request", func(ctx context.Context, db *DB) error {
		_, err := db.Deliveries(ctx, 77)
		return err
	}},
	{"its verdicts", "verdict_request", func(ctx context.Context, db *DB) error {
		_, err := db.Verdicts(ctx, 77)
		return err
	}},
	{"coming back", "holder", func(ctx context.Context, db *DB) error {
		_, err := db.Held(ctx, "h77")
		return err
	}},
	{"what is open nearby", "VIRTUAL TABLE", func(ctx context.Context, db *DB) error {
		_, err := db.OpenNear(ctx, "water", Place{45_100_000, 65_100_000}, Place{45_103_000, 65_104_000}, 100)
		return err
	}},
	{"what requests are of", "request_", func(ctx context.Context, db *DB) error {
		n, err := db.Named(ctx)
		if err == nil && (len(n.Areas) == 0 || len(n.Categories) == 0 || len(n.Authorities) == 0) {
			err = fmt.Errorf("it is of %+v", n)
		}
		return err
	}},
	{"what stands in a state with an authority", "assignment_authority", func(ctx context.Context, db *DB) error {
		_, err := db.InState(ctx, "small", "delivered", 0, 100)
		return err
	}},
	{"what is open in an area", "request_area", func(ctx context.Context, db *DB) error {
		_, err := db.OpenIn(ctx, "rare", "south", "held", 100)
		return err
	}},
}

func listing(f Filter) func(context.Context, *DB) error {
	return func(ctx context.Context, db *DB) error {
		found, err := db.List(ctx, f, []string{"awaiting_check"})
		if err == nil && len(found) == 0 {
			err = fmt.Errorf("nothing is found")
		}
		return err
	}
}

func asking(q Asked) func(context.Context, *DB) error {
	return func(ctx context.Context, db *DB) error {
		q.Unseen = []string{"awaiting_check"}
		found, err := db.Ask(ctx, q)
		if err == nil && len(found) == 0 {
			err = fmt.Errorf("nothing is found")
		}
		return err
	}
}

func box(size int64) *Box {
	return &Box{Place{45_000_000, 65_000_000}, Place{45_000_000 + size, 65_000_000 + size}}
}

func daysOf(month string, last int) (all []string) {
	for day := range last {
		all = append(all, fmt.Sprintf("%s-%02d", month, day+1))
	}
	return all
}

func manyAreas() (all []string) {
	for i := range 6 * waysAtOnce {
		all = append(all, fmt.Sprint("hamlet", i))
	}
	return append(all, "hamlet")
}

type asked struct {
	query string
	args  []any
}

// listen gives what a read asks the database.
func (db *DB) listen(ctx context.Context, read func(context.Context, *DB) error) (all []asked, err error) {
	db.db.asked = func(query string, args []any) { all = append(all, asked{query, slices.Clone(args)}) }
	defer func() { db.db.asked = nil }()
	return all, read(ctx, db)
}

// TestReadsFindTheirWay holds for every read that pages cause that SQLite goes by
// an index to what it is about, and neither walks nor sorts what lies in the archive.
func TestReadsFindTheirWay(t *testing.T) {
	db := filled(t, "")
	for _, r := range reads {
		all, err := db.listen(t.Context(), r.read)
		if err != nil || len(all) == 0 {
			t.Fatalf("%s: %d statements, %v", r.name, len(all), err)
		}
		var plans []string
		for _, a := range all {
			rows, err := db.db.QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+a.query, a.args...)
			plan, err := collect(rows, err, func(rows *sql.Rows, line *string) error {
				var a, b, c int64
				return rows.Scan(&a, &b, &c, line)
			})
			if err != nil {
				t.Fatal(err)
			}
			for i, line := range plan {
				scanned, scans := strings.CutPrefix(line, "SCAN ")
				if scans && !slices.Contains([]string{"way", "ways", "edge", "edges", "found", "(subquery", "CONSTANT"}, strings.Fields(scanned)[0]) && !strings.Contains(line, "VIRTUAL TABLE") {
					t.Errorf("%s walks: %s\n%s\n%s", r.name, line, strings.Join(plan, "\n"), a.query)
				}
				if strings.Contains(line, "TEMP B-TREE") && !boundedSort(plan[:i+1], a.query) {
					t.Errorf("%s sorts: %s\n%s\n%s", r.name, line, strings.Join(plan, "\n"), a.query)
				}
			}
			plans = append(plans, plan...)
		}
		if all := strings.Join(plans, "\n"); !strings.Contains(all, r.by) {
			t.Errorf("%s does not go by %s:\n%s", r.name, r.by, all)
		}
	}
	changedAlike(t, db)
	saidFirst(t, db)
	countsOnce(t, db)
}

// changedAlike holds that what has changed is the same whether it is gathered or
// walked to, and that what was taken over is among it.
func changedAlike(t *testing.T, db *DB) {
	t.Helper()
	var found [2][]int64
	for i, gather := range []int{archived, 1} {
		db.gather = gather
		all, err := db.Ask(t.Context(), Asked{Limit: archived, ChangedFrom: "2026-03-20", Lately: true, Unseen: []string{"awaiting_check"}})
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range all {
			found[i] = append(found[i], r.ID)
		}
	}
	if diff := cmp.Diff(found[0], found[1]); diff != "" || !slices.Contains(found[0], 803) || slices.Contains(found[0], 43) {
		t.Errorf("gathered %d, walked to %d: %s", len(found[0]), len(found[1]), diff)
	}
}

// saidFirst holds that what an authority says comes before the reports of the same days, of which a
// letter holds a few.
func saidFirst(t *testing.T, db *DB) {
	t.Helper()
	all, err := db.Shown(t.Context(), 7_000, "2026-03-10", "2026-03-25", Ground{Areas: []string{"south"}, Around: []string{"south"}}, "", []string{"awaiting_check"}, 3)
	if err != nil || len(all) != 3 || all[0].Kind != "pledge" || all[1].Kind != "" || all[2].Kind != "" {
		t.Errorf("an alert tells %+v, %v", all, err)
	}
}

// boundedSort reports a sort of what was limited before, of what a tree of places or
// the last days' events gave, or of groups of a tally.
func boundedSort(plan []string, query string) bool {
	before := strings.Join(plan, "\n")
	return strings.Contains(query, "AS ways") || strings.Contains(query, "request_box") || strings.Contains(before, "event_day") || strings.Contains(query, "request.id IN ($") ||
		strings.Contains(query, "FROM tally") || strings.Contains(query, "FROM decision") || strings.Contains(query, "hold_cause") || strings.Contains(query, "FROM verdict")
}

// TestReadsTouchLittle holds the same on PostgreSQL by how many rows each read
// touches, those passed over included: a small part of the archive, whatever plan is taken.
func TestReadsTouchLittle(t *testing.T) {
	db := filled(t, pgtest.Database(t))
	for _, r := range reads {
		all, err := db.listen(t.Context(), r.read)
		if err != nil || len(all) == 0 {
			t.Fatalf("%s: %d statements, %v", r.name, len(all), err)
		}
		for _, a := range all {
			if plan := db.analysed(t, a); plan.touched() > archived/6 {
				t.Errorf("%s touches %.0f rows of %d:\n%s\n%s", r.name, plan.touched(), archived, a.query, plan.tell(""))
			}
		}
	}
	changedAlike(t, db)
	saidFirst(t, db)
	countsOnce(t, db)
	db.gather = archived // words that none of the newest has are not looked for among as many
	all, err := db.listen(t.Context(), listing(Filter{Limit: 21, Words: []string{"улица1234"}}))
	if err != nil {
		t.Fatal(err)
	}
	touched := 0.0
	for _, a := range all {
		touched += db.analysed(t, a).touched()
	}
	if touched > 3*glance {
		t.Errorf("a search for a rare word touches %.0f rows", touched)
	}
}

// analysed gives how PostgreSQL went about a statement.
func (db *DB) analysed(t *testing.T, a asked) node {
	t.Helper()
	var text string
	if err := db.db.DB.QueryRowContext(t.Context(), "EXPLAIN (ANALYZE, FORMAT JSON) "+a.query, a.args...).Scan(&text); err != nil {
		t.Fatal(err)
	}
	var plan []struct{ Plan node }
	if err := json.Unmarshal([]byte(text), &plan); err != nil {
		t.Fatal(err)
	}
	return plan[0].Plan
}

// countsOnce holds that what lies in a full box is not counted for each of its maps.
func countsOnce(t *testing.T, db *DB) {
	t.Helper()
	for i, want := range []int{3, 1} { // how many there are, how many of them in the box, the map
		all, err := db.listen(t.Context(), listing(Filter{Limit: 501, Box: box(399_999)}))
		if err != nil || len(all) != want {
			t.Errorf("map %d of a full box asks %d times, want %d: %v", i+1, len(all), want, err)
		}
	}
}

// node is a step of a plan of PostgreSQL, with what it did.
type node struct {
	Type    string  `json:"Node Type"`
	Table   string  `json:"Relation Name"`
	Index   string  `json:"Index Name"`
	Rows    float64 `json:"Actual Rows"`
	Loops   float64 `json:"Actual Loops"`
	Removed float64 `json:"Rows Removed by Filter"`
	Recheck float64 `json:"Rows Removed by Index Recheck"`
	Plans   []node  `json:"Plans"`
}

func (n node) touched() float64 {
	var all float64
	if strings.Contains(n.Type, "Scan") && (n.Table != "" || n.Index != "") {
		all = (n.Rows + n.Removed + n.Recheck) * n.Loops
	}
	for _, below := range n.Plans {
		all += below.touched()
	}
	return all
}

func (n node) tell(indent string) string {
	said := fmt.Sprintf("%s%s %s %s: %.0f rows and %.0f passed over, %.0f times\n", indent, n.Type, n.Table, n.Index, n.Rows, n.Removed+n.Recheck, n.Loops)
	for _, below := range n.Plans {
		said += below.tell(indent + "  ")
	}
	return said
}
