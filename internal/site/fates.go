package site

import (
	"maps"
	"slices"

	"kua/internal/fault"
	"kua/internal/locale"
	"kua/internal/watch"
)

// fatesPath is where an edition keeps the timeline of its records' copies. It is
// listed in the manifest, which is signed and logged, like every other file.
const fatesPath = "data/fates.json"

// mostFates bounds what a record's page tells; the rest is in the file.
const mostFates = 12

// fate is an event of a copy, or, without a result, a copy that is still there.
type fate struct {
	Day, Kind, URL, Result, Phase, Reason string
	Bytes                                 int64
}

// takeFates brings in the timeline and marks the records whose lines changed. An
// input without one keeps the edition's.
func (r *render) takeFates() error {
	var old []byte
	if r.w.exists(fatesPath) {
		var err error
		if old, err = r.w.read(fatesPath); err != nil {
			return err
		}
	}
	before, err := fatesOf(old)
	if err != nil {
		return fault.Corrupt("site.broken_state", fatesPath).Because(err)
	}
	if r.fates = before; r.in.Fates == nil {
		return nil
	}
	if r.fates, err = fatesOf(r.in.Fates); err != nil {
		return err
	}
	ids := maps.Clone(r.fates)
	maps.Copy(ids, before)
	for id := range ids {
		if slices.Equal(before[id], r.fates[id]) || !r.w.exists(in(locale.English, recordAddress(id, 1))) {
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
	return r.w.put(fatesPath, r.in.Fates)
}

// fatesOf gives the lines of each record, the newest first, those that are still
// there last.
func fatesOf(document []byte) (map[string][]fate, error) {
	all := make(map[string][]fate)
	if len(document) == 0 {
		return all, nil
	}
	p, err := watch.ParseTimeline(document)
	if err != nil {
		return nil, err
	}
	for _, e := range slices.Backward(p.Events) {
		if len(all[e.Record]) < mostFates {
			all[e.Record] = append(all[e.Record], fate{Day: e.Day, Kind: e.Kind, URL: e.URL, Result: e.Result, Phase: e.Phase, Reason: e.Reason, Bytes: e.Bytes})
		}
	}
	still := make(map[string]int)
	for _, h := range p.Still {
		if still[h.Record]++; still[h.Record] <= mostFates {
			all[h.Record] = append(all[h.Record], fate{Day: h.Seen, Kind: h.Kind, URL: h.URL})
		}
	}
	return all, nil
}

func (r *render) fateItems(id string) []item {
	var items []item
	for _, c := range r.fates[id] {
		items = append(items, item{Copy: &c})
	}
	return items
}
