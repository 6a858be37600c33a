// Package site renders an edition: the plain files, in every language, that any
// dumb web host can serve and that make up what a collective has published.
//
// It keeps no database. What it must remember between editions (which records a
// list page shows, how many a month has) lies as small public JSON blocks in
// the edition itself, so the next edition is made from the last one and the
// changes alone: the cost of adding a record does not grow with the archive.
//
// It signs nothing, appends nothing to the log and reads no private case: it is
// given records and bytes that may be public. The desk uses it.
package site

import (
	"context"
	"io"
	"io/fs"
	"time"

	"kua/internal/canon"
	"kua/internal/charter"
	"kua/internal/edition"
	"kua/internal/fault"
	"kua/internal/locale"
	"kua/internal/page"
	"kua/internal/record"
)

// Config is what a site is made of. All members are needed.
type Config struct {
	Catalogue *locale.Catalogue
	Templates fs.FS  // with the folder "site"
	Style     []byte // the built stylesheet
}

// Site renders editions. It is safe for use by many goroutines, but only one
// update of a tree may run at a time.
type Site struct {
	cat       *locale.Catalogue
	set       *page.Set
	style     []byte
	styleName string
	styleSize int // compressed
}

// New reads the templates and checks that the stylesheet leaves room for pages.
func New(c Config) (*Site, error) {
	set, err := page.Parse(c.Templates, "site")
	if err != nil {
		return nil, err
	}
	s := &Site{cat: c.Catalogue, set: set, style: c.Style, styleName: "site." + canon.Hash(c.Style)[:12] + ".css"}
	if s.styleSize = best(c.Style); s.styleSize > maxPage-maxHTML {
		return nil, fault.TooLarge("site.style_too_heavy", s.styleSize, maxPage-maxHTML)
	}
	return s, nil
}

// Change is one version of a record that enters the edition: a new record, a
// new version, or the tombstone of a withdrawn one.
type Change struct {
	Record     record.Record
	Document   []byte // the exact canonical bytes
	Signatures charter.Signatures
}

// Blob opens the bytes of a published derivative by their SHA-256.
type Blob func(sha256 string) (io.ReadCloser, error)

// Input is what the next edition is made from, besides the tree.
type Input struct {
	Chain   charter.Chain
	Charter charter.Charter // the newest of the chain
	Changes []Change        // versions of one record in their order
	Blobs   Blob            // asked for blobs that the tree does not have
	Made    time.Time
	Fresh   time.Duration // after Made, a copy may be behind; zero means edition.FreshFor
	// LogSize is the index that the log entry of the first change will have;
	// the others follow in order. Pages print it.
	LogSize uint64
	// Log is the log as it will be before the edition's own entry; zero leaves it out.
	Log edition.Before
	// Anchor is the edition's list of blinded filings: edition.NewAnchor. Empty
	// leaves it out.
	Anchor []byte
	// Stamps are time stamps over what earlier editions left of the log, in order of
	// edition.
	Stamps []TimeStamp
	// Fates is the timeline of the records' copies: watch.Public. Empty keeps the
	// edition's.
	Fates []byte
	// Rebuild renders all pages of all records anew, after a change of
	// templates, translations or the collective's name.
	Rebuild bool
}

// TimeStamp is a stamp (RFC 3161) over the checkpoint that an edition left, and the
// certificates that it leads to.
type TimeStamp struct {
	Edition  int
	RootsID  string // stamp.Roots.ID
	Note     []byte // the checkpoint as it was stamped
	Response []byte // the service's whole answer
	Roots    []byte // PEM
}

// Update renders what changed into overlay, an empty or absent directory on the
// tree's file system, and returns the next manifest, unsigned; its document lies
// in overlay too. Files that stay the same stay in the tree. A draft that overlay still holds is thrown away;
// one that Apply has begun to move is a conflict: apply it first.
//
// The number of files written depends on the changes, not on the archive.
func (s *Site) Update(ctx context.Context, tree, overlay string, input Input) (edition.Manifest, error) {
	if err := clear(overlay); err != nil {
		return edition.Manifest{}, err
	}
	r, err := s.begin(tree, overlay, input)
	if err != nil {
		return edition.Manifest{}, err
	}
	if err := r.take(ctx); err != nil {
		return edition.Manifest{}, err
	}
	if err := r.renderAll(ctx); err != nil {
		return edition.Manifest{}, err
	}
	return r.finish()
}
