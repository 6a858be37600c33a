package deliver_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"mime/quotedprintable"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/fstest"
	"time"

	"kua/internal/authority"
	"kua/internal/datafile"
	"kua/internal/fault"
	"kua/internal/lane"
	"kua/internal/lane/deliver"
	"kua/internal/lane/lanetest"
	"kua/internal/locale"
	"kua/internal/mail"
	"kua/internal/mail/mailtest"
	"kua/web"
)

const (
	victimLane  = "KUA_TEST_DELIVER_LANE" // a folder, or a URL
	victimMail  = "KUA_TEST_DELIVER_MAIL"
	victimAlert = "KUA_TEST_DELIVER_ALERT"
	site        = "https://kua.example"
	roads       = "roads@city-hall.example"
)

// TestMain is also a worker that is killed between sending and keeping that it sent.
func TestMain(m *testing.M) {
	if at := os.Getenv(victimLane); at != "" {
		cfg := lane.Config{Dir: at, Now: func() time.Time { return noon }}
		if strings.HasPrefix(at, "postgres:") {
			cfg = lane.Config{URL: at, Now: func() time.Time { return noon }}
		}
		l, err := lane.Open(context.Background(), cfg)
		must(err)
		send := sender(os.Getenv(victimMail))
		w, err := deliver.New(deliver.Config{Lane: l, Catalogue: words(), Site: site, Mail: func(ctx context.Context, m mail.Message) error {
			must(send(ctx, m))
			syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {}
		}})
		must(err)
		if os.Getenv(victimAlert) != "" {
			_, err = w.Alert(context.Background())
			must(err)
		}
		_, err = w.Once(context.Background())
		must(err)
		os.Exit(1) // it should not have come so far
	}
	os.Exit(lanetest.Main(m))
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
}

var words = sync.OnceValue(func() *locale.Catalogue {
	c, err := locale.Load(web.Locales())
	must(err)
	return c
})

func sender(addr string) func(context.Context, mail.Message) error {
	s, err := mail.New(mail.Config{Server: addr, From: "post@kua.example"})
	must(err)
	return s.Send
}

var noon = time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// realCity is the made-up city, said to be real, so that it is written to.
func realCity() fs.FS {
	m := fstest.MapFS{}
	var problems datafile.Problems
	for name, text := range datafile.Folder(authority.Sample(), &problems) {
		m[name] = &fstest.MapFile{Data: []byte(strings.Replace(string(text), "made_up: true", "made_up: false", 1))}
	}
	return m
}

// house is a lane whose clock is moved by hand.
type house struct {
	t     *testing.T
	at    string // a folder, or a URL
	later *atomic.Int64
	lane  *lane.Lane
}

func newHouse(t *testing.T, at string, city fs.FS) house {
	h := house{t: t, at: at, later: new(atomic.Int64)}
	h.lane = h.open()
	_, _, _, err := h.lane.Import(t.Context(), city)
	check(t, err)
	return h
}

// open gives another handle, as another process has.
func (h house) open() *lane.Lane {
	h.t.Helper()
	cfg := lane.Config{Dir: h.at, Now: func() time.Time { return noon.Add(time.Duration(h.later.Load())) }}
	if strings.HasPrefix(h.at, "postgres:") {
		cfg.Dir, cfg.URL = "", h.at
	}
	l, err := lane.Open(h.t.Context(), cfg)
	check(h.t, err)
	h.t.Cleanup(func() { l.Close() })
	return l
}

// worker is a new one, at so long after noon.
func (h house) worker(later time.Duration, send func(context.Context, mail.Message) error) *deliver.Worker {
	h.t.Helper()
	h.later.Store(int64(later))
	w, err := deliver.New(deliver.Config{Lane: h.lane, Catalogue: words(), Site: site, Mail: send, Name: func(locale.Tag) string { return "Drivers' Society" }})
	check(h.t, err)
	return w
}

// drain delivers until nothing is due.
func (h house) drain(w *deliver.Worker) (n int) {
	h.t.Helper()
	for {
		did, err := w.Once(h.t.Context())
		check(h.t, err)
		if !did {
			return n
		}
		n++
	}
}

