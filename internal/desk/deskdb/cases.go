package deskdb

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"kua/internal/casefile"
	"kua/internal/evidence"
	"kua/internal/fault"
)

const caseColumns = `c.id, c.title, c.state, c.assigned, c.reason, c.record, c.opened, c.changed,
	(SELECT count(*) FROM parcels p WHERE p.case_id = c.id),
	(SELECT count(*) FROM parcels p WHERE p.case_id = c.id AND p.unread = 1)`

func scanCase(rows interface{ Scan(...any) error }) (casefile.Case, error) {
	var c casefile.Case
	var opened, changed int64
	err := rows.Scan(&c.ID, &c.Title, &c.State, &c.Assigned, &c.Reason, &c.Record, &opened, &changed, &c.Reports, &c.Unread)
	c.Opened, c.Changed = instant(opened), instant(changed)
	return c, err
}

// Case gives one case.
func (db *DB) Case(ctx context.Context, id int64) (casefile.Case, error) {
	c, err := scanCase(db.db.QueryRowContext(ctx, `SELECT `+caseColumns+` FROM cases c WHERE c.id = ?1`, id))
	return c, one(err, "desk.no_case", id)
}

// Filter chooses cases; its zero value chooses all.
type Filter struct {
	States   []casefile.State
	Assigned string
	Words    []string // folded; each must stand somewhere in the case
}

// Cases gives cases, the last changed first, and how many there are.
func (db *DB) Cases(ctx context.Context, f Filter, limit, offset int) ([]casefile.Case, int, error) {
	where, args := f.where()
	var total int
	if err := db.db.QueryRowContext(ctx, `SELECT count(*) FROM cases c `+where, args...).Scan(&total); err != nil {
		return nil, 0, err
	}
	n := len(args)
	rows, err := db.db.QueryContext(ctx, fmt.Sprintf(`SELECT %s FROM cases c %s ORDER BY c.changed DESC, c.id DESC LIMIT ?%d OFFSET ?%d`,
		caseColumns, where, n+1, n+2), append(args, limit, offset)...)
	if err != nil {
		return nil, 0, err
	}
	all, err := collect(rows, func(rows *sql.Rows) (casefile.Case, error) { return scanCase(rows) })
	return all, total, err
}

func (f Filter) where() (string, []any) {
	parts, args := []string{"1 = 1"}, []any{}
	arg := func(v any) string {
		args = append(args, v)
		return fmt.Sprintf("?%d", len(args))
	}
	if len(f.States) > 0 {
		var in []string
		for _, s := range f.States {
			in = append(in, arg(string(s)))
		}
		parts = append(parts, "c.state IN ("+strings.Join(in, ", ")+")")
	}
	if f.Assigned != "" {
		parts = append(parts, "c.assigned = "+arg(f.Assigned))
	}
	for _, w := range f.Words {
		parts = append(parts, `EXISTS (SELECT 1 FROM words w WHERE w.case_id = c.id AND w.words LIKE `+arg(like(w))+` ESCAPE '\')`)
	}
	return "WHERE " + strings.Join(parts, " AND "), args
}

func like(word string) string {
	return "%" + strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(word) + "%"
}

