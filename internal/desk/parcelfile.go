package desk

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"kua/internal/durable"
	"kua/internal/keyring"
	"kua/internal/parcel"
)

// A parcel lies in a folder of its own, named by its id:
//
//	index         its index, whose hash is the id
//	payload       the sealed bytes, each piece at its offset
//	header        since it is whole: the age header for the current people
//	header.0.age  since it is whole: the header it came with, sealed to them
//
// Once header is there, the header's bytes in payload are zero. So whoever has
// left opens nothing here, and yet header.0 with the rest of payload is what
// came, byte for byte: the parcel's id can always be checked.
const (
	indexFile  = "index"
	payload    = "payload"
	headerFile = "header"
	header0    = "header.0.age"
)

// parcelDir is the folder of one parcel.
type parcelDir string

func (d *Desk) parcel(id string) parcelDir { return parcelDir(filepath.Join(d.dir, "parcels", id)) }

func (p parcelDir) file(name string) string { return filepath.Join(string(p), name) }

// begin makes the folder with the index and an empty payload.
func (p parcelDir) begin(x parcel.Index) error {
	if err := os.MkdirAll(string(p), 0o700); err != nil {
		return err
	}
	if err := durable.WriteFile(p.file(indexFile), x.Text(), 0o600); err != nil {
		return err
	}
	f, err := os.OpenFile(p.file(payload), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	if err := errors.Join(f.Sync(), f.Close(), durable.SyncDir(string(p))); err != nil {
		return err
	}
	return durable.SyncDir(filepath.Dir(string(p)))
}

// index reads the index and checks that it is this parcel's.
func (p parcelDir) index() (parcel.Index, error) {
	text, err := os.ReadFile(p.file(indexFile))
	if err != nil {
		return parcel.Index{}, err
	}
	x, err := parcel.ReadIndex(text)
	if err == nil && x.ID() != filepath.Base(string(p)) {
		err = fmt.Errorf("the index of parcel %s is another's", filepath.Base(string(p)))
	}
	return x, err
}

// split takes the parcel's own header out of the payload and puts one for the
// recipients beside it. It can be killed and called again: it ends the same.
func (p parcelDir) split(person *keyring.Person, recipients []string) (headerSize int64, err error) {
	own, err := p.ownHeader(person)
	if err != nil {
		return 0, err
	}
	if err := p.wrap(person, own, own, recipients); err != nil {
		return 0, err
	}
	f, err := os.OpenFile(p.file(payload), os.O_WRONLY, 0)
	if err != nil {
		return 0, err
	}
	_, err = f.WriteAt(make([]byte, len(own)), 0)
	return int64(len(own)), errors.Join(err, f.Sync(), f.Close())
}

// wrap writes header.0.age, which keeps the parcel's own header, and then
// header, each whole. opens is a header that this person can open.
func (p parcelDir) wrap(person *keyring.Person, own, opens []byte, recipients []string) error {
	header, err := person.Rewrap(opens, recipients)
	if err != nil {
		return err
	}
	var kept bytes.Buffer
	if _, err := sealTo(&kept, bytes.NewReader(own), recipients); err != nil {
		return err
	}
	if err := durable.WriteFile(p.file(header0), kept.Bytes(), 0o600); err != nil {
		return err
	}
	return durable.WriteFile(p.file(headerFile), header, 0o600)
}

// ownHeader gives the header the parcel came with.
func (p parcelDir) ownHeader(person *keyring.Person) ([]byte, error) {
	own, err := openSealed(person, p.file(header0))
	if !errors.Is(err, fs.ErrNotExist) {
		return own, err
	}
	f, err := os.Open(p.file(payload))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return keyring.Header(f)
}

// rewrap wraps a whole parcel for other recipients. It starts from the header
// in force: the parcel's own names nobody who came later.
func (p parcelDir) rewrap(person *keyring.Person, recipients []string) error {
	own, err := p.ownHeader(person)
	if err != nil {
		return err
	}
	header, err := os.ReadFile(p.file(headerFile))
	if err != nil {
		return err
	}
	return p.wrap(person, own, header, recipients)
}

// sealed is a whole parcel's bytes as they can be opened now.
type sealed struct {
	header []byte
	skip   int64 // size of the header it came with
	f      *os.File
	size   int64 // of header and payload together
}

// open opens a whole parcel; headerSize is the size of its own header.
func (p parcelDir) open(size, headerSize int64) (*sealed, error) {
	header, err := os.ReadFile(p.file(headerFile))
	if err != nil {
		return nil, err
	}
	f, err := os.Open(p.file(payload))
	if err != nil {
		return nil, err
	}
	return &sealed{header: header, skip: headerSize, f: f, size: int64(len(header)) + size - headerSize}, nil
}

// ReadAt reads across the seam of header and payload.
func (s *sealed) ReadAt(b []byte, off int64) (int, error) {
	n := 0
	if off < int64(len(s.header)) {
		n = copy(b, s.header[off:])
		if n == len(b) {
			return n, nil
		}
	}
	m, err := s.f.ReadAt(b[n:], off+int64(n)-int64(len(s.header))+s.skip)
	return n + m, err
}

func (s *sealed) Close() error { return s.f.Close() }

// original gives the sealed bytes exactly as they came, to check the id.
func (p parcelDir) original(person *keyring.Person) (io.ReadCloser, error) {
	own, err := p.ownHeader(person)
	if err != nil {
		return nil, err
	}
	f, err := os.Open(p.file(payload))
	if err != nil {
		return nil, err
	}
	if _, err := f.Seek(int64(len(own)), io.SeekStart); err != nil {
		f.Close()
		return nil, err
	}
	return struct {
		io.Reader
		io.Closer
	}{io.MultiReader(bytes.NewReader(own), f), f}, nil
}
