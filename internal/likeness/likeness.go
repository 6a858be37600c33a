// Package likeness says how alike two pictures or two films are, and which
// marks of a device two files share, so that the desk is warned before it
// publishes something that leads to something else.
//
// It is arithmetic on small gray pictures and on a trace sheet: it opens no
// file, and it knows nobody. It compares files with files; faces, voices and
// plates it does not look for, and nothing here may ever be made to.
//
// What it computes is private. A perceptual hash of an unpublished original can
// be searched for, so it stays in the desk's encrypted database. Media makes
// the prints inside the box, the desk keeps and compares them.
package likeness

import (
	"encoding/hex"
	"math/bits"
)

// The thresholds that PDQ's and vPDQ's authors publish.
const (
	MaxDistance = 31 // bits of 256 in which two hashes of the same picture may differ
	MinQuality  = 50 // below this a picture is too plain to be compared
)

// Hash is a PDQ hash: bit k of the 256 is bit k%64 of word k/64.
type Hash [4]uint64

// HashBytes is the length of a hash as bytes.
const HashBytes = 32

// Distance counts the bits in which two hashes differ.
func (h Hash) Distance(o Hash) int {
	return bits.OnesCount64(h[0]^o[0]) + bits.OnesCount64(h[1]^o[1]) + bits.OnesCount64(h[2]^o[2]) + bits.OnesCount64(h[3]^o[3])
}

// Bytes gives the hash as it is commonly written: the last bit first.
func (h Hash) Bytes() [HashBytes]byte {
	var b [HashBytes]byte
	for i := range b {
		b[i] = byte(h[(HashBytes-1-i)/8] >> (8 * ((HashBytes - 1 - i) % 8)))
	}
	return b
}

// String gives the common spelling in 64 hexadecimal digits.
func (h Hash) String() string {
	b := h.Bytes()
	return hex.EncodeToString(b[:])
}

// hashOf reads what Bytes wrote; b holds HashBytes bytes or more.
func hashOf(b []byte) (h Hash) {
	for i := range HashBytes {
		h[(HashBytes-1-i)/8] |= uint64(b[i]) << (8 * ((HashBytes - 1 - i) % 8))
	}
	return h
}

// Turns is in how many ways a picture can be turned and mirrored.
const Turns = 8

// Print is what is kept of one picture.
type Print struct {
	Quality int // 0 to 100: how much there is in the picture to go by
	// Hashes are of the picture as it is and of its seven turns: a quarter, a
	// half and three quarters of a turn, mirrored top to bottom, left to right,
	// and along the two diagonals.
	Hashes [Turns]Hash
}

// Clear reports whether there is enough in the picture to compare it.
func (p Print) Clear() bool { return p.Quality >= MinQuality }

// Alike reports whether two pictures are the same one, perhaps turned.
func (p Print) Alike(o Print) bool {
	if !p.Clear() || !o.Clear() {
		return false
	}
	for _, h := range p.Hashes {
		if h.Distance(o.Hashes[0]) <= MaxDistance {
			return true
		}
	}
	return false
}
