package verify_test

import (
	"bytes"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"kua/internal/charter"
	"kua/internal/edition"
	"kua/internal/fault"
	"kua/internal/keyring"
	"kua/internal/record"
	"kua/internal/tlog"
	"kua/internal/verify"
)

func options() verify.Options { return verify.Options{Now: now} }

func verifyDir(t testing.TB, dir string, opts verify.Options) verify.Report {
	t.Helper()
	report, err := verify.Target(t.Context(), dir, "", opts)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// serve answers as a dumb web host does: plain files, no ranges, no lists.
func serve(t testing.TB, dir string) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(r.URL.Path)))
		if err != nil {
			http.NotFound(w, r)
			return
		}
		if _, err := w.Write(b); err != nil {
			t.Log(err)
		}
	}))
	t.Cleanup(s.Close)
	return s.URL
}

func wantResult(t testing.TB, r verify.Report, want verify.Result) {
	t.Helper()
	if r.Result != want {
		t.Errorf("result %s, want %s; findings: %+v", r.Result, want, r.Findings)
	}
}

func wantFinding(t testing.TB, r verify.Report, key, path string) {
	t.Helper()
	if !slices.ContainsFunc(r.Findings, func(f verify.Finding) bool { return f.Key == key && f.Path == path }) {
		t.Errorf("no finding %s for %q among %+v", key, path, r.Findings)
	}
}

func TestEdition(t *testing.T) {
	c := newCollective(t)
	c.publish(t, c.next(t, "000001"), c.next(t, "000102"))
	c.publish(t, c.next(t, "000001"))
	c.publish(t, c.withdrawal(t, "000102"))
	for _, target := range []string{c.dir, serve(t, c.dir)} {
		var last verify.Progress
		opts := options()
		opts.Progress = func(p verify.Progress) { last = p }
		report := verifyDir(t, target, opts)
		wantResult(t, report, verify.OK)
		if report.Records != 2 || report.Edition != 3 || report.Freshness != edition.Fresh || report.Log.Size != 8 || !report.FirstContact {
			t.Errorf("report: %+v", report)
		}
		if report.Files == 0 || last.Files != last.OfFiles || last.Bytes != last.OfBytes || report.Files != last.Files {
			t.Errorf("progress: %+v, files %d", last, report.Files)
		}
	}
	opts := options()
	for label, at := range map[edition.Freshness]time.Time{
		edition.Behind: now.AddDate(0, 0, 5), edition.OldCopy: now.AddDate(0, 3, 0), edition.Ahead: now.AddDate(-5, 0, 0),
	} {
		opts.Now = at
		report := verifyDir(t, c.dir, opts)
		wantResult(t, report, verify.OK)
		if report.Freshness != label {
			t.Errorf("at %v: %s, want %s", at, report.Freshness, label)
		}
	}
}

// TestTamper flips one bit in every single file of an edition in turn, and takes
// every file away in turn. Each time verify must fail, and name the file.
func TestTamper(t *testing.T) {
	c := newCollective(t)
	c.publish(t, c.next(t, "000001"))
	c.publish(t, c.next(t, "000001"), c.next(t, "000002"))
	paths := published(t, c.dir)
	if len(paths) < 40 {
		t.Fatalf("only %d files: %v", len(paths), paths)
	}
	names := func(r verify.Report, path string) bool {
		return slices.ContainsFunc(r.Findings, func(f verify.Finding) bool {
			return f.Path == path || strings.HasPrefix(path, "log/") && strings.HasPrefix(f.Path, "log") || strings.HasPrefix(path, "charter/") && f.Path == "charter"
		})
	}
	for _, path := range paths {
		name := filepath.Join(c.dir, path)
		good, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, at := range []int{0, len(good) / 2, len(good) - 1} {
			bad := bytes.Clone(good)
			bad[at] ^= 1
			writeFile(t, name, bad)
			report := verifyDir(t, c.dir, options())
			if report.Result.ExitCode() == 0 || !names(report, path) {
				t.Errorf("%s with byte %d of %d flipped: %s, %+v", path, at, len(good), report.Result, report.Findings)
			}
		}
		if err := os.Remove(name); err != nil {
			t.Fatal(err)
		}
		report := verifyDir(t, c.dir, options())
		outgrown := strings.Contains(path, ".p/") && !slices.Contains(tlog.NewPaths(0, report.Log.Size), strings.TrimPrefix(path, "log/"))
		if !outgrown && (report.Result.ExitCode() == 0 || !names(report, path) && !strings.HasSuffix(path, ".sig")) {
			t.Errorf("%s missing: %s, %+v", path, report.Result, report.Findings)
		}
		writeFile(t, name, good)
	}
	wantResult(t, verifyDir(t, c.dir, options()), verify.OK)
}

