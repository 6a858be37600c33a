// Package bundle cuts an edition, or what somebody wants of it, into parts for a
// stick or a messenger, and puts parts together again, whichever came through.
//
// A part is a stored ZIP file; parts of parity make up for as many others as
// there are of them. Whoever carries parts can be robbed, searched or hostile, so
// every part is believed no further than its hash reaches, and what comes out of
// it no further than the collective's signatures do. It has no key, no database
// and no network. The format is spec/bundle.md.
package bundle

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"

	"kua/internal/canon"
	"kua/internal/fault"
	"kua/internal/mirror"
)

// The "kind" members of a part's description and of its set's.
const (
	KindPart = "kua bundle part"
	KindSet  = "kua bundle set"
)

// Limits on what a part may say of itself.
const (
	MaxShards = 65_536   // of a set, parity among them: GF(2^16)
	MinPart   = 64 << 10 // bytes of a part
	MaxPart   = 2 << 30
	maxAbout  = 48 << 10 // bytes of part.json
	grain     = 64       // every shard is a multiple of it
)

// Set is what the parts that belong together say of themselves. Nothing in it is
// signed but the checkpoint; it says what there is to be found, not that it is true.
type Set struct {
	Charter    string         `json:"charter"`    // id of the newest version
	Checkpoint string         `json:"checkpoint"` // the log's signed note
	Data       int            `json:"data"`       // parts that hold files
	Edition    int            `json:"edition"`
	Files      int            `json:"files"`
	Kind       string         `json:"kind"`
	Manifest   string         `json:"manifest"` // SHA-256
	Parity     int            `json:"parity"`   // parts that make up for as many others
	Profile    mirror.Profile `json:"profile"`
	Records    string         `json:"records,omitempty"` // chosen ones as 1-3,17; none for all
	Root       string         `json:"root"`              // of the tree over all shards
	Shard      int64          `json:"shard"`             // bytes that are coded of each part
	Since      string         `json:"since,omitempty"`   // SHA-256 of the manifest or note from which on
}

// About is the description in a part.
type About struct {
	Index  int      `json:"index"` // parts of parity come after those with files
	Kind   string   `json:"kind"`
	Length int64    `json:"length"` // bytes of this part's shard; zeros to Set.Shard are meant
	Proof  []string `json:"proof"`  // that the root covers it
	Set    Set      `json:"set"`
	SHA256 string   `json:"sha256"` // of these bytes
}

// ID names the set: the SHA-256 of its canonical description.
func (s Set) ID() string {
	b, err := canon.Marshal(s)
	if err != nil {
		return ""
	}
	return canon.Hash(b)
}

// Shards is how many parts the set has.
func (s Set) Shards() int { return s.Data + s.Parity }

// bytes gives the part's description as it stands in the part.
func (a About) bytes() ([]byte, error) { return canon.Marshal(a) }

// parseAbout reads a part's description and checks it by itself, with the proof
// that the set covers this shard. The fault is bundle.not_a_part.
func parseAbout(b []byte) (About, error) {
	var a About
	if err := canon.Unmarshal(b, &a); err != nil {
		return a, fault.Corrupt("bundle.not_a_part").Because(err)
	}
	s := a.Set
	sum, sumErr := hex.DecodeString(a.SHA256)
	ok := a.Kind == KindPart && s.Kind == KindSet && s.Data > 0 && s.Parity >= 0 && s.Data <= MaxShards && s.Parity <= MaxShards &&
		s.Shards() <= MaxShards && s.Shard > 0 && s.Shard <= MaxPart && s.Shard%grain == 0 && a.Index >= 0 && a.Index < s.Shards() &&
		a.Length > 0 && a.Length <= s.Shard && (a.Index < s.Data || a.Length == s.Shard) && s.Edition > 0 && s.Files > 0 &&
		s.Profile.Valid() && isHash(s.Manifest) && isHash(s.Charter) && isHash(s.Root) && (s.Since == "" || isHash(s.Since)) &&
		sumErr == nil && len(sum) == sha256.Size
	if ok && s.Records != "" {
		_, err := ParseRecords(s.Records)
		ok = err == nil
	}
	if !ok || !covers(s.Root, a.Index, s.Shards(), leaf([32]byte(sum), a.Length), a.Proof) {
		return a, fault.Corrupt("bundle.not_a_part")
	}
	return a, nil
}

func isHash(s string) bool {
	b, err := hex.DecodeString(s)
	return err == nil && len(b) == sha256.Size && hex.EncodeToString(b) == s
}

// leaf is what the tree holds of a shard: its hash and its length, high byte first.
func leaf(sum [32]byte, length int64) []byte {
	return binary.BigEndian.AppendUint64(sum[:], uint64(length))
}
