package verify_test

import (
	"bytes"
	"html"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"kua/internal/canon"
	"kua/internal/edition"
	"kua/internal/locale"
	"kua/internal/record"
	"kua/internal/site"
	"kua/internal/tlog/appender"
	"kua/internal/verify"
	"kua/web"
)

// publishSite makes an edition as the desk does: the site's pages, two people's
// signatures, the log's entries.
func (c *collective) publishSite(t *testing.T, records ...record.Record) {
	t.Helper()
	cat, err := locale.Load(web.Locales())
	if err != nil {
		t.Fatal(err)
	}
	s, err := site.New(site.Config{Catalogue: cat, Templates: web.Templates(), Style: []byte("body{}")})
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	a, err := appender.Open(ctx, filepath.Join(c.dir, "log"), c.private, edition.LogKeys(c.charter).All()[1:]...)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close(ctx)
	entry := func(b []byte, err error) {
		if err == nil {
			_, _, err = a.Append(ctx, b)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	entry(edition.CharterEntry(c.charter, []byte(c.chain[len(c.chain)-1].Document)).Bytes())
	cp, err := a.Checkpoint(ctx)
	if err != nil {
		t.Fatal(err)
	}
	in := site.Input{Chain: c.chain, Charter: c.charter, Made: now, LogSize: cp.Size, Blobs: func(sum string) (io.ReadCloser, error) {
		for _, r := range records {
			for _, kind := range [][2]string{{"video/mp4", "240p"}, {"image/jpeg", "poster"}} {
				if f, b := blob(r.ID, kind[0], kind[1]); f.SHA256 == sum {
					return io.NopCloser(bytes.NewReader(b)), nil
				}
			}
		}
		return nil, os.ErrNotExist
	}}
	for _, r := range records {
		doc, err := r.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		in.Changes = append(in.Changes, site.Change{Record: r, Document: doc, Signatures: c.sign(doc)})
		c.docs[r.ID] = doc
	}
	overlay := filepath.Join(t.TempDir(), "overlay")
	m, err := s.Update(ctx, c.dir, overlay, in)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := m.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	for id, sig := range c.sign(doc) {
		writeFile(t, filepath.Join(overlay, edition.SignaturePath(edition.ManifestPath, id)), sig)
	}
	for _, ch := range in.Changes {
		entry(edition.RecordEntry(ch.Record, ch.Document).Bytes())
	}
	entry(edition.ManifestEntry(m, doc).Bytes())
	if err := site.Apply(overlay, c.dir); err != nil {
		t.Fatal(err)
	}
}

var preformatted = regexp.MustCompile(`(?s)<pre[^>]*>(.*?)</pre>`)

// TestRecipeOnThePage runs what the published record page says, letter by
// letter, in a folder that holds nothing, and in a copy of the edition.
func TestRecipeOnThePage(t *testing.T) {
	defer func(grain int) { blobGrain = grain }(blobGrain)
	blobGrain = 200 // a poster may weigh 6 kB
	c := newCollective(t)
	c.publishSite(t, c.next(t, "000001"), c.next(t, "000002"))
	report := verifyDir(t, c.dir, options())
	wantResult(t, report, verify.OK)
	page, err := os.ReadFile(filepath.Join(c.dir, "ru/r/0000/000002.html"))
	if err != nil {
		t.Fatal(err)
	}
	steps := stepsOn(t, page)
	failed, out := runSteps(t, t.TempDir(), serve(t, c.dir), steps)
	if failed != "" || !strings.Contains(out, "is in the log of 4 entries") {
		t.Errorf("over the web:\n%s", out)
	}
	if failed, out := runSteps(t, copyTree(t, c.dir), "", steps[1:]); failed != "" {
		t.Errorf("in a folder:\n%s", out)
	}
	report, err = verify.Target(t.Context(), serve(t, c.dir)+"/ru/r/0000/000002.html", "", options())
	if err != nil {
		t.Fatal(err)
	}
	wantResult(t, report, verify.OK)
	if id := canon.Hash([]byte(c.chain[0].Document)); report.Charter != id {
		t.Errorf("charter %s, want %s", report.Charter, id)
	}

	// The log gets a new key: the page of a record that did not change says what holds now,
	// and the earlier key, which the charter names too, passes for nothing.
	before, err := os.ReadFile(filepath.Join(c.dir, edition.LogKeyPath))
	if err != nil {
		t.Fatal(err)
	}
	c.rotate(t)
	c.publishSite(t)
	wantResult(t, verifyDir(t, c.dir, options()), verify.OK)
	if page, err = os.ReadFile(filepath.Join(c.dir, "ru/r/0000/000002.html")); err != nil {
		t.Fatal(err)
	}
	steps = stepsOn(t, page)
	if failed, out := runSteps(t, c.dir, "", steps[1:]); failed != "" {
		t.Errorf("after the change:\n%s", out)
	}
	writeFile(t, filepath.Join(c.dir, edition.LogKeyPath), before)
	if failed, out := runSteps(t, c.dir, "", steps[5:6]); failed == "" {
		t.Errorf("by the earlier key:\n%s", out)
	}
	// Nor does the step that finds the key in the charter take it, whatever is signed.
	first := steps[5]
	first.Commands = first.Commands[:1]
	if failed, out := runSteps(t, c.dir, "", []edition.Step{first}); failed == "" {
		t.Errorf("the charter's earlier key passes for its present one:\n%s", out)
	}
}

// stepsOn reads the commands on a page.
func stepsOn(t *testing.T, page []byte) (steps []edition.Step) {
	t.Helper()
	for _, m := range preformatted.FindAllSubmatch(page, -1) {
		steps = append(steps, edition.Step{Key: "page", Commands: strings.Split(strings.TrimSpace(html.UnescapeString(string(m[1]))), "\n")})
	}
	if len(steps) != 7 {
		t.Fatalf("the page has %d steps:\n%s", len(steps), page)
	}
	return steps
}

// rotate gives the log a new key.
func (c *collective) rotate(t *testing.T) {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(c.dir, "log/checkpoint"))
	if err != nil {
		t.Fatal(err)
	}
	cp, err := edition.LogKeys(c.charter).Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	var public string
	if c.private, public, err = appender.NewKey(origin); err != nil {
		t.Fatal(err)
	}
	next, err := c.charter.Next("2026-11-21")
	if err == nil {
		next, err = next.RotateLog(public, cp.Size, cp.Root)
	}
	if err != nil {
		t.Fatal(err)
	}
	c.charter = next
	c.signCharter(t)
}
