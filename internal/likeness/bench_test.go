package likeness

import (
	"testing"
	"time"
)

// BenchmarkFind looks for a film of a minute in 10 000 films of a minute each,
// in all eight turns, and prints how long that is against reading the same
// hashes once and counting their bits.
func BenchmarkFind(b *testing.B) {
	const films = 10_000
	var a Archive
	for i := range int64(films) {
		a.Put(i, film(uint64(i+10), 60).Plain())
	}
	mine := film(3, 60)
	var looked, read time.Duration
	for b.Loop() {
		start := time.Now()
		if found := a.Find(mine); len(found) != 0 {
			b.Fatalf("%d films of chance are found", len(found))
		}
		looked += time.Since(start)
		start = time.Now()
		n := 0
		for _, h := range a.hashes {
			n += h.Distance(Hash{})
		}
		read += time.Since(start)
		if n == 0 {
			b.Fatal("nothing was read")
		}
	}
	b.ReportMetric(float64(looked.Milliseconds())/float64(b.N), "ms/film")
	b.ReportMetric(float64(looked)/float64(read), "×plain-scan")
}

// BenchmarkPrint is one frame of a film, as media asks for it.
func BenchmarkPrint(b *testing.B) {
	img := scene(1, 256, 256)
	for b.Loop() {
		PrintOf(img)
	}
}
