package verify

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
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
	if err := r.head.manifest.InLog(ctx, r.log, r.head.document, cp); err != nil {
		return true, r.problem(checkpointPath, err)
	}
	return true, r.compareLog(ctx, keys, cp)
}

// logged is what the log says, gathered by kind.
type logged struct {
	records  map[string]map[int][]string // id → version → hashes
	withheld map[string]bool             // ids whose newest version is a tombstone
	charters map[int][]string
	editions map[int][]string
	anchors  map[string]bool // hashes
}

// checkLog reads the whole log, proves it against its checkpoint and compares
// it with the edition: nothing may be missing on either side.
func (r *run) checkLog(ctx context.Context, docs map[string]document, files map[string]edition.File) error {
	ok, err := r.readCheckpoint(ctx)
	if err != nil || !ok {
		return err
	}
	l := logged{make(map[string]map[int][]string), make(map[string]bool), make(map[int][]string), make(map[int][]string), make(map[string]bool)}
	stamped, err := r.readStamped(ctx, files)
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
	for i, s := range r.head.chain {
		if !slices.Contains(l.charters[i+1], canon.Hash([]byte(s.Document))) {
			path := fmt.Sprintf("charter/%d.json", i+1)
			r.find(Corrupt, path, "verify.not_logged", path)
		}
	}
	r.compareRecords(l, docs)
	r.compareEditions(l.editions)
	r.compareAnchors(l.anchors, files)
	return r.checkStamps(ctx, stamped, files)
}

// compareAnchors wants every anchor of the edition in the log and every anchor
// of the log in the edition.
func (r *run) compareAnchors(logged map[string]bool, files map[string]edition.File) {
	held := make(map[string]bool)
	for path, f := range files {
		if !edition.IsAnchor(path) {
			continue
		}
		held[f.SHA256] = true
		if !logged[f.SHA256] {
			r.find(Corrupt, path, "verify.not_logged", path)
		}
	}
	for hash := range logged {
		if !held[hash] {
			r.find(Old, edition.LogDir, "verify.anchor_missing", hash)
		}
	}
}

func (l logged) add(e tlog.Entry) {
	switch e.Kind {
	case tlog.KindCharter:
		l.charters[e.Version] = append(l.charters[e.Version], e.SHA256)
	case tlog.KindAnchor:
		l.anchors[e.SHA256] = true
	case tlog.KindEdition:
		l.editions[e.Number] = append(l.editions[e.Number], e.SHA256)
	case tlog.KindRecord, tlog.KindWithhold:
		if l.records[e.ID] == nil {
			l.records[e.ID] = make(map[int][]string)
		}
		l.records[e.ID][e.Version] = append(l.records[e.ID][e.Version], e.SHA256)
		if e.Version == l.newest(e.ID) {
			l.withheld[e.ID] = e.Kind == tlog.KindWithhold
		}
	}
}

func (l logged) newest(id string) int {
	return slices.Max(slices.Collect(maps.Keys(l.records[id])))
}

// compareRecords wants every version of the edition in the log, under no second
// hash, and the log's newest version of every record in the edition.
func (r *run) compareRecords(l logged, docs map[string]document) {
	newest := make(map[string]int)
	for path, d := range docs {
		hashes := l.records[d.record.ID][d.record.Version]
		if !slices.Contains(hashes, d.sha256) {
			r.find(Corrupt, path, "verify.not_logged", path)
		} else if len(slices.Compact(slices.Sorted(slices.Values(hashes)))) > 1 {
			r.find(Fork, path, "verify.logged_twice", path)
		}
		newest[d.record.ID] = max(newest[d.record.ID], d.record.Version)
	}
	for id := range l.records {
		version := l.newest(id)
		if newest[id] >= version {
			continue
		}
		path := record.Path(id, version)
		if l.withheld[id] {
			r.find(Old, path, "verify.withdrawn_since", id)
		} else {
			r.find(Old, path, "verify.record_behind", id, fmt.Sprint(version))
		}
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
