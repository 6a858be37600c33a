// Package lane311 is what other systems see of the open lane: an endpoint of
// Open311 GeoReport v2 with FixMyStreet's updates and the bulk format, so that a
// city, a newsroom or another application needs nothing of Kuä to read, to send
// and to answer. spec/open311.md says what it answers.
//
// Reading needs no key. A key may do what it is bound to and nothing else. What is
// sent takes the road of a citizen's report; a name, an address and a telephone
// that come with it are never kept. Used by cmd/kua.
package lane311

import (
	"bytes"
	"errors"
	"log/slog"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"kua/internal/authority"
	"kua/internal/fault"
	"kua/internal/lane"
	"kua/internal/locale"
	"kua/internal/open311"
	"kua/internal/page"
)

// Root is where discovery lies, and Endpoint what it names.
const (
	Root     = "/open311/"
	Endpoint = Root + "v2/"
)

// maxForm is the most bytes of what is sent: all texts in three-byte letters, encoded.
const maxForm = 256 << 10

// Config says what is served; Lane and Catalogue must be set.
type Config struct {
	Lane      *lane.Lane
	Catalogue *locale.Catalogue
	Name      func(locale.Tag) string // of whoever runs the lane
	Now       func() time.Time        // default time.Now
	Diary     *slog.Logger            // faults of the house, and of which call; nothing of who calls; default: nowhere
}

// Server is the endpoint. It is safe for many goroutines.
type Server struct {
	lane    *lane.Lane
	cat     *locale.Catalogue
	name    func(locale.Tag) string
	now     func() time.Time
	diary   *slog.Logger
	budgets budgets
	held    held
	chunk   int // requests of the bulk file in memory at a time
	rooms   http.Handler
}

// New makes the endpoint.
func New(cfg Config) *Server {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Name == nil {
		cfg.Name = func(locale.Tag) string { return "Kuä" }
	}
	if cfg.Diary == nil {
		cfg.Diary = slog.New(slog.DiscardHandler)
	}
	s := &Server{diary: cfg.Diary, lane: cfg.Lane, cat: cfg.Catalogue, name: cfg.Name, now: cfg.Now, chunk: bulkChunk}
	mux := http.NewServeMux()
	for pattern, answer := range s.table() {
		mux.Handle(pattern, s.answered(answer))
	}
	s.rooms = page.Headers(page.Policy{Public: true}, mux)
	return s
}

func (s *Server) table() map[string]func(*visit) (open311.Document, error) {
	return map[string]func(*visit) (open311.Document, error){
		"GET " + Root + "{discovery}":        s.discovery,
		"GET " + Endpoint + "{list}":         s.list,
		"GET " + Endpoint + "requests.csv":   s.bulk,
		"GET " + Endpoint + "services/{one}": s.definition,
		"GET " + Endpoint + "requests/{one}": s.request,
		"GET " + Endpoint + "tokens/{one}":   s.token,
		"POST " + Endpoint + "{list}":        s.take,
		"/":                                  s.nothing,
	}
}

// Patterns gives every route, in order, for whoever goes through all of them.
func (s *Server) Patterns() []string { return slices.Sorted(maps.Keys(s.table())) }

// Before serves the endpoint as long as the lane has a directory, and leaves
// everything else to next.
func (s *Server) Before(next http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if !strings.HasPrefix(r.URL.Path, Root) {
			next.ServeHTTP(rw, r)
			return
		}
		if _, _, err := s.lane.Current(r.Context()); errors.Is(err, fault.NotFound("lane.no_directory")) {
			next.ServeHTTP(rw, r)
			return
		}
		s.rooms.ServeHTTP(rw, r)
	})
}

// visit is one call and what is needed to answer it.
type visit struct {
	*http.Request
	rw      http.ResponseWriter
	query   url.Values
	form    url.Values // what was posted
	brought brought    // and the photos with it
	lang    locale.Tag
	router  *authority.Router
	routers map[int64]*authority.Router // of the versions that requests were routed by
	status  int                         // of a good answer
}

