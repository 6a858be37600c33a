package bundle

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"kua/internal/canon"
	"kua/internal/durable"
	"kua/internal/edition"
	"kua/internal/fault"
	"kua/internal/mirror"
)

// MergeOptions say how parts are put together. The zero value works.
type MergeOptions struct {
	Pinned   string // id of any charter version that the caller trusts
	Progress func(done, total int64)
}

// Merged is what Merge did.
type Merged struct {
	Edition int     `json:"edition"`
	Charter string  `json:"charter"`
	Pinned  bool    `json:"pinned"`
	Files   int     `json:"files"` // that came into the folder
	Bytes   int64   `json:"bytes"`
	Held    int     `json:"held"`    // that were there already
	Rebuilt int     `json:"rebuilt"` // parts that parity made again
	Lost    int     `json:"lost"`    // files of the sets that are not in the folder
	Wanted  int     `json:"wanted"`  // parts, of any number, that would bring what is lost
	Others  []int   `json:"others"`  // editions on the shelf that do not belong into this folder
	Aside   []Aside `json:"aside,omitempty"`
}

// Merge puts the parts on a shelf together in a folder, which may hold what an
// earlier call brought: then it grows. What comes into the folder was signed, or
// is named by hash in what was signed; the folder is a copy from which a mirror
// can be pulled, and which kua verify reads. It may be killed and called again.
//
// All sets of the newest edition that can be believed are taken, those of other
// editions are left. When no set shows by whom it was signed the fault is
// bundle.too_few, and bundle.other_edition when the folder holds another one. Where
// neither the folder nor Pinned says which collective is meant, parts of two are the
// fault mirror.two_collectives: whoever makes one up can give it the higher number.
func Merge(ctx context.Context, dir string, shelf *Shelf, opts MergeOptions) (Merged, error) {
	if len(shelf.Sets) == 0 {
		return Merged{Aside: shelf.Aside}, fault.NotFound("bundle.no_parts")
	}
	if err := durable.MakeDirs(filepath.Join(dir, house), 0o755); err != nil {
		return Merged{}, err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return Merged{}, err
	}
	m := &merger{dir: dir, root: root, opts: opts, made: make(map[string]bool), lacks: make(map[string]lack), signed: make(map[string]bool)}
	m.result.Aside, m.result.Others = shelf.Aside, []int{}
	err = m.merge(ctx, shelf)
	return m.result, errors.Join(err, root.Close())
}

type merger struct {
	dir    string
	root   *os.Root
	opts   MergeOptions
	made   map[string]bool // folders that are there
	head   *source         // of the edition that is merged
	files  map[string]edition.File
	part   string // whose files these are
	done   int64
	total  int64
	lacks  map[string]lack // of what was chosen for a set: what its best set lacks
	signed map[string]bool // what shows by whom, and is taken already
	result Merged
}

// lack is so many files that did not come whole, and parts that would bring them.
type lack struct{ files, parts int }

func (m *merger) merge(ctx context.Context, shelf *Shelf) error {
	for _, s := range shelf.Sets {
		m.total += 3 * int64(s.Set.Data) * s.Set.Shard // tested, and made again, and unpacked
	}
	var first error
	for _, s := range shelf.Sets {
		err := m.set(ctx, s, shelf)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		switch _, known := fault.Of(err); {
		case err == nil:
		case known && m.head == nil:
			if first == nil {
				first = err
			}
			m.result.Aside = append(m.result.Aside, asideOf(s.ID, err))
		default:
			return err
		}
	}
	if m.head == nil {
		return first
	}
	defer m.head.root.Close()
	if err := m.count(); err != nil {
		return err
	}
	if err := durable.SyncTree(m.dir); err != nil {
		return err
	}
	if err := m.placeHead(); err != nil {
		return err
	}
	if err := durable.SyncTree(m.dir); err != nil { // whoever is told that it is done may pull the stick out
		return err
	}
	if m.result.Lost > 0 {
		return nil // what was made again is of use when more parts come
	}
	return os.RemoveAll(filepath.Join(m.dir, house))
}

// count says what is lost, which is nothing when the folder has every file of the
// edition, by whatever road.
func (m *merger) count() error {
	for _, l := range m.lacks {
		m.result.Lost += l.files
		m.result.Wanted = max(m.result.Wanted, l.parts)
	}
	whole, err := m.sayLeft()
	if whole {
		m.result.Lost, m.result.Wanted = 0, 0
	}
	return err
}

