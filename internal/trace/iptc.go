package trace

import (
	"encoding/binary"
	"fmt"
	"strings"
)

// iptcFields are the datasets of record 2 that say something (IPTC-IIM 4.2).
var iptcFields = map[byte]tag{
	5: {name: "ObjectName", kind: Text}, 7: {name: "EditStatus", kind: History}, 10: {name: "Urgency", kind: Encoding}, 15: {name: "Category", kind: Text},
	20: {name: "SupplementalCategories", kind: Text}, 22: {name: "FixtureIdentifier", kind: Serial}, 25: {name: "Keywords", kind: Text},
	26: {name: "ContentLocationCode", kind: Place}, 27: {name: "ContentLocationName", kind: Place}, 30: {name: "ReleaseDate", kind: Time},
	35: {name: "ReleaseTime", kind: Time}, 40: {name: "SpecialInstructions", kind: Text}, 55: {name: "DateCreated", kind: Time},
	60: {name: "TimeCreated", kind: Time}, 62: {name: "DigitalCreationDate", kind: Time}, 63: {name: "DigitalCreationTime", kind: Time},
	65: {name: "OriginatingProgram", kind: Software}, 70: {name: "ProgramVersion", kind: Software}, 80: {name: "By-line", kind: Person},
	85: {name: "By-lineTitle", kind: Person}, 90: {name: "City", kind: Place}, 92: {name: "Sub-location", kind: Place},
	95: {name: "Province-State", kind: Place}, 100: {name: "Country-PrimaryLocationCode", kind: Place},
	101: {name: "Country-PrimaryLocationName", kind: Place}, 103: {name: "OriginalTransmissionReference", kind: Serial},
	105: {name: "Headline", kind: Text}, 110: {name: "Credit", kind: Person}, 115: {name: "Source", kind: Person},
	116: {name: "CopyrightNotice", kind: Person}, 118: {name: "Contact", kind: Person}, 120: {name: "Caption-Abstract", kind: Text},
	122: {name: "Writer-Editor", kind: Person}, 184: {name: "JobID", kind: Serial}, 186: {name: "OwnerID", kind: Person},
	187: {name: "UniqueDocumentID", kind: Serial}, 188: {name: "UniqueDocumentID", kind: Serial}, 230: {name: "DocumentNotes", kind: Text},
	231: {name: "DocumentHistory", kind: History}, 232: {name: "ExifCameraInfo", kind: Device},
}

// readIPTC reads datasets of IPTC-IIM.
func readIPTC(src *source, s *Sheet, where string, b []byte) error {
	for len(b) >= 5 && b[0] == 0x1c {
		record, set := b[1], b[2]
		n := int(binary.BigEndian.Uint16(b[3:]))
		b = b[5:]
		if n&0x8000 != 0 { // extended: the length of the length
			width := n & 0x7fff
			if width > 4 || width > len(b) {
				s.gap(where, "broken", int64(len(b)))
				return nil
			}
			n = 0
			for _, c := range b[:width] {
				n = n<<8 | int(c)
			}
			b = b[width:]
		}
		if n > len(b) {
			s.gap(where, "broken", int64(n-len(b)))
			n = len(b)
		}
		value := b[:n]
		b = b[n:]
		if record == 2 && set == 202 { // a picture
			if err := s.picture(src.unpacked(value), where+"/2:202", 0, 0); err != nil {
				return err
			}
			continue
		}
		t, known := iptcFields[set]
		if record != 2 || !known {
			t = tag{name: fmt.Sprintf("%d:%d", record, set), kind: Encoding}
			if printable(string(value)) && record != 1 {
				t.kind = Text
			}
		}
		path := fmt.Sprintf("%s/%d:%d", where, record, set)
		switch {
		case t.kind == Time:
			f := Fact{Kind: Time, Where: path, Name: t.name, Value: string(value), Zone: "local"}
			if strings.ContainsAny(f.Value, "+-") && len(f.Value) == 11 {
				f.Zone = "offset"
			}
			s.fact(f)
		case printable(string(value)) || t.kind != Encoding:
			s.text(t.kind, path, t.name, value)
		default:
			s.fact(Fact{Kind: t.kind, Where: path, Name: t.name, Raw: value})
		}
	}
	if len(strings.Trim(string(b), "\x00")) > 0 {
		s.unknown(Leftover, where, "after IPTC", b)
	}
	return nil
}
