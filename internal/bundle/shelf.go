package bundle

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"syscall"

	"kua/internal/fault"
)

// Aside is a part, or a file in one, that counts for nothing, and why.
type Aside struct {
	File string `json:"file"`
	Key  string `json:"key"`
	Args []any  `json:"args,omitempty"`
}

func asideOf(file string, err error) Aside {
	ft, ok := fault.Of(err)
	if !ok {
		ft = fault.Corrupt("bundle.unreadable", file)
	}
	return Aside{file, ft.Key, ft.Args}
}

// Shelf is the parts that were found, by the set they belong to.
type Shelf struct {
	Sets  []*Stack `json:"sets"`
	Aside []Aside  `json:"aside,omitempty"`
}

// Stack is the parts of one set. The same part from two sticks is kept twice: one
// may be damaged.
type Stack struct {
	ID    string `json:"id"`
	Set   Set    `json:"set"`
	parts map[int][]part
}

// part is a part in a file whose description was read. Its bytes are not believed
// before they are hashed.
type part struct {
	file   string
	about  About
	at     int64 // where the shard begins
	tested bool
}

// Have gives the indexes of the parts that are there, in order.
func (s *Stack) Have() []int { return slices.Sorted(maps.Keys(s.parts)) }

// Missing gives the indexes of the parts with files that are not there.
func (s *Stack) Missing() []int {
	var m []int
	for i := range s.Set.Data {
		if len(s.parts[i]) == 0 {
			m = append(m, i)
		}
	}
	return m
}

// Whole reports whether everything can be had from the parts that are there.
func (s *Stack) Whole() bool { return len(s.parts) >= s.Set.Data }

// Limits on what a stranger's stick can make its reader look at.
const (
	mostFiles = 200_000
	mostDepth = 8
)

// Gather looks for parts in files and folders, and in the folders below. Links are
// not followed, what is no plain file is not opened, and files that are no parts
// are passed over; one that was named and is none is set aside, as is every part
// that contradicts itself.
func Gather(ctx context.Context, names ...string) (*Shelf, error) {
	g := &gathering{ctx: ctx, sets: make(map[string]*Stack)}
	for _, name := range names {
		info, err := os.Stat(name)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, fault.NotFound("bundle.no_such", name).Because(err)
		}
		if err != nil {
			return nil, err
		}
		if info.IsDir() {
			err = g.folder(name, 0)
		} else {
			err = g.file(name, true)
		}
		if err != nil {
			return nil, err
		}
	}
	s := &Shelf{Aside: g.aside}
	s.Sets = slices.SortedFunc(maps.Values(g.sets), func(a, b *Stack) int {
		return cmp.Or(cmp.Compare(b.Set.Edition, a.Set.Edition), cmp.Compare(a.ID, b.ID))
	})
	return s, nil
}

type gathering struct {
	ctx   context.Context
	sets  map[string]*Stack
	aside []Aside
	seen  int
}

func (g *gathering) folder(dir string, depth int) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	for {
		entries, err := f.ReadDir(256)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		for _, e := range entries {
			if g.seen++; g.seen > mostFiles {
				return fault.TooLarge("bundle.too_many_files", mostFiles)
			}
			name := filepath.Join(dir, e.Name())
			switch {
			case g.ctx.Err() != nil:
				return g.ctx.Err()
			case e.Name()[0] == '.':
			case e.IsDir() && depth < mostDepth:
				err = g.folder(name, depth+1)
			case e.Type().IsRegular():
				err = g.file(name, false)
			}
			if err != nil {
				return err
			}
		}
	}
}

// file reads a part's description, if it is one.
func (g *gathering) file(name string, named bool) error {
	f, err := openPlain(name)
	if err != nil {
		g.aside = append(g.aside, asideOf(name, err))
		return nil
	}
	defer f.Close()
	p, err := readPart(f)
	switch {
	case errors.Is(err, errOther) && !named:
		return nil
	case errors.Is(err, errOther):
		err = fault.Corrupt("bundle.not_a_part")
	}
	if err != nil {
		g.aside = append(g.aside, asideOf(name, err))
		return nil
	}
	p.file = name
	id := p.about.Set.ID()
	if g.sets[id] == nil {
		g.sets[id] = &Stack{ID: id, Set: p.about.Set, parts: make(map[int][]part)}
	}
	s := g.sets[id]
	s.parts[p.about.Index] = append(s.parts[p.about.Index], p)
	return nil
}

// openPlain opens a plain file, and waits for nobody who put a pipe in its place.
func openPlain(name string) (*os.File, error) {
	f, err := os.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK|syscall.O_NOFOLLOW, 0)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fault.Corrupt("verify.not_a_file", name)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// errOther is a file that does not claim to be a part.
var errOther = errors.New("not a part")

