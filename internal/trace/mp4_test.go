package trace

import (
	"bytes"
	"encoding/base64"
	"io"
	"runtime"
	"strings"
	"testing"
)

func TestPositionTracks(t *testing.T) {
	line := func(s string) []byte { return bytesOf(n16(uint16(len(s))), []byte(s)) }
	for name, c := range map[string]struct {
		strip   strip
		source  string
		planted []string
		at      int64
	}{
		"gpmd":      {strip{handler: "meta", format: "gpmd", samples: [][]byte{goproSample(), goproSample()}}, "gpmd", []string{"PLANTHero 11", "C3PLANTSERIAL1", "240506070809.000"}, 0},
		"gps9":      {strip{handler: "meta", format: "gpmd", samples: [][]byte{gps9Sample()}}, "gpmd", nil, 0},
		"camm6":     {strip{handler: "meta", format: "camm", samples: [][]byte{zerosample(), camm6()}}, "camm", nil, 1000},
		"camm5":     {strip{handler: "camm", format: "camm", samples: [][]byte{bytesOf(l16(0), l16(5), ld(bishkekLat), ld(bishkekLon), ld(771))}}, "camm", nil, 0},
		"mebx":      {strip{handler: "meta", format: "mebx", extra: mebxKeys(), samples: [][]byte{bytesOf(n32(36), n32(1), []byte("+42.87462+074.56976+771.0/  "))}}, "mebx", []string{"detected-face", "+42.87462+074.56976"}, 0},
		"rvmi":      {strip{handler: "data", format: "RVMI", samples: [][]byte{bytesOf([]byte("gReV"), l32(42874621), l32(74569761), zeros(4), l16(100), l16(45))}}, "RVMI", nil, 0},
		"pndm":      {strip{handler: "text", format: "text", samples: [][]byte{pndm()}}, "PNDM", nil, 0},
		"nmea":      {strip{handler: "text", format: "text", samples: [][]byte{line("$GPRMC,070809.000,A,4252.477272,N,07434.185690,E,10.0,90.0,060524,,,A*5C")}}, "subtitle", []string{"$GPRMC"}, 0},
		"thinkware": {strip{handler: "text", format: "text", samples: [][]byte{line("gsensori,4,512,-67,-12,100;GNRMC,070809.00,A,4252.477272,N,07434.185690,E,6.2,35.3,060524,,,A*52..;CAR,0,0")}}, "subtitle", nil, 0},
		"dji":       {strip{handler: "sbtl", format: "tx3g", samples: [][]byte{line("[iso : 100] [latitude: 42.8746212] [longtitude: 74.5697615] [altitude: 771.0]")}}, "subtitle", []string{"[iso : 100]"}, 0},
		"djiold":    {strip{handler: "text", format: "text", samples: [][]byte{line("F/3.5, SS 1000, ISO 100, EV 0, GPS (74.5697615, 42.8746212, 18), D 24.26m, H 6.00m, H.S 2.10m/s, V.S 0.00m/s")}}, "subtitle", nil, 0},
		"yuneec":    {strip{handler: "sbtl", format: "tx3g", samples: [][]byte{line("Lat:42.8746212 Lon:74.5697615 Alt:771.0 m")}}, "subtitle", nil, 0},
		"xor":       {strip{handler: "text", format: "text", samples: [][]byte{append(bytesOf(zeros(2), unscramble([]byte("XKZD\xfe\xfe20240506070809\x0c\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x03N42524772E074341856+0077042"))), bytes.Repeat([]byte{0xaa}, 260)...)}}, "subtitle", nil, 0},
		"mini0806":  {strip{handler: "text", format: "text", samples: [][]byte{line("A,060524,070809.000,4252.4772,N,07434.1856,E,000.0,771.0M,+01.84,-09.80,-00.61;\n")}}, "subtitle", nil, 0},
		"rtmd":      {strip{handler: "meta", format: "rtmd", samples: [][]byte{rtmdSample()}}, "rtmd", nil, 0},
		"mett":      {strip{handler: "meta", format: "mett", extra: []byte("\x00application/octet-stream\x00"), samples: [][]byte{parrot()}}, "mett", nil, 0},
		"wvtt":      {strip{handler: "text", format: "wvtt", samples: [][]byte{bx("vttc", bx("payl", []byte("PLANTcue GPS (74.5697615, 42.8746212, 18)")))}}, "subtitle", []string{"PLANTcue"}, 0},
		"fmas":      {strip{handler: "meta", format: "gpmd", samples: [][]byte{fmasSample()}}, "gpmd", nil, 0},
	} {
		t.Run(name, func(t *testing.T) {
			film := build(nil, []strip{c.strip})
			s := readBytes(t, film)
			found := false
			for _, f := range s.Track {
				if f.Source == c.source && f.At == c.at && near(Sheet{Track: []Fix{f}}, "", bishkekLat, bishkekLon) {
					found = true
				}
			}
			if !found {
				t.Errorf("the position is not in the track: %+v", s.Track)
			}
			mustTell(t, s, c.planted...)
			compare(t, keep(t, film), s)
		})
	}
}

