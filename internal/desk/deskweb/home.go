package deskweb

import (
	"context"
	"time"

	"kua/internal/desk"
	"kua/internal/durable"
)

type homeView struct {
	frame
	Counts    desk.Counts
	ForMe     int // proposals that wait for this person
	Nodes     []nodeRow
	NodesDown int
	Free      int64 // bytes left on the desk's disk
	FreeLow   bool
	Running   []workRow
	Collected *collectedView
	Lost      []desk.Lost // copies that are not what they were
	LostFault string      // why that cannot be said
	Posts     int         // that wait to be carried on, or went wrong
	Halted    string      // who stopped all spreading, "" while nobody has
	Undone    int         // posts that are to be taken away and may still stand there
	Unstamped []string    // services that gave no time stamp over the newest edition, and why
	Nothing   bool        // nothing waits
}

type nodeRow struct {
	desk.NodeState
	Collected, FaultAt string // for people
	Message, Hint      string
}

type collectedView struct {
	When string
	desk.Collected
	Err, ErrHint string
	Unreached    []string
}

// lowDisk is when the home page begins to warn: less than one long film fits.
const lowDisk = 4 << 30

func home(v *visit) error {
	ctx := v.r.Context()
	view := homeView{frame: v.frame("home", v.t("deskweb.home.title"))}
	var err error
	if view.Counts, err = v.desk.Counts(ctx); err != nil {
		return err
	}
	if view.ForMe, err = v.proposalsForMe(ctx); err != nil {
		return err
	}
	if view.Nodes, err = v.nodeRows(ctx, view.frame); err != nil {
		return err
	}
	for _, n := range view.Nodes {
		if n.Fault != nil {
			view.NodesDown++
		}
	}
	view.Free, view.FreeLow = free(v.app.cfg.Desk.Dir)
	if view.Running, err = v.workRows(ctx, view.frame); err != nil {
		return err
	}
	view.Collected = v.collected(view.frame)
	if view.Lost, err = v.desk.LostCopies(); err != nil {
		message, hint := view.frame.Fault(err)
		view.LostFault = message + " " + hint
	}
	if view.Halted, err = v.halted(ctx, view.frame); err != nil {
		return err
	}
	stamps, err := v.desk.Stamps(ctx)
	if err != nil {
		return err
	}
	for _, s := range stamps {
		if s.Fault != nil && !s.Stamped {
			message, hint := view.frame.Fault(s.Fault)
			view.Unstamped = append(view.Unstamped, v.t("cli.desk.stamp.failed", s.URL, s.Edition, message+" "+hint))
		}
	}
	posts, err := v.desk.PostCounts(ctx)
	if err != nil {
		return err
	}
	view.Undone = posts.Undone
	view.Posts = posts.Waiting + posts.Queued + posts.Gathered + posts.Uncertain + posts.Failed
	c := view.Counts
	view.Nothing = c.Unread+c.Unsent+c.Failed+c.Refused+c.Behind+c.Unwrapped+view.ForMe+view.NodesDown+len(view.Lost)+view.Posts+view.Undone+len(view.Unstamped) == 0 && view.LostFault == ""
	return v.show("home", view)
}

// proposalsForMe counts the proposals that this person could sign.
func (v *visit) proposalsForMe(ctx context.Context) (int, error) {
	all, err := v.desk.Proposals(ctx)
	if err != nil {
		return 0, err
	}
	n := 0
	for _, p := range all {
		if p.State == desk.Waiting && !contains(p.Signed, v.seat.Name()) {
			n++
		}
	}
	return n, nil
}

func (v *visit) nodeRows(ctx context.Context, f frame) ([]nodeRow, error) {
	nodes, err := v.desk.Nodes(ctx)
	if err != nil {
		return nil, err
	}
	var rows []nodeRow
	for _, n := range nodes {
		row := nodeRow{NodeState: n, Collected: moment(f, n.Collected), FaultAt: moment(f, n.FaultAt)}
		if n.Fault != nil {
			row.Message, row.Hint = f.Fault(n.Fault)
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// collected tells how the last collection of this run went; nil when none was made.
func (v *visit) collected(f frame) *collectedView {
	e := v.app.errands.look("collect")
	if e.Kind == "" || e.Running() {
		return nil
	}
	view := &collectedView{When: moment(f, e.Ended)}
	if result, ok := e.Result.(desk.Collected); ok {
		view.Collected = result
		for _, n := range result.Nodes {
			if n.Err != nil {
				view.Unreached = append(view.Unreached, n.URL)
			}
		}
	}
	if e.Err != nil {
		view.Err, view.ErrHint = f.Fault(e.Err)
	}
	return view
}

// collect starts a collection and shows how it goes.
func collect(v *visit) error {
	d := v.desk
	v.app.run("collect", v.seat.Name(), func(ctx context.Context, note func(func(*errand))) (any, error) {
		result, err := d.Collect(ctx, func(p desk.Progress) {
			note(func(e *errand) { e.Step, e.Done, e.Total, e.Left = p.Node, p.Done, p.Total, p.Left })
		})
		return result, err
	})
	return v.to("/work")
}

// sendReplies tries once more to bring the unsent replies to the nodes.
func sendReplies(v *visit) error {
	d := v.desk
	v.app.run("replies", v.seat.Name(), func(ctx context.Context, note func(func(*errand))) (any, error) {
		sent, left, err := d.SendReplies(ctx)
		note(func(e *errand) { e.Done, e.Total = int64(sent), int64(sent+left) })
		return nil, err
	})
	return v.to("/work")
}

// free is how many bytes the desk's disk has left, and whether that is little.
func free(dir string) (int64, bool) {
	disk, err := durable.FreeDisk(dir)
	if err != nil {
		return 0, false
	}
	return int64(disk.Free), disk.Free < lowDisk
}

// moment writes an instant for people, on this machine's clock.
func moment(f frame, t time.Time) string {
	if t.IsZero() {
		return ""
	}
	local := t.Local()
	return f.T("deskweb.moment", f.Date(local.Format(time.DateOnly)), local.Format("15:04"))
}
