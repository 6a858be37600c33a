package lanedb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"kua/internal/fault"
)

// Template is words to answer with, of one authority.
type Template struct {
	Number                     int64
	Authority, Language, Title string
	Words                      string
}

// Templates gives an authority's templates by language and title, at most limit.
func (db *DB) Templates(ctx context.Context, authority string, limit int) ([]Template, error) {
	rows, err := db.db.QueryContext(ctx, `SELECT number, authority, language, title, words FROM answer_template WHERE authority = $1
		ORDER BY language, title LIMIT $2`, authority, int64(limit))
	all, err := collect(rows, err, func(rows *sql.Rows, t *Template) error {
		return rows.Scan(&t.Number, &t.Authority, &t.Language, &t.Title, &t.Words)
	})
	if err != nil {
		return nil, fmt.Errorf("read the templates of %s: %w", authority, err)
	}
	return all, nil
}

// KeepTemplate keeps a new template (Number 0), or changes one of the same
// authority. The faults are lane.template_taken (another one has the title),
// lane.template_full and lane.no_template.
func (db *DB) KeepTemplate(ctx context.Context, t Template, most int) error {
	err := db.db.Tx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		var other, n int64
		err := tx.QueryRowContext(ctx, `SELECT number FROM answer_template WHERE authority = $1 AND language = $2 AND title = $3`, t.Authority, t.Language, t.Title).Scan(&other)
		switch {
		case err != nil && !errors.Is(err, sql.ErrNoRows):
			return err
		case err == nil && t.Number == 0:
			var words string
			if err := tx.QueryRowContext(ctx, `SELECT words FROM answer_template WHERE number = $1`, other).Scan(&words); err != nil || words == t.Words {
				return err // the same form, sent twice
			}
			return fault.Conflict("lane.template_taken", t.Title)
		case err == nil && other != t.Number:
			return fault.Conflict("lane.template_taken", t.Title)
		}
		if t.Number != 0 {
			done, err := tx.ExecContext(ctx, `UPDATE answer_template SET language = $1, title = $2, words = $3 WHERE number = $4 AND authority = $5`,
				t.Language, t.Title, t.Words, t.Number, t.Authority)
			if err != nil {
				return err
			}
			if changed, err := done.RowsAffected(); err != nil || changed != 1 {
				return errors.Join(fault.NotFound("lane.no_template"), err)
			}
			return nil
		}
		if err := tx.QueryRowContext(ctx, `SELECT count(*) FROM answer_template WHERE authority = $1`, t.Authority).Scan(&n); err != nil {
			return err
		}
		if n >= int64(most) {
			return fault.Conflict("lane.template_full", most)
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO answer_template (authority, language, title, words) VALUES ($1, $2, $3, $4)`, t.Authority, t.Language, t.Title, t.Words)
		return err
	})
	if err != nil {
		return fmt.Errorf("keep a template of %s: %w", t.Authority, err)
	}
	return nil
}

// DeleteTemplate takes a template of an authority away.
func (db *DB) DeleteTemplate(ctx context.Context, authority string, number int64) error {
	_, err := db.db.ExecContext(ctx, `DELETE FROM answer_template WHERE number = $1 AND authority = $2`, number, authority)
	if err != nil {
		return fmt.Errorf("delete a template of %s: %w", authority, err)
	}
	return nil
}
