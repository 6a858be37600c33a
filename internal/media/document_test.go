package media

import (
	"archive/zip"
	"bytes"
	"compress/zlib"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/jpeg"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func renderDocument(t testing.TB, doc []byte, plan Plan) map[string]Rendition {
	t.Helper()
	made, err := runner(t).Document(context.Background(), bytes.NewReader(doc), plan, t.TempDir(), nil)
	if err != nil {
		t.Fatal(err)
	}
	return byRung(made)
}

func zipOf(t testing.TB, names []string, bodies map[string]string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, name := range names {
		w, err := z.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Deflate})
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprint(w, bodies[name])
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func docx(t testing.TB, body string) []byte {
	return zipOf(t, []string{"[Content_Types].xml", "_rels/.rels", "word/_rels/document.xml.rels", "word/document.xml", "word/comments.xml"}, map[string]string{
		"[Content_Types].xml": `<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="xml" ContentType="application/xml"/><Override PartName="/word/document.xml" ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/><Override PartName="/word/comments.xml" ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.comments+xml"/></Types>`,
		"_rels/.rels":         `<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="r1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="word/document.xml"/></Relationships>`,
		"word/_rels/document.xml.rels": `<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="r2" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/comments" Target="comments.xml"/>` +
			`<Relationship Id="r3" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/image" Target="http://192.0.2.1/a.png" TargetMode="External"/></Relationships>`,
		"word/comments.xml": `<w:comments xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:comment w:id="1" w:author="kanarejka"><w:p><w:r><w:t>kanarejka comment</w:t></w:r></w:p></w:comment></w:comments>`,
		"word/document.xml": `<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body>` + body + `<w:sectPr><w:pgSz w:w="11906" w:h="16838"/></w:sectPr></w:body></w:document>`,
	})
}

func odt(t testing.TB, text string) []byte {
	head := `<office:document-content xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:style="urn:oasis:names:tc:opendocument:xmlns:style:1.0" xmlns:fo="urn:oasis:names:tc:opendocument:xmlns:xsl-fo-compatible:1.0" xmlns:draw="urn:oasis:names:tc:opendocument:xmlns:drawing:1.0" xmlns:svg="urn:oasis:names:tc:opendocument:xmlns:svg-compatible:1.0" xmlns:xlink="http://www.w3.org/1999/xlink" office:version="1.2">` +
		`<office:automatic-styles><style:style style:name="next" style:family="paragraph"><style:paragraph-properties fo:break-before="page"/></style:style></office:automatic-styles><office:body><office:text>`
	return zipOf(t, []string{"mimetype", "META-INF/manifest.xml", "content.xml"}, map[string]string{
		"mimetype":              "application/vnd.oasis.opendocument.text",
		"META-INF/manifest.xml": `<manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"><manifest:file-entry manifest:full-path="/" manifest:media-type="application/vnd.oasis.opendocument.text"/><manifest:file-entry manifest:full-path="content.xml" manifest:media-type="text/xml"/></manifest:manifest>`,
		"content.xml":           head + text + `</office:text></office:body></office:document-content>`,
	})
}

