package laneweb

import (
	"cmp"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"kua/internal/authority"
	"kua/internal/fault"
	"kua/internal/lane"
	"kua/internal/locale"
	"kua/internal/page"
)

// maxStreams is how many officials' downloads of their inboxes run at once in this process.
const maxStreams = 4

// batchTime is how long a reader may take for one batch of rows.
const batchTime = 2 * time.Minute

// dataPage says what the open data is, and leads to it.
type dataPage struct {
	base
	Downloads []download
	Columns   []column
	Licence   Licence
}

// download is one form of the data, with the list's filter in its address.
type download struct{ Href, Type, Name string }

// column is one column of the data and what it means.
type column struct{ Name, Text string }

// Licence is under what the open data may be used, as whoever runs the lane says.
type Licence struct {
	Name    string
	Address string // https, where it can be read; "" for none
}

// columns are those of the table, in its order; spec/open-data.md says the same.
var columns = []string{"id", "day", "category", "category_name", "area", "area_name", "latitude", "longitude", "place", "landmark", "language", "words", "answers",
	"open", "standing", "authorities", "states", "standings", "supporters", "writer_says", "others_mended", "others_partly", "others_not", "outcomes", "directory", "address", "source"}

func (w *Web) data(v *visit) error {
	p := dataPage{base: w.base(v, "/data", "laneweb.data"), Licence: w.licence}
	q := w.asked(v).values
	add := func(file, kind, name string) {
		p.Downloads = append(p.Downloads, download{p.At("/data/" + file + "?" + q.Encode()), kind, p.T(name)})
	}
	add("cases.geojson", "application/geo+json", "laneweb.data.geojson")
	add("cases.jsonl", "application/jsonl", "laneweb.data.jsonl")
	add("cases.csv", "text/csv", "laneweb.data.csv")
	q.Set("excel", "1")
	add("cases.csv", "text/csv", "laneweb.data.excel")
	for _, name := range columns {
		p.Columns = append(p.Columns, column{name, p.T("laneweb.data.column." + name)})
	}
	w.set.Show(v.rw, "data", p.Base, p)
	return nil
}

// caseJSON is a case in GeoJSON's properties and in JSON lines; spec/open-data.md.
type caseJSON struct {
	ID          int64               `json:"id"`
	Day         string              `json:"day"`
	Category    string              `json:"category"`
	CategoryIn  string              `json:"category_name"`
	Area        string              `json:"area"`
	AreaIn      string              `json:"area_name"`
	Latitude    *json.Number        `json:"latitude"`
	Longitude   *json.Number        `json:"longitude"`
	Place       string              `json:"place"`
	Landmark    string              `json:"landmark"`
	Language    string              `json:"language"`
	Words       string              `json:"words"`
	Answers     map[string][]string `json:"answers"`
	Open        bool                `json:"open"`
	Standing    lane.Standing       `json:"standing"`
	Assignments []assignmentJSON    `json:"assignments"`
	Supporters  int64               `json:"supporters"`
	Outcomes    []outcomeJSON       `json:"outcomes"`
	Directory   int64               `json:"directory"`
	Address     string              `json:"address"`
	Source      string              `json:"source"`
}

type assignmentJSON struct {
	Authority string        `json:"authority"`
	State     lane.State    `json:"state"`
	Since     string        `json:"since"`
	Standing  lane.Standing `json:"standing"`
	Writer    lane.Word     `json:"writer_says"`
	Mended    int64         `json:"others_mended"`
	Partly    int64         `json:"others_partly"`
	Not       int64         `json:"others_not"`
}

type outcomeJSON struct {
	What    lane.Result `json:"what"`
	On      string      `json:"on"`
	Attests lane.Actor  `json:"attested_by"`
	Link    string      `json:"link"`
}

func (w *Web) caseJSON(lang locale.Tag, router *authority.Router, c lane.Whole) caseJSON {
	j := caseJSON{ID: c.ID, Day: string(c.Day), Category: c.Category, Area: c.Area, Place: "none", Landmark: c.Landmark,
		Language: string(c.Language), Words: c.Words, Answers: c.Answers, Open: c.Open, Standing: c.Standing(), Assignments: []assignmentJSON{}, Supporters: c.Supporters,
		Outcomes: []outcomeJSON{}, Directory: c.Directory, Address: "/" + lang.Path() + Root + "/case/" + strconv.FormatInt(c.ID, 10), Source: c.Source}
	j.CategoryIn, j.AreaIn = cmp.Or(router.CategoryNames(c.Category).In(lang), c.Category), cmp.Or(router.AreaNames(c.Area).In(lang), c.Area)
	if c.Place != nil {
		lat, lon := degrees(c.Place.Lat), degrees(c.Place.Lon)
		j.Latitude, j.Longitude, j.Place = &lat, &lon, string(c.Visibility)
	}
	if j.Answers == nil {
		j.Answers = map[string][]string{}
	}
	for _, a := range c.Assignments {
		s := c.Said[a.Number]
		j.Assignments = append(j.Assignments, assignmentJSON{a.Authority, a.State, string(a.Since), a.Standing, s.Holder,
			s.Others[lane.SaysMended], s.Others[lane.SaysPartly], s.Others[lane.SaysNot]})
	}
	for _, o := range c.Outcomes {
		if o.Struck == 0 {
			j.Outcomes = append(j.Outcomes, outcomeJSON{o.What, string(o.On), o.Attests, o.Link})
		}
	}
	return j
}

