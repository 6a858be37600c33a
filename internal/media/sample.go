package media

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"time"

	"kua/internal/fault"
)

// SampleSpec says which made-up film Sample makes. Token is planted where a
// phone or an editor would leave a name; a position is planted too.
type SampleSpec struct {
	Width, Height int
	Length        time.Duration
	Token         string
}

// Sample writes a made-up H.264 film with sound to path: a test picture, over
// which a plain "face" moves, and a tone. It is for demonstrations and reads
// nothing of anybody's.
func Sample(ctx context.Context, s SampleSpec, path string) error {
	face, seconds := s.face(), fmt.Sprintf("%.3f", s.Length.Seconds())
	graph := fmt.Sprintf("[0]drawgrid=w=40:h=40:t=1:c=white@0.3[back];[back][1]overlay=x='%d+%d*t/%s':y=%d:shortest=1",
		face.fromX, face.toX-face.fromX, seconds, face.y)
	cmd := exec.CommandContext(ctx, "ffmpeg", "-v", "error", "-nostdin", "-y",
		"-f", "lavfi", "-i", fmt.Sprintf("testsrc2=s=%dx%d:r=25:d=%s", s.Width, s.Height, seconds),
		"-f", "lavfi", "-i", fmt.Sprintf("color=c=0xe0b48c:s=%dx%d:r=25:d=%s", face.w, face.h, seconds),
		"-f", "lavfi", "-i", "sine=f=330:d="+seconds,
		"-filter_complex", graph, "-map", "2:a",
		"-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p", "-c:a", "aac", "-b:a", "64k",
		"-metadata", "title=made up "+s.Token, "-metadata", "artist="+s.Token, "-metadata", "comment="+s.Token,
		"-metadata", "location=+43.2567+076.9286/", "-metadata:s:v", "title="+s.Token,
		"-movflags", "+faststart+use_metadata_tags", path)
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	if err := cmd.Run(); err != nil {
		return fault.Missing("media.sample").Because(fmt.Errorf("%w: %s", err, bytes.TrimSpace(complaint.Bytes())))
	}
	return nil
}

// SampleFace is the cover that hides the moving face of such a film, with a margin.
func SampleFace(s SampleSpec) Cover {
	const margin = 16
	f := s.face()
	return Cover{
		W: f.w + 2*margin, H: f.h + 2*margin, To: s.Length,
		Points: []At{{X: f.fromX - margin, Y: f.y - margin}, {At: s.Length, X: f.toX - margin, Y: f.y - margin}},
	}
}

type sampleFace struct{ w, h, fromX, toX, y int }

func (s SampleSpec) face() sampleFace {
	even := func(n int) int { return n &^ 1 }
	return sampleFace{w: even(s.Width / 6), h: even(s.Height / 3), fromX: even(s.Width / 6), toX: even(s.Width * 3 / 5), y: even(s.Height / 4)}
}
