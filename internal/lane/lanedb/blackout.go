package lanedb

import (
	"context"
	"database/sql"
	"fmt"
	"slices"

	"kua/internal/fault"
)

// Blackout is what is left of an event and of its request.
type Blackout struct {
	Request, Number int64
	Seen            int64  // the number of events when it was worked out
	Body            string // of the event; its hash stays
	Words, Answers  string // of the request; "": they stay
	Said            bool   // something that was searched goes
	Link            bool   // that of its outcome goes
	Pictures        bool   // those of the event go
	Place           bool   // the request's goes
}

// BlackOut keeps what is left and appends the event that says so; all of it or
// nothing. The fault is lane.moved when something happened meanwhile.
func (db *DB) BlackOut(ctx context.Context, b Blackout, write Write) error {
	err := db.db.Tx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `UPDATE event SET body = $1 WHERE request = $2 AND number = $3`, b.Body, b.Request, b.Number); err != nil {
			return err
		}
		if b.Link {
			if _, err := tx.ExecContext(ctx, `UPDATE outcome SET link = '' WHERE request = $1 AND event = $2`, b.Request, b.Number); err != nil {
				return err
			}
		}
		if b.Words != "" {
			if err := db.blackRequest(ctx, tx, b); err != nil {
				return err
			}
		}
		if b.Said {
			if err := db.reindex(ctx, tx, b.Request); err != nil {
				return err
			}
		}
		if b.Place {
			if err := db.blackPlace(ctx, tx, b.Request); err != nil {
				return err
			}
		}
		if b.Pictures {
			if err := dropPictures(ctx, tx, b.Request, b.Number); err != nil {
				return err
			}
		}
		return db.appendEvent(ctx, tx, b.Request, write.after(b.Seen))
	})
	if err != nil {
		return fmt.Errorf("black out event %d of request %d: %w", b.Number, b.Request, err)
	}
	return nil
}

// blackRequest takes the words out of wherever they are kept beside the history.
func (db *DB) blackRequest(ctx context.Context, tx *sql.Tx, b Blackout) error {
	for _, statement := range []string{
		`UPDATE request SET landmark = '' WHERE id = $1`,
		`DELETE FROM words_print WHERE request = $1`,
		`UPDATE hold_cause SET found = '' WHERE request = $1`,
	} {
		if _, err := tx.ExecContext(ctx, statement, b.Request); err != nil {
			return err
		}
	}
	_, err := tx.ExecContext(ctx, `UPDATE request SET words = $1, answers = $2 WHERE id = $3`, b.Words, b.Answers, b.Request)
	return err
}

func (db *DB) blackPlace(ctx context.Context, tx *sql.Tx, request int64) error {
	statements := []string{`UPDATE request SET lat = NULL, lon = NULL WHERE id = $1`, `DELETE FROM request_place WHERE request = $1`}
	if !db.postgres {
		statements = append(statements, `DELETE FROM request_box WHERE id = $1`)
	}
	for _, statement := range statements {
		if _, err := tx.ExecContext(ctx, statement, request); err != nil {
			return err
		}
	}
	return nil
}

// dropPictures takes an event's pictures from it. Those that no other event shows are taken
// from words that wait too, and are let go by the next sweep.
func dropPictures(ctx context.Context, tx *sql.Tx, request, event int64) error {
	rows, err := tx.QueryContext(ctx, `DELETE FROM picture_use WHERE request = $1 AND event = $2 RETURNING hash`, request, event)
	hashes, err := collect(rows, err, func(rows *sql.Rows, hash *string) error { return rows.Scan(hash) })
	if err != nil {
		return err
	}
	for _, hash := range hashes {
		for _, statement := range []string{
			`UPDATE picture SET used = 0, day = '' WHERE hash = $1 AND NOT EXISTS (SELECT 1 FROM picture_use WHERE hash = $1)`,
			`UPDATE addition SET pictures = replace(pictures, $1, '') WHERE number IN (SELECT addition FROM addition_picture WHERE hash = $1) AND NOT EXISTS (SELECT 1 FROM picture_use WHERE hash = $1)`,
			`DELETE FROM addition_picture WHERE hash = $1 AND NOT EXISTS (SELECT 1 FROM picture_use WHERE hash = $1)`,
		} {
			if _, err := tx.ExecContext(ctx, statement, hash); err != nil {
				return err
			}
		}
	}
	return nil
}

