package laneweb

import (
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"kua/internal/canon"
	"kua/internal/lane"
	"kua/internal/locale"
	"kua/internal/sqldb"
	"kua/internal/sqldb/pgtest"
)

// benchCases is how many cases the bench has: KUA_BENCH_CASES, or as many as one
// country's virtual office took in a year.
func benchCases(b *testing.B) int {
	text := os.Getenv("KUA_BENCH_CASES")
	if text == "" {
		return 1_400_000
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1000 {
		b.Fatalf("KUA_BENCH_CASES is %q, want a number from 1000", text)
	}
	return n
}

// Words of made-up complaints; the rest of the vocabulary is made of syllables,
// so that its size and its rare words are as a language's.
var benchWords = map[locale.Tag][2][]string{
	locale.Russian: {strings.Fields("яма дорога люк вода свет мусор школа двор подъезд улица автобус остановка крыша труба газ счётчик отопление фонарь тротуар снег"),
		strings.Fields("ра но ти ве ко ла ми сто пре го ду ша ще лы жи")},
	locale.Kazakh: {strings.Fields("жол шұңқыр құдық су жарық қоқыс мектеп аула көше автобус аялдама шатыр құбыр газ есептегіш жылу шам жаяу қар үй"),
		strings.Fields("қа ла ту ған бе рі ше ңі жы ды ара өс үй ғы")},
	locale.Uzbek: {strings.Fields("yo‘l chuqur quduq suv chiroq axlat maktab hovli ko‘cha avtobus bekat tom quvur gaz hisoblagich issiqlik piyoda qor uy devor"),
		strings.Fields("la ri cha qo‘ shi bo ta ni ma gan da yo xu te")},
}

type benchText struct {
	*rand.Rand
	zipf *rand.Zipf
}

func newBenchText() benchText {
	r := rand.New(rand.NewPCG(1, 2))
	return benchText{r, rand.NewZipf(r, 1.07, 8, 30_000)}
}

func (t benchText) word(lang locale.Tag) string {
	n, w := int(t.zipf.Uint64()), benchWords[lang]
	if n < len(w[0]) {
		return w[0][n]
	}
	var b strings.Builder
	for ; n > 0; n /= len(w[1]) {
		b.WriteString(w[1][n%len(w[1])])
	}
	return b.String()
}

func (t benchText) sentence(lang locale.Tag) string {
	all := make([]string, 12+t.IntN(25))
	for i := range all {
		all[i] = t.word(lang)
	}
	return strings.Join(all, " ")
}

// benchFill fills an empty lane with n cases, in the database's own words and in
// batches, and has the lane count them.
func benchFill(b *testing.B, r *room, n int) {
	b.Helper()
	db, err := sqldb.Open(b.Context(), r.db)
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	t, langs := newBenchText(), []locale.Tag{locale.Russian, locale.Kazakh, locale.Uzbek}
	categories, owners := []string{"water", "pothole", "manhole", "roads"}, []string{"water", "roads", "roads", "roads"}
	index := `INSERT INTO request_words (rowid, words) VALUES `
	place := func(i int) string { return fmt.Sprintf("($%d, $%d)", 2*i+1, 2*i+2) }
	if r.db.URL != "" {
		place = func(i int) string { return fmt.Sprintf("($%d, to_tsvector('simple', $%d))", 2*i+1, 2*i+2) }
	}
	many := func(width, rows int) string {
		var s strings.Builder
		for i := range rows * width {
			fmt.Fprint(&s, map[bool]string{true: "($", false: "$"}[i%width == 0], i+1, map[bool]string{true: "), ", false: ", "}[i%width == width-1])
		}
		return strings.TrimSuffix(s.String(), ", ")
	}
	const batch = 400
	for at := 0; at < n; at += batch {
		rows := min(batch, n-at)
		var requests, words, assignments, events []any
		var places []string
		for i := range rows {
			id, lang, k := int64(at+i+1), langs[t.IntN(3)], t.IntN(4)
			day := time.Date(2025, 10, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, int(int64(at+i)*420/int64(n))).Format(time.DateOnly)
			text := t.sentence(lang)
			requests = append(requests, id, int64(1), categories[k], string(lang), text, "{}", []string{"north", "south", "bazaar"}[t.IntN(3)],
				int64(45_000_000+t.IntN(200_000)), int64(65_000_000+t.IntN(300_000)), "public", int64(1), day)
			words = append(words, id, locale.SearchText(text))
			places = append(places, place(i))
			assignments = append(assignments, id, owners[k], string(lane.Delivered), day, int64(0))
			e := lane.Event{Kind: "lane-event", Request: id, Number: 1, Day: "2025-10-01", By: lane.ByHolder, Authority: owners[k], To: lane.Delivered}
			body, err := canon.Marshal(e)
			if err != nil {
				b.Fatal(err)
			}
			events = append(events, id, int64(1), string(body), canon.Hash(body))
		}
		err := db.Tx(b.Context(), func(ctx context.Context, tx *sql.Tx) error {
			for _, one := range []struct {
				query string
				args  []any
			}{
				{`INSERT INTO request (id, directory, category, language, words, answers, area, lat, lon, visibility, open, day) VALUES ` + many(12, rows), requests},
				{index + strings.Join(places, ", "), words},
				{`INSERT INTO assignment (request, authority, state, day, step) VALUES ` + many(5, rows), assignments},
				{`INSERT INTO event (request, number, body, hash) VALUES ` + many(4, rows), events},
			} {
				if _, err := tx.ExecContext(ctx, one.query, one.args...); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	if r.db.URL != "" {
		if _, err := db.DB.ExecContext(b.Context(), `SELECT setval(pg_get_serial_sequence('request', 'id'), (SELECT max(id) FROM request))`); err != nil {
			b.Fatal(err)
		}
		if _, err := db.DB.ExecContext(b.Context(), `ANALYZE`); err != nil {
			b.Fatal(err)
		}
	}
	if _, err := r.lane.Recount(b.Context(), true); err != nil {
		b.Fatal(err)
	}
}

// p99 gives the time below which 99 of 100 runs are.
func p99(runs int, run func(i int)) time.Duration {
	all := make([]time.Duration, runs)
	for i := range all {
		began := time.Now()
		run(i)
		all[i] = time.Since(began)
	}
	slices.Sort(all)
	return all[runs*99/100]
}

// BenchmarkLane reads a large lane while twenty reports a second are written:
// the newest that hold words, a case's page, a scoreboard, each as a ratio of its
// p99 to that of a read by the primary key; and the CSV of all as a ratio to a
// bare scan of the same rows. Once for each engine.
func BenchmarkLane(b *testing.B) {
	n := benchCases(b)
	for _, engine := range []string{"sqlite", "postgres"} {
		b.Run(engine, func(b *testing.B) {
			cfg := lane.Config{Dir: b.TempDir()}
			if engine == "postgres" {
				cfg = lane.Config{URL: pgtest.Database(b)}
			}
			r := newRoom(b, cfg, 0).withCity()
			benchFill(b, r, n)
			for b.Loop() {
				benchRead(b, r, n)
			}
		})
	}
}

func benchRead(b *testing.B, r *room, n int) {
	ctx, stop := context.WithCancel(b.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		t, tick := newBenchText(), time.NewTicker(time.Second/20)
		defer tick.Stop()
		for ctx.Err() == nil {
			<-tick.C
			_, err := r.lane.Submit(ctx, lane.Draft{Code: lane.NewCode(), Category: "water", Language: locale.Russian, Words: t.sentence(locale.Russian), Area: "south"})
			if err != nil && ctx.Err() == nil {
				b.Error(err)
				return
			}
		}
	})
	db, err := sqldb.Open(ctx, r.db)
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	handler := r.web.Before(http.NotFoundHandler())
	open := func(path string) {
		rec := httptest.NewRecorder()
		if handler.ServeHTTP(rec, httptest.NewRequestWithContext(ctx, "GET", path, nil)); rec.Code != 200 {
			b.Errorf("%s answers %d", path, rec.Code)
		}
	}
	t := newBenchText()
	const runs = 300
	key := p99(runs, func(int) {
		var words string
		if err := db.QueryRowContext(ctx, `SELECT words FROM request WHERE id = $1`, 1+t.IntN(n)).Scan(&words); err != nil {
			b.Error(err)
		}
	})
	ratio := func(name string, run func(i int)) {
		d := p99(runs, run)
		b.ReportMetric(float64(d)/float64(key), name+"/key")
		b.ReportMetric(float64(d.Microseconds())/1000, name+"-p99-ms")
	}
	b.ReportMetric(float64(key.Microseconds())/1000, "key-p99-ms")
	ratio("search", func(i int) {
		lang := []locale.Tag{locale.Russian, locale.Kazakh, locale.Uzbek}[i%3]
		query := t.word(lang)
		if i%2 == 0 {
			query += " " + t.word(lang)
		}
		if _, err := r.lane.List(ctx, lane.Filter{Words: query, Limit: onPage + 1}); err != nil {
			b.Error(err)
		}
	})
	ratio("case", func(int) { open("/ru/open/case/" + strconv.Itoa(1+t.IntN(n))) })
	ratio("score", func(int) { open("/ru/open/score/authority/water") })
	ratio("list", func(int) { open("/ru/open/?area=" + url.QueryEscape("south")) })
	stop()
	wg.Wait()
	began := time.Now()
	rows, err := db.QueryContext(b.Context(), `SELECT id, words, category, area, day, lat, lon FROM request ORDER BY id`)
	if err != nil {
		b.Fatal(err)
	}
	for rows.Next() {
		var id int64
		var words, category, area, day string
		var lat, lon sql.NullInt64
		if err := rows.Scan(&id, &words, &category, &area, &day, &lat, &lon); err != nil {
			b.Fatal(err)
		}
	}
	if err := rows.Close(); err != nil {
		b.Fatal(err)
	}
	scan := time.Since(began)
	began = time.Now()
	g := &gauge{header: http.Header{}, next: 1 << 62}
	handler.ServeHTTP(g, httptest.NewRequestWithContext(b.Context(), "GET", "/ru/open/data/cases.csv", nil))
	b.ReportMetric(float64(time.Since(began))/float64(scan), "csv/scan")
	b.ReportMetric(float64(n)/time.Since(began).Seconds(), "csv-rows/s")
}
