package media

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"kua/internal/fault"
)

// made is what the box claims to have made; the files lie in its output directory.
type made struct {
	Rung          string
	Width, Height int
	Length        time.Duration
	Short         bool
}

// product is a file that a box may make: nothing else is taken out of it.
type product struct {
	file, kind string
	poster     bool
}

// products, by rung.
var products = map[string]product{
	"audio":       {"audio.webm", "audio/webm", false},
	"audio-m4a":   {"audio.m4a", "audio/mp4", false},
	"144p":        {"144p.mp4", "video/mp4", false},
	"240p":        {"240p.mp4", "video/mp4", false},
	"360p":        {"360p.mp4", "video/mp4", false},
	"480p":        {"480p.mp4", "video/mp4", false},
	"poster-jpeg": {"poster.jpg", "image/jpeg", true},
	"poster-webp": {"poster.webp", "image/webp", true},
	"jpeg":        {"photo.jpg", "image/jpeg", false},
	"webp":        {"photo.webp", "image/webp", false},
	"jpeg-640":    {"photo-640.jpg", "image/jpeg", false},
	smallRung:     {"photo-small.jpg", "image/jpeg", false},
	"webp-640":    {"photo-640.webp", "image/webp", false},
}

// productOf finds the product of a rung.
func productOf(rung string) (product, bool) {
	if p, ok := products[rung]; ok {
		return p, true
	}
	return pageProduct(rung)
}

// Film makes the ladder of a film below the directory out: sound unless it is
// all muted, 144p to 480p as far as the film is that large, posters. Nothing
// appears in out unless everything succeeded, the check of the covers included.
func (m *Runner) Film(ctx context.Context, in Input, plan Plan, out string, progress Progress) ([]Rendition, error) {
	return m.make(ctx, in, Film, plan, out, progress)
}

// Sound makes the published forms of a sound file. A plan that mutes all of it
// and lets nothing be said leaves nothing to publish and is refused.
func (m *Runner) Sound(ctx context.Context, in Input, plan Plan, out string, progress Progress) ([]Rendition, error) {
	if !plan.audible(true) {
		return nil, fault.Invalid("media.all_muted")
	}
	return m.make(ctx, in, Sound, plan, out, progress)
}

// Photo makes the published sizes of a photo, JPEG and WebP.
func (m *Runner) Photo(ctx context.Context, in Input, plan Plan, out string) ([]Rendition, error) {
	return m.make(ctx, in, Photo, plan, out, nil)
}

// make looks at the original again, so that a plan is never applied to what
// somebody once said about a file, and does the work in a box.
func (m *Runner) make(ctx context.Context, in Input, want Type, plan Plan, out string, progress Progress) ([]Rendition, error) {
	if err := plan.validate(); err != nil {
		return nil, err
	}
	p, err := m.Probe(ctx, in)
	if err != nil {
		return nil, err
	}
	if err := p.derivable(want); err != nil {
		return nil, err
	}
	return m.makeProbed(ctx, in, p, plan, nil, out, progress)
}

// makeProbed does the work on an original that was looked at before.
func (m *Runner) makeProbed(ctx context.Context, in Input, p Probe, plan Plan, clean *Cleaning, out string, progress Progress) ([]Rendition, error) {
	f, err := sniff(in)
	if err != nil {
		return nil, err
	}
	if plan.Shown != (image.Point{}) && plan.Shown != p.shown() && p.Type != Document {
		return nil, fault.Conflict("media.plan_of_another")
	}
	dir, err := m.room(out)
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	said, err := m.speak(ctx, plan.Speech, p.Duration, dir)
	if err != nil {
		return nil, err
	}
	plan.Speech = Speech{} // the words never enter the box that the original is read in
	answer, err := m.enter(ctx, visit{
		args: []string{"box"},
		job:  job{Do: string(p.Type), Format: f, Probe: p, Plan: plan, Said: said, Preset: m.preset(), Clean: clean},
		in:   in, out: dir, progress: progress,
		wall: p.wall(), tmp: f.tmp(),
	})
	if err != nil {
		return nil, err
	}
	var all []made
	if err := json.Unmarshal(answer, &all); err != nil || len(all) == 0 {
		return nil, fault.New(fault.KindInternal, "media.box_died")
	}
	return take(all, dir, out)
}

// room makes a box's output directory, for files that will go to out.
func (m *Runner) room(out string) (string, error) {
	scratch := m.Scratch
	if scratch == "" {
		scratch = out
	}
	dir, err := os.MkdirTemp(scratch, ".box-")
	if err != nil {
		return "", fmt.Errorf("make room for the box: %w", err)
	}
	return dir, nil
}

