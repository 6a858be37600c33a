package nodedb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"kua/internal/fault"
	"kua/internal/parcel"
)

// Commit makes a whole parcel of pieces that are there, and ends the upload. It
// gives the day on which the parcel was first committed, and how many bytes the
// parcel took from the upload: a second commit changes nothing and takes
// nothing. When pieces are missing it gives their hashes and does nothing, unless the desk already has this very parcel. A piece whose size is not what
// the index says is the fault node.piece_size with its number.
func (db *DB) Commit(ctx context.Context, upload string, x parcel.Index, day string) (first string, taken int64, missing []string, err error) {
	err = db.db.Tx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		id := x.ID()
		err := tx.QueryRowContext(ctx, `SELECT day FROM parcel WHERE id = $1`, id).Scan(&first)
		if err == nil || !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		slots, lacks, err := findPieces(ctx, tx, x)
		if err != nil {
			return err
		}
		if len(lacks) > 0 {
			err := tx.QueryRowContext(ctx, `SELECT day FROM forgotten WHERE id = $1`, id).Scan(&first)
			if errors.Is(err, sql.ErrNoRows) {
				missing, err = lacks, nil
			}
			return err
		}
		first = day
		taken, err = keepParcel(ctx, tx, upload, x, day, slots)
		return err
	})
	if err != nil {
		return "", 0, nil, err
	}
	return first, taken, missing, nil
}

func findPieces(ctx context.Context, tx *sql.Tx, x parcel.Index) (slots []int64, missing []string, err error) {
	find, err := tx.PrepareContext(ctx, `SELECT slot, size FROM piece WHERE hash = $1`)
	if err != nil {
		return nil, nil, err
	}
	defer find.Close()
	for i, hash := range x.Pieces {
		var slot, size int64
		err := find.QueryRowContext(ctx, hash).Scan(&slot, &size)
		switch {
		case errors.Is(err, sql.ErrNoRows):
			missing = append(missing, hash)
		case err != nil:
			return nil, nil, fmt.Errorf("find piece %s: %w", hash, err)
		case size != x.PieceSize(i):
			return nil, nil, fault.Invalid("node.piece_size", i+1)
		default:
			slots = append(slots, slot)
		}
	}
	return slots, missing, nil
}

func keepParcel(ctx context.Context, tx *sql.Tx, upload string, x parcel.Index, day string, slots []int64) (taken int64, err error) {
	var number int64
	err = tx.QueryRowContext(ctx, `INSERT INTO parcel (id, upload, size, pieces, idx, day) VALUES ($1, $2, $3, $4, $5, $6) RETURNING number`,
		x.ID(), upload, x.Size, len(x.Pieces), x.Text(), day).Scan(&number)
	if err != nil {
		return 0, err
	}
	add, err := tx.PrepareContext(ctx, `INSERT INTO parcel_piece (parcel, slot) VALUES ($1, $2) ON CONFLICT DO NOTHING`)
	if err != nil {
		return 0, err
	}
	defer add.Close()
	for _, slot := range slots {
		if _, err := add.ExecContext(ctx, number, slot); err != nil {
			return 0, err
		}
	}
	err = tx.QueryRowContext(ctx, `SELECT coalesce(sum(p.size), 0) FROM upload u JOIN upload_piece up ON up.upload = u.number JOIN piece p ON p.slot = up.slot
		WHERE u.name = $1 AND up.slot IN (SELECT slot FROM parcel_piece WHERE parcel = $2)`, upload, number).Scan(&taken)
	if err != nil {
		return 0, err
	}
	// Pieces of the upload that the index does not name stay until it expires.
	for _, q := range []string{
		`DELETE FROM upload_piece WHERE upload = (SELECT number FROM upload WHERE name = $1) AND slot IN (SELECT slot FROM parcel_piece WHERE parcel = $2)`,
		`DELETE FROM upload WHERE name = $1 AND $2 > 0 AND NOT EXISTS (SELECT 1 FROM upload_piece WHERE upload = number)`,
	} {
		if _, err := tx.ExecContext(ctx, q, upload, number); err != nil {
			return 0, err
		}
	}
	_, err = tx.ExecContext(ctx, `DELETE FROM forgotten WHERE id = $1`, x.ID())
	return taken, err
}

// Parcel is a whole parcel that waits for the desk.
type Parcel struct {
	ID     string
	Size   int64
	Pieces int
}

// Parcels lists what waits, in the order of arrival.
func (db *DB) Parcels(ctx context.Context) ([]Parcel, error) {
	rows, err := db.db.QueryContext(ctx, `SELECT id, size, pieces FROM parcel ORDER BY number`)
	return collect(rows, err, func(rows *sql.Rows, p *Parcel) error { return rows.Scan(&p.ID, &p.Size, &p.Pieces) })
}

// Index gives the index of a parcel as it came, or the fault node.no_parcel.
func (db *DB) Index(ctx context.Context, id string) ([]byte, error) {
	var idx []byte
	err := db.db.QueryRowContext(ctx, `SELECT idx FROM parcel WHERE id = $1`, id).Scan(&idx)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, fault.NotFound("node.no_parcel", id)
	}
	return idx, err
}

// Forget drops a parcel that the desk has, and gives the slots of the pieces
// that nothing needs any more. A parcel that is not there gives none.
func (db *DB) Forget(ctx context.Context, id, day string) (free []int64, err error) {
	err = db.db.Tx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		rows, err := tx.QueryContext(ctx, `SELECT pp.slot FROM parcel p JOIN parcel_piece pp ON pp.parcel = p.number WHERE p.id = $1`, id)
		mine, err := collect(rows, err, scanOne[int64])
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO forgotten (at, id, day) SELECT $1, id, day FROM parcel WHERE id = $2
			ON CONFLICT (id) DO UPDATE SET at = excluded.at`, day, id)
		if err == nil {
			_, err = tx.ExecContext(ctx, `DELETE FROM parcel WHERE id = $1`, id)
		}
		if err != nil {
			return err
		}
		free, err = dropUnneeded(ctx, tx, mine)
		return err
	})
	return free, err
}

// ForgetForgotten drops the marks of parcels that were forgotten before the day.
func (db *DB) ForgetForgotten(ctx context.Context, before string) error {
	_, err := db.db.ExecContext(ctx, `DELETE FROM forgotten WHERE at < $1`, before)
	return err
}
