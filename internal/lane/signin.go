package lane

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha1" // #nosec G505 -- RFC 6238's default, which is what authenticators know
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base32"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"
	"golang.org/x/text/unicode/norm"

	"kua/internal/fault"
	"kua/internal/lane/lanedb"
	"kua/internal/passkey"
)

// Passwords are hashed by argon2id (RFC 9106) with 19 MiB and two passes, as OWASP
// advises, at most hashesAtATime at once in a process.
const (
	argonPasses   = 2
	argonKiB      = 19 << 10
	hashesAtATime = 2
	hashesWaiting = 16 // and so many wait for their turn: half a minute's work; whoever comes then is asked to come back
	saltBytes     = 16
	lockerVersion = 1

	minPassword = 12
	maxPassword = 200
)

// One-time codes are those of RFC 6238: six digits of HMAC-SHA-1, a new one each
// half minute; the one before and the one after are taken too, since clocks differ.
const (
	secretBytes  = 20
	codeStep     = 30
	codeDigits   = 6
	recoveryMany = 10
)

// A name is tried triesAtOnce times in a row, and then once in triesEach.
const (
	triesAtOnce = 10
	triesEach   = 2 * time.Minute
)

// challengeTime is how long somebody may take to answer with a passkey.
const challengeTime = 10 * time.Minute

// A name is one of tryBuckets, which a key chooses: nobody can aim at another's,
// and what is kept of tries is the bucket's number.
const (
	tryBuckets = 4096
	tryContext = "kua open lane try\n"
)

// porter is what signing in needs of this process.
type porter struct {
	waiting, hashing chan struct{}

	mu    sync.Mutex // of what follows
	tries map[uint32]*Budget
	acts  map[string]*Budget // of TakeAct, by name
}

func newPorter() *porter {
	return &porter{waiting: make(chan struct{}, hashesAtATime+hashesWaiting), hashing: make(chan struct{}, hashesAtATime), tries: map[uint32]*Budget{}, acts: map[string]*Budget{}}
}

// take takes one try of a name, whether there is such an account or not, or gives
// the fault lane.sign_in_later. Nothing is kept of who tries; a few names share a
// bucket, and all processes on one database count together.
func (l *Lane) take(ctx context.Context, name string) error {
	key, err := l.linkKey(ctx)
	if err != nil {
		return err
	}
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(tryContext + name))
	bucket := binary.BigEndian.Uint32(mac.Sum(nil)) % tryBuckets
	l.porter.mu.Lock()
	b := l.porter.tries[bucket]
	if b == nil {
		b = l.Budget(fmt.Sprintf("sign-in %d", bucket), int(time.Hour/triesEach))
		b.most = triesAtOnce
		l.porter.tries[bucket] = b
	}
	l.porter.mu.Unlock()
	wait, err := b.Take(ctx, l.now())
	if err == nil && wait > 0 {
		err = fault.Later("lane.sign_in_later", int(triesEach.Minutes()))
	}
	return err
}

