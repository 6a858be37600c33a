// Package trace reads what a file tells about whoever made it: the device and
// its serial numbers, dates, places, names, earlier pictures, edits. Everything
// it finds is private: evidence for the desk's eyes, and the list of values that
// no published file may hold (package gate).
//
// It parses strangers' bytes, so media runs it inside the box. It never guesses:
// what it cannot read is a Gap. It decodes no picture and no sound.
package trace

// Sheet is everything that one file was found to tell. It travels out of the
// box as JSON.
type Sheet struct {
	Format   string    `json:"format"` // "jpeg", "mp4", "pdf"…
	Facts    []Fact    `json:"facts,omitempty"`
	Track    []Fix     `json:"track,omitempty"`    // where the device was, in the order of the file
	Previews []Preview `json:"previews,omitempty"` // other pictures inside the file
	Gaps     []Gap     `json:"gaps,omitempty"`
}

// Kind says what a fact is about.
type Kind string

// The kinds of facts.
const (
	Device     Kind = "device"     // make, model, lens, firmware
	Serial     Kind = "serial"     // numbers that belong to one device, file or person
	Software   Kind = "software"   // what wrote or edited the file
	Time       Kind = "time"       // any date
	Place      Kind = "place"      // coordinates, names of places
	Person     Kind = "person"     // author, owner, last editor, commenter
	Text       Kind = "text"       // titles, comments, subtitles, hidden words
	History    Kind = "history"    // edits, revisions, what was cut or crossed out
	Provenance Kind = "provenance" // C2PA, ProofMode, signatures
	Encoding   Kind = "encoding"   // codec settings, handler names, vendor strings
	Leftover   Kind = "leftover"   // bytes that nothing in the file points to
)

// Fact is one thing that a file tells.
type Fact struct {
	Kind  Kind   `json:"kind"`
	Where string `json:"where"` // the road to it inside the file: "APP1/Exif/IFD0/Make"
	Name  string `json:"name"`  // the standard's name of the field: "Make"
	Value string `json:"value"` // as text, cut to MaxValue
	// Zone says how a Time is to be read: "utc", "local" (no zone in the file)
	// or "offset" (the value names it). Empty for everything else.
	Zone string `json:"zone,omitempty"`
	// Raw is the value's bytes as they stand in the file, where the text does
	// not stand there itself (rationals, packed numbers, scrambled blocks).
	Raw []byte `json:"raw,omitempty"`
}

// Fix is where the device was at a moment, as the file says.
type Fix struct {
	At        int64   `json:"at"` // milliseconds from the beginning of the film; -1 if the file does not tie it to the film
	Time      string  `json:"time,omitempty"`
	Latitude  float64 `json:"latitude"`  // degrees, WGS 84
	Longitude float64 `json:"longitude"` // degrees
	Altitude  float64 `json:"altitude,omitempty"`
	Speed     float64 `json:"speed,omitempty"` // metres per second
	Source    string  `json:"source"`          // "gpmd", "camm", "freeGPS", "mebx", "subtitle"…
}

// Preview is another picture inside the file: a thumbnail, a second image of an
// MPF file, a cover. It may show what was cropped or edited away.
type Preview struct {
	Where  string `json:"where"`
	Type   string `json:"type"`  // media type
	Start  int64  `json:"start"` // in the file; -1 if it stands there packed
	Size   int64  `json:"size"`
	Width  int    `json:"width,omitempty"`
	Height int    `json:"height,omitempty"`
	// Differs says that its shape is not the main picture's: a crop, or another picture.
	Differs bool `json:"differs,omitempty"`
}

// Gap is a part of the file that was not read, and why.
type Gap struct {
	Where string `json:"where"`
	Why   string `json:"why"` // a key of the catalogue below "trace.gap."
	Bytes int64  `json:"bytes,omitempty"`
}

// MaxValue is the most bytes that a fact's Value and Raw keep each.
const MaxValue = 4096
