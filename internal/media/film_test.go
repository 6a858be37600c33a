package media

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"image"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"kua/internal/gate"
)

// decoded gives the frames of renditions, in their order, decoded in one start
// of ffmpeg.
func decoded(t testing.TB, all ...Rendition) [][]planar {
	t.Helper()
	var read []string
	var files []fixture
	for i, r := range all {
		read = append(read, "-i", r.Path)
		files = append(files, fixture{fmt.Sprint(i), []string{"-map", fmt.Sprintf("%d:v", i), "-fps_mode", "passthrough", "-pix_fmt", "yuv420p", "-f", "rawvideo"}})
	}
	paths := manySamples(t, read, files...)
	films := make([][]planar, len(all))
	for i, r := range all {
		out, err := os.ReadFile(paths[fmt.Sprint(i)])
		if err != nil {
			t.Fatal(err)
		}
		size := image.Pt(r.Width, r.Height)
		n := planarBytes(size)
		if len(out) == 0 || len(out)%n != 0 {
			t.Fatalf("%s: %d bytes are no frames of %v", r.Rung, len(out), size)
		}
		for ; len(out) > 0; out = out[n:] {
			films[i] = append(films[i], planar{size, out[:n]})
		}
	}
	return films
}

// luma gives the brightness at a point of the picture, in parts of its size.
func (p planar) luma(x, y float64) int {
	return int(p.pix[int(y*float64(p.size.Y))*p.size.X+int(x*float64(p.size.X))])
}

// sounds gives the sound of renditions at 48 kHz, by rung, decoded in one start
// of ffmpeg.
func sounds(t testing.TB, all ...Rendition) map[string][]int16 {
	t.Helper()
	var read []string
	var files []fixture
	for i, r := range all {
		read = append(read, "-i", r.Path)
		files = append(files, fixture{r.Rung, []string{"-map", fmt.Sprintf("%d:a", i), "-ac", "1", "-ar", "48000", "-f", "s16le"}})
	}
	heard := map[string][]int16{}
	for rung, file := range manySamples(t, read, files...) {
		out, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		s := make([]int16, len(out)/2)
		for i := range s {
			s[i] = int16(out[2*i]) | int16(out[2*i+1])<<8
		}
		heard[rung] = s
	}
	return heard
}

// loudness is the mean square between two moments, in decibels below full scale.
func loudness(s []int16, from, to time.Duration) float64 {
	a, b := int(from*48000/time.Second), min(len(s), int(to*48000/time.Second))
	var sum float64
	for _, v := range s[a:b] {
		sum += float64(v) * float64(v)
	}
	return 10 * math.Log10(sum/float64(max(1, b-a))/(32768*32768)+1e-12)
}

// canary is a word that must not survive.
const canary = "KUACANARY"

