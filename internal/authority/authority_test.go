package authority_test

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"kua/internal/authority"
	"kua/internal/datafile"
	"kua/internal/fault"
	"kua/internal/locale"
)

const today = "2026-11-28"

// city gives the made-up city's folder with some texts replaced: file, old, new, …
func city(t testing.TB, changes ...string) fstest.MapFS {
	t.Helper()
	m := fstest.MapFS{}
	err := fs.WalkDir(authority.Sample(), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := fs.ReadFile(authority.Sample(), name)
		m[name] = &fstest.MapFile{Data: text}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+2 < len(changes); i += 3 {
		text := string(m[changes[i]].Data)
		if !strings.Contains(text, changes[i+1]) {
			t.Fatalf("%s does not say %q", changes[i], changes[i+1])
		}
		m[changes[i]].Data = []byte(strings.Replace(text, changes[i+1], changes[i+2], 1))
	}
	return m
}

func read(t testing.TB, fsys fs.FS) authority.Directory {
	t.Helper()
	d, problems := authority.Read(fsys, today)
	if problems.Errors() > 0 {
		t.Fatal(problems)
	}
	return d
}

func at(lat, lon float64) *authority.Point {
	p, _ := authority.At(lat, lon)
	return &p
}

func keys(said []locale.Sentence) (all []string) {
	for _, s := range said {
		all = append(all, s.Key)
	}
	return all
}

// TestSample reads the made-up city: only what is meant to be missing is warned of.
func TestSample(t *testing.T) {
	d, problems := authority.Read(authority.Sample(), today)
	if problems.Errors() > 0 || !d.Info.MadeUp {
		t.Fatalf("made up: %v, problems %v", d.Info.MadeUp, problems)
	}
	want := map[string]bool{
		"authorities.yaml authority.no_channel": true, // the bazaar's office
		"mandates.csv authority.expired":        true, // its mandate for roads
		"mandates.csv authority.gap":            true, // heating
	}
	got := map[string]bool{}
	for _, p := range problems {
		got[p.File+" "+p.What.Key] = true
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestRoute holds each answer and its reasons.
func TestRoute(t *testing.T) {
	r := authority.NewRouter(read(t, authority.Sample()))
	bazaar, south, away := at(45.14, 65.15), at(45.05, 65.15), at(44, 65)
	for _, c := range []struct {
		name              string
		q                 authority.Query
		authority, fall   string
		areas             string
		why, alternatives string
		doubts            string
	}{
		{"the wider category's mandate, the area's own no longer in force", authority.Query{Category: "pothole", At: bazaar, On: today}, "roads", "", "bazaar north ulgi",
			"point within within not_in_force mandate", "city-hall", ""},
		{"the area's own while it was in force", authority.Query{Category: "pothole", At: bazaar, On: "2025-12-31"}, "bazaar-office", "", "bazaar north ulgi",
			"point within within mandate", "roads city-hall", "no_channel"},
		{"the narrower category", authority.Query{Category: "manhole", At: south, On: today}, "water", "", "south ulgi", "point within mandate", "roads city-hall", ""},
		{"chosen from the list", authority.Query{Category: "water", Area: "south", On: today}, "water", "", "south ulgi", "area within mandate", "city-hall", ""},
		{"the smaller area, unconfirmed", authority.Query{Category: "no-answer", At: bazaar, On: today}, "bazaar-office", "", "bazaar north ulgi",
			"point within within mandate", "city-hall", "unconfirmed unchecked no_channel"},
		{"nobody's: falls back", authority.Query{Category: "heating", At: south, On: today}, "", "city-hall", "south ulgi", "point within nobody fallback", "city-hall", ""},
		{"before any mandate", authority.Query{Category: "water", At: south, On: "2023-06-01"}, "", "", "south ulgi", "point within not_in_force nobody", "", ""},
		{"outside", authority.Query{Category: "water", At: away, On: today}, "", "", "", "nowhere nobody", "", ""},
		{"no such area", authority.Query{Category: "water", Area: "west", On: today}, "", "", "", "no_area nobody", "", ""},
		{"no such category", authority.Query{Category: "ufo", At: south, On: today}, "", "", "", "no_category", "", ""},
		{"the sealed lane's", authority.Query{Category: "bribe", At: south, On: today}, "", "", "", "sealed", "", ""},
	} {
		got := r.Route(c.q)
		short := func(said []locale.Sentence) string {
			var all []string
			for _, k := range keys(said) {
				all = append(all, k[strings.LastIndex(k, ".")+1:])
			}
			return strings.Join(all, " ")
		}
		var others []string
		for _, o := range got.Alternatives {
			others = append(others, o.Authority)
		}
		if got.Authority != c.authority || got.Fallback != c.fall || strings.Join(got.Areas, " ") != c.areas || short(got.Why) != c.why ||
			strings.Join(others, " ") != c.alternatives || short(got.Doubts) != c.doubts || got.Sealed != (c.q.Category == "bribe") {
			t.Errorf("%s: to %q (falls back to %q) in %v\n why %s\n others %v\n doubts %s", c.name, got.Authority, got.Fallback, got.Areas, short(got.Why), others, short(got.Doubts))
		}
		if (got.Authority == "") != (got.Mandate == nil) {
			t.Errorf("%s: an authority without a mandate", c.name)
		}
		if diff := cmp.Diff(got, r.Route(c.q), cmpopts.IgnoreUnexported(authority.Mandate{})); diff != "" {
			t.Errorf("%s: the second answer differs: %s", c.name, diff)
		}
	}
}

// TestCalendar: an authority counts by its own calendar, else by its country's.
func TestCalendar(t *testing.T) {
	m := city(t, "authorities.yaml", "parent: city-hall\n    languages: [kk]", "parent: city-hall\n    languages: [kk]\n    calendar: six-days")
	m["calendars/six-days.yaml"] = &fstest.MapFile{Data: []byte("id: six-days\nweekend: [sunday]\nshift: false\nholidays: []\n" +
		"years: [{year: 2027, complete: false, missing: {en: x}}]\nsource: {act: {en: x}}\nconfidence: unconfirmed\n")}
	r := authority.NewRouter(read(t, m))
	if got := r.Calendar("bazaar-office").ID; got != "six-days" {
		t.Errorf("its own calendar is %q", got)
	}
	if got := r.Calendar("roads").ID; got != "kz" {
		t.Errorf("its country's calendar is %q", got)
	}
	if a, err := r.Authority("roads"); err != nil || a.Parent != "city-hall" {
		t.Errorf("Authority = %+v, %v", a, err)
	}
	if _, err := r.Authority("nobody"); !errors.Is(err, fault.NotFound("authority.unknown")) {
		t.Errorf("no such authority: %v", err)
	}
}

// TestCheckSays plants each mistake into the made-up city: it is found, on its line.
func TestCheckSays(t *testing.T) {
	const areas, authorities, categories, mandates, info = "areas.geojson", "authorities.yaml", "categories.yaml", "mandates.csv", "directory.yaml"
	for _, c := range []struct {
		file, old, new, want string
		line                 int
	}{
		{areas, `"FeatureCollection"`, `"Feature"`, "authority.not_collection", 1},
		{areas, `{"type":"FeatureCollection"`, `{"crs":{"name":"EPSG:3857"},"type":"FeatureCollection"`, "authority.crs", 1},
		{areas, `]]]}},`, `]]]}},,`, "authority.json", 2},
		{areas, `"id":"north"`, `"id":"ulgi"`, "datafile.twice", 3},
		{areas, `"id":"north"`, `"id":"North!"`, "datafile.bad_id", 3},
		{areas, `"id":"south","parent":"ulgi"`, `"id":"south","parent":"ulgy"`, "authority.no_parent", 4},
		{areas, `"id":"ulgi",`, `"id":"ulgi","parent":"bazaar",`, "authority.circle", 2},
		{areas, `"id":"bazaar","parent"`, `"id":"bazaar","parnet"`, "authority.properties", 5},
		{areas, `"Polygon","coordinates":[[[65.1`, `"Point","coordinates":[[[65.1`, "authority.not_polygon", 5},
		{areas, `[65.1,45.16],[65.1,45.12]]]`, `[65.1,45.16],[65.1,45.13]]]`, "authority.ring_open", 5},
		{areas, `[65.2,45.12],[65.2,45.16]`, `[65.2,45.17],[65.2,45.12]`, "authority.tangled", 5},               // a bow tie
		{areas, `[65.2,45.16],[65.1,45.16]`, `[65.15,45.12],[65.2,45.16],[65.1,45.16]`, "authority.tangled", 5}, // touches itself
		{areas, `[65.2,45.12],[65.2,45.16],[65.1,45.16],`, `[65.2,45.12],`, "authority.ring_short", 5},
		{areas, `[65.2,45.12],[65.2,45.16],[65.1,45.16],`, `[65.2,45.12],[65.1,45.12],`, "authority.ring_flat", 5},
		{areas, `[65.2,45.12]`, `[265.2,45.12]`, "authority.position", 5},
		{areas, `[65.3,45],[65.3,45.2],[65,45.2]`, `[-179.9,45],[-179.9,45.2],[65,45.2]`, "authority.antimeridian", 2},
		{areas, `[65.1,45.16],[65.1,45.12]]]`, `[65.1,45.16],[65.1,45.12]],[[66,46],[66.1,46],[66.1,46.1],[66,46]]]`, "authority.hole_outside", 5},
		{areas, `[[[65.1,45.12],[65.2,45.12],[65.2,45.16],[65.1,45.16],[65.1,45.12]]]`, `[[[75,45],[75.1,45],[75.1,45.1],[75,45]]]`, "authority.area_elsewhere", 5},
		{areas, `[65.2,45.12]`, `[65.4,45.12]`, "authority.area_outside", 5},
		{areas, `"south","parent":"ulgi","kind":"district","names":{"en":"South District","kk":"Оңтүстік ауданы","ru":"Южный район"}},"geometry":{"type":"Polygon","coordinates":[[[65,45],[65.3,45],[65.3,45.1],[65,45.1]`,
			`"south","parent":"ulgi","kind":"district","names":{"en":"South District","kk":"Оңтүстік ауданы","ru":"Южный район"}},"geometry":{"type":"Polygon","coordinates":[[[65,45],[65.3,45],[65.3,45.15],[65,45.1]`, "authority.areas_overlap", 4},
		{areas, `"en":"South District"`, `"fr":"Sud"`, "authority.unknown_language", 4},
		{areas, `"en":"South District"`, `"en":" "`, "authority.empty_text", 4},
		{areas, `{"en":"South District","kk":"Оңтүстік ауданы","ru":"Южный район"}`, `{}`, "authority.no_name", 4},
		{authorities, "parent: city-hall", "parent: town-hall", "authority.no_parent", 8},
		{authorities, "languages: [kk, ru]", "languages: [de]", "authority.unknown_language", 2},
		{authorities, "languages: [kk, ru]", "languages: []", "authority.no_language", 2},
		{authorities, "languages: [kk]", "languages: [kk]\n    calendar: six-days", "appeal.unknown_calendar", 20},
		{authorities, "kind: account", "kind: fax", "datafile.unknown_word", 2},
		{authorities, "address: roads@city-hall.example", "address: roads", "authority.bad_address", 8},
		{authorities, "https://water.example", "http://water.example", "authority.bad_address", 14},
		{authorities, "jurisdiction: ulgi.example", "photos: sometimes", "datafile.unknown_word", 14},
		{authorities, "address: roads@city-hall.example", "address: roads@city-hall.example, photos: files", "authority.no_photos", 8},
		{categories, "visibility: held", "visibility: secret", "datafile.unknown_word", 36},
		{categories, "proof: photo", "proof: promise", "datafile.unknown_word", 2},
		{categories, "kind: date", "kind: one", "authority.choices", 24},
		{categories, "id: broken", "id: gone", "datafile.bad_id", 11},
		{mandates, "roads,ulgi,roads,2024-01-01", "rods,ulgi,roads,2024-01-01", "authority.unknown", 2},
		{mandates, "water,ulgi,water,2024-01-01", "water,ulgy,water,2024-01-01", "authority.unknown", 5},
		{mandates, "water,ulgi,water,2024-01-01", "water,ulgi,watr,2024-01-01", "authority.unknown", 5},
		{mandates, "water,ulgi,water,2024-01-01,", "water,ulgi,water,1.1.2024,", "appeal.bad_day", 5},
		{mandates, "water,ulgi,water,2024-01-01,", "water,ulgi,water,2024-01-01,2023-01-01", "datafile.backwards", 5},
		{mandates, "water,ulgi,water,2024-01-01,,Made-up contract on wells and sewers", "water,ulgi,water,2024-01-01,,", "appeal.no_source", 5},
		{mandates, "\nwater,ulgi,water", "\nmanhole,ulgi,water", "authority.overlap", 5},
		{mandates, "unconfirmed,,", "unconfirmed,somebody,", "authority.half_checked", 6},
		{mandates, "unconfirmed,,", "perhaps,,", "datafile.unknown_word", 6},
		{info, "country: kz", "country: mn", "appeal.no_law", 0},
		{info, "made_up: true", "madeup: true", "datafile.yaml", 9},
	} {
		_, problems := authority.Read(city(t, c.file, c.old, c.new), today)
		if !slices.ContainsFunc(problems, func(p datafile.Problem) bool { return p.File == c.file && p.What.Key == c.want && p.Line == c.line }) {
			t.Errorf("%s: %q: %v\n want %s on line %d", c.file, c.new, problems, c.want, c.line)
		}
	}
	for _, file := range []string{areas, authorities, categories, mandates, info} {
		m := city(t)
		delete(m, file)
		if _, problems := authority.Read(m, today); problems.Errors() == 0 || problems.Err() == nil {
			t.Errorf("without %s nothing is wrong", file)
		}
	}
	// Calendars that end are said: in 2027 the next year is not known.
	if _, problems := authority.Read(authority.Sample(), "2027-12-01"); !slices.ContainsFunc(problems, func(p datafile.Problem) bool { return p.What.Key == "authority.calendar_ends" }) {
		t.Errorf("the calendar's end is not said: %v", problems)
	}
}

// squares gives a folder whose areas are n × n squares that share borders, with
// a hole in the first, below one area with the same outline.
func squares(t testing.TB, n int) fstest.MapFS {
	var b strings.Builder
	square := func(lat, lon, size float64) string {
		return fmt.Sprintf("[[%v,%v],[%v,%v],[%v,%v],[%v,%v],[%v,%v]]", lon, lat, lon+size, lat, lon+size, lat+size, lon, lat+size, lon, lat)
	}
	fmt.Fprintf(&b, `{"type":"FeatureCollection","features":[{"type":"Feature","properties":{"id":"ulgi","names":{"en":"x"}},"geometry":{"type":"Polygon","coordinates":[%s]}}`,
		square(40, 60, float64(n)))
	for i := range n {
		for j := range n {
			rings := square(40+float64(i), 60+float64(j), 1)
			if i+j == 0 {
				rings += "," + square(40.25, 60.25, 0.5)
			}
			fmt.Fprintf(&b, `,{"type":"Feature","properties":{"id":"a%d-%d","parent":"ulgi","names":{"en":"x"}},"geometry":{"type":"MultiPolygon","coordinates":[[%s]]}}`, i, j, rings)
		}
	}
	m := city(t)
	m["areas.geojson"].Data = []byte(b.String() + "]}")
	m["mandates.csv"].Data = []byte("category,area,authority,from,to,act,article,address,confidence,checked_by,checked_on\n")
	return m
}

// TestPointsOnBorders: neighbours share a border; every point, also one on a
// line or a corner, lies in exactly one of them; a hole is outside, its own
// border as exactly as any.
func TestPointsOnBorders(t *testing.T) {
	r := authority.NewRouter(read(t, squares(t, 4)))
	for _, c := range []struct {
		lat, lon float64
		want     string
	}{
		{40.1, 60.1, "a0-0"}, {40.5, 60.5, "ulgi"}, {40.25, 60.3, "ulgi"}, {40.75, 60.3, "a0-0"}, {41, 61, "a1-1"}, {41, 60.5, "a1-0"}, {40.9, 61, "a0-1"},
		{40, 60, "a0-0"}, {44, 62, ""}, {42, 64, ""}, {39.999999, 60, ""}, {43.999999, 63.999999, "a3-3"},
	} {
		got := r.Locate(*at(c.lat, c.lon))
		if c.want == "" && len(got) == 0 {
			continue
		}
		if len(got) != 1 || got[0].ID != c.want {
			t.Errorf("%v, %v lies in %d areas %v, want %q alone", c.lat, c.lon, len(got), got, c.want)
		}
	}
}

// TestPartition cuts a square by random lines into two areas: each point lies in
// exactly one of them, however the line runs through it.
func TestPartition(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 200 {
		line := make([]string, 0, 8) // from south to north
		var corners [][2]int
		for lat := 0; lat <= 6; lat++ {
			corners = append(corners, [2]int{1 + r.IntN(5), lat})
			line = append(line, fmt.Sprintf("[%d,%d]", corners[lat][0], lat))
		}
		back := slices.Clone(line)
		slices.Reverse(back)
		m := city(t)
		m["areas.geojson"].Data = []byte(`{"type":"FeatureCollection","features":[{"type":"Feature","properties":{"id":"ulgi","names":{"en":"x"}},"geometry":null},` +
			`{"type":"Feature","properties":{"id":"west","parent":"ulgi","names":{"en":"x"}},"geometry":{"type":"Polygon","coordinates":[[[0,0],` + strings.Join(line, ",") + `,[0,6],[0,0]]]}},` +
			`{"type":"Feature","properties":{"id":"east","parent":"ulgi","names":{"en":"x"}},"geometry":{"type":"Polygon","coordinates":[[` + strings.Join(back, ",") + `,[6,0],[6,6],` + back[0] + `]]}}]}`)
		m["mandates.csv"].Data = []byte("category,area,authority,from,to,act,article,address,confidence,checked_by,checked_on\n")
		router := authority.NewRouter(read(t, m))
		for range 50 {
			p := at(float64(r.IntN(6000))/1000, 0.001+float64(r.IntN(5999))/1000)
			if r.IntN(2) == 0 {
				i := r.IntN(6) // a corner of the line, never its northern end
				p = at(float64(corners[i][1]), float64(corners[i][0]))
			}
			if got := router.Locate(*p); len(got) != 1 {
				t.Fatalf("%v lies in %d areas of the line %v", *p, len(got), line)
			}
		}
	}
}

// TestRoundTrip writes what was read and reads it back: the same directory, the same bytes.
func TestRoundTrip(t *testing.T) {
	for name, fsys := range map[string]fs.FS{"sample": authority.Sample(), "squares": squares(t, 5)} {
		d := read(t, fsys)
		files, err := d.Write()
		if err != nil {
			t.Fatal(err)
		}
		m := fstest.MapFS{}
		for name, text := range files {
			m[name] = &fstest.MapFile{Data: text}
		}
		again := read(t, m)
		ignore := cmpopts.IgnoreUnexported(authority.Area{}, authority.Authority{}, authority.Category{}, authority.Mandate{})
		if diff := cmp.Diff(d, again, ignore); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		if twice, err := again.Write(); err != nil || !cmp.Equal(files, twice) {
			t.Errorf("%s: the second writing differs, %v", name, err)
		}
	}
}

// FuzzAreas: whatever is read can be asked about any point and reads back the same.
func FuzzAreas(f *testing.F) {
	for _, fsys := range []fs.FS{authority.Sample(), squares(f, 2)} {
		text, err := fs.ReadFile(fsys, "areas.geojson")
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text, 45.1, 65.1)
	}
	f.Fuzz(func(t *testing.T, text []byte, lat, lon float64) {
		var problems datafile.Problems
		areas := authority.ReadAreas("areas.geojson", text, &problems)
		if problems.Errors() > 0 {
			return
		}
		d := authority.Directory{Areas: areas}
		r := authority.NewRouter(d)
		if p, ok := authority.At(lat, lon); ok {
			r.Locate(p)
		}
		files, err := d.Write()
		if err != nil {
			t.Fatal(err)
		}
		again := authority.ReadAreas("areas.geojson", files["areas.geojson"], &problems)
		if diff := cmp.Diff(areas, again, cmpopts.IgnoreUnexported(authority.Area{}), cmpopts.EquateEmpty()); diff != "" || problems.Errors() > 0 {
			t.Errorf("%v %s", problems, diff)
		}
	})
}

// FuzzDirectory: no text in any file makes reading, checking or routing fail
// but by a problem that is said; what passes writes and reads back.
func FuzzDirectory(f *testing.F) {
	names := []string{"directory.yaml", "authorities.yaml", "categories.yaml", "mandates.csv"}
	for i, name := range names {
		text, err := fs.ReadFile(authority.Sample(), name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(uint8(i), text)
	}
	f.Fuzz(func(t *testing.T, which uint8, text []byte) {
		m := city(t)
		m[names[int(which)%len(names)]].Data = text
		d, problems := authority.Read(m, today)
		if problems.Errors() > 0 {
			return
		}
		r := authority.NewRouter(d)
		for _, k := range d.Categories {
			r.Route(authority.Query{Category: k.ID, At: at(45.14, 65.15), On: today})
		}
		files, err := d.Write()
		if err != nil {
			t.Fatal(err)
		}
		back := fstest.MapFS{}
		for name, text := range files {
			back[name] = &fstest.MapFile{Data: text}
		}
		again, problems := authority.Read(back, today)
		twice, err := again.Write()
		if problems.Errors() > 0 || err != nil || !cmp.Equal(files, twice) {
			t.Errorf("does not read back: %v, %v", problems, err)
		}
	})
}

func BenchmarkLocate(b *testing.B) {
	r := authority.NewRouter(read(b, squares(b, 20)))
	b.ResetTimer()
	for i := range b.N {
		r.Locate(*at(40+float64(i%20)+0.5, 60+float64(i/20%20)+0.5))
	}
}
