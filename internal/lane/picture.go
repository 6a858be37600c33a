package lane

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"kua/internal/appeal"
	"kua/internal/blob"
	"kua/internal/durable"
	"kua/internal/fault"
	"kua/internal/lane/lanedb"
)

// Role is what a picture shows.
type Role string

// The roles.
const (
	Before Role = "before" // what is to be mended: with the report
	After  Role = "after"  // what became of it, as a citizen sees it
	Proof  Role = "proof"  // what became of it, as the authority shows it
	Added  Role = "added"  // with words that its holder added, or with which they answered
)

const (
	// MaxPictures is the most of a report, and of any later act of a citizen.
	MaxPictures = 4
	// PictureSide is the longest that a kept picture's longer side is, in pixels.
	PictureSide = 2048
	// MaxPictureBytes is the most that a photo may have as it comes.
	MaxPictureBytes = 16 << 20

	// maxUnclean is the most that is held of all photos that are being taken in.
	maxUnclean = 64 << 20
	// cleaningAtOnce bounds the boxes, cleaningWaits how many photos wait for one,
	// and for how long.
	cleaningAtOnce = 2
	cleaningWaits  = 16
	cleaningWait   = 30 * time.Second
	// freeDisk is what pictures leave of the disk.
	freeDisk = 1 << 30
)

// picturesFolder is the store of pictures in the lane's folder.
const picturesFolder = "pictures"

// Image is a cleaned picture: a JPEG of new pixels and nothing beside them.
type Image struct {
	Bytes         []byte
	Width, Height int
}

// Cleaner makes of a photo, as it came, a picture that everybody may see and a
// small one of it. It keeps nothing of the photo, and writes nothing of it that is
// not clean. Its faults are lane.picture_kind, lane.picture_large,
// lane.picture_broken and lane.picture_refused.
type Cleaner interface {
	Clean(ctx context.Context, photo *bytes.Reader) (large, small Image, err error)
}

// Picture is a picture that is kept, as pages show it.
type Picture struct {
	Hash, Small           string // names for OpenPicture: of the picture, and of its small one
	Width, Height         int
	SmallWidth, SmallHigh int
	Role                  Role  // "": of no request yet
	Event                 int64 // number of the event that brought it
}

// darkroom is where photos become pictures.
type darkroom struct {
	cleaner Cleaner
	store   func() (blob.Store, error) // opened when it is first needed: opening clears what a crash left
	dir     string                     // whose disk must stay free; "": none

	places  chan struct{} // one for each box
	waiting chan struct{} // one for each photo that has or waits for a place

	unclean *purse
}

func newDarkroom(cfg Config) darkroom {
	d := darkroom{cleaner: cfg.Cleaner, places: make(chan struct{}, cleaningAtOnce), waiting: make(chan struct{}, cleaningAtOnce+cleaningWaits),
		unclean: &purse{left: maxUnclean}}
	switch {
	case cfg.Pictures != nil:
		d.store = func() (blob.Store, error) { return cfg.Pictures, nil }
	case cfg.Dir == "":
		d.cleaner = nil
		d.store = func() (blob.Store, error) { return nil, fault.Missing("lane.no_pictures") }
	default:
		d.dir = cfg.Dir
		d.store = sync.OnceValues(func() (blob.Store, error) { return blob.Dir(filepath.Join(cfg.Dir, picturesFolder)) })
	}
	return d
}

// TakesPictures reports whether photos can be cleaned and kept here.
func (l *Lane) TakesPictures() bool { return l.pic.cleaner != nil }

