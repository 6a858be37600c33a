//go:build bench

package bench

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"kua/internal/canary"
)

// turbo decodes and encodes pictures by GdkPixbuf, as mat2 does, and does
// nothing else: what it takes is what libjpeg-turbo takes for the same pixels.
const turbo = `
import sys, gi
gi.require_version('GdkPixbuf', '2.0')
from gi.repository import GdkPixbuf
for f in sys.argv[1:]:
    GdkPixbuf.Pixbuf.new_from_file(f).savev(f + '.turbo', 'jpeg', [], [])
`

// TestPhotos cleans 100 photos of 12 megapixels, full of planted words, two at a
// time: with kua, with mat2 on all of a batch at once and started per file, with
// exiftool started per file, with libjpeg-turbo alone, and with kua at the size at
// which a desk publishes. In batches, so that all see the same weather. It counts the planted words that each leaves.
func TestPhotos(t *testing.T) {
	const batches, each = 5, 20
	dir := t.TempDir()
	plain := filepath.Join(dir, "plain.jpg")
	output(t, "ffmpeg", "-v", "error", "-f", "lavfi", "-i", "mandelbrot=s=4032x3024:start_scale=0.3,noise=alls=6", "-frames:v", "1", "-q:v", "3", "-pix_fmt", "yuvj420p", plain)
	b, err := os.ReadFile(plain)
	if err != nil {
		t.Fatal(err)
	}
	planted, places, err := canary.Plant(canary.FormatOf(plain), b)
	if err != nil {
		t.Fatal(err)
	}
	two := func(files []string, do func(f string) *exec.Cmd) {
		var g errgroup.Group
		g.SetLimit(2)
		for _, f := range files {
			g.Go(func() error {
				if out, err := do(f).CombinedOutput(); err != nil {
					return fmt.Errorf("%w: %s", err, out)
				}
				return nil
			})
		}
		if err := g.Wait(); err != nil {
			t.Fatal(err)
		}
	}
	contenders := []struct {
		name string
		made string // the glob of what it makes
		do   func(files []string, out string)
	}{
		{"kua clean", "out/*.jpg", func(files []string, out string) { output(t, kua, append([]string{"clean", "-o", out}, files...)...) }},
		{"mat2, a batch at once", "*.cleaned.jpg", func(files []string, _ string) { output(t, "mat2", files...) }},
		{"mat2, started per file", "*.cleaned.jpg", func(files []string, _ string) {
			two(files, func(f string) *exec.Cmd { return exec.Command("mat2", f) })
		}},
		{"exiftool -all=, started per file", "*.jpg-exif", func(files []string, _ string) {
			two(files, func(f string) *exec.Cmd { return exec.Command("exiftool", "-q", "-all=", "-o", f+"-exif", f) })
		}},
		{"libjpeg-turbo decoding and encoding", "*.turbo", func(files []string, _ string) {
			half := len(files) / 2
			var g errgroup.Group
			for _, some := range [][]string{files[:half], files[half:]} {
				g.Go(func() error { return exec.Command("/usr/bin/python3", append([]string{"-c", turbo}, some...)...).Run() })
			}
			if err := g.Wait(); err != nil {
				t.Fatal(err)
			}
		}},
		{"kua clean --size 1600, as a desk publishes", "out/*.jpg", func(files []string, out string) {
			output(t, kua, append([]string{"clean", "--size", "1600", "-o", out}, files...)...)
		}},
	}
	took, left := make([][]time.Duration, len(contenders)), make([]int, len(contenders))
	for n := range batches {
		for i := range contenders {
			c := contenders[(i+n)%len(contenders)]
			room := filepath.Join(dir, fmt.Sprintf("%d-%d", n, i))
			if err := os.Mkdir(room, 0o700); err != nil {
				t.Fatal(err)
			}
			var files []string
			for k := range each {
				files = append(files, filepath.Join(room, strconv.Itoa(k)+".jpg"))
				if err := os.WriteFile(files[k], planted, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			begun := time.Now()
			c.do(files, filepath.Join(room, "out"))
			which := (i + n) % len(contenders)
			took[which] = append(took[which], time.Since(begun))
			made, err := filepath.Glob(filepath.Join(room, c.made))
			if err != nil || len(made) != each {
				t.Fatalf("%s made %d of %d files: %v", c.name, len(made), each, err)
			}
			if b, err = os.ReadFile(made[0]); err != nil {
				t.Fatal(err)
			}
			left[which] = len(canary.In(b, places))
			os.RemoveAll(room)
		}
	}
	ours := median(took[0])
	for i, c := range contenders {
		target := "–"
		if i == 1 {
			target = "≥ 5"
		}
		line("100 photos of 12 MP: "+c.name+" / kua clean", fmt.Sprintf("%.2f (%d of %d planted words left)", ratio(median(took[i]), ours), left[i], len(places)), target)
	}
	small := median(took[len(took)-1])
	line("100 photos of 12 MP: mat2, started per file / kua clean --size 1600", fmt.Sprintf("%.2f", ratio(median(took[2]), small)), "–")
}
