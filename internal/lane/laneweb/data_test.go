package laneweb

import (
	"context"
	"database/sql"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"kua/internal/lane"
	"kua/internal/sqldb"
)

// raw changes the lane's database behind its back.
func (r *room) raw(query string) error {
	db, err := sqldb.Open(r.t.Context(), r.db)
	if err != nil {
		return err
	}
	defer db.Close()
	return db.Tx(r.t.Context(), func(ctx context.Context, tx *sql.Tx) error { _, err := tx.ExecContext(ctx, query); return err })
}

// TestOpenData: every form has every public report once with all that is public
// about it, as its standard says, and nothing that is not.
func TestOpenData(t *testing.T) {
	onBoth(t, func(t *testing.T, r *room) {
		formula := "=HYPERLINK(\"a\";\"люк, \"\"выдумано\"\"\")\nвторая строка"
		first := r.tell("manhole", draft("words", formula, "landmark", "-улица, 5"))
		coarse := draft("area", "", "point", "45.123456, 65.017654", "words", "Холодно, выдумано")
		coarse.Del("q.cover")
		heat := r.tell("heating", coarse)
		held := draft("words", "Канцелярия молчит, выдумано")
		held.Del("q.cover")
		r.tell("no-answer", held)
		point := draft("area", "", "point", "45.05, 65.15")
		last := r.tell("manhole", point)
		r.move(last, delivered, mended)

		table := func(path string) (header []string, rows []map[string]string) {
			t.Helper()
			resp, body := r.get(path)
			if resp.StatusCode != 200 || !strings.Contains(resp.Header.Get("Content-Type"), "text/csv") || resp.Header.Get("Access-Control-Allow-Origin") != "*" {
				t.Fatalf("%s: %d %v\n%s", path, resp.StatusCode, resp.Header, body)
			}
			if strings.Contains(strings.ReplaceAll(body, "\r\n", ""), "\r") || !strings.HasSuffix(body, "\r\n") {
				t.Errorf("%s does not end its lines as RFC 4180 says", path)
			}
			all, err := csv.NewReader(strings.NewReader(body)).ReadAll()
			check(t, err)
			for _, row := range all[1:] {
				one := map[string]string{}
				for i, name := range all[0] {
					one[name] = row[i]
				}
				rows = append(rows, one)
			}
			return all[0], rows
		}
		header, rows := table("/en/open/data/cases.csv")
		if strings.Join(header, " ") != strings.Join(columns, " ") || len(rows) != 3 {
			t.Fatalf("the table is %v, %v", header, rows)
		}
		if rows[0]["id"] != first || rows[0]["words"] != "'"+formula || rows[0]["landmark"] != "'-улица, 5" || rows[0]["latitude"] != "" || rows[0]["place"] != "none" {
			t.Errorf("the first row: %v", rows[0])
		}
		if rows[1]["id"] != heat || rows[1]["latitude"] != "45.12" || rows[1]["longitude"] != "65.02" || rows[1]["place"] != "coarse" {
			t.Errorf("the coarse row: %v", rows[1])
		}
		if rows[2]["id"] != last || rows[2]["latitude"] != "45.05" || rows[2]["standing"] != "claimed" || rows[2]["authorities"] != "water" || rows[2]["open"] != "no" ||
			rows[2]["answers"] != `{"cover":["gone"]}` || rows[2]["category_name"] != "Open manhole" || rows[2]["address"] != "/en/open/case/"+last {
			t.Errorf("the last row: %v", rows[2])
		}
		if header, _ := table("/en/open/data/cases.csv?excel=1"); header[0] != "\ufeffid" {
			t.Errorf("for Excel the first name is %q", header[0])
		}
		if _, rows := table("/en/open/data/cases.csv?after=" + first + "&what=manhole"); len(rows) != 1 || rows[0]["id"] != last {
			t.Errorf("after the first, of one kind: %v", rows)
		}
		if _, rows := table("/en/open/data/cases.csv?state=closed"); len(rows) != 1 {
			t.Errorf("closed: %v", rows)
		}
		if _, rows := table("/en/open/data/cases.csv?q=" + "холодно"); len(rows) != 1 || rows[0]["id"] != heat {
			t.Errorf("searched: %v", rows)
		}

		_, body := r.get("/en/open/data/cases.jsonl")
		var ids []string
		for d := json.NewDecoder(strings.NewReader(body)); d.More(); {
			var c caseJSON
			check(t, d.Decode(&c))
			ids = append(ids, strconv.FormatInt(c.ID, 10))
			if c.ID == 1 && c.Words != formula {
				t.Errorf("the words are %q", c.Words)
			}
		}
		if fmt.Sprint(ids) != fmt.Sprint([]string{first, heat, last}) || strings.Count(body, "\n") != 3 {
			t.Errorf("lines: %v\n%s", ids, body)
		}

		resp, body := r.get("/en/open/data/cases.geojson")
		var geo struct {
			Type     string
			Features []struct {
				Type     string
				ID       int64
				Geometry *struct {
					Type        string
					Coordinates []float64
				}
				Properties map[string]any
			}
		}
		check(t, json.Unmarshal([]byte(body), &geo))
		if geo.Type != "FeatureCollection" || len(geo.Features) != 3 || geo.Features[0].Geometry != nil || resp.Header.Get("Content-Type") != "application/geo+json" {
			t.Fatalf("GeoJSON: %+v", geo)
		}
		if g := geo.Features[2].Geometry; g == nil || g.Type != "Point" || fmt.Sprint(g.Coordinates) != "[65.15 45.05]" {
			t.Errorf("the last point: %+v", g)
		}
		_, empty := r.get("/en/open/data/cases.geojson?after=999")
		check(t, json.Unmarshal([]byte(empty), &geo))
		for _, path := range []string{"cases.csv", "cases.jsonl", "cases.geojson"} {
			_, body := r.get("/en/open/data/" + path)
			for _, secret := range []string{"Канцелярия", "123456", "017654", coarse.Get("code"), point.Get("code")} {
				if strings.Contains(body, secret) {
					t.Errorf("%s has %q", path, secret)
				}
			}
			r.want("GET", "/en/open/data/"+path+"?after=x", nil, 422)
			r.want("GET", "/en/open/data/"+path+"?after=-1", nil, 422)
		}
		if resp, body := r.do("HEAD", "/en/open/data/cases.csv", nil); resp.StatusCode != 200 || body != "" || resp.Header.Get("Content-Type") != csvType {
			t.Errorf("HEAD answers %d, %v", resp.StatusCode, resp.Header)
		}
		var running []func()
		for range lane.MaxDownloads {
			done, err := r.lane.Download()
			check(t, err)
			running = append(running, done)
		}
		for _, path := range []string{"cases.csv", "cases.jsonl", "cases.geojson?what=manhole"} {
			if resp, body := r.do("GET", "/en/open/data/"+path, nil); resp.StatusCode != 503 || resp.Header.Get("Retry-After") == "" || !strings.Contains(body, "only what is new") {
				t.Errorf("%s beside %d others: %d, %v\n%s", path, lane.MaxDownloads, resp.StatusCode, resp.Header, body)
			}
		}
		for _, done := range running {
			done()
			done()
		}
		if running, refused := r.lane.Downloads(); running != 0 || refused != 3 {
			t.Errorf("%d run, %d were refused", running, refused)
		}
		r.want("GET", "/en/open/data/cases.csv", nil, 200)
		r.want("GET", "/en/open/data?what=manhole", nil, 200, "/en/open/data/cases.csv?what=manhole", "excel=1", "has not said under which licence")
		r.web.licence = Licence{"CC BY 4.0", "https://creativecommons.org/licenses/by/4.0/"}
		r.want("GET", "/en/open/data", nil, 200, `<a href="https://creativecommons.org/licenses/by/4.0/" rel="noreferrer license external">CC BY 4.0</a>`)
	})
}

