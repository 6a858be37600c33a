package deskweb

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"testing"

	"kua/internal/fault"
	"kua/internal/spread"
)

// endless gives the same few bytes again and again, so that a test holds no film.
type endless struct{ at int64 }

func (e *endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte((e.at + int64(i)) % 251)
	}
	e.at += int64(len(p))
	return len(p), nil
}

func (*endless) Close() error { return nil }

// TestPostIsStreamed: any part of a post's film is given without the film ever being
// in memory, and nothing of one whose bytes are others.
func TestPostIsStreamed(t *testing.T) {
	const size = 48 << 20
	h := sha256.New()
	_, err := io.CopyN(h, &endless{}, size)
	if err != nil {
		t.Fatal(err)
	}
	sum := hex.EncodeToString(h.Sum(nil))
	film := spread.File{Type: "video/mp4", SHA256: sum, Size: size}
	film.Open = func() (io.ReadCloser, error) {
		return spread.Checked(struct {
			io.Reader
			io.Closer
		}{io.LimitReader(&endless{}, size), io.NopCloser(nil)}, sum, size), nil
	}
	ask := func(life context.Context, f spread.File, ranges string) (*httptest.ResponseRecorder, error) {
		r := httptest.NewRequest("GET", "/media/post/1/film", nil)
		r.Header.Set("Range", "bytes="+ranges)
		w := httptest.NewRecorder()
		return w, givePost(life, w, r, f)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for _, from := range []int64{0, 12_345_678, size - 500} {
		w, err := ask(t.Context(), film, fmt.Sprintf("%d-%d", from, from+299))
		want, _ := io.ReadAll(io.LimitReader(&endless{from}, 300))
		if err != nil || w.Code != http.StatusPartialContent || !bytes.Equal(w.Body.Bytes(), want) {
			t.Errorf("from %d: %d, %d bytes, %v", from, w.Code, w.Body.Len(), err)
		}
	}
	if runtime.ReadMemStats(&after); after.TotalAlloc-before.TotalAlloc > size/4 {
		t.Errorf("three parts of %d bytes took %d bytes of memory", size, after.TotalAlloc-before.TotalAlloc)
	}
	locked, lock := context.WithCancel(t.Context())
	lock()
	if w, err := ask(locked, film, "0-299"); err != nil || w.Body.Len() != 0 {
		t.Errorf("after the desk was locked: %d bytes, %v", w.Body.Len(), err)
	}
	other := film
	other.Open = func() (io.ReadCloser, error) {
		return spread.Checked(io.NopCloser(bytes.NewReader(make([]byte, 1000))), sum, size), nil
	}
	w, err := ask(t.Context(), other, "0-299")
	if f, ok := fault.Of(err); !ok || f.Key != "spread.bytes_changed" || w.Body.Len() != 0 {
		t.Errorf("of other bytes: %d bytes, %v", w.Body.Len(), err)
	}
}
