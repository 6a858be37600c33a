package desk

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"kua/internal/fault"
	"kua/internal/watch"
)

// CopiesDir is where kua watch keeps the list and the diary of copies, for the desk
// to see: a folder that need not be there.
func (d *Desk) CopiesDir() string { return filepath.Join(d.cfg.Dir, "copies") }

// timeline is what kua watch timeline wrote for the next edition; nil where nobody
// did. What is on the list is published only so.
func (d *Desk) timeline() ([]byte, error) {
	b, err := os.ReadFile(filepath.Join(d.CopiesDir(), "timeline.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil // an edition without news of copies
	}
	if err != nil {
		return nil, fmt.Errorf("read the timeline of copies: %w", err)
	}
	if _, err := watch.ParseTimeline(b); err != nil {
		return nil, err
	}
	return b, nil
}

// Lost is a copy that somebody should act on, and where the record still is.
type Lost struct {
	watch.State
	Still []watch.State
}

// LostCopies gives the copies that were taken down, changed or blocked. A desk that
// watches none has none.
func (d *Desk) LostCopies() ([]Lost, error) {
	states, _, _, err := watch.Read(d.CopiesDir())
	if f, ok := fault.Of(err); ok && f.Key == "watch.no_copies" {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var lost []Lost
	for _, s := range states {
		if s.Alarm() {
			lost = append(lost, Lost{s, watch.StillAt(states, s.Record)})
		}
	}
	return lost, nil
}
