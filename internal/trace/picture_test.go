package trace

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/color/palette"
	"image/gif"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func pngPicture(t testing.TB, w, h int) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewRGBA(image.Rect(0, 0, w, h))); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func chunk(name, body string) string {
	sum := crc32.ChecksumIEEE([]byte(name + body))
	return be32(len(body)) + name + body + string(binary.BigEndian.AppendUint32(nil, sum))
}

func deflated(text string) string {
	var b bytes.Buffer
	z := zlib.NewWriter(&b)
	z.Write([]byte(text))
	z.Close()
	return b.String()
}

// tiffWith is a TIFF structure with one ASCII field.
func tiffWith(tag int, text string) string {
	text += "\x00"
	return "II*\x00" + le32(8) + le16(1) + le16(tag) + le16(2) + le32(len(text)) + le32(26) + le32(0) + text
}

func xmpWith(text string) string {
	return `<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>` +
		text + `</dc:title></rdf:Description></rdf:RDF></x:xmpmeta>`
}

func iccWith(text string) string {
	return be32(0) + "abcd" + strings.Repeat("\x00", 28) + "acsp" + strings.Repeat("\x00", 88) + be32(1) + "desc" + be32(144) + be32(12+len(text)+1) +
		"desc" + be32(0) + be32(len(text)+1) + text + "\x00"
}

func canaryPNG(t testing.TB) ([]byte, []string) {
	var tokens []string
	token := func(name string) string {
		tokens = append(tokens, "kanarejka-"+name)
		return "kanarejka-" + name
	}
	plain := pngPicture(t, 64, 48)
	head := chunk("iCCP", token("iccname")+"\x00\x00"+deflated(iccWith(token("icc")))) + chunk("tEXt", "Author\x00"+token("text")) +
		chunk("zTXt", "Comment\x00\x00"+deflated(token("ztxt"))) + chunk("iTXt", "XML:com.adobe.xmp\x00\x00\x00\x00\x00"+xmpWith(token("xmp"))) +
		chunk("iTXt", "Title\x00\x01\x00en\x00\x00"+deflated(token("itxt"))) + chunk("eXIf", tiffWith(0x13b, token("exif"))) +
		chunk("tIME", "\x07\xe8\x05\x01\x0c\x00\x00") + chunk("prVt", token("private")) + chunk("sPLT", token("palette")+"\x00\x08") +
		chunk("caBX", be32(8+len("kanarejka-c2pa"))+"json"+token("c2pa"))
	b := append([]byte{}, plain[:33]...)
	b = append(b, head...)
	tail := plain[33 : len(plain)-12]
	b = append(b, tail...)
	b = append(b, chunk("tEXt", "Software\x00"+token("late"))+chunk("IEND", "")...)
	old := chunk("IDAT", strings.Repeat("\x80\x03", 40)) + chunk("IEND", "")
	return append(b, old+token("trailer")...), tokens
}

func TestPNG(t *testing.T) {
	b, tokens := canaryPNG(t)
	s := read(t, b)
	wants(t, s, tokens...)
	wantKind(t, s, History, "earlier picture")
	wantKind(t, s, Person, "kanarejka-text")
	wantKind(t, s, Time, "2024:05:01 12:00:00")
	wantKind(t, s, Provenance, "kanarejka-c2pa")
	if bare := read(t, pngPicture(t, 4, 4)); bare.Tells() || len(bare.Gaps) > 0 {
		t.Errorf("a bare picture tells %+v", bare)
	}
	tagged := planted(t, "a.png", pngPicture(t, 20, 20), "-EXIF:Make=token-make", "-XMP:Creator=token-creator", "-PNG:Comment=token-comment", "-GPSLatitude=12.5", "-GPSLongitude=33.25", "-IPTC:City=token-city")
	wants(t, read(t, tagged), "token-make", "token-creator", "token-comment", "12.500000, 33.250000", "token-city")
}

func riff(chunks string) []byte { return []byte("RIFF" + le32(4+len(chunks)) + "WEBP" + chunks) }

func riffChunk(name, body string) string {
	return name + le32(len(body)) + body + strings.Repeat("\x00", len(body)%2)
}

func canaryWebP() ([]byte, []string) {
	b := riff(riffChunk("VP8X", "\x2c\x00\x00\x00\x3f\x00\x00\x2f\x00\x00") + riffChunk("ICCP", iccWith("kanarejka-icc")) + riffChunk("VP8L", "\x2f\x3f\xc0\x0b\x00") +
		riffChunk("EXIF", "Exif\x00\x00"+tiffWith(0x10f, "kanarejka-exif")) + riffChunk("XMP ", xmpWith("kanarejka-xmp")) + riffChunk("prvt", "kanarejka-private"))
	return append(b, "kanarejka-trailer"...), []string{"kanarejka-icc", "kanarejka-exif", "kanarejka-xmp", "kanarejka-private", "kanarejka-trailer"}
}

