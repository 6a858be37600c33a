package seal_test

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"filippo.io/age"

	"kua/internal/fault"
	"kua/internal/seal"
)

func keys(t *testing.T) (hybrid, classic string, id *age.HybridIdentity) {
	t.Helper()
	id, err := age.GenerateHybridIdentity()
	if err != nil {
		t.Fatal(err)
	}
	x, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	return id.Recipient().String(), x.Recipient().String(), id
}

func TestKindOf(t *testing.T) {
	hybrid, classic, _ := keys(t)
	for _, c := range []struct {
		name       string
		recipients []string
		want       seal.Kind
		key        string
	}{
		{"hybrid", []string{hybrid, hybrid}, seal.Hybrid, ""},
		{"x25519", []string{classic}, seal.X25519, ""},
		{"none", nil, "", "seal.no_recipients"},
		{"a mix", []string{hybrid, classic}, "", "seal.mixed_recipients"},
		{"a mix the other way", []string{classic, hybrid}, "", "seal.mixed_recipients"},
		{"half a key", []string{hybrid[:1000]}, "", "seal.recipient"},
		{"an identity", []string{"AGE-SECRET-KEY-1QQQ"}, "", "seal.recipient"},
		{"an ssh key", []string{"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI"}, "", "seal.recipient"},
		{"a plugin's key", []string{"age1yubikey1qwertyuiop"}, "", "seal.recipient"},
		{"too many", make([]string, 1001), "", "seal.too_many_recipients"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := seal.KindOf(c.recipients)
			if got != c.want {
				t.Errorf("KindOf = %q, want %q", got, c.want)
			}
			if c.key == "" && err != nil || c.key != "" && !errors.Is(err, fault.Invalid(c.key)) {
				t.Errorf("KindOf = %v, want %q", err, c.key)
			}
			var b bytes.Buffer
			if _, err := seal.Writer(&b, c.recipients); (err == nil) != (c.key == "") {
				t.Errorf("Writer = %v, want %q", err, c.key)
			} else if err != nil && b.Len() > 0 {
				t.Errorf("Writer wrote %d bytes before it refused", b.Len())
			}
		})
	}
}

func TestReplyRefuses(t *testing.T) {
	hybrid, classic, _ := keys(t)
	for _, c := range []struct{ name, text, recipient, key string }{
		{"one byte too many", strings.Repeat("x", seal.MaxReplyText+1), hybrid, "seal.reply_too_long"},
		{"a zero character", "a\x00", hybrid, "seal.reply_not_text"},
		{"no text", "\xff", hybrid, "seal.reply_not_text"},
		{"an X25519 recipient", "a", classic, "seal.reply_recipient"},
		{"no recipient", "a", "", "seal.recipient"},
	} {
		if _, err := seal.Reply([]byte(c.text), c.recipient); !errors.Is(err, fault.Invalid(c.key)) {
			t.Errorf("%s: Reply = %v, want %s", c.name, err, c.key)
		}
	}
}

func TestReplyOpens(t *testing.T) {
	hybrid, _, id := keys(t)
	sealed, err := seal.Reply([]byte("Ответ"), hybrid)
	if err != nil || len(sealed) != seal.ReplyBytes {
		t.Fatalf("Reply = %d bytes, %v", len(sealed), err)
	}
	r, err := age.Decrypt(bytes.NewReader(sealed), id)
	if err != nil {
		t.Fatal(err)
	}
	plain, err := io.ReadAll(r)
	if err != nil || len(plain) != seal.MaxReplyText || !bytes.HasPrefix(plain, []byte("Ответ\x00")) {
		t.Errorf("the plaintext has %d bytes, %v, want %d", len(plain), err, seal.MaxReplyText)
	}
}

func TestDummiesDiffer(t *testing.T) {
	a, err1 := seal.DummyReply()
	b, err2 := seal.DummyReply()
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	if len(a) != seal.ReplyBytes || bytes.Equal(a, b) {
		t.Errorf("two empty slots have %d bytes and are equal: %v", len(a), bytes.Equal(a, b))
	}
}
