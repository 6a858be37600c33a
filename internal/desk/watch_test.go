package desk

import (
	"bytes"
	"context"
	"errors"
	"image"
	"image/color"
	"image/draw"
	"image/jpeg"
	_ "image/png"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"kua/internal/casefile"
	"kua/internal/fault"
	"kua/internal/gate"
	"kua/internal/parcel"
	"kua/internal/redact"
)

// TestLookAndFollow finds the shot of a film and follows a box through it: the
// plan gets what was found, the track waits to be taken.
func TestLookAndFollow(t *testing.T) {
	ctx := context.Background()
	c := newCollective(t)
	c.tell(parcel.Consent{}, film(t))
	d := c.open(c.aigul)
	s := c.sit(d, c.aigul)
	_, err := d.Collect(ctx, nil)
	ok(t, err)
	ok(t, d.WaitIdle(ctx))

	job, err := s.Look(ctx, 1)
	ok(t, err)
	j, err := d.WaitJob(ctx, job, nil)
	ok(t, err)
	ok(t, j.Fault)
	plan, version, err := d.Plan(ctx, 1)
	ok(t, err)
	if version != 1 || len(plan.Shots) != 1 || plan.Shots[0].To != plan.Duration || !plan.Shots[0].Covered || plan.By != "" {
		t.Errorf("version %d after a look: %+v", version, plan)
	}

	box := redact.Track{ID: "t1", Label: "the clock", W: 60, H: 60, To: plan.Duration, Points: []redact.Point{{X: 130, Y: 90}}}
	job, err = s.Follow(ctx, 1, box, 800)
	ok(t, err)
	other, err := s.Follow(ctx, 1, box, 900)
	ok(t, err)
	if other == job {
		t.Error("two boxes of one original are one job")
	}
	for _, id := range []int64{job, other} {
		j, err = d.WaitJob(ctx, id, nil)
		ok(t, err)
		ok(t, j.Fault)
		if j.Original != 1 {
			t.Errorf("the job is about original %d", j.Original)
		}
	}
	track, done, err := d.Followed(ctx, job)
	ok(t, err)
	if !done || track.ID != "t1" || track.Label != "the clock" || track.By != "Aigul" || track.Source != redact.Tracker || track.W < 60 || len(track.Points) == 0 {
		t.Errorf("followed, done %v: %+v", done, track)
	}
	if _, now, _ := d.Plan(ctx, 1); now != version {
		t.Error("following saved a plan by itself")
	}
	if _, err := s.Follow(ctx, 1, box, 99_000); !errors.Is(err, fault.Invalid("redact.point_time")) {
		t.Errorf("behind the end: %v", err)
	}

	if _, err := s.Viewing(ctx, 1); !errors.Is(err, fault.NotFound("desk.no_viewing")) {
		t.Errorf("a viewing copy that nobody made: %v", err)
	}
	// Nothing uncovered may lie on a disk, not even for a while: it is made where no disk is.
	ok(t, os.RemoveAll(d.cfg.Scratch))
	ok(t, os.WriteFile(d.cfg.Scratch, nil, 0o600))
	job, err = s.MakeViewing(ctx, 1)
	ok(t, err)
	j, err = d.WaitJob(ctx, job, nil)
	ok(t, err)
	ok(t, j.Fault)
	killed, err := d.viewingRoom()
	ok(t, err)
	ok(t, os.WriteFile(filepath.Join(killed, "480p.mp4"), nil, 0o600))
	c.close(d)
	d = c.open(c.timur)
	if left, err := filepath.Glob(killed); err != nil || len(left) > 0 {
		t.Errorf("left in memory: %v, %v", left, err)
	}
	watched(t, c.sit(d, c.timur), filepath.Join(c.dir, "derived", viewingName(1)))
}

// watched holds that a viewing copy, sealed at rest, is a film as it would be
// published, with nothing of the original but its pixels and samples.
func watched(t *testing.T, s *Seat, sealed string) {
	t.Helper()
	ctx := context.Background()
	o, err := s.Viewing(ctx, 1)
	ok(t, err)
	defer o.Close()
	b, err := io.ReadAll(o)
	ok(t, err)
	rest, err := os.ReadFile(sealed)
	ok(t, err)
	r, err := gate.Check(bytes.NewReader(b), int64(len(b)), o.Type, gate.Needles{Values: []gate.Needle{{Text: canaryBytes}}})
	if err != nil || !r.Clean() || o.Type != "video/mp4" || bytes.Contains(rest, b[:64]) || !bytes.HasPrefix(rest, []byte("age-encryption.org/")) {
		t.Errorf("the viewing copy: %s, %+v, %v", o.Type, r.Findings, err)
	}
	p, err := s.d.media.Probe(ctx, bytes.NewReader(b))
	if err != nil || p.Width != 320 || p.Height != 240 || p.Seconds != 2 || !p.HasSound() {
		t.Errorf("the viewing copy is %+v, %v", p, err)
	}
}

