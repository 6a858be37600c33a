package trace

import (
	"bytes"
	"encoding/binary"
	"math"
	"os"
	"path/filepath"
	"testing"
)

// Small builders of films, byte by byte.

func bytesOf(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

func n32(v uint32) []byte { return binary.BigEndian.AppendUint32(nil, v) }
func n16(v uint16) []byte { return binary.BigEndian.AppendUint16(nil, v) }
func l32(v uint32) []byte { return binary.LittleEndian.AppendUint32(nil, v) }
func l16(v uint16) []byte { return binary.LittleEndian.AppendUint16(nil, v) }
func lf(v float64) []byte { return l32(math.Float32bits(float32(v))) }
func ld(v float64) []byte { return binary.LittleEndian.AppendUint64(nil, math.Float64bits(v)) }
func zeros(n int) []byte  { return make([]byte, n) }
func words32(v ...uint32) (b []byte) {
	for _, w := range v {
		b = append(b, l32(w)...)
	}
	return b
}

// at puts parts at places of a block of zeros.
func at(size int, parts map[int][]byte) []byte {
	b := zeros(size)
	for i, p := range parts {
		copy(b[i:], p)
	}
	return b
}

func bx(kind string, parts ...[]byte) []byte {
	body := bytesOf(parts...)
	return bytesOf(n32(uint32(len(body)+8)), []byte(kind), body)
}

// strip is one track of a built film.
type strip struct {
	handler, format string
	extra           []byte // behind the sample entry's first 16 bytes
	samples         [][]byte
	edit            []byte
}

// build makes a film: ftyp, mdat with the samples, a hole between any two, and moov.
func build(hole []byte, tracks []strip, moov ...[]byte) []byte {
	head := bx("ftyp", []byte("isom"), n32(512), []byte("isommp41"))
	media := []byte{}
	base := len(head) + 8
	var traks [][]byte
	for i, t := range tracks {
		var offsets, sizes []byte
		for _, s := range t.samples {
			offsets = append(offsets, n32(uint32(base+len(media)))...)
			sizes = append(sizes, n32(uint32(len(s)))...)
			media = append(append(media, s...), hole...)
		}
		n := uint32(len(t.samples))
		entry := bytesOf(n32(uint32(16+len(t.extra))), []byte(t.format), zeros(6), n16(1), t.extra)
		stbl := bx("stbl", bx("stsd", n32(0), n32(1), entry), bx("stts", n32(0), n32(1), n32(n), n32(1000)), bx("stsc", n32(0), n32(1), n32(1), n32(1), n32(1)),
			bx("stsz", n32(0), n32(0), n32(n), sizes), bx("stco", n32(0), n32(n), offsets))
		media0 := bx("mdia", bx("mdhd", n32(0), zeros(8), n32(1000), n32(n*1000), n32(0)), bx("hdlr", zeros(8), []byte(t.handler), zeros(12), []byte("Built\x00")), bx("minf", bx("nmhd", n32(0)), stbl))
		tkhd := bx("tkhd", n32(7), zeros(8), n32(uint32(i+1)), n32(0), n32(n*1000), zeros(60))
		traks = append(traks, bx("trak", tkhd, t.edit, media0))
	}
	mvhd := bx("mvhd", n32(0), n32(3797824089), n32(3797824089), n32(1000), n32(1000), zeros(80))
	return bytesOf(head, bx("mdat", media), bx("moov", mvhd, bytesOf(traks...), bytesOf(moov...)))
}

// keep writes a built film where exiftool can read it.
func keep(t testing.TB, b []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "built.mp4")
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// klv is one record of GoPro's.
func klv(key string, kind byte, size, count int, body []byte) []byte {
	b := bytesOf([]byte(key), []byte{kind, byte(size)}, n16(uint16(count)), body)
	return append(b, zeros((4-len(b)%4)%4)...)
}

func nest(key string, parts ...[]byte) []byte {
	body := bytesOf(parts...)
	return klv(key, 0, 1, len(body), body)
}

func n32s(v ...int32) (b []byte) {
	for _, n := range v {
		b = append(b, n32(uint32(n))...)
	}
	return b
}

const (
	bishkekLat, bishkekLon = 42.8746212, 74.5697615
	// the same in degrees and minutes, as receivers write them
	bishkekNS, bishkekEW = 4252.477272, 7434.185690
)

func goproSample() []byte {
	stream := nest("STRM", klv("STNM", 'c', 1, 14, []byte("GPS (Lat., Lon")), klv("GPSU", 'U', 16, 1, []byte("240506070809.000")), klv("SCAL", 'l', 4, 5, n32s(10000000, 10000000, 1000, 1000, 100)),
		klv("GPS5", 'l', 20, 2, n32s(428746212, 745697615, 771000, 12000, 1200, 428747000, 745698000, 772000, 13000, 1300)))
	return nest("DEVC", klv("DVID", 'L', 4, 1, n32(1)), klv("DVNM", 'c', 1, 12, []byte("PLANTHero 11")), klv("CASN", 'c', 1, 14, []byte("C3PLANTSERIAL1")), stream)
}

func gps9Sample() []byte {
	row := bytesOf(n32s(428746212, 745697615, 771000, 12000, 1200, 8892, 25689000), n16(150), n16(3))
	return nest("DEVC", klv("DVNM", 'c', 1, 4, []byte("Cam9")), nest("STRM", klv("TYPE", 'c', 1, 9, []byte("lllllllSS")), klv("SCAL", 'l', 4, 9, n32s(10000000, 10000000, 1000, 1000, 100, 1, 1000, 100, 1)), klv("GPS9", '?', 32, 1, row)))
}

func camm6() []byte {
	return bytesOf(l16(0), l16(6), ld(1399014489), words32(3), ld(bishkekLat), ld(bishkekLon), lf(771), zeros(8), lf(3), lf(4), lf(0), lf(1))
}

func mebxKeys() []byte {
	entry := func(id uint32, key string, kind uint32) []byte {
		body := bytesOf(bx("keyd", []byte("mdta"+key)), bx("dtyp", n32(0), n32(kind)))
		return bytesOf(n32(uint32(len(body)+8)), n32(id), body)
	}
	return bx("keys", entry(1, "com.apple.quicktime.location.ISO6709", 1), entry(2, "com.apple.quicktime.detected-face", 0))
}

// freeGPS blocks, by layout.
func freeGPSBlock(size int, parts map[int][]byte) []byte {
	b := at(size, parts)
	copy(b, bytesOf(n32(uint32(size)), []byte("freeGPS "), l32(uint32(size-12))))
	return b
}

var freeGPSBlocks = map[string][]byte{
	"novatek": freeGPSBlock(128, map[int][]byte{48: words32(7, 8, 9, 24, 5, 6), 72: []byte("ANE\x00"), 76: bytesOf(lf(bishkekNS), lf(bishkekEW), lf(20), lf(90))}),
	"viofo":   freeGPSBlock(128, map[int][]byte{16: words32(7, 8, 9, 24, 5, 6), 40: []byte("ANE\x00"), 44: bytesOf(lf(bishkekNS), lf(bishkekEW), lf(20), lf(90))}),
	"iqs":     freeGPSBlock(128, map[int][]byte{16: []byte("IQS_A7_20150417"), 48: words32(7, 8, 9, 24, 5, 6), 72: []byte("ANE\x00"), 76: bytesOf(l32(428746212), l32(745697615), l32(1000))}),
	"double":  freeGPSBlock(160, map[int][]byte{48: words32(7, 8, 9, 'A'), 64: ld(bishkekNS), 72: words32('N', 0), 80: ld(bishkekEW), 88: words32('E', 0), 96: bytesOf(ld(20), ld(90)), 112: words32(24, 5, 6)}),
	"vantrue": freeGPSBlock(160, map[int][]byte{16: words32(7, 8, 9, 'A'), 32: ld(bishkekNS), 40: words32('N', 0), 48: ld(bishkekEW), 56: words32('E', 0), 64: bytesOf(ld(20), ld(90)), 80: words32(24, 5, 6)}),
	"anti":    freeGPSBlock(128, map[int][]byte{32: []byte("Apr  6 2016, 16:"), 48: words32(7, 8, 9, 'A'), 64: lf(bishkekNS), 68: words32('N'), 72: lf(bishkekEW), 76: words32('E'), 88: words32(24, 5, 6)}),
	"s1":      freeGPSBlock(128, map[int][]byte{64: []byte("ANE\x00"), 68: words32(24, 5, 6, 7, 8, 9), 92: bytesOf(lf(bishkekEW), lf(bishkekNS), lf(20), lf(90), lf(771))}),
	"innovv":  freeGPSBlock(128, map[int][]byte{16: bytesOf([]byte("ANE\x00"), lf(bishkekNS), lf(bishkekEW), lf(20), lf(90), zeros(12))}),
	"nmea":    freeGPSBlock(256, map[int][]byte{52: []byte("20240506070809"), 96: []byte("$GPRMC,070809.000,A,4252.477272,N,07434.185690,E,10.0,90.0,060524,,,A*5C")}),
	"xor":     freeGPSBlock(300, map[int][]byte{16: {1, 3}, 18: unscramble(bytesOf([]byte("\x00\x00XKZD\xfe\xfe20240506070809\x0cPLANTLABEL\x00\x00\x00\x00\x03N42524772E07434185600000042"), zeros(100)))}),
	"moved16": freeGPSBlock(200, map[int][]byte{60: moved16("$GPRMC,070809.000,A,4252.477272,N,07434.185690,E,10.0,90.0,060524,,,A")}),
	"nb512":   freeGPSBlock(200, map[int][]byte{16: []byte("x.xx"), 0x32: bytesOf(n16(1028), n16(9000), n16(2024), []byte{5, 6, 7, 8}, n16(90), []byte{2}, n32(428746212), n32(745697615))}),
	"atc":     atcBlock(),
}

func moved16(s string) []byte {
	b := []byte(s)
	for i := range b {
		b[i] += 16
	}
	return b
}

func atcBlock() []byte {
	r := at(52, map[int][]byte{0: {1}, 0x0d: {6, 8, 9}, 0x10: l32(428746212), 0x15: []byte("ATC"), 0x18: l32(745697615), 0x1d: []byte("001"), 0x20: l32(1000), 0x28: l32(771000), 0x2c: bytesOf(l16(2024), []byte{5, 6})})
	const one, two = 0x5a, 0x3c
	for i := range r {
		switch {
		case i <= 0x14, i >= 0x18 && i <= 0x1b:
			r[i] ^= one
		case i == 0x1c, i >= 0x20 && i <= 0x32:
			r[i] ^= two
		}
	}
	return freeGPSBlock(0x30+52+8, map[int][]byte{16: []byte("20130318.01"), 0x30: r})
}
