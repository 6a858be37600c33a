package desk

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image/jpeg"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"kua/internal/casefile"
	"kua/internal/evidence"
	"kua/internal/fault"
	"kua/internal/parcel"
	"kua/internal/record"
	"kua/internal/redact"
)

// paper is a PDF of two pages: upright with a picture on it, and lying.
func paper(t *testing.T) []byte {
	t.Helper()
	face := face(t)
	size, err := jpeg.DecodeConfig(bytes.NewReader(face))
	ok(t, err)
	stream := func(head string, body []byte) string {
		return fmt.Sprintf("<<%s/Length %d>>stream\n%s\nendstream", head, len(body), body)
	}
	objects := []string{
		"<</Type/Catalog/Pages 2 0 R>>",
		"<</Type/Pages/Kids[3 0 R 5 0 R]/Count 2>>",
		"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R/Resources<</XObject<</I 7 0 R>>>>>>",
		stream("", []byte("q 400 0 0 400 100 300 cm /I Do Q")),
		"<</Type/Page/Parent 2 0 R/MediaBox[0 0 842 400]/Contents 6 0 R>>",
		stream("", []byte("0.2 0.6 0.3 rg 0 0 842 400 re f")),
		stream(fmt.Sprintf("/Type/XObject/Subtype/Image/Width %d/Height %d/ColorSpace/DeviceRGB/BitsPerComponent 8/Filter/DCTDecode", size.Width, size.Height), face),
	}
	var b bytes.Buffer
	b.WriteString("%PDF-1.4\n")
	for i, o := range objects {
		fmt.Fprintf(&b, "%d 0 obj%s endobj\n", i+1, o)
	}
	fmt.Fprintf(&b, "trailer<</Root 1 0 R/Info<</Author(%s)>>>>\n", canaryBytes)
	return b.Bytes()
}

