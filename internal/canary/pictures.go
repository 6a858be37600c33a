package canary

import (
	"bytes"
	"cmp"
	"compress/zlib"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"image"
	"image/jpeg"
	"slices"
)

var errNotPlain = errors.New("not a plain file of its kind")

func sortBy[E any](all []E, key func(E) int) {
	slices.SortStableFunc(all, func(a, b E) int { return cmp.Compare(key(a), key(b)) })
}

// smallJPEG is a tiny picture with a comment of its own.
func (g *garden) smallJPEG(name string) []byte {
	var b bytes.Buffer
	_ = jpeg.Encode(&b, image.NewGray(image.Rect(0, 0, 8, 8)), nil) // a buffer takes everything
	return join(b.Bytes()[:2], segment(0xfe, []byte(g.word(name))), b.Bytes()[2:])
}

func segment(marker byte, body []byte) []byte {
	return join([]byte{0xff, marker}, be16(len(body)+2), body)
}

// iptc is a block of records with a by-line.
func (g *garden) iptc(name string) string {
	w := g.word(name)
	return string(join("\x1c\x02\x50", be16(len(w)), w))
}

func deflated(b []byte) []byte {
	var out bytes.Buffer
	z := zlib.NewWriter(&out)
	_, _ = z.Write(b)
	_ = z.Close()
	return out.Bytes()
}

// icc is a profile with a word for its description.
func (g *garden) icc(word string) []byte {
	desc := join("desc\x00\x00\x00\x00", be32(len(word)+1), word, "\x00", make([]byte, 80))
	size := 128 + 4 + 12 + len(desc)
	head := make([]byte, 128)
	copy(head, be32(size))
	copy(head[8:], "\x02\x40\x00\x00mntrRGB XYZ ")
	copy(head[36:], "acsp")
	return join(head, be32(1), "desc", be32(144), be32(len(desc)), desc)
}

func plantJPEG(g *garden, base []byte) ([]byte, error) {
	if len(base) < 4 || base[0] != 0xff || base[1] != 0xd8 || !bytes.HasSuffix(base, []byte{0xff, 0xd9}) {
		return nil, errNotPlain
	}
	w := func(name string) []byte { return []byte(g.word(name)) }
	extended := g.xmp("extended-xmp")
	resource := func(id int, data []byte) []byte {
		if len(data)%2 == 1 {
			data = append(data, 0)
		}
		return join("8BIM", be16(id), "\x00\x00", be32(len(data)), data)
	}
	return join(base[:2],
		segment(0xe0, join("JFXX\x00\x10", g.smallJPEG("jfxx-thumbnail"))),
		segment(0xe1, join("Exif\x00\x00", g.exif())),
		segment(0xe1, join("http://ns.adobe.com/xap/1.0/\x00", g.xmp("xmp"))),
		segment(0xe1, join("http://ns.adobe.com/xmp/extension/\x00", "0123456789ABCDEF0123456789ABCDEF", be32(len(extended)), be32(0), extended)),
		segment(0xe2, join("ICC_PROFILE\x00\x01\x01", g.icc(g.word("icc-description")))),
		segment(0xe2, join("FPXR\x00", w("fpxr"))),
		segment(0xe3, join("META\x00", w("app3"))), segment(0xe5, join("RMETA\x00", w("app5"))), segment(0xe7, w("app7")),
		segment(0xeb, join("JP\x00\x01\x00\x00\x00\x01", be32(8+40), "jumb", w("app11-jumbf"))),
		segment(0xec, join("Ducky\x00\x02\x00", be16(40), w("app12-ducky"))),
		segment(0xed, join("Photoshop 3.0\x00", resource(0x0404, []byte(g.iptc("app13-iptc"))),
			resource(0x040c, join(be32(1), be32(8), be32(8), make([]byte, 16), g.smallJPEG("photoshop-thumbnail"))))),
		segment(0xef, w("app15")),
		segment(0xfe, w("comment")),
		base[2:],
		g.smallJPEG("second-image"), "\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00mp42isom", box("udta", w("motion-photo")),
		w("trailer"), samsung(w("sef-trailer"))), nil
}

