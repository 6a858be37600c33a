package lanedb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"kua/internal/fault"
)

// Alert is that an address is told of an area or a case.
type Alert struct {
	Mark, Address, Language string
	Area, Category          string
	Request                 int64 // 0: of an area
	State, Day              string
	Told                    string // of an area: the last day of which it was told
	Event                   int64  // of a case: the last act of which it was told
	Round, Tries            int64
	Owner                   string
}

// The states of an alert.
const (
	AlertAsked = "asked"
	AlertOn    = "on"
)

const alertColumns = `mark, address, language, area, category, request, state, day, told, event, round, tries, owner`

func scanAlert(row interface{ Scan(...any) error }, a *Alert) error {
	return row.Scan(&a.Mark, &a.Address, &a.Language, &a.Area, &a.Category, &a.Request, &a.State, &a.Day, &a.Told, &a.Event, &a.Round, &a.Tries, &a.Owner)
}

// AskAlert keeps that an address is to be asked whether it wants an alert, unless
// hash, which stands for it, was asked perDay times on that day, or it has most
// alerts; asked tells whether it will be. What it has already stays as it is.
func (db *DB) AskAlert(ctx context.Context, a Alert, hash string, perDay, most int64) (asked bool, err error) {
	err = db.db.Tx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		asked = false
		var times, has int64
		if err := tx.QueryRowContext(ctx, `SELECT COALESCE(max(times), 0) FROM alert_asked WHERE address = $1 AND day = $2`, hash, a.Day).Scan(&times); err != nil {
			return err
		}
		if err := tx.QueryRowContext(ctx, `SELECT count(*) FROM alert WHERE address = $1`, a.Address).Scan(&has); err != nil {
			return err
		}
		if times >= perDay || has >= most {
			return nil
		}
		done, err := tx.ExecContext(ctx, `INSERT INTO alert (mark, address, language, area, category, request, state, day, told, event, round, due, pause, tries, lease, owner)
			VALUES ($1, $2, $3, $4, $5, $6, 'asked', $7, '', 0, 0, 0, 0, 0, 0, '')
			ON CONFLICT (address, area, category, request) DO UPDATE SET due = 0, tries = 0, day = excluded.day, language = excluded.language WHERE alert.state = 'asked'`,
			a.Mark, a.Address, a.Language, a.Area, a.Category, a.Request, a.Day)
		if err != nil {
			return err
		}
		n, err := done.RowsAffected()
		if asked = n == 1; !asked || err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO alert_asked (address, day, times) VALUES ($1, $2, 1)
			ON CONFLICT (address, day) DO UPDATE SET times = alert_asked.times + 1`, hash, a.Day)
		return err
	})
	if err != nil {
		return false, fmt.Errorf("ask for an alert: %w", err)
	}
	return asked, nil
}

// Alert gives an alert, or the fault lane.no_alert.
func (db *DB) Alert(ctx context.Context, mark string) (a Alert, err error) {
	err = scanAlert(db.db.QueryRowContext(ctx, `SELECT `+alertColumns+` FROM alert WHERE mark = $1`, mark), &a)
	if errors.Is(err, sql.ErrNoRows) {
		return a, fault.NotFound("lane.no_alert")
	}
	if err != nil {
		return a, fmt.Errorf("read an alert: %w", err)
	}
	return a, nil
}

// AlertMarks gives the marks of all alerts.
func (db *DB) AlertMarks(ctx context.Context) ([]string, error) {
	rows, err := db.db.QueryContext(ctx, `SELECT mark FROM alert`)
	all, err := collect(rows, err, func(rows *sql.Rows, mark *string) error { return rows.Scan(mark) })
	if err != nil {
		return nil, fmt.Errorf("read which alerts there are: %w", err)
	}
	return all, nil
}

// ConfirmAlert turns an alert on that was asked for: it is told of what comes
// after told, or after the acts that its case has by now, and is due then.
func (db *DB) ConfirmAlert(ctx context.Context, mark, day, told string, due time.Time) error {
	err := db.db.Tx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE alert SET state = 'on', day = $1, told = $2, tries = 0, lease = 0, owner = '',
			event = (SELECT COALESCE(max(number), 0) FROM event WHERE event.request = alert.request),
			due = CASE request WHEN 0 THEN CAST($3 AS BIGINT) ELSE CAST($4 AS BIGINT) END WHERE mark = $5 AND state = 'asked'`, day, told, due.UnixMicro(), int64(never), mark)
		return err
	})
	if err != nil {
		return fmt.Errorf("confirm an alert: %w", err)
	}
	return nil
}