func TestTamperKinds(t *testing.T) {
	c := newCollective(t)
	c.publish(t, c.next(t, "000001"))
	film, _ := blob("000001", "video/mp4", "240p")
	for _, test := range []struct {
		name, key, path string
		break_          func(dir string) error
	}{
		{"cut blob", "verify.cut_off", film.Path(), func(d string) error { return os.Truncate(filepath.Join(d, film.Path()), 10) }},
		{"long blob", "verify.too_large", film.Path(), func(d string) error {
			return os.WriteFile(filepath.Join(d, film.Path()), make([]byte, film.Size+1), 0o644)
		}},
		{"truncated tile", "tlog.tile", "log/tile/0/000.p/3", func(d string) error { return os.Truncate(filepath.Join(d, "log/tile/0/000.p/3"), 40) }},
		{"extra page", "verify.extra", "kk/r/0000/000002.html", func(d string) error {
			return os.WriteFile(filepath.Join(d, "kk/r/0000/000002.html"), []byte("planted"), 0o644)
		}},
		{"extra page in the place of another", "verify.extra", "kk/r/0000/000002.html", func(d string) error {
			return os.Rename(filepath.Join(d, "kk/r/0000/000001.html"), filepath.Join(d, "kk/r/0000/000002.html"))
		}},
		{"extra of another shape", "verify.extra", "setup.exe", func(d string) error { return os.WriteFile(filepath.Join(d, "setup.exe"), []byte("planted"), 0o755) }},
		{"link", "verify.not_a_file", "kk/index.html", func(d string) error {
			return errors.Join(os.Rename(filepath.Join(d, "kk/index.html"), filepath.Join(d, "..", "moved.html")),
				os.Symlink("../../moved.html", filepath.Join(d, "kk/index.html")))
		}},
		{"linked folder", "verify.not_a_file", "kk", func(d string) error {
			return errors.Join(os.Rename(filepath.Join(d, "kk"), filepath.Join(d, "..", "kk2")), os.Symlink("../kk2", filepath.Join(d, "kk")))
		}},
		{"no checkpoint", "verify.missing", "log/checkpoint", func(d string) error { return os.Remove(filepath.Join(d, "log/checkpoint")) }},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := copyTree(t, c.dir)
			if err := test.break_(dir); err != nil {
				t.Fatal(err)
			}
			report := verifyDir(t, dir, options())
			wantResult(t, report, verify.Corrupt)
			wantFinding(t, report, test.key, test.path)
		})
	}
}

// TestOldCopy meets a newer edition first and then the old one again.
func TestOldCopy(t *testing.T) {
	c := newCollective(t)
	c.publish(t, c.next(t, "000001"))
	old := copyTree(t, c.dir)
	c.publish(t, c.next(t, "000002"))
	state := t.TempDir()
	opts := options()
	opts.State = state
	report := verifyDir(t, c.dir, opts)
	wantResult(t, report, verify.OK)
	if !report.FirstContact {
		t.Error("the first contact is not said")
	}
	if again := verifyDir(t, c.dir, opts); again.FirstContact {
		t.Error("the second contact is said to be the first")
	}
	report = verifyDir(t, old, opts)
	wantResult(t, report, verify.Old)
	wantFinding(t, report, "tlog.rollback", "log/checkpoint")
	if report.Result.ExitCode() != 2 {
		t.Errorf("exit code %d", report.Result.ExitCode())
	}
	wantResult(t, verifyDir(t, old, options()), verify.OK) // nobody who remembers nothing can know
}

