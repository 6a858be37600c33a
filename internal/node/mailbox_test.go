package node_test

import (
	"bytes"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"kua/internal/fault"
	"kua/internal/keyring"
	"kua/internal/nodeapi"
	"kua/internal/receipt"
	"kua/internal/seal"
)

// TestMailboxSlots lays replies into a mailbox and looks at it as a witness and
// as a stranger do.
func TestMailboxSlots(t *testing.T) {
	c, dir := newCollective(t), t.TempDir()
	keys, err := receipt.New().Derive()
	must(t, err)
	prefix := receipt.Prefix(keys.Mailbox)
	words := []string{"first answer", "second answer"}
	t.Run("lay", func(t *testing.T) {
		r := start(t, c.config(dir))
		before := fetch(t, r, prefix)
		if again := fetch(t, r, prefix); !same(before, again) {
			t.Error("two fetches differ although nothing happened")
		}
		for _, w := range words {
			sealed, err := seal.Reply([]byte(w), keys.ReplyRecipient)
			must(t, err)
			must(t, r.desk(c).PutReply(t.Context(), prefix, sealed))
			must(t, r.desk(c).PutReply(t.Context(), prefix, sealed)) // twice is once
		}
		after := fetch(t, r, prefix)
		if n := changes(before, after); n != 2 || len(after) != nodeapi.MailboxSlots {
			t.Errorf("slots = %d, of these changed %d, want 8 and 2", len(after), n)
		}
	})
	r := start(t, c.config(dir))
	got := open(t, fetch(t, r, prefix), keys.ReplyIdentity)
	if len(got) != 2 || !got[words[0]] || !got[words[1]] {
		t.Errorf("opened %v, want %v", got, words)
	}
	for _, s := range fetch(t, r, prefix) {
		if !bytes.HasPrefix(s, []byte("age-encryption.org/v1\n-> mlkem768x25519 ")) {
			t.Errorf("a slot begins %q", s[:40])
		}
	}
	if err := r.desk(c).PutReply(t.Context(), prefix, []byte("short")); !errors.Is(err, fault.Invalid("node.reply_size")) {
		t.Errorf("a short reply: %v, want node.reply_size", err)
	}
	if err := r.client(nodeapi.WithDesk(newCollective(t).deskKey)).PutReply(t.Context(), prefix, make([]byte, nodeapi.SlotBytes)); err == nil {
		t.Error("a stranger's reply was taken")
	}
}

func fetch(t *testing.T, r *running, prefix string) [][]byte {
	t.Helper()
	slots, err := r.client().Mailbox(t.Context(), prefix)
	must(t, err)
	return slots
}

func open(t *testing.T, slots [][]byte, identity string) map[string]bool {
	t.Helper()
	found := make(map[string]bool)
	for _, s := range slots {
		text, err := keyring.OpenReply(s, identity)
		if errors.Is(err, fault.Invalid("keyring.not_for_you")) {
			continue
		}
		must(t, err)
		found[string(text)] = true
	}
	return found
}

func same(a, b [][]byte) bool { return len(a) == len(b) && changes(a, b) == 0 }

func changes(a, b [][]byte) (n int) {
	for i := range min(len(a), len(b)) {
		if !bytes.Equal(a[i], b[i]) {
			n++
		}
	}
	return n
}

// TestMailboxAfterRestart shows that a node which cannot know any more what is a
// dummy throws none of it away, but makes room.
func TestMailboxAfterRestart(t *testing.T) {
	c, dir := newCollective(t), t.TempDir()
	keys, err := receipt.New().Derive()
	must(t, err)
	put := func(t *testing.T, r *running, words string) {
		sealed, err := seal.Reply([]byte(words), keys.ReplyRecipient)
		must(t, err)
		must(t, r.desk(c).PutReply(t.Context(), "7f", sealed))
	}
	for i, words := range []string{"a", "b", "c"} {
		t.Run(words, func(t *testing.T) {
			r := start(t, c.config(dir))
			put(t, r, words)
			if n := len(fetch(t, r, "7f")); n != (i+1)*nodeapi.MailboxSlots {
				t.Errorf("slots after start %d = %d", i+1, n)
			}
			if got := open(t, fetch(t, r, "7f"), keys.ReplyIdentity); len(got) != i+1 {
				t.Errorf("replies = %v, want %d", got, i+1)
			}
		})
	}
}

