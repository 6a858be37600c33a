package appender_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/transparency-dev/merkle/rfc6962"
	"github.com/transparency-dev/tessera/api"
	"github.com/transparency-dev/tessera/client"
	"github.com/transparency-dev/tessera/fsck"
	"golang.org/x/mod/sumdb/note"

	"kua/internal/fault"
	"kua/internal/tlog"
	"kua/internal/tlog/appender"
)

const origin = "kua.example/log"

func TestMain(m *testing.M) {
	if os.Getenv("KUA_TEST_APPEND") != "" {
		appendForEver()
	}
	os.Exit(m.Run())
}

func newLog(t testing.TB) (dir, private, public string) {
	t.Helper()
	private, public, err := appender.NewKey(origin)
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(t.TempDir(), "log"), private, public
}

func open(t testing.TB, dir, private string) *appender.Appender {
	t.Helper()
	a, err := appender.Open(t.Context(), dir, private)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return a
}

// fetch reads a log's files from its folder.
func fetch(dir string) tlog.Fetch {
	return func(_ context.Context, path string) ([]byte, error) { return os.ReadFile(filepath.Join(dir, path)) }
}

func entry(i int) []byte { return fmt.Appendf(nil, "entry %d", i) }

func entries(from, to int) [][]byte {
	var es [][]byte
	for i := from; i < to; i++ {
		es = append(es, entry(i))
	}
	return es
}

