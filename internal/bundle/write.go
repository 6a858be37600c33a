package bundle

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"

	"kua/internal/canon"
	"kua/internal/durable"
	"kua/internal/fault"
	"kua/internal/mirror"
)

// Options say what of an edition is written, and how. The zero value is all of
// it in parts of 19 MB of which 30 in a hundred may be lost.
type Options struct {
	PartBytes int64 // of each part at most; default 19,000,000
	Parity    int   // how many parts in a hundred may be lost, 1 to 90; 0 is 30, -1 none
	Profile   mirror.Profile
	Records   string // which records, as 3,17-20; "" for all
	Since     string // a folder with an older edition, or a file with a checkpoint
	Progress  func(done, total int64)
}

// Written is what Write did.
type Written struct {
	Set    Set      `json:"set"`
	ID     string   `json:"id"`
	Parts  []string `json:"parts"` // files
	Bytes  int64    `json:"bytes"`
	Absent int      `json:"absent"` // media that the copy itself does not keep
	Held   int      `json:"held"`   // parts of files that an earlier call had written already
}

// house is the folder in which parts lie that are not whole yet.
const house = ".kua-bundle"

// smallFile is read into memory; a longer one is read twice, for its checksum first.
const smallFile = 1 << 20

// Write cuts the edition in a folder into parts in the folder out, which is made.
// A call that was cut off is made again with the same options and goes on: it
// writes no part of files twice. Nothing that differs from what was signed goes
// into a part. The faults are those of the edition, verify.differs, bundle.size,
// bundle.parity, bundle.too_many_parts, bundle.no_room and bundle.records.
func Write(ctx context.Context, dir, out string, opts Options) (Written, error) {
	w, err := newWriter(ctx, dir, opts)
	if err != nil {
		return Written{}, err
	}
	defer w.src.root.Close()
	if err := w.enter(out); err != nil {
		return Written{}, err
	}
	if err := w.data(ctx); err != nil {
		return Written{}, err
	}
	if err := w.code(ctx); err != nil {
		return Written{}, err
	}
	return w.result, w.finish()
}

type writer struct {
	src     *source
	items   []item
	shards  [][]cut
	set     Set
	opts    Options
	out     string
	work    string // where the parts lie until they are whole
	sums    []hash.Hash
	crcs    []uint32 // of parity
	lengths []int64
	done    int64
	result  Written
}

func newWriter(ctx context.Context, dir string, opts Options) (*writer, error) {
	if opts.PartBytes == 0 {
		opts.PartBytes = 19_000_000
	}
	if opts.Parity == 0 {
		opts.Parity = 30
	}
	if opts.Profile == "" {
		opts.Profile = mirror.All
	}
	switch {
	case opts.PartBytes < MinPart || opts.PartBytes > MaxPart:
		return nil, fault.Invalid("bundle.size", MinPart, int64(MaxPart))
	case opts.Parity < -1 || opts.Parity > 90:
		return nil, fault.Invalid("bundle.parity", opts.Parity)
	case !opts.Profile.Valid():
		return nil, fault.Invalid("mirror.profile", string(opts.Profile))
	}
	src, err := openSource(dir)
	if err != nil {
		return nil, err
	}
	w := &writer{src: src, opts: opts}
	if err := w.plan(ctx); err != nil {
		return nil, errors.Join(err, src.root.Close())
	}
	return w, nil
}

func (w *writer) plan(ctx context.Context) error {
	c := choice{profile: w.opts.Profile}
	var err error
	if w.opts.Records != "" {
		if c.records, err = ParseRecords(w.opts.Records); err != nil {
			return err
		}
	}
	if w.opts.Since != "" {
		if c.since, err = w.src.readSince(ctx, w.opts.Since); err != nil {
			return err
		}
	}
	all, absent, err := w.src.contents(c)
	if err != nil {
		return err
	}
	w.items, w.result.Absent = all.items, absent
	w.set = Set{
		Kind: KindSet, Edition: w.src.manifest.Number, Manifest: canon.Hash(w.src.document), Charter: w.src.manifest.Charter,
		Checkpoint: string(w.src.cp.Raw), Profile: w.opts.Profile, Records: w.opts.Records, Files: math.MaxInt32,
		Root: strings.Repeat("0", 64), Data: MaxShards, Parity: MaxShards, Shard: MaxPart,
	}
	if c.since != nil {
		w.set.Since = c.since.sum
	}
	longest, err := canon.Marshal(About{Kind: KindPart, Set: w.set, Index: MaxShards, Length: MaxPart, SHA256: w.set.Root})
	if err != nil {
		return err
	}
	reserve := int64(len(longest)) + 17*67 + 2*(localBytes+centreBytes) + 128 + endBytes
	if reserve > w.opts.PartBytes/2 || reserve > maxAbout {
		return fault.Invalid("bundle.size", 2*reserve, int64(MaxPart))
	}
	if w.shards, w.set.Shard, err = layout(all, w.opts.PartBytes, reserve); err != nil {
		return err
	}
	w.set.Data, w.set.Parity, w.set.Files = len(w.shards), 0, 0
	for _, cuts := range w.shards {
		for _, c := range cuts {
			if c.from == 0 {
				w.set.Files++
			}
		}
	}
	if p := w.opts.Parity; p > 0 { // so many that p of a hundred of all may go
		w.set.Parity = (w.set.Data*p + 99 - p) / (100 - p)
	}
	if w.set.Shards() > MaxShards {
		return fault.Invalid("bundle.too_many_parts", w.set.Shards())
	}
	return nil
}

