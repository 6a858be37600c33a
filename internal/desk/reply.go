package desk

import (
	"context"

	"kua/internal/casefile"
	"kua/internal/fault"
	"kua/internal/locale"
	"kua/internal/receipt"
	"kua/internal/seal"
)

// Reply seals a text to the witness of one report of a case, keeps it in the
// outbox and tries every node at once. It succeeds when it is kept: whether a
// node holds it is in the case's replies and in Counts.Unsent. Longer texts
// than seal.MaxReplyText are refused, and so is a report that came without a
// receipt: its witness has no mailbox.
func (s *Seat) Reply(ctx context.Context, id int64, parcel, text string) (casefile.Reply, error) {
	if err := s.current(); err != nil {
		return casefile.Reply{}, err
	}
	if err := casefile.CheckWords(text); err != nil {
		return casefile.Reply{}, err
	}
	r, err := s.d.db.Received(ctx, parcel)
	if err != nil {
		return casefile.Reply{}, err
	}
	if r.Report == nil || r.Report.Reply == "" {
		return casefile.Reply{}, fault.Conflict("desk.no_receipt", parcel)
	}
	sealed, err := seal.Reply([]byte(text), r.Report.Reply)
	if err != nil {
		return casefile.Reply{}, err
	}
	var nodes []string
	for _, n := range s.d.nodes() {
		nodes = append(nodes, n.URL)
	}
	reply := casefile.Reply{Case: id, Parcel: parcel, By: s.Name(), Text: text}
	reply.ID, err = s.d.db.AddReply(ctx, s.actor(), reply, receipt.Prefix(r.Report.Mailbox), sealed, nodes, locale.SearchText(text))
	if err != nil {
		return casefile.Reply{}, err
	}
	if _, _, err := s.d.SendReplies(ctx); err != nil {
		return reply, err
	}
	all, err := s.d.db.Replies(ctx, id)
	for _, kept := range all {
		if kept.ID == reply.ID {
			reply = kept
		}
	}
	return reply, err
}

// SendReplies tries again to bring every unsent reply to every node. It gives
// how many deliveries went through and how many are left; a node that is away
// is no error and is asked once.
func (d *Desk) SendReplies(ctx context.Context) (sent, left int, err error) {
	clients := make(map[string]*nodeClient)
	var urls []string
	for _, n := range d.nodes() {
		if c, err := d.client(n); err == nil {
			clients[n.URL] = c
		}
		urls = append(urls, n.URL)
	}
	outbox, err := d.db.Outbox(ctx, urls)
	if err != nil {
		return 0, 0, err
	}
	away := make(map[string]error)
	for _, o := range outbox {
		c, why := clients[o.Node], away[o.Node]
		if c == nil {
			continue // no longer a node of the charter
		}
		if why == nil {
			why = c.PutReply(ctx, o.Prefix, o.Sealed)
		}
		if ctx.Err() != nil {
			return sent, left, ctx.Err()
		}
		if err := d.db.Delivered(ctx, o, why); err != nil {
			return sent, left, err
		}
		if why == nil {
			sent++
			continue
		}
		left++
		if f, ok := fault.Of(why); !ok || f.Kind == fault.KindLater {
			away[o.Node] = why
		}
	}
	return sent, left, nil
}
