package desk

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"kua/internal/casefile"
	"kua/internal/desk/deskdb"
	"kua/internal/fault"
	"kua/internal/parcel"
)

// Progress tells how a collection goes on.
type Progress struct {
	Node     string        // that gave the last piece
	Parcel   string        // "" while the nodes' lists are fetched
	Done     int64         // bytes of all arriving parcels that are here
	Total    int64         // bytes of all arriving parcels
	Left     time.Duration // an estimate, 0 when there is none yet
	Report   bool          // the report of Parcel has just become readable
	Finished bool          // Parcel is whole, or refused
}

// Collected is what a collection brought.
type Collected struct {
	New      int // parcels not seen before
	Whole    int // became whole and valid
	Refused  int // became whole and cannot be opened
	Arriving int // still miss pieces
	NoRoom   int // of those, how many wait for room on the desk's disk
	Bytes    int64
	Nodes    []NodeCall
}

// NodeCall is how the call to one node went.
type NodeCall struct {
	URL     string
	Parcels int   // that it holds
	Err     error // nil when it answered
}

// collection is one run of Collect.
type collection struct {
	d     *Desk
	nodes map[string]*nodeClient // those that answer
	tell  func(Progress)
	start time.Time

	beginning sync.Mutex // one parcel begins at a time

	mu      sync.Mutex // guards what follows
	now     Progress
	fetched int64
	out     Collected
}

// Collect fetches what is new from every node. The first pieces of every new
// parcel come first, so that all reports can be read before the first film is
// here. Nodes that do not answer are named in the result and hold nothing up,
// and neither does a parcel that cannot be opened: it becomes visible as
// refused and its bytes are kept. What would leave less of the disk free than
// Config.Reserve stays on the nodes; parcels whose report can be read come
// before those that may be nothing but bytes. It may be interrupted and called again;
// nothing is fetched twice. While the nodes are at hand, replies and an edition
// that did not get through before are brought too.
func (d *Desk) Collect(ctx context.Context, progress func(Progress)) (Collected, error) {
	if !d.collecting.TryLock() {
		return Collected{}, fault.Conflict("desk.collecting")
	}
	defer d.collecting.Unlock()
	if progress == nil {
		progress = func(Progress) {}
	}
	c := &collection{d: d, nodes: make(map[string]*nodeClient), tell: progress, start: time.Now()}
	if err := c.run(ctx); err != nil {
		return c.out, err
	}
	if err := d.addProbes(ctx); err != nil {
		return c.out, err
	}
	if err := d.addComparisons(ctx); err != nil {
		return c.out, err
	}
	if _, _, err := d.SendReplies(ctx); err != nil {
		return c.out, err
	}
	return c.out, d.push(ctx, func(string, int64, int64) {})
}

func (c *collection) run(ctx context.Context) error {
	c.tell(c.now)
	if err := c.list(ctx); err != nil {
		return err
	}
	arriving, err := c.measure(ctx)
	if err != nil {
		return err
	}
	fetches, err := c.openAll(ctx, arriving)
	defer func() {
		for _, f := range fetches {
			f.close()
		}
	}()
	if err != nil {
		return err
	}
	for _, f := range fetches {
		if err := c.showReport(ctx, f); err != nil {
			return err
		}
	}
	// Bytes that nobody can read must not take the room of what somebody told.
	slices.SortStableFunc(fetches, func(a, b *fetch) int {
		switch {
		case a.parcel.HasReport == b.parcel.HasReport:
			return 0
		case a.parcel.HasReport:
			return -1
		default:
			return 1
		}
	})
	for _, f := range fetches {
		if err := c.finish(ctx, f); err != nil {
			return err
		}
	}
	if err := c.retryRefused(ctx); err != nil {
		return err
	}
	return c.forget(ctx)
}