// TestOfficeHides gives documents of four pages: on the first something was
// deleted, hidden or commented, on the second it never was; on the third is what
// a program fills in anew with the day and the moment whenever it opens a
// document, on the fourth it never was. Filled in, it would be another page than
// the one that was marked, and push what comes behind it out from under its
// cover. Each pair is the same to the byte, and there is no fifth. One document
// holds all, since most of what this costs is the start of LibreOffice.
func TestOfficeHides(t *testing.T) {
	t.Parallel()
	seen := `<w:r><w:t xml:space="preserve">What is seen. </w:t></w:r>`
	info := `<office:change-info><dc:creator>kanarejka</dc:creator><dc:date>2026-01-01T00:00:00</dc:date></office:change-info>`
	field := func(what string) string {
		return `<w:r><w:fldChar w:fldCharType="begin"/></w:r><w:r><w:instrText xml:space="preserve"> ` + what + ` \@ "HH:mm:ss" </w:instrText></w:r><w:r><w:fldChar w:fldCharType="separate"/></w:r><w:r><w:t>10:00</w:t></w:r><w:r><w:fldChar w:fldCharType="end"/></w:r>`
	}
	first, last := `<w:r><w:t xml:space="preserve">It was (</w:t></w:r>`, `<w:r><w:t xml:space="preserve">) when Aigul came.</w:t></w:r>`
	next := `<w:p><w:pPr><w:pageBreakBefore/></w:pPr>`
	for name, doc := range map[string][]byte{
		"docx": docx(t, `<w:p>`+seen+`<w:ins w:id="1" w:author="kanarejka" w:date="2026-01-01T00:00:00Z"><w:r><w:t>Added.</w:t></w:r></w:ins>`+
			`<w:del w:id="2" w:author="kanarejka" w:date="2026-01-01T00:00:00Z"><w:r><w:delText>Deleted kanarejka</w:delText></w:r></w:del>`+
			`<w:r><w:rPr><w:vanish/></w:rPr><w:t>Hidden kanarejka</w:t></w:r><w:commentRangeStart w:id="1"/><w:commentRangeEnd w:id="1"/><w:r><w:commentReference w:id="1"/></w:r></w:p>`+
			next+seen+`<w:r><w:t>Added.</w:t></w:r></w:p>`+
			next+first+field("TIME")+field("DATE")+field("SAVEDATE")+last+`</w:p>`+next+first+last+`</w:p>`),
		"odt": odt(t, `<text:tracked-changes><text:changed-region text:id="c1"><text:deletion>`+info+`<text:p>Deleted kanarejka</text:p></text:deletion></text:changed-region></text:tracked-changes>`+
			`<text:p>What is seen. <text:change text:change-id="c1"/><office:annotation><dc:creator>kanarejka</dc:creator><text:p>note kanarejka</text:p></office:annotation>Added.</text:p>`+
			`<text:p text:style-name="next">What is seen. Added.</text:p>`+
			`<text:p text:style-name="next">It was (<text:date>today</text:date><text:time>now</text:time><text:modification-date>then</text:modification-date><text:modification-time>then</text:modification-time>) when Aigul came.</text:p>`+
			`<text:p text:style-name="next">It was () when Aigul came.</text:p>`),
		"rtf": []byte(`{\rtf1\ansi{\*\revtbl{Unknown;}{kanarejka;}}What is seen. {\revised\revauth1 Added.}{\deleted\revauthdel1 Deleted kanarejka}{\v Hidden kanarejka}\par` +
			`\pard\pagebb What is seen. Added.\par` +
			`\pard\pagebb It was ({\field{\*\fldinst TIME}{\fldrslt 10:00}}) when Aigul came.\par\pard\pagebb It was () when Aigul came.\par}`),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			made := renderDocument(t, doc, Plan{})
			if len(made) != 10 {
				t.Fatalf("made %d pictures, want those of four pages", len(made))
			}
			page := func(n int) []byte {
				b, err := os.ReadFile(made[fmt.Sprintf("page-%d-jpeg", n)].Path)
				if err != nil {
					t.Fatal(err)
				}
				return b
			}
			if !bytes.Equal(page(1), page(2)) {
				t.Error("what was deleted, hidden or commented changes the page")
			}
			if !bytes.Equal(page(3), page(4)) {
				t.Error("what is filled in changes the page")
			}
			for _, rung := range []string{"page-1-jpeg", "page-4-jpeg"} {
				if dark(picture(t, made[rung])) < 200 {
					t.Errorf("%s is empty", rung)
				}
			}
		})
	}
}

// dark counts pixels of ink.
func dark(img image.Image) (n int) {
	b := img.Bounds()
	for y := b.Min.Y; y < b.Max.Y; y++ {
		for x := b.Min.X; x < b.Max.X; x++ {
			if r, _, _, _ := img.At(x, y).RGBA(); r>>8 < 128 {
				n++
			}
		}
	}
	return n
}

