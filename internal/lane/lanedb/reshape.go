package lanedb

import (
	"context"
	"database/sql"
	"errors"
)

// SQLite's index of words cannot be altered. One that another program made is written over,
// from the requests, into request_words_new, a few at a time while everybody finds by the
// one before and every write goes into both. Then the new one takes its place, and the one
// before is given up page by page, since all at once would keep writers waiting.

// Up to so many letters a beginning has an index of its own, and in the one that is written over.
const (
	newLetters = 4
	oldLetters = 3
)

// begunLetters is up to how many letters of a beginning the index has reports by.
func (db *DB) begunLetters(ctx context.Context) (int, error) {
	if db.shaped.Load() {
		return newLetters, nil
	}
	var old int64
	err := db.db.QueryRowContext(ctx, `SELECT count(*) FROM reword WHERE job = $1`, reshapeJob).Scan(&old)
	if err != nil || old > 0 {
		return oldLetters, err
	}
	db.shaped.Store(true)
	return newLetters, nil
}

// inWords writes words of a request into the index and, while that is written over and has
// come past the request, into the new one.
func (db *DB) inWords(ctx context.Context, tx *sql.Tx, request int64, statement func(index string) string, args ...any) error {
	if _, err := tx.ExecContext(ctx, statement("request_words"), args...); err != nil || db.postgres {
		return err
	}
	var done int64
	err := tx.QueryRowContext(ctx, `SELECT done FROM reword WHERE job = $1`, reshapeJob).Scan(&done)
	if errors.Is(err, sql.ErrNoRows) || err == nil && request > done {
		return nil
	}
	if err == nil {
		_, err = tx.ExecContext(ctx, statement("request_words_new"), args...)
	}
	return err
}

// reshape brings a request into the new index. One whose history cannot be read is found by what it
// said itself, and one whose directory cannot, which knows what of its answers is words, without those.
func (db *DB) reshape(ctx context.Context, tx *sql.Tx, request int64) (ok bool, err error) {
	r, err := requestOf(ctx, tx, request)
	if err != nil || r.Hidden {
		return err == nil, err
	}
	events, err := chain(ctx, tx, "event", request)
	if err != nil {
		return false, err
	}
	bare := r
	bare.Answers = "{}"
	for i, by := range []struct {
		Request
		history []Event
	}{{r, events}, {r, nil}, {bare, events}, {bare, nil}} {
		search, ok, err := db.said(ctx, tx, by.Request, by.history)
		if ok {
			_, err = tx.ExecContext(ctx, `INSERT INTO request_words_new (rowid, words) VALUES ($1, $2)`, request, search)
		}
		if ok || err != nil {
			return i == 0 && err == nil, err
		}
	}
	return false, nil
}

// replace puts the new index in the place of the one before.
func (db *DB) replace(ctx context.Context, tx *sql.Tx) error {
	for _, statement := range []string{
		`DROP TABLE request_words_left`, // which is named after it
		`ALTER TABLE request_words RENAME TO request_words_old`,
		`ALTER TABLE request_words_new RENAME TO request_words`,
		`CREATE VIRTUAL TABLE request_words_left USING fts5vocab(request_words, row)`,
	} {
		if _, err := tx.ExecContext(ctx, statement); err != nil {
			return err
		}
	}
	_, err := tx.ExecContext(ctx, `UPDATE reword SET job = $1 WHERE job = $2`, discardJob, reshapeJob)
	return err
}

// discarded is how many pages of an index are given up by one transaction.
const discarded = 500

// discard gives up some of the index before, and in the end the rest. Its first rows, up to
// 10, are what FTS5 must read to drop it.
func (db *DB) discard(ctx context.Context, tx *sql.Tx) error {
	done, err := tx.ExecContext(ctx, `DELETE FROM request_words_old_data WHERE id IN (SELECT id FROM request_words_old_data WHERE id > 10 LIMIT $1)`, discarded)
	if err != nil {
		return err
	}
	if n, err := done.RowsAffected(); n > 0 || err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, `DROP TABLE request_words_old`); err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `DELETE FROM reword WHERE job = $1`, discardJob)
	return err
}

// reworded does all jobs on the search to their end.
func (db *DB) reworded(ctx context.Context) error {
	for more := true; more; {
		var err error
		if more, _, err = db.Reword(ctx, discarded); err != nil {
			return err
		}
	}
	return nil
}

// rewordEmpty does them at once in a lane in which nobody has said anything yet.
func (db *DB) rewordEmpty(ctx context.Context) error {
	var told int64
	err := db.db.QueryRowContext(ctx, `SELECT count(*) FROM (SELECT 1 FROM request LIMIT 1) AS any_request`).Scan(&told)
	if err != nil || told > 0 || db.postgres {
		return err
	}
	return db.reworded(ctx)
}
