// Package courier is a folder that goes from hand to hand, on a stick or a disk,
// where no net goes: between witnesses, nodes and the desk. It holds sealed parcels
// by piece, mailboxes as nodes show them, what the desk tells its nodes, and what
// nodes signed for.
//
// Nobody has a second way of speaking because of it: the folder answers the calls
// of nodeapi as a node would, as far as it can, and what it cannot answer it carries
// on. Everything in it is a stranger's: it counts by hash or signature, or not at
// all. It opens nothing and has no key of anybody. The format is spec/courier.md.
package courier

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"kua/internal/canon"
	"kua/internal/charter"
	"kua/internal/durable"
	"kua/internal/fault"
	"kua/internal/nodeapi"
	"kua/internal/parcel"
)

// What lies in the folder, each by its name in it.
const (
	parcelsDir  = "parcels"  // <id>: index texts
	piecesDir   = "pieces"   // <2 hex>/<sha256>
	receiptsDir = "receipts" // <id>.<key id>: acknowledgements
	mailDir     = "mail"     // <key id>/<2 hex>: mailboxes
	nodesDir    = "nodes"    // <key id>.state, <key id>.files
	callsDir    = "calls"    // <key id>/<rank>-<id>: what the desk tells a node
	bodiesDir   = "bodies"   // <2 hex>/<sha256>: what belongs to it
	doneDir     = "done"     // <key id>/<id>: what a node has done of it
)

// names says what may lie where; anything else in the folder is passed over.
var names = map[string]*regexp.Regexp{
	parcelsDir:  regexp.MustCompile(`^[0-9a-f]{64}$`),
	piecesDir:   regexp.MustCompile(`^[0-9a-f]{2}/[0-9a-f]{64}$`),
	receiptsDir: regexp.MustCompile(`^[0-9a-f]{64}\.[0-9a-f]{16}$`),
	mailDir:     regexp.MustCompile(`^[0-9a-f]{16}/[0-9a-f]{2}$`),
	nodesDir:    regexp.MustCompile(`^[0-9a-f]{16}\.(state|files)$`),
	callsDir:    regexp.MustCompile(`^[0-9a-f]{16}/[0-9]-[0-9a-f]{64}$`),
	bodiesDir:   regexp.MustCompile(`^[0-9a-f]{2}/[0-9a-f]{64}$`),
	doneDir:     regexp.MustCompile(`^[0-9a-f]{16}/[0-9a-f]{64}$`),
}

// Limits on what a stranger's folder can cost.
const (
	mostNames   = 500_000 // in one of its folders
	maxEnvelope = 256 << 10
	maxCall     = 16 << 10
	maxMail     = nodeapi.MaxPages * nodeapi.MailboxSlots * nodeapi.SlotBytes
	maxHeld     = 64 << 20 // bytes of the list of files that a node holds
)

// Folder is a courier's folder. It is safe for use by several goroutines of one
// process. Close it when done.
type Folder struct {
	dir  string
	root *os.Root
	lock *os.File // the folder itself: shared by all who have it open
	mu   sync.Mutex
	made map[string]bool // folders that are there
	held map[string]bool // pieces that need not be in it: Elsewhere
}

// Open opens a courier's folder, with make a new one where there is none or an
// empty folder. The faults are courier.none_here and courier.not_empty.
func Open(dir string, make bool) (*Folder, error) {
	if make {
		if err := durable.MakeDirs(dir, 0o755); err != nil {
			return nil, err
		}
	}
	root, err := os.OpenRoot(dir)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
		return nil, fault.NotFound("courier.none_here", dir).Because(err)
	}
	if err != nil {
		return nil, err
	}
	lock, err := root.Open(".")
	if err != nil {
		return nil, errors.Join(err, root.Close())
	}
	f := &Folder{dir: dir, root: root, lock: lock, made: map[string]bool{}}
	if err := f.check(make); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

func (f *Folder) check(make bool) error {
	entries, err := fs.ReadDir(f.root.FS(), ".")
	if err != nil {
		return err
	}
	others := false
	for _, e := range entries {
		if e.IsDir() && names[e.Name()] != nil {
			return f.clear()
		}
		others = others || e.Name()[0] != '.' && e.Name() != "System Volume Information" && e.Name() != charter.Dir
	}
	switch {
	case others:
		return fault.Conflict("courier.not_empty", f.dir)
	case !make:
		return fault.NotFound("courier.none_here", f.dir)
	}
	if err := f.root.Mkdir(parcelsDir, 0o755); err != nil {
		return err
	}
	return f.clear()
}

