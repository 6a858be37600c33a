package trace

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// readText reads plain text: hardly anything, but what an eye does not see.
func readText(src *source, s *Sheet) error {
	b, err := src.bytes(0, min(src.size, maxPart))
	if err != nil {
		return err
	}
	if src.size > maxPart {
		s.gap("", "too_large", src.size-maxPart)
	}
	readPlain(s, "", b)
	return nil
}

var modeline = pattern(`(?m)^.{0,200}(?:-\*-.*-\*-|\bvim?:.*)\r?$`)

// readPlain tells of a text what no reader sees: its mark, letters without a
// shape, an editor's line, a ProofMode table.
func readPlain(s *Sheet, where string, b []byte) {
	for _, v := range [][2]string{{"\xef\xbb\xbf", "UTF-8"}, {"\xff\xfe", "UTF-16LE"}, {"\xfe\xff", "UTF-16BE"}} {
		if mark := v[0]; has(b, mark) {
			s.fact(Fact{Kind: Encoding, Where: where, Name: "ByteOrderMark", Value: v[1], Raw: []byte(mark)})
			if v[1] != "UTF-8" {
				b = []byte(utf16Text(b, nil))
			}
			break
		}
	}
	if bytes.Contains(b[:min(len(b), 4096)], []byte("\r\n")) {
		s.fact(Fact{Kind: Encoding, Where: where, Name: "LineEnds", Value: "CRLF"})
	}
	for _, m := range modeline().FindAll(b, 20) {
		s.text(Software, where, "Modeline", m)
	}
	counts := make(map[rune]int)
	for i := 0; i < len(b); {
		r, n := utf8.DecodeRune(b[i:])
		i += n
		if (unicode.IsControl(r) || unicode.Is(unicode.Cf, r)) && r != '\n' && r != '\r' && r != '\t' && r != '\uFEFF' {
			counts[r]++
		}
	}
	for _, r := range slices.Sorted(maps.Keys(counts)) {
		s.fact(Fact{Kind: Encoding, Where: where, Name: "InvisibleCharacters", Value: fmt.Sprintf("U+%04X ×%d", r, counts[r]), Raw: []byte(string(r))})
	}
	if first, _, _ := bytes.Cut(b, []byte("\n")); bytes.Contains(first, []byte("File Hash SHA256")) || bytes.Contains(first, []byte("Proof Generated")) {
		s.fact(Fact{Kind: Provenance, Where: where, Name: "ProofMode", Value: strings.TrimSpace(clip(string(first)))})
		s.text(Provenance, where, "ProofMode", b[len(first):])
	}
}

// rtfDestinations that tell something (Rich Text Format 1.9.1).
var rtfDestinations = map[string]tag{
	"author": {name: "author", kind: Person}, "operator": {name: "operator", kind: Person}, "manager": {name: "manager", kind: Person}, "company": {name: "company", kind: Person},
	"title": {name: "title", kind: Text}, "subject": {name: "subject", kind: Text}, "keywords": {name: "keywords", kind: Text}, "comment": {name: "comment", kind: Text}, "doccomm": {name: "doccomm", kind: Text},
	"hlinkbase": {name: "hlinkbase", kind: Text}, "category": {name: "category", kind: Text}, "generator": {name: "generator", kind: Software},
	"creatim": {name: "creatim", kind: Time}, "revtim": {name: "revtim", kind: Time}, "printim": {name: "printim", kind: Time}, "buptim": {name: "buptim", kind: Time},
	"rsidtbl": {name: "rsidtbl", kind: Serial}, "revtbl": {name: "revtbl", kind: Person}, "annotation": {name: "annotation", kind: Text}, "atnauthor": {name: "atnauthor", kind: Person},
	"atnid": {name: "atnid", kind: Person}, "template": {name: "template", kind: Software}, "passwordhash": {name: "passwordhash", kind: Serial}, "deleted": {name: "deleted", kind: History}, "docvar": {name: "docvar", kind: Text}, "userprops": {name: "userprops", kind: Text},
}

