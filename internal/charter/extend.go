package charter

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"io/fs"

	"kua/internal/fault"
)

// Extend reads versions after the chain's last one, where a copy of the edition has
// them (Files), and gives the longer chain, checked. A copy that has none gives the
// chain as it is. read bounds what it reads by limit, and says fs.ErrNotExist for
// what is not there; whatever a host shows instead of a missing file is no version.
func (ch Chain) Extend(read func(path string, limit int64) ([]byte, error)) (Chain, error) {
	newest, err := ch.Verify("")
	if err != nil {
		return nil, err
	}
	for n := len(ch) + 1; n <= maxVersions; n++ {
		path := fmt.Sprintf("%s/%d.json", Dir, n)
		doc, err := read(path, maxDocument)
		if isNone(err) {
			return ch, nil
		}
		if err != nil {
			return nil, err
		}
		next, err := Parse(doc)
		if err != nil {
			return ch, nil // the host's own page, or of a later program
		}
		s := Signed{Document: string(doc), Signatures: make(Signatures)}
		for _, p := range newest.Current() {
			id := KeyID(p.PublishKey)
			sig, err := read(path+"."+id+".sig", ed25519.SignatureSize)
			if err == nil && SignedBy(p.PublishKey, doc, sig) {
				s.Signatures[id] = sig
			} else if err != nil && !isNone(err) {
				return nil, err
			}
		}
		longer := append(ch[:len(ch):len(ch)], s)
		if _, err := longer.Verify(""); err != nil {
			return nil, err
		}
		ch, newest = longer, next
	}
	return ch, nil
}

// isNone reports whether a file is not there: a host that answers with a page of its
// own answers with one that is too long, or no version.
func isNone(err error) bool {
	if errors.Is(err, fs.ErrNotExist) {
		return true
	}
	f, ok := fault.Of(err)
	return ok && (f.Kind == fault.KindTooLarge || f.Key == "verify.too_large")
}
