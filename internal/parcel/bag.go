package parcel

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"

	"kua/internal/fault"
)

// Limits bounds what ReadBag takes; the zero value means the format's own.
type Limits struct {
	Bytes   int64 // of plaintext, padding included
	Entries int   // of the tar
}

// Bag is a parcel's checked content.
type Bag struct {
	Report  Report
	Entries []Entry // the payload, report.json first, in the order of the stream
	Size    int64   // of the plaintext, padding included
}

// Entry is one payload file and where its bytes lie.
type Entry struct {
	Path   string // data/files/1.mp4
	Offset int64  // in the plaintext stream
	Size   int64
	SHA256 string
}

// ReadBag reads a parcel's whole plaintext and checks it: the tar holds plain
// files below parcel/ and nothing else, report.json first; the bag is a valid
// BagIt 1.0 bag (RFC 8493) whose manifests fit every byte; the report lists its
// files; only zeros follow. It streams, so memory stays flat. Refusals are
// faults that say what is wrong with which file.
func ReadBag(plain io.Reader, limit Limits) (*Bag, error) {
	b := newBagReader(plain, limit)
	for {
		done, err := b.next()
		if err != nil {
			return nil, err
		}
		if done {
			break
		}
	}
	if len(b.entries) == 0 {
		return nil, fault.Invalid("parcel.no_report")
	}
	if err := b.end(); err != nil {
		return nil, err
	}
	if err := b.check(); err != nil {
		return nil, err
	}
	return &Bag{Report: b.report, Entries: b.entries, Size: b.src.n}, nil
}

// ReadReport reads the report alone, from a stream that may end soon after: the
// first pieces of a parcel are enough. Nothing else of the bag is checked.
func ReadReport(plain io.Reader) (Report, error) {
	b := newBagReader(plain, Limits{})
	for len(b.entries) == 0 {
		done, err := b.next()
		if err != nil {
			return Report{}, err
		}
		if done {
			return Report{}, fault.Invalid("parcel.no_report")
		}
	}
	return b.report, nil
}

// bagReader walks the tar once and keeps what the checks at the end need.
type bagReader struct {
	src   *countingReader
	tr    *tar.Reader
	limit Limits

	count   int // entries of the tar
	dataEnd int64
	report  Report
	entries []Entry
	tags    map[string][]byte
	seen    map[string]bool // folded paths
}

func newBagReader(plain io.Reader, limit Limits) *bagReader {
	if limit.Bytes <= 0 || limit.Bytes > MaxParcel {
		limit.Bytes = MaxParcel
	}
	if limit.Entries <= 0 {
		limit.Entries = maxEntries
	}
	src := &countingReader{r: plain, limit: limit.Bytes}
	return &bagReader{src: src, tr: tar.NewReader(src), limit: limit, tags: make(map[string][]byte), seen: make(map[string]bool)}
}

// next takes one entry of the tar; done means that the end blocks were read.
func (b *bagReader) next() (done bool, err error) {
	h, err := b.tr.Next()
	if err == io.EOF {
		return true, nil
	}
	if err != nil && !errors.Is(err, tar.ErrInsecurePath) {
		return false, tarFault(err)
	}
	if b.count++; b.count > b.limit.Entries {
		return false, fault.TooLarge("parcel.too_many_entries", b.limit.Entries)
	}
	if isSparse(h) {
		return false, fault.Invalid("parcel.entry_kind", clip(h.Name))
	}
	if h.Size > b.limit.Bytes {
		return false, fault.TooLarge("parcel.too_large", b.limit.Bytes>>20)
	}
	b.dataEnd = b.src.n + (h.Size+block-1)/block*block
	path, ok := strings.CutPrefix(h.Name, topDir)
	if !ok {
		return false, fault.Invalid("parcel.path", clip(h.Name))
	}
	if h.Typeflag == tar.TypeDir {
		return false, checkDir(h, path)
	}
	if h.Typeflag != tar.TypeReg {
		return false, fault.Invalid("parcel.entry_kind", clip(path))
	}
	if err := checkPath(path); err != nil {
		return false, err
	}
	if b.seen[foldPath(path)] {
		return false, fault.Invalid("parcel.twice", clip(path))
	}
	b.seen[foldPath(path)] = true
	return false, b.file(path, h.Size)
}

