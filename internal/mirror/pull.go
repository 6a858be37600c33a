package mirror

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"kua/internal/charter"
	"kua/internal/edition"
	"kua/internal/fault"
	"kua/internal/tlog"
)

// Options say how to pull. The zero value works, but for Sources.
type Options struct {
	Sources  []Source
	Names    []string      // of the sources, to be remembered for the next time; may be nil
	Pinned   string        // id of any charter version that the caller trusts
	Profile  Profile       // "" keeps the mirror's own, or All
	Budget   int64         // bytes that the pull may cost; 0 for any number
	Window   time.Duration // how long it may take; 0 for any time
	Check    bool          // look at every file that is kept, and bring what is damaged anew
	Wire     func() int64  // what it has cost so far; nil counts the bytes of objects alone
	Workers  int           // objects fetched at a time; default 8
	Now      time.Time     // default time.Now
	Pause    time.Duration // before a source whose link failed is asked again; default a second
	Progress func(Progress)
}

// Progress is how far a pull is: bytes of objects that came, of all that are
// wanted. Both are 0 until it is known what is wanted.
type Progress struct{ Bytes, OfBytes int64 }

// Outcome is how a pull ended.
type Outcome string

// The outcomes.
const (
	Unchanged Outcome = "unchanged" // no source has anything newer, and nothing was missing
	Taken     Outcome = "taken"     // the mirror now holds a newer edition, or more of the same
	Waiting   Outcome = "waiting"   // the budget or window ended before all text was there: the mirror is as it was
)

// Result is what a pull did.
type Result struct {
	Outcome  Outcome                   `json:"outcome"`
	Edition  int                       `json:"edition"` // that the mirror now holds
	Newest   int                       `json:"newest"`  // that was seen; greater than Edition when Waiting
	Log      Log                       `json:"log"`
	Objects  int64                     `json:"objects"` // files that came
	Bytes    int64                     `json:"bytes"`   // of them
	Wire     int64                     `json:"wire,omitempty"`
	Left     map[Why]map[string]Amount `json:"left,omitempty"`
	Aside    []Aside                   `json:"aside,omitempty"`    // sources that were set aside, and why
	Behind   []string                  `json:"behind,omitempty"`   // sources with an older log than was kept
	NoRanges []string                  `json:"noranges,omitempty"` // sources that gave whole files where pieces were asked for
	Evidence []string                  `json:"evidence,omitempty"` // files that prove a fork or rollback to others
	Pinned   bool                      `json:"pinned"`
	First    bool                      `json:"firstcontact"` // nothing was known of this collective: a forged one would pass
	Charter  string                    `json:"charter"`
	Ended    bool                      `json:"ended"` // by budget or window
	Lost     bool                      `json:"lost"`  // every source was lost when all text was there: the rest is later's
}

// pull is one pull under way.
type pull struct {
	ctx    context.Context
	m      *Mirror
	opts   Options
	fleet  *fleet
	chain  charter.Chain // that was believed before
	known  charter.Chain // the longest that goes on from it, or at first contact the sources' own
	keys   tlog.Keys     // of the log, by the chain that is known
	next   *tree
	parts  *tree
	anew   bool // the log that is kept counts no more
	staged bool // an earlier run left something of a log
	result Result

	littered bool // something may lie in next that this run does not want

	bad    map[string]bool // by path, what of the kept files is damaged
	looked bool            // at all of them

	last     []byte       // entry of the log that is looked at
	editions []tlog.Entry // among those that are new in it

	of      atomic.Int64
	bytes   atomic.Int64
	objects atomic.Int64
	flying  atomic.Int64 // bytes of objects under way
	sky     *sync.Cond   // tells when flying changes
	tell    sync.Mutex
}

// Pull brings the mirror to the newest edition that its sources have. An error
// leaves it as it was, or, from a kill in the midst of the switch, to be finished
// by the next Open. Sources that lie, are silent or cannot be reached are named in
// the result and are no error as long as one is left. The faults are
// mirror.no_source, mirror.two_collectives, mirror.fork, mirror.incomplete and
// those of charter and tlog.
func (m *Mirror) Pull(ctx context.Context, opts Options) (Result, error) {
	p, stop, err := m.newPull(ctx, opts)
	if err != nil {
		return Result{}, err
	}
	defer stop()
	err = p.run()
	p.finish()
	if err == nil || len(p.result.Evidence) > 0 {
		m.state.Aside = p.fleet.aside
		err = errors.Join(err, m.save())
	}
	return p.result, err
}

