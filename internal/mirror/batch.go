package mirror

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"iter"
	"mime"
	"net/http"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"kua/internal/edition"
	"kua/internal/fault"
)

// A batch asks for as much as one answer surely holds, so that nothing is left
// out of it and asked for again.
const (
	batchBytes = 1 << 20
	batchLeast = 4 // fewer files are asked for one by one
	mostSides  = 6 // signatures that are asked for with a document

	leastZipped = 4 << 10 // media of fewer bytes each are worth compressing
)

// batcher is a source that may know batches.
type batcher interface {
	Source
	// batches says that it may be tried.
	batches() bool
	// batch asks for some files, compressed where the source can. errNoBatch says
	// that it gives none now; where it knows none, batches says so too.
	batch(ctx context.Context, paths []string, zip bool) (io.ReadCloser, error)
}

var errNoBatch = errors.New("the host gives no batch")

func (w *web) batches() bool { return !w.via.Drip && !w.single.Load() }

func (w *web) batch(ctx context.Context, paths []string, zip bool) (io.ReadCloser, error) {
	ctx, cancel := context.WithCancel(ctx)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, w.base+edition.BatchPath, bytes.NewReader(edition.Batch(paths)))
	if err != nil {
		cancel()
		return nil, err
	}
	req.Header.Set("User-Agent", "kua")
	req.Header.Set("Content-Type", "text/plain; charset=utf-8")
	req.Header.Set("Accept-Encoding", "identity")
	if zip {
		req.Header.Set("Accept-Encoding", "gzip")
	}
	res, err := w.via.client.Do(req)
	if err != nil {
		cancel()
		return nil, fmt.Errorf("batch: %w", err)
	}
	kind, _, _ := mime.ParseMediaType(res.Header.Get("Content-Type"))
	if res.StatusCode == http.StatusOK && kind == edition.BatchType {
		body := newImpatient(res.Body, cancel, w.via.Stall)
		plain, err := edition.BatchReader(body, res.Header)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("batch: %w", err), body.Close())
		}
		return &unzipped{plain, body}, nil
	}
	defer cancel()
	if c := res.StatusCode; c == http.StatusTooManyRequests || c == http.StatusServiceUnavailable {
		return nil, errors.Join(errNoBatch, res.Body.Close()) // not now; the files one by one may still come
	}
	w.single.Store(true)
	return nil, errors.Join(errNoBatch, res.Body.Close())
}

// unzipped reads what a body holds and closes the body.
type unzipped struct {
	io.Reader
	io.Closer
}

// brought is what a batch brought, by path: items, proved and in their tree, and what
// lies beside them, of which nothing is proved. The bytes are there where something
// can lie beside.
type brought map[string][]byte

// stretch is some items that are asked for together.
type stretch struct {
	first int
	items []item
}

// stretches divides items, in order, so that each fits an answer. Without a
// source that knows batches each item is for itself.
func (p *pull) stretches(items iter.Seq[item], beside int) iter.Seq[stretch] {
	together, most := p.fleet.canBatch(), int64(batchBytes)
	if p.opts.Budget > 0 {
		most = min(most, p.opts.Budget/16)
	}
	return func(yield func(stretch) bool) {
		var s stretch
		sum := int64(0)
		for it := range items {
			if n := len(s.items); n > 0 && !(together && max(it.size, s.items[0].size) <= smallFile && sum+it.size <= most && (n+1)*(1+beside) <= edition.BatchFiles) {
				if !yield(s) {
					return
				}
				s, sum = stretch{first: s.first + len(s.items)}, 0
			}
			s.items, sum = append(s.items, it), sum+it.size
		}
		if len(s.items) > 0 {
			yield(s)
		}
	}
}

func total(items []item) (sum int64) {
	for _, it := range items {
		sum += it.size
	}
	return sum
}

// each does get for every item with several at a time, in order. What a source gives
// in batches came before get is called; sides names what else is asked for with an
// item, and mark hears what has come; both may be nil. It ends with errEnded when an
// item would break the budget, after those that would not.
func (p *pull) each(w *work, items iter.Seq[item], sides func(item) []string, get getter, mark func(i int, how come)) error {
	g, ctx := errgroup.WithContext(p.ctx)
	g.SetLimit(p.opts.Workers)
	beside := 0
	if sides != nil {
		beside = len(sides(item{}))
	}
	if mark == nil {
		mark = func(int, come) {}
	}
	over := false
	for s := range p.stretches(items, beside) {
		p.land(total(s.items))
		if ctx.Err() != nil {
			break
		}
		var mine []int // of the stretch, that the budget allows
		var flying int64
		for i, it := range s.items {
			if p.spent(it.size) {
				over = true
				if w.at != atMedia {
					break
				}
				continue
			}
			flying += it.size
			p.fly(it.size)
			mine = append(mine, i)
		}
		g.Go(func() error {
			defer p.fly(-flying)
			return p.stretch(ctx, w, s, mine, sides, get, mark)
		})
		if over && w.at != atMedia {
			break
		}
	}
	if err := g.Wait(); err != nil {
		return err
	}
	if err := p.ctx.Err(); err != nil {
		return err
	}
	if over {
		return errEnded
	}
	return nil
}

// getter brings in item i, or takes it from what came in a batch.
type getter func(ctx context.Context, i int, it item, came brought) error

// fly counts bytes of objects under way.
func (p *pull) fly(n int64) {
	p.sky.L.Lock()
	defer p.sky.L.Unlock()
	p.flying.Add(n)
	p.sky.Broadcast()
}

