package locale

import (
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// Catalogue holds every sentence in every language. It is read once and safe
// for use by many goroutines.
type Catalogue struct {
	texts    map[Tag]map[string]entry // of languages with texts of their own
	waiting  map[Tag]bool             // some sentence waits for review
	cyrillic sync.Map                 // key: a sentence of Cyrillic Uzbek, made when it is first said
}

type entry struct {
	Text    string
	Machine bool // translated by machine and not yet read by a person
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
		if err := read(string(b), all); err != nil {
			return nil, fmt.Errorf("read %s: %w", file, err)
		}
	}
	return all, nil
}

// entry gives what stands under key in a language, Cyrillic Uzbek too.
func (c *Catalogue) entry(t Tag, key string) (e entry, ok bool) {
	e, ok = c.texts[t.Source()][key]
	if !ok || !t.Automatic() {
		return e, ok
	}
	made, said := c.cyrillic.Load(key)
	if !said {
		made, _ = c.cyrillic.LoadOrStore(key, Cyrillic(e.Text))
	}
	e.Text = made.(string)
	return e, true
}

// T gives the sentence under key in a language, with {0}, {1}, … filled by the
// arguments. A sentence that the language lacks is the English one in «», a key
// that English lacks is itself in «»: seen at once, and readable meanwhile.
func (c *Catalogue) T(t Tag, key string, args ...any) string {
	if e, ok := c.entry(t, key); ok {
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
	return slices.Sorted(maps.Keys(c.texts[t.Source()]))
}

// Machine reports whether the sentence was translated by machine and waits for
// a person to read it.
func (c *Catalogue) Machine(t Tag, key string) bool { return c.texts[t.Source()][key].Machine }

// Reviewed reports whether no sentence of a language waits for review.
func (c *Catalogue) Reviewed(t Tag) bool { return !c.waiting[t.Source()] }

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
