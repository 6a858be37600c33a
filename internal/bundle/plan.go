package bundle

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"

	"kua/internal/canon"
	"kua/internal/charter"
	"kua/internal/edition"
	"kua/internal/fault"
	"kua/internal/mirror"
	"kua/internal/record"
	"kua/internal/tlog"
)

// source is an edition in a folder, believed as far as its signatures go.
type source struct {
	dir      string
	root     *os.Root
	fsys     fs.FS
	document []byte
	manifest edition.Manifest
	chain    charter.Chain
	cp       tlog.Checkpoint
}

func openSource(dir string) (*source, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fault.NotFound("verify.no_folder", dir).Because(err)
	}
	s := &source{dir: dir, root: root, fsys: root.FS()}
	if err := s.read(); err != nil {
		return nil, errors.Join(err, root.Close())
	}
	return s, nil
}

func (s *source) read() error {
	doc, sigs, err := edition.ReadManifest(s.fsys)
	if err != nil {
		return err
	}
	if s.chain, err = charter.ReadChain(s.fsys); err != nil {
		return err
	}
	var ch charter.Charter
	if s.manifest, ch, err = edition.VerifyManifest(s.chain, doc, sigs); err != nil {
		return err
	}
	s.document = doc
	raw, err := fs.ReadFile(s.fsys, checkpointPath)
	if err != nil {
		return err
	}
	s.cp, err = edition.LogKeys(ch).Parse(raw)
	return err
}

const checkpointPath = edition.LogDir + "/" + tlog.CheckpointPath

func (s *source) fetch(_ context.Context, path string) ([]byte, error) {
	f, err := s.fsys.Open(edition.LogDir + "/" + path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, tlog.MaxResource+1))
}

// item is one file that goes into a bundle. sum is "" for one that is proved by a
// signature or the log.
type item struct {
	path string
	sum  string
	size int64
	rank int64 // tier<<32 + its order in the tier
	list int   // the item that lists it, or -1
}

// The tiers. With few parts the first alone may be there.
const (
	rankHead int64 = iota
	rankDocument
	rankFront
	rankPage
	rankRest
	rankMedia // and the class
)

// span is a range of records.
type span struct{ from, to int }

// ParseRecords reads which records are meant: numbers and ranges, as 3,17-20. The
// fault is bundle.records.
func ParseRecords(s string) ([]span, error) {
	var spans []span
	for part := range strings.SplitSeq(s, ",") {
		from, to, ranged := strings.Cut(part, "-")
		if !ranged {
			to = from
		}
		a, err1 := strconv.Atoi(from)
		b, err2 := strconv.Atoi(to)
		if err1 != nil || err2 != nil || a < 1 || b < a || b > 999_999 || len(s) > 4000 {
			return nil, fault.Invalid("bundle.records", printable(s))
		}
		spans = append(spans, span{a, b})
	}
	return spans, nil
}

// choice is what of an edition goes into a bundle.
type choice struct {
	profile mirror.Profile
	records []span
	since   *since
}

func (c choice) wants(id string) bool {
	n, err := strconv.Atoi(id)
	return c.records == nil || err == nil && slices.ContainsFunc(c.records, func(s span) bool { return n >= s.from && n <= s.to })
}

// since is what those who get the bundle have already.
type since struct {
	sum     string
	changed map[string]bool // paths, when their files are known
	records map[string]bool // ids that are new, when their checkpoint is known
}

