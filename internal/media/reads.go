package media

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"
)

// The box asks for bytes of the original over one socket: 8 bytes of offset and
// 4 of length, big endian. The answer is 4 bytes of length and that many
// bytes, fewer than asked for only at the end. That is all the desk's own
// process ever parses of what comes out of a box, besides its lines of JSON.
const (
	maxRead    = 1 << 20
	blockBytes = 256 << 10
	maxBlocks  = 16
)

// serveReads answers until the box hangs up. An error is the input's own, never
// the box's: a request that makes no sense ends the conversation.
func serveReads(conn io.ReadWriter, in io.ReaderAt) error {
	var ask [12]byte
	buf := make([]byte, 4+maxRead)
	for {
		if _, err := io.ReadFull(conn, ask[:]); err != nil {
			return nil
		}
		offset, n := int64(binary.BigEndian.Uint64(ask[:8])), binary.BigEndian.Uint32(ask[8:])
		if offset < 0 || n > maxRead {
			return nil
		}
		got, err := in.ReadAt(buf[4:4+n], offset)
		if err != nil && !errors.Is(err, io.EOF) {
			return fmt.Errorf("read the original: %w", err)
		}
		binary.BigEndian.PutUint32(buf, uint32(got))
		if _, err := conn.Write(buf[:4+got]); err != nil {
			return nil
		}
	}
}

// remote is the box's end: the original as an io.ReaderAt, with the last few
// blocks kept, so that memory stays flat and small reads stay cheap.
type remote struct {
	size int64

	mu     sync.Mutex // guards the conversation and the blocks
	conn   io.ReadWriter
	blocks map[int64][]byte
	order  []int64 // oldest first
}

func newRemote(conn io.ReadWriter, size int64) *remote {
	return &remote{size: size, conn: conn, blocks: map[int64][]byte{}}
}

// Size gives the length of the original.
func (r *remote) Size() int64 { return r.size }

// ReadAt implements io.ReaderAt.
func (r *remote) ReadAt(p []byte, off int64) (n int, err error) {
	if off < 0 {
		return 0, errors.New("read before the start")
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for n < len(p) && off < r.size {
		b, err := r.block(off / blockBytes)
		if err != nil {
			return n, err
		}
		at := int(off % blockBytes)
		if at >= len(b) {
			return n, io.ErrUnexpectedEOF
		}
		c := copy(p[n:], b[at:])
		n, off = n+c, off+int64(c)
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// block fetches a block, or gives it again. The caller holds mu.
func (r *remote) block(i int64) ([]byte, error) {
	if b, ok := r.blocks[i]; ok {
		return b, nil
	}
	var ask [12]byte
	binary.BigEndian.PutUint64(ask[:8], uint64(i*blockBytes))
	binary.BigEndian.PutUint32(ask[8:], blockBytes)
	if _, err := r.conn.Write(ask[:]); err != nil {
		return nil, err
	}
	var head [4]byte
	if _, err := io.ReadFull(r.conn, head[:]); err != nil {
		return nil, err
	}
	n := binary.BigEndian.Uint32(head[:])
	if n > blockBytes {
		return nil, errors.New("answer longer than asked for")
	}
	b := make([]byte, n)
	if _, err := io.ReadFull(r.conn, b); err != nil {
		return nil, err
	}
	if len(r.order) == maxBlocks {
		delete(r.blocks, r.order[0])
		r.order = r.order[1:]
	}
	r.blocks[i], r.order = b, append(r.order, i)
	return b, nil
}

// serveHTTP offers the original at the returned address on the box's own
// loopback, with ranges, because that is how ffmpeg seeks in what is no file.
// Nothing outside the box can reach it.
func serveHTTP(in *remote) (url string, err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("listen in the box: %w", err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/input", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/octet-stream")
		http.ServeContent(w, r, "", time.Time{}, io.NewSectionReader(in, 0, in.size))
	})
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = server.Serve(l) }() // until the box ends
	return "http://" + l.Addr().String() + "/input", nil
}
