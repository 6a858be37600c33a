package web_test

import (
	"bytes"
	"encoding/json"
	"image"
	"image/jpeg"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kua/internal/canary"
)

// lookedAt is what web/test/look.mjs says of one file.
type lookedAt struct {
	Seen  sheet  `json:"seen"`
	Left  sheet  `json:"left"`
	Name  string `json:"name"`
	Fault string `json:"fault"`
}

type sheet struct {
	Format string   `json:"format"`
	Facts  []fact   `json:"facts"`
	Gaps   []string `json:"gaps"`
}

type fact struct {
	Kind  string `json:"kind"`
	Name  string `json:"name"`
	Value string `json:"value"`
	Bytes int64  `json:"bytes"`
}

// lookOrder is a line of its standard input.
type lookOrder struct {
	File    string `json:"file"`
	Painted string `json:"painted"` // a photo's pixels written anew
	Out     string `json:"out"`
}

// TestLookAndTakeOut plants a word in every place that package canary knows,
// has the report page's own code look at the files and take out what it can,
// and holds it to exactly what it claims: what it does not see and what it
// leaves is written here by name, and nothing else may be added to the lists.
func TestLookAndTakeOut(t *testing.T) {
	picture := []string{"-f", "lavfi", "-i", "testsrc2=s=64x48", "-frames:v", "1"}
	film := []string{"-f", "lavfi", "-i", "testsrc2=s=64x48:r=10:d=1", "-f", "lavfi", "-i", "sine=d=1", "-pix_fmt", "yuv420p", "-preset", "ultrafast"}
	with := func(a []string, more ...string) []string { return append(slices.Clone(a), more...) }
	inside := []string{"h264-sei"} // the picture stream is neither read nor changed
	cases := []struct {
		name         string
		args         []string
		unseen, left []string
		fault        string
	}{
		{name: "a.jpg", args: picture},
		{name: "a.png", args: picture},
		{name: "a.webp", args: with(picture, "-pix_fmt", "yuv420p")},
		{name: "a.mp4", args: film, unseen: inside, left: inside},
		{name: "a.mov", args: with(film, "-c:a", "pcm_s16le", "-movflags", "+faststart"), unseen: inside, left: inside},
		{name: "a.3gp", args: with(film, "-s", "176x144", "-c:v", "mpeg4", "-c:a", "aac")},
		{name: "a.m4a", args: []string{"-f", "lavfi", "-i", "sine=d=1"}},
	}
	dir := t.TempDir()
	var orders []lookOrder
	var planted [][]canary.Place
	for _, c := range cases {
		base := filepath.Join(dir, "base-"+c.name)
		if out, err := exec.CommandContext(t.Context(), "ffmpeg", append(with([]string{"-v", "error", "-nostdin", "-y"}, c.args...), base)...).CombinedOutput(); err != nil {
			t.Fatalf("ffmpeg for %s: %v\n%s", c.name, err, out)
		}
		told, places, err := canary.Plant(canary.FormatOf(c.name), read(t, base))
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(dir, c.name)
		if err := os.WriteFile(file, told, 0o600); err != nil {
			t.Fatal(err)
		}
		orders, planted = append(orders, lookOrder{file, painted(t, c.name), filepath.Join(dir, "out-"+c.name)}), append(planted, places)
	}
	got := lookWithNode(t, orders)
	for i, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if got[i].Fault != c.fault {
				t.Fatalf("taking out ended with %q, want %q; left: %+v", got[i].Fault, c.fault, got[i].Left)
			}
			var unseen []string
			for _, p := range planted[i] {
				if !slices.ContainsFunc(got[i].Seen.Facts, func(f fact) bool { return strings.Contains(f.Value, p.Token[:min(len(p.Token), 30)]) }) {
					unseen = append(unseen, p.Name)
				}
			}
			if diff := cmp.Diff(c.unseen, unseen); diff != "" {
				t.Errorf("not seen (-want +got):\n%s\n%+v", diff, got[i].Seen)
			}
			made := read(t, orders[i].Out)
			var left []string
			for _, p := range canary.In(made, planted[i]) {
				left = append(left, p.Name)
			}
			if diff := cmp.Diff(c.left, left); diff != "" {
				t.Errorf("left in the copy (-want +got):\n%s", diff)
			}
			if len(got[i].Left.Facts)+len(got[i].Left.Gaps) > 0 {
				t.Errorf("the copy still tells %+v", got[i].Left)
			}
			if got[i].Seen.Format == "mp4" {
				sameStreams(t, orders[i].File, orders[i].Out)
			}
		})
	}
	if got[2].Name != "a.jpg" {
		t.Errorf("a WebP that became a JPEG is called %s", got[2].Name)
	}
}

