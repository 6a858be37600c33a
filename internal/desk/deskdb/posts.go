package deskdb

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"kua/internal/evidence"
	"kua/internal/fault"
	"kua/internal/spread"
)

const postColumns = `id, channel, record, version, language, key, act, state, digest, files, remote, url, replaces, tries, next, cleared, fault, fault_args, changed, by_hand`

func scanPost(row interface{ Scan(...any) error }) (p spread.Post, err error) {
	var files, key, args string
	var next, changed int64
	if err := row.Scan(&p.ID, &p.Channel, &p.Record, &p.Version, &p.Language, &p.Key, &p.Act, &p.State, &p.Digest, &files, &p.Remote.ID, &p.Remote.URL,
		&p.Replaces, &p.Tries, &next, &p.Cleared, &key, &args, &changed, &p.Remote.ByHand); err != nil {
		return p, err
	}
	p.Next, p.Changed = instant(next), instant(changed)
	if key != "" {
		p.Fault = fault.New(fault.KindLater, key, argsOf(args)...)
	}
	return p, json.Unmarshal([]byte(files), &p.Files)
}

// AddPost keeps a new post. One with its key is there already: that one is given.
func (db *DB) AddPost(ctx context.Context, p spread.Post) (spread.Post, error) {
	err := db.write(ctx, func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO posts (channel, record, version, language, key, act, state, remote, url, replaces, changed, by_hand)
			VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12) ON CONFLICT (key) DO NOTHING`, p.Channel, p.Record, p.Version, p.Language, p.Key, p.Act, p.State,
			p.Remote.ID, p.Remote.URL, p.Replaces, db.now().UnixMicro(), p.Remote.ByHand)
		if err != nil {
			return err
		}
		p, err = scanPost(tx.QueryRowContext(ctx, `SELECT `+postColumns+` FROM posts WHERE key = ?1`, p.Key))
		return err
	})
	return p, err
}

// Post gives one post.
func (db *DB) Post(ctx context.Context, id int64) (spread.Post, error) { return post(ctx, db.db, id) }

func post(ctx context.Context, q querier, id int64) (spread.Post, error) {
	p, err := scanPost(q.QueryRowContext(ctx, `SELECT `+postColumns+` FROM posts WHERE id = ?1`, id))
	return p, one(err, "spread.no_post", id)
}

// Posts gives the posts of a record, the newest first; of every record for "".
func (db *DB) Posts(ctx context.Context, record string) ([]spread.Post, error) {
	rows, err := db.db.QueryContext(ctx, `SELECT `+postColumns+` FROM posts WHERE ?1 = '' OR record = ?1 ORDER BY id DESC`, record)
	if err != nil {
		return nil, err
	}
	return collect(rows, func(rows *sql.Rows) (spread.Post, error) { return scanPost(rows) })
}

// DuePosts gives the queued posts in the order of their time, the oldest first, and
// before all others those that are to be taken away.
func (db *DB) DuePosts(ctx context.Context) ([]spread.Post, error) {
	rows, err := db.db.QueryContext(ctx, `SELECT `+postColumns+` FROM posts WHERE state = ?1 ORDER BY act <> ?2, next, id`, spread.Queued, spread.Delete)
	if err != nil {
		return nil, err
	}
	return collect(rows, func(rows *sql.Rows) (spread.Post, error) { return scanPost(rows) })
}

// GatheredPosts gives the posts of a channel that go with its next message, the
// oldest first.
func (db *DB) GatheredPosts(ctx context.Context, channel int64) ([]spread.Post, error) {
	rows, err := db.db.QueryContext(ctx, `SELECT `+postColumns+` FROM posts WHERE channel = ?1 AND act = ?2 AND state IN (?3, ?4) ORDER BY id`, channel, spread.Send, spread.Gathered, spread.Queued)
	if err != nil {
		return nil, err
	}
	return collect(rows, func(rows *sql.Rows) (spread.Post, error) { return scanPost(rows) })
}

// PostThere gives another post that stands at a channel under a platform's id; its
// zero value when none does.
func (db *DB) PostThere(ctx context.Context, channel int64, remote string, but int64) (spread.Post, error) {
	p, err := scanPost(db.db.QueryRowContext(ctx, `SELECT `+postColumns+` FROM posts WHERE channel = ?1 AND remote = ?2 AND id <> ?3 AND state NOT IN (?4, ?5) LIMIT 1`,
		channel, remote, but, spread.Withdrawn, spread.Corrected))
	if errors.Is(err, sql.ErrNoRows) {
		return spread.Post{}, nil
	}
	return p, err
}

// BeginPost marks a queued post as being sent, and counts the try, unless spreading
// was stopped, its channel is off, or somebody changed it meanwhile: then began is
// false. Whoever gets true calls the platform next, and EndPosts after.
func (db *DB) BeginPost(ctx context.Context, id int64, files []string) (p spread.Post, began bool, err error) {
	names, err := json.Marshal(append([]string{}, files...))
	if err != nil {
		return p, false, err
	}
	err = db.write(ctx, func(ctx context.Context, tx *sql.Tx) error {
		p, began, err = db.begin(ctx, tx, id, string(names))
		return err
	})
	return p, began, err
}

// BeginGathered does what BeginPost does for posts that go in one message: all of
// them, or none.
func (db *DB) BeginGathered(ctx context.Context, ids []int64) (all []spread.Post, began bool, err error) {
	held := errors.New("one of them does not go")
	err = db.write(ctx, func(ctx context.Context, tx *sql.Tx) error {
		for _, id := range ids {
			p, ok, err := db.begin(ctx, tx, id, "[]")
			if err != nil {
				return err
			}
			if !ok {
				return held
			}
			all = append(all, p)
		}
		return nil
	})
	if err == held {
		return nil, false, nil
	}
	return all, err == nil, err
}

func (db *DB) begin(ctx context.Context, tx *sql.Tx, id int64, files string) (p spread.Post, began bool, err error) {
	res, err := tx.ExecContext(ctx, `UPDATE posts SET state = ?2, tries = tries + 1, files = CASE act WHEN ?7 THEN files ELSE ?3 END, changed = ?4 WHERE id = ?1 AND state IN (?5, ?8)
		AND NOT EXISTS (SELECT 1 FROM settings WHERE name = ?6)
		AND EXISTS (SELECT 1 FROM channels c WHERE c.id = posts.channel AND c.is_on = 1)`,
		id, spread.Sending, files, db.now().UnixMicro(), spread.Queued, settingHalted, spread.Delete, spread.Gathered)
	if err != nil {
		return p, false, err
	}
	n, err := res.RowsAffected()
	if err != nil {
		return p, false, err
	}
	p, err = post(ctx, tx, id)
	return p, n == 1, err
}

// EndPosts keeps what became of the posts of one call, as after says, which is given
// each as it is, and gives them as they stand then. What stands or stood at a platform
// is an event of custody, and a post that was sent in the place of another ends that
// one. Where somebody took this post or that one back meanwhile, what stands there is
// to be taken away.
func (db *DB) EndPosts(ctx context.Context, by evidence.Actor, ids []int64, after func(spread.Post) spread.Post) (kept []spread.Post, err error) {
	err = db.act(ctx, by, func(ctx context.Context, tx *sql.Tx) (all []evidence.Event, err error) {
		kept = nil
		for _, id := range ids {
			p, events, err := db.end(ctx, tx, id, after)
			if err != nil {
				return nil, err
			}
			kept, all = append(kept, p), append(all, events...)
		}
		return all, nil
	})
	return kept, err
}

// EndPost does what EndPosts does, for the post of a call of its own.
func (db *DB) EndPost(ctx context.Context, by evidence.Actor, id int64, after func(spread.Post) spread.Post) (spread.Post, error) {
	kept, err := db.EndPosts(ctx, by, []int64{id}, after)
	if err != nil {
		return spread.Post{}, err
	}
	return kept[0], nil
}

func (db *DB) end(ctx context.Context, tx *sql.Tx, id int64, after func(spread.Post) spread.Post) (kept spread.Post, _ []evidence.Event, err error) {
	before, err := post(ctx, tx, id)
	if err != nil {
		return kept, nil, err
	}
	p := after(before)
	if kept = p; before.TakenBack() {
		kept = p.Back(db.now())
	}
	if p.Act != spread.Delete && p.Replaces != 0 && (p.State == spread.Sent || kept.Act == spread.Delete) {
		base, err := post(ctx, tx, p.Replaces)
		if err != nil {
			return kept, nil, err
		}
		if base.Act == spread.Delete {
			kept = p.TakenAway(db.now())
		}
		base.State, base.Fault = spread.Corrected, nil
		if err := db.putPost(ctx, tx, base); err != nil {
			return kept, nil, err
		}
	}
	if err := db.putPost(ctx, tx, kept); err != nil {
		return kept, nil, err
	}
	var events []evidence.Event
	switch p.State {
	case spread.Sent:
		events, err = postEvent(ctx, tx, evidence.Posted, p)
	case spread.Withdrawn:
		events, err = postEvent(ctx, tx, evidence.Recalled, p)
	}
	return kept, events, err
}

func (db *DB) putPost(ctx context.Context, tx *sql.Tx, p spread.Post) error {
	key, args := faultOf(p.Fault)
	next := int64(0)
	if !p.Next.IsZero() {
		next = p.Next.UnixMicro()
	}
	res, err := tx.ExecContext(ctx, `UPDATE posts SET act = ?2, state = ?3, digest = ?4, remote = ?5, url = ?6, replaces = ?7, tries = ?8, next = ?9, cleared = ?10, fault = ?11, fault_args = ?12, changed = ?13, by_hand = ?14
		WHERE id = ?1`, p.ID, p.Act, p.State, p.Digest, p.Remote.ID, p.Remote.URL, p.Replaces, p.Tries, next, p.Cleared, key, args, db.now().UnixMicro(), p.Remote.ByHand)
	return changedOne(res, err, "spread.no_post", p.ID)
}

// ChangePost changes a post as change says, which is given it as it is, and writes
// the event when verb is not "".
func (db *DB) ChangePost(ctx context.Context, by evidence.Actor, id int64, verb evidence.Verb, change func(spread.Post) (spread.Post, error)) (p spread.Post, err error) {
	err = db.act(ctx, by, func(ctx context.Context, tx *sql.Tx) ([]evidence.Event, error) {
		before, err := post(ctx, tx, id)
		if err != nil {
			return nil, err
		}
		if p, err = change(before); err != nil {
			return nil, err
		}
		if err := db.putPost(ctx, tx, p); err != nil || verb == "" {
			return nil, err
		}
		return postEvent(ctx, tx, verb, p)
	})
	return p, err
}

func postEvent(ctx context.Context, tx *sql.Tx, verb evidence.Verb, p spread.Post) ([]evidence.Event, error) {
	c, err := channel(ctx, tx, p.Channel)
	if err != nil {
		return nil, err
	}
	var caseID int64
	err = tx.QueryRowContext(ctx, `SELECT case_id FROM published WHERE record = ?1 LIMIT 1`, p.Record).Scan(&caseID)
	if err != nil {
		return nil, one(err, "spread.not_published", p.Record)
	}
	detail := fmt.Sprintf("channel %s: post %d %s", c.Name, p.ID, p.State)
	if p.Remote.ID != "" {
		detail += ", there " + p.Remote.ID
	}
	return []evidence.Event{{Verb: verb, Case: caseID, Subject: fmt.Sprintf("record %s version %d", p.Record, p.Version), SHA256: p.Digest, Detail: detail}}, nil
}

// InterruptedPosts gives the posts that a process that is gone was sending.
func (db *DB) InterruptedPosts(ctx context.Context) ([]spread.Post, error) {
	rows, err := db.db.QueryContext(ctx, `SELECT `+postColumns+` FROM posts WHERE state = ?1 ORDER BY id`, spread.Sending)
	if err != nil {
		return nil, err
	}
	return collect(rows, func(rows *sql.Rows) (spread.Post, error) { return scanPost(rows) })
}

// EditionOf gives the number of the edition that first held a version of a record.
func (db *DB) EditionOf(ctx context.Context, record string, version int) (number int, err error) {
	var n sql.NullInt64
	err = db.db.QueryRowContext(ctx, `SELECT min(p.edition) FROM proposals p JOIN proposed r ON r.proposal = p.id
		WHERE p.state = ?1 AND r.record = ?2 AND r.version = ?3`, Done, record, version).Scan(&n)
	if err == nil && !n.Valid {
		return 0, fault.NotFound("spread.not_published", record)
	}
	return int(n.Int64), err
}

// PostCounts is how much of spreading waits for somebody. Undone is what is to be
// taken away and may still stand there; it is counted under its state too.
type PostCounts struct{ Waiting, Queued, Gathered, Uncertain, Failed, Undone int }

// CountPosts counts them now.
func (db *DB) CountPosts(ctx context.Context) (c PostCounts, err error) {
	err = db.db.QueryRowContext(ctx, `SELECT coalesce(sum(state = ?1), 0), coalesce(sum(state = ?2), 0), coalesce(sum(state = ?3), 0), coalesce(sum(state = ?4), 0),
		coalesce(sum(act = ?5 AND state NOT IN (?6, ?7)), 0), coalesce(sum(state = ?8), 0) FROM posts`, spread.Waiting, spread.Queued, spread.Uncertain, spread.Failed, spread.Delete, spread.Withdrawn, spread.Corrected, spread.Gathered).
		Scan(&c.Waiting, &c.Queued, &c.Uncertain, &c.Failed, &c.Undone, &c.Gathered)
	return c, err
}

// PostsDue reports whether a queued post of a channel that is on may go now.
func (db *DB) PostsDue(ctx context.Context) (due bool, err error) {
	err = db.db.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM posts p JOIN channels c ON c.id = p.channel WHERE p.state = ?1 AND c.is_on = 1 AND NOT p.next BETWEEN ?2 + 1 AND ?3)`,
		spread.Queued, db.now().UnixMicro(), db.now().Add(spread.MaxPause).UnixMicro()).Scan(&due)
	return due, err
}

// AwayDue reports whether a post of a channel that is on is to be taken away now.
func (db *DB) AwayDue(ctx context.Context) (due bool, err error) {
	err = db.db.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM posts p JOIN channels c ON c.id = p.channel WHERE p.state = ?1 AND p.act = ?4 AND c.is_on = 1 AND NOT p.next BETWEEN ?2 + 1 AND ?3)`,
		spread.Queued, db.now().UnixMicro(), db.now().Add(spread.MaxPause).UnixMicro(), spread.Delete).Scan(&due)
	return due, err
}

// NextPost gives when the next queued post may go; the zero time when none is queued.
func (db *DB) NextPost(ctx context.Context) (next time.Time, err error) {
	all, err := db.DuePosts(ctx)
	if err != nil {
		return next, err
	}
	now := db.now()
	for _, p := range all {
		c, err := db.Channel(ctx, p.Channel)
		if err != nil {
			return next, err
		}
		if at := p.Goes(now); c.On && (next.IsZero() || at.Before(next)) {
			next = at
		}
	}
	return next, nil
}
