package desk

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"kua/internal/casefile"
	"kua/internal/evidence"
	"kua/internal/fault"
	"kua/internal/parcel"
	"kua/internal/spread"
)

// platform is a made-up platform that keeps what it is told in a file, so that it
// outlives the process that told it.
type platform struct {
	diary  string
	fails  func(act spread.Act) error                    // nil: nothing does
	asks   func(key string) (spread.Remote, bool, error) // nil: it cannot be asked
	before func()                                        // is called before each act
	during func(context.Context) error                   // is what a message's call takes; nil: nothing
}

// told is one line of its diary.
type saw struct {
	Act   spread.Act
	At    string
	Key   string
	Text  string
	Files []string
}

func (p *platform) Check(place string, secret []byte) error {
	if len(secret) == 0 {
		return fault.Invalid("spread.no_remote")
	}
	return nil
}

func (p *platform) Fit(m spread.Message) (spread.Message, error) {
	var err error
	m.Body, err = m.Text(10_000, func(s string) int { return len(s) })
	return m, err
}

func (p *platform) At(_ spread.Channel, id, url string) (spread.Remote, error) {
	return spread.ParseRemote(id, url)
}

func (p *platform) Open(spread.Channel, []byte) (spread.Connector, error) {
	if p.asks != nil {
		return askable{talker{p}, p}, nil
	}
	return talker{p}, nil
}

type talker struct{ p *platform }

type askable struct {
	talker
	p *platform
}

func (a askable) Find(_ context.Context, key string) (spread.Remote, bool, error) {
	return a.p.asks(key)
}