// TestTakeOutRefuses keeps the original where the page cannot take out for certain.
func TestTakeOutRefuses(t *testing.T) {
	dir := t.TempDir()
	film := []string{"-f", "lavfi", "-i", "testsrc2=s=64x48:r=10:d=1", "-pix_fmt", "yuv420p", "-preset", "ultrafast"}
	cases := []struct {
		name, fault string
		args        []string
	}{
		{"pieces.mp4", "report.look.out.form", append(slices.Clone(film), "-movflags", "frag_keyframe+empty_moov")},
		{"a.gif", "report.look.out.form", film[:4]},
		{"cut.mp4", "report.look.out.broken", film},
		{"trimmed.mp4", "report.look.out.left", film},
	}
	var orders []lookOrder
	for _, c := range cases {
		file := filepath.Join(dir, c.name)
		if out, err := exec.CommandContext(t.Context(), "ffmpeg", append(append([]string{"-v", "error", "-nostdin", "-y"}, c.args...), file)...).CombinedOutput(); err != nil {
			t.Fatalf("ffmpeg for %s: %v\n%s", c.name, err, out)
		}
		orders = append(orders, lookOrder{File: file, Out: file + ".out"})
	}
	cut := orders[2].File
	if err := os.Truncate(cut, int64(len(read(t, cut))-100)); err != nil {
		t.Fatal(err)
	}
	trimmed := filepath.Join(dir, "whole.mp4") // cut as phones do: the first half stays in the file, unseen
	if err := os.Rename(orders[3].File, trimmed); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(t.Context(), "ffmpeg", "-v", "error", "-nostdin", "-ss", "0.5", "-i", trimmed, "-c", "copy", orders[3].File).CombinedOutput(); err != nil {
		t.Fatalf("ffmpeg: %v\n%s", err, out)
	}
	for i, got := range lookWithNode(t, orders) {
		if got.Fault != cases[i].fault {
			t.Errorf("%s: got %q, want %q", cases[i].name, got.Fault, cases[i].fault)
		}
		if hidden := (fact{Kind: "history", Name: "hidden", Value: "0.500 s"}); slices.Contains(got.Seen.Facts, hidden) != (cases[i].name == "trimmed.mp4") {
			t.Errorf("%s tells %+v", cases[i].name, got.Seen.Facts)
		}
		if _, err := os.Stat(orders[i].Out); err == nil {
			t.Errorf("%s: a copy was made", cases[i].name)
		}
	}
}

// TestLookAtAnApplePhoto has the look read what libheif's writer and exiftool put
// into a HEIC.
func TestLookAtAnApplePhoto(t *testing.T) {
	dir := t.TempDir()
	jpg, heic := filepath.Join(dir, "a.jpg"), filepath.Join(dir, "a.heic")
	for _, args := range [][]string{
		{"ffmpeg", "-v", "error", "-nostdin", "-f", "lavfi", "-i", "testsrc2=s=64x64", "-frames:v", "1", jpg},
		{"exiftool", "-q", "-overwrite_original", "-Make=kanarejka-make", "-Artist=kanarejka-artist", "-XMP-dc:Creator=kanarejka-creator", "-GPSLatitude=42.5", "-GPSLatitudeRef=N", "-GPSLongitude=74.25", "-GPSLongitudeRef=E", jpg},
		{"heif-enc", jpg, "-o", heic},
	} {
		if out, err := exec.CommandContext(t.Context(), args[0], args[1:]...).CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", args[0], err, out)
		}
	}
	got := lookWithNode(t, []lookOrder{{heic, painted(t, "a.heic"), filepath.Join(dir, "out.jpg")}, {heic, jpg, filepath.Join(dir, "bad.jpg")}})
	for _, want := range []fact{{Kind: "device", Name: "make", Value: "kanarejka-make"}, {Kind: "person", Name: "author", Value: "kanarejka-artist"},
		{Kind: "person", Name: "author", Value: "kanarejka-creator"}, {Kind: "place", Name: "position", Value: "42.500000, 74.250000"}} {
		if !slices.Contains(got[0].Seen.Facts, want) {
			t.Errorf("%+v is not in %+v", want, got[0].Seen.Facts)
		}
	}
	if got[0].Fault != "" || got[0].Name != "a.jpg" {
		t.Errorf("got %q under the name %q", got[0].Fault, got[0].Name)
	}
	// What a browser would write into the new photo of its own is left out.
	if got[1].Fault != "" || bytes.Contains(read(t, filepath.Join(dir, "bad.jpg")), []byte("kanarejka")) {
		t.Errorf("a browser's notes ended with %q", got[1].Fault)
	}
}

// painted is a photo as a browser writes it from pixels: a PNG for a PNG, and
// for all else a JPEG, with no notes.
func painted(t *testing.T, name string) string {
	t.Helper()
	var b bytes.Buffer
	encode := func(m image.Image) error { return jpeg.Encode(&b, m, nil) }
	if filepath.Ext(name) == ".png" {
		encode = func(m image.Image) error { return png.Encode(&b, m) }
	}
	if err := encode(image.NewRGBA(image.Rect(0, 0, 40, 30))); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "painted"+filepath.Ext(name))
	if err := os.WriteFile(file, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// sameStreams holds that picture and sound of the copy are those of the film, bit
// for bit, and that a strict player takes it.
func sameStreams(t *testing.T, film, copied string) {
	t.Helper()
	hash := func(file string) string {
		out, err := exec.CommandContext(t.Context(), "ffmpeg", "-v", "error", "-nostdin", "-xerror", "-i", file, "-map", "0:V?", "-map", "0:a?", "-c", "copy", "-f", "framehash", "-").CombinedOutput()
		if err != nil {
			t.Fatalf("ffmpeg of %s: %v\n%s", file, err, out)
		}
		var packets []string
		for line := range strings.Lines(string(out)) {
			if !strings.HasPrefix(line, "#") {
				packets = append(packets, line)
			}
		}
		return strings.Join(packets, "")
	}
	if want, got := hash(film), hash(copied); got == "" || got != want {
		t.Errorf("the copy has other packets:\n%s\nthe film:\n%s", got, want)
	}
	if out, err := exec.CommandContext(t.Context(), "ffmpeg", "-v", "error", "-nostdin", "-xerror", "-i", copied, "-f", "null", "-").CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("the copy does not play: %v\n%s", err, out)
	}
}

func lookWithNode(t *testing.T, orders []lookOrder) []lookedAt {
	t.Helper()
	b, err := json.Marshal(orders)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "node", "test/look.mjs")
	cmd.Stdin = bytes.NewReader(b)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var got []lookedAt
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatal(err)
	}
	return got
}

func read(t *testing.T, file string) []byte {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
