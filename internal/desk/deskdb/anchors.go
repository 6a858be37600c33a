package deskdb

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"

	"kua/internal/casefile"
	"kua/internal/evidence"
	"kua/internal/parcel"
)

// Filed is a whole parcel that no anchor holds yet.
type Filed struct {
	Number int64
	Blind  string // of its receipt, 64 hex characters
}

// Unanchored gives the whole parcels that no anchor holds and whose witness has
// a receipt.
func (db *DB) Unanchored(ctx context.Context) ([]Filed, error) {
	rows, err := db.db.QueryContext(ctx, `SELECT number, report FROM parcels WHERE anchored = 0 AND stage = ?1 ORDER BY number`, casefile.Whole)
	if err != nil {
		return nil, err
	}
	all, err := collect(rows, func(rows *sql.Rows) (Filed, error) {
		var f Filed
		var doc []byte
		if err := rows.Scan(&f.Number, &doc); err != nil {
			return f, err
		}
		var r parcel.Report
		err := json.Unmarshal(doc, &r)
		f.Blind = r.Blind
		return f, err
	})
	var with []Filed
	for _, f := range all {
		if f.Blind != "" {
			with = append(with, f)
		}
	}
	return with, err
}

// Anchored notes that the anchor of an edition holds these parcels' filings.
func (db *DB) Anchored(ctx context.Context, edition int, sha256 string, numbers []int64) error {
	return db.act(ctx, evidence.Machine(), func(ctx context.Context, tx *sql.Tx) ([]evidence.Event, error) {
		for _, n := range numbers {
			if _, err := tx.ExecContext(ctx, `UPDATE parcels SET anchored = ?1 WHERE number = ?2`, edition, n); err != nil {
				return nil, fmt.Errorf("note the anchor of parcel number %d: %w", n, err)
			}
		}
		return []evidence.Event{{Verb: evidence.Anchored, Subject: fmt.Sprintf("edition %d", edition), SHA256: sha256}}, nil
	})
}
