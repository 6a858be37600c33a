package desk

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"kua/internal/desk/deskdb"
	"kua/internal/edition"
	"kua/internal/fault"
	"kua/internal/onion"
	"kua/internal/site"
	"kua/internal/stamp"
)

// When an edition is out, the services that the desk names are asked to stamp the
// checkpoint that it left: the anchor and everything else in the log hang on that. The
// stamps go out with the next edition, which waits for none: of an edition that was not
// stamped, the next one's stamp covers all as well, at a later time. But Publish returns only
// when each service has answered or its time is over.

// StampState is how a service for time stamps stands.
type StampState struct {
	URL     string
	RootsID string
	Root    string    // subject of the root its stamps lead to; "" where that cannot be read, which is then the Fault
	Edition int       // the newest edition
	Stamped bool      // it has stamped what that one left of the log
	Fault   error     // why it gave no stamp when it was asked last, or can give none
	Asked   time.Time // zero when never
}

// Stamps gives every service that this desk names, and whether it has stamped the newest
// edition's log.
func (d *Desk) Stamps(ctx context.Context) ([]StampState, error) {
	services, err1 := d.db.StampServices(ctx)
	kept, err2 := d.db.Stamps(ctx)
	now, err3 := d.edition()
	if err := errors.Join(err1, err2, err3); err != nil {
		return nil, err
	}
	var all []StampState
	for _, s := range services {
		state := StampState{URL: s.URL, RootsID: s.ID, Edition: now.number, Stamped: stampedBy(kept, now.number, s.ID), Fault: s.Fault, Asked: s.Asked}
		if roots, err := stamp.ParseRoots(s.Roots); err != nil {
			state.Fault = err
		} else {
			state.Root = roots.Subject()
		}
		all = append(all, state)
	}
	return all, nil
}

func stampedBy(kept []deskdb.Stamp, edition int, rootsID string) bool {
	return slices.ContainsFunc(kept, func(k deskdb.Stamp) bool { return k.Edition == edition && k.RootsID == rootsID })
}

// AddStampService names a service that is asked from now on, with the certificates, in
// PEM, to which its stamps must lead. It is told when this collective publishes, and a hash that
// everybody learns; and the address from which the desk asks, unless it asks through Tor.
func (s *Seat) AddStampService(ctx context.Context, address string, roots []byte) (StampState, error) {
	if err := s.current(); err != nil {
		return StampState{}, err
	}
	if err := stamp.CheckAddress(address); err != nil {
		return StampState{}, err
	}
	r, err := stamp.ParseRoots(roots)
	if err != nil {
		return StampState{}, err
	}
	err = s.d.db.AddStampService(ctx, s.actor(), deskdb.StampService{ID: r.ID(), URL: address, Roots: r.PEM()})
	return StampState{URL: address, RootsID: r.ID(), Root: r.Subject()}, err
}

// RemoveStampService asks a service no more. What it stamped is still published.
func (s *Seat) RemoveStampService(ctx context.Context, address string) error {
	if err := s.current(); err != nil {
		return err
	}
	return s.d.db.RemoveStampService(ctx, s.actor(), address)
}

// Stamp asks every service that has not stamped the newest edition's log yet, and gives
// how each stands. It may be called at any time, also when nothing is left to ask. At a courier's
// folder, where nobody can be asked, the fault is desk.stamp_by_hand.
func (d *Desk) Stamp(ctx context.Context) ([]StampState, error) {
	if d.cfg.Hand {
		return nil, fault.Conflict("desk.stamp_by_hand")
	}
	if err := d.stamp(ctx); err != nil {
		return nil, err
	}
	return d.Stamps(ctx)
}

