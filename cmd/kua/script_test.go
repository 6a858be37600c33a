package main

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"kua/internal/edition/editiontest"
	"kua/internal/keyring"
	"kua/internal/link/linktest"
	"kua/internal/stamp/stamptest"
)

func TestMain(m *testing.M) {
	testscript.Main(withServers{m}, map[string]func(){"kua": main})
}

// TestScripts tells every subcommand, and the whole road, with the real program.
func TestScripts(t *testing.T) {
	c := editiontest.New(t)
	c.Publish(t, c.Records(t, 1, 3)...)
	first := editiontest.Copy(t, c.Dir)
	fork := c.Twin(t)
	fork.Publish(t, fork.Record(t, "000009"), fork.Record(t, "000010"))
	c.Publish(t, c.Record(t, "000004"))
	p, readers := platform{t: t}, platform{t: t}
	stolen, oneKey, rotated := c.Twin(t), c.Twin(t), c.Twin(t)
	stolen.Forge(t, 9)
	oneKey.Signers = 1
	oneKey.Publish(t, oneKey.Record(t, "000005"))
	rotated.Rotate(t)
	rotated.Publish(t, rotated.Record(t, "000005"))
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(e *testscript.Env) error {
			e.Setenv("KUA_LANG", "en")
			e.Setenv("KUA_PASSPHRASE", "made up for this test")
			e.Setenv("XDG_STATE_HOME", e.WorkDir+"/state")
			e.Setenv("EDITION1", first) // of mirror.txtar: two editions, and another second one
			e.Setenv("EDITION2", c.Dir)
			e.Setenv("FORK", fork.Dir)
			e.Setenv("STOLEN", stolen.Dir) // of rotate.txtar: what a thief of the log's key shows, with a person's key too, and what came of it
			e.Setenv("ONEKEY", oneKey.Dir)
			e.Setenv("ROTATED", rotated.Dir)
			e2e, err := filepath.Abs("../../e2e")
			e.Setenv("E2E", e2e)
			return err
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"port":       port,
			"await":      await,
			"capture":    capture,
			"film":       film,
			"answers":    answers,
			"photo":      photo,
			"exits":      exits,
			"holds":      holds,
			"recalls":    recalls,
			"picture":    picture,
			"status":     status,
			"cheap":      cheap,
			"tells":      tells,
			"harms":      harms,
			"eventually": eventually,
			"founds":     founds,
			"blocks":     blocks,
			"follows":    follows,
			"tornet":     tornet,
			"appears":    appears,
			"asks":       asks,
			"freezing":   freezing,
			"loses":      loses,
			"noise":      noise,
			"halves":     halves,
			"midnight":   midnight,
			"stamps":     stamps,
			"telegram":   p.telegram,
			"trouble":    p.trouble,
			"channel":    p.channel,
			"messenger":  readers.telegram,
			"writes":     readers.writes,
			"list":       p.list,
			"letters":    p.letters,
		},
	})
}

// port NAME sets NAME to an address on which nothing listens.
func port(ts *testscript.TestScript, _ bool, args []string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	ts.Setenv(args[0], l.Addr().String())
	ts.Check(l.Close())
}

// freezing NAME ADDRESS sets NAME to the address of a road to ADDRESS on which every
// connection freezes after 16 kB.
func freezing(ts *testscript.TestScript, _ bool, args []string) {
	road, end, err := linktest.Open(args[1], linktest.Road{Freeze: 16 << 10})
	ts.Check(err)
	ts.Defer(end)
	ts.Setenv(args[0], road.Addr)
}

// stamps NAME FILE starts a service for time stamps, sets NAME to its address and writes its
// root certificate.
func stamps(ts *testscript.TestScript, _ bool, args []string) {
	s, err := stamptest.Start(stamptest.Options{})
	ts.Check(err)
	ts.Defer(s.Close)
	ts.Setenv(args[0], s.URL)
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), s.Roots, 0o600))
}

// await URL waits until something answers there.
func await(ts *testscript.TestScript, _ bool, args []string) {
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		resp, err := http.Get(args[0])
		if err == nil {
			resp.Body.Close()
			return
		}
	}
	ts.Fatalf("nothing answers at %s", args[0])
}

// capture NAME REGEXP sets NAME to the first group found in the last command's output.
func capture(ts *testscript.TestScript, _ bool, args []string) {
	found := regexp.MustCompile(args[1]).FindStringSubmatch(ts.ReadFile("stdout"))
	if found == nil {
		ts.Fatalf("%q is not in the output", args[1])
	}
	ts.Setenv(args[0], found[1])
}

// film FILE TOKEN [PICTURE] makes a short H.264 film with sound and the token in its
// metadata; the picture stands in it.
func film(ts *testscript.TestScript, _ bool, args []string) {
	shown := []string{"-f", "lavfi", "-i", "testsrc2=s=320x240:r=15:d=3", "-f", "lavfi", "-i", "sine=f=440:d=3"}
	if len(args) > 2 {
		shown = append(shown, "-i", args[2], "-filter_complex", "[2]scale=-1:200[face];[0][face]overlay=100:20")
	}
	out, err := exec.Command("ffmpeg", append(append([]string{"-v", "error", "-nostdin"}, shown...),
		"-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-c:a", "aac", "-metadata", "title="+args[1], "-metadata", "artist="+args[1],
		"-metadata", "location=+43.2567+076.9286/", ts.MkAbs(args[0]))...).CombinedOutput()
	if err != nil {
		ts.Fatalf("ffmpeg: %v\n%s", err, out)
	}
}