// TestMailboxFull lays more replies than a page holds.
func TestMailboxFull(t *testing.T) {
	c := newCollective(t)
	r := start(t, c.config(t.TempDir()))
	keys, err := receipt.New().Derive()
	must(t, err)
	const many = nodeapi.MailboxSlots + 3
	for i := range many {
		sealed, err := seal.Reply([]byte{'a' + byte(i)}, keys.ReplyRecipient)
		must(t, err)
		must(t, r.desk(c).PutReply(t.Context(), "00", sealed))
	}
	slots := fetch(t, r, "00")
	if got := open(t, slots, keys.ReplyIdentity); len(got) != many || len(slots)%nodeapi.MailboxSlots != 0 {
		t.Errorf("replies = %d in %d slots, want %d", len(got), len(slots), many)
	}
}

// TestMailboxTime moves the clock: dummies change all the time, a reply stays
// its time in full and then goes, and so do the pages that are not needed.
func TestMailboxTime(t *testing.T) {
	c := newCollective(t)
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	var mu sync.Mutex
	cfg := c.config(t.TempDir())
	cfg.Now = func() time.Time { mu.Lock(); defer mu.Unlock(); return now }
	cfg.Limits.ReplyDays = 20
	r := start(t, cfg)
	desk := func() *nodeapi.Client { return r.client(nodeapi.WithDesk(c.deskKey), nodeapi.WithClock(cfg.Now)) }
	keys, err := receipt.New().Derive()
	must(t, err)
	for i := range nodeapi.MailboxSlots + 1 {
		sealed, err := seal.Reply([]byte{'a' + byte(i)}, keys.ReplyRecipient)
		must(t, err)
		must(t, desk().PutReply(t.Context(), "05", sealed))
	}
	// Each dummy stays the whole time with probability one half: of 64, some go.
	watch := func() (all [][]byte) {
		for i := range 8 {
			all = append(all, fetch(t, r, fmt.Sprintf("1%d", i))...)
		}
		return all
	}
	dummies := watch()
	changed := 0
	for day := range 20 {
		if got := len(open(t, fetch(t, r, "05"), keys.ReplyIdentity)); got != nodeapi.MailboxSlots+1 {
			t.Fatalf("replies on day %d = %d, want %d", day, got, nodeapi.MailboxSlots+1)
		}
		mu.Lock()
		now = now.AddDate(0, 0, 1)
		mu.Unlock()
		must(t, r.Tidy(t.Context()))
		after := watch()
		changed += changes(dummies, after)
		dummies = after
	}
	if changed == 0 {
		t.Error("no dummy changed in 20 days")
	}
	mu.Lock()
	now = now.AddDate(0, 0, 2)
	mu.Unlock()
	must(t, r.Tidy(t.Context()))
	slots := fetch(t, r, "05")
	if got := open(t, slots, keys.ReplyIdentity); len(got) != 0 || len(slots) != nodeapi.MailboxSlots {
		t.Errorf("after its time: replies %v in %d slots", got, len(slots))
	}
}

// TestMailboxCover shows that a reply changes something under other prefixes too.
func TestMailboxCover(t *testing.T) {
	c := newCollective(t)
	r := start(t, c.config(t.TempDir()))
	before := map[string][][]byte{"01": nil, "02": nil, "03": nil, "04": nil}
	for p := range before {
		before[p] = fetch(t, r, p)
	}
	sealed, err := seal.DummyReply()
	must(t, err)
	must(t, r.desk(c).PutReply(t.Context(), "01", sealed))
	total := 0
	for p, slots := range before {
		total += changes(slots, fetch(t, r, p))
	}
	if total != 4 {
		t.Errorf("changed slots = %d, want 4: the reply and three others", total)
	}
}
