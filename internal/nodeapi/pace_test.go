package nodeapi

import (
	"context"
	"testing"
	"time"
)

func TestPace(t *testing.T) {
	p := newPace()
	for want := 2; want <= mostPieces+2; want++ {
		if err := p.enter(t.Context()); err != nil {
			t.Fatal(err)
		}
		p.leave(quick / 2)
		if got := p.allowed; got != min(want, mostPieces) {
			t.Fatalf("after %d quick pieces %d may travel, want %d", want-1, got, min(want, mostPieces))
		}
	}
	for range 4 {
		if err := p.enter(t.Context()); err != nil {
			t.Fatal(err)
		}
		p.leave(slow + time.Second)
	}
	if p.allowed != 1 {
		t.Errorf("on a slow link %d may travel, want 1", p.allowed)
	}
	if err := p.enter(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := p.enter(ctx); err == nil {
		t.Error("enter went on after its context ended")
	}
}
