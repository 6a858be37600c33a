package desk

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"sync"

	"kua/internal/evidence"
	"kua/internal/gate"
)

// verdicts spares the gate what it has already answered. What it says is a pure
// function of bytes, their type and needles, and the needles one of an original's
// bytes and names; so an answer is remembered by the hashes of what was asked, in
// this process's memory alone. Nothing is ever believed that was written down,
// and only what is clean is remembered.
type verdicts struct {
	mu      sync.Mutex
	needles map[[sha256.Size]byte]gate.Needles // by original
	clean   map[[sha256.Size]byte]bool         // by bytes, type and needles
}

// More than this is forgotten, and asked again.
const (
	maxNeedles = 8
	maxClean   = 4096
)

// needlesOf gives the needles of an original whose bytes were just hashed, reading
// them when they are not remembered.
func (v *verdicts) needlesOf(o evidence.Original, read func() (gate.Needles, error)) (gate.Needles, error) {
	key, err := keyOf(o.SHA256, o.Name, o.Parcel)
	if err != nil {
		return gate.Needles{}, err
	}
	v.mu.Lock()
	n, known := v.needles[key]
	v.mu.Unlock()
	if known {
		return n, nil
	}
	if n, err = read(); err != nil {
		return n, err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.needles == nil || len(v.needles) >= maxNeedles {
		v.needles = map[[sha256.Size]byte]gate.Needles{}
	}
	v.needles[key] = n
	return n, nil
}

// judge calls ask about a file unless the same was found clean before. The file is
// hashed before and after: what changed meanwhile is not remembered.
func (v *verdicts) judge(file *io.SectionReader, mediaType string, n gate.Needles, ask func() error) error {
	before, err := hashOf(file)
	if err != nil {
		return err
	}
	key, err := keyOf(before, mediaType, n)
	if err != nil {
		return err
	}
	v.mu.Lock()
	known := v.clean[key]
	v.mu.Unlock()
	if known {
		return nil
	}
	if err := ask(); err != nil {
		return err
	}
	if after, err := hashOf(file); err != nil || after != before {
		return err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.clean == nil || len(v.clean) >= maxClean {
		v.clean = map[[sha256.Size]byte]bool{}
	}
	v.clean[key] = true
	return nil
}

func hashOf(file *io.SectionReader) (string, error) {
	h := sha256.New()
	if _, err := io.Copy(h, io.NewSectionReader(file, 0, file.Size())); err != nil {
		return "", fmt.Errorf("read what is judged: %w", err)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// keyOf hashes values so that no two lists of values share a key.
func keyOf(of ...any) (key [sha256.Size]byte, err error) {
	b, err := json.Marshal(of)
	if err != nil {
		return key, fmt.Errorf("name what is judged: %w", err)
	}
	return sha256.Sum256(b), nil
}
