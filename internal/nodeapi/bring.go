package nodeapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"kua/internal/fault"
)

// patience is how long nothing may move in a call that brings so many bytes: they
// may lie in the system's buffers while a link of a kilobyte a second carries them.
func patience(bytes int) time.Duration {
	return 15*time.Second + time.Duration(bytes)*time.Second/1024
}

// How much is sent in one call. The first is a small part of a piece, so that a
// link that freezes is known after seconds.
const (
	firstGrain = 32 << 10
	leastGrain = LeastPart
	quickCall  = 2 * time.Second
	longCall   = 10 * time.Second
	firstProbe = 16 // calls that go well before more is tried than once failed
	damaged    = 5  // times that a piece may arrive with other bytes than were sent
)

// grain is how many bytes a road takes in one call: twice as many after a quick
// one, fewer after one that broke, and then no more than broke for a good while.
type grain struct {
	mu      sync.Mutex
	size    int
	ceiling int // 0: none
	good    int
	probe   int
}

// next gives the bytes of the next call, and whether it wants a connection of its
// own: the old one may be frozen, or nearly spent.
func (g *grain) next() (bytes int, fresh bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.size == 0 {
		g.size = firstGrain
	}
	return g.size, g.ceiling > 0
}

// went says that a call with so many bytes was answered after so long.
func (g *grain) went(bytes int, took time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if bytes >= g.size && g.ceiling > 0 {
		if g.good++; g.good >= g.probe {
			g.ceiling, g.good = g.ceiling*2, 0
			if g.ceiling >= most {
				g.ceiling = 0
			}
		}
	}
	switch {
	case took < quickCall && bytes >= g.size:
		g.size = min(g.size*2, most)
		if g.ceiling > 0 {
			g.size = min(g.size, g.ceiling)
		}
	case took > longCall:
		g.size = max(leastGrain, g.size/2)
	}
}

// broke says that a call with so many bytes was not answered.
func (g *grain) broke(bytes int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case g.ceiling > 0 && bytes > g.ceiling:
		return // it began before another call of the same moment broke
	case g.ceiling == 0:
		g.probe = firstProbe
	default:
		g.probe = min(g.probe*2, 1<<20)
	}
	g.ceiling, g.good = max(leastGrain, bytes/2), 0
	g.size = max(leastGrain, bytes/4)
}

// most is a whole piece.
const most = 256 << 10

// Offset asks how much of a piece the node durably holds, and whether that is all
// of it. What this client still had under way there is ended by it.
func (c *Client) Offset(ctx context.Context, upload, hash string) (at int64, complete bool, err error) {
	a, err := c.do(ctx, call{method: http.MethodHead, path: piecePath(upload, hash), limit: 64 << 10, tries: 1, stall: patience(0), fresh: true})
	if err != nil {
		return 0, false, err
	}
	return held(a)
}

func held(a answer) (at int64, complete bool, err error) {
	at, err = strconv.ParseInt(a.header.Get(OffsetHeader), 10, 64)
	if err != nil || at < 0 || at > most {
		return 0, false, fault.Corrupt("nodeapi.not_understood")
	}
	return at, a.header.Get(CompleteHeader) == "?1", nil
}

func piecePath(upload, hash string) string { return "/uploads/" + upload + "/pieces/" + hash }

// Append adds b to a piece at the offset at; last says that it ends there. It gives
// how much the node then durably holds. Where the node holds another length the
// fault is node.other_offset.
func (c *Client) Append(ctx context.Context, upload, hash string, at int64, b []byte, last bool) (int64, bool, error) {
	return c.append(ctx, upload, hash, at, b, last, false)
}

func (c *Client) append(ctx context.Context, upload, hash string, at int64, b []byte, last, fresh bool) (int64, bool, error) {
	complete := "?0"
	if last {
		complete = "?1"
	}
	a, err := c.do(ctx, withBytes(call{
		method: http.MethodPatch, path: piecePath(upload, hash), kind: PartType, limit: 64 << 10, tries: 1, stall: patience(len(b)), fresh: fresh,
		header: http.Header{OffsetHeader: {strconv.FormatInt(at, 10)}, CompleteHeader: {complete}},
	}, b))
	if err != nil {
		return 0, false, err
	}
	return held(a)
}

