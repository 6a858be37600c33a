package mirror_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	pkgsftp "github.com/pkg/sftp"
	"golang.org/x/crypto/ssh"

	"kua/internal/blob/s3"
	"kua/internal/blob/s3/s3test"
	"kua/internal/fault"
	"kua/internal/mirror"
	"kua/internal/mirror/sftp"
)

// TestPush brings an edition and the next one to each kind of host, cut off in
// the middle once, and pulls it from there again.
func TestPush(t *testing.T) {
	t.Parallel()
	bucket, err := s3.OpenTree(t.Context(), s3test.Bucket(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	folder, err := mirror.DirTarget(filepath.Join(t.TempDir(), "htdocs"))
	if err != nil {
		t.Fatal(err)
	}
	for name, to := range map[string]mirror.Target{"folder": folder, "s3": bucket, "sftp": sftpHost(t)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pushes(t, to)
		})
	}
}

func pushes(t *testing.T, to mirror.Target) {
	c := edition3(t)
	copied := filepath.Join(t.TempDir(), "copy")
	mustPull(t, copied, options(dir(t, c.Dir)))
	push := func(to mirror.Target) (mirror.Pushed, error) {
		m, err := mirror.Open(copied, false)
		if err != nil {
			t.Fatal(err)
		}
		defer m.Close()
		return m.Push(t.Context(), to, 4, nil)
	}
	// Cut off: there is no checkpoint yet.
	if _, err := push(&broken{to}); !errors.Is(err, errBroken) {
		t.Fatalf("%v", err)
	}
	if holds(t, to)["log/checkpoint"] {
		t.Error("a checkpoint was there before its files")
	}
	if _, err := push(to); err != nil {
		t.Fatal(err)
	}
	pulled := func() {
		at := filepath.Join(t.TempDir(), "from")
		mustPull(t, at, options(to))
		sound(t, at)
	}
	pulled()

	gone := c.Record(t, "000002").Media[0].Files[1].Path()
	c.Publish(t, c.Record(t, "000004"), c.Withdrawal(t, "000002"))
	mustPull(t, copied, options(dir(t, c.Dir)))
	if r, err := push(to); err != nil || r.Edition != 2 {
		t.Fatalf("%v %+v", err, r)
	}
	// What is there is not sent again: two signatures, the manifest and the checkpoint are.
	if r, err := push(to); err != nil || r.Files != 4 || r.Removed != 0 {
		t.Fatalf("%v %+v", err, r)
	}
	if holds(t, to)[gone] {
		t.Error("what was withdrawn is still there")
	}
	pulled()

	// A host that is ahead is not taken back.
	old := filepath.Join(t.TempDir(), "old")
	mustPull(t, old, options(dir(t, oldCopy(t))))
	m := open(t, old)
	if _, err := m.Push(t.Context(), to, 1, nil); !errors.Is(err, fault.Conflict("mirror.target_newer")) {
		t.Errorf("%v", err)
	}
}

// oldCopy is a first edition.
func oldCopy(t *testing.T) string { return edition3(t).Dir }

func holds(t testing.TB, to mirror.Target) map[string]bool {
	t.Helper()
	all := make(map[string]bool)
	if err := to.List(t.Context(), func(p string, _ int64) error { all[p] = true; return nil }); err != nil {
		t.Fatal(err)
	}
	return all
}

var errBroken = errors.New("the link broke")

// broken is a host whose link breaks when media are through.
type broken struct {
	mirror.Target
}

// Put implements mirror.Target.
func (b *broken) Put(ctx context.Context, path string, r io.Reader, size int64, kind string) error {
	if strings.HasPrefix(path, "blobs/") {
		return b.Target.Put(ctx, path, r, size, kind)
	}
	return errBroken
}

// cutAfter is a host whose link breaks once it has a file.
type cutAfter struct {
	mirror.Target
	path string
	cut  bool
}

// Put implements mirror.Target.
func (c *cutAfter) Put(ctx context.Context, path string, r io.Reader, size int64, kind string) error {
	if c.cut {
		return errBroken
	}
	if path == c.path {
		c.cut = true
	}
	return c.Target.Put(ctx, path, r, size, kind)
}

// sftpHost is an SSH server of the test's own, with the SFTP server of pkg/sftp
// over a folder.
func sftpHost(t *testing.T) *sftp.Host {
	t.Helper()
	root := t.TempDir()
	_, hostKey, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.NewSignerFromKey(hostKey)
	if err != nil {
		t.Fatal(err)
	}
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	want, err := ssh.NewPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	cfg := &ssh.ServerConfig{PublicKeyCallback: func(_ ssh.ConnMetadata, key ssh.PublicKey) (*ssh.Permissions, error) {
		if !bytes.Equal(key.Marshal(), want.Marshal()) {
			return nil, errors.New("not the key")
		}
		return nil, nil
	}}
	cfg.AddHostKey(signer)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go serveSSH(conn, cfg)
		}
	}()
	block, err := ssh.MarshalPrivateKey(private, "")
	if err != nil {
		t.Fatal(err)
	}
	home := t.TempDir()
	key := filepath.Join(home, "key")
	if err := os.WriteFile(key, pem.EncodeToMemory(block), 0o600); err != nil {
		t.Fatal(err)
	}
	at := sftp.Config{URL: "sftp://made-up@" + l.Addr().String() + root + "/htdocs", KeyFile: key, KnownHosts: filepath.Join(home, "known_hosts")}
	if _, err := sftp.Open(t.Context(), at); !errors.Is(err, fault.Forbidden("mirror.ssh_new_host")) {
		t.Errorf("a host that was never met: %v", err)
	}
	at.TrustNew = true
	h, err := sftp.Open(t.Context(), at)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.Close() })
	// From now on it is known, and another key is refused whatever is asked for.
	cfg2 := at
	cfg2.TrustNew = false
	again, err := sftp.Open(t.Context(), cfg2)
	if err != nil {
		t.Fatal(err)
	}
	again.Close()
	b, err := os.ReadFile(at.KnownHosts)
	if err != nil {
		t.Fatal(err)
	}
	fields := strings.Fields(string(b))
	other := strings.Replace(string(ssh.MarshalAuthorizedKey(want)), "\n", "", 1)
	at.KnownHosts = filepath.Join(home, "others")
	if err := os.WriteFile(at.KnownHosts, []byte(fields[0]+" "+other+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := sftp.Open(t.Context(), at); !errors.Is(err, fault.Forbidden("mirror.ssh_changed_host")) {
		t.Errorf("a changed key: %v", err)
	}
	return h
}

func serveSSH(conn net.Conn, cfg *ssh.ServerConfig) {
	_, channels, requests, err := ssh.NewServerConn(conn, cfg)
	if err != nil {
		return
	}
	go ssh.DiscardRequests(requests)
	for c := range channels {
		ch, reqs, err := c.Accept()
		if err != nil {
			return
		}
		go func() {
			for r := range reqs {
				_ = r.Reply(r.Type == "subsystem", nil)
			}
		}()
		go func() {
			defer ch.Close()
			if s, err := pkgsftp.NewServer(ch); err == nil {
				_ = s.Serve()
			}
		}()
	}
}
