package actor

import (
	"crypto/rsa"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"kua/internal/fault"
)

var (
	now  = time.Date(2026, 11, 21, 10, 30, 0, 0, time.UTC)
	news = Account{Base: "https://kua.example.org", Name: "news"}
)

func newKey(t testing.TB) *rsa.PrivateKey {
	t.Helper()
	der, err := NewKey()
	if err != nil {
		t.Fatal(err)
	}
	key, err := ParseKey(der)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// signedLetter is a letter as it comes to a node.
func signedLetter(t testing.TB, key *rsa.PrivateKey, body, keyID string, at time.Time) *http.Request {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, news.Base+news.Inbox(), strings.NewReader(body))
	r.Header.Set("Content-Type", Type)
	if err := Sign(r, []byte(body), keyID, key, at); err != nil {
		t.Fatal(err)
	}
	return r
}

const (
	reader   = "https://social.example/users/reader"
	followed = `{"@context":"https://www.w3.org/ns/activitystreams","id":"` + reader + `#1","type":"Follow","actor":"` + reader + `","object":"https://kua.example.org/ap/news"}`
)

func strangerOf(t testing.TB, key *rsa.PrivateKey) Stranger {
	t.Helper()
	public, err := PublicPEM(key)
	if err != nil {
		t.Fatal(err)
	}
	document, err := json.Marshal(map[string]any{"id": reader, "inbox": reader + "/inbox", "endpoints": map[string]any{"sharedInbox": "https://social.example/inbox"},
		"publicKey": map[string]any{"id": reader + "#main-key", "owner": reader, "publicKeyPem": public}})
	if err != nil {
		t.Fatal(err)
	}
	s, err := ReadStranger(document, reader)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestLetter: a letter is believed as it was signed, and with one thing changed it is
// not; what is not signed over all that is needed does not come in.
func TestLetter(t *testing.T) {
	key := newKey(t)
	from := strangerOf(t, key)
	r := signedLetter(t, key, followed, reader+"#main-key", now)
	l, said, err := Take(r, []byte(followed), now)
	if err != nil || said.Kind != Follow || said.Actor != reader || said.Object != news.ID() || l.To() != "news" {
		t.Fatalf("Take = %+v, %v", said, err)
	}
	if from.Told != "https://social.example/inbox" {
		t.Errorf("told at %s", from.Told)
	}
	if err := news.Check(l, from, now.Add(20*24*time.Hour)); err != nil {
		t.Errorf("a true letter: %v", err)
	}
	for what, change := range map[string]func(*Letter){
		"another body":    func(l *Letter) { l.Body = []byte(strings.Replace(followed, "#1", "#2", 1)) },
		"another digest":  func(l *Letter) { l.Digest = digest([]byte("x")) },
		"two digests":     func(l *Letter) { l.Digest += "," + l.Digest },
		"another host":    func(l *Letter) { l.Host = "other.example.org" },
		"another inbox":   func(l *Letter) { l.Path = "/ap/other/inbox" },
		"another type":    func(l *Letter) { l.ContentType = "text/plain" },
		"another date":    func(l *Letter) { l.Date = now.Add(time.Second).Format(http.TimeFormat) },
		"no signature":    func(l *Letter) { l.Signature = "" },
		"another's key":   func(l *Letter) { l.Signature = strings.Replace(l.Signature, "reader#", "other#", 1) },
		"less is covered": func(l *Letter) { l.Signature = strings.Replace(l.Signature, " digest", "", 1) },
	} {
		other := l
		change(&other)
		if err := news.Check(other, from, now); !errors.Is(err, fault.Forbidden("actor.forged")) {
			t.Errorf("%s: %v", what, err)
		}
	}
	for what, change := range map[string]func(*Letter){
		"a digest with a space": func(l *Letter) { l.Digest += " " },
		"a date with a space":   func(l *Letter) { l.Date = " " + l.Date },
		"another signature":     func(l *Letter) { l.Signature = strings.Replace(l.Signature, `",`, `", `, 1) },
	} {
		again := l
		change(&again)
		if news.Check(again, from, now) == nil && again.Mark() != l.Mark() {
			t.Errorf("%s: the same letter is believed under another mark", what)
		}
	}
	if err := news.Check(l, from, now.Add(31*24*time.Hour)); err == nil {
		t.Error("a letter of last month is believed")
	}
	if err := (Account{Base: "https://other.example.org", Name: "news"}).Check(l, from, now); err == nil {
		t.Error("a letter to another node is believed")
	}
	if err := news.Check(l, strangerOf(t, newKey(t)), now); err == nil {
		t.Error("another key's letter is believed")
	}
	for what, change := range map[string]func(*http.Request){
		"unsigned":          func(r *http.Request) { r.Header.Del("Signature") },
		"signed twice":      func(r *http.Request) { r.Header.Add("Signature", r.Header.Get("Signature")) },
		"by RFC 9421":       func(r *http.Request) { r.Header.Set("Signature", "sig1=:AAAA:") },
		"over a user agent": func(r *http.Request) { replace(r, "content-type", "user-agent") },
		"not over the host": func(r *http.Request) { replace(r, " host", "") },
		"one name twice":    func(r *http.Request) { replace(r, " date", " date date") },
		"one word twice":    func(r *http.Request) { r.Header.Set("Signature", `keyId="x",`+r.Header.Get("Signature")) },
		"by another hash":   func(r *http.Request) { replace(r, "rsa-sha256", "rsa-sha1") },
		"with a query":      func(r *http.Request) { r.URL.RawQuery = "x=1" },
	} {
		r := signedLetter(t, key, followed, reader+"#main-key", now)
		change(r)
		if _, _, err := Take(r, []byte(followed), now); !errors.Is(err, fault.Forbidden("actor.unsigned")) {
			t.Errorf("%s: %v", what, err)
		}
	}
	for _, off := range []time.Duration{13 * time.Hour, -13 * time.Hour} {
		if _, _, err := Take(signedLetter(t, key, followed, reader+"#main-key", now.Add(off)), []byte(followed), now); !errors.Is(err, fault.Forbidden("actor.clock")) {
			t.Errorf("%v off: %v", off, err)
		}
	}
	for _, body := range []string{"", "[]", "null", "{}", `{"type":"Follow"}`, `{"type":"Follow","actor":"reader"}`, `{"type":"Follow","actor":"https://U@social.example/x"}`, `{"type":"` + strings.Repeat("x", 70) + `","actor":"` + reader + `"}`} {
		if _, _, err := Take(signedLetter(t, key, body, reader+"#main-key", now), []byte(body), now); !errors.Is(err, fault.Invalid("actor.not_activity")) {
			t.Errorf("%s: %v", body, err)
		}
	}
}

func replace(r *http.Request, old, with string) {
	r.Header.Set("Signature", strings.Replace(r.Header.Get("Signature"), old, with, 1))
}

// TestDocuments: what a node shows says no follower's name, and words stay words.
func TestDocuments(t *testing.T) {
	n := Note{Key: strings.Repeat("0a", 16), Version: 2, Language: "ru", Body: "A <b> & c\n\nLine\nThe record: https://kua.example.org/ru/r/1.html", Links: []string{"https://kua.example.org/ru/r/1.html"},
		Page: "https://kua.example.org/ru/r/1.html", Files: []File{{Type: "video/mp4", SHA256: strings.Repeat("ab", 32), Name: "000001.mp4", Width: 320, Height: 240}}, Said: now}
	document, err := news.Document(n)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`<p>A &lt;b&gt; &amp; c</p><p>Line<br>The record: <a href=\"https://kua.example.org/ru/r/1.html\"`, `"sensitive":true`, `"url":"https://kua.example.org/blobs/ab/` + strings.Repeat("ab", 32) + `.mp4"`, `"contentMap":{"ru":`} {
		if !strings.Contains(string(document), want) {
			t.Errorf("the note has no %s: %s", want, document)
		}
	}
	files, err := news.Documents(Profile{Title: "Made-up", Page: news.Base, PublicKey: "x", Followers: 3, Notes: [][]byte{document}, Total: 1})
	if err != nil {
		t.Fatal(err)
	}
	for file, b := range files {
		if err := CheckFile(file); err != nil {
			t.Errorf("%s: %v", file, err)
		}
		if of := Of(file); of != "news" && of != "" {
			t.Errorf("%s is of %q", file, of)
		}
		if !json.Valid(b) {
			t.Errorf("%s is no JSON", file)
		}
	}
	for address, want := range map[string]string{
		"/ap/news": "ap/news", "/ap/news/outbox": "ap/news/outbox", "/nodeinfo/2.1": "nodeinfo/2.1", "/.well-known/nodeinfo": "nodeinfo/links",
		"/.well-known/webfinger?resource=acct:news@kua.example.org": "webfinger/news", "/.well-known/webfinger?resource=https://kua.example.org/ap/news": "webfinger/news",
		"/ap/news/notes/" + n.Key: "ap/news/notes/" + n.Key,
		"/ap/News":                "", "/ap/news/": "", "/ap/news/inbox": "", "/webfinger/news": "", "/nodeinfo/links": "", "/.well-known/webfinger": "", "/.well-known/webfinger?resource=news": "",
		"/.well-known/webfinger?resource=acct:news@a&resource=acct:news@b": "",
	} {
		u, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		file, _, ok := FileAt(u)
		if ok != (want != "") || ok && file != want {
			t.Errorf("%s leads to %q, %v; want %q", address, file, ok, want)
		}
	}
	for _, bad := range []string{"", "ap/", "ap/news/inbox", "ap/news/notes/x", "../node.db", "ap/../x", "nodeinfo/1.0", "webfinger/"} {
		if CheckFile(bad) == nil {
			t.Errorf("%q passes", bad)
		}
	}
	for _, bad := range []string{"", "news", "@news", "@News@kua.example.org", "@news@kua.example.org/x", "@news@@kua", "news@kua.example.org"} {
		if _, _, err := ParsePlace(bad); err == nil {
			t.Errorf("%q passes for a place", bad)
		}
	}
}

// FuzzLetter reads what strangers post and what their servers say of them.
func FuzzLetter(f *testing.F) {
	f.Add([]byte(followed), `keyId="a",headers="(request-target) host date digest",signature="AAAA"`)
	f.Add([]byte(`{"id":"https://a/b","inbox":"https://a/c","publicKey":[{"id":"x"}],"endpoints":{"sharedInbox":1}}`), `a="b",`)
	f.Fuzz(func(t *testing.T, body []byte, header string) {
		h, err := read(body)
		if err == nil && (!isID(h.Actor) || h.Kind == "") {
			t.Errorf("%q is read as %+v", body, h)
		}
		if s, ok := parseSignature(header); ok && (s.keyID == "" || len(s.covers) < len(needed)) {
			t.Errorf("%q passes for a signature", header)
		}
		if s, err := ReadStranger(body, "https://a/b"); err == nil && !sameHost("https://a/b", s.Told) {
			t.Errorf("%q lets others be called", body)
		}
	})
}
