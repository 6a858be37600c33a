package desk

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"kua/internal/casefile"
	"kua/internal/charter"
	"kua/internal/edition"
	"kua/internal/fault"
	"kua/internal/parcel"
)

// ready is a desk with one case whose draft can be proposed.
func (c *collective) ready() (*Desk, int64) {
	c.t.Helper()
	report := c.tell(parcel.Consent{}, photo(c.t))
	d := c.open(c.aigul)
	_, err := d.Collect(context.Background(), nil)
	ok(c.t, err)
	return d, c.casework(c.sit(d, c.aigul), report.id)
}

// TestTwoPeople: who proposed does not approve, what was staged is what is
// signed, and a change on the disk after the first signature is refused.
func TestTwoPeople(t *testing.T) {
	ctx := context.Background()
	c := newCollective(t)
	d, id := c.ready()
	aigul, timur := c.sit(d, c.aigul), c.sit(d, c.timur)
	p, err := aigul.Propose(ctx, casefile.Checklist(), id)
	ok(t, err)
	if p.State != Waiting || p.Needs != 1 || !slices.Equal(p.Signed, []string{"Aigul"}) || p.Edition != 1 || len(p.Changed) == 0 {
		t.Fatalf("Propose = %+v", p)
	}
	if _, err := aigul.Approve(ctx, p.ID, casefile.Checklist()); !errors.Is(err, fault.Forbidden("desk.signed_already")) {
		t.Errorf("who proposed approves: %v", err)
	}
	if _, err := aigul.Propose(ctx, casefile.Checklist(), id); !errors.Is(err, fault.Conflict("desk.proposal_open")) && !errors.Is(err, fault.Conflict("casefile.cannot_move")) {
		t.Errorf("a second proposal gives %v", err)
	}
	draft, base, err := d.Draft(ctx, id)
	ok(t, err)
	if _, err := aigul.SaveDraft(ctx, id, draft, base); !errors.Is(err, fault.Conflict("desk.case_proposed")) {
		t.Errorf("a draft under a proposal gives %v", err)
	}
	page := p.Records[0].Pages["en"]
	f, err := timur.PreviewFile(ctx, p.ID, page)
	ok(t, err)
	b, err := io.ReadAll(f)
	ok(t, errors.Join(err, f.Close()))
	if !strings.Contains(string(b), "A beating at the bazaar") || !strings.HasPrefix(f.Type, "text/html") {
		t.Errorf("the preview of %s is not the record's page", page)
	}
	for _, path := range []string{"../../desk.db", "/etc/passwd", "en/../../../key.age", "nothing.html"} {
		if f, err := timur.PreviewFile(ctx, p.ID, path); err == nil {
			f.Close()
			t.Errorf("the preview gives %s", path)
		}
	}
	for _, change := range []string{page, record1, edition.ManifestPath} {
		name := filepath.Join(d.overlay(), filepath.FromSlash(change))
		kept, err := os.ReadFile(name)
		ok(t, err)
		ok(t, os.WriteFile(name, append([]byte("<!-- -->"), kept...), 0o644))
		if _, err := timur.Approve(ctx, p.ID, casefile.Checklist()); !errors.Is(err, fault.Corrupt("desk.stage_changed")) {
			t.Errorf("approving with a changed %s gives %v", change, err)
		}
		ok(t, os.WriteFile(name, kept, 0o644))
	}
	if _, err := d.Publish(ctx, nil); err != nil {
		t.Fatal(err)
	}
	if now, err := d.edition(); err != nil || now.number != 0 {
		t.Fatalf("one signature published edition %d, %v", now.number, err)
	}
	made := p.Made
	p, err = timur.Approve(ctx, p.ID, casefile.Checklist())
	ok(t, err)
	ok(t, d.WaitIdle(ctx))
	if p, err = d.Proposal(ctx, p.ID); err != nil || p.State != Done {
		t.Errorf("after the second signature: %+v, %v", p, err)
	}
	c.now = c.now.AddDate(-1, 0, 0) // a machine without net, whose battery is empty
	if p, err = aigul.ProposeWithdrawal(ctx, id, casefile.Text{"en": "The witness asked for it."}); err != nil || p.After != made || p.Made >= made {
		t.Errorf("by a clock that is a year behind: %q after %q, %v", p.Made, p.After, err)
	}
	c.now = c.now.AddDate(1, 0, 0)
	c.verify(d)
}

const record1 = "records/0000/000001/v1.json"

