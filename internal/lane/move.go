package lane

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"path/filepath"
	"time"

	"kua/internal/authority"
	"kua/internal/blob"
	"kua/internal/fault"
	"kua/internal/lane/lanedb"
)

// How a move goes about it.
const (
	movePasses    = 8                      // at most, while the source still takes reports
	moveFew       = 20                     // rows that changed: few enough to have everybody wait for the rest
	moveLook      = 200 * time.Millisecond // between two looks at deliveries that are under way
	unsearchedRow = 500
)

// MoveConfig says from where and where to. Dir, URL and Place must be set; Place
// is how the store of pictures is called from now on, "" when they stay in Dir.
type MoveConfig struct {
	Dir      string     // the folder of the lane.db that is in use
	URL      string     // postgres://…
	Pictures blob.Store // where pictures go; nil: they stay, and are checked
	Place    string
	Progress func(Progress) // called often; nil: nobody asks
	Lease    time.Duration  // how long a stop outlives a move that died; default 30 seconds
}

// Progress is how far a move has come.
type Progress struct {
	Stage    Stage
	Pass     int
	Done, Of int64 // rows, or pictures of which Of is not known (0)
}

// Stage is a part of a move.
type Stage string

// The stages. From Stopping on nobody can write.
const (
	Copying  Stage = "copying"
	Indexing Stage = "indexing"
	Carrying Stage = "carrying" // pictures
	Draining Stage = "draining" // deliveries that are under way end
	Stopping Stage = "stopping"
	Moved    Stage = "moved"
)

// Copied is one table of both databases, after a move.
type Copied = lanedb.Copied

// Moving is what a move has brought.
type Moving struct {
	Tables   []Copied
	Pictures int64
	Stopped  time.Duration // how long nobody could write
	Rows     int64         // that were compared in that time
	Before   bool          // it was finished by an earlier call
}

