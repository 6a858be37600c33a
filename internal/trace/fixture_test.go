package trace

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"image"
	"image/color"
	"image/jpeg"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// read reads bytes and holds that the sheet keeps to its own bounds.
func read(t testing.TB, b []byte) Sheet {
	t.Helper()
	s, err := Read(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatalf("Read: %v", err)
	}
	if !s.Sane() {
		t.Fatal("the sheet is not sane")
	}
	return s
}

// wants reports every token that no fact of the sheet holds.
func wants(t testing.TB, s Sheet, tokens ...string) {
	t.Helper()
	for _, token := range tokens {
		found := false
		for _, f := range s.Facts {
			found = found || strings.Contains(f.Value, token) || bytes.Contains(f.Raw, []byte(token))
		}
		if !found {
			t.Errorf("%q was planted and not found", token)
		}
	}
	if t.Failed() {
		b, _ := json.MarshalIndent(s, "", " ")
		t.Logf("%.20000s", b)
	}
}

// wantKind reports a token that no fact of this kind holds.
func wantKind(t testing.TB, s Sheet, kind Kind, token string) {
	t.Helper()
	for _, f := range s.Facts {
		if f.Kind == kind && (strings.Contains(f.Value, token) || bytes.Contains(f.Raw, []byte(token))) {
			return
		}
	}
	t.Errorf("no %s holds %q", kind, token)
}

func photo(t testing.TB, w, h int) []byte {
	t.Helper()
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			img.Set(x, y, color.RGBA{uint8(x), uint8(y), uint8(x * y), 255})
		}
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// exiftool runs the tool on a file and gives what it printed.
func exiftool(t testing.TB, args ...string) []byte {
	t.Helper()
	cmd := exec.Command("exiftool", args...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("exiftool %v: %v: %s", args, err, out)
	}
	return out
}

// planted writes bytes to a file, lets exiftool plant tags and gives the bytes.
func planted(t testing.TB, name string, b []byte, tags ...string) []byte {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, b, 0o600); err != nil {
		t.Fatal(err)
	}
	exiftool(t, append(append([]string{"-q", "-overwrite_original"}, tags...), file)...)
	out, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// segment is one JPEG segment.
func segment(marker byte, body string) []byte {
	return append([]byte{0xff, marker, byte((len(body) + 2) >> 8), byte(len(body) + 2)}, body...)
}

// inserted puts segments behind a picture's SOI.
func inserted(picture []byte, segments ...[]byte) []byte {
	return bytes.Join([][]byte{picture[:2], bytes.Join(segments, nil), picture[2:]}, nil)
}

func be16(n int) string { return string(binary.BigEndian.AppendUint16(nil, uint16(n))) }
func be32(n int) string { return string(binary.BigEndian.AppendUint32(nil, uint32(n))) }
func le16(n int) string { return string(binary.LittleEndian.AppendUint16(nil, uint16(n))) }
func le32(n int) string { return string(binary.LittleEndian.AppendUint32(nil, uint32(n))) }

func commented(picture []byte, comment string) []byte {
	return inserted(picture, segment(0xfe, comment))
}
