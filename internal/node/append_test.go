package node_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"kua/internal/canon"
	"kua/internal/fault"
	"kua/internal/nodeapi"
	"kua/internal/parcel"
)

// TestPieceInParts brings a piece a kilobyte at a time, over a restart and a crash
// that left half a frame, and once with bytes that were changed on the way.
func TestPieceInParts(t *testing.T) {
	c, dir := newCollective(t), t.TempDir()
	x, pieces := sealed(t, 20<<10)
	name, hash := x.ID()[:32], x.Pieces[0]
	piece := pieces[hash]
	ctx := t.Context()
	t.Run("begin", func(t *testing.T) {
		n := start(t, c.config(dir)).client()
		if at, complete, err := n.Offset(ctx, name, hash); at != 0 || complete || err != nil {
			t.Errorf("Offset of nothing = %d, %v, %v", at, complete, err)
		}
		for at := range int64(7) {
			if now, complete, err := n.Append(ctx, name, hash, at<<10, piece[at<<10:(at+1)<<10], false); err != nil || complete || now != (at+1)<<10 {
				t.Fatalf("Append at %d = %d, %v, %v", at<<10, now, complete, err)
			}
		}
		if _, _, err := n.Append(ctx, name, hash, 3<<10, piece[3<<10:4<<10], false); !errors.Is(err, fault.Conflict("node.other_offset")) {
			t.Errorf("Append elsewhere = %v, want node.other_offset", err)
		}
		for i := range 10 { // the eighth and ninth beginnings of one upload are too many
			_, _, err := n.Append(ctx, name, strings.Repeat(fmt.Sprint(i), 64), 0, make([]byte, nodeapi.LeastPart), false)
			if want := i >= 7; errors.Is(err, fault.Later("node.busy")) != want {
				t.Errorf("beginning %d: %v", i+2, err)
			}
		}
	})
	files, err := filepath.Glob(filepath.Join(dir, "parts", "*"+hash))
	if err != nil || len(files) != 1 {
		t.Fatalf("parts = %v, %v", files, err)
	}
	whole, err := os.ReadFile(files[0])
	must(t, err)
	must(t, os.WriteFile(files[0], append(whole, whole[:600]...), 0o600)) // a frame that was being written
	t.Run("go on", func(t *testing.T) {
		r := start(t, c.config(dir))
		n := r.client()
		have, err := n.Have(ctx, name)
		if err != nil || have.Parts[hash] != 7<<10 || len(have.Pieces) != 0 {
			t.Errorf("Have = %+v, %v", have, err)
		}
		spoilt := bytes.Clone(piece)
		spoilt[9000] ^= 1
		if _, _, err := n.Append(ctx, name, hash, 7<<10, spoilt[7<<10:], true); !errors.Is(err, fault.Invalid("blob.wrong_hash")) {
			t.Errorf("changed bytes: %v", err)
		}
		var told []int64
		must(t, n.Bring(ctx, name, hash, piece, 7<<10, func(held int64) { told = append(told, held) }))
		if len(told) == 0 || told[len(told)-1] != int64(len(piece)) {
			t.Errorf("told = %v", told)
		}
		if at, complete, err := n.Offset(ctx, name, hash); at != int64(len(piece)) || !complete || err != nil {
			t.Errorf("Offset of a whole piece = %d, %v, %v", at, complete, err)
		}
		if _, err := n.Commit(ctx, name, x); err != nil {
			t.Fatal(err)
		}
		if got, err := r.desk(c).Piece(ctx, hash); err != nil || !bytes.Equal(got, piece) {
			t.Errorf("the desk gets %d bytes, %v", len(got), err)
		}
		if left, err := os.ReadDir(filepath.Join(dir, "parts")); err != nil || len(left) != 0 {
			t.Errorf("after the commit %d parts stay, %v", len(left), err)
		}
	})
}

