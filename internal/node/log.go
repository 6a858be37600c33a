package node

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"kua/internal/fault"
	kualog "kua/internal/tlog"
)

func (n *Node) logPath(path string) string { return n.editionDir("log", filepath.FromSlash(path)) }

// fetchLog reads the log as it lies on the disk.
func (n *Node) fetchLog(_ context.Context, path string) ([]byte, error) {
	if !kualog.CheckPath(path) {
		return nil, fs.ErrNotExist
	}
	return os.ReadFile(n.logPath(path))
}

// putLog keeps a file of the log. What the published checkpoint covers can never
// change: other bytes for it are a fork of the log, unless they are what the
// checkpoint proves, and the file here went bad by itself.
func (n *Node) putLog(w http.ResponseWriter, r *http.Request, body []byte) error {
	path := r.PathValue("path")
	if !kualog.CheckPath(path) || path == kualog.CheckpointPath {
		return fault.Invalid("edition.path", fmt.Sprintf("log/%.200q", path))
	}
	if len(body) > kualog.MaxResource {
		return fault.TooLarge("node.body_too_large", kualog.MaxResource)
	}
	n.intake.Lock()
	defer n.intake.Unlock()
	same, err := sameFile(n.logPath(path), body)
	if same {
		return noContent(w)
	}
	if kualog.Covered(path, n.fixed()) {
		wrong := kualog.Holds(r.Context(), n.fetchLog, n.edition.Load().cp, path, body)
		alone := err != nil && lacks(wrong) // nothing is here against which it could be held
		if wrong != nil && !alone {
			return fault.Corrupt("node.log_fork", path).Because(wrong)
		}
		n.cfg.Diary.Warn("a file of the published log was gone or bad, and is put back", "path", path)
	}
	if err := n.roomFor(0); err != nil {
		return err
	}
	if err := writeWhole(n.logPath(path), body); err != nil {
		return err
	}
	return noContent(w)
}

// lacks reports whether a log could not be read since files of it are gone.
func lacks(err error) bool {
	f, ok := fault.Of(err)
	return ok && f.Key == "tlog.missing"
}

// dropPartial removes the partial files of tiles that have become full.
func (n *Node) dropPartial(from, to uint64) error {
	var failed error
	for _, path := range kualog.NewPaths(from, to) {
		if path != kualog.CheckpointPath && !strings.Contains(path, ".p/") {
			failed = errors.Join(failed, os.RemoveAll(n.logPath(path)+".p"))
		}
	}
	return failed
}
