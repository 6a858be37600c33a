package trace

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"sort"
	"strings"
)

// heifXMP is the uuid box of XMP (ISO 16684-3).
const heifXMP = "\xbe\x7a\xcf\xcb\x97\xa9\x42\xe8\x9c\x71\x99\x94\x91\xe3\xaf\xac"

// readHEIC reads HEIF, HEIC and AVIF (ISO/IEC 23008-12): its items, and the
// boxes and bytes beside them.
func readHEIC(src *source, s *Sheet) error {
	h := &heif{src: src, sheet: s, items: make(map[uint32]*heifItem)}
	end, err := h.boxes(src, "", 0)
	if err != nil {
		return err
	}
	if err := h.readItems(); err != nil {
		return err
	}
	if err := h.unreferenced(); err != nil || end >= src.size {
		return err
	}
	w, ht := h.size(h.primary)
	return readTrailer(src.part(end, src.size-end), s, "after the boxes", w, ht)
}

type heif struct {
	src     *source
	sheet   *Sheet
	primary uint32
	items   map[uint32]*heifItem
	order   []uint32
	props   []heifProp
	idat    *source
	mdat    []extent
}

type extent struct{ at, size int64 }

type heifItem struct {
	kind, name, mime string
	construction     int
	extents          []extent
	props            []int
	thumbOf, auxOf   uint32
}

type heifProp struct {
	kind string
	body []byte
}

func (h *heif) item(id uint32) *heifItem {
	it := h.items[id]
	if it == nil {
		it = new(heifItem)
		if len(h.items) < 5_000 {
			h.items[id] = it
			h.order = append(h.order, id)
		}
	}
	return it
}

// boxes walks boxes and gives where they end.
func (h *heif) boxes(src *source, where string, depth int) (int64, error) {
	if depth > 8 {
		h.sheet.gap(where, "too_deep", src.size)
		return src.size, nil
	}
	at := int64(0)
	for n := 0; at+8 <= src.size && n < maxChunks; n++ {
		head, err := src.bytes(at, min(16, src.size-at))
		if err != nil {
			return at, err
		}
		size, kind, lead := int64(binary.BigEndian.Uint32(head)), string(head[4:8]), int64(8)
		if size == 1 && len(head) == 16 {
			size, lead = int64(binary.BigEndian.Uint64(head[8:])), 16
		}
		if size == 0 {
			size = src.size - at
		}
		if size < lead || size > src.size-at || !printable(kind) {
			return at, nil
		}
		if err := h.box(kind, join(where, strings.TrimSpace(kind)), src.part(at+lead, size-lead), depth); err != nil {
			return at, err
		}
		at += size
	}
	return at, nil
}

func (h *heif) box(kind, path string, body *source, depth int) error {
	switch kind {
	case "ftyp", "hdlr", "dinf", "grpl", "pict":
		return nil
	case "mdat":
		if at := body.base - h.src.base; h.src.base >= 0 && body.base >= 0 {
			h.mdat = append(h.mdat, extent{at, body.size})
		}
		return nil
	case "meta":
		_, err := h.boxes(body.part(4, body.size), path, depth+1)
		return err
	case "iprp", "ipco":
		if kind == "ipco" {
			return h.properties(body)
		}
		_, err := h.boxes(body, path, depth+1)
		return err
	case "idat":
		h.idat = body
		return nil
	case "mpvd": // Samsung's and Google's moving picture
		return h.sheet.picture(body, path, 0, 0)
	}
	b, err := body.bytes(0, min(body.size, maxPart))
	if err != nil {
		return err
	}
	c := &cursor{b: b}
	switch kind {
	case "pitm":
		h.primary = c.version(c.u8() == 0)
	case "iinf":
		if c.u8() == 0 {
			c.skip(3 + 2)
		} else {
			c.skip(3 + 4)
		}
		_, err := h.boxes(body.part(int64(c.at), body.size), path, depth+1)
		return err
	case "infe":
		h.info(c)
	case "iloc":
		h.locations(c)
	case "iref":
		h.references(c)
	case "ipma":
		h.associations(c)
	case "uuid":
		if has(b, heifXMP) {
			return readXMP(h.src, h.sheet, path, b[16:])
		}
		h.sheet.unknown(Text, path, "uuid", b)
	case "free", "skip":
		h.sheet.unknown(Leftover, path, kind, b)
	default:
		h.sheet.unknown(Text, path, kind, b)
	}
	return nil
}

// cursor reads big-endian numbers; beyond the end it gives zeros.
type cursor struct {
	b  []byte
	at int
}