// TestTextIsDrawn wants every letter of the seven languages to be drawn: one
// that the font lacks would look like any other that it lacks. They stand in an
// SVG, which is read as words: drawn, it would be a black page.
func TestTextIsDrawn(t *testing.T) {
	t.Parallel()
	letters := "ӘәҒғҚқҢңӨөҰұҮүҺһІі Ҷҷ Ӣӣ Ӯӯ Ҳҳ Žž Ňň Şş Çç Ýý Oʻoʻ Ёё"
	made := renderDocument(t, []byte(`<svg xmlns="http://www.w3.org/2000/svg" width="595" height="842"><rect width="595" height="842"/></svg>`+
		"\n"+letters+"\nОни забрали нас с площади.\n"), Plan{})
	if ink := dark(picture(t, made["page-1-jpeg"])); len(made) != 4 || ink < 1000 || ink > 200_000 {
		t.Errorf("made %d pictures, %d pixels of ink", len(made), ink)
	}
	// A text of Windows says by a mark in which form it is written.
	for _, marked := range []string{"\xff\xfe\xd8\x04\n\x00", "\xfe\xff\x04\xd8\x00\n", "\xef\xbb\xbfӘ\n", "Ә\n"} {
		if b, err := io.ReadAll(asUTF8(strings.NewReader(marked))); err != nil || string(b) != "Ә\n" {
			t.Errorf("%q is read as %q, %v", marked, b, err)
		}
	}
	for letter := range strings.SplitSeq("Ә Ғ Қ Ң Ө Ұ Ү Һ Ҷ Ӣ Ӯ Ҳ", " ") {
		code := fmt.Sprintf(":charset=%x", []rune(letter)[0])
		if run(t, "fc-list", code, "family") == "" {
			t.Errorf("no font of this machine has %s", letter)
		}
	}
}

// TestPDF renders pages with covers, and nothing of what lies under a box or in
// the file beside its pages.
func TestPDF(t *testing.T) {
	page := func(text string) string {
		c := "BT /F 30 Tf 60 700 Td (" + text + ") Tj ET 0 0 0 rg 50 690 400 40 re f BT /F 30 Tf 60 300 Td (Shown) Tj ET"
		return fmt.Sprintf("<</Length %d>>stream\n%s\nendstream", len(c), c)
	}
	doc := append(pdfOf(page(canary), "[0 0 595 842]", page("other"), page("third")), "\n% "+canary+"\n"...)
	box := image.Rect(100, 1000, 500, 1100)
	sizes, err := runner(t).Pages(context.Background(), bytes.NewReader(doc))
	if err != nil {
		t.Fatal(err)
	}
	upright, other := sizes[0], slices.Clone(sizes)
	other[2].Picture = strings.Repeat("0", 64)
	plan := Plan{Pages: sizes, Shapes: []Shape{{Page: 2, Box: box}}}
	made := renderDocument(t, doc, plan)
	if len(made) != 8 {
		t.Fatalf("made %d pictures of 3 pages", len(made))
	}
	for rung, r := range made {
		if r.Poster {
			continue
		}
		if r.Height != PageSide || r.Width != 1140 {
			t.Errorf("%s is %d × %d", rung, r.Width, r.Height)
		}
		b, err := os.ReadFile(r.Path)
		if err != nil {
			t.Fatal(err)
		}
		if found := carries(b, canary, "Helvetica", "poppler"); found != "" {
			t.Errorf("%s carries %s", rung, found)
		}
		covered := dark(picture(t, r).(interface {
			SubImage(image.Rectangle) image.Image
		}).SubImage(box.Inset(2)))
		if whole := box.Inset(2).Dx() * box.Inset(2).Dy(); strings.HasPrefix(rung, "page-2-") != (covered == whole) {
			t.Errorf("%s: %d of %d covered", rung, covered, whole)
		}
	}
	// The words under the black box are not there: two texts, one picture.
	first, _ := os.ReadFile(made["page-1-jpeg"].Path)
	third, _ := os.ReadFile(made["page-3-jpeg"].Path)
	if !bytes.Equal(first, third) {
		t.Error("what lies under a black box shows through")
	}
	for _, tt := range []struct {
		plan Plan
		want string
	}{
		{Plan{Pages: sizes, Shapes: []Shape{{Page: 4, Box: box}}}, "media.plan"},
		{Plan{Pages: sizes, Shapes: []Shape{{Box: box}}}, "media.plan"},
		{Plan{Covered: true}, "media.plan"},
		{Plan{Pages: sizes[:2]}, "media.plan_of_another"},
		{Plan{Pages: []Page{upright, upright, {image.Pt(1600, 1140), upright.Picture}}}, "media.plan_of_another"},
		{Plan{Pages: []Page{upright, upright, {Size: upright.Size}}}, "media.plan"},
		{Plan{Pages: other}, "media.page_changed"},
	} {
		_, err := runner(t).Document(context.Background(), bytes.NewReader(doc), tt.plan, t.TempDir(), nil)
		wantFault(t, err, tt.want)
	}
}

