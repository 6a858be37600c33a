package deskweb

import (
	"context"

	"kua/internal/fault"
	"kua/internal/spread"
)

// letterView is the one letter that would go to a list, whole.
type letterView struct {
	frame
	Channel          spread.Channel
	Number           int // of records that it tells of
	Shown            spread.Message
	Digest           string
	Error, ErrorHint string
}

func letterPage(v *visit) error { return v.showLetter(nil) }

func (v *visit) showLetter(wrong error) error {
	ctx, id := v.r.Context(), v.number("id")
	view := letterView{frame: v.frame("publish", v.t("spread.letter.title"))}
	m, n, err := v.desk.Gathered(ctx, id)
	if err != nil {
		return err
	}
	channels, err := v.desk.Channels(ctx)
	if err != nil {
		return err
	}
	for _, c := range channels {
		if c.ID == id {
			view.Channel = c
		}
	}
	view.Shown, view.Number, view.Digest = m, n, m.Digest()
	if wrong != nil {
		view.Error, view.ErrorHint = view.Fault(wrong)
		v.w.WriteHeader(statusOf(wrong))
	}
	return v.show("letter", view)
}

// sendLetter sends what was looked at.
func sendLetter(v *visit) error {
	id, seat := v.number("id"), v.seat
	m, _, err := v.desk.Gathered(v.r.Context(), id)
	if err != nil {
		return err
	}
	if v.form("digest") != m.Digest() {
		return v.showLetter(fault.Conflict("spread.gather_changed"))
	}
	v.app.run("letter", seat.Name(), func(ctx context.Context, _ func(func(*errand))) (any, error) {
		return seat.SendGathered(ctx, id, m.Digest())
	})
	return v.to("/spread")
}
