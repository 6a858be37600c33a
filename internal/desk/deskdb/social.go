package deskdb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"kua/internal/evidence"
	"kua/internal/fault"
	"kua/internal/spread"
)

// The states of what a server is to be told.
const (
	tellQueued = "queued"
	tellDone   = "done"
	tellLost   = "lost" // given up, or refused for good
)

// aboutFollower begins what a row says it is about that lets somebody follow, whose id
// comes behind it: such a row goes once it is over, and with the follower.
const aboutFollower = "follower "

// MostFollowers is how many a channel may have.
const MostFollowers = 50_000

// heardFor is how long letters are known again: twice as long as one is believed.
const heardFor = 60 * 24 * time.Hour

// Said is a document that the node shows for a channel.
type Said struct {
	File     string
	Document []byte
	First    time.Time
	Gone     bool
}

// Said gives all that a channel has said, the newest first.
func (db *DB) Said(ctx context.Context, channel int64) ([]Said, error) {
	rows, err := db.db.QueryContext(ctx, `SELECT file, document, first, gone FROM said WHERE channel = ?1 ORDER BY first DESC, file`, channel)
	if err != nil {
		return nil, err
	}
	return collect(rows, func(rows *sql.Rows) (s Said, err error) {
		var first int64
		err = rows.Scan(&s.File, &s.Document, &first, &s.Gone)
		s.First = instant(first)
		return s, err
	})
}

// SaidFirst gives when a file was first said; ok is false for one that does not stand.
func (db *DB) SaidFirst(ctx context.Context, channel int64, file string) (first time.Time, ok bool, err error) {
	var at int64
	err = db.db.QueryRowContext(ctx, `SELECT first FROM said WHERE channel = ?1 AND file = ?2 AND gone = 0`, channel, file).Scan(&at)
	if errors.Is(err, sql.ErrNoRows) {
		return first, false, nil
	}
	return instant(at), err == nil, err
}

// Say keeps what a channel says from now on, and what its followers' servers are to be
// told. A server that was, or may have been, told of it before hears what changed,
// also when nobody there follows any more; one that was not hears of it afresh. What
// nobody was told yet is told no more.
func (db *DB) Say(ctx context.Context, channel int64, s spread.Saying) error {
	return db.write(ctx, func(ctx context.Context, tx *sql.Tx) error {
		if err := standing(ctx, tx, channel); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `INSERT INTO said (channel, file, document, first, gone) VALUES (?1, ?2, ?3, ?4, ?5)
			ON CONFLICT (channel, file) DO UPDATE SET document = excluded.document, gone = excluded.gone`, channel, s.File, s.Document, db.now().UnixMicro(), s.Gone)
		if err != nil {
			return err
		}
		fresh := s.Fresh
		if fresh == nil {
			fresh = s.Activity
		}
		// Of a note that is taken away all hear who could have looked at it.
		_, err = tx.ExecContext(ctx, `INSERT INTO tellings (channel, about, inbox, activity, body, away, state)
			SELECT ?1, ?2, inbox, ?3, CASE max(knows) WHEN 1 THEN ?4 ELSE ?5 END, ?6, ?7 FROM (
				SELECT told AS inbox, 0 AS knows FROM followers WHERE channel = ?1
				UNION ALL SELECT inbox, 1 FROM tellings WHERE channel = ?1 AND about = ?2 AND activity <> ?3 AND (tries > 0 OR state <> ?7)) GROUP BY inbox
			ON CONFLICT (channel, inbox, activity) DO NOTHING`, channel, s.File, s.ID, s.Activity, fresh, s.Gone, tellQueued)
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `DELETE FROM tellings WHERE channel = ?1 AND about = ?2 AND state = ?3 AND activity <> ?4 AND (tries = 0 OR ?5)`,
			channel, s.File, tellQueued, s.ID, s.Gone)
		return err
	})
}

