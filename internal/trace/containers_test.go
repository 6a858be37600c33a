package trace

import (
	"bytes"
	"encoding/base64"
	"strings"
	"testing"
)

// ebml is one element: an ID of one to four bytes, an eight-byte length.
func ebml(id uint32, parts ...[]byte) []byte {
	body := bytesOf(parts...)
	b := bytes.TrimLeft(n32(id), "\x00")
	return bytesOf(b, []byte{1, 0, 0, 0}, n32(uint32(len(body))), body)
}

func matroskaFilm() []byte {
	frame := func(track byte, body []byte) []byte { return bytesOf([]byte{0x80 | track}, n16(0), []byte{0x80}, body) }
	sei := append([]byte{6, 5, 30}, append(bytes.Repeat([]byte{9}, 16), "PLANTsei 1234\x80"...)...)
	return bytesOf(
		ebml(0x1A45DFA3, ebml(0x4282, []byte("matroska"))),
		ebml(0x18538067,
			ebml(0x1549A966, ebml(0x2AD7B1, n32(1000000)), ebml(0x7BA9, []byte("PLANTtitle")), ebml(0x4D80, []byte("PLANTmux")), ebml(0x5741, []byte("PLANTwrite")), ebml(0x4461, n32(0x0A3C1F6F), n32(0)),
				ebml(0x73A4, []byte("PLANTsegmentuuid")), ebml(0x7384, []byte("PLANTfile.mkv"))),
			ebml(0x1654AE6B, ebml(0xAE, ebml(0xD7, []byte{1}), ebml(0x73C5, n32(0x51A7B0B1)), ebml(0x83, []byte{1}), ebml(0x86, []byte("V_MPEG4/ISO/AVC")), ebml(0x536E, []byte("PLANTtrack")), ebml(0x63A2, []byte{1, 66, 0, 10, 0xff, 0xe0, 0})),
				ebml(0xAE, ebml(0xD7, []byte{2}), ebml(0x83, []byte{17}), ebml(0x86, []byte("S_TEXT/UTF8")))),
			ebml(0xEC, []byte("\x00\x00PLANT in Void\x00")),
			ebml(0x1F43B675, ebml(0xE7, []byte{10}), ebml(0xA3, frame(1, bytesOf(n32(uint32(len(sei))), sei))), ebml(0xA0, ebml(0xA1, frame(2, []byte("PLANTsub $GPRMC,070809.000,A,4252.477272,N,07434.185690,E,10.0,90.0,060524,,,A"))), ebml(0x9B, []byte{1}))),
			ebml(0x1043A770, ebml(0x45B9, ebml(0xB6, ebml(0x73C4, n32(0x0BADCAFE)), ebml(0x80, ebml(0x85, []byte("PLANTchapter")))))),
			ebml(0x1254C367, ebml(0x7373, ebml(0x63C0), ebml(0x67C8, ebml(0x45A3, []byte("LOCATION")), ebml(0x4487, []byte("+42.8746212+074.5697615/"))), ebml(0x67C8, ebml(0x45A3, []byte("ARTIST")), ebml(0x4487, []byte("PLANTartist"))))),
			ebml(0x1941A469, ebml(0x61A7, ebml(0x467E, []byte("PLANTdescription")), ebml(0x466E, []byte("PLANTcover.jpg")), ebml(0x4660, []byte("image/jpeg")), ebml(0x465C, []byte("\xff\xd8\xff\xe0 a picture")), ebml(0x46AE, n32(0x0DDBA11))),
				ebml(0x61A7, ebml(0x466E, []byte("PLANT.ttf")), ebml(0x4660, []byte("font/ttf")), ebml(0x465C, []byte("\x00\x00PLANTfont\x00")))),
			ebml(0x7FFF, []byte("\x01PLANTunknown\x01")),
		), []byte("PLANT behind the film"))
}

