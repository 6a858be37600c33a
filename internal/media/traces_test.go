package media

import (
	"bytes"
	"encoding/json"
	"image"
	"strings"
	"testing"

	"kua/internal/trace"
)

func TestTraceInTheBox(t *testing.T) {
	file := writePhoto(t, "a.jpg", image.NewRGBA(image.Rect(0, 0, 40, 30)))
	run(t, "exiftool", "-q", "-overwrite_original", "-EXIF:Artist=kanarejka", "-GPSLatitude=42.5", "-GPSLatitudeRef=N", "-GPSLongitude=74.5", "-GPSLongitudeRef=E", file)
	s, err := runner(t).Trace(t.Context(), input(t, file))
	if err != nil {
		t.Fatal(err)
	}
	if s.Format != "jpeg" || len(s.Track) != 1 || s.Track[0].Latitude != 42.5 {
		t.Errorf("got %+v", s)
	}
	found := false
	for _, f := range s.Facts {
		found = found || f.Kind == trace.Person && f.Value == "kanarejka"
	}
	if !found {
		t.Errorf("the artist was not found: %+v", s.Facts)
	}
	_, err = runner(t).Trace(t.Context(), bytes.NewReader([]byte{1, 2, 3, 4}))
	wantFault(t, err, "trace.unknown")
	_, err = runner(t).Trace(t.Context(), bytes.NewReader(nil))
	wantFault(t, err, "media.empty")
}

// TestTraceIsCut: the largest sheet fits into one line of the box.
func TestTraceIsCut(t *testing.T) {
	var s trace.Sheet
	s.Format = "jpeg"
	for range 15_000 {
		s.Facts = append(s.Facts, trace.Fact{Kind: trace.Text, Where: "COM", Name: "Comment", Value: strings.Repeat("\x01", trace.MaxValue)})
	}
	s.Facts = append(s.Facts, trace.Fact{Kind: trace.Place, Where: "GPS", Name: "GPSPosition", Value: "42.5, 74.5"})
	for i := range 200_000 {
		s.Track = append(s.Track, trace.Fix{At: int64(i), Latitude: 42.123456789, Longitude: 74.123456789, Time: "2024-05-01T12:00:00Z", Source: "gpmd"})
	}
	s.Cut()
	b, err := json.Marshal(message{Result: must(json.Marshal(s))})
	if err != nil || len(b) > maxLine {
		t.Fatalf("%d bytes, %v", len(b), err)
	}
	if !s.Sane() || len(s.Track) < 50_000 || s.Facts[len(s.Facts)-1].Kind != trace.Place || s.Gaps[len(s.Gaps)-1].Why != "trace.gap.too_many" {
		t.Errorf("cut to %d facts, %d fixes, %d gaps", len(s.Facts), len(s.Track), len(s.Gaps))
	}
	result, err := listen(bytes.NewReader(append(b, '\n')), func() {}, nil)
	if err != nil || result == nil {
		t.Errorf("the answer did not come through: %v", err)
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