// check has the log read by Tessera's own checker, whose error (and not whose
// command's exit code) tells, and then entry by entry by package tlog.
func check(t testing.TB, dir, public string, want [][]byte) {
	t.Helper()
	v, err := note.NewVerifier(public)
	if err != nil {
		t.Fatal(err)
	}
	leaves := func(bundle []byte) ([][]byte, error) {
		var b api.EntryBundle
		if err := b.UnmarshalText(bundle); err != nil {
			return nil, err
		}
		var hs [][]byte
		for _, e := range b.Entries {
			hs = append(hs, rfc6962.DefaultHasher.HashLeaf(e))
		}
		return hs, nil
	}
	if err := fsck.New(origin, v, client.FileFetcher{Root: dir}, leaves, fsck.Opts{N: 1}).Check(t.Context()); err != nil {
		t.Fatalf("Tessera's checker: %v", err)
	}
	raw, err := os.ReadFile(filepath.Join(dir, tlog.CheckpointPath))
	if err != nil {
		t.Fatal(err)
	}
	cp, err := tlog.ParseCheckpoint(raw, origin, public)
	if err != nil {
		t.Fatal(err)
	}
	got := 0
	err = tlog.Entries(t.Context(), fetch(dir), cp, 0, func(i uint64, e []byte) error {
		if i < uint64(len(want)) && !bytes.Equal(e, want[i]) {
			return fmt.Errorf("entry %d is %q, want %q", i, e, want[i])
		}
		got++
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if got != len(want) {
		t.Errorf("the log has %d entries, want %d", got, len(want))
	}
}

func TestAppend(t *testing.T) {
	dir, private, public := newLog(t)
	a := open(t, dir, private)
	all := entries(0, 600)
	start := time.Now()
	got, cp, err := a.Append(t.Context(), all[0], all[1])
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("logged and published after %v", time.Since(start))
	if got[0] != 0 || got[1] != 1 || cp.Size != 2 {
		t.Fatalf("Append = %v, size %d", got, cp.Size)
	}
	if got, cp, err = a.Append(t.Context(), all...); err != nil {
		t.Fatal(err)
	}
	for i, at := range got {
		if at != uint64(i) {
			t.Fatalf("entry %d has index %d: the order is lost", i, at)
		}
	}
	if cp.Size != 600 {
		t.Errorf("size %d, want 600", cp.Size)
	}
	check(t, dir, public, all)
}

func TestAppendTwice(t *testing.T) {
	dir, private, public := newLog(t)
	a := open(t, dir, private)
	for range 2 {
		got, cp, err := a.Append(t.Context(), entry(0), entry(1), entry(0))
		if err != nil {
			t.Fatal(err)
		}
		if got[0] != 0 || got[1] != 1 || got[2] != 0 || cp.Size != 2 {
			t.Fatalf("Append = %v, size %d", got, cp.Size)
		}
	}
	if err := a.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	// A lost index is made anew, a torn row is overwritten.
	if err := os.Remove(filepath.Join(dir, ".index", "done")); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(dir, ".index", "[0-9a-f][0-9a-f][0-9a-f]"))
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, f := range files {
		if err := os.Truncate(f, 7); err != nil {
			t.Fatal(err)
		}
	}
	b := open(t, dir, private)
	got, cp, err := b.Append(t.Context(), entry(1), entry(2))
	if err != nil {
		t.Fatal(err)
	}
	if got[0] != 1 || got[1] != 2 || cp.Size != 3 {
		t.Fatalf("Append = %v, size %d", got, cp.Size)
	}
	check(t, dir, public, entries(0, 3))
}

func TestOpenRefuses(t *testing.T) {
	dir, private, _ := newLog(t)
	a := open(t, dir, private)
	if _, _, err := a.Append(t.Context(), entry(0)); err != nil {
		t.Fatal(err)
	}
	if _, err := appender.Open(t.Context(), dir, private); !errors.Is(err, fault.Conflict("tlog.in_use")) {
		t.Errorf("opening twice: %v", err)
	}
	if err := a.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	_, other, _ := newLog(t)
	if _, err := appender.Open(t.Context(), dir, other); !errors.Is(err, fault.Conflict("tlog.other_key")) {
		t.Errorf("another key: %v", err)
	}
	if _, err := appender.Open(t.Context(), dir, "PRIVATE+KEY+nonsense"); !errors.Is(err, fault.Invalid("tlog.key")) {
		t.Errorf("no key: %v", err)
	}
}

// appendForEver is the child that is killed: it appends the same entries in
// order, one to three at a time, and says what Append has acknowledged.
func appendForEver() {
	a, err := appender.Open(context.Background(), os.Getenv("KUA_TEST_APPEND"), os.Getenv("KUA_TEST_KEY"))
	if err != nil {
		fmt.Println("error", err)
		os.Exit(1)
	}
	cp, err := a.Checkpoint(context.Background())
	if err != nil {
		fmt.Println("error", err)
		os.Exit(1)
	}
	for i := max(int(cp.Size), 3) - 3; ; {
		n := 1 + i%3
		got, _, err := a.Append(context.Background(), entries(i, i+n)...)
		if err != nil {
			fmt.Println("error", err)
			os.Exit(1)
		}
		for j, at := range got {
			if at != uint64(i+j) {
				fmt.Println("error", "entry", i+j, "has index", at)
				os.Exit(1)
			}
		}
		i += n
		fmt.Println("ok", i)
	}
}

// TestKill kills a writer with SIGKILL at random moments. What it was told is
// logged must be there, and going on must need no hand and lose no order.
func TestKill(t *testing.T) {
	dir, private, public := newLog(t)
	acknowledged := 0
	for range 40 {
		var out bytes.Buffer
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), "KUA_TEST_APPEND="+dir, "KUA_TEST_KEY="+private)
		cmd.Stdout, cmd.Stderr = &out, os.Stderr
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		timer := time.AfterFunc(time.Duration(rand.IntN(500))*time.Millisecond, func() { _ = cmd.Process.Kill() })
		_ = cmd.Wait() // it was killed, or it says why it ended
		timer.Stop()
		for line := range bytes.Lines(out.Bytes()) {
			if bytes.HasPrefix(line, []byte("error")) {
				t.Fatalf("the writer: %s", line)
			}
			n := 0
			if _, err := fmt.Sscanf(string(line), "ok %d\n", &n); err == nil {
				acknowledged = max(acknowledged, n)
			}
		}
	}
	a := open(t, dir, private)
	if _, _, err := a.Append(t.Context(), entry(0)); err != nil {
		t.Fatal(err)
	}
	cp, err := a.Checkpoint(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if acknowledged == 0 || cp.Size < uint64(acknowledged) {
		t.Fatalf("%d entries acknowledged, %d in the log", acknowledged, cp.Size)
	}
	t.Logf("%d entries acknowledged over 40 kills", acknowledged)
	check(t, dir, public, entries(0, int(cp.Size)))
}

// BenchmarkAppend appends one entry to logs of two lengths and prints how many
// times longer the long one takes.
func BenchmarkAppend(b *testing.B) {
	took := make(map[int]time.Duration)
	for _, size := range []int{100, 10_000} {
		dir, private, _ := newLog(b)
		a := open(b, dir, private)
		if _, _, err := a.Append(b.Context(), entries(0, size)...); err != nil {
			b.Fatal(err)
		}
		start := time.Now()
		for i := range 20 {
			if _, _, err := a.Append(b.Context(), entry(size+i)); err != nil {
				b.Fatal(err)
			}
		}
		took[size] = time.Since(start) / 20
	}
	for b.Loop() {
	}
	b.ReportMetric(float64(took[10_000])/float64(took[100]), "×(10000:100)")
	b.ReportMetric(took[10_000].Seconds()*1000, "ms/append")
}
