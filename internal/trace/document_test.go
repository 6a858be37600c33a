package trace

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"
	"testing"
	"time"
)

// pdfWith joins objects, each text one object from number 1 on.
func pdfWith(trailer string, objects ...string) []byte {
	var b strings.Builder
	b.WriteString("%PDF-1.7\n%\xe2\xe3\xcf\xd3\n")
	for i, o := range objects {
		fmt.Fprintf(&b, "%d 0 obj\n%s\nendobj\n", i+1, o)
	}
	b.WriteString("trailer\n" + trailer + "\nstartxref\n0\n%%EOF\n")
	return []byte(b.String())
}

func pdfStream(dict, body string) string {
	return fmt.Sprintf("<< %s /Length %d >>\nstream\n%s\nendstream", dict, len(body), body)
}

func canaryPDF(t testing.TB) ([]byte, []string) {
	var tokens []string
	token := func(name string) string {
		tokens = append(tokens, "kanarejka-"+name)
		return "kanarejka-" + name
	}
	wide := "FEFF"
	for _, c := range token("utf16") {
		wide += fmt.Sprintf("%04X", c)
	}
	packed := "10 0 11 40 << /Author (" + token("objstm") + ")>>"
	first := strings.Index(packed, "<<")
	jpg := string(commented(planted(t, "a.jpg", photo(t, 16, 16), "-EXIF:Artist="+token("imageexif")), token("imagecom")))
	b := pdfWith("<< /Root 1 0 R /Info 2 0 R /ID [<"+fmt.Sprintf("%x", token("id"))+"> <00>] >>",
		"<< /Type /Catalog /Metadata 3 0 R >>",
		"<< /Title (ka\\156arejka-title) /Author ("+token("author")+") /Producer ("+token("producer")+") /Keywords <"+wide+"> /CreationDate (D:20240501120000+06'00') >>",
		pdfStream("/Type /Metadata /Subtype /XML /Filter /FlateDecode", deflated(xmpWith(token("xmp")))),
		"<< /Type /Annot /Subtype /Text /T ("+token("annotauthor")+") /Contents ("+token("annot")+") /M (D:20240502) >>",
		pdfStream("/Type /EmbeddedFile", token("embedded")+" in a file"),
		pdfStream("/Subtype /Image /Width 16 /Height 16 /Filter /DCTDecode", jpg),
		"<< /PieceInfo << /App << /LastModified (D:2024) /Private << /Secret ("+token("piece")+") >> >> >> /Thumb 6 0 R >>",
		pdfStream(fmt.Sprintf("/Type /ObjStm /N 1 /First %d /Filter [/FlateDecode]", first), deflated(packed)),
		"<< /Type /Filespec /F ("+token("filename")+") >>",
		pdfStream("", "BT (only drawn) Tj ET"), "<< /Type /Page /Contents 10 0 R >>",
		pdfStream("", "BT ("+token("taken-out")+") Tj ET"))
	// A second revision replaces the author.
	b = append(b, "2 0 obj\n<< /Author (nobody) >>\nendobj\n%"+token("comment")+"\ntrailer\n<< /Prev 0 >>\nstartxref\n0\n%%EOF\n"+token("trailer")...)
	return b, append(tokens, "kanarejka-title")
}

func TestPDF(t *testing.T) {
	b, tokens := canaryPDF(t)
	s := read(t, b)
	for i, token := range tokens { // the ID stands in hex
		if token == "kanarejka-id" {
			tokens[i] = fmt.Sprintf("%X", token)
		}
	}
	wants(t, s, tokens...)
	wantKind(t, s, Person, "kanarejka-author")
	wantKind(t, s, Person, "kanarejka-annotauthor")
	revisions, offset, drawn := false, false, false
	for _, f := range s.Facts {
		revisions = revisions || f.Name == "Revisions" && f.Value == "2"
		offset = offset || f.Kind == Time && f.Zone == "offset"
		drawn = drawn || strings.Contains(f.Value, "only drawn")
	}
	if !revisions || !offset || drawn {
		t.Errorf("revisions %v, offset %v, drawn words %v", revisions, offset, drawn)
	}
	if len(s.Previews) != 1 || s.Previews[0].Width != 16 {
		t.Errorf("previews %+v", s.Previews)
	}
	locked := pdfWith("<< /Encrypt << /Filter /Standard /O (xxxxxxxxxxxxxxxx) >> /ID [<aa>] >>", "<< /Author (cipher) >>")
	s = read(t, locked)
	if len(s.Gaps) != 1 || s.Gaps[0].Why != "trace.gap.encrypted" {
		t.Errorf("gaps of a locked file: %+v", s.Gaps)
	}
	wants(t, s, "AA")
}