// TestCutPieceIsKept breaks connections in the middle of a piece: what came is
// there, also while the node still waits on the old connection.
func TestCutPieceIsKept(t *testing.T) {
	c := newCollective(t)
	r := start(t, c.config(t.TempDir()))
	x, pieces := sealed(t, 100<<10)
	hash := x.Pieces[0]
	for i, name := range []string{strings.Repeat("1", 32), strings.Repeat("2", 32)} {
		begin := func() net.Conn {
			conn, err := net.Dial("tcp", strings.TrimPrefix(r.url, "http://"))
			must(t, err)
			fmt.Fprintf(conn, "PUT %s/uploads/%s/pieces/%s HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: %d\r\n\r\n", nodeapi.Base, name, hash, x.Size)
			answer := make([]byte, len("HTTP/1.1 100 Continue\r\n\r\n"))
			_, err = conn.Read(answer) // the node reads the body now
			must(t, err)
			_, err = conn.Write(pieces[hash][:50<<10])
			must(t, err)
			return conn
		}
		conn := begin()
		if i == 0 {
			must(t, conn.Close())
		}
		var at int64
		for pause := 5 * time.Millisecond; at < 50<<10 && pause < 30*time.Second; pause *= 2 {
			time.Sleep(pause)
			var err error
			if at, _, err = r.client().Offset(t.Context(), name, hash); err != nil {
				t.Fatal(err)
			}
			if i == 0 {
				continue
			}
			must(t, conn.Close())
			if at > 0 {
				break // asking ended the reading: what had come by then is what there is
			}
			conn = begin() // and when nothing had, the frozen call is made again
		}
		if at == 0 || i == 0 && at != 50<<10 {
			t.Errorf("upload %d: %d bytes are kept", i, at)
		}
		must(t, r.client().Bring(t.Context(), name, hash, pieces[hash], at, nil))
	}
}

// TestHeldPartHoldsNobody: while the disk is slow with one part, what is known of it
// is told and everybody else goes on.
func TestHeldPartHoldsNobody(t *testing.T) {
	c := newCollective(t)
	r := start(t, c.config(t.TempDir()))
	n, ctx := r.client(), t.Context()
	name, hash := strings.Repeat("a", 32), strings.Repeat("b", 64)
	begun := make([]byte, 2<<10)
	if _, _, err := n.Append(ctx, name, hash, 0, begun, false); err != nil {
		t.Fatal(err)
	}
	defer r.HoldPart(name, hash)()
	if have, err := n.Have(ctx, name); err != nil || have.Parts[hash] != 2<<10 {
		t.Errorf("Have = %+v, %v", have, err)
	}
	if at, _, err := n.Offset(ctx, name, hash); err != nil || at != 2<<10 {
		t.Errorf("Offset = %d, %v", at, err)
	}
	if _, _, err := n.Append(ctx, name, strings.Repeat("c", 64), 0, begun, false); err != nil {
		t.Errorf("another piece of the upload: %v", err)
	}
	x, pieces := sealed(t, 9000)
	if _, _, err := n.Append(ctx, x.ID()[:32], x.Pieces[0], 0, pieces[x.Pieces[0]][:5000], false); err != nil {
		t.Errorf("a part of another upload: %v", err)
	}
	upload(t, n, x, pieces)
}

// TestSmallPart refuses a part that costs the node more than it brings.
func TestSmallPart(t *testing.T) {
	c := newCollective(t)
	n, ctx := start(t, c.config(t.TempDir())).client(), t.Context()
	x, pieces := sealed(t, nodeapi.LeastPart+1)
	name, hash := x.ID()[:32], x.Pieces[0]
	for _, size := range []int{0, 1, nodeapi.LeastPart - 1} {
		if _, _, err := n.Append(ctx, name, hash, 0, pieces[hash][:size], false); !errors.Is(err, fault.Invalid("node.part_too_small")) {
			t.Errorf("%d bytes: %v, want node.part_too_small", size, err)
		}
	}
	if _, _, err := n.Append(ctx, name, hash, 0, pieces[hash][:nodeapi.LeastPart], false); err != nil {
		t.Fatal(err)
	}
	if _, whole, err := n.Append(ctx, name, hash, nodeapi.LeastPart, pieces[hash][nodeapi.LeastPart:], true); err != nil || !whole {
		t.Errorf("the last byte: %v, %v", whole, err)
	}
}

// TestPartsExpire drops the beginnings of an upload that was given up.
func TestPartsExpire(t *testing.T) {
	c, dir := newCollective(t), t.TempDir()
	now := time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)
	cfg := c.config(dir)
	cfg.Now = func() time.Time { return now }
	r := start(t, cfg)
	name := strings.Repeat("a", 32)
	if _, _, err := r.client().Append(t.Context(), name, strings.Repeat("b", 64), 0, make([]byte, nodeapi.LeastPart), false); err != nil {
		t.Fatal(err)
	}
	must(t, r.Tidy(t.Context()))
	if files, _ := filepath.Glob(filepath.Join(dir, "parts", "*")); len(files) != 1 {
		t.Fatalf("parts = %v", files)
	}
	now = now.AddDate(0, 0, 15)
	must(t, r.Tidy(t.Context()))
	if files, _ := filepath.Glob(filepath.Join(dir, "parts", "*")); len(files) != 0 {
		t.Errorf("after 15 days %v stay", files)
	}
}

