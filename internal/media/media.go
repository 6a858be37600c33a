// Package media makes what may be published out of what came in: films, sound
// and photos are decoded, covered and muted, and encoded anew, so that nothing
// of the original but its covered picture and its chosen sound reaches a
// derivative. docs/design/media.md gives the reasons.
//
// Media tools parse hostile bytes, so every one of them runs in a box: its own
// namespaces without a network, no file but the tools themselves and one output
// directory, limits on memory, time and output. The original is read through a
// socket and never touches the disk in the clear. Where the box cannot be
// built nothing is opened at all.
//
// Media knows nothing of cases, plans of the desk or keys; it takes readers and
// gives files. It is the only package that runs programs. The desk may use it.
package media

import (
	"image"
	"io"
	"time"
)

// Type says what a file is, judged by its content and never by its name.
type Type string

// The types. A film has a moving picture, with or without sound; sound has
// none. A document is anything that is read on pages.
const (
	Film     Type = "film"
	Photo    Type = "photo"
	Sound    Type = "sound"
	Document Type = "document"
	Unknown  Type = "unknown"
)

// Input is the plaintext of an original, read at random offsets. Reads come
// from one goroutine at a time.
type Input interface {
	io.ReaderAt
	Size() int64
}

// Probe is what is known of an original after looking at its content. It
// carries no text out of the file.
type Probe struct {
	Type Type
	// Format is the container: "mp4", "matroska", "jpeg", "pdf"…
	Format string
	// Width and Height are those of the picture as it is shown: rotation and
	// pixel shape applied. Covers and boxes are measured in them.
	Width, Height int
	// Rotation is the clockwise turn in degrees (0, 90, 180, 270) that showing
	// the picture takes.
	Rotation int
	// Duration is as the container claims it; Seconds is the same, rounded up.
	Duration time.Duration
	Seconds  int
	// FrameRate is the average, in frames per second.
	FrameRate float64
	// Pictures is how many a photo's file holds: moments of an animated WebP or
	// PNG, pages of a TIFF. A derivative shows the first.
	Pictures int
	Streams  []Stream
}

// HasSound reports whether there is a sound stream.
func (p Probe) HasSound() bool {
	for _, s := range p.Streams {
		if s.Kind == "audio" {
			return true
		}
	}
	return false
}

// Others is how many films, sounds and pictures a file holds beside those that
// derivatives are made of, the first of each kind: a dashcam's second camera, a
// screen recorder's second microphone. Cover art is none of them.
func (p Probe) Others() int {
	n := max(0, p.Pictures-1)
	for _, kind := range []string{"video", "audio"} {
		of := 0
		for _, s := range p.Streams {
			if s.Kind == kind {
				of++
			}
		}
		n += max(0, of-1)
	}
	return n
}

// Stream is one stream of a film or a sound file.
type Stream struct {
	Index    int    // in the file
	Kind     string // "video", "audio", "picture" (cover art), "subtitle", "data", "other"
	Codec    string // ffmpeg's name: "h264", "hevc", "aac"
	Channels int
	Length   time.Duration // as the container claims it; 0 if it says none of this stream
	// Matrix, Transfer and Primaries are its colours and Fields the order of
	// its half pictures, as ffmpeg names them; empty if the file does not say.
	Matrix, Transfer, Primaries, Fields string
}

// At is a point of a cover's way: the upper left corner at a moment of the film.
type At struct {
	At   time.Duration
	X, Y int
}

// Cover is a solid box of one size over a film from From to To, both included.
// It rests at its first point until that moment, moves in a straight line from
// point to point, and rests at its last; positions are whole pixels of the
// shown picture and may lie outside it. spec/vectors/covers.json has examples.
type Cover struct {
	W, H     int
	Points   []At
	From, To time.Duration
}

// Mute silences a range of time, both ends included.
type Mute struct {
	From, To time.Duration
}

// Shot is a stretch of film, from From (included) to To (not included), whose
// picture is hidden but for what is revealed, or shown but for what is covered.
type Shot struct {
	From, To time.Duration
	Covered  bool
}

