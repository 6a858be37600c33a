package deskweb

import (
	"context"
	"fmt"
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
	Spoken           []spokenRow
	Carries          []checkRow
	Mine             []postRow // wait for a person
	Queued           []postRow
	Letters          []letterRow // go with the next letter that somebody sends
	There            []postRow
	Past             []postRow
	Halted           string // who stopped everything and when, "" while nobody has
	Sending          *workRow
	Result           string // of the last sending
	Kept             spread.Channel
	Error, ErrorHint string
}

type channelRow struct {
	spread.Channel
	SwitchText string
	Audience   string // "" for a channel of a platform, which knows its own
}

// spokenRow is a language that a channel may have, and how it was chosen before.
type spokenRow struct {
	locale.Tag
	First, Ticked bool
}

// choices gives what can be chosen of a channel, as it was chosen.
func (f frame) choices(c spread.Channel) (spoken []spokenRow, carries []checkRow) {
	first, others := "", []string(nil)
	if len(c.Languages) > 0 {
		first, others = c.Languages[0], c.Languages[1:]
	}
	for _, tag := range writable() {
		spoken = append(spoken, spokenRow{tag, string(tag) == first, contains(others, string(tag))})
	}
	for _, what := range spread.Carries() {
		carries = append(carries, checkRow{Name: what, Text: f.T("spread.carry." + what), Ticked: c.May(what)})
	}
	return spoken, carries
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
	if p.TakenBack() && p.State == spread.Uncertain {
		row.Todo = f.T("spread.todo.back")
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
	view := spreadView{frame: v.frame("publish", v.t("spread.title")), Kinds: v.desk.Kinds(), Kept: kept}
	view.Spoken, view.Carries = view.choices(kept)
	channels, err := v.desk.Channels(ctx)
	if err != nil {
		return err
	}
	for _, c := range channels {
		row := channelRow{Channel: c, SwitchText: view.T("spread.switch." + c.Switch())}
		if !c.Removed && v.desk.MakesSecret(c.Kind) {
			heard, err := v.desk.Audience(ctx, c.ID)
			if err != nil {
				return err
			}
			row.Audience = view.T("spread.audience", heard.Followers, heard.Waiting, heard.Lost)
		}
		view.Channels = append(view.Channels, row)
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
	if view.Halted, err = v.halted(ctx, view.frame); err != nil {
		return err
	}
	e := v.app.errands.look("spread")
	if l := v.app.errands.look("letter"); l.Started.After(e.Started) {
		e = l
	}
	if e.Kind != "" {
		row := errandRow(view.frame, e)
		view.Sending = &row
		if out, ok := e.Result.(desk.Spreaded); ok && e.Err == nil && !e.Running() {
			view.Result = view.T("spread.done", out.Sent, out.Gone, out.Failed)
			if out.Told+out.Untold > 0 {
				view.Result += " " + view.T("spread.told", out.Told, out.Untold)
			}
			for _, n := range out.Away {
				message, _ := view.Fault(n.Err)
				view.Result += " " + view.T("spread.home_away", n.URL, message)
			}
		}
	}
	if wrong != nil {
		view.Error, view.ErrorHint = view.Fault(wrong)
		v.w.WriteHeader(statusOf(wrong))
	}
	return v.show("spread", view)
}

// halted says who stopped all spreading and when, "" while nobody has.
func (v *visit) halted(ctx context.Context, f frame) (string, error) {
	by, at, err := v.desk.SpreadingHalted(ctx)
	if by == "" || err != nil {
		return "", err
	}
	return f.T(desk.HaltWords(by), by, moment(f, at)), nil
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
	a.runAfter("spread", by, func(ctx context.Context, note func(func(*errand))) (any, error) {
		return sendAll(ctx, d, time.Now().Add(patience), note)
	})
}

func sendAll(ctx context.Context, d *desk.Desk, until time.Time, note func(func(*errand))) (desk.Spreaded, error) {
	var sum desk.Spreaded
	for {
		out, err := d.Spread(ctx, func(done, total int64) { note(func(e *errand) { e.Done, e.Total = done, total }) })
		out.Sent, out.Gone, out.Failed = out.Sent+sum.Sent, out.Gone+sum.Gone, out.Failed+sum.Failed
		out.Told, out.Untold = out.Told+sum.Told, out.Untold+sum.Untold
		out.Away = joinAway(sum.Away, out.Away)
		if sum = out; err != nil || out.Halted || out.Next.IsZero() || out.Next.After(until) {
			return sum, err
		}
		if !waitDue(ctx, d, until) {
			return sum, nil // what waits, waits
		}
	}
}

// joinAway gives the nodes that were away in a round, those of the later last, each
// once with what was the matter last.
func joinAway(earlier, later []desk.NodeFault) (all []desk.NodeFault) {
	for _, n := range earlier {
		if !slices.ContainsFunc(later, func(m desk.NodeFault) bool { return m.URL == n.URL }) {
			all = append(all, n)
		}
	}
	return append(all, later...)
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
	c := spread.Channel{Kind: v.form("kind"), Name: v.form("name"), Place: v.form("place"), Carries: v.r.PostForm["carry"]}
	if first := v.form("first"); first != "" {
		c.Languages = append(c.Languages, first)
	}
	for _, l := range v.r.PostForm["language"] {
		if !contains(c.Languages, l) {
			c.Languages = append(c.Languages, l)
		}
	}
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
	Remote, URL      string // what was written of where it stands
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
	same := v.form("digest") == view.Digest // of what changed meanwhile nothing was looked at
	for _, name := range spread.Checklist() {
		view.Checklist = append(view.Checklist, checkRow{Name: name, Text: view.T("spread.check." + name), Ticked: same && contains(v.r.PostForm["checked"], name)})
	}
	view.Remote, view.URL = v.form("remote"), v.form("url")
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
	view.Recall = p.State == spread.Sent || p.Idle() || p.Act != spread.Delete && p.State == spread.Sending
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
