package reader

import (
	"context"

	"kua/internal/charter"
	"kua/internal/record"
	"kua/internal/verify"
)

// Newest gives the newest version of a record that a copy of an edition has, be it
// a tombstone, and the newest charter there. Both are checked as in a file: the
// charter's chain, the log's checkpoint, the record's signatures and its entry.
// Its media are not looked at, nor whether the copy is an old one.
func Newest(ctx context.Context, src verify.Source, id string) (record.Record, charter.Charter, error) {
	g := &gatherer{src: src}
	if err := g.head(ctx); err != nil {
		return record.Record{}, charter.Charter{}, err
	}
	s, rec, err := g.record(ctx, id)
	if err != nil {
		return record.Record{}, charter.Charter{}, err
	}
	var c checker
	if err := c.head(g.proof, Options{}); err != nil {
		return record.Record{}, charter.Charter{}, err
	}
	return rec, c.versions[len(c.versions)-1], c.vouched(rec, s)
}
