package nodeweb

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"sync"
	"time"

	"kua/internal/fault"
)

// A form's name is drawn by chance and sealed with the hour in which it was given
// out. It does not tell that hour, and giving it out leaves nothing in memory.
const (
	tokenDraw = 10 // bytes
	tokenSeal = 20
	mostUsed  = 1 << 15 // names of an hour that are remembered
)

var tokenText = base32.StdEncoding.WithPadding(base32.NoPadding)

type tokenName [tokenDraw]byte

// tokens gives forms names, by which each is taken once. Its key dies with the
// process.
type tokens struct {
	key [sha256.Size]byte

	mu   sync.Mutex
	hour int64                     // of used[0]
	used [2]map[tokenName]struct{} // names used in this hour and in the one before
}

func newTokens() *tokens {
	t := new(tokens)
	rand.Read(t.key[:])
	return t
}

func hourOf(now time.Time) int64 { return now.Unix() / int64(time.Hour/time.Second) }

func (t *tokens) seal(name tokenName, hour int64) []byte {
	mac := hmac.New(sha256.New, t.key[:])
	mac.Write(name[:])
	mac.Write(binary.BigEndian.AppendUint64(nil, uint64(hour)))
	return mac.Sum(nil)[:tokenSeal]
}

// token gives a form its name. It holds in this hour and in the next.
func (t *tokens) token(now time.Time) string {
	var name tokenName
	rand.Read(name[:])
	return tokenText.EncodeToString(append(name[:], t.seal(name, hourOf(now))...))
}

// read gives the name in a token that was given out here and still holds.
func (t *tokens) read(token string, now time.Time) (name tokenName, ok bool) {
	b, err := tokenText.DecodeString(token)
	if err != nil || len(b) != tokenDraw+tokenSeal {
		return name, false
	}
	copy(name[:], b)
	hour := hourOf(now)
	return name, hmac.Equal(b[tokenDraw:], t.seal(name, hour)) || hmac.Equal(b[tokenDraw:], t.seal(name, hour-1))
}

// use takes a form. Its fault is open.old for one that was not given out here of
// late, and open.used for one that was taken before.
func (t *tokens) use(token string, now time.Time) error {
	name, ok := t.read(token, now)
	if !ok {
		return fault.Conflict("open.old")
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if hour := hourOf(now); hour != t.hour || len(t.used[0]) >= mostUsed {
		before := t.used[0]
		if hour > t.hour+1 {
			before = nil
		}
		t.hour, t.used = hour, [2]map[tokenName]struct{}{make(map[tokenName]struct{}), before}
	}
	for _, used := range t.used {
		if _, ok := used[name]; ok {
			return fault.Conflict("open.used")
		}
	}
	t.used[0][name] = struct{}{}
	return nil
}

// giveBack lets a form be taken again, of which nothing was kept.
func (t *tokens) giveBack(token string, now time.Time) {
	if name, ok := t.read(token, now); ok {
		t.mu.Lock()
		defer t.mu.Unlock()
		for _, used := range t.used {
			delete(used, name)
		}
	}
}