func zerosample() []byte { return bytesOf(l16(0), l16(2), zeros(12)) }

func pndm() []byte {
	scale := func(v float64) []byte { return n32(uint32(int32(v / 180 * (1 << 31)))) }
	return bytesOf(n32(24), []byte("PNDM"), zeros(8), scale(bishkekLat), scale(bishkekLon))
}

func rtmdSample() []byte {
	tag := func(id uint16, b []byte) []byte { return bytesOf(n16(id), n16(uint16(len(b))), b) }
	angle := func(d, m, s uint32) []byte { return bytesOf(n32(d), n32(1), n32(m), n32(1), n32(s), n32(1000)) }
	body := bytesOf(tag(0x8500, []byte{2, 3, 0, 0}), tag(0x8501, []byte("N\x00")), tag(0x8502, angle(42, 52, 28636)), tag(0x8503, []byte("E\x00")), tag(0x8504, angle(74, 34, 11141)),
		tag(0x8507, bytesOf(n32(7), n32(1), n32(8), n32(1), n32(9), n32(1))), tag(0x851d, []byte("2024:05:06\x00")))
	return bytesOf(n16(0x1c), zeros(0x1a), n16(0x8300), n16(uint16(len(body))), body, zeros(2))
}

func parrot() []byte {
	fixed := func(v float64) []byte { return n32(uint32(int32(v * (1 << 22)))) }
	return at(56, map[int][]byte{0: bytesOf([]byte("P2"), n16(13)), 8: bytesOf(fixed(bishkekLat), fixed(bishkekLon))})
}

func fmasSample() []byte {
	return at(160, map[int][]byte{0: []byte("FMAS"), 72: []byte("OFNIMMASSAMM"), 96: bytesOf(l16(2024), []byte{5, 6, 7, 8, 9}), 120: bytesOf([]byte("AEN"), []byte{74, 34, 0}, l16(1114), []byte{42, 52}, l16(2864), l16(50), l16(90))})
}

// The same block in a hole of the media data, in a free box, in a skip box
// before everything, and behind a table.
func TestFreeGPS(t *testing.T) {
	for name, block := range freeGPSBlocks {
		t.Run(name, func(t *testing.T) {
			frame := [][]byte{bytes.Repeat([]byte{1}, 200)}
			hole := build(block, []strip{{handler: "vide", format: "jpeg", samples: frame}})
			free := build(nil, []strip{{handler: "vide", format: "jpeg", samples: frame}}, bx("free", block))
			box := build(nil, []strip{{handler: "vide", format: "jpeg", samples: frame}}, bx("skip", zeros(40), block))
			for where, film := range map[string][]byte{"hole": hole, "free": free, "skip": box, "table": tabled(block)} {
				s := readBytes(t, film)
				if !near(s, "freeGPS", bishkekLat, bishkekLon) {
					t.Errorf("%s: the position is not in the track: %+v %+v", where, s.Track, s.Gaps)
					continue
				}
				if len(s.Track) != 1 {
					t.Errorf("%s: got %d positions, want 1: %+v", where, len(s.Track), s.Track)
				}
				if name != "innovv" && !strings.HasPrefix(s.Track[0].Time, "2024-05-06T07:08:09") {
					t.Errorf("%s: got time %s", where, s.Track[0].Time)
				}
			}
			if name != "iqs" && name != "anti" { // of these exiftool reads the free-standing kind only
				compare(t, keep(t, tabled(block)), readBytes(t, tabled(block)))
			}
		})
	}
}

