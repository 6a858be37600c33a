package verify

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"kua/internal/canon"
	"kua/internal/edition"
	"kua/internal/fault"
	"kua/internal/record"
)

// Record verifies one record of an edition: the page when path is one, the
// document, its signatures, the media of its newest version, its entry in the
// log, and the charter chain, manifest and log head all of that hangs on. path
// is a page's or a document's path within the edition, or a record's id.
func Record(ctx context.Context, src Source, path string, opts Options) (Report, error) {
	r := newRun(src, src.String(), opts)
	r.report.Path = path
	err := r.one(ctx, path)
	return r.done(), err
}

func (r *run) one(ctx context.Context, path string) error {
	id, version := path, 0
	if m := recordPath.FindStringSubmatch(path); m != nil {
		id, version = m[2], atoi(m[3])
	}
	if !record.IsID(id) {
		return fault.Invalid("verify.no_record", path)
	}
	if ok, err := r.readHead(ctx); err != nil || !ok {
		return err
	}
	hint, hinted, err := r.checkPage(ctx, path)
	if err != nil {
		return err
	}
	d, ok, err := r.newestDocument(ctx, id, version)
	if err != nil || !ok {
		return err
	}
	if err := r.checkLogged(ctx, &d, hint, hinted); err != nil {
		return err
	}
	return r.remember()
}

// newestDocument checks the wanted version of a record, or with 0 the newest,
// and the media when it is the newest.
func (r *run) newestDocument(ctx context.Context, id string, version int) (d document, ok bool, err error) {
	part, there := r.head.manifest.Part(edition.PartOf(record.Path(id, 1)))
	if !there {
		r.find(Corrupt, record.Path(id, max(version, 1)), "verify.not_in_edition", id)
		return d, false, nil
	}
	files, err := r.lines(ctx, part)
	if err != nil || files == nil {
		return d, false, err
	}
	newest := 0
	byVersion := make(map[int]edition.File)
	for _, f := range files {
		if m := recordPath.FindStringSubmatch(f.Path); m != nil && m[2] == id && m[3] != "" {
			byVersion[atoi(m[3])] = f
			newest = max(newest, atoi(m[3]))
		}
	}
	if version == 0 {
		version = newest
	}
	f, there := byVersion[version]
	if !there {
		r.find(Corrupt, record.Path(id, max(version, 1)), "verify.not_in_edition", id)
		return d, false, nil
	}
	if d, ok, err = r.checkDocument(ctx, f, make([]byte, smallFile+1)); err != nil || !ok {
		return d, false, err
	}
	if version == newest {
		err = r.checkBlobs(ctx, d.record)
	}
	return d, err == nil, err
}

// checkBlobs hashes a record's media and wants them in the edition.
func (r *run) checkBlobs(ctx context.Context, rec record.Record) error {
	for _, b := range rec.AllFiles() {
		r.seen.OfFiles++
		r.seen.OfBytes += b.Size
	}
	room := make([]byte, smallFile+1)
	for _, b := range rec.AllFiles() {
		want := edition.File{Path: b.Path(), Size: b.Size, SHA256: b.SHA256}
		line, err := r.line(ctx, want.Path)
		if err != nil {
			return err
		}
		if line != want {
			r.find(Corrupt, want.Path, "verify.not_in_edition", want.Path)
		}
		if _, err := r.checkFile(ctx, want, room); err != nil {
			return err
		}
	}
	return nil
}

var logIndex = regexp.MustCompile(`class="log-index" value="([0-9]{1,12})"`)

// checkPage checks a page's bytes and takes from it where in the log the
// record's entry should be: a hint, which is checked.
func (r *run) checkPage(ctx context.Context, path string) (hint uint64, hinted bool, err error) {
	if !strings.HasSuffix(path, ".html") {
		return 0, false, nil
	}
	f, err := r.line(ctx, path)
	if err != nil {
		return 0, false, err
	}
	if f.Path == "" {
		r.find(Corrupt, path, "verify.not_in_edition", path)
		return 0, false, nil
	}
	page, err := r.read(ctx, path, f.Size)
	if err != nil {
		return 0, false, r.problem(path, err)
	}
	if canon.Hash(page) != f.SHA256 {
		r.find(Corrupt, path, "verify.differs", path)
		return 0, false, nil
	}
	r.count(1, f.Size)
	if m := logIndex.FindSubmatch(page); m != nil {
		hint, err = strconv.ParseUint(string(m[1]), 10, 64)
		return hint, err == nil, nil
	}
	return 0, false, nil
}

