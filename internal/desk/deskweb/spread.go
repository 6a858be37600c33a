package deskweb

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"time"

	"kua/internal/desk"
	"kua/internal/fault"
	"kua/internal/locale"
	"kua/internal/spread"
)

// spreadView is the outbox: what is carried on where, and what waits for somebody.
type spreadView struct {
	frame
	Channels         []channelRow
	Kinds            []string
	Spoken           []locale.Tag
	Carries          []string
	Mine             []postRow // wait for a person
	Queued           []postRow
	Letters          []letterRow // go with the next letter that somebody sends
	There            []postRow
	Past             []postRow
	HaltedBy         string
	HaltedAt         string
	Sending          *workRow
	Result           string // of the last sending
	Kept             spread.Channel
	Error, ErrorHint string
}

type channelRow struct {
	spread.Channel
	SwitchText string
}

// letterRow is what waits for one letter.
type letterRow struct {
	spread.Channel
	Posts []postRow
}

// postRow is a post in words.
type postRow struct {
	spread.Post
	Channel             string
	ActText, StateText  string
	Tone                string // of the state: ok, warn, bad
	When, Next          string
	Message, Hint, Todo string
}

var postTones = map[spread.State]string{
	spread.Sent: "ok", spread.Waiting: "warn", spread.Uncertain: "bad", spread.Failed: "bad",
}

func (f frame) postRow(p spread.Post, channels []spread.Channel) postRow {
	row := postRow{Post: p, ActText: f.T("spread.act." + string(p.Act)), StateText: f.T("spread.state." + string(p.State)), Tone: postTones[p.State], When: moment(f, p.Changed)}
	for _, c := range channels {
		if c.ID == p.Channel {
			row.Channel = c.Name
		}
	}
	if now := time.Now(); p.State == spread.Queued && p.Goes(now).After(now) {
		row.Next = f.T("spread.next", moment(f, p.Next))
	}
	if p.Fault != nil {
		row.Message, row.Hint = f.Fault(p.Fault)
	}
	switch p.State {
	case spread.Waiting, spread.Uncertain, spread.Failed:
		row.Todo = f.T("spread.todo." + string(p.State))
	}
	if p.State == spread.Failed && p.There() {
		row.StateText, row.Todo = f.T("spread.state.undone"), f.T("spread.todo.undone")
	}
	return row
}

// postRows gives the posts of a record, or all, in words.
func (v *visit) postRows(ctx context.Context, f frame, record string) ([]postRow, error) {
	channels, err := v.desk.Channels(ctx)
	if err != nil {
		return nil, err
	}
	posts, err := v.desk.Posts(ctx, record)
	var rows []postRow
	for _, p := range posts {
		rows = append(rows, f.postRow(p, channels))
	}
	return rows, err
}

func spreadPage(v *visit) error { return v.showSpread(spread.Channel{}, nil) }

// showSpread shows the outbox, after wrong with what was written of a channel.
func (v *visit) showSpread(kept spread.Channel, wrong error) error {
	ctx := v.r.Context()
	view := spreadView{frame: v.frame("publish", v.t("spread.title")), Kinds: v.desk.Kinds(), Spoken: writable(), Carries: spread.Carries(), Kept: kept}
	channels, err := v.desk.Channels(ctx)
	if err != nil {
		return err
	}
	for _, c := range channels {
		view.Channels = append(view.Channels, channelRow{c, view.T("spread.switch." + c.Switch())})
	}
	rows, err := v.postRows(ctx, view.frame, "")
	if err != nil {
		return err
	}
	for _, row := range rows {
		switch row.State {
		case spread.Waiting, spread.Uncertain, spread.Failed:
			view.Mine = append(view.Mine, row)
		case spread.Queued, spread.Sending:
			view.Queued = append(view.Queued, row)
		case spread.Gathered:
			view.gathered(row, channels)
		case spread.Sent:
			view.There = append(view.There, row)
		default:
			view.Past = append(view.Past, row)
		}
	}
	by, at, err := v.desk.SpreadingHalted(ctx)
	if err != nil {
		return err
	}
	view.HaltedBy, view.HaltedAt = by, moment(view.frame, at)
	e := v.app.errands.look("spread")
	if l := v.app.errands.look("letter"); l.Started.After(e.Started) {
		e = l
	}
	if e.Kind != "" {
		row := errandRow(view.frame, e)
		view.Sending = &row
		if out, ok := e.Result.(desk.Spreaded); ok && e.Err == nil && !e.Running() {
			view.Result = view.T("spread.done", out.Sent, out.Gone, out.Failed)
		}
	}
	if wrong != nil {
		view.Error, view.ErrorHint = view.Fault(wrong)
		v.w.WriteHeader(statusOf(wrong))
	}
	return v.show("spread", view)
}

