package gate

import (
	"bytes"
	"encoding/hex"
	"math"
	"path"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"kua/internal/trace"
)

// Needles are the values of an original that no published file may hold. They
// are as private as the original.
type Needles struct {
	Values []Needle     `json:"values,omitempty"`
	Places [][2]float64 `json:"places,omitempty"` // latitude, longitude
}

// Needle is one value.
type Needle struct {
	From string `json:"from"` // where in the original it was seen
	Text string `json:"text,omitempty"`
	Raw  []byte `json:"raw,omitempty"`
}

// The rule of what is looked for. A value that is shorter or plainer than this
// stands in any film by chance, or in every one: what the allow-list itself
// demands byte for byte ("VideoHandler") says nothing of the original either.
// TestChance measures how often the rest is found in 100 MiB of noise.
const (
	minText     = 5  // bytes of UTF-8
	minDigits   = 6  // of a text of digits alone
	minRaw      = 6  // bytes
	minNonZero  = 5  // of them not zero
	minDistinct = 4  // of them different; a text needs 3
	windowBytes = 32 // a longer value is looked for in pieces of this size
	windows     = 4  // of one value: its beginning, its end and between
	strideBytes = 16 // pieces of what may be glued to something
	strideStep  = 8  // from one to the next
	maxStrides  = 20_000
	maxPlaces   = 20_000
)

// NeedlesOf gives the needles of an original: every value of its sheet, every
// place and moment of its track, and extra values such as its name or its hash.
// An extra value that is the hex form of 16 bytes or more is looked for as bytes too.
func NeedlesOf(s trace.Sheet, extra ...string) Needles {
	c := &collector{seen: map[string]bool{}, places: map[[2]int32]bool{}}
	for _, f := range s.Facts {
		from := f.Where
		if f.Name != "" && !strings.HasSuffix(f.Where, f.Name) {
			from += " " + f.Name
		}
		c.text(from, f.Value)
		c.raw(from, f.Raw)
		switch f.Kind {
		case trace.Leftover, trace.Provenance, trace.Encoding, trace.History:
			c.strides(from, f.Value)
		}
		if f.Name == "text" || f.Name == "encoder" {
			c.strides(from, f.Value)
		}
		switch f.Kind {
		case trace.Time:
			c.moment(from, f.Value)
		case trace.Place:
			c.place(f.Value)
		}
	}
	for _, fix := range s.Track {
		c.at(fix.Latitude, fix.Longitude)
		c.text(fix.Source, fix.Time)
		c.moment(fix.Source, fix.Time)
	}
	for _, v := range extra {
		c.text("name", v)
		if stem := strings.TrimSuffix(v, path.Ext(v)); len(stem) > minText && stem != v {
			c.text("name", stem)
		}
		if b, err := hex.DecodeString(v); err == nil && len(b) >= 16 {
			c.raw("hash", b)
		}
	}
	return c.out
}

type collector struct {
	out    Needles
	seen   map[string]bool
	places map[[2]int32]bool
	strode int // pieces of glued words
}

// text takes a text in, or its pieces.
func (c *collector) text(from, v string) {
	v = strings.TrimFunc(v, func(r rune) bool { return r <= ' ' || r == utf8.RuneError })
	for _, w := range pieces(v) {
		if telling(w) && !c.seen["t"+w] {
			c.seen["t"+w] = true
			c.out.Values = append(c.out.Values, Needle{From: from, Text: w})
		}
	}
}

// strides takes in pieces of what was found in bytes of no known layout: nobody
// knows there where a value begins and ends, and what is glued to it. Whatever
// in it has strideBytes and a step more without a blank is found by itself.
func (c *collector) strides(from, v string) {
	for _, word := range strings.FieldsFunc(v, func(r rune) bool { return r <= ' ' }) {
		if len(word) < strideBytes || len(word) == len(v) && len(v) <= strideBytes {
			continue
		}
		last := len(word) - strideBytes
		for at := 0; ; at = min(at+strideStep, last) {
			begin := at
			for begin < len(word) && !utf8.RuneStart(word[begin]) {
				begin++
			}
			end := at + strideBytes
			for end < len(word) && !utf8.RuneStart(word[end]) {
				end--
			}
			if c.strode++; c.strode > maxStrides {
				return
			}
			c.text(from, word[min(begin, end):end])
			if at == last {
				break
			}
		}
	}
}

