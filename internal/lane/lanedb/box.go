package lanedb

import (
	"context"
	"fmt"
	"math"
	"sync"
	"time"
)

// Box is a stretch of the earth; its borders belong to it.
type Box struct{ SouthWest, NorthEast Place }

// holds is the condition that a request lies in the box.
func (b Box) holds(p *placeholders) string {
	return fmt.Sprintf("request.lat BETWEEN %s AND %s AND request.lon BETWEEN %s AND %s", p.one(b.SouthWest.Lat), p.one(b.NorthEast.Lat), p.one(b.SouthWest.Lon), p.one(b.NorthEast.Lon))
}

// inTree is the same to the tree of places: SQLite's has a table of its own.
func (db *DB) inTree(b Box) condition {
	return func(p *placeholders) string {
		if db.postgres {
			return fmt.Sprintf("request.lat IS NOT NULL AND point(request.lon, request.lat) <@ box(point(%s, %s), point(%s, %s))",
				p.one(float64(b.SouthWest.Lon)), p.one(float64(b.SouthWest.Lat)), p.one(float64(b.NorthEast.Lon)), p.one(float64(b.NorthEast.Lat)))
		}
		return fmt.Sprintf("min_lat >= %s AND max_lat <= %s AND min_lon >= %s AND max_lon <= %s",
			p.one(b.SouthWest.Lat), p.one(b.NorthEast.Lat), p.one(b.SouthWest.Lon), p.one(b.NorthEast.Lon))
	}
}

// byBox leads to what lies in a box: out of the tree where it has few places, and
// else along the ways that are there already, passing over what lies elsewhere;
// chosen is what these ways lead to.
func (db *DB) byBox(ctx context.Context, b Box, w *walk, chosen []condition) error {
	tree := db.inTree(b)
	full, err := db.isFull(ctx, b, tree, w.limit)
	if err != nil {
		return err
	}
	if full {
		if len(w.ways) == 0 {
			w.ways = bothStates()
		}
		w.where = append([]condition{b.holds}, w.where...) // first: the place stands in the index, the rest does not
		return nil
	}
	out := tree
	if !db.postgres {
		out = func(p *placeholders) string {
			return "request.id IN (SELECT id FROM request_box WHERE " + tree(p) + ")"
		}
	}
	w.where, w.ways = append(w.where, chosen...), []condition{out}
	return nil
}

// fullFor is how long a box is taken to be as full as it was, and fullKept how many are
// remembered. It decides by which index a map is read, never what is on it.
const (
	fullFor  = time.Hour
	fullKept = 1000
)

// fullBoxes are the boxes that had too many places for the tree: to find that out anew
// costs as much as the rest of their maps.
type fullBoxes struct {
	mu    sync.Mutex // of until
	until map[Box]time.Time
}

func (f *fullBoxes) has(b Box) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return time.Now().Before(f.until[b])
}

// add remembers a box; when there are too many, all others are forgotten.
func (f *fullBoxes) add(b Box) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.until == nil || len(f.until) >= fullKept {
		f.until = map[Box]time.Time{}
	}
	f.until[b] = time.Now().Add(fullFor)
}

// The shares are what it costs to pass over a request on the way along an index, of what
// a place costs that is counted in the tree and comes out of it.
const (
	treeShare         = 0.2
	treeSharePostgres = 0.015 // which looks at all that comes out, and sorts it
)

// treeMost is up to how many places in a box come out of the tree when the newest
// few are wanted. Of n places among all requests the way along them passes over
// few · all / n, so that both cost the same where n is a root.
func (db *DB) treeMost(ctx context.Context, few int) (int, error) {
	share := treeShare
	if db.postgres {
		share = treeSharePostgres
	}
	var all int64
	err := db.db.QueryRowContext(ctx, `SELECT COALESCE(max(id), 0) FROM request`).Scan(&all)
	return max(few, int(math.Sqrt(share*float64(few)*float64(all)))), err
}

// isFull counts what lies in a box, as far as the tree is worth it.
func (db *DB) isFull(ctx context.Context, b Box, tree condition, few int) (bool, error) {
	if db.full.has(b) {
		return true, nil
	}
	most, err := db.treeMost(ctx, few)
	if err != nil {
		return false, err
	}
	var p placeholders
	var n int
	text := `SELECT count(*) FROM (SELECT 1 FROM request_box WHERE ` + tree(&p) + ` LIMIT ` + p.one(int64(most)) + `) AS found`
	if db.postgres {
		p = placeholders{[]any{b.SouthWest.Lon, b.SouthWest.Lat, b.NorthEast.Lon, b.NorthEast.Lat, int64(most)}}
		text = `SELECT kua_in_box($1, $2, $3, $4, $5)`
	}
	if err := db.db.QueryRowContext(ctx, text, p.args...).Scan(&n); err != nil || n < most {
		return false, err
	}
	db.full.add(b)
	return true, nil
}
