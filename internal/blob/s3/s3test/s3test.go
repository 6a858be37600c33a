// Package s3test starts an S3 server for tests: versitygw over a folder, which
// tools/install.sh builds from the module in tools/versitygw. Only tests use it.
package s3test

import (
	"bytes"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"kua/internal/blob/s3"
)

// version is that of tools/versitygw/go.mod.
const version = "v1.8.0"

// Bucket starts a server of the test's own and gives an empty bucket on it.
func Bucket(t testing.TB) s3.Config {
	t.Helper()
	program, err := find()
	if err != nil {
		t.Fatalf("an S3 server for this test: %v", err)
	}
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "pictures"), 0o700); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	l.Close()
	cfg := s3.Config{URL: "s3+http://" + addr + "/pictures/made-up", Region: "us-east-1", Key: "made-up-key", Secret: "made-up-secret"}
	// The shell ends the server when the test's end of the pipe is closed, by a crash too.
	c := exec.Command("/bin/sh", "-c", `"$@" & read end; kill $!; wait`, "sh", program, "--quiet", "--access", cfg.Key, "--secret", cfg.Secret, "--region", cfg.Region, "--port", addr, "posix", "--nometa", dir)
	var said bytes.Buffer
	c.Stdout, c.Stderr = &said, &said
	alive, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		alive.Close()
		_ = c.Wait() // the shell's own exit code says nothing
	})
	for range 600 {
		if conn, err := net.DialTimeout("tcp", addr, time.Second); err == nil {
			conn.Close()
			return cfg
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatalf("the S3 server does not answer: %s", said.String())
	return cfg
}

// find gives the program that tools/install.sh builds.
func find() (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	program := filepath.Join(cache, "kua-tests", "versitygw-"+version)
	if _, err := os.Stat(program); err != nil {
		return "", errors.New("versitygw is not built; run `tools/install.sh test`")
	}
	return program, nil
}
