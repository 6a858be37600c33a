package desk

import (
	"context"
	"io"
	"testing"

	"kua/internal/keyring"
	"kua/internal/parcel"
	"kua/internal/verify"
)

// TestRoad walks from a sealed report to an edition that a stranger verifies.
func TestRoad(t *testing.T) {
	ctx := context.Background()
	c := newCollective(t)
	report := c.tell(parcel.Consent{Face: true}, photo(t))
	d := c.open(c.aigul)
	var early bool
	got, err := d.Collect(ctx, func(p Progress) { early = early || p.Report })
	ok(t, err)
	if got.New != 1 || got.Whole != 1 || got.Refused != 0 || got.Arriving != 0 || got.Nodes[0].Err != nil {
		t.Fatalf("Collect = %+v", got)
	}
	if !early {
		t.Error("no report was shown before its parcel was whole")
	}
	if len(c.node.order) != 0 {
		t.Error("the node still holds the collected parcel")
	}
	aigul := c.sit(d, c.aigul)
	if n, err := d.Counts(ctx); err != nil || n.Unread != 1 {
		t.Fatalf("Counts = %+v, %v; want one unread", n, err)
	}
	r, err := aigul.Report(ctx, report.id)
	ok(t, err)
	if r.Report == nil || len(r.Originals) != 1 {
		t.Fatalf("Report = %+v", r)
	}
	if n, err := d.Counts(ctx); err != nil || n.Unread != 0 {
		t.Fatalf("Counts = %+v, %v; want none unread", n, err)
	}
	o, err := aigul.Original(ctx, r.Originals[0].ID)
	ok(t, err)
	b, err := io.ReadAll(o)
	ok(t, err)
	ok(t, o.Close())
	if string(b) != string(report.files[0]) {
		t.Error("the original is not what was sealed")
	}
	caseID := c.casework(aigul, report.id)
	reply, err := aigul.Reply(ctx, caseID, report.id, canaryReply)
	ok(t, err)
	if reply.Unsent() {
		t.Error("the reply is not at the node")
	}
	text, err := keyring.OpenReply(c.node.replies[report.keys.Mailbox[:2]][0], report.keys.ReplyIdentity)
	if err != nil || string(text) != canaryReply {
		t.Errorf("the witness reads %q, %v", text, err)
	}
	out := c.publish(d, caseID)
	if out.Edition != 1 || out.Nodes[0].Behind || out.Nodes[0].Fault != nil {
		t.Fatalf("Publish = %+v", out)
	}
	v, err := d.Case(ctx, caseID)
	ok(t, err)
	if v.State != "published" || v.Record != "000001" {
		t.Errorf("the case is %s with record %q", v.State, v.Record)
	}
	c.verify(d)
	if _, err := d.Check(ctx); err != nil {
		t.Error(err)
	}
}

func (c *collective) verify(d *Desk) verify.Report {
	c.t.Helper()
	tree, err := verify.Dir(d.Tree())
	ok(c.t, err)
	report, err := verify.Edition(context.Background(), tree, verify.Options{Now: today})
	ok(c.t, err)
	if report.Result != verify.OK {
		c.t.Fatalf("verify says %v: %+v", report.Result, report.Findings)
	}
	return report
}
