package mirror_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"kua/internal/edition/editiontest"
	"kua/internal/fault"
	"kua/internal/mirror"
	"kua/internal/tlog"
	"kua/internal/verify"
)

// stolen is a collective whose log's key a thief has, from before anybody knew.
func stolen(t *testing.T, bind bool) (c, thief *editiontest.Collective) {
	c = editiontest.New(t)
	c.Bind = bind
	c.Media = func(string) []editiontest.M {
		return []editiontest.M{{Rung: "poster", Type: "image/jpeg", Size: 400}, {Rung: "144p", Type: "video/mp4", Size: 900}}
	}
	c.Publish(t, c.Records(t, 1, 2)...)
	return c, c.Twin(t)
}

// TestThiefOfTheLogsKey is drill (f) for mirrors: a thief of the log's key shows longer
// logs. Who knows the true one refuses them; who was fed one of them recovers when the
// people have given the log a new key.
func TestThiefOfTheLogsKey(t *testing.T) {
	t.Parallel()
	t.Run("log not named", func(t *testing.T) { thiefOfTheLogsKey(t, false) })
	t.Run("log named", func(t *testing.T) { thiefOfTheLogsKey(t, true) })
}

// thiefOfTheLogsKey is the drill with manifests that say which log they go into, or as
// those of earlier programs were.
func thiefOfTheLogsKey(t *testing.T, bind bool) {
	c, thief := stolen(t, bind)
	knows := filepath.Join(t.TempDir(), "knows")
	mustPull(t, knows, options(dir(t, c.Dir)))
	before := editiontest.Copy(t, c.Dir)

	// Under the same edition the log only gets longer: nobody takes it.
	longer := thief.Twin(t)
	longer.Append(t, []byte("x"))
	if r := tried(t, knows, longer.Dir); r.Edition != 1 || len(r.Aside) != 1 || r.Aside[0].Key != "mirror.not_an_edition" {
		t.Fatalf("%+v", r)
	}
	// With a person's key as well, there is one signature where two are needed.
	one := thief.Twin(t)
	one.Signers = 1
	one.Publish(t, one.Record(t, "000009"))
	if r := tried(t, knows, one.Dir); r.Edition != 1 || len(r.Aside) != 1 || r.Aside[0].Key != "mirror.not_signed" {
		t.Fatalf("%+v", r)
	}
	// Another log around the true edition: whoever comes for the first time takes it, and
	// then takes the true one for the fork.
	short, long := thief.Twin(t), thief.Twin(t)
	short.Forge(t, 1)
	long.Forge(t, 9)
	fed, fedLong := filepath.Join(t.TempDir(), "fed"), filepath.Join(t.TempDir(), "long")
	within, beyond := "fork", "struck" // what the two who are fed hold against the thief in the end
	if bind {
		within, beyond = "", ""
		for at, forged := range map[string]string{fed: short.Dir, fedLong: long.Dir} {
			if r := tried(t, at, forged); r.Edition != 0 || len(r.Aside) != 1 || r.Aside[0].Key != "edition.other_log" {
				t.Fatalf("%+v", r)
			}
		}
	} else {
		mustPull(t, fed, options(dir(t, short.Dir)))
		mustPull(t, fedLong, options(dir(t, long.Dir)))
	}
	if r := tried(t, knows, short.Dir); r.Edition != 1 || len(r.Aside) != 1 || r.Aside[0].Key != "mirror.forked" {
		t.Fatalf("%+v", r)
	}
	c.Publish(t, c.Record(t, "000003"))
	if bind { // who is shown both, by nothing that was known before, has the proof too
		late := c.Twin(t)
		late.Forge(t, 9)
		for _, has := range []string{"", before} {
			both := filepath.Join(t.TempDir(), "both")
			if has != "" {
				mustPull(t, both, options(dir(t, has)))
			}
			r := mustPull(t, both, options(dir(t, late.Dir), dir(t, c.Dir)))
			if r.Edition != 2 || len(r.Aside) != 1 || r.Aside[0].Key != "edition.other_log" || len(r.Evidence) != 1 {
				t.Fatalf("%+v", r)
			}
			if j, err := mirror.Judge(r.Evidence[0], ""); err != nil || !j.Proves || j.What != "fork" || len(j.Sources) != 1 || j.Sources[0] != late.Dir {
				t.Errorf("%v %+v", err, j)
			}
		}
	} else if r := tried(t, fed, c.Dir); r.Edition != 1 || r.Aside[0].Key != "mirror.forked" {
		t.Fatalf("%+v", r)
	}

	c.Rotate(t)
	c.Publish(t, c.Record(t, "000004"))

	// Everybody comes to the true edition, from whatever they had; the thief answers too.
	for name, test := range map[string]struct{ at, what string }{
		"knew the true log":        {knows, ""},
		"was fed a log within":     {fed, within},
		"was fed a log beyond":     {fedLong, beyond},
		"comes for the first time": {filepath.Join(t.TempDir(), "new"), ""},
		"had an edition before":    {filepath.Join(t.TempDir(), "old"), ""},
	} {
		if name == "had an edition before" {
			mustPull(t, test.at, options(dir(t, before)))
		}
		from := options(dir(t, c.Dir))
		if test.what == "" {
			from = options(dir(t, long.Dir), dir(t, c.Dir), dir(t, before))
		}
		r := mustPull(t, test.at, from)
		if r.Edition != 3 || r.Outcome != mirror.Taken {
			t.Fatalf("who %s: %+v", name, r)
		}
		sound(t, test.at)
		if test.what == "" {
			if len(r.Aside) == 0 || r.Aside[0].Source != long.Dir || r.Aside[0].Key != "tlog.struck_key" {
				t.Errorf("who %s: %+v", name, r.Aside)
			}
			continue
		}
		if len(r.Evidence) != 1 {
			t.Fatalf("who %s: %+v", name, r)
		}
		j, err := mirror.Judge(r.Evidence[0], "")
		if err != nil || !j.Proves || j.What != test.what {
			t.Errorf("who %s: %v %+v", name, err, j)
		}
	}

	// Afterwards: what the old key signs beyond is refused and kept, what it signed before is old.
	thief.Publish(t, thief.Records(t, 5, 9)...)
	for at, key := range map[string]string{thief.Dir: "tlog.struck_key", short.Dir: "mirror.forked"} {
		if r := tried(t, fed, at); r.Edition != 3 || len(r.Aside) != 1 || r.Aside[0].Key != key || len(r.Evidence) != 1 {
			t.Errorf("%+v", r)
		}
	}
	if r := mustPull(t, fed, options(dir(t, before))); r.Edition != 3 || len(r.Behind) != 1 {
		t.Errorf("%+v", r)
	}
	// A host to which the thief's log was pushed gets all of the true one.
	host := editiontest.Copy(t, long.Dir)
	m := open(t, fed)
	to, err := mirror.DirTarget(host)
	if err == nil {
		_, err = m.Push(t.Context(), to, 4, nil)
	}
	if err != nil {
		t.Fatal(err)
	}
	src, err := verify.Dir(host)
	if err != nil {
		t.Fatal(err)
	}
	if r, err := verify.Edition(t.Context(), src, verify.Options{Now: editiontest.Now}); err != nil || r.Result != verify.OK {
		t.Errorf("%v %+v", err, r.Findings)
	}
}

