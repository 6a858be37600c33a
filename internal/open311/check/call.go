package check

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"golang.org/x/text/language"
	"golang.org/x/text/message"

	"kua/internal/open311"
)

//go:embed schema/georeport-v2.schema.json
var schemaFile []byte

// patience is how long one call may take.
const patience = 2 * time.Minute

// plainClient takes nothing on itself: what is compressed is unpacked here, where
// a wrong header is seen.
func plainClient(given *http.Client) *http.Client {
	own := http.Client{Timeout: patience}
	if given != nil {
		own = *given
	}
	if t, ok := own.Transport.(*http.Transport); ok || own.Transport == nil {
		if t == nil {
			t = http.DefaultTransport.(*http.Transport)
		}
		t = t.Clone()
		t.DisableCompression = true
		own.Transport = t
	}
	own.CheckRedirect = func(_ *http.Request, via []*http.Request) error {
		if via[0].Method != http.MethodGet || via[0].URL.Query().Has("api_key") || len(via) >= 10 {
			return http.ErrUseLastResponse // a key goes nowhere but where it was meant for
		}
		return nil
	}
	return &own
}

// reply is what came of a call.
type reply struct {
	method, at string
	status     int
	header     http.Header
	body       []byte
	err        error
	packed     error // the body does not unpack as its header says
	long       bool
}

func (r reply) address() string { return r.method + " " + r.at }

// said tells a reply in one line.
func (r reply) said() string {
	if r.err != nil {
		return r.err.Error()
	}
	return fmt.Sprintf("%d %s %s", r.status, r.header.Get("Content-Type"), clip(string(r.body[:min(len(r.body), 1000)])))
}

// call gets an address, or posts a form there.
func (c *checker) call(method, at string, form url.Values) (r reply) {
	if method == http.MethodPost {
		return c.send(method, at, "application/x-www-form-urlencoded; charset=utf-8", []byte(form.Encode()))
	}
	if len(form) > 0 {
		at += "?" + form.Encode()
	}
	return c.send(method, at, "", nil)
}

// send calls an address; kind is the media type of a body, "" for none.
func (c *checker) send(method, at, kind string, body []byte) (r reply) {
	r = reply{method: method, at: at}
	c.report.Calls++
	req, err := http.NewRequestWithContext(c.ctx, method, r.at, bytes.NewReader(body))
	if err != nil {
		r.err = err
		return r
	}
	if kind != "" {
		req.Header.Set("Content-Type", kind)
	}
	req.Header.Set("Accept-Encoding", "gzip, deflate")
	req.Header.Set("User-Agent", "kua open311 check")
	resp, err := c.http.Do(req)
	if err != nil {
		if bare, ok := errors.AsType[*url.Error](err); ok {
			err = bare.Err
		}
		r.err = err
		return r
	}
	defer resp.Body.Close()
	r.status, r.header = resp.StatusCode, resp.Header
	r.body, r.err = io.ReadAll(io.LimitReader(resp.Body, open311.MaxAnswer+1))
	r.unpack()
	if len(r.body) > open311.MaxAnswer {
		r.body, r.long = r.body[:open311.MaxAnswer], true
	}
	return r
}

func (r *reply) unpack() {
	var in io.Reader
	var err error
	switch strings.ToLower(r.header.Get("Content-Encoding")) {
	case "gzip", "x-gzip":
		in, err = gzip.NewReader(bytes.NewReader(r.body))
	case "deflate":
		in, err = zlib.NewReader(bytes.NewReader(r.body))
	case "", "identity":
		return
	default:
		err = errors.New("Content-Encoding: " + r.header.Get("Content-Encoding"))
	}
	if err == nil {
		var whole []byte
		if whole, err = io.ReadAll(io.LimitReader(in, open311.MaxAnswer+1)); err == nil {
			r.body = whole
			return
		}
	}
	r.packed = err
}

// get gets a document and judges it; nil where it cannot be read.
func (c *checker) get(kind, at string, params url.Values) *open311.Answer {
	return c.judge(kind, c.call(http.MethodGet, at, params))
}

// judge holds a good answer against everything that is said of documents of its
// kind, and reads it if it can be read at all.
func (c *checker) judge(kind string, r reply) *open311.Answer {
	if r.err == nil && r.packed == nil && r.status/100 != 2 {
		c.find("status", r.address(), r.said())
		return nil
	}
	if !c.document(kind, r) {
		return nil
	}
	a, err := open311.Read(r.body)
	if err != nil {
		return nil
	}
	return a
}

