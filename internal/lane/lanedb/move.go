package lanedb

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/url"
	"os"
	"time"

	"kua/internal/fault"
	"kua/internal/sqldb"
)

// Move copies a SQLite database that is in use into a PostgreSQL database, and
// then has nobody write into the first any more. It is for one goroutine, but for
// Renew.
type Move struct {
	from, to *sqldb.DB
	tables   []table
	owner    string
	id       string // of the source
	address  string // of the target, without a password
	over     bool   // the source was marked as moved before

	atOnce  int64              // rows of a chunk
	renewed time.Time          // when the ledger's lease was
	seen    int64              // up to where the ledger was read by the last pass that was whole
	kept    map[string][]chunk // of that pass, by table; nil: the next one looks at everything
	words   map[int64]bool     // requests that the last pass took the words of the search from
	files   map[string]bool    // files of pictures that it wrote

	Rows     int64    // of all tables of the source when it was opened
	Compared int64    // rows that were compared, by all passes
	Partly   bool     // the last pass looked at what was written alone
	Gone     []string // files of pictures that are not in the source any more, found by the last pass
}

// OpenMove opens both databases. place names where pictures go, for the target's
// mark. The target must be empty, or hold what an earlier move of the same
// database to the same place has brought. done says that the move was finished
// before, and that nothing may be copied any more. The faults are sqldb's,
// lane.move_nothing (there is no source), lane.move_old (a node of this version
// has not opened it yet), lane.move_full and lane.move_elsewhere. Before the target
// is first marked, empty says whether nothing is in the way elsewhere.
func OpenMove(ctx context.Context, path, target, place string, empty func() error) (m *Move, done bool, err error) {
	if _, err := os.Stat(path); err != nil {
		return nil, false, fault.NotFound("lane.move_nothing", path)
	}
	m = &Move{owner: rand.Text(), address: addressOf(target), atOnce: chunkRows}
	defer func() {
		if err != nil {
			err = fmt.Errorf("move the open lane's database: %w", errors.Join(err, m.Close()))
		}
	}()
	steps, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return m, false, err
	}
	if m.from, err = sqldb.Open(ctx, sqldb.Config{Path: path}); err != nil {
		return m, false, err
	}
	if m.to, err = sqldb.Open(ctx, sqldb.Config{URL: target, Migrations: steps}); err != nil {
		return m, false, err
	}
	was, err := m.from.Version(ctx)
	if err != nil {
		return m, false, err
	}
	if now, err := m.to.Version(ctx); err != nil || was != now {
		return m, false, errors.Join(err, fault.Conflict("lane.move_old", path))
	}
	if m.tables, err = tablesOf(ctx, m.from); err != nil {
		return m, false, err
	}
	for _, t := range m.tables {
		var n int64
		if err := m.from.QueryRowContext(ctx, `SELECT count(*) FROM `+t.name).Scan(&n); err != nil {
			return m, false, err
		}
		m.Rows += n
	}
	if done, err = m.begin(ctx, place, empty); err != nil || done {
		return m, done, err
	}
	return m, false, errors.Join(m.ready(ctx), m.openLedger(ctx))
}

// Close closes both databases.
func (m *Move) Close() (err error) {
	if m.renewed != (time.Time{}) {
		inTime, stop := context.WithTimeout(context.Background(), ledgerRenew)
		defer stop()
		err = m.closeLedger(inTime)
	}
	for _, db := range []*sqldb.DB{m.from, m.to} {
		if db != nil {
			err = errors.Join(err, db.Close())
		}
	}
	return err
}

// addressOf is a database's URL as everybody may see it.
func addressOf(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return ""
	}
	u.User, u.Fragment = nil, ""
	u.RawQuery = ""
	return u.String()
}

// begin marks the target as arriving from this source, by this move alone.
func (m *Move) begin(ctx context.Context, place string, empty func() error) (done bool, err error) {
	source, err := readMark(ctx, m.from)
	if err != nil {
		return false, err
	}
	m.id, m.over = source.id, source.state == moved
	err = m.to.Tx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		done = false
		now, err := readMark(ctx, tx)
		if err != nil {
			return err
		}
		switch {
		case now.state == "" && now.other == m.id && m.over:
			done = true
			return nil
		case now.state == arriving && now.other == m.id && now.place == place:
		case now.state == arriving && now.other == m.id:
			return fault.Conflict("lane.move_elsewhere", now.place)
		case m.over:
			return fault.Later("lane.moved_away", source.other)
		case now.state != "":
			return fault.Conflict("lane.move_full")
		default:
			if err := errors.Join(empty(), m.empty(ctx, tx)); err != nil {
				return err
			}
		}
		_, err = tx.ExecContext(ctx, `UPDATE mark SET state = 'arriving', other = $1, place = $2, owner = $3`, m.id, place, m.owner)
		return err
	})
	return done, err
}

