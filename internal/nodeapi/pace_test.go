package nodeapi

import (
	"context"
	"testing"
	"time"
)

func TestPace(t *testing.T) {
	p := newPace()
	for want := 2; want <= mostPieces+2; want++ {
		if _, err := p.enter(t.Context(), 1); err != nil {
			t.Fatal(err)
		}
		p.leave(1, quick/2)
		if got := p.allowed; got != min(want, mostPieces) {
			t.Fatalf("after %d quick pieces %d may travel, want %d", want-1, got, min(want, mostPieces))
		}
	}
	for range 4 {
		if _, err := p.enter(t.Context(), 1); err != nil {
			t.Fatal(err)
		}
		p.leave(1, slow+time.Second)
	}
	if p.allowed != 1 {
		t.Errorf("on a slow link %d may travel, want 1", p.allowed)
	}
	if _, err := p.enter(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := p.enter(ctx, 1); err == nil {
		t.Error("enter went on after its context ended")
	}
}

// TestPaceOfRows: calls grow while they are quick, a few travel at a time, and when pieces
// go alone again there are no more of them than ever.
func TestPaceOfRows(t *testing.T) {
	p, n := newPace(), 0
	for range 200 {
		var err error
		if n, err = p.enter(t.Context(), RowPieces); err != nil {
			t.Fatal(err)
		}
		p.leave(n, quick/2)
	}
	if n != RowPieces {
		t.Errorf("on a quick link %d pieces go in one call, want %d", n, RowPieces)
	}
	full, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	rows := 0
	for ; rows <= mostRows; rows++ {
		if _, err := p.enter(full, RowPieces); err != nil {
			break
		}
	}
	if rows != mostRows {
		t.Errorf("%d calls of many pieces travel at a time, want %d", rows, mostRows)
	}
	for range rows {
		p.leave(RowPieces, time.Second)
	}
	if n, err := p.enter(t.Context(), 1); err != nil || n != 1 {
		t.Fatal(n, err)
	}
	if p.leave(1, quick/2); p.allowed != mostPieces {
		t.Errorf("alone %d pieces may travel at a time, want %d", p.allowed, mostPieces)
	}
}
