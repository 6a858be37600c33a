package media

import (
	"bytes"
	"image"
	"slices"
	"time"

	"kua/internal/fault"
	"kua/internal/track"
)

// backChunk is how much film is held to be walked backwards: a hundred frames
// of 720p are under 100 MiB. backFrames bounds it for films of many frames.
const (
	backChunk  = 3 * time.Second
	backFrames = 200
)

// follow is the stage in the box: forward from the seed, then backward.
func (s *stage) follow() (Followed, error) {
	if s.Seed == nil {
		return Followed{}, fault.Invalid("media.plan")
	}
	seed := *s.Seed
	seed.To = min(seed.To, s.Limits.Duration)
	if seed.Margin == 0 {
		seed.Margin = track.Margin
	}
	w := walk{stage: s, seed: seed, size: s.watchSize(followSide)}
	total := seed.To - seed.From
	s.report(0, total+time.Millisecond)
	if err := w.forward(total); err != nil {
		return Followed{}, err
	}
	if err := w.backward(total); err != nil {
		return Followed{}, err
	}
	s.report(total, total)
	return w.result(), nil
}

// walk is one following.
type walk struct {
	*stage
	seed      Seed
	size      image.Point
	first     track.Gray // the frame that was shown at the seed's moment
	seen      []track.Seen
	atStart   bool // the way back reached the stretch's beginning
	atEnd     bool
	lastFrame time.Duration
}

// box is the seed's box on a frame of the size that is looked at.
func (w *walk) box() track.Box {
	shown := w.Probe.shown()
	fx, fy := float64(w.size.X)/float64(shown.X), float64(w.size.Y)/float64(shown.Y)
	b := w.seed.Box
	return track.Box{X: float64(b.Min.X) * fx, Y: float64(b.Min.Y) * fy, W: float64(b.Dx()) * fx, H: float64(b.Dy()) * fy}
}

// forward finds the seed's frame and follows it to the end of the stretch. The
// frame shown at a moment may have begun a while before it.
func (w *walk) forward(total time.Duration) error {
	var f *track.Follower
	w.atEnd = true
	from := max(0, w.seed.At-backChunk)
	step := func(g track.Gray) {
		if b, ok := f.Next(g); ok {
			w.seen = append(w.seen, track.Seen{At: g.At, Box: b})
		}
	}
	begin := func() {
		f = track.NewFollower(w.first, w.box())
		w.seen = append(w.seen, track.Seen{At: w.first.At, Box: w.box()})
	}
	err := w.gray(w.size, from, w.seed.To, func(g track.Gray) error {
		w.lastFrame = g.At
		g.Pix = bytes.Clone(g.Pix)
		if g.At <= w.seed.At || w.first.Pix == nil {
			w.first = g
			return nil
		}
		if f == nil {
			begin()
			if f.Lost() {
				return fault.Invalid("media.nothing_to_follow")
			}
		}
		step(g)
		w.report(g.At-w.seed.At, total+time.Millisecond)
		if f.Lost() {
			w.atEnd = false
			return errEnough
		}
		return nil
	})
	switch {
	case err != nil:
		return err
	case w.first.Pix == nil:
		return fault.Invalid("media.nothing_to_follow")
	case f == nil: // the seed is on the last frame
		begin()
		if f.Lost() {
			return fault.Invalid("media.nothing_to_follow")
		}
	}
	return nil
}

// backward takes the film in pieces, the last first, and walks each from its
// end. It holds one piece at a time.
func (w *walk) backward(total time.Duration) error {
	f := track.NewFollower(w.first, w.box())
	w.atStart = true
	for end := w.first.At; end > w.seed.From; {
		start := max(w.seed.From, end-backChunk)
		var piece []track.Gray
		err := w.gray(w.size, start, end, func(g track.Gray) error {
			if g.At >= end {
				return errEnough
			}
			g.Pix = bytes.Clone(g.Pix)
			if piece = append(piece, g); len(piece) > backFrames {
				piece = slices.Delete(piece, 0, 1)
			}
			return nil
		})
		if err != nil {
			return err
		}
		if len(piece) == backFrames {
			start = piece[0].At
		}
		for _, g := range slices.Backward(piece) {
			if b, ok := f.Next(g); ok {
				w.seen = append(w.seen, track.Seen{At: g.At, Box: b})
			}
			if f.Lost() {
				w.atStart = false
				return nil
			}
		}
		w.report(total-(start-w.seed.From), total+time.Millisecond)
		end = start
	}
	return nil
}

// result makes a cover of what was seen. Where the way reached the stretch's
// end, or left the picture, it goes on to the end; else it was lost there.
func (w *walk) result() Followed {
	slices.SortFunc(w.seen, func(a, b track.Seen) int { return int(a.At - b.At) })
	w.seen = slices.CompactFunc(w.seen, func(a, b track.Seen) bool { return a.At.Milliseconds() == b.At.Milliseconds() })
	shown := w.Probe.shown()
	fx, fy := float64(shown.X)/float64(w.size.X), float64(shown.Y)/float64(w.size.Y)
	for i, s := range w.seen {
		w.seen[i].Box = track.Box{X: s.Box.X * fx, Y: s.Box.Y * fy, W: s.Box.W * fx, H: s.Box.H * fy}
	}
	way := track.Simplify(w.seen, w.seed.Margin)
	first, last := w.seen[0], w.seen[len(w.seen)-1]
	out := Followed{Cover: Cover{W: way.W, H: way.H, From: first.At, To: last.At}}
	for _, p := range way.Points {
		out.Points = append(out.Points, At{At: time.Duration(p.At) * time.Millisecond, X: p.X, Y: p.Y})
	}
	switch {
	case w.atStart:
		out.From = w.seed.From
	case track.AtEdge(first.Box, shown.X, shown.Y):
		out.outwards(0, shown)
	default:
		out.StartLost = true
	}
	switch {
	case w.atEnd:
		out.To = w.seed.To - time.Millisecond
	case track.AtEdge(last.Box, shown.X, shown.Y):
		out.outwards(len(out.Points)-1, shown)
		out.To = min(out.To+leaving, w.seed.To-time.Millisecond)
	default:
		out.EndLost = true
	}
	if !w.atStart && !out.StartLost {
		out.From = max(w.seed.From, out.From-leaving)
	}
	return out
}

// leaving is how long a cover stays where something went out of the picture.
const leaving = 300 * time.Millisecond

// outwards moves one point of a cover to the picture's edge that it is nearest
// to, if it does not touch one. It never moves inwards.
func (c *Cover) outwards(i int, shown image.Point) {
	p := &c.Points[i]
	left, up, right, down := p.X, p.Y, shown.X-p.X-c.W, shown.Y-p.Y-c.H
	switch near := min(left, up, right, down); {
	case near <= 0:
	case near == left:
		p.X = 0
	case near == up:
		p.Y = 0
	case near == right:
		p.X = shown.X - c.W
	default:
		p.Y = shown.Y - c.H
	}
}
