package pluscode

import (
	"math"
	"testing"

	"kua/internal/authority"
)

func near(lat, lon float64) *authority.Point {
	p, _ := authority.At(lat, lon)
	return &p
}

// TestPoint holds codes against places that the specification's own test data
// give for them, and short ones on either side of a border.
func TestPoint(t *testing.T) {
	for _, c := range []struct {
		typed    string
		near     *authority.Point
		lat, lon float64 // of the middle
	}{
		{"7FG49Q00+", nil, 20.375, 2.775},
		{"7FG49QCJ+2V", nil, 20.3700625, 2.7821875},
		{"7FG49QCJ+2VX", nil, 20.3701125, 2.782234375},
		{"8FVC2222+22", nil, 47.0000625, 8.0000625},
		{"4VCPPQGP+Q9", nil, -41.2730625, 174.7859375},
		{"62G20000+", nil, 0.5, -179.5},
		{"22220000+", nil, -89.5, -179.5},
		{"CFX30000+", nil, 89.5, 1.5},
		{"8fvc2222+22, Нигде", nil, 47.0000625, 8.0000625},
		{"62Н20000+", nil, 1.5, -179.5}, // its Н is Cyrillic
		{"+2VX", near(51.3701125, -1.217765625), 51.3701125, -1.217765625},
		{"CJ+2VX", near(51.3708675, -1.217765625), 51.3701125, -1.217765625},
		{"9QCJ+2VX", near(51.7, -0.9), 51.3701125, -1.217765625},
		{"22+", near(42.899, 9.012), 42.90125, 9.00125},           // the nearest one lies north of the border
		{"22+", near(14.95125, -23.5001), 14.95125, -23.49875},    // and here east
		{"XXXX+XX", near(0.3, 179.99), -0.0000625, 179.9999375},   // across the equator
		{"2222+22", near(0.3, 179.9999), 0.0000625, -179.9999375}, // across the date line
	} {
		p, ok := Point(c.typed, c.near)
		if !ok || math.Abs(float64(p.Lat)/1e6-c.lat) > 2e-6 || math.Abs(float64(p.Lon)/1e6-c.lon) > 2e-6 {
			t.Errorf("%q is at %v (%v), want %v,%v", c.typed, p, ok, c.lat, c.lon)
		}
	}
	for _, typed := range []string{"", "+", "8FVC2222", "8FVC2222+2", "8FVC222+22", "8FVC22222+2", "8FV02222+", "0FVC2222+22", "8FVC2200+22", "8F0C0000+", "8FVA2222+22",
		"F2222222+22", "2X222222+22", "8FVC2222++", "9QCJ+2VX", "45.05, 65.15"} {
		if p, ok := Point(typed, nil); ok {
			t.Errorf("%q is taken for %v", typed, p)
		}
	}
}

// FuzzPoint: whatever is typed gives a point on the earth or none, and a short
// code one not farther from where it was asked for than half of what it left out.
func FuzzPoint(f *testing.F) {
	f.Add("8FVC2222+22", int32(0), int32(0))
	f.Add("22+", int32(89_999_999), int32(-180_000_000))
	f.Add("2222+", int32(-90_000_000), int32(180_000_000))
	f.Fuzz(func(t *testing.T, typed string, lat, lon int32) {
		ref, there := authority.At(float64(lat)/1e6, float64(lon)/1e6)
		if !there {
			return
		}
		p, ok := Point(typed, &ref)
		if _, on := authority.At(float64(p.Lat)/1e6, float64(p.Lon)/1e6); ok && !on {
			t.Errorf("%q near %v is %v", typed, ref, p)
		}
		if code, _ := find(typed); ok && code[0] == '+' {
			if d := math.Abs(float64(p.Lat - ref.Lat)); d > 2000 && d < 179e6 && math.Abs(float64(ref.Lat)) < 89e6 {
				t.Errorf("%q near %v is %v", typed, ref, p)
			}
		}
	})
}
