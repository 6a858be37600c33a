package node

import (
	"net/http"
	"slices"
	"sync"
	"sync/atomic"

	"kua/internal/link"
)

// cache keeps ready answers for small files of text of one edition, by path, so
// that a popular page costs neither disk nor compression nor a look into the
// edition's lists. What is in it is public.
type cache struct {
	most  int64
	bytes atomic.Int64
	pages sync.Map // path → *page
}

// page is a file of text, compressed, with the headers of its answer, made once.
type page struct {
	gzip    []byte
	size    int64 // uncompressed
	headers headers
	ready   atomic.Pointer[[]readyAnswer]
}

// readyAnswer is what a door gives for exactly this target: headers differ by door,
// and may hold the path.
type readyAnswer struct {
	door   *link.Door
	target string
	*link.Answer
}

// mostReady bounds the doors and targets for which one page lies ready.
const mostReady = 4

// headers are the values of an answer's headers, as http.Header holds them, so
// that an answer allocates none.
type headers struct {
	contentType, etag, length, cacheControl []string
}

const pageOverhead = 2 << 10 // of one page and its ready answers in memory, about

// keepReady keeps the answer that is about to be given to r, so that its door gives
// the same from now on.
func (p *page) keepReady(r *http.Request, h http.Header) {
	d := link.At(r)
	if d == nil || r.Method != http.MethodGet || p.answer(d, r.RequestURI) != nil {
		return
	}
	a := link.Ready(h, p.gzip)
	if a == nil {
		return
	}
	all := p.ready.Load()
	var more []readyAnswer
	if all != nil {
		more = slices.Clone(*all)
	}
	if len(more) < mostReady {
		more = append(more, readyAnswer{d, r.RequestURI, a})
		p.ready.CompareAndSwap(all, &more) // who comes second in this moment does it the next time
	}
}

func (p *page) answer(d *link.Door, target string) *link.Answer {
	if all := p.ready.Load(); all != nil {
		for _, a := range *all {
			if a.door == d && a.target == target {
				return a.Answer
			}
		}
	}
	return nil
}

// ready gives what lies ready in the edition that is served now.
func (n *Node) ready(d *link.Door, target []byte) *link.Answer {
	p := n.edition.Load()
	if p == nil {
		return nil
	}
	name := string(target)
	pg := p.ready.get(fileName(name))
	if pg == nil {
		return nil
	}
	return pg.answer(d, name)
}

func (c *cache) get(path string) *page {
	v, ok := c.pages.Load(path)
	if !ok {
		return nil
	}
	return v.(*page)
}

func (c *cache) put(path string, p *page) {
	cost := int64(len(p.gzip)) + pageOverhead
	if cost > c.most/8 {
		return
	}
	if c.bytes.Add(cost) > c.most {
		c.shrink()
	}
	if _, there := c.pages.LoadOrStore(path, p); there {
		c.bytes.Add(-cost)
	}
}

// shrink drops about half of the pages, whichever come first.
func (c *cache) shrink() {
	c.pages.Range(func(k, v any) bool {
		if _, there := c.pages.LoadAndDelete(k); there {
			c.bytes.Add(-int64(len(v.(*page).gzip)) - pageOverhead)
		}
		return c.bytes.Load() > c.most/2
	})
}
