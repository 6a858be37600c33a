// Package card draws a record as one picture that people pass on: what
// happened, when, where, whose words they are, and a code that leads to the
// record and its proof.
//
// It is given a record and what the charter says in public, and knows no case,
// no edition and no network: what a record does not have cannot stand on a card,
// and of a withdrawn record only its tombstone is drawn. A card proves nothing,
// and says so. cmd/kua and package kit use it.
package card

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"strings"

	"github.com/go-fonts/dejavu/dejavusanscondensed"
	"github.com/go-fonts/dejavu/dejavusanscondensedbold"
	"golang.org/x/image/font/sfnt"

	"kua/internal/fault"
	"kua/internal/locale"
	"kua/internal/qrcode"
	"kua/internal/record"
)

// Size of every card in pixels, and the most bytes that one may have.
const (
	Width, Height = 1200, 630
	MaxBytes      = 40_000
)

// MaxAddress is the longest address, in bytes, whose code is still read from a
// picture that a messenger has made small.
const MaxAddress = 120

// Subject is what a card is made of.
type Subject struct {
	Record     record.Record
	Collective map[string]string // its name by language, as in the charter
	Address    string            // of the copy that the code leads to, such as https://kua.example.org
}

// Page is where the record's page lies at the address.
func (s Subject) Page(lang locale.Tag) string {
	id := s.Record.ID
	return strings.TrimRight(s.Address, "/") + "/" + lang.Path() + "/r/" + id[:4] + "/" + id + ".html"
}

// Maker draws cards. It is safe for use by many goroutines.
type Maker struct {
	cat         *locale.Catalogue
	plain, bold *sfnt.Font
}

// New reads the fonts.
func New(cat *locale.Catalogue) (*Maker, error) {
	plain, err := sfnt.Parse(dejavusanscondensed.TTF)
	if err != nil {
		return nil, fmt.Errorf("read the font of cards: %w", err)
	}
	bold, err := sfnt.Parse(dejavusanscondensedbold.TTF)
	if err != nil {
		return nil, fmt.Errorf("read the font of cards: %w", err)
	}
	return &Maker{cat: cat, plain: plain, bold: bold}, nil
}

// PNG draws the card in one language: Width times Height pixels, at most
// MaxBytes. The same subject gives the same bytes. Faults: card.address for an
// address that cannot be a code, what record.Validate finds, card.too_heavy.
func (m *Maker) PNG(s Subject, lang locale.Tag) ([]byte, error) {
	if err := s.Record.Validate(); err != nil {
		return nil, err
	}
	if err := checkAddress(s.Address); err != nil {
		return nil, err
	}
	l, err := m.layOut(s, lang)
	if err != nil {
		return nil, err
	}
	picture, err := l.paint()
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&b, picture); err != nil {
		return nil, fmt.Errorf("write the card of record %s: %w", s.Record.ID, err)
	}
	if b.Len() > MaxBytes {
		return nil, fault.TooLarge("card.too_heavy", s.Record.ID, b.Len(), MaxBytes)
	}
	return b.Bytes(), nil
}

func checkAddress(a string) error {
	rest, secure := strings.CutPrefix(a, "https://")
	if !secure {
		rest, _ = strings.CutPrefix(a, "http://")
	}
	if rest == "" || rest == a || len(a) > MaxAddress || strings.ContainsAny(a, " \n\t\"<>#?@") {
		return fault.Invalid("card.address", a, MaxAddress)
	}
	return nil
}

// Two inks on white paper: eight steps of dark and seven of the accent, so that
// a pixel takes four bits.
var (
	dark   = color.RGBA{0x1a, 0x1a, 0x1a, 0xff}
	accent = color.RGBA{0x8a, 0x1c, 0x1c, 0xff}
)

const (
	darkSteps   = 8
	accentSteps = 7
)

var palette = func() color.Palette {
	p := color.Palette{color.RGBA{0xff, 0xff, 0xff, 0xff}}
	for _, ink := range []struct {
		color.RGBA
		steps int
	}{{dark, darkSteps}, {accent, accentSteps}} {
		for i := 1; i <= ink.steps; i++ {
			mix := func(c uint8) uint8 { return uint8(255 - (255-int(c))*i/ink.steps) }
			p = append(p, color.RGBA{mix(ink.R), mix(ink.G), mix(ink.B), 0xff})
		}
	}
	return p
}()

// paint sets the lines, the code and the bar at the left.
func (l *layout) paint() (*image.Paletted, error) {
	bounds := image.Rect(0, 0, Width, Height)
	inks := [2]*image.Alpha{image.NewAlpha(bounds), image.NewAlpha(bounds)}
	for _, t := range l.lines {
		if err := t.draw(inks[t.ink]); err != nil {
			return nil, err
		}
	}
	draw.Draw(inks[inkAccent], image.Rect(0, 0, barWidth, Height), image.Opaque, image.Point{}, draw.Src)
	code := l.code
	for y := range code.Side {
		for x := range code.Side {
			if code.Dark(x, y) {
				at := code.box.Min.Add(image.Pt(x*code.module, y*code.module))
				draw.Draw(inks[inkDark], image.Rectangle{at, at.Add(image.Pt(code.module, code.module))}, image.Opaque, image.Point{}, draw.Src)
			}
		}
	}
	p := image.NewPaletted(bounds, palette)
	for i := range p.Pix {
		switch a, b := int(inks[inkDark].Pix[i]), int(inks[inkAccent].Pix[i]); {
		case a >= b && a > 0:
			p.Pix[i] = uint8((a*darkSteps + 127) / 255)
		case b > 0:
			if step := (b*accentSteps + 127) / 255; step > 0 {
				p.Pix[i] = uint8(darkSteps + step)
			}
		}
	}
	return p, nil
}

// code is the QR code and where it stands, without its quiet zone.
type code struct {
	qrcode.Code
	box    image.Rectangle
	module int // pixels of one
}

// codeSpace is the side of the square that a code and its quiet zone may fill.
const codeSpace = 300

func newCode(text string, corner image.Point) (code, error) {
	made, err := qrcode.New(text)
	if err != nil {
		return code{}, fault.Invalid("card.address", text, MaxAddress).Because(err)
	}
	c := code{Code: made, module: codeSpace / (made.Side + 2*qrcode.Quiet)}
	side := c.Side * c.module
	c.box = image.Rect(corner.X-side, corner.Y-side, corner.X, corner.Y)
	return c, nil
}
