package site

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"kua/internal/record"
)

// The blocks of state that are not shelves or words. Their size follows the
// number of months and of places, never the number of records.
const (
	siteState   = "data/site.json"
	mapState    = "data/map.json"
	sharedState = "data/shared.json"
)

// undated is the month of records that do not say when.
const undated = "undated"

// siteBlock counts what the edition holds.
type siteBlock struct {
	Lists     int     `json:"lists"`     // pages of the list of all records
	Records   int     `json:"records"`   // all numbers given, withdrawn ones too
	Withdrawn int     `json:"withdrawn"` // of them
	Months    []month `json:"months"`    // in order of name
	Stamped   stamped `json:"stamped,omitzero"`
}

// stamped is the newest edition over whose log there are time stamps, and of which roots.
type stamped struct {
	Edition int      `json:"edition"`
	Roots   []string `json:"roots"`
}

type month struct {
	Name  string `json:"name"`
	Count int    `json:"count"`
	Pages int    `json:"pages"`
}

// month finds or makes a month.
func (b *siteBlock) month(name string) *month {
	i, found := slices.BinarySearchFunc(b.Months, name, func(m month, n string) int { return cmp.Compare(m.Name, n) })
	if !found {
		b.Months = slices.Insert(b.Months, i, month{Name: name})
	}
	return &b.Months[i]
}

// monthOf is the month of a record's timeline page.
func monthOf(e entry) string {
	if len(e.Happened) < len("2006-01") {
		return undated
	}
	return e.Happened[:len("2006-01")]
}

// mapBlock holds the places: squares of one degree in which records lie. The
// number of squares is bounded by the earth.
type mapBlock struct {
	Cells []cell `json:"cells"` // in the order in which they came to be
}

type cell struct {
	Name  string            `json:"name"` // n43e076: the south-west corner
	Lat   int               `json:"lat"`
	Lon   int               `json:"lon"`
	Count int               `json:"count"`
	Pages int               `json:"pages"`
	Words map[string]string `json:"words,omitempty"` // the place in the words of its newest record
	From  string            `json:"from,omitempty"`  // that record
}

func (b *mapBlock) cell(name string) *cell {
	for i := range b.Cells {
		if b.Cells[i].Name == name {
			return &b.Cells[i]
		}
	}
	return nil
}

// add finds or makes the cell of a point.
func (b *mapBlock) add(p record.Point) *cell {
	lat, lon := int(math.Floor(p.Lat)), int(math.Floor(p.Lon))
	name := cellName(lat, lon)
	if c := b.cell(name); c != nil {
		return c
	}
	b.Cells = append(b.Cells, cell{Name: name, Lat: lat, Lon: lon})
	return &b.Cells[len(b.Cells)-1]
}

func cellName(lat, lon int) string {
	ns, ew := 'n', 'e'
	if lat < 0 {
		ns, lat = 's', -lat
	}
	if lon < 0 {
		ew, lon = 'w', -lon
	}
	return fmt.Sprintf("%c%02d%c%03d", ns, lat, ew, lon)
}

// sharedBlock counts blobs that more than one record shows, so that none is
// taken away while another record needs it. Sharing is rare, the block small.
type sharedBlock struct {
	Blobs map[string]int `json:"blobs"` // path → records besides the first
}
