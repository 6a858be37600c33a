package trace

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Bounds of one PDF file.
const (
	maxObjects = 200_000
	pdfWindow  = 1 << 20
	maxValues  = 4 << 20 // of all packed objects: strings, numbers, names
)

// readPDF reads a PDF file (ISO 32000-2) without its index: every object that
// lies in it is read, also those that a later revision replaced. What lies under
// a black box is not judged.
func readPDF(src *source, s *Sheet) error {
	p := &pdfFile{src: src, sheet: s, times: make(map[int64]int), thumbs: make(map[int64]bool), images: make(map[int64]Preview), refs: make(map[int64]bool), toParse: maxValues}
	if err := p.scan(); err != nil {
		return err
	}
	if p.encrypted {
		s.gap("", "encrypted", src.size)
	}
	next := int64(0)
	for i, o := range p.objects {
		if o.at < next { // inside the stream of the one before
			continue
		}
		limit := src.size
		if i+1 < len(p.objects) {
			limit = p.objects[i+1].at
		}
		var err error
		if next, err = p.object(o, limit); err != nil {
			return err
		}
	}
	if err := p.unreferenced(); err != nil {
		return err
	}
	p.revisions()
	for _, n := range slices.Sorted(maps.Keys(p.thumbs)) {
		if v, ok := p.images[n]; ok {
			s.preview(v)
		}
	}
	return p.after()
}

type pdfFile struct {
	src        *source
	sheet      *Sheet
	objects    []pdfObject
	trailers   []int64
	times      map[int64]int // how often a number is defined
	ends       []int64       // of %%EOF marks
	linearized bool
	encrypted  bool
	thumbs     map[int64]bool
	images     map[int64]Preview
	comments   int
	refs       map[int64]bool // objects that something points to
	loose      []looseStream  // streams whose content was not looked at
	toParse    int            // values of packed objects that may still be read
}

// looseStream is a stream of no kind that tells something by itself.
type looseStream struct {
	where  string
	number int64
	flate  bool
	body   *source
}

type pdfObject struct {
	number, at int64 // at is behind "obj"
}

var pdfMarks = pattern(`(\d{1,10})[ \t\r\n\f\x00]+\d{1,5}[ \t\r\n\f\x00]+obj|trailer|%%EOF|/Linearized|/Encrypt[ /<]|[\r\n]%[^%\r\n][^\r\n]*`)

// scan finds objects, trailers and ends, a window at a time.
func (p *pdfFile) scan() error {
	const overlap = 512
	seen := int64(-1) // where the last mark ended: windows overlap
	for at := int64(0); at < p.src.size; at += pdfWindow - overlap {
		b, err := p.src.bytes(at, min(pdfWindow, p.src.size-at))
		if err != nil {
			return ignoreShort(err)
		}
		for _, m := range pdfMarks().FindAllSubmatchIndex(b, -1) {
			if end := at + int64(m[1]); end > seen {
				seen = end
				p.mark(b[m[0]:m[1]], b, m, at)
			}
		}
		if len(b) < pdfWindow {
			break
		}
	}
	return nil
}

func (p *pdfFile) mark(mark, b []byte, m []int, at int64) {
	end := at + int64(m[1])
	switch {
	case m[2] >= 0:
		n, err := strconv.ParseInt(string(b[m[2]:m[3]]), 10, 64)
		if err != nil || len(p.objects) >= maxObjects {
			if len(p.objects) == maxObjects {
				p.sheet.gap("objects", "too_many", p.src.size-end)
			}
			return
		}
		p.objects = append(p.objects, pdfObject{n, end})
		p.times[n]++
	case mark[0] == 't':
		if len(p.trailers) < 1_000 {
			p.trailers = append(p.trailers, end)
			p.objects = append(p.objects, pdfObject{-1, end})
		}
	case mark[0] == '%':
		if len(p.ends) < 10_000 {
			p.ends = append(p.ends, end)
		}
	case mark[0] == '/' && mark[1] == 'L':
		p.linearized = p.linearized || end < 4<<10
	case mark[0] == '/':
		p.encrypted = true
	default: // a comment, which no reader shows
		if p.comments++; p.comments <= 100 && printable(string(mark[2:])) && end > 64 {
			p.sheet.text(Leftover, "comment", "Comment", mark[2:])
		}
	}
}

