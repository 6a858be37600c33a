package canary

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
)

var (
	pdfRoot  = regexp.MustCompile(`/Root\s+(\d+ \d+ R)`)
	pdfSize  = regexp.MustCompile(`/Size\s+(\d+)`)
	pdfStart = regexp.MustCompile(`startxref\s+(\d+)`)
)

// plantPDF adds an incremental update (ISO 32000, 7.5.6) with words in every
// kind of object that may carry them.
func plantPDF(g *garden, base []byte) ([]byte, error) {
	root, size, start := pdfRoot.FindSubmatch(base), pdfSize.FindSubmatch(base), pdfStart.FindAllSubmatch(base, -1)
	if !bytes.HasPrefix(base, []byte("%PDF-")) || root == nil || size == nil || start == nil {
		return nil, errNotPlain
	}
	first, err := strconv.Atoi(string(size[1]))
	if err != nil {
		return nil, err
	}
	w := g.word
	big := append([]byte("\xfe\xff"), g.wide("info-subject", binary.BigEndian)...)
	out := bytes.Clone(base)
	if !bytes.HasSuffix(out, []byte("\n")) {
		out = append(out, '\n')
	}
	var places []int
	object := func(body string) int {
		places = append(places, len(out))
		n := first + len(places) - 1
		out = fmt.Appendf(out, "%d 0 obj\n%s\nendobj\n", n, body)
		return n
	}
	stream := func(dict string, body []byte) string {
		return fmt.Sprintf("<< %s /Length %d >>\nstream\n%s\nendstream", dict, len(body), body)
	}
	out = append(out, "% "+w("comment-line")+"\n"...)
	info := object(fmt.Sprintf("<< /Title (%s) /Author (%s) /Subject (%s) /Keywords (%s) /Creator (%s) /Producer (%s) /Custom (%s) >>",
		w("info-title"), w("info-author"), big, w("info-keywords"), w("info-creator"), w("info-producer"), w("info-custom")))
	object(stream("/Type /Metadata /Subtype /XML", []byte(g.xmp("xmp"))))
	object(fmt.Sprintf("<< /Type /Annot /Subtype /Text /Rect [0 0 9 9] /Contents (%s) /T (%s) /NM (%s) /Subj (%s) >>", w("annotation"), w("annotation-author"), w("annotation-name"), w("annotation-subject")))
	file := object(stream("/Type /EmbeddedFile /Filter /FlateDecode", deflated([]byte(g.packed("embedded-file")))))
	object(fmt.Sprintf("<< /Type /Filespec /F (%s) /UF (%s) /Desc (%s) /EF << /F %d 0 R >> >>", w("file-name"), w("file-name-unicode"), w("file-description"), file))
	object(stream("/Type /XObject /Subtype /Image /Width 8 /Height 8 /ColorSpace /DeviceGray /BitsPerComponent 8 /Filter /DCTDecode", g.smallJPEG("image-comment")))
	object(fmt.Sprintf("<< /PieceInfo << /Kua << /Private (%s) >> >> >>", w("piece-info")))
	object(stream("/Filter /FlateDecode", deflated([]byte("BT /F1 9 Tf 1 1 Td ("+g.packed("text-under")+") Tj ET"))))
	object(fmt.Sprintf("<< /S /JavaScript /JS (%s) >>", w("script")))
	xref := len(out)
	out = fmt.Appendf(out, "xref\n%d %d\n", first, len(places))
	for _, p := range places {
		out = fmt.Appendf(out, "%010d 00000 n \n", p)
	}
	out = fmt.Appendf(out, "trailer\n<< /Size %d /Root %s /Info %d 0 R /Prev %s /ID [(%s) (x)] >>\nstartxref\n%d\n%%%%EOF\n%s\n",
		first+len(places), root[1], info, start[len(start)-1][1], w("id"), xref, w("trailer"))
	return out, nil
}

// change replaces or adds a part of a zip.
type change struct {
	name string
	make func(old string) string
}