// sayLeft writes down which files of the edition are not in the folder, for whoever
// verifies it there (spec/edition.md, "What a copy leaves out"), and reports whether none
// is missing.
func (m *merger) sayLeft() (whole bool, err error) {
	var left bytes.Buffer
	whole = true
	for _, p := range m.head.manifest.Parts {
		files, err := edition.FilesIn(m.root.FS())(p)
		if _, known := fault.Of(err); known { // it did not come, or is damaged here, which verify says
			whole = false
			continue
		}
		if err != nil {
			return false, err
		}
		for _, f := range files {
			if info, err := m.root.Lstat(filepath.FromSlash(f.Path)); err == nil && info.Size() == f.Size {
				continue
			}
			whole = false
			class := mirror.Text
			if strings.HasPrefix(f.Path, "blobs/") {
				class = mirror.Rest
			}
			if edition.MayLeave(f.Path) {
				fmt.Fprintf(&left, "%s %s %d %s %s\n", mirror.Later, class, f.Size, f.SHA256, f.Path)
			}
		}
	}
	if left.Len() > 0 {
		err = errors.Join(m.root.MkdirAll(filepath.Dir(filepath.FromSlash(edition.LeftPath)), 0o755), m.put(filepath.FromSlash(edition.LeftPath), left.Bytes()))
	} else if err = m.root.Remove(filepath.FromSlash(edition.LeftPath)); errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return whole, err
}

func (m *merger) moved(n int64) {
	if m.done += n; m.opts.Progress != nil {
		m.opts.Progress(min(m.done, m.total), m.total)
	}
}

// set takes one set of the shelf in.
func (m *merger) set(ctx context.Context, s *Stack, shelf *Shelf) error {
	if m.head != nil && canon.Hash(m.head.document) != s.Set.Manifest {
		m.result.Others = append(m.result.Others, s.Set.Edition)
		return nil
	}
	m.result.Aside = append(m.result.Aside, s.test(ctx, false, m.moved)...)
	shards, close, err := m.shards(ctx, s)
	defer close()
	if err != nil {
		return err
	}
	if m.head == nil {
		if err := m.believe(s, shards); err != nil {
			return err
		}
		if err := m.alone(s, shelf); err != nil {
			return err
		}
	}
	before := m.result.Files + m.result.Held
	if err := m.unpack(ctx, s, shards); err != nil {
		return err
	}
	choice := fmt.Sprintln(s.Set.Profile, s.Set.Records, s.Set.Since)
	l := lack{max(0, s.Set.Files-(m.result.Files+m.result.Held-before)), max(0, s.Set.Data-len(s.parts))}
	if old, ok := m.lacks[choice]; !ok || l.files < old.files {
		m.lacks[choice] = l
	}
	return nil
}

// shards opens what there is of a set's files, and makes again what is missing
// when parity suffices. A nil in the list is a shard that nobody has.
func (m *merger) shards(ctx context.Context, s *Stack) (list []*shardReader, close func(), err error) {
	var files []*os.File
	close = func() {
		for _, f := range files {
			_ = f.Close() // nothing was written
		}
	}
	list, files, err = s.open(func(p part) bool { return p.tested }) // the others are more than were needed
	missing := s.Missing()
	if err != nil || len(missing) == 0 || !s.Whole() {
		return list[:s.Set.Data], close, err
	}
	again, err := m.rebuild(ctx, s, list, missing)
	files = append(files, again...)
	return list[:s.Set.Data], close, err
}

// open opens one part of each index, of those that are wanted.
func (s *Stack) open(wanted func(part) bool) (list []*shardReader, files []*os.File, err error) {
	list = make([]*shardReader, s.Set.Shards())
	for i, ps := range s.parts {
		if !wanted(ps[0]) {
			continue
		}
		f, err := openPlain(ps[0].file)
		if err != nil {
			return list, files, err
		}
		files = append(files, f)
		list[i] = &shardReader{f, ps[0].at, ps[0].about.Length}
	}
	return list, files, nil
}