// revisions says how often the file was saved anew behind itself.
func (p *pdfFile) revisions() {
	n := len(p.ends)
	if p.linearized {
		n-- // the first page of such a file ends with a mark of its own
	}
	if n > 1 {
		p.sheet.fact(Fact{Kind: History, Where: "revisions", Name: "Revisions", Value: strconv.Itoa(n)})
	}
	replaced := 0
	for _, n := range p.times {
		if n > 1 {
			replaced++
		}
	}
	if replaced > 0 {
		p.sheet.fact(Fact{Kind: History, Where: "revisions", Name: "ReplacedObjects", Value: strconv.Itoa(replaced)})
	}
}

func (p *pdfFile) after() error {
	if len(p.ends) == 0 {
		p.sheet.gap("", "broken", 0)
		return nil
	}
	end := p.ends[len(p.ends)-1]
	b, err := p.src.bytes(end, min(p.src.size-end, maxPart))
	if err != nil || len(bytes.Trim(b, pdfSpace)) == 0 {
		return err
	}
	return leftover(p.src.part(end, p.src.size-end), p.sheet, "after %%EOF")
}

// object reads one object, up to limit or to the end of its stream.
func (p *pdfFile) object(o pdfObject, limit int64) (next int64, err error) {
	b, err := p.src.bytes(o.at, min(limit-o.at, maxPart))
	if err != nil {
		return 0, ignoreShort(err)
	}
	parser := &pdfParser{b: b, items: 100_000}
	v := parser.value(0)
	where := fmt.Sprintf("object %d", o.number)
	if o.number < 0 {
		where = "trailer"
	}
	d, ok := v.(pdfDict)
	parser.space()
	if !ok || !bytes.HasPrefix(b[parser.at:], []byte("stream")) {
		p.value(where, v)
		return 0, nil
	}
	start := o.at + int64(parser.at) + 6
	if rest := b[parser.at+6:]; bytes.HasPrefix(rest, []byte("\r\n")) {
		start += 2
	} else if len(rest) > 0 && (rest[0] == '\n' || rest[0] == '\r') {
		start++
	}
	size, err := p.streamSize(d, start)
	if err != nil {
		return 0, err
	}
	p.value(where, d)
	return start + size, p.stream(where, o.number, d, p.src.part(start, size))
}

// streamSize is what the dictionary says, if "endstream" stands there, else what
// a search for it gives.
func (p *pdfFile) streamSize(d pdfDict, start int64) (int64, error) {
	if n, err := strconv.ParseInt(pdfPlain(d["Length"]), 10, 64); err == nil && n >= 0 && n <= p.src.size-start {
		b, err := p.src.bytes(start+n, min(32, p.src.size-start-n))
		if err != nil {
			return 0, ignoreShort(err)
		}
		if bytes.HasPrefix(bytes.TrimLeft(b, pdfSpace), []byte("endstream")) {
			return n, nil
		}
	}
	for at := start; at < p.src.size; at += pdfWindow - 16 {
		b, err := p.src.bytes(at, min(pdfWindow, p.src.size-at))
		if err != nil {
			return 0, ignoreShort(err)
		}
		if i := bytes.Index(b, []byte("endstream")); i >= 0 {
			return at + int64(i) - start, nil
		}
	}
	return p.src.size - start, nil
}

func pdfPlain(v any) string {
	switch v := v.(type) {
	case pdfWord:
		return string(v)
	case pdfName:
		return string(v)
	}
	return ""
}

// filters lists a stream's filters.
func filters(d pdfDict) (names []string) {
	switch v := d["Filter"].(type) {
	case pdfName:
		return []string{string(v)}
	case pdfArray:
		for _, f := range v {
			names = append(names, pdfPlain(f))
		}
	}
	return names
}