func (m *Mirror) newPull(ctx context.Context, opts Options) (*pull, context.CancelFunc, error) {
	if len(opts.Sources) == 0 {
		return nil, nil, fault.Invalid("mirror.no_sources_named")
	}
	if opts.Profile == "" {
		opts.Profile = m.state.Profile
	}
	if opts.Profile == "" {
		opts.Profile = All
	}
	if !opts.Profile.Valid() {
		return nil, nil, fault.Invalid("mirror.profile", opts.Profile)
	}
	if opts.Workers < 1 {
		opts.Workers = 8
	}
	if opts.Now.IsZero() {
		opts.Now = time.Now()
	}
	if opts.Pause <= 0 {
		opts.Pause = time.Second
	}
	stop := func() {}
	if opts.Window > 0 {
		ctx, stop = context.WithTimeoutCause(ctx, opts.Window, errEnded)
	}
	p := &pull{ctx: ctx, m: m, opts: opts, fleet: newFleet(opts.Sources, opts.Pause), chain: m.state.Chain,
		next: m.house.below(nextDir), parts: m.house.below(partDir), sky: sync.NewCond(new(sync.Mutex)), bad: make(map[string]bool)}
	p.staged, p.littered = p.next.there(edition.LogDir), p.next.there("")
	p.fleet.moved = func(n int64) {
		done := p.bytes.Add(n)
		if of := p.of.Load(); opts.Progress != nil && of > 0 {
			p.tell.Lock()
			defer p.tell.Unlock()
			opts.Progress(Progress{min(done, of), of})
		}
	}
	return p, stop, nil
}

// errEnded is the end of a budget or window.
var errEnded = errors.New("the budget or window has ended")

// ended says whether a budget or window ended, or else gives err.
func (p *pull) ended(err error) bool {
	return errors.Is(err, errEnded) || isCancelled(err) && errors.Is(context.Cause(p.ctx), errEnded)
}

// spent says whether the budget has no room for so many bytes more. What is to come
// is taken for as dear as what came: in small connections, headers and handshakes
// are a third of it.
func (p *pull) spent(more int64) bool {
	if p.opts.Budget <= 0 {
		return false
	}
	toCome := p.flying.Load() + more
	switch cost, came := p.cost(), p.bytes.Load(); {
	case came > enoughToTell:
		toCome = toCome * min(cost, 3*came) / came
	case p.opts.Wire != nil:
		toCome += toCome / 2
	}
	return p.cost()+toCome > p.opts.Budget
}

// enoughToTell is how many bytes of objects say what a byte costs on the wire.
const enoughToTell = 64 << 10

func (p *pull) cost() int64 {
	if p.opts.Wire != nil {
		return max(p.opts.Wire(), p.bytes.Load())
	}
	return p.bytes.Load()
}

func (p *pull) finish() {
	r := &p.result
	r.Objects, r.Bytes, r.Aside = p.objects.Load(), p.bytes.Load(), p.fleet.aside
	if p.opts.Wire != nil {
		r.Wire = p.opts.Wire()
	}
	for _, s := range p.opts.Sources {
		if w, ok := s.(*web); ok && w.noRanges.Load() {
			r.NoRanges = append(r.NoRanges, w.base)
		}
	}
	r.Left = p.m.left.amounts()
	r.Pinned = p.opts.Pinned != ""
	if c := p.m.state.Chain; c != nil {
		r.Charter = charterID(c)
	}
}

func (p *pull) run() error {
	k, err := p.m.kept()
	if err != nil {
		return err
	}
	if k != nil {
		p.result.Edition, p.result.Newest, p.result.Log = k.manifest.Number, k.manifest.Number, logOf(k.cp)
		if _, err := k.chain.Verify(p.opts.Pinned); err != nil {
			return err
		}
	}
	h, err := p.head(k)
	if p.ended(err) {
		p.result.Outcome, p.result.Ended = Waiting, true
		return nil
	}
	if err != nil {
		return err
	}
	if h == nil && !p.wantsMore() && !p.opts.Check {
		p.result.Outcome = Unchanged
		p.note()
		return p.m.save()
	}
	if h == nil {
		if h, err = p.again(k); err != nil {
			return err
		}
	}
	p.result.Newest = h.manifest.Number
	return p.bring(h, k)
}