// TestPagesAsShown: a page that the file has turned is shown as a reader shows it,
// to its corners, and of one that was cropped nothing is that a reader hides.
func TestPagesAsShown(t *testing.T) {
	t.Parallel()
	doc := pdfOfSizes([2]string{"[0 0 595 842]/Rotate 90", "0 0 60 90 re f 555 812 40 30 re f"},
		[2]string{"[0 0 595 842]/Rotate 270", "0 0 60 90 re f 555 812 40 30 re f"},
		[2]string{"[0 0 595 842]/CropBox[100 100 400 500]", "0 0 595 100 re f 0 500 595 342 re f 0 0 100 842 re f 400 0 195 842 re f"})
	for page, want := range [][4]bool{{true, false, false, true}, {true, false, false, true}, {}} { // corners: top, bottom; left, right
		v, err := runner(t).View(context.Background(), bytes.NewReader(doc), page+1)
		if err != nil {
			t.Fatalf("page %d: %v", page+1, err)
		}
		img, err := jpeg.Decode(bytes.NewReader(v.JPEG))
		if err != nil {
			t.Fatal(err)
		}
		if size := (image.Point{v.Width, v.Height}); page < 2 && size != (image.Point{1600, 1140}) || page == 2 && size != (image.Point{1200, 1600}) {
			t.Errorf("page %d is %v", page+1, size)
		}
		dark := func(x, y int) bool { r, _, _, _ := img.At(x, y).RGBA(); return r>>8 < 128 }
		right, bottom := v.Width-6, v.Height-6
		if got := [4]bool{dark(5, 5), dark(right, 5), dark(5, bottom), dark(right, bottom)}; got != want {
			t.Errorf("page %d: corners %v, want %v", page+1, got, want)
		}
	}
}

// TestProportioned: a page that lies about its size costs no more pixels than others.
func TestProportioned(t *testing.T) {
	for _, c := range [][3]image.Point{
		{{1600, 1140}, {84200, 59500}, {1614, 1140}}, {{1140, 1600}, {59500, 84200}, {1140, 1614}}, {{1600, 1200}, {80000, 60000}, {1600, 1200}},
		{{1600, 20}, {100_000_000, 1}, {1600, 20}}, {{20, 1600}, {1, 100_000_000}, {20, 1600}},
	} {
		if got := proportioned(c[0], c[1]); got != c[2] {
			t.Errorf("%v in the proportion of %v: %v, want %v", c[0], c[1], got, c[2])
		}
	}
}

