package desk

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"kua/internal/evidence"
	"kua/internal/fault"
	"kua/internal/jobs"
	"kua/internal/media"
)

// The kinds of jobs.
const (
	jobProbe   = "probe"
	jobTrace   = "trace"
	jobCompare = "compare"
	jobRender  = "render"
	jobPublish = "publish"
	jobLook    = "suggest"
	jobFollow  = "follow"
	jobViewing = "viewing"
)

// Job is something that runs in the background.
type Job struct {
	ID       int64
	Kind     string // probe, trace, compare, render, publish, suggest, follow, viewing
	Subject  string // "original 3"
	Original int64  // 0 when it is about none
	State    string // waiting, running, done, failed, cancelled
	Done     int64  // of Total; for a film milliseconds of it, over all its passes
	Total    int64
	Fault    error // why it failed
	By       string
	At       time.Time // when it was asked for
	Started  time.Time // when its work began; zero unless it runs
}

func (d *Desk) startJobs(ctx context.Context) error {
	q, err := jobs.Open(ctx, d.db.SQL(), jobs.Config{Workers: d.cfg.Workers, Alone: true, Now: d.cfg.Now})
	if err != nil {
		return err
	}
	q.Handle(jobProbe, d.probe)
	q.Handle(jobTrace, d.trace)
	q.Handle(jobCompare, d.compare)
	q.Handle(jobRender, d.render)
	q.Handle(jobLook, d.look)
	q.Handle(jobFollow, d.follow)
	q.Handle(jobViewing, d.viewing)
	q.Handle(jobPublish, func(ctx context.Context, _ jobs.Job, progress func(done, total int64)) error {
		_, err := d.Publish(ctx, func(_ string, done, total int64) { progress(done, total) })
		return errors.Join(err, d.tellWithheld(err)) // it outlives the desk, so it calls no channel: opening a desk sends nothing
	})
	d.queue = q
	if err := d.addProbes(ctx); err != nil {
		return err
	}
	if err := d.addComparisons(ctx); err != nil {
		return err
	}
	if d.cfg.Idle {
		return nil
	}
	return q.Start(ctx)
}

// addProbes asks for a look at every original that nobody has looked at yet.
func (d *Desk) addProbes(ctx context.Context) error {
	ids, err := d.db.Unprobed(ctx)
	for _, id := range ids {
		if err == nil {
			_, err = d.queue.Add(ctx, jobProbe, subject(id), evidence.Desk)
		}
	}
	if err != nil {
		return err
	}
	return d.addTraces(ctx)
}

func subject(original int64) string { return "original " + strconv.FormatInt(original, 10) }

func originalOf(key string) int64 {
	number, _, _ := strings.Cut(strings.TrimPrefix(key, "original "), "/")
	id, _ := strconv.ParseInt(number, 10, 64)
	return id
}

// Probe starts a job that looks at an original again, whatever was found before:
// where the machine was too slow, a tool was missing, or a document's pages do not
// look any more as they did. A look that ends by the machine's slowness takes
// nothing away that was known.
func (s *Seat) Probe(ctx context.Context, original int64) (job int64, err error) {
	if err := s.current(); err != nil {
		return 0, err
	}
	if _, err := s.d.db.Original(ctx, original); err != nil {
		return 0, err
	}
	if _, _, why, err := s.d.db.Traces(ctx, original); err == nil && why != nil {
		if _, err := s.d.queue.Add(ctx, jobTrace, subject(original), s.Name()); err != nil {
			return 0, err
		}
	}
	return s.d.queue.Add(ctx, jobProbe, subject(original), s.Name())
}

// slow reports whether a look ended by the machine's slowness, which says little
// of the file: another time it may end well.
func slow(err error) bool {
	return errors.Is(err, fault.Invalid("media.too_slow")) || errors.Is(err, fault.Invalid("media.stalled"))
}

