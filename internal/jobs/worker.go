package jobs

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"time"

	"kua/internal/fault"
)

// progressEvery is the shortest time between two keepings of a job's progress.
const progressEvery = 200 * time.Millisecond

// Start begins to work. Jobs that a killed process had begun are begun again;
// one that was begun too often fails, so that it cannot keep the desk shut.
func (q *Queue) Start(ctx context.Context) error {
	if q.cfg.Alone {
		if _, err := q.db.ExecContext(ctx, `UPDATE jobs SET lease = 0 WHERE state = ?1`, Running); err != nil {
			return fmt.Errorf("take over jobs: %w", err)
		}
	}
	run, stop := context.WithCancel(context.WithoutCancel(ctx))
	q.stop = stop
	for range q.cfg.Workers {
		q.done.Go(func() { q.loop(run) })
	}
	return nil
}

// Stop interrupts what runs and waits for it. Interrupted jobs wait again.
func (q *Queue) Stop() {
	if q.stop != nil {
		q.stop()
		q.done.Wait()
	}
}

func (q *Queue) loop(ctx context.Context) {
	tick := time.NewTicker(q.cfg.Lease / 2)
	defer tick.Stop()
	for {
		j, err := q.claim(ctx)
		if err == nil {
			q.nudge() // another worker may find a further one
			q.run(ctx, j)
			continue
		}
		select {
		case <-ctx.Done():
			return
		case <-q.wake:
		case <-tick.C:
		}
	}
}

// claim takes the oldest job that waits or whose worker went silent.
func (q *Queue) claim(ctx context.Context) (Job, error) {
	var j Job
	err := q.db.Tx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		now := q.cfg.Now()
		var err error
		j, err = scan(tx.QueryRowContext(ctx, `UPDATE jobs SET state = ?1, owner = ?2, lease = ?3, attempts = attempts + 1, changed = ?4
			WHERE id = (SELECT id FROM jobs WHERE state = ?5 OR (state = ?1 AND lease < ?4) ORDER BY id LIMIT 1) RETURNING `+columns,
			Running, q.owner, now.Add(q.cfg.Lease).UnixMicro(), now.UnixMicro(), Waiting))
		return err
	})
	return j, err
}

// run does one job and keeps how it ended.
func (q *Queue) run(ctx context.Context, j Job) {
	work, cancel := context.WithCancel(ctx)
	defer cancel()
	q.mu.Lock()
	q.running[j.ID] = running{cancel, time.Now()}
	q.mu.Unlock()
	defer func() {
		q.mu.Lock()
		delete(q.running, j.ID)
		q.mu.Unlock()
	}()
	q.told()
	beat := make(chan struct{})
	go func() { defer close(beat); q.heartbeat(work, cancel, j.ID) }()
	err := q.try(work, j)
	cancel()
	<-beat

	keep := context.WithoutCancel(ctx)
	switch {
	case err == nil:
		err = q.end(keep, j.ID, Done, nil)
	case ctx.Err() != nil: // the queue stops: the job was not at fault
		err = q.giveBack(keep, j.ID)
	default:
		err = q.end(keep, j.ID, Failed, err)
	}
	if err != nil {
		q.told() // the lease runs out and the job is begun again
	}
}

func (q *Queue) try(ctx context.Context, j Job) (err error) {
	w, ok := q.work[j.Kind]
	if !ok {
		return fault.New(fault.KindInternal, "jobs.unknown_kind", j.Kind)
	}
	if j.Attempts > q.cfg.Attempts {
		return fault.New(fault.KindInternal, "jobs.too_often", j.Attempts-1)
	}
	return w(ctx, j, q.progress(ctx, j.ID))
}

// progress gives the function that keeps a job's progress. Every keeping is
// synced to the disk, so what comes too soon after another waits for the next.
func (q *Queue) progress(ctx context.Context, id int64) func(done, total int64) {
	var mu sync.Mutex
	var last time.Time
	return func(done, total int64) {
		mu.Lock()
		defer mu.Unlock()
		if time.Since(last) < progressEvery && done != total {
			return
		}
		last = time.Now()
		_, err := q.db.ExecContext(ctx, `UPDATE jobs SET done = ?2, total = ?3, changed = ?4 WHERE id = ?1 AND state = ?5`,
			id, done, total, q.cfg.Now().UnixMicro(), Running)
		if err == nil {
			q.told()
		}
	}
}

func (q *Queue) giveBack(ctx context.Context, id int64) error {
	_, err := q.db.ExecContext(ctx, `UPDATE jobs SET state = ?2, owner = '', lease = 0, attempts = attempts - 1 WHERE id = ?1 AND state = ?3`, id, Waiting, Running)
	q.told()
	return err
}

// heartbeat renews the lease, and ends the work when the job is no longer this
// queue's: cancelled from elsewhere, or taken over.
func (q *Queue) heartbeat(ctx context.Context, cancel context.CancelFunc, id int64) {
	tick := time.NewTicker(q.cfg.Lease / 3)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		res, err := q.db.ExecContext(ctx, `UPDATE jobs SET lease = ?3 WHERE id = ?1 AND owner = ?2 AND state = ?4`,
			id, q.owner, q.cfg.Now().Add(q.cfg.Lease).UnixMicro(), Running)
		if errors.Is(err, context.Canceled) {
			return
		}
		if err != nil {
			continue // the database is busy; the next beat may come through
		}
		if n, err := res.RowsAffected(); err == nil && n == 0 {
			cancel()
		}
	}
}
