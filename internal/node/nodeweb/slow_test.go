package nodeweb

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"
)

// silent is a link on which nothing more comes: only a deadline ends a read.
type silent struct {
	*httptest.ResponseRecorder
	until time.Time
	read  bool
}

func (s *silent) SetReadDeadline(t time.Time) error { s.until = t; return nil }

func (s *silent) Close() error { return nil }

func (s *silent) Read([]byte) (int, error) {
	s.read = true
	if s.until.IsZero() {
		return 0, errors.New("a read that nothing ends")
	}
	return 0, os.ErrDeadlineExceeded
}

// TestOpenFormIsNotHeldForEver sends forms that never end: each read of one has an
// end, its place is given back, and what comes when all places are taken is not read.
func TestOpenFormIsNotHeldForEver(t *testing.T) {
	r := newRoomWith(t, Options{Open: true})
	send := func() *silent {
		s := &silent{ResponseRecorder: httptest.NewRecorder()}
		body := struct {
			io.Reader
			io.Closer
		}{io.MultiReader(strings.NewReader("what=beating&text=x"), s), s}
		req := httptest.NewRequest(http.MethodPost, "/en"+OpenPath, body)
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.web.ServeHTTP(s, req)
		return s
	}
	slow, busy := r.web.cat.T("en", "open.slow"), r.web.cat.T("en", "open.busy")
	for range openRead + 1 {
		if s := send(); s.Code != 503 || !strings.Contains(s.Body.String(), slow) {
			t.Fatalf("a form that does not end: %d\n%s", s.Code, s.Body)
		}
	}
	for range openRead {
		r.web.door.reading <- struct{}{}
	}
	s := send()
	if s.Code != 503 || !strings.Contains(s.Body.String(), busy) {
		t.Errorf("a form more than there are places: %d", s.Code)
	}
	if s.read || s.until.IsZero() {
		t.Errorf("a form without a place: read %v, to be left at %v", s.read, s.until)
	}
}
