package deskdb

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"

	"kua/internal/casefile"
	"kua/internal/evidence"
	"kua/internal/fault"
)

// Draft gives the newest draft of a case and its version; when none was saved
// the fault is desk.no_draft.
func (db *DB) Draft(ctx context.Context, caseID int64) (casefile.Draft, int, error) {
	var b []byte
	var version int
	var d casefile.Draft
	err := db.db.QueryRowContext(ctx, `SELECT draft, version FROM drafts WHERE case_id = ?1 ORDER BY version DESC LIMIT 1`, caseID).Scan(&b, &version)
	if err != nil {
		return d, 0, one(err, "desk.no_draft", caseID)
	}
	if err := json.Unmarshal(b, &d); err != nil {
		return d, 0, fmt.Errorf("read draft %d of case %d: %w", version, caseID, err)
	}
	return d, version, nil
}

// DraftAt gives one saved version of a case's draft; where it was never saved the
// fault is desk.no_draft.
func (db *DB) DraftAt(ctx context.Context, caseID int64, version int) (d casefile.Draft, err error) {
	var b []byte
	err = db.db.QueryRowContext(ctx, `SELECT draft FROM drafts WHERE case_id = ?1 AND version = ?2`, caseID, version).Scan(&b)
	if err != nil {
		return d, one(err, "desk.no_draft", caseID)
	}
	if err := json.Unmarshal(b, &d); err != nil {
		return d, fmt.Errorf("read draft %d of case %d: %w", version, caseID, err)
	}
	return d, nil
}

// SaveDraft keeps a draft as the version after base, the newest one; when base
// is not the newest the fault is desk.draft_changed.
func (db *DB) SaveDraft(ctx context.Context, by evidence.Actor, caseID int64, d casefile.Draft, base int, words string) (int, error) {
	b, err := json.Marshal(d)
	if err != nil {
		return 0, err
	}
	err = db.onCase(ctx, by, caseID, "", func(ctx context.Context, tx *sql.Tx, c casefile.Case) (evidence.Event, error) {
		switch c.State {
		case casefile.Closed:
			return evidence.Event{}, fault.Conflict("desk.case_closed", caseID)
		case casefile.Proposed:
			return evidence.Event{}, fault.Conflict("desk.case_proposed", caseID)
		}
		if err := moveCase(ctx, tx, c, casefile.Drafting, db.now().UnixMicro()); err != nil {
			return evidence.Event{}, err
		}
		var newest int
		if err := tx.QueryRowContext(ctx, `SELECT coalesce(max(version), 0) FROM drafts WHERE case_id = ?1`, caseID).Scan(&newest); err != nil {
			return evidence.Event{}, err
		}
		if newest != base {
			return evidence.Event{}, fault.Conflict("desk.draft_changed", base, newest)
		}
		_, err := tx.ExecContext(ctx, `INSERT INTO drafts (case_id, version, draft, by_name, at) VALUES (?1, ?2, ?3, ?4, ?5)`,
			caseID, base+1, b, by.Name, db.now().UnixMicro())
		if err != nil {
			return evidence.Event{}, err
		}
		return evidence.Event{Verb: evidence.Drafted, Detail: fmt.Sprintf("draft %d", base+1)}, index(ctx, tx, "draft", caseID, caseID, words)
	})
	return base + 1, err
}

// ReserveRecord gives a case the number of its record: the one it has, or the
// next free one, which stays its own even if nothing is published.
func (db *DB) ReserveRecord(ctx context.Context, caseID int64) (id string, err error) {
	err = db.write(ctx, func(ctx context.Context, tx *sql.Tx) error {
		err := tx.QueryRowContext(ctx, `SELECT record FROM cases WHERE id = ?1`, caseID).Scan(&id)
		if err != nil || id != "" {
			return one(err, "desk.no_case", caseID)
		}
		var last int
		if err := tx.QueryRowContext(ctx, `SELECT coalesce(max(CAST(record AS INTEGER)), 0) FROM cases WHERE record <> ''`).Scan(&last); err != nil {
			return err
		}
		id = fmt.Sprintf("%06d", last+1)
		_, err = tx.ExecContext(ctx, `UPDATE cases SET record = ?2 WHERE id = ?1`, caseID, id)
		return err
	})
	return id, err
}

// Newest gives the newest published version of a record and its document;
// version 0 when nothing of it was published.
func (db *DB) Newest(ctx context.Context, record string) (version int, document []byte, err error) {
	err = db.db.QueryRowContext(ctx, `SELECT version, document FROM published WHERE record = ?1 ORDER BY version DESC LIMIT 1`, record).Scan(&version, &document)
	if err == sql.ErrNoRows {
		return 0, nil, nil
	}
	return version, document, err
}
