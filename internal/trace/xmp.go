package trace

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/xml"
	"errors"
	"io"
	"strconv"
	"strings"
)

// maxXMLDepth bounds elements in elements.
const maxXMLDepth = 64

// xmpPrefixes are the customary prefixes of the namespaces (ISO 16684-1 and the
// vendors' papers); any other is given whole.
var xmpPrefixes = map[string]string{
	"http://purl.org/dc/elements/1.1/": "dc", "http://ns.adobe.com/xap/1.0/": "xmp", "http://ns.adobe.com/xap/1.0/mm/": "xmpMM",
	"http://ns.adobe.com/xap/1.0/sType/ResourceEvent#": "stEvt", "http://ns.adobe.com/xap/1.0/sType/ResourceRef#": "stRef",
	"http://ns.adobe.com/photoshop/1.0/": "photoshop", "http://ns.adobe.com/exif/1.0/": "exif", "http://cipa.jp/exif/1.0/": "exifEX",
	"http://ns.adobe.com/exif/1.0/aux/": "aux", "http://ns.adobe.com/tiff/1.0/": "tiff", "http://ns.adobe.com/xmp/note/": "xmpNote",
	"http://ns.adobe.com/xap/1.0/g/img/": "xmpGImg", "http://ns.adobe.com/pdf/1.3/": "pdf", "http://ns.adobe.com/xap/1.0/rights/": "xmpRights",
	"http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/": "Iptc4xmpCore", "http://iptc.org/std/Iptc4xmpExt/2008-02-29/": "Iptc4xmpExt",
	"http://ns.google.com/photos/1.0/camera/": "GCamera", "http://ns.google.com/photos/1.0/image/": "GImage",
	"http://ns.google.com/photos/1.0/container/": "Container", "http://ns.google.com/photos/1.0/container/item/": "Item",
	"http://ns.google.com/photos/1.0/depthmap/": "GDepth", "http://ns.adobe.com/camera-raw-settings/1.0/": "crs",
	"http://ns.adobe.com/hdr-gain-map/1.0/": "hdrgm", "http://ns.apple.com/faceinfo/1.0/": "apple-fi",
	"http://www.metadataworkinggroup.com/schemas/regions/": "mwg-rs", "http://ns.microsoft.com/photo/1.0/": "MicrosoftPhoto",
}

// silentSpaces hold the grammar of XMP and nothing of anybody.
var silentSpaces = map[string]bool{
	"http://www.w3.org/1999/02/22-rdf-syntax-ns#": true, "xmlns": true, "http://www.w3.org/XML/1998/namespace": true, "adobe:ns:meta/": true,
}

// readXMP reads an XMP packet: every text and attribute in it becomes a fact.
func readXMP(src *source, s *Sheet, where string, b []byte) error {
	x := &xmpReader{src: src, sheet: s, where: where}
	return x.read(b)
}

type xmpReader struct {
	src      *source
	sheet    *Sheet
	where    string
	lat, lon string
	once     bool // what was told before is not told again
	told     bool // there was something to tell
	packet   []byte
	err      error // the source's own
}

func (x *xmpReader) read(b []byte) error {
	if !src0(b) && len(b) > 2 && (b[0] == 0 || b[1] == 0 || b[0] >= 0xfe) {
		order := binary.ByteOrder(binary.LittleEndian)
		if b[0] == 0 {
			order = binary.BigEndian
		}
		b = []byte(utf16Text(b, order))
	}
	x.packet = b
	d := lenientXML(b)
	var path []string
	for {
		tok, err := d.Token()
		if err != nil {
			if !errors.Is(err, io.EOF) {
				x.sheet.gap(x.where, "broken", 0)
				x.sheet.words(Text, x.where, "XMP", b)
			}
			break
		}
		switch t := tok.(type) {
		case xml.StartElement:
			if len(path) >= maxXMLDepth {
				x.sheet.gap(x.where, "too_deep", 0)
				return x.err
			}
			path = append(path, xmpName(t.Name))
			for _, a := range t.Attr {
				if a.Name.Space == "" || !silentSpaces[a.Name.Space] {
					x.value(append(path, xmpName(a.Name)), a.Value)
				} else if a.Name.Local == "about" || a.Name.Local == "resource" {
					x.value(append(path, "rdf:"+a.Name.Local), a.Value)
				} else if a.Name.Local == "xmptk" {
					x.value(append(path, "x:xmptk"), a.Value)
				}
			}
		case xml.EndElement:
			path = path[:max(0, len(path)-1)]
		case xml.CharData:
			x.value(path, strings.TrimSpace(string(t)))
		case xml.Comment:
			x.value(append(path, "comment"), strings.TrimSpace(string(t)))
		}
	}
	x.place()
	return x.err
}

func src0(b []byte) bool { return len(b) > 0 && b[0] == '<' && len(b) > 1 && b[1] != 0 }

// lenientXML reads XML that need not be well-formed, expands no entities of its
// own and asks nobody for anything.
func lenientXML(b []byte) *xml.Decoder {
	d := xml.NewDecoder(bytes.NewReader(bytes.TrimLeft(b, "\x00\ufeff \r\n\t")))
	d.Strict = false
	d.CharsetReader = func(_ string, in io.Reader) (io.Reader, error) { return in, nil }
	return d
}

func xmpName(n xml.Name) string {
	if n.Space == "" {
		return n.Local
	}
	if silentSpaces[n.Space] {
		return "rdf:" + n.Local
	}
	if p, ok := xmpPrefixes[n.Space]; ok {
		return p + ":" + n.Local
	}
	return n.Space + n.Local
}

