package canary

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

// xmpUUID marks XMP in an MP4 (Adobe's XMP specification, part 3).
const xmpUUID = "\xbe\x7a\xcf\xcb\x97\xa9\x42\xe8\x9c\x71\x99\x94\x91\xe3\xaf\xac"

func box(kind string, body []byte) []byte { return join(be32(len(body)+8), kind, body) }

// plantMP4 leaves the film's data where it is, blanks the old index out as free
// space and writes a new one, with words, behind it.
func plantMP4(g *garden, base []byte) ([]byte, error) {
	out := bytes.Clone(base)
	var moov []byte
	for at := 0; at+8 <= len(out); {
		n := int(binary.BigEndian.Uint32(out[at:]))
		if n == 1 && at+16 <= len(out) {
			n = int(binary.BigEndian.Uint64(out[at+8:]))
		}
		if n < 8 || n > len(out)-at {
			return nil, errNotPlain
		}
		if string(out[at+4:at+8]) == "moov" {
			moov = bytes.Clone(out[at+8 : at+n])
			copy(out[at+4:], "free")
			clear(out[at+8 : at+n])
		}
		at += n
	}
	if moov == nil {
		return nil, errNotPlain
	}
	// x264 says its settings in an SEI; a word takes the place of its beginning.
	if i := bytes.Index(out, []byte("x264 - core")); i >= 0 {
		copy(out[i:], g.word("h264-sei"))
	}
	moov, err := g.index(moov)
	if err != nil {
		return nil, err
	}
	w := func(name string) []byte { return []byte(g.word(name)) }
	tag := func(kind string, name string) []byte {
		return box(kind, box("data", join(be32(1), be32(0), w(name))))
	}
	chapter := g.word("chapter")
	moov = join(moov, box("udta", join(
		box("\xa9xyz", join(be16(60), "\x15\xc7", w("udta-xyz"))), box("kuaU", w("udta-private")),
		box("chpl", join("\x01\x00\x00\x00\x00\x00\x00\x00\x01", make([]byte, 8), []byte{byte(len(chapter))}, chapter)),
		box("meta", join(be32(0), box("hdlr", join(be32(0), be32(0), "mdirappl", be32(0), be32(0), "\x00")),
			box("ilst", join(tag("\xa9nam", "ilst-title"), tag("\xa9cmt", "ilst-comment"), tag("\xa9mak", "ilst-make"),
				box("covr", box("data", join(be32(13), be32(0), g.smallJPEG("cover"))))))))),
	), box("free", w("moov-free")))
	return join(out, box("moov", moov), box("free", w("free")), box("skip", join("freeGPS ", w("free-gps"))),
		box("uuid", join(xmpUUID, g.xmp("uuid-xmp"))), box("uuid", join("0123456789abcdef", w("uuid-private"))),
		box("gps0", w("gps0")), box("mdat", w("unreferenced-mdat")), box("wide", w("wide")), g.word("trailer")), nil
}

// index puts words into names that the index already has.
func (g *garden) index(moov []byte) ([]byte, error) {
	var walk func(b []byte, path string) ([]byte, error)
	handlers, tracks := 0, 0
	walk = func(b []byte, path string) (out []byte, err error) {
		for len(b) >= 8 {
			n, kind := int(binary.BigEndian.Uint32(b)), string(b[4:8])
			if n < 8 || n > len(b) {
				return nil, errNotPlain
			}
			body := bytes.Clone(b[8:n])
			switch kind {
			case "udta":
				b = b[n:]
				continue // ours comes in its place
			case "trak", "mdia", "minf", "stbl":
				if body, err = walk(body, kind); err != nil {
					return nil, err
				}
				if kind == "trak" {
					tracks++
					body = append(body, box("udta", box("name", []byte(g.word(fmt.Sprintf("track-name-%d", tracks)))))...)
				}
			case "hdlr":
				if path == "mdia" && len(body) > 24 {
					handlers++
					body = join(body[:24], g.word(fmt.Sprintf("handler-%d", handlers)), "\x00")
				}
			case "mvhd", "tkhd", "mdhd":
				if len(body) < 12 {
					return nil, errNotPlain
				}
				copy(body[4:], []byte{0xe4, 0xf0, 0xa1, 0xb2}) // made at some moment
				copy(body[8:], []byte{0xe4, 0xf0, 0xa1, 0xb2})
			case "stsd":
				if len(body) > 8+8+78 && string(body[12:16]) == "avc1" {
					name := g.word("stsd")
					copy(body[8+8+42:], join([]byte{byte(min(31, len(name)))}, name[:min(31, len(name))]))
				}
			}
			out, b = append(out, box(kind, body)...), b[n:]
		}
		return out, nil
	}
	out, err := walk(moov, "moov")
	if handlers == 0 && err == nil {
		err = errNotPlain
	}
	return out, err
}