// errDone says that a call has written its answer itself.
var errDone = errors.New("the answer is written")

// answered adapts a call: it finds the format, and writes the document or the
// errors. What is refused is 403, 404, 429 or 400, as GeoReport v2 says; the code
// in the document may be finer.
func (s *Server) answered(answer func(*visit) (open311.Document, error)) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		v := &visit{Request: r, rw: rw, lang: locale.English, status: http.StatusOK}
		format := open311.XML
		if strings.HasSuffix(r.URL.Path, "."+string(open311.JSON)) {
			format = open311.JSON
		}
		defer s.letGo(v)
		err := s.begin(v)
		var d open311.Document
		if err == nil {
			d, err = answer(v)
		}
		if errors.Is(err, errDone) {
			return
		}
		if err != nil {
			if f, ok := fault.Of(err); ok && f.Kind == fault.KindLater && rw.Header().Get("Retry-After") == "" {
				rw.Header().Set("Retry-After", strconv.Itoa(later))
			}
			if fault.OfHouse(err) && r.Context().Err() == nil {
				s.diary.Error("a call of Open311 failed", "call", r.Pattern, "fault", err)
			}
			d, v.status = s.refusal(v, err)
		}
		var b bytes.Buffer
		_ = d.Write(&b, format) // a buffer takes everything
		rw.Header().Set("Content-Type", format.Type())
		rw.WriteHeader(v.status)
		_, _ = rw.Write(b.Bytes()) // the caller may have gone
	})
}

// refused are several faults of one call.
type refused []error

func (r refused) Error() string   { return errors.Join(r...).Error() }
func (r refused) Unwrap() []error { return r }

func (s *Server) refusal(v *visit, err error) (open311.Document, int) {
	all, ok := err.(refused)
	if !ok {
		all = refused{err}
	}
	var problems []open311.Problem
	status := 0
	for _, one := range all {
		http, code := codes(one)
		status = max(status, http)
		message, hint := page.Fault(s.cat, v.lang, one)
		problems = append(problems, open311.Problem{Code: code, Description: strings.TrimSpace(message + " " + hint)})
	}
	return open311.Problems(problems), status
}

// codes gives the status of the answer and the finer code of the document.
func codes(err error) (status, code int) {
	f, ok := fault.Of(err)
	if !ok {
		return http.StatusInternalServerError, http.StatusInternalServerError
	}
	switch f.Kind {
	case fault.KindInvalid:
		return http.StatusBadRequest, http.StatusBadRequest
	case fault.KindConflict:
		return http.StatusBadRequest, http.StatusConflict
	case fault.KindTooLarge:
		return http.StatusBadRequest, http.StatusRequestEntityTooLarge
	case fault.KindNotFound:
		return http.StatusNotFound, http.StatusNotFound
	case fault.KindForbidden:
		return http.StatusForbidden, http.StatusForbidden
	case fault.KindLater:
		return http.StatusTooManyRequests, http.StatusTooManyRequests
	}
	return http.StatusInternalServerError, http.StatusInternalServerError
}

// begin reads the parameters. locale chooses the language of names and messages;
// the directory's first is the default.
func (s *Server) begin(v *visit) (err error) {
	if _, v.router, err = s.lane.Current(v.Context()); err != nil {
		return err
	}
	info := v.router.Directory().Info
	v.lang = info.Languages[0]
	if v.query, err = url.ParseQuery(v.URL.RawQuery); err != nil {
		return fault.Invalid("lane311.bad_form").Because(err)
	}
	if v.Method == http.MethodPost {
		if err = s.readForm(v); err != nil {
			return err
		}
	}
	if tag, ok := v.locale(); ok {
		v.lang = tag
	}
	if asked := v.param("jurisdiction_id"); asked != "" && asked != info.ID {
		return fault.NotFound("lane311.jurisdiction", asked, info.ID)
	}
	return nil
}

// param gives a parameter of the address or of what was posted; empty is absent.
func (v *visit) param(name string) string {
	for _, from := range []url.Values{v.form, v.query} {
		if given := strings.TrimSpace(from.Get(name)); given != "" {
			return given
		}
	}
	return ""
}