func TestWebP(t *testing.T) {
	b, tokens := canaryWebP()
	wants(t, read(t, b), tokens...)
}

func canaryGIF(t testing.TB) ([]byte, []string) {
	var b bytes.Buffer
	if err := gif.Encode(&b, image.NewPaletted(image.Rect(0, 0, 8, 8), palette.Plan9), nil); err != nil {
		t.Fatal(err)
	}
	sub := func(text string) string { return string(rune(len(text))) + text + "\x00" }
	ramp := "\x01"
	for i := 255; i >= 0; i-- {
		ramp += string([]byte{byte(i)})
	}
	xmp := "\x21\xff\x0bXMP DataXMP" + xmpWith("kanarejka-xmp") + ramp + "\x00"
	out := b.Bytes()[:b.Len()-1]
	out = append(out, "\x21\xfe"+sub("kanarejka-comment")+xmp+"\x21\xff\x0bPRIVATE1234"+sub("kanarejka-private")+"\x3b"+"kanarejka-trailer"...)
	return out, []string{"kanarejka-comment", "kanarejka-xmp", "kanarejka-private", "kanarejka-trailer", "PRIVATE1234"}
}

func TestGIF(t *testing.T) {
	b, tokens := canaryGIF(t)
	s := read(t, b)
	wants(t, s, tokens...)
	for _, g := range s.Gaps {
		if strings.HasPrefix(g.Where, "XMP") {
			t.Errorf("the ramp behind XMP is told as a gap: %+v", g)
		}
	}
}

// heifBox and the rest build a small HEIF file with the places of §HEIC.
func heifBox(kind, body string) string { return be32(8+len(body)) + kind + body }

func canaryHEIC() ([]byte, []string) {
	tokens := []string{"kanarejka-exif", "kanarejka-xmp", "kanarejka-free", "kanarejka-private", "kanarejka-uuid", "kanarejka-mdat", "kanarejka-name", "kanarejka-trailer", "urn:com:apple:photo:2020:aux:hdrgainmap"}
	exif, xmp := be32(6)+"Exif\x00\x00"+tiffWith(0x13b, "kanarejka-exif"), xmpWith("kanarejka-xmp")
	ftyp := heifBox("ftyp", "heic\x00\x00\x00\x00mif1heic")
	infe := func(id int, kind, name string) string {
		return heifBox("infe", "\x02\x00\x00\x00"+be16(id)+"\x00\x00"+kind+name+"\x00")
	}
	make := func(at int) string {
		loc := func(id, at, size int) string { return be16(id) + "\x00\x00" + be16(1) + be32(at) + be32(size) }
		iloc := heifBox("iloc", "\x00\x00\x00\x00\x44\x00"+be16(4)+loc(1, at, 32)+loc(2, at+32, len(exif))+loc(3, at+32+len(exif), len(xmp))+loc(4, at+32+len(exif)+len(xmp), 32))
		meta := heifBox("meta", "\x00\x00\x00\x00"+heifBox("pitm", "\x00\x00\x00\x00"+be16(1))+
			heifBox("iinf", "\x00\x00\x00\x00"+be16(4)+infe(1, "hvc1", "kanarejka-name")+infe(2, "Exif", "")+infe(3, "mime", "\x00application/rdf+xml")+infe(4, "hvc1", ""))+iloc+
			heifBox("iref", "\x00\x00\x00\x00"+heifBox("thmb", be16(4)+be16(1)+be16(1)))+
			heifBox("iprp", heifBox("ipco", heifBox("ispe", "\x00\x00\x00\x00"+be32(64)+be32(48))+heifBox("ispe", "\x00\x00\x00\x00"+be32(10)+be32(20))+heifBox("auxC", "\x00\x00\x00\x00urn:com:apple:photo:2020:aux:hdrgainmap\x00"))+
				heifBox("ipma", "\x00\x00\x00\x00"+be32(2)+be16(1)+"\x01\x81"+be16(4)+"\x01\x82")))
		return ftyp + meta
	}
	head := make(0)
	head = make(len(head) + 8)
	return []byte(head + heifBox("mdat", strings.Repeat("\x11", 32)+exif+xmp+strings.Repeat("\x22", 32)+"kanarejka-mdat-unreferenced") +
		heifBox("free", "kanarejka-free") + heifBox("prvt", "kanarejka-private") + heifBox("uuid", heifXMP+xmpWith("kanarejka-uuid")) + "\x00\x00\x00\x01kanarejka-trailer"), tokens
}

func TestHEIC(t *testing.T) {
	b, tokens := canaryHEIC()
	s := read(t, b)
	wants(t, s, tokens...)
	wantKind(t, s, Leftover, "kanarejka-mdat-unreferenced")
	if len(s.Previews) != 1 || !s.Previews[0].Differs || s.Previews[0].Width != 10 {
		t.Errorf("previews %+v", s.Previews)
	}
}

