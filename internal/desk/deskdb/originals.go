package deskdb

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"

	"kua/internal/evidence"
	"kua/internal/fault"
	"kua/internal/redact"
)

// sitting is how long further openings of the same thing by the same person
// belong to the event that is already there: a player asks for many ranges.
const sitting = 15 * time.Minute

const originalColumns = `o.id, p.id, o.path, o.name, o.type, o.size, o.sha256, o.medium, o.fault`

func scanOriginal(rows interface{ Scan(...any) error }, more ...any) (evidence.Original, error) {
	var o evidence.Original
	var medium string
	err := rows.Scan(append([]any{&o.ID, &o.Parcel, &o.Path, &o.Name, &o.Type, &o.Size, &o.SHA256, &medium, &o.Fault}, more...)...)
	if err == nil {
		err = json.Unmarshal([]byte(medium), &o.Medium)
	}
	return o, err
}

func (db *DB) originalsOf(ctx context.Context, number int64) ([]evidence.Original, error) {
	rows, err := db.db.QueryContext(ctx, `SELECT `+originalColumns+` FROM originals o JOIN parcels p ON p.number = o.parcel
		WHERE o.parcel = ?1 ORDER BY o.id`, number)
	if err != nil {
		return nil, err
	}
	return collect(rows, func(rows *sql.Rows) (evidence.Original, error) { return scanOriginal(rows) })
}

// Original gives an original's particulars, but not where its bytes are.
func (db *DB) Original(ctx context.Context, id int64) (evidence.Original, error) {
	o, err := scanOriginal(db.db.QueryRowContext(ctx, `SELECT `+originalColumns+` FROM originals o JOIN parcels p ON p.number = o.parcel
		WHERE o.id = ?1`, id))
	return o, one(err, "desk.no_original", id)
}

// maxTries is how often a look that ends by the machine's slowness is begun again
// without anybody asking.
const maxTries = 3

// Unprobed gives the originals that nobody has looked at yet, the documents that
// were looked at before the pictures of their pages were kept by hash, and those
// at which the machine was too slow, fewer than maxTries times in a row.
func (db *DB) Unprobed(ctx context.Context) ([]int64, error) {
	rows, err := db.db.QueryContext(ctx, `SELECT id FROM originals WHERE fault = '' AND (medium = '{}' OR
		json_extract(medium, '$.kind') = 'document' AND json_extract(medium, '$.pages[0].picture') IS NULL)
		OR tries BETWEEN 1 AND ?1 ORDER BY id`, maxTries-1)
	if err != nil {
		return nil, err
	}
	return collect(rows, func(rows *sql.Rows) (id int64, err error) { return id, rows.Scan(&id) })
}

// Location is where an original's bytes are: in the plaintext of a parcel.
type Location struct {
	evidence.Original
	Start      int64 // in the parcel's plaintext
	SealedSize int64
	HeaderSize int64
}

// OpenOriginal tells where an original's bytes are, which nothing else does,
// and writes the custody event first. verb says what for.
func (db *DB) OpenOriginal(ctx context.Context, by evidence.Actor, verb evidence.Verb, id int64) (Location, error) {
	var l Location
	err := db.act(ctx, by, func(ctx context.Context, tx *sql.Tx) ([]evidence.Event, error) {
		var caseID sql.NullInt64
		var err error
		l.Original, err = scanOriginal(tx.QueryRowContext(ctx, `SELECT `+originalColumns+`, o.start, p.size, p.header_size, p.case_id
			FROM originals o JOIN parcels p ON p.number = o.parcel WHERE o.id = ?1`, id), &l.Start, &l.SealedSize, &l.HeaderSize, &caseID)
		if err != nil {
			return nil, one(err, "desk.no_original", id)
		}
		return db.unlessLately(ctx, tx, by, evidence.Event{
			Verb: verb, Case: caseID.Int64, Subject: fmt.Sprintf("original %d", id), SHA256: l.SHA256})
	})
	return l, err
}

// unlessLately gives the event unless the same person's same act on the same
// thing was written within one sitting and is the last thing said of it.
func (db *DB) unlessLately(ctx context.Context, tx *sql.Tx, by evidence.Actor, e evidence.Event) ([]evidence.Event, error) {
	var n int
	err := tx.QueryRowContext(ctx, `SELECT count(*) FROM custody WHERE subject = ?1 AND verb = ?2 AND by_key = ?3 AND at > ?4`,
		e.Subject, string(e.Verb), by.Key, db.now().Add(-sitting).UnixMicro()).Scan(&n)
	if err != nil || n > 0 {
		return nil, err
	}
	return []evidence.Event{e}, nil
}

