package handover

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"kua/internal/charter"
	"kua/internal/courier"
	"kua/internal/locale"
	"kua/web"
)

func TestScreenAnswersItsOwnHost(t *testing.T) {
	t.Parallel()
	h := ownHost(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) { rw.WriteHeader(http.StatusOK) }))
	for host, want := range map[string]int{
		"127.0.0.1:8418": 200, "localhost:8418": 200, "[::1]:8418": 200, "[::1]": 200, "127.0.0.1": 200,
		"evil.example:8418": 403, "127.0.0.1.evil.example:8418": 403, "192.168.43.1:8418": 403, "": 403,
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.Host = host
		rw := httptest.NewRecorder()
		if h.ServeHTTP(rw, r); rw.Code != want {
			t.Errorf("host %q: %d, want %d", host, rw.Code, want)
		}
	}
}

// TestDoorsAnswerTheirOwnAddresses: a door answers at the addresses it was opened for,
// at the one the phone came to, and at no name that somebody else gives; browsers keep
// nothing of it, and run no script that is another.
func TestDoorsAnswerTheirOwnAddresses(t *testing.T) {
	t.Parallel()
	cat, err := locale.Load(web.Locales())
	if err != nil {
		t.Fatal(err)
	}
	l, err := New(&courier.Counter{}, charter.Charter{Kind: charter.Kind, Version: 1, Made: "2026-11-21", Threshold: 1, Name: map[string]string{"en": "Made up"}, Languages: []string{"en"}}, cat)
	if err != nil {
		t.Fatal(err)
	}
	at := []net.IP{net.IPv4(192, 168, 43, 1)}
	for door, h := range map[string]http.Handler{"sealed": l.Sealed(at), "plain": l.Plain(at)} {
		ask := func(host, path string) *httptest.ResponseRecorder {
			r := httptest.NewRequest("GET", path, nil)
			r.Host = host
			r = r.WithContext(context.WithValue(r.Context(), http.LocalAddrContextKey, &net.TCPAddr{IP: net.IPv4(10, 0, 0, 7), Port: 8417}))
			rw := httptest.NewRecorder()
			h.ServeHTTP(rw, r)
			return rw
		}
		for host, want := range map[string]int{
			"192.168.43.1:8417": 200, "192.168.43.1": 200, "10.0.0.7:8417": 200, "localhost:8417": 200, "127.0.0.1:8417": 200,
			"evil.example:8417": 403, "192.168.43.1.evil.example": 403, "192.168.43.2:8417": 403, "": 403,
		} {
			if rw := ask(host, "/en/"); rw.Code != want || want == 403 && !strings.Contains(rw.Body.String(), "on the laptop’s screen") {
				t.Errorf("%s: host %q: %d, want %d", door, host, rw.Code, want)
			}
		}
		rw := ask(at[0].String(), l.assets.Path("report.css"))
		if got := rw.Header().Values("Cache-Control"); rw.Code != 200 || len(got) != 1 || got[0] != "no-store" {
			t.Errorf("%s: a stylesheet is kept as %q", door, got)
		}
		if door == "sealed" {
			page := ask(at[0].String(), "/en/report").Body.String()
			for _, script := range []string{"report.js", "report-look.js"} {
				if sum := l.assets.Integrity(script); !strings.HasPrefix(sum, "sha384-") || !strings.Contains(page, strings.ReplaceAll(sum, "+", "&#43;")) {
					t.Errorf("the page does not say which %s it wants", script)
				}
			}
		}
	}
}
