package lane_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kua/internal/appeal"
	"kua/internal/fault"
	"kua/internal/lane"
	"kua/internal/lane/lanedb"
	"kua/internal/lane/lanetest"
	"kua/internal/locale"
	"kua/internal/sqldb"
)

// behind runs statements on the lane's database behind its back.
func behind(t *testing.T, raw sqldb.Config, run func(ctx context.Context, tx *sql.Tx) error) {
	t.Helper()
	db, err := sqldb.Open(t.Context(), raw)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.Tx(t.Context(), run); err != nil {
		t.Fatal(err)
	}
}

func ptr[T any](v T) *T { return &v }

// TestInboxIsWalked: however an inbox is narrowed and ordered, its pages have each
// row that fits once and no other, in order; and what the database is asked for one is a walk
// along one index, which sorts nothing and reads no table from end to end.
func TestInboxIsWalked(t *testing.T) {
	const n = 2100 // more than is looked at for one page
	onBoth(t, func(t *testing.T, open func() *lane.Lane, raw sqldb.Config) {
		l, ctx := withCity(t, open()), t.Context()
		categories, areas := []string{"water", "manhole", "heating"}, []string{"south", "bazaar", "north", "south"}
		states := []lane.State{lane.Delivered, lane.InWork, lane.Planned, lane.Refused, lane.Planned}
		var all []lane.Assigned
		for i := 1; i <= n; i++ {
			a := lane.Assigned{Assignment: lane.Assignment{Number: int64(i), State: states[i%len(states)]}, Person: int64(i % 3), Formal: i%11 == 0,
				Acted: appeal.Day(fmt.Sprintf("2026-0%d-1%d", 1+i%7, i%9))}
			if i%500 == 0 {
				a.Person = 9
			}
			a.About.ID, a.About.Category, a.About.Area = int64(i), categories[i%len(categories)], areas[i%len(areas)]
			if a.State == lane.Planned {
				a.Planned = []appeal.Day{"2026-11-27", "2026-11-28", "2027-01-01"}[i%3]
				a.Missed = a.Planned < "2026-11-28"
			}
			all = append(all, a)
		}
		behind(t, raw, func(ctx context.Context, tx *sql.Tx) error {
			series := `WITH RECURSIVE s (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s WHERE i < ` + fmt.Sprint(n) + `) `
			words := `'manhole ' || CASE WHEN i % 2 = 0 THEN 'even' ELSE 'odd' END || CASE WHEN i = 2050 THEN ' needle' ELSE '' END`
			if raw.URL != "" {
				words = `to_tsvector('simple', replace(' ' || ` + words + `, ' ', ' aaaa'))` // all on the first shelf
			}
			for _, statement := range []string{
				series + `INSERT INTO request (id, directory, category, language, words, answers, area, visibility, open, day) SELECT i, 1, 'water', 'ru', 'made up', '{}', 'south', 'public', 1, '2026-11-28' FROM s`,
				series + `INSERT INTO assignment (number, request, authority, state, day, step, standing) SELECT i, i, 'water', 'delivered', '2026-11-28', 0, 'silent' FROM s`,
				series + `INSERT INTO request_words (rowid, words) SELECT i, ` + words + ` FROM s`,
			} {
				if _, err := tx.ExecContext(ctx, statement); err != nil {
					return err
				}
			}
			for some := range slices.Chunk(all, 300) {
				var rows []string
				for _, a := range some {
					open, formal := 0, 0
					if a.State.Open() {
						open = 1
					}
					if a.Formal {
						formal = 1
					}
					rows = append(rows, fmt.Sprintf("('water', %d, %d, '%s', '%s', '%s', %d, %d, '%s', '%s', %d)", a.Number, a.About.ID, a.About.Category, a.About.Area, a.State, open, formal, a.Planned, a.Acted, a.Person))
				}
				if _, err := tx.ExecContext(ctx, `INSERT INTO inbox (authority, assignment, request, category, area, state, open, formal, planned, acted, person) VALUES `+strings.Join(rows, ", ")); err != nil {
					return err
				}
			}
			_, err := tx.ExecContext(ctx, "ANALYZE")
			return err
		})
		me := lane.Account{Authority: "water"}
		for name, c := range map[string]struct {
			f    lane.InboxFilter
			fits func(lane.Assigned) bool
		}{
			"all":        {lane.InboxFilter{}, func(lane.Assigned) bool { return true }},
			"open":       {lane.InboxFilter{Open: ptr(true)}, func(a lane.Assigned) bool { return a.State.Open() }},
			"closed":     {lane.InboxFilter{Open: ptr(false)}, func(a lane.Assigned) bool { return !a.State.Open() }},
			"state":      {lane.InboxFilter{State: lane.InWork}, func(a lane.Assigned) bool { return a.State == lane.InWork }},
			"category":   {lane.InboxFilter{Category: "heating", Open: ptr(true)}, func(a lane.Assigned) bool { return a.About.Category == "heating" && a.State.Open() }},
			"area":       {lane.InboxFilter{Areas: []string{"bazaar"}}, func(a lane.Assigned) bool { return a.About.Area == "bazaar" }},
			"areas":      {lane.InboxFilter{Areas: []string{"bazaar", "north"}}, func(a lane.Assigned) bool { return a.About.Area != "south" }},
			"person":     {lane.InboxFilter{Person: ptr(int64(9))}, func(a lane.Assigned) bool { return a.Person == 9 }},
			"nobody":     {lane.InboxFilter{Person: ptr(int64(0)), Open: ptr(true)}, func(a lane.Assigned) bool { return a.Person == 0 && a.State.Open() }},
			"appeals":    {lane.InboxFilter{Formal: ptr(true)}, func(a lane.Assigned) bool { return a.Formal }},
			"reports":    {lane.InboxFilter{Formal: ptr(false)}, func(a lane.Assigned) bool { return !a.Formal }},
			"late":       {lane.InboxFilter{Late: true}, func(a lane.Assigned) bool { return a.Missed }},
			"number":     {lane.InboxFilter{Words: " № 77 "}, func(a lane.Assigned) bool { return a.About.ID == 77 }},
			"words":      {lane.InboxFilter{Words: "manh odd", State: lane.Refused}, func(a lane.Assigned) bool { return a.About.ID%2 == 1 && a.State == lane.Refused }},
			"rare words": {lane.InboxFilter{Words: "Needle"}, func(a lane.Assigned) bool { return a.About.ID == 2050 }},
			"nothing":    {lane.InboxFilter{Words: "haystack"}, func(lane.Assigned) bool { return false }},
			"all of them": {lane.InboxFilter{Category: "water", Areas: []string{"south"}, Person: ptr(int64(1)), State: lane.Planned, Late: true, Formal: ptr(false)}, func(a lane.Assigned) bool {
				return a.About.Category == "water" && a.About.Area == "south" && a.Person == 1 && a.Missed && !a.Formal
			}},
		} {
			for _, order := range []string{lane.OldestFirst, lane.NewestFirst, lane.LastAct} {
				var want []int64
				sorted := slices.Clone(all)
				slices.SortStableFunc(sorted, func(a, b lane.Assigned) int {
					if order == lane.LastAct && !strings.Contains(name, "words") && a.Acted != b.Acted {
						return strings.Compare(string(b.Acted), string(a.Acted))
					}
					if order == lane.OldestFirst {
						return int(a.Number - b.Number)
					}
					return int(b.Number - a.Number)
				})
				for _, a := range sorted {
					if c.fits(a) {
						want = append(want, a.Number)
					}
				}
				f := c.f
				f.Order, f.Limit = order, 700
				var got []int64
				for pages := 0; ; pages++ {
					p, err := l.Inbox(ctx, me, f)
					if err != nil || pages > 40 {
						t.Fatalf("%s, %s first: page %d: %v", name, order, pages, err)
					}
					for _, a := range p.Rows {
						got = append(got, a.Number)
					}
					if f.After = p.Next; p.Next == "" {
						break
					}
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("%s, %s first: %s", name, order, diff)
				}
			}
		}
		if p, err := l.Inbox(ctx, lane.Account{Authority: "roads"}, lane.InboxFilter{Limit: 5}); err != nil || len(p.Rows) > 0 {
			t.Errorf("another authority's inbox = %+v, %v", p, err)
		}
		for name, c := range map[string]struct {
			f     lanedb.InboxFilter
			index string
		}{
			"all":      {lanedb.InboxFilter{}, ""},
			"open":     {lanedb.InboxFilter{Open: ptr(true), After: lanedb.InboxKey{Number: 40}}, "inbox_open"},
			"category": {lanedb.InboxFilter{Category: "water", Order: lane.NewestFirst, After: lanedb.InboxKey{Number: 40}}, "inbox_category"},
			"area":     {lanedb.InboxFilter{Areas: []string{"south"}}, "inbox_area"},
			"person":   {lanedb.InboxFilter{Person: ptr(int64(9))}, "inbox_person"},
			"appeals":  {lanedb.InboxFilter{Formal: ptr(true)}, "inbox_formal"},
			"late":     {lanedb.InboxFilter{Late: "2026-11-28"}, "inbox_late"},
			"last act": {lanedb.InboxFilter{Order: lane.LastAct, After: lanedb.InboxKey{Day: "2026-05-11", Number: 40}}, "inbox_acted"},
			"number":   {lanedb.InboxFilter{Request: 7}, "assignment_request"},
			"words":    {lanedb.InboxFilter{Words: []string{"manhole", "odd"}, After: lanedb.InboxKey{Number: 40}}, ""},
		} {
			c.f.Authority, c.f.Limit, c.f.Window = "water", 50, 51
			text, args := c.f.Statement(raw.URL != "")
			var plan []string
			behind(t, raw, func(ctx context.Context, tx *sql.Tx) error {
				plan = nil
				explain := "EXPLAIN QUERY PLAN "
				if raw.URL != "" { // the tables are small here: what is left is how it goes where they are not
					explain = "EXPLAIN "
					for _, off := range []string{"seqscan", "bitmapscan", "sort", "hashjoin", "mergejoin", "material"} {
						if off == "sort" && c.f.Request != 0 {
							continue
						}
						if _, err := tx.ExecContext(ctx, "SET LOCAL enable_"+off+" = off"); err != nil {
							return err
						}
					}
				}
				rows, err := tx.QueryContext(ctx, explain+text, args...)
				if err != nil {
					return err
				}
				defer rows.Close()
				for rows.Next() {
					var line string
					var id, parent, unused int64
					if raw.URL != "" {
						err = rows.Scan(&line)
					} else {
						err = rows.Scan(&id, &parent, &unused, &line)
					}
					if err != nil {
						return err
					}
					plan = append(plan, line)
				}
				return rows.Err()
			})
			whole := strings.Join(plan, "\n")
			for _, bad := range []string{"Seq Scan", "Sort ", "TEMP B-TREE", "SCAN i\n", "SCAN inbox"} {
				if c.f.Request != 0 && (bad == "Sort " || bad == "TEMP B-TREE") {
					continue // the parts of one report are few
				}
				if strings.Contains(whole+"\n", bad) {
					t.Errorf("%s: %s in\n%s", name, bad, whole)
				}
			}
			if !strings.Contains(whole, c.index) {
				t.Errorf("%s does not go along %s:\n%s", name, c.index, whole)
			}
		}
	})
}

