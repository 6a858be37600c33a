package site

import (
	"bytes"
	"compress/gzip"
	"sync"

	fastgzip "github.com/klauspost/compress/gzip"

	"kua/internal/fault"
)

// What a reader on a slow phone has to fetch, in bytes, gzip where it is text.
// 14,600 bytes is what a server may send before the first acknowledgement, and
// some networks freeze a connection after some 16 kB.
const (
	maxHTML   = 8_000  // any page
	maxPage   = 14_000 // page and stylesheet
	maxFront  = 10_000 // front page and stylesheet
	maxPoster = 6_000  // a film's or photo's picture
	maxFeed   = 20_000 // Atom and JSON feed, not compressed
)

var fast = sync.Pool{New: func() any {
	w, err := fastgzip.NewWriterLevel(nil, fastgzip.BestSpeed)
	if err != nil {
		panic(err) // a constant level
	}
	return w
}}

// compressed gives the size of b under gzip, exactly when it matters: a size
// that is within the limit at the fastest level is within it at the best.
func compressed(b []byte, limit int) int {
	if len(b) <= limit {
		return len(b)
	}
	var n counter
	w := fast.Get().(*fastgzip.Writer)
	defer fast.Put(w)
	w.Reset(&n)
	_, _ = w.Write(b)
	_ = w.Close()
	if int(n) <= limit {
		return int(n)
	}
	return best(b)
}

func best(b []byte) int {
	var out bytes.Buffer
	w, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err != nil {
		panic(err) // a constant level
	}
	_, _ = w.Write(b)
	_ = w.Close()
	return out.Len()
}

type counter int

func (c *counter) Write(b []byte) (int, error) {
	*c += counter(len(b))
	return len(b), nil
}

// checkBudget refuses a page that is too heavy, naming it.
func (s *Site) checkBudget(path string, html []byte, front bool) error {
	limit := min(maxHTML, maxPage-s.styleSize)
	if front {
		limit = min(maxHTML, maxFront-s.styleSize)
	}
	if n := compressed(html, limit); n > limit {
		return fault.TooLarge("site.page_too_heavy", path, n, limit)
	}
	return nil
}
