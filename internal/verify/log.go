package verify

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"

	"kua/internal/canon"
	"kua/internal/edition"
	"kua/internal/fault"
	"kua/internal/record"
	"kua/internal/tlog"
)

// checkpointPath is the checkpoint's path within an edition.
const checkpointPath = edition.LogDir + "/" + tlog.CheckpointPath

// readCheckpoint reads the log's signed head and holds it against what is
// remembered. ok says that there is a log to go on with.
func (r *run) readCheckpoint(ctx context.Context) (ok bool, err error) {
	keys := edition.LogKeys(r.head.charter)
	if keys.Key == "" {
		r.find(Corrupt, checkpointPath, "verify.no_log")
		return false, nil
	}
	raw, err := r.read(ctx, checkpointPath, tlog.MaxCheckpoint)
	if err != nil {
		return false, r.problem(checkpointPath, err)
	}
	cp, err := keys.ParseOwn(raw)
	if err != nil {
		return false, r.problem(checkpointPath, err)
	}
	r.seenCP = cp
	r.report.Log = Log{Origin: cp.Origin, Size: cp.Size, Root: hex.EncodeToString(cp.Root[:]), Key: keys.By(cp.Raw)}
	if err := keys.Continues(ctx, r.log, cp); err != nil {
		return true, r.problem(checkpointPath, err)
	}
	other := r.head.manifest.InLog(ctx, r.log, r.head.document, cp)
	if other != nil {
		if err := r.problem(checkpointPath, other); err != nil {
			return true, err
		}
	}
	err = r.compareLog(ctx, keys, cp) // also of a log that is not the edition's: who remembers the true one has the proof
	if other != nil {
		r.report.Rotated = nil // such a log has no news
	}
	return true, err
}

// logged is what the log says, gathered by kind.
type logged struct {
	records  []entry // of records, in the log's order
	charters map[int][]string
	editions map[int][]string
	anchors  map[string]bool // hashes
}

// entry is the log's line of a version of a record.
type entry struct {
	version
	withheld bool // it is a tombstone
}

// checkLog reads the whole log, proves it against its checkpoint and compares
// it with the edition: nothing may be missing on either side.
func (r *run) checkLog(ctx context.Context, s *sweep) error {
	ok, err := r.readCheckpoint(ctx)
	if err != nil || !ok {
		return err
	}
	l := logged{charters: make(map[int][]string), editions: make(map[int][]string), anchors: make(map[string]bool)}
	stamped, err := r.readStamped(ctx, s.stamps)
	if err != nil {
		return err
	}
	err = tlog.Entries(ctx, r.log, r.seenCP, 0, func(i uint64, b []byte) error {
		e, err := tlog.ParseEntry(b)
		if err == nil { // kinds of later programs are passed over
			l.add(e)
		}
		r.endsWith(i, e)
		return stamped.pass(b, e)
	})
	if err != nil {
		return r.problem(logFile(err), err)
	}
	for i, v := range r.head.chain {
		if !slices.Contains(l.charters[i+1], canon.Hash([]byte(v.Document))) {
			path := fmt.Sprintf("charter/%d.json", i+1)
			r.find(Corrupt, path, "verify.not_logged", path)
		}
	}
	r.compareRecords(l.records, s.docs)
	r.compareEditions(l.editions)
	r.compareAnchors(l.anchors, s.anchors)
	return r.checkStamps(ctx, stamped, s.stamps)
}

// compareAnchors wants every anchor of the edition in the log and every anchor
// of the log in the edition.
func (r *run) compareAnchors(logged map[string]bool, anchors map[string]string) {
	held := make(map[string]bool)
	for path, sum := range anchors {
		held[sum] = true
		if !logged[sum] {
			r.find(Corrupt, path, "verify.not_logged", path)
		}
	}
	for hash := range logged {
		if !held[hash] {
			r.find(Old, edition.LogDir, "verify.anchor_missing", hash)
		}
	}
}

func (l *logged) add(e tlog.Entry) {
	switch e.Kind {
	case tlog.KindCharter:
		l.charters[e.Version] = append(l.charters[e.Version], e.SHA256)
	case tlog.KindAnchor:
		l.anchors[e.SHA256] = true
	case tlog.KindEdition:
		l.editions[e.Number] = append(l.editions[e.Number], e.SHA256)
	case tlog.KindRecord, tlog.KindWithhold:
		v := version{id: uint32(atoi(e.ID)), number: uint32(min(int64(e.Version), math.MaxUint32)), sum: hash32(e.SHA256)}
		l.records = append(l.records, entry{v, e.Kind == tlog.KindWithhold})
	}
}

