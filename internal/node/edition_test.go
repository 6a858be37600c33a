package node_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"kua/internal/canon"
	"kua/internal/charter"
	"kua/internal/edition"
	"kua/internal/fault"
	"kua/internal/keyring"
	"kua/internal/node"
	"kua/internal/nodeapi"
	"kua/internal/record"
	"kua/internal/tlog"
	"kua/internal/tlog/appender"
)

// TestPublish publishes two editions and a longer log, over a restart, and reads
// everything back as a reader does.
func TestPublish(t *testing.T) {
	c, dir := newCollective(t), t.TempDir()
	first := c.pages(t, "one")
	t.Run("first", func(t *testing.T) {
		r := start(t, c.config(dir))
		if res, _ := get(t, r.url+"/"); res.StatusCode != http.StatusNotFound {
			t.Errorf("front page without an edition = %d", res.StatusCode)
		}
		req := c.publish(t, first)
		c.bring(t, r.desk(c))
		must(t, r.desk(c).Switch(t.Context(), req))
		must(t, r.desk(c).Switch(t.Context(), req)) // twice is once
		c.readAll(t, r, req)
	})
	r := start(t, c.config(dir))
	if number, _ := r.Edition(); number != 1 {
		t.Fatalf("edition after a restart = %d", number)
	}
	gone := "en/r/0000/000001.html"
	path, doc := c.record(t, 2, 1, "Another bribe")
	changed := map[string][]byte{"index.html": []byte("<!doctype html>two"), path: doc}
	req := c.publish(t, changed, gone)
	missing, err := r.desk(c).Missing(t.Context(), []string{canon.Hash(doc), canon.Hash(first["en/index.html"])})
	if err != nil || len(missing) != 1 || missing[0] != canon.Hash(doc) {
		t.Errorf("Missing = %v, %v, want the new record alone", missing, err)
	}
	c.bring(t, r.desk(c))
	must(t, r.desk(c).Switch(t.Context(), req))
	c.readAll(t, r, req)
	if res, _ := get(t, r.url+"/"+gone); res.StatusCode != http.StatusNotFound {
		t.Errorf("a page that left the edition = %d", res.StatusCode)
	}
	state, err := r.desk(c).Edition(t.Context())
	if err != nil || state.Number != 2 || state.Manifest != canon.Hash([]byte(req.Manifest)) || state.Checkpoint != req.Checkpoint {
		t.Errorf("Edition = %+v, %v", state, err)
	}
}

