package mirror

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log"
	"net"
	"net/http"
	"os"
	"path"
	"strconv"
	"strings"
	"sync"
	"time"

	"kua/internal/durable"
	"kua/internal/edition"
	"kua/internal/fault"
	"kua/internal/link"
	"kua/internal/page"
	"kua/internal/reader"
	"kua/internal/verify"
)

// Listen says where a mirror answers.
type Listen struct {
	Addr     string       // host:port
	Listener net.Listener // instead of Addr
	CertFile string       // PEM; without it plain HTTP, which shows who reads what
	KeyFile  string
	Single   *reader.Server // makes single files of records; nil makes none
}

// Limits of a server that anybody may call. A reader is given time for every
// bite, so a slow link is served, and one that takes nothing is let go.
const (
	headTime    = 20 * time.Second
	biteTime    = 30 * time.Second // for a bite, and a second more for each kilobyte of it
	idleTime    = time.Minute
	maxHead     = 8 << 10
	mostGuests  = 512
	mostBatches = 32        // answered at a time
	zippedMost  = 512 << 10 // the longest text that is kept compressed
	zippedTotal = 16 << 20
	stopTime    = 10 * time.Second
)

// Serve answers with the files of the mirror in dir until ctx ends. It reads
// them anew at each call, so a pull may change the mirror meanwhile. It keeps no
// log. With TLS it speaks HTTP/1.1 in small records (see package link).
func Serve(ctx context.Context, dir string, at Listen) error {
	h, err := NewHandler(dir, at.Single)
	if err != nil {
		return err
	}
	defer h.Close()
	l := at.Listener
	if l == nil {
		if l, err = (&net.ListenConfig{}).Listen(ctx, "tcp", at.Addr); err != nil {
			return fault.Conflict("node.cannot_listen", at.Addr).Because(err)
		}
	}
	l = &guests{Listener: l, places: make(chan struct{}, mostGuests)}
	if at.CertFile != "" || at.KeyFile != "" {
		if l, err = secure(l, at); err != nil {
			return err
		}
	}
	s := &http.Server{
		Handler: link.Handler(h), ConnContext: link.Context, ErrorLog: log.New(io.Discard, "", 0), // it would name addresses
		ReadTimeout: headTime, ReadHeaderTimeout: headTime, WriteTimeout: headTime + biteTime, IdleTimeout: idleTime, MaxHeaderBytes: maxHead,
	}
	stopped := make(chan error, 1)
	go func() {
		<-ctx.Done()
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTime)
		defer cancel()
		err := s.Shutdown(last)
		if errors.Is(err, context.DeadlineExceeded) {
			err = s.Close()
		}
		stopped <- err
	}()
	err = s.Serve(l)
	if !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve: %w", err)
	}
	return <-stopped
}

func secure(l net.Listener, at Listen) (net.Listener, error) {
	pair, err := tls.LoadX509KeyPair(at.CertFile, at.KeyFile)
	if err != nil {
		return nil, errors.Join(fault.Invalid("node.bad_certificate", at.CertFile, at.KeyFile).Because(err), l.Close())
	}
	return link.Listen(l, &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{pair}, NextProtos: []string{"http/1.1"}}), nil
}

// guests is a listener that takes no more connections at a time than it has
// places.
type guests struct {
	net.Listener
	places chan struct{}
}

// Accept implements net.Listener.
func (g *guests) Accept() (net.Conn, error) {
	g.places <- struct{}{}
	c, err := g.Listener.Accept()
	if err != nil {
		<-g.places
		return nil, err
	}
	return &guest{Conn: c, leave: sync.OnceFunc(func() { <-g.places })}, nil
}

type guest struct {
	net.Conn
	leave func()
}

// Close implements net.Conn.
func (g *guest) Close() error {
	defer g.leave()
	return g.Conn.Close()
}

// Handler serves a mirror's files. Close it when done.
type Handler struct {
	root *os.Root
	http.Handler
	zipped  zipped
	batches chan struct{} // places
	single  *reader.Server
	copy    verify.Source
}

// NewHandler makes the handler of the mirror in dir: GET and HEAD of what an
// edition can have. What it cannot have is not there, so nothing is listed and
// nothing that a house keeps is shown. With single it also makes the single files
// that records' pages offer.
func NewHandler(dir string, single *reader.Server) (*Handler, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fault.NotFound("verify.no_folder", dir).Because(err)
	}
	src, err := verify.Dir(dir)
	if err != nil {
		return nil, errors.Join(err, root.Close())
	}
	h := &Handler{root: root, single: single, copy: src, zipped: zipped{pages: make(map[string]*zippedPage)}, batches: make(chan struct{}, mostBatches)}
	h.Handler = page.Headers(page.Policy{Media: true, Public: true}, http.HandlerFunc(h.serve))
	return h, nil
}

// Close lets go of the folder.
func (h *Handler) Close() error { return errors.Join(h.root.Close(), h.copy.(io.Closer).Close()) }

