package lane

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"time"

	"kua/internal/appeal"
	"kua/internal/authority"
	"kua/internal/datafile"
	"kua/internal/fault"
	"kua/internal/lane/lanedb"
)

// Version is one version of the directory: what was in force from its import on.
type Version = lanedb.Version

// Import reads a folder as spec/authority.md describes it and keeps it as the
// newest version, whole or not at all. Its problems are always given; with an
// error among them nothing is kept and the fault is datafile.wrong. A folder
// that is the newest version already is no new one, and fresh is false.
//
// What is kept is what Write makes of the folder, with the law and the calendars
// that it was checked with: a later program brings other ones, and a case must
// be able to cite its own.
func (l *Lane) Import(ctx context.Context, fsys fs.FS) (v Version, fresh bool, problems datafile.Problems, err error) {
	today := l.today()
	d, problems := authority.Read(fsys, today)
	if err := problems.Err(); err != nil {
		return Version{}, false, problems, err
	}
	written, err := d.Write()
	if err != nil {
		return Version{}, false, problems, err
	}
	whole := sha256.New()
	var files []lanedb.File
	for _, name := range written.Names() {
		sum := sha256.Sum256(written[name])
		hash := hex.EncodeToString(sum[:])
		fmt.Fprintf(whole, "%s %s\n", hash, name)
		files = append(files, lanedb.File{Name: name, Hash: hash, Text: written[name]})
	}
	v, fresh, err = l.db.AddDirectory(ctx, Version{Place: d.Info.ID, Digest: hex.EncodeToString(whole.Sum(nil)), Day: string(today)}, files)
	l.lookAgain()
	if err != nil {
		return v, fresh, problems, err
	}
	_, router, err := l.Current(ctx)
	if err != nil {
		return v, fresh, problems, err
	}
	return v, fresh, append(problems, router.Directory().Former.Problems()...), nil
}

// lookAgain has the next page see what was just imported.
func (l *Lane) lookAgain() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.looked = time.Time{}
}

// Export gives the files of a version, the newest for 0, by their names. The
// faults are lane.no_directory and lane.no_version.
func (l *Lane) Export(ctx context.Context, number int64) (Version, datafile.Files, error) {
	v, files, err := l.db.Directory(ctx, number)
	if err != nil {
		return Version{}, nil, err
	}
	out, err := checked(v, files)
	return v, out, err
}

// checked holds the files of a version against their hashes.
func checked(v Version, files []lanedb.File) (datafile.Files, error) {
	out := make(datafile.Files, len(files))
	for _, f := range files {
		if sum := sha256.Sum256(f.Text); hex.EncodeToString(sum[:]) != f.Hash {
			return nil, fault.Corrupt("lane.damaged", f.Name, v.Number)
		}
		out[f.Name] = f.Text
	}
	return out, nil
}

// Router gives what routes by a version, the newest for 0.
func (l *Lane) Router(ctx context.Context, number int64) (Version, *authority.Router, error) {
	v, files, err := l.db.Directory(ctx, number)
	if err != nil {
		return Version{}, nil, err
	}
	r, err := readRouter(v, files)
	if err != nil {
		return Version{}, nil, err
	}
	return v, r, nil
}

func readRouter(v Version, kept []lanedb.File) (*authority.Router, error) {
	files, err := checked(v, kept)
	if err != nil {
		return nil, err
	}
	d, problems := authority.ReadFiles(files, appeal.Day(v.Day))
	if err := problems.Err(); err != nil {
		return nil, fault.Corrupt("lane.unreadable", v.Number).Because(err)
	}
	return authority.NewRouter(d), nil
}

// RouterOf gives what routes by the version that a request was routed by.
func (l *Lane) RouterOf(ctx context.Context, r Request) (*authority.Router, error) {
	v, router, err := l.Current(ctx)
	if err == nil && v.Number != r.Directory {
		router, err = l.olderRouter(r.Directory, func() (lanedb.Version, []lanedb.File, error) { return l.db.Directory(ctx, r.Directory) })
	}
	return router, err
}