// TestPagePicture: a page's hash is that of the bytes which pdftoppm gives by hand,
// the same wherever the page is made, and another for a page that looks otherwise.
func TestPagePicture(t *testing.T) {
	t.Parallel()
	ctx, m := context.Background(), runner(t)
	page := func(y int) []byte {
		return pdfOfSizes([2]string{"[0 0 595 842]", fmt.Sprintf("0.6 0.8 0.9 rg 40 %d 300 8 re f", y)})
	}
	doc := page(700)
	pages, err := m.Pages(ctx, bytes.NewReader(doc))
	if err != nil || len(pages) != 1 {
		t.Fatalf("%v, %v", pages, err)
	}
	file := filepath.Join(t.TempDir(), "a.pdf")
	if err := os.WriteFile(file, doc, 0o600); err != nil {
		t.Fatal(err)
	}
	run(t, "pdftoppm", "-cropbox", "-scale-to-x", "1140", "-scale-to-y", "1600", file, file)
	made, err := os.ReadFile(file + "-1.ppm")
	if err != nil {
		t.Fatal(err)
	}
	byHand := sha256.Sum256(made)
	if got, want := pages[0].Picture, hex.EncodeToString(byHand[:]); got != want {
		t.Errorf("the hash is %s, by hand %s", got, want)
	}
	if v, err := m.View(ctx, bytes.NewReader(doc), 1); err != nil || v.Picture != pages[0].Picture {
		t.Errorf("for marking: %s, %v", v.Picture, err)
	}
	// Two thirds of a point further down, on pages of the same size.
	_, err = m.Document(ctx, bytes.NewReader(page(699)), Plan{Pages: pages}, t.TempDir(), nil)
	wantFault(t, err, "media.page_changed")
}

// TestTitleCountsNoPages gives a document whose title reads like the count of its
// pages: no page is lost by it.
func TestTitleCountsNoPages(t *testing.T) {
	t.Parallel()
	page := [2]string{"[0 0 595 842]", "0 0 9 9 re f"}
	doc := bytes.Replace(pdfOfSizes(page, page), []byte("trailer<</Root 1 0 R"), []byte(`trailer<</Root 1 0 R/Info<</Title(x\nPages:           1)>>`), 1)
	if sizes, err := runner(t).Pages(context.Background(), bytes.NewReader(doc)); err != nil || len(sizes) != 2 {
		t.Errorf("two pages are %v, %v", sizes, err)
	}
}

// TestPagesBeginHidden covers every page of a document, upright and lying, but
// for a free shape on the second, and looks at every pixel of what is published.
func TestPagesBeginHidden(t *testing.T) {
	t.Parallel()
	doc := pdfOfSizes(
		[2]string{"[0 0 595 842]", "0.6 0.8 0.9 rg 0 0 595 842 re f"},
		[2]string{"[0 0 842 400]", "0.6 0.8 0.9 rg 0 0 842 400 re f"})
	sizes, err := runner(t).Pages(context.Background(), bytes.NewReader(doc))
	if err != nil {
		t.Fatal(err)
	}
	lying := sizes[1].Size
	if len(sizes) != 2 || lying.X != PageSide || lying.Y >= lying.X || sizes[0].Size.Y != PageSide {
		t.Fatalf("pages of %v", sizes)
	}
	seen := []image.Point{{X: 200, Y: 100}, {X: 900, Y: 120}, {X: 500, Y: 600}}
	plan := Plan{Covered: true, Pages: sizes, Shapes: []Shape{
		{Page: 2, Reveal: true, Box: image.Rect(200, 100, 900, 600), Corners: seen},
		{Page: 2, Box: image.Rect(400, 200, 600, 300)}, // a cover wins
	}}
	made := renderDocument(t, doc, plan)
	for rung, r := range made {
		img := picture(t, r)
		bright := 0
		for y := 0; y < r.Height; y += 2 {
			for x := 0; x < r.Width; x += 3 {
				at := [2]float64{float64(x) + .5, float64(y) + .5}
				v := color.GrayModel.Convert(img.At(x, y)).(color.Gray).Y
				may := strings.HasPrefix(rung, "page-2-") && insideBy(at, seen) > -1 && !image.Pt(x, y).In(image.Rect(403, 203, 597, 297))
				if v > 60 && !may {
					t.Fatalf("%s: %d at %d,%d", rung, v, x, y)
				}
				if v > 150 {
					bright++
				}
			}
		}
		if (bright > 10_000) != strings.HasPrefix(rung, "page-2-") {
			t.Errorf("%s shows %d pixels", rung, bright)
		}
	}

	// What is published of a page is held to that page's own shapes.
	s := &stage{out: t.TempDir()}
	img := image.NewRGBA(image.Rectangle{Max: lying})
	draw.Draw(img, img.Rect, image.White, image.Point{}, draw.Src)
	_, err = s.writeAll(t.Context(), []still{{"page-2-jpeg", img}}, pageQuality, plan.page(2), lying)
	wantFault(t, err, "media.cover_leak")
	if _, err := s.writeAll(t.Context(), []still{{"page-2-jpeg", img}}, pageQuality, Plan{}, lying); err != nil {
		t.Error(err)
	}
}

