package trace

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"
)

// oggStream is one logical stream while its heads are put together.
type oggStream struct {
	packet  []byte
	at      int64 // where its payload began
	packets int
	kind    string
}

// readOgg reads Ogg's pages (RFC 3533): the heads of Vorbis, Opus, Theora,
// FLAC and Speex, subtitles of Kate, and what stands behind the last page.
// Pages of coded sound are stepped over.
func readOgg(src *source, s *Sheet) error {
	streams := map[uint32]*oggStream{}
	for at := int64(0); at < src.size; {
		h, err := src.bytes(at, min(27+255, src.size-at))
		if err != nil {
			return err
		}
		if len(h) < 27 || string(h[:4]) != "OggS" || len(h) < 27+int(h[26]) {
			next, err := findPage(src, s, at)
			if err != nil {
				return err
			}
			if err := src.remains(s, Leftover, stretch("between pages", at, next-at), at, next-at); err != nil {
				return err
			}
			at = next
			continue
		}
		sizes := h[27 : 27+int(h[26])]
		body := at + 27 + int64(len(sizes))
		n := int64(0)
		for _, c := range sizes {
			n += int64(c)
		}
		if n > src.size-body {
			s.gap("page", "broken", n-(src.size-body))
			n = src.size - body
		}
		serial := binary.LittleEndian.Uint32(h[14:])
		st := streams[serial]
		if st == nil {
			if len(streams) >= maxTracks {
				s.gap("streams", "too_many", 0)
				return nil
			}
			st = &oggStream{}
			streams[serial] = st
			s.fact(Fact{Kind: Serial, Where: "page", Name: "bitstream_serial_number", Value: fmt.Sprint(serial), Raw: bytes.Clone(h[14:18])})
		}
		if st.packets < 3 || st.kind == "kate" {
			b, err := src.bytes(body, n)
			if err != nil {
				return err
			}
			st.page(src, s, sizes, b, body)
		}
		at = body + n
	}
	return nil
}

// findPage looks for the next page, or the end of the file.
func findPage(src *source, s *Sheet, at int64) (int64, error) {
	for from := at + 1; from < src.size; from += 1 << 20 {
		b, err := src.bytes(from, min(1<<20+4, src.size-from))
		if err != nil {
			return 0, err
		}
		if i := bytes.Index(b, []byte("OggS\x00")); i >= 0 {
			return from + int64(i), nil
		}
	}
	return src.size, nil
}

// page puts packets together.
func (st *oggStream) page(src *source, s *Sheet, sizes, b []byte, at int64) {
	for _, c := range sizes {
		n := min(int(c), len(b))
		if len(st.packet) == 0 {
			st.at = at
		}
		if len(st.packet)+n <= maxPart {
			st.packet = append(st.packet, b[:n]...)
		} else if c < 255 {
			s.gap("packet", "too_large", int64(len(st.packet)))
		}
		b = b[n:]
		at += int64(n)
		if c == 255 {
			continue
		}
		st.read(src, s)
		st.packet = st.packet[:0]
		if st.packets++; st.packets >= 3 && st.kind != "kate" {
			return
		}
	}
}

