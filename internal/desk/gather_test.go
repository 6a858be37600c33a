package desk

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"kua/internal/casefile"
	"kua/internal/fault"
	"kua/internal/spread"
)

// mailer is a made-up list: the platform's posts go in one letter.
type mailer struct{ *platform }

func (m mailer) Gather(c spread.Channel, all []spread.Message) (spread.Message, error) {
	letter := spread.Message{Language: c.Languages[0], Title: "Letter"}
	for _, one := range all {
		letter.Key += one.Key[:8]
		letter.Body += one.Record + " " + one.Title + " " + one.Correction + "\n"
		letter.Summary += one.Title + " " + one.Correction + "\n"
	}
	letter.Links = all[0].Links
	return letter, nil
}

// TestLetters walks a record through a channel that cannot take anything back: it
// waits for a letter that a person looks at and sends, never goes by itself, a
// correction goes with the next letter, a withdrawal goes at once; what was cut off is
// not sent again; stop, off, a node that lacks it and a change hold all of it.
func TestLetters(t *testing.T) {
	ctx := context.Background()
	x := newSpreader(t)
	x.kinds["list"] = mailer{x.p}
	ok(t, x.d.Close())
	x.d = x.open(x.aigul)
	x.s = x.sit(x.d, x.aigul)
	var err error
	x.channel, err = x.s.AddChannel(ctx, spread.Channel{Kind: "list", Name: "List", Place: "news@lists.example", Languages: []string{"ru"}, Carries: []string{spread.Poster}}, []byte(channelSecret))
	ok(t, err)
	letter := func(want string) spread.Message {
		t.Helper()
		m, n, err := x.d.Gathered(ctx, x.channel)
		if f, _ := fault.Of(err); want != "" && (f == nil || f.Key != want) || want == "" && (err != nil || n != 1) {
			t.Fatalf("Gathered = %d, %v, want %q", n, err, want)
		}
		return m
	}
	send := func(digest, want string) Spreaded {
		t.Helper()
		out, err := x.s.SendGathered(ctx, x.channel, digest)
		if f, _ := fault.Of(err); want == "" && err != nil || want != "" && (f == nil || f.Key != want) {
			t.Fatalf("SendGathered = %v, want %q", err, want)
		}
		return out
	}
	letter("spread.gather_none")
	p := x.post()
	x.state(p.ID, spread.Gathered, "")
	first := letter("")
	if len(first.Links) < 2 || !strings.Contains(first.Body, "Избиение на базаре") {
		t.Errorf("the letter is %+v", first)
	}
	send(first.Digest(), "spread.gather_held") // the channel is off
	ok(t, x.s.TurnChannel(ctx, x.channel, true))
	ok(t, x.s.HaltSpreading(ctx))
	send(first.Digest(), "spread.gather_held")
	ok(t, x.s.ReleaseSpreading(ctx))
	send("of another letter", "spread.gather_changed")
	x.spread()
	if got := x.p.saw(t); got != nil {
		t.Fatalf("without a person's word it told %+v", got)
	}
	if due, err := x.d.PostsDue(ctx); due || err != nil {
		t.Errorf("a letter that a person sends is due: %v", err)
	}
	_, err = x.d.db.SQL().ExecContext(ctx, `UPDATE nodes SET edition = 0`)
	ok(t, err)
	letter("spread.gather_none")
	x.state(p.ID, spread.Gathered, "spread.only_copy")
	_, err = x.d.db.SQL().ExecContext(ctx, `UPDATE nodes SET edition = 1`)
	ok(t, err)

	// A server that is away: it waits for the next letter. One that broke off: a person
	// is asked, and says that it is not there.
	x.p.fails = func(spread.Act) error {
		return &spread.Failure{Outcome: spread.NotDone, Err: fault.Later("spread.cut_off")}
	}
	if out := send(letter("").Digest(), ""); out.Failed != 1 || out.Counts.Gathered != 1 {
		t.Errorf("with the server away: %+v", out)
	}
	x.p.fails = func(spread.Act) error {
		return &spread.Failure{Outcome: spread.Unknown, Err: fault.Later("spread.cut_off")}
	}
	send(letter("").Digest(), "")
	x.state(p.ID, spread.Uncertain, "spread.cut_off")
	x.p.fails = nil
	letter("spread.gather_none")
	_, err = x.s.Judge(ctx, p.ID, nil)
	ok(t, err)
	x.state(p.ID, spread.Gathered, "")
	if out := send(letter("").Digest(), ""); out.Sent != 1 {
		t.Errorf("SendGathered = %+v", out)
	}
	sent := x.state(p.ID, spread.Sent, "")
	if got := x.p.saw(t); len(got) != 1 || got[0].Act != spread.Send || got[0].Key != first.Key || len(got[0].Files) != 0 {
		t.Errorf("the list got %+v", got)
	}
	letter("spread.gather_none")

	// A correction is of the next letter, and the first is then corrected; what was
	// looked at before it was corrected once more does not go.
	x.correct(func(d *casefile.Draft) { d.Title["ru"] = "Избиение на новом базаре" })
	x.spread()
	posts, err := x.d.Posts(ctx, "000001")
	ok(t, err)
	if len(posts) != 2 || posts[0].Act != spread.Send || posts[0].Replaces != p.ID || posts[0].State != spread.Waiting {
		t.Fatalf("after a correction the outbox is %+v", posts)
	}
	x.confirm(posts[0].ID)
	second := letter("")
	if !strings.Contains(second.Body, "новом базаре Исправлено.") {
		t.Errorf("the correction reads %q", second.Body)
	}
	send(second.Digest(), "")
	x.state(p.ID, spread.Corrected, "")
	now := x.state(posts[0].ID, spread.Sent, "")
	if now.Remote.ID == sent.Remote.ID {
		t.Errorf("both letters are %s", now.Remote.ID)
	}
	x.p.saw(t)

	// Killed while a letter was on its way: a person is asked.
	x.correct(func(d *casefile.Draft) { d.Title["ru"] = "Третье название" })
	x.spread()
	posts, err = x.d.Posts(ctx, "000001")
	ok(t, err)
	third := posts[0].ID
	x.confirm(third)
	_, began, err := x.d.db.BeginGathered(ctx, []int64{third})
	if !began || err != nil {
		t.Fatalf("BeginGathered = %t, %v", began, err)
	}
	ok(t, x.d.Close())
	x.d = x.open(x.aigul)
	x.s = x.sit(x.d, x.aigul)
	x.spread()
	x.state(third, spread.Uncertain, "spread.cut_off")
	_, err = x.s.Judge(ctx, third, &spread.Remote{ID: now.Remote.ID}) // two stand under one name
	ok(t, err)
	x.state(now.ID, spread.Corrected, "")

	// A withdrawal asks nobody and waits for no letter, also of one of which nobody knows
	// whether it arrived; cut off, it is told again.
	_, err = x.d.db.SQL().ExecContext(ctx, `UPDATE posts SET state = 'uncertain', remote = '' WHERE id = ?1`, third)
	ok(t, err)
	x.p.fails = func(spread.Act) error { return errors.New("who knows") }
	x.withdraw()
	x.state(third, spread.Queued, "page.internal")
	x.p.fails = nil
	x.now = x.now.Add(time.Hour)
	x.spread()
	if got := x.p.saw(t); len(got) != 1 || got[0].Act != spread.Delete {
		t.Errorf("the withdrawal told %+v", got)
	}
	x.state(third, spread.Withdrawn, "")
	letter("spread.gather_none")
	if _, _, err := x.d.Gathered(ctx, 1); !errors.Is(err, fault.Invalid("spread.gather_not")) {
		t.Errorf("a channel that takes each post by itself: %v", err)
	}
	if all, began, err := x.d.db.BeginGathered(ctx, []int64{third}); began || len(all) != 0 || err != nil {
		t.Errorf("what is over begins again: %+v, %v", all, err)
	}
	x.noSecretAtRest()
}