// stream reads a stream that may tell something.
func (p *pdfFile) stream(where string, number int64, d pdfDict, body *source) error {
	kind, sub := pdfPlain(d["Type"]), pdfPlain(d["Subtype"])
	_, profile := d["N"]
	wanted := kind == "Metadata" || sub == "XML" || kind == "ObjStm" || kind == "EmbeddedFile" || sub == "Image" || profile && kind == ""
	names := filters(d)
	if kind != "XRef" && !wanted && len(names) < 2 && len(p.loose) < maxObjects {
		flate := len(names) == 1 && (names[0] == "FlateDecode" || names[0] == "Fl")
		if flate || len(names) == 0 {
			p.loose = append(p.loose, looseStream{where, number, flate, body})
		}
	}
	if kind == "XRef" || !wanted {
		return nil
	}
	if sub == "Image" {
		p.image(where, number, d, body)
	}
	unpacked := body
	for i, name := range names {
		switch name {
		case "FlateDecode", "Fl":
			b, err := unpacked.bytes(0, min(unpacked.size, maxPart))
			if err != nil {
				return err
			}
			if sub == "Image" && i+1 == len(names) {
				return nil // bare pixels
			}
			if p.encrypted {
				return nil
			}
			unpacked = body.unpacked(inflate(p.src, p.sheet, where, b))
		case "DCTDecode", "DCT":
		default:
			if sub != "Image" {
				p.sheet.gap(where, "unknown", body.size)
			}
			return nil
		}
	}
	switch {
	case kind == "ObjStm":
		return p.objectStream(where, d, unpacked)
	case kind == "EmbeddedFile":
		return p.embedded(where, unpacked)
	case sub == "Image":
		_, err := p.sheet.embed(unpacked, where)
		return err
	}
	b, err := unpacked.bytes(0, min(unpacked.size, maxPart))
	if err != nil {
		return err
	}
	if profile && kind == "" {
		if len(b) > 40 && string(b[36:40]) == "acsp" {
			readICC(p.sheet, where+"/ICC", b)
		}
		return nil
	}
	if p.encrypted && !bytes.Contains(b, []byte("xmpmeta")) {
		return nil
	}
	return readXMP(p.src, p.sheet, where+"/XMP", b)
}

func (p *pdfFile) image(where string, number int64, d pdfDict, body *source) {
	if len(p.images) >= 10_000 {
		return
	}
	v := Preview{Where: where + "/Thumb", Type: "application/octet-stream", Start: body.place(0), Size: body.size}
	v.Width, _ = strconv.Atoi(pdfPlain(d["Width"]))
	v.Height, _ = strconv.Atoi(pdfPlain(d["Height"]))
	v.Width, v.Height = max(v.Width, 0), max(v.Height, 0)
	p.images[number] = v
}

// unreferenced looks for words in streams that nothing points to: pages and
// texts that an editor took out and left lying there.
func (p *pdfFile) unreferenced() error {
	if p.encrypted {
		return nil
	}
	for _, l := range p.loose {
		if p.refs[l.number] {
			continue
		}
		b, err := l.body.bytes(0, min(l.body.size, maxPart))
		if err != nil {
			return ignoreShort(err)
		}
		if l.flate {
			b = inflate(p.src, p.sheet, l.where, b)
		}
		p.sheet.words(Leftover, l.where+"/unreferenced stream", "stream", b)
	}
	return nil
}

// embedded reads a file that was put into the document.
func (p *pdfFile) embedded(where string, body *source) error {
	where += "/EmbeddedFile"
	format, err := p.sheet.embed(body, where)
	if err != nil || format != "" {
		return err
	}
	b, err := body.bytes(0, min(body.size, maxPart))
	if err == nil {
		p.sheet.unknown(Text, where, "EmbeddedFile", b)
	}
	return err
}

