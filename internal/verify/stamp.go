package verify

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"time"

	"kua/internal/canon"
	"kua/internal/edition"
	"kua/internal/stamp"
	"kua/internal/tlog"
)

// Stamped is a time stamp that holds: everything up to that entry of the log existed then,
// if the service is believed whose root it leads to. Which services those are is the
// publisher's choice; whom to believe is the reader's.
type Stamped struct {
	Edition    int    `json:"edition"`    // that left the log so
	Size       uint64 `json:"size"`       // entries of the log
	NotLater   string `json:"notlater"`   // RFC 3339, UTC: the stamp's time and its accuracy
	Signer     string `json:"signer"`     // subject of the service's certificate
	Root       string `json:"root"`       // subject of its root
	RootSHA256 string `json:"rootsha256"` // fingerprint of that certificate, hex
}

// stampedNote is a checkpoint that was stamped.
type stampedNote struct {
	path    string
	edition int
	cp      tlog.Checkpoint
	begins  bool // the log began so
	holds   bool // and that edition's entry was its last
}

// stampedLog is the log as earlier editions left it.
type stampedLog struct {
	bySize    map[uint64][]*stampedNote
	byEdition map[int]*stampedNote
	growing   *tlog.Growing
}

// readStamped reads the checkpoints of the edition that were stamped. What differs from its
// line, is not there or is not kept was told of when the files were hashed.
func (r *run) readStamped(ctx context.Context, files map[string]edition.File) (stampedLog, error) {
	l := stampedLog{bySize: make(map[uint64][]*stampedNote), byEdition: make(map[int]*stampedNote), growing: tlog.NewGrowing()}
	for _, path := range slices.Sorted(maps.Keys(files)) {
		n, roots, ok := edition.Stamped(path)
		if !ok || roots != "" {
			continue
		}
		raw, err := r.asListed(ctx, files[path], tlog.MaxCheckpoint)
		if err != nil {
			return l, err
		}
		if raw == nil {
			continue
		}
		cp, err := edition.LogKeys(r.head.charter).Parse(raw)
		if err != nil {
			if err := r.problem(path, err); err != nil {
				return l, err
			}
			continue
		}
		note := &stampedNote{path: path, edition: n, cp: cp}
		l.bySize[cp.Size], l.byEdition[n] = append(l.bySize[cp.Size], note), note
	}
	return l, nil
}

// asListed reads a small file; nil when it is not there or not the one that is listed.
func (r *run) asListed(ctx context.Context, f edition.File, limit int64) ([]byte, error) {
	if f.Size > limit {
		r.find(Corrupt, f.Path, "verify.too_large", f.Path)
		return nil, nil
	}
	b, err := r.read(ctx, f.Path, limit)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, r.problem(f.Path, err)
	}
	if canon.Hash(b) != f.SHA256 {
		return nil, nil
	}
	return b, nil
}

// pass takes the log's next entry. Whoever stamped it before had a log that began so and
// ended with the edition whose name the stamp bears.
func (l *stampedLog) pass(entry []byte, e tlog.Entry) error {
	if len(l.bySize) == 0 {
		return nil
	}
	if err := l.growing.Add(entry); err != nil {
		return err
	}
	size, root, err := l.growing.Head()
	for _, n := range l.bySize[size] {
		n.begins = err == nil && n.cp.Root == root
		n.holds = n.begins && e.Kind == tlog.KindEdition && e.Number == n.edition
	}
	return err
}

// checkStamps checks every time stamp of the edition, once the log was gone through.
func (r *run) checkStamps(ctx context.Context, l stampedLog, files map[string]edition.File) error {
	for _, n := range l.byEdition {
		switch {
		case !n.begins:
			r.find(Fork, n.path, "verify.stamp_other_log", fmt.Sprint(n.edition))
		case !n.holds:
			r.find(Corrupt, n.path, "verify.stamp_other_log", fmt.Sprint(n.edition))
		}
	}
	known := make(map[string]stamp.Roots)
	for _, path := range slices.Sorted(maps.Keys(files)) {
		n, id, ok := edition.Stamped(path)
		if !ok || id == "" {
			continue
		}
		note, roots := l.byEdition[n], known[id]
		if roots.ID() != id {
			var err error
			if roots, err = r.readRoots(ctx, id, files); err != nil {
				return err
			}
			known[id] = roots
		}
		if _, there := files[edition.StampedPath(n)]; !there {
			r.find(Corrupt, path, "verify.stamp_alone", path)
		}
		if note == nil || !note.holds || roots.ID() != id {
			continue
		}
		response, err := r.asListed(ctx, files[path], stamp.MaxResponse)
		if err != nil {
			return err
		}
		if response == nil {
			continue
		}
		s, err := stamp.Check(response, note.cp.Raw, roots)
		if err != nil {
			if err := r.problem(path, err); err != nil {
				return err
			}
			continue
		}
		r.report.Stamps = append(r.report.Stamps, Stamped{
			Edition: n, Size: note.cp.Size, NotLater: s.NotLater().Format(time.RFC3339Nano), Signer: s.Signer, Root: s.Root, RootSHA256: s.RootSHA256,
		})
	}
	slices.SortStableFunc(r.report.Stamps, func(a, b Stamped) int { return a.Edition - b.Edition })
	return nil
}

// readRoots reads the certificates with this id; none without an error means that a finding
// says why.
func (r *run) readRoots(ctx context.Context, id string, files map[string]edition.File) (stamp.Roots, error) {
	path := edition.StampRootsPath(id)
	f, there := files[path]
	if !there {
		r.find(Corrupt, path, "verify.stamp_alone", path)
		return stamp.Roots{}, nil
	}
	b, err := r.asListed(ctx, f, stamp.MaxRoots)
	if err != nil || b == nil {
		return stamp.Roots{}, err
	}
	roots, err := stamp.ParseRoots(b)
	if err != nil {
		return stamp.Roots{}, r.problem(path, err)
	}
	if roots.ID() != id {
		r.find(Corrupt, path, "verify.stamp_roots", path)
	}
	return roots, nil
}
