package lane_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"hash/crc32"
	"image/jpeg"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"kua/internal/blob"
	"kua/internal/blob/s3"
	"kua/internal/blob/s3/s3test"
	"kua/internal/canary"
	"kua/internal/fault"
	"kua/internal/lane"
	"kua/internal/lane/lanetest"
	"kua/internal/sqldb"
)

func addPicture(t *testing.T, l *lane.Lane, photo []byte) lane.Picture {
	t.Helper()
	p, err := l.AddPicture(t.Context(), bytes.NewReader(photo))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// fetch gives the bytes behind a hash, and whether everybody may know of them.
func fetch(t *testing.T, l *lane.Lane, hash string) ([]byte, bool, error) {
	t.Helper()
	f, public, err := l.OpenPicture(t.Context(), hash)
	if err != nil {
		return nil, false, err
	}
	defer f.Close()
	b, err := io.ReadAll(f)
	if err != nil {
		t.Fatal(err)
	}
	return b, public, nil
}

// stored gives the names of all files of the store of pictures in a folder.
func stored(t *testing.T, dir string) (names []string) {
	t.Helper()
	err := filepath.WalkDir(filepath.Join(dir, "pictures"), func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			names = append(names, d.Name())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// at another day: onDays runs a test with a clock that it moves.
func onDays(t *testing.T, test func(t *testing.T, l *lane.Lane, dir string, days *int)) {
	for _, name := range []string{"sqlite", "postgres"} {
		t.Run(name, func(t *testing.T) {
			days := new(int)
			cfg := lane.Config{Dir: t.TempDir(), Cleaner: lanetest.Cleaner(t)}
			cfg.Now = func() time.Time { return time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC).AddDate(0, 0, *days) }
			if name == "postgres" {
				cfg.URL = lanetest.Database(t)
			}
			l, err := lane.Open(t.Context(), cfg)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { l.Close() })
			test(t, withCity(t, l), cfg.Dir, days)
		})
	}
}

// TestPicture: what is kept of a photo is a picture and a small one, of new
// pixels, by the hash of their bytes; a report that names it shows it, and its
// history covers it.
func TestPicture(t *testing.T) {
	onBoth(t, func(t *testing.T, open func() *lane.Lane, _ sqldb.Config) {
		l := withCity(t, open())
		p := addPicture(t, l, lanetest.Photo(t, 2600, 1300, 7))
		for _, c := range []struct {
			hash          string
			width, height int
			most          int
		}{{p.Hash, p.Width, p.Height, 1 << 20}, {p.Small, p.SmallWidth, p.SmallHigh, 15 << 10}} {
			b, public, err := fetch(t, l, c.hash)
			if err != nil || public || len(b) > c.most {
				t.Fatalf("OpenPicture = %d bytes, public %v, %v; want a draft's, of %d at most", len(b), public, err, c.most)
			}
			if sum := sha256.Sum256(b); hex.EncodeToString(sum[:]) != c.hash {
				t.Errorf("the bytes are not those of %s", c.hash)
			}
			size, err := jpeg.DecodeConfig(bytes.NewReader(b))
			if err != nil || size.Width != c.width || size.Height != c.height || c.width != 2*c.height {
				t.Errorf("a JPEG of %dx%d was said to be %dx%d, %v", size.Width, size.Height, c.width, c.height, err)
			}
		}
		if p.Width > 2048 || p.Width < 1900 || p.SmallWidth != 320 {
			t.Errorf("its sides are %d and %d", p.Width, p.SmallWidth)
		}
		if again := addPicture(t, l, lanetest.Photo(t, 2600, 1300, 7)); again != p {
			t.Errorf("the same photo again is %+v, want %+v", again, p)
		}
		id := submit(t, l, manhole(func(d *lane.Draft) { d.Pictures = []string{p.Hash} }))
		all, err := l.Pictures(t.Context(), id, 999)
		want := p
		want.Role, want.Event = lane.Before, 1
		if err != nil || len(all) != 1 || len(all[id]) != 1 || all[id][0] != want {
			t.Errorf("Pictures = %+v, %v, want %+v", all, err, want)
		}
		history, err := l.History(t.Context(), id)
		if err != nil || len(history[0].Pictures) != 1 || history[0].Pictures[0] != p.Hash {
			t.Errorf("the history says %+v, %v", history, err)
		}
		if _, public, err := fetch(t, l, p.Small); err != nil || !public {
			t.Errorf("a report's picture is public: %v, %v", public, err)
		}
	})
}

// TestPictureOfAHeldReport is shown to nobody before a person let the report
// through, and not after it was taken back.
func TestPictureOfAHeldReport(t *testing.T) {
	onBoth(t, func(t *testing.T, open func() *lane.Lane, _ sqldb.Config) {
		l := withCity(t, open())
		p := addPicture(t, l, lanetest.Photo(t, 400, 300, 9))
		id := submit(t, l, manhole(func(d *lane.Draft) { d.Category, d.Answers, d.Pictures = "no-answer", nil, []string{p.Hash} }))
		shown := func(want bool) {
			t.Helper()
			for _, hash := range []string{p.Hash, p.Small} {
				if _, _, err := fetch(t, l, hash); (err == nil) != want || err != nil && !errors.Is(err, fault.NotFound("lane.no_picture")) {
					t.Errorf("OpenPicture: %v, shown is wanted: %v", err, want)
				}
			}
		}
		shown(false)
		a := request(t, l, id).Assignments[0]
		if err := l.Move(t.Context(), a.Number, a.Step, lane.Move{To: lane.Routed, By: lane.ByHouse, Reason: "seen"}); err != nil {
			t.Fatal(err)
		}
		shown(true)
		if err := l.Move(t.Context(), a.Number, a.Step+1, lane.Move{To: lane.Withdrawn, By: lane.ByHolder}); err != nil {
			t.Fatal(err)
		}
		shown(false)
	})
}

// TestProofIsAPicture: an authority's proof is one that was cleaned here, or the
// move is refused and nothing moves.
func TestProofIsAPicture(t *testing.T) {
	onBoth(t, func(t *testing.T, open func() *lane.Lane, _ sqldb.Config) {
		l := withCity(t, open())
		id := submit(t, l, manhole())
		a := request(t, l, id).Assignments[0]
		if err := l.Move(t.Context(), a.Number, 0, lane.Move{To: lane.Delivered, By: lane.ByHouse}); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"ab12", strings.Repeat("a", 64)} {
			err := l.Move(t.Context(), a.Number, 1, lane.Move{To: lane.Mended, By: lane.ByOfficial, Picture: name})
			if !errors.Is(err, fault.NotFound("lane.no_picture")) {
				t.Errorf("the picture %q: %v, want lane.no_picture", name, err)
			}
		}
		if r := request(t, l, id); r.Assignments[0].State != lane.Delivered {
			t.Errorf("it moved to %s", r.Assignments[0].State)
		}
		p := addPicture(t, l, lanetest.Photo(t, 400, 300, 3))
		if err := l.Move(t.Context(), a.Number, 1, lane.Move{To: lane.Mended, By: lane.ByOfficial, Picture: p.Hash}); err != nil {
			t.Fatal(err)
		}
		all, err := l.Pictures(t.Context(), id)
		if err != nil || len(all[id]) != 1 || all[id][0].Role != lane.Proof || all[id][0].Event != 3 {
			t.Errorf("Pictures = %+v, %v", all, err)
		}
	})
}

