package mirror

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"kua/internal/canon"
	"kua/internal/charter"
	"kua/internal/edition"
	"kua/internal/fault"
	"kua/internal/tlog"
	"kua/internal/verify"
)

// Target is a host that can hold files and do nothing else.
type Target interface {
	Source
	// Put writes a file of so many bytes in the place of one that may be there.
	Put(ctx context.Context, path string, r io.Reader, size int64, contentType string) error
	// List gives every file with its length; of a host that holds nothing, none.
	List(ctx context.Context, yield func(path string, size int64) error) error
	// Remove takes a file away; that it is not there is no error.
	Remove(ctx context.Context, path string) error
}

// Pushed is what a push did.
type Pushed struct {
	Target  string `json:"target"`
	Edition int    `json:"edition"`
	Files   int    `json:"files"`
	Bytes   int64  `json:"bytes"`
	Removed int    `json:"removed"`
}

// Push brings the mirror to a host: what is new or different, then signatures,
// manifest, and the checkpoint last; then what only the host's edition before
// had is removed. It may be cut off anywhere and called again. A host that holds
// a newer edition than the mirror is the fault mirror.target_newer, one that holds
// another collective's or none that can be read, together with files that are no
// edition's, stays as it is by mirror.target_other. A file of the mirror that is
// not what was signed goes nowhere: verify.differs.
func (m *Mirror) Push(ctx context.Context, to Target, workers int, progress func(Progress)) (Pushed, error) {
	k, err := m.kept()
	if err != nil {
		return Pushed{}, err
	}
	if k == nil {
		return Pushed{}, fault.NotFound("mirror.empty", m.dir)
	}
	p := &push{m: m, to: to, k: k, workers: max(workers, 1), progress: progress, here: make(map[string]int64)}
	p.out = Pushed{Target: to.String(), Edition: k.manifest.Number}
	err = p.run(ctx, &p.out)
	return p.out, err
}

type push struct {
	m        *Mirror
	to       Target
	k        *kept
	workers  int
	progress func(Progress)
	here     map[string]int64 // what the host holds
	was      map[string]edition.File
	otherLog bool // what the host has of a log is not this one's
	out      Pushed
}

func (p *push) run(ctx context.Context, out *Pushed) error {
	err := p.to.List(ctx, func(path string, size int64) error {
		p.here[path] = size
		return nil
	})
	if err != nil {
		return err
	}
	if err := p.readBefore(ctx); err != nil {
		return err
	}
	if err := p.readLog(ctx); err != nil {
		return err
	}
	now := make(map[string]edition.File)
	read := edition.FilesIn(p.m.tree.root.FS())
	for _, part := range p.k.manifest.Parts {
		files, err := read(part)
		if err != nil {
			return err
		}
		now[part.Path()] = edition.File{Path: part.Path(), Size: part.Size, SHA256: part.SHA256}
		for _, f := range files {
			now[f.Path] = f
		}
	}
	first, last, err := p.order(now)
	if err != nil {
		return err
	}
	if err := p.putAll(ctx, first, out); err != nil {
		return err
	}
	if err := p.putLeft(ctx, out); err != nil { // before what names those files
		return err
	}
	for _, f := range last {
		if err := p.put(ctx, f, out); err != nil {
			return err
		}
	}
	return p.clear(ctx, now, last, out)
}

// putLeft says at the host what this copy leaves out, for those who verify it there.
func (p *push) putLeft(ctx context.Context, out *Pushed) error {
	if len(p.m.left.of) == 0 {
		if _, there := p.here[edition.LeftPath]; !there {
			return nil
		}
		return p.to.Remove(ctx, edition.LeftPath)
	}
	b := p.m.left.bytes()
	if err := p.to.Put(ctx, edition.LeftPath, bytes.NewReader(b), int64(len(b)), contentType(edition.LeftPath)); err != nil {
		return err
	}
	out.Files++
	out.Bytes += int64(len(b))
	return nil
}