// value adds one text with its road.
func (x *xmpReader) value(path []string, text string) {
	if text == "" || x.err != nil {
		return
	}
	var road []string
	for _, p := range path {
		if !strings.HasPrefix(p, "rdf:") || p == "rdf:about" || p == "rdf:resource" {
			road = append(road, p)
		}
	}
	if len(road) == 0 {
		road = []string{"rdf"}
	}
	name := road[len(road)-1]
	where := join(x.where, strings.Join(road, "/"))
	if x.data(where, name, text) {
		return
	}
	switch name {
	case "exif:GPSLatitude":
		x.lat = text
	case "exif:GPSLongitude":
		x.lon = text
	}
	f := Fact{Kind: xmpKind(road), Where: where, Name: name, Value: text}
	x.told = true
	if x.once && !x.src.once(f) {
		return
	}
	if !bytes.Contains(x.packet, []byte(text)) {
		f.Raw = []byte(clip(text)) // entities: the text does not stand there itself
	}
	if f.Kind == Time {
		f.Zone = zoneOf(text)
	}
	if f.Kind == Time || len(f.Raw) > 0 {
		x.sheet.fact(f)
		return
	}
	x.sheet.text(f.Kind, where, name, []byte(text))
}

// zoneOf tells how an ISO 8601 time is to be read.
func zoneOf(text string) string {
	_, clock, ok := strings.Cut(text, "T")
	switch {
	case !ok:
		return "local"
	case strings.HasSuffix(clock, "Z"):
		return "utc"
	case strings.ContainsAny(clock, "+-"):
		return "offset"
	}
	return "local"
}

// xmpKind judges a property by its name and by what it stands in.
func xmpKind(road []string) Kind {
	name := road[len(road)-1]
	local := name[strings.LastIndexAny(name, ":/#")+1:]
	lower := strings.ToLower(local)
	for _, p := range road {
		if strings.HasSuffix(p, ":History") || strings.HasSuffix(p, ":DerivedFrom") || strings.HasSuffix(p, ":DocumentAncestors") || strings.HasSuffix(p, ":Ingredients") {
			if lower == "when" {
				return Time
			}
			return History
		}
	}
	switch {
	case strings.HasSuffix(lower, "date") || strings.HasPrefix(lower, "date") || lower == "when" || lower == "gpstimestamp":
		return Time
	case strings.HasSuffix(lower, "toolkit") || lower == "xmptk" || strings.Contains(lower, "software") || lower == "creatortool" || lower == "producer":
		return Software
	case strings.HasPrefix(lower, "gps") || lower == "city" || lower == "country" || lower == "state" || lower == "location" || strings.HasPrefix(lower, "countr"):
		return Place
	case lower == "usercomment" || lower == "imagedescription":
		return Text
	case lower == "artist" || lower == "copyright" || lower == "creator" || lower == "author" || lower == "ownername" || lower == "contributor" || lower == "publisher" || lower == "credit" ||
		lower == "personinimage" || lower == "rights" || strings.HasPrefix(lower, "ci") && strings.Contains(name, "Iptc") || lower == "captionwriter":
		return Person
	case strings.HasSuffix(lower, "id") || strings.Contains(lower, "serial") || lower == "about" && name == "rdf:about" || strings.Contains(lower, "guid"):
		return Serial
	case lower == "make" || lower == "model" || strings.HasPrefix(lower, "lens") || lower == "firmware":
		return Device
	case strings.HasPrefix(name, "crs:"):
		return History
	case strings.HasPrefix(name, "tiff:") || strings.HasPrefix(name, "exif:") || strings.HasPrefix(name, "hdrgm:") || strings.HasPrefix(name, "Item:"):
		return Encoding
	}
	for _, p := range road[:len(road)-1] {
		if strings.HasSuffix(p, "creator") || strings.HasSuffix(p, "rights") {
			return Person
		}
	}
	return kindOf(local) // a record that is not XMP: by the words in its name
}

// data unpacks pictures and files that stand in XMP as base64.
func (x *xmpReader) data(where, name, text string) bool {
	if len(text) < 256 || !(strings.HasSuffix(name, ":image") || strings.HasSuffix(name, ":Data")) {
		return false
	}
	b, err := base64.StdEncoding.DecodeString(strings.Map(func(r rune) rune {
		if r == '\n' || r == '\r' || r == ' ' || r == '\t' {
			return -1
		}
		return r
	}, strings.TrimRight(text, "=")+strings.Repeat("=", (4-len(strings.TrimRight(text, "="))%4)%4)))
	if err != nil {
		return false
	}
	if !x.src.mayUnpack(int64(len(b))) {
		x.sheet.gap(where, "too_large", int64(len(b)))
		return true
	}
	x.err = x.sheet.picture(x.src.unpacked(b), where, 0, 0)
	return true
}

// place joins the halves of a position, written as "42,52.476N" or in degrees.
func (x *xmpReader) place() {
	lat, ok := xmpDegrees(x.lat)
	lon, ok2 := xmpDegrees(x.lon)
	if ok && ok2 && x.sheet.place(join(x.where, "exif:GPSLatitude"), "GPSPosition", lat, lon, nil) {
		x.sheet.fix(Fix{At: -1, Latitude: lat, Longitude: lon, Source: "xmp"})
	}
}

func xmpDegrees(s string) (float64, bool) {
	if s == "" {
		return 0, false
	}
	sign := 1.0
	switch s[len(s)-1] {
	case 'S', 'W':
		sign, s = -1, s[:len(s)-1]
	case 'N', 'E':
		s = s[:len(s)-1]
	}
	sum, part := 0.0, 1.0
	for p := range strings.SplitSeq(s, ",") {
		n, err := strconv.ParseFloat(p, 64)
		if err != nil || part > 3600 {
			return 0, false
		}
		sum += n / part
		part *= 60
	}
	return sign * sum, sum >= -180 && sum <= 180
}
