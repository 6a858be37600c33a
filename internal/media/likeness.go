package media

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/draw"
	"io"
	"time"

	"kua/internal/fault"
	"kua/internal/likeness"
)

const (
	// printSide is what a picture is brought down to before its print: enough
	// that the print's own blur decides, and quick for every frame of a film.
	printSide = 256
	// photoPrintSide is the same for a photo, of which there is only one.
	photoPrintSide = 512
)

// printed is the box's answer.
type printed struct {
	Plain, Turned []byte
	Tables        string
}

// Likeness computes the perceptual prints of a film or photo, decoded at a small
// size in the box. Anything else has none: the fault is media.no_picture. What
// comes out is private, see package likeness.
func (m *Runner) Likeness(ctx context.Context, in Input) (likeness.Prints, error) {
	p, err := m.Probe(ctx, in)
	if err != nil {
		return likeness.Prints{}, err
	}
	if p.Type != Film && p.Type != Photo {
		return likeness.Prints{}, fault.Invalid("media.no_picture")
	}
	f, err := sniff(in)
	if err != nil {
		return likeness.Prints{}, err
	}
	limits := m.Limits.withDefaults()
	if p.Type == Photo {
		if _, ok := photoDecoders[f.Name]; !ok {
			return likeness.Prints{}, fault.Invalid("media.photo_later", f.Name)
		}
	}
	answer, err := m.enter(ctx, visit{
		args: []string{"box"}, job: job{Do: "likeness", Format: f, Probe: p}, in: in,
		wall: min(wallBase+wallFactor*p.Duration, wallBase+wallFactor*limits.Duration),
		// Frames tell that it is alive; nobody asks how far it is.
		progress: func(time.Duration, time.Duration) {},
	})
	if err != nil {
		return likeness.Prints{}, err
	}
	return readPrints(answer, p.Type)
}

// readPrints distrusts the box's answer.
func readPrints(answer []byte, kind Type) (likeness.Prints, error) {
	died := fault.New(fault.KindInternal, "media.box_died")
	var a printed
	if err := json.Unmarshal(answer, &a); err != nil {
		return likeness.Prints{}, died
	}
	if a.Turned == nil {
		a.Turned = []byte{}
	}
	p, err := likeness.Parse(a.Plain, a.Turned)
	if err != nil || kind == Photo && (p.Length != 0 || len(p.Frames) != 1) || kind == Film && p.Length == 0 || !isTables(a.Tables) {
		return likeness.Prints{}, died
	}
	p.Tables = a.Tables
	return p, nil
}

func isTables(s string) bool {
	if s == "" {
		return true
	}
	for _, c := range s {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return len(s) == 64
}

// likeness is the stage in the box.
func (s *stage) likeness() (printed, error) {
	var p likeness.Prints
	var err error
	if s.Probe.Type == Photo {
		p, err = s.photoPrint()
	} else {
		p, err = s.filmPrints(context.Background())
	}
	if err != nil {
		return printed{}, err
	}
	return printed{Plain: p.Plain(), Turned: p.Turned(), Tables: p.Tables}, nil
}

func (s *stage) photoPrint() (likeness.Prints, error) {
	if _, err := s.probePhoto(); err != nil {
		return likeness.Prints{}, err
	}
	img, err := s.decodePhoto(nil)
	if err != nil {
		return likeness.Prints{}, err
	}
	small := img.turn.apply(shrink(img.Image, within(img.full, photoPrintSide)))
	gray := image.NewGray(small.Bounds())
	draw.Draw(gray, gray.Bounds(), small, small.Bounds().Min, draw.Src) // Rec. 601 luma, as PDQ takes it
	p := likeness.Prints{Frames: []likeness.Frame{{Print: likeness.PrintOf(gray)}}}
	if s.Format.Name == formatJPEG.Name {
		p.Tables = likeness.Tables(s.reader())
	}
	return p, nil
}

// filmPrints decodes the film once, small and gray, and keeps the prints that
// likeness.Keeper chooses.
func (s *stage) filmPrints(ctx context.Context) (likeness.Prints, error) {
	stream, ok := s.Probe.stream("video")
	if !ok {
		return likeness.Prints{}, fault.Invalid("media.nothing_inside")
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	args := append(s.reading(), "-map", fmt.Sprintf("0:%d", stream.Index), "-an", "-sn", "-dn",
		"-vf", fmt.Sprintf("scale=%d:%d:flags=area:out_range=pc,format=gray", printSide, printSide),
		"-fps_mode", "vfr", "-enc_time_base", "1:1000", "-map_metadata", "-1", "-map_chapters", "-1", "-fflags", "+bitexact",
		"-c:v", "rawvideo", "-f", "matroska", "pipe:1")
	cmd, said := tool(ctx, "ffmpeg", append([]string{"-threads", "2"}, args...)...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		return likeness.Prints{}, err
	}
	if err := cmd.Start(); err != nil {
		return likeness.Prints{}, fault.Missing("media.missing", "ffmpeg", "ffmpeg").Because(err)
	}
	p, failed := s.printFrames(newFrames(out, printSide*printSide))
	if failed != nil {
		cancel()
	}
	if err := joinEnds(failed, cmd.Wait(), said); err != nil {
		return likeness.Prints{}, err
	}
	return p, nil
}

// printFrames reads decoded frames to the end.
func (s *stage) printFrames(in *frames) (likeness.Prints, error) {
	keep := likeness.NewKeeper(s.Probe.Duration.Milliseconds())
	img := image.NewGray(image.Rect(0, 0, printSide, printSide))
	var first, last int64 = -1, 0
	for {
		at, err := in.next(img.Pix)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return likeness.Prints{}, fmt.Errorf("read decoded pictures: %w", err)
		}
		if at > s.Limits.Duration {
			return likeness.Prints{}, fault.TooLarge("media.too_long", int(s.Limits.Duration.Hours()))
		}
		if first < 0 {
			first = at.Milliseconds()
		}
		last = max(last, at.Milliseconds()-first)
		if keep.Wants(last) {
			keep.Add(last, likeness.PrintOf(img))
		}
		// The box lives as long as it says so; the total is a guess.
		s.report(at, max(at, s.Probe.Duration)+1)
	}
	if first < 0 {
		return likeness.Prints{}, errNoFrames
	}
	return keep.Prints(last + 1), nil
}

// joinEnds makes one error of what we read and how the tool ended.
func joinEnds(read, waited error, said *tail) error {
	if _, ours := fault.Of(read); read == nil && waited == nil || ours {
		return read
	}
	return toolFailed("media.broken", errors.Join(read, exitOnly(waited)), said)
}
