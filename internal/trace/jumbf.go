package trace

import (
	"crypto/x509"
	"encoding/binary"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// readJUMBF reads the boxes of ISO/IEC 19566-5, in which C2PA keeps its
// manifests. It says what the manifest claims and who signed it; it does not
// check whether the signature holds.
func readJUMBF(src *source, s *Sheet, where string, b []byte, depth int) error {
	label := ""
	for len(b) >= 8 {
		n, kind, head := int64(binary.BigEndian.Uint32(b)), string(b[4:8]), int64(8)
		if n == 1 && len(b) >= 16 {
			n, head = int64(min(binary.BigEndian.Uint64(b[8:]), math.MaxInt64)), 16
		}
		if n == 0 {
			n = int64(len(b))
		}
		if n < head || n > int64(len(b)) {
			s.gap(where, "broken", int64(len(b)))
			s.words(Provenance, where, "JUMBF", b)
			return nil
		}
		body := b[head:n]
		b = b[n:]
		path := join(where, label)
		switch kind {
		case "jumb":
			if depth >= maxDepth {
				s.gap(where, "too_deep", n)
				continue
			}
			if err := readJUMBF(src, s, path, body, depth+1); err != nil {
				return err
			}
		case "jumd":
			if len(body) > 17 {
				label = cString(body[17:])
				s.text(Provenance, where, "Label", []byte(label))
			}
		case "cbor":
			c := &cbor{b: body, sheet: s, where: path, items: 20_000}
			if !c.value("", 0) {
				s.gap(path, "broken", int64(len(body)))
				s.words(Provenance, path, "CBOR", body)
			}
		case "json":
			s.text(Provenance, path, "JSON", body)
		case "bfdb":
			s.words(Provenance, path, "Type", body)
		case "bidb":
			if err := s.picture(src.unpacked(body), path, 0, 0); err != nil {
				return err
			}
		case "c2sh", "free":
			s.words(Provenance, path, clip(kind), body)
		default:
			s.unknown(Provenance, path, clip(kind), body)
		}
	}
	if len(b) > 0 {
		s.unknown(Leftover, where, "after JUMBF", b)
	}
	return nil
}

// cbor reads RFC 8949 as far as a manifest needs it: each text becomes a fact.
type cbor struct {
	b     []byte
	sheet *Sheet
	where string
	items int // how many more may come
}

// head reads an item's kind and argument.
func (c *cbor) head() (kind byte, arg uint64, indefinite, ok bool) {
	if len(c.b) == 0 {
		return 0, 0, false, false
	}
	first := c.b[0]
	c.b = c.b[1:]
	kind, low := first>>5, first&31
	switch {
	case low < 24:
		return kind, uint64(low), false, true
	case low <= 27:
		n := 1 << (low - 24)
		if len(c.b) < n {
			return 0, 0, false, false
		}
		for _, x := range c.b[:n] {
			arg = arg<<8 | uint64(x)
		}
		c.b = c.b[n:]
		return kind, arg, false, true
	case low == 31 && kind >= 2:
		return kind, 0, true, true
	}
	return 0, 0, false, false
}

// value reads one item and says what it holds; false where the bytes are broken.
func (c *cbor) value(name string, depth int) bool {
	if c.items--; c.items < 0 || depth > maxDepth {
		return false
	}
	kind, arg, indefinite, ok := c.head()
	if !ok {
		return false
	}
	switch kind {
	case 0, 1:
		n := strconv.FormatUint(arg, 10)
		if kind == 1 {
			n = "-" + strconv.FormatFloat(float64(arg)+1, 'f', -1, 64)
		}
		if name != "" && !strings.HasSuffix(name, "pad") {
			c.fact(name, n)
		}
		return true
	case 2, 3:
		return c.string(name, kind == 3, arg, indefinite, depth)
	case 4:
		for i := uint64(0); indefinite || i < arg; i++ {
			if indefinite && c.stop() {
				return true
			}
			if !c.value(name, depth+1) {
				return false
			}
		}
		return true
	case 5:
		for i := uint64(0); indefinite || i < arg; i++ {
			if indefinite && c.stop() {
				return true
			}
			key, ok := c.key()
			if !ok || !c.value(strings.TrimPrefix(name+"."+key, "."), depth+1) {
				return false
			}
		}
		return true
	case 6:
		return c.value(name, depth+1)
	}
	return !indefinite // true, false, null, numbers with a point
}

func (c *cbor) stop() bool {
	if len(c.b) > 0 && c.b[0] == 0xff {
		c.b = c.b[1:]
		return true
	}
	return false
}

// key reads a map's key: a text or a number.
func (c *cbor) key() (string, bool) {
	kind, arg, indefinite, ok := c.head()
	if !ok || indefinite {
		return "", false
	}
	switch {
	case kind == 0:
		return strconv.FormatUint(arg, 10), true
	case kind == 1:
		return "-" + strconv.FormatUint(arg+1, 10), true
	case kind == 3 && arg <= uint64(len(c.b)):
		k := string(c.b[:arg])
		c.b = c.b[arg:]
		return clip(k), true
	}
	return "", false
}

func (c *cbor) string(name string, text bool, n uint64, indefinite bool, depth int) bool {
	if indefinite {
		for !c.stop() {
			if !c.value(name, depth+1) {
				return false
			}
		}
		return true
	}
	if n > uint64(len(c.b)) {
		return false
	}
	v := c.b[:n]
	c.b = c.b[n:]
	switch {
	case text:
		c.fact(name, string(v))
	case len(v) > 64 && v[0] == 0x30 && v[1] == 0x82:
		c.certificate(v)
	case len(v) > 2 && name == "" && v[0]>>5 == 5: // the protected head of a signature (RFC 9052)
		inner := &cbor{b: v, sheet: c.sheet, where: c.where, items: c.items}
		inner.value("", depth+1)
	case len(v) > 0 && !strings.HasSuffix(name, "pad") && len(v) <= 64:
		c.sheet.fact(Fact{Kind: Provenance, Where: join(c.where, name), Name: name, Value: fmt.Sprintf("%x", v), Raw: v})
	}
	return true
}

func (c *cbor) fact(name, value string) {
	kind := Provenance
	lower := strings.ToLower(name)
	f := Fact{Kind: kind, Where: join(c.where, name), Name: name, Value: value}
	if strings.HasSuffix(lower, "when") || strings.HasSuffix(lower, "date") {
		f.Kind, f.Zone = Time, zoneOf(value)
		c.sheet.fact(f)
		return
	}
	c.sheet.text(kind, f.Where, name, []byte(value))
}

// certificate names who signed and who vouches for them.
func (c *cbor) certificate(der []byte) {
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		c.sheet.words(Provenance, c.where, "Certificate", der)
		return
	}
	c.sheet.text(Provenance, c.where, "Signer", []byte(cert.Subject.String()))
	c.sheet.text(Provenance, c.where, "Issuer", []byte(cert.Issuer.String()))
	c.sheet.text(Provenance, c.where, "CertificateSerial", []byte(cert.SerialNumber.Text(16)))
}
