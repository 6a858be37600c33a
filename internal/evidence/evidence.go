// Package evidence holds the words for the bytes that a case rests on: the
// originals as they came, the derivatives made from them, and the custody
// events that say who did what to which bytes and when.
//
// It stores nothing and opens nothing: deskdb writes the events in the same
// transaction as the act. The desk's packages use it; nothing public does.
package evidence

// Original is one attachment as it came: bytes inside a sealed parcel, never
// changed and never in the clear on a disk. Where in the parcel it lies is not
// told here: deskdb tells it to whoever opens it, and writes that down.
type Original struct {
	ID     int64
	Parcel string // id of the parcel that holds it
	Path   string // data/files/1.mp4
	Name   string // as the witness's device called it
	Type   string // media type that the witness's device named
	Size   int64  // bytes
	SHA256 string // of the bytes; private, never published
	Medium Medium // what the boxed probe found
	Fault  string // key of the fault when it could not be looked at, "" when it could
}

// Kinds of media. An original that nobody has looked at yet has the kind "".
const (
	Film     = "film"
	Photo    = "photo"
	Sound    = "sound"
	Document = "document"
	Unknown  = "unknown"
)

// Medium is what a probe in the box found in an original.
type Medium struct {
	Kind          string `json:"kind,omitempty"` // film, photo, sound, document, unknown
	Format        string `json:"format,omitempty"`
	Width         int    `json:"width,omitempty"` // pixels as shown, rotation applied
	Height        int    `json:"height,omitempty"`
	Milliseconds  int64  `json:"milliseconds,omitempty"`
	FramesPer1000 int    `json:"frames_per_1000,omitempty"` // frames in 1000 seconds, 0 when unknown
	Sound         bool   `json:"sound,omitempty"`
	Pages         []Page `json:"pages,omitempty"` // of a document, in order
	// Others is how many further films, sounds or pictures the file holds, of
	// which nothing is shown or made: the first of each kind stands for all.
	Others int `json:"others,omitempty"`
}

// Page is the picture that a document's page becomes: its size in pixels, and the
// SHA-256 of its bytes (docs/design/media.md), "" where nobody has taken it yet.
type Page struct {
	Width   int    `json:"width"`
	Height  int    `json:"height"`
	Picture string `json:"picture,omitempty"`
}

// Derivative is a file made from an original: re-encoded, covered, muted. At
// the desk it is sealed at rest.
type Derivative struct {
	ID       int64
	Original int64
	Plan     int    // version of the redaction plan it was made with
	Rung     string // 240p, audio, jpeg, …
	Type     string // media type
	Poster   bool   // a still picture that stands for a film
	Width    int
	Height   int
	Seconds  int
	Size     int64  // bytes in the clear
	SHA256   string // of the bytes in the clear: its public name once published
	Sealed   string // name of the sealed file at the desk
}