// lockerKey makes the key of a locker out of a password. The fault is
// lane.sign_in_busy when too many wait for theirs.
func (p *porter) lockerKey(ctx context.Context, password string, salt []byte) ([]byte, error) {
	select {
	case p.waiting <- struct{}{}:
		defer func() { <-p.waiting }()
	default:
		return nil, fault.Later("lane.sign_in_busy")
	}
	select {
	case p.hashing <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { <-p.hashing }()
	return argon2.IDKey([]byte(norm.NFKC.String(password)), salt, argonPasses, argonKiB, 1, 32), nil
}

func lockerAEAD(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

func lockerOf(account int64) []byte { return fmt.Appendf(nil, "kua open lane account %d", account) }

// lock seals the secret of an account's one-time codes under its password: a
// version, a salt, AES-256-GCM. Whoever opens it has the password; a seized database has
// neither.
func (p *porter) lock(ctx context.Context, account int64, password string, secret []byte) ([]byte, error) {
	salt := make([]byte, saltBytes)
	rand.Read(salt) // never fails
	key, err := p.lockerKey(ctx, password, salt)
	if err != nil {
		return nil, err
	}
	aead, err := lockerAEAD(key)
	if err != nil {
		return nil, err
	}
	nonce := make([]byte, aead.NonceSize())
	rand.Read(nonce) // never fails
	b := append([]byte{lockerVersion}, salt...)
	return aead.Seal(append(b, nonce...), nonce, secret, lockerOf(account)), nil
}

// unlock opens a locker, in as much time where there is none; nil for a wrong
// password.
func (p *porter) unlock(ctx context.Context, account int64, password string, locker []byte) ([]byte, error) {
	const head = 1 + saltBytes + 12
	there := len(locker) > head && locker[0] == lockerVersion
	if !there {
		locker = make([]byte, head+secretBytes+16)
	}
	key, err := p.lockerKey(ctx, password, locker[1:1+saltBytes])
	if err != nil {
		return nil, err
	}
	aead, err := lockerAEAD(key)
	if err != nil {
		return nil, err
	}
	secret, err := aead.Open(nil, locker[1+saltBytes:head], locker[head:], lockerOf(account))
	if err != nil || !there {
		return nil, nil
	}
	return secret, nil
}

// oneTime gives the code of a secret at a step (RFC 4226, 5.3).
func oneTime(secret []byte, step int64) string {
	mac := hmac.New(sha1.New, secret)
	mac.Write(binary.BigEndian.AppendUint64(nil, uint64(step)))
	sum := mac.Sum(nil)
	at := sum[len(sum)-1] & 0xf
	return fmt.Sprintf("%0*d", codeDigits, (binary.BigEndian.Uint32(sum[at:])&0x7fffffff)%1_000_000)
}

// stepOf gives the step of a code that is good at a time; ok is false for none.
func stepOf(secret []byte, code string, now time.Time) (step int64, ok bool) {
	code = strings.Map(func(r rune) rune {
		if r == ' ' {
			return -1
		}
		return r
	}, code)
	for _, by := range []int64{0, -1, 1} {
		s := now.Unix()/codeStep + by
		if subtle.ConstantTimeCompare([]byte(oneTime(secret, s)), []byte(code)) == 1 {
			step, ok = s, true
		}
	}
	return step, ok
}

// Secret is what one-time codes are made of, as it is written for an
// authenticator (base 32).
type Secret string

var secretText = base32.StdEncoding.WithPadding(base32.NoPadding)

// NewSecret makes one. A form gets it before it is sent, so that nothing is kept
// for who only looks.
func NewSecret() Secret {
	b := make([]byte, secretBytes)
	rand.Read(b) // never fails
	return Secret(secretText.EncodeToString(b))
}

// Read gives the secret's bytes, or the fault lane.bad_secret.
func (s Secret) Read() ([]byte, error) {
	b, err := secretText.DecodeString(string(s))
	if err != nil || len(b) != secretBytes || string(s) != secretText.EncodeToString(b) {
		return nil, fault.Invalid("lane.bad_secret")
	}
	return b, nil
}

// Address is what an authenticator reads from a picture (otpauth://).
func (s Secret) Address(issuer, account string) string {
	q := url.Values{"secret": {string(s)}, "issuer": {issuer}}
	return "otpauth://totp/" + url.PathEscape(issuer+":"+account) + "?" + strings.ReplaceAll(q.Encode(), "+", "%20")
}

// Code gives the code of a secret at a time.
func (s Secret) Code(at time.Time) (string, error) {
	b, err := s.Read()
	if err != nil {
		return "", err
	}
	return oneTime(b, at.Unix()/codeStep), nil
}

// CheckPassword gives the fault lane.password for one that is too short or long.
func CheckPassword(password string) error {
	if n := utf8.RuneCountInString(password); n < minPassword || n > maxPassword || !utf8.ValidString(password) {
		return fault.Invalid("lane.password", minPassword, maxPassword)
	}
	return nil
}

// SetUpPassword makes the account of a token live with a password and one-time
// codes, and signs it in: the session's token, and the codes that stand in for a lost
// telephone, shown once. The faults are lane.bad_invite, lane.password,
// lane.bad_secret, lane.code and lane.sign_in_busy.
func (l *Lane) SetUpPassword(ctx context.Context, invite, password string, secret Secret, code string) (session string, recovery []string, err error) {
	a, err := l.invited(ctx, invite)
	if err != nil {
		return "", nil, err
	}
	if err := CheckPassword(password); err != nil {
		return "", nil, err
	}
	raw, err := secret.Read()
	if err != nil {
		return "", nil, err
	}
	step, ok := stepOf(raw, code, l.now())
	if !ok {
		return "", nil, fault.Invalid("lane.code")
	}
	m := lanedb.Means{Step: step}
	if m.Locker, err = l.porter.lock(ctx, a.Number, password, raw); err != nil {
		return "", nil, err
	}
	for range recoveryMany {
		c := NewCode()
		hash, err := hashRecovery(c)
		if err != nil {
			return "", nil, err
		}
		recovery, m.Recovery = append(recovery, c), append(m.Recovery, hash)
	}
	session, err = l.setUp(ctx, a.Number, invite, m)
	return session, recovery, err
}

func hashRecovery(code string) (string, error) {
	b, err := readCode(code)
	if err != nil {
		return "", err
	}
	return hashToken("recovery", string(b)), nil
}

func (l *Lane) setUp(ctx context.Context, account int64, invite string, m lanedb.Means) (session string, err error) {
	session, s := l.newSession()
	return session, l.db.SetUp(ctx, account, hashToken("invite", invite), m, s, string(l.today()))
}

// namesakes is how many accounts are tried at least, so that the time of a try does not
// tell whether a name is taken, nor by how many authorities.
const namesakes = 4

// tried adds accounts that nobody has to those of a name, up to a multiple of namesakes.
func tried(all []lanedb.Account) []lanedb.Account {
	return append(all, make([]lanedb.Account, max(namesakes, (len(all)+namesakes-1)/namesakes*namesakes)-len(all))...)
}

// SignIn begins a session by name, password and a one-time code, or one of the
// codes that stand in for it. Each code is taken once. Where several authorities have
// somebody of that name, the password says who it is. The faults are lane.sign_in,
// which does not say what was wrong, lane.sign_in_later and lane.sign_in_busy.
func (l *Lane) SignIn(ctx context.Context, name, password, code string) (session string, err error) {
	folded := foldedName(name)
	if err := l.take(ctx, folded); err != nil {
		return "", err
	}
	wrong := fault.Forbidden("lane.sign_in")
	all, err := l.db.AccountsCalled(ctx, folded)
	if err != nil {
		return "", err
	}
	if CheckPassword(password) != nil {
		password = "" // nobody has it
	}
	var a lanedb.Account
	var p lanedb.Proof
	opened, ok := false, false
	for _, one := range tried(all) {
		secret, err := l.porter.unlock(ctx, one.Number, password, one.Locker)
		if err != nil {
			return "", err
		}
		if secret == nil {
			continue
		}
		step, good := stepOf(secret, code, l.now())
		if good || !opened {
			a, p.Step, opened, ok = one, step, true, good
		}
		if ok {
			break // whoever has all of it learns nothing by the time
		}
	}
	if !opened {
		return "", wrong
	}
	if !ok {
		if p.Recovery, err = hashRecovery(code); err != nil {
			return "", wrong
		}
	}
	session, s := l.newSession()
	return session, l.db.SignIn(ctx, a.Number, p, s, string(l.today()))
}

// A challenge is when it ends, random bytes, and half an HMAC over both: nothing
// is kept of one before it was answered.
const (
	challengeBody    = 8 + 16
	challengeContext = "kua open lane challenge\n"
)

func sealChallenge(key, body []byte) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(challengeContext))
	mac.Write(body)
	return mac.Sum(nil)[:16]
}

