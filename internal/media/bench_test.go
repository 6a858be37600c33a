package media

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
)

// BenchmarkFilm renders 1080p and prints ratios of time, all measured in this
// run: three moving covers, and as many reveals of a covered film, looked after
// in every rung, against none; and one bare ffmpeg that makes the same four films
// and sounds of the same file.
func BenchmarkFilm(b *testing.B) {
	const length = 8 * time.Second
	file := sample(b, "a.mp4", "-f", "lavfi", "-i", "testsrc2=s=1920x1080:r=30:d=8,noise=alls=12:allf=t", "-f", "lavfi", "-i", "sine=440:d=8",
		"-c:v", "libx264", "-preset", "veryfast", "-b:v", "12M", "-c:a", "aac")
	covers := []Cover{
		{W: 300, H: 300, To: length, Points: []At{{0, 100, 100}, {length, 1500, 700}}},
		{W: 200, H: 120, To: length, Points: []At{{0, 1700, 900}, {length / 2, 300, 200}, {length, 1500, 80}}},
		{W: 500, H: 400, From: length / 4, To: length / 2, Points: []At{{0, 700, 300}}},
	}
	in := input(b, file)
	render := func(p Plan) func() error {
		return func() error {
			_, err := runner(b).Film(context.Background(), in, p, b.TempDir(), nil)
			return err
		}
	}
	ways := []struct {
		name string
		do   func() error
	}{
		{"plain", render(Plan{})},
		{"covers/none", render(Plan{Covers: covers})},
		{"reveals/none", render(Plan{Covered: true, Reveals: covers})},
		{"bare/none", func() error { return bareLadder(file, b.TempDir()) }},
	}
	// They take turns, beginning with another each round: a shared machine is
	// faster and slower by the minute.
	const rounds = 3
	took := make([][]float64, len(ways))
	for b.Loop() {
		for round := range rounds {
			for i := range ways {
				i = (i + round) % len(ways)
				begun := time.Now()
				if err := ways[i].do(); err != nil {
					b.Fatal(err)
				}
				took[i] = append(took[i], time.Since(begun).Seconds())
			}
		}
	}
	none := middle(took[0])
	for i, w := range ways[1:] {
		b.ReportMetric(middle(took[i+1])/none, w.name)
	}
	b.ReportMetric(none/length.Seconds(), "s/s-of-film")
}

// middle is the median of times.
func middle(v []float64) float64 {
	slices.Sort(v)
	return (v[len(v)/2] + v[(len(v)-1)/2]) / 2
}

// bareLadder is what one would type without any of this.
func bareLadder(file, dir string) error {
	args := []string{"-v", "error", "-nostdin", "-y", "-i", file, "-filter_complex",
		"[0:v]split=4[a][b][c][d];[a]fps=12,scale=256:144:flags=area[a1];[b]fps=15,scale=426:240:flags=area[b1];[c]fps=25,scale=640:360:flags=area[c1];[d]fps=30,scale=854:480:flags=area[d1]"}
	for i, st := range ladder {
		args = append(args, "-map", "["+string(rune('a'+i))+"1]", "-map", "0:a",
			"-c:v", "libx264", "-preset", "medium", "-profile:v", st.profile, "-crf", []string{"30", "29", "27", "25"}[i],
			"-maxrate", []string{"72k", "150k", "400k", "900k"}[i], "-bufsize", []string{"144k", "300k", "800k", "1800k"}[i], "-threads", "1")
		args = append(args, inFilms[i].args...)
		args = append(args, filepath.Join(dir, st.name+".mp4"))
	}
	args = append(args, "-map", "0:a")
	args = append(append(args, opus16.args...), filepath.Join(dir, "a.webm"))
	return exec.Command("ffmpeg", args...).Run()
}

