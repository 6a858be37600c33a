package canary

import "encoding/binary"

// A TIFF directory (TIFF 6.0, EXIF 2.32), little endian, as EXIF blocks and TIFF
// files carry it.

type tag struct {
	id, kind int // kind 2 text, 7 bytes, 1 bytes, 4 a directory or an offset
	data     []byte
	sub      []tag // a directory that it points to
}

const (
	kindByte      = 1
	kindText      = 2
	kindLong      = 4
	kindUndefined = 7
)

func text(id int, s string) tag { return tag{id: id, kind: kindText, data: append([]byte(s), 0)} }

// directory lays tags out at a place of the file, and what they hold behind it;
// next is the place of the directory that follows.
func directory(at int, tags []tag, next int) []byte {
	head := le16(len(tags))
	var heap []byte
	base := at + 2 + 12*len(tags) + 4
	for _, t := range tags {
		data := t.data
		if t.sub != nil {
			place := base + len(heap)
			heap = append(heap, directory(place, t.sub, 0)...)
			data = le32(place)
			t.kind = kindLong
		}
		count := len(data)
		if t.kind == kindLong {
			count = len(data) / 4
		}
		head = append(head, join(le16(t.id), le16(t.kind), le32(count))...)
		if len(data) <= 4 {
			head = append(head, append(data, make([]byte, 4-len(data))...)...)
			continue
		}
		head = append(head, le32(base+len(heap))...)
		heap = append(heap, data...)
		if len(heap)%2 == 1 {
			heap = append(heap, 0)
		}
	}
	return join(head, le32(next), heap)
}

// exifTags are the places of EXIF.
func (g *garden) exifTags() []tag {
	return []tag{
		text(0x010e, g.word("exif-description")), text(0x010f, g.word("exif-make")), text(0x0110, g.word("exif-model")),
		text(0x0131, g.word("exif-software")), text(0x0132, "2026:11:19 14:03:22"), text(0x013b, g.word("exif-artist")), text(0x8298, g.word("exif-copyright")),
		{id: 0x8769, sub: []tag{
			{id: 0x927c, kind: kindUndefined, data: []byte(g.word("exif-makernote"))},
			{id: 0x9286, kind: kindUndefined, data: join("ASCII\x00\x00\x00", g.word("exif-usercomment"))},
			text(0xa420, g.word("exif-uniqueid")), text(0xa430, g.word("exif-owner")), text(0xa431, g.word("exif-serial")), text(0xa435, g.word("exif-lens-serial")),
		}},
		{id: 0x8825, sub: []tag{
			{id: 0x001b, kind: kindUndefined, data: join("ASCII\x00\x00\x00", g.word("exif-gps-method"))},
			{id: 0x001c, kind: kindUndefined, data: join("ASCII\x00\x00\x00", g.word("exif-gps-area"))},
		}},
		{id: 0x9c9d, kind: kindByte, data: append(g.wide("exif-xpauthor", binary.LittleEndian), 0, 0)},
	}
}

// exif is a whole block with a thumbnail that has a comment of its own.
func (g *garden) exif() []byte {
	const at = 8
	tags := g.exifTags()
	first := directory(at, tags, 0)
	next := at + len(first)
	copy(first[2+12*len(tags):], le32(next))
	thumb := g.smallJPEG("exif-thumbnail")
	ifd := func(place int) []byte {
		return directory(next, []tag{{id: 0x0201, kind: kindLong, data: le32(place)}, {id: 0x0202, kind: kindLong, data: le32(len(thumb))}}, 0)
	}
	return join("II*\x00", le32(at), first, ifd(next+len(ifd(0))), thumb)
}

// xmp is a packet with one word.
func (g *garden) xmp(name string) string {
	return `<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">` +
		`<rdf:Description xmlns:dc="http://purl.org/dc/elements/1.1/" dc:source="` + g.word(name) + `"/></rdf:RDF></x:xmpmeta><?xpacket end="w"?>`
}

func plantTIFF(g *garden, base []byte) ([]byte, error) {
	if len(base) < 8 || string(base[:4]) != "II*\x00" {
		return nil, errNotPlain
	}
	at := int(binary.LittleEndian.Uint32(base[4:]))
	if at < 8 || at+2 > len(base) {
		return nil, errNotPlain
	}
	n := int(binary.LittleEndian.Uint16(base[at:]))
	if at+2+12*n+4 > len(base) {
		return nil, errNotPlain
	}
	out := append([]byte(nil), base...)
	if len(out)%2 == 1 {
		out = append(out, 0)
	}
	fresh := append(g.exifTags(),
		tag{id: 700, kind: kindByte, data: []byte(g.xmp("tiff-xmp"))},
		tag{id: 33723, kind: kindUndefined, data: []byte(g.iptc("tiff-iptc"))},
		tag{id: 65000, kind: kindUndefined, data: []byte(g.word("tiff-private"))})
	replaced := map[int]bool{}
	for _, t := range fresh {
		replaced[t.id] = true
	}
	// The other entries stay as they are, their values lie where they lay.
	var old []tag
	for i := range n {
		e := base[at+2+12*i:][:12]
		if replaced[int(binary.LittleEndian.Uint16(e))] {
			continue
		}
		old = append(old, tag{id: int(binary.LittleEndian.Uint16(e)), data: e})
	}
	out = mergeIFD(out, old, fresh)
	copy(out[4:], le32(len(base)+len(base)%2))
	return append(out, g.word("tiff-trailer")...), nil
}

// mergeIFD appends a directory of old entries, verbatim, and fresh ones.
func mergeIFD(out []byte, old, fresh []tag) []byte {
	at := len(out)
	n := len(old) + len(fresh)
	base := at + 2 + 12*n + 4
	type entry struct {
		id    int
		bytes []byte
	}
	var all []entry
	var heap []byte
	for _, t := range old {
		all = append(all, entry{t.id, t.data})
	}
	for _, t := range fresh {
		one := directory(0, []tag{t}, 0)[2:14]
		data := t.data
		if t.sub != nil {
			data = directory(base+len(heap), t.sub, 0)
		}
		one = join(one[:8], le32(base+len(heap)))
		if t.sub == nil && len(data) <= 4 {
			one = join(one[:8], data, make([]byte, 4-len(data)))
			data = nil
		}
		heap = append(heap, data...)
		if len(heap)%2 == 1 {
			heap = append(heap, 0)
		}
		all = append(all, entry{t.id, one})
	}
	sortBy(all, func(e entry) int { return e.id })
	out = append(out, le16(n)...)
	for _, e := range all {
		out = append(out, e.bytes...)
	}
	return join(out, le32(0), heap)
}