func TestMatroska(t *testing.T) {
	film := matroskaFilm()
	s := readBytes(t, film)
	mustTell(t, s, "PLANTtitle", "PLANTmux", "PLANTwrite", "PLANTsegmentuuid", "PLANTfile.mkv", "PLANTtrack", "PLANT in Void", "PLANTsei 1234", "PLANTsub", "PLANTchapter", "PLANTartist", "PLANTdescription", "PLANTcover.jpg", "PLANT.ttf", "PLANTfont", "PLANTunknown", "PLANT behind the film", "\x51\xA7\xB0\xB1")
	if !near(s, "subtitle", bishkekLat, bishkekLon) || !near(s, "LOCATION", bishkekLat, bishkekLon) || s.Track[0].At != 10 {
		t.Errorf("got track %+v", s.Track)
	}
	if len(s.Previews) != 1 || !bytes.HasPrefix(film[s.Previews[0].Start:], []byte("\xff\xd8\xff\xe0 a picture")) {
		t.Errorf("got previews %+v", s.Previews)
	}
}

func riffPart(id string, parts ...[]byte) []byte {
	body := bytesOf(parts...)
	b := bytesOf([]byte(id), l32(uint32(len(body))), body)
	return append(b, zeros(len(b)%2)...)
}

func wavSound() []byte {
	bext := at(602+14, map[int][]byte{0: []byte("PLANTdescription"), 100: []byte("PLANTbehind text"), 256: []byte("PLANToriginator"), 288: []byte("PLANTreference"), 320: []byte("2024-05-06"), 330: []byte("07:08:09"), 348: bytes.Repeat([]byte("UMID"), 16), 602: []byte("PLANTcoding\r\n")})
	cart := at(2048, map[int][]byte{0: []byte("0101"), 4: []byte("PLANTcarttitle"), 68: []byte("PLANTcartartist")})
	return bytesOf(riffPart("RIFF", []byte("WAVE"), riffPart("fmt ", zeros(16)), riffPart("LIST", []byte("INFO"), riffPart("IART", []byte("PLANTartist\x00")), riffPart("ICRD", []byte("2024-05-06\x00")), riffPart("ISFT", []byte("PLANTsoft\x00"))),
		riffPart("bext", bext), riffPart("iXML", []byte(`<?xml version="1.0"?><BWFXML><NOTE>PLANTixml</NOTE><LOCATION><LOCATION_NAME>PLANTplace</LOCATION_NAME></LOCATION></BWFXML>`)), riffPart("cart", cart),
		riffPart("id3 ", id3Tag(3, id3Frame("TPE1", []byte("\x00PLANTid3")))), riffPart("JUNK", []byte("\x00\x00PLANT in junk\x00")), riffPart("priv", []byte("\x00PLANTprivate\x00")),
		riffPart("LIST", []byte("adtl"), riffPart("labl", l32(1), []byte("PLANTlabel\x00"))), riffPart("data", zeros(100))), []byte("PLANT behind the sound"))
}

func aviFilm() []byte {
	return bytesOf(riffPart("RIFF", []byte("AVI "), riffPart("LIST", []byte("hdrl"), riffPart("avih", zeros(56)), riffPart("LIST", []byte("strl"), riffPart("strh", []byte("vidsPLAN"), zeros(48)), riffPart("strf", zeros(40)), riffPart("strd", []byte("\x00PLANTstrd\x00")), riffPart("strn", []byte("PLANTstream\x00")))),
		riffPart("IDIT", []byte("MON MAY 06 07:08:09 2024\n\x00")), riffPart("LIST", []byte("INFO"), riffPart("ISFT", []byte("PLANTsoft\x00"))), riffPart("JUNK", []byte("..PLANT in junk..\x00")),
		riffPart("LIST", []byte("movi"), riffPart("00dc", zeros(30)), riffPart("01tx", []byte("$GPRMC,070809.000,A,4252.477272,N,07434.185690,E,10.0,90.0,060524,,,A\x00")), riffPart("JUNK", []byte("PLANT among frames"))), riffPart("idx1", zeros(32))),
		[]byte("VIDEOUUUUUUU\xfe\xfe20240506070809.20240506070810\x03N42524772E074341856+0058000+006+009"))
}

