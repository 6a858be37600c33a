package lanedb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"kua/internal/fault"
)

// PictureFile is one file of the store of pictures.
type PictureFile struct {
	Hash          string // hex SHA-256 of its bytes
	Size          int64
	Width, Height int
}

// Picture is a cleaned picture and its small one.
type Picture struct {
	Large, Small PictureFile
	Day          string // on which it was last brought
}

// PictureUse is a picture that an event of a request brought.
type PictureUse struct {
	Picture
	Request, Event int64
	Role           string
}

// Use says what a picture is to show.
type Use struct{ Hash, Role string }

// The states of a file.
const (
	coming = "coming"
	kept   = "kept"
	going  = "going"
)

// BeginPicture writes down that the files of a picture are about to come. known
// says that they are there already, and gives what was written down then. The
// fault lane.pictures_busy says that one of them is just being erased.
func (db *DB) BeginPicture(ctx context.Context, p Picture) (was Picture, known bool, err error) {
	err = db.db.Tx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		was, known = Picture{}, false
		all, err := pictures(ctx, tx, `p.hash = $1`, p.Large.Hash)
		if err != nil {
			return err
		}
		if len(all) == 1 && all[0].whole {
			was, known = all[0].Picture, true
			_, err := tx.ExecContext(ctx, `UPDATE picture SET day = $1 WHERE hash = $2`, p.Day, p.Large.Hash)
			return err
		}
		for _, f := range []PictureFile{p.Large, p.Small} {
			if err := beginFile(ctx, tx, f); err != nil {
				return err
			}
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO picture (hash, width, height, small, small_width, small_height, used, day) VALUES ($1, $2, $3, $4, $5, $6, 0, $7)
			ON CONFLICT (hash) DO UPDATE SET small = excluded.small, small_width = excluded.small_width, small_height = excluded.small_height, day = excluded.day`,
			p.Large.Hash, p.Large.Width, p.Large.Height, p.Small.Hash, p.Small.Width, p.Small.Height, p.Day)
		if err == nil && len(all) == 1 && all[0].Small.Hash != p.Small.Hash {
			err = letGo(ctx, tx, all[0].Small.Hash)
		}
		return err
	})
	if err != nil {
		return was, false, fmt.Errorf("begin a picture: %w", err)
	}
	return was, known, nil
}

func beginFile(ctx context.Context, tx *sql.Tx, f PictureFile) error {
	if _, err := tx.ExecContext(ctx, `INSERT INTO picture_file (hash, size, state, claimed) VALUES ($1, $2, $3, 0) ON CONFLICT (hash) DO NOTHING`,
		f.Hash, f.Size, coming); err != nil {
		return err
	}
	var state string
	if err := tx.QueryRowContext(ctx, `SELECT state FROM picture_file WHERE hash = $1`, f.Hash).Scan(&state); err != nil {
		return err
	}
	if state == going {
		return fault.Later("lane.pictures_busy")
	}
	return nil
}

// letGo marks a file that belongs to no picture any more.
func letGo(ctx context.Context, tx *sql.Tx, hash string) error {
	_, err := tx.ExecContext(ctx, `UPDATE picture_file SET state = $1 WHERE hash = $2 AND NOT EXISTS (SELECT 1 FROM picture WHERE hash = $2 OR small = $2)`,
		going, hash)
	return err
}

// KeepPicture writes down that both files of a picture are in the store, whole.
func (db *DB) KeepPicture(ctx context.Context, p Picture) error {
	err := db.db.Tx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		for _, f := range []PictureFile{p.Large, p.Small} {
			if _, err := tx.ExecContext(ctx, `UPDATE picture_file SET state = $1 WHERE hash = $2 AND state = $3`, kept, f.Hash, coming); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("keep a picture: %w", err)
	}
	return nil
}

// found is a picture as it stands in the database.
type found struct {
	PictureUse
	whole bool // both files are kept
}

const pictureColumns = `p.hash, l.size, p.width, p.height, p.small, s.size, p.small_width, p.small_height, p.day, l.state, s.state`

const pictureTables = ` FROM picture p JOIN picture_file l ON l.hash = p.hash JOIN picture_file s ON s.hash = p.small`

func (f *found) fields(more ...any) (fields []any, done func()) {
	var states [2]string
	fields = append([]any{&f.Large.Hash, &f.Large.Size, &f.Large.Width, &f.Large.Height, &f.Small.Hash, &f.Small.Size, &f.Small.Width, &f.Small.Height, &f.Day,
		&states[0], &states[1]}, more...)
	return fields, func() { f.whole = states == [2]string{kept, kept} }
}

func pictures(ctx context.Context, q querier, where string, args ...any) ([]found, error) {
	rows, err := q.QueryContext(ctx, `SELECT `+pictureColumns+pictureTables+` WHERE `+where, args...)
	return collect(rows, err, func(rows *sql.Rows, f *found) error {
		fields, done := f.fields()
		err := rows.Scan(fields...)
		done()
		return err
	})
}

// Picture gives a picture that is kept whole, or the fault lane.no_picture.
func (db *DB) Picture(ctx context.Context, hash string) (Picture, error) {
	all, err := pictures(ctx, db.db, `p.hash = $1`, hash)
	if err == nil && (len(all) == 0 || !all[0].whole) {
		err = fault.NotFound("lane.no_picture", hash)
	}
	if err != nil {
		return Picture{}, fmt.Errorf("find a picture: %w", err)
	}
	return all[0].Picture, nil
}

// usePictures ties pictures to the newest event of a request. One that is not
// kept whole gives the fault lane.no_picture.
func usePictures(ctx context.Context, tx *sql.Tx, request int64, uses []Use) error {
	for i, u := range uses {
		all, err := pictures(ctx, tx, `p.hash = $1`, u.Hash)
		if err != nil {
			return err
		}
		if len(all) == 0 || !all[0].whole {
			return fault.NotFound("lane.no_picture", u.Hash)
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO picture_use (request, event, place, hash, role)
			VALUES ($1, (SELECT max(number) FROM event WHERE request = $1), $2, $3, $4)`, request, i, u.Hash, u.Role); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `UPDATE picture SET used = 1 WHERE hash = $1`, u.Hash); err != nil {
			return err
		}
	}
	return nil
}