func (view *spreadView) gathered(row postRow, channels []spread.Channel) {
	i := slices.IndexFunc(view.Letters, func(l letterRow) bool { return l.ID == row.Post.Channel })
	if i < 0 {
		c := channels[slices.IndexFunc(channels, func(c spread.Channel) bool { return c.ID == row.Post.Channel })]
		i, view.Letters = len(view.Letters), append(view.Letters, letterRow{Channel: c})
	}
	view.Letters[i].Posts = append(view.Letters[i].Posts, row)
}

// sendPosts makes the calls whose time has come, and those that come due within
// some minutes.
func sendPosts(v *visit) error {
	v.sendPosts()
	return v.to("/work")
}

// patience is how long a sending waits for a post that a platform put off: not
// long, since meanwhile the desk does not lock by itself.
const patience = 5 * time.Minute

func (v *visit) sendPosts() { v.app.sendPosts(v.desk, v.seat.Name()) }

func (a *App) sendPosts(d *desk.Desk, by string) {
	a.run("spread", by, func(ctx context.Context, note func(func(*errand))) (any, error) {
		return sendAll(ctx, d, time.Now().Add(patience), note)
	})
}

func sendAll(ctx context.Context, d *desk.Desk, until time.Time, note func(func(*errand))) (desk.Spreaded, error) {
	var sum desk.Spreaded
	for {
		out, err := d.Spread(ctx, func(done, total int64) { note(func(e *errand) { e.Done, e.Total = done, total }) })
		out.Sent, out.Gone, out.Failed = out.Sent+sum.Sent, out.Gone+sum.Gone, out.Failed+sum.Failed
		if sum = out; err != nil || out.Halted || out.Next.IsZero() || out.Next.After(until) {
			return sum, err
		}
		if !waitDue(ctx, d, until) {
			return sum, nil // what waits, waits
		}
	}
}

// waitDue waits until a post is due, one that is confirmed meanwhile too; false
// when a person stopped it, the desk is being locked, or nothing came in time.
func waitDue(ctx context.Context, d *desk.Desk, until time.Time) bool {
	for time.Now().Before(until) {
		select {
		case <-ctx.Done():
			return false
		case <-time.After(time.Second):
		}
		if due, err := d.PostsDue(ctx); err != nil || due {
			return err == nil
		}
	}
	return false
}

func haltSpread(v *visit) error {
	if err := v.seat.HaltSpreading(v.r.Context()); err != nil {
		return err
	}
	return v.to("/spread")
}

func releaseSpread(v *visit) error {
	if err := v.seat.ReleaseSpreading(v.r.Context()); err != nil {
		return err
	}
	v.sendPosts() // withdrawals that the stop held up, first of all
	return v.to("/spread")
}

func addChannel(v *visit) error {
	c := spread.Channel{Kind: v.form("kind"), Name: v.form("name"), Place: v.form("place"), Languages: v.r.PostForm["language"], Carries: v.r.PostForm["carry"]}
	if _, err := v.seat.AddChannel(v.r.Context(), c, []byte(v.form("secret"))); err != nil {
		return v.showSpread(c, err)
	}
	return v.done("/spread", "spread.channel_added", c.Name)
}

func turnChannel(v *visit) error {
	ctx, id := v.r.Context(), v.number("id")
	switch v.form("to") {
	case "on", "off":
		if err := v.seat.TurnChannel(ctx, id, v.form("to") == "on"); err != nil {
			return err
		}
		if v.form("to") == "on" {
			v.sendPosts()
		}
	case "removed":
		if v.form("sure") == "" {
			return fault.Invalid("deskweb.withdraw.unsure")
		}
		if err := v.seat.RemoveChannel(ctx, id); err != nil {
			return err
		}
	default:
		return fault.Invalid("deskweb.form")
	}
	return v.to("/spread")
}