// stamp is Stamp for whoever has more to do: it asks nobody where nobody can be asked.
func (d *Desk) stamp(ctx context.Context) error {
	d.stamping.Lock()
	defer d.stamping.Unlock()
	services, err := d.db.StampServices(ctx)
	if err != nil || len(services) == 0 || d.cfg.Hand {
		return err
	}
	kept, err := d.db.Stamps(ctx)
	if err != nil {
		return err
	}
	number, note, err := d.toStamp(ctx, kept)
	if err != nil || number == 0 {
		return err
	}
	var all errgroup.Group
	for _, s := range services {
		if stampedBy(kept, number, s.ID) {
			continue
		}
		all.Go(func() error { return d.stampBy(ctx, s, number, note) })
	}
	return all.Wait()
}

// toStamp gives the newest edition and the checkpoint that it left; 0 while there is none,
// or another is on its way into the log. All services stamp the same bytes of one edition.
func (d *Desk) toStamp(ctx context.Context, kept []deskdb.Stamp) (number int, note []byte, err error) {
	d.publishing.Lock()
	defer d.publishing.Unlock()
	approved, err1 := d.db.Proposals(ctx, deskdb.Approved)
	now, err2 := d.edition()
	cp, err3 := d.checkpoint()
	if err := errors.Join(err1, err2, err3); err != nil || len(approved) > 0 || now.number == 0 {
		return 0, nil, err
	}
	for _, k := range kept {
		if k.Edition == now.number {
			return now.number, k.Note, nil
		}
	}
	return now.number, cp.Raw, nil
}

// stampBy asks one service. That it gives no stamp is noted, and no error.
func (d *Desk) stampBy(ctx context.Context, s deskdb.StampService, number int, note []byte) error {
	response, err := d.ask(ctx, s, note)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		d.cfg.Diary.Warn("a service gave no time stamp", "fault", faultKey(err))
		return d.db.StampFailed(ctx, s.ID, err)
	}
	d.crash("stamp: answered")
	err = d.db.KeepStamp(ctx, deskdb.Stamp{Edition: number, RootsID: s.ID, Note: note, Response: response, Roots: s.Roots})
	d.crash("stamp: kept")
	return err
}

// ask asks over the desk's own road. A question in the clear tells whoever carries it the hash
// that the collective publishes later, and so whose desk asked: it goes through Tor or not at all.
func (d *Desk) ask(ctx context.Context, s deskdb.StampService, note []byte) ([]byte, error) {
	roots, err := stamp.ParseRoots(s.Roots)
	if err != nil {
		return nil, err
	}
	u, err := url.Parse(s.URL)
	if err != nil {
		return nil, err
	}
	if stamp.Plain(s.URL) && !d.cfg.Tor && !onion.Is(u.Hostname()) && !onion.Loopback(u.Hostname()) {
		return nil, fault.Forbidden("desk.stamp_plain", s.URL)
	}
	response, _, err := stamp.Ask(ctx, d.cfg.HTTP, s.URL, note, roots, d.cfg.Now())
	return response, err
}

// unpublishedStamps gives what the next edition takes in of stamps.
func (d *Desk) unpublishedStamps(ctx context.Context) ([]site.TimeStamp, error) {
	kept, err := d.db.Stamps(ctx)
	var all []site.TimeStamp
	for _, k := range kept {
		all = append(all, site.TimeStamp(k))
	}
	return all, err
}

// notePublic notes what of the desk's an edition made public, from what is really there.
func (d *Desk) notePublic(ctx context.Context, p deskdb.Proposal) error {
	kept, err := d.db.Stamps(ctx)
	if err != nil {
		return err
	}
	for _, k := range kept {
		b, err := os.ReadFile(filepath.Join(d.Tree(), filepath.FromSlash(edition.StampPath(k.Edition, k.RootsID))))
		if errors.Is(err, fs.ErrNotExist) {
			continue // it came after the edition was staged
		}
		if err != nil {
			return err
		}
		if bytes.Equal(b, k.Response) {
			if err := d.db.StampPublished(ctx, k.Edition, k.RootsID); err != nil {
				return err
			}
		}
	}
	return d.noteAnchored(ctx, p)
}