// probe looks at one original in the box. What is wrong with the file is kept
// with the original, and so is that the machine was too slow; what else is wrong
// with the machine fails the job.
func (d *Desk) probe(ctx context.Context, j jobs.Job, _ func(done, total int64)) error {
	id := originalOf(j.Key)
	before, err := d.db.Original(ctx, id)
	if err != nil {
		return err
	}
	in, err := d.open(ctx, d.person, d.actorOf(j.By), evidence.Probed, id)
	if err != nil {
		return err
	}
	defer in.Close()
	p, err := d.media.Probe(ctx, in)
	medium := mediumOf(p)
	if err == nil && p.Type == media.Document {
		medium.Pages, err = d.measure(ctx, in)
	}
	if err != nil && (ctx.Err() != nil || !refusable(err)) {
		return err
	}
	if slow(err) && before.Medium.Kind != "" && before.Fault == "" {
		return err
	}
	if err != nil && medium.Kind != evidence.Document {
		medium = evidence.Medium{Kind: evidence.Unknown}
	}
	if err != nil {
		return d.db.Probed(ctx, id, medium, err, slow(err))
	}
	if err := d.db.Probed(ctx, id, medium, nil, false); err != nil {
		return err
	}
	_, err = d.queue.Add(ctx, jobCompare, j.Key, evidence.Desk)
	return err
}

// measure gives the pages of a document. What makes none is kept sealed and
// shown by name.
func (d *Desk) measure(ctx context.Context, in media.Input) ([]evidence.Page, error) {
	pages, err := d.media.Pages(ctx, in)
	var all []evidence.Page
	for _, p := range pages {
		all = append(all, evidence.Page{Width: p.Size.X, Height: p.Size.Y, Picture: p.Picture})
	}
	return all, err
}

// Render starts a job that makes the derivatives of an original with its newest
// plan. While one is live for this original it is given instead of a second.
func (s *Seat) Render(ctx context.Context, original int64) (job int64, err error) {
	if err := s.current(); err != nil {
		return 0, err
	}
	o, err := s.d.db.Original(ctx, original)
	if err != nil {
		return 0, err
	}
	switch o.Medium.Kind {
	case evidence.Film, evidence.Photo, evidence.Sound:
	case evidence.Document:
		if err := measured(o); err != nil {
			return 0, err
		}
	case "":
		return 0, fault.Later("desk.not_probed_yet", original)
	default:
		return 0, fault.Invalid("desk.cannot_render", original)
	}
	return s.d.queue.Add(ctx, jobRender, subject(original), s.Name())
}

// measured says why a document has no pages that could be marked or made.
func measured(o evidence.Original) error {
	switch {
	case len(o.Medium.Pages) > 0 && o.Medium.Pages[0].Picture != "":
		return nil
	case o.Fault != "":
		return fault.Invalid("desk.cannot_render", o.ID)
	}
	return fault.Later("desk.not_probed_yet", o.ID)
}

// render makes derivatives in a scratch directory, seals each for the desk's
// people and wipes the directory.
func (d *Desk) render(ctx context.Context, j jobs.Job, progress func(done, total int64)) error {
	id := originalOf(j.Key)
	o, err := d.db.Original(ctx, id)
	if err != nil {
		return err
	}
	if o.Medium.Width > 0 || len(o.Medium.Pages) > 0 {
		if err := media.CheckDetectors(); err != nil {
			return err // rather than when the film is made
		}
	}
	plan, version, err := d.Plan(ctx, id)
	if err != nil {
		return err
	}
	out, err := os.MkdirTemp(d.cfg.Scratch, "render-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(out)
	by := d.actorOf(j.By)
	in, err := d.open(ctx, d.person, by, evidence.Opened, id)
	if err != nil {
		return err
	}
	defer in.Close()
	looking := millis(o.Medium.Milliseconds) // one more pass over the film
	made, err := d.make(ctx, in, o.Medium.Kind, compile(plan), out, func(done, total time.Duration) {
		progress(done.Milliseconds(), (total + looking).Milliseconds())
	})
	if err != nil {
		return err
	}
	captions, err := writeCaptions(plan, out)
	if err != nil {
		return err
	}
	all := slices.Concat(made, captions)
	if err := d.gateMade(ctx, o, in, all); err != nil {
		return err
	}
	with, err := d.lookOver(ctx, id, plan, version, made, nil)
	if err != nil {
		return err
	}
	set, err := d.sealAll(ctx, id, version, all)
	if err != nil {
		return err
	}
	if err := d.noteGated(ctx, by, set, "rendered"); err != nil {
		return err
	}
	d.crash("render: sealed")
	return d.db.Rendered(ctx, by, id, set, with)
}

func (d *Desk) make(ctx context.Context, in media.Input, kind string, p media.Plan, out string, progress media.Progress) ([]media.Rendition, error) {
	switch kind {
	case evidence.Film:
		return d.media.Film(ctx, in, p, out, progress)
	case evidence.Sound:
		return d.media.Sound(ctx, in, p, out, progress)
	case evidence.Photo:
		return d.media.Photo(ctx, in, p, out)
	case evidence.Document:
		if len(p.Pages) == 0 { // what no plan was made on begins hidden, and nothing of it is shown
			return nil, fault.Invalid("desk.cannot_render", kind)
		}
		return d.media.Document(ctx, in, p, out, progress)
	}
	return nil, fault.Invalid("desk.cannot_render", kind)
}

// keyOf gives the id of a person's key by name, "" for nobody of the desk.
func (d *Desk) keyOf(name string) string {
	for _, p := range d.Charter().Current() {
		if p.Name == name {
			return keyID(p)
		}
	}
	return ""
}

func (d *Desk) sealAll(ctx context.Context, original int64, plan int, made []media.Rendition) ([]evidence.Derivative, error) {
	var set []evidence.Derivative
	for _, m := range made {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		e := evidence.Derivative{Original: original, Plan: plan, Rung: m.Rung, Type: m.Type, Poster: m.Poster,
			Width: m.Width, Height: m.Height, Seconds: m.Seconds, Sealed: strings.ToLower(rand.Text()) + ".age"}
		var err error
		if e.Size, e.SHA256, err = d.sealOne(m.Path, e.Sealed); err != nil {
			return nil, fmt.Errorf("seal %s: %w", m.Rung, err)
		}
		set = append(set, e)
	}
	return set, nil
}

func (d *Desk) sealOne(path, name string) (size int64, sum string, err error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, "", err
	}
	defer f.Close()
	h := sha256.New()
	size, err = sealFile(filepath.Join(d.dir, "derived", name), io.TeeReader(f, h), d.Charter().Recipients())
	return size, hex.EncodeToString(h.Sum(nil)), err
}

