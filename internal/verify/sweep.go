package verify

import (
	"cmp"
	"context"
	"encoding/hex"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unique"

	"kua/internal/canon"
	"kua/internal/edition"
	"kua/internal/record"
)

// sweep is what is kept of the files of a whole edition while it is verified: some
// fifty bytes for each version of a record and for each medium of one, anchors and time
// stamps, and nothing of other files. So what a folder takes does not follow the
// edition's size; of an address all lists are held besides (bringParts).
type sweep struct {
	mu      sync.Mutex
	docs    []version               // that can be believed
	media   []medium                // of records' newest versions
	there   map[string]*int         // how many plain files are where the edition has them, by folder, but for documents
	anchors map[string]string       // their hashes, by path
	stamps  map[string]edition.File // time stamps, what they are of and their roots, by path
	records int                     // ids among the documents that are listed
}

// version is one version of a record.
type version struct {
	id, number uint32
	sum        [32]byte
	signed     uint64 // as in document
}

// medium is one file that a record shows.
type medium struct {
	sum  [32]byte
	size int64
	ext  unique.Handle[string]
}

func newSweep() *sweep {
	return &sweep{there: make(map[string]*int), anchors: make(map[string]string), stamps: make(map[string]edition.File)}
}

// found counts files of a folder that are where the edition has them.
func (s *sweep) found(folder string, files int) {
	if files == 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if n := s.there[folder]; n != nil {
		*n += files // and the key stays: this one is a piece of a whole list
	} else {
		s.there[strings.Clone(folder)] = &files
	}
}

// list takes from the lines of a part what is needed of them later.
func (r *run) list(s *sweep, p edition.Part, files []edition.File) {
	if p.Name == "charter" {
		r.checkKeys(files)
	}
	last := ""
	for _, f := range files {
		if rest, ok := strings.CutPrefix(f.Path, "records/"); ok && rest[5:11] != last { // PartOf has checked the shape
			s.records, last = s.records+1, rest[5:11]
		}
		if edition.IsAnchor(f.Path) {
			s.anchors[strings.Clone(f.Path)] = strings.Clone(f.SHA256)
		}
		if strings.HasPrefix(f.Path, "stamps/") {
			f.Path, f.SHA256 = strings.Clone(f.Path), strings.Clone(f.SHA256)
			s.stamps[f.Path] = f
		}
	}
}

// checkKeys wants the charter's keys in the files that openssl reads.
func (r *run) checkKeys(files []edition.File) {
	text := edition.KeyFiles(r.head.charter)
	for _, f := range files {
		if t, ok := text[f.Path]; ok && f.SHA256 != canon.Hash([]byte(t)) {
			r.find(Corrupt, f.Path, "verify.other_key", f.Path)
		}
	}
}

// checkBlock checks what holds between the versions of records: those of one record
// are all in one part.
func (r *run) checkBlock(s *sweep, docs []document) {
	slices.SortFunc(docs, func(a, b document) int {
		return cmp.Or(cmp.Compare(a.record.ID, b.record.ID), cmp.Compare(a.record.Version, b.record.Version))
	})
	var all []version
	var media []medium
	for len(docs) > 0 {
		n := slices.IndexFunc(docs, func(d document) bool { return d.record.ID != docs[0].record.ID })
		if n < 0 {
			n = len(docs)
		}
		r.checkVersions(docs[:n])
		for _, d := range docs[:n] {
			all = append(all, version{uint32(atoi(d.record.ID)), uint32(d.record.Version), hash32(d.sha256), d.signed})
		}
		for _, f := range docs[n-1].record.AllFiles() {
			media = append(media, medium{hash32(f.SHA256), f.Size, unique.Make(path.Ext(f.Path()))})
		}
		docs = docs[n:]
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.docs, s.media = append(s.docs, all...), append(s.media, media...)
}

// hash32 reads a hash whose shape was checked.
func hash32(s string) (sum [32]byte) {
	_, _ = hex.Decode(sum[:], []byte(s))
	return sum
}

// order sorts what came in the order of the workers.
func (s *sweep) order() {
	slices.SortFunc(s.docs, version.compare)
	slices.SortFunc(s.media, func(a, b medium) int {
		return cmp.Or(slices.Compare(a.sum[:], b.sum[:]), cmp.Compare(a.ext.Value(), b.ext.Value()))
	})
}

func (v version) compare(o version) int {
	return cmp.Or(cmp.Compare(v.id, o.id), cmp.Compare(v.number, o.number))
}

// path is where the version's document lies.
func (v version) path() string { return record.Path(v.record(), int(v.number)) }

// record is the id of the record.
func (v version) record() string {
	id := strconv.Itoa(int(v.id))
	return strings.Repeat("0", max(0, 6-len(id))) + id
}

// document finds the version whose document lies at a path, once the sweep is ordered.
func (s *sweep) document(p string) (version, bool) {
	m := recordPath.FindStringSubmatch(p)
	if m == nil || m[3] == "" {
		return version{}, false
	}
	i, ok := slices.BinarySearchFunc(s.docs, version{id: uint32(atoi(m[2])), number: uint32(atoi(m[3]))}, version.compare)
	if !ok {
		return version{}, false
	}
	return s.docs[i], true
}

// checkMedia wants every file of the records' newest versions in the edition.
func (r *run) checkMedia(ctx context.Context, s *sweep) error {
	for media := s.media; len(media) > 0; {
		first := media[0].sum[0]
		n := slices.IndexFunc(media, func(m medium) bool { return m.sum[0] != first })
		if n < 0 {
			n = len(media)
		}
		var files []edition.File
		if p, ok := r.head.manifest.Part("blobs-" + hex.EncodeToString([]byte{first})); ok {
			var err error
			if files, err = r.lines(ctx, p); err != nil {
				return err
			}
		}
		for _, m := range media[:n] {
			r.checkMedium(m, files)
		}
		media = media[n:]
	}
	return nil
}

func (r *run) checkMedium(m medium, files []edition.File) {
	sum := hex.EncodeToString(m.sum[:])
	p := "blobs/" + sum[:2] + "/" + sum + m.ext.Value()
	i, ok := slices.BinarySearchFunc(files, p, func(f edition.File, p string) int { return cmp.Compare(f.Path, p) })
	switch {
	case !ok:
		r.find(Corrupt, p, "verify.missing", p)
	case files[i].SHA256 != sum || files[i].Size != m.size:
		r.find(Corrupt, p, "verify.differs", p)
	}
}
