package gate

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// typeOf gives the media type of a test file by its name.
var typeOf = map[string]string{".mp4": "video/mp4", ".m4a": "audio/mp4", ".webm": "audio/webm", ".jpg": "image/jpeg", ".webp": "image/webp", ".png": "image/png", ".vtt": "text/vtt"}

// samples are small files as media makes them, by name.
func samples(t testing.TB) map[string][]byte {
	t.Helper()
	names, err := filepath.Glob("testdata/*.*")
	if err != nil || len(names) < 6 {
		t.Fatalf("samples: %v, %v", names, err)
	}
	all := map[string][]byte{}
	for _, name := range names {
		if all[name], err = os.ReadFile(name); err != nil {
			t.Fatal(err)
		}
	}
	var page bytes.Buffer
	if err := png.Encode(&page, picture(33, 21)); err != nil {
		t.Fatal(err)
	}
	all["page.png"] = page.Bytes()
	return all
}

// picture is a made-up colourful picture.
func picture(w, h int) *image.RGBA {
	m := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			m.Set(x, y, color.RGBA{uint8(x * 7), uint8(y * 5), uint8(x * y), 255})
		}
	}
	return m
}

func check(t testing.TB, b []byte, mediaType string, n Needles) Report {
	t.Helper()
	r, err := Check(bytes.NewReader(b), int64(len(b)), mediaType, n)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestAccepts(t *testing.T) {
	for name, b := range samples(t) {
		if r := check(t, b, typeOf[filepath.Ext(name)], Needles{}); !r.Clean() {
			t.Errorf("%s: %+v", name, r.Findings)
		}
	}
	for _, size := range []image.Point{{1, 1}, {7, 9}, {16, 16}, {640, 481}, {1600, 1067}} {
		for _, quality := range []int{15, 45, 80, 100} {
			var b bytes.Buffer
			if err := jpeg.Encode(&b, picture(size.X, size.Y), &jpeg.Options{Quality: quality}); err != nil {
				t.Fatal(err)
			}
			if r := check(t, b.Bytes(), "image/jpeg", Needles{}); !r.Clean() {
				t.Errorf("JPEG %v at %d: %+v", size, quality, r.Findings)
			}
		}
	}
}

// TestNothingIsFree: no byte outside of the coded picture and sound can be
// changed, taken away or added without the gate seeing it.
func TestNothingIsFree(t *testing.T) {
	for name, b := range samples(t) {
		kind := typeOf[filepath.Ext(name)]
		if kind == "text/vtt" {
			continue // its words are free
		}
		coded := codedPart(name, b)
		passed := map[int]bool{}
		for i := range b {
			if i >= coded.from && i < coded.to {
				continue
			}
			for _, flip := range []byte{0x01, 0x80} {
				changed := bytes.Clone(b)
				changed[i] ^= flip
				if check(t, changed, kind, Needles{}).Clean() {
					passed[i] = true
				}
			}
		}
		for i := range passed {
			if !allowedToDiffer(name, b, i) {
				t.Errorf("%s: byte %d can be changed (%02x, behind %q)", name, i, b[i], b[max(0, i-40):i])
			}
		}
		for _, cut := range []int{1, 2, 3, 7, 8, 9, 20, len(b) / 2, len(b) - 1} {
			if check(t, b[:len(b)-cut], kind, Needles{}).Clean() {
				t.Errorf("%s: %d bytes can be cut off", name, cut)
			}
		}
		for _, tail := range []string{"\x00", "\n", "junk", "\x00\x00\x00\x08free", "\x00\x00\x00\x0cuuidhere", "\xff\xd8\xff\xd9"} {
			if r := check(t, append(bytes.Clone(b), tail...), kind, Needles{}); r.Clean() {
				t.Errorf("%s: %q can stand at its end", name, tail)
			}
		}
	}
}

type codedSpan struct{ from, to int }

// codedPart is where the coded picture or sound lies: what of it is free is
// tried in TestHiddenInCoded.
func codedPart(name string, b []byte) codedSpan {
	at := func(mark string, skip int) int { return bytes.Index(b, []byte(mark)) + len(mark) + skip }
	switch filepath.Ext(name) {
	case ".mp4", ".m4a":
		return codedSpan{at("mdat", 0), len(b)}
	case ".webm":
		return codedSpan{at("\x1f\x43\xb6\x75", 0), bytes.LastIndex(b, []byte("\x1c\x53\xbb\x6b"))}
	case ".jpg":
		return codedSpan{at("\xff\xda", 12), len(b) - 2}
	case ".webp":
		return codedSpan{at("VP8 ", 4), len(b)}
	}
	return codedSpan{}
}

// allowedToDiffer lists the few numbers that a coder chooses freely within
// bounds.
func allowedToDiffer(name string, b []byte, i int) bool {
	within := func(mark string, from, to int) bool {
		at := bytes.Index(b, []byte(mark))
		return at >= 0 && i >= at+from && i < at+to
	}
	last := func(mark string, skip int) bool { return i == bytes.LastIndex(b, []byte(mark))+skip }
	switch filepath.Ext(name) {
	case ".mp4", ".m4a":
		return within("\x01\x00\x05h", 4, 5) || // of the picture parameter set: how many pictures are looked back at, and weights
			within("tkhd", 27, 28) || within("elst", 15, 16) || last("tkhd", 27) || last("elst", 15) // a millisecond more or less
	case ".jpg":
		return within("\xff\xc0", 5, 9) // a pixel more or less in the same blocks
	case ".webm":
		return within("OpusHead", 10, 12)
	}
	return false
}

func TestRefuses(t *testing.T) {
	all := samples(t)
	film, sound, photo, webp, words := all["testdata/film.mp4"], all["testdata/sound.m4a"], all["testdata/picture.jpg"], all["testdata/picture.webp"], all["testdata/words.vtt"]
	insert := func(b []byte, at int, more string) []byte {
		return append(append(bytes.Clone(b[:at]), more...), b[at:]...)
	}
	swap := func(b []byte, from, to string) []byte {
		if bytes.Count(b, []byte(from)) == 0 || len(from) != len(to) {
			t.Fatalf("%q is not there", from)
		}
		return bytes.Replace(b, []byte(from), []byte(to), 1)
	}
	for _, tt := range []struct {
		name, kind string
		b          []byte
		what       string
	}{
		{"udta at the top", "video/mp4", insert(film, 32, "\x00\x00\x00\x0cudtahere"), "gate.unlisted"},
		{"handler's name", "video/mp4", swap(film, "VideoHandler", "VideoHandleR"), "gate.value"},
		{"coder's name", "video/mp4", swap(film, "Lavc libx264", "Nokia  3310 "), "gate.value"},
		{"creation time", "video/mp4", swap(film, "mvhd\x00\x00\x00\x00\x00", "mvhd\x00\x00\x00\x00\xe0"), "gate.value"},
		{"a tag", "audio/mp4", swap(sound, "\x00\x00\x00\x08ilst", "\x00\x00\x00\x08\xa9xyz"), "gate.value"},
		{"SEI", "video/mp4", swap(film, "\x00\x00\x00\x6f\x65", "\x00\x00\x00\x6f\x06"), "gate.unlisted"},
		{"filler", "video/mp4", swap(film, "\x00\x00\x00\x6f\x65", "\x00\x00\x00\x6f\x0c"), "gate.unlisted"},
		{"sound as film", "video/mp4", sound, "gate.value"},
		{"film as sound", "audio/mp4", film, "gate.value"},
		{"comment", "image/jpeg", insert(photo, 2, "\xff\xfe\x00\x06here"), "gate.unlisted"},
		{"EXIF", "image/jpeg", insert(photo, 2, "\xff\xe1\x00\x08Exif\x00\x00"), "gate.unlisted"},
		{"a JFIF head", "image/jpeg", insert(photo, 2, "\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00"), "gate.unlisted"},
		{"Adobe", "image/jpeg", insert(photo, 2, "\xff\xee\x00\x0eAdobe\x00\x64\x00\x00\x00\x00\x01"), "gate.unlisted"},
		{"a table that nothing uses", "image/jpeg", insert(photo, 2, "\xff\xdb\x00\x43\x02"+strings.Repeat("+77010000000 ok.", 4)), "gate.value"},
		{"codes that nothing uses", "image/jpeg", insert(photo, 2, "\xff\xc4\x00\x1a\x03\x00\x00\x00\x07"+strings.Repeat("\x00", 12)+"+770100"), "gate.value"},
		{"in the scan", "image/jpeg", insert(photo, len(photo)-2, "hidden"), "gate.hidden"},
		{"behind the scan", "image/jpeg", insert(photo, len(photo)-2, "\xff\xfe\x00\x06here"), "gate.hidden"},
		{"extended WebP", "image/webp", swap(webp, "VP8 ", "VP8X"), "gate.unlisted"},
		{"note", "text/vtt", insert(words, 7, "\nNOTE here\n"), "gate.unlisted"},
		{"style", "text/vtt", insert(words, 7, "\nSTYLE\n::cue {}\n"), "gate.unlisted"},
		{"settings", "text/vtt", swap(words, "02.500\n", "02.500 "), "gate.unlisted"},
		{"zero-width", "text/vtt", insert(words, len(words)-1, "\u200b"), "gate.hidden"},
		{"blanks", "text/vtt", insert(words, len(words)-1, " "), "gate.hidden"},
		{"mark-up", "text/vtt", insert(words, len(words)-1, "<v Aigul>"), "gate.hidden"},
		{"no picture", "image/png", []byte("GIF89a but not"), "gate.broken"},
		{"nothing", "image/jpeg", nil, "gate.cut"},
	} {
		r := check(t, tt.b, tt.kind, Needles{})
		if r.Clean() || r.Findings[0].What != tt.what {
			t.Errorf("%s: %+v, want %s", tt.name, r.Findings, tt.what)
		}
	}
	if _, err := Check(bytes.NewReader(film), int64(len(film)), "application/pdf", Needles{}); err == nil || !strings.Contains(err.Error(), "gate.no_reader") {
		t.Errorf("a type without a reader: %v", err)
	}
	if (Report{}).Clean() {
		t.Error("the zero report is clean")
	}
}

// TestHiddenInCoded adds bytes where a decoder would never look.
func TestHiddenInCoded(t *testing.T) {
	all := samples(t)
	webp := all["testdata/picture.webp"]
	size := len(webp) - 20
	longer := append(bytes.Clone(webp), []byte("hidden bytes")...)
	put := func(at, n int) { longer[at], longer[at+1] = byte(n), byte(n>>8) }
	put(16, size+12)
	put(4, size+12+12)
	if size%2 == 0 {
		if r := check(t, longer, "image/webp", Needles{}); r.Clean() || r.Findings[0].What != "gate.hidden" {
			t.Errorf("behind the last block of WebP: %+v", r.Findings)
		}
	} else {
		t.Fatal("the sample's size is odd; this test wants an even one")
	}
	first := int(webp[20])>>5 | int(webp[21])<<3 | int(webp[22])<<11
	within := slices.Concat(webp[:30+first], []byte("hidden bytes"), webp[30+first:])
	n := first + 12
	within[20], within[21], within[22] = webp[20]&0x1f|byte(n<<5), byte(n>>3), byte(n>>11)
	within[16], within[4] = byte(size+12), byte(size+12+12)
	if r := check(t, within, "image/webp", Needles{}); r.Clean() || r.Findings[0].What != "gate.hidden" {
		t.Errorf("behind the modes of WebP: %+v", r.Findings)
	}
	for _, p := range []string{"\xfb\x41\x04here", "\xff\x40", "\xfc..", "\xfb"} {
		if opusPacket([]byte(p)) == "" {
			t.Errorf("the Opus packet %q passes", p)
		}
	}
}

// TestNumbersFollow: what a coder could choose freely, and x264 and ffmpeg do not
// for the ladder, is refused: a number there could be a telephone's.
func TestNumbersFollow(t *testing.T) {
	all := samples(t)
	film, sound := all["testdata/film.mp4"], all["testdata/sound.m4a"]
	change := func(b []byte, from, to string) []byte {
		if bytes.Count(b, []byte(from)) == 0 {
			t.Fatalf("%x is not there", from)
		}
		return bytes.ReplaceAll(b, []byte(from), []byte(to))
	}
	peak := bytes.Index(sound, []byte("esds")) + 4 + 22
	asked := bytes.Clone(sound)
	for n, rate := range []uint32{24_001, 70_000, 255_999} {
		binary.BigEndian.PutUint32(asked[peak:], rate)
		if b := bytes.Index(asked, []byte("btrt")); b >= 0 {
			binary.BigEndian.PutUint32(asked[b+8:], rate)
		}
		if r := check(t, asked, "audio/mp4", Needles{}); r.Clean() {
			t.Errorf("peak rate %d of sound (%d) passes", rate, n)
		}
	}
	for name, b := range map[string][]byte{
		"constraints":                   change(film, "\x42\xc0\x0c", "\x42\xe0\x0c"),
		"a level that is none":          change(film, "\x42\xc0\x0c", "\x42\xc0\x2a"),
		"a level that is too low":       change(film, "\x42\xc0\x0c", "\x42\xc0\x0a"),
		"main without its choices":      change(film, "\x42\xc0\x0c", "\x4d\xc0\x0c"),
		"another quality":               change(film, "\x68\xcb\x81\x12\xc8", "\x68\xcb\x81\x06\xc8"),
		"a picture parameter set's end": change(film, "\x68\xcb\x81\x12\xc8", "\x68\xcb\x81\x12\xcc"),
	} {
		if r := check(t, b, "video/mp4", Needles{}); r.Clean() || r.Findings[0].What != "gate.value" {
			t.Errorf("%s: %+v", name, r.Findings)
		}
	}
	for most, bits := range map[uint32]uint32{1: 0, 15: 0, 16: 1, 31: 1, 32: 2, 255: 4, 256: 5} {
		if got := bitsFor(most); got != bits {
			t.Errorf("%d takes %d bits, want %d", most, got, bits)
		}
	}
}

// TestMovedSamples: data that no table points to, and samples over each other.
func TestMovedSamples(t *testing.T) {
	film := samples(t)["testdata/film.mp4"]
	for i := 0; i+4 < len(film); i++ {
		if string(film[i:i+4]) != "stco" {
			continue
		}
		moved := bytes.Clone(film)
		moved[i+4+8+3] += 4
		if r := check(t, moved, "video/mp4", Needles{}); r.Clean() || r.Findings[0].What != "gate.gap" {
			t.Errorf("samples at %d moved: %+v", i, r.Findings)
		}
	}
}
