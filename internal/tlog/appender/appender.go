// Package appender writes the collective's transparency log with Tessera, as
// plain files in the layout of C2SP tlog-tiles that any web host can serve.
//
// One desk writes one log. An entry counts as logged only when Append has
// returned: then it is integrated, on the disk, and covered by a checkpoint
// that is on the disk too. Only the desk may use this package; readers use
// package tlog.
package appender

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/transparency-dev/tessera"
	"github.com/transparency-dev/tessera/storage/posix"
	"golang.org/x/mod/sumdb/note"
	"k8s.io/klog/v2"

	"kua/internal/fault"
	"kua/internal/tlog"
)

const (
	batchAge   = 50 * time.Millisecond
	batchSize  = 4096                   // never reached by Append: only age flushes, so order is kept
	appendMost = batchSize / 2          // entries handed to Tessera at a time
	interval   = 100 * time.Millisecond // between checkpoints, the least Tessera allows
	poll       = 20 * time.Millisecond
	patience   = 30 * time.Second // for a checkpoint to appear
)

// NewKey makes a log's key pair in the form of sumdb/note: the private key is
// the desk's secret, the public one goes into the charter.
func NewKey(origin string) (private, public string, err error) {
	return note.GenerateKey(nil, origin)
}

// Appender writes one log. It is safe for use by many goroutines; a log may be
// open in one Appender at a time.
type Appender struct {
	dir      string
	origin   string
	keys     tlog.Keys // by which the log that is here is believed
	mu       sync.Mutex
	add      func(context.Context, *tessera.Entry) tessera.IndexFuture
	reader   tessera.LogReader
	shutdown func(context.Context) error
	stop     context.CancelFunc
	unlock   func() error
	index    *index
}

// Open opens the log in dir, or begins one when dir holds none. The context is
// for opening only. Opening a log whose checkpoint was signed with another key
// gives the fault tlog.other_key; one that is open already, tlog.in_use. past are
// public keys that the log had before this one: it goes on from where they ended,
// and what is signed from now on is signed with the present key alone.
func Open(ctx context.Context, dir, privateKey string, past ...string) (*Appender, error) {
	signer, err := note.NewSigner(privateKey)
	if err != nil {
		return nil, fault.Invalid("tlog.key").Because(errors.New("not a private key of sumdb/note")) // the cause could quote the key
	}
	public, err := PublicKey(privateKey)
	if err != nil {
		return nil, err
	}
	a := &Appender{dir: dir, origin: signer.Name(), keys: tlog.Keys{Origin: signer.Name(), Key: public}}
	for _, key := range past {
		a.keys.Past = append(a.keys.Past, tlog.Past{Key: key})
	}
	if err := a.checkKey(); err != nil {
		return nil, err
	}
	if a.unlock, err = lock(dir); err != nil {
		return nil, err
	}
	if err := a.start(signer); err != nil {
		return nil, errors.Join(err, a.unlock())
	}
	if a.index, err = openIndex(ctx, dir, a.reader); err == nil {
		err = a.index.catchUp(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, a.Close(ctx))
	}
	return a, nil
}

// quiet keeps Tessera's own diary off the terminal, once for the program: what
// goes wrong comes back as an error.
var quiet = sync.OnceFunc(func() {
	klog.LogToStderr(false)
	klog.SetOutput(io.Discard)
})

func (a *Appender) start(signer note.Signer) error {
	quiet()
	ctx, stop := context.WithCancel(context.Background()) // Tessera's work lives until Close
	a.stop = stop
	driver, err := posix.New(ctx, posix.Config{Path: a.dir})
	if err == nil {
		var app *tessera.Appender
		app, a.shutdown, a.reader, err = tessera.NewAppender(ctx, driver, tessera.NewAppendOptions().
			WithCheckpointSigner(signer).
			WithCheckpointInterval(interval).
			WithBatching(batchSize, batchAge))
		if err == nil {
			a.add = app.Add
			return nil
		}
	}
	stop()
	return fmt.Errorf("open the log in %s: %w", a.dir, err)
}