// Bring brings one piece over a link of whatever kind, in one call or in many
// small ones, and goes on where it broke off: from is what the node is known to
// hold of it. told is called with what the node holds then, nil is nobody. It
// returns when the node durably holds the piece, or when the node could not be
// reached, or brought no further, as often as the client tries. A node that answers
// and keeps nothing counts as one that is not reached: nodeapi.no_further.
func (c *Client) Bring(ctx context.Context, upload, hash string, piece []byte, from int64, told func(held int64)) error {
	b := &bringing{c: c, upload: upload, hash: hash, piece: piece, at: from, told: told}
	if from < 0 || from > int64(len(piece)) {
		b.at = 0
	}
	return b.bring(ctx)
}

func (b *bringing) bring(ctx context.Context) error {
	c := b.c
	furthest := b.at // what the node forgets and takes again brings no further
	for failures, spoilt, strayed := 0, 0, 0; ; {
		done, err := b.step(ctx)
		if done {
			return nil
		}
		if b.at > furthest && !is(err, noFurther) {
			furthest, failures = b.at, 0
		}
		switch {
		case err == nil:
			continue
		case errors.Is(err, fault.Invalid("blob.wrong_hash")):
			if spoilt++; spoilt >= damaged {
				return fmt.Errorf("%s: %w", c.base, err)
			}
			b.at, furthest = 0, 0
			b.say()
			continue
		case is(err, "node.other_offset") && strayed < damaged: // another carrier of the same file, or a node that forgot
			strayed++
			continue
		case ctx.Err() != nil, !again(err), is(err, "node.disk_full", "node.full", "node.too_many_uploads"):
			return fmt.Errorf("%s: %w", c.base, err)
		}
		if failures++; failures >= c.tries {
			return fmt.Errorf("%s: %w", c.base, err)
		}
		if stopped := c.pause(ctx, failures, 0); stopped != nil {
			return fmt.Errorf("%s: %w", c.base, errors.Join(stopped, err))
		}
		b.unsure = true
	}
}

// noFurther is the fault of a node that says that it took bytes, and holds fewer.
const noFurther = "nodeapi.no_further"

// bringing is a piece on its way.
type bringing struct {
	c            *Client
	upload, hash string
	piece        []byte
	at           int64
	unsure       bool // whether the node holds more than at
	told         func(int64)
}

// step makes one call. done says that the node holds the piece.
func (b *bringing) step(ctx context.Context) (done bool, err error) {
	if b.unsure {
		at, complete, err := b.c.Offset(ctx, b.upload, b.hash)
		if err != nil {
			return false, err
		}
		b.unsure = false
		if b.at = at; complete {
			b.at = int64(len(b.piece))
		}
		b.say()
		if complete {
			return true, nil
		}
	}
	size, fresh := b.c.grain.next()
	rest := b.piece[min(b.at, int64(len(b.piece))):]
	chunk := rest[:min(size, len(rest))]
	last := len(chunk) == len(rest)
	begun := time.Now()
	at, complete := int64(len(b.piece)), true
	if b.at == 0 && len(chunk) == len(b.piece) {
		err = b.c.put(ctx, b.upload, b.hash, b.piece, fresh)
	} else {
		at, complete, err = b.c.append(ctx, b.upload, b.hash, b.at, chunk, last, fresh)
	}
	if err != nil {
		b.unsure = true
		if unanswered(err) {
			b.c.grain.broke(len(chunk))
		}
		return false, err
	}
	switch end := b.at + int64(len(chunk)); {
	case !complete && at > end:
		return false, fault.Corrupt("nodeapi.not_understood")
	case !complete && (at < end || last):
		b.c.grain.broke(len(chunk))
		err = fault.Later(noFurther)
	default:
		b.c.grain.went(len(chunk), time.Since(begun))
	}
	b.at = at
	b.say()
	return complete, err
}

func (b *bringing) say() {
	if b.told != nil {
		b.told(b.at)
	}
}

// unanswered reports whether the link is to blame, as against a node that refused.
func unanswered(err error) bool {
	return is(err, "nodeapi.unreachable", "nodeapi.cut_off", "node.too_slow")
}

func is(err error, keys ...string) bool {
	f, ok := fault.Of(err)
	return ok && slices.Contains(keys, f.Key)
}

func (c *Client) put(ctx context.Context, upload, hash string, piece []byte, fresh bool) error {
	_, err := c.do(ctx, withBytes(call{
		method: http.MethodPut, path: piecePath(upload, hash), kind: "application/octet-stream", limit: 64 << 10,
		tries: 1, stall: patience(len(piece)), fresh: fresh,
	}, piece))
	return err
}