// onEngines runs a test with a place for an empty lane on either engine.
func onEngines(t *testing.T, test func(t *testing.T, at string)) {
	t.Run("sqlite", func(t *testing.T) { test(t, t.TempDir()) })
	t.Run("postgres", func(t *testing.T) { test(t, lanetest.Database(t)) })
}

func onBoth(t *testing.T, test func(t *testing.T, h house)) {
	onEngines(t, func(t *testing.T, at string) { test(t, newHouse(t, at, realCity())) })
}

// pothole is a draft that goes to the Roads Department, which has an e-mail address.
func pothole() lane.Draft {
	return lane.Draft{Code: lane.NewCode(), Category: "pothole", Language: locale.Russian, Words: "Яма, выдумано\nу школы", Landmark: "Школа 5", Area: "south"}
}

func submit(t *testing.T, l *lane.Lane, d lane.Draft) int64 {
	t.Helper()
	s, err := l.Submit(t.Context(), d)
	check(t, err)
	return s.ID
}

func state(t *testing.T, l *lane.Lane, id int64) lane.State {
	t.Helper()
	r, err := l.Request(t.Context(), id)
	check(t, err)
	return r.Assignments[len(r.Assignments)-1].State
}

// post keeps letters in memory.
type post struct {
	mu   sync.Mutex
	sent []mail.Message
	err  error
}

func (p *post) send(_ context.Context, m mail.Message) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := m.Check(); err != nil {
		return err
	}
	if p.err != nil {
		return p.err
	}
	p.sent = append(p.sent, m)
	return nil
}

// TestDelivers: a report is written with its delivery, a letter goes to the
// authority in its language, and it is delivered, said by the house.
func TestDelivers(t *testing.T) {
	server := mailtest.Start(t, mailtest.Take, false)
	onBoth(t, func(t *testing.T, h house) {
		l, before := h.lane, len(server.Letters())
		d := pothole()
		id := submit(t, l, d)
		waiting, err := l.Deliveries(t.Context(), id)
		if err != nil || len(waiting) != 1 || !waiting[0].Waiting || !waiting[0].Opening || waiting[0].Since != "2026-11-28" {
			t.Fatalf("Deliveries = %+v, %v", waiting, err)
		}
		if n := h.drain(h.worker(0, sender(server.Addr))); n != 1 {
			t.Errorf("%d deliveries, want 1", n)
		}
		letter := server.Wait(t, before+1)[before]
		_, body, _ := strings.Cut(letter.Text, "\r\n\r\n")
		decoded, err := io.ReadAll(quotedprintable.NewReader(strings.NewReader(body)))
		check(t, err)
		for _, want := range []string{"Отдел дорог", "Яма на дороге", "Школа 5", "> Яма, выдумано\r\n> у школы", "28 ноября 2026", site + "/ru/open/at/", site + "/ru/open/case/"} {
			if !strings.Contains(string(decoded), want) {
				t.Errorf("the letter lacks %q:\n%s", want, decoded)
			}
		}
		if letter.To[0] != roads || len(letter.Header("Message-ID")) != 1 || !strings.HasSuffix(letter.Header("Message-ID")[0], "@kua.example>") {
			t.Errorf("to %v, %v", letter.To, letter.Header("Message-ID"))
		}
		if strings.Contains(letter.Text, d.Code) || state(t, l, id) != lane.Delivered {
			t.Errorf("state %s; the code is in the letter: %v", state(t, l, id), strings.Contains(letter.Text, d.Code))
		}
		history, err := l.History(t.Context(), id)
		if err != nil || len(history) != 2 || history[1].By != lane.ByHouse || history[1].To != lane.Delivered {
			t.Errorf("History = %+v, %v", history, err)
		}
		if n := h.drain(h.worker(time.Hour, sender(server.Addr))); n != 0 {
			t.Errorf("%d more were delivered", n)
		}
	})
}

