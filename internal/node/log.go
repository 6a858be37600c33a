package node

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/tlog"

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
// change: other bytes for it are a fork of the log.
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
	if err == nil && covered(path, n.fixed()) {
		return fault.Corrupt("node.log_fork", path)
	}
	if err := n.roomFor(0); err != nil {
		return err
	}
	if err := writeWhole(n.logPath(path), body); err != nil {
		return err
	}
	return noContent(w)
}

// covered reports whether a log of this size fixes the bytes of a tile or bundle.
func covered(path string, size uint64) bool {
	level, rest, ok := strings.Cut(strings.TrimPrefix(path, "tile/"), "/")
	if !ok {
		return false
	}
	height := 0
	if level != "entries" {
		var err error
		if height, err = strconv.Atoi(level); err != nil {
			return false
		}
	}
	t, err := tlog.ParseTilePath(fmt.Sprintf("tile/8/%d/%s", height, rest))
	if err != nil || height > 7 {
		return false
	}
	return (uint64(t.N)*256 + uint64(t.W)) <= size>>(8*height)
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
