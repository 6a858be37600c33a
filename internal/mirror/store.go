package mirror

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"

	"kua/internal/durable"
	"kua/internal/fault"
	"kua/internal/verify"
)

// smallFile is the longest file that is proved in memory before it is written.
const smallFile = 256 << 10

// tree is a folder that is written to. Links that somebody planted in it lead
// nowhere outside of the mirror, whose root every part of it shares.
type tree struct {
	root *os.Root
	at   string // within the root
	dirs *durable.Dirs
}

func openTree(dir string) (*tree, error) {
	root, err := os.OpenRoot(dir)
	return &tree{root: root, dirs: durable.NewDirs(root)}, err
}

// below is a folder within the tree.
func (t *tree) below(dir string) *tree {
	return &tree{root: t.root, at: path.Join(t.at, dir), dirs: t.dirs}
}

// name is where a file of the tree lies within the root.
func (t *tree) name(p string) string { return filepath.FromSlash(path.Join(t.at, p)) }

// makeDir makes the folder of a file, and those above it.
func (t *tree) makeDir(p string) error { return t.dirs.Make(path.Dir(path.Join(t.at, p))) }

func (t *tree) write(p string, b []byte) error {
	name := path.Join(t.at, p)
	err := t.dirs.Write(name, b, 0o644)
	if isMissing(err) {
		if err = t.makeDir(p); err == nil {
			err = t.dirs.Write(name, b, 0o644)
		}
	}
	return err
}

func (t *tree) read(p string, limit int64) ([]byte, error) {
	f, err := verify.OpenPlain(t.dirs, path.Join(t.at, p))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(b)) > limit {
		err = fault.Corrupt("verify.too_large", p)
	}
	return b, err
}

// size gives a plain file's length, or -1.
func (t *tree) size(p string) int64 {
	size := int64(-1)
	_ = t.dirs.At(path.Join(t.at, p), func(dir *os.Root, name string) error { // what cannot be looked at is not there
		info, err := dir.Lstat(name)
		if err == nil && info.Mode().IsRegular() {
			size = info.Size()
		}
		return err
	})
	return size
}

// there reports whether anything has this name.
func (t *tree) there(p string) bool {
	_, err := t.root.Lstat(t.name(p))
	return err == nil
}

// holds reports whether a file is there with these bytes.
func (t *tree) holds(it item) bool {
	if t.size(it.path) != it.size {
		return false
	}
	f, err := verify.OpenPlain(t.dirs, path.Join(t.at, it.path))
	if err != nil {
		return false
	}
	defer f.Close()
	h := sha256.New()
	_, err = io.Copy(h, f)
	return err == nil && [32]byte(h.Sum(nil)) == it.sum
}

// take brings one object into the tree, proved by its size and hash, from
// whichever source has it.
func (t *tree) take(ctx context.Context, f *fleet, it item, parts *tree) error {
	if t.holds(it) {
		return nil
	}
	name := fmt.Sprintf("%x", it.sum)
	if it.size > smallFile || parts.there(name) {
		return t.takeLarge(ctx, f, it, parts)
	}
	var came []byte // the longest beginning that a link brought before it broke
	err := f.each(ctx, it.path, func(m *member) error {
		b, err := readObject(ctx, m.src, it)
		if err != nil {
			if _, wrong := fault.Of(err); !wrong && len(b) > len(came) {
				came = b
			}
			return err
		}
		f.moved(it.size)
		return local(t.write(it.path, b))
	})
	if err != nil && len(came) > 0 {
		return errors.Join(err, local(parts.write(name, came)))
	}
	return err
}

// readObject reads a whole object into memory and proves it. Of one that was cut off
// it gives what came, unproved.
func readObject(ctx context.Context, src Source, it item) ([]byte, error) {
	if it.size == 0 {
		return nil, nil
	}
	body, at, err := src.Open(ctx, it.path, 0)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	b, n := make([]byte, it.size+1), 0
	for n < len(b) && err == nil {
		var k int
		k, err = body.Read(b[n:])
		n += k
	}
	if err != nil && err != io.EOF {
		return b[:min(int64(n), it.size)], fmt.Errorf("read %s: %w", it.path, err)
	}
	b = b[:min(int64(n), it.size)]
	return b, judge(it, int64(n), at, sha256.Sum256(b))
}