// readBefore learns what edition the host holds. Nothing of it is believed but
// for what to send.
func (p *push) readBefore(ctx context.Context) error {
	p.was = make(map[string]edition.File)
	if _, ok := p.here[edition.ManifestPath]; !ok {
		for path := range p.here {
			if edition.CheckPath(path) != nil && !strings.HasPrefix(path, ".") && !strings.Contains(path, "/.") {
				return fault.Conflict("mirror.target_other", p.to.String(), path)
			}
		}
		return nil
	}
	doc, err := readSmall(ctx, p.to, edition.ManifestPath, edition.MaxManifest)
	if err != nil && !isMissing(err) {
		return err
	}
	before, err := edition.ParseManifest(doc)
	if err != nil {
		return nil // broken there: everything is sent
	}
	if before.Number > p.k.manifest.Number {
		return fault.Conflict("mirror.target_newer", p.to.String(), before.Number, p.k.manifest.Number)
	}
	for _, part := range before.Parts {
		now, ok := p.k.manifest.Part(part.Name)
		var b []byte
		if ok && now == part {
			b, err = p.m.tree.read(part.Path(), edition.MaxPart)
		} else {
			b, err = readSmall(ctx, p.to, part.Path(), part.Size)
		}
		if err != nil && !isMissing(err) {
			if _, ok := fault.Of(err); !ok {
				return err
			}
		}
		files, err := edition.ParsePart(part, b)
		if err != nil {
			continue // its files are sent again
		}
		p.was[part.Path()] = edition.File{Path: part.Path(), Size: part.Size, SHA256: part.SHA256}
		for _, f := range files {
			p.was[f.Path] = f
		}
	}
	return nil
}

// readLog finds out whether the log at the host is the beginning of this one: a thief of
// its key may have gone on there before the key was changed.
func (p *push) readLog(ctx context.Context) error {
	if _, ok := p.here[checkpointPath]; !ok {
		return nil
	}
	raw, err := readSmall(ctx, p.to, checkpointPath, tlog.MaxCheckpoint)
	if err != nil {
		if _, ok := fault.Of(err); !ok && !isMissing(err) {
			return err
		}
	}
	cp, err := edition.LogKeys(p.k.charter).Parse(raw)
	if err == nil {
		err = tlog.Consistent(ctx, p.m.fetch, cp, p.k.cp)
	}
	p.otherLog = err != nil
	return ctx.Err()
}

// order gives the files to send, and those to send last in this order. Of a file
// that no part lists the mirror's bytes are what they are; each checks itself.
func (p *push) order(now map[string]edition.File) (first, last []edition.File, err error) {
	add := func(list *[]edition.File, path string) error {
		b, err := p.m.tree.read(path, edition.MaxManifest)
		if err != nil {
			return fmt.Errorf("read %s: %w", path, err)
		}
		f := edition.File{Path: path, Size: int64(len(b)), SHA256: canon.Hash(b)}
		now[path] = f
		*list = append(*list, f)
		return nil
	}
	for path, f := range now {
		size, there := p.here[path]
		if there && size == f.Size && (strings.HasPrefix(path, "blobs/") || p.was[path] == f) {
			continue
		}
		if p.m.tree.size(path) < 0 && p.m.left.has(path) {
			continue
		}
		first = append(first, f)
	}
	for _, path := range tlog.NewPaths(0, p.k.cp.Size) {
		path = edition.LogDir + "/" + path
		if size, there := p.here[path]; path == checkpointPath || there && size == p.m.tree.size(path) && !p.otherLog {
			continue // never changes under its name
		}
		if err := add(&first, path); err != nil {
			return nil, nil, err
		}
	}
	if err := p.signatures(now, &first, &last, add); err != nil {
		return nil, nil, err
	}
	slices.SortFunc(first, func(a, b edition.File) int { return strings.Compare(a.Path, b.Path) })
	for _, path := range []string{edition.ManifestPath, checkpointPath} {
		if err := add(&last, path); err != nil {
			return nil, nil, err
		}
	}
	return first, last, nil
}