// degrees writes millionths of a degree exactly.
func degrees(m authority.Micro) json.Number {
	return json.Number(strconv.FormatFloat(float64(m)/1e6, 'f', -1, 64))
}

// row is a case as a row of the table.
func (j caseJSON) row() ([]string, error) {
	answers, err := json.Marshal(j.Answers)
	if err != nil {
		return nil, fmt.Errorf("write the answers of %d: %w", j.ID, err)
	}
	var authorities, states, standings, outcomes, writer []string
	var mended, partly, not int64
	for _, a := range j.Assignments {
		authorities, states, standings = append(authorities, a.Authority), append(states, string(a.State)), append(standings, string(a.Standing))
		mended, partly, not = mended+a.Mended, partly+a.Partly, not+a.Not
		writer = append(writer, string(a.Writer))
	}
	for _, o := range j.Outcomes {
		outcomes = append(outcomes, strings.TrimRight(fmt.Sprintf("%s %s %s %s", o.What, o.On, o.Attests, o.Link), " "))
	}
	number := func(n *json.Number) string {
		if n == nil {
			return ""
		}
		return n.String()
	}
	count := func(n int64) string { return strconv.FormatInt(n, 10) }
	return []string{count(j.ID), j.Day, j.Category, page.Cell(j.CategoryIn), j.Area, page.Cell(j.AreaIn), number(j.Latitude), number(j.Longitude), j.Place, page.Cell(j.Landmark),
		j.Language, page.Cell(j.Words), page.Cell(string(answers)), map[bool]string{true: "yes", false: "no"}[j.Open], string(j.Standing), strings.Join(authorities, ";"),
		strings.Join(states, ";"), strings.Join(standings, ";"), count(j.Supporters), strings.Join(writer, ";"), count(mended), count(partly), count(not),
		strings.Join(outcomes, "; "), count(j.Directory), j.Address, j.Source}, nil
}

// stream answers with as many rows as there are of the open data, as pour does.
func (w *Web) stream(v *visit, kind, name string, chosen lane.Chosen, begin func(io.Writer) error, each func(io.Writer, []lane.Whole) error, end string) error {
	v.rw.Header().Set("Cross-Origin-Resource-Policy", "cross-origin") // open data: other sites may read it
	v.rw.Header().Set("Access-Control-Allow-Origin", "*")
	done, err := w.lane.Download()
	if err != nil {
		return err
	}
	defer done()
	return pour(v, kind, name, func(soon func() error) error {
		err := begin(v.rw)
		if err == nil {
			err = w.lane.Walk(v.Context(), chosen, func(batch []lane.Whole) error {
				if err := soon(); err != nil {
					return err
				}
				return each(v.rw, batch)
			})
		}
		if err == nil {
			_, err = io.WriteString(v.rw, end)
		}
		return err
	})
}

// pour answers with a file that write writes in constant memory; write calls soon
// before each batch, which gives its reader some time for it. One that breaks off in
// the middle is not ended as if it were whole: the connection is cut.
func pour(v *visit, kind, name string, write func(soon func() error) error) error {
	h := v.rw.Header()
	h.Set("Content-Type", kind)
	h.Set("Content-Disposition", `attachment; filename="`+name+`"`)
	if v.Method == http.MethodHead {
		return nil
	}
	control := http.NewResponseController(v.rw)
	err := write(func() error {
		if err := control.SetWriteDeadline(time.Now().Add(batchTime)); err != nil && !errors.Is(err, http.ErrNotSupported) {
			return err
		}
		return nil
	})
	if err != nil {
		panic(http.ErrAbortHandler) // net/http's own way to cut an answer off; the reader must see that it is not whole
	}
	return nil
}

// chosen is what a download's address asks for: the list's filter, and after which id.
func (w *Web) chosen(v *visit) (lane.Chosen, error) {
	c := lane.Chosen{Filter: w.asked(v).filter}
	if after := v.URL.Query().Get("after"); after != "" {
		id, err := strconv.ParseInt(after, 10, 64)
		if err != nil || id < 0 {
			return c, fault.Invalid("laneweb.data.after")
		}
		c.After = id
	}
	return c, nil
}

// byteOrderMark is what Excel needs to read UTF-8; other programs take it for a part of
// the first name, so that it is given only where it is asked for.
const byteOrderMark = "\ufeff"

