package media

import (
	"context"
	"errors"
	"fmt"
	"image"
	"io"
	"path/filepath"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"kua/internal/fault"
)

// What a published frame may differ from the fill inside a cover. The encoder
// is lossy and rings at the cover's edge, most of all in the smallest rung: of a
// film of noise the worst tile measured was 3.7 off, the worst pixel 8, the
// worst colour 20. A face that shines through is far from that.
const (
	coverInset = 2 // pixels of the rung that are the edge's
	tileSide   = 8 // judged apart, so that a large cover does not hide a small hole
	tileOff    = 8 // on average over a tile
	pixelOff   = 40
)

// checkCovers decodes every finished rung and looks: inside each cover, at each
// moment of its time, and in a covered picture everywhere but in what is
// revealed, there must be nothing but the fill. It goes by the plan and the
// published file alone, not by what the painter did.
func (s *stage) checkCovers(ctx context.Context, steps []step, done, total time.Duration) error {
	if !s.Plan.hides() {
		return nil
	}
	files := make([]string, len(steps))
	checkers := make([]checker, len(steps))
	var looked atomic.Int64
	for i, st := range steps {
		files[i] = filepath.Join(s.out, products[st.name].file)
		c := checker{step: st, plan: s.Plan, shown: s.Probe.shown(), length: s.Probe.Duration}
		last := time.Duration(0)
		c.progress = func(at time.Duration) {
			at = min(at, s.Probe.Duration)
			s.report(done+time.Duration(looked.Add(int64(at-last))), total)
			last = at
		}
		checkers[i] = c
	}
	return checkFilms(ctx, checkers, files)
}

// checker looks at one rung.
type checker struct {
	step
	plan     Plan
	shown    image.Point
	length   time.Duration // as the original's container claims it
	progress func(at time.Duration)
}

// checkFilms checks films of even rate, the last of them, which is the largest,
// beside the others: one start of the decoder for all goes through them on one
// core. The first fault found ends it.
func checkFilms(ctx context.Context, checkers []checker, files []string) error {
	g, ctx := errgroup.WithContext(ctx)
	last := len(files) - 1
	g.Go(func() error { return checkTogether(ctx, checkers[:last], files[:last]) })
	g.Go(func() error { return checkTogether(ctx, checkers[last:], files[last:]) })
	return g.Wait()
}

