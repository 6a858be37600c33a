package laneweb

import (
	"compress/gzip"
	"io"
	"net/http"
	"strings"
	"testing"

	"kua/internal/lane"
)

// TestPagesArePacked: pages, maps and feeds go packed to whoever takes them so, the
// same bytes as to everybody else, also when one reader gets what was made for another;
// with a cookie nothing is packed, since an official's page has a secret.
func TestPagesArePacked(t *testing.T) {
	r := newRoom(t, lane.Config{Dir: t.TempDir()}, 0).withCity()
	id := r.tell("manhole", draft("area", "", "point", "45.05,65.15"))
	plain := &http.Transport{DisableCompression: true}
	defer plain.CloseIdleConnections()
	ask := func(path string, header ...string) (*http.Response, []byte) {
		t.Helper()
		req, err := http.NewRequest(http.MethodGet, r.server.URL+path, nil)
		check(t, err)
		for i := 0; i < len(header); i += 2 {
			req.Header.Set(header[i], header[i+1])
		}
		resp, err := plain.RoundTrip(req)
		check(t, err)
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		check(t, err)
		return resp, b
	}
	for _, path := range []string{"/", "/map", "/area/south", "/case/" + id, "/ground.svg", "/feed", "/nothing"} {
		for _, order := range [][]string{{"gzip", ""}, {"", "gzip"}} { // a shared page is made for the first
			var whole []string
			for _, accepts := range order {
				resp, b := ask("/en/open"+path, "Accept-Encoding", accepts)
				if packed := resp.Header.Get("Content-Encoding") == "gzip"; packed != (accepts != "") {
					t.Fatalf("%s to whoever takes %q is sent with %v", path, accepts, resp.Header)
				}
				if accepts != "" {
					z, err := gzip.NewReader(strings.NewReader(string(b)))
					check(t, err)
					if b, err = io.ReadAll(z); err != nil || resp.Header.Get("Vary") != "Accept-Encoding" {
						t.Errorf("%s: %v, %v", path, err, resp.Header)
					}
				}
				whole = append(whole, string(b))
			}
			if path != "/case/"+id && whole[0] != whole[1] { // a case has a code of its own each time
				t.Errorf("%s differs packed", path)
			}
		}
	}
	if resp, _ := ask("/en/open/", "Accept-Encoding", "gzip", "Cookie", "kua-office=x"); resp.Header.Get("Content-Encoding") != "" {
		t.Error("what comes with a cookie is packed")
	}
	if resp, _ := ask("/en/open/data/cases.csv", "Accept-Encoding", "gzip"); resp.Header.Get("Content-Encoding") != "" || resp.StatusCode != 200 {
		t.Errorf("a download is sent with %v", resp.Header)
	}
}
