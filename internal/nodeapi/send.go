package nodeapi

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"kua/internal/parcel"
)

// Sent is how a parcel was brought to a node.
type Sent struct {
	Acknowledgement Acknowledgement
	Envelope        Envelope // the acknowledgement as the node signed it
	Already         int64    // bytes the node held before
	Bytes           int64    // bytes brought now
	LetGo           bool     // the node had let go of what was brought before
	Lacking         int      // pieces that neither the node nor the caller has
}

// Upload names the group of pieces under which a parcel travels. It comes from
// the parcel's id, so that whoever carries the file on, on whatever road, joins
// the same group.
func Upload(index parcel.Index) string { return index.ID()[:32] }

// Pieces gives a piece of a parcel by its number, in the buffer if it likes, which has
// room for it, or an error for which errors.Is(err, fs.ErrNotExist) holds.
type Pieces func(n int, buffer []byte) ([]byte, error)

// Send brings a parcel to the node, from a file or from what a courier has. What the
// node already holds is neither read nor sent, so a call that was cut off is simply
// made again, and part of a parcel may come by another road. It returns without an
// error only when the node has signed for all.
// progress, which may be nil, gets bytes.
func (c *Client) Send(ctx context.Context, index parcel.Index, read Pieces, progress func(done, total int64)) (Sent, error) {
	upload := Upload(index)
	if len(index.Pieces) == 1 && !c.whole {
		if sent, err := c.sendWhole(ctx, upload, index, read, progress); err == nil || ctx.Err() != nil {
			return sent, err
		}
		// Whatever it was, the long way tells it too, or goes on.
	}
	have, err := c.Have(ctx, upload)
	if err != nil {
		return Sent{}, fmt.Errorf("ask what the node holds: %w", err)
	}
	s := &sending{c: c, index: index, have: have, held: make(map[string]bool, len(have.Pieces)), read: read, progress: progress}
	err = s.all(ctx)
	sent := s.sent
	sent.LetGo = have.LetGo
	if err != nil {
		return sent, err
	}
	sent.Envelope, sent.Acknowledgement, err = c.CommitSigned(ctx, upload, index)
	return sent, err
}

// sendWhole brings a report that is one piece in a single call.
func (c *Client) sendWhole(ctx context.Context, upload string, index parcel.Index, read Pieces, progress func(done, total int64)) (Sent, error) {
	piece, err := read(0, make([]byte, parcel.PieceBytes))
	if err != nil {
		return Sent{}, err
	}
	sent := Sent{Bytes: index.Size}
	if sent.Envelope, sent.Acknowledgement, err = c.PutWhole(ctx, upload, index, piece); err == nil && progress != nil {
		progress(index.Size, index.Size)
	}
	return sent, err
}

// sending is a parcel on its way.
type sending struct {
	c        *Client
	index    parcel.Index
	have     Have
	held     map[string]bool
	read     Pieces
	progress func(done, total int64)
	apart    atomic.Bool // a row did not arrive: from then on each piece has a call of its own

	mu   sync.Mutex
	sent Sent
}

// all sends what the node does not hold. On a good link several pieces travel at a time,
// and several of them in one call, on a bad one a single one, in small parts (Bring).
func (s *sending) all(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	for _, h := range s.have.Pieces {
		s.held[h] = true
	}
	pace := newPace()
	var group sync.WaitGroup
	for n := 0; n < len(s.index.Pieces); {
		if s.held[s.index.Pieces[n]] {
			s.done(s.index.PieceSize(n), 0)
			n++
			continue
		}
		count, err := pace.enter(ctx, s.together(n))
		if err != nil {
			break
		}
		from := n
		n += count
		group.Go(func() {
			begun := time.Now()
			err := s.row(ctx, from, count)
			pace.leave(count, time.Since(begun))
			if err != nil {
				cancel(err)
			}
		})
	}
	group.Wait()
	return context.Cause(ctx)
}

func (s *sending) done(already, now int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sent.Already += already
	s.sent.Bytes += now
	if s.progress != nil {
		s.progress(s.sent.Already+s.sent.Bytes, s.index.Size)
	}
}

