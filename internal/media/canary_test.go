package media

import (
	"archive/zip"
	"bytes"
	"compress/zlib"
	"context"
	"image/color"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	planting "kua/internal/canary"
	"kua/internal/gate"
	"kua/internal/trace"
)

// plantedOf is every format of which media makes derivatives, with how a plain
// file of it is made of the picture or film and the tone that ffmpeg is given
// once for all of them. A new format is one line here.
var plantedOf = []struct {
	ending string
	want   Type
	args   []string
}{
	{"jpg", Photo, stillArgs()}, {"png", Photo, stillArgs()}, {"webp", Photo, stillArgs("-pix_fmt", "yuv420p")}, {"gif", Photo, stillArgs()},
	{"mp4", Film, filmArgs()}, {"mov", Film, filmArgs()}, {"m4v", Film, filmArgs("-f", "mp4")},
	{"3gp", Film, filmArgs("-s", "176x144", "-c:v", "mpeg4", "-c:a", "aac")}, {"mkv", Film, filmArgs()},
	{"webm", Film, filmArgs("-c:v", "libvpx", "-deadline", "realtime")}, {"avi", Film, filmArgs("-c:v", "mjpeg", "-pix_fmt", "yuvj420p", "-c:a", "pcm_s16le")},
	{"ts", Film, filmArgs("-c:a", "aac")},
	{"m4a", Sound, toneArgs()}, {"mp3", Sound, toneArgs()}, {"aac", Sound, toneArgs()}, {"ogg", Sound, toneArgs("-c:a", "libvorbis")},
	{"opus", Sound, toneArgs()}, {"wav", Sound, toneArgs()}, {"flac", Sound, toneArgs()},
}

func stillArgs(more ...string) []string {
	return append([]string{"-map", "0", "-frames:v", "1"}, more...)
}

func filmArgs(more ...string) []string {
	return append([]string{"-map", "0", "-map", "1", "-preset", "ultrafast", "-pix_fmt", "yuv420p"}, more...)
}

func toneArgs(more ...string) []string {
	return append([]string{"-map", "2"}, more...)
}

// plainFiles makes a plain file of every format in dir, in one start of ffmpeg.
func plainFiles(t testing.TB, dir string) {
	args := []string{"-v", "error", "-nostdin", "-f", "lavfi", "-i", "testsrc2=s=160x120:r=10:d=0.5", "-f", "lavfi", "-i", "sine=d=0.5",
		"-f", "lavfi", "-i", "sine=440:d=2,volume=3"}
	for _, p := range plantedOf {
		args = append(append(args, p.args...), filepath.Join(dir, "plain."+p.ending))
	}
	run(t, "ffmpeg", args...)
}

// needlesOfPlaces makes of the planted words what a reader of traces would have seen.
func needlesOfPlaces(places []planting.Place) (n gate.Needles) {
	for _, p := range places {
		n.Values = append(n.Values, gate.Needle{From: p.Name, Text: p.Token})
	}
	return n
}

// knowsTokens fails the test unless what a reader of traces sees in a planted
// file makes the gate refuse a picture with any one of its words.
// It gives these needles.
func knowsTokens(t *testing.T, file []byte, places []planting.Place, picture []byte) gate.Needles {
	t.Helper()
	sheet, err := trace.Read(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		t.Fatal(err)
	}
	needles := gate.NeedlesOf(sheet)
	for _, p := range places {
		carrier := append(bytes.Clone(picture), p.Token...)
		r, err := gate.Check(bytes.NewReader(carrier), int64(len(carrier)), "image/jpeg", needles)
		if err != nil || !slices.ContainsFunc(r.Findings, func(f gate.Finding) bool { return f.What == "gate.needle" }) {
			t.Errorf("a picture with the word of %s passes: %+v, %v", p.Name, r.Findings, err)
		}
	}
	return needles
}

// plans hide a part of what is planted, so that the check of the covers has
// films of every format before it, and mutes recordings of every format.
var plans = map[Type]Plan{
	Film:  {Covers: []Cover{{W: 50, H: 40, To: time.Second, Points: []At{{0, 5, 5}, {time.Second, 200, 100}}}}},
	Sound: {Mutes: []Mute{{0, time.Second}}},
}

// mutedFirst fails the test unless the first second of what was made of a
// recording of two is silent, and the other is not.
func mutedFirst(t testing.TB, made []Rendition) {
	t.Helper()
	for rung, s := range sounds(t, made...) {
		if loudness(s, 0, time.Second) > -70 || loudness(s, 1150*ms, 1900*ms) < -40 {
			t.Errorf("%s: %.0f dB where muted, %.0f after", rung, loudness(s, 0, time.Second), loudness(s, 1150*ms, 1900*ms))
		}
	}
}

