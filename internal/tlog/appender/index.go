package appender

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"kua/internal/durable"
	"kua/internal/tlog"
)

// indexDir lies beside Tessera's own state, and like it is not a part of what
// is published: no path of a log begins with a dot.
const indexDir = ".index"

// rowBytes is the first 16 bytes of a leaf's hash and the index, 64 bits.
const rowBytes = 16 + 8

// index finds an entry's place by its bytes. It is 4096 small files of rows,
// chosen by the first twelve bits of the leaf's hash, so a look-up reads a few
// kilobytes however long the log is. It is a hint: what it finds is compared with
// the entry in the log before it is believed, and what it lacks after a kill is
// read again from the log's end.
type index struct {
	dir    string
	reader bundles
	done   uint64 // entries below this have their rows
}

// bundles reads entry bundles of the local log.
type bundles interface {
	ReadEntryBundle(ctx context.Context, index uint64, partial uint8) ([]byte, error)
	IntegratedSize(ctx context.Context) (uint64, error)
}

type row struct {
	leaf [32]byte
	at   uint64
}

// progress is what the file "done" says.
type progress struct {
	Done uint64 `json:"done"`
}

// openIndex reads how far the index of the log in dir goes. A mark that cannot
// be read, or lies behind the log's end, means that all is indexed anew.
func openIndex(ctx context.Context, dir string, reader bundles) (*index, error) {
	x := &index{dir: filepath.Join(dir, indexDir), reader: reader}
	size, err := reader.IntegratedSize(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the log's size: %w", err)
	}
	var p progress
	if b, err := os.ReadFile(filepath.Join(x.dir, "done")); err == nil && json.Unmarshal(b, &p) == nil && p.Done <= size {
		x.done = p.Done
	}
	return x, nil
}

// catchUp gives every entry from the mark to the log's end a row: those that a
// kill or a failure has left without.
func (x *index) catchUp(ctx context.Context) error {
	size, err := x.reader.IntegratedSize(ctx)
	if err != nil {
		return fmt.Errorf("read the log's size: %w", err)
	}
	if x.done == size {
		return nil
	}
	for n := x.done / 256; n*256 < size; n++ {
		entries, err := x.bundle(ctx, n, size)
		if err != nil {
			return err
		}
		var rows []row
		for i, e := range entries {
			if at := n*256 + uint64(i); at >= x.done {
				rows = append(rows, row{tlog.LeafHash(e), at})
			}
		}
		if err := x.add(rows); err != nil {
			return err
		}
	}
	return nil
}

func (x *index) bundle(ctx context.Context, n, size uint64) ([][]byte, error) {
	width := min(size-n*256, 256)
	b, err := x.reader.ReadEntryBundle(ctx, n, uint8(width%256))
	if err != nil {
		return nil, fmt.Errorf("read entry bundle %d: %w", n, err)
	}
	entries, err := tlog.ParseBundle(b)
	if err != nil || uint64(len(entries)) < width {
		return nil, fmt.Errorf("read entry bundle %d: %d of %d entries: %w", n, len(entries), width, errors.Join(err, fs.ErrInvalid))
	}
	return entries[:width], nil
}

// find gives the index of entry, whose hash is leaf, when it is in the log.
func (x *index) find(ctx context.Context, leaf [32]byte, entry []byte) (at uint64, found bool, err error) {
	b, err := os.ReadFile(x.file(leaf))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return 0, false, err
	}
	size, err := x.reader.IntegratedSize(ctx)
	if err != nil {
		return 0, false, fmt.Errorf("read the log's size: %w", err)
	}
	for ; len(b) >= rowBytes; b = b[rowBytes:] {
		at := binary.BigEndian.Uint64(b[16:rowBytes])
		if !bytes.Equal(b[:16], leaf[:16]) || at >= size {
			continue
		}
		entries, err := x.bundle(ctx, at/256, size)
		if err != nil {
			return 0, false, err
		}
		if bytes.Equal(entries[at%256], entry) {
			return at, true, nil
		}
	}
	return 0, false, nil
}

// add writes rows, makes them durable and moves the mark. Rows come without
// gaps from the mark on; a row written twice does no harm.
func (x *index) add(rows []row) error {
	if len(rows) == 0 {
		return nil
	}
	byFile := make(map[string][]byte)
	last := x.done
	for _, r := range rows {
		name := x.file(r.leaf)
		byFile[name] = binary.BigEndian.AppendUint64(append(byFile[name], r.leaf[:16]...), r.at)
		last = max(last, r.at+1)
	}
	for name, b := range byFile {
		if err := appendRows(name, b); err != nil {
			return fmt.Errorf("write the log's index: %w", err)
		}
	}
	b, err := json.Marshal(progress{Done: last})
	if err != nil {
		return err
	}
	if err := durable.WriteFile(filepath.Join(x.dir, "done"), b, 0o644); err != nil {
		return fmt.Errorf("write the log's index: %w", err)
	}
	x.done = last
	return nil
}

func (x *index) file(leaf [32]byte) string {
	return filepath.Join(x.dir, fmt.Sprintf("%03x", uint(leaf[0])<<4|uint(leaf[1])>>4))
}

// appendRows writes behind the last whole row: a kill may have left part of one.
func appendRows(name string, b []byte) error {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	end, err := f.Seek(0, io.SeekEnd)
	if err == nil {
		_, err = f.WriteAt(b, end/rowBytes*rowBytes)
	}
	return errors.Join(err, f.Sync(), f.Close())
}
