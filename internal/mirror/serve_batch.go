package mirror

import (
	"errors"
	"io"
	"io/fs"
	"net/http"

	"kua/internal/durable"
	"kua/internal/edition"
	"kua/internal/fault"
	"kua/internal/link"
	"kua/internal/verify"
)

// serveBatch answers with several files at once (spec/edition.md, "Batches").
func (h *Handler) serveBatch(w http.ResponseWriter, r *http.Request) {
	select {
	case h.batches <- struct{}{}:
		defer func() { <-h.batches }()
	default:
		w.Header().Set("Retry-After", "5")
		http.Error(w, "busy", http.StatusServiceUnavailable)
		return
	}
	paths, err := edition.ReadBatch(r.Body)
	if err != nil {
		http.Error(w, "no list of files of an edition", http.StatusBadRequest)
		return
	}
	dirs := durable.NewDirs(h.root) // for this answer alone, since a switch may move folders
	defer dirs.Forget()
	out, end := edition.BatchWriter(bites{w}, w.Header(), link.TakesGzip(r.Header))
	if err := errors.Join(edition.WriteBatch(out, paths, func(path string) ([]byte, error) { return small(dirs, path) }), end()); err != nil {
		panic(http.ErrAbortHandler) // so that nobody takes it for whole
	}
}

// small reads a file that a batch may hold. What is no plain file is not there.
func small(dirs *durable.Dirs, path string) ([]byte, error) {
	f, err := verify.OpenPlain(dirs, path)
	if _, isFault := fault.Of(err); isFault {
		return nil, fs.ErrNotExist
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, edition.BatchFile+1))
}
