// Package sftp is a host that a mirror is pushed to by SFTP (the SSH file
// transfer protocol, version 3), as nearly every cheap host offers it. It is the
// only door to that; cmd/kua uses it.
package sftp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	client "github.com/pkg/sftp"
	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
	"golang.org/x/crypto/ssh/knownhosts"

	"kua/internal/fault"
)

const dialTime = time.Minute

// Config says which host, and who calls.
type Config struct {
	URL        string // sftp://user@host[:port]/folder
	KeyFile    string // private key; "" for the agent or a password
	Passphrase string // of the key
	Password   string
	Agent      string // socket of an SSH agent, "" for none
	KnownHosts string // file in the form of OpenSSH
	TrustNew   bool   // enter the key of a host that is not in it; a changed key is always refused
}

// Host is a folder on such a host. Close it when done.
type Host struct {
	where string
	root  string
	ssh   *ssh.Client
	files *client.Client
	next  atomic.Int64
	mu    sync.Mutex
	made  map[string]bool
}

// Open signs in. The faults are mirror.target, mirror.ssh_key,
// mirror.ssh_new_host, mirror.ssh_changed_host and mirror.ssh_refused.
func Open(ctx context.Context, cfg Config) (*Host, error) {
	u, err := url.Parse(cfg.URL)
	if err != nil || u.Scheme != "sftp" || u.Host == "" || u.User == nil || u.User.Username() == "" {
		return nil, fault.Invalid("mirror.target", cfg.URL)
	}
	if _, has := u.User.Password(); has {
		return nil, fault.Invalid("mirror.target", u.Redacted())
	}
	auth, closeAuth, err := cfg.auth()
	if err != nil {
		return nil, err
	}
	defer closeAuth()
	addr := u.Host
	if u.Port() == "" {
		addr = net.JoinHostPort(u.Hostname(), "22")
	}
	known, err := cfg.known()
	if err != nil {
		return nil, err
	}
	conn, err := (&net.Dialer{Timeout: dialTime}).DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("reach %s: %w", addr, err)
	}
	if err := conn.SetDeadline(time.Now().Add(dialTime)); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	c, channels, requests, err := ssh.NewClientConn(conn, addr, &ssh.ClientConfig{User: u.User.Username(), Auth: auth, HostKeyCallback: known})
	if err != nil {
		return nil, errors.Join(refused(u, err), conn.Close())
	}
	if err := conn.SetDeadline(time.Time{}); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	h := &Host{where: u.Redacted(), root: path.Clean("/" + strings.TrimPrefix(u.Path, "/")), ssh: ssh.NewClient(c, channels, requests), made: make(map[string]bool)}
	if strings.HasPrefix(u.Path, "/~/") {
		h.root = strings.TrimPrefix(u.Path, "/~/")
	}
	if h.files, err = client.NewClient(h.ssh); err != nil {
		return nil, errors.Join(fault.Forbidden("mirror.ssh_refused", u.Host).Because(err), h.ssh.Close())
	}
	return h, nil
}

func refused(u *url.URL, err error) error {
	if _, ok := fault.Of(err); ok {
		return err
	}
	return fault.Forbidden("mirror.ssh_refused", u.Host).Because(err)
}

func (cfg Config) auth() (methods []ssh.AuthMethod, done func(), err error) {
	done = func() {}
	if cfg.KeyFile != "" {
		b, err := os.ReadFile(cfg.KeyFile)
		if err != nil {
			return nil, done, fault.Invalid("mirror.ssh_key", cfg.KeyFile).Because(err)
		}
		key, err := ssh.ParsePrivateKey(b)
		if errors.As(err, new(*ssh.PassphraseMissingError)) {
			key, err = ssh.ParsePrivateKeyWithPassphrase(b, []byte(cfg.Passphrase))
		}
		if err != nil {
			return nil, done, fault.Invalid("mirror.ssh_key", cfg.KeyFile).Because(err)
		}
		methods = append(methods, ssh.PublicKeys(key))
	}
	if cfg.Agent != "" && cfg.KeyFile == "" {
		if conn, err := net.Dial("unix", cfg.Agent); err == nil {
			done = func() { _ = conn.Close() }
			methods = append(methods, ssh.PublicKeysCallback(agent.NewClient(conn).Signers))
		}
	}
	if cfg.Password != "" {
		methods = append(methods, ssh.Password(cfg.Password))
	}
	if len(methods) == 0 {
		return nil, done, fault.Invalid("mirror.ssh_key", cfg.KeyFile)
	}
	return methods, done, nil
}

