package node

import (
	"context"
	"crypto/tls"
	"log/slog"
	"time"
)

// SetGrace shortens what a caller may stay silent, and gives what sets it back.
func SetGrace(d time.Duration) func() {
	old := grace
	grace = d
	return func() { grace = old }
}

// SetAnswerTime shortens the time for a call, and gives what sets it back.
func SetAnswerTime(d time.Duration) func() {
	old := answerTime
	answerTime = d
	return func() { answerTime = old }
}

// Certificate gives a function that looks at the files at every call.
func Certificate(certFile, keyFile string) func() (*tls.Certificate, error) {
	c := &certificate{certFile: certFile, keyFile: keyFile, diary: slog.New(slog.DiscardHandler)}
	return func() (*tls.Certificate, error) {
		c.looked = time.Time{}
		return c.get(nil)
	}
}

// HoldPart keeps the file of a part as a slow disk does, until release is called.
func (n *Node) HoldPart(upload, hash string) (release func()) {
	return n.parts.take(partKey{upload, hash}).file.Unlock
}

// FurnishAll makes every mailbox's first page now, as a node does once, in the first
// minutes of its life.
func (n *Node) FurnishAll(ctx context.Context) error { return n.furnishAll(ctx) }
