package media

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"kua/internal/fault"
)

// boxed runs a command inside a box, confined as a tool is, with the output
// directory out, and gives what it said.
func boxed(t *testing.T, out string, command ...string) (string, error) {
	t.Helper()
	m := runner(t)
	cmd, err := m.command(context.Background(), visit{args: append([]string{"inside"}, command...), out: out})
	if err != nil {
		t.Fatal(err)
	}
	said, err := cmd.CombinedOutput()
	return string(said), err
}

// TestBoxShutsOut shows that what runs in the box reaches nothing of the
// machine: no network, no files, no processes, no privilege.
func TestBoxShutsOut(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	reached := make(chan struct{}, 1)
	go func() {
		if c, err := l.Accept(); err == nil {
			c.Close()
			reached <- struct{}{}
		}
	}()
	port := l.Addr().(*net.TCPAddr).Port
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("secret"), 0o644); err != nil {
		t.Fatal(err)
	}
	out := t.TempDir()
	for _, tt := range []struct {
		name    string
		command []string
	}{
		{"the host's loopback", []string{"/usr/bin/bash", "-c", fmt.Sprintf("exec 3<>/dev/tcp/127.0.0.1/%d", port)}},
		{"another host", []string{"/usr/bin/bash", "-c", "exec 3<>/dev/tcp/192.0.2.1/80"}},
		{"the list of users", []string{"/usr/bin/cat", "/etc/passwd"}},
		{"a file of the host", []string{"/usr/bin/cat", secret}},
		{"home", []string{"/usr/bin/ls", "/root", "/home"}},
		{"write to the system", []string{"/usr/bin/touch", "/usr/x"}},
		{"write to the root", []string{"/usr/bin/touch", "/x"}},
		{"write to memory", []string{"/usr/bin/touch", "/dev/shm/x"}},
		{"write to the program", []string{"/usr/bin/bash", "-c", "echo x >> /kua"}},
		{"the stage that started it", []string{"/usr/bin/bash", "-c", "cat /proc/$PPID/environ /proc/$PPID/mem"}},
		{"new namespaces", []string{"/usr/bin/unshare", "--user", "--map-root-user", "/usr/bin/true"}},
		{"mount", []string{"/usr/bin/mount", "-t", "tmpfs", "none", "/tmp"}},
		{"more than its memory", []string{"/usr/bin/bash", "-c", "ulimit -v unlimited"}},
		{"a larger file", []string{"/usr/bin/bash", "-c", "ulimit -f unlimited"}},
	} {
		if said, err := boxed(t, out, tt.command...); err == nil {
			t.Errorf("%s: reached from inside the box: %s", tt.name, said)
		}
	}
	select {
	case <-reached:
		t.Error("a connection from inside the box arrived outside")
	default:
	}

	if said, err := boxed(t, out, "/usr/bin/touch", "/out/file"); err != nil {
		t.Errorf("write to the output directory: %v: %s", err, said)
	}
	if _, err := os.Stat(filepath.Join(out, "file")); err != nil {
		t.Errorf("the output directory: %v", err)
	}
	said, err := boxed(t, out, "/usr/bin/bash", "-c", "ls /proc | grep -c '^[0-9]'; hostname; env | sort | cut -d= -f1 | tr '\\n' ' '")
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(said), "\n")
	if len(lines) != 3 || lines[0] > "9" || lines[1] != "box" {
		t.Errorf("seen in the box: %q, want fewer than ten processes and a host called box", lines)
	}
	if strings.Contains(said, "USER") || strings.Contains(said, "SSH") {
		t.Errorf("environment in the box: %q", said)
	}
}

// TestForkBomb: a program that only makes more of itself comes to an end of it,
// goes with its box, and the next box works. Where root runs it the kernel lets it
// fork on until the box is counted, so it waits for that.
func TestForkBomb(t *testing.T) {
	const bomb = `for my $n (0..700) { my $p = fork; if (!defined $p) { print "stopped at $n\n"; exit 7 } if (!$p) { sleep 300; exit } } sleep 30; print "never stopped\n"`
	said, err := boxed(t, t.TempDir(), "/usr/bin/perl", "-e", bomb)
	if err == nil || strings.Contains(said, "never") {
		t.Errorf("said %q, %v; want the box to end", said, err)
	}
	if said, err := boxed(t, t.TempDir(), "/usr/bin/echo", "alive"); err != nil || said != "alive\n" {
		t.Errorf("the next box: %q, %v", said, err)
	}
}

