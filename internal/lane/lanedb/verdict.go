package lanedb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"kua/internal/fault"
)

// Person is who a code belongs to: the holder of a request, or a supporter of it.
type Person struct {
	Request int64
	Holder  bool
	Since   int64 // a supporter's: the request's newest event when they came
}

// Person gives whose a code's hash is, or the fault lane.unknown_code.
func (db *DB) Person(ctx context.Context, hash string) (Person, error) {
	return personOf(ctx, db.db, hash)
}

type rowQuerier interface {
	QueryRowContext(context.Context, string, ...any) *sql.Row
}

func personOf(ctx context.Context, q rowQuerier, hash string) (p Person, err error) {
	p.Holder = true
	err = q.QueryRowContext(ctx, `SELECT request FROM holder WHERE hash = $1`, hash).Scan(&p.Request)
	if errors.Is(err, sql.ErrNoRows) {
		p.Holder = false
		err = q.QueryRowContext(ctx, `SELECT request, event FROM support WHERE hash = $1`, hash).Scan(&p.Request, &p.Since)
	}
	if errors.Is(err, sql.ErrNoRows) {
		return Person{}, fault.NotFound("lane.unknown_code")
	}
	return p, err
}

// Verdict is what a person says of an assignment's answer.
type Verdict struct {
	Assignment Assignment // as the person saw it: its Step and Answer must still hold
	Person     string     // hash of their code
	Says, Day  string
	Pictures   []Use
	Waits      *Addition // its words, when somebody looks at them first: they are not in its event then
}

// AddVerdict keeps a verdict with its event and pictures and, where reopened is not nil, moves
// the assignment to it with a second event; open says which states leave a
// request open, and most is how many words of such an actor wait at a request. The authority hears of it where the rules say so. The same from the same person again changes nothing. The faults
// are lane.unknown_code, lane.judged (they said something else before),
// lane.no_answer (nothing is to be judged), lane.came_later, lane.moved, lane.no_picture and,
// when the verdict is kept but its words are not, since most wait already, lane.verdict_wordless.
func (db *DB) AddVerdict(ctx context.Context, v Verdict, most int64, said Write, reopened *Assignment, open func(state string) bool, move Write) error {
	a, wordless := v.Assignment, false
	err := db.db.Tx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		wordless = false
		who, err := personOf(ctx, tx, v.Person)
		if err != nil {
			return err
		}
		if who.Request != a.Request {
			return fault.NotFound("lane.unknown_code")
		}
		var before string
		err = tx.QueryRowContext(ctx, `SELECT says FROM verdict WHERE assignment = $1 AND answer = $2 AND person = $3`, a.Number, a.Answer, v.Person).Scan(&before)
		switch {
		case err == nil && before == v.Says:
			return nil
		case err == nil:
			return fault.Conflict("lane.judged")
		case !errors.Is(err, sql.ErrNoRows):
			return err
		}
		var now Assignment
		if err := scanAssignment(tx.QueryRowContext(ctx, `SELECT `+assignmentColumns+` FROM assignment WHERE number = $1`, a.Number), &now); err != nil {
			return err
		}
		switch {
		case !db.rules.Answer(now.State) || now.Answer != a.Answer:
			return fault.Conflict("lane.no_answer", a.Number)
		case now.Step != a.Step:
			return fault.Conflict("lane.moved", a.Number)
		case !who.Holder && who.Since >= a.Answer:
			return fault.Forbidden("lane.came_later")
		}
		var event int64
		if err := db.appendEvent(ctx, tx, a.Request, func(request, number int64, before string) (string, string, error) {
			event = number
			return said(request, number, before)
		}); err != nil {
			return err
		}
		if err := usePictures(ctx, tx, a.Request, v.Pictures); err != nil {
			return err
		}
		if v.Waits != nil {
			err := holdAddition(ctx, tx, *v.Waits, most)
			if wordless = errors.Is(err, fault.Conflict("lane.adding_waits")); err != nil && !wordless {
				return err
			}
		}
		holder := 0
		if who.Holder {
			holder = 1
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO verdict (assignment, answer, person, request, holder, says, event, day) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
			a.Number, a.Answer, v.Person, a.Request, holder, v.Says, event, v.Day); err != nil {
			return err
		}
		if reopened != nil {
			if _, err := tx.ExecContext(ctx, `UPDATE assignment SET state = $1, day = $2, step = step + 1 WHERE number = $3`, reopened.State, reopened.Day, a.Number); err != nil {
				return err
			}
			if err := closeOrOpen(ctx, tx, a.Request, open); err != nil {
				return err
			}
			if err := db.appendEvent(ctx, tx, a.Request, move); err != nil {
				return err
			}
		}
		if err := db.restand(ctx, tx, a.Number); err != nil || reopened != nil {
			return err // of what opens it again its authority hears as of every move
		}
		after, err := readAssignment(ctx, tx, a.Number)
		if err != nil || !db.rules.Disputes(now.Standing, after.Standing) {
			return err
		}
		return addDelivery(ctx, tx, a.Request, event, Tell{Assignment: a.Number, Day: v.Day})
	})
	if err != nil {
		return fmt.Errorf("keep a verdict on assignment %d: %w", a.Number, err)
	}
	if wordless {
		return fault.Conflict("lane.verdict_wordless", most)
	}
	return nil
}

// JudgedBy gives what a person said of the last answers of a request, by assignment.
func (db *DB) JudgedBy(ctx context.Context, request int64, person string) (map[int64]string, error) {
	rows, err := db.db.QueryContext(ctx, `SELECT v.assignment, v.says FROM verdict v JOIN assignment a ON a.number = v.assignment AND a.answer = v.answer
		WHERE v.request = $1 AND v.person = $2`, request, person)
	if err != nil {
		return nil, fmt.Errorf("read verdicts: %w", err)
	}
	defer rows.Close()
	all := map[int64]string{}
	for rows.Next() {
		var assignment int64
		var says string
		if err := rows.Scan(&assignment, &says); err != nil {
			return nil, err
		}
		all[assignment] = says
	}
	return all, rows.Err()
}

// Verdicts counts what is said of the last answer of each assignment of requests.
func (db *DB) Verdicts(ctx context.Context, requests ...int64) (map[int64]Said, error) {
	if len(requests) == 0 {
		return nil, nil
	}
	where, args := among("request", requests)
	all, err := saidOf(ctx, db.db, where+" AND answer = (SELECT a.answer FROM assignment a WHERE a.number = verdict.assignment)", args...)
	if err != nil {
		return nil, fmt.Errorf("count verdicts: %w", err)
	}
	return all, nil
}

// among is the condition that a column is one of the ids.
func among(column string, ids []int64) (where string, args []any) {
	var p placeholders
	where = column + " IN (" + many(&p, ids) + ")"
	return where, p.args
}