// Probed keeps what the box found in an original, or why it found nothing. slow
// says that it was the machine's slowness, which may pass.
func (db *DB) Probed(ctx context.Context, id int64, m evidence.Medium, why error, slow bool) error {
	medium, err := json.Marshal(m)
	if err != nil {
		return err
	}
	key, _ := faultOf(why)
	return db.write(ctx, func(ctx context.Context, tx *sql.Tx) error {
		res, err := tx.ExecContext(ctx, `UPDATE originals SET medium = ?2, fault = ?3, tries = CASE WHEN ?4 THEN tries + 1 ELSE 0 END WHERE id = ?1`,
			id, string(medium), key, slow)
		return changedOne(res, err, "desk.no_original", id)
	})
}

// Salt gives the secret salt of an original's commitment.
func (db *DB) Salt(ctx context.Context, id int64) (salt [32]byte, err error) {
	var b []byte
	err = db.db.QueryRowContext(ctx, `SELECT salt FROM originals WHERE id = ?1`, id).Scan(&b)
	if err != nil {
		return salt, one(err, "desk.no_original", id)
	}
	copy(salt[:], b)
	return salt, nil
}

// Disclose gives an original's salt to be shown to somebody, and writes to whom
// it is said to go.
func (db *DB) Disclose(ctx context.Context, by evidence.Actor, id int64, to string) (salt [32]byte, err error) {
	if salt, err = db.Salt(ctx, id); err != nil {
		return salt, err
	}
	err = db.act(ctx, by, func(ctx context.Context, tx *sql.Tx) ([]evidence.Event, error) {
		return originalEvent(ctx, tx, evidence.Disclosed, id, to)
	})
	return salt, err
}

// PlanVersion says who saved a plan and when.
type PlanVersion struct {
	Version int
	By      string
	At      time.Time
}

// Plan gives one version of a redaction plan, the newest for version 0; what
// was never saved is the fault desk.no_plan.
func (db *DB) Plan(ctx context.Context, original int64, version int) (redact.Plan, int, error) {
	var b []byte
	err := db.db.QueryRowContext(ctx, `SELECT plan, version FROM plans WHERE original = ?1 AND (?2 = 0 OR version = ?2)
		ORDER BY version DESC LIMIT 1`, original, version).Scan(&b, &version)
	if err != nil {
		return redact.Plan{}, 0, one(err, "desk.no_plan", original)
	}
	p, err := redact.Parse(b)
	return p, version, err
}

// PlanVersions gives who saved which version, the newest first.
func (db *DB) PlanVersions(ctx context.Context, original int64) ([]PlanVersion, error) {
	rows, err := db.db.QueryContext(ctx, `SELECT version, by_name, at FROM plans WHERE original = ?1 ORDER BY version DESC`, original)
	if err != nil {
		return nil, err
	}
	return collect(rows, func(rows *sql.Rows) (v PlanVersion, err error) {
		var at int64
		err = rows.Scan(&v.Version, &v.By, &at)
		v.At = instant(at)
		return v, err
	})
}

// SavePlan keeps a plan as the version after base, the newest one; when base is
// not the newest the fault is desk.plan_changed.
func (db *DB) SavePlan(ctx context.Context, by evidence.Actor, original int64, p redact.Plan, base int) (int, error) {
	b, err := p.Bytes()
	if err != nil {
		return 0, err
	}
	err = db.act(ctx, by, func(ctx context.Context, tx *sql.Tx) ([]evidence.Event, error) {
		var newest int
		if err := tx.QueryRowContext(ctx, `SELECT coalesce(max(version), 0) FROM plans WHERE original = ?1`, original).Scan(&newest); err != nil {
			return nil, err
		}
		if newest != base {
			return nil, fault.Conflict("desk.plan_changed", base, newest)
		}
		_, err := tx.ExecContext(ctx, `INSERT INTO plans (original, version, plan, by_name, at) VALUES (?1, ?2, ?3, ?4, ?5)`,
			original, base+1, b, by.Name, db.now().UnixMicro())
		if err != nil {
			return nil, err
		}
		begins := "open"
		if p.Covered {
			begins = "covered"
		}
		return originalEvent(ctx, tx, evidence.Marked, original, fmt.Sprintf("plan %d, %s", base+1, begins))
	})
	return base + 1, err
}

func originalEvent(ctx context.Context, tx *sql.Tx, verb evidence.Verb, original int64, detail string) ([]evidence.Event, error) {
	var caseID sql.NullInt64
	var sum string
	err := tx.QueryRowContext(ctx, `SELECT p.case_id, o.sha256 FROM originals o JOIN parcels p ON p.number = o.parcel WHERE o.id = ?1`, original).Scan(&caseID, &sum)
	if err != nil {
		return nil, one(err, "desk.no_original", original)
	}
	return []evidence.Event{{Verb: verb, Case: caseID.Int64, Subject: fmt.Sprintf("original %d", original), SHA256: sum, Detail: detail}}, nil
}

