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
//
// What is known of a part is in memory; nobody waits for a disk to ask for it.
type parts struct {
	dir string
	day func() string

	mu      sync.Mutex                  // not held while a file is read or written
	files   map[string]map[string]*part // by upload and hash
	holders map[partKey]map[*holder]bool
	seized  map[string]chan struct{} // uploads that are being dropped, and what ends then
}

type partKey struct{ upload, hash string }

// part is changed with both locks held, and read with either.
type part struct {
	file sync.Mutex // of whoever reads or writes the file
	day  string
	size int64 // bytes of the piece that it holds
	end  int64 // of the frames in the file; what is behind it was never acknowledged

	renewed int64 // end, when blur last put a new file in its place; for who holds file
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
	p.files, p.holders, p.seized = make(map[string]map[string]*part), make(map[partKey]map[*holder]bool), make(map[string]chan struct{})
	if err := durable.MakeDirs(dir, 0o700); err != nil {
		return fmt.Errorf("open the parts of pieces: %w", err)
	}
	if err := durable.RemoveTemporary(dir); err != nil {
		return fmt.Errorf("open the parts of pieces: %w", err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("open the parts of pieces: %w", err)
	}
	for _, e := range entries {
		if err := p.find(e.Name(), count); err != nil {
			return fmt.Errorf("open the parts of pieces: %w", err)
		}
	}
	return nil
}

// find takes a file for a part if it holds anything that was acknowledged.
func (p *parts) find(name string, count func(upload string, size int64)) error {
	m := partName.FindStringSubmatch(name)
	if m == nil {
		return nil
	}
	path := filepath.Join(p.dir, name)
	file, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	b, end := readFrames(file)
	if len(b) == 0 {
		return os.Remove(path)
	}
	p.add(partKey{m[2], m[3]}, &part{day: m[1], size: int64(len(b)), end: int64(end)})
	count(m[2], int64(len(b)))
	return nil
}

func (p *parts) add(k partKey, f *part) {
	if p.files[k.upload] == nil {
		p.files[k.upload] = make(map[string]*part)
	}
	p.files[k.upload][k.hash] = f
}

func (p *parts) path(k partKey, day string) string {
	return filepath.Join(p.dir, day+"-"+k.upload+"-"+k.hash)
}

// hold joins those who read bytes of a piece; the caller calls leave. While the upload
// is being dropped it waits: what comes is the beginning of a new one.
func (p *parts) hold(k partKey, interrupt func()) (leave func()) {
	h := &holder{interrupt, make(chan struct{})}
	p.mu.Lock()
	defer p.mu.Unlock()
	for p.seized[k.upload] != nil {
		over := p.seized[k.upload]
		p.mu.Unlock()
		<-over
		p.mu.Lock()
	}
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

// busy gives the uploads of which a call is reading bytes.
func (p *parts) busy() map[string]bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := make(map[string]bool)
	for k := range p.holders {
		all[k.upload] = true
	}
	return all
}

// seize keeps every call from an upload until free is called, if none is busy with it.
func (p *parts) seize(upload string) (free func(), ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for k := range p.holders {
		if k.upload == upload {
			return nil, false
		}
	}
	over := make(chan struct{})
	p.seized[upload] = over
	return func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.seized, upload)
		close(over)
	}, true
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
func (p *parts) offset(k partKey) int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	if f := p.files[k.upload][k.hash]; f != nil {
		return f.size
	}
	return 0
}

// of gives the parts of an upload: their sizes by the hash of the piece.
func (p *parts) of(upload string) map[string]int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := make(map[string]int64)
	for hash, f := range p.files[upload] {
		if f.size > 0 {
			all[hash] = f.size
		}
	}
	return all
}

// days gives the uploads that have parts, with the day on which a byte last came.
func (p *parts) days() map[string]string {
	p.mu.Lock()
	defer p.mu.Unlock()
	days := make(map[string]string, len(p.files))
	for upload, files := range p.files {
		for _, f := range files {
			days[upload] = max(days[upload], f.day)
		}
	}
	return days
}

// take gives a part whose file is the caller's until it unlocks part.file; nil is
// none.
func (p *parts) take(k partKey) *part {
	for {
		p.mu.Lock()
		f := p.files[k.upload][k.hash]
		p.mu.Unlock()
		if f == nil {
			return nil
		}
		f.file.Lock()
		p.mu.Lock()
		same := f == p.files[k.upload][k.hash]
		p.mu.Unlock()
		if same {
			return f
		}
		f.file.Unlock() // it was dropped meanwhile
	}
}

