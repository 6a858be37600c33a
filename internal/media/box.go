package media

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"syscall"
	"time"

	"kua/internal/fault"
	"kua/internal/gate"
)

// Defaults of Limits.
const (
	defaultMemory = 4 << 30
	defaultOutput = 2 << 30
	defaultPhoto  = 80_000_000
	defaultFrame  = 36_000_000
	defaultLength = 6 * time.Hour
	defaultStall  = 2 * time.Minute
	wallBase      = 10 * time.Minute
	wallFactor    = 20
	wallPage      = 5 * time.Second // of a document
)

func (l Limits) withDefaults() Limits {
	set(&l.MemoryBytes, defaultMemory)
	set(&l.OutputBytes, defaultOutput)
	set(&l.PhotoPixels, defaultPhoto)
	set(&l.FramePixels, defaultFrame)
	set(&l.Duration, defaultLength)
	set(&l.Stall, defaultStall)
	return l
}

func set[T int | int64 | time.Duration](v *T, to T) {
	if *v == 0 {
		*v = to
	}
}

// job is what the box is told to do, as JSON on its standard input.
type job struct {
	Do     string // "probe", "film", "photo", "clean photo", "sound", "document", "pages", "view", "speech", "likeness", "trace", "gate", "look", "review", "follow"
	Size   int64  // of the input
	Format format
	Probe  Probe
	Plan   Plan
	Seed   *Seed  `json:",omitempty"`
	Page   int    `json:",omitempty"` // of a document, for "view"
	Said   []said // what lies in the speech file, for "film" and "sound"
	Speech Speech // for "speech" alone
	Room   time.Duration
	Preset string
	Clean  *Cleaning `json:",omitempty"`
	Limits Limits

	MediaType string       `json:",omitempty"` // of what the gate is to judge
	Needles   gate.Needles `json:",omitzero"`  // what it must not hold
}

// message is one line that the box says on its standard output.
type message struct {
	Done   time.Duration   `json:",omitempty"`
	Total  time.Duration   `json:",omitempty"`
	Fault  *boxFault       `json:",omitempty"`
	Result json.RawMessage `json:",omitempty"`
}

// visit is one run of the box.
type visit struct {
	args     []string // after Self
	job      job
	in       Input
	out      string // the only directory the box can write; "" for none
	progress Progress
	wall     time.Duration
	tmp      int64 // bytes of /tmp; default tmpBytes
}

// enter builds the box, runs Self in it and returns what it answered. It comes
// back only when everything in the box is dead.
func (m *Runner) enter(ctx context.Context, v visit) (json.RawMessage, error) {
	if err := Check(); err != nil {
		return nil, err
	}
	limits := m.Limits.withDefaults()
	v.job.Limits = limits
	v.job.Size = v.in.Size()
	if limits.Wall > 0 {
		v.wall = limits.Wall
	}
	orders, err := json.Marshal(v.job)
	if err != nil {
		return nil, fmt.Errorf("write the box's orders: %w", err)
	}
	ours, theirs, err := socketPair()
	if err != nil {
		return nil, fmt.Errorf("connect to the box: %w", err)
	}
	defer ours.Close()

	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	cmd, err := m.command(ctx, v)
	if err != nil {
		theirs.Close()
		return nil, err
	}
	cmd.ExtraFiles = []*os.File{theirs} // descriptor 3 in the box
	cmd.Stdin = bytes.NewReader(orders)
	stderr := &tail{max: 4 << 10}
	cmd.Stderr = stderr
	cmd.WaitDelay = 10 * time.Second
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		theirs.Close()
		return nil, fmt.Errorf("listen to the box: %w", err)
	}

	wait, err := start(cmd)
	theirs.Close()
	if err != nil {
		return nil, fault.Missing("media.no_box").Because(err)
	}
	var readFailed error
	var reading sync.WaitGroup
	reading.Go(func() {
		if readFailed = serveReads(ours, v.in); readFailed != nil {
			cancel(readFailed)
		}
	})
	watch := newWatch(ctx, cancel, v.wall, limits, v.out)
	result, heard := listen(stdout, watch.alive, v.progress)
	waited := wait()
	watch.stop()
	ours.Close() // ends serveReads if something kept the other end
	reading.Wait()

	switch {
	case readFailed != nil:
		return nil, readFailed
	case context.Cause(ctx) != nil:
		return nil, context.Cause(ctx)
	case heard != nil:
		return nil, heard
	case result == nil:
		// No answer: the stage itself was killed or bubblewrap could not build
		// the walls. What it said may hold words out of the file and stays here.
		return nil, fault.New(fault.KindInternal, "media.box_died").Because(errors.Join(waited, stderr.reason()))
	}
	return result, nil
}

