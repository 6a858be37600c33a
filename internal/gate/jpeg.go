package gate

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/jpeg"
	"sync"
)

// JPEG (ITU-T T.81): one baseline picture and nothing beside it. The tables of
// Go's encoder, one scan, the end. No application segment, not even JFIF's, which
// Go's encoder does not write, no comment, no restarts; the scan is walked code by code, so that not a byte
// lies behind its last block.

const (
	markSOI  = 0xd8
	markEOI  = 0xd9
	markSOS  = 0xda
	markDQT  = 0xdb
	markDHT  = 0xc4
	markSOF0 = 0xc0
)

// jpegFile is what the segments said.
type jpegFile struct {
	*file
	w, h       int
	components []component
	quantised  [4]bool
	codes      [2][4]*huffman // [0] for the first coefficient, [1] for the rest
}

type component struct {
	id, h, v, table byte
	dc, ac          *huffman
}

func readJPEG(f *file) error {
	j := &jpegFile{file: f}
	head, err := f.bytes("SOI", 0, 2)
	if err != nil {
		return err
	}
	if head[0] != 0xff || head[1] != markSOI {
		return refuse("SOI", 0, "broken", "no JPEG")
	}
	f.part("SOI", 2)
	for at := int64(2); ; {
		next, done, err := j.segment(at)
		if err != nil {
			return err
		}
		if at = next; !done {
			continue
		}
		if at != f.size {
			return refuse("", at, "beyond", "%d bytes after the end of the picture", f.size-at)
		}
		return nil
	}
}

// markerNames of what may stand in a published JPEG.
var markerNames = map[byte]string{markDQT: "DQT", markSOF0: "SOF0", markDHT: "DHT", markSOS: "SOS"}

// segment reads one segment; done after the scan and the end that follows it.
func (j *jpegFile) segment(at int64) (next int64, done bool, err error) {
	head, err := j.bytes("segment", at, 4)
	if err != nil {
		return 0, false, err
	}
	name, known := markerNames[head[1]]
	if head[0] != 0xff || !known {
		return 0, false, refuse("segment", at, "unlisted", "marker %x", head[:2])
	}
	n := int64(binary.BigEndian.Uint16(head[2:]))
	if n < 2 {
		return 0, false, refuse(name, at, "broken", "a segment of %d bytes", n)
	}
	body, err := j.bytes(name, at+4, n-2)
	if err != nil {
		return 0, false, err
	}
	j.part(name, n+2)
	next = at + 2 + n
	switch head[1] {
	case markDQT:
		err = j.quantisers(at, body)
	case markSOF0:
		err = j.frame(at, body)
	case markDHT:
		err = j.huffmans(at, body)
	case markSOS:
		if err = j.scanHead(at, body); err == nil {
			next, err = j.scan(next)
		}
		return next, true, err
	}
	return next, false, err
}

// encodersTables are the bodies of the segments DQT and DHT that Go's encoder
// writes, of every quality and of colour and grey: a table of anything else, or
// one that the picture does not use, could hold whatever somebody likes.
var encodersTables = sync.OnceValue(func() map[byte]map[string]bool {
	all := map[byte]map[string]bool{markDQT: {}, markDHT: {}}
	keep := func(m image.Image, quality int) {
		var b bytes.Buffer
		_ = jpeg.Encode(&b, m, &jpeg.Options{Quality: quality}) // a buffer takes everything
		file := b.Bytes()
		for at := 2; file[at+1] != markSOS; at += 2 + int(binary.BigEndian.Uint16(file[at+2:])) {
			if tables := all[file[at+1]]; tables != nil {
				tables[string(file[at+4:at+2+int(binary.BigEndian.Uint16(file[at+2:]))])] = true
			}
		}
	}
	keep(image.NewGray(image.Rect(0, 0, 1, 1)), jpeg.DefaultQuality)
	for quality := 1; quality <= 100; quality++ {
		keep(image.NewRGBA(image.Rect(0, 0, 1, 1)), quality)
	}
	return all
})

func (j *jpegFile) quantisers(at int64, b []byte) error {
	if !encodersTables()[markDQT][string(b)] {
		return refuse("DQT", at, "value", "steps that the encoder does not write")
	}
	for len(b) > 0 {
		if len(b) < 65 || b[0] > 3 || j.quantised[b[0]] {
			return refuse("DQT", at, "value", "a table out of place")
		}
		j.quantised[b[0]], b = true, b[65:]
	}
	return nil
}

func (j *jpegFile) frame(at int64, b []byte) error {
	if j.components != nil || len(b) < 6 || b[0] != 8 || b[5] != 1 && b[5] != 3 || len(b) != 6+3*int(b[5]) {
		return refuse("SOF0", at, "value", "not one grey or colour picture of 8 bits")
	}
	j.h, j.w = int(binary.BigEndian.Uint16(b[1:])), int(binary.BigEndian.Uint16(b[3:]))
	if j.w == 0 || j.h == 0 {
		return refuse("SOF0", at, "value", "no size")
	}
	for i := range b[5] {
		c := component{id: b[6+3*i], h: b[7+3*i] >> 4, v: b[7+3*i] & 15, table: b[8+3*i]}
		want := component{id: i + 1, h: 1, v: 1, table: min(i, 1)}
		if i == 0 && b[5] == 3 {
			want.h, want.v = 2, 2 // 4:2:0
		}
		if c != want || !j.quantised[c.table] {
			return refuse("SOF0", at, "value", "component %d", i+1)
		}
		j.components = append(j.components, c)
	}
	return nil
}

func (j *jpegFile) huffmans(at int64, b []byte) error {
	if !encodersTables()[markDHT][string(b)] {
		return refuse("DHT", at, "value", "codes that the encoder does not write")
	}
	for len(b) > 0 {
		if len(b) < 17 || b[0]>>4 > 1 || b[0]&15 > 3 {
			return refuse("DHT", at, "value", "a table out of place")
		}
		total := 0
		for _, n := range b[1:17] {
			total += int(n)
		}
		place := &j.codes[b[0]>>4][b[0]&15]
		if total == 0 || len(b) < 17+total || *place != nil {
			return refuse("DHT", at, "value", "a table of %d codes", total)
		}
		h, ok := newHuffman(b[1:17], b[17:17+total])
		if !ok {
			return refuse("DHT", at, "broken", "codes that do not fit")
		}
		*place, b = h, b[17+total:]
	}
	return nil
}

func (j *jpegFile) scanHead(at int64, b []byte) error {
	if j.components == nil || len(b) != 4+2*len(j.components) || int(b[0]) != len(j.components) {
		return refuse("SOS", at, "value", "not all of the picture in one scan")
	}
	for i := range j.components {
		c := &j.components[i]
		dc, ac := b[2+2*i]>>4, b[2+2*i]&15
		if b[1+2*i] != c.id || dc != c.table || ac != c.table || j.codes[0][dc] == nil || j.codes[1][ac] == nil {
			return refuse("SOS", at, "value", "component %d", i+1)
		}
		c.dc, c.ac = j.codes[0][dc], j.codes[1][ac]
	}
	if !bytes.Equal(b[len(b)-3:], []byte{0, 63, 0}) {
		return refuse("SOS", at, "value", "not a baseline scan")
	}
	return nil
}
