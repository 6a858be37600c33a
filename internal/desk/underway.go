package desk

import (
	"context"
	"errors"
	"slices"
	"sync"

	"kua/internal/spread"
)

// underWay is the call to a platform that is being made, if any, and the posts that
// it is about, so that a person can end it. Only whoever has locked spreading begins one.
type underWay struct {
	mu    sync.Mutex
	posts []spread.Post
	end   context.CancelCauseFunc // nil while nothing is under way
}

// errStopped is why a call ends that a person wants no more.
var errStopped = errors.New("a person stopped it")

// leftBy gives where the call that was made under its context has left a post: what the
// connector gave, or its error, and whether a person ended it.
func (d *Desk) leftBy(call context.Context, p spread.Post, at spread.Remote, failed error) spread.Post {
	if context.Cause(call) == errStopped {
		return p.Stopped(at, failed, d.cfg.Now())
	}
	return p.After(at, failed, d.cfg.Now())
}

// begin gives the context of the call that posts go with, which lasts until over is called.
func (u *underWay) begin(ctx context.Context, posts ...spread.Post) (call context.Context, over func()) {
	call, end := context.WithCancelCause(ctx)
	u.mu.Lock()
	defer u.mu.Unlock()
	u.posts, u.end = posts, end
	return call, func() {
		u.mu.Lock()
		defer u.mu.Unlock()
		u.end = nil
		end(nil)
	}
}

// stop ends the call that is under way if one of those goes with it. It waits for nothing:
// what became of the post is kept by whoever made the call.
func (u *underWay) stop(those func(spread.Post) bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.end != nil && slices.ContainsFunc(u.posts, those) {
		u.end(errStopped)
	}
}
