package site

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	"kua/internal/caption"
	"kua/internal/edition"
	"kua/internal/fault"
	"kua/internal/locale"
	"kua/internal/record"
)

// take brings the changes into the state and their documents into the overlay.
func (r *render) take(ctx context.Context) error {
	for i, c := range r.in.Changes {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := r.takeOne(c, r.in.LogSize+uint64(i)); err != nil {
			return fmt.Errorf("publish record %s: %w", c.Record.ID, err)
		}
	}
	if err := r.takeFates(); err != nil {
		return err
	}
	if err := r.takeStamps(); err != nil {
		return err
	}
	if r.in.Rebuild {
		return r.touchAll()
	}
	return nil
}

func (r *render) takeOne(c Change, index uint64) error {
	rec, err := record.Parse(c.Document)
	if err != nil {
		return err
	}
	list, at := shelf{kind: "list"}, listPageOf(rec.ID)
	old, had, err := r.shelves.find(list, at, rec.ID)
	if err != nil {
		return err
	}
	if err := r.follows(rec, c.Document, old, had); err != nil {
		return err
	}
	var before record.Record
	if had {
		if before, _, err = r.document(old.ID, old.Version); err != nil {
			return err
		}
	}
	if err := r.putDocument(rec, c); err != nil {
		return err
	}
	if err := r.putBlobs(rec, before); err != nil {
		return err
	}
	e := entryOf(rec)
	e.Index = index
	if had && old.Version == rec.Version {
		e.Index = old.Index // only signatures were added
	}
	if err := r.shelve(&e, old, had); err != nil {
		return err
	}
	if err := r.index(e, old); err != nil {
		return err
	}
	r.count(e, old, had, at)
	if err := r.withdrawOld(rec); err != nil {
		return err
	}
	r.touched[rec.ID] = true
	return r.shelves.put(list, at, e)
}

// follows checks that a version comes behind the one the edition has.
func (r *render) follows(rec record.Record, doc []byte, old entry, had bool) error {
	switch {
	case !had && rec.Version == 1, had && rec.Version == old.Version+1:
		return nil
	case had && rec.Version == old.Version:
		b, err := r.w.read(record.Path(rec.ID, rec.Version))
		if err != nil {
			return err
		}
		if bytes.Equal(b, doc) {
			return nil
		}
	}
	return fault.Conflict("site.version_gap", rec.ID, rec.Version, old.Version)
}

// document reads a version of a record from the edition.
func (r *render) document(id string, version int) (record.Record, []byte, error) {
	path := record.Path(id, version)
	doc, err := r.w.read(path)
	if err != nil {
		return record.Record{}, nil, err
	}
	rec, err := record.Parse(doc)
	if err != nil {
		return record.Record{}, nil, fault.Corrupt("site.broken_state", path).Because(err)
	}
	return rec, doc, nil
}

func (r *render) putDocument(rec record.Record, c Change) error {
	path := record.Path(rec.ID, rec.Version)
	if err := r.w.put(path, c.Document); err != nil {
		return err
	}
	for id, sig := range c.Signatures {
		if err := r.w.put(edition.SignaturePath(path, id), sig); err != nil {
			return err
		}
	}
	return nil
}

// putBlobs brings the record's films and photos in, and takes those away that
// only its version before showed: they were taken out for a reason.
func (r *render) putBlobs(rec, before record.Record) error {
	for _, m := range rec.Media {
		if m.Poster != nil && m.Poster.Size > maxPoster {
			return fault.TooLarge("site.poster_too_heavy", rec.ID, m.ID, m.Poster.Size, maxPoster)
		}
	}
	now, was := blobsOf(rec), blobsOf(before)
	for path, f := range now {
		if _, kept := was[path]; kept {
			continue
		}
		if r.w.exists(path) {
			r.shared.Blobs[path]++
			continue
		}
		if err := r.w.putBlob(path, f.SHA256, f.Size, r.in.Blobs); err != nil {
			return err
		}
		if f.Type == caption.Type {
			if _, err := r.readCues(path); err != nil {
				return err
			}
		}
	}
	for path := range was {
		if _, kept := now[path]; kept {
			continue
		}
		if r.shared.Blobs[path] > 0 {
			if r.shared.Blobs[path]--; r.shared.Blobs[path] == 0 {
				delete(r.shared.Blobs, path)
			}
			continue
		}
		if err := r.w.remove(path); err != nil {
			return err
		}
	}
	return nil
}

// blobsOf gives a record's files by their path in the edition.
func blobsOf(rec record.Record) map[string]record.File {
	files := make(map[string]record.File)
	for _, f := range rec.AllFiles() {
		files[f.Path()] = f
	}
	return files
}

