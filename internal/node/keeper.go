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
	in      chan arrival
	flushed chan []arrival
	ended   chan struct{}
	close   sync.Once
}

type arrival struct {
	nodedb.Arrival
	done chan<- outcome
}

type outcome struct {
	placed nodedb.Placed
	err    error
}

const mostAtOnce = 256

func (k *keeper) start(db *nodedb.DB, slots *blob.Slots, day func() string) {
	k.in, k.flushed, k.ended = make(chan arrival), make(chan []arrival), make(chan struct{})
	go func() {
		defer close(k.flushed)
		for first := range k.in {
			k.flush(slots, gather(k.in, []arrival{first}, func(all []arrival, a arrival) []arrival { return append(all, a) }))
		}
	}()
	go func() {
		defer close(k.ended)
		for first := range k.flushed {
			note(db, slots, day(), gather(k.flushed, first, func(all, more []arrival) []arrival { return append(all, more...) }))
		}
	}()
}

// gather adds everything that waits already.
func gather[T any](from <-chan T, batch []arrival, add func([]arrival, T) []arrival) []arrival {
	for len(batch) < mostAtOnce {
		select {
		case v, ok := <-from:
			if !ok {
				return batch
			}
			batch = add(batch, v)
		default:
			return batch
		}
	}
	return batch
}

// flush makes the bytes of a batch durable and hands it on.
func (k *keeper) flush(slots *blob.Slots, batch []arrival) {
	written := make([]int64, len(batch))
	for i, a := range batch {
		written[i] = a.Slot
	}
	if err := slots.Sync(written...); err != nil {
		tell(batch, nil, errors.Join(err, slots.Free(written...)))
		return
	}
	k.flushed <- batch
}

// note writes down where a batch lies, and answers.
func note(db *nodedb.DB, slots *blob.Slots, day string, batch []arrival) {
	pieces := make([]nodedb.Arrival, len(batch))
	for i, a := range batch {
		pieces[i] = a.Arrival
	}
	// Not the caller's context: what others sent must not fail with it.
	placed, err := db.AddPieces(context.Background(), day, pieces)
	if err != nil {
		// The disk may have taken the note all the same. The slots stay taken
		// until the next start, which sees what is written down.
		tell(batch, nil, err)
		return
	}
	var unused []int64
	for i, a := range batch {
		if placed[i] != nodedb.Kept {
			unused = append(unused, a.Slot)
		}
	}
	tell(batch, placed, slots.Free(unused...))
}

func tell(batch []arrival, placed []nodedb.Placed, err error) {
	for i, a := range batch {
		o := outcome{err: err}
		if err == nil {
			o.placed = placed[i]
		}
		a.done <- o
	}
}

// keep gives back what became of a piece when that is durable.
func (k *keeper) keep(a nodedb.Arrival) (nodedb.Placed, error) {
	done := make(chan outcome, 1)
	k.in <- arrival{a, done}
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
