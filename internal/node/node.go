// Package node is the public server of a collective: it takes sealed parcels
// in pieces, keeps mailboxes of sealed replies, and serves the published
// edition. It can open nothing, and writes down no address, no user agent and no
// time finer than a day.
//
// It is the HTTP API and what lies behind it; the pages are nodeweb's. Used by
// nodeweb and cmd/kua.
package node

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"kua/internal/blob"
	"kua/internal/charter"
	"kua/internal/fault"
	"kua/internal/node/nodedb"
)

// Config says how a node is run. Dir and, at the first start, Chain are needed.
type Config struct {
	Dir    string
	Chain  charter.Chain // longer chains come from the desk later
	Limits Limits

	Words      func(error) (message, hint string) // English for API answers; nil: keys alone
	SearchText func(string) string                // folds a record's words for the search; nil: no search
	Now        func() time.Time                   // default time.Now
	FreeDisk   func(path string) (uint64, error)  // bytes; default asks the file system
	Diary      *slog.Logger                       // ids and faults; default: discarded
}

// Limits are what a node takes. Zero values mean the defaults in brackets.
type Limits struct {
	ParcelBytes  int64 // the largest parcel [4 GiB and room for padding]
	OpenUploads  int   // uploads under way at a time [2000]
	OpenBytes    int64 // bytes of all uploads under way [64 GiB]
	FreeBytes    int64 // refuse new pieces when less is free on the disk [1 GiB]
	Requests     int   // API calls at a time [256]
	OpenDays     int   // an upload of which nothing came for so long is dropped [14]
	ReplyDays    int   // a reply stays so long [90]
	SlowestBytes int64 // bytes per second that a body must bring in the long run [512]
}

func (l Limits) withDefaults() Limits {
	set := func(v *int64, d int64) {
		if *v == 0 {
			*v = d
		}
	}
	seti := func(v *int, d int) {
		if *v == 0 {
			*v = d
		}
	}
	set(&l.ParcelBytes, 5<<30)
	set(&l.OpenBytes, 64<<30)
	set(&l.FreeBytes, 1<<30)
	set(&l.SlowestBytes, 512)
	seti(&l.OpenUploads, 2000)
	seti(&l.Requests, 256)
	seti(&l.OpenDays, 14)
	seti(&l.ReplyDays, 90)
	return l
}

// Node is a running node. It is safe for use by several goroutines.
type Node struct {
	cfg    Config
	key    ed25519.PrivateKey
	db     *nodedb.DB
	pieces blob.Store
	lock   *os.File
	busy   chan struct{} // a place for every API call under way

	uploads uploads
	notes   noter
	mail    mailboxes

	edition editions
	trust   trust
}

// trust is the charter that the node believes.
type trust struct {
	sync.RWMutex
	chain   charter.Chain
	charter charter.Charter
}

// New opens the node's directory, finishing what a crash interrupted, and
// starts its housekeeping, which ends with ctx. Close the node afterwards.
func New(ctx context.Context, cfg Config) (*Node, error) {
	cfg.Limits = cfg.Limits.withDefaults()
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.FreeDisk == nil {
		cfg.FreeDisk = freeDisk
	}
	if cfg.Diary == nil {
		cfg.Diary = slog.New(slog.DiscardHandler)
	}
	n := &Node{cfg: cfg, busy: make(chan struct{}, cfg.Limits.Requests)}
	if err := n.open(ctx); err != nil {
		n.Close()
		return nil, err
	}
	go n.keepHouse(ctx)
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
	if n.pieces, err = blob.Dir(filepath.Join(n.cfg.Dir, "pieces")); err != nil {
		return err
	}
	if err = n.uploads.load(ctx, n.db); err != nil {
		return err
	}
	n.notes.start(n.db)
	return n.openEdition(ctx)
}

// Close waits for what is being written and closes the node's files.
func (n *Node) Close() error {
	n.notes.stop()
	var err error
	if n.db != nil {
		err = n.db.Close()
	}
	if n.lock != nil {
		err = errors.Join(err, n.lock.Close())
	}
	return err
}

// Key gives the node's public key in base64, as a charter names it.
func (n *Node) Key() string { return publicKey(n.key) }

// Charter gives the newest charter that the node believes, with its chain.
func (n *Node) Charter() (charter.Charter, charter.Chain) {
	n.trust.RLock()
	defer n.trust.RUnlock()
	return n.trust.charter, n.trust.chain
}

