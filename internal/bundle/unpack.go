package bundle

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"kua/internal/canon"
	"kua/internal/charter"
	"kua/internal/edition"
	"kua/internal/fault"
	"kua/internal/tlog"
)

// joiner puts the pieces of files together, one file at a time, in a file that is
// not in its place yet.
type joiner struct {
	root *os.Root
	path string
	of   int64
	next int64
	file *os.File
	sum  hash.Hash
	hex  string // of the file that came last
}

// incoming is where a file lies until it is proved.
const incoming = house + "-incoming"

// add takes a piece, and gives the path when with it the file is whole. Pieces
// that do not follow on those before are dropped with them.
func (j *joiner) add(seg segment, r io.Reader, size int64) (string, error) {
	if seg.from == 0 {
		if err := j.begin(seg); err != nil {
			return "", err
		}
	}
	if j.file == nil || seg.path != j.path || seg.from != j.next || seg.of != j.of {
		return "", j.drop()
	}
	if _, err := io.Copy(io.MultiWriter(j.file, j.sum), r); err != nil {
		return "", errors.Join(err, j.drop())
	}
	if j.next += size; j.next < j.of {
		return "", nil
	}
	j.hex = hex.EncodeToString(j.sum.Sum(nil))
	err := j.file.Close()
	j.file = nil
	return j.path, err
}

func (j *joiner) begin(seg segment) error {
	if err := j.drop(); err != nil {
		return err
	}
	f, err := j.root.OpenFile(incoming, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644)
	j.path, j.of, j.next, j.file, j.sum = seg.path, seg.of, 0, f, sha256.New()
	return err
}

func (j *joiner) drop() error {
	if j.file == nil {
		return nil
	}
	err := j.file.Close()
	j.file = nil
	return err
}

// place moves the file that is whole where it belongs.
func (j *joiner) place(path string) error { return j.root.Rename(incoming, filepath.FromSlash(path)) }

// unpack takes in of a set what is proved, and names what is not. The lists come
// first, since one may stand behind files that it proves.
func (m *merger) unpack(ctx context.Context, s *Stack, shards []*shardReader) error {
	if err := m.unpackSome(ctx, s, shards, true, func(error) {}); err != nil {
		return err
	}
	strange := func(err error) { m.result.Aside = append(m.result.Aside, asideOf(s.ID, err)) }
	if err := m.unpackSome(ctx, s, shards, false, strange); err != nil {
		return err
	}
	return m.proveLog(ctx, s)
}

// unpackSome takes in the lists of files, or everything else.
func (m *merger) unpackSome(ctx context.Context, s *Stack, shards []*shardReader, lists bool, strange func(error)) error {
	join := &joiner{root: m.root}
	skip := ""
	err := walk(shards, func(seg segment, r io.Reader, size int64) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		if strings.HasPrefix(seg.path, "parts/") != lists {
			return nil
		}
		m.moved(size)
		want, err := m.expected(seg.path)
		if err == nil && want.Size != seg.of && want.SHA256 != "" {
			err = fault.Corrupt("verify.differs", seg.path)
		}
		if err == nil && seg.of > want.Size {
			err = fault.Corrupt("verify.too_large", seg.path)
		}
		if err != nil {
			return m.aside(s, seg.path, err)
		}
		if seg.from == 0 && want.SHA256 != "" && m.holds(want) {
			skip = seg.path
			m.result.Held++
		}
		if skip == seg.path {
			return nil
		}
		path, err := join.add(seg, r, size)
		if err != nil || path == "" {
			return err
		}
		return m.take(s, join, want)
	}, strange)
	if err := errors.Join(err, join.drop()); err != nil {
		return err
	}
	if err := m.root.Remove(incoming); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// aside names a file of a set that does not come in. What only lacks its part
// is lost, not wrong.
func (m *merger) aside(s *Stack, path string, err error) error {
	if errors.Is(err, errLost) {
		return nil
	}
	if _, ok := fault.Of(err); !ok {
		return err
	}
	m.result.Aside = append(m.result.Aside, asideOf(s.ID[:8]+": "+path, err))
	return nil
}

// errLost is a file of which nothing that is here says what it must be.
var errLost = errors.New("its part did not come")

// expected says what a file must be. Of signatures and of the log the size is the
// most that there may be, and the hash is "".
func (m *merger) expected(path string) (edition.File, error) {
	if _, _, ok := edition.Signature(path); ok {
		return edition.File{Path: path, Size: 64}, nil
	}
	if path == edition.ManifestPath {
		return edition.File{Path: path, Size: int64(len(m.head.document)), SHA256: canon.Hash(m.head.document)}, nil
	}
	name := edition.PartOf(path)
	if name == "" {
		for _, p := range m.head.manifest.Parts {
			if p.Path() == path {
				return edition.File{Path: path, Size: p.Size, SHA256: p.SHA256}, nil
			}
		}
		if len(path) > len(edition.LogDir) && path[:len(edition.LogDir)+1] == edition.LogDir+"/" {
			return edition.File{Path: path, Size: tlog.MaxResource}, nil
		}
		return edition.File{}, fault.Corrupt("edition.not_listed", path)
	}
	if m.part != name {
		if err := m.readPart(name); err != nil {
			return edition.File{}, err
		}
	}
	f, ok := m.files[path]
	if !ok {
		return f, fault.Corrupt("edition.not_listed", path)
	}
	return f, nil
}

