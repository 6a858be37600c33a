package jobs_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"kua/internal/fault"
	"kua/internal/jobs"
	"kua/internal/sqldb"
)

const victimEnv = "KUA_TEST_JOBS"

// TestMain is also a process that is killed in the middle of a job.
func TestMain(m *testing.M) {
	if path := os.Getenv(victimEnv); path != "" {
		db, err := sqldb.Open(context.Background(), sqldb.Config{Path: path})
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		q, err := jobs.Open(context.Background(), db, jobs.Config{Alone: true})
		if err != nil {
			os.Exit(1)
		}
		q.Handle("work", func(context.Context, jobs.Job, func(int64, int64)) error {
			syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {}
		})
		q.Start(context.Background())
		select {}
	}
	os.Exit(m.Run())
}

func open(t *testing.T, path string, cfg jobs.Config) (*jobs.Queue, func()) {
	t.Helper()
	db, err := sqldb.Open(t.Context(), sqldb.Config{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	q, err := jobs.Open(t.Context(), db, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return q, func() {
		q.Stop()
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}
}

func start(t *testing.T, q *jobs.Queue) {
	t.Helper()
	if err := q.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func add(t *testing.T, q *jobs.Queue, key string) int64 {
	t.Helper()
	id, err := q.Add(t.Context(), "work", key, "Aigul")
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func wait(t *testing.T, q *jobs.Queue, id int64, tell func(jobs.Job)) jobs.Job {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	j, err := q.Wait(ctx, id, tell)
	if err != nil {
		t.Fatal(err)
	}
	return j
}

func TestWork(t *testing.T) {
	q, end := open(t, filepath.Join(t.TempDir(), "db"), jobs.Config{Workers: 2})
	defer end()
	go1 := make(chan struct{})
	q.Handle("work", func(ctx context.Context, j jobs.Job, progress func(done, total int64)) error {
		progress(3, 10)
		<-go1
		if j.Key == "bad" {
			return fault.Invalid("media.broken", "x", 7)
		}
		if j.Key == "worse" {
			return errors.New("with a secret in it")
		}
		return nil
	})
	good := add(t, q, "good")
	if again := add(t, q, "good"); again != good {
		t.Errorf("a second live job of the same key is %d, want %d", again, good)
	}
	bad, worse := add(t, q, "bad"), add(t, q, "worse")
	start(t, q)
	seen := false
	opened := false
	j := wait(t, q, good, func(j jobs.Job) {
		seen = seen || j.State == jobs.Running && j.Done == 3 && j.Total == 10
		if seen && !opened {
			opened = true
			close(go1)
		}
	})
	if j.State != jobs.Done || !seen || j.By != "Aigul" {
		t.Errorf("good ended as %+v; progress was seen %t", j, seen)
	}
	j = wait(t, q, bad, nil)
	if j.State != jobs.Failed || !errors.Is(j.Err(), fault.Invalid("media.broken")) || len(j.FaultArgs) != 2 {
		t.Errorf("bad ended as %+v", j)
	}
	if j = wait(t, q, worse, nil); j.Fault != "page.internal" {
		t.Errorf("an error that is no fault is kept as %q", j.Fault)
	}
	live, failed, err := q.Counts(t.Context())
	if err != nil || live != 0 || failed != 2 {
		t.Errorf("Counts = %d, %d, %v", live, failed, err)
	}
	if err := q.Dismiss(t.Context(), bad); err != nil {
		t.Fatal(err)
	}
	if _, failed, _ := q.Counts(t.Context()); failed != 1 {
		t.Errorf("after dismissing one, %d failed jobs wait", failed)
	}
	all, err := q.List(t.Context())
	if err != nil || len(all) != 2 {
		t.Errorf("List = %+v, %v", all, err)
	}
	if after := add(t, q, "good"); after == good {
		t.Error("a job that is done stands in the way of the next one")
	}
}

func TestCancel(t *testing.T) {
	q, end := open(t, filepath.Join(t.TempDir(), "db"), jobs.Config{})
	defer end()
	var ran atomic.Int32
	q.Handle("work", func(ctx context.Context, _ jobs.Job, _ func(int64, int64)) error {
		ran.Add(1)
		<-ctx.Done()
		return ctx.Err()
	})
	running, waiting := add(t, q, "one"), add(t, q, "two")
	if err := q.Cancel(t.Context(), waiting); err != nil {
		t.Fatal(err)
	}
	start(t, q)
	j := wait(t, q, running, func(j jobs.Job) {
		if j.State == jobs.Running && !j.Started.IsZero() {
			q.Cancel(context.Background(), running)
		}
	})
	if j.State != jobs.Cancelled || !j.Started.IsZero() {
		t.Errorf("the running job ended as %s, begun %v", j.State, j.Started)
	}
	if j := wait(t, q, waiting, nil); j.State != jobs.Cancelled || ran.Load() != 1 {
		t.Errorf("the waiting job ended as %s after %d runs", j.State, ran.Load())
	}
}

// TestStopGivesBack: a job that is interrupted by a stop is done by the next
// start, which counts its progress and its time anew.
func TestStopGivesBack(t *testing.T) {
	path := filepath.Join(t.TempDir(), "db")
	q, end := open(t, path, jobs.Config{Alone: true})
	begun := make(chan struct{})
	q.Handle("work", func(ctx context.Context, _ jobs.Job, progress func(int64, int64)) error {
		progress(9, 10)
		close(begun)
		<-ctx.Done()
		return ctx.Err()
	})
	id := add(t, q, "one")
	start(t, q)
	<-begun
	end()
	q, end = open(t, path, jobs.Config{Alone: true})
	defer end()
	if j, err := q.Find(t.Context(), id); err != nil || !j.Started.IsZero() {
		t.Errorf("a job that nobody works on was started at %v, %v", j.Started, err)
	}
	var again jobs.Job
	q.Handle("work", func(ctx context.Context, _ jobs.Job, _ func(int64, int64)) (err error) {
		again, err = q.Find(ctx, id)
		return err
	})
	restarted := time.Now()
	start(t, q)
	if j := wait(t, q, id, nil); j.State != jobs.Done || j.Attempts != 1 {
		t.Errorf("after a stop the job ended as %+v", j)
	}
	if again.Done != 0 || again.Started.Before(restarted) {
		t.Errorf("begun anew, the job shows %d of %d and began at %v, before %v", again.Done, again.Total, again.Started, restarted)
	}
}

// TestKilled: a job whose process dies is begun again, and one that kills every
// process fails in the end instead of doing so for ever.
func TestKilled(t *testing.T) {
	path := filepath.Join(t.TempDir(), "db")
	q, end := open(t, path, jobs.Config{})
	id := add(t, q, "one")
	end()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		cmd := exec.Command(self)
		cmd.Env = append(os.Environ(), victimEnv+"="+path)
		if err := cmd.Run(); cmd.ProcessState.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
			t.Fatalf("process %d was not killed: %v", i+1, err)
		}
	}
	q, end = open(t, path, jobs.Config{Alone: true})
	defer end()
	q.Handle("work", func(context.Context, jobs.Job, func(int64, int64)) error { return nil })
	start(t, q)
	j := wait(t, q, id, nil)
	if !errors.Is(j.Err(), fault.Invalid("jobs.too_often")) {
		t.Errorf("after three killed processes the job is %+v", j)
	}
}

// TestLease: a queue that went silent loses its job to another.
func TestLease(t *testing.T) {
	path := filepath.Join(t.TempDir(), "db")
	var silent atomic.Int64 // hours that the first queue's clock lies behind
	silent.Store(2)
	first, end := open(t, path, jobs.Config{Lease: time.Hour, Now: func() time.Time { return time.Now().Add(-time.Duration(silent.Load()) * time.Hour) }})
	defer end()
	held := make(chan struct{})
	first.Handle("work", func(ctx context.Context, _ jobs.Job, _ func(int64, int64)) error {
		close(held)
		<-ctx.Done()
		return ctx.Err()
	})
	id := add(t, first, "one")
	start(t, first)
	<-held
	second, end2 := open(t, path, jobs.Config{Lease: time.Hour})
	defer end2()
	second.Handle("work", func(context.Context, jobs.Job, func(int64, int64)) error { return nil })
	start(t, second)
	if j := wait(t, second, id, nil); j.State != jobs.Done || j.Attempts != 2 {
		t.Errorf("the abandoned job is %+v", j)
	}
}

func TestFind(t *testing.T) {
	q, end := open(t, filepath.Join(t.TempDir(), "db"), jobs.Config{})
	defer end()
	if _, err := q.Find(t.Context(), 9); !errors.Is(err, fault.NotFound("jobs.no_job")) {
		t.Errorf("Find of nothing = %v", err)
	}
}
