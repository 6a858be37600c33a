package trace

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Bounds of one TIFF structure (TIFF 6.0; Exif 2.32, CIPA DC-008).
const (
	maxIFDs    = 64
	maxEntries = 2_000 // of one directory
)

// tiff is one TIFF structure: a file, the Exif part of a picture, a maker's note.
type tiff struct {
	src   *source // offsets count from its beginning
	order binary.ByteOrder
	sheet *Sheet
	where string
	seen  map[int64]bool // directories read: a file may point in a circle
	exif  exif
}

// exif is what several directories say together.
type exif struct {
	width, height int // of the picture of the first directory
	make          string
	end           int64             // behind the last byte that a directory points to
	dates         map[uint16]string // by tag: the text as it stands
	offsets       map[uint16]string
	gps           gps
}

// readTIFF reads a TIFF file and its kin: DNG and most cameras' raw files.
func readTIFF(src *source, s *Sheet) error {
	e, err := readExif(src, s, "", 0, 0)
	if err != nil || e.end <= 0 || e.end >= src.size {
		return err
	}
	return readTrailer(src.part(e.end, src.size-e.end), s, "after the last part", e.width, e.height)
}

// readExif reads a TIFF structure. The main picture is w by h; 0 leaves that to
// the structure.
func readExif(src *source, s *Sheet, where string, w, h int) (exif, error) {
	t := &tiff{src: src, sheet: s, where: where, seen: make(map[int64]bool)}
	t.exif.dates, t.exif.offsets = make(map[uint16]string), make(map[uint16]string)
	t.exif.width, t.exif.height = w, h
	head, err := src.bytes(0, min(8, src.size))
	if err != nil {
		return t.exif, err
	}
	if t.order = byteOrder(head); t.order == nil {
		s.gap(where, "broken", src.size)
		return t.exif, nil
	}
	at := int64(t.order.Uint32(head[4:]))
	for n := 0; at != 0 && n < maxIFDs; n++ {
		next, err := t.directory(at, "IFD"+strconv.Itoa(n), tagsMain, 0)
		if err != nil {
			return t.exif, err
		}
		at = next
	}
	t.sayDates()
	t.sayPlace()
	return t.exif, nil
}

func byteOrder(head []byte) binary.ByteOrder {
	if len(head) < 8 {
		return nil
	}
	switch string(head[:2]) {
	case "II":
		return binary.LittleEndian
	case "MM":
		return binary.BigEndian
	}
	return nil
}

// directory reads one directory and those below it, and gives the place of the next.
func (t *tiff) directory(at int64, name string, tags map[uint16]tag, depth int) (next int64, err error) {
	where := join(t.where, name)
	if depth > 8 || len(t.seen) >= maxIFDs {
		t.sheet.gap(where, "too_deep", 0)
		return 0, nil
	}
	if t.seen[at] {
		t.sheet.gap(where, "broken", 0)
		return 0, nil
	}
	t.seen[at] = true
	head, err := t.src.bytes(at, 2)
	if err != nil {
		return 0, t.broken(where, err)
	}
	count := int64(t.order.Uint16(head))
	if count > maxEntries {
		t.sheet.gap(where, "too_many", count*12)
		count = maxEntries
	}
	body, err := t.src.bytes(at+2, min(count*12, t.src.size-at-2))
	if err != nil {
		return 0, t.broken(where, err)
	}
	if int64(len(body)) < count*12 {
		t.sheet.gap(where, "broken", count*12-int64(len(body)))
	}
	t.exif.end = max(t.exif.end, at+2+count*12+4)
	d := &directory{tiff: t, where: where, tags: tags, depth: depth}
	for ; len(body) >= 12; body = body[12:] {
		if err := d.entry(body[:12]); err != nil {
			return 0, err
		}
	}
	if err := d.end(); err != nil {
		return 0, err
	}
	tail, err := t.src.bytes(at+2+count*12, 4)
	if err != nil {
		return 0, ignoreShort(err) // many writers leave it out
	}
	return int64(t.order.Uint32(tail)), nil
}

// broken turns a part that is not there into a Gap and leaves the source's own errors.
func (t *tiff) broken(where string, err error) error {
	if errors.Is(err, errShort) {
		t.sheet.gap(where, "broken", 0)
		return nil
	}
	return err
}

