package deskdb

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"kua/internal/evidence"
	"kua/internal/fault"
	"kua/internal/spread"
)

// settingHalted holds who stopped all spreading, while it is stopped.
const settingHalted = "spreading halted"

const channelColumns = `id, kind, name, place, languages, carries, is_on, removed`

func scanChannel(row interface{ Scan(...any) error }) (c spread.Channel, err error) {
	var languages, carries string
	if err := row.Scan(&c.ID, &c.Kind, &c.Name, &c.Place, &languages, &carries, &c.On, &c.Removed); err != nil {
		return c, err
	}
	return c, errors.Join(json.Unmarshal([]byte(languages), &c.Languages), json.Unmarshal([]byte(carries), &c.Carries))
}

// AddChannel keeps a new channel, which is off, with its secret. A name that
// another has is the fault spread.channel_there.
func (db *DB) AddChannel(ctx context.Context, by evidence.Actor, c spread.Channel, secret []byte) (id int64, err error) {
	languages, err1 := json.Marshal(c.Languages)
	carries, err2 := json.Marshal(c.Carries)
	if err := errors.Join(err1, err2); err != nil {
		return 0, err
	}
	err = db.act(ctx, by, func(ctx context.Context, tx *sql.Tx) ([]evidence.Event, error) {
		err := tx.QueryRowContext(ctx, `INSERT INTO channels (kind, name, place, secret, languages, carries) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
			ON CONFLICT DO NOTHING RETURNING id`, c.Kind, c.Name, c.Place, secret, string(languages), string(carries)).Scan(&id)
		if errors.Is(err, sql.ErrNoRows) {
			return nil, fault.Conflict("spread.channel_there", c.Name)
		}
		return []evidence.Event{channelEvent(c, "added")}, err
	})
	return id, err
}

func channelEvent(c spread.Channel, what string) evidence.Event {
	return evidence.Event{Verb: evidence.Channelled, Subject: "channel " + c.Name, Detail: what + ": " + c.Kind + " " + c.Place}
}