// tried pulls from one source that may turn out to be of no use.
func tried(t *testing.T, to, from string) mirror.Result {
	t.Helper()
	r, err := pull(t, to, options(dir(t, from)))
	if f, ok := fault.Of(err); err != nil && (!ok || f.Key != "mirror.no_source") {
		t.Fatal(err)
	}
	return r
}

// TestRotationLosesNothing refuses a log under a new key that lacks what people signed
// and a mirror holds.
func TestRotationLosesNothing(t *testing.T) {
	t.Parallel()
	c, other := stolen(t, false)
	c.Publish(t, c.Record(t, "000003"))
	other.Rotate(t)
	other.Publish(t, other.Record(t, "000004"))
	to := filepath.Join(t.TempDir(), "copy")
	mustPull(t, to, options(dir(t, c.Dir)))
	if r := tried(t, to, other.Dir); r.Edition != 2 || len(r.Aside) != 1 || r.Aside[0].Key != "mirror.rotation_loses" {
		t.Fatalf("%+v", r)
	}
	sound(t, to)
}

// TestStruckKeyWithin refuses the newest edition in a log that a struck key signed and
// that is no longer than what is confirmed of it; a mirror that took it once comes back.
func TestStruckKeyWithin(t *testing.T) {
	t.Parallel()
	c := editiontest.New(t)
	c.Publish(t, c.Record(t, "000001"))
	for range 5 {
		c.Publish(t)
	}
	thief := c.Twin(t)
	c.Rotate(t)
	c.Publish(t, c.Record(t, "000002"))
	theirs := c.Twin(t)
	theirs.Squeeze(t, thief)
	to := filepath.Join(t.TempDir(), "new")
	if r := tried(t, to, theirs.Dir); r.Edition != 0 || len(r.Aside) != 1 || r.Aside[0].Key != "tlog.earlier_key" {
		t.Fatalf("%+v", r)
	}
	mustPull(t, to, options(dir(t, c.Dir)))
	sound(t, to)

	// A program from before this rule took it.
	ok(t, os.RemoveAll(filepath.Join(to, "log")))
	ok(t, os.CopyFS(filepath.Join(to, "log"), os.DirFS(filepath.Join(theirs.Dir, "log"))))
	note, err := os.ReadFile(filepath.Join(theirs.Dir, "log/checkpoint"))
	ok(t, err)
	state := filepath.Join(to, mirror.House, "state.json")
	b, err := os.ReadFile(state)
	ok(t, err)
	var m map[string]any
	ok(t, json.Unmarshal(b, &m))
	m["checkpoint"] = string(note)
	b, err = json.Marshal(m)
	ok(t, err)
	ok(t, os.WriteFile(state, b, 0o600))
	c.Publish(t)
	if r := mustPull(t, to, options(dir(t, c.Dir))); r.Edition != 8 || len(r.Aside) != 0 || len(r.Evidence) != 1 {
		t.Fatalf("who was fed: %+v", r)
	}
	sound(t, to)
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestStruckForkAccusesNobody judges a contradiction that the struck key alone has made.
func TestStruckForkAccusesNobody(t *testing.T) {
	t.Parallel()
	c := editiontest.New(t)
	c.Publish(t, c.Record(t, "000001"))
	long := c.Twin(t)
	long.Forge(t, 9)
	short := c.Twin(t)
	short.Forge(t, 1)
	c.Rotate(t)
	newer, fetch := long.Checkpoint(t)
	older, _ := short.Checkpoint(t)
	d, err := tlog.NewDispute(t.Context(), fetch, older, newer)
	ok(t, err)
	for i, what := range []string{"fork", "struck"} {
		b, err := json.Marshal(mirror.Evidence{Kind: "kua mirror evidence", What: "fork", Day: "2026-11-22", Chain: c.Chain[:i+1], Dispute: d})
		ok(t, err)
		file := filepath.Join(t.TempDir(), "fork.json")
		ok(t, os.WriteFile(file, b, 0o600))
		if j, err := mirror.Judge(file, ""); err != nil || !j.Proves || j.What != what {
			t.Errorf("by version %d of the charter: %v %+v, want %s", i+1, err, j, what)
		}
	}
}

// TestFirstContactKnowsTheLog: a manifest that says which log it goes into keeps a thief of
// the log's key from showing another log around it, also to who comes for the first time.
func TestFirstContactKnowsTheLog(t *testing.T) {
	t.Parallel()
	c := editiontest.New(t)
	c.Bind = true
	c.Media = func(string) []editiontest.M { return []editiontest.M{{Rung: "144p", Type: "video/mp4", Size: 900}} }
	c.Publish(t, c.Records(t, 1, 2)...)
	c.Publish(t, c.Record(t, "000003"))
	fed := filepath.Join(t.TempDir(), "fed")
	for _, others := range []int{1, 9} {
		thief := c.Twin(t)
		thief.Forge(t, others)
		if r, err := pull(t, fed, options(dir(t, thief.Dir))); err == nil || r.Edition != 0 {
			t.Errorf("a log with %d more is taken: %+v", others, r)
		}
		src, err := verify.Dir(thief.Dir)
		if err != nil {
			t.Fatal(err)
		}
		r, err := verify.Edition(t.Context(), src, verify.Options{Now: editiontest.Now})
		if err != nil || r.Result != verify.Corrupt || len(r.Findings) == 0 || r.Findings[0].Key != "edition.other_log" {
			t.Errorf("kua verify of it: %s %+v, %v", r.Result, r.Findings, err)
		}
	}
	mustPull(t, fed, options(dir(t, c.Dir)))
	c.Rotate(t)
	c.Publish(t, c.Record(t, "000004"))
	mustPull(t, fed, options(dir(t, c.Dir)))
	src, err := verify.Dir(fed)
	if err != nil {
		t.Fatal(err)
	}
	if r, err := verify.Edition(t.Context(), src, verify.Options{Now: editiontest.Now}); err != nil || r.Result != verify.OK || r.Edition != 3 {
		t.Errorf("%s %+v, %v", r.Result, r.Findings, err)
	}
}

// hiccups is a source whose link breaks so many times before the next charter comes.
type hiccups struct {
	mirror.Source
	left int
}

func (h *hiccups) Open(ctx context.Context, path string, from int64) (io.ReadCloser, int64, error) {
	if path == "charter/2.json" && h.left > 0 {
		h.left--
		return nil, 0, errors.New("connection reset")
	}
	return h.Source.Open(ctx, path, from)
}

// dying is a source whose link dies before the log's entries come, and which may lie until
// then; it counts what was asked.
type dying struct {
	mirror.Source
	dead  bool
	lies  bool
	mu    sync.Mutex
	asked map[string]int
}

func (d *dying) Open(ctx context.Context, path string, from int64) (io.ReadCloser, int64, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.asked[path]++
	if d.dead && strings.HasPrefix(path, "log/tile/entries/") {
		return nil, 0, errors.New("connection reset")
	}
	in, at, err := d.Source.Open(ctx, path, from)
	if !d.lies || err != nil || !strings.HasPrefix(path, "log/tile/0/") {
		return in, at, err
	}
	b, err := io.ReadAll(in)
	b[0] ^= 1
	return io.NopCloser(bytes.NewReader(b)), at, errors.Join(err, in.Close())
}

// TestLogIsResumed: what came of a log before the link died is not asked again, at first
// contact and when a log is taken anew after a thief's; nor is it the next source's fault.
func TestLogIsResumed(t *testing.T) {
	t.Parallel()
	c, thief := stolen(t, false)
	fed := filepath.Join(t.TempDir(), "fed")
	resumes := func(when, at string, beside int) {
		t.Helper()
		d := &dying{Source: dir(t, c.Dir), dead: true, asked: make(map[string]int)}
		if r, err := pull(t, at, options(d)); err == nil {
			t.Fatalf("%s: a pull over a dead link: %+v", when, r)
		}
		hashes := ""
		for path := range d.asked {
			if strings.HasPrefix(path, "log/tile/0/") {
				hashes = path
			}
		}
		d.dead, d.asked = false, make(map[string]int)
		mustPull(t, at, options(d))
		sound(t, at)
		if hashes == "" || d.asked[hashes] > beside {
			t.Errorf("%s: %q was asked %d times more", when, hashes, d.asked[hashes])
		}
	}
	resumes("at first contact", filepath.Join(t.TempDir(), "new"), 0)
	liar := &dying{Source: dir(t, c.Dir), dead: true, lies: true, asked: make(map[string]int)}
	r := mustPull(t, filepath.Join(t.TempDir(), "both"), options(liar, dir(t, editiontest.Copy(t, c.Dir))))
	if r.Outcome != mirror.Taken || len(r.Aside) != 1 {
		t.Errorf("after a source that lied and died: %+v", r)
	}
	thief.Forge(t, 1)
	mustPull(t, fed, options(dir(t, thief.Dir)))
	c.Publish(t, c.Record(t, "000003"))
	c.Rotate(t)
	c.Publish(t, c.Record(t, "000004"))
	resumes("after a thief's log", fed, 2) // for the proof that the two contradict each other, and to keep it
}

// TestHiccupDuringCharterChange: a link that breaks while a source is asked for the new charter
// is asked again, and one that stays away is named as that and not as a false log.
func TestHiccupDuringCharterChange(t *testing.T) {
	t.Parallel()
	c, _ := stolen(t, false)
	kept := filepath.Join(t.TempDir(), "kept")
	mustPull(t, kept, options(dir(t, c.Dir)))
	c.Rotate(t)
	c.Publish(t, c.Record(t, "000003"))
	away, err := pull(t, kept, options(&hiccups{dir(t, c.Dir), 1000}))
	if f, ok := fault.Of(err); !ok || f.Key != "mirror.no_source" || len(away.Aside) != 1 || away.Aside[0].Key != "mirror.unreachable" {
		t.Errorf("a link that stays away: %v, %+v", err, away.Aside)
	}
	if r := mustPull(t, kept, options(&hiccups{dir(t, c.Dir), 1})); r.Edition != 2 || len(r.Aside) != 0 {
		t.Errorf("one hiccup: %+v", r)
	}
}
