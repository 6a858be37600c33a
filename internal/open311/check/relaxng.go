package check

import (
	"bytes"
	_ "embed"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
)

//go:embed schema/georeport-v2.rng
var grammarFile []byte

// element is a node of XML, of a document or of the grammar itself.
type element struct {
	name       string
	attributes []xml.Attr
	text       string
	children   []element
}

// Bounds of what is read from a stranger.
const (
	maxDepth = 16
	maxNodes = 400_000
)

// readXML reads one document whole. Comments and instructions are passed over.
func readXML(body []byte) (element, error) {
	d := xml.NewDecoder(bytes.NewReader(body))
	stack, seen := []*element{{}}, 0
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return element{}, err
		}
		top := stack[len(stack)-1]
		switch t := token.(type) {
		case xml.StartElement:
			if seen++; len(stack) > maxDepth || seen > maxNodes {
				return element{}, errors.New("too deep or too many elements")
			}
			stack = append(stack, &element{name: t.Name.Local, attributes: t.Attr})
		case xml.EndElement:
			stack = stack[:len(stack)-1]
			stack[len(stack)-1].children = append(stack[len(stack)-1].children, *top)
		case xml.CharData:
			top.text += string(t)
		}
	}
	if len(stack[0].children) != 1 {
		return element{}, errors.New("not one element that holds all")
	}
	return stack[0].children[0], nil
}

// pattern is a piece of a grammar: RELAX NG's simple form, as far as our grammar
// goes, with names that are known one by one.
type pattern struct {
	kind  string // element, interleave, group, choice, many, text, data, value, empty, none
	name  string // of an element
	parts []*pattern
	value string         // of a value, or the name of a data type
	like  *regexp.Regexp // of data
}

var (
	empty = &pattern{kind: "empty"}
	none  = &pattern{kind: "none"}
)

// grammar gives the kinds of documents by their names, and the names of all elements.
var grammar = sync.OnceValues(func() (map[string]*pattern, map[string]bool) {
	root, err := readXML(grammarFile)
	if err != nil {
		panic(fmt.Sprintf("open311/check: the grammar: %v", err)) // ours, and held by a test
	}
	kinds, names := make(map[string]*pattern), make(map[string]bool)
	for _, define := range root.children {
		if define.name == "define" {
			kinds[define.attribute("name")] = group("group", build(define.children, names))
		}
	}
	return kinds, names
})

