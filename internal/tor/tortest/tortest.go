// Package tortest runs a private Tor network on loopback for tests: directory
// authorities and relays of the real program, which know nobody outside.
package tortest

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// Network is a private Tor network. It says nothing to anybody but itself.
type Network struct {
	dir     string
	tor     string
	lines   []string // that every member needs
	members []*exec.Cmd
}

const (
	authorities = 1
	relays      = 4
)

// Start starts a network in an empty folder and waits until it agrees on who
// belongs to it. Stop it afterwards, also when an error is given.
func Start(dir string) (*Network, error) {
	n := &Network{dir: dir}
	for _, name := range []string{"tor", "/usr/sbin/tor"} {
		if path, err := exec.LookPath(name); err == nil {
			n.tor = path
			break
		}
	}
	if n.tor == "" {
		return n, fmt.Errorf("tor is not installed: tools/install.sh test installs it")
	}
	ports, err := free(2*authorities + relays)
	if err != nil {
		return n, err
	}
	n.lines = []string{"TestingTorNetwork 1", "AssumeReachable 1", "PathsNeededToBuildCircuits 0.67", "UseDefaultFallbackDirs 0",
		// On a busy machine a member may be slow to answer: nobody is given up for that.
		"UseEntryGuards 0", "VanguardsLiteEnabled 0", "LearnCircuitBuildTimeout 0", "CircuitBuildTimeout 60"}
	exits := []string{"ExitRelay 0", "ExitPolicy reject *:*", "SocksPort 0"}
	for i := range authorities {
		name := fmt.Sprintf("auth%d", i)
		lines := []string{"Address 127.0.0.1", fmt.Sprintf("ORPort 127.0.0.1:%d", ports[2*i]), fmt.Sprintf("DirPort 127.0.0.1:%d", ports[2*i+1])}
		line, err := n.authority(name, lines, ports[2*i], ports[2*i+1])
		if err != nil {
			return n, err
		}
		n.lines = append(n.lines, line)
		lines = append(append(lines, exits...),
			"AuthoritativeDirectory 1", "V3AuthoritativeDirectory 1", "ContactInfo nobody", "V3AuthVotingInterval 20", "V3AuthVoteDelay 2", "V3AuthDistDelay 2",
			"V3AuthNIntervalsValid 100", "TestingV3AuthInitialVotingInterval 5", "TestingV3AuthInitialVoteDelay 2", "TestingV3AuthInitialDistDelay 2",
			"TestingDirAuthVoteExit *", "TestingDirAuthVoteHSDir *", "TestingDirAuthVoteGuard *", "TestingMinExitFlagThreshold 0", "MinUptimeHidServDirectoryV2 0")
		if err := n.run(name, append(lines, n.lines...)); err != nil {
			return n, err
		}
		if err := listens(ports[2*i+1]); err != nil { // a relay that comes too early tries again only much later
			return n, err
		}
	}
	for i := range relays {
		lines := append([]string{"Address 127.0.0.1", fmt.Sprintf("ORPort 127.0.0.1:%d", ports[2*authorities+i])}, exits...)
		if err := n.run(fmt.Sprintf("relay%d", i), append(lines, n.lines...)); err != nil {
			return n, err
		}
	}
	return n, n.agreed()
}

// Lines are what a member of the network adds to its configuration.
func (n *Network) Lines() []string { return n.lines }

// Client starts a tor such as a reader has, and gives the address of its SOCKS server.
func (n *Network) Client() (socks string, err error) {
	ports, err := free(1)
	if err != nil {
		return "", err
	}
	socks = fmt.Sprintf("127.0.0.1:%d", ports[0])
	return socks, n.run("client", append([]string{"ClientOnly 1", "SocksPort " + socks}, n.lines...))
}

// Stop ends every member.
func (n *Network) Stop() {
	for _, c := range n.members {
		_ = c.Process.Kill()
	}
	for _, c := range n.members {
		_ = c.Wait()
	}
}

