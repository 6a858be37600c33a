package bundle_test

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"kua/internal/bundle"
	"kua/internal/canon"
	"kua/internal/charter"
	"kua/internal/edition/editiontest"
	"kua/internal/fault"
	"kua/internal/mirror"
	"kua/internal/verify"
)

// collective publishes two editions: the second has one record more.
func collective(t testing.TB) (first, second string) {
	t.Helper()
	c := editiontest.New(t)
	c.Publish(t, c.Records(t, 1, 4)...)
	first = editiontest.Copy(t, c.Dir)
	c.Publish(t, c.Record(t, "000005"), c.Record(t, "000002"))
	return first, c.Dir
}

func write(t testing.TB, dir, out string, opts bundle.Options) bundle.Written {
	t.Helper()
	w, err := bundle.Write(context.Background(), dir, out, opts)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func gather(t testing.TB, names ...string) *bundle.Shelf {
	t.Helper()
	s, err := bundle.Gather(context.Background(), names...)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func merge(t testing.TB, dir string, names ...string) bundle.Merged {
	t.Helper()
	m, err := bundle.Merge(context.Background(), dir, gather(t, names...), bundle.MergeOptions{})
	if err != nil {
		t.Fatalf("%v: %+v", err, m)
	}
	return m
}

// sound holds that a folder verifies, and gives how many files it says to leave out.
func sound(t testing.TB, dir string) int {
	t.Helper()
	src, err := verify.Dir(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer src.(io.Closer).Close()
	r, err := verify.Edition(context.Background(), src, verify.Options{Now: editiontest.Now})
	if err != nil || r.Result != verify.OK {
		t.Fatalf("%v %s: %+v", err, r.Result, r.Findings)
	}
	return r.NotKept
}

// pulls takes a copy of what folders hold, with a profile, and holds that it
// verifies.
func pulls(t testing.TB, to string, profile mirror.Profile, from ...string) mirror.Result {
	t.Helper()
	opts := mirror.Options{Profile: profile, Now: editiontest.Now, Pause: time.Millisecond}
	for _, f := range from {
		s, err := mirror.Dir(f)
		if err != nil {
			t.Fatal(err)
		}
		defer s.(io.Closer).Close()
		opts.Sources = append(opts.Sources, s)
	}
	m, err := mirror.Open(to, true)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	r, err := m.Pull(context.Background(), opts)
	if err != nil {
		t.Fatalf("%v: %+v", err, r)
	}
	v, err := m.Verify(context.Background(), verify.Options{Now: editiontest.Now})
	if err != nil || v.Result != verify.OK {
		t.Fatalf("%v %s: %+v", err, v.Result, v.Findings)
	}
	return r
}

// drop takes away so many parts, chosen by the seed, and gives which.
func drop(t testing.TB, parts []string, n int, seed uint64) {
	t.Helper()
	order := rand.New(rand.NewPCG(seed, 1)).Perm(len(parts))
	for _, i := range order[:n] {
		if err := os.Remove(parts[i]); err != nil {
			t.Fatal(err)
		}
	}
}

// TestLostParts loses three in ten of the parts, whichever they are, and gets
// everything back: with one code for up to 256 parts, and with the other beyond.
func TestLostParts(t *testing.T) {
	t.Parallel()
	c := editiontest.New(t)
	c.Media = func(string) []editiontest.M {
		return []editiontest.M{{Rung: "poster", Type: "image/jpeg", Size: 900}, {Rung: "240p", Type: "video/mp4", Size: 1_700_000}}
	}
	c.Publish(t, c.Records(t, 1, 8)...)
	for _, size := range []int64{7_000_000, 250_000, 65_536} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			t.Parallel()
			stick := t.TempDir()
			w := write(t, c.Dir, stick, bundle.Options{PartBytes: size})
			if size == 65_536 && len(w.Parts) <= 256 {
				t.Fatalf("%d parts do not need the other code", len(w.Parts))
			}
			for _, p := range w.Parts {
				if info, err := os.Stat(p); err != nil || info.Size() > size {
					t.Fatalf("%s: %v, %d bytes", p, err, info.Size())
				}
			}
			drop(t, w.Parts, len(w.Parts)*30/100, 7)
			to := t.TempDir()
			if m := merge(t, to, stick); m.Lost != 0 || len(m.Aside) != 0 {
				t.Fatalf("%+v", m)
			}
			sound(t, to)
			if _, err := os.Stat(filepath.Join(to, ".kua-bundle")); err == nil {
				t.Error("the workshop was not cleared")
			}
		})
	}
}

