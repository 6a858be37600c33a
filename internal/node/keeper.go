package node

import (
	"context"
	"errors"
	"sync"

	"kua/internal/blob"
	"kua/internal/node/nodedb"
)

// keeper makes arrivals durable: the bytes first, then the note of where they
// lie, then the answer. It does so in two steps, one behind the other: while the
// notes of some pieces are written, the bytes of the next are flushed. Whatever
// comes meanwhile shares the next flush and the next transaction, so many
// uploads at a time cost hardly more waiting than one.
type keeper struct {
	in      chan batch
	flushed chan []batch
	ended   chan struct{}
	close   sync.Once
}

// batch is what came in one call.
type batch struct {
	pieces []nodedb.Arrival
	done   chan<- outcome
}

type outcome struct {
	placed []nodedb.Placed // of each piece
	err    error
}

const mostAtOnce = 256 // batches

func (k *keeper) start(db *nodedb.DB, slots *blob.Slots, day func() string) {
	k.in, k.flushed, k.ended = make(chan batch), make(chan []batch), make(chan struct{})
	go func() {
		defer close(k.flushed)
		for first := range k.in {
			k.flush(slots, gather(k.in, []batch{first}, func(all []batch, b batch) []batch { return append(all, b) }))
		}
	}()
	go func() {
		defer close(k.ended)
		for first := range k.flushed {
			note(db, slots, day(), gather(k.flushed, first, func(all, more []batch) []batch { return append(all, more...) }))
		}
	}()
}

// gather adds everything that waits already.
func gather[T any](from <-chan T, all []batch, add func([]batch, T) []batch) []batch {
	for len(all) < mostAtOnce {
		select {
		case v, ok := <-from:
			if !ok {
				return all
			}
			all = add(all, v)
		default:
			return all
		}
	}
	return all
}

// flush makes the bytes of batches durable and hands them on.
func (k *keeper) flush(slots *blob.Slots, all []batch) {
	var written []int64
	for _, b := range all {
		for _, p := range b.pieces {
			written = append(written, p.Slot)
		}
	}
	if err := slots.Sync(written...); err != nil {
		tell(all, nil, errors.Join(err, slots.Free(written...)))
		return
	}
	k.flushed <- all
}

// note writes down where the pieces of batches lie, and answers.
func note(db *nodedb.DB, slots *blob.Slots, day string, all []batch) {
	var pieces []nodedb.Arrival
	for _, b := range all {
		pieces = append(pieces, b.pieces...)
	}
	// Not the caller's context: what others sent must not fail with it.
	placed, err := db.AddPieces(context.Background(), day, pieces)
	if err != nil {
		// The disk may have taken the note all the same. The slots stay taken
		// until the next start, which sees what is written down.
		tell(all, nil, err)
		return
	}
	var unused []int64
	for i, p := range pieces {
		if placed[i] != nodedb.Kept {
			unused = append(unused, p.Slot)
		}
	}
	tell(all, placed, slots.Free(unused...))
}

func tell(all []batch, placed []nodedb.Placed, err error) {
	for _, b := range all {
		o := outcome{err: err}
		if err == nil {
			o.placed, placed = placed[:len(b.pieces)], placed[len(b.pieces):]
		}
		b.done <- o
	}
}

// keep gives back what became of each piece when that is durable.
func (k *keeper) keep(pieces ...nodedb.Arrival) ([]nodedb.Placed, error) {
	done := make(chan outcome, 1)
	k.in <- batch{pieces, done}
	o := <-done
	return o.placed, o.err
}

// end waits for what is being kept. No call of keep may come after it.
func (k *keeper) end() {
	k.close.Do(func() {
		if k.in != nil {
			close(k.in)
			<-k.ended
		}
	})
}
