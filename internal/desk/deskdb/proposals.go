package deskdb

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"kua/internal/canon"
	"kua/internal/casefile"
	"kua/internal/charter"
	"kua/internal/evidence"
	"kua/internal/fault"
)

// The states of a proposal.
const (
	Waiting  = "waiting"
	Approved = "approved"
	Done     = "published"
	Declined = "declined"
	Stale    = "stale"
)

// Proposal is a staged edition.
type Proposal struct {
	ID       int64
	State    string
	Edition  int
	Manifest []byte
	LogSize  uint64 // of the log before the records' entries: the pages name their places
	Charter  string // id of the charter it was made under
	By       string
	At       time.Time
	Reason   string
	Step     string // the last step of its publishing that is done
	Changed  []Change
	Records  []Proposed
	Checked  []string // by whoever signs now, of casefile.Checklist; not kept with the proposal but in custody
}

// Change is one file that an edition adds, changes or removes.
type Change struct {
	Path    string `json:"path"`
	Size    int64  `json:"size,omitempty"`
	Removed bool   `json:"removed,omitempty"`
}

// Proposed is one record of a proposal.
type Proposed struct {
	Case     int64
	Record   string
	Version  int
	Withdraw bool
	Document []byte
}

// Signature is one person's signature.
type Signature struct {
	Key       string
	By        string
	Signature []byte
}

// Propose keeps a new proposal with the first person's signatures and moves its
// cases to proposed. Only one proposal may be open at a time: the edition after
// it would be built on something that may never be. enough says that no further
// signature is needed.
func (db *DB) Propose(ctx context.Context, by evidence.Actor, p Proposal, sigs map[string][]byte, enough bool) (int64, error) {
	changed, err := json.Marshal(p.Changed)
	if err != nil {
		return 0, err
	}
	var id int64
	err = db.act(ctx, by, func(ctx context.Context, tx *sql.Tx) ([]evidence.Event, error) {
		var open int64
		err := tx.QueryRowContext(ctx, `SELECT id FROM proposals WHERE state IN (?1, ?2) LIMIT 1`, Waiting, Approved).Scan(&open)
		if err == nil {
			return nil, fault.Conflict("desk.proposal_open", open)
		}
		if !errors.Is(err, sql.ErrNoRows) {
			return nil, err
		}
		now, state := db.now().UnixMicro(), Waiting
		if enough {
			state = Approved
		}
		err = tx.QueryRowContext(ctx, `INSERT INTO proposals (state, edition, manifest, log_size, charter, by_name, at, changed)
			VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) RETURNING id`,
			state, p.Edition, p.Manifest, p.LogSize, p.Charter, by.Name, now, changed).Scan(&id)
		if err != nil {
			return nil, err
		}
		if err := sign(ctx, tx, by, sigs); err != nil {
			return nil, err
		}
		events, err := db.addProposed(ctx, tx, id, p, now)
		return append(p.checked(id, p.Records), events...), err
	})
	return id, err
}

func (db *DB) addProposed(ctx context.Context, tx *sql.Tx, id int64, p Proposal, now int64) ([]evidence.Event, error) {
	var events []evidence.Event
	for i, r := range p.Records {
		_, err := tx.ExecContext(ctx, `INSERT INTO proposed (proposal, position, case_id, record, version, withdraw, document)
			VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)`, id, i, r.Case, r.Record, r.Version, r.Withdraw, r.Document)
		if err != nil {
			return nil, err
		}
		c, err := scanCase(tx.QueryRowContext(ctx, `SELECT `+caseColumns+` FROM cases c WHERE c.id = ?1`, r.Case))
		if err != nil {
			return nil, one(err, "desk.no_case", r.Case)
		}
		if err := moveCase(ctx, tx, c, casefile.Proposed, now); err != nil {
			return nil, err
		}
		events = append(events, r.event(evidence.Proposed, id))
	}
	if len(events) == 0 {
		events = append(events, evidence.Event{Verb: evidence.Proposed, Subject: fmt.Sprintf("proposal %d", id), SHA256: canon.Hash(p.Manifest)})
	}
	return events, nil
}

func (r Proposed) event(verb evidence.Verb, proposal int64) evidence.Event {
	return evidence.Event{Verb: verb, Case: r.Case, Subject: fmt.Sprintf("record %s version %d", r.Record, r.Version),
		SHA256: canon.Hash(r.Document), Detail: fmt.Sprintf("proposal %d", proposal)}
}

// sign keeps signatures by the hash of what they sign.
func sign(ctx context.Context, tx *sql.Tx, by evidence.Actor, sigs map[string][]byte) error {
	for document, signature := range sigs {
		_, err := tx.ExecContext(ctx, `INSERT INTO signatures (document, key, by_name, signature) VALUES (?1, ?2, ?3, ?4)
			ON CONFLICT DO NOTHING`, document, by.Key, by.Name, signature)
		if err != nil {
			return err
		}
	}
	return nil
}