// BenchmarkFollow follows a box of 180 pixels through a film of 720p, from its
// middle in both directions, and prints how much film it gets through in how
// much time, how much a bare ffmpeg that only decodes does in the same run, and
// what the decoding of one box costs.
func BenchmarkFollow(b *testing.B) {
	const seconds = 24
	file := overlay(b, "mandelbrot=s=1280x720:r=25", "crop=180:180:150:40", "200+20*t", "270+140*sin(t)", seconds)
	in := input(b, file)
	var ours, bare time.Duration
	for b.Loop() {
		begun := time.Now()
		got, err := runner(b).Follow(context.Background(), in, Seed{Box: image.Rect(440, 195, 620, 375), At: 12 * time.Second, To: seconds * time.Second}, nil)
		if err != nil {
			b.Fatal(err)
		}
		ours += time.Since(begun)
		if got.StartLost || got.EndLost {
			b.Fatalf("lost: %+v", got)
		}
		begun = time.Now()
		run(b, "ffmpeg", "-v", "error", "-threads", "2", "-i", file, "-an", "-f", "null", "-")
		bare += time.Since(begun)
	}
	film := float64(b.N * seconds)
	b.ReportMetric(film/ours.Seconds(), "×-real-time")
	b.ReportMetric(film/bare.Seconds(), "×-real-time-bare-decoding")
}

// BenchmarkPhotos makes the published sizes of photos of 12 megapixels, two at
// a time, each through boxes of its own, and prints ratios of time, all
// measured in this run: mat2 and exiftool, started per file, two at a time as
// well, against ours; and what an empty box costs of it. Ours makes four files
// of each photo and Clean one of the photo's own size; mat2 makes one; exiftool
// strips one and leaves what it does not know.
func BenchmarkPhotos(b *testing.B) {
	const photos = 6
	file := sample(b, "a.jpg", "-f", "lavfi", "-i", "testsrc2=s=4032x3024,noise=alls=8", "-frames:v", "1", "-q:v", "3", "-pix_fmt", "yuvj420p")
	run(b, "exiftool", "-q", "-overwrite_original", "-Artist=made up", "-GPSLatitude=43.2", file)
	in, err := os.ReadFile(file)
	if err != nil {
		b.Fatal(err)
	}
	dir := b.TempDir()
	var files []string
	for i := range photos {
		name := filepath.Join(dir, fmt.Sprintf("%d.jpg", i))
		if err := os.WriteFile(name, in, 0o600); err != nil {
			b.Fatal(err)
		}
		files = append(files, name)
	}
	each := func(do func(file string) error) time.Duration {
		start := time.Now()
		var g errgroup.Group
		g.SetLimit(2)
		for _, f := range files {
			g.Go(func() error { return do(f) })
		}
		if err := g.Wait(); err != nil {
			b.Fatal(err)
		}
		return time.Since(start)
	}
	m := runner(b)
	var ours, clean, box, mat2, exif time.Duration
	for b.Loop() {
		ours += each(func(string) error {
			_, err := m.Photo(context.Background(), bytes.NewReader(in), Plan{}, b.TempDir())
			return err
		})
		clean += each(func(string) error {
			_, err := m.Clean(context.Background(), bytes.NewReader(in), Cleaning{}, b.TempDir(), nil)
			return err
		})
		box += each(func(string) error {
			_, err := m.Probe(context.Background(), bytes.NewReader(in))
			return err
		})
		mat2 += each(func(f string) error { return exec.Command("mat2", f).Run() })
		exif += each(func(f string) error {
			return exec.Command("exiftool", "-q", "-all=", "-o", fmt.Sprintf("%s-%d.jpg", f, time.Now().UnixNano()), f).Run()
		})
	}
	b.ReportMetric(mat2.Seconds()/ours.Seconds(), "mat2/ours")
	b.ReportMetric(mat2.Seconds()/clean.Seconds(), "mat2/clean")
	b.ReportMetric(exif.Seconds()/ours.Seconds(), "exiftool/ours")
	b.ReportMetric(box.Seconds()/ours.Seconds(), "probe-box/ours")
	b.ReportMetric(1000*ours.Seconds()/float64(b.N*photos), "ms/photo")
}
