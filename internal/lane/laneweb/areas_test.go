package laneweb

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net/url"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"kua/internal/authority"
	"kua/internal/lane"
	"kua/internal/locale"
	"kua/internal/sqldb"
)

// TestAreasOffered: of a city's areas a filter offers all, of a country's those that lead on; a
// list of the whole country is one of all.
func TestAreasOffered(t *testing.T) {
	d := authority.Directory{Areas: []authority.Area{{ID: "land"}}}
	for region := range 10 {
		at := fmt.Sprint("r", region)
		d.Areas = append(d.Areas, authority.Area{ID: at, Parent: "land"})
		for village := range 30 {
			d.Areas = append(d.Areas, authority.Area{ID: fmt.Sprint(at, "v", village), Parent: at})
		}
	}
	of := func(d authority.Directory, chosen string) (ids []string) {
		for _, n := range leading(d, locale.English, chosen) {
			ids = append(ids, n.ID)
			if n.Chosen != (n.ID == chosen) {
				t.Errorf("%s is chosen: %v", n.ID, n.Chosen)
			}
		}
		return ids
	}
	regions := []string{"land", "r0", "r1", "r2", "r3", "r4", "r5", "r6", "r7", "r8", "r9"}
	for chosen, want := range map[string]int{"": 11, "land": 11, "gone": 11, "r3": 41, "r3v7": 41} {
		got := of(d, chosen)
		if len(got) != want {
			t.Errorf("%q: %d areas are offered, want %d: %v", chosen, len(got), want, got)
		}
	}
	if diff := cmp.Diff(regions, of(d, "")); diff != "" {
		t.Error(diff)
	}
	if all := within(d, "land"); all != nil {
		t.Errorf("the whole land is asked for by %d areas", len(all))
	}
	if all := within(d, "r3"); len(all) != 31 {
		t.Errorf("a region has %d areas, want 31", len(all))
	}
	flat := authority.Directory{Areas: []authority.Area{{ID: "land"}, {ID: "r", Parent: "land"}}}
	for village := range 3 * allAreas {
		flat.Areas = append(flat.Areas, authority.Area{ID: fmt.Sprint("v", village), Parent: "r"})
	}
	if got := of(flat, "v250"); len(got) != allAreas || got[0] != "land" || got[1] != "r" {
		t.Errorf("of a flat region %d areas are offered, from %v", len(got), got[:2])
	}
	few := authority.Directory{Areas: d.Areas[:allAreas]}
	if n := len(of(few, "")); n != allAreas {
		t.Errorf("of a city %d areas are offered, want %d", n, allAreas)
	}
}

// country is the made-up city with as many regions, districts and villages as a country has.
func country(t *testing.T) fs.FS {
	t.Helper()
	folder := fstest.MapFS{}
	check(t, fs.WalkDir(authority.Sample(), ".", func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		text, err := fs.ReadFile(authority.Sample(), name)
		folder[name] = &fstest.MapFile{Data: text}
		return err
	}))
	var all struct {
		Type     string           `json:"type"`
		Features []map[string]any `json:"features"`
	}
	check(t, json.Unmarshal(folder["areas.geojson"].Data, &all))
	r := rand.New(rand.NewPCG(5, 7))
	first := strings.Fields("Ақ Қара Сары Көк Жаңа Ескі Үлкен Кіші Бес Қос Той Ала Боз Қызыл Жасыл Тас Темір Алтын Күміс Қой")
	last := strings.Fields("жол бұлақ су тау көл төбе сай қала арық дала өзен құдық жар тоғай шоқы құм бел бастау ауыл тал")
	add := func(id, parent, kind, name string) {
		all.Features = append(all.Features, map[string]any{"type": "Feature", "geometry": nil,
			"properties": map[string]any{"id": id, "parent": parent, "kind": kind, "names": map[string]string{"kk": name, "ru": name, "en": name}}})
	}
	name := func() string { return first[r.IntN(len(first))] + last[r.IntN(len(last))] }
	for region := range 17 {
		in := fmt.Sprintf("%02d%07d", region, r.IntN(10_000_000))
		add(in, "ulgi", "region", fmt.Sprintf("%s облысы %d", name(), region))
		for district := range 12 {
			at := fmt.Sprintf("%s-%02d", in, district)
			add(at, in, "district", name()+" ауданы")
			for village := range 14 {
				add(fmt.Sprintf("%s-%02d", at, village), at, "village", name())
			}
		}
	}
	add("only", "north", "quarter", "Журавлиный")
	var err error
	folder["areas.geojson"].Data, err = json.Marshal(all)
	check(t, err)
	return folder
}