// newList gives a desk whose channel is a list, what it can speak to, and what opens it
// again on a road that leads to others.
func newList(t *testing.T) (x *spreader, kinds map[string]spread.Kind, reopen func(map[string]spread.Kind)) {
	t.Helper()
	x = newSpreader(t)
	kinds = map[string]spread.Kind{"made-up": x.p, "list": mailer{x.p}}
	reopen = func(kinds map[string]spread.Kind) {
		t.Helper()
		x.kinds = kinds
		ok(t, x.d.Close())
		x.d = x.open(x.aigul)
		x.s = x.sit(x.d, x.aigul)
	}
	reopen(kinds)
	var err error
	x.channel, err = x.s.AddChannel(context.Background(), spread.Channel{Kind: "list", Name: "List", Place: "news@lists.example", Languages: []string{"ru"}}, []byte(channelSecret))
	ok(t, err)
	ok(t, x.s.TurnChannel(context.Background(), x.channel, true))
	return x, kinds, reopen
}

// TestCorrectedByHand: a correction that is published on a road that leads to no platform
// is none the less a correction when the desk is next on one that does: nothing is taken
// back, in a letter or at a platform.
func TestCorrectedByHand(t *testing.T) {
	ctx := context.Background()
	x, kinds, reopen := newList(t)
	p := x.post()
	m, _, err := x.d.Gathered(ctx, x.channel)
	ok(t, err)
	_, err = x.s.SendGathered(ctx, x.channel, m.Digest())
	ok(t, err)
	x.state(p.ID, spread.Sent, "")
	x.channel, err = x.s.AddChannel(ctx, spread.Channel{Kind: "made-up", Name: "Words", Place: "@words", Languages: []string{"ru"}}, []byte(channelSecret))
	ok(t, err)
	ok(t, x.s.TurnChannel(ctx, x.channel, true))
	words := x.post()
	x.spread()
	x.state(words.ID, spread.Sent, "")
	x.p.saw(t)

	reopen(nil)
	x.correct(func(d *casefile.Draft) { d.Title["ru"] = "Избиение на новом базаре" })
	x.spread()
	x.state(p.ID, spread.Sent, "")
	x.state(words.ID, spread.Sent, "")

	reopen(kinds)
	x.now = x.now.Add(time.Hour)
	x.spread()
	if got := x.p.saw(t); got != nil {
		t.Errorf("after a mere correction the platforms were told %+v", got)
	}
	posts, err := x.d.Posts(ctx, "000001")
	ok(t, err)
	acts := map[spread.Act]int{}
	for _, q := range posts {
		if q.Replaces != 0 && q.State == spread.Waiting {
			acts[q.Act]++
		}
	}
	if len(posts) != 4 || acts[spread.Send] != 1 || acts[spread.Edit] != 1 {
		t.Errorf("the outbox is %+v", posts)
	}
}

