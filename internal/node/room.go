package node

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"kua/internal/fault"
	"kua/internal/node/nodedb"
)

// uploads counts what is under way, so that the limits cost no query. When
// something came last is known in memory alone, and not from before the start.
type uploads struct {
	sync.Mutex
	now   func() time.Time
	bytes map[string]int64
	came  map[string]time.Time // when the upload last held more than before
	total int64
	letGo map[string]bool // gave way to others, and nothing came of it since; mostLetGo at most
}

// quietTime is how long an upload may bring nothing before it can give way to another,
// whatever it holds.
const quietTime = 10 * time.Minute

const mostLetGo = 4096

func (u *uploads) load(ctx context.Context, db *nodedb.DB) error {
	u.Lock()
	defer u.Unlock()
	open, err := db.OpenUploads(ctx)
	if err != nil {
		return err
	}
	u.bytes, u.total = open, 0
	u.came, u.letGo = make(map[string]time.Time), make(map[string]bool)
	for name, size := range open {
		u.total += size
		u.came[name] = u.now()
	}
	return nil
}

// found counts in what an earlier run left.
func (u *uploads) found(upload string, size int64) {
	u.Lock()
	defer u.Unlock()
	u.bytes[upload] += size
	u.total += size
	u.came[upload] = u.now()
}

// admit counts a piece in, or refuses it.
func (u *uploads) admit(upload string, size int64, l Limits) error {
	u.Lock()
	defer u.Unlock()
	_, known := u.bytes[upload]
	switch {
	case !known && len(u.bytes) >= l.OpenUploads:
		return fault.Later("node.too_many_uploads")
	case u.total+size > l.OpenBytes:
		return fault.Later("node.full")
	case u.bytes[upload]+size > l.ParcelBytes:
		return fault.TooLarge("node.parcel_too_large", l.ParcelBytes>>20)
	}
	u.bytes[upload] += size
	u.total += size
	if !known {
		u.came[upload] = u.now()
		delete(u.letGo, upload)
	}
	return nil
}

// progressed says that the upload durably holds more than before. What it holds
// already, brought again, is no progress.
func (u *uploads) progressed(upload string) {
	u.Lock()
	defer u.Unlock()
	if _, known := u.bytes[upload]; known {
		u.came[upload] = u.now()
	}
}

// emptiest gives the upload that gives way to a new one: of those that are left
// alone, the one that holds least, and of these the one to which nothing came for
// longest. An upload is not left alone while a call is busy with it, for quietTime
// after something came, and for as much longer as its bytes would have taken on the
// slowest link that is served: whoever wants to hold many places for long with
// little in them has to come back to all of them all the time.
func (u *uploads) emptiest(slowest int64, busy map[string]bool) (name string, ok bool) {
	u.Lock()
	defer u.Unlock()
	now := u.now()
	for each, size := range u.bytes {
		if busy[each] || !u.quiet(each, now, slowest) {
			continue
		}
		if !ok || size < u.bytes[name] || size == u.bytes[name] && u.came[each].Before(u.came[name]) {
			name, ok = each, true
		}
	}
	return name, ok
}

// quiet reports whether nothing came to an upload for as long as that takes. The
// caller has locked u.
func (u *uploads) quiet(name string, now time.Time, slowest int64) bool {
	earned := time.Duration(u.bytes[name]/slowest) * time.Second
	return now.Sub(u.came[name]) >= quietTime+earned
}

// stillQuiet is quiet for who has not locked u; an upload that is over is not.
func (u *uploads) stillQuiet(name string, slowest int64) bool {
	u.Lock()
	defer u.Unlock()
	_, known := u.bytes[name]
	return known && u.quiet(name, u.now(), slowest)
}

// wasLetGo reports whether an upload gave way and nothing came of it since.
func (u *uploads) wasLetGo(upload string) bool {
	u.Lock()
	defer u.Unlock()
	return u.letGo[upload]
}

// leave counts out bytes that were counted in and are not the upload's any more:
// a piece that took no room in the end, or what has become a parcel. over says
// that an upload that then has nothing is none.
func (u *uploads) leave(upload string, size int64, over bool) {
	u.Lock()
	defer u.Unlock()
	have, ok := u.bytes[upload]
	if !ok {
		return
	}
	size = min(size, have)
	u.total -= size
	if u.bytes[upload] = have - size; over && have == size {
		delete(u.bytes, upload)
		delete(u.came, upload)
	}
}

// end counts out uploads that are dropped whole.
func (u *uploads) end(names []string) {
	u.Lock()
	defer u.Unlock()
	for _, name := range names {
		u.total -= u.bytes[name]
		delete(u.bytes, name)
		delete(u.came, name)
	}
}

// admit counts bytes in. Where as many uploads are under way as the node takes, the
// emptiest of those that are left alone gives way to a new one: a few thousand
// tiny uploads keep nobody out.
func (n *Node) admit(upload string, size int64) error {
	err := n.uploads.admit(upload, size, n.cfg.Limits)
	if !errors.Is(err, fault.Later("node.too_many_uploads")) {
		return err
	}
	n.yielding.Lock()
	defer n.yielding.Unlock()
	if err = n.uploads.admit(upload, size, n.cfg.Limits); !errors.Is(err, fault.Later("node.too_many_uploads")) {
		return err // somebody made room meanwhile
	}
	for {
		name, ok := n.uploads.emptiest(n.cfg.Limits.SlowestBytes, n.parts.busy())
		if !ok {
			return err
		}
		if gone, err := n.letGoQuiet(name); err != nil {
			return err
		} else if gone {
			return n.uploads.admit(upload, size, n.cfg.Limits)
		}
	}
}

// letGoQuiet lets an upload go unless somebody came back to it meanwhile: from the look
// at that until all of it is gone, no call reaches it.
func (n *Node) letGoQuiet(name string) (gone bool, err error) {
	free, ok := n.parts.seize(name)
	if !ok {
		return false, nil
	}
	defer free()
	if !n.uploads.stillQuiet(name, n.cfg.Limits.SlowestBytes) {
		return false, nil
	}
	return true, n.letGo(name)
}

// letGo drops an upload that is no parcel. Its sender is told when they ask what is
// here of it, and can bring it again.
func (n *Node) letGo(name string) error {
	// Not the caller's context: half of it must not be gone.
	free, err := n.db.Drop(context.Background(), name)
	if err != nil {
		return fmt.Errorf("let an upload go: %w", err)
	}
	if err := n.pieces.Free(free...); err != nil {
		return fmt.Errorf("let an upload go: %w", err)
	}
	for hash := range n.parts.of(name) {
		if _, err := n.parts.drop(partKey{name, hash}); err != nil {
			return err
		}
	}
	n.uploads.end([]string{name})
	n.uploads.Lock()
	defer n.uploads.Unlock()
	if len(n.uploads.letGo) >= mostLetGo {
		clear(n.uploads.letGo)
	}
	n.uploads.letGo[name] = true
	return nil
}
