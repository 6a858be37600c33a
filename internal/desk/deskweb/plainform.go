package deskweb

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"kua/internal/fault"
	"kua/internal/redact"
)

// plainForm reads the fields of the form without a script onto the plan that
// stands. Fields that are not in the form leave what they are about as it is.
type plainForm struct {
	base  redact.Plan
	form  map[string][]string
	label func(what string) string // what a cover made of a suggestion is called
	taken map[string]bool          // every name that something has
	last  map[string]int           // the number of the last fresh one, by letter
}

func newPlainForm(base redact.Plan, form map[string][]string, label func(string) string) plainForm {
	f := plainForm{base: base, form: form, label: label, taken: base.IDs(), last: make(map[string]int)}
	for _, id := range form["id"] {
		f.taken[id] = true
	}
	return f
}

func (f plainForm) read() (redact.Plan, error) {
	p := f.base
	cell := cells(f.form)
	p.MuteAll = f.form["mute_all"] != nil
	if f.has("note") {
		p.Note = cell("note", 0)
	}
	if f.has("speak") {
		p.Speak = cell("speak", 0)
	}
	if f.has("covered") {
		p = redact.Begin(p, cell("covered", 0) == "covered")
	}
	p.Reviewed = f.form["reviewed"] != nil
	for _, part := range []func(*redact.Plan) error{f.tracks, f.shots, f.sound, f.lines} {
		if err := part(&p); err != nil {
			return p, err
		}
	}
	return f.answers(p), nil
}

func (f plainForm) has(name string) bool { return f.form[name] != nil }

