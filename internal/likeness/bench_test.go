package likeness

import (
	"encoding/binary"
	"math/bits"
	"testing"
	"time"
)

// BenchmarkFind looks for a film of a minute in 10 000 films of a minute each,
// in all eight turns, and prints how long that is against reading the same
// bytes once and counting their bits.
func BenchmarkFind(b *testing.B) {
	const films = 10_000
	lib := make([][]byte, films)
	for i := range lib {
		lib[i] = film(uint64(i+10), 60).Plain()
	}
	mine := film(3, 60)
	var looked, read time.Duration
	for b.Loop() {
		start := time.Now()
		found := 0
		for _, find := range Finders(mine) {
			for _, plain := range lib {
				if find.In(plain) {
					found++
				}
			}
		}
		looked += time.Since(start)
		if found != 0 {
			b.Fatalf("%d films of chance are found", found)
		}
		start = time.Now()
		n := 0
		for _, plain := range lib {
			for ; len(plain) >= 8; plain = plain[8:] {
				n += bits.OnesCount64(binary.LittleEndian.Uint64(plain))
			}
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
