//go:build bench

// Package bench measures Kuä's main roads against a named peer or a physical
// limit, all in one run, and prints ratios. `make bench` runs it; nothing here
// asserts a time.
package bench

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

const passphrase = "made up for the benchmark"

var kua string

func TestMain(m *testing.M) {
	wd, err := os.Getwd()
	if err != nil {
		panic(err)
	}
	kua = filepath.Join(wd, "..", "bin", "kua")
	os.Setenv("KUA_PASSPHRASE", passphrase)
	os.Setenv("KUA_LANG", "en")
	os.Exit(m.Run())
}

// line prints one result: what, measured, target.
func line(what, measured, target string) {
	fmt.Printf("%-58s %-34s target %s\n", what, measured, target)
}

// run runs a command to its end and gives its wall time and peak memory.
func run(t *testing.T, dir, name string, args ...string) (time.Duration, int64) {
	t.Helper()
	c := exec.Command(name, args...)
	c.Dir = dir
	var out bytes.Buffer
	c.Stdout, c.Stderr = &out, &out
	begun := time.Now()
	if err := c.Run(); err != nil {
		t.Fatalf("%s %s: %v\n%s", filepath.Base(name), strings.Join(args, " "), err, out.String())
	}
	return time.Since(begun), c.ProcessState.SysUsage().(*syscall.Rusage).Maxrss << 10
}

// output runs a command and gives what it printed.
func output(t *testing.T, name string, args ...string) string {
	t.Helper()
	b, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", name, err, b)
	}
	return strings.TrimSpace(string(b))
}

func median[T int64 | float64 | time.Duration](v []T) T {
	slices.Sort(v)
	return v[len(v)/2]
}

func mib(n int64) string { return fmt.Sprintf("%d MiB", n>>20) }

// random writes a file of n random bytes.
func random(t *testing.T, path string, n int64) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := io.CopyN(f, rand.Reader, n); err != nil {
		t.Fatal(err)
	}
	if err := f.Sync(); err != nil {
		t.Fatal(err)
	}
}

// stockAge builds age's own command from its module.
func stockAge(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	c := exec.Command("go", "install", "filippo.io/age/cmd/age@v1.3.2")
	c.Env = append(os.Environ(), "GOBIN="+dir, "GOFLAGS=")
	c.Dir = os.TempDir()
	if b, err := c.CombinedOutput(); err != nil {
		t.Fatalf("build age: %v\n%s", err, b)
	}
	return filepath.Join(dir, "age")
}

// collective is a founded collective with a running node.
type collective struct {
	dir, node, url string
	process        *exec.Cmd
}

func found(t *testing.T) *collective {
	t.Helper()
	c := &collective{dir: filepath.Join(t.TempDir(), "desk"), node: filepath.Join(t.TempDir(), "node")}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	l.Close()
	c.url = "http://" + addr
	key := output(t, kua, "node", "key", "--dir", c.node)
	output(t, kua, "charter", "init", "--dir", c.dir, "--name", "Bench (made up)", "--person", "a", "--person", "b", "--language", "en",
		"--origin", "kua.example/bench", "--node", c.url+"="+key)
	c.process = exec.Command(kua, "node", "--dir", c.node, "--charter", c.dir, "--addr", addr, "--parcel-bytes", fmt.Sprint(int64(8)<<30))
	if err := c.process.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.process.Process.Kill(); c.process.Wait() })
	for range 200 {
		if resp, err := http.Get(c.url + "/healthz"); err == nil {
			resp.Body.Close()
			return c
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatal("the node does not start")
	return nil
}

// peakMemory is the largest resident size of a process so far.
func peakMemory(t *testing.T, pid int) int64 {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	var kib int64
	for l := range strings.Lines(string(b)) {
		if rest, ok := strings.CutPrefix(l, "VmHWM:"); ok {
			fmt.Sscan(rest, &kib)
		}
	}
	return kib << 10
}
