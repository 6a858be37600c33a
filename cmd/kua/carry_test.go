package main

import (
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"time"

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

// noise FILE N writes so many bytes that nothing makes smaller.
func noise(ts *testscript.TestScript, _ bool, args []string) {
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	b := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{1}).Read(b) // gives no error
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), b, 0o600))
}

// halves DIR [again] takes every second file below DIR away, again the others.
func halves(ts *testscript.TestScript, _ bool, args []string) {
	n := len(args) - 1
	ts.Check(filepath.WalkDir(ts.MkAbs(args[0]), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		if n++; n%2 == 0 {
			return nil
		}
		return os.Remove(path)
	}))
}

// midnight DIR wants every file below DIR to be dated with a day alone.
func midnight(ts *testscript.TestScript, _ bool, args []string) {
	files := 0
	ts.Check(filepath.WalkDir(ts.MkAbs(args[0]), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil && !info.ModTime().Equal(info.ModTime().UTC().Truncate(24*time.Hour)) {
			ts.Fatalf("%s is dated %s", path, info.ModTime())
		}
		files++
		return err
	}))
	if files == 0 {
		ts.Fatalf("there is nothing in %s", args[0])
	}
}