// TestDocument takes a document from a sealed report to an edition that a
// stranger verifies: it begins hidden, is marked on pictures of its pages, every
// page is looked over, and nothing of it lies in the clear meanwhile.
func TestDocument(t *testing.T) {
	ctx := context.Background()
	c := newCollective(t)
	original := paper(t)
	parcelID := c.tell(parcel.Consent{Face: true, Voice: true, Place: true}, original).id
	d := c.open(c.aigul)
	s := c.sit(d, c.aigul)
	_, err := d.Collect(ctx, nil)
	ok(t, err)
	caseID, err := s.OpenCase(ctx, parcelID)
	ok(t, err)
	ok(t, d.WaitIdle(ctx))
	o, err := d.OriginalInfo(ctx, 1)
	ok(t, err)
	if o.Medium.Kind != evidence.Document || len(o.Medium.Pages) != 2 || o.Medium.Pages[1].Width != redact.PageSide || o.Medium.Pages[1].Height > 1000 {
		t.Fatalf("the document is %+v, %s", o.Medium, o.Fault)
	}
	draft, base, err := d.Draft(ctx, caseID)
	ok(t, err)
	if len(draft.Media) != 1 || draft.Media[0].Original != 1 {
		t.Fatalf("the draft's media are %+v", draft.Media)
	}
	fill(&draft)
	_, err = s.SaveDraft(ctx, caseID, draft, base)
	ok(t, err)

	// Pictures for marking, in memory alone, and who looked is written down. A page
	// of which nobody had the picture was before nobody.
	if err := s.Shown(ctx, 1, 1); !errors.Is(err, fault.Conflict("desk.page_not_given")) {
		t.Errorf("shown without a picture: %v", err)
	}
	for _, page := range []int{1, 2, 1} {
		v, err := s.View(ctx, 1, page)
		ok(t, err)
		if got, want := (evidence.Page{Width: v.Width, Height: v.Height, Picture: v.Picture}), o.Medium.Pages[page-1]; got != want {
			t.Errorf("page %d is %v, want %v", page, got, want)
		}
		c.nowhere(d, v.JPEG)
	}
	for _, page := range []int{0, 3, -1} {
		if _, err := s.View(ctx, 1, page); !errors.Is(err, fault.NotFound("media.no_page")) {
			t.Errorf("page %d: %v", page, err)
		}
	}
	if err := c.custodyHas(d, 0, evidence.Probed, evidence.Opened); err != "" {
		t.Error(err)
	}

	plan, version, err := d.Plan(ctx, 1)
	ok(t, err)
	if q := plan.Questions(); version != 0 || !plan.Covered || len(plan.Pages) != 2 || len(q) != 1 || q[0].Kind != redact.AskNothing {
		t.Errorf("the first plan is %+v, it asks %v", plan, q)
	}
	job, err := s.Look(ctx, 1)
	c.wait(s, job, err)
	found, _, err := d.Plan(ctx, 1)
	ok(t, err)
	if len(found.Suggestions) == 0 || found.Suggestions[0].Page != 1 || found.Suggestions[0].What != redact.Face {
		t.Fatalf("suggested: %+v", found.Suggestions)
	}
	c.remake(s, 1, func(p *redact.Plan) {
		p.Boxes = []redact.Box{{ID: "b1", Page: 1, Reveal: true, W: p.Pages[0].W, H: p.Pages[0].H}, {ID: "b2", Page: 2, X: 100, Y: 100, W: 900, H: 500, Reveal: true}}
	})
	lacks := func() string {
		t.Helper()
		lacks, err := d.CheckDraft(ctx, caseID)
		ok(t, err)
		var keys []string
		for _, l := range lacks {
			f, _ := fault.Of(l)
			keys = append(keys, f.Key)
		}
		return strings.Join(keys, " ")
	}
	if got := lacks(); !strings.Contains(got, "desk.page_question.suggestion") || !strings.Contains(got, "desk.hit_open_page") {
		t.Errorf("an unanswered face on a page lacks %q", got)
	}
	hits, err := d.Hits(ctx, 1)
	ok(t, err)
	if len(hits) == 0 || hits[0].Seen.Page != 1 {
		t.Errorf("hits: %+v", hits)
	}
	c.remake(s, 1, func(p *redact.Plan) {
		for i, f := range p.Suggestions {
			p.Suggestions[i].Answer = redact.Cover
			p.Boxes = append(p.Boxes, redact.Box{ID: "c" + f.ID, Source: f.ID, Page: f.Page, X: f.Points[0].X - 60, Y: f.Points[0].Y - 60, W: f.W + 120, H: f.H + 120})
		}
	})
	hits, err = d.Hits(ctx, 1)
	ok(t, err)
	for _, h := range hits {
		ok(t, s.AnswerHit(ctx, 1, h.ID, "no face"))
	}
	// Who marked it must have had every page before her, and nobody in her place.
	timur := c.sit(d, c.timur)
	for _, page := range []int{1, 2} {
		_, err := timur.View(ctx, 1, page)
		ok(t, err)
		ok(t, timur.Shown(ctx, 1, page))
	}
	ok(t, s.Shown(ctx, 1, 2))
	if got := lacks(); got != "desk.pages_unseen" {
		t.Fatalf("a document of which a page was not before who marked it lacks %q", got)
	}
	if _, err := s.Propose(ctx, casefile.Checklist(), caseID); !errors.Is(err, fault.Conflict("desk.pages_unseen")) {
		t.Errorf("proposed: %v", err)
	}
	for _, page := range []int{0, 3, -1} {
		if err := s.Shown(ctx, 1, page); !errors.Is(err, fault.NotFound("media.no_page")) {
			t.Errorf("page %d was shown: %v", page, err)
		}
	}
	ok(t, s.Shown(ctx, 1, 1))
	ok(t, s.Shown(ctx, 1, 1))
	if got := lacks(); got != "" {
		t.Fatalf("an answered document lacks %q", got)
	}
	p, err := s.Propose(ctx, casefile.Checklist(), caseID)
	ok(t, err)
	_, err = d.db.SQL().ExecContext(ctx, `UPDATE shown SET picture = ?1 WHERE by_name = 'Aigul' AND page = 2`, strings.Repeat("0", 64))
	ok(t, err)
	if _, err := timur.Approve(ctx, p.ID, casefile.Checklist()); !errors.Is(err, fault.Conflict("desk.pages_unseen")) {
		t.Errorf("approved though a page was seen that looked otherwise: %v", err)
	}
	ok(t, s.Shown(ctx, 1, 2))
	_, err = timur.Approve(ctx, p.ID, casefile.Checklist())
	ok(t, err)
	ok(t, d.WaitIdle(ctx))
	if err := c.custodyHas(d, 0, evidence.Shown); err != "" {
		t.Error(err)
	}
	c.verify(d)

	// What is published: four pictures of two pages, and a page that counts them.
	names, err := filepath.Glob(filepath.Join(d.Tree(), "records", "*", "*", "v1.json"))
	ok(t, err)
	if len(names) != 1 {
		t.Fatalf("records: %v", names)
	}
	document, err := os.ReadFile(names[0])
	ok(t, err)
	r, err := record.Parse(document)
	ok(t, err)
	if m := r.Media[0]; m.Type != "document" || len(m.Files) != 4 || m.Files[2].Rung != "page2jpeg" || m.Poster == nil || m.Redaction == "" {
		t.Errorf("the record's document: %+v", r.Media)
	}
	page, err := os.ReadFile(filepath.Join(d.Tree(), filepath.FromSlash("en/r/"+r.ID[:4]+"/"+r.ID+".html")))
	ok(t, err)
	for _, want := range []string{"page 1 of 2 JPEG", "page 2 of 2 WEBP", `alt="`} {
		if !strings.Contains(string(page), want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	if strings.Contains(string(document), canaryBytes) {
		t.Error("the record holds words of the document")
	}
}

// nowhere looks for bytes in every file of the desk.
func (c *collective) nowhere(d *Desk, b []byte) {
	c.t.Helper()
	part := b[len(b)/2 : len(b)/2+64]
	ok(c.t, filepath.Walk(c.dir, func(name string, info os.FileInfo, err error) error {
		if err != nil || !info.Mode().IsRegular() {
			return nil // gone meanwhile
		}
		if all, err := os.ReadFile(name); err == nil && bytes.Contains(all, part) {
			c.t.Errorf("%s holds the picture in the clear", name)
		}
		return nil
	}))
}

// TestOldDocument opens a document that was looked at before its pages were kept
// by their pictures, and whose plan is of that time: it is looked at again at the
// next start and its marking begins anew, hidden. Old bytes are refused in words.
// Then a page looks otherwise than when the file was looked at: it is neither
// shown for marking nor made, and marks that were made on another picture stay,
// but somebody goes through them again.
func TestOldDocument(t *testing.T) {
	ctx := context.Background()
	c := newCollective(t)
	c.tell(parcel.Consent{}, paper(t))
	d := c.open(c.aigul)
	s := c.sit(d, c.aigul)
	_, err := d.Collect(ctx, nil)
	ok(t, err)
	ok(t, d.WaitIdle(ctx))
	medium := func(pages string) {
		t.Helper()
		_, err := d.db.SQL().ExecContext(ctx, `UPDATE originals SET medium = ?1`, `{"kind":"document","format":"pdf"`+pages+`}`)
		ok(t, err)
	}
	medium(`,"pages":[{"width":1140,"height":1600},{"width":1600,"height":760}]`)
	_, err = d.db.SQL().ExecContext(ctx, `INSERT INTO plans (original, version, plan, by_name, at) VALUES (1, 1, ?1, 'Aigul', 1)`,
		[]byte(`{"boxes":[{"h":40,"id":"b","page":1,"w":40,"x":1,"y":1}],"covered":false,"kind":"kua redaction plan","mute_all":true,"pages":[{"h":1600,"w":1140},{"h":760,"w":1600}],"reviewed":true,"version":3}`))
	ok(t, err)
	for _, pages := range []string{"", `,"pages":[{"width":1140,"height":1600},{"width":1600,"height":760}]`} {
		medium(pages)
		if _, err := s.Render(ctx, 1); !errors.Is(err, fault.Later("desk.not_probed_yet")) {
			t.Errorf("rendered without pages: %v", err)
		}
		if _, err := s.Look(ctx, 1); !errors.Is(err, fault.Later("desk.not_probed_yet")) {
			t.Errorf("looked without pages: %v", err)
		}
	}
	c.close(d)
	d = c.open(c.aigul)
	s = c.sit(d, c.aigul)
	ok(t, d.WaitIdle(ctx))
	plan, version, err := d.Plan(ctx, 1)
	ok(t, err)
	if version != 1 || !plan.Covered || plan.Reviewed || len(plan.Pages) != 2 || len(plan.Pages[1].Picture) != 64 || len(plan.Boxes) != 0 {
		t.Errorf("the plan is %+v, version %d", plan, version)
	}
	if _, err := d.PlanAt(ctx, 1, 1); !errors.Is(err, fault.Invalid("redact.old_document")) {
		t.Errorf("the old version: %v", err)
	}
	plan.Covered, plan.Reviewed = false, true
	plan.Boxes = []redact.Box{{ID: "b", Page: 1, W: 40, H: 40}}
	if _, version, err = s.SavePlan(ctx, 1, plan, 1); err != nil || version != 2 {
		t.Errorf("saved as %d, %v", version, err)
	}
	// Made on other pages, it is refused.
	fewer := plan
	fewer.Pages = plan.Pages[:1]
	if _, _, err := s.SavePlan(ctx, 1, fewer, 2); !errors.Is(err, fault.Conflict("desk.plan_of_another")) {
		t.Errorf("a plan of one page: %v", err)
	}

	// As if the second page had looked otherwise when the file was looked at.
	other := slices.Clone(plan.Pages)
	other[1].Picture = strings.Repeat("0", 64)
	medium(fmt.Sprintf(`,"pages":[{"width":1140,"height":1600,"picture":%q},{"width":1600,"height":760,"picture":%q}]`, other[0].Picture, other[1].Picture))
	if _, err := s.View(ctx, 1, 1); err != nil {
		t.Errorf("the first page: %v", err)
	}
	if _, err := s.View(ctx, 1, 2); !errors.Is(err, fault.Conflict("media.page_changed")) {
		t.Errorf("the second page: %v", err)
	}
	again, version, err := d.Plan(ctx, 1)
	ok(t, err)
	if version != 2 || again.Reviewed || again.Covered || len(again.Boxes) != 1 || !slices.Equal(again.Pages, other) {
		t.Errorf("the plan on other pictures is %+v, version %d", again, version)
	}
	job, err := s.Render(ctx, 1)
	ok(t, err)
	if j, err := d.WaitJob(ctx, job, nil); err != nil || !errors.Is(j.Fault, fault.Conflict("media.page_changed")) {
		t.Errorf("rendered as %s: %v, %v", j.State, j.Fault, err)
	}
}
