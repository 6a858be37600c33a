package desk

import (
	"context"
	"net/url"
	"slices"
	"time"

	"kua/internal/charter"
	"kua/internal/fault"
	"kua/internal/nodeapi"
	"kua/internal/onion"
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
	at, err := d.addressOf(n)
	if err != nil {
		return nil, err
	}
	options := []nodeapi.Option{
		nodeapi.WithHTTP(d.cfg.HTTP), nodeapi.WithNodeKey(n.Key), nodeapi.WithDesk(d.desk), nodeapi.WithTries(d.cfg.Tries, 5*time.Second),
	}
	if d.cfg.Hand {
		options = append(options, nodeapi.WithClock(func() time.Time { return time.Now().UTC().Truncate(24 * time.Hour) }))
	}
	return &nodeClient{url: n.URL, Client: nodeapi.NewClient(at, options...)}, nil
}

// nodes gives every node of the charter once: one that stands there with several
// addresses, in the clear and at an onion, is known by the first.
func (d *Desk) nodes() []charter.Node {
	var all []charter.Node
	for _, n := range d.Charter().Nodes {
		if !slices.ContainsFunc(all, func(m charter.Node) bool { return m.Key == n.Key }) {
			all = append(all, n)
		}
	}
	return all
}

// addressOf says where a node is called: at its door for this desk, else at the
// address that fits the desk's road, else at the first.
func (d *Desk) addressOf(n charter.Node) (string, error) {
	roads, err := ReadRoads(d.dir)
	if err != nil {
		return "", err
	}
	if door := roads.ByNode[n.Key]; door != "" {
		return door, nil
	}
	for _, m := range d.Charter().Nodes {
		if u, err := url.Parse(m.URL); err == nil && m.Key == n.Key && onion.Is(u.Hostname()) == d.cfg.Tor {
			return m.URL, nil
		}
	}
	return n.URL, nil
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
	Key       string
	Collected time.Time // last successful collection, zero when never
	Edition   int       // number of the edition it is known to hold, 0 for none
	Behind    bool      // it does not hold the newest edition
	Unsent    int       // replies that it does not hold yet
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
	unsent, err := d.unsent(ctx)
	if err != nil {
		return nil, err
	}
	var all []NodeState
	for _, n := range d.nodes() {
		k := known[n.URL]
		s := NodeState{URL: n.URL, Key: n.Key, Unsent: unsent[n.URL], Collected: k.Collected, Edition: k.Edition, FaultAt: k.FaultAt}
		s.Behind = newest.number > 0 && k.Manifest != newest.hash
		if k.Fault != "" {
			s.Fault = fault.New(fault.KindLater, k.Fault, k.FaultArgs...)
		}
		all = append(all, s)
	}
	return all, nil
}

// unsent counts the replies that each node lacks.
func (d *Desk) unsent(ctx context.Context) (map[string]int, error) {
	var urls []string
	for _, n := range d.nodes() {
		urls = append(urls, n.URL)
	}
	outbox, err := d.db.Outbox(ctx, urls)
	count := make(map[string]int)
	for _, o := range outbox {
		count[o.Node]++
	}
	return count, err
}
