package site

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kua/internal/edition"
	"kua/internal/fault"
	"kua/internal/record"
)

// snapshot gives every file of a tree by the hash of its bytes.
func snapshot(tb testing.TB, dir string) map[string]string {
	tb.Helper()
	files := make(map[string]string)
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(name)
		rel, _ := filepath.Rel(dir, name)
		files[filepath.ToSlash(rel)] = fmt.Sprintf("%x", sha256.Sum256(b))
		return err
	})
	if err != nil {
		tb.Fatal(err)
	}
	return files
}

var errKilled = errors.New("killed")

// dyingDisk stops working after some steps, as a killed process does.
func dyingDisk(steps int) disk {
	step := func() error {
		if steps--; steps < 0 {
			return errKilled
		}
		return nil
	}
	return disk{
		rename: func(from, to string) error {
			if err := step(); err != nil {
				return err
			}
			return os.Rename(from, to)
		},
		remove: func(name string) error {
			if err := step(); err != nil {
				return err
			}
			return os.Remove(name)
		},
	}
}

// TestApplyKilled kills Apply at many steps, begins it again, and wants the
// same tree each time; and while it is under way the manifest never names a
// file that is not there.
func TestApplyKilled(t *testing.T) {
	p := newPublisher(t)
	first := []record.Record{p.c.record(1), p.c.record(2)}
	p.publish(first...)
	changes := []Change{
		p.c.change(t, p.c.record(3)),
		p.c.change(t, tombstone(t, first[1])),
	}
	if _, err := p.update(p.input(changes...)); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"log/checkpoint", "log/tile/0/000.p/9", "manifest.json.00112233445566aa.sig"} {
		name := filepath.Join(p.overlay(), path)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(path), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	drafted := snapshot(t, p.overlay())
	all := len(drafted)
	tries := []int{all + 100, 0, 1, all / 3, all / 2}
	for n := all - 6; n < all+20; n += 2 { // the removals and what comes last
		tries = append(tries, n)
	}
	var want map[string]string
	for _, n := range tries {
		dir := t.TempDir()
		tree, overlay := filepath.Join(dir, "tree"), filepath.Join(dir, "overlay")
		for from, to := range map[string]string{p.tree(): tree, p.overlay(): overlay} {
			if err := os.CopyFS(to, os.DirFS(from)); err != nil {
				t.Fatal(err)
			}
		}
		err := dyingDisk(n).apply(overlay, tree)
		if want == nil {
			if err != nil {
				t.Fatal(err)
			}
			want = snapshot(t, tree)
		}
		if err != nil {
			wholeOrOld(t, tree, snapshot(t, p.tree()), want, drafted)
			if _, err := p.site.Update(t.Context(), tree, overlay, p.input()); !errors.Is(err, fault.Conflict("site.apply_first")) {
				t.Fatalf("Update over a half applied edition = %v, want site.apply_first", err)
			}
		}
		for range 2 { // once more changes nothing
			if err := Apply(overlay, tree); err != nil {
				t.Fatalf("apply again after %d steps: %v", n, err)
			}
		}
		if d := cmp.Diff(want, snapshot(t, tree)); d != "" {
			t.Fatalf("killed after %d steps, the tree differs (-want +got):\n%s", n, d)
		}
	}
}

// wholeOrOld checks the order: with the new manifest there, everything else is
// too; with the new checkpoint there, the manifest is.
func wholeOrOld(t *testing.T, tree string, old, want, drafted map[string]string) {
	t.Helper()
	now := snapshot(t, tree)
	if now["log/checkpoint"] == drafted["log/checkpoint"] && now[edition.ManifestPath] != want[edition.ManifestPath] {
		t.Fatal("the checkpoint came before the manifest")
	}
	if now[edition.ManifestPath] == old[edition.ManifestPath] {
		return
	}
	for path, sum := range want {
		if path != "log/checkpoint" && now[path] != sum {
			t.Fatalf("the manifest came before %s", path)
		}
	}
}

func TestApplyRefusesStrangeFiles(t *testing.T) {
	dir := t.TempDir()
	overlay, tree := filepath.Join(dir, "overlay"), filepath.Join(dir, "tree")
	if err := os.MkdirAll(overlay, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(overlay, "desk.db"), []byte("secret"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := Apply(overlay, tree); err == nil {
		t.Fatal("Apply published a file that is no edition's")
	}
	if _, err := os.Stat(filepath.Join(tree, "desk.db")); err == nil {
		t.Fatal("the file is in the tree")
	}
}
