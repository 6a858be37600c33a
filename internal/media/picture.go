package media

import (
	"context"
	"errors"
	"fmt"
	"image"
	"io"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"kua/internal/fault"
)

// shot is one decoded frame, covered before anyone else sees it and read-only
// from then on. The last who is done with it gives it back.
type shot struct {
	planar
	at    time.Duration
	users atomic.Int32
	pool  *sync.Pool
}

func (f *shot) done() {
	if f.users.Add(-1) == 0 {
		f.pool.Put(f)
	}
}

// makePicture decodes the film once, covers every frame and hands it to one
// encoder for each step. The encoders see covered pixels and nothing else of
// the original, so there is nothing else they could carry over. It gives the
// length of the film as it was decoded, and a covered frame for the poster.
func (s *stage) makePicture(ctx context.Context, steps []step, withSound bool, done, total time.Duration) (time.Duration, *shot, error) {
	stream, ok := s.Probe.stream("video")
	if !ok {
		return 0, nil, fault.Invalid("media.nothing_inside")
	}
	master := steps[len(steps)-1].size
	g, ctx := errgroup.WithContext(ctx)
	f := feeder{
		painter: painter{plan: s.Plan, shown: s.Probe.shown(), master: master, length: s.Probe.Duration},
		limit:   s.Limits.Duration,
		pick:    min(s.Probe.Duration/3, 5*time.Second),
		claimed: s.Probe.Duration,
	}
	f.progress = func(at time.Duration) { s.report(done+min(at, s.Probe.Duration), total) }
	for _, st := range steps {
		e := &encoder{step: st, master: master, shots: make(chan *shot, 3)}
		f.encoders = append(f.encoders, e)
		g.Go(func() error { return e.run(ctx, s, withSound) })
	}
	g.Go(func() error {
		defer func() {
			for _, e := range f.encoders {
				close(e.shots)
			}
		}()
		return s.decode(ctx, stream, master, &f)
	})
	if err := g.Wait(); err != nil {
		return 0, nil, err
	}
	return f.length, f.poster, nil
}

// decode runs the decoder and feeds its frames.
func (s *stage) decode(ctx context.Context, stream Stream, master image.Point, f *feeder) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	matrix := "auto"
	if (stream.Matrix == "" || stream.Matrix == "unknown") && min(s.Probe.Width, s.Probe.Height) >= 720 {
		matrix = "bt709" // what players assume of a large film that does not say
	}
	// The rotation is applied before the filter, by ffmpeg itself.
	filter := stream.filter(master, matrix)
	args := append(s.reading(), "-map", fmt.Sprintf("0:%d", stream.Index), "-an", "-sn", "-dn", "-vf", filter,
		"-fps_mode", "vfr", "-enc_time_base", "1:1000", "-map_metadata", "-1", "-map_chapters", "-1", "-fflags", "+bitexact",
		"-c:v", "rawvideo", "-f", "matroska", "pipe:1")
	cmd, said := tool(ctx, "ffmpeg", append([]string{"-threads", "2"}, args...)...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	widen(out)
	if err := cmd.Start(); err != nil {
		return fault.Missing("media.missing", "ffmpeg", "ffmpeg").Because(err)
	}
	fed := f.feed(ctx, newFrames(out, planarBytes(master)))
	if fed != nil {
		cancel()
	}
	waited := cmd.Wait()
	_, ours := fault.Of(fed)
	if fed == nil && waited == nil || ours || ctx.Err() != nil && errors.Is(fed, context.Canceled) {
		return fed
	}
	return toolFailed("media.broken", errors.Join(fed, exitOnly(waited)), said)
}

var errNoFrames = errors.New("not one picture")

// feeder covers frames and deals them out to the encoders at their own even
// rates: every encoder gets, for each moment of its own clock, the frame that
// was being shown then.
type feeder struct {
	painter
	encoders []*encoder
	progress func(at time.Duration)
	limit    time.Duration
	pick     time.Duration // of the poster
	poster   *shot
	length   time.Duration // decoded
	claimed  time.Duration // by the container

	previous time.Duration // when the frame before the present one began
	step     time.Duration // how long the last frame was shown
}

