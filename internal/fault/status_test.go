package fault_test

import (
	"errors"
	"fmt"
	"testing"

	"kua/internal/fault"
)

// TestStatus names every kind's status, as spec/node-api.md has it.
func TestStatus(t *testing.T) {
	want := map[fault.Kind]int{
		fault.KindInternal: 500, fault.KindInvalid: 422, fault.KindNotFound: 404, fault.KindConflict: 409, fault.KindForbidden: 403,
		fault.KindTooLarge: 413, fault.KindLater: 503, fault.KindCorrupt: 422, fault.KindMissing: 500,
	}
	for kind := fault.KindInternal; kind <= fault.KindMissing; kind++ {
		if got := fault.Status(fmt.Errorf("read it: %w", fault.New(kind, "a.key"))); got != want[kind] {
			t.Errorf("kind %d is %d, want %d", kind, got, want[kind])
		}
	}
	for err, house := range map[error]bool{errors.New("no fault"): true, fault.New(fault.KindInternal, "a.key"): true, fault.Corrupt("a.key"): true,
		fault.Later("a.key"): false, fault.Invalid("a.key"): false, fault.NotFound("a.key"): false} {
		if got := fault.OfHouse(fmt.Errorf("read it: %w", err)); got != house {
			t.Errorf("OfHouse(%v) = %v", err, got)
		}
	}
	if got := fault.Status(errors.New("no fault")); got != 500 {
		t.Errorf("no fault is %d", got)
	}
}
