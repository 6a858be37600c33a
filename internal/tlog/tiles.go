package tlog

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"golang.org/x/mod/sumdb/tlog"

	"kua/internal/fault"
)

// tileHeight and tileWidth are fixed by C2SP tlog-tiles.
const (
	tileHeight = 8
	tileWidth  = 1 << tileHeight
	cachedMost = 512 // tiles a reader keeps: 4 MiB
)

// TilePath is a hash tile's path below the log's directory. width is 256 for a
// full tile.
func TilePath(level int, n uint64, width int) string {
	return fmt.Sprintf("tile/%d/%s", level, numberPath(n, width))
}

// EntriesPath is an entry bundle's path below the log's directory.
func EntriesPath(n uint64, width int) string { return "tile/entries/" + numberPath(n, width) }

func numberPath(n uint64, width int) string {
	s := fmt.Sprintf("%03d", n%1000)
	for n >= 1000 {
		n /= 1000
		s = fmt.Sprintf("x%03d/%s", n%1000, s)
	}
	if width != tileWidth {
		s += fmt.Sprintf(".p/%d", width)
	}
	return s
}

// CheckPath reports whether p can be the path of a file of a log, below the
// log's directory.
func CheckPath(p string) bool {
	if p == CheckpointPath {
		return true
	}
	rest, ok := strings.CutPrefix(p, "tile/entries/")
	level := "data"
	if !ok {
		if rest, ok = strings.CutPrefix(p, "tile/"); !ok {
			return false
		}
		if level, rest, ok = strings.Cut(rest, "/"); !ok || level == "data" {
			return false
		}
	}
	t, err := tlog.ParseTilePath(fmt.Sprintf("tile/%d/%s/%s", tileHeight, level, rest))
	return err == nil && t.L <= 63 && t.N >= 0 && t.N < maxSize
}

// parsePath takes the path of a tile or a bundle apart. A bundle has the number and the
// width of the tile of level 0 over it.
func parsePath(p string) (t tlog.Tile, bundle, ok bool) {
	if !CheckPath(p) || p == CheckpointPath {
		return tlog.Tile{}, false, false
	}
	level, rest, _ := strings.Cut(strings.TrimPrefix(p, "tile/"), "/")
	if bundle = level == "entries"; bundle {
		level = "0"
	}
	t, err := tlog.ParseTilePath(fmt.Sprintf("tile/%d/%s/%s", tileHeight, level, rest))
	return t, bundle, err == nil && t.L < 64/tileHeight
}

// Covered reports whether a log of this size fixes the bytes of the tile or bundle at
// a path.
func Covered(path string, size uint64) bool {
	t, _, ok := parsePath(path)
	return ok && uint64(t.N)*tileWidth+uint64(t.W) <= size>>(tileHeight*t.L)
}

// Holds checks that b is the tile or bundle at a path of the log of cp, which must
// cover it. The other files of the log, read with fetch, join it to the root: what is
// wrong with one of them is a fault too, tlog.missing where it is gone.
func Holds(ctx context.Context, fetch Fetch, cp Checkpoint, path string, b []byte) error {
	t, bundle, ok := parsePath(path)
	if !ok || !Covered(path, cp.Size) {
		return fault.Corrupt("tlog.tile", path)
	}
	hashes, err := hashesIn(t, bundle, b)
	if err != nil {
		return fault.Corrupt("tlog.tile", path).Because(err)
	}
	r := newReader(ctx, func(ctx context.Context, p string) ([]byte, error) {
		if p == path {
			return b, nil
		}
		return fetch(ctx, p)
	}, cp)
	indexes := make([]int64, t.W)
	for i := range indexes {
		indexes[i] = tlog.StoredHashIndex(tileHeight*t.L, t.N*tileWidth+int64(i))
	}
	proven, err := r.hashes().ReadHashes(indexes)
	if err != nil {
		return tileFault(err)
	}
	if !slices.Equal(hashes, proven) {
		return fault.Corrupt("tlog.tile", path).Because(errors.New("it is not the one in the tree"))
	}
	return nil
}

// hashesIn gives the hashes that a tile holds, or those of a bundle's entries, if it
// has exactly as many as its path says.
func hashesIn(t tlog.Tile, bundle bool, b []byte) (hashes []tlog.Hash, err error) {
	if bundle {
		entries, err := ParseBundle(b)
		if err != nil || len(entries) != t.W {
			return nil, errors.Join(err, fmt.Errorf("%d entries where there are %d", len(entries), t.W))
		}
		for _, e := range entries {
			hashes = append(hashes, tlog.RecordHash(e))
		}
		return hashes, nil
	}
	if len(b) != t.W*HashSize {
		return nil, fmt.Errorf("%d bytes for %d hashes", len(b), t.W)
	}
	for h := range slices.Chunk(b, HashSize) {
		hashes = append(hashes, tlog.Hash(h))
	}
	return hashes, nil
}

// NewPaths gives the paths that a log of size new has and the same log of size
// old had not: bundles and tiles first, the checkpoint last, which is the order
// in which to copy them. With old 0 it is every file a reader needs.
func NewPaths(old, new uint64) []string {
	if new <= old {
		return nil
	}
	var paths []string
	for _, t := range tlog.NewTiles(tileHeight, int64(old), int64(new)) {
		if t.L == 0 {
			paths = append(paths, EntriesPath(uint64(t.N), t.W))
		}
		paths = append(paths, TilePath(t.L, uint64(t.N), t.W))
	}
	return append(paths, CheckpointPath)
}

// reader gives the authenticated hashes of one checkpoint's tree. It is used
// by one goroutine at a time.
type reader struct {
	ctx   context.Context
	fetch Fetch
	cp    Checkpoint
	tiles map[tlog.Tile][]byte // proven
}

