package card

import (
	"fmt"
	"image"
	"strings"
	"unicode"

	"golang.org/x/image/font"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/font/sfnt"
	"golang.org/x/image/math/fixed"
	"golang.org/x/text/unicode/norm"

	"kua/internal/fault"
	"kua/internal/locale"
	"kua/internal/qrcode"
	"kua/internal/record"
)

// Where things stand, in pixels.
const (
	barWidth = 14
	left     = 60
	right    = Width - 56
	top      = 44
	bottom   = Height - 40

	besideCode = right - codeSpace - 24 // where words end that stand beside the code
)

// The two inks of a line.
const (
	inkDark = iota
	inkAccent
)

// line is one line of text, with what it may not leave.
type line struct {
	text     string
	face     *face
	ink      int
	baseline image.Point
	room     image.Rectangle
}

func (l line) draw(on *image.Alpha) error {
	d := font.Drawer{Dst: on, Src: image.Opaque, Face: l.face.Face, Dot: fixed.P(l.baseline.X, l.baseline.Y)}
	if d.MeasureString(l.text).Ceil() > l.room.Dx() { // layOut measured with the same face
		return fmt.Errorf("line %q is wider than its room", l.text)
	}
	d.DrawString(l.text)
	return nil
}

// face is a font at a size.
type face struct {
	font.Face
	step int // from one baseline to the next
	up   int // from the top of a line to its baseline
}

func (m *Maker) face(f *sfnt.Font, size float64) (*face, error) {
	drawn, err := opentype.NewFace(f, &opentype.FaceOptions{Size: size, DPI: 72, Hinting: font.HintingNone})
	if err != nil {
		return nil, fmt.Errorf("set the font of cards: %w", err)
	}
	return &face{Face: drawn, step: int(size * 1.28), up: drawn.Metrics().Ascent.Ceil()}, nil
}

func (f *face) width(s string) int { return font.MeasureString(f.Face, s).Ceil() }

func (f *face) advance(s []rune) fixed.Int26_6 { return font.MeasureString(f.Face, string(s)) }

// layout is a card before it is painted.
type layout struct {
	maker *Maker
	lang  locale.Tag
	lines []line
	code  code
	err   error
}

// layOut places everything of a card. From the top: what it is, the title, the
// words; from the bottom, beside the code: whose it is, where to check it.
func (m *Maker) layOut(s Subject, lang locale.Tag) (*layout, error) {
	l := &layout{maker: m, lang: lang}
	var err error
	if l.code, err = newCode(s.Page(lang), image.Pt(right, bottom)); err != nil {
		return nil, err
	}
	under := l.foot(s)
	l.caption()
	if s.Record.Status == record.Withdrawn {
		l.tombstone(s, under)
	} else {
		l.published(s, under)
	}
	return l, l.err
}

func (l *layout) t(key string, args ...any) string { return l.maker.cat.T(l.lang, key, args...) }

func (l *layout) plain(size float64) *face { return l.sized(l.maker.plain, size) }
func (l *layout) bold(size float64) *face  { return l.sized(l.maker.bold, size) }

func (l *layout) sized(f *sfnt.Font, size float64) *face {
	made, err := l.maker.face(f, size)
	if err != nil && l.err == nil {
		l.err = err
	}
	return made
}

// put sets lines one under the other from y on and gives where the next begins.
func (l *layout) put(lines []string, f *face, ink, x, y, width int) int {
	for _, text := range lines {
		l.lines = append(l.lines, line{text: text, face: f, ink: ink, baseline: image.Pt(x, y+f.up), room: image.Rect(x, y, x+width, y+f.step)})
		y += f.step
	}
	return y
}

// foot sets the collective's name, the address and the warning, upwards from the
// bottom, and gives where it begins.
func (l *layout) foot(s Subject) int {
	name, _ := l.lang.Text(s.Collective)
	width := besideCode - left
	small, strong := l.plain(21), l.bold(30)
	if l.err != nil {
		return 0
	}
	warning := l.cut(l.t("card.check"), small, width, 2)
	address := l.cut(strings.TrimPrefix(strings.TrimPrefix(s.Address, "https://"), "http://"), small, width, 2)
	names := l.cut(name, strong, width, 1)
	y := bottom - (len(warning)+len(address))*small.step - len(names)*strong.step - 6
	begin := y
	y = l.put(names, strong, inkDark, left, y, width)
	y = l.put(address, small, inkAccent, left, y, width)
	l.put(warning, small, inkDark, left, y+6, width)
	return begin - 16
}

