package gate

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"image"
	"image/jpeg"
	"math"
	"net/url"
	"strings"
	"sync"
	"unicode/utf16"
)

// form is one dress of one needle.
type form struct {
	from string // where in the original
	how  string // "utf-8", "utf-16le", "base64"…
	want []byte // as it would stand in a file; folded unless exact
	// exact says that capital letters count: in what is packed, in base64 and in
	// what is too short to be looked for in both.
	exact bool
}

// forms are all dresses of all needles, without the ones that are too short.
func (n Needles) forms() []form {
	w := &wardrobe{exact: make(map[string]bool, 64*len(n.Places)), folded: map[string]bool{}}
	for _, v := range n.Values {
		if v.Text != "" && !own([]byte(v.Text)) {
			w.text(v.From, v.Text)
		}
		if len(v.Raw) > 0 && !own(v.Raw) {
			w.raw(v.From, v.Raw)
		}
	}
	for _, p := range n.Places {
		w.place(p[0], p[1])
	}
	return w.all
}

type wardrobe struct {
	all           []form
	exact, folded map[string]bool // what is there already
}

const minForm = 5 // bytes of any dress

func (w *wardrobe) add(from, how string, b []byte, exact bool) {
	if len(b) < minForm {
		return
	}
	if len(b) == minForm {
		exact = true
	}
	if !exact {
		b = bytes.Clone(b)
		foldInto(b, b)
	}
	seen := w.folded
	if exact {
		seen = w.exact // a folded form finds more: its twin must not be lost behind an exact one
	}
	if !seen[string(b)] {
		seen[string(b)] = true
		w.all = append(w.all, form{from, how, bytes.Clone(b), exact})
	}
}

// text adds a text in every coding that files and pages use. Latin letters are
// found in both cases by the search itself.
func (w *wardrobe) text(from, v string) {
	for _, s := range []string{v, strings.ToLower(v), strings.ToUpper(v)} {
		w.add(from, "utf-8", []byte(s), false)
		if len(v) > minText && s != v && isASCII(s) {
			continue // the search folds these itself
		}
		little, big := wide(s)
		w.add(from, "utf-16le", little, false)
		w.add(from, "utf-16be", big, false)
		if !isASCII(s) {
			w.add(from, "windows-1251", cyrillic(s), false)
			w.add(from, "escaped", escaped(s), false)
		}
	}
	w.coded(from, []byte(v))
	for _, s := range []string{url.PathEscape(v), url.QueryEscape(v)} {
		w.add(from, "percent", []byte(s), false)
	}
}

func (w *wardrobe) raw(from string, b []byte) {
	w.add(from, "bytes", b, true)
	w.coded(from, b)
}

// coded adds hex, and base64 in its three alignments without the digits that
// depend on the neighbours.
func (w *wardrobe) coded(from string, b []byte) {
	w.add(from, "hex", []byte(hex.EncodeToString(b)), false)
	for shift := range 3 {
		padded := append(make([]byte, shift), b...)
		digits := 8 * len(padded) / 6 // those that these bytes settle
		first := (8*shift + 5) / 6
		if digits-first < 8 {
			continue
		}
		for _, enc := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
			w.add(from, "base64", []byte(enc.EncodeToString(padded))[first:digits], true)
		}
	}
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

func wide(s string) (little, big []byte) {
	for _, u := range utf16.Encode([]rune(s)) {
		little = append(little, byte(u), byte(u>>8))
		big = append(big, byte(u>>8), byte(u))
	}
	return little, big
}

// cyrillic gives Russian letters in Windows-1251, which old cameras and editors
// write; nothing for a text with other letters.
func cyrillic(s string) []byte {
	var out []byte
	for _, r := range s {
		switch {
		case r < 0x80:
			out = append(out, byte(r))
		case r >= 'А' && r <= 'я':
			out = append(out, byte(r-'А'+0xc0))
		case r == 'Ё':
			out = append(out, 0xa8)
		case r == 'ё':
			out = append(out, 0xb8)
		default:
			return nil
		}
	}
	return out
}

// escaped is JSON's way without UTF-8.
func escaped(s string) []byte {
	var out []byte
	for _, u := range utf16.Encode([]rune(s)) {
		if u < 0x80 {
			out = append(out, byte(u))
		} else {
			out = fmt.Appendf(out, "\\u%04x", u)
		}
	}
	return out
}

// place adds a position as texts to a thousandth of a degree (a hundred
// metres) and finer, and packed as cameras do.
func (w *wardrobe) place(lat, lon float64) {
	const from = "place"
	for _, v := range []float64{lat, lon} {
		w.degrees(from, math.Abs(v))
		w.packed(from, "float64", binary.BigEndian.AppendUint64(nil, math.Float64bits(v)))
		w.packed(from, "float64", binary.LittleEndian.AppendUint64(nil, math.Float64bits(v)))
	}
	for _, pair := range [][2]float64{{lat, lon}, {lon, lat}} {
		w.pair(from, "float32", math.Float32bits(float32(pair[0])), math.Float32bits(float32(pair[1])))
		for _, s := range scales {
			for _, round := range []func(float64) float64{math.Round, math.Trunc} {
				w.pair(from, s.how, uint32(fixed(round(pair[0]*s.by))), uint32(fixed(round(pair[1]*s.by))))
			}
		}
	}
}

