package lane_test

import (
	"bufio"
	"bytes"
	"context"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"kua/internal/blob"
	"kua/internal/blob/s3"
	"kua/internal/blob/s3/s3test"
	"kua/internal/fault"
	"kua/internal/lane"
	"kua/internal/lane/lanetest"
	"kua/internal/sqldb"
	"kua/internal/sqldb/pgtest"
)

// moverLease is how long a stop of these tests outlives its move.
const moverLease = 600 * time.Millisecond

// mover moves a lane, says each step it takes, and is killed somewhere.
func mover() {
	ctx := context.Background()
	store, err := s3.Open(ctx, s3.Config{URL: os.Getenv("LANE_MOVER_S3"), Region: "us-east-1", Key: os.Getenv("LANE_MOVER_KEY"), Secret: os.Getenv("LANE_MOVER_SECRET")})
	if err == nil {
		_, err = lane.MoveTo(ctx, lane.MoveConfig{Dir: os.Getenv("LANE_MOVER"), URL: os.Getenv("LANE_MOVER_URL"), Pictures: store, Place: "made-up", Lease: moverLease,
			Progress: func(p lane.Progress) { fmt.Println(p.Stage, p.Pass, p.Done) }})
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// moving starts a move in a process of its own.
func moving(t *testing.T, dir, url string, bucket s3.Config) (cmd *exec.Cmd, said *bufio.Scanner) {
	t.Helper()
	cmd = exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "LANE_MOVER="+dir, "LANE_MOVER_URL="+url, "LANE_MOVER_S3="+bucket.URL, "LANE_MOVER_KEY="+bucket.Key, "LANE_MOVER_SECRET="+bucket.Secret)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd, bufio.NewScanner(out)
}

// busy is somebody who tells, answers, judges and delivers all the while, and
// writes down what was accepted.
type busy struct {
	crowd
	told     map[int64]string // words of accepted requests
	pictures map[int64]string
	sent     []int64 // deliveries that were kept as sent
	waited   int     // how often a report had to come back in a minute
}

// work goes on until the lane has moved.
func (b *busy) work(ctx context.Context, letters bool) error {
	every := time.NewTicker(25 * time.Millisecond) // a machine has more to do than to answer these
	defer every.Stop()
	for n := 0; ; n++ {
		<-every.C
		d := manhole(func(d *lane.Draft) {
			d.Words = fmt.Sprintf("люк номер м%dм%dк, выдумано", n, b.IntN(10_000_000))
		})
		if n%4 == 0 {
			d.Pictures = []string{b.proof}
		}
		for {
			s, err := b.l.Submit(ctx, d)
			if errors.Is(err, fault.Later("lane.moved_away")) {
				return nil
			}
			if errors.Is(err, fault.Later("lane.moving")) {
				b.waited++
				<-every.C
				continue
			}
			if err != nil {
				return err
			}
			b.told[s.ID] = d.Words
			break
		}
		for range 2 {
			if err := b.act(ctx); err != nil && !errors.Is(err, fault.Later("lane.moving")) && !errors.Is(err, fault.Later("lane.moved_away")) {
				return err
			}
		}
		if !letters {
			continue
		}
		took, ok, err := b.l.Take(ctx, "made-up", time.Minute)
		if err == nil && ok {
			if err := b.l.Sent(ctx, took, took.Event); err != nil {
				return fmt.Errorf("a letter that went out could not be kept as sent: %w", err)
			}
			b.sent = append(b.sent, took.Number)
		}
	}
}

// TestMoveWhileItServes moves a lane to PostgreSQL and S3 while it takes reports,
// answers and letters; the move is killed at any moment and begun again. Nothing
// that was accepted is lost or doubled.
func TestMoveWhileItServes(t *testing.T) {
	dir, url, bucket, ctx := t.TempDir(), pgtest.Database(t), s3test.Bucket(t), t.Context()
	l := opened(t, lane.Config{Dir: dir, Cleaner: lanetest.Cleaner(t), Now: sinceSomeDay})
	withCity(t, l)
	proof := lanetest.Proof(t, l)
	seed := rand.Uint64()
	all := make([]*busy, 2)
	ended := make(chan error, len(all))
	for i := range all {
		all[i] = &busy{crowd: crowd{Rand: rand.New(rand.NewPCG(seed, uint64(i))), l: l, proof: proof}, told: map[int64]string{}}
		go func() { ended <- all[i].work(ctx, i == 0) }()
	}
	random := rand.New(rand.NewPCG(seed, 9))
	for _, kill := range []string{"any", "stopping"} {
		cmd, said := moving(t, dir, url, bucket)
		after := random.IntN(30)
		for n := 0; said.Scan(); n++ {
			if strings.HasPrefix(said.Text(), kill) || kill == "any" && n == after {
				break
			}
		}
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // it was killed
		if kill != "stopping" {
			continue
		}
		d := manhole() // the stop of a dead move ends by itself
		for {
			_, err := l.Submit(ctx, d)
			if err == nil {
				break
			}
			if !errors.Is(err, fault.Later("lane.moving")) {
				t.Fatalf("seed %d: after a killed stop: %v, want lane.moving until it is over", seed, err)
			}
			time.Sleep(20 * time.Millisecond)
		}
		if _, err := lane.Open(ctx, lane.Config{Dir: t.TempDir(), URL: url}); !errors.Is(err, fault.Conflict("lane.arriving")) {
			t.Errorf("the target is served before it is whole: %v", err)
		}
	}
	cmd, said := moving(t, dir, url, bucket)
	last := ""
	for said.Scan() {
		last = said.Text()
	}
	if err := cmd.Wait(); err != nil || last != "moved 0 0" {
		t.Fatalf("seed %d: the move ended with %q, %v", seed, last, err)
	}
	for range all {
		if err := <-ended; err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
	}
	store, err := s3.Open(ctx, bucket)
	if err != nil {
		t.Fatal(err)
	}
	now := opened(t, lane.Config{Dir: t.TempDir(), URL: url, Pictures: store, Cleaner: lanetest.Cleaner(t)})
	whole(t, now)
	sameRows(t, filepath.Join(dir, "lane.db"), url)
	waited := 0
	for _, b := range all {
		waited += b.waited
		for id, words := range b.told {
			if r := request(t, now, id); r.Words != words {
				t.Errorf("report %d says %q, want %q", id, r.Words, words)
			}
			if _, err := now.History(ctx, id); err != nil {
				t.Errorf("report %d: %v", id, err)
			}
			word, _, _ := strings.Cut(strings.Fields(words)[2], ",")
			if found, err := now.List(ctx, lane.Filter{Words: word, Limit: 5}); err != nil || len(found) != 1 || found[0].ID != id {
				t.Errorf("%q finds %d, %v; want report %d", word, len(found), err, id)
			}
		}
	}
	waiting := column(t, openRaw(t, sqldb.Config{URL: url}), `SELECT CAST(number AS text) FROM delivery WHERE state = 'waiting'`)
	for _, number := range all[0].sent {
		if slices.Contains(waiting, strconv.FormatInt(number, 10)) {
			t.Errorf("delivery %d went out and would go out again", number)
		}
	}
	f, _, err := now.OpenPicture(ctx, proof)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if b, err := io.ReadAll(f); err != nil || len(b) == 0 {
		t.Errorf("the picture has %d bytes, %v", len(b), err)
	}
	if s, err := now.Submit(ctx, manhole()); err != nil || s.ID <= slices.Max(keys(all[0].told, all[1].told)) {
		t.Errorf("the next report is %d, %v", s.ID, err)
	}
	t.Logf("%d reports, %d letters; %d came back in a moment", len(all[0].told)+len(all[1].told), len(all[0].sent), waited)
	if _, err := lane.Open(ctx, lane.Config{Dir: dir}); !errors.Is(err, fault.Later("lane.moved_away")) {
		t.Errorf("the source is opened again: %v", err)
	}
	if again, err := lane.MoveTo(ctx, lane.MoveConfig{Dir: dir, URL: url, Pictures: store, Place: "made-up"}); err != nil || !again.Before {
		t.Errorf("moved once more: %+v, %v; want that it was done before", again, err)
	}
}

// sinceSomeDay is someDay's clock, and the machine's once that is later: a move waits
// for deliveries whose leases are not over by the machine's clock.
func sinceSomeDay() time.Time {
	if now := time.Now(); now.After(someDay()) {
		return now
	}
	return someDay()
}

// someDay is when the crowd acts.
func someDay() time.Time { return time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC) }