// enter makes the folders and clears away what an earlier call with other options
// left half done.
func (w *writer) enter(out string) error {
	set := w.set
	set.Root = ""
	w.out, w.work = out, filepath.Join(out, house, set.ID()[:16])
	if err := durable.MakeDirs(w.work, 0o755); err != nil {
		return err
	}
	others, err := os.ReadDir(filepath.Dir(w.work))
	if err != nil {
		return err
	}
	for _, e := range others {
		if e.Name() != filepath.Base(w.work) {
			if err := os.RemoveAll(filepath.Join(filepath.Dir(w.work), e.Name())); err != nil {
				return err
			}
		}
	}
	return w.room()
}

// room refuses to begin what the disk cannot take.
func (w *writer) room() error {
	disk, err := durable.FreeDisk(w.out)
	if err != nil {
		return err
	}
	need := int64(0)
	for i := range w.set.Shards() {
		if info, err := os.Stat(w.shard(i)); err == nil {
			need -= info.Size()
		}
	}
	for _, cuts := range w.shards {
		for _, c := range cuts {
			need += c.length
		}
	}
	need += int64(w.set.Parity) * w.set.Shard
	if need > int64(disk.Free) {
		return fault.TooLarge("bundle.no_room", w.out, need, disk.Free)
	}
	return nil
}

// shard is where a part lies until it is whole.
func (w *writer) shard(i int) string { return filepath.Join(w.work, fmt.Sprintf("%05d", i)) }

func (w *writer) report(n int64) {
	w.done += n
	if w.opts.Progress != nil { // the files once, then every shard through the code
		w.opts.Progress(w.done, int64(w.set.Data+w.set.Shards())*w.set.Shard)
	}
}

// data writes the shards of files. One that is there under its name is whole.
func (w *writer) data(ctx context.Context) error {
	proved := -1 // of the items that go into several shards, the last
	for i, cuts := range w.shards {
		if err := ctx.Err(); err != nil {
			return err
		}
		if _, err := os.Stat(w.shard(i)); err == nil {
			w.result.Held++
			w.report(w.set.Shard)
			continue
		}
		err := durable.Replace(w.shard(i), 0o644, func(out io.Writer) error {
			b := bufio.NewWriterSize(out, 1<<20)
			at := int64(0)
			for _, c := range cuts {
				n, err := w.cut(b, c, at, &proved)
				if err != nil {
					return err
				}
				at += n
			}
			return b.Flush()
		})
		if err != nil {
			return err
		}
		w.report(w.set.Shard)
	}
	return nil
}

