package lane

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"strings"
	"time"
	"unicode/utf8"

	"kua/internal/appeal"
	"kua/internal/fault"
	"kua/internal/lane/lanedb"
	"kua/internal/locale"
)

// Account is somebody's of one authority, who sees what is assigned to it and
// answers for it.
type Account struct {
	Number    int64      `json:"number"`
	Authority string     `json:"authority"`
	Name      string     `json:"name"`
	Admin     bool       `json:"admin"` // may invite and reset the authority's other accounts
	State     string     `json:"state"` // invited, live, closed
	Since     appeal.Day `json:"since"`
}

// The states of an account.
const (
	AccountInvited = lanedb.Invited
	AccountLive    = lanedb.Live
	AccountClosed  = lanedb.Closed
)

// How long things of an account last.
const (
	inviteTime = 72 * time.Hour
	idleTime   = 8 * time.Hour      // a session that is not used ends
	wholeTime  = 5 * 24 * time.Hour // and every one after a week's work
	seenTime   = 5 * time.Minute    // how exactly it is kept that one is used
)

const maxAccountName = 60

func shownAccount(a lanedb.Account) Account {
	return Account{a.Number, a.Authority, a.Name, a.Admin, a.State, appeal.Day(a.Day)}
}

// foldedName is how names of accounts are compared.
func foldedName(name string) string { return strings.Join(locale.Words(name), " ") }

// newToken makes 256 random bits for an address or a cookie, and what is kept of
// them for one purpose.
func newToken(purpose string) (token, hash string) {
	b := make([]byte, 32)
	rand.Read(b) // never fails
	token = base64.RawURLEncoding.EncodeToString(b)
	return token, hashToken(purpose, token)
}

func hashToken(purpose, token string) string {
	sum := sha256.Sum256([]byte("kua open lane " + purpose + "\n" + token))
	return hex.EncodeToString(sum[:])
}

// AddAccount makes an account of an authority and gives the token that sets it
// up, once and for three days. by is the account that invites, which must be an admin of
// the same authority, or nil for whoever runs the lane. The faults are
// authority.unknown, lane.no_directory, lane.account_name, lane.account_taken and
// lane.not_admin.
func (l *Lane) AddAccount(ctx context.Context, by *Account, body, name string, admin bool) (a Account, token string, err error) {
	if err := mayManage(by, body); err != nil {
		return Account{}, "", err
	}
	if _, err := l.authorityNow(ctx, body); err != nil {
		return Account{}, "", err
	}
	name = strings.Join(strings.Fields(name), " ")
	folded := foldedName(name)
	if folded == "" || !plain(name, maxAccountName) || utf8.RuneCountInString(name) > maxAccountName {
		return Account{}, "", fault.Invalid("lane.account_name", maxAccountName)
	}
	handle := make([]byte, 32)
	rand.Read(handle) // never fails
	token, hash := newToken("invite")
	kept := lanedb.Account{Authority: body, Name: name, Called: folded, Admin: admin, State: AccountInvited, Day: string(l.today()), Handle: handle,
		Until: l.now().Add(inviteTime).UnixMicro()}
	if kept.Number, err = l.db.AddAccount(ctx, kept, hash, numberOf(by)); err != nil {
		return Account{}, "", err
	}
	return shownAccount(kept), token, nil
}

// InviteEnds is when a token that is made now ends.
func (l *Lane) InviteEnds() time.Time { return l.now().Add(inviteTime) }

func numberOf(by *Account) int64 {
	if by == nil {
		return 0
	}
	return by.Number
}

// mayManage reports who may change accounts of an authority: whoever runs the
// lane, and its own admins.
func mayManage(by *Account, body string) error {
	if by != nil && (!by.Admin || by.Authority != body) {
		return fault.Forbidden("lane.not_admin")
	}
	return nil
}

// managed gives an account that by may change. Admins do not change their own:
// one that locks itself out could be helped by nobody of its authority.
func (l *Lane) managed(ctx context.Context, by *Account, number int64) (lanedb.Account, error) {
	a, err := l.db.Account(ctx, number)
	if err != nil {
		return a, err
	}
	if by != nil && by.Authority != a.Authority { // nobody learns which numbers others have
		return a, fault.NotFound("lane.no_account")
	}
	if by != nil && by.Number == number {
		return a, fault.Conflict("lane.own_account")
	}
	return a, mayManage(by, a.Authority)
}

// ResetAccount takes from an account all that it signs in with, ends its
// sessions, and gives a token that sets it up anew; a closed one is open again.
// The faults are lane.no_account, lane.own_account and lane.not_admin.
func (l *Lane) ResetAccount(ctx context.Context, by *Account, number int64) (a Account, token string, err error) {
	kept, err := l.managed(ctx, by, number)
	if err != nil {
		return Account{}, "", err
	}
	token, hash := newToken("invite")
	err = l.db.ResetAccount(ctx, number, AccountInvited, hash, l.now().Add(inviteTime).UnixMicro(), string(l.today()), "reset", numberOf(by))
	return shownAccount(kept), token, err
}

