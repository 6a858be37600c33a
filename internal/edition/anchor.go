package edition

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"math/bits"
	"slices"
	"strings"

	"kua/internal/canon"
	"kua/internal/fault"
	"kua/internal/tlog"
)

// anchorHead is the first line of an anchor; spec/edition.md has the form.
const anchorHead = "kua anchor 1"

// smallestAnchor is how many lines an anchor has at least.
const smallestAnchor = 16

// AnchorPath is where the anchor of an edition lies.
func AnchorPath(edition int) string { return fmt.Sprintf("anchors/%d.txt", edition) }

// IsAnchor reports whether path is an anchor's.
func IsAnchor(path string) bool { return strings.HasPrefix(path, "anchors/") }

// NewAnchor makes the anchor of an edition: the filing lines (64 hex characters
// each) of the parcels that came since the edition before, filled up with random
// lines to a power of two, and sorted. It says nobody's name, and of the
// number no more than the power of two above it.
func NewAnchor(filings []string) ([]byte, error) {
	lines := slices.Clone(filings)
	want := max(smallestAnchor, 1<<bits.Len(uint(max(len(lines), 1)-1)))
	for len(lines) < want {
		var b [32]byte
		if _, err := rand.Read(b[:]); err != nil {
			return nil, err
		}
		lines = append(lines, hex.EncodeToString(b[:]))
	}
	slices.Sort(lines)
	return []byte(anchorHead + "\n" + strings.Join(lines, "\n") + "\n"), nil
}

// InAnchor reports whether a filing line stands in an anchor. What is no anchor
// is the fault edition.anchor.
func InAnchor(anchor []byte, filing string) (bool, error) {
	s := bufio.NewScanner(bytes.NewReader(anchor))
	if !s.Scan() || s.Text() != anchorHead {
		return false, fault.Invalid("edition.anchor")
	}
	found, last, lines := false, "", 0
	for s.Scan() {
		line := s.Text()
		if !hexSHA256.MatchString(line) || line < last {
			return false, fault.Invalid("edition.anchor")
		}
		found = found || line == filing
		last, lines = line, lines+1
	}
	if s.Err() != nil || lines < smallestAnchor || lines&(lines-1) != 0 {
		return false, fault.Invalid("edition.anchor")
	}
	return found, nil
}

// AnchorEntry is the log's entry for the anchor of an edition.
func AnchorEntry(m Manifest, anchor []byte) tlog.Entry {
	return tlog.Entry{Kind: tlog.KindAnchor, SHA256: canon.Hash(anchor), Day: day(m)}
}