// PicturesOf gives the pictures of requests in the order of their events.
func (db *DB) PicturesOf(ctx context.Context, requests ...int64) ([]PictureUse, error) {
	if len(requests) == 0 {
		return nil, nil
	}
	where, args := among("u.request", requests)
	rows, err := db.db.byKey().QueryContext(ctx, `SELECT `+pictureColumns+`, u.request, u.event, u.role`+pictureTables+` JOIN picture_use u ON u.hash = p.hash
		WHERE `+where+` ORDER BY u.request, u.event, u.place`, args...)
	all, err := collect(rows, err, func(rows *sql.Rows, u *PictureUse) error {
		var f found
		fields, _ := f.fields(&f.Request, &f.Event, &f.Role)
		err := rows.Scan(fields...)
		*u = f.PictureUse
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("find the pictures of requests: %w", err)
	}
	return all, nil
}

// ShownFile says whether a file of the store is one that may be shown, and
// whether everybody may know of it: it belongs to a request that is not held, or
// of which an assignment has left the states in unseen. One of a draft is shown
// to whoever knows its name. One that is not gives the fault lane.no_picture.
func (db *DB) ShownFile(ctx context.Context, hash string, unseen []string) (public bool, err error) {
	p := placeholders{args: []any{hash, kept}}
	var used int64
	err = db.db.QueryRowContext(ctx, `SELECT p.used FROM picture p JOIN picture_file f ON f.hash = $1 AND f.state = $2
		WHERE p.hash IN (SELECT hash FROM picture WHERE hash = $1 UNION SELECT hash FROM picture WHERE small = $1)
		AND (p.used = 0 OR EXISTS (SELECT 1 FROM picture_use u JOIN request ON request.id = u.request WHERE u.hash = p.hash AND `+seen(&p, unseen)+`))
		ORDER BY p.used DESC LIMIT 1`, p.args...).Scan(&used)
	if errors.Is(err, sql.ErrNoRows) {
		return false, fault.NotFound("lane.no_picture", hash)
	}
	if err != nil {
		return false, fmt.Errorf("find a picture's file: %w", err)
	}
	return used == 1, nil
}

// claimFor is how long nobody else tries to erase a file that somebody has begun
// to erase.
const claimFor = time.Hour

// LetGo forgets at most limit pictures that were brought before a day and never
// used, and that wait with no words, and gives the files that are to be erased: theirs, and those that
// somebody began to erase and did not finish. Whoever has them has an hour.
func (db *DB) LetGo(ctx context.Context, before string, now time.Time, limit int) (files []string, err error) {
	err = db.db.Tx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		rows, err := tx.QueryContext(ctx, `SELECT hash, small FROM picture WHERE used = 0 AND day < $1
			AND NOT EXISTS (SELECT 1 FROM addition_picture w WHERE w.hash = picture.hash) LIMIT $2`, before, limit)
		gone, err := collect(rows, err, func(rows *sql.Rows, p *[2]string) error { return rows.Scan(&p[0], &p[1]) })
		if err != nil {
			return err
		}
		for _, p := range gone {
			if _, err := tx.ExecContext(ctx, `DELETE FROM picture WHERE hash = $1`, p[0]); err != nil {
				return err
			}
			for _, hash := range p {
				if err := letGo(ctx, tx, hash); err != nil {
					return err
				}
			}
		}
		rows, err = tx.QueryContext(ctx, `UPDATE picture_file SET claimed = $1 WHERE state = $2 AND claimed < $3 RETURNING hash`,
			now.UnixMicro(), going, now.Add(-claimFor).UnixMicro())
		files, err = collect(rows, err, func(rows *sql.Rows, hash *string) error { return rows.Scan(hash) })
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("let pictures of drafts go: %w", err)
	}
	return files, nil
}

// Erased forgets a file that LetGo gave and that is no more in the store.
func (db *DB) Erased(ctx context.Context, hash string) error {
	err := db.db.Tx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `DELETE FROM picture_file WHERE hash = $1 AND state = $2`, hash, going)
		return err
	})
	if err != nil {
		return fmt.Errorf("forget an erased picture: %w", err)
	}
	return nil
}
