package media

import (
	"bytes"
	"image"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"kua/internal/fault"
	"kua/internal/track"
)

// Film is walked backwards in pieces, of which one is held: of at most backBytes,
// and no longer than backLongest. Each is decoded from the key frame before it,
// and phones write one every second, but others one in ten seconds.
const (
	backBytes   = 96 << 20
	backLongest = 20 * time.Second
	// seedBefore is how long before the seed its frame may have begun.
	seedBefore = 3 * time.Second
	// followBox is the size in pixels at which a box is looked at: two for each
	// of the cells that package track compares.
	followBox = 80
)

// follow is the stage in the box: forward from the seed and backward at once.
func (s *stage) follow() (Followed, error) {
	if s.Seed == nil {
		return Followed{}, fault.Invalid("media.plan")
	}
	seed := *s.Seed
	seed.To = min(seed.To, s.Limits.Duration)
	if seed.Margin == 0 {
		seed.Margin = track.Margin
	}
	w := walk{stage: s, seed: seed, size: s.followSize(seed.Box.Size()), begun: make(chan struct{})}
	w.walked(0, 0)
	var g errgroup.Group
	g.Go(w.forward)
	g.Go(w.backward)
	if err := g.Wait(); err != nil {
		return Followed{}, err
	}
	s.report(seed.To-seed.From, seed.To-seed.From)
	return w.result(), nil
}

// followSize is the size at which a film is decoded to follow a box.
func (s *stage) followSize(box image.Point) image.Point {
	shown := s.Probe.shown()
	side := max(shown.X, shown.Y) * followBox / max(box.X, box.Y)
	return s.watchSize(min(followSide, max(followBox, side)))
}

// walk is one following.
type walk struct {
	*stage
	seed  Seed
	size  image.Point
	begun chan struct{} // closed when first is known, or will never be
	first track.Gray    // the frame that was shown at the seed's moment; no pixels where there is nothing to follow

	ahead, behind []track.Seen
	atStart       bool // the way back reached the stretch's beginning
	atEnd         bool

	mu        sync.Mutex // guards what follows
	on, aback time.Duration
}

// walked reports how far one of the ways has come.
func (w *walk) walked(on, aback time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.on, w.aback = max(w.on, on), max(w.aback, aback)
	w.report(w.on+w.aback, w.seed.To-w.seed.From+time.Millisecond)
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
func (w *walk) forward() error {
	var f *track.Follower
	w.atEnd = true
	var at track.Gray // the frame that may be the seed's
	begin := func() error {
		f = track.NewFollower(at, w.box())
		w.ahead = append(w.ahead, track.Seen{At: at.At, Box: w.box()})
		if f.Lost() {
			return fault.Invalid("media.nothing_to_follow")
		}
		w.first = at
		close(w.begun)
		return nil
	}
	err := w.gray(w.size, max(0, w.seed.At-seedBefore), w.seed.To, func(g track.Gray) error {
		g.Pix = bytes.Clone(g.Pix)
		if g.At <= w.seed.At || at.Pix == nil {
			at = g
			return nil
		}
		if f == nil {
			if err := begin(); err != nil {
				return err
			}
		}
		if b, ok := f.Next(g); ok {
			w.ahead = append(w.ahead, track.Seen{At: g.At, Box: b})
		} else if w.seed.Reveal {
			w.atEnd = false
			return errEnough
		}
		w.walked(g.At-w.seed.At, 0)
		if f.Lost() {
			w.atEnd = false
			return errEnough
		}
		return nil
	})
	switch {
	case err == nil && f == nil && at.Pix != nil: // the seed is on the last frame
		err = begin()
	case err == nil && f == nil:
		err = fault.Invalid("media.nothing_to_follow")
	}
	if w.first.Pix == nil {
		close(w.begun)
	}
	return err
}

// backward takes the film in pieces, the last first, and walks each from its
// end. It holds one piece at a time.
func (w *walk) backward() error {
	<-w.begun
	if w.first.Pix == nil {
		return nil // forward says why
	}
	f := track.NewFollower(w.first, w.box())
	w.atStart = true
	most := max(2, backBytes/(w.size.X*w.size.Y))
	length := min(backLongest, time.Duration(float64(most)/max(w.Probe.FrameRate, 30)*float64(time.Second)))
	for end := w.first.At; end > w.seed.From; {
		start := max(w.seed.From, end-length)
		piece, err := w.piece(start, end, most)
		if err != nil {
			return err
		}
		if len(piece) == most { // of more frames than its rate promised
			start = piece[0].At
		}
		for _, g := range slices.Backward(piece) {
			if b, ok := f.Next(g); ok {
				w.behind = append(w.behind, track.Seen{At: g.At, Box: b})
			} else if w.seed.Reveal {
				w.atStart = false
				return nil
			}
			if f.Lost() {
				w.atStart = false
				return nil
			}
		}
		w.walked(0, w.seed.At-start)
		end = start
	}
	return nil
}

// piece decodes the frames that begin before end, the last of them if there are
// more than most.
func (w *walk) piece(start, end time.Duration, most int) ([]track.Gray, error) {
	var piece []track.Gray
	err := w.gray(w.size, start, end, func(g track.Gray) error {
		if g.At >= end {
			return errEnough
		}
		if len(piece) < most {
			g.Pix = bytes.Clone(g.Pix)
			piece = append(piece, g)
			return nil
		}
		oldest := piece[0]
		copy(piece, piece[1:])
		copy(oldest.Pix, g.Pix)
		piece[most-1] = track.Gray{W: g.W, H: g.H, Pix: oldest.Pix, At: g.At}
		return nil
	})
	return piece, err
}

// result makes a cover of what was seen. Where the way reached the stretch's
// end, or left the picture, it goes on to the end; else it was lost there.
func (w *walk) result() Followed {
	seen := append(w.ahead, w.behind...)
	slices.SortFunc(seen, func(a, b track.Seen) int { return int(a.At - b.At) })
	seen = slices.CompactFunc(seen, func(a, b track.Seen) bool { return a.At.Milliseconds() == b.At.Milliseconds() })
	shown := w.Probe.shown()
	fx, fy := float64(shown.X)/float64(w.size.X), float64(shown.Y)/float64(w.size.Y)
	for i, s := range seen {
		seen[i].Box = track.Box{X: s.Box.X * fx, Y: s.Box.Y * fy, W: s.Box.W * fx, H: s.Box.H * fy}
	}
	first, last := seen[0], seen[len(seen)-1]
	if w.seed.Reveal {
		out := Followed{Cover: coverAlong(track.Within(seen), first.At, last.At), StartLost: !w.atStart, EndLost: !w.atEnd}
		if w.atEnd { // the last frame is shown until then
			out.To = w.seed.To - time.Millisecond
		}
		return out
	}
	out := Followed{Cover: coverAlong(track.Simplify(seen, w.seed.Margin), first.At, last.At)}
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

func coverAlong(way track.Way, from, to time.Duration) Cover {
	c := Cover{W: way.W, H: way.H, From: from, To: to}
	for _, p := range way.Points {
		c.Points = append(c.Points, At{At: time.Duration(p.At) * time.Millisecond, X: p.X, Y: p.Y})
	}
	return c
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
