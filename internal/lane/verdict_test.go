package lane_test

import (
	"bufio"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"kua/internal/fault"
	"kua/internal/lane"
	"kua/internal/lane/lanetest"
	"kua/internal/sqldb"
)

// must moves the newest assignment of a request along.
func must(t *testing.T, l *lane.Lane, id int64, moves ...lane.Move) lane.Assignment {
	t.Helper()
	for _, m := range moves {
		all := request(t, l, id).Assignments
		a := all[len(all)-1]
		if m.To == lane.Mended {
			m.Picture = lanetest.Proof(t, l)
		}
		if err := l.Move(t.Context(), a.Number, a.Step, m); err != nil {
			t.Fatal(err)
		}
	}
	all := request(t, l, id).Assignments
	return all[len(all)-1]
}

var (
	delivered = lane.Move{To: lane.Delivered, By: lane.ByHouse}
	mended    = lane.Move{To: lane.Mended, By: lane.ByOfficial}
	refused   = lane.Move{To: lane.Refused, By: lane.ByOfficial, Reason: "made up"}
	inWork    = lane.Move{To: lane.InWork, By: lane.ByOfficial}
)

func judge(l *lane.Lane, ctx context.Context, code string, a lane.Assignment, says lane.Word) error {
	return l.Judge(ctx, lane.Verdict{Code: code, Assignment: a.Number, Answer: a.Answer, Says: says})
}

// counts gives the tally of a kind with the months and ids together.
func counts(t *testing.T, l *lane.Lane, kind lane.Kind) map[lane.Standing]int64 {
	t.Helper()
	all, err := l.Tally(t.Context(), kind, lane.ReportTrack, "0000-00", "9999-99")
	if err != nil {
		t.Fatal(err)
	}
	sum := map[lane.Standing]int64{}
	for _, c := range all {
		sum[c.Standing] += c.N
	}
	for s, n := range sum {
		if n == 0 {
			delete(sum, s)
		}
	}
	return sum
}

func whole(t *testing.T, l *lane.Lane) {
	t.Helper()
	if different, err := l.Recount(t.Context(), false); err != nil || len(different) != 0 {
		t.Errorf("counted anew: %+v, %v; want no difference", different, err)
	}
}