// Shape is a cover on a photo, or what is revealed of a covered one: the box,
// or with Corners the free shape between them, in pixels of the shown picture;
// the same on a document, in pixels of its page's picture.
type Shape struct {
	Page    int // of a document, from 1; 0 on a photo
	Box     image.Rectangle
	Corners []image.Point // 3 or more, in order, closed; none for the box itself
	Reveal  bool
}

// Page is one page of a document.
type Page struct {
	Size image.Point // of its picture
	// Picture is the SHA-256, in small hex, of its picture with nothing covered,
	// written as netpbm's P6: the bytes that pdftoppm gives.
	Picture string
}

// Plan is what to hide. The zero Plan hides nothing.
type Plan struct {
	// Shown is the picture that the plan was made on; zero where it does not
	// matter. A film or photo that turns out to have another size is refused:
	// its covers would lie elsewhere.
	Shown image.Point
	// Covered is how the picture begins: hidden but for what is revealed. On a
	// film it holds for every moment that lies in no shot.
	Covered bool
	Shots   []Shot  // of a film, in order, without overlap
	Covers  []Cover // on a film; they win over every reveal
	Reveals []Cover // of a film, where it is covered
	Shapes  []Shape // on a photo or a document's pages; covers win over every reveal
	// Pages are the document's pages on which the plan was made, as Runner.Pages
	// gives them. A document that turns out to have others is refused.
	Pages []Page
	Mutes []Mute // they win over Keeps
	// MuteAll silences all of the original's sound but Keeps. Without Keeps and
	// Speech the sound is left out altogether: no derivative has a sound stream,
	// and the original's is not even decoded.
	MuteAll bool
	Keeps   []Keep
	Speech  Speech
}

// Keep is a range of time whose sound stays though all is muted, both ends
// included.
type Keep struct {
	From, To time.Duration
}

// Speech is what a machine voice says, in one language; lines in the order of
// time. The zero Speech says nothing.
type Speech struct {
	Language string
	Lines    []Line
}

// Line is one line of speech and when it begins.
type Line struct {
	From time.Duration
	Text string
}

// Rendition is one file that was made.
type Rendition struct {
	// Rung names the place in the ladder: "audio" (Opus), "audio-m4a", "144p",
	// "240p", "360p", "480p", "poster-jpeg", "poster-webp"; for a photo "jpeg",
	// "webp", "jpeg-640", "webp-640"; for a document "page-1-jpeg",
	// "page-1-webp" and so on.
	Rung string
	// Type is the media type, "video/mp4".
	Type string
	// Path is the file, inside the output directory that was asked for.
	Path          string
	Width, Height int
	// Seconds is the duration rounded up; 0 for a picture.
	Seconds int
	// Short says that the film or sound ended well before its container said it
	// would: the original is damaged or was cut off, and this is what there is.
	Short bool
	// Poster marks the still picture that stands for a film.
	Poster bool
}

// Progress is told how much film time has been worked through, of how much in
// all. Every pass over the film counts, so total is a multiple of the duration.
// It is called from one goroutine, at most a few times a second.
type Progress func(done, total time.Duration)

// Runner works on media. Self must be set; the zero value of the rest works.
// It may be used from several goroutines.
type Runner struct {
	// Self is the path of the kua binary, which is run inside the box as
	// "kua box".
	Self string
	// Scratch is where a box has its output directory while it works; it must
	// be on the same file system as the directories asked for. Default: the
	// directory asked for itself.
	Scratch string
	// Preset is x264's; default "medium". See docs/design/media.md.
	Preset string
	Limits Limits
}

// Limits bound what one original may cost.
type Limits struct {
	MemoryBytes int64         // address space of each process; default 4 GiB
	OutputBytes int64         // any one output file; default 2 GiB
	PhotoPixels int           // default 80 million
	FramePixels int           // of a film; default 36 million (8K)
	Duration    time.Duration // of a film or sound; default 6 hours
	Wall        time.Duration // one whole job; default 10 minutes and 20 times the duration, or 5 s for each page a document may have
	Stall       time.Duration // without any progress; default 2 minutes
}