// rebuild makes missing shards again, in files that a later call finds.
func (m *merger) rebuild(ctx context.Context, s *Stack, list []*shardReader, missing []int) ([]*os.File, error) {
	work := filepath.Join(house, s.ID[:16])
	if err := m.root.MkdirAll(work, 0o755); err != nil {
		return nil, err
	}
	disk, err := durable.FreeDisk(m.dir)
	if err != nil {
		return nil, err
	}
	if need := int64(len(missing)) * s.Set.Shard; need > int64(disk.Free) {
		return nil, fault.TooLarge("bundle.no_room", m.dir, need, disk.Free)
	}
	m.result.Rebuilt += len(missing)
	var files []*os.File
	at := make(map[int]*os.File)
	fresh := false
	for _, i := range missing {
		name := filepath.Join(work, fmt.Sprintf("%05d", i))
		f, err := m.root.OpenFile(name, os.O_RDWR, 0)
		if errors.Is(err, fs.ErrNotExist) {
			fresh = true
			f, err = m.root.OpenFile(name+".new", os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o644)
		}
		if err != nil {
			return files, err
		}
		files, at[i] = append(files, f), f
	}
	if fresh {
		err := rebuild(ctx, list, s.Set.Data, s.Set.Shard, func(i int, off int64, b []byte) error {
			m.moved(int64(len(b)))
			_, err := at[i].WriteAt(b, off)
			return err
		})
		if err != nil {
			return files, err
		}
	}
	for _, i := range missing {
		list[i] = &shardReader{at[i], 0, s.Set.Shard}
		name := filepath.Join(work, fmt.Sprintf("%05d", i))
		if err := at[i].Sync(); err != nil {
			return files, err
		}
		if err := m.root.Rename(name+".new", name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return files, err
		}
	}
	return files, nil
}

// walk gives every stored file of the shards that are there, in order.
func walk(shards []*shardReader, yield func(seg segment, r io.Reader, size int64) error, strange func(error)) error {
	for _, s := range shards {
		if s == nil {
			continue
		}
		for at := int64(0); ; {
			e, err := readEntry(s, at, s.length)
			if errors.Is(err, io.EOF) {
				break
			}
			if _, broken := fault.Of(err); broken {
				strange(err)
				break // the rest of this shard has no beginning
			}
			if err != nil {
				return err
			}
			at = e.next()
			seg, err := parseName(e)
			if err != nil {
				strange(err)
				continue
			}
			if err := yield(seg, io.NewSectionReader(s, e.body(), e.size), e.size); err != nil {
				return err
			}
		}
	}
	return nil
}

// errEnough ends a walk.
var errEnough = errors.New("enough")

// mostHeads is how many of a set's heads are tried.
const mostHeads = 16

// believe finds in a set what shows by whom its edition was signed: it stands at the
// beginning, and again later.
func (m *merger) believe(s *Stack, shards []*shardReader) error {
	head, err := findHead(filepath.Join(m.dir, house, "head"), s, shards, m.open)
	if err != nil {
		return err
	}
	m.head = head
	m.result.Edition, m.result.Charter, m.result.Pinned = head.manifest.Number, head.manifest.Charter, m.opts.Pinned != ""
	return nil
}

// alone refuses a shelf on which another set shows that it is another collective's.
func (m *merger) alone(mine *Stack, shelf *Shelf) error {
	if held, err := m.held(); m.opts.Pinned != "" || held != nil || err != nil {
		return err
	}
	dir := filepath.Join(m.dir, house, "other")
	for _, s := range shelf.Sets {
		if len(s.parts) == 0 || s.Set.Manifest == mine.Set.Manifest {
			continue
		}
		list, files, err := s.open(func(part) bool { return true })
		if err == nil {
			var other *source
			if other, err = findHead(dir, s, list[:s.Set.Data], openSource); err == nil {
				if other.chain[0].Document != m.head.chain[0].Document {
					err = fault.Conflict("mirror.two_collectives", mine.file(), s.file())
				}
				err = errors.Join(err, other.root.Close())
			} else {
				err = nil // it shows nothing yet, or the stick is gone
			}
		} else {
			err = nil
		}
		for _, f := range files {
			_ = f.Close() // nothing was written
		}
		if err = errors.Join(err, os.RemoveAll(dir)); err != nil {
			return err
		}
	}
	return nil
}

// file names one of the set's files.
func (s *Stack) file() string { return s.parts[s.Have()[0]][0].file }