// opened reads a file as what makes single files does; nil when it is not there.
func opened(t *testing.T, src *node.Published, path string) []byte {
	t.Helper()
	if _, err := src.Open(t.Context(), path+"x"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%sx: %v", path, err)
	}
	f, err := src.Open(t.Context(), path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	must(t, err)
	defer f.Close()
	b, err := io.ReadAll(f)
	must(t, err)
	return b
}

// readAll reads every file of the newest edition from the node.
func (c *collective) readAll(t *testing.T, r *running, req nodeapi.SwitchRequest) {
	t.Helper()
	for path, want := range c.files {
		for _, accept := range []string{"identity", "gzip"} {
			res, got := get(t, r.url+"/"+path, "Accept-Encoding", accept)
			if res.Header.Get("Content-Encoding") == "gzip" {
				z, err := gzip.NewReader(bytes.NewReader(got))
				must(t, err)
				got, err = io.ReadAll(z)
				must(t, err)
			}
			if inside, err := r.Published(); err != nil || !bytes.Equal(opened(t, inside, path), want) {
				t.Errorf("within the house %s is another, %v", path, err)
			}
			if res.StatusCode != http.StatusOK || !bytes.Equal(got, want) {
				t.Errorf("%s (%s) = %d, %d bytes, want %d", path, accept, res.StatusCode, len(got), len(want))
			}
		}
		for id, sig := range c.sigs[path] {
			if inside, err := r.Published(); err != nil || !bytes.Equal(opened(t, inside, edition.SignaturePath(path, id)), sig) {
				t.Errorf("within the house the signature of %s is another, %v", path, err)
			}
			if res, got := get(t, r.url+"/"+edition.SignaturePath(path, id)); res.StatusCode != http.StatusOK || !bytes.Equal(got, sig) {
				t.Errorf("signature of %s = %d, %d bytes", path, res.StatusCode, len(got))
			}
		}
	}
	if _, got := get(t, r.url+"/manifest.json"); string(got) != req.Manifest {
		t.Error("another manifest is served")
	}
	for id, sig := range req.Signatures {
		if _, got := get(t, r.url+"/"+edition.SignaturePath("manifest.json", id)); !bytes.Equal(got, sig) {
			t.Errorf("signature %s of the manifest is not served", id)
		}
	}
	fetch := func(_ context.Context, path string) ([]byte, error) {
		res, b := get(t, r.url+"/log/"+path)
		if res.StatusCode != http.StatusOK {
			return nil, fmt.Errorf("%s: %d", path, res.StatusCode)
		}
		return b, nil
	}
	raw, err := fetch(t.Context(), "checkpoint")
	must(t, err)
	cp, err := tlog.ParseCheckpoint(raw, c.charter.Log.Origin, c.charter.Log.Key)
	must(t, err)
	must(t, tlog.Entries(t.Context(), fetch, cp, 0, func(uint64, []byte) error { return nil }))
}

func TestFiles(t *testing.T) {
	c := newCollective(t)
	r := start(t, c.config(t.TempDir()))
	req := c.publish(t, c.pages(t, "words"))
	c.bring(t, r.desk(c))
	must(t, r.desk(c).Switch(t.Context(), req))
	var film string
	for path := range c.files {
		if strings.HasSuffix(path, ".mp4") {
			film = path
		}
	}
	for _, test := range []struct {
		path   string
		send   []string
		status int
		header [2]string
	}{
		{"/", nil, 200, [2]string{"Content-Type", "text/html; charset=utf-8"}},
		{"/", nil, 200, [2]string{"Cache-Control", "no-store"}},
		{"/", []string{"Accept-Encoding", "br, gzip"}, 200, [2]string{"Content-Encoding", "gzip"}},
		{"/", []string{"Accept-Encoding", "gzip;q=0"}, 200, [2]string{"Content-Encoding", ""}},
		{"/", []string{"If-None-Match", `"` + canon.Hash(c.files["index.html"]) + `"`}, 304, [2]string{"Content-Type", ""}},
		{"/en/", nil, 200, [2]string{"Content-Type", "text/html; charset=utf-8"}},
		{"/en", nil, 302, [2]string{"Location", "/en/"}},
		{"/" + film, nil, 200, [2]string{"Content-Type", "video/mp4"}},
		{"/" + film, []string{"Range", "bytes=10-19"}, 206, [2]string{"Content-Length", "10"}},
		{"/" + film, []string{"Range", "bytes=99999999-"}, 416, [2]string{"Content-Type", "text/plain; charset=utf-8"}},
		{"/log/checkpoint", nil, 200, [2]string{"Cache-Control", "no-cache"}},
		{"/log/tile/0/000.p/1", nil, 200, [2]string{"Cache-Control", "public, max-age=31536000, immutable"}},
		{"/log/tile/0/000.p/2", nil, 404, [2]string{}},
		{"/log/.state/treeState", nil, 404, [2]string{}},
		{"/..%2fkey.pem", nil, 404, [2]string{}},
		{"/nowhere.html", nil, 404, [2]string{}},
		{"/records/0000/000001/v1.json.0123456789abcdef.sig", nil, 404, [2]string{}},
		{"/manifest.json.0123456789abcdef.sig", nil, 404, [2]string{}},
	} {
		res, body := get(t, r.url+test.path, test.send...)
		if res.StatusCode != test.status {
			t.Errorf("%s = %d, want %d: %.80s", test.path, res.StatusCode, test.status, body)
		}
		if k := test.header[0]; k != "" && res.Header.Get(k) != test.header[1] {
			t.Errorf("%s: %s = %q, want %q", test.path, k, res.Header.Get(k), test.header[1])
		}
	}
	if res, _ := get(t, r.url+"/"+film, "Range", "bytes=10-19"); res.Header.Get("ETag") == "" {
		t.Error("a film has no ETag")
	}
	if !r.Has(t.Context(), "/en/") || r.Has(t.Context(), "/en/nowhere.html") {
		t.Error("Has says otherwise")
	}
	post, err := http.Post(r.url+"/", "text/plain", nil)
	must(t, err)
	post.Body.Close()
	if post.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("POST / = %d", post.StatusCode)
	}
}

