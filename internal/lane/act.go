package lane

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"time"
)

// What the holder of one request can do with it, all its supporters together, and whoever has
// links to it: actsAtOnce in a row, and then actsPerHour, so that no code uses up what all have.
const (
	actsAtOnce  = 30
	actsPerHour = 30
	actBuckets  = 4096
	actContext  = "kua open lane act\n"
)

// TakeAct takes one of the acts on a request by its holder, its supporters or, ByOfficial, those
// with its links; wait is how long until there is one again, 0 when it was taken. Each of the three
// draws on its own: a supporter's code is free for all, and an old link lies about, so neither may
// keep a holder from their report. A request is one of actBuckets, which a key chooses: what is kept
// for an hour is a bucket's number, and nobody can aim at another's request.
func (l *Lane) TakeAct(ctx context.Context, request int64, by Actor) (wait time.Duration, err error) {
	key, err := l.linkKey(ctx)
	if err != nil {
		return 0, err
	}
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(actContext))
	mac.Write(binary.BigEndian.AppendUint64(nil, uint64(request)))
	bucket := fmt.Sprintf("acts %s %d", by, binary.BigEndian.Uint32(mac.Sum(nil))%actBuckets)
	l.porter.mu.Lock()
	b := l.porter.acts[bucket]
	if b == nil {
		b = l.Budget(bucket, actsPerHour)
		b.most = actsAtOnce
		l.porter.acts[bucket] = b
	}
	l.porter.mu.Unlock()
	return b.Take(ctx, l.now())
}