// locale is the language that the caller names: ru, ru-RU or ru_RU.
func (v *visit) locale() (locale.Tag, bool) {
	asked := strings.ReplaceAll(v.param("locale"), "_", "-")
	if tag, ok := locale.Parse(asked); ok {
		return tag, true
	}
	language, _, _ := strings.Cut(asked, "-")
	return locale.Parse(language)
}

// readForm reads what was posted, encoded as an address or in parts.
func (s *Server) readForm(v *visit) error {
	kind, _, err := mime.ParseMediaType(v.Header.Get("Content-Type"))
	switch {
	case err == nil && kind == "multipart/form-data":
		return s.readParts(v)
	case err != nil || kind != "application/x-www-form-urlencoded":
		return fault.Invalid("lane311.content_type").Because(err)
	}
	v.Body = http.MaxBytesReader(v.rw, v.Body, maxForm)
	err = v.ParseForm()
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return fault.TooLarge("lane311.too_large", maxForm>>10)
	}
	if err != nil {
		return fault.Invalid("lane311.bad_form").Because(err)
	}
	v.form = v.PostForm
	return nil
}

// resource cuts the format off the last part of an address.
func resource(last string) (name string, f open311.Format, err error) {
	for _, f := range []open311.Format{open311.XML, open311.JSON} {
		if name, ok := strings.CutSuffix(last, "."+string(f)); ok && name != "" {
			return name, f, nil
		}
	}
	return "", "", fault.NotFound("lane311.nothing")
}

func (s *Server) nothing(*visit) (open311.Document, error) {
	return open311.Document{}, fault.NotFound("lane311.nothing")
}

// list answers the calls that have no id.
func (s *Server) list(v *visit) (open311.Document, error) {
	name, format, err := resource(v.PathValue("list"))
	if err != nil {
		return open311.Document{}, err
	}
	switch name {
	case "services":
		return s.services(v)
	case "requests":
		return s.requests(v, format)
	case "servicerequestupdates":
		return s.updates(v, format)
	case "discovery":
		return s.discover(v)
	}
	return s.nothing(v)
}

// take answers what is sent.
func (s *Server) take(v *visit) (open311.Document, error) {
	name, _, err := resource(v.PathValue("list"))
	if err != nil {
		return open311.Document{}, err
	}
	switch name {
	case "requests":
		return s.submit(v)
	case "servicerequestupdates":
		return s.change(v)
	}
	return s.nothing(v)
}

func (s *Server) discovery(v *visit) (open311.Document, error) {
	if name, _, err := resource(v.PathValue("discovery")); err != nil || name != "discovery" {
		return s.nothing(v)
	}
	return s.discover(v)
}

func (s *Server) discover(v *visit) (open311.Document, error) {
	version, _, err := s.lane.Current(v.Context())
	if err != nil {
		return open311.Document{}, err
	}
	name, home := s.name(v.lang), base(v.Request)+"/"
	changed := midnight(version.Day)
	return open311.Discovery{Changeset: changed, Contact: s.cat.T(v.lang, "lane311.contact", name, home), KeyService: s.cat.T(v.lang, "lane311.key_service", name, home),
		Endpoints: []open311.Endpoint{{URL: base(v.Request) + Endpoint, Changeset: changed, Type: endpointType(v.router), Formats: []string{"text/xml", "application/json"}}},
	}.Document(), nil
}

// endpointType says that made-up material is no city's.
func endpointType(r *authority.Router) string {
	if r.Directory().Info.MadeUp {
		return "test"
	}
	return "production"
}

// base is the server's address as its caller knows it. A proxy says how it was
// called; whoever lies there gets only their own answer wrong.
func base(r *http.Request) string {
	scheme := "http"
	if r.TLS != nil || r.Header.Get("X-Forwarded-Proto") == "https" {
		scheme = "https"
	}
	return scheme + "://" + r.Host
}

func midnight(day string) time.Time {
	t, _ := time.Parse(time.DateOnly, day) // "" is no time
	return t
}
