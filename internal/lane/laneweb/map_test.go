package laneweb

import (
	"encoding/xml"
	"fmt"
	"html"
	"io"
	"math"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"kua/internal/authority"
	"kua/internal/lane"
)

// TestWhere: the point is told as coordinates, as a Plus Code, as a short one near
// the chosen area, or on the picture of the map; what is none is said.
func TestWhere(t *testing.T) {
	r := newRoom(t, lane.Config{Dir: t.TempDir()}, 0).withCity()
	for typed, want := range map[string]string{
		"45.05, 65.15": "45.05,65.15", "45.05 65.15": "45.05,65.15", "8JQ73522+22": "45.050062,65.150062", "8jq73522+22 Үлгі": "45.050062,65.150062",
		"3522+22": "45.050062,65.150062",
	} {
		r.want(http.MethodPost, "/en/open/review/manhole", draft("point", typed), 200, want)
	}
	for _, typed := range []string{"here", "3522", "8JQ73522+2", "91, 65"} {
		r.want(http.MethodPost, "/en/open/review/manhole", draft("point", typed), 422, "neither coordinates nor a Plus Code", `value="`+html.EscapeString(typed)[:4])
	}
	f := draft("view", "open")
	body := r.want(http.MethodPost, "/en/open/tell/manhole", f, 200, `type="image"`, "q.cover", `value="gone" checked`)
	f.Set("view", regexp.MustCompile(`name="view" value="([^"]+)"`).FindStringSubmatch(body)[1])
	f.Set("pick.x", "0")
	f.Set("pick.y", "0")
	r.want(http.MethodPost, "/en/open/tell/manhole", f, 200, `name="point" type="text" maxlength="60" value=""`) // chosen with a key
	f.Set("pick.x", "160")
	f.Set("pick.y", "160")
	r.want(http.MethodPost, "/en/open/tell/manhole", f, 200, `value="45.05,65.15"`) // the middle of South District
	f.Del("pick.x")
	f.Set("move", "in")
	before, _ := readView(f.Get("view"))
	r.want(http.MethodPost, "/en/open/tell/manhole", f, 200, fmt.Sprintf(`name="view" value="%s"`, before.move("in")))
	f.Set("view", "nonsense")
	r.want(http.MethodPost, "/en/open/tell/manhole", f, 200, `type="image"`)
}

var markCircle = regexp.MustCompile(`<circle class="(\w+)"`)

// TestMap: the map shows reports with the list's filters, those that lie together
// as one mark that leads closer, and lists all that it shows; where there are more
// than it shows it says so.
func TestMap(t *testing.T) {
	onBoth(t, func(t *testing.T, r *room) {
		for i := range 3 {
			r.tell("manhole", draft("area", "", "point", fmt.Sprintf("45.05,65.15%d", i)))
		}
		lone := r.tell("pothole", draft("area", "", "point", "45.15,65.15", "q.cover", ""))
		r.tell("heating", draft("area", "", "point", "45.024,65.26", "q.cover", ""))    // coarse
		r.tell("no-answer", draft("area", "", "point", "45.024,65.06", "q.cover", ""))  // held
		r.tell("manhole", draft("words", "An open manhole that has no point, made up")) // in no box
		body := r.want(http.MethodGet, "/en/open/map", nil, 200, "Reports on this piece of the map: 5.", "3 reports here: closer", "/open/case/"+lone+`"`)
		var classes []string
		for _, m := range markCircle.FindAllStringSubmatch(body, -1) {
			classes = append(classes, m[1])
		}
		if got := strings.Join(classes, " "); got != "rough open many" {
			t.Errorf("the marks are %q", got)
		}
		if strings.Contains(body, "no point, made up") {
			t.Error("a report without a point is on the map")
		}
		body = r.want(http.MethodGet, "/en/open/map?what=pothole", nil, 200, "map: 1.", `what=pothole`)
		for _, m := range regexp.MustCompile(`href="(/en/open/map[^"]*)" aria-label`).FindAllStringSubmatch(body, -1) {
			r.want(http.MethodGet, strings.ReplaceAll(m[1], "&amp;", "&"), nil, 200)
			if !strings.Contains(m[1], "what=pothole") {
				t.Errorf("%s forgets the filter", m[1])
			}
		}
		r.want(http.MethodGet, "/en/open/map?view=45.15,65.15,13", nil, 200, "map: 1.")
		r.want(http.MethodGet, "/en/open/map?view=nonsense", nil, 200, "map: 5.")
		r.want(http.MethodGet, "/en/open/area/south", nil, 200, "South District", "Ulgi Water", "3 reports here: closer", "Nobody is named for:")
		if body := r.want(http.MethodGet, "/en/open/area/north", nil, 200, "Old Bazaar", "/open/case/"+lone+`"`); strings.Contains(body, "reports here") {
			t.Error("the page of an area shows another's reports")
		}
		r.want(http.MethodGet, "/en/open/area/nowhere", nil, 404)
		second := r.tell("pothole", draft("area", "", "point", "45.15,65.15", "q.cover", ""))
		r.want(http.MethodGet, "/en/open/map", nil, 200, "2 reports at one place", "/open/case/"+lone+`"`, "/open/case/"+second+`"`) // they come apart no more
	})
}

