package handover

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

func TestScreenAnswersItsOwnHost(t *testing.T) {
	t.Parallel()
	h := ownHost(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) { rw.WriteHeader(http.StatusOK) }))
	for host, want := range map[string]int{
		"127.0.0.1:8418": 200, "localhost:8418": 200, "[::1]:8418": 200, "[::1]": 200, "127.0.0.1": 200,
		"evil.example:8418": 403, "127.0.0.1.evil.example:8418": 403, "192.168.43.1:8418": 403, "": 403,
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.Host = host
		rw := httptest.NewRecorder()
		if h.ServeHTTP(rw, r); rw.Code != want {
			t.Errorf("host %q: %d, want %d", host, rw.Code, want)
		}
	}
}
