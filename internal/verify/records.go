package verify

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"kua/internal/canon"
	"kua/internal/edition"
	"kua/internal/fault"
	"kua/internal/record"
)

// checkDocument hashes, reads and checks one version of a record with its
// signatures.
func (r *run) checkDocument(ctx context.Context, f edition.File) (d document, ok bool, err error) {
	var doc bytes.Buffer
	if err := r.checkFile(ctx, f, &doc); err != nil || canon.Hash(doc.Bytes()) != f.SHA256 {
		return document{}, false, err // a finding names it
	}
	rec, err := record.Parse(doc.Bytes())
	if err == nil && rec.Path() != f.Path {
		err = fault.Corrupt("verify.misplaced", f.Path)
	}
	if err != nil {
		return document{}, false, r.problem(f.Path, err)
	}
	if err := r.signed(ctx, f.Path, doc.Bytes()); err != nil {
		return document{}, false, err
	}
	return document{record: rec, sha256: f.SHA256, bytes: doc.Bytes()}, true, nil
}

// checkRecords checks what holds between versions, and between records and the
// edition's other files.
func (r *run) checkRecords(docs map[string]document, files map[string]edition.File) {
	byID := make(map[string][]document)
	for _, d := range docs {
		byID[d.record.ID] = append(byID[d.record.ID], d)
	}
	for _, id := range slices.Sorted(maps.Keys(byID)) {
		versions := byID[id]
		slices.SortFunc(versions, func(a, b document) int { return a.record.Version - b.record.Version })
		r.checkVersions(versions)
		r.checkMedia(versions[len(versions)-1].record, files)
	}
	if ids := countRecords(files); ids != r.head.manifest.Records {
		r.find(Corrupt, edition.ManifestPath, "verify.records_count", fmt.Sprint(r.head.manifest.Records), fmt.Sprint(ids))
	}
	for path, text := range edition.KeyFiles(r.head.charter) {
		if f, ok := files[path]; ok && f.SHA256 != canon.Hash([]byte(text)) {
			r.find(Corrupt, path, "verify.other_key", path)
		}
	}
}

// checkVersions wants each version to name the one before. A withdrawn record
// keeps its tombstone alone; any other has all its versions.
func (r *run) checkVersions(versions []document) {
	newest := versions[len(versions)-1].record
	if newest.Status == record.Withdrawn {
		if len(versions) > 1 {
			r.find(Corrupt, versions[0].record.Path(), "verify.not_withdrawn", newest.ID)
		}
		return
	}
	for i, d := range versions {
		rec := d.record
		if rec.Version != i+1 || i > 0 && rec.Previous != versions[i-1].sha256 {
			r.find(Corrupt, rec.Path(), "record.broken_chain", rec.ID, fmt.Sprint(rec.Version))
			return
		}
	}
}

// checkMedia wants every file of a record's newest version in the edition.
func (r *run) checkMedia(rec record.Record, files map[string]edition.File) {
	for _, f := range rec.AllFiles() {
		in, ok := files[f.Path()]
		switch {
		case !ok:
			r.find(Corrupt, f.Path(), "verify.missing", f.Path())
		case in.SHA256 != f.SHA256 || in.Size != f.Size:
			r.find(Corrupt, f.Path(), "verify.differs", f.Path())
		}
	}
}

// countRecords counts ids: records/<4 digits>/<6 digits>/….
func countRecords(files map[string]edition.File) int {
	ids := make(map[string]bool)
	for path := range files {
		if rest, ok := strings.CutPrefix(path, "records/"); ok {
			ids[rest[5:11]] = true // PartOf has checked the shape
		}
	}
	return len(ids)
}