// checkTogether checks films in one start of the decoder.
func checkTogether(ctx context.Context, checkers []checker, files []string) error {
	if len(files) == 0 {
		return nil
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var args []string
	for _, file := range files {
		args = append(args, "-threads", "2", "-protocol_whitelist", "file", "-f", "mov", "-i", file)
	}
	for i := range files {
		args = append(args, "-map", fmt.Sprintf("%d:v", i), "-fps_mode", "passthrough", "-pix_fmt", "yuv420p", "-f", "rawvideo", fmt.Sprintf("pipe:%d", firstExtra+i))
	}
	cmd, said := tool(ctx, "ffmpeg", args...)
	ours, theirs, err := pipes(len(files), true)
	if err != nil {
		return err
	}
	defer closeAll(ours)
	for _, pipe := range ours {
		widen(pipe)
	}
	cmd.ExtraFiles = theirs
	err = cmd.Start()
	closeAll(theirs)
	if err != nil {
		return fault.Missing("media.missing", "ffmpeg", "ffmpeg").Because(err)
	}
	var g errgroup.Group
	for i, c := range checkers {
		g.Go(func() error {
			if err := c.frames(ours[i]); err != nil {
				defer cancel() // once this error is the first
				return fmt.Errorf("check the covers of %s: %w", c.name, err)
			}
			return nil
		})
	}
	checked, waited := g.Wait(), cmd.Wait()
	switch {
	case checked != nil:
		return checked
	case waited != nil:
		return toolFailed("media.encode", waited, said)
	}
	return nil
}

// frames reads raw frames to the end.
func (c checker) frames(r io.Reader) error {
	f := planar{size: c.size, pix: make([]byte, planarBytes(c.size))}
	for n := 0; ; n++ {
		_, err := io.ReadFull(r, f.pix)
		if errors.Is(err, io.EOF) && n > 0 {
			return nil
		}
		if err != nil {
			return fault.New(fault.KindInternal, "media.check_failed").Because(err)
		}
		at := time.Duration(n) * time.Second / time.Duration(c.rate)
		for _, r := range c.hidden(at) {
			if !f.filled(r) {
				return fault.Corrupt("media.cover_leak", fmt.Sprintf("%.2f", at.Seconds()), r.Min.X*c.shown.X/c.size.X, r.Min.Y*c.shown.Y/c.size.Y)
			}
		}
		c.progress(at)
	}
}

// hidden gives the parts of the rung's picture that must be flat at a moment.
func (c checker) hidden(at time.Duration) []image.Rectangle {
	var all []image.Rectangle
	if now := min(at, lastMoment(c.length)); c.plan.covered(now, now) {
		var seen []image.Rectangle
		for _, r := range c.plan.Reveals {
			if corner, on := r.Place(now); on {
				seen = append(seen, scaled(boxAt(corner, r), c.shown, c.size, coverInset))
			}
		}
		all = outside(c.size, seen)
	}
	for _, cover := range c.plan.Covers {
		now := at
		if cover.To >= lastMoment(c.length) {
			now = min(at, cover.To) // the last picture stands, and with it its cover
		}
		if corner, on := cover.Place(now); on {
			all = append(all, inside(boxAt(corner, cover), c.shown, c.size))
		}
	}
	return all
}

func boxAt(corner image.Point, c Cover) image.Rectangle {
	return image.Rectangle{Min: corner, Max: corner.Add(image.Pt(c.W, c.H))}
}

// inside is the part of a cover that must be flat in a picture of another size.
func inside(box image.Rectangle, shown, size image.Point) image.Rectangle {
	up := func(v, f, t int) int { return -int(floorDiv(-int64(v)*int64(t), int64(f))) }
	down := func(v, f, t int) int { return int(floorDiv(int64(v)*int64(t), int64(f))) }
	r := image.Rectangle{
		Min: image.Pt(up(box.Min.X, shown.X, size.X), up(box.Min.Y, shown.Y, size.Y)),
		Max: image.Pt(down(box.Max.X, shown.X, size.X), down(box.Max.Y, shown.Y, size.Y)),
	}
	// At the picture's own edge there is no other side to ring from.
	r = r.Intersect(image.Rectangle{Max: size})
	return r.Inset(coverInset)
}

// filled reports whether a part of the picture is the fill and nothing else.
func (p planar) filled(r image.Rectangle) bool {
	if r.Empty() {
		return true
	}
	n := p.size.X * p.size.Y
	half := image.Rect((r.Min.X+1)/2, (r.Min.Y+1)/2, r.Max.X/2, r.Max.Y/2)
	return flat(p.pix[:n], p.size.X, r, fillY, tileOff) &&
		flat(p.pix[n:n+n/4], p.size.X/2, half, fillChroma, 2*tileOff) &&
		flat(p.pix[n+n/4:], p.size.X/2, half, fillChroma, 2*tileOff)
}

func flat(plane []byte, stride int, r image.Rectangle, want, most int) bool {
	for y := r.Min.Y; y < r.Max.Y; y += tileSide {
		for x := r.Min.X; x < r.Max.X; x += tileSide {
			tile := image.Rect(x, y, x+tileSide, y+tileSide).Intersect(r)
			if !flatTile(plane, stride, tile, want, most) {
				return false
			}
		}
	}
	return true
}

func flatTile(plane []byte, stride int, r image.Rectangle, want, most int) bool {
	sum := 0
	for y := r.Min.Y; y < r.Max.Y; y++ {
		for _, v := range plane[y*stride+r.Min.X : y*stride+r.Max.X] {
			off := max(int(v)-want, want-int(v))
			if off > pixelOff {
				return false
			}
			sum += off
		}
	}
	// A sliver of a tile is all edge; its pixels have been looked at one by one.
	return r.Dx()*r.Dy() < tileSide*tileSide/4 || sum <= most*r.Dx()*r.Dy()
}