func keys(maps ...map[int64]string) (all []int64) {
	for _, m := range maps {
		for k := range m {
			all = append(all, k)
		}
	}
	return all
}

// sameRows compares databases by a way of its own: each table as lines of text.
func sameRows(t *testing.T, path, url string) {
	t.Helper()
	var dumps [2]map[string][]string
	for i, cfg := range []sqldb.Config{{Path: path}, {URL: url}} {
		db := openRaw(t, cfg)
		dumps[i] = map[string][]string{}
		for _, query := range []string{
			`SELECT id || words || answers || area || COALESCE(lat, 0) || visibility || open || day FROM request`,
			`SELECT hash || request FROM holder`, `SELECT hash || request || event FROM support`,
			`SELECT number || authority || state || step || answer || standing FROM assignment`,
			`SELECT request || ':' || number || body || hash || day FROM event`,
			`SELECT number || ':' || request || ':' || event || state || tries FROM delivery`,
			`SELECT person || says || event FROM verdict`, `SELECT request || ':' || event || what FROM outcome`,
			`SELECT kind || month || id || standing || slot || ':' || n FROM tally`,
			`SELECT request || ':' || event || hash FROM picture_use`, `SELECT hash || size || state FROM picture_file`,
			`SELECT name || hash FROM directory_file`,
		} {
			dumps[i][query] = column(t, db, query)
		}
	}
	seen := 0
	for query, want := range dumps[0] {
		seen += len(want)
		if got := dumps[1][query]; !slices.Equal(got, want) {
			t.Errorf("%s: %d lines here, %d there, or other ones", query, len(want), len(got))
		}
	}
	if seen < 100 {
		t.Errorf("%d lines are too few to show anything", seen)
	}
}

