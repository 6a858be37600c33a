package node_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"kua/internal/nodeapi"
	"kua/internal/parcel"
)

// row brings pieces in one call, and gives the status and the fault's key.
func (r *running) row(t *testing.T, upload string, names []string, body []byte) (status int, key string) {
	t.Helper()
	conn := r.beginRow(t, upload, names, fmt.Sprint("Content-Length: ", len(body)))
	_, err := conn.Write(body)
	must(t, err)
	return answeredOn(t, conn)
}

// beginRow sends the head of such a call.
func (r *running) beginRow(t *testing.T, upload string, names []string, length string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(r.url, "http://"))
	must(t, err)
	t.Cleanup(func() { conn.Close() })
	_, err = fmt.Fprintf(conn, "PUT %s/uploads/%s/pieces HTTP/1.1\r\nHost: node\r\n%s: %s\r\n%s\r\n\r\n", nodeapi.Base, upload, nodeapi.RowHeader, strings.Join(names, " "), length)
	must(t, err)
	return conn
}

func answeredOn(t *testing.T, conn net.Conn) (status int, key string) {
	t.Helper()
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	must(t, err)
	defer res.Body.Close()
	var f nodeapi.Failure
	_ = json.NewDecoder(res.Body).Decode(&f) // nothing, where it went well
	return res.StatusCode, f.Error.Key
}

// TestRow brings several pieces in one call: all are kept, or what came before a fault.
func TestRow(t *testing.T) {
	c := newCollective(t)
	r := start(t, c.config(t.TempDir()))
	n, desk := r.client(), r.desk(c)
	x, pieces := sealed(t, 3*parcel.PieceBytes+77)
	name := nodeapi.Upload(x)
	var all []byte
	for _, h := range x.Pieces {
		all = append(all, pieces[h]...)
	}
	holds := func(what string, upload string, want ...string) {
		t.Helper()
		have, err := n.Have(t.Context(), upload)
		must(t, err)
		if want = slices.Sorted(slices.Values(want)); !slices.Equal(have.Pieces, want) {
			t.Errorf("%s: the node holds %v, want %v", what, have.Pieces, want)
		}
	}

	const wrong = "ffffffffffffffffffffffffffffffff"
	spoilt := bytes.Clone(all)
	spoilt[parcel.PieceBytes]++
	if status, key := r.row(t, wrong, x.Pieces[:2], spoilt[:2*parcel.PieceBytes]); status != http.StatusUnprocessableEntity || key != "blob.wrong_hash" {
		t.Errorf("a wrong second piece: %d %s", status, key)
	}
	holds("after a wrong second piece", wrong, x.Pieces[0])

	for want, status := range []int{http.StatusCreated, http.StatusOK} {
		if got, key := r.row(t, name, x.Pieces, all); got != status {
			t.Errorf("the row, time %d: %d %s", want+1, got, key)
		}
	}
	holds("after the row", name, x.Pieces...)
	_, err := n.Commit(t.Context(), name, x)
	must(t, err)
	for _, h := range x.Pieces {
		if b, err := desk.Piece(t.Context(), h); err != nil || !bytes.Equal(b, pieces[h]) {
			t.Errorf("a piece of a row comes back as %d bytes, %v", len(b), err)
		}
	}

	var many []string
	for i := range nodeapi.RowPieces + 1 {
		many = append(many, fmt.Sprintf("%064x", i))
	}
	length := func(n int64) string { return fmt.Sprint("Content-Length: ", n) }
	for what, test := range map[string]struct {
		names       []string
		length, key string
	}{
		"no names":     {nil, length(x.Size), "node.bad_name"},
		"too many":     {many, length(17 * parcel.PieceBytes), "node.bad_name"},
		"no hash":      {[]string{"0x"}, length(77), "node.bad_name"},
		"one twice":    {[]string{x.Pieces[0], x.Pieces[0]}, length(2 * parcel.PieceBytes), "node.bad_name"},
		"too long":     {x.Pieces[:3], length(x.Size), "node.piece_too_large"},
		"too short":    {x.Pieces, length(3 * parcel.PieceBytes), "node.cut_off"},
		"of no length": {x.Pieces, "Transfer-Encoding: chunked", "node.cut_off"},
	} {
		conn := r.beginRow(t, name, test.names, test.length)
		must(t, conn.(*net.TCPConn).CloseWrite()) // or the server waits for the body before it refuses it
		if _, key := answeredOn(t, conn); key != test.key {
			t.Errorf("%s: %s, want %s", what, key, test.key)
		}
	}
}

// TestRowIsCut ends a connection in the middle of a row's third piece: two are held, and
// what came of the third.
func TestRowIsCut(t *testing.T) {
	r := start(t, newCollective(t).config(t.TempDir()))
	x, pieces := sealed(t, 4*parcel.PieceBytes)
	name := nodeapi.Upload(x)
	const came = 100 << 10
	conn := r.beginRow(t, name, x.Pieces, fmt.Sprint("Content-Length: ", x.Size))
	for _, b := range [][]byte{pieces[x.Pieces[0]], pieces[x.Pieces[1]], pieces[x.Pieces[2]][:came]} {
		_, err := conn.Write(b)
		must(t, err)
	}
	must(t, conn.Close())
	for begun := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		have, err := r.client().Have(t.Context(), name)
		must(t, err)
		if len(have.Pieces) == 2 && have.Parts[x.Pieces[2]] == came && len(have.Parts) == 1 {
			break
		}
		if time.Since(begun) > 10*time.Second {
			t.Fatalf("the node holds %v and in part %v", have.Pieces, have.Parts)
		}
	}
}
