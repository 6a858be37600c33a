package reader_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"kua/internal/canon"
	"kua/internal/edition/editiontest"
	"kua/internal/fault"
	"kua/internal/locale"
	"kua/internal/reader"
	"kua/internal/record"
	"kua/internal/verify"
	"kua/web"
)

func newMaker(t testing.TB) *reader.Maker {
	t.Helper()
	cat, err := locale.Load(web.Locales())
	check(t, err)
	assets, err := web.Assets()
	check(t, err)
	m, err := reader.NewMaker(cat, web.Templates(), assets)
	check(t, err)
	return m
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func source(t testing.TB, dir string) verify.Source {
	t.Helper()
	src, err := verify.Dir(dir)
	check(t, err)
	return src
}

// write makes the file of some records.
func write(t testing.TB, m *reader.Maker, dir string, ids ...string) []byte {
	t.Helper()
	b, err := reader.Gather(t.Context(), source(t, dir), ids)
	check(t, err)
	var out bytes.Buffer
	n, err := m.Write(t.Context(), &out, b, locale.Kazakh)
	check(t, err)
	size, err := m.Size(b, locale.Kazakh)
	check(t, err)
	if n != int64(out.Len()) || size != n {
		t.Fatalf("the file has %d bytes; Write says %d, Size %d", out.Len(), n, size)
	}
	return out.Bytes()
}

func mustDocument(t testing.TB, dir, id string) []byte {
	t.Helper()
	doc, err := os.ReadFile(filepath.Join(dir, record.Path(id, 1)))
	check(t, err)
	return doc
}

func result(t testing.TB, m *reader.Maker, file []byte, opts reader.Options) verify.Report {
	t.Helper()
	opts.Now = editiontest.Now
	report, err := m.File(t.Context(), file, opts)
	check(t, err)
	return report
}

func firstKey(r verify.Report) string {
	if len(r.Findings) == 0 {
		return ""
	}
	return r.Findings[0].Key
}

// TestFile writes files, checks them as kua verify does, and changes bytes.
func TestFile(t *testing.T) {
	m := newMaker(t)
	c := editiontest.New(t)
	tricky := c.Record(t, "000002")
	tricky.Title["kk"] = `="data:video/mp4;base64,#` + strings.Repeat("a", 64) + `#" </script><!-- <script>`
	c.Publish(t, c.Record(t, "000001"), tricky, c.Record(t, "000003"))
	file := write(t, m, c.Dir, "000001", "000002")
	if !bytes.Equal(file, write(t, m, c.Dir, "000001", "000002")) {
		t.Error("the same records make another file the second time")
	}
	rec, err := record.Parse(mustDocument(t, c.Dir, "000001"))
	check(t, err)
	one, about := len(write(t, m, c.Dir, "000001")), reader.Weight(rec, mustDocument(t, c.Dir, "000001"))
	if about < int64(one)*3/4 || about > int64(one)*5/4 {
		t.Errorf("a file of %d bytes is offered as one of %d", one, about)
	}
	r := result(t, m, file, reader.Options{Pinned: canon.Hash([]byte(c.Chain[0].Document))})
	if r.Result != verify.OK || r.Records != 2 || r.Files != 6 || r.NotKept != 4 || !r.Pinned || r.Edition != 1 || r.Made != "2026-11-21" || r.Freshness != "fresh" {
		t.Errorf("the report is %+v", r)
	}
	if got := firstKey(result(t, m, file, reader.Options{Pinned: strings.Repeat("0", 64)})); got != "charter.not_pinned" {
		t.Errorf("another charter than the pinned one gives %q", got)
	}
	for i := 0; i < len(file); i += 1 + len(file)/150 {
		bad := bytes.Clone(file)
		bad[i] ^= 1
		if result(t, m, bad, reader.Options{}).Result == verify.OK {
			t.Errorf("a change of byte %d is not seen: %q", i, file[max(0, i-20):min(len(file), i+20)])
		}
	}
	for _, n := range []int{0, 100, len(file) / 2, len(file) - 1} {
		if result(t, m, file[:n], reader.Options{}).Result == verify.OK {
			t.Errorf("the first %d bytes of %d pass for the file", n, len(file))
		}
	}
	// Contents that hold, in a page of somebody else's.
	other := bytes.Replace(file, []byte("<main"), []byte("<p>not so</p><main"), 1)
	if got := firstKey(result(t, m, other, reader.Options{})); got != "reader.page_differs" {
		t.Errorf("another page around the same contents gives %q", got)
	}
}

// TestGatherRefuses wants no file of what is withdrawn, changed or not there.
func TestGatherRefuses(t *testing.T) {
	c := editiontest.New(t)
	c.Publish(t, c.Records(t, 1, 3)...)
	c.Publish(t, c.Withdrawal(t, "000003"))
	gather := func(dir string, ids ...string) error {
		_, err := reader.Gather(t.Context(), source(t, dir), ids)
		return err
	}
	changed := editiontest.Copy(t, c.Dir)
	name := filepath.Join(changed, record.Path("000001", 1))
	doc, err := os.ReadFile(name)
	check(t, err)
	check(t, os.WriteFile(name, bytes.Replace(doc, []byte("Не болды"), []byte("Не болса"), 1), 0o644))
	film := editiontest.Copy(t, c.Dir)
	rec, err := record.Parse(doc)
	check(t, err)
	name = filepath.Join(film, reader.Rendition(rec.Media[0]).Path())
	check(t, os.WriteFile(name, []byte("another film"), 0o644))
	for want, err := range map[string]error{
		"reader.withdrawn":  gather(c.Dir, "000003"),
		"reader.no_record":  gather(c.Dir, "000099"),
		"verify.no_record":  gather(c.Dir, "../1"),
		"reader.how_many":   gather(c.Dir),
		"reader.no_edition": gather(t.TempDir(), "000001"),
		"reader.source_bad": gather(film, "000001"),
		"verify.not_logged": gather(changed, "000001"),
	} {
		if f, ok := fault.Of(err); !ok || f.Key != want {
			t.Errorf("the fault is %v, want %s", err, want)
		}
	}
	// A copy that keeps no films makes a file without.
	check(t, os.Remove(name))
	b, err := reader.Gather(t.Context(), source(t, film), []string{"000001"})
	if err != nil || len(b.Inside) != 2 {
		t.Errorf("a copy without films gives %d media, %v", len(b.Inside), err)
	}
}

// TestAgainst holds a file against copies that have gone on.
func TestAgainst(t *testing.T) {
	m := newMaker(t)
	c := editiontest.New(t)
	c.Publish(t, c.Records(t, 1, 2)...)
	file := write(t, m, c.Dir, "000001")
	against := func(dir string) (verify.Result, string) {
		b, _, err := reader.Parse(file)
		check(t, err)
		r := result(t, m, file, reader.Options{})
		check(t, b.Against(t.Context(), source(t, dir), &r))
		return r.Result, firstKey(r)
	}
	if got, _ := against(c.Dir); got != verify.OK {
		t.Errorf("against its own copy it is %s", got)
	}
	withdrawn := c.Twin(t)
	withdrawn.Publish(t, c.Withdrawal(t, "000001"))
	c.Publish(t, c.Record(t, "000001"))
	other := editiontest.New(t)
	other.Publish(t, other.Record(t, "000001"))
	for dir, want := range map[string]string{c.Dir: "old reader.newer", withdrawn.Dir: "old reader.newer", other.Dir: "corrupt reader.elsewhere"} {
		if is, key := against(dir); string(is)+" "+key != want {
			t.Errorf("it is %s %s, want %s", is, key, want)
		}
	}
}

// TestServer asks for a file as a browser does, from a copy that is served.
func TestServer(t *testing.T) {
	c := editiontest.New(t)
	c.Publish(t, c.Records(t, 1, 3)...)
	m := newMaker(t)
	s := reader.NewServer(m)
	src := source(t, c.Dir)
	get := func(method, path string) (*httptest.ResponseRecorder, error) {
		w := httptest.NewRecorder()
		return w, s.Serve(w, httptest.NewRequestWithContext(t.Context(), method, path, nil), src)
	}
	w, err := get("GET", "/kk/keep/000001")
	check(t, err)
	if r := result(t, m, w.Body.Bytes(), reader.Options{}); r.Result != verify.OK || r.Records != 1 {
		t.Errorf("the file is %+v", r)
	}
	h := w.Header()
	if h.Get("Content-Disposition") != `attachment; filename="000001.html"` || h.Get("Content-Length") != strconv.Itoa(w.Body.Len()) || h.Get("Cache-Control") != "no-store" {
		t.Errorf("the head is %v", h)
	}
	if w, err = get("HEAD", "/uz-cyrl/keep/000001"); err != nil || w.Body.Len() != 0 || w.Header().Get("Content-Length") == "" {
		t.Errorf("HEAD: %v, %d bytes", err, w.Body.Len())
	}
	if _, err = get("GET", "/kk/keep/000099"); !errors.Is(err, fault.NotFound("reader.no_record")) {
		t.Errorf("a record that is not there: %v", err)
	}
	for _, path := range []string{"/keep/000001", "/xx/keep/000001", "/kk/keep/1", "/kk/keep/000001/", "/kk/keep/../000001", "/kk/r/0000/000001.html"} {
		if _, _, ok := reader.Asked(path); ok {
			t.Errorf("%s passes for the address of a file", path)
		}
	}
}

// TestThiefOfTheLog forges a record with the log's key alone.
func TestThiefOfTheLog(t *testing.T) {
	c := editiontest.New(t)
	c.Publish(t, c.Record(t, "000001"))
	c.PublishUnsigned(t, c.Record(t, "000002"))
	dir := editiontest.Copy(t, c.Dir)
	sigs, err := filepath.Glob(filepath.Join(dir, record.Path("000002", 1)) + ".*.sig")
	check(t, err)
	for _, s := range sigs {
		check(t, os.WriteFile(s, make([]byte, 64), 0o644))
	}
	if _, err := reader.Gather(t.Context(), source(t, dir), []string{"000002"}); !errors.Is(err, fault.Corrupt("reader.source_bad")) || !strings.Contains(err.Error(), "verify.not_signed") {
		t.Errorf("a record that nobody signed gives %v", err)
	}
}

// TestVectors reads what is shared with web/lib/proof.test.ts.
func TestVectors(t *testing.T) {
	text, err := os.ReadFile("../../spec/vectors/reader.json")
	check(t, err)
	var v struct {
		Proofs []struct {
			Name, Fault, Pinned string
			Proof               json.RawMessage
		}
	}
	check(t, json.Unmarshal(text, &v))
	if len(v.Proofs) < 15 {
		t.Fatal("the vectors are incomplete")
	}
	for _, p := range v.Proofs {
		page := `<!doctype html>` + "\n" + `<html lang="en" dir="ltr" data-kua-reader="1" data-lang="en">` + `<script type="application/json" id="proof">` + string(p.Proof) + `</script>`
		b, _, err := reader.Parse([]byte(page))
		if err != nil {
			t.Errorf("%s: %v", p.Name, err)
			continue
		}
		r, err := b.Check(t.Context(), reader.Options{Pinned: p.Pinned})
		check(t, err)
		if got := firstKey(r); got != p.Fault || (r.Result == verify.OK) != (p.Fault == "") {
			t.Errorf("%s: %s %s, want %q", p.Name, r.Result, got, p.Fault)
		}
	}
}

func FuzzParse(f *testing.F) {
	page := `<!doctype html>` + "\n" + `<html lang="kk" dir="ltr" data-kua-reader="1" data-lang="kk"><img src="data:image/jpeg;base64,` +
		base64.StdEncoding.EncodeToString([]byte("x")) + `"><script type="application/json" id="proof">{"kind":"kua reader","records":[{"document":"{}"}]}</script>`
	f.Add([]byte(page))
	f.Add([]byte(page[:80]))
	f.Fuzz(func(t *testing.T, file []byte) {
		b, _, err := reader.Parse(file)
		if err != nil {
			if _, ok := fault.Of(err); !ok {
				t.Errorf("an error without a fault: %v", err)
			}
			return
		}
		r, err := b.Check(t.Context(), reader.Options{})
		if err != nil || r.Result == verify.OK {
			t.Errorf("what nobody signed gives %s, %v", r.Result, err)
		}
	})
}