// list asks every node, side by side, what it holds.
func (c *collection) list(ctx context.Context) error {
	nodes := c.d.nodes()
	c.out.Nodes = make([]NodeCall, len(nodes))
	var all errgroup.Group
	for i, n := range nodes {
		all.Go(func() error {
			client, err := c.d.client(n)
			call := NodeCall{URL: n.URL}
			if err == nil {
				call.Parcels, err = c.listOne(ctx, client)
			}
			call.Err = err
			c.out.Nodes[i] = call
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if err == nil {
				c.mu.Lock()
				c.nodes[n.URL] = client
				c.mu.Unlock()
			}
			return c.note(ctx, n.URL, client, err)
		})
	}
	return all.Wait()
}

// note keeps when a node was asked. A courier's folder answers for every node: of
// those at which it was, by their own word, that day counts, and of the others nothing.
func (c *collection) note(ctx context.Context, url string, client *nodeClient, why error) error {
	if !c.d.cfg.Hand {
		return c.d.db.NodeCollected(ctx, url, why)
	}
	if why != nil {
		return nil // the folder's fault, and not the node's
	}
	day, err := client.Met(ctx)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil || day.IsZero() {
		c.d.cfg.Diary.Debug("the folder was not at the node", "node", url, "cause", faultKey(err))
		return nil
	}
	return c.d.db.NodeMet(ctx, url, day)
}

func (c *collection) listOne(ctx context.Context, n *nodeClient) (int, error) {
	ids, err := n.parcels(ctx)
	if err != nil {
		return 0, err
	}
	for _, id := range ids {
		_, known, err := c.d.db.SightAgain(ctx, n.url, id)
		if err != nil {
			return 0, err
		}
		if known {
			continue
		}
		x, err := n.Index(ctx, id)
		if err != nil {
			return 0, fmt.Errorf("fetch the index of parcel %s: %w", id, err)
		}
		if err := c.begin(ctx, n, x); err != nil {
			return 0, err
		}
	}
	return len(ids), nil
}

// begin makes a parcel known. Two nodes may have it at the same moment.
func (c *collection) begin(ctx context.Context, n *nodeClient, x parcel.Index) error {
	c.beginning.Lock()
	defer c.beginning.Unlock()
	if _, known, err := c.d.db.SightAgain(ctx, n.url, x.ID()); err != nil || known {
		return err
	}
	if err := c.d.parcel(x.ID()).begin(x); err != nil {
		return err
	}
	_, fresh, err := c.d.db.Sight(ctx, n.url, x)
	if fresh {
		c.out.New++
	}
	return err
}

func (c *collection) measure(ctx context.Context) ([]deskdb.Parcel, error) {
	arriving, err := c.d.db.Parcels(ctx, casefile.Arriving)
	for _, p := range arriving {
		c.now.Total += p.Size
	}
	return arriving, err
}

func (c *collection) openAll(ctx context.Context, arriving []deskdb.Parcel) ([]*fetch, error) {
	var all []*fetch
	for _, p := range arriving {
		f, err := c.open(ctx, p)
		if err != nil {
			return all, fmt.Errorf("open parcel %s: %w", p.ID, err)
		}
		all = append(all, f)
		for n := range f.held {
			c.now.Done += f.index.PieceSize(n)
		}
	}
	return all, nil
}

// showReport reads the report from the first pieces, fetching no more of them
// than it takes. What cannot be read yet is left to the end of the parcel.
func (c *collection) showReport(ctx context.Context, f *fetch) error {
	if f.parcel.HasReport {
		return nil
	}
	if room, err := c.roomFor(f.index.PieceSize(0)); err != nil || !room {
		return err
	}
	r, err := f.report(ctx)
	if err != nil {
		return c.excuse(ctx, f, err)
	}
	if err := f.flush(ctx); err != nil {
		return err
	}
	if err := c.d.db.ShowReport(ctx, f.parcel.Number, r, wordsOf(r)); err != nil {
		return err
	}
	f.parcel.HasReport = true
	c.say(f, func(p *Progress) { p.Report = true })
	return nil
}

