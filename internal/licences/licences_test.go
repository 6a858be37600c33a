package licences

import (
	"cmp"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write licences.txt anew")

const root = "../.."

// TestText makes the text out of what is linked now and wants it to be the one
// that ships: every module of the binary for each machine it is built for, and
// every npm package whose code may be in a page, at its version, none without a
// licence and none that is not there any more.
func TestText(t *testing.T) {
	t.Parallel()
	texts := map[string][]string{} // of a licence, what it is for
	add := func(name string, files []string) {
		if len(files) == 0 {
			t.Errorf("%s has no licence file", name)
		}
		for _, f := range files {
			b, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			text := strings.TrimSpace(strings.ReplaceAll(string(b), "\r\n", "\n"))
			if !slices.Contains(texts[text], name) {
				texts[text] = append(texts[text], name)
			}
		}
	}
	add("kua", []string{filepath.Join(root, "LICENSE")})
	add("Go, its standard library", licenceFiles(t, strings.TrimSpace(said(t, "env", "GOROOT"))))
	for name, dirs := range modules(t) {
		var files []string
		for _, dir := range dirs {
			files = append(files, licenceFiles(t, dir)...)
		}
		add(name, files)
	}
	for name, dir := range npm(t) {
		add(name, licenceFiles(t, dir))
	}
	got := written(texts)
	if *update {
		if err := os.WriteFile("licences.txt", []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if got != Text {
		t.Errorf("licences.txt is not what is linked now (%d bytes, want %d): run go generate ./internal/licences and read what changed", len(Text), len(got))
	}
	for _, want := range []string{"GNU AFFERO GENERAL PUBLIC LICENSE", "Bitstream Vera", "filippo.io/age ", "age-encryption (npm) "} {
		if !strings.Contains(Text, want) {
			t.Errorf("it lacks %q", want)
		}
	}
}

// written is the whole text: what is for the most first, kua's own before all.
func written(texts map[string][]string) string {
	all := slices.Collect(maps.Keys(texts))
	for _, text := range all {
		slices.Sort(texts[text])
	}
	own := func(text string) int {
		if slices.Contains(texts[text], "kua") {
			return 0
		}
		return 1
	}
	slices.SortFunc(all, func(a, b string) int {
		return cmp.Or(own(a)-own(b), cmp.Compare(texts[a][0], texts[b][0]), cmp.Compare(a, b))
	})
	line := strings.Repeat("=", 78)
	var b strings.Builder
	for _, text := range all {
		fmt.Fprintf(&b, "%s\n%s\n%s\n\n%s\n\n", line, strings.Join(texts[text], "\n"), line, text)
	}
	return b.String()
}

var licenceName = regexp.MustCompile(`(?i)^(licen[cs]e|copying|notice|patents)([-.].*)?$`)

// licenceFiles gives the licences in a folder, in the order of their names.
func licenceFiles(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatalf("%v: run make build", err)
	}
	var files []string
	for _, e := range entries {
		if e.Type().IsRegular() && licenceName.MatchString(e.Name()) && filepath.Ext(e.Name()) != ".go" {
			files = append(files, filepath.Join(dir, e.Name()))
		}
	}
	return files
}

// said is what the go command says of the program for a machine: the last
// argument may name it.
func said(t *testing.T, args ...string) string {
	t.Helper()
	env := append(os.Environ(), "GOOS=linux", "CGO_ENABLED=0")
	if last := args[len(args)-1]; strings.HasPrefix(last, "GOARCH=") {
		args, env = args[:len(args)-1], append(env, last)
	}
	cmd := exec.Command("go", args...)
	cmd.Dir, cmd.Env = root, env
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// modules gives every module of the binary with the folders of its packages that
// are in it, and those above them: some have parts with a licence of their own.
func modules(t *testing.T) map[string][]string {
	t.Helper()
	all := map[string][]string{}
	for _, arch := range []string{"amd64", "arm64"} {
		list := said(t, "list", "-deps", "-f", `{{with .Module}}{{if not .Main}}{{.Path}} {{.Version}}{{"\t"}}{{.Dir}}{{"\t"}}{{$.Dir}}{{end}}{{end}}`, "./cmd/kua", "GOARCH="+arch)
		for line := range strings.Lines(list) {
			parts := strings.Split(strings.TrimSpace(line), "\t")
			if len(parts) != 3 {
				continue
			}
			for dir := parts[2]; ; dir = filepath.Dir(dir) {
				if !slices.Contains(all[parts[0]], dir) {
					all[parts[0]] = append(all[parts[0]], dir)
				}
				if dir == parts[1] {
					break
				}
			}
		}
	}
	return all
}

// npm gives the packages that code in the pages may come from, as the lockfile
// has them: all but those that only build and test.
func npm(t *testing.T) map[string]string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(root, "web", "package-lock.json"))
	if err != nil {
		t.Fatal(err)
	}
	var lock struct {
		Packages map[string]struct {
			Version string
			Dev     bool
		}
	}
	if err := json.Unmarshal(b, &lock); err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for path, p := range lock.Packages {
		if i := strings.LastIndex(path, "node_modules/"); i >= 0 && !p.Dev {
			all[path[i+len("node_modules/"):]+" (npm) "+p.Version] = filepath.Join(root, "web", path)
		}
	}
	return all
}
