package media

import (
	"bytes"
	"compress/zlib"
	"context"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"image"
	"image/color"
	"image/gif"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// pngClaiming is a PNG whose header claims a size and whose data is tiny.
func pngClaiming(w, h uint32) []byte {
	var b bytes.Buffer
	b.WriteString("\x89PNG\r\n\x1a\n")
	chunk := func(kind string, data []byte) {
		_ = binary.Write(&b, binary.BigEndian, uint32(len(data)))
		body := append([]byte(kind), data...)
		b.Write(body)
		_ = binary.Write(&b, binary.BigEndian, crc32.ChecksumIEEE(body))
	}
	head := make([]byte, 13)
	binary.BigEndian.PutUint32(head, w)
	binary.BigEndian.PutUint32(head[4:], h)
	copy(head[8:], []byte{8, 2, 0, 0, 0})
	chunk("IHDR", head)
	var z bytes.Buffer
	w2 := zlib.NewWriter(&z)
	_, _ = io.CopyN(w2, zeros{}, 1<<20)
	w2.Close()
	chunk("IDAT", z.Bytes())
	chunk("IEND", nil)
	return b.Bytes()
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func gifOf(w, h, frames int) []byte {
	g := &gif.GIF{Config: image.Config{Width: w, Height: h}}
	pix := image.NewPaletted(image.Rect(0, 0, w, h), color.Palette{color.White, color.Black})
	for range frames {
		g.Image, g.Delay = append(g.Image, pix), append(g.Delay, 0)
	}
	var b bytes.Buffer
	if err := gif.EncodeAll(&b, g); err != nil {
		panic(err)
	}
	return b.Bytes()
}

// TestHostile gives everything that is no honest film or photo, and wants a
// clear fault, soon, and nothing left behind.
func TestHostile(t *testing.T) {
	dir := t.TempDir()
	film, err := os.ReadFile(sample(t, "a.mp4", "-f", "lavfi", "-i", "testsrc2=s=320x240:r=25:d=2", "-f", "lavfi", "-i", "sine=d=2", "-preset", "ultrafast"))
	if err != nil {
		t.Fatal(err)
	}
	other := filepath.Join(dir, "other.ts")
	run(t, "ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=s=320x240:r=25:d=1", "-preset", "ultrafast", other)
	playlist := "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile://" + other + "\n#EXT-X-ENDLIST\n"
	concat := "ffconcat version 1.0\nfile " + other + "\n"
	noise := make([]byte, 100_000)
	r := rand.New(rand.NewPCG(9, 9))
	for i := range noise {
		noise[i] = byte(r.Uint32())
	}
	ftyp := "\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00mp42isom"
	moov := bytes.Index(film, []byte("moov"))
	flipped := bytes.Clone(film)
	for i := moov + 200; i < len(flipped); i += 97 {
		flipped[i] ^= 0x55
	}

	for _, tt := range []struct {
		name, data, want string
	}{
		{"zero bytes", "", "media.empty"},
		{"a letter", "x", "media.other_type"},
		{"text", strings.Repeat("They took us from the square.\n", 100), "media.other_type"},
		{"a playlist called film", playlist, "media.other_type"},
		{"a playlist behind a film's head", ftyp + playlist, "media.broken"},
		{"a playlist behind a sound's head", "ID3\x04\x00\x00\x00\x00\x00\x00" + playlist, "media.broken|media.sound_broken|media.other_type"},
		{"a concat list", concat, "media.other_type"},
		{"a PDF", "%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", "media.other_type"},
		{"a zip", "PK\x03\x04aaaaaaaaaaaaa", "media.other_type"},
		{"noise", string(append([]byte{0}, noise...)), "media.unknown"},
		{"noise behind a film's head", ftyp + string(noise), "media.broken"},
		{"noise behind Matroska's head", "\x1a\x45\xdf\xa3" + string(noise), "media.broken"},
		{"noise behind AVI's head", "RIFF\xff\xff\xff\x7fAVI " + string(noise), "media.broken|media.nothing_inside"},
		{"a film without its index", string(film[:moov-4]), "media.broken"},
		{"a head alone", ftyp, "media.broken"},
		{"a HEIC", "\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic", "media.broken"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := runner(t)
			m.Limits.Wall = 30 * time.Second
			out := t.TempDir()
			_, err := m.Film(context.Background(), strings.NewReader(tt.data), Plan{}, out, nil)
			found := false
			for key := range strings.SplitSeq(tt.want, "|") {
				found = found || err != nil && strings.HasPrefix(err.Error(), key)
			}
			if !found {
				t.Errorf("got %v, want %s", err, tt.want)
			}
			if left, _ := os.ReadDir(out); len(left) != 0 {
				t.Errorf("left behind: %v", left)
			}
		})
	}

	// What is damaged in the middle may become a film or a fault, but it ends.
	for name, data := range map[string][]byte{"cut short": film[:len(film)*3/4], "bits turned over": flipped} {
		m := runner(t)
		m.Limits.Wall = 30 * time.Second
		_, err := m.Film(context.Background(), bytes.NewReader(data), Plan{}, t.TempDir(), nil)
		t.Logf("%s: %v", name, err)
		if err != nil && !strings.HasPrefix(err.Error(), "media.") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestHostilePhotos wants limits to hold before anything is decoded.
func TestHostilePhotos(t *testing.T) {
	for _, tt := range []struct {
		name string
		data []byte
		want string
	}{
		{"a PNG of ten thousand million pixels", pngClaiming(100_000, 100_000), "media.too_many_pixels"},
		{"a PNG a little too large", pngClaiming(9000, 9000), "media.too_many_pixels"},
		{"a PNG without its data", pngClaiming(4000, 4000), "media.broken"},
		{"a PNG of no width", pngClaiming(0, 10), "media.broken"},
		{"a cut JPEG", []byte("\xff\xd8\xff\xe0\x00\x10JFIF\x00"), "media.broken"},
		{"a GIF of the largest size", append([]byte("GIF89a\xff\xff\xff\xff\x00\x00\x00"), ';'), "media.too_many_pixels"},
		{"a GIF without pictures", append([]byte("GIF89a\x0a\x00\x0a\x00\x00\x00\x00"), ';'), "media.broken"},
		{"a WebP's head", []byte("RIFF\x20\x00\x00\x00WEBPVP8X\x0a\x00\x00\x00\x00\x00\x00\x00\xff\xff\xff\xff\xff\xff"), "media.broken|media.too_many_pixels"},
		{"a HEIC", []byte("\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic"), "media.broken"},
		{"a TIFF", []byte("II*\x00\x08\x00\x00\x00"), "media.broken"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := runner(t)
			m.Limits.Wall = 30 * time.Second
			_, err := m.Photo(context.Background(), bytes.NewReader(tt.data), Plan{}, t.TempDir())
			found := false
			for key := range strings.SplitSeq(tt.want, "|") {
				found = found || err != nil && strings.HasPrefix(err.Error(), key)
			}
			if !found {
				t.Errorf("got %v, want %s", err, tt.want)
			}
		})
	}
	// Many pictures in a small file are a film.
	_, err := runner(t).Photo(context.Background(), bytes.NewReader(gifOf(200, 200, 200)), Plan{}, t.TempDir())
	wantFault(t, err, "media.other_type")
}

// TestPlanRefused shows that a plan that would cover nothing is no plan.
func TestPlanRefused(t *testing.T) {
	for i, plan := range []Plan{
		{Covers: []Cover{{W: 0, H: 10, Points: []At{{}}}}},
		{Covers: []Cover{{W: 10, H: 10}}},
		{Covers: []Cover{{W: 10, H: 10, From: 2, To: 1, Points: []At{{}}}}},
		{Covers: []Cover{{W: 10, H: 10, To: 1, Points: []At{{At: 5}, {At: 4}}}}},
		{Shapes: []Shape{{}}},
		{Mutes: []Mute{{From: 2, To: 1}}},
	} {
		_, err := runner(t).Film(context.Background(), strings.NewReader("x"), plan, t.TempDir(), nil)
		if err == nil || !strings.HasPrefix(err.Error(), "media.plan") {
			t.Errorf("plan %d: %v", i, err)
		}
	}
}

func FuzzFrames(f *testing.F) {
	const bytesPer = 6
	block := func(at int16) string {
		return "\xa3\x8a\x81" + string([]byte{byte(at >> 8), byte(at)}) + "\x80abcdef"
	}
	f.Add([]byte("\x1a\x45\xdf\xa3\x80\x18\x53\x80\x67\x01\xff\xff\xff\xff\xff\xff\xff\x1f\x43\xb6\x75\xff\xe7\x81\x05" + block(0) + block(40)))
	f.Add([]byte("\xa0\x8c\xa1\x8a\x81\x00\x00\x00abcdef"))
	f.Add([]byte("\xec\x01\xff\xff\xff\xff\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, data []byte) {
		in := newFrames(bytes.NewReader(data), bytesPer)
		pix := make([]byte, bytesPer)
		for n := 0; ; n++ {
			if _, err := in.next(pix); err != nil {
				return
			}
			if n*bytesPer > len(data) {
				t.Fatal("more pictures than bytes")
			}
		}
	})
}

func FuzzGIF(f *testing.F) {
	f.Add(gifOf(3, 3, 1))
	f.Add(gifOf(3, 3, 5))
	f.Fuzz(func(t *testing.T, data []byte) {
		if n := gifPictures(bytes.NewReader(data)); n < 0 || n > 2 {
			t.Fatalf("%d pictures", n)
		}
	})
}

func FuzzOrientation(f *testing.F) {
	f.Add([]byte("\xff\xd8\xff\xe1\x00\x22Exif\x00\x00II*\x00\x08\x00\x00\x00\x01\x00\x12\x01\x03\x00\x01\x00\x00\x00\x06\x00\x00\x00\xff\xda"))
	f.Add([]byte("\xff\xd8\xff\xe1\x00\x22Exif\x00\x00MM\x00*\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01\x00\x03\x00\x00\xff\xd9"))
	f.Add([]byte("\xff\xd8\xff\xff\xff\xe0\x00\x02"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if o := readNotes("jpeg", bytes.NewReader(data), int64(len(data))).turn; o < 1 || o > 8 {
			t.Fatalf("orientation %d", o)
		}
	})
}

func FuzzSniff(f *testing.F) {
	for _, m := range magic {
		f.Add([]byte(strings.Repeat("R", m.at) + m.prefix))
	}
	f.Add([]byte("\x00\x00\x00\x18ftypmp42"))
	f.Fuzz(func(t *testing.T, data []byte) {
		got := sniffHead(data[:min(len(data), sniffBytes)])
		if got.Name == "" || (got.Demuxer == "") != (got.Allow == "") {
			t.Fatalf("%+v", got)
		}
	})
}

func FuzzBoxFault(f *testing.F) {
	f.Add("media.broken", "x", "y")
	f.Fuzz(func(t *testing.T, key, arg, cause string) {
		err := (&boxFault{Key: key, Args: []string{arg}, Cause: cause}).fault()
		if s := err.Error(); len(s) > 300+len(key) || strings.ContainsAny(s, "<>\n\x00\x1b\"'`$") {
			t.Fatalf("%q", s)
		}
	})
}

func TestSniff(t *testing.T) {
	for _, tt := range []struct {
		head string
		want format
	}{
		{"\x00\x00\x00\x20ftypisom", formatMP4},
		{"\x00\x00\x00\x20ftypavif", formatHEIC},
		{"\x00\x00\x00\x08wide....", formatMP4},
		{"RIFF....WAVEfmt ", formatWAV},
		{"RF64....WAVEds64", formatWAV},
		{"RIFF....WEBPVP8 ", formatWebP},
		{"........WAVE", formatText},
		{"\xff\xf1\x50\x80", formatADTS},
		{"\xff\xfb\x90\x44", formatMP3},
		{"#EXTM3U\n", formatText},
		{"G" + strings.Repeat("\x00", 187) + "G", formatTS},
		{"\x00", formatUnknown},
		{"қала", formatText},
		{"\xff\xfe\x9b\x04\x30\x04\n\x00", formatText},
		{"\xfe\xff\x04\x9b\x04\x30\x00\n", formatText},
		{"\xff\xfe\x90\x44\x00\x00\x01\x00", formatMP3},
	} {
		if got := sniffHead([]byte(tt.head)); got != tt.want {
			t.Errorf("%q: got %s want %s", tt.head, got.Name, tt.want.Name)
		}
	}
	for behind, want := range map[string]format{"\xff\xf1\x50\x80": formatADTS, "fLaC\x00\x00": formatFLAC, "\xff\xfb\x90\x44": formatMP3, "RIFF....WAVE": formatMP3, "": formatMP3} {
		tag := "ID3\x03\x00\x00\x00\x00\x2e\x70" + strings.Repeat("\x00", 0x2e<<7+0x70) // beyond what is looked at first
		if got, err := sniff(strings.NewReader(tag + behind)); err != nil || got != want {
			t.Errorf("%q behind a tag: %s, %v", behind, got.Name, err)
		}
	}
	if long := []byte(strings.Repeat("ә", sniffBytes)); sniffHead(long[1:sniffBytes+1]) == formatText {
		t.Error("text that begins inside a letter")
	}
	if got := sniffHead([]byte("x" + strings.Repeat("ә", sniffBytes))[:sniffBytes]); got != formatText {
		t.Errorf("text cut inside a letter: %s", fmt.Sprint(got.Name))
	}
}
