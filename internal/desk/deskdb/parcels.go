package deskdb

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"kua/internal/casefile"
	"kua/internal/evidence"
	"kua/internal/parcel"
)

// Parcel is what the collector knows of one parcel.
type Parcel struct {
	Number     int64
	ID         string
	Size       int64
	Pieces     int
	Stage      casefile.Stage
	HasReport  bool
	Fault      string
	RefusedFor string // recipient of the person who could not open it
	HeaderSize int64  // bytes of the sealed file's own age header, 0 until it is whole
	Wrapped    int    // charter version its header was last wrapped for
}

const parcelColumns = `number, id, size, pieces, stage, report IS NOT NULL, fault, refused_for, header_size, wrapped`

func scanParcel(rows interface{ Scan(...any) error }) (Parcel, error) {
	var p Parcel
	err := rows.Scan(&p.Number, &p.ID, &p.Size, &p.Pieces, &p.Stage, &p.HasReport, &p.Fault, &p.RefusedFor, &p.HeaderSize, &p.Wrapped)
	return p, err
}

// Sight notes that a node holds a parcel and makes it known when it is new.
func (db *DB) Sight(ctx context.Context, node string, x parcel.Index) (p Parcel, fresh bool, err error) {
	err = db.write(ctx, func(ctx context.Context, tx *sql.Tx) error {
		res, err := tx.ExecContext(ctx, `INSERT INTO parcels (id, size, pieces, stage, day) VALUES (?1, ?2, ?3, ?4, ?5)
			ON CONFLICT (id) DO NOTHING`, x.ID(), x.Size, len(x.Pieces), casefile.Arriving, db.now().UTC().Format(time.DateOnly))
		if err != nil {
			return err
		}
		n, err := res.RowsAffected()
		if err != nil {
			return err
		}
		fresh = n > 0
		p, err = scanParcel(tx.QueryRowContext(ctx, `SELECT `+parcelColumns+` FROM parcels WHERE id = ?1`, x.ID()))
		if err != nil {
			return err
		}
		return sighted(ctx, tx, p.Number, node)
	})
	return p, fresh, err
}

// SightAgain notes that a node holds a parcel that is already known. It reports
// whether it is.
func (db *DB) SightAgain(ctx context.Context, node, id string) (p Parcel, known bool, err error) {
	err = db.write(ctx, func(ctx context.Context, tx *sql.Tx) error {
		p, err = scanParcel(tx.QueryRowContext(ctx, `SELECT `+parcelColumns+` FROM parcels WHERE id = ?1`, id))
		if err == sql.ErrNoRows {
			return nil
		}
		if err != nil {
			return err
		}
		known = true
		return sighted(ctx, tx, p.Number, node)
	})
	return p, known, err
}