// TestSignsOnlyWhatIsStaged: who changes a proposal in the database after its
// first signature gets no second one, neither under a document that is no part
// of the edition nor for a change that is not shown.
func TestSignsOnlyWhatIsStaged(t *testing.T) {
	ctx := context.Background()
	c := newCollective(t)
	d, id := c.ready()
	p, err := c.sit(d, c.aigul).Propose(ctx, casefile.Checklist(), id)
	ok(t, err)
	kept, err := d.db.Proposal(ctx, p.ID)
	ok(t, err)
	document := kept.Records[0].Document
	hidden, err := json.Marshal(kept.Changed[1:])
	ok(t, err)
	all, err := json.Marshal(kept.Changed)
	ok(t, err)
	for _, change := range []struct {
		name, column string
		to, from     []byte
	}{
		{"a charter as a record", `proposed SET document`, []byte(c.chain[0].Document), document},
		{"another record", `proposed SET document`, bytes.Replace(document, []byte("A beating"), []byte("No beating"), 1), document},
		{"a hidden change", `proposals SET changed`, hidden, all},
	} {
		_, err := d.db.SQL().ExecContext(ctx, `UPDATE `+change.column+` = ?1`, change.to)
		ok(t, err)
		if _, err := c.sit(d, c.timur).Approve(ctx, p.ID, casefile.Checklist()); !errors.Is(err, fault.Corrupt("desk.stage_changed")) {
			t.Errorf("%s: Approve = %v", change.name, err)
		}
		_, err = d.db.SQL().ExecContext(ctx, `UPDATE `+change.column+` = ?1`, change.from)
		ok(t, err)
	}
	if _, err := c.sit(d, c.timur).Approve(ctx, p.ID, casefile.Checklist()); err != nil {
		t.Errorf("Approve = %v", err)
	}
	ok(t, d.WaitIdle(ctx))
}

// TestDecline: a declined case goes back to drafting, and can be proposed again.
func TestDecline(t *testing.T) {
	ctx := context.Background()
	c := newCollective(t)
	d, id := c.ready()
	p, err := c.sit(d, c.aigul).Propose(ctx, casefile.Checklist(), id)
	ok(t, err)
	ok(t, c.sit(d, c.timur).Decline(ctx, p.ID, "a plate is readable"))
	if p, err = d.Proposal(ctx, p.ID); err != nil || p.State != Declined || p.Reason != "a plate is readable" {
		t.Errorf("Proposal = %+v, %v", p, err)
	}
	if v, err := d.Case(ctx, id); err != nil || v.State != casefile.Drafting {
		t.Errorf("the case is %s, %v", v.State, err)
	}
	if _, err := c.sit(d, c.timur).Approve(ctx, p.ID, casefile.Checklist()); !errors.Is(err, fault.Conflict("desk.proposal_state")) {
		t.Errorf("approving what was declined gives %v", err)
	}
	if out := c.publish(d, id); out.Edition != 1 {
		t.Errorf("Publish = %+v", out)
	}
	c.verify(d)
}

// TestStale: a new charter between the two signatures makes the proposal stale.
func TestStale(t *testing.T) {
	ctx := context.Background()
	c := newCollective(t)
	d, id := c.ready()
	p, err := c.sit(d, c.aigul).Propose(ctx, casefile.Checklist(), id)
	ok(t, err)
	ok(t, d.UpdateCharter(ctx, c.aigul, c.next(func(next *charter.Charter) { next.Mirrors = []string{"https://mirror.example"} })))
	if p, err = d.Proposal(ctx, p.ID); err != nil || p.State != Stale {
		t.Errorf("Proposal = %+v, %v", p, err)
	}
	if _, err := c.sit(d, c.timur).Approve(ctx, p.ID, casefile.Checklist()); !errors.Is(err, fault.Conflict("desk.proposal_stale")) {
		t.Errorf("approving a stale proposal gives %v", err)
	}
	if out := c.publish(d, id); out.Edition != 1 {
		t.Errorf("Publish = %+v", out)
	}
	c.verify(d)
}

// TestCorrectAndWithdraw: a correction is a new version, a withdrawal leaves a
// tombstone, and each edition verifies.
func TestCorrectAndWithdraw(t *testing.T) {
	ctx := context.Background()
	c := newCollective(t)
	d, id := c.ready()
	if _, err := c.sit(d, c.aigul).ProposeWithdrawal(ctx, id, casefile.Text{"en": "x"}); !errors.Is(err, fault.Conflict("desk.nothing_published")) {
		t.Errorf("withdrawing what was never published gives %v", err)
	}
	c.publish(d, id)
	draft, base, err := d.Draft(ctx, id)
	ok(t, err)
	draft.Title["en"] = "A beating at the new bazaar"
	_, err = c.sit(d, c.aigul).SaveDraft(ctx, id, draft, base)
	ok(t, err)
	if lacks, err := d.CheckDraft(ctx, id); err != nil || len(lacks) != 1 || !errors.Is(lacks[0], fault.Invalid("record.text_missing")) {
		t.Errorf("a correction without its reason lacks %v, %v", lacks, err)
	}
	draft.Correction = casefile.Text{"en": "It was the new bazaar.", "ru": "Это был новый базар."}
	_, err = c.sit(d, c.aigul).SaveDraft(ctx, id, draft, base+1)
	ok(t, err)
	if out := c.publish(d, id); out.Edition != 2 {
		t.Errorf("Publish = %+v", out)
	}
	c.verify(d)
	p, err := c.sit(d, c.aigul).ProposeWithdrawal(ctx, id, casefile.Text{"en": "The witness asked for it.", "ru": "Об этом попросил свидетель."})
	ok(t, err)
	if !p.Records[0].Withdraw || p.Records[0].Version != 3 {
		t.Errorf("ProposeWithdrawal = %+v", p.Records)
	}
	_, err = c.sit(d, c.timur).Approve(ctx, p.ID, casefile.Checklist())
	ok(t, err)
	_, err = d.Publish(ctx, nil)
	ok(t, err)
	c.verify(d)
	if blobs, err := filepath.Glob(filepath.Join(d.Tree(), "blobs", "*", "*")); err != nil || len(blobs) != 0 {
		t.Errorf("after the withdrawal the tree still holds %v, %v", blobs, err)
	}
}

