package deskweb

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"kua/internal/fault"
	"kua/internal/trace"
)

// Bounds of one page: a film may hold a hundred thousand positions.
const (
	tracesFacts  = 500 // of one kind
	tracesFixes  = 100 // rows of the table
	planPoints   = 2_000
	planW, planH = 600, 400
	planEdge     = 30
)

type tracesView struct {
	frame
	ID       int64
	Kind     string
	Waiting  bool // nobody has read it yet
	Why, How string
	Nothing  bool
	Groups   []traceGroup
	Times    bool // some time names no zone
	Previews []trace.Preview
	Differs  bool
	Gaps     []traceGap
	Plan     *tracePlan
	Fixes    []traceFix
	From, To int // which rows of the track are shown
	Track    int
	Earlier  string
	Later    string
}

type traceGroup struct {
	Name, What string
	Facts      []traceRow
	Left       int // more than are shown
}

type traceRow struct {
	trace.Fact
	ZoneText string
	Local    bool
	Bytes    string // in hex, where there is no text
}

type traceGap struct {
	trace.Gap
	Text string
}

type traceFix struct {
	When, Time, Place, Altitude, Speed string
}

// tracesPage shows what an original tells about whoever made it.
func tracesPage(v *visit) error {
	id := v.number("id")
	o, err := v.desk.OriginalInfo(v.r.Context(), id)
	if err != nil {
		return err
	}
	view := tracesView{frame: v.frame("cases", v.t("deskweb.traces.title", id)), ID: id}
	view.Kind = view.originalRow(o).KindText
	t, err := v.desk.Traces(v.r.Context(), id)
	if f, ok := fault.Of(err); ok && f.Key == "desk.not_traced" {
		view.Waiting = true
		return v.show("traces", view)
	}
	if err != nil {
		return err
	}
	if t.Fault != nil {
		view.Why, view.How = view.Fault(t.Fault)
		return v.show("traces", view)
	}
	from, _ := strconv.Atoi(v.r.URL.Query().Get("from"))
	view.fill(t.Sheet, from)
	return v.show("traces", view)
}

// fill puts a sheet into the page, with the rows of the track from one on.
func (view *tracesView) fill(s trace.Sheet, from int) {
	view.Nothing = !s.Tells()
	for _, kind := range trace.Kinds {
		if g := view.group(s, kind); len(g.Facts) > 0 {
			view.Groups = append(view.Groups, g)
		}
	}
	view.Previews = s.Previews
	for _, p := range s.Previews {
		view.Differs = view.Differs || p.Differs
	}
	for _, g := range s.Gaps {
		view.Gaps = append(view.Gaps, traceGap{g, view.T(g.Why)})
	}
	view.Track = len(s.Track)
	if view.Track == 0 {
		return
	}
	view.Plan = planOf(s.Track)
	from = min(max(from, 0), view.Track-1)
	to := min(from+tracesFixes, view.Track)
	view.From, view.To = from+1, to
	for _, f := range s.Track[from:to] {
		view.Fixes = append(view.Fixes, fixRow(f))
	}
	here := fmt.Sprintf("/originals/%d/traces?from=", view.ID)
	if from > 0 {
		view.Earlier = view.Href(here + strconv.Itoa(max(from-tracesFixes, 0)))
	}
	if to < view.Track {
		view.Later = view.Href(here + strconv.Itoa(to))
	}
}

func (view *tracesView) group(s trace.Sheet, kind trace.Kind) traceGroup {
	g := traceGroup{Name: view.T("trace.kind." + string(kind)), What: view.T("deskweb.traces.what." + string(kind))}
	for _, f := range s.Facts {
		if f.Kind != kind {
			continue
		}
		if len(g.Facts) >= tracesFacts {
			g.Left++
			continue
		}
		row := traceRow{Fact: f, Local: f.Zone == "local"}
		if f.Zone != "" {
			row.ZoneText = view.T("trace.zone." + f.Zone)
		}
		if f.Value == "" {
			row.Bytes = fmt.Sprintf("% .24x", f.Raw[:min(len(f.Raw), 24)])
		}
		view.Times = view.Times || row.Local
		g.Facts = append(g.Facts, row)
	}
	return g
}