// derived is an inbox as it follows from everything else that is kept.
const derived = `SELECT a.number, a.request, r.category, r.area, a.state, CASE WHEN a.state IN ('routed', 'delivered', 'registered', 'in_work', 'planned', 'info_needed') THEN 1 ELSE 0 END,
	CASE WHEN w.request IS NULL THEN 0 WHEN w.open = 1 AND w.authority = a.authority THEN 2 ELSE 1 END, COALESCE(p.account, 0)
	FROM assignment a JOIN request r ON r.id = a.request LEFT JOIN assigned p ON p.assignment = a.number LEFT JOIN appeal_with w ON w.request = a.request
	WHERE a.authority <> '' AND a.state <> 'awaiting_check' AND EXISTS (SELECT 1 FROM delivery d WHERE d.assignment = a.number)
		AND (r.visibility <> 'held' OR EXISTS (SELECT 1 FROM assignment b WHERE b.request = a.request AND b.state NOT IN ('awaiting_check', 'withdrawn', 'merged')))
	ORDER BY a.authority, a.number`

// TestInboxFollows: after every kind of act the inbox is what follows from the
// assignments, deliveries and appeals themselves.
func TestInboxFollows(t *testing.T) {
	onBoth(t, func(t *testing.T, open func() *lane.Lane, raw sqldb.Config) {
		l, ctx := withCity(t, open()), t.Context()
		read := func(query string) (all []string) {
			behind(t, raw, func(ctx context.Context, tx *sql.Tx) error {
				all = nil
				rows, err := tx.QueryContext(ctx, query)
				if err != nil {
					return err
				}
				defer rows.Close()
				for rows.Next() {
					var number, request, open, formal, person int64
					var category, area, state string
					if err := rows.Scan(&number, &request, &category, &area, &state, &open, &formal, &person); err != nil {
						return err
					}
					all = append(all, fmt.Sprint(number, request, category, area, state, open, formal, person))
				}
				return rows.Err()
			})
			return all
		}
		step := 0
		same := func(err error, rows int) {
			t.Helper()
			step++
			if err != nil {
				t.Fatalf("step %d: %v", step, err)
			}
			got := read(`SELECT assignment, request, category, area, state, open, formal, person FROM inbox ORDER BY authority, assignment`)
			if diff := cmp.Diff(read(derived), got); diff != "" || len(got) != rows {
				t.Errorf("step %d: %d rows, want %d: %s", step, len(got), rows, diff)
			}
		}
		move := func(id int64, m lane.Move) error {
			a := request(t, l, id).Assignments
			last := a[len(a)-1]
			return l.Move(ctx, last.Number, last.Step, m)
		}
		code := lane.NewCode()
		id := submit(t, l, manhole(func(d *lane.Draft) { d.Code = code }))
		same(nil, 1)
		same(move(id, lane.Move{To: lane.Delivered, By: lane.ByHouse}), 1)
		same(move(id, lane.Move{To: lane.Planned, By: lane.ByOfficial, On: "2026-12-24"}), 1)
		account, _, err := l.AddAccount(ctx, nil, "water", "Desk", false)
		if err != nil {
			t.Fatal(err)
		}
		number := request(t, l, id).Assignments[0].Number
		if err := l.Assign(ctx, account, number, account.Number); !errors.Is(err, fault.NotFound("lane.no_account")) {
			t.Errorf("somebody who cannot sign in sees to it: %v", err)
		}
		behind(t, raw, func(ctx context.Context, tx *sql.Tx) error {
			_, err := tx.ExecContext(ctx, `UPDATE account SET state = 'live'`)
			return err
		})
		same(l.Assign(ctx, account, number, account.Number), 1)
		p, err := l.Inbox(ctx, account, lane.InboxFilter{Limit: 9})
		if err != nil || len(p.Rows) != 1 || p.Rows[0].Planned != "2026-12-24" || p.Rows[0].Person != account.Number || p.Rows[0].Late() {
			t.Errorf("Inbox = %+v, %v", p, err)
		}
		// An older lane gets the same rows by the steps of its schema.
		kind := "sql"
		if raw.URL != "" {
			kind = "postgres.sql"
		}
		behind(t, raw, func(ctx context.Context, tx *sql.Tx) error {
			if _, err := tx.ExecContext(ctx, `DELETE FROM inbox`); err != nil {
				return err
			}
			for _, at := range [][2]string{{"lanedb/migrations/*_inbox.sql", "INSERT INTO inbox"}, {"lanedb/migrations/*_planned." + kind, "UPDATE inbox"}} {
				names, err := filepath.Glob(at[0])
				if err != nil || len(names) != 1 {
					t.Fatalf("%s: %v, %v", at[0], names, err)
				}
				text, err := os.ReadFile(names[0])
				if err != nil {
					return err
				}
				_, fill, _ := strings.Cut(string(text), at[1])
				fill, _, _ = strings.Cut(at[1]+fill, ";")
				if _, err := tx.ExecContext(ctx, fill); err != nil {
					return err
				}
			}
			_, err := tx.ExecContext(ctx, `UPDATE inbox SET person = $1`, account.Number) // who sees to what is younger than the inbox
			return err
		})
		same(nil, 1)
		if p, err := l.Inbox(ctx, account, lane.InboxFilter{Limit: 9}); err != nil || len(p.Rows) != 1 || p.Rows[0].Planned != "2026-12-24" {
			t.Errorf("Inbox after the steps = %+v, %v", p, err)
		}
		same(l.Attest(ctx, code, 0, act(appeal.Submitted, "2026-11-10", to("water"))), 1)
		same(l.Attest(ctx, code, 1, act(appeal.Registered, "2026-11-11", number9)), 1)
		same(move(id, lane.Move{To: lane.Mended, By: lane.ByOfficial, Picture: lanetest.Proof(t, l)}), 1)
		same(l.Attest(ctx, code, 2, act(appeal.Answered, "2026-11-12")), 1)
		same(l.Judge(ctx, lane.Verdict{Code: code, Assignment: number, Answer: request(t, l, id).Assignments[0].Answer, Says: lane.SaysNot, Words: "It is not, made up", Aware: true}), 1)
		same(move(id, lane.Move{To: lane.Redirected, By: lane.ByOfficial, Owner: "roads"}), 2)
		held := submit(t, l, lane.Draft{Code: lane.NewCode(), Category: "no-answer", Language: locale.Russian, Words: "Канцелярия молчит, выдумано", Area: "south"})
		same(nil, 2)
		same(move(held, lane.Move{To: lane.Routed, By: lane.ByHouse}), 3)
		same(move(held, lane.Move{To: lane.Withdrawn, By: lane.ByHolder}), 2)
		same(l.Assign(ctx, account, number, 0), 2)
		traces, err := l.PartTraces(ctx, account, number, 9)
		if err != nil || len(traces) != 2 || traces[0].What != "unassigned" || traces[1].What != "assigned" || traces[1].By != account.Number || traces[1].Request != id {
			t.Errorf("PartTraces = %+v, %v", traces, err)
		}
	})
}

func number9(e *lane.Entry) { e.Note.Number = "9" }
