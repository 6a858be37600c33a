package node_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"kua/internal/canon"
	"kua/internal/charter"
	"kua/internal/edition"
	"kua/internal/fault"
	"kua/internal/locale"
	"kua/internal/node"
	"kua/internal/node/nodeweb"
	"kua/internal/nodeapi"
	"kua/internal/parcel"
	"kua/internal/tlog"
	"kua/web"
)

// TestMain lets the test binary be a node of its own, to be killed.
func TestMain(m *testing.M) {
	if dir := os.Getenv("NODE_VICTIM"); dir != "" {
		if err := victim(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

func victim(dir string) error {
	node.Tune()
	n, err := node.New(context.Background(), node.Config{Dir: dir})
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	pages := os.Getenv("NODE_PAGES")
	if pages == "bare" || pages == "naked" {
		fmt.Println("http://" + l.Addr().String())
		return barePages(l, pages == "naked")
	}
	var handler http.Handler
	if pages != "" {
		cat, err := locale.Load(web.Locales())
		if err != nil {
			return err
		}
		if handler, err = nodeweb.New(n, cat, nodeweb.Options{}); err != nil {
			return err
		}
	} else {
		mux := http.NewServeMux()
		mux.Handle(nodeapi.Base+"/", n.Handler())
		mux.Handle("/", n.Files())
		handler = mux
	}
	at, scheme := node.Listen{Listener: l, CertFile: os.Getenv("NODE_CERTIFICATE"), KeyFile: os.Getenv("NODE_CERTIFICATE_KEY")}, "http"
	if at.CertFile != "" {
		scheme = "https"
	}
	fmt.Println(scheme + "://" + l.Addr().String())
	return n.Serve(context.Background(), at, handler)
}

// step is one edition of the killing test, ready to be brought.
type step struct {
	req   nodeapi.SwitchRequest
	files map[string][]byte // the whole edition
	size  uint64            // of the log
}

// ledger is what the node has acknowledged, and so must never lose.
type ledger struct {
	sync.Mutex
	pieces    map[string]map[string]bool // upload → pieces, of parcels not committed
	parcels   map[string]parcel.Index
	bytes     map[string][]byte // piece → bytes
	forgotten map[string]bool   // asked to forget: may be there or not
	edition   int               // steps acknowledged
	asked     int               // steps asked for
}

const kills = 200

// TestKill kills a node with SIGKILL again and again, at random moments of
// uploads, commits, forgettings and switches, and looks after every restart
// whether everything that was acknowledged is there and nothing is half done.
func TestKill(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	if s := os.Getenv("KUA_SEED"); s != "" {
		fmt.Sscan(s, &seed)
	}
	t.Logf("KUA_SEED=%d", seed)
	rnd := rand.New(rand.NewPCG(seed, 1))
	c, dir := newCollective(t), t.TempDir()
	must(t, charter.WriteChain(dir, c.chain))
	key, err := node.EnsureKey(dir)
	must(t, err)
	steps := c.steps(t, 80)
	l := &ledger{pieces: make(map[string]map[string]bool), parcels: make(map[string]parcel.Index), bytes: make(map[string][]byte), forgotten: make(map[string]bool)}
	began := time.Now()
	for k := range kills {
		wait := time.Duration(rnd.IntN(150)) * time.Millisecond
		c.life(t, dir, key, l, steps, wait, rnd.Uint64())
		if t.Failed() {
			t.Fatalf("at kill %d", k+1)
		}
	}
	t.Logf("%d kills in %.0f s; acknowledged: parcels %d, editions %d of %d", kills, time.Since(began).Seconds(), len(l.parcels), l.edition, len(steps))
	if len(l.parcels) == 0 || l.edition == 0 {
		t.Error("nothing was ever acknowledged")
	}
}

// steps makes many editions, each with a changed page and a new record.
func (c *collective) steps(t *testing.T, many int) []step {
	t.Helper()
	var all []step
	for i := range many {
		path, doc := c.record(t, i+1, 1, fmt.Sprintf("Record %d", i+1))
		req := c.publish(t, map[string][]byte{"index.html": fmt.Appendf(nil, "front %d", i+1), path: doc})
		cp, err := tlog.ParseCheckpoint([]byte(req.Checkpoint), c.charter.Log.Origin, c.charter.Log.Key)
		must(t, err)
		all = append(all, step{req, maps.Clone(c.files), cp.Size})
	}
	return all
}

// life starts the node, checks the ledger, works for a while and kills the node.
func (c *collective) life(t *testing.T, dir, key string, l *ledger, steps []step, wait time.Duration, seed uint64) {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "NODE_VICTIM="+dir)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		cmd.Wait()
		t.Fatalf("the node does not start by itself: %v, %s", err, stderr.String())
	}
	url := strings.TrimSpace(line)
	tr := &http.Transport{MaxIdleConnsPerHost: 8}
	client := nodeapi.NewClient(url, nodeapi.WithNodeKey(key), nodeapi.WithTries(1, 0), nodeapi.WithDesk(c.deskKey), nodeapi.WithHTTP(&http.Client{Transport: tr}))
	c.check(t, client, l, steps)
	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for i := range 3 {
		rnd := rand.New(rand.NewPCG(seed, uint64(i)))
		wg.Go(func() { l.work(ctx, t, client, rnd) })
	}
	rnd := rand.New(rand.NewPCG(seed, 9))
	wg.Go(func() {
		time.Sleep(time.Duration(rnd.Int64N(int64(wait) + 1))) // so that it is under way when the node dies
		c.edit(ctx, t, client, l, steps)
	})
	time.Sleep(wait)
	must(t, cmd.Process.Kill())
	cmd.Wait()
	stop()
	wg.Wait()
	tr.CloseIdleConnections()
}

// ended reports whether a call failed because the node died, and complains about
// every other failure.
func ended(t *testing.T, err error) bool {
	if err == nil {
		return false
	}
	if f, ok := fault.Of(err); !ok || f.Key != "nodeapi.unreachable" && f.Key != "nodeapi.cut_off" {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("a call failed: %v", err)
		}
	}
	return true
}