// TestKilledBetweenSendAndMark: a worker that is killed after the server took its
// letter leaves the delivery to the next one, which sends it under the same
// Message-ID, so that a mailbox has one; and the report is delivered.
func TestKilledBetweenSendAndMark(t *testing.T) {
	server := mailtest.Start(t, mailtest.Take, false)
	onBoth(t, func(t *testing.T, h house) {
		l, before := h.lane, len(server.Letters())
		id := submit(t, l, pothole())
		victim := exec.CommandContext(t.Context(), os.Args[0])
		victim.Env = append(os.Environ(), victimLane+"="+h.at, victimMail+"="+server.Addr)
		victim.Stderr = os.Stderr
		err := victim.Run()
		exit, ok := errors.AsType[*exec.ExitError](err)
		if !ok || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
			t.Fatalf("the victim ended by itself: %v", err)
		}
		server.Wait(t, before+1)
		if state(t, l, id) != lane.Routed {
			t.Fatal("the victim kept what it should not have come to keep")
		}
		if n := h.drain(h.worker(time.Minute, sender(server.Addr))); n != 0 {
			t.Errorf("%d were taken while the lease held", n)
		}
		if n := h.drain(h.worker(6*time.Minute, sender(server.Addr))); n != 1 || state(t, l, id) != lane.Delivered {
			t.Errorf("after the lease %d were delivered, and it is %s", n, state(t, l, id))
		}
		both := server.Wait(t, before+2)[before:]
		if first, second := both[0].Header("Message-ID"), both[1].Header("Message-ID"); len(first) != 1 || len(second) != 1 || first[0] != second[0] {
			t.Errorf("the same delivery went out as %v and %v", first, second)
		}
		history, err := l.History(t.Context(), id)
		if err != nil || len(history) != 2 {
			t.Errorf("the history tells of it %d times, %v", len(history), err)
		}
	})
}

// TestAnsweredBeforeMarked: an authority that answers on a link whose sending was never
// marked has been reached: the report is delivered by that, and not sent again.
func TestAnsweredBeforeMarked(t *testing.T) {
	h := newHouse(t, t.TempDir(), realCity())
	l, p := h.lane, &post{}
	id := submit(t, l, pothole())
	d, ok, err := l.Take(t.Context(), "killed", 5*time.Minute)
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	link, _, err := l.Link(t.Context(), d.Assignment)
	check(t, err)
	a, _, err := l.Opened(t.Context(), link)
	check(t, err)
	check(t, l.Answer(t.Context(), a, a.Step, lane.Move{To: lane.InWork, By: lane.ByOfficial}))
	h.drain(h.worker(time.Hour, p.send))
	history, err := l.History(t.Context(), id)
	check(t, err)
	if len(p.sent) != 0 || len(history) != 3 || history[1].To != lane.Delivered || history[2].To != lane.InWork {
		t.Errorf("%d letters, %+v", len(p.sent), history)
	}
}

// TestWorkersTogether: several workers at once send everything, and nothing twice.
func TestWorkersTogether(t *testing.T) {
	onBoth(t, func(t *testing.T, h house) {
		l, p := h.lane, &post{}
		var ids []int64
		for range 12 {
			ids = append(ids, submit(t, l, pothole()))
		}
		var wg sync.WaitGroup
		for range 3 {
			other := h
			other.lane = h.open()
			w := other.worker(0, p.send)
			wg.Go(func() { h.drain(w) })
		}
		wg.Wait()
		seen := map[string]bool{}
		for _, m := range p.sent {
			if seen[m.ID] {
				t.Errorf("%s was sent twice", m.ID)
			}
			seen[m.ID] = true
		}
		if len(seen) != len(ids) {
			t.Errorf("%d letters, want %d", len(seen), len(ids))
		}
		for _, id := range ids {
			if s := state(t, l, id); s != lane.Delivered {
				t.Errorf("request %d is %s", id, s)
			}
		}
	})
}

// TestFailureStaysVisible: what cannot be sent is tried again after a growing
// pause, never given up, and says since when and why; with the reason gone it goes.
func TestFailureStaysVisible(t *testing.T) {
	onBoth(t, func(t *testing.T, h house) {
		l, p := h.lane, &post{err: fault.Later("mail.later")}
		id := submit(t, l, pothole())
		elapsed := time.Duration(0)
		for tries := int64(1); tries <= 10; tries++ {
			if n := h.drain(h.worker(elapsed, p.send)); n != 1 {
				t.Fatalf("after %s: %d tries at once, want 1", elapsed, n)
			}
			all, err := l.Deliveries(t.Context(), id)
			check(t, err)
			if d := all[0]; !d.Waiting || d.Tries != tries || d.Since != "2026-11-28" || !errors.Is(d.Why, fault.Later("mail.later")) {
				t.Fatalf("try %d: %+v", tries, d)
			}
			pause := min(time.Minute<<(tries-1), 6*time.Hour)
			if n := h.drain(h.worker(elapsed+pause-time.Second, p.send)); n != 0 {
				t.Fatalf("try %d: it was tried again before %s", tries, pause)
			}
			elapsed += pause
		}
		if state(t, l, id) != lane.Routed {
			t.Errorf("it is %s", state(t, l, id))
		}
		p.err = nil
		check(t, l.Hurry(t.Context()))
		if n := h.drain(h.worker(elapsed, p.send)); n != 1 || state(t, l, id) != lane.Delivered || len(p.sent) != 1 {
			t.Errorf("with the reason gone %d went, it is %s", n, state(t, l, id))
		}
	})
}