// tracks reads the rows. A row whose size is empty is no track: emptying all of it
// takes a track away. One that says half, or where and not how large, is refused:
// somebody thinks that it covers.
func (f plainForm) tracks(p *redact.Plan) error {
	cell := cells(f.form)
	p.Tracks, p.Boxes = nil, nil
	for i := range f.form["w"] {
		shape := p.Duration == 0 && cell("id", i) == "" && strings.Count(cell("points", i), "\n") >= 2
		id := cell("id", i)
		if cell("w", i) == "" && cell("h", i) == "" && !shape && (id != "" || cell("points", i) == "") {
			continue
		}
		if id == "" {
			id = f.fresh("t")
		}
		var err error
		if p.Duration == 0 {
			err = f.box(p, i, id)
		} else {
			err = f.track(p, i, id)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (f plainForm) track(p *redact.Plan, i int, id string) error {
	cell := cells(f.form)
	t := redact.Track{ID: id, To: p.Duration}
	if n := slices.IndexFunc(f.base.Tracks, func(old redact.Track) bool { return old.ID == id }); n >= 0 {
		t = f.base.Tracks[n]
	}
	t.Label, t.Reveal = cell("label", i), cell("reveal", i) != ""
	t.StartSeen, t.EndSeen = cell("seen", i) == "start" || cell("seen", i) == "both", cell("seen", i) == "end" || cell("seen", i) == "both"
	var err error
	if t.W, t.H, err = f.size(i); err != nil {
		return err
	}
	for _, end := range []struct {
		name string
		into *int64
	}{{"from", &t.From}, {"to", &t.To}} {
		if text := cell(end.name, i); text != "" {
			at, ok := readClock(text)
			if !ok {
				return fault.Invalid("deskweb.marker.time_cell", i+1)
			}
			*end.into = at
		}
	}
	t.Points = nil
	for line := range strings.Lines(cell("points", i)) {
		at, ok := readPoint(strings.Fields(line), p.Duration)
		if !ok {
			return fault.Invalid("deskweb.marker.point_line", i+1, strings.TrimSpace(line))
		}
		t.Points = append(t.Points, at)
	}
	p.Tracks = append(p.Tracks, t)
	return nil
}

// box reads a row of a photo or of a document's page: one line is a box's upper left corner, three and
// more are the corners of a free shape, which say its size too.
func (f plainForm) box(p *redact.Plan, i int, id string) error {
	cell := cells(f.form)
	b := redact.Box{ID: id}
	if n := slices.IndexFunc(f.base.Boxes, func(old redact.Box) bool { return old.ID == id }); n >= 0 {
		b = f.base.Boxes[n]
	}
	b.Label, b.Reveal, b.Corners = cell("label", i), cell("reveal", i) != "", nil
	if len(p.Pages) > 0 {
		page, err := strconv.Atoi(cell("page", i))
		if err != nil || page < 1 || page > len(p.Pages) {
			return fault.Invalid("redact.page", id, cell("page", i), len(p.Pages))
		}
		b.Page = page
	}
	var at []redact.Point
	for line := range strings.Lines(cell("points", i)) {
		c, ok := readPoint(strings.Fields(line), 0)
		if !ok {
			return fault.Invalid("deskweb.marker.point_line", i+1, strings.TrimSpace(line))
		}
		at = append(at, c)
	}
	switch len(at) {
	case 0:
		return fault.Invalid("redact.no_points", id)
	case 1:
		var err error
		if b.W, b.H, err = f.size(i); err != nil {
			return err
		}
		b.X, b.Y = at[0].X, at[0].Y
	default:
		low, high := at[0], at[0]
		for _, c := range at {
			b.Corners = append(b.Corners, redact.Corner{X: c.X, Y: c.Y})
			low.X, low.Y, high.X, high.Y = min(low.X, c.X), min(low.Y, c.Y), max(high.X, c.X), max(high.Y, c.Y)
		}
		b.X, b.Y, b.W, b.H = low.X, low.Y, high.X-low.X, high.Y-low.Y
	}
	p.Boxes = append(p.Boxes, b)
	return nil
}

func (f plainForm) size(i int) (w, h int, err error) {
	cell := cells(f.form)
	w, err1 := strconv.Atoi(cell("w", i))
	h, err2 := strconv.Atoi(cell("h", i))
	if err1 != nil || err2 != nil {
		return 0, 0, fault.Invalid("deskweb.marker.size_cell", i+1)
	}
	return w, h, nil
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

// stretch is one line of a field of stretches: from, to, and words.
type stretch struct {
	from, to int64
	words    string
}

func (f plainForm) stretches(name string) ([]stretch, error) {
	var all []stretch
	for line := range strings.Lines(cells(f.form)(name, 0)) {
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		if len(words) < 2 {
			return nil, fault.Invalid("deskweb.marker.mute_line", line)
		}
		if len(all) == redact.MaxShots {
			return nil, fault.TooLarge("redact.too_many", redact.MaxTracks, redact.MaxBoxes, redact.MaxMutes)
		}
		from, ok1 := readClock(words[0])
		to, ok2 := readClock(words[1])
		if !ok1 || !ok2 {
			return nil, fault.Invalid("deskweb.marker.mute_line", line)
		}
		all = append(all, stretch{from, to, strings.Join(words[2:], " ")})
	}
	return all, nil
}

// shots reads lines that end in + (shown) or - (hidden).
func (f plainForm) shots(p *redact.Plan) error {
	if !f.has("shots") {
		return nil
	}
	lines, err := f.stretches("shots")
	if err != nil {
		return err
	}
	follow := p.Shots // as the choice for the whole has them
	p.Shots = nil
	for _, s := range lines {
		if s.words != "+" && s.words != "-" {
			return fault.Invalid("marker.shot_line", clock(s.from)+" "+clock(s.to)+" "+s.words)
		}
		covered := s.words == "-"
		n := slices.IndexFunc(f.base.Shots, func(old redact.Shot) bool { return old.From == s.from && old.To == s.to })
		switch {
		case n < 0:
			p.Shots = append(p.Shots, redact.Shot{ID: f.fresh("shot"), From: s.from, To: s.to, Covered: covered, By: somebody})
		case f.base.Shots[n].Covered == covered:
			p.Shots = append(p.Shots, follow[n])
		default:
			shot := f.base.Shots[n]
			shot.Covered, shot.By = covered, somebody
			p.Shots = append(p.Shots, shot)
		}
	}
	return nil
}

// somebody stands for the person who sends the form, until the plan is signed.
const somebody = "?"

func (f plainForm) sound(p *redact.Plan) error {
	mutes, err := ranges(f, "mutes", "m", p.Mutes, f.base.Mutes, func(m *redact.Mute) soundRange { return soundRange{&m.ID, &m.Note, &m.From, &m.To} })
	if err != nil {
		return err
	}
	keeps, err := ranges(f, "keeps", "k", p.Keeps, f.base.Keeps, func(k *redact.Span) soundRange { return soundRange{&k.ID, &k.Note, &k.From, &k.To} })
	p.Mutes, p.Keeps = mutes, keeps
	return err
}

// soundRange is where a muted or kept range has its parts.
type soundRange struct {
	id, note *string
	from, to *int64
}

// ranges reads a field of ranges of sound. One at the same times as an old one is
// that one; without the field those of now stay.
func ranges[T any](f plainForm, name, letter string, now, old []T, parts func(*T) soundRange) ([]T, error) {
	if !f.has(name) {
		return now, nil
	}
	lines, err := f.stretches(name)
	if err != nil {
		return now, err
	}
	var all []T
	for _, s := range lines {
		var one T
		n := slices.IndexFunc(old, func(o T) bool { p := parts(&o); return *p.from == s.from && *p.to == s.to })
		if n >= 0 {
			one = old[n]
		}
		p := parts(&one)
		if n < 0 {
			*p.id = f.fresh(letter)
		}
		*p.from, *p.to, *p.note = s.from, s.to, s.words
		all = append(all, one)
	}
	return all, nil
}

// lines reads the words of every language. Words in two languages at the same
// times are one line.
func (f plainForm) lines(p *redact.Plan) error {
	type span struct{ from, to int64 }
	said := make(map[span]map[string]string)
	asked := false
	for name := range f.form {
		tag, ok := strings.CutPrefix(name, "lines.")
		if !ok {
			continue
		}
		asked = true
		lines, err := f.stretches(name)
		if err != nil {
			return err
		}
		for _, s := range lines {
			at := span{s.from, s.to}
			if said[at] == nil {
				said[at] = make(map[string]string)
			}
			said[at][tag] = strings.TrimSpace(said[at][tag] + " " + s.words)
		}
	}
	if !asked {
		return nil
	}
	spans := make([]span, 0, len(said))
	for at := range said {
		spans = append(spans, at)
	}
	slices.SortFunc(spans, func(a, b span) int { return cmp.Or(cmp.Compare(a.from, b.from), cmp.Compare(a.to, b.to)) })
	p.Lines = nil
	for _, at := range spans {
		l := redact.Line{From: at.from, To: at.to, Words: said[at]}
		if n := slices.IndexFunc(f.base.Lines, func(old redact.Line) bool { return old.From == at.from && old.To == at.to }); n >= 0 {
			l.ID = f.base.Lines[n].ID
			for tag, words := range f.base.Lines[n].Words {
				if !f.has("lines." + tag) {
					l.Words[tag] = words
				}
			}
		} else {
			l.ID = f.fresh("line")
		}
		p.Lines = append(p.Lines, l)
	}
	return nil
}

// answers reads what was answered to the suggestions that were on the page.
func (f plainForm) answers(p redact.Plan) redact.Plan {
	cell := cells(f.form)
	for _, s := range f.base.Suggestions {
		if f.has("answer." + s.ID) {
			p = answer(p, s.ID, cell("answer."+s.ID, 0), cell("why."+s.ID, 0), f.label(s.What), func() string { return f.fresh("t") })
		}
	}
	return p
}

// fresh gives a name that nothing has: not in the plan that stands, not in the
// form, and nothing that was made before.
func (f plainForm) fresh(letter string) string {
	for {
		f.last[letter]++
		if id := fmt.Sprintf("%s%d", letter, f.last[letter]); !f.taken[id] {
			f.taken[id] = true
			return id
		}
	}
}
