// Package reader makes and checks single files that hold one record or a few with
// all that it takes to verify them: the charter's chain, signatures, the log's
// checkpoint and proofs, posters and the smallest films, and a page that checks
// them itself in any browser without asking anybody. Such a file passes a
// messenger and opens on a phone that has no network.
//
// It stands on a verify.Source and knows no server and no database. The node, the
// mirror and cmd/kua use it. The format is spec/reader.md.
package reader

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"regexp"
	"strconv"

	"kua/internal/canon"
	"kua/internal/charter"
	"kua/internal/edition"
	"kua/internal/fault"
	"kua/internal/record"
	"kua/internal/tlog"
	"kua/internal/verify"
)

// Kind is the "kind" member of the proof in every file.
const Kind = "kua reader"

// What one file may hold.
const (
	MaxRecords = 50
	MaxInside  = 11_000_000 // bytes of media, which in base64 make a file of 15 MB: what every messenger takes
	MaxFile    = 64 << 20   // bytes of a file that is looked at
)

// Proof is everything that is checked but the media.
type Proof struct {
	Kind       string        `json:"kind"`
	Charter    charter.Chain `json:"charter"`
	Checkpoint string        `json:"checkpoint"`
	Edition    Logged        `json:"edition"` // the newest edition's entry, the last of the log
	Records    []Signed      `json:"records"`
}

// Logged is an entry of the log with the hashes that join it to the checkpoint.
type Logged struct {
	Entry  string   `json:"entry,omitempty"` // for records it follows from the document
	Index  uint64   `json:"index"`
	Hashes [][]byte `json:"hashes"`
}

// Signed is a record's newest version with its signatures and its place in the log.
type Signed struct {
	Document   string             `json:"document"`
	Signatures charter.Signatures `json:"signatures"`
	Logged
}

// Bundle is what one file holds: the proof, and the media that are inside.
type Bundle struct {
	Proof  Proof
	Inside map[string]record.File // by SHA-256
	open   func(ctx context.Context, f record.File) (io.ReadCloser, error)
}

// Gather reads the newest versions of records from a copy of an edition, and which
// of their media fit, and checks all of it as Check does: what does not hold is an
// error and makes no file. That the copy is not an old one the caller finds out
// (verify.Record). A withdrawn record is the fault reader.withdrawn.
func Gather(ctx context.Context, src verify.Source, ids []string) (*Bundle, error) {
	if len(ids) == 0 || len(ids) > MaxRecords {
		return nil, fault.Invalid("reader.how_many", MaxRecords)
	}
	g := &gatherer{src: src}
	if err := g.head(ctx); err != nil {
		return nil, err
	}
	b := &Bundle{Proof: g.proof, Inside: make(map[string]record.File)}
	b.open = func(ctx context.Context, f record.File) (io.ReadCloser, error) { return src.Open(ctx, f.Path()) }
	var records []record.Record
	for _, id := range ids {
		s, rec, err := g.record(ctx, id)
		if err != nil {
			return nil, err
		}
		if rec.Status != record.Published {
			return nil, fault.NotFound("reader.withdrawn", id)
		}
		b.Proof.Records, records = append(b.Proof.Records, s), append(records, rec)
	}
	for _, f := range choose(records) {
		in, err := src.Open(ctx, f.Path())
		if errors.Is(err, fs.ErrNotExist) {
			continue // a copy that keeps no films
		}
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", f.Path(), err)
		}
		b.Inside[f.SHA256] = f
		if err := in.Close(); err != nil {
			return nil, err
		}
	}
	report, err := b.Check(ctx, Options{})
	if err != nil {
		return nil, err
	}
	if report.Result != verify.OK {
		f := report.Findings[0]
		return nil, fault.Corrupt("reader.source_bad", src.String()).Because(fmt.Errorf("%s: %s", f.Path, f.Key))
	}
	return b, nil
}

// gatherer reads from one copy.
type gatherer struct {
	src      verify.Source
	proof    Proof
	manifest edition.Manifest
	cp       tlog.Checkpoint
	keys     []string // of everybody in the chain
}

func (g *gatherer) read(ctx context.Context, path string, limit int64) ([]byte, error) {
	f, err := g.src.Open(ctx, path)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	if int64(len(b)) > limit {
		return nil, fault.TooLarge("verify.too_large", path)
	}
	return b, nil
}