// standing refuses a channel that was removed meanwhile.
func standing(ctx context.Context, tx *sql.Tx, id int64) error {
	c, err := channel(ctx, tx, id)
	if err == nil && c.Removed {
		err = fault.Conflict("spread.channel_removed", c.Name)
	}
	return err
}

// Heard reports whether a letter was acted upon already.
func (db *DB) Heard(ctx context.Context, channel int64, mark string) (bool, error) {
	var n int
	err := db.db.QueryRowContext(ctx, `SELECT count(*) FROM heard WHERE channel = ?1 AND mark = ?2`, channel, mark).Scan(&n)
	return n > 0, err
}

// settingHeardUpTo begins the name of the setting that holds up to which letter those at
// a node were looked at.
const settingHeardUpTo = "heard up to "

// HeardUpTo gives the number of the letter at a node that was looked at last; 0 when the
// next to look at is the first.
func (db *DB) HeardUpTo(ctx context.Context, node string) (int64, error) {
	b, err := db.Setting(ctx, settingHeardUpTo+node)
	if errors.Is(err, fault.NotFound("desk.no_setting")) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	return strconv.ParseInt(string(b), 10, 64)
}

// SetHeardUpTo keeps it.
func (db *DB) SetHeardUpTo(ctx context.Context, node string, number int64) error {
	return db.Set(ctx, settingHeardUpTo+node, strconv.AppendInt(nil, number, 10))
}

// Asked gives the id with which somebody asked to follow; ok is false for one who
// does not follow.
func (db *DB) Asked(ctx context.Context, channel int64, actor string) (asked string, ok bool, err error) {
	err = db.db.QueryRowContext(ctx, `SELECT asked FROM followers WHERE channel = ?1 AND actor = ?2`, channel, actor).Scan(&asked)
	if errors.Is(err, sql.ErrNoRows) {
		return "", false, nil
	}
	return asked, err == nil, err
}

// AddFollower keeps a follower and that their server is to be told so; a letter that was
// acted upon already changes nothing. Beyond MostFollowers the fault is actor.full.
func (db *DB) AddFollower(ctx context.Context, channel int64, f spread.Follower, asked, mark string, accept spread.Saying) error {
	return db.hear(ctx, channel, mark, func(tx *sql.Tx) error {
		var others int
		if err := tx.QueryRowContext(ctx, `SELECT count(*) FROM followers WHERE channel = ?1 AND actor <> ?2`, channel, f.ID).Scan(&others); err != nil {
			return err
		}
		if others >= MostFollowers {
			return fault.Later("actor.full")
		}
		_, err1 := tx.ExecContext(ctx, `INSERT INTO followers (channel, actor, asked, inbox, told) VALUES (?1, ?2, ?3, ?4, ?5)
			ON CONFLICT (channel, actor) DO UPDATE SET asked = excluded.asked, inbox = excluded.inbox, told = excluded.told`, channel, f.ID, asked, f.Inbox, f.Told)
		_, err2 := tx.ExecContext(ctx, `INSERT INTO tellings (channel, about, inbox, activity, body, away, state) VALUES (?1, ?6, ?2, ?3, ?4, 0, ?5)
			ON CONFLICT (channel, inbox, activity) DO UPDATE SET body = excluded.body, state = excluded.state, tries = 0, next = 0`, channel, f.Inbox, accept.ID, accept.Activity, tellQueued, aboutFollower+f.ID)
		return errors.Join(err1, err2)
	})
}

// DropFollower forgets a follower, and what was to be told to them alone.
func (db *DB) DropFollower(ctx context.Context, channel int64, actor, mark string) error {
	return db.hear(ctx, channel, mark, func(tx *sql.Tx) error {
		_, err1 := tx.ExecContext(ctx, `DELETE FROM followers WHERE channel = ?1 AND actor = ?2`, channel, actor)
		_, err2 := tx.ExecContext(ctx, `DELETE FROM tellings WHERE channel = ?1 AND about = ?2`, channel, aboutFollower+actor)
		return errors.Join(err1, err2)
	})
}

