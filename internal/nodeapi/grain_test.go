package nodeapi

import (
	"testing"
	"time"
)

// TestGrain plays roads: one that takes everything, one that freezes after some
// bytes, and one that gets better again.
func TestGrain(t *testing.T) {
	var g grain
	for range 5 {
		n, fresh := g.next()
		if fresh {
			t.Fatalf("a good road with a new connection for %d bytes", n)
		}
		g.went(n, time.Millisecond)
	}
	if n, _ := g.next(); n != most {
		t.Errorf("on a good road %d bytes go in one call", n)
	}

	freezes, broke, sent := 12<<10, 0, 0
	for range 400 {
		n, _ := g.next()
		if n > freezes {
			g.broke(n)
			broke++
			continue
		}
		g.went(n, time.Millisecond)
		sent += n
	}
	// It finds its size, and tries for more ever more seldom.
	if broke > 12 || sent/400 < 5<<10 {
		t.Errorf("%d calls of 400 broke, %d bytes a call", broke, sent/400)
	}
	if _, fresh := g.next(); !fresh {
		t.Error("no new connection where one freezes")
	}

	// An outage breaks all calls of a moment, and counts once.
	var several grain
	for range 6 {
		several.broke(most)
	}
	if several.ceiling != most/2 || several.probe != firstProbe {
		t.Errorf("six calls broken at once: %d, %d", several.ceiling, several.probe)
	}

	for range 5000 {
		n, _ := g.next()
		g.went(n, time.Millisecond)
	}
	if n, fresh := g.next(); n != most || fresh {
		t.Errorf("a road that got better takes %d bytes, new connections %v", n, fresh)
	}
	for range 12 {
		n, _ := g.next()
		g.went(n, time.Minute)
	}
	if n, _ := g.next(); n != leastGrain {
		t.Errorf("on a crawling road %d bytes go in one call", n)
	}
}
