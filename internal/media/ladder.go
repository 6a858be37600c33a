package media

import (
	"fmt"
	"image"
)

// rung is one size of a film. The numbers are measured ones: at 48 kbit/s, the
// road out of a throttled network, 144p is nearly watchable as it comes, and
// 240p is the default because it says who did what and fits a phone's data.
type rung struct {
	name    string
	short   int // the shorter side in pixels; a film taken upright is not made narrower for it
	rate    int // frames per second
	profile string
	level   string
	crf     int
	kbit    int // ceiling of the picture, held by the decoder's buffer model
	sound   int // index into films' sounds
}

var ladder = []rung{
	{"144p", 144, 12, "baseline", "1.2", 30, 72, 0},
	{"240p", 240, 15, "baseline", "1.3", 29, 150, 1},
	{"360p", 360, 25, "main", "3.0", 27, 400, 2},
	{"480p", 480, 30, "main", "3.1", 25, 900, 3},
}

// alwaysShort is the default rung: it and those below it are made of every
// film, at the film's own size if that is smaller. Nothing is ever made larger.
const alwaysShort = 240

// maxAspect bounds a panorama's longer side.
const maxAspect = 2.4

// sound is one encoding of the sound, mono.
type sound struct {
	file string
	rung string // its own place in the ladder, or "" where it only goes into films
	kind string // media type
	args []string
}

// bitexact keeps versions of programs and dates out of a file.
var bitexact = []string{"-map_metadata", "-1", "-map_chapters", "-1", "-fflags", "+bitexact", "-flags:v", "+bitexact", "-flags:a", "+bitexact"}

var (
	opus16  = sound{"audio.webm", "audio", "audio/webm", []string{"-c:a", "libopus", "-b:a", "16k", "-ac", "1", "-application", "voip", "-frame_duration", "60"}}
	aac24   = sound{"audio.m4a", "audio-m4a", "audio/mp4", aac("24k", "22050")}
	aac32   = sound{"sound-32.m4a", "", "", aac("32k", "24000")}
	aac48   = sound{"sound-48.m4a", "", "", aac("48k", "44100")}
	aac64   = sound{"sound-64.m4a", "", "", aac("64k", "44100")}
	inFilms = []sound{aac24, aac32, aac48, aac64}
)

func aac(bits, rate string) []string {
	return []string{"-c:a", "aac", "-b:a", bits, "-ac", "1", "-ar", rate, "-movflags", "+faststart"}
}

// step is a rung at the size that one film gets.
type step struct {
	rung
	size image.Point
}

// steps chooses the rungs of a film whose picture is shown at this size.
func steps(shown image.Point) []step {
	var out []step
	for _, r := range ladder {
		if r.short <= alwaysShort || r.short <= min(shown.X, shown.Y) {
			out = append(out, step{r, fit(shown, r.short)})
		}
	}
	return out
}

// CleanRate is how many frames a second Clean gives a film whose picture is
// shown at this size, at even distances whatever the original's are.
func CleanRate(shown image.Point) int {
	all := steps(shown)
	return all[len(all)-1].rate
}

// levels says how many macroblocks a frame of each level may have (H.264
// table A-1), in rising order.
var levels = []struct {
	name   string
	blocks int
}{{"1.2", 396}, {"1.3", 396}, {"2.1", 792}, {"3.0", 1620}, {"3.1", 3600}, {"4.0", 8192}}

// fittingLevel is the rung's level, or the lowest above it that the frame fits:
// a stream must not claim less than it needs.
func (s step) fittingLevel() string {
	blocks := ((s.size.X + 15) / 16) * ((s.size.Y + 15) / 16)
	reached := false
	for _, l := range levels {
		reached = reached || l.name == s.level
		if reached && l.blocks >= blocks {
			return l.name
		}
	}
	return levels[len(levels)-1].name
}

// encoding is how x264 is told to make this rung of frames in the master's
// size. One thread makes it reproducible: the same frames give the same bytes.
func (s step) encoding(master image.Point, preset string) []string {
	var args []string
	if s.size != master {
		args = append(args, "-vf", fmt.Sprintf("scale=%d:%d:flags=area", s.size.X, s.size.Y))
	}
	args = append(args,
		"-c:v", "libx264", "-preset", preset, "-profile:v", s.profile, "-level", s.fittingLevel(),
		"-crf", fmt.Sprint(s.crf), "-maxrate", fmt.Sprintf("%dk", s.kbit), "-bufsize", fmt.Sprintf("%dk", 2*s.kbit),
		"-g", fmt.Sprint(10*s.rate), "-pix_fmt", "yuv420p", "-threads", "1",
		"-color_range", "tv", "-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709",
		"-bsf:v", "filter_units=remove_types=6", // x264 writes its version and options into SEI
		"-movflags", "+faststart")
	return append(args, bitexact...)
}
