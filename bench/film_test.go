//go:build bench

package bench

import (
	"context"
	"fmt"
	"image"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"kua/internal/media"
)

// plainFile is a film on the disk, as media wants it.
type plainFile struct {
	*os.File
	size int64
}

func (f plainFile) Size() int64 { return f.size }

// below gives the resident memory of every process below this one, added up:
// the boxes with all that runs in them. Into used it notes what each has taken of
// the processor, in ticks of 10 ms: the kernel does not count a box's to us when it ends.
func below(used map[string]int64) (bytes int64) {
	children := make(map[string][]string)
	resident, ticks := make(map[string]int64), make(map[string]int64)
	all, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, name := range all {
		b, err := os.ReadFile(name)
		if err != nil {
			continue // it has ended
		}
		after := strings.Fields(string(b[strings.LastIndexByte(string(b), ')')+1:]))
		if len(after) < 22 {
			continue
		}
		pid := filepath.Base(filepath.Dir(name))
		number := func(i int) int64 { n, _ := strconv.ParseInt(after[i], 10, 64); return n }
		children[after[1]] = append(children[after[1]], pid)
		resident[pid], ticks[pid] = number(21)*int64(os.Getpagesize()), number(11)+number(12)
	}
	for next := []string{strconv.Itoa(os.Getpid())}; len(next) > 0; next = next[1:] {
		for _, pid := range children[next[0]] {
			bytes += resident[pid]
			used[pid] = ticks[pid]
			next = append(next, pid)
		}
	}
	return bytes
}

// most gives the most memory that was in use below this process while f ran, looked
// at every so often, and about how much of the processor's time.
func most(every time.Duration, f func()) (peak int64, took time.Duration) {
	done, ended := make(chan struct{}), make(chan struct{})
	used := make(map[string]int64)
	go func() {
		defer close(ended)
		for {
			select {
			case <-done:
				return
			case <-time.After(every):
				peak = max(peak, below(used))
			}
		}
	}()
	f()
	close(done)
	<-ended
	for _, ticks := range used {
		took += time.Duration(ticks) * 10 * time.Millisecond
	}
	return peak, took
}

// TestFilmMemory follows a box through a film of a minute and through one of
// ten, covers what was followed, and compares the memory that each takes.
func TestFilmMemory(t *testing.T) {
	m := &media.Runner{Self: kua, Preset: "veryfast"}
	peaks := map[string][]int64{}
	for _, minutes := range []int{1, 10} {
		length := time.Duration(minutes) * time.Minute
		name := filepath.Join(t.TempDir(), "film.mp4")
		output(t, "ffmpeg", "-v", "error", "-f", "lavfi", "-i", fmt.Sprintf("color=gray:s=640x360:r=10:d=%d[g];testsrc2=s=120x120:r=10:d=%d[b];[g][b]overlay=x='200+100*sin(t/3)':y='100+40*cos(t/2)'", minutes*60, minutes*60),
			"-f", "lavfi", "-i", fmt.Sprintf("sine=440:d=%d", minutes*60), "-preset", "ultrafast", "-pix_fmt", "yuv420p", name)
		f, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		info, err := f.Stat()
		if err != nil {
			t.Fatal(err)
		}
		in := plainFile{f, info.Size()}
		var followed media.Followed
		peak, _ := most(50*time.Millisecond, func() {
			followed, err = m.Follow(context.Background(), in, media.Seed{Box: image.Rect(200, 140, 320, 260), To: length}, nil)
		})
		peaks["following"] = append(peaks["following"], peak)
		if err != nil {
			t.Fatal(err)
		}
		peak, _ = most(50*time.Millisecond, func() {
			_, err = m.Film(context.Background(), in, media.Plan{Covers: []media.Cover{followed.Cover}}, t.TempDir(), nil)
		})
		peaks["covering"] = append(peaks["covering"], peak)
		if err != nil {
			t.Fatal(err)
		}
		f.Close()
	}
	for _, what := range []string{"following", "covering"} {
		line(what+" in a film of 10 minutes, memory / of 1 minute", fmt.Sprintf("%.2f (%s, %s)", float64(peaks[what][1])/float64(peaks[what][0]), mib(peaks[what][1]), mib(peaks[what][0])), "≤ 1.1")
	}
}
