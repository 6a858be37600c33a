package desk

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"kua/internal/casefile"
	"kua/internal/desk/deskdb"
	"kua/internal/evidence"
	"kua/internal/fault"
	"kua/internal/likeness"
	"kua/internal/parcel"
	"kua/internal/trace"
)

// made runs ffmpeg and gives the film that it made.
func made(t testing.TB, args ...string) []byte {
	t.Helper()
	name := filepath.Join(t.TempDir(), "made.mp4")
	out, err := exec.Command("ffmpeg", append(append([]string{"-v", "error", "-nostdin"}, args...), "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", name)...).CombinedOutput()
	if err != nil {
		t.Fatalf("ffmpeg: %v\n%s", err, out)
	}
	b, err := os.ReadFile(name)
	ok(t, err)
	return b
}

// again encodes a film anew, smaller and without its first second.
func again(t testing.TB, film []byte) []byte {
	t.Helper()
	name := filepath.Join(t.TempDir(), "first.mp4")
	ok(t, os.WriteFile(name, film, 0o600))
	return made(t, "-i", name, "-ss", "1.1", "-vf", "scale=240:180", "-crf", "34", "-an")
}

// TestPublishedFilmIsRecognised: a new film that is an old one encoded anew is
// a warning to be answered before it is proposed; another film is none; and no
// hash of a picture leaves the desk's encrypted database.
func TestPublishedFilmIsRecognised(t *testing.T) {
	ctx := context.Background()
	c := newCollective(t)
	var diary bytes.Buffer
	cfg := c.config()
	cfg.Diary = slog.New(slog.NewTextHandler(&diary, &slog.HandlerOptions{Level: slog.LevelDebug}))
	d, err := Open(ctx, cfg, c.aigul)
	ok(t, err)
	defer func() { c.close(d) }()
	aigul := c.sit(d, c.aigul)

	first := c.tell(parcel.Consent{Face: true, Voice: true, Place: true}, made(t, "-f", "lavfi", "-i", "testsrc2=s=320x240:r=10:d=5"))
	_, err = d.Collect(ctx, nil)
	ok(t, err)
	shown := c.casework(aigul, first.id)
	c.publish(d, shown)

	copied := c.tell(parcel.Consent{Face: true, Voice: true, Place: true}, again(t, first.files[0]))
	other := c.tell(parcel.Consent{Face: true, Voice: true, Place: true}, made(t, "-f", "lavfi", "-i", "mandelbrot=s=320x240:r=10", "-t", "3"))
	_, err = d.Collect(ctx, nil)
	ok(t, err)
	aigul = c.sit(d, c.aigul)
	id, err := aigul.OpenCase(ctx, copied.id)
	ok(t, err)
	ok(t, d.WaitIdle(ctx))
	r, err := d.Received(ctx, copied.id)
	ok(t, err)
	c.render(aigul, r.Originals[0].ID)
	draft, base, err := d.Draft(ctx, id)
	ok(t, err)
	fill(&draft)
	_, err = aigul.SaveDraft(ctx, id, draft, base)
	ok(t, err)

	v, err := d.Case(ctx, id)
	ok(t, err)
	var alike []casefile.Warning
	for _, w := range v.Warnings {
		if w.What == casefile.LooksLike {
			alike = append(alike, w)
		}
	}
	if len(alike) != 1 || len(alike[0].Links) != 1 {
		t.Fatalf("warnings of a likeness: %+v", alike)
	}
	l := alike[0].Links[0]
	if !l.Public || l.Record != "000001" || l.Case != shown || l.Strength != string(likeness.Same) || l.Turned || l.Parcel != first.id || l.Day == "" {
		t.Errorf("the copy leads to %+v", l)
	}
	lacks, err := d.CheckDraft(ctx, id)
	ok(t, err)
	if !slicesHas(lacks, fault.Conflict("desk.warning.link.looks_like")) {
		t.Errorf("the draft lacks %v", lacks)
	}
	if _, err := aigul.Propose(ctx, casefile.Checklist(), id); err == nil {
		t.Error("it is proposed with the likeness unanswered")
	}
	// The published one, looked at again, leads to the copy, which is not public.
	links, err := d.Links(ctx, shown)
	ok(t, err)
	if len(links) != 1 || len(links[0].Links) != 1 || links[0].Links[0].Public || links[0].Links[0].Case != id {
		t.Errorf("the first film leads to %+v", links)
	}
	if !links[0].Compared || links[0].Pictures != nil {
		t.Errorf("the first film was compared %t, %v", links[0].Compared, links[0].Pictures)
	}

	// An answer is good for these links, and not for one more.
	c.answerLinks(aigul, id)
	if lacks, err = d.CheckDraft(ctx, id); err != nil || lacks != nil {
		t.Errorf("answered, the draft lacks %v, %v", lacks, err)
	}
	r, err = d.Received(ctx, other.id)
	ok(t, err)
	otherLinks, err := d.db.Links(ctx, r.Originals[0].ID)
	ok(t, err)
	for _, l := range otherLinks {
		if l.Kind == casefile.LooksLike {
			t.Errorf("another film looks like report %d", l.Report)
		}
	}
	c.publish(d, id)
	c.noPrints(d, diary.Bytes())
}

func slicesHas(list []error, want error) bool {
	for _, err := range list {
		if errors.Is(err, want) {
			return true
		}
	}
	return false
}

