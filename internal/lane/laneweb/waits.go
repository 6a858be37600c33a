package laneweb

import (
	"context"
	"strconv"
	"strings"

	"kua/internal/lane"
	"kua/internal/page"
)

// waits says of each assignment what its authority could not be told so far,
// since when, and why: whoever waits for an answer must not wait in vain.
func (w *Web) waits(ctx context.Context, b base, r lane.Request, parts []part) error {
	all, err := w.lane.Deliveries(ctx, r.ID)
	if err != nil {
		return err
	}
	for i, a := range r.Assignments {
		for _, d := range all {
			if d.Assignment != a.Number || !d.Waiting && !d.Stopped || d.Why == nil {
				continue
			}
			message, _ := page.Fault(w.cat, b.Lang, d.Why)
			key := "laneweb.waits.news"
			if a.State == lane.Routed {
				key = "laneweb.waits.tried"
			}
			if d.Stopped {
				key = "stopped.waits"
			}
			parts[i].Waits = strings.TrimSpace(b.T(key, b.Lang.Date(string(d.Since)), d.Tries, message))
			break // what came later waits for it
		}
	}
	return nil
}

// stopped lists reports of which a letter is not tried any more, for the collective.
func (w *Web) stopped(v *visit, b base, at string) (all []queued, err error) {
	found, err := w.lane.Stopped(v.Context(), 0, queueShown)
	for _, d := range found {
		message, hint := page.Fault(w.cat, b.Lang, d.Why)
		said := b.T("stopped.one", d.Request, b.Lang.Date(string(d.Since)), d.Tries, message)
		all = append(all, queued{ID: d.Request, Href: b.At(at + "/" + strconv.FormatInt(d.Request, 10)), Words: said, Day: hint})
	}
	return all, err
}
