package mirror_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"kua/internal/edition"
	"kua/internal/edition/editiontest"
	"kua/internal/fault"
	"kua/internal/mirror"
	"kua/internal/verify"
)

// options are those of a quick and patient pull.
func options(sources ...mirror.Source) mirror.Options {
	return mirror.Options{Sources: sources, Now: editiontest.Now, Pause: time.Millisecond}
}

func dir(t testing.TB, path string) mirror.Source {
	t.Helper()
	s, err := mirror.Dir(path)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func open(t testing.TB, path string) *mirror.Mirror {
	t.Helper()
	m, err := mirror.Open(path, true)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

// pull pulls into a mirror that it opens and closes.
func pull(t testing.TB, to string, opts mirror.Options) (mirror.Result, error) {
	t.Helper()
	m, err := mirror.Open(to, true)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	return m.Pull(context.Background(), opts)
}

func mustPull(t testing.TB, to string, opts mirror.Options) mirror.Result {
	t.Helper()
	r, err := pull(t, to, opts)
	if err != nil {
		t.Fatalf("%v: %+v", err, r)
	}
	return r
}

// sound holds that a mirror verifies, with everything its profile keeps.
func sound(t testing.TB, path string) verify.Report {
	t.Helper()
	m, err := mirror.Look(path)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	r, err := m.Verify(context.Background(), verify.Options{Now: editiontest.Now})
	if err != nil {
		t.Fatal(err)
	}
	if r.Result != verify.OK {
		t.Fatalf("%s: %+v", r.Result, r.Findings)
	}
	return r
}

func TestPull(t *testing.T) {
	t.Parallel()
	c := editiontest.New(t)
	c.Publish(t, c.Records(t, 1, 4)...)
	to := filepath.Join(t.TempDir(), "copy")
	r := mustPull(t, to, options(dir(t, c.Dir)))
	if r.Outcome != mirror.Taken || r.Edition != 1 || !r.First || len(r.Left) != 0 || len(r.Aside) != 0 {
		t.Fatalf("%+v", r)
	}
	sound(t, to)
	if r = mustPull(t, to, options(dir(t, c.Dir))); r.Outcome != mirror.Unchanged || r.Objects != 0 || r.First {
		t.Fatalf("%+v", r)
	}

	// A correction, a new record, a withdrawal: what left is gone.
	gone := c.Record(t, "000002").Media[0].Files[1].Path()
	c.Publish(t, c.Record(t, "000001"), c.Record(t, "000005"), c.Withdrawal(t, "000002"))
	if r = mustPull(t, to, options(dir(t, c.Dir))); r.Outcome != mirror.Taken || r.Edition != 2 {
		t.Fatalf("%+v", r)
	}
	sound(t, to)
	for _, p := range []string{gone, "records/0000/000002/v1.json"} {
		if _, err := os.Stat(filepath.Join(to, p)); err == nil {
			t.Errorf("%s is still there", p)
		}
	}
	if want, got := tree(t, c.Dir), tree(t, to); want != got {
		t.Errorf("the copy has other files:\n%s\nwant\n%s", got, want)
	}
}

// tree lists the files that a reader can be given.
func tree(t testing.TB, dir string) string {
	t.Helper()
	var b strings.Builder
	err := filepath.WalkDir(dir, func(name string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			if e != nil && strings.HasPrefix(e.Name(), ".") && name != dir {
				return filepath.SkipDir
			}
			return err
		}
		rel, err := filepath.Rel(dir, name)
		if strings.Contains(rel, ".p/") {
			return err // partial files of the log that it has outgrown
		}
		b.WriteString(rel + "\n")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestProfiles(t *testing.T) {
	t.Parallel()
	c := editiontest.New(t)
	c.Publish(t, c.Records(t, 1, 3)...)
	to := filepath.Join(t.TempDir(), "copy")
	count := func() map[string]int {
		n := make(map[string]int)
		for _, ext := range []string{"jpg", "weba", "mp4", "vtt"} {
			files, err := filepath.Glob(filepath.Join(to, "blobs/*/*."+ext))
			if err != nil {
				t.Fatal(err)
			}
			n[ext] = len(files)
		}
		return n
	}
	for _, step := range []struct {
		profile              mirror.Profile
		jpg, weba, mp4, left int
	}{{mirror.TextOnly, 0, 0, 0, 12}, {mirror.Audio, 3, 3, 0, 6}, {mirror.Lowest, 3, 3, 3, 3}, {mirror.All, 3, 3, 6, 0}} {
		opts := options(dir(t, c.Dir))
		opts.Profile = step.profile
		mustPull(t, to, opts)
		if n := count(); n["jpg"] != step.jpg || n["weba"] != step.weba || n["mp4"] != step.mp4 || n["vtt"] != 3 {
			t.Errorf("%s keeps %v", step.profile, n)
		}
		if r := sound(t, to); r.NotKept != step.left {
			t.Errorf("%s: %d not kept, want %d", step.profile, r.NotKept, step.left)
		}
		saysWhatItLeaves(t, to, step.left)
	}
	// What is kept and vanishes is missing, whatever else is not kept.
	films, err := filepath.Glob(filepath.Join(to, "blobs/*/*.mp4"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(films[0]); err != nil {
		t.Fatal(err)
	}
	m := open(t, to)
	gone := func() {
		t.Helper()
		r, err := m.Verify(t.Context(), verify.Options{Now: editiontest.Now})
		if err != nil || r.Result != verify.Corrupt || r.Findings[0].Key != "verify.missing" {
			t.Errorf("%v %+v", err, r)
		}
	}
	gone()
	// Without its manifest a copy is broken, and not one that cannot be checked.
	ok(t, os.Remove(filepath.Join(to, edition.ManifestPath)))
	gone()
}

// saysWhatItLeaves: who verifies the copy in its folder, where it is served, or at a host
// that it was pushed to, takes nothing that it leaves out for missing.
func saysWhatItLeaves(t *testing.T, copied string, left int) {
	t.Helper()
	pushed := filepath.Join(t.TempDir(), "htdocs")
	to, err := mirror.DirTarget(pushed)
	ok(t, err)
	m, err := mirror.Open(copied, false)
	ok(t, err)
	_, _ = m.Push(t.Context(), &cutAfter{Target: to, path: "log/checkpoint"}, 2, nil) // what comes after that is lost
	if r, err := verify.Target(t.Context(), pushed, "", verify.Options{Now: editiontest.Now}); err != nil || r.Result != verify.OK || r.NotKept != left {
		t.Errorf("cut off after the checkpoint: %v %s, %d not kept, want %d: %+v", err, r.Result, r.NotKept, left, r.Findings)
	}
	_, err = m.Push(t.Context(), to, 2, nil)
	m.Close()
	ok(t, err)
	see := func(target string) verify.Report {
		r, err := verify.Target(t.Context(), target, "", verify.Options{Now: editiontest.Now})
		ok(t, err)
		return r
	}
	address := serve(t, handler(t, copied))
	for _, target := range []string{copied, address, pushed, address + "/records/0000/000001/v1.json"} {
		want := left
		if strings.HasSuffix(target, ".json") {
			want = left / 3 // of one record
		}
		if r := see(target); r.Result != verify.OK || r.NotKept != want {
			t.Errorf("%s: %s, %d not kept, want %d: %+v", target, r.Result, r.NotKept, want, r.Findings)
		}
	}
	if left == 0 {
		return
	}
	list := filepath.Join(pushed, filepath.FromSlash(edition.LeftPath))
	b, err := os.ReadFile(list)
	ok(t, err)
	// What is not there is not verified, whoever says that it is left out.
	film := strings.Fields(string(b))[4]
	if r, err := verify.Target(t.Context(), address+"/"+film, "", verify.Options{Now: editiontest.Now}); !errors.Is(err, fault.NotFound("verify.no_target")) {
		t.Errorf("a film that is left out, by its own address: %s, %v", r.Result, err)
	}
	// By its own word a copy leaves out no record.
	const document = "records/0000/000002/v1.json"
	ok(t, os.WriteFile(list, append(b, "profile text 9 "+strings.Repeat("0", 64)+" "+document+"\n"...), 0o600))
	ok(t, os.Remove(filepath.Join(pushed, filepath.FromSlash(document))))
	if r := see(pushed); r.Result != verify.Corrupt || r.Findings[0].Key != "verify.missing" || r.Findings[0].Path != document || r.NotKept != left {
		t.Errorf("a record that the copy says to leave out: %s, %+v", r.Result, r.Findings)
	}
}

func TestLongerLogOfAThief(t *testing.T) {
	t.Parallel()
	c := editiontest.New(t)
	c.Publish(t, c.Records(t, 1, 2)...)
	to := filepath.Join(t.TempDir(), "copy")
	thief := c.Twin(t)
	mustPull(t, to, options(dir(t, c.Dir)))
	thief.PublishUnsigned(t, thief.Records(t, 3, 9)...)
	c.Publish(t, c.Record(t, "000003"))
	r := mustPull(t, to, options(dir(t, thief.Dir), dir(t, c.Dir)))
	if r.Edition != 2 || len(r.Aside) != 1 || r.Aside[0].Source != thief.Dir || r.Aside[0].Key != "mirror.not_signed" {
		t.Fatalf("%+v", r)
	}
	sound(t, to)
	// Nor does a first reader take it.
	if r = mustPull(t, filepath.Join(t.TempDir(), "new"), options(dir(t, thief.Dir), dir(t, c.Dir))); r.Edition != 2 {
		t.Fatalf("%+v", r)
	}
	if _, err := pull(t, filepath.Join(t.TempDir(), "alone"), options(dir(t, thief.Dir))); err == nil {
		t.Error("an edition that nobody signed was taken")
	}
}

func TestForkAndRollback(t *testing.T) {
	t.Parallel()
	c := editiontest.New(t)
	c.Publish(t, c.Records(t, 1, 2)...)
	to := filepath.Join(t.TempDir(), "copy")
	other, stale := c.Twin(t), editiontest.Copy(t, c.Dir)
	c.Publish(t, c.Record(t, "000003"))
	other.Publish(t, other.Record(t, "000004"), other.Record(t, "000005"))

	// Two histories, both signed by people, and nothing known: neither is taken.
	r, err := pull(t, to, options(dir(t, c.Dir), dir(t, other.Dir)))
	if f, ok := fault.Of(err); !ok || f.Key != "mirror.fork" {
		t.Fatalf("%v", err)
	}
	if _, err := os.Stat(filepath.Join(to, edition.ManifestPath)); err == nil {
		t.Error("a forked edition was taken")
	}
	proves(t, r.Evidence, "fork")

	// One of them known: it stays, and the other is set aside with proof.
	known := filepath.Join(t.TempDir(), "known")
	mustPull(t, known, options(dir(t, c.Dir)))
	r = mustPull(t, known, options(dir(t, other.Dir), dir(t, c.Dir)))
	if r.Edition != 2 || len(r.Aside) != 1 || r.Aside[0].Key != "mirror.forked" {
		t.Fatalf("%+v", r)
	}
	proves(t, r.Evidence, "fork")
	sound(t, known)

	// A genuine old copy is behind, and gives nothing away.
	r = mustPull(t, known, options(dir(t, stale)))
	if r.Edition != 2 || r.Outcome != mirror.Unchanged || len(r.Behind) != 1 {
		t.Fatalf("%+v", r)
	}
	proves(t, r.Evidence, "rollback")
	sound(t, known)
}

// proves holds that there is evidence, and that it is good, and that a changed
// one is not.
func proves(t testing.TB, files []string, what string) {
	t.Helper()
	if len(files) != 1 {
		t.Fatalf("evidence: %v", files)
	}
	j, err := mirror.Judge(files[0], "")
	if err != nil || j.What != what || j.Proves != (what == "fork") || j.Old.Size >= j.New.Size {
		t.Fatalf("%v: %+v", err, j)
	}
	b, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	bad := filepath.Join(t.TempDir(), "bad.json")
	spoilt := strings.Replace(string(b), `\n`+string(j.Old.Root[0]), `\nX`, 1)
	spoilt = strings.Replace(spoilt, "— kua.example/log ", "— kua.example/log A", 1)
	if err := os.WriteFile(bad, []byte(spoilt), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := mirror.Judge(bad, ""); err == nil {
		t.Error("spoilt evidence passed")
	}
}

func TestTwoCollectives(t *testing.T) {
	t.Parallel()
	a, b := editiontest.New(t), editiontest.New(t)
	a.Publish(t, a.Record(t, "000001"))
	b.Publish(t, b.Record(t, "000001"))
	to := filepath.Join(t.TempDir(), "copy")
	_, err := pull(t, to, options(dir(t, a.Dir), dir(t, b.Dir)))
	if f, ok := fault.Of(err); !ok || f.Key != "mirror.two_collectives" {
		t.Fatalf("%v", err)
	}
	opts := options(dir(t, a.Dir), dir(t, b.Dir))
	id, err := b.Charter.ID()
	if err != nil {
		t.Fatal(err)
	}
	opts.Pinned = id
	r := mustPull(t, to, opts)
	if r.Charter != id || len(r.Aside) != 1 || r.Aside[0].Key != "charter.not_pinned" {
		t.Fatalf("%+v", r)
	}
	// From then on the other is another collective's log.
	if _, err := pull(t, to, options(dir(t, a.Dir))); err == nil {
		t.Error("another collective was taken")
	}
	sound(t, to)
}

func TestBudget(t *testing.T) {
	t.Parallel()
	c := editiontest.New(t)
	c.Publish(t, c.Records(t, 1, 6)...)
	to := filepath.Join(t.TempDir(), "copy")
	mustPull(t, to, options(dir(t, c.Dir)))
	c.Publish(t, c.Records(t, 7, 12)...)

	// Too little for the text: the copy stays whole, and what came is kept for tomorrow.
	opts := options(dir(t, c.Dir))
	opts.Budget = 20_000
	r := mustPull(t, to, opts)
	if r.Outcome != mirror.Waiting || r.Edition != 1 || r.Newest != 2 || !r.Ended || r.Bytes == 0 {
		t.Fatalf("%+v", r)
	}
	sound(t, to)
	first := r.Bytes

	// Enough for text and something more: the newest and smallest first.
	opts = options(dir(t, c.Dir))
	opts.Budget = 60_000
	r = mustPull(t, to, opts)
	if r.Outcome != mirror.Taken || r.Edition != 2 || !r.Ended || r.Left[mirror.Later]["rest"].Files != 6 || r.Left[mirror.Later]["poster"].Files != 0 {
		t.Fatalf("%+v", r)
	}
	if v := sound(t, to); v.NotKept == 0 {
		t.Error("everything is kept")
	}
	if r.Bytes > 60_000 {
		t.Errorf("%d bytes (before: %d)", r.Bytes, first)
	}
	r = mustPull(t, to, options(dir(t, c.Dir)))
	if r.Outcome != mirror.Taken || len(r.Left) != 0 {
		t.Fatalf("%+v", r)
	}
	if v := sound(t, to); v.NotKept != 0 {
		t.Errorf("%d not kept", v.NotKept)
	}

	// The lists of files count too, and are not asked for twice.
	lists := int64(0)
	for _, p := range c.Manifest.Parts {
		lists += p.Size
	}
	anew := filepath.Join(t.TempDir(), "anew")
	opts = options(dir(t, c.Dir))
	opts.Budget = 1
	if r := mustPull(t, anew, opts); r.Outcome != mirror.Waiting || r.Bytes >= lists {
		t.Errorf("the lists have %d bytes: %+v", lists, r)
	}
	opts.Budget = 80_000
	days := 0
	for r.Ended = true; r.Ended && days < 40; days++ {
		r = mustPull(t, anew, opts)
	}
	if r.Ended || r.Edition != 2 {
		t.Errorf("after %d days: %+v", days, r)
	}
	sound(t, anew)
}

// TestDamagedIsMended spoils what a mirror keeps, as an old card does: pulling with Check
// brings that anew and nothing else, also where less than all is kept.
func TestDamagedIsMended(t *testing.T) {
	t.Parallel()
	c := edition3(t)
	to := filepath.Join(t.TempDir(), "copy")
	opts := options(dir(t, c.Dir))
	opts.Profile = mirror.Audio
	mustPull(t, to, opts)
	posters, err := filepath.Glob(filepath.Join(to, "blobs/*/*.jpg"))
	ok(t, err)
	at := func(path string) string { return filepath.Join(to, filepath.FromSlash(path)) }
	spoil := func(path string) {
		b, err := os.ReadFile(path)
		ok(t, err)
		b[len(b)/2] ^= 1
		ok(t, os.WriteFile(path, b, 0o644))
	}
	for _, path := range []string{posters[0], at("kk/r/0000/000002.html"), at("records/0000/000003/v1.json"), at("parts/root.json")} {
		spoil(path)
	}
	ok(t, os.Remove(at("kk/index.html")))
	if r := mustPull(t, to, opts); r.Outcome != mirror.Unchanged {
		t.Errorf("%+v", r)
	}
	opts.Check = true
	if r := mustPull(t, to, opts); r.Outcome != mirror.Taken || r.Objects > 8 {
		t.Errorf("%+v", r)
	}
	sound(t, to)
	if r := mustPull(t, to, opts); r.Outcome != mirror.Unchanged || r.Objects != 0 {
		t.Errorf("%+v", r)
	}
	// With the next edition what is damaged comes too.
	spoil(at("kk/r/0000/000001.html"))
	c.Publish(t, c.Record(t, "000004"))
	opts.Sources = []mirror.Source{dir(t, c.Dir)}
	if r := mustPull(t, to, opts); r.Edition != 2 {
		t.Errorf("%+v", r)
	}
	kept := sound(t, to).NotKept
	// What no source has is not kept any more, and that is said.
	spoil(posters[1])
	poorer := editiontest.Copy(t, c.Dir)
	ok(t, os.Remove(filepath.Join(poorer, strings.TrimPrefix(posters[1], to))))
	opts.Sources = []mirror.Source{dir(t, poorer)}
	mustPull(t, to, opts)
	if r := sound(t, to); r.NotKept != kept+1 {
		t.Errorf("%d files are not kept, before it were %d", r.NotKept, kept)
	}
	// It may be the last that there is: it lies aside until it comes from somewhere.
	aside := filepath.Join(to, mirror.House, "damaged", strings.TrimPrefix(posters[1], to))
	if _, err := os.Stat(aside); err != nil {
		t.Error(err)
	}
	opts.Sources = []mirror.Source{dir(t, c.Dir)}
	mustPull(t, to, opts)
	if _, err := os.Stat(aside); !os.IsNotExist(err) {
		t.Errorf("it came, and the damaged one stays: %v", err)
	}
	if r := sound(t, to); r.NotKept != kept {
		t.Errorf("%d files are not kept, want %d", r.NotKept, kept)
	}
}

// TestLitter finds in the house what no earlier run of the program would have left
// there, or one that was killed: only what is proved moves to its place.
func TestLitter(t *testing.T) {
	t.Parallel()
	c := editiontest.New(t)
	c.Publish(t, c.Records(t, 1, 3)...)
	to := filepath.Join(t.TempDir(), "copy")
	m := open(t, to)
	for _, name := range []string{"kk/planted.html", "kk/index.html", "records/0000/000001/v1.json.0123456789abcdef.sig", "setup.exe"} {
		at := filepath.Join(to, mirror.House, "next", name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(at), 0o755), os.WriteFile(at, []byte("planted"), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := m.Pull(context.Background(), options(dir(t, c.Dir))); err != nil {
		t.Fatal(err)
	}
	if tree(t, to) != tree(t, c.Dir) {
		t.Error("another tree came")
	}
	sound(t, to)
}
