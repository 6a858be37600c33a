package desk

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strconv"
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
	for i, picture := range toLookOver(made) {
		found, err := d.reviewFile(ctx, picture.Path, progress)
		if err != nil {
			return r, fmt.Errorf("look over %s: %w", picture.Rung, err)
		}
		if i == 0 {
			r.Tools = append(r.Tools, found.Tools...)
		}
		for _, s := range suggestionsOf(found.Hits) {
			s.Page, _ = PageOf(picture.Rung)
			r.Hits = append(r.Hits, deskdb.Hit{Seen: s})
		}
	}
	return r, nil
}

func (d *Desk) reviewFile(ctx context.Context, path string, progress media.Progress) (media.Found, error) {
	f, err := os.Open(path)
	if err != nil {
		return media.Found{}, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return media.Found{}, err
	}
	return d.media.Review(ctx, io.NewSectionReader(f, 0, info.Size()), progress)
}

// toLookOver are the renditions that show most: of a document one of every page,
// of all else one.
func toLookOver(made []media.Rendition) []media.Rendition {
	best := map[int]media.Rendition{}
	for _, m := range made {
		page, _ := PageOf(m.Rung)
		if b := best[page]; !m.Poster && m.Width*m.Height > b.Width*b.Height {
			best[page] = m
		}
	}
	var all []media.Rendition
	for _, page := range slices.Sorted(maps.Keys(best)) {
		all = append(all, best[page])
	}
	return all
}

// PageOf gives the page of a document that a rung shows, from 1.
func PageOf(rung string) (page int, ok bool) {
	if rest, cut := strings.CutPrefix(rung, "page-"); cut {
		number, _, _ := strings.Cut(rest, "-")
		page, err := strconv.Atoi(number)
		return page, err == nil
	}
	return 0, false
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
			if h.Seen.Page > 0 {
				lacks = append(lacks, fault.Conflict("desk.hit_open_page", original, h.ID, h.Seen.Page, h.Seen.Detector))
				continue
			}
			lacks = append(lacks, fault.Conflict("desk.hit_open", original, h.ID, fmt.Sprintf("%.1f", float64(h.Seen.From)/1000), h.Seen.Detector))
		}
	}
	return record.Commit(r.Salt, canon.Hash(r.Plan)), lacks, nil
}

// actorOf gives the person for whom a job runs.
func (d *Desk) actorOf(name string) evidence.Actor {
	return evidence.Actor{Name: name, Key: d.keyOf(name)}
}