// readPart reads what files a part lists, from the folder.
func (m *merger) readPart(name string) error {
	p, ok := m.head.manifest.Part(name)
	if !ok {
		return fault.Corrupt("edition.not_listed", "parts/"+name+".json")
	}
	files, err := edition.FilesIn(m.root.FS())(p)
	if errors.Is(err, fs.ErrNotExist) {
		return errLost
	}
	if err != nil {
		return err
	}
	m.part, m.files = name, make(map[string]edition.File, len(files))
	for _, f := range files {
		m.files[f.Path] = f
	}
	return nil
}

// holds reports whether the folder has a file already.
func (m *merger) holds(want edition.File) bool {
	f, err := m.root.Open(filepath.FromSlash(want.Path))
	if err != nil {
		return false
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() || info.Size() != want.Size {
		return false
	}
	sum := sha256.New()
	_, err = io.Copy(sum, f)
	return err == nil && hex.EncodeToString(sum.Sum(nil)) == want.SHA256
}

// take proves the file that came whole, and gives it its place.
func (m *merger) take(s *Stack, j *joiner, want edition.File) error {
	if want.SHA256 != "" && j.hex != want.SHA256 {
		return m.aside(s, want.Path, fault.Corrupt("verify.differs", want.Path))
	}
	place := want.Path
	switch _, _, signature := edition.Signature(want.Path); {
	case signature:
		if err := m.proveSignature(want.Path); err != nil {
			return m.aside(s, want.Path, err)
		}
	case want.Path == edition.ManifestPath: // last, as placeHead does
		m.counted(want.Path, 0)
		return nil
	case want.SHA256 == "":
		place = house + "/head/" + want.Path
	}
	if dir := filepath.Dir(filepath.FromSlash(place)); !m.made[dir] {
		if err := m.root.MkdirAll(dir, 0o755); err != nil {
			return err
		}
		m.made[dir] = true
	}
	m.counted(want.Path, j.of)
	return j.place(place)
}

// counted counts a file that came. What shows by whom an edition was signed comes
// several times.
func (m *merger) counted(path string, bytes int64) {
	if m.signed[path] {
		m.result.Held++
		return
	}
	if ofHead(path) {
		m.signed[path] = true
	}
	m.result.Files++
	m.result.Bytes += bytes
}

// proveSignature checks the incoming signature of a record, or of the manifest.
func (m *merger) proveSignature(path string) error {
	document, id, _ := edition.Signature(path)
	sig, err := m.root.ReadFile(incoming)
	if err != nil {
		return err
	}
	doc := m.head.document
	if document != edition.ManifestPath {
		if doc, err = m.root.ReadFile(filepath.FromSlash(document)); errors.Is(err, fs.ErrNotExist) {
			return errLost
		} else if err != nil {
			return err
		}
	}
	for _, s := range m.head.chain {
		c, err := charter.Parse([]byte(s.Document))
		if err != nil {
			return err
		}
		for _, p := range c.People {
			if charter.KeyID(p.PublishKey) == id && charter.SignedBy(p.PublishKey, doc, sig) {
				return nil
			}
		}
	}
	return fault.Corrupt("verify.bad_signature", path)
}

// proveLog moves the log's files where they belong when all of them prove the
// checkpoint. Otherwise none of them is taken.
func (m *merger) proveLog(ctx context.Context, s *Stack) error {
	err := tlog.Entries(ctx, m.head.fetch, m.head.cp, 0, func(uint64, []byte) error { return nil })
	if err != nil && ctx.Err() != nil {
		return err
	}
	if err != nil {
		if s.Whole() {
			return m.aside(s, edition.LogDir, err)
		}
		return nil
	}
	for _, path := range tlog.NewPaths(0, m.head.cp.Size) {
		if path == tlog.CheckpointPath {
			continue
		}
		place := filepath.FromSlash(edition.LogDir + "/" + path)
		if err := m.root.MkdirAll(filepath.Dir(place), 0o755); err != nil {
			return err
		}
		b, err := m.head.fetch(ctx, path)
		if err != nil {
			return err
		}
		if err := m.put(place, b); err != nil {
			return err
		}
	}
	return nil
}

// placeHead puts in its place, after everything else, what makes a folder an
// edition: the manifest, and the checkpoint at the very last.
func (m *merger) placeHead() error {
	if err := m.put(edition.ManifestPath, m.head.document); err != nil {
		return err
	}
	if m.longerLog() {
		return nil
	}
	if err := m.root.MkdirAll(edition.LogDir, 0o755); err != nil {
		return err
	}
	return m.put(filepath.FromSlash(checkpointPath), m.head.cp.Raw)
}

// put gives bytes their place whole: neither a kill nor a full disk leaves half of them there.
func (m *merger) put(place string, b []byte) error {
	f, err := m.root.OpenFile(incoming, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return m.root.Rename(incoming, place)
}

// longerLog reports whether the folder has a later checkpoint than the edition that
// is merged: a stick can carry an old one, and none takes a newer one's place.
func (m *merger) longerLog() bool {
	raw, err := m.root.ReadFile(filepath.FromSlash(checkpointPath))
	ch, err2 := m.head.chain.Verify("")
	if err != nil || err2 != nil {
		return false
	}
	cp, err := tlog.ParseCheckpoint(raw, ch.Log.Origin, ch.Log.Key)
	return err == nil && cp.Size > m.head.cp.Size
}
