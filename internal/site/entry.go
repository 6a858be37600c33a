package site

import (
	"kua/internal/locale"
	"kua/internal/record"
)

// An entry is what lists show of a record. It is public: the edition keeps the
// entries as data/…json, so that the next edition can be made without reading
// the archive.
type entry struct {
	ID        string      `json:"id"`
	Version   int         `json:"version"`
	Withdrawn bool        `json:"withdrawn,omitempty"`
	Day       string      `json:"day"`   // of this version
	Index     uint64      `json:"index"` // of this version's entry in the log
	What      string      `json:"what,omitempty"`
	Happened  string      `json:"happened,omitempty"`
	Until     string      `json:"until,omitempty"`
	Title     record.Text `json:"title,omitempty"`
	Place     record.Text `json:"place,omitempty"`
	Films     int         `json:"films,omitempty"`
	Photos    int         `json:"photos,omitempty"`
	Sounds    int         `json:"sounds,omitempty"`
	Documents int         `json:"documents,omitempty"`

	// Where else the record is shelved: month and place, and which page of them.
	When  slot `json:"when,omitzero"`
	Where slot `json:"where,omitzero"`

	point *record.Point
}

// entryOf sums a record up; its slots and its place in the log come later.
func entryOf(r record.Record) entry {
	e := entry{
		ID: r.ID, Version: r.Version, Withdrawn: r.Status == record.Withdrawn, Day: r.Day, What: r.What,
		Happened: r.Happened.From, Until: r.Happened.To, Title: r.Title, Place: r.Place.Words, point: r.Place.Point,
	}
	for _, m := range r.Media {
		switch m.Type {
		case "film":
			e.Films++
		case "photo":
			e.Photos++
		case "sound":
			e.Sounds++
		default:
			e.Documents++
		}
	}
	return e
}

// line is an entry as one page shows it.
type line struct {
	entry
	Heading, Spot words
	Address       string
}

func lineOf(e entry, lang locale.Tag) line {
	return line{entry: e, Heading: pick(lang, e.Title), Spot: pick(lang, e.Place), Address: recordAddress(e.ID, 1)}
}

func linesOf(entries []entry, lang locale.Tag) []line {
	lines := make([]line, len(entries))
	for i, e := range entries {
		lines[i] = lineOf(e, lang)
	}
	return lines
}
