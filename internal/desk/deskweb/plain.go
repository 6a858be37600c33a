package deskweb

import (
	"fmt"
	"strconv"
	"strings"

	"kua/internal/fault"
	"kua/internal/redact"
)

// plainTrack is one track as the form without a script shows it.
type plainTrack struct {
	Number   int
	ID       string
	Label    string
	W, H     string
	From, To string
	Points   string
}

// plainRows writes a plan as fields, with three empty rows for new tracks.
func plainRows(m markedPlan) (rows []plainTrack, mutes string) {
	for _, t := range m.Tracks {
		row := plainTrack{ID: t.ID, Label: t.Label, W: strconv.Itoa(t.W), H: strconv.Itoa(t.H), From: clock(t.From), To: clock(t.To)}
		var lines []string
		for _, p := range t.Points {
			lines = append(lines, fmt.Sprintf("%s %d %d", clock(p.At), p.X, p.Y))
		}
		row.Points = strings.Join(lines, "\n")
		rows = append(rows, row)
	}
	for range 3 {
		rows = append(rows, plainTrack{})
	}
	for i := range rows {
		rows[i].Number = i + 1
	}
	var lines []string
	for _, s := range m.Mutes {
		lines = append(lines, clock(s.From)+" "+clock(s.To))
	}
	return rows, strings.Join(lines, "\n")
}

// savePlain takes the form without a script.
func savePlain(v *visit) error {
	o, err := v.desk.OriginalInfo(v.r.Context(), v.number("id"))
	if err != nil {
		return err
	}
	sent, err := readPlain(v.r.PostForm, o.Medium.Milliseconds)
	if err == nil {
		from, _ := strconv.Atoi(v.form("version"))
		_, err = v.keepPlan(sent, from)
	}
	if err != nil {
		return v.showMarker(err)
	}
	return v.done("/originals/"+v.id()+"/mark", "deskweb.saved")
}

// cells gives the nth field of a name, "" where there is none.
func cells(form map[string][]string) func(name string, n int) string {
	return func(name string, n int) string {
		return strings.TrimSpace(strings.ReplaceAll(at(form[name], n), "\r\n", "\n"))
	}
}

// sentRows gives the rows of a plain form as they were sent.
func sentRows(form map[string][]string) []plainTrack {
	cell := cells(form)
	var rows []plainTrack
	for i := range form["w"] {
		rows = append(rows, plainTrack{
			Number: i + 1, ID: cell("id", i), Label: cell("label", i), W: cell("w", i), H: cell("h", i),
			From: cell("from", i), To: cell("to", i), Points: cell("points", i),
		})
	}
	return rows
}

// readPlain reads the fields of the plain form. A row whose size is empty is no
// track: emptying it takes a track away.
func readPlain(form map[string][]string, length int64) (markedPlan, error) {
	m := markedPlan{MuteAll: form["mute_all"] != nil, Reviewed: form["reviewed"] != nil}
	cell := cells(form)
	taken := make(map[string]bool)
	for _, id := range form["id"] {
		taken[id] = true
	}
	for i := range form["w"] {
		if cell("w", i) == "" || cell("h", i) == "" {
			continue
		}
		t, err := readPlainTrack(i, length, cell)
		if err != nil {
			return m, err
		}
		for n := 1; t.ID == ""; n++ {
			if id := fmt.Sprintf("t%d", n); !taken[id] {
				t.ID, taken[id] = id, true
			}
		}
		m.Tracks = append(m.Tracks, t)
	}
	for line := range strings.Lines(strings.Join(form["mutes"], "\n")) {
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		if len(words) != 2 {
			return m, fault.Invalid("deskweb.marker.mute_line", line)
		}
		from, ok1 := readClock(words[0])
		to, ok2 := readClock(words[1])
		if !ok1 || !ok2 {
			return m, fault.Invalid("deskweb.marker.mute_line", line)
		}
		m.Mutes = append(m.Mutes, markedSpan{from, to})
	}
	return m, nil
}

func readPlainTrack(i int, length int64, cell func(string, int) string) (markedTrack, error) {
	t := markedTrack{ID: cell("id", i), Label: cell("label", i), To: length}
	var err1, err2 error
	t.W, err1 = strconv.Atoi(cell("w", i))
	t.H, err2 = strconv.Atoi(cell("h", i))
	if err1 != nil || err2 != nil {
		return t, fault.Invalid("deskweb.marker.size_cell", i+1)
	}
	for _, end := range []struct {
		name string
		into *int64
	}{{"from", &t.From}, {"to", &t.To}} {
		if text := cell(end.name, i); text != "" {
			at, ok := readClock(text)
			if !ok {
				return t, fault.Invalid("deskweb.marker.time_cell", i+1)
			}
			*end.into = at
		}
	}
	for line := range strings.Lines(cell("points", i)) {
		p, ok := readPoint(strings.Fields(line), length)
		if !ok {
			return t, fault.Invalid("deskweb.marker.point_line", i+1, strings.TrimSpace(line))
		}
		t.Points = append(t.Points, p)
	}
	return t, nil
}

// readPoint reads "time x y", or "x y" where there is no time.
func readPoint(words []string, length int64) (redact.Point, bool) {
	var p redact.Point
	if length == 0 && len(words) == 2 {
		words = append([]string{"0"}, words...)
	}
	if len(words) != 3 {
		return p, false
	}
	at, ok := readClock(words[0])
	x, err1 := strconv.Atoi(words[1])
	y, err2 := strconv.Atoi(words[2])
	return redact.Point{At: at, X: x, Y: y}, ok && err1 == nil && err2 == nil
}

// clock writes milliseconds as 1:02.345; the marker's script has the same.
func clock(ms int64) string {
	s := fmt.Sprintf("%d:%02d.%03d", ms/60000%60, ms/1000%60, ms%1000)
	if h := ms / 3600000; h > 0 {
		return fmt.Sprintf("%d:%02d:%02d.%03d", h, ms/60000%60, ms/1000%60, ms%1000)
	}
	return s
}

// readClock reads what clock writes, and plain seconds with point or comma.
func readClock(text string) (int64, bool) {
	parts := strings.Split(strings.Replace(text, ",", ".", 1), ":")
	if len(parts) > 3 {
		return 0, false
	}
	var total float64
	for i, part := range parts {
		n, err := strconv.ParseFloat(part, 64)
		if err != nil || n < 0 || n > 1e6 || i < len(parts)-1 && strings.Contains(part, ".") {
			return 0, false
		}
		total = total*60 + n
	}
	return int64(total*1000 + 0.5), true
}
