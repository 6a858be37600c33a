package likeness

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kua/internal/fault"
)

// film makes a film of so many seconds out of a seed: another picture each second.
func film(seed uint64, seconds int) Prints {
	r := rand.New(rand.NewPCG(seed, 1))
	p := Prints{Length: int64(seconds) * 1000}
	for i := range seconds {
		f := Frame{At: int64(i) * 1000, Print: Print{Quality: 100}}
		for t := range f.Hashes {
			f.Hashes[t] = Hash{r.Uint64(), r.Uint64(), r.Uint64(), r.Uint64()}
		}
		p.Frames = append(p.Frames, f)
	}
	return p
}

// worn flips n different bits of a hash.
func worn(h Hash, n int, r *rand.Rand) Hash {
	for _, k := range r.Perm(256)[:n] {
		h[k/64] ^= 1 << (k % 64)
	}
	return h
}

func TestParse(t *testing.T) {
	want := film(1, 5)
	want.Cut = true
	got, err := Parse(want.Plain(), want.Turned())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("got, want:\n%s", diff)
	}
	if got, err = Parse(want.Plain(), nil); err != nil || got.Frames[4].Hashes[0] != want.Frames[4].Hashes[0] || got.Frames[4].Hashes[1] != (Hash{}) {
		t.Errorf("without the turned ones: %v", err)
	}
	for name, bend := range map[string]func(p, t []byte) ([]byte, []byte){
		"nothing":      func(p, t []byte) ([]byte, []byte) { return nil, nil },
		"short":        func(p, t []byte) ([]byte, []byte) { return p[:len(p)-1], t },
		"long":         func(p, t []byte) ([]byte, []byte) { return append(p, 0), t },
		"turned short": func(p, t []byte) ([]byte, []byte) { return p, t[1:] },
		"quality":      func(p, t []byte) ([]byte, []byte) { p[headBytes+4] = 101; return p, t },
		"order": func(p, t []byte) ([]byte, []byte) {
			p[headBytes+3] = 1
			p[headBytes+frameBytes+2] = 0
			p[headBytes+frameBytes+3] = 0
			return p, t
		},
		"after end": func(p, t []byte) ([]byte, []byte) { p[2], p[3] = 0, 1; return p, t },
		"flag":      func(p, t []byte) ([]byte, []byte) { p[4] = 2; return p, t },
		"count":     func(p, t []byte) ([]byte, []byte) { p[5] = 0xff; return p, t },
	} {
		plain, turned := bend(bytes.Clone(want.Plain()), want.Turned())
		if _, err := Parse(plain, turned); !errors.Is(err, fault.Corrupt("likeness.broken")) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(film(1, 3).Plain(), film(1, 3).Turned())
	f.Add([]byte{}, []byte{})
	f.Fuzz(func(t *testing.T, plain, turned []byte) {
		p, err := Parse(plain, turned)
		if err != nil {
			return
		}
		if !bytes.Equal(p.Plain(), plain) || turned != nil && !bytes.Equal(p.Turned(), turned) {
			t.Error("read and written again it is another")
		}
		if len(p.Frames) <= 10 {
			var a Archive
			a.Put(1, plain)
			a.Find(p)
			Compare(p, p)
		}
	})
}

func FuzzArchive(f *testing.F) {
	f.Add(film(1, 3).Plain())
	f.Add([]byte{0})
	find := finders(film(1, 3))
	f.Fuzz(func(t *testing.T, plain []byte) { found(find, plain) })
}

// found reports whether finders see a file's frames in another.
func found(find []*finder, plain []byte) bool {
	var a Archive
	a.Put(1, plain)
	return a.find(find) != nil
}