// AddPicture cleans a photo and keeps what was made of it, by hash; the photo
// itself is held in memory alone and gone when AddPicture returns. It is on the
// disk then, and belongs to no request: Submit, Move or another act that names
// its hash makes it one's; a day after the day on which it was brought it is
// erased if none did. The same photo again gives the same picture.
//
// The faults are lane.no_pictures (this node cannot clean), lane.picture_large,
// lane.picture_kind, lane.picture_broken, lane.picture_refused and, for now,
// lane.pictures_busy and lane.pictures_full.
func (l *Lane) AddPicture(ctx context.Context, r io.Reader) (Picture, error) {
	if l.pic.cleaner == nil {
		return Picture{}, fault.Missing("lane.no_pictures")
	}
	if err := l.pic.roomLeft(); err != nil {
		return Picture{}, err
	}
	photo, free, err := l.pic.read(r)
	defer free()
	if err != nil {
		return Picture{}, err
	}
	large, small, err := l.pic.clean(ctx, photo)
	if err != nil {
		return Picture{}, err
	}
	return l.keep(ctx, large, small)
}

func (d *darkroom) roomLeft() error {
	if d.dir == "" {
		return nil
	}
	disk, err := durable.FreeDisk(d.dir)
	if err == nil && disk.Free < freeDisk {
		err = fault.Later("lane.pictures_full")
	}
	return err
}

// read takes a photo into memory, as long as all of them together leave room. free
// gives the room back. What lies in memory already is not copied.
func (d *darkroom) read(r io.Reader) (photo *bytes.Reader, free func(), err error) {
	if there, ok := r.(*bytes.Reader); ok && there.Size() > 0 && there.Size() <= MaxPictureBytes {
		return there, func() {}, nil
	}
	const step = 256 << 10
	var held int
	free = func() { d.unclean.give(held) }
	var b []byte
	for {
		if len(b) == cap(b) {
			more := max(step, cap(b)/2)
			if !d.unclean.take(more) {
				return nil, free, fault.Later("lane.pictures_busy")
			}
			held += more
			b = append(make([]byte, 0, cap(b)+more), b...)
		}
		n, err := r.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		switch {
		case len(b) > MaxPictureBytes:
			return nil, free, fault.TooLarge("lane.picture_large", MaxPictureBytes>>20)
		case errors.Is(err, io.EOF) && len(b) == 0:
			return nil, free, fault.Invalid("lane.picture_broken")
		case errors.Is(err, io.EOF):
			return bytes.NewReader(b), free, nil
		case err != nil:
			return nil, free, fmt.Errorf("take in a photo: %w", err)
		}
	}
}

// clean waits for a place and cleans.
func (d *darkroom) clean(ctx context.Context, photo *bytes.Reader) (large, small Image, err error) {
	select {
	case d.waiting <- struct{}{}:
		defer func() { <-d.waiting }()
	default:
		return large, small, fault.Later("lane.pictures_busy")
	}
	patience := time.NewTimer(cleaningWait)
	defer patience.Stop()
	select {
	case d.places <- struct{}{}:
		defer func() { <-d.places }()
	case <-patience.C:
		return large, small, fault.Later("lane.pictures_busy")
	case <-ctx.Done():
		return large, small, ctx.Err()
	}
	return d.cleaner.Clean(ctx, photo)
}

// keep writes the picture's line before its bytes and says that it is whole after
// them, so that no byte lies in the store of which no line knows.
func (l *Lane) keep(ctx context.Context, large, small Image) (Picture, error) {
	store, err := l.pic.store()
	if err != nil {
		return Picture{}, err
	}
	p := lanedb.Picture{Large: fileOf(large), Small: fileOf(small), Day: string(l.today())}
	was, known, err := l.db.BeginPicture(ctx, p)
	if err != nil || known {
		return picture(was), err
	}
	for hash, b := range map[string][]byte{p.Large.Hash: large.Bytes, p.Small.Hash: small.Bytes} {
		if _, err := store.Put(ctx, hash, bytes.NewReader(b)); err != nil {
			return Picture{}, fmt.Errorf("keep a picture: %w", err)
		}
	}
	return picture(p), l.db.KeepPicture(ctx, p)
}

func fileOf(i Image) lanedb.PictureFile {
	sum := sha256.Sum256(i.Bytes)
	return lanedb.PictureFile{Hash: hex.EncodeToString(sum[:]), Size: int64(len(i.Bytes)), Width: i.Width, Height: i.Height}
}