// command is bubblewrap with its walls, this program and its arguments.
func (m *Runner) command(ctx context.Context, v visit) (*exec.Cmd, error) {
	bwrap, err := exec.LookPath("bwrap")
	if err != nil {
		return nil, fault.Missing("media.missing", "bwrap", "bubblewrap").Because(err)
	}
	self, err := filepath.Abs(m.Self)
	if err != nil {
		return nil, fmt.Errorf("find this program: %w", err)
	}
	tmp := v.tmp
	if tmp == 0 {
		tmp = tmpBytes
	}
	args := append(walls(tmp), "--ro-bind", self, "/kua")
	if v.out != "" {
		args = append(args, "--bind", v.out, "/out")
	}
	if v.job.Format.Type == Document { // LibreOffice's settings and the system's fonts
		args = append(args, "--ro-bind-try", "/etc/libreoffice", "/etc/libreoffice", "--ro-bind-try", "/etc/fonts", "/etc/fonts")
	}
	args = append(args, lastWalls()...)
	args = append(args, "--", "/kua")
	cmd := exec.CommandContext(ctx, bwrap, append(args, v.args...)...)
	cmd.Env = []string{}
	return cmd, nil
}

// start starts cmd on a thread of its own and returns the function that waits
// for it. Bubblewrap asks the kernel to be killed when the thread that started
// it ends, and an ordinary thread of Go may end at any time.
func start(cmd *exec.Cmd) (wait func() error, err error) {
	started := make(chan error, 1)
	release := make(chan struct{})
	ended := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			<-release
			ended <- cmd.Wait()
		}
	}()
	if err := <-started; err != nil {
		return nil, err
	}
	return func() error { close(release); return <-ended }, nil
}

// socketPair makes two connected sockets; ours does not survive an exec.
func socketPair() (ours, theirs *os.File, err error) {
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, err
	}
	if err := syscall.SetNonblock(fds[0], true); err != nil {
		return nil, nil, err
	}
	return os.NewFile(uintptr(fds[0]), "input"), os.NewFile(uintptr(fds[1]), "input in the box"), nil
}

// maxLine bounds one line of the box, maxLines all of them: whoever took over
// the box must not fill our memory or keep us busy for ever.
const (
	maxLine  = 16 << 20 // the longest answer is a sheet of traces
	maxLines = 1 << 20
)

// listen reads the box's lines to the end. Progress only ever goes forward;
// beat hears of every sign of life.
func listen(r io.Reader, beat func(), progress Progress) (result json.RawMessage, err error) {
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 0, 4<<10), maxLine)
	var last time.Duration
	for n := 0; lines.Scan() && n < maxLines; n++ {
		var msg message
		if e := json.Unmarshal(lines.Bytes(), &msg); e != nil {
			continue // not ours; the answer decides
		}
		switch {
		case msg.Fault != nil:
			err = msg.Fault.fault()
		case msg.Result != nil:
			result = bytes.Clone(msg.Result)
		case msg.Total > 0:
			beat()
			if progress != nil && msg.Done > last && msg.Done <= msg.Total {
				last = msg.Done
				progress(msg.Done, msg.Total)
			}
		}
	}
	_, _ = io.Copy(io.Discard, r)
	return result, err
}
