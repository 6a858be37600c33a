package bundle

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"
)

// vectors is spec/vectors/bundle.json.
type vectors struct {
	Headers []struct {
		Name string `json:"name"`
		Size int64  `json:"size"`
		CRC  uint32 `json:"crc32"`
		Hex  string `json:"hex"`
	} `json:"headers"`
	Names []struct {
		Name string `json:"name"`
		Size int64  `json:"size"`
		Path string `json:"path"` // "" when it must be refused
		From int64  `json:"from"`
		Of   int64  `json:"of"`
	} `json:"names"`
	Trees []struct {
		Lengths []int64    `json:"lengths"` // of shards that repeat the byte of their index
		Root    string     `json:"root"`
		Proofs  [][]string `json:"proofs"`
	} `json:"trees"`
	Codes []struct {
		Data   int    `json:"data"`
		Parity int    `json:"parity"`
		Shard  int64  `json:"shard"`
		First  string `json:"first"`  // parity shard in hex
		SHA256 string `json:"sha256"` // of all parity shards joined
	} `json:"codes"`
}

// made is the byte at a place of a data shard in the vectors for the codes.
func made(i int, at int64) byte { return byte(7*i + 3*int(at) + int(at)/64) }

func TestVectors(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile("../../spec/vectors/bundle.json")
	if err != nil {
		t.Fatal(err)
	}
	var v vectors
	if err := json.Unmarshal(b, &v); err != nil {
		t.Fatal(err)
	}
	if len(v.Headers)*len(v.Names)*len(v.Trees)*len(v.Codes) == 0 {
		t.Fatal("vectors are missing")
	}
	for _, h := range v.Headers {
		e := entry{name: h.Name, size: h.Size, crc: h.CRC}
		if got := hex.EncodeToString(e.header()); got != h.Hex {
			t.Errorf("%s: %s, want %s", h.Name, got, h.Hex)
		}
	}
	for _, n := range v.Names {
		seg, err := parseName(entry{name: n.Name, size: n.Size})
		if (err == nil) != (n.Path != "") || err == nil && seg != (segment{n.Path, n.From, n.Of}) {
			t.Errorf("%s: %+v, %v", n.Name, seg, err)
		}
	}
	for _, tr := range v.Trees {
		var leaves [][]byte
		for i, n := range tr.Lengths {
			leaves = append(leaves, leaf(sha256.Sum256(bytes.Repeat([]byte{byte(i)}, int(n))), n))
		}
		l := newLevels(leaves)
		if l.root() != tr.Root {
			t.Errorf("root of %d: %s, want %s", len(leaves), l.root(), tr.Root)
		}
		for i, p := range tr.Proofs {
			if !slices.Equal(l.proof(i), p) || !covers(tr.Root, i, len(leaves), leaves[i], p) {
				t.Errorf("proof of %d in %d: %v", i, len(leaves), l.proof(i))
			}
			if covers(tr.Root, (i+1)%len(leaves), len(leaves), leaves[i], p) && len(leaves) > 1 {
				t.Errorf("proof of %d in %d holds elsewhere", i, len(leaves))
			}
		}
	}
	for _, c := range v.Codes {
		var data []*shardReader
		for i := range c.Data {
			s := make([]byte, c.Shard)
			for at := range s {
				s[at] = made(i, int64(at))
			}
			data = append(data, &shardReader{bytes.NewReader(s), 0, c.Shard})
		}
		parity := make([][]byte, c.Parity)
		err := encode(context.Background(), data, c.Parity, c.Shard, func(i int, _ int64, b []byte) error {
			if i >= c.Data {
				parity[i-c.Data] = append(parity[i-c.Data], b...)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(bytes.Join(parity, nil))
		if got := hex.EncodeToString(parity[0]); got != c.First || hex.EncodeToString(sum[:]) != c.SHA256 {
			t.Errorf("%d+%d: first %s, all %x", c.Data, c.Parity, got, sum)
		}
	}
}

// TestWindows holds that how much is coded at a time changes nothing: the parity
// of a long shard is that of its windows.
func TestWindows(t *testing.T) {
	t.Parallel()
	for _, n := range []int{3, 300} {
		shard := window(n+100, 1<<40) + 3*grain
		long := make([]*shardReader, n)
		tails := make([]*shardReader, n)
		for i := range long {
			b := bytes.Repeat([]byte{made(i, 0)}, int(shard))
			copy(b[shard-grain:], bytes.Repeat([]byte{made(i, 9)}, grain))
			long[i] = &shardReader{bytes.NewReader(b), 0, shard}
			tails[i] = &shardReader{bytes.NewReader(b), shard - grain, grain}
		}
		parity := func(data []*shardReader, shard int64) (last []byte) {
			err := encode(context.Background(), data, 100, shard, func(i int, off int64, b []byte) error {
				if i == n+99 {
					last = append(last, b...)
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			return last
		}
		if got, want := parity(long, shard), parity(tails, grain); !bytes.Equal(got[shard-grain:], want) {
			t.Errorf("%d shards: windows change the parity", n)
		}
	}
}

// tiny is a part of a set of two: one with a file, and one of parity.
func tiny(t testing.TB, index int) []byte {
	t.Helper()
	file := append(entry{name: "kk/report.html", size: 2}.header(), "ab"...)
	shards := [][]byte{file, append(slices.Clone(file), make([]byte, grain-len(file)%grain)...)}
	var leaves [][]byte
	for _, s := range shards {
		leaves = append(leaves, leaf(sha256.Sum256(s), int64(len(s))))
	}
	tree := newLevels(leaves)
	sum := sha256.Sum256(shards[index])
	none := strings.Repeat("0", 64)
	a := About{Index: index, Kind: KindPart, Length: int64(len(shards[index])), Proof: tree.proof(index), SHA256: hex.EncodeToString(sum[:]), Set: Set{
		Charter: none, Checkpoint: "made up", Data: 1, Parity: 1, Edition: 1, Files: 1, Kind: KindSet, Manifest: none, Profile: "all",
		Root: tree.root(), Shard: int64(len(shards[1]))}}
	text, err := a.bytes()
	if err != nil {
		t.Fatal(err)
	}
	b := shards[index]
	if index == 1 {
		b = append(entry{name: parityName, size: int64(len(b))}.header(), b...)
	}
	about := entry{name: aboutName, size: int64(len(text)), at: int64(len(b))}
	b = append(append(b, about.header()...), text...)
	at := int64(len(b))
	b = append(b, about.centre()...)
	return append(b, ending(1, int64(len(b))-at, at)...)
}

// TestTiny holds that what the fuzzer begins with is read.
func TestTiny(t *testing.T) {
	t.Parallel()
	for i := range 2 {
		if err := ParsePart(tiny(t, i)); err != nil {
			t.Error(i, err)
		}
	}
}

func FuzzPart(f *testing.F) {
	for i := range 2 {
		f.Add(tiny(f, i))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := parsePart(bytes.NewReader(b), int64(len(b)))
		if err != nil {
			return
		}
		if p.at+p.about.Length > int64(len(b)) {
			t.Fatalf("a shard beyond the file: %+v", p)
		}
		if err := ParsePart(b); err != nil {
			t.Fatalf("a part that was read cannot be walked: %v", err)
		}
	})
}

func FuzzShard(f *testing.F) {
	f.Add(append(entry{name: "kk/report.html", size: 2}.header(), "ab"...))
	f.Add(append(entry{name: "kk/report.html/000000000002.000000000004", size: 2}.header(), "ab"...))
	f.Add(make([]byte, 64))
	f.Fuzz(func(t *testing.T, b []byte) {
		s := &shardReader{bytes.NewReader(b), 0, int64(len(b))}
		for at := int64(0); ; {
			e, err := readEntry(s, at, s.length)
			if err != nil {
				return
			}
			if e.next() <= at || e.next() > s.length {
				t.Fatalf("%+v does not move on", e)
			}
			at = e.next()
			if seg, err := parseName(e); err == nil && (seg.from < 0 || seg.from+e.size > seg.of || seg.entryName(e.size) != e.name) {
				t.Fatalf("%+v of %+v", seg, e)
			}
		}
	})
}