// pdfOfSizes makes pages of different sizes: the box of each and what is on it.
func pdfOfSizes(pages ...[2]string) []byte {
	var kids, objects strings.Builder
	for i, p := range pages {
		fmt.Fprintf(&kids, "%d 0 R ", 10+2*i)
		fmt.Fprintf(&objects, "%d 0 obj<</Type/Page/Parent 2 0 R/MediaBox%s/Contents %d 0 R>>endobj\n%d 0 obj<</Length %d>>stream\n%s\nendstream endobj\n", 10+2*i, p[0], 11+2*i, 11+2*i, len(p[1]), p[1])
	}
	return fmt.Appendf(nil, "%%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[%s]/Count %d>>endobj\n%strailer<</Root 1 0 R>>\n", kids.String(), len(pages), objects.String())
}

// TestHostileDocuments gives what was made to break programs; each is a clear
// fault, and an honest one works after all of them.
func TestHostileDocuments(t *testing.T) {
	t.Parallel()
	var bomb bytes.Buffer
	z := zlib.NewWriter(&bomb)
	for range 4000 {
		_, _ = z.Write(bytes.Repeat([]byte("0 0 1 1 re f "), 10_000))
	}
	z.Close()
	stream := fmt.Sprintf("<</Length %d/Filter/FlateDecode>>stream\n%s\nendstream", bomb.Len(), bomb.String())
	many := make([]string, maxPages)
	for i := range many {
		many[i] = "<</Length 0>>stream\n\nendstream"
	}
	for _, tt := range []struct {
		name string
		data []byte
		want string // "" where it may also become pages
		wall time.Duration
	}{
		{"a PDF's head alone", []byte("%PDF-1.7\n%\xe2\xe3\xcf\xd3\n"), "media.document_broken", 0},
		{"a PDF of too many pages", pdfOf(many[0], "[0 0 9 9]", many...), "media.too_many_pages", 0},
		{"a PDF of an immense page", pdfOf(many[0], "[0 0 1000000 1000000]"), "", 0},
		{"a zip", []byte("PK\x03\x04aaaaaaaaaaaaa"), "media.document_broken", 0},
		{"a zip of something else", zipOf(t, []string{"a.txt"}, map[string]string{"a.txt": "x"}), "media.document_later", 0},
		{"a zip that unpacks without end", zipOf(t, []string{"word/document.xml"}, map[string]string{"word/document.xml": strings.Repeat("\x00", maxUnpacked+1)}), "media.bomb", 0},
		{"an Office file of noise", []byte("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + strings.Repeat("noise", 1000)), "", 0},
		{"a PDF bomb", pdfOf(stream, "[0 0 595 842]"), "media.too_slow", 6 * time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			out := t.TempDir()
			m := runner(t)
			m.Limits.Wall = tt.wall
			_, err := m.Document(context.Background(), bytes.NewReader(tt.data), Plan{}, out, nil)
			if tt.want != "" && (err == nil || !strings.HasPrefix(err.Error(), tt.want)) || err != nil && !strings.HasPrefix(err.Error(), "media.") {
				t.Errorf("got %v, want %s", err, tt.want)
			}
			if left, _ := os.ReadDir(out); err != nil && len(left) != 0 {
				t.Errorf("left behind: %v", left)
			}
		})
	}
	t.Cleanup(func() {
		if made := renderDocument(t, pdfOf(many[0], "[0 0 595 842]"), Plan{}); len(made) != 4 {
			t.Error("an honest document after them")
		}
	})
}

// TestDocumentDrawsNothingIn: a document that points to a file of the desk and
// to a picture on a server, has a macro that writes when it is opened, and holds
// an object of another program becomes the page that it is without them, and
// nobody is called. The same program does call by hand, out of the box; what it
// makes then, a DOC, is made into pages too.
func TestDocumentDrawsNothingIn(t *testing.T) {
	t.Parallel()
	outside := filepath.Join(t.TempDir(), "outside.txt")
	if err := os.WriteFile(outside, []byte(strings.Repeat("kanarejka ", 3000)), 0o644); err != nil {
		t.Fatal(err)
	}
	var called atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { called.Add(1) }))
	defer server.Close()
	doc := withMacro(t, odt(t, `<text:p>Seen. <draw:frame svg:width="9cm" svg:height="9cm"><draw:image xlink:href="`+server.URL+`/a.png" xlink:type="simple"/></draw:frame></text:p>`+
		`<text:p><draw:frame svg:width="1cm" svg:height="1cm"><draw:object-ole xlink:href="./Object 1" xlink:type="simple"/></draw:frame></text:p>`+
		`<text:section text:name="s"><text:section-source xlink:href="file://`+outside+`" xlink:type="simple"/><text:p/></text:section>`))
	made := renderDocument(t, doc, Plan{})
	if len(made) != 4 {
		t.Errorf("made %d pictures, want those of one page: what is outside came in", len(made))
	}
	if ink := dark(picture(t, made["page-1-jpeg"])); ink > 10_000 {
		t.Errorf("%d pixels of ink are more than one word", ink)
	}
	if called.Load() != 0 {
		t.Error("the server was called")
	}

	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "a.odt"), doc, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := officeProfile(dir + "/profile"); err != nil {
		t.Fatal(err)
	}
	run(t, "soffice", "-env:UserInstallation=file://"+dir+"/profile", "--headless", "--convert-to", "doc", "--outdir", dir, filepath.Join(dir, "a.odt"))
	if called.Load() == 0 {
		t.Error("the server is not called out of the box either: this test sees nothing")
	}
	called.Store(0)
	old, err := os.ReadFile(filepath.Join(dir, "a.doc"))
	if err != nil || !bytes.HasPrefix(old, []byte("\xd0\xcf\x11\xe0")) {
		t.Fatalf("a DOC was to be made: %v", err)
	}
	made = renderDocument(t, old, Plan{})
	if ink := dark(picture(t, made["page-1-jpeg"])); len(made) != 4 || ink < 200 || ink > 10_000 || called.Load() != 0 {
		t.Errorf("of a DOC were made %d pictures with %d pixels of ink, %d calls", len(made), ink, called.Load())
	}
}

