package open311

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"kua/internal/fault"
)

// Oddity is a way in which an answer bends the standard and can be read all the
// same. What kind it is, is said by the constants.
type Oddity string

// The oddities of servers met in the wild (their issues and code are public).
const (
	OddWrapped     Oddity = "wrapped"      // JSON lists inside an object, or objects inside a list
	OddValue       Oddity = "value"        // a value as a list or an object
	OddNumber      Oddity = "number"       // JSON numbers with leading zeros
	OddZone        Oddity = "zone"         // a date without its zone: passed over, nobody knows when it was
	OddDate        Oddity = "date"         // a date that is none: passed over
	OddDeclaration Oddity = "declaration"  // XML without its declaration
	OddAttribute   Oddity = "attribute"    // XML attributes, as nil="true"
	OddCoordinates Oddity = "coordinates"  // lat or long that are no place: passed over
	OddIDAndToken  Oddity = "id-and-token" // both, or the token as the id: the token is asked for
	OddStatus      Oddity = "status"       // a status the standard does not know: taken as open
	OddWithoutID   Oddity = "without-id"   // an item without its id: passed over
	OddSpelling    Oddity = "service-code" // a service code that does not fit into an address
	OddMany        Oddity = "too-many"     // more items than the standard gives at once
)

// Answer is what a server gave, read into a tree whatever its format, with what
// was odd about it.
type Answer struct {
	root     node
	oddities []Oddity
}

// node is an element of XML or a value of JSON.
type node struct {
	name     string
	text     string
	children []node
}

const (
	maxDepth = 16
	maxNodes = 400_000
)

// Read reads an answer of at most MaxAnswer bytes: XML or JSON, whichever it
// is. A web page, as some servers give with status 200 instead of an error, and
// anything else is the fault open311.not_an_answer (kind corrupt).
func Read(body []byte) (*Answer, error) {
	if len(body) > MaxAnswer {
		return nil, fault.TooLarge("open311.answer_long", MaxAnswer>>20)
	}
	a := &Answer{}
	text := bytes.TrimSpace(bytes.TrimPrefix(body, []byte("\xef\xbb\xbf")))
	var err error
	switch {
	case len(text) == 0:
		err = io.ErrUnexpectedEOF
	case text[0] == '<':
		err = a.readXML(text)
	default:
		err = a.readJSON(text)
	}
	if err != nil {
		return nil, fault.Corrupt("open311.not_an_answer").Because(err)
	}
	return a, nil
}

// Oddities gives what was odd so far, each once.
func (a *Answer) Oddities() []Oddity { return slices.Clone(a.oddities) }

func (a *Answer) odd(o Oddity) {
	if !slices.Contains(a.oddities, o) {
		a.oddities = append(a.oddities, o)
	}
}

func (a *Answer) readXML(text []byte) error {
	if !bytes.HasPrefix(text, []byte("<?xml")) {
		a.odd(OddDeclaration)
	}
	d := xml.NewDecoder(bytes.NewReader(text))
	d.CharsetReader = func(charset string, in io.Reader) (io.Reader, error) {
		return nil, fmt.Errorf("the character set %q", charset)
	}
	stack, seen := []*node{{}}, 0
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		top := stack[len(stack)-1]
		switch t := token.(type) {
		case xml.StartElement:
			if seen++; len(stack) > maxDepth || seen > maxNodes {
				return errors.New("too deep or too many elements")
			}
			if len(t.Attr) > 0 {
				a.odd(OddAttribute)
			}
			stack = append(stack, &node{name: t.Name.Local})
		case xml.EndElement:
			stack = stack[:len(stack)-1]
			parent := stack[len(stack)-1]
			top.text = strings.TrimSpace(top.text)
			parent.children = append(parent.children, *top)
		case xml.CharData:
			top.text += string(t)
		}
	}
	roots := stack[0].children
	if len(roots) != 1 || strings.EqualFold(roots[0].name, "html") {
		return errors.New("no document of the standard")
	}
	a.root = roots[0]
	return nil
}

// scalars finds the texts and the numbers of JSON, and leadingZero a number that
// JSON does not allow.
var (
	scalars     = regexp.MustCompile(`"(?:[^"\\]|\\.)*"|-?[0-9][0-9.eE+-]*`)
	leadingZero = regexp.MustCompile(`^-?0[0-9]`)
)

func (a *Answer) readJSON(text []byte) error {
	if !utf8.Valid(text) {
		return errors.New("not UTF-8")
	}
	mended := scalars.ReplaceAllFunc(text, func(m []byte) []byte {
		if !leadingZero.Match(m) {
			return m
		}
		a.odd(OddNumber)
		return []byte(`"` + string(m) + `"`)
	})
	d := json.NewDecoder(bytes.NewReader(mended))
	d.UseNumber()
	seen := 0
	root, err := readValue(d, "", 0, &seen)
	if err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("more after the end")
	}
	if len(root.children) == 0 && root.text != "" {
		return errors.New("no document of the standard")
	}
	a.root = root
	return nil
}

// readValue reads one value of JSON in the order it is written.
func readValue(d *json.Decoder, name string, depth int, seen *int) (node, error) {
	n := node{name: name}
	if *seen++; depth > maxDepth || *seen > maxNodes {
		return n, errors.New("too deep or too many values")
	}
	token, err := d.Token()
	if err != nil {
		return n, err
	}
	switch t := token.(type) {
	case json.Delim:
		for d.More() {
			child := "" // an item of a list has no name
			if t == '{' {
				key, err := d.Token()
				if err != nil {
					return n, err
				}
				child = key.(string)
			}
			c, err := readValue(d, child, depth+1, seen)
			if err != nil {
				return n, err
			}
			n.children = append(n.children, c)
		}
		_, err = d.Token()
		return n, err
	case nil:
	case string:
		n.text = strings.TrimSpace(t)
	default:
		n.text = fmt.Sprint(t)
	}
	return n, nil
}

// items finds the items that hold one of the fields, wherever the server has
// wrapped them: in the standard's place, so many levels down, in an object that
// stands around a list, one alone where a list was due.
func (a *Answer) items(level int, holding ...string) []node {
	var found []node
	var search func(n node, depth int)
	search = func(n node, depth int) {
		for _, name := range holding {
			if n.child(name) != nil {
				if depth != level {
					a.odd(OddWrapped)
				}
				found = append(found, n)
				return
			}
		}
		for _, c := range n.children {
			search(c, depth+1)
		}
	}
	search(a.root, 0)
	if len(found) > MaxListed {
		a.odd(OddMany)
	}
	return found
}

func (n node) child(name string) *node {
	for i := range n.children {
		if n.children[i].name == name {
			return &n.children[i]
		}
	}
	return nil
}

// value gives the text of a field. Some servers give lists or objects of one
// text; the first text in them is taken.
func (a *Answer) value(n node, name string) string {
	c := n.child(name)
	for c != nil && c.text == "" && len(c.children) > 0 {
		a.odd(OddValue)
		c = &c.children[0]
	}
	if c == nil {
		return ""
	}
	return c.text
}

func (a *Answer) truth(n node, name string) bool {
	b, err := strconv.ParseBool(strings.ToLower(a.value(n, name)))
	return err == nil && b
}

var zoneless = regexp.MustCompile(`^\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?)?$`)

func (a *Answer) moment(n node, name string) time.Time {
	v := a.value(n, name)
	if v == "" {
		return time.Time{}
	}
	t, err := parseMoment(v)
	switch {
	case err == nil:
		return t
	case zoneless.MatchString(v):
		a.odd(OddZone)
	default:
		a.odd(OddDate)
	}
	return time.Time{}
}