// Derivatives gives what was last rendered of an original, and whether its plan
// has changed since.
func (d *Desk) Derivatives(ctx context.Context, original int64) (made []evidence.Derivative, stale bool, err error) {
	if made, err = d.db.Derivatives(ctx, original); err != nil || len(made) == 0 {
		return nil, false, err
	}
	_, version, err := d.Plan(ctx, original)
	return made, made[0].Plan != version, err
}

// Jobs gives the jobs that wait, run or failed, and those done lately, newest first.
func (d *Desk) Jobs(ctx context.Context) ([]Job, error) {
	all, err := d.queue.List(ctx)
	out := make([]Job, len(all))
	for i, j := range all {
		out[i] = jobOf(j)
	}
	return out, err
}

// Job gives one job.
func (d *Desk) Job(ctx context.Context, id int64) (Job, error) {
	j, err := d.queue.Find(ctx, id)
	return jobOf(j), err
}

func jobOf(j jobs.Job) Job {
	return Job{ID: j.ID, Kind: j.Kind, Subject: j.Key, Original: originalOf(j.Key), State: string(j.State), Done: j.Done, Total: j.Total,
		Fault: j.Err(), By: j.By, At: j.Added, Started: j.Started}
}

// CancelJob stops a job that waits or runs.
func (s *Seat) CancelJob(ctx context.Context, id int64) error {
	if err := s.current(); err != nil {
		return err
	}
	return s.d.queue.Cancel(ctx, id)
}

// DismissJob takes a failed job off the list.
func (s *Seat) DismissJob(ctx context.Context, id int64) error {
	if err := s.current(); err != nil {
		return err
	}
	return s.d.queue.Dismiss(ctx, id)
}

// WaitJob waits until a job is done, failed or cancelled, or ctx ends.
func (d *Desk) WaitJob(ctx context.Context, id int64, progress func(Job)) (Job, error) {
	j, err := d.queue.Wait(ctx, id, func(j jobs.Job) {
		if progress != nil {
			progress(jobOf(j))
		}
	})
	return jobOf(j), err
}

// WaitIdle waits until nothing is left to do in the background, or ctx ends.
func (d *Desk) WaitIdle(ctx context.Context) error {
	all, err := d.queue.List(ctx)
	for _, j := range all {
		if j.State.Live() {
			_, waited := d.queue.Wait(ctx, j.ID, nil)
			err = errors.Join(err, waited)
		}
	}
	return err
}