// TestNoTokenComesOut plants a word in every known place of a file of every
// format, holds that the gate knows each of them, makes all derivatives, and looks for the words in three ways that know
// nothing of each other: the gate, a plain search of the bytes and of all that
// can be inflated of them, and exiftool.
func TestNoTokenComesOut(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	plainFiles(t, dir)
	var looked atomic.Int64
	file := filepath.Join(dir, "plain-photo.jpg")
	if err := writeJPEG(rgbNoise(16, 16), 80, file); err != nil {
		t.Fatal(err)
	}
	picture, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	t.Run("from", func(t *testing.T) {
		for _, tt := range plantedOf {
			t.Run(tt.ending, func(t *testing.T) {
				t.Parallel()
				plain, err := os.ReadFile(filepath.Join(dir, "plain."+tt.ending))
				if err != nil {
					t.Fatal(err)
				}
				file, places, err := planting.Plant(planting.FormatOf("a."+tt.ending), plain)
				if err != nil {
					t.Fatal(err)
				}
				if len(planting.In(inflatedToo(file), places)) == 0 {
					t.Fatal("nothing was planted")
				}
				needles := knowsTokens(t, file, places, picture)
				out := filepath.Join(dir, "made", tt.ending)
				if err := os.MkdirAll(out, 0o700); err != nil {
					t.Fatal(err)
				}
				r := runner(t)
				r.Preset = "ultrafast"
				p, err := r.Probe(context.Background(), bytes.NewReader(file))
				if err != nil || p.Type != tt.want || p.Type == Sound && (p.Seconds < 2 || p.Seconds > 3) {
					t.Fatalf("probe: %+v, %v", p, err)
				}
				made, err := r.makeProbed(context.Background(), bytes.NewReader(file), p, plans[tt.want], nil, out, nil)
				if err != nil {
					t.Fatal(err)
				}
				if want := map[Type]int{Photo: 4, Film: 6, Sound: 2}[tt.want]; len(made) != want {
					t.Errorf("made %d files, want %d: %v", len(made), want, made)
				}
				if tt.want == Sound {
					mutedFirst(t, made)
				}
				gated(t, made, needles)
				for _, m := range made {
					b, err := os.ReadFile(m.Path)
					if err != nil {
						t.Fatal(err)
					}
					looked.Add(1)
					for _, p := range planting.In(inflatedToo(b), places) {
						t.Errorf("%s holds what was planted at %s", m.Rung, p.Name)
					}
				}
			})
		}
	})
	said := run(t, "exiftool", "-r", "-a", "-u", "-g1", "-ee", "-b", filepath.Join(dir, "made"))
	if got := strings.Count(said, filepath.Join(dir, "made")); got != int(looked.Load()) { // each file's folder is said
		t.Errorf("exiftool read %d of %d files", got, looked.Load())
	}
	if at := strings.Index(said, planting.Prefix); at >= 0 {
		t.Errorf("exiftool finds a token: %q", said[max(0, at-200):min(len(said), at+100)])
	}
}

// inflatedToo gives a file with all that can be inflated of it behind it. It is
// another search than the gate's, on purpose.
func inflatedToo(b []byte) []byte {
	out := bytes.Clone(b)
	for i := range b[:max(0, len(b)-2)] {
		if b[i]&15 == 8 && (int(b[i])<<8|int(b[i+1]))%31 == 0 {
			if z, err := zlib.NewReader(bytes.NewReader(b[i:])); err == nil {
				inside, _ := io.ReadAll(io.LimitReader(z, 1<<16))
				out = append(out, inside...)
			}
		}
	}
	if z, err := zip.NewReader(bytes.NewReader(b), int64(len(b))); err == nil {
		for _, f := range z.File {
			if r, err := f.Open(); err == nil {
				inside, _ := io.ReadAll(io.LimitReader(r, 1<<20))
				out = append(out, inside...)
			}
		}
	}
	return out
}

// TestGateFindsTokens: the gate is not blind. Every planted file is refused, and
// every word that stands in it as it is, or inflated from a stream of its own,
// is found by the search.
func TestGateFindsTokens(t *testing.T) {
	file := filepath.Join(t.TempDir(), "a.jpg")
	img := rgbNoise(32, 32)
	img.Set(0, 0, color.White)
	if err := writeJPEG(img, 80, file); err != nil {
		t.Fatal(err)
	}
	plain, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	b, places, err := planting.Plant("jpeg", plain)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range places {
		r, err := gate.Check(bytes.NewReader(b), int64(len(b)), "image/jpeg", needlesOfPlaces([]planting.Place{p}))
		if err != nil {
			t.Fatal(err)
		}
		found := false
		for _, f := range r.Findings {
			found = found || f.What == "gate.needle"
		}
		if !found {
			t.Errorf("the gate does not find what was planted at %s: %+v", p.Name, r.Findings)
		}
	}
}
