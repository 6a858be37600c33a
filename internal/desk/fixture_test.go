package desk

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"kua/internal/casefile"
	"kua/internal/charter"
	"kua/internal/keyring"
	"kua/internal/media"
	"kua/internal/parcel"
	"kua/internal/receipt"
	"kua/internal/redact"
	"kua/internal/spread"
	"kua/internal/tlog/appender"
)

// TestMain is also the inside of the media box, and the desk that is killed.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "box" {
		os.Exit(media.RunBoxed(os.Args[2:]))
	}
	if os.Getenv(victimEnv) != "" {
		os.Exit(victim())
	}
	os.Exit(m.Run())
}

var today = time.Date(2026, 11, 21, 10, 30, 0, 0, time.UTC)

// Canaries: words that must never be found at rest outside of what is public.
const (
	canaryText  = "CANARY-text-of-the-report"
	canaryName  = "CANARY-name-of-the-file.jpg"
	canaryNote  = "CANARY-note-on-the-case"
	canaryReply = "CANARY-reply-to-the-witness"
	canaryBytes = "CANARY-bytes-of-the-film"
)

// collective is a made-up desk with its people and one node.
type collective struct {
	t       testing.TB
	dir     string
	aigul   *keyring.Person
	timur   *keyring.Person
	dana    *keyring.Person // not of the desk at first
	chain   charter.Chain
	logKey  string
	deskKey ed25519.PrivateKey
	node    *testNode
	kinds   map[string]spread.Kind
	now     time.Time
}

func newCollective(t testing.TB) *collective {
	t.Helper()
	n := newTestNode(t)
	c := newCollectiveAt(t, n.url(), n.key())
	c.node = n
	return c
}

// newCollectiveAt founds the desk of a collective with one node.
func newCollectiveAt(t testing.TB, url, nodeKey string) *collective {
	t.Helper()
	c := &collective{t: t, dir: t.TempDir(), now: today}
	for name, p := range map[string]**keyring.Person{"Aigul": &c.aigul, "Timur": &c.timur, "Dana": &c.dana} {
		person, err := keyring.NewPerson(name)
		ok(t, err)
		*p = person
	}
	_, key, err := ed25519.GenerateKey(rand.Reader)
	ok(t, err)
	c.deskKey = key
	private, public, err := appender.NewKey("kua.example/log")
	ok(t, err)
	c.logKey = private
	first := charter.Charter{
		Kind: charter.Kind, Version: 1, Name: map[string]string{"en": "Made-up Collective", "ru": "Выдуманное общество"},
		Languages: []string{"en", "ru"}, People: []charter.Person{c.aigul.Public("2026-11-01"), c.timur.Public("2026-11-01")}, Threshold: 2,
		Log: charter.Log{Origin: "kua.example/log", Key: public}, Desks: []string{base64.StdEncoding.EncodeToString(key.Public().(ed25519.PublicKey))},
		Nodes: []charter.Node{{URL: url, Key: nodeKey}}, Made: "2026-11-20",
	}
	c.chain = charter.Chain{c.sign(first, c.aigul, c.timur)}
	ok(t, Create(context.Background(), c.config(), Founding{Chain: c.chain, LogKey: c.logKey, DeskKey: c.deskKey}))
	return c
}

func (c *collective) sign(next charter.Charter, people ...*keyring.Person) charter.Signed {
	c.t.Helper()
	doc, err := next.Bytes()
	ok(c.t, err)
	s := charter.Signed{Document: string(doc), Signatures: charter.Signatures{}}
	for _, p := range people {
		s.Signatures[charter.KeyID(p.PublishKey())] = p.Sign(doc)
	}
	return s
}

// next makes the next version of the charter.
func (c *collective) next(change func(*charter.Charter)) charter.Chain {
	c.t.Helper()
	now, err := c.chain.Verify("")
	ok(c.t, err)
	id, err := now.ID()
	ok(c.t, err)
	now.Version, now.Previous = now.Version+1, id
	change(&now)
	c.chain = append(c.chain[:len(c.chain):len(c.chain)], c.sign(now, c.aigul, c.timur))
	return c.chain
}

func (c *collective) config() Config {
	self, err := os.Executable()
	ok(c.t, err)
	return Config{Dir: c.dir, Self: self, Style: []byte("body{margin:0}"), Preset: "ultrafast", Tries: 1, Now: func() time.Time { return c.now }, Kinds: c.kinds}
}