// TestAnyPart takes each part of a bundle alone: what is in it is proved without the
// others, and what that costs is little.
func TestAnyPart(t *testing.T) {
	t.Parallel()
	c := editiontest.New(t)
	c.Filler = 5000
	c.Media = func(string) []editiontest.M {
		return []editiontest.M{{Rung: "poster", Type: "image/jpeg", Size: 9000}, {Rung: "240p", Type: "video/mp4", Size: 200_000}}
	}
	c.Publish(t, c.Records(t, 1, 60)...)
	stick, files, plain := t.TempDir(), 0, int64(0)
	w := write(t, c.Dir, stick, bundle.Options{PartBytes: 1_500_000, Parity: -1})
	for _, part := range w.Parts {
		to := t.TempDir()
		m := merge(t, to, part)
		if m.Files < 20 || len(m.Aside) != 0 {
			t.Errorf("%s alone: %+v", filepath.Base(part), m)
		}
		files += m.Files
	}
	if len(w.Parts) < 8 || files*100 < w.Set.Files*95 {
		t.Errorf("%d parts of %d files gave %d, each alone", len(w.Parts), w.Set.Files, files)
	}
	unique := 0
	err := filepath.WalkDir(c.Dir, func(_ string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		info, err := e.Info()
		unique, plain = unique+1, plain+info.Size()
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if most := (plain + int64(unique)*250) * 110 / 100; w.Bytes > most {
		t.Errorf("%d bytes of %d files take %d in parts, want at most %d", plain, unique, w.Bytes, most)
	}
	if err := os.Remove(w.Parts[0]); err != nil {
		t.Fatal(err)
	}
	to := t.TempDir()
	if m := merge(t, to, stick); m.Lost == 0 || m.Wanted != 1 || m.Files < 100 {
		t.Errorf("without the first part: %+v", m)
	}
	if m := merge(t, to, writeGood(t, c.Dir)); m.Lost != 0 {
		t.Errorf("and with all of it: %+v", m)
	}
	sound(t, to)
}

// TestStockUnzip holds that what no part was lost of needs no program of ours.
func TestStockUnzip(t *testing.T) {
	t.Parallel()
	_, second := collective(t)
	stick, to := t.TempDir(), t.TempDir()
	w := write(t, second, stick, bundle.Options{PartBytes: 10_000_000, Parity: -1})
	for _, p := range w.Parts {
		z, err := zip.OpenReader(p)
		if err != nil {
			t.Fatal(err)
		}
		defer z.Close()
		for _, f := range z.File {
			in, err := f.Open()
			if err != nil {
				t.Fatal(err)
			}
			b, err := io.ReadAll(in) // checks the CRC
			if err != nil {
				t.Fatal(err)
			}
			name := filepath.Join(to, f.Name)
			if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o755), os.WriteFile(name, b, 0o644)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := os.Remove(filepath.Join(to, "part.json")); err != nil {
		t.Fatal(err)
	}
	sound(t, to)
}

// TestUnion merges what two people have of two differently cut sets, neither
// enough alone, and a later call adds to an earlier one.
func TestUnion(t *testing.T) {
	t.Parallel()
	_, second := collective(t)
	hers, his, to := t.TempDir(), t.TempDir(), t.TempDir()
	w := write(t, second, hers, bundle.Options{PartBytes: 80_000})
	for i, p := range w.Parts {
		if i >= len(w.Parts)/2 {
			if err := os.Rename(p, filepath.Join(his, fmt.Sprintf("photo %d.zip.bin", i))); err != nil { // as messengers rename
				t.Fatal(err)
			}
		}
	}
	if m := merge(t, to, hers); m.Lost == 0 || m.Wanted == 0 || m.Files == 0 {
		t.Fatalf("half of the parts gave %+v", m)
	}
	if m := merge(t, to, his, hers); m.Lost != 0 || m.Held == 0 {
		t.Fatalf("both gave %+v", m)
	}
	sound(t, to)
	other := t.TempDir()
	write(t, second, other, bundle.Options{PartBytes: 300_000, Parity: 50})
	if m := merge(t, to, other); m.Lost != 0 || m.Bytes > 5000 {
		t.Fatalf("what is there already came again: %+v", m)
	}
	sound(t, to)
}

// TestProfilesAndSince writes less than all, and what came since, and pulls it.
func TestProfilesAndSince(t *testing.T) {
	t.Parallel()
	first, second := collective(t)
	at := t.TempDir()
	sub := func(name string) string { return filepath.Join(at, name) }
	all := write(t, second, sub("all"), bundle.Options{})
	text := write(t, second, sub("text"), bundle.Options{Profile: mirror.TextOnly})
	if text.Bytes*2 > all.Bytes {
		t.Errorf("text alone has %d of %d bytes", text.Bytes, all.Bytes)
	}
	merge(t, sub("text merged"), sub("text"))
	if left := sound(t, sub("text merged")); left == 0 { // by its own word it has no films
		t.Error("text alone is taken for all")
	}
	merge(t, sub("text and more"), sub("text"))
	merge(t, sub("text and more"), sub("all"))
	if left := sound(t, sub("text and more")); left != 0 {
		t.Errorf("%d files are said to be left out", left)
	}
	pulls(t, sub("text copy"), mirror.TextOnly, sub("text merged"))

	// A mirror that is made of such a folder says itself what it leaves out.
	write(t, first, sub("first text"), bundle.Options{Profile: mirror.TextOnly})
	merge(t, sub("grown"), sub("first text"))
	pulls(t, sub("grown"), mirror.TextOnly, second)
	if left := sound(t, sub("grown")); left == 0 {
		t.Error("text alone is taken for all")
	}

	note := filepath.Join(first, "log", "checkpoint")
	for _, since := range []string{first, note} {
		name := "since " + filepath.Base(since)
		w := write(t, second, sub(name), bundle.Options{Since: since})
		if w.Bytes >= all.Bytes {
			t.Errorf("%s has %d of %d bytes", name, w.Bytes, all.Bytes)
		}
		merge(t, sub(name+" merged"), sub(name))
		pulls(t, sub(name+" copy"), mirror.All, first)
		if r := pulls(t, sub(name+" copy"), mirror.All, sub(name+" merged")); r.Edition != 2 || len(r.Left) != 0 {
			t.Errorf("%s: %+v", name, r)
		}
	}

	write(t, second, sub("one"), bundle.Options{Records: "2"})
	merge(t, sub("one merged"), sub("one"))
	src, err := verify.Dir(sub("one merged"))
	if err != nil {
		t.Fatal(err)
	}
	defer src.(io.Closer).Close()
	r, err := verify.Record(context.Background(), src, "kk/r/0000/000002.html", verify.Options{Now: editiontest.Now})
	if err != nil || r.Result != verify.OK {
		t.Fatalf("%v %s: %+v", err, r.Result, r.Findings)
	}
	if _, err := os.Stat(sub("one merged/records/0000/000001/v1.json")); err == nil {
		t.Error("a record came that was not chosen")
	}
}

// TestResume stops writing and merging in the middle, many times.
func TestResume(t *testing.T) {
	t.Parallel()
	_, second := collective(t)
	stick, to := t.TempDir(), t.TempDir()
	held := 0
	for n := 1; ; n++ {
		ctx, stop := context.WithCancel(context.Background())
		calls := 0
		w, err := bundle.Write(ctx, second, stick, bundle.Options{PartBytes: 80_000, Progress: func(int64, int64) {
			if calls++; calls == 2*n {
				stop()
			}
		}})
		stop()
		if err == nil {
			held = max(held, w.Held)
			break
		}
		if !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
	}
	if held == 0 {
		t.Error("nothing of what was written before was used")
	}
	drop(t, gatherNames(t, stick), 2, 3)
	for n := 1; ; n++ {
		ctx, stop := context.WithCancel(context.Background())
		calls := 0
		m, err := bundle.Merge(ctx, to, gather(t, stick), bundle.MergeOptions{Progress: func(int64, int64) {
			if calls++; calls == 5*n {
				stop()
			}
		}})
		stop()
		if err == nil {
			if m.Held == 0 || m.Rebuilt == 0 {
				t.Errorf("%+v", m)
			}
			break
		}
		if !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
	}
	sound(t, to)
}

func gatherNames(t testing.TB, dir string) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*.zip"))
	if err != nil || len(names) == 0 {
		t.Fatal(names, err)
	}
	return names
}

// TestHostileStick fills a stick with what a stranger could put there. Each is
// named or passed over, and what is sound comes through.
func TestHostileStick(t *testing.T) {
	t.Parallel()
	_, second := collective(t)
	stick, to := t.TempDir(), t.TempDir()
	w := write(t, second, stick, bundle.Options{PartBytes: 80_000, Parity: 60})
	good, err := os.ReadFile(w.Parts[0])
	if err != nil {
		t.Fatal(err)
	}
	put := func(name string, b []byte) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(stick, name), b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	spoil := func(i int, at int) {
		t.Helper()
		b, err := os.ReadFile(w.Parts[i])
		if err != nil {
			t.Fatal(err)
		}
		b[at] ^= 1
		put(filepath.Base(w.Parts[i]), b)
	}
	spoil(1, 3000)                                                                   // a byte of a file
	spoil(2, 14)                                                                     // a header
	put("lie.zip", bytes.Replace(good, []byte(`"index":0`), []byte(`"index":3`), 1)) // not its place
	put("short.zip", good[:len(good)/2])
	put("end.zip", good[len(good)-90:])
	far := slices.Clone(good)
	binary.LittleEndian.PutUint32(far[len(far)-22-9-4:], 0xfffffff0) // the description is said to lie behind the end
	put("far.zip", far)
	put("holiday.jpg", bytes.Repeat([]byte{0xff}, 5000))
	for name, target := range map[string]string{"link.zip": "/etc/passwd", "loop": "."} {
		if err := os.Symlink(target, filepath.Join(stick, name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := syscall.Mkfifo(filepath.Join(stick, "pipe.zip"), 0o644); err != nil {
		t.Fatal(err)
	}
	m := merge(t, to, stick)
	sound(t, to)
	named := fmt.Sprint(m.Aside)
	for _, want := range []string{filepath.Base(w.Parts[1]), filepath.Base(w.Parts[2]), "lie.zip", "far.zip"} {
		if !strings.Contains(named, want) {
			t.Errorf("%s is not named in %s", want, named)
		}
	}
	if m.Lost != 0 || m.Rebuilt != 2 {
		t.Errorf("%+v", m)
	}
}

// TestHostileSet makes a set as the program would, but of files that the
// collective never signed, and of paths that lead out of the folder.
func TestHostileSet(t *testing.T) {
	t.Parallel()
	first, second := collective(t)
	for _, test := range []struct {
		name  string
		spoil func(t *testing.T, dir string)
		key   string // "" when the rest comes in
	}{
		{"another page", func(t *testing.T, dir string) { overwrite(t, filepath.Join(dir, "kk/r/0000/000002.html")) }, ""},
		{"another film", func(t *testing.T, dir string) { overwrite(t, blobOf(t, dir)) }, ""},
		{"another manifest", func(t *testing.T, dir string) { overwrite(t, filepath.Join(dir, "manifest.json")) }, "any"},
		{"an older log", func(t *testing.T, dir string) {
			b, err := os.ReadFile(filepath.Join(first, "log/checkpoint"))
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, "log/checkpoint"), b, 0o644); err != nil {
				t.Fatal(err)
			}
		}, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			dir, stick, to := editiontest.Copy(t, second), t.TempDir(), t.TempDir()
			w, err := bundle.WriteUnproved(context.Background(), dir, stick, bundle.Options{}, func() { test.spoil(t, dir) })
			if err != nil {
				t.Fatal(err)
			}
			m, err := bundle.Merge(context.Background(), to, gather(t, stick), bundle.MergeOptions{})
			if test.key != "" {
				if err == nil {
					t.Fatalf("taken: %+v", m)
				}
				if _, err := os.Stat(filepath.Join(to, "manifest.json")); err == nil {
					t.Error("an unsigned manifest was put there")
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if len(m.Aside) == 0 && test.name != "an older log" {
				t.Fatalf("nothing was set aside of %d files: %+v", w.Set.Files, m)
			}
			if test.name == "an older log" { // it takes no newer one's place
				whole := writeGood(t, second)
				merge(t, to, whole)
				merge(t, to, stick)
				sound(t, to)
				return
			}
			m = merge(t, to, writeGood(t, second)) // another stick brings what was wrong
			if m.Lost != 0 {
				t.Errorf("%+v", m)
			}
			sound(t, to)
		})
	}
	for _, name := range []string{"../outside.html", "/etc/passwd", ".kua-mirror/state.json", "kk/../../x.html", "a\\b.html", "KK/report.html"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			stick, at := t.TempDir(), t.TempDir()
			to := filepath.Join(at, "to")
			if err := bundle.WriteNamed(stick, second, name); err != nil {
				t.Fatal(err)
			}
			m := merge(t, to, stick)
			if !strings.Contains(fmt.Sprint(m.Aside), "bundle.strange_name") {
				t.Errorf("%+v", m.Aside)
			}
			entries, err := os.ReadDir(at)
			if err != nil || len(entries) != 1 {
				t.Errorf("%v %v", entries, err)
			}
		})
	}
}

func writeGood(t testing.TB, dir string) string {
	t.Helper()
	stick := t.TempDir()
	write(t, dir, stick, bundle.Options{})
	return stick
}

func overwrite(t testing.TB, name string) {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	b[len(b)/2] ^= 1
	if err := os.WriteFile(name, b, 0o644); err != nil {
		t.Fatal(err)
	}
}

func blobOf(t testing.TB, dir string) string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "blobs/*/*.mp4"))
	if err != nil || len(names) == 0 {
		t.Fatal(names, err)
	}
	return names[0]
}

