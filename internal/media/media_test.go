package media

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"kua/internal/fault"
	"kua/internal/gate"
)

// TestMain is also the inside of the box: the runner of the tests starts this
// very program there.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case "box":
			os.Exit(RunBoxed(os.Args[2:]))
		case "inside":
			os.Exit(insideBox(os.Args[2:]))
		case "check":
			if err := Check(); err != nil {
				fmt.Println(err)
				os.Exit(1)
			}
			os.Exit(0)
		case "hang":
			os.Exit(hang(os.Args[2], os.Args[3]))
		}
	}
	os.Exit(m.Run())
}

// insideBox runs a command confined as a tool is.
func insideBox(args []string) int {
	l := Limits{}.withDefaults()
	if err := confine(l); err != nil {
		fmt.Println(err)
		return 99
	}
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stdout
	if err := cmd.Run(); err != nil {
		return 1
	}
	return 0
}

// hang renders a film that never arrives; its first bytes do.
func hang(file, out string) int {
	head, err := os.ReadFile(file)
	if err != nil {
		return 1
	}
	self, err := os.Executable()
	if err != nil {
		return 1
	}
	in := &slowInput{Input: bytes.NewReader(head), free: 2, gate: make(chan struct{})}
	fmt.Println("hanging")
	_, err = (&Runner{Self: self}).Film(context.Background(), in, Plan{}, out, nil)
	fmt.Println(err)
	return 1
}

func runner(t testing.TB) *Runner {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return &Runner{Self: self, Preset: "veryfast"} // what is shown does not hang on the coder's patience
}

// sample makes a file with ffmpeg a sample: the arguments before the file's name.
func sample(t testing.TB, name string, args ...string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	run(t, "ffmpeg", append(append([]string{"-v", "error", "-nostdin", "-y"}, args...), file)...)
	return file
}

// fixture is a file to be made: its name, and ffmpeg's arguments before it.
type fixture struct {
	name string
	args []string
}

// manySamples makes files with one ffmpeg, whose start takes longer than its work,
// of what it is told to read first. It gives their paths by their names.
func manySamples(t testing.TB, read []string, files ...fixture) map[string]string {
	t.Helper()
	dir, paths := t.TempDir(), map[string]string{}
	args := append([]string{"-v", "error", "-nostdin", "-y"}, read...)
	for _, f := range files {
		paths[f.name] = filepath.Join(dir, f.name)
		args = append(append(args, f.args...), paths[f.name])
	}
	run(t, "ffmpeg", args...)
	return paths
}

func run(t testing.TB, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %q: %v\n%s", name, args, err, out)
	}
	return string(out)
}

// input gives a file's bytes from memory, as the desk gives them out of a
// sealed parcel.
func input(t testing.TB, file string) Input {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return bytes.NewReader(b)
}

// renderFilm renders, and fails the test if it cannot or the gate refuses what
// was made.
func renderFilm(t testing.TB, file string, plan Plan) map[string]Rendition {
	t.Helper()
	return renderFilmAs(t, runner(t).Preset, file, plan)
}

func renderFilmAs(t testing.TB, preset, file string, plan Plan) map[string]Rendition {
	t.Helper()
	r := runner(t)
	r.Preset = preset
	made, err := r.Film(context.Background(), input(t, file), plan, t.TempDir(), nil)
	if err != nil {
		t.Fatal(err)
	}
	gated(t, made, gate.Needles{})
	return byRung(made)
}

// renderSound is the same for a sound file.
func renderSound(t testing.TB, file string, plan Plan) []Rendition {
	t.Helper()
	made, err := runner(t).Sound(context.Background(), input(t, file), plan, t.TempDir(), nil)
	if err != nil {
		t.Fatal(err)
	}
	gated(t, made, gate.Needles{})
	return made
}

func byRung(made []Rendition) map[string]Rendition {
	m := map[string]Rendition{}
	for _, r := range made {
		m[r.Rung] = r
	}
	return m
}

func wantFault(t testing.TB, err error, key string) {
	t.Helper()
	if !errors.Is(err, fault.Invalid(key)) {
		t.Errorf("got %v, want the fault %s", err, key)
	}
}
