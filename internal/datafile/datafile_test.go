package datafile_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kua/internal/datafile"
)

type doc struct {
	Name string   `yaml:"name"`
	List []string `yaml:"list"`
}

func TestYAML(t *testing.T) {
	var d doc
	var problems datafile.Problems
	lines, ok := datafile.YAML("a.yaml", []byte("# made up\nname: x\nlist:\n  - one\n  - two\n"), &d, &problems)
	if !ok || d.Name != "x" || lines.Of("list", 1) != 5 || lines.Of("list", 7) != 4 || lines.Of("nothing") != 2 {
		t.Errorf("read %+v, %v; lines %d %d %d", d, problems, lines.Of("list", 1), lines.Of("list", 7), lines.Of("nothing"))
	}
}

func TestYAMLSays(t *testing.T) {
	for _, c := range []struct {
		text, want string
		line       int
	}{
		{"", "datafile.empty", 0},
		{"# nothing\n", "datafile.empty", 0},
		{"name: x\nnmae: y\n", "datafile.yaml", 2},
		{"name: x\nname: y\n", "datafile.yaml", 2},
		{"name: [\n", "datafile.yaml", 1},
		{"name: x\n---\nname: y\n", "datafile.two_documents", 2},
		{"name: &a x\nlist: [*a, *a]\n", "datafile.alias", 1},
		{"name: x\nlist: [\"\xff\"]\n", "datafile.not_utf8", 2},
		{"name: x\nlist: [\"\x00\"]\n", "datafile.not_utf8", 2},
		{"name: " + strings.Repeat("[", 100) + strings.Repeat("]", 100) + "\n", "datafile.alias", 1},
		{strings.Repeat(" ", datafile.MaxBytes+1), "datafile.too_large", 0},
	} {
		var d doc
		var problems datafile.Problems
		if _, ok := datafile.YAML("a.yaml", []byte(c.text), &d, &problems); ok || problems[0].What.Key != c.want || problems[0].Line != c.line {
			t.Errorf("%.40q: %v, want %s on line %d", c.text, problems, c.want, c.line)
		}
	}
}

var columns = []string{"a", "b"}

func TestCSV(t *testing.T) {
	var problems datafile.Problems
	rows, ok := datafile.CSV("a.csv", []byte("\xef\xbb\xbfb,a\r\n1,\"two\nlines\"\r\n,\r\n\r\n 3 ,4\r\n"), columns, &problems)
	if !ok || len(rows) != 2 || rows[0].Cell("a") != "two\nlines" || rows[1].Cell("b") != "3" || rows[1].Line != 6 {
		t.Errorf("read %+v, %v", rows, problems)
	}
}

func TestCSVSays(t *testing.T) {
	for _, c := range []struct {
		text, want string
		line       int
	}{
		{"", "datafile.empty", 0},
		{"a\n1\n", "datafile.no_column", 1},
		{"a,b,c\n", "datafile.column", 1},
		{"a,b,a\n", "datafile.column", 1},
		{"a,b\n1,2\n1,2,3\n", "datafile.csv", 3},
		{"a,b\n1,\"2\n", "datafile.csv", 2},
		{"a,b\n1,\xff\n", "datafile.not_utf8", 2},
	} {
		var problems datafile.Problems
		if _, ok := datafile.CSV("a.csv", []byte(c.text), columns, &problems); ok || problems[0].What.Key != c.want || problems[0].Line != c.line {
			t.Errorf("%q: %v, want %s on line %d", c.text, problems, c.want, c.line)
		}
	}
}

// FuzzYAML: what is read without a problem is written and read back the same.
func FuzzYAML(f *testing.F) {
	f.Add([]byte("name: x\nlist: [a, \"2026-01-01\", no, ~]\n"))
	f.Add([]byte("name: &a x\nlist: [*a]\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		var d, again doc
		var problems datafile.Problems
		if _, ok := datafile.YAML("a.yaml", text, &d, &problems); !ok {
			if problems.Errors() == 0 {
				t.Error("refused without a reason")
			}
			return
		}
		out, err := datafile.WriteYAML(d)
		if err != nil {
			t.Fatal(err)
		}
		if _, ok := datafile.YAML("a.yaml", out, &again, &problems); !ok || strings.Join(again.List, "\x00") != strings.Join(d.List, "\x00") || again.Name != d.Name {
			t.Errorf("%q became %q: %v", text, out, problems)
		}
	})
}

// FuzzCSV: what is read without a problem is written and read back the same.
func FuzzCSV(f *testing.F) {
	f.Add([]byte("a,b\n1,\"2\"\n"))
	f.Add([]byte("\xef\xbb\xbfb,a\r\n\r\n, \n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		var problems datafile.Problems
		rows, ok := datafile.CSV("a.csv", text, columns, &problems)
		if !ok {
			if problems.Errors() == 0 {
				t.Error("refused without a reason")
			}
			return
		}
		var cells [][]string
		for _, r := range rows {
			cells = append(cells, []string{r.Cell("a"), r.Cell("b")})
		}
		out, err := datafile.WriteCSV(columns, cells)
		if err != nil {
			t.Fatal(err)
		}
		again, ok := datafile.CSV("a.csv", out, columns, &problems)
		if !ok || len(again) != len(rows) {
			t.Fatalf("%q became %q: %v", text, out, problems)
		}
		for i := range again {
			if diff := cmp.Diff(cells[i], []string{again[i].Cell("a"), again[i].Cell("b")}); diff != "" {
				t.Error(diff)
			}
		}
	})
}