// File holds one file, downloaded or at an address, against an edition: by its
// hash when it is a medium or page, and as a record with all that belongs to it
// when it is a record's document. What the file is called means nothing.
func File(ctx context.Context, src Source, file string, opts Options) (Report, error) {
	r := newRun(src, src.String(), opts)
	r.report.Path = filepath.Base(file)
	err := r.file(ctx, file)
	return r.done(), err
}

func (r *run) file(ctx context.Context, file string) error {
	f, err := openFile(ctx, file, r.opts.HTTP)
	if err != nil {
		return err
	}
	defer f.Close()
	sum, size, err := hashAll(f)
	if err != nil {
		return err
	}
	ok, err := r.readHead(ctx)
	if err != nil || !ok {
		return err
	}
	line, err := r.lineOfHash(ctx, sum)
	if err != nil {
		return err
	}
	if line.Path == "" || line.Size != size {
		r.find(Corrupt, filepath.Base(file), "verify.not_in_edition", filepath.Base(file))
		return nil
	}
	r.count(1, size)
	r.report.Path = line.Path
	return r.hangsOn(ctx, line.Path)
}

// listedFile verifies one file of an edition that is no record.
func (r *run) listedFile(ctx context.Context, path string) error {
	ok, err := r.readHead(ctx)
	if err != nil || !ok {
		return err
	}
	f, err := r.line(ctx, path)
	if err != nil {
		return err
	}
	if f.Path == "" {
		r.find(Corrupt, path, "verify.not_in_edition", path)
		return nil
	}
	there, err := r.checkFile(ctx, f, make([]byte, smallFile+1))
	if err != nil {
		return err
	}
	if !there && r.report.Result == OK { // the copy says so, but nothing else was asked for
		return fault.NotFound("verify.no_target", path)
	}
	return r.hangsOn(ctx, path)
}

// hangsOn checks what a listed file hangs on: its record, when it belongs to
// one, and the edition's place in the log.
func (r *run) hangsOn(ctx context.Context, path string) error {
	var doc *document
	if m := recordPath.FindStringSubmatch(path); m != nil {
		d, ok, err := r.newestDocument(ctx, m[2], atoi(m[3]))
		if err != nil || !ok {
			return err
		}
		doc = &d
	}
	if err := r.checkLogged(ctx, doc, 0, false); err != nil {
		return err
	}
	return r.remember()
}

func hashAll(in io.Reader) (sum string, size int64, err error) {
	h := sha256.New()
	size, err = io.Copy(h, in)
	return hex.EncodeToString(h.Sum(nil)), size, err
}

// line gives a path's line in the edition, or an empty one.
func (r *run) line(ctx context.Context, path string) (edition.File, error) {
	part, ok := r.head.manifest.Part(edition.PartOf(path))
	if !ok {
		return edition.File{}, nil
	}
	files, err := r.lines(ctx, part)
	if i := slices.IndexFunc(files, func(f edition.File) bool { return f.Path == path }); i >= 0 {
		return files[i], err
	}
	return edition.File{}, err
}

// lineOfHash looks for a file by its bytes: among the media of that name first,
// then everywhere.
func (r *run) lineOfHash(ctx context.Context, sum string) (edition.File, error) {
	first := "blobs-" + sum[:2]
	parts := slices.Clone(r.head.manifest.Parts)
	slices.SortStableFunc(parts, func(a, b edition.Part) int {
		switch {
		case a.Name == first && b.Name != first:
			return -1
		case b.Name == first && a.Name != first:
			return 1
		}
		return 0
	})
	for _, p := range parts {
		files, err := r.lines(ctx, p)
		if err != nil {
			return edition.File{}, err
		}
		if i := slices.IndexFunc(files, func(f edition.File) bool { return f.SHA256 == sum }); i >= 0 {
			return files[i], nil
		}
	}
	return edition.File{}, nil
}

// lines reads a part: once, but where it is near and there are many.
func (r *run) lines(ctx context.Context, p edition.Part) ([]edition.File, error) {
	if files, ok := r.parts[p.Name]; ok {
		return files, nil
	}
	files, err := r.part(ctx, p)
	if _, near := r.src.(lister); err == nil && !(near && r.whole) {
		r.parts[p.Name] = files
	}
	return files, err
}

func atoi(s string) int {
	n, _ := strconv.Atoi(s) // "" is 0: no version named
	return n
}