// rowed brings pieces in one call, and reports whether the node lived to acknowledge it.
func rowed(ctx context.Context, t *testing.T, url, upload string, hashes []string, body []byte) bool {
	r, err := http.NewRequestWithContext(ctx, http.MethodPut, url+nodeapi.Base+"/uploads/"+upload+"/pieces", bytes.NewReader(body))
	if err != nil {
		t.Error(err)
		return false
	}
	r.Header.Set(nodeapi.RowHeader, strings.Join(hashes, " "))
	res, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(r)
	if err != nil {
		return false
	}
	defer res.Body.Close()
	if res.StatusCode/100 != 2 {
		t.Errorf("a row was refused: %s", res.Status)
	}
	return res.StatusCode/100 == 2
}

// work uploads parcels of two or three pieces, and forgets some.
func (l *ledger) work(ctx context.Context, t *testing.T, client *nodeapi.Client, rnd *rand.Rand) {
	for ctx.Err() == nil {
		b := make([]byte, parcel.PieceBytes+1+rnd.IntN(parcel.PieceBytes))
		for i := range b[:64] {
			b[i] = byte(rnd.Uint32())
		}
		b[len(b)-1] = byte(rnd.Uint32())
		var order []string
		x, err := parcel.Split(bytes.NewReader(b), func(_ int, hash string, piece []byte) error {
			l.Lock()
			defer l.Unlock()
			l.bytes[hash] = bytes.Clone(piece)
			order = append(order, hash)
			return nil
		})
		if err != nil {
			t.Error(err)
			return
		}
		name := x.ID()[:32]
		kept := func(hashes ...string) {
			l.Lock()
			defer l.Unlock()
			if l.pieces[name] == nil {
				l.pieces[name] = make(map[string]bool)
			}
			for _, h := range hashes {
				l.pieces[name][h] = true
			}
		}
		if rnd.IntN(2) == 0 {
			if !rowed(ctx, t, client.URL(), name, order, b) {
				return
			}
			kept(order...)
			order = nil
		}
		for _, h := range order {
			l.Lock()
			piece := l.bytes[h]
			l.Unlock()
			if ended(t, client.PutPiece(ctx, name, h, piece)) {
				return
			}
			kept(h)
		}
		if rnd.IntN(4) == 0 {
			continue // left open, for days
		}
		if _, err := client.Commit(ctx, name, x); ended(t, err) {
			return
		}
		l.Lock()
		l.parcels[x.ID()] = x
		delete(l.pieces, name)
		l.Unlock()
		if rnd.IntN(3) == 0 {
			l.Lock()
			l.forgotten[x.ID()] = true
			delete(l.parcels, x.ID())
			l.Unlock()
			if ended(t, client.Forget(ctx, x.ID())) {
				return
			}
		}
	}
}