type rtfGroup struct {
	tag   tag
	text  []byte
	word  string // control words with numbers, for times
	skips int    // of what follows \u
	pict  bool
}

// readRTF reads the groups of an RTF file that tell something.
func readRTF(src *source, s *Sheet) error {
	b, err := src.bytes(0, min(src.size, maxPart))
	if err != nil {
		return err
	}
	if src.size > maxPart {
		s.gap("", "too_large", src.size-maxPart)
	}
	stack := []rtfGroup{{}}
	at := 0
	for at < len(b) && len(stack) > 0 {
		top := &stack[len(stack)-1]
		switch c := b[at]; c {
		case '{':
			at++
			if len(stack) > 1_000 {
				s.gap("", "too_deep", 0)
				return nil
			}
			stack = append(stack, rtfGroup{tag: tag{name: top.tag.name, kind: top.tag.kind}, pict: top.pict})
		case '}':
			at++
			if err := top.end(src, s); err != nil {
				return err
			}
			stack = stack[:len(stack)-1]
			if len(stack) == 1 { // the document's own group
				if rest := bytes.Trim(b[at:], "\x00\r\n \t"); len(rest) > 0 {
					s.unknown(Leftover, "after the end", "bytes", rest)
				}
				return nil
			}
		case '\\':
			at = top.control(b, at+1)
		default:
			at++
			if c != '\r' && c != '\n' && (top.tag.kind != "" || top.pict) {
				top.text = append(top.text, c)
			}
		}
	}
	s.gap("", "broken", 0)
	return nil
}

// control reads one control word or symbol and gives where the rest begins.
func (g *rtfGroup) control(b []byte, at int) int {
	start := at
	for at < len(b) && (b[at] >= 'a' && b[at] <= 'z' || b[at] >= 'A' && b[at] <= 'Z') {
		at++
	}
	if at == start { // a symbol
		if at+2 < len(b) && b[at] == '\'' {
			if n, err := hex.DecodeString(string(b[at+1 : at+3])); err == nil && g.tag.kind != "" {
				g.text = append(g.text, n...)
			}
			return at + 3
		}
		if at < len(b) && g.tag.kind != "" && strings.IndexByte("\\{}", b[at]) >= 0 {
			g.text = append(g.text, b[at])
		}
		return at + 1
	}
	word := string(b[start:at])
	digits := at
	if at < len(b) && b[at] == '-' {
		at++
	}
	for at < len(b) && b[at] >= '0' && b[at] <= '9' {
		at++
	}
	number := string(b[digits:at])
	if at < len(b) && b[at] == ' ' {
		at++
	}
	switch t, ok := rtfDestinations[word]; {
	case ok && len(g.text) == 0:
		g.tag = t
	case word == "pict":
		g.pict = true
	case word == "u" && g.tag.kind != "":
		if n, err := strconv.Atoi(number); err == nil {
			g.text = utf8.AppendRune(g.text, rune(uint16(n)))
			if at < len(b) && b[at] == '?' {
				at++
			}
		}
	case g.tag.kind == Time || g.tag.kind == Serial:
		g.word += word + number + " "
	}
	return at
}

// end tells what a group held.
func (g *rtfGroup) end(src *source, s *Sheet) error {
	if g.pict && len(g.text) > 64 {
		digits := bytes.Map(func(r rune) rune {
			if strings.ContainsRune("0123456789abcdefABCDEF", r) {
				return r
			}
			return -1
		}, g.text)
		if b, err := hex.DecodeString(string(digits[:len(digits)/2*2])); err == nil && src.mayUnpack(int64(len(b))) {
			_, err := s.embed(src.unpacked(b), "pict")
			return err
		}
	}
	text := strings.TrimSpace(string(g.text))
	switch g.tag.kind {
	case "":
	case Time:
		s.fact(Fact{Kind: Time, Where: "info/" + g.tag.name, Name: g.tag.name, Value: strings.TrimSpace(g.word), Zone: "local"})
	case Serial:
		s.text(Serial, "info/"+g.tag.name, g.tag.name, []byte(strings.TrimSpace(g.word+text)))
	default:
		s.text(g.tag.kind, "info/"+g.tag.name, g.tag.name, []byte(text))
	}
	return nil
}