// Scour leaves nothing of what was erased where the database keeps what it has no
// use for any more: the search and the words that it knows are written anew (SQLite), a little at a time, the journal goes into the
// file and is cut off; PostgreSQL gives dead rows up. The fault is lane.scour when
// readers held on to the journal for too long.
func (db *DB) Scour(ctx context.Context) error {
	if db.postgres {
		for _, table := range []string{"request", "event", "request_words", "request_place", "hold_cause", "outcome", "words_print", "addition"} {
			if _, err := db.db.DB.DB.ExecContext(ctx, `VACUUM `+table); err != nil {
				return fmt.Errorf("scour %s: %w", table, err)
			}
		}
		return nil
	}
	err := db.reworded(ctx) // an index that is given up has every word yet
	if err == nil {
		err = db.rewrite(ctx)
	}
	if err == nil {
		err = db.unlearn(ctx)
	}
	if err != nil {
		return fmt.Errorf("write the search anew: %w", err)
	}
	var busy, pages, moved int64
	if err := db.db.QueryRowContext(ctx, `PRAGMA wal_checkpoint(TRUNCATE)`).Scan(&busy, &pages, &moved); err != nil {
		return fmt.Errorf("cut the journal off: %w", err)
	}
	if busy != 0 {
		return fault.Later("lane.scour")
	}
	return nil
}

// rewritten is how many pages of the search are written anew by one transaction:
// others write between two of them.
const rewritten = 250

// rewrite writes SQLite's search anew, without what was taken out of it: all its parts
// are put into one (FTS5, "The 'merge' Command").
func (db *DB) rewrite(ctx context.Context) error {
	for pages := int64(-rewritten); ; pages = rewritten { // the first time it begins with all parts
		var before, after int64
		err := db.db.Tx(ctx, func(ctx context.Context, tx *sql.Tx) error {
			if err := tx.QueryRowContext(ctx, `SELECT total_changes()`).Scan(&before); err != nil {
				return err
			}
			if _, err := tx.ExecContext(ctx, `INSERT INTO request_words (request_words, rank) VALUES ('merge', $1)`, pages); err != nil {
				return err
			}
			return tx.QueryRowContext(ctx, `SELECT total_changes()`).Scan(&after)
		})
		if err != nil || after-before < 2 { // then there was nothing left to do
			return err
		}
	}
}

// unlearn forgets the words that no request has any more. What is left is read while
// others write; so each is looked for once more when it goes. One whose marks FTS5 takes
// off goes in any case: it is not asked for (match), and one without them is found in its place.
func (db *DB) unlearn(ctx context.Context) error {
	rows, err := db.db.QueryContext(ctx, `SELECT word FROM request_words_known WHERE word NOT IN (SELECT term FROM request_words_left)`)
	gone, err := collect(rows, err, func(rows *sql.Rows, word *string) error { return rows.Scan(word) })
	if err != nil {
		return err
	}
	for some := range slices.Chunk(gone, wordsAtOnce) {
		err := db.db.Tx(ctx, func(ctx context.Context, tx *sql.Tx) error {
			for _, word := range some {
				if _, err := tx.ExecContext(ctx, `DELETE FROM request_words_known WHERE word = $1 AND ($2 = 1 OR NOT EXISTS (SELECT 1 FROM request_words WHERE request_words MATCH $3))`, word, bit(marked(word)), `"`+word+`"`); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}