// sighted notes the node again even when it was told to forget: it holds the
// parcel now, so it has to be told once more.
func sighted(ctx context.Context, tx *sql.Tx, number int64, node string) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO sightings (parcel, node) VALUES (?1, ?2)
		ON CONFLICT (parcel, node) DO UPDATE SET forgotten = 0`, number, node)
	return err
}

// Parcels gives every parcel in one of the stages, the oldest first.
func (db *DB) Parcels(ctx context.Context, stages ...casefile.Stage) ([]Parcel, error) {
	var all []Parcel
	for _, stage := range stages {
		rows, err := db.db.QueryContext(ctx, `SELECT `+parcelColumns+` FROM parcels WHERE stage = ?1 ORDER BY number`, stage)
		if err != nil {
			return nil, err
		}
		some, err := collect(rows, func(rows *sql.Rows) (Parcel, error) { return scanParcel(rows) })
		if err != nil {
			return nil, err
		}
		all = append(all, some...)
	}
	return all, nil
}

// Parcel gives one parcel by its id.
func (db *DB) Parcel(ctx context.Context, id string) (Parcel, error) {
	p, err := scanParcel(db.db.QueryRowContext(ctx, `SELECT `+parcelColumns+` FROM parcels WHERE id = ?1`, id))
	return p, one(err, "desk.no_parcel", id)
}

// Holds gives the numbers of the pieces that are on the disk.
func (db *DB) Holds(ctx context.Context, number int64) (map[int]bool, error) {
	rows, err := db.db.QueryContext(ctx, `SELECT piece FROM pieces WHERE parcel = ?1`, number)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	held := make(map[int]bool)
	for rows.Next() {
		var n int
		if err := rows.Scan(&n); err != nil {
			return nil, err
		}
		held[n] = true
	}
	return held, rows.Err()
}

// Held notes pieces that have been fsynced.
func (db *DB) Held(ctx context.Context, number int64, pieces ...int) error {
	return db.write(ctx, func(ctx context.Context, tx *sql.Tx) error {
		for _, n := range pieces {
			if _, err := tx.ExecContext(ctx, `INSERT INTO pieces (parcel, piece) VALUES (?1, ?2) ON CONFLICT DO NOTHING`, number, n); err != nil {
				return err
			}
		}
		return nil
	})
}

// ShowReport keeps a report that was read from a parcel's first pieces. words
// is its folded text for searching.
func (db *DB) ShowReport(ctx context.Context, number int64, r parcel.Report, words string) error {
	b, err := r.Bytes()
	if err != nil {
		return err
	}
	return db.write(ctx, func(ctx context.Context, tx *sql.Tx) error {
		return keepReport(ctx, tx, number, b, words)
	})
}

func keepReport(ctx context.Context, tx *sql.Tx, number int64, report []byte, words string) error {
	if _, err := tx.ExecContext(ctx, `UPDATE parcels SET report = ?2 WHERE number = ?1`, number, report); err != nil {
		return err
	}
	return index(ctx, tx, "report", number, 0, words)
}

// Whole is what has been checked of a complete parcel.
type Whole struct {
	Parcel     Parcel
	Bag        *parcel.Bag
	Salts      [][32]byte // one for each of the bag's attachments, for its commitment
	HeaderSize int64
	Wrapped    int
	Words      string
}

// Complete makes a parcel whole: its originals are known from here on.
func (db *DB) Complete(ctx context.Context, w Whole) error {
	report, err := w.Bag.Report.Bytes()
	if err != nil {
		return err
	}
	named := make(map[string]parcel.ReportFile)
	for _, f := range w.Bag.Report.Files {
		named[f.Path] = f
	}
	number := w.Parcel.Number
	return db.act(ctx, evidence.Machine(), func(ctx context.Context, tx *sql.Tx) ([]evidence.Event, error) {
		if err := keepReport(ctx, tx, number, report, w.Words); err != nil {
			return nil, err
		}
		_, err := tx.ExecContext(ctx, `UPDATE parcels SET stage = ?2, fault = '', fault_args = '[]', refused_for = '', header_size = ?3, wrapped = ?4
			WHERE number = ?1`, number, casefile.Whole, w.HeaderSize, w.Wrapped)
		if err != nil {
			return nil, err
		}
		if _, err := tx.ExecContext(ctx, `DELETE FROM pieces WHERE parcel = ?1`, number); err != nil {
			return nil, err
		}
		salts := w.Salts
		for _, e := range w.Bag.Entries {
			f, ok := named[e.Path]
			if !ok {
				continue // report.json
			}
			_, err := tx.ExecContext(ctx, `INSERT INTO originals (parcel, path, name, type, size, start, sha256, salt)
				VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT (parcel, path) DO NOTHING`,
				number, e.Path, f.Name, f.Type, e.Size, e.Offset, e.SHA256, salts[0][:])
			if err != nil {
				return nil, err
			}
			salts = salts[1:]
		}
		caseID, err := caseOf(ctx, tx, number)
		return []evidence.Event{{Verb: evidence.Collected, Case: caseID, Subject: "parcel " + w.Parcel.ID}}, err
	})
}

// Refuse notes why a complete parcel cannot be opened. Its bytes stay.
func (db *DB) Refuse(ctx context.Context, p Parcel, why error, recipient string) error {
	key, args := faultOf(why)
	return db.act(ctx, evidence.Machine(), func(ctx context.Context, tx *sql.Tx) ([]evidence.Event, error) {
		_, err := tx.ExecContext(ctx, `UPDATE parcels SET stage = ?2, fault = ?3, fault_args = ?4, refused_for = ?5, unread = 1 WHERE number = ?1`,
			p.Number, casefile.Refused, key, args, recipient)
		if err != nil {
			return nil, err
		}
		caseID, err := caseOf(ctx, tx, p.Number)
		return []evidence.Event{{Verb: evidence.Refused, Case: caseID, Subject: "parcel " + p.ID, Detail: key}}, err
	})
}

// Rewrapped notes for which charter's people a parcel's header is wrapped now.
func (db *DB) Rewrapped(ctx context.Context, by evidence.Actor, p Parcel, version int) error {
	return db.act(ctx, by, func(ctx context.Context, tx *sql.Tx) ([]evidence.Event, error) {
		if _, err := tx.ExecContext(ctx, `UPDATE parcels SET wrapped = ?2 WHERE number = ?1`, p.Number, version); err != nil {
			return nil, err
		}
		caseID, err := caseOf(ctx, tx, p.Number)
		return []evidence.Event{{Verb: evidence.Rewrapped, Case: caseID, Subject: "parcel " + p.ID, Detail: fmt.Sprintf("charter %d", version)}}, err
	})
}

func caseOf(ctx context.Context, tx *sql.Tx, number int64) (int64, error) {
	var id sql.NullInt64
	err := tx.QueryRowContext(ctx, `SELECT case_id FROM parcels WHERE number = ?1`, number).Scan(&id)
	return id.Int64, err
}

// ToForget gives the parcels that are whole here and that a node still holds.
func (db *DB) ToForget(ctx context.Context, node string) ([]string, error) {
	rows, err := db.db.QueryContext(ctx, `SELECT p.id FROM parcels p JOIN sightings s ON s.parcel = p.number
		WHERE s.node = ?1 AND s.forgotten = 0 AND p.stage = ?2 ORDER BY p.number`, node, casefile.Whole)
	if err != nil {
		return nil, err
	}
	return collect(rows, func(rows *sql.Rows) (id string, err error) { return id, rows.Scan(&id) })
}

// Forgotten notes that a node has forgotten a parcel.
func (db *DB) Forgotten(ctx context.Context, node, id string) error {
	return db.write(ctx, func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE sightings SET forgotten = 1 WHERE node = ?1
			AND parcel = (SELECT number FROM parcels WHERE id = ?2)`, node, id)
		return err
	})
}
