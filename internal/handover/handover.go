// Package handover is what a phone in the room sees of a courier's laptop: a page
// that seals a report in the phone's own browser and hands it to the laptop, one that
// reads answers from the mailboxes in the courier's folder, and a form for files that
// were sealed before. And it is what the laptop shows on its own screen, so that
// people can come to these pages and can tell them from somebody else's.
//
// It opens nothing and writes down nobody's address. What it protects against whom is
// docs/threat-model.md; used by cmd/kua.
package handover

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"strings"
	"time"

	"kua/internal/charter"
	"kua/internal/courier"
	"kua/internal/fault"
	"kua/internal/locale"
	"kua/internal/nodeapi"
	"kua/internal/page"
	"kua/internal/reportpage"
	"kua/web"
)

var forms = page.Policy{Forms: true}

// Laptop serves phones. It is safe for many goroutines.
type Laptop struct {
	counter *courier.Counter
	charter charter.Charter
	cat     *locale.Catalogue
	set     *page.Set
	pages   reportpage.Pages
	assets  *web.Bundle
	handing *courier.Places // one for every sealed file that comes
}

// So many sealed files come at a time, and so many of them from one address.
const (
	mostForms = 8
	formsEach = 2
)

// New serves what the counter of a folder takes, for the collective of a charter. Its
// error is web.ErrNotBuilt for a program without its browser code.
func New(counter *courier.Counter, c charter.Charter, cat *locale.Catalogue) (*Laptop, error) {
	assets, err := web.Assets()
	if err != nil {
		return nil, err
	}
	set, err := page.Parse(web.Templates(), "node")
	if err != nil {
		return nil, err
	}
	set.Use(assets)
	return &Laptop{
		counter: counter, charter: c, cat: cat, set: set, assets: assets, handing: courier.NewPlaces(mostForms, formsEach),
		pages: reportpage.Pages{Catalogue: cat, Set: set, ByHand: true},
	}, nil
}

// Sealed is the handler for a door with a certificate, which is reached at these
// addresses.
func (l *Laptop) Sealed(at []net.IP) http.Handler {
	mux := http.NewServeMux()
	mux.Handle(nodeapi.Base+"/", patient(l.counter.Handler()))
	mux.Handle(web.Prefix, page.Headers(reportpage.Opening, l.assets.Unkept())) // a worker obeys the policy its script came with
	l.route(mux, map[string]http.Handler{
		"/":             page.Headers(forms, l.show(l.front)),
		"/report":       page.Headers(reportpage.Sealing, reportpage.Packed(l.show(l.report))),
		"/report/words": page.Headers(forms, reportpage.Packed(l.show(l.reportWords))),
		"/replies":      page.Headers(reportpage.Opening, reportpage.Packed(l.show(l.replies))),
		"/sealed":       page.Headers(forms, l.form(false)),
	})
	return l.only(at, mux)
}

// Plain is the handler for an address without one, for browsers that refuse every
// certificate that nobody vouches for: it takes files that are sealed already, and has
// no page on which anything could be written.
func (l *Laptop) Plain(at []net.IP) http.Handler {
	mux := http.NewServeMux()
	mux.Handle(web.Prefix, page.Headers(forms, l.assets.Unkept()))
	l.route(mux, map[string]http.Handler{"/": page.Headers(forms, l.form(true)), "/sealed": page.Headers(forms, l.form(true))})
	return l.only(at, mux)
}

func (l *Laptop) route(mux *http.ServeMux, rooms map[string]http.Handler) {
	chooser := page.Headers(forms, http.HandlerFunc(l.chooser))
	mux.HandleFunc("/", func(rw http.ResponseWriter, r *http.Request) {
		lang, rest, ok := page.Cut(r.URL.Path)
		switch room := rooms[rest]; {
		case ok && room != nil:
			room.ServeHTTP(rw, r)
		case r.URL.Path == "/":
			chooser.ServeHTTP(rw, r)
		default:
			if !ok {
				lang = locale.English
			}
			page.Headers(forms, http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
				l.set.Fail(rw, page.NewBase(l.cat, lang, "", "/"), page.ErrNotFound())
			})).ServeHTTP(rw, r)
		}
	})
}

// patient lets a body come as slowly as a crowded Wi-Fi brings it, but not for ever.
func patient(next http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		r.Body = page.Patiently(rw, r.Body)
		next.ServeHTTP(rw, r)
	})
}

// show adapts a page's function.
func (l *Laptop) show(do func(rw http.ResponseWriter, lang locale.Tag) error) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			rw.Header().Set("Allow", "GET, HEAD")
			http.Error(rw, "method not allowed", http.StatusMethodNotAllowed)
			return
		}
		lang, rest, _ := page.Cut(r.URL.Path)
		if err := do(rw, lang); err != nil {
			l.set.Fail(rw, page.NewBase(l.cat, lang, "", rest), err)
		}
	})
}

func (l *Laptop) report(rw http.ResponseWriter, lang locale.Tag) error {
	return l.pages.Report(rw, lang, l.charter, false)
}

func (l *Laptop) reportWords(rw http.ResponseWriter, lang locale.Tag) error {
	return l.pages.ReportWords(rw, lang, l.charter)
}

