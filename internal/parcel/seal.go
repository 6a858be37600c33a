package parcel

import (
	"archive/tar"
	"fmt"
	"io"
	"strings"

	"kua/internal/canon"
	"kua/internal/fault"
	"kua/internal/seal"
)

// Source is one attachment to seal. Size is what Open's reader will give: more
// or less means that the file changed meanwhile, and ends the sealing.
type Source struct {
	Name string // as the witness's device calls it
	Type string // media type; "" means application/octet-stream
	Size int64
	Open func() (io.ReadCloser, error)
	// Cleaned says that this is not the file as the device wrote it, but what
	// was left of it when the witness had taken out what it told.
	Cleaned bool
}

// Seal writes the sealed parcel of a report and its files to dst: age over tar
// over BagIt, padded. It fills the report's Kind and Files itself. Progress,
// which may be nil, hears the plaintext bytes done and their total. Memory
// stays flat whatever the size. What stands in dst after an error is useless.
func Seal(dst io.Writer, r Report, files []Source, recipients []string, progress func(done, total int64)) error {
	r.Kind = ReportKind
	r.Files = describe(files)
	if err := ValidateReport(r); err != nil {
		return err
	}
	report, err := r.Bytes()
	if err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	if len(report) > MaxReport {
		return fault.TooLarge("parcel.report_too_large", MaxReport>>10)
	}
	total := Padme(bagSize(int64(len(report)), r.Files))
	if size, err := seal.CiphertextSize(total, recipients); err != nil {
		return err
	} else if size > MaxParcel {
		return fault.TooLarge("parcel.too_large", MaxParcel>>20)
	}
	sealed, err := seal.Writer(dst, recipients)
	if err != nil {
		return err
	}
	plain := &meter{w: sealed, total: total, progress: progress}
	if err := writeBag(plain, report, r.Files, files); err != nil {
		return err
	}
	if err := plain.pad(); err != nil {
		return fmt.Errorf("pad parcel: %w", err)
	}
	if err := sealed.Close(); err != nil {
		return fmt.Errorf("finish sealed file: %w", err)
	}
	return nil
}

// describe gives every source its neutral path.
func describe(files []Source) []ReportFile {
	var out []ReportFile
	for i, f := range files {
		if f.Type == "" {
			f.Type = "application/octet-stream"
		}
		path := fmt.Sprintf("data/files/%d%s", i+1, neutralExt(f.Name))
		out = append(out, ReportFile{Path: path, Name: f.Name, Type: strings.ToLower(f.Type), Size: f.Size, Cleaned: f.Cleaned})
	}
	return out
}

// bagWriter writes the entries of one bag and remembers their hashes.
type bagWriter struct {
	tw       *tar.Writer
	manifest strings.Builder // of the payload
	tags     strings.Builder // of the tag files
}

func writeBag(w io.Writer, report []byte, described []ReportFile, files []Source) error {
	b := &bagWriter{tw: tar.NewWriter(w)}
	if err := b.payload(reportPath, int64(len(report)), strings.NewReader(string(report))); err != nil {
		return err
	}
	bytes := int64(len(report))
	for i, f := range files {
		if err := b.attach(described[i], f); err != nil {
			return err
		}
		bytes += f.Size
	}
	for _, t := range []struct{ name, text string }{
		{bagitPath, bagitText},
		{bagInfoPath, bagInfo(bytes, len(files)+1)},
		{manifestPath, b.manifest.String()},
	} {
		if err := b.tag(t.name, t.text); err != nil {
			return err
		}
	}
	if err := b.write(tagManifestPath, b.tags.String()); err != nil {
		return err
	}
	if err := b.tw.Close(); err != nil {
		return fmt.Errorf("finish tar: %w", err)
	}
	return nil
}

// attach streams one source and makes sure that it is as long as announced.
func (b *bagWriter) attach(d ReportFile, f Source) error {
	r, err := f.Open()
	if err != nil {
		return fmt.Errorf("open %s: %w", d.Path, err)
	}
	defer r.Close()
	exact := &exactly{r: r, left: f.Size, name: f.Name}
	if err := b.payload(d.Path, f.Size, exact); err != nil {
		return err
	}
	return exact.end()
}

func (b *bagWriter) payload(path string, size int64, r io.Reader) error {
	if err := b.header(path, size); err != nil {
		return err
	}
	sum, err := copyHashed(b.tw, r)
	if err != nil {
		return fmt.Errorf("seal %s: %w", path, err)
	}
	fmt.Fprintf(&b.manifest, "%s  %s\n", sum, path)
	return nil
}

func (b *bagWriter) tag(path, text string) error {
	fmt.Fprintf(&b.tags, "%s  %s\n", canon.Hash([]byte(text)), path)
	return b.write(path, text)
}

func (b *bagWriter) write(path, text string) error {
	if err := b.header(path, int64(len(text))); err != nil {
		return err
	}
	if _, err := io.WriteString(b.tw, text); err != nil {
		return fmt.Errorf("seal %s: %w", path, err)
	}
	return nil
}

// header begins one entry of the tar, with nothing in it but path and size.
// USTAR; the PAX form only for 8 GiB and more.
func (b *bagWriter) header(path string, size int64) error {
	h := &tar.Header{Typeflag: tar.TypeReg, Name: topDir + path, Size: size, Mode: 0o644, Format: tar.FormatUSTAR}
	if size > maxUSTAR {
		h.Format = tar.FormatPAX
	}
	if err := b.tw.WriteHeader(h); err != nil {
		return fmt.Errorf("write tar header of %s: %w", path, err)
	}
	return nil
}

// exactly gives the announced number of bytes or the fault parcel.source_changed.
type exactly struct {
	r    io.Reader
	left int64
	name string
}

func (e *exactly) Read(p []byte) (int, error) {
	if e.left == 0 {
		return 0, io.EOF
	}
	n, err := e.r.Read(p[:min(int64(len(p)), e.left)])
	e.left -= int64(n)
	if err == io.EOF && e.left > 0 {
		return n, fault.Conflict("parcel.source_changed", clip(e.name))
	}
	return n, err
}

// end makes sure that nothing follows.
func (e *exactly) end() error {
	if n, err := io.ReadFull(e.r, make([]byte, 1)); n > 0 {
		return fault.Conflict("parcel.source_changed", clip(e.name))
	} else if err != io.EOF {
		return fmt.Errorf("read behind the end of the file: %w", err)
	}
	return nil
}

// meter counts the plaintext, tells the progress and writes the padding.
type meter struct {
	w           io.Writer
	done, total int64
	progress    func(done, total int64)
}

func (m *meter) Write(p []byte) (int, error) {
	n, err := m.w.Write(p)
	m.done += int64(n)
	if m.progress != nil {
		m.progress(m.done, m.total)
	}
	return n, err
}

func (m *meter) pad() error {
	if m.done > m.total {
		return fmt.Errorf("bag of %d bytes is longer than its plan of %d", m.done, m.total)
	}
	zeros := make([]byte, 64<<10)
	for m.done < m.total {
		if _, err := m.Write(zeros[:min(int64(len(zeros)), m.total-m.done)]); err != nil {
			return err
		}
	}
	return nil
}