// TestAreasOfACountry: in a directory of three thousand areas an area is come to step by step or by words
// of its name, with all that was typed and without a script; each page is within its 8 kB, in every language.
func TestAreasOfACountry(t *testing.T) {
	r := newRoom(t, lane.Config{Dir: t.TempDir()}, 0)
	r.web.mails = true
	_, _, problems, err := r.lane.Import(t.Context(), country(t))
	if err != nil {
		t.Fatal(err, problems)
	}
	_, router, err := r.lane.Current(t.Context())
	check(t, err)
	d := router.Directory()
	region := d.Areas[len(d.Areas)-2].Parent
	district := region
	region, _, _ = strings.Cut(region, "-")
	village := d.Areas[len(d.Areas)-2]
	fits := func(path, body string) {
		t.Helper()
		if n := packed(t, body); n > 8_000 {
			t.Errorf("%s has %d bytes compressed, the budget is 8000", path, n)
		}
	}
	typed := draft("area", "", "landmark", "У моста")
	with := func(changes ...string) url.Values {
		f := url.Values{}
		for name, values := range typed {
			f[name] = values
		}
		for i := 0; i < len(changes); i += 2 {
			f.Set(changes[i], changes[i+1])
		}
		return f
	}
	kept := []string{"Открытый люк у школы, выдумано", `value="У моста"`, typed.Get("code"), `value="gone" checked`}
	for _, lang := range locale.Tags() {
		at := "/" + lang.Path() + "/open"
		for _, path := range []string{"/tell/manhole", "/alerts", "/", "/map", "/tell/manhole?area=" + district, "/alerts?area=" + district, "/?area=" + district} {
			fits(at+path, r.want("GET", at+path, nil, 200, `name="find"`))
		}
		// Step by step, and by a part of a name that many have.
		fits("a region", r.want("POST", at+"/tell/manhole", with("area", region, "closer", "in"), 200, append(kept, `value="`+region+`" selected`, `value="`+district+`">`)...))
		fits("a district", r.want("POST", at+"/tell/manhole", with("area", district, "closer", "in", "find", "жол"), 200, append(kept, `value="`+village.ID+`">`)...))
		fits("found", r.want("POST", at+"/tell/manhole", with("find", "жол", "closer", "find"), 200, append(kept, `value="жол"`)...))
	}
	// Who typed a name and chose nothing means the only one that has it; it goes along from there.
	body := r.want("POST", "/en/open/review/manhole", with("find", "журавлин"), 200, `name="area" value="only"`, "Журавлиный")
	if strings.Contains(body, `name="find"`) {
		t.Error("the words go along with the area that they found")
	}
	r.want("POST", "/en/open/review/manhole", with("find", "ауданы"), 422, append(kept, "Choose one in the list")...)
	r.want("POST", "/en/open/review/manhole", with("find", "Париж"), 422, append(kept, "No area has this in its name: Париж")...)
	r.want("POST", "/en/open/review/manhole", with("find", "Париж", "point", "45.05, 65.15"), 200, "45.05")
	name, around := village.Names.In(locale.Kazakh), router
	in, err := around.Area(village.Parent)
	check(t, err)
	r.want("POST", "/en/open/tell/manhole", with("find", name+" "+strings.Fields(in.Names.In(locale.Kazakh))[0]+" облысы", "closer", "find"), 200, `value="`+village.ID+`"`, name+" · "+in.Names.In(locale.Kazakh)+" · ")
	r.want("POST", "/en/open/review/manhole", with("find", "жол", "area", region), 422) // what was chosen before is none of those
	sent := r.tell("manhole", with("find", "Журавлиный"))
	r.want("GET", "/en/open/case/"+sent, nil, 200, "Журавлиный")
	r.want("GET", "/en/open/?find="+url.QueryEscape("Журавлиный"), nil, 200, "/case/"+sent, `value="only" selected`)
	// From an area's page the form knows where.
	r.want("GET", "/en/open/area/only", nil, 200, "/en/open/tell?area=only")
	r.want("GET", "/en/open/tell?area=only&q=man", nil, 200, "/en/open/tell/manhole?area=only", `name="area" value="only"`)
	r.want("GET", "/en/open/tell/manhole?area=only", nil, 200, `value="only" selected`)
	// An alert is asked for the same way; looking for an area writes to nobody.
	wish := func(changes ...string) url.Values {
		f := url.Values{"address": {"reader@mail.example"}}
		for i := 0; i < len(changes); i += 2 {
			f.Set(changes[i], changes[i+1])
		}
		return f
	}
	r.want("POST", "/en/open/alerts", wish("area", region, "closer", "in"), 200, `value="reader@mail.example"`, `value="`+district+`">`, "/en/open/feed?area="+region)
	r.want("POST", "/en/open/alerts", wish("find", "ауданы"), 422, `value="reader@mail.example"`, "Choose one in the list")
	if n := r.asked(); n != 0 {
		t.Fatalf("%d letters are due", n)
	}
	r.want("POST", "/en/open/alerts", wish("find", "журавлин"), 200, "is on its way")
	if n := r.asked(); n != 1 {
		t.Errorf("%d letters are due, want one", n)
	}
}

// asked counts the alerts that are to be asked for or told.
func (r *room) asked() (n int) {
	r.t.Helper()
	db, err := sqldb.Open(r.t.Context(), r.db)
	check(r.t, err)
	defer db.Close()
	check(r.t, db.QueryRowContext(r.t.Context(), `SELECT count(*) FROM alert`).Scan(&n))
	return n
}