func (db *DB) hear(ctx context.Context, channel int64, mark string, do func(tx *sql.Tx) error) error {
	return db.write(ctx, func(ctx context.Context, tx *sql.Tx) error {
		if err := standing(ctx, tx, channel); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `DELETE FROM heard WHERE at < ?1`, db.now().Add(-heardFor).UnixMicro()); err != nil {
			return err
		}
		res, err := tx.ExecContext(ctx, `INSERT INTO heard (channel, mark, at) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING`, channel, mark, db.now().UnixMicro())
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return err
		}
		return do(tx)
	})
}

const deliveryColumns = `d.id, d.channel, d.about, d.inbox, d.body, d.tries`

func scanDelivery(rows *sql.Rows) (d spread.Delivery, err error) {
	err = rows.Scan(&d.ID, &d.Channel, &d.About, &d.Inbox, &d.Activity, &d.Tries)
	return d, err
}

// DueDeliveries gives what servers may be told now behind a number, the oldest first:
// of one note one server is told one thing after the other. What takes a note away is
// not among it.
func (db *DB) DueDeliveries(ctx context.Context, after int64, limit int) ([]spread.Delivery, error) {
	rows, err := db.db.QueryContext(ctx, `SELECT `+deliveryColumns+` FROM tellings d JOIN channels c ON c.id = d.channel
		WHERE d.id > ?5 AND d.state = ?1 AND d.away = 0 AND c.is_on = 1 AND NOT d.next BETWEEN ?2 + 1 AND ?3
		AND (d.about = '' OR NOT EXISTS (SELECT 1 FROM tellings e WHERE e.channel = d.channel AND e.about = d.about AND e.inbox = d.inbox AND e.id < d.id AND e.state = ?1))
		ORDER BY d.id LIMIT ?4`, tellQueued, db.now().UnixMicro(), db.now().Add(spread.MaxPause).UnixMicro(), limit, after)
	if err != nil {
		return nil, err
	}
	return collect(rows, scanDelivery)
}

// AwayDeliveries gives which servers are still to be told that a note is taken away,
// also those that were given up: the least tried first.
func (db *DB) AwayDeliveries(ctx context.Context, channel int64, about string) ([]spread.Delivery, error) {
	rows, err := db.db.QueryContext(ctx, `SELECT `+deliveryColumns+` FROM tellings d WHERE d.channel = ?1 AND d.about = ?2 AND d.away = 1 AND d.state <> ?3 ORDER BY d.tries, d.id`, channel, about, tellDone)
	if err != nil {
		return nil, err
	}
	return collect(rows, scanDelivery)
}

// BeginDelivery counts a try, unless spreading was stopped or the channel is off: then
// began is false and nobody is to be called.
func (db *DB) BeginDelivery(ctx context.Context, id int64) (began bool, err error) {
	err = db.write(ctx, func(ctx context.Context, tx *sql.Tx) error {
		res, err := tx.ExecContext(ctx, `UPDATE tellings SET tries = tries + 1 WHERE id = ?1 AND state <> ?2 AND NOT EXISTS (SELECT 1 FROM settings WHERE name = ?3)
			AND EXISTS (SELECT 1 FROM channels c WHERE c.id = tellings.channel AND c.is_on = 1)`, id, tellDone, settingHalted)
		if err != nil {
			return err
		}
		n, err := res.RowsAffected()
		began = n == 1
		return err
	})
	return began, err
}