// face is NASA's portrait of an astronaut, in the public domain.
func face(t *testing.T) []byte {
	t.Helper()
	f, err := os.Open("/usr/local/share/kua-test/astronaut.png")
	if err != nil {
		t.Fatalf("%v: run tools/install.sh test", err)
	}
	defer f.Close()
	img, _, err := image.Decode(f)
	ok(t, err)
	flat := image.NewRGBA(img.Bounds())
	draw.Draw(flat, flat.Bounds(), image.NewUniform(color.White), image.Point{}, draw.Src)
	draw.Draw(flat, flat.Bounds(), img, image.Point{}, draw.Over)
	var b bytes.Buffer
	ok(t, jpeg.Encode(&b, flat, nil))
	return b.Bytes()
}

// TestHitsAndQuestionsBlock takes an open face to the point of being proposed:
// the open suggestion, and then what another detector sees in what was made,
// must be answered by a person first. A covered face is no hit.
func TestHitsAndQuestionsBlock(t *testing.T) {
	ctx := context.Background()
	c := newCollective(t)
	parcelID := c.tell(parcel.Consent{Face: true, Voice: true, Place: true}, face(t)).id
	d := c.open(c.aigul)
	s := c.sit(d, c.aigul)
	_, err := d.Collect(ctx, nil)
	ok(t, err)
	caseID, err := s.OpenCase(ctx, parcelID)
	ok(t, err)
	ok(t, d.WaitIdle(ctx))
	job, err := s.Look(ctx, 1)
	c.wait(s, job, err)

	lacks := func() string {
		t.Helper()
		_, lacks, err := d.build(ctx, caseID)
		ok(t, err)
		var keys []string
		for _, l := range lacks {
			f, _ := fault.Of(l)
			keys = append(keys, f.Key)
		}
		return strings.Join(keys, " ")
	}
	c.remake(s, 1, func(p *redact.Plan) { p.Covered = false })
	draft, base, err := d.Draft(ctx, caseID)
	ok(t, err)
	fill(&draft)
	_, err = s.SaveDraft(ctx, caseID, draft, base)
	ok(t, err)
	if got := lacks(); !strings.HasPrefix(got, "desk.plan_questions desk.question.suggestion") || !strings.Contains(got, "desk.hit_open") {
		t.Fatalf("an unanswered face lacks %q", got)
	}
	if _, err := s.Propose(ctx, casefile.Checklist(), caseID); !errors.Is(err, fault.Conflict("desk.plan_questions")) {
		t.Errorf("proposed with open questions: %v", err)
	}
	c.remake(s, 1, func(p *redact.Plan) {
		for i := range p.Suggestions {
			p.Suggestions[i].Answer, p.Suggestions[i].By, p.Suggestions[i].Note = redact.Leave, "Aigul", "she agreed"
		}
	})
	if got := strings.ReplaceAll(lacks(), "desk.hit_open", ""); strings.TrimSpace(got) != "" {
		t.Fatalf("an answered face lacks %q", got)
	}
	hits, err := d.Hits(ctx, 1)
	ok(t, err)
	if len(hits) == 0 {
		t.Fatal("the other detector does not see the face")
	}
	if err := s.AnswerHit(ctx, 1, hits[0].ID, " "); !errors.Is(err, fault.Invalid("desk.hit_needs_reason")) {
		t.Errorf("answered without a word: %v", err)
	}
	for _, h := range hits {
		ok(t, s.AnswerHit(ctx, 1, h.ID, "she agreed"))
	}
	r, open, err := d.build(ctx, caseID)
	ok(t, err)
	if len(open) > 0 || len(r.Media) != 1 || len(r.Media[0].Redaction) != 64 || r.Media[0].Redaction == r.Media[0].Commitment {
		t.Errorf("answered: lacks %v, %+v", open, r.Media)
	}
	before := r.Media[0].Redaction

	// Covered instead, no detector sees it, and the commitment is another.
	c.remake(s, 1, func(p *redact.Plan) {
		p.Boxes = []redact.Box{{ID: "b", X: 120, Y: 20, W: 210, H: 220, By: "Aigul"}}
	})
	hits, err = d.Hits(ctx, 1)
	ok(t, err)
	for _, h := range hits {
		if at := h.Seen.Points[0]; at.X < 222 && at.Y < 118 && at.X+h.Seen.W > 222 && at.Y+h.Seen.H > 118 {
			t.Errorf("a covered face is seen: %+v", h)
		}
		ok(t, s.AnswerHit(ctx, 1, h.ID, "no face"))
	}
	if r, open, err = d.build(ctx, caseID); err != nil || len(open) > 0 || r.Media[0].Redaction == before {
		t.Errorf("covered: lacks %v, %v", open, err)
	}
	// Who proposed cannot be the second to sign.
	p, err := s.Propose(ctx, casefile.Checklist(), caseID)
	ok(t, err)
	if p.Needs != 1 {
		t.Fatalf("%d signatures are missing", p.Needs)
	}
	if again, err := s.Approve(ctx, p.ID, casefile.Checklist()); err == nil {
		t.Errorf("the first signer signed again: %+v", again)
	}
	second, err := c.sit(d, c.timur).Approve(ctx, p.ID, casefile.Checklist())
	ok(t, err)
	if second.Needs != 0 {
		t.Errorf("after two people %d signatures are missing", second.Needs)
	}
}
