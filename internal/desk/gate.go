package desk

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"kua/internal/casefile"
	"kua/internal/desk/deskdb"
	"kua/internal/evidence"
	"kua/internal/fault"
	"kua/internal/gate"
	"kua/internal/media"
	"kua/internal/record"
)

// The gate stands at four places of the road: after a rendering, before the
// first signature, before every further one, and before the log. It trusts
// nothing that was written down on the way: what an original tells is read each
// time from the sealed original itself, whose hash is the one that the record
// commits to, and what is judged are the very bytes that go out. What was found
// clean before is known by its hash (verdicts).

// needles reads what an original tells. An original that cannot be read, or
// whose bytes are not those that were collected, has no needles, and nothing
// that was made of it goes out.
func (d *Desk) needles(ctx context.Context, o evidence.Original, in media.Input) (gate.Needles, error) {
	h := sha256.New()
	if _, err := io.Copy(h, &patient{ctx: ctx, r: io.NewSectionReader(in, 0, in.Size())}); err != nil {
		return gate.Needles{}, fmt.Errorf("read original %d: %w", o.ID, err)
	}
	if hex.EncodeToString(h.Sum(nil)) != o.SHA256 {
		return gate.Needles{}, fault.Corrupt("desk.gate_no_sheet", o.ID)
	}
	return d.verdicts.needlesOf(o, func() (gate.Needles, error) {
		sheet, err := d.media.Trace(ctx, in)
		if err != nil {
			// What may pass, a machine without a box or one that is full, says nothing of the file.
			if f, ok := fault.Of(err); ctx.Err() != nil || !ok || f.Kind == fault.KindMissing || f.Kind == fault.KindInternal {
				return gate.Needles{}, err
			}
			return gate.Needles{}, fault.Invalid("desk.gate_no_sheet", o.ID).Because(err)
		}
		return gate.NeedlesOf(sheet, o.Name, o.SHA256, o.Parcel), nil
	})
}

// judge puts one file through the gate.
func (d *Desk) judge(ctx context.Context, original int64, name, mediaType string, in media.Input, n gate.Needles) error {
	r, err := d.media.Gate(ctx, in, mediaType, n)
	if err != nil {
		return err
	}
	if r.Clean() {
		return nil
	}
	where, why := mediaType, "?"
	if len(r.Findings) > 0 {
		f := r.Findings[0]
		where, why = fmt.Sprintf("%s @ %d", f.Where, f.Offset), strings.TrimPrefix(f.What, "gate.")+": "+f.Detail
	}
	return fault.Corrupt("desk.gate_refused", original, name, where, why)
}

// gateMade judges what was just rendered of an original, before any of it is kept.
func (d *Desk) gateMade(ctx context.Context, o evidence.Original, in media.Input, made []media.Rendition) error {
	n, err := d.needles(ctx, o, in)
	if err != nil {
		return err
	}
	for _, m := range made {
		if err := d.judgeFile(ctx, o.ID, m.Rung, m.Type, m.Path, n); err != nil {
			return err
		}
	}
	return nil
}

func (d *Desk) judgeFile(ctx context.Context, original int64, name, mediaType, path string, n gate.Needles) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	whole := io.NewSectionReader(f, 0, info.Size())
	return d.verdicts.judge(whole, mediaType, n, func() error { return d.judge(ctx, original, name, mediaType, whole, n) })
}

func (d *Desk) noteGated(ctx context.Context, by evidence.Actor, set []evidence.Derivative, step string) error {
	for _, m := range set {
		if err := d.db.Gated(ctx, by, m.Original, m.SHA256, step+", "+m.Rung); err != nil {
			return err
		}
	}
	return nil
}

// gateStaged judges every file of the records that an edition adds, as it lies
// staged, and wants every staged blob to be one of them. Which original a file
// was made of is taken from the record's own commitment, which is signed.
func (d *Desk) gateStaged(ctx context.Context, by evidence.Actor, p deskdb.Proposal, step string) error {
	judged := map[string]bool{}
	for _, r := range p.Records {
		rec, err := record.Parse(r.Document)
		if err != nil {
			return err
		}
		for _, m := range rec.Media {
			if err := d.gateExhibit(ctx, by, r.Case, m, step, judged); err != nil {
				return err
			}
		}
	}
	for _, c := range p.Changed {
		if strings.HasPrefix(c.Path, "blobs/") && !c.Removed && !judged[c.Path] {
			return fault.Corrupt("desk.gate_stray", c.Path)
		}
	}
	return nil
}

