// Package mirror keeps a copy of an edition: it pulls one from any carrier, says
// what is kept and how old it is, serves it, and pushes it on to hosts that can
// do nothing but hold files.
//
// It believes no source: bytes count when they hash up to what the collective's
// people signed and its log names. It has no database and no key, and reads no
// flags. How it goes about it, and why, is docs/design/survival.md; what an
// edition is, spec/edition.md.
package mirror

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"kua/internal/canon"
	"kua/internal/charter"
	"kua/internal/durable"
	"kua/internal/edition"
	"kua/internal/fault"
	"kua/internal/tlog"
)

// House is the folder within a mirror that is no part of the edition.
const House = ".kua-mirror"

// What lies in the house.
const (
	stateFile   = "state.json"
	leftFile    = "left"    // edition.LeftFile
	nextDir     = "next"    // fetched, proved, not yet in its place
	partDir     = "part"    // long objects under way, by hash
	otherDir    = "other"   // the log of a source that contradicts another
	damagedDir  = "damaged" // media that a disk spoilt and no source had: better than none
	evidenceDir = "evidence"
	lockFile    = "lock"
)

const checkpointPath = edition.LogDir + "/" + tlog.CheckpointPath

// Mirror is a copy that this process alone changes. Close it when done.
type Mirror struct {
	dir   string
	tree  *tree // the edition
	house *tree
	lock  *os.File
	state state
	left  *leftList
}

// state is what was believed last.
type state struct {
	Kind       string        `json:"kind"`
	Chain      charter.Chain `json:"chain,omitempty"`
	Checkpoint string        `json:"checkpoint,omitempty"`
	Profile    Profile       `json:"profile,omitempty"`
	Sources    []string      `json:"sources,omitempty"` // as the caller named them
	Pulled     string        `json:"pulled,omitempty"`  // the hour of the last pull that reached a source
	Aside      []Aside       `json:"aside,omitempty"`   // in that pull
}

const stateKind = "kua mirror state"

// Open opens a mirror, or with make begins an empty one. What a kill left half
// done is finished. The faults are mirror.none_here, mirror.not_empty for a folder
// of something else, mirror.busy, and mirror.broken_state.
func Open(dir string, make bool) (*Mirror, error) {
	if make {
		if err := begin(dir); err != nil {
			return nil, err
		}
	}
	info, err := os.Lstat(filepath.Join(dir, House))
	if err != nil || !info.IsDir() {
		return nil, fault.NotFound("mirror.none_here", dir).Because(err)
	}
	lock, err := lockHouse(dir)
	if err != nil {
		return nil, err
	}
	t, err := openTree(dir)
	if err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	m := &Mirror{dir: dir, tree: t, house: t.below(House), lock: lock}
	err = m.finishSwitch()
	if err == nil {
		err = m.load()
	}
	if err != nil {
		return nil, errors.Join(err, m.Close())
	}
	return m, nil
}

// Look opens a mirror to look at it. It waits for nobody: where another process
// changes the mirror, or nothing may be written, it reads what is there.
func Look(dir string) (*Mirror, error) {
	m, err := Open(dir, false)
	if !errors.Is(err, fault.Conflict("mirror.busy")) && !errors.Is(err, fault.Conflict("mirror.read_only")) {
		return m, err
	}
	t, err := openTree(dir)
	if err != nil {
		return nil, err
	}
	m = &Mirror{dir: dir, tree: t, house: t.below(House)}
	if err := m.load(); err != nil {
		return nil, errors.Join(err, m.Close())
	}
	return m, nil
}

// begin makes the house in a folder that is new, empty, or an edition already.
func begin(dir string) error {
	if err := durable.MakeDirs(dir, 0o755); err != nil {
		return err
	}
	if _, err := os.Lstat(filepath.Join(dir, House)); err == nil {
		return nil
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	if _, err := os.Stat(filepath.Join(dir, edition.ManifestPath)); err != nil {
		for _, e := range entries {
			if n := e.Name(); n[0] != '.' && n != "lost+found" && n != "System Volume Information" {
				return fault.Conflict("mirror.not_empty", dir)
			}
		}
	}
	return os.Mkdir(filepath.Join(dir, House), 0o700)
}

// lockHouse keeps a second pull away. The lock ends with the process.
func lockHouse(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, House, lockFile), os.O_RDWR|os.O_CREATE|syscall.O_NOFOLLOW, 0o600)
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS) {
		return nil, fault.Conflict("mirror.read_only", dir).Because(err)
	}
	if err != nil {
		return nil, err
	}
	for try := 0; ; try++ {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return f, nil
		}
		if try == 20 {
			return nil, errors.Join(fault.Conflict("mirror.busy", dir).Because(err), f.Close())
		}
		time.Sleep(25 * time.Millisecond) // another's last command may be ending
	}
}

