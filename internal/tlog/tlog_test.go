package tlog_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"testing"

	"kua/internal/fault"
	"kua/internal/tlog"
)

// vectors were made with Python's hashlib and openssl.
type vectors struct {
	Origin, Key, Checkpoint, Fork, Rollback string
	Entries, Proofs                         []string
	Refused                                 []struct{ Name, Entry string }
	RefusedCheckpoints                      []struct{ Name, Checkpoint string }
	Bundle, Tile                            []byte
	Trees                                   struct {
		Sizes []struct {
			Size             uint64
			Root, Checkpoint string
		}
	}
}

func readVectors(t testing.TB) vectors {
	t.Helper()
	b, err := os.ReadFile("../../spec/vectors/log.json")
	if err != nil {
		t.Fatal(err)
	}
	var v vectors
	if err := json.Unmarshal(b, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// files serves a log from memory.
type files map[string][]byte

func (f files) fetch(_ context.Context, path string) ([]byte, error) {
	if !tlog.CheckPath(path) {
		return nil, fmt.Errorf("asked for %q", path)
	}
	b, ok := f[path]
	if !ok {
		return nil, fmt.Errorf("%s: %w", path, fs.ErrNotExist)
	}
	return b, nil
}

func (v vectors) parse(t testing.TB, note string) tlog.Checkpoint {
	t.Helper()
	cp, err := tlog.ParseCheckpoint([]byte(note), v.Origin, v.Key)
	if err != nil {
		t.Fatal(err)
	}
	return cp
}

// small is the log of the vector's entries.
func (v vectors) small() files {
	n := len(v.Entries)
	return files{tlog.TilePath(0, 0, n): v.Tile, tlog.EntriesPath(0, n): v.Bundle}
}

func TestEntryVectors(t *testing.T) {
	v := readVectors(t)
	for _, want := range v.Entries {
		e, err := tlog.ParseEntry([]byte(want))
		if err != nil {
			t.Errorf("%s: %v", want, err)
			continue
		}
		if got, err := e.Bytes(); err != nil || string(got) != want {
			t.Errorf("%s is written as %s, %v", want, got, err)
		}
	}
	for _, r := range v.Refused {
		if e, err := tlog.ParseEntry([]byte(r.Entry)); !errors.Is(err, fault.Invalid("tlog.entry")) {
			t.Errorf("%s: %+v, %v", r.Name, e, err)
		}
	}
	if _, err := (tlog.Entry{Kind: tlog.KindRecord, Day: "2026-11-21"}).Bytes(); err == nil {
		t.Error("a malformed entry can be written")
	}
}

func TestCheckpointVectors(t *testing.T) {
	v := readVectors(t)
	for _, s := range v.Trees.Sizes {
		cp := v.parse(t, s.Checkpoint)
		if cp.Size != s.Size || hex.EncodeToString(cp.Root[:]) != s.Root || cp.Origin != v.Origin || string(cp.Raw) != s.Checkpoint {
			t.Errorf("size %d: %+v", s.Size, cp)
		}
	}
	for _, r := range v.RefusedCheckpoints {
		if cp, err := tlog.ParseCheckpoint([]byte(r.Checkpoint), v.Origin, v.Key); !errors.Is(err, fault.Corrupt("tlog.checkpoint")) {
			t.Errorf("%s: %+v, %v", r.Name, cp, err)
		}
	}
	if _, err := tlog.ParseCheckpoint([]byte(v.Checkpoint), v.Origin, "x"); !errors.Is(err, fault.Invalid("tlog.key")) {
		t.Errorf("no key: %v", err)
	}
	if _, err := tlog.ParseCheckpoint(make([]byte, tlog.MaxCheckpoint+1), v.Origin, v.Key); !errors.Is(err, fault.TooLarge("tlog.checkpoint_too_large")) {
		t.Errorf("endless: %v", err)
	}
}

func TestReadVectors(t *testing.T) {
	v := readVectors(t)
	cp, log := v.parse(t, v.Checkpoint), v.small()
	var got []string
	err := tlog.Entries(t.Context(), log.fetch, cp, 2, func(i uint64, e []byte) error {
		got = append(got, string(e))
		return tlog.Included(t.Context(), log.fetch, cp, i, e)
	})
	if err != nil || !slices.Equal(got, v.Entries[2:]) {
		t.Errorf("Entries = %q, %v", got, err)
	}
	got = nil
	err = tlog.Backward(t.Context(), log.fetch, cp, func(_ uint64, e []byte) error {
		got = append(got, string(e))
		return nil
	})
	if slices.Reverse(got); err != nil || !slices.Equal(got, v.Entries) {
		t.Errorf("Backward = %q, %v", got, err)
	}
	if err := tlog.Included(t.Context(), log.fetch, cp, 1, []byte(v.Entries[2])); !errors.Is(err, fault.Corrupt("tlog.not_included")) {
		t.Errorf("another entry: %v", err)
	}
	if err := tlog.Included(t.Context(), log.fetch, cp, cp.Size, []byte(v.Entries[2])); !errors.Is(err, fault.Corrupt("tlog.not_included")) {
		t.Errorf("behind the end: %v", err)
	}
	for i, want := range v.Proofs {
		file, err := tlog.Prove(t.Context(), log.fetch, cp, uint64(i))
		if err != nil || string(file) != want {
			t.Errorf("Prove(%d) = %s, %v\nwant %s", i, file, err, want)
		}
		at, index, err := tlog.CheckProof([]byte(want), v.Origin, v.Key, []byte(v.Entries[i]))
		if err != nil || index != uint64(i) || at.Size != cp.Size {
			t.Errorf("CheckProof(%d) = %d, %+v, %v", i, index, at, err)
		}
		for _, leaf := range []string{"", v.Entries[(i+1)%len(v.Entries)]} {
			if _, _, err := tlog.CheckProof([]byte(want), v.Origin, v.Key, []byte(leaf)); !errors.Is(err, fault.Corrupt("tlog.not_included")) {
				t.Errorf("proof %d proves %q: %v", i, leaf, err)
			}
		}
	}
}

func TestConsistent(t *testing.T) {
	v := readVectors(t)
	now, log := v.parse(t, v.Checkpoint), v.small()
	before := v.parse(t, v.Rollback)
	if err := tlog.Consistent(t.Context(), log.fetch, before, now); err != nil {
		t.Error(err)
	}
	if err := tlog.Consistent(t.Context(), log.fetch, now, now); err != nil {
		t.Error(err)
	}
	if err := tlog.Consistent(t.Context(), log.fetch, v.parse(t, v.Trees.Sizes[0].Checkpoint), now); err != nil {
		t.Errorf("from nothing: %v", err)
	}
	if err := tlog.Consistent(t.Context(), log.fetch, now, before); !errors.Is(err, fault.Conflict("tlog.rollback")) {
		t.Errorf("going back: %v", err)
	}
	// Another tree of size 3 than the one this log began with.
	other := v.parse(t, v.Trees.Sizes[3].Checkpoint)
	for _, c := range [][2]tlog.Checkpoint{{other, now}, {v.parse(t, v.Fork), now}} {
		err := tlog.Consistent(t.Context(), log.fetch, c[0], c[1])
		var conflict *tlog.Conflict
		if !errors.Is(err, fault.Corrupt("tlog.fork")) || !errors.As(err, &conflict) {
			t.Fatalf("a fork: %v", err)
		}
		if !bytes.Equal(conflict.Old, c[0].Raw) || !bytes.Equal(conflict.New, c[1].Raw) {
			t.Error("the evidence is not both notes")
		}
	}
}

// build makes the files of a log of "entry 0", "entry 1", … as C2SP tlog-tiles
// has them, with every partial file that a growing log leaves behind.
func build(n int) files {
	f := make(files)
	var level []([32]byte)
	var bundle []byte
	for i := range n {
		e := fmt.Appendf(nil, "entry %d", i)
		level = append(level, tlog.LeafHash(e))
		bundle = append(bundle, byte(len(e)>>8), byte(len(e)))
		bundle = append(bundle, e...)
		f[tlog.EntriesPath(uint64(i/256), i%256+1)] = bundle
		if i%256 == 255 {
			bundle = nil
		}
	}
	for l := 0; len(level) > 0; l++ {
		var above [][32]byte
		var tile []byte
		for i, h := range level {
			tile = append(tile, h[:]...)
			f[tlog.TilePath(l, uint64(i/256), i%256+1)] = bytes.Clone(tile)
			if i%256 == 255 {
				above = append(above, fold(level[i-255:i+1]))
				tile = nil
			}
		}
		level = above
	}
	return f
}

func fold(hs [][32]byte) [32]byte {
	for len(hs) > 1 {
		var up [][32]byte
		for i := 0; i < len(hs); i += 2 {
			up = append(up, sha256.Sum256(slices.Concat([]byte{1}, hs[i][:], hs[i+1][:])))
		}
		hs = up
	}
	return hs[0]
}

func TestGrownLog(t *testing.T) {
	v := readVectors(t)
	log := build(600)
	var older []tlog.Checkpoint
	for _, s := range v.Trees.Sizes {
		cp := v.parse(t, s.Checkpoint)
		n := uint64(0)
		err := tlog.Entries(t.Context(), log.fetch, cp, 0, func(i uint64, e []byte) error {
			if i != n || string(e) != fmt.Sprintf("entry %d", i) {
				return fmt.Errorf("entry %d is %q", i, e)
			}
			n++
			return nil
		})
		if err != nil || n != s.Size {
			t.Fatalf("size %d: %d entries, %v", s.Size, n, err)
		}
		for _, old := range older {
			if err := tlog.Consistent(t.Context(), log.fetch, old, cp); err != nil {
				t.Errorf("%d after %d: %v", cp.Size, old.Size, err)
			}
		}
		older = append(older, cp)
		// What NewPaths names is all that a reader needs.
		copied := make(files)
		for _, p := range tlog.NewPaths(0, s.Size) {
			if !tlog.CheckPath(p) {
				t.Errorf("%s is no path of a log", p)
			}
			if b, ok := log[p]; ok {
				copied[p] = b
			}
		}
		if err := tlog.Entries(t.Context(), copied.fetch, cp, 0, func(uint64, []byte) error { return nil }); err != nil {
			t.Errorf("a copy of size %d: %v", s.Size, err)
		}
	}
}

// TestHolds knows every file of a log, older partial ones too, from one of which a bit
// is other, and one of another log; what it covers is what a log of that size has.
func TestHolds(t *testing.T) {
	v := readVectors(t)
	log := build(600)
	last := v.Trees.Sizes[len(v.Trees.Sizes)-1]
	cp := v.parse(t, last.Checkpoint)
	held := 0
	for path, b := range log {
		covered := tlog.Covered(path, cp.Size)
		if err := tlog.Holds(t.Context(), log.fetch, cp, path, b); (err == nil) != covered {
			t.Errorf("%s, covered %t: %v", path, covered, err)
		}
		if !covered || len(path)%5 != 0 { // a part of them is enough
			continue
		}
		held++
		for _, wrong := range [][]byte{append(bytes.Clone(b[:len(b)-1]), b[len(b)-1]^1), b[:len(b)-1], append(bytes.Clone(b), 0), nil} {
			if err := tlog.Holds(t.Context(), log.fetch, cp, path, wrong); err == nil {
				t.Errorf("other bytes hold as %s", path)
			}
		}
	}
	for _, path := range tlog.NewPaths(0, cp.Size) {
		if path == tlog.CheckpointPath == tlog.Covered(path, cp.Size) || tlog.Covered(path, 0) {
			t.Errorf("%s is covered: %t", path, tlog.Covered(path, cp.Size))
		}
	}
	if held < 20 || tlog.Covered("tile/0/../x", cp.Size) {
		t.Errorf("%d files were looked at", held)
	}
}

// TestGrowing has entries go by and wants every root on the way, from the first entry and from
// every older checkpoint.
func TestGrowing(t *testing.T) {
	v := readVectors(t)
	log := build(600)
	starts := []tlog.Checkpoint{{}}
	for _, s := range v.Trees.Sizes {
		starts = append(starts, v.parse(t, s.Checkpoint))
	}
	for _, from := range starts {
		g, err := tlog.GrowFrom(t.Context(), log.fetch, from)
		if err != nil {
			t.Fatal(err)
		}
		for _, to := range starts[1:] {
			if to.Size < from.Size {
				continue
			}
			size, root, err := g.Head()
			for ; err == nil && size < to.Size; size, root, err = g.Head() {
				if err := g.Add(fmt.Appendf(nil, "entry %d", size)); err != nil {
					t.Fatal(err)
				}
			}
			if err != nil || size != to.Size || root != to.Root {
				t.Errorf("from %d to %d: %d entries, root %x, %v", from.Size, to.Size, size, root, err)
			}
		}
	}
	if _, root, _ := tlog.NewGrowing().Head(); root != sha256.Sum256(nil) {
		t.Errorf("of no entries: %x", root)
	}
	last := starts[len(starts)-1]
	last.Root[0] ^= 1
	if _, err := tlog.GrowFrom(t.Context(), log.fetch, last); err == nil {
		t.Error("it grows from tiles that do not lead to the checkpoint")
	}
}

// TestPartialGone has a log drop the partial files of a tile and a bundle that
// have become full: readers of an earlier checkpoint take the full ones.
func TestPartialGone(t *testing.T) {
	v := readVectors(t)
	log := build(600)
	for p := range log {
		if strings.HasPrefix(p, "tile/0/000.p/") || strings.HasPrefix(p, "tile/entries/000.p/") {
			delete(log, p)
		}
	}
	for _, s := range v.Trees.Sizes {
		n := uint64(0)
		err := tlog.Entries(t.Context(), log.fetch, v.parse(t, s.Checkpoint), 0, func(uint64, []byte) error {
			n++
			return nil
		})
		if err != nil || n != s.Size {
			t.Errorf("size %d: %d entries, %v", s.Size, n, err)
		}
	}
}

func TestTamperedLog(t *testing.T) {
	v := readVectors(t)
	i := slices.IndexFunc(v.Trees.Sizes, func(s struct {
		Size             uint64
		Root, Checkpoint string
	}) bool {
		return s.Size == 600
	})
	cp := v.parse(t, v.Trees.Sizes[i].Checkpoint)
	for _, p := range tlog.NewPaths(0, 600) {
		if p == tlog.CheckpointPath {
			continue
		}
		for name, change := range map[string]func(b []byte) []byte{
			"a bit":     func(b []byte) []byte { b[len(b)/2] ^= 4; return b },
			"cut":       func(b []byte) []byte { return b[:len(b)-1] },
			"empty":     func([]byte) []byte { return nil },
			"too long":  func(b []byte) []byte { return append(b, make([]byte, 9000)...) },
			"not there": nil,
		} {
			log := build(600)
			if delete(log, p); change != nil {
				log[p] = change(build(600)[p])
			}
			err := tlog.Entries(t.Context(), log.fetch, cp, 0, func(uint64, []byte) error { return nil })
			if f, ok := fault.Of(err); !ok || f.Kind != fault.KindCorrupt {
				t.Errorf("%s, %s: %v", p, name, err)
			}
		}
	}
}

func TestCheckPath(t *testing.T) {
	for p, want := range map[string]bool{
		"checkpoint": true, "tile/0/000": true, "tile/1/x001/234.p/7": true, "tile/entries/x999/x999/999": true, "tile/63/000": true,
		"": false, "tile": false, "tile/0": false, "tile/data/000": false, "tile/0/00": false, "tile/0/000.p/256": false, "tile/64/000": false,
		"tile/-1/000": false, "tile/00/000": false, "tile/0/000.p/07": false, "tile/entries/000.p/0": false, "tile/0/../000": false, ".state/treeState": false,
		"tile/0/x000/000": false, "tile/8/data/000": false, "tile/entries/data/000": false, "tile/0/x999/x999/x999/x999/x999/x999/999": false,
	} {
		if got := tlog.CheckPath(p); got != want {
			t.Errorf("CheckPath(%q) = %v", p, got)
		}
	}
}

func FuzzCheckpoint(f *testing.F) {
	v := readVectors(f)
	f.Add([]byte(v.Checkpoint))
	f.Add([]byte(v.Fork))
	for _, r := range v.RefusedCheckpoints {
		f.Add([]byte(r.Checkpoint))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		cp, err := tlog.ParseCheckpoint(b, v.Origin, v.Key)
		if err == nil && (cp.Origin != v.Origin || !bytes.Equal(cp.Raw, b)) {
			t.Errorf("%q reads as %+v", b, cp)
		}
	})
}

func FuzzBundle(f *testing.F) {
	v := readVectors(f)
	f.Add(v.Bundle)
	f.Add([]byte{0, 0, 0, 0})
	f.Add([]byte{255, 255, 1})
	f.Fuzz(func(t *testing.T, b []byte) {
		entries, err := tlog.ParseBundle(b)
		if err != nil {
			return
		}
		var back []byte
		for _, e := range entries {
			back = append(append(back, byte(len(e)>>8), byte(len(e))), e...)
		}
		if !bytes.Equal(back, b) || len(entries) > 256 {
			t.Errorf("%x is written as %x", b, back)
		}
	})
}

func FuzzEntry(f *testing.F) {
	v := readVectors(f)
	for _, e := range v.Entries {
		f.Add([]byte(e))
	}
	for _, r := range v.Refused {
		f.Add([]byte(r.Entry))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		e, err := tlog.ParseEntry(b)
		if err != nil {
			return
		}
		if back, err := e.Bytes(); err != nil || !bytes.Equal(back, b) {
			t.Errorf("%q is written as %q, %v", b, back, err)
		}
	})
}

