package main

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"mime/multipart"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"kua/internal/authority"
	"kua/internal/charter"
	"kua/internal/edition/editiontest"
	"kua/internal/fault"
	"kua/internal/lane"
	"kua/internal/lane/lanetest"
	"kua/internal/sqldb/pgtest"
)

// TestNodeKilled kills the real program, which serves the open lane, at random moments
// in which people tell with and without photos, authorities answer, writers judge and
// add words, several at once. After each death everything that was acknowledged is
// there once with its photos, every history is whole, nothing is there by half, and
// whoever got no answer sends the same again and is taken once.
func TestNodeKilled(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	if s := os.Getenv("KUA_SEED"); s != "" {
		fmt.Sscan(s, &seed)
	}
	lives := 4 // on each engine; several calls are under way at each end
	if s := os.Getenv("KUA_KILLS"); s != "" {
		fmt.Sscan(s, &lives)
	}
	dir, trust := t.TempDir(), t.TempDir() // of both: a node fills its mailboxes once
	wall(t, charter.WriteChain(trust, editiontest.New(t).Chain))
	for name, database := range map[string]func() string{"sqlite": func() string { return "" }, "postgres": func() string { return pgtest.Database(t) }} {
		t.Run(name, func(t *testing.T) {
			t.Logf("KUA_SEED=%d", seed)
			k := &killed{dir: dir, trust: trust, database: database(), rnd: rand.New(rand.NewPCG(seed, 1)), photo: lanetest.Photo(t, 120, 90, 8)}
			var err error
			k.lane, err = lane.Open(t.Context(), lane.Config{Dir: dir, URL: k.database})
			wall(t, err)
			defer k.lane.Close()
			_, _, _, err = k.lane.Import(t.Context(), authority.Sample())
			wall(t, err)
			for range lives {
				k.life(t, 2+k.rnd.IntN(20))
				k.look(t)
				if t.Failed() {
					return
				}
			}
			unheard := 0
			for _, c := range k.cases {
				if c.done < len(steps) {
					unheard++
				}
			}
			k.life(t, -1) // until all that was begun is through
			k.look(t)
			t.Logf("%d deaths, %d reports; %d acts were acknowledged, %d reports were not through when their node died", lives, len(k.cases), k.acks.Load(), unheard)
			if unheard == 0 {
				t.Error("no death came in the middle of anything")
			}
		})
	}
}

// killed is a lane whose node dies.
type killed struct {
	lane                 *lane.Lane // the same database, read from outside
	dir, trust, database string
	rnd                  *rand.Rand
	photo                []byte
	acks                 atomic.Int64

	mu    sync.Mutex // of what follows
	cases []*told
	begun int
}

// told is one report as the people around it know it.
type told struct {
	code, words, picture string
	photo                bool
	id, part             int64
	step, answer         int64 // of the part
	seen                 int   // acts, when words are added
	token                string
	done                 int  // steps that were acknowledged
	again                bool // the next one was tried before
}

// steps is what happens to a report, in order. Each gives errCut when the node died.
var steps = []func(*killed, *testing.T, string, *told) error{(*killed).shows, (*killed).sends, (*killed).refuses, (*killed).judges, (*killed).adds}

var (
	errCut    = errors.New("the node died")
	nodeSays  = regexp.MustCompile(`The node is at (\S+)\.`)
	casePath  = regexp.MustCompile(`/open/case/(\d+)"`)
	shownHash = regexp.MustCompile(`name="picture" value="([0-9a-f]{64})"`)
)