func ignoreShort(err error) error {
	if errors.Is(err, errShort) {
		return nil
	}
	return err
}

// directory is one directory being read.
type directory struct {
	*tiff
	where string
	tags  map[uint16]tag
	depth int
	// A picture of its own, where it has one in one piece.
	thumbAt, thumbSize int64
	width, height      int64
	reduced            bool
	// Where its strips or tiles lie, and how long they are.
	pieces, sizes []int64
}

// sizes of the types of TIFF, by number.
var typeSize = [...]int64{0, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8, 4}

const (
	typeByte      = 1
	typeASCII     = 2
	typeShort     = 3
	typeLong      = 4
	typeRational  = 5
	typeUndefined = 7
	typeSRational = 10
	typeIFD       = 13
)

// entry reads one field.
func (d *directory) entry(e []byte) error {
	id, kind, count := d.order.Uint16(e), d.order.Uint16(e[2:]), int64(d.order.Uint32(e[4:]))
	if int(kind) >= len(typeSize) || kind == 0 {
		d.sheet.gap(d.path(id), "broken", 0)
		return nil
	}
	size := count * typeSize[kind]
	at, value := int64(-1), e[8:12]
	if size <= 4 {
		value = value[:size]
	} else {
		at = int64(d.order.Uint32(e[8:]))
		var err error
		if value, err = d.src.bytes(at, min(size, maxPart)); err != nil {
			return d.broken(d.path(id), err)
		}
		if size > maxPart {
			d.sheet.gap(d.path(id), "too_large", size-maxPart)
		}
		d.exif.end = max(d.exif.end, at+size)
	}
	return d.field(field{id: id, kind: kind, count: count, value: value, at: at})
}

// field is one field with its bytes.
type field struct {
	id, kind uint16
	count    int64
	value    []byte
	at       int64 // of value in the structure; -1 within the entry
}

func (d *directory) path(id uint16) string { return join(d.where, d.name(id)) }

func (d *directory) name(id uint16) string {
	if t, ok := d.tags[id]; ok {
		return t.name
	}
	return fmt.Sprintf("0x%04x", id)
}

func (d *directory) field(f field) error {
	t, known := d.tags[f.id]
	if known && t.kind != layout {
		if t.read != nil {
			return t.read(d, f)
		}
		d.say(t.kind, f)
		return nil
	}
	if known {
		d.layout(f)
		return nil
	}
	d.strange(f)
	return nil
}

// strange tells of a field that is in no table.
func (d *directory) strange(f field) {
	switch f.kind {
	case typeASCII:
		d.sheet.text(Text, d.path(f.id), d.name(f.id), f.value)
	case typeByte, typeUndefined, 6:
		if len(f.value) > 4 {
			d.sheet.unknown(Encoding, d.path(f.id), d.name(f.id), f.value)
			return
		}
		fallthrough
	default:
		d.say(Encoding, f)
	}
}

// say adds a field as one fact: its text, or its numbers with their bytes.
func (d *directory) say(kind Kind, f field) {
	where, name := d.path(f.id), d.name(f.id)
	if f.kind == typeASCII {
		d.sheet.text(kind, where, name, f.value)
		return
	}
	if f.kind == typeUndefined || f.kind == typeByte {
		if text := strings.TrimRight(string(f.value), "\x00 "); len(text) >= 4 && printable(text) {
			d.sheet.text(kind, where, name, f.value)
			return
		}
	}
	d.sheet.fact(Fact{Kind: kind, Where: where, Name: name, Value: d.numbers(f), Raw: f.value})
}

func printable(s string) bool {
	for _, r := range s {
		if !readable(r) || r == '\uFFFD' {
			return false
		}
	}
	return s != ""
}

// numbers writes a field's numbers, at most 64 of them.
func (d *directory) numbers(f field) string {
	var out []string
	for i := range min(f.count, 64) {
		n, ok := d.number(f, i)
		if !ok {
			break
		}
		out = append(out, strconv.FormatFloat(n, 'f', -1, 64))
	}
	return strings.Join(out, " ")
}

