package node

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"kua/internal/blob"
	"kua/internal/canon"
	"kua/internal/charter"
	"kua/internal/durable"
	"kua/internal/edition"
	"kua/internal/fault"
	"kua/internal/nodeapi"
	"kua/internal/tlog"
)

// published is the edition that the node serves. It never changes: a switch
// makes another one and puts it in its place in one step.
type published struct {
	current
	manifest edition.Manifest
	document []byte
	cp       tlog.Checkpoint
	parts    partCache
	ready    cache
}

// current is what edition/current.json says. That this one small file is
// replaced whole is what makes a switch happen or not happen.
type current struct {
	Kind       string             `json:"kind"`
	Manifest   string             `json:"manifest"` // SHA-256
	Signatures charter.Signatures `json:"signatures"`
	Checkpoint string             `json:"checkpoint"`
	LogIndex   uint64             `json:"log_index"`
	Before     string             `json:"before,omitempty"` // the manifest served before this one
}

const kindCurrent = "kua node edition"

func (n *Node) editionDir(elem ...string) string {
	return filepath.Join(append([]string{n.cfg.Dir, "edition"}, elem...)...)
}

func (n *Node) openEdition(ctx context.Context) (err error) {
	if n.files, err = blob.Dir(n.editionDir("files")); err != nil {
		return err
	}
	for _, dir := range []string{"log", "signatures"} {
		if err := durable.MakeDirs(n.editionDir(dir), 0o700); err != nil {
			return fmt.Errorf("open the edition: %w", err)
		}
	}
	if err := durable.RemoveTemporary(n.editionDir()); err != nil {
		return fmt.Errorf("open the edition: %w", err)
	}
	b, err := os.ReadFile(n.editionDir("current.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("open the edition: %w", err)
	}
	var c current
	if err := canon.Unmarshal(b, &c); err != nil || c.Kind != kindCurrent {
		return fault.Corrupt("node.edition_damaged").Because(err)
	}
	p, err := n.load(ctx, c)
	if err != nil {
		return fault.Corrupt("node.edition_damaged").Because(err)
	}
	n.edition.Store(p)
	return n.indexEdition(ctx, p)
}

// load reads what an edition's description names.
func (n *Node) load(ctx context.Context, c current) (*published, error) {
	document, err := n.readFile(ctx, c.Manifest, edition.MaxManifest)
	if err != nil {
		return nil, err
	}
	m, err := edition.ParseManifest(document)
	if err != nil {
		return nil, err
	}
	newest, _ := n.Charter()
	cp, _, err := edition.LogKeys(newest).Named([]byte(c.Checkpoint)) // the charter can be newer, and say that it counts no more
	if err != nil {
		return nil, err
	}
	return &published{current: c, manifest: m, document: document, cp: cp, ready: cache{most: n.cfg.Limits.CacheBytes}}, nil
}

// readFile reads a small file of an edition and checks it against its name.
func (n *Node) readFile(ctx context.Context, hash string, limit int64) ([]byte, error) {
	r, size, err := n.files.Open(ctx, hash)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	if size > limit {
		return nil, fault.TooLarge("node.body_too_large", limit)
	}
	b, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("read file %s: %w", hash, err)
	}
	if canon.Hash(b) != hash {
		return nil, fault.Corrupt("node.file_damaged", hash)
	}
	return b, nil
}

// partFiles reads the lists of files that a manifest's parts name.
func (n *Node) partFiles(ctx context.Context) edition.Files {
	return func(p edition.Part) ([]edition.File, error) {
		b, err := n.readFile(ctx, p.SHA256, edition.MaxPart)
		if f, ok := fault.Of(err); ok && f.Kind == fault.KindNotFound {
			return nil, fault.Invalid("node.edition_missing", p.Path(), 1).Because(err)
		}
		if err != nil {
			return nil, err
		}
		return edition.ParsePart(p, b)
	}
}

// Edition gives the number of the published edition and when it was made, 0 and
// "" when there is none.
func (n *Node) Edition() (number int, made string) {
	p := n.edition.Load()
	if p == nil {
		return 0, ""
	}
	return p.manifest.Number, p.manifest.Made
}

// find gives a path's line in the edition's parts, or the line of a part itself.
func (n *Node) find(ctx context.Context, p *published, path string) (edition.File, bool, error) {
	if name, ok := strings.CutPrefix(path, "parts/"); ok {
		part, ok := p.manifest.Part(strings.TrimSuffix(name, ".json"))
		return edition.File{Path: path, Size: part.Size, SHA256: part.SHA256}, ok && part.Path() == path, nil
	}
	part, ok := p.manifest.Part(edition.PartOf(path))
	if !ok {
		return edition.File{}, false, nil
	}
	files, err := p.parts.files(part, n.partFiles(ctx))
	if err != nil {
		return edition.File{}, false, err
	}
	i, ok := slices.BinarySearchFunc(files, path, func(f edition.File, s string) int { return cmp.Compare(f.Path, s) })
	if !ok {
		return edition.File{}, false, nil
	}
	return files[i], true, nil
}

// partCache keeps some of the lists in memory.
type partCache struct {
	sync.Mutex
	lists map[string][]edition.File
	lines int
}

const mostLines = 50_000 // about 10 MiB

func (c *partCache) files(p edition.Part, read edition.Files) ([]edition.File, error) {
	c.Lock()
	files, ok := c.lists[p.Name]
	c.Unlock()
	if ok {
		return files, nil
	}
	files, err := read(p)
	if err != nil {
		return nil, err
	}
	c.Lock()
	defer c.Unlock()
	if c.lists == nil || c.lines > mostLines {
		c.lists, c.lines = make(map[string][]edition.File), 0
	}
	if _, ok := c.lists[p.Name]; !ok {
		c.lists[p.Name] = files
		c.lines += len(files)
	}
	return files, nil
}

// editionState tells the desk what is published.
func (n *Node) editionState(w http.ResponseWriter, _ *http.Request, _ []byte) error {
	return writeJSON(w, http.StatusOK, n.state())
}

// state says what the node serves.
func (n *Node) state() nodeapi.EditionState {
	c, _ := n.Charter()
	s := nodeapi.EditionState{Charter: c.Version}
	if p := n.edition.Load(); p != nil {
		s.Number, s.Manifest, s.Checkpoint = p.manifest.Number, p.current.Manifest, p.Checkpoint
	}
	return s
}
