package lane

import (
	"context"
	"crypto/hkdf"
	"crypto/hpke"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"kua/internal/appeal"
	"kua/internal/fault"
	"kua/internal/lane/lanedb"
)

// maxOwnEntries is how many entries of an appeal its authorities can make, so that
// they leave room for the holder's.
const maxOwnEntries = 30

// OwnActs are what an authority can attest of a formal appeal that lies with it.
var OwnActs = []appeal.Act{appeal.Registered, appeal.Extended, appeal.Forwarded, appeal.Answered}

// noteSuite is how an authority's note is sealed: HPKE (RFC 9180) in its base mode
// with X25519 and ML-KEM-768, HKDF-SHA-256 and AES-256-GCM.
func noteSuite() (hpke.KEM, hpke.KDF, hpke.AEAD) {
	return hpke.MLKEM768X25519(), hpke.HKDFSHA256(), hpke.AES256GCM()
}

// noteFor binds a note to its entry.
func noteFor(request, number int64) []byte {
	return append([]byte("kua open lane authority's note\n"), boundTo(request, number)...)
}

// pairOf makes the pair of keys of a code, or gives the fault lane.bad_code. As with
// keyOf the code's 80 random bits are its whole strength.
func pairOf(code string) (hpke.PrivateKey, error) {
	b, err := readCode(code)
	if err != nil {
		return nil, err
	}
	seed, err := hkdf.Key(sha256.New, b, nil, "kua open lane appeal pair", 32)
	if err != nil {
		return nil, err
	}
	kem, _, _ := noteSuite()
	pair, err := kem.DeriveKeyPair(seed)
	if err != nil {
		return nil, fmt.Errorf("make a code's pair of keys: %w", err)
	}
	return pair, nil
}

// keepPair keeps the public half of a code's pair, so that the authority can
// answer what only its holder reads.
func (l *Lane) keepPair(ctx context.Context, request int64, code string) error {
	pair, err := pairOf(code)
	if err != nil {
		return err
	}
	return l.db.KeepAppealKey(ctx, request, pair.PublicKey().Bytes())
}

func sealNote(public []byte, n Note, request, number int64) (string, error) {
	kem, kdf, aead := noteSuite()
	to, err := kem.NewPublicKey(public)
	if err != nil {
		return "", fault.Corrupt("lane.broken_history", request, number).Because(err)
	}
	plain, err := json.Marshal(n)
	if err != nil {
		return "", err
	}
	b, err := hpke.Seal(to, kdf, aead, noteFor(request, number), plain)
	if err != nil {
		return "", fmt.Errorf("seal an authority's note: %w", err)
	}
	return base64.StdEncoding.EncodeToString(b), nil
}

func openNote(pair hpke.PrivateKey, e Entry) (n Note, err error) {
	b, err := base64.StdEncoding.DecodeString(e.SealedTo)
	if err != nil {
		return n, err
	}
	_, kdf, aead := noteSuite()
	plain, err := hpke.Open(pair, kdf, aead, noteFor(e.Request, e.Number), b)
	if err != nil {
		return n, fmt.Errorf("open an authority's note: %w", err)
	}
	return n, json.Unmarshal(plain, &n)
}

// Attested is what an authority can attest of the formal appeal of a request.
type Attested struct {
	Appeal Appeal       // without any note: those are the holder's
	Acts   []appeal.Act // that it can attest now
	Own    []Entry      // its own that it can still correct
	Sealed bool         // what it writes to the holder can be sealed to them; otherwise it is not kept
}

// AppealWith gives the formal appeal of a request as an assignment's authority has
// to deal with it; ok is false when none lies or lay with it. The faults are those of Appeal.
func (l *Lane) AppealWith(ctx context.Context, a Assignment, r Request) (out Attested, ok bool, err error) {
	out.Appeal, err = l.Appeal(ctx, r.ID, "")
	if errors.Is(err, fault.NotFound("appeal.no_law")) || errors.Is(err, fault.NotFound("appeal.no_road")) {
		return Attested{}, false, nil
	}
	if err != nil {
		return Attested{}, false, err
	}
	legs := out.Appeal.Standing.Legs
	if !slices.ContainsFunc(legs, func(leg appeal.Leg) bool { return leg.Authority == a.Authority }) {
		return Attested{}, false, nil
	}
	if last := legs[len(legs)-1]; last.Authority == a.Authority && last.Closed == "" {
		for _, act := range OwnActs {
			registered := last.Registered.Day != ""
			if act == appeal.Registered && !registered || act == appeal.Extended && registered && last.Extension == nil || (act == appeal.Forwarded || act == appeal.Answered) && (registered || last.Delivered.Day != "") {
				out.Acts = append(out.Acts, act)
			}
		}
	}
	for _, e := range out.Appeal.Entries {
		if e.By == appeal.ByAuthority && e.From == a.Authority && !e.Voided && e.Voids == 0 {
			out.Own = append(out.Own, e)
		}
	}
	key, err := l.db.AppealKey(ctx, r.ID)
	out.Sealed = len(key) > 0
	return out, true, err
}

