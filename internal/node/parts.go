package node

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"sync"
	"time"

	"kua/internal/durable"
	"kua/internal/fault"
)

// partsEach is how many pieces of one upload may be here in part: senders bring
// few at a time.
const partsEach = 8

// parts are the beginnings of pieces that have not come whole. Each is a file of
// appended frames, so that what was acknowledged is told from what a crash left
// half-written: a frame is its length in 4 bytes, the first 8 of its SHA-256, and
// its bytes. The name says upload, piece and the day of the last frame, which
// survives that file times are blurred.
type parts struct {
	dir string
	day func() string

	mu      sync.Mutex
	files   map[partKey]*part
	each    map[string]int // by upload
	holders map[partKey]map[*holder]bool
}

type partKey struct{ upload, hash string }

type part struct {
	day  string
	size int64 // bytes of the piece that it holds; -1 until it was read
	room int64 // bytes that it was counted with
}

// holder is a call that reads bytes of a piece. Whoever comes for the same piece
// afterwards interrupts it: its own sender has given it up.
type holder struct {
	interrupt func()
	left      chan struct{}
}

var partName = regexp.MustCompile(`^(\d{4}-\d{2}-\d{2})-([0-9a-f]{32})-([0-9a-f]{64})$`)

// open finds what an earlier run left, and counts it in.
func (p *parts) open(dir string, day func() string, count func(upload string, size int64)) error {
	p.dir, p.day = dir, day
	p.files, p.each, p.holders = make(map[partKey]*part), make(map[string]int), make(map[partKey]map[*holder]bool)
	if err := durable.MakeDirs(dir, 0o700); err != nil {
		return fmt.Errorf("open the parts of pieces: %w", err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("open the parts of pieces: %w", err)
	}
	for _, e := range entries {
		m := partName.FindStringSubmatch(e.Name())
		info, err := e.Info()
		if err != nil {
			return fmt.Errorf("open the parts of pieces: %w", err)
		}
		if m == nil || !info.Mode().IsRegular() {
			continue
		}
		p.files[partKey{m[2], m[3]}] = &part{day: m[1], size: -1, room: min(info.Size(), pieceBytes)}
		p.each[m[2]]++
		count(m[2], min(info.Size(), pieceBytes))
	}
	return nil
}

func (p *parts) path(k partKey, day string) string {
	return filepath.Join(p.dir, day+"-"+k.upload+"-"+k.hash)
}

// hold joins those who read bytes of a piece; the caller calls leave.
func (p *parts) hold(k partKey, interrupt func()) (leave func()) {
	h := &holder{interrupt, make(chan struct{})}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.holders[k] == nil {
		p.holders[k] = make(map[*holder]bool)
	}
	p.holders[k][h] = true
	return func() {
		p.mu.Lock()
		delete(p.holders[k], h)
		if len(p.holders[k]) == 0 {
			delete(p.holders, k)
		}
		p.mu.Unlock()
		close(h.left)
	}
}

// alone interrupts whoever reads bytes of a piece and waits until they have put
// by what they have.
func (p *parts) alone(k partKey) {
	for {
		p.mu.Lock()
		var any *holder
		for h := range p.holders[k] {
			h.interrupt()
			any = h
		}
		p.mu.Unlock()
		if any == nil {
			return
		}
		<-any.left
	}
}

// offset is how much of a piece is durably here in part.
func (p *parts) offset(k partKey) (int64, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	b, err := p.read(k)
	return int64(len(b)), err
}

// of gives the parts of an upload: their sizes by the hash of the piece.
func (p *parts) of(upload string) (map[string]int64, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.each[upload] == 0 {
		return nil, nil
	}
	all := make(map[string]int64)
	for k := range p.files {
		if k.upload == upload {
			b, err := p.read(k)
			if err != nil {
				return nil, err
			}
			if len(b) > 0 {
				all[k.hash] = int64(len(b))
			}
		}
	}
	return all, nil
}

// errOffset says that the bytes begin elsewhere than the part ends.
var errOffset = errors.New("the part does not end there")

// append adds b, which begins at offset at, and gives how much is there then. It
// returns when that is durable.
func (p *parts) append(k partKey, at int64, b []byte) (int64, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	old, err := p.read(k)
	if err != nil {
		return 0, err
	}
	have := int64(len(old))
	if at != have {
		return have, errOffset
	}
	f := p.files[k]
	if f == nil {
		if p.each[k.upload] >= partsEach {
			return 0, fault.Later("node.busy")
		}
		f = &part{day: p.day()}
		p.files[k] = f
		p.each[k.upload]++
	}
	if err := p.write(k, f, b); err != nil {
		f.size = -1 // what of it arrived is seen at the next reading
		return 0, fmt.Errorf("keep a part of piece %s: %w", k.hash, err)
	}
	f.size = have + int64(len(b))
	f.room = f.size
	return f.size, nil
}

func (p *parts) write(k partKey, f *part, b []byte) error {
	path := p.path(k, f.day)
	fresh := f.size == 0
	if today := p.day(); f.day != today {
		if err := os.Rename(path, p.path(k, today)); err != nil {
			return err
		}
		f.day, path, fresh = today, p.path(k, today), true
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(frame(b))
	err = errors.Join(err, file.Sync(), file.Close())
	if err == nil && fresh {
		err = durable.SyncDir(p.dir)
	}
	return err
}

const frameHead = 4 + 8

func frame(b []byte) []byte {
	sum := sha256.Sum256(b)
	out := binary.BigEndian.AppendUint32(make([]byte, 0, frameHead+len(b)), uint32(len(b)))
	return append(append(out, sum[:8]...), b...)
}

// readFrames gives the bytes of whole frames and how long these are together;
// what comes after them was never acknowledged.
func readFrames(file []byte) (bytes []byte, whole int) {
	for rest := file; len(rest) >= frameHead; {
		n := int(binary.BigEndian.Uint32(rest))
		if n > len(rest)-frameHead || len(bytes)+n > pieceBytes {
			break
		}
		b := rest[frameHead : frameHead+n]
		if sum := sha256.Sum256(b); [8]byte(sum[:8]) != [8]byte(rest[4:frameHead]) {
			break
		}
		bytes, rest = append(bytes, b...), rest[frameHead+n:]
		whole = len(file) - len(rest)
	}
	return bytes, whole
}

// read gives a part's bytes, cutting off what is no whole frame. p.mu is locked.
func (p *parts) read(k partKey) ([]byte, error) {
	f := p.files[k]
	if f == nil {
		return nil, nil
	}
	path := p.path(k, f.day)
	file, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		f.size = 0 // it was to be made when something failed
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read a part of piece %s: %w", k.hash, err)
	}
	b, whole := readFrames(file)
	if whole < len(file) {
		if err := os.Truncate(path, int64(whole)); err != nil {
			return nil, fmt.Errorf("mend a part of piece %s: %w", k.hash, err)
		}
	}
	f.size = int64(len(b))
	return b, nil
}

// whole gives the bytes of a part.
func (p *parts) whole(k partKey) ([]byte, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.read(k)
}

// drop forgets a part and gives how many bytes it was counted with.
func (p *parts) drop(k partKey) (int64, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f := p.files[k]
	if f == nil {
		return 0, nil
	}
	err := os.Remove(p.path(k, f.day))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return 0, fmt.Errorf("drop a part of piece %s: %w", k.hash, err)
	}
	delete(p.files, k)
	if p.each[k.upload]--; p.each[k.upload] == 0 {
		delete(p.each, k.upload)
	}
	return f.room, nil
}

// which gives the parts that fit.
func (p *parts) which(fits func(k partKey, day string) bool) []partKey {
	p.mu.Lock()
	defer p.mu.Unlock()
	var all []partKey
	for k, f := range p.files {
		if fits(k, f.day) {
			all = append(all, k)
		}
	}
	return all
}

// blur sets the times of all files.
func (p *parts) blur(to time.Time) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	var failed error
	for k, f := range p.files {
		if err := os.Chtimes(p.path(k, f.day), to, to); err != nil && !errors.Is(err, fs.ErrNotExist) {
			failed = errors.Join(failed, err)
		}
	}
	return failed
}