// wakeAlerts makes the alerts of a request due that something happened to.
func wakeAlerts(ctx context.Context, tx *sql.Tx, request int64) error {
	_, err := tx.ExecContext(ctx, `UPDATE alert SET due = pause WHERE request = $1 AND state = 'on' AND due > pause`, request)
	return err
}

// TakeAlert gives owner the alert that is due first and counts the try; until the
// lease ends nobody else gets it. ok is false when nothing is due.
func (db *DB) TakeAlert(ctx context.Context, owner string, now time.Time, lease time.Duration) (a Alert, ok bool, err error) {
	err = db.db.Tx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		a, ok = Alert{}, false
		if drains, err := passMark(ctx, tx); drains || err != nil {
			return err
		}
		err := scanAlert(tx.QueryRowContext(ctx, `UPDATE alert SET owner = $1, lease = $2, tries = tries + 1 WHERE mark = (
			SELECT mark FROM alert WHERE due <= $3 AND lease <= $3 ORDER BY due, mark LIMIT 1) RETURNING `+alertColumns, owner, now.Add(lease).UnixMicro(), now.UnixMicro()), &a)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		ok = err == nil
		return err
	})
	if err != nil {
		return Alert{}, false, fmt.Errorf("take an alert: %w", err)
	}
	return a, ok, nil
}

// MarkAlert keeps up to where an alert was told, whoever has it by now: Told,
// Event and Round of a. An area's is due at due; a case's when something has
// happened since, but not before pause. One that was asked for waits for its answer.
func (db *DB) MarkAlert(ctx context.Context, a Alert, due, pause time.Time) error {
	err := db.db.Tx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE alert SET told = $1, event = $2, round = $3, pause = CAST($4 AS BIGINT), tries = 0, lease = 0, owner = '', due = CASE
			WHEN state = 'asked' THEN CAST($5 AS BIGINT)
			WHEN request = 0 THEN CAST($6 AS BIGINT)
			WHEN (SELECT COALESCE(max(number), 0) FROM event WHERE event.request = alert.request) > $2 THEN CAST($4 AS BIGINT)
			ELSE CAST($5 AS BIGINT) END WHERE mark = $7 AND state = $8 AND round < $3`, a.Told, a.Event, a.Round, pause.UnixMicro(), int64(never), due.UnixMicro(), a.Mark, a.State)
		return err
	})
	if err != nil {
		return fmt.Errorf("keep that an alert was sent: %w", err)
	}
	return nil
}

// GiveAlertBack gives an alert back that owner still has, until it is due again.
func (db *DB) GiveAlertBack(ctx context.Context, a Alert, due time.Time) error {
	err := db.db.Tx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE alert SET due = $1, tries = $2, lease = 0, owner = '' WHERE mark = $3 AND owner = $4`, due.UnixMicro(), a.Tries, a.Mark, a.Owner)
		return err
	})
	if err != nil {
		return fmt.Errorf("give an alert back: %w", err)
	}
	return nil
}

// EndAlert erases an alert. One that is not there is over already.
func (db *DB) EndAlert(ctx context.Context, mark string) error {
	_, err := db.eraseAlerts(ctx, `DELETE FROM alert WHERE mark = $1`, mark)
	return err
}

