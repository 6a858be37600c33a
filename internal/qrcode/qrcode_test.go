package qrcode_test

import (
	"strings"
	"testing"

	"kua/internal/qrcode"
)

// TestSquare: the path has a square for each dark module, and none in the quiet zone.
func TestSquare(t *testing.T) {
	t.Parallel()
	c, err := qrcode.New("https://kua.example.org/kk/")
	if err != nil {
		t.Fatal(err)
	}
	dark := 0
	for y := -qrcode.Quiet; y < c.Side+qrcode.Quiet; y++ {
		for x := -qrcode.Quiet; x < c.Side+qrcode.Quiet; x++ {
			if !c.Dark(x, y) {
				continue
			}
			if dark++; x < 0 || y < 0 || x >= c.Side || y >= c.Side {
				t.Errorf("the quiet zone is dark at %d, %d", x, y)
			}
		}
	}
	s := c.Square()
	if got := strings.Count(s.Path, "M"); got != dark || dark == 0 || s.Side != c.Side+2*qrcode.Quiet {
		t.Errorf("%d squares of %d dark modules, side %d", got, dark, s.Side)
	}
	if _, err := qrcode.New(strings.Repeat("a", 3000)); err == nil {
		t.Error("a text that is too long has a code")
	}
}
