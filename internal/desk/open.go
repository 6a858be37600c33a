package desk

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"time"

	"kua/internal/charter"
	"kua/internal/desk/deskdb"
	"kua/internal/durable"
	"kua/internal/evidence"
	"kua/internal/fault"
	"kua/internal/jobs"
	"kua/internal/keyring"
	"kua/internal/likeness"
	"kua/internal/locale"
	"kua/internal/media"
	"kua/internal/onion"
	"kua/internal/site"
	"kua/internal/sqldb"
	"kua/web"
)

// The settings that a desk keeps in its database.
const (
	settingLogKey  = "log key"
	settingDeskKey = "desk key"
	settingChain   = "charter chain"
	settingWrapped = "key wrapped" // the database key, and all else that is sealed here, for the people of which version of the charter
)

const (
	databaseFile = "desk.db"
	databaseKey  = "key.age"
	lockFile     = "lock"
)

// Desk is an open desk. It is safe for use by several goroutines.
type Desk struct {
	cfg    Config
	dir    string
	lock   *os.File
	person *keyring.Person // whoever opened the desk; what runs by itself opens with their keys
	db     *deskdb.DB
	queue  *jobs.Queue
	media  *media.Runner
	site   *site.Site
	cat    *locale.Catalogue
	logKey string
	desk   ed25519.PrivateKey

	mu    sync.RWMutex // guards the charter
	chain charter.Chain
	now   charter.Charter
	since int // version from which on the people are those of now

	collecting sync.Mutex // one collection at a time
	views      views
	publishing sync.Mutex // one change of tree, overlay and log at a time
	pushing    sync.Mutex // one push at a time
	spreading  sync.Mutex // one sender at a time
	slow       slowHosts
	awayTime   time.Duration // for telling servers that one note is taken away
	underWay   underWay
	placing    sync.Mutex // one change of places at a time
	stamping   sync.Mutex // one asking for time stamps at a time
	comparing  sync.Mutex // one comparison at a time: of two, each must see the other; guards archive

	verdicts verdicts // of the gate

	archive *likeness.Archive // of all prints in the database, nil until it is needed; in memory only

	unsaid     bool  // it was opened from a copy, and that could not be written down yet; spreading guards it
	unfinished bool  // an approved proposal could not be published at the start
	withheld   error // why an approved proposal was taken back, until a job has told it; publishing guards it
}

// Create makes a desk in cfg.Dir, which must be empty or hold only charter/ and
// people/. The database key is sealed to the charter's current people. The desk
// is there when Create has returned; a kill before leaves nothing that hinders
// another Create.
func Create(ctx context.Context, cfg Config, f Founding) error {
	c, err := f.Chain.Verify("")
	if err != nil {
		return err
	}
	if err := f.fits(c); err != nil {
		return err
	}
	for _, dir := range []string{cfg.Dir, filepath.Join(cfg.Dir, "parcels"), filepath.Join(cfg.Dir, "derived"), filepath.Join(cfg.Dir, "edition")} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return fmt.Errorf("make the desk's directory: %w", err)
		}
	}
	lock, err := lockDir(filepath.Join(cfg.Dir, lockFile))
	if err != nil {
		return err
	}
	defer lock.Close()
	if _, err := os.Lstat(filepath.Join(cfg.Dir, databaseKey)); err == nil {
		return fault.Conflict("desk.there_already", cfg.Dir)
	}
	if err := charter.WriteChain(cfg.Dir, f.Chain); err != nil {
		return err
	}
	return found(ctx, cfg, f, c)
}

// fits refuses keys that are not the ones the charter names.
func (f Founding) fits(c charter.Charter) error {
	if len(f.DeskKey) != ed25519.PrivateKeySize {
		return fault.Invalid("desk.key_not_in_charter")
	}
	public := ed25519.PrivateKey(f.DeskKey).Public().(ed25519.PublicKey)
	if !slices.Contains(c.Desks, base64.StdEncoding.EncodeToString(public)) {
		return fault.Invalid("desk.key_not_in_charter")
	}
	return nil
}

