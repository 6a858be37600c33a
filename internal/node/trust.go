package node

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"sync"

	"kua/internal/charter"
	"kua/internal/durable"
	"kua/internal/fault"
	"kua/internal/nodeapi"
)

// trust is the charter that the node believes. Both change together.
type trust struct {
	sync.RWMutex
	chain   charter.Chain
	charter charter.Charter
}

// Charter gives the newest charter that the node believes, with its chain.
func (n *Node) Charter() (charter.Charter, charter.Chain) {
	n.trust.RLock()
	defer n.trust.RUnlock()
	return n.trust.charter, n.trust.chain
}

// loadCharter takes the longer of the chain on the disk and the configured one.
// They must be the same story.
func (n *Node) loadCharter() error {
	stored, err := charter.ReadChain(os.DirFS(n.cfg.Dir))
	if f, ok := fault.Of(err); err != nil && (!ok || f.Kind != fault.KindNotFound) {
		return fmt.Errorf("read the node's charter: %w", err)
	}
	if len(stored) > 0 {
		if n.trust.charter, err = stored.Verify(""); err != nil {
			return fmt.Errorf("read the node's charter: %w", err)
		}
		n.trust.chain = stored
	}
	if len(n.cfg.Chain) == 0 && len(stored) == 0 {
		return fault.Invalid("node.no_charter")
	}
	return n.extendCharter(n.cfg.Chain)
}

// continues checks that a chain is genuine and tells the same story as the one
// the node believes, as far as both go.
func (n *Node) continues(chain charter.Chain) error {
	_, have := n.Charter()
	if version, parts := chain.Parts(have); parts {
		return fault.Forbidden("node.other_charter", version)
	}
	if len(chain) <= len(have) {
		return nil
	}
	_, err := chain.Verify("")
	return err
}

// extendCharter believes a chain that continues the present one and keeps it. A
// shorter one of the same story changes nothing.
func (n *Node) extendCharter(chain charter.Chain) error {
	if err := n.continues(chain); err != nil {
		return err
	}
	n.trust.Lock()
	defer n.trust.Unlock()
	if len(chain) <= len(n.trust.chain) {
		return nil
	}
	c, err := chain.Verify("")
	if err != nil {
		return err
	}
	if err := charter.WriteChain(n.cfg.Dir, chain); err != nil {
		return fmt.Errorf("keep the charter: %w", err)
	}
	if err := durable.SyncDir(filepath.Join(n.cfg.Dir, charter.Dir)); err != nil {
		return fmt.Errorf("keep the charter: %w", err)
	}
	n.trust.chain, n.trust.charter = chain, c
	return nil
}

func (n *Node) charterChain(w http.ResponseWriter, _ *http.Request) error {
	_, chain := n.Charter()
	return writeJSON(w, http.StatusOK, nodeapi.ChainAnswer{Chain: chain})
}

// putCharter takes a longer chain from the desk. Races with a switch are kept
// out, so that a switch sees one charter.
func (n *Node) putCharter(w http.ResponseWriter, _ *http.Request, body []byte) error {
	var b nodeapi.ChainAnswer
	if err := readJSON(body, &b); err != nil {
		return err
	}
	n.intake.Lock()
	defer n.intake.Unlock()
	if err := n.extendCharter(b.Chain); err != nil {
		return err
	}
	return n.editionState(w, nil, nil)
}
