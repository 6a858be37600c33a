package mirror

import (
	"bytes"
	"cmp"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"kua/internal/edition"
	"kua/internal/record"
)

// Class is what a file of an edition is worth first, on a link that may end: the
// smaller, the sooner.
type Class uint8

// The classes, in the order in which they are pulled.
const (
	Text   Class = iota // pages, documents, signatures, captions, all that is no medium
	Poster              // what a film is known by
	Sound               // the smallest sound of each medium
	Low                 // the smallest rendition of each medium
	Rest
)

var classNames = []string{"text", "poster", "sound", "low", "rest"}

// String is the class's name in JSON and in the catalogue.
func (c Class) String() string { return classNames[min(int(c), len(classNames)-1)] }

// MarshalText implements encoding.TextMarshaler.
func (c Class) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// Profile is how much of an edition a mirror keeps.
type Profile string

// The profiles, each with all of the one before.
const (
	TextOnly Profile = "text"  // everything that can be read
	Audio    Profile = "audio" // and posters and sound
	Lowest   Profile = "low"   // and the smallest film or picture of each medium
	All      Profile = "all"
)

var profiles = map[Profile]Class{TextOnly: Text, Audio: Sound, Lowest: Low, All: Rest}

// Valid reports whether p is one of the profiles.
func (p Profile) Valid() bool { _, ok := profiles[p]; return ok }

// Profiles gives their names, the smallest first.
func Profiles() []string {
	return []string{string(TextOnly), string(Audio), string(Lowest), string(All)}
}

// Keeps reports whether files of a class belong to the profile.
func (p Profile) Keeps(c Class) bool { return c <= profiles[p] }

// Classes gives the class of every file of a record, by hash.
func Classes(r record.Record) map[string]Class {
	of := make(map[string]Class)
	put := func(f record.File, c Class) {
		if old, ok := of[f.SHA256]; !ok || c < old {
			of[f.SHA256] = c
		}
	}
	for _, m := range r.Media {
		if m.Poster != nil {
			put(*m.Poster, Poster)
		}
		smallest := map[Class]*record.File{}
		for i, f := range m.Files {
			c := Low
			switch {
			case strings.HasPrefix(f.Type, "text/"):
				put(f, Text)
				continue
			case strings.HasPrefix(f.Type, "audio/"):
				c = Sound
			}
			put(f, Rest)
			if s := smallest[c]; s == nil || f.Size < s.Size {
				smallest[c] = &m.Files[i]
			}
		}
		for c, f := range smallest {
			put(*f, c)
		}
	}
	return of
}

// Why is the reason for which a file is not kept.
type Why string

// The reasons.
const (
	ByProfile Why = "profile" // this mirror does not want it
	Later     Why = "later"   // a budget or window ended, or no source had it
)

// left is one file that the edition names and this mirror does not keep.
type left struct {
	item
	why Why
}

// leftList is all of them by path. The file has a line for each, in order of
// path: reason, class, size, SHA-256, path.
type leftList struct{ of map[string]left }

func parseLeft(b []byte) (*leftList, error) {
	l := &leftList{of: make(map[string]left)}
	n := 0
	for line := range bytes.Lines(b) {
		n++
		f := strings.Fields(string(line))
		if len(f) != 5 {
			return nil, fmt.Errorf("line %d: not five words", n)
		}
		class := slices.Index(classNames, f[1])
		size, err := strconv.ParseInt(f[2], 10, 64)
		sum, err2 := hex.DecodeString(f[3])
		why := Why(f[0])
		if class < 0 || err != nil || err2 != nil || size < 0 || size > edition.MaxFile || len(sum) != 32 || edition.PartOf(f[4]) == "" || why != ByProfile && why != Later {
			return nil, fmt.Errorf("line %d is not understood", n)
		}
		l.of[f[4]] = left{item{f[4], size, [32]byte(sum), Class(class)}, why}
	}
	return l, nil
}

func (l *leftList) bytes() []byte {
	var b bytes.Buffer
	for _, e := range slices.SortedFunc(maps.Values(l.of), func(a, b left) int { return cmp.Compare(a.path, b.path) }) {
		fmt.Fprintf(&b, "%s %s %d %x %s\n", e.why, e.class, e.size, e.sum, e.path)
	}
	return b.Bytes()
}

// has reports whether a path is known not to be kept.
func (l *leftList) has(path string) bool { _, ok := l.of[path]; return ok }

// Amount is so many files of so many bytes.
type Amount struct {
	Files int   `json:"files"`
	Bytes int64 `json:"bytes"`
}

func (a *Amount) add(size int64) { a.Files++; a.Bytes += size }

// amounts sums the list up by reason and class.
func (l *leftList) amounts() map[Why]map[string]Amount {
	sums := make(map[Why]map[string]Amount)
	for _, e := range l.of {
		if sums[e.why] == nil {
			sums[e.why] = make(map[string]Amount)
		}
		a := sums[e.why][e.class.String()]
		a.add(e.size)
		sums[e.why][e.class.String()] = a
	}
	return sums
}
