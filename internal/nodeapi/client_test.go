package nodeapi_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"kua/internal/canon"
	"kua/internal/fault"
	"kua/internal/nodeapi"
	"kua/internal/parcel"
)

// stranger is a server that answers as a test wants: what a hostile node could.
func stranger(t *testing.T, h http.HandlerFunc, opts ...nodeapi.Option) *nodeapi.Client {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return nodeapi.NewClient(s.URL, append([]nodeapi.Option{nodeapi.WithTries(1, time.Millisecond)}, opts...)...)
}

func keyPair(t testing.TB) (ed25519.PrivateKey, string) {
	t.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return private, base64.StdEncoding.EncodeToString(public)
}

func wants(t *testing.T, what string, err error, key string) {
	t.Helper()
	if f, ok := fault.Of(err); !ok || f.Key != key {
		t.Errorf("%s = %v, want %s", what, err, key)
	}
}

var upload = strings.Repeat("a", 32)

// TestClientTriesAgain lets a node be away, busy and broken before it answers.
func TestClientTriesAgain(t *testing.T) {
	var calls atomic.Int32
	c := stranger(t, func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		switch calls.Add(1) {
		case 1:
			panic(http.ErrAbortHandler)
		case 2:
			http.Error(w, "upstream", http.StatusBadGateway)
		case 3:
			w.WriteHeader(http.StatusServiceUnavailable)
			json.NewEncoder(w).Encode(nodeapi.Failure{Error: nodeapi.FailureText{Kind: "later", Key: "node.busy"}})
		default:
			if string(b) != "piece" {
				t.Errorf("try %d brought %q", calls.Load(), b)
			}
			w.WriteHeader(http.StatusCreated)
		}
	}, nodeapi.WithTries(4, time.Millisecond))
	if err := c.PutPiece(t.Context(), upload, canon.Hash([]byte("piece")), []byte("piece")); err != nil || calls.Load() != 4 {
		t.Errorf("PutPiece = %v after %d calls, want 4", err, calls.Load())
	}
}

// TestClientGivesUp shows what is not tried again: what will not get better, and
// what gets better later than the caller wants to wait.
func TestClientGivesUp(t *testing.T) {
	for _, test := range []struct {
		name, key, after string
		status           int
		kind             string
	}{
		{"wrong bytes", "blob.wrong_hash", "", 422, "invalid"},
		{"full disk", "node.disk_full", "1800", 507, "later"},
	} {
		var calls atomic.Int32
		c := stranger(t, func(w http.ResponseWriter, r *http.Request) {
			calls.Add(1)
			w.Header().Set("Retry-After", test.after)
			w.WriteHeader(test.status)
			json.NewEncoder(w).Encode(nodeapi.Failure{Error: nodeapi.FailureText{Kind: test.kind, Key: test.key}})
		}, nodeapi.WithTries(5, time.Millisecond))
		wants(t, test.name, c.PutPiece(t.Context(), upload, canon.Hash(nil), nil), test.key)
		if calls.Load() != 1 {
			t.Errorf("%s: %d calls, want 1", test.name, calls.Load())
		}
	}
}

// TestClientAgainstHostileNode meets the answers of a node that means ill.
func TestClientAgainstHostileNode(t *testing.T) {
	endless := func(w http.ResponseWriter, _ *http.Request) {
		for b := bytes.Repeat([]byte(" "), 64<<10); ; {
			if _, err := w.Write(b); err != nil {
				return
			}
		}
	}
	say := func(status int, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status); io.WriteString(w, body) }
	}
	node := func(c *nodeapi.Client) error { _, err := c.Node(t.Context()); return err }
	have := func(c *nodeapi.Client) error { _, err := c.Have(t.Context(), upload); return err }
	mailbox := func(c *nodeapi.Client) error { _, err := c.Mailbox(t.Context(), "ab"); return err }
	_, key := keyPair(t)
	for _, test := range []struct {
		name   string
		answer http.HandlerFunc
		call   func(*nodeapi.Client) error
		key    string
	}{
		{"an answer without end", endless, node, "nodeapi.answer_too_large"},
		{"a refusal without end", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(500); endless(w, r) }, node, "nodeapi.answer_too_large"},
		{"a provider's page", say(200, "<html>Pay your bill</html>"), node, "nodeapi.not_understood"},
		{"a provider's error", say(403, "<html>Blocked</html>"), node, "nodeapi.not_a_node"},
		{"a redirect", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "http://127.0.0.1:1/", 302) }, node, "nodeapi.not_a_node"},
		{"another kind", say(200, `{"kind":"kua have","key":"`+key+`"}`), node, "nodeapi.not_a_node"},
		{"no key", say(200, `{"kind":"kua node","key":"AAAA"}`), node, "nodeapi.not_a_node"},
		{"a forged signature", say(200, `{"document":"{}","signature":"`+base64.StdEncoding.EncodeToString(make([]byte, 64))+`"}`), have, "nodeapi.bad_signature"},
		{"a short page", func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Kua-Pages", "1"); io.WriteString(w, "x") }, mailbox, "nodeapi.not_understood"},
		{"a million pages", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Kua-Pages", "1000000")
			w.Write(make([]byte, nodeapi.MailboxSlots*nodeapi.SlotBytes))
		}, mailbox, "nodeapi.not_understood"},
		{"words that are not a node's", say(422, `{"error":{"kind":"invalid","key":"keyring.passphrase","args":[]}}`), node, "nodeapi.not_a_node"},
	} {
		opts := []nodeapi.Option{}
		if test.name == "a forged signature" {
			opts = append(opts, nodeapi.WithNodeKey(key))
		}
		wants(t, test.name, test.call(stranger(t, test.answer, opts...)), test.key)
	}
}

