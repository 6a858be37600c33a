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

// Catalogue holds every sentence in every language. A language is read when it is
// first spoken. It is safe for use by many goroutines.
type Catalogue struct {
	languages map[Tag]func() language // those with texts of their own
	cyrillic  sync.Map                // key: a sentence of Cyrillic Uzbek, made when it is first said
}

type language struct {
	texts   map[string]entry
	waiting bool // some sentence waits for review
}

type entry struct {
	Text    string
	Machine bool // translated by machine and not yet read by a person
}

// Load finds <language>/*.json below fsys. A file is one flat object; all files
// of a language are merged and a key may stand only once. A folder that names
// no language is an error, as is a missing English one: English is the
// language in which keys come to be.
//
// The files come with the program and a test reads them all: a mistake in one of
// another language than English is a panic when it is read.
func Load(fsys fs.FS) (*Catalogue, error) {
	c := &Catalogue{languages: make(map[Tag]func() language)}
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
		c.languages[tag] = sync.OnceValue(func() language {
			l, err := loadLanguage(fsys, d.Name())
			if err != nil {
				panic(err)
			}
			return l
		})
	}
	english, err := loadLanguage(fsys, string(English))
	if err != nil {
		return nil, err
	}
	if len(english.texts) == 0 {
		return nil, fmt.Errorf("read the catalogue: no texts in %s", English)
	}
	c.languages[English] = func() language { return english }
	return c, nil
}

func loadLanguage(fsys fs.FS, dir string) (l language, err error) {
	files, err := fs.Glob(fsys, path.Join(dir, "*.json"))
	if err != nil {
		return l, err
	}
	l.texts = make(map[string]entry, 1<<13) // about as many as there are
	for _, file := range files {
		b, err := fs.ReadFile(fsys, file)
		if err != nil {
			return l, err
		}
		if err := read(string(b), l.texts); err != nil {
			return l, fmt.Errorf("read %s: %w", file, err)
		}
	}
	for _, e := range l.texts {
		l.waiting = l.waiting || e.Machine
	}
	return l, nil
}

// of gives a language's own texts, of Cyrillic Uzbek the Latin ones.
func (c *Catalogue) of(t Tag) language {
	if read := c.languages[t.Source()]; read != nil {
		return read()
	}
	return language{}
}

// entry gives what stands under key in a language, Cyrillic Uzbek too.
func (c *Catalogue) entry(t Tag, key string) (e entry, ok bool) {
	e, ok = c.of(t).texts[key]
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
	if e, ok := c.of(English).texts[key]; ok {
		return "«" + fill(e.Text, args) + "»"
	}
	return "«" + key + "»"
}

// Has reports whether English knows the key.
func (c *Catalogue) Has(key string) bool {
	_, ok := c.of(English).texts[key]
	return ok
}

// Keys gives the keys that a language has, sorted.
func (c *Catalogue) Keys(t Tag) []string {
	return slices.Sorted(maps.Keys(c.of(t).texts))
}

// Machine reports whether the sentence was translated by machine and waits for
// a person to read it.
func (c *Catalogue) Machine(t Tag, key string) bool { return c.of(t).texts[key].Machine }

// Reviewed reports whether no sentence of a language waits for review.
func (c *Catalogue) Reviewed(t Tag) bool { return !c.of(t).waiting }

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