// Close lets go of the folder.
func (m *Mirror) Close() error {
	m.tree.dirs.Forget()
	err := m.tree.root.Close()
	if m.lock != nil {
		err = errors.Join(err, m.lock.Close())
	}
	return err
}

func (m *Mirror) load() error {
	m.state = state{Kind: stateKind}
	b, err := m.house.read(stateFile, 16<<20)
	if err == nil {
		err = json.Unmarshal(b, &m.state)
		if err != nil || m.state.Kind != stateKind || m.state.Checkpoint != "" && len(m.state.Chain) == 0 {
			return fault.Corrupt("mirror.broken_state", filepath.Join(m.dir, House, stateFile)).Because(err)
		}
	} else if !isMissing(err) {
		return err
	}
	if b, err = m.house.read(leftFile, 1<<30); err != nil && !isMissing(err) {
		return err
	}
	if m.left, err = parseLeft(b); err != nil {
		return fault.Corrupt("mirror.broken_state", filepath.Join(m.dir, House, leftFile)).Because(err)
	}
	return nil
}

// save writes the state alone.
func (m *Mirror) save() error {
	b, err := json.Marshal(m.state)
	if err != nil {
		return err
	}
	return durable.WriteFile(filepath.Join(m.dir, House, stateFile), b, 0o600)
}

// Sources gives what the last pull named as its sources.
func (m *Mirror) Sources() []string { return m.state.Sources }

// Profile gives what this mirror keeps, "" for one that is empty.
func (m *Mirror) Profile() Profile { return m.state.Profile }

// kept is what the mirror holds, as it was believed when it came.
type kept struct {
	manifest edition.Manifest
	document []byte
	chain    charter.Chain
	charter  charter.Charter
	cp       tlog.Checkpoint
}

// kept reads it; nil stands for an empty mirror. An edition that was put there by
// other means counts for nothing that was not believed before: its files are
// used, its signatures are checked as a source's are.
func (m *Mirror) kept() (*kept, error) {
	if m.state.Checkpoint == "" {
		return nil, nil
	}
	k := &kept{chain: m.state.Chain}
	broken := func(err error) error {
		return fault.Corrupt("mirror.broken_state", filepath.Join(m.dir, House, stateFile)).Because(err)
	}
	var err error
	if k.charter, err = k.chain.Verify(""); err != nil {
		return nil, broken(err)
	}
	if k.cp, _, err = edition.LogKeys(k.charter).Named([]byte(m.state.Checkpoint)); err != nil {
		return nil, broken(err)
	}
	if k.document, err = m.tree.read(edition.ManifestPath, edition.MaxManifest); err != nil {
		return nil, fault.Corrupt("verify.missing", edition.ManifestPath).Because(err)
	}
	k.manifest, err = edition.ParseManifest(k.document)
	return k, err
}

// fetch reads the mirror's own log.
func (m *Mirror) fetch(_ context.Context, p string) ([]byte, error) {
	return m.tree.read(edition.LogDir+"/"+p, tlog.MaxResource)
}

// Log is the state of a log, for comparing.
type Log struct {
	Origin string `json:"origin"`
	Size   uint64 `json:"size"`
	Root   string `json:"root"` // hex
}

func logOf(cp tlog.Checkpoint) Log { return Log{cp.Origin, cp.Size, hex.EncodeToString(cp.Root[:])} }

func charterID(ch charter.Chain) string {
	if len(ch) == 0 {
		return ""
	}
	return canon.Hash([]byte(ch[len(ch)-1].Document))
}

func hour(now time.Time) string { return edition.Stamp(now) }

func isCancelled(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}