// TestSlowUploadStays brings a kilobyte a day after one whole piece: nothing of an
// upload expires to which anything comes, over restarts too.
func TestSlowUploadStays(t *testing.T) {
	c, dir := newCollective(t), t.TempDir()
	var days atomic.Int64
	cfg := c.config(dir)
	cfg.Now = func() time.Time {
		return time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC).AddDate(0, 0, int(days.Load()))
	}
	first, firstPieces := sealed(t, 9000)
	rest, restPieces := sealed(t, 40<<10)
	old, name, slow := strings.Repeat("c", 64), strings.Repeat("a", 32), rest.Pieces[0]
	ctx := t.Context()
	var r *running
	look := func(pieces int, parts map[string]int64) {
		t.Helper()
		must(t, r.Tidy(ctx))
		have, err := r.client().Have(ctx, name)
		if err != nil || len(have.Pieces) != pieces || !maps.Equal(have.Parts, parts) {
			t.Errorf("day %d: %+v, %v, want %d pieces and %v", days.Load(), have, err, pieces, parts)
		}
	}
	for at := int64(0); at < 30<<10 && !t.Failed(); {
		t.Run("", func(t *testing.T) {
			r = start(t, cfg)
			if at == 0 {
				must(t, r.client().PutPiece(ctx, name, first.Pieces[0], firstPieces[first.Pieces[0]]))
				_, _, err := r.client().Append(ctx, name, old, 0, make([]byte, nodeapi.LeastPart), false)
				must(t, err)
			}
			for range 10 {
				now, _, err := r.client().Append(ctx, name, slow, at, restPieces[slow][at:at+1<<10], false)
				must(t, err)
				at = now
				look(1, map[string]int64{slow: at, old: nodeapi.LeastPart})
				days.Add(1)
			}
		})
	}
	r = start(t, cfg)
	days.Add(13)
	look(1, map[string]int64{slow: 30 << 10, old: nodeapi.LeastPart})
	days.Add(1)
	look(0, nil)
}

// TestPlacesComeBack: after a restart, uploads whose pieces were here in part are
// counted as what they hold, and leave their places when they are committed.
func TestPlacesComeBack(t *testing.T) {
	c, dir := newCollective(t), t.TempDir()
	cfg := c.config(dir)
	cfg.Limits.OpenUploads, cfg.Limits.ParcelBytes = 2, 9000
	ctx := t.Context()
	var indexes []parcel.Index
	var all []map[string][]byte
	t.Run("begin", func(t *testing.T) {
		n := start(t, cfg).client()
		for range 2 {
			x, pieces := sealed(t, 9000)
			_, _, err := n.Append(ctx, x.ID()[:32], x.Pieces[0], 0, pieces[x.Pieces[0]][:5000], false)
			must(t, err)
			indexes, all = append(indexes, x), append(all, pieces)
		}
	})
	r := start(t, cfg)
	n := r.client()
	x, pieces := sealed(t, 9000)
	begin := func() error {
		_, _, err := n.Append(ctx, x.ID()[:32], x.Pieces[0], 0, pieces[x.Pieces[0]][:5000], false)
		return err
	}
	if err := begin(); !errors.Is(err, fault.Later("node.too_many_uploads")) {
		t.Errorf("a third upload: %v, want node.too_many_uploads", err)
	}
	for i, x := range indexes {
		must(t, n.Bring(ctx, x.ID()[:32], x.Pieces[0], all[i][x.Pieces[0]], 5000, nil))
		_, err := n.Commit(ctx, x.ID()[:32], x)
		must(t, err)
	}
	must(t, r.Tidy(ctx))
	must(t, begin())
}

// TestCountedOnce brings a parcel that just fits, of two pieces, one of them in
// parts: cut off and then whole, and part by part. No byte of it counts twice.
func TestCountedOnce(t *testing.T) {
	c := newCollective(t)
	cfg := c.config(t.TempDir())
	cfg.Limits.ParcelBytes, cfg.Limits.OpenBytes = 300<<10, 300<<10
	n, ctx := start(t, cfg).client(), t.Context()
	for _, whole := range []bool{true, false} {
		x, pieces := sealed(t, 300<<10)
		name, hash := x.ID()[:32], x.Pieces[0]
		must(t, n.PutPiece(ctx, name, x.Pieces[1], pieces[x.Pieces[1]]))
		_, _, err := n.Append(ctx, name, hash, 0, pieces[hash][:200<<10], false)
		must(t, err)
		if whole {
			err = n.PutPiece(ctx, name, hash, pieces[hash])
		} else {
			_, _, err = n.Append(ctx, name, hash, 200<<10, pieces[hash][200<<10:], true)
		}
		must(t, err)
		if err := n.PutPiece(ctx, name, canon.Hash([]byte("x")), []byte("x")); err == nil {
			t.Error("a byte more than fits is taken")
		}
		_, err = n.Commit(ctx, name, x)
		must(t, err)
	}
}