func fixRow(f trace.Fix) traceFix {
	row := traceFix{Time: f.Time, Place: fmt.Sprintf("%.6f, %.6f", f.Latitude, f.Longitude)}
	if f.At >= 0 {
		s := float64(f.At) / 1000
		row.When = fmt.Sprintf("%d:%04.1f", int(s)/60, math.Mod(s, 60))
	}
	if f.Altitude != 0 {
		row.Altitude = fmt.Sprintf("%.0f", f.Altitude)
	}
	if f.Speed != 0 {
		row.Speed = fmt.Sprintf("%.1f", f.Speed*3.6)
	}
	return row
}

// tracePlan is the track as a drawing: north is up, one scale both ways.
type tracePlan struct {
	Box            string // the drawing's view box
	Points         string
	X1, Y1, X2, Y2 string // the first and the last position
	Scale          string // the bar's length in words: "200 m"
	BarX, BarY     string
	BarEnd         string
	One            bool // all positions are one
}

// metresPerDegree of latitude, on a sphere.
const metresPerDegree = 111_195.0

// planOf draws a track. It is small enough for the earth to be flat; degrees of
// longitude shrink with the cosine of the latitude.
func planOf(track []trace.Fix) *tracePlan {
	low, high := track[0], track[0]
	for _, f := range track {
		low.Latitude, high.Latitude = min(low.Latitude, f.Latitude), max(high.Latitude, f.Latitude)
		low.Longitude, high.Longitude = min(low.Longitude, f.Longitude), max(high.Longitude, f.Longitude)
	}
	shrink := max(math.Cos((low.Latitude+high.Latitude)/2*math.Pi/180), 0.01)
	wide := (high.Longitude - low.Longitude) * shrink * metresPerDegree
	tall := (high.Latitude - low.Latitude) * metresPerDegree
	metres := max(wide, tall*(planW-2*planEdge)/(planH-2*planEdge), 1) // across the whole width
	perMetre := (planW - 2*planEdge) / metres
	at := func(f trace.Fix) (x, y string) {
		return tenth(planEdge + (f.Longitude-low.Longitude)*shrink*metresPerDegree*perMetre),
			tenth(planEdge + (high.Latitude-f.Latitude)*metresPerDegree*perMetre)
	}
	p := &tracePlan{Box: fmt.Sprintf("0 0 %d %d", planW, planH), One: wide < 1 && tall < 1}
	var points strings.Builder
	step := max(len(track)/planPoints, 1)
	for i := 0; i < len(track); i += step {
		x, y := at(track[i])
		points.WriteString(x + "," + y + " ")
	}
	p.X1, p.Y1 = at(track[0])
	p.X2, p.Y2 = at(track[len(track)-1])
	points.WriteString(p.X2 + "," + p.Y2)
	p.Points = points.String()
	bar := roundMetres(metres / 4)
	p.Scale = strconv.FormatFloat(bar, 'f', -1, 64) + " m"
	if bar >= 1000 {
		p.Scale = strconv.FormatFloat(bar/1000, 'f', -1, 64) + " km"
	}
	p.BarX, p.BarY, p.BarEnd = tenth(planEdge), tenth(planH-8), tenth(planEdge+bar*perMetre)
	return p
}

// roundMetres is the largest 1, 2 or 5 times a power of ten that is not above m.
func roundMetres(m float64) float64 {
	power := math.Pow(10, math.Floor(math.Log10(max(m, 0.01))))
	for _, n := range []float64{5, 2} {
		if n*power <= m {
			return n * power
		}
	}
	return power
}

func tenth(v float64) string { return strconv.FormatFloat(v, 'f', 1, 64) }