var hitLine = regexp.MustCompile(`(?m)^hit (\d+): .* answer: -$`)

// answers DIR PERSON ORIGINAL WHY answers every hit of the detectors that nobody has answered.
func answers(ts *testscript.TestScript, _ bool, args []string) {
	dir, person, original, why := args[0], args[1], args[2], args[3]
	ts.Check(ts.Exec("kua", "desk", "hits", "--dir", dir, "--as", person, original))
	for _, hit := range hitLine.FindAllStringSubmatch(ts.ReadFile("stdout"), -1) {
		ts.Check(ts.Exec("kua", "desk", "answer", "--dir", dir, "--as", person, original, hit[1], why))
	}
}

// picture FILE makes a small JPEG, as Go writes it.
func picture(ts *testscript.TestScript, _ bool, args []string) {
	var b bytes.Buffer
	ts.Check(jpeg.Encode(&b, image.NewRGBA(image.Rect(0, 0, 40, 30)), nil))
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), b.Bytes(), 0o600))
}

// cheap DIR locks the key files of a desk anew at a cost that lets a script call
// the program often.
func cheap(ts *testscript.TestScript, _ bool, args []string) {
	files, err := filepath.Glob(filepath.Join(ts.MkAbs(args[0]), "people", "*.age"))
	ts.Check(err)
	if len(files) == 0 {
		ts.Fatalf("no key file in %s", args[0])
	}
	for _, name := range files {
		locked, err := os.ReadFile(name)
		ts.Check(err)
		person, err := keyring.Unlock(locked, ts.Getenv("KUA_PASSPHRASE"))
		ts.Check(err)
		locked, err = person.LockAt(ts.Getenv("KUA_PASSPHRASE"), 10)
		ts.Check(err)
		ts.Check(os.WriteFile(name, locked, 0o600))
	}
}

// status CODE COMMAND… runs a command that must end with this exit code.
func status(ts *testscript.TestScript, _ bool, args []string) {
	err := ts.Exec(args[1], args[2:]...)
	code := 0
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		code = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if fmt.Sprint(code) != args[0] {
		ts.Fatalf("exit code %d, want %s", code, args[0])
	}
}

// holds DIR TEXT fails unless some file below DIR holds TEXT, or is named so; with ! it fails if one does.
func holds(ts *testscript.TestScript, neg bool, args []string) {
	var where []string
	err := walkFiles(ts.MkAbs(args[0]), func(path string, b []byte) {
		if strings.Contains(string(b), args[1]) || strings.Contains(path, args[1]) {
			where = append(where, path)
		}
	})
	ts.Check(err)
	if neg == (len(where) > 0) {
		ts.Fatalf("%q found in %d files: %v", args[1], len(where), where)
	}
}

func walkFiles(dir string, do func(path string, b []byte)) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("search: %w", err)
	}
	for _, e := range entries {
		path := dir + "/" + e.Name()
		if e.IsDir() {
			if err := walkFiles(path, do); err != nil {
				return err
			}
			continue
		}
		if e.Type()&os.ModeSocket != 0 {
			continue // holds nothing
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		do(path, b)
	}
	return nil
}

// recalls TEXT fails unless the memory of some background process holds TEXT;
// with ! it fails if one does. It reads what a raid on a running machine could.
func recalls(ts *testscript.TestScript, neg bool, args []string) {
	processes := ts.BackgroundCmds()
	if len(processes) == 0 {
		ts.Fatalf("nothing runs in the background")
	}
	found := false
	for _, c := range processes {
		in, err := inMemory(c.Process.Pid, []byte(args[0]))
		ts.Check(err)
		found = found || in
	}
	if neg == found {
		ts.Fatalf("%q in memory: %v", args[0], found)
	}
}

// inMemory searches every readable region of a process.
func inMemory(pid int, text []byte) (bool, error) {
	maps, err := os.ReadFile(fmt.Sprintf("/proc/%d/maps", pid))
	if err != nil {
		return false, err
	}
	mem, err := os.Open(fmt.Sprintf("/proc/%d/mem", pid))
	if err != nil {
		return false, err
	}
	defer mem.Close()
	searched := 0
	for region := range strings.Lines(string(maps)) {
		var from, to int64
		var rights string
		if _, err := fmt.Sscanf(region, "%x-%x %s", &from, &to, &rights); err != nil || rights[0] != 'r' {
			continue
		}
		const window = 1 << 20
		b := make([]byte, window+len(text))
		for at := from; at < to; at += window {
			n, err := mem.ReadAt(b[:min(int64(len(b)), to-at)], at)
			if err != nil && n == 0 {
				break // regions such as vsyscall cannot be read
			}
			searched += n
			if bytes.Contains(b[:n], text) {
				return true, nil
			}
		}
	}
	if searched == 0 {
		return false, fmt.Errorf("no memory of process %d could be read", pid)
	}
	return false, nil
}
