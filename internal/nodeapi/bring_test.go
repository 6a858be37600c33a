package nodeapi_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"kua/internal/canon"
	"kua/internal/nodeapi"
)

// TestBringGivesUp meets nodes that answer every call and keep nothing of it, or
// say that they hold what was never sent.
func TestBringGivesUp(t *testing.T) {
	piece := bytes.Repeat([]byte("piece "), 10_000)
	const tries = 3
	for _, test := range []struct {
		name, key string
		says      func(call, at, came int64) int64 // the bytes that it says to hold
		calls     int32
	}{
		{"nothing", "nodeapi.no_further", func(_, _, _ int64) int64 { return 0 }, tries},
		{"one byte, always", "nodeapi.no_further", func(_, _, _ int64) int64 { return 1 }, tries},
		{"one byte more", "nodeapi.no_further", func(_, at, _ int64) int64 { return at + 1 }, tries},
		{"all, and forgets it", "nodeapi.no_further", func(call, at, came int64) int64 { return (at + came) * (call % 2) }, 2 * tries},
		{"all, and not the end", "nodeapi.no_further", func(_, at, came int64) int64 { return at + came }, 1 + tries},
		{"a byte beyond", "nodeapi.not_understood", func(_, at, came int64) int64 { return at + came + 1 }, 1},
	} {
		var calls atomic.Int32
		var holds atomic.Int64
		ctx, cancel := context.WithCancel(t.Context())
		c := stranger(t, func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodPatch {
				came, _ := io.Copy(io.Discard, r.Body)
				at, _ := strconv.ParseInt(r.Header.Get(nodeapi.OffsetHeader), 10, 64)
				holds.Store(test.says(int64(calls.Add(1)), at, came))
				if calls.Load() > 20 {
					cancel() // it would go on for ever
				}
			}
			w.Header().Set(nodeapi.OffsetHeader, strconv.FormatInt(holds.Load(), 10))
			w.Header().Set(nodeapi.CompleteHeader, "?0")
			w.WriteHeader(http.StatusNoContent)
		}, nodeapi.WithTries(tries, time.Millisecond))
		wants(t, test.name, c.Bring(ctx, upload, canon.Hash(piece), piece, 0, nil), test.key)
		if calls.Load() > test.calls {
			t.Errorf("%s: %d calls, want at most %d", test.name, calls.Load(), test.calls)
		}
		cancel()
	}
}