func TestRIFF(t *testing.T) {
	s := readBytes(t, wavSound())
	mustTell(t, s, "PLANTdescription", "PLANTbehind text", "PLANToriginator", "PLANTreference", "2024-05-06", "07:08:09", "UMIDUMID", "PLANTcoding", "PLANTixml", "PLANTplace", "PLANTcarttitle", "PLANTcartartist", "PLANTid3", "PLANT in junk", "PLANTprivate", "PLANTlabel", "PLANTartist", "PLANTsoft", "PLANT behind the sound")
	if !kindTold(s, Place, "PLANTplace") || !kindTold(s, Leftover, "PLANT in junk") || !kindTold(s, Person, "PLANTartist") {
		t.Error("kinds are wrong")
	}
	s = readBytes(t, aviFilm())
	mustTell(t, s, "PLANTstrd", "PLANTstream", "MON MAY 06 07:08:09 2024", "PLANTsoft", "PLANT in junk", "PLANT among frames", "GPRMC,070809")
	if len(s.Track) != 2 || !near(s, "subtitle", bishkekLat, bishkekLon) || !near(s, "text", 42.87462, 74.56976) {
		t.Errorf("got track %+v", s.Track)
	}
}

func id3Frame(id string, body []byte) []byte {
	return bytesOf([]byte(id), n32(uint32(len(body))), n16(0), body)
}

func id3Tag(version byte, parts ...[]byte) []byte {
	body := bytesOf(parts...)
	n := len(body)
	return bytesOf([]byte("ID3"), []byte{version, 0, 0, byte(n >> 21 & 0x7f), byte(n >> 14 & 0x7f), byte(n >> 7 & 0x7f), byte(n & 0x7f)}, body)
}

// mp3Frames are frames of 128 kbit/s at 44.1 kHz, the first with LAME's head.
func mp3Frames(n int) []byte {
	var b []byte
	for i := range n {
		f := at(417, map[int][]byte{0: {0xff, 0xfb, 0x90, 0}})
		if i == 0 {
			copy(f[36:], bytesOf([]byte("Xing"), n32(15), zeros(112), []byte("LAME3.99r")))
		}
		b = append(b, f...)
	}
	return b
}

func mp3Sound() []byte {
	le := func(s string) []byte {
		b := []byte{0xff, 0xfe}
		for _, r := range s {
			b = append(b, byte(r), byte(r>>8))
		}
		return b
	}
	apeItem := func(key, value string) []byte {
		return bytesOf(l32(uint32(len(value))), l32(0), []byte(key), []byte{0}, []byte(value))
	}
	items := bytesOf(apeItem("Artist", "PLANTape"), apeItem("Comment", "PLANTapecomment"))
	foot := bytesOf([]byte("APETAGEX"), l32(2000), l32(uint32(len(items)+32)), l32(2), l32(0), zeros(8))
	v1 := at(128, map[int][]byte{0: []byte("TAG"), 3: []byte("PLANTv1title"), 33: []byte("PLANTv1artist"), 93: []byte("2024"), 97: []byte("PLANTv1comment"), 127: {255}})
	return bytesOf(id3Tag(3, id3Frame("TIT2", append([]byte{1}, le("ПЛАНТ")...)), id3Frame("COMM", []byte("\x00engPLANTcommname\x00PLANTcomm")), id3Frame("PRIV", []byte("PLANTowner\x00\x01\x02PLANTpriv\x01")), id3Frame("GEOB", []byte("\x00text/plain\x00PLANTfile.txt\x00PLANTdesc\x00PLANTobject")),
		id3Frame("TXXX", []byte("\x00LOCATION\x00PLANTplace")), id3Frame("UFID", []byte("PLANTdb\x00PLANTufid")), id3Frame("APIC", []byte("\x00image/jpeg\x00\x03PLANTcoverwords\x00\xff\xd8\xff\xe0 a cover")), id3Frame("TDRC", []byte("\x002024-05-06")), id3Frame("ZZZZ", []byte("\x00PLANTunknown")), []byte("\x00\x00\x00\x00PLANT in padding\x00")),
		mp3Frames(3), []byte("PLANT between frames"), mp3Frames(3), items, foot, v1)
}