// shelve puts the entry on the pages of its month and place, and takes it off
// those of its version before.
func (r *render) shelve(e *entry, old entry, had bool) error {
	if had && old.When.Page > 0 {
		if err := r.unshelve(old); err != nil {
			return err
		}
	}
	if e.Withdrawn {
		return nil
	}
	var err error
	m := r.block.month(monthOf(*e))
	when := shelf{"when", m.Name}
	e.When = slot{m.Name, old.When.Page}
	if old.When.Name != m.Name {
		if e.When.Page, err = r.shelves.room(when, m.Pages); err != nil {
			return err
		}
		m.Pages = max(m.Pages, e.When.Page)
	}
	m.Count++
	var c *cell
	if e.point != nil {
		c = r.places.add(*e.point)
		e.Where = slot{c.Name, old.Where.Page}
		if old.Where.Name != c.Name {
			if e.Where.Page, err = r.shelves.room(shelf{"place", c.Name}, c.Pages); err != nil {
				return err
			}
			c.Pages = max(c.Pages, e.Where.Page)
		}
		c.Count++
		if byID(entry{ID: c.From}, e.ID) <= 0 || len(c.Words) == 0 {
			c.From, c.Words = e.ID, e.Place
		}
		if err := r.shelves.put(shelf{"place", c.Name}, e.Where.Page, *e); err != nil {
			return err
		}
	}
	return r.shelves.put(when, e.When.Page, *e)
}

func (r *render) unshelve(old entry) error {
	r.block.month(old.When.Name).Count--
	if err := r.shelves.take(shelf{"when", old.When.Name}, old.When.Page, old.ID); err != nil {
		return err
	}
	c := r.places.cell(old.Where.Name)
	if c == nil {
		return nil
	}
	c.Count--
	at := shelf{"place", c.Name}
	if err := r.shelves.take(at, old.Where.Page, old.ID); err != nil || c.From != old.ID {
		return err
	}
	// The place was named in this record's words: name it by another's.
	c.From, c.Words = "", nil
	sh, err := r.shelves.open(at, old.Where.Page)
	if err == nil && len(sh.Entries) > 0 {
		newest := sh.Entries[len(sh.Entries)-1]
		c.From, c.Words = newest.ID, newest.Place
	}
	return err
}

// index moves the record in the index of words from its old ones to its new.
func (r *render) index(e, old entry) error {
	for _, lang := range locale.Tags() {
		was, now := wordsOf(lang, old), wordsOf(lang, e)
		isIn := func(list []string) func(string) bool {
			return func(w string) bool { _, found := slices.BinarySearch(list, w); return found }
		}
		if err := r.index_.drop(lang, slices.DeleteFunc(slices.Clone(was), isIn(now)), e.ID); err != nil {
			return err
		}
		if err := r.index_.add(lang, slices.DeleteFunc(slices.Clone(now), isIn(was)), e.ID); err != nil {
			return err
		}
	}
	return nil
}

func (r *render) count(e, old entry, had bool, page int) {
	if !had {
		r.block.Records++
	}
	if e.Withdrawn && !old.Withdrawn {
		r.block.Withdrawn++
	}
	if !e.Withdrawn && old.Withdrawn {
		r.block.Withdrawn--
	}
	if page > r.block.Lists {
		// The page before gets a way on to this one.
		r.block.Lists = page
	}
}

// withdrawOld takes the earlier documents of a withdrawn record away: what was
// withdrawn must not lie beside its tombstone. The log still shows that they were.
func (r *render) withdrawOld(rec record.Record) error {
	if rec.Status != record.Withdrawn {
		return nil
	}
	for v := rec.Version - 1; v >= 1; v-- {
		path := record.Path(rec.ID, v)
		if !r.w.exists(path) {
			continue
		}
		sigs, err := r.w.beside(path)
		if err != nil {
			return err
		}
		for _, p := range append(sigs, path) {
			if err := r.w.remove(p); err != nil {
				return err
			}
		}
	}
	return nil
}

// touchAll marks every record, and opens every sheet and word page, for
// rendering.
func (r *render) touchAll() error {
	for n := 1; n <= r.block.Lists; n++ {
		sh, err := r.shelves.open(shelf{kind: "list"}, n)
		if err != nil {
			return err
		}
		for _, e := range sh.Entries {
			r.touched[e.ID] = true
		}
	}
	open := func(at shelf, pages int) error {
		for n := 1; n <= pages; n++ {
			if _, err := r.shelves.open(at, n); err != nil {
				return err
			}
		}
		return nil
	}
	for _, m := range r.block.Months {
		if err := open(shelf{"when", m.Name}, m.Pages); err != nil {
			return err
		}
	}
	for _, c := range r.places.Cells {
		if err := open(shelf{"place", c.Name}, c.Pages); err != nil {
			return err
		}
	}
	for _, lang := range locale.Tags() {
		if err := r.index_.openAll(wordAt{lang, ""}); err != nil {
			return err
		}
	}
	return nil
}
