package keyring

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"sync"

	"filippo.io/age"

	"kua/internal/fault"
	"kua/internal/seal"
)

// Open gives the plaintext of a sealed file as a stream. A file that is sealed
// to others is the fault keyring.not_for_you, one that is no age file
// keyring.not_sealed; damage found while reading is keyring.damaged. Errors of
// r itself pass through.
func (p *Person) Open(r io.Reader) (io.Reader, error) { return open(r, p.identity) }

func open(r io.Reader, id age.Identity) (io.Reader, error) {
	src := &sourceReader{r: r}
	plain, err := age.Decrypt(src, id)
	if err != nil {
		return nil, openFault(err, src.failed())
	}
	return &plainReader{plain: plain, src: src}, nil
}

// OpenAt gives random access to the plaintext of a sealed file of size bytes,
// and the plaintext's size. Damage shows where it is read. The faults are
// those of Open. The reader may be used by several goroutines at once.
func (p *Person) OpenAt(src io.ReaderAt, size int64) (io.ReaderAt, int64, error) {
	source := &sourceReaderAt{r: src}
	plain, n, err := age.DecryptReaderAt(source, size, p.identity)
	if err != nil {
		return nil, 0, openFault(err, source.failed())
	}
	return &plainReaderAt{plain: plain, src: source}, n, nil
}

// OpenReply opens one slot of a mailbox with a receipt's reply identity and
// gives the text without its padding. A slot of somebody else, or an empty
// one, is the fault keyring.not_for_you.
func OpenReply(sealed []byte, identity string) ([]byte, error) {
	id, err := age.ParseHybridIdentity(identity)
	if err != nil {
		return nil, fault.Invalid("keyring.not_an_identity")
	}
	if len(sealed) != seal.ReplyBytes {
		return nil, fault.Invalid("keyring.not_a_reply")
	}
	r, err := open(bytes.NewReader(sealed), id)
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	return bytes.TrimRight(text, "\x00"), nil
}

// openFault gives an error of age its message. source is the error of the
// stream below, if it had one: a broken disk is not a broken parcel.
func openFault(err, source error) error {
	if source != nil {
		return fmt.Errorf("read sealed file: %w", source)
	}
	if noMatch := (*age.NoIdentityMatchError)(nil); errors.As(err, &noMatch) {
		return fault.Forbidden("keyring.not_for_you").Because(err)
	}
	return fault.Invalid("keyring.not_sealed").Because(err)
}

// plainReader gives damage its message.
type plainReader struct {
	plain io.Reader
	src   *sourceReader
}

func (r *plainReader) Read(p []byte) (int, error) {
	n, err := r.plain.Read(p)
	return n, damage(err, r.src.failed())
}

type plainReaderAt struct {
	plain io.ReaderAt
	src   *sourceReaderAt
}

func (r *plainReaderAt) ReadAt(p []byte, off int64) (int, error) {
	n, err := r.plain.ReadAt(p, off)
	return n, damage(err, r.src.failed())
}

func damage(err, source error) error {
	switch {
	case err == nil || err == io.EOF:
		return err
	case source != nil:
		return fmt.Errorf("read sealed file: %w", source)
	}
	return fault.Corrupt("keyring.damaged").Because(err)
}

// sourceReader remembers an error of the sealed stream that is not its end.
type sourceReader struct {
	r   io.Reader
	err error
}

func (s *sourceReader) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		s.err = err
	}
	return n, err
}

func (s *sourceReader) failed() error { return s.err }

// sourceReaderAt is sourceReader for random access, from many goroutines.
type sourceReaderAt struct {
	r   io.ReaderAt
	mu  sync.Mutex // owns err
	err error
}

func (s *sourceReaderAt) ReadAt(p []byte, off int64) (int, error) {
	n, err := s.r.ReadAt(p, off)
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		s.mu.Lock()
		s.err = err
		s.mu.Unlock()
	}
	return n, err
}

func (s *sourceReaderAt) failed() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}
