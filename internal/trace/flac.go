package trace

import (
	"bytes"
	"fmt"
)

// readFLAC reads the blocks before the sound (RFC 9639) and what stands behind
// it: FLAC's frames have no length, so only known kinds of tags and the words
// of the last bytes are found there.
func readFLAC(src *source, s *Sheet) error {
	at := int64(4)
	for count := 0; ; count++ {
		if at+4 > src.size || count > 10_000 {
			s.gap("FLAC", "broken", 0)
			return nil
		}
		h, err := src.bytes(at, 4)
		if err != nil {
			return err
		}
		n := int64(number1(h[1:]))
		at += 4
		if n > src.size-at {
			s.gap("FLAC", "broken", n-(src.size-at))
			n = src.size - at
		}
		if err := flacBlock(src, s, h[0]&0x7f, at, n); err != nil {
			return err
		}
		if at += n; h[0]&0x80 != 0 {
			break
		}
	}
	end, err := tagsBehind(src, s, at)
	if err != nil {
		return err
	}
	return flacEnd(src, s, at, end)
}

func flacBlock(src *source, s *Sheet, kind byte, at, n int64) error {
	if kind == 1 { // padding: what was there before stays there
		return src.remains(s, Leftover, stretch("PADDING", at, n), at, n)
	}
	b, err := src.bytes(at, min(n, maxPart))
	if err != nil {
		return err
	}
	if n > maxPart {
		s.gap(fmt.Sprintf("block %d", kind), "too_large", n-maxPart)
	}
	switch kind {
	case 0:
		if len(b) >= 34 && !bytes.Equal(b[18:34], make([]byte, 16)) {
			s.fact(Fact{Kind: Serial, Where: "STREAMINFO", Name: "MD5 of the sound", Value: fmt.Sprintf("%x", b[18:34]), Raw: b[18:34]})
		}
	case 2:
		if len(b) < 4 {
			return nil
		}
		where := "APPLICATION"
		if isPlain(b[:4]) {
			where += ":" + string(b[:4])
		}
		if !src.wordsOf(s, Text, where, b[4:]) && len(b) > 4 {
			s.fact(Fact{Kind: Text, Where: where, Name: "data", Raw: b[4:]})
		}
		s.gap(where, "unknown", n)
	case 3:
	case 4:
		vorbis(src, s, "VORBIS_COMMENT", b, at)
	case 5:
		src.wordsOf(s, Text, "CUESHEET", b[:min(len(b), 128)])
		for r := b[min(len(b), 396):]; len(r) >= 36; { // tracks, each with an ISRC
			src.wordsOf(s, Serial, "CUESHEET/ISRC", r[9:21])
			r = r[min(len(r), 36+12*int(r[35])):]
		}
	case 6:
		flacPicture(src, s, "PICTURE", b, at)
	default:
		s.gap(fmt.Sprintf("block %d", kind), "unknown", n)
		src.wordsOf(s, Text, fmt.Sprintf("block %d", kind), b)
	}
	return nil
}

// flacPicture reads a picture's block: what it is, its type, words, its size.
func flacPicture(src *source, s *Sheet, where string, b []byte, at int64) {
	next := func() []byte {
		if len(b) < 4 || uint64(be.Uint32(b)) > uint64(len(b)-4) {
			b = nil
			return nil
		}
		n := int(be.Uint32(b))
		v := b[4 : 4+n]
		b = b[4+n:]
		at += int64(4 + n)
		return v
	}
	if len(b) < 32 {
		s.gap(where, "broken", int64(len(b)))
		return
	}
	b, at = b[4:], at+4
	mime := string(next())
	s.say(where, "description", next())
	if len(b) < 20 {
		s.gap(where, "broken", int64(len(b)))
		return
	}
	width, height := int(be.Uint32(b)), int(be.Uint32(b[4:]))
	b, at = b[16:], at+16
	picture := next()
	if mime == "-->" {
		s.say(where, "link", picture)
		return
	}
	had := len(s.Previews)
	src.picture(s, where, mime, at-int64(len(picture)), int64(len(picture)))
	if len(s.Previews) > had {
		s.Previews[had].Width, s.Previews[had].Height = width&0xffffff, height&0xffffff
	}
	src.wordsOf(s, Leftover, where, b)
}

// flacEnd looks behind the last frame: from the last place in the final 64 KiB
// where a frame's head stands, 16 KiB of words.
func flacEnd(src *source, s *Sheet, at, end int64) error {
	from := max(at, end-64<<10)
	b, err := src.bytes(from, end-from)
	if err != nil {
		return err
	}
	last := bytes.LastIndex(b, []byte("\xff\xf8"))
	if fixed := bytes.LastIndex(b, []byte("\xff\xf9")); fixed > last {
		last = fixed
	}
	if last < 0 {
		last = 0
	}
	for _, w := range findWords(b[last:], 10) {
		s.fact(Fact{Kind: Leftover, Where: stretch("trailer", from+int64(last+w.at), int64(len(w.text))), Name: "text", Value: w.text, Raw: bytes.Clone(w.raw)})
	}
	return nil
}