// rezip copies a zip with changes; deflated words count as packed.
func (g *garden) rezip(base []byte, comment string, changes []change) ([]byte, error) {
	in, err := zip.NewReader(bytes.NewReader(base), int64(len(base)))
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	out := zip.NewWriter(&b)
	if err := out.SetComment(comment); err != nil {
		return nil, err
	}
	write := func(name string, method uint16, body []byte) error {
		w, err := out.CreateHeader(&zip.FileHeader{Name: name, Method: method})
		if err == nil {
			_, err = w.Write(body)
		}
		return err
	}
	const most = 16 << 20
	for _, f := range in.File {
		r, err := f.Open()
		if err != nil {
			return nil, err
		}
		body, err := io.ReadAll(io.LimitReader(r, most))
		if err != nil {
			return nil, err
		}
		for i, c := range changes {
			if c.name == f.Name {
				body = []byte(c.make(string(body)))
				changes[i].name = ""
			}
		}
		if err := write(f.Name, f.Method, body); err != nil {
			return nil, err
		}
	}
	for _, c := range changes {
		if c.name != "" {
			if err := write(c.name, zip.Deflate, []byte(c.make(""))); err != nil {
				return nil, err
			}
		}
	}
	if err := out.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

func always(s string) func(string) string { return func(string) string { return s } }

// before puts text in front of the last mark of a document.
func before(mark, text string) func(string) string {
	return func(old string) string {
		i := strings.LastIndex(old, mark)
		if i < 0 {
			return old
		}
		return old[:i] + text + old[i:]
	}
}

const xmlHead = `<?xml version="1.0" encoding="UTF-8"?>`

func plantDOCX(g *garden, base []byte) ([]byte, error) {
	if !bytes.Contains(base, []byte("word/document.xml")) {
		return nil, errNotPlain
	}
	w := g.packed
	const word = ` xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"`
	body := fmt.Sprintf(`<w:p w:rsidR="00AB12CD"><w:r><w:rPr><w:vanish/></w:rPr><w:t>%s</w:t></w:r>`+
		`<w:ins w:id="1" w:author="%s" w:date="2026-11-19T14:03:22Z"><w:r><w:t>%s</w:t></w:r></w:ins>`+
		`<w:del w:id="2" w:author="%s" w:date="2026-11-19T14:03:22Z"><w:r><w:delText>%s</w:delText></w:r></w:del></w:p>`,
		w("hidden-text"), w("insertion-author"), w("insertion"), w("deletion-author"), w("deletion"))
	return g.rezip(base, g.word("zip-comment"), []change{
		{"word/document.xml", before("</w:body>", body)},
		{"docProps/core.xml", always(fmt.Sprintf(xmlHead+`<cp:coreProperties xmlns:cp="http://schemas.openxmlformats.org/package/2006/metadata/core-properties" xmlns:dc="http://purl.org/dc/elements/1.1/">`+
			`<dc:creator>%s</dc:creator><cp:lastModifiedBy>%s</cp:lastModifiedBy><dc:title>%s</dc:title><dc:subject>%s</dc:subject><cp:keywords>%s</cp:keywords><dc:description>%s</dc:description><cp:category>%s</cp:category></cp:coreProperties>`,
			w("core-creator"), w("core-editor"), w("core-title"), w("core-subject"), w("core-keywords"), w("core-description"), w("core-category")))},
		{"docProps/app.xml", always(fmt.Sprintf(xmlHead+`<Properties xmlns="http://schemas.openxmlformats.org/officeDocument/2006/extended-properties"><Company>%s</Company><Manager>%s</Manager><Template>%s</Template></Properties>`,
			w("app-company"), w("app-manager"), w("app-template")))},
		{"docProps/thumbnail.jpeg", always(string(g.smallJPEG("thumbnail")))},
		{"word/comments.xml", always(fmt.Sprintf(xmlHead+`<w:comments%s><w:comment w:id="1" w:author="%s" w:initials="K"><w:p><w:r><w:t>%s</w:t></w:r></w:p></w:comment></w:comments>`, word, w("comment-author"), w("comment")))},
		{"word/people.xml", always(fmt.Sprintf(xmlHead+`<w15:people xmlns:w15="http://schemas.microsoft.com/office/word/2012/wordml"><w15:person w15:author="%s"/></w15:people>`, w("people")))},
		{"word/settings.xml", always(fmt.Sprintf(xmlHead+`<w:settings%s><w:docVars><w:docVar w:name="k" w:val="%s"/></w:docVars></w:settings>`, word, w("doc-variable")))},
		{"customXml/item1.xml", always("<k>" + w("custom-xml") + "</k>")},
		{"word/media/image9.jpeg", always(string(g.smallJPEG("image")))},
	})
}

func plantODT(g *garden, base []byte) ([]byte, error) {
	if !bytes.Contains(base, []byte("content.xml")) {
		return nil, errNotPlain
	}
	w := g.packed
	return g.rezip(base, g.word("zip-comment"), []change{
		{"content.xml", before("</office:text>", fmt.Sprintf(`<text:p>.<office:annotation><dc:creator xmlns:dc="http://purl.org/dc/elements/1.1/">%s</dc:creator><text:p>%s</text:p></office:annotation></text:p>`, w("annotation-author"), w("annotation")))},
		{"meta.xml", always(fmt.Sprintf(xmlHead+`<office:document-meta xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" xmlns:meta="urn:oasis:names:tc:opendocument:xmlns:meta:1.0" xmlns:dc="http://purl.org/dc/elements/1.1/"><office:meta>`+
			`<meta:initial-creator>%s</meta:initial-creator><dc:creator>%s</dc:creator><dc:title>%s</dc:title><dc:subject>%s</dc:subject><meta:generator>%s</meta:generator><meta:user-defined meta:name="k">%s</meta:user-defined></office:meta></office:document-meta>`,
			w("meta-creator"), w("meta-editor"), w("meta-title"), w("meta-subject"), w("meta-generator"), w("meta-user")))},
		{"Thumbnails/thumbnail.png", always(w("thumbnail"))},
		{"Pictures/hidden.jpg", always(string(g.smallJPEG("picture")))},
	})
}
