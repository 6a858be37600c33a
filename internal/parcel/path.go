package parcel

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"kua/internal/fault"
)

// The names in a bag. Sealers write only these and data/files/<n>.<ext>.
const (
	topDir          = "parcel/"
	reportPath      = "data/report.json"
	bagitPath       = "bagit.txt"
	bagInfoPath     = "bag-info.txt"
	manifestPath    = "manifest-sha256.txt"
	tagManifestPath = "tagmanifest-sha256.txt"
)

// checkPath refuses every path that could leave the bag or mean two things on
// two systems: absolute, with "..", ".", empty or "~" parts, backslashes,
// colons, control characters, or not UTF-8. The path is relative to the bag.
func checkPath(p string) error {
	bad := p == "" || len(p) > maxPathSize || !utf8.ValidString(p) ||
		strings.ContainsAny(p, `\:`) || strings.ContainsFunc(p, unicode.IsControl)
	for part := range strings.SplitSeq(p, "/") {
		bad = bad || part == "" || part == "." || part == ".." || strings.HasPrefix(part, "~")
	}
	if bad {
		return fault.Invalid("parcel.path", clip(p))
	}
	return nil
}

// checkPayloadPath is checkPath for what must lie below data/.
func checkPayloadPath(p string) error {
	if !strings.HasPrefix(p, "data/") {
		return fault.Invalid("parcel.path", clip(p))
	}
	return checkPath(p)
}

// foldPath gives the form under which two paths count as one, as they do on a
// file system that folds case or composes letters.
func foldPath(p string) string { return strings.ToLower(norm.NFC.String(p)) }

// clip makes a stranger's path short and printable enough for a message.
func clip(p string) string {
	p = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '\uFFFD'
		}
		return r
	}, strings.ToValidUTF8(p, "\uFFFD"))
	if rs := []rune(p); len(rs) > 80 {
		p = string(rs[:80]) + "…"
	}
	return p
}

// neutralExt gives a file's extension for its neutral name: ".mp4", or ".bin"
// when the name has none that is short and plain.
func neutralExt(name string) string {
	i := strings.LastIndexByte(name, '.')
	ext := strings.ToLower(name[i+1:])
	if i < 0 || ext == "" || len(ext) > 8 {
		return ".bin"
	}
	for _, c := range ext {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') {
			return ".bin"
		}
	}
	return "." + ext
}