// checkKey refuses to continue a log that another key has signed.
func (a *Appender) checkKey() error {
	raw, err := os.ReadFile(filepath.Join(a.dir, tlog.CheckpointPath))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if _, _, err := a.keys.Named(raw); err != nil {
		return fault.Conflict("tlog.other_key", a.origin).Because(err)
	}
	return nil
}

// Append puts entries into the log in their order and gives their indexes and a
// published checkpoint that covers them all. An entry whose exact bytes are in
// the log already is not put in again: it gets the index it has. So Append may
// be called again after any failure, and after a kill, with the same end.
func (a *Appender) Append(ctx context.Context, entries ...[]byte) (indexes []uint64, cp tlog.Checkpoint, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, e := range entries {
		if len(e) == 0 || len(e) > tlog.MaxEntry {
			return nil, cp, fault.Invalid("tlog.entry", "").Because(fmt.Errorf("%d bytes", len(e)))
		}
	}
	if err := a.index.catchUp(ctx); err != nil {
		return nil, cp, err
	}
	for batch := range slices.Chunk(entries, appendMost) {
		got, err := a.appendBatch(ctx, batch)
		if err != nil {
			return nil, cp, err
		}
		indexes = append(indexes, got...)
	}
	size := uint64(0)
	for _, i := range indexes {
		size = max(size, i+1)
	}
	cp, err = a.await(ctx, size)
	return indexes, cp, err
}

func (a *Appender) appendBatch(ctx context.Context, entries [][]byte) ([]uint64, error) {
	indexes := make([]uint64, len(entries))
	futures := make(map[int]tessera.IndexFuture)
	first := make(map[[32]byte]int) // leaf → its first place in this batch
	same := make(map[int]int)
	for i, e := range entries {
		leaf := tlog.LeafHash(e)
		if j, twice := first[leaf]; twice {
			same[i] = j
			continue
		}
		first[leaf] = i
		at, found, err := a.index.find(ctx, leaf, e)
		if err != nil {
			return nil, err
		}
		if indexes[i] = at; !found {
			futures[i] = a.add(ctx, tessera.NewEntry(e))
		}
	}
	var added []row
	for i := range entries {
		future, ok := futures[i]
		if !ok {
			continue
		}
		at, err := future()
		if err != nil {
			return nil, fmt.Errorf("append to the log: %w", err)
		}
		indexes[i] = at.Index
		added = append(added, row{tlog.LeafHash(entries[i]), at.Index})
	}
	for i, j := range same {
		indexes[i] = indexes[j]
	}
	return indexes, a.index.add(added)
}

// await gives a published checkpoint of at least size entries.
func (a *Appender) await(ctx context.Context, size uint64) (tlog.Checkpoint, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		cp, err := a.Checkpoint(ctx)
		if err != nil || cp.Size >= size {
			return cp, err
		}
		select {
		case <-ctx.Done():
			return tlog.Checkpoint{}, fmt.Errorf("wait for a checkpoint of %d entries: %w", size, ctx.Err())
		case <-time.After(poll):
		}
	}
}

// Checkpoint gives the newest published checkpoint.
func (a *Appender) Checkpoint(ctx context.Context) (tlog.Checkpoint, error) {
	raw, err := a.reader.ReadCheckpoint(ctx)
	if err != nil {
		return tlog.Checkpoint{}, fmt.Errorf("read the log's checkpoint: %w", err)
	}
	cp, _, err := a.keys.Named(raw)
	return cp, err
}

// Close ends the writing and lets others open the log.
func (a *Appender) Close(ctx context.Context) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.stop == nil {
		return nil
	}
	err := a.shutdown(ctx)
	a.stop()
	a.stop = nil
	return errors.Join(err, a.unlock())
}
