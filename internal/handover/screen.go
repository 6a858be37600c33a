package handover

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"

	"github.com/boombuler/barcode/qr"

	"kua/internal/fault"
	"kua/internal/locale"
	"kua/internal/page"
	"kua/internal/reportpage"
)

// Shown is what the laptop's own screen says.
type Shown struct {
	Addresses   []string // of the pages for phones, the likeliest first
	Plain       string   // of the form without a certificate, "" for none
	Fingerprint []string
}

// screenPage is what people in the room read on the laptop.
type screenPage struct {
	reportpage.Words
	Shown
	Code  square
	Taken int
}

// Screen is the handler of the page that the laptop shows on its own screen. It is for
// the laptop alone, at an address that the network cannot reach.
func (l *Laptop) Screen(s Shown) (http.Handler, error) {
	if len(s.Addresses) == 0 {
		return nil, fault.NotFound("handover.no_address")
	}
	code, err := drawn(s.Addresses[0])
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("/assets/", page.Headers(page.Policy{}, l.assets))
	l.route(mux, map[string]http.Handler{"/": page.Headers(page.Policy{}, l.show(func(rw http.ResponseWriter, lang locale.Tag) error {
		w := l.pages.Words(l.charter, lang, "/", "handover.screen.title")
		l.set.Show(rw, "screen", w.Base, screenPage{Words: w, Shown: s, Code: code, Taken: l.counter.Taken()})
		return nil
	}))})
	return ownHost(mux), nil
}

// ownHost answers only who names this machine: a site that has its own name point
// here (DNS rebinding) learns nothing of the room. There is nobody to tell why.
func ownHost(next http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		host := r.Host
		if name, _, err := net.SplitHostPort(host); err == nil {
			host = name
		}
		ip, err := netip.ParseAddr(strings.Trim(host, "[]"))
		if host != "localhost" && (err != nil || !ip.IsLoopback()) {
			rw.WriteHeader(http.StatusForbidden)
			return
		}
		next.ServeHTTP(rw, r)
	})
}

// square is a QR code as a path of unit squares, for an SVG.
type square struct {
	Side int // with the quiet zone of four around it (ISO/IEC 18004)
	Path string
}

const quiet = 4

// modules gives the rows of a QR code, true for dark.
func modules(text string) ([][]bool, error) {
	code, err := qr.Encode(text, qr.M, qr.Unicode)
	if err != nil {
		return nil, fmt.Errorf("draw a QR code: %w", err)
	}
	side := code.Bounds().Dx()
	rows := make([][]bool, side)
	for y := range rows {
		rows[y] = make([]bool, side)
		for x := range rows[y] {
			r, _, _, _ := code.At(x, y).RGBA()
			rows[y][x] = r == 0
		}
	}
	return rows, nil
}

func drawn(text string) (square, error) {
	rows, err := modules(text)
	if err != nil {
		return square{}, err
	}
	var b strings.Builder
	for y, row := range rows {
		for x, dark := range row {
			if dark {
				fmt.Fprintf(&b, "M%d %dh1v1h-1z", x+quiet, y+quiet)
			}
		}
	}
	return square{len(rows) + 2*quiet, b.String()}, nil
}

// Terminal draws text as a QR code of half blocks, dark on light whatever the
// terminal's colours are.
func Terminal(text string) (string, error) {
	rows, err := modules(text)
	if err != nil {
		return "", err
	}
	dark := func(y, x int) bool { return y >= 0 && y < len(rows) && x >= 0 && x < len(rows) && rows[y][x] }
	var b strings.Builder
	for y := -quiet; y < len(rows)+quiet; y += 2 {
		b.WriteString("\x1b[30;107m") // black on white
		for x := -quiet; x < len(rows)+quiet; x++ {
			switch up, down := dark(y, x), dark(y+1, x); {
			case up && down:
				b.WriteString("█")
			case up:
				b.WriteString("▀")
			case down:
				b.WriteString("▄")
			default:
				b.WriteString(" ")
			}
		}
		b.WriteString("\x1b[0m\n")
	}
	return b.String(), nil
}