// TestCutOffIsSeen: a download that cannot go on is no whole answer.
func TestCutOffIsSeen(t *testing.T) {
	r := newRoom(t, lane.Config{Dir: t.TempDir()}, 0).withCity()
	r.tell("manhole", draft())
	check(t, r.raw(`UPDATE request SET answers = '{broken'`))
	resp, err := http.Get(r.server.URL + "/en/open/data/cases.csv")
	if err != nil {
		return // cut off before its first byte
	}
	defer resp.Body.Close()
	if body, err := io.ReadAll(resp.Body); err == nil {
		t.Errorf("it looks whole:\n%s", body)
	}
}

// gauge takes an answer, counts it, and looks at the memory in use now and then.
type gauge struct {
	header      http.Header
	bytes, next int64
	peak        uint64
}

func (g *gauge) Header() http.Header { return g.header }
func (g *gauge) WriteHeader(int)     {}
func (g *gauge) Write(b []byte) (int, error) {
	if g.bytes += int64(len(b)); g.bytes >= g.next {
		g.next = g.bytes + 256<<10
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		g.peak = max(g.peak, m.HeapAlloc)
	}
	return len(b), nil
}

// TestStreamMemory: the data of ten times as many reports takes no more memory.
func TestStreamMemory(t *testing.T) {
	r := newRoom(t, lane.Config{Dir: t.TempDir()}, 0).withCity()
	stream := func(rows int) uint64 {
		t.Helper()
		check(t, r.raw(fmt.Sprintf(`WITH RECURSIVE n (i) AS (SELECT (SELECT COALESCE(max(id), 0) FROM request) + 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d)
			INSERT INTO request (id, directory, category, language, words, landmark, answers, area, visibility, open, day)
			SELECT i, 1, 'water', 'ru', 'Нет воды, выдумано ' || i, '', '{}', 'south', 'public', 1, '2026-06-15' FROM n`, rows)))
		g := &gauge{header: http.Header{}}
		r.web.Before(http.NotFoundHandler()).ServeHTTP(g, httptest.NewRequestWithContext(t.Context(), "GET", "/en/open/data/cases.csv", nil))
		if g.bytes < int64(rows)*80 {
			t.Fatalf("%d bytes of %d rows", g.bytes, rows)
		}
		return g.peak
	}
	few, many := stream(5_000), stream(50_000)
	if many > few+3<<20 {
		t.Errorf("5,000 rows take %d kB at most, 50,000 take %d kB", few>>10, many>>10)
	}
}
