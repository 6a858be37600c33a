// Package lane is the open lane: what a city should simply mend, told in public,
// sent to whoever is bound to mend it. docs/design/open-lane.md is its design.
//
// It lives beside the node and apart from it: a database of its own, no shared
// key, and no path of imports to the sealed lane. Only the command joins them.
package lane

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"
	"time"

	"kua/internal/appeal"
	"kua/internal/authority"
	"kua/internal/blob"
	"kua/internal/lane/lanedb"
)

// databaseFile is the lane's database in the node's folder.
const databaseFile = "lane.db"

// Config says where the lane keeps what it has; its zero value is a database in
// the working folder.
type Config struct {
	Dir string           // the node's folder, for a SQLite database; it must exist
	URL string           // postgres://…: instead of it
	Now func() time.Time // default time.Now

	Cleaner  Cleaner    // of photos; without one none is taken
	Pictures blob.Store // of cleaned pictures; default a folder in Dir, and none without Dir

	// Upgrading is told before each step by which a database of an older program is
	// brought up to date, during which nothing is answered; nil tells nobody.
	Upgrading func(step, of int)

	// Sealer gives what seals to the people of the collective, nil while there is
	// no charter. The default is never: no contact and no letter is taken.
	Sealer func() Seal
}

// Lane is an open lane. It is safe for use by several goroutines.
type Lane struct {
	db  *lanedb.DB
	now func() time.Time
	pic darkroom

	sealer    func() Seal
	porter    *porter
	downloads downloads
	troubles  troubles

	reading sync.Mutex // held while another directory is read

	mu     sync.Mutex // of what follows: the newest directory, as it was last read
	newest Version
	router *authority.Router
	looked time.Time                   // when
	busy   bool                        // another one is being read
	links  []byte                      // the key of the links, once it was read
	older  map[int64]*authority.Router // by version; each is for good
}

// Open opens the lane, making its database when it is not there.
func Open(ctx context.Context, cfg Config) (*Lane, error) {
	l := &Lane{older: map[int64]*authority.Router{}, porter: newPorter()}
	rules := lanedb.Rules{Tells: tells, Answer: func(s string) bool { return State(s).judged() }, Standing: func(f lanedb.Facts) string { return string(standing(f)) },
		Filed: filed, Says: says, Search: l.search, Open: open, Unseen: unseenStates(),
		Disputes: func(before, after string) bool { return disputes(Standing(before), Standing(after)) }}
	db, err := lanedb.Open(ctx, filepath.Join(cfg.Dir, databaseFile), cfg.URL, rules, cfg.Upgrading)
	if err != nil {
		return nil, fmt.Errorf("open the open lane: %w", err)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Sealer == nil {
		cfg.Sealer = func() Seal { return nil }
	}
	l.db, l.now, l.pic, l.sealer = db, cfg.Now, newDarkroom(cfg), cfg.Sealer
	return l, nil
}

// Writes is a number that is another one whenever this process has written to the
// lane since: what was read before may be over.
func (l *Lane) Writes() int64 { return l.db.Writes() }

// Close closes the lane.
func (l *Lane) Close() error { return l.db.Close() }

// Today is the day of the lane's clock.
func (l *Lane) Today() appeal.Day { return l.today() }

func (l *Lane) today() appeal.Day { return appeal.Day(l.now().UTC().Format(time.DateOnly)) }