// TestPDFBeyondAWindow finds objects on the edge between two windows.
func TestPDFBeyondAWindow(t *testing.T) {
	for shift := range 12 {
		filler := pdfStream("", strings.Repeat("x", pdfWindow-90-shift))
		s := read(t, pdfWith("<<>>", filler, "<< /Author (kanarejka-edge) >>"))
		wants(t, s, "kanarejka-edge")
		n := 0
		for _, f := range s.Facts {
			if f.Value == "kanarejka-edge" {
				n++
			}
		}
		if n != 1 {
			t.Fatalf("told %d times at shift %d", n, shift)
		}
	}
}

// zipWith makes an archive of names and contents.
func zipWith(t testing.TB, comment string, files ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for i := 0; i+1 < len(files); i += 2 {
		f, err := w.CreateHeader(&zip.FileHeader{Name: files[i], Method: zip.Deflate, Modified: time.Date(2024, 5, 1, 12, 0, 0, 0, time.UTC), Comment: "kanarejka-entry",
			Extra: []byte("\x34\x12" + le16(len("kanarejka-extra")) + "kanarejka-extra")})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write([]byte(files[i+1])); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.SetComment(comment); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func canaryDOCX(t testing.TB) ([]byte, []string) {
	const ns = ` xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:cp="c" xmlns:dcterms="d" xmlns:w15="e"`
	var tokens []string
	token := func(name string) string {
		tokens = append(tokens, "kanarejka-"+name)
		return "kanarejka-" + name
	}
	b := zipWith(t, token("zipcomment"),
		"[Content_Types].xml", "<Types/>",
		"docProps/core.xml", "<cp:coreProperties"+ns+"><dc:creator>"+token("creator")+"</dc:creator><cp:lastModifiedBy>"+token("lastmod")+"</cp:lastModifiedBy><dcterms:created>2024-05-01T06:00:00Z</dcterms:created><dc:title>"+token("title")+"</dc:title></cp:coreProperties>",
		"docProps/app.xml", "<Properties><Company>"+token("company")+"</Company><Application>"+token("app")+"</Application></Properties>",
		"docProps/thumbnail.jpeg", string(commented(photo(t, 8, 8), token("thumb"))),
		"word/document.xml", "<w:document"+ns+`><w:body><w:p w:rsidR="00`+"KANAREJK"+`"><w:r><w:t>shown words</w:t></w:r><w:ins w:author="`+token("insauthor")+`" w:date="2024-05-01T12:00:00Z"><w:r><w:t>`+token("inserted")+`</w:t></w:r></w:ins><w:del w:author="`+token("delauthor")+`"><w:r><w:delText>`+token("deleted")+
			`</w:delText></w:r></w:del><w:r><w:rPr><w:vanish/></w:rPr><w:t>`+token("hidden")+`</w:t></w:r><w:r><w:t>more shown</w:t></w:r></w:p></w:body></w:document>`,
		"word/comments.xml", "<w:comments"+ns+`><w:comment w:author="`+token("commenter")+`" w:initials="`+token("initials")+`"><w:p><w:r><w:t>`+token("comment")+"</w:t></w:r></w:p></w:comment></w:comments>",
		"word/settings.xml", "<w:settings"+ns+`><w:docVars><w:docVar w:name="x" w:val="`+token("docvar")+`"/></w:docVars><w:rsids><w:rsid w:val="`+token("rsid")+`"/></w:rsids></w:settings>`,
		"word/people.xml", "<w15:people"+ns+`><w15:person w15:author="`+token("people")+`"><w15:presenceInfo w15:userId="`+token("user")+`"/></w15:person></w15:people>`,
		"word/_rels/document.xml.rels", `<Relationships><Relationship Target="file:///C:/`+token("template")+`" TargetMode="External"/></Relationships>`,
		"customXml/item1.xml", `<root a="`+token("customattr")+`">`+token("customtext")+"</root>",
		"word/media/image1.jpeg", string(commented(planted(t, "a.jpg", photo(t, 16, 16), "-EXIF:Artist="+token("imageexif")), token("imagecom"))))
	return b, append(tokens, "kanarejka-entry", "kanarejka-extra", "KANAREJK")
}

func TestDOCX(t *testing.T) {
	b, tokens := canaryDOCX(t)
	s := read(t, b)
	if s.Format != "docx" {
		t.Errorf("format %q", s.Format)
	}
	wants(t, s, tokens...)
	for kind, token := range map[Kind]string{Person: "kanarejka-delauthor", History: "kanarejka-deleted", Serial: "kanarejka-rsid", Text: "kanarejka-hidden"} {
		wantKind(t, s, kind, token)
	}
	for _, f := range s.Facts {
		if strings.Contains(f.Value, "shown") {
			t.Errorf("the document's own words are told: %+v", f)
		}
		if f.Kind == Time && strings.HasPrefix(f.Where, "word/") && f.Zone != "local" {
			t.Errorf("Word's time is believed: %+v", f)
		}
	}
	if len(s.Previews) != 1 {
		t.Errorf("previews %+v", s.Previews)
	}
}

func TestODT(t *testing.T) {
	const ns = ` xmlns:office="o" xmlns:text="t" xmlns:dc="dc" xmlns:meta="m" xmlns:style="s" xmlns:config="c"`
	b := zipWith(t, "", "mimetype", "application/vnd.oasis.opendocument.text",
		"meta.xml", "<office:document-meta"+ns+"><meta:initial-creator>token-initial</meta:initial-creator><dc:creator>token-creator</dc:creator><dc:date>2024-05-01T12:00:00</dc:date><meta:generator>token-generator</meta:generator></office:document-meta>",
		"content.xml", "<office:document-content"+ns+`><style:style style:name="H"><style:text-properties text:display="none"/></style:style><text:tracked-changes><text:deletion><office:change-info><dc:creator>token-deleter</dc:creator></office:change-info><text:p>token-deleted</text:p></text:deletion></text:tracked-changes><text:p>shown<office:annotation><dc:creator>token-commenter</dc:creator><text:p>token-comment</text:p></office:annotation><text:span text:style-name="H">token-hidden</text:span></text:p></office:document-content>`,
		"settings.xml", "<office:document-settings"+ns+`><config:config-item config:name="PrinterName">token-printer</config:config-item></office:document-settings>`,
		"Thumbnails/thumbnail.png", string(pngPicture(t, 4, 4)))
	s := read(t, b)
	if s.Format != "odt" || len(s.Previews) != 1 {
		t.Errorf("format %q, previews %+v", s.Format, s.Previews)
	}
	wants(t, s, "token-initial", "token-creator", "token-generator", "token-deleter", "token-deleted", "token-commenter", "token-comment", "token-hidden", "token-printer", "2024-05-01T12:00:00")
	for _, f := range s.Facts {
		if strings.Contains(f.Value, "shown") {
			t.Errorf("the document's own words are told: %+v", f)
		}
	}
}

// TestUnpackedTogether: many parts share one bound.
func TestUnpackedTogether(t *testing.T) {
	src := &source{work: &work{unpacked: maxUnpacked - 10}}
	if !src.mayUnpack(10) || src.part(0, 0).mayUnpack(1) || src.unpacked(nil).mayUnpack(1) {
		t.Error("the bound is not shared")
	}
}

// TestZipBomb: a part that unpacks to much more than it should is cut.
func TestZipBomb(t *testing.T) {
	files := []string{}
	for i := range 2 {
		files = append(files, fmt.Sprintf("word/part%d.xml", i), "<x>"+strings.Repeat(" ", maxPart+100)+"</x>")
	}
	s := read(t, zipWith(t, "", files...))
	large := 0
	for _, g := range s.Gaps {
		if g.Why == "trace.gap.too_large" {
			large++
		}
	}
	if large != 2 {
		t.Errorf("%d parts are named as too large, want 2", large)
	}
}

func TestProofMode(t *testing.T) {
	csv := "Data,File Hash SHA256,Proof Generated\nkanarejka-hash,kanarejka-device\n"
	wantKind(t, read(t, []byte(csv)), Provenance, "kanarejka-device")
	s := read(t, zipWith(t, "", "abcd.proof.csv", csv, "abcd.asc", "-----BEGIN PGP", "pubkey.asc", "-----BEGIN PGP"))
	wantKind(t, s, Provenance, "abcd.proof.csv")
	wantKind(t, s, Provenance, "kanarejka-device")
	wantKind(t, s, Provenance, "pubkey.asc")
}

func TestText(t *testing.T) {
	s := read(t, []byte("\xef\xbb\xbf# -*- mode: org; author: kanarejka -*-\r\nwords\u200b\u202e\n"))
	wants(t, s, "kanarejka", "UTF-8", "U+200B", "U+202E", "CRLF")
	if s := read(t, []byte("only words\n")); s.Tells() || len(s.Gaps) > 0 {
		t.Errorf("plain words tell %+v", s)
	}
	read(t, []byte("\xff\xfeh\x00i\x00"))
}

const canaryRTF = `{\rtf1\ansi{\info{\title kanarejka-title}{\author kanarejka-author \u1046?}{\operator kanarejka-operator}{\creatim\yr2024\mo5\dy1\hr12\min0}{\company kanarejka-company}}{\*\generator kanarejka-generator;}{\*\revtbl{Unknown;}{kanarejka-reviser;}}{\*\rsidtbl \rsid123456}shown words{\*\atnauthor kanarejka-commenter}{\*\annotation kanarejka-comment}}kanarejka-trailer`

func TestRTF(t *testing.T) {
	s := read(t, []byte(canaryRTF))
	wants(t, s, "kanarejka-title", "kanarejka-author Ж", "kanarejka-operator", "yr2024 mo5 dy1 hr12 min0", "kanarejka-company", "kanarejka-generator",
		"kanarejka-reviser", "rsid123456", "kanarejka-commenter", "kanarejka-comment", "kanarejka-trailer")
	for _, f := range s.Facts {
		if strings.Contains(f.Value, "shown words") {
			t.Errorf("the document's own words are told: %+v", f)
		}
	}
}

func canaryOLE() []byte {
	author := le32(0x1e) + le32(17) + "kanarejka-author\x00" + "\x00\x00\x00"
	when := le32(0x40) + string(binary.LittleEndian.AppendUint64(nil, uint64((1714543200+11_644_473_600)*10_000_000)))
	section := le32(8+16+len(author)+len(when)) + le32(2) + le32(4) + le32(24) + le32(12) + le32(24+len(author)) + author + when
	set := "\xfe\xff\x00\x00" + strings.Repeat("\x00", 20) + le32(1) + "\xe0\x85\x9f\xf2\xf9\x4f\x68\x10\xab\x91\x08\x00\x2b\x27\xb3\xd9" + le32(48) + section
	return []byte("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + strings.Repeat("\x00", 504) + set + strings.Repeat("\x00", 100))
}

func TestOLE(t *testing.T) {
	s := read(t, canaryOLE())
	wantKind(t, s, Person, "kanarejka-author")
	wantKind(t, s, Time, "2024-05-01 06:00:00")
	if len(s.Gaps) != 1 || s.Gaps[0].Why != "trace.gap.unknown" {
		t.Errorf("gaps %+v", s.Gaps)
	}
}

func FuzzPDF(f *testing.F) { b, _ := canaryPDF(f); fuzzWith(f, "%PDF-", b) }
func FuzzZip(f *testing.F) { b, _ := canaryDOCX(f); fuzzWith(f, "PK\x03\x04", b) }
func FuzzRTF(f *testing.F) { fuzzWith(f, "{\\rtf", []byte(canaryRTF)) }
func FuzzOLE(f *testing.F) { fuzzWith(f, "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", canaryOLE()) }

// FuzzOffice reads XML parts, which a zip's check sums would shield.
func FuzzOffice(f *testing.F) {
	f.Add([]byte(`<w:document xmlns:w="w"><w:del w:author="a"><w:delText>b</w:delText></w:del></w:document>`))
	f.Add([]byte(xmpWith("x")))
	f.Fuzz(func(t *testing.T, b []byte) {
		var s Sheet
		src := &source{in: bytes.NewReader(b), size: int64(len(b)), work: new(work)}
		o := &office{src: src, sheet: &s, seen: make(map[string]bool)}
		if err := o.part("word/comments.xml", b); err != nil {
			t.Fatal(err)
		}
		if err := readXMP(src, &s, "XMP", b); err != nil {
			t.Fatal(err)
		}
		if s.Format = "zip"; !s.Sane() {
			t.Fatal("the sheet is not sane")
		}
	})
}
