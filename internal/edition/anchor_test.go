package edition_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"kua/internal/canon"
	"kua/internal/edition"
	"kua/internal/fault"
)

func filings(n int) []string {
	var all []string
	for i := range n {
		all = append(all, canon.Hash(fmt.Append(nil, i)))
	}
	return all
}

func TestAnchor(t *testing.T) {
	for _, c := range []struct{ filed, lines int }{{0, 16}, {1, 16}, {16, 16}, {17, 32}, {100, 128}} {
		mine := filings(c.filed)
		b, err := edition.NewAnchor(mine)
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Count(string(b), "\n") - 1; got != c.lines {
			t.Errorf("%d filings give %d lines, want %d", c.filed, got, c.lines)
		}
		for _, f := range mine {
			if in, err := edition.InAnchor(b, f); err != nil || !in {
				t.Errorf("InAnchor of a filing = %v, %v", in, err)
			}
		}
		if in, err := edition.InAnchor(b, canon.Hash([]byte("another"))); err != nil || in {
			t.Errorf("InAnchor of another line = %v, %v", in, err)
		}
	}
}

func TestAnchorRefuses(t *testing.T) {
	good, err := edition.NewAnchor(filings(3))
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.SplitAfter(string(good), "\n")
	for name, bad := range map[string]string{
		"nothing":    "",
		"other head": "kua anchor 2\n" + strings.Join(lines[1:], ""),
		"cut":        strings.Join(lines[:9], ""),
		"unsorted":   lines[0] + strings.Join(lines[2:], "") + lines[1],
		"odd number": string(good) + strings.Repeat("f", 64) + "\n",
		"no hash":    strings.Replace(string(good), lines[16], "zz\n", 1),
	} {
		if _, err := edition.InAnchor([]byte(bad), lines[1][:64]); !errors.Is(err, fault.Invalid("edition.anchor")) {
			t.Errorf("%s: InAnchor = %v, want edition.anchor", name, err)
		}
	}
}

func FuzzInAnchor(f *testing.F) {
	good, err := edition.NewAnchor(filings(3))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good, filings(1)[0])
	f.Add([]byte("kua anchor 1\n"), "")
	f.Fuzz(func(t *testing.T, anchor []byte, line string) {
		if in, err := edition.InAnchor(anchor, line); in && err != nil {
			t.Error("found in what is no anchor")
		}
	})
}
