package edition

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"sync"

	"kua/internal/canon"
	"kua/internal/fault"
	"kua/internal/tlog"
)

// Names that stand at the top of every edition.
const (
	ManifestPath = "manifest.json"
	LogDir       = "log"
	ScriptPath   = "inclusion.sh"
)

const maxPath = 200 // bytes: fits every file system and archive format

// A family is a set of paths that look alike, and the part that lists them.
// Every number a path can count up to is divided among parts, so that no part
// grows with the archive. mark stands in all of its paths, and is looked for first:
// a list of files names a hundred thousand.
type family struct {
	mark  string
	shape func() *regexp.Regexp
	part  func(m []string) string
}

// Building blocks of the shapes. Everything is lower case, so two paths can
// never differ in case alone; every folder is without a dot and every file has
// one, so no path can be the folder of another.
const (
	lang   = `([a-z]{2}(?:-[a-z]{4})?)`
	number = `(0|[1-9][0-9]{0,6})`
	cell   = `([ns][0-9]{2}[ew][0-9]{3})`
	month  = `([0-9]{4}-[0-9]{2}|undated)`
	prefix = `((?:[0-9a-f]{2}){1,32})`
	keyID  = `[0-9a-f]{16}`
)

var families = []family{
	{"/r/", shape(lang + `/r/([0-9]{4})/([0-9]{4})[0-9]{2}(?:-` + number + `)?\.html`), block(2, 3)},
	{"records/", shape(`records/([0-9]{4})/([0-9]{4})[0-9]{2}/v[1-9][0-9]{0,6}\.json`), block(1, 2)},
	{"blobs/", shape(`blobs/([0-9a-f]{2})/([0-9a-f]{2})[0-9a-f]{62}\.[a-z0-9]{1,5}`), blobPart},
	{".", shape(`(?:index|404)\.html|robots\.txt|` + regexp.QuoteMeta(ScriptPath)), whole("root")},
	{"s/", shape(`s/[a-z0-9-]{1,40}\.[a-z0-9]{6,64}\.(?:css|js|svg|png|ico|webp)`), whole("root")},
	{"data/", shape(`data/[a-z]{1,20}\.json`), whole("root")},
	{".html", shape(lang + `/[a-z0-9]{1,20}\.html`), named("pages-%s")},
	{"/feed.", shape(lang + `/feed\.(?:atom|json)`), named("pages-%s")},
	{"/list/", shape(`(?:` + lang + `|data)/list/` + number + `\.(?:html|json)`), func(m []string) string { return sharded("list", m[2], 50) }},
	{"/index.html", shape(lang + `/(?:when|words)/index\.html`), named("pages-%s")},
	{"data/words/", shape(`data/words/` + lang + `/index\.json`), named("pages-%s")},
	{"/when/", shape(`(?:` + lang + `|data)/when/` + month + `(?:-` + number + `)?\.(?:html|json)`), whenPart},
	{"/place/index", shape(`(?:` + lang + `|data)/place/index(?:-` + number + `)?\.(?:html|json)`), func(m []string) string { return sharded("place-index", m[2], 50) }},
	{"/place/", shape(`(?:` + lang + `|data)/place/` + cell + `(?:-` + number + `)?\.(?:html|json)`), placePart},
	{"/words/", shape(lang + `/words/` + prefix + `\.html`), wordsPart},
	{"data/words/", shape(`data/words/` + lang + `/` + prefix + `\.json`), wordsPart},
	{"charter/", shape(`charter/[1-9][0-9]{0,5}\.json(?:\.` + keyID + `\.sig)?`), whole("charter")},
	{"stamps/", shape(stampPath), func(m []string) string { return sharded("stamps", m[1], 50) }},
	{"stamps/", shape(`stamps/` + keyID + `\.pem`), whole("stamps")},
	{"anchors/", shape(`anchors/` + number + `\.txt`), func(m []string) string { return sharded("anchors", m[1], 50) }},
	{"keys/", shape(`keys/(?:` + keyID + `|log)\.pem`), whole("charter")},
}