// startNode starts a node of the real program and gives its address.
func startNode(t *testing.T, env []string, args ...string) (cmd *exec.Cmd, addr string) {
	t.Helper()
	cmd = exec.Command("kua", append([]string{"node", "--addr", "127.0.0.1:0"}, args...)...)
	cmd.Env = append(append(os.Environ(), "KUA_LANG=en"), env...)
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.StdoutPipe()
	wall(t, err)
	wall(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	line, err := bufio.NewReader(out).ReadString('\n')
	m := nodeSays.FindStringSubmatch(line)
	if err != nil || m == nil {
		_ = cmd.Wait()
		t.Fatalf("the node does not start by itself: %q, %v, %s", line, err, said.String())
	}
	return cmd, m[1]
}

// life starts the node, lets people in, and kills it in some moment after so many
// acknowledgements; -1: after the last, when nothing new is begun.
func (k *killed) life(t *testing.T, acks int) {
	t.Helper()
	args := []string{"--dir", k.dir, "--charter", k.trust}
	if k.database != "" {
		args = append(args, "--db", k.database)
	}
	cmd, addr := startNode(t, nil, args...)
	before := k.acks.Load()
	enough := make(chan struct{})
	var people sync.WaitGroup
	var once sync.Once
	for range 3 {
		people.Go(func() {
			for c := k.next(acks < 0); c != nil; c = k.next(acks < 0) {
				for c.done < len(steps) {
					if err := steps[c.done](k, t, "http://"+addr+"/en/open", c); err != nil {
						c.again = true
						if acks < 0 || !errors.Is(err, errCut) {
							t.Error(err)
						}
						return
					}
					c.done, c.again = c.done+1, false
					if n := k.acks.Add(1) - before; acks >= 0 && n >= int64(acks) {
						once.Do(func() { close(enough) })
					}
				}
			}
		})
	}
	if acks >= 0 {
		gone := make(chan struct{})
		go func() { people.Wait(); close(gone) }()
		select {
		case <-enough:
		case <-gone: // something else went wrong, which was said
		}
		time.Sleep(time.Duration(k.rnd.IntN(15_000)) * time.Microsecond) // to be in the middle of something else
		wall(t, cmd.Process.Kill())
	}
	people.Wait()
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
}

// next gives a report that nobody sees to in this life and that is not through, or a new one.
func (k *killed) next(last bool) *told {
	k.mu.Lock()
	defer k.mu.Unlock()
	for k.begun < len(k.cases) {
		k.begun++
		if c := k.cases[k.begun-1]; c.done < len(steps) {
			return c
		}
	}
	if last {
		return nil
	}
	n := len(k.cases)
	c := &told{code: lane.NewCode(), words: fmt.Sprintf("Открытый люк %d, выдумано: %s", n, lane.NewCode()), photo: n%4 == 0}
	k.cases = append(k.cases, c)
	k.begun++
	return c
}

// post sends a form, and takes an answer only whole.
func (k *killed) post(address string, f url.Values, photo []byte) (status int, page string, err error) {
	var b bytes.Buffer
	m := multipart.NewWriter(&b)
	for name, values := range f {
		for _, v := range values {
			_ = m.WriteField(name, v)
		}
	}
	if photo != nil {
		part, _ := m.CreateFormFile("photo", "photo.jpg")
		_, _ = part.Write(photo)
	}
	_ = m.Close()
	resp, err := http.Post(address, m.FormDataContentType(), &b)
	if err != nil {
		return 0, "", errCut
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, "", errCut
	}
	return resp.StatusCode, string(text), nil
}

// want posts and gives the page, which must have one of these states.
func (k *killed) want(address string, f url.Values, photo []byte, states ...int) (string, error) {
	status, page, err := k.post(address, f, photo)
	if err == nil && !slices.Contains(states, status) {
		err = fmt.Errorf("%s answers %d:\n%s", address, status, page)
	}
	return page, err
}

func (c *told) form() url.Values {
	f := url.Values{"code": {c.code}, "words": {c.words}, "area": {"south"}, "q.cover": {"gone"}}
	if c.picture != "" {
		f.Set("picture", c.picture)
	}
	return f
}

func (k *killed) shows(_ *testing.T, at string, c *told) error {
	if !c.photo {
		return nil
	}
	page, err := k.want(at+"/review/manhole", c.form(), k.photo, http.StatusOK)
	if err != nil {
		return err
	}
	m := shownHash.FindStringSubmatch(page)
	if m == nil {
		return fmt.Errorf("the photo is not shown:\n%s", page)
	}
	c.picture = m[1]
	return nil
}

func (k *killed) sends(t *testing.T, at string, c *told) error {
	page, err := k.want(at+"/send/manhole", c.form(), nil, http.StatusOK)
	if err != nil {
		return err
	}
	m := casePath.FindStringSubmatch(page)
	if m == nil {
		return fmt.Errorf("no report is named:\n%s", page)
	}
	c.id, err = strconv.ParseInt(m[1], 10, 64)
	if err != nil {
		return err
	}
	q, err := k.lane.Request(t.Context(), c.id)
	if err != nil {
		return err
	}
	c.part, c.step = q.Assignments[0].Number, q.Assignments[0].Step
	c.token, _, err = k.lane.Link(t.Context(), c.part)
	return err
}

// refuses is the authority. When it heard nothing it looks at the page again before it
// answers once more, and may find that its answer stands.
func (k *killed) refuses(t *testing.T, at string, c *told) error {
	if c.again {
		q, err := k.lane.Request(t.Context(), c.id)
		if err != nil {
			return err
		}
		if a := q.Assignments[0]; a.State == lane.Refused {
			c.answer = a.Answer
			return nil
		}
		c.step = q.Assignments[0].Step
	}
	if _, err := k.want(at+"/at/"+c.token, url.Values{"step": {strconv.FormatInt(c.step, 10)}, "to": {"answered_refused"}, "reason": {"Выдумано"}}, nil, http.StatusOK); err != nil {
		return err
	}
	q, err := k.lane.Request(t.Context(), c.id)
	c.answer = q.Assignments[0].Answer
	return err
}

// judges may be told, after nothing was heard, that its word stands.
func (k *killed) judges(t *testing.T, at string, c *told) error {
	states := []int{http.StatusOK}
	if c.again {
		states = append(states, http.StatusConflict)
	}
	_, err := k.want(at+"/judge", url.Values{"code": {c.code}, "assignment": {strconv.FormatInt(c.part, 10)}, "answer": {strconv.FormatInt(c.answer, 10)}, "says": {"not"}, "words": {"Всё так же"}}, nil, states...)
	if err != nil {
		return err
	}
	history, err := k.lane.History(t.Context(), c.id)
	c.seen = len(history)
	return err
}

func (k *killed) adds(_ *testing.T, at string, c *told) error {
	_, err := k.want(at+"/add", url.Values{"code": {c.code}, "seen": {strconv.Itoa(c.seen)}, "words": {"Добавлено"}}, nil, http.StatusOK)
	return err
}

// look holds the database of a dead node against what its people know.
func (k *killed) look(t *testing.T) {
	t.Helper()
	ctx := t.Context()
	k.begun = 0
	there := 0
	for _, c := range k.cases {
		id, err := k.lane.Held(ctx, c.code)
		if c.id == 0 && errors.Is(err, fault.NotFound("lane.unknown_code")) {
			continue // nobody was told that it is there, and nothing of it is
		}
		if err != nil || c.id != 0 && id != c.id {
			t.Errorf("the report of a code was %d and is %d: %v", c.id, id, err)
			continue
		}
		there++
		k.whole(t, c, id)
	}
	all, err := k.lane.List(ctx, lane.Filter{Limit: 10_000})
	if err != nil || len(all) != there {
		t.Errorf("%d reports are there, %d codes have one: %v", len(all), there, err)
	}
	if differs, err := k.lane.Recount(ctx, false); err != nil || len(differs) > 0 {
		t.Errorf("counted anew it differs: %+v, %v", differs, err)
	}
}

// whole holds one report and its history, of which each act stands once.
func (k *killed) whole(t *testing.T, c *told, id int64) {
	t.Helper()
	r, err := k.lane.Request(t.Context(), id)
	if err != nil || r.Words != c.words || len(r.Assignments) != 1 {
		t.Errorf("report %d is %+v, %v", id, r, err)
		return
	}
	history, err := k.lane.History(t.Context(), id)
	reached := func(e lane.Event) bool { return e.By == lane.ByHouse && e.To == lane.Delivered } // whoever answers has been
	if n := len(history); n > 1 && reached(history[1]) {
		history = slices.Delete(history, 1, 2)
	}
	acts := []int{0, 0, 1, 2, 4, 5, 5}[c.done:] // after so many steps; the next one may stand though nobody heard of it
	if n := len(history); err != nil || n != acts[0] && n != acts[1] {
		t.Errorf("the history of report %d has %d acts, and %d steps were acknowledged: %v", id, n, c.done, err)
		return
	}
	for i, e := range history {
		if right := []bool{e.By == lane.ByHolder, e.To == lane.Refused, e.Verdict == lane.SaysNot, e.To == lane.InWork, e.Words == "Добавлено"}; !right[i] {
			t.Errorf("act %d of report %d is %+v", i+1, id, e)
		}
	}
	pictures, err := k.lane.Pictures(t.Context(), id)
	if err != nil || len(pictures[id]) == 0 != (c.picture == "") {
		t.Errorf("report %d has the pictures %+v, its writer saw %q: %v", id, pictures, c.picture, err)
	}
	for _, p := range pictures[id] {
		for _, hash := range []string{p.Hash, p.Small} {
			f, public, err := k.lane.OpenPicture(t.Context(), hash)
			if err != nil || !public {
				t.Errorf("picture %s of report %d: %v, %v", hash, id, public, err)
				continue
			}
			h := sha256.New()
			if _, err := io.Copy(h, f); err != nil || hex.EncodeToString(h.Sum(nil)) != hash {
				t.Errorf("picture %s of report %d is another one: %v", hash, id, err)
			}
			f.Close()
		}
	}
}