func TestMP3(t *testing.T) {
	sound := mp3Sound()
	s := readBytes(t, sound)
	mustTell(t, s, "ПЛАНТ", "PLANTcommname", "PLANTcomm", "PLANTowner", "PLANTpriv", "PLANTfile.txt", "PLANTdesc", "PLANTobject", "PLANTplace", "PLANTdb", "PLANTufid", "PLANTcoverwords", "PLANTunknown", "PLANT in padding", "LAME3.99", "PLANT between frames", "PLANTape", "PLANTapecomment", "PLANTv1title", "PLANTv1artist", "PLANTv1comment", "2024-05-06")
	if len(s.Previews) != 1 || !bytes.HasPrefix(sound[s.Previews[0].Start:], []byte("\xff\xd8\xff\xe0 a cover")) {
		t.Errorf("got previews %+v", s.Previews)
	}
	if !kindTold(s, Place, "PLANTplace") || !kindTold(s, Serial, "PLANTufid") || !kindTold(s, Leftover, "PLANT between frames") {
		t.Error("kinds are wrong")
	}
	v2 := bytesOf([]byte("ID3\x02\x00\x00\x00\x00\x00\x2a"), []byte("TP1\x00\x00\x09\x00PLANTv22"), []byte("COM\x00\x00\x15\x00eng\x00PLANTv22comment."), zeros(0), mp3Frames(2))
	mustTell(t, readBytes(t, v2), "PLANTv22", "PLANTv22comment.")
}

// adts is a frame of AAC with a body.
func adts(body string) []byte {
	n := len(body) + 7
	return bytesOf([]byte{0xff, 0xf1, 0x50, 0x80 | byte(n>>11), byte(n >> 3), byte(n<<5) | 0x1f, 0xfc}, []byte(body))
}

func TestSmallSounds(t *testing.T) {
	aac := bytesOf(id3Tag(4, id3Frame("TPE1", []byte("\x00PLANTaac"))), adts("\x01\x02PLANTencoder\x01"), adts("\x01\x02\x03"), []byte("PLANT trailer"))
	mustTell(t, readBytes(t, aac), "PLANTaac", "PLANTencoder", "PLANT trailer")
	amr := bytesOf([]byte("#!AMR\n"), bytes.Repeat(append([]byte{0x3c}, zeros(31)...), 5), []byte("\xffPLANT behind AMR"))
	s := readBytes(t, amr)
	mustTell(t, s, "PLANT behind AMR")
	if s.Format != "amr" || !kindTold(s, Leftover, "PLANT behind AMR") {
		t.Errorf("got %+v", s)
	}
	wb := bytesOf([]byte("#!AMR-WB\n"), bytes.Repeat(append([]byte{0x04}, zeros(17)...), 5), []byte("\xffPLANT behind"))
	mustTell(t, readBytes(t, wb), "PLANT behind")
}

func comments(values ...string) []byte {
	b := bytesOf(l32(11), []byte("PLANTvendor"), l32(uint32(len(values))))
	for _, v := range values {
		b = append(append(b, l32(uint32(len(v)))...), v...)
	}
	return b
}

func pictureBlock() []byte {
	p := []byte("\xff\xd8\xff\xe0 cover")
	return bytesOf(n32(3), n32(10), []byte("image/jpeg"), n32(10), []byte("PLANTcover"), n32(640), n32(480), n32(24), n32(0), n32(uint32(len(p))), p)
}

