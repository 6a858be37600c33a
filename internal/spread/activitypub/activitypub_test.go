package activitypub

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"kua/internal/fault"
	"kua/internal/onion"
	"kua/internal/spread"
)

// TestKind: what a person writes of an account, and what of a message goes.
func TestKind(t *testing.T) {
	k := Kind{}
	key, err := k.NewSecret()
	if err != nil {
		t.Fatal(err)
	}
	if err := k.Check("@news@kua.example.org", key); err != nil {
		t.Error(err)
	}
	if err := k.Check("@news", key); !errors.Is(err, fault.Invalid("actor.place")) {
		t.Errorf("a place without a host: %v", err)
	}
	if err := k.Check("@news@kua.example.org", []byte("123:token")); !errors.Is(err, fault.Invalid("actor.key")) {
		t.Errorf("a token for a key: %v", err)
	}
	c := spread.Channel{Place: "@news@kua.example.org"}
	note := "https://kua.example.org/ap/news/notes/" + strings.Repeat("0a", 16)
	if at, err := k.At(c, note, ""); err != nil || at.ID != note || at.URL != note {
		t.Errorf("At = %+v, %v", at, err)
	}
	for _, bad := range []string{"42", strings.Replace(note, "/news/", "/other/", 1), strings.Replace(note, "kua.", "other.", 1), note + "/x"} {
		if _, err := k.At(c, bad, ""); !errors.Is(err, fault.Invalid("spread.no_remote")) {
			t.Errorf("%s: %v", bad, err)
		}
	}
	m := spread.Message{Record: "000001", Title: "Title", Summary: strings.Repeat("word ", 2000), Links: []spread.Link{{Words: "The record:", URL: "https://kua.example.org/r"}},
		Files: []spread.File{{What: spread.Card}, {What: spread.Poster}, {What: spread.Film}}}
	fit, err := k.Fit(m)
	if err != nil || len(fit.Files) != 1 || fit.Files[0].What != spread.Film || len([]rune(fit.Body)) > maxText || !strings.HasSuffix(fit.Body, "https://kua.example.org/r") {
		t.Errorf("Fit = %d files, %d signs, %v", len(fit.Files), len(fit.Body), err)
	}
	m.Files = m.Files[:1]
	if fit, err := k.Fit(m); err != nil || len(fit.Files) != 0 {
		t.Errorf("a card goes, which no node shows: %+v, %v", fit.Files, err)
	}
}

// TestTell sorts what servers say, and calls nobody that a stranger must not make us call.
func TestTell(t *testing.T) {
	status := 0
	calls := 0
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		calls++
		w.Header().Set("Retry-After", "90")
		w.Header().Set("Location", "/elsewhere")
		w.WriteHeader(status)
	}))
	defer s.Close()
	open := func(k Kind) spread.Account {
		key, err := k.NewSecret()
		if err != nil {
			t.Fatal(err)
		}
		a, err := k.Account(spread.Channel{Place: "@news@kua.example.org"}, key, "https://kua.example.org")
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	near := open(Kind{HTTP: &http.Client{Transport: onion.Direct()}, Near: true})
	for code, want := range map[int]spread.Outcome{202: "", 302: spread.Refused, 403: spread.Refused, 404: spread.Gone, 410: spread.Gone, 429: spread.NotDone, 503: spread.NotDone} {
		status = code
		err := near.Tell(t.Context(), s.URL+"/inbox", []byte("{}"))
		var f *spread.Failure
		if errors.As(err, &f) != (want != "") || f != nil && (f.Outcome != want || want == spread.NotDone && f.After != 90*time.Second) {
			t.Errorf("%d: %v, want %q", code, err, want)
		}
	}
	made := calls
	far := open(Kind{HTTP: &http.Client{Transport: onion.Public()}})
	for _, inbox := range []string{s.URL + "/inbox", "https://127.0.0.1/inbox", "https://localhost/inbox", "http://social.example.org/inbox", "https://social.example.org:444/inbox", "https://me@social.example.org/inbox", "file:///etc/passwd", "https://x.onion/inbox"} {
		err := far.Tell(t.Context(), inbox, []byte("{}"))
		var f *spread.Failure
		if !errors.As(err, &f) || f.Outcome != spread.Refused || calls != made {
			t.Errorf("%s: %v; %d calls", inbox, err, calls-made)
		}
	}
}
