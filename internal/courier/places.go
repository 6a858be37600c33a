package courier

import (
	"net"
	"sync"

	"kua/internal/fault"
)

// Places are how many may be served at the same time, and how many of them from one
// address, so that a single phone keeps nobody out. Of an address it knows only for
// how many places it stands just now. It is safe for use by several goroutines.
type Places struct {
	all, each int

	mu    sync.Mutex
	taken int
	by    map[string]int
}

// NewPlaces gives so many places, and of them so many to each address.
func NewPlaces(all, each int) *Places { return &Places{all: all, each: each, by: make(map[string]int)} }

// Take takes a place for whoever calls from an address, as http.Request.RemoteAddr
// names it, until leave is called, once. Without one the fault is courier.busy.
func (p *Places) Take(remote string) (leave func(), err error) {
	host, _, err := net.SplitHostPort(remote)
	if err != nil {
		host = remote
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.taken >= p.all || p.by[host] >= p.each {
		return nil, fault.Later("courier.busy")
	}
	p.taken++
	p.by[host]++
	return func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.taken--
		if p.by[host]--; p.by[host] == 0 {
			delete(p.by, host)
		}
	}, nil
}
