package node

import (
	"bytes"
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
