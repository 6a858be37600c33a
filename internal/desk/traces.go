package desk

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"kua/internal/evidence"
	"kua/internal/fault"
	"kua/internal/jobs"
	"kua/internal/trace"
)

// Traces is what an original was found to tell.
type Traces struct {
	Original evidence.Original
	Sheet    trace.Sheet
	At       time.Time // when it was read
	Fault    error     // why it could not be read; the original is kept all the same
}

// addTraces asks for the traces of every original that nobody has read yet.
func (d *Desk) addTraces(ctx context.Context) error {
	ids, err := d.db.Untraced(ctx)
	for _, id := range ids {
		if err == nil {
			_, err = d.queue.Add(ctx, jobTrace, subject(id), evidence.Desk)
		}
	}
	return err
}

// trace reads in the box what one original tells. What is wrong with the file,
// or what the file did to the box, is kept with the original; a machine without a
// box fails the job.
func (d *Desk) trace(ctx context.Context, j jobs.Job, _ func(done, total int64)) error {
	id := originalOf(j.Key)
	in, err := d.open(ctx, d.person, evidence.Machine(), evidence.Traced, id)
	if err != nil {
		return err
	}
	defer in.Close()
	sheet, err := d.media.Trace(ctx, in)
	if err != nil {
		if f, ok := fault.Of(err); ctx.Err() != nil || !ok || f.Kind == fault.KindMissing || f.Kind == fault.KindLater {
			return err
		}
		return d.db.Traced(ctx, id, nil, err)
	}
	b, err := json.Marshal(sheet)
	if err != nil {
		return fmt.Errorf("write the sheet of original %d: %w", id, err)
	}
	return d.db.Traced(ctx, id, b, nil)
}

// Traces gives what an original was found to tell. One that was not read yet is
// the fault desk.not_traced.
func (d *Desk) Traces(ctx context.Context, original int64) (Traces, error) {
	o, err := d.db.Original(ctx, original)
	if err != nil {
		return Traces{}, err
	}
	b, at, why, err := d.db.Traces(ctx, original)
	if err != nil {
		return Traces{}, err
	}
	t := Traces{Original: o, At: at, Fault: why}
	if err := json.Unmarshal(b, &t.Sheet); err != nil {
		return Traces{}, fmt.Errorf("read the sheet of original %d: %w", original, err)
	}
	return t, d.beside(ctx, &t)
}

// beside says which originals of the same report hold a ProofMode bundle, which
// is made beside a film and not in it.
func (d *Desk) beside(ctx context.Context, t *Traces) error {
	report, err := d.Received(ctx, t.Original.Parcel)
	if err != nil {
		return err
	}
	for _, o := range report.Originals {
		if o.ID == t.Original.ID {
			continue
		}
		b, _, why, err := d.db.Traces(ctx, o.ID)
		if f, ok := fault.Of(err); why != nil || ok && f.Key == "desk.not_traced" { // not readable, or not read yet
			continue
		}
		if err != nil {
			return err
		}
		var s trace.Sheet
		if err := json.Unmarshal(b, &s); err != nil {
			return fmt.Errorf("read the sheet of original %d: %w", o.ID, err)
		}
		if slices.ContainsFunc(s.Facts, func(f trace.Fact) bool { return f.Kind == trace.Provenance && f.Name == "ProofMode" }) {
			t.Sheet.Facts = append(t.Sheet.Facts, trace.Fact{Kind: trace.Provenance, Where: subject(o.ID), Name: "ProofMode", Value: subject(o.ID)})
		}
	}
	return nil
}
