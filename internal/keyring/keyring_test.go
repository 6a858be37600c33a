package keyring_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"filippo.io/age"

	"kua/internal/charter"
	"kua/internal/fault"
	"kua/internal/keyring"
	"kua/internal/receipt"
	"kua/internal/seal"
)

func TestLockUnlock(t *testing.T) {
	for _, kind := range []seal.Kind{seal.Hybrid, seal.X25519} {
		p := newPerson(t, kind)
		got, err := keyring.Unlock(lock(t, p), passphrase)
		if err != nil {
			t.Fatal(err)
		}
		if got.Name() != p.Name() || got.Recipient() != p.Recipient() || got.PublishKey() != p.PublishKey() {
			t.Errorf("%s: Unlock gives %s %s, want %s %s", kind, got.Name(), got.Recipient(), p.Name(), p.Recipient())
		}
		doc := []byte("a document")
		if !charter.SignedBy(p.PublishKey(), doc, got.Sign(doc)) {
			t.Errorf("%s: the unlocked person's signature does not hold", kind)
		}
		if k, err := seal.KindOf([]string{got.Recipient()}); k != kind || err != nil {
			t.Errorf("KindOf = %s, %v, want %s", k, err, kind)
		}
	}
}

func TestUnlockRefuses(t *testing.T) {
	p := newPerson(t, seal.Hybrid)
	file := lock(t, p)
	damaged := bytes.Clone(file)
	damaged[len(damaged)-1] ^= 1
	locked := func(text string) []byte {
		r, err := age.NewScryptRecipient(passphrase)
		if err != nil {
			t.Fatal(err)
		}
		r.SetWorkFactor(10)
		var b bytes.Buffer
		w, err := age.Encrypt(&b, r)
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(w, text)
		w.Close()
		return b.Bytes()
	}
	for _, c := range []struct {
		name, passphrase string
		file             []byte
		key              string
	}{
		{"a wrong passphrase", "another passphrase", file, "keyring.wrong_passphrase"},
		{"no passphrase", "", file, "keyring.wrong_passphrase"},
		{"nothing", passphrase, nil, "keyring.not_a_key_file"},
		{"half a header", passphrase, file[:50], "keyring.not_a_key_file"},
		{"a damaged end", passphrase, damaged, "keyring.damaged"},
		{"a parcel", passphrase, sealFor(t, []*keyring.Person{p}), "keyring.not_a_key_file"},
		{"something large", passphrase, make([]byte, 1<<20), "keyring.not_a_key_file"},
		{"another text", passphrase, locked("hello\n"), "keyring.not_a_key_file"},
		{"no publishing key", passphrase, locked("# name: A\nAGE-SECRET-KEY-1XXX\n"), "keyring.not_a_key_file"},
		{"a damaged publishing key", passphrase, locked("# name: A\n# publishing-key: AAAA\n"), "keyring.not_a_key_file"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := keyring.Unlock(c.file, c.passphrase)
			if !errors.Is(err, fault.Invalid(c.key)) {
				t.Errorf("Unlock = %v, want %s", err, c.key)
			}
			if strings.Contains(err.Error(), "AGE-SECRET") {
				t.Errorf("the error quotes the key: %v", err)
			}
		})
	}
}

func TestLockRefuses(t *testing.T) {
	p := newPerson(t, seal.Hybrid)
	if _, err := p.Lock("қысқа"); !errors.Is(err, fault.Invalid("keyring.passphrase_short")) {
		t.Errorf("Lock with five letters = %v, want keyring.passphrase_short", err)
	}
	for _, name := range []string{"", " x", "a\nAGE-SECRET-KEY-1", "a\x00", strings.Repeat("x", 201), "\xff"} {
		if _, err := keyring.NewPerson(name); !errors.Is(err, fault.Invalid("keyring.name")) {
			t.Errorf("NewPerson(%q) = %v, want keyring.name", name, err)
		}
	}
}