// intake is a node that publishes edition 1 and has been brought edition 2.
type intake struct {
	*collective
	*running
	dir      string
	old, req nodeapi.SwitchRequest
}

func newIntake(t *testing.T, except ...string) *intake {
	t.Helper()
	c, dir := newCollective(t), t.TempDir()
	r := start(t, c.config(dir))
	old := c.publish(t, c.pages(t, "one"))
	c.bring(t, r.desk(c))
	must(t, r.desk(c).Switch(t.Context(), old))
	path, doc := c.record(t, 2, 1, "Another bribe")
	req := c.publish(t, map[string][]byte{"index.html": []byte("two"), path: doc})
	c.bring(t, r.desk(c), except...)
	return &intake{c, r, dir, old, req}
}

// TestIntakeRefuses offers a node editions that are wrong in one way each. Each
// is refused with a name for what is wrong, and the old one stays published.
func TestIntakeRefuses(t *testing.T) {
	const newRecord = "records/0000/000002/v1.json"
	for _, test := range []struct {
		name, key string
		except    []string
		change    func(t *testing.T, in *intake)
	}{
		{"tampered manifest", "edition.not_signed", nil, func(t *testing.T, in *intake) {
			in.req.Manifest = strings.Replace(in.req.Manifest, `"records":0`, `"records":1`, 1)
		}},
		{"one signature", "edition.not_signed", nil, func(t *testing.T, in *intake) {
			delete(in.req.Signatures, charter.KeyID(in.people[0].PublishKey()))
		}},
		{"stranger's signatures", "edition.not_signed", nil, func(t *testing.T, in *intake) {
			p, err := keyring.NewPerson("Stranger")
			must(t, err)
			in.req.Signatures = charter.Signatures{}
			in.req.Signatures.Add([]byte(in.req.Manifest), p)
		}},
		{"missing page", "node.edition_missing", []string{"index.html"}, nil},
		{"missing record", "node.edition_missing", []string{newRecord}, nil},
		{"missing part", "node.edition_missing", []string{"parts/root.json"}, nil},
		{"missing tile", "node.log_missing", []string{"log/tile/0/000.p/2"}, nil},
		{"missing bundle", "node.log_missing", []string{"log/tile/entries/000.p/2"}, nil},
		{"tampered page on disk", "node.file_size", nil, func(t *testing.T, in *intake) {
			h := canon.Hash([]byte("two"))
			must(t, os.WriteFile(filepath.Join(in.dir, "edition", "files", h[:2], h), []byte("three"), 0o600))
		}},
		{"tampered part on disk", "node.file_damaged", nil, func(t *testing.T, in *intake) {
			h := canon.Hash(in.files["parts/root.json"])
			must(t, os.WriteFile(filepath.Join(in.dir, "edition", "files", h[:2], h), bytes.ToUpper(in.files["parts/root.json"]), 0o600))
		}},
		{"record signed by one", "node.record_not_signed", nil, func(t *testing.T, in *intake) {
			id := charter.KeyID(in.people[0].PublishKey())
			must(t, os.Remove(filepath.Join(in.dir, "edition", "signatures", newRecord+"."+id+".sig")))
		}},
		{"tampered tile", "tlog.tiles_do_not_fit", nil, func(t *testing.T, in *intake) {
			spoil(t, filepath.Join(in.dir, "edition", "log", "tile", "0", "000.p", "2"))
		}},
		{"tampered bundle", "tlog.bundle", nil, func(t *testing.T, in *intake) {
			spoil(t, filepath.Join(in.dir, "edition", "log", "tile", "entries", "000.p", "2"))
		}},
		{"forged checkpoint", "tlog.checkpoint", nil, func(t *testing.T, in *intake) {
			in.req.Checkpoint = strings.Replace(in.req.Checkpoint, "\n2\n", "\n3\n", 1)
		}},
		{"old checkpoint", "tlog.not_included", nil, func(t *testing.T, in *intake) { in.req.Checkpoint = in.old.Checkpoint }},
		{"another entry", "tlog.not_included", nil, func(t *testing.T, in *intake) { in.req.LogIndex = 0 }},
		{"entry beyond the log", "tlog.not_included", nil, func(t *testing.T, in *intake) { in.req.LogIndex = 99 }},
		{"swapped charter", "node.other_charter", nil, func(t *testing.T, in *intake) { in.req.Chain = newCollective(t).chain }},
		{"charter signed by one", "charter.version_not_signed", nil, func(t *testing.T, in *intake) {
			next, err := in.charter.Next(today)
			must(t, err)
			s := in.sign(t, next)
			delete(s.Signatures, charter.KeyID(in.people[0].PublishKey()))
			in.req.Chain = append(slices.Clone(in.chain), s)
		}},
		{"edition under an older charter", "edition.old_charter", nil, func(t *testing.T, in *intake) {
			next, err := in.charter.Next(today)
			must(t, err)
			in.req.Chain = append(slices.Clone(in.chain), in.sign(t, next))
		}},
		{"edition of another past", "node.edition_other_past", nil, func(t *testing.T, in *intake) {
			m, err := edition.ParseManifest([]byte(in.req.Manifest))
			must(t, err)
			m.Previous = canon.Hash([]byte("another"))
			in.resign(t, m)
		}},
		{"another edition of the same number", "node.edition_old", nil, func(t *testing.T, in *intake) {
			m, err := edition.ParseManifest([]byte(in.old.Manifest))
			must(t, err)
			m.FreshUntil = edition.Stamp(time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC))
			in.resign(t, m)
		}},
		{"not JSON of ours", "node.not_json", nil, func(t *testing.T, in *intake) { in.req.Manifest = "" }},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			in := newIntake(t, test.except...)
			if test.change != nil {
				test.change(t, in)
			}
			err := in.desk(in.collective).Switch(t.Context(), in.req)
			if test.key == "node.not_json" { // an empty manifest is well-formed JSON
				test.key = "edition.not_a_manifest"
			}
			if f, ok := fault.Of(err); !ok || f.Key != test.key {
				t.Errorf("Switch = %v, want %s", err, test.key)
			}
			if _, got := get(t, in.url+"/manifest.json"); string(got) != in.old.Manifest {
				t.Error("the old edition is not published any more")
			}
		})
	}
}