// Approve adds a further person's signatures; enough makes the proposal
// approved. One who has signed already is refused.
func (db *DB) Approve(ctx context.Context, by evidence.Actor, p Proposal, sigs map[string][]byte, enough bool) error {
	return db.onProposal(ctx, by, p.ID, Waiting, func(ctx context.Context, tx *sql.Tx, now Proposal) ([]evidence.Event, error) {
		manifest := canon.Hash(now.Manifest)
		var signed int
		err := tx.QueryRowContext(ctx, `SELECT count(*) FROM signatures WHERE document = ?1 AND key = ?2`, manifest, by.Key).Scan(&signed)
		if err != nil {
			return nil, err
		}
		if signed > 0 || sigs[manifest] == nil {
			return nil, fault.Forbidden("desk.signed_already", by.Name)
		}
		if err := sign(ctx, tx, by, sigs); err != nil {
			return nil, err
		}
		if enough {
			if _, err := tx.ExecContext(ctx, `UPDATE proposals SET state = ?2 WHERE id = ?1`, p.ID, Approved); err != nil {
				return nil, err
			}
		}
		return append(p.checked(p.ID, now.Records), now.events(evidence.Approved)...), nil
	})
}

// checked gives an event for each case whose record the signer has gone through.
func (p Proposal) checked(id int64, records []Proposed) []evidence.Event {
	var all []evidence.Event
	for _, r := range records {
		if len(p.Checked) > 0 && !r.Withdraw {
			e := r.event(evidence.Checked, id)
			e.Detail += ": " + strings.Join(p.Checked, ", ")
			all = append(all, e)
		}
	}
	return all
}

func (p Proposal) events(verb evidence.Verb) []evidence.Event {
	var all []evidence.Event
	for _, r := range p.Records {
		all = append(all, r.event(verb, p.ID))
	}
	if len(all) == 0 {
		all = append(all, evidence.Event{Verb: verb, Subject: fmt.Sprintf("proposal %d", p.ID), SHA256: canon.Hash(p.Manifest)})
	}
	return all
}

// onProposal runs do on a proposal that must be in a state.
func (db *DB) onProposal(ctx context.Context, by evidence.Actor, id int64, state string, do func(context.Context, *sql.Tx, Proposal) ([]evidence.Event, error)) error {
	return db.act(ctx, by, func(ctx context.Context, tx *sql.Tx) ([]evidence.Event, error) {
		p, err := proposal(ctx, tx, id)
		if err != nil {
			return nil, err
		}
		if p.State != state {
			return nil, fault.Conflict("desk.proposal_state", id, p.State)
		}
		return do(ctx, tx, p)
	})
}

// Decline ends a waiting proposal as declined or stale; its cases go back to drafting.
func (db *DB) Decline(ctx context.Context, by evidence.Actor, id int64, state, reason string) error {
	return db.takeBack(ctx, by, id, Waiting, state, reason)
}

// Withhold makes an approved proposal stale of which nothing is in the log yet:
// what was staged is no longer what was signed, or the gate refuses it.
func (db *DB) Withhold(ctx context.Context, by evidence.Actor, id int64) error {
	return db.takeBack(ctx, by, id, Approved, Stale, "")
}

// takeBack ends a proposal in the state from; its cases go back to drafting.
func (db *DB) takeBack(ctx context.Context, by evidence.Actor, id int64, from, state, reason string) error {
	return db.onProposal(ctx, by, id, from, func(ctx context.Context, tx *sql.Tx, p Proposal) ([]evidence.Event, error) {
		if p.Step != "" {
			return nil, fault.Conflict("desk.proposal_state", id, p.State)
		}
		if _, err := tx.ExecContext(ctx, `UPDATE proposals SET state = ?2, reason = ?3 WHERE id = ?1`, id, state, reason); err != nil {
			return nil, err
		}
		for _, r := range p.Records {
			c, err := scanCase(tx.QueryRowContext(ctx, `SELECT `+caseColumns+` FROM cases c WHERE c.id = ?1`, r.Case))
			if err != nil {
				return nil, err
			}
			if err := moveCase(ctx, tx, c, casefile.Drafting, db.now().UnixMicro()); err != nil {
				return nil, err
			}
		}
		return p.events(evidence.Declined), nil
	})
}

// Step notes that a step of an approved proposal's publishing is done.
func (db *DB) Step(ctx context.Context, id int64, step string) error {
	return db.write(ctx, func(ctx context.Context, tx *sql.Tx) error {
		res, err := tx.ExecContext(ctx, `UPDATE proposals SET step = ?2 WHERE id = ?1 AND state = ?3`, id, step, Approved)
		return changedOne(res, err, "desk.no_proposal", id)
	})
}