const derivativeColumns = `id, original, plan, rung, type, poster, width, height, seconds, size, sha256, sealed`

func scanDerivative(rows interface{ Scan(...any) error }) (d evidence.Derivative, err error) {
	err = rows.Scan(&d.ID, &d.Original, &d.Plan, &d.Rung, &d.Type, &d.Poster, &d.Width, &d.Height, &d.Seconds, &d.Size, &d.SHA256, &d.Sealed)
	return d, err
}

// Rendered keeps a new set of derivatives of an original as its newest, with
// what it was made with.
func (db *DB) Rendered(ctx context.Context, by evidence.Actor, original int64, set []evidence.Derivative, with Rendering) error {
	return db.act(ctx, by, func(ctx context.Context, tx *sql.Tx) ([]evidence.Event, error) {
		if _, err := tx.ExecContext(ctx, `UPDATE derivatives SET newest = 0 WHERE original = ?1`, original); err != nil {
			return nil, err
		}
		events := []evidence.Event{}
		first := int64(0)
		for _, d := range set {
			var id int64
			err := tx.QueryRowContext(ctx, `INSERT INTO derivatives (original, plan, rung, type, poster, width, height, seconds, size, sha256, sealed)
				VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11) RETURNING id`,
				original, d.Plan, d.Rung, d.Type, d.Poster, d.Width, d.Height, d.Seconds, d.Size, d.SHA256, d.Sealed).Scan(&id)
			if err != nil {
				return nil, err
			}
			if first == 0 {
				first = id
			}
			e, err := originalEvent(ctx, tx, evidence.Rendered, original, fmt.Sprintf("plan %d, %s", d.Plan, d.Rung))
			if err != nil {
				return nil, err
			}
			e[0].SHA256 = d.SHA256
			events = append(events, e...)
		}
		e, err := db.addRendering(ctx, tx, first, with)
		return append(events, e...), err
	})
}

// Gated writes that the gate found a file made of an original clean. detail says
// which file, and at which step of the road.
func (db *DB) Gated(ctx context.Context, by evidence.Actor, original int64, sha256, detail string) error {
	return db.act(ctx, by, func(ctx context.Context, tx *sql.Tx) ([]evidence.Event, error) {
		e, err := originalEvent(ctx, tx, evidence.Gated, original, detail)
		if err != nil {
			return nil, err
		}
		e[0].SHA256 = sha256
		return e, nil
	})
}

// Derivatives gives the newest derivatives of an original.
func (db *DB) Derivatives(ctx context.Context, original int64) ([]evidence.Derivative, error) {
	rows, err := db.db.QueryContext(ctx, `SELECT `+derivativeColumns+` FROM derivatives WHERE original = ?1 AND newest = 1 ORDER BY id`, original)
	if err != nil {
		return nil, err
	}
	return collect(rows, func(rows *sql.Rows) (evidence.Derivative, error) { return scanDerivative(rows) })
}

// DerivativeOf gives a derivative by the hash of its bytes.
func (db *DB) DerivativeOf(ctx context.Context, sha256 string) (evidence.Derivative, error) {
	d, err := scanDerivative(db.db.QueryRowContext(ctx, `SELECT `+derivativeColumns+` FROM derivatives WHERE sha256 = ?1 ORDER BY id DESC LIMIT 1`, sha256))
	return d, one(err, "desk.no_derivative", sha256)
}

// OpenDerivative gives a derivative and writes that it is looked at.
func (db *DB) OpenDerivative(ctx context.Context, by evidence.Actor, id int64) (evidence.Derivative, error) {
	var d evidence.Derivative
	err := db.act(ctx, by, func(ctx context.Context, tx *sql.Tx) ([]evidence.Event, error) {
		var err error
		d, err = scanDerivative(tx.QueryRowContext(ctx, `SELECT `+derivativeColumns+` FROM derivatives WHERE id = ?1`, id))
		if err != nil {
			return nil, one(err, "desk.no_derivative", id)
		}
		e, err := originalEvent(ctx, tx, evidence.Viewed, d.Original, "")
		if err != nil {
			return nil, err
		}
		e[0].Subject, e[0].SHA256 = fmt.Sprintf("derivative %d", id), d.SHA256
		return db.unlessLately(ctx, tx, by, e[0])
	})
	return d, err
}

// SealedNames gives the names of all sealed derivatives, so that leftovers of
// a killed rendering can be told from them.
func (db *DB) SealedNames(ctx context.Context) (map[string]bool, error) {
	rows, err := db.db.QueryContext(ctx, `SELECT DISTINCT sealed FROM derivatives`)
	if err != nil {
		return nil, err
	}
	names, err := collect(rows, func(rows *sql.Rows) (name string, err error) { return name, rows.Scan(&name) })
	all := make(map[string]bool)
	for _, n := range names {
		all[n] = true
	}
	return all, err
}
