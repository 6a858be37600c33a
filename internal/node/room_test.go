package node_test

import (
	"crypto/rand"
	"errors"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"kua/internal/canon"
	"kua/internal/fault"
	"kua/internal/node"
	"kua/internal/parcel"
)

// TestEmptiestGivesWay fills the table of uploads. A new one is let in when one of
// the others was left alone, and then the emptiest of these goes: not one that
// something came for, not one whose bytes earn it more time, no parcel. Whoever
// brought it is told, and brings it again.
func TestEmptiestGivesWay(t *testing.T) {
	t.Parallel()
	c := newCollective(t)
	cfg := c.config(t.TempDir())
	cfg.Limits = node.Limits{OpenUploads: 3}
	begun := time.Date(2026, 11, 21, 8, 0, 0, 0, time.UTC)
	var passed atomic.Int64
	cfg.Now = func() time.Time { return begun.Add(time.Duration(passed.Load())) }
	at := func(minutes int) { passed.Store(int64(time.Duration(minutes) * time.Minute)) }
	r := start(t, cfg)
	n := r.client()
	put := func(upload string, sizes ...int) (failed error) {
		for _, size := range sizes {
			b := make([]byte, size)
			rand.Read(b)
			failed = errors.Join(failed, n.PutPiece(t.Context(), upload, canon.Hash(b), b))
		}
		return failed
	}
	refused := func(what string, err error) {
		t.Helper()
		if !errors.Is(err, fault.Later("node.too_many_uploads")) {
			t.Errorf("%s: %v, want node.too_many_uploads", what, err)
		}
	}
	holds := func(upload string, pieces int, letGo bool) {
		t.Helper()
		have, err := n.Have(t.Context(), upload)
		if err != nil || len(have.Pieces) != pieces || have.LetGo != letGo {
			t.Errorf("upload %.4s: %d pieces, let go: %v, %v; want %d, %v", upload, len(have.Pieces), have.LetGo, err, pieces, letGo)
		}
	}
	name := func(letter string) string { return strings.Repeat(letter, 32) }

	whole, wholePieces := sealed(t, 10)
	upload(t, n, whole, wholePieces)
	small, smallPieces := sealed(t, parcel.PieceBytes+100)
	tiny := small.ID()[:32]
	bringTiny := func() error { return n.PutPiece(t.Context(), tiny, small.Pieces[1], smallPieces[small.Pieces[1]]) }
	large := name("a")
	must(t, put(large, parcel.PieceBytes, parcel.PieceBytes, parcel.PieceBytes)) // at 512 bytes a second: 25 minutes and a half
	must(t, bringTiny())
	at(9)
	must(t, put(name("c"), 50))
	must(t, bringTiny()) // again, which is no progress
	refused("a fourth upload", put(name("d"), 1))

	at(11)
	must(t, put(name("d"), 1))
	holds(tiny, 0, true)
	holds(large, 3, false)
	holds(name("c"), 1, false)
	holds(whole.ID()[:32], 1, false)
	refused("one that gave way, while nobody else was left alone", bringTiny())

	at(30)
	sent, err := n.Send(t.Context(), small, func(i int, _ []byte) ([]byte, error) { return smallPieces[small.Pieces[i]], nil }, nil)
	if err != nil || !sent.LetGo || sent.Bytes != small.Size {
		t.Errorf("what gave way, sent again: %+v, %v", sent, err)
	}
	holds(tiny, 2, false)
	holds(large, 3, false)
	holds(name("d"), 0, true) // the emptiest, though it is younger
	holds(name("c"), 1, false)
	must(t, put(name("e"), 60))
	at(36)
	must(t, put(large, 1)) // it is there, and goes on

	at(41)
	release := busy(t, r, name("c"))
	must(t, put(name("f"), 1))
	holds(name("c"), 1, false) // a call is busy with it
	holds(name("e"), 0, true)
	release()
}

// busy holds a call open that brings bytes to an upload.
func busy(t *testing.T, r *running, upload string) (release func()) {
	t.Helper()
	b := make([]byte, 10)
	conn, err := net.Dial("tcp", strings.TrimPrefix(r.url, "http://"))
	must(t, err)
	_, err = conn.Write([]byte("PUT /api/v1/uploads/" + upload + "/pieces/" + canon.Hash(b) + " HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\nExpect: 100-continue\r\n\r\n"))
	must(t, err)
	// The server says it when the handler begins to read.
	answer := make([]byte, 12)
	if _, err := conn.Read(answer); err != nil || string(answer) != "HTTP/1.1 100" {
		t.Fatalf("%q, %v", answer, err)
	}
	return func() { conn.Close() }
}