// TestRenew publishes an edition that changes no record: a new charter, a new date.
func TestRenew(t *testing.T) {
	ctx := context.Background()
	c := newCollective(t)
	d, id := c.ready()
	c.publish(d, id)
	ok(t, d.UpdateCharter(ctx, c.aigul, c.next(func(next *charter.Charter) { next.Mirrors = []string{"https://mirror.example"} })))
	if out := c.publish(d); out.Edition != 2 || out.Nodes[0].Behind {
		t.Errorf("Publish = %+v", out)
	}
	c.verify(d)
	if len(c.node.charters) != 2 {
		t.Errorf("the node knows %d versions of the charter", len(c.node.charters))
	}
}

// TestDraftLacks: what keeps a draft from being proposed is said, each thing.
func TestDraftLacks(t *testing.T) {
	ctx := context.Background()
	c := newCollective(t)
	report := c.tell(parcel.Consent{}, photo(t))
	d := c.open(c.aigul)
	_, err := d.Collect(ctx, nil)
	ok(t, err)
	ok(t, d.WaitIdle(ctx))
	aigul := c.sit(d, c.aigul)
	id, err := aigul.OpenCase(ctx, report.id)
	ok(t, err)
	lacks := func() []error {
		all, err := d.CheckDraft(ctx, id)
		ok(t, err)
		return all
	}
	has := func(key string) bool {
		return slices.ContainsFunc(lacks(), func(err error) bool { return errors.Is(err, fault.Conflict(key)) })
	}
	if !has("desk.nothing_drafted") {
		t.Errorf("no draft: lacks %v", lacks())
	}
	draft, base, err := d.Draft(ctx, id)
	ok(t, err)
	if len(draft.Media) != 1 || draft.What != "beating" || draft.Place.Coarseness != casefile.NoPoint || len(draft.Summary) != 0 {
		t.Errorf("the first draft is %+v", draft)
	}
	fill(&draft)
	draft.Accepted = nil
	_, err = aigul.SaveDraft(ctx, id, draft, base)
	ok(t, err)
	for _, key := range []string{"desk.warning.face", "desk.warning.place", "desk.not_rendered", "desk.plan_not_reviewed"} {
		if !has(key) {
			t.Errorf("%s is not among %v", key, lacks())
		}
	}
	if _, err := aigul.Propose(ctx, casefile.Checklist(), id); !errors.Is(err, fault.Conflict("desk.not_rendered")) {
		t.Errorf("Propose = %v", err)
	}
	if v, err := d.Case(ctx, id); err != nil || v.Record != "" || len(v.Warnings) != 2 {
		t.Errorf("a refused proposal took the number %q; warnings %+v, %v", v.Record, v.Warnings, err)
	}
	if _, err := aigul.SaveDraft(ctx, id, draft, base); !errors.Is(err, fault.Conflict("desk.draft_changed")) {
		t.Errorf("saving over another's draft gives %v", err)
	}
	c.render(aigul, 1)
	fill(&draft)
	_, err = aigul.SaveDraft(ctx, id, draft, base+1)
	ok(t, err)
	if l := lacks(); l != nil {
		t.Errorf("a finished draft lacks %v", l)
	}
	plan, version, err := d.Plan(ctx, 1)
	ok(t, err)
	_, _, err = aigul.SavePlan(ctx, 1, plan, version)
	ok(t, err)
	if !has("desk.rendered_before_plan") {
		t.Errorf("after another plan the draft lacks %v", lacks())
	}
	draft.Media[0].Original = 99
	if _, err := aigul.SaveDraft(ctx, id, draft, base+2); !errors.Is(err, fault.Invalid("desk.exhibit_of_another")) {
		t.Errorf("another case's original gives %v", err)
	}
}
