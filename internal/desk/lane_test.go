package desk

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"testing"

	"kua/internal/fault"
	"kua/internal/node"
	"kua/internal/nodeapi"
	"kua/internal/seal"
)

// TestLaneOfAHostileNode: a node that mixes contacts up, makes some up, or never
// ends does not make the desk believe it; what is genuine is still opened.
func TestLaneOfAHostileNode(t *testing.T) {
	ctx := context.Background()
	h := newHouse(t)
	c := newCollectiveAt(t, h.server.URL, h.key)
	now, err := c.chain.Verify("")
	ok(t, err)
	sealed := func(request int64, contact string) nodeapi.LaneContact {
		doc, err := json.Marshal(nodeapi.OpenedContact{Kind: nodeapi.KindLaneContact, Request: request, Day: "2026-11-28", Contact: contact})
		ok(t, err)
		var b bytes.Buffer
		w, err := seal.Writer(&b, now.Recipients())
		ok(t, err)
		_, err = w.Write(doc)
		ok(t, err)
		ok(t, w.Close())
		return nodeapi.LaneContact{Request: request, Day: "2026-11-28", Sealed: b.Bytes()}
	}
	swapped := sealed(3, "somebody else's")
	swapped.Request = 2
	answers := map[string]any{
		"contacts/0": nodeapi.LaneContacts{Contacts: []nodeapi.LaneContact{sealed(1, "genuine"), swapped, {Request: 3, Sealed: []byte("rubbish")}}},
		"letters/0":  nodeapi.LaneLetters{Letters: make([]nodeapi.LaneLetter, nodeapi.LanePage)}, // all with the number 0: it would never end
	}
	n, err := node.New(ctx, node.Config{Dir: h.dir, Chain: c.chain, Lane: func(w http.ResponseWriter, r *http.Request, _ []byte) error {
		return json.NewEncoder(w).Encode(answers[r.PathValue("call")])
	}})
	ok(t, err)
	t.Cleanup(func() { n.Close() })
	h.now = n.Handler()
	s := c.sit(c.open(c.aigul), c.aigul)
	all, away, err := s.LaneContacts(ctx)
	ok(t, err)
	if len(all) != 3 || len(away) != 0 || all[0].Contact != "genuine" || all[0].Fault != nil {
		t.Fatalf("LaneContacts = %+v, %+v", all, away)
	}
	if !errors.Is(all[1].Fault, fault.Corrupt("nodeapi.lane_sealed")) || all[1].Contact != "" || all[2].Fault == nil {
		t.Errorf("swapped: %+v; rubbish: %+v", all[1], all[2])
	}
	if _, away, err := s.LaneLetters(ctx); err != nil || len(away) != 1 || !errors.Is(away[0].Err, fault.Corrupt("nodeapi.not_understood")) {
		t.Errorf("an endless list: %+v, %v", away, err)
	}
	if err := s.LaneSent(ctx, "https://elsewhere.example", nodeapi.LaneSent{Request: 1, Day: "2026-11-28"}); !errors.Is(err, fault.NotFound("desk.no_node")) {
		t.Errorf("a node that the charter does not name: %v", err)
	}
	stranger := nodeapi.NewClient(h.server.URL, nodeapi.WithNodeKey(h.key), nodeapi.WithTries(1, 0))
	if _, err := stranger.LaneContacts(ctx, 0); err == nil {
		t.Error("a stranger was given the sealed contacts")
	}
}
