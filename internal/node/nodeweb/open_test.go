package nodeweb

import (
	"bytes"
	"html/template"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"kua/internal/locale"
	"kua/internal/receipt"
	"kua/web"
)

var tokenField = regexp.MustCompile(`name="token" value="([A-Z2-7]+)"`)

// post sends the form of the page without scripts, as a browser does.
func (r *room) post(form url.Values, headers ...string) (int, string) {
	r.t.Helper()
	req, err := http.NewRequest(http.MethodPost, r.server.URL+"/kk"+OpenPath, strings.NewReader(form.Encode()))
	check(r.t, err)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	check(r.t, err)
	defer resp.Body.Close()
	return resp.StatusCode, readAll(r.t, resp.Body)
}

// word gives a sentence as it stands on a page.
func (r *room) word(lang locale.Tag, key string) string {
	r.t.Helper()
	cat, err := locale.Load(web.Locales())
	check(r.t, err)
	return template.HTMLEscapeString(cat.T(lang, key))
}

// TestOpenPage writes a report on the page without scripts. The desk opens it, the
// receipt shown fits it, and a raid afterwards finds none of its words.
func TestOpenPage(t *testing.T) {
	r := newRoomWith(t, Options{Open: true})
	resp, html := r.get("/kk" + OpenPath)
	token := tokenField.FindStringSubmatch(html)
	if resp.StatusCode != 200 || token == nil || strings.Contains(html, "<script") || !strings.Contains(html, r.word("kk", "open.warning")) {
		t.Fatalf("the page: %d\n%s", resp.StatusCode, html)
	}
	canaries := []string{"kanarejka-words", "kanarejka-place", "kanarejka-fear", "kanarejka-when"}
	form := url.Values{
		"token": {token[1]}, "what": {"beating"}, "text": {canaries[0] + ".\r\nЕкі жол."}, "where": {canaries[1]}, "fear": {canaries[2]}, "when": {canaries[3]},
	}
	if code, html := r.post(form); code != 422 || !strings.Contains(html, r.word("kk", "open.not_understood")) || !strings.Contains(html, canaries[0]) {
		t.Errorf("a form without the tick: %d", code)
	}
	form.Set("understood", "1")
	if code, _ := r.post(form, "Sec-Fetch-Site", "cross-site"); code != 403 {
		t.Errorf("a form of another site: %d", code)
	}
	if code, _ := r.post(form, "Content-Type", "multipart/form-data; boundary=x"); code != 422 {
		t.Errorf("a form that could be put on the disk: %d", code)
	}
	if got := r.collect(); len(got) != 0 {
		t.Errorf("%d reports were kept of refused forms", len(got))
	}
	code, html := r.post(form, "Sec-Fetch-Site", "same-origin")
	if code != 200 {
		t.Fatalf("sending: %d\n%s", code, html)
	}
	if code, again := r.post(form); code != 409 || strings.Contains(again, canaries[0]) {
		t.Errorf("the same form again: %d", code)
	}

	got := r.collect()
	bag := got[canaries[0]+".\nЕкі жол."]
	if bag == nil || len(got) != 1 {
		t.Fatalf("%d reports arrived", len(got))
	}
	shown := regexp.MustCompile(`<p class="receipt" translate="no">([^<]+)</p>`).FindAllStringSubmatch(html, -1)
	if len(shown) != 2 {
		t.Fatalf("receipts shown: %v", shown)
	}
	for _, s := range shown {
		code, err := receipt.Parse(s[1])
		check(t, err)
		keys, err := code.Derive()
		check(t, err)
		if bag.Report.Mailbox != keys.Mailbox || bag.Report.Reply != keys.ReplyRecipient {
			t.Errorf("the receipt %s does not fit the report", s[1])
		}
	}

	search := func(where string, b []byte) {
		for _, c := range append(canaries, shown[0][1], shown[1][1]) {
			if bytes.Contains(b, []byte(c)) {
				t.Errorf("%s holds %q", where, c)
			}
		}
	}
	check(t, r.node.Tidy(t.Context()))
	search("the diary", r.diary.Bytes())
	files := 0
	check(t, filepath.WalkDir(r.dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(name)
		files++
		search(name, b)
		return err
	}))
	if files < 3 {
		t.Errorf("%d files were searched", files)
	}
}

// TestOpenPageIsOff holds that no node has the page unless its operator asked for
// it, and that the page that seals does not lead there.
func TestOpenPageIsOff(t *testing.T) {
	r := newRoom(t)
	if resp, _ := r.get("/en" + OpenPath); resp.StatusCode != 404 {
		t.Errorf("the page is there: %d", resp.StatusCode)
	}
	if code, _ := r.post(url.Values{"what": {"beating"}, "text": {"x"}, "understood": {"1"}}); code == 200 {
		t.Error("a form is taken")
	}
	if _, html := r.get("/en/report"); strings.Contains(html, OpenPath) {
		t.Error("the report page leads to a page that is not there")
	}
	on := newRoomWith(t, Options{Open: true})
	_, html := on.get("/en/report")
	inside := regexp.MustCompile(`(?s)<noscript>.*?</noscript>`).FindString(html)
	if strings.Count(html, OpenPath) != strings.Count(inside, OpenPath) || !strings.Contains(inside, OpenPath) {
		t.Error("whoever can seal is shown the way that does not")
	}
}