// pieces cuts a long value into windows at the edges of runes.
func pieces(v string) []string {
	if len(v) <= 2*windowBytes {
		return []string{v}
	}
	var all []string
	for i := range windows {
		at := i * (len(v) - windowBytes) / (windows - 1)
		end := at + windowBytes
		for at < end && !utf8.RuneStart(v[at]) {
			at++
		}
		for end < len(v) && end > at && !utf8.RuneStart(v[end]) {
			end--
		}
		all = append(all, v[at:end])
	}
	return all
}

// telling reports whether a text says anything when it is found.
func telling(v string) bool {
	if len(v) < minText || len(v) < minDigits && strings.Trim(v, "0123456789.,-+:/ ") == "" {
		return false
	}
	return distinct([]byte(v)) >= 3 && !own([]byte(v))
}

func (c *collector) raw(from string, b []byte) {
	for _, w := range pieces(string(b)) {
		if tellingRaw([]byte(w)) && !c.seen["r"+w] {
			c.seen["r"+w] = true
			c.out.Values = append(c.out.Values, Needle{From: from, Raw: []byte(w)})
		}
	}
}

func tellingRaw(b []byte) bool {
	return tellingBytes(b) && !own(b)
}

func tellingBytes(b []byte) bool {
	return len(b) >= minRaw && len(b)-bytes.Count(b, []byte{0}) >= minNonZero && distinct(b) >= minDistinct
}

func distinct(b []byte) (n int) {
	var seen [256]bool
	for _, c := range b {
		if !seen[c] {
			seen[c] = true
			n++
		}
	}
	return n
}

// momentForms are the forms in which files write a moment.
var momentForms = []string{"2006:01:02 15:04:05", "2006-01-02T15:04:05", "2006-01-02 15:04:05", "20060102T150405", "20060102_150405", "20060102150405"}

// moment adds the other forms of a moment: the same numbers, written as other
// formats would, and packed as MP4 does, in seconds since 1904, twice over.
func (c *collector) moment(from, v string) {
	for _, form := range momentForms {
		if len(v) < len(form) {
			continue
		}
		t, err := time.Parse(form, v[:len(form)])
		if err != nil {
			continue
		}
		for _, other := range momentForms {
			c.text(from, t.Format(other))
		}
		const since1904 = 2_082_844_800
		if s := t.Unix() + since1904; s > 0 && s < math.MaxUint32 {
			four := []byte{byte(s >> 24), byte(s >> 16), byte(s >> 8), byte(s)}
			c.raw(from, append(four, four...))
		}
		return
	}
}

var (
	decimal = regexp.MustCompile(`[-+]?[0-9]{1,3}[.,][0-9]{3,}`)
	degrees = regexp.MustCompile(`([0-9]{1,3})(?: ?deg| ?°| ) ?([0-9]{1,2})['′ ] ?([0-9]{1,2}(?:\.[0-9]+)?)["″]? ?([NSEW]?)`)
)

// place reads positions out of a text.
func (c *collector) place(v string) {
	var numbers []float64
	for _, text := range decimal.FindAllString(v, 64) {
		if n, err := strconv.ParseFloat(strings.Replace(text, ",", ".", 1), 64); err == nil && math.Abs(n) <= 180 {
			numbers = append(numbers, n)
		}
	}
	if len(numbers) == 0 {
		for _, m := range degrees.FindAllStringSubmatch(v, 64) {
			d, _ := strconv.ParseFloat(m[1], 64)
			minutes, _ := strconv.ParseFloat(m[2], 64)
			seconds, _ := strconv.ParseFloat(m[3], 64)
			n := d + minutes/60 + seconds/3600
			if m[4] == "S" || m[4] == "W" {
				n = -n
			}
			numbers = append(numbers, n)
		}
	}
	for i := 0; i < len(numbers); i += 2 {
		c.at(numbers[i], numbers[min(i+1, len(numbers)-1)])
	}
}

// at takes a position in, once for every metre or so.
func (c *collector) at(lat, lon float64) {
	if math.IsNaN(lat) || math.IsNaN(lon) || math.Abs(lat) > 180 || math.Abs(lon) > 180 || lat == 0 && lon == 0 {
		return
	}
	key := [2]int32{int32(math.Round(lat * 1e5)), int32(math.Round(lon * 1e5))}
	if c.places[key] {
		return
	}
	c.places[key] = true
	if len(c.out.Places) < maxPlaces {
		c.out.Places = append(c.out.Places, [2]float64{lat, lon})
		return
	}
	// A longer track is thinned evenly: every place comes in, and the one that
	// it takes the place of is chosen by its own digits.
	c.out.Places[uint32(key[0]*31+key[1])%maxPlaces] = [2]float64{lat, lon}
}

// Count is how many values there are.
func (n Needles) Count() int { return len(n.Values) + len(n.Places) }
