package node

import (
	"net/http"
	"sync"
	"sync/atomic"
)

// cache keeps ready answers for small files of text of one edition, by path, so
// that a popular page costs neither disk nor compression nor a look into the
// edition's lists. What is in it is public.
type cache struct {
	most  int64
	bytes atomic.Int64
	pages sync.Map // path → *page
}

// page is a file of text, compressed, with the head of its answer, made once.
type page struct {
	gzip    []byte
	size    int64       // uncompressed
	length  []string    // of gzip, as http.Header holds it
	headers http.Header // of every answer with it, also without a body
	lines   []byte      // those, and of one that is compressed (link.Lines)
}

const pageOverhead = 1 << 10 // of one page in memory, about

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
