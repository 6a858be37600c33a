// Package parcel is a sealed report as bytes: what a witness tells
// (report.json), the BagIt bag in a tar around it, the padding, the pieces in
// which it travels and the index that names them.
//
// It seals but cannot open: ReadBag and ReadReport read the plaintext that
// keyring gives the desk. Node, desk and the witness's tools use it. The format
// is spec/parcel.md, with vectors in spec/vectors.
package parcel

import "math/bits"

// The sizes of the format, in bytes.
const (
	PieceBytes  = 256 << 10 // every piece but the last
	MaxParcel   = 32 << 30  // a whole sealed parcel
	MinPlain    = 16 << 10  // padded plaintext of the smallest parcel
	MaxReport   = 256 << 10 // report.json
	MaxFiles    = 200       // attachments of one report
	MaxIndex    = 64 + MaxParcel/PieceBytes*65
	maxTagFile  = 1 << 20 // a manifest
	maxEntries  = 1000    // entries of a tar
	maxPathSize = 1024
)

// Padme gives the padded size for n bytes after the PURBs paper (Nikitin et al.
// 2019): at most 12 % more, and so few sizes that one says little. Sizes below
// MinPlain become MinPlain.
func Padme(n int64) int64 {
	if n <= MinPlain {
		return MinPlain
	}
	e := bits.Len64(uint64(n)) - 1 // floor(log2 n)
	s := bits.Len64(uint64(e))     // floor(log2 e) + 1
	mask := int64(1)<<(e-s) - 1    // the low bits that must be zero
	return (n + mask) &^ mask
}