func picture(p lanedb.Picture) Picture {
	return Picture{Hash: p.Large.Hash, Small: p.Small.Hash, Width: p.Large.Width, Height: p.Large.Height, SmallWidth: p.Small.Width, SmallHigh: p.Small.Height}
}

func uses(role Role, hashes ...string) (all []lanedb.Use) {
	for _, h := range hashes {
		all = append(all, lanedb.Use{Hash: h, Role: string(role)})
	}
	return all
}

// check holds the pictures of an act against what is kept.
func (l *Lane) check(ctx context.Context, hashes []string) error {
	if len(hashes) > MaxPictures {
		return fault.Invalid("lane.too_many_pictures", MaxPictures)
	}
	for i, h := range hashes {
		if slices.Contains(hashes[:i], h) {
			return fault.Invalid("lane.too_many_pictures", MaxPictures)
		}
		if _, err := l.Picture(ctx, h); err != nil {
			return err
		}
	}
	return nil
}

// Picture gives a picture that is kept, whether it belongs to a request or to a
// draft, or the fault lane.no_picture.
func (l *Lane) Picture(ctx context.Context, hash string) (Picture, error) {
	if !blob.IsHash(hash) {
		return Picture{}, fault.Invalid("lane.no_picture", "")
	}
	p, err := l.db.Picture(ctx, hash)
	return picture(p), err
}

// Pictures gives the pictures of requests, in the order in which they came. It
// does not ask whether a request is hidden.
func (l *Lane) Pictures(ctx context.Context, requests ...int64) (map[int64][]Picture, error) {
	kept, err := l.db.PicturesOf(ctx, requests...)
	all := map[int64][]Picture{}
	for _, u := range kept {
		p := picture(u.Picture)
		p.Role, p.Event = Role(u.Role), u.Event
		all[u.Request] = append(all[u.Request], p)
	}
	return all, err
}

// OpenPicture opens a picture, or the small one of it, that may be shown; public
// says that it belongs to a request that everybody may see. One of a draft is
// opened to whoever knows its hash, which nobody can guess. What may not be
// shown, or is not there, is the fault lane.no_picture.
func (l *Lane) OpenPicture(ctx context.Context, hash string) (f io.ReadSeekCloser, public bool, err error) {
	if !blob.IsHash(hash) {
		return nil, false, fault.NotFound("lane.no_picture", "")
	}
	if public, err = l.db.ShownFile(ctx, hash, unseenStates()); err != nil {
		return nil, false, err
	}
	store, err := l.pic.store()
	if err != nil {
		return nil, false, err
	}
	f, _, err = store.Open(ctx, hash)
	return f, public, err
}

// draftDays is how many days after the day on which it was brought a picture of a
// draft is erased.
const draftDays = 2

// sweepAtOnce bounds how many pictures one transaction lets go.
const sweepAtOnce = 200

// SweepPictures erases the pictures of drafts that were never sent, those that
// were brought before yesterday, and what an earlier sweep did not finish.
func (l *Lane) SweepPictures(ctx context.Context) error {
	before := l.now().UTC().AddDate(0, 0, 1-draftDays).Format(time.DateOnly)
	for {
		files, err := l.db.LetGo(ctx, string(appeal.Day(before)), l.now(), sweepAtOnce)
		if err != nil || len(files) == 0 {
			return err
		}
		store, err := l.pic.store()
		if err != nil {
			return err
		}
		for _, hash := range files {
			if err := store.Delete(ctx, hash); err != nil {
				return fmt.Errorf("erase a picture: %w", err)
			}
			if err := l.db.Erased(ctx, hash); err != nil {
				return err
			}
		}
	}
}

// purse is how much memory is left for something.
type purse struct {
	mu   sync.Mutex // of left
	left int
}

func (p *purse) take(n int) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if n > p.left {
		return false
	}
	p.left -= n
	return true
}

func (p *purse) give(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.left += n
}
