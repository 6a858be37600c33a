package deskweb

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"

	"kua/internal/desk"
	"kua/internal/evidence"
	"kua/internal/fault"
	"kua/internal/redact"
)

// progressed is how far a machine's work for the marker is, as its script has it.
type progressed struct {
	State   string        `json:"state"`
	Percent int           `json:"percent"`
	Left    string        `json:"left"` // in words
	Message string        `json:"message"`
	Track   *redact.Track `json:"track,omitempty"` // what was followed
}

// startLook has a machine find shots, faces and plates. They come into a new
// version of the plan, which the script fetches.
func startLook(v *visit) error {
	job, err := v.seat.Look(v.r.Context(), v.number("id"))
	if err != nil {
		return err
	}
	return v.json(http.StatusOK, map[string]int64{"job": job})
}

// startFollow has a machine follow what a box lies on at a moment.
func startFollow(v *visit) error {
	body, err := io.ReadAll(v.r.Body)
	if err != nil {
		return err
	}
	var asked struct {
		Track redact.Track `json:"track"`
		At    int64        `json:"at"`
	}
	if err := json.Unmarshal(body, &asked); err != nil {
		return fault.Invalid("deskweb.form").Because(err)
	}
	job, err := v.seat.Follow(v.r.Context(), v.number("id"), asked.Track, asked.At)
	if err != nil {
		return err
	}
	return v.json(http.StatusOK, map[string]int64{"job": job})
}

// machineWork tells how far a job is that was started for this original, and
// what was followed once it is done.
func machineWork(v *visit) error {
	j, err := v.machineJob()
	if err != nil {
		return err
	}
	f := v.frame("", "")
	row := v.jobRow(f, j)
	p := progressed{State: row.State, Percent: row.Percent, Left: row.Left, Message: strings.TrimSpace(row.Message + " " + row.Hint)}
	if j.State == "done" && j.Kind == "follow" {
		track, done, err := v.desk.Followed(v.r.Context(), j.ID)
		if err != nil {
			return err
		}
		if done {
			p.Track = &track
		}
	}
	return v.json(http.StatusOK, p)
}

func stopMachine(v *visit) error {
	j, err := v.machineJob()
	if err != nil {
		return err
	}
	if err := v.seat.CancelJob(v.r.Context(), j.ID); err != nil {
		return err
	}
	return v.json(http.StatusOK, struct{}{})
}

// machineJob is the job of the address, if it is about its original.
func (v *visit) machineJob() (desk.Job, error) {
	j, err := v.desk.Job(v.r.Context(), v.number("job"))
	if err != nil {
		return j, err
	}
	about := fmt.Sprintf("original %d", v.number("id"))
	if subject, _, _ := strings.Cut(j.Subject, "/"); subject != about {
		return j, fault.NotFound("marker.no_job", v.number("job"))
	}
	return j, nil
}

// hitRow is something that another detector saw in what is to be published.
type hitRow struct {
	ID          int64
	What, Where string
	Film        bool
	Source      string // of the derivative, at the moment
	Why, By     string
}

// hitsOf gives what a detector still sees in the newest derivatives, where it
// can be looked at: in the largest of them.
func (v *visit) hitsOf(f frame, original int64, made []evidence.Derivative) ([]hitRow, error) {
	hits, err := v.desk.Hits(v.r.Context(), original)
	if missing, ok := fault.Of(err); ok && missing.Kind == fault.KindNotFound {
		return nil, nil // nothing was rendered yet, or by a program that did not look
	}
	if err != nil {
		return nil, err
	}
	largest := make(map[int]evidence.Derivative) // of each page of a document; 0 for all else
	for _, d := range made {
		page, _ := desk.PageOf(d.Rung)
		if b := largest[page]; !d.Poster && d.Width*d.Height > b.Width*b.Height && !strings.HasPrefix(d.Type, "audio/") {
			largest[page] = d
		}
	}
	var rows []hitRow
	for _, h := range hits {
		s := h.Seen
		largest := largest[s.Page]
		row := hitRow{ID: h.ID, What: f.T("marker.script." + s.What), Why: h.Why, By: h.By, Film: strings.HasPrefix(largest.Type, "video/")}
		place := redact.Track{Points: s.Points}.Place((s.From + s.To) / 2)
		row.Where = fmt.Sprintf("%d × %d · %d, %d", s.W, s.H, place.X, place.Y)
		row.Source = fmt.Sprintf("/media/derivative/%d", largest.ID)
		if s.Page > 0 {
			row.Where = f.T("marker.script.page", s.Page) + " · " + row.Where
		}
		if row.Film {
			row.Where = clock(s.From) + " – " + clock(s.To) + " · " + row.Where
			row.Source += fmt.Sprintf("#t=%.3f", float64(s.From+s.To)/2000)
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// answerHit keeps why what a detector saw may be seen.
func answerHit(v *visit) error {
	if err := v.seat.AnswerHit(v.r.Context(), v.number("id"), v.number("hit"), v.form("why")); err != nil {
		return err
	}
	return v.done("/originals/"+v.id(), "deskweb.saved")
}
