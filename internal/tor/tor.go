// Package tor runs Debian's tor for a room that wants onion services or a road
// through Tor: it writes the configuration, starts the program in a folder of
// its own, tells how far it has come, starts it again when it dies, and sees to
// it that it does not outlive us.
//
// It knows nothing of what the services serve. It is the only door to the
// program; used by cmd/kua.
package tor

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"kua/internal/fault"
	"kua/internal/onion"
)

// Service is one onion service on port 80.
type Service struct {
	Name    string   // of its folder and its socket; lower-case letters
	Clients []string // public keys of those who may reach it (onion.NewClientKey); nil: everybody
	Open    bool     // must be set for a service that everybody may reach
}

// Progress is how far Tor has come.
type Progress struct {
	Percent int           // of its start; 100: connected
	Left    time.Duration // an estimate, 0 when there is none yet
	Doing   string        // in Tor's own English words
}

// Config says how tor is run. Dir is needed.
type Config struct {
	Dir      string // a folder of its own; made, with mode 0700
	Services []Service
	Socks    bool           // a SOCKS server at Proxy
	Keys     []onion.Key    // for the services that Socks leads to
	Lines    []string       // more lines of its configuration, such as bridges
	Progress func(Progress) // told as it goes on; nil: nobody is
	Diary    *slog.Logger   // what went wrong; nil: discarded
}

// Tor is a running tor. It is safe for use by several goroutines.
type Tor struct {
	cfg     Config
	program string
	stop    context.CancelFunc
	done    chan struct{}

	mu        sync.Mutex
	percent   int
	announced map[string]bool // hosts whose descriptor somebody took
	changed   chan struct{}   // closed and replaced at every change
	last      error           // why it last ended
}

// Start begins to run tor, and gives it back before it is connected: Connected
// and Announced wait for that. Where the program is missing, the fault is
// tor.not_installed; where it refuses its configuration, tor.refused with its
// own words. Stop it afterwards.
func Start(ctx context.Context, cfg Config) (*Tor, error) {
	if cfg.Diary == nil {
		cfg.Diary = slog.New(slog.DiscardHandler)
	}
	var err error
	if cfg.Dir, err = filepath.Abs(cfg.Dir); err != nil {
		return nil, err
	}
	t := &Tor{cfg: cfg, done: make(chan struct{}), changed: make(chan struct{}), announced: make(map[string]bool)}
	if t.program, err = find(programs...); err != nil {
		return nil, err
	}
	if err := t.prepare(); err != nil {
		return nil, err
	}
	if err := t.verify(ctx); err != nil {
		return nil, err
	}
	ctx, t.stop = context.WithCancel(ctx)
	go t.keep(ctx)
	return t, nil
}

// Stop ends tor and waits until it is gone.
func (t *Tor) Stop() {
	t.stop()
	<-t.done
}

// Socket is where a service's visitors arrive: a unix socket on which the
// service's server must listen.
func (t *Tor) Socket(service string) string { return filepath.Join(t.cfg.Dir, service+".sock") }

// Proxy is the SOCKS server that Config.Socks asked for.
func (t *Tor) Proxy() onion.Proxy { return onion.SocketProxy(t.path("socks")) }

// Connected waits until tor has joined the network.
func (t *Tor) Connected(ctx context.Context) error {
	return t.until(ctx, func() bool { return t.percent == 100 })
}

// Host is a service's address, such as abc….onion. It waits until tor has made it.
func (t *Tor) Host(ctx context.Context, service string) (string, error) {
	var host string
	err := t.until(ctx, func() bool {
		b, err := os.ReadFile(filepath.Join(t.cfg.Dir, service, "hostname"))
		host = strings.TrimSpace(string(b))
		return err == nil && onion.Check(host) == nil
	})
	return host, err
}

// Announced waits until the network knows where a service is: from then on it
// can be reached.
func (t *Tor) Announced(ctx context.Context, service string) error {
	host, err := t.Host(ctx, service)
	if err != nil {
		return err
	}
	return t.until(ctx, func() bool { return t.announced[host] })
}

