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
// the boxes with all that runs in them.
func below() (bytes int64) {
	children := make(map[string][]string)
	resident := make(map[string]int64)
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
		pages, _ := strconv.ParseInt(after[21], 10, 64)
		children[after[1]] = append(children[after[1]], pid)
		resident[pid] = pages * int64(os.Getpagesize())
	}
	for next := []string{strconv.Itoa(os.Getpid())}; len(next) > 0; next = next[1:] {
		for _, pid := range children[next[0]] {
			bytes += resident[pid]
			next = append(next, pid)
		}
	}
	return bytes
}

// most gives the most memory that was in use below this process while f ran.
func most(f func()) (peak int64) {
	done, told := make(chan struct{}), make(chan int64)
	go func() {
		peak := int64(0)
		for {
			select {
			case <-done:
				told <- peak
				return
			case <-time.After(50 * time.Millisecond):
				peak = max(peak, below())
			}
		}
	}()
	f()
	close(done)
	return <-told
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
		peaks["following"] = append(peaks["following"], most(func() {
			followed, err = m.Follow(context.Background(), in, media.Seed{Box: image.Rect(200, 140, 320, 260), To: length}, nil)
		}))
		if err != nil {
			t.Fatal(err)
		}
		peaks["covering"] = append(peaks["covering"], most(func() {
			_, err = m.Film(context.Background(), in, media.Plan{Covers: []media.Cover{followed.Cover}}, t.TempDir(), nil)
		}))
		if err != nil {
			t.Fatal(err)
		}
		f.Close()
	}
	for _, what := range []string{"following", "covering"} {
		line(what+" in a film of 10 minutes, memory / of 1 minute", fmt.Sprintf("%.2f (%s, %s)", float64(peaks[what][1])/float64(peaks[what][0]), mib(peaks[what][1]), mib(peaks[what][0])), "≤ 1.1")
	}
}
