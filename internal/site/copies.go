package site

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"slices"
	"strings"

	"kua/internal/canon"
	"kua/internal/charter"
	"kua/internal/fault"
	"kua/internal/onion"
	"kua/internal/qrcode"
)

const copiesState = "data/copies.json"

const (
	addressesOnPage = 3
	longestShown    = 120 // bytes of an address: a code of four of them is still read from paper
)

// copiesBlock is what every page's foot names, so that a reader whose address is
// blocked has others in the pages that they have already read. It is public, and
// known from one edition to the next so that pages are made anew only when it
// changes.
type copiesBlock struct {
	Addresses []string `json:"addresses,omitempty"` // at most three, without a slash at the end
	Onion     string   `json:"onion,omitempty"`
	Handle    string   `json:"handle,omitempty"`
	Code      string   `json:"code,omitempty"`  // path of the picture of a QR code with all of it
	Codes     []string `json:"codes,omitempty"` // of pictures with one address each: those above, then the onion's
}

// chooseCopies picks what the foot names: of the addresses that it named before
// those that the charter still has, then the first node, the copies and the other
// nodes in the charter's order. A charter that only gains addresses so changes no
// page that names three already; one that loses an address changes every page
// that leads there.
func chooseCopies(c charter.Charter, before copiesBlock) copiesBlock {
	b := copiesBlock{Handle: c.Handle}
	var all []string
	take := func(address string) {
		a := strings.TrimRight(address, "/")
		switch host, plain := strings.CutPrefix(a, "http://"); {
		case len(a) > longestShown || slices.Contains(all, a):
		case plain && onion.Check(firstPart(host)) == nil:
			if b.Onion == "" {
				b.Onion = a
			}
		default:
			all = append(all, a)
		}
	}
	var nodes []string
	for _, n := range c.Nodes {
		nodes = append(nodes, n.URL)
	}
	first := min(1, len(nodes))
	for _, a := range slices.Concat(nodes[:first], c.Mirrors, nodes[first:]) {
		take(a)
	}
	for _, a := range slices.Concat(before.Addresses, all) {
		if len(b.Addresses) < addressesOnPage && slices.Contains(all, a) && !slices.Contains(b.Addresses, a) {
			b.Addresses = append(b.Addresses, a)
		}
	}
	return b
}

// Addresses gives the addresses of copies that a page of a new edition names, the
// first first, and last the onion's, if there is one. What leads to a record from
// outside an edition leads there.
func Addresses(c charter.Charter) []string { return chooseCopies(c, copiesBlock{}).links() }

func firstPart(s string) string {
	host, _, _ := strings.Cut(s, "/")
	return host
}

// Lines is all of it as text, for a code and for whoever cannot see one.
func (b copiesBlock) Lines() []string {
	lines := slices.Clone(b.Addresses)
	for _, s := range []string{b.Onion, b.Handle} {
		if s != "" {
			lines = append(lines, s)
		}
	}
	return lines
}

func (b copiesBlock) links() []string {
	if b.Onion == "" {
		return b.Addresses
	}
	return append(slices.Clone(b.Addresses), b.Onion)
}

// takeCopies settles the foot of this edition, draws its codes and says whether
// pages that name something else are still about.
func (r *render) takeCopies() error {
	var before copiesBlock
	if err := r.w.load(copiesState, &before); err != nil {
		return err
	}
	b := chooseCopies(r.in.Charter, before)
	for _, path := range append(before.Codes, before.Code) {
		if path == "" {
			continue
		}
		if err := r.w.remove(path); err != nil {
			return err
		}
	}
	draw := func(text string) (string, error) {
		picture, err := qrPNG(text)
		if err != nil {
			return "", err
		}
		path := "s/code." + canon.Hash(picture)[:12] + ".png"
		return path, r.w.put(path, picture)
	}
	var err error
	if lines := b.Lines(); len(lines) > 0 {
		if b.Code, err = draw(strings.Join(lines, "\n")); err != nil {
			return err
		}
	}
	for _, a := range b.links() {
		path, err := draw(a + "/")
		if err != nil {
			return err
		}
		b.Codes = append(b.Codes, path)
	}
	r.copies = b
	if !slices.Equal(b.Lines(), before.Lines()) || b.Code != before.Code {
		r.in.Rebuild = true
	}
	return r.w.save(copiesState, b)
}

// modulePixels is the side of each module of a code.
const modulePixels = 4

// qrPNG draws text as a QR code in black and white.
func qrPNG(text string) ([]byte, error) {
	code, err := qrcode.New(text)
	if err != nil {
		return nil, fault.TooLarge("site.code_too_long", len(text)).Because(err)
	}
	pixels := (code.Side + 2*qrcode.Quiet) * modulePixels
	img := image.NewPaletted(image.Rect(0, 0, pixels, pixels), color.Palette{color.White, color.Black})
	for y := range code.Side * modulePixels {
		for x := range code.Side * modulePixels {
			if code.Dark(x/modulePixels, y/modulePixels) {
				img.SetColorIndex(x+qrcode.Quiet*modulePixels, y+qrcode.Quiet*modulePixels, 1)
			}
		}
	}
	var b bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&b, img); err != nil {
		return nil, fmt.Errorf("draw a QR code: %w", err)
	}
	return b.Bytes(), nil
}

// place is where a page lies at another address.
type place struct{ Address, Page string }

// Elsewhere gives the addresses of the foot, each with where this very page lies
// there: a copy is a copy of everything, under the same paths.
func (f frame) Elsewhere() []place {
	var all []place
	for _, a := range f.Copies.links() {
		all = append(all, place{a, a + "/" + f.address})
	}
	return all
}

// Codes gives the foot's addresses, each with the path of the picture of its own
// code: most phones open a code that holds one address and nothing else.
func (f frame) Codes() []place {
	var all []place
	for i, a := range f.Copies.links() {
		all = append(all, place{a, f.Copies.Codes[i]})
	}
	return all
}
