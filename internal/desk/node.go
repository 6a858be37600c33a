package desk

import (
	"context"
	"time"

	"kua/internal/charter"
	"kua/internal/fault"
	"kua/internal/nodeapi"
)

// nodeClient calls one node of the charter as this desk.
type nodeClient struct {
	url string
	*nodeapi.Client
}

// client makes a client that believes the node only under the key that the
// charter gives it. It gives up soon: a node that is away must not hold up the
// others, and every call is made again another time. Where the node has a door
// for this desk, it is called there.
func (d *Desk) client(n charter.Node) (*nodeClient, error) {
	if n.URL == "" || n.Key == "" {
		return nil, fault.Invalid("desk.node_without_key", n.URL)
	}
	roads, err := ReadRoads(d.dir)
	if err != nil {
		return nil, err
	}
	at := n.URL
	if door := roads.ByNode[n.Key]; door != "" {
		at = door
	}
	return &nodeClient{url: n.URL, Client: nodeapi.NewClient(at,
		nodeapi.WithHTTP(d.cfg.HTTP), nodeapi.WithNodeKey(n.Key), nodeapi.WithDesk(d.desk), nodeapi.WithTries(d.cfg.Tries, 5*time.Second))}, nil
}

func (n *nodeClient) parcels(ctx context.Context) ([]string, error) {
	list, err := n.Parcels(ctx)
	ids := make([]string, len(list))
	for i, p := range list {
		ids[i] = p.ID
	}
	return ids, err
}

// NodeState is what the desk knows of one node.
type NodeState struct {
	URL       string
	Collected time.Time // last successful collection, zero when never
	Edition   int       // number of the edition it is known to hold, 0 for none
	Behind    bool      // it does not hold the newest edition
	Fault     error     // last failure since the last success, nil when there was none
	FaultAt   time.Time
}

// Nodes gives the state of every node of the charter.
func (d *Desk) Nodes(ctx context.Context) ([]NodeState, error) {
	known, err := d.db.Nodes(ctx)
	if err != nil {
		return nil, err
	}
	newest, err := d.edition()
	if err != nil {
		return nil, err
	}
	var all []NodeState
	for _, n := range d.Charter().Nodes {
		k := known[n.URL]
		s := NodeState{URL: n.URL, Collected: k.Collected, Edition: k.Edition, FaultAt: k.FaultAt}
		s.Behind = newest.number > 0 && k.Manifest != newest.hash
		if k.Fault != "" {
			s.Fault = fault.New(fault.KindLater, k.Fault, k.FaultArgs...)
		}
		all = append(all, s)
	}
	return all, nil
}
