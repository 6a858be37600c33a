// Package linktest is a bad road for tests: a proxy on loopback that freezes each
// connection after so many bytes, carries few bytes a second, resets, or holds
// back what a censor would.
package linktest

import (
	"context"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Road says how bad it is. Zero values do nothing.
type Road struct {
	Freeze int // bytes in both directions after which a connection passes nothing more, and stays open
	Rate   int // bytes a second of the whole road
	Budget int // bytes of the whole road after which it is cut: connections end and no new one is taken
}

// Proxy is a running road.
type Proxy struct {
	Addr   string
	Conns  atomic.Int64 // connections that were made
	Frozen atomic.Int64 // of these, those that froze
	Bytes  atomic.Int64 // that passed

	road   Road
	target string
	next   sync.Mutex
	cut    context.CancelFunc
}

// Start begins a road to the address target. It ends with the test.
func Start(t testing.TB, target string, road Road) *Proxy {
	t.Helper()
	p, end, err := Open(target, road)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(end)
	return p
}

// Open begins a road to the address target, and gives what ends it.
func Open(target string, road Road) (_ *Proxy, end func(), err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, nil, err
	}
	ctx, cut := context.WithCancel(context.Background())
	p := &Proxy{Addr: l.Addr().String(), road: road, target: target, cut: cut}
	var all sync.WaitGroup
	context.AfterFunc(ctx, func() { l.Close() })
	all.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			p.Conns.Add(1)
			all.Go(func() { p.carry(ctx, c) })
		}
	})
	return p, func() { cut(); all.Wait() }, nil
}

func (p *Proxy) carry(ctx context.Context, near net.Conn) {
	far, err := (&net.Dialer{}).DialContext(ctx, "tcp", p.target)
	if err != nil {
		near.Close()
		return
	}
	// The side that calls ends a connection; until then a frozen one stays.
	ctx, end := context.WithCancel(ctx)
	defer end()
	context.AfterFunc(ctx, func() { near.Close(); far.Close() })
	var passed atomic.Int64
	var both sync.WaitGroup
	both.Go(func() { p.pass(ctx, far, near, &passed); end() })
	both.Go(func() {
		if p.pass(ctx, near, far, &passed) {
			end()
		}
	})
	both.Wait()
}

// pass carries what src sends, and reports whether src has ended.
func (p *Proxy) pass(ctx context.Context, dst, src net.Conn, passed *atomic.Int64) (ended bool) {
	b := make([]byte, 1024)
	frozen := false
	for {
		n, err := src.Read(b)
		if n > 0 && !frozen {
			if p.road.Freeze > 0 && passed.Add(int64(n)) > int64(p.road.Freeze) {
				frozen = true // reads on, so that an end is seen, and passes nothing
				p.Frozen.Add(1)
				continue
			}
			if !p.wait(ctx, n) {
				return true
			}
			if _, err := dst.Write(b[:n]); err != nil {
				return true
			}
		}
		if err != nil {
			return !frozen || ctx.Err() != nil
		}
	}
}

// wait takes the road's time for n bytes.
func (p *Proxy) wait(ctx context.Context, n int) bool {
	if total := p.Bytes.Add(int64(n)); p.road.Budget > 0 && total > int64(p.road.Budget) {
		p.cut()
		return false
	}
	if p.road.Rate > 0 {
		p.next.Lock()
		defer p.next.Unlock()
		select {
		case <-time.After(time.Duration(n) * time.Second / time.Duration(p.road.Rate)):
		case <-ctx.Done():
			return false
		}
	}
	return true
}
