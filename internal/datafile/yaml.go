package datafile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"kua/internal/fault"
)

// MaxBytes bounds a YAML or CSV file. A whole country's authorities fit well.
const MaxBytes = 16 << 20

// maxDepth bounds how deep the parts of a YAML file lie in each other.
const maxDepth = 32

// Lines tells on which line of its file a part of a YAML document stands.
type Lines struct{ root *yaml.Node }

// Of gives the line of the part that path leads to: names of fields and
// numbers of list entries, from 0. Where the path ends early it is the line of
// the last part found; 0 without a document.
func (l Lines) Of(path ...any) int {
	n := l.root
	if n == nil {
		return 0
	}
	line := n.Line
	for _, step := range path {
		next := child(n, step)
		if next == nil {
			return line
		}
		n, line = next, next.Line
	}
	return line
}

func child(n *yaml.Node, step any) *yaml.Node {
	switch s := step.(type) {
	case int:
		if n.Kind == yaml.SequenceNode && s >= 0 && s < len(n.Content) {
			return n.Content[s]
		}
	case string:
		for i := 0; n.Kind == yaml.MappingNode && i+1 < len(n.Content); i += 2 {
			if n.Content[i].Value == s {
				return n.Content[i+1]
			}
		}
	}
	return nil
}

// YAML reads one document into a pointer to a struct: no unknown field, no
// field twice, no anchors, UTF-8 alone. What is wrong is added to problems.
func YAML(file string, b []byte, into any, problems *Problems) (Lines, bool) {
	if !PlainText(file, b, MaxBytes, problems) {
		return Lines{}, false
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(b, &doc); err != nil {
		yamlProblems(file, err, problems)
		return Lines{}, false
	}
	if len(doc.Content) == 0 {
		problems.Add(file, 0, "datafile.empty")
		return Lines{}, false
	}
	if line := aliased(&doc, 0); line > 0 {
		problems.Add(file, line, "datafile.alias")
		return Lines{}, false
	}
	d := yaml.NewDecoder(bytes.NewReader(b))
	d.KnownFields(true)
	if err := d.Decode(into); err != nil {
		if f, ok := fault.Of(err); ok && len(f.Args) > 0 { // a value that its own type refused
			problems.Add(file, scalarLine(&doc, fmt.Sprint(f.Args[0])), f.Key, f.Args...)
		} else {
			yamlProblems(file, err, problems)
		}
		return Lines{}, false
	}
	var more yaml.Node
	if err := d.Decode(&more); !errors.Is(err, io.EOF) {
		problems.Add(file, more.Line, "datafile.two_documents")
		return Lines{}, false
	}
	return Lines{doc.Content[0]}, true
}

// aliased gives the line of the first anchor, or of what lies too deep: with
// anchors a small file can stand for an endless one.
func aliased(n *yaml.Node, depth int) int {
	if n.Kind == yaml.AliasNode || n.Anchor != "" || depth > maxDepth {
		return max(n.Line, 1)
	}
	for _, c := range n.Content {
		if line := aliased(c, depth+1); line > 0 {
			return line
		}
	}
	return 0
}

// scalarLine gives the line of the first value that is written so, or 0.
func scalarLine(n *yaml.Node, value string) int {
	if n.Kind == yaml.ScalarNode && n.Value == value {
		return n.Line
	}
	for _, c := range n.Content {
		if line := scalarLine(c, value); line > 0 {
			return line
		}
	}
	return 0
}

var atLine = regexp.MustCompile(`^(?:yaml: )?line (\d+): (.*)$`)

func yamlProblems(file string, err error, problems *Problems) {
	said := []string{err.Error()}
	var wrongTypes *yaml.TypeError
	if errors.As(err, &wrongTypes) {
		said = wrongTypes.Errors
	}
	for _, s := range said {
		line := 0
		if m := atLine.FindStringSubmatch(s); m != nil {
			line, _ = strconv.Atoi(m[1])
			s = m[2]
		}
		problems.Add(file, line, "datafile.yaml", strings.TrimPrefix(s, "yaml: "))
	}
}

// PlainText adds a problem when b is larger than maxBytes or no UTF-8 text.
func PlainText(file string, b []byte, maxBytes int, problems *Problems) bool {
	switch {
	case len(b) > maxBytes:
		problems.Add(file, 0, "datafile.too_large", maxBytes>>20)
	case !utf8.Valid(b) || bytes.IndexByte(b, 0) >= 0:
		line := 1
		for l := range bytes.Lines(b) {
			if !utf8.Valid(l) || bytes.IndexByte(l, 0) >= 0 {
				break
			}
			line++
		}
		problems.Add(file, line, "datafile.not_utf8")
	default:
		return true
	}
	return false
}

// WriteYAML gives a value as YAML, the same bytes each time.
func WriteYAML(v any) ([]byte, error) {
	var b bytes.Buffer
	e := yaml.NewEncoder(&b)
	e.SetIndent(2)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return b.Bytes(), e.Close()
}
