// Package node is the public server of a collective: it takes sealed parcels
// in pieces, keeps mailboxes of sealed replies, and serves the published
// edition. It can open nothing, and writes down no address, no user agent and no
// time finer than a day.
//
// It is the HTTP interface and what lies behind it; the pages are nodeweb's. Used
// by nodeweb and cmd/kua.
package node

import (
	"context"
	"crypto/ed25519"
	"errors"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"kua/internal/blob"
	"kua/internal/charter"
	"kua/internal/durable"
	"kua/internal/node/nodedb"
	"kua/internal/parcel"
)

// Config says how a node is run. Dir and, at the first start, Chain are needed;
// everything else has a default.
type Config struct {
	Dir    string
	Chain  charter.Chain // longer chains come from the desk later
	Limits Limits

	DeskApart bool // the desk's calls are answered where Listen.Desk is set, and nowhere else

	Lane        func(w http.ResponseWriter, r *http.Request, body []byte) error // answers the desk's calls below /desk/lane/, whose author is known; nil: there are none
	Words       func(error) (message, hint string)                              // English for refusals; nil: keys alone
	SearchText  func(string) string                                             // the words of a text for the search's index; nil: no search
	SearchWords func(string) []string                                           // the words of a question, folded like SearchText's
	Now         func() time.Time                                                // default time.Now
	FreeDisk    func(path string) (durable.Disk, error)                         // default asks the file system
	Diary       *slog.Logger                                                    // ids and faults, nothing of who calls; default: discarded
	Version     string                                                          // of the program, for the metrics
	Metrics     func() []Metric                                                 // what is told beside the node's own; nil: nothing
}

// Limits are what a node takes. Zero values mean the defaults in brackets.
type Limits struct {
	ParcelBytes  int64 // the largest parcel [5 GiB]
	OpenUploads  int   // uploads under way at a time [2000]
	OpenBytes    int64 // bytes of all uploads under way [64 GiB]
	FreeBytes    int64 // refuse new bytes when less is free on the disk [1 GiB]
	Calls        int   // calls of the interface at a time [256]
	Pieces       int   // of these, pieces that are coming in [128]
	CallsPerConn int   // calls a second that one connection may make in the long run [1000]
	OpenDays     int   // an upload of which nothing came for so long is dropped [14]
	ReplyDays    int   // a reply stays so long [90]
	SlowestBytes int64 // bytes a second that a body must bring in the long run [512]
	CacheBytes   int64 // of compressed pages kept in memory [32 MiB]
}

func (l Limits) withDefaults() Limits {
	set(&l.ParcelBytes, 5<<30)
	set(&l.OpenUploads, 2000)
	set(&l.OpenBytes, 64<<30)
	set(&l.FreeBytes, 1<<30)
	set(&l.Calls, 256)
	set(&l.Pieces, 128)
	set(&l.CallsPerConn, 1000)
	set(&l.OpenDays, 14)
	set(&l.ReplyDays, 90)
	set(&l.SlowestBytes, 512)
	set(&l.CacheBytes, 32<<20)
	return l
}

func set[T comparable](v *T, to T) {
	var zero T
	if *v == zero {
		*v = to
	}
}

// commits is how many indexes may be in memory at a time.
const commits = 32

// Node is a running node. It is safe for use by several goroutines.
type Node struct {
	cfg    Config
	key    ed25519.PrivateKey
	db     *nodedb.DB
	pieces *blob.Slots
	files  blob.Store // of editions
	lock   *os.File

	calls    chan struct{} // a place for every call under way
	accounts accounts
	batches  chan struct{} // places of their own: who reads slowly keeps no witness out
	coming   chan struct{} // a place for every piece that is coming in

	committing chan struct{} // a place for every commit: an index is large
	uploads    uploads
	yielding   sync.Mutex // of whoever makes an upload give way
	parts      parts
	keeper     keeper
	mail       mailboxes
	trust      trust

	intake  sync.Mutex // one change of the edition or its log at a time
	swept   string     // manifest and day of the last sweep; intake guards it
	edition atomic.Pointer[published]
	house   sync.WaitGroup
	stop    context.CancelFunc
}

// New opens the node's directory, finishing what a crash interrupted, and
// starts its housekeeping. Close the node afterwards.
func New(ctx context.Context, cfg Config) (*Node, error) {
	cfg.Limits = cfg.Limits.withDefaults()
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.FreeDisk == nil {
		cfg.FreeDisk = durable.FreeDisk
	}
	if cfg.Diary == nil {
		cfg.Diary = slog.New(slog.DiscardHandler)
	}
	n := &Node{
		cfg: cfg, calls: make(chan struct{}, cfg.Limits.Calls), batches: make(chan struct{}, mostBatches), coming: make(chan struct{}, cfg.Limits.Pieces),
		committing: make(chan struct{}, commits),
		accounts:   newAccounts(),
		uploads:    uploads{now: cfg.Now},
		mail:       mailboxes{dummies: make(map[string]map[int]bool)},
	}
	if err := n.open(ctx); err != nil {
		n.Close()
		return nil, err
	}
	ctx, n.stop = context.WithCancel(ctx)
	n.house.Go(func() { n.keepHouse(ctx) })
	return n, nil
}

func (n *Node) open(ctx context.Context) (err error) {
	if n.key, err = ensureKey(n.cfg.Dir); err != nil {
		return err
	}
	if n.lock, err = lockDir(n.cfg.Dir); err != nil {
		return err
	}
	if err = n.loadCharter(); err != nil {
		return err
	}
	if n.db, err = nodedb.Open(ctx, filepath.Join(n.cfg.Dir, "node.db")); err != nil {
		return err
	}
	used, err := n.db.Slots(ctx)
	if err != nil {
		return err
	}
	if n.pieces, err = blob.OpenSlots(filepath.Join(n.cfg.Dir, "pieces"), parcel.PieceBytes, used); err != nil {
		return err
	}
	if err = n.uploads.load(ctx, n.db); err != nil {
		return err
	}
	if err = n.parts.open(filepath.Join(n.cfg.Dir, "parts"), n.day, n.uploads.found); err != nil {
		return err
	}
	n.keeper.start(n.db, n.pieces, n.day)
	return n.openEdition(ctx)
}

// Close waits for what is being written and closes the node's files. No call
// may be under way.
func (n *Node) Close() error {
	if n.stop != nil {
		n.stop()
	}
	n.house.Wait()
	n.keeper.end()
	var failed error
	if n.pieces != nil {
		failed = n.pieces.Close()
	}
	if n.db != nil {
		failed = errors.Join(failed, n.db.Close())
	}
	if n.lock != nil {
		failed = errors.Join(failed, n.lock.Close())
	}
	return failed
}

func (n *Node) day() string { return n.cfg.Now().UTC().Format(time.DateOnly) }

// daysOn gives the day so many days from today.
func (n *Node) daysOn(days int) string {
	return n.cfg.Now().UTC().AddDate(0, 0, days).Format(time.DateOnly)
}
