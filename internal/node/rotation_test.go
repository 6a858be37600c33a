package node_test

import (
	"context"
	"errors"
	"os"
	"testing"

	"kua/internal/charter"
	"kua/internal/fault"
	"kua/internal/tlog"
	"kua/internal/tlog/appender"
)

// TestThiefOfTheLogsKey is drill (f) for nodes. A thief with the log's and the desk's key
// gives a new node a log of their own around the true edition. The people give the log a
// new key; the node comes back to the true log, over a restart, and takes nothing more
// from the old key.
func TestThiefOfTheLogsKey(t *testing.T) {
	const origin = "kua.example.org/log"
	old, vkey, err := appender.NewKey(origin)
	must(t, err)
	c, dir, logDir := newCollective(t), t.TempDir(), t.TempDir()
	c.charter.Log.Key = vkey
	c.chain = charter.Chain{c.sign(t, c.charter)}
	use := func(dir, private string, past ...string) {
		c.logDir = dir
		c.log, err = appender.Open(t.Context(), dir, private, past...)
		must(t, err)
	}
	leave := func() { must(t, c.log.Close(context.Background())) }
	use(logDir, old)
	first := c.publish(t, c.pages(t, "one"))
	entry, err := os.ReadFile(logDir + "/tile/entries/000.p/1")
	must(t, err)
	leave()

	t.Run("fed", func(t *testing.T) {
		r := start(t, c.config(dir))
		use(t.TempDir(), old)
		at, cp, err := c.log.Append(t.Context(), []byte("x"), []byte("y"), entry[2:])
		must(t, err)
		c.bring(t, r.desk(c))
		req := first
		req.Checkpoint, req.LogIndex = string(cp.Raw), at[2]
		must(t, r.desk(c).Switch(t.Context(), req)) // first contact
		if _, cp, err = c.log.Append(t.Context(), []byte("z")); err != nil {
			t.Fatal(err)
		}
		c.bringLog(t, r.desk(c))
		req.Checkpoint, req.LogIndex = string(cp.Raw), 2
		if err := r.desk(c).Switch(t.Context(), req); !errors.Is(err, fault.Invalid("node.log_goes_on")) {
			t.Errorf("a longer log under the same edition: %v", err)
		}
		leave()
	})

	use(logDir, old)
	c.publish(t, map[string][]byte{"index.html": []byte("two")})
	cp, err := c.log.Checkpoint(t.Context())
	must(t, err)
	leave()
	private, public, err := appender.NewKey(origin)
	must(t, err)
	next, err := c.charter.Next(today)
	must(t, err)
	next, err = next.RotateLog(public, cp.Size, cp.Root)
	must(t, err)
	c.chain = append(c.chain, c.sign(t, next))
	t.Run("told", func(t *testing.T) {
		r := start(t, c.config(dir))
		must(t, r.desk(c).PutCharter(t.Context(), c.chain))
	})

	r := start(t, c.config(dir))
	use(logDir, private, vkey)
	defer leave()
	req := c.publish(t, map[string][]byte{"index.html": []byte("three")})
	c.bring(t, r.desk(c))
	must(t, r.desk(c).Switch(t.Context(), req))
	c.charter = next
	c.readAll(t, r, req)
	if number, _ := r.Edition(); number != 3 {
		t.Errorf("edition %d", number)
	}

	// The old key signs the next edition's log, and a shorter one.
	theirs, err := appender.Open(t.Context(), t.TempDir(), old)
	must(t, err)
	defer theirs.Close(context.Background())
	for _, entries := range [][][]byte{{[]byte("a")}, {[]byte("b"), []byte("c"), []byte("d"), []byte("e")}} {
		at, cp, err := theirs.Append(t.Context(), entries...)
		must(t, err)
		req := req
		req.Checkpoint, req.LogIndex = string(cp.Raw), at[len(at)-1]
		if err := r.desk(c).Switch(t.Context(), req); err == nil {
			t.Errorf("a log of %d entries that the old key signed is taken", cp.Size)
		} else if cp.Size > 2 && !errors.Is(err, fault.Corrupt("tlog.struck_key")) {
			t.Errorf("Switch = %v, want tlog.struck_key", err)
		}
	}
}

