package gate

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net/url"
	"strings"
	"testing"
	"unicode/utf16"

	"kua/internal/fault"
	"kua/internal/trace"
)

const hash = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"

// sheet is a made-up original's.
func sheet() trace.Sheet {
	return trace.Sheet{Format: "jpeg", Facts: []trace.Fact{
		{Kind: trace.Device, Where: "APP1/Exif/IFD0/Make", Name: "Make", Value: "Canon"},
		{Kind: trace.Device, Where: "APP1/Exif/IFD0/Model", Name: "Model", Value: "Canon EOS 90D"},
		{Kind: trace.Serial, Where: "APP1/Exif/BodySerialNumber", Value: "042021000537"},
		{Kind: trace.Person, Where: "APP1/Exif/Artist", Value: "Айгүл Сейтқали"},
		{Kind: trace.Person, Where: "APP13/IPTC/By-line", Value: "Тимур Ким"},
		{Kind: trace.Time, Where: "APP1/Exif/DateTimeOriginal", Value: "2026:11:19 14:03:22"},
		{Kind: trace.Serial, Where: "moov/gps0", Value: "", Raw: []byte{0x13, 0x37, 0xca, 0xfe, 0, 0x42, 0x99}},
		{Kind: trace.Text, Where: "long", Value: strings.Repeat("a long story, told by one. ", 20)},
		{Kind: trace.Place, Where: "APP1/Exif/GPS", Value: "43.238949, 76.889709"},
		{Kind: trace.Encoding, Where: "moov/trak/mdia/hdlr", Value: "VideoHandler"},
		{Kind: trace.Encoding, Where: "SOF0", Value: "8"},
		{Kind: trace.Encoding, Where: "XResolution", Raw: []byte{0, 0, 0, 72, 0, 0, 0, 1}},
	}, Track: []trace.Fix{{At: 0, Latitude: -33.856784, Longitude: 151.215297, Source: "gpmd", Time: "2026-11-19T14:03:25Z"}}}
}

func in16(s string, order binary.AppendByteOrder) string {
	var b []byte
	for _, u := range utf16.Encode([]rune(s)) {
		b = order.AppendUint16(b, u)
	}
	return string(b)
}

func pack(t *testing.T, w func(io.Writer) (io.WriteCloser, error), s string) string {
	t.Helper()
	var b bytes.Buffer
	z, err := w(&b)
	if err != nil {
		t.Fatal(err)
	}
	io.WriteString(z, s)
	z.Close()
	return b.String()
}

// finds reports whether the search finds anything in b, which is no file of any kind.
func finds(t testing.TB, b []byte, n Needles) []Finding {
	t.Helper()
	r := Report{Type: "test"}
	f := &file{in: bytes.NewReader(b), size: int64(len(b)), report: &r, matcher: newMatcher(n.forms())}
	if err := f.search(); err != nil {
		t.Fatal(err)
	}
	return r.Findings
}

