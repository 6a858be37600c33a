package lane

import (
	"cmp"
	"context"
	"math"
	"slices"

	"kua/internal/authority"
	"kua/internal/lane/lanedb"
	"kua/internal/locale"
)

// What is offered instead of a duplicate.
const (
	nearMetres  = 150.0 // as far as a place can be meant by another one's words
	nearWords   = 0.5   // without a point: so much of the words in common
	nearRead    = 100   // requests looked at for each category
	nearOffered = 5
)

// Near is an open request that may be the same as a draft.
type Near struct {
	Request Request
	Metres  float64 // from the draft's point; -1 without one
	Alike   float64 // how much of their words they have in common, 0 to 1
}

// Nearby gives open requests that may be what a draft tells of, for its writer to
// support instead: of the same kind and close by; of a category that shows places roughly, as
// close as everybody may know; or, where one of the two has no point, in the same area and in
// much the same words. The likeliest come first. A category's
// kind is its topmost ancestor. What is held back from the public is never shown.
func (l *Lane) Nearby(ctx context.Context, d Draft) ([]Near, error) {
	_, r, err := l.Current(ctx)
	if err != nil {
		return nil, err
	}
	family, err := r.Family(d.Category)
	if err != nil {
		return nil, err
	}
	if d.At != nil && d.Area == "" {
		if in := r.Locate(*d.At); len(in) > 0 {
			d.Area = in[0].ID // of those whose writers named no point
		}
	}
	var found []Near
	for _, id := range family {
		category, err := r.Category(id)
		if err != nil {
			return nil, err
		}
		candidates, err := l.candidates(ctx, category, d)
		if err != nil {
			return nil, err
		}
		for _, c := range candidates {
			request, err := shown(c)
			if err != nil {
				return nil, err
			}
			n := Near{request, -1, alike(d.Words, c.Words)}
			if d.near(&n) && !slices.ContainsFunc(found, func(o Near) bool { return o.Request.ID == n.Request.ID }) {
				found = append(found, n)
			}
		}
	}
	slices.SortFunc(found, func(a, b Near) int {
		return cmp.Or(-cmp.Compare(a.likelihood(), b.likelihood()), -cmp.Compare(a.Request.ID, b.Request.ID))
	})
	return found[:min(len(found), nearOffered)], nil
}

// near reports whether a request may be what the draft tells of; it says how far it is where that
// is known.
func (d Draft) near(n *Near) bool {
	if d.At == nil || n.Request.Place == nil {
		return n.Alike >= nearWords
	}
	if n.Request.Visibility == authority.Coarse {
		return *place(*n.Request.Place) == *public(*d.At, authority.Coarse)
	}
	n.Metres = metres(*d.At, *n.Request.Place)
	return n.Metres <= nearMetres
}

// likelihood puts the closest and the most alike first.
func (n Near) likelihood() float64 {
	if n.Metres < 0 {
		return n.Alike - 0.5 // as if it were half as far as it may be
	}
	return n.Alike - n.Metres/nearMetres
}

func (l *Lane) candidates(ctx context.Context, category authority.Category, d Draft) ([]lanedb.Request, error) {
	named, err := l.db.OpenIn(ctx, category.ID, d.Area, string(authority.Held), nearRead)
	if err != nil || d.At == nil {
		return named, err
	}
	lat := int64(math.Ceil(nearMetres / metresPerDegree * 1e6))
	lon := int64(float64(lat)/max(math.Cos(radians(d.At.Lat)), 0.01)) + 1
	at := public(*d.At, category.Visibility)
	if at == nil {
		at = place(*d.At)
	}
	near, err := l.db.OpenNear(ctx, category.ID, lanedb.Place{Lat: at.Lat - lat, Lon: at.Lon - lon}, lanedb.Place{Lat: at.Lat + lat, Lon: at.Lon + lon}, nearRead)
	return slices.Concat(near, named), err
}

// metresPerDegree is a degree of a meridian on the mean sphere.
const metresPerDegree = 111_195

func radians(m authority.Micro) float64 { return float64(m) / 1e6 * math.Pi / 180 }

// metres is the distance of two near points, on a plane that touches the sphere.
func metres(a, b authority.Point) float64 {
	north := float64(a.Lat-b.Lat) / 1e6 * metresPerDegree
	east := float64(a.Lon-b.Lon) / 1e6 * metresPerDegree * math.Cos(radians(a.Lat))
	return math.Hypot(north, east)
}

// alike is the share of two texts' different words that both have (Jaccard).
func alike(a, b string) float64 {
	words := map[string]int{}
	for _, w := range locale.Words(a) {
		words[locale.Keyboard(w)] |= 1
	}
	for _, w := range locale.Words(b) {
		words[locale.Keyboard(w)] |= 2
	}
	both := 0
	for _, in := range words {
		if in == 3 {
			both++
		}
	}
	return float64(both) / float64(max(len(words), 1))
}
