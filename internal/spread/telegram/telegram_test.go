package telegram_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf16"

	"kua/internal/fault"
	"kua/internal/spread"
	"kua/internal/spread/telegram"
)

const (
	token = "1234567890:CANARY-made-up-token_of-nobody-00000"
	place = "@made_up_channel"
)

// fake is a Bot API server that follows the published description of the methods
// that are used: https://core.telegram.org/bots/api.
type fake struct {
	*httptest.Server

	mu       sync.Mutex
	next     int
	messages map[int]posted
	trouble  string // what goes wrong with the next call
}

type posted struct {
	method, text, caption, thumbnail, cover string
	file                                    string // SHA-256 of the upload
}

func newFake(t *testing.T) *fake {
	f := &fake{next: 41, messages: make(map[int]posted)}
	f.Server = httptest.NewServer(f)
	t.Cleanup(f.Close)
	return f
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	trouble := f.trouble
	f.trouble = ""
	got, ok := strings.CutPrefix(r.URL.Path, "/bot"+token+"/")
	switch {
	case !ok:
		f.answer(w, 401, "Unauthorized", nil)
		return
	case trouble == "cut early":
		_, _ = r.Body.Read(make([]byte, 1))
		hangUp(w)
		return
	case trouble == "413":
		http.Error(w, "<html>413 Request Entity Too Large</html>", 413)
		return
	}
	fields, files, err := read(r)
	if err != nil {
		hangUp(w) // a form without its end is no call
		return
	}
	switch trouble {
	case "429":
		f.answer(w, 429, "Too Many Requests: retry after 37", map[string]any{"retry_after": 37})
		return
	case "403":
		f.answer(w, 403, "Forbidden: bot was kicked from the channel chat", nil)
		return
	case "moved":
		f.answer(w, 400, "Bad Request: group chat was upgraded to a supergroup chat", map[string]any{"migrate_to_chat_id": -1001234567890})
		return
	case "redirect":
		http.Redirect(w, r, "https://elsewhere.example/", http.StatusTemporaryRedirect)
		return
	case "can't delete":
		f.answer(w, 400, "Bad Request: message can't be deleted for everyone", nil)
		return
	}
	status, description, result := f.do(got, fields, files)
	switch trouble {
	case "cut":
		hangUp(w)
	case "502":
		http.Error(w, "<html>502 Bad Gateway</html>", 502)
	case "half":
		w.Header().Set("Content-Length", "1000")
		_, _ = io.WriteString(w, `{"ok":true,"result":{"mess`)
	default:
		if status != 200 {
			f.answer(w, status, description, nil)
			return
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"ok": true, "result": result})
	}
}

func (f *fake) answer(w http.ResponseWriter, code int, description string, parameters map[string]any) {
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(map[string]any{"ok": false, "error_code": code, "description": description, "parameters": parameters})
}

func hangUp(w http.ResponseWriter) {
	c, _, err := http.NewResponseController(w).Hijack()
	if err == nil {
		c.Close()
	}
}

func read(r *http.Request) (fields, files map[string]string, err error) {
	fields, files = map[string]string{}, map[string]string{}
	form, err := r.MultipartReader()
	if err != nil {
		return nil, nil, err
	}
	for {
		p, err := form.NextPart()
		if errors.Is(err, io.EOF) {
			return fields, files, nil
		}
		if err != nil {
			return nil, nil, err
		}
		if err := readPart(p, fields, files); err != nil {
			return nil, nil, err
		}
	}
}

func readPart(p *multipart.Part, fields, files map[string]string) error {
	if p.FileName() == "" {
		b, err := io.ReadAll(p)
		fields[p.FormName()] = string(b)
		return err
	}
	h := sha256.New()
	_, err := io.Copy(h, p)
	files[p.FormName()] = hex.EncodeToString(h.Sum(nil))
	return err
}

func units(s string) int { return len(utf16.Encode([]rune(s))) }

func (f *fake) do(method string, fields, files map[string]string) (int, string, any) {
	if fields["chat_id"] != place {
		return 400, "Bad Request: chat not found", nil
	}
	id, _ := strconv.Atoi(fields["message_id"])
	old, there := f.messages[id]
	m := posted{method: method, text: fields["text"], caption: fields["caption"], cover: fields["cover"], thumbnail: files["thumbnail"]}
	switch method {
	case "sendMessage":
		if n := units(m.text); n == 0 || n > 4096 {
			return 400, "Bad Request: message is too long", nil
		}
	case "sendPhoto", "sendVideo":
		m.file = files[strings.ToLower(strings.TrimPrefix(method, "send"))]
		if m.file == "" {
			return 400, "Bad Request: there is no file in the request", nil
		}
		if units(m.caption) > 1024 {
			return 400, "Bad Request: message caption is too long", nil
		}
	case "editMessageText", "editMessageCaption":
		if !there {
			return 400, "Bad Request: message to edit not found", nil
		}
		if (old.file != "") != (method == "editMessageCaption") {
			return 400, "Bad Request: there is no text in the message to edit", nil
		}
		if m.text == old.text && m.caption == old.caption {
			return 400, "Bad Request: message is not modified: specified new message content and reply markup are exactly the same", nil
		}
		old.text, old.caption = m.text, m.caption
		f.messages[id] = old
		return 200, "", f.message(id)
	case "deleteMessage":
		if !there {
			return 400, "Bad Request: message to delete not found", nil
		}
		delete(f.messages, id)
		return 200, "", true
	default:
		return 404, "Not Found", nil
	}
	f.next++
	f.messages[f.next] = m
	return 200, "", f.message(f.next)
}

