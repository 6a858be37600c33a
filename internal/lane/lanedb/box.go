package lanedb

import (
	"context"
	"fmt"
)

// Box is a stretch of the earth; its borders belong to it.
type Box struct{ SouthWest, NorthEast Place }

// fewInBox is up to how many places in a box are taken out of the tree of SQLite
// and sorted. A box that has more is full enough to be walked through from the
// newest request on: the first that are wanted come soon.
const fewInBox = 20_000

// within gives the condition that a request lies in a box.
func (db *DB) within(ctx context.Context, b Box, given func(any) string) (string, error) {
	if db.postgres {
		return fmt.Sprintf("lat IS NOT NULL AND point(lon, lat) <@ box(point(%s, %s), point(%s, %s))",
			given(float64(b.SouthWest.Lon)), given(float64(b.SouthWest.Lat)), given(float64(b.NorthEast.Lon)), given(float64(b.NorthEast.Lat))), nil
	}
	var found int
	err := db.db.QueryRowContext(ctx, `SELECT count(*) FROM (SELECT 1 FROM request_box WHERE min_lat >= $1 AND max_lat <= $2 AND min_lon >= $3 AND max_lon <= $4 LIMIT $5)`,
		b.SouthWest.Lat, b.NorthEast.Lat, b.SouthWest.Lon, b.NorthEast.Lon, fewInBox).Scan(&found)
	if err != nil {
		return "", err
	}
	south, north, west, east := given(b.SouthWest.Lat), given(b.NorthEast.Lat), given(b.SouthWest.Lon), given(b.NorthEast.Lon)
	if found < fewInBox {
		return fmt.Sprintf("request.id IN (SELECT id FROM request_box WHERE min_lat >= %s AND max_lat <= %s AND min_lon >= %s AND max_lon <= %s)", south, north, west, east), nil
	}
	return fmt.Sprintf("lat BETWEEN %s AND %s AND lon BETWEEN %s AND %s", south, north, west, east), nil
}