// found makes the database and, last of all, the key that makes it a desk.
func found(ctx context.Context, cfg Config, f Founding, c charter.Charter) error {
	key := make([]byte, sqldb.KeySize)
	rand.Read(key) // never fails, see crypto/rand
	defer clear(key)
	path := filepath.Join(cfg.Dir, databaseFile)
	for _, leftover := range []string{path, path + "-wal", path + "-shm"} {
		if err := os.Remove(leftover); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	db, err := deskdb.Open(ctx, path, key, cfg.clock())
	if err != nil {
		return err
	}
	chain, err := json.Marshal(f.Chain)
	if err == nil {
		var id string
		if id, err = c.ID(); err == nil {
			err = db.Found(ctx, map[string][]byte{settingLogKey: []byte(f.LogKey), settingDeskKey: f.DeskKey, settingChain: chain,
				settingWrapped: strconv.AppendInt(nil, int64(c.Version), 10)}, id)
		}
	}
	if err = errors.Join(err, db.Close()); err != nil {
		return fmt.Errorf("make the desk's database: %w", err)
	}
	var sealed bytes.Buffer
	if _, err := sealTo(&sealed, bytes.NewReader(key), c.Recipients()); err != nil {
		return fmt.Errorf("seal the database key: %w", err)
	}
	return durable.WriteFile(filepath.Join(cfg.Dir, databaseKey), sealed.Bytes(), 0o600)
}

// Open unlocks the desk with one person's keys, takes its lock, takes in a newer
// charter that lies in the directory, finishes what a kill interrupted and
// starts the workers. Only one process may hold a desk.
func Open(ctx context.Context, cfg Config, person *keyring.Person) (*Desk, error) {
	lock, err := lockDir(filepath.Join(cfg.Dir, lockFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fault.NotFound("desk.none_here", cfg.Dir)
	}
	if err != nil {
		return nil, err
	}
	cfg = cfg.filled()
	d := &Desk{cfg: cfg, dir: cfg.Dir, lock: lock, person: person, awayTime: awayTime}
	for _, step := range []func(context.Context) error{d.equip, d.unlock, d.tidy, d.recognise, d.resume, d.afterKill, d.startJobs} {
		if err := step(ctx); err != nil {
			return nil, errors.Join(err, d.shut())
		}
	}
	if d.unfinished {
		if _, err := d.queue.Add(ctx, jobPublish, "interrupted", evidence.Desk); err != nil {
			return nil, errors.Join(err, d.shut())
		}
	}
	return d, nil
}

func (c Config) clock() func() time.Time {
	if c.Now != nil {
		return c.Now
	}
	return time.Now
}

func (c Config) filled() Config {
	c.Now = c.clock()
	if c.Scratch == "" {
		c.Scratch = filepath.Join(c.Dir, "scratch")
	}
	if c.Self == "" {
		c.Self, _ = os.Executable() // without it the box says that it is missing
	}
	if c.Reserve == 0 {
		c.Reserve = 2 << 30
	}
	if c.FreeDisk == nil {
		c.FreeDisk = durable.FreeDisk
	}
	if c.Tries == 0 {
		c.Tries = 3
	}
	if c.HTTP == nil {
		t := onion.Direct()
		t.ResponseHeaderTimeout = 2 * time.Minute
		c.HTTP = &http.Client{Transport: t}
	}
	if c.Diary == nil {
		c.Diary = slog.New(slog.DiscardHandler)
	}
	return c
}

// unlock opens the database and believes the charter that is kept in it.
func (d *Desk) unlock(ctx context.Context) error {
	path := filepath.Join(d.dir, databaseKey)
	key, err := openSealed(d.person, path)
	if errors.Is(err, fs.ErrNotExist) {
		return fault.NotFound("desk.none_here", d.dir)
	}
	if errors.Is(err, fault.Invalid("keyring.not_for_you")) {
		return fault.Forbidden("desk.not_wrapped_for_you", d.person.Name()).Because(err)
	}
	if err != nil {
		return fmt.Errorf("open the database key: %w", err)
	}
	if d.db, err = deskdb.Open(ctx, filepath.Join(d.dir, databaseFile), key, d.cfg.Now); err != nil {
		return err
	}
	if err := d.readSettings(ctx); err != nil {
		return err
	}
	return d.readCharter(ctx)
}

func (d *Desk) readSettings(ctx context.Context) error {
	logKey, err1 := d.db.Setting(ctx, settingLogKey)
	deskKey, err2 := d.db.Setting(ctx, settingDeskKey)
	chain, err3 := d.db.Setting(ctx, settingChain)
	if err := errors.Join(err1, err2, err3); err != nil {
		return fmt.Errorf("read the desk's settings: %w", err)
	}
	d.logKey, d.desk = string(logKey), ed25519.PrivateKey(deskKey)
	if err := json.Unmarshal(chain, &d.chain); err != nil {
		return fmt.Errorf("read the desk's charter: %w", err)
	}
	var err error
	if d.now, err = d.chain.Verify(""); err != nil {
		return err
	}
	d.since, err = peopleSince(d.chain, d.now)
	return err
}

// readCharter takes in a newer charter from the directory. One that does not
// continue the desk's own is refused: somebody has put it there.
func (d *Desk) readCharter(ctx context.Context) error {
	_, chain, err := ReadCharter(d.dir)
	if err != nil {
		return err
	}
	if err := d.UpdateCharter(ctx, d.person, chain); err != nil {
		return err
	}
	_, err = d.Sit(d.person)
	return err
}

// equip makes what the desk works with.
func (d *Desk) equip(context.Context) error {
	cat, err := locale.Load(web.Locales())
	if err != nil {
		return fmt.Errorf("load the languages: %w", err)
	}
	style := d.cfg.Style
	if style == nil {
		assets, err := web.Assets()
		if err != nil {
			return err
		}
		style, _ = assets.Bytes("site.css")
	}
	d.cat = cat
	if d.site, err = site.New(site.Config{Catalogue: cat, Templates: web.Templates(), Style: style}); err != nil {
		return fmt.Errorf("prepare the site: %w", err)
	}
	d.media = &media.Runner{Self: d.cfg.Self, Preset: d.cfg.Preset, Scratch: d.cfg.Scratch}
	return nil
}

// tidy wipes the scratch directory, files that a kill left half-written and
// sealed files of renderings that it cut off.
func (d *Desk) tidy(ctx context.Context) error {
	if err := os.RemoveAll(d.cfg.Scratch); err != nil {
		return fmt.Errorf("wipe the scratch directory: %w", err)
	}
	if err := os.MkdirAll(d.cfg.Scratch, 0o700); err != nil {
		return err
	}
	if err := d.sweepViewings(); err != nil {
		return fmt.Errorf("wipe what was left in memory: %w", err)
	}
	if err := durable.RemoveTemporary(d.dir); err != nil {
		return fmt.Errorf("clear away half-written files: %w", err)
	}
	known, err := d.db.SealedNames(ctx)
	if err != nil {
		return err
	}
	entries, err := os.ReadDir(filepath.Join(d.dir, "derived"))
	if err != nil {
		return err
	}
	for _, e := range entries {
		if !known[e.Name()] && !isViewing(e.Name()) {
			if err := os.Remove(filepath.Join(d.dir, "derived", e.Name())); err != nil {
				return err
			}
		}
	}
	return nil
}

// Close stops the workers, wipes the scratch directory and locks the desk.
func (d *Desk) Close() error {
	if d.queue != nil {
		d.queue.Stop()
	}
	err := os.RemoveAll(d.cfg.Scratch)
	return errors.Join(err, d.shut())
}

func (d *Desk) shut() error {
	var err error
	if d.db != nil {
		err = d.db.Close()
	}
	clear(d.desk)
	d.views.forget()
	return errors.Join(err, d.lock.Close())
}

// Charter gives the newest charter.
func (d *Desk) Charter() charter.Charter {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.now
}

// Chain gives every version of the charter.
func (d *Desk) Chain() charter.Chain {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.chain
}

// Tree gives the directory of the newest published edition.
func (d *Desk) Tree() string { return filepath.Join(d.dir, "edition", "tree") }

func (d *Desk) overlay() string { return filepath.Join(d.dir, "edition", "overlay") }
