package deskdb

import (
	"context"
	"database/sql"
	"fmt"

	"kua/internal/casefile"
	"kua/internal/evidence"
)

// Outgoing is a sealed reply on its way to one node.
type Outgoing struct {
	Reply  int64
	Node   string
	Prefix string
	Sealed []byte
}

// AddReply keeps a sealed reply in the outbox, for each of the nodes. It is
// refused for a report that is not in the case.
func (db *DB) AddReply(ctx context.Context, by evidence.Actor, r casefile.Reply, prefix string, sealed []byte, nodes []string, words string) (int64, error) {
	var id int64
	err := db.onWorkedCase(ctx, by, r.Case, func(ctx context.Context, tx *sql.Tx, _ casefile.Case) (evidence.Event, error) {
		var number int64
		err := tx.QueryRowContext(ctx, `SELECT number FROM parcels WHERE id = ?1 AND case_id = ?2`, r.Parcel, r.Case).Scan(&number)
		if err != nil {
			return evidence.Event{}, one(err, "desk.not_in_case", r.Parcel, r.Case)
		}
		err = tx.QueryRowContext(ctx, `INSERT INTO replies (case_id, parcel, by_name, text, prefix, sealed, at)
			VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) RETURNING id`, r.Case, number, by.Name, r.Text, prefix, sealed, db.now().UnixMicro()).Scan(&id)
		if err != nil {
			return evidence.Event{}, err
		}
		for _, n := range nodes {
			if _, err := tx.ExecContext(ctx, `INSERT INTO deliveries (reply, node) VALUES (?1, ?2)`, id, n); err != nil {
				return evidence.Event{}, err
			}
		}
		return evidence.Event{Verb: evidence.Replied, Subject: fmt.Sprintf("reply %d", id), Detail: "parcel " + r.Parcel}, index(ctx, tx, "reply", id, r.Case, words)
	})
	return id, err
}

// Replies gives the replies of a case, the oldest first.
func (db *DB) Replies(ctx context.Context, caseID int64) ([]casefile.Reply, error) {
	rows, err := db.db.QueryContext(ctx, `SELECT r.id, r.case_id, p.id, r.by_name, r.text, r.at FROM replies r
		JOIN parcels p ON p.number = r.parcel WHERE r.case_id = ?1 ORDER BY r.id`, caseID)
	if err != nil {
		return nil, err
	}
	all, err := collect(rows, func(rows *sql.Rows) (r casefile.Reply, err error) {
		var at int64
		err = rows.Scan(&r.ID, &r.Case, &r.Parcel, &r.By, &r.Text, &at)
		r.At = instant(at)
		return r, err
	})
	for i := range all {
		if err == nil {
			all[i].Sent, err = db.deliveries(ctx, all[i].ID)
		}
	}
	return all, err
}

func (db *DB) deliveries(ctx context.Context, reply int64) ([]casefile.Delivery, error) {
	rows, err := db.db.QueryContext(ctx, `SELECT node, sent, fault FROM deliveries WHERE reply = ?1 ORDER BY node`, reply)
	if err != nil {
		return nil, err
	}
	return collect(rows, func(rows *sql.Rows) (d casefile.Delivery, err error) {
		return d, rows.Scan(&d.Node, &d.Sent, &d.Fault)
	})
}

// Outbox gives what is still to be brought to nodes, the oldest first. A node
// that came into the charter after a reply was written gets it too.
func (db *DB) Outbox(ctx context.Context, nodes []string) ([]Outgoing, error) {
	err := db.write(ctx, func(ctx context.Context, tx *sql.Tx) error {
		for _, n := range nodes {
			_, err := tx.ExecContext(ctx, `INSERT INTO deliveries (reply, node) SELECT id, ?1 FROM replies WHERE true ON CONFLICT DO NOTHING`, n)
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	rows, err := db.db.QueryContext(ctx, `SELECT r.id, d.node, r.prefix, r.sealed FROM deliveries d JOIN replies r ON r.id = d.reply
		WHERE d.sent = 0 ORDER BY r.id, d.node`)
	if err != nil {
		return nil, err
	}
	return collect(rows, func(rows *sql.Rows) (o Outgoing, err error) {
		return o, rows.Scan(&o.Reply, &o.Node, &o.Prefix, &o.Sealed)
	})
}

// Delivered notes how bringing a reply to a node went: why is nil when it is there.
func (db *DB) Delivered(ctx context.Context, o Outgoing, why error) error {
	key, _ := faultOf(why)
	return db.write(ctx, func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE deliveries SET sent = ?3, fault = ?4 WHERE reply = ?1 AND node = ?2`, o.Reply, o.Node, why == nil, key)
		return err
	})
}
