package trace

import (
	"bytes"
	"strconv"
)

// Values of PDF objects (ISO 32000-2, 7.3). Numbers, true, false and null are
// pdfWord.
type (
	pdfName   string
	pdfWord   string
	pdfString []byte
	pdfRef    int64
	pdfArray  []any
	pdfDict   map[string]any
)

// pdfParser reads values; a broken one gives what was read so far.
type pdfParser struct {
	b     []byte
	at    int
	items int // how many more values may come
}

const pdfSpace = " \t\r\n\f\x00"

func isSpace(c byte) bool { return bytes.IndexByte([]byte(pdfSpace), c) >= 0 }
func isDelim(c byte) bool { return bytes.IndexByte([]byte("()<>[]{}/%"), c) >= 0 }

func (p *pdfParser) space() {
	for p.at < len(p.b) {
		switch c := p.b[p.at]; {
		case isSpace(c):
			p.at++
		case c == '%':
			for p.at < len(p.b) && p.b[p.at] != '\n' && p.b[p.at] != '\r' {
				p.at++
			}
		default:
			return
		}
	}
}

// value reads one value; nil at the end, at a closing mark, or where nothing can be read.
func (p *pdfParser) value(depth int) any {
	p.space()
	if p.items--; p.items < 0 || depth > maxDepth || p.at >= len(p.b) {
		p.at = len(p.b)
		return nil
	}
	switch c := p.b[p.at]; {
	case c == '/':
		p.at++
		return pdfName(p.name())
	case c == '(':
		return p.literal()
	case c == '<' && p.at+1 < len(p.b) && p.b[p.at+1] == '<':
		p.at += 2
		return p.dict(depth)
	case c == '<':
		return p.hex()
	case c == '[':
		p.at++
		var a pdfArray
		for {
			v := p.value(depth + 1)
			if v == nil {
				if p.at < len(p.b) && p.b[p.at] == ']' {
					p.at++
				}
				return a
			}
			a = append(a, v)
		}
	case isDelim(c):
		return nil
	}
	return p.word()
}

func (p *pdfParser) name() string {
	var out []byte
	for p.at < len(p.b) && !isSpace(p.b[p.at]) && !isDelim(p.b[p.at]) {
		c := p.b[p.at]
		if c == '#' && p.at+2 < len(p.b) {
			if n, err := strconv.ParseUint(string(p.b[p.at+1:p.at+3]), 16, 8); err == nil {
				c = byte(n)
				p.at += 2
			}
		}
		out = append(out, c)
		p.at++
	}
	return string(out)
}

func (p *pdfParser) token() string {
	start := p.at
	for p.at < len(p.b) && !isSpace(p.b[p.at]) && !isDelim(p.b[p.at]) {
		p.at++
	}
	return string(p.b[start:p.at])
}

// word reads a number or a word; "12 0 R" is a reference.
func (p *pdfParser) word() any {
	first := p.token()
	if first == "" {
		return nil
	}
	n, err := strconv.ParseInt(first, 10, 64)
	if err != nil || n < 0 {
		return pdfWord(first)
	}
	before := p.at
	p.space()
	if _, err := strconv.ParseUint(p.token(), 10, 16); err == nil {
		p.space()
		if p.token() == "R" {
			return pdfRef(n)
		}
	}
	p.at = before
	return pdfWord(first)
}

func (p *pdfParser) dict(depth int) pdfDict {
	d := make(pdfDict)
	for {
		key, ok := p.value(depth + 1).(pdfName)
		if !ok {
			p.space()
			if bytes.HasPrefix(p.b[p.at:], []byte(">>")) {
				p.at += 2
			}
			return d
		}
		v := p.value(depth + 1)
		if v == nil {
			if bytes.HasPrefix(p.b[p.at:], []byte(">>")) {
				p.at += 2
			}
			return d
		}
		d[string(key)] = v
	}
}

func (p *pdfParser) hex() pdfString {
	p.at++
	out, half, have := pdfString{}, byte(0), false
	for ; p.at < len(p.b); p.at++ {
		c := p.b[p.at]
		if c == '>' {
			p.at++
			break
		}
		n, err := strconv.ParseUint(string(rune(c)), 16, 8)
		if err != nil {
			continue
		}
		if have {
			out = append(out, half<<4|byte(n))
		}
		half, have = byte(n), !have
	}
	if have {
		out = append(out, half<<4)
	}
	return out
}

// pdfEscapes of literal strings.
var pdfEscapes = map[byte]byte{'n': '\n', 'r': '\r', 't': '\t', 'b': '\b', 'f': '\f'}

func (p *pdfParser) literal() pdfString {
	p.at++
	out := pdfString{}
	for open := 1; p.at < len(p.b); p.at++ {
		c := p.b[p.at]
		switch c {
		case '(':
			open++
		case ')':
			if open--; open == 0 {
				p.at++
				return out
			}
		case '\\':
			p.at++
			if p.at >= len(p.b) {
				return out
			}
			c = p.b[p.at]
			if e, ok := pdfEscapes[c]; ok {
				c = e
			} else if c == '\r' || c == '\n' {
				if c == '\r' && p.at+1 < len(p.b) && p.b[p.at+1] == '\n' {
					p.at++
				}
				continue
			} else if c >= '0' && c <= '7' {
				n := 0
				for i := 0; i < 3 && p.at < len(p.b) && p.b[p.at] >= '0' && p.b[p.at] <= '7'; i++ {
					n = n*8 + int(p.b[p.at]-'0')
					p.at++
				}
				p.at--
				c = byte(n)
			}
		}
		out = append(out, c)
	}
	return out
}

// pdfText decodes a text string (7.9.2.2).
func pdfText(b pdfString) []byte {
	switch {
	case bytes.HasPrefix(b, []byte("\xfe\xff")), bytes.HasPrefix(b, []byte("\xff\xfe")):
		return []byte(utf16Text(b, nil))
	case bytes.HasPrefix(b, []byte("\xef\xbb\xbf")):
		return b[3:]
	}
	return b
}