// TestWriteRefuses holds that nothing false is spread, and that what cannot be is
// said.
func TestWriteRefuses(t *testing.T) {
	t.Parallel()
	first, second := collective(t)
	spoilt := editiontest.Copy(t, second)
	overwrite(t, filepath.Join(spoilt, "kk/r/0000/000002.html"))
	for _, test := range []struct {
		dir  string
		opts bundle.Options
		key  string
	}{
		{spoilt, bundle.Options{}, "verify.differs"},
		{second, bundle.Options{PartBytes: 1000}, "bundle.size"},
		{second, bundle.Options{Parity: 95}, "bundle.parity"},
		{second, bundle.Options{Records: "7-3"}, "bundle.records"},
		{first, bundle.Options{Since: second}, "bundle.since_newer"},
		{first, bundle.Options{Since: filepath.Join(second, "log/checkpoint")}, "bundle.since_newer"},
		{t.TempDir(), bundle.Options{}, "edition.none_here"},
	} {
		_, err := bundle.Write(context.Background(), test.dir, t.TempDir(), test.opts)
		if ft, ok := fault.Of(err); !ok || ft.Key != test.key {
			t.Errorf("%+v: %v, want %s", test.opts, err, test.key)
		}
	}
}

// TestOtherEdition holds that two editions are not mixed in one folder.
func TestOtherEdition(t *testing.T) {
	t.Parallel()
	first, second := collective(t)
	a, b, to := writeGood(t, first), writeGood(t, second), t.TempDir()
	if m := merge(t, to, a, b); m.Edition != 2 || len(m.Others) != 1 || m.Others[0] != 1 {
		t.Errorf("%+v", m)
	}
	sound(t, to)
	_, err := bundle.Merge(context.Background(), to, gather(t, a), bundle.MergeOptions{})
	if ft, ok := fault.Of(err); !ok || ft.Key != "bundle.other_edition" {
		t.Errorf("%v", err)
	}
	sound(t, to)
	_, err = bundle.Merge(context.Background(), t.TempDir(), gather(t, a), bundle.MergeOptions{Pinned: strings.Repeat("a", 64)})
	if err == nil {
		t.Error("another collective's parts were taken for the pinned one's")
	}

	// A disk that was full, or a kill, left half of a manifest.
	halve(t, filepath.Join(to, "manifest.json"))
	merge(t, to, b)
	sound(t, to)

	// Parts of another edition cannot be read any more: nobody needs them.
	shelf := gather(t, a, b)
	for _, name := range gatherNames(t, a) {
		if err := os.Remove(name); err != nil {
			t.Fatal(err)
		}
	}
	if m, err := bundle.Merge(context.Background(), filepath.Join(t.TempDir(), "to"), shelf, bundle.MergeOptions{}); err != nil || m.Edition != 2 {
		t.Errorf("%v %+v", err, m)
	}
}

