package verify_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"kua/internal/canon"
	"kua/internal/charter"
	"kua/internal/edition"
	"kua/internal/record"
	"kua/internal/tlog"
	"kua/internal/tlog/appender"
)

// recipe gives the commands that a record's page prints.
func recipe(t testing.TB, c *collective, id string, index uint64) []edition.Step {
	t.Helper()
	rec, err := record.Parse(c.docs[id])
	if err != nil {
		t.Fatal(err)
	}
	return edition.Recipe(edition.RecipeInput{
		Record: rec, Document: c.docs[id], Charter: c.charter,
		CharterID: canon.Hash([]byte(c.chain[len(c.chain)-1].Document)), Index: index,
	})
}

// runSteps runs the commands as a reader does, in a folder of their own, and
// gives the key of the first step that fails, or "".
func runSteps(t testing.TB, dir, base string, steps []edition.Step) (failed, output string) {
	t.Helper()
	for _, s := range steps {
		for _, command := range s.Commands {
			cmd := exec.Command("bash", "-c", command)
			cmd.Dir = dir
			cmd.Env = append(os.Environ(), "B="+base)
			out, err := cmd.CombinedOutput()
			output += fmt.Sprintf("$ %s\n%s", command, out)
			if err != nil {
				return s.Key, output
			}
		}
	}
	return "", output
}

// TestRecipe does exactly what a record's page says, with bash, curl, sha256sum,
// openssl and grep: over the web, and in the folder of a copy.
func TestRecipe(t *testing.T) {
	c := newCollective(t)
	c.publish(t, c.next(t, "000001"))
	c.publish(t, c.next(t, "000001"), c.next(t, "000102"))
	for id, index := range map[string]uint64{"000001": 3, "000102": 4} {
		steps := recipe(t, c, id, index)
		if failed, out := runSteps(t, t.TempDir(), serve(t, c.dir), steps); failed != "" {
			t.Fatalf("%s over the web: %s fails:\n%s", id, failed, out)
		}
		failed, out := runSteps(t, copyTree(t, c.dir), "", steps[1:])
		if failed != "" {
			t.Fatalf("%s in a folder: %s fails:\n%s", id, failed, out)
		}
		for _, want := range []string{"Signature Verified Successfully", ".mp4: OK", "is in the log of 6 entries"} {
			if !strings.Contains(out, want) {
				t.Errorf("the commands do not say %q:\n%s", want, out)
			}
		}
	}
}

// TestRecipeFinds tampers with what the recipe looks at: the step meant for it
// must fail.
func TestRecipeFinds(t *testing.T) {
	c := newCollective(t)
	c.publish(t, c.next(t, "000001"))
	film, _ := blob("000001", "video/mp4", "240p")
	doc := record.Path("000001", 1)
	steps := recipe(t, c, "000001", 1)
	firstKey := "keys/" + signers(t, c.dir, doc)[0] + ".pem"
	for _, test := range []struct{ path, step string }{
		{film.Path(), "recipe.hash"},
		{doc, "recipe.hash"},
		{edition.SignaturePath(doc, signers(t, c.dir, doc)[0]), "recipe.signature"},
		{firstKey, "recipe.signature"},
		{"charter/1.json", "recipe.charter"},
		{"parts/r-0000.json", "recipe.edition"},
		{"manifest.json", "recipe.edition"},
		{"keys/log.pem", "recipe.checkpoint"},
		{"log/checkpoint", "recipe.checkpoint"},
		{"log/tile/entries/000.p/3", "recipe.log"},
	} {
		dir := copyTree(t, c.dir)
		b, err := os.ReadFile(filepath.Join(dir, test.path))
		if err != nil {
			t.Fatal(err)
		}
		at := len(b) / 2
		if strings.HasSuffix(test.path, ".pem") {
			at = bytes.IndexByte(b, '\n') + 30 // in the key, not in its wrapping
		}
		if test.path == "charter/1.json" {
			at = bytes.Index(b, []byte(`"threshold":`)) + len(`"threshold":`) // not where a key is looked for
		}
		if test.path == "log/checkpoint" {
			at = len(origin) + 1 // in the size
		}
		b[at] ^= 1
		writeFile(t, filepath.Join(dir, test.path), b)
		if failed, out := runSteps(t, dir, "", steps[1:]); failed != test.step {
			t.Errorf("%s tampered with: %q fails, want %s\n%s", test.path, failed, test.step, out)
		}
	}
}

