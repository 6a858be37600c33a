// Package edition is a snapshot of everything the collective publishes: a tree
// of plain files, and a signed manifest that names every one of them by size
// and SHA-256. The manifest does so through parts, each the list of one family
// of paths, so that adding a record costs the same in a small archive and in a
// large one.
//
// It renders nothing, signs nothing and serves nothing. Whatever makes, takes
// in, or checks an edition may use it. The format is spec/edition.md.
package edition

import (
	"cmp"
	"regexp"
	"slices"
	"strings"
	"time"

	"kua/internal/canon"
	"kua/internal/charter"
	"kua/internal/fault"
	"kua/internal/record"
	"kua/internal/tlog"
)

// The "kind" members of a manifest and of a part.
const (
	Kind     = "kua edition"
	KindPart = "kua edition part"
)

// Limits that bound what a hostile manifest can cost its reader.
const (
	MaxManifest = 8 << 20   // bytes of a manifest
	MaxPart     = 8 << 20   // bytes of a part
	MaxFile     = 1<<32 - 1 // bytes of a file: what FAT32 can hold
	MaxParts    = 50_000
	MaxFiles    = 50_000 // files of a part
	maxNumber   = 100_000_000
	maxEntries  = 1 << 40 // of a log, as tlog has it
)

// Manifest is the signed document of an edition. Members with an empty value
// are left out of it.
type Manifest struct {
	Kind       string `json:"kind"`
	Number     int    `json:"number"`
	Made       string `json:"made"`               // RFC 3339, UTC, cut to the hour
	FreshUntil string `json:"freshuntil"`         // the publisher means to have published again by then
	Charter    string `json:"charter"`            // ID of the newest charter
	Previous   string `json:"previous,omitempty"` // SHA-256 of the manifest before
	Records    int    `json:"records"`            // published and withdrawn
	Log        Before `json:"log,omitzero"`       // the log up to the edition's own entry; editions of earlier programs do not say
	Parts      []Part `json:"parts"`              // in order of name
}

// Part names one part by its bytes. The part itself lies at Path.
type Part struct {
	Name   string `json:"name"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
}

// Path is where the part lies in the tree.
func (p Part) Path() string { return "parts/" + p.Name + ".json" }

// File is one file of an edition.
type File struct {
	Path   string `json:"path"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
}

// list is the document of a part.
type list struct {
	Kind  string `json:"kind"`
	Name  string `json:"name"`
	Files []File `json:"files"` // in order of path
}

var hexSHA256 = regexp.MustCompile(`^[0-9a-f]{64}$`)

// Bytes gives the manifest's canonical document. It does not validate.
func (m Manifest) Bytes() ([]byte, error) { return canon.Marshal(m) }

// ParseManifest reads a canonical document and validates it by itself;
// VerifyManifest says whether it may be believed.
func ParseManifest(doc []byte) (Manifest, error) {
	if len(doc) > MaxManifest {
		return Manifest{}, fault.TooLarge("edition.manifest_too_large", MaxManifest)
	}
	var m Manifest
	if err := canon.Unmarshal(doc, &m); err != nil {
		return Manifest{}, fault.Invalid("edition.not_a_manifest").Because(err)
	}
	if err := m.Validate(); err != nil {
		return Manifest{}, err
	}
	return m, nil
}

// Validate checks every rule that a manifest can be checked for by itself.
func (m Manifest) Validate() error {
	made, err1 := hour(m.Made)
	until, err2 := hour(m.FreshUntil)
	switch {
	case m.Kind != Kind:
		return fault.Invalid("edition.not_a_manifest")
	case m.Number < 1 || m.Number > maxNumber:
		return fault.Invalid("edition.number", m.Number)
	case m.Number == 1 && m.Previous != "" || m.Number > 1 && !hexSHA256.MatchString(m.Previous):
		return fault.Invalid("edition.previous", m.Number)
	case err1 != nil || err2 != nil || until.Before(made):
		return fault.Invalid("edition.times", m.Made, m.FreshUntil)
	case !hexSHA256.MatchString(m.Charter):
		return fault.Invalid("edition.charter", m.Charter)
	case m.Records < 0 || m.Records > 999_999:
		return fault.Invalid("edition.records", m.Records)
	case m.Log != Before{} && (m.Log.Size < 1 || m.Log.Size > maxEntries || !hexSHA256.MatchString(m.Log.Root)):
		return fault.Invalid("edition.log", m.Number)
	case len(m.Parts) > MaxParts:
		return fault.TooLarge("edition.too_many_parts", MaxParts)
	}
	for i, p := range m.Parts {
		if !partName.MatchString(p.Name) || p.Size < 1 || p.Size > MaxPart || !hexSHA256.MatchString(p.SHA256) ||
			i > 0 && m.Parts[i-1].Name >= p.Name {
			return fault.Invalid("edition.part", p.Name)
		}
	}
	return nil
}

// Part finds a part by name.
func (m Manifest) Part(name string) (Part, bool) {
	i, ok := slices.BinarySearchFunc(m.Parts, name, func(p Part, n string) int { return cmp.Compare(p.Name, n) })
	if !ok {
		return Part{}, false
	}
	return m.Parts[i], true
}

// ParsePart reads a part's document and checks that it is the one the manifest
// means (size and hash) and that every file in it belongs there.
func ParsePart(p Part, doc []byte) ([]File, error) {
	if int64(len(doc)) != p.Size || canon.Hash(doc) != p.SHA256 {
		return nil, fault.Corrupt("edition.part_differs", p.Path())
	}
	return parseList(p.Name, doc)
}