// gateExhibit judges the files of one exhibit of a record.
func (d *Desk) gateExhibit(ctx context.Context, by evidence.Actor, caseID int64, m record.Media, step string, judged map[string]bool) error {
	o, err := d.committed(ctx, caseID, m.Commitment)
	if err != nil {
		return err
	}
	// What would be proposed of this original now must be what was: not a
	// rendering that somebody has replaced since, for a face that was overlooked.
	now, lacks, err := d.medium(ctx, m.ID, casefile.Exhibit{Original: o.ID}, o)
	if err != nil || lacks != nil {
		return errors.Join(err, errors.Join(lacks...))
	}
	if now.Redaction != m.Redaction || !slices.Equal(now.Files, m.Files) || (now.Poster == nil) != (m.Poster == nil) || now.Poster != nil && *now.Poster != *m.Poster {
		return fault.Conflict("desk.rendered_before_plan", o.ID)
	}
	in, err := d.open(ctx, d.person, evidence.Machine(), evidence.Probed, o.ID)
	if err != nil {
		return err
	}
	n, err := d.needles(ctx, o, in)
	if err = errors.Join(err, in.Close()); err != nil {
		return err
	}
	files := m.Files
	if m.Poster != nil {
		files = append(files[:len(files):len(files)], *m.Poster)
	}
	for _, f := range files {
		path, err := d.stagedPath(f.Path())
		if err != nil {
			return fault.Corrupt("desk.stage_changed", f.Path()).Because(err)
		}
		if err := d.judgeFile(ctx, o.ID, f.Rung, f.Type, path, n); err != nil {
			return err
		}
		if _, sum, err := hashFile(path); err != nil || sum != f.SHA256 {
			return fault.Corrupt("desk.stage_changed", f.Path()).Because(err)
		}
		if err := d.db.Gated(ctx, by, o.ID, f.SHA256, step+", "+f.Rung); err != nil {
			return err
		}
		judged[f.Path()] = true
	}
	return nil
}

// committed finds the original of a case that a record's commitment opens to.
func (d *Desk) committed(ctx context.Context, caseID int64, commitment string) (evidence.Original, error) {
	reports, err := d.db.Reports(ctx, caseID)
	if err != nil {
		return evidence.Original{}, err
	}
	for _, o := range originalsOf(reports) {
		salt, err := d.db.Salt(ctx, o.ID)
		if err != nil {
			return evidence.Original{}, err
		}
		if record.Commit(salt, o.SHA256) == commitment {
			return o, nil
		}
	}
	return evidence.Original{}, fault.Corrupt("desk.gate_stray", commitment)
}

// lastLook checks an approved proposal once more, as the first step of its
// publishing, behind which there is no way back. What does not hold is
// withheld: the proposal becomes stale, its cases go back to drafting.
func (d *Desk) lastLook(ctx context.Context, p deskdb.Proposal) error {
	err := d.checkStage(ctx, p)
	if err == nil {
		err = d.gateStaged(ctx, evidence.Machine(), p, "published")
	}
	if f, ok := fault.Of(err); ok && (f.Kind == fault.KindCorrupt || f.Kind == fault.KindInvalid || f.Kind == fault.KindConflict) {
		d.withheld = err
		return errors.Join(err, d.db.Withhold(ctx, evidence.Machine(), p.ID), os.RemoveAll(d.overlay()))
	}
	return err
}

// tellWithheld gives, once, why a proposal was taken back at a moment when no
// job could say so: at the start, or with a new charter. said is what the asking
// job says already.
func (d *Desk) tellWithheld(said error) error {
	d.publishing.Lock()
	defer d.publishing.Unlock()
	why := d.withheld
	d.withheld = nil
	if said != nil {
		return nil
	}
	return why
}
