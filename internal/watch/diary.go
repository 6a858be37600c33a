package watch

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"kua/internal/canon"
	"kua/internal/durable"
	"kua/internal/fault"
)

// Diary is what was seen, in the order in which it was taken in: a file of
// canonical lines, of which each names the hash of the one before. Lines are added
// and never changed; the last hash, once published, holds all that came before.
type Diary struct {
	path string
	last string
	all  []Observation
	seen map[string]bool
}

// DiaryFile is the diary's name in a folder.
const DiaryFile = "observations.jsonl"

// OpenDiary reads the diary in a folder, which may have none yet. What a crash left
// of a line at the end was never acknowledged and is cut off; a line that does not
// follow the one before is the fault watch.broken_diary.
func OpenDiary(dir string) (*Diary, error) {
	if err := durable.MakeDirs(dir, 0o700); err != nil {
		return nil, fmt.Errorf("open the diary of copies: %w", err)
	}
	d := &Diary{path: filepath.Join(dir, DiaryFile), seen: make(map[string]bool)}
	b, err := os.ReadFile(d.path)
	if errors.Is(err, fs.ErrNotExist) {
		return d, nil
	}
	if err != nil {
		return nil, fmt.Errorf("open the diary of copies: %w", err)
	}
	if whole := bytes.LastIndexByte(b, '\n') + 1; whole < len(b) {
		if err := os.Truncate(d.path, int64(whole)); err != nil {
			return nil, fmt.Errorf("mend the diary of copies: %w", err)
		}
		b = b[:whole]
	}
	for n := 1; len(b) > 0; n++ {
		line, rest, _ := bytes.Cut(b, []byte("\n"))
		o, err := ParseObservation(line)
		if err != nil || o.Previous != d.last {
			return nil, fault.Corrupt("watch.broken_diary", d.path, n).Because(err)
		}
		d.note(o, line)
		b = rest
	}
	return d, nil
}

func (d *Diary) note(o Observation, line []byte) {
	d.last = canon.Hash(line)
	d.all = append(d.all, o)
	d.seen[identity(o)] = true
}

// identity tells observations apart, wherever they stand.
func identity(o Observation) string {
	o.Previous = ""
	b, err := canon.Marshal(o)
	if err != nil {
		return ""
	}
	return canon.Hash(b)
}

// Add appends what was seen and gives how many lines are new: what is there already
// is not written twice, so a file that comes by two roads may be taken in twice. It
// returns when all is on the disk.
func (d *Diary) Add(observations ...Observation) (added int, err error) {
	var out bytes.Buffer
	last := d.last
	var lines [][]byte
	var fresh []Observation
	for _, o := range observations {
		id := identity(o)
		if d.seen[id] || id == "" {
			continue
		}
		d.seen[id] = true
		o.Previous = last
		line, err := canon.Marshal(o)
		if err == nil {
			_, err = ParseObservation(line)
		}
		if err != nil {
			delete(d.seen, id)
			return 0, err
		}
		last = canon.Hash(line)
		out.Write(append(line, '\n'))
		lines, fresh = append(lines, line), append(fresh, o)
	}
	if len(fresh) == 0 {
		return 0, nil
	}
	f, err := os.OpenFile(d.path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err == nil {
		_, err = f.Write(out.Bytes())
		err = errors.Join(err, f.Sync(), f.Close())
	}
	if err == nil && len(d.all) == 0 {
		err = durable.SyncDir(filepath.Dir(d.path))
	}
	if err != nil {
		for _, o := range fresh {
			delete(d.seen, identity(o))
		}
		return 0, fmt.Errorf("write the diary of copies: %w", err)
	}
	for i, o := range fresh {
		d.note(o, lines[i])
	}
	return len(fresh), nil
}

// All gives what was seen, the first first.
func (d *Diary) All() []Observation { return d.all }

// Head names the diary's last line, "" for an empty one.
func (d *Diary) Head() string { return d.last }

// ListFile is the name of the list of copies in the diary's folder.
const ListFile = "copies.json"

// ReadCopies reads the list of copies in a folder. Where there is none the fault is
// watch.no_copies.
func ReadCopies(dir string) ([]Copy, error) {
	b, err := os.ReadFile(filepath.Join(dir, ListFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fault.NotFound("watch.no_copies", dir)
	}
	if err != nil {
		return nil, fmt.Errorf("read the list of copies: %w", err)
	}
	return ParseCopies(b)
}

// Read reads list and diary of a folder and draws the conclusions. head is that of
// the diary.
func Read(dir string) (states []State, events []Event, head string, err error) {
	copies, err := ReadCopies(dir)
	if err != nil {
		return nil, nil, "", err
	}
	d, err := OpenDiary(dir)
	if err != nil {
		return nil, nil, "", err
	}
	states, events = Judge(copies, d.All())
	return states, events, d.Head(), nil
}

// ParseObservations reads lines that somebody who looked elsewhere has sent. They
// are a stranger's words; chains of other diaries are not kept.
func ParseObservations(b []byte) ([]Observation, error) {
	if len(b) > 4<<20 {
		return nil, fault.TooLarge("watch.too_large")
	}
	var all []Observation
	for n := 1; len(b) > 0; n++ {
		line, rest, _ := bytes.Cut(b, []byte("\n"))
		if b = rest; len(line) == 0 {
			continue
		}
		o, err := ParseObservation(line)
		if err != nil {
			return nil, fault.Invalid("watch.bad_line", n).Because(err)
		}
		o.Previous = ""
		all = append(all, o)
	}
	return all, nil
}

// Lines writes observations as ParseObservations reads them.
func Lines(all []Observation) ([]byte, error) {
	var out bytes.Buffer
	for _, o := range all {
		b, err := canon.Marshal(o)
		if err != nil {
			return nil, err
		}
		out.Write(append(b, '\n'))
	}
	return out.Bytes(), nil
}