// readSince reads it from a folder with an edition, or from a checkpoint alone.
// Of a checkpoint the log says which records came later: then all text goes, and
// their media.
func (s *source) readSince(ctx context.Context, path string) (*since, error) {
	if info, err := os.Stat(path); err != nil {
		return nil, err
	} else if info.IsDir() {
		return s.sinceFolder(path)
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	ch, err := s.chain.Verify("")
	if err != nil {
		return nil, err
	}
	old, err := edition.LogKeys(ch).Parse(raw)
	if err != nil {
		return nil, err
	}
	if old.Size > s.cp.Size {
		return nil, fault.Conflict("bundle.since_newer", s.dir)
	}
	if err := tlog.Consistent(ctx, s.fetch, old, s.cp); err != nil {
		return nil, err
	}
	after := &since{sum: canon.Hash(raw), records: make(map[string]bool)}
	err = tlog.Entries(ctx, s.fetch, s.cp, old.Size, func(_ uint64, b []byte) error {
		e, err := tlog.ParseEntry(b)
		if err == nil && e.ID != "" {
			after.records[e.ID] = true
		}
		return nil // of a later program: it names no medium that this one knows
	})
	return after, err
}

func (s *source) sinceFolder(path string) (*since, error) {
	old, err := openSource(path)
	if err != nil {
		return nil, err
	}
	defer old.root.Close()
	if old.chain[0].Document != s.chain[0].Document {
		return nil, fault.Conflict("mirror.two_collectives", path, s.dir)
	}
	if old.manifest.Number > s.manifest.Number {
		return nil, fault.Conflict("bundle.since_newer", s.dir)
	}
	changed, _, err := edition.Diff(&old.manifest, &s.manifest, edition.FilesIn(old.fsys), edition.FilesIn(s.fsys))
	if err != nil {
		return nil, err
	}
	after := &since{sum: canon.Hash(old.document), changed: make(map[string]bool)}
	for _, f := range changed {
		after.changed[f.Path] = true
	}
	return after, nil
}

// contents are the items of a bundle, the most needed first. The first head of them
// prove whose edition it is.
type contents struct {
	items []item
	head  int
}

// contents lists what goes into the bundle: what proves everything else, documents and
// pages of the newest records, then media by class. A list of files stands before the
// first of them. Media that this copy does not keep are passed over and counted.
func (s *source) contents(c choice) (all contents, absent int, err error) {
	if all.items, err = s.head(); err != nil {
		return all, 0, err
	}
	all.head = len(all.items)
	log, err := s.log()
	if err != nil {
		return all, 0, err
	}
	files, absent, err := s.files(c)
	if err != nil {
		return all, 0, err
	}
	at := make(map[string]int) // lists that have their place
	if i := slices.IndexFunc(all.items, func(it item) bool { return it.path == charterList }); i >= 0 {
		at["charter"] = i
	}
	begun := make(map[string]bool)
	for _, it := range files {
		begun[edition.PartOf(it.path)] = true
	}
	put := func(p edition.Part, rank int64) {
		at[p.Name] = len(all.items)
		all.items = append(all.items, item{path: p.Path(), sum: p.SHA256, size: p.Size, rank: rank, list: -1})
	}
	for _, p := range s.manifest.Parts {
		if _, done := at[p.Name]; !done && !begun[p.Name] {
			put(p, rankHead)
		}
	}
	all.items = append(all.items, log...)
	for _, it := range files {
		it.list = -1
		if name := edition.PartOf(it.path); name != "" {
			if _, done := at[name]; !done {
				p, _ := s.manifest.Part(name)
				put(p, it.rank)
			}
			it.list = at[name]
		}
		all.items = append(all.items, it)
	}
	return all, absent, nil
}

// charterList is the list of the charter's files.
const charterList = "parts/charter.json"

// files lists what the parts name and the bundle takes, in its order.
func (s *source) files(c choice) (all []item, absent int, err error) {
	read := edition.FilesIn(s.fsys)
	var media []item
	of := make(map[string]int64) // of a medium's hash: its rank
	for _, p := range s.manifest.Parts {
		if p.Name == "charter" {
			continue
		}
		files, err := read(p)
		if err != nil {
			return nil, 0, err
		}
		for _, f := range files {
			it := item{path: f.Path, sum: f.SHA256, size: f.Size}
			if strings.HasPrefix(f.Path, "blobs/") {
				media = append(media, it)
				continue
			}
			more, err := s.text(c, it, of)
			if err != nil {
				return nil, 0, err
			}
			all = append(all, more...)
		}
	}
	for _, it := range media {
		rank, ok := of[it.sum]
		if !ok {
			rank = mediaRank(mirror.Rest, 0)
			if c.records != nil || c.since != nil && c.since.records != nil {
				continue
			}
		}
		if class := mirror.Class(rank>>32 - rankMedia); !c.profile.Keeps(class) || c.since != nil && c.since.changed != nil && !c.since.changed[it.path] {
			continue
		}
		if info, err := fs.Stat(s.fsys, it.path); err != nil || info.Size() != it.size {
			absent++
			continue
		}
		it.rank = rank
		all = append(all, it)
	}
	slices.SortStableFunc(all, func(a, b item) int { return cmp.Compare(a.rank, b.rank) })
	return all, absent, nil
}

// mediaRank puts classes in their order and the newest records first.
func mediaRank(c mirror.Class, record int64) int64 {
	return (rankMedia+int64(c))<<32 + 1_000_000 - record
}

// text says whether a file that is no medium is wanted, and where it stands. Of a
// document its signatures go with it, and its media are ranked.
func (s *source) text(c choice, it item, of map[string]int64) ([]item, error) {
	id := recordOf(it.path)
	switch part := edition.PartOf(it.path); {
	case id != "":
		if !c.wants(id) {
			return nil, nil
		}
	case c.records != nil && part != "root" && !strings.HasPrefix(part, "pages-"):
		return nil, nil
	}
	n, _ := strconv.ParseInt(id, 10, 64)
	document := strings.HasPrefix(it.path, "records/")
	if document {
		if err := s.rankMedia(c, it, n, of); err != nil {
			return nil, err
		}
	}
	if c.since != nil && c.since.changed != nil && !c.since.changed[it.path] {
		return nil, nil
	}
	switch {
	case document:
		it.rank = rankDocument<<32 + 1_000_000 - n
		return s.signed(it)
	case id != "":
		it.rank = rankPage<<32 + 1_000_000 - n
	case edition.PartOf(it.path) == "root", strings.HasPrefix(edition.PartOf(it.path), "pages-"):
		it.rank = rankFront << 32
	default:
		it.rank = rankRest << 32
	}
	return []item{it}, nil
}

func (s *source) rankMedia(c choice, it item, n int64, of map[string]int64) error {
	if c.since != nil && c.since.records != nil && !c.since.records[recordOf(it.path)] {
		return nil
	}
	doc, err := fs.ReadFile(s.fsys, it.path)
	if err != nil {
		return fault.Corrupt("verify.missing", it.path).Because(err)
	}
	r, err := record.Parse(doc)
	if err != nil {
		return nil // of a later program: its media are like others
	}
	for sum, class := range mirror.Classes(r) {
		if rank, ok := of[sum]; !ok || mediaRank(class, n) < rank {
			of[sum] = mediaRank(class, n)
		}
	}
	return nil
}

// signed adds the signatures of a document.
func (s *source) signed(it item) ([]item, error) {
	all := []item{it}
	dir, name, _ := cutLast(it.path)
	entries, err := fs.ReadDir(s.fsys, dir)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), name+".") && edition.CheckPath(dir+"/"+e.Name()) == nil {
			all = append(all, item{path: dir + "/" + e.Name(), size: 64, rank: it.rank})
		}
	}
	return all, nil
}