// clear takes away what a crash left half-written, unless somebody has the folder open
// and may be writing it. The lock goes with the process, however it ends; a file system
// without locks keeps what was left.
func (f *Folder) clear() error {
	fd := int(f.lock.Fd())
	if syscall.Flock(fd, syscall.LOCK_EX|syscall.LOCK_NB) == nil {
		if err := durable.RemoveTemporary(f.dir); err != nil {
			return err
		}
	}
	_ = syscall.Flock(fd, syscall.LOCK_SH) // waits at most for another's clearing
	return nil
}

// Close lets go of the folder.
func (f *Folder) Close() error { return errors.Join(f.lock.Close(), f.root.Close()) }

// Elsewhere says which pieces a node holds already, so that a parcel counts as
// carried without them.
func (f *Folder) Elsewhere(hashes []string) {
	f.held = make(map[string]bool)
	for _, h := range hashes {
		f.held[h] = true
	}
}

// read gives a whole plain file of the folder.
func (f *Folder) read(name string, limit int64) ([]byte, error) {
	in, size, err := f.open(name)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	if size > limit {
		return nil, fault.Corrupt("courier.strange", name)
	}
	b, err := io.ReadAll(io.LimitReader(in, limit+1))
	if err == nil && int64(len(b)) > limit {
		err = fault.Corrupt("courier.strange", name)
	}
	return b, err
}

// open opens a plain file. A link, a pipe or a folder in its place is no file.
func (f *Folder) open(name string) (*os.File, int64, error) {
	in, err := f.root.OpenFile(filepath.FromSlash(name), os.O_RDONLY|syscall.O_NONBLOCK|syscall.O_NOFOLLOW, 0)
	if err != nil {
		return nil, 0, fmt.Errorf("%s: %w", name, errors.Join(err, fs.ErrNotExist))
	}
	info, err := in.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return nil, 0, errors.Join(fault.Corrupt("courier.strange", name), err, in.Close())
	}
	return in, info.Size(), nil
}

// write puts a file in its place, whole, on the disk, and dated with the day
// alone: when somebody was where is nobody's to read from a stick.
func (f *Folder) write(name string, b []byte) error {
	return f.writeFrom(name, func(w io.Writer) error {
		_, err := w.Write(b)
		return err
	})
}

// writeFrom is write for what comes in a stream. That its place is not there is no
// fs.ErrNotExist to the caller: nothing is missing but the stick.
func (f *Folder) writeFrom(name string, write func(io.Writer) error) error {
	err := f.place(name, write)
	if _, ok := fault.Of(err); !ok && errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("the folder is gone: %s", err)
	}
	return err
}

func (f *Folder) place(name string, write func(io.Writer) error) error {
	at := filepath.Join(f.dir, filepath.FromSlash(name))
	dir := filepath.Dir(filepath.FromSlash(name))
	f.mu.Lock()
	if !f.made[dir] {
		if err := f.root.MkdirAll(dir, 0o755); err != nil {
			f.mu.Unlock()
			return err
		}
		f.made[dir] = true
	}
	f.mu.Unlock()
	if real, err := filepath.EvalSymlinks(filepath.Dir(at)); err != nil {
		return err
	} else if base, err := filepath.EvalSymlinks(f.dir); err != nil || !strings.HasPrefix(real+"/", base+"/") {
		return fault.Corrupt("courier.strange", dir).Because(err)
	}
	if err := durable.Replace(at, 0o644, write); err != nil {
		return err
	}
	day := time.Now().UTC().Truncate(24 * time.Hour)
	return os.Chtimes(at, day, day)
}

