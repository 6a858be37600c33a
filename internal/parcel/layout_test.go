package parcel

import (
	"archive/tar"
	"bytes"
	"testing"
)

// TestEntrySizeOfLargeFiles compares the plan with what the tar writer makes of
// a file beyond the eleven octal digits, without writing the file.
func TestEntrySizeOfLargeFiles(t *testing.T) {
	for _, size := range []int64{0, 1, maxUSTAR, maxUSTAR + 1, MaxParcel} {
		var b bytes.Buffer
		w := &bagWriter{tw: tar.NewWriter(&b)}
		if err := w.header("data/files/1.mp4", size); err != nil {
			t.Fatal(err)
		}
		blocks := (size + block - 1) / block * block
		if got, want := entrySize(size)-blocks, int64(b.Len()); got != want {
			t.Errorf("entrySize(%d) plans %d bytes of headers, want %d", size, got, want)
		}
	}
}
