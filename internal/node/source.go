package node

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"strings"

	"kua/internal/edition"
	"kua/internal/fault"
	"kua/internal/tlog"
)

// Published reads the files of the edition that was the newest one when Published
// was called, as verify.Source does; a switch meanwhile does not mix two.
type Published struct {
	n *Node
	p *published
}

// Published gives the edition to read from; node.no_edition when there is none.
func (n *Node) Published() (*Published, error) {
	p := n.edition.Load()
	if p == nil {
		return nil, fault.NotFound("node.no_edition")
	}
	return &Published{n, p}, nil
}

// String names it for people.
func (s *Published) String() string { return fmt.Sprintf("edition %d", s.p.manifest.Number) }

// Open gives the bytes of a file by its path; fs.ErrNotExist for what is not there.
func (s *Published) Open(ctx context.Context, path string) (io.ReadCloser, error) {
	missing := fmt.Errorf("open %s: %w", path, fs.ErrNotExist)
	if b, ok := s.p.loose(path); ok {
		return io.NopCloser(bytes.NewReader(b)), nil
	}
	if rest, ok := strings.CutPrefix(path, edition.LogDir+"/"); ok {
		if !tlog.Covered(rest, s.p.cp.Size) {
			return nil, missing
		}
		return os.Open(s.n.logPath(rest))
	}
	if document, _, ok := edition.Signature(path); ok {
		if _, ok, err := s.n.find(ctx, s.p, document); err != nil || !ok {
			return nil, errors.Join(missing, err)
		}
		if f, err := os.Open(s.n.signaturePath(path)); !errors.Is(err, fs.ErrNotExist) {
			return f, err
		}
	}
	f, ok, err := s.n.find(ctx, s.p, path)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, missing
	}
	content, _, err := s.n.files.Open(ctx, f.SHA256)
	return content, err
}

// Patient gives a slow reader of w time for every chunk that it takes.
func Patient(w http.ResponseWriter) http.ResponseWriter { return patientWriter{w} }
