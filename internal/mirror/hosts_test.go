package mirror_test

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"kua/internal/edition/editiontest"
	"kua/internal/mirror"
)

// TestDumbHosts pulls from the servers that people have, plainly and by drip.
func TestDumbHosts(t *testing.T) {
	t.Parallel()
	c := editiontest.New(t)
	c.Publish(t, c.Records(t, 1, 2)...)
	for name, command := range map[string]func(addr, port string) []string{
		"nginx":   func(addr, _ string) []string { return nginx(t, c.Dir, addr) },
		"busybox": func(addr, _ string) []string { return []string{"busybox", "httpd", "-f", "-p", addr, "-h", c.Dir} },
		"http.server": func(_, port string) []string {
			return []string{"/usr/bin/python3", "-m", "http.server", "-b", "127.0.0.1", "-d", c.Dir, port}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			addr := free(t)
			_, port, _ := net.SplitHostPort(addr)
			run(t, addr, command(addr, port)...)
			for _, drip := range []bool{false, true} {
				to := filepath.Join(t.TempDir(), "copy")
				r := mustPull(t, to, options(source(t, &mirror.Web{Drip: drip}, "http://"+addr)))
				if sound(t, to); len(r.Left) != 0 || len(r.Aside) != 0 {
					t.Errorf("drip %v: %+v", drip, r)
				}
				if ignores := name == "http.server"; drip && ignores != (len(r.NoRanges) == 1) {
					t.Errorf("ranges: %+v", r.NoRanges)
				}
			}
		})
	}
}

