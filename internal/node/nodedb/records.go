package nodedb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
)

// IndexedRecord is a published record for the search: its canonical document
// and its words as the search compares them.
type IndexedRecord struct {
	ID       string
	Document []byte
	Words    string // "" takes the record out of the search
}

// IndexRecords brings the search up to date with changed records, in one transaction.
func (db *DB) IndexRecords(ctx context.Context, changed []IndexedRecord) error {
	return db.db.Tx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		for _, r := range changed {
			if err := indexRecord(ctx, tx, r); err != nil {
				return fmt.Errorf("index record %s: %w", r.ID, err)
			}
		}
		return nil
	})
}

func indexRecord(ctx context.Context, tx *sql.Tx, r IndexedRecord) error {
	var number int64
	err := tx.QueryRowContext(ctx, `SELECT number FROM record WHERE id = $1`, r.ID).Scan(&number)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	if err == nil {
		for _, q := range []string{`DELETE FROM record_words WHERE rowid = $1`, `DELETE FROM record WHERE number = $1`} {
			if _, err := tx.ExecContext(ctx, q, number); err != nil {
				return err
			}
		}
	}
	if r.Words == "" {
		return nil
	}
	err = tx.QueryRowContext(ctx, `INSERT INTO record (number, id, document) VALUES (CAST($1 AS INTEGER), $1, $2) RETURNING number`, r.ID, r.Document).Scan(&number)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO record_words (rowid, words) VALUES ($1, $2)`, number, r.Words)
	return err
}

// Search gives the documents of records that hold all of the words (the last
// one may be a beginning), the newest first, before a record's number (0: from
// the newest). Words must be folded as those of IndexRecords are.
func (db *DB) Search(ctx context.Context, words []string, before int64, limit int) ([][]byte, error) {
	if len(words) == 0 {
		return nil, nil
	}
	quoted := make([]string, len(words))
	for i, w := range words {
		quoted[i] = `"` + strings.ReplaceAll(w, `"`, `""`) + `"`
	}
	if before <= 0 {
		before = 1 << 62
	}
	rows, err := db.db.QueryContext(ctx, `
		SELECT r.document FROM record_words w JOIN record r ON r.number = w.rowid
		WHERE record_words MATCH $1 AND w.rowid < $2 ORDER BY w.rowid DESC LIMIT $3`,
		strings.Join(quoted, " AND ")+"*", before, limit)
	if err != nil {
		return nil, fmt.Errorf("search: %w", err)
	}
	defer rows.Close()
	var found [][]byte
	for rows.Next() {
		var doc []byte
		if err := rows.Scan(&doc); err != nil {
			return nil, err
		}
		found = append(found, doc)
	}
	return found, rows.Err()
}
