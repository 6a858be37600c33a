package parcel

import (
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"kua/internal/canon"
	"kua/internal/fault"
)

var (
	bagitFile    = regexp.MustCompile(`^BagIt-Version: 1\.0(\r\n|\n|\r)Tag-File-Character-Encoding: UTF-8(\r\n|\n|\r)?$`)
	manifestLine = regexp.MustCompile(`^([0-9A-Fa-f]{64})[ \t]+\*?(.+)$`)
	lineEnd      = regexp.MustCompile(`\r\n|\n|\r`)
)

// check holds everything read against the manifests and the report.
func (b *bagReader) check() error {
	if !bagitFile.Match(b.tags[bagitPath]) {
		return fault.Invalid("parcel.tag_file", bagitPath)
	}
	if err := b.checkPayload(); err != nil {
		return err
	}
	if err := b.checkTags(); err != nil {
		return err
	}
	if err := b.checkOxum(); err != nil {
		return err
	}
	return b.checkListed()
}

// checkPayload wants every payload file in the manifest once, and no other.
func (b *bagReader) checkPayload() error {
	listed, err := parseManifest(manifestPath, b.tags[manifestPath])
	if err != nil {
		return err
	}
	for _, e := range b.entries {
		hash, ok := listed[norm.NFC.String(e.Path)]
		if !ok {
			return fault.Invalid("parcel.extra_file", clip(e.Path))
		}
		if hash != e.SHA256 {
			return fault.Corrupt("parcel.damaged", clip(e.Path))
		}
		delete(listed, norm.NFC.String(e.Path))
	}
	return nothingLeft(listed)
}

func (b *bagReader) checkTags() error {
	listed, err := parseManifest(tagManifestPath, b.tags[tagManifestPath])
	if err != nil {
		return err
	}
	for _, name := range []string{bagitPath, bagInfoPath, manifestPath} {
		text, here := b.tags[name]
		hash, ok := listed[name]
		switch {
		case !here && !ok:
			continue // bag-info.txt may be missing; the other two were needed before
		case !here:
			return fault.Invalid("parcel.missing_file", name)
		case !ok:
			return fault.Invalid("parcel.extra_file", name)
		case hash != canon.Hash(text):
			return fault.Corrupt("parcel.damaged", name)
		}
		delete(listed, name)
	}
	return nothingLeft(listed)
}

func nothingLeft(listed map[string]string) error {
	for path := range listed {
		return fault.Invalid("parcel.missing_file", clip(path))
	}
	return nil
}

// checkOxum compares the octets and the number of files, where they are stated.
func (b *bagReader) checkOxum() error {
	var bytes int64
	for _, e := range b.entries {
		bytes += e.Size
	}
	for _, line := range lineEnd.Split(string(b.tags[bagInfoPath]), -1) {
		label, value, ok := strings.Cut(line, ":")
		if ok && strings.EqualFold(label, "Payload-Oxum") && strings.TrimSpace(value) != fmt.Sprintf("%d.%d", bytes, len(b.entries)) {
			return fault.Invalid("parcel.tag_file", bagInfoPath)
		}
	}
	return nil
}

// checkListed wants the report and the bag to name the same files with the same sizes.
func (b *bagReader) checkListed() error {
	sizes := make(map[string]int64, len(b.report.Files))
	for _, f := range b.report.Files {
		sizes[norm.NFC.String(f.Path)] = f.Size
	}
	for _, e := range b.entries[1:] {
		path := norm.NFC.String(e.Path)
		if size, ok := sizes[path]; !ok || size != e.Size {
			return fault.Invalid("parcel.files_differ", clip(e.Path))
		}
		delete(sizes, path)
	}
	for path := range sizes {
		return fault.Invalid("parcel.missing_file", clip(path))
	}
	return nil
}

// parseManifest reads a BagIt manifest into path → hash. It bears the "*" and
// "./" of checksum programs, decodes %0A, %0D and %25 and no other escape, and
// refuses a path that stands twice.
func parseManifest(name string, text []byte) (map[string]string, error) {
	if !utf8.Valid(text) || strings.HasPrefix(string(text), "\uFEFF") {
		return nil, fault.Invalid("parcel.tag_file", name)
	}
	listed := make(map[string]string)
	folded := make(map[string]bool)
	for _, line := range lineEnd.Split(string(text), -1) {
		if line == "" {
			continue
		}
		m := manifestLine.FindStringSubmatch(line)
		if m == nil {
			return nil, fault.Invalid("parcel.tag_file", name)
		}
		path := norm.NFC.String(decodePath(strings.TrimPrefix(m[2], "./")))
		if err := checkPath(path); err != nil {
			return nil, err
		}
		if folded[foldPath(path)] {
			return nil, fault.Invalid("parcel.twice", clip(path))
		}
		folded[foldPath(path)] = true
		listed[path] = strings.ToLower(m[1])
	}
	if len(listed) == 0 {
		return nil, fault.Invalid("parcel.tag_file", name)
	}
	return listed, nil
}

var pathEscapes = strings.NewReplacer("%0A", "\n", "%0a", "\n", "%0D", "\r", "%0d", "\r", "%25", "%")

func decodePath(p string) string { return pathEscapes.Replace(p) }
