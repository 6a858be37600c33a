package mirror_test

import (
	"context"
	"path/filepath"
	"runtime"
	"testing"

	"kua/internal/edition/editiontest"
	"kua/internal/mirror"
	"kua/internal/verify"
)

// TestMemoryIsFlat pulls and verifies an edition and one four times as large, and
// looks at what lives in memory at the end of each: for a file more it may be
// some bytes, and not its line.
func TestMemoryIsFlat(t *testing.T) {
	const small, large, bytesPerFile = 100, 400, 80
	var pulled, verified, files [2]int64
	for i, records := range []int{small, large} {
		c := editiontest.New(t)
		c.Media = func(string) []editiontest.M {
			return []editiontest.M{{Rung: "poster", Type: "image/jpeg", Size: 300}, {Rung: "144p", Type: "video/mp4", Size: 20_000}}
		}
		c.Langs = []string{"kk", "ru"}
		c.Publish(t, c.Records(t, 1, records)...)
		m := open(t, filepath.Join(t.TempDir(), "copy"))
		opts := options(dir(t, c.Dir))
		opts.Progress = func(p mirror.Progress) {
			if pulled[i] == 0 && p.Bytes > p.OfBytes*9/10 {
				pulled[i] = living()
			}
		}
		if _, err := m.Pull(context.Background(), opts); err != nil {
			t.Fatal(err)
		}
		r, err := m.Verify(context.Background(), verify.Options{Now: editiontest.Now, Workers: 1, Progress: func(p verify.Progress) {
			if p.Files == p.OfFiles {
				verified[i] = living()
			}
		}})
		if err != nil || r.Result != verify.OK {
			t.Fatalf("%v %+v", err, r)
		}
		files[i] = int64(r.Files)
	}
	for what, live := range map[string][2]int64{"pulling": pulled, "verifying": verified} {
		per := (live[1] - live[0]) / (files[1] - files[0])
		t.Logf("%s: %d kB with %d files, %d kB with %d: %d bytes for each", what, live[0]/1000, files[0], live[1]/1000, files[1], per)
		if live[0] == 0 || live[1] == 0 || per > bytesPerFile {
			t.Errorf("%s takes %d bytes of memory for a file more, want at most %d", what, per, bytesPerFile)
		}
	}
}

// living is what the heap holds after the garbage was collected.
func living() int64 {
	runtime.GC()
	runtime.GC() // of pools what the first left
	var s runtime.MemStats
	runtime.ReadMemStats(&s)
	return int64(s.HeapAlloc)
}