// empty refuses a target in which anything is kept.
func (m *Move) empty(ctx context.Context, tx *sql.Tx) error {
	for _, t := range m.tables {
		var held bool
		if err := tx.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM `+t.name+`)`).Scan(&held); err != nil {
			return err
		}
		if held {
			return fault.Conflict("lane.move_full")
		}
	}
	return nil
}

// write writes into the target as long as it is this move's.
func (m *Move) write(ctx context.Context, do func(context.Context, *sql.Tx) error) error {
	return m.to.Tx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		now, err := readMark(ctx, tx)
		if err != nil {
			return err
		}
		if now.state != arriving || now.owner != m.owner {
			return fault.Conflict("lane.move_two")
		}
		return do(ctx, tx)
	})
}

// Drain has no worker begin a delivery any more, and says how many still have one.
// The faults are lane.move_two and, when another move has finished, lane.moved_away.
func (m *Move) Drain(ctx context.Context, lease time.Duration) (busy int64, err error) {
	if m.over {
		return 0, nil
	}
	now := time.Now()
	err = m.from.Tx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		kept, err := readMark(ctx, tx)
		if err != nil {
			return err
		}
		switch {
		case kept.state == moved: // another move was faster since this one began
			return fault.Later("lane.moved_away", kept.other)
		case kept.owner != m.owner && kept.state != "" && kept.lease > now.UnixMicro():
			return fault.Conflict("lane.move_two")
		}
		if _, err := tx.ExecContext(ctx, `UPDATE mark SET state = 'draining', owner = $1, lease = $2`, m.owner, now.Add(lease).UnixMicro()); err != nil {
			return err
		}
		return tx.QueryRowContext(ctx, `SELECT (SELECT count(*) FROM delivery WHERE state = 'waiting' AND lease > $1) + (SELECT count(*) FROM forward WHERE lease > $1)
			+ (SELECT count(*) FROM alert WHERE lease > $1) + (SELECT count(*) FROM digest WHERE state = 'waiting' AND lease > $1)`,
			now.UnixMicro()).Scan(&busy)
	})
	return busy, err
}

// Stop has everybody wait who would write, until the lease is over or Resume.
// The fault lane.move_lapsed says that somebody wrote since Drain was over.
func (m *Move) Stop(ctx context.Context, lease time.Duration) error {
	return m.hold(ctx, `UPDATE mark SET state = 'stopped', lease = $1 WHERE owner = $2 AND state = 'draining'`, time.Now().Add(lease).UnixMicro())
}

// Renew makes a stop last longer. The fault lane.move_lapsed says that it was
// over, and that somebody wrote.
func (m *Move) Renew(ctx context.Context, lease time.Duration) error {
	return m.hold(ctx, `UPDATE mark SET lease = $1 WHERE owner = $2 AND state = 'stopped'`, time.Now().Add(lease).UnixMicro())
}

// Finish marks the source as moved, for ever: nobody wrote since Stop.
func (m *Move) Finish(ctx context.Context) error {
	return m.hold(ctx, `UPDATE mark SET state = 'moved', other = $1, lease = 0 WHERE owner = $2 AND state = 'stopped'`, m.address)
}

func (m *Move) hold(ctx context.Context, statement string, given any) error {
	if m.over {
		return nil
	}
	done, err := m.from.ExecContext(ctx, statement, given, m.owner)
	if err != nil {
		return err
	}
	if n, err := done.RowsAffected(); err != nil || n != 1 {
		return errors.Join(err, fault.Conflict("lane.move_lapsed"))
	}
	return nil
}

// Resume ends what Drain and Stop began; a move that is finished stays so.
func (m *Move) Resume(ctx context.Context) error {
	_, err := m.from.ExecContext(ctx, `UPDATE mark SET state = '', owner = '', lease = 0 WHERE owner = $1 AND state IN ('draining', 'stopped')`, m.owner)
	return err
}

// Settle opens the target for everybody, with its numbers going on where those of
// the source ended. Finish comes before it: never do both take what is written.
func (m *Move) Settle(ctx context.Context) error {
	if err := m.unready(ctx); err != nil {
		return err
	}
	return m.write(ctx, func(ctx context.Context, tx *sql.Tx) error {
		for _, t := range m.tables {
			if err := t.setIdentity(ctx, tx); err != nil {
				return err
			}
		}
		_, err := tx.ExecContext(ctx, `UPDATE mark SET state = '', owner = '', place = ''`) // other stays: from where it came
		return err
	})
}

// Unsearched gives requests of the target that nobody can find by their words yet:
// any, or those that the last pass has written.
func (m *Move) Unsearched(ctx context.Context, limit int) ([]Request, error) {
	without := `SELECT ` + listed + ` FROM request LEFT JOIN request_words ON request_words.rowid = request.id WHERE request_words.rowid IS NULL AND request.hidden = 0 `
	if !m.Partly {
		rows, err := m.to.QueryAnew(ctx, without+`ORDER BY request.id LIMIT $1`, limit)
		return requests(rows, err)
	}
	for len(m.words) > 0 {
		var p placeholders
		var some []int64
		for id := range m.words {
			if len(some) == limit {
				break
			}
			some = append(some, id)
			delete(m.words, id)
		}
		rows, err := m.to.QueryAnew(ctx, without+`AND request.id IN (`+many(&p, some)+`) ORDER BY request.id`, p.args...)
		if all, err := requests(rows, err); err != nil || len(all) > 0 {
			return all, err
		}
	}
	return nil, nil
}

// SaidLater gives those events of the target's requests that may hold words.
func (m *Move) SaidLater(ctx context.Context, all []Request) (map[int64][]Event, error) {
	ids := make([]int64, len(all))
	for i, r := range all {
		ids[i] = r.ID
	}
	where, args := among("request", ids)
	rows, err := m.to.QueryContext(ctx, `SELECT request, number, body, hash FROM event WHERE `+where+` AND body LIKE '%"words":%' ORDER BY request, number`, args...)
	type one struct {
		request int64
		Event
	}
	found, err := collect(rows, err, func(rows *sql.Rows, e *one) error { return rows.Scan(&e.request, &e.Number, &e.Body, &e.Hash) })
	if err != nil {
		return nil, fmt.Errorf("read what was said later: %w", err)
	}
	events := map[int64][]Event{}
	for _, e := range found {
		events[e.request] = append(events[e.request], e.Event)
	}
	return events, nil
}

// Search has requests found by the given words, as locale.SearchText gives them.
func (m *Move) Search(ctx context.Context, words map[int64]string) error {
	return m.write(ctx, func(ctx context.Context, tx *sql.Tx) error {
		for id, said := range words {
			if _, err := tx.ExecContext(ctx, `INSERT INTO request_words (rowid, words) VALUES ($1, to_tsvector('simple', $2))`, id, onShelf(id, said)); err != nil {
				return err
			}
		}
		return nil
	})
}

// Files calls do with every file of pictures of which the target knows or, after a
// pass that looked at what was written alone, with those that it wrote and those of
// also; whole says that it must be there.
func (m *Move) Files(ctx context.Context, also map[string]bool, do func(hash string, whole bool) error) error {
	type file struct{ hash, state string }
	if m.Partly {
		maps.Copy(m.files, also)
		for hash := range m.files {
			var state string
			err := m.to.QueryRowContext(ctx, `SELECT state FROM picture_file WHERE hash = $1`, hash).Scan(&state)
			if errors.Is(err, sql.ErrNoRows) || err == nil && state == going {
				continue
			}
			if err == nil {
				err = do(hash, state == kept)
			}
			if err != nil {
				return err
			}
		}
		return nil
	}
	for after := ""; ; {
		rows, err := m.to.QueryContext(ctx, `SELECT hash, state FROM picture_file WHERE hash COLLATE "C" > $1 ORDER BY hash COLLATE "C" LIMIT 1000`, after)
		all, err := collect(rows, err, func(rows *sql.Rows, f *file) error { return rows.Scan(&f.hash, &f.state) })
		if err != nil || len(all) == 0 {
			return err
		}
		for _, f := range all {
			if after = f.hash; f.state == going {
				continue
			}
			if err := do(f.hash, f.state == kept); err != nil {
				return err
			}
		}
	}
}

// HasFile reports whether the target knows a file.
func (m *Move) HasFile(ctx context.Context, hash string) (there bool, err error) {
	err = m.to.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM picture_file WHERE hash = $1)`, hash).Scan(&there)
	return there, err
}

// Directory gives a version of the target's directory, as DB.Directory does.
func (m *Move) Directory(ctx context.Context, number int64) (Version, []File, error) {
	return (&DB{db: guarded{DB: m.to}, postgres: true}).Directory(ctx, number)
}
