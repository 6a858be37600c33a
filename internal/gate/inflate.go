package gate

import (
	"bufio"
	"bytes"
	"compress/flate"
	"encoding/binary"
	"errors"
	"hash/adler32"
	"hash/crc32"
	"io"
)

// Streams of zlib, gzip and zip may lie anywhere in a file. None has a place in
// a published one but a PNG's pixels, so a whole one is a finding by itself;
// whatever can be inflated of a broken one is searched.

const (
	maxInflated  = 8 << 20   // of one stream
	allInflated  = 256 << 20 // of one file
	wholeStream  = 16        // a checked stream of fewer bytes is chance
	packedWindow = 1 << 20   // of the file that one stream is read from, at a time
)

// packings are the beginnings that are tried: the bytes, and how many of them
// come before the deflated data.
var packings = []struct {
	magic []byte
	name  string
	skip  int64
}{
	{[]byte{0x78, 0x01}, "zlib", 2}, {[]byte{0x78, 0x5e}, "zlib", 2}, {[]byte{0x78, 0x9c}, "zlib", 2}, {[]byte{0x78, 0xda}, "zlib", 2},
	{[]byte{0x1f, 0x8b, 0x08}, "gzip", 10},
	{[]byte("PK\x03\x04"), "zip", 30},
}

// unpacker tries every beginning of a packed stream.
type unpacker struct {
	*file
	inflater io.ReadCloser
	reader   *bufio.Reader
	spent    int64
	tail     []byte // the last bytes of the block before, which may begin something
	out      []byte
}

// look tries the beginnings in one block of the file, which begins at at.
func (u *unpacker) look(b []byte, at int64) error {
	// What begins at the seam needs the end of the block before.
	seam := append(u.tail, b[:min(len(b), longestMagic-1)]...)
	if err := u.lookIn(seam, at-int64(len(u.tail)), len(u.tail)); err != nil {
		return err
	}
	u.tail = append(u.tail[:0], b[max(0, len(b)-longestMagic+1):]...)
	return u.lookIn(b, at, len(b))
}

// longestMagic is that of zip.
const longestMagic = 4

// lookIn tries the beginnings in b that lie before limit.
func (u *unpacker) lookIn(b []byte, at int64, limit int) error {
	for _, first := range []byte{0x78, 0x1f, 'P'} {
		for from := 0; from < limit; {
			i := bytes.IndexByte(b[from:limit], first)
			if i < 0 {
				break
			}
			from += i + 1
			for _, p := range packings {
				if bytes.HasPrefix(b[from-1:], p.magic) {
					if err := u.try(p.name, at+int64(from-1), p.skip); err != nil {
						return err
					}
				}
			}
		}
	}
	return nil
}

// try inflates what may begin at at, and searches it.
func (u *unpacker) try(name string, at, skip int64) error {
	if u.spent > allInflated {
		return nil // said when it was reached
	}
	if u.report.Type == "image/png" && name == "zlib" && at == pngPixels {
		return nil // readPNG holds these to the head, and searches them
	}
	if name == "zip" {
		head := make([]byte, skip)
		if n, err := u.in.ReadAt(head, at); int64(n) < skip {
			return ignoreEOF(err)
		}
		if binary.LittleEndian.Uint16(head[8:]) != 8 {
			return nil
		}
		skip += int64(binary.LittleEndian.Uint16(head[26:])) + int64(binary.LittleEndian.Uint16(head[28:]))
	}
	if at+skip >= u.size {
		return nil
	}
	window := min(u.size-at-skip, packedWindow)
	src := &counted{r: io.NewSectionReader(u.in, at+skip, window), more: at+skip+window < u.size}
	if u.reader == nil {
		u.reader = bufio.NewReaderSize(src, 512)
		u.inflater = flate.NewReader(u.reader)
		u.out = make([]byte, 32<<10)
	} else {
		u.reader.Reset(src)
		_ = u.inflater.(flate.Resetter).Reset(u.reader, nil)
	}
	return u.inflate(name, at, src)
}

func (u *unpacker) inflate(name string, at int64, src *counted) error {
	where := name + " stream"
	var s *stream
	adler, crc := adler32.New(), crc32.NewIEEE()
	var total int64
	for {
		n, err := u.inflater.Read(u.out)
		if n > 0 {
			if s == nil {
				s = u.stream(where, nil)
			}
			s.write(u.out[:n])
			_, _ = adler.Write(u.out[:n])
			_, _ = crc.Write(u.out[:n])
			total, u.spent = total+int64(n), u.spent+int64(n)
		}
		// What goes on behind the window ends in it as if it were cut off.
		outside := errors.Is(err, io.ErrUnexpectedEOF) && src.more
		if outside || total > maxInflated || u.spent > allInflated {
			u.unsearched = true
			u.find(Finding{Where: where, Offset: at, What: "gate.hidden", Detail: "more than can be looked through"})
			break
		}
		if err != nil {
			if src.err != nil {
				return src.err
			}
			if errors.Is(err, io.EOF) && total >= wholeStream {
				u.whole(where, at, name, adler.Sum32(), crc.Sum32())
			}
			break
		}
	}
	if s != nil {
		s.close()
	}
	return nil
}

// whole reports a stream whose checksum stands behind it.
func (u *unpacker) whole(where string, at int64, name string, adler, crc uint32) {
	var sum [4]byte
	if _, err := io.ReadFull(u.reader, sum[:]); name != "zip" && err != nil {
		return
	}
	if name == "zlib" && binary.BigEndian.Uint32(sum[:]) != adler || name == "gzip" && binary.LittleEndian.Uint32(sum[:]) != crc {
		return
	}
	u.find(Finding{Where: where, Offset: at, What: "gate.hidden", Detail: "packed bytes"})
}

// pngPixels is where the pixels of a PNG begin: behind signature, IHDR and a chunk's head.
const pngPixels = 8 + 25 + 8

func ignoreEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// counted keeps the error of the source apart from those of the data.
type counted struct {
	r    io.Reader
	more bool // the file goes on behind it
	err  error
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		c.err = err
	}
	return n, err
}

// isFlate reports an error of the compressed data itself.
func isFlate(err error) bool {
	var corrupt flate.CorruptInputError
	return errors.As(err, &corrupt) || errors.Is(err, io.ErrUnexpectedEOF)
}