func nginx(t *testing.T, dir, addr string) []string {
	t.Helper()
	home := t.TempDir()
	conf := filepath.Join(home, "nginx.conf")
	text := fmt.Sprintf(`daemon off; pid %[1]s/pid; error_log stderr crit; user root;
events {}
http { access_log off; client_body_temp_path %[1]s/a; proxy_temp_path %[1]s/b; fastcgi_temp_path %[1]s/c; uwsgi_temp_path %[1]s/d; scgi_temp_path %[1]s/e;
gzip on; gzip_types *; server { listen %[2]s; root %[3]s; } }`, home, addr, dir)
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if os.Getuid() != 0 {
		if err := os.WriteFile(conf, []byte(strings.Replace(text, " user root;", "", 1)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return []string{"nginx", "-p", home, "-c", conf}
}

func free(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// run starts a server and waits until it answers.
func run(t *testing.T, addr string, command ...string) {
	t.Helper()
	var said bytes.Buffer
	c := exec.Command(command[0], command[1:]...)
	c.Env = append(os.Environ(), "PATH="+os.Getenv("PATH")+":/usr/sbin")
	c.Stdout, c.Stderr = &said, &said
	c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := c.Start(); err != nil {
		t.Fatalf("%v; run `tools/install.sh test`", err)
	}
	t.Cleanup(func() {
		_ = c.Process.Signal(syscall.SIGTERM)
		_ = c.Wait()
	})
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if conn, err := net.Dial("tcp", addr); err == nil {
			conn.Close()
			return
		}
	}
	t.Fatalf("%s does not answer: %s", command[0], said.String())
}

// TestHostileStick holds that a folder with links, pipes, folders in place of
// files and names that lead elsewhere gives nothing but what it must.
func TestHostileStick(t *testing.T) {
	t.Parallel()
	c := edition3(t)
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("kanarejka"), 0o600); err != nil {
		t.Fatal(err)
	}
	spoil := map[string]func(name string) error{
		"a link to outside": func(name string) error { return os.Symlink(secret, name) },
		"a link in a ring":  func(name string) error { return os.Symlink(filepath.Base(name), name) },
		"a pipe":            func(name string) error { return syscall.Mkfifo(name, 0o600) },
		"a folder":          func(name string) error { return os.Mkdir(name, 0o700) },
	}
	for what, make := range spoil {
		stick := editiontest.Copy(t, c.Dir)
		name := filepath.Join(stick, "kk/r/0000/000001.html")
		if err := os.Remove(name); err != nil {
			t.Fatal(err)
		}
		if err := make(name); err != nil {
			t.Fatal(err)
		}
		to := filepath.Join(t.TempDir(), "copy")
		r := mustPull(t, to, options(dir(t, stick), dir(t, c.Dir)))
		if sound(t, to); len(r.Left) != 0 {
			t.Errorf("%s: %+v", what, r)
		}
	}

	// A mirror on a stick in which somebody planted links writes nothing outside.
	to, outside := filepath.Join(t.TempDir(), "copy"), t.TempDir()
	open(t, to).Close()
	if err := os.Symlink(outside, filepath.Join(to, "kk")); err != nil {
		t.Fatal(err)
	}
	if _, err := pull(t, to, options(dir(t, c.Dir))); err == nil {
		t.Error("a planted link was followed")
	}
	if entries, _ := os.ReadDir(outside); len(entries) > 0 {
		t.Errorf("written outside: %v", entries)
	}
}

// TestServes holds what a mirror's server gives and refuses.
func TestServes(t *testing.T) {
	t.Parallel()
	c := edition3(t)
	to := filepath.Join(t.TempDir(), "copy")
	mustPull(t, to, options(dir(t, c.Dir)))
	at := serve(t, handler(t, to))
	get := func(method, path string, header ...string) *http.Response {
		req, err := http.NewRequest(method, at+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		for i := 0; i < len(header); i += 2 {
			req.Header.Set(header[i], header[i+1])
		}
		res, err := http.DefaultTransport.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { res.Body.Close() })
		return res
	}
	for _, path := range []string{"/", "/kk/", "/manifest.json", "/log/checkpoint"} {
		res := get("GET", path)
		h := res.Header
		if res.StatusCode != 200 || h.Get("Access-Control-Allow-Origin") != "*" || h.Get("Referrer-Policy") != "no-referrer" ||
			!strings.Contains(h.Get("Content-Security-Policy"), "default-src 'none'") || h.Get("Set-Cookie") != "" {
			t.Errorf("%s: %s %v", path, res.Status, h)
		}
	}
	for _, path := range []string{"/.kua-mirror/state.json", "/.kua-mirror/", "/log/", "/blobs/", "/../go.mod", "/%2e%2e/x", "/kk/r/", "//etc/passwd", "/.kua-mirror/lock", "/kk/index.html/"} {
		if res := get("GET", path); res.StatusCode != 404 {
			t.Errorf("%s: %s", path, res.Status)
		}
	}
	if res := get("POST", "/"); res.StatusCode != 405 {
		t.Errorf("POST: %s", res.Status)
	}
	if res := get("GET", "/manifest.json", "Range", "bytes=5-9", "Accept-Encoding", "gzip"); res.StatusCode != 206 || res.ContentLength != 5 {
		t.Errorf("a range: %s %d", res.Status, res.ContentLength)
	}
	if res := get("GET", "/manifest.json", "Accept-Encoding", "gzip"); res.Header.Get("Content-Encoding") != "gzip" {
		t.Error("not compressed")
	}
}

// TestSmallRecords measures the TLS records at the beginning of a connection: a
// link that freezes after 16 kB must not hold back a record that never ends.
func TestSmallRecords(t *testing.T) {
	t.Parallel()
	c := editiontest.New(t)
	c.Media = func(string) []editiontest.M { return []editiontest.M{{Rung: "240p", Type: "video/mp4", Size: 60_000}} }
	c.Publish(t, c.Record(t, "000001"))
	addr := free(t)
	cert, key := certificate(t)
	go mirror.Serve(t.Context(), c.Dir, mirror.Listen{Addr: addr, CertFile: cert, KeyFile: key})
	film := c.Record(t, "000001").Media[0].Files[0].Path()
	var conn net.Conn
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		var err error
		if conn, err = net.Dial("tcp", addr); err == nil {
			break
		}
	}
	if conn == nil {
		t.Fatal("no answer")
	}
	var wire bytes.Buffer
	// The copy is proved by hashes; this test looks at lengths alone.
	s := tls.Client(&tapped{conn, &wire}, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"http/1.1"}})
	defer s.Close()
	fmt.Fprintf(s, "GET /%s HTTP/1.1\r\nHost: x\r\n\r\n", film)
	res, err := http.ReadResponse(bufio.NewReader(s), nil)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := io.Copy(io.Discard, res.Body); err != nil || n != 60_000 {
		t.Fatalf("%d bytes: %v", n, err)
	}
	records, longest := 0, 0
	for b := wire.Bytes(); len(b) >= 5; {
		n := int(b[3])<<8 | int(b[4])
		if b[0] == 23 { // application data, RFC 8446 §5.1
			records, longest = records+1, max(longest, n)
		}
		b = b[min(len(b), 5+n):]
	}
	if records < 40 || longest > 1400 {
		t.Errorf("%d records, the longest of %d bytes", records, longest)
	}
}

// tapped keeps what comes in.
type tapped struct {
	net.Conn
	got *bytes.Buffer
}

// Read implements net.Conn.
func (c *tapped) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.got.Write(b[:n])
	return n, err
}

func certificate(t *testing.T) (cert, key string) {
	t.Helper()
	d := t.TempDir()
	cert, key = filepath.Join(d, "cert.pem"), filepath.Join(d, "key.pem")
	out, err := exec.Command("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=made-up",
		"-keyout", key, "-out", cert).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return cert, key
}