// note remembers who was asked, and that somebody answered.
func (p *pull) note() {
	p.m.state.Profile, p.m.state.Pulled = p.opts.Profile, hour(p.opts.Now)
	if p.opts.Names != nil {
		p.m.state.Sources = p.opts.Names
	}
}

// wantsMore reports whether the edition that is held lacks something that this
// profile keeps.
func (p *pull) wantsMore() bool {
	for _, l := range p.m.left.of {
		if p.opts.Profile.Keeps(l.class) {
			return true
		}
	}
	return p.opts.Profile != p.m.state.Profile
}

// again is the head of the edition that is held already.
func (p *pull) again(k *kept) (*head, error) {
	doc, sigs, err := p.m.manifest()
	return &head{manifest: k.manifest, document: doc, signatures: sigs, chain: k.chain, charter: k.charter, cp: k.cp}, err
}

// head finds the newest edition that may be believed; nil when that is the one
// that is held.
func (p *pull) head(k *kept) (*head, error) {
	c, err := p.trusted(k)
	if err != nil {
		return nil, err
	}
	all, err := p.checkpoints(c)
	if err != nil {
		return nil, err
	}
	worth, err := p.worth(all, k)
	if err != nil {
		return nil, err
	}
	for i, c := range worth {
		h, err := p.adopt(c, k, p.next)
		if err == nil {
			if err := p.accuse(worth[:i], h); err != nil {
				return nil, err
			}
			return h, p.compare(h, c, worth[i+1:], k)
		}
		if p.ctx.Err() != nil || errors.As(err, new(*localError)) {
			return nil, err
		}
		p.littered = true
		for _, m := range c.members {
			p.fleet.setAsideFor(m, edition.ManifestPath, err)
		}
		if len(c.members) == 0 {
			continue // lost on the way: what came of its log is proved when it goes on
		}
		if err := p.next.remove(edition.LogDir); err != nil {
			return nil, err
		}
	}
	if len(p.fleet.left()) == 0 {
		return nil, p.nobody()
	}
	if k == nil {
		return nil, fault.Corrupt("mirror.nothing_signed")
	}
	return nil, nil
}

// trusted gives the charter whose log is asked for: the one that was believed,
// or the sources' own at first contact.
func (p *pull) trusted(k *kept) (charter.Charter, error) {
	if k != nil {
		p.known = k.chain
		return k.charter, nil
	}
	p.result.First = true
	ch, err := p.meet()
	if err != nil {
		return charter.Charter{}, err
	}
	p.known = ch
	return ch.Verify(p.opts.Pinned)
}

// compare holds the smaller candidates against the one that was adopted. One that
// contradicts it, and leads to an edition that people signed too, is a fork that
// nothing decides: nothing is taken. Otherwise its sources are set aside.
func (p *pull) compare(h *head, by *candidate, others []*candidate, k *kept) error {
	fetch := p.overlaid(p.next)
	for _, c := range others {
		old, new, from := c.cp, h.cp, fetch
		err := tlog.Consistent(p.ctx, from, old, new)
		if err == nil {
			continue
		}
		if ft, ok := fault.Of(err); !ok || ft.Key != "tlog.fork" {
			return err
		}
		if err := p.keepNotes(evidenceFork, c, old, new, from); err != nil {
			return err
		}
		members := slices.Clone(c.members)
		if p.keys.ByPast(c.cp) { // what people signed under the new key decides
			for _, m := range members {
				p.fleet.setAside(m, checkpointPath, "mirror.forked", m.src.String())
			}
			continue
		}
		other := p.m.house.below(otherDir)
		_, err = p.adopt(c, k, other)
		if err2 := p.m.house.remove(otherDir); err2 != nil {
			return err2
		}
		if err == nil {
			return fault.Conflict("mirror.fork", by.members[0].src.String(), members[0].src.String())
		}
		if p.ctx.Err() != nil {
			return p.ctx.Err()
		}
		for _, m := range members {
			p.fleet.setAside(m, checkpointPath, "mirror.forked", m.src.String())
		}
	}
	return nil
}

