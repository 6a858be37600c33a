package node

import (
	"context"
	"errors"
	"sync"

	"kua/internal/blob"
	"kua/internal/node/nodedb"
)

// keeper makes arrivals durable: the bytes first, then the note of where they
// lie. Pieces that come while the disk is busy with others share one flush and
// one transaction, so many uploads cost hardly more waiting than one.
type keeper struct {
	in    chan arrival
	ended chan struct{}
	close sync.Once
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
	k.in, k.ended = make(chan arrival), make(chan struct{})
	go func() {
		defer close(k.ended)
		for first := range k.in {
			k.keepAll(db, slots, day(), k.gather(first))
		}
	}()
}

// gather takes everything that waits already.
func (k *keeper) gather(first arrival) []arrival {
	batch := []arrival{first}
	for len(batch) < mostAtOnce {
		select {
		case a, ok := <-k.in:
			if !ok {
				return batch
			}
			batch = append(batch, a)
		default:
			return batch
		}
	}
	return batch
}

func (k *keeper) keepAll(db *nodedb.DB, slots *blob.Slots, day string, batch []arrival) {
	var written []int64
	pieces := make([]nodedb.Arrival, len(batch))
	for i, a := range batch {
		pieces[i] = a.Arrival
		if a.Slot != nodedb.NoSlot {
			written = append(written, a.Slot)
		}
	}
	if err := slots.Sync(written...); err != nil {
		tell(batch, nil, errors.Join(err, slots.Free(written...)))
		return
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
		if a.Slot != nodedb.NoSlot && placed[i] != nodedb.Kept {
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
