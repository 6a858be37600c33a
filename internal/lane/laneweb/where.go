package laneweb

import (
	"net/http"
	"net/url"
	"strconv"

	"kua/internal/authority"
	"kua/internal/page"
	"kua/internal/pluscode"
)

// The fields of the form's map: what it shows, where it was tapped (the browser
// adds .x and .y), and a button that moves it.
const (
	viewField = "view"
	pickField = "pick"
	moveField = "move"
	openView  = "open" // of a map that is not open yet
)

// wherePolicy lets the form's page ask the telephone where it is, once somebody
// taps the button for it.
var wherePolicy = page.Policy{Forms: true, Scripts: true, Location: true}

// readWhere reads a point as it is typed: coordinates, or a Plus Code; a short one
// is the nearest to the chosen area.
func readWhere(typed string, d authority.Directory, area string) (authority.Point, bool) {
	if p, ok := readPoint(typed); ok {
		return p, true
	}
	return pluscode.Point(typed, middle(d, area))
}

// picker is the map in the form: a picture that posts where it was tapped, and
// buttons around it. It needs no script.
type picker struct {
	View, Src string
	Side      int
	Moves     []shift
}

// shift is a way to move a map.
type shift struct{ Move, Name, Href string }

// signs of the ways; what they mean is their name.
var signs = map[string]string{"north": "↑", "south": "↓", "west": "←", "east": "→", "in": "+", "out": "−"}

// Sign is what stands on the button.
func (s shift) Sign() string { return signs[s.Move] }

// onMap does what was tapped on the form's map and gives the map again; nil while
// it is not open.
func (w *Web) onMap(v *visit, b base) *picker {
	asked := v.form.Get(viewField)
	if asked == "" {
		return nil
	}
	typed, d := v.form.Get(pointField), v.router.Directory()
	at, ok := readView(asked)
	if !ok {
		at = w.firstView(v, v.form.Get(areaField))
		if p, there := readWhere(typed, d, v.form.Get(areaField)); there {
			at = view{p, max(at.Zoom, 11)}.kept()
		}
	}
	if p, there := picked(v.form, at); there {
		v.form.Set(pointField, p.String())
	}
	at = at.move(v.form.Get(moveField))
	q := url.Values{viewField: {at.String()}}
	if p, there := readWhere(v.form.Get(pointField), d, v.form.Get(areaField)); there {
		q.Set("mark", p.String())
	}
	out := &picker{View: at.String(), Src: b.At("/ground.svg?" + q.Encode()), Side: mapSide}
	for _, m := range moves {
		out.Moves = append(out.Moves, shift{Move: m, Name: b.T("laneweb.map." + m)})
	}
	return out
}

// picked gives the point that was tapped. A browser says 0, 0 when the picture was
// not tapped but chosen with a key, which means no place.
func picked(form url.Values, at view) (authority.Point, bool) {
	x, err1 := strconv.Atoi(form.Get(pickField + ".x"))
	y, err2 := strconv.Atoi(form.Get(pickField + ".y"))
	if err1 != nil || err2 != nil || x == 0 && y == 0 {
		return authority.Point{}, false
	}
	return at.at(float64(x), float64(y), mapSide)
}

// draftPolicy is that of the pages between the form and the code: their script keeps
// a draft on the reader's own device when it is asked to.
var draftPolicy = page.Policy{Forms: true, Scripts: true}

// showUnder shows a page whose script needs a policy of its own, with a status; 0: it is
// what was asked for.
func (w *Web) showUnder(v *visit, p page.Policy, name string, b page.Base, data any, status int) {
	page.Headers(p, http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
		if status != 0 {
			writeStatus(rw, status)
		}
		w.set.Show(rw, name, b, data)
	})).ServeHTTP(v.rw, v.Request)
}

// writeStatus begins a page that says why something was not taken.
func writeStatus(rw http.ResponseWriter, status int) {
	rw.Header().Set("Content-Type", "text/html; charset=utf-8")
	if status == http.StatusServiceUnavailable && rw.Header().Get("Retry-After") == "" {
		rw.Header().Set("Retry-After", strconv.Itoa(later))
	}
	rw.WriteHeader(status)
}

// statusOf is the status of a page that says why something was not taken.
func statusOf(trouble error) int {
	if trouble == nil {
		return 0
	}
	return page.Status(trouble)
}
