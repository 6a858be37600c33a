package web

import (
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strconv"
	"strings"
)

// Prefix is where servers serve the bundle.
const Prefix = "/assets/"

// ErrNotBuilt says that the binary was built without its browser code.
var ErrNotBuilt = errors.New(`the browser code is not built: run "make web" and build again`)

// Bundle is the built browser code: scripts, stylesheets and pictures under
// names that change with their content, so that they can be kept for ever. It
// is read once and safe for use by many goroutines.
type Bundle struct {
	hashed map[string]string // "report.js" → "report.3f2a….js"
	files  map[string]*asset // by hashed name
}

type asset struct {
	contentType  string
	plain        []byte
	integrity    string // of plain
	gzip, brotli []byte // nil where they are no smaller
}

// Assets reads the bundle. Without one it gives an empty Bundle, whose addresses
// answer with the reason, and ErrNotBuilt.
func Assets() (*Bundle, error) { return readBundle(below("dist")) }

func readBundle(dist fs.FS) (*Bundle, error) {
	b := &Bundle{hashed: make(map[string]string), files: make(map[string]*asset)}
	manifest, err := fs.ReadFile(dist, "manifest.json")
	if errors.Is(err, fs.ErrNotExist) {
		return b, ErrNotBuilt
	}
	if err != nil {
		return b, fmt.Errorf("read the bundle: %w", err)
	}
	if err := json.Unmarshal(manifest, &b.hashed); err != nil {
		return b, fmt.Errorf("read the bundle's manifest: %w", err)
	}
	for _, name := range b.hashed {
		a, err := readAsset(dist, name)
		if err != nil {
			return b, fmt.Errorf("read the bundle: %w", err)
		}
		b.files[name] = a
	}
	return b, nil
}

func readAsset(dist fs.FS, name string) (*asset, error) {
	plain, err := fs.ReadFile(dist, name)
	if err != nil {
		return nil, err
	}
	sum := sha512.Sum384(plain)
	a := &asset{contentType: contentType(name), plain: plain, integrity: "sha384-" + base64.StdEncoding.EncodeToString(sum[:])}
	if a.gzip, err = optional(dist, name+".gz"); err != nil {
		return nil, err
	}
	a.brotli, err = optional(dist, name+".br")
	return a, err
}

func optional(dist fs.FS, name string) ([]byte, error) {
	b, err := fs.ReadFile(dist, name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil // not compressed, since that would not make it smaller
	}
	return b, err
}

// contentType is fixed for what the build makes, whatever the machine's own
// table says.
func contentType(name string) string {
	switch path.Ext(name) {
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	}
	if t := mime.TypeByExtension(path.Ext(name)); t != "" {
		return t
	}
	return "application/octet-stream"
}

// Path is the address of a file by its plain name: "/assets/report.3f2a….js".
// A name that the bundle lacks gets an address that answers with the reason.
func (b *Bundle) Path(name string) string {
	if hashed, ok := b.hashed[name]; ok {
		return Prefix + hashed
	}
	return Prefix + "missing/" + name
}

// Integrity names a file's bytes (W3C Subresource Integrity), so that a browser runs
// no script that it has kept under the same address from somewhere else; "" of a name
// that the bundle lacks.
func (b *Bundle) Integrity(name string) string {
	if a := b.files[b.hashed[name]]; a != nil {
		return a.integrity
	}
	return ""
}

// Bytes gives a file's content by its plain name, for those who serve it
// themselves; ok is false when the bundle lacks it. The caller must not change it.
func (b *Bundle) Bytes(name string) (content []byte, ok bool) {
	a := b.files[b.hashed[name]]
	if a == nil {
		return nil, false
	}
	return a.plain, true
}

// ServeHTTP answers below Prefix. A name never changes its content, so the
// browser may keep it for a year without asking.
func (b *Bundle) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b.serve(w, r, "public, max-age=31536000, immutable")
}

// Unkept serves the same to browsers that are to keep nothing: at an address that is
// another machine's tomorrow.
func (b *Bundle) Unkept() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { b.serve(w, r, "no-store") })
}

func (b *Bundle) serve(w http.ResponseWriter, r *http.Request, keep string) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
		return
	}
	name := strings.TrimPrefix(r.URL.Path, Prefix)
	a := b.files[name]
	if a == nil {
		b.missing(w, name)
		return
	}
	h := w.Header()
	h.Set("Content-Type", a.contentType)
	h.Set("Cache-Control", keep)
	h.Set("Vary", "Accept-Encoding")
	h.Set("X-Content-Type-Options", "nosniff")
	body := a.plain
	switch accepted := r.Header.Get("Accept-Encoding"); {
	case a.brotli != nil && accepts(accepted, "br"):
		body = a.brotli
		h.Set("Content-Encoding", "br")
	case a.gzip != nil && accepts(accepted, "gzip"):
		body = a.gzip
		h.Set("Content-Encoding", "gzip")
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	if r.Method == http.MethodGet {
		_, _ = w.Write(body) // the reader may have gone; nothing is left to do
	}
}

func (b *Bundle) missing(w http.ResponseWriter, name string) {
	w.Header().Set("Cache-Control", "no-store")
	reason := "404 not found"
	if len(b.files) == 0 {
		reason = ErrNotBuilt.Error()
	} else if plain, ok := strings.CutPrefix(name, "missing/"); ok {
		reason = fmt.Sprintf("the browser code has no %s: list it in web/build.mjs", path.Base(plain))
	}
	http.Error(w, reason, http.StatusNotFound)
}

// accepts reports whether an Accept-Encoding header names coding and does not
// refuse it (RFC 9110, 12.5.3).
func accepts(header, coding string) bool {
	for part := range strings.SplitSeq(header, ",") {
		name, params, _ := strings.Cut(part, ";")
		if strings.EqualFold(strings.TrimSpace(name), coding) {
			q, ok := strings.CutPrefix(strings.ReplaceAll(params, " ", ""), "q=")
			weight, err := strconv.ParseFloat(q, 64)
			return !ok || err != nil || weight > 0
		}
	}
	return false
}

// Read gives the bytes of a built file by its plain name, such as "reader.js", for
// pages that carry their code within them.
func (b *Bundle) Read(name string) ([]byte, error) {
	a := b.files[b.hashed[name]]
	if a == nil {
		return nil, fmt.Errorf("read %s: %w", name, ErrNotBuilt)
	}
	return a.plain, nil
}
