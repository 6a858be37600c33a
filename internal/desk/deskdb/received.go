package deskdb

import (
	"context"
	"database/sql"
	"encoding/json"

	"kua/internal/casefile"
	"kua/internal/evidence"
	"kua/internal/fault"
	"kua/internal/parcel"
)

const receivedColumns = `p.number, p.id, p.stage, p.size, p.pieces, p.report, p.fault, p.fault_args, p.day, p.unread, p.case_id,
	(SELECT count(*) FROM pieces h WHERE h.parcel = p.number)`

func scanReceived(rows interface{ Scan(...any) error }) (casefile.Received, error) {
	var r casefile.Received
	var pieces, held int64
	var report []byte
	var args string
	var caseID sql.NullInt64
	err := rows.Scan(&r.Number, &r.Parcel, &r.Stage, &r.Size, &pieces, &report, &r.Fault, &args, &r.Day, &r.Unread, &caseID, &held)
	if err != nil {
		return r, err
	}
	r.Case, r.FaultArgs = caseID.Int64, argsOf(args)
	if len(r.FaultArgs) == 0 {
		r.FaultArgs = nil
	}
	r.Held = r.Size
	if r.Stage == casefile.Arriving || (r.Stage == casefile.Refused && held > 0) {
		r.Held = min(r.Size, held*parcel.PieceBytes)
	}
	if report != nil {
		r.Report = new(parcel.Report)
		if err := json.Unmarshal(report, r.Report); err != nil {
			return r, fault.Corrupt("desk.report_row", r.Parcel).Because(err)
		}
	}
	return r, nil
}

// Inbox gives reports that are in no case, newest first, and how many there are.
func (db *DB) Inbox(ctx context.Context, limit, offset int) ([]casefile.Received, int, error) {
	var total int
	if err := db.db.QueryRowContext(ctx, `SELECT count(*) FROM parcels WHERE case_id IS NULL`).Scan(&total); err != nil {
		return nil, 0, err
	}
	rows, err := db.db.QueryContext(ctx, `SELECT `+receivedColumns+` FROM parcels p WHERE p.case_id IS NULL
		ORDER BY p.number DESC LIMIT ?1 OFFSET ?2`, limit, offset)
	if err != nil {
		return nil, 0, err
	}
	all, err := db.received(ctx, rows)
	return all, total, err
}

func (db *DB) received(ctx context.Context, rows *sql.Rows) ([]casefile.Received, error) {
	all, err := collect(rows, func(rows *sql.Rows) (casefile.Received, error) { return scanReceived(rows) })
	for i := range all {
		if err == nil {
			err = db.fill(ctx, &all[i])
		}
	}
	return all, err
}

// fill adds the nodes and the originals.
func (db *DB) fill(ctx context.Context, r *casefile.Received) error {
	rows, err := db.db.QueryContext(ctx, `SELECT node FROM sightings WHERE parcel = ?1 ORDER BY node`, r.Number)
	if err != nil {
		return err
	}
	r.Nodes, err = collect(rows, func(rows *sql.Rows) (node string, err error) { return node, rows.Scan(&node) })
	if err != nil {
		return err
	}
	r.Originals, err = db.originalsOf(ctx, r.Number)
	return err
}

// Received gives one report without marking it read.
func (db *DB) Received(ctx context.Context, id string) (casefile.Received, error) {
	r, err := scanReceived(db.db.QueryRowContext(ctx, `SELECT `+receivedColumns+` FROM parcels p WHERE p.id = ?1`, id))
	if err != nil {
		return r, one(err, "desk.no_parcel", id)
	}
	return r, db.fill(ctx, &r)
}

// Beginning gives up to two ids of parcels that begin with the given characters.
func (db *DB) Beginning(ctx context.Context, begin string) ([]string, error) {
	rows, err := db.db.QueryContext(ctx, `SELECT id FROM parcels WHERE substr(id, 1, length(?1)) = ?1 LIMIT 2`, begin)
	if err != nil {
		return nil, err
	}
	return collect(rows, func(rows *sql.Rows) (id string, err error) { return id, rows.Scan(&id) })
}

// Read gives one report and marks it read; the event is written when it was
// unread. A report of which nothing can be shown yet stays unread.
func (db *DB) Read(ctx context.Context, by evidence.Actor, id string) (casefile.Received, error) {
	err := db.act(ctx, by, func(ctx context.Context, tx *sql.Tx) ([]evidence.Event, error) {
		res, err := tx.ExecContext(ctx, `UPDATE parcels SET unread = 0 WHERE id = ?1 AND unread = 1 AND (report IS NOT NULL OR stage = ?2)`, id, casefile.Refused)
		if err != nil {
			return nil, err
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return nil, err
		}
		return parcelEvent(ctx, tx, evidence.Read, id)
	})
	if err != nil {
		return casefile.Received{}, err
	}
	return db.Received(ctx, id)
}

// MarkUnread puts a report back among the unread.
func (db *DB) MarkUnread(ctx context.Context, by evidence.Actor, id string) error {
	return db.act(ctx, by, func(ctx context.Context, tx *sql.Tx) ([]evidence.Event, error) {
		res, err := tx.ExecContext(ctx, `UPDATE parcels SET unread = 1 WHERE id = ?1`, id)
		if err := changedOne(res, err, "desk.no_parcel", id); err != nil {
			return nil, err
		}
		return parcelEvent(ctx, tx, evidence.Unread, id)
	})
}

func parcelEvent(ctx context.Context, tx *sql.Tx, verb evidence.Verb, id string) ([]evidence.Event, error) {
	var caseID sql.NullInt64
	err := tx.QueryRowContext(ctx, `SELECT case_id FROM parcels WHERE id = ?1`, id).Scan(&caseID)
	return []evidence.Event{{Verb: verb, Case: caseID.Int64, Subject: "parcel " + id}}, err
}
