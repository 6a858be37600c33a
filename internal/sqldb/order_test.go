package sqldb_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

var numbered = regexp.MustCompile(`\$([0-9]+)`)

// TestParameterOrder reads every SQL text of the house. To SQLite $2 is a name
// and not a number: parameters are bound in the order in which they first stand
// in the text. Where that is not 1, 2, 3, … the arguments would be mixed up
// without a word.
func TestParameterOrder(t *testing.T) {
	seen := 0
	err := filepath.WalkDir("..", func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(file, ".go") {
			return err
		}
		set := token.NewFileSet()
		src, err := parser.ParseFile(set, file, nil, 0)
		if err != nil {
			return err
		}
		ast.Inspect(src, func(n ast.Node) bool {
			lit, ok := n.(*ast.BasicLit)
			if !ok || lit.Kind != token.STRING {
				return true
			}
			text, err := strconv.Unquote(lit.Value)
			if err != nil || !strings.Contains(text, "$1") && !strings.Contains(text, "$2") || !isSQL.MatchString(text) {
				return true
			}
			seen++
			next := 1
			for _, m := range numbered.FindAllStringSubmatch(text, -1) {
				k, _ := strconv.Atoi(m[1])
				if k > next {
					t.Errorf("%s: $%d stands before $%d", set.Position(lit.Pos()), k, next)
					break
				}
				next = max(next, k+1)
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if seen < 20 {
		t.Errorf("only %d SQL texts were found", seen)
	}
}

var isSQL = regexp.MustCompile(`\b(SELECT|INSERT|UPDATE|DELETE)\b`)