func (m *Runner) preset() string {
	if m.Preset == "" {
		return "medium"
	}
	return m.Preset
}

// derivable says why an original cannot become what is wanted.
func (p Probe) derivable(want Type) error {
	switch {
	case p.Type == want:
		return nil
	case p.Type == Unknown:
		return fault.Invalid("media.unknown")
	}
	return fault.Invalid("media.other_type", string(p.Type), string(want))
}

// take moves what was made out of the box's directory, which is as little to be
// trusted as the box: only names we know, only plain files.
func take(all []made, dir, out string) ([]Rendition, error) {
	strange := fault.New(fault.KindInternal, "media.box_died")
	var taken []Rendition
	for _, a := range all {
		p, ok := productOf(a.Rung)
		if !ok || a.Width < 0 || a.Height < 0 || a.Width > 1<<16 || a.Height > 1<<16 || a.Length < 0 {
			return nil, strange
		}
		info, err := os.Lstat(filepath.Join(dir, p.file))
		if err != nil || !info.Mode().IsRegular() || info.Size() == 0 {
			return nil, strange
		}
		taken = append(taken, Rendition{
			Rung: a.Rung, Type: p.kind, Path: filepath.Join(out, p.file), Poster: p.poster,
			Width: a.Width, Height: a.Height, Seconds: wholeSeconds(a.Length), Short: a.Short,
		})
	}
	for _, a := range all {
		p, _ := productOf(a.Rung)
		name := p.file
		if err := os.Chmod(filepath.Join(dir, name), 0o600); err != nil && !errors.Is(err, syscall.EPERM) { // as FAT says, which has no rights
			return nil, fmt.Errorf("take %s: %w", name, err)
		}
		if err := os.Rename(filepath.Join(dir, name), filepath.Join(out, name)); err != nil {
			return nil, fmt.Errorf("take %s: %w", name, err)
		}
	}
	return taken, nil
}

// film is the stage in the box: sound, picture, posters, check.
func (s *stage) film() ([]made, error) {
	ctx := context.Background()
	if s.Clean != nil {
		return s.cleanFilm()
	}
	all, total := s.passes()
	var out []made
	hasSound := s.audible()
	var heard time.Duration
	steps := steps(s.Probe.shown())
	if hasSound {
		sounds := append([]sound{opus16}, inFilms[:steps[len(steps)-1].sound+1]...) // of a small film the larger ones would go nowhere
		var err error
		if heard, err = s.makeSound(ctx, sounds, all, total); err != nil {
			return nil, err
		}
		out = append(out, s.heard(opus16, heard), s.heard(aac24, heard))
		all += s.Probe.Duration
	}
	length, poster, err := s.makePicture(ctx, steps, hasSound, all, total)
	if err != nil {
		return nil, err
	}
	all += s.Probe.Duration
	for _, st := range steps {
		out = append(out, made{Rung: st.name, Width: st.size.X, Height: st.size.Y, Length: whole(max(length, heard), s.Probe.Duration), Short: s.short("video", length)})
	}
	posters, err := s.makePosters(ctx, poster)
	if err != nil {
		return nil, err
	}
	if err := s.checkCovers(ctx, steps, all, total); err != nil {
		return nil, err
	}
	s.report(total, total)
	return append(out, posters...), nil
}

// passes counts what will be worked through: sound, picture, and a look at
// every rung if something is hidden.
func (s *stage) passes() (done, total time.Duration) {
	n := 1
	if s.audible() {
		n++
	}
	if s.Plan.hides() {
		n += len(steps(s.Probe.shown()))
	}
	return 0, time.Duration(n) * s.Probe.Duration
}

// sound is the stage in the box for a sound file.
func (s *stage) sound() ([]made, error) {
	if !s.Probe.HasSound() {
		return nil, fault.Invalid("media.nothing_inside")
	}
	if s.Clean != nil {
		return s.cleanSound()
	}
	length, err := s.makeSound(context.Background(), []sound{opus16, aac24}, 0, s.Probe.Duration)
	if err != nil {
		return nil, err
	}
	s.report(s.Probe.Duration, s.Probe.Duration)
	return []made{s.heard(opus16, length), s.heard(aac24, length)}, nil
}

func (s *stage) heard(form sound, length time.Duration) made {
	return made{Rung: form.rung, Length: whole(length, s.Probe.Duration), Short: s.short("audio", length)}
}

// short judges what was decoded of a stream against what the container claims
// of it: a sound may well go on behind its picture.
func (s *stage) short(kind string, length time.Duration) bool {
	claimed := s.Probe.Duration
	if st, _ := s.Probe.stream(kind); st.Length > 0 {
		claimed = st.Length
	}
	return length < claimed-max(time.Second, claimed/20)
}
