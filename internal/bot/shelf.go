package bot

import (
	"cmp"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"kua/internal/canon"
	"kua/internal/charter"
	"kua/internal/edition"
	"kua/internal/fault"
	"kua/internal/locale"
	"kua/internal/record"
)

// Shelf is an edition in a folder, from which readers are answered. What is on it
// was checked: the charter's chain, the manifest by the signatures of its people,
// each document by the hash that the manifest names. Whether the log holds it too is
// checked by whatever keeps the folder (kua mirror). It is not changed once made.
type Shelf struct {
	dir      string
	manifest edition.Manifest
	document string // SHA-256 of the manifest
	charter  charter.Charter
	pinned   string // id of the newest charter
	books    []book // the newest record first
}

// book is what lists and searches need of a record's newest version.
type book struct {
	id        string
	day       string
	withdrawn bool
	title     record.Text
	file      edition.File
	words     string // folded, each between spaces
}

// Open reads the edition in a folder. pinned is the id of a charter's version that
// is trusted, "" trusts the first.
func Open(dir, pinned string) (*Shelf, error) {
	root, err := os.OpenRoot(dir) // a link out of the folder leads nowhere
	if err != nil {
		return nil, fault.NotFound("bot.no_edition", dir).Because(err)
	}
	defer root.Close()
	s := &Shelf{dir: dir}
	return s, s.read(root.FS(), pinned)
}

func (s *Shelf) read(files fs.FS, pinned string) error {
	chain, err := charter.ReadChain(files)
	if err != nil {
		return err
	}
	if _, err := chain.Verify(pinned); err != nil {
		return err
	}
	doc, sigs, err := edition.ReadManifest(files)
	if err != nil {
		return err
	}
	if s.manifest, s.charter, err = edition.VerifyManifest(chain, doc, sigs); err != nil {
		return err
	}
	s.document, s.pinned = canon.Hash(doc), canon.Hash([]byte(chain[len(chain)-1].Document))
	newest, err := newestDocuments(s.manifest, edition.FilesIn(files))
	if err != nil {
		return err
	}
	for _, f := range newest {
		r, err := s.open(f)
		if err != nil {
			return err
		}
		s.books = append(s.books, shelve(r, f))
	}
	slices.SortFunc(s.books, func(a, b book) int { return cmp.Or(cmp.Compare(b.day, a.day), cmp.Compare(b.id, a.id)) })
	return nil
}

// newestDocuments gives the newest version's document of each record.
func newestDocuments(m edition.Manifest, read edition.Files) (map[string]edition.File, error) {
	newest, versions := make(map[string]edition.File), make(map[string]int)
	for _, part := range m.Parts {
		files, err := read(part)
		if err != nil {
			return nil, err
		}
		for _, f := range files {
			id := path.Base(path.Dir(f.Path))
			number, ok := strings.CutPrefix(path.Base(f.Path), "v")
			v, err := strconv.Atoi(strings.TrimSuffix(number, ".json"))
			if !ok || err != nil || f.Path != record.Path(id, v) || v <= versions[id] {
				continue
			}
			newest[id], versions[id] = f, v
		}
	}
	return newest, nil
}

// open reads a record's document and checks that it is the one that was signed.
func (s *Shelf) open(f edition.File) (record.Record, error) {
	in, err := os.OpenInRoot(s.dir, f.Path)
	if err != nil {
		return record.Record{}, fault.Corrupt("bot.lacks", f.Path).Because(err)
	}
	defer in.Close()
	doc, err := io.ReadAll(io.LimitReader(in, record.MaxDocument+1))
	if err != nil || canon.Hash(doc) != f.SHA256 {
		return record.Record{}, fault.Corrupt("bot.lacks", f.Path).Because(err)
	}
	return record.Parse(doc)
}

func shelve(r record.Record, f edition.File) book {
	b := book{id: r.ID, day: r.Day, withdrawn: r.Status == record.Withdrawn, title: r.Title, file: f}
	var words strings.Builder
	words.WriteString(" ")
	for _, texts := range []record.Text{r.Title, r.Place.Words, r.Summary} {
		for _, text := range texts {
			for _, w := range locale.Words(text) {
				words.WriteString(locale.Keyboard(w) + " ")
			}
		}
	}
	b.words = words.String()
	return b
}

// maxWords is how many words of a question are looked for.
const maxWords = 8

// search gives the records in which every one of the words stands, or begins one,
// the newest first.
func (s *Shelf) search(query string) (found []book) {
	words := locale.Words(query)
	words = words[:min(len(words), maxWords)]
	for _, b := range s.books {
		if len(words) > 0 && !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(b.words, " "+locale.Keyboard(w)) }) {
			found = append(found, b)
		}
	}
	return found
}

// record gives a record by its number.
func (s *Shelf) record(id string) (r record.Record, sum string, err error) {
	i := slices.IndexFunc(s.books, func(b book) bool { return b.id == id })
	if i < 0 {
		return r, "", fmt.Errorf("record %s: %w", id, fs.ErrNotExist)
	}
	r, err = s.open(s.books[i].file)
	return r, s.books[i].file.SHA256, err
}

// Next reads the folder again and gives the newer edition in it, or s itself where
// it holds the same one. An older one, and one of other people, is refused.
func (s *Shelf) Next() (*Shelf, error) {
	if doc, err := os.ReadFile(filepath.Join(s.dir, edition.ManifestPath)); err == nil && canon.Hash(doc) == s.document {
		return s, nil
	}
	next, err := Open(s.dir, s.pinned)
	if err != nil {
		return s, err
	}
	if next.manifest.Number <= s.manifest.Number {
		return s, fault.Conflict("bot.older", next.manifest.Number, s.manifest.Number)
	}
	return next, nil
}

// Edition gives the number of the edition, and of the records on the shelf.
func (s *Shelf) Edition() (number, records int) { return s.manifest.Number, len(s.books) }
