package media

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"image"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"kua/internal/cascade"
	"kua/internal/fault"
	"kua/internal/track"
)

// cascades is where Debian's opencv-data keeps them.
const cascades = "/usr/share/opencv4"

// detector is one cascade and what it is trained on.
type detector struct {
	file, what string
	mirror     bool // trained on one side only
	find       *cascade.Cascade
	name       string // with its version: the hash of its file
}

// suggesters look over an original; reviewers, trained otherwise, over what is
// to be published. opencv-data has two cascades of plates, which miss different
// ones: both look both times.
var (
	suggesters = []detector{
		{file: "haarcascades/haarcascade_frontalface_alt2.xml", what: "face"},
		{file: "haarcascades/haarcascade_profileface.xml", what: "face", mirror: true},
		{file: "lbpcascades/lbpcascade_frontalface_improved.xml", what: "face"},
		{file: "haarcascades/haarcascade_russian_plate_number.xml", what: "plate"},
		{file: "haarcascades/haarcascade_licence_plate_rus_16stages.xml", what: "plate"},
	}
	reviewers = []detector{
		{file: "haarcascades/haarcascade_frontalface_default.xml", what: "face"},
		{file: "lbpcascades/lbpcascade_profileface.xml", what: "face", mirror: true},
		{file: "lbpcascades/lbpcascade_frontalface.xml", what: "face"},
		{file: "haarcascades/haarcascade_russian_plate_number.xml", what: "plate"},
		{file: "haarcascades/haarcascade_licence_plate_rus_16stages.xml", what: "plate"},
	}
)

// readDetectors reads a set. One that is missing is a fault: a look with half
// of the eyes would be taken for a look.
func readDetectors(set []detector) ([]detector, error) {
	out := slices.Clone(set)
	for i := range out {
		b, err := os.ReadFile(filepath.Join(cascades, out[i].file))
		if err != nil {
			return nil, fault.Missing("media.missing", "opencv4", "opencv-data").Because(err)
		}
		if out[i].find, err = cascade.Read(bytes.NewReader(b)); err != nil {
			return nil, fault.Missing("media.missing", "opencv4", "opencv-data").Because(err)
		}
		sum := sha256.Sum256(b)
		base := filepath.Base(out[i].file)
		out[i].name = base[:len(base)-len(".xml")] + " " + hex.EncodeToString(sum[:4])
	}
	return out, nil
}

// CheckDetectors says what is missing for looking over pictures.
func CheckDetectors() error {
	_, err := readDetectors(slices.Concat(suggesters, reviewers))
	return err
}

// How a film is looked over: detectors see a picture now and then, what they saw
// is followed in between, and what one saw belongs to what another saw there.
const (
	lookEvery  = 500 * time.Millisecond
	stepEvery  = 80 * time.Millisecond
	believed   = 1500 * time.Millisecond // after the last time a detector saw it
	lookAround = 400 * time.Millisecond  // by which a suggestion is longer on either side
	maxChains  = 24                      // at a time
	maxHits    = 400
)

// chain is one thing on its way.
type chain struct {
	what, name string
	follow     *track.Follower
	seen       []track.Seen
	hits       int
	last       time.Duration // when a detector saw it
}

// watcher goes over a film's pictures.
type watcher struct {
	detectors    []detector
	open, closed []*chain
	nextLook     time.Duration
	nextStep     time.Duration
	still        bool                  // a photo: nothing has to be followed
	missed       bool                  // more was seen than can be listed
	beat         func(done, total int) // after each detector; several may call it at once
}

func (w *watcher) add(g track.Gray) {
	if g.At < w.nextStep {
		return
	}
	w.nextStep = g.At + stepEvery
	g.Pix = slices.Clone(g.Pix)
	w.open = slices.DeleteFunc(w.open, func(c *chain) bool {
		if c.follow != nil {
			if b, ok := c.follow.Next(g); ok {
				c.seen = append(c.seen, track.Seen{At: g.At, Box: b})
			} else if c.follow.Lost() {
				c.follow = nil
			}
		}
		if g.At-c.last > believed {
			w.closed = append(w.closed, c)
			return true
		}
		return false
	})
	if g.At >= w.nextLook {
		w.nextLook = g.At + lookEvery
		w.look(g)
	}
}

