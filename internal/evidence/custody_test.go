package evidence_test

import (
	"errors"
	"iter"
	"slices"
	"testing"
	"time"

	"kua/internal/canon"
	"kua/internal/evidence"
	"kua/internal/fault"
)

// chain makes n linked events as their exact bytes.
func chain(t *testing.T, n int) [][]byte {
	t.Helper()
	var all [][]byte
	previous := ""
	for i := range n {
		e := evidence.Event{Verb: evidence.Opened, Case: 7, Subject: "original 3"}
		_, b, err := e.Link(int64(i), previous, evidence.Actor{Name: "Aigul", Key: "0011"}, time.Unix(int64(i), 5))
		if err != nil {
			t.Fatal(err)
		}
		all, previous = append(all, b), canon.Hash(b)
	}
	return all
}

func walk(events [][]byte) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		for _, e := range events {
			if !yield(e, nil) {
				return
			}
		}
	}
}

func TestVerifyChain(t *testing.T) {
	events := chain(t, 5)
	head, err := evidence.VerifyChain(walk(events))
	if err != nil {
		t.Fatal(err)
	}
	if want := (evidence.Head{Sequence: 5, Hash: canon.Hash(events[4])}); head != want {
		t.Errorf("head = %+v, want %+v", head, want)
	}
	if head, err := evidence.VerifyChain(walk(nil)); err != nil || head != (evidence.Head{}) {
		t.Errorf("an empty chain gives %+v, %v", head, err)
	}
}

func TestVerifyChainRefuses(t *testing.T) {
	for _, c := range []struct {
		name string
		bend func([][]byte) [][]byte
	}{
		{"changed", func(e [][]byte) [][]byte {
			e[2] = slices.Concat([]byte(nil), e[2])
			i := slices.Index(e[2], 'A')
			e[2][i] = 'B'
			return e
		}},
		{"dropped", func(e [][]byte) [][]byte { return slices.Delete(e, 1, 2) }},
		{"first dropped", func(e [][]byte) [][]byte { return e[1:] }},
		{"moved", func(e [][]byte) [][]byte { e[1], e[2] = e[2], e[1]; return e }},
		{"added", func(e [][]byte) [][]byte { return slices.Insert(e, 2, e[2]) }},
		{"not an event", func(e [][]byte) [][]byte { e[3] = []byte(`{}`); return e }},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := evidence.VerifyChain(walk(c.bend(chain(t, 5))))
			if !errors.Is(err, fault.Corrupt("evidence.broken_chain")) {
				t.Errorf("VerifyChain = %v, want evidence.broken_chain", err)
			}
		})
	}
}

func TestEventHoldsWholeSeconds(t *testing.T) {
	e, _, err := evidence.Event{Verb: evidence.Noted}.Link(0, "", evidence.Machine(),
		time.Date(2026, 11, 21, 9, 0, 1, 999, time.FixedZone("Almaty", 5*3600)))
	if err != nil {
		t.Fatal(err)
	}
	if want := "2026-11-21T04:00:01Z"; e.At != want {
		t.Errorf("At = %s, want %s", e.At, want)
	}
}

func FuzzParseEvent(f *testing.F) {
	_, b, _ := evidence.Event{Verb: evidence.Noted, Detail: "ә"}.Link(0, "", evidence.Machine(), time.Unix(1, 0))
	f.Add(b)
	f.Add([]byte(`{"kind":"kua custody event"}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		e, err := evidence.ParseEvent(b)
		if err != nil {
			return
		}
		again, err := canon.Marshal(e)
		if err != nil || string(again) != string(b) {
			t.Fatalf("%q reads as %+v and writes as %q, %v", b, e, again, err)
		}
	})
}
