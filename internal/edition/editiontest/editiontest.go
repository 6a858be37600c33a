// Package editiontest makes up a collective and its growing edition, signed and
// logged like a real one, for tests of whatever takes editions in. Only tests use
// it.
package editiontest

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"kua/internal/canon"
	"kua/internal/charter"
	"kua/internal/edition"
	"kua/internal/keyring"
	"kua/internal/record"
	"kua/internal/seal"
	"kua/internal/tlog"
	"kua/internal/tlog/appender"
)

// Origin is the log's.
const Origin = "kua.example/log"

// Now is when every edition is made.
var Now = time.Date(2026, 11, 21, 9, 30, 0, 0, time.UTC)

// Collective is three people of whom two must sign, a log, and an edition in
// Dir.
type Collective struct {
	Dir      string
	Chain    charter.Chain
	Charter  charter.Charter
	Manifest edition.Manifest
	Made     time.Time           // of the next edition
	Filler   int                 // bytes of made-up text in each page
	Langs    []string            // of the pages; default kk
	Media    func(id string) []M // of a record; default one film with all its rungs
	Signers  int                 // how many people sign; default two, who are enough
	Bind     bool                // manifests say which log they go into, as those of earlier programs did not

	people  []*keyring.Person
	private string
	logged  int               // versions of the charter
	docs    map[string][]byte // record id → newest document
}

// M is a rendition of a record's film, with made-up bytes.
type M struct {
	Rung, Type string
	Size       int
	Bytes      []byte // real ones, in place of made-up ones of that size
}

// Film is what a record has when nothing else is asked for.
func Film(string) []M {
	return []M{{"poster", "image/jpeg", 900, nil}, {"audio", "audio/webm", 5_000, nil}, {"144p", "video/mp4", 9_000, nil}, {"240p", "video/mp4", 30_000, nil}, {"captionskk", "text/vtt", 120, nil}}
}

