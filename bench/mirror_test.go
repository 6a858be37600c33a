//go:build bench

package bench

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"kua/internal/edition/editiontest"
)

// TestMirror pulls an edition of 10,000 records, and then a day's ten more, over
// loopback from a mirror that serves it, and has rsync fetch the same tree from
// its own daemon. Both wait until what they wrote is on the disk. Then it
// compares the check of all of it with sha256sum of the same files.
func TestMirror(t *testing.T) {
	records := 10_000
	if testing.Short() {
		records = 1_000
	}
	c := editiontest.New(t)
	c.Publish(t, c.Records(t, 1, records)...)
	t.Setenv("XDG_STATE_HOME", t.TempDir()) // what was met before is another collective
	ours, theirs := filepath.Join(t.TempDir(), "ours"), filepath.Join(t.TempDir(), "theirs")
	served := filepath.Join(t.TempDir(), "served")
	output(t, kua, "mirror", "pull", served, "--from", c.Dir)
	url, daemon := serveMirror(t, served), rsyncDaemon(t, served)

	pull := func() (time.Duration, int64) { return run(t, "", kua, "mirror", "pull", ours, "--from", url) }
	fetch := func() time.Duration {
		took, _ := run(t, "", "rsync", "-a", "--delete", daemon, theirs)
		wait, _ := run(t, "", "sync", "-f", theirs)
		return took + wait
	}
	tree := strings.TrimSpace(output(t, "sh", "-c", "find '"+c.Dir+"' -type f | wc -l"))
	fetched := fetch()
	pulled, rss := pull()
	line(fmt.Sprintf("mirror pull of %d records, %s files / rsync", records, tree), fmt.Sprintf("%.2f (%.1f s, %.1f s)", ratio(pulled, fetched), pulled.Seconds(), fetched.Seconds()), "≤ 1.5")
	line("… memory", mib(rss), "flat")

	c.Publish(t, c.Records(t, records+1, records+10)...)
	output(t, kua, "mirror", "pull", served, "--from", c.Dir)
	fetched = fetch()
	pulled, _ = pull()
	line("mirror pull of the next day's ten records / rsync", fmt.Sprintf("%.2f (%.2f s, %.2f s)", ratio(pulled, fetched), pulled.Seconds(), fetched.Seconds()), "≤ 1")

	summed, _ := run(t, ours, "sh", "-c", "find . -type f -not -path './.kua-mirror/*' -print0 | xargs -0 sha256sum >/dev/null")
	verified, rss := run(t, "", kua, "mirror", "verify", ours)
	line("mirror verify / sha256sum of the same files", fmt.Sprintf("%.2f (%.1f s, %.1f s)", ratio(verified, summed), verified.Seconds(), summed.Seconds()), "≤ 1.3")
	line("… memory", mib(rss), "flat")
}

// freePort gives an address on which nothing listens.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// background runs a command until the test ends, and waits until it listens.
func background(t *testing.T, addr, name string, args ...string) {
	t.Helper()
	p := exec.Command(name, args...)
	p.Stderr = os.Stderr
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Process.Kill(); p.Wait() })
	for range 200 {
		if c, err := net.Dial("tcp", addr); err == nil {
			c.Close()
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatalf("%s does not answer at %s", name, addr)
}

func serveMirror(t *testing.T, dir string) (url string) {
	t.Helper()
	addr := freePort(t)
	background(t, addr, kua, "mirror", "serve", dir, "--addr", addr)
	return "http://" + addr
}

func rsyncDaemon(t *testing.T, dir string) (url string) {
	t.Helper()
	addr := freePort(t)
	_, port, _ := net.SplitHostPort(addr)
	config := filepath.Join(t.TempDir(), "rsyncd.conf")
	text := fmt.Sprintf("use chroot = no\naddress = 127.0.0.1\nport = %s\n[edition]\npath = %s\nread only = yes\nexclude = .kua-mirror\n", port, dir)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	background(t, addr, "rsync", "--daemon", "--no-detach", "--config", config)
	return "rsync://" + addr + "/edition/"
}