// look asks every detector, all at once, and takes what they say in their order.
func (w *watcher) look(g track.Gray) {
	saw := make([][]cascade.Hit, len(w.detectors))
	var done atomic.Int32
	var looking sync.WaitGroup
	for i, d := range w.detectors {
		looking.Go(func() {
			saw[i] = d.find.Find(g.Pix, g.W, g.H, cascade.Search{Mirror: d.mirror})
			w.beat(int(done.Add(1)), len(w.detectors))
		})
	}
	looking.Wait()
	for i, d := range w.detectors {
		for _, hit := range saw[i] {
			w.take(d, g, track.Box{X: float64(hit.X), Y: float64(hit.Y), W: float64(hit.W), H: float64(hit.H)})
		}
	}
}

func (w *watcher) take(d detector, g track.Gray, b track.Box) {
	for _, c := range w.open {
		last := c.seen[len(c.seen)-1]
		if c.what != d.what || !together(last.Box, b) {
			continue
		}
		c.hits++
		if c.last == g.At {
			return
		}
		c.last = g.At
		if last.At < g.At {
			c.seen = append(c.seen, track.Seen{At: g.At, Box: b})
		} else {
			c.seen[len(c.seen)-1].Box = b
		}
		c.follow = track.NewFollower(g, b)
		return
	}
	if len(w.open) < maxChains || w.still {
		w.open = append(w.open, &chain{what: d.what, name: d.name, hits: 1, last: g.At,
			seen: []track.Seen{{At: g.At, Box: b}}, follow: track.NewFollower(g, b)})
	} else {
		w.missed = true
	}
}

// everything stands for what could not be listed: the whole picture is a
// question that a person answers.
func everything(shown image.Point, length time.Duration) Hit {
	return Hit{What: "face", Detector: manyMore, Cover: Cover{W: shown.X, H: shown.Y, To: length, Points: []At{{}}}}
}

// manyMore is the name under which everything asks.
const manyMore = "more than can be listed"

// together reports whether two boxes can be of one thing.
func together(a, b track.Box) bool {
	w := min(a.X+a.W, b.X+b.W) - max(a.X, b.X)
	h := min(a.Y+a.H, b.Y+b.H) - max(a.Y, b.Y)
	return w > 0 && h > 0 && w*h > 0.3*min(a.W*a.H, b.W*b.H) && max(a.W, b.W) < 2.5*min(a.W, b.W)
}

// hits gives what was seen, in pixels of the shown picture, widened and longer
// on either side but within its shot.
func (w *watcher) hits(size, shown image.Point, cuts []time.Duration, length time.Duration) []Hit {
	all := append(w.closed, w.open...)
	slices.SortStableFunc(all, func(a, b *chain) int { return b.hits - a.hits })
	w.missed = w.missed || len(all) >= maxHits
	all = all[:min(len(all), maxHits-1)]
	slices.SortStableFunc(all, func(a, b *chain) int { return int(a.seen[0].At - b.seen[0].At) })
	var out []Hit
	for _, c := range all {
		out = append(out, c.hit(size, shown, cuts, length))
	}
	if w.missed {
		out = append(out, everything(shown, length))
	}
	return out
}

func (c *chain) hit(size, shown image.Point, cuts []time.Duration, length time.Duration) Hit {
	from, to := time.Duration(0), length
	for _, cut := range cuts {
		if cut <= c.seen[0].At {
			from = cut
		} else {
			to = min(to, cut)
		}
	}
	var seen []track.Seen
	fx, fy := float64(shown.X)/float64(size.X), float64(shown.Y)/float64(size.Y)
	for _, s := range c.seen {
		if s.At < to && s.At <= c.last+lookEvery || len(seen) == 0 {
			seen = append(seen, track.Seen{At: s.At, Box: track.Box{X: s.Box.X * fx, Y: s.Box.Y * fy, W: s.Box.W * fx, H: s.Box.H * fy}})
		}
	}
	way := track.Simplify(seen, track.Margin)
	h := Hit{What: c.what, Detector: c.name, Cover: Cover{W: way.W, H: way.H}}
	h.From = max(from, seen[0].At-lookAround)
	h.To = max(seen[len(seen)-1].At, min(to-time.Millisecond, seen[len(seen)-1].At+lookAround))
	for _, p := range way.Points {
		h.Points = append(h.Points, At{At: time.Duration(p.At) * time.Millisecond, X: p.X, Y: p.Y})
	}
	return h
}

