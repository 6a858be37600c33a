package media

import (
	"context"
	"encoding/json"
	"errors"
	"image"
	"os"
	"path/filepath"
	"time"

	"kua/internal/fault"
	"kua/internal/trace"
)

// Cleaning is what Clean is to make.
type Cleaning struct {
	// Side is the longest that a photo's longer side may become, in pixels;
	// default 4000.
	Side int
	// Mute leaves the sound of a film out.
	Mute bool
	// PhotoAlone refuses whatever is no photo by its first bytes, before a box is
	// built: the fault is media.no_photo.
	PhotoAlone bool
	// Small is the longest that the longer side of a second picture, the rung
	// "jpeg-small" of a photo, may become, in pixels; 0: none is made. It is made
	// coarser, and in the end smaller, until it has SmallBytes at most; 0: no matter.
	Small, SmallBytes int
}

const (
	defaultCleanSide = 4000
	// maxCleanSide is beyond every photo that is let in.
	maxCleanSide = 1 << 16
	cleanQuality = 88
	smallRung    = "jpeg-small"
)

// Cleaned is what Clean made, and of what.
type Cleaned struct {
	Probe Probe
	Made  []Rendition
	// Sheet is what the original tells, for the gate to search Made for. Where no
	// reader knows the format it has none, and all of it is a gap.
	Sheet trace.Sheet
}

// Clean makes, below the directory out, one file of an original outside any
// case, from its pixels and samples alone, and says what the original is and
// tells: of a film a film of at most 480 lines, of a sound "audio-m4a", of a
// photo a "jpeg", of a document a picture of each page. Nothing has passed the
// gate yet.
func (m *Runner) Clean(ctx context.Context, in Input, c Cleaning, out string, progress Progress) (Cleaned, error) {
	if c.Side == 0 {
		c.Side = defaultCleanSide
	}
	if c.Side < sideStep || c.Side > maxCleanSide {
		return Cleaned{}, fault.Invalid("media.clean_side", sideStep, maxCleanSide)
	}
	f, err := sniff(in)
	if err == nil && f.Type == Photo && f != formatGIF { // a GIF may be a film
		return m.cleanPhoto(ctx, in, f, c, out)
	}
	if c.PhotoAlone {
		return Cleaned{}, fault.Invalid("media.no_photo").Because(err)
	}
	p, err := m.Probe(ctx, in)
	if err != nil {
		return Cleaned{}, err
	}
	if p.Type == Unknown {
		return Cleaned{}, fault.Invalid("media.unknown")
	}
	sheet, err := m.Trace(ctx, in)
	if errors.Is(err, errUnread) {
		sheet, err = unreadSheet(in.Size()), nil
	}
	if err != nil {
		return Cleaned{}, err
	}
	made, err := m.makeProbed(ctx, in, p, Plan{MuteAll: c.Mute}, &c, out, progress)
	return Cleaned{p, made, sheet}, err
}

// errUnread is the fault of an original whose format no reader of traces knows.
var errUnread = fault.Invalid("trace.unknown")

func unreadSheet(size int64) trace.Sheet {
	return trace.Sheet{Gaps: []trace.Gap{{Why: "trace.gap.unknown", Bytes: size}}}
}

// cleaned is what the box says of a photo: what it is and tells, and what was
// made of it.
type cleaned struct {
	Probe Probe
	Sheet trace.Sheet
	Made  []made
}

// cleanPhoto reads a photo's traces and cleans it in one box, which costs
// as much to build as either. A box still sees one photo and no other.
func (m *Runner) cleanPhoto(ctx context.Context, in Input, f format, c Cleaning, out string) (Cleaned, error) {
	dir, err := m.room(out)
	if err != nil {
		return Cleaned{}, err
	}
	defer os.RemoveAll(dir)
	answer, err := m.enter(ctx, visit{
		args: []string{BoxCommand}, job: job{Do: "clean photo", Format: f, Clean: &c}, in: in, out: dir, wall: wallBase, tmp: f.tmp(),
	})
	if err != nil {
		return Cleaned{}, err
	}
	var said cleaned
	if err := json.Unmarshal(answer, &said); err != nil || said.Probe.Type != Photo || !said.Probe.sane(m.Limits.withDefaults()) || !said.Sheet.Sane() || len(said.Made) == 0 {
		return Cleaned{}, fault.New(fault.KindInternal, "media.box_died")
	}
	said.Probe.Format = f.Name
	made, err := take(said.Made, dir, out)
	return Cleaned{said.Probe, made, said.Sheet}, err
}