// open opens the desk as a person; the test closes it.
func (c *collective) open(p *keyring.Person) *Desk {
	c.t.Helper()
	d, err := Open(context.Background(), c.config(), p)
	ok(c.t, err)
	c.t.Cleanup(func() {
		if d.db != nil {
			d.Close()
		}
	})
	return d
}

func (c *collective) close(d *Desk) {
	c.t.Helper()
	ok(c.t, d.Close())
	d.db = nil
}

func (c *collective) sit(d *Desk, p *keyring.Person) *Seat {
	c.t.Helper()
	s, err := d.Sit(p)
	ok(c.t, err)
	return s
}

// told is a report on its way, and what its witness keeps.
type told struct {
	id      string
	receipt receipt.Receipt
	keys    receipt.Keys
	files   [][]byte
}

// tell seals a report with files and leaves it at the node.
func (c *collective) tell(consent parcel.Consent, files ...[]byte) told {
	c.t.Helper()
	now, err := c.chain.Verify("")
	ok(c.t, err)
	return c.tellTo(now.Recipients(), consent, files...)
}

func (c *collective) tellTo(recipients []string, consent parcel.Consent, files ...[]byte) told {
	c.t.Helper()
	sealed, report := c.seal(recipients, consent, files...)
	report.id = c.node.hold(c.t, sealed)
	return report
}

// seal makes a report as a witness's device does.
func (c *collective) seal(recipients []string, consent parcel.Consent, files ...[]byte) ([]byte, told) {
	c.t.Helper()
	r := receipt.New()
	keys, err := r.Derive()
	ok(c.t, err)
	report := parcel.Report{
		Kind: parcel.ReportKind, What: "beating", Text: "At the bazaar. " + canaryText, Where: "Жаңа базар", Point: &parcel.Point{Lat: 43.238949, Lon: 76.889709},
		Consent: consent, Language: "en", Reply: keys.ReplyRecipient, Mailbox: keys.Mailbox, Blind: fmt.Sprintf("%x", keys.Blind), Written: "2026-11-20",
	}
	var sources []parcel.Source
	for _, b := range files {
		sources = append(sources, parcel.Source{Name: canaryName, Type: "image/jpeg", Size: int64(len(b)),
			Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b)), nil }})
	}
	var sealed bytes.Buffer
	ok(c.t, parcel.Seal(&sealed, report, sources, recipients, nil))
	return sealed.Bytes(), told{receipt: r, keys: keys, files: files}
}

// photo is a small JPEG with words planted behind its picture.
func photo(t testing.TB) []byte {
	t.Helper()
	m := image.NewRGBA(image.Rect(0, 0, 320, 240))
	for y := range 240 {
		for x := range 320 {
			m.Set(x, y, color.RGBA{uint8(x), uint8(y), uint8(x ^ y), 255})
		}
	}
	var b bytes.Buffer
	ok(t, jpeg.Encode(&b, m, nil))
	b.WriteString(canaryBytes)
	return b.Bytes()
}

// film is two seconds of moving picture and tone.
func film(t testing.TB) []byte {
	t.Helper()
	b, err := oneFilm()
	ok(t, err)
	return bytes.Clone(b)
}

// oneFilm is made once for all tests: starting ffmpeg takes longer than its work.
var oneFilm = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "film")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	name := filepath.Join(dir, "film.mp4")
	out, err := exec.Command("ffmpeg", "-v", "error", "-nostdin", "-f", "lavfi", "-i", "testsrc2=s=320x240:r=10:d=2", "-f", "lavfi", "-i", "sine=d=2",
		"-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-c:a", "aac", "-metadata", "title="+canaryBytes, name).CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("ffmpeg: %w\n%s", err, out)
	}
	return os.ReadFile(name)
})

