package desk

import (
	"context"
	"errors"
	"fmt"
	"html"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"kua/internal/edition"
	"kua/internal/fault"
	"kua/internal/keyring"
	"kua/internal/stamp/stamptest"
	"kua/internal/verify"
)

func stampService(t testing.TB, o stamptest.Options) *stamptest.Service {
	t.Helper()
	s, err := stamptest.Start(o)
	ok(t, err)
	t.Cleanup(s.Close)
	s.Now = func() time.Time { return today.Add(time.Minute) }
	return s
}

// stamped is what kua verify finds of a desk's tree.
func (c *collective) stamped(d *Desk) []verify.Stamped {
	c.t.Helper()
	return c.verify(d).Stamps
}

// TestStamps: what an edition left of the log is stamped when it is out, the stamps come with
// the next one and hold, and a service that fails holds up nothing and is asked again.
func TestStamps(t *testing.T) {
	ctx := context.Background()
	c := newCollective(t)
	d := c.open(c.aigul)
	aigul, both := c.sit(d, c.aigul), []*keyring.Person{c.aigul, c.timur}
	validity := stamptest.Options{From: today.AddDate(-1, 0, 0), To: today.AddDate(1, 0, 0)}
	one := stampService(t, validity)
	validity.Name = "Other Stamps"
	other := stampService(t, validity)

	ok(t, d.beat(ctx, both))
	if all, err := d.Stamp(ctx); err != nil || len(all) != 0 {
		t.Errorf("with no service: %v, %v", all, err)
	}
	for _, s := range []*stamptest.Service{one, other} {
		if _, err := aigul.AddStampService(ctx, s.URL, s.Roots); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := aigul.AddStampService(ctx, one.URL+"2", one.Roots); !errors.Is(err, fault.Conflict("desk.stamp_there")) {
		t.Errorf("the same roots again: %v", err)
	}
	other.Status = http.StatusBadGateway
	ok(t, d.beat(ctx, both)) // edition 2: one stamps it, the other does not
	states, err := d.Stamps(ctx)
	ok(t, err)
	byURL := map[string]StampState{}
	for _, s := range states {
		byURL[s.URL] = s
	}
	if s := byURL[one.URL]; !s.Stamped || s.Fault != nil || s.Edition != 2 || s.Root != "CN=Made-up Stamps Root" {
		t.Errorf("the one: %+v", s)
	}
	if s := byURL[other.URL]; s.Stamped || !errors.Is(s.Fault, fault.Later("stamp.refused")) || s.Asked.IsZero() {
		t.Errorf("the other: %+v", s)
	}
	if got := c.stamped(d); len(got) != 0 {
		t.Errorf("edition 2 has stamps already: %+v", got)
	}
	other.Status = 0
	var roots []byte
	ok(t, d.db.SQL().QueryRowContext(ctx, `SELECT roots FROM stamp_services WHERE url = ?1`, other.URL).Scan(&roots))
	_, err = d.db.SQL().ExecContext(ctx, `UPDATE stamp_services SET roots = ?2 WHERE url = ?1`, other.URL, []byte("torn"))
	ok(t, err)
	states, err = d.Stamps(ctx)
	ok(t, err)
	for _, s := range states { // the others are told of all the same
		if torn := s.URL == other.URL; len(states) != 2 || torn != (s.Root == "") || torn != (s.Fault != nil) {
			t.Errorf("with torn roots of one: %+v", s)
		}
	}
	_, err = d.db.SQL().ExecContext(ctx, `UPDATE stamp_services SET roots = ?2 WHERE url = ?1`, other.URL, roots)
	ok(t, err)
	asked, others := len(one.Asked()), len(other.Asked())
	if _, err := d.Stamp(ctx); err != nil {
		t.Fatal(err)
	}
	if len(one.Asked()) != asked || len(other.Asked()) != others+1 {
		t.Errorf("the one was asked %d times more, the other %d", len(one.Asked())-asked, len(other.Asked())-others)
	}
	ok(t, aigul.RemoveStampService(ctx, other.URL)) // what it stamped is published all the same
	if err := aigul.RemoveStampService(ctx, other.URL); !errors.Is(err, fault.NotFound("desk.no_stamp_service")) {
		t.Errorf("removed twice: %v", err)
	}
	ok(t, d.beat(ctx, both)) // edition 3
	got := c.stamped(d)
	if len(got) != 2 || got[0].Edition != 2 || got[1].Edition != 2 || got[0].Root == got[1].Root || got[0].NotLater != today.Add(time.Minute+time.Second).Format(time.RFC3339) {
		t.Fatalf("the stamps of edition 3: %+v", got)
	}
	if n := len(one.Asked()) - asked; n != 1 {
		t.Errorf("after edition 3 the one was asked %d times", n)
	}
	ok(t, d.beat(ctx, both)) // edition 4 keeps what is there
	if got := c.stamped(d); len(got) != 3 {
		t.Errorf("the stamps of edition 4: %+v", got)
	}
	now, err1 := d.edition()
	cp, err2 := d.checkpoint()
	ok(t, errors.Join(err1, err2))
	if now.manifest.Log.Size+1 != cp.Size { // its own entry is the next and last
		t.Errorf("the manifest names a log of %d entries; the log has %d", now.manifest.Log.Size, cp.Size)
	}
	if _, err := d.Check(ctx); err != nil {
		t.Error(err)
	}
	c.pageSays(d, got[0].Edition+1)
}

// pageSays does exactly what the page about checking says of time stamps, with a copy of the
// edition on the web: bash, curl, openssl, date.
func (c *collective) pageSays(d *Desk, stamped int) {
	c.t.Helper()
	page, err := os.ReadFile(filepath.Join(d.Tree(), "en", "verify.html"))
	ok(c.t, err)
	copied := httptest.NewServer(http.FileServerFS(os.DirFS(d.Tree())))
	defer copied.Close()
	run := func(dir string) (said string, failed bool) {
		commands := 0
		for _, block := range regexp.MustCompile(`(?s)<pre tabindex="0">(.*?)</pre>`).FindAllStringSubmatch(string(page), -1) {
			for line := range strings.Lines(html.UnescapeString(block[1])) {
				if strings.HasPrefix(line, "kua ") {
					continue
				}
				commands++
				cmd := exec.Command("bash", "-c", line)
				cmd.Dir, cmd.Env = dir, append(os.Environ(), "B="+copied.URL)
				out, err := cmd.CombinedOutput()
				said += "$ " + line + string(out)
				if err != nil {
					return said, true
				}
			}
		}
		return said, commands < 5
	}
	dir := c.t.TempDir()
	said, failed := run(dir)
	for _, want := range []string{"Verification: OK", "Nov 21 10:31:00 2026 GMT", "CN = Made-up Stamps Root", "Signature Verified Successfully"} {
		if failed || !strings.Contains(said, want) {
			c.t.Fatalf("the page's commands do not say %q:\n%s", want, said)
		}
	}
	note, err1 := os.ReadFile(filepath.Join(dir, "log", "checkpoint"))
	was, err2 := os.ReadFile(filepath.Join(d.Tree(), edition.StampedPath(stamped)))
	if ok(c.t, errors.Join(err1, err2)); string(note) != string(was) {
		c.t.Errorf("the checkpoint that lies there then: %s", note)
	}
	tampered := filepath.Join(d.Tree(), edition.StampedPath(stamped))
	ok(c.t, os.WriteFile(tampered, append(was, '\n'), 0o644))
	if said, failed := run(c.t.TempDir()); !failed {
		c.t.Errorf("a changed checkpoint passes:\n%s", said)
	}
}

// TestStampInTheClear: over plain http nobody is asked but through Tor, and at a courier's
// folder nobody at all.
func TestStampInTheClear(t *testing.T) {
	ctx := context.Background()
	c := newCollective(t)
	s := stampService(t, stamptest.Options{})
	var asked []string
	config := c.config()
	config.HTTP = &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
		asked = append(asked, r.URL.Host)
		return nil, errors.New("nobody there")
	})}
	for _, c2 := range []struct {
		tor, hand bool
		want      error
		asks      bool
	}{{false, false, fault.Forbidden("desk.stamp_plain"), false}, {true, false, fault.Later("stamp.unreachable"), true}, {false, true, fault.Conflict("desk.stamp_by_hand"), false}} {
		config.Tor, config.Hand = c2.tor, c2.hand
		d, err := Open(ctx, config, c.aigul)
		ok(t, err)
		if now, err := d.edition(); err != nil || now.number == 0 {
			ok(t, d.beat(ctx, []*keyring.Person{c.aigul, c.timur}))
			_, err = c.sit(d, c.aigul).AddStampService(ctx, "http://stamps.example/tsr", s.Roots)
			ok(t, err)
		}
		asked = nil
		all, err := d.Stamp(ctx)
		if err == nil {
			err = all[0].Fault
		}
		f, _ := fault.Of(err)
		want, _ := fault.Of(c2.want)
		if f == nil || f.Key != want.Key || (len(asked) > 0) != c2.asks {
			t.Errorf("Tor %v, by hand %v: %v, asked %v", c2.tor, c2.hand, err, asked)
		}
		if _, err := d.Publish(ctx, nil); err != nil {
			t.Errorf("Tor %v, by hand %v: publishing fails: %v", c2.tor, c2.hand, err)
		}
		ok(t, d.Close())
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// TestKilledWhileStamping kills the desk with an answer in its hands, and when it has kept it:
// the next publishing goes on, and the edition after has one stamp.
func TestKilledWhileStamping(t *testing.T) {
	ctx := context.Background()
	c := newCollective(t)
	s := stampService(t, stamptest.Options{From: today.AddDate(-1, 0, 0), To: today.AddDate(1, 0, 0)})
	d := c.open(c.aigul)
	_, err := c.sit(d, c.aigul).AddStampService(ctx, s.URL, s.Roots)
	ok(t, err)
	p, err := c.sit(d, c.aigul).Propose(ctx, nil)
	ok(t, err)
	c.close(d)
	before := filepath.Join(t.TempDir(), "copy")
	ok(t, os.CopyFS(before, os.DirFS(c.dir)))
	for i, point := range []string{"stamp: answered", "stamp: kept"} {
		c.restore(before)
		if !c.run(order{Act: "publish", Proposal: p.ID, DieAt: point}, 0) {
			t.Fatalf("it was not killed at %q", point)
		}
		asked := len(s.Asked())
		d := c.open(c.aigul)
		_, err := d.Publish(ctx, nil)
		ok(t, err)
		if n := len(s.Asked()) - asked; n != 1-i {
			t.Errorf("killed at %q: asked %d times again", point, n)
		}
		ok(t, d.beat(ctx, []*keyring.Person{c.aigul, c.timur}))
		if got := c.stamped(d); len(got) != 1 || got[0].Edition != 1 {
			t.Errorf("killed at %q: %s", point, fmt.Sprint(got))
		}
		c.close(d)
	}
}
