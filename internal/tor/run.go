package tor

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"kua/internal/fault"
)

// run starts tor once and waits until it ends. Tor is ended with us in three
// ways: ctx ends it; it goes when the control connection closes, at once; and it
// looks now and then whether our process still lives.
func (t *Tor) run(ctx context.Context) error {
	for _, left := range []string{t.Socket("control"), t.path("socks")} {
		if err := os.Remove(left); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	c := exec.CommandContext(ctx, t.program, t.arguments()...)
	c.Cancel = func() error { return c.Process.Signal(syscall.SIGTERM) }
	c.WaitDelay = 10 * time.Second
	said := new(tail)
	c.Stdout, c.Stderr = said, said
	if err := c.Start(); err != nil {
		return fmt.Errorf("start tor: %w", err)
	}
	watched := make(chan error, 1)
	go func() { watched <- t.watch(ctx) }()
	ended := make(chan error, 1)
	go func() { ended <- c.Wait() }()
	select {
	case err := <-ended:
		cancel()
		<-watched
		return fault.Later("tor.ended", lastLine(said.bytes())).Because(err)
	case err := <-watched: // it lives, and we know nothing of it: begin again
		cancel()
		<-ended
		return err
	}
}

// watch holds the control connection until ctx or tor ends.
func (t *Tor) watch(ctx context.Context) error {
	c, err := t.dial(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	defer context.AfterFunc(ctx, func() { _ = c.Close() })()
	lines := bufio.NewReaderSize(c, 64<<10)
	for _, command := range []string{"AUTHENTICATE", "TAKEOWNERSHIP", "SETEVENTS STATUS_CLIENT HS_DESC", "GETINFO status/bootstrap-phase"} {
		if _, err := io.WriteString(c, command+"\r\n"); err != nil {
			return fmt.Errorf("speak to tor: %w", err)
		}
	}
	begun := time.Now()
	for {
		line, err := lines.ReadSlice('\n')
		if err != nil {
			return fmt.Errorf("hear tor: %w", err)
		}
		if err := t.hear(strings.TrimRight(string(line), "\r\n"), begun); err != nil {
			return err
		}
	}
}

// dial waits for the control socket to appear.
func (t *Tor) dial(ctx context.Context) (net.Conn, error) {
	for {
		c, err := (&net.Dialer{}).DialContext(ctx, "unix", t.Socket("control"))
		if err == nil {
			return c, nil
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// hear takes one line of the control connection (Tor's control-spec).
func (t *Tor) hear(line string, begun time.Time) error {
	switch e := read(line); e.kind {
	case refused:
		return fault.Later("tor.control", e.words)
	case bootstrap:
		t.note(func() { t.percent = max(t.percent, e.percent) })
		if t.cfg.Progress != nil {
			t.cfg.Progress(Progress{Percent: e.percent, Left: left(e.percent, time.Since(begun)), Doing: e.words})
		}
	case uploaded:
		t.note(func() { t.announced[e.words] = true })
	case other:
		t.note(func() {}) // the files of a service may be there now
	}
	return nil
}

// left estimates what remains of a start that came so far in this time.
func left(percent int, took time.Duration) time.Duration {
	if percent <= 0 || percent >= 100 {
		return 0
	}
	return (took * time.Duration(100-percent) / time.Duration(percent)).Round(time.Second)
}

// What a line of the control connection says.
const (
	other = iota
	refused
	bootstrap
	uploaded
)

type event struct {
	kind    int
	percent int
	words   string // a summary, or a host
}

// read understands the few lines that matter and takes the rest for other.
func read(line string) event {
	if len(line) > 3 && (line[0] == '4' || line[0] == '5') {
		return event{kind: refused, words: line[4:min(len(line), 200)]}
	}
	if _, rest, ok := strings.Cut(line, " BOOTSTRAP "); ok {
		percent, err := strconv.Atoi(value(rest, "PROGRESS="))
		if err != nil || percent < 0 || percent > 100 {
			return event{}
		}
		return event{kind: bootstrap, percent: percent, words: value(rest, "SUMMARY=")}
	}
	if rest, ok := strings.CutPrefix(line, "650 HS_DESC UPLOADED "); ok {
		host, _, _ := strings.Cut(rest, " ")
		return event{kind: uploaded, words: host + ".onion"}
	}
	return event{}
}

// value gives what follows name in a line of NAME=word NAME="some words".
func value(line, name string) string {
	_, rest, ok := strings.Cut(line, name)
	if !ok {
		return ""
	}
	if quoted, ok := strings.CutPrefix(rest, `"`); ok {
		words, _, _ := strings.Cut(quoted, `"`)
		return words
	}
	word, _, _ := strings.Cut(rest, " ")
	return word
}

// tail keeps the end of what tor says.
type tail struct {
	mu   sync.Mutex
	text []byte
}

// Write implements io.Writer.
func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, b...)
	if over := len(t.text) - 8<<10; over > 0 {
		t.text = append(t.text[:0], t.text[over:]...)
	}
	return len(b), nil
}

func (t *tail) bytes() []byte {
	t.mu.Lock()
	defer t.mu.Unlock()
	return append([]byte(nil), t.text...)
}
