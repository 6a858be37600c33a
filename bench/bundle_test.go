//go:build bench

package bench

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"kua/internal/edition/editiontest"
)

// TestBundle loses three parts in ten and puts an edition together again, against
// copying the same parts and writing the same files to the same disk; and with four
// times as much, whether memory grows.
func TestBundle(t *testing.T) {
	var peaks []int64
	for _, films := range []int{16, 64} {
		c := editiontest.New(t)
		c.Media = func(string) []editiontest.M {
			return []editiontest.M{{Rung: "poster", Type: "image/jpeg", Size: 900}, {Rung: "240p", Type: "video/mp4", Size: 8 << 20}}
		}
		c.Publish(t, c.Records(t, 1, films)...)
		at := t.TempDir()
		stick, to := filepath.Join(at, "stick"), filepath.Join(at, "to")
		wrote, writePeak := run(t, at, kua, "bundle", "write", c.Dir, stick)
		parts, err := filepath.Glob(filepath.Join(stick, "*.zip"))
		if err != nil || len(parts) < 5 {
			t.Fatal(parts, err)
		}
		for i := range len(parts) * 30 / 100 {
			if err := os.Remove(parts[i*len(parts)/(len(parts)*30/100)+1]); err != nil {
				t.Fatal(err)
			}
		}
		merged, mergePeak := run(t, at, kua, "bundle", "merge", to, stick)
		copied, _ := run(t, at, "sh", "-c", "cp -r stick parts-again && cp -r to files-again && sync parts-again files-again")
		peaks = append(peaks, mergePeak)
		line(fmt.Sprintf("bundle write, %d MiB and 30 %% parity", films*8), fmt.Sprintf("%s, %d MiB of memory", wrote.Round(time.Millisecond), writePeak>>20), "flat")
		line(fmt.Sprintf("bundle merge of %d MiB, 30 %% of parts lost / cp of parts and files + sync", films*8),
			fmt.Sprintf("%.2f (%s), %d MiB", merged.Seconds()/copied.Seconds(), merged.Round(time.Millisecond), mergePeak>>20), "everything back")
	}
	line("memory of merging, 512 MiB / 128 MiB", fmt.Sprintf("%.2f", float64(peaks[1])/float64(peaks[0])), "flat")
}