// document judges how an answer is written, good or not; false when it cannot be read.
func (c *checker) document(kind string, r reply) bool {
	switch {
	case r.err != nil:
		c.find("reachable", r.address(), r.said())
		return false
	case r.packed != nil:
		c.find("compression", r.address(), r.packed.Error())
		return false
	case r.long:
		c.find("too_long", r.address(), fmt.Sprintf("> %d MiB", open311.MaxAnswer>>20))
		return false
	}
	text := bytes.TrimSpace(bytes.TrimPrefix(r.body, []byte("\xef\xbb\xbf")))
	if begin := bytes.ToLower(text[:min(len(text), 100)]); bytes.HasPrefix(begin, []byte("<!doctype html")) || bytes.HasPrefix(begin, []byte("<html")) {
		c.find("web_page", r.address(), r.said())
		return false
	}
	path, _, _ := strings.Cut(r.at, "?")
	if strings.HasSuffix(path, ".json") {
		c.contentType(r, "application/json")
		return c.jsonDocument(kind, r)
	}
	c.contentType(r, "text/xml")
	return c.xmlDocument(kind, r, text)
}

// contentType wants the standard's media type; another character set than UTF-8 is
// wrong in both.
func (c *checker) contentType(r reply, want string) {
	kind, params, err := mime.ParseMediaType(r.header.Get("Content-Type"))
	if charset := params["charset"]; err != nil || kind != want || charset != "" && !strings.EqualFold(charset, "utf-8") {
		c.find("content_type", r.address(), r.header.Get("Content-Type"))
	}
}

func (c *checker) xmlDocument(kind string, r reply, text []byte) bool {
	if !bytes.HasPrefix(text, []byte("<?xml")) {
		c.find("xml_declaration", r.address(), clip(string(text[:min(len(text), 60)])))
	}
	root, err := readXML(text)
	if err != nil {
		c.find("xml", r.address(), err.Error()+": "+clip(string(text[:min(len(text), 60)])))
		return false
	}
	if name := anyAttribute(root); name != "" {
		c.find("xml_attributes", r.address(), name)
	}
	wrong, foreign := validateXML(kind, root)
	for _, w := range wrong {
		c.find("xml_shape", r.address(), w)
	}
	if len(foreign) > 0 {
		c.find("xml_extension", strings.Split(r.address(), "?")[0], strings.Join(foreign, ", "))
	}
	return true
}

func anyAttribute(e element) string {
	if len(e.attributes) > 0 {
		return "<" + e.name + " " + e.attributes[0].Name.Local + "=…>"
	}
	for _, c := range e.children {
		if found := anyAttribute(c); found != "" {
			return found
		}
	}
	return ""
}

// schemas are the kinds of documents in JSON.
var schemas = sync.OnceValue(func() map[string]*jsonschema.Schema {
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(schemaFile))
	if err != nil {
		panic(fmt.Sprintf("open311/check: the schema: %v", err)) // ours, and held by a test
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("georeport.json", doc); err != nil {
		panic(fmt.Sprintf("open311/check: the schema: %v", err))
	}
	all := make(map[string]*jsonschema.Schema)
	kinds, _ := grammar()
	for kind := range kinds {
		all[kind] = compiler.MustCompile("georeport.json#/$defs/" + kind)
	}
	return all
})

func (c *checker) jsonDocument(kind string, r reply) bool {
	var probe any
	err := json.Unmarshal(r.body, &probe)
	if err == nil && !utf8.Valid(r.body) {
		err = errors.New("not UTF-8")
	}
	if err != nil {
		c.find("json", r.address(), err.Error()+": "+clip(string(r.body[:min(len(r.body), 60)])))
		_, err := open311.Read(r.body) // it may be readable all the same
		return err == nil
	}
	for _, wrong := range validateJSON(kind, r.body) {
		c.find("json_shape", r.address(), wrong)
	}
	return true
}

// validateJSON holds a document against its kind and tells what is wrong where.
func validateJSON(kind string, body []byte) (wrong []string) {
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
	if err == nil {
		err = schemas()[kind].Validate(doc)
	}
	if err == nil {
		return nil
	}
	failed, ok := errors.AsType[*jsonschema.ValidationError](err)
	if !ok {
		return []string{err.Error()}
	}
	english := message.NewPrinter(language.English)
	var leaves func(e *jsonschema.ValidationError)
	leaves = func(e *jsonschema.ValidationError) {
		for _, cause := range e.Causes {
			leaves(cause)
		}
		if len(e.Causes) == 0 && len(wrong) < maxTold {
			wrong = append(wrong, "/"+strings.Join(e.InstanceLocation, "/")+": "+e.ErrorKind.LocalizedString(english))
		}
	}
	leaves(failed)
	return wrong
}

func same(a, b any) bool { return reflect.DeepEqual(a, b) }
