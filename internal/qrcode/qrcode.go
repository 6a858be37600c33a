// Package qrcode makes QR codes (ISO/IEC 18004) for whoever draws them: as pixels, as
// a path, or in a terminal.
package qrcode

import (
	"fmt"
	"strings"

	"github.com/boombuler/barcode"
	"github.com/boombuler/barcode/qr"
)

// Quiet is the width of the zone around a code that must stay light, in modules.
const Quiet = 4

// Code is a QR code without its quiet zone.
type Code struct {
	Side    int // in modules
	modules barcode.Barcode
}

// New makes the code of a text, at the error correction M. A text that is too long
// for one gives an error.
func New(text string) (Code, error) {
	made, err := qr.Encode(text, qr.M, qr.Unicode)
	if err != nil {
		return Code{}, fmt.Errorf("draw a QR code: %w", err)
	}
	return Code{made.Bounds().Dx(), made}, nil
}

// Dark reports whether a module is dark. All outside the code are light.
func (c Code) Dark(x, y int) bool {
	if x < 0 || y < 0 || x >= c.Side || y >= c.Side {
		return false
	}
	r, _, _, _ := c.modules.At(x, y).RGBA()
	return r == 0
}

// Square is a code as a path of unit squares, for an SVG.
type Square struct {
	Side int // with the quiet zone
	Path string
}

// Square gives the code with its quiet zone.
func (c Code) Square() Square {
	var b strings.Builder
	for y := range c.Side {
		for x := range c.Side {
			if c.Dark(x, y) {
				fmt.Fprintf(&b, "M%d %dh1v1h-1z", x+Quiet, y+Quiet)
			}
		}
	}
	return Square{c.Side + 2*Quiet, b.String()}
}
