package parcel_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"

	"filippo.io/age"

	"kua/internal/fault"
	"kua/internal/parcel"
	"kua/internal/seal"
)

func person(t testing.TB) *age.HybridIdentity {
	t.Helper()
	id, err := age.GenerateHybridIdentity()
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func words() parcel.Report {
	return parcel.Report{What: "beating", Text: "Что было.", Language: "ru", Written: "2026-11-21"}
}

func TestSealRoundTrip(t *testing.T) {
	id := person(t)
	random := rand.NewChaCha8([32]byte{})
	for _, sizes := range [][]int{nil, {0}, {1}, {511, 512, 513}, {16 << 10}, {100_000, 0, 262_144, 3}, make([]int, parcel.MaxFiles)} {
		var files []parcel.Source
		var want [][]byte
		for _, n := range sizes {
			b := make([]byte, n)
			random.Read(b)
			files, want = append(files, source("photo.JPG", "image/jpeg", b)), append(want, b)
		}
		var sealed bytes.Buffer
		if err := parcel.Seal(&sealed, words(), files, []string{id.Recipient().String()}, nil); err != nil {
			t.Fatalf("%d files: %v", len(sizes), err)
		}
		plain := decrypt(t, sealed.Bytes(), id.String())
		if n := int64(len(plain)); parcel.Padme(n) != n {
			t.Errorf("%d files: the plaintext has %d bytes, which is no padded size", len(sizes), n)
		}
		bag, err := readBag(plain)
		if err != nil {
			t.Fatalf("%d files: %v", len(sizes), err)
		}
		for i, e := range bag.Entries[1:] {
			if !bytes.Equal(plain[e.Offset:e.Offset+e.Size], want[i]) {
				t.Errorf("%d files: file %d differs", len(sizes), i+1)
			}
		}
	}
}

// TestSealHidesSizes seals reports of different length: the sealed files are
// equally long.
func TestSealHidesSizes(t *testing.T) {
	rcpt := []string{person(t).Recipient().String()}
	sizes := make(map[int]bool)
	for _, n := range []int{1, 100, 1000, 3000} {
		r := words()
		r.Text = strings.Repeat("ы", n)
		var sealed bytes.Buffer
		if err := parcel.Seal(&sealed, r, nil, rcpt, nil); err != nil {
			t.Fatal(err)
		}
		sizes[sealed.Len()] = true
	}
	if len(sizes) != 1 {
		t.Errorf("short reports have the sizes %v, want one size", sizes)
	}
}

func TestSealRefuses(t *testing.T) {
	hybrid := person(t).Recipient().String()
	classic, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	claims := func(n int64, b string) []parcel.Source {
		s := source("film.mp4", "video/mp4", []byte(b))
		s.Size = n
		return []parcel.Source{s}
	}
	opening := errors.New("no permission")
	for _, c := range []struct {
		name       string
		report     parcel.Report
		files      []parcel.Source
		recipients []string
		want       error
	}{
		{"nobody to seal to", words(), nil, nil, fault.Invalid("seal.no_recipients")},
		{"a mix of recipients", words(), nil, []string{hybrid, classic.Recipient().String()}, fault.Invalid("seal.mixed_recipients")},
		{"a damaged recipient", words(), nil, []string{hybrid[:100]}, fault.Invalid("seal.recipient")},
		{"an empty report", parcel.Report{What: "bribe", Language: "ru", Written: "2026-11-21"}, nil, []string{hybrid}, fault.Invalid("parcel.empty_report")},
		{"a file that shrank", words(), claims(10, "too few"), []string{hybrid}, fault.Invalid("parcel.source_changed")},
		{"a file that grew", words(), claims(3, "too many"), []string{hybrid}, fault.Invalid("parcel.source_changed")},
		{"a file that was emptied", words(), claims(3, ""), []string{hybrid}, fault.Invalid("parcel.source_changed")},
		{"a file that was empty", words(), claims(0, "no longer"), []string{hybrid}, fault.Invalid("parcel.source_changed")},
		{"a file that is too large", words(), claims(parcel.MaxParcel, ""), []string{hybrid}, fault.Invalid("parcel.too_large")},
		{"a negative size", words(), claims(-1, ""), []string{hybrid}, fault.Invalid("parcel.member")},
		{"too many files", words(), make([]parcel.Source, parcel.MaxFiles+1), []string{hybrid}, fault.Invalid("parcel.too_many_files")},
		{"a file that does not open", words(), []parcel.Source{{Name: "x", Size: 1, Open: func() (io.ReadCloser, error) { return nil, opening }}}, []string{hybrid}, opening},
	} {
		t.Run(c.name, func(t *testing.T) {
			if err := parcel.Seal(io.Discard, c.report, c.files, c.recipients, nil); !errors.Is(err, c.want) {
				t.Errorf("Seal = %v, want %v", err, c.want)
			}
		})
	}
}

// TestSealTellsDiskFull passes the error of the destination on.
func TestSealTellsDiskFull(t *testing.T) {
	full := errors.New("disk full")
	for _, room := range []int{0, 100, 1700, 50_000} {
		w := &smallDisk{room: room, err: full}
		err := parcel.Seal(w, words(), []parcel.Source{source("a", "", make([]byte, 100_000))}, []string{person(t).Recipient().String()}, nil)
		if !errors.Is(err, full) {
			t.Errorf("room for %d bytes: Seal = %v, want %v", room, err, full)
		}
	}
}

type smallDisk struct {
	room int
	err  error
}

func (d *smallDisk) Write(p []byte) (int, error) {
	if len(p) > d.room {
		n := d.room
		d.room = 0
		return n, d.err
	}
	d.room -= len(p)
	return len(p), nil
}

func TestNeutralNames(t *testing.T) {
	id := person(t)
	var files []parcel.Source
	names := []string{"VID_2026.MP4", "дело.PDF", "archive.tar.gz", "no extension", "бейне.бейне", "x.toolongext", "dot.", ".hidden", "../../etc/passwd"}
	want := []string{"1.mp4", "2.pdf", "3.gz", "4.bin", "5.bin", "6.bin", "7.bin", "8.hidden", "9.bin"}
	for _, n := range names {
		files = append(files, source(n, "Video/MP4", nil))
	}
	var sealed bytes.Buffer
	if err := parcel.Seal(&sealed, words(), files, []string{id.Recipient().String()}, nil); err != nil {
		t.Fatal(err)
	}
	r, err := parcel.ReadReport(bytes.NewReader(decrypt(t, sealed.Bytes(), id.String())))
	if err != nil {
		t.Fatal(err)
	}
	for i, f := range r.Files {
		if f.Path != "data/files/"+want[i] || f.Name != names[i] || f.Type != "video/mp4" {
			t.Errorf("%q became %+v, want data/files/%s", names[i], f, want[i])
		}
	}
}

// zeros gives n cheap bytes and tells on the way.
func zeros(n int64, tell func()) parcel.Source {
	return parcel.Source{Name: "film.mp4", Type: "video/mp4", Size: n, Open: func() (io.ReadCloser, error) {
		return io.NopCloser(io.LimitReader(zeroReader{tell}, n)), nil
	}}
}

type zeroReader struct{ tell func() }

func (z zeroReader) Read(p []byte) (int, error) {
	z.tell()
	clear(p)
	return len(p), nil
}

// road seals n bytes, opens them again and reads the bag, all at once.
func road(t testing.TB, n int64, tell func()) {
	t.Helper()
	id := person(t)
	pr, pw := io.Pipe()
	go func() {
		pw.CloseWithError(parcel.Seal(pw, words(), []parcel.Source{zeros(n, tell)}, []string{id.Recipient().String()}, nil))
	}()
	plain, err := age.Decrypt(pr, id)
	if err != nil {
		t.Fatal(err)
	}
	bag, err := parcel.ReadBag(plain, parcel.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if got := bag.Entries[1].Size; got != n {
		t.Errorf("the film has %d bytes, want %d", got, n)
	}
}

// TestMemoryStaysFlat takes a film of one GiB down the road and looks at the
// heap on the way: it must not grow with the film.
func TestMemoryStaysFlat(t *testing.T) {
	var before, now runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	var most uint64
	calls := 0
	road(t, 1<<30, func() {
		if calls++; calls%1000 == 0 {
			runtime.ReadMemStats(&now)
			most = max(most, now.HeapInuse)
		}
	})
	const limit = 24 << 20
	if grown := int64(most) - int64(before.HeapInuse); grown > limit {
		t.Errorf("the heap grew by %d MiB, want at most %d", grown>>20, limit>>20)
	}
}

func BenchmarkRoad4GiB(b *testing.B) {
	b.SetBytes(4 << 30)
	b.ReportAllocs()
	for b.Loop() {
		road(b, 4<<30, func() {})
	}
}

func TestSplit(t *testing.T) {
	for _, n := range []int{1, parcel.PieceBytes - 1, parcel.PieceBytes, parcel.PieceBytes + 1, 3 * parcel.PieceBytes} {
		data := make([]byte, n)
		rand.NewChaCha8([32]byte{1}).Read(data)
		var back []byte
		x, err := parcel.Split(bytes.NewReader(data), func(i int, hash string, piece []byte) error {
			back = append(back, piece...)
			return nil
		})
		if err != nil || !bytes.Equal(back, data) || x.Size != int64(n) {
			t.Fatalf("%d bytes: Split = %+v, %v", n, x, err)
		}
		if beside, err := parcel.IndexOf(bytes.NewReader(data), int64(n)); err != nil || beside.ID() != x.ID() {
			t.Errorf("%d bytes: IndexOf = %v, %v, want what Split gave", n, beside, err)
		}
		if _, err := parcel.IndexOf(bytes.NewReader(data), int64(n)+1); !errors.Is(err, io.EOF) {
			t.Errorf("%d bytes: IndexOf of a file that became shorter = %v", n, err)
		}
		var sum int64
		for i := range x.Pieces {
			sum += x.PieceSize(i)
		}
		if again, err := parcel.ReadIndex(x.Text()); err != nil || again.ID() != x.ID() || sum != x.Size {
			t.Errorf("%d bytes: ReadIndex = %v, pieces sum to %d", n, err, sum)
		}
	}
	if _, err := parcel.Split(bytes.NewReader(nil), nil); !errors.Is(err, fault.Invalid("parcel.empty")) {
		t.Errorf("Split of nothing = %v, want parcel.empty", err)
	}
	if _, err := parcel.IndexOf(bytes.NewReader(nil), 0); !errors.Is(err, fault.Invalid("parcel.empty")) {
		t.Errorf("IndexOf of nothing = %v, want parcel.empty", err)
	}
	stop := errors.New("stop")
	if _, err := parcel.Split(strings.NewReader("x"), func(int, string, []byte) error { return stop }); err != stop {
		t.Errorf("Split = %v, want %v", err, stop)
	}
}

// TestIndexOfTheLargest reads the index of the largest parcel there may be.
func TestIndexOfTheLargest(t *testing.T) {
	x := parcel.Index{Size: parcel.MaxParcel, Pieces: make([]string, parcel.MaxParcel/parcel.PieceBytes)}
	for i := range x.Pieces {
		x.Pieces[i] = fmt.Sprintf("%064x", i)
	}
	text := x.Text()
	if len(text) > parcel.MaxIndex {
		t.Errorf("its index has %d bytes, more than %d", len(text), parcel.MaxIndex)
	}
	if _, err := parcel.ReadIndex(text); err != nil {
		t.Error(err)
	}
	x.Pieces[7] = x.Pieces[3]
	if _, err := parcel.ReadIndex(x.Text()); !errors.Is(err, fault.Invalid("parcel.not_an_index")) {
		t.Errorf("a piece twice: %v", err)
	}
}

func TestCiphertextSize(t *testing.T) {
	rs := []string{person(t).Recipient().String(), person(t).Recipient().String()}
	for _, n := range []int64{0, 1, 65535, 65536, 65537, 131072, 200_000} {
		var b bytes.Buffer
		w, err := seal.Writer(&b, rs)
		if err != nil {
			t.Fatal(err)
		}
		w.Write(make([]byte, n))
		w.Close()
		if got, err := seal.CiphertextSize(n, rs); err != nil || got != int64(b.Len()) {
			t.Errorf("CiphertextSize(%d) = %d, %v, want %d", n, got, err, b.Len())
		}
	}
}