func (g *gatherer) fetchLog(ctx context.Context, path string) ([]byte, error) {
	return g.read(ctx, edition.LogDir+"/"+path, tlog.MaxResource)
}

func (g *gatherer) head(ctx context.Context) error {
	doc, err := g.read(ctx, edition.ManifestPath, edition.MaxManifest)
	if errors.Is(err, fs.ErrNotExist) {
		return fault.NotFound("reader.no_edition", g.src.String()).Because(err)
	}
	if err != nil {
		return err
	}
	if g.manifest, err = edition.ParseManifest(doc); err != nil {
		return err
	}
	listed, err := g.part(ctx, "charter")
	if err != nil {
		return err
	}
	for n := 1; ; n++ {
		path := fmt.Sprintf("%s/%d.json", charter.Dir, n)
		if !listed[path] {
			break
		}
		text, err := g.read(ctx, path, edition.MaxPart)
		if err != nil {
			return err
		}
		c, err := charter.Parse(text)
		if err != nil {
			return err
		}
		for _, p := range c.People {
			g.keys = append(g.keys, p.PublishKey)
		}
		sigs, err := g.signatures(ctx, path)
		if err != nil {
			return err
		}
		g.proof.Charter = append(g.proof.Charter, charter.Signed{Document: string(text), Signatures: sigs})
	}
	newest, err := g.proof.Charter.Verify("")
	if err != nil {
		return err
	}
	raw, err := g.fetchLog(ctx, tlog.CheckpointPath)
	if err != nil {
		return err
	}
	keys := edition.LogKeys(newest)
	if g.cp, err = keys.ParseOwn(raw); err != nil {
		return err
	}
	if err := keys.Continues(ctx, g.fetchLog, g.cp); err != nil {
		return err
	}
	if err := g.manifest.InLog(ctx, g.fetchLog, doc, g.cp); err != nil {
		return err
	}
	g.proof.Kind, g.proof.Checkpoint = Kind, string(raw)
	entry, err := edition.ManifestEntry(g.manifest, doc).Bytes()
	if err != nil {
		return err
	}
	g.proof.Edition, err = g.logged(ctx, entry, g.cp.Size-1)
	g.proof.Edition.Entry = string(entry)
	return err
}

// part gives the paths that a part lists.
func (g *gatherer) part(ctx context.Context, name string) (map[string]bool, error) {
	p, ok := g.manifest.Part(name)
	if !ok {
		return nil, nil
	}
	doc, err := g.read(ctx, p.Path(), p.Size)
	if err != nil {
		return nil, err
	}
	files, err := edition.ParsePart(p, doc)
	paths := make(map[string]bool, len(files))
	for _, f := range files {
		paths[f.Path] = true
	}
	return paths, err
}

// signatures fetches what there is of everybody's signatures over a document.
func (g *gatherer) signatures(ctx context.Context, path string) (charter.Signatures, error) {
	sigs := make(charter.Signatures)
	for _, key := range g.keys {
		id := charter.KeyID(key)
		if sigs[id] != nil {
			continue
		}
		sig, err := g.read(ctx, edition.SignaturePath(path, id), 64)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fault.TooLarge("verify.too_large")) {
			continue // not theirs; or a host that shows a page of its own
		}
		if err != nil {
			return nil, err
		}
		if len(sig) == 64 {
			sigs[id] = sig
		}
	}
	return sigs, nil
}

func (g *gatherer) record(ctx context.Context, id string) (Signed, record.Record, error) {
	if !record.IsID(id) {
		return Signed{}, record.Record{}, fault.Invalid("verify.no_record", id)
	}
	listed, err := g.part(ctx, edition.PartOf(record.Path(id, 1)))
	if err != nil {
		return Signed{}, record.Record{}, err
	}
	version := 0
	for path := range listed {
		if m := documentPath.FindStringSubmatch(path); m != nil && m[1] == id {
			v, _ := strconv.Atoi(m[2]) // digits, by its shape
			version = max(version, v)
		}
	}
	if version == 0 {
		return Signed{}, record.Record{}, fault.NotFound("reader.no_record", id)
	}
	path := record.Path(id, version)
	doc, err := g.read(ctx, path, record.MaxDocument)
	if err != nil {
		return Signed{}, record.Record{}, err
	}
	rec, err := record.Parse(doc)
	if err != nil {
		return Signed{}, record.Record{}, err
	}
	s := Signed{Document: string(doc)}
	if s.Signatures, err = g.signatures(ctx, path); err != nil {
		return Signed{}, record.Record{}, err
	}
	leaf, err := edition.RecordEntry(rec, doc).Bytes()
	if err != nil {
		return Signed{}, record.Record{}, err
	}
	index, err := g.index(ctx, rec, leaf)
	if err != nil {
		return Signed{}, record.Record{}, err
	}
	s.Logged, err = g.logged(ctx, leaf, index)
	return s, rec, err
}

