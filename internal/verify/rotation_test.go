package verify_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"kua/internal/canon"
	"kua/internal/edition/editiontest"
	"kua/internal/fault"
	"kua/internal/reader"
	"kua/internal/verify"
)

// TestThiefOfTheLogsKey is drill (f) for readers: kua verify, with and without a memory,
// and the single file.
func TestThiefOfTheLogsKey(t *testing.T) {
	t.Parallel()
	t.Run("log not named", func(t *testing.T) { thiefOfTheLogsKey(t, false) })
	t.Run("log named", func(t *testing.T) { thiefOfTheLogsKey(t, true) })
}

// thiefOfTheLogsKey is the drill with manifests that say which log they go into, or as
// those of earlier programs were.
func thiefOfTheLogsKey(t *testing.T, bind bool) {
	c := editiontest.New(t)
	c.Bind = bind
	c.Media = func(string) []editiontest.M {
		return []editiontest.M{{Rung: "poster", Type: "image/jpeg", Size: 400}, {Rung: "144p", Type: "video/mp4", Size: 900}}
	}
	c.Publish(t, c.Records(t, 1, 2)...)
	thief, before := c.Twin(t), editiontest.Copy(t, c.Dir)
	first := canon.Hash([]byte(c.Chain[0].Document))
	verifies := func(state, dir string, want verify.Result, key string) verify.Report {
		t.Helper()
		src, err := verify.Dir(dir)
		check(t, err)
		r, err := verify.Edition(t.Context(), src, verify.Options{Now: editiontest.Now, State: state, Pinned: first})
		check(t, err)
		got := ""
		for _, f := range r.Findings {
			if f.Kind == r.Result && got != key {
				got = f.Key
			}
		}
		if r.Result != want || got != key {
			t.Errorf("%s: %s %s, want %s %s: %+v", filepath.Base(dir), r.Result, got, want, key, r.Findings)
		}
		return r
	}

	// A longer log that ends with nothing people signed; an edition by one of them.
	longer, one := thief.Twin(t), thief.Twin(t)
	longer.Append(t, []byte("x"))
	verifies("", longer.Dir, verify.Corrupt, "verify.log_goes_on")
	one.Signers = 1
	one.Publish(t, one.Record(t, "000009"))
	verifies("", one.Dir, verify.Corrupt, "edition.not_signed")

	// Two readers remember the true log, two were shown another at first contact.
	knows, fed, fedLong := t.TempDir(), t.TempDir(), t.TempDir()
	short, long := thief.Twin(t), thief.Twin(t)
	short.Forge(t, 1)
	long.Forge(t, 9)
	verifies(knows, before, verify.OK, "")
	states := map[string]uint64{knows: 0, fed: 5, fedLong: 13} // entries of what is remembered that will be void
	if bind {
		verifies(fed, short.Dir, verify.Corrupt, "edition.other_log")
		verifies(fedLong, long.Dir, verify.Corrupt, "edition.other_log")
		states = map[string]uint64{knows: 0}
	} else {
		verifies(fed, short.Dir, verify.OK, "")
		verifies(fedLong, long.Dir, verify.OK, "")
	}
	for _, forged := range []string{short.Dir, long.Dir} {
		if r := verifies(knows, forged, verify.Fork, "tlog.fork"); len(r.Evidence) != 2 {
			t.Errorf("who knows the true log has no proof: %+v", r)
		}
	}
	c.Publish(t, c.Record(t, "000003"))
	if bind {
		verifies(fed, c.Dir, verify.OK, "")
		states[fed] = 0
	} else {
		verifies(fed, c.Dir, verify.Fork, "tlog.fork")
	}
	file, err := reader.Gather(t.Context(), source(t, c.Dir), []string{"000001"})
	check(t, err)

	c.Rotate(t)
	c.Publish(t, c.Record(t, "000004"))
	newest, err := c.Chain.Verify("")
	check(t, err)
	for state, void := range states {
		r := verifies(state, c.Dir, verify.OK, "")
		if n := r.Rotated; n != nil && (n.Unchecked || (n.OldKey == "") != (void == 0) || n.OldKey == r.Log.Key || r.Log.Key != newest.Log.Key) {
			t.Errorf("now signed with %q, before with %q, unchecked %t", r.Log.Key, n.OldKey, n.Unchecked)
		}
		if n := r.Rotated; n == nil || n.Charter != 2 || n.Size != 6 || n.Void != void || (void > 0) != (len(r.Evidence) == 2) {
			t.Errorf("%+v, evidence %v; want %d entries void", n, r.Evidence, void)
		}
		if r = verifies(state, c.Dir, verify.OK, ""); r.Rotated != nil {
			t.Errorf("told twice: %+v", r.Rotated)
		}
		// From then on the old key says nothing new, and what it said before is old.
		verifies(state, long.Dir, verify.Corrupt, "tlog.struck_key")
		verifies(state, before, verify.Old, "verify.charter_behind")
	}
	verifies("", before, verify.OK, "") // whoever has seen nothing newer: a genuine copy, of its day

	// A single file from before still proves its record; one whose log the old key went on
	// with under the new charter does not.
	opts := reader.Options{Now: editiontest.Now, Pinned: first}
	if r, err := file.Check(t.Context(), opts); err != nil || r.Result != verify.OK {
		t.Errorf("%v %+v", err, r)
	}
	now, err := reader.Gather(t.Context(), source(t, c.Dir), []string{"000001"})
	check(t, err)
	if r, err := now.Check(t.Context(), opts); err != nil || r.Result != verify.OK {
		t.Errorf("%v %+v", err, r)
	}
	note, err := os.ReadFile(filepath.Join(long.Dir, "log/checkpoint"))
	check(t, err)
	now.Proof.Checkpoint = string(note)
	if r, err := now.Check(t.Context(), opts); err != nil || r.Result != verify.Corrupt || r.Findings[0].Key != "tlog.struck_key" {
		t.Errorf("%v %+v", err, r)
	}
	if _, err := reader.Gather(t.Context(), source(t, longer.Dir), []string{"000001"}); !errors.Is(err, fault.Corrupt("tlog.not_included")) {
		t.Errorf("a file from a thief's copy: %v", err)
	}
}