// bring fetches what the head's edition has and the mirror has not, and
// switches.
func (p *pull) bring(h *head, k *kept) error {
	w, err := p.plan(h, k)
	if err == nil && p.opts.Check && k != nil && k.cp.Size == h.cp.Size && !p.wantsMore() && w.nothing() {
		p.result.Outcome = Unchanged
		p.note()
		return p.m.save()
	}
	if err == nil {
		err = p.fetchAll(w, h)
	}
	end := p.ended(err)
	p.result.Lost = w != nil && p.lost(err) && w.readable(k == nil)
	if err != nil && !end && !p.result.Lost {
		return err
	}
	p.result.Ended = end
	if end && !w.readable(k == nil) {
		p.result.Outcome = Waiting
		p.note()
		return nil
	}
	if !w.missing.empty() {
		return fault.Later("mirror.incomplete", w.missing.n, w.missing.first)
	}
	if err := p.switchTo(h, w); err != nil {
		return err
	}
	p.result.Outcome, p.result.Edition, p.result.Log = Taken, h.manifest.Number, logOf(h.cp)
	return nil
}

// lost reports whether the last source's link broke, as against one that lied. A
// link that dies for the day is then no worse than a window that ends.
func (p *pull) lost(err error) bool {
	if f, ok := fault.Of(err); !ok || f.Key != "mirror.no_source" {
		return false
	}
	return !slices.ContainsFunc(p.fleet.aside, func(a Aside) bool { return a.Key != "mirror.unreachable" && a.Key != "mirror.silent" })
}

// signatures fetches people's signatures over a document until those of enough
// people in one of force are good. of are the sources that can have them, nil all.
func (p *pull) signatures(of []*member, path string, doc []byte, keys []string, force ...charter.Charter) (charter.Signatures, error) {
	sigs := make(charter.Signatures)
	enough := func(c charter.Charter) bool { return c.Enough(sigs) }
	for _, key := range keys {
		id := charter.KeyID(key)
		err := p.fleet.eachOf(p.ctx, of, edition.SignaturePath(path, id), func(m *member) error {
			sig, err := readSignature(p.ctx, m.src, edition.SignaturePath(path, id))
			if err != nil {
				return err
			}
			if !charter.SignedBy(key, doc, sig) {
				return fault.Corrupt("verify.bad_signature", edition.SignaturePath(path, id))
			}
			sigs[id] = sig
			return nil
		})
		if err != nil && !errors.Is(err, errNowhere) {
			return nil, err
		}
		if slices.ContainsFunc(force, enough) {
			return sigs, nil
		}
	}
	return sigs, nil // too few: the caller names it
}

// readSignature takes whatever has not the length of one for a host's own page
// where a file is not there.
func readSignature(ctx context.Context, src Source, path string) ([]byte, error) {
	sig, err := readSmall(ctx, src, path, 64)
	if errors.Is(err, fault.Corrupt("verify.too_large")) || err == nil && len(sig) != 64 {
		return nil, fmt.Errorf("%s: %w", path, fs.ErrNotExist)
	}
	return sig, err
}

// keysOf gives every publishing key of a chain, those of the newest version's
// current people first.
func keysOf(ch charter.Chain) []string {
	var keys []string
	add := func(people []charter.Person) {
		for _, p := range people {
			if !slices.Contains(keys, p.PublishKey) {
				keys = append(keys, p.PublishKey)
			}
		}
	}
	vs := versionsOf(ch)
	if len(vs) > 0 {
		add(vs[len(vs)-1].Current())
	}
	for _, v := range slices.Backward(vs) {
		add(v.People)
	}
	return keys
}

// versionsOf reads the versions of a chain that has been checked.
func versionsOf(ch charter.Chain) []charter.Charter {
	var vs []charter.Charter
	for _, s := range ch {
		if v, err := charter.Parse([]byte(s.Document)); err == nil {
			vs = append(vs, v)
		}
	}
	return vs
}
