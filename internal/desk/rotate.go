package desk

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"

	"kua/internal/charter"
	"kua/internal/edition"
	"kua/internal/fault"
	"kua/internal/nodeapi"
	"kua/internal/tlog"
	"kua/internal/tlog/appender"
)

// settingNextLogKey is the key that is to follow the log's, once enough people have
// signed the charter that names it.
const settingNextLogKey = "log key to come"

// RotateLog makes a new key for the log, keeps it, and gives the draft of a charter
// that names it and says how far the present one counts: as far as the log is here. A
// draft that changes the key already gets another one. The present key signs until the
// charter is taken in, so nothing may be published meanwhile: LogFits.
func (d *Desk) RotateLog(ctx context.Context, draft charter.Charter) (charter.Charter, error) {
	d.publishing.Lock()
	defer d.publishing.Unlock()
	cp, err := d.quietLog(ctx)
	if err != nil {
		return charter.Charter{}, err
	}
	draft.Log = d.Charter().Log
	private, public, err := appender.NewKey(draft.Log.Origin)
	if err != nil {
		return charter.Charter{}, fmt.Errorf("make the log's next key: %w", err)
	}
	next, err := draft.RotateLog(public, cp.Size, cp.Root)
	if err != nil {
		return charter.Charter{}, err
	}
	if err := d.db.Set(ctx, settingNextLogKey, []byte(private)); err != nil {
		return charter.Charter{}, err
	}
	return next, nil
}

// LogFits checks, before a charter that changes the log's key joins the chain, that
// this desk has the key, else the fault is desk.no_log_key, and that the log still ends
// where the charter says, else it is desk.log_went_on.
func (d *Desk) LogFits(ctx context.Context, next charter.Charter) error {
	d.publishing.Lock()
	defer d.publishing.Unlock()
	cp, err := d.quietLog(ctx)
	if err != nil {
		return err
	}
	if private, err := d.logKeyOf(ctx, next); err != nil || !isKeyOf(private, next) {
		return errors.Join(err, fault.Conflict("desk.no_log_key"))
	}
	past := edition.LogKeys(next).Past
	if n := len(past); n == 0 || past[n-1].Size != cp.Size || past[n-1].Root != cp.Root {
		return fault.Conflict("desk.log_went_on", cp.Size)
	}
	return nil
}

// quietLog reads the log's head when nothing is on its way into the log. publishing is
// locked.
func (d *Desk) quietLog(ctx context.Context) (tlog.Checkpoint, error) {
	if err := d.finishApproved(ctx, func(string, int64, int64) {}); err != nil {
		return tlog.Checkpoint{}, fmt.Errorf("publish before the log's key changes: %w", err)
	}
	cp, err := d.checkpoint()
	if err == nil && cp.Size == 0 {
		cp.Root = sha256.Sum256(nil) // RFC 6962, 2.1
	}
	return cp, err
}

// logKeyOf gives the settings that a charter brings with it: the private half of the
// log's key that it names, where this desk has made it. Where it has not, it can read
// the log and not go on with it, and says so when it should.
func (d *Desk) logKeyOf(ctx context.Context, next charter.Charter) (private string, err error) {
	if next.Log.Key == d.Charter().Log.Key {
		return d.logKey, nil
	}
	b, err := d.db.Setting(ctx, settingNextLogKey)
	if errors.Is(err, fault.NotFound("desk.no_setting")) {
		return d.logKey, nil
	}
	if err != nil {
		return "", err
	}
	if !isKeyOf(string(b), next) {
		return d.logKey, nil
	}
	return string(b), nil
}

// isKeyOf reports whether a private key is that of the charter's log.
func isKeyOf(private string, c charter.Charter) bool {
	public, err := appender.PublicKey(private)
	return err == nil && public == c.Log.Key
}

// openLog opens the log for writing with the key that the charter names.
func (d *Desk) openLog(ctx context.Context) (*appender.Appender, error) {
	keys := edition.LogKeys(d.Charter())
	if !isKeyOf(d.logKey, d.Charter()) {
		return nil, fault.Conflict("desk.no_log_key")
	}
	return appender.Open(ctx, d.logDir(), d.logKey, keys.All()[1:]...)
}

// commonLog gives how many entries a node's log has in common with this one: all of its
// own; none that one could go by while its checkpoint is of a key that was struck off.
func (d *Desk) commonLog(held nodeapi.EditionState) (uint64, error) {
	if held.Checkpoint == "" {
		return 0, nil
	}
	keys := edition.LogKeys(d.Charter())
	old, _, err := keys.Named([]byte(held.Checkpoint))
	if err != nil {
		return 0, fmt.Errorf("read the node's checkpoint: %w", err)
	}
	if keys.ByPast(old) {
		return 0, nil
	}
	return old.Size, nil
}
