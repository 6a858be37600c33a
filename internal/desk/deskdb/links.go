package deskdb

import (
	"context"
	"database/sql"

	"kua/internal/casefile"
)

// Uncompared gives the originals that were looked at and not yet compared.
func (db *DB) Uncompared(ctx context.Context) ([]int64, error) {
	rows, err := db.db.QueryContext(ctx, `SELECT o.id FROM originals o LEFT JOIN compared c ON c.original = o.id
		WHERE c.original IS NULL AND o.medium <> '{}' AND o.fault = '' ORDER BY o.id`)
	if err != nil {
		return nil, err
	}
	return collect(rows, func(rows *sql.Rows) (id int64, err error) { return id, rows.Scan(&id) })
}

// Comparison says whether an original was compared, and the faults of what of
// it could not be.
type Comparison struct {
	Done            bool
	Pictures, Marks string // keys of faults, "" for none
}

// Compared gives how far an original was compared.
func (db *DB) Compared(ctx context.Context, original int64) (c Comparison, err error) {
	err = db.db.QueryRowContext(ctx, `SELECT pictures, marks FROM compared WHERE original = ?1`, original).Scan(&c.Pictures, &c.Marks)
	if err == sql.ErrNoRows {
		return c, nil
	}
	c.Done = err == nil
	return c, err
}

// Prints gives the prints of every original to each, in their plain form and in
// the order of arrival, until it returns an error. The bytes are good only
// during the call.
func (db *DB) Prints(ctx context.Context, each func(original int64, plain []byte) error) error {
	rows, err := db.db.QueryContext(ctx, `SELECT original, plain FROM prints ORDER BY original`)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var id int64
		var plain sql.RawBytes
		if err := rows.Scan(&id, &plain); err != nil {
			return err
		}
		if err := each(id, plain); err != nil {
			return err
		}
	}
	return rows.Err()
}

// PrintsOf gives the prints of one original in their plain form; nil for none.
func (db *DB) PrintsOf(ctx context.Context, original int64) (plain []byte, err error) {
	err = db.db.QueryRowContext(ctx, `SELECT plain FROM prints WHERE original = ?1`, original).Scan(&plain)
	if err == sql.ErrNoRows {
		return nil, nil
	}
	return plain, err
}

// Mark is a sealed mark of an original.
type Mark struct {
	Sealed       [32]byte
	Kind, Weight string
}

// Likeness is that an original looks like an earlier one.
type Likeness struct {
	Other    int64
	Strength string
	Turned   bool
}

// Comparing is everything that one comparison found.
type Comparing struct {
	Plain, Turned   []byte // nil where there are no pictures
	Marks           []Mark
	Likenesses      []Likeness
	Pictures, Trace error // why a part could not be compared
}

// Compare keeps what one original's comparison found, in place of what an
// earlier one did.
func (db *DB) Compare(ctx context.Context, original int64, c Comparing) error {
	return db.write(ctx, func(ctx context.Context, tx *sql.Tx) error {
		for _, clear := range []string{`DELETE FROM prints WHERE original = ?1`, `DELETE FROM prints_turned WHERE original = ?1`,
			`DELETE FROM marks WHERE original = ?1`, `DELETE FROM likenesses WHERE newer = ?1`} {
			if _, err := tx.ExecContext(ctx, clear, original); err != nil {
				return err
			}
		}
		if c.Plain != nil {
			if _, err := tx.ExecContext(ctx, `INSERT INTO prints (original, plain) VALUES (?1, ?2)`, original, c.Plain); err != nil {
				return err
			}
			if _, err := tx.ExecContext(ctx, `INSERT INTO prints_turned (original, turned) VALUES (?1, ?2)`, original, c.Turned); err != nil {
				return err
			}
		}
		for _, m := range c.Marks {
			_, err := tx.ExecContext(ctx, `INSERT INTO marks (original, sealed, kind, weight) VALUES (?1, ?2, ?3, ?4)
				ON CONFLICT DO NOTHING`, original, m.Sealed[:], m.Kind, m.Weight)
			if err != nil {
				return err
			}
		}
		for _, l := range c.Likenesses {
			_, err := tx.ExecContext(ctx, `INSERT INTO likenesses (newer, older, strength, turned) VALUES (?1, ?2, ?3, ?4)`,
				original, l.Other, l.Strength, l.Turned)
			if err != nil {
				return err
			}
		}
		pictures, _ := faultOf(c.Pictures)
		marks, _ := faultOf(c.Trace)
		_, err := tx.ExecContext(ctx, `INSERT INTO compared (original, pictures, marks) VALUES (?1, ?2, ?3)
			ON CONFLICT (original) DO UPDATE SET pictures = excluded.pictures, marks = excluded.marks`, original, pictures, marks)
		return err
	})
}

