package main

import (
	"context"
	"errors"
	"log/slog"
	"net"

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
	n, handler, err := a.openNode(ctx, node.Config{Dir: d.dir, Chain: chain, Diary: slog.New(slog.DiscardHandler)})
	if err != nil {
		cancel()
		return err
	}
	d.cancel = cancel
	d.stopped = make(chan error, 1)
	go func() {
		err := n.Serve(ctx, node.Listen{Listener: d.listener, BehindProxy: true}, handler)
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