// TestFaultArguments shows that a node cannot paint on the reader's terminal.
func TestFaultArguments(t *testing.T) {
	c := stranger(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(422)
		fmt.Fprintf(w, `{"error":{"kind":"invalid","key":"node.bad_name","args":["\u001b[2Jred\u202e",3,2.5,{"a":1},%q]}}`, strings.Repeat("я", 1000))
	})
	_, err := c.Node(t.Context())
	f, ok := fault.Of(err)
	if !ok || len(f.Args) != 5 || f.Args[0] != "[2Jred" || f.Args[1] != int64(3) || f.Args[2] != "2.5" || f.Args[3] != "" || len(f.Args[4].(string)) > 300 {
		t.Errorf("fault = %#v", f)
	}
}

func TestClientStalls(t *testing.T) {
	release := make(chan struct{})
	c := stranger(t, func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, "{")
		w.(http.Flusher).Flush()
		select {
		case <-release:
		case <-r.Context().Done():
		}
	}, nodeapi.WithStall(50*time.Millisecond))
	defer close(release)
	_, err := c.Node(t.Context())
	wants(t, "Node", err, "nodeapi.cut_off")
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if _, err := c.Node(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Node with a deadline = %v", err)
	}
}

// TestKeyIsKept shows that a node cannot change its key under a client.
func TestKeyIsKept(t *testing.T) {
	_, first := keyPair(t)
	_, second := keyPair(t)
	var calls atomic.Int32
	c := stranger(t, func(w http.ResponseWriter, r *http.Request) {
		if r.UserAgent() != "" {
			t.Errorf("the client says it is %q", r.UserAgent())
		}
		key := first
		if calls.Add(1) > 1 {
			key = second
		}
		json.NewEncoder(w).Encode(nodeapi.Info{Kind: nodeapi.KindNode, Key: key})
	})
	if _, err := c.Node(t.Context()); err != nil {
		t.Fatal(err)
	}
	_, err := c.Node(t.Context())
	wants(t, "a second key", err, "nodeapi.other_node")
}

// TestAcknowledgementIsForThis refuses an acknowledgement that is genuine and
// speaks of another parcel.
func TestAcknowledgementIsForThis(t *testing.T) {
	private, key := keyPair(t)
	c := stranger(t, func(w http.ResponseWriter, _ *http.Request) {
		e, err := nodeapi.Enclose(nodeapi.Acknowledgement{
			Kind: nodeapi.KindAcknowledgement, Parcel: canon.Hash(nil), Size: 5, Pieces: 1, Day: "2026-11-21", Node: key,
		}, private)
		if err != nil {
			t.Error(err)
		}
		json.NewEncoder(w).Encode(e)
	}, nodeapi.WithNodeKey(key))
	_, err := c.Commit(t.Context(), upload, parcel.Index{Size: 5, Pieces: []string{canon.Hash([]byte("hello"))}})
	wants(t, "Commit", err, "nodeapi.not_understood")
}

func TestBadAddress(t *testing.T) {
	for _, base := range []string{"", "kua.example.org", "ftp://kua.example.org", "http://", "http://[::1", "javascript:alert(1)"} {
		_, err := nodeapi.NewClient(base, nodeapi.WithTries(1, 0)).Node(t.Context())
		if f, ok := fault.Of(err); !ok || f.Key != "nodeapi.bad_address" && f.Key != "nodeapi.unreachable" {
			t.Errorf("Node at %q = %v", base, err)
		}
	}
}