func TestOpenFaults(t *testing.T) {
	p, stranger := newPerson(t, seal.Hybrid), newPerson(t, seal.Hybrid)
	sealed := sealFor(t, []*keyring.Person{p})
	change := func(at int) []byte { c := bytes.Clone(sealed); c[at] ^= 1; return c }
	disk := errors.New("disk on fire")
	for _, c := range []struct {
		name string
		who  *keyring.Person
		r    io.Reader
		want error
	}{
		{"a stranger", stranger, bytes.NewReader(sealed), fault.Invalid("keyring.not_for_you")},
		{"no age file", p, strings.NewReader("hello"), fault.Invalid("keyring.not_sealed")},
		{"nothing", p, strings.NewReader(""), fault.Invalid("keyring.not_sealed")},
		{"half a header", p, bytes.NewReader(sealed[:500]), fault.Invalid("keyring.not_sealed")},
		{"a damaged header", p, bytes.NewReader(change(1620)), fault.Invalid("keyring.not_sealed")},
		{"a damaged payload", p, bytes.NewReader(change(len(sealed) - 100)), fault.Invalid("keyring.damaged")},
		{"a cut payload", p, bytes.NewReader(sealed[:len(sealed)-100]), fault.Invalid("keyring.damaged")},
		{"something behind", p, io.MultiReader(bytes.NewReader(sealed), strings.NewReader("x")), fault.Invalid("keyring.damaged")},
		{"a broken disk at the header", p, io.MultiReader(bytes.NewReader(sealed[:500]), iotest.ErrReader(disk)), disk},
		{"a broken disk later", p, io.MultiReader(bytes.NewReader(sealed[:5000]), iotest.ErrReader(disk)), disk},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, err := c.who.Open(c.r)
			if err == nil {
				_, err = io.Copy(io.Discard, r)
			}
			if !errors.Is(err, c.want) {
				t.Errorf("Open = %v, want %v", err, c.want)
			}
		})
	}
}

func TestOpenAt(t *testing.T) {
	p := newPerson(t, seal.Hybrid)
	plain := bytes.Repeat([]byte("0123456789abcdef"), 20_000)
	var sealed bytes.Buffer
	w, err := seal.Writer(&sealed, []string{p.Recipient()})
	if err != nil {
		t.Fatal(err)
	}
	w.Write(plain)
	w.Close()
	r, size, err := p.OpenAt(bytes.NewReader(sealed.Bytes()), int64(sealed.Len()))
	if err != nil || size != int64(len(plain)) {
		t.Fatalf("OpenAt = %d, %v, want %d", size, err, len(plain))
	}
	for _, at := range []int64{0, 1, 65_535, 65_536, 200_000, size - 10} {
		buf := make([]byte, 10)
		if _, err := r.ReadAt(buf, at); err != nil && err != io.EOF || !bytes.Equal(buf, plain[at:at+10]) {
			t.Errorf("ReadAt %d = %q, %v", at, buf, err)
		}
	}
	if _, err := r.ReadAt(make([]byte, 10), size); err != io.EOF {
		t.Errorf("ReadAt the end = %v, want EOF", err)
	}
	damaged := bytes.Clone(sealed.Bytes())
	damaged[5000] ^= 1 // in the first chunk; the last one still proves the size
	r, _, err = p.OpenAt(bytes.NewReader(damaged), int64(len(damaged)))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.ReadAt(make([]byte, 10), 0); !errors.Is(err, fault.Invalid("keyring.damaged")) {
		t.Errorf("ReadAt of damage = %v, want keyring.damaged", err)
	}
	if _, err := r.ReadAt(make([]byte, 10), 100_000); err != nil {
		t.Errorf("ReadAt beside the damage = %v", err)
	}
	if _, _, err := newPerson(t, seal.Hybrid).OpenAt(bytes.NewReader(damaged), int64(len(damaged))); !errors.Is(err, fault.Invalid("keyring.not_for_you")) {
		t.Errorf("a stranger's OpenAt = %v, want keyring.not_for_you", err)
	}
}

func TestRewrapRefuses(t *testing.T) {
	p, stranger, classic := newPerson(t, seal.Hybrid), newPerson(t, seal.Hybrid), newPerson(t, seal.X25519)
	header, err := keyring.Header(bytes.NewReader(sealFor(t, []*keyring.Person{p})))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name       string
		who        *keyring.Person
		header     []byte
		recipients []string
		key        string
	}{
		{"nobody", p, header, nil, "seal.no_recipients"},
		{"a mix", p, header, []string{stranger.Recipient(), classic.Recipient()}, "seal.mixed_recipients"},
		{"a stranger", stranger, header, []string{stranger.Recipient()}, "keyring.not_for_you"},
		{"half a header", p, header[:100], []string{p.Recipient()}, "keyring.not_sealed"},
		{"a header that was changed", p, bytes.Replace(header, []byte("--- "), []byte("-> x\n\n--- "), 1), []string{p.Recipient()}, "keyring.not_sealed"},
	} {
		if _, err := c.who.Rewrap(c.header, c.recipients); !errors.Is(err, fault.Invalid(c.key)) {
			t.Errorf("%s: Rewrap = %v, want %s", c.name, err, c.key)
		}
	}
}