// halve leaves the first half of a file.
func halve(t testing.TB, name string) {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, b[:len(b)/2], 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestTwoCollectives holds that of a stick with parts of two collectives nothing is taken
// until somebody says which is meant: the higher number says nothing.
func TestTwoCollectives(t *testing.T) {
	t.Parallel()
	first, second := collective(t)
	_, theirs := collective(t)
	mine, stick, to := writeGood(t, first), writeGood(t, theirs), filepath.Join(t.TempDir(), "to")
	_, err := bundle.Merge(context.Background(), to, gather(t, mine, stick), bundle.MergeOptions{})
	if ft, ok := fault.Of(err); !ok || ft.Key != "mirror.two_collectives" {
		t.Errorf("%v, want mirror.two_collectives", err)
	}
	if _, err := os.Stat(filepath.Join(to, "manifest.json")); err == nil {
		t.Error("one of them was taken")
	}
	charters, err := charter.ReadChain(os.DirFS(second))
	if err != nil {
		t.Fatal(err)
	}
	m, err := bundle.Merge(context.Background(), to, gather(t, mine, stick), bundle.MergeOptions{Pinned: canon.Hash([]byte(charters[0].Document))})
	if err != nil || m.Edition != 1 {
		t.Errorf("%v %+v", err, m)
	}
	sound(t, to)
	if m = merge(t, to, mine, stick); m.Edition != 1 { // the folder says which is meant
		t.Errorf("%+v", m)
	}
	halve(t, filepath.Join(to, "manifest.json")) // and then no more
	_, err = bundle.Merge(context.Background(), to, gather(t, mine, stick), bundle.MergeOptions{})
	if ft, ok := fault.Of(err); !ok || ft.Key != "mirror.two_collectives" {
		t.Errorf("%v, want mirror.two_collectives", err)
	}
}