// TurnChannel turns a channel on or off.
func (db *DB) TurnChannel(ctx context.Context, by evidence.Actor, id int64, on bool) error {
	return db.onChannel(ctx, by, id, map[bool]string{true: "on", false: "off"}[on], func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE channels SET is_on = ?2 WHERE id = ?1`, id, on)
		return err
	})
}

// RemoveChannel forgets a channel's secret and its followers, turns it off for good and
// takes back what was not sent to it, or is being sent. What stands there stays in the list.
func (db *DB) RemoveChannel(ctx context.Context, by evidence.Actor, id int64) error {
	return db.onChannel(ctx, by, id, "removed", func(ctx context.Context, tx *sql.Tx) error {
		_, err1 := tx.ExecContext(ctx, `UPDATE channels SET is_on = 0, removed = 1, secret = x'' WHERE id = ?1`, id)
		_, err2 := tx.ExecContext(ctx, `UPDATE posts SET state = ?2, changed = ?3 WHERE channel = ?1 AND act = ?4 AND state IN (?5, ?6, ?7, ?8)`,
			id, spread.Withdrawn, db.now().UnixMicro(), spread.Send, spread.Waiting, spread.Queued, spread.Gathered, spread.Failed)
		_, err3 := tx.ExecContext(ctx, `UPDATE posts SET cleared = '' WHERE channel = ?1 AND act = ?2 AND state = ?3`, id, spread.Send, spread.Sending)
		return errors.Join(err1, err2, err3, forgetAudience(ctx, tx, id))
	})
}

func (db *DB) onChannel(ctx context.Context, by evidence.Actor, id int64, what string, do func(context.Context, *sql.Tx) error) error {
	return db.act(ctx, by, func(ctx context.Context, tx *sql.Tx) ([]evidence.Event, error) {
		c, err := channel(ctx, tx, id)
		if err != nil {
			return nil, err
		}
		if c.Removed {
			return nil, fault.Conflict("spread.channel_removed", c.Name)
		}
		return []evidence.Event{channelEvent(c, what)}, do(ctx, tx)
	})
}

func channel(ctx context.Context, q querier, id int64) (spread.Channel, error) {
	c, err := scanChannel(q.QueryRowContext(ctx, `SELECT `+channelColumns+` FROM channels WHERE id = ?1`, id))
	return c, one(err, "spread.no_channel", id)
}

// Channel gives one channel.
func (db *DB) Channel(ctx context.Context, id int64) (spread.Channel, error) {
	return channel(ctx, db.db, id)
}

// Channels gives every channel, removed ones too, the oldest first.
func (db *DB) Channels(ctx context.Context) ([]spread.Channel, error) {
	rows, err := db.db.QueryContext(ctx, `SELECT `+channelColumns+` FROM channels ORDER BY id`)
	if err != nil {
		return nil, err
	}
	return collect(rows, func(rows *sql.Rows) (spread.Channel, error) { return scanChannel(rows) })
}

// Vanished gives the removed channels of which nothing is shown any more.
func (db *DB) Vanished(ctx context.Context) (map[int64]bool, error) {
	rows, err := db.db.QueryContext(ctx, `SELECT id FROM channels WHERE removed = 1 AND vanished = 1`)
	if err != nil {
		return nil, err
	}
	all, err := collect(rows, func(rows *sql.Rows) (id int64, err error) { return id, rows.Scan(&id) })
	gone := make(map[int64]bool, len(all))
	for _, id := range all {
		gone[id] = true
	}
	return gone, err
}

// SetVanished keeps that nothing is shown of a removed channel any more.
func (db *DB) SetVanished(ctx context.Context, id int64) error {
	_, err := db.db.ExecContext(ctx, `UPDATE channels SET vanished = 1 WHERE id = ?1 AND removed = 1`, id)
	return err
}

// ChannelSecret gives what lets a channel be spoken to.
func (db *DB) ChannelSecret(ctx context.Context, id int64) (secret []byte, err error) {
	err = db.db.QueryRowContext(ctx, `SELECT secret FROM channels WHERE id = ?1 AND removed = 0`, id).Scan(&secret)
	return secret, one(err, "spread.no_channel", id)
}

// Halt stops all spreading until Release; a second time changes nothing, but that
// the desk's own word, which says why, takes the place of a person's.
func (db *DB) Halt(ctx context.Context, by evidence.Actor) error {
	return db.act(ctx, by, func(ctx context.Context, tx *sql.Tx) ([]evidence.Event, error) {
		now := db.now().UTC().Truncate(time.Second).Format(time.RFC3339)
		res, err := tx.ExecContext(ctx, `INSERT INTO settings (name, value) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = excluded.value WHERE ?3`,
			settingHalted, []byte(now+" "+by.Name), by == evidence.Machine())
		return switched(res, err, evidence.Halted)
	})
}

// Release ends a Halt.
func (db *DB) Release(ctx context.Context, by evidence.Actor) error {
	return db.act(ctx, by, func(ctx context.Context, tx *sql.Tx) ([]evidence.Event, error) {
		res, err := tx.ExecContext(ctx, `DELETE FROM settings WHERE name = ?1`, settingHalted)
		return switched(res, err, evidence.Released)
	})
}

func switched(res sql.Result, err error, verb evidence.Verb) ([]evidence.Event, error) {
	if err != nil {
		return nil, err
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return nil, err
	}
	return []evidence.Event{{Verb: verb, Subject: "spreading"}}, nil
}

// Halted gives who stopped all spreading and when; by is "" while nobody has.
func (db *DB) Halted(ctx context.Context) (by string, at time.Time, err error) {
	var value []byte
	err = db.db.QueryRowContext(ctx, `SELECT value FROM settings WHERE name = ?1`, settingHalted).Scan(&value)
	if errors.Is(err, sql.ErrNoRows) {
		return "", at, nil
	}
	if err != nil {
		return "", at, err
	}
	when, by, _ := strings.Cut(string(value), " ")
	at, err = time.Parse(time.RFC3339, when)
	return by, at, err
}