// MoveTo moves a lane in use from SQLite into PostgreSQL, and its pictures where
// they are to go: passes bring what came meanwhile, the last one while writers
// are told to come back in a minute; then every table and every picture is the
// same on both sides, the source is marked as moved and takes nothing more.
//
// Until that mark an error, or the death of the process, leaves the source as it
// was, and the next call goes on. The target takes nothing before it. The faults
// are those of lanedb.OpenMove, lane.move_pictures_full,
// lane.move_picture and lane.move_differs.
func MoveTo(ctx context.Context, cfg MoveConfig) (done Moving, err error) {
	if cfg.Progress == nil {
		cfg.Progress = func(Progress) {}
	}
	if cfg.Lease == 0 {
		cfg.Lease = 30 * time.Second
	}
	db, before, err := lanedb.OpenMove(ctx, filepath.Join(cfg.Dir, databaseFile), cfg.URL, cfg.Place, func() error {
		if cfg.Pictures == nil {
			return nil
		}
		return cfg.Pictures.Walk(ctx, func(string, int64) error { return fault.Conflict("lane.move_pictures_full", cfg.Place) })
	})
	if err != nil {
		return done, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if before {
		return Moving{Before: true}, nil
	}
	m := &mover{MoveConfig: cfg, db: db, carried: map[string]bool{}, awaited: map[string]bool{}, categories: map[int64]*authority.Router{}}
	told := cfg.Progress
	m.Progress = func(p Progress) {
		_ = db.Keep(ctx) // a pass that finds its ledger gone looks at everything
		told(p)
	}
	for {
		if m.pass++; m.pass > movePasses {
			break
		}
		if m.pass == 2 {
			db.Anew() // what the first pass brought is read back once more, while everybody goes on
		}
		changed, err := m.once(ctx, false)
		if err != nil {
			return done, err
		}
		if changed <= moveFew && m.pass > 2 {
			break
		}
	}
	return m.finish(ctx)
}

type mover struct {
	MoveConfig
	db         *lanedb.Move
	pass       int
	tables     []Copied
	carried    map[string]bool // files of pictures that were read back
	awaited    map[string]bool // those that were not there yet
	categories map[int64]*authority.Router
}

// once makes the target what the source is now; last says that this was the last time.
func (m *mover) once(ctx context.Context, last bool) (changed int64, err error) {
	p := Progress{Stage: Copying, Pass: m.pass, Of: m.db.Rows}
	if last {
		p.Stage = Stopping
	}
	m.tables, err = m.db.Pass(ctx, func(n int64) { p.Done += n; m.Progress(p) })
	if err != nil {
		return 0, err
	}
	for _, t := range m.tables {
		changed += t.Changed
	}
	if err := m.index(ctx); err != nil {
		return 0, err
	}
	return changed, m.carry(ctx, last)
}

// finish stops the source, brings the rest, and hands over.
func (m *mover) finish(ctx context.Context) (done Moving, err error) {
	defer func() {
		if err != nil {
			err = errors.Join(err, m.db.Resume(context.WithoutCancel(ctx)))
		}
	}()
	if err := m.drain(ctx); err != nil {
		return done, err
	}
	if err := m.db.Stop(ctx, m.Lease); err != nil {
		return done, err
	}
	began, compared := time.Now(), m.db.Compared
	held, release := m.hold(ctx)
	_, err = m.once(held, true)
	if lapsed := release(); lapsed != nil {
		err = lapsed
	}
	if err != nil {
		return done, err
	}
	if err := m.db.Finish(ctx); err != nil {
		return done, err
	}
	if err := m.db.Settle(ctx); err != nil {
		return done, err
	}
	done = Moving{Tables: m.tables, Pictures: int64(len(m.carried)), Stopped: time.Since(began), Rows: m.db.Compared - compared}
	m.Progress(Progress{Stage: Moved})
	return done, nil
}

// drain waits until no worker has a delivery any more: one that was sent is to be
// kept as sent.
func (m *mover) drain(ctx context.Context) error {
	for {
		busy, err := m.db.Drain(ctx, m.Lease)
		if err != nil || busy == 0 {
			return err
		}
		m.Progress(Progress{Stage: Draining, Of: busy})
		select {
		case <-time.After(moveLook):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// hold renews the stop until release, which says why it could not. The context
// ends when it cannot.
func (m *mover) hold(ctx context.Context) (held context.Context, release func() error) {
	held, stop := context.WithCancelCause(ctx)
	over := make(chan struct{})
	go func() {
		defer close(over)
		every := time.NewTicker(m.Lease / 6)
		defer every.Stop()
		for {
			select {
			case <-held.Done():
				return
			case <-every.C:
				if err := m.db.Renew(held, m.Lease); err != nil && held.Err() == nil {
					stop(err)
				}
			}
		}
	}()
	return held, func() error {
		why := context.Cause(held)
		stop(nil)
		<-over
		return why
	}
}

// index has the requests found by their words: the source keeps no text of them
// that could be copied, so they are read anew as Submit read them.
func (m *mover) index(ctx context.Context) error {
	for done := int64(0); ; {
		all, err := m.db.Unsearched(ctx, unsearchedRow)
		if err != nil || len(all) == 0 {
			return err
		}
		events, err := m.db.SaidLater(ctx, all)
		if err != nil {
			return err
		}
		words := make(map[int64]string, len(all))
		for _, r := range all {
			if words[r.ID], err = m.said(ctx, r, events[r.ID]); err != nil {
				return err
			}
		}
		if err := m.db.Search(ctx, words); err != nil {
			return err
		}
		done += int64(len(all))
		m.Progress(Progress{Stage: Indexing, Pass: m.pass, Done: done})
	}
}

func (m *mover) said(ctx context.Context, r lanedb.Request, events []lanedb.Event) (string, error) {
	return searchOf(r, events, func() (*authority.Router, error) {
		router := m.categories[r.Directory]
		if router == nil {
			v, files, err := m.db.Directory(ctx, r.Directory)
			if err != nil {
				return nil, err
			}
			if router, err = readRouter(v, files); err != nil {
				return nil, err
			}
			m.categories[r.Directory] = router
		}
		return router, nil
	})
}

// carry brings the pictures that the target knows of and reads each of them back.
func (m *mover) carry(ctx context.Context, last bool) error {
	p := Progress{Stage: Carrying, Pass: m.pass}
	err := m.db.Files(ctx, m.awaited, func(hash string, whole bool) error {
		if m.carried[hash] {
			return nil
		}
		if err := m.carryOne(ctx, hash); err != nil {
			if errors.Is(err, fault.NotFound("blob.not_found")) && !(whole && last) {
				m.awaited[hash] = true
				return nil // not whole yet, or erased meanwhile: a later pass knows
			}
			return fault.Corrupt("lane.move_picture", hash).Because(err)
		}
		m.carried[hash] = whole || m.Pictures == nil
		if delete(m.awaited, hash); !m.carried[hash] {
			m.awaited[hash] = true // may become another's, or go
		}
		p.Done++
		m.Progress(p)
		return nil
	})
	if err != nil || m.Pictures == nil {
		return err
	}
	if !m.db.Partly {
		return m.Pictures.Walk(ctx, func(hash string, _ int64) error { return m.drop(ctx, hash) })
	}
	for _, hash := range m.db.Gone {
		if err := m.drop(ctx, hash); err != nil {
			return err
		}
	}
	return nil
}

// drop erases a file from where pictures go that was erased in the source after it was brought.
func (m *mover) drop(ctx context.Context, hash string) error {
	known, err := m.db.HasFile(ctx, hash)
	if err != nil || known {
		return err
	}
	delete(m.carried, hash)
	delete(m.awaited, hash)
	return m.Pictures.Delete(ctx, hash)
}

func (m *mover) carryOne(ctx context.Context, hash string) error {
	f, _, err := blob.OpenIn(filepath.Join(m.Dir, picturesFolder), hash)
	if err != nil {
		return err
	}
	defer f.Close()
	if m.Pictures == nil {
		return same(f, hash)
	}
	if _, err := m.Pictures.Put(ctx, hash, f); err != nil {
		return err
	}
	kept, _, err := m.Pictures.Open(ctx, hash)
	if err != nil {
		return err
	}
	defer kept.Close()
	return same(kept, hash)
}

// same reads a blob to its end and holds it against its name.
func same(r io.Reader, hash string) error {
	h := sha256.New()
	if _, err := io.Copy(h, r); err != nil {
		return err
	}
	if hex.EncodeToString(h.Sum(nil)) != hash {
		return fault.Invalid("blob.wrong_hash", hash)
	}
	return nil
}

// SweepMove takes away what a move that has died left in the database of the source.
func (l *Lane) SweepMove(ctx context.Context) error { return l.db.SweepLedger(ctx, time.Now()) }
