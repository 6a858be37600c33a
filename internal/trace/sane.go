package trace

import (
	"encoding/json"
	"math"
	"slices"
	"strings"
	"unicode/utf8"
)

// Bounds of a sheet on its way out of the box, as JSON.
const (
	maxFactBytes  = 4 << 20
	maxTrackBytes = 8 << 20
)

// Kinds lists the kinds of facts, what leads to a person first.
var Kinds = []Kind{Place, Serial, Person, Device, Time, Provenance, History, Software, Text, Leftover, Encoding}

var reasons = []string{"broken", "encrypted", "unknown", "too_large", "too_many", "too_deep"}

// Tells reports whether the file tells anything at all.
func (s Sheet) Tells() bool {
	return len(s.Facts)+len(s.Track)+len(s.Previews) > 0
}

// Cut brings a sheet down to what may leave the box: 4 MiB of facts and 8 MiB of
// track. What leads to a person is kept first; a Gap says that something is missing.
func (s *Sheet) Cut() {
	keep, total := make([]bool, len(s.Facts)), 0
	for _, kind := range Kinds {
		for i, f := range s.Facts {
			if f.Kind == kind && total <= maxFactBytes {
				total += sizeOf(f)
				keep[i] = total <= maxFactBytes
			}
		}
	}
	all := len(s.Facts)
	i := -1
	s.Facts = slices.DeleteFunc(s.Facts, func(Fact) bool { i++; return !keep[i] })
	total = 0
	for i, f := range s.Track {
		if total += sizeOf(f); total > maxTrackBytes {
			s.Track = s.Track[:i]
			all++
			break
		}
	}
	if all > len(s.Facts) {
		s.Gaps = append(s.Gaps[:min(len(s.Gaps), maxGaps-1)], Gap{Where: "", Why: "trace.gap.too_many"})
	}
}

func sizeOf(v any) int {
	b, err := json.Marshal(v)
	if err != nil { // no number in it that JSON cannot write; Sane refuses the rest
		return maxTrackBytes + 1
	}
	return len(b) + 1
}

// Sane reports whether a sheet that somebody else made keeps to the bounds and
// the words of this package: whoever took over the box writes what they like.
func (s Sheet) Sane() bool {
	if strings.Trim(s.Format, "abcdefghijklmnopqrstuvwxyz0123456789") != "" || len(s.Format) > 16 ||
		len(s.Facts) > maxFacts || len(s.Track) > maxFixes || len(s.Previews) > maxPreviews || len(s.Gaps) > maxGaps {
		return false
	}
	for _, f := range s.Facts {
		if !slices.Contains(Kinds, f.Kind) || !text(f.Where) || !text(f.Name) || !text(f.Value) || len(f.Raw) > MaxValue ||
			!slices.Contains([]string{"", "utc", "local", "offset"}, f.Zone) {
			return false
		}
	}
	for _, f := range s.Track {
		if !f.sane() {
			return false
		}
	}
	for _, p := range s.Previews {
		if !text(p.Where) || !text(p.Type) || len(p.Type) > 128 || p.Start < -1 || p.Size < 0 || p.Width < 0 || p.Height < 0 {
			return false
		}
	}
	for _, g := range s.Gaps {
		why, ok := strings.CutPrefix(g.Why, "trace.gap.")
		if !ok || !slices.Contains(reasons, why) || !text(g.Where) || g.Bytes < 0 {
			return false
		}
	}
	return true
}

func (f Fix) sane() bool {
	return f.At >= -1 && within(f.Latitude, 90) && within(f.Longitude, 180) && within(f.Altitude, 1e8) && within(f.Speed, 1e8) &&
		len(f.Time) <= 64 && len(f.Source) <= 64 && text(f.Time) && text(f.Source)
}

func text(s string) bool { return len(s) <= MaxValue && utf8.ValidString(s) }

func within(v, most float64) bool { return !math.IsNaN(v) && math.Abs(v) <= most }