// authority makes the keys of a directory authority and gives the line by which
// all others know it.
func (n *Network) authority(name string, lines []string, orPort, dirPort int) (string, error) {
	keys := filepath.Join(n.dir, name, "keys")
	if err := os.MkdirAll(keys, 0o700); err != nil {
		return "", err
	}
	gencert := exec.Command("tor-gencert", "--create-identity-key", "--passphrase-fd", "0", "-a", fmt.Sprintf("127.0.0.1:%d", dirPort), "-m", "12",
		"-i", keys+"/authority_identity_key", "-s", keys+"/authority_signing_key", "-c", keys+"/authority_certificate")
	gencert.Stdin = strings.NewReader("made up\n")
	if out, err := gencert.CombinedOutput(); err != nil {
		return "", fmt.Errorf("tor-gencert: %w\n%s", err, out)
	}
	certificate, err := os.ReadFile(keys + "/authority_certificate")
	if err != nil {
		return "", err
	}
	_, rest, _ := bytes.Cut(certificate, []byte("\nfingerprint "))
	v3, _, _ := bytes.Cut(rest, []byte("\n"))
	line := func(fingerprint string) string {
		return fmt.Sprintf("DirAuthority %s orport=%d no-v2 v3ident=%s 127.0.0.1:%d %s", name, orPort, v3, dirPort, fingerprint)
	}
	file, err := n.write(name, append(append(lines, line(strings.Repeat("0", 40))), n.lines...))
	if err != nil {
		return "", err
	}
	out, err := exec.Command(n.tor, "--defaults-torrc", file+".none", "--ignore-missing-torrc", "-f", file, "--list-fingerprint").Output()
	if err != nil {
		return "", fmt.Errorf("tor --list-fingerprint: %w\n%s", err, out)
	}
	for text := range strings.Lines(string(out)) {
		if fingerprint, ok := strings.CutPrefix(text, name+" "); ok {
			return line(strings.ReplaceAll(strings.TrimSpace(fingerprint), " ", "")), nil
		}
	}
	return "", fmt.Errorf("no fingerprint in %q", out)
}

func (n *Network) write(name string, lines []string) (string, error) {
	dir := filepath.Join(n.dir, name)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	lines = append([]string{"DataDirectory " + dir, "Nickname " + name, "RunAsDaemon 0", "ShutdownWaitLength 0", "Log notice file " + dir + "/log", "ControlPort 0"}, lines...)
	file := filepath.Join(dir, "torrc")
	return file, os.WriteFile(file, []byte(strings.Join(lines, "\n")+"\n"), 0o600)
}

func (n *Network) run(name string, lines []string) error {
	// A member that its test forgot ends with it.
	file, err := n.write(name, append(lines, fmt.Sprintf("__OwningControllerProcess %d", os.Getpid())))
	if err != nil {
		return err
	}
	c := exec.Command(n.tor, "--defaults-torrc", file+".none", "--ignore-missing-torrc", "-f", file, "--quiet")
	if err := c.Start(); err != nil {
		return err
	}
	n.members = append(n.members, c)
	return nil
}

// agreed waits for a consensus that names everybody.
func (n *Network) agreed() error {
	consensus := filepath.Join(n.dir, "auth0", "cached-microdesc-consensus")
	for end := time.Now().Add(2 * time.Minute); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		b, err := os.ReadFile(consensus)
		if err == nil && bytes.Count(b, []byte("\nr ")) == authorities+relays {
			return nil
		}
	}
	said, _ := os.ReadFile(filepath.Join(n.dir, "auth0", "log"))
	return fmt.Errorf("no consensus in two minutes; the authority says:\n%s", said[max(0, len(said)-2000):])
}

// listens waits until something listens at a port of loopback.
func listens(port int) error {
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
			return c.Close()
		}
	}
	return fmt.Errorf("nothing listens at port %d", port)
}

// free gives so many ports of loopback on which nothing listens.
func free(count int) ([]int, error) {
	var ports []int
	for range count {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer l.Close() // all at the end, so that they differ
		ports = append(ports, l.Addr().(*net.TCPAddr).Port)
	}
	return ports, nil
}