// TestHEICReal reads what Debian's encoder writes, with tags from exiftool.
func TestHEICReal(t *testing.T) {
	dir := t.TempDir()
	jpg := planted(t, "a.jpg", photo(t, 64, 64), "-EXIF:Make=token-make", "-GPSLatitude=42.5", "-GPSLatitudeRef=N", "-GPSLongitude=74.25", "-GPSLongitudeRef=E")
	if err := os.WriteFile(filepath.Join(dir, "a.jpg"), jpg, 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("heif-enc", "-o", filepath.Join(dir, "a.heic"), filepath.Join(dir, "a.jpg")).CombinedOutput(); err != nil {
		t.Fatalf("heif-enc: %v\n%s", err, out)
	}
	b, err := os.ReadFile(filepath.Join(dir, "a.heic"))
	if err != nil {
		t.Fatal(err)
	}
	s := read(t, planted(t, "a.heic", b, "-XMP:Creator=token-creator"))
	wants(t, s, "token-make", "42.500000, 74.250000", "token-creator")
}

func TestTIFF(t *testing.T) {
	b := []byte("II*\x00" + le32(8) + le16(3) + le16(0x100) + le16(3) + le32(1) + le32(1) + le16(0x101) + le16(3) + le32(1) + le32(1) +
		le16(0x10f) + le16(2) + le32(15) + le32(50) + le32(0) + "kanarejka-make\x00")
	s := read(t, b)
	wants(t, s, "kanarejka-make")
	// Many directories, in a circle.
	circle := []byte("II*\x00" + le32(8) + le16(0) + le32(8))
	if s := read(t, circle); len(s.Gaps) != 1 || s.Gaps[0].Why != "trace.gap.broken" {
		t.Errorf("a circle gave %+v", s)
	}
}

func TestMakerNotes(t *testing.T) {
	// A Canon note: a directory whose offsets count from the Exif part.
	canon := func(at int) string {
		return le16(3) + le16(7) + le16(2) + le32(17) + le32(at+42) + le16(9) + le16(2) + le32(15) + le32(at+42+17) + le16(0xc) + le16(4) + le32(1) + le32(123456789) + le32(0) +
			"kanarejka-firmwr\x00" + "kanarejka-owner\x00"
	}
	note := canon(8 + 2 + 24 + 4 + 6 + 2 + 12 + 4)
	b := "II*\x00" + le32(8) + le16(2) + le16(0x10f) + le16(2) + le32(6) + le32(38) + le16(0x8769) + le16(4) + le32(1) + le32(44) + le32(0) + "Canon\x00" +
		le16(1) + le16(0x927c) + le16(7) + le32(len(note)) + le32(62) + le32(0) + note
	s := read(t, []byte(b))
	wants(t, s, "kanarejka-firmwr", "123456789")
	wantKind(t, s, Person, "kanarejka-owner")
	wantKind(t, s, Serial, "123456789")
	// A note of nobody knows whom keeps its words and becomes a Gap.
	other := "II*\x00" + le32(8) + le16(1) + le16(0x927c) + le16(7) + le32(20) + le32(26) + le32(0) + "\x01\x02kanarejka-secret\x03\x04"
	s = read(t, []byte(other))
	wants(t, s, "kanarejka-secret")
	if len(s.Gaps) != 1 || s.Gaps[0].Why != "trace.gap.unknown" {
		t.Errorf("gaps %+v", s.Gaps)
	}
}

func fuzzWith(f *testing.F, magic string, seeds ...[]byte) {
	for _, seed := range seeds {
		f.Add(seed[min(len(magic), len(seed)):])
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		b = append([]byte(magic), b...)
		s, err := Read(bytes.NewReader(b), int64(len(b)))
		if err == nil && !s.Sane() {
			t.Fatal("the sheet is not sane")
		}
	})
}

func FuzzPNG(f *testing.F)  { b, _ := canaryPNG(f); fuzzWith(f, "\x89PNG\r\n\x1a\n", b) }
func FuzzWebP(f *testing.F) { b, _ := canaryWebP(); fuzzWith(f, "", b) }
func FuzzGIF(f *testing.F)  { b, _ := canaryGIF(f); fuzzWith(f, "GIF89a", b) }
func FuzzHEIC(f *testing.F) { b, _ := canaryHEIC(); fuzzWith(f, "\x00\x00\x00\x18ftypheic", b) }
func FuzzTIFF(f *testing.F) {
	fuzzWith(f, "II*\x00", []byte(tiffWith(0x13b, "x")), []byte(tiffWith(0x2bc, xmpWith("y"))), []byte(tiffWith(0x8649, "8BIM")))
}