// TestMixedCopy serves an old edition above the newer log.
func TestMixedCopy(t *testing.T) {
	c := newCollective(t)
	c.publish(t, c.next(t, "000001"), c.next(t, "000002"))
	mixed := copyTree(t, c.dir)
	c.publish(t, c.withdrawal(t, "000002"))
	if err := os.RemoveAll(filepath.Join(mixed, "log")); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(filepath.Join(mixed, "log"), os.DirFS(filepath.Join(c.dir, "log"))); err != nil {
		t.Fatal(err)
	}
	report := verifyDir(t, mixed, options())
	wantResult(t, report, verify.Old)
	wantFinding(t, report, "verify.edition_behind", "manifest.json")
	wantFinding(t, report, "verify.withdrawn_since", record.Path("000002", 2))

	report, err := verify.Target(t.Context(), filepath.Join(mixed, "kk/r/0000/000002.html"), "", options())
	if err != nil {
		t.Fatal(err)
	}
	wantResult(t, report, verify.Old)
}

// TestFork meets two logs with the same key that go different ways.
func TestFork(t *testing.T) {
	c := newCollective(t)
	c.publish(t, c.next(t, "000001"))
	d := c.twin(t)
	c.publish(t, c.next(t, "000002"))
	d.publish(t, d.next(t, "000003"))
	d.publish(t, d.next(t, "000004"))
	wantResult(t, verifyDir(t, d.dir, options()), verify.OK)

	opts := options()
	opts.State = t.TempDir()
	wantResult(t, verifyDir(t, c.dir, opts), verify.OK)
	report := verifyDir(t, d.dir, opts)
	wantResult(t, report, verify.Fork)
	wantFinding(t, report, "tlog.fork", "log/checkpoint")
	if report.Result.ExitCode() != 3 || len(report.Evidence) != 2 {
		t.Fatalf("exit code %d, evidence %v", report.Result.ExitCode(), report.Evidence)
	}
	var roots []string
	for _, name := range report.Evidence {
		raw, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		cp, err := tlog.ParseCheckpoint(raw, origin, c.charter.Log.Key)
		if err != nil {
			t.Errorf("the evidence %s does not stand by itself: %v", name, err)
		}
		roots = append(roots, string(cp.Root[:]))
	}
	if roots[0] == roots[1] {
		t.Error("the two notes do not contradict each other")
	}
	wantResult(t, verifyDir(t, c.dir, opts), verify.OK) // what is remembered is not replaced by the fork
}

// TestSwappedCharter serves another collective's edition, complete and well
// signed, at the same address, and under the same log's name.
func TestSwappedCharter(t *testing.T) {
	c, other := newCollective(t), newCollective(t)
	c.publish(t, c.next(t, "000001"))
	other.publish(t, other.next(t, "000001"))
	first := verifyDir(t, c.dir, options())

	opts := options()
	opts.Pinned = first.Charter
	wantResult(t, verifyDir(t, c.dir, opts), verify.OK)
	report := verifyDir(t, other.dir, opts)
	wantResult(t, report, verify.Corrupt)
	wantFinding(t, report, "charter.not_pinned", "charter")

	opts = options()
	opts.State = t.TempDir()
	wantResult(t, verifyDir(t, c.dir, opts), verify.OK)
	report = verifyDir(t, other.dir, opts)
	wantResult(t, report, verify.Corrupt)
	wantFinding(t, report, "verify.charter_swapped", "charter/1.json")
}

