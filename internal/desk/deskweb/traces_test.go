package deskweb

import (
	"math"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"kua/internal/locale"
	"kua/internal/page"
	"kua/internal/trace"
)

// sampleSheet has something of everything.
func sampleSheet() trace.Sheet {
	s := trace.Sheet{Format: "mp4"}
	for _, kind := range trace.Kinds {
		s.Facts = append(s.Facts, trace.Fact{Kind: kind, Where: "moov/udta", Name: "Field", Value: "<b>kanarejka</b>"},
			trace.Fact{Kind: kind, Where: "moov/free", Name: "Bytes", Raw: []byte{1, 2, 3}})
	}
	for _, zone := range []string{"utc", "local", "offset"} {
		s.Facts = append(s.Facts, trace.Fact{Kind: trace.Time, Where: "moov/mvhd", Name: "CreateDate", Value: "2024:05:01 12:00:00", Zone: zone})
	}
	for i := range 250 {
		s.Track = append(s.Track, trace.Fix{At: int64(i) * 1000, Time: "2024-05-01T06:00:00Z", Latitude: 42.87 + float64(i)*1e-5, Longitude: 74.57 + float64(i)*1e-5, Altitude: 760, Speed: 10, Source: "gpmd"})
	}
	s.Previews = []trace.Preview{{Where: "IFD1/picture", Type: "image/jpeg", Start: 100, Size: 4000, Width: 160, Height: 160, Differs: true}}
	for _, why := range []string{"broken", "encrypted", "unknown", "too_large", "too_many", "too_deep"} {
		s.Gaps = append(s.Gaps, trace.Gap{Where: "moov/abcd", Why: "trace.gap." + why, Bytes: 12})
	}
	return s
}

func TestTracesPage(t *testing.T) {
	a := locked(t, nil)
	var b strings.Builder
	if err := a.pages.Render(&b, "traces", samples(a, locale.English)["traces"]); err != nil {
		t.Fatal(err)
	}
	html := b.String()
	for _, want := range []string{"&lt;b&gt;kanarejka", "Positions 101 to 200 of 250", "36.0", "no time zone", "traces?from=0", "traces?from=200", "other shape", "01 02 03", "<polyline", "100 m", "1:40.0"} {
		if !strings.Contains(html, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if strings.Contains(html, "<b>") {
		t.Error("a stranger's text became markup")
	}
}

// TestTracesInABrowser has Chromium look at the page with axe, on a phone and in
// the dark; a browser that is missing is a failure.
func TestTracesInABrowser(t *testing.T) {
	a := locked(t, nil)
	var b strings.Builder
	if err := a.pages.Render(&b, "traces", samples(a, locale.English)["traces"]); err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/assets/", a.assets)
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Write([]byte(b.String()))
	})
	server := httptest.NewServer(page.Headers(pages, mux))
	defer server.Close()
	run := exec.CommandContext(t.Context(), "node", "test/traces.mjs", server.URL+"/en/originals/3/traces")
	run.Dir = "../../../web"
	if out, err := run.CombinedOutput(); err != nil {
		t.Fatalf("node: %v\n%s", err, out)
	}
}

func TestPlanIsToScale(t *testing.T) {
	number := func(s string) float64 { return must(strconv.ParseFloat(s, 64)) }
	// 0.01° of latitude and of longitude at 60° north: twice as tall as wide.
	p := planOf([]trace.Fix{{Latitude: 60, Longitude: 10}, {Latitude: 60.01, Longitude: 10.01}})
	var x1, y1, x2, y2 float64
	for _, v := range []struct {
		s string
		f *float64
	}{{p.X1, &x1}, {p.Y1, &y1}, {p.X2, &x2}, {p.Y2, &y2}} {
		*v.f = number(v.s)
	}
	if ratio := (y1 - y2) / (x2 - x1); math.Abs(ratio-2) > 0.02 {
		t.Errorf("tall by wide is %.3f, want 2", ratio)
	}
	if y2 < planEdge-1 || y1 > planH-planEdge+1 || x2 > planW {
		t.Errorf("the way leaves the drawing: %+v", p)
	}
	bar := number(p.BarEnd) - number(p.BarX)
	length := number(strings.TrimSuffix(p.Scale, " m"))
	if metres := (y1 - y2) / bar * length; math.Abs(metres-1112) > 20 {
		t.Errorf("the bar says %s, by it the way is %.0f m tall, want 1112", p.Scale, metres)
	}
	if !planOf([]trace.Fix{{Latitude: 1, Longitude: 1}}).One {
		t.Error("one position is a way")
	}
}