// maxLinks bounds how many other reports are told of one original, of each kind
// of tie, and maxCommon how many that share only marks of little weight: a list
// that nobody reads to its end warns nobody.
const (
	maxLinks  = 200
	maxCommon = 30
)

const (
	linkedColumns = `p.id, p.number, p.day, o.id, coalesce(p.case_id, 0), coalesce(c.record, ''),
		EXISTS (SELECT 1 FROM published u WHERE c.record <> '' AND u.record = c.record) AS public`
	linkedTables = ` JOIN originals o ON o.id = other JOIN parcels p ON p.number = o.parcel LEFT JOIN cases c ON c.id = p.case_id
		WHERE o.parcel <> (SELECT parcel FROM originals WHERE id = ?1)`
)

// Links gives what ties an original to other reports: those that share a mark,
// and those that look alike. Of each kind a report is named once, by its
// strongest tie; what is public comes first, then what is tied the strongest.
// Marks of little weight are told of what is public only: half of all films
// share one.
//
// The last column is the one aggregate of each query, and the others are of the
// row that it was taken from (SQLite, "Bare columns in an aggregate query").
func (db *DB) Links(ctx context.Context, original int64) ([]casefile.Link, error) {
	var all []casefile.Link
	for _, q := range []struct {
		text string
		args []any
	}{
		{`SELECT kind, '', 0, ` + linkedColumns + `, min(o.id) FROM (
				SELECT b.original AS other, CASE WHEN b.kind = 'receipt' THEN ?2 ELSE ?3 END AS kind
				FROM marks a JOIN marks b ON b.sealed = a.sealed AND b.original <> a.original
				WHERE a.original = ?1 AND a.weight = 'strong')` + linkedTables + `
			GROUP BY kind, p.number ORDER BY public DESC, p.number LIMIT ?4`,
			[]any{original, casefile.SameWitness, casefile.SameDevice, maxLinks}},
		{`SELECT ?2, strength, turned, ` + linkedColumns + `, min(CASE strength WHEN 'same' THEN 0 WHEN 'part' THEN 2 ELSE 4 END + turned) AS far FROM (
				SELECT older AS other, strength, turned FROM likenesses WHERE newer = ?1
				UNION ALL SELECT newer, strength, turned FROM likenesses WHERE older = ?1)` + linkedTables + `
			GROUP BY p.number ORDER BY public DESC, far, p.number LIMIT ?3`,
			[]any{original, casefile.LooksLike, maxLinks}},
		// From what is public to its marks: that is the shorter way, however many share one.
		{`WITH open (id) AS MATERIALIZED (SELECT DISTINCT o.id FROM published u JOIN cases c ON c.record = u.record AND c.record <> ''
				JOIN parcels p ON p.case_id = c.id JOIN originals o ON o.parcel = p.number)
			SELECT ?2, '', 0, ` + linkedColumns + `, max(shared) AS near FROM (
				SELECT open.id AS other, count(*) AS shared FROM open CROSS JOIN marks a CROSS JOIN marks b ON b.original = open.id AND b.sealed = a.sealed
				WHERE a.original = ?1 AND a.weight = 'weak' AND open.id <> ?1 GROUP BY open.id)` + linkedTables + `
			GROUP BY p.number ORDER BY near DESC, p.number LIMIT ?3`,
			[]any{original, casefile.SameEncoder, maxCommon}},
	} {
		rows, err := db.db.QueryContext(ctx, q.text, q.args...)
		if err != nil {
			return nil, err
		}
		links, err := collect(rows, func(rows *sql.Rows) (casefile.Link, error) {
			l := casefile.Link{Original: original}
			var rank int64
			err := rows.Scan(&l.Kind, &l.Strength, &l.Turned, &l.Parcel, &l.Report, &l.Day, &l.Other, &l.Case, &l.Record, &l.Public, &rank)
			return l, err
		})
		if err != nil {
			return nil, err
		}
		all = append(all, links...)
	}
	return all, nil
}