// table begins a CSV (RFC 4180).
func table(v *visit, names []string) func(io.Writer) error {
	return func(to io.Writer) error {
		if v.URL.Query().Get("excel") == "1" {
			if _, err := io.WriteString(to, byteOrderMark); err != nil {
				return err
			}
		}
		return writeRows(to, names)
	}
}

func writeRows(to io.Writer, rows ...[]string) error {
	c := csv.NewWriter(to)
	c.UseCRLF = true
	return c.WriteAll(rows)
}

const csvType = "text/csv; charset=utf-8; header=present"

func (w *Web) casesCSV(v *visit) error {
	c, err := w.chosen(v)
	if err != nil {
		return err
	}
	return w.stream(v, csvType, "cases.csv", c, table(v, columns), func(to io.Writer, batch []lane.Whole) error {
		rows := make([][]string, 0, len(batch))
		for _, one := range batch {
			row, err := w.caseJSON(v.lang, v.router, one).row()
			if err != nil {
				return err
			}
			rows = append(rows, row)
		}
		return writeRows(to, rows...)
	}, "")
}

func (w *Web) casesLines(v *visit) error {
	c, err := w.chosen(v)
	if err != nil {
		return err
	}
	return w.stream(v, "application/jsonl; charset=utf-8", "cases.jsonl", c, func(io.Writer) error { return nil }, func(to io.Writer, batch []lane.Whole) error {
		e := json.NewEncoder(to)
		e.SetEscapeHTML(false)
		for _, one := range batch {
			if err := e.Encode(w.caseJSON(v.lang, v.router, one)); err != nil {
				return err
			}
		}
		return nil
	}, "")
}

// feature is a case in GeoJSON (RFC 7946); one without a place has no geometry.
type feature struct {
	Type       string   `json:"type"`
	ID         int64    `json:"id"`
	Geometry   *point   `json:"geometry"`
	Properties caseJSON `json:"properties"`
}

type point struct {
	Type        string         `json:"type"`
	Coordinates [2]json.Number `json:"coordinates"` // longitude, latitude
}

func (w *Web) casesGeo(v *visit) error {
	c, err := w.chosen(v)
	if err != nil {
		return err
	}
	between := ""
	return w.stream(v, "application/geo+json", "cases.geojson", c, func(to io.Writer) error {
		_, err := io.WriteString(to, `{"type":"FeatureCollection","features":[`)
		return err
	}, func(to io.Writer, batch []lane.Whole) error {
		for _, one := range batch {
			f := feature{Type: "Feature", ID: one.ID, Properties: w.caseJSON(v.lang, v.router, one)}
			if one.Place != nil {
				f.Geometry = &point{"Point", [2]json.Number{degrees(one.Place.Lon), degrees(one.Place.Lat)}}
			}
			b, err := json.Marshal(f)
			if err != nil {
				return err
			}
			if _, err := io.WriteString(to, between+"\n"+string(b)); err != nil {
				return err
			}
			between = ","
		}
		return nil
	}, "\n]}\n")
}

// rowColumns are those of the rows behind a number.
var rowColumns = []string{"id", "day", "area", "category", "authority", "state", "since", "standing", "writer_says", "others_mended", "others_partly", "others_not", "address"}

// scoreRows gives the assignments that a scoreboard counts, one row each.
func (w *Web) scoreRows(v *visit) error {
	s, err := w.scored(v)
	if err != nil {
		return err
	}
	c := lane.Chosen{First: appealDay(s.span.First, "-01"), Last: appealDay(s.span.Last, "-31")}
	id, asked := v.PathValue("id"), lane.Standing(v.URL.Query().Get("standing"))
	if asked != "" && !slices.Contains(lane.Standings, asked) || clean(id) != id {
		return page.ErrNotFound()
	}
	switch s.kind {
	case lane.PerAuthority:
		if id == nobody {
			id = ""
		}
		c.Authority = &id
	case lane.PerArea:
		c.Areas = v.router.Directory().Inside(id)
	case lane.PerCategory:
		c.Category = id
	}
	if asked != "" {
		c.Standing = &asked
	}
	return w.stream(v, csvType, "rows.csv", c, table(v, rowColumns), func(to io.Writer, batch []lane.Whole) error {
		var rows [][]string
		for _, one := range batch {
			for _, a := range one.Assignments {
				if c.Standing != nil && a.Standing != asked || c.Authority != nil && a.Authority != id {
					continue
				}
				said := one.Said[a.Number]
				count := func(word lane.Word) string { return strconv.FormatInt(said.Others[word], 10) }
				rows = append(rows, []string{strconv.FormatInt(one.ID, 10), string(one.Day), one.Area, one.Category, a.Authority, string(a.State), string(a.Since), string(a.Standing),
					string(said.Holder), count(lane.SaysMended), count(lane.SaysPartly), count(lane.SaysNot), "/" + v.lang.Path() + Root + "/case/" + strconv.FormatInt(one.ID, 10)})
			}
		}
		return writeRows(to, rows...)
	}, "")
}