func (l *Lane) newChallenge(ctx context.Context) ([]byte, error) {
	key, err := l.linkKey(ctx)
	if err != nil {
		return nil, err
	}
	b := binary.BigEndian.AppendUint64(nil, uint64(l.now().Add(challengeTime).UnixMicro()))
	b = append(b, make([]byte, 16)...)
	rand.Read(b[8:]) // never fails
	return append(b, sealChallenge(key, b)...), nil
}

// challenged gives a check of a challenge, and keeps it and when it ends in p.
func (l *Lane) challenged(ctx context.Context, p *lanedb.Proof) func([]byte) error {
	return func(challenge []byte) error {
		key, err := l.linkKey(ctx)
		if err != nil {
			return err
		}
		if len(challenge) != challengeBody+16 || !hmac.Equal(challenge[challengeBody:], sealChallenge(key, challenge[:challengeBody])) {
			return fault.Forbidden("passkey.answer")
		}
		p.Ends = int64(binary.BigEndian.Uint64(challenge))
		if p.Ends <= l.now().UnixMicro() {
			return fault.Forbidden("lane.challenge_over", int(challengeTime.Minutes()))
		}
		p.Challenge = base64.RawURLEncoding.EncodeToString(challenge)
		return nil
	}
}

// AskToMake gives what a browser needs to make a passkey for the account of a
// token. The faults are lane.bad_invite and passkey.site.
func (l *Lane) AskToMake(ctx context.Context, site passkey.Site, invite string) ([]byte, error) {
	a, err := l.invited(ctx, invite)
	if err != nil {
		return nil, err
	}
	challenge, err := l.newChallenge(ctx)
	if err != nil {
		return nil, err
	}
	return site.ToMake(challenge, passkey.Person{Handle: a.Handle, Name: a.Name})
}