func TestKeeper(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	still := Hash{r.Uint64(), r.Uint64(), r.Uint64(), r.Uint64()}
	k := NewKeeper(10_000)
	for at := int64(0); at < 10_000; at += 40 {
		k.Add(at, Print{Quality: 100, Hashes: [Turns]Hash{still}})
	}
	if p := k.Prints(10_000); len(p.Frames) != 10 || p.Cut {
		t.Errorf("a still film of ten seconds has %d frames", len(p.Frames))
	}
	k = NewKeeper(10_000)
	for at := int64(0); at < 10_000; at += 40 {
		k.Add(at, Print{Quality: 100, Hashes: [Turns]Hash{{r.Uint64(), r.Uint64(), r.Uint64(), r.Uint64()}}})
	}
	if p := k.Prints(10_000); len(p.Frames) < 80 || len(p.Frames) > 100 {
		t.Errorf("a restless film of ten seconds has %d frames", len(p.Frames))
	}
	// One that says it is short and does not end.
	k = NewKeeper(1000)
	for at := int64(0); at < 1_000_000; at += 100 {
		k.Add(at, Print{Hashes: [Turns]Hash{{r.Uint64(), r.Uint64()}}})
	}
	if p := k.Prints(1_000_000); len(p.Frames) != MaxFrames || !p.Cut {
		t.Errorf("an endless film has %d frames, cut %t", len(p.Frames), p.Cut)
	}
	k = NewKeeper(6 * 3600 * 1000)
	for at := int64(0); at < 6*3600*1000; at += 1000 {
		k.Add(at, Print{Hashes: [Turns]Hash{{r.Uint64(), r.Uint64()}}})
	}
	if p := k.Prints(6 * 3600 * 1000); len(p.Frames) > MaxFrames || p.Cut || p.Frames[len(p.Frames)-1].At < 6*3600*1000-30_000 {
		t.Errorf("a film of six hours has %d frames, cut %t", len(p.Frames), p.Cut)
	}
}

// TestFinderMissesNothing holds the finder against looking at every pair.
func TestFinderMissesNothing(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 5))
	mine := film(9, 3)
	find := finders(mine)
	if len(find) != 1 {
		t.Fatalf("%d finders for three frames", len(find))
	}
	for i := range 3000 {
		h := mine.Frames[r.IntN(3)].Hashes[r.IntN(Turns)]
		n := r.IntN(40)
		theirs := Prints{Frames: []Frame{{Print: Print{Quality: 100, Hashes: [Turns]Hash{worn(h, n, r)}}}}}
		if got, want := found(find, theirs.Plain()), n <= MaxDistance; got != want {
			t.Fatalf("hash %d, %d bits away: found %t", i, n, got)
		}
		theirs.Frames[0].Quality = MinQuality - 1
		if found(find, theirs.Plain()) {
			t.Fatal("a frame that is too plain is found")
		}
	}
	if n := len(finders(film(1, 2*maxIndexed+1))); n != 3 {
		t.Errorf("%d finders for a long film, want 3", n)
	}
}

func TestCompare(t *testing.T) {
	r := rand.New(rand.NewPCG(6, 6))
	original := film(1, 60)
	copyOf := func(from, to int, turn int) Prints {
		p := Prints{Length: int64(to-from) * 1000}
		for i := from; i < to; i++ {
			f := film(99, 1).Frames[0]
			f.At = int64(i-from) * 1000
			f.Hashes[0] = worn(original.Frames[i].Hashes[turn], 20, r)
			p.Frames = append(p.Frames, f)
		}
		return p
	}
	still := film(98, 1)
	still.Length = 0
	still.Frames[0].Hashes[0] = worn(original.Frames[7].Hashes[0], 12, r)
	mixed := film(97, 60)
	for i := range 5 {
		mixed.Frames[20+i].Hashes[0] = worn(original.Frames[30+i].Hashes[0], 10, r)
	}
	once := film(96, 60)
	once.Frames[20].Hashes[0] = original.Frames[30].Hashes[0]
	for _, c := range []struct {
		name   string
		theirs Prints
		want   Strength
		turned bool
	}{
		{"encoded again", copyOf(0, 60, 0), Same, false},
		{"mirrored", copyOf(0, 60, 5), Same, true},
		{"trimmed", copyOf(20, 30, 0), Same, false},
		{"five seconds in another", mixed, Part, false},
		{"one moment in another", once, "", false},
		{"a still", still, Like, false},
		{"another", film(2, 60), "", false},
		{"an empty one", Prints{Length: 1000}, "", false},
	} {
		got, ok := Compare(original, c.theirs)
		if ok != (c.want != "") || got.Strength != c.want || got.Turned != c.turned {
			t.Errorf("%s: %+v, want %q, turned %t", c.name, got, c.want, c.turned)
		}
	}
}
