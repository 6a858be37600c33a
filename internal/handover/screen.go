package handover

import (
	"net/http"
	"strings"

	"kua/internal/fault"
	"kua/internal/locale"
	"kua/internal/onion"
	"kua/internal/page"
	"kua/internal/qrcode"
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
	Code  qrcode.Square
	Taken int
}

// Screen is the handler of the page that the laptop shows on its own screen. It is for
// the laptop alone, at an address that the network cannot reach.
func (l *Laptop) Screen(s Shown) (http.Handler, error) {
	if len(s.Addresses) == 0 {
		return nil, fault.NotFound("handover.no_address")
	}
	code, err := qrcode.New(s.Addresses[0])
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("/assets/", page.Headers(page.Policy{}, l.assets.Unkept()))
	l.route(mux, map[string]http.Handler{"/": page.Headers(page.Policy{}, l.show(func(rw http.ResponseWriter, lang locale.Tag) error {
		w := l.pages.Words(l.charter, lang, "/", "handover.screen.title")
		l.set.Show(rw, "screen", w.Base, screenPage{Words: w, Shown: s, Code: code.Square(), Taken: l.counter.Taken()})
		return nil
	}))})
	return ownHost(mux), nil
}

// ownHost answers only who names this machine: a site that has its own name point
// here (DNS rebinding) learns nothing of the room. There is nobody to tell why.
func ownHost(next http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if !onion.Loopback(hostOf(r)) {
			rw.WriteHeader(http.StatusForbidden)
			return
		}
		next.ServeHTTP(rw, r)
	})
}

// Terminal draws text as a QR code of half blocks, dark on light whatever the
// terminal's colours are.
func Terminal(text string) (string, error) {
	code, err := qrcode.New(text)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	for y := -qrcode.Quiet; y < code.Side+qrcode.Quiet; y += 2 {
		b.WriteString("\x1b[30;107m") // black on white
		for x := -qrcode.Quiet; x < code.Side+qrcode.Quiet; x++ {
			switch up, down := code.Dark(x, y), code.Dark(x, y+1); {
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