// index keeps the folded words of one thing for searching.
func index(ctx context.Context, tx *sql.Tx, kind string, ref, caseID int64, words string) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO words (kind, ref, case_id, words) VALUES (?1, ?2, ?3, ?4)
		ON CONFLICT (kind, ref) DO UPDATE SET words = excluded.words, case_id = max(case_id, excluded.case_id)`, kind, ref, caseID, words)
	return err
}

// OpenCase makes a case of reports that are in none yet.
func (db *DB) OpenCase(ctx context.Context, by evidence.Actor, title, words string, parcels []string) (int64, error) {
	var id int64
	err := db.act(ctx, by, func(ctx context.Context, tx *sql.Tx) ([]evidence.Event, error) {
		now := db.now().UnixMicro()
		err := tx.QueryRowContext(ctx, `INSERT INTO cases (title, state, opened, changed) VALUES (?1, ?2, ?3, ?3) RETURNING id`,
			title, casefile.New, now).Scan(&id)
		if err != nil {
			return nil, err
		}
		if err := index(ctx, tx, "title", id, id, words); err != nil {
			return nil, err
		}
		var events []evidence.Event
		for _, p := range parcels {
			e, err := file(ctx, tx, id, p)
			if err != nil {
				return nil, err
			}
			events = append(events, e)
		}
		return events, nil
	})
	return id, err
}

// JoinCase puts a further report into a case.
func (db *DB) JoinCase(ctx context.Context, by evidence.Actor, id int64, parcel string) error {
	return db.onCase(ctx, by, id, "", func(ctx context.Context, tx *sql.Tx, c casefile.Case) (evidence.Event, error) {
		if c.State == casefile.Closed {
			return evidence.Event{}, fault.Conflict("desk.case_closed", id)
		}
		return file(ctx, tx, id, parcel)
	})
}

func file(ctx context.Context, tx *sql.Tx, id int64, parcel string) (evidence.Event, error) {
	var number int64
	err := tx.QueryRowContext(ctx, `UPDATE parcels SET case_id = ?2 WHERE id = ?1 AND case_id IS NULL RETURNING number`, parcel, id).Scan(&number)
	if err != nil {
		return evidence.Event{}, one(err, "desk.not_in_inbox", parcel)
	}
	if _, err := tx.ExecContext(ctx, `UPDATE words SET case_id = ?2 WHERE kind = 'report' AND ref = ?1`, number, id); err != nil {
		return evidence.Event{}, err
	}
	return evidence.Event{Verb: evidence.Filed, Case: id, Subject: "parcel " + parcel}, nil
}

// onCase runs do on a case, moves it to state unless that is "", and writes the event.
func (db *DB) onCase(ctx context.Context, by evidence.Actor, id int64, state casefile.State, do func(context.Context, *sql.Tx, casefile.Case) (evidence.Event, error)) error {
	return db.act(ctx, by, func(ctx context.Context, tx *sql.Tx) ([]evidence.Event, error) {
		c, err := scanCase(tx.QueryRowContext(ctx, `SELECT `+caseColumns+` FROM cases c WHERE c.id = ?1`, id))
		if err != nil {
			return nil, one(err, "desk.no_case", id)
		}
		if state == "" {
			state = c.State
		}
		if err := moveCase(ctx, tx, c, state, db.now().UnixMicro()); err != nil {
			return nil, err
		}
		e, err := do(ctx, tx, c)
		if err != nil {
			return nil, err
		}
		if e.Verb == "" {
			return nil, nil
		}
		e.Case = id
		if e.Subject == "" {
			e.Subject = fmt.Sprintf("case %d", id)
		}
		return []evidence.Event{e}, nil
	})
}

func moveCase(ctx context.Context, tx *sql.Tx, c casefile.Case, to casefile.State, now int64) error {
	if err := casefile.Move(c.State, to); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, `UPDATE cases SET state = ?2, changed = ?3 WHERE id = ?1`, c.ID, to, now)
	return err
}

// worked is the state of a case in which something was just done.
func worked(c casefile.Case) casefile.State {
	if c.State == casefile.New {
		return casefile.Open
	}
	return c.State
}

// SetTitle changes a case's working title.
func (db *DB) SetTitle(ctx context.Context, by evidence.Actor, id int64, title, words string) error {
	return db.onCase(ctx, by, id, "", func(ctx context.Context, tx *sql.Tx, _ casefile.Case) (evidence.Event, error) {
		if _, err := tx.ExecContext(ctx, `UPDATE cases SET title = ?2 WHERE id = ?1`, id, title); err != nil {
			return evidence.Event{}, err
		}
		return evidence.Event{Verb: evidence.Titled}, index(ctx, tx, "title", id, id, words)
	})
}

// Assign gives a case to somebody, or to nobody.
func (db *DB) Assign(ctx context.Context, by evidence.Actor, id int64, name string) error {
	return db.onCase(ctx, by, id, "", func(ctx context.Context, tx *sql.Tx, _ casefile.Case) (evidence.Event, error) {
		_, err := tx.ExecContext(ctx, `UPDATE cases SET assigned = ?2 WHERE id = ?1`, id, name)
		return evidence.Event{Verb: evidence.Assigned, Detail: name}, err
	})
}

// CloseCase puts a case away; one with unread reports stays.
func (db *DB) CloseCase(ctx context.Context, by evidence.Actor, id int64, reason string) error {
	return db.onCase(ctx, by, id, casefile.Closed, func(ctx context.Context, tx *sql.Tx, c casefile.Case) (evidence.Event, error) {
		if c.Unread > 0 {
			return evidence.Event{}, fault.Conflict("desk.case_unread", c.Unread)
		}
		_, err := tx.ExecContext(ctx, `UPDATE cases SET reason = ?2 WHERE id = ?1`, id, reason)
		return evidence.Event{Verb: evidence.Closed, Detail: reason}, err
	})
}

// ReopenCase takes a closed case out again.
func (db *DB) ReopenCase(ctx context.Context, by evidence.Actor, id int64) error {
	return db.onCase(ctx, by, id, casefile.Open, func(ctx context.Context, tx *sql.Tx, c casefile.Case) (evidence.Event, error) {
		if c.State != casefile.Closed {
			return evidence.Event{}, fault.Conflict("desk.case_not_closed", id)
		}
		_, err := tx.ExecContext(ctx, `UPDATE cases SET reason = '' WHERE id = ?1`, id)
		return evidence.Event{Verb: evidence.Reopened}, err
	})
}

// AddNote adds a note.
func (db *DB) AddNote(ctx context.Context, by evidence.Actor, id int64, text, words string) error {
	return db.onWorkedCase(ctx, by, id, func(ctx context.Context, tx *sql.Tx, _ casefile.Case) (evidence.Event, error) {
		var note int64
		err := tx.QueryRowContext(ctx, `INSERT INTO notes (case_id, by_name, text, at) VALUES (?1, ?2, ?3, ?4) RETURNING id`,
			id, by.Name, text, db.now().UnixMicro()).Scan(&note)
		if err != nil {
			return evidence.Event{}, err
		}
		return evidence.Event{Verb: evidence.Noted, Subject: fmt.Sprintf("note %d", note)}, index(ctx, tx, "note", note, id, words)
	})
}

// onWorkedCase is onCase for what makes a new case an open one; a closed case refuses it.
func (db *DB) onWorkedCase(ctx context.Context, by evidence.Actor, id int64, do func(context.Context, *sql.Tx, casefile.Case) (evidence.Event, error)) error {
	return db.onCase(ctx, by, id, "", func(ctx context.Context, tx *sql.Tx, c casefile.Case) (evidence.Event, error) {
		if c.State == casefile.Closed {
			return evidence.Event{}, fault.Conflict("desk.case_closed", id)
		}
		if err := moveCase(ctx, tx, c, worked(c), db.now().UnixMicro()); err != nil {
			return evidence.Event{}, err
		}
		return do(ctx, tx, c)
	})
}

// AddFinding adds a finding.
func (db *DB) AddFinding(ctx context.Context, by evidence.Actor, f casefile.Finding, words string) error {
	return db.onWorkedCase(ctx, by, f.Case, func(ctx context.Context, tx *sql.Tx, _ casefile.Case) (evidence.Event, error) {
		var id int64
		err := tx.QueryRowContext(ctx, `INSERT INTO findings (case_id, subject, grade, reasons, by_name, at)
			VALUES (?1, ?2, ?3, ?4, ?5, ?6) RETURNING id`, f.Case, f.Subject, f.Grade, f.Reasons, by.Name, db.now().UnixMicro()).Scan(&id)
		if err != nil {
			return evidence.Event{}, err
		}
		return evidence.Event{Verb: evidence.Found, Subject: fmt.Sprintf("finding %d", id), Detail: string(f.Grade)}, index(ctx, tx, "finding", id, f.Case, words)
	})
}

// Reports gives the reports of a case, the oldest first.
func (db *DB) Reports(ctx context.Context, id int64) ([]casefile.Received, error) {
	rows, err := db.db.QueryContext(ctx, `SELECT `+receivedColumns+` FROM parcels p WHERE p.case_id = ?1 ORDER BY p.number`, id)
	if err != nil {
		return nil, err
	}
	return db.received(ctx, rows)
}

// Notes gives the notes of a case, the oldest first.
func (db *DB) Notes(ctx context.Context, id int64) ([]casefile.Note, error) {
	rows, err := db.db.QueryContext(ctx, `SELECT id, case_id, by_name, text, at FROM notes WHERE case_id = ?1 ORDER BY id`, id)
	if err != nil {
		return nil, err
	}
	return collect(rows, func(rows *sql.Rows) (n casefile.Note, err error) {
		var at int64
		err = rows.Scan(&n.ID, &n.Case, &n.By, &n.Text, &at)
		n.At = instant(at)
		return n, err
	})
}

// Findings gives the findings of a case, the oldest first.
func (db *DB) Findings(ctx context.Context, id int64) ([]casefile.Finding, error) {
	rows, err := db.db.QueryContext(ctx, `SELECT id, case_id, subject, grade, reasons, by_name, at FROM findings WHERE case_id = ?1 ORDER BY id`, id)
	if err != nil {
		return nil, err
	}
	return collect(rows, func(rows *sql.Rows) (f casefile.Finding, err error) {
		var at int64
		err = rows.Scan(&f.ID, &f.Case, &f.Subject, &f.Grade, &f.Reasons, &f.By, &at)
		f.At = instant(at)
		return f, err
	})
}