// loadCharter takes the longer of the chain on the disk and the configured one.
// They must be the same story.
func (n *Node) loadCharter() error {
	stored, err := charter.ReadChain(os.DirFS(n.cfg.Dir))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		if f, ok := fault.Of(err); !ok || f.Kind != fault.KindNotFound {
			return fmt.Errorf("read the node's charter: %w", err)
		}
	}
	if len(stored) > 0 {
		if n.trust.charter, err = stored.Verify(""); err != nil {
			return fmt.Errorf("read the node's charter: %w", err)
		}
		n.trust.chain = stored
	}
	if len(n.cfg.Chain) == 0 && len(stored) == 0 {
		return fault.Invalid("node.no_charter")
	}
	if len(n.cfg.Chain) > len(stored) {
		return n.extendCharter(n.cfg.Chain)
	}
	return nil
}

// extendCharter believes a chain that continues the present one and keeps it.
func (n *Node) extendCharter(chain charter.Chain) error {
	n.trust.Lock()
	defer n.trust.Unlock()
	have := n.trust.chain
	for i := range have {
		if i >= len(chain) {
			break
		}
		if chain[i].Document != have[i].Document {
			return fault.Forbidden("node.other_charter", i+1)
		}
	}
	if len(chain) <= len(have) {
		return nil
	}
	c, err := chain.Verify("")
	if err != nil {
		return err
	}
	if err := charter.WriteChain(n.cfg.Dir, chain); err != nil {
		return fmt.Errorf("keep the charter: %w", err)
	}
	n.trust.chain, n.trust.charter = chain, c
	return nil
}

func (n *Node) day() string { return n.cfg.Now().UTC().Format(time.DateOnly) }

func (n *Node) daysAgo(days int) string {
	return n.cfg.Now().UTC().AddDate(0, 0, -days).Format(time.DateOnly)
}

// keepHouse drops what has expired, once at the start and then every six hours.
func (n *Node) keepHouse(ctx context.Context) {
	tick := time.NewTicker(6 * time.Hour)
	defer tick.Stop()
	for {
		if err := n.Tidy(ctx); err != nil && ctx.Err() == nil {
			n.cfg.Diary.Error("housekeeping failed", "fault", err)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// Tidy drops uploads of which nothing came for Limits.OpenDays, and replies
// older than Limits.ReplyDays. A committed parcel never expires: only the desk
// can have it forgotten.
func (n *Node) Tidy(ctx context.Context) error {
	free, err := n.db.Expire(ctx, n.daysAgo(n.cfg.Limits.OpenDays))
	if err != nil {
		return fmt.Errorf("drop old uploads: %w", err)
	}
	if err := n.drop(ctx, free); err != nil {
		return err
	}
	if err := n.uploads.load(ctx, n.db); err != nil {
		return err
	}
	return n.mail.tidy(ctx, n)
}

// drop deletes pieces that nothing needs. A piece that came again meanwhile stays.
func (n *Node) drop(ctx context.Context, hashes []string) error {
	for _, h := range hashes {
		needed, err := n.db.Needed(ctx, h)
		if err == nil && !needed {
			err = n.pieces.Delete(ctx, h)
		}
		if err != nil {
			return fmt.Errorf("drop piece %s: %w", h, err)
		}
	}
	return nil
}

// EnsureKey makes the key of a node in dir, if there is none, and gives its
// public half in base64. It is what the charter must name.
func EnsureKey(dir string) (string, error) {
	key, err := ensureKey(dir)
	if err != nil {
		return "", err
	}
	return publicKey(key), nil
}

func publicKey(key ed25519.PrivateKey) string {
	return base64.StdEncoding.EncodeToString(key.Public().(ed25519.PublicKey))
}

// ensureKey keeps the node's key as PKCS #8 in PEM, which openssl reads.
func ensureKey(dir string) (ed25519.PrivateKey, error) {
	path := filepath.Join(dir, "key.pem")
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return makeKey(dir, path)
	}
	if err != nil {
		return nil, fmt.Errorf("read the node's key: %w", err)
	}
	block, _ := pem.Decode(b)
	if block == nil {
		return nil, fault.Corrupt("node.bad_key", path)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if key, ok := parsed.(ed25519.PrivateKey); ok && err == nil {
		return key, nil
	}
	return nil, fault.Corrupt("node.bad_key", path).Because(err)
}

func makeKey(dir, path string) (ed25519.PrivateKey, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the node's directory: %w", err)
	}
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	return key, writeWhole(path, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}
