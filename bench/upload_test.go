//go:build bench

package bench

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"kua/internal/nodeapi"
	"kua/internal/witness"
)

// TestUpload compares sending a parcel through the node with cp and fsync of
// the same bytes on the same disk.
func TestUpload(t *testing.T) {
	c := found(t)
	dir := t.TempDir()
	var ratios []float64
	for n := range 3 {
		file := filepath.Join(dir, fmt.Sprint("parcel", n))
		random(t, file, 1<<30)
		cp, _ := run(t, dir, "cp", file, file+".copy")
		syncTime, _ := run(t, dir, "sync", file+".copy")
		send, _ := run(t, dir, kua, "send", "--to", c.url, file)
		ratios = append(ratios, ratio(send, cp+syncTime))
		os.Remove(file)
		os.Remove(file + ".copy")
	}
	line("upload through the node, 1 GiB / cp + fsync", fmt.Sprintf("%.2f (median of 3)", median(ratios)), "≤ 2")
}

// TestParallel measures the node's memory under 50 uploads at a time.
func TestParallel(t *testing.T) {
	c := found(t)
	dir := t.TempDir()
	var wg sync.WaitGroup
	begun := time.Now()
	for n := range 50 {
		file := filepath.Join(dir, fmt.Sprint("parcel", n))
		random(t, file, 8<<20)
		wg.Go(func() {
			if _, err := witness.Send(context.Background(), nodeapi.NewClient(c.url), file, nil); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	line("50 uploads at a time, memory of the node", fmt.Sprintf("%s (%.0f s)", mib(peakMemory(t, c.process.Process.Pid)), time.Since(begun).Seconds()), "≤ 128 MiB")
}

// TestCuts sends 2 GiB over a link that is cut 20 times and counts the bytes
// that had to go twice.
func TestCuts(t *testing.T) {
	c := found(t)
	file := filepath.Join(t.TempDir(), "parcel")
	const size = int64(2) << 30
	random(t, file, size)
	var sent int64
	count := &http.Client{Transport: counting{&sent}}
	for cut := range 20 {
		ctx, cancel := context.WithCancel(context.Background())
		_, err := witness.Send(ctx, nodeapi.NewClient(c.url, nodeapi.WithHTTP(count)), file, func(done, total int64) {
			if done > total*int64(cut+1)/21 {
				cancel()
			}
		})
		cancel()
		if err == nil || !errors.Is(err, context.Canceled) {
			t.Fatalf("cut %d: %v", cut, err)
		}
	}
	if _, err := witness.Send(context.Background(), nodeapi.NewClient(c.url, nodeapi.WithHTTP(count)), file, nil); err != nil {
		t.Fatal(err)
	}
	line("2 GiB, cut 20 times: bytes sent again", fmt.Sprintf("%.3f %%", 100*float64(sent-size)/float64(size)), "< 1 %")
}