// judge names what is wrong with an object that came whole.
func judge(it item, n, at int64, sum [32]byte) error {
	switch {
	case n < it.size:
		return fault.Corrupt("verify.cut_off", it.path)
	case n > it.size:
		return fault.Corrupt("verify.too_large", it.path)
	case at != 0 || sum != it.sum:
		return fault.Corrupt("verify.differs", it.path)
	}
	return nil
}

// takeLarge brings a long object in as it comes. What has come of it outlives a
// kill, a cut link and the end of a window. Bytes of several sources can lie in
// one; when the whole is then wrong, nobody can be blamed, and it begins anew.
func (t *tree) takeLarge(ctx context.Context, f *fleet, it item, parts *tree) error {
	name := fmt.Sprintf("%x", it.sum)
	if err := parts.makeDir(name); err != nil {
		return local(err)
	}
	out, err := parts.root.OpenFile(parts.name(name), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return local(err)
	}
	defer out.Close()
	p := &partial{out: out, it: it, moved: f.moved}
	if err := p.resume(); err != nil {
		return local(err)
	}
	if err := f.each(ctx, it.path, func(m *member) error { return p.fill(ctx, m) }); err != nil {
		return err
	}
	if err := t.makeDir(it.path); err != nil {
		return local(err)
	}
	return local(t.root.Rename(parts.name(name), t.name(it.path)))
}

// partial is an object under way.
type partial struct {
	out   *os.File
	it    item
	h     hash.Hash
	have  int64
	from  *member // whose bytes they are, nil for several or those of an earlier run
	mixed bool
	moved func(int64)
}

// resume reads what has come already.
func (p *partial) resume() error {
	p.h = sha256.New()
	n, err := io.Copy(p.h, p.out)
	if err != nil {
		return err
	}
	if n > p.it.size {
		return p.restart()
	}
	p.have, p.mixed = n, n > 0
	return nil
}

func (p *partial) restart() error {
	p.h, p.have, p.from, p.mixed = sha256.New(), 0, nil, false
	if err := p.out.Truncate(0); err != nil {
		return err
	}
	_, err := p.out.Seek(0, io.SeekStart)
	return err
}

// fill asks one source for the rest. A whole that is wrong and came from several
// is begun anew with the same source, whose fault it is if it is wrong again.
func (p *partial) fill(ctx context.Context, m *member) error {
	for {
		err := p.copyFrom(ctx, m)
		ft, ok := fault.Of(err)
		if !ok || ft.Kind != fault.KindCorrupt {
			return err
		}
		again := p.mixed
		if err := p.restart(); err != nil {
			return local(err)
		}
		if !again {
			return err
		}
	}
}

func (p *partial) copyFrom(ctx context.Context, m *member) error {
	body, at, err := m.src.Open(ctx, p.it.path, p.have)
	if errors.Is(err, errPast) {
		return fault.Corrupt("verify.cut_off", p.it.path)
	}
	if err != nil {
		return err
	}
	defer body.Close()
	if at != p.have {
		if err := p.restart(); err != nil {
			return local(err)
		}
	}
	if p.have > 0 && p.from != m {
		p.mixed = true
	}
	p.from = m
	if _, err := io.Copy(&landing{p}, io.LimitReader(body, p.it.size-p.have+1)); err != nil {
		return err
	}
	return judge(p.it, p.have, 0, [32]byte(p.h.Sum(nil)))
}

// landing writes, hashes and counts what comes.
type landing struct{ p *partial }

// Write implements io.Writer.
func (l *landing) Write(b []byte) (int, error) {
	if _, err := l.p.out.Write(b); err != nil {
		return 0, local(err)
	}
	l.p.h.Write(b)
	l.p.have += int64(len(b))
	l.p.moved(int64(len(b)))
	return len(b), nil
}

func isMissing(err error) bool { return errors.Is(err, fs.ErrNotExist) }

// remove takes a file or a whole folder away; that it is not there is no error.
func (t *tree) remove(p string) error {
	t.dirs.Forget()
	return t.root.RemoveAll(t.name(p))
}
