package node

import (
	"bytes"
	"os"
	"strings"
	"testing"
)

// FuzzFrames holds that what a disk gives back of a part is a beginning of what was
// acknowledged, and nothing else.
func FuzzFrames(f *testing.F) {
	two := append(frame([]byte("one")), frame([]byte("two"))...)
	for _, b := range [][]byte{nil, two, two[:len(two)-1], append(bytes.Clone(two), 0, 0, 0, 9), bytes.Repeat([]byte{0}, 64)} {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		b, whole := readFrames(file)
		if whole > len(file) || len(b) > pieceBytes {
			t.Fatalf("%d bytes in %d of %d", len(b), whole, len(file))
		}
		again, all := readFrames(file[:whole])
		if all != whole || !bytes.Equal(again, b) {
			t.Fatalf("what was kept reads otherwise: %d, %d", all, whole)
		}
		more, _ := readFrames(append(bytes.Clone(file[:whole]), frame([]byte("next"))...))
		if len(b)+4 <= pieceBytes && !bytes.Equal(more, append(bytes.Clone(b), "next"...)) {
			t.Fatal("a frame behind it is not read")
		}
	})
}

// TestPartThatWasNeverMade: a part whose first write failed is none, and takes no
// place; the piece can begin on another day.
func TestPartThatWasNeverMade(t *testing.T) {
	var p parts
	day := "2026-11-21"
	if err := p.open(t.TempDir(), func() string { return day }, nil); err != nil {
		t.Fatal(err)
	}
	k, b := partKey{strings.Repeat("a", 32), strings.Repeat("b", 64)}, make([]byte, 2000)
	if err := os.Mkdir(p.path(k, day), 0o700); err != nil { // in the way of the file
		t.Fatal(err)
	}
	if _, err := p.append(k, 0, b); err == nil {
		t.Fatal("a part was written into a folder")
	}
	if len(p.files) != 0 {
		t.Errorf("the part stays: %v", p.files)
	}
	p.add(k, &part{day: day}) // as when it could not be removed
	day = "2026-11-22"
	if have, err := p.append(k, 0, b); err != nil || have != 2000 {
		t.Errorf("the next day: %d, %v", have, err)
	}
}