// resign signs a changed manifest and logs it.
func (in *intake) resign(t *testing.T, m edition.Manifest) {
	t.Helper()
	doc, err := m.Bytes()
	must(t, err)
	entry, err := edition.ManifestEntry(m, doc).Bytes()
	must(t, err)
	index, cp, err := in.log.Append(t.Context(), entry)
	must(t, err)
	in.req = nodeapi.SwitchRequest{Manifest: string(doc), Signatures: in.signatures(doc), Chain: in.chain, Checkpoint: string(cp.Raw), LogIndex: index[0]}
	in.bringLog(t, in.desk(in.collective))
}

// spoil changes the last byte of a file.
func spoil(t *testing.T, path string) {
	t.Helper()
	b, err := os.ReadFile(path)
	must(t, err)
	b[len(b)-1] ^= 1
	must(t, os.WriteFile(path, b, 0o600))
}

// TestOldEdition shows that a node which has gone on cannot be taken back.
func TestOldEdition(t *testing.T) {
	in := newIntake(t)
	must(t, in.desk(in.collective).Switch(t.Context(), in.req))
	if err := in.desk(in.collective).Switch(t.Context(), in.old); !errors.Is(err, fault.Conflict("node.edition_old")) {
		t.Errorf("Switch to the old edition = %v, want node.edition_old", err)
	}
}