// scales are those of positions in whole numbers.
var scales = []struct {
	by  float64
	how string
}{{1e5, "int32 × 1e+05"}, {1e6, "int32 × 1e+06"}, {1e7, "int32 × 1e+07"}}

func fixed(v float64) int32 { return int32(max(math.MinInt32, min(math.MaxInt32, v))) }

func (w *wardrobe) pair(from, how string, a, b uint32) {
	var room [8]byte
	w.packed(from, how, binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(room[:0], a), b))
	w.packed(from, how, binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint32(room[:0], a), b))
}

func (w *wardrobe) packed(from, how string, b []byte) {
	if tellingBytes(b) {
		w.add(from, how, b, true)
	}
}

// degrees adds one coordinate without its sign: decimal, with a point or a
// comma; NMEA's degrees and minutes in one; degrees, minutes and seconds; EXIF's
// three rationals.
func (w *wardrobe) degrees(from string, v float64) {
	for _, round := range []func(float64) float64{math.Round, math.Trunc} {
		digits := 3
		for len(fmt.Sprintf("%.*f", digits, v)) < minDigits {
			digits++
		}
		unit := math.Pow10(digits)
		text := fmt.Sprintf("%.*f", digits, round(v*unit)/unit)
		w.add(from, "decimal", []byte(text), true)
		w.add(from, "decimal", []byte(strings.Replace(text, ".", ",", 1)), true)
		little, big := wide(text)
		w.add(from, "decimal, utf-16le", little, true)
		w.add(from, "decimal, utf-16be", big, true)
	}
	d := math.Trunc(v)
	m := (v - d) * 60
	w.add(from, "NMEA", fmt.Appendf(nil, "%02.0f%05.2f", d, math.Trunc(m*100)/100), true)
	w.add(from, "NMEA", fmt.Appendf(nil, "%03.0f%05.2f", d, math.Trunc(m*100)/100), true)
	whole := math.Trunc(m)
	s := (m - whole) * 60
	for _, form := range []string{"%.0f° %.0f' %.0f", "%.0f°%.0f'%.0f", "%.0f deg %.0f' %.0f", "%.0f°%.0f′%.0f"} {
		w.add(from, "degrees", fmt.Appendf(nil, form, d, whole, math.Trunc(s)), true)
	}
	for _, scale := range []float64{1, 100, 1000, 10_000, 1e6} {
		for _, round := range []func(float64) float64{math.Round, math.Trunc} {
			w.rationals(from, [6]uint32{uint32(d), 1, uint32(whole), 1, uint32(round(s * scale)), uint32(scale)})
		}
	}
}

func (w *wardrobe) rationals(from string, n [6]uint32) {
	var room [2][24]byte
	little, big := room[0][:0], room[1][:0]
	for _, v := range n {
		little = binary.LittleEndian.AppendUint32(little, v)
		big = binary.BigEndian.AppendUint32(big, v)
	}
	w.packed(from, "rationals", little)
	w.packed(from, "rationals", big)
}

// ownWords are the runs of bytes that the allow-lists demand. A value that is
// one of them, or a piece of one, is in every file that Kuä publishes.
var ownWords = sync.OnceValue(func() [][]byte {
	var words [][]byte
	for _, p := range []pattern{filmBrand, soundBrand, movieHead, trackHead, emptyTags, editPattern, mediaHead, videoHand, soundHand, videoMedia,
		soundMedia, ownData, rollGroup, rollSample, pictureEntry, colourNCLX, pixelShape, soundHead, soundCoder, webmHead, webmInfo,
		webmTrack, webmOpus, webmTags} {
		var run []byte
		for _, v := range append(p[:len(p):len(p)], anyByte) {
			if v != anyByte {
				run = append(run, byte(v))
				continue
			}
			if len(run) >= minForm {
				words = append(words, run)
			}
			run = nil
		}
	}
	for _, s := range []string{"matroska", "WEBVTT\n", "\x00\x00\x00\x20ftypisom\x00\x00\x02\x00", "\x00\x00\x00\x1cftypM4A \x00\x00\x02\x00", "\x00\x00\x00\x08free", pngSignature + "\x00\x00\x00\x0dIHDR", "IDATx\x9c", "\x00\x00\x00\x00IEND\xae\x42\x60\x82"} {
		words = append(words, []byte(s))
	}
	words = append(words, codeTables())
	for _, word := range words {
		foldInto(word, word)
	}
	return words
})

// codeTables are the tables of T.81's annex K, which stand in every JPEG of Go's
// and in most cameras' as well; some of them read like text.
func codeTables() []byte {
	var b bytes.Buffer
	_ = jpeg.Encode(&b, image.NewRGBA(image.Rect(0, 0, 1, 1)), nil) // a buffer takes everything
	from, to := bytes.Index(b.Bytes(), []byte{0xff, markDHT}), bytes.Index(b.Bytes(), []byte{0xff, markSOS})
	return bytes.Clone(b.Bytes()[from:to])
}

func own(b []byte) bool {
	folded := make([]byte, len(b))
	foldInto(folded, b)
	for _, word := range ownWords() {
		if bytes.Contains(word, folded) {
			return true
		}
	}
	return false
}