// rounding is what a film of whole seconds may seem to be longer, since moments
// come in whole milliseconds; it must not give a frame too many.
const rounding = 2 * time.Millisecond

// feed reads to the end. A frame is shown until the next one begins, so it is
// held back until that is known.
func (f *feeder) feed(ctx context.Context, in *frames) error {
	pool := &sync.Pool{}
	pool.New = func() any {
		return &shot{planar: planar{size: f.master, pix: make([]byte, planarBytes(f.master))}, pool: pool}
	}
	var held *shot
	f.step = 40 * time.Millisecond
	for {
		next := pool.Get().(*shot)
		at, err := in.next(next.pix)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return fmt.Errorf("read decoded pictures: %w", err)
		}
		if held == nil {
			at = 0 // the first frame stands from the start
		}
		if at > f.limit {
			return fault.TooLarge("media.too_long", int(f.limit.Hours()))
		}
		next.at = at
		if held != nil {
			if err := f.deal(ctx, held, at); err != nil {
				return err
			}
		}
		held = next
	}
	if held == nil {
		return errNoFrames
	}
	length := held.at + f.step - rounding
	// The last picture stands to the end of the last second.
	err := f.deal(ctx, held, max(length, whole(length, f.claimed)))
	f.length = length
	return err
}

// deal covers a frame that is shown until end and gives it to every encoder
// for as many of its moments as fall into that time.
func (f *feeder) deal(ctx context.Context, s *shot, end time.Duration) error {
	if end <= s.at {
		end = s.at + time.Millisecond
	}
	// One frame earlier and one later than it is shown: a player's clock and
	// ours may be a frame apart, and a cover must not begin too late for it.
	f.paint(s.planar, s.at, f.previous, end+(end-s.at))
	f.previous, f.step, f.length = s.at, end-s.at, end
	s.users.Store(1)
	defer s.done()
	if f.poster == nil || s.at <= f.pick {
		f.keepPoster(s)
	}
	until := end
	if end := whole(end, f.claimed); until > end { // what runs over by a frame is left out
		until = end
	}
	for _, e := range f.encoders {
		for e.due(until) || e.dealt == 0 {
			e.dealt++
			s.users.Add(1)
			select {
			case e.shots <- s:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	}
	f.progress(end)
	return nil
}

// keepPoster keeps the newest candidate in place of the one before.
func (f *feeder) keepPoster(s *shot) {
	s.users.Add(1)
	if f.poster != nil {
		f.poster.done()
	}
	f.poster = s
}

// encoder makes one step of the ladder from covered frames.
type encoder struct {
	step
	master image.Point
	shots  chan *shot
	dealt  int // frames dealt so far; frame n stands for the moment n/rate
}

// due reports whether the encoder's next moment lies before end.
func (e *encoder) due(end time.Duration) bool {
	return time.Duration(e.dealt)*time.Second < end*time.Duration(e.rate)
}

// run writes frames into an ffmpeg that knows nothing but their size and rate.
func (e *encoder) run(ctx context.Context, s *stage, withSound bool) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	args := []string{"-protocol_whitelist", "pipe", "-f", "rawvideo", "-pix_fmt", "yuv420p",
		"-video_size", fmt.Sprintf("%dx%d", e.master.X, e.master.Y), "-framerate", fmt.Sprint(e.rate), "-i", "pipe:0"}
	if withSound {
		args = append(args, "-protocol_whitelist", "file", "-f", "mov", "-i", filepath.Join(s.out, inFilms[e.sound].file), "-map", "0:v", "-map", "1:a", "-c:a", "copy")
	}
	args = append(args, e.encoding(e.master, s.Preset)...)
	cmd, said := tool(ctx, "ffmpeg", append(args, filepath.Join(s.out, products[e.name].file))...)
	in, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	widen(in)
	if err := cmd.Start(); err != nil {
		return fault.Missing("media.missing", "ffmpeg", "ffmpeg").Because(err)
	}
	var wrote error
	for f := range e.shots {
		if wrote == nil {
			_, wrote = in.Write(f.pix)
		}
		f.done()
		if wrote != nil {
			break
		}
	}
	in.Close()
	if err := errors.Join(wrote, cmd.Wait()); err != nil {
		return toolFailed("media.encode", err, said)
	}
	return ctx.Err()
}
