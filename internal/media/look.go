package media

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"io"
	"strings"
	"time"

	"kua/internal/fault"
	"kua/internal/track"
)

// What is looked at is decoded small: cuts and faces need no more, and a box is
// followed no better on more lines than 720.
const (
	lookSide   = 640 // the longer side
	followSide = 1280
)

// Found is what the box found in a film, photo or document for people to judge.
type Found struct {
	// Cuts are the moments at which new shots begin, the film's own beginning
	// not among them.
	Cuts []time.Duration
	// Hits are what detectors think they saw. They miss much.
	Hits []Hit
	// Tools names the detectors, with their versions.
	Tools []string
}

// Hit is one thing that a detector thinks it saw, on its way through the film.
type Hit struct {
	Cover
	Page     int    // of a document, from 1; 0 for all else
	What     string // "face" or "plate"
	Detector string
}

// Followed is where a box went.
type Followed struct {
	Cover
	// StartLost and EndLost say that the box was lost there in the middle of the
	// picture, before the end of the stretch that was asked for.
	StartLost, EndLost bool
}

// Seed is the box from which to follow, and how far: From is included, To not.
type Seed struct {
	Box      image.Rectangle // in pixels of the shown picture
	At       time.Duration
	From, To time.Duration
	// Margin widens the box, as a part of its size; 0 for track.Margin.
	Margin float64
	// Reveal follows something to show it and not to cover it: the box never
	// leaves what was seen, and ends where it was not seen for a frame.
	Reveal bool
}

// Look finds the cuts of a film, and what in a film, in a photo or on the pages
// of a document looks like a face or a number plate.
func (m *Runner) Look(ctx context.Context, in Input, progress Progress) (Found, error) {
	var out Found
	if err := m.watch(ctx, in, job{Do: "look"}, &out, progress); err != nil {
		return Found{}, err
	}
	return out.checked()
}

// Review looks over what is to be published, with other detectors than Look
// uses: what they see must be answered by a person.
func (m *Runner) Review(ctx context.Context, in Input, progress Progress) (Found, error) {
	var out Found
	if err := m.watch(ctx, in, job{Do: "review"}, &out, progress); err != nil {
		return Found{}, err
	}
	return out.checked()
}

// Follow follows a box through a film in both directions from a moment. Without
// anything in it to follow, the fault is media.nothing_to_follow.
func (m *Runner) Follow(ctx context.Context, in Input, seed Seed, progress Progress) (Followed, error) {
	var out Followed
	if seed.Box.Empty() || !sane(seed.Box.Min) || !sane(seed.Box.Max) || seed.At < seed.From || seed.At >= seed.To || seed.Margin < 0 || seed.Margin > 3 {
		return out, fault.Invalid("media.plan")
	}
	if err := m.watch(ctx, in, job{Do: "follow", Seed: &seed}, &out, progress); err != nil {
		return Followed{}, err
	}
	if (Plan{Covers: []Cover{out.Cover}}).validate() != nil {
		return Followed{}, fault.New(fault.KindInternal, "media.box_died")
	}
	return out, nil
}

// checked holds what the box said to what it may say: it may have been taken over.
func (f Found) checked() (Found, error) {
	if len(f.Hits) > maxHits || len(f.Tools) > 2*len(suggesters) {
		return Found{}, fault.New(fault.KindInternal, "media.box_died")
	}
	for i := range f.Hits {
		h := &f.Hits[i]
		if (Plan{Covers: []Cover{h.Cover}}).validate() != nil || h.What != "face" && h.What != "plate" || h.From < 0 || h.Page < 0 || h.Page > maxPages {
			return Found{}, fault.New(fault.KindInternal, "media.box_died")
		}
		h.Detector = plain(h.Detector, 80)
	}
	for i := range f.Tools {
		f.Tools[i] = strings.TrimSpace(plain(f.Tools[i], 80))
	}
	return f, nil
}

// watch does what only looks, in a box that can write nothing.
func (m *Runner) watch(ctx context.Context, in Input, j job, into any, progress Progress) error {
	p, err := m.Probe(ctx, in)
	if err != nil {
		return err
	}
	if p.Type != Film && (p.Type != Photo && p.Type != Document || j.Do == "follow") {
		return fault.Invalid("media.nothing_to_look_at")
	}
	if err := p.derivable(p.Type); err != nil {
		return err
	}
	if j.Format, err = sniff(in); err != nil {
		return err
	}
	j.Probe = p
	answer, err := m.enter(ctx, visit{args: []string{"box"}, job: j, in: in, progress: progress, wall: p.wall(), tmp: j.Format.tmp()})
	if err != nil {
		return err
	}
	if json.Unmarshal(answer, into) != nil {
		return fault.New(fault.KindInternal, "media.box_died")
	}
	return nil
}

// watchSize is the size at which a film is looked at.
func (s *stage) watchSize(side int) image.Point {
	size := within(s.Probe.shown(), side)
	return image.Pt(max(2, size.X&^1), max(2, size.Y&^1))
}

// errEnough ends a decoding early.
var errEnough = errors.New("enough was seen")

// gray decodes a stretch of the film as gray pictures, as they come, to 0 for
// its end. A picture is good until see returns.
func (s *stage) gray(size image.Point, from, to time.Duration, see func(track.Gray) error) error {
	stream, ok := s.Probe.stream("video")
	if !ok {
		return fault.Invalid("media.nothing_inside")
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	args := []string{"-threads", "2"}
	if from > 0 {
		args = append(args, "-ss", fmt.Sprintf("%.3f", from.Seconds()))
	}
	if to > 0 {
		args = append(args, "-t", fmt.Sprintf("%.3f", (to-from).Seconds()))
	}
	args = append(append(args, s.reading()...), "-map", fmt.Sprintf("0:%d", stream.Index), "-an", "-sn", "-dn",
		"-vf", fmt.Sprintf("scale=%d:%d:flags=area:out_range=pc,setsar=1,format=gray", size.X, size.Y),
		"-fps_mode", "vfr", "-enc_time_base", "1:1000", "-map_metadata", "-1", "-map_chapters", "-1", "-fflags", "+bitexact",
		"-c:v", "rawvideo", "-f", "matroska", "pipe:1")
	cmd, said := tool(ctx, "ffmpeg", args...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return fault.Missing("media.missing", "ffmpeg", "ffmpeg").Because(err)
	}
	saw := pictures(newFrames(out, size.X*size.Y), size, from, s.Limits.Duration, see)
	if saw != nil {
		cancel()
	}
	waited := cmd.Wait()
	_, ours := fault.Of(saw)
	switch {
	case errors.Is(saw, errEnough):
		return nil
	case saw == nil && waited == nil || ours:
		return saw
	}
	return toolFailed("media.broken", errors.Join(saw, exitOnly(waited)), said)
}

// pictures reads frames to the end. Moments only go forward.
func pictures(in *frames, size image.Point, from, limit time.Duration, see func(track.Gray) error) error {
	pix := make([]byte, size.X*size.Y)
	last := from - time.Millisecond
	for {
		at, err := in.next(pix)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read decoded pictures: %w", err)
		}
		if at += from; at > limit {
			return fault.TooLarge("media.too_long", int(limit.Hours()))
		}
		at = max(at, last+time.Millisecond)
		last = at
		if err := see(track.Gray{W: size.X, H: size.Y, Pix: pix, At: at}); err != nil {
			return err
		}
	}
}
