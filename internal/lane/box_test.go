package lane_test

import (
	"fmt"
	"slices"
	"testing"

	"kua/internal/lane"
	"kua/internal/sqldb"
)

// TestBox: a list of a box has what lies in it, its borders too, newest first, with
// every other filter; what has no public place or may not be seen is on no map.
func TestBox(t *testing.T) {
	onBoth(t, func(t *testing.T, open func() *lane.Lane, _ sqldb.Config) {
		l := withCity(t, open())
		var ids []int64
		for i := range 12 { // along a line from south-west to north-east
			ids = append(ids, submit(t, l, manhole(func(d *lane.Draft) {
				d.At = at(45.05+float64(i)/1000, 65.15+float64(i)/1000)
				d.Words = fmt.Sprintf("выдумано, люк %d", i)
			})))
		}
		submit(t, l, manhole(func(d *lane.Draft) { d.At, d.Area = nil, "south" }))
		submit(t, l, manhole(func(d *lane.Draft) { d.Category, d.Answers, d.At = "no-answer", nil, at(45.053, 65.153) })) // held
		pothole := submit(t, l, manhole(func(d *lane.Draft) { d.Category, d.Answers, d.At = "pothole", nil, at(45.0535, 65.1535) }))
		for _, c := range []struct {
			filter lane.Filter
			want   []int64
		}{
			{lane.Filter{Box: &lane.Box{SouthWest: *at(45.052, 65.152), NorthEast: *at(45.055, 65.155)}}, []int64{pothole, ids[5], ids[4], ids[3], ids[2]}},
			{lane.Filter{Box: &lane.Box{SouthWest: *at(45.052, 65.152), NorthEast: *at(45.055, 65.155)}, Category: "pothole"}, []int64{pothole}},
			{lane.Filter{Box: &lane.Box{SouthWest: *at(45.052, 65.152), NorthEast: *at(45.055, 65.155)}, Words: "люк 4"}, []int64{ids[4]}},
			{lane.Filter{Box: &lane.Box{SouthWest: *at(45.052, 65.152), NorthEast: *at(45.055, 65.155)}, Before: ids[4]}, []int64{ids[3], ids[2]}},
			{lane.Filter{Box: &lane.Box{SouthWest: *at(45.06, 65.06), NorthEast: *at(45.07, 65.1)}}, nil},
			{lane.Filter{Box: &lane.Box{SouthWest: *at(-90, -180), NorthEast: *at(90, 180)}, Limit: 3}, []int64{pothole, ids[11], ids[10]}},
		} {
			if c.filter.Limit == 0 {
				c.filter.Limit = 99
			}
			found, err := l.List(t.Context(), c.filter)
			var got []int64
			for _, r := range found {
				got = append(got, r.ID)
			}
			if err != nil || !slices.Equal(got, c.want) {
				t.Errorf("%+v gives %v, %v, want %v", c.filter, got, err, c.want)
			}
		}
	})
}
