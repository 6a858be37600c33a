package charter

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"

	"golang.org/x/mod/sumdb/note"

	"kua/internal/fault"
)

// maxLogSize bounds the number of entries that a charter can confirm.
const maxLogSize = 1 << 40

// Log names the collective's transparency log and its key. The origin never
// changes; the key does when it is lost or in other hands.
type Log struct {
	Origin string   `json:"origin"`
	Key    string   `json:"key"`            // verifier key of golang.org/x/mod/sumdb/note
	Past   []LogKey `json:"past,omitempty"` // keys before this one, the oldest first
}

// LogKey is a key that the log had before, and the log as it was when the next key
// took its place. What the old key signs beyond that, or beside it, counts for
// nothing; what it signed before stays provable.
type LogKey struct {
	Key  string `json:"key"`
	Size uint64 `json:"size"` // entries
	Root string `json:"root"` // hex
}

// IsZero reports whether no log is named.
func (l Log) IsZero() bool { return l.Origin == "" && l.Key == "" && len(l.Past) == 0 }

func (l Log) equal(m Log) bool {
	return l.Origin == m.Origin && l.Key == m.Key && slices.Equal(l.Past, m.Past)
}

// RotateLog gives c with a new key for its log, which goes on from a log of so many
// entries with this root. The key so far is struck off from there. Without a log the
// fault is charter.no_log.
func (c Charter) RotateLog(key string, size uint64, root [32]byte) (Charter, error) {
	if c.Log.IsZero() {
		return Charter{}, fault.Invalid("charter.no_log")
	}
	past := LogKey{Key: c.Log.Key, Size: size, Root: hex.EncodeToString(root[:])}
	c.Log = Log{Origin: c.Log.Origin, Key: key, Past: append(slices.Clone(c.Log.Past), past)}
	return c, c.checkLog()
}

func (c Charter) checkLog() error {
	if c.Log.IsZero() {
		return nil // a collective that has published nothing yet
	}
	if !isLogKey(c.Log.Key, c.Log.Origin) {
		return fault.Invalid("charter.log", c.Log.Origin)
	}
	if len(c.Log.Past) > maxPlaces {
		return fault.TooLarge("charter.too_many_places", maxPlaces)
	}
	seen := map[string]bool{c.Log.Key: true}
	before := uint64(0)
	for _, p := range c.Log.Past {
		empty := sha256.Sum256(nil)
		none := p.Root == hex.EncodeToString(empty[:])
		if !isLogKey(p.Key, c.Log.Origin) || seen[p.Key] || p.Size < before || p.Size > maxLogSize ||
			!hexSHA256.MatchString(p.Root) || none != (p.Size == 0) {
			return fault.Invalid("charter.log_past", c.Log.Origin)
		}
		seen[p.Key], before = true, p.Size
	}
	return nil
}

func isLogKey(key, origin string) bool {
	v, err := note.NewVerifier(key)
	return err == nil && v.Name() == origin
}

// keepsLog checks that the log, once named, keeps its origin, and that its key
// changes only with a word on how far the one before counts.
func keepsLog(before, next Charter) error {
	past := before.Log.Past
	if before.Log.IsZero() {
		if len(next.Log.Past) > 0 {
			return fault.Invalid("charter.log_past", next.Log.Origin)
		}
		return nil
	}
	if next.Log.equal(before.Log) {
		return nil
	}
	n := len(past)
	if next.Log.Origin != before.Log.Origin || len(next.Log.Past) != n+1 || !slices.Equal(next.Log.Past[:n], past) || next.Log.Past[n].Key != before.Log.Key {
		return fault.Invalid("charter.log_changed", next.Version)
	}
	return nil
}
