package desk

import (
	"bytes"
	"io"
	"strings"

	"kua/internal/canon"
	"kua/internal/card"
	"kua/internal/locale"
	"kua/internal/record"
	"kua/internal/site"
	"kua/internal/spread"
)

// shareCard draws the card that goes with a message, its code leading where the
// message's first link leads. It is drawn anew for every look and is the same
// each time, so that what a person confirmed is what goes out; of a corrected
// record it is another, and the outbox takes the old one away.
func (d *Desk) shareCard(r record.Record, m spread.Message) (spread.File, error) {
	cards, err := card.New(d.cat)
	if err != nil {
		return spread.File{}, err
	}
	tag := locale.Tag(m.Language)
	at := strings.TrimSuffix(m.Links[0].URL, "/"+tag.Path()+site.Address(r.ID))
	b, err := cards.PNG(card.Subject{Record: r, Collective: d.Charter().Name, Address: at}, tag)
	if err != nil {
		return spread.File{}, err
	}
	sum, size := canon.Hash(b), int64(len(b))
	return spread.File{
		What: spread.Card, Name: r.ID + "." + tag.Path() + ".png", Type: "image/png", SHA256: sum, Size: size, Width: card.Width, Height: card.Height,
		Open: func() (io.ReadCloser, error) {
			return spread.Checked(io.NopCloser(bytes.NewReader(b)), sum, size), nil
		},
	}, nil
}
