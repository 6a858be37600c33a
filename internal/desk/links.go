package desk

import (
	"context"
	"crypto/rand"
	"errors"
	"strings"

	"kua/internal/casefile"
	"kua/internal/desk/deskdb"
	"kua/internal/evidence"
	"kua/internal/fault"
	"kua/internal/jobs"
	"kua/internal/likeness"
	"kua/internal/trace"
)

// settingMarkKey is the key under which marks are sealed: with it alone one
// could try out serial numbers, so it never leaves the encrypted database.
const settingMarkKey = "mark key"

// sheetOf gives what an original tells.
func (d *Desk) sheetOf(ctx context.Context, in *Opened) (trace.Sheet, error) {
	return d.media.Trace(ctx, in)
}

// addComparisons asks for a comparison of every original that has none yet.
func (d *Desk) addComparisons(ctx context.Context) error {
	ids, err := d.db.Uncompared(ctx)
	for _, id := range ids {
		if err == nil {
			_, err = d.queue.Add(ctx, jobCompare, subject(id), evidence.Desk)
		}
	}
	return err
}

// compare computes the prints and marks of an original in the box and compares
// them with those of every original before it. What is wrong with the file is
// kept; what is wrong with the machine fails the job, and the original stays
// uncompared, which keeps it from being proposed.
func (d *Desk) compare(ctx context.Context, j jobs.Job, _ func(done, total int64)) error {
	id := originalOf(j.Key)
	o, err := d.db.Original(ctx, id)
	if err != nil {
		return err
	}
	in, err := d.open(ctx, d.person, evidence.Machine(), evidence.Probed, id)
	if err != nil {
		return err
	}
	defer in.Close()
	var found deskdb.Comparing
	var prints likeness.Prints
	if o.Medium.Kind == evidence.Film || o.Medium.Kind == evidence.Photo {
		if prints, err = d.media.Likeness(ctx, in); err != nil && (ctx.Err() != nil || !refusable(err)) {
			return err
		}
		if found.Pictures = err; err == nil {
			found.Plain, found.Turned = prints.Plain(), prints.Turned()
		}
	}
	sheet, err := d.sheetOf(ctx, in)
	if err != nil && (ctx.Err() != nil || !refusable(err)) {
		return err
	}
	found.Trace = err
	d.comparing.Lock()
	defer d.comparing.Unlock()
	if found.Marks, err = d.marks(ctx, o, sheet, prints); err != nil {
		return err
	}
	if found.Likenesses, err = d.alike(ctx, id, prints); err != nil {
		return err
	}
	if err := d.db.Compare(ctx, id, found); err != nil {
		d.archive = nil // whether it was kept is not known: read again
		return err
	}
	d.archive.Put(id, found.Plain)
	return nil
}

// marks seals what an original says of its device, its encoder and its receipt.
func (d *Desk) marks(ctx context.Context, o evidence.Original, sheet trace.Sheet, prints likeness.Prints) ([]deskdb.Mark, error) {
	all := append(likeness.Marks(sheet), likeness.TablesMark(prints.Tables)...)
	r, err := d.db.Received(ctx, o.Parcel)
	if err != nil {
		return nil, err
	}
	if r.Report != nil {
		all = append(all, likeness.ReceiptMarks(r.Report.Mailbox, r.Report.Reply)...)
	}
	key, err := d.db.Setting(ctx, settingMarkKey)
	if errors.Is(err, fault.NotFound("desk.no_setting")) {
		key = make([]byte, 32)
		rand.Read(key) // never fails, see crypto/rand
		err = d.db.Set(ctx, settingMarkKey, key)
	}
	if err != nil {
		return nil, err
	}
	var sealed []deskdb.Mark
	for _, m := range all {
		sealed = append(sealed, deskdb.Mark{Sealed: m.Seal(key), Kind: m.Kind, Weight: string(m.Weight)})
	}
	return sealed, nil
}

// alike finds the earlier originals that an original looks like. The caller
// holds comparing.
func (d *Desk) alike(ctx context.Context, id int64, prints likeness.Prints) ([]deskdb.Likeness, error) {
	if d.archive == nil {
		archive := new(likeness.Archive)
		err := d.db.Prints(ctx, func(original int64, plain []byte) error {
			archive.Put(original, plain)
			return ctx.Err()
		})
		if err != nil {
			return nil, err
		}
		d.archive = archive
	}
	var all []deskdb.Likeness
	for _, other := range d.archive.Find(prints) {
		if other == id {
			continue
		}
		plain, err := d.db.PrintsOf(ctx, other)
		if err != nil {
			return nil, err
		}
		theirs, err := likeness.Parse(plain, nil)
		if err != nil {
			return nil, err
		}
		if m, ok := likeness.Compare(prints, theirs); ok {
			all = append(all, deskdb.Likeness{Other: other, Strength: string(m.Strength), Turned: m.Turned})
		}
	}
	return all, nil
}

// linkWarnings gives what the exhibits of a draft lead to.
func (d *Desk) linkWarnings(ctx context.Context, draft casefile.Draft) ([]casefile.Warning, error) {
	var all []casefile.Warning
	for _, m := range draft.Media {
		links, err := d.db.Links(ctx, m.Original)
		if err != nil {
			return nil, err
		}
		for _, w := range casefile.LinkWarnings(m.Original, links) {
			w.Answer = strings.TrimSpace(draft.Accepted[w.ID])
			all = append(all, w)
		}
	}
	return all, nil
}

// notCompared says which exhibits of a draft nobody has compared yet.
func (d *Desk) notCompared(ctx context.Context, draft casefile.Draft) ([]error, error) {
	var lacks []error
	for _, m := range draft.Media {
		c, err := d.db.Compared(ctx, m.Original)
		if err != nil {
			return nil, err
		}
		if !c.Done {
			lacks = append(lacks, fault.Later("desk.not_compared", m.Original))
		}
	}
	return lacks, nil
}

// Linked is one original of a case and what it leads to.
type Linked struct {
	Original evidence.Original
	Links    []casefile.Link
	Compared bool
	Pictures error // why its pictures could not be compared, nil when they were
	Marks    error // why its device and encoder could not
}

// Links gives what the originals of a case lead to: other reports of this desk,
// published or not.
func (d *Desk) Links(ctx context.Context, caseID int64) ([]Linked, error) {
	if _, err := d.db.Case(ctx, caseID); err != nil {
		return nil, err
	}
	reports, err := d.db.Reports(ctx, caseID)
	if err != nil {
		return nil, err
	}
	var all []Linked
	for _, r := range reports {
		for _, o := range r.Originals {
			l := Linked{Original: o}
			c, err := d.db.Compared(ctx, o.ID)
			if err != nil {
				return nil, err
			}
			l.Compared, l.Pictures, l.Marks = c.Done, kept(c.Pictures), kept(c.Marks)
			if l.Links, err = d.db.Links(ctx, o.ID); err != nil {
				return nil, err
			}
			all = append(all, l)
		}
	}
	return all, nil
}

// kept makes the fault again of which the key was kept.
func kept(key string) error {
	if key == "" {
		return nil
	}
	return fault.Invalid(key)
}

// wentThrough gives the checklist when every item was ticked, and nothing when
// there is no record to show: an edition that is only renewed, a withdrawal.
func wentThrough(records []deskdb.Proposed, checked []string) ([]string, error) {
	for _, r := range records {
		if !r.Withdraw {
			return casefile.Checklist(), casefile.CheckAll(checked)
		}
	}
	return nil, nil
}