// TestNoBoxNoWork shows that without the tools nothing is opened.
func TestNoBoxNoWork(t *testing.T) {
	file := sample(t, "a.mp4", "-f", "lavfi", "-i", "testsrc2=s=64x64:d=0.2")
	m := runner(t)
	bin := t.TempDir()
	ffmpeg, err := exec.LookPath("ffmpeg")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"ffmpeg", "ffprobe"} {
		if err := os.Symlink(ffmpeg, filepath.Join(bin, name)); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", bin) // no bwrap
	in := input(t, file)
	_, err = m.Probe(context.Background(), in)
	wantFault(t, err, "media.missing")
	if f, ok := fault.Of(err); !ok || f.Kind != fault.KindMissing || f.Args[1] != "bubblewrap" {
		t.Errorf("got %v, want a fault that names the package", err)
	}
	t.Setenv("PATH", t.TempDir())
	wantFault(t, Check(), "media.missing")
}

// slowInput hangs after a while, as a disk on the network can.
type slowInput struct {
	Input
	free int
	gate chan struct{}
}

func (s *slowInput) ReadAt(p []byte, off int64) (int, error) {
	if s.free--; s.free < 0 {
		<-s.gate
	}
	return s.Input.ReadAt(p, off)
}

// TestCancelEmptiesTheBox cancels in the middle and looks that nothing is left.
func TestCancelEmptiesTheBox(t *testing.T) {
	file := sample(t, "a.mp4", "-f", "lavfi", "-i", "testsrc2=s=640x480:d=60:r=30", "-preset", "ultrafast")
	ctx, cancel := context.WithCancel(context.Background())
	out := t.TempDir()
	_, err := runner(t).Film(ctx, input(t, file), Plan{}, out, func(done, total time.Duration) {
		if done > time.Second {
			cancel()
		}
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want canceled", err)
	}
	if left, _ := os.ReadDir(out); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
	if left := descendants(t); len(left) != 0 {
		t.Errorf("still running: %v", left)
	}
}

// descendants lists this process's children, by the kernel's account, after
// giving the dying a moment.
func descendants(t *testing.T) (left []string) {
	t.Helper()
	for range 50 {
		if left = childrenOf(os.Getpid()); len(left) == 0 {
			return nil
		}
		time.Sleep(20 * time.Millisecond) // the kernel's processes cannot be waited for otherwise
	}
	return left
}

// TestKilledDeskLeavesNoBox kills the program that built a box and looks that
// the box is gone with it.
func TestKilledDeskLeavesNoBox(t *testing.T) {
	file := sample(t, "a.mp4", "-f", "lavfi", "-i", "testsrc2=s=640x480:d=20:r=30,noise=alls=30:allf=t", "-preset", "ultrafast")
	out := filepath.Join(t.TempDir(), "out-of-a-killed-desk")
	if err := os.Mkdir(out, 0o700); err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	desk := exec.Command(self, "hang", file, out)
	said, err := desk.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := desk.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := said.Read(make([]byte, 8)); err != nil {
		t.Fatal(err)
	}
	// Not while bubblewrap sets a box up: its first process then waits for its parent, and
	// for ever if that is killed. It has nothing yet.
	var inside []string
	wait(t, func() bool {
		inside = below(desk.Process.Pid)
		for _, pid := range inside {
			id, _ := strconv.Atoi(pid)
			if b, _ := os.ReadFile("/proc/" + pid + "/cmdline"); bytes.Contains(b, []byte("bwrap")) && len(childrenOf(id)) == 0 {
				return false
			}
		}
		return len(inside) >= 3 // bubblewrap, its first process, the stage
	})
	if err := desk.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = desk.Wait()
	wait(t, func() bool {
		for _, pid := range inside {
			b, err := os.ReadFile("/proc/" + pid + "/cmdline")
			if err == nil && (bytes.Contains(b, []byte("bwrap")) || bytes.Contains(b, []byte("/kua")) || bytes.Contains(b, []byte("ffmpeg"))) {
				return false
			}
		}
		return true
	})
}

func childrenOf(pid int) (pids []string) {
	tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	for _, f := range tasks {
		b, _ := os.ReadFile(f)
		pids = append(pids, strings.Fields(string(b))...)
	}
	return pids
}

// below lists everything that descends from a process.
func below(pid int) (pids []string) {
	for _, child := range childrenOf(pid) {
		pids = append(pids, child)
		if id, err := strconv.Atoi(child); err == nil {
			pids = append(pids, below(id)...)
		}
	}
	return pids
}

// wait looks until something holds that only the kernel can tell.
func wait(t *testing.T, holds func() bool) {
	t.Helper()
	for range 500 {
		if holds() {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Fatal("waited for nothing")
}

// hollow is a film with gigabytes of nothing before its index.
type hollow struct {
	film []byte
	at   int64 // where the hole begins
	hole int64
	head []byte // of the box that is the hole
	read int64
}

func (h *hollow) Size() int64 { return int64(len(h.film)) + h.hole }

func (h *hollow) ReadAt(p []byte, off int64) (n int, err error) {
	for ; n < len(p) && off < h.Size(); n, off = n+1, off+1 {
		switch {
		case off < h.at:
			p[n] = h.film[off]
		case off < h.at+int64(len(h.head)):
			p[n] = h.head[off-h.at]
		case off < h.at+h.hole:
			p[n] = 0
		default:
			p[n] = h.film[off-h.hole]
		}
	}
	h.read += int64(n)
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// TestLargeFilm renders a film of 5 GiB whose index lies at its end, as phones
// write them, and counts what was read: seeking must not mean reading through.
func TestLargeFilm(t *testing.T) {
	film, err := os.ReadFile(sample(t, "a.mp4", "-f", "lavfi", "-i", "testsrc2=s=320x240:r=25:d=2", "-f", "lavfi", "-i", "sine=d=2", "-preset", "ultrafast"))
	if err != nil {
		t.Fatal(err)
	}
	const hole = 5 << 30
	head := append([]byte("\x00\x00\x00\x01free"), binary.BigEndian.AppendUint64(nil, hole)...)
	in := &hollow{film: film, at: int64(bytes.Index(film, []byte("moov")) - 4), hole: hole, head: head}
	made, err := runner(t).Film(context.Background(), in, Plan{}, t.TempDir(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if r := byRung(made)["240p"]; r.Seconds != 2 || r.Short {
		t.Errorf("made %+v", r)
	}
	if in.read > 40<<20 {
		t.Errorf("read %d MiB of a film of %d bytes", in.read>>20, len(film))
	}
	t.Logf("read %d kB in all", in.read>>10)
}

// TestStallAndWall shows that a box that stands still or takes too long is torn down.
func TestStallAndWall(t *testing.T) {
	file := sample(t, "a.mp4", "-f", "lavfi", "-i", "testsrc2=s=320x240:d=2", "-preset", "ultrafast")
	for _, tt := range []struct {
		limits Limits
		want   string
	}{
		{Limits{Stall: 300 * time.Millisecond}, "media.stalled"},
		{Limits{Wall: 300 * time.Millisecond}, "media.too_slow"},
	} {
		m := runner(t)
		m.Limits = tt.limits
		gate := make(chan struct{})
		time.AfterFunc(2*time.Second, func() { close(gate) })
		_, err := m.Probe(context.Background(), &slowInput{Input: input(t, file), free: 1, gate: gate})
		wantFault(t, err, tt.want)
	}
}

// TestInputFails shows that a broken parcel is told from a broken film.
func TestInputFails(t *testing.T) {
	file := sample(t, "a.mp4", "-f", "lavfi", "-i", "testsrc2=s=320x240:d=2", "-preset", "ultrafast")
	broken := fault.Corrupt("parcel.truncated")
	_, err := runner(t).Probe(context.Background(), failingInput{input(t, file), broken})
	if !errors.Is(err, broken) {
		t.Errorf("got %v, want the input's own fault", err)
	}
}

type failingInput struct {
	Input
	err error
}

func (f failingInput) ReadAt(p []byte, off int64) (int, error) {
	if off > 0 || len(p) > sniffBytes {
		return 0, f.err
	}
	return f.Input.ReadAt(p, off)
}

// TestOutputIsCapped shows that a box cannot fill the disk.
func TestOutputIsCapped(t *testing.T) {
	file := sample(t, "a.mp4", "-f", "lavfi", "-i", "testsrc2=s=320x240:d=3", "-preset", "ultrafast")
	m := runner(t)
	m.Limits.OutputBytes = 20_000
	_, err := m.Film(context.Background(), input(t, file), Plan{}, t.TempDir(), nil)
	wantFault(t, err, "media.output")
}

// TestTakeDistrusts gives the desk's side a directory as a box that was taken
// over could leave it.
func TestTakeDistrusts(t *testing.T) {
	out := t.TempDir()
	for name, all := range map[string][]made{
		"a name of its own": {{Rung: "../../etc/cron.d/x"}},
		"a link":            {{Rung: "240p"}},
		"nothing there":     {{Rung: "144p"}},
		"an empty file":     {{Rung: "360p"}},
		"absurd size":       {{Rung: "480p", Width: 1 << 30}},
	} {
		dir := t.TempDir()
		if err := os.Symlink("/etc/passwd", filepath.Join(dir, "240p.mp4")); err != nil {
			t.Fatal(err)
		}
		for file, text := range map[string]string{"360p.mp4": "", "480p.mp4": "x"} {
			if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := take(all, dir, out); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
	if left, _ := os.ReadDir(out); len(left) != 0 {
		t.Errorf("taken out of a box: %v", left)
	}
}

// TestListenDistrusts feeds the desk's side what a box could say.
func TestListenDistrusts(t *testing.T) {
	said := strings.Join([]string{
		`no json`, `{}`, `{"Done":9,"Total":5}`, `{"Done":2,"Total":5}`, `{"Done":1,"Total":5}`,
		`{"Fault":{"Kind":99,"Key":"<script>","Args":["Ivan"]}}`,
	}, "\n")
	var got []time.Duration
	_, err := listen(strings.NewReader(said), func() {}, func(done, _ time.Duration) { got = append(got, done) })
	if len(got) != 1 || got[0] != 2 {
		t.Errorf("progress %v, want only 2", got)
	}
	wantFault(t, err, "media.box_died")
	if strings.Contains(err.Error(), "Ivan") || strings.Contains(err.Error(), "script") {
		t.Errorf("words out of the box: %v", err)
	}
	if _, err := listen(io.MultiReader(strings.NewReader("x"), bytes.NewReader(make([]byte, 2*maxLine))), func() {}, nil); err != nil {
		t.Errorf("an endless line: %v", err)
	}
}

// TestServeReadsDistrusts asks for what is not there.
func TestServeReadsDistrusts(t *testing.T) {
	ours, theirs := net.Pipe()
	served := make(chan error, 1)
	go func() { served <- serveReads(ours, strings.NewReader("abc")); ours.Close() }()
	ask := []byte{0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1} // a negative offset
	if _, err := theirs.Write(ask); err != nil {
		t.Fatal(err)
	}
	if n, err := theirs.Read(make([]byte, 8)); err == nil {
		t.Errorf("answered %d bytes", n)
	}
	if err := <-served; err != nil {
		t.Errorf("got %v, want nothing: the box's nonsense is not the input's fault", err)
	}
}

// TestRemoteReads compares random reads through the box's end with the bytes.
func TestRemoteReads(t *testing.T) {
	data := make([]byte, 3*blockBytes+777)
	for i := range data {
		data[i] = byte(i * 7 >> 3)
	}
	ours, theirs := net.Pipe()
	defer theirs.Close()
	go func() { _ = serveReads(ours, bytes.NewReader(data)) }()
	r := newRemote(theirs, int64(len(data)))
	for _, at := range []struct{ off, n int }{
		{0, 10}, {blockBytes - 3, 9}, {0, len(data)}, {len(data) - 5, 5}, {len(data) - 5, 50}, {len(data), 1}, {2*blockBytes - 1, blockBytes + 2},
	} {
		got := make([]byte, at.n)
		n, err := r.ReadAt(got, int64(at.off))
		want := data[at.off:min(len(data), at.off+at.n)]
		if !bytes.Equal(got[:n], want) || (n < at.n) != errors.Is(err, io.EOF) {
			t.Errorf("read %d at %d: %d bytes, %v", at.n, at.off, n, err)
		}
	}
}

// A node that a unit of systemd lets answer at port 443 has that privilege, and its
// box works all the same.
func TestBoxUnderAUnit(t *testing.T) {
	cmd := exec.Command("/proc/self/exe", "check")
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 1000, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 1000, HostID: os.Getgid(), Size: 1}},
		AmbientCaps: []uintptr{unix.CAP_NET_BIND_SERVICE},
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
	unit, err := os.ReadFile("../../docs/kua-node.service")
	if err != nil {
		t.Fatal(err)
	}
	// Bubblewrap makes a loopback device and a /proc of the box's own.
	if !regexp.MustCompile(`(?m)^RestrictAddressFamilies=.*\bAF_NETLINK\b`).Match(unit) || regexp.MustCompile(`(?m)^(ProtectKernelTunables|RestrictNamespaces)=`).Match(unit) {
		t.Error("the unit leaves bubblewrap no loopback device, or no /proc")
	}
}