// StopAlerts erases an alert, and with an address all alerts of that, and counts them
// under a month and a reason.
func (db *DB) StopAlerts(ctx context.Context, mark, address, month, why string) error {
	err := db.db.Tx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		done, err := tx.ExecContext(ctx, `DELETE FROM alert WHERE mark = $1 OR address = $2`, mark, address)
		if err != nil {
			return err
		}
		n, err := done.RowsAffected()
		if n == 0 || err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO alert_ended (month, why, n) VALUES ($1, $2, $3) ON CONFLICT (month, why) DO UPDATE SET n = alert_ended.n + excluded.n`, month, why, n)
		return err
	})
	if err != nil {
		return fmt.Errorf("stop alerts: %w", err)
	}
	return nil
}

// EndAlertsOf erases the alerts of an address and how often it was asked, and
// gives how many alerts there were.
func (db *DB) EndAlertsOf(ctx context.Context, address, hash string) (int64, error) {
	if _, err := db.eraseAlerts(ctx, `DELETE FROM alert_asked WHERE address = $1`, hash); err != nil {
		return 0, err
	}
	return db.eraseAlerts(ctx, `DELETE FROM alert WHERE address = $1`, address)
}

// ForgetAlerts erases what was asked for before the day asked and not confirmed,
// what was confirmed before the day on, and how often addresses were asked before today.
func (db *DB) ForgetAlerts(ctx context.Context, asked, on, today string) error {
	if _, err := db.eraseAlerts(ctx, `DELETE FROM alert WHERE state = 'asked' AND day < $1 OR state = 'on' AND day < $2`, asked, on); err != nil {
		return err
	}
	_, err := db.eraseAlerts(ctx, `DELETE FROM alert_asked WHERE day < $1`, today)
	return err
}

func (db *DB) eraseAlerts(ctx context.Context, text string, args ...any) (n int64, err error) {
	err = db.db.Tx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		done, err := tx.ExecContext(ctx, text, args...)
		if err == nil {
			n, err = done.RowsAffected()
		}
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("erase alerts: %w", err)
	}
	return n, nil
}

// CountAlerts counts alerts of areas and of cases that are on, and those that wait
// to be confirmed, and those that were stopped since a month.
func (db *DB) CountAlerts(ctx context.Context, since string) (areas, cases, asked, ended int64, err error) {
	err = db.db.QueryRowContext(ctx, `SELECT COALESCE(sum(CASE WHEN state = 'on' AND request = 0 THEN 1 ELSE 0 END), 0),
		COALESCE(sum(CASE WHEN state = 'on' AND request <> 0 THEN 1 ELSE 0 END), 0),
		COALESCE(sum(CASE WHEN state = 'asked' THEN 1 ELSE 0 END), 0), (SELECT COALESCE(sum(n), 0) FROM alert_ended WHERE month >= $1) FROM alert`, since).Scan(&areas, &cases, &asked, &ended)
	if err != nil {
		return 0, 0, 0, 0, fmt.Errorf("count alerts: %w", err)
	}
	return areas, cases, asked, ended, nil
}

// SinceDay gives an id below all requests of a day and later ones. What was taken
// over has days of its own, so ids do not rise with them: the index of days is asked.
func (db *DB) SinceDay(ctx context.Context, day string) (below int64, err error) {
	err = db.db.QueryRowContext(ctx, `SELECT COALESCE(min(id + 0), (SELECT COALESCE(max(id), 0) FROM request) + 1) - 1 FROM request WHERE day >= $1`, day).Scan(&below) // not min(id), which is looked for along the ids
	if err != nil {
		return 0, fmt.Errorf("find a day's first request: %w", err)
	}
	return below, nil
}

// Ground is what an alert is of: some areas, and what authorities say to everybody of them, of those
// around them or, bound there, of no area.
type Ground struct{ Areas, Around, Bound []string }

// Shown gives requests that came to be seen by everybody after a day and before
// another one, oldest first and at most limit: those that were never held by their
// own day, the others by the day on which they were let through. What authorities say to
// everybody comes first: of a letter that holds no more, reports are left out. below is of
// SinceDay for the first; unseen is as for List.
func (db *DB) Shown(ctx context.Context, below int64, after, before string, of Ground, category string, unseen []string, limit int) ([]Request, error) {
	in := func(p *placeholders) string { return "area IN (" + many(p, of.Areas) + ")" }
	told := func(p *placeholders) string { return in(p) + " AND request.kind NOT IN ('announcement', 'pledge')" }
	said := func(kind string) condition {
		return func(p *placeholders) string {
			return "request.kind <> '' AND request.kind = " + p.one(kind) + " AND " + concerns(p, slices.Concat(of.Areas, of.Around), of.Bound)
		}
	}
	const since = "request.hidden = 0 AND request.id > %s AND request.day > %s AND request.day < %s AND NOT EXISTS (SELECT 1 FROM hold WHERE hold.request = request.id)"
	var all []Request
	for _, came := range []struct {
		from, where string
		ground      condition
	}{
		{"request", since, said("announcement")},
		{"request", since, said("pledge")},
		{"request", since, told},
		{"decision JOIN request ON request.id = decision.request", "request.id > %s AND decision.day > %s AND decision.day < %s AND decision.what = 'routed'", in},
	} {
		var p placeholders
		first := below
		if came.from != "request" {
			first = 0
		}
		where := fmt.Sprintf(came.where, p.one(first), p.one(after), p.one(before)) + " AND " + came.ground(&p)
		if category != "" {
			where += " AND category = " + p.one(category)
		}
		where += " AND EXISTS (SELECT 1 FROM assignment b WHERE b.request = request.id AND b.state NOT IN (" + many(&p, unseen) + ")) AND " + seen(&p, unseen)
		rows, err := db.db.QueryContext(ctx, `SELECT `+listed+` FROM `+came.from+` WHERE `+where+` ORDER BY request.id LIMIT `+p.one(int64(limit)), p.args...)
		found, err := requests(rows, err)
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	return all[:min(len(all), limit)], nil
}