func source(t testing.TB, dir string) verify.Source {
	t.Helper()
	src, err := verify.Dir(dir)
	check(t, err)
	return src
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestRotationLosesNothing: a log under a new key that lacks an edition that people
// signed and a reader saw is another history, whoever signed the charter.
func TestRotationLosesNothing(t *testing.T) {
	t.Parallel()
	c := editiontest.New(t)
	c.Publish(t, c.Record(t, "000001"))
	other := c.Twin(t)
	c.Publish(t, c.Record(t, "000002"))
	other.Rotate(t)
	other.Publish(t, other.Record(t, "000003"))
	state := t.TempDir()
	for _, test := range []struct {
		dir  string
		want verify.Result
	}{{c.Dir, verify.OK}, {other.Dir, verify.Fork}} {
		r, err := verify.Edition(t.Context(), source(t, test.dir), verify.Options{Now: editiontest.Now, State: state})
		if err != nil || r.Result != test.want {
			t.Errorf("%v %s %+v", err, r.Result, r.Findings)
		}
	}
}

// TestMemoryWithoutEdition: what an earlier program remembered, under a key that is
// struck off since, is given up only with a word that it could not be checked.
func TestMemoryWithoutEdition(t *testing.T) {
	t.Parallel()
	c := editiontest.New(t)
	c.Publish(t, c.Record(t, "000001"))
	other := c.Twin(t)
	c.Publish(t, c.Record(t, "000002"))
	opts := verify.Options{Now: editiontest.Now, State: t.TempDir()}
	_, err := verify.Edition(t.Context(), source(t, c.Dir), opts)
	check(t, err)
	files, err := filepath.Glob(filepath.Join(opts.State, "log-*.json"))
	check(t, err)
	for _, file := range files {
		b, err := os.ReadFile(file)
		check(t, err)
		var m map[string]any
		check(t, json.Unmarshal(b, &m))
		delete(m, "edition")
		delete(m, "manifest")
		b, err = json.Marshal(m)
		check(t, err)
		check(t, os.WriteFile(file, b, 0o600))
	}
	other.Rotate(t)
	other.Publish(t, other.Record(t, "000003"))
	r, err := verify.Edition(t.Context(), source(t, other.Dir), opts)
	if err != nil || len(files) != 1 || r.Rotated == nil || r.Rotated.Void == 0 || !r.Rotated.Unchecked {
		t.Errorf("%v %s %+v %+v", err, r.Result, r.Rotated, r.Findings)
	}
}

// TestStruckKeyWithin refuses the newest edition in a log that a struck key signed and
// that is no longer than what is confirmed of it; who was shown it once comes back.
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
	state, pinned := t.TempDir(), canon.Hash([]byte(c.Chain[1].Document))
	opts := verify.Options{Now: editiontest.Now, State: state, Pinned: pinned}
	r, err := verify.Edition(t.Context(), source(t, theirs.Dir), opts)
	if err != nil || r.Result != verify.Corrupt || !slices.ContainsFunc(r.Findings, func(f verify.Finding) bool { return f.Key == "tlog.earlier_key" }) {
		t.Errorf("%v %s %+v", err, r.Result, r.Findings)
	}
	if _, err := reader.Gather(t.Context(), source(t, theirs.Dir), []string{"000001"}); !errors.Is(err, fault.Corrupt("tlog.earlier_key")) {
		t.Errorf("a file from it: %v", err)
	}
	r, err = verify.Edition(t.Context(), source(t, c.Dir), opts)
	if err != nil || r.Result != verify.OK {
		t.Fatalf("%v %s %+v", err, r.Result, r.Findings)
	}

	// A program from before this rule remembered the thief's note.
	files, err := filepath.Glob(filepath.Join(state, "*.json"))
	check(t, err)
	for _, file := range files {
		b, err := os.ReadFile(file)
		check(t, err)
		var m map[string]any
		check(t, json.Unmarshal(b, &m))
		note, err := os.ReadFile(filepath.Join(theirs.Dir, "log/checkpoint"))
		check(t, err)
		if m["checkpoint"] == nil {
			continue
		}
		m["checkpoint"] = string(note)
		b, err = json.Marshal(m)
		check(t, err)
		check(t, os.WriteFile(file, b, 0o600))
	}
	r, err = verify.Edition(t.Context(), source(t, c.Dir), opts)
	if err != nil || r.Result != verify.OK || r.Rotated == nil || r.Rotated.Void == 0 || len(r.Evidence) != 2 {
		t.Errorf("who was fed: %v %s %+v %+v", err, r.Result, r.Rotated, r.Findings)
	}
}
