package media

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/unicode"

	"kua/internal/fault"
)

// Office documents and plain text are laid out by LibreOffice, in the box. It
// would show what was deleted under "track changes", struck through, so every
// document first becomes one flat OpenDocument file, from which we cut the
// changes and comments that somebody meant to be gone, and the day and moment
// that it would fill in.
const (
	maxFlat = 200 << 20
	// maxUnpacked is what a zipped document may come to; maxEntries its parts.
	maxUnpacked = 200 << 20
	maxEntries  = 5000
	officeTime  = 4 * time.Minute
)

// office gives the name of the PDF that LibreOffice made.
func (s *stage) office() (string, error) {
	if err := haveTool("soffice"); err != nil {
		return "", err
	}
	ext, err := s.officeKind()
	if err != nil {
		return "", err
	}
	in := "/tmp/in." + ext
	from := s.reader()
	if ext == "txt" {
		from = asUTF8(from)
	}
	if err := s.copyIn(in, from); err != nil {
		return "", err
	}
	if err := officeProfile(profile); err != nil {
		return "", err
	}
	if ext == "txt" {
		return "/tmp/in.pdf", s.soffice("pdf", in, "--infilter=Text (encoded):UTF8")
	}
	if err := s.soffice("fodt", in); err != nil {
		return "", err
	}
	info, err := os.Stat("/tmp/in.fodt")
	if err != nil {
		return "", fault.Invalid("media.document_broken")
	}
	if info.Size() > maxFlat {
		return "", fault.TooLarge("media.too_heavy", maxFlat>>20)
	}
	flat, err := os.ReadFile("/tmp/in.fodt")
	if err != nil {
		return "", err
	}
	if flat, err = cutChanges(flat); err != nil {
		return "", fault.Invalid("media.document_broken").Because(errors.New("flat document"))
	}
	if err := os.WriteFile("/tmp/shown.fodt", flat, 0o600); err != nil {
		return "", err
	}
	return "/tmp/shown.pdf", s.soffice("pdf", "/tmp/shown.fodt")
}

// asUTF8 gives a text in UTF-8, without the mark by which another form was known.
func asUTF8(from io.Reader) io.Reader {
	d := encoding.Decoder{Transformer: unicode.BOMOverride(encoding.Nop.NewDecoder())}
	return d.Reader(from)
}

// officeKind is the ending under which LibreOffice knows the document.
func (s *stage) officeKind() (string, error) {
	switch s.Format {
	case formatText:
		return "txt", nil
	case formatRTF:
		return "rtf", nil
	case formatOLE:
		return "doc", nil
	}
	z, err := zip.NewReader(s.in, s.in.size)
	if err != nil {
		return "", fault.Invalid("media.document_broken").Because(err)
	}
	if err := weigh(z); err != nil {
		return "", err
	}
	for _, f := range z.File {
		switch f.Name {
		case "word/document.xml":
			return "docx", nil
		case "mimetype":
			if strings.HasPrefix(readEntry(f, 64), "application/vnd.oasis.opendocument.text") {
				return "odt", nil
			}
		}
	}
	return "", fault.Invalid("media.document_later", s.Format.Name)
}

// weigh unpacks everything once, into nothing, and stops at what no document
// comes to: what the parts say of their own size is not believed.
func weigh(z *zip.Reader) error {
	if len(z.File) > maxEntries {
		return fault.TooLarge("media.bomb")
	}
	left := int64(maxUnpacked)
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			return fault.Invalid("media.document_broken").Because(err)
		}
		n, err := io.Copy(io.Discard, io.LimitReader(r, left+1))
		r.Close()
		if left -= n; left < 0 {
			return fault.TooLarge("media.bomb")
		}
		if err != nil {
			return fault.Invalid("media.document_broken").Because(err)
		}
	}
	return nil
}

func readEntry(f *zip.File, most int64) string {
	r, err := f.Open()
	if err != nil {
		return ""
	}
	defer r.Close()
	b, _ := io.ReadAll(io.LimitReader(r, most))
	return string(b)
}

// soffice converts one file in /tmp. Macros do not run, no profile is kept,
// and there is no network to fetch anything from.
func (s *stage) soffice(to, file string, more ...string) error {
	ctx, cancel := context.WithTimeout(context.Background(), officeTime)
	defer cancel()
	// It says nothing of how far it is; it is given its time.
	beat := time.NewTicker(10 * time.Second)
	defer beat.Stop()
	ended := make(chan struct{})
	defer close(ended)
	go func() {
		for {
			select {
			case <-ended:
				return
			case <-beat.C:
				s.report(0, time.Second)
			}
		}
	}()
	args := append([]string{"-env:UserInstallation=file://" + profile, "--headless", "--invisible", "--norestore", "--nologo", "--nolockcheck"}, more...)
	cmd, said := program(ctx, "soffice", append(args, "--convert-to", to, "--outdir", "/tmp", file)...)
	err := cmd.Run()
	made := strings.TrimSuffix(file, file[strings.LastIndexByte(file, '.'):]) + "." + to
	switch {
	case ctx.Err() != nil:
		return fault.Invalid("media.too_slow", int(officeTime.Minutes()))
	case err != nil || !exists(made):
		return toolFailed("media.document_broken", err, said)
	}
	return nil
}

// profile is LibreOffice's own, which lasts as long as the box.
const profile = "/tmp/office"

