package page

import (
	"strings"
	"testing"
)

// FuzzCell: a cell never begins as a formula does, and nothing of the words is lost.
func FuzzCell(f *testing.F) {
	f.Add("=1+1")
	f.Add("  @x")
	f.Add("\t=")
	f.Fuzz(func(t *testing.T, words string) {
		got := Cell(words)
		if strings.TrimPrefix(got, "'") != words && got != words {
			t.Errorf("%q became %q", words, got)
		}
		if got != "" && strings.ContainsAny(got[:1], "=+-@\t\r") {
			t.Errorf("%q is written as %q", words, got)
		}
	})
}