// until waits for something that is so while t.mu is held.
func (t *Tor) until(ctx context.Context, so func() bool) error {
	for {
		t.mu.Lock()
		ok, changed, last := so(), t.changed, t.last
		t.mu.Unlock()
		if ok {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return errors.Join(ctx.Err(), last)
		case <-t.done:
			return fault.Later("tor.gone").Because(last)
		}
	}
}

// note changes what is known of tor and wakes whoever waits for it.
func (t *Tor) note(change func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	change()
	close(t.changed)
	t.changed = make(chan struct{})
}

// keep runs tor again and again until ctx ends.
func (t *Tor) keep(ctx context.Context) {
	defer close(t.done)
	for wait := firstPause; ; {
		begun := time.Now()
		err := t.run(ctx)
		if ctx.Err() != nil {
			return
		}
		if time.Since(begun) > settled {
			wait = firstPause
		}
		t.note(func() { t.last, t.percent = err, 0; clear(t.announced) })
		t.cfg.Diary.Error("tor has ended: nobody comes through it until it runs again", "again_in", wait.String(), "fault", err)
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return
		}
		wait = min(2*wait, longestPause)
	}
}

// How long to wait before tor is started again, and how long a run must have
// lasted for the pauses to begin anew.
const (
	firstPause   = time.Second
	longestPause = 5 * time.Minute
	settled      = 10 * time.Minute
)

func (t *Tor) path(name string) string { return filepath.Join(t.cfg.Dir, name) }

// prepare lays out the folder. Keys of clients that are no longer named are
// taken away: Tor would go on to believe them.
func (t *Tor) prepare() error {
	for _, r := range t.cfg.Dir {
		if r < ' ' || r == 0x7f || r == '"' || r == '\\' {
			return fault.Invalid("tor.folder_name", t.cfg.Dir)
		}
	}
	if longest := t.Socket("control"); len(longest) > 100 {
		return fault.Invalid("tor.folder_long", t.cfg.Dir, 100-len("/control.sock"))
	}
	dirs := []string{t.cfg.Dir, t.path("data"), t.path("keys")}
	for _, s := range t.cfg.Services {
		dirs = append(dirs, t.path(s.Name))
	}
	for _, dir := range dirs {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return fmt.Errorf("make tor's folder: %w", err)
		}
		if err := os.Chmod(dir, 0o700); err != nil { // Tor refuses any other
			return fmt.Errorf("make tor's folder: %w", err)
		}
	}
	for _, s := range t.cfg.Services {
		if err := t.authorise(s); err != nil {
			return err
		}
	}
	keys := make(map[string]string)
	for _, k := range t.cfg.Keys {
		if err := onion.Check(k.Host); err != nil {
			return err
		}
		keys[strings.TrimSuffix(k.Host, ".onion")+".auth_private"] = strings.TrimSuffix(k.Host, ".onion") + ":descriptor:x25519:" + k.Private + "\n"
	}
	if err := only(t.path("keys"), keys); err != nil {
		return err
	}
	return t.write()
}

// authorise writes who may reach a service. Tor lets everybody in where it finds
// no key that it can read, so a service must either be open or name somebody.
func (t *Tor) authorise(s Service) error {
	if s.Open == (len(s.Clients) > 0) {
		return fmt.Errorf("the service %s must be open or name its clients", s.Name)
	}
	files := make(map[string]string)
	for i, c := range s.Clients {
		if err := onion.CheckClientKey(c); err != nil {
			return err
		}
		files[fmt.Sprintf("%d.auth", i+1)] = "descriptor:x25519:" + c + "\n"
	}
	dir := filepath.Join(t.path(s.Name), "authorized_clients")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("make tor's folder: %w", err)
	}
	return only(dir, files)
}

// only leaves these files in a folder and no others.
func only(dir string, files map[string]string) error {
	there, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range there {
		if _, ok := files[e.Name()]; !ok {
			if err := os.RemoveAll(filepath.Join(dir, e.Name())); err != nil {
				return err
			}
		}
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			return err
		}
	}
	return nil
}