func (f *fake) message(id int) any {
	return map[string]any{"message_id": id, "date": 1700000000, "chat": map[string]any{"id": -1001234567890, "type": "channel", "title": "Made up"}}
}

func (f *fake) goesWrong(how string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.trouble = how
}

func (f *fake) held() map[int]posted {
	f.mu.Lock()
	defer f.mu.Unlock()
	all := make(map[int]posted)
	for id, m := range f.messages {
		all[id] = m
	}
	return all
}

func connector(t *testing.T, server, place, token string) spread.Connector {
	t.Helper()
	c, err := telegram.Kind{HTTP: &http.Client{Transport: new(http.Transport)}, Server: server}.Open(spread.Channel{Kind: telegram.Name, Place: place}, []byte(token))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func file(what, kind string, b []byte) spread.File {
	sum := sha256.Sum256(b)
	f := spread.File{What: what, Name: "000001.x", Type: kind, SHA256: hex.EncodeToString(sum[:]), Size: int64(len(b)), Width: 426, Height: 240}
	f.Open = func() (io.ReadCloser, error) {
		return spread.Checked(io.NopCloser(bytes.NewReader(b)), f.SHA256, f.Size), nil
	}
	return f
}

func message(files ...spread.File) spread.Message {
	return spread.Message{Key: "k", Record: "000001", Version: 1, Language: "ru", Title: "Избиение на базаре <b>&", Summary: "Двое полицейских избили водителя.",
		Links: []spread.Link{{Words: "Запись:", URL: "https://kua.example.org/ru/r/0000/000001.html"}, {Words: "Документ:", URL: "https://kua.example.org/records/0000/000001/v1.json"}}, Files: files}
}

// TestPosts posts, corrects and takes away each kind of message.
func TestPosts(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	c := connector(t, f.URL, place, token)
	film, still := file(spread.Film, "video/mp4", bytes.Repeat([]byte("film"), 300_000)), file(spread.Poster, "image/jpeg", []byte("still"))
	huge := film
	huge.Size = 50_000_001
	webp := file(spread.Poster, "image/webp", []byte("webp"))
	for _, test := range []struct {
		name   string
		m      spread.Message
		method string
		file   string
	}{
		{"words", message(), "sendMessage", ""},
		{"film", message(film, still), "sendVideo", film.SHA256},
		{"a film beyond the limit", message(huge, still), "sendPhoto", still.SHA256},
		{"card", message(file(spread.Card, "image/png", []byte("card")), still), "sendPhoto", file(spread.Card, "image/png", []byte("card")).SHA256},
		{"a picture it does not take", message(webp), "sendMessage", ""},
	} {
		at, err := c.Send(t.Context(), test.m)
		if err != nil {
			t.Fatalf("%s: %v", test.name, err)
		}
		id, _ := strconv.Atoi(at.ID)
		got := f.held()[id]
		if got.method != test.method || got.file != test.file || at.URL != "https://t.me/made_up_channel/"+at.ID {
			t.Errorf("%s came as %+v at %+v", test.name, got, at)
		}
		if text := got.text + got.caption; !strings.HasPrefix(text, "Избиение на базаре <b>&\n\n") || !strings.Contains(text, "Запись: https://kua.example.org/ru/") {
			t.Errorf("%s says %q", test.name, text)
		}
		if test.name == "film" && (got.thumbnail != still.SHA256 || got.cover != "attach://thumbnail") {
			t.Errorf("the film's still came as %+v", got)
		}
		test.m.Title = "Другое название"
		for range 2 { // the second time nothing changes, and that is no error
			if now, err := c.Edit(t.Context(), at, test.m); err != nil || now != at {
				t.Errorf("%s: Edit = %+v, %v", test.name, now, err)
			}
		}
		if got := f.held()[id]; !strings.HasPrefix(got.text+got.caption, "Другое название\n") || got.file != test.file {
			t.Errorf("%s was corrected to %+v", test.name, got)
		}
		for range 2 {
			if err := c.Delete(t.Context(), at); err != nil {
				t.Errorf("%s: Delete = %v", test.name, err)
			}
		}
	}
	if left := f.held(); len(left) != 0 {
		t.Errorf("left are %+v", left)
	}
	long := message(film)
	long.Summary = strings.Repeat("слово 😀 ", 500)
	if _, err := c.Send(t.Context(), long); err != nil {
		t.Errorf("a long caption: %v", err)
	}
}

// TestTrouble gives every failure its outcome: what did not happen, what never
// will, and what may have.
func TestTrouble(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	film := file(spread.Film, "video/mp4", bytes.Repeat([]byte("film"), 2_000_000))
	for _, test := range []struct {
		trouble string
		c       spread.Connector
		outcome spread.Outcome
		key     string
	}{
		{"429", nil, spread.NotDone, "spread.telegram.busy"},
		{"cut early", nil, spread.NotDone, "spread.telegram.unreachable"},
		{"cut", nil, spread.Unknown, "spread.telegram.cut"},
		{"502", nil, spread.Unknown, "spread.telegram.cut"},
		{"half", nil, spread.Unknown, "spread.telegram.cut"},
		{"403", nil, spread.Refused, "spread.telegram.forbidden"},
		{"413", nil, spread.Refused, "spread.telegram.too_large"},
		{"moved", nil, spread.Refused, "spread.telegram.no_chat"},
		{"redirect", nil, spread.Refused, "spread.telegram.refused"},
		{"", connector(t, gone.URL, place, token), spread.NotDone, "spread.telegram.unreachable"},
		{"", connector(t, f.URL, "@another_channel", token), spread.Refused, "spread.telegram.no_chat"},
		{"", connector(t, f.URL, place, "1234567890:a-token-that-was-taken-back"), spread.Refused, "spread.telegram.token"},
	} {
		if test.c == nil {
			test.c = connector(t, f.URL, place, token)
		}
		f.goesWrong(test.trouble)
		_, err := test.c.Send(t.Context(), message(film))
		var failed *spread.Failure
		if !errors.As(err, &failed) || failed.Outcome != test.outcome || !errors.Is(err, fault.Invalid(test.key)) {
			t.Errorf("%q gives %v, want %s %s", test.trouble, err, test.outcome, test.key)
			continue
		}
		if test.trouble == "429" && failed.After != 37*time.Second {
			t.Errorf("asked to wait 37 s it waits %s", failed.After)
		}
		if text := fmt.Sprintf("%v %+v", err, failed.Err); strings.Contains(text, "CANARY") || strings.Contains(text, token) {
			t.Errorf("%q tells the token: %s", test.trouble, text)
		}
	}
	if n := len(f.held()); n != 3 { // "cut", "502", "half"
		t.Errorf("the channel holds %d messages, want those three of which it was not known", n)
	}

	// Bytes that are not the edition's are never uploaded to their end.
	other := film
	other.Open = func() (io.ReadCloser, error) {
		return spread.Checked(io.NopCloser(bytes.NewReader(bytes.Repeat([]byte("fake"), 2_000_000))), film.SHA256, film.Size), nil
	}
	_, err := connector(t, f.URL, place, token).Send(t.Context(), message(other))
	var failed *spread.Failure
	if !errors.As(err, &failed) || failed.Outcome != spread.Refused || !errors.Is(err, fault.Corrupt("spread.bytes_changed")) || len(f.held()) != 3 {
		t.Errorf("other bytes give %v; the channel holds %d", err, len(f.held()))
	}

	f.goesWrong("can't delete")
	if err := connector(t, f.URL, place, token).Delete(t.Context(), spread.Remote{ID: "42"}); !errors.Is(err, fault.Invalid("spread.telegram.cannot_delete")) {
		t.Errorf("what cannot be deleted gives %v", err)
	}
	if _, err := connector(t, f.URL, place, token).Edit(t.Context(), spread.Remote{ID: "7"}, message()); !errors.Is(err, fault.Invalid("spread.telegram.gone")) {
		t.Errorf("correcting what is not there gives %v", err)
	}
}

// TestGivesUp: a server that takes a call and says nothing is left after a while,
// and what it got is unknown.
func TestGivesUp(t *testing.T) {
	t.Parallel()
	silent := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		<-silent
	}))
	defer s.Close()
	defer close(silent)
	c, err := telegram.Kind{HTTP: &http.Client{Transport: new(http.Transport)}, Server: s.URL, Stall: 50 * time.Millisecond}.
		Open(spread.Channel{Place: "-1001234567890"}, []byte(token))
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Send(t.Context(), message())
	var failed *spread.Failure
	if !errors.As(err, &failed) || failed.Outcome != spread.Unknown {
		t.Errorf("silence gives %v", err)
	}
}

// TestCheck refuses what cannot be a channel or a token, and never repeats a token.
func TestCheck(t *testing.T) {
	k := telegram.Kind{}
	for _, p := range []string{"", "made_up", "@a b", "https://t.me/made_up", "12345", "-100", "@" + strings.Repeat("a", 40), "-1001234567890/../x"} {
		if err := k.Check(p, []byte(token)); !errors.Is(err, fault.Invalid("spread.telegram.place")) {
			t.Errorf("place %q gives %v", p, err)
		}
	}
	for _, s := range []string{"", "CANARY", "123:CANARY/../getMe-CANARY-CANARY", "123:CANARY", token + "\n"} {
		err := k.Check(place, []byte(s))
		if !errors.Is(err, fault.Invalid("spread.telegram.token_shape")) || strings.Contains(fmt.Sprint(err), "CANARY") {
			t.Errorf("token %q gives %v", s, err)
		}
	}
	if err := k.Check("-1001234567890", []byte(token)); err != nil {
		t.Error(err)
	}
}
