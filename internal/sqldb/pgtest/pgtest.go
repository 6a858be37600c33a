// Package pgtest gives tests a real PostgreSQL server, started once for each
// package that asks for one, with an empty database for each test.
//
// Only tests use it. A machine without PostgreSQL fails the test and says what
// to install; nothing is skipped.
package pgtest

import (
	"bufio"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib" // registers the driver "pgx"
)

// Main runs a package's tests and then takes down the server, if one was
// started. TestMain of a package that uses Database is:
//
//	func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }
func Main(m *testing.M) int {
	code := m.Run()
	if s := running.Load(); s != nil {
		s.stop()
	}
	return code
}

var (
	running atomic.Pointer[server]
	start   = sync.OnceValues(func() (*server, error) {
		s, err := begin()
		running.Store(s)
		return s, err
	})
	made atomic.Int64
)

// Database makes an empty database and gives its URL. It is gone with the
// server, at the end of the package's tests.
func Database(t testing.TB) string {
	t.Helper()
	s, err := start()
	if err != nil {
		t.Fatalf("a PostgreSQL server for this test: %v", err)
	}
	name, err := s.database("")
	if err != nil {
		t.Fatal(err)
	}
	return s.url(name)
}

// Like makes databases that all begin as prepare, called once, leaves an empty one:
// a schema is then made once for a package's tests. prepare closes what it opens.
func Like(prepare func(url string) error) func(t testing.TB) string {
	pattern := sync.OnceValues(func() (string, error) {
		s, err := start()
		if err != nil {
			return "", err
		}
		name, err := s.database("")
		if err != nil {
			return "", err
		}
		return name, prepare(s.url(name))
	})
	return func(t testing.TB) string {
		t.Helper()
		name, err := pattern()
		if err != nil {
			t.Fatalf("a PostgreSQL database for this test: %v", err)
		}
		s := running.Load()
		copied, err := s.database(name)
		if err != nil {
			t.Fatal(err)
		}
		return s.url(copied)
	}
}

// database makes a database, as a copy of the pattern if that is not "".
func (s *server) database(pattern string) (name string, err error) {
	name = "test" + strconv.FormatInt(made.Add(1), 10)
	db, err := sql.Open("pgx", s.url("postgres"))
	if err != nil {
		return "", err
	}
	defer db.Close()
	text := `CREATE DATABASE ` + name
	if pattern != "" {
		text += ` TEMPLATE ` + pattern
	}
	_, err = db.Exec(text)
	return name, err
}

// server is a running PostgreSQL that listens on a socket in a folder of its own.
type server struct {
	dir   string
	shell *exec.Cmd
	alive io.Closer // as long as it is open the server runs
}

func (s *server) url(database string) string {
	return "postgres://kua@/" + database + "?host=" + s.dir
}

// script runs the server until its standard input ends, which it does when the
// tests end in any way, even killed; then nothing of the server is left.
const script = `
dir=$1 bin=$2
"$bin/initdb" -D "$dir/data" -U kua -A trust -E UTF8 --locale=C.UTF-8 --no-sync >"$dir/log" 2>&1 || { cat "$dir/log"; exit 1; }
"$bin/postgres" -D "$dir/data" -k "$dir" -c listen_addresses= -c fsync=off -c shared_buffers=32MB -c max_connections=100 >>"$dir/log" 2>&1 &
pid=$!
for _ in $(seq 300); do
	[ -S "$dir/.s.PGSQL.5432" ] && "$bin/pg_isready" -q -h "$dir" && { echo ready; break; }
	kill -0 $pid 2>/dev/null || { cat "$dir/log"; exit 1; }
	sleep 0.05
done
read -r _
kill -QUIT $pid
wait $pid
cd / && rm -rf "$dir"
`

func begin() (*server, error) {
	bin, err := programs()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "kua-pg-") // short: the path of a socket is
	if err != nil {
		return nil, err
	}
	c := exec.Command("/bin/sh", "-c", script, "sh", dir, bin)
	c.Dir = dir
	c.Stderr = os.Stderr
	if os.Getuid() == 0 { // PostgreSQL refuses to run as root
		if err := asNobody(c, dir); err != nil {
			return nil, err
		}
	}
	alive, err := c.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := c.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := c.Start(); err != nil {
		return nil, err
	}
	s := &server{dir: dir, shell: c, alive: alive}
	lines := bufio.NewReader(out)
	said, err := lines.ReadString('\n')
	if said == "ready\n" {
		return s, nil
	}
	rest, _ := io.ReadAll(lines)
	s.stop()
	return nil, errors.Join(fmt.Errorf("it did not start: %s%s", said, rest), err)
}

func (s *server) stop() {
	s.alive.Close()
	_ = s.shell.Wait() // the shell's own exit code says nothing
	_ = os.RemoveAll(s.dir)
}

// programs finds the folder with initdb and postgres, which Debian keeps out of PATH.
func programs() (string, error) {
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	slices.Sort(found)
	if path, err := exec.LookPath("initdb"); err == nil {
		found = append(found, path)
	}
	if len(found) == 0 {
		return "", errors.New("PostgreSQL is not installed; run `tools/install.sh test`, or `apt-get install postgresql`")
	}
	path, err := filepath.EvalSymlinks(found[len(found)-1])
	return filepath.Dir(path), err
}

// asNobody runs c as a user without rights and gives it the folder.
func asNobody(c *exec.Cmd, dir string) error {
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, _ := strconv.Atoi(u.Uid)
		gid, _ := strconv.Atoi(u.Gid)
		c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
		return os.Chown(dir, uid, gid)
	}
	return errors.New("PostgreSQL does not run as root, and there is no user postgres or nobody")
}