// signatures adds those of records to what is sent first, and the manifest's to
// what is sent last.
func (p *push) signatures(now map[string]edition.File, first, last *[]edition.File, add func(*[]edition.File, string) error) error {
	keys := keysOf(p.k.chain)
	var documents []string
	for path := range now {
		if strings.HasPrefix(path, "records/") {
			documents = append(documents, path)
		}
	}
	slices.Sort(documents)
	for _, path := range append(documents, edition.ManifestPath) {
		for _, key := range keys {
			sig := edition.SignaturePath(path, charter.KeyID(key))
			if p.m.tree.size(sig) != 64 {
				continue
			}
			list := first
			if path == edition.ManifestPath {
				list = last
			} else if p.here[sig] == 64 && p.was[path] == now[path] {
				now[sig] = edition.File{Path: sig, Size: 64}
				continue
			}
			if err := add(list, sig); err != nil {
				return err
			}
		}
	}
	return nil
}

func (p *push) putAll(ctx context.Context, files []edition.File, out *Pushed) error {
	total := int64(0)
	for _, f := range files {
		total += f.Size
	}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(p.workers)
	counts := make(chan edition.File)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for f := range counts {
			out.Files++
			out.Bytes += f.Size
			if p.progress != nil {
				p.progress(Progress{out.Bytes, total})
			}
		}
	}()
	for _, f := range files {
		g.Go(func() error {
			err := p.send(ctx, f)
			if err == nil {
				counts <- f
			}
			return err
		})
	}
	err := g.Wait()
	close(counts)
	<-done
	return err
}

func (p *push) put(ctx context.Context, f edition.File, out *Pushed) error {
	if err := p.send(ctx, f); err != nil {
		return err
	}
	out.Files++
	out.Bytes += f.Size
	return nil
}

// send reads a file twice: once to prove it, since a host cannot take a file
// back that was found wrong at its end, and once to send it.
func (p *push) send(ctx context.Context, f edition.File) error {
	if f.Size <= smallFile {
		b, err := p.m.tree.read(f.Path, f.Size)
		if err != nil {
			return err
		}
		if canon.Hash(b) != f.SHA256 {
			return fault.Corrupt("verify.differs", f.Path)
		}
		return p.to.Put(ctx, f.Path, bytes.NewReader(b), f.Size, contentType(f.Path))
	}
	in, err := verify.OpenPlain(p.m.tree.dirs, f.Path)
	if err != nil {
		return err
	}
	defer in.Close()
	h := sha256.New()
	n, err := io.Copy(h, in)
	if err != nil {
		return err
	}
	if n != f.Size || hex.EncodeToString(h.Sum(nil)) != f.SHA256 {
		return fault.Corrupt("verify.differs", f.Path)
	}
	if _, err := in.Seek(0, io.SeekStart); err != nil {
		return err
	}
	return p.to.Put(ctx, f.Path, io.LimitReader(in, f.Size), f.Size, contentType(f.Path))
}

// clear removes what the host's edition before had and this one has not, and
// signatures of the manifest before. What is no edition's it leaves alone.
func (p *push) clear(ctx context.Context, now map[string]edition.File, last []edition.File, out *Pushed) error {
	for _, f := range last {
		now[f.Path] = f
	}
	var gone []string
	for path := range p.here {
		if _, named := now[path]; named || strings.HasPrefix(path, edition.LogDir+"/") && !p.otherLog || edition.CheckPath(path) != nil {
			continue
		}
		gone = append(gone, path)
	}
	slices.Sort(gone)
	var failed error
	for _, path := range gone {
		if err := p.to.Remove(ctx, path); err != nil {
			failed = errors.Join(failed, err)
			continue
		}
		out.Removed++
	}
	return failed
}