// look is the stage in the box, for originals and for what is to be published.
func (s *stage) look(set []detector, cuts bool) (Found, error) {
	detectors, err := readDetectors(set)
	if err != nil {
		return Found{}, err
	}
	var out Found
	for _, d := range detectors {
		out.Tools = append(out.Tools, d.name)
	}
	w := &watcher{detectors: detectors, still: s.Probe.Type == Photo, beat: func(done, total int) { s.report(0, s.Probe.Duration) }}
	switch s.Probe.Type {
	case Document:
		out.Hits, err = s.lookAtPages(detectors)
		return out, err
	case Photo:
		g, err := s.grayPhoto()
		if err != nil {
			return Found{}, err
		}
		w.beat = func(done, total int) { s.report(time.Duration(done), time.Duration(total)) }
		w.look(g)
		out.Hits = w.hits(image.Pt(g.W, g.H), s.Probe.shown(), nil, 0)
		return out, nil
	}
	var found track.Cuts
	size := s.watchSize(lookSide)
	err = s.gray(size, 0, 0, func(g track.Gray) error {
		if cuts {
			found.Add(g)
		}
		w.add(g)
		s.report(min(g.At, s.Probe.Duration), s.Probe.Duration)
		return nil
	})
	if err != nil {
		return Found{}, err
	}
	if cuts {
		out.Cuts = found.End()
	}
	out.Hits = w.hits(size, s.Probe.shown(), out.Cuts, s.Probe.Duration)
	s.report(s.Probe.Duration, s.Probe.Duration)
	return out, nil
}

// grayPhoto decodes a photo for looking at.
func (s *stage) grayPhoto() (track.Gray, error) {
	if _, err := s.probePhoto(); err != nil {
		return track.Gray{}, err
	}
	stored, n, err := s.decodePhoto()
	if err != nil {
		return track.Gray{}, err
	}
	return grayOf(s.upright(stored, n, published(followSide))), nil
}

func grayOf(img *image.RGBA) track.Gray {
	b := img.Bounds()
	g := track.Gray{W: b.Dx(), H: b.Dy(), Pix: make([]byte, b.Dx()*b.Dy())}
	for i := range g.Pix {
		p := img.Pix[4*i:]
		g.Pix[i] = byte((299*int(p[0]) + 587*int(p[1]) + 114*int(p[2])) / 1000)
	}
	return g
}

// lookAtPages looks over a document, page by page.
func (s *stage) lookAtPages(detectors []detector) ([]Hit, error) {
	sizes, err := s.sizes()
	if err != nil {
		return nil, err
	}
	var all []Hit
	total := len(sizes) * len(detectors)
	for i, size := range sizes {
		img, err := s.renderPage(context.Background(), i+1, size)
		if err != nil {
			return nil, err
		}
		g := grayOf(shrink(img, within(size, followSide)))
		w := &watcher{detectors: detectors, still: true, beat: func(done, _ int) {
			s.report(time.Duration(i*len(detectors)+done), time.Duration(total))
		}}
		w.look(g)
		all = addPage(all, w.hits(image.Pt(g.W, g.H), size, nil, 0), i+1, len(sizes), size)
	}
	return all, nil
}

// addPage adds what was seen on one page of so many. Where there is no room for
// it, for one question of each page behind it has its place, a person is asked
// about the page as a whole.
func addPage(all, seen []Hit, page, pages int, size image.Point) []Hit {
	if len(seen) > 0 && len(all)+len(seen) > maxHits-(pages-page) {
		seen = []Hit{everything(size, 0)}
	}
	for _, h := range seen {
		h.Page = page
		all = append(all, h)
	}
	return all
}
