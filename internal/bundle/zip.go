package bundle

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"

	"kua/internal/edition"
	"kua/internal/fault"
)

// A part is a ZIP file that stores, so any program unpacks it. It is written and
// read here and not by archive/zip: the headers of its files are part of the shard,
// so that a shard that was rebuilt says itself what it holds, and a stranger's
// directory of files costs no memory.
const (
	aboutName   = "part.json"
	parityName  = "parity"
	localBytes  = 30
	centreBytes = 46
	endBytes    = 22
	maxName     = 240
	maxEntries  = 60_000 // of one part, below ZIP's 65,535
)

// entry is one stored file of a part.
type entry struct {
	name string
	size int64
	crc  uint32
	at   int64 // of its local header
}

// header gives the local header.
func (e entry) header() []byte {
	b := make([]byte, 0, localBytes+len(e.name))
	b = append(b, "PK\x03\x04"...)
	b = e.common(b)
	return append(b, e.name...)
}

// common is what both headers of a file have: version 2.0, stored, 1 January 1980.
func (e entry) common(b []byte) []byte {
	b = binary.LittleEndian.AppendUint16(b, 20)
	b = append(b, 0, 0, 0, 0, 0, 0, 0x21, 0)
	b = binary.LittleEndian.AppendUint32(b, e.crc)
	b = binary.LittleEndian.AppendUint32(b, uint32(e.size))
	b = binary.LittleEndian.AppendUint32(b, uint32(e.size))
	b = binary.LittleEndian.AppendUint16(b, uint16(len(e.name)))
	return append(b, 0, 0)
}

// centre gives the line of the file in the ZIP's directory.
func (e entry) centre() []byte {
	b := append(make([]byte, 0, centreBytes+len(e.name)), "PK\x01\x02\x14\x00"...)
	b = e.common(b)
	b = append(b, make([]byte, 10)...) // no comment, first disk, no attributes
	b = binary.LittleEndian.AppendUint32(b, uint32(e.at))
	return append(b, e.name...)
}

// next is where the file after this one begins.
func (e entry) next() int64 { return e.at + localBytes + int64(len(e.name)) + e.size }

// body is where the file's bytes begin.
func (e entry) body() int64 { return e.at + localBytes + int64(len(e.name)) }

// ending gives the end of a ZIP of n files whose directory has so many bytes.
func ending(n int, size, at int64) []byte {
	b := append(make([]byte, 0, endBytes), "PK\x05\x06\x00\x00\x00\x00"...)
	b = binary.LittleEndian.AppendUint16(b, uint16(n))
	b = binary.LittleEndian.AppendUint16(b, uint16(n))
	b = binary.LittleEndian.AppendUint32(b, uint32(size))
	b = binary.LittleEndian.AppendUint32(b, uint32(at))
	return append(b, 0, 0)
}

// readEntry reads the local header at an offset of a shard of so many bytes.
// io.EOF says that there is no further file. Every other form of ZIP than the one
// that header writes is the fault bundle.broken.
func readEntry(r io.ReaderAt, at, end int64) (entry, error) {
	if at == end {
		return entry{}, io.EOF
	}
	if at < 0 || at > end {
		return entry{}, fault.Corrupt("bundle.broken")
	}
	var b [localBytes]byte
	if n, err := r.ReadAt(b[:min(localBytes, end-at)], at); int64(n) < min(localBytes, end-at) {
		return entry{}, err
	}
	if b == [localBytes]byte{} {
		return entry{}, io.EOF // zeros that fill up a shard
	}
	e := entry{at: at, crc: binary.LittleEndian.Uint32(b[14:]), size: int64(binary.LittleEndian.Uint32(b[18:]))}
	length := int64(binary.LittleEndian.Uint16(b[26:]))
	if at+localBytes+length+e.size > end || length == 0 || length > maxName {
		return entry{}, fault.Corrupt("bundle.broken")
	}
	name := make([]byte, length)
	if n, err := r.ReadAt(name, at+localBytes); n < len(name) {
		return entry{}, err
	}
	e.name = string(name)
	if !bytes.Equal(b[:], e.header()[:localBytes]) {
		return entry{}, fault.Corrupt("bundle.broken")
	}
	return e, nil
}

// segment is a file of an edition, or a piece of one.
type segment struct {
	path string
	from int64 // of the file
	of   int64 // the file's size; of a whole file its own
}

// pieceName is how a piece is called in the ZIP: whoever unpacks by hand joins the
// pieces of a folder in the order of their names.
var pieceName = regexp.MustCompile(`^(.+)/(\d{12})\.(\d{12})$`)

// entryName is the inverse of parseName.
func (s segment) entryName(size int64) string {
	if s.from == 0 && size == s.of {
		return s.path
	}
	return fmt.Sprintf("%s/%012d.%012d", s.path, s.from, s.of)
}

// parseName reads the name of a stored file: nothing but a path that an edition
// can have. The fault is bundle.strange_name.
func parseName(e entry) (segment, error) {
	if edition.CheckPath(e.name) == nil {
		return segment{path: e.name, of: e.size}, nil
	}
	m := pieceName.FindStringSubmatch(e.name)
	if m == nil || edition.CheckPath(m[1]) != nil {
		return segment{}, fault.Corrupt("bundle.strange_name", printable(e.name))
	}
	from, _ := strconv.ParseInt(m[2], 10, 64)
	of, _ := strconv.ParseInt(m[3], 10, 64)
	if from > of || e.size > of-from || e.size == 0 || e.size == of || of > edition.MaxFile {
		return segment{}, fault.Corrupt("bundle.strange_name", printable(e.name))
	}
	return segment{m[1], from, of}, nil
}

// printable leaves of a stranger's name what moves no terminal's cursor.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, s[:min(len(s), 120)])
}