// element is an EBML element with a size of eight bytes.
func element(id int, body []byte) []byte {
	head := bytes.TrimLeft(be32(id), "\x00")
	return join(head, []byte{1}, binary.BigEndian.AppendUint64(nil, uint64(len(body)))[1:], body)
}

// plantMatroska fills the segment's first void and puts further parts behind its last.
func plantMatroska(g *garden, base []byte) ([]byte, error) {
	i := bytes.Index(base, []byte("\x18\x53\x80\x67\x01"))
	if i < 0 || i+12 > len(base) {
		return nil, errNotPlain
	}
	size := int(binary.BigEndian.Uint64(base[i+4:]) & (1<<56 - 1))
	body := i + 12
	if size > len(base)-body {
		return nil, errNotPlain
	}
	out := bytes.Clone(base[:body+size])
	if v := bytes.Index(out, []byte("\xec\x01\x00\x00\x00\x00\x00\x00")); v >= 0 && v+9 <= len(out) {
		copy(out[v+9:], g.word("void"))
	}
	str := func(id int, name string) []byte { return element(id, []byte(g.word(name))) }
	tag := func(name string) []byte {
		return element(0x67c8, join(element(0x45a3, []byte("ARTIST")), str(0x4487, name)))
	}
	more := join(
		element(0x1549a966, join(element(0x2ad7b1, []byte{0x0f, 0x42, 0x40}), str(0x7ba9, "title"), str(0x4d80, "muxing-app"), str(0x5741, "writing-app"))),
		element(0x1254c367, element(0x7373, join(element(0x63c0, nil), tag("tag")))),
		element(0x1043a770, element(0x45b9, join(element(0x45bc, []byte{1}), element(0xb6, join(element(0x73c4, []byte{1}), element(0x91, []byte{0}),
			element(0x80, join(str(0x85, "chapter"), element(0x437c, []byte("und"))))))))),
		element(0x1941a469, element(0x61a7, join(str(0x466e, "attachment-name"), element(0x4660, []byte("image/jpeg")),
			element(0x465c, g.smallJPEG("attachment")), element(0x46ae, []byte{7})))),
		element(0xec, []byte(g.word("late-void"))),
	)
	out = append(out, more...)
	copy(out[i+4:], binary.BigEndian.AppendUint64(nil, uint64(size+len(more))|1<<56))
	return append(out, g.word("trailer")...), nil
}

// plantRIFF puts chunks behind the last one of a RIFF file.
func plantRIFF(g *garden, base []byte, form string, chunks ...[]byte) ([]byte, error) {
	if len(base) < 12 || string(base[:4]) != "RIFF" || string(base[8:12]) != form {
		return nil, errNotPlain
	}
	body := append(bytes.Clone(base[8:]), make([]byte, len(base)%2)...)
	for _, c := range chunks {
		body = append(body, c...)
	}
	return join("RIFF", le32(len(body)), body, g.word("trailer")), nil
}

func (g *garden) riffInfo() []byte {
	return riffChunk("LIST", join("INFO", riffChunk("IART", []byte(g.word("info-artist"))), riffChunk("ICMT", []byte(g.word("info-comment"))),
		riffChunk("INAM", []byte(g.word("info-title")))))
}

func plantAVI(g *garden, base []byte) ([]byte, error) {
	return plantRIFF(g, base, "AVI ", g.riffInfo(), riffChunk("JUNK", []byte(g.word("junk"))), riffChunk("_PMX", []byte(g.xmp("xmp"))), riffChunk("kuaX", []byte(g.word("private"))))
}

// plantTS puts packets that no player looks at between and behind the others.
func plantTS(g *garden, base []byte) ([]byte, error) {
	const size = 188
	if len(base) < 2*size || len(base)%size != 0 || base[0] != 0x47 || base[size] != 0x47 {
		return nil, errNotPlain
	}
	packet := func(pid int, word string) []byte {
		p := join([]byte{0x47, byte(pid >> 8), byte(pid), 0x10}, word)
		return append(p, bytes.Repeat([]byte{0xff}, size-len(p))...)
	}
	return join(base[:len(base)/size/2*size], packet(0x1fff, g.word("null-packet")), packet(0x1abc, g.word("private-pid")),
		base[len(base)/size/2*size:], packet(0x1fff, g.word("late-packet"))), nil
}
