package node

import (
	"cmp"
	"context"
	"crypto/ed25519"
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
		if err := makeDirs(n.editionDir(dir)); err != nil {
			return fmt.Errorf("open the edition: %w", err)
		}
	}
	if err := removeTemporary(n.editionDir()); err != nil {
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
	cp, err := tlog.ParseCheckpoint([]byte(c.Checkpoint), newest.Log.Origin, newest.Log.Key)
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
	c, _ := n.Charter()
	s := nodeapi.EditionState{Charter: c.Version}
	if p := n.edition.Load(); p != nil {
		s.Number, s.Manifest, s.Checkpoint = p.manifest.Number, p.current.Manifest, p.Checkpoint
	}
	return writeJSON(w, http.StatusOK, s)
}

// maxAsked is the most hashes of one question.
const maxAsked = 100_000

// editionMissing says which files the node lacks.
func (n *Node) editionMissing(w http.ResponseWriter, r *http.Request, body []byte) error {
	var ask nodeapi.Missing
	if err := readJSON(body, &ask); err != nil {
		return err
	}
	if len(ask.Missing) > maxAsked {
		return fault.TooLarge("node.too_many_names", maxAsked)
	}
	answer := nodeapi.Missing{Missing: []string{}}
	for _, hash := range ask.Missing {
		has, err := n.files.Has(r.Context(), hash)
		if err != nil {
			return err
		}
		if !has {
			answer.Missing = append(answer.Missing, hash)
		}
	}
	return writeJSON(w, http.StatusOK, answer)
}

// putFile keeps a file of an edition to come. It streams, so the desk signs the
// file's own hash as the body's.
func (n *Node) putFile(w http.ResponseWriter, r *http.Request) error {
	hash := r.PathValue("hash")
	want, err := n.authorised(r)
	if err != nil {
		return err
	}
	if want != hash || !blob.IsHash(hash) {
		return fault.Forbidden("nodeapi.desk_other_call")
	}
	if r.ContentLength > edition.MaxFile {
		return fault.TooLarge("node.body_too_large", int64(edition.MaxFile))
	}
	if err := n.roomFor(r.ContentLength); err != nil {
		return err
	}
	p := n.patient(w, r)
	defer p.done()
	created, err := n.files.Put(r.Context(), hash, io.LimitReader(p, edition.MaxFile+1))
	if err != nil {
		return cutOff(err)
	}
	patientWrite(w, 0)
	if created {
		w.WriteHeader(http.StatusCreated)
	}
	return nil
}

// signaturePath is where the signature of a record's document lies. It is named
// by what the edition calls it; CheckPath has seen that no path can escape.
func (n *Node) signaturePath(path string) string {
	return n.editionDir("signatures", filepath.FromSlash(path))
}

// putSignature keeps one person's signature over a record of an edition to
// come. What is published already cannot be replaced.
func (n *Node) putSignature(w http.ResponseWriter, r *http.Request, body []byte) error {
	path := r.PathValue("path")
	document, _, ok := edition.Signature(path)
	if !ok || !strings.HasPrefix(document, "records/") || edition.PartOf(document) == "" {
		return fault.Invalid("edition.path", fmt.Sprintf("%.200q", path))
	}
	if len(body) != ed25519.SignatureSize {
		return fault.Invalid("node.signature_size", path)
	}
	n.intake.Lock()
	defer n.intake.Unlock()
	same, err := sameFile(n.signaturePath(path), body)
	if same {
		return noContent(w)
	}
	if err == nil {
		if p := n.edition.Load(); p != nil {
			_, served, err := n.find(r.Context(), p, document)
			if err != nil {
				return err
			}
			if served {
				return fault.Conflict("node.signature_differs", path)
			}
		}
	}
	if err := n.roomFor(0); err != nil {
		return err
	}
	if err := writeWhole(n.signaturePath(path), body); err != nil {
		return err
	}
	return noContent(w)
}

func noContent(w http.ResponseWriter) error {
	patientWrite(w, 0)
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// readSignatures gives the signatures kept for a record's document.
func (n *Node) readSignatures(document string) (charter.Signatures, error) {
	names, err := filepath.Glob(n.signaturePath(document) + ".*.sig")
	if err != nil {
		return nil, err
	}
	sigs := make(charter.Signatures)
	for _, name := range names {
		path := document + strings.TrimPrefix(name, n.signaturePath(document))
		_, keyID, ok := edition.Signature(path)
		if !ok {
			continue
		}
		if sigs[keyID], err = os.ReadFile(name); err != nil {
			return nil, err
		}
	}
	return sigs, nil
}
