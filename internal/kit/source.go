// Package kit makes what a person needs who puts a record up at a network by
// hand: share cards, the film in a step that suits, words within the network's
// limits, subtitles, and what to type where.
//
// Everything comes from a published edition, checked as a reader would check it,
// and every medium by its hash; nothing of the desk's own files is read. It
// contacts nobody: what becomes of a kit, a person decides. The desk and cmd/kua
// use it.
package kit

import (
	"context"

	"kua/internal/card"
	"kua/internal/charter"
	"kua/internal/fault"
	"kua/internal/locale"
	"kua/internal/reader"
	"kua/internal/record"
	"kua/internal/site"
	"kua/internal/verify"
)

// Source is a record as it was published, and where its code and its words lead.
type Source struct {
	card.Subject
	Charter charter.Charter
	from    verify.Source
}

// Open reads and checks the newest version of a record in a copy of an edition,
// be it a tombstone. address is the copy that cards and words lead to; "" is the
// first that a page of the edition would name. Faults: those of reader.Newest,
// card.no_address.
func Open(ctx context.Context, from verify.Source, id, address string) (Source, error) {
	rec, ch, err := reader.Newest(ctx, from, id)
	if err != nil {
		return Source{}, err
	}
	if address == "" {
		all := site.Addresses(ch)
		if len(all) == 0 {
			return Source{}, fault.Invalid("card.no_address")
		}
		address = all[0]
	}
	return Source{Subject: card.Subject{Record: rec, Collective: ch.Name, Address: address}, Charter: ch, from: from}, nil
}

// Languages gives those in which a record has words, in the order of the menu; of
// a tombstone, and of a record whose languages are all unknown here, every one.
func Languages(rec record.Record) (tags []locale.Tag) {
	for _, t := range locale.Tags() {
		for _, l := range rec.Languages {
			if l == string(t) {
				tags = append(tags, t)
			}
		}
	}
	if len(tags) == 0 {
		return locale.Tags()
	}
	return tags
}