// edit publishes one edition after the other.
func (c *collective) edit(ctx context.Context, t *testing.T, client *nodeapi.Client, l *ledger, steps []step) {
	for range 2 {
		l.Lock()
		k := l.edition
		l.Unlock()
		if k == len(steps) {
			return
		}
		s := steps[k]
		var before map[string][]byte
		if k > 0 {
			before = steps[k-1].files
		}
		for path, b := range s.files {
			if bytes.Equal(before[path], b) {
				continue
			}
			for id, sig := range c.sigs[path] {
				if ended(t, client.PutSignature(ctx, edition.SignaturePath(path, id), sig)) {
					return
				}
			}
			open := func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b)), nil }
			if ended(t, client.PutFile(ctx, canon.Hash(b), int64(len(b)), open)) {
				return
			}
		}
		for _, path := range tlog.NewPaths(uint64(k), s.size) {
			b, err := os.ReadFile(filepath.Join(c.logDir, filepath.FromSlash(path)))
			if err != nil {
				t.Error(err)
				return
			}
			if path != tlog.CheckpointPath && ended(t, client.PutLog(ctx, path, b)) {
				return
			}
		}
		l.Lock()
		l.asked = k + 1
		l.Unlock()
		if ended(t, client.Switch(ctx, s.req)) {
			return
		}
		l.Lock()
		l.edition = k + 1
		l.Unlock()
	}
}

// check holds the node to the ledger.
func (c *collective) check(t *testing.T, client *nodeapi.Client, l *ledger, steps []step) {
	t.Helper()
	ctx := t.Context()
	for name, pieces := range l.pieces {
		have, err := client.Have(ctx, name)
		must(t, err)
		for h := range pieces {
			if !slices.Contains(have.Pieces, h) {
				t.Errorf("an acknowledged piece is lost: %s of %s", h, name)
			}
		}
	}
	list, err := client.Parcels(ctx)
	must(t, err)
	held := make(map[string]bool)
	for _, p := range list {
		held[p.ID] = true
		if _, known := l.parcels[p.ID]; !known && !l.forgotten[p.ID] {
			// Committed, and the answer was lost with the node.
			x, err := client.Index(ctx, p.ID)
			must(t, err)
			l.parcels[p.ID] = x
			delete(l.pieces, p.ID[:32])
		}
	}
	for id, x := range l.parcels {
		if !held[id] {
			t.Errorf("an acknowledged parcel is lost: %s", id)
			continue
		}
		for _, h := range x.Pieces { // the client checks the bytes against the name
			if _, err := client.Piece(ctx, h); err != nil {
				t.Errorf("parcel %s: piece %s: %v", id, h, err)
			}
		}
	}
	l.shorten(ctx, t, client)
	c.checkEdition(t, client, l, steps)
}

// shorten forgets most parcels, so that the test does not grow.
func (l *ledger) shorten(ctx context.Context, t *testing.T, client *nodeapi.Client) {
	for id := range l.parcels {
		if len(l.parcels) <= 10 {
			return
		}
		must(t, client.Forget(ctx, id))
		l.forgotten[id] = true
		delete(l.parcels, id)
	}
}

// checkEdition reads the whole edition: it must be the last one acknowledged, or
// the one that was asked for when the node died, and it must be whole.
func (c *collective) checkEdition(t *testing.T, client *nodeapi.Client, l *ledger, steps []step) {
	t.Helper()
	state, err := client.Edition(t.Context())
	must(t, err)
	if state.Number != l.edition && state.Number != l.asked {
		t.Fatalf("edition = %d, want %d or %d", state.Number, l.edition, l.asked)
	}
	l.edition = state.Number
	if state.Number == 0 {
		return
	}
	s := steps[state.Number-1]
	if state.Manifest != canon.Hash([]byte(s.req.Manifest)) || state.Checkpoint != s.req.Checkpoint {
		t.Fatalf("edition %d is not the one that was signed", state.Number)
	}
	paths := []string{"index.html", fmt.Sprintf("records/0000/%06d/v1.json", state.Number), "parts/root.json", "parts/r-0000.json"}
	for _, path := range paths {
		res, got := get(t, client.URL()+"/"+path)
		if res.StatusCode != http.StatusOK || !bytes.Equal(got, s.files[path]) {
			t.Errorf("edition %d: %s = %d, %d bytes", state.Number, path, res.StatusCode, len(got))
		}
	}
	if _, got := get(t, client.URL()+"/log/checkpoint"); string(got) != s.req.Checkpoint {
		t.Errorf("edition %d has another checkpoint", state.Number)
	}
}