func (h *Handler) serve(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodPost && r.URL.Path == edition.BatchPath {
		h.serveBatch(w, r)
		return
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
		return
	}
	if _, _, ok := reader.Asked(r.URL.Path); ok && h.single != nil {
		if err := h.single.Serve(bites{w}, r, h.copy); err != nil {
			http.Error(w, http.StatusText(page.Status(err)), page.Status(err))
		}
		return
	}
	name := strings.TrimPrefix(r.URL.Path, "/")
	if name == "" || strings.HasSuffix(name, "/") {
		name += "index.html"
	}
	if name == edition.LeftPath {
		name = edition.LeftFile
	} else if edition.CheckPath(name) != nil {
		h.elsewhere(w, r, name)
		return
	}
	dirs := durable.NewDirs(h.root)
	defer dirs.Forget()
	f, err := verify.OpenPlain(dirs, name)
	if err != nil {
		http.NotFound(w, r)
		return
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		http.NotFound(w, r)
		return
	}
	kind := contentType(name)
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Etag", fmt.Sprintf(`"%x-%x"`, info.ModTime().UnixNano(), info.Size()))
	if strings.HasPrefix(name, edition.LogDir+"/tile/") {
		w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	if isText(kind) && info.Size() <= zippedMost {
		w.Header().Set("Vary", "Accept-Encoding")
		if r.Header.Get("Range") == "" && link.TakesGzip(r.Header) {
			h.serveZipped(w, r, name, f, info)
			return
		}
	}
	http.ServeContent(bites{w}, r, "", time.Time{}, f)
}

// elsewhere leads /kk to /kk/.
func (h *Handler) elsewhere(w http.ResponseWriter, r *http.Request, name string) {
	index := name + "/index.html"
	if edition.CheckPath(index) == nil {
		if info, err := h.root.Lstat(index); err == nil && info.Mode().IsRegular() {
			w.Header().Set("Location", "/"+name+"/")
			w.WriteHeader(http.StatusFound)
			return
		}
	}
	http.NotFound(w, r)
}

// bites gives a slow reader time for every bite that it takes.
type bites struct{ http.ResponseWriter }

// Write implements io.Writer.
func (b bites) Write(p []byte) (int, error) {
	n := 0
	for len(p) > 0 {
		bite := p[:min(len(p), 16<<10)]
		allowed := biteTime + time.Duration(len(bite)/1024)*time.Second
		_ = http.NewResponseController(b.ResponseWriter).SetWriteDeadline(time.Now().Add(allowed)) // a recorder in a test has none
		k, err := b.ResponseWriter.Write(bite)
		if n += k; err != nil {
			return n, err
		}
		p = p[len(bite):]
	}
	return n, nil
}

// Unwrap is for http.ResponseController.
func (b bites) Unwrap() http.ResponseWriter { return b.ResponseWriter }

// zipped keeps small texts compressed in memory, as long as their files are what
// they were.
type zipped struct {
	mu    sync.Mutex
	pages map[string]*zippedPage
	bytes int
}

type zippedPage struct {
	tag   string
	bytes []byte
}

func (h *Handler) serveZipped(w http.ResponseWriter, r *http.Request, name string, f io.Reader, info fs.FileInfo) {
	tag := w.Header().Get("Etag")
	if strings.Contains(r.Header.Get("If-None-Match"), tag) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	h.zipped.mu.Lock()
	p := h.zipped.pages[name]
	h.zipped.mu.Unlock()
	if p == nil || p.tag != tag {
		b, err := zip(f, info.Size())
		if err != nil {
			http.NotFound(w, r) // it was replaced while it was read
			return
		}
		p = &zippedPage{tag, b}
		h.zipped.put(name, p)
	}
	w.Header().Set("Content-Encoding", "gzip")
	w.Header().Set("Content-Length", strconv.Itoa(len(p.bytes)))
	if r.Method != http.MethodHead {
		_, _ = bites{w}.Write(p.bytes)
	}
}

func (z *zipped) put(name string, p *zippedPage) {
	z.mu.Lock()
	defer z.mu.Unlock()
	if old := z.pages[name]; old != nil {
		z.bytes -= len(old.bytes)
	}
	if z.bytes+len(p.bytes) > zippedTotal {
		clear(z.pages)
		z.bytes = 0
	}
	z.pages[name] = p
	z.bytes += len(p.bytes)
}

func zip(f io.Reader, size int64) ([]byte, error) {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	n, err := io.Copy(z, io.LimitReader(f, size+1))
	if err == nil && n != size {
		err = io.ErrUnexpectedEOF
	}
	err = errors.Join(err, z.Close()) // before the bytes are taken: it writes the rest
	return b.Bytes(), err
}

// contentTypes are those of all files that an edition can hold.
var contentTypes = map[string]string{
	".html": "text/html; charset=utf-8", ".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8",
	".json": "application/json", ".atom": "application/atom+xml; charset=utf-8", ".svg": "image/svg+xml", ".txt": "text/plain; charset=utf-8",
	".pem": "text/plain; charset=utf-8", ".sh": "text/plain; charset=utf-8", ".vtt": "text/vtt; charset=utf-8",
	".png": "image/png", ".ico": "image/x-icon", ".webp": "image/webp", ".jpg": "image/jpeg", ".mp4": "video/mp4", ".m4a": "audio/mp4",
	".ogg": "audio/ogg", ".webm": "video/webm", ".weba": "audio/webm", ".pdf": "application/pdf",
}

// contentType gives the media type of a path of an edition.
func contentType(p string) string {
	if t, ok := contentTypes[path.Ext(p)]; ok {
		return t
	}
	if p == checkpointPath || p == edition.LeftPath || p == edition.LeftFile {
		return "text/plain; charset=utf-8"
	}
	return "application/octet-stream"
}

func isText(kind string) bool {
	return strings.HasPrefix(kind, "text/") || kind == "application/json" || strings.HasPrefix(kind, "application/atom") || kind == "image/svg+xml"
}