func flacSound() []byte {
	block := func(kind byte, body []byte) []byte { return bytesOf([]byte{kind, 0}, n16(uint16(len(body))), body) }
	return bytesOf([]byte("fLaC"), block(0, at(34, map[int][]byte{18: []byte("0123456789abcdef")})), block(4, comments("ARTIST=PLANTartist", "LOCATION=PLANTplace", "DATE=2024-05-06")), block(6, pictureBlock()), block(2, []byte("PLANPLANTapplication")), block(0x81, []byte("\x00\x00PLANT in padding\x00")),
		[]byte("\xff\xf8\xc9\x08\x00\x01\x02\x03"), []byte("PLANT behind the sound"))
}

func oggPage(serial uint32, flags byte, body []byte) []byte {
	var sizes []byte
	n := len(body)
	for ; n >= 255; n -= 255 {
		sizes = append(sizes, 255)
	}
	sizes = append(sizes, byte(n))
	return bytesOf([]byte("OggS\x00"), []byte{flags}, zeros(8), l32(serial), zeros(8), []byte{byte(len(sizes))}, sizes, body)
}

func opusSound() []byte {
	return bytesOf(oggPage(0x504C414E, 2, append([]byte("OpusHead"), zeros(11)...)), oggPage(0x504C414E, 0, bytesOf([]byte("OpusTags"), comments("ARTIST=PLANTartist", "METADATA_BLOCK_PICTURE="+base64.StdEncoding.EncodeToString(pictureBlock())), []byte("\x00\x00PLANT behind comments"))),
		oggPage(0x504C414E, 0, zeros(50)), []byte("PLANT between pages"), oggPage(0x504C414E, 4, zeros(50)), []byte("PLANT behind the last page"))
}

func TestXiph(t *testing.T) {
	flac := flacSound()
	s := readBytes(t, flac)
	mustTell(t, s, "PLANTvendor", "PLANTartist", "PLANTplace", "2024-05-06", "PLANTcover", "PLANTapplication", "PLANT in padding", "PLANT behind the sound", "0123456789abcdef")
	if len(s.Previews) != 1 || s.Previews[0].Width != 640 || !bytes.HasPrefix(flac[s.Previews[0].Start:], []byte("\xff\xd8\xff\xe0 cover")) {
		t.Errorf("got previews %+v", s.Previews)
	}
	tagged := bytesOf([]byte("ID3\x03\x00\x00\x00\x00\x00\x19TIT2\x00\x00\x00\x0f\x00\x00\x00PLANT in a tag"), flac)
	s = readBytes(t, tagged)
	mustTell(t, s, "PLANT in a tag", "PLANTartist", "PLANTcover", "PLANT behind the sound")
	if len(s.Previews) != 1 || !bytes.HasPrefix(tagged[s.Previews[0].Start:], []byte("\xff\xd8\xff\xe0 cover")) {
		t.Errorf("behind a tag: got previews %+v", s.Previews)
	}
	s = readBytes(t, opusSound())
	mustTell(t, s, "PLANTvendor", "PLANTartist", "PLANT behind comments", "PLANT between pages", "PLANT behind the last page", "PLANTcover", "\x4e\x41\x4c\x50")
	if len(s.Previews) != 1 || s.Previews[0].Type != "image/jpeg;base64" {
		t.Errorf("got previews %+v", s.Previews)
	}
}

func tsPacket(pid uint16, start bool, body []byte) []byte {
	head := []byte{0x47, byte(pid >> 8), byte(pid), 0x10}
	if start {
		head[1] |= 0x40
	}
	if n := 184 - len(body); n > 0 {
		head[3] = 0x30
		fill := append([]byte{byte(n - 1)}, bytes.Repeat([]byte{0xff}, n-1)...)
		if n > 1 {
			fill[1] = 0
		}
		return bytesOf(head, fill, body)
	}
	return bytesOf(head, body[:184])
}

func tsSection(b []byte) []byte {
	b[1], b[2] = 0xb0|byte((len(b)+1)>>8), byte(len(b)+1)
	return bytesOf([]byte{0}, b, zeros(4))
}

