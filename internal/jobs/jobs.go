// Package jobs is a small queue of work that survives a restart: jobs in one
// database table, taken under a lease, with progress, cancel and the fault of
// what failed kept where somebody sees it.
//
// It knows nothing of what the work is: a room gives it a function for each
// kind. It runs work at least once, so that function must be able to do the
// same job again. Nothing is kept that was not given: payloads should be ids.
package jobs

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"kua/internal/fault"
	"kua/internal/sqldb"
)

// State is where a job stands.
type State string

// The states of a job.
const (
	Waiting   State = "waiting"
	Running   State = "running"
	Done      State = "done"
	Failed    State = "failed"
	Cancelled State = "cancelled"
)

// Live reports whether the job still waits or runs.
func (s State) Live() bool { return s == Waiting || s == Running }

// Job is one piece of work.
type Job struct {
	ID        int64
	Kind      string
	Key       string // what it is about; of one kind and key only one job is live
	By        string // for whom
	State     State
	Done      int64
	Total     int64
	Fault     string // key of the fault of a failed job
	FaultArgs []any
	Attempts  int
	Added     time.Time
	Changed   time.Time
	Started   time.Time // when this queue began it; zero unless it runs here
}

// Err gives the fault of a failed job, else nil.
func (j Job) Err() error {
	if j.State != Failed {
		return nil
	}
	return fault.New(fault.KindInternal, j.Fault, j.FaultArgs...)
}

// Work does a job. It should call progress now and then and must end soon after
// ctx does. It may be called again for a job that a killed process had begun.
type Work func(ctx context.Context, j Job, progress func(done, total int64)) error

// Config bounds a queue; its zero value works.
type Config struct {
	Workers  int              // jobs at a time; default 1
	Lease    time.Duration    // how long a worker that went silent keeps a job; default 1 minute
	Attempts int              // how often a job that kills its process is begun; default 3
	Alone    bool             // no other process works on this table: leases found at start are dead
	Now      func() time.Time // default time.Now
}

// Queue is a queue of jobs in a database. It is safe for use by several goroutines.
type Queue struct {
	db    *sqldb.DB
	cfg   Config
	owner string
	work  map[string]Work

	wake chan struct{}
	stop context.CancelFunc
	done sync.WaitGroup

	mu      sync.Mutex
	running map[int64]running
	changed chan struct{} // closed and made anew whenever a job changes
}

// running is a job that a worker of this queue is at.
type running struct {
	stop  context.CancelFunc
	since time.Time
}

const schema = `CREATE TABLE IF NOT EXISTS jobs (
	id         INTEGER PRIMARY KEY,
	kind       TEXT    NOT NULL,
	key        TEXT    NOT NULL,
	by_name    TEXT    NOT NULL,
	state      TEXT    NOT NULL,
	done       INTEGER NOT NULL DEFAULT 0,
	total      INTEGER NOT NULL DEFAULT 0,
	fault      TEXT    NOT NULL DEFAULT '',
	fault_args TEXT    NOT NULL DEFAULT '[]',
	attempts   INTEGER NOT NULL DEFAULT 0,
	owner      TEXT    NOT NULL DEFAULT '',
	lease      INTEGER NOT NULL DEFAULT 0,
	dismissed  INTEGER NOT NULL DEFAULT 0,
	added      INTEGER NOT NULL,
	changed    INTEGER NOT NULL
)`

const liveIndex = `CREATE UNIQUE INDEX IF NOT EXISTS jobs_live ON jobs (kind, key) WHERE state IN ('waiting', 'running')`

// Open makes the table when it is not there and gives the queue, which does
// nothing before Start.
func Open(ctx context.Context, db *sqldb.DB, cfg Config) (*Queue, error) {
	cfg.Workers = max(cfg.Workers, 1)
	if cfg.Lease == 0 {
		cfg.Lease = time.Minute
	}
	if cfg.Attempts == 0 {
		cfg.Attempts = 3
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	for _, statement := range []string{schema, liveIndex} {
		if _, err := db.ExecContext(ctx, statement); err != nil {
			return nil, fmt.Errorf("make the table of jobs: %w", err)
		}
	}
	return &Queue{
		db: db, cfg: cfg, owner: rand.Text(), work: make(map[string]Work),
		wake: make(chan struct{}, 1), running: make(map[int64]running), changed: make(chan struct{}),
	}, nil
}

// Handle says what does jobs of a kind. Call it before Start.
func (q *Queue) Handle(kind string, w Work) { q.work[kind] = w }

// Add puts a job into the queue. A live job of the same kind and key is given
// instead of a second one.
func (q *Queue) Add(ctx context.Context, kind, key, by string) (id int64, err error) {
	err = q.db.Tx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		now := q.cfg.Now().UnixMicro()
		if _, err := tx.ExecContext(ctx, `INSERT INTO jobs (kind, key, by_name, state, added, changed) VALUES (?1, ?2, ?3, ?4, ?5, ?5)
			ON CONFLICT DO NOTHING`, kind, key, by, Waiting, now); err != nil {
			return err
		}
		return tx.QueryRowContext(ctx, `SELECT id FROM jobs WHERE kind = ?1 AND key = ?2 AND state IN ('waiting', 'running')`, kind, key).Scan(&id)
	})
	if err != nil {
		return 0, fmt.Errorf("add job %s %s: %w", kind, key, err)
	}
	q.tell()
	return id, nil
}

