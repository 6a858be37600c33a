package mirror

import (
	"errors"
	"io/fs"
	"net/http"
	"sync"

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
	room := rooms.Get().(*[]byte)
	defer rooms.Put(room)
	dirs := durable.NewDirs(h.root) // for this answer alone, since a switch may move folders
	defer dirs.Forget()
	out, end := edition.BatchWriter(bites{w}, w.Header(), link.TakesGzip(r.Header))
	if err := errors.Join(edition.WriteBatch(out, paths, func(path string) ([]byte, error) { return small(dirs, path, *room) }), end()); err != nil {
		panic(http.ErrAbortHandler) // so that nobody takes it for whole
	}
}

// rooms are for the files of one answer, one after another.
var rooms = sync.Pool{New: func() any { b := make([]byte, edition.BatchFile+1); return &b }}

// small reads a file that a batch may hold, into room. What is no plain file is not
// there.
func small(dirs *durable.Dirs, path string, room []byte) ([]byte, error) {
	n, err := verify.ReadPlain(dirs, path, room)
	if _, isFault := fault.Of(err); isFault {
		return nil, fs.ErrNotExist
	}
	return room[:n], err
}
