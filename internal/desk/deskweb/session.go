package deskweb

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"sync"
	"time"

	"kua/internal/desk"
	"kua/internal/keyring"
)

// cookieName is the one cookie of the app. It names a session and holds nothing.
const cookieName = "kua-desk"

// session is one browser. person is nil before sign-in; the unlocked keys live
// here, in memory, and nowhere else.
type session struct {
	id     string
	person *keyring.Person
	file   string // name of the person's key file, which may be another than the person's
	seat   *desk.Seat
	seen   time.Time // the last request that a person made
	opened map[string]bool
	notice *notice
}

// notice is one sentence for the next page: what has just been done.
type notice struct {
	Key  string
	Args []any
}

// sessions holds every browser that called lately. Its lock guards the map and
// the sessions in it; a session is changed only through these methods.
type sessions struct {
	idle   time.Duration
	secret [32]byte // makes the tokens of forms; new with every start
	now    func() time.Time

	mu  sync.Mutex
	all map[string]*session
}

// newcomers is how many browsers without a person are kept: more only means
// that somebody plays with the sign-in page.
const newcomers = 1000

func newSessions(idle time.Duration) *sessions {
	s := &sessions{idle: idle, now: time.Now, all: make(map[string]*session)}
	_, _ = rand.Read(s.secret[:]) // never fails, see crypto/rand
	return s
}

// find gives the session that the request's cookie names, if it is alive, and
// notes that it was used now. A page that looks again by itself (auto in its
// address) does not count: it must not keep a desk open that nobody sits at.
func (s *sessions) find(r *http.Request) (*session, bool) {
	c, err := r.Cookie(cookieName)
	if err != nil {
		return nil, false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sweep()
	found, ok := s.all[c.Value]
	if ok && !r.URL.Query().Has("auto") {
		found.seen = s.now()
	}
	return found, ok
}

// begin makes a session for a browser, with or without a person, and sets its
// cookie. A session that becomes a person's always gets a new name, so that a
// name planted earlier is worth nothing.
func (s *sessions) begin(w http.ResponseWriter, person *keyring.Person, file string, seat *desk.Seat, secure bool) *session {
	fresh := &session{id: rand.Text(), person: person, file: file, seat: seat, opened: make(map[string]bool)}
	s.mu.Lock()
	s.sweep()
	if person == nil && len(s.all) >= newcomers {
		s.dropOldestNewcomer()
	}
	fresh.seen = s.now()
	s.all[fresh.id] = fresh
	s.mu.Unlock()
	http.SetCookie(w, &http.Cookie{
		Name: cookieName, Value: fresh.id, Path: "/",
		HttpOnly: true, Secure: secure, SameSite: http.SameSiteStrictMode,
	})
	return fresh
}

// end forgets a session and the keys in it.
func (s *sessions) end(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.all, id)
}

// endAll forgets everybody.
func (s *sessions) endAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.all)
}

// people counts the sessions of people; idle ones are forgotten first.
func (s *sessions) people() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sweep()
	n := 0
	for _, one := range s.all {
		if one.person != nil {
			n++
		}
	}
	return n
}

// say leaves a notice for the session's next page.
func (s *sessions) say(one *session, key string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	one.notice = &notice{Key: key, Args: args}
}

// said takes the notice away.
func (s *sessions) said(one *session) *notice {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := one.notice
	one.notice = nil
	return n
}

// open notes that the session's person has had a preview on the screen; has
// reports it.
func (s *sessions) open(one *session, preview string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	one.opened[preview] = true
}

func (s *sessions) has(one *session, preview string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return one.opened[preview]
}

// token is what every form of a session carries: only a page that this app
// made for this session can know it.
func (s *sessions) token(one *session) string {
	mac := hmac.New(sha256.New, s.secret[:])
	mac.Write([]byte(one.id))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// holds reports whether token is the session's.
func (s *sessions) holds(one *session, token string) bool {
	return hmac.Equal([]byte(token), []byte(s.token(one)))
}

// sweep forgets who has been idle for too long. The caller holds the lock.
func (s *sessions) sweep() {
	for id, one := range s.all {
		if s.now().Sub(one.seen) > s.idle {
			delete(s.all, id)
		}
	}
}

func (s *sessions) dropOldestNewcomer() {
	var oldest *session
	for _, one := range s.all {
		if one.person == nil && (oldest == nil || one.seen.Before(oldest.seen)) {
			oldest = one
		}
	}
	if oldest != nil {
		delete(s.all, oldest.id)
	}
}