// TestVerdict: the holder's word confirms or disputes and opens again, once for
// each answer; supporters who came before the answer are counted, others not.
func TestVerdict(t *testing.T) {
	onBoth(t, func(t *testing.T, open func() *lane.Lane, _ sqldb.Config) {
		l, ctx := withCity(t, open()), t.Context()
		d, early, late := manhole(), lane.NewCode(), lane.NewCode()
		id := submit(t, l, d)
		if err := l.Support(ctx, id, d.Code); !errors.Is(err, fault.Conflict("lane.own")) {
			t.Errorf("the holder supports themselves: %v, want lane.own", err)
		}
		if err := l.Support(ctx, id, early); err != nil {
			t.Fatal(err)
		}
		a := must(t, l, id, delivered, inWork)
		if err := judge(l, ctx, d.Code, a, lane.SaysMended); !errors.Is(err, fault.Conflict("lane.no_answer")) {
			t.Errorf("before any answer: %v, want lane.no_answer", err)
		}
		if err := l.Support(ctx, id, late); err != nil {
			t.Fatal(err)
		}
		a = must(t, l, id, mended)
		if w, err := l.Who(ctx, early); err != nil || w.Holder || len(w.Asked) != 1 || w.Asked[0].Late || w.Asked[0].Answer != a.Answer || a.Answer != 4 {
			t.Errorf("Who = %+v, %v; the answer is %d", w, err, a.Answer)
		}
		for name, c := range map[string]struct {
			v    lane.Verdict
			want *fault.Fault
		}{
			"no such code":    {lane.Verdict{Code: lane.NewCode(), Says: lane.SaysNot}, fault.NotFound("lane.unknown_code")},
			"no code":         {lane.Verdict{Code: "x", Says: lane.SaysNot}, fault.Invalid("lane.bad_code")},
			"no such word":    {lane.Verdict{Code: d.Code, Says: "well"}, fault.Invalid("lane.verdict")},
			"turned writing":  {lane.Verdict{Code: d.Code, Says: lane.SaysNot, Words: "a\u202e"}, fault.Invalid("lane.text")},
			"danger":          {lane.Verdict{Code: d.Code, Says: lane.SaysNot, Words: "у меня требуют взятку"}, fault.Conflict("lane.danger")},
			"another answer":  {lane.Verdict{Code: d.Code, Says: lane.SaysNot, Answer: a.Answer - 1}, fault.Conflict("lane.no_answer")},
			"another's part":  {lane.Verdict{Code: d.Code, Says: lane.SaysNot, Assignment: 999}, fault.NotFound("lane.no_assignment")},
			"another's case":  {lane.Verdict{Code: func() string { o := manhole(); submit(t, l, o); return o.Code }(), Says: lane.SaysNot}, fault.NotFound("lane.no_assignment")},
			"a foreign image": {lane.Verdict{Code: d.Code, Says: lane.SaysNot, Picture: "a\x00"}, fault.Invalid("lane.text")},
		} {
			if c.v.Assignment == 0 {
				c.v.Assignment = a.Number
			}
			if c.v.Answer == 0 {
				c.v.Answer = a.Answer
			}
			if err := l.Judge(ctx, c.v); !errors.Is(err, c.want) {
				t.Errorf("%s: %v, want %s", name, err, c.want.Key)
			}
		}
		if err := judge(l, ctx, early, a, lane.SaysMended); err != nil {
			t.Fatal(err)
		}
		if s := request(t, l, id).Standing(); s != lane.Claimed {
			t.Errorf("a supporter alone makes it %s, want claimed", s)
		}
		// Said at once, and again: one verdict, one reopening.
		var wg sync.WaitGroup
		for range 4 {
			mine := open()
			wg.Go(func() {
				if err := judge(mine, ctx, d.Code, a, lane.SaysNot); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if err := judge(l, ctx, d.Code, a, lane.SaysMended); !errors.Is(err, fault.Conflict("lane.judged")) {
			t.Errorf("another word: %v, want lane.judged", err)
		}
		r := request(t, l, id)
		if !r.Open || r.Assignments[0].State != lane.InWork || r.Standing() != lane.Disputed {
			t.Errorf("not mended, says the holder: %+v", r)
		}
		again := must(t, l, id, mended)
		if err := judge(l, ctx, d.Code, a, lane.SaysMended); !errors.Is(err, fault.Conflict("lane.judged")) {
			t.Errorf("of the old answer: %v, want lane.judged", err)
		}
		if w, err := l.Who(ctx, d.Code); err != nil || !w.Holder || len(w.Asked) != 1 || w.Asked[0].Said != "" {
			t.Errorf("asked anew: %+v, %v", w, err)
		}
		for _, code := range []string{late, early} {
			if err := judge(l, ctx, code, again, lane.SaysNot); err != nil {
				t.Errorf("a supporter from before the answer: %v", err)
			}
		}
		if s := request(t, l, id).Standing(); s != lane.Disputed || request(t, l, id).Open {
			t.Errorf("two supporters say not: %s, open %v; want disputed and closed", s, request(t, l, id).Open)
		}
		if err := judge(l, ctx, d.Code, again, lane.SaysMended); err != nil {
			t.Fatal(err)
		}
		if s := request(t, l, id).Standing(); s != lane.Confirmed {
			t.Errorf("mended, says the holder: %s", s)
		}
		said, err := l.Verdicts(ctx, id)
		if diff := cmp.Diff(map[int64]lane.Said{a.Number: {Holder: lane.SaysMended, Others: map[lane.Word]int64{lane.SaysNot: 2}}}, said); diff != "" || err != nil {
			t.Errorf("both are told: %s %v", diff, err)
		}
		history, err := l.History(ctx, id)
		if err != nil {
			t.Fatal(err)
		}
		var told []string
		for _, e := range history[4:] {
			told = append(told, fmt.Sprintf("%s %s>%s %s", e.By, e.From, e.To, e.Verdict))
		}
		want := []string{"supporter answered_mended>answered_mended mended", "holder answered_mended>answered_mended not", "holder answered_mended>in_work ",
			"official in_work>answered_mended ", "supporter answered_mended>answered_mended not", "supporter answered_mended>answered_mended not",
			"holder answered_mended>answered_mended mended"}
		if diff := cmp.Diff(want, told); diff != "" {
			t.Error(diff)
		}
		whole(t, l)
	})
}

// TestRefusalIsNeverMended: whatever anybody says of a refusal, it is counted as
// one, or as disputed.
func TestRefusalIsNeverMended(t *testing.T) {
	onBoth(t, func(t *testing.T, open func() *lane.Lane, _ sqldb.Config) {
		l, ctx := withCity(t, open()), t.Context()
		for _, says := range []lane.Word{"", lane.SaysMended, lane.SaysNot} {
			d, friends := manhole(), []string{lane.NewCode(), lane.NewCode(), lane.NewCode()}
			id := submit(t, l, d)
			for _, f := range friends {
				if err := l.Support(ctx, id, f); err != nil {
					t.Fatal(err)
				}
			}
			a := must(t, l, id, delivered, refused)
			for _, f := range friends {
				if err := judge(l, ctx, f, a, lane.SaysMended); err != nil {
					t.Fatal(err)
				}
			}
			if says != "" {
				if err := judge(l, ctx, d.Code, a, says); err != nil {
					t.Fatal(err)
				}
			}
		}
		for _, kind := range lane.Kinds {
			if diff := cmp.Diff(map[lane.Standing]int64{lane.Declined: 2, lane.Disputed: 1}, counts(t, l, kind)); diff != "" {
				t.Errorf("%s: %s", kind, diff)
			}
		}
		whole(t, l)
	})
}

// TestNumbersDoNotLie tries to make a dispute or silence vanish: by withdrawing,
// merging, passing on, and by codes that the authority sent itself.
func TestNumbersDoNotLie(t *testing.T) {
	onBoth(t, func(t *testing.T, open func() *lane.Lane, _ sqldb.Config) {
		l, ctx := withCity(t, open()), t.Context()
		into := submit(t, l, manhole())
		for _, hide := range []lane.Move{
			{To: lane.Withdrawn, By: lane.ByHolder, Reason: "I was asked to"}, {To: lane.Merged, By: lane.ByHouse, Into: into}, {To: lane.Redirected, By: lane.ByOfficial, Owner: "roads"},
		} {
			d := manhole()
			id := submit(t, l, d)
			a := must(t, l, id, delivered, mended)
			if err := judge(l, ctx, d.Code, a, lane.SaysNot); err != nil {
				t.Fatal(err)
			}
			if err := l.Move(ctx, a.Number, a.Step+1, hide); err != nil {
				t.Fatal(err)
			}
			if got := request(t, l, id).Assignments[0].Standing; got != lane.Disputed {
				t.Errorf("disputed and then %s is %s", hide.To, got)
			}
		}
		// Codes that whoever answers can have sent before: they confirm nothing, and outvote nobody.
		id, honest := submit(t, l, manhole()), []string{lane.NewCode(), lane.NewCode()}
		var fake []string
		for range 5 {
			fake = append(fake, lane.NewCode())
		}
		for _, code := range append(fake, honest...) {
			if err := l.Support(ctx, id, code); err != nil {
				t.Fatal(err)
			}
		}
		a := must(t, l, id, delivered, mended)
		for _, code := range fake {
			if err := judge(l, ctx, code, a, lane.SaysMended); err != nil {
				t.Fatal(err)
			}
		}
		if s := request(t, l, id).Standing(); s != lane.Claimed {
			t.Errorf("the authority's own supporters make it %s", s)
		}
		for _, code := range honest {
			if err := judge(l, ctx, code, a, lane.SaysPartly); err != nil {
				t.Fatal(err)
			}
		}
		if s := request(t, l, id).Standing(); s != lane.Disputed {
			t.Errorf("two honest ones among five others make it %s", s)
		}
		if err := l.Support(ctx, id, lane.NewCode()); !errors.Is(err, fault.Conflict("lane.closed")) {
			t.Errorf("support after the answer: %v", err)
		}
		// Nothing falls out: what is left over is told as what it is.
		want := map[lane.Standing]int64{lane.Disputed: 4, lane.Undelivered: 2}
		for _, kind := range lane.Kinds {
			if diff := cmp.Diff(want, counts(t, l, kind)); diff != "" {
				t.Errorf("%s: %s", kind, diff)
			}
		}
		whole(t, l)
	})
}

// TestCameLater: a code that was given after the answer does not judge it, and
// one given while the case was open again judges the next answer alone.
func TestCameLater(t *testing.T) {
	onBoth(t, func(t *testing.T, open func() *lane.Lane, raw sqldb.Config) {
		l, ctx := withCity(t, open()), t.Context()
		d, code := manhole(), lane.NewCode()
		id := submit(t, l, d)
		first := must(t, l, id, delivered, mended)
		if err := judge(l, ctx, d.Code, first, lane.SaysNot); err != nil {
			t.Fatal(err)
		}
		if err := l.Support(ctx, id, code); err != nil {
			t.Fatal(err)
		}
		if err := judge(l, ctx, code, first, lane.SaysNot); !errors.Is(err, fault.Conflict("lane.no_answer")) {
			t.Errorf("the old answer: %v", err)
		}
		a := must(t, l, id, mended)
		if err := judge(l, ctx, code, a, lane.SaysNot); err != nil {
			t.Errorf("the new answer: %v", err)
		}
		// Support and answer can meet: what came behind the answer is behind it.
		db, err := sqldb.Open(ctx, raw)
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		if _, err := db.ExecContext(ctx, `UPDATE support SET event = $1`, a.Answer); err != nil {
			t.Fatal(err)
		}
		if _, err := db.ExecContext(ctx, `DELETE FROM verdict WHERE holder = 0`); err != nil {
			t.Fatal(err)
		}
		if err := judge(l, ctx, code, a, lane.SaysNot); !errors.Is(err, fault.Forbidden("lane.came_later")) {
			t.Errorf("a code from behind the answer: %v, want lane.came_later", err)
		}
		if w, err := l.Who(ctx, code); err != nil || len(w.Asked) != 1 || !w.Asked[0].Late {
			t.Errorf("Who = %+v, %v", w, err)
		}
	})
}

// TestOutcome: what came of it, by whom and where it can be read; told once,
// taken back with a trace.
func TestOutcome(t *testing.T) {
	onBoth(t, func(t *testing.T, open func() *lane.Lane, _ sqldb.Config) {
		l, ctx := withCity(t, open()), t.Context()
		d := manhole()
		id := submit(t, l, d)
		fine := lane.Outcome{What: lane.ResultDisciplined, Link: "https://news.example/17?a=b", On: "2026-11-28"}
		for range 2 {
			if err := l.AddHolderOutcome(ctx, d.Code, fine); err != nil {
				t.Fatal(err)
			}
		}
		fine.Attests = lane.ByHouse
		if err := l.AddOutcome(ctx, id, fine); err != nil {
			t.Fatal(err)
		}
		for name, c := range map[string]struct {
			change func(*lane.Outcome)
			want   *fault.Fault
		}{
			"no such result":   {func(o *lane.Outcome) { o.What = "promoted" }, fault.Invalid("lane.result")},
			"before the case":  {func(o *lane.Outcome) { o.On = "2026-11-27" }, fault.Invalid("lane.outcome_day")},
			"tomorrow":         {func(o *lane.Outcome) { o.On = "2026-11-29" }, fault.Invalid("lane.outcome_day")},
			"no day":           {func(o *lane.Outcome) { o.On = "" }, fault.Invalid("lane.outcome_day")},
			"in the clear":     {func(o *lane.Outcome) { o.Link = "http://news.example/" }, fault.Invalid("lane.link")},
			"a script":         {func(o *lane.Outcome) { o.Link = "javascript:alert(1)" }, fault.Invalid("lane.link")},
			"a password":       {func(o *lane.Outcome) { o.Link = "https://a:b@news.example/" }, fault.Invalid("lane.link")},
			"inside the house": {func(o *lane.Outcome) { o.Link = "https://localhost/" }, fault.Invalid("lane.link")},
			"a quotation mark": {func(o *lane.Outcome) { o.Link = `https://news.example/"` }, fault.Invalid("lane.link")},
			"other letters":    {func(o *lane.Outcome) { o.Link = "https://nеws.example/" }, fault.Invalid("lane.link")},
		} {
			o := fine
			c.change(&o)
			if err := l.AddOutcome(ctx, id, o); !errors.Is(err, c.want) {
				t.Errorf("%s: %v, want %s", name, err, c.want.Key)
			}
		}
		if err := l.StrikeOutcome(ctx, id, 2, "it was another case"); err != nil {
			t.Fatal(err)
		}
		for _, number := range []int64{1, 2, 9} {
			if err := l.StrikeOutcome(ctx, id, number, "again"); !errors.Is(err, fault.NotFound("lane.no_outcome")) {
				t.Errorf("strike %d: %v", number, err)
			}
		}
		got, err := l.Outcomes(ctx, id)
		want := []lane.Outcome{{2, fine.What, fine.Link, fine.On, lane.ByHolder, 4}, {3, fine.What, fine.Link, fine.On, lane.ByHouse, 0}}
		if diff := cmp.Diff(map[int64][]lane.Outcome{id: want}, got); diff != "" || err != nil {
			t.Errorf("%s %v", diff, err)
		}
		if history, err := l.History(ctx, id); err != nil || len(history) != 4 {
			t.Errorf("the history has %d events, %v", len(history), err)
		}
		whole(t, l)
	})
}

// crowd does random acts on a lane, as citizens, authorities and the house would.
type crowd struct {
	*rand.Rand
	l     *lane.Lane
	proof string // a kept picture
	cases []*crowdCase
}

type crowdCase struct {
	id    int64
	codes []string // the holder's first
}

// act does one act; what the lane refuses is no error, since it is random.
func (c *crowd) act(ctx context.Context) error {
	if len(c.cases) == 0 || c.IntN(5) == 0 {
		d := manhole(func(d *lane.Draft) {
			d.Category = []string{"manhole", "water", "heating", "pothole", "no-answer"}[c.IntN(5)]
			if d.At, d.Area = nil, []string{"north", "south"}[c.IntN(2)]; d.Category != "manhole" {
				d.Answers = nil
			}
		})
		s, err := c.l.Submit(ctx, d)
		if err == nil {
			c.cases = append(c.cases, &crowdCase{s.ID, []string{d.Code}})
		}
		return err
	}
	k := c.cases[c.IntN(len(c.cases))]
	r, err := c.l.Request(ctx, k.id)
	if err != nil {
		return err
	}
	a := r.Assignments[c.IntN(len(r.Assignments))]
	switch c.IntN(8) {
	case 0:
		code := lane.NewCode()
		if err = c.l.Support(ctx, k.id, code); err == nil {
			k.codes = append(k.codes, code)
		}
	case 1, 2:
		err = judge(c.l, ctx, k.codes[c.IntN(len(k.codes))], a, lane.VerdictWords[c.IntN(3)])
	case 3:
		err = c.l.AddHolderOutcome(ctx, k.codes[0], lane.Outcome{What: lane.Results[c.IntN(len(lane.Results))], On: "2026-11-28"})
	default:
		by := []lane.Actor{lane.ByHouse, lane.ByOfficial, lane.ByOfficial, lane.ByHolder}[c.IntN(4)]
		next := lane.Next(a.State, by)
		if len(next) == 0 {
			return nil
		}
		err = c.l.Move(ctx, a.Number, a.Step, lane.Move{To: next[c.IntN(len(next))], By: by, Reason: "made up", On: "2030-01-01",
			Owner: []string{"roads", "water", "city-hall"}[c.IntN(3)], Number: "17", Picture: c.proof, Into: c.cases[0].id})
	}
	if f, ok := fault.Of(err); ok && f.Kind != fault.KindInternal && f.Kind != fault.KindCorrupt {
		return nil
	}
	return err
}

// TestTallyIsARecount: after any acts, also at the same time, the kept counts are
// what a full recount gives, and every assignment is in them once for each kind.
func TestTallyIsARecount(t *testing.T) {
	onBoth(t, func(t *testing.T, open func() *lane.Lane, _ sqldb.Config) {
		l, ctx := withCity(t, open()), t.Context()
		seed := rand.Uint64()
		var wg sync.WaitGroup
		crowds := make([]*crowd, 3)
		for i := range crowds {
			crowds[i] = &crowd{Rand: rand.New(rand.NewPCG(seed, uint64(i))), l: l, proof: lanetest.Proof(t, l)}
			wg.Go(func() {
				for range 110 {
					if err := crowds[i].act(ctx); err != nil {
						t.Errorf("seed %d: %v", seed, err)
						return
					}
				}
			})
		}
		wg.Wait()
		whole(t, l)
		byHand := map[lane.Standing]int64{}
		for _, c := range crowds {
			for _, k := range c.cases {
				for _, a := range request(t, l, k.id).Assignments {
					byHand[a.Standing]++
				}
			}
		}
		for _, kind := range lane.Kinds {
			if diff := cmp.Diff(byHand, counts(t, l, kind)); diff != "" {
				t.Errorf("seed %d, %s: %s", seed, kind, diff)
			}
		}
	})
}

// victim acts on the lane in the environment until it is killed.
func victim() {
	ctx := context.Background()
	l, err := lane.Open(ctx, lane.Config{Dir: os.Getenv("LANE_VICTIM"), URL: os.Getenv("LANE_VICTIM_URL")})
	c := &crowd{Rand: rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 0)), l: l, proof: os.Getenv("LANE_VICTIM_PROOF")}
	for n := 0; err == nil; n++ {
		if err = c.act(ctx); err == nil {
			fmt.Println(n)
		}
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

// TestTallyAfterAKill kills a process in the middle of its acts, more than once.
func TestTallyAfterAKill(t *testing.T) {
	onBoth(t, func(t *testing.T, open func() *lane.Lane, raw sqldb.Config) {
		l := withCity(t, open())
		dir := t.TempDir()
		if raw.Path != "" {
			dir = raw.Path[:len(raw.Path)-len("/lane.db")]
		}
		for _, acts := range []int{23, 31} {
			cmd := exec.Command(os.Args[0])
			cmd.Env = append(os.Environ(), "LANE_VICTIM="+dir, "LANE_VICTIM_URL="+raw.URL, "LANE_VICTIM_PROOF="+lanetest.Proof(t, l))
			cmd.Stderr = os.Stderr
			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			lines := bufio.NewScanner(out)
			for range acts {
				lines.Scan()
			}
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			if err := cmd.Wait(); err == nil || lines.Text() == "" {
				t.Fatalf("it was not killed while it acted: %q, %v", lines.Text(), err)
			}
			whole(t, l)
		}
		if n := counts(t, l, lane.Kinds[0]); len(n) < 2 {
			t.Errorf("nothing was counted: %v", n)
		}
	})
}

// TestRecountFinds what was changed behind the lane's back, says it, and mends
// what follows from the rest.
func TestRecountFinds(t *testing.T) {
	onBoth(t, func(t *testing.T, open func() *lane.Lane, raw sqldb.Config) {
		l, ctx := withCity(t, open()), t.Context()
		d := manhole()
		id := submit(t, l, d)
		a := must(t, l, id, delivered, mended)
		if err := judge(l, ctx, d.Code, a, lane.SaysMended); err != nil {
			t.Fatal(err)
		}
		if err := l.AddHolderOutcome(ctx, d.Code, lane.Outcome{What: lane.ResultNothing, On: "2026-11-28"}); err != nil {
			t.Fatal(err)
		}
		whole(t, l)
		db, err := sqldb.Open(ctx, raw)
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		harm := func(query string) {
			t.Helper()
			if err := db.Tx(ctx, func(ctx context.Context, tx *sql.Tx) error { _, err := tx.ExecContext(ctx, query); return err }); err != nil {
				t.Fatal(err)
			}
		}
		kinds := func(mend bool) (all []string) {
			t.Helper()
			different, err := l.Recount(ctx, mend)
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range different {
				if !slices.Contains(all, string(d.What)) {
					all = append(all, string(d.What))
				}
			}
			return all
		}
		for _, c := range []struct {
			harm string
			want []string
			left []string // after mending
		}{
			{`UPDATE tally SET n = n + 5 WHERE kind = 'area'`, []string{"number"}, nil},
			{`DELETE FROM tally WHERE kind = 'category'`, []string{"number"}, nil},
			{`UPDATE assignment SET standing = 'silent'`, []string{"standing"}, nil},
			{`UPDATE verdict SET says = 'not'`, []string{"number", "standing", "verdict"}, []string{"verdict"}},
			{`UPDATE verdict SET says = 'mended'`, []string{"number", "standing"}, nil},
			{`DELETE FROM outcome`, []string{"outcome"}, []string{"outcome"}},
			{`DELETE FROM verdict`, []string{"number", "outcome", "standing", "verdict"}, []string{"outcome", "verdict"}},
			{`UPDATE assignment SET answered = 'answered_refused'`, []string{"answer", "number", "outcome", "standing", "verdict"}, []string{"answer", "outcome", "verdict"}},
			{`DELETE FROM event WHERE number = 3`, []string{"history"}, []string{"history"}},
		} {
			harm(c.harm)
			if diff := cmp.Diff(c.want, kinds(true)); diff != "" {
				t.Errorf("%s: %s", c.harm, diff)
			}
			if diff := cmp.Diff(c.left, kinds(false)); diff != "" {
				t.Errorf("%s, mended: %s", c.harm, diff)
			}
		}
	})
}