// findHead gathers in a folder what stands in the shards to show by whom the edition was
// signed, until believe has it. The fault is bundle.too_few, or why it was not believed.
func findHead(dir string, s *Stack, shards []*shardReader, believe func(dir string) (*source, error)) (*source, error) {
	g := &headSearch{dir: dir, manifest: s.Set.Manifest}
	defer g.close()
	var head *source
	err := walk(shards, func(seg segment, r io.Reader, size int64) error {
		whole, err := g.add(seg, r, size)
		if err != nil || !whole {
			return err
		}
		if head, err = believe(g.dir); err == nil {
			return errEnough
		}
		switch _, known := fault.Of(err); {
		case errors.Is(err, fs.ErrNotExist), isKind(err, fault.KindNotFound): // it has holes
			return nil
		case !known:
			return err
		}
		g.last = err
		return nil
	}, func(error) {})
	if head == nil && (err == nil || errors.Is(err, fs.ErrNotExist)) {
		if err = g.last; err == nil {
			err = fault.Later("bundle.too_few", len(s.parts), s.Set.Data)
		}
	}
	if head == nil {
		return nil, err
	}
	return head, nil
}

// open believes a head as far as its signatures go.
func (m *merger) open(dir string) (*source, error) {
	head, err := openSource(dir)
	if err != nil {
		return nil, err
	}
	if _, err = head.chain.Verify(m.opts.Pinned); err == nil {
		err = m.fits(head)
	}
	if err != nil {
		return nil, errors.Join(err, head.root.Close())
	}
	return head, nil
}

// headSearch gathers one head after another in a folder.
type headSearch struct {
	dir      string
	manifest string // SHA-256
	root     *os.Root
	join     *joiner
	room     int64
	within   bool // a head
	tries    int
	last     error // why the head before was not believed
}

// add takes a stored file, and says that with it a head is whole.
func (g *headSearch) add(seg segment, r io.Reader, size int64) (whole bool, err error) {
	if seg.path == edition.ManifestPath && seg.from == 0 && g.tries < mostHeads {
		if err := g.begin(); err != nil {
			return false, err
		}
	}
	if g.room -= size; !g.within || !ofHead(seg.path) || g.room < 0 {
		g.within = false
		return false, nil
	}
	path, err := g.join.add(seg, r, size)
	if err != nil || path == "" {
		return false, err
	}
	if path == edition.ManifestPath && g.join.hex != g.manifest {
		g.within, g.last = false, fault.Corrupt("verify.differs", path)
		return false, nil
	}
	if err := g.root.MkdirAll(filepath.Dir(filepath.FromSlash(path)), 0o755); err != nil {
		return false, err
	}
	g.within = path != checkpointPath
	return !g.within, g.join.place(path)
}

// begin empties the folder.
func (g *headSearch) begin() (err error) {
	if err := g.close(); err != nil {
		return err
	}
	if err := errors.Join(os.RemoveAll(g.dir), os.MkdirAll(g.dir, 0o755)); err != nil {
		return err
	}
	if g.root, err = os.OpenRoot(g.dir); err != nil {
		return err
	}
	g.join, g.room, g.within = &joiner{root: g.root}, 4*edition.MaxManifest, true
	g.tries++
	return nil
}

func (g *headSearch) close() error {
	if g.root == nil {
		return nil
	}
	return errors.Join(g.join.drop(), g.root.Close())
}

// ofHead reports whether a file belongs to what proves an edition.
func ofHead(path string) bool {
	document, _, signature := edition.Signature(path)
	return path == edition.ManifestPath || path == checkpointPath || path == charterList || edition.PartOf(path) == "charter" || signature && document == edition.ManifestPath
}

func isKind(err error, kind fault.Kind) bool {
	ft, ok := fault.Of(err)
	return ok && ft.Kind == kind
}

// fits refuses an edition where the folder holds another.
func (m *merger) fits(head *source) error {
	held, err := m.held()
	if err == nil && held != nil && canon.Hash(held) != canon.Hash(head.document) {
		err = fault.Conflict("bundle.other_edition", m.dir, head.manifest.Number)
	}
	return err
}

// held gives the manifest of the edition that the folder holds; nil for none, and where
// a disk that was full left half of one.
func (m *merger) held() ([]byte, error) {
	f, err := m.root.Open(edition.ManifestPath)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, edition.MaxManifest+1))
	if err != nil {
		return nil, err
	}
	if _, err := edition.ParseManifest(b); err != nil {
		return nil, nil
	}
	return b, nil
}