// planted is a film with words in every place that ffmpeg can put them, and in
// some that it cannot.
func planted(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	write := func(name, text string) string {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	chapters := write("meta", ";FFMETADATA1\ntitle="+canary+"title\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=1000\ntitle="+canary+"chapter\n")
	subtitles := write("s.srt", "1\n00:00:00,000 --> 00:00:01,500\n"+canary+"subtitle\n\n")
	art := sample(t, "art.png", "-f", "lavfi", "-i", "testsrc2=s=64x64", "-frames:v", "1")
	run(t, "exiftool", "-q", "-overwrite_original", "-Comment="+canary+"art", art)
	plain := sample(t, "plain.mp4", "-f", "lavfi", "-i", "testsrc2=s=640x360:r=30:d=2", "-f", "lavfi", "-i", "sine=440:d=2",
		"-c:v", "libx264", "-preset", "veryfast", "-c:a", "aac", "-shortest")
	file := filepath.Join(dir, "planted.mp4")
	run(t, "ffmpeg", "-v", "error", "-nostdin", "-y", "-i", plain, "-i", chapters, "-i", subtitles, "-i", art,
		"-map", "0:v", "-map", "0:a", "-map", "2:s", "-map", "3:v", "-map_metadata", "1", "-map_chapters", "1",
		"-c:v:0", "copy", "-bsf:v:0", "h264_metadata=sei_user_data=086f3693-b7b3-4f2c-9653-21492feee5b8+"+canary+"sei",
		"-c:a", "copy", "-c:s", "mov_text", "-c:v:1", "copy", "-disposition:v:1", "attached_pic",
		"-metadata", "comment="+canary+"comment", "-metadata", "artist="+canary+"artist", "-metadata", "location=+43.2220+076.8512/",
		"-metadata", "com.apple.quicktime.make="+canary+"make", "-metadata", "creation_time=2026-01-05T20:11:12Z",
		"-metadata:s:v:0", "handler_name="+canary+"handler", "-metadata:s:a:0", "title="+canary+"track", "-metadata:s:a:0", "language=kaz",
		"-movflags", "use_metadata_tags", file)
	run(t, "exiftool", "-q", "-overwrite_original", "-GPSCoordinates=43.2220, 76.8512", "-Keys:Model="+canary+"model", "-XMP:Creator="+canary+"xmp", file)
	f, err := os.OpenFile(file, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, box := range []string{"free", "skip", "udta", "gps0"} { // what dashcams leave at the end
		body := canary + box
		fmt.Fprintf(f, "\x00\x00\x00%c%s%s", 8+len(body), box, body)
	}
	return file
}

// carries reports the first token found in b: as it is, or in UTF-16.
func carries(b []byte, tokens ...string) string {
	for _, token := range tokens {
		little, big := []byte{}, []byte{}
		for _, u := range utf16.Encode([]rune(token)) {
			little = append(little, byte(u), byte(u>>8))
			big = append(big, byte(u>>8), byte(u))
		}
		if bytes.Contains(b, []byte(token)) || bytes.Contains(b, little) || bytes.Contains(b, big) {
			return token
		}
	}
	return ""
}

// TestNothingIsCarriedOver plants words, places and dates in a film and looks
// for them in everything that was made, by searching and with exiftool.
func TestNothingIsCarriedOver(t *testing.T) {
	file := planted(t)
	original, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, place := range []string{"title", "chapter", "subtitle", "art", "sei", "comment", "artist", "handler", "model", "xmp", "free", "gps0"} {
		if carries(original, canary+place) == "" {
			t.Errorf("%s was not planted", place)
		}
	}
	made := renderFilm(t, file, Plan{})
	if len(made) != 7 {
		t.Errorf("made %d renditions, want 7", len(made))
	}
	for _, r := range made {
		b, err := os.ReadFile(r.Path)
		if err != nil {
			t.Fatal(err)
		}
		// x264 and Lavc would sign with their versions and options.
		if found := carries(b, canary, "43.222", "076.85", "x264 - core", "Lavf5", "Lavc5", "2026"); found != "" {
			t.Errorf("%s carries %s", r.Rung, found)
		}
		second := run(t, "exiftool", "-a", "-G1", "-s", "-ee", "-api", "largefilesupport=1", r.Path)
		for line := range strings.Lines(second) {
			tag, value, _ := strings.Cut(line, ":")
			if strings.Contains(tag, "[System]") || strings.Contains(tag, "[ExifTool]") {
				continue
			}
			if strings.Contains(tag, "GPS") || strings.Contains(line, canary) ||
				strings.Contains(tag, "Date") && !strings.Contains(value, "0000:00:00") {
				t.Errorf("%s: exiftool sees %s", r.Rung, line)
			}
		}
		if streams := run(t, "ffprobe", "-v", "error", "-show_entries", "stream=codec_type", "-of", "csv=p=0", r.Path); strings.Contains(streams, "sub") || strings.Contains(streams, "data") {
			t.Errorf("%s has the streams %q", r.Rung, streams)
		}
	}
}

// TestFilmLadder checks sizes, kinds, order and speed-starting of the files.
func TestFilmLadder(t *testing.T) {
	file := sample(t, "a.mov", "-f", "lavfi", "-i", "testsrc2=s=1280x720:r=30:d=2", "-f", "lavfi", "-i", "sine=440:d=2", "-preset", "ultrafast")
	var last, total time.Duration
	out := t.TempDir()
	list, err := runner(t).Film(context.Background(), input(t, file), Plan{}, out, func(d, of time.Duration) {
		if d < last || total != 0 && of != total {
			t.Errorf("progress went from %v of %v to %v of %v", last, total, d, of)
		}
		last, total = d, of
	})
	if err != nil {
		t.Fatal(err)
	}
	if last != total || total == 0 {
		t.Errorf("progress ended at %v of %v", last, total)
	}
	made := byRung(list)
	for rung, want := range map[string]string{
		"audio": "audio/webm 0x0 2s", "audio-m4a": "audio/mp4 0x0 2s",
		"144p": "video/mp4 256x144 2s", "240p": "video/mp4 426x240 2s", "360p": "video/mp4 640x360 2s", "480p": "video/mp4 854x480 2s",
		"poster-jpeg": "image/jpeg 320x180 0s", "poster-webp": "image/webp 320x180 0s",
	} {
		r := made[rung]
		if got := fmt.Sprintf("%s %dx%d %ds", r.Type, r.Width, r.Height, r.Seconds); got != want {
			t.Errorf("%s: got %s want %s", rung, got, want)
		}
		info, err := os.Stat(r.Path)
		if err != nil {
			t.Fatal(err)
		}
		if r.Poster && info.Size() > posterBytes {
			t.Errorf("%s has %d bytes", rung, info.Size())
		}
		if r.Type == "video/mp4" {
			b, _ := os.ReadFile(r.Path)
			if moov, mdat := bytes.Index(b, []byte("moov")), bytes.Index(b, []byte("mdat")); moov < 0 || moov > mdat {
				t.Errorf("%s does not start at once: moov at %d, mdat at %d", rung, moov, mdat)
			}
		}
	}
	if left, _ := os.ReadDir(out); len(left) != len(list) {
		t.Errorf("%d files for %d renditions", len(left), len(list))
	}
	if n := len(decoded(t, made["144p"])[0]); n != 24 {
		t.Errorf("144p has %d frames in 2 s, want 24", n)
	}
	probe := run(t, "ffprobe", "-v", "error", "-select_streams", "v", "-show_entries", "stream=profile,level,pix_fmt,color_space", "-of", "csv=p=0", made["240p"].Path)
	if strings.TrimSpace(probe) != "Constrained Baseline,yuv420p,bt709,21" && strings.TrimSpace(probe) != "Constrained Baseline,yuv420p,21,bt709" {
		t.Errorf("240p is %q", probe)
	}
}

// TestReproducible renders twice: the same film and plan give the same bytes.
func TestReproducible(t *testing.T) {
	file := sample(t, "a.mp4", "-f", "lavfi", "-i", "testsrc2=s=854x480:r=30:d=1,noise=alls=20:allf=t", "-f", "lavfi", "-i", "sine=440:d=1", "-preset", "ultrafast")
	plan := Plan{Covers: []Cover{{W: 99, H: 77, To: time.Second, Points: []At{{0, 10, 10}, {time.Second, 500, 300}}}}}
	first, second := renderFilm(t, file, plan), renderFilm(t, file, plan)
	for rung, r := range first {
		a, err := os.ReadFile(r.Path)
		if err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(second[rung].Path)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(a, b) {
			t.Errorf("%s differs between two runs", rung)
		}
	}
}

// TestCoverVariableRate covers from the middle of a frame that is shown long:
// the film stands still between 1.0 s and 1.8 s, and somebody marks at 1.5 s
// what they see, which is the frame of 1.0 s.
func TestCoverVariableRate(t *testing.T) {
	file := sample(t, "vfr.mp4", "-f", "lavfi", "-i", "color=white:s=640x480:r=30:d=3",
		"-vf", "select=not(between(t\\,1.02\\,1.79))", "-fps_mode", "vfr", "-preset", "ultrafast")
	c := Cover{W: 200, H: 160, From: 1500 * ms, To: 2200 * ms, Points: []At{{0, 100, 100}}}
	made := renderFilm(t, file, Plan{Covers: []Cover{c}})
	films := decoded(t, made["144p"], made["240p"], made["480p"])
	for i, rung := range []string{"144p", "240p", "480p"} {
		rate := []float64{12, 15, 30}[i]
		for n, f := range films[i] {
			at := float64(n) / rate
			inside, outside := f.luma(200.0/640, 180.0/480), f.luma(400.0/640, 400.0/480)
			if outside < 200 {
				t.Fatalf("%s at %.2f s: the film itself is gone", rung, at)
			}
			switch {
			case at > 1.04 && at < 2.2 && inside > 40:
				t.Errorf("%s at %.2f s: open (%d)", rung, at, inside)
			case (at < 0.9 || at > 2.35) && inside < 200:
				t.Errorf("%s at %.2f s: covered (%d) though nobody asked", rung, at, inside)
			}
		}
	}
}

// TestCoverRotated covers a film taken upright: coordinates are those of the
// picture as it is shown.
func TestCoverRotated(t *testing.T) {
	dir := t.TempDir()
	flat := sample(t, "flat.mp4", "-f", "lavfi", "-i", "color=white:s=480x270:r=25:d=1", "-preset", "ultrafast")
	turn := []string{"-v", "error", "-i", flat}
	name := func(degrees int) string { return filepath.Join(dir, fmt.Sprintf("turned-%d.mp4", degrees)) }
	for _, degrees := range []int{90, 180, 270} {
		turn = append(turn, "-c", "copy", "-metadata:s:v:0", fmt.Sprintf("rotate=%d", 360-degrees), name(degrees)) // ffmpeg 5.1 counts it the other way
	}
	run(t, "ffmpeg", turn...)
	var upright []Rendition // as they are shown
	for _, degrees := range []int{90, 180, 270} {
		in := input(t, name(degrees))
		p, err := runner(t).Probe(context.Background(), in)
		if err != nil {
			t.Fatal(err)
		}
		want := image.Pt(270, 480)
		if degrees == 180 {
			want = image.Pt(480, 270)
		}
		if p.shown() != want || p.Rotation != degrees {
			t.Errorf("%d: got %v turned by %d", degrees, p.shown(), p.Rotation)
		}
		// A strip along the top left of what is shown.
		c := Cover{W: want.X / 2, H: 45, To: time.Second, Points: []At{{0, 0, 0}}}
		made, err := runner(t).makeProbed(context.Background(), in, p, Plan{Covers: []Cover{c}}, nil, t.TempDir(), nil)
		if err != nil {
			t.Fatal(err)
		}
		gated(t, made, gate.Needles{})
		r := byRung(made)["240p"]
		if (r.Width < r.Height) != (want.X < want.Y) {
			t.Errorf("%d: rendered as %dx%d", degrees, r.Width, r.Height)
		}
		upright = append(upright, r)
	}
	for i, film := range decoded(t, upright...) {
		for _, tt := range []struct {
			x, y  float64
			black bool
		}{{.25, .04, true}, {.02, .02, true}, {.9, .04, false}, {.25, .5, false}, {.9, .95, false}} {
			if got := film[3].luma(tt.x, tt.y) < 40; got != tt.black {
				t.Errorf("%d degrees at %v: black is %v", 90*(i+1), tt, got)
			}
		}
	}
}

// TestCoverShapes covers with what is odd: half outside, larger than the
// picture, hundreds of points, odd sizes.
func TestCoverShapes(t *testing.T) {
	file := sample(t, "odd.mkv", "-f", "lavfi", "-i", "testsrc2=s=321x243:r=25:d=1,eq=brightness=0.3", "-pix_fmt", "yuv444p", "-preset", "ultrafast")
	var way []At
	for i := range 600 {
		way = append(way, At{time.Duration(i) * 1500 * time.Microsecond, i % 300, (i * 7) % 240})
	}
	made := renderFilm(t, file, Plan{Covers: []Cover{
		{W: 90, H: 90, To: time.Second, Points: []At{{0, -40, -40}, {time.Second, 300, 230}}},
		{W: 31, H: 33, To: time.Second, Points: way},
		{W: 5, H: 243, To: 5 * time.Second, Points: []At{{0, 316, 0}}},
	}})
	if r := made["240p"]; r.Width != 314 || r.Height != 240 {
		t.Errorf("240p is %dx%d", r.Width, r.Height)
	}
	all := renderFilm(t, file, Plan{Covers: []Cover{{W: 5000, H: 5000, To: time.Hour, Points: []At{{0, -1000, -1000}}}}})
	for _, f := range decoded(t, all["240p"])[0] {
		if !f.filled(image.Rectangle{Max: f.size}) {
			t.Fatal("a cover over everything leaves something open")
		}
	}
}

// TestMutes silences a range, and all.
func TestMutes(t *testing.T) {
	file := sample(t, "a.mp4", "-f", "lavfi", "-i", "testsrc2=s=320x240:r=15:d=3", "-f", "lavfi", "-i", "sine=440:d=3", "-af", "volume=3", "-preset", "ultrafast")
	made := renderFilm(t, file, Plan{Mutes: []Mute{{time.Second, 2 * time.Second}}})
	for rung, s := range sounds(t, made["audio"], made["audio-m4a"], made["144p"], made["240p"]) {
		before, during, after := loudness(s, 200*ms, 900*ms), loudness(s, 1000*ms, 2000*ms), loudness(s, 2150*ms, 2900*ms)
		if during > -60 || before < -40 || after < -40 {
			t.Errorf("%s: %.0f dB before, %.0f during, %.0f after", rung, before, during, after)
		}
	}
	silent := renderFilm(t, file, Plan{MuteAll: true})
	for rung, r := range silent {
		if strings.HasPrefix(rung, "audio") {
			t.Errorf("%s was made of a muted film", rung)
		}
		if strings.HasPrefix(r.Type, "video") && strings.Contains(run(t, "ffprobe", "-v", "error", "-show_entries", "stream=codec_type", "-of", "csv=p=0", r.Path), "audio") {
			t.Errorf("%s of a muted film has a sound stream", rung)
		}
	}
}

// TestKindsOfFilm renders what phones, cameras and browsers make, besides the
// kinds in which TestNoTokenComesOut plants something, with the product's preset.
func TestKindsOfFilm(t *testing.T) {
	silent, heard := "144p 240p poster-jpeg poster-webp", "144p 240p audio audio-m4a poster-jpeg poster-webp"
	film := func(more ...string) []string { return append([]string{"-map", "0", "-preset", "ultrafast"}, more...) }
	both := func(more ...string) []string { return append(film("-map", "1"), more...) }
	kinds := []struct {
		fixture
		rungs string
	}{
		{fixture{"no-sound.mp4", film()}, silent},
		{fixture{"hevc.mp4", film("-c:v", "libx265", "-x265-params", "log-level=none", "-tag:v", "hvc1")}, silent},
		{fixture{"ten-bit.mp4", film("-pix_fmt", "yuv420p10le")}, silent},
		{fixture{"stereo.mkv", both("-ac", "2", "-c:a", "libopus")}, heard},
		{fixture{"surround.mp4", both("-ac", "6", "-c:a", "aac")}, heard},
		{fixture{"browser.webm", both("-c:v", "libvpx", "-deadline", "realtime", "-c:a", "libopus", "-live", "1")}, heard},
		{fixture{"oldest.3gp", film("-s", "176x144", "-c:v", "h263")}, silent},
		{fixture{"camcorder.m2ts", both("-c:a", "ac3", "-f", "mpegts", "-mpegts_m2ts_mode", "1")}, heard},
		{fixture{"ten-frames.mp4", film("-frames:v", "10")}, silent},
		{fixture{"one-frame.mp4", film("-frames:v", "1")}, silent},
		{fixture{"wide-pixels.mp4", film("-vf", "setsar=2/1")}, silent},
		{fixture{"late-sound.mp4", film("-map", "2")}, heard},
	}
	var fixtures []fixture
	for _, kind := range kinds {
		fixtures = append(fixtures, kind.fixture)
	}
	files := manySamples(t, []string{"-f", "lavfi", "-i", "testsrc2=s=320x240:r=25:d=1", "-f", "lavfi", "-i", "sine=440:d=1",
		"-itsoffset", "0.5", "-f", "lavfi", "-i", "sine=440:d=1"}, fixtures...)
	for _, kind := range kinds {
		t.Run(kind.name, func(t *testing.T) {
			made := renderFilmAs(t, "", files[kind.name], Plan{Covers: []Cover{{W: 50, H: 40, To: time.Second, Points: []At{{0, 5, 5}, {time.Second, 200, 100}}}}})
			for rung := range strings.FieldsSeq(kind.rungs) {
				if _, ok := made[rung]; !ok {
					t.Errorf("%s is missing", rung)
				}
			}
			if want := len(strings.Fields(kind.rungs)); len(made) != want {
				t.Errorf("%d renditions, want %d", len(made), want)
			}
			r := made["240p"]
			if kind.name == "wide-pixels.mp4" && r.Width != 576 {
				t.Errorf("240p of wide pixels is %dx%d", r.Width, r.Height)
			}
			if kind.name == "late-sound.mp4" {
				if s := sounds(t, made["audio"])["audio"]; loudness(s, 50*ms, 450*ms) > -60 || loudness(s, 600*ms, 1400*ms) < -40 {
					t.Error("late sound was moved away from its picture")
				}
			}
		})
	}
}

// amrFile is two seconds of the noise that frames of made-up bytes give: there
// is no free encoder to make speech with.
func amrFile(t testing.TB, head string, mode byte, size int) string {
	t.Helper()
	b := []byte(head)
	r := rand.New(rand.NewPCG(1, 2))
	for range 100 {
		b = append(b, mode)
		for range size {
			b = append(b, byte(r.Uint32()))
		}
	}
	file := filepath.Join(t.TempDir(), "in.amr")
	if err := os.WriteFile(file, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// TestSoundFiles renders recordings of kinds in which TestNoTokenComesOut plants
// nothing.
func TestSoundFiles(t *testing.T) {
	tone := []string{"-map", "0", "-metadata", "title=" + canary}
	files := manySamples(t, []string{"-f", "lavfi", "-i", "sine=440:d=2,volume=3",
		"-f", "amr", "-i", amrFile(t, "#!AMR\n", 0x3c, 31), "-f", "amr", "-i", amrFile(t, "#!AMR-WB\n", 0x44, 60)},
		fixture{"only-sound.mp4", tone}, fixture{"a.mka", tone}, fixture{"a.wav", tone},
		fixture{"a.amr", []string{"-map", "1", "-c", "copy", "-metadata", "title=" + canary}}, fixture{"voice.3gp", []string{"-map", "1", "-c", "copy", "-metadata", "title=" + canary}},
		fixture{"wide.amr", []string{"-map", "2", "-c", "copy"}}, fixture{"wide.3gp", []string{"-map", "2", "-c", "copy"}})
	wave := files["a.wav"]
	delete(files, "a.wav")
	for name, file := range files {
		t.Run(name, func(t *testing.T) {
			p, err := runner(t).Probe(context.Background(), input(t, file))
			if err != nil || p.Type != Sound || p.Seconds < 2 || p.Seconds > 3 {
				t.Fatalf("probe: %+v, %v", p, err)
			}
			made, err := runner(t).makeProbed(context.Background(), input(t, file), p, plans[Sound], nil, t.TempDir(), nil)
			if err != nil {
				t.Fatal(err)
			}
			if len(made) != 2 {
				t.Errorf("made %v", made)
			}
			mutedFirst(t, made)
			gated(t, made, gate.Needles{})
			for _, r := range made {
				b, err := os.ReadFile(r.Path)
				if err != nil {
					t.Fatal(err)
				}
				if carries(b, canary) != "" {
					t.Errorf("%s carries the title", r.Rung)
				}
			}
		})
	}
	_, err := runner(t).Sound(context.Background(), input(t, wave), Plan{MuteAll: true}, t.TempDir(), nil)
	wantFault(t, err, "media.all_muted")
}

// TestLengthsAreMeasured holds how long recordings are that say it wrongly or
// not at all: two that begin in silence, and a piece of a longer film,
// whose clock goes on from where the piece before it ended.
func TestLengthsAreMeasured(t *testing.T) {
	files := manySamples(t, []string{"-f", "lavfi", "-i", "aevalsrc=0.5*random(0)*gte(t\\,4):d=8", "-f", "lavfi", "-i", "testsrc2=s=64x48:r=10:d=3"},
		fixture{"silent-first.aac", []string{"-map", "0", "-c:a", "aac"}},
		fixture{"silent-first.mp3", []string{"-map", "0", "-q:a", "2", "-write_xing", "0"}},
		fixture{"piece.webm", []string{"-map", "1", "-c:v", "libvpx", "-deadline", "realtime", "-output_ts_offset", "5"}},
		fixture{"counted.webm", []string{"-map", "1", "-c:v", "libvpx", "-deadline", "realtime", "-output_ts_offset", "2"}})
	// Some programs count a piece from its first picture: 3000 ms, wherever its clock begins.
	counted, err := os.ReadFile(files["counted.webm"])
	if err != nil {
		t.Fatal(err)
	}
	binary.BigEndian.PutUint64(counted[bytes.Index(counted, []byte{0x44, 0x89, 0x88})+3:], math.Float64bits(3000))
	if err := os.WriteFile(files["counted.webm"], counted, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]int{"silent-first.aac": 8, "silent-first.mp3": 8, "piece.webm": 3, "counted.webm": 3} {
		p, err := runner(t).Probe(context.Background(), input(t, files[name]))
		if err != nil || p.Seconds < want || p.Seconds > want+1 {
			t.Errorf("%s lasts %v, want %d s; %v", name, p.Duration, want, err)
		}
	}
}

// TestCutShort renders what there is of a film whose end is missing, and says so.
func TestCutShort(t *testing.T) {
	file := sample(t, "a.mp4", "-f", "lavfi", "-i", "testsrc2=s=320x240:r=25:d=4,noise=alls=20:allf=t", "-preset", "ultrafast", "-movflags", "+faststart")
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		part  int
		short bool
	}{{100, false}, {50, true}} {
		made, err := runner(t).Film(context.Background(), bytes.NewReader(whole[:len(whole)*tt.part/100]), Plan{}, t.TempDir(), nil)
		if err != nil {
			t.Fatal(err)
		}
		if r := byRung(made)["240p"]; r.Short != tt.short || tt.short && r.Seconds > 3 {
			t.Errorf("%d %% of a film: short is %v, %d seconds", tt.part, r.Short, r.Seconds)
		}
	}
	// A film whose picture stopped lasts as long as its sound, and says so itself.
	stopped := sample(t, "b.mp4", "-f", "lavfi", "-i", "testsrc2=s=64x48:r=10:d=1", "-f", "lavfi", "-i", "sine=d=3", "-preset", "ultrafast")
	made, err := runner(t).Clean(context.Background(), input(t, stopped), Cleaning{}, t.TempDir(), nil)
	if err != nil || made.Made[0].Seconds != 3 || made.Made[0].Short {
		t.Errorf("sound of three seconds, a picture of one: %+v, %v", made.Made, err)
	}
}
