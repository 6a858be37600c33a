package verify_test

import (
	"fmt"
	"os/exec"
	"testing"
	"time"

	"kua/internal/record"
	"kua/internal/verify"
)

// BenchmarkEdition verifies a whole edition and prints how much longer that
// takes than sha256sum over the same files.
func BenchmarkEdition(b *testing.B) {
	defer func(grain int) { blobGrain = grain }(blobGrain)
	blobGrain = 200_000
	c := newCollective(b)
	var records []record.Record
	for i := 1; i <= 40; i++ {
		records = append(records, c.next(b, fmt.Sprintf("%06d", i)))
	}
	c.publish(b, records...)

	stock := func() time.Duration {
		start := time.Now()
		cmd := exec.Command("sh", "-c", "find . -type f -print0 | xargs -0 sha256sum >/dev/null")
		cmd.Dir = c.dir
		if out, err := cmd.CombinedOutput(); err != nil {
			b.Fatalf("%v: %s", err, out)
		}
		return time.Since(start)
	}
	var report verify.Report
	ours := func(workers int) time.Duration {
		start := time.Now()
		opts := options()
		opts.Workers = workers
		if report = verifyDir(b, c.dir, opts); report.Result != verify.OK {
			b.Fatalf("%+v", report.Findings)
		}
		return time.Since(start)
	}
	stock() // warms the cache
	for b.Loop() {
		one, two := stock(), stock()
		base := min(one, two)
		b.ReportMetric(min(ours(1), ours(1)).Seconds()/base.Seconds(), "×sha256sum(1_worker)")
		b.ReportMetric(min(ours(4), ours(4)).Seconds()/base.Seconds(), "×sha256sum(4_workers)")
	}
	b.ReportMetric(float64(report.Bytes)/1e6, "MB")
}
