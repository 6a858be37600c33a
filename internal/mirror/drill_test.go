package mirror_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"kua/internal/edition/editiontest"
	"kua/internal/link/linktest"
	"kua/internal/mirror"
)

// The drill's link: 6 kB/s for 3.5 hours a day, told in bytes and 60 times shorter,
// so that it costs seconds here.
const (
	windowBytes = 6_000 * 3.5 * 3600 / 60
	pageBytes   = 4_000
)

// TestThreeAndAHalfHours is drill (c): an edition with new records is brought home
// over a road on which every connection freezes after 16 kB, and of which each day
// has 1.26 MB. After the first window the text of all new records is there; the films
// follow on other days, and nothing travels twice.
func TestThreeAndAHalfHours(t *testing.T) {
	t.Parallel()
	c := editiontest.New(t)
	c.Langs, c.Filler = []string{"en", "kk", "ru", "uz", "tg"}, pageBytes
	c.Media = func(string) []editiontest.M {
		return []editiontest.M{
			{Rung: "poster", Type: "image/jpeg", Size: 4_000}, {Rung: "audio", Type: "audio/webm", Size: 60_000},
			{Rung: "144p", Type: "video/mp4", Size: 180_000}, {Rung: "captionskk", Type: "text/vtt", Size: 900},
		}
	}
	c.Publish(t, c.Records(t, 1, 3)...)
	home := filepath.Join(t.TempDir(), "home")
	mustPull(t, home, options(dir(t, c.Dir)))
	c.Publish(t, c.Records(t, 4, 11)...)

	cert, key, pool := linktest.Certificate(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- mirror.Serve(ctx, c.Dir, mirror.Listen{Listener: l, CertFile: cert, KeyFile: key}) }()
	t.Cleanup(func() {
		stop()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})

	var wire int64
	days := 0
	for ; days < 20; days++ {
		road := linktest.Start(t, l.Addr().String(), linktest.Road{Freeze: 16 << 10})
		w := &mirror.Web{Drip: true, Roots: &tls.Config{RootCAs: pool}}
		opts := options(source(t, w, "https://"+road.Addr))
		opts.Budget, opts.Wire = windowBytes, w.Wire
		r, err := pull(t, home, opts)
		if err != nil {
			t.Fatalf("day %d: %v %+v", days+1, err, r)
		}
		wire += r.Wire
		if road.Frozen.Load() > 0 {
			t.Errorf("day %d: %d of %d connections froze", days+1, road.Frozen.Load(), road.Conns.Load())
		}
		if r.Wire > windowBytes+64<<10 {
			t.Errorf("day %d cost %d bytes of %d", days+1, r.Wire, int(windowBytes))
		}
		if days == 0 {
			if r.Outcome != mirror.Taken || r.Edition != 2 || !r.Ended || len(r.Left[mirror.Later]) == 0 {
				t.Fatalf("after the first window: %+v", r)
			}
			allText(t, c.Dir, home)
		}
		sound(t, home)
		if !r.Ended && len(r.Left) == 0 {
			break
		}
	}
	same(t, c.Dir, home, func(string) bool { return true })
	if days < 2 {
		t.Errorf("%d days: the films came in the first window, and the drill shows nothing", days+1)
	}
	var size int64
	for path, b := range files(t, c.Dir) {
		if !bytes.Equal(files(t, home)[path], b) {
			t.Fatalf("%s differs", path)
		}
		size += int64(len(b))
	}
	if wire > size*3/2 {
		t.Errorf("an edition of %d bytes, of which a third was here, cost %d on the wire", size, wire)
	}
}

// TestCutWithinTheWindow has the road die in the midst of each window instead of
// being put down by the mirror: the next day goes on from what came.
func TestCutWithinTheWindow(t *testing.T) {
	t.Parallel()
	c := editiontest.New(t)
	c.Filler = pageBytes
	c.Publish(t, c.Records(t, 1, 2)...)
	home := filepath.Join(t.TempDir(), "home")
	mustPull(t, home, options(dir(t, c.Dir)))
	c.Publish(t, c.Records(t, 3, 8)...)
	addr := strings.TrimPrefix(serve(t, handler(t, c.Dir)), "http://")
	for days := 1; ; days++ {
		road := linktest.Start(t, addr, linktest.Road{Freeze: 16 << 10, Budget: 90_000})
		w := &mirror.Web{Drip: true}
		r, err := pull(t, home, options(source(t, w, "http://"+road.Addr)))
		sound(t, home)
		if err == nil && len(r.Left) == 0 {
			if days < 3 {
				t.Errorf("all came within %d windows: the test cuts nothing", days)
			}
			break
		}
		if days == 30 {
			t.Fatalf("after %d windows: %v %+v", days, err, r)
		}
	}
	same(t, c.Dir, home, func(string) bool { return true })
}

// TestWindowEnds ends a window while a film is silent: all text is there by then, and
// the film is left for later.
func TestWindowEnds(t *testing.T) {
	t.Parallel()
	c := edition3(t)
	home := filepath.Join(t.TempDir(), "home")
	for range 50 { // a loaded machine may need several windows for the text
		opts := options(&withholding{Source: dir(t, c.Dir)})
		opts.Window = 300 * time.Millisecond
		r, err := pull(t, home, opts)
		if err != nil {
			t.Fatal(err)
		}
		if !r.Ended {
			t.Fatalf("a window over a film that never ends: %+v", r)
		}
		if r.Edition == 1 {
			break
		}
	}
	allText(t, c.Dir, home)
	sound(t, home)
}

// withholding is a source whose films begin and never go on.
type withholding struct{ mirror.Source }

// Open implements mirror.Source.
func (w *withholding) Open(ctx context.Context, path string, from int64) (io.ReadCloser, int64, error) {
	if strings.HasSuffix(path, ".mp4") {
		<-ctx.Done()
		return nil, 0, context.Cause(ctx)
	}
	return w.Source.Open(ctx, path, from)
}

// allText checks that everything of an edition that can be read is there.
func allText(t *testing.T, from, to string) {
	t.Helper()
	same(t, from, to, func(path string) bool {
		return !slices.Contains([]string{".mp4", ".webm", ".jpg", ".weba"}, filepath.Ext(path))
	})
}

func same(t *testing.T, from, to string, wanted func(path string) bool) {
	t.Helper()
	there, n := files(t, to), 0
	for path, b := range files(t, from) {
		// Old partial files of the log, which a slow appender leaves, are no part of an edition.
		if wanted(path) && !strings.Contains(path, ".p/") {
			if n++; !bytes.Equal(there[path], b) {
				t.Errorf("%s: %d bytes are here, want %d", path, len(there[path]), len(b))
			}
		}
	}
	if n < 20 {
		t.Errorf("%d files were compared", n)
	}
}

// files gives all files of an edition.
func files(t *testing.T, root string) map[string][]byte {
	t.Helper()
	all := make(map[string][]byte)
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() && strings.HasPrefix(d.Name(), ".") {
			return fs.SkipDir
		}
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(root, name)
		if err == nil && !strings.HasPrefix(rel, ".") {
			all[rel], err = os.ReadFile(name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}