// cleanPhoto is the stage in the box. What the photo tells is read before any
// other program may see it.
func (s *stage) cleanPhoto() (cleaned, error) {
	sheet, err := s.trace()
	if errors.Is(err, errUnread) {
		sheet, err = unreadSheet(s.in.size), nil
	}
	if err != nil {
		return cleaned{}, err
	}
	p, err := s.probePhoto()
	if err != nil {
		return cleaned{}, err
	}
	img, n, err := s.decodePhoto()
	if err != nil {
		return cleaned{}, err
	}
	encode, size := s.clean(img, n)
	all := []made{{Rung: "jpeg", Width: size.X, Height: size.Y}}
	b, err := encode(s.Clean.Side, cleanQuality)
	if err == nil {
		err = os.WriteFile(filepath.Join(s.out, products["jpeg"].file), b, 0o600)
	}
	if err == nil && s.Clean.Small > 0 {
		var small made
		small, err = s.writeSmall(encode, size)
		all = append(all, small)
	}
	return cleaned{p, sheet, all}, err
}

// clean gives what codes a picture, upright and smaller, and the size that it
// has at the side asked for; planes stay planes to the end, unless their colours
// have to be changed.
func (s *stage) clean(img image.Image, n notes) (encode func(side, quality int) ([]byte, error), size image.Point) {
	planes, ok := img.(*image.YCbCr)
	if !ok || n.colours() != nil {
		large := s.upright(img, n, published(s.Clean.Side))
		return func(side, quality int) ([]byte, error) {
			fit := photoSize(large.Rect.Size(), side)
			if fit == large.Rect.Size() {
				return jpegOf(large, quality)
			}
			return jpegOf(shrink(large, fit), quality)
		}, large.Rect.Size()
	}
	planes = n.turn.applyPlanes(shrinkPlanes(planes, n.stored(planes.Rect.Size(), published(s.Clean.Side)), image.YCbCrSubsampleRatio420))
	return func(side, quality int) ([]byte, error) {
		fit := photoSize(planes.Rect.Size(), side)
		if fit == planes.Rect.Size() {
			return encodePlanes(planes, quality)
		}
		return encodePlanes(shrinkPlanes(planes, fit, image.YCbCrSubsampleRatio420), quality)
	}, planes.Rect.Size()
}

// writeSmall writes the small picture. The last try has no detail left that
// could be too much.
func (s *stage) writeSmall(encode func(side, quality int) ([]byte, error), size image.Point) (made, error) {
	side, most := max(sideStep, s.Clean.Small/sideStep*sideStep), s.Clean.SmallBytes
	for ; ; side -= sideStep {
		for _, quality := range []int{75, 55, 35} {
			b, err := encode(side, quality)
			if err != nil {
				return made{}, err
			}
			if most > 0 && len(b) > most && (side > sideStep || quality > 35) {
				continue
			}
			fit := photoSize(size, side)
			return made{Rung: smallRung, Width: fit.X, Height: fit.Y}, os.WriteFile(filepath.Join(s.out, products[smallRung].file), b, 0o600)
		}
	}
}

// cleanFilm makes the largest rung alone.
func (s *stage) cleanFilm() ([]made, error) {
	ctx := context.Background()
	all := steps(s.Probe.shown())
	top := all[len(all)-1]
	hasSound := s.audible()
	var heard time.Duration // a film whose picture ends first lasts as long as its sound
	done, total := s.Probe.Duration, s.Probe.Duration
	if hasSound {
		total *= 2
		var err error
		if heard, err = s.makeSound(ctx, []sound{inFilms[top.sound]}, 0, total); err != nil {
			return nil, err
		}
	} else {
		done = 0
	}
	length, poster, err := s.makePicture(ctx, []step{top}, hasSound, done, total)
	if err != nil {
		return nil, err
	}
	poster.done()
	s.report(total, total)
	return []made{{Rung: top.name, Width: top.size.X, Height: top.size.Y, Length: whole(max(length, heard), s.Probe.Duration), Short: s.short("video", length)}}, nil
}

func (s *stage) cleanSound() ([]made, error) {
	form := sound{aac24.file, aac24.rung, aac24.kind, aac("64k", "44100")}
	length, err := s.makeSound(context.Background(), []sound{form}, 0, s.Probe.Duration)
	if err != nil {
		return nil, err
	}
	return []made{s.heard(form, length)}, nil
}
