package deskdb

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"kua/internal/canon"
	"kua/internal/evidence"
	"kua/internal/fault"
)

// StampService is a service that is asked for time stamps.
type StampService struct {
	ID    string // of its roots
	URL   string
	Roots []byte    // PEM
	Fault error     // why it gave none when it was asked last
	Asked time.Time // zero when never
}

// StampServices gives every service, in order of address.
func (db *DB) StampServices(ctx context.Context) ([]StampService, error) {
	rows, err := db.db.QueryContext(ctx, `SELECT id, url, roots, fault, fault_args, asked FROM stamp_services ORDER BY url`)
	if err != nil {
		return nil, err
	}
	return collect(rows, func(rows *sql.Rows) (s StampService, err error) {
		var key, args string
		var asked int64
		err = rows.Scan(&s.ID, &s.URL, &s.Roots, &key, &args, &asked)
		if s.Asked = instant(asked); key != "" {
			s.Fault = fault.New(fault.KindLater, key, argsOf(args)...)
		}
		return s, err
	})
}

// AddStampService keeps a service. One with the same address or roots is the fault
// desk.stamp_there.
func (db *DB) AddStampService(ctx context.Context, by evidence.Actor, s StampService) error {
	return db.act(ctx, by, func(ctx context.Context, tx *sql.Tx) ([]evidence.Event, error) {
		res, err := tx.ExecContext(ctx, `INSERT INTO stamp_services (id, url, roots) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING`, s.ID, s.URL, s.Roots)
		if err != nil {
			return nil, err
		}
		n, err := res.RowsAffected()
		if err == nil && n == 0 {
			err = fault.Conflict("desk.stamp_there", s.URL)
		}
		if err != nil {
			return nil, err
		}
		return serviceEvent(s.URL, "added", canon.Hash(s.Roots)), nil
	})
}

// RemoveStampService forgets the service at an address. What it stamped stays.
func (db *DB) RemoveStampService(ctx context.Context, by evidence.Actor, url string) error {
	return db.act(ctx, by, func(ctx context.Context, tx *sql.Tx) ([]evidence.Event, error) {
		res, err := tx.ExecContext(ctx, `DELETE FROM stamp_services WHERE url = ?1`, url)
		if err := changedOne(res, err, "desk.no_stamp_service", url); err != nil {
			return nil, err
		}
		return serviceEvent(url, "removed", ""), nil
	})
}

func serviceEvent(url, what, sum string) []evidence.Event {
	return []evidence.Event{{Verb: evidence.Named, Subject: "time stamps " + url, SHA256: sum, Detail: what}}
}

// StampFailed notes why a service gave no stamp.
func (db *DB) StampFailed(ctx context.Context, id string, why error) error {
	key, args := faultOf(why)
	return db.write(ctx, func(ctx context.Context, tx *sql.Tx) error {
		return asked(ctx, tx, id, key, args, db.now())
	})
}

func asked(ctx context.Context, tx *sql.Tx, id, key, args string, at time.Time) error {
	_, err := tx.ExecContext(ctx, `UPDATE stamp_services SET fault = ?2, fault_args = ?3, asked = ?4 WHERE id = ?1`, id, key, args, at.UnixMicro())
	return err
}

// Stamp is a time stamp over the checkpoint that an edition left.
type Stamp struct {
	Edition  int
	RootsID  string
	Note     []byte // the checkpoint as it was stamped
	Response []byte // the service's whole answer
	Roots    []byte // PEM
}

// KeepStamp keeps a stamp until an edition holds it; a second one of the same service over
// the same edition's log changes nothing.
func (db *DB) KeepStamp(ctx context.Context, s Stamp) error {
	return db.act(ctx, evidence.Machine(), func(ctx context.Context, tx *sql.Tx) ([]evidence.Event, error) {
		_, err := tx.ExecContext(ctx, `INSERT INTO stamps (edition, roots_id, note, response, roots) VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO NOTHING`,
			s.Edition, s.RootsID, s.Note, s.Response, s.Roots)
		if err != nil {
			return nil, err
		}
		_, args := faultOf(nil)
		return []evidence.Event{{Verb: evidence.Stamped, Subject: fmt.Sprintf("edition %d", s.Edition), SHA256: canon.Hash(s.Response), Detail: "roots " + s.RootsID}},
			asked(ctx, tx, s.RootsID, "", args, db.now())
	})
}

// Stamps gives the stamps that no published edition holds yet, in order of edition.
func (db *DB) Stamps(ctx context.Context) ([]Stamp, error) {
	rows, err := db.db.QueryContext(ctx, `SELECT edition, roots_id, note, response, roots FROM stamps ORDER BY edition, roots_id`)
	if err != nil {
		return nil, err
	}
	return collect(rows, func(rows *sql.Rows) (s Stamp, err error) {
		err = rows.Scan(&s.Edition, &s.RootsID, &s.Note, &s.Response, &s.Roots)
		return s, err
	})
}

// StampPublished forgets a stamp that a published edition holds.
func (db *DB) StampPublished(ctx context.Context, edition int, rootsID string) error {
	return db.write(ctx, func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `DELETE FROM stamps WHERE edition = ?1 AND roots_id = ?2`, edition, rootsID)
		return err
	})
}