// New makes a collective that has published nothing.
func New(t testing.TB) *Collective {
	t.Helper()
	c := &Collective{Dir: t.TempDir(), docs: make(map[string][]byte), Made: Now, Langs: []string{"kk"}, Media: Film, Signers: 2}
	for _, name := range []string{"Aigul", "Botir", "Cholpon"} {
		p, err := keyring.NewPersonOf(seal.X25519, name)
		must(t, err)
		c.people = append(c.people, p)
	}
	private, public, err := appender.NewKey(Origin)
	must(t, err)
	c.private = private
	c.Charter = charter.Charter{
		Kind: charter.Kind, Version: 1, Name: map[string]string{"kk": "Куә"}, Languages: []string{"kk"}, Threshold: 2,
		Log: charter.Log{Origin: Origin, Key: public}, Made: "2026-11-20",
	}
	for _, p := range c.people {
		c.Charter.People = append(c.Charter.People, p.Public("2026-11-20"))
	}
	doc, err := c.Charter.Bytes()
	must(t, err)
	c.Chain = charter.Chain{{Document: string(doc), Signatures: c.sign(doc)}}
	return c
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (c *Collective) sign(doc []byte) charter.Signatures {
	sigs := make(charter.Signatures)
	for _, p := range c.people[:c.Signers] {
		sigs.Add(doc, p)
	}
	return sigs
}

// blob makes up the bytes of a rendition: its own for each record and rung.
func blob(id string, m M) (record.File, []byte) {
	seed := []byte(canon.Hash([]byte(id + m.Rung)))
	b := m.Bytes
	if b == nil {
		b = bytes.Repeat(seed, m.Size/len(seed)+1)[:m.Size]
	}
	f := record.File{Rung: m.Rung, Type: m.Type, SHA256: canon.Hash(b), Size: int64(len(b))}
	if m.Type == "text/vtt" {
		f.Language = "kk"
	}
	return f, b
}

// Record gives the first, or else the next, version of a record.
func (c *Collective) Record(t testing.TB, id string) record.Record {
	t.Helper()
	film := record.Media{ID: "1", Type: "film", Seconds: 20, Commitment: record.Commit([32]byte{1}, canon.Hash([]byte(id)))}
	for _, m := range c.Media(id) {
		f, _ := blob(id, m)
		if m.Rung == "poster" {
			film.Poster = &f
			continue
		}
		film.Files = append(film.Files, f)
	}
	r := record.Record{
		Kind: record.Kind, ID: id, Version: 1, Status: record.Published, Day: "2026-11-21", Languages: []string{"kk"}, What: "beating",
		Title: record.Text{"kk": "Алматы, қаңтар"}, Summary: record.Text{"kk": "Не болды."}, Media: []record.Media{film},
	}
	if before := c.docs[id]; before != nil {
		old, err := record.Parse(before)
		must(t, err)
		r.Version, r.Previous, r.Correction = old.Version+1, canon.Hash(before), record.Text{"kk": "Түзету."}
	}
	return r
}

// Withdrawal gives the tombstone of a record.
func (c *Collective) Withdrawal(t testing.TB, id string) record.Record {
	t.Helper()
	r := c.Record(t, id)
	return record.Record{Kind: record.Kind, ID: id, Version: r.Version, Previous: r.Previous, Status: record.Withdrawn,
		Day: "2026-11-21", Reason: record.Text{"kk": "Куәнің өтініші."}}
}

// Records makes first versions of records from number from to number to.
func (c *Collective) Records(t testing.TB, from, to int) []record.Record {
	t.Helper()
	var rs []record.Record
	for n := from; n <= to; n++ {
		rs = append(rs, c.Record(t, fmt.Sprintf("%06d", n)))
	}
	return rs
}

// draft is an edition while it is made.
type draft struct {
	t       testing.TB
	dir     string
	changed []edition.File
	removed []string
	entries [][]byte
	made    map[string]bool // folders
}

func (d *draft) put(path string, b []byte) {
	d.t.Helper()
	name := filepath.Join(d.dir, path)
	if dir := filepath.Dir(name); !d.made[dir] {
		must(d.t, os.MkdirAll(dir, 0o755))
		d.made[dir] = true
	}
	must(d.t, os.WriteFile(name, b, 0o644))
	if edition.PartOf(path) != "" {
		d.changed = append(d.changed, edition.File{Path: path, Size: int64(len(b)), SHA256: canon.Hash(b)})
	}
}

func (d *draft) remove(path string) {
	d.t.Helper()
	must(d.t, os.Remove(filepath.Join(d.dir, path)))
	if edition.PartOf(path) != "" {
		d.removed = append(d.removed, path)
	}
}

func (d *draft) log(b []byte, err error) {
	d.t.Helper()
	must(d.t, err)
	d.entries = append(d.entries, b)
}

// Publish makes the next edition with the records given: files, signatures, log.
func (c *Collective) Publish(t testing.TB, records ...record.Record) {
	t.Helper()
	c.publish(t, true, records...)
}

// PublishUnsigned does so with the log's key alone, as a thief of it can.
func (c *Collective) PublishUnsigned(t testing.TB, records ...record.Record) {
	t.Helper()
	c.publish(t, false, records...)
}

func (c *Collective) publish(t testing.TB, signed bool, records ...record.Record) {
	t.Helper()
	d := &draft{t: t, dir: c.Dir, made: make(map[string]bool)}
	for path, b := range c.Chain.Files() {
		d.put(path, b)
	}
	for path, text := range edition.KeyFiles(c.Charter) {
		d.put(path, []byte(text))
	}
	d.put(edition.ScriptPath, edition.Script())
	d.put("index.html", fmt.Appendf(nil, "edition %d", c.Manifest.Number+1))
	for _, l := range c.Langs {
		d.put(l+"/index.html", fmt.Appendf(nil, "басылым %d", c.Manifest.Number+1))
	}
	for ; c.logged < len(c.Chain); c.logged++ {
		doc := []byte(c.Chain[c.logged].Document)
		v, err := charter.Parse(doc)
		must(t, err)
		d.log(edition.CharterEntry(v, doc).Bytes())
	}
	news := 0
	for _, r := range records {
		if c.docs[r.ID] == nil {
			news++
		}
		c.putRecord(d, r)
	}
	c.finish(d, signed, news)
}

func (c *Collective) putRecord(d *draft, r record.Record) {
	d.t.Helper()
	must(d.t, r.Validate())
	doc, err := r.Bytes()
	must(d.t, err)
	if r.Status == record.Withdrawn {
		old, err := record.Parse(c.docs[r.ID])
		must(d.t, err)
		for v := 1; v < r.Version; v++ {
			beside, err := filepath.Glob(filepath.Join(d.dir, record.Path(r.ID, v)) + ".*")
			must(d.t, err)
			for _, name := range beside {
				must(d.t, os.Remove(name))
			}
			d.remove(record.Path(r.ID, v))
		}
		for _, f := range old.AllFiles() {
			d.remove(f.Path())
		}
	}
	c.docs[r.ID] = doc
	d.put(r.Path(), doc)
	for id, sig := range c.sign(doc) {
		d.put(edition.SignaturePath(r.Path(), id), sig)
	}
	if r.Status != record.Withdrawn {
		for _, m := range c.Media(r.ID) {
			f, b := blob(r.ID, m)
			d.put(f.Path(), b)
		}
	}
	for _, l := range c.Langs {
		page := fmt.Appendf(nil, "<p>%s %s %d\n", l, r.ID, r.Version)
		for i := 0; len(page) < c.Filler; i++ {
			page = fmt.Appendf(page, "<p>%s куәнің сөзі %d, %x\n", l, len(page), i*7919)
		}
		d.put(fmt.Sprintf("%s/r/%s/%s.html", l, r.ID[:4], r.ID), page)
	}
	d.log(edition.RecordEntry(r, doc).Bytes())
}

func (c *Collective) finish(d *draft, signed bool, news int) {
	t := d.t
	t.Helper()
	m, gone, err := edition.Update(c.Manifest, edition.FilesIn(os.DirFS(c.Dir)), func(path string, doc []byte) error {
		d.put(path, doc)
		return nil
	}, d.changed, d.removed)
	must(t, err)
	for _, p := range gone {
		must(t, os.Remove(filepath.Join(c.Dir, p)))
	}
	m.Made, m.FreshUntil = edition.Stamp(c.Made), edition.Stamp(c.Made.Add(edition.FreshFor))
	m.Charter = canon.Hash([]byte(c.Chain[len(c.Chain)-1].Document))
	m.Records += news
	if c.Bind {
		m.Log = c.before(d)
	}
	doc, err := m.Bytes()
	must(t, err)
	stale, err := filepath.Glob(filepath.Join(c.Dir, "manifest.json.*"))
	must(t, err)
	for _, s := range stale {
		must(t, os.Remove(s))
	}
	d.put(edition.ManifestPath, doc)
	if signed {
		sigs := c.sign(doc)
		for _, id := range slices.Sorted(maps.Keys(sigs)) {
			d.put(edition.SignaturePath(edition.ManifestPath, id), sigs[id])
		}
	}
	c.Manifest = m
	d.log(edition.ManifestEntry(m, doc).Bytes())
	c.Append(t, d.entries...)
}

// before is the log as it will be before the draft's manifest.
func (c *Collective) before(d *draft) edition.Before {
	d.t.Helper()
	g := tlog.NewGrowing()
	if c.Manifest.Number > 0 {
		cp, fetch := c.Checkpoint(d.t)
		var err error
		g, err = tlog.GrowFrom(d.t.Context(), fetch, cp)
		must(d.t, err)
	}
	for _, e := range d.entries {
		must(d.t, g.Add(e))
	}
	before, err := edition.NewBefore(g)
	must(d.t, err)
	return before
}

// Twin is the same collective with a copy of the folder, to go another way.
func (c *Collective) Twin(t testing.TB) *Collective {
	t.Helper()
	d := *c
	d.Dir = Copy(t, c.Dir)
	d.docs = maps.Clone(c.docs)
	return &d
}

// Copy copies a folder.
func Copy(t testing.TB, dir string) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "copy")
	must(t, os.CopyFS(to, os.DirFS(dir)))
	return to
}
