package site

import (
	"maps"
	"slices"

	"kua/internal/fault"
	"kua/internal/locale"
	"kua/internal/watch"
)

// copiesPath is where an edition keeps the timeline of its records' copies. It is
// listed in the manifest, which is signed and logged, like every other file.
const copiesPath = "data/copies.json"

// mostCopies bounds what a record's page tells; the rest is in the file.
const mostCopies = 12

// copyLine is an event of a copy, or, without a result, a copy that is still there.
type copyLine struct {
	Day, Kind, URL, Result, Phase, Reason string
	Bytes                                 int64
}

// takeCopies brings in the timeline and marks the records whose lines changed. An
// input without one keeps the edition's.
func (r *render) takeCopies() error {
	var old []byte
	if r.w.exists(copiesPath) {
		var err error
		if old, err = r.w.read(copiesPath); err != nil {
			return err
		}
	}
	before, err := copiesOf(old)
	if err != nil {
		return fault.Corrupt("site.broken_state", copiesPath).Because(err)
	}
	if r.copies = before; r.in.Copies == nil {
		return nil
	}
	if r.copies, err = copiesOf(r.in.Copies); err != nil {
		return err
	}
	ids := maps.Clone(r.copies)
	maps.Copy(ids, before)
	for id := range ids {
		if slices.Equal(before[id], r.copies[id]) || !r.w.exists(in(locale.English, recordAddress(id, 1))) {
			continue // a record that is new is rendered anyway
		}
		e, had, err := r.shelves.find(shelf{kind: "list"}, listPageOf(id), id)
		if err != nil {
			return err
		}
		if had && !e.Withdrawn {
			r.touched[id] = true
		}
	}
	return r.w.put(copiesPath, r.in.Copies)
}

// copiesOf gives the lines of each record, the newest first, those that are still
// there last.
func copiesOf(document []byte) (map[string][]copyLine, error) {
	all := make(map[string][]copyLine)
	if len(document) == 0 {
		return all, nil
	}
	p, err := watch.ParseTimeline(document)
	if err != nil {
		return nil, err
	}
	for _, e := range slices.Backward(p.Events) {
		if len(all[e.Record]) < mostCopies {
			all[e.Record] = append(all[e.Record], copyLine{Day: e.Day, Kind: e.Kind, URL: e.URL, Result: e.Result, Phase: e.Phase, Reason: e.Reason, Bytes: e.Bytes})
		}
	}
	still := make(map[string]int)
	for _, h := range p.Still {
		if still[h.Record]++; still[h.Record] <= mostCopies {
			all[h.Record] = append(all[h.Record], copyLine{Day: h.Seen, Kind: h.Kind, URL: h.URL})
		}
	}
	return all, nil
}

func (r *render) copyItems(id string) []item {
	var items []item
	for _, c := range r.copies[id] {
		items = append(items, item{Copy: &c})
	}
	return items
}
