package lanedb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"kua/internal/fault"
)

// Account is somebody's of an authority.
type Account struct {
	Number          int64
	Authority, Name string
	Called          string // the name as it is compared; unique in its authority
	Admin           bool
	State           string
	Day             string
	Handle          []byte
	Locker          []byte
	Step            int64
	Until           int64 // end of the token that sets it up
}

// The states of an account.
const (
	Invited = "invited"
	Live    = "live"
	Closed  = "closed"
)

const accountColumns = `number, authority, name, called, admin, state, day, handle, locker, step, until`

func scanAccount(row interface{ Scan(...any) error }, a *Account) error {
	var admin int64
	err := row.Scan(&a.Number, &a.Authority, &a.Name, &a.Called, &admin, &a.State, &a.Day, &a.Handle, &a.Locker, &a.Step, &a.Until)
	a.Admin = admin == 1
	return err
}

func (db *DB) account(ctx context.Context, where string, args ...any) (a Account, err error) {
	err = scanAccount(db.db.QueryRowContext(ctx, `SELECT `+accountColumns+` FROM account WHERE `+where, args...), &a)
	if errors.Is(err, sql.ErrNoRows) {
		return a, fault.NotFound("lane.no_account")
	}
	if err != nil {
		return a, fmt.Errorf("read an account: %w", err)
	}
	return a, nil
}

// Account gives an account by its number, AccountOf by its passkeys' handle, AccountInvited by the hash of the token that sets
// it up. The fault is lane.no_account.
func (db *DB) Account(ctx context.Context, number int64) (Account, error) {
	return db.account(ctx, `number = $1`, number)
}

// AccountsCalled gives the accounts of all authorities that have a name and that
// somebody can sign in with.
func (db *DB) AccountsCalled(ctx context.Context, called string) ([]Account, error) {
	rows, err := db.db.QueryContext(ctx, `SELECT `+accountColumns+` FROM account WHERE called = $1 AND state = 'live' ORDER BY number`, called)
	all, err := collect(rows, err, func(rows *sql.Rows, a *Account) error { return scanAccount(rows, a) })
	if err != nil {
		return nil, fmt.Errorf("find the accounts of a name: %w", err)
	}
	return all, nil
}

// AccountOf: see Account.
func (db *DB) AccountOf(ctx context.Context, handle []byte) (Account, error) {
	return db.account(ctx, `handle = $1`, handle)
}

// AccountInvited: see Account.
func (db *DB) AccountInvited(ctx context.Context, hash string, now int64) (Account, error) {
	return db.account(ctx, `invite = $1 AND state = 'invited' AND until > $2`, hash, now)
}

// Accounts lists the accounts of an authority, or all ("").
func (db *DB) Accounts(ctx context.Context, authority string) ([]Account, error) {
	rows, err := db.db.QueryContext(ctx, `SELECT `+accountColumns+` FROM account WHERE $1 = '' OR authority = $1 ORDER BY number`, authority)
	all, err := collect(rows, err, func(rows *sql.Rows, a *Account) error { return scanAccount(rows, a) })
	if err != nil {
		return nil, fmt.Errorf("list accounts: %w", err)
	}
	return all, nil
}

// LiveAccounts counts the accounts of an authority that somebody can sign in with.
func (db *DB) LiveAccounts(ctx context.Context, authority string) (n int64, err error) {
	if err := db.db.QueryRowContext(ctx, `SELECT count(*) FROM account WHERE authority = $1 AND state = 'live'`, authority).Scan(&n); err != nil {
		return 0, fmt.Errorf("count accounts: %w", err)
	}
	return n, nil
}

// AddAccount keeps a new account with the hash of the token that sets it up. The
// fault is lane.account_taken.
func (db *DB) AddAccount(ctx context.Context, a Account, invite string, actor int64) (number int64, err error) {
	err = db.db.Tx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		admin := int64(0)
		if a.Admin {
			admin = 1
		}
		err := tx.QueryRowContext(ctx, `INSERT INTO account (authority, name, folded, called, admin, state, day, handle, invite, until, locker, step)
			VALUES ($1, $2, $1 || '/' || $3, $3, $4, 'invited', $5, $6, $7, $8, $9, 0) ON CONFLICT (folded) DO NOTHING RETURNING number`,
			a.Authority, a.Name, a.Called, admin, a.Day, a.Handle, invite, a.Until, []byte{}).Scan(&number)
		if errors.Is(err, sql.ErrNoRows) {
			return fault.Conflict("lane.account_taken", a.Name)
		}
		if err != nil {
			return err
		}
		return trace(ctx, tx, number, a.Day, "added", actor)
	})
	if err != nil {
		return 0, fmt.Errorf("keep an account: %w", err)
	}
	return number, nil
}

func trace(ctx context.Context, tx *sql.Tx, account int64, day, what string, actor int64) error {
	return traceOn(ctx, tx, account, day, what, actor, 0)
}

