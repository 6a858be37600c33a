package lane_test

import (
	"context"
	"database/sql"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"kua/internal/authority"
	"kua/internal/datafile"
	"kua/internal/fault"
	"kua/internal/lane"
	"kua/internal/lane/lanetest"
	"kua/internal/sqldb"
)

func TestMain(m *testing.M) {
	if os.Getenv("LANE_VICTIM") != "" {
		victim()
		return
	}
	if os.Getenv("LANE_MOVER") != "" {
		mover()
		return
	}
	os.Exit(lanetest.Main(m))
}

// onBoth runs a test with an empty lane on either engine; open gives another
// handle on the same database.
func onBoth(t *testing.T, test func(t *testing.T, open func() *lane.Lane, raw sqldb.Config)) {
	onBothFrom(t, lanetest.Database, test)
}

// onBothFrom is onBoth with a PostgreSQL database of another kind: one without any
// table is for the steps of old programs.
func onBothFrom(t *testing.T, database func(testing.TB) string, test func(t *testing.T, open func() *lane.Lane, raw sqldb.Config)) {
	run := func(name string, cfg lane.Config, raw sqldb.Config) {
		t.Run(name, func(t *testing.T) {
			cfg.Now = func() time.Time { return time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC) }
			cfg.Cleaner = lanetest.Cleaner(t)
			test(t, func() *lane.Lane {
				l, err := lane.Open(t.Context(), cfg)
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { l.Close() })
				return l
			}, raw)
		})
	}
	dir := t.TempDir()
	run("sqlite", lane.Config{Dir: dir}, sqldb.Config{Path: filepath.Join(dir, "lane.db")})
	url := database(t)
	run("postgres", lane.Config{Dir: t.TempDir(), URL: url}, sqldb.Config{URL: url})
}

