//go:build bench

package bench

import (
	"context"
	"fmt"
	"image"
	"os"
	"path/filepath"
	"testing"
	"time"

	"kua/internal/gate"
	"kua/internal/media"
)

// TestFilmHour takes a small film of an hour down the road (likeness, what it tells,
// following, covering with sound, the gate) and one of a minute, and compares the
// processor's time for each minute, and the memory. The detectors, which take most,
// look at ten minutes.
func TestFilmHour(t *testing.T) {
	m := &media.Runner{Self: kua, Preset: "veryfast"}
	var followed media.Followed
	var made []media.Rendition
	ctx := context.Background()
	minute := longFilm(t, time.Minute)
	hour, some := longFilm(t, time.Hour), longFilm(t, 10*time.Minute)
	for _, step := range []struct {
		name string
		long plainFile
		of   time.Duration
		do   func(in plainFile, length time.Duration) error
	}{
		{"likeness", hour, time.Hour, func(in plainFile, _ time.Duration) error { _, err := m.Likeness(ctx, in); return err }},
		{"what it tells", hour, time.Hour, func(in plainFile, _ time.Duration) error { _, err := m.Trace(ctx, in); return err }},
		{"following", hour, time.Hour, func(in plainFile, length time.Duration) (err error) {
			followed, err = m.Follow(ctx, in, media.Seed{Box: image.Rect(80, 56, 128, 104), At: length / 2, To: length}, nil)
			return err
		}},
		{"covering", hour, time.Hour, func(in plainFile, length time.Duration) (err error) {
			followed.From, followed.To = 0, length
			made, err = m.Film(ctx, in, media.Plan{Covers: []media.Cover{followed.Cover}}, t.TempDir(), nil)
			return err
		}},
		{"the gate", hour, time.Hour, func(plainFile, time.Duration) error {
			_, err := m.Gate(ctx, open(t, rung(made, "240p")), "video/mp4", gate.Needles{})
			return err
		}},
		{"cuts and faces", some, 10 * time.Minute, func(in plainFile, _ time.Duration) error { _, err := m.Look(ctx, in, nil); return err }},
		{"looking over", some, 10 * time.Minute, func(in plainFile, _ time.Duration) error { _, err := m.Review(ctx, in, nil); return err }},
	} {
		var err error
		timed := func(in plainFile, length time.Duration) (int64, time.Duration) {
			every := min(200*time.Millisecond, length/3000) // of each program the time after the last look is missed
			peak, cpu := most(every, func() { err = step.do(in, length) })
			if err != nil {
				t.Fatalf("%s of %s: %v", step.name, length, err)
			}
			return peak, cpu
		}
		longPeak, long := timed(step.long, step.of)
		peak, short := timed(minute, time.Minute)
		short = max(short, 10*time.Millisecond) // less is not measured
		line(fmt.Sprintf("%s, a minute of a film of %s / a film of a minute", step.name, step.of),
			fmt.Sprintf("%.2f (%s in all; memory %s, %s)", long.Minutes()/step.of.Minutes()/short.Minutes(), long.Round(100*time.Millisecond), mib(longPeak), mib(peak)), "≤ 1.1")
	}
}

// longFilm makes a film of 256 × 144, five pictures a second, in which a square goes about.
func longFilm(t *testing.T, length time.Duration) plainFile {
	t.Helper()
	name, seconds := filepath.Join(t.TempDir(), "film.mp4"), int(length.Seconds())
	output(t, "ffmpeg", "-v", "error", "-f", "lavfi", "-i", fmt.Sprintf("color=gray:s=256x144:r=5:d=%d[g];testsrc2=s=48x48:r=5:d=%d[b];[g][b]overlay=x='80+40*sin((t-%d)/9)':y='56+20*sin((t-%d)/7)'", seconds, seconds, seconds/2, seconds/2),
		"-f", "lavfi", "-i", fmt.Sprintf("sine=440:r=8000:d=%d", seconds), "-preset", "ultrafast", "-pix_fmt", "yuv420p", name)
	return open(t, name)
}

func open(t *testing.T, name string) plainFile {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	return plainFile{f, info.Size()}
}

func rung(made []media.Rendition, name string) string {
	for _, m := range made {
		if m.Rung == name {
			return m.Path
		}
	}
	return name + " was not made"
}