// excuse swallows what is the parcel's or the nodes' fault: it is seen again,
// and noted, when the parcel is finished. What is the desk's own goes up.
func (c *collection) excuse(ctx context.Context, f *fetch, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if f.failed != nil {
		return f.failed
	}
	c.d.cfg.Diary.Debug("report not readable yet", "parcel", f.parcel.ID, "cause", faultKey(err))
	return nil
}

// finish fetches the rest of a parcel and, when it is all here, opens it.
func (c *collection) finish(ctx context.Context, f *fetch) error {
	if room, err := c.roomFor(f.missing()); err != nil {
		return err
	} else if !room {
		c.out.Arriving++
		c.out.NoRoom++
		return nil
	}
	err := f.rest(ctx)
	if flushed := f.flush(ctx); flushed != nil {
		return flushed
	}
	if err != nil {
		if err := c.excuse(ctx, f, err); err != nil {
			return err
		}
	}
	if !f.complete() {
		c.out.Arriving++
		return nil
	}
	ok, err := c.d.settle(ctx, f.parcel)
	if err != nil {
		return fmt.Errorf("settle parcel %s: %w", f.parcel.ID, err)
	}
	if ok {
		c.out.Whole++
	} else {
		c.out.Refused++
	}
	c.say(f, func(p *Progress) { p.Finished = true })
	return nil
}

// roomFor reports whether so many bytes more leave the disk its reserve.
func (c *collection) roomFor(bytes int64) (bool, error) {
	if bytes == 0 {
		return true, nil
	}
	disk, err := c.d.cfg.FreeDisk(c.d.cfg.Dir)
	return disk.Free >= uint64(c.d.cfg.Reserve)+uint64(bytes), err
}

// retryRefused tries parcels that an earlier person could not open.
func (c *collection) retryRefused(ctx context.Context) error {
	refused, err := c.d.db.Parcels(ctx, casefile.Refused)
	if err != nil {
		return err
	}
	for _, p := range refused {
		if p.Fault != "keyring.not_for_you" || p.RefusedFor == c.d.person.Recipient() {
			continue
		}
		ok, err := c.d.settle(ctx, p)
		if err != nil {
			return fmt.Errorf("settle parcel %s: %w", p.ID, err)
		}
		if ok {
			c.out.Whole++
		}
	}
	return nil
}

// forget tells the nodes that answer to forget what is whole here.
func (c *collection) forget(ctx context.Context) error {
	if c.d.cfg.Keep {
		return nil
	}
	for url, n := range c.nodes {
		ids, err := c.d.db.ToForget(ctx, url)
		if err != nil {
			return err
		}
		for _, id := range ids {
			err := n.Forget(ctx, id)
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if err != nil {
				c.d.cfg.Diary.Warn("node keeps a collected parcel", "node", url, "parcel", id, "cause", faultKey(err))
				continue
			}
			if err := c.d.db.Forgotten(ctx, url, id); err != nil {
				return err
			}
		}
	}
	return nil
}

// got notes bytes that have just come.
func (c *collection) got(f *fetch, node string, n int64) {
	c.mu.Lock()
	c.now.Node = node
	c.now.Done += n
	c.fetched += n
	c.out.Bytes += n
	c.now.Left = c.left()
	c.mu.Unlock()
	c.say(f, func(*Progress) {})
}

func (c *collection) left() time.Duration {
	passed := time.Since(c.start)
	if c.fetched == 0 || passed < time.Second {
		return 0
	}
	return time.Duration(float64(passed) * float64(c.now.Total-c.now.Done) / float64(c.fetched)).Round(time.Second)
}

func (c *collection) say(f *fetch, add func(*Progress)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	p := c.now
	p.Parcel = f.parcel.ID
	add(&p)
	c.tell(p)
}