// samsung is the trailer of a Galaxy's photo: one block, and at the very end a
// directory that counts backwards.
func samsung(word []byte) []byte {
	block := join("\x00\x00\x01\x0a", le32(len("Kua_Data")), "Kua_Data", word)
	dir := join("SEFH", le32(106), le32(1), "\x00\x00\x01\x0a", le32(len(block)), le32(len(block)))
	return join(block, dir, le32(len(dir)), "SEFT")
}

func chunk(kind string, body []byte) []byte {
	return join(be32(len(body)), kind, body, be32(int(crc32.ChecksumIEEE(join(kind, body)))))
}

func plantPNG(g *garden, base []byte) ([]byte, error) {
	const head = 8 + 25
	end := bytes.LastIndex(base, []byte("\x00\x00\x00\x00IEND"))
	if len(base) < head || string(base[:8]) != "\x89PNG\r\n\x1a\n" || end < head {
		return nil, errNotPlain
	}
	w := func(name string) []byte { return []byte(g.word(name)) }
	return join(base[:head],
		chunk("iCCP", join(g.word("iccp-name"), "\x00\x00", deflated(g.icc(g.packed("iccp-profile"))))),
		chunk("tEXt", join("Author\x00", w("text"))), chunk("tEXt", join(w("text-key"), "\x00x")),
		chunk("zTXt", join("Comment\x00\x00", deflated([]byte(g.packed("ztxt"))))),
		chunk("iTXt", join("XML:com.adobe.xmp\x00\x00\x00\x00\x00", g.xmp("itxt-xmp"))),
		chunk("iTXt", join("Title\x00\x01\x00\x00\x00", deflated([]byte(g.packed("itxt-packed"))))),
		chunk("eXIf", g.exif()), chunk("kuCy", w("private")), chunk("caBX", w("cabx")),
		chunk("sPLT", join(g.word("splt-name"), "\x00\x08", "\x01\x02\x03\x04\x00\x01")),
		base[head:end], chunk("tEXt", join("Late\x00", w("text-after"))), base[end:],
		chunk("IDAT", w("idat-after-end")), w("trailer")), nil
}

func riffChunk(kind string, body []byte) []byte {
	out := join(kind, le32(len(body)), body)
	if len(out)%2 == 1 {
		out = append(out, 0)
	}
	return out
}

func plantWebP(g *garden, base []byte) ([]byte, error) {
	if len(base) < 30 || string(base[:4]) != "RIFF" || string(base[8:16]) != "WEBPVP8 " {
		return nil, errNotPlain
	}
	w, h := int(binary.LittleEndian.Uint16(base[26:])&0x3fff), int(binary.LittleEndian.Uint16(base[28:])&0x3fff)
	three := func(v int) []byte { return le32(v)[:3] }
	body := join("WEBP", riffChunk("VP8X", join([]byte{0x2c, 0, 0, 0}, three(w-1), three(h-1))),
		riffChunk("ICCP", g.icc(g.word("iccp"))), base[12:], riffChunk("EXIF", g.exif()), riffChunk("XMP ", []byte(g.xmp("xmp"))),
		riffChunk("KUAX", []byte(g.word("private"))))
	return join("RIFF", le32(len(body)), body, g.word("trailer")), nil
}

func plantGIF(g *garden, base []byte) ([]byte, error) {
	if len(base) < 14 || string(base[:3]) != "GIF" || base[len(base)-1] != 0x3b {
		return nil, errNotPlain
	}
	block := func(s string) []byte { return join([]byte{byte(len(s))}, s) }
	return join(base[:len(base)-1],
		"\x21\xfe", block(g.word("comment")), "\x00",
		"\x21\xff\x0bXMP DataXMP", block(g.word("xmp")), "\x00",
		"\x21\xff\x0bKUAPRIV1.00", block(g.word("private")), "\x00",
		";", g.word("trailer")), nil
}

func plantHEIC(g *garden, base []byte) ([]byte, error) {
	if len(base) < 12 || string(base[4:8]) != "ftyp" {
		return nil, errNotPlain
	}
	return join(base, box("free", []byte(g.word("free"))), box("kuaX", []byte(g.word("private"))),
		box("uuid", join(xmpUUID, g.xmp("uuid-xmp"))), g.word("trailer")), nil
}
