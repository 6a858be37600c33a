package desk

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"kua/internal/canon"
	"kua/internal/durable"
	"kua/internal/evidence"
	"kua/internal/fault"
	"kua/internal/jobs"
	"kua/internal/media"
)

// A viewing copy is a film or sound with nothing covered, made in the box of
// pixels and samples at the largest size that is ever published: every browser
// plays it, and marks lie on it as on what readers will see. It is sealed like
// the original and never leaves the desk. Until it is sealed it lies in the
// machine's memory: no disk gets faces and voices in the clear.

const (
	memoryDir     = "/dev/shm" // shm_overview(7)
	viewingPrefix = "viewing-"
	viewingPreset = "veryfast" // it is looked at here alone, so its size does not matter
)

func viewingName(original int64) string {
	return viewingPrefix + strconv.FormatInt(original, 10) + ".age"
}

// MakeViewing starts a job that makes the viewing copy of a film or sound.
func (s *Seat) MakeViewing(ctx context.Context, original int64) (job int64, err error) {
	if err := s.current(); err != nil {
		return 0, err
	}
	if _, err := s.seen(ctx, original, evidence.Film, evidence.Sound); err != nil {
		return 0, err
	}
	return s.d.queue.Add(ctx, jobViewing, subject(original), s.Name())
}

// HasViewing reports whether the viewing copy of an original is there.
func (d *Desk) HasViewing(original int64) bool {
	_, err := os.Stat(filepath.Join(d.dir, "derived", viewingName(original)))
	return err == nil
}

// Viewing opens the viewing copy of an original; custody is written as for the
// original itself. Where none was made the fault is desk.no_viewing.
func (s *Seat) Viewing(ctx context.Context, original int64) (*Opened, error) {
	if err := s.current(); err != nil {
		return nil, err
	}
	o, err := s.seen(ctx, original, evidence.Film, evidence.Sound)
	if err != nil {
		return nil, err
	}
	if _, err := s.d.db.OpenOriginal(ctx, s.actor(), evidence.Opened, original); err != nil {
		return nil, err
	}
	kind := "video/mp4"
	if o.Medium.Kind == evidence.Sound {
		kind = "audio/mp4"
	}
	opened, err := s.d.openDerived(s.person, evidence.Derivative{Sealed: viewingName(original), Type: kind})
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fault.NotFound("desk.no_viewing", original)
	}
	return opened, err
}

// viewingRoom makes a folder in memory. The fault is desk.no_memory_room where that is none.
func (d *Desk) viewingRoom() (string, error) {
	var is unix.Statfs_t
	if err := unix.Statfs(memoryDir, &is); err != nil || is.Type != unix.TMPFS_MAGIC {
		return "", fault.New(fault.KindMissing, "desk.no_memory_room", memoryDir).Because(err)
	}
	begin, err := d.viewingRooms()
	if err != nil {
		return "", err
	}
	return os.MkdirTemp(memoryDir, begin)
}

// viewingRooms is how the names of this desk's folders in memory begin.
func (d *Desk) viewingRooms() (string, error) {
	dir, err := filepath.Abs(d.dir)
	return "kua-viewing-" + canon.Hash([]byte(dir))[:16] + "-", err
}

// sweepViewings removes what a kill left in memory of copies that were being made.
func (d *Desk) sweepViewings() error {
	begin, err := d.viewingRooms()
	if err != nil {
		return err
	}
	left, err := filepath.Glob(filepath.Join(memoryDir, begin+"*"))
	for _, dir := range left {
		if e := os.RemoveAll(dir); !errors.Is(e, fs.ErrPermission) { // else another user of the machine put it there
			err = errors.Join(err, e)
		}
	}
	return err
}

// viewing makes the copy in memory and seals it for the desk's people.
func (d *Desk) viewing(ctx context.Context, j jobs.Job, progress func(done, total int64)) error {
	id := originalOf(j.Key)
	if d.HasViewing(id) {
		return nil
	}
	out, err := d.viewingRoom()
	if err != nil {
		return err
	}
	defer os.RemoveAll(out)
	in, err := d.open(ctx, d.person, d.actorOf(j.By), evidence.Opened, id)
	if err != nil {
		return err
	}
	defer in.Close()
	quick := *d.media
	quick.Preset, quick.Scratch = viewingPreset, out
	got, err := quick.Clean(ctx, in, media.Cleaning{}, out, func(done, total time.Duration) {
		progress(done.Milliseconds(), total.Milliseconds())
	})
	if err != nil {
		return err
	}
	f, err := os.Open(got.Made[0].Path)
	if err != nil {
		return err
	}
	defer f.Close()
	err = durable.Replace(filepath.Join(d.dir, "derived", viewingName(id)), 0o600, func(w io.Writer) error {
		_, err := sealTo(w, f, d.Charter().Recipients())
		return err
	})
	if err != nil {
		return fmt.Errorf("seal the viewing copy: %w", err)
	}
	return nil
}

// isViewing reports whether a name in derived is that of a viewing copy.
func isViewing(name string) bool {
	rest, prefixed := strings.CutPrefix(name, viewingPrefix)
	number, sealed := strings.CutSuffix(rest, ".age")
	_, err := strconv.ParseInt(number, 10, 64)
	return prefixed && sealed && err == nil
}
