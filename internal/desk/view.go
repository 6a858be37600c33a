package desk

import (
	"context"
	"slices"
	"sync"

	"kua/internal/evidence"
	"kua/internal/fault"
	"kua/internal/media"
)

// keptViews is how many pictures for marking are kept in memory: a person pages
// there and back, and the page before it asks for the next one.
const keptViews = 6

// views are the pictures for marking that were asked for last. They are in memory
// alone; one is made at a time, so that a hasty finger on "next" does not fill
// the machine with boxes.
type views struct {
	making sync.Mutex
	mu     sync.Mutex // guards what follows
	kept   []keptView // the newest last
	given  map[given]bool
}

// given is a page's picture and whose key it was given to.
type given struct {
	key      string
	original int64
	page     int
	picture  string
}

type keptView struct {
	original int64
	page     int
	media.View
}

// View gives a picture of a photo (page 0) or of one page of a document (from 1)
// with nothing covered, made in the box, for this person to mark. The opening is
// written down as for an original; the picture is never on a disk.
func (s *Seat) View(ctx context.Context, original int64, page int) (media.View, error) {
	if err := s.current(); err != nil {
		return media.View{}, err
	}
	o, err := s.seen(ctx, original, evidence.Photo, evidence.Document)
	if err != nil {
		return media.View{}, err
	}
	if page < 0 || page > len(o.Medium.Pages) || (page == 0) != (o.Medium.Kind == evidence.Photo) {
		return media.View{}, fault.NotFound("media.no_page", page)
	}
	want := "" // what a page must look like
	if page > 0 {
		want = o.Medium.Pages[page-1].Picture
	}
	in, err := s.Original(ctx, original) // writes down who looks, whether it is kept or not
	if err != nil {
		return media.View{}, err
	}
	defer in.Close()
	made, err := s.view(ctx, in, original, page, want)
	if err == nil && page > 0 {
		s.d.views.give(given{s.KeyID(), original, page, want})
	}
	return made, err
}

// view finds a picture or has it made. A page that does not look as it must is
// the fault media.page_changed.
func (s *Seat) view(ctx context.Context, in media.Input, original int64, page int, want string) (media.View, error) {
	v := &s.d.views
	if found, ok := v.find(original, page, want); ok {
		return found, nil
	}
	v.making.Lock()
	defer v.making.Unlock()
	if found, ok := v.find(original, page, want); ok {
		return found, nil
	}
	if err := ctx.Err(); err != nil {
		return media.View{}, err
	}
	made, err := s.d.media.View(ctx, in, page)
	if err != nil {
		return media.View{}, err
	}
	if made.Picture != want {
		return media.View{}, fault.Conflict("media.page_changed", page)
	}
	v.keep(keptView{original, page, made})
	return made, nil
}

func (v *views) find(original int64, page int, picture string) (media.View, bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	i := slices.IndexFunc(v.kept, func(k keptView) bool { return k.original == original && k.page == page && k.Picture == picture })
	if i < 0 {
		return media.View{}, false
	}
	return v.kept[i].View, true
}

func (v *views) keep(k keptView) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.kept = append(v.kept, k)
	if len(v.kept) > keptViews {
		v.kept = slices.Delete(v.kept, 0, 1)
	}
}

func (v *views) give(g given) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.given == nil {
		v.given = make(map[given]bool)
	}
	v.given[g] = true
}

func (v *views) gave(g given) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.given[g]
}

// forget lets go of every picture.
func (v *views) forget() {
	v.mu.Lock()
	defer v.mu.Unlock()
	clear(v.kept)
	v.kept, v.given = nil, nil
}