// known checks a host's key against the file. A key that changed is refused
// whatever was asked for.
func (cfg Config) known() (ssh.HostKeyCallback, error) {
	if _, err := os.Stat(cfg.KnownHosts); errors.Is(err, fs.ErrNotExist) {
		if err := os.MkdirAll(filepath.Dir(cfg.KnownHosts), 0o700); err != nil {
			return nil, err
		}
		if err := os.WriteFile(cfg.KnownHosts, nil, 0o600); err != nil {
			return nil, err
		}
	}
	check, err := knownhosts.New(cfg.KnownHosts)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", cfg.KnownHosts, err)
	}
	return func(name string, remote net.Addr, key ssh.PublicKey) error {
		err := check(name, remote, key)
		var unknown *knownhosts.KeyError
		if !errors.As(err, &unknown) {
			return err
		}
		if len(unknown.Want) > 0 {
			return fault.Forbidden("mirror.ssh_changed_host", name, ssh.FingerprintSHA256(key))
		}
		if !cfg.TrustNew {
			return fault.Forbidden("mirror.ssh_new_host", name, ssh.FingerprintSHA256(key))
		}
		f, err := os.OpenFile(cfg.KnownHosts, os.O_APPEND|os.O_WRONLY, 0o600)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintln(f, knownhosts.Line([]string{knownhosts.Normalize(name)}, key))
		return errors.Join(err, f.Close())
	}, nil
}

// String is the folder's address.
func (h *Host) String() string { return h.where }

// Close signs off.
func (h *Host) Close() error { return errors.Join(h.files.Close(), h.ssh.Close()) }

func (h *Host) name(p string) string { return path.Join(h.root, p) }

// Open gives the bytes of a file from an offset on, and the offset. For a file
// that is not there errors.Is(err, fs.ErrNotExist) holds.
func (h *Host) Open(_ context.Context, p string, from int64) (io.ReadCloser, int64, error) {
	f, err := h.files.Open(h.name(p))
	if err != nil {
		return nil, 0, fmt.Errorf("open %s: %w", p, err)
	}
	if _, err := f.Seek(from, io.SeekStart); err != nil {
		return nil, 0, errors.Join(err, f.Close())
	}
	return f, from, nil
}

// Put writes beside the file and renames, over one that may be there.
func (h *Host) Put(_ context.Context, p string, r io.Reader, _ int64, _ string) error {
	dir := path.Dir(h.name(p))
	h.mu.Lock()
	made := h.made[dir]
	h.mu.Unlock()
	if !made {
		if err := h.files.MkdirAll(dir); err != nil {
			return fmt.Errorf("make %s: %w", dir, err)
		}
		h.mu.Lock()
		h.made[dir] = true
		h.mu.Unlock()
	}
	temporary := path.Join(dir, fmt.Sprintf(".new-%d", h.next.Add(1)))
	f, err := h.files.Create(temporary)
	if err != nil {
		return fmt.Errorf("write %s: %w", p, err)
	}
	_, err = io.Copy(f, r)
	err = errors.Join(err, f.Close())
	if err == nil {
		err = h.rename(temporary, h.name(p))
	}
	if err != nil {
		_ = h.files.Remove(temporary)
		return fmt.Errorf("write %s: %w", p, err)
	}
	return nil
}

// rename replaces in one step where the host can (an extension of OpenSSH that
// most have), else in two.
func (h *Host) rename(from, to string) error {
	if _, can := h.files.HasExtension("posix-rename@openssh.com"); can {
		return h.files.PosixRename(from, to)
	}
	if err := h.files.Remove(to); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return h.files.Rename(from, to)
}

// List gives every file with its length; of a folder that is not there, none.
func (h *Host) List(_ context.Context, yield func(p string, size int64) error) error {
	if _, err := h.files.Stat(h.root); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for w := h.files.Walk(h.root); w.Step(); {
		if err := w.Err(); err != nil {
			return fmt.Errorf("list the files: %w", err)
		}
		if info := w.Stat(); info.Mode().IsRegular() {
			if err := yield(strings.TrimPrefix(strings.TrimPrefix(w.Path(), h.root), "/"), info.Size()); err != nil {
				return err
			}
		}
	}
	return nil
}

// Remove takes a file away; that it is not there is no error.
func (h *Host) Remove(_ context.Context, p string) error {
	if err := h.files.Remove(h.name(p)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove %s: %w", p, err)
	}
	return nil
}