// objectStream reads objects that are packed together (7.5.7).
func (p *pdfFile) objectStream(where string, d pdfDict, body *source) error {
	b, err := io.ReadAll(io.NewSectionReader(body.in, 0, min(body.size, maxPart)))
	if err != nil {
		return err
	}
	n, _ := strconv.Atoi(pdfPlain(d["N"]))
	first, _ := strconv.Atoi(pdfPlain(d["First"]))
	if first < 0 || first > len(b) {
		p.sheet.gap(where, "broken", int64(len(b)))
		return nil
	}
	head := &pdfParser{b: b[:first], items: 2 * maxObjects}
	for range min(max(n, 0), maxObjects) {
		if p.toParse <= 0 {
			p.sheet.gap(where, "too_many", int64(len(b)))
			return nil
		}
		number, ok1 := head.value(0).(pdfWord)
		at, err := strconv.Atoi(pdfPlain(head.value(0)))
		if !ok1 || err != nil || at < 0 || at > len(b)-first {
			p.sheet.gap(where, "broken", 0)
			return nil
		}
		id, _ := strconv.ParseInt(string(number), 10, 64)
		p.times[id]++
		parser := &pdfParser{b: b[first+at:], items: min(100_000, p.toParse)}
		had := parser.items
		v := parser.value(0)
		p.toParse -= had - parser.items + 1 + parser.at/64
		p.value("object "+clip(string(number)), v)
	}
	return nil
}

// pdfSilent are strings that hold the grammar of fonts and forms.
var pdfSilent = map[string]bool{"Registry": true, "Ordering": true, "Panose": true, "CharSet": true, "DA": true, "Style": true, "Encoding": true}

// value tells of every string in a value.
func (p *pdfFile) value(where string, v any) {
	p.walk(where, "", nil, v, 0)
}

func (p *pdfFile) walk(where, key string, in pdfDict, v any, depth int) {
	if depth > maxDepth {
		return
	}
	switch v := v.(type) {
	case pdfDict:
		if ref, ok := v["Thumb"].(pdfRef); ok {
			p.thumbs[int64(ref)] = true
		}
		for _, k := range slices.Sorted(maps.Keys(v)) {
			p.walk(join(where, clip(k)), clip(k), v, v[k], depth+1)
		}
	case pdfArray:
		for _, e := range v {
			p.walk(where, key, in, e, depth+1)
		}
	case pdfString:
		p.say(where, key, in, v)
	case pdfRef:
		p.refs[int64(v)] = true
	}
}

// say adds one string by its key and by the dictionary it stands in.
func (p *pdfFile) say(where, key string, in pdfDict, v pdfString) {
	if len(v) == 0 || pdfSilent[key] {
		return
	}
	if key == "ID" {
		p.sheet.fact(Fact{Kind: Serial, Where: where, Name: key, Value: strings.ToUpper(fmt.Sprintf("%x", []byte(v))), Raw: v})
		return
	}
	if p.encrypted {
		return
	}
	signature := pdfPlain(in["Type"]) == "Sig"
	text := pdfText(v)
	switch {
	case signature && key == "Contents":
		p.sheet.fact(Fact{Kind: Provenance, Where: where, Name: "Signature", Raw: v[:min(len(v), MaxValue)]})
		p.sheet.words(Provenance, where, "Signature", v)
	case signature && key == "Location":
		p.sheet.text(Place, where, key, text)
	case signature && key != "M":
		p.sheet.text(Provenance, where, key, text)
	case strings.HasSuffix(key, "Date") || key == "M" || key == "LastModified":
		f := Fact{Kind: Time, Where: where, Name: key, Value: string(text), Zone: "local"}
		if strings.ContainsAny(f.Value, "+-") {
			f.Zone = "offset"
		} else if strings.HasSuffix(f.Value, "Z") {
			f.Zone = "utc"
		}
		p.sheet.fact(f)
	case key == "Author" || key == "T" && in["Subtype"] != nil && in["FT"] == nil || key == "Company" || key == "Manager":
		p.sheet.text(Person, where, key, text)
	case key == "Creator" || key == "Producer":
		p.sheet.text(Software, where, key, text)
	case key == "NM" || key == "GTS_PDFXVersion":
		p.sheet.text(Serial, where, key, text)
	case printable(string(text)):
		p.sheet.text(Text, where, key, text)
	case len(text) >= minWord:
		p.sheet.words(Text, where, key, text)
	}
}
