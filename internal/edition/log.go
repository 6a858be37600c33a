package edition

import (
	"encoding/hex"

	"kua/internal/charter"
	"kua/internal/tlog"
)

// LogKeys gives the keys by which a charter's log is believed. The charter must have
// been validated.
func LogKeys(c charter.Charter) tlog.Keys {
	k := tlog.Keys{Origin: c.Log.Origin, Key: c.Log.Key}
	for _, p := range c.Log.Past {
		past := tlog.Past{Key: p.Key, Size: p.Size}
		_, _ = hex.Decode(past.Root[:], []byte(p.Root)) // its shape was validated
		k.Past = append(k.Past, past)
	}
	return k
}
