package telegram_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"kua/internal/fault"
	"kua/internal/spread"
	"kua/internal/spread/telegram"
	"kua/internal/spread/telegram/telegramtest"
)

const (
	token = "1234567890:CANARY-made-up-token_of-nobody-00000"
	place = "@made_up_channel"
)

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
	f := telegramtest.Start(place, token)
	t.Cleanup(f.Close)
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
		got := f.Held()[id]
		if got.Method != test.method || got.File != test.file || at.URL != "https://t.me/made_up_channel/"+at.ID {
			t.Errorf("%s came as %+v at %+v", test.name, got, at)
		}
		if text := got.Text + got.Caption; !strings.HasPrefix(text, "Избиение на базаре <b>&\n\n") || !strings.Contains(text, "Запись: https://kua.example.org/ru/") {
			t.Errorf("%s says %q", test.name, text)
		}
		if test.name == "film" && (got.Thumbnail != still.SHA256 || got.Cover != "attach://thumbnail") {
			t.Errorf("the film's still came as %+v", got)
		}
		test.m.Title = "Другое название"
		for range 2 { // the second time nothing changes, and that is no error
			if now, err := c.Edit(t.Context(), at, test.m); err != nil || now != at {
				t.Errorf("%s: Edit = %+v, %v", test.name, now, err)
			}
		}
		if got := f.Held()[id]; !strings.HasPrefix(got.Text+got.Caption, "Другое название\n") || got.File != test.file {
			t.Errorf("%s was corrected to %+v", test.name, got)
		}
		if err := c.Delete(t.Context(), spread.Remote{ID: at.URL}, spread.Message{}); err != nil { // as a person gave it
			t.Errorf("%s: Delete = %v", test.name, err)
		}
		var f *spread.Failure
		if err := c.Delete(t.Context(), at, spread.Message{}); !errors.As(err, &f) || f.Outcome != spread.Gone {
			t.Errorf("%s: Delete of what is gone = %v", test.name, err)
		}
	}
	if left := f.Held(); len(left) != 0 {
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
	f := telegramtest.Start(place, token)
	t.Cleanup(f.Close)
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
		f.GoesWrong(test.trouble)
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
	if n := len(f.Held()); n != 3 { // "cut", "502", "half"
		t.Errorf("the channel holds %d messages, want those three of which it was not known", n)
	}

	// Bytes that are not the edition's are never uploaded to their end.
	other := film
	other.Open = func() (io.ReadCloser, error) {
		return spread.Checked(io.NopCloser(bytes.NewReader(bytes.Repeat([]byte("fake"), 2_000_000))), film.SHA256, film.Size), nil
	}
	_, err := connector(t, f.URL, place, token).Send(t.Context(), message(other))
	var failed *spread.Failure
	if !errors.As(err, &failed) || failed.Outcome != spread.Refused || !errors.Is(err, fault.Corrupt("spread.bytes_changed")) || len(f.Held()) != 3 {
		t.Errorf("other bytes give %v; the channel holds %d", err, len(f.Held()))
	}

	f.GoesWrong("can't delete")
	if err := connector(t, f.URL, place, token).Delete(t.Context(), spread.Remote{ID: "42"}, spread.Message{}); !errors.Is(err, fault.Invalid("spread.telegram.cannot_delete")) {
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

// TestClosedMeanwhile: a desk that is closed ends an upload, and waits for the
// answer to what was heard whole.
func TestClosedMeanwhile(t *testing.T) {
	t.Parallel()
	f := telegramtest.Start(place, token)
	defer f.Close()
	ctx, cancel := context.WithCancel(t.Context())
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		cancel() // while the answer is waited for
		r.Body = io.NopCloser(bytes.NewReader(b))
		f.ServeHTTP(w, r)
	}))
	defer proxy.Close()
	c := connector(t, proxy.URL, place, token)
	if at, err := c.Send(ctx, message()); err != nil || at.ID == "" {
		t.Errorf("closed while it was heard: %+v, %v", at, err)
	}
	_, err := c.Send(ctx, message(file(spread.Film, "video/mp4", bytes.Repeat([]byte("film"), 2_000_000))))
	var failed *spread.Failure
	if !errors.As(err, &failed) || failed.Outcome != spread.NotDone || len(f.Held()) != 1 {
		t.Errorf("begun by a desk that is closed: %v", err)
	}
}

// TestStoppedMeanwhile: an upload that is under way ends at once when nobody wants it
// any more, and is known not to have happened.
func TestStoppedMeanwhile(t *testing.T) {
	t.Parallel()
	began, gone := make(chan struct{}), make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.ReadFull(r.Body, make([]byte, 1000))
		close(began)
		<-gone // of the rest nothing is taken
	}))
	defer s.Close()
	defer close(gone)
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-began; cancel() }()
	_, err := connector(t, s.URL, place, token).Send(ctx, message(file(spread.Film, "video/mp4", bytes.Repeat([]byte("film"), 8_000_000))))
	var failed *spread.Failure
	if !errors.As(err, &failed) || failed.Outcome != spread.NotDone {
		t.Errorf("stopped in the middle: %v", err)
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
	for server, ok := range map[string]bool{"https://bot.example": true, "http://127.0.0.1:8081": true, "http://[::1]:8081": true, "http://localhost:1": true,
		"http://bot.example": false, "http://127.0.0.1.example": false, "bot.example": false, "ftp://127.0.0.1": false} {
		k := telegram.Kind{Server: server}
		if err := k.Check(place, []byte(token)); ok == errors.Is(err, fault.Invalid("spread.telegram.server")) {
			t.Errorf("a server at %s gives %v", server, err)
		}
	}
}