// cut writes a file, or a piece of one, with its header.
func (w *writer) cut(out io.Writer, c cut, at int64, proved *int) (int64, error) {
	it := w.items[c.item]
	f, err := w.src.root.Open(filepath.FromSlash(it.path))
	if err != nil {
		return 0, fault.Corrupt("verify.missing", it.path).Because(err)
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() || info.Size() != it.size {
		return 0, fault.Corrupt("verify.differs", it.path).Because(err)
	}
	whole := c.length == it.size
	if !whole && *proved != c.item {
		if err := w.prove(io.NewSectionReader(f, 0, it.size), it); err != nil {
			return 0, err
		}
		*proved = c.item
	}
	e := entry{name: segment{it.path, c.from, it.size}.entryName(c.length), size: c.length, at: at}
	if c.length <= smallFile {
		b := make([]byte, c.length)
		if _, err := f.ReadAt(b, c.from); err != nil && !(errors.Is(err, io.EOF) && c.from+c.length == it.size) {
			return 0, err
		}
		if whole && it.sum != "" && canon.Hash(b) != it.sum {
			return 0, fault.Corrupt("verify.differs", it.path)
		}
		e.crc = crc32.ChecksumIEEE(b)
		_, err = out.Write(append(e.header(), b...))
		return e.next() - at, err
	}
	sum, crc := sha256.New(), crc32.NewIEEE()
	piece := func() io.Reader { return io.NewSectionReader(f, c.from, c.length) }
	if _, err := io.Copy(io.MultiWriter(sum, crc), piece()); err != nil {
		return 0, err
	}
	if whole && hex.EncodeToString(sum.Sum(nil)) != it.sum {
		return 0, fault.Corrupt("verify.differs", it.path)
	}
	e.crc = crc.Sum32()
	if _, err := out.Write(e.header()); err != nil {
		return 0, err
	}
	_, err = io.Copy(out, piece())
	return e.next() - at, err
}

func (w *writer) prove(r io.Reader, it item) error {
	sum := sha256.New()
	if _, err := io.Copy(sum, r); err != nil {
		return err
	}
	if it.sum != "" && hex.EncodeToString(sum.Sum(nil)) != it.sum {
		return fault.Corrupt("verify.differs", it.path)
	}
	return nil
}

// code writes the parity and learns the hash of every shard.
func (w *writer) code(ctx context.Context) error {
	n := w.set.Shards()
	w.sums, w.crcs, w.lengths = make([]hash.Hash, n), make([]uint32, n), make([]int64, n)
	data := make([]*shardReader, w.set.Data)
	files := make([]*os.File, n)
	defer func() {
		for _, f := range files {
			if f != nil {
				_ = f.Close() // what was written was flushed before
			}
		}
	}()
	var err error
	for i := range n {
		w.sums[i], w.lengths[i] = sha256.New(), w.set.Shard
		if i >= w.set.Data {
			if files[i], err = os.OpenFile(w.shard(i), os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o644); err != nil {
				return err
			}
			if _, err := files[i].Write(entry{name: parityName, size: w.set.Shard}.header()); err != nil {
				return err
			}
			continue
		}
		if files[i], err = os.OpenFile(w.shard(i), os.O_RDWR, 0); err != nil {
			return err
		}
		if w.lengths[i], err = w.length(files[i], i); err != nil {
			return err
		}
		data[i] = &shardReader{files[i], 0, w.lengths[i]}
	}
	err = encode(ctx, data, w.set.Parity, w.set.Shard, func(i int, off int64, b []byte) error {
		w.report(int64(len(b)))
		if i < w.set.Data {
			w.sums[i].Write(b[:max(0, min(int64(len(b)), w.lengths[i]-off))])
			return nil
		}
		w.sums[i].Write(b)
		w.crcs[i] = crc32.Update(w.crcs[i], crc32.IEEETable, b)
		_, err := files[i].WriteAt(b, parityAt+off)
		return err
	})
	if err != nil {
		return err
	}
	for i := w.set.Data; i < n; i++ {
		e := entry{name: parityName, size: w.set.Shard, crc: w.crcs[i]}
		if _, err := files[i].WriteAt(e.header(), 0); err != nil {
			return err
		}
	}
	return nil
}

// parityAt is where the shard of a part of parity begins.
const parityAt = localBytes + int64(len(parityName))

// length finds the end of a shard to which a call that was killed had added the
// part's description already.
func (w *writer) length(f *os.File, i int) (int64, error) {
	end := int64(0)
	for _, c := range w.shards[i] {
		it := w.items[c.item]
		end += localBytes + int64(len(segment{it.path, c.from, it.size}.entryName(c.length))) + c.length
	}
	return end, f.Truncate(end)
}

// finish gives every part its description and its place.
func (w *writer) finish() error {
	n := w.set.Shards()
	leaves, sums := make([][]byte, n), make([][32]byte, n)
	for i, h := range w.sums {
		sums[i] = [32]byte(h.Sum(nil))
		leaves[i] = leaf(sums[i], w.lengths[i])
	}
	tree := newLevels(leaves)
	w.set.Root = tree.root()
	w.result.Set, w.result.ID = w.set, w.set.ID()
	for i := range n {
		a := About{Kind: KindPart, Set: w.set, Index: i, Length: w.lengths[i], SHA256: hex.EncodeToString(sums[i][:]), Proof: tree.proof(i)}
		name := filepath.Join(w.out, fmt.Sprintf("%s-%05d.zip", w.result.ID[:8], i))
		size, err := w.close(i, a)
		if err != nil {
			return err
		}
		w.result.Parts, w.result.Bytes = append(w.result.Parts, name), w.result.Bytes+size
	}
	for i, name := range w.result.Parts { // when all can be moved
		if err := os.Rename(w.shard(i), name); err != nil {
			return err
		}
	}
	if err := durable.SyncDir(w.out); err != nil {
		return err
	}
	return os.RemoveAll(filepath.Join(w.out, house))
}

// close adds to a shard what makes it a part: description, directory, end.
func (w *writer) close(i int, a About) (int64, error) {
	f, err := os.OpenFile(w.shard(i), os.O_RDWR, 0)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	end := w.lengths[i]
	if i >= w.set.Data {
		end += parityAt
	}
	text, err := a.bytes()
	if err != nil {
		return 0, err
	}
	var directory bytes.Buffer
	count := 1
	for at := int64(0); at < end; count++ {
		e, err := readEntry(f, at, end)
		if err != nil {
			return 0, err
		}
		directory.Write(e.centre())
		at = e.next()
	}
	about := entry{name: aboutName, size: int64(len(text)), crc: crc32.ChecksumIEEE(text), at: end}
	directory.Write(about.centre())
	tail := append(about.header(), text...)
	at := end + int64(len(tail))
	tail = append(tail, directory.Bytes()...)
	tail = append(tail, ending(count, int64(directory.Len()), at)...)
	if _, err := f.WriteAt(tail, end); err != nil {
		return 0, err
	}
	return end + int64(len(tail)), f.Sync()
}
