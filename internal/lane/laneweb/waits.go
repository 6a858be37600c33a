package laneweb

import (
	"context"
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
			if d.Assignment != a.Number || !d.Waiting || d.Why == nil {
				continue
			}
			message, _ := page.Fault(w.cat, b.Lang, d.Why)
			key := "laneweb.waits.news"
			if a.State == lane.Routed {
				key = "laneweb.waits.tried"
			}
			parts[i].Waits = strings.TrimSpace(b.T(key, b.Lang.Date(string(d.Since)), d.Tries, message))
			break // what came later waits for it
		}
	}
	return nil
}