// TestOldCharterNeedsSignatures: a manifest that hides behind an earlier version
// of the charter needs that version's signatures, like any other.
func TestOldCharterNeedsSignatures(t *testing.T) {
	c := newCollective(t)
	c.publish(t, c.next(t, "000001"))
	first := verifyDir(t, c.dir, options()).Charter
	c.charter.Version, c.charter.Previous, c.charter.Made = 2, first, "2026-11-21"
	c.signCharter(t)
	c.publish(t)
	m := c.manifest
	m.Charter = first
	doc, err := m.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = edition.VerifyManifest(c.chain, doc, c.sign(doc))
	if !errors.Is(err, fault.Conflict("edition.old_charter")) {
		t.Errorf("signed under the charter before: %v", err)
	}
	one := make(charter.Signatures)
	one.Add(doc, c.people[0])
	if _, _, err = edition.VerifyManifest(c.chain, doc, one); !errors.Is(err, fault.Forbidden("edition.not_signed")) {
		t.Errorf("signed by one under the charter before: %v", err)
	}
}

// TestCharterGrows retires a person: what they signed stays, and a copy from
// before is old.
func TestCharterGrows(t *testing.T) {
	c := newCollective(t)
	c.publish(t, c.next(t, "000001"))
	before := copyTree(t, c.dir)
	first := verifyDir(t, before, options()).Charter
	c.charter.Version, c.charter.Previous, c.charter.Made = 2, first, "2026-11-21"
	c.charter.People[0].Retired = "2026-11-21"
	c.signCharter(t)
	c.people = c.people[1:]
	c.publish(t)

	opts := options()
	opts.State, opts.Pinned = t.TempDir(), first
	wantResult(t, verifyDir(t, c.dir, opts), verify.OK)
	opts.Pinned = ""
	report := verifyDir(t, before, opts)
	wantResult(t, report, verify.Old)
	wantFinding(t, report, "verify.charter_behind", "charter/2.json")
}

func TestRecordAndFile(t *testing.T) {
	c := newCollective(t)
	c.publish(t, c.next(t, "000001"), c.next(t, "000002"))
	c.publish(t, c.next(t, "000001"))
	url := serve(t, c.dir)
	film, bytes := blob("000001", "video/mp4", "240p")
	lone := filepath.Join(t.TempDir(), "downloaded.mp4")
	writeFile(t, lone, bytes)
	doc := filepath.Join(t.TempDir(), "v1.json")
	b, err := os.ReadFile(filepath.Join(c.dir, record.Path("000002", 1)))
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, doc, b)
	for _, test := range []struct{ target, against, path string }{
		{url + "/kk/r/0000/000001.html", "", "kk/r/0000/000001.html"},
		{url + "/" + record.Path("000001", 1), "", record.Path("000001", 1)},
		{filepath.Join(c.dir, "kk/r/0000/000002.html"), "", "kk/r/0000/000002.html"},
		{filepath.Join(c.dir, film.Path()), "", film.Path()},
		{filepath.Join(c.dir, "index.html"), "", "index.html"},
		{lone, url, film.Path()},
		{url + "/" + film.Path(), c.dir, film.Path()},
		{doc, c.dir, record.Path("000002", 1)},
	} {
		report, err := verify.Target(t.Context(), test.target, test.against, options())
		if err != nil {
			t.Fatal(err)
		}
		wantResult(t, report, verify.OK)
		if report.Path != test.path || report.Edition != 2 || report.Log.Size == 0 || report.Files == 0 {
			t.Errorf("%s: %+v", test.target, report)
		}
	}
	writeFile(t, lone, append(bytes, 'x'))
	report, err := verify.Target(t.Context(), lone, url, options())
	if err != nil {
		t.Fatal(err)
	}
	wantResult(t, report, verify.Corrupt)
	wantFinding(t, report, "verify.not_in_edition", "downloaded.mp4")

	// A file is held against the edition by its bytes, also when it is called
	// like one of the edition's own, and at whatever address it lies.
	other := t.TempDir()
	for _, name := range []string{"index.html", "inclusion.sh", "kk/r/0000/000001.html"} {
		writeFile(t, filepath.Join(other, name), []byte("something else"))
		for _, target := range []string{filepath.Join(other, name), serve(t, other) + "/" + name} {
			report, err := verify.Target(t.Context(), target, url, options())
			if err != nil {
				t.Fatal(err)
			}
			wantResult(t, report, verify.Corrupt)
			wantFinding(t, report, "verify.not_in_edition", filepath.Base(name))
		}
	}

	if _, err := verify.Target(t.Context(), lone, "", options()); !errors.Is(err, fault.Invalid("verify.lone_file")) {
		t.Errorf("a lone file: %v", err)
	}

	// The address of a front page, as a browser shows it, stands for the whole; a page
	// that the edition does not have is not covered by that, and of what the server
	// makes itself nothing is said.
	for _, address := range []string{"/kk/", "/kk", "/kk/index.html"} {
		opts := options()
		opts.State = t.TempDir()
		report, err := verify.Target(t.Context(), url+address, "", opts)
		if err != nil {
			t.Fatal(address, err)
		}
		wantResult(t, report, verify.OK)
		if !report.FirstContact {
			t.Error("nothing was known of this collective, and that is not said")
		}
	}
	writeFile(t, filepath.Join(c.dir, "kk/extra.html"), []byte("put there by the host"))
	if report, err = verify.Target(t.Context(), url+"/kk/extra.html", "", options()); err != nil {
		t.Fatal(err)
	}
	wantResult(t, report, verify.Corrupt)
	wantFinding(t, report, "verify.not_in_edition", "kk/extra.html")
	if err := os.Remove(filepath.Join(c.dir, "kk/extra.html")); err != nil {
		t.Fatal(err)
	}
	for _, address := range []string{"/kk/report", "/kk/search?q=a", "/kk/keep/000001"} {
		if _, err := verify.Target(t.Context(), url+address, "", options()); !errors.Is(err, fault.Invalid("verify.address")) {
			t.Errorf("%s: %v", address, err)
		}
	}

	// The film on the host is tampered with: the page's verification finds it.
	writeFile(t, filepath.Join(c.dir, film.Path()), make([]byte, film.Size))
	report, err = verify.Target(t.Context(), url+"/kk/r/0000/000001.html", "", options())
	if err != nil {
		t.Fatal(err)
	}
	wantFinding(t, report, "verify.differs", film.Path())
}

