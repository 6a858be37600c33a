package desk

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"

	"golang.org/x/sync/errgroup"

	"kua/internal/desk/deskdb"
	"kua/internal/fault"
	"kua/internal/parcel"
)

// fetchers is how many pieces of one parcel are asked for at a time, and batch
// how many are written before they are synced and marked.
const (
	fetchers = 4
	batch    = 32
)

// fetch is one arriving parcel: what of it is here and how to get more.
type fetch struct {
	c      *collection
	parcel deskdb.Parcel
	index  parcel.Index
	nodes  []*nodeClient
	file   *os.File

	mu     sync.Mutex // guards what follows
	held   map[int]bool
	fresh  []int // written and not yet synced and marked
	failed error // the desk's own disk or database
}

func (c *collection) open(ctx context.Context, p deskdb.Parcel) (*fetch, error) {
	dir := c.d.parcel(p.ID)
	x, err := dir.index()
	if err != nil {
		return nil, err
	}
	f := &fetch{c: c, parcel: p, index: x}
	if f.held, err = c.d.db.Holds(ctx, p.Number); err != nil {
		return nil, err
	}
	r, err := c.d.db.Received(ctx, p.ID)
	if err != nil {
		return nil, err
	}
	for _, url := range r.Nodes {
		if n := c.nodes[url]; n != nil {
			f.nodes = append(f.nodes, n)
		}
	}
	f.file, err = os.OpenFile(dir.file(payload), os.O_RDWR, 0)
	return f, err
}

func (f *fetch) close() { f.file.Close() }

func (f *fetch) complete() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.held) == len(f.index.Pieces) && len(f.fresh) == 0
}

// missing is how many bytes are not here yet.
func (f *fetch) missing() int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	left := f.index.Size
	for n := range f.held {
		left -= f.index.PieceSize(n)
	}
	return left
}

// has reports whether a piece has been written.
func (f *fetch) has(n int) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.held[n]
}

// piece makes sure that piece n is written: it is asked of every node that has
// the parcel until one gives the right bytes.
func (f *fetch) piece(ctx context.Context, n int) error {
	if f.has(n) {
		return nil
	}
	var last error = fault.Later("desk.no_node_has_it", f.parcel.ID)
	for _, node := range f.nodes {
		b, err := node.Piece(ctx, f.index.Pieces[n]) // checked against its hash
		if err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if last = err; errors.Is(err, fault.Corrupt("nodeapi.wrong_bytes")) {
				last = fault.Corrupt("desk.wrong_piece", node.url, n+1).Because(err)
			}
			continue
		}
		return f.write(ctx, node.url, n, b)
	}
	return fmt.Errorf("fetch piece %d of %d: %w", n+1, len(f.index.Pieces), last)
}

func (f *fetch) write(ctx context.Context, node string, n int, b []byte) error {
	if _, err := f.file.WriteAt(b, int64(n)*parcel.PieceBytes); err != nil {
		return f.fail(err)
	}
	f.mu.Lock()
	f.held[n] = true
	f.fresh = append(f.fresh, n)
	full := len(f.fresh) >= batch
	f.mu.Unlock()
	f.c.got(f, node, int64(len(b)))
	if full {
		return f.flush(ctx)
	}
	return nil
}

// flush syncs what was written and then marks it: in this order, so that a
// piece that is marked is there after any loss of power.
func (f *fetch) flush(ctx context.Context) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.fresh) == 0 {
		return nil
	}
	if err := f.file.Sync(); err != nil {
		f.failed = err
		return err
	}
	// What is synced is marked even when the collection is being interrupted.
	if err := f.c.d.db.Held(context.WithoutCancel(ctx), f.parcel.Number, f.fresh...); err != nil {
		f.failed = err
		return err
	}
	f.fresh = nil
	f.c.d.crash("collect: pieces marked")
	return nil
}

func (f *fetch) fail(err error) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.failed = err
	return err
}

// rest fetches everything that is missing. The first piece that no node gives
// ends it: the others would not make the parcel whole, and there is a next time.
func (f *fetch) rest(ctx context.Context) error {
	all, ctx := errgroup.WithContext(ctx)
	all.SetLimit(fetchers)
	for n := range f.index.Pieces {
		if ctx.Err() != nil {
			break
		}
		if !f.has(n) {
			all.Go(func() error { return f.piece(ctx, n) })
		}
	}
	return all.Wait()
}

// report reads the report from the beginning of the parcel.
func (f *fetch) report(ctx context.Context) (parcel.Report, error) {
	plain, err := f.c.d.person.Open(&onDemand{ctx: ctx, f: f})
	if err != nil {
		return parcel.Report{}, err
	}
	return parcel.ReadReport(plain)
}

// onDemand reads a parcel from its start and fetches each piece when it is
// reached.
type onDemand struct {
	ctx context.Context
	f   *fetch
	off int64
}

func (o *onDemand) Read(b []byte) (int, error) {
	if o.off >= o.f.index.Size {
		return 0, io.EOF
	}
	n := int(o.off / parcel.PieceBytes)
	if err := o.f.piece(o.ctx, n); err != nil {
		return 0, err
	}
	end := int64(n)*parcel.PieceBytes + o.f.index.PieceSize(n)
	if most := end - o.off; int64(len(b)) > most {
		b = b[:most]
	}
	m, err := o.f.file.ReadAt(b, o.off)
	o.off += int64(m)
	if errors.Is(err, io.EOF) && m > 0 {
		err = nil
	}
	return m, err
}

// patient is a reader that ends with its context.
type patient struct {
	ctx context.Context
	r   io.Reader
}

func (p *patient) Read(b []byte) (int, error) {
	if err := p.ctx.Err(); err != nil {
		return 0, err
	}
	return p.r.Read(b)
}

// salts makes n secret salts for the commitments of originals.
func salts(n int) [][32]byte {
	all := make([][32]byte, n)
	for i := range all {
		rand.Read(all[i][:]) // never fails, see crypto/rand
	}
	return all
}
