package lane

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"strings"
	"time"

	"kua/internal/appeal"
	"kua/internal/fault"
	"kua/internal/lane/lanedb"
)

// A checker's token is a version, the checker's number, the last day (counted
// from 1970), and the first half of an HMAC-SHA-256 over all of it. It is signed
// with the key of the authorities' links under a context of its own, and has
// another version: neither opens what the other does.
const (
	checkerVersion = 2
	checkerContext = "kua open lane checker\n"

	maxCheckerName = 100
	maxCheckerDays = 90
)

// Checker is somebody of the collective who looks at what waits. Only the
// collective sees the name; the history says "house".
type Checker struct {
	Number  int64      `json:"number"`
	Name    string     `json:"name"`
	Until   appeal.Day `json:"until"`             // the last day of the link
	Revoked appeal.Day `json:"revoked,omitempty"` // since when it opens nothing
}

func knownChecker(c lanedb.Checker) Checker {
	return Checker{c.Number, c.Name, appeal.Day(c.Last), appeal.Day(c.Revoked)}
}

func sealChecker(key, body []byte) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(checkerContext))
	mac.Write(body)
	return mac.Sum(nil)[:linkSeal]
}

const secondsOfDay = int64(24 * time.Hour / time.Second)

// AddChecker gives the token that opens the checker's pages for so many days,
// today included. The token is not kept. The faults are lane.checker_name and
// lane.checker_days.
func (l *Lane) AddChecker(ctx context.Context, name string, days int) (token string, c Checker, err error) {
	switch {
	case strings.TrimSpace(name) == "" || !plain(name, maxCheckerName) || strings.ContainsAny(name, "\r\n\t"):
		return "", c, fault.Invalid("lane.checker_name", maxCheckerName)
	case days < 1 || days > maxCheckerDays:
		return "", c, fault.Invalid("lane.checker_days", maxCheckerDays)
	}
	key, err := l.linkKey(ctx)
	if err != nil {
		return "", c, err
	}
	last := l.now().UTC().AddDate(0, 0, days-1)
	c = Checker{Name: name, Until: appeal.Day(last.Format(time.DateOnly))}
	if c.Number, err = l.db.AddChecker(ctx, lanedb.Checker{Name: name, Last: string(c.Until)}); err != nil {
		return "", c, err
	}
	body := binary.AppendUvarint([]byte{checkerVersion}, uint64(c.Number))
	body = binary.AppendUvarint(body, uint64(last.Unix()/secondsOfDay))
	return base64.RawURLEncoding.EncodeToString(append(body, sealChecker(key, body)...)), c, nil
}

// readChecker takes a token that this lane made apart; its last day stands with
// the checker as well. The fault is lane.bad_checker.
func readChecker(key []byte, token string) (number int64, last appeal.Day, err error) {
	bad := fault.NotFound("lane.bad_checker")
	if len(token) > maxToken {
		return 0, "", bad
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err != nil || len(b) < linkSeal+3 || b[0] != checkerVersion {
		return 0, "", bad
	}
	body, seal := b[:len(b)-linkSeal], b[len(b)-linkSeal:]
	if !hmac.Equal(seal, sealChecker(key, body)) {
		return 0, "", bad
	}
	n, size := binary.Uvarint(body[1:])
	if size <= 0 || n > 1<<62 {
		return 0, "", bad
	}
	day, more := binary.Uvarint(body[1+size:])
	if more <= 0 || day > 1<<20 || 1+size+more != len(body) {
		return 0, "", bad
	}
	return int64(n), appeal.Day(time.Unix(int64(day)*secondsOfDay, 0).UTC().Format(time.DateOnly)), nil
}

// CheckerOf gives whose token it is. The faults are lane.bad_checker (none was
// made here so), lane.void_checker (it was revoked) and lane.expired_checker.
func (l *Lane) CheckerOf(ctx context.Context, token string) (Checker, error) {
	key, err := l.linkKey(ctx)
	if err != nil {
		return Checker{}, err
	}
	number, last, err := readChecker(key, token)
	if err != nil {
		return Checker{}, err
	}
	kept, err := l.db.Checker(ctx, number)
	switch {
	case errors.Is(err, fault.NotFound("lane.no_checker")):
		return Checker{}, fault.NotFound("lane.bad_checker").Because(err)
	case err != nil:
		return Checker{}, err
	case kept.Revoked != "":
		return Checker{}, fault.Forbidden("lane.void_checker")
	case last < l.today() || appeal.Day(kept.Last) < l.today():
		return Checker{}, fault.Forbidden("lane.expired_checker")
	}
	return knownChecker(kept), nil
}

// Checkers lists all checkers, also those whose links are over.
func (l *Lane) Checkers(ctx context.Context) ([]Checker, error) {
	kept, err := l.db.Checkers(ctx)
	all := []Checker{}
	for _, c := range kept {
		all = append(all, knownChecker(c))
	}
	return all, err
}

// RevokeChecker makes a checker's link void for good. The fault is lane.no_checker.
func (l *Lane) RevokeChecker(ctx context.Context, number int64) error {
	return l.db.RevokeChecker(ctx, number, string(l.today()))
}