// TestFindsEveryDress plants values of the original in noise in every coding
// that is promised, at the seams of the blocks as well.
func TestFindsEveryDress(t *testing.T) {
	n := NeedlesOf(sheet(), "IMG_20261119_140322.jpg", hash)
	floats := func(order binary.AppendByteOrder, v ...float32) (b []byte) {
		for _, x := range v {
			b = order.AppendUint32(b, math.Float32bits(x))
		}
		return b
	}
	rawHash, _ := hex.DecodeString(hash)
	zip := "PK\x03\x04\x14\x00\x00\x00\x08\x00" + strings.Repeat("\x00", 16) + "\x04\x00\x00\x00name"
	for _, tt := range []struct{ name, planted string }{
		{"as it is", "042021000537"},
		{"short", "Canon"},
		{"short, capitals", "CANON"},
		{"other case", "cANON eos 90d"},
		{"Cyrillic", "Айгүл Сейтқали"},
		{"Cyrillic capitals", "АЙГҮЛ СЕЙТҚАЛИ"},
		{"Windows-1251", "\xd2\xe8\xec\xf3\xf0 \xca\xe8\xec"},
		{"UTF-16LE", in16("Canon EOS 90D", binary.LittleEndian)},
		{"UTF-16BE", in16("Айгүл Сейтқали", binary.BigEndian)},
		{"UTF-16LE, other case", in16("CANON eos 90D", binary.LittleEndian)},
		{"base64", base64.StdEncoding.EncodeToString([]byte("Canon EOS 90D"))},
		{"base64, shifted by one", base64.StdEncoding.EncodeToString([]byte("xCanon EOS 90Dyy"))},
		{"base64, shifted by two", base64.RawURLEncoding.EncodeToString([]byte("zzCanon EOS 90D!"))},
		{"hex", "43616e6f6e20454f5320393044"},
		{"hex capitals", strings.ToUpper(hex.EncodeToString([]byte("042021000537")))},
		{"percent", url.PathEscape("Canon EOS 90D")},
		{"percent Cyrillic", url.QueryEscape("Тимур Ким")},
		{"escaped", `\u0422\u0438\u043c\u0443\u0440 \u041a\u0438\u043c`},
		{"zlib", pack(t, func(w io.Writer) (io.WriteCloser, error) { return zlib.NewWriter(w), nil }, "by Canon EOS 90D")},
		{"gzip", pack(t, func(w io.Writer) (io.WriteCloser, error) { return gzip.NewWriter(w), nil }, "by Canon EOS 90D")},
		{"zip", zip + pack(t, func(w io.Writer) (io.WriteCloser, error) { return flate.NewWriter(w, 9) }, "by Canon EOS 90D")},
		{"its name", "img_20261119_140322.JPG"},
		{"its name's stem", "IMG_20261119_140322"},
		{"hash", hash},
		{"hash, capitals", strings.ToUpper(hash)},
		{"hash, bytes", string(rawHash)},
		{"raw", "\x13\x37\xca\xfe\x00\x42\x99"},
		{"raw in hex", "1337cafe004299"},
		{"moment of another format", "2026-11-19T14:03:22"},
		{"moment without marks", "20261119140322"},
		{"moment of the track", "2026:11:19 14:03:25"},
		{"a piece of a long value", strings.Repeat("a long story, told by one. ", 20)[:60]},
		{"place", "43.238949"},
		{"place, rounded", "76.890"},
		{"place, cut", "43.2389"},
		{"place, comma", "76,8897"},
		{"place, NMEA", "4314.3369,N"},
		{"place, ISO 6709", "-33.8568+151.2153/"},
		{"place, degrees", `43° 14' 20.2" N`},
		{"place, as exiftool says it", `76 deg 53' 22.95" E`},
		{"place, float32", string(floats(binary.LittleEndian, 43.238949, 76.889709))},
		{"place, float32, the other way round", string(floats(binary.BigEndian, 151.215297, -33.856784))},
		{"place, float64", string(binary.BigEndian.AppendUint64(nil, math.Float64bits(43.238949)))},
		{"place, int32", string(binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, 432389490), 768897090))},
		{"place, int32 of the south", string(binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint32(nil, uint32(0xffffffff-338567840+1)), 1512152970))},
		{"place, rationals", "\x00\x00\x00\x2b\x00\x00\x00\x01\x00\x00\x00\x0e\x00\x00\x00\x01\x00\x00\x07\xe6\x00\x00\x00\x64"},
	} {
		for _, at := range []int{0, 1000, searchBlock - len(tt.planted) + 1, searchBlock - 1, searchBlock, 2*searchBlock - len(tt.planted)} {
			b := noiseOf(7, 2*searchBlock)
			if at < 0 {
				continue
			}
			b = append(b[:at], append([]byte(tt.planted), b[min(len(b), at+len(tt.planted)):]...)...)
			if finds(t, b, n) == nil {
				t.Errorf("%s: %q at %d is not found", tt.name, tt.planted, at)
			}
		}
	}
}

// TestFindsOverLines: a value that captions break over two lines or two cues is
// found, and what stands far apart is none.
func TestFindsOverLines(t *testing.T) {
	n := NeedlesOf(sheet())
	for words, want := range map[string]bool{
		"the camera is a Canon\nEOS 90D, they say":                true,
		"body number 04202\n1000537":                              true,
		"body number 042021-\n000537":                             true,
		"говорит Айгүл\n\n00:02.000 --> 00:03.000\nСейтқали, она": true,
		"body number 0420\n\n00:02.000 --> 00:03.000\n21000537":   true,
		"the Can\nterbury tales":                                  false,
		"042021\nand then\n000537":                                false,
	} {
		b := []byte("WEBVTT\n\n00:00.000 --> 00:01.000\n" + words + "\n")
		r, err := Check(bytes.NewReader(b), int64(len(b)), "text/vtt", n)
		if err != nil || r.Clean() == want {
			t.Errorf("%q: %+v, %v", words, r.Findings, err)
		}
		for _, f := range r.Findings {
			if f.What != "gate.needle" {
				t.Errorf("%q: %+v", words, f)
			}
		}
	}
}

// TestLeavesOut: what is in every file says nothing.
func TestLeavesOut(t *testing.T) {
	n := NeedlesOf(sheet(), "a.jpg")
	for _, plain := range []string{"VideoHandler", "8", "\x00\x00\x00\x48\x00\x00\x00\x01", "isom", "a.jpg"[:4]} {
		if found := finds(t, []byte(strings.Repeat(plain, 10)), n); found != nil {
			t.Errorf("%q: %+v", plain, found)
		}
	}
	for _, v := range n.Values {
		if v.Text == "VideoHandler" || v.Text == "8" || v.From == "XResolution" {
			t.Errorf("%+v is looked for", v)
		}
	}
}

