package tor

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"

	"kua/internal/durable"
	"kua/internal/fault"
)

// torrc is tor's configuration. Nothing of the machine's own /etc/tor is read,
// nothing is relayed, and Tor masks addresses in what it says (SafeLogging).
func (t *Tor) torrc() string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("# Written by kua at every start; changes are lost.")
	line(`DataDirectory "%s"`, t.path("data"))
	line(`ControlSocket "%s"`, t.Socket("control"))
	line("__OwningControllerProcess %d", os.Getpid())
	line("Log notice stdout")
	line("SafeLogging 1")
	line("RunAsDaemon 0")
	line("ClientOnly 1")
	line("AvoidDiskWrites 1")
	line("ShutdownWaitLength 0")
	if t.cfg.Socks {
		line(`SocksPort unix:"%s"`, t.path("socks"))
		line("SafeSocks 1") // an address instead of a name was looked up elsewhere
		line(`ClientOnionAuthDir "%s"`, t.path("keys"))
	} else {
		line("SocksPort 0")
	}
	for _, s := range t.cfg.Services {
		line(`HiddenServiceDir "%s"`, t.path(s.Name))
		line("HiddenServiceVersion 3")
		line(`HiddenServicePort 80 unix:"%s"`, t.Socket(s.Name))
		if s.Open { // floods come through Tor as well, and have no address that could be kept out
			line("HiddenServiceEnableIntroDoSDefense 1")
		}
	}
	for _, l := range t.cfg.Lines {
		line("%s", l)
	}
	return b.String()
}

// write writes the configuration, and an empty one to stand in for the machine's.
func (t *Tor) write() error {
	for _, l := range t.cfg.Lines {
		if strings.ContainsAny(l, "\r\n\x00") {
			return fault.Invalid("tor.line", strings.TrimSpace(l))
		}
	}
	return errors.Join(durable.WriteFile(t.path("torrc"), []byte(t.torrc()), 0o600), durable.WriteFile(t.path("defaults"), nil, 0o600))
}

func (t *Tor) arguments(more ...string) []string {
	return append([]string{"--defaults-torrc", t.path("defaults"), "-f", t.path("torrc")}, more...)
}

// verify asks tor whether it takes its configuration.
func (t *Tor) verify(ctx context.Context) error {
	out, err := exec.CommandContext(ctx, t.program, t.arguments("--verify-config", "--hush")...).CombinedOutput()
	if err == nil || ctx.Err() != nil {
		return ctx.Err()
	}
	return fault.Invalid("tor.refused", lastLine(out)).Because(err)
}

// programs is where tor may be: Debian keeps it in sbin, which not everybody's PATH names.
var programs = []string{"tor", "/usr/sbin/tor"}

// find gives the first of these programs that is there.
func find(names ...string) (string, error) {
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", fault.Missing("tor.not_installed")
}

// lastLine is the last warning of tor's words, or their last line, without the time.
func lastLine(out []byte) string {
	var last string
	for line := range bytes.Lines(bytes.TrimSpace(out)) {
		if text := strings.TrimSpace(string(line)); bytes.Contains(line, []byte("[warn]")) || bytes.Contains(line, []byte("[err]")) || !strings.Contains(last, "[") {
			last = text
		}
	}
	if _, words, ok := strings.Cut(last, "] "); ok {
		last = words
	}
	return last[:min(len(last), 300)]
}
