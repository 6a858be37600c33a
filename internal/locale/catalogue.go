package locale

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
)

// Catalogue holds every sentence in every language. It is read once and safe
// for use by many goroutines.
type Catalogue struct {
	texts   map[Tag]map[string]entry
	waiting map[Tag]bool // some sentence waits for review
}

type entry struct {
	Text    string `json:"text"`
	Machine bool   `json:"machine"` // translated by machine and not yet read by a person
}

// UnmarshalJSON reads "text" or {"text": "…", "machine": true}.
func (e *entry) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '"' {
		return json.Unmarshal(b, &e.Text)
	}
	type plain entry // without this method
	return json.Unmarshal(b, (*plain)(e))
}

// Load reads <language>/*.json below fsys. A file is one flat object; all files
// of a language are merged and a key may stand only once. A folder that names
// no language is an error, as is a missing English one: English is the
// language in which keys come to be.
//
// With only, just these languages and English are read, for a program that
// speaks to one person and wants to begin at once.
func Load(fsys fs.FS, only ...Tag) (*Catalogue, error) {
	c := &Catalogue{texts: make(map[Tag]map[string]entry), waiting: make(map[Tag]bool)}
	dirs, err := fs.ReadDir(fsys, ".")
	if err != nil {
		return nil, fmt.Errorf("read the catalogue: %w", err)
	}
	for _, d := range dirs {
		if !d.IsDir() {
			continue
		}
		tag, ok := Parse(d.Name())
		if !ok || tag.Automatic() {
			return nil, fmt.Errorf("read the catalogue: %s is not a language with texts of its own", d.Name())
		}
		wanted := func(t Tag) bool { return t.Source() == tag }
		if len(only) > 0 && tag != English && !slices.ContainsFunc(only, wanted) {
			continue
		}
		if c.texts[tag], err = loadLanguage(fsys, d.Name()); err != nil {
			return nil, err
		}
	}
	if len(c.texts[English]) == 0 {
		return nil, fmt.Errorf("read the catalogue: no texts in %s", English)
	}
	if latin := c.texts[Uzbek]; latin != nil {
		c.texts[UzbekCyrillic] = transliterated(latin)
	}
	for tag, texts := range c.texts {
		for _, e := range texts {
			c.waiting[tag] = c.waiting[tag] || e.Machine
		}
	}
	return c, nil
}

func loadLanguage(fsys fs.FS, dir string) (map[string]entry, error) {
	files, err := fs.Glob(fsys, path.Join(dir, "*.json"))
	if err != nil {
		return nil, err
	}
	all := make(map[string]entry)
	for _, file := range files {
		b, err := fs.ReadFile(fsys, file)
		if err != nil {
			return nil, err
		}
		var one map[string]entry
		if err := json.Unmarshal(b, &one); err != nil {
			return nil, fmt.Errorf("read %s: %w", file, err)
		}
		for key, e := range one {
			if _, twice := all[key]; twice {
				return nil, fmt.Errorf("read %s: key %s stands twice in %s", file, key, dir)
			}
			all[key] = e
		}
	}
	return all, nil
}

func transliterated(latin map[string]entry) map[string]entry {
	cyrillic := make(map[string]entry, len(latin))
	for key, e := range latin {
		e.Text = Cyrillic(e.Text)
		cyrillic[key] = e
	}
	return cyrillic
}

// T gives the sentence under key in a language, with {0}, {1}, … filled by the
// arguments. A sentence that the language lacks is the English one in «», a key
// that English lacks is itself in «»: seen at once, and readable meanwhile.
func (c *Catalogue) T(t Tag, key string, args ...any) string {
	if e, ok := c.texts[t][key]; ok {
		return fill(e.Text, args)
	}
	if e, ok := c.texts[English][key]; ok {
		return "«" + fill(e.Text, args) + "»"
	}
	return "«" + key + "»"
}

// Has reports whether English knows the key.
func (c *Catalogue) Has(key string) bool {
	_, ok := c.texts[English][key]
	return ok
}

// Keys gives the keys that a language has, sorted.
func (c *Catalogue) Keys(t Tag) []string {
	return slices.Sorted(maps.Keys(c.texts[t]))
}

// Machine reports whether the sentence was translated by machine and waits for
// a person to read it.
func (c *Catalogue) Machine(t Tag, key string) bool { return c.texts[t][key].Machine }

// Reviewed reports whether no sentence of a language waits for review.
func (c *Catalogue) Reviewed(t Tag) bool { return !c.waiting[t] }

// fill replaces {n} by the n-th argument. A placeholder without an argument
// stays, so that the mistake shows.
func fill(text string, args []any) string {
	if len(args) == 0 || !strings.Contains(text, "{") {
		return text
	}
	var b strings.Builder
	for {
		before, rest, ok := strings.Cut(text, "{")
		b.WriteString(before)
		if !ok {
			return b.String()
		}
		digits, after, ok := strings.Cut(rest, "}")
		if n, err := strconv.Atoi(digits); ok && err == nil && n >= 0 && n < len(args) {
			fmt.Fprint(&b, args[n])
			text = after
			continue
		}
		b.WriteByte('{')
		text = rest
	}
}
