package internal_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestThreatModel holds docs/threat-model.md to its word: every line of its
// tables names, in the last column, at least one test that exists, or says
// "not protected".
func TestThreatModel(t *testing.T) {
	doc, err := os.ReadFile("../docs/threat-model.md")
	if err != nil {
		t.Fatal(err)
	}
	tests := testNames(t)
	name := regexp.MustCompile("`([A-Za-z0-9_./-]+)`")
	rows := 0
	for line := range strings.Lines(string(doc)) {
		line = strings.TrimSpace(line)
		if !strings.HasPrefix(line, "|") || strings.HasPrefix(line, "|---") || strings.Contains(line, "| shown by |") {
			continue
		}
		rows++
		cells := strings.Split(strings.Trim(line, "|"), "|")
		last := strings.TrimSpace(cells[len(cells)-1])
		if strings.HasPrefix(last, "not protected") {
			continue
		}
		named := name.FindAllStringSubmatch(last, -1)
		if len(named) == 0 {
			t.Errorf("no test is named for: %s", cells[0])
		}
		for _, n := range named {
			if !tests[n[1]] {
				t.Errorf("the test %s does not exist (named for:%s)", n[1], cells[0])
			}
		}
	}
	if rows < 20 {
		t.Errorf("the threat model has %d rows; its tables were not read", rows)
	}
}

// testNames finds Go tests by name, and test files of other kinds by path.
func testNames(t *testing.T) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	function := regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)[A-Za-z0-9_]*)\(`)
	err := filepath.WalkDir("..", func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "node_modules" || d.Name() == ".git") {
			return fs.SkipDir
		}
		rel := strings.TrimPrefix(filepath.ToSlash(file), "../")
		switch {
		case strings.HasSuffix(file, "_test.go"):
			src, err := os.ReadFile(file)
			if err != nil {
				return err
			}
			for _, m := range function.FindAllStringSubmatch(string(src), -1) {
				names[m[1]] = true
			}
		case strings.HasSuffix(file, ".test.ts"), strings.HasSuffix(file, ".mjs"), strings.HasSuffix(file, ".txtar"):
			names[rel] = true
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}
