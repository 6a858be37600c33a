package desk

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"kua/internal/durable"
	"kua/internal/evidence"
	"kua/internal/fault"
	"kua/internal/spread"
)

// settingPlace holds which file beside the database was made last, and which it is
// in its file system.
const settingPlace = "place"

// places are the names that this file has by turns. It is empty: what counts of it
// no copy has.
var places = [...]string{"place.a", "place.b"}

// takePlace makes that file anew and remembers it. Before each call to a platform
// it does so: then a database of before that call fits no file, wherever it is put,
// and a folder that is put back, over this one too, has another file.
func (d *Desk) takePlace(ctx context.Context) error {
	d.placing.Lock()
	defer d.placing.Unlock()
	was, err := d.place(ctx)
	if err != nil {
		return err
	}
	next := places[0]
	if strings.HasPrefix(was, next+" ") {
		next = places[1]
	}
	name := filepath.Join(d.dir, next)
	if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := durable.WriteFile(name, nil, 0o600); err != nil {
		return err
	}
	id, err := identity(name)
	if err != nil {
		return fmt.Errorf("look at %s: %w", next, err)
	}
	d.crash("place: made")
	if err := d.db.Set(ctx, settingPlace, []byte(next+" "+id)); err != nil {
		return err
	}
	if before, _, ok := strings.Cut(was, " "); ok {
		err = os.Remove(filepath.Join(d.dir, before))
	}
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return err
}

// placeOnce does so before the first call of a round to servers that strangers named:
// a database of before knows neither who follows nor what was told.
func (d *Desk) placeOnce(ctx context.Context, out *Spreaded) error {
	if out.placed {
		return nil
	}
	err := d.takePlace(ctx)
	out.placed = err == nil
	return err
}

// place gives what is remembered of the file, "" when nothing is.
func (d *Desk) place(ctx context.Context) (string, error) {
	b, err := d.db.Setting(ctx, settingPlace)
	if errors.Is(err, fault.NotFound("desk.no_setting")) {
		return "", nil
	}
	return string(b), err
}

// recognise stops all spreading at a desk that has channels and was opened from a
// copy: it may not know what was sent since. A person lets it go on.
func (d *Desk) recognise(ctx context.Context) error {
	was, err := d.place(ctx)
	if err != nil {
		return err
	}
	if name, id, ok := strings.Cut(was, " "); ok {
		if now, err := identity(filepath.Join(d.dir, filepath.Base(name))); err == nil && now == id {
			return nil
		}
	}
	all, err := d.db.Channels(ctx)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(all, func(c spread.Channel) bool { return !c.Removed }) {
		d.unsaid = true
		err = d.sayCopied(ctx)
	} else {
		err = d.takePlace(ctx)
	}
	if err != nil { // a full disk keeps nobody from reading reports
		d.cfg.Diary.Error("where this desk lies could not be written down", "cause", err)
	}
	return nil
}

// sayCopied stops all spreading if recognise could not. Whoever calls it has locked
// spreading, or opens the desk.
func (d *Desk) sayCopied(ctx context.Context) error {
	if !d.unsaid {
		return nil
	}
	if err := d.haltCopied(ctx); err != nil {
		return err
	}
	d.unsaid = false
	return nil
}

// haltCopied stops all spreading in the desk's own name, and what a person stopped
// too: whoever lets it go on is told why.
func (d *Desk) haltCopied(ctx context.Context) error {
	by, _, err := d.db.Halted(ctx)
	if err != nil || by == evidence.Desk {
		return err
	}
	return d.db.Halt(ctx, evidence.Machine())
}

// HaltWords gives the key of the sentence that says by whom, and when, all spreading
// was stopped, as SpreadingHalted has it: a person, or the desk itself, which was
// opened from a copy.
func HaltWords(by string) string {
	if by == evidence.Desk {
		return "spread.halted_copy"
	}
	return "spread.halted"
}
