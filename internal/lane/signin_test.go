package lane

import (
	"crypto/rand"
	"encoding/base32"
	"errors"
	"testing"
	"time"

	"kua/internal/fault"
	"kua/internal/lane/lanedb"
)

// TestOneTimeCodes are those of RFC 6238, appendix B (its last six digits), and
// good for half a minute before and after.
func TestOneTimeCodes(t *testing.T) {
	secret := Secret(base32.StdEncoding.EncodeToString([]byte("12345678901234567890")))
	raw, err := secret.Read()
	if err != nil {
		t.Fatal(err)
	}
	for at, want := range map[int64]string{1111111109: "081804", 1111111111: "050471", 1234567890: "005924", 2000000000: "279037", 20000000000: "353130"} {
		if got, err := secret.Code(time.Unix(at, 0)); got != want || err != nil {
			t.Errorf("Code at %d = %s, %v, want %s", at, got, err, want)
		}
		for by, good := range map[int64]bool{-60: false, -30: true, 0: true, 30: true, 60: false} {
			if step, ok := stepOf(raw, " "+want[:3]+" "+want[3:], time.Unix(at+by, 0)); ok != good || ok && step != at/30 {
				t.Errorf("%s of %d at %d: %d, %v", want, at, at+by, step, ok)
			}
		}
	}
	for _, bad := range []Secret{"", "A", "AAAA", secret + "A", secret[:31] + "1"} {
		if _, err := bad.Read(); err == nil {
			t.Errorf("%q is a secret", bad)
		}
	}
}

// TestLocker: only the password opens it, and only for its account.
func TestLocker(t *testing.T) {
	p := newPorter()
	b, err := p.lock(t.Context(), 7, "four words of no poem", []byte("secret"))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		account  int64
		password string
		locker   []byte
		want     string
	}{{7, "four words of no poem", b, "secret"}, {8, "four words of no poem", b, ""}, {7, "", b, ""}, {7, "four words of no poem", b[:20], ""}, {7, "four words of no poem", nil, ""}} {
		if got, err := p.unlock(t.Context(), c.account, c.password, c.locker); string(got) != c.want || err != nil {
			t.Errorf("unlock(%d, %q) = %q, %v", c.account, c.password, got, err)
		}
	}
}

// TestChallengeIsTakenOnce also when a process whose clock is some minutes ahead
// has tidied up since.
func TestChallengeIsTakenOnce(t *testing.T) {
	onEngines(t, nil, func(t *testing.T, l, _ *Lane) {
		ctx, now := t.Context(), l.now()
		number, err := l.db.AddAccount(ctx, lanedb.Account{Authority: "water", Name: "Desk", Called: "desk", Handle: []byte("handle"), Until: now.Add(time.Hour).UnixMicro()}, "invite", 0)
		if err != nil {
			t.Fatal(err)
		}
		session := func(at time.Time) lanedb.Session {
			return lanedb.Session{Hash: rand.Text(), Seen: at.UnixMicro(), Until: at.Add(wholeTime).UnixMicro()}
		}
		if err := l.db.SetUp(ctx, number, "invite", lanedb.Means{Key: "key", Body: []byte("{}")}, session(now), "2026-11-28"); err != nil {
			t.Fatal(err)
		}
		sign := func(challenge string, at time.Time) error {
			p := lanedb.Proof{Challenge: challenge, Ends: at.Add(challengeTime).UnixMicro(), Key: "key", Body: []byte("{}")}
			return l.db.SignIn(ctx, number, p, session(at), "2026-11-28")
		}
		if err := errors.Join(sign("one", now), sign("two", now.Add(2*challengeTime))); err != nil {
			t.Fatal(err)
		}
		if err := sign("one", now); !errors.Is(err, fault.Forbidden("lane.sign_in")) {
			t.Errorf("a challenge is taken again: %v", err)
		}
	})
}

// TestTriesAreShared: the tries of a name are counted for all processes together,
// and a process that starts anew gives none anew.
func TestTriesAreShared(t *testing.T) {
	at := time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	onEngines(t, func() time.Time { return at }, func(t *testing.T, one, other *Lane) {
		try := func(n int, want error) {
			t.Helper()
			for i := range n {
				if _, err := []*Lane{one, other}[i%2].SignIn(t.Context(), "Nobody", "a password of nobody", "000000"); !errors.Is(err, want) {
					t.Fatalf("try %d: %v, want %v", i+1, err, want)
				}
			}
		}
		was := at
		defer func() { at = was }()
		wrong, later := fault.Forbidden("lane.sign_in"), fault.Later("lane.sign_in_later")
		try(triesAtOnce, wrong)
		try(2, later)
		one.porter, other.porter = newPorter(), newPorter()
		try(2, later)
		at = at.Add(triesEach)
		try(1, wrong)
		try(2, later)
	})
}

// TestNamesakesTakeTheSame: a try of a name costs as many hashes whether nobody has it, one
// authority or some.
func TestNamesakesTakeTheSame(t *testing.T) {
	for have, want := range map[int]int{0: 4, 1: 4, 2: 4, 4: 4, 5: 8} {
		all := make([]lanedb.Account, have)
		for i := range all {
			all[i].Number = int64(i + 1)
		}
		got := tried(all)
		for i, a := range got {
			if (a.Number != 0) != (i < have) {
				t.Errorf("of %d the try %d is of account %d", have, i, a.Number)
			}
		}
		if len(got) != want {
			t.Errorf("of %d there are %d tries, want %d", have, len(got), want)
		}
	}
}