// TestReportTellsNoValue: a finding says where a value came from, not the value.
func TestReportTellsNoValue(t *testing.T) {
	found := finds(t, []byte("by 042021000537"), NeedlesOf(sheet()))
	if len(found) == 0 || strings.Contains(fmt.Sprint(found), "042021") || !strings.Contains(found[0].Detail, "BodySerialNumber") {
		t.Errorf("found %+v", found)
	}
}

// noiseOf is noise that is the same in every run.
func noiseOf(seed uint64, n int) []byte {
	b := make([]byte, n)
	r := rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8)})
	r.Read(b)
	return b
}

// large is a sheet with more of everything than a real file has: two hundred
// short words, a thousand values, a drive of an hour.
func large() trace.Sheet {
	s := sheet()
	r := rand.New(rand.NewPCG(1, 2))
	word := func(n int) string {
		b := make([]byte, n)
		for i := range b {
			b[i] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"[r.IntN(62)]
		}
		return string(b)
	}
	for i := range 1000 {
		n := 8 + r.IntN(24)
		if i < 200 {
			n = 5 + i%2
		}
		s.Facts = append(s.Facts, trace.Fact{Kind: trace.Text, Where: fmt.Sprintf("fact %d", i), Value: word(n), Raw: []byte(word(n + 3))})
	}
	lat, lon := 43.2, 76.8
	for i := range 3600 {
		lat, lon = lat+r.Float64()/5000, lon+r.Float64()/5000
		s.Track = append(s.Track, trace.Fix{At: int64(i) * 1000, Latitude: lat, Longitude: lon, Source: "gpmd"})
	}
	return s
}

// expected is how many finds a set of forms has in n bytes of noise.
func expected(forms []form, n float64) (sum float64) {
	for _, f := range forms {
		chance := n
		for _, c := range f.want {
			chance /= 256
			if !f.exact && c >= 'a' && c <= 'z' {
				chance *= 2
			}
		}
		sum += chance
	}
	return sum
}

// TestChance: of the needles of a large original, 100 MiB of noise holds none,
// and by arithmetic fewer than one file in ten like it would. An ordinary
// original's would be one in hundreds.
func TestChance(t *testing.T) {
	const size = 100 << 20
	n := NeedlesOf(large(), "IMG_20261119_140322.jpg", hash)
	forms := n.forms()
	if e := expected(forms, size); e > 0.1 {
		t.Errorf("%d forms are expected %.3f times in noise", len(forms), e)
	} else {
		t.Logf("%d values, %d forms, expected %.5f times in 100 MiB of noise", n.Count(), len(forms), e)
	}
	if e := expected(NeedlesOf(sheet(), "IMG_20261119_140322.jpg", hash).forms(), size); e > 0.005 {
		t.Errorf("the needles of an ordinary original are expected %.4f times", e)
	} else {
		t.Logf("an ordinary original's: %.5f times", e)
	}
	if found := finds(t, noiseOf(3, size), n); found != nil {
		t.Errorf("in noise: %+v", found)
	}
}

// TestSearchAlone: a file is not called clean because of what else is in it, nor
// where it was not looked through to its end.
func TestSearchAlone(t *testing.T) {
	deflated := func(s string) string {
		return pack(t, func(w io.Writer) (io.WriteCloser, error) { return zlib.NewWriterLevel(w, zlib.NoCompression) }, s)
	}
	n := Needles{Values: []Needle{{From: "word", Text: "KuaCanary"}}}
	search := func(b string) ([]Finding, error) { return Search(strings.NewReader(b), int64(len(b)), n) }
	many := strings.Repeat(deflated("an ordinary stream of a document")+"\n", maxFindings+1)
	if found, err := search(many); err != nil || len(found) != 0 {
		t.Errorf("a clean document: %v, %v", found, err)
	}
	if found, err := search(strings.Repeat(" ", searchBlock) + many + strings.Repeat(" ", searchBlock) + "KuaCanary"); err != nil || len(found) != 1 {
		t.Errorf("behind many streams: %v, %v", found, err)
	}
	large := string(noiseOf(3, packedWindow+4096))
	for name, b := range map[string]string{
		"much when unpacked": pack(t, func(w io.Writer) (io.WriteCloser, error) { return zlib.NewWriter(w), nil }, strings.Repeat(" ", maxInflated+(64<<10))+"KuaCanary"),
		"much as it is":      pack(t, func(w io.Writer) (io.WriteCloser, error) { return zlib.NewWriter(w), nil }, large+strings.Repeat("KuaCanary", 9)),
	} {
		if found, err := search(b); len(found) != 0 || !errors.Is(err, fault.TooLarge("gate.unsearched")) {
			t.Errorf("%s: %v, %v", name, found, err)
		}
		if found := finds(t, []byte(b), n); len(found) == 0 {
			t.Errorf("%s: the gate finds nothing", name)
		}
	}
}
