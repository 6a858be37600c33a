package desk

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"kua/internal/casefile"
	"kua/internal/evidence"
	"kua/internal/fault"
	"kua/internal/keyring"
	"kua/internal/record"
)

// Opened is an original, a derivative or a staged file being read: decrypted as
// it is read, never on a disk in the clear. Several goroutines may use its
// ReadAt. Close it.
type Opened struct {
	*io.SectionReader
	Name  string
	Type  string
	close func() error
}

// Close ends the reading.
func (o *Opened) Close() error { return o.close() }

// OriginalInfo gives an original's particulars without opening it.
func (d *Desk) OriginalInfo(ctx context.Context, id int64) (evidence.Original, error) {
	return d.db.Original(ctx, id)
}

// Original opens an original. The custody event is written before the first
// byte is given out; another within a quarter of an hour by the same person is
// the same event, so that a player that asks for ranges leaves one line.
func (s *Seat) Original(ctx context.Context, id int64) (*Opened, error) {
	if err := s.current(); err != nil {
		return nil, err
	}
	return s.d.open(ctx, s.person, s.actor(), evidence.Opened, id)
}

// open is the only way to an original's bytes.
func (d *Desk) open(ctx context.Context, person *keyring.Person, by evidence.Actor, verb evidence.Verb, id int64) (*Opened, error) {
	l, err := d.db.OpenOriginal(ctx, by, verb, id)
	if err != nil {
		return nil, err
	}
	src, err := d.parcel(l.Parcel).open(l.SealedSize, l.HeaderSize)
	if err != nil {
		return nil, fmt.Errorf("open parcel %s: %w", l.Parcel, err)
	}
	plain, size, err := person.OpenAt(src, src.size)
	if err == nil && l.Start+l.Size > size {
		err = fault.Corrupt("desk.parcel_shrunk", l.Parcel)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open original %d: %w", id, err), src.Close())
	}
	return &Opened{SectionReader: io.NewSectionReader(plain, l.Start, l.Size), Name: l.Name, Type: l.Type, close: src.Close}, nil
}

// Disclosure opens the commitment that a record holds to an original: with it a
// court, or whoever has the same file, can check that the record means this
// very file. The three lines of Text hash to Commitment with sha256sum.
type Disclosure struct {
	Original   string // SHA-256 of the original
	Salt       string // hex
	Commitment string // as it stands in the record
	Text       string // what Commitment is the SHA-256 of
}

// Disclose opens an original's commitment for somebody, and writes down for
// whom. Whoever is told can find out that a file they hold is the original: tell
// only whom the witness would tell.
func (s *Seat) Disclose(ctx context.Context, id int64, to string) (Disclosure, error) {
	if err := s.current(); err != nil {
		return Disclosure{}, err
	}
	if err := casefile.CheckLine(to); err != nil {
		return Disclosure{}, err
	}
	o, err := s.d.db.Original(ctx, id)
	if err != nil {
		return Disclosure{}, err
	}
	salt, err := s.d.db.Disclose(ctx, s.actor(), id, to)
	if err != nil {
		return Disclosure{}, err
	}
	return Disclosure{Original: o.SHA256, Salt: fmt.Sprintf("%x", salt), Commitment: record.Commit(salt, o.SHA256),
		Text: fmt.Sprintf("kua commitment 1\n%x\n%s\n", salt, o.SHA256)}, nil
}

// Derivative opens a derivative; a custody event is written as for an original.
func (s *Seat) Derivative(ctx context.Context, id int64) (*Opened, error) {
	if err := s.current(); err != nil {
		return nil, err
	}
	m, err := s.d.db.OpenDerivative(ctx, s.actor(), id)
	if err != nil {
		return nil, err
	}
	return s.d.openDerived(s.person, m)
}

func (d *Desk) openDerived(person *keyring.Person, m evidence.Derivative) (*Opened, error) {
	f, err := os.Open(filepath.Join(d.dir, "derived", m.Sealed))
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	plain, size, err := person.OpenAt(f, info.Size())
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open derivative %d: %w", m.ID, err), f.Close())
	}
	return &Opened{SectionReader: io.NewSectionReader(plain, 0, size), Name: m.Rung, Type: m.Type, close: f.Close}, nil
}