// TestForkedLog gives a node a log that was signed with the right key and tells
// another story.
func TestForkedLog(t *testing.T) {
	private, vkey, err := appender.NewKey("kua.example.org/log")
	must(t, err)
	c := newCollective(t)
	c.charter.Log.Key = vkey
	c.chain = charter.Chain{c.sign(t, c.charter)}
	reopen := func() {
		c.logDir = t.TempDir()
		log, err := appender.Open(t.Context(), c.logDir, private)
		must(t, err)
		t.Cleanup(func() { log.Close(context.Background()) })
		c.log = log
	}
	reopen()
	r := start(t, c.config(t.TempDir()))
	old := c.publish(t, c.pages(t, "one"))
	c.bring(t, r.desk(c))
	must(t, r.desk(c).Switch(t.Context(), old))
	reopen()
	if _, _, err := c.log.Append(t.Context(), []byte("another first entry")); err != nil {
		t.Fatal(err)
	}
	req := c.publish(t, map[string][]byte{"index.html": []byte("two")})

	// The tiles of the other history are refused where they meet the first one.
	b, err := os.ReadFile(filepath.Join(c.logDir, "tile", "0", "000.p", "1"))
	must(t, err)
	if err := r.desk(c).PutLog(t.Context(), "tile/0/000.p/1", b); !errors.Is(err, fault.Corrupt("node.log_fork")) {
		t.Errorf("PutLog = %v, want node.log_fork", err)
	}
	// Without them the checkpoint itself gives it away.
	for path, b := range c.files {
		must(t, r.desk(c).PutFile(t.Context(), canon.Hash(b), int64(len(b)), func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b)), nil }))
		_ = path
	}
	c.bringLog(t, r.desk(c), "log/tile/0/000.p/1", "log/tile/entries/000.p/1")
	if err := r.desk(c).Switch(t.Context(), req); !errors.Is(err, fault.Corrupt("tlog.fork")) {
		t.Errorf("Switch = %v, want tlog.fork", err)
	}
}

// TestSpoiltLogIsMended: a file of the published log that went bad or is gone is put
// back with the bytes that the checkpoint proves, in the order in which the desk brings
// them, and with no others.
func TestSpoiltLogIsMended(t *testing.T) {
	c, dir := newCollective(t), t.TempDir()
	r := start(t, c.config(dir))
	for _, words := range []string{"one", "two", "three"} {
		req := c.publish(t, c.pages(t, words))
		c.bring(t, r.desk(c))
		must(t, r.desk(c).Switch(t.Context(), req))
	}
	cp, err := c.log.Checkpoint(t.Context())
	must(t, err)
	paths := slices.DeleteFunc(tlog.NewPaths(0, cp.Size), func(p string) bool { return p == tlog.CheckpointPath })
	here := func(path string) string { return filepath.Join(dir, "edition", "log", filepath.FromSlash(path)) }
	for _, harm := range []func(string){func(name string) { spoil(t, name) }, func(name string) { must(t, os.Remove(name)) }} {
		for _, path := range paths {
			harm(here(path))
		}
		for _, path := range slices.Backward(paths) {
			right, err := os.ReadFile(filepath.Join(c.logDir, filepath.FromSlash(path)))
			must(t, err)
			wrong := bytes.Clone(right)
			wrong[len(wrong)-2] ^= 1
			if err := r.desk(c).PutLog(t.Context(), path, wrong); !errors.Is(err, fault.Corrupt("node.log_fork")) {
				t.Errorf("wrong bytes for %s: %v", path, err)
			}
			must(t, r.desk(c).PutLog(t.Context(), path, right))
			if now, err := os.ReadFile(here(path)); err != nil || !bytes.Equal(now, right) {
				t.Errorf("%s is not mended: %v", path, err)
			}
		}
	}
}

// TestTamperedFile shows that bytes are checked as they come.
func TestTamperedFile(t *testing.T) {
	c := newCollective(t)
	r := start(t, c.config(t.TempDir()))
	good, bad := []byte("the page"), []byte("the pagf")
	err := r.desk(c).PutFile(t.Context(), canon.Hash(good), int64(len(bad)), func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(bad)), nil })
	if !errors.Is(err, fault.Invalid("blob.wrong_hash")) {
		t.Errorf("PutFile = %v, want blob.wrong_hash", err)
	}
	if missing, err := r.desk(c).Missing(t.Context(), []string{canon.Hash(good)}); err != nil || len(missing) != 1 {
		t.Errorf("Missing = %v, %v", missing, err)
	}
}

// TestSignaturesStay shows that what is published cannot lose its signatures.
func TestSignaturesStay(t *testing.T) {
	in := newIntake(t)
	id := charter.KeyID(in.people[0].PublishKey())
	err := in.desk(in.collective).PutSignature(t.Context(), "records/0000/000001/v1.json."+id+".sig", make([]byte, 64))
	if !errors.Is(err, fault.Conflict("node.signature_differs")) {
		t.Errorf("PutSignature = %v, want node.signature_differs", err)
	}
	for _, path := range []string{"../../../key.pem", "manifest.json." + id + ".sig", "index.html." + id + ".sig"} {
		if err := in.desk(in.collective).PutSignature(t.Context(), path, make([]byte, 64)); err == nil {
			t.Errorf("PutSignature(%q) passed", path)
		}
	}
}

