package site

import (
	"slices"
	"testing"
	"time"
)

// BenchmarkBuild builds an edition of b.N records from nothing.
func BenchmarkBuild(b *testing.B) {
	p := newPublisher(b)
	p.c.poster = "poster"
	rs := records(p.c, 1, b.N)
	var changes []Change
	for _, r := range rs {
		changes = append(changes, p.c.change(b, r))
	}
	b.ResetTimer()
	if _, err := p.update(p.input(changes...)); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkAdd adds records, one edition each, to an archive of 10,000 (2,000
// with -short). It reports the median time to draft and apply one, how that
// compares with an archive of 1,000, and the time to build the rest at once.
func BenchmarkAdd(b *testing.B) {
	const times = 7
	size := 10_000
	if testing.Short() {
		size = 2_000
	}
	p := newPublisher(b)
	p.c.poster = "poster"
	add := func(from int) time.Duration {
		var took []time.Duration
		for n := from; n < from+times; n++ {
			start := time.Now()
			p.publish(p.c.record(n))
			took = append(took, time.Since(start))
		}
		slices.Sort(took)
		return took[times/2]
	}
	p.publish(records(p.c, 1, 1_000)...)
	small := add(1_001)
	start := time.Now()
	p.publish(records(p.c, 1_001+times, size)...)
	build := time.Since(start)
	b.ResetTimer()
	b.ReportMetric(build.Seconds(), "s/build")
	for i := range b.N {
		large := add(size + 1 + i*times)
		b.ReportMetric(large.Seconds(), "s/add")
		b.ReportMetric(float64(large)/float64(small), "ratio-to-1000")
	}
}