// Publish ends the publishing: the records are public, their cases published.
func (db *DB) Publish(ctx context.Context, id int64) error {
	return db.onProposal(ctx, evidence.Machine(), id, Approved, func(ctx context.Context, tx *sql.Tx, p Proposal) ([]evidence.Event, error) {
		if _, err := tx.ExecContext(ctx, `UPDATE proposals SET state = ?2 WHERE id = ?1`, id, Done); err != nil {
			return nil, err
		}
		for _, r := range p.Records {
			_, err := tx.ExecContext(ctx, `INSERT INTO published (record, version, case_id, document) VALUES (?1, ?2, ?3, ?4)`,
				r.Record, r.Version, r.Case, r.Document)
			if err != nil {
				return nil, err
			}
			c, err := scanCase(tx.QueryRowContext(ctx, `SELECT `+caseColumns+` FROM cases c WHERE c.id = ?1`, r.Case))
			if err != nil {
				return nil, err
			}
			if err := moveCase(ctx, tx, c, casefile.Published, db.now().UnixMicro()); err != nil {
				return nil, err
			}
		}
		events := p.events(evidence.Published)
		for i, r := range p.Records {
			if r.Withdraw {
				events[i].Verb = evidence.Withdrawn
			}
		}
		return events, nil
	})
}

// Preview writes that somebody looks at a staged edition.
func (db *DB) Preview(ctx context.Context, by evidence.Actor, id int64) (Proposal, error) {
	var p Proposal
	err := db.act(ctx, by, func(ctx context.Context, tx *sql.Tx) ([]evidence.Event, error) {
		var err error
		if p, err = proposal(ctx, tx, id); err != nil {
			return nil, err
		}
		return db.unlessLately(ctx, tx, by, evidence.Event{Verb: evidence.Previewed, Subject: fmt.Sprintf("proposal %d", id), SHA256: canon.Hash(p.Manifest)})
	})
	return p, err
}

// Proposal gives one proposal with its records.
func (db *DB) Proposal(ctx context.Context, id int64) (Proposal, error) {
	return proposal(ctx, db.db, id)
}

// querier is a database or a transaction.
type querier interface {
	QueryContext(context.Context, string, ...any) (*sql.Rows, error)
	QueryRowContext(context.Context, string, ...any) *sql.Row
}

func proposal(ctx context.Context, q querier, id int64) (Proposal, error) {
	var p Proposal
	var at int64
	var changed []byte
	err := q.QueryRowContext(ctx, `SELECT id, state, edition, manifest, log_size, charter, by_name, at, reason, step, changed
		FROM proposals WHERE id = ?1`, id).
		Scan(&p.ID, &p.State, &p.Edition, &p.Manifest, &p.LogSize, &p.Charter, &p.By, &at, &p.Reason, &p.Step, &changed)
	if err != nil {
		return p, one(err, "desk.no_proposal", id)
	}
	p.At = instant(at)
	if err := json.Unmarshal(changed, &p.Changed); err != nil {
		return p, err
	}
	rows, err := q.QueryContext(ctx, `SELECT case_id, record, version, withdraw, document FROM proposed WHERE proposal = ?1 ORDER BY position`, id)
	if err != nil {
		return p, err
	}
	p.Records, err = collect(rows, func(rows *sql.Rows) (r Proposed, err error) {
		return r, rows.Scan(&r.Case, &r.Record, &r.Version, &r.Withdraw, &r.Document)
	})
	return p, err
}

// Proposals gives the proposals in one of the states, or all, the newest first.
func (db *DB) Proposals(ctx context.Context, state string) ([]Proposal, error) {
	rows, err := db.db.QueryContext(ctx, `SELECT id FROM proposals WHERE ?1 = '' OR state = ?1 ORDER BY id DESC`, state)
	if err != nil {
		return nil, err
	}
	ids, err := collect(rows, func(rows *sql.Rows) (id int64, err error) { return id, rows.Scan(&id) })
	if err != nil {
		return nil, err
	}
	var all []Proposal
	for _, id := range ids {
		p, err := db.Proposal(ctx, id)
		if err != nil {
			return nil, err
		}
		all = append(all, p)
	}
	return all, nil
}

// Signatures gives who signed a document, by its SHA-256, in the order of their keys.
func (db *DB) Signatures(ctx context.Context, document string) ([]Signature, error) {
	rows, err := db.db.QueryContext(ctx, `SELECT key, by_name, signature FROM signatures WHERE document = ?1 ORDER BY key`, document)
	if err != nil {
		return nil, err
	}
	return collect(rows, func(rows *sql.Rows) (s Signature, err error) {
		return s, rows.Scan(&s.Key, &s.By, &s.Signature)
	})
}

// SignaturesOf gives the signatures of a document's exact bytes as they are published.
func (db *DB) SignaturesOf(ctx context.Context, document []byte) (charter.Signatures, error) {
	all, err := db.Signatures(ctx, canon.Hash(document))
	sigs := make(charter.Signatures)
	for _, s := range all {
		sigs[s.Key] = s.Signature
	}
	return sigs, err
}

// ManifestOf gives the manifest of a published edition by its number and
// SHA-256, or nil when this desk made none such.
func (db *DB) ManifestOf(ctx context.Context, number int, sha256 string) ([]byte, error) {
	rows, err := db.db.QueryContext(ctx, `SELECT manifest FROM proposals WHERE edition = ?1 AND state = ?2`, number, Done)
	if err != nil {
		return nil, err
	}
	all, err := collect(rows, func(rows *sql.Rows) (b []byte, err error) { return b, rows.Scan(&b) })
	for _, b := range all {
		if canon.Hash(b) == sha256 {
			return b, nil
		}
	}
	return nil, err
}
