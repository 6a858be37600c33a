package lane

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"sync"
	"testing"
	"time"

	"kua/internal/authority"
	"kua/internal/fault"
	"kua/internal/passkey"
)

// TestHashesAreFew: whoever signs in while many wait is asked to come back, with no work
// done for them; those who wait get their turn.
func TestHashesAreFew(t *testing.T) {
	p := newPorter()
	for range hashesAtATime {
		p.hashing <- struct{}{} // all are busy
	}
	var wg sync.WaitGroup
	results := make(chan error, hashesAtATime+hashesWaiting)
	for range hashesAtATime + hashesWaiting {
		wg.Go(func() {
			_, err := p.lockerKey(t.Context(), "four words of no poem", bytes.Repeat([]byte{1}, saltBytes))
			results <- err
		})
	}
	for len(p.waiting) < cap(p.waiting) {
		time.Sleep(time.Millisecond) // until all stand in line
	}
	if _, err := p.unlock(t.Context(), 1, "four words of no poem", nil); !errors.Is(err, fault.Later("lane.sign_in_busy")) {
		t.Errorf("one more: %v", err)
	}
	for range hashesAtATime {
		<-p.hashing
	}
	wg.Wait()
	for range hashesAtATime + hashesWaiting {
		if err := <-results; err != nil {
			t.Errorf("one who waited: %v", err)
		}
	}
	if _, err := p.unlock(t.Context(), 1, "four words of no poem", nil); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

// assertion is what a browser answers to a challenge, signed by nobody.
func assertion(t *testing.T, options []byte, origin string) []byte {
	t.Helper()
	var asked struct {
		Challenge string `json:"challenge"`
	}
	if err := json.Unmarshal(options, &asked); err != nil || asked.Challenge == "" {
		t.Fatalf("%s: %v", options, err)
	}
	b64 := base64.RawURLEncoding.EncodeToString
	client, err := json.Marshal(map[string]any{"type": "webauthn.get", "challenge": asked.Challenge, "origin": origin, "crossOrigin": false})
	if err != nil {
		t.Fatal(err)
	}
	site := sha256.Sum256([]byte("kua.example"))
	answer, err := json.Marshal(map[string]any{"id": b64([]byte("a key")), "rawId": b64([]byte("a key")), "type": "public-key", "response": map[string]string{
		"clientDataJSON": b64(client), "authenticatorData": b64(append(site[:], 5, 0, 0, 0, 1)), "signature": b64([]byte("signature")), "userHandle": b64([]byte("handle"))}})
	if err != nil {
		t.Fatal(err)
	}
	return answer
}

// TestPasskeyOfABrokenHouse: a passkey that nobody has is refused; that the database does not
// answer is no refusal, but the house's own trouble.
func TestPasskeyOfABrokenHouse(t *testing.T) {
	onEngines(t, nil, func(t *testing.T, l, other *Lane) {
		site := passkey.Site{Origin: "https://kua.example", Name: "Kuä"}
		options, err := l.AskToSign(t.Context(), site)
		if err != nil {
			t.Fatal(err)
		}
		answer := assertion(t, options, site.Origin)
		if _, err := l.SignInPasskey(t.Context(), site, answer); !errors.Is(err, fault.Forbidden("passkey.answer")) {
			t.Errorf("nobody's passkey: %v", err)
		}
		ended, stop := context.WithCancel(t.Context())
		stop()
		_, err = l.SignInPasskey(ended, site, answer)
		if f, ok := fault.Of(err); err == nil || ok && f.Kind == fault.KindForbidden {
			t.Errorf("no answer from the database: %v, want an error of the house", err)
		}
	})
}

// TestNamesOfOthers: whether another authority has an account of a name is not to be
// learnt by making one; both sign in by it, each with their own password.
func TestNamesOfOthers(t *testing.T) {
	onEngines(t, nil, func(t *testing.T, l, _ *Lane) {
		ctx := t.Context()
		if _, _, _, err := l.Import(ctx, authority.Sample()); err != nil {
			t.Fatal(err)
		}
		passwords := map[string]string{"water": "four words of no poem", "roads": "another four words here"}
		secrets, numbers := map[string]Secret{}, map[string]int64{}
		for _, body := range []string{"water", "roads"} {
			a, token, err := l.AddAccount(ctx, nil, body, "Duty desk", false)
			if err != nil {
				t.Fatalf("%s: %v", body, err)
			}
			secrets[body], numbers[body] = NewSecret(), a.Number
			code, err := secrets[body].Code(l.now())
			if err != nil {
				t.Fatal(err)
			}
			if _, _, err := l.SetUpPassword(ctx, token, passwords[body], secrets[body], code); err != nil {
				t.Fatal(err)
			}
		}
		if _, _, err := l.AddAccount(ctx, nil, "roads", "DUTY  desk", false); !errors.Is(err, fault.Conflict("lane.account_taken")) {
			t.Errorf("twice in one authority: %v", err)
		}
		for _, body := range []string{"roads", "water"} {
			code, err := secrets[body].Code(l.now().Add(30 * time.Second))
			if err != nil {
				t.Fatal(err)
			}
			session, err := l.SignIn(ctx, "duty desk", passwords[body], code)
			if err != nil {
				t.Fatalf("%s: %v", body, err)
			}
			if me, err := l.SignedIn(ctx, session); err != nil || me.Number != numbers[body] || me.Authority != body {
				t.Errorf("%s signs in as %+v, %v", body, me, err)
			}
		}
		code, err := secrets["water"].Code(l.now().Add(-30 * time.Second))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := l.SignIn(ctx, "duty desk", passwords["roads"], code); !errors.Is(err, fault.Forbidden("lane.sign_in")) {
			t.Errorf("the password of one and the code of the other: %v", err)
		}
	})
}