func (e element) attribute(name string) string {
	for _, a := range e.attributes {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

func build(all []element, names map[string]bool) (parts []*pattern) {
	for _, e := range all {
		inner := build(e.children, names)
		switch e.name {
		case "element":
			names[e.attribute("name")] = true
			parts = append(parts, &pattern{kind: "element", name: e.attribute("name"), parts: []*pattern{group("group", inner)}})
		case "optional":
			parts = append(parts, &pattern{kind: "choice", parts: []*pattern{empty, group("group", inner)}})
		case "zeroOrMore":
			parts = append(parts, &pattern{kind: "many", parts: []*pattern{group("group", inner)}})
		case "oneOrMore":
			one := group("group", inner)
			parts = append(parts, group("group", []*pattern{one, {kind: "many", parts: []*pattern{one}}}))
		case "interleave", "choice", "group":
			parts = append(parts, group(e.name, inner))
		case "text", "empty":
			parts = append(parts, &pattern{kind: e.name})
		case "value":
			parts = append(parts, &pattern{kind: "value", value: strings.TrimSpace(e.text)})
		case "data":
			p := &pattern{kind: "data", value: e.attribute("type")}
			for _, param := range e.children {
				p.like = regexp.MustCompile("^(?:" + strings.TrimSpace(param.text) + ")$")
			}
			parts = append(parts, p)
		case "param":
		default:
			panic("open311/check: the grammar has " + e.name)
		}
	}
	return parts
}

// group joins patterns; one alone is itself.
func group(kind string, parts []*pattern) *pattern {
	if kind != "choice" {
		parts = slices.DeleteFunc(slices.Clone(parts), func(p *pattern) bool { return p.kind == "empty" })
		if slices.Contains(parts, none) {
			return none
		}
		if len(parts) == 0 {
			return empty
		}
	}
	if len(parts) == 1 {
		return parts[0]
	}
	return &pattern{kind: kind, parts: parts}
}

// nullable reports a pattern that nothing fits as well.
func (p *pattern) nullable() bool {
	switch p.kind {
	case "empty", "many", "text":
		return true
	case "choice":
		return slices.ContainsFunc(p.parts, (*pattern).nullable)
	case "group", "interleave":
		return !slices.ContainsFunc(p.parts, func(q *pattern) bool { return !q.nullable() })
	}
	return false
}

// without is what is left of a pattern behind an element of a name (Brzozowski's
// derivative); inside is what that element must hold.
func (p *pattern) without(name string) (left, inside *pattern) {
	switch p.kind {
	case "element":
		if p.name == name {
			return empty, p.parts[0]
		}
	case "choice":
		for _, q := range p.parts {
			if left, inside := q.without(name); inside != nil {
				return left, inside
			}
		}
	case "many":
		if left, inside := p.parts[0].without(name); inside != nil {
			return group("group", []*pattern{left, p}), inside
		}
	case "interleave":
		for i, q := range p.parts {
			if left, inside := q.without(name); inside != nil {
				rest := slices.Clone(p.parts)
				rest[i] = left
				return group("interleave", rest), inside
			}
		}
	case "group":
		for i, q := range p.parts {
			if left, inside := q.without(name); inside != nil {
				return group("group", append([]*pattern{left}, p.parts[i+1:]...)), inside
			}
			if !q.nullable() {
				break
			}
		}
	}
	return none, nil
}

// fits reports whether a text fits where no element stands.
func (p *pattern) fits(text string) bool {
	switch p.kind {
	case "text":
		return true
	case "empty":
		return strings.TrimSpace(text) == ""
	case "value":
		return strings.TrimSpace(text) == p.value
	case "choice":
		return slices.ContainsFunc(p.parts, func(q *pattern) bool { return q.fits(text) })
	case "data":
		return p.fitsData(text)
	}
	return p.nullable() && strings.TrimSpace(text) == ""
}

var decimal = regexp.MustCompile(`^[+-]?(\d+(\.\d*)?|\.\d+)$`)

func (p *pattern) fitsData(text string) bool {
	switch p.value {
	case "integer":
		_, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
		return err == nil
	case "decimal":
		return decimal.MatchString(strings.TrimSpace(text))
	}
	return p.like == nil || p.like.MatchString(text)
}

// needs names the elements without which a pattern does not fit.
func (p *pattern) needs() (all []string) {
	switch {
	case p.nullable():
	case p.kind == "element":
		return []string{p.name}
	case p.kind == "choice":
		for _, q := range p.parts {
			one := q.needs()
			if len(one) == 0 {
				return nil
			}
			all = append(all, one...)
		}
		return []string{strings.Join(all, " or ")}
	default:
		for _, q := range p.parts {
			all = append(all, q.needs()...)
		}
	}
	return all
}

// maxTold is how many faults of one document are told.
const maxTold = 5

// validateXML holds a document against its kind and tells what is wrong where.
// foreign are the elements that the grammar does not know: they and what is in
// them are passed over.
func validateXML(kind string, root element) (wrong, foreign []string) {
	kinds, names := grammar()
	v := &validation{names: names}
	left, inside := kinds[kind].without(root.name)
	if left == none {
		return []string{"<" + clip(root.name) + "> is the outermost element; wanted: " + strings.Join(kinds[kind].needs(), ", ")}, nil
	}
	v.element(root, inside, root.name)
	return v.wrong, v.foreign
}

type validation struct {
	names          map[string]bool
	wrong, foreign []string
}

func (v *validation) say(format string, args ...any) {
	if len(v.wrong) < maxTold {
		v.wrong = append(v.wrong, fmt.Sprintf(format, args...))
	}
}

func (v *validation) element(e element, p *pattern, path string) {
	children := slices.DeleteFunc(slices.Clone(e.children), func(c element) bool {
		if v.names[c.name] {
			return false
		}
		if name := clip(c.name); !slices.Contains(v.foreign, name) && len(v.foreign) < maxTold {
			v.foreign = append(v.foreign, name)
		}
		return true
	})
	if len(children) == 0 && len(p.needs()) == 0 {
		if !p.fits(e.text) {
			v.say("%s: %q", path, clip(e.text))
		}
		return
	}
	if strings.TrimSpace(e.text) != "" {
		v.say("%s: text between elements: %q", path, clip(e.text))
	}
	for i, c := range children {
		at := fmt.Sprintf("%s/%s", path, c.name)
		if len(children) > 1 && children[0].name == children[1].name { // a list
			at = fmt.Sprintf("%s[%d]", at, i+1)
		}
		left, inside := p.without(c.name)
		if inside == nil {
			v.say("%s: not allowed here", at)
			continue
		}
		p = left
		v.element(c, inside, at)
	}
	for _, name := range p.needs() {
		v.say("%s: %s is missing", path, name)
	}
}

// clip keeps a stranger's words short and on one line.
func clip(s string) string {
	s = strings.Join(strings.Fields(strings.ToValidUTF8(s, "\uFFFD")), " ")
	if r := []rune(s); len(r) > 200 {
		return string(r[:200]) + "…"
	}
	return s
}
