package desk

import (
	"context"
	"errors"
	"fmt"
	"image"
	"strconv"
	"strings"
	"time"

	"kua/internal/evidence"
	"kua/internal/fault"
	"kua/internal/jobs"
	"kua/internal/media"
	"kua/internal/redact"
)

// Look starts a job that finds the shots of a film, and what in a film, in a
// photo or on a document's pages looks like a face or a number plate, and saves them as a new version of the
// plan. Nothing that a person decided is changed: suggestions that are
// answered, shots that somebody decided, tracks and boxes stay as they are.
// Shots that are found are covered as the plan begins. While a look at this
// original is live its job is given instead of a second.
func (s *Seat) Look(ctx context.Context, original int64) (job int64, err error) {
	if err := s.current(); err != nil {
		return 0, err
	}
	o, err := s.seen(ctx, original, evidence.Film, evidence.Photo, evidence.Document)
	if err == nil && o.Medium.Kind == evidence.Document {
		err = measured(o)
	}
	if err != nil {
		return 0, err
	}
	return s.d.queue.Add(ctx, jobLook, subject(original), s.Name())
}

// Follow starts a job that follows a track's box in both directions from where
// it lies at a moment (in milliseconds), within the shot of that moment.
// Followed gives the result; nothing is saved by itself.
func (s *Seat) Follow(ctx context.Context, original int64, track redact.Track, at int64) (job int64, err error) {
	if err := s.current(); err != nil {
		return 0, err
	}
	o, err := s.seen(ctx, original, evidence.Film)
	if err != nil {
		return 0, err
	}
	one := redact.New("", o.Medium.Width, o.Medium.Height, millis(o.Medium.Milliseconds), true)
	one.Tracks = []redact.Track{track}
	if err := one.Validate(); err != nil {
		return 0, err
	}
	if at < 0 || at >= o.Medium.Milliseconds {
		return 0, fault.Invalid("redact.point_time", track.ID, 1)
	}
	id, err := s.d.db.AskFollow(ctx, s.actor(), original, track, at)
	if err != nil {
		return 0, err
	}
	return s.d.queue.Add(ctx, jobFollow, fmt.Sprintf("%s/%d", subject(original), id), s.Name())
}

// Followed gives where a box went: the track that was asked about with its new
// way, size and ends, its Source "tracker". While the job is not done, done is
// false; when it failed, its fault is given. An end at which the box was lost in
// the middle of the picture is an open question of a plan that takes the track.
func (d *Desk) Followed(ctx context.Context, job int64) (track redact.Track, done bool, err error) {
	j, err := d.queue.Find(ctx, job)
	if err != nil {
		return redact.Track{}, false, err
	}
	if j.Err() != nil {
		return redact.Track{}, false, j.Err()
	}
	_, _, _, track, done, err = d.db.Follow(ctx, followOf(j.Key))
	return track, done, err
}

// seen gives an original that has a picture of one of these kinds.
func (s *Seat) seen(ctx context.Context, original int64, kinds ...string) (evidence.Original, error) {
	o, err := s.d.db.Original(ctx, original)
	if err != nil {
		return o, err
	}
	for _, k := range kinds {
		if o.Medium.Kind == k {
			return o, nil
		}
	}
	if o.Medium.Kind == "" {
		return o, fault.Later("desk.not_probed_yet", original)
	}
	return o, fault.Invalid("media.nothing_to_look_at")
}

func followOf(key string) int64 {
	_, id, _ := strings.Cut(key, "/")
	n, _ := strconv.ParseInt(id, 10, 64)
	return n
}

func (d *Desk) follow(ctx context.Context, j jobs.Job, progress func(done, total int64)) error {
	original, track, at, _, done, err := d.db.Follow(ctx, followOf(j.Key))
	if err != nil || done {
		return err
	}
	plan, _, err := d.Plan(ctx, original)
	if err != nil {
		return err
	}
	place := track.Place(at)
	seed := media.Seed{At: millis(at), To: millis(plan.Duration), Margin: redact.Margin, Reveal: track.Reveal,
		Box: image.Rect(place.X, place.Y, place.X+track.W, place.Y+track.H)}
	for _, s := range plan.Shots {
		if at >= s.From && at < s.To {
			seed.From, seed.To = millis(s.From), millis(min(s.To, plan.Duration))
		}
	}
	in, err := d.open(ctx, d.person, d.actorOf(j.By), evidence.Opened, original)
	if err != nil {
		return err
	}
	defer in.Close()
	went, err := d.media.Follow(ctx, in, seed, func(done, total time.Duration) { progress(done.Milliseconds(), total.Milliseconds()) })
	if err != nil {
		return err
	}
	track.By, track.Source, track.StartSeen, track.EndSeen = j.By, redact.Tracker, false, false
	track.W, track.H, track.From, track.To, track.Points = went.W, went.H, went.From.Milliseconds(), went.To.Milliseconds(), pointsOf(went.Cover)
	one := redact.Plan{Kind: redact.Kind, Version: redact.Version, Width: plan.Width, Height: plan.Height, Duration: plan.Duration, Tracks: []redact.Track{track}}
	if err := one.Validate(); err != nil {
		return err
	}
	return d.db.Followed(ctx, followOf(j.Key), track)
}

func pointsOf(c media.Cover) []redact.Point {
	var all []redact.Point
	for _, p := range c.Points {
		all = append(all, redact.Point{At: p.At.Milliseconds(), X: p.X, Y: p.Y})
	}
	return all
}

// look finds shots and suggestions and merges them into the newest plan, again
// when somebody saved another meanwhile.
func (d *Desk) look(ctx context.Context, j jobs.Job, progress func(done, total int64)) error {
	id := originalOf(j.Key)
	by := d.actorOf(j.By)
	in, err := d.open(ctx, d.person, by, evidence.Opened, id)
	if err != nil {
		return err
	}
	defer in.Close()
	found, err := d.media.Look(ctx, in, func(done, total time.Duration) { progress(done.Milliseconds(), total.Milliseconds()) })
	if err != nil {
		return err
	}
	for range 10 {
		plan, base, err := d.Plan(ctx, id)
		if err != nil {
			return err
		}
		next, changed := plan.WithFound(cutsOf(found.Cuts), suggestionsOf(found.Hits))
		if !changed {
			return nil
		}
		if err := next.Validate(); err != nil {
			return err
		}
		_, err = d.db.SavePlan(ctx, evidence.Machine(), id, next, base)
		if !errors.Is(err, fault.Conflict("desk.plan_changed")) {
			return err
		}
	}
	return fault.Conflict("desk.plan_changed", 0, 0)
}

func cutsOf(cuts []time.Duration) []int64 {
	var all []int64
	for _, c := range cuts {
		all = append(all, c.Milliseconds())
	}
	return all
}

func suggestionsOf(hits []media.Hit) []redact.Suggestion {
	var all []redact.Suggestion
	for _, h := range hits {
		all = append(all, redact.Suggestion{Detector: h.Detector, What: h.What, Page: h.Page, W: h.W, H: h.H,
			From: h.From.Milliseconds(), To: h.To.Milliseconds(), Points: pointsOf(h.Cover)})
	}
	return all
}
