package record

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math"
	"slices"
	"time"

	"kua/internal/fault"
)

// secondsStep is the grain of published lengths: an exact length would let
// somebody who holds the original find it by its length alone.
const secondsStep = 5

// extensions maps the media types that may be published to file extensions.
var extensions = map[string]string{
	"video/mp4":       "mp4",
	"audio/mp4":       "m4a",
	"audio/ogg":       "ogg",
	"video/webm":      "webm",
	"audio/webm":      "weba",
	"image/jpeg":      "jpg",
	"image/webp":      "webp",
	"image/png":       "png",
	"application/pdf": "pdf",
	"text/plain":      "txt",
}

// Extension gives the file extension of a media type that may be published.
func Extension(mediaType string) (string, bool) {
	e, ok := extensions[mediaType]
	return e, ok
}

// Path is where the file lies in an edition: blobs/<2 hex>/<sha256>.<extension>.
func (f File) Path() string {
	return fmt.Sprintf("blobs/%.2s/%s.%s", f.SHA256, f.SHA256, extensions[f.Type])
}

// Path is where version v of record id lies in an edition. A signature lies
// beside it, with ".<key id>.sig" behind.
func Path(id string, v int) string {
	return fmt.Sprintf("records/%.4s/%s/v%d.json", id, id, v)
}

// Path is where the record's document lies in an edition.
func (r Record) Path() string { return Path(r.ID, r.Version) }

// Seconds rounds a length up to whole steps of five seconds.
func Seconds(d time.Duration) int {
	step := secondsStep * time.Second
	return int((d+step-1)/step) * secondsStep
}

// Round makes a point of at most digits (0 to 3) digits behind the point: 3 is
// about 100 m, 2 about 1 km, 1 about 10 km.
func Round(lat, lon float64, digits int) Point {
	f := math.Pow10(min(max(digits, 0), 3))
	return Point{Lat: math.Round(lat*f) / f, Lon: math.Round(lon*f) / f}
}

// Commit gives the commitment to an original: the SHA-256 of
//
//	"kua commitment 1\n" + salt in hex + "\n" + original + "\n"
//
// where original is the original's SHA-256 in hex. The salt stays at the desk.
// Whoever is given salt and original can check it with sha256sum; whoever
// merely holds the original cannot find it.
func Commit(salt [32]byte, original string) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "kua commitment 1\n%x\n%s\n", salt, original))
	return hex.EncodeToString(sum[:])
}

func (r Record) checkMedia() error {
	ids := make(map[string]bool)
	for _, m := range r.Media {
		if !shortName.MatchString(m.ID) || ids[m.ID] {
			return fault.Invalid("record.media_id", m.ID)
		}
		ids[m.ID] = true
		if err := r.checkMedium(m); err != nil {
			return err
		}
	}
	return nil
}

func (r Record) checkMedium(m Media) error {
	if !slices.Contains(mediaTypes, m.Type) {
		return fault.Invalid("record.media_type", m.ID, m.Type)
	}
	if m.Seconds < 0 || m.Seconds%secondsStep != 0 || m.Seconds > 7*24*3600 {
		return fault.Invalid("record.media_seconds", m.ID, secondsStep)
	}
	for _, t := range []Text{m.Label, m.Covered} {
		if len(t) > 0 {
			if err := r.checkText("media "+m.ID, t, MaxTitle*2, false); err != nil {
				return err
			}
		}
	}
	if m.Commitment != "" && !hexSHA256.MatchString(m.Commitment) || m.Redaction != "" && !hexSHA256.MatchString(m.Redaction) {
		return fault.Invalid("record.commitment", m.ID)
	}
	if len(m.Files) == 0 || len(m.Files) > MaxFiles {
		return fault.Invalid("record.media_files", m.ID, MaxFiles)
	}
	rungs := make(map[string]bool)
	for _, f := range m.Files {
		if rungs[f.Rung] || !f.valid() {
			return fault.Invalid("record.media_file", m.ID, f.Rung)
		}
		rungs[f.Rung] = true
	}
	if p := m.Poster; p != nil && (!p.valid() || p.Type != "image/jpeg" && p.Type != "image/webp") {
		return fault.Invalid("record.media_file", m.ID, p.Rung)
	}
	return nil
}

func (f File) valid() bool {
	_, known := extensions[f.Type]
	return known && shortName.MatchString(f.Rung) && hexSHA256.MatchString(f.SHA256) &&
		f.Size > 0 && f.Size <= MaxFileSize && 0 <= f.Width && f.Width <= 1<<16 && 0 <= f.Height && f.Height <= 1<<16
}
