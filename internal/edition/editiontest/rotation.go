package editiontest

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"kua/internal/charter"
	"kua/internal/edition"
	"kua/internal/tlog"
	"kua/internal/tlog/appender"
)

// Append puts entries into the log, as whoever has its key can.
func (c *Collective) Append(t testing.TB, entries ...[]byte) {
	t.Helper()
	a, err := appender.Open(t.Context(), filepath.Join(c.Dir, edition.LogDir), c.private, edition.LogKeys(c.Charter).All()[1:]...)
	must(t, err)
	_, _, err = a.Append(t.Context(), entries...)
	must(t, err)
	must(t, a.Close(t.Context()))
}

// Checkpoint reads the log's head and gives a way to read the rest.
func (c *Collective) Checkpoint(t testing.TB) (tlog.Checkpoint, tlog.Fetch) {
	t.Helper()
	dir := filepath.Join(c.Dir, edition.LogDir)
	raw, err := os.ReadFile(filepath.Join(dir, tlog.CheckpointPath))
	must(t, err)
	cp, _, err := edition.LogKeys(c.Charter).Named(raw)
	must(t, err)
	return cp, func(_ context.Context, path string) ([]byte, error) { return os.ReadFile(filepath.Join(dir, path)) }
}

// Rotate gives the log a new key by a new version of the charter, which two people
// sign. It counts for readers with the next edition. A Twin from before keeps the old
// key: that is the thief.
func (c *Collective) Rotate(t testing.TB) {
	t.Helper()
	private, public, err := appender.NewKey(Origin)
	must(t, err)
	cp, _ := c.Checkpoint(t)
	next, err := c.Charter.Next("2026-11-21")
	must(t, err)
	next, err = next.RotateLog(public, cp.Size, cp.Root)
	must(t, err)
	c.amend(t, next)
	c.private = private
}

// Mirror names addresses of copies in a new version of the charter, for the next
// edition.
func (c *Collective) Mirror(t testing.TB, addresses ...string) {
	t.Helper()
	next, err := c.Charter.Next("2026-11-21")
	must(t, err)
	next.Mirrors = addresses
	c.amend(t, next)
}

func (c *Collective) amend(t testing.TB, next charter.Charter) {
	t.Helper()
	doc, err := next.Bytes()
	must(t, err)
	c.Chain = append(c.Chain[:len(c.Chain):len(c.Chain)], charter.Signed{Document: string(doc), Signatures: c.sign(doc)})
	c.Charter = next
}

// Forge makes another log of the same entries with so many others before the last one,
// and signs it with the key that the collective has: it ends with the same edition, and
// every file of that is genuine.
func (c *Collective) Forge(t testing.TB, others int) {
	t.Helper()
	cp, fetch := c.Checkpoint(t)
	var entries [][]byte
	must(t, tlog.Entries(t.Context(), fetch, cp, 0, func(_ uint64, e []byte) error {
		entries = append(entries, append([]byte(nil), e...))
		return nil
	}))
	must(t, os.RemoveAll(filepath.Join(c.Dir, edition.LogDir)))
	last := entries[len(entries)-1]
	entries = entries[:len(entries)-1]
	for i := range others {
		entries = append(entries, []byte{'x', byte('0' + i)})
	}
	c.Append(t, append(entries, last)...)
}

// Squeeze makes another log of everything that the collective has logged, without its
// earlier editions, so that it is shorter than what is confirmed of the thief's key, and
// signs it with that.
func (c *Collective) Squeeze(t testing.TB, thief *Collective) {
	t.Helper()
	cp, fetch := c.Checkpoint(t)
	entries := [][]byte{[]byte("x")}
	must(t, tlog.Entries(t.Context(), fetch, cp, 0, func(i uint64, b []byte) error {
		if e, err := tlog.ParseEntry(b); err != nil || e.Kind != tlog.KindEdition || i == cp.Size-1 {
			entries = append(entries, append([]byte(nil), b...))
		}
		return nil
	}))
	dir := filepath.Join(c.Dir, edition.LogDir)
	must(t, os.RemoveAll(dir))
	a, err := appender.Open(t.Context(), dir, thief.private)
	must(t, err)
	_, _, err = a.Append(t.Context(), entries...)
	must(t, err)
	must(t, a.Close(t.Context()))
	if past := c.Charter.Log.Past; uint64(len(entries)) >= uint64(past[len(past)-1].Size) {
		t.Fatalf("%d entries are not within what is confirmed: %+v", len(entries), past)
	}
}
