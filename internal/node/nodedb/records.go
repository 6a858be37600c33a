package nodedb

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
)

// IndexedRecord is a record of the current edition: its number, its canonical
// document and its words as the search compares them.
type IndexedRecord struct {
	Number   int64
	Document []byte
	Words    string // "" takes the record out
}

// IndexRecords brings the search up to date with changed records, and keeps the
// mark of the edition that it is up to date with; all or nothing. With afresh
// the search is emptied first.
func (db *DB) IndexRecords(ctx context.Context, mark string, afresh bool, changed []IndexedRecord) error {
	return db.db.Tx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		if afresh {
			for _, q := range []string{`DELETE FROM record_words`, `DELETE FROM record`} {
				if _, err := tx.ExecContext(ctx, q); err != nil {
					return err
				}
			}
		}
		for _, r := range changed {
			if err := indexRecord(ctx, tx, r); err != nil {
				return fmt.Errorf("index record %d: %w", r.Number, err)
			}
		}
		return putSetting(ctx, tx, indexedMark, mark)
	})
}

const indexedMark = "indexed"

// Indexed gives the mark of the last IndexRecords.
func (db *DB) Indexed(ctx context.Context) (string, error) { return db.Setting(ctx, indexedMark) }

func indexRecord(ctx context.Context, tx *sql.Tx, r IndexedRecord) error {
	for _, q := range []string{`DELETE FROM record_words WHERE rowid = $1`, `DELETE FROM record WHERE number = $1`} {
		if _, err := tx.ExecContext(ctx, q, r.Number); err != nil {
			return err
		}
	}
	if r.Words == "" {
		return nil
	}
	if _, err := tx.ExecContext(ctx, `INSERT INTO record (number, document) VALUES ($1, $2)`, r.Number, r.Document); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, `INSERT INTO record_words (rowid, words) VALUES ($1, $2)`, r.Number, r.Words)
	return err
}

// Search gives the documents of records that hold all of the words, of which
// the last may be a beginning; the newest first, numbered below before (0: from
// the newest). Words must be folded as those of IndexRecords are.
func (db *DB) Search(ctx context.Context, words []string, before int64, limit int) ([]IndexedRecord, error) {
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
		SELECT r.number, r.document FROM record_words w JOIN record r ON r.number = w.rowid
		WHERE record_words MATCH $1 AND w.rowid < $2 ORDER BY w.rowid DESC LIMIT $3`,
		strings.Join(quoted, " AND ")+"*", before, limit)
	found, err := collect(rows, err, func(rows *sql.Rows, r *IndexedRecord) error { return rows.Scan(&r.Number, &r.Document) })
	if err != nil {
		return nil, fmt.Errorf("search: %w", err)
	}
	return found, nil
}
