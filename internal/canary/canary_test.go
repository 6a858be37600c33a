package canary

import (
	"archive/zip"
	"bytes"
	"compress/zlib"
	"errors"
	"fmt"
	"image"
	_ "image/gif"
	_ "image/jpeg"
	_ "image/png"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	_ "golang.org/x/image/tiff"
	_ "golang.org/x/image/webp"

	"kua/internal/fault"
)

// opened is a file with what is packed in it behind it.
func opened(b []byte) []byte {
	out := bytes.Clone(b)
	for at := 0; ; {
		i := bytes.IndexByte(b[at:], 0x78)
		if i < 0 {
			break
		}
		at += i + 1
		if z, err := zlib.NewReader(bytes.NewReader(b[at-1:])); err == nil {
			inside, _ := io.ReadAll(io.LimitReader(z, 1<<20))
			out = append(out, inside...)
		}
	}
	if z, err := zip.NewReader(bytes.NewReader(b), int64(len(b))); err == nil {
		for _, f := range z.File {
			if r, err := f.Open(); err == nil {
				inside, _ := io.ReadAll(r)
				out = append(out, inside...)
			}
		}
	}
	return out
}

func made(t testing.TB, name string, args ...string) []byte {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	if out, err := exec.Command("ffmpeg", append(append([]string{"-v", "error", "-nostdin", "-y"}, args...), file)...).CombinedOutput(); err != nil {
		t.Fatalf("ffmpeg for %s: %v\n%s", name, err, out)
	}
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func zipped(t testing.TB, parts ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for i := 0; i < len(parts); i += 2 {
		w, err := z.Create(parts[i])
		if err == nil {
			_, err = io.WriteString(w, parts[i+1])
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// plainPDF is one empty page.
func plainPDF() []byte {
	var b bytes.Buffer
	var at []int
	b.WriteString("%PDF-1.4\n")
	for i, o := range []string{"<< /Type /Catalog /Pages 2 0 R >>", "<< /Type /Pages /Kids [3 0 R] /Count 1 >>", "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 200 200] >>"} {
		at = append(at, b.Len())
		fmt.Fprintf(&b, "%d 0 obj\n%s\nendobj\n", i+1, o)
	}
	start := b.Len()
	b.WriteString("xref\n0 4\n0000000000 65535 f \n")
	for _, a := range at {
		fmt.Fprintf(&b, "%010d 00000 n \n", a)
	}
	fmt.Fprintf(&b, "trailer\n<< /Size 4 /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n", start)
	return b.Bytes()
}

// bases are plain files by ending, and how many places are planted at least.
func bases(t testing.TB) map[string]struct {
	b     []byte
	least int
} {
	picture := []string{"-f", "lavfi", "-i", "testsrc2=s=64x48", "-frames:v", "1"}
	film := []string{"-f", "lavfi", "-i", "testsrc2=s=64x48:r=10:d=1", "-f", "lavfi", "-i", "sine=d=1", "-pix_fmt", "yuv420p"}
	tone := []string{"-f", "lavfi", "-i", "sine=d=1"}
	with := func(a []string, more ...string) []string { return append(append([]string{}, a...), more...) }
	type base = struct {
		b     []byte
		least int
	}
	return map[string]base{
		"jpg": {made(t, "a.jpg", picture...), 30}, "png": {made(t, "a.png", picture...), 21}, "webp": {made(t, "a.webp", with(picture, "-pix_fmt", "yuv420p")...), 14},
		"gif": {made(t, "a.gif", picture...), 4}, "tif": {made(t, "a.tif", with(picture, "-pix_fmt", "rgb24", "-compression_algo", "raw")...), 18},
		"heic": {[]byte("\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic"), 4},
		"mp4":  {made(t, "a.mp4", film...), 19}, "mov": {made(t, "a.mov", film...), 19}, "m4v": {made(t, "a.m4v", with(film, "-f", "mp4")...), 19},
		"3gp": {made(t, "a.3gp", with(film, "-s", "176x144", "-c:v", "mpeg4", "-c:a", "aac")...), 17}, "m4a": {made(t, "a.m4a", tone...), 16},
		"mkv": {made(t, "a.mkv", film...), 10}, "webm": {made(t, "a.webm", with(film, "-c:v", "libvpx", "-deadline", "realtime")...), 10},
		"avi": {made(t, "a.avi", with(film, "-c:v", "mjpeg", "-pix_fmt", "yuvj420p", "-c:a", "pcm_s16le")...), 7}, "ts": {made(t, "a.ts", film...), 3},
		"mp3": {made(t, "a.mp3", tone...), 8}, "aac": {made(t, "a.aac", tone...), 8}, "ogg": {made(t, "a.ogg", with(tone, "-c:a", "libvorbis")...), 3},
		"opus": {made(t, "a.opus", tone...), 3}, "wav": {made(t, "a.wav", tone...), 11}, "flac": {made(t, "a.flac", tone...), 6},
		"amr":  {append([]byte("#!AMR\n"), bytes.Repeat(append([]byte{0x3c}, make([]byte, 31)...), 100)...), 1},
		"pdf":  {plainPDF(), 21},
		"docx": {zipped(t, "[Content_Types].xml", "<Types/>", "word/document.xml", "<w:document><w:body><w:p/></w:body></w:document>"), 23},
		"odt":  {zipped(t, "mimetype", "application/vnd.oasis.opendocument.text", "content.xml", "<office:text><text:p/></office:text>"), 11},
	}
}

// TestPlant: every word is really there, in its own place alone, and the file
// still opens in what opens such files.
func TestPlant(t *testing.T) {
	seen := map[string]bool{}
	for ending, base := range bases(t) {
		format := FormatOf("a." + ending)
		seen[format] = true
		b, places, err := Plant(format, base.b)
		if err != nil {
			t.Errorf("%s: %v", ending, err)
			continue
		}
		if len(places) < base.least {
			t.Errorf("%s: %d places, want %d", ending, len(places), base.least)
		}
		all := opened(b)
		found := In(all, places)
		tokens := map[string]bool{}
		for _, p := range places {
			if tokens[p.Token] || !strings.HasPrefix(p.Token, Prefix) {
				t.Errorf("%s: %s is planted twice", ending, p.Name)
			}
			tokens[p.Token] = true
		}
		// A film's coder has room for 31 letters only, so that its word may be cut.
		if len(found) != len(places) {
			for _, p := range places {
				if len(In(all, []Place{p})) == 0 {
					t.Errorf("%s: %s is not there", ending, p.Name)
				}
			}
		}
		file := filepath.Join(t.TempDir(), "planted."+ending)
		if err := os.WriteFile(file, b, 0o600); err != nil {
			t.Fatal(err)
		}
		opens(t, file, ending, b)
	}
	for _, f := range Formats() {
		if !seen[f] {
			t.Errorf("%s is not tried", f)
		}
	}
}

// opens wants a planted file to be read by a decoder of its kind.
func opens(t *testing.T, file, ending string, b []byte) {
	t.Helper()
	var args []string
	switch ending {
	case "jpg", "png", "webp", "gif", "tif":
		if _, _, err := image.Decode(bytes.NewReader(b)); err != nil {
			t.Errorf("%s: %v", ending, err)
		}
		return
	case "docx", "odt":
		if _, err := zip.NewReader(bytes.NewReader(b), int64(len(b))); err != nil {
			t.Errorf("%s: %v", ending, err)
		}
		return
	case "heic", "pdf":
		args = []string{"exiftool", "-q", "-FileType", file}
	default:
		args = []string{"ffmpeg", "-v", "fatal", "-nostdin", "-i", file, "-f", "null", "-"}
	}
	if out, err := exec.Command(args[0], args[1:]...).CombinedOutput(); err != nil {
		t.Errorf("%s: %v\n%s", ending, err, out)
	}
}

func TestPlantRefuses(t *testing.T) {
	if _, _, err := Plant("xyz", nil); !errors.Is(err, fault.Invalid("canary.unknown")) {
		t.Errorf("an unknown format: %v", err)
	}
	for _, f := range Formats() {
		for _, b := range []string{"", "x", "\xff\xd8", "RIFF\x00\x00\x00\x00", strings.Repeat("PK", 400), "II*\x00\xff\xff\xff\xff", "OggS"} {
			if out, _, err := Plant(f, []byte(b)); !errors.Is(err, fault.Invalid("canary.broken")) {
				t.Errorf("%s of %q: %d bytes, %v", f, b, len(out), err)
			}
		}
	}
	if _, _, err := Plant("mp4", []byte("\x00\x00\x00\x10moov\x00\x00\x00\x08mvhd")); !errors.Is(err, fault.Invalid("canary.broken")) {
		t.Errorf("a film whose head is empty: %v", err)
	}
	if _, _, err := Plant("matroska", []byte("\x18\x53\x80\x67\x01\x00\x00\x00\x00\x00\x00\x08\xec\x01\x00\x00\x00\x00\x00\x00")); err != nil {
		t.Errorf("a film that ends in the head of a gap: %v", err)
	}
}

func FuzzPlant(f *testing.F) {
	for i, name := range Formats() {
		f.Add(byte(i), []byte("seed "+name))
	}
	for ending, base := range bases(f) {
		for i, name := range Formats() {
			if FormatOf("a."+ending) == name && len(base.b) < 20_000 {
				f.Add(byte(i), base.b)
			}
		}
	}
	f.Fuzz(func(t *testing.T, which byte, b []byte) {
		all := Formats()
		_, _, _ = Plant(all[int(which)%len(all)], b)
	})
}