// TestCharterGrows lets a desk of a new charter version in and the old one out.
func TestCharterGrows(t *testing.T) {
	c, dir := newCollective(t), t.TempDir()
	r := start(t, c.config(dir))
	next, err := c.charter.Next(today)
	must(t, err)
	other := newCollective(t)
	next.Desks = other.charter.Desks
	chain := append(slices.Clone(c.chain), c.sign(t, next))
	must(t, r.desk(c).PutCharter(t.Context(), chain))
	if _, err := r.desk(c).Parcels(t.Context()); !errors.Is(err, fault.Forbidden("nodeapi.desk_unknown")) {
		t.Errorf("the old desk: %v, want nodeapi.desk_unknown", err)
	}
	if _, err := r.desk(other).Parcels(t.Context()); err != nil {
		t.Errorf("the new desk: %v", err)
	}
	if err := r.desk(other).PutCharter(t.Context(), other.chain); !errors.Is(err, fault.Forbidden("node.other_charter")) {
		t.Errorf("another collective's charter: %v, want node.other_charter", err)
	}
	must(t, r.desk(other).PutCharter(t.Context(), c.chain)) // an older one changes nothing
	got, err := r.client().Charter(t.Context())
	if err != nil || len(got) != 2 {
		t.Errorf("Charter = %d versions, %v", len(got), err)
	}
}

// TestDeskRequests replays and bends a desk's authorisation.
func TestDeskRequests(t *testing.T) {
	c := newCollective(t)
	r := start(t, c.config(t.TempDir()))
	call := func(method, path, body string, change func(*http.Request)) string {
		req, err := http.NewRequestWithContext(t.Context(), method, r.url+nodeapi.Base+path, strings.NewReader(body))
		must(t, err)
		must(t, nodeapi.Authorise(req, c.deskKey, r.Key(), canon.Hash([]byte(body)), time.Now()))
		change(req)
		res, err := http.DefaultClient.Do(req)
		must(t, err)
		defer res.Body.Close()
		var f nodeapi.Failure
		_ = json.NewDecoder(res.Body).Decode(&f)
		return f.Error.Key
	}
	stranger := newCollective(t).deskKey
	for _, test := range []struct {
		name, key string
		change    func(*http.Request)
	}{
		{"genuine", "", func(*http.Request) {}},
		{"another call", "nodeapi.desk_other_call", func(r *http.Request) { r.URL.Path = nodeapi.Base + "/desk/edition" }},
		{"another query", "nodeapi.desk_other_call", func(r *http.Request) { r.URL.RawQuery = "x=1" }},
		{"another body", "nodeapi.desk_other_call", func(req *http.Request) {
			must(t, nodeapi.Authorise(req, c.deskKey, r.Key(), canon.Hash([]byte("x")), time.Now()))
		}},
		{"another node", "nodeapi.desk_other_call", func(req *http.Request) {
			must(t, nodeapi.Authorise(req, c.deskKey, c.charter.Desks[0], canon.Hash(nil), time.Now()))
		}},
		{"another desk", "nodeapi.desk_unknown", func(req *http.Request) {
			must(t, nodeapi.Authorise(req, stranger, r.Key(), canon.Hash(nil), time.Now()))
		}},
		{"16 minutes late", "nodeapi.desk_clock", func(req *http.Request) {
			must(t, nodeapi.Authorise(req, c.deskKey, r.Key(), canon.Hash(nil), time.Now().Add(-16*time.Minute)))
		}},
		{"16 minutes early", "nodeapi.desk_clock", func(req *http.Request) {
			must(t, nodeapi.Authorise(req, c.deskKey, r.Key(), canon.Hash(nil), time.Now().Add(16*time.Minute)))
		}},
		{"nothing", "nodeapi.desk_only", func(r *http.Request) { r.Header.Del("Authorization") }},
		{"not base64", "nodeapi.desk_only", func(r *http.Request) { r.Header.Set("Authorization", "Kua %.%") }},
	} {
		if got := call("GET", "/desk/parcels", "", test.change); got != test.key {
			t.Errorf("%s: %q, want %q", test.name, got, test.key)
		}
	}
}