// tabled puts a block into the media data and a table of it into moov.
func tabled(block []byte) []byte {
	head := bx("ftyp", []byte("isom"), n32(512))
	at := uint32(len(head) + 8)
	return bytesOf(head, bx("mdat", block), bx("moov", bx("gps ", n32(0x101), n32(1), n32(at), n32(uint32(len(block))))))
}

// What the makers encrypt is a gap and no position.
func TestEncryptedIsSaid(t *testing.T) {
	akaso := freeGPSBlock(128, map[int][]byte{48: words32(7, 8, 9, 2024, 5, 6), 72: []byte("ANE\x00\x00\x00\x00\x00"), 80: {0xf1, 0x4e, 0x3e, 0x3d, 0x90, 0xdf, 0xca, 0x40}})
	kingslim := at(200, map[int][]byte{0: words32(7, 8, 9, 2024, 5, 6), 24: []byte("ANW1\x91R\x83E"), 0x50: []byte("LIGOGPSINFO")})
	for name, film := range map[string][]byte{"akaso": tabled(akaso), "kingslim": build(nil, []strip{{handler: "meta", format: "gpmd", samples: [][]byte{kingslim}}})} {
		s := readBytes(t, film)
		if len(s.Track) != 0 {
			t.Errorf("%s: a position was made up: %+v", name, s.Track)
		}
		if !gapSaid(s, "trace.gap.encrypted") {
			t.Errorf("%s: no gap says that it is encrypted: %+v", name, s.Gaps)
		}
	}
}

func gapSaid(s Sheet, why string) bool {
	for _, g := range s.Gaps {
		if g.Why == why {
			return true
		}
	}
	return false
}

// Records in boxes, and tracks of which only the words can be read.
func TestBoxesOfDrives(t *testing.T) {
	gps0 := at(32, map[int][]byte{0: bytesOf(ld(bishkekNS), ld(bishkekEW), l32(771), l16(36), []byte{24, 5, 6, 7, 8, 9, 45})})
	day := "[1714979289000]$GPRMC,070809.000,A,4252.477272,N,07434.185690,E,10.0,90.0,060524,,,A*5C\r\n"
	for name, c := range map[string]struct {
		moov, tail []byte
		source     string
	}{
		"gps0":     {bx("udta", bx("gps0", gps0)), nil, "gps0"},
		"blackvue": {nil, bx("free", bx("gps ", []byte(day))), "gps "},
		"udat":     {bx("udta", bx("udat", []byte(day))), nil, "udat"},
		"nbmt":     {bx("udta", bx("nbmt", []byte(day))), nil, "nbmt"},
		"denver":   {bx("udta", bx("udat", []byte("240506070809[1][N][42524772][E][074341856][+07710][036][00140][C000000]+000+000+000"))), nil, "udat"},
		"gdat":     {nil, bx("gdat", []byte(base64.StdEncoding.EncodeToString([]byte(`[{"time":"x","lat":42.8746212,"lon":74.5697615}]`)))), "gdat"},
		"garmin":   {nil, bx("uuid", []byte("\x9b\x63\x0f\x8d\x63\x74\x40\xec\x82\x04\xbc\x5f\xf5\x09\x17\x28"), zeros(17), n32(3797824089), n16(22), zeros(6), pndm()[16:24]), "garmin"},
		"autovox":  {nil, bytesOf([]byte("gps0"), l32(40), []byte("AITG"), ld(bishkekNS), ld(bishkekEW), zeros(4), l16(20), []byte{124, 5, 6, 7, 8, 9, 45, 1, 1, 0}, l32(1000)), "gps0"},
		"kenwood":  {bx("udta", bx("udta", []byte("VIDEOUUUUUUU\xfe\xfe20240506070809.20240506070810\x03N42524772E074341856+0058000+006+009"))), nil, "udta"},
		"insta360": {nil, insta(), "insta360"},
		"70mai":    {nil, bx("GPS ", words32(1, 1, 5, 36000), []byte("N"), l32(4252477), []byte("E"), l32(7434186), zeros(10)), "GPS "},
		"loci":     {bx("udta", bx("loci", n32(0), n16(0x15c7), []byte("PLANTplace\x00"), []byte{0}, n32(4887004), n32(2809831), n32(771<<16), []byte("earth\x00PLANTnotes\x00"))), nil, "loci"},
		"xyz":      {bx("udta", bx("\xa9xyz", n16(17), n16(0x15c7), []byte("+42.8746+074.5698/"[:17]))), nil, "©xyz"},
	} {
		t.Run(name, func(t *testing.T) {
			film := append(build(nil, nil, c.moov), c.tail...)
			s := readBytes(t, film)
			ok := false
			for _, f := range s.Track {
				d := max(abs(f.Latitude-bishkekLat), abs(f.Longitude-bishkekLon))
				ok = ok || f.Source == c.source && d < 5e-5 // loci and ©xyz are coarser than the rest
			}
			if !ok {
				t.Errorf("the position is not in the track: %+v %+v", s.Track, s.Gaps)
			}
			if name == "loci" {
				mustTell(t, s, "PLANTplace", "PLANTnotes")
			}
			if name == "insta360" {
				mustTell(t, s, "IXPLANTSERIAL", "Insta360 X3", "v1.0.9")
			}
		})
	}
}