// parseList reads the one form that the canonical document of a part can have: no
// path and no hash has a letter that JSON would escape. FuzzPart holds it against
// package canon. The files share the memory of one copy of doc.
func parseList(name string, doc []byte) ([]File, error) {
	bad := func(cause error) ([]File, error) { return nil, fault.Invalid("edition.part", name).Because(cause) }
	rest, ok := strings.CutPrefix(string(doc), `{"files":[`)
	if !ok || name == "" {
		return bad(nil)
	}
	files := make([]File, 0, min(len(doc)/leastLine, MaxFiles))
	for {
		var f File
		if f, rest, ok = cutLine(rest); !ok || len(files) == MaxFiles {
			return bad(nil)
		}
		if f.Size > MaxFile || len(f.SHA256) != 64 || PartOf(f.Path) != name || len(files) > 0 && files[len(files)-1].Path >= f.Path {
			return bad(fault.Invalid("edition.path", f.Path))
		}
		if files = append(files, f); !strings.HasPrefix(rest, ",") {
			break
		}
		rest = rest[1:]
	}
	if rest != `],"kind":"`+KindPart+`","name":"`+name+`"}` {
		return bad(nil)
	}
	return files, nil
}

// leastLine is how long a file's line is at least.
const leastLine = len(`{"path":"keys/log.pem","sha256":"","size":0},`) + 64

// cutLine reads one file at the beginning of text: {"path":"…","sha256":"…","size":…}.
// Of the hash it checks the letters and not the length; of the path, nothing.
func cutLine(text string) (f File, rest string, ok bool) {
	if rest, ok = strings.CutPrefix(text, `{"path":"`); !ok {
		return f, "", false
	}
	if f.Path, rest, ok = strings.Cut(rest, `","sha256":"`); !ok {
		return f, "", false
	}
	n := 0
	for n < len(rest) && isHex(rest[n]) {
		n++
	}
	f.SHA256 = rest[:n]
	if rest, ok = strings.CutPrefix(rest[n:], `","size":`); !ok {
		return f, "", false
	}
	n = 0
	for n < len(rest) && n < 12 && '0' <= rest[n] && rest[n] <= '9' {
		f.Size = 10*f.Size + int64(rest[n]-'0')
		n++
	}
	if n == 0 || n > 1 && rest[0] == '0' {
		return f, "", false
	}
	rest, ok = strings.CutPrefix(rest[n:], "}")
	return f, rest, ok
}

func isHex(c byte) bool { return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' }

func (f File) validate() error {
	if PartOf(f.Path) == "" {
		return fault.Invalid("edition.path", f.Path)
	}
	if f.Size < 0 || f.Size > MaxFile || !hexSHA256.MatchString(f.SHA256) {
		return fault.Invalid("edition.file", f.Path)
	}
	return nil
}

// VerifyManifest checks a manifest against a charter's chain: the chain holds,
// the manifest names its newest version, and the threshold of that version's
// people have signed the manifest's exact bytes. A manifest that names an
// earlier version of the charter, and was signed by the threshold of that one,
// gives the fault edition.old_charter; without its signatures it is not old but
// forged, edition.not_signed.
func VerifyManifest(chain charter.Chain, doc []byte, sigs charter.Signatures) (Manifest, charter.Charter, error) {
	c, err := chain.Verify("")
	if err != nil {
		return Manifest{}, charter.Charter{}, err
	}
	m, err := ParseManifest(doc)
	if err != nil {
		return Manifest{}, charter.Charter{}, err
	}
	newest := canon.Hash([]byte(chain[len(chain)-1].Document))
	i := slices.IndexFunc(chain, func(s charter.Signed) bool { return canon.Hash([]byte(s.Document)) == m.Charter })
	if i < 0 {
		return Manifest{}, charter.Charter{}, fault.Forbidden("edition.other_charter", m.Number)
	}
	if m.Charter != newest {
		if c, err = charter.Parse([]byte(chain[i].Document)); err != nil {
			return Manifest{}, charter.Charter{}, err
		}
	}
	if err := c.Verify(doc, sigs); err != nil {
		return Manifest{}, charter.Charter{}, fault.Forbidden("edition.not_signed", m.Number).Because(err)
	}
	if m.Charter != newest {
		return Manifest{}, charter.Charter{}, fault.Conflict("edition.old_charter", m.Number)
	}
	return m, c, nil
}

// The log's entries for what an edition holds. doc is the exact document.

// CharterEntry is the log's entry for a version of the charter.
func CharterEntry(c charter.Charter, doc []byte) tlog.Entry {
	return tlog.Entry{Kind: tlog.KindCharter, Version: c.Version, SHA256: canon.Hash(doc), Day: c.Made}
}

// RecordEntry is the log's entry for a version of a record: a withhold entry
// for a tombstone.
func RecordEntry(r record.Record, doc []byte) tlog.Entry {
	e := tlog.Entry{Kind: tlog.KindRecord, ID: r.ID, Version: r.Version, SHA256: canon.Hash(doc), Day: r.Day}
	if r.Status == record.Withdrawn {
		e.Kind = tlog.KindWithhold
	}
	return e
}

// ManifestEntry is the log's entry for an edition.
func ManifestEntry(m Manifest, doc []byte) tlog.Entry {
	return tlog.Entry{Kind: tlog.KindEdition, Number: m.Number, SHA256: canon.Hash(doc), Day: day(m)}
}

// day is when the edition was made.
func day(m Manifest) string { return m.Made[:len(time.DateOnly)] }
