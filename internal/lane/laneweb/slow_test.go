package laneweb

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"time"
)

// silent is a link on which nothing more comes: only a deadline ends a read.
type silent struct {
	*httptest.ResponseRecorder
	until time.Time
}

func (s *silent) SetReadDeadline(t time.Time) error { s.until = t; return nil }

func (s *silent) Close() error { return nil }

func (s *silent) Read([]byte) (int, error) {
	if s.until.IsZero() {
		return 0, errors.New("a read that nothing ends")
	}
	return 0, os.ErrDeadlineExceeded
}

// silently sends a form that does not end.
func (r *room) silently(path string) (status int) {
	r.t.Helper()
	s := &silent{ResponseRecorder: httptest.NewRecorder()}
	body := struct {
		io.Reader
		io.Closer
	}{io.MultiReader(strings.NewReader("words=x"), s), s}
	req := httptest.NewRequest(http.MethodPost, path, body)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.web.Before(http.NotFoundHandler()).ServeHTTP(s, req)
	return s.Code
}
