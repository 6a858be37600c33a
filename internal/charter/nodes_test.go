package charter_test

import (
	"errors"
	"testing"

	"kua/internal/charter"
	"kua/internal/fault"
)

// TestStruckNode strikes a node off: what it signed for earlier days stays
// checkable, what it signs for later ones is not believed, and nobody can take
// the strike back.
func TestStruckNode(t *testing.T) {
	chain := load(t).Chains[0].Chain
	now, err := chain.Verify("")
	if err != nil {
		t.Fatal(err)
	}
	key := now.Nodes[0].Key
	if err := now.Named(key); err != nil {
		t.Fatalf("before: Named = %v", err)
	}
	struck, err := now.Strike(key, "2026-07-30")
	if err != nil {
		t.Fatal(err)
	}
	if len(now.Nodes) != 1 || len(now.Struck) != 0 {
		t.Error("the version before was changed")
	}
	for want, got := range map[string]error{
		"charter.node_struck":    struck.Named(key),
		"charter.node_not_named": struck.Named(now.People[0].PublishKey),
	} {
		if !errors.Is(got, fault.Forbidden(want)) {
			t.Errorf("Named = %v, want %s", got, want)
		}
	}
	if _, err := now.Strike(now.People[0].PublishKey, "2026-07-30"); !errors.Is(err, fault.Forbidden("charter.node_not_named")) {
		t.Errorf("striking a stranger = %v", err)
	}
	if again, err := struck.Strike(key, "2026-12-01"); err != nil || again.Struck[0].Day != "2026-07-30" {
		t.Errorf("struck twice: %+v, %v", again.Struck, err)
	}
	struck.Nodes = now.Nodes
	if err := struck.Validate(); !errors.Is(err, fault.Invalid("charter.struck_node")) {
		t.Errorf("back among the nodes: %v", err)
	}

	longer := load(t).Chains[3].Chain // "a node is struck off", of the vectors
	for day, want := range map[string]string{"2026-07-29": "", "2026-07-30": "charter.node_struck", "2026-12-31": "charter.node_struck", "soon": "charter.node_struck"} {
		err := longer.Signed(key, day)
		if want == "" && err != nil || want != "" && !errors.Is(err, fault.Forbidden(want)) {
			t.Errorf("signed for %s: %v, want %q", day, err, want)
		}
	}
	if err := chain.Signed(key, "2026-12-31"); err != nil {
		t.Errorf("not struck yet: %v", err)
	}
	for _, unknown := range []charter.Chain{chain, longer} {
		if err := unknown.Signed(now.People[0].PublishKey, "2026-07-01"); !errors.Is(err, fault.Forbidden("charter.node_not_named")) {
			t.Errorf("a stranger's document: %v", err)
		}
	}
}
