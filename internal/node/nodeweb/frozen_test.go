package nodeweb

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"testing"
	"time"

	"kua/internal/link/linktest"
	"kua/internal/node"
	"kua/web"
)

// TestReportOverFreezingLink has Chromium load the report page over a road on which
// every connection freezes after 16 kB, report, and load the page with the answers.
// Without the road nothing comes in parts. web/test/frozen.mjs is the person.
func TestReportOverFreezingLink(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	cert, key, _ := linktest.Certificate(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- r.node.Serve(ctx, node.Listen{Listener: l, CertFile: cert, KeyFile: key}, r.web) }()
	t.Cleanup(func() { stop(); check(t, <-ended) })
	road := linktest.Start(t, l.Addr().String(), linktest.Road{Freeze: 16 << 10})

	const text = "kanarejka-frozen"
	ctx, cancel := context.WithTimeout(t.Context(), 8*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "node", "test/frozen.mjs", "https://"+road.Addr, "https://"+l.Addr().String(), text)
	cmd.Dir = "../../../web"
	out, err := cmd.CombinedOutput()
	t.Logf("%s%d of %d connections froze, %d bytes passed", out, road.Frozen.Load(), road.Conns.Load(), road.Bytes.Load())
	check(t, err)
	if road.Frozen.Load() == 0 {
		t.Error("no connection froze: the test is wrong")
	}
	if r.collect()[text] == nil {
		t.Error("the report did not arrive")
	}
}

// TestScriptPartsFitALink holds every part of a script in parts to what a link that
// freezes lets pass, beside handshake and headers, and all parts to the whole.
func TestScriptPartsFitALink(t *testing.T) {
	t.Parallel()
	const most = 10 << 10 // of 16: as for a page, and a server's longer certificates
	assets, err := web.Assets()
	check(t, err)
	for _, name := range []string{"report-worker", "replies-worker"} {
		whole, err := assets.Read(name + ".js")
		check(t, err)
		var all []byte
		for n := 0; ; n++ {
			part, err := assets.Read(partName(name, n))
			if err != nil {
				break
			}
			if size := squeezedSize(t, part); size > most {
				t.Errorf("part %d of %s has %d bytes", n, name, size)
			}
			all = append(all, part...)
		}
		if string(all) != string(whole) {
			t.Errorf("the parts of %s are %d bytes and not its %d", name, len(all), len(whole))
		}
	}
	r := newRoom(t)
	for _, path := range []string{"/ru/report", "/kk/report/words", "/tg/replies"} {
		_, body := r.get(path)
		if size := squeezedSize(t, []byte(body)); size > most {
			t.Errorf("%s has %d bytes", path, size)
		}
		// Nothing secret stands in them: a cookie that another room of the host gave makes them no longer.
		q := httptest.NewRequest(http.MethodGet, path, nil)
		q.Header.Set("Accept-Encoding", "gzip")
		q.Header.Set("Cookie", "a=b")
		w := httptest.NewRecorder()
		r.web.ServeHTTP(w, q)
		if h := w.Header(); w.Body.Len() > most || h.Get("Content-Encoding") != "gzip" || h.Get("Vary") != "Accept-Encoding" {
			t.Errorf("%s with a cookie has %d bytes: %v", path, w.Body.Len(), h)
		}
	}
}

func partName(script string, n int) string { return fmt.Sprintf("%s-part%d.js", script, n) }

func squeezedSize(t *testing.T, b []byte) int {
	t.Helper()
	var small bytes.Buffer
	z := gzip.NewWriter(&small)
	_, err := z.Write(b)
	check(t, err)
	check(t, z.Close())
	return small.Len()
}