func traceOn(ctx context.Context, tx *sql.Tx, account int64, day, what string, actor, assignment int64) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO account_trace (account, day, what, actor, assignment) VALUES ($1, $2, $3, $4, $5)`, account, day, what, actor, assignment)
	return err
}

// ResetAccount takes from an account all that it could sign in with and ends its
// sessions; state and invite are what it has then.
func (db *DB) ResetAccount(ctx context.Context, number int64, state, invite string, until int64, day, what string, actor int64) error {
	err := db.db.Tx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		if err := stripAccount(ctx, tx, number); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `UPDATE account SET state = $1, invite = $2, until = $3, day = $4, locker = $5, step = 0 WHERE number = $6`,
			state, invite, until, day, []byte{}, number); err != nil {
			return err
		}
		return trace(ctx, tx, number, day, what, actor)
	})
	if err != nil {
		return fmt.Errorf("reset account %d: %w", number, err)
	}
	return nil
}

func stripAccount(ctx context.Context, tx *sql.Tx, number int64) error {
	for _, table := range []string{"account_passkey", "account_recovery", "account_session"} {
		if _, err := tx.ExecContext(ctx, `DELETE FROM `+table+` WHERE account = $1`, number); err != nil {
			return err
		}
	}
	return nil
}

// Session is somebody's who signed in, in microseconds.
type Session struct {
	Hash        string
	Seen, Until int64
}

func addSession(ctx context.Context, tx *sql.Tx, account int64, s Session) error {
	if _, err := tx.ExecContext(ctx, `DELETE FROM account_session WHERE until <= $1`, s.Seen); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, `INSERT INTO account_session (hash, account, seen, until) VALUES ($1, $2, $3, $4)`, s.Hash, account, s.Seen, s.Until)
	return err
}

// Means is what an account signs in with: a locker with codes that stand in, or a passkey.
type Means struct {
	Locker   []byte
	Step     int64
	Recovery []string // hashes
	Key      string   // id of the passkey
	Body     []byte
}

// SetUp makes an invited account live with what it signs in with, uses its token
// up, signs it in, and makes what waits to be delivered due. The faults are
// lane.bad_invite for a token that another used and passkey.answer for another's passkey.
func (db *DB) SetUp(ctx context.Context, number int64, invite string, m Means, s Session, day string) error {
	err := db.db.Tx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		if m.Locker == nil {
			m.Locker = []byte{}
		}
		var is int64
		err := tx.QueryRowContext(ctx, `UPDATE account SET state = 'live', invite = '', until = 0, day = $1, locker = $2, step = $3
			WHERE number = $4 AND invite = $5 AND state = 'invited' AND until > $6 RETURNING number`, day, m.Locker, m.Step, number, invite, s.Seen).Scan(&is)
		if errors.Is(err, sql.ErrNoRows) {
			return fault.NotFound("lane.bad_invite")
		}
		if err != nil {
			return err
		}
		if err := stripAccount(ctx, tx, number); err != nil {
			return err
		}
		for _, hash := range m.Recovery {
			if _, err := tx.ExecContext(ctx, `INSERT INTO account_recovery (hash, account) VALUES ($1, $2)`, hash, number); err != nil {
				return err
			}
		}
		if m.Key != "" {
			done, err := tx.ExecContext(ctx, `INSERT INTO account_passkey (id, account, body) VALUES ($1, $2, $3) ON CONFLICT (id) DO NOTHING`, m.Key, number, m.Body)
			if err != nil {
				return err
			}
			if n, err := done.RowsAffected(); err != nil || n != 1 { // it is another account's (Web Authentication, 7.1, step 26)
				return errors.Join(fault.Forbidden("passkey.answer"), err)
			}
		}
		// What waited for somebody to be there has arrived.
		if _, err := tx.ExecContext(ctx, `UPDATE delivery SET due = 0 WHERE state = 'waiting' AND due > 0`); err != nil {
			return err
		}
		if err := trace(ctx, tx, number, day, "set_up", number); err != nil {
			return err
		}
		return addSession(ctx, tx, number, s)
	})
	if err != nil {
		return fmt.Errorf("set account %d up: %w", number, err)
	}
	return nil
}

// Proof is by what somebody signs in: the step of a one-time code, the hash of a
// code that stands in for one, or a passkey and its challenge. Each is taken once.
type Proof struct {
	Step      int64
	Recovery  string
	Challenge string
	Ends      int64 // of the challenge
	Key       string
	Body      []byte
}

// challengeKept is how long it is remembered that a challenge was answered after
// its end: a process whose clock is behind would still take it.
const challengeKept = time.Hour

// SignIn takes a proof and begins a session of a live account, both or nothing.
// The fault is lane.sign_in for a proof that was taken before.
func (db *DB) SignIn(ctx context.Context, number int64, p Proof, s Session, day string) error {
	err := db.db.Tx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		var done sql.Result
		var err error
		switch {
		case p.Challenge != "":
			if _, err := tx.ExecContext(ctx, `DELETE FROM account_challenge WHERE until <= $1`, s.Seen-challengeKept.Microseconds()); err != nil {
				return err
			}
			done, err = tx.ExecContext(ctx, `INSERT INTO account_challenge (challenge, until) VALUES ($1, $2) ON CONFLICT (challenge) DO NOTHING`, p.Challenge, p.Ends)
			if err == nil {
				_, err = tx.ExecContext(ctx, `UPDATE account_passkey SET body = $1 WHERE id = $2 AND account = $3`, p.Body, p.Key, number)
			}
		case p.Recovery != "":
			if done, err = tx.ExecContext(ctx, `DELETE FROM account_recovery WHERE hash = $1 AND account = $2`, p.Recovery, number); err == nil {
				err = trace(ctx, tx, number, day, "recovery", number)
			}
		default:
			done, err = tx.ExecContext(ctx, `UPDATE account SET step = $1 WHERE number = $2 AND step < $1`, p.Step, number)
		}
		if err != nil {
			return err
		}
		if n, err := done.RowsAffected(); err != nil || n != 1 {
			return errors.Join(fault.Forbidden("lane.sign_in"), err)
		}
		var live int64
		if err := tx.QueryRowContext(ctx, `SELECT count(*) FROM account WHERE number = $1 AND state = 'live'`, number).Scan(&live); err != nil {
			return err
		}
		if live != 1 {
			return fault.Forbidden("lane.sign_in")
		}
		return addSession(ctx, tx, number, s)
	})
	if err != nil {
		return fmt.Errorf("sign account %d in: %w", number, err)
	}
	return nil
}

// Passkeys gives the ids and bodies of an account's passkeys.
func (db *DB) Passkeys(ctx context.Context, account int64) ([]Means, error) {
	rows, err := db.db.QueryContext(ctx, `SELECT id, body FROM account_passkey WHERE account = $1 ORDER BY id`, account)
	all, err := collect(rows, err, func(rows *sql.Rows, m *Means) error { return rows.Scan(&m.Key, &m.Body) })
	if err != nil {
		return nil, fmt.Errorf("read the passkeys of account %d: %w", account, err)
	}
	return all, nil
}

// SessionOf gives a session that has not ended, and its account if it is live. The
// fault is lane.signed_out.
func (db *DB) SessionOf(ctx context.Context, hash string, now, idle int64) (s Session, a Account, err error) {
	var number int64
	err = db.db.QueryRowContext(ctx, `SELECT hash, account, seen, until FROM account_session WHERE hash = $1 AND until > $2 AND seen > $3`,
		hash, now, now-idle).Scan(&s.Hash, &number, &s.Seen, &s.Until)
	if errors.Is(err, sql.ErrNoRows) {
		return s, a, fault.Forbidden("lane.signed_out")
	}
	if err != nil {
		return s, a, fmt.Errorf("read a session: %w", err)
	}
	if a, err = db.Account(ctx, number); err == nil && a.State != Live {
		err = fault.Forbidden("lane.signed_out")
	}
	return s, a, err
}

// SeenSession keeps that a session is in use.
func (db *DB) SeenSession(ctx context.Context, hash string, now int64) error {
	_, err := db.db.ExecContext(ctx, `UPDATE account_session SET seen = $1 WHERE hash = $2`, now, hash)
	return err
}

// EndSession ends one session, EndSessions all of an account, which leaves a trace.
func (db *DB) EndSession(ctx context.Context, hash string) error {
	_, err := db.db.ExecContext(ctx, `DELETE FROM account_session WHERE hash = $1`, hash)
	return err
}

// EndSessions: see EndSession.
func (db *DB) EndSessions(ctx context.Context, account int64, day string) error {
	return db.db.Tx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `DELETE FROM account_session WHERE account = $1`, account); err != nil {
			return err
		}
		return trace(ctx, tx, account, day, "signed_out", account)
	})
}

// Trace is one line of what was done with an account, or with an assignment by one.
type Trace struct {
	Number, Account int64
	Day, What       string
	Actor           int64
	Assignment      int64 // 0: none
	Request         int64 // the assignment's
}

// Traces gives the newest lines of an authority's accounts, newest first; with an
// assignment only those of it. For all authorities ("") there are those alone that
// are of accounts: who of an authority sees to what is its own business.
func (db *DB) Traces(ctx context.Context, authority string, assignment int64, limit int) ([]Trace, error) {
	var p placeholders
	where := `t.assignment = 0`
	if authority != "" {
		where = `a.authority = ` + p.one(authority)
	}
	if assignment != 0 {
		where += ` AND t.assignment <> 0 AND t.assignment = ` + p.one(assignment)
	}
	rows, err := db.db.QueryContext(ctx, `SELECT t.number, t.account, t.day, t.what, t.actor, t.assignment, COALESCE(b.request, 0)
		FROM account_trace t JOIN account a ON a.number = t.account LEFT JOIN assignment b ON b.number = t.assignment
		WHERE `+where+` ORDER BY t.number DESC LIMIT `+p.one(int64(limit)), p.args...)
	all, err := collect(rows, err, func(rows *sql.Rows, t *Trace) error {
		return rows.Scan(&t.Number, &t.Account, &t.Day, &t.What, &t.Actor, &t.Assignment, &t.Request)
	})
	if err != nil {
		return nil, fmt.Errorf("read what was done with accounts: %w", err)
	}
	return all, nil
}