const columns = `id, kind, key, by_name, state, done, total, fault, fault_args, attempts, added, changed`

func scan(rows interface{ Scan(...any) error }) (Job, error) {
	var j Job
	var added, changed int64
	var args string
	err := rows.Scan(&j.ID, &j.Kind, &j.Key, &j.By, &j.State, &j.Done, &j.Total, &j.Fault, &args, &j.Attempts, &added, &changed)
	j.Added, j.Changed = time.UnixMicro(added).UTC(), time.UnixMicro(changed).UTC()
	if err == nil && args != "[]" {
		err = json.Unmarshal([]byte(args), &j.FaultArgs)
	}
	return j, err
}

// Find gives one job.
func (q *Queue) Find(ctx context.Context, id int64) (Job, error) {
	j, err := scan(q.db.QueryRowContext(ctx, `SELECT `+columns+` FROM jobs WHERE id = ?1`, id))
	if errors.Is(err, sql.ErrNoRows) {
		return j, fault.NotFound("jobs.no_job", id)
	}
	j.Started = q.since(j)
	return j, err
}

func (q *Queue) since(j Job) time.Time {
	q.mu.Lock()
	defer q.mu.Unlock()
	if j.State != Running {
		return time.Time{}
	}
	return q.running[j.ID].since
}

// List gives the live jobs, the failed ones that nobody dismissed, and the last
// few that ended, the newest first.
func (q *Queue) List(ctx context.Context) ([]Job, error) {
	rows, err := q.db.QueryContext(ctx, `SELECT `+columns+` FROM jobs WHERE dismissed = 0 AND (state IN ('waiting', 'running', 'failed')
		OR id IN (SELECT id FROM jobs WHERE dismissed = 0 AND state IN ('done', 'cancelled') ORDER BY id DESC LIMIT 20)) ORDER BY id DESC`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []Job
	for rows.Next() {
		j, err := scan(rows)
		if err != nil {
			return nil, err
		}
		j.Started = q.since(j)
		all = append(all, j)
	}
	return all, rows.Err()
}

// Counts gives how many jobs are live and how many failed and wait to be seen.
func (q *Queue) Counts(ctx context.Context) (live, failed int, err error) {
	err = q.db.QueryRowContext(ctx, `SELECT coalesce(sum(state IN ('waiting', 'running')), 0), coalesce(sum(state = 'failed' AND dismissed = 0), 0) FROM jobs`).
		Scan(&live, &failed)
	return live, failed, err
}

// Cancel stops a live job; one that has ended is left as it is.
func (q *Queue) Cancel(ctx context.Context, id int64) error {
	if err := q.end(ctx, id, Cancelled, nil); err != nil {
		return err
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if r, ok := q.running[id]; ok {
		r.stop()
	}
	return nil
}

// Dismiss takes an ended job off the list.
func (q *Queue) Dismiss(ctx context.Context, id int64) error {
	_, err := q.db.ExecContext(ctx, `UPDATE jobs SET dismissed = 1 WHERE id = ?1 AND state NOT IN ('waiting', 'running')`, id)
	return err
}

// Wait waits until a job has ended, or ctx does, and tells of every change meanwhile.
func (q *Queue) Wait(ctx context.Context, id int64, tell func(Job)) (Job, error) {
	for {
		q.mu.Lock()
		changed := q.changed
		q.mu.Unlock()
		j, err := q.Find(ctx, id)
		if err != nil {
			return j, err
		}
		if tell != nil {
			tell(j)
		}
		if !j.State.Live() {
			return j, nil
		}
		select {
		case <-ctx.Done():
			return j, ctx.Err()
		case <-changed:
		}
	}
}

// end closes a live job.
func (q *Queue) end(ctx context.Context, id int64, state State, why error) error {
	key, args := "", "[]"
	if why != nil {
		key = "page.internal"
		if f, ok := fault.Of(why); ok {
			key = f.Key
			if b, err := json.Marshal(f.Args); err == nil && len(f.Args) > 0 {
				args = string(b)
			}
		}
	}
	_, err := q.db.ExecContext(ctx, `UPDATE jobs SET state = ?2, fault = ?3, fault_args = ?4, changed = ?5, owner = '', lease = 0
		WHERE id = ?1 AND state IN ('waiting', 'running')`, id, state, key, args, q.cfg.Now().UnixMicro())
	q.told()
	return err
}

// tell wakes a worker and those who wait for a change.
func (q *Queue) tell() {
	q.nudge()
	q.told()
}

func (q *Queue) nudge() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

func (q *Queue) told() {
	q.mu.Lock()
	defer q.mu.Unlock()
	close(q.changed)
	q.changed = make(chan struct{})
}
