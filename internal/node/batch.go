package node

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"net/http"
	"os"
	"strings"

	"kua/internal/edition"
	"kua/internal/fault"
	"kua/internal/link"
	"kua/internal/tlog"
)

// mostBatches are answered at a time. Who finds no place asks for files one by one.
const mostBatches = 16

// batch gives a mirror several small files of the edition in one answer.
func (n *Node) batch(w http.ResponseWriter, r *http.Request) error {
	p := n.edition.Load()
	if p == nil {
		return fault.NotFound("node.no_edition")
	}
	body, err := n.readBody(w, r, edition.BatchAsked)
	if err != nil {
		return err
	}
	paths, err := edition.ReadBatch(bytes.NewReader(body))
	if err != nil {
		return err
	}
	out, end := edition.BatchWriter(patientWriter{w}, w.Header(), link.TakesGzip(r.Header))
	err = edition.WriteBatch(out, paths, func(path string) ([]byte, error) {
		b, err := n.small(r.Context(), p, path)
		if err != nil && !errors.Is(err, fs.ErrNotExist) && r.Context().Err() == nil {
			n.cfg.Diary.Error("a file for a batch could not be read", "path", path, "fault", err)
		}
		return b, err
	})
	if errors.Join(err, end()) != nil {
		panic(http.ErrAbortHandler) // so that nobody takes it for whole
	}
	return nil
}

// small gives a file of the edition that a batch may hold.
func (n *Node) small(ctx context.Context, p *published, name string) ([]byte, error) {
	if b, ok := p.loose(name); ok {
		return b, nil
	}
	if rest, ok := strings.CutPrefix(name, edition.LogDir+"/"); ok {
		if !tlog.CheckPath(rest) || !tlog.Covered(rest, p.cp.Size) {
			return nil, fs.ErrNotExist
		}
		return os.ReadFile(n.logPath(rest))
	}
	if document, _, ok := edition.Signature(name); ok {
		if _, ok, err := n.find(ctx, p, document); err != nil || !ok {
			return nil, errors.Join(err, fs.ErrNotExist)
		}
		b, err := os.ReadFile(n.signaturePath(name))
		if !errors.Is(err, fs.ErrNotExist) {
			return b, err
		}
	}
	f, ok, err := n.find(ctx, p, name)
	if err != nil {
		return nil, err
	}
	if !ok || f.Size > edition.BatchFile {
		return nil, fs.ErrNotExist
	}
	return n.readFile(ctx, f.SHA256, edition.BatchFile)
}