// TestAt takes a number, or a link of this very channel, and nothing else.
func TestAt(t *testing.T) {
	c := spread.Channel{Place: place}
	link := "https://t.me/" + strings.TrimPrefix(place, "@") + "/42"
	for _, said := range [][2]string{{"42", ""}, {link, ""}, {" 42 ", link}, {strings.ToUpper(link[:len(link)-1])[len("https://"):] + "2", ""}} {
		if at, err := (telegram.Kind{}).At(c, said[0], said[1]); err != nil || at != (spread.Remote{ID: "42", URL: link, ByHand: true}) {
			t.Errorf("At(%q) = %+v, %v", said, at, err)
		}
	}
	for _, said := range [][2]string{{"", ""}, {"0", ""}, {"-4", ""}, {"m-7", ""}, {"https://t.me/another_channel/42", ""}, {"42", link[:len(link)-1] + "3"}, {"42", "https://t.me/another_channel/42"}, {link + "/1", ""}} {
		if at, err := (telegram.Kind{}).At(c, said[0], said[1]); !errors.Is(err, fault.Invalid("spread.no_remote")) {
			t.Errorf("At(%q) = %+v, %v", said, at, err)
		}
	}
	hidden := spread.Channel{Place: "-1001234567890"}
	if at, err := (telegram.Kind{}).At(hidden, "https://t.me/c/1234567890/7", ""); err != nil || at.ID != "7" || at.URL != "https://t.me/c/1234567890/7" {
		t.Errorf("in a channel without a name: %+v, %v", at, err)
	}
}

// heard is a road on which every call is heard whole and answered with these bytes.
type heard struct {
	status int
	answer string
}

func (h heard) RoundTrip(r *http.Request) (*http.Response, error) {
	if _, err := io.Copy(io.Discard, r.Body); err != nil {
		return nil, err
	}
	return &http.Response{StatusCode: h.status, Header: http.Header{"Location": {"https://elsewhere.example/"}}, Body: io.NopCloser(strings.NewReader(h.answer)), Request: r}, nil
}

// FuzzAnswer lets a server, or whoever stands before it, answer anything: a call
// that was heard goes again only where the Bot API itself put it off.
func FuzzAnswer(f *testing.F) {
	f.Add(200, `{"ok":true,"result":{"message_id":42,"chat":{"id":-1001234567890,"type":"channel"}}}`)
	f.Add(200, `{"ok":true,"result":{}}`)
	f.Add(429, `{"ok":false,"error_code":429,"description":"Too Many Requests","parameters":{"retry_after":-5}}`)
	f.Add(400, `{"ok":false,"error_code":400,"description":"Bad Request: chat not found `+token+`"}`)
	f.Add(502, "<html>502</html>")
	f.Add(307, "")
	f.Fuzz(func(t *testing.T, status int, answer string) {
		if status < 200 || status > 599 {
			return
		}
		c, err := telegram.Kind{HTTP: &http.Client{Transport: heard{status, answer}}}.Open(spread.Channel{Place: place}, []byte(token))
		if err != nil {
			t.Fatal(err)
		}
		at, err := c.Send(t.Context(), message())
		if err == nil {
			if n, err := strconv.Atoi(at.ID); err != nil || n <= 0 {
				t.Errorf("posted as %q", at.ID)
			}
			return
		}
		var failed *spread.Failure
		if !errors.As(err, &failed) {
			t.Fatalf("%v says nothing of what is known", err)
		}
		if failed.Outcome == spread.NotDone && (failed.After <= 0 || !strings.Contains(answer, "429")) {
			t.Errorf("after %d %q it is sent again: %v", status, answer, err)
		}
		if strings.Contains(fmt.Sprintf("%v %+v", err, failed.Err), token) {
			t.Errorf("%v tells the token", err)
		}
	})
}

// TestFit: what people are shown is what goes: one picture or one film with its
// still, and words that lost their end.
func TestFit(t *testing.T) {
	t.Parallel()
	film, poster, card := file(spread.Film, "video/mp4", nil), file(spread.Poster, "image/jpeg", nil), file(spread.Card, "image/png", nil)
	huge := film
	huge.Size = 50_000_001
	for _, test := range []struct {
		files []spread.File
		want  []string
	}{
		{[]spread.File{film, poster, card}, []string{spread.Film, spread.Poster}},
		{[]spread.File{huge, poster, card}, []string{spread.Card}},
		{[]spread.File{huge}, nil},
	} {
		m := message(test.files...)
		m.Summary = strings.Repeat("слово ", 1000) + "отрицают"
		got, err := telegram.Kind{}.Fit(m)
		if err != nil {
			t.Fatal(err)
		}
		var left []string
		for _, f := range got.Files {
			left = append(left, f.What)
		}
		limit := 4096
		if len(left) > 0 {
			limit = 1024
		}
		if n := len(utf16.Encode([]rune(got.Body))); n > limit || n < limit-50 || !slices.Equal(left, test.want) || strings.Contains(got.Body, "отрицают") {
			t.Errorf("%d of %d units, files %v, want %v", n, limit, left, test.want)
		}
		if got.Digest() == m.Digest() {
			t.Error("who confirms what goes confirms what does not")
		}
	}
}
