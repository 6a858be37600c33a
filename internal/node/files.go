package node

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"os"
	"path"
	"strconv"
	"strings"
	"time"

	"kua/internal/edition"
	"kua/internal/fault"
	"kua/internal/link"
	"kua/internal/tlog"
)

// maxPage is the longest text that is kept compressed in memory.
const maxPage = 512 << 10

// How long a reader's device may keep what it was given. Pages and media leave
// traces in a browser's cache that name the site and what was read or watched,
// and phones are searched; so they are not to be stored, and cost bytes again
// when they are looked at again. (Measured: a page leaves 7 files in a browser's
// profile when it may be stored, 5 when not, and 0 in a private window.) Tiles of
// the log are fetched by tools and mirrors, not by readers, and never change.
var (
	noStore   = []string{"no-store"}
	noCache   = []string{"no-cache"}
	immutable = []string{"public, max-age=31536000, immutable"}
)

// contentTypes are those of all files that an edition may hold, by extension.
var contentTypes = map[string]string{
	".html": "text/html; charset=utf-8", ".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8",
	".json": "application/json", ".atom": "application/atom+xml; charset=utf-8", ".svg": "image/svg+xml", ".txt": "text/plain; charset=utf-8",
	".pem": "text/plain; charset=utf-8", ".sh": "text/plain; charset=utf-8", ".vtt": "text/vtt; charset=utf-8",
	".png": "image/png", ".ico": "image/x-icon", ".webp": "image/webp", ".jpg": "image/jpeg", ".mp4": "video/mp4", ".m4a": "audio/mp4",
	".ogg": "audio/ogg", ".opus": "audio/ogg", ".webm": "video/webm", ".pdf": "application/pdf",
}

func contentType(p string) string {
	if t, ok := contentTypes[path.Ext(p)]; ok {
		return t
	}
	return "application/octet-stream"
}

// isText reports whether a type is worth compressing.
func isText(contentType string) bool {
	return strings.HasPrefix(contentType, "text/") || strings.HasPrefix(contentType, "application/json") ||
		strings.HasPrefix(contentType, "application/atom") || contentType == "image/svg+xml"
}

// Files serves the published edition from "/": pages, records, media, the
// manifest and its signatures, the charter, the log. What the edition does not
// have is a plain 404; nodeweb asks Has first and answers with a page.
func (n *Node) Files() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
			return
		}
		if err := n.serveFile(w, r); err != nil {
			n.refuse(w, err)
		}
	})
}

// Answer answers with the edition's page for an address if it lies ready in memory, as
// one does that was asked for before. lines are the headers that its server gives it
// besides, as link.Lines makes them. It reports false where Files must answer.
func (n *Node) Answer(w http.ResponseWriter, r *http.Request, lines []byte) bool {
	p := n.edition.Load()
	if p == nil {
		return false
	}
	pg := p.ready.get(fileName(r.URL.Path))
	return pg != nil && pg.answer(w, r, lines)
}

// Has reports whether the edition has a file for the path of an address.
func (n *Node) Has(ctx context.Context, urlPath string) bool {
	p := n.edition.Load()
	if p == nil {
		return false
	}
	name := fileName(urlPath)
	if _, ok := p.loose(name); ok || strings.HasPrefix(name, edition.LogDir+"/") {
		return true
	}
	if document, _, ok := edition.Signature(name); ok {
		name = document
	}
	_, ok, err := n.find(ctx, p, name)
	return ok && err == nil
}

// fileName gives the edition's name for the path of an address.
func fileName(urlPath string) string {
	name := strings.TrimPrefix(urlPath, "/")
	if name == "" || strings.HasSuffix(name, "/") {
		name += "index.html"
	}
	return name
}

func (n *Node) serveFile(w http.ResponseWriter, r *http.Request) error {
	p := n.edition.Load()
	if p == nil {
		return fault.NotFound("node.no_edition")
	}
	name := fileName(r.URL.Path)
	if pg := p.ready.get(name); pg != nil {
		pg.serve(w, r)
		return nil
	}
	if b, ok := p.loose(name); ok {
		return serveBytes(w, r, name, b, noCache)
	}
	if rest, ok := strings.CutPrefix(name, edition.LogDir+"/"); ok {
		return n.serveLog(w, r, p, rest)
	}
	if document, _, ok := edition.Signature(name); ok {
		return n.serveSignature(w, r, p, document, name)
	}
	f, ok, err := n.find(r.Context(), p, name)
	if err != nil {
		return err
	}
	if !ok {
		return n.redirect(w, r, p)
	}
	return n.serveListed(w, r, p, f)
}

// redirect leads /kk to /kk/.
func (n *Node) redirect(w http.ResponseWriter, r *http.Request, p *published) error {
	if path.Ext(r.URL.Path) == "" {
		if _, ok, _ := n.find(r.Context(), p, fileName(r.URL.Path+"/")); ok {
			w.Header().Set("Cache-Control", "no-store")
			w.Header().Set("Location", "/"+strings.TrimLeft(r.URL.Path, "/")+"/")
			w.WriteHeader(http.StatusFound)
			return nil
		}
	}
	return fault.NotFound("node.no_file")
}

