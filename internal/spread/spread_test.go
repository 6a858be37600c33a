package spread_test

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"kua/internal/fault"
	"kua/internal/record"
	"kua/internal/spread"
)

func TestText(t *testing.T) {
	m := spread.Message{Record: "000001", Title: "Title", Summary: "one two three\nfour", Links: []spread.Link{{Words: "Here:", URL: "https://kua.example.org/1"}}}
	links := "Here: https://kua.example.org/1"
	for limit, want := range map[int]string{
		1000: "Title\n\none two three\nfour\n\n" + links, 52: "Title\n\none two…\n\n" + links, 40: "Title\n\n" + links, 38: "Title\n\n" + links, 37: "",
	} {
		got, err := m.Text(limit, utf8.RuneCountInString)
		if got != want || (want == "") != errors.Is(err, fault.Invalid("spread.no_room")) {
			t.Errorf("in %d: %q, %v; want %q", limit, got, err, want)
		}
	}
}

func FuzzText(f *testing.F) {
	f.Add("Title", "one two\x00 😀", 40)
	f.Fuzz(func(t *testing.T, title, summary string, limit int) {
		m := spread.Message{Title: title, Summary: summary, Links: []spread.Link{{Words: "L", URL: "https://kua.example.org/"}}}
		text, err := m.Text(limit, utf8.RuneCountInString)
		if err == nil && (utf8.RuneCountInString(text) > limit || !strings.HasSuffix(text, m.Links[0].URL) || !strings.HasPrefix(text, strings.TrimSpace(title))) {
			t.Errorf("in %d: %q", limit, text)
		}
	})
}

// TestBack: what was taken back while it was being sent is not sent, is taken away
// where it stands, and is asked for where nobody knows.
func TestBack(t *testing.T) {
	now := time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC)
	failure := func(o spread.Outcome) error {
		return &spread.Failure{Outcome: o, Err: fault.Later("spread.cut_off")}
	}
	for _, test := range []struct {
		name string
		act  spread.Act
		err  error
		want spread.State
		then spread.Act
	}{
		{"sent", spread.Send, nil, spread.Queued, spread.Delete},
		{"not done", spread.Send, failure(spread.NotDone), spread.Withdrawn, spread.Send},
		{"refused", spread.Send, failure(spread.Refused), spread.Withdrawn, spread.Send},
		{"unknown", spread.Send, failure(spread.Unknown), spread.Uncertain, spread.Send},
		{"other words", spread.Edit, nil, spread.Queued, spread.Delete},
		{"other words, not done", spread.Edit, failure(spread.NotDone), spread.Withdrawn, spread.Edit},
		{"other words, unknown", spread.Edit, failure(spread.Unknown), spread.Queued, spread.Delete},
	} {
		p := spread.Post{Act: test.act, State: spread.Sending, Tries: 1}
		if got := p.Stopped(spread.Remote{ID: "7"}, test.err, now).Back(now); !p.TakenBack() || got.State != test.want || got.Act != test.then {
			t.Errorf("%s: %+v, want %s, to %s", test.name, got, test.want, test.then)
		}
	}
	p := spread.Post{Act: spread.Send, State: spread.Sending, Tries: 3, Cleared: "Aigul"}.Stopped(spread.Remote{}, failure(spread.NotDone), now)
	if p.TakenBack() || p.State != spread.Queued || p.Tries != 2 || !p.Next.Equal(now) || !errors.Is(p.Fault, fault.Later("spread.stopped")) {
		t.Errorf("stopped it is %+v", p)
	}
}

// TestAfter: only what is known not to have happened goes again by itself.
func TestAfter(t *testing.T) {
	now := time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC)
	why := fault.Later("spread.cut_off")
	cut := errors.New("who knows")
	failure := func(o spread.Outcome) error { return &spread.Failure{Outcome: o, Err: why} }
	for _, test := range []struct {
		name  string
		act   spread.Act
		tries int
		err   error
		want  spread.State
	}{
		{"sent", spread.Send, 1, nil, spread.Sent},
		{"taken away", spread.Delete, 1, nil, spread.Withdrawn},
		{"not done", spread.Send, 1, failure(spread.NotDone), spread.Queued},
		{"not done too often", spread.Send, spread.MaxTries, failure(spread.NotDone), spread.Failed},
		{"refused", spread.Send, 1, failure(spread.Refused), spread.Failed},
		{"unknown", spread.Send, 1, failure(spread.Unknown), spread.Uncertain},
		{"no failure at all", spread.Send, 1, cut, spread.Uncertain},
		{"words, unknown", spread.Edit, 1, cut, spread.Queued},
		{"away, unknown", spread.Delete, 1, failure(spread.Unknown), spread.Queued},
		{"away, unknown too often", spread.Delete, spread.MaxTries, cut, spread.Failed},
	} {
		p := spread.Post{Act: test.act, State: spread.Sending, Tries: test.tries, Cleared: "Aigul"}.After(spread.Remote{ID: "7"}, test.err, now)
		if p.State != test.want || (p.State == spread.Queued) != p.Next.After(now) || (p.Fault != nil) != (test.err != nil) {
			t.Errorf("%s: %+v, want %s", test.name, p, test.want)
		}
	}
	if pause, ok := spread.Again(1, 1000*time.Hour); !ok || pause != 24*time.Hour {
		t.Errorf("asked for weeks it waits %s, %t", pause, ok)
	}
	if pause, _ := spread.Again(3, time.Second); pause != 5*time.Minute {
		t.Errorf("the third pause is %s", pause)
	}
}