func (c *cursor) n(size int) (v uint64) {
	for range size {
		v <<= 8
		if c.at < len(c.b) {
			v |= uint64(c.b[c.at])
		}
		c.at = min(c.at+1, len(c.b))
	}
	return v
}
func (c *cursor) u8() int    { return int(c.n(1)) }
func (c *cursor) skip(n int) { c.at = min(c.at+n, len(c.b)) }
func (c *cursor) left() bool { return c.at < len(c.b) }
func (c *cursor) id(wide bool) uint32 {
	if wide {
		return uint32(c.n(4))
	}
	return uint32(c.n(2))
}
func (c *cursor) version(short bool) uint32 { c.skip(3); return c.id(!short) }
func (c *cursor) text() string {
	s, _, _ := strings.Cut(string(c.b[c.at:]), "\x00")
	c.skip(len(s) + 1)
	return clip(s)
}

func (h *heif) info(c *cursor) {
	v := c.u8()
	c.skip(3)
	if v < 2 {
		it := h.item(c.id(false))
		c.skip(2)
		it.name, it.mime = c.text(), c.text()
		it.kind = "mime"
		return
	}
	it := h.item(c.id(v >= 3))
	c.skip(2)
	it.kind = string(c.b[c.at:min(c.at+4, len(c.b))])
	c.skip(4)
	it.name = c.text()
	if it.kind == "mime" || it.kind == "uri " {
		it.mime = c.text()
	}
}

func (h *heif) locations(c *cursor) {
	v := c.u8()
	c.skip(3)
	sizes, more := c.u8(), c.u8()
	offset, length, base, index := sizes>>4, sizes&15, more>>4, more&15
	count := int(c.id(v >= 2))
	for range count {
		if !c.left() {
			return
		}
		it := h.item(c.id(v >= 2))
		if v >= 1 {
			it.construction = int(c.n(2) & 15)
		}
		c.skip(2)
		from := c.n(base)
		extents := int(c.n(2))
		for range extents {
			if !c.left() || len(it.extents) >= 1_000 {
				break
			}
			if v >= 1 {
				c.n(index)
			}
			at, size := from+c.n(offset), c.n(length)
			it.extents = append(it.extents, extent{int64(at & (1<<62 - 1)), int64(size & (1<<62 - 1))})
		}
	}
}

func (h *heif) references(c *cursor) {
	wide := c.u8() == 1
	c.skip(3)
	for c.left() {
		start := c.at
		size := int(c.n(4))
		kind := string(c.b[c.at:min(c.at+4, len(c.b))])
		c.skip(4)
		from, n := c.id(wide), int(c.n(2))
		for range n {
			if !c.left() {
				break
			}
			to := c.id(wide)
			switch kind {
			case "thmb":
				h.item(from).thumbOf = to
			case "auxl":
				h.item(from).auxOf = to
			}
		}
		if size < 8 {
			return
		}
		c.at = min(start+size, len(c.b))
	}
}

func (h *heif) properties(body *source) error {
	b, err := body.bytes(0, min(body.size, maxPart))
	if err != nil {
		return err
	}
	for len(b) >= 8 && len(h.props) < 5_000 {
		n := int(binary.BigEndian.Uint32(b))
		if n < 8 || n > len(b) {
			h.sheet.gap("meta/iprp/ipco", "broken", int64(len(b)))
			return nil
		}
		p := heifProp{string(b[4:8]), b[8:n]}
		h.props = append(h.props, p)
		path := "meta/iprp/ipco/" + strings.TrimSpace(clip(p.kind))
		switch p.kind {
		case "colr":
			if len(p.body) > 4 && (string(p.body[:4]) == "prof" || string(p.body[:4]) == "rICC") {
				readICC(h.sheet, path, p.body[4:])
			}
		case "auxC":
			h.sheet.words(Encoding, path, "AuxiliaryType", p.body)
		case "ispe", "hvcC", "av1C", "avcC", "irot", "imir", "pixi", "pasp", "clap", "clli", "mdcv", "cclv", "lsel", "a1op", "a1lx", "amve", "j2kH", "rloc":
		case "udes":
			h.sheet.words(Text, path, "UserDescription", p.body)
		default:
			h.sheet.unknown(Text, path, p.kind, p.body)
		}
		b = b[n:]
	}
	return nil
}

