package trace

import (
	"fmt"
	"strconv"
	"strings"
)

// gps is what the GPS directory says (Exif 2.32, 4.6.6).
type gps struct {
	where               string
	lat, lon            float64
	hasLat, hasLon      bool
	latRaw, lonRaw      []byte
	south, west, below  bool
	altitude, speed     float64
	hasAltitude         bool
	altitudeRaw         []byte
	speedUnit           string
	day, clock          string
	clockRaw            []byte
	destLat, destLon    float64
	hasDestLat, hasDest bool
	destSouth, destWest bool
	destLatRaw, destRaw []byte
}

var tagsGPS = map[uint16]tag{
	0: {name: "GPSVersionID", kind: Encoding}, 1: {name: "GPSLatitudeRef", kind: Place, read: gpsField}, 2: {name: "GPSLatitude", kind: Place, read: gpsField},
	3: {name: "GPSLongitudeRef", kind: Place, read: gpsField}, 4: {name: "GPSLongitude", kind: Place, read: gpsField},
	5: {name: "GPSAltitudeRef", kind: Place, read: gpsField}, 6: {name: "GPSAltitude", kind: Place, read: gpsField},
	7: {name: "GPSTimeStamp", kind: Time, read: gpsField}, 8: {name: "GPSSatellites", kind: Place}, 9: {name: "GPSStatus", kind: Encoding},
	10: {name: "GPSMeasureMode", kind: Encoding}, 11: {name: "GPSDOP", kind: Place}, 12: {name: "GPSSpeedRef", kind: Place, read: gpsField},
	13: {name: "GPSSpeed", kind: Place, read: gpsField}, 14: {name: "GPSTrackRef", kind: Encoding}, 15: {name: "GPSTrack", kind: Place},
	16: {name: "GPSImgDirectionRef", kind: Encoding}, 17: {name: "GPSImgDirection", kind: Place}, 18: {name: "GPSMapDatum", kind: Encoding},
	19: {name: "GPSDestLatitudeRef", kind: Place, read: gpsField}, 20: {name: "GPSDestLatitude", kind: Place, read: gpsField},
	21: {name: "GPSDestLongitudeRef", kind: Place, read: gpsField}, 22: {name: "GPSDestLongitude", kind: Place, read: gpsField},
	23: {name: "GPSDestBearingRef", kind: Encoding}, 24: {name: "GPSDestBearing", kind: Place}, 25: {name: "GPSDestDistanceRef", kind: Encoding},
	26: {name: "GPSDestDistance", kind: Place}, 27: {name: "GPSProcessingMethod", kind: Place, read: userComment},
	28: {name: "GPSAreaInformation", kind: Place, read: userComment}, 29: {name: "GPSDateStamp", kind: Time, read: gpsField},
	30: {name: "GPSDifferential", kind: Encoding}, 31: {name: "GPSHPositioningError", kind: Place},
}

func gpsField(d *directory, f field) error {
	g := &d.exif.gps
	g.where = d.where
	text := strings.ToUpper(cString(f.value))
	switch f.id {
	case 1:
		g.south = text == "S"
	case 2:
		g.lat, g.hasLat = d.degrees(f)
		g.latRaw = f.value
	case 3:
		g.west = text == "W"
	case 4:
		g.lon, g.hasLon = d.degrees(f)
		g.lonRaw = f.value
	case 5:
		g.below = d.whole(f)&1 == 1
	case 6:
		g.altitude, g.hasAltitude = d.number(f, 0)
		g.altitudeRaw = f.value
	case 7:
		g.clock, g.clockRaw = d.clock(f), f.value
	case 12:
		g.speedUnit = text
	case 13:
		g.speed, _ = d.number(f, 0)
		d.say(Place, f)
	case 19:
		g.destSouth = text == "S"
	case 20:
		g.destLat, g.hasDestLat = d.degrees(f)
		g.destLatRaw = f.value
	case 21:
		g.destWest = text == "W"
	case 22:
		g.destLon, g.hasDest = d.degrees(f)
		g.destRaw = f.value
	case 29:
		g.day = cString(f.value)
		d.sheet.fact(Fact{Kind: Time, Where: d.path(f.id), Name: d.name(f.id), Value: g.day, Zone: "utc"})
	}
	return nil
}

// degrees joins degrees, minutes and seconds.
func (d *directory) degrees(f field) (float64, bool) {
	sum, part := 0.0, 1.0
	for i := range int64(3) {
		n, ok := d.number(f, i)
		if !ok {
			if i == 0 {
				return 0, false
			}
			continue // seconds are often 0/0
		}
		sum += n / part
		part *= 60
	}
	return sum, true
}

// clock is the time of day that the satellites gave.
func (d *directory) clock(f field) string {
	var n [3]float64
	for i := range n {
		v, ok := d.number(f, int64(i))
		if !ok || v < 0 || v > 60 {
			return ""
		}
		n[i] = v
	}
	seconds := strconv.FormatFloat(n[2], 'f', -1, 64)
	if n[2] < 10 {
		seconds = "0" + seconds
	}
	return fmt.Sprintf("%02d:%02d:%s", int(n[0]), int(n[1]), seconds)
}