// olePID are the properties of the old Office's summaries ([MS-OLEPS], [MS-OSHARED]).
var olePID = map[uint32]tag{2: {name: "Title", kind: Text}, 3: {name: "Subject", kind: Text}, 4: {name: "Author", kind: Person}, 5: {name: "Keywords", kind: Text}, 6: {name: "Comments", kind: Text},
	7: {name: "Template", kind: Software}, 8: {name: "LastAuthor", kind: Person}, 9: {name: "RevisionNumber", kind: History}, 10: {name: "EditTime", kind: History}, 11: {name: "LastPrinted", kind: Time},
	12: {name: "Created", kind: Time}, 13: {name: "LastSaved", kind: Time}, 18: {name: "Application", kind: Software}}

// readOLE reads the old Office: its summaries by their fixed heads, and the
// pictures in it. Everything else of it stays a Gap.
func readOLE(src *source, s *Sheet) error {
	b, err := src.bytes(0, min(src.size, maxPart))
	if err != nil {
		return err
	}
	// The format identifier of the summary stands before its section.
	const summary = "\xe0\x85\x9f\xf2\xf9\x4f\x68\x10\xab\x91\x08\x00\x2b\x27\xb3\xd9"
	const document = "\x02\xd5\xcd\xd5\x9c\x2e\x1b\x10\x93\x97\x08\x00\x2b\x2c\xf9\xae"
	for n, at := 0, 0; n < 16; n++ {
		i := bytes.Index(b[at:], []byte(summary))
		name, table := "SummaryInformation", olePID
		if j := bytes.Index(b[at:], []byte(document)); j >= 0 && (i < 0 || j < i) {
			i, name, table = j, "DocumentSummaryInformation", map[uint32]tag{2: {name: "Category", kind: Text}, 14: {name: "Manager", kind: Person}, 15: {name: "Company", kind: Person}}
		}
		if i < 0 {
			break
		}
		at += i
		oleSection(s, name, b, at, table)
		at += 16
	}
	s.gap("", "unknown", src.size)
	s.words(Text, "", "OLE", b)
	return nil
}

// oleSection reads one property set; 28 bytes before its identifier it begins,
// and its section's offset stands behind it.
func oleSection(s *Sheet, name string, b []byte, at int, table map[uint32]tag) {
	le := binary.LittleEndian
	begin := at - 28
	if begin < 0 || at+20 > len(b) {
		return
	}
	section := begin + int(le.Uint32(b[at+16:]))
	if section < 0 || section+8 > len(b) {
		s.gap(name, "broken", 0)
		return
	}
	for i := range int(min(le.Uint32(b[section+4:]), 200)) {
		e := section + 8 + 8*i
		if e+8 > len(b) {
			return
		}
		t, known := table[le.Uint32(b[e:])]
		value := section + int(le.Uint32(b[e+4:]))
		if !known || value < 0 || value+12 > len(b) {
			continue
		}
		where := name + "/" + t.name
		switch kind := le.Uint32(b[value:]); kind {
		case 0x1e, 0x1f:
			n := int(le.Uint32(b[value+4:]))
			if kind == 0x1f {
				n *= 2
			}
			n = min(max(n, 0), len(b)-value-8)
			if kind == 0x1f {
				s.utf16(t.kind, where, t.name, b[value+8:value+8+n], le)
			} else {
				s.text(t.kind, where, t.name, b[value+8:value+8+n])
			}
		case 0x40:
			ticks := int64(le.Uint64(b[value+4:]))
			if ticks > 0 && t.kind == Time {
				when := time.Unix(ticks/10_000_000-11_644_473_600, 0).UTC()
				s.fact(Fact{Kind: Time, Where: where, Name: t.name, Value: when.Format("2006-01-02 15:04:05"), Zone: "utc", Raw: b[value+4 : value+12]})
			}
		}
	}
}