func (st *oggStream) read(src *source, s *Sheet) {
	b := st.packet
	for _, k := range []struct{ mark, kind, comments string }{
		{"\x01vorbis", "vorbis", "\x03vorbis"}, {"OpusHead", "opus", "OpusTags"}, {"\x80theora", "theora", "\x81theora"}, {"\x80kate\x00\x00\x00", "kate", "\x81kate\x00\x00\x00"}, {"\x7fFLAC", "flac", ""},
		{"Speex   ", "speex", ""}, {"BBCD", "dirac", ""},
	} {
		if bytes.HasPrefix(b, []byte(k.mark)) {
			if st.kind = k.kind; k.kind == "kate" || k.kind == "speex" {
				src.wordsOf(s, Encoding, k.kind, b[8:])
			}
			return
		}
		if k.comments != "" && bytes.HasPrefix(b, []byte(k.comments)) {
			vorbis(src, s, k.kind, b[len(k.comments):], st.at+int64(len(k.comments)))
			return
		}
	}
	switch st.kind {
	case "flac":
		if len(b) > 4 && b[0]&0x7f == 4 {
			vorbis(src, s, "flac", b[4:], st.at+4)
		} else if len(b) > 4 && st.packets < 3 {
			src.wordsOf(s, Text, "flac", b[4:])
		}
	case "speex":
		if st.packets == 1 {
			vorbis(src, s, "speex", b, st.at)
		}
	case "vorbis":
		if len(b) > 7 && b[0] == 5 {
			if f := chosen("vorbis/setup", b); f.Value != "" && src.once(f) {
				s.fact(f)
			}
		}
	case "kate":
		src.written(s, "kate", "subtitle", b, -1)
		src.wordsOf(s, Text, "kate", b)
	case "opus":
	case "":
		if st.packets == 0 {
			st.kind = "unknown"
			s.gap("stream", "unknown", int64(len(b)))
		}
		src.wordsOf(s, Text, "stream", b)
	default:
		src.wordsOf(s, Text, st.kind, b)
	}
}

// vorbis reads Vorbis comments (xiph.org): the vendor, then NAME=value. What
// stands behind the last is read too: Opus allows bytes there.
func vorbis(src *source, s *Sheet, where string, b []byte, at int64) {
	le := binary.LittleEndian
	next := func() ([]byte, bool) {
		if len(b) < 4 || uint64(le.Uint32(b)) > uint64(len(b)-4) {
			return nil, false
		}
		n := int(le.Uint32(b))
		v := b[4 : 4+n]
		b = b[4+n:]
		at += int64(4 + n)
		return v, true
	}
	vendor, ok := next()
	if !ok || len(b) < 4 {
		s.gap(where+"/comments", "broken", int64(len(b)))
		return
	}
	f := Fact{Kind: Software, Where: where + "/vendor", Name: "vendor"}
	f.Value, f.Raw = decoded(vendor)
	s.fact(f)
	count := le.Uint32(b)
	b, at = b[4:], at+4
	for i := range count {
		v, ok := next()
		if !ok || i > maxFacts {
			s.gap(where+"/comments", "broken", int64(len(b)))
			src.wordsOf(s, Text, where+"/comments", b)
			return
		}
		name, value, found := bytes.Cut(v, []byte("="))
		if !found {
			s.say(where+"/comments", "comment", v)
			continue
		}
		key := clip(string(name))
		road := where + "/" + key
		switch strings.ToUpper(key) {
		case "METADATA_BLOCK_PICTURE", "COVERART":
			open := unBase64(value)
			if open == nil {
				s.gap(road, "broken", int64(len(value)))
				continue
			}
			inner := &source{in: bytes.NewReader(open), size: int64(len(open)), base: -1, depth: src.depth, work: src.work}
			had := len(s.Previews)
			if strings.ToUpper(key) == "COVERART" {
				inner.picture(s, road, "", 0, inner.size)
			} else {
				flacPicture(inner, s, road, open, 0)
			}
			for i := had; i < len(s.Previews); i++ { // written in base64: not to be cut out as it is
				p := &s.Previews[i]
				p.Type, p.Start, p.Size = p.Type+";base64", at-int64(len(value)), int64(len(value))
			}
		default:
			s.say(road, key, value)
			if p, ok := point(string(value)); ok && kindOf(key) == Place {
				p.Source = key
				s.position(road, p, string(value), nil)
			}
		}
	}
	if len(bytes.Trim(b, "\x00\x01")) > 0 {
		if !src.wordsOf(s, Leftover, where+"/behind the comments", b) {
			s.fact(Fact{Kind: Leftover, Where: where + "/behind the comments", Name: fmt.Sprintf("%d bytes", len(b)), Raw: bytes.Clone(b[:min(len(b), 64)])})
		}
	}
}