func (f *Folder) remove(name string) error {
	err := f.root.Remove(filepath.FromSlash(name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// has reports whether a plain file of the folder has this size, any with size < 0.
func (f *Folder) has(name string, size int64) bool {
	info, err := f.root.Lstat(filepath.FromSlash(name))
	return err == nil && info.Mode().IsRegular() && (size < 0 || info.Size() == size)
}

// list gives the names in one of the folders, in order. What has no right to be
// there is passed over.
func (f *Folder) list(dir string) ([]string, error) {
	if info, err := f.root.Lstat(dir); err != nil || !info.IsDir() { // a link leads nowhere
		if errors.Is(err, fs.ErrNotExist) {
			err = nil
		}
		return nil, err
	}
	var all []string
	seen := 0
	err := fs.WalkDir(f.root.FS(), dir, func(p string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if seen++; seen > mostNames {
			return fault.TooLarge("courier.too_many", f.dir, mostNames)
		}
		if rest := strings.TrimPrefix(p, dir+"/"); e.Type().IsRegular() && names[dir].MatchString(rest) {
			all = append(all, rest)
		} else if e.IsDir() && strings.Count(p, "/") > 1 {
			return fs.SkipDir
		}
		return nil
	})
	slices.Sort(all)
	return all, err
}

func pieceName(hash string) string { return path.Join(piecesDir, hash[:2], hash) }
func bodyName(hash string) string  { return path.Join(bodiesDir, hash[:2], hash) }

// piece gives a piece that is what its name says. One that is not counts as not
// there, and its file is removed.
func (f *Folder) piece(hash string) ([]byte, error) {
	if !isHash(hash) {
		return nil, fs.ErrNotExist
	}
	b, err := f.read(pieceName(hash), parcel.PieceBytes)
	if _, strange := fault.Of(err); strange || err == nil && canon.Hash(b) != hash {
		return nil, errors.Join(fs.ErrNotExist, f.root.RemoveAll(filepath.FromSlash(pieceName(hash))))
	}
	return b, err
}

func isHash(s string) bool { return names[parcelsDir].MatchString(s) }

// index gives a parcel's index, if it is the one of this id.
func (f *Folder) index(id string) (parcel.Index, error) {
	text, err := f.read(path.Join(parcelsDir, id), parcel.MaxIndex)
	if err != nil {
		return parcel.Index{}, err
	}
	if canon.Hash(text) != id {
		return parcel.Index{}, fault.Corrupt("courier.strange", path.Join(parcelsDir, id))
	}
	return parcel.ReadIndex(text)
}

// Parcels gives the ids of the parcels on the way.
func (f *Folder) Parcels() ([]string, error) { return f.list(parcelsDir) }

// chain gives the charter that is in the folder, checked by itself.
func (f *Folder) chain() (charter.Chain, charter.Charter, error) {
	ch, err := charter.ReadChain(f.root.FS())
	if err != nil {
		return nil, charter.Charter{}, err
	}
	c, err := ch.Verify("")
	return ch, c, err
}

// Chain gives the charter that is in the folder, checked by itself.
func (f *Folder) Chain() (charter.Chain, error) {
	ch, _, err := f.chain()
	return ch, err
}

// PutChain keeps a charter for those who get the folder, unless the folder has a
// later version of it. Another collective's is the fault courier.other_charter.
func (f *Folder) PutChain(ch charter.Chain) error {
	if _, err := ch.Verify(""); err != nil {
		return err
	}
	old, _, err := f.chain()
	switch {
	case err == nil && old[0].Document != ch[0].Document:
		return fault.Conflict("courier.other_charter", f.dir)
	case err == nil:
		if version, parts := ch.Parts(old); parts {
			return fault.Conflict("charter.two_stories", version)
		}
		if len(old) >= len(ch) {
			return nil
		}
	}
	if err := charter.WriteChain(f.dir, ch); err != nil {
		return err
	}
	day := time.Now().UTC().Truncate(24 * time.Hour)
	return fs.WalkDir(f.root.FS(), charter.Dir, func(p string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		return f.root.Chtimes(filepath.FromSlash(p), day, day)
	})
}

// drop takes a parcel away, and its pieces but for those that another needs.
func (f *Folder) drop(id string) error {
	x, err := f.index(id)
	if err != nil {
		return nil // it is not here, or nothing that anybody could use
	}
	ids, err := f.Parcels()
	if err != nil {
		return err
	}
	needed := make(map[string]bool)
	for _, other := range ids {
		if o, err := f.index(other); err == nil && other != id {
			for _, h := range o.Pieces {
				needed[h] = true
			}
		}
	}
	for _, h := range x.Pieces {
		if !needed[h] {
			if err := f.remove(pieceName(h)); err != nil {
				return err
			}
		}
	}
	return f.remove(path.Join(parcelsDir, id))
}

// Joined is what came of taking in another folder.
type Joined struct {
	Files  int
	Sealed bool // it is another collective's: sealed parcels alone were taken
}

// Join takes in what another folder has and this one has not: pieces by hash, all
// else by its form, newer states before older. Nothing is taken away. Of a folder of
// another collective it takes sealed parcels: some of them may have been meant for this
// one, which nobody on the way can see.
func (f *Folder) Join(ctx context.Context, other *Folder) (j Joined, err error) {
	dirs := []string{piecesDir, parcelsDir, receiptsDir, doneDir, bodiesDir, callsDir, mailDir, nodesDir}
	if ch, _, err := other.chain(); err == nil {
		err := f.PutChain(ch)
		if ft, ok := fault.Of(err); ok && ft.Key == "courier.other_charter" {
			j.Sealed, dirs, err = true, dirs[:2], nil
		}
		if err != nil {
			return j, err
		}
	}
	var needed map[string]bool // bodies
	for _, dir := range dirs {
		all, err := other.list(dir)
		if err == nil && dir == bodiesDir {
			needed, err = f.undone(other)
		}
		if err != nil {
			return j, err
		}
		for _, rest := range all {
			if ctx.Err() != nil {
				return j, ctx.Err()
			}
			if dir == bodiesDir && !needed[path.Base(rest)] || dir == callsDir && f.has(doneName(rest), -1) {
				continue
			}
			took, err := f.joinFile(other, dir, path.Join(dir, rest))
			if err != nil {
				return j, err
			}
			if took {
				j.Files++
			}
		}
	}
	return j, nil
}

// undone gives the bodies of the calls in another folder of which this one does not
// know that they are done.
func (f *Folder) undone(other *Folder) (map[string]bool, error) {
	bodies := make(map[string]bool)
	all, err := other.list(callsDir)
	for _, rest := range all {
		b, err := other.read(path.Join(callsDir, rest), maxCall)
		var c nodeapi.Carried
		if err == nil && json.Unmarshal(b, &c) == nil && !f.has(doneName(rest), -1) {
			bodies[c.SHA256] = true
		}
	}
	return bodies, err
}

// doneName is where a node's word lies that it did the call with this name.
func doneName(call string) string {
	key, name, _ := strings.Cut(call, "/")
	_, id, _ := strings.Cut(name, "-")
	return path.Join(doneDir, key, id)
}

func (f *Folder) joinFile(other *Folder, dir, name string) (took bool, err error) {
	limit := map[string]int64{piecesDir: parcel.PieceBytes, parcelsDir: parcel.MaxIndex, receiptsDir: maxEnvelope, doneDir: maxEnvelope,
		callsDir: maxCall, mailDir: maxMail, nodesDir: maxHeld}[dir]
	if dir == bodiesDir {
		return f.joinBody(other, name)
	}
	b, err := other.read(name, limit)
	if err != nil {
		return false, ignoreStrange(err)
	}
	if (dir == piecesDir || dir == parcelsDir) && canon.Hash(b) != path.Base(name) {
		return false, nil
	}
	old, err := f.read(name, limit)
	switch {
	case err == nil && string(old) == string(b):
		return false, nil
	case err == nil && dir == piecesDir && canon.Hash(old) == path.Base(name):
		return false, nil
	case err == nil && (dir == nodesDir || dir == mailDir) && f.newer(other, name):
		return false, nil
	}
	return true, f.write(name, b)
}

// joinBody copies what may be long.
func (f *Folder) joinBody(other *Folder, name string) (bool, error) {
	in, size, err := other.open(name)
	if err != nil {
		return false, ignoreStrange(err)
	}
	defer in.Close()
	if f.has(name, size) {
		return false, nil
	}
	if err := f.putBody(path.Base(name), in); err != nil {
		return false, ignoreStrange(err)
	}
	return true, nil
}

func ignoreStrange(err error) error {
	if _, ok := fault.Of(err); ok || errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// newer reports whether this folder met the node that a name speaks of on a later
// day than the other folder. Signatures decide what is believed, later.
func (f *Folder) newer(other *Folder, name string) bool {
	key, _, _ := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(name, nodesDir+"/"), mailDir+"/"), ".")
	key, _, _ = strings.Cut(key, "/")
	mine, theirs := f.stateDay(key), other.stateDay(key)
	return mine >= theirs
}

// Charter gives the newest charter in the folder, checked by itself and, unless it is
// "", against the number that people know. Without one the fault is courier.no_charter.
func (f *Folder) Charter(pinned string) (charter.Charter, error) {
	ch, _, err := f.chain()
	if ft, ok := fault.Of(err); ok && ft.Kind == fault.KindNotFound {
		return charter.Charter{}, fault.NotFound("courier.no_charter", f.dir).Because(err)
	}
	if err != nil {
		return charter.Charter{}, err
	}
	return ch.Verify(pinned)
}
