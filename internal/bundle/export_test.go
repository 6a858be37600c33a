package bundle

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"

	"kua/internal/canon"
)

// WriteUnproved is Write by somebody whose program proves nothing: spoil changes
// the edition after it was read.
func WriteUnproved(ctx context.Context, dir, out string, opts Options, spoil func()) (Written, error) {
	w, err := newWriter(ctx, dir, opts)
	if err != nil {
		return Written{}, err
	}
	spoil()
	for i := range w.items {
		w.items[i].sum = ""
	}
	if w.set.Manifest, err = hashFile(filepath.Join(dir, "manifest.json")); err != nil {
		return Written{}, err
	}
	if err := errors.Join(w.enter(out), w.data(ctx), w.code(ctx)); err != nil {
		return Written{}, err
	}
	return w.result, w.finish()
}

func hashFile(name string) (string, error) {
	b, err := os.ReadFile(name)
	return canon.Hash(b), err
}

// WriteNamed writes a bundle in which a file of an edition has another name.
func WriteNamed(out, dir, name string) error {
	w, err := newWriter(context.Background(), dir, Options{Parity: -1})
	if err != nil {
		return err
	}
	if err := errors.Join(w.enter(out), w.data(context.Background())); err != nil {
		return err
	}
	// A shard with one file more, in the room that the description says it has.
	b, err := os.ReadFile(w.shard(0))
	if err != nil {
		return err
	}
	text := []byte("made up")
	more := append(entry{name: name, size: int64(len(text))}.header(), text...)
	b = append(b, more...)
	if err := os.WriteFile(w.shard(0), b, 0o644); err != nil {
		return err
	}
	w.items = append(w.items, item{path: strings.Repeat("x", len(name)), size: int64(len(text))})
	w.shards[0] = append(w.shards[0], cut{item: len(w.items) - 1, length: int64(len(text))})
	w.set.Shard = (int64(len(b)) + grain - 1) / grain * grain
	if err := w.code(context.Background()); err != nil {
		return err
	}
	return w.finish()
}

// ParsePart reads a part as Gather does, and walks it as Merge does.
func ParsePart(b []byte) error {
	p, err := parsePart(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		return err
	}
	s := &shardReader{bytes.NewReader(b), p.at, p.about.Length}
	return walk([]*shardReader{s}, func(seg segment, r io.Reader, size int64) error {
		n, err := io.Copy(io.Discard, r)
		if n != size {
			return errors.Join(err, io.ErrUnexpectedEOF)
		}
		return err
	}, func(error) {})
}

// WalkShard walks bytes as a shard and gives the paths in it.
func WalkShard(b []byte) (paths []string, err error) {
	s := &shardReader{bytes.NewReader(b), 0, int64(len(b))}
	err = walk([]*shardReader{s}, func(seg segment, _ io.Reader, _ int64) error {
		paths = append(paths, seg.path)
		return nil
	}, func(error) {})
	return paths, err
}