// maxOlder is how many older versions are kept read.
const maxOlder = 8

// olderRouter gives what routes by a version, which read reads where it is not known.
func (l *Lane) olderRouter(number int64, read func() (lanedb.Version, []lanedb.File, error)) (*authority.Router, error) {
	l.mu.Lock()
	router := l.older[number]
	if l.router != nil && l.newest.Number == number {
		router = l.router
	}
	l.mu.Unlock()
	if router != nil {
		return router, nil
	}
	v, files, err := read()
	if err != nil {
		return nil, err
	}
	if router, err = readRouter(v, files); err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.older) >= maxOlder {
		clear(l.older)
	}
	l.older[number] = router
	return router, nil
}

// Current gives the newest version and its router, or the fault
// lane.no_directory; it is read anew only when another one was imported, by this
// process or another.
func (l *Lane) Current(ctx context.Context) (Version, *authority.Router, error) {
	if p, ok := ctx.Value(pinKey{}).(pinned); ok {
		return p.version, p.router, nil
	}
	newest, err := l.db.Versions(ctx, 0, 1)
	if err != nil {
		return Version{}, nil, err
	}
	if v, router := l.seen(newest); router != nil {
		return v, router, nil
	}
	l.reading.Lock() // and not what pages and transactions wait for: to read needs a connection
	defer l.reading.Unlock()
	if v, router := l.seen(newest); router != nil {
		return v, router, nil
	}
	l.reads(true)
	defer l.reads(false)
	v, router, err := l.Router(ctx, 0)
	if err == nil {
		router, err = l.withFormer(ctx, v, router)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.newest, l.router = v, router; err != nil {
		l.router = nil
		return Version{}, nil, err
	}
	return v, router, nil
}

// seen gives what was read of the newest version, nil where that is another one.
func (l *Lane) seen(newest []Version) (Version, *authority.Router) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.looked = time.Now()
	if len(newest) == 0 || newest[0] != l.newest {
		return Version{}, nil
	}
	return l.newest, l.router
}

// reads says whether another directory is being read.
func (l *Lane) reads(now bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.busy = now
}

// withFormer adds to the newest version what requests are of that it does not have any more,
// so that no import takes them out of lists, numbers or their names.
func (l *Lane) withFormer(ctx context.Context, v Version, router *authority.Router) (*authority.Router, error) {
	named, err := l.db.Named(ctx)
	if err != nil {
		return nil, err
	}
	gone := router.Gone(authority.Gone(named))
	if gone.None() {
		return router, nil
	}
	versions, err := l.db.VersionsOf(ctx, gone.Files(), v.Number)
	if err != nil {
		return nil, err
	}
	d := router.Directory()
	for _, number := range versions {
		if gone.None() {
			break
		}
		_, was, err := l.Router(ctx, number)
		if f, ok := fault.Of(err); ok && f.Kind == fault.KindCorrupt {
			continue // what it called things is lost; the newest one holds all the same
		}
		if err != nil {
			return nil, err
		}
		gone = d.Former.Found(gone, was, router)
	}
	return authority.NewRouter(d), nil
}

type pinKey struct{}

type pinned struct {
	version Version
	router  *authority.Router
}

// glance is for how long a page is made of the newest directory as it was last seen. So long
// another process's import is not seen, and until it is read.
const glance = time.Second

// Pinned gives a context with which Current gives what it gives now: what a page is made
// of is one directory, and is read once, for all pages of a moment.
func (l *Lane) Pinned(ctx context.Context) (context.Context, error) {
	l.mu.Lock()
	v, router, fresh := l.newest, l.router, l.busy || time.Since(l.looked) <= glance
	l.mu.Unlock()
	if router == nil || !fresh {
		var err error
		if v, router, err = l.Current(ctx); err != nil {
			return ctx, err
		}
	}
	return context.WithValue(ctx, pinKey{}, pinned{v, router}), nil
}

// Versions lists versions, newest first, those below before (0: all).
func (l *Lane) Versions(ctx context.Context, before int64, limit int) ([]Version, error) {
	return l.db.Versions(ctx, before, limit)
}
