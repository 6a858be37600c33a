package deskdb

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"

	"kua/internal/canon"
	"kua/internal/evidence"
	"kua/internal/redact"
)

// Rendering is what a set of derivatives was made with.
type Rendering struct {
	ID       int64
	Original int64
	Version  int    // of the plan
	Plan     []byte // its canonical bytes: redact.Track.Place gives from them where a box lay on any frame
	Salt     [32]byte
	Tools    []string // with their versions
	Marked   string   // who decided the plan last
	Hits     []Hit
}

// Hit is what another detector saw in what is to be published.
type Hit struct {
	ID   int64
	Seen redact.Suggestion // places in pixels of the published picture that was looked at
	Why  string            // why it may be seen; "" while nobody answered
	By   string            // who answered
}

func (db *DB) addRendering(ctx context.Context, tx *sql.Tx, first int64, r Rendering) ([]evidence.Event, error) {
	tools, err := json.Marshal(r.Tools)
	if err != nil {
		return nil, err
	}
	err = tx.QueryRowContext(ctx, `INSERT INTO renderings (original, first, version, plan, salt, tools, marked, at)
		VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) RETURNING id`,
		r.Original, first, r.Version, r.Plan, r.Salt[:], string(tools), r.Marked, db.now().UnixMicro()).Scan(&r.ID)
	if err != nil {
		return nil, err
	}
	for _, h := range r.Hits {
		b, err := json.Marshal(h.Seen)
		if err != nil {
			return nil, err
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO hits (rendering, hit) VALUES (?1, ?2)`, r.ID, b); err != nil {
			return nil, err
		}
	}
	e, err := originalEvent(ctx, tx, evidence.LookedOver, r.Original, fmt.Sprintf("plan %d of %s, %d hits, %s", r.Version, r.Marked, len(r.Hits), string(tools)))
	if err == nil {
		e[0].SHA256 = canon.Hash(r.Plan)
	}
	return e, err
}

// Rendering gives what the newest derivatives of an original were made with,
// and what was seen in them. Those of a program that did not look are the fault
// desk.not_looked_over.
func (db *DB) Rendering(ctx context.Context, original int64) (Rendering, error) {
	r := Rendering{Original: original}
	var salt []byte
	var tools string
	err := db.db.QueryRowContext(ctx, `SELECT r.id, r.version, r.plan, r.salt, r.tools, r.marked FROM renderings r
		JOIN derivatives d ON d.id = r.first WHERE r.original = ?1 AND d.newest = 1 ORDER BY r.id DESC LIMIT 1`, original).
		Scan(&r.ID, &r.Version, &r.Plan, &salt, &tools, &r.Marked)
	if err != nil {
		return r, one(err, "desk.not_looked_over", original)
	}
	copy(r.Salt[:], salt)
	if err := json.Unmarshal([]byte(tools), &r.Tools); err != nil {
		return r, err
	}
	rows, err := db.db.QueryContext(ctx, `SELECT id, hit, why, by_name FROM hits WHERE rendering = ?1 ORDER BY id`, r.ID)
	if err != nil {
		return r, err
	}
	r.Hits, err = collect(rows, func(rows *sql.Rows) (h Hit, err error) {
		var b []byte
		if err = rows.Scan(&h.ID, &b, &h.Why, &h.By); err == nil {
			err = json.Unmarshal(b, &h.Seen)
		}
		return h, err
	})
	return r, err
}

// AnswerHit keeps why something that a detector saw may be seen.
func (db *DB) AnswerHit(ctx context.Context, by evidence.Actor, original, hit int64, why string) error {
	return db.act(ctx, by, func(ctx context.Context, tx *sql.Tx) ([]evidence.Event, error) {
		res, err := tx.ExecContext(ctx, `UPDATE hits SET why = ?3, by_name = ?4, at = ?5 WHERE id = ?2
			AND rendering IN (SELECT r.id FROM renderings r JOIN derivatives d ON d.id = r.first WHERE r.original = ?1 AND d.newest = 1)`,
			original, hit, why, by.Name, db.now().UnixMicro())
		if err := changedOne(res, err, "desk.no_hit", hit); err != nil {
			return nil, err
		}
		return originalEvent(ctx, tx, evidence.Answered, original, fmt.Sprintf("hit %d: %s", hit, why))
	})
}

// AskFollow keeps a box that is to be followed and gives the request's number.
func (db *DB) AskFollow(ctx context.Context, by evidence.Actor, original int64, seed redact.Track, at int64) (id int64, err error) {
	b, err := json.Marshal(seed)
	if err != nil {
		return 0, err
	}
	err = db.write(ctx, func(ctx context.Context, tx *sql.Tx) error {
		return tx.QueryRowContext(ctx, `INSERT INTO follows (original, seed, moment, by_name) VALUES (?1, ?2, ?3, ?4) RETURNING id`, original, b, at, by.Name).Scan(&id)
	})
	return id, err
}

// Follow gives a request: the box, the moment, and where it went once done.
func (db *DB) Follow(ctx context.Context, id int64) (original int64, seed redact.Track, at int64, result redact.Track, done bool, err error) {
	var b, r []byte
	err = db.db.QueryRowContext(ctx, `SELECT original, seed, moment, result FROM follows WHERE id = ?1`, id).Scan(&original, &b, &at, &r)
	if err != nil {
		return 0, seed, 0, result, false, one(err, "desk.no_follow", id)
	}
	if err = json.Unmarshal(b, &seed); err == nil && r != nil {
		done = true
		err = json.Unmarshal(r, &result)
	}
	return original, seed, at, result, done, err
}

// Followed keeps where a box went.
func (db *DB) Followed(ctx context.Context, id int64, t redact.Track) error {
	b, err := json.Marshal(t)
	if err != nil {
		return err
	}
	return db.write(ctx, func(ctx context.Context, tx *sql.Tx) error {
		res, err := tx.ExecContext(ctx, `UPDATE follows SET result = ?2 WHERE id = ?1`, id, b)
		return changedOne(res, err, "desk.no_follow", id)
	})
}