// metresPerSecond of one unit of GPSSpeedRef: kilometres, miles, knots an hour.
var metresPerSecond = map[string]float64{"K": 1 / 3.6, "M": 0.44704, "N": 1852.0 / 3600}

// sayPlace adds the place once both halves and their signs are known.
func (t *tiff) sayPlace() {
	g := t.exif.gps
	when := ""
	if g.clock != "" {
		when = strings.TrimSpace(g.day + " " + g.clock)
		t.sheet.fact(Fact{Kind: Time, Where: g.where + "/GPSTimeStamp", Name: "GPSTimeStamp", Value: when, Zone: "utc", Raw: g.clockRaw})
		when += "Z"
	}
	if g.hasAltitude { // in metres; its sign stands in another field
		t.sheet.fact(Fact{Kind: Place, Where: g.where + "/GPSAltitude", Name: "GPSAltitude", Raw: g.altitudeRaw,
			Value: strconv.FormatFloat(signed(g.altitude, g.below), 'f', -1, 64)})
	}
	half := func(has bool, name string, degrees float64, raw []byte) {
		if has { // one half leads to a road or a river all the same
			t.sheet.fact(Fact{Kind: Place, Where: g.where + "/" + name, Name: name, Value: strconv.FormatFloat(degrees, 'f', 6, 64), Raw: raw})
		}
	}
	if g.hasDestLat != g.hasDest {
		half(g.hasDestLat, "GPSDestLatitude", signed(g.destLat, g.destSouth), g.destLatRaw)
		half(g.hasDest, "GPSDestLongitude", signed(g.destLon, g.destWest), g.destRaw)
	}
	if g.hasDestLat && g.hasDest {
		t.sheet.place(g.where+"/GPSDestLatitude", "GPSDestLatitude", signed(g.destLat, g.destSouth), signed(g.destLon, g.destWest),
			append(append([]byte{}, g.destLatRaw...), g.destRaw...))
	}
	if !g.hasLat || !g.hasLon {
		if g.hasLat != g.hasLon {
			t.sheet.gap(g.where, "broken", 0)
		}
		half(g.hasLat, "GPSLatitude", signed(g.lat, g.south), g.latRaw)
		half(g.hasLon, "GPSLongitude", signed(g.lon, g.west), g.lonRaw)
		return
	}
	fix := Fix{At: -1, Time: when, Latitude: signed(g.lat, g.south), Longitude: signed(g.lon, g.west), Altitude: signed(g.altitude, g.below),
		Speed: g.speed * metresPerSecond[g.speedUnit], Source: "exif"}
	if g.speedUnit == "" {
		fix.Speed = g.speed / 3.6 // kilometres an hour is the standard's default
	}
	if t.sheet.place(g.where+"/GPSLatitude", "GPSPosition", fix.Latitude, fix.Longitude, append(append([]byte{}, g.latRaw...), g.lonRaw...)) {
		t.sheet.fix(fix)
	}
}

func signed(v float64, negative bool) float64 {
	if negative {
		return -v
	}
	return v
}

// place adds coordinates as a fact, in degrees. What lies on no globe is broken.
func (s *Sheet) place(where, name string, lat, lon float64, raw []byte) bool {
	if !(lat >= -90 && lat <= 90 && lon >= -180 && lon <= 180) {
		s.gap(where, "broken", 0)
		return false
	}
	s.fact(Fact{Kind: Place, Where: where, Name: name, Value: fmt.Sprintf("%.6f, %.6f", lat, lon), Raw: raw})
	return true
}

// date keeps a date until its zone, which stands in another field, is known.
func date(d *directory, f field) error {
	text := cString(f.value)
	if f.id >= 0x9010 && f.id <= 0x9012 {
		d.exif.offsets[f.id] = text
		return nil
	}
	if strings.Trim(text, " :0") == "" {
		return nil // not set
	}
	if before, there := d.exif.dates[f.id]; there && before != text { // a second directory says another
		d.sheet.fact(Fact{Kind: Time, Where: d.path(f.id), Name: d.name(f.id), Value: text, Zone: "local"})
		return nil
	}
	d.exif.dates[f.id] = text
	return nil
}

// sayDates adds the dates with their zones: a date without an offset beside it
// is the clock on somebody's wall, nobody knows where.
func (t *tiff) sayDates() {
	for _, v := range []struct {
		id, offset uint16
		name       string
	}{{0x0132, 0x9010, "IFD0/ModifyDate"}, {0x9003, 0x9011, "IFD0/Exif/DateTimeOriginal"}, {0x9004, 0x9012, "IFD0/Exif/CreateDate"}} {
		text, ok := t.exif.dates[v.id]
		if !ok {
			continue
		}
		f := Fact{Kind: Time, Where: join(t.where, v.name), Name: v.name[strings.LastIndex(v.name, "/")+1:], Value: text, Zone: "local"}
		if offset := strings.TrimSpace(t.exif.offsets[v.offset]); strings.Trim(offset, " :") != "" {
			f.Value, f.Zone, f.Raw = text+offset, "offset", []byte(text)
		}
		t.sheet.fact(f)
	}
}