// SetUpPasskey makes the account of a token live with the passkey that a browser
// made, and signs it in. The faults are lane.bad_invite, lane.challenge_over,
// passkey.site and passkey.answer.
func (l *Lane) SetUpPasskey(ctx context.Context, site passkey.Site, invite string, answer []byte) (session string, err error) {
	a, err := l.invited(ctx, invite)
	if err != nil {
		return "", err
	}
	var p lanedb.Proof // the token is taken once, and so is the challenge with it
	key, err := site.Made(answer, passkey.Person{Handle: a.Handle, Name: a.Name}, l.challenged(ctx, &p))
	if err != nil {
		return "", err
	}
	return l.setUp(ctx, a.Number, invite, lanedb.Means{Key: keyID(key.ID), Body: key.Body})
}

func keyID(id []byte) string { return base64.RawURLEncoding.EncodeToString(id) }

// AskToSign gives what a browser needs to sign in with a passkey, whoever's it
// is. The fault is passkey.site.
func (l *Lane) AskToSign(ctx context.Context, site passkey.Site) ([]byte, error) {
	challenge, err := l.newChallenge(ctx)
	if err != nil {
		return nil, err
	}
	return site.ToSign(challenge)
}

// SignInPasskey begins a session by a passkey. An answer is taken once. The
// faults are lane.sign_in, lane.challenge_over, passkey.site and passkey.answer.
func (l *Lane) SignInPasskey(ctx context.Context, site passkey.Site, answer []byte) (session string, err error) {
	var p lanedb.Proof
	var account int64
	key, err := site.Signed(answer, l.challenged(ctx, &p), func(handle []byte) (passkey.Person, error) {
		a, err := l.db.AccountOf(ctx, handle)
		if err != nil {
			return passkey.Person{}, err
		}
		account = a.Number
		keys, err := l.db.Passkeys(ctx, a.Number)
		who := passkey.Person{Handle: a.Handle, Name: a.Name}
		for _, k := range keys {
			id, err := base64.RawURLEncoding.DecodeString(k.Key)
			if err != nil {
				return who, fault.Corrupt("passkey.answer").Because(err)
			}
			who.Keys = append(who.Keys, passkey.Key{ID: id, Body: k.Body})
		}
		return who, err
	})
	if err != nil {
		return "", err
	}
	p.Key, p.Body = keyID(key.ID), key.Body
	session, s := l.newSession()
	return session, l.db.SignIn(ctx, account, p, s, string(l.today()))
}