func FuzzProof(f *testing.F) {
	v := readVectors(f)
	for _, p := range v.Proofs {
		f.Add([]byte(p))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		cp, i, err := tlog.CheckProof(b, v.Origin, v.Key, []byte(v.Entries[1]))
		if err == nil && (i != 1 || cp.Size != uint64(len(v.Entries))) {
			t.Errorf("%s proves entry %d of %d", b, i, cp.Size)
		}
	})
}

// FuzzTile serves made-up bytes as the log's only tile and bundle.
func FuzzTile(f *testing.F) {
	v := readVectors(f)
	f.Add(v.Tile, v.Bundle)
	f.Add(v.Tile[:32], v.Bundle)
	f.Fuzz(func(t *testing.T, tile, bundle []byte) {
		log := func(_ context.Context, p string) ([]byte, error) {
			if p == tlog.EntriesPath(0, len(v.Entries)) {
				return bundle, nil
			}
			return tile, nil
		}
		i := 0
		err := tlog.Entries(t.Context(), log, v.parse(t, v.Checkpoint), 0, func(_ uint64, e []byte) error {
			if string(e) != v.Entries[i] {
				t.Errorf("entry %d is %q", i, e)
			}
			i++
			return nil
		})
		if err == nil && i != len(v.Entries) {
			t.Errorf("%d entries", i)
		}
	})
}