// opened opens a lane, which is closed at the test's end.
func opened(t *testing.T, cfg lane.Config) *lane.Lane {
	t.Helper()
	l, err := lane.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// city is the made-up city with one text of one file replaced.
func city(t *testing.T, file, old, new string) fs.FS {
	t.Helper()
	m := fstest.MapFS{}
	var problems datafile.Problems
	for name, text := range datafile.Folder(authority.Sample(), &problems) {
		m[name] = &fstest.MapFile{Data: text}
	}
	if !strings.Contains(string(m[file].Data), old) {
		t.Fatalf("%s does not say %q", file, old)
	}
	m[file].Data = []byte(strings.Replace(string(m[file].Data), old, new, 1))
	return m
}

// TestImport keeps versions: a change makes a new one, the same again none, and
// each is given back as it was.
func TestImport(t *testing.T) {
	onBoth(t, func(t *testing.T, open func() *lane.Lane, _ sqldb.Config) {
		l, ctx := open(), t.Context()
		if _, _, err := l.Export(ctx, 0); !errors.Is(err, fault.NotFound("lane.no_directory")) {
			t.Errorf("before any import: %v, want lane.no_directory", err)
		}
		first, fresh, _, err := l.Import(ctx, authority.Sample())
		if err != nil || !fresh || first.Number != 1 || first.Place != "ulgi" || first.Day != "2026-11-28" {
			t.Fatalf("Import = %+v, %v, %v", first, fresh, err)
		}
		again, fresh, _, err := l.Import(ctx, authority.Sample())
		if err != nil || fresh || again != first {
			t.Errorf("the same again = %+v, %v, %v; want %+v and nothing new", again, fresh, err, first)
		}
		changed := city(t, "mandates.csv", "manhole,ulgi,water", "manhole,ulgi,roads")
		second, fresh, _, err := l.Import(ctx, changed)
		if err != nil || !fresh || second.Number != 2 || second.Digest == first.Digest {
			t.Fatalf("a change = %+v, %v, %v", second, fresh, err)
		}
		for number, want := range map[int64]string{0: "roads", 1: "water", 2: "roads"} {
			_, r, err := open().Router(ctx, number) // another process reads the same
			if err != nil {
				t.Fatal(err)
			}
			if got := r.Route(authority.Query{Category: "manhole", Area: "south", On: "2026-11-28"}); got.Authority != want {
				t.Errorf("version %d sends a manhole to %q, want %q", number, got.Authority, want)
			}
		}
		v, files, err := l.Export(ctx, 1)
		if err != nil || v != first || files["law/kz.yaml"] == nil {
			t.Fatalf("Export = %+v, %v; the law it was checked with is there: %v", v, err, files["law/kz.yaml"] != nil)
		}
		// Exported and imported anew it is the first version's content again.
		back := fstest.MapFS{}
		for name, text := range files {
			back[name] = &fstest.MapFile{Data: text}
		}
		third, fresh, _, err := l.Import(ctx, back)
		if err != nil || !fresh || third.Number != 3 || third.Digest != first.Digest {
			t.Errorf("the first again = %+v, %v, %v", third, fresh, err)
		}
		if _, _, err := l.Export(ctx, 9); !errors.Is(err, fault.NotFound("lane.no_version")) {
			t.Errorf("no such version: %v, want lane.no_version", err)
		}
		all, err := l.Versions(ctx, 0, 2)
		if diff := cmp.Diff([]lane.Version{third, second}, all); diff != "" || err != nil {
			t.Errorf("Versions: %s %v", diff, err)
		}
		if all, err = l.Versions(ctx, 2, 9); err != nil || len(all) != 1 || all[0] != first {
			t.Errorf("Versions below 2 = %v, %v", all, err)
		}
	})
}

// TestReadsLeaveNothingOpen asks for versions more often than there are connections.
func TestReadsLeaveNothingOpen(t *testing.T) {
	onBoth(t, func(t *testing.T, open func() *lane.Lane, _ sqldb.Config) {
		l := open()
		if _, _, _, err := l.Import(t.Context(), authority.Sample()); err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithTimeout(t.Context(), 20*time.Second)
		defer stop()
		for i := range int64(40) {
			if _, _, err := l.Export(ctx, i%2); err != nil {
				t.Fatalf("the %d. time: %v", i+1, err)
			}
		}
	})
}

// TestPinned: what is made of one directory goes on with it when a newer one comes; the next sees that.
func TestPinned(t *testing.T) {
	l, err := lane.Open(t.Context(), lane.Config{Dir: t.TempDir()})
	check(t, err)
	defer l.Close()
	withCity(t, l)
	ctx, err := l.Pinned(t.Context())
	check(t, err)
	_, files, err := l.Export(t.Context(), 0)
	check(t, err)
	fsys := fstest.MapFS{}
	for name, text := range files {
		fsys[name] = &fstest.MapFile{Data: text}
	}
	longer(t, fsys, "2026-10-14")
	_, fresh, _, err := l.Import(t.Context(), fsys)
	if err != nil || !fresh {
		t.Fatalf("Import: %v, %v", fresh, err)
	}
	for want, in := range map[int64]context.Context{1: ctx, 2: t.Context()} {
		if v, _, err := l.Current(in); err != nil || v.Number != want {
			t.Errorf("version %d, want %d: %v", v.Number, want, err)
		}
	}
}

// TestImportRefuses: a folder with an error changes nothing at all.
func TestImportRefuses(t *testing.T) {
	onBoth(t, func(t *testing.T, open func() *lane.Lane, _ sqldb.Config) {
		l, ctx := open(), t.Context()
		if _, _, _, err := l.Import(ctx, authority.Sample()); err != nil {
			t.Fatal(err)
		}
		_, _, problems, err := l.Import(ctx, city(t, "mandates.csv", "water,ulgi,water", "water,ulgi,nobody"))
		if !errors.Is(err, fault.Invalid("datafile.wrong")) || problems.Errors() != 1 {
			t.Errorf("Import = %v, %v", problems, err)
		}
		if v, _, err := l.Export(ctx, 0); err != nil || v.Number != 1 {
			t.Errorf("the newest is %+v, %v", v, err)
		}
	})
}

// TestImportTogether: imports that meet get numbers of their own, none is lost.
func TestImportTogether(t *testing.T) {
	onBoth(t, func(t *testing.T, open func() *lane.Lane, _ sqldb.Config) {
		var wg sync.WaitGroup
		for _, article := range []string{"par. 41", "par. 42", "par. 43", "par. 44"} {
			l, folder := open(), city(t, "mandates.csv", "par. 3", article)
			wg.Go(func() {
				if _, fresh, _, err := l.Import(t.Context(), folder); err != nil || !fresh {
					t.Errorf("%s: fresh %v, %v", article, fresh, err)
				}
			})
		}
		wg.Wait()
		all, err := open().Versions(t.Context(), 0, 9)
		if err != nil || len(all) != 4 || all[0].Number != 4 {
			t.Errorf("Versions = %v, %v, want 4", all, err)
		}
	})
}

// TestDamagedText: a text that was changed behind the lane's back is not believed.
func TestDamagedText(t *testing.T) {
	onBoth(t, func(t *testing.T, open func() *lane.Lane, raw sqldb.Config) {
		l, ctx := open(), t.Context()
		if _, _, _, err := l.Import(ctx, authority.Sample()); err != nil {
			t.Fatal(err)
		}
		db, err := sqldb.Open(ctx, raw)
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		err = db.Tx(ctx, func(ctx context.Context, tx *sql.Tx) error {
			_, err := tx.ExecContext(ctx, `UPDATE directory_text SET bytes = $1 WHERE hash = (SELECT hash FROM directory_file WHERE name = $2)`, []byte("x"), "mandates.csv")
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := l.Router(ctx, 0); !errors.Is(err, fault.Corrupt("lane.damaged")) {
			t.Errorf("Router = %v, want lane.damaged", err)
		}
	})
}
