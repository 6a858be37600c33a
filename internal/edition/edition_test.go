package edition_test

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"kua/internal/canon"
	"kua/internal/charter"
	"kua/internal/edition"
	"kua/internal/fault"
)

// vectors were made with Python and openssl.
type vectors struct {
	Paths                  map[string]string
	Unlisted, RefusedPaths []string
	Manifest               string
	ManifestSHA256         string
	ManifestInLog          string // of a later program, which says what it is put into
	ManifestInLogSHA256    string
	RefusedManifests       []named
	Part                   struct{ Name, Document, SHA256 string }
	RefusedParts           []named
	Key                    struct{ PublishKey, KeyID, PEM string }
	Freshness              []struct{ Now, Label string }
}

type named struct{ Name, Document string }

func readVectors(t testing.TB) vectors {
	t.Helper()
	b, err := os.ReadFile("../../spec/vectors/edition.json")
	if err != nil {
		t.Fatal(err)
	}
	var v vectors
	if err := json.Unmarshal(b, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func TestPathVectors(t *testing.T) {
	v := readVectors(t)
	for path, want := range v.Paths {
		if got := edition.PartOf(path); got != want {
			t.Errorf("PartOf(%q) = %q, want %q", path, got, want)
		}
		if err := edition.CheckPath(path); err != nil {
			t.Error(err)
		}
	}
	for _, path := range v.Unlisted {
		if got := edition.PartOf(path); got != "" {
			t.Errorf("PartOf(%q) = %q", path, got)
		}
		if err := edition.CheckPath(path); err != nil {
			t.Error(err)
		}
	}
	for _, path := range v.RefusedPaths {
		if err := edition.CheckPath(path); !errors.Is(err, fault.Invalid("edition.path")) {
			t.Errorf("CheckPath(%q) = %v", path, err)
		}
	}
	if len(v.Paths) < 35 || len(v.RefusedPaths) < 40 {
		t.Errorf("too few vectors: %d, %d", len(v.Paths), len(v.RefusedPaths))
	}
}

func TestManifestVectors(t *testing.T) {
	v := readVectors(t)
	m, err := edition.ParseManifest([]byte(v.Manifest))
	if err != nil {
		t.Fatal(err)
	}
	if doc, err := m.Bytes(); err != nil || string(doc) != v.Manifest || canon.Hash(doc) != v.ManifestSHA256 {
		t.Errorf("the manifest is written as %s, %v", doc, err)
	}
	if m, err = edition.ParseManifest([]byte(v.ManifestInLog)); err != nil || m.Log.Size != 41 || canon.Hash([]byte(v.ManifestInLog)) != v.ManifestInLogSHA256 {
		t.Errorf("a manifest that says which log it goes into: %+v, %v", m.Log, err)
	}
	for _, r := range v.RefusedManifests {
		_, err := edition.ParseManifest([]byte(r.Document))
		if _, ok := fault.Of(err); !ok {
			t.Errorf("%s: %v", r.Name, err)
		}
	}
	doc := []byte(v.Part.Document)
	p := edition.Part{Name: v.Part.Name, Size: int64(len(doc)), SHA256: v.Part.SHA256}
	files, err := edition.ParsePart(p, doc)
	if err != nil || len(files) != 2 {
		t.Errorf("ParsePart = %v, %v", files, err)
	}
	if _, err := edition.ParsePart(p, append(doc, ' ')); !errors.Is(err, fault.Corrupt("edition.part_differs")) {
		t.Errorf("a longer part: %v", err)
	}
	for _, r := range v.RefusedParts {
		p := edition.Part{Name: v.Part.Name, Size: int64(len(r.Document)), SHA256: canon.Hash([]byte(r.Document))}
		if files, err := edition.ParsePart(p, []byte(r.Document)); !errors.Is(err, fault.Invalid("edition.part")) {
			t.Errorf("%s: %v, %v", r.Name, files, err)
		}
	}
	for _, f := range v.Freshness {
		now, err := time.Parse(time.RFC3339, f.Now)
		if err != nil {
			t.Fatal(err)
		}
		if got := m.Age(now); string(got) != f.Label {
			t.Errorf("at %s: %s, want %s", f.Now, got, f.Label)
		}
	}
}

func TestKeyVectors(t *testing.T) {
	k := readVectors(t).Key
	if got := edition.KeyPEM(k.PublishKey); got != k.PEM {
		t.Errorf("KeyPEM = %s, want %s", got, k.PEM)
	}
	if got := charter.KeyID(k.PublishKey); got != k.KeyID {
		t.Errorf("KeyID = %s, want %s", got, k.KeyID)
	}
	var log struct{ Key, PEM string }
	b, err := os.ReadFile("../../spec/vectors/log.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &log); err != nil {
		t.Fatal(err)
	}
	if got := edition.LogKeyPEM(log.Key); got != log.PEM {
		t.Errorf("LogKeyPEM = %s, want %s", got, log.PEM)
	}
	for _, bad := range []string{"", "x", "a+b", "a+b+c", "a+b+AAAA"} {
		if got := edition.LogKeyPEM(bad) + edition.KeyPEM(bad); got != "" {
			t.Errorf("%q gives %s", bad, got)
		}
	}
}

// store keeps parts in memory, as a tree keeps them in files.
type store map[string][]byte

func (s store) read(p edition.Part) ([]edition.File, error) {
	doc, ok := s[p.Path()]
	if !ok {
		return nil, fmt.Errorf("part %s: %w", p.Name, fs.ErrNotExist)
	}
	return edition.ParsePart(p, doc)
}

func (s store) write(path string, doc []byte) error {
	s[path] = doc
	return nil
}

// finish gives a manifest what Update leaves to its caller.
func finish(m edition.Manifest) edition.Manifest {
	m.Made, m.FreshUntil, m.Charter = "2026-11-21T09:00:00Z", "2026-11-24T09:00:00Z", canon.Hash(nil)
	return m
}

func file(path, content string) edition.File {
	return edition.File{Path: path, Size: int64(len(content)), SHA256: canon.Hash([]byte(content))}
}

// of gives the files that a record adds.
func of(n int) []edition.File {
	id := fmt.Sprintf("%06d", n)
	sum := canon.Hash([]byte(id))
	files := []edition.File{
		file("records/"+id[:4]+"/"+id+"/v1.json", id), file("blobs/"+sum[:2]+"/"+sum+".mp4", id),
		file("data/map.json", id), file(fmt.Sprintf("data/list/%d.json", n/50), id),
	}
	for _, l := range []string{"kk", "ky", "uz", "tg", "tk", "ru", "en"} {
		files = append(files, file(l+"/r/"+id[:4]+"/"+id+".html", id), file(l+"/index.html", id), file(fmt.Sprintf("%s/list/%d.html", l, n/50), id))
	}
	return files
}

func TestUpdateAndDiff(t *testing.T) {
	parts := make(store)
	one, gone, err := edition.Update(edition.Manifest{}, parts.read, parts.write, of(1), nil)
	if err != nil || len(gone) != 0 {
		t.Fatal(gone, err)
	}
	one = finish(one)
	if err := one.Validate(); err != nil {
		t.Fatal(err)
	}
	if one.Number != 1 || one.Previous != "" {
		t.Errorf("first: %+v", one)
	}
	blob := of(1)[1]
	changed := []edition.File{file("records/0000/000001/v2.json", "second"), file("kk/index.html", "second")}
	two, gone, err := edition.Update(one, parts.read, parts.write, changed, []string{blob.Path, "blobs/00/" + strings.Repeat("0", 64) + ".mp4"})
	if err != nil {
		t.Fatal(err)
	}
	two = finish(two)
	if err := two.Validate(); err != nil {
		t.Fatal(err)
	}
	doc, err := one.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	if two.Number != 2 || two.Previous != canon.Hash(doc) {
		t.Errorf("second: %+v", two)
	}
	if want := []string{"parts/blobs-" + blob.SHA256[:2] + ".json"}; !slices.Equal(gone, want) {
		t.Errorf("gone %v, want %v", gone, want)
	}
	opened := 0
	count := func(p edition.Part) ([]edition.File, error) {
		opened++
		return edition.ParsePart(p, parts[p.Path()])
	}
	three, _, err := edition.Update(two, parts.read, parts.write, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(two.Parts, three.Parts); diff != "" {
		t.Errorf("an edition without changes: %s", diff)
	}
	opened = 0
	if got, removed, err := edition.Diff(&two, &three, count, count); err != nil || len(got)+len(removed)+opened != 0 {
		t.Errorf("Diff of the same = %v, %v, %v after %d parts", got, removed, err, opened)
	}
	if _, err := two.Find(blob.Path, parts.read); !errors.Is(err, fault.NotFound("edition.not_listed")) {
		t.Errorf("Find of what was removed: %v", err)
	}
	if f, err := two.Find("kk/index.html", parts.read); err != nil || f != changed[1] {
		t.Errorf("Find = %+v, %v", f, err)
	}
}

func TestDiff(t *testing.T) {
	before, after := make(store), make(store)
	one, _, err := edition.Update(edition.Manifest{}, before.read, before.write, of(1), nil)
	if err != nil {
		t.Fatal(err)
	}
	for path, doc := range before {
		after[path] = doc
	}
	added := of(777)
	two, _, err := edition.Update(one, after.read, after.write, added, []string{of(1)[1].Path})
	if err != nil {
		t.Fatal(err)
	}
	changed, removed, err := edition.Diff(&one, &two, before.read, after.read)
	if err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(added, func(a, b edition.File) int { return strings.Compare(a.Path, b.Path) })
	if diff := cmp.Diff(added, changed); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{of(1)[1].Path}, removed); diff != "" {
		t.Error(diff)
	}
	all, _, err := edition.Diff(nil, &two, nil, after.read)
	if err != nil || len(all) != len(added)+16 { // of the first record: document, list, and both in seven languages
		t.Errorf("from nothing: %d files, %v", len(all), err)
	}
	if back, forth, err := edition.Diff(&two, &one, after.read, before.read); err != nil || len(back) == 0 || len(forth) == 0 {
		t.Errorf("backwards: %v, %v, %v", back, forth, err)
	}
}

func TestUpdateRefuses(t *testing.T) {
	parts := make(store)
	for _, test := range []struct {
		name    string
		changed []edition.File
		removed []string
	}{
		{"an escape", []edition.File{file("../x.html", "")}, nil},
		{"a signature", []edition.File{file("manifest.json.0123456789abcdef.sig", "")}, nil},
		{"no hash", []edition.File{{Path: "index.html", Size: 1}}, nil},
		{"5 GiB", []edition.File{{Path: "index.html", Size: 5 << 30, SHA256: canon.Hash(nil)}}, nil},
		{"an escape removed", nil, []string{"../x.html"}},
		{"both at once", []edition.File{file("index.html", "")}, []string{"index.html"}},
	} {
		if _, _, err := edition.Update(edition.Manifest{}, parts.read, parts.write, test.changed, test.removed); err == nil {
			t.Errorf("%s passes", test.name)
		}
	}
	if len(parts) != 0 {
		t.Errorf("something was written: %v", parts)
	}
}

func TestReadManifest(t *testing.T) {
	v := readVectors(t)
	sig := strings.Repeat("s", 64)
	tree := fstest.MapFS{
		"manifest.json":                      {Data: []byte(v.Manifest)},
		"manifest.json.0123456789abcdef.sig": {Data: []byte(sig)},
		"parts/r-0001.json":                  {Data: []byte(v.Part.Document)},
	}
	doc, sigs, err := edition.ReadManifest(tree)
	if err != nil || string(doc) != v.Manifest || string(sigs["0123456789abcdef"]) != sig {
		t.Errorf("ReadManifest = %s, %v, %v", doc, sigs, err)
	}
	p := edition.Part{Name: v.Part.Name, Size: int64(len(v.Part.Document)), SHA256: v.Part.SHA256}
	if files, err := edition.FilesIn(tree)(p); err != nil || len(files) != 2 {
		t.Errorf("FilesIn = %v, %v", files, err)
	}
	p.Name = "r-0002"
	if _, err := edition.FilesIn(tree)(p); !errors.Is(err, fault.Corrupt("edition.part_missing")) {
		t.Errorf("a missing part: %v", err)
	}
	if _, _, err := edition.ReadManifest(fstest.MapFS{}); !errors.Is(err, fault.NotFound("edition.none_here")) {
		t.Errorf("an empty folder: %v", err)
	}
}

func FuzzManifest(f *testing.F) {
	v := readVectors(f)
	f.Add([]byte(v.Manifest))
	for _, r := range v.RefusedManifests {
		f.Add([]byte(r.Document))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := edition.ParseManifest(b)
		if err != nil {
			return
		}
		if doc, err := m.Bytes(); err != nil || string(doc) != string(b) {
			t.Errorf("%q is written as %q, %v", b, doc, err)
		}
		for _, p := range m.Parts {
			if edition.CheckPath(p.Path()) != nil {
				t.Errorf("a part lies at %q", p.Path())
			}
		}
	})
}

func FuzzPart(f *testing.F) {
	v := readVectors(f)
	f.Add(v.Part.Name, []byte(v.Part.Document))
	for _, r := range v.RefusedParts {
		f.Add(v.Part.Name, []byte(r.Document))
	}
	f.Fuzz(func(t *testing.T, name string, b []byte) {
		files, err := edition.ParsePart(edition.Part{Name: name, Size: int64(len(b)), SHA256: canon.Hash(b)}, b)
		for _, file := range files {
			if err == nil && (edition.PartOf(file.Path) != name || !fs.ValidPath(file.Path)) {
				t.Errorf("part %q lists %q", name, file.Path)
			}
		}
		if good := canonicalPart(name, b); good != (err == nil) {
			t.Errorf("%q of %q: %v, and by package canon %v", b, name, err, good)
		}
	})
}

// canonicalPart reads a part slowly, by its rules one after another.
func canonicalPart(name string, doc []byte) bool {
	var l struct {
		Kind  string         `json:"kind"`
		Name  string         `json:"name"`
		Files []edition.File `json:"files"`
	}
	if canon.Unmarshal(doc, &l) != nil || l.Kind != edition.KindPart || l.Name != name || len(l.Files) == 0 || len(l.Files) > edition.MaxFiles {
		return false
	}
	for i, f := range l.Files {
		sum, err := hex.DecodeString(f.SHA256)
		if err != nil || len(sum) != 32 || hex.EncodeToString(sum) != f.SHA256 || f.Size < 0 || f.Size > edition.MaxFile ||
			edition.PartOf(f.Path) != name || name == "" || i > 0 && l.Files[i-1].Path >= f.Path {
			return false
		}
	}
	return true
}

func FuzzPath(f *testing.F) {
	v := readVectors(f)
	for p := range v.Paths {
		f.Add(p)
	}
	for _, p := range slices.Concat(v.Unlisted, v.RefusedPaths) {
		f.Add(p)
	}
	f.Fuzz(func(t *testing.T, p string) {
		err := edition.CheckPath(p)
		if err == nil && (!fs.ValidPath(p) || p != strings.ToLower(p) || len(p) > 200 || strings.ContainsAny(p, "\\: %\"'<>&*?|\x00")) {
			t.Errorf("%q passes", p)
		}
		if edition.PartOf(p) != "" && err != nil {
			t.Errorf("%q has a part and is refused", p)
		}
		if document, id, ok := edition.Signature(p); ok && edition.SignaturePath(document, id) != p {
			t.Errorf("%q is taken apart as %q, %q", p, document, id)
		}
	})
}

// BenchmarkUpdate adds one record to archives of two sizes and prints how many
// times longer the large one takes.
func BenchmarkUpdate(b *testing.B) {
	took := make(map[int]time.Duration)
	for _, size := range []int{100, 10_000} {
		parts := make(store)
		var all []edition.File
		seen := make(map[string]bool)
		for n := 1; n <= size; n++ {
			for _, f := range of(n) {
				if !seen[f.Path] {
					all = append(all, f)
				}
				seen[f.Path] = true
			}
		}
		m, _, err := edition.Update(edition.Manifest{}, parts.read, parts.write, all, nil)
		if err != nil {
			b.Fatal(err)
		}
		const times = 20
		start := time.Now()
		for i := range times {
			m, _, err = edition.Update(m, parts.read, parts.write, of(size+1+i), nil)
			if err != nil {
				b.Fatal(err)
			}
		}
		took[size] = time.Since(start) / times
	}
	for b.Loop() {
	}
	b.ReportMetric(float64(took[10_000])/float64(took[100]), "×(10000:100)")
	b.ReportMetric(took[10_000].Seconds()*1000, "ms/update")
}
