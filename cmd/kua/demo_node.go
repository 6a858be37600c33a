package main

import (
	"context"
	"errors"
	"log/slog"
	"net"

	"kua/internal/authority"
	"kua/internal/charter"
	"kua/internal/node"
)

// demoNode is a node in this process. Its address is taken before it starts,
// since the charter must name it.
type demoNode struct {
	listener net.Listener
	dir      string
	stopped  chan error
	cancel   context.CancelFunc
}

func (d *demoNode) url() string { return "http://" + d.listener.Addr().String() }

func (d *demoNode) key() (string, error) { return node.EnsureKey(d.dir) }

func (d *demoNode) start(ctx context.Context, a *app, chain charter.Chain) error {
	ctx, cancel := context.WithCancel(ctx)
	n, err := a.openNode(ctx, node.Config{Dir: d.dir, Chain: chain, Diary: slog.New(slog.DiscardHandler)}, laneAt{})
	if err != nil {
		cancel()
		return err
	}
	if _, _, _, err := n.lane.Import(ctx, authority.Sample()); err != nil { // a made-up city, for trying the open lane
		cancel()
		return errors.Join(err, n.Close())
	}
	d.cancel = cancel
	d.stopped = make(chan error, 1)
	go func() {
		err := n.Serve(ctx, node.Listen{Listener: d.listener, BehindProxy: true}, n)
		d.stopped <- errors.Join(err, n.Close())
	}()
	return nil
}

// stop ends the node and waits for it.
func (d *demoNode) stop() {
	if d.cancel == nil {
		_ = d.listener.Close()
		return
	}
	d.cancel()
	<-d.stopped
}