func (l *Laptop) replies(rw http.ResponseWriter, lang locale.Tag) error {
	return l.pages.Replies(rw, lang, l.charter)
}

func (l *Laptop) front(rw http.ResponseWriter, lang locale.Tag) error {
	w := l.pages.Words(l.charter, lang, "/", "handover.title")
	l.set.Show(rw, "handover", w.Base, w)
	return nil
}

// chooser lets people choose their language.
func (l *Laptop) chooser(rw http.ResponseWriter, _ *http.Request) {
	lang := locale.English
	if len(l.charter.Languages) > 0 {
		if first, ok := locale.Parse(l.charter.Languages[0]); ok {
			lang = first
		}
	}
	w := l.pages.Words(l.charter, lang, "/", "handover.title")
	w.Title = w.Collective
	l.set.Show(rw, "chooser", w.Base, w)
}

// filePage is the form for a sealed file, and what came of one.
type filePage struct {
	reportpage.Words
	Plain         bool // the connection is not encrypted
	Parcel        []string
	Trouble, Hint string
}

func (l *Laptop) form(plain bool) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		lang, _, _ := page.Cut(r.URL.Path)
		p := filePage{Words: l.pages.Words(l.charter, lang, "/sealed", "handover.file.title"), Plain: plain}
		switch r.Method {
		case http.MethodGet, http.MethodHead:
		case http.MethodPost:
			id, err := l.take(rw, r)
			if err == nil {
				p.Parcel = reportpage.InFours(id)
				break
			}
			p.Trouble, p.Hint = page.Fault(l.cat, lang, err)
			rw.Header().Set("Content-Type", "text/html; charset=utf-8")
			rw.Header().Set("Connection", "close") // what is left of the file need not come
			rw.WriteHeader(fault.Status(err))
		default:
			rw.Header().Set("Allow", "GET, HEAD, POST")
			http.Error(rw, "method not allowed", http.StatusMethodNotAllowed)
			return
		}
		l.set.Show(rw, "handed", p.Base, p)
	})
}

// take reads the file of a form as it comes. Nothing of it is held but a piece.
func (l *Laptop) take(rw http.ResponseWriter, r *http.Request) (id string, err error) {
	body := page.Patiently(rw, r.Body)
	r.Body = body
	if page.Foreign(r) {
		return "", fault.Forbidden("open.foreign")
	}
	leave, err := l.handing.Take(r.RemoteAddr)
	if err != nil {
		return "", err
	}
	defer leave()
	parts, err := r.MultipartReader()
	if err != nil {
		return "", fault.Invalid("handover.no_file").Because(err)
	}
	for {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			return "", fault.Invalid("handover.no_file")
		}
		if err != nil {
			return "", fault.Later("courier.cut_off").Because(err)
		}
		if part.FormName() != "sealed" || part.FileName() == "" {
			continue
		}
		return l.counter.Hand(part)
	}
}

// Listen is where a laptop answers. Certificate nil is plain HTTP.
type Listen struct {
	Listener    net.Listener
	Certificate *tls.Certificate
	Handler     http.Handler
}

// Times that a server gives strangers; bodies move their own deadlines.
const (
	headerTime = 20 * time.Second
	idleTime   = 2 * time.Minute
	stopTime   = 10 * time.Second
)

// Serve answers until ctx ends. Of who calls nothing is written down: a server's own
// complaints would name addresses.
func Serve(ctx context.Context, at Listen) error {
	l := at.Listener
	if at.Certificate != nil {
		l = tls.NewListener(l, &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"}, Certificates: []tls.Certificate{*at.Certificate}})
	}
	s := &http.Server{
		Handler: at.Handler, ErrorLog: log.New(io.Discard, "", 0), ReadHeaderTimeout: headerTime, IdleTimeout: idleTime, WriteTimeout: page.LongWait, MaxHeaderBytes: 16 << 10,
	}
	stopped := make(chan error, 1)
	go func() {
		<-ctx.Done()
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTime)
		defer cancel()
		err := s.Shutdown(last)
		if errors.Is(err, context.DeadlineExceeded) {
			err = s.Close() // whoever is cut off goes on when the laptop is back
		}
		stopped <- err
	}()
	if err := s.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return <-stopped
}

// Addresses gives those of this machine's addresses that a phone in the room may reach,
// private ones before others.
func Addresses() ([]net.IP, error) {
	all, err := net.InterfaceAddrs()
	if err != nil {
		return nil, err
	}
	var near, far []net.IP
	for _, a := range all {
		n, ok := a.(*net.IPNet)
		if !ok || n.IP.To4() == nil || n.IP.IsLoopback() || n.IP.IsLinkLocalUnicast() {
			continue
		}
		if n.IP.IsPrivate() {
			near = append(near, n.IP)
		} else {
			far = append(far, n.IP)
		}
	}
	return append(near, far...), nil
}

// Host makes the address of a page from one of the laptop's addresses.
func Host(scheme string, at net.IP, port string) string {
	return scheme + "://" + strings.TrimSuffix(net.JoinHostPort(at.String(), port), ":443") + "/"
}
