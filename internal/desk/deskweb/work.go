package deskweb

import (
	"context"
	"fmt"
	"time"

	"kua/internal/desk"
)

// workRow is something long that runs, waits or has failed: an errand of this
// app or a job of the desk.
type workRow struct {
	Name     string // what it is, in words
	Link     string // where its subject is
	By, At   string
	State    string // waiting, running, done, failed, cancelled
	Step     string
	Done     string
	Percent  int
	Known    bool   // how much there is to do is known
	Left     string // time that is left, in words
	Job      int64  // 0 for an errand
	Errand   string
	Message  string
	Hint     string
	Finished bool
}

type workView struct {
	frame
	Rows    []workRow
	Running bool
	Still   bool // the person has stopped the page from looking again
}

// workPage lists what runs. While something does, the browser looks again every
// two seconds by a header, without a script; a link stops that.
func workPage(v *visit) error {
	view := workView{frame: v.frame("", v.t("deskweb.work.title"))}
	view.Still = v.r.URL.Query().Has("still")
	var err error
	if view.Rows, err = v.workRows(v.r.Context(), view.frame); err != nil {
		return err
	}
	for _, row := range view.Rows {
		view.Running = view.Running || !row.Finished
	}
	v.lookAgain(view.Running && !view.Still, "/work?auto")
	return v.show("work", view)
}

// lookAgain has the browser fetch a page again shortly.
func (v *visit) lookAgain(yes bool, path string) {
	if yes {
		v.w.Header().Set("Refresh", fmt.Sprintf("2; url=/%s%s", v.lang.Path(), path))
	}
}

func (v *visit) workRows(ctx context.Context, f frame) ([]workRow, error) {
	var rows []workRow
	for _, kind := range []string{"collect", "replies", "publish", "spread", "rewrap"} {
		if e := v.app.errands.look(kind); e.Kind != "" {
			rows = append(rows, errandRow(f, e))
		}
	}
	jobs, err := v.desk.Jobs(ctx)
	if err != nil {
		return nil, err
	}
	for _, j := range jobs {
		rows = append(rows, v.jobRow(f, j))
	}
	return rows, nil
}

func errandRow(f frame, e errand) workRow {
	row := workRow{
		Name: f.T("deskweb.work." + e.Kind), By: e.By, At: moment(f, e.Started), State: "running",
		Step: e.Step, Percent: e.Percent(), Known: e.Total > 0, Errand: e.Kind, Finished: !e.Running(),
	}
	if e.Total > 0 && (e.Kind == "collect") {
		row.Done = f.T("deskweb.work.of", f.Size(e.Done), f.Size(e.Total))
	}
	switch {
	case e.Running():
		row.Left = remaining(f, e.Left, e.Started, e.Done, e.Total)
	case e.Err != nil:
		row.State = "failed"
		row.Message, row.Hint = f.Fault(e.Err)
	default:
		row.State = "done"
	}
	return row
}

func (v *visit) jobRow(f frame, j desk.Job) workRow {
	row := workRow{
		Name: f.T("deskweb.work." + j.Kind), By: j.By, At: moment(f, j.At), State: j.State, Job: j.ID,
		Percent: percent(j.Done, j.Total), Known: j.Total > 0,
		Finished: j.State != "waiting" && j.State != "running",
	}
	if j.Original != 0 {
		row.Name = f.T("deskweb.work.about", row.Name, f.T("deskweb.original.number", j.Original))
		row.Link = f.Href(fmt.Sprintf("/originals/%d", j.Original))
	}
	if !j.Started.IsZero() { // it may have waited long for another film
		row.Left = remaining(f, 0, j.Started, j.Done, j.Total)
	}
	if j.Fault != nil {
		row.Message, row.Hint = f.Fault(j.Fault)
	}
	return row
}

// remaining writes an estimate of the time that is left, "" while there is none.
func remaining(f frame, left time.Duration, started time.Time, done, total int64) string {
	if left == 0 && done > 0 && total > done && !started.IsZero() {
		left = time.Duration(float64(time.Since(started)) / float64(done) * float64(total-done))
	}
	switch {
	case left <= 0:
		return ""
	case left < time.Minute:
		return f.T("deskweb.work.left_seconds", max(1, int(left.Seconds())))
	default:
		return f.T("deskweb.work.left", f.Duration(int(left.Seconds())))
	}
}

func stopErrand(v *visit) error {
	v.app.errands.stop(v.r.PathValue("kind"))
	return v.done("/work", "deskweb.work.stopping")
}

func cancelJob(v *visit) error {
	if err := v.seat.CancelJob(v.r.Context(), v.number("id")); err != nil {
		return err
	}
	return v.done("/work", "deskweb.work.cancelled")
}

func dismissJob(v *visit) error {
	if err := v.seat.DismissJob(v.r.Context(), v.number("id")); err != nil {
		return err
	}
	return v.to("/work")
}