// begin makes a part that holds nothing, if there is none.
func (p *parts) begin(k partKey) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.files[k.upload][k.hash] != nil {
		return nil
	}
	if len(p.files[k.upload]) >= partsEach {
		return fault.Later("node.busy")
	}
	p.add(k, &part{day: p.day()})
	return nil
}

// errOffset says that the bytes begin elsewhere than the part ends.
var errOffset = errors.New("the part does not end there")

// append adds b, which begins at offset at, and gives how much is there then. It
// returns when that is durable.
func (p *parts) append(k partKey, at int64, b []byte) (int64, error) {
	if at == 0 {
		if err := p.begin(k); err != nil {
			return 0, err
		}
	}
	f := p.take(k)
	if f == nil {
		return 0, errOffset
	}
	defer f.file.Unlock()
	if at != f.size {
		return f.size, errOffset
	}
	if err := p.write(k, f, b); err != nil {
		if f.size == 0 {
			err = errors.Join(err, p.remove(k, f))
		}
		return 0, fmt.Errorf("keep a part of piece %s: %w", k.hash, err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	f.size += int64(len(b))
	f.end += int64(frameHead + len(b))
	return f.size, nil
}

// write writes a frame behind those of the file, over whatever a write that failed
// left there. The caller has taken f.
func (p *parts) write(k partKey, f *part, b []byte) error {
	fresh := f.end == 0
	if today := p.day(); f.day != today {
		if err := os.Rename(p.path(k, f.day), p.path(k, today)); err != nil && !(fresh && errors.Is(err, fs.ErrNotExist)) {
			return err
		}
		p.mu.Lock()
		f.day, fresh = today, true
		p.mu.Unlock()
	}
	file, err := os.OpenFile(p.path(k, f.day), os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	err = file.Truncate(f.end)
	if err == nil {
		_, err = file.WriteAt(frame(b), f.end)
	}
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

// whole gives the bytes of a part, as far as the disk has them.
func (p *parts) whole(k partKey) ([]byte, error) {
	f := p.take(k)
	if f == nil {
		return nil, nil
	}
	defer f.file.Unlock()
	file, err := p.frames(k, f)
	b, _ := readFrames(file)
	return b, err
}

// frames gives the file as far as it was acknowledged. The caller has taken f.
func (p *parts) frames(k partKey, f *part) ([]byte, error) {
	file, err := os.ReadFile(p.path(k, f.day))
	if err != nil {
		return nil, fmt.Errorf("read a part of piece %s: %w", k.hash, err)
	}
	return file[:min(int64(len(file)), f.end)], nil
}

// drop forgets a part and gives how many bytes it held.
func (p *parts) drop(k partKey) (int64, error) {
	f := p.take(k)
	if f == nil {
		return 0, nil
	}
	defer f.file.Unlock()
	if err := p.remove(k, f); err != nil {
		return 0, fmt.Errorf("drop a part of piece %s: %w", k.hash, err)
	}
	return f.size, nil
}

// remove takes away a part and its file. The caller has taken f.
func (p *parts) remove(k partKey, f *part) error {
	if err := os.Remove(p.path(k, f.day)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.files[k.upload], k.hash)
	if len(p.files[k.upload]) == 0 {
		delete(p.files, k.upload)
	}
	return nil
}

// which gives the parts that fit.
func (p *parts) which(fits func(k partKey, day string) bool) []partKey {
	p.mu.Lock()
	defer p.mu.Unlock()
	var all []partKey
	for upload, files := range p.files {
		for hash, f := range files {
			if k := (partKey{upload, hash}); fits(k, f.day) {
				all = append(all, k)
			}
		}
	}
	return all
}

// blur puts a new file in the place of each that grew since the last time, so that
// its birth tells of this moment and not of when the part was begun, and sets its
// times and the folder's.
func (p *parts) blur(to time.Time) error {
	var failed error
	for _, k := range p.which(func(partKey, string) bool { return true }) {
		failed = errors.Join(failed, p.renew(k, to))
	}
	return errors.Join(failed, os.Chtimes(p.dir, to, to))
}

func (p *parts) renew(k partKey, to time.Time) error {
	f := p.take(k)
	if f == nil {
		return nil
	}
	defer f.file.Unlock()
	if f.end == 0 || f.renewed == f.end {
		return nil
	}
	b, err := p.frames(k, f)
	if err != nil {
		return err
	}
	path := p.path(k, f.day)
	if err := errors.Join(durable.WriteFile(path, b, 0o600), os.Chtimes(path, to, to)); err != nil {
		return err
	}
	f.renewed = f.end
	return nil
}