// number gives one number of a field; false for none or for n/0.
func (d *directory) number(f field, i int64) (float64, bool) {
	size := typeSize[f.kind]
	if i < 0 || (i+1)*size > int64(len(f.value)) {
		return 0, false
	}
	b := f.value[i*size:]
	var n float64
	switch f.kind {
	case typeByte, typeUndefined, typeASCII:
		n = float64(b[0])
	case 6:
		n = float64(int8(b[0]))
	case typeShort:
		n = float64(d.order.Uint16(b))
	case 8:
		n = float64(int16(d.order.Uint16(b)))
	case typeLong, typeIFD:
		n = float64(d.order.Uint32(b))
	case 9:
		n = float64(int32(d.order.Uint32(b)))
	case typeRational:
		n = float64(d.order.Uint32(b)) / float64(d.order.Uint32(b[4:]))
	case typeSRational:
		n = float64(int32(d.order.Uint32(b))) / float64(int32(d.order.Uint32(b[4:])))
	case 11:
		n = float64(math.Float32frombits(d.order.Uint32(b)))
	case 12:
		n = math.Float64frombits(d.order.Uint64(b))
	}
	return n, !math.IsNaN(n) && !math.IsInf(n, 0)
}

func (d *directory) whole(f field) int64 {
	n, _ := d.number(f, 0)
	return int64(n)
}

// layout keeps what says where a directory's picture lies.
func (d *directory) layout(f field) {
	switch f.id {
	case 0x00fe:
		d.reduced = d.whole(f)&1 != 0
	case 0x0100:
		d.width = d.whole(f)
	case 0x0101:
		d.height = d.whole(f)
	case 0x0111, 0x0201, 0x0144:
		if f.count == 1 && f.id != 0x0144 {
			d.thumbAt = d.whole(f)
		}
		d.pieces = append(d.pieces, d.all(f)...)
	case 0x0117, 0x0202, 0x0145:
		if f.count == 1 && f.id != 0x0145 {
			d.thumbSize = d.whole(f)
		}
		d.sizes = append(d.sizes, d.all(f)...)
	}
}

// all gives a field's numbers.
func (d *directory) all(f field) []int64 {
	var out []int64
	for i := range f.count {
		n, ok := d.number(f, i)
		if !ok {
			break
		}
		out = append(out, int64(n))
	}
	return out
}

// end looks at the picture of the directory that was read.
func (d *directory) end() error {
	for i, at := range d.pieces[:min(len(d.pieces), len(d.sizes))] {
		d.exif.end = max(d.exif.end, at+d.sizes[i])
	}
	main := strings.HasSuffix(d.where, "IFD0")
	if main && !d.reduced && d.exif.width == 0 {
		d.exif.width, d.exif.height = int(min(d.width, 1<<30)), int(min(d.height, 1<<30))
	}
	if d.thumbAt <= 0 || d.thumbSize < 4 || d.thumbAt >= d.src.size {
		return nil
	}
	part := d.src.part(d.thumbAt, d.thumbSize)
	where := join(d.where, "picture")
	if part.size < d.thumbSize {
		d.sheet.gap(where, "broken", d.thumbSize-part.size)
	}
	head, err := part.bytes(0, min(3, part.size))
	if err != nil {
		return err
	}
	if string(head) == "\xff\xd8\xff" {
		return d.sheet.picture(part, where, d.exif.width, d.exif.height)
	}
	if !main { // bare samples: nothing to read, but another picture all the same
		p := Preview{Where: where, Type: "image/tiff", Start: part.place(0), Size: part.size, Width: int(min(d.width, 1<<20)), Height: int(min(d.height, 1<<20))}
		p.Differs = differs(p.Width, p.Height, d.exif.width, d.exif.height)
		d.sheet.preview(p)
	}
	return nil
}

// below reads the directories that a field points to.
func below(name string, tags map[uint16]tag) func(*directory, field) error {
	return func(d *directory, f field) error {
		for i := range min(f.count, 16) {
			at, ok := d.number(f, i)
			if !ok || at == 0 {
				continue
			}
			path := join(strings.TrimPrefix(strings.TrimPrefix(d.where, d.tiff.where), "/"), name)
			if i > 0 {
				path += strconv.FormatInt(i, 10)
			}
			if _, err := d.directory(int64(at), path, tags, d.depth+1); err != nil {
				return err
			}
		}
		return nil
	}
}
