package trace

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// maxPlaces is the most positions of a track that are facts as well; the whole
// track is in Sheet.Track.
const maxPlaces = 500

const knot, mph, kmh = 1852.0 / 3600, 0.44704, 1 / 3.6 // in metres per second

// position adds a position. raw are its bytes in the file, nil where it stands
// there as the text value. What lies outside the world, and the nought that
// receivers give before they know, is no position.
func (s *Sheet) position(where string, f Fix, value string, raw []byte) bool {
	if math.IsNaN(f.Latitude) || math.IsNaN(f.Longitude) || math.Abs(f.Latitude) > 90 || math.Abs(f.Longitude) > 180 ||
		f.Latitude == 0 && f.Longitude == 0 {
		return false
	}
	for _, v := range []*float64{&f.Altitude, &f.Speed} {
		if math.IsNaN(*v) || math.IsInf(*v, 0) || math.Abs(*v) > 1e6 {
			*v = 0
		}
	}
	if len(s.Track) >= maxFixes {
		s.gap(where, "too_many", 0)
		return true
	}
	s.fix(f)
	if len(s.Track) <= maxPlaces {
		if value == "" {
			value = strconv.FormatFloat(f.Latitude, 'f', 7, 64) + ", " + strconv.FormatFloat(f.Longitude, 'f', 7, 64)
		}
		s.fact(Fact{Kind: Place, Where: where, Name: "position", Value: value, Raw: append([]byte(nil), raw...)})
		if f.Time != "" {
			s.fact(Fact{Kind: Time, Where: where, Name: "position time", Value: f.Time, Zone: zoneIn(f.Time), Raw: append([]byte(nil), raw...)})
		}
	}
	return true
}

// minutes turns degrees and minutes as receivers write them, DDDMM.MMMM, into
// degrees. NaN for what cannot be that.
func minutes(v float64) float64 {
	deg := math.Trunc(v / 100)
	if m := math.Abs(v - deg*100); m >= 60 || math.Abs(deg) > 180 {
		return math.NaN()
	}
	return deg + (v-deg*100)/60
}

// toward gives a value its sign by its letter.
func toward(v float64, letter byte) float64 {
	if letter == 'S' || letter == 'W' {
		return -math.Abs(v)
	}
	return math.Abs(v)
}

// clock writes a date and time, "" where it is none.
func clock(year, month, day, hour, minute int, second float64) string {
	if year < 1970 || year > 2200 || month < 1 || month > 12 || day < 1 || day > 31 || hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second >= 61 {
		return ""
	}
	whole := int(second)
	t := time.Date(year, time.Month(month), day, hour, minute, whole, int((second-float64(whole))*1e3+0.5)*1e6, time.UTC)
	return t.Format("2006-01-02T15:04:05.999")
}

// utc adds the Z to what clock gave.
func utc(v string) string {
	if v == "" {
		return ""
	}
	return v + "Z"
}

func parsed(s string) float64 {
	v, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return math.NaN()
	}
	return v
}

func whole10(s string) int {
	v, err := strconv.Atoi(s)
	if err != nil {
		return -1
	}
	return v
}

var iso6709 = pattern(`^([+-]\d{2,6}(?:\.\d*)?)([+-]\d{3,7}(?:\.\d*)?)([+-]\d+(?:\.\d*)?)?`)

// point reads a position written after ISO 6709, as QuickTime has it.
func point(v string) (f Fix, ok bool) {
	m := iso6709().FindStringSubmatch(strings.TrimSpace(v))
	if m == nil {
		return f, false
	}
	f.Latitude, f.Longitude = sexagesimal(m[1], 2), sexagesimal(m[2], 3)
	if m[3] != "" {
		f.Altitude = parsed(m[3])
	}
	f.At = -1
	return f, !math.IsNaN(f.Latitude) && !math.IsNaN(f.Longitude)
}

// sexagesimal reads ±D…, ±D…MM or ±D…MMSS, each with a fraction, by its number of digits.
func sexagesimal(v string, degrees int) float64 {
	digits := len(strings.SplitN(v[1:], ".", 2)[0])
	n := math.Abs(parsed(v))
	switch digits {
	case degrees:
	case degrees + 2:
		n = minutes(n)
	case degrees + 4:
		d := math.Trunc(n / 1e4)
		m := math.Trunc((n - d*1e4) / 100)
		n = d + m/60 + (n-d*1e4-m*100)/3600
	default:
		return math.NaN()
	}
	if v[0] == '-' {
		return -n
	}
	return n
}
