package edition

import (
	"archive/tar"
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"slices"
	"strings"

	fastgzip "github.com/klauspost/compress/gzip"

	"kua/internal/fault"
)

// A batch is many small files of an edition in one answer, for mirrors on links
// where every question costs as much as a file. Servers that know no batches
// give the same files one by one. Format: spec/edition.md, "Batches".
const (
	BatchPath  = "/api/v1/files"     // of the call
	BatchType  = "application/x-tar" // of the answer
	BatchFiles = 256                 // paths in one call, at most
	BatchAsked = 64 << 10            // bytes of a call, at most
	BatchFile  = 256 << 10           // bytes of the longest file that is given
	BatchBytes = 4 << 20             // bytes of files in one answer; what goes beyond is left out
)

// Batch is the body of a call for some paths.
func Batch(paths []string) []byte { return []byte(strings.Join(paths, "\n") + "\n") }

// ReadBatch reads the body of a call. One that is too long, names a file twice, or
// names what no edition can have, is invalid.
func ReadBatch(body io.Reader) ([]string, error) {
	b, err := io.ReadAll(io.LimitReader(body, BatchAsked+1))
	if err != nil {
		return nil, err
	}
	text, ended := strings.CutSuffix(string(b), "\n")
	if len(b) > BatchAsked || !ended {
		return nil, fault.Invalid("edition.batch", BatchFiles)
	}
	paths := strings.Split(text, "\n")
	if len(paths) > BatchFiles {
		return nil, fault.Invalid("edition.batch", BatchFiles)
	}
	seen := make(map[string]bool, len(paths))
	for _, p := range paths {
		if err := CheckPath(p); err != nil {
			return nil, err
		}
		if seen[p] {
			return nil, fault.Invalid("edition.batch", BatchFiles)
		}
		seen[p] = true
	}
	return paths, nil
}

// WriteBatch answers a call with the files that open has, in order. What is not
// there (fs.ErrNotExist), is longer than BatchFile or goes beyond BatchBytes is
// left out. Any other error of open ends the answer in the middle, so that
// nobody takes it for whole. What open gives is used before it is called again.
func WriteBatch(w io.Writer, paths []string, open func(path string) ([]byte, error)) error {
	out := bufio.NewWriterSize(w, 32<<10)
	t := tar.NewWriter(out)
	room := BatchBytes
	for _, p := range paths {
		b, err := open(p)
		if errors.Is(err, fs.ErrNotExist) || err == nil && (len(b) > BatchFile || len(b) > room) {
			continue
		}
		if err != nil {
			return err
		}
		room -= len(b)
		if err := t.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: p, Mode: 0o644, Size: int64(len(b))}); err != nil {
			return fmt.Errorf("batch: %s: %w", p, err)
		}
		if _, err := t.Write(b); err != nil {
			return err
		}
	}
	return errors.Join(t.Close(), out.Flush())
}

// ReadBatchAnswer gives every file of an answer to got, whose error ends it. It
// reads no more than an honest answer holds. The bytes are good until got returns.
// Nothing about them is proved.
func ReadBatchAnswer(r io.Reader, got func(path string, b []byte) error) error {
	t := tar.NewReader(bufio.NewReaderSize(io.LimitReader(r, BatchBytes+BatchFiles*4<<10), 32<<10))
	var room []byte
	for n := 0; ; n++ {
		h, err := t.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("batch: %w", err)
		}
		if n >= BatchFiles || h.Typeflag != tar.TypeReg || h.Size > BatchFile {
			return fault.Corrupt("edition.batch_answer")
		}
		room = slices.Grow(room[:0], int(h.Size))[:h.Size]
		if _, err := io.ReadFull(t, room); err != nil {
			return fmt.Errorf("batch: %s: %w", h.Name, err)
		}
		if err := got(h.Name, room); err != nil {
			return err
		}
	}
}

// BatchWriter is where an answer is written: to w, compressed (RFC 1952) when the
// caller takes that. The headers are set; end must be called last.
func BatchWriter(w io.Writer, headers http.Header, zip bool) (out io.Writer, end func() error) {
	headers.Set("Content-Type", BatchType)
	headers.Set("Cache-Control", "no-store")
	if !zip {
		return w, func() error { return nil }
	}
	headers.Set("Content-Encoding", "gzip")
	z, _ := fastgzip.NewWriterLevel(w, fastgzip.BestSpeed) // the level exists
	return z, z.Close
}

// BatchReader undoes what BatchWriter did, for a caller that has set the call's
// Accept-Encoding itself.
func BatchReader(body io.Reader, headers http.Header) (io.Reader, error) {
	if headers.Get("Content-Encoding") != "gzip" {
		return body, nil
	}
	return fastgzip.NewReader(body)
}