var (
	documentPath = regexp.MustCompile(`^records/[0-9]{4}/([0-9]{6})/v([0-9]+)\.json$`)
	errFound     = errors.New("found")
)

// index finds a record's entry in the log: where the edition's own list says, or
// backwards from its end.
func (g *gatherer) index(ctx context.Context, rec record.Record, leaf []byte) (uint64, error) {
	var list struct {
		Entries []struct {
			ID    string `json:"id"`
			Index uint64 `json:"index"`
		} `json:"entries"`
	}
	n, _ := strconv.Atoi(rec.ID) // six digits
	if b, err := g.read(ctx, fmt.Sprintf("data/list/%d.json", (n-1)/50+1), edition.MaxPart); err == nil && json.Unmarshal(b, &list) == nil {
		for _, e := range list.Entries {
			if e.ID == rec.ID && tlog.Included(ctx, g.fetchLog, g.cp, e.Index, leaf) == nil {
				return e.Index, nil
			}
		}
	}
	index := uint64(0)
	err := tlog.Backward(ctx, g.fetchLog, g.cp, func(i uint64, b []byte) error {
		if string(b) != string(leaf) {
			return nil
		}
		index = i
		return errFound
	})
	if err == nil {
		err = fault.Corrupt("verify.not_logged", rec.Path())
	}
	if errors.Is(err, errFound) {
		err = nil
	}
	return index, err
}

func (g *gatherer) logged(ctx context.Context, leaf []byte, index uint64) (Logged, error) {
	if err := tlog.Included(ctx, g.fetchLog, g.cp, index, leaf); err != nil {
		return Logged{}, err
	}
	path, err := tlog.InclusionPath(ctx, g.fetchLog, g.cp, index)
	if err != nil {
		return Logged{}, err
	}
	l := Logged{Index: index, Hashes: [][]byte{}}
	for _, h := range path {
		l.Hashes = append(l.Hashes, h[:])
	}
	return l, nil
}

// choose picks what goes inside, the lightest kinds first: all posters, then
// subtitles, then one rendition of each film, sound and photo, as long as there is
// room. Documents are shown by their first page's picture alone.
func choose(records []record.Record) []record.File {
	var posters, words, renditions []record.File
	for _, rec := range records {
		for _, m := range rec.Media {
			if m.Poster != nil {
				posters = append(posters, *m.Poster)
			}
			words = append(words, m.Captions()...)
			if f := Rendition(m); f.Size > 0 {
				renditions = append(renditions, f)
			}
		}
	}
	room := int64(MaxInside)
	var chosen []record.File
	seen := make(map[string]bool)
	for _, list := range [][]record.File{posters, words, renditions} {
		for _, f := range list {
			if !seen[f.SHA256] && f.Size <= room {
				chosen, room = append(chosen, f), room-f.Size
				seen[f.SHA256] = true
			}
		}
	}
	return chosen
}

// Rendition is the one of a medium that a single file holds: a film's 144p or its
// smallest picture that moves, otherwise the smallest; none of a document.
func Rendition(m record.Media) record.File {
	var best record.File
	if m.Type == "document" {
		return best
	}
	for _, f := range m.Renditions() {
		moves := len(f.Type) > 5 && f.Type[:5] == "video"
		bestMoves := len(best.Type) > 5 && best.Type[:5] == "video"
		if best.Size == 0 || moves && !bestMoves || moves == bestMoves && f.Size < best.Size {
			best = f
		}
	}
	return best
}

// Weight estimates how many bytes a file with this record alone has, for the page
// that offers it: media in base64, the words twice, and the page around them.
func Weight(rec record.Record, document []byte) int64 {
	total := int64(pageBytes + 2*len(document))
	for _, f := range choose([]record.Record{rec}) {
		total += (f.Size + 2) / 3 * 4
	}
	return total
}

// pageBytes is about what style, checker, words and a charter of few people weigh.
const pageBytes = 100_000

// hashOf is a document's name in the log.
func hashOf(document string) string { return canon.Hash([]byte(document)) }