// noPrints searches everything that lies open for the hashes of the pictures,
// as bytes, in both orders, and in hex.
func (c *collective) noPrints(d *Desk, diary []byte) {
	c.t.Helper()
	var needles [][]byte
	ok(c.t, d.db.Prints(context.Background(), func(_ int64, plain []byte) error {
		p, err := likeness.Parse(bytes.Clone(plain), nil)
		for _, f := range p.Frames {
			b := f.Hashes[0].Bytes()
			needles = append(needles, bytes.Clone(b[:]), []byte(f.Hashes[0].String()), []byte(strings.ToUpper(f.Hashes[0].String())))
			for i, j := 0, len(b)-1; i < j; i, j = i+1, j-1 {
				b[i], b[j] = b[j], b[i]
			}
			needles = append(needles, bytes.Clone(b[:]))
		}
		return err
	}))
	if len(needles) < 20 {
		c.t.Fatalf("only %d spellings of hashes to look for", len(needles))
	}
	files := 0
	search := func(name string, b []byte) {
		files++
		for _, n := range needles {
			if bytes.Contains(b, n) {
				c.t.Errorf("%s holds a perceptual hash", name)
				return
			}
		}
	}
	search("the diary", diary)
	ok(c.t, filepath.WalkDir(c.dir, func(name string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		b, err := os.ReadFile(name)
		search(name, b)
		return err
	}))
	if files < 50 {
		c.t.Errorf("only %d files were searched", files)
	}
}

// TestSameDeviceIsTold: two reports whose files name one serial number are tied,
// before either is public, and the number itself is not in what is kept.
func TestSameDeviceIsTold(t *testing.T) {
	ctx := context.Background()
	c := newCollective(t)
	one, two := c.tell(parcel.Consent{}, photo(t)), c.tell(parcel.Consent{}, photo(t))
	d := c.open(c.aigul)
	_, err := d.Collect(ctx, nil)
	ok(t, err)
	ok(t, d.WaitIdle(ctx))
	const serial = "CANARY-SERIAL-0017"
	sheet := trace.Sheet{Facts: []trace.Fact{{Kind: trace.Serial, Name: "BodySerialNumber", Value: serial}}}
	var ids []int64
	for _, report := range []told{one, two} {
		r, err := d.Received(ctx, report.id)
		ok(t, err)
		o := r.Originals[0]
		marks, err := d.marks(ctx, o, sheet, likeness.Prints{})
		ok(t, err)
		for _, m := range marks {
			if bytes.Contains(m.Sealed[:], []byte(serial)) {
				t.Error("a mark is kept in the clear")
			}
		}
		ok(t, d.db.Compare(ctx, o.ID, deskdb.Comparing{Marks: marks}))
		ids = append(ids, o.ID)
	}
	links, err := d.db.Links(ctx, ids[1])
	ok(t, err)
	if len(links) != 1 || links[0].Kind != casefile.SameDevice || links[0].Parcel != one.id || links[0].Public || links[0].Case != 0 {
		t.Errorf("the second photo leads to %+v", links)
	}
}

// TestUncomparedIsNotProposed: as long as nobody has compared an exhibit it
// cannot go out, and the next start compares it.
func TestUncomparedIsNotProposed(t *testing.T) {
	ctx := context.Background()
	c := newCollective(t)
	d, id := c.ready()
	_, err := d.db.SQL().ExecContext(ctx, `DELETE FROM compared`)
	ok(t, err)
	lacks, err := d.CheckDraft(ctx, id)
	ok(t, err)
	if !slicesHas(lacks, fault.Later("desk.not_compared")) {
		t.Errorf("the draft lacks %v", lacks)
	}
	if _, err := c.sit(d, c.aigul).Propose(ctx, casefile.Checklist(), id); err == nil {
		t.Error("an original that nobody compared is proposed")
	}
	c.close(d)
	d = c.open(c.aigul)
	ok(t, d.WaitIdle(ctx))
	if lacks, err = d.CheckDraft(ctx, id); err != nil || lacks != nil {
		t.Errorf("after the next start the draft lacks %v, %v", lacks, err)
	}
}

// TestChecklist: neither the first nor the second person signs without the
// whole list, and that they went through it stands in custody.
func TestChecklist(t *testing.T) {
	ctx := context.Background()
	c := newCollective(t)
	d, id := c.ready()
	aigul, timur := c.sit(d, c.aigul), c.sit(d, c.timur)
	most := casefile.Checklist()[1:]
	if _, err := aigul.Propose(ctx, most, id); !errors.Is(err, fault.Conflict("casefile.unchecked")) {
		t.Errorf("proposing with one item left out: %v", err)
	}
	p, err := aigul.Propose(ctx, casefile.Checklist(), id)
	ok(t, err)
	if _, err := timur.Approve(ctx, p.ID, nil); !errors.Is(err, fault.Conflict("casefile.unchecked")) {
		t.Errorf("approving without the list: %v", err)
	}
	_, err = timur.Approve(ctx, p.ID, casefile.Checklist())
	ok(t, err)
	events, err := d.Custody(ctx, id)
	ok(t, err)
	by := make(map[string]bool)
	for _, e := range events {
		if e.Verb == evidence.Checked {
			by[e.By] = strings.Contains(e.Detail, strings.Join(casefile.Checklist(), ", "))
		}
	}
	if !by["Aigul"] || !by["Timur"] || len(by) != 2 {
		t.Errorf("custody says of the checklist: %v", by)
	}
	_, err = d.Publish(ctx, nil)
	ok(t, err)
	// An edition that shows nothing new has nothing to go through.
	if _, err := aigul.Propose(ctx, nil); err != nil {
		t.Errorf("renewing the edition: %v", err)
	}
}