func TestSearch(t *testing.T) {
	c, dir := newCollective(t), t.TempDir()
	find := func(r *running, query string) (ids []string) {
		hits, err := r.Search(t.Context(), query, 10, 0)
		must(t, err)
		for _, h := range hits {
			ids = append(ids, h.Record.ID)
		}
		return ids
	}
	t.Run("published", func(t *testing.T) {
		r := start(t, c.config(dir))
		path2, doc2 := c.record(t, 2, 1, "Взятка на посту ещё раз")
		files := c.pages(t, "x")
		files[path2] = doc2
		req := c.publish(t, files)
		c.bring(t, r.desk(c))
		must(t, r.desk(c).Switch(t.Context(), req))
		for query, want := range map[string][]string{
			"bribe gate": {"000001"}, "GAT": {"000001"}, "еще": {"000002"}, "what happened": {"000002", "000001"},
			"000002": {"000002"}, "nothing": nil, "": nil, `" OR *`: nil, "gate NOT bribe": nil,
		} {
			if got := find(r, query); !slices.Equal(got, want) {
				t.Errorf("Search(%q) = %v, want %v", query, got, want)
			}
		}
	})
	r := start(t, c.config(dir))
	path, doc := c.record(t, 1, 2, "A bribe at the bridge")
	w := record.Record{Kind: record.Kind, ID: "000002", Version: 2, Previous: canon.Hash(c.files["records/0000/000002/v1.json"]),
		Status: record.Withdrawn, Day: today, Reason: record.Text{"en": "A witness asked for it."}}
	tomb, err := w.Bytes()
	must(t, err)
	c.sigs[w.Path()] = c.signatures(tomb)
	req := c.publish(t, map[string][]byte{path: doc, w.Path(): tomb}, "records/0000/000002/v1.json")
	c.bring(t, r.desk(c))
	must(t, r.desk(c).Switch(t.Context(), req))
	for query, want := range map[string][]string{"gate": nil, "bridge": {"000001"}, "еще": nil, "happened": {"000001"}} {
		if got := find(r, query); !slices.Equal(got, want) {
			t.Errorf("after correction and withdrawal: Search(%q) = %v, want %v", query, got, want)
		}
	}
	if res, _ := get(t, r.url+"/records/0000/000002/v1.json."+charter.KeyID(c.people[0].PublishKey())+".sig"); res.StatusCode != http.StatusNotFound {
		t.Errorf("signature of a document that left = %d", res.StatusCode)
	}
}

// TestSweep lets the clock of the files run on: what no edition names goes, what
// this one and the last one name stays, and so does what was just brought.
func TestSweep(t *testing.T) {
	c, dir := newCollective(t), t.TempDir()
	r := start(t, c.config(dir))
	desk := r.desk(c)
	must(t, desk.Switch(t.Context(), c.brought(t, r, map[string][]byte{"index.html": []byte("one")})))
	must(t, desk.Switch(t.Context(), c.brought(t, r, map[string][]byte{"index.html": []byte("two")})))
	must(t, desk.Switch(t.Context(), c.brought(t, r, map[string][]byte{"index.html": []byte("three")})))
	old := time.Now().Add(-72 * time.Hour)
	must(t, filepath.WalkDir(filepath.Join(dir, "edition", "files"), func(name string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			err = os.Chtimes(name, old, old)
		}
		return err
	}))
	fresh := []byte("just brought")
	must(t, desk.PutFile(t.Context(), canon.Hash(fresh), int64(len(fresh)), func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(fresh)), nil }))
	must(t, r.Tidy(t.Context()))
	for words, want := range map[string]bool{"one": false, "two": true, "three": true, "just brought": true} {
		missing, err := desk.Missing(t.Context(), []string{canon.Hash([]byte(words))})
		if err != nil || (len(missing) == 0) != want {
			t.Errorf("%q is there = %v, %v, want %v", words, len(missing) == 0, err, want)
		}
	}
	if res, got := get(t, r.url+"/"); res.StatusCode != http.StatusOK || string(got) != "three" {
		t.Errorf("front page = %d %s", res.StatusCode, got)
	}
}

func (c *collective) brought(t *testing.T, r *running, changed map[string][]byte) nodeapi.SwitchRequest {
	t.Helper()
	req := c.publish(t, changed)
	c.bring(t, r.desk(c))
	return req
}