// TestVerdictsPicture: what a citizen shows of an answer is tied to the verdict, also
// where the verdict opens the report again, and what is not kept is refused with it.
func TestVerdictsPicture(t *testing.T) {
	onBoth(t, func(t *testing.T, open func() *lane.Lane, _ sqldb.Config) {
		l, d := withCity(t, open()), manhole()
		id := submit(t, l, d)
		a := must(t, l, id, delivered, refused)
		v := lane.Verdict{Code: d.Code, Assignment: a.Number, Answer: a.Answer, Says: lane.SaysNot, Picture: strings.Repeat("a", 64)}
		if err := l.Judge(t.Context(), v); !errors.Is(err, fault.NotFound("lane.no_picture")) {
			t.Errorf("a picture that nobody has: %v", err)
		}
		v.Picture = lanetest.Proof(t, l)
		if err := l.Judge(t.Context(), v); err != nil {
			t.Fatal(err)
		}
		all, err := l.Pictures(t.Context(), id)
		if err != nil || len(all[id]) != 1 || all[id][0].Role != lane.After || all[id][0].Event != 4 {
			t.Errorf("Pictures = %+v, %v", all, err)
		}
		whole(t, l)
	})
}

// TestDraftsPicturesGo: a picture that no report took is erased when a day has
// passed after its own, byte and line; one that was taken stays; one that was
// brought again counts anew.
func TestDraftsPicturesGo(t *testing.T) {
	onDays(t, func(t *testing.T, l *lane.Lane, dir string, days *int) {
		sweep := func() {
			t.Helper()
			if err := l.SweepPictures(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		photos := [][]byte{lanetest.Photo(t, 400, 300, 1), lanetest.Photo(t, 400, 300, 90), lanetest.Photo(t, 400, 300, 180)}
		sent, again, gone := addPicture(t, l, photos[0]), addPicture(t, l, photos[1]), addPicture(t, l, photos[2])
		submit(t, l, manhole(func(d *lane.Draft) { d.Pictures = []string{sent.Hash} }))
		*days = 1
		sweep()
		if n := len(stored(t, dir)); n != 6 {
			t.Fatalf("a day later the store has %d files, want 6", n)
		}
		addPicture(t, l, photos[1])
		*days = 2
		sweep()
		left := strings.Join(stored(t, dir), " ")
		for _, want := range []string{sent.Hash, sent.Small, again.Hash, again.Small} {
			if !strings.Contains(left, want) {
				t.Errorf("%s was erased", want)
			}
		}
		if strings.Contains(left, gone.Hash) || strings.Contains(left, gone.Small) {
			t.Error("what nobody sent was not erased")
		}
		_, err := l.Submit(t.Context(), manhole(func(d *lane.Draft) { d.Pictures = []string{gone.Hash} }))
		if !errors.Is(err, fault.NotFound("lane.no_picture")) {
			t.Errorf("a report with the erased one: %v", err)
		}
		if back := addPicture(t, l, photos[2]); back != gone {
			t.Errorf("brought again it is %+v, want %+v", back, gone)
		}
		if _, _, err := fetch(t, l, gone.Small); err != nil {
			t.Errorf("brought again: %v", err)
		}
	})
}

// TestPicturesRefused: what is no photo, is too large, is cut off or blows up is
// refused with a word for the one who brought it, and nothing is left of it.
func TestPicturesRefused(t *testing.T) {
	dir := t.TempDir()
	l := opened(t, lane.Config{Dir: dir, Cleaner: lanetest.Cleaner(t)})
	photo := lanetest.Photo(t, 400, 300, 1)
	for name, c := range map[string]struct {
		photo []byte
		want  *fault.Fault
	}{
		"nothing":    {nil, fault.Invalid("lane.picture_broken")},
		"words":      {[]byte(strings.Repeat("no photo at all ", 100)), fault.Invalid("lane.picture_kind")},
		"a document": {[]byte("%PDF-1.7\n" + strings.Repeat("x", 1000)), fault.Invalid("lane.picture_kind")},
		"cut off":    {photo[:len(photo)/3], fault.Invalid("lane.picture_broken")},
		"a bomb":     {bomb(), fault.TooLarge("lane.picture_large")},
		"too much":   {make([]byte, lane.MaxPictureBytes+1), fault.TooLarge("lane.picture_large")},
	} {
		if _, err := l.AddPicture(t.Context(), bytes.NewReader(c.photo)); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %s", name, err, c.want.Key)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "pictures")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("there is a store, of %v", stored(t, dir))
	}
	without := opened(t, lane.Config{Dir: t.TempDir()})
	if _, err := without.AddPicture(t.Context(), bytes.NewReader(photo)); without.TakesPictures() || !errors.Is(err, fault.Missing("lane.no_pictures")) {
		t.Errorf("without a cleaner: %v, want lane.no_pictures", err)
	}
}

// bomb is a PNG whose head claims more pixels than any memory holds.
func bomb() []byte {
	head := []byte("IHDR\x00\x00\xff\xff\x00\x00\xff\xff\x08\x06\x00\x00\x00")
	b := append([]byte("\x89PNG\r\n\x1a\n\x00\x00\x00\x0d"), head...)
	return append(binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(head)), make([]byte, 100)...)
}

// patient cleans when it is let.
type patient struct {
	lane.Cleaner
	began chan struct{}
	let   chan struct{}
}

func (p patient) Clean(ctx context.Context, photo *bytes.Reader) (large, small lane.Image, err error) {
	p.began <- struct{}{}
	<-p.let
	return large, small, fault.Invalid("lane.picture_broken")
}

// TestPicturesWait: no more than two are cleaned at once, some wait, and the rest
// are told to come back.
func TestPicturesWait(t *testing.T) {
	p := patient{began: make(chan struct{}, 99), let: make(chan struct{})}
	l := opened(t, lane.Config{Dir: t.TempDir(), Cleaner: p})
	const brought = 40
	answers := make(chan error, brought)
	var wg sync.WaitGroup
	for range brought {
		wg.Go(func() {
			_, err := l.AddPicture(t.Context(), strings.NewReader("x"))
			answers <- err
		})
	}
	<-p.began
	<-p.began
	for range brought - 18 { // whoever found no place to wait is answered while the others still wait
		if err := <-answers; !errors.Is(err, fault.Later("lane.pictures_busy")) {
			t.Fatalf("one too many: %v, want lane.pictures_busy", err)
		}
	}
	if len(p.began) > 0 {
		t.Error("more than two are cleaned at once")
	}
	close(p.let)
	wg.Wait()
	for range 18 {
		if err := <-answers; !errors.Is(err, fault.Invalid("lane.picture_broken")) {
			t.Errorf("one that waited: %v", err)
		}
	}
}

// TestNoTokenOfAPhoto plants words wherever a photo can hold them and finds none
// in anything that the lane wrote: store, database, what it was half made in.
func TestNoTokenOfAPhoto(t *testing.T) {
	photo, places, err := canary.Plant("jpeg", lanetest.Photo(t, 600, 400, 5))
	if err != nil || len(canary.In(photo, places)) < 10 {
		t.Fatalf("planted are %d places, %v", len(places), err)
	}
	tmp := t.TempDir()
	t.Setenv("TMPDIR", tmp) // the cleaner's and the test's folders come to lie in it too
	onDays(t, func(t *testing.T, l *lane.Lane, dir string, _ *int) {
		p := addPicture(t, l, photo)
		submit(t, l, manhole(func(d *lane.Draft) { d.Pictures = []string{p.Hash} }))
		files := 0
		for _, root := range []string{dir, tmp} {
			err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
				if err != nil || d.IsDir() {
					return err
				}
				b, err := os.ReadFile(path)
				files++
				for _, found := range canary.In(b, places) {
					t.Errorf("%s holds what was planted at %s", d.Name(), found.Name)
				}
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		if files < 2 {
			t.Errorf("only %d files were looked through", files)
		}
	})
}

// TestPicturesInABucket: with a store of its own the lane's folder holds no
// picture, and what is swept is gone from the store.
func TestPicturesInABucket(t *testing.T) {
	store, err := s3.Open(t.Context(), s3test.Bucket(t))
	if err != nil {
		t.Fatal(err)
	}
	dir, days := t.TempDir(), 0
	l := opened(t, lane.Config{Dir: dir, Cleaner: lanetest.Cleaner(t), Pictures: store,
		Now: func() time.Time { return time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC).AddDate(0, 0, days) }})
	p := addPicture(t, l, lanetest.Photo(t, 300, 200, 1))
	if b, _, err := fetch(t, l, p.Hash); err != nil || hex.EncodeToString(sum(b)) != p.Hash {
		t.Errorf("OpenPicture gives %d bytes, %v", len(b), err)
	}
	if _, err := os.Stat(filepath.Join(dir, "pictures")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the folder has pictures too: %v", err)
	}
	days = 2
	if err := l.SweepPictures(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, hash := range []string{p.Hash, p.Small} {
		if has, err := store.Has(t.Context(), hash); has || err != nil {
			t.Errorf("after the sweep it is there: %v, %v", has, err)
		}
	}
}

func sum(b []byte) []byte { s := sha256.Sum256(b); return s[:] }

// stuck is a store in which erasing takes long, or is cut off.
type stuck struct {
	blob.Store
	erasing chan struct{}
	cut     *bool
}

func (s stuck) Delete(ctx context.Context, hash string) error {
	if *s.cut {
		return errors.New("cut off")
	}
	s.erasing <- struct{}{}
	<-s.erasing
	return s.Store.Delete(ctx, hash)
}

// TestSweepAndAdd: a picture that is brought again while it is being erased is not
// lost: its bringer is told to come back. A sweep that was cut off is finished by
// a later one.
func TestSweepAndAdd(t *testing.T) {
	folder, err := blob.Dir(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	cut := true
	store := stuck{folder, make(chan struct{}), &cut}
	now := time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	l := opened(t, lane.Config{Dir: t.TempDir(), Cleaner: lanetest.Cleaner(t), Pictures: store, Now: func() time.Time { return now }})
	photo := lanetest.Photo(t, 300, 200, 1)
	p := addPicture(t, l, photo)
	now = now.AddDate(0, 0, 2)
	if err := l.SweepPictures(t.Context()); err == nil {
		t.Error("a sweep that was cut off says nothing")
	}
	cut = false
	now = now.Add(2 * time.Hour) // whoever was cut off has lost its claim
	swept := make(chan error)
	go func() { swept <- l.SweepPictures(t.Context()) }()
	<-store.erasing
	if _, err := l.AddPicture(t.Context(), bytes.NewReader(photo)); !errors.Is(err, fault.Later("lane.pictures_busy")) {
		t.Errorf("brought while it is erased: %v, want lane.pictures_busy", err)
	}
	store.erasing <- struct{}{}
	<-store.erasing // the small one
	store.erasing <- struct{}{}
	if err := <-swept; err != nil {
		t.Fatal(err)
	}
	if again := addPicture(t, l, photo); again != p {
		t.Errorf("brought again it is %+v, want %+v", again, p)
	}
	if _, _, err := fetch(t, l, p.Hash); err != nil {
		t.Error(err)
	}
}