// checkDir lets a directory pass that ordinary tar programs write and that
// means nothing here.
func checkDir(h *tar.Header, path string) error {
	if h.Size != 0 {
		return fault.Invalid("parcel.entry_kind", clip(path))
	}
	if path = strings.TrimSuffix(path, "/"); path == "" {
		return nil
	}
	return checkPath(path)
}

// isSparse finds entries whose few bytes stand for many.
func isSparse(h *tar.Header) bool {
	if h.Typeflag == tar.TypeGNUSparse {
		return true
	}
	for k := range h.PAXRecords {
		if strings.HasPrefix(k, "GNU.sparse.") {
			return true
		}
	}
	return false
}

func (b *bagReader) file(path string, size int64) error {
	switch {
	case len(b.entries) == 0:
		return b.firstFile(path, size)
	case strings.HasPrefix(path, "data/"):
		h := sha256.New()
		e := Entry{Path: path, Offset: b.src.n, Size: size}
		if n, err := io.Copy(h, b.tr); err != nil || n != size {
			return tarFault(errors.Join(err, short(n, size)))
		}
		e.SHA256 = hex.EncodeToString(h.Sum(nil))
		b.entries = append(b.entries, e)
		return nil
	case path == bagitPath, path == bagInfoPath, path == manifestPath, path == tagManifestPath:
		text, err := b.small(path, size, maxTagFile)
		b.tags[path] = text
		return err
	}
	return fault.Invalid("parcel.extra_file", clip(path))
}

// firstFile reads the report, which comes before every other file.
func (b *bagReader) firstFile(path string, size int64) error {
	if path != reportPath {
		return fault.Invalid("parcel.no_report")
	}
	if size > MaxReport {
		return fault.TooLarge("parcel.report_too_large", MaxReport>>10)
	}
	offset := b.src.n
	text, err := b.small(path, size, MaxReport)
	if err != nil {
		return err
	}
	if b.report, err = ParseReport(text); err != nil {
		return err
	}
	sum := sha256.Sum256(text)
	b.entries = append(b.entries, Entry{Path: path, Offset: offset, Size: size, SHA256: hex.EncodeToString(sum[:])})
	return nil
}

func (b *bagReader) small(path string, size, limit int64) ([]byte, error) {
	if size > limit {
		return nil, fault.TooLarge("parcel.tag_file_too_large", path, limit>>10)
	}
	text, err := io.ReadAll(b.tr)
	if err != nil || int64(len(text)) != size {
		return nil, tarFault(errors.Join(err, short(int64(len(text)), size)))
	}
	return text, nil
}

// end makes sure that the tar was ended and that nothing but zeros follows.
func (b *bagReader) end() error {
	if b.src.n < b.dataEnd+2*block {
		return fault.Corrupt("parcel.truncated")
	}
	buf, zeros := make([]byte, 64<<10), make([]byte, 64<<10)
	for {
		n, err := b.src.Read(buf)
		if !bytes.Equal(buf[:n], zeros[:n]) {
			return fault.Invalid("parcel.trailing")
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return tarFault(err)
		}
	}
}

func short(n, size int64) error {
	if n < size {
		return io.ErrUnexpectedEOF
	}
	return nil
}

// tarFault gives an error of the tar its message; errors of the stream below,
// which carry a fault of their own, pass through.
func tarFault(err error) error {
	switch _, isFault := fault.Of(err); {
	case isFault:
		return err
	case errors.Is(err, io.ErrUnexpectedEOF):
		return fault.Corrupt("parcel.truncated").Because(err)
	case errors.Is(err, tar.ErrHeader), errors.Is(err, tar.ErrFieldTooLong):
		return fault.Invalid("parcel.not_a_tar").Because(err)
	}
	return fmt.Errorf("read parcel: %w", err)
}

// countingReader knows its place in the stream and where it must end.
type countingReader struct {
	r        io.Reader
	n, limit int64
}

func (c *countingReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	if c.n > c.limit {
		return 0, fault.TooLarge("parcel.too_large", c.limit>>20)
	}
	return n, err
}
