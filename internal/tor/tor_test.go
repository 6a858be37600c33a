package tor_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"kua/internal/fault"
	"kua/internal/onion"
	"kua/internal/tor"
)

// These tests run the real program without any network: it starts, makes its
// addresses, obeys and ends. What goes through a network is told by
// cmd/kua/testdata/script/tor.txtar.

// holder is set in the process that holds a tor and is killed.
const holder = "KUA_TEST_HOLDS_TOR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(holder); dir != "" {
		t, err := tor.Start(context.Background(), alone(dir))
		if err == nil {
			_, err = t.Host(context.Background(), "public")
		}
		fmt.Println("holding", err)
		_, _ = io.Copy(io.Discard, os.Stdin)
		return
	}
	os.Exit(m.Run())
}

// alone is a tor that calls nobody.
func alone(dir string) tor.Config {
	return tor.Config{Dir: dir, Services: []tor.Service{{Name: "public", Open: true}}, Lines: []string{"DisableNetwork 1"}}
}

func start(t *testing.T, cfg tor.Config) *tor.Tor {
	t.Helper()
	r, err := tor.Start(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Stop)
	return r
}

// running gives the process of the tor that works in dir, 0 when there is none.
func running(t *testing.T, dir string) int {
	t.Helper()
	all, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range all {
		b, err := os.ReadFile(name)
		if err != nil || !bytes.Contains(b, []byte(dir+"/torrc")) {
			continue
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(name)))
		if err != nil {
			t.Fatal(err)
		}
		return pid
	}
	return 0
}

// await waits for the process in dir to be as want says.
func await(t *testing.T, dir, what string, want func(pid int) bool) int {
	t.Helper()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if pid := running(t, dir); want(pid) {
			return pid
		}
	}
	t.Fatalf("tor is not %s", what)
	return 0
}

// TestTorIsStartedAgain kills tor: it is said aloud, and it runs again under the
// same address.
func TestTorIsStartedAgain(t *testing.T) {
	t.Parallel()
	cfg := alone(t.TempDir())
	said := new(diary)
	cfg.Diary = slog.New(slog.NewTextHandler(said, nil))
	r := start(t, cfg)
	host, err := r.Host(t.Context(), "public")
	if err != nil {
		t.Fatal(err)
	}
	first := await(t, cfg.Dir, "running", func(pid int) bool { return pid > 0 })
	if err := syscall.Kill(first, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	await(t, cfg.Dir, "running again", func(pid int) bool { return pid > 0 && pid != first })
	if again, err := r.Host(t.Context(), "public"); err != nil || again != host {
		t.Errorf("its address is %s, %v, and was %s", again, err, host)
	}
	if !strings.Contains(said.String(), "level=ERROR") || !strings.Contains(said.String(), "tor has ended") {
		t.Errorf("said: %q", said.String())
	}
	r.Stop()
	if pid := running(t, cfg.Dir); pid != 0 {
		t.Errorf("stopped, it runs as %d", pid)
	}
	for name, mode := range map[string]os.FileMode{"": 0o700, "data": 0o700, "public": 0o700, "torrc": 0o600} {
		if info, err := os.Stat(filepath.Join(cfg.Dir, name)); err != nil || info.Mode().Perm() != mode {
			t.Errorf("%q: %v, %v, want %v", name, info.Mode(), err, mode)
		}
	}
}

// TestTorEndsWithUs kills the process that started tor.
func TestTorEndsWithUs(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	c := exec.Command(os.Args[0])
	c.Env = append(os.Environ(), holder+"="+dir)
	in, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	line := make([]byte, 200)
	if n, err := out.Read(line); err != nil || string(line[:n]) != "holding <nil>\n" {
		t.Fatalf("it says %q, %v", line[:n], err)
	}
	await(t, dir, "running", func(pid int) bool { return pid > 0 })
	if err := c.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = c.Wait()
	await(t, dir, "gone", func(pid int) bool { return pid == 0 })
}

// TestClientsOfAService holds that a service which is not open names its
// clients, and that one who is no longer named is taken away.
func TestClientsOfAService(t *testing.T) {
	t.Parallel()
	cfg := alone(t.TempDir())
	_, one, err := onion.NewClientKey()
	if err != nil {
		t.Fatal(err)
	}
	_, two, err := onion.NewClientKey()
	if err != nil {
		t.Fatal(err)
	}
	clients := filepath.Join(cfg.Dir, "desk", "authorized_clients")
	for _, named := range [][]string{{one, two}, {two}} {
		cfg.Services = []tor.Service{{Name: "desk", Clients: named}}
		start(t, cfg).Stop()
		files, err := os.ReadDir(clients)
		if err != nil || len(files) != len(named) {
			t.Fatalf("%d clients, %v, want %d", len(files), err, len(named))
		}
	}
	if b, err := os.ReadFile(filepath.Join(clients, "1.auth")); err != nil || string(b) != "descriptor:x25519:"+two+"\n" {
		t.Errorf("the client is %q, %v", b, err)
	}
	for _, bad := range []tor.Service{{Name: "desk"}, {Name: "desk", Open: true, Clients: []string{one}}, {Name: "desk", Clients: []string{one, "x"}}} {
		cfg.Services = []tor.Service{bad}
		if r, err := tor.Start(t.Context(), cfg); err == nil {
			r.Stop()
			t.Errorf("%+v is served", bad)
		}
	}
}

// TestTorRefuses tells what is wrong in words that help.
func TestTorRefuses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*tor.Config)
		want   string
	}{
		"a line tor does not know": {func(c *tor.Config) { c.Lines = []string{"NoSuchOption 1"} }, "tor.refused"},
		"two lines in one":         {func(c *tor.Config) { c.Lines = []string{"DisableNetwork 1\nControlPort 9051"} }, "tor.line"},
		"a folder with a quote":    {func(c *tor.Config) { c.Dir += `/a"b` }, "tor.folder_name"},
		"a long folder":            {func(c *tor.Config) { c.Dir += "/" + strings.Repeat("x", 100) }, "tor.folder_long"},
		"a key of no address":      {func(c *tor.Config) { c.Socks, c.Keys = true, []onion.Key{{Host: "x.onion"}} }, "onion.address"},
	} {
		cfg := alone(t.TempDir())
		c.change(&cfg)
		r, err := tor.Start(t.Context(), cfg)
		if err == nil {
			r.Stop()
		}
		if !errors.Is(err, fault.Invalid(c.want)) {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
}

// diary is a place to write for several goroutines.
type diary struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (d *diary) Write(p []byte) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.b.Write(p)
}

func (d *diary) String() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.b.String()
}
