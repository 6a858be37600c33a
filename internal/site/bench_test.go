package site

import (
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

// BenchmarkAdd adds one record to an archive of 10,000 (100 with -short) and
// applies the edition; it reports how that compares with an archive of 100.
func BenchmarkAdd(b *testing.B) {
	size := 10_000
	if testing.Short() {
		size = 1_000
	}
	p := newPublisher(b)
	p.c.poster = "poster"
	p.publish(records(p.c, 1, 100)...)
	add := func(n int) time.Duration {
		p.publish()
		start := time.Now()
		p.publish(p.c.record(n))
		return time.Since(start)
	}
	add(101) // warm
	small := add(102)
	start := time.Now()
	p.publish(records(p.c, 103, size)...)
	b.Logf("%d records from nothing: %v", size-102, time.Since(start).Round(time.Millisecond))
	b.ResetTimer()
	var large time.Duration
	for i := range b.N {
		large += add(size + 1 + i)
	}
	large /= time.Duration(b.N)
	b.ReportMetric(large.Seconds(), "s/add")
	b.ReportMetric(float64(large)/float64(small), "ratio-to-100")
}
