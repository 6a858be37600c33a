package desk

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"os"
	"strings"

	"kua/internal/canon"
	"kua/internal/desk/deskdb"
	"kua/internal/evidence"
	"kua/internal/fault"
	"kua/internal/media"
	"kua/internal/record"
	"kua/internal/redact"
)

// Hit is something that another detector saw in what is to be published.
type Hit = deskdb.Hit

// Hits gives what another detector saw in the newest derivatives of an original.
func (d *Desk) Hits(ctx context.Context, original int64) ([]Hit, error) {
	r, err := d.db.Rendering(ctx, original)
	return r.Hits, err
}

// AnswerHit keeps why something that a detector saw may be seen. Whoever thinks
// that it may not marks it in the plan and renders again.
func (s *Seat) AnswerHit(ctx context.Context, original, hit int64, why string) error {
	if err := s.current(); err != nil {
		return err
	}
	if why = strings.TrimSpace(why); why == "" {
		return fault.Invalid("desk.hit_needs_reason", hit)
	}
	if len([]rune(why)) > redact.MaxWords {
		return fault.TooLarge("redact.words", redact.MaxWords)
	}
	return s.d.db.AnswerHit(ctx, s.actor(), original, hit, why)
}

// lookOver has other detectors look over what was rendered, and gathers what it
// was made with.
func (d *Desk) lookOver(ctx context.Context, original int64, plan redact.Plan, version int, made []media.Rendition, progress media.Progress) (deskdb.Rendering, error) {
	r := deskdb.Rendering{Original: original, Version: version, Marked: plan.By}
	var err error
	if r.Plan, err = plan.Bytes(); err != nil {
		return r, err
	}
	if _, err := rand.Read(r.Salt[:]); err != nil {
		return r, err
	}
	if r.Tools, err = media.Tools(ctx); err != nil {
		return r, err
	}
	largest, ok := largestPicture(made)
	if !ok {
		return r, nil
	}
	f, err := os.Open(largest.Path)
	if err != nil {
		return r, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return r, err
	}
	found, err := d.media.Review(ctx, io.NewSectionReader(f, 0, info.Size()), progress)
	if err != nil {
		return r, err
	}
	r.Tools = append(r.Tools, found.Tools...)
	for _, s := range suggestionsOf(found.Hits) {
		r.Hits = append(r.Hits, deskdb.Hit{Seen: s})
	}
	return r, nil
}

// largestPicture is the rendition that shows most.
func largestPicture(made []media.Rendition) (media.Rendition, bool) {
	var best media.Rendition
	for _, m := range made {
		if !m.Poster && m.Width*m.Height > best.Width*best.Height {
			best = m
		}
	}
	return best, best.Path != ""
}

// looked gives what keeps derivatives from being proposed: nobody looked them
// over, or what was seen is not answered. It gives the commitment to the plan
// that they were made with as well.
func (d *Desk) looked(ctx context.Context, original int64) (commitment string, lacks []error, err error) {
	r, err := d.db.Rendering(ctx, original)
	if f, ok := fault.Of(err); ok && f.Key == "desk.not_looked_over" {
		return "", []error{f}, nil
	}
	if err != nil {
		return "", nil, err
	}
	for _, h := range r.Hits {
		if h.Why == "" {
			lacks = append(lacks, fault.Conflict("desk.hit_open", original, h.ID, fmt.Sprintf("%.1f", float64(h.Seen.From)/1000), h.Seen.Detector))
		}
	}
	return record.Commit(r.Salt, canon.Hash(r.Plan)), lacks, nil
}

// actorOf gives the person for whom a job runs.
func (d *Desk) actorOf(name string) evidence.Actor {
	return evidence.Actor{Name: name, Key: d.keyOf(name)}
}
