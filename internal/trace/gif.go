package trace

import (
	"bytes"
	"strings"
)

// readGIF reads a GIF file (GIF89a) and what follows it.
func readGIF(src *source, s *Sheet) error {
	head, err := src.bytes(0, 13)
	if err != nil {
		s.gap("header", "broken", src.size)
		return ignoreShort(err)
	}
	w, h := pictureSize(src)
	g := &gifFile{src: src, sheet: s, at: 13 + table(head[10])}
	for n := 0; n < maxChunks; n++ {
		b, err := src.bytes(g.at, min(2, src.size-g.at))
		switch {
		case err != nil || len(b) == 0:
			s.gap("trailer", "broken", 0)
			return ignoreShort(err)
		case b[0] == 0x3b:
			if g.at+1 < src.size {
				return readTrailer(src.part(g.at+1, src.size), s, "after the end", w, h)
			}
			return nil
		case b[0] == 0x21 && len(b) == 2:
			err = g.extension(b[1])
		case b[0] == 0x2c:
			err = g.image()
		default:
			s.gap("blocks", "broken", src.size-g.at)
			return leftover(src.part(g.at, src.size), s, "blocks")
		}
		if err != nil {
			return err
		}
	}
	s.gap("blocks", "too_many", src.size-g.at)
	return nil
}

// table is the size of a colour table by its flags.
func table(flags byte) int64 {
	if flags&0x80 == 0 {
		return 0
	}
	return 3 << (flags&7 + 1)
}

// gifRamp stands behind a packet of XMP: wherever a reader that counts
// sub-blocks falls into it, it comes to the end (the XMP specification, part 3).
var gifRamp = func() string {
	ramp := []byte{1}
	for i := 255; i >= 0; i-- {
		ramp = append(ramp, byte(i))
	}
	return string(ramp)
}()

type gifFile struct {
	src   *source
	sheet *Sheet
	at    int64
}

func (g *gifFile) image() error {
	b, err := g.src.bytes(g.at, 10)
	if err != nil {
		g.at = g.src.size
		return ignoreShort(err)
	}
	g.at += 10 + table(b[9]) + 1
	_, _, err = g.blocks(false)
	return err
}

// blocks reads sub-blocks to the empty one: what they hold, and the same with
// the lengths left in, as XMP wants it.
func (g *gifFile) blocks(keep bool) (joined, raw []byte, err error) {
	for {
		n, err := g.src.bytes(g.at, min(1, max(g.src.size-g.at, 0)))
		if err != nil || len(n) == 0 {
			g.at = g.src.size
			return joined, raw, ignoreShort(err)
		}
		g.at++
		if n[0] == 0 {
			return joined, append(raw, 0), nil
		}
		if keep && len(raw) < maxPart {
			b, err := g.src.bytes(g.at, min(int64(n[0]), g.src.size-g.at))
			if err != nil {
				return joined, raw, err
			}
			joined, raw = append(joined, b...), append(append(raw, n[0]), b...)
		}
		g.at += int64(n[0])
	}
}

func (g *gifFile) extension(label byte) error {
	g.at += 2
	body, raw, err := g.blocks(true)
	if err != nil {
		return err
	}
	if len(raw) >= maxPart {
		g.sheet.gap("extension", "too_large", int64(len(raw)))
	}
	switch label {
	case 0xf9: // how long a picture is shown
	case 0xfe:
		g.sheet.text(Text, "comment", "Comment", body)
	case 0x01:
		if len(body) > 12 {
			g.sheet.text(Text, "plain text", "PlainText", body[12:])
		}
	case 0xff:
		return g.application(body, raw)
	default:
		g.sheet.unknown(Text, "extension", "Extension", body)
	}
	return nil
}

func (g *gifFile) application(body, raw []byte) error {
	if len(body) < 11 {
		return nil
	}
	id := strings.TrimSpace(clip(string(body[:11])))
	switch id {
	case "NETSCAPE2.0", "ANIMEXTS1.0":
	case "XMP DataXMP": // behind it a ramp of 258 bytes that lets any reader find the end
		packet, behind := raw[12:], []byte(nil)
		if i := bytes.LastIndex(packet, []byte(gifRamp)); i >= 0 {
			packet, behind = packet[:i], packet[i+len(gifRamp):]
		} else { // without the ramp it was packed like any other extension
			packet = body[11:]
		}
		if i := bytes.LastIndexByte(packet, '>'); i >= 0 && packet[0] == '<' {
			packet, behind = packet[:i+1], append(packet[i+1:len(packet):len(packet)], behind...)
		}
		if len(bytes.Trim(behind, "\x00 \r\n")) > 0 {
			g.sheet.unknown(Leftover, "XMP/behind", "bytes", behind)
		}
		return readXMP(g.src, g.sheet, "XMP", packet)
	case "ICCRGBG1012":
		readICC(g.sheet, "ICC", body[11:])
	default:
		g.sheet.text(Software, "application/"+id, "Application", []byte(id))
		g.sheet.unknown(Text, "application/"+id, id, body[11:])
	}
	return nil
}
