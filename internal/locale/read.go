package locale

import (
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"
)

// read takes in a catalogue file: a flat object of JSON (RFC 8259) whose values are
// "text" or {"text": "…", "machine": true}. A key that all has already is an error.
//
// Files have a reader of their own, since a program that speaks reads those of a
// language before it does anything else, and encoding/json takes ten times as long.
func read(file string, all map[string]entry) error {
	if !utf8.ValidString(file) {
		return fmt.Errorf("it is not UTF-8")
	}
	r := reader{whole: file, rest: file}
	err := r.object(func(key string) (err error) {
		if _, twice := all[key]; twice {
			return fmt.Errorf("key %s stands twice", key)
		}
		all[key], err = r.entry()
		return err
	})
	if r.take(""); err == nil && r.rest != "" {
		err = r.wants("the end")
	}
	return err
}

const space = " \t\r\n"

type reader struct{ whole, rest string }

func (r *reader) wants(what string) error {
	read := r.whole[:len(r.whole)-len(r.rest)]
	return fmt.Errorf("line %d: %s should stand here", 1+strings.Count(read, "\n"), what)
}

// take goes past space and then past what, if that comes next.
func (r *reader) take(what string) (there bool) {
	i := 0
	for i < len(r.rest) && strings.IndexByte(space, r.rest[i]) >= 0 {
		i++
	}
	r.rest, there = strings.CutPrefix(r.rest[i:], what)
	return there
}

// object reads an object; member reads the value of a key.
func (r *reader) object(member func(key string) error) error {
	if !r.take("{") {
		return r.wants("an object")
	}
	if r.take("}") {
		return nil
	}
	for {
		key, err := r.text()
		if err != nil {
			return err
		}
		if !r.take(":") {
			return r.wants("a colon")
		}
		if err := member(key); err != nil {
			return err
		}
		if r.take("}") {
			return nil
		}
		if !r.take(",") {
			return r.wants("a comma")
		}
	}
}

func (r *reader) entry() (e entry, err error) {
	if r.take(`"`) {
		e.Text, err = r.quoted()
		return e, err
	}
	err = r.object(func(key string) (err error) {
		switch {
		case key == "text":
			e.Text, err = r.text()
		case key != "machine":
			err = r.wants(`"text" or "machine"`)
		case r.take("true"):
			e.Machine = true
		case !r.take("false"):
			err = r.wants("true or false")
		}
		return err
	})
	return e, err
}

func (r *reader) text() (string, error) {
	if !r.take(`"`) {
		return "", r.wants("a string")
	}
	return r.quoted()
}

// quoted reads what is left of a string behind its first quotation mark.
func (r *reader) quoted() (string, error) {
	escaped := false
	for i := 0; i < len(r.rest); i++ {
		switch c := r.rest[i]; {
		case c == '\\':
			escaped = true
			i++
		case c < ' ':
			return "", r.wants("the end of a string")
		case c == '"' && !escaped:
			s := r.rest[:i]
			r.rest = r.rest[i+1:]
			return s, nil
		case c == '"':
			var s string
			if err := json.Unmarshal([]byte(`"`+r.rest[:i+1]), &s); err != nil {
				return "", r.wants("a string without mistakes")
			}
			r.rest = r.rest[i+1:]
			return s, nil
		}
	}
	return "", r.wants("the end of a string")
}
