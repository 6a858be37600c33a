package canary

import (
	"bytes"
	"encoding/binary"
)

// id3 is an ID3v2.4 block (id3.org).
func (g *garden) id3() []byte {
	frame := func(kind string, body []byte) []byte { return join(kind, synchsafe(len(body)), be16(0), body) }
	frames := join(
		frame("TIT2", join("\x03", g.word("id3-title"))), frame("TPE1", join("\x01\xff\xfe", g.wide("id3-artist", binary.LittleEndian))),
		frame("COMM", join("\x03eng\x00", g.word("id3-comment"))), frame("PRIV", join("kua\x00", g.word("id3-private"))),
		frame("GEOB", join("\x00text/plain\x00a\x00b\x00", g.word("id3-object"))),
		frame("APIC", join("\x00image/jpeg\x00\x03\x00", g.smallJPEG("id3-picture"))))
	return join("ID3\x04\x00\x00", synchsafe(len(frames)), frames)
}

func synchsafe(n int) []byte {
	return []byte{byte(n >> 21 & 127), byte(n >> 14 & 127), byte(n >> 7 & 127), byte(n & 127)}
}

// id3v1 is the old block of 128 bytes at the end.
func (g *garden) id3v1() []byte {
	b := make([]byte, 128)
	copy(b, "TAG")
	copy(b[3:33], g.word("v1"))
	return b
}

// ape is an APEv2 block.
func (g *garden) ape() []byte {
	w := g.word("ape")
	item := join(le32(len(w)), le32(0), "Artist\x00", w)
	end := func(flags uint32) []byte {
		return join("APETAGEX", le32(2000), le32(len(item)+32), le32(1), binary.LittleEndian.AppendUint32(nil, flags), make([]byte, 8))
	}
	return join(end(0xa0000000), item, end(0x80000000))
}

func plantMP3(g *garden, base []byte) ([]byte, error) {
	if bytes.HasPrefix(base, []byte("ID3")) && len(base) > 10 {
		n := 10 + int(base[6])<<21 + int(base[7])<<14 + int(base[8])<<7 + int(base[9])
		if n > len(base) {
			return nil, errNotPlain
		}
		base = base[n:]
	}
	if len(base) < 4 || base[0] != 0xff || base[1]&0xe0 != 0xe0 {
		return nil, errNotPlain
	}
	return join(g.id3(), base, g.word("junk"), g.ape(), g.id3v1()), nil
}

func plantAAC(g *garden, base []byte) ([]byte, error) {
	if len(base) < 7 || base[0] != 0xff || base[1]&0xf6 != 0xf0 {
		return nil, errNotPlain
	}
	// Behind the sound, since a block of ID3 in front is what MP3 is known by.
	return join(base, g.id3(), g.word("trailer"), g.id3v1()), nil
}

func plantAMR(g *garden, base []byte) ([]byte, error) {
	if !bytes.HasPrefix(base, []byte("#!AMR")) {
		return nil, errNotPlain
	}
	return join(base, g.word("trailer")), nil
}

func plantWAV(g *garden, base []byte) ([]byte, error) {
	bext := make([]byte, 602)
	copy(bext, g.word("bext-description"))
	copy(bext[256:], g.word("bext"))
	return plantRIFF(g, base, "WAVE", g.riffInfo(), riffChunk("bext", bext), riffChunk("iXML", []byte("<BWFXML><NOTE>"+g.word("ixml")+"</NOTE></BWFXML>")),
		riffChunk("id3 ", g.id3()), riffChunk("kuaX", []byte(g.word("private"))), riffChunk("JUNK", []byte(g.word("junk"))))
}

// comments is a Vorbis comment block with one word.
func (g *garden) comments() []byte {
	vendor, comment := g.word("vendor"), "ARTIST="+g.word("comment")
	return join(le32(len(vendor)), vendor, le32(1), le32(len(comment)), comment)
}

func plantFLAC(g *garden, base []byte) ([]byte, error) {
	const streamInfo = 4 + 4 + 34
	if len(base) < streamInfo || !bytes.HasPrefix(base, []byte("fLaC")) || base[4]&0x7f != 0 {
		return nil, errNotPlain
	}
	at := 4
	for last := false; !last; {
		if at+4 > len(base) {
			return nil, errNotPlain
		}
		last = base[at]&0x80 != 0
		at += 4 + int(base[at+1])<<16 + int(base[at+2])<<8 + int(base[at+3])
	}
	if at > len(base) {
		return nil, errNotPlain
	}
	block := func(kind byte, body []byte) []byte { return join([]byte{kind}, be32(len(body))[1:], body) }
	picture := g.smallJPEG("picture")
	head := bytes.Clone(base[:streamInfo])
	head[4] = 0
	return join(head, block(4, g.comments()),
		block(6, join(be32(3), be32(10), "image/jpeg", be32(0), be32(8), be32(8), be32(24), be32(0), be32(len(picture)), picture)),
		block(2, join("kuaX", g.word("application"))), block(0x81, []byte(g.word("padding"))), base[at:], g.word("trailer")), nil
}

// plantOgg writes the page with the comments anew (RFC 3533).
func plantOgg(g *garden, base []byte) ([]byte, error) {
	first, ok := oggPage(base)
	if !ok {
		return nil, errNotPlain
	}
	second, ok := oggPage(base[first:])
	if !ok {
		return nil, errNotPlain
	}
	page := base[first : first+second]
	n := int(page[26])
	table, body := page[27:27+n], page[27+n:]
	packet := 0
	used := 0
	for used < n {
		packet += int(table[used])
		used++
		if table[used-1] < 255 {
			break
		}
	}
	var fresh []byte
	switch {
	case bytes.HasPrefix(body, []byte("OpusTags")):
		fresh = join("OpusTags", g.comments())
	case bytes.HasPrefix(body, []byte("\x03vorbis")):
		fresh = join("\x03vorbis", g.comments(), "\x01")
	default:
		return nil, errNotPlain
	}
	var lacing []byte
	for left := len(fresh); ; left -= 255 {
		lacing = append(lacing, byte(min(left, 255)))
		if left < 255 {
			break
		}
	}
	lacing = append(lacing, table[used:]...)
	if len(lacing) > 255 {
		return nil, errNotPlain
	}
	made := join(page[:22], be32(0), []byte{byte(len(lacing))}, lacing, fresh, body[packet:])
	copy(made[22:], le32(int(oggSum(made))))
	return join(base[:first], made, base[first+second:], g.word("trailer")), nil
}

func oggPage(b []byte) (size int, ok bool) {
	if len(b) < 27 || string(b[:4]) != "OggS" || len(b) < 27+int(b[26]) {
		return 0, false
	}
	size = 27 + int(b[26])
	for _, n := range b[27 : 27+int(b[26])] {
		size += int(n)
	}
	return size, size <= len(b)
}

func oggSum(b []byte) (sum uint32) {
	for _, c := range b {
		sum ^= uint32(c) << 24
		for range 8 {
			if sum&(1<<31) != 0 {
				sum = sum<<1 ^ 0x04c11db7
			} else {
				sum <<= 1
			}
		}
	}
	return sum
}
