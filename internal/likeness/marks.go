package likeness

import (
	"crypto/hmac"
	"crypto/sha256"
	"slices"
	"strings"

	"kua/internal/trace"
)

// Weight says how much it means that two files share a mark.
type Weight string

// The weights of a mark.
const (
	Strong Weight = "strong" // a number that belongs to one device, person or file
	Weak   Weight = "weak"   // a make, a program, settings: many share them
)

// Mark is something that a file says about the device or program that made it.
type Mark struct {
	Kind   string // "serial", "device", "software", "encoding", "tables"
	Weight Weight
	value  string
}

const (
	maxMarks = 200
	// leastSerial is the shortest serial number that says anything.
	leastSerial = 5
)

// tagName is the field of Matroska that names another field. Every film of one
// program has the same, and they say nothing that the program's own name does not.
const tagName = "TagName"

// Marks takes the marks of the device and of the encoder out of a sheet, each
// once, the most telling first: numbers, then devices, programs and settings. Of
// too many the last are left out. Numbers that stand for "none" are no marks.
func Marks(s trace.Sheet) []Mark {
	var of [4][]Mark
	seen := make(map[Mark]bool)
	add := func(rank int, kind string, w Weight, value string) {
		m := Mark{kind, w, value}
		if !seen[m] && len(of[rank]) < maxMarks && strings.Trim(value, "\x00") != "" {
			seen[m] = true
			of[rank] = append(of[rank], m)
		}
	}
	for _, f := range s.Facts {
		switch f.Kind {
		case trace.Serial:
			if v := clean(f.Value); len(v) >= leastSerial && strings.Trim(v, "0- ") != "" {
				// By its field, for two fields may hold one value by chance.
				add(0, "serial", Strong, clean(f.Name)+"\x00"+v)
			}
		case trace.Device:
			add(1, "device", Weak, clean(f.Name)+"\x00"+clean(f.Value))
		case trace.Software:
			add(2, "software", Weak, clean(f.Value))
		case trace.Encoding:
			if f.Name != tagName {
				add(3, "encoding", Weak, clean(f.Name)+"\x00"+clean(f.Value))
			}
		}
	}
	all := slices.Concat(of[:]...)
	return all[:min(len(all), maxMarks)]
}

// TablesMark is the mark of a photo's quantisation tables; nil for "".
func TablesMark(tables string) []Mark {
	if tables == "" {
		return nil
	}
	return []Mark{{"tables", Weak, tables}}
}

// clean makes one of the ways in which programs write the same thing.
func clean(s string) string { return strings.ToLower(strings.TrimSpace(strings.Trim(s, "\x00"))) }

// Seal gives HMAC-SHA-256 of the mark under the desk's own key: enough to see
// that two files share it, and nothing more.
func (m Mark) Seal(key []byte) [sha256.Size]byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(m.Kind + "\x00" + m.value))
	return [sha256.Size]byte(h.Sum(nil))
}

// ReceiptMarks are the marks of the receipt with which a report came: reports of
// one receipt come from one hand. Other receipts tie nothing.
func ReceiptMarks(mailbox, reply string) []Mark {
	var all []Mark
	for _, v := range []string{mailbox, reply} {
		if v != "" {
			all = append(all, Mark{"receipt", Strong, v})
		}
	}
	return all
}