// postRecord puts a record into a channel's outbox and shows what would go out.
func postRecord(v *visit) error {
	p, err := v.seat.Post(v.r.Context(), v.form("record"), number(v.form("channel")))
	if err != nil {
		return err
	}
	return v.to(fmt.Sprintf("/spread/%d", p.ID))
}

// postView is one post: what would go out, and what a person can do with it.
type postView struct {
	frame
	Post             postRow
	Shown            *spread.Message // nil when nothing can go
	ShownFault       string
	Digest           string
	Checklist        []checkRow
	Retry, Recall    bool
	Judge, Gone      bool
	Error, ErrorHint string
}

func postPage(v *visit) error { return v.showPost(nil) }

func (v *visit) showPost(wrong error) error {
	ctx, id := v.r.Context(), v.number("id")
	view := postView{frame: v.frame("publish", "")}
	rows, err := v.postRows(ctx, view.frame, "")
	if err != nil {
		return err
	}
	for _, row := range rows {
		if row.ID == id {
			view.Post = row
		}
	}
	if view.Post.ID == 0 {
		return fault.NotFound("spread.no_post", id)
	}
	view.Title = view.T("spread.post_title", view.Post.Record, view.Post.Channel)
	view.state()
	if view.Post.State.Open() && view.Post.Act != spread.Delete {
		m, err := v.desk.Message(ctx, id)
		if err == nil {
			view.Shown, view.Digest = &m, m.Digest()
		} else {
			message, hint := view.Fault(err)
			view.ShownFault = message + " " + hint
		}
	}
	for _, name := range spread.Checklist() {
		view.Checklist = append(view.Checklist, checkRow{Name: name, Text: view.T("spread.check." + name), Ticked: contains(v.r.PostForm["checked"], name)})
	}
	if wrong != nil {
		view.Error, view.ErrorHint = view.Fault(wrong)
		v.w.WriteHeader(statusOf(wrong))
	}
	return v.show("post", view)
}

// state says what can be done with a post as it stands.
func (view *postView) state() {
	p := view.Post
	view.Retry = p.State == spread.Failed || p.Next != ""
	view.Recall = p.State == spread.Sent || p.Idle()
	view.Judge = p.State == spread.Uncertain
	view.Gone = p.State == spread.Failed && p.Act == spread.Delete
}

func confirmPost(v *visit) error {
	id := v.number("id")
	p, err := v.seat.Confirm(v.r.Context(), id, v.form("digest"), v.r.PostForm["checked"])
	if err != nil {
		return v.showPost(err)
	}
	if p.State == spread.Gathered {
		return v.done(fmt.Sprintf("/spread/%d", id), "spread.letter.gathered")
	}
	v.sendPosts()
	return v.done(fmt.Sprintf("/spread/%d", id), "spread.confirmed")
}

func changePost(v *visit) error {
	ctx, id := v.r.Context(), v.number("id")
	var err error
	switch v.r.PathValue("act") {
	case "retry":
		_, err = v.seat.Retry(ctx, id)
	case "recall":
		_, err = v.seat.Recall(ctx, id)
	case "there":
		_, err = v.seat.Judge(ctx, id, &spread.Remote{ID: v.form("remote"), URL: v.form("url")})
	case "gone":
		_, err = v.seat.Judge(ctx, id, nil)
	default:
		return fault.Invalid("deskweb.form")
	}
	if err != nil {
		return v.showPost(err)
	}
	v.sendPosts()
	return v.to(fmt.Sprintf("/spread/%d", id))
}

// playPost gives a file of a post, exactly the bytes that would go out.
func playPost(v *visit) error {
	m, err := v.desk.Message(v.r.Context(), v.number("id"))
	if err != nil {
		return err
	}
	f, ok := m.Of(v.r.PathValue("what"))
	if !ok {
		return fault.NotFound("spread.no_post", v.number("id"))
	}
	in, err := f.Open()
	if err != nil {
		return err
	}
	defer in.Close()
	b, err := io.ReadAll(in)
	if err != nil {
		return err
	}
	v.w.Header().Set("Content-Type", f.Type)
	v.w.Header().Set("Content-Security-Policy", "default-src 'none'; sandbox")
	http.ServeContent(v.w, v.r, "", time.Time{}, bytes.NewReader(b))
	return nil
}