var (
	partName      = regexp.MustCompile(`^[a-z0-9-]{1,40}$`)
	partPath      = regexp.MustCompile(`^parts/[a-z0-9-]{1,40}\.json$`)
	signaturePath = regexp.MustCompile(`^((?:manifest|records/[0-9]{4}/[0-9]{6}/v[1-9][0-9]{0,6})\.json)\.(` + keyID + `)\.sig$`)
)

// PartOf names the part that lists path. It is a pure function of the path, so
// that everybody finds a file's line without asking. Files that no part lists
// (the manifest, the parts, the log, and the signatures of manifest and records,
// which are made after the manifest) and paths that no edition may hold give "".
func PartOf(path string) string {
	if len(path) > maxPath {
		return ""
	}
	for _, f := range families {
		if !strings.Contains(path, f.mark) {
			continue
		}
		if m := f.shape().FindStringSubmatch(path); m != nil {
			return f.part(m)
		}
	}
	return ""
}

// CheckPath refuses every path that is not a file of an edition: what no family
// of PartOf has, and what is neither the manifest, a part, a signature of the
// manifest or a record, nor a file of the log.
func CheckPath(path string) error {
	if PartOf(path) != "" || path == ManifestPath || partPath.MatchString(path) {
		return nil
	}
	if document, _, ok := Signature(path); ok && (document == ManifestPath || PartOf(document) != "") {
		return nil
	}
	if p, ok := strings.CutPrefix(path, LogDir+"/"); ok && len(path) <= maxPath && tlog.CheckPath(p) {
		return nil
	}
	return fault.Invalid("edition.path", fmt.Sprintf("%.200q", path))
}

// Where a copy lists what it leaves out: at an address, and in a mirror's folder.
// Neither is a file of the edition. Format: spec/edition.md, "What a copy leaves out".
const (
	LeftPath = "api/v1/left"
	LeftFile = ".kua-mirror/left"
)

// MayLeave reports whether a copy may leave a file out by its own word: media and pages,
// and nothing by which the rest is checked.
func MayLeave(path string) bool {
	switch part, _, _ := strings.Cut(PartOf(path), "-"); part {
	case "blobs", "pages", "list", "when", "place", "words":
		return true
	case "r":
		return !strings.HasPrefix(path, "records/")
	}
	return false
}

// Signature takes the path of a signature of a manifest or record apart into
// the path of the document and the id of the key. Signatures are in no part: each
// is checked by itself, against its document and the charter.
func Signature(path string) (document, keyID string, ok bool) {
	if !strings.HasSuffix(path, ".sig") || len(path) > maxPath {
		return "", "", false // as of nearly every page that is asked for
	}
	m := signaturePath.FindStringSubmatch(path)
	if m == nil {
		return "", "", false
	}
	return m[1], m[2], true
}

// shape is compiled when it is first needed, since most runs of the program look
// at no edition.
func shape(s string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^(?:` + s + `)$`) })
}

func whole(name string) func([]string) string { return func([]string) string { return name } }

func named(format string) func([]string) string {
	return func(m []string) string { return fmt.Sprintf(format, m[1]) }
}

// block puts a hundred records into a part; folder and id must agree.
func block(folder, id int) func([]string) string {
	return func(m []string) string {
		if m[folder] != m[id] {
			return ""
		}
		return "r-" + m[id]
	}
}

func blobPart(m []string) string {
	if m[1] != m[2] {
		return ""
	}
	return "blobs-" + m[1]
}

// sharded divides pages by number: most of them to a part.
func sharded(name, n string, most int) string {
	i, _ := strconv.Atoi(n) // "" is page 1
	if i/most == 0 {
		return name
	}
	return fmt.Sprintf("%s-%d", name, i/most)
}

// whenPart divides the timeline by year.
func whenPart(m []string) string {
	year, _, _ := strings.Cut(m[2], "-")
	return sharded("when-"+year, m[3], 10)
}

// placePart divides the map by ten degrees of latitude and longitude.
func placePart(m []string) string {
	c := m[2]
	return sharded("place-"+c[:2]+"x"+c[3:6], m[3], 10)
}

// wordsPart spreads the search index of a language over sixteen parts.
func wordsPart(m []string) string {
	return fmt.Sprintf("words-%s-%.1s", m[1], canon.Hash([]byte(m[2])))
}
