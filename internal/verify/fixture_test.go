package verify_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"kua/internal/canon"
	"kua/internal/charter"
	"kua/internal/edition"
	"kua/internal/keyring"
	"kua/internal/record"
	"kua/internal/seal"
	"kua/internal/tlog/appender"
)

const origin = "kua.example/log"

var now = time.Date(2026, 11, 21, 9, 30, 0, 0, time.UTC)

// collective is two people, a log and a growing edition in a folder.
type collective struct {
	people   []*keyring.Person
	chain    charter.Chain
	charter  charter.Charter
	private  string // of the log
	dir      string
	manifest edition.Manifest
	docs     map[string][]byte // record id → newest document
	more     map[string][]byte // files that the next edition takes in
}

func newCollective(t testing.TB) *collective {
	t.Helper()
	c := &collective{dir: t.TempDir(), docs: make(map[string][]byte)}
	for _, name := range []string{"Aigul", "Botir", "Cholpon"} {
		p, err := keyring.NewPersonOf(seal.X25519, name)
		if err != nil {
			t.Fatal(err)
		}
		c.people = append(c.people, p)
	}
	private, public, err := appender.NewKey(origin)
	if err != nil {
		t.Fatal(err)
	}
	c.private = private
	c.charter = charter.Charter{
		Kind: charter.Kind, Version: 1, Name: map[string]string{"kk": "Куә"}, Languages: []string{"kk"}, Threshold: 2,
		Log: charter.Log{Origin: origin, Key: public}, Made: "2026-11-20",
	}
	for _, p := range c.people {
		c.charter.People = append(c.charter.People, p.Public("2026-11-20"))
	}
	c.signCharter(t)
	return c
}

// signCharter adds the charter as it is to the chain.
func (c *collective) signCharter(t testing.TB) {
	t.Helper()
	doc, err := c.charter.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	c.chain = append(c.chain, charter.Signed{Document: string(doc), Signatures: c.sign(doc)})
	if _, err := c.chain.Verify(""); err != nil {
		t.Fatal(err)
	}
}

func (c *collective) sign(doc []byte) charter.Signatures {
	sigs := make(charter.Signatures)
	sigs.Add(doc, c.people[0])
	sigs.Add(doc, c.people[1])
	return sigs
}

// blobGrain is how often a made-up medium repeats itself.
var blobGrain = 3000

// blob gives a file of a medium with made-up bytes.
func blob(id, mediaType, rung string) (record.File, []byte) {
	b := bytes.Repeat([]byte(id+rung), blobGrain)
	return record.File{Rung: rung, Type: mediaType, SHA256: canon.Hash(b), Size: int64(len(b))}, b
}

// next gives the first, or else the next, version of a record.
func (c *collective) next(t testing.TB, id string) record.Record {
	t.Helper()
	film, _ := blob(id, "video/mp4", "240p")
	poster, _ := blob(id, "image/jpeg", "poster")
	r := record.Record{
		Kind: record.Kind, ID: id, Version: 1, Status: record.Published, Day: "2026-11-21", Languages: []string{"kk"}, What: "beating",
		Title: record.Text{"kk": "Алматы, қаңтар"}, Summary: record.Text{"kk": "Не болды."},
		Media: []record.Media{{ID: "1", Type: "film", Seconds: 20, Poster: &poster, Files: []record.File{film},
			Commitment: record.Commit([32]byte{1}, canon.Hash([]byte(id)))}},
	}
	if before := c.docs[id]; before != nil {
		old, err := record.Parse(before)
		if err != nil {
			t.Fatal(err)
		}
		r.Version, r.Previous = old.Version+1, canon.Hash(before)
		r.Correction = record.Text{"kk": "Түзету."}
	}
	return r
}

// withdrawal gives the tombstone of a record.
func (c *collective) withdrawal(t testing.TB, id string) record.Record {
	t.Helper()
	r := c.next(t, id)
	return record.Record{Kind: record.Kind, ID: id, Version: r.Version, Previous: r.Previous, Status: record.Withdrawn,
		Day: "2026-11-21", Reason: record.Text{"kk": "Куәнің өтініші."}}
}