// TestRecipeCountsPeople: neither one person's key under two names nor the key of somebody who
// has left makes up for a person who did not sign, whatever names a page gives.
func TestRecipeCountsPeople(t *testing.T) {
	c := newCollective(t)
	c.publish(t, c.next(t, "000001"))
	steps := recipe(t, c, "000001", 1)
	doc, dir := record.Path("000001", 1), copyTree(t, c.dir)
	id := func(n int) string { return charter.KeyID(c.people[n].PublishKey()) }
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	same := func(from, to string) {
		t.Helper()
		b, err := os.ReadFile(filepath.Join(dir, from))
		must(err)
		writeFile(t, filepath.Join(dir, to), b)
	}
	same(edition.KeyPath(id(0)), edition.KeyPath(id(2)))
	for _, signed := range []string{doc, edition.ManifestPath} {
		must(os.Remove(filepath.Join(dir, edition.SignaturePath(signed, id(1)))))
		same(edition.SignaturePath(signed, id(0)), edition.SignaturePath(signed, id(2)))
	}
	if failed, out := runSteps(t, dir, "", steps[1:]); failed != "recipe.signature" {
		t.Errorf("one person counts twice: %q fails\n%s", failed, out)
	}

	left, err := c.charter.Retire("Botir", "2026-11-21")
	must(err)
	left.Version, left.Previous = 2, canon.Hash([]byte(c.chain[0].Document))
	c.charter = left
	c.signCharter(t)
	forged := left
	forged.People = slices.Clone(left.People)
	for i := range forged.People {
		forged.People[i].Retired = "" // as a page says
	}
	dir = copyTree(t, c.dir)
	writeFile(t, filepath.Join(dir, "charter/2.json"), []byte(c.chain[1].Document))
	rec, err := record.Parse(c.docs["000001"])
	must(err)
	steps = edition.Recipe(edition.RecipeInput{Record: rec, Document: c.docs["000001"], Charter: forged, CharterID: canon.Hash([]byte(c.chain[1].Document)), Index: 1})
	if failed, out := runSteps(t, dir, "", steps[1:]); failed != "recipe.signature" {
		t.Errorf("who has left counts: %q fails\n%s", failed, out)
	}
}

func signers(t testing.TB, dir, doc string) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, doc) + ".*.sig")
	if err != nil || len(names) == 0 {
		t.Fatal(names, err)
	}
	var ids []string
	for _, n := range names {
		_, id, ok := edition.Signature(doc + "." + strings.SplitN(filepath.Base(n), ".", 3)[2])
		if !ok {
			t.Fatal(n)
		}
		ids = append(ids, id)
	}
	return ids
}

// TestInclusionScript runs the script of the page over logs of all the shapes
// that a tree of tiles can have.
func TestInclusionScript(t *testing.T) {
	dir := t.TempDir()
	private, public, err := appender.NewKey(origin)
	if err != nil {
		t.Fatal(err)
	}
	a, err := appender.Open(t.Context(), filepath.Join(dir, "log"), private)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close(t.Context())
	writeFile(t, filepath.Join(dir, edition.ScriptPath), edition.Script())
	entry := func(i int) string { return fmt.Sprintf(`{"made":"up","n":%d}`, i) }
	size := 0
	for _, test := range []struct {
		size    int
		indexes []int
	}{{1, []int{0}}, {2, []int{1}}, {7, []int{3}}, {257, []int{256}}, {512, []int{300}}, {520, []int{519}}} {
		var entries [][]byte
		for ; size < test.size; size++ {
			entries = append(entries, []byte(entry(size)))
		}
		if _, _, err := a.Append(t.Context(), entries...); err != nil {
			t.Fatal(err)
		}
		for _, i := range test.indexes {
			out, err := script(dir, i, entry(i))
			if err != nil || !strings.Contains(out, fmt.Sprintf("entry %d is in the log of %d entries", i, test.size)) {
				t.Fatalf("entry %d of %d: %v\n%s", i, test.size, err, out)
			}
			if out, err := script(dir, i, entry(i+1)); err == nil {
				t.Errorf("another entry at %d of %d passes: %s", i, test.size, out)
			}
		}
	}
	for _, test := range []struct {
		path  string
		index int
	}{{"log/tile/1/000.p/2", 519}, {"log/tile/0/002.p/8", 3}, {"log/tile/entries/002.p/8", 519}} {
		name := filepath.Join(dir, test.path)
		good, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		bad := bytes.Clone(good)
		bad[len(bad)-3] ^= 1
		writeFile(t, name, bad)
		if out, err := script(dir, test.index, entry(test.index)); err == nil {
			t.Errorf("%s tampered with passes: %s", test.path, out)
		}
		writeFile(t, name, good)
	}
	still := t.TempDir() // the appender writes its checkpoint anew from time to time
	if err := os.CopyFS(still, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	note := filepath.Join(still, "log/checkpoint")
	good, err := os.ReadFile(note)
	if err != nil {
		t.Fatal(err)
	}
	for _, size := range []string{"BASH_VERSINFO[$(touch ran)0]", "08", "", "-1"} {
		lines := bytes.SplitN(good, []byte("\n"), 3)
		writeFile(t, note, bytes.Join([][]byte{lines[0], []byte(size), lines[2]}, []byte("\n")))
		if out, err := script(still, 0, entry(0)); err == nil {
			t.Errorf("a log of %q entries passes: %s", size, out)
		}
	}
	if _, err := os.Stat(filepath.Join(still, "ran")); err == nil {
		t.Error("a checkpoint's words were run")
	}
	cp, err := a.Checkpoint(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tlog.ParseCheckpoint(cp.Raw, origin, public); err != nil {
		t.Error(err)
	}
}

func script(dir string, index int, entry string) (string, error) {
	cmd := exec.Command("bash", edition.ScriptPath, fmt.Sprint(index), entry)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	return string(out), err
}
