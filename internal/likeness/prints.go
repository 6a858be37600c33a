package likeness

import (
	"encoding/binary"

	"kua/internal/fault"
)

// MaxFrames is the most frames that are kept of one file.
const MaxFrames = 2400

// Frame is one picture of a film, shown from a moment on.
type Frame struct {
	At int64 // milliseconds from the beginning
	Print
}

// Prints is what is kept of one photo or film.
type Prints struct {
	Frames []Frame // in the order of time; one for a photo
	Length int64   // milliseconds; 0 for a photo
	Cut    bool    // the film went on beyond what was kept
	// Tables marks a photo's quantisation tables, which name the kind of
	// encoder and little more: SHA-256 in hex, or "".
	Tables string
}

// Keeper chooses which frames of a film are kept: one each second, and more
// where the picture changes faster, so that whichever frame another copy was
// cut at, one much like it is here. A long film is kept more thinly.
type Keeper struct {
	gap, every int64 // milliseconds: never closer, never further apart
	frames     []Frame
	cut        bool
}

// NewKeeper begins a film of about so many milliseconds.
func NewKeeper(length int64) *Keeper {
	gap := max(100, length/(MaxFrames-100))
	return &Keeper{gap: gap, every: max(1000, gap)}
}

// Wants reports whether a frame at this moment could be kept, so that it is
// worth its arithmetic.
func (k *Keeper) Wants(at int64) bool {
	if len(k.frames) == 0 {
		return true
	}
	k.cut = k.cut || len(k.frames) == MaxFrames
	return !k.cut && at >= k.frames[len(k.frames)-1].At+k.gap
}

// Add offers a frame.
func (k *Keeper) Add(at int64, p Print) {
	if !k.Wants(at) {
		return
	}
	if n := len(k.frames); n > 0 {
		last := k.frames[n-1]
		if at < last.At+k.every && p.Hashes[0].Distance(last.Hashes[0]) <= MaxDistance/2 {
			return
		}
	}
	k.frames = append(k.frames, Frame{at, p})
}

// Prints ends the film at a length in milliseconds.
func (k *Keeper) Prints(length int64) Prints {
	return Prints{Frames: k.frames, Length: length, Cut: k.cut}
}

// The plain form is a head (length, whether cut, number of frames) and then, of
// every frame, its moment, its quality and its hash; the turned form is the
// seven further hashes of every frame.
const (
	headBytes   = 4 + 1 + 4
	frameBytes  = 4 + 1 + HashBytes
	turnedBytes = (Turns - 1) * HashBytes
)

// Plain gives what other files are compared with, as bytes.
func (p Prints) Plain() []byte {
	b := make([]byte, 0, headBytes+len(p.Frames)*frameBytes)
	b = binary.BigEndian.AppendUint32(b, uint32(p.Length))
	b = append(b, 0)
	if p.Cut {
		b[4] = 1
	}
	b = binary.BigEndian.AppendUint32(b, uint32(len(p.Frames)))
	for _, f := range p.Frames {
		b = binary.BigEndian.AppendUint32(b, uint32(f.At))
		b = append(b, byte(f.Quality))
		h := f.Hashes[0].Bytes()
		b = append(b, h[:]...)
	}
	return b
}

// Turned gives the hashes of the turned pictures, as bytes.
func (p Prints) Turned() []byte {
	b := make([]byte, 0, len(p.Frames)*turnedBytes)
	for _, f := range p.Frames {
		for _, h := range f.Hashes[1:] {
			h := h.Bytes()
			b = append(b, h[:]...)
		}
	}
	return b
}

// Parse reads what Plain and Turned wrote; without turned the frames have their
// first hash only. It distrusts both: they come out of the box. What does not
// fit is the fault likeness.broken.
func Parse(plain, turned []byte) (Prints, error) {
	broken := fault.Corrupt("likeness.broken")
	if len(plain) < headBytes || plain[4] > 1 {
		return Prints{}, broken
	}
	p := Prints{Length: int64(binary.BigEndian.Uint32(plain)), Cut: plain[4] == 1}
	n := int(binary.BigEndian.Uint32(plain[5:]))
	if n > MaxFrames || len(plain) != headBytes+n*frameBytes || turned != nil && len(turned) != n*turnedBytes {
		return Prints{}, broken
	}
	p.Frames = make([]Frame, n)
	for i := range p.Frames {
		b := plain[headBytes+i*frameBytes:]
		f := Frame{At: int64(binary.BigEndian.Uint32(b))}
		f.Quality, f.Hashes[0] = int(b[4]), hashOf(b[5:])
		if f.Quality > 100 || i > 0 && f.At <= p.Frames[i-1].At || p.Length > 0 && f.At > p.Length {
			return Prints{}, broken
		}
		for t := 1; t < Turns && turned != nil; t++ {
			f.Hashes[t] = hashOf(turned[i*turnedBytes+(t-1)*HashBytes:])
		}
		p.Frames[i] = f
	}
	return p, nil
}

// shown is how long frame i stands, in milliseconds; a photo's counts as a second.
func (p Prints) shown(i int) int64 {
	end := p.Length
	if i+1 < len(p.Frames) {
		end = p.Frames[i+1].At
	}
	if p.Length == 0 {
		return 1000
	}
	return max(1, end-p.Frames[i].At)
}