// TestMapCapped: more reports than the map is made of are said to be more.
func TestMapCapped(t *testing.T) {
	r := newRoom(t, lane.Config{Dir: t.TempDir()}, 9999).withCity()
	for i := range onMapMost + 1 {
		_, err := r.lane.Submit(t.Context(), lane.Draft{Code: lane.NewCode(), Category: "pothole", Language: "ru", Words: "Яма, выдумано " + fmt.Sprint(i),
			At: &authority.Point{Lat: 45_000_001 + authority.Micro(i*390), Lon: 65_000_001 + authority.Micro(i%50*5900)}})
		check(t, err)
	}
	body := r.want(http.MethodGet, "/kk/open/map", nil, 200, fmt.Sprintf("соңғы %d көрсетілген; тағы бар", onMapMost))
	if n := packed(t, body); n > 8_000 {
		t.Errorf("the fullest map has %d bytes compressed", n)
	}
}

// TestGround draws the areas, and only numbers within the picture.
func TestGround(t *testing.T) {
	r := newRoom(t, lane.Config{Dir: t.TempDir()}, 0).withCity()
	for _, query := range []string{"", "?view=45.1,65.15,8&mark=45.05,65.15", "?view=45.1,65.15,15", "?view=90,180,0", "?view=-90,-180,15", "?view=x"} {
		resp, body := r.get("/ru/open/ground.svg" + query)
		if resp.StatusCode != 200 || !strings.HasPrefix(resp.Header.Get("Content-Type"), "image/svg+xml") {
			t.Fatalf("%s: %d, %v", query, resp.StatusCode, resp.Header)
		}
		d := xml.NewDecoder(strings.NewReader(body))
		for {
			if _, err := d.Token(); err == io.EOF {
				break
			} else if err != nil {
				t.Fatalf("%s is no XML: %v\n%s", query, err, body)
			}
		}
	}
	_, body := r.get("/ru/open/ground.svg?view=45.1,65.15,7&mark=45.05,65.15")
	if n := strings.Count(body, "<path"); n != 4+1+2 || !strings.Contains(body, "Южный район") {
		t.Errorf("four areas, a scale and a cross have %d paths:\n%s", n, body)
	}
}

// FuzzView: whatever an address says gives a view on the earth or none, a point on
// it is found again on its picture, and drawing it stays within its borders.
func FuzzView(f *testing.F) {
	f.Add("45.05,65.15,9", "in", 3.0, 200.0)
	f.Add("90,180,0", "north", 0.0, 0.0)
	f.Add("-90,-180,15", "east", 320.0, 320.0)
	shape := authority.Shape{{{{Lat: 45_000_000, Lon: 65_000_000}, {Lat: 45_000_000, Lon: 65_300_000}, {Lat: 45_200_000, Lon: 65_150_000}}}}
	f.Fuzz(func(t *testing.T, s, move string, x, y float64) {
		v, ok := readView(s)
		if !ok {
			return
		}
		if again, ok := readView(v.String()); !ok || again != v {
			t.Fatalf("%q is %v, and that is %v", s, v, again)
		}
		v = v.move(move)
		b := v.box()
		if b.SouthWest.Lat < -90e6 || b.NorthEast.Lat > 90e6 || b.SouthWest.Lon < -180e6 || b.NorthEast.Lon > 180e6 || b.SouthWest.Lat > b.NorthEast.Lat || b.SouthWest.Lon > b.NorthEast.Lon {
			t.Fatalf("%v shows %v", v, b)
		}
		if p, ok := v.at(x, y, mapSide); ok {
			if px, py := v.on(p, mapSide); math.Abs(px-x) > 1 || math.Abs(py-y) > 1 {
				t.Fatalf("%v: %v,%v is %v, and that is %v,%v", v, x, y, p, px, py)
			}
		}
		for _, n := range regexp.MustCompile(`-?\d+`).FindAllString(outline(v, shape), -1) {
			var i int
			if _, err := fmt.Sscan(n, &i); err != nil || i < -drawn || i > mapSide+drawn {
				t.Fatalf("%v draws at %s", v, n)
			}
		}
	})
}