// AttestOwn appends what the authority of an assignment says of the formal appeal
// that lies with it, behind the number of entries that its page showed: sent twice, it
// stands once. Account is whose account it was, 0 for a link; it is kept in the account's
// trace alone. Its number and its words to the holder are sealed to the holder's code;
// where no key of theirs is kept they are not kept at all, only that a number was
// given. The faults are lane.no_appeal, lane.entry, lane.text, lane.entered,
// appeal.bad_day, appeal.out_of_order, appeal.attester and authority.unknown.
func (l *Lane) AttestOwn(ctx context.Context, a Assignment, r Request, account, seen int64, e Entry) error {
	with, ok, err := l.AppealWith(ctx, a, r)
	if err != nil {
		return err
	}
	if !ok {
		return fault.NotFound("lane.appeal_elsewhere")
	}
	now := with.Appeal
	e.By, e.From, e.Numbered = appeal.ByAuthority, a.Authority, e.Note.Number != ""
	if seen >= 0 && seen < int64(len(now.Entries)) && now.Entries[seen].looks(e) {
		return nil // it was sent twice
	}
	own := 0
	for _, k := range now.Entries {
		if k.By == appeal.ByAuthority {
			own++
		}
	}
	lies := now.with()
	switch {
	case seen != int64(len(now.Entries)):
		return fault.Conflict("lane.entered", r.ID)
	case own >= maxOwnEntries, e.Voids == 0 && !slices.Contains(OwnActs, e.Act), e.Act == appeal.Forwarded && e.Authority == a.Authority:
		return fault.Invalid("lane.entry", string(now.Today))
	case e.Voids > 0 && now.Standing.Overdue && e.Voids <= int64(len(now.Entries)) && now.Entries[e.Voids-1].Act == appeal.Registered: // its silence would be over with its clock
		return fault.Invalid("lane.entry", string(now.Today))
	case e.Voids == 0 && (lies.Authority != a.Authority || !lies.Open):
		return fault.NotFound("lane.appeal_elsewhere")
	}
	e, keep, err := l.admit(ctx, now, e)
	if err != nil {
		return err
	}
	if key, err := l.db.AppealKey(ctx, r.ID); err != nil {
		return err
	} else if len(key) > 0 && e.Note != (Note{}) {
		if e.SealedTo, err = sealNote(key, e.Note, r.ID, seen+1); err != nil {
			return err
		}
	}
	if account != 0 {
		what := "attested_" + string(e.Act)
		if e.Voids != 0 {
			what = "attested_voided"
		}
		keep.Trace = &lanedb.Trace{Account: account, Actor: account, Day: string(l.today()), What: what, Assignment: a.Number}
	}
	err = l.db.AddAppealEvent(ctx, r.ID, keep, e.behind(seen))
	if errors.Is(err, fault.Conflict("lane.entered")) { // by the same form, sent twice at once, or by another
		if now, broken := l.Appeal(ctx, r.ID, ""); broken != nil {
			return broken
		} else if seen < int64(len(now.Entries)) && now.Entries[seen].looks(e) {
			return nil
		}
	}
	return err
}

// looks reports an entry that says what another says, as far as it can be read without a code.
func (e Entry) looks(o Entry) bool {
	e.Note, o.Note = Note{}, Note{}
	return e.same(o) && e.From == o.From && e.Numbered == o.Numbered
}

// mayVoid reports whether who makes an entry may say of an earlier one that it was
// a mistake: each corrects their own, and the holder contradicts an authority, whose
// word alone must neither stop its clock nor start it late.
func (e Entry) mayVoid(was Entry) bool {
	return was.By == e.By && was.From == e.From || e.By == appeal.ByCitizen && was.By == appeal.ByAuthority
}

// Contests reports an entry by which the holder contradicts an authority's.
func (a Appeal) Contests(e Entry) bool {
	return e.By == appeal.ByCitizen && e.Voids > 0 && e.Voids <= int64(len(a.Entries)) && a.Entries[e.Voids-1].By == appeal.ByAuthority
}

// Voidable reports an entry that the holder of the code may say to be a mistake.
func (e Entry) Voidable() bool {
	return !e.Voided && e.Voids == 0 && Entry{By: appeal.ByCitizen}.mayVoid(e)
}