// TestUnsayableCorrection: a correction of which no message can be made, here since it says
// nothing in the channel's language, takes nothing away: a person sees why it waits.
func TestUnsayableCorrection(t *testing.T) {
	ctx := context.Background()
	x := newSpreader(t)
	var err error
	x.channel, err = x.s.AddChannel(ctx, spread.Channel{Kind: "made-up", Name: "Words", Place: "@words", Languages: []string{"ru"}}, []byte(channelSecret))
	ok(t, err)
	ok(t, x.s.TurnChannel(ctx, x.channel, true))
	p := x.post()
	x.spread()
	x.p.saw(t)
	_, err = x.d.db.SQL().ExecContext(ctx, `UPDATE channels SET languages = '["tk"]'`)
	ok(t, err)
	x.correct(func(d *casefile.Draft) { d.Title["ru"] = "Избиение на новом базаре" })
	x.spread()
	x.state(p.ID, spread.Sent, "")
	posts, err := x.d.Posts(ctx, "000001")
	ok(t, err)
	if got := x.p.saw(t); got != nil || len(posts) != 2 || posts[0].Act != spread.Edit || posts[0].State != spread.Waiting {
		t.Errorf("the platform was told %+v, the outbox is %+v", got, posts)
	}
}

// TestWithdrawnDuringLetter: a record that is withdrawn while the letter that tells of it is
// on its way is taken back in the withdrawal's own round.
func TestWithdrawnDuringLetter(t *testing.T) {
	ctx := context.Background()
	x, _, _ := newList(t)
	p := x.post()
	m, _, err := x.d.Gathered(ctx, x.channel)
	ok(t, err)
	w, err := x.s.ProposeWithdrawal(ctx, x.caseID, casefile.Text{"en": "The witness asked for it."})
	ok(t, err)
	began, arrived := make(chan struct{}), make(chan struct{})
	x.p.during = func(ctx context.Context) error {
		x.p.during = nil
		close(began)
		<-ctx.Done()
		<-arrived // it arrived all the same
		return nil
	}
	sent := make(chan error, 1)
	go func() { _, err := x.s.SendGathered(ctx, x.channel, m.Digest()); sent <- err }()
	<-began
	_, err = x.sit(x.d, x.timur).Approve(ctx, w.ID, casefile.Checklist())
	ok(t, err)
	ok(t, x.d.publishApproved(ctx, func(string, int64, int64) {}))
	time.AfterFunc(200*time.Millisecond, func() { close(arrived) }) // the round waits for it by then
	out, err := x.d.TakeAway(ctx, nil)
	ok(t, err)
	ok(t, <-sent)
	if got := x.p.saw(t); out.Gone != 1 || len(got) != 2 || got[1].Act != spread.Delete {
		t.Errorf("the withdrawal's round: %+v; the list was told %+v", out, got)
	}
	x.state(p.ID, spread.Withdrawn, "")
}
