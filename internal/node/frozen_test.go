package node_test

import (
	"bytes"
	"crypto/rand"
	"crypto/tls"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"

	"kua/internal/canon"
	"kua/internal/link/linktest"
	"kua/internal/node"
)

// TestPagesOverFreezingLink reads pages with a style and pictures, each of the
// largest size that an edition allows, as a browser does that keeps one connection:
// over a road on which every connection freezes after 16 kB all of them come, page
// after page. A film comes in ranges of 10 kB. The road at 6 kB/s brings a page too.
func TestPagesOverFreezingLink(t *testing.T) {
	t.Parallel()
	c := newCollective(t)
	r := start(t, c.config(t.TempDir()))
	files := c.pages(t, "words")
	const style = "s/site.0123456789ab.css"
	dense := func(n int) []byte { b := make([]byte, n); rand.Read(b); return b }
	for i := range 4 {
		// 16 letters of hex compress to 8 bits each: about 8 kB on the wire.
		files[fmt.Sprintf("en/r/0000/%06d.html", i+2)] = []byte("<!doctype html><title>x</title>" + hex.EncodeToString(dense(7000)))
	}
	files[style] = []byte(hex.EncodeToString(dense(2500)))
	picture, film := dense(6<<10), dense(70<<10)
	poster := "blobs/" + canon.Hash(picture)[:2] + "/" + canon.Hash(picture) + ".webp"
	files[poster] = picture
	movie := blobName(film)
	files["blobs/"+movie] = film
	must(t, r.desk(c).Switch(t.Context(), c.brought(t, r, files)))
	cert, key, pool := linktest.Certificate(t, "kua.example.org")
	addr := serveTLS(t, r.Node, node.Listen{CertFile: cert, KeyFile: key})

	browse := func(road *linktest.Proxy, most int, paths ...string) (failed error) {
		tr := &http.Transport{
			TLSClientConfig: &tls.Config{RootCAs: pool, ServerName: "kua.example.org"}, MaxConnsPerHost: most, DisableCompression: true,
		}
		defer tr.CloseIdleConnections()
		signs := [][2]string{{"Accept-Language", "kk,ru;q=0.8"}, {"Sec-Fetch-Mode", "no-cors"}, {"Accept", "text/html,*/*;q=0.8"}} // of a browser: one is enough
		for i, p := range paths {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://"+road.Addr+"/"+p, nil)
			must(t, err)
			req.Header.Set("Accept-Encoding", "gzip")
			req.Header.Set(signs[i%len(signs)][0], signs[i%len(signs)][1])
			res, err := (&http.Client{Transport: tr, Timeout: 30 * time.Second}).Do(req)
			if err != nil {
				return err
			}
			b, err := io.ReadAll(res.Body)
			res.Body.Close()
			if err != nil || res.StatusCode != 200 {
				return fmt.Errorf("%s: %d, %d bytes, %w", p, res.StatusCode, len(b), err)
			}
			if len(b) > 9<<10 {
				return fmt.Errorf("%s has %d bytes on the wire: the test is wrong", p, len(b))
			}
		}
		return nil
	}
	all := []string{"en/r/0000/000002.html", style, poster, "en/r/0000/000003.html", style, poster, "en/r/0000/000004.html", "en/r/0000/000005.html", poster}
	road := linktest.Start(t, addr, linktest.Road{Freeze: 16 << 10})
	if err := browse(road, 1, all...); err != nil || road.Frozen.Load() > 0 {
		t.Errorf("pages over the freezing road: %v; %d of %d connections froze", err, road.Frozen.Load(), road.Conns.Load())
	}
	slow := linktest.Start(t, addr, linktest.Road{Freeze: 16 << 10, Rate: 6 << 10})
	if err := browse(slow, 1, all[0]); err != nil {
		t.Errorf("a page at 6 kB/s: %v", err)
	}

	var got []byte
	tr := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, ServerName: "kua.example.org"}, DisableKeepAlives: true}
	for len(got) < len(film) {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://"+road.Addr+"/blobs/"+movie, nil)
		must(t, err)
		req.Header.Set("Range", fmt.Sprintf("bytes=%d-%d", len(got), len(got)+10_240-1))
		res, err := (&http.Client{Transport: tr, Timeout: 30 * time.Second}).Do(req)
		must(t, err)
		b, err := io.ReadAll(res.Body)
		must(t, err)
		res.Body.Close()
		got = append(got, b...)
	}
	if !bytes.Equal(got, film) {
		t.Errorf("of the film came %d bytes of %d", len(got), len(film))
	}
}
