package nodedb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"kua/internal/fault"
)

// Arrival is a piece of an upload whose bytes are durable in Slot.
type Arrival struct {
	Upload, Hash string
	Size         int64
	Slot         int64
}

// Placed says what became of an Arrival.
type Placed int

const (
	Kept  Placed = iota // the piece is new and lies in its slot
	Known               // the piece was there already: the slot is not needed
)

// arrivals are the statements of AddPieces, prepared once.
type arrivals struct{ upload, piece, find, join *sql.Stmt }

func (a *arrivals) prepare(ctx context.Context, db *sql.DB) (err error) {
	for _, p := range []struct {
		to    **sql.Stmt
		query string
	}{
		{&a.upload, `INSERT INTO upload (name, day) VALUES ($1, $2)
			ON CONFLICT (name) DO UPDATE SET day = max(day, excluded.day) RETURNING number`},
		{&a.piece, `INSERT INTO piece (slot, hash, size) VALUES ($1, $2, $3) ON CONFLICT (hash) DO NOTHING`},
		{&a.find, `SELECT slot FROM piece WHERE hash = $1`},
		{&a.join, `INSERT INTO upload_piece (upload, slot) VALUES ($1, $2) ON CONFLICT DO NOTHING`},
	} {
		if *p.to, err = db.PrepareContext(ctx, p.query); err != nil {
			return fmt.Errorf("prepare the node's statements: %w", err)
		}
	}
	return nil
}

func (a *arrivals) in(ctx context.Context, tx *sql.Tx) *arrivals {
	return &arrivals{tx.StmtContext(ctx, a.upload), tx.StmtContext(ctx, a.piece), tx.StmtContext(ctx, a.find), tx.StmtContext(ctx, a.join)}
}

// AddPieces notes pieces in one transaction, in order, and says for each what
// became of it.
func (db *DB) AddPieces(ctx context.Context, day string, pieces []Arrival) (placed []Placed, err error) {
	err = db.db.Tx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		to, uploads := db.arrivals.in(ctx, tx), make(map[string]int64)
		placed = make([]Placed, len(pieces))
		for i, p := range pieces {
			upload, known := uploads[p.Upload]
			if !known {
				if err := to.upload.QueryRowContext(ctx, p.Upload, day).Scan(&upload); err != nil {
					return fmt.Errorf("note upload %s: %w", p.Upload, err)
				}
				uploads[p.Upload] = upload
			}
			if placed[i], err = to.add(ctx, upload, p); err != nil {
				return fmt.Errorf("add piece %s: %w", p.Hash, err)
			}
		}
		return nil
	})
	return placed, err
}

func (a *arrivals) add(ctx context.Context, upload int64, p Arrival) (Placed, error) {
	res, err := a.piece.ExecContext(ctx, p.Slot, p.Hash, p.Size)
	if err != nil {
		return 0, err
	}
	placed, slot := Kept, p.Slot
	if n, err := res.RowsAffected(); err != nil {
		return 0, err
	} else if n == 0 {
		placed = Known
		if err := a.find.QueryRowContext(ctx, p.Hash).Scan(&slot); err != nil {
			return 0, err
		}
	}
	_, err = a.join.ExecContext(ctx, upload, slot)
	return placed, err
}

// Piece gives the slot and the size of a piece, or the fault blob.not_found.
func (db *DB) Piece(ctx context.Context, hash string) (slot, size int64, err error) {
	err = db.db.QueryRowContext(ctx, `SELECT slot, size FROM piece WHERE hash = $1`, hash).Scan(&slot, &size)
	if errors.Is(err, sql.ErrNoRows) {
		err = fault.NotFound("blob.not_found", hash)
	}
	return slot, size, err
}

// Have gives the hashes of the pieces held for an upload, whether it became a
// parcel or not, in order of hash.
func (db *DB) Have(ctx context.Context, upload string) ([]string, error) {
	rows, err := db.db.QueryContext(ctx, `
		SELECT p.hash FROM upload u JOIN upload_piece up ON up.upload = u.number JOIN piece p ON p.slot = up.slot WHERE u.name = $1
		UNION
		SELECT p.hash FROM parcel q JOIN parcel_piece pp ON pp.parcel = q.number JOIN piece p ON p.slot = pp.slot WHERE q.upload = $1
		ORDER BY 1`, upload)
	return collect(rows, err, scanOne[string])
}