// newestProfile says that the profile was last used by a version newer than any:
// in one that is new to it LibreOffice tries out for seconds how well it can
// draw, writes that down, and goes by none of it.
const newestProfile = `<?xml version="1.0" encoding="UTF-8"?>
<oor:items xmlns:oor="http://openoffice.org/2001/registry"><item oor:path="/org.openoffice.Setup/Product"><prop oor:name="ooSetupLastVersion" oor:op="fuse"><value>999.9</value></prop></item></oor:items>
`

// officeProfile begins a profile in dir that says it is of the installed build: with
// one that says nothing LibreOffice starts, notes its build there, and starts once more.
func officeProfile(dir string) error {
	user := filepath.Join(dir, "user")
	if err := os.MkdirAll(filepath.Join(user, "extensions"), 0o700); err != nil {
		return fmt.Errorf("begin LibreOffice's profile: %w", err)
	}
	if err := os.WriteFile(filepath.Join(user, "registrymodifications.xcu"), []byte(newestProfile), 0o600); err != nil {
		return fmt.Errorf("begin LibreOffice's profile: %w", err)
	}
	program, err := filepath.EvalSymlinks("/usr/bin/soffice")
	if err != nil {
		return fmt.Errorf("find LibreOffice: %w", err)
	}
	version, err := os.ReadFile(filepath.Join(filepath.Dir(program), "versionrc"))
	if err != nil {
		return nil // a build that does not say: it starts twice
	}
	for line := range strings.Lines(string(version)) {
		if build, ok := strings.CutPrefix(line, "buildid="); ok {
			return os.WriteFile(filepath.Join(user, "extensions", "buildid"), []byte(strings.TrimSpace(build)), 0o600)
		}
	}
	return nil
}

// The elements of OpenDocument (1.3, 5.5 and 14.1) that are cut out whole: what
// was deleted may lie in the first, comments in the others.
var cutWhole = []string{"text:tracked-changes", "office:annotation", "office:annotation-end", "text:change", "text:change-start", "text:change-end"}

// cutFilled are those that LibreOffice fills in anew, with the present day or
// moment, whenever it opens a document, unless they are fixed. The page that is
// published would be another than the one that was marked.
var cutFilled = []string{"text:date", "text:time", "text:modification-date", "text:modification-time", "text:editing-cycles", "text:editing-duration"}

// cutDeleted are those that are cut besides where they were deleted; what
// encloses deleted text stays, empty, since a deletion may begin in one
// paragraph and end in another.
var cutDeleted = []string{"text:s", "text:tab", "text:line-break", "text:note", "text:ruby"}

// cutChanges copies a flat document without them, and without what was deleted
// and still stands in the text, between the marks of a deletion.
func cutChanges(flat []byte) ([]byte, error) {
	c := cutter{flat: flat, deletions: map[string]bool{}, deleted: map[string]bool{}}
	d := xml.NewDecoder(bytes.NewReader(flat))
	for {
		before := d.InputOffset()
		token, err := d.RawToken()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("read a flat document: %w", err)
		}
		c.token(token, before, d.InputOffset())
		if c.depth < 0 {
			return nil, errors.New("a flat document that ends more than it begins")
		}
	}
	if c.cutting != 0 || c.depth != 0 || len(c.deleted) != 0 {
		return nil, errors.New("a flat document that does not end")
	}
	c.out.Write(flat[c.copied:])
	return c.out.Bytes(), nil
}

// cutter goes through a flat document.
type cutter struct {
	flat      []byte
	out       bytes.Buffer
	copied    int64 // up to where the document was copied or cut
	depth     int
	cutting   int             // the depth of the element that is being cut; 0 for none
	region    string          // the change that is being described
	deletions map[string]bool // changes that are deletions
	deleted   map[string]bool // deletions that are open in the text
}

func (c *cutter) token(token xml.Token, before, after int64) {
	switch t := token.(type) {
	case xml.StartElement:
		c.depth++
		name := t.Name.Space + ":" + t.Name.Local
		c.mark(name, t.Attr)
		gone := len(c.deleted) > 0 && (t.Name.Space == "draw" || slices.Contains(cutDeleted, name)) || slices.Contains(cutFilled, name) && !keepsWords(t.Attr)
		if c.cutting == 0 && (gone || slices.Contains(cutWhole, name)) {
			c.cutting = c.depth
			c.out.Write(c.flat[c.copied:before])
		}
	case xml.EndElement:
		if c.cutting == c.depth && c.cutting > 0 {
			c.cutting, c.copied = 0, after
		}
		c.depth--
	case xml.CharData:
		if len(c.deleted) > 0 && c.cutting == 0 {
			c.out.Write(c.flat[c.copied:before])
			c.copied = after
		}
	}
}

// keepsWords reports whether a field keeps what it says.
func keepsWords(attrs []xml.Attr) bool {
	return slices.ContainsFunc(attrs, func(a xml.Attr) bool {
		return a.Name.Space == "text" && a.Name.Local == "fixed" && a.Value == "true"
	})
}

// mark remembers which changes are deletions, and which of them are open.
func (c *cutter) mark(name string, attrs []xml.Attr) {
	id := ""
	for _, a := range attrs {
		if a.Name.Space == "text" && (a.Name.Local == "id" || a.Name.Local == "change-id") {
			id = a.Value
		}
	}
	switch {
	case name == "text:changed-region":
		c.region = id
	case name == "text:deletion":
		c.deletions[c.region] = true
	case name == "text:change-start" && c.deletions[id]:
		c.deleted[id] = true
	case name == "text:change-end":
		delete(c.deleted, id)
	}
}
