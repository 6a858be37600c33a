package node

import (
	"context"
	"fmt"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	"kua/internal/edition"
	"kua/internal/fault"
	"kua/internal/node/nodedb"
	"kua/internal/record"
)

// Hit is a record that a search found. Number orders the records and is what
// the next page's before is.
type Hit struct {
	Number int64
	Record record.Record
}

const (
	mostWords = 8
	mostHits  = 100
)

// Search gives published records that hold all words of the query, of which the
// last may be a beginning; the newest first, numbered below before (0: from the
// newest). A withdrawn record is not found.
func (n *Node) Search(ctx context.Context, query string, limit int, before int64) ([]Hit, error) {
	if n.cfg.SearchWords == nil {
		return nil, fault.Missing("node.no_search")
	}
	words := n.cfg.SearchWords(query)
	found, err := n.db.Search(ctx, words[:min(len(words), mostWords)], before, min(max(limit, 1), mostHits))
	if err != nil {
		return nil, err
	}
	hits := make([]Hit, 0, len(found))
	for _, f := range found {
		r, err := record.Parse(f.Document)
		if err != nil {
			return nil, fmt.Errorf("read record %d: %w", f.Number, err)
		}
		hits = append(hits, Hit{f.Number, r})
	}
	return hits, nil
}

// indexEdition brings the search up to the edition: from the one it knows, or
// from nothing.
func (n *Node) indexEdition(ctx context.Context, p *published) error {
	if n.cfg.SearchText == nil {
		return nil
	}
	mark, err := n.db.Indexed(ctx)
	if err != nil || mark == p.current.Manifest {
		return err
	}
	known := n.indexedManifest(ctx, mark)
	changed, removed, err := edition.Diff(known, &p.manifest, n.partFiles(ctx), n.partFiles(ctx))
	if err != nil && known != nil { // its files may be gone already
		known = nil
		changed, removed, err = edition.Diff(nil, &p.manifest, n.partFiles(ctx), n.partFiles(ctx))
	}
	if err != nil {
		return fmt.Errorf("find changed records: %w", err)
	}
	records, err := n.changedRecords(ctx, changed, removed)
	if err != nil {
		return err
	}
	return n.db.IndexRecords(ctx, p.current.Manifest, known == nil, records)
}

func (n *Node) indexedManifest(ctx context.Context, hash string) *edition.Manifest {
	document, err := n.readFile(ctx, hash, edition.MaxManifest)
	if err != nil {
		return nil
	}
	m, err := edition.ParseManifest(document)
	if err != nil {
		return nil
	}
	return &m
}

// changedRecords gives the newest version of every record that changed, and an
// empty line for every one that left.
func (n *Node) changedRecords(ctx context.Context, changed []edition.File, removed []string) ([]nodedb.IndexedRecord, error) {
	newest := make(map[int64]edition.File)
	versions := make(map[int64]int)
	for _, f := range changed {
		if id, v, ok := recordOf(f.Path); ok && v > versions[id] {
			newest[id], versions[id] = f, v
		}
	}
	for _, p := range removed {
		if id, _, ok := recordOf(p); ok && versions[id] == 0 {
			newest[id] = edition.File{}
		}
	}
	var all []nodedb.IndexedRecord
	for _, id := range slices.Sorted(maps.Keys(newest)) {
		line := nodedb.IndexedRecord{Number: id}
		if f := newest[id]; f.Path != "" {
			document, err := n.readFile(ctx, f.SHA256, record.MaxDocument)
			if err != nil {
				return nil, err
			}
			r, err := record.Parse(document)
			if err != nil {
				return nil, fmt.Errorf("read %s: %w", f.Path, err)
			}
			line.Document, line.Words = document, n.words(r)
		}
		all = append(all, line)
	}
	return all, nil
}

// recordOf reads records/0001/000123/v2.json.
func recordOf(p string) (id int64, version int, ok bool) {
	if !isRecord(p) {
		return 0, 0, false
	}
	v, err1 := strconv.Atoi(strings.TrimSuffix(strings.TrimPrefix(path.Base(p), "v"), ".json"))
	id, err2 := strconv.ParseInt(path.Base(path.Dir(p)), 10, 64)
	return id, v, err1 == nil && err2 == nil
}

// words gives everything that a record says, folded for the search; nothing for
// a tombstone.
func (n *Node) words(r record.Record) string {
	if r.Status != record.Published {
		return ""
	}
	texts := []record.Text{r.Title, r.Summary, r.Place.Words, r.Correction}
	texts = append(texts, r.Known...)
	for _, c := range r.Claims {
		texts = append(texts, c.Source, c.Words)
	}
	for _, a := range r.Answers {
		texts = append(texts, a.Authority, a.Words)
	}
	for _, m := range r.Media {
		texts = append(texts, m.Label)
	}
	all := []string{r.ID}
	for _, t := range texts {
		for _, language := range slices.Sorted(maps.Keys(t)) {
			all = append(all, t[language])
		}
	}
	return n.cfg.SearchText(strings.Join(all, "\n"))
}