func pesPacket(stream byte, body []byte) []byte {
	return bytesOf([]byte{0, 0, 1, stream}, n16(uint16(len(body)+3)), []byte{0x80, 0, 0}, body)
}

func tsStream() []byte {
	pat := tsSection(append(zeros(8), 0, 1, 0xe1, 0))
	pmt := tsSection(bytesOf([]byte{2}, zeros(9), n16(0xf000), []byte{0x1b, 0xe2, 0, 0xf0, 0}, []byte{0x06, 0xe3, 0, 0xf0, 0}))
	name := bytesOf([]byte{0x48, 30, 1, 13}, []byte("PLANTprovider"), []byte{14}, []byte("PLANTservicexx"))
	name[1] = byte(len(name) - 2)
	sdt := tsSection(bytesOf([]byte{0x42}, zeros(10), n16(1), []byte{0}, n16(0x8000|uint16(len(name))), name))
	novatek := bytesOf(words32(7, 8, 9, 24, 5, 6), []byte("ANE\x00"), lf(bishkekNS), lf(bishkekEW), lf(20), lf(90), zeros(20))
	mdpm := []byte{0x18, 0x0c, 0x20, 0x24, 0x05, 0x19, 0x06, 0x07, 0x08, 0x09}
	ratio := func(id byte, a, b uint16) []byte { return bytesOf([]byte{id}, n16(a), n16(b)) }
	packs := bytesOf([]byte{12}, mdpm, []byte{0xb1, 'N', 0, 0, 0}, ratio(0xb2, 42, 1), ratio(0xb3, 52, 1), ratio(0xb4, 28636, 1000), []byte{0xb5, 'E', 0, 0, 0}, ratio(0xb6, 74, 1), ratio(0xb7, 34, 1), ratio(0xb8, 11141, 1000), []byte{0xe0, 1, 8, 0, 0}, []byte{0xe4, 'H', 'D', 'R', '-'})
	message := bytesOf([]byte("\x17\xee\x8c\x60\xf8\x4d\x11\xd9\x8c\xd6\x08\x00\x20\x0c\x9a\x66MDPM"), packs)
	sei := bytesOf([]byte{0, 0, 1, 6, 5, byte(len(message))}, message, []byte{0x80})
	return bytesOf(tsPacket(0, true, pat), tsPacket(0x100, true, pmt), tsPacket(0x11, true, sdt), tsPacket(0x200, true, pesPacket(0xe0, sei)), tsPacket(0x300, true, pesPacket(0xbd, novatek)), tsPacket(0x301, true, pesPacket(0xbd, []byte("PLANTprivate words"))),
		tsPacket(0x1fff, false, append([]byte("PLANT in null packets"), zeros(163)...)), []byte("PLANT behind the stream"))
}

func TestMPEG(t *testing.T) {
	s := readBytes(t, tsStream())
	mustTell(t, s, "PLANTprovider", "PLANTservicexx", "PLANTprivate words", "PLANT in null packets", "PLANT behind the stream", "2024-05-06T07:08:09+06:00", "Sony", "HDR-")
	if !near(s, "freeGPS", bishkekLat, bishkekLon) || !near(s, "MDPM", bishkekLat, bishkekLon) {
		t.Errorf("got track %+v", s.Track)
	}
	ps := bytesOf([]byte{0, 0, 1, 0xba, 0x44, 0, 4, 0, 4, 1, 0, 0, 3, 0xf8}, pesPacket(0xe0, []byte("\x00\x00\x01\xb2PLANTuserdata\x00\x00\x01\xb8")), bytesOf([]byte{0, 0, 1, 0xbe}, n16(20), []byte("PLANT in the padding")), pesPacket(0xbd, []byte("\x05PLANTprivate")), []byte{0, 0, 1, 0xb9}, []byte("PLANT behind it"))
	s = readBytes(t, ps)
	mustTell(t, s, "PLANTuserdata", "PLANT in the padding", "PLANTprivate", "PLANT behind it")
	if s.Format != "mpegps" {
		t.Errorf("got format %s", s.Format)
	}
}

