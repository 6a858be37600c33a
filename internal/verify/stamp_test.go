package verify_test

import (
	"bytes"
	"maps"
	"os"
	"path/filepath"
	"testing"
	"time"

	"kua/internal/edition"
	"kua/internal/stamp"
	"kua/internal/stamp/stamptest"
	"kua/internal/verify"
)

// stamper is a service whose certificates ended before now, as those of old stamps have.
func stamper(t testing.TB) (*stamptest.Service, string) {
	t.Helper()
	s, err := stamptest.Start(stamptest.Options{From: now.AddDate(-5, 0, 0), To: now.AddDate(0, 0, -1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	roots, err := stamp.ParseRoots(s.Roots)
	if err != nil {
		t.Fatal(err)
	}
	return s, roots.ID()
}

var stampedAt = now.AddDate(-1, 0, 0)

// stamp has what the newest edition left of the log stamped, for the next edition to take in.
func (c *collective) stamp(t testing.TB, s *stamptest.Service, id string) map[string][]byte {
	t.Helper()
	note, err := os.ReadFile(filepath.Join(c.dir, "log/checkpoint"))
	if err != nil {
		t.Fatal(err)
	}
	response, err := s.Stamp(note, stampedAt)
	if err != nil {
		t.Fatal(err)
	}
	n := c.manifest.Number
	return map[string][]byte{edition.StampedPath(n): note, edition.StampPath(n, id): response, edition.StampRootsPath(id): s.Roots}
}

// TestStamps: time stamps hold by what they say themselves, and every wrong one is found,
// also one that two people have signed.
func TestStamps(t *testing.T) {
	s, id := stamper(t)
	first := newCollective(t)
	first.publish(t, first.next(t, "000001"))
	good := first.stamp(t, s, id)
	_, otherID := stamper(t)
	fork := first.twin(t)
	fork.publish(t, fork.next(t, "000002"))
	fork.publish(t)
	forked := fork.stamp(t, s, id) // what edition 3 of another history left
	elsewhere, err := s.Stamp([]byte("made up"), stampedAt)
	if err != nil {
		t.Fatal(err)
	}
	lacking := func(path string) map[string][]byte {
		files := maps.Clone(good)
		delete(files, path)
		return files
	}
	with := func(path string, b []byte) map[string][]byte {
		files := maps.Clone(good)
		files[path] = b
		return files
	}
	tsr := edition.StampPath(1, id)
	for name, test := range map[string]struct {
		files  map[string][]byte
		result verify.Result
		key    string
		path   string
	}{
		"as it should be":      {good, verify.OK, "", ""},
		"over other bytes":     {with(tsr, elsewhere), verify.Corrupt, "stamp.other_bytes", tsr},
		"damaged":              {with(tsr, bytes.Replace(good[tsr], []byte("Stamps"), []byte("stamps"), 1)), verify.Corrupt, "", tsr},
		"no stamp":             {with(tsr, []byte("hello")), verify.Corrupt, "stamp.damaged", tsr},
		"of another edition":   {map[string][]byte{"stamps/2.txt": good["stamps/1.txt"]}, verify.Corrupt, "verify.stamp_other_log", "stamps/2.txt"},
		"of another history":   {forked, verify.Fork, "verify.stamp_other_log", "stamps/3.txt"},
		"no note":              {with("stamps/1.txt", []byte("hello")), verify.Corrupt, "tlog.checkpoint", "stamps/1.txt"},
		"without its note":     {lacking("stamps/1.txt"), verify.Corrupt, "verify.stamp_alone", tsr},
		"without its roots":    {lacking(edition.StampRootsPath(id)), verify.Corrupt, "verify.stamp_alone", edition.StampRootsPath(id)},
		"roots of other name":  {with(edition.StampRootsPath(id), append([]byte("# more\n"), good["stamps/1.txt"]...)), verify.Corrupt, "stamp.roots", edition.StampRootsPath(id)},
		"roots of another one": {map[string][]byte{"stamps/1.txt": good["stamps/1.txt"], edition.StampPath(1, otherID): good[tsr], edition.StampRootsPath(otherID): good[edition.StampRootsPath(id)]}, verify.Corrupt, "verify.stamp_roots", edition.StampRootsPath(otherID)},
	} {
		c := first.twin(t)
		c.more = test.files
		c.publish(t)
		r, err := verify.Edition(t.Context(), open(t, c.dir), verify.Options{Now: now})
		if err != nil {
			t.Fatal(err)
		}
		found := test.key == "" && test.path == ""
		for _, f := range r.Findings {
			found = found || f.Path == test.path && (test.key == "" || f.Key == test.key)
		}
		if r.Result != test.result || !found {
			t.Errorf("%s: %s %+v, want %s %s at %s", name, r.Result, r.Findings, test.result, test.key, test.path)
		}
		if test.result != verify.OK {
			if len(r.Stamps) > 0 {
				t.Errorf("%s: it counts as a stamp: %+v", name, r.Stamps)
			}
			continue
		}
		want := verify.Stamped{Edition: 1, Size: 3, NotLater: stampedAt.Add(time.Second).Format(time.RFC3339), Signer: "CN=Made-up Stamps", Root: "CN=Made-up Stamps Root"}
		if len(r.Stamps) != 1 {
			t.Fatalf("%s: %+v", name, r.Stamps)
		}
		if want.RootSHA256 = r.Stamps[0].RootSHA256; r.Stamps[0] != want {
			t.Errorf("%s: %+v, want %+v", name, r.Stamps[0], want)
		}
		// A copy that does not keep it is no worse for it, and one that changed it is.
		r, err = verify.Edition(t.Context(), open(t, without(t, c.dir, tsr)), verify.Options{Now: now, NotKept: func(p string) bool { return p == tsr }})
		if err != nil || r.Result != verify.OK || len(r.Stamps) != 0 {
			t.Errorf("not kept: %s %+v, %v", r.Result, r.Findings, err)
		}
		writeFile(t, filepath.Join(c.dir, tsr), elsewhere)
		if r, err = verify.Edition(t.Context(), open(t, c.dir), verify.Options{Now: now}); err != nil || r.Result != verify.Corrupt || len(r.Stamps) != 0 {
			t.Errorf("replaced: %s %+v, %v", r.Result, r.Findings, err)
		}
	}
}

// without copies a folder and leaves a file out.
func without(t testing.TB, dir, path string) string {
	t.Helper()
	to := copyTree(t, dir)
	if err := os.Remove(filepath.Join(to, path)); err != nil {
		t.Fatal(err)
	}
	return to
}

func open(t testing.TB, dir string) verify.Source {
	t.Helper()
	src, err := verify.Dir(dir)
	if err != nil {
		t.Fatal(err)
	}
	return src
}

// TestStampRecipe does what the page about checking says of time stamps, in a folder in which
// somebody did what a record's page says: the record was in the log at the time of the stamp,
// and a later one was not. The service's certificate has ended since.
func TestStampRecipe(t *testing.T) {
	s, id := stamper(t)
	c := newCollective(t)
	c.publish(t, c.next(t, "000001"))
	note := c.stamp(t, s, id)
	c.more = maps.Clone(note)
	c.publish(t, c.next(t, "000102"))
	base := serve(t, c.dir)
	steps := edition.StampRecipe(1, note["stamps/1.txt"], []string{id}, c.charter)
	if len(steps) != 4 {
		t.Fatalf("%d steps", len(steps))
	}
	for record, want := range map[string]string{"000001": "", "000102": "recipe.log"} {
		dir := t.TempDir()
		of := recipe(t, c, record, map[string]uint64{"000001": 1, "000102": 3}[record])
		if failed, out := runSteps(t, dir, base, of); failed != "" {
			t.Fatalf("%s: %s fails:\n%s", record, failed, out)
		}
		if failed, out := runSteps(t, dir, base, steps); failed != "" {
			t.Fatalf("the stamp: %s fails:\n%s", failed, out)
		}
		if failed, out := runSteps(t, dir, base, of[len(of)-1:]); failed != want {
			t.Errorf("%s by the stamped log: %q fails, want %q\n%s", record, failed, want, out)
		}
	}
	for path, want := range map[string]string{"stamps/1.txt": "recipe.stamp.time", edition.StampPath(1, id): "recipe.stamp.time", edition.StampRootsPath(id): "recipe.stamp.root"} {
		dir := t.TempDir()
		if failed, out := runSteps(t, dir, base, steps[:1]); failed != "" {
			t.Fatal(out)
		}
		b, err := os.ReadFile(filepath.Join(dir, path))
		if err != nil {
			t.Fatal(err)
		}
		b[len(b)-10] ^= 1 // of a stamp: its signature
		writeFile(t, filepath.Join(dir, path), b)
		if failed, out := runSteps(t, dir, base, steps[1:]); failed != want && !(want == "recipe.stamp.root" && failed == "recipe.stamp.time") {
			t.Errorf("%s tampered with: %q fails, want %s\n%s", path, failed, want, out)
		}
	}
	// Under a log's later key the last step would refuse an honest note; it is left out.
	rotated := c.charter
	rotated.Log.Key = newCollective(t).charter.Log.Key
	if n := len(edition.StampRecipe(1, note["stamps/1.txt"], []string{id}, rotated)); n != 3 {
		t.Errorf("%d steps under another key", n)
	}
}
