package desk

import (
	"bytes"
	"context"
	"io"
	"slices"
	"strings"
	"testing"

	"kua/internal/casefile"
	"kua/internal/spread"
)

// TestCardGoesAlong gives a channel the card that it may carry, the same at every
// look; a correction changes the card, so the old one is taken away before the new
// one goes.
func TestCardGoesAlong(t *testing.T) {
	ctx := context.Background()
	x := newSpreader(t, photo(t))
	var err error
	x.channel, err = x.s.AddChannel(ctx, spread.Channel{Kind: "made-up", Name: "Cards", Place: "@cards", Languages: []string{"ru"}, Carries: []string{spread.Card}}, []byte(channelSecret))
	ok(t, err)
	ok(t, x.s.TurnChannel(ctx, x.channel, true))
	first := x.post()
	m, err := x.d.Message(ctx, first.ID)
	ok(t, err)
	f, found := m.Of(spread.Card)
	if !found || len(m.Files) != 1 || f.Name != "000001.ru.png" || f.Type != "image/png" {
		t.Fatalf("the message has the files %+v", m.Files)
	}
	in, err := f.Open()
	ok(t, err)
	b, err := io.ReadAll(in)
	ok(t, err)
	if !bytes.HasPrefix(b, []byte("\x89PNG")) || int64(len(b)) != f.Size || !strings.HasSuffix(m.Links[0].URL, "/ru/r/0000/000001.html") {
		t.Errorf("the card has %d bytes, its message leads to %s", len(b), m.Links[0].URL)
	}
	if out := x.spread(); out.Sent != 1 {
		t.Errorf("Spread = %+v", out)
	}
	x.p.saw(t)

	x.correct(func(d *casefile.Draft) { d.Title["ru"] = "Другое название" })
	x.spread()
	posts, err := x.d.Posts(ctx, "000001")
	ok(t, err)
	for _, p := range posts {
		if p.State == spread.Waiting {
			x.confirm(p.ID)
		}
	}
	x.spread()
	var acts []spread.Act
	for _, s := range x.p.saw(t) {
		acts = append(acts, s.Act)
		if s.Act == spread.Send && slices.Contains(s.Files, f.SHA256) {
			t.Error("the old card went out again")
		}
	}
	if !slices.Equal(acts, []spread.Act{spread.Delete, spread.Send}) {
		t.Errorf("after a correction the platform was told %v", acts)
	}
}
