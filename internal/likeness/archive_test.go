package likeness

import (
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestArchive holds the archive to looking at every pair.
func TestArchive(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 3))
	mine := film(1, maxIndexed+20)
	var a Archive
	want := []int64{}
	for id := range int64(100) {
		theirs := film(uint64(id+100), 5)
		if id%7 == 0 {
			theirs.Frames[3].Hashes[0] = worn(mine.Frames[r.IntN(len(mine.Frames))].Hashes[r.IntN(Turns)], 20, r)
		}
		if id%3 == 0 {
			theirs.Frames[3].Quality = MinQuality - 1
		}
		a.Put(id, theirs.Plain())
		for _, f := range theirs.Frames {
			if f.Clear() && near(mine, f.Hashes[0]) {
				want = append(want, id)
			}
		}
	}
	if diff := cmp.Diff(a.Find(mine), want); diff != "" || len(want) < 8 {
		t.Errorf("got, want (%d):\n%s", len(want), diff)
	}
	// Another one in its place, none, and bytes that are no prints.
	a.Put(want[0], film(7, 3).Plain())
	a.Put(want[1], nil)
	a.Put(want[2], []byte("no prints"))
	if diff := cmp.Diff(a.Find(mine), want[3:]); diff != "" {
		t.Errorf("after three were replaced: got, want:\n%s", diff)
	}
	kept := 0
	for _, f := range a.files {
		kept += f.to - f.from
	}
	if kept != len(a.hashes) {
		t.Errorf("%d hashes are kept, of files %d", len(a.hashes), kept)
	}
	if last := a.hashes[:cap(a.hashes)][len(a.hashes)]; last != (Hash{}) {
		t.Error("a hash that was taken out is still in memory")
	}
	a.Put(want[1], mine.Plain())
	if got := a.Find(mine); len(got) != len(want)-2 || got[0] != want[1] {
		t.Errorf("after one came back: %v", got)
	}
}

func near(p Prints, h Hash) bool {
	for _, f := range p.Frames {
		for _, mine := range f.Hashes {
			if mine.Distance(h) <= MaxDistance {
				return true
			}
		}
	}
	return false
}
