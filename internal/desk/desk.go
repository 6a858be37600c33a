// Package desk is the collective's private room: it collects parcels from the
// nodes, opens them, keeps cases, has derivatives rendered in the box, and
// carries what two people have signed into the log, the edition and the nodes.
//
// It is not a user interface and reads no flags: deskweb and cmd/kua stand on
// it. Everything private at rest is encrypted: the database with a random key
// that is itself sealed to the current people, originals as the parcels they
// came in, derivatives as age files. An original's bytes are never written to a
// disk in the clear.
//
// A Desk is open while one person's key is unlocked. What a person does is done
// through a Seat, so that no act is without a name in the custody chain.
package desk

import (
	"log/slog"
	"net/http"
	"time"

	"kua/internal/charter"
	"kua/internal/durable"
	"kua/internal/evidence"
	"kua/internal/keyring"
	"kua/internal/spread"
)

// Config says where a desk lies and what it may use. Only Dir is needed.
type Config struct {
	Dir     string
	Scratch string // where the media box works; default Dir/scratch. Wiped at start and after every use
	Self    string // path of the kua binary for the box; default: the running program
	Keep    bool   // leave collected parcels on the nodes instead of having them forgotten
	Workers int    // renderings at a time; default 1
	Idle    bool   // no job is begun, so that nobody is called: what waits, waits on
	Tries   int    // of one call to a node before it counts as away; default 3
	Reserve int64  // bytes of the disk that collecting leaves free; default 2 GiB
	Preset  string // x264's, for renderings; default media's own
	Style   []byte // stylesheet of the site; default the one built into the program

	Kinds    map[string]spread.Kind                  // the platforms to which records can be carried on, by their names; none: nothing is sent
	HTTP     *http.Client                            // for the nodes; default: one with patient time limits
	Tor      bool                                    // HTTP leads through Tor: onion addresses come first
	Hand     bool                                    // HTTP leads to a courier's folder: calls are signed for the day, which they need not tell finer
	FreeDisk func(path string) (durable.Disk, error) // default asks the file system
	Now      func() time.Time                        // default time.Now
	Diary    *slog.Logger                            // ids and faults only, never words; default: discarded
}

// Founding is what a new desk starts with besides its directory.
type Founding struct {
	Chain   charter.Chain // version 1 or more, naming LogKey's public half and DeskKey's
	LogKey  string        // private key of the log, as appender.NewKey gives it
	DeskKey []byte        // 64-byte Ed25519 private key that authorises calls to nodes
}

// Seat is one person at an open desk. Every act through it carries their name
// into the custody chain. A Seat is safe for use by several goroutines.
type Seat struct {
	d      *Desk
	person *keyring.Person
	name   string // as the charter spells it
}

// Name gives the person's name as the charter spells it.
func (s *Seat) Name() string { return s.name }

// KeyID gives the id of the person's publishing key.
func (s *Seat) KeyID() string { return charter.KeyID(s.person.PublishKey()) }

// Desk gives the desk at which the person sits.
func (s *Seat) Desk() *Desk { return s.d }

func (s *Seat) actor() evidence.Actor { return evidence.Actor{Name: s.Name(), Key: s.KeyID()} }

// Counts is how much waits for somebody. Nothing in it is kept by hand: each
// number is counted when it is asked for.
type Counts struct {
	Unread    int // reports nobody has read
	Arriving  int // parcels of which pieces are missing
	Refused   int // parcels that cannot be opened and that nobody has read
	Cases     int // cases that are not closed
	Unsent    int // replies that no node holds
	Proposals int // proposals that wait for a signature
	Behind    int // nodes that do not hold the newest edition
	Jobs      int // jobs that wait or run
	Failed    int // jobs that failed and that nobody has dismissed
	Unwrapped int // parcels that some current person cannot open yet: Rewrap is due
}
