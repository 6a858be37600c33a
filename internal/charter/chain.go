package charter

import (
	"kua/internal/canon"
	"kua/internal/fault"
)

// Signed is one version of the charter as it travels: the exact canonical text
// and the signatures over it.
type Signed struct {
	Document   string     `json:"document"`
	Signatures Signatures `json:"signatures"`
}

// Chain holds every version of a charter, the first first.
type Chain []Signed

// Parts gives the first version that two chains tell differently, as far as both go;
// parts is false where the shorter is the beginning of the longer.
func (ch Chain) Parts(other Chain) (version int, parts bool) {
	for i := range min(len(ch), len(other)) {
		if ch[i].Document != other[i].Document {
			return i + 1, true
		}
	}
	return 0, false
}

// Verify walks the chain and gives the newest charter. Version 1 is signed by
// the threshold of its own people, every later version by the threshold of the
// version before; numbers rise by one, each names the ID of the one before, and
// nobody vanishes from the list of people, no key from those struck off, and the
// log's key changes only with a word on how far the one before counts.
//
// pinned is the ID of any version the caller already trusts, and must be in the
// chain; "" trusts the first version at first use. A chain signed by nobody one
// knows is refused only by a pin.
func (ch Chain) Verify(pinned string) (Charter, error) {
	if len(ch) == 0 {
		return Charter{}, fault.Invalid("charter.empty_chain")
	}
	if len(ch) > maxVersions {
		return Charter{}, fault.TooLarge("charter.too_large")
	}
	var before Charter
	id, found := "", pinned == ""
	for i, s := range ch {
		c, err := Parse([]byte(s.Document))
		if err != nil {
			return Charter{}, err
		}
		if c.Version != i+1 || c.Previous != id {
			return Charter{}, fault.Invalid("charter.broken_chain", i+1)
		}
		signers := c
		if i == 0 {
			if err := keepsLog(Charter{}, c); err != nil {
				return Charter{}, err
			}
		} else {
			signers = before
			if err := keepsPeople(before, c); err != nil {
				return Charter{}, err
			}
			if err := keepsStruck(before, c); err != nil {
				return Charter{}, err
			}
			if err := keepsLog(before, c); err != nil {
				return Charter{}, err
			}
		}
		if err := signers.Verify([]byte(s.Document), s.Signatures); err != nil {
			return Charter{}, fault.Forbidden("charter.version_not_signed", c.Version).Because(err)
		}
		before, id = c, canon.Hash([]byte(s.Document))
		found = found || id == pinned
	}
	if !found {
		return Charter{}, fault.Forbidden("charter.not_pinned", pinned)
	}
	return before, nil
}

// keepsPeople checks that everybody of the version before stands in next with
// the same keys and first day, and that nobody who left has come back under the
// old keys.
func keepsPeople(before, next Charter) error {
	now := make(map[string]Person, len(next.People))
	for _, p := range next.People {
		now[p.PublishKey] = p
	}
	for _, old := range before.People {
		p, ok := now[old.PublishKey]
		same := ok && p.Name == old.Name && p.Recipient == old.Recipient && p.Since == old.Since
		if !same || (old.Retired != "" && p.Retired != old.Retired) {
			return fault.Invalid("charter.person_changed", old.Name, next.Version)
		}
	}
	return nil
}
