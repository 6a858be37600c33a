package laneweb

import (
	"context"
	"database/sql"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"kua/internal/appeal"
	"kua/internal/authority"
	"kua/internal/lane"
	"kua/internal/lane/lanetest"
	"kua/internal/locale"
	"kua/internal/sqldb"
	"kua/internal/sqldb/pgtest"

	"golang.org/x/sync/errgroup"
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

func newBenchText() benchText { return seededText(1) }

func seededText(seed uint64) benchText {
	r := rand.New(rand.NewPCG(seed, 2))
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

// benchBatch is how many cases the import takes in one transaction, as the command does.
const benchBatch = 500

// benchImport takes n made-up cases over, those from the first-th on, as kua lane import does.
func benchImport(b testing.TB, r *room, t benchText, first, n, of int) time.Duration {
	b.Helper()
	to, err := r.lane.Importer(b.Context(), "bench.example")
	if err != nil {
		b.Fatal(err)
	}
	langs, categories := []locale.Tag{locale.Russian, locale.Kazakh, locale.Uzbek}, []string{"water", "pothole", "manhole"}
	today, err := time.Parse(time.DateOnly, string(r.lane.Today()))
	if err != nil {
		b.Fatal(err)
	}
	began := time.Now()
	keeping := errgroup.Group{}
	keeping.SetLimit(1)
	batch := make([]lane.Foreign, 0, benchBatch)
	for i := first; i < first+n; i++ {
		lang, day := langs[t.IntN(3)], today.AddDate(0, 0, i*420/of-420)
		at, _ := authority.At(45.005+0.19*t.Float64(), 65.005+0.28*t.Float64())
		batch = append(batch, lane.Foreign{Number: strconv.Itoa(i), Category: categories[t.IntN(3)], Language: lang, Words: t.sentence(lang), At: &at, Open: t.IntN(50) > 0, Day: appeal.Day(day.Format(time.DateOnly))})
		if len(batch) < benchBatch && i < first+n-1 {
			continue
		}
		for i, c := range to.Check(batch) { // the command's first reading
			if c.Err != nil { // outside the made-up city
				batch[i].At, batch[i].Area = nil, "south"
			}
		}
		checked := to.Check(batch)
		keeping.Go(func() error {
			fresh, err := to.Take(b.Context(), checked)
			if err == nil && fresh != len(checked) {
				err = fmt.Errorf("%d of %d taken", fresh, len(checked))
			}
			return err
		})
		batch = batch[:0]
	}
	if err := keeping.Wait(); err != nil {
		b.Fatal(err)
	}
	return time.Since(began)
}

// benchTell makes of the cases above an id what they would be if they had been told
// here: assigned, delivered, one in fifty disputed, and counted.
func benchTell(b *testing.B, db *sqldb.DB, above int) {
	b.Helper()
	statements := []string{fmt.Sprintf(`UPDATE request SET source = '' WHERE id > %d`, above),
		fmt.Sprintf(`INSERT INTO assignment (request, authority, state, day, step, standing) SELECT id, CASE category WHEN 'water' THEN 'water' ELSE 'roads' END, 'delivered', day, 0,
			CASE WHEN id %% 50 = 0 THEN 'disputed' ELSE 'silent' END FROM request WHERE id > %d`, above)}
	for kind, id := range map[string]string{"authority": "a.authority", "area": "r.area", "category": "r.category"} {
		statements = append(statements, fmt.Sprintf(`INSERT INTO tally (kind, track, month, id, standing, slot, n) SELECT '%s', 'report', substr(r.day, 1, 7), %s, a.standing, r.id %% 8, count(*)
			FROM assignment a JOIN request r ON r.id = a.request WHERE r.id > %d GROUP BY 3, 4, 5, 6 ON CONFLICT (kind, track, month, id, standing, slot) DO UPDATE SET n = tally.n + excluded.n`, kind, id, above))
	}
	for _, s := range statements {
		if _, err := db.ExecContext(b.Context(), s); err != nil {
			b.Fatal(err)
		}
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

// median gives the time below which half of the runs are.
func median(runs int, run func(i int)) time.Duration {
	all := make([]time.Duration, runs)
	for i := range all {
		began := time.Now()
		run(i)
		all[i] = time.Since(began)
	}
	slices.Sort(all)
	return all[runs/2]
}

// bench is a large lane and what is measured on it.
type bench struct {
	*room
	db    *sqldb.DB
	pages http.Handler
	cases int
}

func (k *bench) open(ctx context.Context, b *testing.B, path string) int {
	rec := httptest.NewRecorder()
	if k.pages.ServeHTTP(rec, httptest.NewRequestWithContext(ctx, "GET", path, nil)); rec.Code != 200 {
		b.Errorf("%s answers %d", path, rec.Code)
	}
	return rec.Body.Len()
}

// BenchmarkLane measures the open lane with a year's cases of one country, or as
// many as KUA_BENCH_CASES says, on each engine:
//
//	import   taking them over / the database's own bulk loader with the same rows
//	search   the newest that hold words, the map's box, a case, a list: p99 while 20 reports
//	         a second are written / a read by the primary key meanwhile
//	pages    area and scoreboard: half of their time with all cases / with a tenth; bytes of a case
//	csv      all cases: memory with all / with a tenth, time / a bare scan
//	submit   11 reports a second, each with 50 pages read, for KUA_BENCH_SECONDS (60): done / wanted, p99
//
// One part alone, which still fills the lane: -bench 'Lane/sqlite/search'.
func BenchmarkLane(b *testing.B) {
	n := benchCases(b)
	for _, engine := range []string{"sqlite", "postgres"} {
		b.Run(engine, func(b *testing.B) {
			cfg := lane.Config{Dir: b.TempDir()}
			if engine == "postgres" {
				cfg = lane.Config{URL: pgtest.Database(b)}
			}
			k := &bench{room: newRoom(b, cfg, 1<<20).withCity(), cases: n}
			k.pages = k.web.Before(http.NotFoundHandler())
			var err error
			if k.db, err = sqldb.Open(b.Context(), k.room.db); err != nil {
				b.Fatal(err)
			}
			defer k.db.Close()
			t, tenth := newBenchText(), n/10
			took := benchImport(b, k.room, t, 0, tenth, n)
			benchTell(b, k.db, 0)
			k.settle(b)
			few := k.look(b)
			fewPeak := k.csv(b).peak
			took += benchImport(b, k.room, t, tenth, n-tenth, n)
			b.Run("import", func(b *testing.B) { once(b, func() { k.benchBulk(b, took) }) })
			benchTell(b, k.db, tenth)
			k.settle(b)
			b.Run("search", func(b *testing.B) { once(b, func() { k.benchSearch(b) }) })
			b.Run("pages", func(b *testing.B) {
				once(b, func() {
					for page, d := range k.look(b) {
						b.ReportMetric(float64(d)/float64(few[page]), page+"/tenth")
						b.ReportMetric(float64(d.Microseconds())/1000, page+"-ms")
					}
					b.ReportMetric(float64(k.open(b.Context(), b, "/ru/open/case/"+strconv.Itoa(n/2))), "case-bytes")
				})
			})
			b.Run("csv", func(b *testing.B) { once(b, func() { k.benchCSV(b, fewPeak) }) })
			b.Run("submit", func(b *testing.B) { once(b, func() { k.benchSubmit(b) }) })
		})
	}
}

// once runs a part once, however often it is asked for.
func once(b *testing.B, run func()) {
	first := true
	for b.Loop() {
		if first {
			run()
		}
		first = false
	}
	b.ReportMetric(0, "ns/op")
}

// settle lets a database take note of what lies in it.
func (k *bench) settle(b *testing.B) {
	if k.room.db.URL == "" {
		return
	}
	if _, err := k.db.DB.ExecContext(b.Context(), `VACUUM ANALYZE`); err != nil {
		b.Fatal(err)
	}
}

// look gives how long the pages take that are made of kept-up numbers.
func (k *bench) look(b *testing.B) map[string]time.Duration {
	found := map[string]time.Duration{}
	for name, path := range map[string]string{"score": "/ru/open/score/authority/water", "scores": "/ru/open/score/area", "area": "/ru/open/area/south", "list": "/ru/open/?state=closed"} {
		found[name] = median(40, func(int) { k.open(b.Context(), b, path) })
	}
	return found
}

func (k *bench) benchSearch(b *testing.B) {
	ctx, stop := context.WithCancel(b.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		t, tick := newBenchText(), time.NewTicker(time.Second/20)
		defer tick.Stop()
		for ctx.Err() == nil {
			<-tick.C
			_, err := k.lane.Submit(ctx, lane.Draft{Code: lane.NewCode(), Category: "water", Language: locale.Russian, Words: t.sentence(locale.Russian), Area: "south"})
			if err != nil && ctx.Err() == nil {
				b.Error(err)
				return
			}
		}
	})
	t, langs := newBenchText(), []locale.Tag{locale.Russian, locale.Kazakh, locale.Uzbek}
	const runs = 300
	key := p99(runs, func(int) {
		var words string
		if err := k.db.QueryRowContext(ctx, `SELECT words FROM request WHERE id = $1`, 1+t.IntN(k.cases)).Scan(&words); err != nil {
			b.Error(err)
		}
	})
	b.ReportMetric(float64(key.Microseconds())/1000, "key-p99-ms")
	list := func(f lane.Filter) {
		if _, err := k.lane.List(ctx, f); err != nil {
			b.Error(err)
		}
	}
	for name, run := range map[string]func(i int){
		"search": func(i int) {
			query := t.word(langs[i%3])
			if i%2 == 0 {
				query += " " + t.word(langs[i%3])
			}
			list(lane.Filter{Words: query, Limit: onPage + 1})
		},
		"box": func(i int) {
			size := 0.002 * float64(int(1)<<(i%8)) // from a few streets to more than the city
			south, west := 45.005+0.15*t.Float64(), 65.005+0.2*t.Float64()
			southWest, _ := authority.At(south, west)
			northEast, _ := authority.At(south+size, west+size)
			list(lane.Filter{Box: &lane.Box{SouthWest: southWest, NorthEast: northEast}, Limit: onMapMost + 1})
		},
		"case": func(int) { k.open(ctx, b, "/ru/open/case/"+strconv.Itoa(1+t.IntN(k.cases))) },
		"list": func(int) { k.open(ctx, b, "/ru/open/?area=south") },
	} {
		d := p99(runs, run)
		b.ReportMetric(float64(d)/float64(key), name+"/key")
		b.ReportMetric(float64(d.Microseconds())/1000, name+"-p99-ms")
	}
	stop()
	wg.Wait()
}

// meter takes an answer and looks at the memory in use now and then.
type meter struct {
	header      http.Header
	bytes, next int64
	peak        uint64
}

func (m *meter) Header() http.Header { return m.header }
func (m *meter) WriteHeader(int)     {}
func (m *meter) Write(p []byte) (int, error) {
	if m.bytes += int64(len(p)); m.bytes >= m.next {
		m.next = m.bytes + 8<<20
		runtime.GC()
		var now runtime.MemStats
		runtime.ReadMemStats(&now)
		m.peak = max(m.peak, now.HeapAlloc)
	}
	return len(p), nil
}

func (k *bench) csv(b *testing.B) *meter {
	m := &meter{header: http.Header{}}
	k.pages.ServeHTTP(m, httptest.NewRequestWithContext(b.Context(), "GET", "/ru/open/data/cases.csv", nil))
	return m
}

func (k *bench) benchCSV(b *testing.B, few uint64) {
	began := time.Now()
	rows, err := k.db.QueryContext(b.Context(), `SELECT id, words, category, area, day, lat, lon FROM request ORDER BY id`)
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
	m := k.csv(b)
	b.ReportMetric(float64(time.Since(began))/float64(scan), "csv/scan")
	b.ReportMetric(float64(k.cases)/time.Since(began).Seconds(), "csv-rows/s")
	b.ReportMetric(float64(m.peak)/float64(few), "memory/tenth")
	b.ReportMetric(float64(m.peak)/(1<<20), "memory-MiB")
}

// perSecond and pagesEach are what a country's virtual office takes at its busiest.
const (
	perSecond = 11
	pagesEach = 50
)

func (k *bench) benchSubmit(b *testing.B) {
	seconds := 60
	if text := os.Getenv("KUA_BENCH_SECONDS"); text != "" {
		var err error
		if seconds, err = strconv.Atoi(text); err != nil || seconds < 1 {
			b.Fatalf("KUA_BENCH_SECONDS is %q, want a number from 1", text)
		}
	}
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 256}}
	ctx, stop := context.WithTimeout(b.Context(), time.Duration(seconds)*time.Second)
	defer stop()
	var mu sync.Mutex // of what follows
	var took []time.Duration
	sent := 0
	ask := func(method, path string, form url.Values) bool {
		began := time.Now()
		req, err := http.NewRequestWithContext(ctx, method, k.server.URL+path, strings.NewReader(form.Encode()))
		if err != nil {
			b.Error(err)
			return false
		}
		if form != nil {
			req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		}
		resp, err := client.Do(req)
		if err == nil {
			_, err = io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
		}
		if ctx.Err() != nil {
			return false
		}
		if err != nil || resp.StatusCode != 200 {
			b.Errorf("%s %s: %v", method, path, err)
			return false
		}
		mu.Lock()
		defer mu.Unlock()
		took = append(took, time.Since(began))
		return true
	}
	visit := func(t benchText) {
		for i := range pagesEach {
			path := "/ru/open/case/" + strconv.Itoa(1+t.IntN(k.cases))
			switch i % 10 {
			case 0, 1:
				path = "/ru/open/"
			case 2:
				path = "/ru/open/?q=" + url.QueryEscape(t.word(locale.Kazakh))
			case 3:
				path = "/ru/open/map"
			case 4:
				path = "/ru/open/area/south"
			case 5:
				path = "/ru/open/tell/water"
			}
			if !ask("GET", path, nil) {
				return
			}
		}
		if ask("POST", "/ru/open/send/water", url.Values{"code": {lane.NewCode()}, "words": {t.sentence(locale.Russian)}, "area": {"south"}}) {
			mu.Lock()
			defer mu.Unlock()
			sent++
		}
	}
	var wg sync.WaitGroup
	tick := time.NewTicker(time.Second / perSecond)
	defer tick.Stop()
	for i := uint64(0); ctx.Err() == nil; i++ {
		wg.Go(func() { visit(seededText(i)) })
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
	wg.Wait()
	b.ReportMetric(float64(sent)/float64(perSecond*seconds), "done/wanted")
	b.ReportMetric(float64(len(took))/float64(seconds), "pages/s")
	if slices.Sort(took); len(took) > 0 {
		b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "page-p99-ms")
	}
}

// bulk brings the rows that the import has made into an empty lane by the database's
// own bulk loader, and gives how long that took.
func (k *bench) bulk(b testing.TB) time.Duration {
	at := ""
	if k.room.db.URL != "" {
		at = pgtest.Database(b)
		newRoom(b, lane.Config{URL: at}, 0).withCity()
	}
	bulk := lanetest.NewBulk(b, at, k.db)
	for _, table := range []struct{ into, from string }{
		{"request (id, directory, category, language, words, answers, area, lat, lon, visibility, open, day, landmark, source)", `SELECT id, directory, category, language, words, answers, area, lat, lon, visibility, open, day, landmark, 'bench.example' FROM request ORDER BY id`},
		{"event (request, number, body, hash)", `SELECT request, number, body, hash FROM event ORDER BY request`},
		{"imported (source, number, request, day)", `SELECT source, number, request, day FROM imported ORDER BY source, number`},
		{"request_words", ""},
		{"request_box", `SELECT id, lat, lat, lon, lon FROM request WHERE lat IS NOT NULL ORDER BY id`},
	} {
		switch {
		case table.into == "request_box" && at != "": // its index has no rows of its own
		case table.into == "request_words" && at != "":
			bulk.Add(b, "request_words (rowid, words)", k.db, `SELECT rowid, words::text FROM request_words ORDER BY rowid`)
		case table.into == "request_words":
			bulk.AddText(b, "request_words", k.db, `SELECT words || ' ' || landmark FROM request ORDER BY id`, locale.SearchText)
		default:
			bulk.Add(b, table.into, k.db, table.from)
		}
	}
	return bulk.Load(b)
}

// benchBulk holds the import against the bulk loader.
func (k *bench) benchBulk(b *testing.B, took time.Duration) {
	bulked := k.bulk(b)
	b.ReportMetric(float64(took)/float64(bulked), "import/bulk")
	b.ReportMetric(float64(k.cases)/took.Seconds(), "import-rows/s")
	b.ReportMetric(float64(k.cases)/bulked.Seconds(), "bulk-rows/s")
}

// TestBenchBulk: the bulk loader of the bench takes what the import has made, on each engine.
func TestBenchBulk(t *testing.T) {
	onBoth(t, func(t *testing.T, r *room) {
		k := &bench{room: r, cases: 50}
		var err error
		k.db, err = sqldb.Open(t.Context(), r.db)
		check(t, err)
		defer k.db.Close()
		benchImport(t, r, newBenchText(), 0, k.cases, k.cases)
		k.bulk(t)
	})
}