// publish makes the next edition with the records given: files, signatures, log.
func (c *collective) publish(t testing.TB, records ...record.Record) {
	t.Helper()
	var changed []edition.File
	var removed []string
	var entries [][]byte
	put := func(path string, b []byte) {
		writeFile(t, filepath.Join(c.dir, path), b)
		if edition.PartOf(path) != "" {
			changed = append(changed, edition.File{Path: path, Size: int64(len(b)), SHA256: canon.Hash(b)})
		}
	}
	log := func(b []byte, err error) {
		if err != nil {
			t.Fatal(err)
		}
		entries = append(entries, b)
	}
	a, err := appender.Open(t.Context(), filepath.Join(c.dir, "log"), c.private)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := a.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}()
	cp, err := a.Checkpoint(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for path, b := range c.chain.Files() {
		put(path, b)
	}
	for path, text := range edition.KeyFiles(c.charter) {
		put(path, []byte(text))
	}
	put(edition.ScriptPath, edition.Script())
	for path, b := range c.more {
		put(path, b)
	}
	c.more = nil
	put("index.html", fmt.Appendf(nil, "edition %d", c.manifest.Number+1))
	put("kk/index.html", fmt.Appendf(nil, "басылым %d", c.manifest.Number+1))
	for _, s := range c.chain {
		v, err := charter.Parse([]byte(s.Document))
		if err != nil {
			t.Fatal(err)
		}
		log(edition.CharterEntry(v, []byte(s.Document)).Bytes())
	}
	news := 0
	for i, r := range records {
		if err := r.Validate(); err != nil {
			t.Fatal(err)
		}
		doc, err := r.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		if c.docs[r.ID] == nil {
			news++
		}
		if r.Status == record.Withdrawn {
			for v := 1; v < r.Version; v++ {
				removed = append(removed, record.Path(r.ID, v))
				olds, err := filepath.Glob(filepath.Join(c.dir, record.Path(r.ID, v)) + "*")
				if err != nil {
					t.Fatal(err)
				}
				for _, o := range olds {
					if err := os.Remove(o); err != nil {
						t.Fatal(err)
					}
				}
			}
			old, err := record.Parse(c.docs[r.ID])
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range old.AllFiles() {
				removed = append(removed, f.Path())
				if err := os.Remove(filepath.Join(c.dir, f.Path())); err != nil {
					t.Fatal(err)
				}
			}
		}
		c.docs[r.ID] = doc
		put(r.Path(), doc)
		for id, sig := range c.sign(doc) {
			put(edition.SignaturePath(r.Path(), id), sig)
		}
		for _, m := range r.Media {
			_, film := blob(r.ID, "video/mp4", "240p")
			_, poster := blob(r.ID, "image/jpeg", "poster")
			put(m.Files[0].Path(), film)
			put(m.Poster.Path(), poster)
		}
		index := cp.Size + uint64(len(c.chain)+i)
		if cp.Size > 0 {
			index -= uint64(len(c.chain)) // the charter is in the log already, in these tests
		}
		put(fmt.Sprintf("kk/r/%s/%s.html", r.ID[:4], r.ID), fmt.Appendf(nil, `<p>%s <data class="log-index" value="%d">%d</data>`, r.ID, index, index))
		log(edition.RecordEntry(r, doc).Bytes())
	}
	m, gone, err := edition.Update(c.manifest, edition.FilesIn(os.DirFS(c.dir)), func(path string, doc []byte) error {
		writeFile(t, filepath.Join(c.dir, path), doc)
		return nil
	}, changed, removed)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range gone {
		if err := os.Remove(filepath.Join(c.dir, p)); err != nil {
			t.Fatal(err)
		}
	}
	m.Made, m.FreshUntil = edition.Stamp(now), edition.Stamp(now.Add(edition.FreshFor))
	m.Charter = canon.Hash([]byte(c.chain[len(c.chain)-1].Document))
	m.Records += news
	doc, err := m.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	stale, err := filepath.Glob(filepath.Join(c.dir, "manifest.json.*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range stale {
		if err := os.Remove(s); err != nil {
			t.Fatal(err)
		}
	}
	put(edition.ManifestPath, doc)
	for id, sig := range c.sign(doc) {
		put(edition.SignaturePath(edition.ManifestPath, id), sig)
	}
	c.manifest = m
	log(edition.ManifestEntry(m, doc).Bytes())
	if _, _, err := a.Append(t.Context(), entries...); err != nil {
		t.Fatal(err)
	}
}

// twin is the same collective with a copy of the folder, to go another way.
func (c *collective) twin(t testing.TB) *collective {
	t.Helper()
	d := *c
	d.dir = copyTree(t, c.dir)
	d.docs = make(map[string][]byte)
	for id, doc := range c.docs {
		d.docs[id] = doc
	}
	return &d
}

func writeFile(t testing.TB, name string, b []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, b, 0o644); err != nil {
		t.Fatal(err)
	}
}

func copyTree(t testing.TB, dir string) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "copy")
	if err := os.CopyFS(to, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	return to
}

// published lists the files a reader can be shown, sorted.
func published(t testing.TB, dir string) []string {
	t.Helper()
	var paths []string
	err := filepath.WalkDir(dir, func(name string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, name)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		if d.IsDir() && strings.HasPrefix(d.Name(), ".") && rel != "." {
			return filepath.SkipDir
		}
		if !d.IsDir() {
			paths = append(paths, rel)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(paths)
	return paths
}
