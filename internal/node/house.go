package node

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// forgottenDays is how long a commit sent again is answered after the desk has
// taken the parcel away.
const forgottenDays = 30

// keepHouse tidies at the start and then about every hour. The pauses are
// uneven, so that what changes then does not change by the clock.
func (n *Node) keepHouse(ctx context.Context) {
	furnished := false
	for {
		if err := n.Tidy(ctx); err != nil && ctx.Err() == nil {
			n.cfg.Diary.Error("housekeeping failed", "fault", err)
		}
		wait := 40*time.Minute + rand.N(40*time.Minute)
		if !furnished {
			wait, furnished = 20*time.Second, true
		} else if err := n.furnishAll(ctx); err != nil && ctx.Err() == nil {
			n.cfg.Diary.Error("housekeeping failed", "fault", err)
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return
		}
	}
}

// Tidy drops uploads of which nothing came for Limits.OpenDays, replaces replies
// older than Limits.ReplyDays, drops files that no edition has any more, and
// blurs the times of files. A committed parcel never expires: only the desk can
// have it forgotten.
func (n *Node) Tidy(ctx context.Context) error {
	before := n.daysOn(-n.cfg.Limits.OpenDays)
	if err := n.db.Touch(ctx, n.parts.days()); err != nil {
		return fmt.Errorf("note the uploads that have parts: %w", err)
	}
	gone, free, err := n.db.Expire(ctx, before)
	if err != nil {
		return fmt.Errorf("drop old uploads: %w", err)
	}
	if err := n.pieces.Free(free...); err != nil {
		return fmt.Errorf("drop old uploads: %w", err)
	}
	for _, k := range n.parts.which(func(k partKey, day string) bool {
		return day < before && slices.Contains(gone, k.upload)
	}) {
		if err := n.dropPart(k); err != nil {
			return err
		}
	}
	n.uploads.end(gone)
	if err := n.db.ForgetForgotten(ctx, n.daysOn(-forgottenDays)); err != nil {
		return fmt.Errorf("drop marks of collected parcels: %w", err)
	}
	if err := n.db.ForgetOldActorLetters(ctx, n.daysOn(-actorKeepsDays)); err != nil {
		return fmt.Errorf("drop letters that nobody fetched: %w", err)
	}
	if err := n.tidyMail(ctx); err != nil {
		return err
	}
	if err := n.sweepEdition(ctx); err != nil {
		return err
	}
	return n.blur()
}

// blur sets the times of the files that change when a report comes to the
// beginning of the day. Every file gets it every time, so that its change time,
// which the system keeps by itself, tells of this housekeeping and not of the
// last report. It does not reach what lies deeper: the journal of the file system,
// and numbers of inodes.
func (n *Node) blur() error {
	day := n.cfg.Now().UTC().Truncate(24 * time.Hour)
	failed := errors.Join(n.pieces.Blur(day), n.parts.blur(day))
	for _, name := range []string{"node.db", "node.db-wal", "node.db-shm"} {
		if err := os.Chtimes(filepath.Join(n.cfg.Dir, name), day, day); err != nil && !os.IsNotExist(err) {
			failed = errors.Join(failed, err)
		}
	}
	if failed != nil {
		return fmt.Errorf("blur the times of files: %w", failed)
	}
	return nil
}