// TestNewNodeKnowsTheLog brings a new node another log around a true edition whose manifest
// names the log before it, as a thief of the log's and the desk's key can; the true one is taken.
func TestNewNodeKnowsTheLog(t *testing.T) {
	c := newCollective(t)
	c.publish(t, c.pages(t, "one"))
	c.bind = true
	req := c.publish(t, map[string][]byte{"index.html": []byte("two")})
	entries, err := os.ReadFile(c.logDir + "/tile/entries/000.p/2")
	must(t, err)
	all, err := tlog.ParseBundle(entries)
	must(t, err)
	r := start(t, c.config(t.TempDir()))
	trueLog, trueDir := c.log, c.logDir
	c.logDir = t.TempDir()
	c.log, err = appender.Open(t.Context(), c.logDir, c.logKey)
	must(t, err)
	at, cp, err := c.log.Append(t.Context(), all[0], []byte("x"), all[1])
	must(t, err)
	c.bring(t, r.desk(c))
	forged := req
	forged.Checkpoint, forged.LogIndex = string(cp.Raw), at[2]
	if err := r.desk(c).Switch(t.Context(), forged); !errors.Is(err, fault.Corrupt("edition.other_log")) {
		t.Errorf("another log around it: %v", err)
	}
	must(t, c.log.Close(t.Context()))
	c.log, c.logDir = trueLog, trueDir
	c.bringLog(t, r.desk(c))
	must(t, r.desk(c).Switch(t.Context(), req))
	c.readAll(t, r, req)
}

// TestStruckKeyWithin gives a new node the newest edition in a log that a struck key
// signed and that is no longer than what is confirmed of it.
func TestStruckKeyWithin(t *testing.T) {
	const origin = "kua.example.org/log"
	old, vkey, err := appender.NewKey(origin)
	must(t, err)
	c := newCollective(t)
	c.charter.Log.Key = vkey
	_, public, err := appender.NewKey(origin)
	must(t, err)
	theirs, err := appender.Open(t.Context(), t.TempDir(), old)
	must(t, err)
	defer theirs.Close(context.Background())
	_, cp, err := theirs.Append(t.Context(), []byte("a"), []byte("b"), []byte("c"))
	must(t, err)
	next, err := c.charter.Next(today)
	must(t, err)
	next, err = next.RotateLog(public, cp.Size, cp.Root)
	must(t, err)
	c.chain = charter.Chain{c.sign(t, c.charter), c.sign(t, next)}
	r := start(t, c.config(t.TempDir()))

	c.logDir = t.TempDir()
	c.log, err = appender.Open(t.Context(), c.logDir, old)
	must(t, err)
	defer c.log.Close(context.Background())
	_, _, err = c.log.Append(t.Context(), []byte("x"))
	must(t, err)
	req := c.publish(t, map[string][]byte{"index.html": []byte("one")})
	c.bring(t, r.desk(c))
	if err := r.desk(c).Switch(t.Context(), req); !errors.Is(err, fault.Corrupt("tlog.earlier_key")) {
		t.Errorf("Switch = %v, want tlog.earlier_key", err)
	}
}

// TestLogReplacedBeforeSwitch lets a thief with the desk's key spoil the log of a node that
// knows of the new key and has no edition under it yet. The switch proves all of the log,
// and the desk's own files mend it.
func TestLogReplacedBeforeSwitch(t *testing.T) {
	const origin = "kua.example.org/log"
	old, vkey, err := appender.NewKey(origin)
	must(t, err)
	c := newCollective(t)
	c.charter.Log.Key = vkey
	c.chain = charter.Chain{c.sign(t, c.charter)}
	c.logDir = t.TempDir()
	c.log, err = appender.Open(t.Context(), c.logDir, old)
	must(t, err)
	entries := make([][]byte, 600)
	for i := range entries {
		entries[i] = []byte{'x', byte(i), byte(i >> 8)}
	}
	_, _, err = c.log.Append(t.Context(), entries...)
	must(t, err)
	r := start(t, c.config(t.TempDir()))
	req := c.publish(t, map[string][]byte{"index.html": []byte("one")})
	c.bring(t, r.desk(c))
	must(t, r.desk(c).Switch(t.Context(), req))
	cp, err := c.log.Checkpoint(t.Context())
	must(t, err)
	must(t, c.log.Close(context.Background()))

	private, public, err := appender.NewKey(origin)
	must(t, err)
	next, err := c.charter.Next(today)
	must(t, err)
	next, err = next.RotateLog(public, cp.Size, cp.Root)
	must(t, err)
	c.chain = append(c.chain, c.sign(t, next))
	must(t, r.desk(c).PutCharter(t.Context(), c.chain))
	c.log, err = appender.Open(t.Context(), c.logDir, private, vkey)
	must(t, err)
	defer c.log.Close(context.Background())
	req = c.publish(t, map[string][]byte{"index.html": []byte("two")})
	c.bring(t, r.desk(c))
	for _, path := range []string{"tile/0/000", "tile/entries/001"} {
		must(t, r.desk(c).PutLog(t.Context(), path, []byte("garbage")))
		if err := r.desk(c).Switch(t.Context(), req); err == nil {
			t.Fatalf("a log with a spoilt %s is published", path)
		}
		c.bringLog(t, r.desk(c))
	}
	must(t, r.desk(c).Switch(t.Context(), req))
	c.charter = next
	c.readAll(t, r, req)
}
