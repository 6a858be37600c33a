package casefile

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"kua/internal/parcel"
)

// TestMerge: what two people change at a time is kept of both, unless both changed
// the same words.
func TestMerge(t *testing.T) {
	base := Draft{Languages: []string{"kk", "ru"}, What: "bribe", Title: Text{"ru": "Взятка"}, From: "2026-11-19",
		Place: Place{Point: &parcel.Point{Lat: 51.2, Lon: 71.4}, Coarseness: Region},
		Known: []Text{{"ru": "Пост стоит."}, {"ru": "Их двое."}}, Media: []Exhibit{{Original: 1}}}
	for _, c := range []struct {
		name         string
		mine, theirs func(*Draft)
		want         func(*Draft)
		clash        bool
	}{
		{"each in a language", func(d *Draft) {
			d.Title = Text{"ru": "Взятка", "kk": "Пара"}
			d.Known[0] = Text{"ru": "Пост стоит.", "kk": "Бекет тұр."}
		},
			func(d *Draft) {
				d.Summary = Text{"ru": "Двое."}
				d.Title = Text{"ru": "Взятка на посту"}
			},
			func(d *Draft) {
				d.Title, d.Summary = Text{"ru": "Взятка на посту", "kk": "Пара"}, Text{"ru": "Двое."}
				d.Known[0] = Text{"ru": "Пост стоит.", "kk": "Бекет тұр."}
			}, false},
		{"a line is translated and another added", func(d *Draft) { d.From = "2026-11" }, func(d *Draft) { d.Known = append(d.Known, Text{"ru": "Ночь."}) },
			func(d *Draft) { d.From = "2026-11"; d.Known = append(d.Known, Text{"ru": "Ночь."}) }, false},
		{"both add words to one line", func(d *Draft) { d.Media[0].Label = Text{"kk": "Бекет"} }, func(d *Draft) { d.Media[0].Label = Text{"ru": "Пост"} },
			func(d *Draft) { d.Media[0].Label = Text{"kk": "Бекет", "ru": "Пост"} }, false},
		{"a line goes, and another comes in its place", func(d *Draft) { d.Known[1] = Text{"ru": "Их двое.", "kk": "Екеу."} },
			func(d *Draft) { d.Known = []Text{{"ru": "Их двое."}, {"ru": "Ночь."}} },
			func(d *Draft) { d.Known[1] = Text{"ru": "Их двое.", "kk": "Екеу."} }, true},
		{"the same words", func(d *Draft) { d.Title = Text{"ru": "Взятка у ворот"} }, func(d *Draft) { d.Title = Text{"ru": "Взятка ночью"}; d.To = "2026-11-20" },
			func(d *Draft) { d.Title, d.To = Text{"ru": "Взятка у ворот"}, "2026-11-20" }, true},
		{"one takes words out", func(d *Draft) { d.Title = nil }, func(d *Draft) { d.What = "threat" }, func(d *Draft) { d.Title, d.What = nil, "threat" }, false},
		{"one says where, the other how exactly", func(d *Draft) { d.Place.Point = &parcel.Point{Lat: 51.1623, Lon: 71.4512} }, func(d *Draft) { d.Place.Coarseness, d.What = Area, "threat" },
			func(d *Draft) { d.Place.Point, d.What = &parcel.Point{Lat: 51.1623, Lon: 71.4512}, "threat" }, true},
		{"half a point of each", func(d *Draft) { d.Place.Point = &parcel.Point{Lat: 51.2, Lon: 71.5} }, func(d *Draft) { d.Place.Point = &parcel.Point{Lat: 51.3, Lon: 71.4} },
			func(d *Draft) { d.Place.Point = &parcel.Point{Lat: 51.2, Lon: 71.5} }, true},
		{"nothing", func(*Draft) {}, func(*Draft) {}, func(*Draft) {}, false},
	} {
		changed := func(change func(*Draft)) Draft {
			d := base
			d.Known, d.Media = append([]Text(nil), base.Known...), append([]Exhibit(nil), base.Media...)
			change(&d)
			return d
		}
		got, clash, err := Merge(base, changed(c.mine), changed(c.theirs))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(got, changed(c.want)); diff != "" || clash != c.clash {
			t.Errorf("%s: clash %v, got against wanted:\n%s", c.name, clash, diff)
		}
	}
}
