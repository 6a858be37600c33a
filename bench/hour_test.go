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

// TestFilmHour takes a small film of an hour down the whole road (likeness, cuts and
// faces, following, covering with sound, what it tells, a look over what was made,
// the gate) and one of a minute, and compares the processor's time for each
// minute, and the memory.
func TestFilmHour(t *testing.T) {
	m := &media.Runner{Self: kua, Preset: "veryfast"}
	var names []string
	took, peaks := map[string][]time.Duration{}, map[string][]int64{}
	lengths := []time.Duration{time.Minute, time.Hour}
	for _, length := range lengths {
		in := longFilm(t, length)
		dir := t.TempDir()
		var followed media.Followed
		var made []media.Rendition
		for _, step := range []struct {
			name string
			do   func(ctx context.Context) error
		}{
			{"likeness", func(ctx context.Context) error { _, err := m.Likeness(ctx, in); return err }},
			{"what it tells", func(ctx context.Context) error { _, err := m.Trace(ctx, in); return err }},
			{"cuts and faces", func(ctx context.Context) error { _, err := m.Look(ctx, in, nil); return err }},
			{"following", func(ctx context.Context) (err error) {
				followed, err = m.Follow(ctx, in, media.Seed{Box: image.Rect(80, 56, 128, 104), At: length / 2, To: length}, nil)
				return err
			}},
			{"covering", func(ctx context.Context) (err error) {
				made, err = m.Film(ctx, in, media.Plan{Covers: []media.Cover{followed.Cover}}, dir, nil)
				return err
			}},
			{"looking over", func(ctx context.Context) error { _, err := m.Review(ctx, open(t, rung(made, "240p")), nil); return err }},
			{"the gate", func(ctx context.Context) error {
				_, err := m.Gate(ctx, open(t, rung(made, "240p")), "video/mp4", gate.Needles{})
				return err
			}},
		} {
			var err error
			peak, cpu := most(200*time.Millisecond, func() { err = step.do(context.Background()) })
			if err != nil {
				t.Fatalf("%s of %s: %v", step.name, length, err)
			}
			if length == lengths[0] {
				names = append(names, step.name)
			}
			took[step.name] = append(took[step.name], cpu)
			peaks[step.name] = append(peaks[step.name], peak)
		}
	}
	for _, name := range names {
		minute, hour := took[name][0], took[name][1]
		line(name+", a minute of an hour's film / a minute's", fmt.Sprintf("%.2f (%s for the hour; memory %s, %s)",
			hour.Seconds()/60/minute.Seconds(), hour.Round(100*time.Millisecond), mib(peaks[name][1]), mib(peaks[name][0])), "≤ 1.1")
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