// caption writes below the code and its quiet zone what it leads to, and moves the
// code up by as much.
func (l *layout) caption() {
	small := l.plain(21)
	if l.err != nil {
		return
	}
	text := l.cut(l.t("card.code"), small, codeSpace, 1)
	wide := small.width(strings.Join(text, ""))
	x := min((l.code.box.Min.X+l.code.box.Max.X-wide)/2, right-wide)
	l.put(text, small, inkDark, x, bottom-small.step+4, wide)
	l.code.box = l.code.box.Sub(image.Pt(0, small.step+qrcode.Quiet*l.code.module))
}

// wide is how far lines from y on may go: to the right margin while they end
// above the code.
func (l *layout) wide(y, height int) int {
	if y+height <= l.code.box.Min.Y-qrcode.Quiet*l.code.module {
		return right - left
	}
	return besideCode - left
}

// facts sets when and where, in the accent's ink.
func (l *layout) facts(text string, y int) int {
	f := l.plain(26)
	if l.err != nil {
		return y
	}
	width := l.wide(y, 2*f.step)
	return l.put(l.cut(text, f, width, 2), f, inkAccent, left, y, width) + 12
}

// published sets the words of a record.
func (l *layout) published(s Subject, under int) {
	r := s.Record
	facts := []string{l.t("site.what." + r.What), l.t("site.record.number", r.ID)}
	if r.Version > 1 {
		facts = append(facts, l.t("site.record.version", r.Version))
	}
	y := l.kicker(strings.Join(facts, " · "))
	title, in := l.lang.Text(r.Title)
	y = l.title(title, y) + 4
	var when []string
	if span := l.when(r.Happened); span != "" {
		when = append(when, span)
	}
	if place, _ := l.lang.Text(r.Place.Words); place != "" {
		when = append(when, place)
	}
	when = append(when, l.t("site.record.published", l.lang.Date(r.Day)))
	y = l.facts(strings.Join(when, " · "), y)
	if l.lang.Automatic() && r.Title[string(l.lang)] == "" && in == l.lang {
		under = l.note(l.t("card.automatic"), under)
	} else if in != l.lang {
		under = l.note(l.t("card.foreign", in.Name()), under)
	}
	summary, _ := l.lang.Text(r.Summary)
	l.body(summary, y, under)
}

// tombstone sets what is left of a withdrawn record: that it was, since when it
// is not, and why.
func (l *layout) tombstone(s Subject, under int) {
	y := l.kicker(l.t("site.record.version", s.Record.Version))
	y = l.title(l.t("site.withdrawn.title", s.Record.ID), y) + 4
	y = l.facts(l.t("site.withdrawn.on", l.lang.Date(s.Record.Day)), y)
	reason, _ := l.lang.Text(s.Record.Reason)
	l.body(reason, y, under)
}

func (l *layout) when(s record.Span) string {
	switch {
	case s.From == "":
		return ""
	case s.To == "":
		return l.lang.Date(s.From)
	}
	return l.t("site.span", l.lang.Date(s.From), l.lang.Date(s.To))
}

func (l *layout) kicker(text string) int {
	f := l.bold(26)
	if l.err != nil {
		return top
	}
	return l.put(l.cut(text, f, right-left, 1), f, inkAccent, left, top, right-left) + 6
}

// titleSizes are tried from the largest; the last one is cut to its lines.
var titleSizes = []struct {
	size  float64
	lines int
}{{54, 2}, {44, 2}, {36, 3}}

func (l *layout) title(text string, y int) int {
	for i, t := range titleSizes {
		f := l.bold(t.size)
		if l.err != nil {
			return y
		}
		if len(l.wrap(text, f, right-left, t.lines)) > t.lines && i+1 < len(titleSizes) {
			continue
		}
		return l.put(l.cut(text, f, right-left, t.lines), f, inkDark, left, y, right-left)
	}
	return y
}

// note sets one line above the foot and gives where it begins.
func (l *layout) note(text string, under int) int {
	f := l.plain(21)
	if l.err != nil {
		return under
	}
	lines := l.cut(text, f, besideCode-left, 1)
	y := under - len(lines)*f.step
	l.put(lines, f, inkDark, left, y, besideCode-left)
	return y - 6
}

