package trace

import (
	"bytes"
	"encoding/binary"
	"regexp"
	"strings"
	"time"
	"unicode/utf16"
	"unicode/utf8"
)

// kinds by what a field's name says, looked through in order.
var kinds = []struct {
	kind  Kind
	parts []string
}{
	{Place, []string{"location", "gps", "latitude", "longitude", "altitude", "xyz", "loci", "placename", "ikey:place", "city", "country", "region", "iso6709", "whereabout"}},
	{Serial, []string{"serial", "identifier", "uniqueid", "ufid", "umid", "uuid", "udid", "imei", "slno", "deviceid", "documentid", "instanceid", "contentid", "casn", "muid", "isrc", "txxx:id", "umi", "catalog", "barcode"}},
	{Software, []string{"software", "encoder", "encoded", "encoding", "©swr", "©too", "creatortool", "writingapp", "muxingapp", "isft", "tool", "tsse", "tenc", "application", "version", "firmware"}},
	{Time, []string{"date", "time", "year", "day", "icrd", "idit", "created", "tdrc", "tden", "tdtg", "tyer", "tdat", "clock", "when"}},
	{Device, []string{"make", "model", "device", "camera", "lens", "©mak", "©mod", "manu", "modl", "product", "manufacturer", "isrf", "source"}},
	{Person, []string{"artist", "author", "owner", "perf", "creator", "composer", "publisher", "originator", "iart", "ieng", "itch", "tpe", "tcom", "text_writer", "director", "producer", "copyright", "cprt", "auth", "©aut", "©art", "©wrt", "©cpy", "popm", "icms", "username", "by-line"}},
	{History, []string{"history", "undo", "edit", "derivedfrom", "ingredients"}},
	{Provenance, []string{"c2pa", "proof", "signature", "manifest"}},
}

// kindOf sorts a field by its name. What says nothing is Text.
func kindOf(name string) Kind {
	name = strings.TrimPrefix(name, "com.apple.quicktime.")
	name = strings.ToLower(strings.NewReplacer(" ", "", "_", "", "-", "").Replace(name))
	for _, k := range kinds {
		for _, part := range k.parts {
			if strings.Contains(name, part) {
				return k.kind
			}
		}
	}
	return Text
}

// named is a fact whose kind its name tells.
func named(where, name, value string) Fact {
	f := Fact{Kind: kindOf(name), Where: where, Name: name, Value: value}
	if f.Kind == Time {
		f.Zone = zoneIn(value)
	}
	return f
}

var offset = regexp.MustCompile(`\d\s?[+-]\d\d:?\d\d$`)

// zoneIn says how a date written as text is to be read.
func zoneIn(v string) string {
	v = strings.TrimSpace(v)
	switch {
	case strings.HasSuffix(v, "Z") || strings.HasSuffix(v, "UTC") || strings.HasSuffix(v, "GMT"):
		return "utc"
	case offset.MatchString(v) && strings.ContainsAny(v, "T:"):
		return "offset"
	}
	return "local"
}

// decoded reads bytes as text: UTF-8, UTF-16 with its mark, else Latin-1. raw is
// nil where the text stands in the file as it is.
func decoded(b []byte) (value string, raw []byte) {
	b = bytes.TrimRight(b, "\x00")
	switch {
	case bytes.HasPrefix(b, []byte("\xfe\xff")):
		return utf16Of(b[2:], binary.BigEndian), b
	case bytes.HasPrefix(b, []byte("\xff\xfe")):
		return utf16Of(b[2:], binary.LittleEndian), b
	case utf8.Valid(b):
		return strings.TrimSpace(string(b)), nil
	}
	return latin(b), b
}

// latin reads ISO 8859-1.
func latin(b []byte) string {
	out := make([]rune, 0, len(b))
	for _, c := range b {
		out = append(out, rune(c))
	}
	return strings.TrimRight(string(out), "\x00")
}

// utf16Of reads UTF-16 without its mark.
func utf16Of(b []byte, order binary.ByteOrder) string {
	u := make([]uint16, 0, len(b)/2)
	for ; len(b) >= 2; b = b[2:] {
		u = append(u, order.Uint16(b))
	}
	return strings.TrimRight(string(utf16.Decode(u)), "\x00")
}

// say adds a named text field.
func (s *Sheet) say(where, name string, b []byte) {
	v, raw := decoded(b)
	f := named(where, name, v)
	f.Raw = bytes.Clone(raw)
	if v != "" {
		s.fact(f)
	}
}

// isPlain says whether bytes are text throughout.
func isPlain(b []byte) bool {
	b = bytes.TrimRight(b, "\x00")
	if !utf8.Valid(b) || len(b) == 0 {
		return false
	}
	for _, c := range b {
		if c < ' ' && c != '\n' && c != '\r' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}

// stamp writes a moment in UTC as the sheet gives all that stand as numbers.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.999Z") }

// since gives the moment some seconds after the first second of 1904, from
// which QuickTime and Garmin count, "" for none.
func since1904(seconds uint64) string {
	if seconds == 0 || seconds > 1<<33 {
		return ""
	}
	return stamp(time.Unix(int64(seconds)-2082844800, 0))
}