// Holds reports whether a piece is held for an upload, whether it became a parcel
// or not, and gives its size.
func (db *DB) Holds(ctx context.Context, upload, hash string) (size int64, held bool, err error) {
	err = db.db.QueryRowContext(ctx, `SELECT p.size FROM piece p WHERE p.hash = $1 AND (
		EXISTS (SELECT 1 FROM upload u JOIN upload_piece up ON up.upload = u.number WHERE u.name = $2 AND up.slot = p.slot) OR
		EXISTS (SELECT 1 FROM parcel q JOIN parcel_piece pp ON pp.parcel = q.number WHERE q.upload = $2 AND pp.slot = p.slot))`, hash, upload).Scan(&size)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, false, nil
	}
	return size, err == nil, err
}

// Slots gives every slot that holds a piece.
func (db *DB) Slots(ctx context.Context) ([]int64, error) {
	rows, err := db.db.QueryContext(ctx, `SELECT slot FROM piece ORDER BY slot`)
	return collect(rows, err, scanOne[int64])
}

// OpenUploads gives how many bytes each upload that is not committed holds in
// whole pieces; those that hold none are left out.
func (db *DB) OpenUploads(ctx context.Context) (map[string]int64, error) {
	type one struct {
		name string
		size int64
	}
	rows, err := db.db.QueryContext(ctx, `SELECT u.name, sum(p.size) FROM upload u
		JOIN upload_piece up ON up.upload = u.number JOIN piece p ON p.slot = up.slot GROUP BY u.number`)
	all, err := collect(rows, err, func(rows *sql.Rows, v *one) error { return rows.Scan(&v.name, &v.size) })
	open := make(map[string]int64, len(all))
	for _, v := range all {
		open[v.name] = v.size
	}
	return open, err
}

// Touch notes of uploads the days on which something of them came that is no whole
// piece. One of which nothing was noted begins with it.
func (db *DB) Touch(ctx context.Context, days map[string]string) error {
	return db.db.Tx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		touch := tx.StmtContext(ctx, db.arrivals.upload)
		for name, day := range days {
			var number int64
			if err := touch.QueryRowContext(ctx, name, day).Scan(&number); err != nil {
				return fmt.Errorf("note upload %s: %w", name, err)
			}
		}
		return nil
	})
}

// Expire drops the uploads of which nothing came since the day, and gives their
// names and the slots of the pieces that nothing needs any more. Parcels are not
// touched.
func (db *DB) Expire(ctx context.Context, before string) (names []string, free []int64, err error) {
	err = db.db.Tx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		rows, err := tx.QueryContext(ctx, `SELECT up.slot FROM upload u JOIN upload_piece up ON up.upload = u.number WHERE u.day < $1`, before)
		mine, err := collect(rows, err, scanOne[int64])
		if err != nil {
			return err
		}
		rows, err = tx.QueryContext(ctx, `DELETE FROM upload WHERE day < $1 RETURNING name`, before)
		if names, err = collect(rows, err, scanOne[string]); err != nil {
			return err
		}
		free, err = dropUnneeded(ctx, tx, mine)
		return err
	})
	return names, free, err
}

// Drop drops one upload, and gives the slots of the pieces that nothing needs any
// more. Parcels are not touched; a name that is no upload drops nothing.
func (db *DB) Drop(ctx context.Context, name string) (free []int64, err error) {
	err = db.db.Tx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		rows, err := tx.QueryContext(ctx, `SELECT up.slot FROM upload u JOIN upload_piece up ON up.upload = u.number WHERE u.name = $1`, name)
		mine, err := collect(rows, err, scanOne[int64])
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `DELETE FROM upload WHERE name = $1`, name); err != nil {
			return err
		}
		free, err = dropUnneeded(ctx, tx, mine)
		return err
	})
	return free, err
}

// dropUnneeded deletes those of the pieces that no upload and no parcel has.
func dropUnneeded(ctx context.Context, tx *sql.Tx, slots []int64) (free []int64, err error) {
	drop, err := tx.PrepareContext(ctx, `DELETE FROM piece WHERE slot = $1
		AND NOT EXISTS (SELECT 1 FROM upload_piece WHERE slot = $1) AND NOT EXISTS (SELECT 1 FROM parcel_piece WHERE slot = $1)`)
	if err != nil {
		return nil, err
	}
	defer drop.Close()
	for _, slot := range slots {
		res, err := drop.ExecContext(ctx, slot)
		if err != nil {
			return nil, err
		}
		if n, err := res.RowsAffected(); err != nil {
			return nil, err
		} else if n > 0 {
			free = append(free, slot)
		}
	}
	return free, nil
}