func (t talker) note(s saw) error {
	if t.p.before != nil {
		t.p.before()
	}
	if t.p.fails != nil {
		if err := t.p.fails(s.Act); err != nil {
			return err
		}
	}
	f, err := os.OpenFile(t.p.diary, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	return errors.Join(json.NewEncoder(f).Encode(s), f.Close())
}

func (t talker) Send(ctx context.Context, m spread.Message) (spread.Remote, error) {
	if t.p.during != nil {
		if err := t.p.during(ctx); err != nil {
			return spread.Remote{}, err
		}
	}
	text, err := m.Text(4000, func(s string) int { return len([]rune(s)) })
	if err != nil {
		return spread.Remote{}, err
	}
	for _, f := range m.Files {
		r, err := f.Open()
		if err != nil {
			return spread.Remote{}, err
		}
		if _, err := io.Copy(io.Discard, r); err != nil {
			return spread.Remote{}, &spread.Failure{Outcome: spread.Refused, Err: err}
		}
		r.Close()
	}
	return spread.Remote{ID: "m-" + m.Key[:8], URL: "https://platform.example/" + m.Key[:8]}, t.note(saw{spread.Send, "", m.Key, text, m.Sums()})
}

func (t talker) Edit(_ context.Context, at spread.Remote, m spread.Message) (spread.Remote, error) {
	return at, t.note(saw{spread.Edit, at.ID, m.Key, m.Title, nil})
}

func (t talker) Delete(_ context.Context, at spread.Remote, _ spread.Message) error {
	return t.note(saw{Act: spread.Delete, At: at.ID})
}

// saw gives what the platform was told, and forgets it.
func (p *platform) saw(t testing.TB) (all []saw) {
	t.Helper()
	b, err := os.ReadFile(p.diary)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	ok(t, err)
	for line := range strings.Lines(string(b)) {
		var s saw
		ok(t, json.Unmarshal([]byte(line), &s))
		all = append(all, s)
	}
	ok(t, os.Remove(p.diary))
	return all
}

// spreader is a desk with one published record and a channel that is on.
type spreader struct {
	*collective
	p       *platform
	d       *Desk
	s       *Seat
	caseID  int64
	channel int64
}

const channelSecret = "CANARY-secret-of-the-channel"

func newSpreader(t testing.TB, files ...[]byte) *spreader {
	t.Helper()
	ctx := context.Background()
	x := &spreader{collective: newCollective(t), p: &platform{diary: filepath.Join(t.TempDir(), "platform")}}
	x.kinds = map[string]spread.Kind{"made-up": x.p}
	report := x.tell(parcel.Consent{}, files...)
	x.d = x.open(x.aigul)
	_, err := x.d.Collect(ctx, nil)
	ok(t, err)
	x.s = x.sit(x.d, x.aigul)
	x.caseID = x.casework(x.s, report.id)
	x.publish(x.d, x.caseID)
	ok(t, x.d.WaitIdle(ctx))
	x.channel, err = x.s.AddChannel(ctx, spread.Channel{Kind: "made-up", Name: "News", Place: "@news", Languages: []string{"kk", "ru"}, Carries: []string{spread.Film, spread.Poster}}, []byte(channelSecret))
	ok(t, err)
	return x
}

// post puts the record into the outbox and confirms it.
func (x *spreader) post() spread.Post {
	x.t.Helper()
	p, err := x.s.Post(context.Background(), "000001", x.channel)
	ok(x.t, err)
	return x.confirm(p.ID)
}

func (x *spreader) confirm(id int64) spread.Post {
	x.t.Helper()
	ctx := context.Background()
	m, err := x.d.Message(ctx, id)
	ok(x.t, err)
	p, err := x.s.Confirm(ctx, id, m.Digest(), spread.Checklist())
	ok(x.t, err)
	return p
}

func (x *spreader) spread() Spreaded {
	x.t.Helper()
	out, err := x.d.Spread(context.Background(), nil)
	ok(x.t, err)
	return out
}

func (x *spreader) state(id int64, want spread.State, why string) spread.Post {
	x.t.Helper()
	p, err := x.d.db.Post(context.Background(), id)
	ok(x.t, err)
	if p.State != want || why != "" && !errors.Is(p.Fault, fault.Later(why)) || why == "" && p.Fault != nil {
		x.t.Errorf("post %d is %s, %v; want %s, %q", id, p.State, p.Fault, want, why)
	}
	return p
}

// correct publishes another version of the record.
func (x *spreader) correct(change func(*casefile.Draft)) {
	x.t.Helper()
	ctx := context.Background()
	draft, base, err := x.d.Draft(ctx, x.caseID)
	ok(x.t, err)
	change(&draft)
	draft.Correction = casefile.Text{"en": "It was corrected.", "ru": "Исправлено."}
	_, err = x.s.SaveDraft(ctx, x.caseID, draft, base)
	ok(x.t, err)
	x.publish(x.d, x.caseID)
	ok(x.t, x.d.WaitIdle(ctx))
}

func (x *spreader) withdraw() {
	x.t.Helper()
	ctx := context.Background()
	p, err := x.s.ProposeWithdrawal(ctx, x.caseID, casefile.Text{"en": "The witness asked for it."})
	ok(x.t, err)
	_, err = x.sit(x.d, x.timur).Approve(ctx, p.ID, casefile.Checklist())
	ok(x.t, err)
	_, err = x.d.PublishAndTakeAway(ctx, nil)
	ok(x.t, err)
	ok(x.t, x.d.WaitIdle(ctx))
}

// TestSpreading walks one record: nothing goes without a person's word, a channel
// that is on, and a node that holds it; a correction takes the place of what stands
// there, other pictures are taken away first, a withdrawal takes all away.
func TestSpreading(t *testing.T) {
	ctx := context.Background()
	x := newSpreader(t, photo(t))
	p, err := x.s.Post(ctx, "000001", x.channel)
	ok(t, err)
	if again, err := x.s.Post(ctx, "000001", x.channel); err != nil || again.ID != p.ID {
		t.Errorf("the same record twice gives %+v, %v", again, err)
	}
	ok(t, x.s.TurnChannel(ctx, x.channel, true))
	if out := x.spread(); out.Sent != 0 || x.p.saw(t) != nil {
		t.Error("something went out that nobody confirmed")
	}
	m, err := x.d.Message(ctx, p.ID)
	ok(t, err)
	if _, err := x.s.Confirm(ctx, p.ID, m.Digest(), spread.Checklist()[1:]); !errors.Is(err, fault.Conflict("spread.unchecked")) {
		t.Errorf("half a checklist gives %v", err)
	}
	if _, err := x.s.Confirm(ctx, p.ID, "of something else", spread.Checklist()); !errors.Is(err, fault.Conflict("spread.changed_since")) {
		t.Errorf("a confirmation of something else gives %v", err)
	}
	x.confirm(p.ID)

	// No channel may have the only copy.
	_, err = x.d.db.SQL().ExecContext(ctx, `UPDATE nodes SET edition = 0`)
	ok(t, err)
	if out := x.spread(); out.Sent != 0 || x.p.saw(t) != nil {
		t.Error("a channel got what no node holds")
	}
	x.state(p.ID, spread.Queued, "spread.only_copy")
	_, err = x.d.Publish(ctx, nil)
	ok(t, err)
	_, err = x.d.db.SQL().ExecContext(ctx, `UPDATE nodes SET edition = 1`)
	ok(t, err)
	x.now = x.now.Add(2 * time.Minute)

	ok(t, x.s.TurnChannel(ctx, x.channel, false))
	if out := x.spread(); out.Sent != 0 || x.p.saw(t) != nil {
		t.Error("a channel got something that is off")
	}
	ok(t, x.s.TurnChannel(ctx, x.channel, true))
	if out := x.spread(); out.Sent != 1 {
		t.Errorf("Spread = %+v", out)
	}
	sent := x.state(p.ID, spread.Sent, "")
	got := x.p.saw(t)
	if len(got) != 1 || len(got[0].Files) != 1 || !strings.Contains(got[0].Text, "Избиение на базаре") ||
		!strings.Contains(got[0].Text, "/ru/r/0000/000001.html") || !strings.Contains(got[0].Text, "/records/0000/000001/v1.json") || sent.Remote.ID == "" {
		t.Fatalf("the platform got %+v; the post is %+v", got, sent)
	}
	if x.spread(); x.p.saw(t) != nil {
		t.Error("it was sent twice")
	}

	x.correct(func(d *casefile.Draft) { d.Title["ru"] = "Избиение на новом базаре" })
	posts, err := x.d.Posts(ctx, "000001")
	ok(t, err)
	if len(posts) != 2 || posts[0].Act != spread.Edit || posts[0].State != spread.Waiting || posts[0].Remote != sent.Remote {
		t.Fatalf("after a correction the outbox is %+v", posts)
	}
	x.confirm(posts[0].ID)
	x.spread()
	if got := x.p.saw(t); len(got) != 1 || got[0].Act != spread.Edit || got[0].At != sent.Remote.ID || got[0].Text != "Избиение на новом базаре" {
		t.Errorf("the correction did %+v", got)
	}
	x.state(p.ID, spread.Corrected, "")
	x.state(posts[0].ID, spread.Sent, "")

	x.correct(func(d *casefile.Draft) { d.Media = nil })
	x.spread()
	if got := x.p.saw(t); len(got) != 1 || got[0].Act != spread.Delete || got[0].At != sent.Remote.ID {
		t.Errorf("without the picture the old post is left: %+v", got)
	}
	posts, err = x.d.Posts(ctx, "000001")
	ok(t, err)
	x.state(posts[0].ID, spread.Waiting, "")
	x.confirm(posts[0].ID)
	x.spread()
	if got := x.p.saw(t); len(got) != 1 || got[0].Act != spread.Send || len(got[0].Files) != 0 {
		t.Errorf("the corrected record went out as %+v", got)
	}

	// What was taken back before it went can be asked for again. What turns out to
	// stand there beside a later version is taken away.
	x.correct(func(d *casefile.Draft) { d.Title["ru"] = "Третье название" })
	posts, err = x.d.Posts(ctx, "000001")
	ok(t, err)
	edit, old := posts[0], posts[1]
	_, err = x.s.Recall(ctx, edit.ID)
	ok(t, err)
	again, err := x.s.Post(ctx, "000001", x.channel)
	ok(t, err)
	if again.ID != edit.ID || again.Act != spread.Edit || again.State != spread.Waiting || again.Replaces != old.ID {
		t.Errorf("asked for again the correction is %+v", again)
	}
	_, err = x.d.db.SQL().ExecContext(ctx, `UPDATE posts SET act = 'send', remote = '', replaces = 0 WHERE id = ?1`, edit.ID)
	ok(t, err)
	x.confirm(edit.ID)
	x.spread()
	x.spread()
	if got := x.p.saw(t); len(got) != 2 || got[0].Act != spread.Send || got[1].Act != spread.Delete {
		t.Errorf("two versions stand there: %+v", got)
	}

	x.withdraw()
	if got := x.p.saw(t); len(got) != 1 || got[0].Act != spread.Delete {
		t.Errorf("the withdrawal did %+v", got)
	}
	posts, err = x.d.Posts(ctx, "000001")
	ok(t, err)
	for _, p := range posts {
		if p.There() {
			t.Errorf("after the withdrawal something is there: %+v", p)
		}
	}
	if _, err := x.s.Post(ctx, "000001", x.channel); !errors.Is(err, fault.Conflict("spread.withdrawn")) {
		t.Errorf("a withdrawn record goes out: %v", err)
	}
	events, err := x.d.db.Custody(ctx, x.caseID)
	ok(t, err)
	for _, verb := range []evidence.Verb{evidence.Cleared, evidence.Posted, evidence.Recalled} {
		if !slices.ContainsFunc(events, func(e evidence.Event) bool { return e.Verb == verb }) {
			t.Errorf("custody does not say %s", verb)
		}
	}
	if _, err := x.d.Check(ctx); err != nil {
		t.Error(err)
	}
}

// TestTakingBack: opening a desk sends nothing; what is taken back goes before all
// else, is not lost in a correction that is on its way, and is not put up again
// without a person's word; what is confirmed meanwhile goes with the round, and a
// clock that was wrong holds nothing up.
func TestTakingBack(t *testing.T) {
	ctx := context.Background()
	x := newSpreader(t)
	ok(t, x.s.TurnChannel(ctx, x.channel, true))
	p := x.post()
	_, err := x.d.queue.Add(ctx, jobPublish, "edition 1", "Aigul")
	ok(t, err)
	x.close(x.d)
	x.d = x.open(x.aigul)
	x.s = x.sit(x.d, x.aigul)
	_, err = x.d.queue.Add(ctx, jobPublish, "edition 1", "Aigul")
	ok(t, err)
	ok(t, x.d.WaitIdle(ctx))
	if got := x.p.saw(t); got != nil {
		t.Fatalf("opening the desk sent %+v", got)
	}
	second, err := x.s.AddChannel(ctx, spread.Channel{Kind: "made-up", Name: "Other", Place: "@other", Languages: []string{"en"}}, []byte(channelSecret))
	ok(t, err)
	ok(t, x.s.TurnChannel(ctx, second, true))
	other, err := x.s.Post(ctx, "000001", second)
	ok(t, err)
	x.p.before = func() { x.p.before = nil; x.confirm(other.ID) }
	if x.spread(); len(x.p.saw(t)) != 2 {
		t.Error("what was confirmed while another was sent stays behind")
	}
	p = x.state(p.ID, spread.Sent, "")
	x.state(other.ID, spread.Sent, "")

	// Taken back while its correction is on its way.
	x.correct(func(d *casefile.Draft) { d.Title["ru"] = "Другое название" })
	posts, err := x.d.Posts(ctx, "000001")
	ok(t, err)
	edit := posts[slices.IndexFunc(posts, func(q spread.Post) bool { return q.Replaces == p.ID })]
	x.confirm(edit.ID)
	recall := func() { x.p.before = nil; _, err := x.s.Recall(ctx, p.ID); ok(t, err) }
	x.p.before = recall
	x.spread()
	if got := x.p.saw(t); len(got) != 2 || got[0].Act != spread.Edit || got[1].Act != spread.Delete || got[1].At != p.Remote.ID {
		t.Errorf("taken back meanwhile, the platform was told %+v", got)
	}
	x.state(p.ID, spread.Corrected, "")
	x.state(edit.ID, spread.Withdrawn, "")

	// Taken back before its correction went: that is no news for readers.
	p = x.state(other.ID, spread.Sent, "")
	posts, err = x.d.Posts(ctx, "000001")
	ok(t, err)
	edit = posts[slices.IndexFunc(posts, func(q spread.Post) bool { return q.Replaces == p.ID })]
	x.confirm(edit.ID)
	recall()
	x.p.fails = func(spread.Act) error {
		return &spread.Failure{Outcome: spread.NotDone, Err: fault.Later("spread.cut_off")}
	}
	x.spread()
	if edit = x.state(edit.ID, spread.Waiting, ""); edit.Act != spread.Send || edit.Cleared != "" {
		t.Errorf("the correction of what was taken back is %+v", edit)
	}

	// The clock was a year ahead when it was put off.
	x.p.fails = nil
	_, err = x.d.db.SQL().ExecContext(ctx, `UPDATE posts SET next = next + 31536000000000 WHERE id = ?1`, p.ID)
	ok(t, err)
	if due, err := x.d.PostsDue(ctx); err != nil || !due {
		t.Errorf("put off by a wrong clock: due %t, %v", due, err)
	}
	x.spread()
	if got := x.p.saw(t); len(got) != 1 || got[0].Act != spread.Delete {
		t.Errorf("put off by a wrong clock the platform was told %+v", got)
	}
}

// TestSpreadingStops: the switch for everything is obeyed between two calls and
// outlives the desk; failures are final, for later or uncertain; what changed on
// the disk goes nowhere.
func TestSpreadingStops(t *testing.T) {
	ctx := context.Background()
	x := newSpreader(t, photo(t))
	ok(t, x.s.TurnChannel(ctx, x.channel, true))
	second, err := x.s.AddChannel(ctx, spread.Channel{Kind: "made-up", Name: "Other", Place: "@other", Languages: []string{"en"}}, []byte(channelSecret))
	ok(t, err)
	ok(t, x.s.TurnChannel(ctx, second, true))
	one := x.post()
	two, err := x.s.Post(ctx, "000001", second)
	ok(t, err)
	two = x.confirm(two.ID)

	x.p.before = func() { ok(t, x.s.HaltSpreading(ctx)) }
	if out := x.spread(); out.Sent != 1 || !out.Halted {
		t.Errorf("stopped in the middle Spread = %+v", out)
	}
	x.p.before = nil
	x.close(x.d)
	x.d = x.open(x.timur)
	x.s = x.sit(x.d, x.timur)
	if out := x.spread(); out.Sent != 0 || !out.Halted || len(x.p.saw(t)) != 1 {
		t.Errorf("opened again Spread = %+v", out)
	}
	if by, at, err := x.d.SpreadingHalted(ctx); by != "Aigul" || at.IsZero() || err != nil {
		t.Errorf("SpreadingHalted = %q, %v, %v", by, at, err)
	}
	x.state(two.ID, spread.Queued, "")
	ok(t, x.s.ReleaseSpreading(ctx))

	fails := func(f *spread.Failure) { x.p.fails = func(spread.Act) error { return f } }
	fails(&spread.Failure{Outcome: spread.NotDone, After: time.Hour, Err: fault.Later("spread.cut_off")})
	x.spread()
	if p := x.state(two.ID, spread.Queued, "spread.cut_off"); p.Next.Sub(x.now) != time.Hour {
		t.Errorf("told to wait an hour it goes at %s", p.Next)
	}
	x.p.fails = func(spread.Act) error { t.Error("called before its time"); return nil }
	x.spread()
	x.now = x.now.Add(time.Hour)
	fails(&spread.Failure{Outcome: spread.Refused, Err: fault.Invalid("spread.no_room")})
	x.spread()
	x.state(two.ID, spread.Failed, "spread.no_room")
	x.p.fails = nil
	x.spread()
	if x.p.saw(t) != nil {
		t.Error("what was refused was tried again by itself")
	}
	_, err = x.s.Retry(ctx, two.ID)
	ok(t, err)
	x.p.fails = func(spread.Act) error { return fmt.Errorf("https://platform.example/bot%s: cut", channelSecret) }
	x.spread()
	if two = x.state(two.ID, spread.Uncertain, "page.internal"); strings.Contains(fmt.Sprint(two.Fault), "CANARY") {
		t.Errorf("the post's fault is %v", two.Fault)
	}
	x.p.fails = nil
	x.spread()
	if x.p.saw(t) != nil {
		t.Error("what may have arrived was sent again")
	}
	if _, err := x.s.Retry(ctx, two.ID); !errors.Is(err, fault.Conflict("spread.post_state")) {
		t.Errorf("an uncertain post is retried without a word on it: %v", err)
	}
	_, err = x.d.db.SQL().ExecContext(ctx, `UPDATE posts SET channel = ?2 WHERE id = ?1`, one.ID, second)
	ok(t, err)
	taken := x.state(one.ID, spread.Sent, "").Remote
	if _, err := x.s.Judge(ctx, two.ID, &taken); !errors.Is(err, fault.Conflict("spread.remote_taken")) {
		t.Errorf("a post under the id of another gives %v", err)
	}
	_, err = x.d.db.SQL().ExecContext(ctx, `UPDATE posts SET channel = ?2 WHERE id = ?1`, one.ID, x.channel)
	ok(t, err)
	two, err = x.s.Judge(ctx, two.ID, &spread.Remote{ID: "m-7"})
	ok(t, err)
	two, err = x.s.Recall(ctx, two.ID)
	ok(t, err)
	fails(&spread.Failure{Outcome: spread.Gone, Err: fault.Later("spread.not_there_by_that", "m-7")})
	x.spread()
	if p := x.state(two.ID, spread.Failed, "spread.not_there_by_that"); !p.There() {
		t.Error("what a person named and is not there counts as taken away")
	}
	two, err = x.s.Retry(ctx, two.ID)
	ok(t, err)
	fails(&spread.Failure{Outcome: spread.Refused, Err: fault.Invalid("spread.no_room")})
	x.spread()
	if p := x.state(two.ID, spread.Failed, "spread.no_room"); !p.There() {
		t.Error("what the platform would not take away is not shown as there")
	}
	two, err = x.s.Judge(ctx, two.ID, nil)
	ok(t, err)
	x.state(two.ID, spread.Withdrawn, "")

	// What is sent is the edition's own bytes.
	x.p.fails = nil
	one, err = x.s.Recall(ctx, one.ID)
	ok(t, err)
	x.spread()
	x.p.saw(t)
	x.correct(func(d *casefile.Draft) { d.Title["en"] = "Another title" })
	three := x.post()
	blobs, err := filepath.Glob(filepath.Join(x.d.Tree(), "blobs", "*", "*.jpg"))
	ok(t, err)
	for _, name := range blobs {
		b, err := os.ReadFile(name)
		ok(t, err)
		b[len(b)-1] ^= 1
		ok(t, os.WriteFile(name, b, 0o644))
	}
	x.spread()
	x.state(three.ID, spread.Failed, "spread.bytes_changed")
	if len(blobs) == 0 || x.p.saw(t) != nil {
		t.Error("other bytes than the edition's went out")
	}

	x.noSecretAtRest()
	ok(t, x.s.RemoveChannel(ctx, x.channel))
	if secret, err := x.d.db.ChannelSecret(ctx, x.channel); err == nil {
		t.Errorf("the secret of a removed channel is kept: %d bytes", len(secret))
	}
	x.state(three.ID, spread.Withdrawn, "spread.bytes_changed")
}

// TestStopsWhatIsUnderWay: what a person stops or takes back while it is being sent
// ends at once and is kept as what it is: not done, or perhaps there; what arrived
// all the same is taken away.
func TestStopsWhatIsUnderWay(t *testing.T) {
	ctx := context.Background()
	x := newSpreader(t)
	ok(t, x.s.TurnChannel(ctx, x.channel, true))
	second, err := x.s.AddChannel(ctx, spread.Channel{Kind: "made-up", Name: "Other", Place: "@other", Languages: []string{"en"}}, []byte(channelSecret))
	ok(t, err)
	ok(t, x.s.TurnChannel(ctx, second, true))
	p := x.post()

	notDone := &spread.Failure{Outcome: spread.NotDone, Err: fault.Later("spread.telegram.unreachable")}
	unknown := &spread.Failure{Outcome: spread.Unknown, Err: fault.Later("spread.telegram.cut")}
	while := func(end error, act func()) {
		t.Helper()
		began := make(chan struct{})
		x.p.during = func(ctx context.Context) error {
			x.p.during = nil
			close(began)
			select {
			case <-ctx.Done():
			case <-time.After(10 * time.Second):
				t.Error("the call was not ended")
			}
			return end
		}
		sent := make(chan error, 1)
		go func() { _, err := x.d.Spread(ctx, nil); sent <- err }()
		<-began
		act()
		ok(t, <-sent)
	}
	recall := func(id int64) func() {
		return func() { _, err := x.s.Recall(ctx, id); ok(t, err) }
	}
	again := func(id int64) {
		t.Helper()
		q, err := x.d.db.Post(ctx, id)
		ok(t, err)
		_, err = x.s.Post(ctx, q.Record, q.Channel)
		ok(t, err)
		x.confirm(id)
	}

	while(notDone, func() { ok(t, x.s.HaltSpreading(ctx)) })
	if q := x.state(p.ID, spread.Queued, "spread.stopped"); q.Tries != 0 || q.Cleared == "" {
		t.Errorf("stopped it is %+v", q)
	}
	ok(t, x.s.ReleaseSpreading(ctx))
	while(notDone, func() { ok(t, x.s.TurnChannel(ctx, x.channel, false)) })
	x.state(p.ID, spread.Queued, "spread.stopped")
	ok(t, x.s.TurnChannel(ctx, x.channel, true))
	while(notDone, recall(p.ID))
	x.state(p.ID, spread.Withdrawn, "")

	again(p.ID)
	while(unknown, recall(p.ID))
	x.state(p.ID, spread.Uncertain, "spread.telegram.cut")
	_, err = x.s.Judge(ctx, p.ID, nil)
	ok(t, err)
	x.state(p.ID, spread.Withdrawn, "") // and not queued again
	if got := x.p.saw(t); got != nil {
		t.Fatalf("the platform was told %+v", got)
	}
	again(p.ID)
	while(unknown, recall(p.ID))
	_, err = x.s.Judge(ctx, p.ID, &spread.Remote{ID: "m-1"})
	ok(t, err)
	x.spread()
	if got := x.p.saw(t); len(got) != 1 || got[0].Act != spread.Delete || got[0].At != "m-1" {
		t.Errorf("found there after it was taken back, the platform was told %+v", got)
	}
	x.state(p.ID, spread.Withdrawn, "")

	other, err := x.s.Post(ctx, "000001", second)
	ok(t, err)
	x.confirm(other.ID)
	while(nil, recall(other.ID))
	if got := x.p.saw(t); len(got) != 2 || got[0].Act != spread.Send || got[1].Act != spread.Delete {
		t.Errorf("arrived and taken back, the platform was told %+v", got)
	}
	x.state(other.ID, spread.Withdrawn, "")

	third, err := x.s.AddChannel(ctx, spread.Channel{Kind: "made-up", Name: "Third", Place: "@third", Languages: []string{"en"}}, []byte(channelSecret))
	ok(t, err)
	ok(t, x.s.TurnChannel(ctx, third, true))
	last, err := x.s.Post(ctx, "000001", third)
	ok(t, err)
	x.confirm(last.ID)
	while(notDone, x.withdraw)
	x.state(last.ID, spread.Withdrawn, "")
	if got := x.p.saw(t); got != nil {
		t.Errorf("the platform was told %+v", got)
	}
	if _, err := x.d.Check(ctx); err != nil {
		t.Error(err)
	}
}

// noSecretAtRest: the secret of a channel, or what a test names, lies nowhere but in
// the encrypted database.
func (x *spreader) noSecretAtRest(secrets ...string) {
	x.t.Helper()
	ok(x.t, filepath.WalkDir(x.dir, func(name string, e os.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		b, err := os.ReadFile(name)
		for _, secret := range append(secrets, channelSecret) {
			if strings.Contains(string(b), secret) {
				x.t.Errorf("%s holds a secret in the clear", name)
			}
		}
		return err
	}))
}

// goesOn opens a desk that was put back, which holds everything, and lets it go on.
func (x *spreader) goesOn() {
	x.t.Helper()
	ctx := context.Background()
	x.d = x.open(x.aigul)
	x.s = x.sit(x.d, x.aigul)
	by, _, err := x.d.SpreadingHalted(ctx)
	ok(x.t, err)
	if by != evidence.Desk || HaltWords(by) == HaltWords("Aigul") {
		x.t.Errorf("a desk that was put back is stopped by %q", by)
	}
	if out := x.spread(); !out.Halted || x.p.saw(x.t) != nil {
		x.t.Error("a desk that was put back sends what may have been sent")
	}
	ok(x.t, x.s.ReleaseSpreading(ctx))
}

// TestPutBackFromABackup: a desk that was opened from a copy sends nothing before
// somebody has looked, however it was put back; one that was killed is no copy.
func TestPutBackFromABackup(t *testing.T) {
	ctx := context.Background()
	x := newSpreader(t)
	ok(t, x.s.TurnChannel(ctx, x.channel, true))
	x.post()
	x.close(x.d)
	backup := filepath.Join(t.TempDir(), "backup")
	ok(t, os.CopyFS(backup, os.DirFS(x.dir)))
	over := func(names ...string) {
		for _, name := range names {
			b, err := os.ReadFile(filepath.Join(backup, name))
			ok(t, err)
			ok(t, os.WriteFile(filepath.Join(x.dir, name), b, 0o600)) // into the file that is there
		}
	}
	x.d = x.open(x.aigul)
	for how, putBack := range map[string]func(){
		"the whole folder":  func() { x.restore(backup) },
		"over what is left": func() { over(databaseFile, databaseKey, places[0]) },
		"the database":      func() { over(databaseFile) },
	} {
		if out := x.spread(); out.Sent != 1 || len(x.p.saw(t)) != 1 {
			t.Fatalf("before it put back %s: %+v", how, out)
		}
		x.close(x.d)
		x.d = x.open(x.aigul)
		if by, _, err := x.d.SpreadingHalted(ctx); err != nil || by != "" {
			t.Fatalf("opened again it is stopped by %q, %v", by, err)
		}
		x.close(x.d)
		putBack()
		x.goesOn()
	}
	ok(t, x.s.HaltSpreading(ctx))
	ok(t, x.d.haltCopied(ctx))
	if by, _, err := x.d.SpreadingHalted(ctx); err != nil || by != evidence.Desk {
		t.Errorf("stopped before it was found to be a copy, it says %q, %v", by, err)
	}
	ok(t, x.s.ReleaseSpreading(ctx))
	x.d.unsaid = true // as when the disk was full at the opening
	if out := x.spread(); !out.Halted || x.p.saw(t) != nil || x.d.unsaid {
		t.Errorf("a copy that could not say so yet sends: %+v", out)
	}
	ok(t, x.s.ReleaseSpreading(ctx))
	x.close(x.d)
	if !x.run(order{Act: "spread", Platform: x.p.diary, DieAt: "place: made"}, 0) {
		t.Fatal("it was not killed")
	}
	x.d = x.open(x.aigul)
	if out := x.spread(); out.Halted || out.Sent != 1 {
		t.Errorf("after a kill Spread = %+v", out)
	}
	x.close(x.d)
}

// TestKilledWhileSpreading kills the desk before and after the platform hears of a
// post: nothing goes twice, and what is not known is said and asked.
func TestKilledWhileSpreading(t *testing.T) {
	ctx := context.Background()
	x := newSpreader(t)
	ok(t, x.s.TurnChannel(ctx, x.channel, true))
	p := x.post()
	x.close(x.d)
	before := filepath.Join(t.TempDir(), "copy")
	ok(t, os.CopyFS(before, os.DirFS(x.dir)))
	for point, arrived := range map[string]int{"spread: begun": 0, "spread: answered": 1} {
		x.restore(before)
		x.goesOn()
		x.close(x.d)
		if !x.run(order{Act: "spread", Platform: x.p.diary, DieAt: point}, 0) {
			t.Fatalf("it was not killed at %q", point)
		}
		x.p.asks = nil
		x.d = x.open(x.aigul)
		x.s = x.sit(x.d, x.aigul)
		x.spread()
		x.state(p.ID, spread.Uncertain, "spread.cut_off")
		if got := x.p.saw(t); len(got) != arrived {
			t.Errorf("killed at %q the platform was told %d times", point, len(got))
		}
		x.p.asks = func(key string) (spread.Remote, bool, error) {
			if key != p.Key {
				t.Errorf("asked for %q", key)
			}
			return spread.Remote{ID: "m-1"}, arrived == 1, nil
		}
		x.spread()
		x.state(p.ID, spread.Sent, "")
		if got := x.p.saw(t); len(got) != 1-arrived {
			t.Errorf("killed at %q and asked, the platform was told %d times more", point, len(got))
		}
		x.close(x.d)
	}
}
