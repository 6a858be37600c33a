package trace

import (
	"bytes"
	"crypto/md5"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestJPEGTags plants tags with exiftool and looks for each.
func TestJPEGTags(t *testing.T) {
	thumb := filepath.Join(t.TempDir(), "thumb.jpg")
	if err := os.WriteFile(thumb, commented(photo(t, 40, 40), "token-thumbnail-comment"), 0o600); err != nil {
		t.Fatal(err)
	}
	b := planted(t, "a.jpg", photo(t, 64, 48), "-EXIF:Make=token-make", "-EXIF:Model=token-model", "-EXIF:Artist=token-artist",
		"-EXIF:SerialNumber=token-serial", "-EXIF:LensSerialNumber=token-lens", "-EXIF:ImageUniqueID=token-unique",
		"-EXIF:UserComment=token-usercomment", "-EXIF:XPAuthor=token-xpauthor", "-EXIF:OwnerName=token-owner", "-EXIF:Software=token-software",
		"-EXIF:GPSProcessingMethod=token-gpsmethod", "-EXIF:GPSLatitude=42.874621", "-EXIF:GPSLatitudeRef=N", "-EXIF:GPSLongitude=74.569762",
		"-EXIF:GPSLongitudeRef=W", "-EXIF:GPSAltitude=760", "-EXIF:GPSSpeed=36", "-EXIF:GPSSpeedRef=K", "-EXIF:GPSDateStamp=2024:05:01", "-EXIF:GPSTimeStamp=06:07:08",
		"-EXIF:DateTimeOriginal=2024:05:01 12:07:08", "-EXIF:OffsetTimeOriginal=+06:00", "-EXIF:ModifyDate=2024:05:02 01:02:03",
		"-ThumbnailImage<="+thumb, "-XMP:Creator=token-xmpcreator", "-XMP:CreatorTool=token-tool", "-XMP:DocumentID=token-document",
		"-XMP:InstanceID=token-instance", "-XMP:HistoryAction=token-action", "-XMP:HistorySoftwareAgent=token-agent",
		"-IPTC:By-line=token-byline", "-IPTC:City=token-city", "-IPTC:Keywords=token-keyword", "-IPTC:Caption-Abstract=token-caption", "-Comment=token-comment")
	s := read(t, b)
	wants(t, s, "token-make", "token-model", "token-artist", "token-serial", "token-lens", "token-unique", "token-usercomment", "token-xpauthor",
		"token-owner", "token-software", "token-gpsmethod", "token-thumbnail-comment", "token-xmpcreator", "token-tool", "token-document",
		"token-instance", "token-action", "token-agent", "token-byline", "token-city", "token-keyword", "token-caption", "token-comment", "42.874621, -74.569762")
	for kind, token := range map[Kind]string{Device: "token-model", Serial: "token-serial", Person: "token-byline", Software: "token-tool",
		History: "token-action", Place: "token-city", Text: "token-comment"} {
		wantKind(t, s, kind, token)
	}
	zones := make(map[string]string)
	for _, f := range s.Facts {
		if f.Kind == Time {
			zones[f.Name+" "+f.Value] = f.Zone
		}
	}
	for want, zone := range map[string]string{"DateTimeOriginal 2024:05:01 12:07:08+06:00": "offset", "ModifyDate 2024:05:02 01:02:03": "local",
		"GPSTimeStamp 2024:05:01 06:07:08": "utc"} {
		if got, ok := zones[want]; !ok || got != zone {
			t.Errorf("%s has the zone %q, want %q (%v)", want, got, zone, zones)
		}
	}
	if len(s.Track) != 1 || s.Track[0].Altitude != 760 || s.Track[0].Speed < 9.99 || s.Track[0].Speed > 10.01 || s.Track[0].At != -1 ||
		s.Track[0].Time != "2024:05:01 06:07:08Z" {
		t.Errorf("track %+v", s.Track)
	}
	if len(s.Previews) != 1 || !s.Previews[0].Differs || s.Previews[0].Width != 40 || !bytes.HasPrefix(b[s.Previews[0].Start:], []byte("\xff\xd8\xff")) {
		t.Errorf("previews %+v", s.Previews)
	}
}

// canaryJPEG has a token in every place of a JPEG file that is known.
func canaryJPEG(t testing.TB) ([]byte, []string) {
	main := photo(t, 64, 48)
	var tokens []string
	token := func(name string) string {
		tokens = append(tokens, "kanarejka-"+name)
		return "kanarejka-" + name
	}
	xmp := func(name, more string) string {
		return `<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description xmlns:dc="http://purl.org/dc/elements/1.1/" dc:title="` +
			token(name) + `">` + more + `</rdf:Description></rdf:RDF></x:xmpmeta>`
	}
	ext := xmp("extended", strings.Repeat(" ", 500))
	guid := fmt.Sprintf("%X", md5.Sum([]byte(ext)))
	extended := func(from, to int) []byte {
		return segment(0xe1, "http://ns.adobe.com/xmp/extension/\x00"+guid+be32(len(ext))+be32(from)+ext[from:to])
	}
	desc := token("icc")
	icc := be32(0) + "abcd" + strings.Repeat("\x00", 28) + "acsp" + strings.Repeat("\x00", 88) + be32(1) + "desc" + be32(144) + be32(12+len(desc)+1) + "desc" + be32(0) + be32(len(desc)+1) + desc + "\x00"
	thumb := func(name string) string { return string(commented(photo(t, 8, 8), token(name))) }
	claim := "\xa1\x6fclaim_generator" + "\x78" + string(rune(len("kanarejka-c2pa"))) + token("c2pa")
	box := func(kind, body string) string { return be32(8+len(body)) + kind + body }
	jumb := box("jumb", box("jumd", "c2cl\x00\x11\x00\x10\x80\x00\x00\xaa\x00\x38\x9b\x71\x03c2pa.claim\x00")+box("cbor", claim))
	half := len(jumb) / 2
	iptc := func(set int, v string) string { return "\x1c\x02" + string(rune(set)) + be16(len(v)) + v }
	bim := func(id int, v string) string {
		return "8BIM" + be16(id) + "\x00\x00" + be32(len(v)) + v + strings.Repeat("\x00", len(v)%2)
	}
	mpfFor := func(offset, size int) []byte { // one image besides the first
		return segment(0xe2, "MPF\x00II*\x00"+le32(8)+le16(1)+le16(0xb002)+le16(7)+le32(32)+le32(26)+le32(0)+
			strings.Repeat("\x00", 16)+le32(0)+le32(size)+le32(offset)+le32(0))
	}
	segments := [][]byte{
		segment(0xe0, "JFXX\x00\x10"+thumb("jfxx")),
		segment(0xe1, "http://ns.adobe.com/xap/1.0/\x00"+xmp("xmp", `<a:note xmlns:a="http://ns.adobe.com/xmp/note/" a:HasExtendedXMP="`+guid+`"/>`)),
		extended(0, 300), extended(300, len(ext)),
		segment(0xe2, "ICC_PROFILE\x00\x01\x02"+icc[:100]), segment(0xe2, "ICC_PROFILE\x00\x02\x02"+icc[100:]),
		segment(0xe2, "FPXR\x00\x01"+token("fpxr")), segment(0xe3, token("app3")), segment(0xe5, token("app5")), segment(0xe7, token("app7")),
		segment(0xeb, "JP\x00\x01"+be32(1)+jumb[:half]), segment(0xeb, "JP\x00\x01"+be32(2)+jumb[:8]+jumb[half:]),
		segment(0xec, "Ducky\x00\x01\x00\x04\x00\x00\x00\x3c\x00\x02\x00\x20"+token("ducky")),
		segment(0xed, "Photoshop 3.0\x00"+bim(0x404, iptc(80, token("iptc")))+bim(0x40c, strings.Repeat("\x00", 28)+thumb("psthumb"))+bim(0x1234, token("8bim"))),
		segment(0xee, "Adobe\x00\x64\x00\x00\x00\x00\x00"+token("adobetail")), segment(0xef, token("app15")),
		segment(0xf3, token("jpg3")), segment(0xfe, token("com")),
	}
	second := commented(photo(t, 30, 60), token("second"))
	other := commented(photo(t, 64, 48), token("aftereoi"))
	// The index holds offsets from its own head, so it is made twice.
	probe := inserted(main, append([][]byte{mpfFor(0, len(second))}, segments...)...)
	b := inserted(main, append([][]byte{mpfFor(len(probe)-10, len(second))}, segments...)...)
	b = append(b, second...)
	b = append(b, other...)
	b = append(b, token("junk")...)
	sefData := le16(0) + le16(0x0a01) + le32(14) + "Image_UTC_Data" + token("sefutc")
	sefMCC := le16(0) + le16(0x0a01) + le32(8) + "MCC_Data" + token("mcc")
	dir := "SEFH" + le32(106) + le32(2) + le16(0) + le16(0x0a01) + le32(len(sefData)+len(sefMCC)) + le32(len(sefData)) + le16(0) + le16(0x0a01) + le32(len(sefMCC)) + le32(len(sefMCC))
	return append(b, sefData+sefMCC+dir+le32(len(dir))+"SEFT"...), tokens
}

func TestJPEGCanaries(t *testing.T) {
	b, tokens := canaryJPEG(t)
	s := read(t, b)
	wants(t, s, tokens...)
	wantKind(t, s, Provenance, "kanarejka-c2pa")
	wantKind(t, s, Time, "kanarejka-sefutc")
	wantKind(t, s, Place, "kanarejka-mcc")
	wantKind(t, s, Leftover, "kanarejka-junk")
	differ := 0
	for _, p := range s.Previews {
		if p.Differs && p.Width == 30 && bytes.HasPrefix(b[p.Start:], []byte("\xff\xd8\xff")) {
			differ++
		}
	}
	if differ != 1 {
		t.Errorf("the second picture is named %d times: %+v", differ, s.Previews)
	}
}

func FuzzJPEG(f *testing.F) {
	b, _ := canaryJPEG(f)
	f.Add(b[3:])
	f.Add(photo(f, 8, 8)[3:])
	f.Add(planted(f, "a.jpg", photo(f, 16, 16), "-EXIF:Artist=x", "-GPSLatitude=1", "-GPSLongitude=2", "-XMP:Title=y", "-IPTC:City=z")[3:])
	f.Fuzz(func(t *testing.T, b []byte) { read(t, append([]byte("\xff\xd8\xff"), b...)) })
}
