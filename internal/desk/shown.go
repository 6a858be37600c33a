package desk

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"kua/internal/evidence"
	"kua/internal/fault"
	"kua/internal/redact"
)

// Shown keeps that a page of a document (from 1) was before this person as it
// looks now. Only a page whose picture View has given to this person since the
// desk was opened can have been; another is the fault desk.page_not_given.
func (s *Seat) Shown(ctx context.Context, original int64, page int) error {
	if err := s.current(); err != nil {
		return err
	}
	o, err := s.seen(ctx, original, evidence.Document)
	if err != nil {
		return err
	}
	if page < 1 || page > len(o.Medium.Pages) {
		return fault.NotFound("media.no_page", page)
	}
	picture := o.Medium.Pages[page-1].Picture
	if picture == "" || !s.d.views.gave(given{s.KeyID(), original, page, picture}) {
		return fault.Conflict("desk.page_not_given", page)
	}
	return s.d.db.Shown(ctx, s.actor(), original, page, picture)
}

// Unseen gives the pages of a document of which a plan lets readers see anything
// and that were never before the person of this name as they look now.
func (d *Desk) Unseen(ctx context.Context, original int64, plan redact.Plan, name string) ([]int, error) {
	open := plan.OpenPages()
	if len(open) == 0 {
		return nil, nil
	}
	shown, err := d.db.ShownTo(ctx, original, name)
	return slices.DeleteFunc(open, func(n int) bool { return slices.Contains(shown[n], plan.Pages[n-1].Picture) }), err
}

// unseen gives what keeps a document from being proposed: whoever decided its
// plan last did not have every page before them that readers will see.
func (d *Desk) unseen(ctx context.Context, original int64, plan redact.Plan) ([]error, error) {
	pages, err := d.Unseen(ctx, original, plan, plan.By)
	if err != nil || len(pages) == 0 {
		return nil, err
	}
	return []error{fault.Conflict("desk.pages_unseen", original, plan.By, pageRanges(pages))}, nil
}

// pageRanges writes numbers that go up as "1, 3–5".
func pageRanges(pages []int) string {
	var all []string
	for len(pages) > 0 {
		n := 1
		for n < len(pages) && pages[n] == pages[0]+n {
			n++
		}
		if n == 1 {
			all = append(all, fmt.Sprint(pages[0]))
		} else {
			all = append(all, fmt.Sprintf("%d–%d", pages[0], pages[n-1]))
		}
		pages = pages[n:]
	}
	return strings.Join(all, ", ")
}
