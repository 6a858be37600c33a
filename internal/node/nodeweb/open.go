package nodeweb

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"kua/internal/fault"
	"kua/internal/locale"
	"kua/internal/page"
	"kua/internal/parcel"
	"kua/internal/receipt"
	"kua/internal/reportpage"
)

// OpenPath is where the page without scripts lives, below a language. It is an
// address of its own: the page that seals never leads anybody here by itself.
const OpenPath = "/report/without-sealing"

// The page's limits. Its form is small, and stretching a receipt takes 32 MiB.
const (
	openForm   = 512 << 10
	openAtOnce = 2
	openRead   = 64 // forms that come at a time: a slow link holds its place for minutes
)

// openDoor is the page without scripts: this node's memory sees the report before
// it seals it. It writes nothing down but the sealed parcel.
type openDoor struct {
	reading chan struct{} // a place for every form that comes
	busy    chan struct{} // a place for every report being sealed
	tokens  *tokens
}

// openPage is the form; Trouble says why it was not sent.
type openPage struct {
	base
	People                        int
	Kinds                         []string
	Token                         string
	What, Text, When, Where, Fear string
	Trouble, Hint                 string
}

// openDone shows what the node signed for, and the receipt, once.
type openDone struct {
	base
	Receipt, Other string
	Day            string
	Parcel         []string // its number, in groups
}

func (w *Web) open(rw http.ResponseWriter, r *http.Request) {
	lang, _, _ := page.Cut(r.URL.Path)
	var err error
	switch r.Method {
	case http.MethodGet, http.MethodHead:
		w.showOpen(rw, lang, openPage{})
	case http.MethodPost:
		err = w.takeOpen(rw, r, lang)
	default:
		rw.Header().Set("Allow", "GET, HEAD, POST")
		http.Error(rw, "method not allowed", http.StatusMethodNotAllowed)
	}
	if err != nil {
		w.set.Fail(rw, page.NewBase(w.cat, lang, "", OpenPath), err)
	}
}

func (w *Web) showOpen(rw http.ResponseWriter, lang locale.Tag, p openPage) {
	c, _ := w.node.Charter()
	p.base, p.People, p.Kinds, p.Token = w.base(lang, OpenPath, "open.title"), len(c.Current()), parcel.Whats(), w.door.tokens.token(time.Now())
	w.set.Show(rw, "open", p.Base, p)
}

// takeOpen seals a report in memory and keeps the parcel as if it had come sealed.
func (w *Web) takeOpen(rw http.ResponseWriter, r *http.Request, lang locale.Tag) error {
	if page.Foreign(r) {
		return fault.Forbidden("open.foreign")
	}
	if err := w.readOpen(rw, r); err != nil {
		return err
	}
	field := func(name string) string { return strings.ReplaceAll(r.PostForm.Get(name), "\r\n", "\n") }
	p := openPage{What: field("what"), Text: field("text"), When: field("when"), Where: field("where"), Fear: field("fear")}
	err := w.checkOpen(r, p)
	var done openDone
	if err == nil {
		done, err = w.sealOpen(r, lang, p)
	}
	if errors.Is(err, fault.Conflict("open.used")) {
		return err // its words are sealed, and are not shown again
	}
	if f, ok := fault.Of(err); ok && f.Kind != fault.KindInternal {
		p.Trouble, p.Hint = page.Fault(w.cat, lang, err)
		rw.Header().Set("Content-Type", "text/html; charset=utf-8")
		rw.WriteHeader(fault.Status(err))
		w.showOpen(rw, lang, p)
		return nil
	}
	if err != nil {
		return err
	}
	w.set.Show(rw, "opened", done.Base, done)
	return nil
}

// readOpen reads the form as slowly as it comes, but not for ever.
func (w *Web) readOpen(rw http.ResponseWriter, r *http.Request) error {
	body := page.Patiently(rw, r.Body)
	// Not ParseMultipartForm: it would put what is long on the disk.
	if kind := r.Header.Get("Content-Type"); !strings.HasPrefix(kind, "application/x-www-form-urlencoded") {
		return fault.Invalid("open.form")
	}
	select {
	case w.door.reading <- struct{}{}:
		defer func() { <-w.door.reading }()
	default:
		return fault.Later("open.busy")
	}
	r.Body = http.MaxBytesReader(rw, body, openForm)
	err := r.ParseForm()
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return fault.TooLarge("open.too_long", openForm>>10)
	}
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return fault.Later("open.slow").Because(err)
	case err != nil:
		return fault.Invalid("open.form").Because(err)
	}
	body.Whole()
	return nil
}

func (w *Web) checkOpen(r *http.Request, p openPage) error {
	switch {
	case r.PostForm.Get("understood") == "":
		return fault.Invalid("open.not_understood")
	case !slices.Contains(parcel.Whats(), p.What):
		return fault.Invalid("report.choose_what")
	case strings.TrimSpace(p.Text) == "":
		return fault.Invalid("parcel.empty_report")
	}
	return nil
}

// sealOpen seals and keeps a report, once for each form.
func (w *Web) sealOpen(r *http.Request, lang locale.Tag, p openPage) (done openDone, err error) {
	select {
	case w.door.busy <- struct{}{}:
		defer func() { <-w.door.busy }()
	default:
		return openDone{}, fault.Later("open.busy")
	}
	token := r.PostForm.Get("token")
	if err := w.door.tokens.use(token, time.Now()); err != nil {
		return openDone{}, err
	}
	defer func() {
		if err != nil {
			w.door.tokens.giveBack(token, time.Now())
		}
	}()
	c, _ := w.node.Charter()
	code := receipt.New()
	keys, err := code.Derive()
	if err != nil {
		return openDone{}, err
	}
	report := parcel.Report{
		Kind: parcel.ReportKind, What: p.What, Text: p.Text, When: p.When, Where: p.Where, Fear: p.Fear, Language: string(lang),
		Reply: keys.ReplyRecipient, Mailbox: keys.Mailbox, Blind: fmt.Sprintf("%x", keys.Blind), Written: time.Now().UTC().Format(time.DateOnly),
	}
	var sealed bytes.Buffer
	if err := parcel.Seal(&sealed, report, nil, c.Recipients(), nil); err != nil {
		return openDone{}, err
	}
	ack, err := w.node.Keep(r.Context(), sealed.Bytes())
	if err != nil {
		return openDone{}, err
	}
	done = openDone{base: w.base(lang, OpenPath, "report.done"), Receipt: code.String(), Other: code.Cyrillic(), Day: ack.Day, Parcel: reportpage.InFours(ack.Parcel)}
	if reportpage.Alphabet(lang) == "cyrillic" {
		done.Receipt, done.Other = done.Other, done.Receipt
	}
	return done, nil
}
