package site

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"kua/internal/fault"
	"kua/internal/record"
	"kua/internal/watch"
)

func timeline(t *testing.T, events []watch.Event, still ...watch.Here) []byte {
	t.Helper()
	b, err := watch.Public{Kind: "kua timeline", Events: events, Still: still}.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestCopies publishes what became of a record's copies on its page, keeps it over
// later editions, renders no other record for it, and bounds it.
func TestCopies(t *testing.T) {
	p := newPublisher(t)
	rs := records(p.c, 1, 3)
	p.publish(rs...)
	first, third := rs[0].ID, rs[2].ID
	page := func(id string) string { return p.page("en" + recordAddress(id, 1)) }
	before := page(third)
	publish := func(copies []byte, changes ...Change) error {
		in := p.input(changes...)
		in.Fates = copies
		if _, err := p.update(in); err != nil {
			return err
		}
		p.size += uint64(len(changes)) + 1
		p.made = p.made.Add(time.Hour)
		return Apply(p.overlay(), p.tree())
	}
	events := []watch.Event{
		{Day: "2026-11-22", Record: first, Kind: "youtube", URL: "https://www.youtube.com/watch?v=abcdef12345", Result: "removed", Reason: "inappropriate"},
		{Day: "2026-11-23", Record: first, Kind: "mirror", URL: "https://mirror.example.net", Result: "blocked", Phase: "freeze", Bytes: 16001},
		{Day: "2026-11-24", Record: first, Kind: "vk", URL: "https://vk.example/wall1", Result: "removed"},
		{Day: "2026-11-24", Record: "999999", Kind: "vk", URL: "https://vk.example/wall2", Result: "removed"}, // no record of this edition
	}
	doc := timeline(t, events, watch.Here{Record: first, Kind: "archive", URL: "https://archive.example/x", Seen: "2026-11-24"})
	if err := publish(doc); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		html := page(first)
		for _, want := range []string{"Copies elsewhere", "removed there (inappropriate)", "blocked (freeze@16001)", "removed there (no reason given)", `href="https://archive.example/x" rel="noreferrer"`} {
			if !strings.Contains(html, want) {
				t.Errorf("the page does not say %q", want)
			}
		}
		if strings.Contains(html, "wall2") {
			t.Error("the page tells of another record")
		}
		if page(third) != before {
			t.Error("another record's page changed")
		}
		// A later edition without news keeps what was told.
		rs[1] = next(t, rs[1], func(r *record.Record) { r.Correction = texts(newRand(2), r.Languages, 5) })
		if err := publish(nil, p.c.change(t, rs[1])); err != nil {
			t.Fatal(err)
		}
	}
	if got := p.page("data/fates.json"); got != string(doc) {
		t.Errorf("data/fates.json = %s", got)
	}

	var many []watch.Event
	for n := range 400 {
		many = append(many, watch.Event{Day: "2026-11-25", Record: first, Kind: "page", URL: fmt.Sprintf("https://copy.example/%03d/%s", n, strings.Repeat("a", 200)), Result: "removed"})
	}
	if err := publish(timeline(t, many)); err != nil {
		t.Errorf("many copies: %v", err)
	}
	for _, bad := range []string{"{}", `{"events":[{"day":"2026-11-25","kind":"page","record":"000001","result":"removed","url":"javascript:alert(1)"}],"kind":"kua timeline","still":[]}`} {
		if err := publish([]byte(bad)); !errors.Is(err, fault.Invalid("watch.not_timeline")) {
			t.Errorf("%s: %v", bad, err)
		}
	}
}
