package trace

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"kua/internal/canary"
)

// plainOf is every format that canary plants, and how ffmpeg makes a plain file
// of it out of the one picture and the one tone it is given; nil where it cannot.
var plainOf = map[string][]string{
	"jpg": {"-map", "0", "-frames:v", "1"}, "png": {"-map", "0", "-frames:v", "1"}, "webp": {"-map", "0", "-frames:v", "1", "-pix_fmt", "yuv420p"},
	"gif": {"-map", "0", "-frames:v", "1"}, "tif": {"-map", "0", "-frames:v", "1", "-pix_fmt", "rgb24", "-compression_algo", "raw"},
	"mp4": plainFilm(), "mov": plainFilm(), "m4v": plainFilm("-f", "mp4"), "3gp": plainFilm("-s", "176x144", "-c:v", "mpeg4", "-c:a", "aac"),
	"mkv": plainFilm(), "webm": plainFilm("-c:v", "libvpx", "-deadline", "realtime"), "avi": plainFilm("-c:v", "mjpeg", "-pix_fmt", "yuvj420p", "-c:a", "pcm_s16le"),
	"ts": plainFilm(), "m4a": {"-map", "1"}, "mp3": {"-map", "1"}, "aac": {"-map", "1"}, "ogg": {"-map", "1", "-c:a", "libvorbis"}, "opus": {"-map", "1"},
	"wav": {"-map", "1"}, "flac": {"-map", "1"}, "amr": nil, "heic": nil, "pdf": nil, "docx": nil, "odt": nil,
}

func plainFilm(more ...string) []string {
	return append([]string{"-map", "0", "-map", "1", "-preset", "ultrafast", "-pix_fmt", "yuv420p"}, more...)
}

// plainByHand are the formats that ffmpeg does not write.
func plainByHand(t testing.TB, ending string) []byte {
	switch ending {
	case "amr":
		return append([]byte("#!AMR\n"), bytes.Repeat(append([]byte{0x3c}, make([]byte, 31)...), 50)...)
	case "heic":
		return []byte("\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic")
	case "pdf":
		return []byte("%PDF-1.7\n1 0 obj\n<< /Type /Catalog /Pages 2 0 R >>\nendobj\n2 0 obj\n<< /Type /Pages /Kids [] /Count 0 >>\nendobj\n" +
			"xref\n0 3\n0000000000 65535 f \n0000000009 00000 n \n0000000058 00000 n \ntrailer\n<< /Size 3 /Root 1 0 R >>\nstartxref\n110\n%%EOF\n")
	case "docx":
		return zipWith(t, "", "[Content_Types].xml", "<Types/>", "word/document.xml", "<w:document><w:body><w:p/></w:body></w:document>")
	}
	return zipWith(t, "", "mimetype", "application/vnd.oasis.opendocument.text", "content.xml", "<office:text><text:p/></office:text>")
}

// TestTraceSeesTokens: every word that canary plants, in every format, is a
// value of the sheet, so that the gate looks for it. A place that is no longer
// planted, or a format that is not tried, fails too.
func TestTraceSeesTokens(t *testing.T) {
	dir := t.TempDir()
	args := []string{"-v", "error", "-nostdin", "-f", "lavfi", "-i", "testsrc2=s=64x48:r=10:d=0.4", "-f", "lavfi", "-i", "sine=d=0.4"}
	tried := map[string]bool{}
	for ending, how := range plainOf {
		tried[canary.FormatOf("a."+ending)] = true
		if how != nil {
			args = append(append(args, how...), filepath.Join(dir, "plain."+ending))
		}
	}
	run(t, "ffmpeg", args...)
	for _, format := range canary.Formats() {
		if !tried[format] {
			t.Errorf("%s is not tried", format)
		}
	}
	for ending, how := range plainOf {
		t.Run(ending, func(t *testing.T) {
			plain := []byte(nil)
			if how == nil {
				plain = plainByHand(t, ending)
			} else {
				b, err := os.ReadFile(filepath.Join(dir, "plain."+ending))
				if err != nil {
					t.Fatal(err)
				}
				plain = b
			}
			file, places, err := canary.Plant(canary.FormatOf("a."+ending), plain)
			if err != nil {
				t.Fatal(err)
			}
			s := read(t, file)
			for _, p := range places {
				if !seesToken(s, p) {
					t.Errorf("what was planted at %s is not seen", p.Name)
				}
			}
			if t.Failed() {
				for _, f := range s.Facts {
					t.Logf("%-10s %s %s = %.80q", f.Kind, f.Where, f.Name, f.Value)
				}
				for _, g := range s.Gaps {
					t.Logf("gap %v", g)
				}
			}
		})
	}
}

// seesToken says whether a fact holds a planted word, or all that its place has
// room for: ID3v1's 30 letters, and the 31 of a coder's name.
func seesToken(s Sheet, p canary.Place) bool {
	word := p.Token
	if p.Name == "stsd" || p.Name == "v1" {
		word = word[:min(len(word), 30)]
	}
	for _, f := range s.Facts {
		if strings.Contains(f.Value, word) || bytes.Contains(f.Raw, []byte(word)) {
			return true
		}
	}
	return false
}
