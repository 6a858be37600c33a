package desk

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"kua/internal/casefile"
	"kua/internal/charter"
	"kua/internal/durable"
	"kua/internal/evidence"
	"kua/internal/fault"
	"kua/internal/keyring"
)

// UpdateCharter takes in a longer chain that continues the present one; the
// present one again is nothing new. A chain that tells another story about the
// versions the desk knows is the fault desk.other_charter. Rewrap must follow
// when the people changed: until it has run, Counts.Unwrapped says so.
//
// What is approved is published first, under the charter that its people signed
// it under: with the new one it could neither be finished nor taken back.
func (d *Desk) UpdateCharter(ctx context.Context, by *keyring.Person, chain charter.Chain) error {
	next, err := chain.Verify("")
	if err != nil {
		return err
	}
	d.publishing.Lock()
	defer d.publishing.Unlock()
	if len(chain) > len(d.Chain()) {
		if err := d.finishApproved(ctx, func(string, int64, int64) {}); err != nil {
			return fmt.Errorf("publish before the new charter: %w", err)
		}
	}
	logKey, err := d.logKeyOf(ctx, next)
	if err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if version, parts := chain.Parts(d.chain); parts {
		return fault.Conflict("desk.other_charter", version)
	}
	if len(chain) <= len(d.chain) {
		return nil // the same, or an older copy of it
	}
	b, err := json.Marshal(chain)
	if err != nil {
		return err
	}
	id, err := next.ID()
	if err != nil {
		return err
	}
	if err := d.db.Chartered(ctx, actorOf(by), map[string][]byte{settingChain: b, settingLogKey: []byte(logKey)}, next.Version, id); err != nil {
		return err
	}
	d.crash("charter: taken in")
	if err := charter.WriteChain(d.dir, chain); err != nil {
		return err
	}
	since, err := peopleSince(chain, next)
	d.chain, d.now, d.since, d.logKey = chain, next, since, logKey
	return err
}

// peopleSince gives the version from which on everything is wrapped for the people of
// now: a charter that only names another node asks for no wrapping.
func peopleSince(chain charter.Chain, now charter.Charter) (version int, err error) {
	version = now.Version
	for _, s := range slices.Backward(chain) {
		c, err := charter.Parse([]byte(s.Document))
		if err != nil {
			return 0, err
		}
		if !slices.Equal(slices.Sorted(slices.Values(c.Recipients())), slices.Sorted(slices.Values(now.Recipients()))) {
			break
		}
		version = c.Version
	}
	return version, nil
}

// Newer reports whether a further version of the charter lies in the directory. An
// open desk holds to the one that it was opened with: it must be locked and opened
// again before who was retired is kept out.
func (d *Desk) Newer() bool {
	_, err := os.Stat(filepath.Join(d.dir, charter.Dir, strconv.Itoa(len(d.Chain())+1)+".json"))
	return err == nil
}

func actorOf(p *keyring.Person) evidence.Actor {
	return evidence.Actor{Name: p.Name(), Key: charter.KeyID(p.PublishKey())}
}

// Rewrap wraps the database key, every parcel's header and every derivative for
// the current people. It may be interrupted and called again. Whoever has left
// opens nothing with their key alone that they have not opened before; what
// they copied, they have. What cannot be wrapped keeps nothing else from it and is told at
// the end; until all is wrapped Counts.Unwrapped counts at least one. The fault is desk.newer_charter while one lies in the
// directory that this open desk has not taken in.
func (d *Desk) Rewrap(ctx context.Context, by *keyring.Person, progress func(done, total int)) error {
	c := d.Charter()
	if d.Newer() {
		return fault.Conflict("desk.newer_charter", c.Version+1)
	}
	recipients := c.Recipients()
	if err := d.rewrapKey(by, recipients); err != nil {
		return err
	}
	parcels, err := d.db.Parcels(ctx, casefile.Whole)
	if err != nil {
		return err
	}
	derived, err := os.ReadDir(filepath.Join(d.dir, "derived"))
	if err != nil {
		return err
	}
	done, total := 0, len(parcels)+len(derived)
	step := func() {
		if done++; progress != nil {
			progress(done, total)
		}
	}
	var left []error
	for _, p := range parcels {
		if err := ctx.Err(); err != nil {
			return err
		}
		if p.Wrapped < c.Version {
			if err := d.parcel(p.ID).rewrap(by, recipients); err != nil {
				left = append(left, fmt.Errorf("wrap parcel %s: %w", p.ID, err))
			} else if err := d.db.Rewrapped(ctx, actorOf(by), p, c.Version); err != nil {
				return err
			}
		}
		step()
	}
	for _, e := range derived {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := rewrapFile(by, filepath.Join(d.dir, "derived", e.Name()), recipients); err != nil && !errors.Is(err, fs.ErrNotExist) { // it may go meanwhile
			left = append(left, fmt.Errorf("wrap derivative %s: %w", e.Name(), err))
		}
		step()
	}
	if len(left) > 0 {
		return errors.Join(left...)
	}
	return d.db.Set(ctx, settingWrapped, strconv.AppendInt(nil, int64(c.Version), 10))
}

// rewrapKey seals the database key anew. It is sealed whole, and not given
// another header, so that no old header fits the new file.
func (d *Desk) rewrapKey(by *keyring.Person, recipients []string) error {
	path := filepath.Join(d.dir, databaseKey)
	key, err := openSealed(by, path)
	if err != nil {
		return fmt.Errorf("open the database key: %w", err)
	}
	defer clear(key)
	var sealed bytes.Buffer
	_, err = sealTo(&sealed, bytes.NewReader(key), recipients)
	return errors.Join(err, durable.WriteFile(path, sealed.Bytes(), 0o600))
}
