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
// support instead: of the same kind and close by or, without a point, in the
// same area and in much the same words. The likeliest come first. A category's
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
	var found []Near
	for _, category := range family {
		candidates, err := l.candidates(ctx, r, category, d)
		if err != nil {
			return nil, err
		}
		for _, c := range candidates {
			request, err := shown(c)
			if err != nil {
				return nil, err
			}
			n := Near{request, -1, alike(d.Words, c.Words)}
			if d.At != nil && request.Place != nil {
				n.Metres = metres(*d.At, *request.Place)
			}
			if d.At != nil && n.Metres <= nearMetres || d.At == nil && n.Alike >= nearWords {
				found = append(found, n)
			}
		}
	}
	slices.SortFunc(found, func(a, b Near) int {
		return cmp.Or(-cmp.Compare(a.likelihood(), b.likelihood()), -cmp.Compare(a.Request.ID, b.Request.ID))
	})
	return found[:min(len(found), nearOffered)], nil
}

// likelihood puts the closest and the most alike first.
func (n Near) likelihood() float64 { return n.Alike - max(n.Metres, 0)/nearMetres }

func (l *Lane) candidates(ctx context.Context, r *authority.Router, category string, d Draft) ([]lanedb.Request, error) {
	if d.At == nil {
		return l.db.OpenIn(ctx, category, d.Area, string(authority.Held), nearRead)
	}
	lat := int64(math.Ceil(nearMetres / metresPerDegree * 1e6))
	lon := int64(float64(lat)/max(math.Cos(radians(d.At.Lat)), 0.01)) + 1
	at := place(*d.At)
	return l.db.OpenNear(ctx, category, lanedb.Place{Lat: at.Lat - lat, Lon: at.Lon - lon}, lanedb.Place{Lat: at.Lat + lat, Lon: at.Lon + lon}, nearRead)
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