func abs(v float64) float64 { return max(v, -v) }

func insta() []byte {
	field := func(id byte, s string) []byte { return bytesOf([]byte{id, byte(len(s))}, []byte(s)) }
	names := bytesOf(field(0x0a, "IXPLANTSERIAL"), field(0x12, "Insta360 X3"), field(0x1a, "v1.0.9"))
	place := bytesOf(l32(1714979289), l32(0), l16(0), []byte("A"), ld(bishkekLat), []byte("N"), ld(bishkekLon), []byte("E"), ld(10), ld(90), ld(771))
	body := bytesOf(names, l16(0x101), l32(uint32(len(names))), place)
	end := bytesOf(l16(0x700), l32(uint32(len(place))), zeros(32), l32(uint32(len(body)+78)), zeros(4), []byte("8db42d694ccc418790edff439fe026bf"))
	return append(body, end...)
}

func TestHidingPlaces(t *testing.T) {
	seiUnit := func(kind byte, body []byte) []byte {
		u := bytesOf([]byte{6, kind, byte(len(body))}, body, []byte{0x80})
		return bytesOf(n32(uint32(len(u))), u)
	}
	pairs := []byte{}
	for _, p := range []string{"CA", "PT", "IO", "N "} {
		pairs = append(pairs, 0xfc, p[0], p[1])
	}
	frame := bytesOf(seiUnit(5, append(bytes.Repeat([]byte{7}, 16), "PLANTsei settings"...)), seiUnit(4, bytesOf([]byte{0xb5, 0, 0x31}, []byte("GA94\x03"), []byte{0xc4, 0xff}, pairs)), n32(4), []byte{0x65, 1, 2, 3})
	entry := at(70, map[int][]byte{4: []byte("vend"), 16: n16(160), 18: n16(120), 34: append([]byte{15}, "PLANTcompressor"...)})
	avcC := bx("avcC", []byte{1, 66, 0, 10, 0xff, 0xe0, 0})
	xmp := `<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description dc:creator="PLANTcreator" xmlns:dc="d"><dc:title><rdf:Alt><rdf:li>PLANTxmp</rdf:li></rdf:Alt></dc:title></rdf:Description></rdf:RDF></x:xmpmeta>`
	film := build([]byte("PLANT in unreferenced mdat"), []strip{
		{handler: "vide", format: "avc1", extra: append(entry, avcC...), samples: [][]byte{frame, frame, frame}, edit: bx("edts", bx("elst", n32(0), n32(1), n32(1000), n32(1500), n32(1<<16)))},
		{handler: "meta", format: "djmd", samples: [][]byte{[]byte("\x0a\x0bPLANTdji M3\x12\x05abc")}},
		{handler: "meta", format: "fdsc", samples: [][]byte{at(0x80, map[int][]byte{0: []byte("GPRO"), 8: []byte("HD6.01.PLANT"), 0x17: []byte("PLANTfdscserial"), 0x66: []byte("HERO6 Black")})}},
	},
		bx("udta", bx("\xa9mak", n16(9), n16(0x15c7), []byte("PLANTmake")), bx("priv", []byte("\x00\x01PLANTprivate\x00\x02")), bx("auth", n32(0), n16(0x15c7), []byte("PLANTauth\x00")), bx("titl", n32(0), n16(0x15c7), []byte("\xfe\xff\x04\x1f\x04\x40\x00\x00")),
			bx("FIRM", []byte("PLANTfirm")), bx("GPMF", goproSample())),
		bx("meta", n32(0), bx("hdlr", zeros(8), []byte("mdta"), zeros(13)), bx("keys", n32(0), n32(1), bx("mdta", []byte("com.apple.quicktime.content.identifier"))), bx("ilst", bx("\x00\x00\x00\x01", bx("data", n32(1), n32(0), []byte("PLANTcontentid"))),
			bx("----", bx("mean", n32(0), []byte("org.plant")), bx("name", n32(0), []byte("PLANTname")), bx("data", n32(1), n32(0), []byte("PLANTvalue"))), bx("covr", bx("data", n32(13), n32(0), []byte("\xff\xd8\xff\xe0rest of a picture"))))),
	)
	film = bytesOf(film, bx("free", []byte("\x00PLANT in free\x00")), bx("wide", []byte("PLANT in wide")), bx("skip", []byte("..\x01PLANT in skip")), bx("uuid", []byte("0123456789abcdef"), []byte("\x00PLANT in uuid\x00")),
		bx("uuid", []byte("\xbe\x7a\xcf\xcb\x97\xa9\x42\xe8\x9c\x71\x99\x94\x91\xe3\xaf\xac"), []byte(xmp)), []byte("\x01\x02PLANT in the trailer\x00\x00"), []byte("U\x00T\x00F\x00P\x00L\x00A\x00N\x00T\x00"))
	s := readBytes(t, film)
	mustTell(t, s, "PLANT in unreferenced mdat", "PLANTsei settings", "CAPTION", "PLANTcompressor", "PLANTdji M3", "HD6.01.PLANT", "PLANTfdscserial", "HERO6 Black", "PLANTmake", "PLANTprivate", "PLANTauth", "Пр", "PLANTfirm",
		"PLANTHero 11", "PLANTcontentid", "org.plant", "PLANTname", "PLANTvalue", "PLANT in free", "PLANT in wide", "PLANT in skip", "PLANT in uuid", "PLANTcreator", "PLANTxmp", "PLANT in the trailer", "UTFPLANT", "1.500 s")
	for _, want := range []struct {
		kind  Kind
		value string
	}{{Leftover, "PLANT in unreferenced mdat"}, {Leftover, "PLANT in the trailer"}, {Device, "PLANTmake"}, {Person, "PLANTauth"}, {Serial, "PLANTcontentid"}, {History, "1.500 s"}, {Serial, "PLANTfdscserial"}, {Software, "PLANTfirm"}, {Person, "PLANTcreator"}} {
		if !kindTold(s, want.kind, want.value) {
			t.Errorf("%q is not told as %s", want.value, want.kind)
		}
	}
	if len(s.Previews) != 1 || !bytes.HasPrefix(film[s.Previews[0].Start:], []byte("\xff\xd8\xff\xe0rest")) || s.Previews[0].Type != "image/jpeg" {
		t.Errorf("the cover is not a preview: %+v", s.Previews)
	}
	if !gapSaid(s, "trace.gap.unknown") {
		t.Error("no gap says that the drone's track is not known")
	}
}

