package mirror

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"sync"
	"time"

	"kua/internal/edition"
	"kua/internal/fault"
)

// Aside is a source that is no longer asked in this pull, and why. Key and Args
// make the sentence; Path is what it was asked for.
type Aside struct {
	Source string   `json:"source"`
	Key    string   `json:"key"`
	Args   []string `json:"args,omitempty"`
	Path   string   `json:"path,omitempty"`
	Detail string   `json:"detail,omitempty"` // for those who look closer; not translated
}

// Limits on patience with one source.
const (
	mostFails  = 6 // failures of its link in a row before a source is set aside
	mostRounds = 3 // times that an object is asked of all sources whose link failed
)

// member is a source within a pull.
type member struct {
	src  Source
	busy int
	fail int
	gone bool
}

// fleet is the sources of a pull. It is safe for several goroutines.
type fleet struct {
	mu      sync.Mutex
	members []*member
	aside   []Aside
	pause   time.Duration // between two rounds
	moved   func(bytes int64)
}

func newFleet(sources []Source, pause time.Duration) *fleet {
	f := &fleet{pause: pause, moved: func(int64) {}}
	for _, s := range sources {
		f.members = append(f.members, &member{src: s})
	}
	return f
}

// setAside asks a source for nothing more.
func (f *fleet) setAside(m *member, path, key string, args ...string) {
	f.put(m, Aside{Source: m.src.String(), Key: key, Args: args, Path: path})
}

func (f *fleet) put(m *member, a Aside) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if m.gone {
		return
	}
	m.gone = true
	f.aside = append(f.aside, a)
}

// setAsideFor is setAside with the fault that says why.
func (f *fleet) setAsideFor(m *member, path string, err error) {
	key, args := "mirror.unreachable", []string{m.src.String()}
	if ft, ok := fault.Of(err); ok {
		key, args = ft.Key, nil
		for _, a := range ft.Args {
			args = append(args, fmt.Sprint(a))
		}
	}
	f.put(m, Aside{Source: m.src.String(), Key: key, Args: args, Path: path, Detail: err.Error()})
}

// pick takes the least busy source that is left, of those not in without.
func (f *fleet) pick(without map[*member]bool) *member {
	f.mu.Lock()
	defer f.mu.Unlock()
	var best *member
	for _, m := range f.members {
		if !m.gone && !without[m] && (best == nil || m.busy < best.busy) {
			best = m
		}
	}
	if best != nil {
		best.busy++
	}
	return best
}

// done notes how it went: the link failed, or not.
func (f *fleet) done(m *member, failed error) {
	f.mu.Lock()
	m.busy--
	if failed == nil {
		m.fail = 0
	} else {
		m.fail++
	}
	tired := m.fail >= mostFails || errors.Is(failed, errSilent) && m.fail > 1
	f.mu.Unlock()
	if tired {
		key := "mirror.unreachable"
		if errors.Is(failed, errSilent) {
			key = "mirror.silent"
		}
		f.put(m, Aside{Source: m.src.String(), Key: key, Args: []string{m.src.String()}, Detail: failed.Error()})
	}
}

// left gives the sources that are still asked.
func (f *fleet) left() []*member {
	f.mu.Lock()
	defer f.mu.Unlock()
	var ms []*member
	for _, m := range f.members {
		if !m.gone {
			ms = append(ms, m)
		}
	}
	return ms
}

// errNowhere is an object that no source has.
var errNowhere = errors.New("no source has it")

// each asks one source after another for an object until get has it. get's
// errors mean: fs.ErrNotExist, this source lacks it; a fault of kind corrupt, it
// lied, and is set aside; anything else, its link failed, and it may be asked
// again when all others were. Whoever lied is never asked again.
func (f *fleet) each(ctx context.Context, path string, get func(*member) error) error {
	return f.eachOf(ctx, nil, path, get)
}

// eachOf is each for what only some sources can have, since under the same name
// others have another edition's; nil stands for all.
func (f *fleet) eachOf(ctx context.Context, only []*member, path string, get func(*member) error) error {
	lacks := make(map[*member]bool)
	for _, m := range f.left() {
		if only != nil && !slices.Contains(only, m) {
			lacks[m] = true
		}
	}
	for round := range mostRounds {
		if round > 0 {
			if err := wait(ctx, time.Duration(round)*f.pause); err != nil {
				return err
			}
		}
		asked, failed := make(map[*member]bool), false
		for m := range lacks {
			asked[m] = true
		}
		for m := f.pick(asked); m != nil; m = f.pick(asked) {
			asked[m] = true
			err := get(m)
			ft, isFault := fault.Of(err)
			switch {
			case err == nil:
				f.done(m, nil)
				return nil
			case ctx.Err() != nil:
				f.done(m, nil)
				return ctx.Err()
			case isFault && ft.Kind == fault.KindCorrupt:
				f.done(m, nil)
				f.setAsideFor(m, path, err)
			case errors.Is(err, fs.ErrNotExist):
				f.done(m, nil)
				lacks[m] = true
			case errors.As(err, new(*localError)):
				f.done(m, nil)
				return err
			default:
				f.done(m, err)
				failed = true
			}
		}
		if !failed {
			break
		}
	}
	if len(f.left()) == 0 {
		return fault.Later("mirror.no_source")
	}
	return fmt.Errorf("%s: %w", path, errNowhere)
}

// localError is trouble on this side, a full disk for instance: no source is to
// blame.
type localError struct{ error }

// Unwrap gives the cause.
func (l *localError) Unwrap() error { return l.error }

func local(err error) error {
	if err == nil {
		return nil
	}
	return &localError{err}
}

func wait(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// item is a file that is wanted: where, how long, and which bytes.
type item struct {
	path  string
	size  int64
	sum   [32]byte
	class Class
}

func newItem(f edition.File) item {
	it := item{path: f.Path, size: f.Size}
	_, _ = hex.Decode(it.sum[:], []byte(f.SHA256)) // its shape was checked with the part
	return it
}

func (it item) file() edition.File {
	return edition.File{Path: it.path, Size: it.size, SHA256: hex.EncodeToString(it.sum[:])}
}