func TestChoose(t *testing.T) {
	sum := func(c string) string { return strings.Repeat(c, 64) }
	r := record.Record{ID: "000001", Title: record.Text{"kk": "x", "ru": "y"}, Languages: []string{"kk", "ru"}, Media: []record.Media{
		{ID: "1", Type: "photo", Files: []record.File{{Rung: "webp", Type: "image/webp", SHA256: sum("1")}, {Rung: "jpeg", Type: "image/jpeg", SHA256: sum("2")}}},
		{ID: "2", Type: "film", Poster: &record.File{Type: "image/jpeg", SHA256: sum("3")}, Files: []record.File{
			{Rung: "144p", Type: "video/mp4", SHA256: sum("4"), Size: 1}, {Rung: "240p", Type: "video/mp4", SHA256: sum("5"), Size: 2}, {Rung: "audio", Type: "audio/mp4", SHA256: sum("6")}}},
	}}
	sums := func(c spread.Channel, r record.Record) string {
		var all []string
		for _, f := range spread.Choose(c, r) {
			all = append(all, f.What+f.SHA256[:1])
		}
		return strings.Join(all, " ")
	}
	everything := spread.Channel{Carries: spread.Carries(), Languages: []string{"en", "ru"}}
	for want, got := range map[string]string{
		"film5 poster3": sums(everything, r), "poster3": sums(spread.Channel{Carries: []string{spread.Poster}}, r), "": sums(spread.Channel{}, r),
		"poster2": sums(everything, record.Record{ID: "000001", Media: r.Media[:1]}),
	} {
		if got != want {
			t.Errorf("it carries %q, want %q", got, want)
		}
	}
	if l, err := spread.Language(everything, r); l != "ru" || err != nil {
		t.Errorf("Language = %q, %v", l, err)
	}
	if _, err := spread.Language(spread.Channel{Languages: []string{"tg"}}, r); !errors.Is(err, fault.Conflict("spread.no_language")) {
		t.Errorf("without a common language: %v", err)
	}
}

func TestChecked(t *testing.T) {
	sum := sha256.Sum256([]byte("the edition's"))
	for text, want := range map[string]bool{"the edition's": true, "the edition'x": false, "the edition": false, "the edition's and more": false, "": false} {
		b, err := io.ReadAll(spread.Checked(io.NopCloser(strings.NewReader(text)), hex.EncodeToString(sum[:]), 13))
		if (err == nil) != want || want && string(b) != text {
			t.Errorf("%q gives %q, %v", text, b, err)
		}
	}
}

func TestValidate(t *testing.T) {
	good := spread.Channel{Name: "News", Place: "@news", Languages: []string{"uz", "uz-Cyrl"}, Carries: []string{spread.Film}}
	if err := good.Validate(); err != nil {
		t.Error(err)
	}
	for what, spoil := range map[string]func(*spread.Channel){
		"name":     func(c *spread.Channel) { c.Name = strings.Repeat("x", 61) },
		"place":    func(c *spread.Channel) { c.Place = "" },
		"language": func(c *spread.Channel) { c.Languages = []string{"../ru"} },
		"none":     func(c *spread.Channel) { c.Languages = nil },
		"carries":  func(c *spread.Channel) { c.Carries = []string{"original"} },
	} {
		c := good
		spoil(&c)
		if err := c.Validate(); !errors.Is(err, fault.Invalid("spread.channel_unfit")) {
			t.Errorf("a wrong %s: Validate = %v", what, err)
		}
	}
}

// TestDigest: whatever a person confirmed, if it changes it asks for another word.
func TestDigest(t *testing.T) {
	m := spread.Message{Record: "000001", Version: 1, Language: "ru", Title: "t", Summary: "s", Links: []spread.Link{{Words: "w", URL: "u"}}, Files: []spread.File{{SHA256: "a"}}}
	seen := map[string]bool{m.Digest(): true}
	for _, change := range []func(*spread.Message){
		func(m *spread.Message) { m.Version = 2 }, func(m *spread.Message) { m.Title = "T" }, func(m *spread.Message) { m.Summary = "" }, func(m *spread.Message) { m.Language = "kk" },
		func(m *spread.Message) { m.Links = []spread.Link{{Words: "w", URL: "v"}} }, func(m *spread.Message) { m.Files = []spread.File{{SHA256: "b"}} }, func(m *spread.Message) { m.Files = nil },
	} {
		next := m
		change(&next)
		if seen[next.Digest()] {
			t.Errorf("%+v has a digest that another has", next)
		}
		seen[next.Digest()] = true
	}
}