// body sets words beside the code, smaller where they are many, and cuts what
// has no room.
func (l *layout) body(text string, from, under int) {
	width := besideCode - left
	for _, size := range []float64{30, 26, 23} {
		f := l.plain(size)
		if l.err != nil {
			return
		}
		room := (under - from) / f.step
		if size > 23 && len(l.wrap(text, f, width, room)) > room {
			continue
		}
		l.put(l.cut(text, f, width, room), f, inkDark, left, from, width)
		return
	}
}

// cut wraps text and keeps at most so many lines; the last one then ends in an
// ellipsis, behind a whole word where there is one.
func (l *layout) cut(text string, f *face, width, lines int) []string {
	if lines < 1 {
		return nil
	}
	all := l.wrap(text, f, width, lines)
	if len(all) <= lines {
		return all
	}
	last := []rune(all[lines-1] + " " + all[lines])
	for len(last) > 0 && f.width(ended(last)) > width {
		last = last[:len(last)-1]
	}
	for i := len(last) - 1; i > len(last)/2; i-- {
		if unicode.IsSpace(last[i]) {
			last = last[:i]
			break
		}
	}
	return append(all[:lines-1:lines-1], ended(last))
}

// ended is a beginning with an ellipsis right behind its last letter.
func ended(s []rune) string {
	return strings.TrimRightFunc(string(s), func(r rune) bool { return unicode.IsSpace(r) || unicode.IsPunct(r) }) + "…"
}

// wrap breaks text into lines of at most width: at blanks and, where one word is
// wider, within it. It ends with the first line beyond most.
func (l *layout) wrap(text string, f *face, width, most int) (lines []string) {
	room := fixed.I(width)
	var line []rune
	used := fixed.Int26_6(0)
	end := func() {
		lines = append(lines, string(line))
		line, used = nil, 0
	}
	for word := range strings.FieldsSeq(l.maker.printable(text)) {
		if len(lines) > most {
			return lines
		}
		if len(line) > 0 {
			joined := append(line, append([]rune{' '}, []rune(word)...)...)
			if more := used + f.advance(joined[len(line)-1:]) - f.advance(line[len(line)-1:]); more <= room {
				line, used = joined, more
				continue
			}
			end()
		}
		for _, r := range word {
			next := append(line, r)
			more := used + f.advance(next[max(0, len(next)-2):])
			if len(line) > 0 {
				more -= f.advance(line[len(line)-1:])
			}
			if more > room && len(line) > 0 {
				end()
				next, more = []rune{r}, f.advance([]rune{r})
			}
			line, used = next, more
		}
	}
	if len(line) > 0 {
		end()
	}
	return lines
}

// printable composes letters and gives each sign that a font lacks, or that it
// cannot set in a line by itself, as its number.
func (m *Maker) printable(text string) string {
	var b strings.Builder
	var buf sfnt.Buffer
	for _, r := range norm.NFC.String(text) {
		if unicode.IsSpace(r) || m.shows(&buf, r) {
			b.WriteRune(r)
		} else {
			fmt.Fprintf(&b, "[U+%04X]", r)
		}
	}
	return b.String()
}

func (m *Maker) shows(buf *sfnt.Buffer, r rune) bool {
	if unicode.In(r, unicode.Cf, unicode.Cc, unicode.Arabic, unicode.Hebrew, unicode.Syriac, unicode.Thaana, unicode.Nko) {
		return false
	}
	for _, f := range []*sfnt.Font{m.plain, m.bold} {
		if at, err := f.GlyphIndex(buf, r); err != nil || at == 0 {
			return false
		}
	}
	return true
}

// Lacks gives the first sign of the record's words that a card shows by its
// number alone, as a fault for whoever makes the card to know; nil for none.
func (m *Maker) Lacks(s Subject, lang locale.Tag) error {
	var buf sfnt.Buffer
	for _, t := range []map[string]string{s.Record.Title, s.Record.Summary, s.Record.Place.Words, s.Record.Reason, s.Collective} {
		words, _ := lang.Text(t)
		for _, r := range norm.NFC.String(words) {
			if !unicode.IsSpace(r) && !m.shows(&buf, r) {
				return fault.Invalid("card.no_sign", fmt.Sprintf("U+%04X", r), s.Record.ID)
			}
		}
	}
	return nil
}