// EndDelivery keeps what became of a try. An inbox that is no more follows no more.
func (db *DB) EndDelivery(ctx context.Context, d spread.Delivery, why error) error {
	state, next, outcome := tellDone, db.now(), spread.Outcome("")
	if why != nil {
		outcome = spread.Unknown
		var f *spread.Failure
		var after time.Duration
		if errors.As(why, &f) {
			outcome, after = f.Outcome, f.After
		}
		pause, again := spread.Again(d.Tries+1, after)
		switch {
		case outcome == spread.Gone:
		case outcome == spread.Refused || !again:
			state = tellLost
		default:
			state, next = tellQueued, next.Add(pause)
		}
	}
	return db.write(ctx, func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE tellings SET state = ?2, next = ?3, body = CASE ?2 WHEN ?4 THEN x'' ELSE body END WHERE id = ?1`, d.ID, state, next.UnixMicro(), tellDone)
		if err == nil && state != tellQueued && strings.HasPrefix(d.About, aboutFollower) {
			_, err = tx.ExecContext(ctx, `DELETE FROM tellings WHERE id = ?1`, d.ID)
		}
		if err == nil && outcome == spread.Gone {
			_, err = tx.ExecContext(ctx, `DELETE FROM followers WHERE channel = ?1 AND (told = ?2 OR inbox = ?2)`, d.Channel, d.Inbox)
		}
		return err
	})
}

// ForgetDeliveries forgets who was told of a note that is taken away everywhere.
func (db *DB) ForgetDeliveries(ctx context.Context, channel int64, about string) error {
	return db.write(ctx, func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `DELETE FROM tellings WHERE channel = ?1 AND about = ?2`, channel, about)
		return err
	})
}

// Audience counts who follows a channel and what they are still to be told.
func (db *DB) Audience(ctx context.Context, channel int64) (a spread.Audience, err error) {
	err = db.db.QueryRowContext(ctx, `SELECT (SELECT count(*) FROM followers WHERE channel = ?1),
		(SELECT count(*) FROM tellings WHERE channel = ?1 AND state = ?2), (SELECT count(*) FROM tellings WHERE channel = ?1 AND state = ?3)`,
		channel, tellQueued, tellLost).Scan(&a.Followers, &a.Waiting, &a.Lost)
	return a, err
}

// Moves gives the channels whose followers are to follow another, with that one.
func (db *DB) Moves(ctx context.Context) (map[int64]int64, error) {
	rows, err := db.db.QueryContext(ctx, `SELECT channel, target FROM moves ORDER BY channel`)
	if err != nil {
		return nil, err
	}
	type move struct{ from, to int64 }
	all, err := collect(rows, func(rows *sql.Rows) (m move, err error) { return m, rows.Scan(&m.from, &m.to) })
	moves := make(map[int64]int64)
	for _, m := range all {
		moves[m.from] = m.to
	}
	return moves, err
}

// Move keeps that the followers of a channel are to follow another, and that every
// server on which somebody follows is to be told so: also one that was given up.
func (db *DB) Move(ctx context.Context, by evidence.Actor, from, to int64, s spread.Saying) error {
	return db.onChannel(ctx, by, from, fmt.Sprintf("followers sent to channel %d", to), func(ctx context.Context, tx *sql.Tx) error {
		_, err1 := tx.ExecContext(ctx, `INSERT INTO moves (channel, target) VALUES (?1, ?2) ON CONFLICT (channel) DO UPDATE SET target = excluded.target`, from, to)
		_, err2 := tx.ExecContext(ctx, `INSERT INTO tellings (channel, about, inbox, activity, body, away, state) SELECT DISTINCT channel, '', told, ?2, ?3, 0, ?4 FROM followers WHERE channel = ?1
			ON CONFLICT (channel, inbox, activity) DO UPDATE SET state = excluded.state, tries = 0, next = 0 WHERE tellings.state = ?5`, from, s.ID, s.Activity, tellQueued, tellLost)
		return errors.Join(err1, err2)
	})
}

// forgetAudience erases with a channel who followed it and what it said.
func forgetAudience(ctx context.Context, tx *sql.Tx, channel int64) error {
	var all []error
	for _, table := range []string{"followers", "heard", "said", "tellings", "moves"} {
		_, err := tx.ExecContext(ctx, `DELETE FROM `+table+` WHERE channel = ?1`, channel)
		all = append(all, err)
	}
	return errors.Join(all...)
}