// withMacro gives an ODT with a macro that fills pages when it is opened, and an
// object of another program.
func withMacro(t *testing.T, doc []byte) []byte {
	t.Helper()
	bodies := map[string]string{
		"Object 1":                     "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + strings.Repeat("kanarejka", 600),
		"Basic/script-lc.xml":          `<library:libraries xmlns:library="http://openoffice.org/2000/library"><library:library library:name="Standard" library:link="false"/></library:libraries>`,
		"Basic/Standard/script-lb.xml": `<library:library xmlns:library="http://openoffice.org/2000/library" library:name="Standard" library:readonly="false"><library:element library:name="Module1"/></library:library>`,
		"Basic/Standard/Module1.xml":   `<script:module xmlns:script="http://openoffice.org/2000/script" script:name="Module1" script:language="StarBasic">Sub Main` + "\n" + `ThisComponent.Text.insertString(ThisComponent.Text.End, String(30000, "k "), False)` + "\nEnd Sub\n</script:module>",
	}
	const load = `<office:scripts xmlns:script="urn:oasis:names:tc:opendocument:xmlns:script:1.0"><office:event-listeners><script:event-listener script:language="ooo:script" script:event-name="dom:load" xmlns:dom="http://www.w3.org/2001/xml-events" ` +
		`xlink:href="vnd.sun.star.script:Standard.Module1.Main?language=Basic&amp;location=document" xlink:type="simple"/></office:event-listeners></office:scripts>`
	z, err := zip.NewReader(bytes.NewReader(doc), int64(len(doc)))
	if err != nil {
		t.Fatal(err)
	}
	names := []string{"mimetype", "META-INF/manifest.xml", "content.xml"}
	for _, f := range z.File {
		bodies[f.Name] = readEntry(f, 1<<20)
	}
	entries := ""
	for _, name := range []string{"Object 1", "Basic/script-lc.xml", "Basic/Standard/script-lb.xml", "Basic/Standard/Module1.xml"} {
		names = append(names, name)
		entries += `<manifest:file-entry manifest:full-path="` + name + `" manifest:media-type="text/xml"/>`
	}
	bodies["META-INF/manifest.xml"] = strings.Replace(bodies["META-INF/manifest.xml"], "</manifest:manifest>", entries+"</manifest:manifest>", 1)
	bodies["content.xml"] = strings.Replace(bodies["content.xml"], "<office:automatic-styles>", load+"<office:automatic-styles>", 1)
	return zipOf(t, names, bodies)
}