// compareRecords wants every version of the edition in the log, under no second
// hash, and the log's newest version of every record in the edition. docs are ordered.
func (r *run) compareRecords(log []entry, docs []version) {
	slices.SortStableFunc(log, func(a, b entry) int { return a.compare(b.version) })
	for len(log) > 0 || len(docs) > 0 {
		id := uint32(math.MaxUint32)
		if len(log) > 0 {
			id = log[0].id
		}
		if len(docs) > 0 {
			id = min(id, docs[0].id)
		}
		n, k := 0, 0
		for n < len(log) && log[n].id == id {
			n++
		}
		for k < len(docs) && docs[k].id == id {
			k++
		}
		r.compareRecord(log[:n], docs[:k])
		log, docs = log[n:], docs[k:]
	}
}

// compareRecord does so for one record.
func (r *run) compareRecord(log []entry, docs []version) {
	for _, d := range docs {
		same, other := false, false
		for _, e := range log {
			same = same || e.number == d.number && e.sum == d.sum
			other = other || e.number == d.number && e.sum != d.sum
		}
		switch {
		case !same:
			r.find(Corrupt, d.path(), "verify.not_logged", d.path())
		case other:
			r.find(Fork, d.path(), "verify.logged_twice", d.path())
		}
	}
	if len(log) == 0 {
		return
	}
	newest := log[len(log)-1] // of its number the one that was logged last
	switch {
	case len(docs) > 0 && docs[len(docs)-1].number >= newest.number:
	case newest.withheld:
		r.find(Old, newest.path(), "verify.withdrawn_since", newest.record())
	default:
		r.find(Old, newest.path(), "verify.record_behind", newest.record(), fmt.Sprint(newest.number))
	}
}

func (r *run) compareEditions(editions map[int][]string) {
	m := r.head.manifest
	ours := canon.Hash(r.head.document)
	hashes := editions[m.Number]
	switch {
	case !slices.Contains(hashes, ours):
		r.find(Corrupt, edition.ManifestPath, "verify.edition_not_logged", fmt.Sprint(m.Number))
	case slices.ContainsFunc(hashes, func(h string) bool { return h != ours }):
		r.find(Fork, edition.ManifestPath, "verify.edition_forked", fmt.Sprint(m.Number))
	}
	if newest := slices.Max(append(slices.Collect(maps.Keys(editions)), 0)); newest > m.Number {
		r.find(Old, edition.ManifestPath, "verify.edition_behind", fmt.Sprint(m.Number), fmt.Sprint(newest))
	}
}

// errFound ends a search of the log.
var errFound = errors.New("found")

// checkLogged finds the edition's entry in the log and, when d is not nil, the
// record's: at the hinted index, or backwards from the log's end.
func (r *run) checkLogged(ctx context.Context, d *document, hint uint64, hinted bool) error {
	ok, err := r.readCheckpoint(ctx)
	if err != nil || !ok {
		return err
	}
	var leaf []byte
	if d != nil {
		if leaf, err = edition.RecordEntry(d.record, d.bytes).Bytes(); err != nil {
			return r.problem(d.record.Path(), err)
		}
	}
	recordFound := d == nil || hinted && tlog.Included(ctx, r.log, r.seenCP, hint, leaf) == nil
	editions := make(map[int][]string)
	ours := canon.Hash(r.head.document)
	err = tlog.Backward(ctx, r.log, r.seenCP, func(i uint64, b []byte) error {
		e, err := tlog.ParseEntry(b)
		r.endsWith(i, e)
		if err != nil {
			return nil // of a later program
		}
		recordFound = recordFound || string(b) == string(leaf)
		if e.Kind == tlog.KindEdition {
			editions[e.Number] = append(editions[e.Number], e.SHA256)
		}
		if d != nil && e.ID == d.record.ID && e.Version > d.record.Version && !r.listed(record.Path(e.ID, e.Version)) {
			r.find(Old, record.Path(e.ID, e.Version), "verify.record_behind", e.ID, fmt.Sprint(e.Version))
		}
		if recordFound && slices.Contains(editions[r.head.manifest.Number], ours) {
			return errFound
		}
		return nil
	})
	if err != nil && !errors.Is(err, errFound) {
		return r.problem(logFile(err), err)
	}
	if !recordFound {
		r.find(Corrupt, d.record.Path(), "verify.not_logged", d.record.Path())
	}
	r.compareEditions(editions)
	return nil
}

// endsWith wants an edition's as the log's last entry: what comes after it nobody but the
// log's key has signed.
func (r *run) endsWith(i uint64, e tlog.Entry) {
	if i == r.seenCP.Size-1 && e.Kind != tlog.KindEdition {
		r.find(Corrupt, checkpointPath, "verify.log_goes_on", fmt.Sprint(r.seenCP.Size))
	}
}

// logFile gives the file of the log that an error names.
func logFile(err error) string {
	if f, ok := fault.Of(err); ok && (f.Key == "tlog.missing" || f.Key == "tlog.tile" || f.Key == "tlog.bundle") && len(f.Args) == 1 {
		return fmt.Sprintf("%s/%v", edition.LogDir, f.Args[0])
	}
	return edition.LogDir
}
