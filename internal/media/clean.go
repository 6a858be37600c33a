package media

import (
	"context"

	"kua/internal/fault"
)

// Cleaning is what Clean is to make.
type Cleaning struct {
	// Side is the longest that a photo's longer side may become, in pixels;
	// default 4000.
	Side int
	// Mute leaves the sound of a film out.
	Mute bool
}

const (
	defaultCleanSide = 4000
	// maxCleanSide is beyond every photo that is let in.
	maxCleanSide = 1 << 16
	cleanQuality = 88
)

// Clean makes, below the directory out, one file of an original outside any
// case, from its pixels and samples alone, and says what the original is: of a
// film a film of at most 480 lines, of a sound "audio-m4a", of a photo a
// "jpeg", of a document a picture of each page.
func (m *Runner) Clean(ctx context.Context, in Input, c Cleaning, out string, progress Progress) (Probe, []Rendition, error) {
	if c.Side == 0 {
		c.Side = defaultCleanSide
	}
	if c.Side < sideStep || c.Side > maxCleanSide {
		return Probe{}, nil, fault.Invalid("media.clean_side", sideStep, maxCleanSide)
	}
	p, err := m.Probe(ctx, in)
	if err != nil {
		return Probe{}, nil, err
	}
	if p.Type == Unknown {
		return p, nil, fault.Invalid("media.unknown")
	}
	made, err := m.makeProbed(ctx, in, p, Plan{MuteAll: c.Mute}, &c, out, progress)
	return p, made, err
}

// cleanFilm makes the largest rung alone.
func (s *stage) cleanFilm() ([]made, error) {
	ctx := context.Background()
	all := steps(s.Probe.shown())
	top := all[len(all)-1]
	hasSound := s.audible()
	done, total := s.Probe.Duration, s.Probe.Duration
	if hasSound {
		total *= 2
		if _, err := s.makeSound(ctx, []sound{inFilms[top.sound]}, 0, total); err != nil {
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
	return []made{{Rung: top.name, Width: top.size.X, Height: top.size.Y, Length: whole(length, s.Probe.Duration), Short: s.short(length)}}, nil
}

func (s *stage) cleanSound() ([]made, error) {
	form := sound{aac24.file, aac24.rung, aac24.kind, aac("64k", "44100")}
	length, err := s.makeSound(context.Background(), []sound{form}, 0, s.Probe.Duration)
	if err != nil {
		return nil, err
	}
	return []made{s.heard(form, length)}, nil
}