func openRaw(t testing.TB, cfg sqldb.Config) *sqldb.DB {
	t.Helper()
	db, err := sqldb.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

func column(t *testing.T, db *sqldb.DB, query string) (all []string) {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), query)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	defer rows.Close()
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			t.Fatal(err)
		}
		all = append(all, s)
	}
	slices.Sort(all)
	return all
}

// TestMoveRefuses: no target that holds something else, no picture that is not
// whole, no source that is not there; and nothing is marked by it.
func TestMoveRefuses(t *testing.T) {
	dir, ctx := t.TempDir(), t.Context()
	l := opened(t, lane.Config{Dir: dir, Cleaner: lanetest.Cleaner(t)})
	withCity(t, l)
	proof := lanetest.Proof(t, l)
	submit(t, l, manhole(func(d *lane.Draft) { d.Pictures = []string{proof} }))

	held := pgtest.Database(t)
	other, err := lane.Open(ctx, lane.Config{Dir: t.TempDir(), URL: held})
	if err != nil {
		t.Fatal(err)
	}
	withCity(t, other)
	other.Close()
	full, err := blob.Dir(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	const foreign = "something else"
	if _, err := full.Put(ctx, hex.EncodeToString(sum([]byte(foreign))), strings.NewReader(foreign)); err != nil {
		t.Fatal(err)
	}
	empty, err := blob.Dir(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	url := pgtest.Database(t)
	refuses := func(name string, cfg lane.MoveConfig, want string) {
		t.Helper()
		if done, err := lane.MoveTo(ctx, cfg); !errors.Is(err, fault.Conflict(want)) {
			t.Errorf("%s: %+v, %v; want %s", name, done, err, want)
		}
	}
	refuses("no source", lane.MoveConfig{Dir: t.TempDir(), URL: url}, "lane.move_nothing")
	refuses("a target in use", lane.MoveConfig{Dir: dir, URL: held}, "lane.move_full")
	refuses("a store in use", lane.MoveConfig{Dir: dir, URL: url, Pictures: full, Place: "full"}, "lane.move_pictures_full")
	file := filepath.Join(dir, "pictures", proof[:2], proof)
	was, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, append([]byte("x"), was[1:]...), 0o600); err != nil {
		t.Fatal(err)
	}
	refuses("a damaged picture", lane.MoveConfig{Dir: dir, URL: url, Pictures: empty, Place: "empty"}, "lane.move_picture")
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	refuses("a lost picture", lane.MoveConfig{Dir: dir, URL: url, Pictures: empty, Place: "empty"}, "lane.move_picture")
	submit(t, l, manhole()) // everything goes on where it was
	refuses("another store than before", lane.MoveConfig{Dir: dir, URL: url}, "lane.move_elsewhere")
	if err := os.WriteFile(file, was, 0o600); err != nil {
		t.Fatal(err)
	}
	tampered := atomic.Bool{}
	raw, err := sqldb.Open(ctx, sqldb.Config{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	done, err := lane.MoveTo(ctx, lane.MoveConfig{Dir: dir, URL: url, Pictures: empty, Place: "empty", Progress: func(p lane.Progress) {
		if p.Stage == lane.Carrying && !tampered.Swap(true) { // rows that came are changed behind the move's back
			err := raw.Tx(ctx, func(ctx context.Context, tx *sql.Tx) error {
				_, err := tx.ExecContext(ctx, `UPDATE request SET words = 'other' WHERE id = 1`)
				return err
			})
			if err != nil {
				t.Error(err)
			}
		}
	}})
	if err != nil || done.Pictures != 2 || !tampered.Load() {
		t.Fatalf("MoveTo = %+v, %v", done, err)
	}
	sourceOf := slices.IndexFunc(done.Tables, func(c lane.Copied) bool { return c.Table == "request" })
	if c := done.Tables[sourceOf]; c.Rows != 2 || c.Source != c.Target {
		t.Errorf("request: %+v", c)
	}
	moved := opened(t, lane.Config{Dir: t.TempDir(), URL: url, Pictures: empty})
	if r := request(t, moved, 1); r.Words == "other" {
		t.Error("what was changed behind the move's back stayed changed")
	}
	// Killed after the source was closed and before the target was opened: the next call opens it.
	if _, err := raw.Exec(`UPDATE mark SET state = 'arriving', place = 'empty'`); err != nil {
		t.Fatal(err)
	}
	if _, err := moved.Submit(ctx, manhole()); !errors.Is(err, fault.Conflict("lane.arriving")) {
		t.Errorf("while neither is open: %v, want lane.arriving", err)
	}
	if _, err := l.Submit(ctx, manhole()); !errors.Is(err, fault.Later("lane.moved_away")) {
		t.Errorf("while neither is open: %v, want lane.moved_away", err)
	}
	if again, err := lane.MoveTo(ctx, lane.MoveConfig{Dir: dir, URL: url, Pictures: empty, Place: "empty"}); err != nil || again.Before {
		t.Fatalf("the move that was cut off at its end: %+v, %v", again, err)
	}
	if id := submit(t, moved, manhole()); id != 3 {
		t.Errorf("the next report is %d, want 3", id)
	}
	f, _, err := moved.OpenPicture(ctx, proof)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if got, err := io.ReadAll(f); err != nil || !bytes.Equal(got, was) {
		t.Errorf("the picture has %d bytes, want %d; %v", len(got), len(was), err)
	}
}