// CloseAccount ends an account: nobody signs in with it until it is reset. The
// faults are those of ResetAccount.
func (l *Lane) CloseAccount(ctx context.Context, by *Account, number int64) error {
	if _, err := l.managed(ctx, by, number); err != nil {
		return err
	}
	return l.db.ResetAccount(ctx, number, AccountClosed, "", 0, string(l.today()), "closed", numberOf(by))
}

// Accounts lists the accounts of an authority, or all for "".
func (l *Lane) Accounts(ctx context.Context, body string) ([]Account, error) {
	kept, err := l.db.Accounts(ctx, body)
	all := []Account{}
	for _, a := range kept {
		all = append(all, shownAccount(a))
	}
	return all, err
}

// AccountTrace is one line of what was done with an account: added, set_up,
// recovery (a code stood in for a lost telephone), signed_out (everywhere), reset,
// closed; or with an assignment: assigned (to the account), unassigned, to_ and a state,
// attested and an act of a formal appeal.
type AccountTrace struct {
	Account    int64      `json:"account"`
	Day        appeal.Day `json:"day"`
	What       string     `json:"what"`
	By         int64      `json:"by"` // an account; 0: whoever runs the lane
	Assignment int64      `json:"assignment,omitempty"`
	Request    int64      `json:"request,omitempty"` // the assignment's
}

// AccountTraces gives what was done last with the accounts of an authority, newest
// first; for all of them ("") without what they did with assignments.
func (l *Lane) AccountTraces(ctx context.Context, body string, limit int) ([]AccountTrace, error) {
	kept, err := l.db.Traces(ctx, body, 0, limit)
	return shownTraces(kept), err
}

// PartTraces gives what accounts did last with an assignment of an authority, newest first.
func (l *Lane) PartTraces(ctx context.Context, me Account, assignment int64, limit int) ([]AccountTrace, error) {
	kept, err := l.db.Traces(ctx, me.Authority, assignment, limit)
	return shownTraces(kept), err
}

func shownTraces(kept []lanedb.Trace) []AccountTrace {
	all := []AccountTrace{}
	for _, t := range kept {
		all = append(all, AccountTrace{t.Account, appeal.Day(t.Day), t.What, t.Actor, t.Assignment, t.Request})
	}
	return all
}

// Invited gives the account that a token sets up. The fault is lane.bad_invite:
// there is none, it was used, or its three days are over.
func (l *Lane) Invited(ctx context.Context, token string) (Account, error) {
	a, err := l.invited(ctx, token)
	return shownAccount(a), err
}

func (l *Lane) invited(ctx context.Context, token string) (lanedb.Account, error) {
	a, err := l.db.AccountInvited(ctx, hashToken("invite", token), l.now().UnixMicro())
	if errors.Is(err, fault.NotFound("lane.no_account")) {
		err = fault.NotFound("lane.bad_invite")
	}
	return a, err
}

func (l *Lane) newSession() (token string, s lanedb.Session) {
	token, hash := newToken("session")
	now := l.now()
	return token, lanedb.Session{Hash: hash, Seen: now.UnixMicro(), Until: now.Add(wholeTime).UnixMicro()}
}

// SignedIn gives the account whose session has a token. The fault is
// lane.signed_out: there is none, or it ended.
func (l *Lane) SignedIn(ctx context.Context, token string) (Account, error) {
	now := l.now().UnixMicro()
	s, a, err := l.db.SessionOf(ctx, hashToken("session", token), now, idleTime.Microseconds())
	if err != nil {
		return Account{}, err
	}
	if now-s.Seen > seenTime.Microseconds() {
		err = l.db.SeenSession(ctx, s.Hash, now)
		if f, ok := fault.Of(err); ok && f.Kind == fault.KindLater { // nothing is taken for a moment, and this can wait
			err = nil
		}
	}
	return shownAccount(a), err
}

// SignOut ends the session of a token; SignOutEverywhere all of an account.
func (l *Lane) SignOut(ctx context.Context, token string) error {
	return l.db.EndSession(ctx, hashToken("session", token))
}

// SignOutEverywhere: see SignOut.
func (l *Lane) SignOutEverywhere(ctx context.Context, a Account) error {
	return l.db.EndSessions(ctx, a.Number, string(l.today()))
}

// FormToken is what every form of a session carries, so that no other site's
// page can send one in its name: it follows from the session's token, which only the browser has.
func FormToken(session string) string {
	mac := hmac.New(sha256.New, []byte(session))
	mac.Write([]byte("kua open lane form\n"))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// SameForm reports whether a form belongs to a session.
func SameForm(session, form string) bool {
	return session != "" && hmac.Equal([]byte(FormToken(session)), []byte(form))
}

// Reachable reports whether somebody of an authority can sign in, so that what
// stands in its inbox has arrived.
func (l *Lane) Reachable(ctx context.Context, body string) (bool, error) {
	n, err := l.db.LiveAccounts(ctx, body)
	return n > 0, err
}