// TestPartsTellNoTime looks at what the folder of parts says after housekeeping of
// when a piece was begun: the file is another one, born then, with the same bytes.
func TestPartsTellNoTime(t *testing.T) {
	c, dir := newCollective(t), t.TempDir()
	r := start(t, c.config(dir))
	n, ctx := r.client(), t.Context()
	x, pieces := sealed(t, 9000)
	name, hash := x.ID()[:32], x.Pieces[0]
	if _, _, err := n.Append(ctx, name, hash, 0, pieces[hash][:5000], false); err != nil {
		t.Fatal(err)
	}
	folder := filepath.Join(dir, "parts")
	one := func() os.FileInfo {
		t.Helper()
		files, err := filepath.Glob(filepath.Join(folder, "2*"))
		if err != nil || len(files) != 1 {
			t.Fatalf("parts = %v, %v", files, err)
		}
		info, err := os.Stat(files[0])
		must(t, err)
		return info
	}
	// Held open, so that its inode's number is not given again.
	begun := one()
	held, err := os.Open(filepath.Join(folder, begun.Name()))
	must(t, err)
	defer held.Close()
	must(t, r.Tidy(ctx))
	if os.SameFile(begun, one()) {
		t.Error("the birth of the file tells when the part was begun")
	}
	info, err := os.Stat(folder)
	must(t, err)
	for what, at := range map[string]time.Time{"file": one().ModTime(), "folder": info.ModTime()} {
		if !at.Equal(at.UTC().Truncate(24 * time.Hour)) {
			t.Errorf("the time of the %s tells when it came: %v", what, at)
		}
	}
	must(t, n.Bring(ctx, name, hash, pieces[hash], 5000, nil))
}

// TestCutChunksAreKept cuts off calls that do not say their length: what was
// acknowledged before stays, and what came is added to it.
func TestCutChunksAreKept(t *testing.T) {
	c := newCollective(t)
	r := start(t, c.config(t.TempDir()))
	x, pieces := sealed(t, 9000)
	name, hash, ctx := x.ID()[:32], x.Pieces[0], t.Context()
	piece := pieces[hash]
	_, _, err := r.client().Append(ctx, name, hash, 0, piece[:2000], false)
	must(t, err)
	for _, cut := range []struct {
		headers  string
		from, to int
	}{
		{"PATCH %s/uploads/%s/pieces/%s HTTP/1.1\r\nUpload-Offset: 2000\r\nUpload-Complete: ?1\r\n", 2000, 4000},
		{"PUT %s/uploads/%s/pieces/%s HTTP/1.1\r\n", 0, 6000},
	} {
		conn, err := net.Dial("tcp", strings.TrimPrefix(r.url, "http://"))
		must(t, err)
		fmt.Fprintf(conn, cut.headers+"Host: x\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n", nodeapi.Base, name, hash, cut.to-cut.from, piece[cut.from:cut.to])
		must(t, conn.(*net.TCPConn).CloseWrite())
		_, err = io.Copy(io.Discard, conn) // until the node has answered
		must(t, err)
		must(t, conn.Close())
		if at, _, err := r.client().Offset(ctx, name, hash); err != nil || at != int64(cut.to) {
			t.Errorf("%.5s: %d bytes are kept, %v, want %d", cut.headers, at, err, cut.to)
		}
	}
	must(t, r.client().Bring(ctx, name, hash, piece, 6000, nil))
}

// TestPutWhole brings a parcel of one piece in one call, twice.
func TestPutWhole(t *testing.T) {
	c := newCollective(t)
	r := start(t, c.config(t.TempDir()))
	x, pieces := sealed(t, 9000)
	var acks [2]nodeapi.Acknowledgement
	for i := range acks {
		var err error
		_, acks[i], err = r.client().PutWhole(t.Context(), x.ID()[:32], x, pieces[x.Pieces[0]])
		must(t, err)
	}
	if acks[0] != acks[1] || acks[0].Parcel != x.ID() {
		t.Errorf("acknowledgements = %+v", acks)
	}
	if list, err := r.desk(c).Parcels(t.Context()); err != nil || len(list) != 1 {
		t.Errorf("Parcels = %v, %v", list, err)
	}
	res, err := http.DefaultClient.Do(request(t, http.MethodPut, r.url+nodeapi.Base+"/uploads/"+x.ID()[:32]+"/whole/"+x.Pieces[0], bytes.Repeat([]byte("x"), parcel.PieceBytes+1)))
	must(t, err)
	res.Body.Close()
	if res.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("a parcel of more than a piece: %d", res.StatusCode)
	}
}

func request(t *testing.T, method, url string, body []byte) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, bytes.NewReader(body))
	must(t, err)
	return r
}