func cutLast(path string) (dir, name string, ok bool) {
	i := strings.LastIndexByte(path, '/')
	return path[:max(i, 0)], path[i+1:], i >= 0
}

// recordOf gives the six digits of the record to which a document or page
// belongs, or "".
func recordOf(path string) string {
	_, rest, ok := strings.Cut(path, "/r/")
	if !ok {
		rest, ok = strings.CutPrefix(path, "records/")
	}
	if !ok || len(rest) < 11 {
		return ""
	}
	return rest[5:11]
}

// head lists what proves everything else: manifest, charter and the log's checkpoint.
func (s *source) head() ([]item, error) {
	all := []item{{path: edition.ManifestPath, size: int64(len(s.document)), sum: canon.Hash(s.document), list: -1}}
	sigs, err := fs.Glob(s.fsys, edition.ManifestPath+".*.sig")
	if err != nil {
		return nil, err
	}
	for _, path := range sigs {
		if edition.CheckPath(path) == nil {
			all = append(all, item{path: path, size: 64, list: -1})
		}
	}
	if p, ok := s.manifest.Part("charter"); ok {
		files, err := edition.FilesIn(s.fsys)(p)
		if err != nil {
			return nil, err
		}
		all = append(all, item{path: p.Path(), size: p.Size, sum: p.SHA256, list: -1})
		for _, f := range files {
			all = append(all, item{path: f.Path, size: f.Size, sum: f.SHA256, list: -1})
		}
	}
	return append(all, item{path: checkpointPath, size: int64(len(s.cp.Raw)), sum: canon.Hash(s.cp.Raw), list: -1}), nil
}

// log lists the log's other files.
func (s *source) log() (all []item, err error) {
	for _, path := range tlog.NewPaths(0, s.cp.Size) {
		if path == tlog.CheckpointPath {
			continue
		}
		path = edition.LogDir + "/" + path
		info, err := fs.Stat(s.fsys, path)
		if err != nil {
			return nil, fault.Corrupt("verify.missing", path).Because(err)
		}
		all = append(all, item{path: path, size: info.Size(), list: -1})
	}
	return all, nil
}