// together says how many pieces from n on may go in one call: several only where the
// link takes a whole one at once.
func (s *sending) together(n int) int {
	if size, fresh := s.c.grain.next(); size < most || fresh || s.c.whole || s.apart.Load() {
		return 1
	}
	count := 0
	for _, hash := range s.index.Pieces[n:min(n+s.have.Row, len(s.index.Pieces))] {
		if s.held[hash] || s.have.Parts[hash] > 0 {
			break
		}
		count++
	}
	return max(1, count)
}

// row sends pieces in one call. Where they do not arrive so, each goes alone, and goes on
// with what came of it.
func (s *sending) row(ctx context.Context, from, count int) error {
	unsure := false
	if count > 1 {
		begun, body := time.Now(), &rowBody{read: s.read, next: from, end: from + count}
		size := int64(count-1)*parcel.PieceBytes + s.index.PieceSize(from+count-1)
		err := s.c.putRow(ctx, s.have.Upload, s.index.Pieces[from:from+count], size, body)
		switch {
		case err == nil:
			s.done(0, size)
			s.c.grain.went(most, time.Since(begun)/time.Duration(count))
			return nil
		case body.failed.Load(): // a courier has not all pieces
		case unanswered(err):
			s.c.grain.broke(most)
			s.apart.Store(true)
		case !is(err, "node.busy"):
			s.apart.Store(true)
		}
		unsure = !is(err, "node.busy") // then none came
	}
	for n := from; n < from+count; n++ {
		// A node may answer before it has read all: then what was sent is still read from.
		piece, err := s.read(n, make([]byte, s.index.PieceSize(n)))
		if errors.Is(err, fs.ErrNotExist) {
			s.mu.Lock()
			s.sent.Lacking++
			s.mu.Unlock()
			continue
		}
		if err == nil {
			err = s.piece(ctx, s.index.Pieces[n], piece, unsure)
		}
		if err != nil {
			return fmt.Errorf("send piece %d of %d: %w", n+1, len(s.index.Pieces), err)
		}
	}
	return nil
}

// piece sends one piece alone. unsure says that the node may hold more of it than it said.
func (s *sending) piece(ctx context.Context, hash string, piece []byte, unsure bool) error {
	if s.c.whole {
		err := s.c.PutPiece(ctx, s.have.Upload, hash, piece)
		if err == nil {
			s.done(0, int64(len(piece)))
		}
		return err
	}
	at := s.have.Parts[hash]
	if at < 0 || at > int64(len(piece)) {
		at = 0
	}
	s.done(at, 0)
	b := &bringing{c: s.c, upload: s.have.Upload, hash: hash, piece: piece, at: at, unsure: unsure}
	b.told = func(now int64) {
		s.done(0, now-at)
		at = now
	}
	return b.bring(ctx)
}

// rowBody gives pieces one behind the other.
type rowBody struct {
	read      Pieces
	next, end int
	rest      []byte
	failed    atomic.Bool // a piece could not be read
}

// Read implements io.Reader. Where p has room for a whole piece, it is read into p.
func (b *rowBody) Read(p []byte) (int, error) {
	if len(b.rest) == 0 {
		if b.next == b.end {
			return 0, io.EOF
		}
		into := p
		if len(into) < parcel.PieceBytes {
			into = make([]byte, parcel.PieceBytes)
		}
		piece, err := b.read(b.next, into)
		if err != nil {
			b.failed.Store(true)
			return 0, err
		}
		b.next++
		if len(piece) > 0 && len(piece) <= len(p) && &piece[0] == &p[0] {
			return len(piece), nil
		}
		b.rest = piece
	}
	n := copy(p, b.rest)
	b.rest = b.rest[n:]
	return n, nil
}

// putRow brings several pieces in one call, which is not made again.
func (c *Client) putRow(ctx context.Context, upload string, hashes []string, size int64, body io.Reader) error {
	_, err := c.do(ctx, call{
		method: http.MethodPut, path: "/uploads/" + upload + "/pieces", kind: "application/octet-stream", limit: 64 << 10, tries: 1,
		header: http.Header{RowHeader: {strings.Join(hashes, " ")}}, size: size, body: func() (io.Reader, error) { return body, nil },
	})
	return err
}