// TestCutChanges cuts what was deleted from where it stands.
func TestCutChanges(t *testing.T) {
	flat := `<r><text:tracked-changes><text:changed-region text:id="d"><text:deletion/></text:changed-region><text:changed-region text:id="i"><text:insertion/></text:changed-region></text:tracked-changes>` +
		`<text:p>a<text:change-start text:change-id="d"/>kanarejka<text:s/></text:p><text:p><draw:frame>kanarejka</draw:frame>kanarejka<text:change-end text:change-id="d"/>b` +
		`<text:change-start text:change-id="i"/>c<text:change-end text:change-id="i"/></text:p></r>`
	got, err := cutChanges([]byte(flat))
	if want := `<r><text:p>a</text:p><text:p>bc</text:p></r>`; err != nil || string(got) != want {
		t.Errorf("got %s, %v, want %s", got, err, want)
	}
	for _, odd := range []string{flat[:len(flat)-4], strings.Replace(flat, `<text:change-end text:change-id="d"/>`, "", 1), "<a>&b</a>", "<a/></b><office:annotation>"} {
		if _, err := cutChanges([]byte(odd)); err == nil {
			t.Errorf("%s was taken", odd)
		}
	}
}

func FuzzCutChanges(f *testing.F) {
	f.Add([]byte(`<a xmlns:text="t" xmlns:office="o">x<text:tracked-changes><b/></text:tracked-changes>y<text:change/><office:annotation>z</office:annotation></a>`))
	f.Fuzz(func(t *testing.T, flat []byte) {
		out, err := cutChanges(flat)
		if err == nil && (len(out) > len(flat) || bytes.Contains(out, []byte("<text:tracked-changes>")) && !bytes.Contains(out, []byte("<!"))) {
			t.Fatalf("%q became %q", flat, out)
		}
	})
}

func FuzzPPM(f *testing.F) {
	f.Add([]byte("P6\n2 1\n255\nabcdef"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if img, err := readPPM(bytes.NewReader(data), image.Pt(2, 1)); err == nil && img.Rect.Size() != image.Pt(2, 1) {
			t.Fatal(img.Rect)
		}
	})
}