// TestHostWithPages verifies on a host that says 200 and shows a page of its own
// for whatever is not there, and one that ignores every header and redirects.
func TestHostWithPages(t *testing.T) {
	c := newCollective(t)
	c.publish(t, c.next(t, "000001"))
	c.people = []*keyring.Person{c.people[2], c.people[1]} // the charter's first person does not sign any more
	c.publish(t, c.next(t, "000002"))
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if rest, ok := strings.CutPrefix(r.URL.Path, "/site/"); ok {
			http.Redirect(w, r, "/"+rest, http.StatusFound)
			return
		}
		b, err := os.ReadFile(filepath.Join(c.dir, filepath.FromSlash(r.URL.Path)))
		if err != nil {
			b = bytes.Repeat([]byte("<p>This page is not here. "), 100)
		}
		if _, err := w.Write(b); err != nil {
			t.Log(err)
		}
	}))
	t.Cleanup(s.Close)
	wantResult(t, verifyDir(t, s.URL+"/site", options()), verify.OK)
}

// TestEndless meets a host that sends without end: every read is bounded.
func TestEndless(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for {
			if _, err := w.Write(make([]byte, 1<<16)); err != nil {
				return
			}
		}
	}))
	t.Cleanup(s.Close)
	report := verifyDir(t, s.URL, options())
	wantResult(t, report, verify.Corrupt)
	wantFinding(t, report, "verify.too_large", "manifest.json")
}

// TestUnreachable keeps a dead network apart from a corrupt copy.
func TestUnreachable(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", http.StatusTeapot) }))
	defer s.Close()
	if report, err := verify.Target(t.Context(), s.URL, "", options()); err == nil {
		t.Errorf("no error, %+v", report)
	}
}