func TestReplies(t *testing.T) {
	mine, err := receipt.New().Derive()
	if err != nil {
		t.Fatal(err)
	}
	other, err := receipt.New().Derive()
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"", "Келіңіз.", strings.Repeat("x", seal.MaxReplyText)} {
		sealed, err := seal.Reply([]byte(text), mine.ReplyRecipient)
		if err != nil || len(sealed) != seal.ReplyBytes {
			t.Fatalf("Reply = %d bytes, %v, want %d", len(sealed), err, seal.ReplyBytes)
		}
		if got, err := keyring.OpenReply(sealed, mine.ReplyIdentity); err != nil || string(got) != text {
			t.Errorf("OpenReply = %q, %v, want %q", got, err, text)
		}
		if _, err := keyring.OpenReply(sealed, other.ReplyIdentity); !errors.Is(err, fault.Invalid("keyring.not_for_you")) {
			t.Errorf("another's OpenReply = %v, want keyring.not_for_you", err)
		}
	}
	dummy, err := seal.DummyReply()
	if err != nil || len(dummy) != seal.ReplyBytes {
		t.Fatalf("DummyReply = %d bytes, %v, want %d", len(dummy), err, seal.ReplyBytes)
	}
	if _, err := keyring.OpenReply(dummy, mine.ReplyIdentity); !errors.Is(err, fault.Invalid("keyring.not_for_you")) {
		t.Errorf("OpenReply of an empty slot = %v, want keyring.not_for_you", err)
	}
	if _, err := keyring.OpenReply(dummy[1:], mine.ReplyIdentity); !errors.Is(err, fault.Invalid("keyring.not_a_reply")) {
		t.Errorf("OpenReply of a short slot = %v, want keyring.not_a_reply", err)
	}
	if _, err := keyring.OpenReply(dummy, "x"); !errors.Is(err, fault.Invalid("keyring.not_an_identity")) {
		t.Errorf("OpenReply with no identity = %v, want keyring.not_an_identity", err)
	}
}

// TestDummyLooksReal compares everything of an empty slot that is not random
// with a real reply: the header's lines and their lengths.
func TestDummyLooksReal(t *testing.T) {
	k, err := receipt.New().Derive()
	if err != nil {
		t.Fatal(err)
	}
	reply, err1 := seal.Reply([]byte("Келіңіз."), k.ReplyRecipient)
	dummy, err2 := seal.DummyReply()
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	shape := func(b []byte) (lines []int) {
		header, err := keyring.Header(bytes.NewReader(b))
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(header)) {
			lines = append(lines, len(line))
		}
		return lines
	}
	got, want := shape(dummy), shape(reply)
	if len(got) != len(want) {
		t.Fatalf("an empty slot's header has %d lines, want %d", len(got), len(want))
	}
	for i := range got {
		if got[i] != want[i] {
			t.Errorf("line %d has %d characters, want %d", i, got[i], want[i])
		}
	}
}

func TestPublicGoesIntoACharter(t *testing.T) {
	p := newPerson(t, seal.Hybrid)
	c := charter.Charter{
		Kind: charter.Kind, Version: 1, Name: map[string]string{"kk": "Куә"}, Languages: []string{"kk"},
		People: []charter.Person{p.Public("2026-11-21")}, Threshold: 1, Made: "2026-11-21",
	}
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
	doc, err := c.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	sigs := make(charter.Signatures)
	sigs.Add(doc, p)
	if got, err := (charter.Chain{{Document: string(doc), Signatures: sigs}}).Verify(""); err != nil || got.Recipients()[0] != p.Recipient() {
		t.Errorf("Verify = %+v, %v", got, err)
	}
}

func FuzzHeader(f *testing.F) {
	p := newPerson(f, seal.Hybrid)
	classic := newPerson(f, seal.X25519)
	f.Add(sealFor(f, []*keyring.Person{p})[:3000])
	f.Add(sealFor(f, []*keyring.Person{classic})[:300])
	f.Add(lock(f, p)[:200])
	f.Add([]byte("age-encryption.org/v1\n-> x\n\n--- AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		header, err := keyring.Header(bytes.NewReader(b))
		if err != nil {
			mustBeFault(t, err)
			return
		}
		if !bytes.HasPrefix(b, header) {
			t.Fatalf("the header of %q is %q", b, header)
		}
		if _, err := p.Rewrap(header, []string{p.Recipient()}); err != nil {
			mustBeFault(t, err)
		}
		if r, err := p.Open(bytes.NewReader(b)); err != nil {
			mustBeFault(t, err)
		} else if _, err := io.Copy(io.Discard, r); err != nil {
			mustBeFault(t, err)
		}
	})
}

func mustBeFault(t *testing.T, err error) {
	t.Helper()
	if _, ok := fault.Of(err); !ok {
		t.Fatalf("%v has no words for people", err)
	}
}

func TestPublishKeyIsRaw(t *testing.T) {
	p := newPerson(t, seal.Hybrid)
	raw, err := base64.StdEncoding.DecodeString(p.PublishKey())
	if err != nil || len(raw) != ed25519.PublicKeySize {
		t.Fatalf("PublishKey = %q, %v", p.PublishKey(), err)
	}
	if !ed25519.Verify(raw, []byte("x"), p.Sign([]byte("x"))) {
		t.Error("the signature does not hold")
	}
}