// A film within a film's cover is read by its own format's reader.
func TestEmbedded(t *testing.T) {
	b := []byte("....\xff\xd8\xff\xfe\x00\x07inner\xff\xd9")
	src := &source{in: bytes.NewReader(b), size: int64(len(b)), work: new(work)}
	var s Sheet
	src.picture(&s, "cover", "", 4, int64(len(b)-4))
	if len(s.Facts) != 1 || s.Facts[0].Where != "cover/COM" || s.Facts[0].Value != "inner" || len(s.Previews) != 1 || s.Previews[0].Start != 4 {
		t.Errorf("got %+v", s)
	}
}

// sparse is a file of noughts with a few parts in it, and the most that was asked of it.
type sparse struct {
	parts map[int64][]byte
	read  int64
}

func (f *sparse) ReadAt(b []byte, at int64) (int, error) {
	clear(b)
	for from, p := range f.parts {
		if from < at+int64(len(b)) && from+int64(len(p)) > at {
			if from >= at {
				copy(b[from-at:], p)
			} else {
				copy(b, p[at-from:])
			}
		}
	}
	f.read += int64(len(b))
	return len(b), nil
}

var _ io.ReaderAt = (*sparse)(nil)

// A film of 5 GiB: an hour of frames at 30 a second with its tables, and a drive.
func TestMemoryStaysFlat(t *testing.T) {
	const size, frames = 5 << 30, 108_000
	head := bx("ftyp", []byte("isom"), n32(512))
	var sizes, offsets []byte
	for i := range frames {
		sizes = append(sizes, n32(40_000)...)
		offsets = append(offsets, bytesOf(n32(uint32((int64(64)+int64(i)*40_000)>>32)), n32(uint32(int64(64)+int64(i)*40_000)))...)
	}
	entry := bytesOf(n32(86+15), []byte("avc1"), zeros(6), n16(1), zeros(70), bx("avcC", []byte{1, 66, 0, 10, 0xff, 0xe0, 0}))
	stbl := bx("stbl", bx("stsd", n32(0), n32(1), entry), bx("stts", n32(0), n32(1), n32(frames), n32(1000)), bx("stsc", n32(0), n32(1), n32(1), n32(1), n32(1)), bx("stsz", n32(0), n32(0), n32(frames), sizes), bx("co64", n32(0), n32(frames), offsets))
	moov := bx("moov", bx("mvhd", n32(0), n32(3797824089), zeros(88)), bx("trak", bx("mdia", bx("mdhd", n32(0), zeros(8), n32(30_000), n32(0), n32(0)), bx("hdlr", zeros(8), []byte("vide"), zeros(13)), bx("minf", stbl))), bx("udta", bx("\xa9mod", n16(10), n16(0), []byte("PLANTmodel"))))
	at := int64(size - len(moov))
	mdat := bytesOf(n32(1), []byte("mdat"), n32(uint32((at-int64(len(head)))>>32)), n32(uint32((at-int64(len(head)))&0xffffffff)))
	f := &sparse{parts: map[int64][]byte{0: bytesOf(head, mdat), at: moov}}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	s, err := Read(f, size)
	if err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	mustTell(t, s, "PLANTmodel")
	if grown := after.TotalAlloc - before.TotalAlloc; grown > 512<<20 {
		t.Errorf("%d MiB were taken in all", grown>>20)
	}
	if f.read > 256<<20 {
		t.Errorf("%d MiB of 5 GiB were read", f.read>>20)
	}
	if live := int64(after.HeapAlloc) - int64(before.HeapAlloc); live > 64<<20 {
		t.Errorf("%d MiB are held at the end", live>>20)
	}
	if !gapSaid(s, "trace.gap.too_many") || !gapSaid(s, "trace.gap.too_large") {
		t.Errorf("no gap says what was not looked through: %+v", s.Gaps)
	}
}
