package page

import (
	"io"
	"net/http"
	"time"
)

// A body may come over a link of slowest bytes a second; one that brings nothing
// for so long is given up.
const (
	slowest = 512
	silence = 30 * time.Second
)

// LongWait is how long it may take to clean the photos of a form, and to answer.
const LongWait = 5 * time.Minute

// Patient is a body whose connection's deadlines follow what comes: a slow link is
// waited for, one that is silent is not.
type Patient struct {
	io.ReadCloser
	rc    *http.ResponseController
	start time.Time
	got   int64
}

// Patiently begins to read a body; rw is where it will be answered. A form that is
// refused unread is covered too: net/http reads what is left of it.
func Patiently(rw http.ResponseWriter, body io.ReadCloser) *Patient {
	p := &Patient{ReadCloser: body, rc: http.NewResponseController(rw), start: time.Now()}
	p.wait()
	return p
}

// Read implements io.Reader. Its error is os.ErrDeadlineExceeded for a silent link.
func (p *Patient) Read(b []byte) (int, error) {
	p.wait()
	n, err := p.ReadCloser.Read(b)
	p.got += int64(n)
	return n, err
}

// wait sets the deadlines by what has come.
func (p *Patient) wait() {
	now := time.Now()
	until := p.start.Add(silence + time.Duration(p.got)*time.Second/slowest)
	if soon := now.Add(silence); until.After(soon) {
		until = soon
	}
	_ = p.rc.SetReadDeadline(until)              // a recorder in a test has none
	_ = p.rc.SetWriteDeadline(now.Add(LongWait)) // counts from the last byte on, and not from the first
}

// Whole says that all of it has come: nothing more is waited for.
func (p *Patient) Whole() { _ = p.rc.SetReadDeadline(time.Time{}) }