// TestWhatIsMissingIsSaid: without a way to send nothing counts as tried, and the
// reason is kept for whoever waits.
func TestWhatIsMissingIsSaid(t *testing.T) {
	h := newHouse(t, t.TempDir(), authority.Sample())
	l := h.lane
	id := submit(t, l, pothole())
	later := time.Duration(0)
	for _, c := range []struct {
		want string
		cfg  deliver.Config
	}{
		{"deliver.made_up", deliver.Config{Site: site, Mail: (&post{}).send}},
		{"deliver.no_site", deliver.Config{Mail: (&post{}).send}},
		{"deliver.no_mail", deliver.Config{Site: site}},
	} {
		if c.want == "deliver.no_site" {
			_, _, _, err := l.Import(t.Context(), realCity())
			check(t, err)
		}
		h.later.Store(int64(later))
		c.cfg.Lane, c.cfg.Catalogue = l, words()
		w, err := deliver.New(c.cfg)
		check(t, err)
		h.drain(w)
		all, err := l.Deliveries(t.Context(), id)
		check(t, err)
		if d := all[0]; !d.Waiting || d.Tries != 0 || d.Why == nil || d.Why.Key != c.want {
			t.Errorf("%s: %+v", c.want, d)
		}
		later += 2 * time.Hour
	}
	// One without a channel is not reached; one with accounts alone when somebody of it can sign in.
	d := pothole()
	d.Category, d.Area = "no-answer", "bazaar"
	held := submit(t, l, d)
	r, err := l.Request(t.Context(), held)
	check(t, err)
	if all, err := l.Deliveries(t.Context(), held); err != nil || len(all) != 0 {
		t.Errorf("a report that nobody let through waits to be told: %+v, %v", all, err)
	}
	check(t, l.Move(t.Context(), r.Assignments[0].Number, 0, lane.Move{To: lane.Routed, By: lane.ByHouse}))
	h.drain(h.worker(later, (&post{}).send))
	if all, err := l.Deliveries(t.Context(), held); err != nil || len(all) != 1 || all[0].Why == nil || all[0].Why.Key != "deliver.no_channel" {
		t.Errorf("%+v, %v", all, err)
	}
	city := realCity().(fstest.MapFS)
	const bazaar = "en: Old Bazaar Office}\n"
	city["authorities.yaml"].Data = []byte(strings.Replace(string(city["authorities.yaml"].Data), bazaar, bazaar+"    channels:\n      - {kind: account}\n", 1))
	if _, _, _, err := l.Import(t.Context(), city); err != nil {
		t.Fatal(err)
	}
	later += 2 * time.Hour
	_, token, err := l.AddAccount(t.Context(), nil, r.Assignments[0].Authority, "Clerk", false)
	check(t, err)
	h.drain(h.worker(later, (&post{}).send))
	if all, err := l.Deliveries(t.Context(), held); err != nil || !all[0].Waiting || all[0].Why.Key != "deliver.no_account" || all[0].Tries != 0 {
		t.Errorf("it is delivered to somebody who is only invited: %+v, %v", all, err)
	}
	secret := lane.NewSecret()
	code, err := secret.Code(l.Now())
	check(t, err)
	if _, _, err := l.SetUpPassword(t.Context(), token, "four words of no poem", secret, code); err != nil {
		t.Fatal(err)
	}
	w, err := deliver.New(deliver.Config{Lane: l, Catalogue: words()}) // neither mail nor a site's address is needed
	check(t, err)
	h.drain(w)
	if all, err := l.Deliveries(t.Context(), held); err != nil || all[0].Waiting {
		t.Errorf("it is not delivered to an inbox: %+v, %v", all, err)
	}
	if r, err = l.Request(t.Context(), held); err != nil || r.Assignments[0].State != lane.Delivered {
		t.Errorf("it stands as %+v, %v", r.Assignments, err)
	}
	for _, bad := range []string{"kua.example", "ftp://kua.example", "https://", "https://u@kua.example", "https://kua.example/path", "https://kua.example?x"} {
		if _, err := deliver.New(deliver.Config{Lane: l, Site: bad}); !errors.Is(err, fault.Invalid("deliver.site")) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

// TestNewsFollow: what the holder does later is told in the same thread, once, and
// nothing is told of a report that was taken back before anybody heard of it.
func TestNewsFollow(t *testing.T) {
	onBoth(t, func(t *testing.T, h house) {
		l, p := h.lane, &post{}
		w := h.worker(0, p.send)
		d, gone := pothole(), pothole()
		id, early := submit(t, l, d), submit(t, l, gone)
		check(t, l.Add(t.Context(), lane.Addition{Code: d.Code, Words: "уже в первом письме видно", After: 1}))
		r, err := l.Request(t.Context(), early)
		check(t, err)
		check(t, l.Move(t.Context(), r.Assignments[0].Number, 0, lane.Move{To: lane.Withdrawn, By: lane.ByHolder, Reason: "ошибка"}))
		h.drain(w)
		if len(p.sent) != 1 {
			t.Fatalf("%d letters, want one: an addition that the first shows is covered, a withdrawn report is not told", len(p.sent))
		}
		check(t, l.Add(t.Context(), lane.Addition{Code: d.Code, Words: "Яма стала больше", After: 3}))
		h.drain(w)
		if len(p.sent) != 2 || p.sent[1].InReplyTo != p.sent[0].ID || p.sent[1].ID == p.sent[0].ID || !strings.Contains(p.sent[1].Text, "> Яма стала больше") {
			t.Fatalf("the addition: %+v", p.sent[1:])
		}
		// "Not ours" makes the new owner's assignment, and its own letter.
		r, err = l.Request(t.Context(), id)
		check(t, err)
		check(t, l.Move(t.Context(), r.Assignments[0].Number, r.Assignments[0].Step, lane.Move{To: lane.Redirected, By: lane.ByOfficial, Owner: "city-hall"}))
		h.drain(w)
		if len(p.sent) != 3 || p.sent[2].To != "office@city-hall.example" || p.sent[2].InReplyTo != "" || state(t, l, id) != lane.Delivered {
			t.Fatalf("the new owner: %+v", p.sent[2:])
		}
		// The collective makes links void: a new letter, under a new ID, opens it.
		old := token(t, p.sent[2])
		if _, _, err := l.Opened(t.Context(), old); err != nil {
			t.Fatal(err)
		}
		r, err = l.Request(t.Context(), id)
		check(t, err)
		check(t, l.Renew(t.Context(), r.Assignments[1].Number, true))
		h.drain(w)
		if len(p.sent) != 4 || p.sent[3].ID == p.sent[2].ID {
			t.Fatalf("after the renewal: %d letters", len(p.sent))
		}
		if _, _, err := l.Opened(t.Context(), old); !errors.Is(err, fault.Forbidden("lane.void_link")) {
			t.Errorf("the old link: %v", err)
		}
		check(t, l.Move(t.Context(), r.Assignments[1].Number, r.Assignments[1].Step, lane.Move{To: lane.Withdrawn, By: lane.ByHolder, Reason: "само починилось"}))
		h.drain(w)
		if len(p.sent) != 5 || p.sent[4].To != "office@city-hall.example" || !strings.Contains(p.sent[4].Text, "> само починилось") {
			t.Errorf("the withdrawal: %+v", p.sent[4:])
		}
		if a, _, err := l.Opened(t.Context(), token(t, p.sent[3])); err != nil || a.Number != r.Assignments[1].Number {
			t.Errorf("the new link opens %+v, %v", a, err)
		}
	})
}

// token finds the link in a letter.
func token(t *testing.T, m mail.Message) string {
	t.Helper()
	for line := range strings.SplitSeq(m.Text, "\n") {
		if u, err := url.Parse(strings.TrimSpace(line)); err == nil {
			if _, token, ok := strings.Cut(u.Path, "/open/at/"); ok {
				return token
			}
		}
	}
	t.Fatalf("no link in:\n%s", m.Text)
	return ""
}

// TestDisputeIsTold: whose answer is disputed is told so, in the holder's words; what
// others say of it opens nothing, and no letter goes.
func TestDisputeIsTold(t *testing.T) {
	onBoth(t, func(t *testing.T, h house) {
		l, p := h.lane, &post{}
		w := h.worker(0, p.send)
		d, other := pothole(), lane.NewCode()
		id := submit(t, l, d)
		check(t, l.Support(t.Context(), id, other))
		h.drain(w)
		part := func() lane.Assignment {
			r, err := l.Request(t.Context(), id)
			check(t, err)
			return r.Assignments[0]
		}
		a := part()
		check(t, l.Move(t.Context(), a.Number, a.Step, lane.Move{To: lane.Refused, By: lane.ByOfficial, Reason: "made up"}))
		for _, say := range []struct {
			code, words string
			letters     int
		}{{other, "чужие слова", 1}, {d.Code, "ничего не сделано", 2}} {
			a := part()
			check(t, l.Judge(t.Context(), lane.Verdict{Code: say.code, Assignment: a.Number, Answer: a.Answer, Says: lane.SaysNot, Words: say.words}))
			h.drain(w)
			if len(p.sent) != say.letters {
				t.Fatalf("after %q there are %d letters, want %d: %+v", say.words, len(p.sent), say.letters, p.sent[1:])
			}
		}
		if text := p.sent[1].Text; !strings.Contains(text, "> ничего не сделано") || strings.Contains(text, "чужие слова") {
			t.Errorf("the dispute is told so:\n%s", text)
		}
	})
}

// TestQuestionIsTold: a public question goes to its authority in words for what it
// is, without a place; one that can be reached through Open311 alone leaves it waiting for all to see; what the collective writes down for an authority tells it nothing.
func TestQuestionIsTold(t *testing.T) {
	h := newHouse(t, t.TempDir(), realCity())
	q, err := h.lane.SubmitQuestion(t.Context(), lane.Asking{Code: lane.NewCode(), Authority: "roads", Language: locale.Russian, Words: "Когда починят водокачку? Выдумано"})
	check(t, err)
	_, err = h.lane.AddPost(t.Context(), lane.Post{Matter: lane.Pledge, By: lane.ByHouse, Authority: "roads", Language: locale.Russian, Words: "Починим, выдумано", Ends: "2026-12-09"})
	check(t, err)
	var sent []mail.Message
	h.drain(h.worker(0, func(_ context.Context, m mail.Message) error { sent = append(sent, m); return nil }))
	if len(sent) != 1 {
		t.Fatalf("%d letters went out, want one: %+v", len(sent), sent)
	}
	question := words().T(locale.Russian, "voice.question.name")
	for _, text := range []string{"Когда починят водокачку?", question, "/open/at/", "/open/case/1"} {
		if !strings.Contains(sent[0].Subject+sent[0].Text, text) {
			t.Errorf("the letter lacks %q:\n%s\n%s", text, sent[0].Subject, sent[0].Text)
		}
	}
	if strings.Contains(sent[0].Text, words().T(locale.Russian, "deliver.where")) {
		t.Errorf("it speaks of a place:\n%s", sent[0].Text)
	}
	r, err := h.lane.Request(t.Context(), q.ID)
	check(t, err)
	other, err := h.lane.SubmitQuestion(t.Context(), lane.Asking{Code: lane.NewCode(), Authority: "water", Language: locale.Russian, Words: "А когда придёт вода? Выдумано"})
	check(t, err)
	h.drain(h.worker(0, nil))
	waits, err := h.lane.Deliveries(t.Context(), other.ID)
	if err != nil || len(waits) != 1 || !waits[0].Waiting || waits[0].Why == nil || waits[0].Why.Key != "deliver.no_channel" {
		t.Errorf("an authority with no way but Open311: %+v, %v", waits, err) // whose servers know reports alone
	}
	if r.Assignments[0].State != lane.Delivered {
		t.Errorf("it stands as %s", r.Assignments[0].State)
	}
}
