package watch

import (
	"context"
	"errors"
	"io/fs"
	"net/http"
	"strings"

	"kua/internal/charter"
	"kua/internal/edition"
	"kua/internal/fault"
	"kua/internal/tlog"
)

// Mirror is what is known of the log that every mirror should show.
type Mirror struct {
	Chain  charter.Chain   // that is known here, and names the log's keys
	Newest tlog.Checkpoint // that is known here
	Fetch  tlog.Fetch      // reads the log that is known here
}

// lookMirror fetches a mirror's file and, where the log is known, its checkpoint.
func (p *Probe) lookMirror(ctx context.Context, c Copy, o *Observation) error {
	base := strings.TrimRight(c.URL, "/") + "/"
	a, f := p.get(ctx, base+c.Path)
	if f != nil {
		o.failed(f)
		return nil
	}
	o.saw(a)
	switch {
	case elsewhere(c.URL, a), a.status == http.StatusForbidden, a.status == http.StatusUnavailableForLegalReasons:
		// A mirror of ours neither forbids nor leads away: somebody answered for it, or
		// its host was made to.
		o.Result, o.Phase, o.Forged = Failed, HTTP, !strings.HasPrefix(c.URL, "https:")
	case a.status == http.StatusNotFound, a.status == http.StatusGone:
		o.Result = Removed
	case a.status != http.StatusOK:
	case o.Evidence != c.SHA256:
		o.Result = Altered
	default:
		o.Result = OK
	}
	if p.Mirror == nil || o.Result != OK && o.Result != Removed {
		return nil
	}
	return p.compare(ctx, base, o)
}

// compare holds a mirror's checkpoint against the log that is known here.
func (p *Probe) compare(ctx context.Context, base string, o *Observation) error {
	a, f := p.get(ctx, base+edition.LogDir+"/"+tlog.CheckpointPath)
	if f != nil {
		o.failed(f)
		return nil
	}
	if a.status != http.StatusOK {
		return nil
	}
	cp, err := p.checkpoint(ctx, base, a.body)
	switch {
	case tlog.Struck(err):
		o.Result = Forked
	case err != nil:
		o.Result = Altered
	case cp.Size > p.Mirror.Newest.Size: // newer than what is known here: nothing is wrong with that
	default:
		err = tlog.Consistent(ctx, p.Mirror.Fetch, cp, p.Mirror.Newest)
		switch f, ok := fault.Of(err); {
		case ok && f.Key == "tlog.fork" || errors.As(err, new(*tlog.Conflict)):
			o.Result = Forked
		case err != nil:
			return err
		case cp.Size < p.Mirror.Newest.Size:
			o.Result = Stale
		}
	}
	return nil
}

// checkpoint reads a mirror's note. One that no known key signed may be of a log whose
// key has changed: then the mirror has the charter that says so.
func (p *Probe) checkpoint(ctx context.Context, base string, raw []byte) (tlog.Checkpoint, error) {
	newest, err := p.Mirror.Chain.Verify("")
	if err != nil {
		return tlog.Checkpoint{}, err
	}
	cp, err := edition.LogKeys(newest).Parse(raw)
	if err == nil || tlog.Struck(err) {
		return cp, err
	}
	longer, err2 := p.Mirror.Chain.Extend(func(path string, limit int64) ([]byte, error) {
		a, f := p.get(ctx, base+path)
		if f != nil || a.status != http.StatusOK || int64(len(a.body)) > limit {
			return nil, fs.ErrNotExist
		}
		return a.body, nil
	})
	if err2 != nil || len(longer) == len(p.Mirror.Chain) {
		return cp, err
	}
	if newest, err = longer.Verify(""); err != nil {
		return cp, err
	}
	return edition.LogKeys(newest).Parse(raw)
}