// casework takes a report from the inbox to a draft that can be proposed.
func (c *collective) casework(s *Seat, id string) int64 {
	c.t.Helper()
	ctx := context.Background()
	r, err := s.Report(ctx, id)
	ok(c.t, err)
	caseID, err := s.OpenCase(ctx, id)
	ok(c.t, err)
	ok(c.t, s.d.WaitIdle(ctx))
	r, err = s.d.Received(ctx, id)
	ok(c.t, err)
	for _, o := range r.Originals {
		c.render(s, o.ID)
	}
	draft, base, err := s.d.Draft(ctx, caseID)
	ok(c.t, err)
	fill(&draft)
	_, err = s.SaveDraft(ctx, caseID, draft, base)
	ok(c.t, err)
	c.answerLinks(s, caseID)
	lacks, err := s.d.CheckDraft(ctx, caseID)
	ok(c.t, err)
	if lacks != nil {
		c.t.Fatalf("the draft lacks %v", lacks)
	}
	return caseID
}

// wait waits for a job that was just started, which must succeed.
func (c *collective) wait(s *Seat, job int64, err error) {
	c.t.Helper()
	ok(c.t, err)
	j, err := s.d.WaitJob(context.Background(), job, nil)
	ok(c.t, err)
	if j.State != "done" {
		c.t.Fatalf("%s ended as %s: %v", j.Kind, j.State, j.Fault)
	}
}

// save changes an original's plan as somebody who went through all of it.
func (c *collective) save(s *Seat, original int64, change func(*redact.Plan)) {
	c.t.Helper()
	plan, base, err := s.d.Plan(context.Background(), original)
	ok(c.t, err)
	change(&plan)
	plan.Reviewed = true
	_, _, err = s.SavePlan(context.Background(), original, plan, base)
	ok(c.t, err)
}

// remake saves a changed plan and renders it.
func (c *collective) remake(s *Seat, original int64, change func(*redact.Plan)) {
	c.t.Helper()
	c.save(s, original, change)
	job, err := s.Render(context.Background(), original)
	c.wait(s, job, err)
}

// render shows all of an original and answers what is seen in it.
func (c *collective) render(s *Seat, original int64) {
	c.t.Helper()
	ctx := context.Background()
	c.remake(s, original, func(p *redact.Plan) { p.Covered = false })
	hits, err := s.d.Hits(ctx, original)
	ok(c.t, err)
	for _, h := range hits {
		ok(c.t, s.AnswerHit(ctx, original, h.ID, "a test picture"))
	}
}

// answerLinks answers every warning that an exhibit leads to another report.
func (c *collective) answerLinks(s *Seat, caseID int64) {
	c.t.Helper()
	ctx := context.Background()
	draft, base, err := s.d.Draft(ctx, caseID)
	ok(c.t, err)
	warnings, err := s.d.linkWarnings(ctx, draft)
	ok(c.t, err)
	if len(warnings) == 0 {
		return
	}
	for _, w := range warnings {
		draft.Accepted[w.ID] = "made up, both of them"
	}
	_, err = s.SaveDraft(ctx, caseID, draft, base)
	ok(c.t, err)
}

// fill writes a record's words and answers every warning.
func fill(draft *casefile.Draft) {
	both := func(en, ru string) casefile.Text { return casefile.Text{"en": en, "ru": ru} }
	draft.Title = both("A beating at the bazaar", "Избиение на базаре")
	draft.Summary = both("Two officers beat a driver.", "Двое полицейских избили водителя.")
	draft.From = "2026-11-19"
	draft.Known = []casefile.Text{both("The film shows it.", "Это видно на записи.")}
	draft.Claims = []casefile.Claim{{Source: both("The police", "Полиция"), Words: both("Nothing happened.", "Ничего не было."), Day: "2026-11-20"}}
	draft.Place.Words = both("Almaty", "Алматы")
	draft.Place.Coarseness = casefile.Region
	draft.Accepted = map[string]string{"place": "only the town"}
	for _, m := range draft.Media {
		draft.Accepted[fmt.Sprintf("face original %d", m.Original)] = "nobody is to be seen"
	}
}

// publish takes a case through two people's signatures and out.
func (c *collective) publish(d *Desk, cases ...int64) Published {
	c.t.Helper()
	ctx := context.Background()
	p, err := c.sit(d, c.aigul).Propose(ctx, casefile.Checklist(), cases...)
	ok(c.t, err)
	p, err = c.sit(d, c.timur).Approve(ctx, p.ID, casefile.Checklist())
	ok(c.t, err)
	if p.State != Approved && p.State != Done {
		c.t.Fatalf("after two signatures the proposal is %s", p.State)
	}
	out, err := d.Publish(ctx, nil)
	ok(c.t, err)
	return out
}

func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
