package bundle

import (
	"context"
	"errors"
	"io"

	"github.com/klauspost/reedsolomon"
)

// memory bounds the windows that all shards of a set are coded through, so that
// it does not grow with what is coded.
const memory = 12 << 20

// window is how many bytes of each of n shards are coded at a time.
func window(n int, shard int64) int64 {
	return min(shard, max(grain, min(1<<20, memory/int64(n)/grain*grain)))
}

// shardReader reads a shard of which only the first bytes are stored.
type shardReader struct {
	r      io.ReaderAt
	at     int64 // where it begins in r
	length int64
}

// ReadAt implements io.ReaderAt within the bytes that are stored.
func (s *shardReader) ReadAt(b []byte, off int64) (int, error) {
	if off >= s.length {
		return 0, io.EOF
	}
	short := int64(len(b)) > s.length-off
	if short {
		b = b[:s.length-off]
	}
	n, err := s.r.ReadAt(b, s.at+off)
	if err == nil && short {
		err = io.EOF
	}
	return n, err
}

// fill reads a window, with zeros behind the shard's end.
func (s *shardReader) fill(b []byte, off int64) error {
	n, err := s.ReadAt(b, off)
	clear(b[n:])
	if errors.Is(err, io.EOF) && off+int64(n) >= s.length {
		err = nil
	}
	return err
}

// encode makes the parity of data shards, window after window. each gets every
// window of every shard, the data's first.
func encode(ctx context.Context, data []*shardReader, parity int, shard int64, each func(i int, off int64, b []byte) error) error {
	n := len(data) + parity
	var enc reedsolomon.Encoder
	if parity > 0 {
		var err error
		if enc, err = reedsolomon.New(len(data), parity); err != nil {
			return err
		}
	}
	return sweep(ctx, n, shard, func(off int64, bufs [][]byte) error {
		for i, s := range data {
			if err := s.fill(bufs[i], off); err != nil {
				return err
			}
		}
		if enc != nil {
			if err := enc.Encode(bufs); err != nil {
				return err
			}
		}
		for i, b := range bufs {
			if err := each(i, off, b); err != nil {
				return err
			}
		}
		return nil
	})
}

// rebuild makes the missing data shards again. have holds a reader for each shard
// that is there; at least as many as there are data shards must be. each gets
// every window of the missing ones.
func rebuild(ctx context.Context, have []*shardReader, data int, shard int64, each func(i int, off int64, b []byte) error) error {
	enc, err := reedsolomon.New(data, len(have)-data)
	if err != nil {
		return err
	}
	use, used := make([]bool, len(have)), 0
	for i, s := range have {
		if s != nil && used < data {
			use[i] = true
			used++
		}
	}
	return sweep(ctx, len(have), shard, func(off int64, bufs [][]byte) error {
		for i := range bufs {
			if !use[i] {
				bufs[i] = bufs[i][:0]
			} else if err := have[i].fill(bufs[i], off); err != nil {
				return err
			}
		}
		if err := enc.ReconstructData(bufs); err != nil {
			return err
		}
		for i, b := range bufs[:data] {
			if !use[i] {
				if err := each(i, off, b); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// sweep gives do one window after another of n buffers that it uses again.
func sweep(ctx context.Context, n int, shard int64, do func(off int64, bufs [][]byte) error) error {
	w := window(n, shard)
	room := make([]byte, int64(n)*w)
	bufs := make([][]byte, n)
	for off := int64(0); off < shard; off += w {
		if err := ctx.Err(); err != nil {
			return err
		}
		size := min(w, shard-off)
		for i := range bufs {
			bufs[i] = room[int64(i)*w:][:size:w]
		}
		if err := do(off, bufs); err != nil {
			return err
		}
	}
	return nil
}
