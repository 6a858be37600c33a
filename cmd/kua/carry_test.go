package main

import (
	"os"
	"path/filepath"
	"strconv"

	"github.com/rogpeppe/go-internal/testscript"
)

// loses DIR N takes N parts in a hundred away, the second and others behind it,
// spread over all of them.
func loses(ts *testscript.TestScript, _ bool, args []string) {
	parts, err := filepath.Glob(filepath.Join(ts.MkAbs(args[0]), "*.zip"))
	ts.Check(err)
	percent, err := strconv.Atoi(args[1])
	ts.Check(err)
	lost := len(parts) * percent / 100
	if lost == 0 {
		ts.Fatalf("of %d parts none would be lost", len(parts))
	}
	for i := range lost {
		ts.Check(os.Remove(parts[(1+i*len(parts)/lost)%len(parts)]))
	}
}