// cut is a file, or a piece of one, in a shard.
type cut struct {
	item   int
	from   int64
	length int64
}

// Repeating what proves files costs bytes: so little that the loss of other parts is
// worth it.
const (
	headShare = 32 // all repeated heads are at most this part of a bundle
	listShare = 16 // a repeated list is at most this part of the files behind it
)

// layout divides the items among shards that leave room for the rest of a part. Small
// files stay whole. What proves a shard's files is repeated in it where that is cheap,
// between two files.
func layout(all contents, partBytes, reserve int64) (shards [][]cut, shard int64, err error) {
	l := &layer{contents: all, room: partBytes - reserve, listed: make(map[int]int)}
	for _, it := range all.items[:all.head] {
		l.proof += cost(it.path) + it.size
	}
	l.every = int((headShare*l.proof + l.room - 1) / l.room)
	for i := range all.items {
		l.place(i)
	}
	l.close()
	if len(l.shards) > MaxShards {
		return nil, 0, fault.Invalid("bundle.too_many_parts", fmt.Sprint(len(l.shards)))
	}
	return l.shards, (l.shard + grain - 1) / grain * grain, nil
}

// layer lays items into shards.
type layer struct {
	contents
	room       int64
	proof      int64 // bytes of the head
	every      int   // shards from one head to the next
	shards     [][]cut
	shard      int64       // bytes of the longest
	at         []cut       // of the shard that is filled
	used, body int64       // of it, with and without the ZIP's directory
	headAt     int         // the shard in which the last head begins
	listed     map[int]int // by list: one more than the shard in which it stands last
}

// cost is what a stored file takes beside its bytes.
func cost(name string) int64 { return localBytes + centreBytes + 2*int64(len(name)) }

func (l *layer) close() {
	if len(l.at) > 0 {
		l.shards, l.shard = append(l.shards, l.at), max(l.shard, l.body)
	}
	l.at, l.used, l.body = nil, 0, 0
}

func (l *layer) add(c cut, name string) {
	l.at = append(l.at, c)
	l.body += localBytes + int64(len(name)) + c.length
	l.used += cost(name) + c.length
}

// place gives an item its place, and repeats before it what proves it.
func (l *layer) place(i int) {
	l.makeRoom(i)
	if n := len(l.shards); i >= l.head && n-l.headAt >= l.every && (l.used+l.proof <= l.room || l.proof > l.room) {
		l.headAt = n
		for h := range l.head {
			l.put(h)
		}
	}
	list := l.items[i].list
	if list >= 0 && list < i && l.listed[list] != len(l.shards)+1 && l.worth(list, i) {
		l.put(list)
	}
	l.makeRoom(i)
	l.put(i)
}

// makeRoom begins a shard for a small file that does not fit.
func (l *layer) makeRoom(i int) {
	whole := cost(l.items[i].path) + l.items[i].size
	if len(l.at) >= maxEntries || l.used+whole > l.room && whole <= l.room/16 {
		l.close()
	}
}

// worth reports whether a list has room, and is small beside the files from item i on
// that it lists.
func (l *layer) worth(list, i int) bool {
	size, sum := cost(l.items[list].path)+l.items[list].size, int64(0)
	room := l.room - l.used - size
	for ; i < len(l.items) && (l.items[i].list == list || l.items[i].list < 0 && sum > 0) && sum < min(listShare*size, room); i++ {
		sum += l.items[i].size
	}
	return sum >= listShare*size && room >= 0
}

// put adds an item, in pieces where it must.
func (l *layer) put(i int) {
	it := l.items[i]
	if strings.HasPrefix(it.path, "parts/") {
		l.listed[i] = len(l.shards) + 1
	}
	if l.used+cost(it.path)+it.size <= l.room {
		l.add(cut{i, 0, it.size}, it.path)
		return
	}
	for from := int64(0); from < it.size; {
		name := segment{it.path, 1, it.size}.entryName(0)
		n := min(it.size-from, l.room-l.used-cost(name))
		if n < min(it.size-from, 4<<10) || len(l.at) >= maxEntries {
			l.close()
			continue
		}
		l.add(cut{i, from, n}, name)
		from += n
	}
}