// land waits until the budget has room for so many bytes, or nothing is under way
// that may turn out to cost less than its size.
func (p *pull) land(more int64) {
	p.sky.L.Lock()
	defer p.sky.L.Unlock()
	for p.spent(more) && p.flying.Load() > 0 {
		p.sky.Wait()
	}
}

// stretch brings in what of a stretch the budget allows.
func (p *pull) stretch(ctx context.Context, w *work, s stretch, mine []int, sides func(item) []string, get getter, mark func(int, come)) error {
	var ask []item
	for _, i := range mine {
		it := s.items[i]
		if it.size > 0 && !(p.staged && p.next.there(it.path)) && !(p.result.Edition > 0 && strings.HasPrefix(it.path, "blobs/") && p.m.tree.size(it.path) == it.size) {
			ask = append(ask, it)
		}
	}
	came := make(brought)
	if len(ask) >= batchLeast {
		if err := p.batch(ctx, ask, sides, came); err != nil {
			return err
		}
	}
	for _, i := range mine {
		it := s.items[i]
		err := get(ctx, s.first+i, it, came)
		_, batched := came[it.path]
		switch {
		case errors.Is(err, errHeld):
			mark(s.first+i, inPlace)
		case err == nil && !batched && p.next.size(it.path) != it.size: // no source has it
		case err == nil:
			p.objects.Add(1)
			mark(s.first+i, staged)
		case errors.Is(err, errNowhere):
			w.lacks(it.path)
		default:
			return err
		}
	}
	return nil
}

// batch asks one source for some items, and keeps those that are proved. What a
// source does not bring is left to be asked for one by one, of everybody.
func (p *pull) batch(ctx context.Context, items []item, sides func(item) []string, came brought) error {
	m := p.fleet.batcher()
	if m == nil {
		return nil
	}
	wanted := make(map[string]*item, len(items))
	beside := make(map[string]bool)
	var paths []string
	for i := range items {
		wanted[items[i].path] = &items[i]
		paths = append(paths, items[i].path)
		if sides == nil {
			continue
		}
		for _, s := range sides(items[i]) {
			beside[s] = true
			paths = append(paths, s)
		}
	}
	// Media are compressed by themselves: only where they are smaller than their headers
	// does it pay to do it again.
	zip := !strings.HasPrefix(items[0].path, "blobs/") || total(items) < int64(len(items))*leastZipped
	err := p.readBatch(ctx, m, paths, zip, func(path string, b []byte) error {
		it := wanted[path]
		if it == nil {
			if beside[path] && len(b) == 64 {
				came[path] = bytes.Clone(b)
			}
			return nil
		}
		if err := judge(*it, int64(len(b)), 0, sha256.Sum256(b)); err != nil {
			return &lie{path, err}
		}
		if err := p.next.write(path, b); err != nil {
			return local(err)
		}
		if came[path] = nil; sides != nil {
			came[path] = bytes.Clone(b)
		}
		p.fleet.moved(it.size)
		return nil
	})
	var l *lie
	ft, isFault := fault.Of(err)
	switch {
	case err == nil, errors.Is(err, errNoBatch):
		p.fleet.done(m, nil)
	case ctx.Err() != nil:
		p.fleet.done(m, nil)
		return ctx.Err()
	case errors.As(err, new(*localError)):
		p.fleet.done(m, nil)
		return err
	case errors.As(err, &l):
		p.fleet.done(m, nil)
		p.fleet.setAsideFor(m, l.path, l.error)
	case isFault && ft.Kind == fault.KindCorrupt:
		p.fleet.done(m, nil)
		p.fleet.setAsideFor(m, edition.BatchPath, err)
	default:
		p.fleet.done(m, err)
	}
	return nil
}

// partsTogether fetches the parts that differ, where a source knows batches.
func (p *pull) partsTogether(now, old edition.Manifest) error {
	var items []item
	for _, part := range now.Parts {
		it := newItem(edition.File{Path: part.Path(), Size: part.Size, SHA256: part.SHA256})
		if before, _ := old.Part(part.Name); before != part && !(p.staged && p.next.there(it.path)) {
			items = append(items, it)
		}
	}
	g, ctx := errgroup.WithContext(p.ctx)
	g.SetLimit(p.opts.Workers)
	cost := p.cost()
	for s := range p.stretches(slices.Values(items), 0) {
		for _, it := range s.items {
			cost += it.size
		}
		if p.opts.Budget > 0 && cost > p.opts.Budget {
			break
		}
		if len(s.items) >= batchLeast {
			g.Go(func() error { return p.batch(ctx, s.items, nil, make(brought)) })
		}
	}
	return g.Wait()
}

// lie is a file that is not the one it should be.
type lie struct {
	path string
	error
}

// Unwrap gives the cause.
func (l *lie) Unwrap() error { return l.error }

func (p *pull) readBatch(ctx context.Context, m *member, paths []string, zip bool, got func(path string, b []byte) error) (err error) {
	body, err := m.src.(batcher).batch(ctx, paths, zip)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, body.Close()) }()
	return edition.ReadBatchAnswer(body, got)
}

// batcher takes the least busy source that may know batches, or nil.
func (f *fleet) batcher() *member {
	others := make(map[*member]bool)
	for _, m := range f.members {
		others[m] = !m.canBatch()
	}
	return f.pick(others)
}

func (f *fleet) canBatch() bool { return slices.ContainsFunc(f.left(), (*member).canBatch) }

func (m *member) canBatch() bool {
	b, ok := m.src.(batcher)
	return ok && b.batches()
}
