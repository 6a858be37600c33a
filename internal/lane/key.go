package lane

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"kua/internal/appeal"
	"kua/internal/fault"
	"kua/internal/lane/lanedb"
)

// Key is what a system of others may do with its api_key. The key itself is
// known to that system alone.
type Key struct {
	ID        int64      `json:"id"`
	Name      string     `json:"name"`
	Submit    bool       `json:"submit"`              // may send requests
	Authority string     `json:"authority,omitempty"` // may say what becomes of what this authority has
	PerHour   int        `json:"per_hour"`            // what it may send in an hour
	Day       appeal.Day `json:"day"`
	Revoked   appeal.Day `json:"revoked,omitempty"`
}

// keyPrefix lets a key be known for what it is, where one lies about.
const keyPrefix = "kua311_"

// maxPerHour bounds a key's budget, and maxKeyName its name.
const (
	maxPerHour = 1_000_000
	maxKeyName = 100
)

func hashKey(key string) string {
	sum := sha256.Sum256([]byte("kua open lane key\n" + key))
	return hex.EncodeToString(sum[:])
}

// AddKey makes a key and gives it, once: only its hash is kept. The faults are
// lane.key_name, lane.key_nothing (it may do nothing), lane.key_budget,
// authority.unknown and lane.no_directory.
func (l *Lane) AddKey(ctx context.Context, k Key) (secret string, made Key, err error) {
	switch {
	case strings.TrimSpace(k.Name) == "" || !oneLine(k.Name, maxKeyName):
		return "", Key{}, fault.Invalid("lane.key_name", maxKeyName)
	case !k.Submit && k.Authority == "":
		return "", Key{}, fault.Invalid("lane.key_nothing")
	case k.PerHour < 1 || k.PerHour > maxPerHour:
		return "", Key{}, fault.Invalid("lane.key_budget", maxPerHour)
	}
	if k.Authority != "" {
		_, router, err := l.Current(ctx)
		if err != nil {
			return "", Key{}, err
		}
		if _, err := router.Authority(k.Authority); err != nil {
			return "", Key{}, err
		}
	}
	b := make([]byte, 20)
	rand.Read(b) // never fails
	secret = keyPrefix + crockford.EncodeToString(b)
	k.Day, k.Revoked = l.today(), ""
	k.ID, err = l.db.AddKey(ctx, lanedb.Key{Hash: hashKey(secret), Name: k.Name, Submit: k.Submit, Authority: k.Authority, PerHour: int64(k.PerHour), Day: string(k.Day)})
	return secret, k, err
}

func knownKey(k lanedb.Key) Key {
	return Key{k.ID, k.Name, k.Submit, k.Authority, int(k.PerHour), appeal.Day(k.Day), appeal.Day(k.Revoked)}
}

// Keys lists all keys, also those that were taken back.
func (l *Lane) Keys(ctx context.Context) ([]Key, error) {
	kept, err := l.db.Keys(ctx)
	all := []Key{}
	for _, k := range kept {
		all = append(all, knownKey(k))
	}
	return all, err
}

// RevokeKey takes a key back for good. The fault is lane.unknown_key.
func (l *Lane) RevokeKey(ctx context.Context, id int64) error {
	return l.db.RevokeKey(ctx, id, string(l.today()))
}

// KeyOf gives what a key may do. The fault is lane.no_key (kind forbidden), also
// for one that was taken back.
func (l *Lane) KeyOf(ctx context.Context, secret string) (Key, error) {
	k, err := l.db.Key(ctx, hashKey(secret))
	if err == nil && k.Revoked != "" {
		err = fault.Forbidden("lane.no_key")
	}
	if err != nil {
		return Key{}, err
	}
	return knownKey(k), nil
}