func (h *heif) associations(c *cursor) {
	v := c.u8()
	c.skip(2)
	wide := c.u8()&1 == 1
	count := int(c.n(4))
	for range count {
		if !c.left() {
			return
		}
		it := h.item(c.id(v >= 1))
		n := c.u8()
		for range n {
			if !c.left() || len(it.props) >= 256 {
				break
			}
			if wide {
				it.props = append(it.props, int(c.n(2)&0x7fff))
			} else {
				it.props = append(it.props, c.u8()&0x7f)
			}
		}
	}
}

// size is an item's own size, by its ispe property.
func (h *heif) size(id uint32) (w, ht int) {
	it := h.items[id]
	if it == nil {
		return 0, 0
	}
	for _, n := range it.props {
		if n >= 1 && n <= len(h.props) && h.props[n-1].kind == "ispe" && len(h.props[n-1].body) >= 12 {
			b := h.props[n-1].body
			return int(binary.BigEndian.Uint32(b[4:]) & 0x7fffffff), int(binary.BigEndian.Uint32(b[8:]) & 0x7fffffff)
		}
	}
	return 0, 0
}

// bytes joins an item's extents.
func (h *heif) bytes(it *heifItem) ([]byte, *source, error) {
	from := h.src
	if it.construction == 1 && h.idat != nil {
		from = h.idat
	}
	var b []byte
	for _, e := range it.extents {
		size := e.size
		if size == 0 {
			size = from.size - e.at
		}
		if e.at > from.size || size > from.size-e.at || int64(len(b))+size > maxPart {
			return b, nil, errShort
		}
		part, err := from.bytes(e.at, size)
		if err != nil {
			return b, nil, err
		}
		b = append(b, part...)
	}
	if len(it.extents) == 1 {
		return b, from.part(it.extents[0].at, int64(len(b))), nil
	}
	return b, h.src.unpacked(b), nil
}

func (h *heif) readItems() error {
	w, ht := h.size(h.primary)
	for _, id := range h.order {
		it := h.items[id]
		path := fmt.Sprintf("item%d/%s", id, strings.TrimSpace(clip(it.kind)))
		h.sheet.text(Text, path, "ItemName", []byte(it.name))
		if it.thumbOf != 0 || it.auxOf != 0 {
			p := Preview{Where: path, Type: "image/heic", Start: -1}
			if len(it.extents) > 0 && it.construction == 0 {
				p.Start, p.Size = h.src.place(it.extents[0].at), it.extents[0].size
			}
			p.Width, p.Height = h.size(id)
			p.Differs = differs(p.Width, p.Height, w, ht)
			h.sheet.preview(p)
			continue
		}
		switch it.kind {
		case "hvc1", "av01", "avc1", "grid", "iovl", "iden", "tmap", "lhv1", "j2k1", "hvt1", "":
			continue
		}
		b, part, err := h.bytes(it)
		if err != nil {
			if ignoreShort(err) != nil {
				return err
			}
			h.sheet.gap(path, "broken", 0)
			continue
		}
		if err := h.read(it, path, b, part); err != nil {
			return err
		}
	}
	return nil
}

func (h *heif) read(it *heifItem, path string, b []byte, part *source) error {
	w, ht := h.size(h.primary)
	switch {
	case it.kind == "Exif" && len(b) > 8:
		skip := 4 + int64(binary.BigEndian.Uint32(b))
		_, err := readExif(part.part(skip, part.size), h.sheet, path, w, ht)
		return ignoreShort(err)
	case it.kind == "mime" && (strings.Contains(it.mime, "xml") || bytes.Contains(b[:min(len(b), 512)], []byte("xmpmeta"))):
		return readXMP(h.src, h.sheet, path, b)
	case it.kind == "jpeg" || sniff(b) == "jpeg":
		return h.sheet.picture(part, path, w, ht)
	}
	h.sheet.text(Text, path, "ItemType", []byte(it.mime))
	h.sheet.unknown(Text, path, it.kind, b)
	return nil
}

// unreferenced tells of bytes in the mdat boxes that belong to no item.
func (h *heif) unreferenced() error {
	var used []extent
	for _, it := range h.items {
		if it.construction == 0 {
			used = append(used, it.extents...)
		}
	}
	sort.Slice(used, func(i, j int) bool { return used[i].at < used[j].at })
	for _, m := range h.mdat {
		at := m.at
		for _, e := range append(used, extent{m.at + m.size, 0}) {
			stop := min(e.at, m.at+m.size)
			if stop-at >= 16 {
				if err := leftover(h.src.part(at, stop-at), h.sheet, "mdat"); err != nil {
					return err
				}
			}
			if e.at <= m.at+m.size {
				at = max(at, min(e.at+e.size, m.at+m.size))
			}
		}
	}
	return nil
}
