package verify

import (
	"context"
	"fmt"

	"kua/internal/edition"
	"kua/internal/fault"
	"kua/internal/record"
)

// checkDocument hashes, reads and checks one version of a record with its
// signatures. The bytes in what it gives lie in room.
func (r *run) checkDocument(ctx context.Context, f edition.File, room []byte) (d document, ok bool, err error) {
	if f.Size > record.MaxDocument {
		if _, err := r.checkFile(ctx, f, room); err != nil {
			return document{}, false, err
		}
		return document{}, false, r.problem(f.Path, fault.TooLarge("record.too_large", record.MaxDocument))
	}
	doc, _, err := r.checkSmall(ctx, f, room)
	if err != nil || doc == nil {
		return document{}, false, err // a finding names it
	}
	rec, err := record.Parse(doc)
	if err == nil && rec.Path() != f.Path {
		err = fault.Corrupt("verify.misplaced", f.Path)
	}
	if err != nil {
		return document{}, false, r.problem(f.Path, err)
	}
	by, err := r.signed(ctx, f.Path, doc)
	if err != nil {
		return document{}, false, err
	}
	return document{record: rec, sha256: f.SHA256, bytes: doc, signed: by}, true, nil
}

// checkRecords checks what holds between records and the edition's other files.
func (r *run) checkRecords(ctx context.Context, s *sweep) error {
	if s.records != r.head.manifest.Records {
		r.find(Corrupt, edition.ManifestPath, "verify.records_count", fmt.Sprint(r.head.manifest.Records), fmt.Sprint(s.records))
	}
	return r.checkMedia(ctx, s)
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