func newReader(ctx context.Context, fetch Fetch, cp Checkpoint) *reader {
	return &reader{ctx: ctx, fetch: fetch, cp: cp, tiles: make(map[tlog.Tile][]byte)}
}

// hashes gives a reader of hashes that proves every tile against the root.
func (r *reader) hashes() tlog.HashReader {
	return tlog.TileHashReader(tlog.Tree{N: int64(r.cp.Size), Hash: r.cp.Root}, r)
}

// Height implements tlog.TileReader.
func (r *reader) Height() int { return tileHeight }

// ReadTiles implements tlog.TileReader.
func (r *reader) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	data := make([][]byte, len(tiles))
	for i, t := range tiles {
		if b, ok := r.tiles[t]; ok {
			data[i] = b
			continue
		}
		b, path, err := r.read(t.W, func(w int) string { return TilePath(t.L, uint64(t.N), w) })
		if err != nil {
			return nil, err
		}
		if len(b) < t.W*HashSize || len(b) > tileWidth*HashSize || len(b)%HashSize != 0 {
			return nil, fault.Corrupt("tlog.tile", path).Because(fmt.Errorf("%d bytes for %d hashes", len(b), t.W))
		}
		data[i] = b[:t.W*HashSize]
	}
	return data, nil
}

// SaveTiles implements tlog.TileReader: what it is given has been proven.
func (r *reader) SaveTiles(tiles []tlog.Tile, data [][]byte) {
	if len(r.tiles) > cachedMost {
		clear(r.tiles)
	}
	for i, t := range tiles {
		r.tiles[t] = data[i]
	}
}

// read fetches a partial file, and when it is gone the full one: a log may drop
// its partial files as soon as the full one exists.
func (r *reader) read(width int, path func(width int) string) ([]byte, string, error) {
	p := path(width)
	b, err := r.fetch(r.ctx, p)
	if errors.Is(err, fs.ErrNotExist) && width != tileWidth {
		if full, err2 := r.fetch(r.ctx, path(tileWidth)); !errors.Is(err2, fs.ErrNotExist) {
			b, err, p = full, err2, path(tileWidth)
		}
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil, p, fault.Corrupt("tlog.missing", p).Because(err)
	}
	return b, p, err
}

// bundle reads and proves the entries of bundle n.
func (r *reader) bundle(n uint64) ([][]byte, error) {
	width := int(min(r.cp.Size-n*tileWidth, tileWidth))
	b, path, err := r.read(width, func(w int) string { return EntriesPath(n, w) })
	if err != nil {
		return nil, err
	}
	entries, err := ParseBundle(b)
	if err != nil || len(entries) < width {
		return nil, fault.Corrupt("tlog.bundle", path).Because(err)
	}
	entries = entries[:width]
	indexes := make([]int64, width)
	for i := range indexes {
		indexes[i] = tlog.StoredHashIndex(0, int64(n*tileWidth)+int64(i))
	}
	hashes, err := r.hashes().ReadHashes(indexes)
	if err != nil {
		return nil, tileFault(err)
	}
	for i, e := range entries {
		if tlog.RecordHash(e) != hashes[i] {
			return nil, fault.Corrupt("tlog.bundle", path).Because(fmt.Errorf("entry %d is not the one in the tree", indexOf(n, i)))
		}
	}
	return entries, nil
}

func indexOf(bundle uint64, i int) uint64 { return bundle*tileWidth + uint64(i) }

// ParseBundle cuts an entry bundle into its entries: each is preceded by its
// length as 16 bits, the high byte first. The entries share b's memory.
func ParseBundle(b []byte) ([][]byte, error) {
	var entries [][]byte
	for len(b) > 0 {
		if len(b) < 2 {
			return nil, errors.New("a length is cut off")
		}
		n := int(binary.BigEndian.Uint16(b))
		if b = b[2:]; len(b) < n {
			return nil, errors.New("an entry is cut off")
		}
		if len(entries) == tileWidth {
			return nil, errors.New("more than 256 entries")
		}
		entries = append(entries, b[:n:n])
		b = b[n:]
	}
	return entries, nil
}

// Entries reads the entries from index from to the end in order, each proven
// against the checkpoint's root. yield's error ends the reading and is returned.
func Entries(ctx context.Context, fetch Fetch, cp Checkpoint, from uint64, yield func(i uint64, e []byte) error) error {
	r := newReader(ctx, fetch, cp)
	for n := from / tileWidth; n*tileWidth < cp.Size; n++ {
		entries, err := r.bundle(n)
		if err != nil {
			return err
		}
		for i, e := range entries {
			if at := indexOf(n, i); at >= from {
				if err := yield(at, e); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// Backward is Entries from the end to the beginning, for what was logged lately.
func Backward(ctx context.Context, fetch Fetch, cp Checkpoint, yield func(i uint64, e []byte) error) error {
	if cp.Size == 0 {
		return nil
	}
	r := newReader(ctx, fetch, cp)
	for n := (cp.Size - 1) / tileWidth; ; n-- {
		entries, err := r.bundle(n)
		if err != nil {
			return err
		}
		for i := len(entries) - 1; i >= 0; i-- {
			if err := yield(indexOf(n, i), entries[i]); err != nil {
				return err
			}
		}
		if n == 0 {
			return nil
		}
	}
}

// tileFault turns the hash reader's own errors, which mean that tiles do not
// hash up to the root, into a fault, and leaves all others as they are.
func tileFault(err error) error {
	if _, ok := fault.Of(err); ok || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	if strings.Contains(err.Error(), "inconsistent tile") {
		return fault.Corrupt("tlog.tiles_do_not_fit").Because(err)
	}
	return fmt.Errorf("read the log's tiles: %w", err)
}
