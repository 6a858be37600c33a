package letter

import (
	"bytes"
	"fmt"
	"strings"
	"sync"
	"time"
	"unicode"

	"codeberg.org/go-pdf/fpdf"
	"github.com/go-fonts/dejavu/dejavusanscondensed"
	"github.com/go-fonts/dejavu/dejavusanscondensedbold"
	"golang.org/x/image/font/sfnt"
	"golang.org/x/text/unicode/norm"

	"kua/internal/fault"
)

// The page, in millimetres and points.
const (
	pageWidth, pageHeight = 210.0, 297.0
	left, right           = 25.0, 20.0
	top, bottom           = 20.0, 25.0
	lineHeight            = 5.4
	space                 = 2.7 // between parts
	fontSize              = 10.5
	footSize              = 8.5
	footAt                = pageHeight - 12
	headsAt               = 100.0 // where the right half begins
	family                = "letter"
	maxPages              = 400
)

// PDF gives the letter as a PDF: A4, its text to be selected and searched, the
// font within it cut down to the signs used, tagged with its language. The same
// letter gives the same bytes: the only day in it is the letter's, and it names
// no program and no author. A sign that the font cannot show stands as its
// number, [U+1F600]; the letter's notes name such signs.
func (l Letter) PDF() ([]byte, error) {
	f := fpdf.New("P", "mm", "A4", "")
	f.SetCatalogSort(true)
	f.SetProducer("", false)
	f.SetLang(l.Lang.HTML())
	f.SetTitle(printable(l.Title), true)
	day, err := time.Parse(time.DateOnly, string(l.Day))
	if err != nil {
		return nil, fault.Invalid("appeal.bad_day", string(l.Day))
	}
	f.SetCreationDate(day)
	f.SetModificationDate(day)
	f.SetAutoPageBreak(false, 0)
	f.AddUTF8FontFromBytes(family, "", dejavusanscondensed.TTF)
	f.AddUTF8FontFromBytes(family, "B", dejavusanscondensedbold.TTF)
	pages := l.layOut(f)
	if len(pages) > maxPages {
		return nil, fault.TooLarge("letter.pages", len(pages), maxPages)
	}
	for i, lines := range pages {
		f.AddPage()
		for _, line := range lines {
			f.SetFont(family, line.weight, fontSize)
			f.Text(line.x, line.y, line.text)
		}
		f.SetFont(family, "", footSize)
		foot := fmt.Sprintf("%d / %d", i+1, len(pages))
		f.Text((pageWidth-f.GetStringWidth(foot))/2, footAt, foot)
	}
	var b bytes.Buffer
	if err := f.Output(&b); err != nil {
		return nil, fmt.Errorf("make the PDF of a letter: %w", err)
	}
	return b.Bytes(), nil
}

// placed is a line of text with its baseline.
type placed struct {
	x, y   float64
	weight string
	text   string
}

// layOut breaks the parts into lines and the lines into pages. A heading stays
// with what it heads.
func (l Letter) layOut(f *fpdf.Fpdf) (pages [][]placed) {
	var page []placed
	y := top
	turn := func() {
		pages, page, y = append(pages, page), nil, top
	}
	for i, p := range l.Parts {
		x, weight := left, ""
		switch p.Style {
		case Heads:
			x = headsAt
		case Title, Heading:
			weight = "B"
		}
		f.SetFont(family, weight, fontSize)
		lines := wrap(f, p.Text, pageWidth-right-x)
		if i > 0 && (p.Style != Item && p.Style != Heads || l.Parts[i-1].Style != p.Style) {
			y += space
		}
		if p.Style == Title {
			y += 2 * space
		}
		if p.Style == Heading && y+float64(len(lines)+2)*lineHeight > pageHeight-bottom {
			turn()
		}
		for _, text := range lines {
			if y+lineHeight > pageHeight-bottom {
				turn()
			}
			y += lineHeight
			at := x
			if p.Style == Title {
				at = left + (pageWidth-left-right-f.GetStringWidth(text))/2
			}
			page = append(page, placed{at, y, weight, text})
		}
	}
	return append(pages, page)
}

// wrap breaks text into lines of at most width: at blanks and, where one word is
// longer, within it.
func wrap(f *fpdf.Fpdf, text string, width float64) (lines []string) {
	for whole := range strings.SplitSeq(printable(text), "\n") {
		line, used := "", 0.0
		for _, word := range words(whole) {
			w := f.GetStringWidth(strings.TrimRight(word, " "))
			if used+w > width && line != "" {
				lines = append(lines, line)
				line, used = "", 0
			}
			if w > width {
				for _, r := range word {
					w := f.GetStringWidth(string(r))
					if used+w > width && line != "" {
						lines = append(lines, line)
						line, used = "", 0
					}
					line += string(r)
					used += w
				}
				continue
			}
			line += word
			used += f.GetStringWidth(word)
		}
		lines = append(lines, line)
	}
	return lines
}

// words cuts a line behind its blanks, but keeps № with its number.
func words(line string) (all []string) {
	for w := range strings.SplitAfterSeq(line, " ") {
		if n := len(all); n > 0 && strings.HasSuffix(all[n-1], "№ ") {
			all[n-1] += w
		} else {
			all = append(all, w)
		}
	}
	return all
}

// printable gives text as the PDF shows it: composed, tabs as blanks, and each
// sign that the fonts lack by its number.
func printable(text string) string {
	var b strings.Builder
	var buf sfnt.Buffer
	for _, r := range norm.NFC.String(strings.ReplaceAll(text, "\r\n", "\n")) {
		switch {
		case r == '\t':
			b.WriteString("    ")
		case r == '\n' || shows(&buf, r):
			b.WriteRune(r)
		default:
			b.WriteString("[" + codePoint(r) + "]")
		}
	}
	return b.String()
}

// unprintable lists the signs of a text that the PDF shows by their numbers.
func unprintable(text string) (signs []string) {
	seen := map[rune]bool{}
	var buf sfnt.Buffer
	for _, r := range norm.NFC.String(text) {
		if !seen[r] && !strings.ContainsRune("\r\n\t", r) && !shows(&buf, r) {
			seen[r] = true
			signs = append(signs, codePoint(r))
		}
	}
	return signs
}

// fonts gives the two of a letter, to ask which signs they have.
var fonts = sync.OnceValues(func() ([]*sfnt.Font, error) {
	plain, err := sfnt.Parse(dejavusanscondensed.TTF)
	if err != nil {
		return nil, err
	}
	bold, err := sfnt.Parse(dejavusanscondensedbold.TTF)
	return []*sfnt.Font{plain, bold}, err
})

// shows reports whether both fonts have a sign and can set it right: nothing
// invisible, and no script that is written from the right or joins its letters,
// which this PDF does not do.
func shows(buf *sfnt.Buffer, r rune) bool {
	if r > 0xFFFE || unicode.In(r, unicode.Cf, unicode.Cc, unicode.Arabic, unicode.Hebrew, unicode.Syriac, unicode.Thaana, unicode.Nko) {
		return false
	}
	both, err := fonts()
	if err != nil {
		return false
	}
	for _, f := range both {
		if at, err := f.GlyphIndex(buf, r); err != nil || at == 0 {
			return false
		}
	}
	return true
}
