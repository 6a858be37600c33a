package nodedb

import (
	"context"
	"database/sql"
	"errors"

	"kua/internal/canon"
	"kua/internal/fault"
)

// ActorFiles gives the SHA-256 of every file that is shown for accounts.
func (db *DB) ActorFiles(ctx context.Context) (map[string]string, error) {
	type file struct{ path, hash string }
	rows, err := db.db.QueryContext(ctx, `SELECT path, hash FROM actor_file`)
	all, err := collect(rows, err, func(rows *sql.Rows, f *file) error { return rows.Scan(&f.path, &f.hash) })
	files := make(map[string]string, len(all))
	for _, f := range all {
		files[f.path] = f.hash
	}
	return files, err
}

// ActorFile gives one of them; else the fault actor.no_file.
func (db *DB) ActorFile(ctx context.Context, path string) (document []byte, err error) {
	err = db.db.QueryRowContext(ctx, `SELECT document FROM actor_file WHERE path = $1`, path).Scan(&document)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, fault.NotFound("actor.no_file")
	}
	return document, err
}

// PutActorFile puts a file in the place of the one before. A new one is refused with
// actor.full when there are most already.
func (db *DB) PutActorFile(ctx context.Context, path string, document []byte, most int) error {
	return db.db.Tx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		var others int
		if err := tx.QueryRowContext(ctx, `SELECT count(*) FROM actor_file WHERE path <> $1`, path).Scan(&others); err != nil {
			return err
		}
		if others >= most {
			return fault.Later("actor.full")
		}
		_, err := tx.ExecContext(ctx, `INSERT INTO actor_file (path, document, hash) VALUES ($1, $2, $3)
			ON CONFLICT (path) DO UPDATE SET document = excluded.document, hash = excluded.hash`, path, document, canon.Hash(document))
		return err
	})
}

// DropActorFile takes a file away; one that is not there is no error.
func (db *DB) DropActorFile(ctx context.Context, path string) error {
	_, err := db.db.ExecContext(ctx, `DELETE FROM actor_file WHERE path = $1`, path)
	return err
}

// ActorLetter is something that was posted to an inbox, sealed.
type ActorLetter struct {
	Number int64
	Mark   string // the same for letters of one kind from one sender
	Left   bool   // it says that an account is no more
	Sealed []byte
	Day    string
}

// ActorBounds says how many letters wait for the desk at most.
type ActorBounds struct {
	All  int
	Left int // that say that an account is no more
	Same int // with one mark
}

// leftMark begins what is kept as the mark of a letter that says that an account is no
// more.
const leftMark = "left "

// KeepActorLetter keeps a letter, unless there are as many as may be: then the fault is
// actor.full.
func (db *DB) KeepActorLetter(ctx context.Context, l ActorLetter, most ActorBounds) error {
	mark := l.Mark
	if l.Left {
		mark = leftMark + mark
	}
	return db.db.Tx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		var all, left, same int
		if err := tx.QueryRowContext(ctx, `SELECT (SELECT count(*) FROM actor_letter), (SELECT count(*) FROM actor_letter WHERE mark = $1), (SELECT count(*) FROM actor_letter WHERE mark LIKE $2)`, mark, leftMark+"%").Scan(&all, &same, &left); err != nil {
			return err
		}
		if all >= most.All || l.Left && left >= most.Left || same >= most.Same {
			return fault.Later("actor.full")
		}
		_, err := tx.ExecContext(ctx, `INSERT INTO actor_letter (mark, sealed, day) VALUES ($1, $2, $3)`, mark, l.Sealed, l.Day)
		return err
	})
}

// ActorLetters gives letters behind a number, in order.
func (db *DB) ActorLetters(ctx context.Context, after int64, limit int) ([]ActorLetter, error) {
	rows, err := db.db.QueryContext(ctx, `SELECT number, sealed, day FROM actor_letter WHERE number > $1 ORDER BY number LIMIT $2`, after, limit)
	return collect(rows, err, func(rows *sql.Rows, l *ActorLetter) error { return rows.Scan(&l.Number, &l.Sealed, &l.Day) })
}

// ForgetActorLetters drops letters, from the database's journal too; one that is not
// there is no error.
func (db *DB) ForgetActorLetters(ctx context.Context, numbers []int64) error {
	err := db.db.Tx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		for _, n := range numbers {
			if _, err := tx.ExecContext(ctx, `DELETE FROM actor_letter WHERE number = $1`, n); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil {
		err = db.emptyJournal(ctx)
	}
	return err
}

// ForgetOldActorLetters drops the letters that came before a day.
func (db *DB) ForgetOldActorLetters(ctx context.Context, before string) error {
	res, err := db.db.ExecContext(ctx, `DELETE FROM actor_letter WHERE day < $1`, before)
	if err != nil {
		return err
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return err
	}
	return db.emptyJournal(ctx)
}

// emptyJournal moves what the journal holds into the database, where what was deleted
// is overwritten. While somebody reads, it stays until the next time.
func (db *DB) emptyJournal(ctx context.Context) error {
	_, err := db.db.ExecContext(ctx, `PRAGMA wal_checkpoint(TRUNCATE)`)
	return err
}