// readPart finds the description at the end of a part: the last file of the ZIP.
// The ZIP's directory is not read.
func readPart(f *os.File) (part, error) {
	info, err := f.Stat()
	if err != nil {
		return part{}, err
	}
	return parsePart(f, info.Size())
}

func parsePart(r io.ReaderAt, size int64) (part, error) {
	const tail = endBytes + centreBytes + int64(len(aboutName))
	if size < tail || size > MaxPart+maxAbout+maxEntries*(centreBytes+maxName) {
		return part{}, errOther
	}
	var b [tail]byte
	if _, err := r.ReadAt(b[:], size-tail); err != nil {
		return part{}, err
	}
	if string(b[:4]) != "PK\x01\x02" || string(b[centreBytes:][:len(aboutName)]) != aboutName || string(b[centreBytes+len(aboutName):][:4]) != "PK\x05\x06" {
		return part{}, errOther
	}
	at := int64(binary.LittleEndian.Uint32(b[42:]))
	e, err := readEntry(r, at, size)
	if errors.Is(err, io.EOF) || err == nil && (e.name != aboutName || e.size > maxAbout) {
		err = fault.Corrupt("bundle.not_a_part")
	}
	if err != nil {
		return part{}, err
	}
	text := make([]byte, e.size)
	if n, err := r.ReadAt(text, e.body()); n < len(text) {
		return part{}, err
	}
	p := part{}
	if p.about, err = parseAbout(text); err != nil {
		return part{}, err
	}
	if p.about.Index >= p.about.Set.Data {
		p.at = parityAt
	}
	if p.at+p.about.Length != at {
		return part{}, fault.Corrupt("bundle.not_a_part")
	}
	return p, nil
}

// test hashes the parts of a set until one of each index is right, or enough are
// when all need not be. What is wrong is taken off the shelf and named.
func (s *Stack) test(ctx context.Context, all bool, moved func(int64)) []Aside {
	var aside []Aside
	good := 0
	for _, i := range s.Have() {
		if !all && good >= s.Set.Data {
			break
		}
		var right []part
		for _, p := range s.parts[i] {
			if ctx.Err() != nil {
				return aside
			}
			if len(right) > 0 && !all {
				break
			}
			if err := p.hash(moved); err != nil {
				aside = append(aside, asideOf(p.file, err))
				continue
			}
			p.tested = true
			right = append(right, p)
		}
		if s.parts[i] = right; len(right) == 0 {
			delete(s.parts, i)
		} else {
			good++
		}
	}
	return aside
}

// hash holds a part's bytes to its description.
func (p part) hash(moved func(int64)) error {
	f, err := openPlain(p.file)
	if err != nil {
		return err
	}
	defer f.Close()
	sum := sha256.New()
	n, err := io.Copy(&counting{sum, moved}, io.NewSectionReader(f, p.at, p.about.Length))
	if err != nil {
		return err
	}
	if n != p.about.Length || hex.EncodeToString(sum.Sum(nil)) != p.about.SHA256 {
		return fault.Corrupt("bundle.part_differs", p.about.Index)
	}
	return nil
}

// counting tells of every write.
type counting struct {
	w     io.Writer
	moved func(int64)
}

// Write implements io.Writer.
func (c *counting) Write(b []byte) (int, error) {
	n, err := c.w.Write(b)
	if c.moved != nil {
		c.moved(int64(n))
	}
	return n, err
}

// Tested is what Test found.
type Tested struct {
	ID      string `json:"id"`
	Set     Set    `json:"set"`
	Good    int    `json:"good"`    // parts of different index that are sound
	Missing []int  `json:"missing"` // parts with files that are not there, or not sound
	Whole   bool   `json:"whole"`   // everything can be had from the rest
}

// Test hashes every part on the shelf. Parts that are not sound are added to Aside.
func (s *Shelf) Test(ctx context.Context, progress func(done, total int64)) ([]Tested, error) {
	var done, total int64
	for _, st := range s.Sets {
		for _, ps := range st.parts {
			for _, p := range ps {
				total += p.about.Length
			}
		}
	}
	var out []Tested
	for _, st := range s.Sets {
		s.Aside = append(s.Aside, st.test(ctx, true, func(n int64) {
			if done += n; progress != nil {
				progress(done, total)
			}
		})...)
		if err := ctx.Err(); err != nil {
			return out, err
		}
		out = append(out, Tested{st.ID, st.Set, len(st.parts), st.Missing(), st.Whole()})
	}
	return out, nil
}

// Ranges writes indexes as a person says them: 1, 4–7. They are counted from one.
func Ranges(list []int) string {
	text := ""
	for i := 0; i < len(list); {
		j := i
		for j+1 < len(list) && list[j+1] == list[j]+1 {
			j++
		}
		if text != "" {
			text += ", "
		}
		if text += fmt.Sprint(list[i] + 1); j > i {
			text += fmt.Sprintf("–%d", list[j]+1)
		}
		i = j + 1
	}
	return text
}
