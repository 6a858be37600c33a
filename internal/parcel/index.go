package parcel

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strconv"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"kua/internal/canon"
	"kua/internal/fault"
)

const indexHead = "kua-parcel-index/1\n"

// Index lists a sealed parcel's pieces in order by their SHA-256.
type Index struct {
	Size   int64    // bytes of the sealed parcel
	Pieces []string // lower-case hex
}

// Text gives the index as it travels: a line with the format's name, the size,
// the size of a piece, and then one hash a line.
func (x Index) Text() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%ssize %d\npiece %d\n", indexHead, x.Size, PieceBytes)
	for _, h := range x.Pieces {
		b.WriteString(h)
		b.WriteByte('\n')
	}
	return b.Bytes()
}

// ID names the parcel: the SHA-256 of the index text in hex.
func (x Index) ID() string { return canon.Hash(x.Text()) }

// PieceSize is the size in bytes of piece n, counted from 0.
func (x Index) PieceSize(n int) int64 { return min(PieceBytes, x.Size-int64(n)*PieceBytes) }

// ReadIndex reads an index text. Only the one spelling that Text gives is an
// index: everything else is the fault parcel.not_an_index, or
// parcel.too_large beyond MaxParcel. An index that names a piece twice is none:
// no sealed file repeats itself, and a stranger who brings one piece could make
// the desk fetch and keep gigabytes of it.
func ReadIndex(text []byte) (Index, error) {
	if len(text) > MaxIndex {
		return Index{}, fault.TooLarge("parcel.too_large", MaxParcel>>20)
	}
	rest, ok := bytes.CutPrefix(text, []byte(indexHead))
	if !ok {
		return Index{}, fault.Invalid("parcel.not_an_index")
	}
	line, rest, _ := bytes.Cut(rest, []byte("\n"))
	digits, ok := bytes.CutPrefix(line, []byte("size "))
	size, err := strconv.ParseInt(string(digits), 10, 64)
	if !ok || err != nil || size < 1 {
		return Index{}, fault.Invalid("parcel.not_an_index")
	}
	if size > MaxParcel {
		return Index{}, fault.TooLarge("parcel.too_large", MaxParcel>>20)
	}
	_, rest, _ = bytes.Cut(rest, []byte("\n"))
	count := (size + PieceBytes - 1) / PieceBytes
	if int64(len(rest)) != count*65 {
		return Index{}, fault.Invalid("parcel.not_an_index")
	}
	x := Index{Size: size, Pieces: make([]string, 0, count)}
	for ; len(rest) > 0; rest = rest[65:] {
		h := string(rest[:64])
		if !hex32.MatchString(h) {
			return Index{}, fault.Invalid("parcel.not_an_index")
		}
		x.Pieces = append(x.Pieces, h)
	}
	sorted := slices.Sorted(slices.Values(x.Pieces))
	if len(slices.Compact(sorted)) != len(x.Pieces) || !bytes.Equal(x.Text(), text) {
		return Index{}, fault.Invalid("parcel.not_an_index")
	}
	return x, nil
}

// IndexOf gives the index of the sealed parcel of size bytes in r, as Split does,
// on all processors: each hashes pieces of its own.
func IndexOf(r io.ReaderAt, size int64) (Index, error) {
	if size == 0 {
		return Index{}, fault.Invalid("parcel.empty")
	}
	if size > MaxParcel {
		return Index{}, fault.TooLarge("parcel.too_large", MaxParcel>>20)
	}
	x := Index{Size: size, Pieces: make([]string, (size+PieceBytes-1)/PieceBytes)}
	var next atomic.Int64
	var all errgroup.Group
	for range runtime.GOMAXPROCS(0) {
		all.Go(func() error {
			buf := make([]byte, PieceBytes)
			for n := int(next.Add(1) - 1); n < len(x.Pieces); n = int(next.Add(1) - 1) {
				piece := buf[:x.PieceSize(n)]
				if got, err := r.ReadAt(piece, int64(n)*PieceBytes); got < len(piece) {
					return fmt.Errorf("read piece %d: %w", n, err)
				}
				sum := sha256.Sum256(piece)
				x.Pieces[n] = hex.EncodeToString(sum[:])
			}
			return nil
		})
	}
	if err := all.Wait(); err != nil {
		return Index{}, err
	}
	return x, nil
}

// Split cuts a sealed parcel into pieces and gives each to yield with its number
// from 0 and its hash. The piece is yield's only until it returns; a nil yield
// leaves the index alone. Beyond
// MaxParcel Split stops with parcel.too_large; an error of yield ends it too.
func Split(r io.Reader, yield func(n int, hash string, piece []byte) error) (Index, error) {
	var x Index
	buf := make([]byte, PieceBytes)
	for {
		n, err := io.ReadFull(r, buf)
		if err == io.EOF {
			break
		}
		if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
			return Index{}, fmt.Errorf("read piece %d: %w", len(x.Pieces), err)
		}
		if x.Size+int64(n) > MaxParcel {
			return Index{}, fault.TooLarge("parcel.too_large", MaxParcel>>20)
		}
		sum := sha256.Sum256(buf[:n])
		hash := hex.EncodeToString(sum[:])
		if yield != nil {
			if yerr := yield(len(x.Pieces), hash, buf[:n]); yerr != nil {
				return Index{}, yerr
			}
		}
		x.Size += int64(n)
		x.Pieces = append(x.Pieces, hash)
		if err != nil {
			break
		}
	}
	if x.Size == 0 {
		return Index{}, fault.Invalid("parcel.empty")
	}
	return x, nil
}
