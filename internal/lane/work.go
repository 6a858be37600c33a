package lane

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"math/bits"
	"strconv"
	"strings"
	"time"

	"kua/internal/fault"
)

// Load says in steps how much of an hour's budget is used: 0 is ordinary.
type Load int

// MostLoad is the highest step.
const MostLoad Load = 3

// WorkParts is of how many parts the work is made that a form is asked for. Many
// small ones differ less in their time than one large, and show how far it is.
const WorkParts = 16

// workBits are the zero bits with which each part's hash must begin, by load. At
// the most, that is a million hashes: a second for a computer of this decade's
// beginning, and some thirteen for a phone that makes 80,000 in a second.
var workBits = [MostLoad + 1]int{0, 12, 14, 16}

// A challenge is "1.bits.minute.seal": the last minute since 1970 in which it is
// taken, and half an HMAC-SHA-256 over both and the hash of the holder's code. So
// nothing of it is kept, it is worth nothing with another code, and a code makes
// one report. With a part and a number behind it, it is one block of SHA-256.
const (
	workVersion = "1"
	workSeal    = 16
	workContext = "kua open lane work\n"
	workTime    = 30 * time.Minute
	maxProof    = 64
)

// Challenge is work that a form is asked for.
type Challenge struct {
	Text string // goes with the form
	Bits int
}

// Load gives how much of the budget is used, by all processes together.
func (b *Budget) Load(ctx context.Context, now time.Time) (Load, error) {
	left, err := b.lane.db.BudgetLeft(ctx, b.name, b.most, b.perHour, now)
	if err != nil {
		return 0, err
	}
	b.mu.Lock()
	left += b.held
	b.mu.Unlock()
	return loadOf(left, b.perHour), nil
}

// loadOf is ordinary as long as half of the hour's is left, and rises with each
// sixth of it that is taken then.
func loadOf(left, perHour int64) Load {
	switch {
	case 2*left >= perHour:
		return 0
	case 3*left >= perHour:
		return 1
	case 6*left >= perHour:
		return 2
	}
	return MostLoad
}

// Challenge makes the work that the form with a code is asked for under a load
// above 0. The fault is lane.bad_code.
func (l *Lane) Challenge(ctx context.Context, code string, load Load) (Challenge, error) {
	holder, err := hashCode(code)
	if err != nil {
		return Challenge{}, err
	}
	key, err := l.linkKey(ctx)
	if err != nil {
		return Challenge{}, err
	}
	n, last := workBits[min(max(load, 0), MostLoad)], l.now().Add(workTime).Unix()/60
	body := workVersion + "." + strconv.Itoa(n) + "." + strconv.FormatInt(last, 10)
	return Challenge{body + "." + sealWork(key, body, holder), n}, nil
}

func sealWork(key []byte, body, holder string) string {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(workContext + body + "\n" + holder))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil)[:workSeal])
}

// Worked holds the work that came with a code's form against its challenge. The
// fault is lane.work: it was not made here or not for this code, is too old, or
// the work is not done.
func (l *Lane) Worked(ctx context.Context, code, challenge, work string) error {
	holder, err := hashCode(code)
	if err != nil {
		return err
	}
	key, err := l.linkKey(ctx)
	if err != nil {
		return err
	}
	n, last, body, ok := readChallenge(challenge)
	if !ok || !hmac.Equal([]byte(challenge), []byte(body+"."+sealWork(key, body, holder))) || l.now().Unix()/60 > last || !workDone(challenge, n, work) {
		return fault.Conflict("lane.work")
	}
	return nil
}

// readChallenge takes a challenge apart; its seal is not looked at.
func readChallenge(s string) (zeros int, last int64, body string, ok bool) {
	parts := strings.Split(s, ".")
	if len(s) > maxProof || len(parts) != 4 || parts[0] != workVersion {
		return 0, 0, "", false
	}
	zeros, err1 := strconv.Atoi(parts[1])
	last, err2 := strconv.ParseInt(parts[2], 10, 64)
	ok = err1 == nil && err2 == nil && zeros >= 0 && zeros <= workBits[MostLoad]
	return zeros, last, strings.Join(parts[:3], "."), ok
}

// workDone reports that each part's number makes a hash that begins with so many zeros.
func workDone(challenge string, zeros int, work string) bool {
	if len(work) > WorkParts*len("4294967295.") {
		return false
	}
	numbers := strings.Split(work, ".")
	if len(numbers) != WorkParts {
		return false
	}
	for i, number := range numbers {
		if n, err := strconv.ParseUint(number, 10, 32); err != nil || strconv.FormatUint(n, 10) != number || !partDone(challenge, i, zeros, number) {
			return false
		}
	}
	return true
}

func partDone(challenge string, part, zeros int, number string) bool {
	sum := sha256.Sum256([]byte(challenge + "." + strconv.Itoa(part) + "." + number))
	return bits.LeadingZeros32(binary.BigEndian.Uint32(sum[:])) >= zeros
}