// Every reader must end, hold its bounds and keep its facts' form on any bytes.
func fuzzFormat(f *testing.F, head string, seeds ...[]byte) {
	for _, s := range seeds {
		f.Add(s)
		f.Add(s[:len(s)/2])
		f.Add(s[len(head):])
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > 1<<20 {
			return
		}
		for _, b := range [][]byte{b, append([]byte(head), b...)} {
			s, err := Read(bytes.NewReader(b), int64(len(b)))
			if err != nil && !strings.Contains(err.Error(), "trace.unknown") {
				t.Fatal(err)
			}
			if len(s.Facts) > maxFacts || len(s.Track) > maxFixes || len(s.Gaps) > maxGaps || len(s.Previews) > maxPreviews {
				t.Fatal("a bound was not held")
			}
			for _, x := range s.Facts {
				if len(x.Value) > MaxValue || len(x.Raw) > MaxValue {
					t.Fatal("a fact is too long")
				}
			}
			for _, x := range s.Track {
				if !(abs(x.Latitude) <= 90 && abs(x.Longitude) <= 180) {
					t.Fatalf("a position outside the world: %+v", x)
				}
			}
		}
	})
}

func FuzzMP4(f *testing.F) {
	seeds := [][]byte{
		build([]byte("hole"), []strip{{handler: "meta", format: "gpmd", samples: [][]byte{goproSample(), gps9Sample(), fmasSample()}}, {handler: "meta", format: "camm", samples: [][]byte{camm6()}}, {handler: "meta", format: "mebx", extra: mebxKeys(), samples: [][]byte{bytesOf(n32(12), n32(1), zeros(4))}},
			{handler: "meta", format: "rtmd", samples: [][]byte{rtmdSample()}}, {handler: "meta", format: "mett", samples: [][]byte{parrot()}}, {handler: "text", format: "text", samples: [][]byte{pndm()}}}),
		append(build(nil, nil), insta()...),
	}
	for _, b := range freeGPSBlocks {
		seeds = append(seeds, tabled(b))
	}
	fuzzFormat(f, "\x00\x00\x00\x08ftyp", seeds...)
}

func FuzzMatroska(f *testing.F) { fuzzFormat(f, "\x1a\x45\xdf\xa3\x80", matroskaFilm()) }
func FuzzRIFF(f *testing.F)     { fuzzFormat(f, "RIFF\xff\xff\xff\x7fAVI ", wavSound(), aviFilm()) }
func FuzzMPEG(f *testing.F)     { fuzzFormat(f, "\x00\x00\x01\xba", tsStream()) }
func FuzzMP3(f *testing.F)      { fuzzFormat(f, "ID3\x03\x00\x00", mp3Sound(), adts("abc")) }
func FuzzXiph(f *testing.F)     { fuzzFormat(f, "fLaC", flacSound(), opusSound()) }
func FuzzAMR(f *testing.F)      { fuzzFormat(f, "#!AMR\n", []byte("#!AMR\n\x3c")) }

// A real film of each kind, cut off and bent at many places, breaks nothing.
func TestBentFilms(t *testing.T) {
	for name, film := range map[string][]byte{"mp4": build([]byte("hole"), []strip{{handler: "meta", format: "gpmd", samples: [][]byte{goproSample()}}}), "mkv": matroskaFilm(), "wav": wavSound(), "avi": aviFilm(), "mp3": mp3Sound(), "flac": flacSound(), "opus": opusSound(), "ts": tsStream()} {
		for i := 0; i < len(film); i += 7 {
			bent := bytes.Clone(film)
			bent[i] ^= 0xff
			for _, b := range [][]byte{bent, film[:i]} {
				if _, err := Read(bytes.NewReader(b), int64(len(b))); err != nil && !strings.Contains(err.Error(), "trace.unknown") {
					t.Fatalf("%s at %d: %v", name, i, err)
				}
			}
		}
	}
}