// loose gives the files that no part lists and that lie in memory.
func (p *published) loose(name string) ([]byte, bool) {
	switch name {
	case edition.ManifestPath:
		return p.document, true
	case edition.LogDir + "/" + tlog.CheckpointPath:
		return p.cp.Raw, true
	}
	if document, keyID, ok := edition.Signature(name); ok && document == edition.ManifestPath {
		sig, ok := p.Signatures[keyID]
		return sig, ok
	}
	return nil, false
}

func serveBytes(w http.ResponseWriter, r *http.Request, name string, b []byte, cacheControl []string) error {
	h := w.Header()
	h.Set("Content-Type", contentType(name))
	h["Cache-Control"] = cacheControl
	http.ServeContent(patientWriter{w}, r, "", time.Time{}, bytes.NewReader(b))
	return nil
}

// serveLog gives a tile that the published checkpoint covers: what was brought
// for the next edition is not shown before its time.
func (n *Node) serveLog(w http.ResponseWriter, r *http.Request, p *published, name string) error {
	if !tlog.CheckPath(name) || !tlog.Covered(name, p.cp.Size) {
		return fault.NotFound("node.no_file")
	}
	b, err := os.ReadFile(n.logPath(name))
	if errors.Is(err, fs.ErrNotExist) {
		return fault.NotFound("node.no_file")
	}
	if err != nil {
		return err
	}
	return serveBytes(w, r, name, b, immutable)
}

// serveSignature gives a signature over a record that the edition has.
func (n *Node) serveSignature(w http.ResponseWriter, r *http.Request, p *published, document, name string) error {
	if _, ok, err := n.find(r.Context(), p, document); err != nil || !ok {
		if err == nil {
			err = fault.NotFound("node.no_file")
		}
		return err
	}
	b, err := os.ReadFile(n.signaturePath(name))
	if errors.Is(err, fs.ErrNotExist) {
		// The charter's own signatures are files that a part lists.
		f, ok, err := n.find(r.Context(), p, name)
		if err == nil && !ok {
			err = fault.NotFound("node.no_file")
		}
		if err != nil {
			return err
		}
		return n.serveListed(w, r, p, f)
	}
	if err != nil {
		return err
	}
	return serveBytes(w, r, name, b, noStore)
}

// serveListed gives a file that a part lists.
func (n *Node) serveListed(w http.ResponseWriter, r *http.Request, p *published, f edition.File) error {
	kind := contentType(f.Path)
	if isText(kind) && f.Size <= maxPage {
		b, err := n.readFile(r.Context(), f.SHA256, maxPage)
		if err != nil {
			return err
		}
		pg, err := newPage(kind, f.SHA256, b)
		if err != nil {
			return err
		}
		p.ready.put(f.Path, pg)
		pg.serve(w, r)
		return nil
	}
	content, _, err := n.files.Open(r.Context(), f.SHA256)
	if err != nil {
		return err
	}
	defer content.Close()
	h := w.Header()
	h.Set("Content-Type", kind)
	h.Set("ETag", `"`+f.SHA256+`"`)
	h["Cache-Control"] = noStore
	http.ServeContent(patientWriter{w}, r, "", time.Time{}, content)
	return nil
}

func newPage(kind, hash string, b []byte) (*page, error) {
	var buf bytes.Buffer
	z, err := gzip.NewWriterLevel(&buf, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := z.Write(b); err != nil {
		return nil, err
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	pg := &page{gzip: bytes.Clone(buf.Bytes()), size: int64(len(b)), length: []string{strconv.Itoa(buf.Len())}, headers: http.Header{
		"Content-Type": {kind}, "Etag": {`"` + hash + `"`}, "Vary": {"Accept-Encoding"},
	}}
	packed := pg.headers.Clone()
	packed.Set("Content-Encoding", "gzip")
	pg.lines = link.Lines(packed)
	return pg, nil
}

// answer answers the plainest of questions, with a head that lies ready too.
func (p *page) answer(w http.ResponseWriter, r *http.Request, lines []byte) bool {
	if r.Method != http.MethodGet || len(r.Header["If-None-Match"]) > 0 || !link.TakesGzip(r.Header) || !link.Head(w, r, lines, p.lines) {
		return false
	}
	w.Header()["Content-Length"] = p.length
	_, _ = w.Write(p.gzip)
	return true
}

// serve answers with the page as it lies in memory. Ranges of it are not given:
// the whole is small.
func (p *page) serve(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	maps.Copy(h, p.headers)
	h["Cache-Control"] = noStore
	if match := r.Header["If-None-Match"]; len(match) > 0 && strings.Contains(match[0], p.headers["Etag"][0]) {
		delete(h, "Content-Type")
		w.WriteHeader(http.StatusNotModified)
		return
	}
	if !link.TakesGzip(r.Header) {
		h["Content-Length"] = []string{strconv.FormatInt(p.size, 10)}
		if r.Method == http.MethodHead {
			return
		}
		z, err := gzip.NewReader(bytes.NewReader(p.gzip))
		if err == nil {
			_, _ = io.Copy(w, z)
		}
		return
	}
	h.Set("Content-Encoding", "gzip")
	h["Content-Length"] = p.length
	if r.Method != http.MethodHead {
		_, _ = w.Write(p.gzip)
	}
}
