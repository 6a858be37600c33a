package page

import (
	"bytes"
	"fmt"
	"html/template"
	"io"
	"io/fs"
	"path"
	"strings"
	"sync"
)

// Assets finds the address of a built stylesheet or script by its name, such
// as "report.css". web.Bundle is one.
type Assets interface {
	Path(name string) string
	// Integrity names the file's bytes, as a script element's integrity does; "" when
	// there is no such file.
	Integrity(name string) string
}

// Set is the templates of one room. It is safe for use by many goroutines once
// Use has been called.
type Set struct {
	pages  map[string]*template.Template
	assets Assets
}

// shared is the folder whose partials and pages every set has.
const shared = "_shared"

// Parse reads dir/layout.html, the partials dir/_*.html, and every other
// dir/*.html as a page that defines "main". Partials and pages in _shared
// belong to every set; dir's own ones come before them.
//
// A template may call, besides its data's methods, {{asset "report.css"}} and
// {{integrity "report.js"}}.
func Parse(fsys fs.FS, dir string) (*Set, error) {
	s := &Set{pages: make(map[string]*template.Template)}
	base := template.New("set").Funcs(template.FuncMap{"asset": s.asset, "integrity": s.integrity})
	pages := make(map[string]string) // name → file
	for _, d := range []string{shared, dir} {
		files, err := fs.Glob(fsys, path.Join(d, "*.html"))
		if err != nil {
			return nil, err
		}
		for _, file := range files {
			name := path.Base(file)
			if name != "layout.html" && !strings.HasPrefix(name, "_") {
				pages[strings.TrimSuffix(name, ".html")] = file
				continue
			}
			if err := add(base.New(name), fsys, file); err != nil {
				return nil, err
			}
		}
	}
	for name, file := range pages {
		t, err := base.Clone()
		if err != nil {
			return nil, err
		}
		if err := add(t.New(path.Base(file)), fsys, file); err != nil {
			return nil, err
		}
		if t.Lookup("main") == nil {
			return nil, fmt.Errorf("parse %s: it does not define \"main\"", file)
		}
		s.pages[name] = t.Lookup("layout.html")
	}
	return s, nil
}

func add(t *template.Template, fsys fs.FS, file string) error {
	b, err := fs.ReadFile(fsys, file)
	if err != nil {
		return fmt.Errorf("parse templates: %w", err)
	}
	if _, err := t.Parse(string(b)); err != nil {
		return fmt.Errorf("parse %s: %w", file, err)
	}
	return nil
}

// Use tells the set where built stylesheets and scripts are. Call it before
// the first Render.
func (s *Set) Use(a Assets) { s.assets = a }

func (s *Set) asset(name string) (string, error) {
	if s.assets == nil {
		return "", fmt.Errorf("asset %s: the set was not told where assets are", name)
	}
	return s.assets.Path(name), nil
}

func (s *Set) integrity(name string) (string, error) {
	if s.assets == nil {
		return "", fmt.Errorf("integrity of %s: the set was not told where assets are", name)
	}
	return s.assets.Integrity(name), nil
}

// Has reports whether the set has a page of that name.
func (s *Set) Has(name string) bool { return s.pages[name] != nil }

var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// Render writes the page. Nothing is written when it fails, so that the caller
// can still answer with an error page.
func (s *Set) Render(w io.Writer, name string, data any) error {
	t := s.pages[name]
	if t == nil {
		return fmt.Errorf("render %s: no such page", name)
	}
	b := buffers.Get().(*bytes.Buffer)
	defer buffers.Put(b)
	b.Reset()
	if err := t.Execute(b, data); err != nil {
		return fmt.Errorf("render %s: %w", name, err)
	}
	_, err := w.Write(b.Bytes())
	return err
}
