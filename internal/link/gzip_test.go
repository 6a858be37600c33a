package link_test

import (
	"net/http"
	"testing"

	"kua/internal/link"
)

func TestTakesGzip(t *testing.T) {
	for asked, want := range map[string]bool{
		"": false, "gzip": true, "br, gzip": true, "GZIP;q=0.5": true, "*": true, "deflate": false, "xgzip": false,
		"gzip;q=0": false, "identity, gzip; q=0.0": false, "gzip;q=0, *": false, "*;q=0": false, "*;q=0, gzip": true, "gzip;q=0.001": true,
	} {
		h := http.Header{}
		if asked != "" {
			h.Set("Accept-Encoding", asked)
		}
		if got := link.TakesGzip(h); got != want {
			t.Errorf("%q: %v, want %v", asked, got, want)
		}
	}
	if !link.TakesGzip(http.Header{"Accept-Encoding": {"br", "gzip"}}) {
		t.Error("a second line is not read")
	}
}
